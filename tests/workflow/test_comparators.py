import json
from pathlib import Path

import numpy as np
import pytest

from proteinmtp.config.whole import NULLS
from proteinmtp.config.data_ import DemoSource
from proteinmtp.tables.reader import read_subset
from proteinmtp.tables.parquet import read_all, read_rows
from proteinmtp.structures.synthetic import write_demo

from ..support.project import Project
from ..support.traces import random_trace, write_trace


def test_predictions_from_elsewhere_stand_beside_runs_and_nulls(finished: Project, tmp_path: Path):
    """The demo's own structures as predictions: a perfect score, but for one that is missing and one that is bad."""
    results = finished.folder / "results"
    scored = sorted(row["entry_id"] for row in read_all((results / "data/chains").glob("*.parquet"))
                    if row["chain_id"] in read_subset(results / "data/split.parquet", "test"))  # fmt: skip
    folder = tmp_path / "elsewhere"
    write_demo(DemoSource(families=2, members=8), 0, folder, tmp_path / "files.json")
    others = {path.name for path in folder.iterdir() if path.name.partition(".")[0] not in scored}
    gone, bad = (next(folder.glob(f"{name}.*")) for name in scored[:2])
    gone.unlink()
    bad.write_text("ATOM  what is this\n")
    write_trace(folder / "stranger.pdb", "MKVLA" * 10, random_trace(50, 0))
    finished.configure({"comparators": [{"name": "perfect", "folder": str(folder), "description": "the answer"}]})
    assert finished.planned() == {"comparator", "reconstruct", "evaluate", "report"}
    done = finished.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]

    scores = json.loads((results / "report/summary.json").read_text())["runs"]
    assert set(scores) == {"distance", "coords", "perfect", *NULLS}
    assert scores["perfect"]["tm_score"]["n"] == scores["distance"]["tm_score"]["n"] - 2 == len(scored) - 2 > 0
    assert scores["perfect"]["tm_score"]["mean"] == pytest.approx(1, abs=1e-4)
    assert scores["perfect"]["mae"]["mean"] == pytest.approx(0, abs=0.02)
    found = json.loads((results / "runs/perfect/comparator.json").read_text())
    assert {item["file"] for item in found["unmatched"]} == {bad.name, "stranger.pdb", *others}
    assert len(found["missing"]) == 2
    html = (results / "report/index.html").read_text(encoding="utf-8")
    assert "<h2>Comparators</h2>" in html and "the answer" in html and "stranger.pdb" in html
    rows = [row for row in read_rows(results / "report/metrics.parquet") if row["run"] == "perfect"]
    assert all(np.isfinite(row["stress"]) and row["mirror_margin"] is not None for row in rows)

    next(path for path in sorted(folder.iterdir())).touch()
    assert finished.planned() == set()
    stranger = folder / "stranger.pdb"
    stranger.rename(folder / "another.pdb")
    assert finished.planned() == {"comparator", "reconstruct", "evaluate", "report"}
    finished.configure({"comparators": [{"name": "perfect", "folder": str(tmp_path / "gone")}]})
    said = finished.snakemake("-n")
    assert said.returncode and "comparators (perfect).folder" in said.stdout
