"""The model card: what a model learnt from, how good it is beside predictors without a model, and what it cannot do.

Every number is one of the run's own results. The text is Markdown under the metadata that the Hugging Face hub reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from importlib.resources import files as package_files

from huggingface_hub import ModelCard, ModelCardData
from jinja2 import Environment, StrictUndefined

from proteinmtp.base.metrics import TITLES
from proteinmtp.config import NULL_PREFIX, RunConfig, run_of
from proteinmtp.scoring.statistics import CHAINS_ARE_DRAWN
from proteinmtp.tables.artefact import Artefact
from proteinmtp.tables.calibration import Calibration
from proteinmtp.tables.report_summary import ReportSummary, ScoreSummary
from proteinmtp.tables.split_summary import SplitSummary

SHOWN = ("mae", "lddt", "tm_score", "gdt_ts")
JUDGED = ("lddt", "tm_score")
"""Scores that sentences speak of."""
DATA = {
    "demo": "Synthetic proteins of ProteinMTP's own demo, which nobody has rights in.",
    "rcsb": "Entries of the Protein Data Bank, which are free for all use (CC0 1.0).",
    "pdbbind": "Protein chains of PDBbind. Its terms of use say what may be done with what is made from it.",
    "directory": "Structure files from a folder. Their licence is not known to the program.",
    "bucket": "Structure files from a bucket. Their licence is not known to the program.",
}
FEW = 20
"""Chains of a test that are so few that intervals from them mean little."""
TAGS = ("proteinmtp", "protein-structure-prediction", "biology", "model_hub_mixin", "pytorch_model_hub_mixin")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the workflow found out about a run; without a finished report, nothing.

    Attributes:
        scores: the report's numbers, if this model is in it.
        split: which chains were for what.
    """

    scores: ReportSummary | None = None
    split: SplitSummary | None = None


@dataclass(frozen=True)
class _Row:
    name: str
    cells: list[str]
    chains: int


def model_card(
    artefact: Artefact,
    settings: RunConfig,
    facts: Facts,
    calibration: Calibration | None,
    *,
    licence: str | None = None,
) -> ModelCard:
    """Return the card of a model.

    Parameters:
        artefact: record of its folder.
        settings: of the run.
        facts: what is known of it.
        calibration: of its confidence.
        licence: of the model, as the hub calls it, such as `mit`; None: none is named.
    """
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = package_files(__package__).joinpath("card.md.j2").read_text(encoding="utf-8")
    run = run_of(artefact.run)
    known = facts.scores
    chains = 0 if known is None else known.runs[run][SHOWN[0]].n
    text = environment.from_string(template).render(
        run=artefact.run,
        versions=artefact.versions,
        settings=settings,
        data=DATA.get(artefact.source, f"Structures from {plain(artefact.source)}, a source of its authors."),
        demo=artefact.source == "demo",
        split=facts.split,
        chains_are_drawn=facts.split is not None and facts.split.method in CHAINS_ARE_DRAWN,
        titles=[TITLES[name] for name in SHOWN],
        known=known is not None,
        subset="" if known is None else known.subset,
        chains=chains,
        few=FEW,
        scores=[] if known is None or not chains else list(_rows(run, known)),
        standing=[] if known is None else list(_standing(run, known)),
        calibrated=0 if calibration is None else calibration.chains,
        confident=any(term.name == "confidence" for term in settings.loss.terms or ()),
        lengths={} if known is None else _lengths(run, known),
        seeds=1 if known is None else known.runs[run][SHOWN[0]].seeds,
        base=plain(artefact.base.origin),
        tuning="all weights" if settings.train.tuning == "full" else f"adapters of rank {settings.train.lora.rank}",
        held={"int8": "8 bit", "nf4": "4 bit (nf4)"}.get(_held(settings), "the precision of training"),
    )
    hub = artefact.base.kind == "hub"
    data = ModelCardData(
        base_model=artefact.base.id if hub else None,
        library_name="proteinmtp",
        license=licence,
        tags=list(TAGS),
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}")


def plain(text: str) -> str:
    """Return a text that means itself in Markdown, also in a table."""
    return escape("".join(letter if letter.isprintable() else " " for letter in text), quote=False).replace("|", "\\|")


def _held(settings: RunConfig) -> str:
    return settings.predict.quantization or settings.train.quantization


def _rows(run: str, summary: ReportSummary) -> Iterator[_Row]:
    """Yield the scores of a run, then those of the nulls that it stands beside."""
    for name in [run, *_nulls(run, summary)]:
        scores = summary.runs[name]
        cells = [_cell(scores[metric]) for metric in SHOWN]
        yield _Row(name, cells, scores[SHOWN[0]].n)


def _standing(run: str, summary: ReportSummary) -> Iterator[str]:
    """Yield a sentence for each score: what it is better than, and what it is not."""
    for metric in JUDGED:
        told = []
        for null in _nulls(run, summary):
            difference = summary.differences[run][null].get(metric)
            if difference is not None and difference.mean is not None and difference.low is not None:
                span = f"{difference.mean:+.3f} [{difference.low:.3f}, {difference.high:.3f}]"
                told.append(f"{difference.verdict or 'beside'} `{null}` ({span})")
        if told:
            yield f"{TITLES[metric]}: {'; '.join(told)}."


def _lengths(run: str, summary: ReportSummary) -> dict[str, int]:
    """Return how many test chains there are in each bin of length that has any."""
    of_bin = summary.lengths[JUDGED[0]][run]
    return {name: score.n for name, score in of_bin.items() if score.n}


def _nulls(run: str, summary: ReportSummary) -> list[str]:
    return [name for name in summary.differences.get(run, {}) if name.startswith(NULL_PREFIX) and name in summary.runs]


def _cell(score: ScoreSummary) -> str:
    if score.mean is None:
        return "–"
    return f"{score.mean:.3f}" + ("" if score.low is None else f" [{score.low:.3f}, {score.high:.3f}]")
