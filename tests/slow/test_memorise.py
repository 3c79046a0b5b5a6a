"""Sixteen real chains, trained until they are known by heart: wrong slots, masks, alignment, loss, geometry or hand
anywhere would show."""

import csv
import json
from pathlib import Path

import pytest

from proteinmtp.base.files import text_sha256
from proteinmtp.tables.metrics import METRICS

from ..support.project import copy_project

CHAINS = 16
LENGTHS = range(50, 129)
HEADS = ("distance", "distogram", "frames")
STEPS = 2000
LEAST, LEAST_OF_THE_BEST = 0.85, 0.95
"""Mean TM-scores: of each head, and of the best of them."""


def choose(shared: Path) -> list[Path]:
    """Return the files of the chains whose name has the smallest hash."""
    with (shared / "chains_index.csv").open(encoding="utf-8") as handle:
        files = [row["file"] for row in csv.DictReader(handle) if int(row["length"]) in LENGTHS]
    return [shared / name for name in sorted(files, key=text_sha256)[:CHAINS]]


@pytest.mark.slow
def test_sixteen_real_chains_are_learned_by_heart(root: Path, shared: Path, tmp_path: Path):
    folder = tmp_path / "structures"
    folder.mkdir()
    for path in choose(shared):
        (folder / path.name).symlink_to(path.resolve())
    project = copy_project(root, tmp_path / "project")
    project.configure(
        {
            "source": {"kind": "directory", "directory": {"path": str(folder)}},
            "parse": {"shards": 1, "max_length": 128},
            "split": {"method": "memorise"},
            "defaults": {"train": {"steps": STEPS, "batch_size": 8, "lr": 0.002, "threads": 1, "validate_every": 200}},
            "runs": [{"name": head, "head": {"kind": head}} for head in HEADS],
            "report": {"bootstrap_samples": 100},
        }
    )
    done = project.snakemake(timeout=3000)
    assert done.returncode == 0, done.stdout[-4000:]
    results = project.folder / "results"
    runs = json.loads((results / "report" / "summary.json").read_text())["runs"]
    scores = {head: runs[head]["tm_score"] for head in HEADS}
    wrong = {head: wrong_hands(results, head) for head in HEADS}
    print(json.dumps(scores, indent=1), f"wrong mirror images: {wrong}")
    assert all(score["n"] == CHAINS for score in scores.values())
    assert not any(wrong.values())
    assert all(score["mean"] >= LEAST for score in scores.values())
    assert max(score["mean"] for score in scores.values()) >= LEAST_OF_THE_BEST


def wrong_hands(results: Path, run: str) -> list[str]:
    """Return the chains of the right fold whose mirror image would have been closer to the experiment."""
    rows = list(METRICS.read(results / "runs" / run / "metrics.parquet"))
    assert len(rows) == CHAINS
    return [row.chain_id for row in rows if row.scores["mirrored"] == 1]
