"""A report on made-up scores and traces, as the stage writes it; every text in it is hostile."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from pipeline import report
from proteinmtp.base.metrics import METRICS_SHOWN
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.tables import triangle
from proteinmtp.tables.folded import FoldSummary
from proteinmtp.tables.history import HISTORY, HistoryRow
from proteinmtp.tables.metrics import METRICS, MetricsRow
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.quarantine import QUARANTINE, QuarantineRow
from proteinmtp.tables.relatives import RELATIVES, RelativeRow
from proteinmtp.tables.saved_files import SavedRun
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT, SUBSETS, SplitRow
from proteinmtp.tables.split_summary import SplitSummary
from proteinmtp.tables.views import VIEWS, ViewRow

from .score_rows import metrics_row

EVIL = "</script><script>window.owned='text'</script>\"'><img src=x onerror=\"window.owned=1\">`${window.owned=1}`"
"""Where it is taken for anything but text, the page has a variable `owned`."""
NULLS = ("null_helix", "null_neighbours", "null_separation")
RUNS = ("distance", "coords", *NULLS)
CLAIMS = [
    {"name": "distance", "question": f"Which? {EVIL}", "hypothesis": f"This. {EVIL}", "against": "null_separation"},
    {"name": "coords", "hypothesis": "Less error.", "against": "distance", "metric": "mae", "head": {"kind": "coords"}},
]
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def lengths(n: int) -> list[int]:
    """Return the lengths of so many chains: from 94 residues on, each one residue longer."""
    return [94 + at for at in range(n)]


def ids(n: int) -> list[str]:
    """Return the ids of so many chains."""
    return [f"c{at}{EVIL}" for at in range(n)]


def metrics_of(run: str, chains: Sequence[str], mae: float) -> list[MetricsRow]:
    return [
        metrics_row(
            chain,
            run=run,
            cluster_id=f"k{at // 2}{EVIL}",
            length=length,
            observed=length - 1,
            scores={m.name: mae + 0.01 * at if m.lower_is_better else 1 / (1 + mae + 0.01 * at) for m in METRICS_SHOWN},
            profiles=_profiles(mae, length - 1),
            confidence=np.resize([20.0, 40.0, 90.0], length - 1) if run == "distance" else None,
        )
        for at, (chain, length) in enumerate(zip(chains, lengths(len(chains)), strict=True))
    ]


def _profiles(mae: float, observed: int) -> dict[str, np.ndarray]:
    return {
        "mae_by_separation": np.array([1.0, 2.0, 3.0, np.nan, np.nan, np.nan]),
        "mae_by_distance": np.array([mae] * 7),
        "lddt_residues": np.resize([0.1, 0.5, 0.9], observed),
        "lddt_distances_residues": np.resize([0.2, 0.4, 0.9], observed),
    }


def view_of(run: str, chain: str, length: int) -> ViewRow:
    """Return what is seen of a chain: a walk in space of which the third residue is not observed, and another walk."""
    rng = np.random.default_rng(length)
    native, model = (rng.normal(size=(2, length, 3)) * 2.2).cumsum(1)
    triu = triangle.pack(pairwise_distances(torch.from_numpy(model)).numpy())
    native[2] = np.nan
    says = run == "distance"
    return ViewRow(
        run=run,
        chain_id=chain,
        length=length,
        sequence="".join(RESIDUES[at % 20] for at in range(length)),
        native=native,
        model=model,
        triu=triu,
        sigma=np.sqrt(triu) if says else None,
        contact=np.where(triu < 8, 0.9, 0.05).astype(np.float16) if says else None,
        confidence=np.linspace(20, 90, length) if says else None,
    )


def history_of(run: str) -> HistoryRow:
    return HistoryRow(
        run=run, step=1, epoch=0, lr=0.1, train_loss=1.0, grad_norm=1.0, val_loss=None, val_mae=None, tokens=10,
        saved=True,
    )  # fmt: skip


def split_of(n: int) -> SplitSummary:
    return SplitSummary(
        files_in=n + 1, files_refused=1, chains_in=n, chains_parsed=n, chains_refused=0, repaired={"no_end": 1},
        method="members", leaky=True, leaky_because="Why it leaks.", notes={"chains_not_in_table": 2}, clusters=n,
        largest_cluster=2, distinct_sequences=n, subsets={"train": n, "val": 0, "test": n}, in_no_subset=3,
        clusters_crossing=0, highest_test_train_identity=0.2, highest_test_train_pair=(f"a{EVIL}", "b"),
        highest_test_train_identity_any_coverage=0.9, test_chains_with_training_hit=0,
        test_chains_above={"30%": 0, "50%": 0, "90%": 0},
    )  # fmt: skip


def relatives_of(chains: Sequence[str]) -> list[RelativeRow]:
    """Return the relatives of every second chain, each 12.34 % further than the one before, the first identical."""
    return [
        RelativeRow(chain_id=chain, nearest=f"t{at}{EVIL}", identity=max(0.2, 1 - 0.1234 * at))
        for at, chain in enumerate(chains[::2])
    ]


def pretraining_of(**values: object) -> PretrainingSummary:
    summary = PretrainingSummary(
        name="abc", objective="causal", chains=20, fasta=30_000, left_out={"relative of a chain held out": 12},
        relatives_looked_for=True, sequences=30_008, pieces=30_100, residues=5_000_000, steps=100, saved_step=80,
        validation_chains=9, validation_residues=900, perplexity=12.345, unigram_perplexity=17.89,
    )  # fmt: skip
    return summary.model_copy(update=values)


def write_report(
    folder: Path,
    n: int,
    *,
    method: str = "members",
    chains: Sequence[str] | None = None,
    opened: int | None = None,
    megabytes: float = 10.0,
    **pretraining: object,
) -> report.Outputs:
    """Report on `n` chains; each run is exactly 1 A worse in distance error than the run before it.

    Parameters:
        folder: of inputs and outputs.
        n: number of chains.
        method: of the split.
        chains: their ids, if not the usual ones.
        opened: so many of the first chains can be opened; None: all.
        megabytes: room for chains in the page.
        pretraining: what is another in the summary of pretraining.
    """
    chains = ids(n) if chains is None else chains
    for at, run in enumerate(RUNS):
        METRICS.write(folder / f"{run}.m", metrics_of(run, chains, 1.0 + at))
        shown = list(zip(chains, lengths(n), strict=True))[:opened]
        VIEWS.write(folder / f"{run}.v", [view_of(run, chain, length) for chain, length in shown])
    for run in RUNS[:2]:
        HISTORY.write(folder / f"{run}.h", [history_of(run)] if n else [])
        SavedRun(
            run=run, steps=7, saved_step=3, trained_parameters=5, parameters=10, backbone="", slot_token={}, files={}
        ).write(folder / f"{run}.json")
    pretraining_of(**pretraining).write(folder / "pretraining.json")
    HISTORY.write(folder / "pretraining.h", [history_of("abc")])
    FoldSummary(sequences="mine", run=RUNS[0], folded=31, refused=2, longest=77, confidence=54.3).write(
        folder / "fold.json"
    )
    bad = QuarantineRow(
        entry_id=f"bad{EVIL}", chain=None, stage="parse", code="unreadable", message=EVIL, source_sha256=""
    )
    QUARANTINE.write(folder / "quarantine" / "000.parquet", [bad])
    SPLIT.write(folder / "split.parquet", [_in_test(chain) for chain in chains])
    RELATIVES.write(folder / "relatives.parquet", relatives_of(chains))
    split_of(n).write(folder / "split.json")
    inputs = report.Inputs(
        metrics=tuple(folder / f"{run}.m" for run in RUNS),
        views=tuple(folder / f"{run}.v" for run in RUNS),
        history=tuple(folder / f"{run}.h" for run in RUNS[:2]),
        records=tuple(folder / f"{run}.json" for run in RUNS[:2]),
        pretraining=(folder / "pretraining.json",),
        pretraining_history=(folder / "pretraining.h",),
        comparators=(),
        folds=(folder / "fold.json",),
        quarantine=Shards(folder / "quarantine", 1),
        split=folder / "split.parquet",
        relatives=folder / "relatives.parquet",
        split_summary=folder / "split.json",
    )
    outputs = report.Outputs(
        html=folder / "report" / "index.html",
        summary=folder / "report" / "summary.json",
        table=folder / "report" / "metrics.parquet",
        csv=folder / "report" / "metrics.csv",
    )
    config = parse_config(
        {"report": {"title": f"A & B {EVIL}", "megabytes": megabytes}, "split": {"method": method}, "runs": CLAIMS}
    )
    options = report.Options(
        config=config,
        settings={entry.name: config.run(entry.name) for entry in config.runs},
        pretrained={RUNS[0]: "abc"},
        shown=[report.Shown(name=entry.name, description=entry.description) for entry in config.runs],
        nulls=[report.Shown(name=null, description=f"{null} knows little. {EVIL}") for null in NULLS],
        beside={"distance": list(NULLS)},
        benchmarks=str(_measured(folder / "benchmarks")),
    )
    # As the rule gives them: JSON.
    report.run(inputs, outputs, report.Options.model_validate_json(options.model_dump_json()))
    return outputs


def _in_test(chain: str) -> SplitRow:
    return SplitRow(chain_id=chain, cluster_id="k", length=94, **{name: name == "test" for name in SUBSETS})


def _measured(folder: Path) -> Path:
    """Write what Snakemake measures of a job of training."""
    (folder / "train").mkdir(parents=True, exist_ok=True)
    (folder / "train" / "distance.tsv").write_text(
        "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        "93.5\t0:01:33\t812.5\t0\t0\t0\t0\t0\t0\t150.0\n"
    )
    return folder
