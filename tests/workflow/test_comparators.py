import json
from pathlib import Path

import numpy as np
import pytest

from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.split import read_subset

from ..support.project import NULLS, Project, write_demo_files
from ..support.traces import random_trace, write_trace


@pytest.mark.slow
def test_predictions_from_elsewhere_stand_beside_runs_and_nulls(finished: Project, tmp_path: Path):
    """The demo's own structures as predictions: a perfect score, but for one that is missing and one that is bad."""
    results = finished.folder / "results"
    tested = read_subset(results / "data/split.parquet", "test")
    chains = CHAINS.read(*(results / "data/chains").glob("*.parquet"))
    scored = sorted(chain.entry_id for chain in chains if chain.chain_id in tested)
    folder = tmp_path / "elsewhere"
    write_demo_files(folder, 2, 8)
    others = {path.name for path in folder.iterdir() if path.name.partition(".")[0] not in scored}
    gone, bad = (next(folder.glob(f"{name}.*")) for name in scored[:2])
    gone.unlink()
    bad.write_text("ATOM  what is this\n")
    write_trace(folder / "stranger.pdb", "MKVLA" * 10, random_trace(50, 0))
    finished.configure({"comparators": [{"name": "perfect", "folder": str(folder), "description": "the answer"}]})
    done = finished.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]

    scores = json.loads((results / "report/summary.json").read_text())["runs"]
    assert set(scores) == {"distance", "system", "perfect", *NULLS}
    assert scores["perfect"]["tm_score"]["n"] == scores["distance"]["tm_score"]["n"] - 2 == len(scored) - 2 > 0
    assert scores["perfect"]["tm_score"]["mean"] == pytest.approx(1, abs=1e-4)
    assert scores["perfect"]["mae"]["mean"] == pytest.approx(0, abs=0.02)
    listing = json.loads((results / "runs/perfect/comparator.json").read_text())
    assert {item["file"] for item in listing["unmatched"]} == {bad.name, "stranger.pdb", *others}
    assert len(listing["missing"]) == 2
    html = (results / "report/index.html").read_text(encoding="utf-8")
    assert '<section id="comparators"' in html and "the answer" in html and "stranger.pdb" in html
    rows = [row for row in METRICS.read(results / "report/metrics.parquet") if row.run == "perfect"]
    assert all(np.isfinite(row.stress) and row.mirror_margin is not None for row in rows)

    finished.configure({"comparators": [{"name": "perfect", "folder": str(tmp_path / "gone")}]})
    planned = finished.snakemake("-n")
    assert planned.returncode and "comparators (perfect).folder" in planned.stdout
