from proteinmtp.folding.hub import Model, load
from proteinmtp.folding.model import Folded
from proteinmtp.scoring.files import score_files as score
from proteinmtp.tables.file_scores import FileScores

__all__ = ["FileScores", "Folded", "Model", "load", "score"]
