"""ProteinMTP: from protein sequence to structure with slot tokens on a language model.

What is public is named here, with its types in `__init__.pyi`. It is imported when it is asked for: torch takes
seconds, and no stage runs again because something public was edited that it does not use.

>>> import proteinmtp
>>> model = proteinmtp.load("results/runs/slots")
>>> found = model.fold(["MKVLAAGIVALLLAACSSNKEV"])
>>> found[0].write("out.cif")
>>> proteinmtp.score("out.cif", "out.cif").scores["rmsd"] < 1e-6
True
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

# With vectors of 512 bits torch gives a chain other bits in other company. It reads this before its first computation.
_PROCESSOR = Path("/proc/cpuinfo")
if _PROCESSOR.is_file() and "avx512" in _PROCESSOR.read_text(encoding="utf-8", errors="replace"):
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")

_PUBLIC = {
    "FileScores": (".tables.file_scores", "FileScores"),
    "Folded": (".folding.model", "Folded"),
    "Model": (".folding.hub", "Model"),
    "load": (".folding.hub", "load"),
    "score": (".scoring.files", "score_files"),
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:  # Any: whatever is public
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(import_module(module, __name__), attribute)
