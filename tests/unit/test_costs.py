"""What stages cost, read from the tables of Snakemake."""

from pathlib import Path

import pytest

from proteinmtp.tables.benchmarks import LATER, STAGES, CostRow, read_costs

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"


def benchmark(folder: Path, name: str, *rows: tuple[object, object, object]) -> None:
    """Write a table as Snakemake does; rows are wall time, greatest memory, processor time."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{seconds}\t0:00:01\t{memory}\t1\t1\t1\t0\t0\t9\t{cpu}" for seconds, memory, cpu in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")


def test_times_of_jobs_are_added_and_of_memory_the_greatest_counts(tmp_path: Path):
    benchmark(tmp_path, "reconstruct/slots/000.tsv", (10.5, 300, 9))
    benchmark(tmp_path, "reconstruct/slots/001.tsv", (2.5, 500, 2))
    benchmark(tmp_path, "reconstruct/coords.tsv", (7, 400, 6))
    assert read_costs(tmp_path) == [
        CostRow(stage="reconstruct", jobs=3, seconds=20, longest=10.5, cpu_seconds=17, max_rss_mb=500)
    ]


@pytest.mark.parametrize("unknown", ["NA", "-", "", "nan", "-1"])
def test_what_was_not_measured_is_none(unknown: str, tmp_path: Path):
    benchmark(tmp_path, "split/split.tsv", (0.4, unknown, unknown))
    assert read_costs(tmp_path) == [
        CostRow(stage="split", jobs=1, seconds=0.4, longest=0.4, cpu_seconds=None, max_rss_mb=None)
    ]


@pytest.mark.parametrize(
    "content", [b"", b"s\th:m:s\n", HEADER.encode()[:9], b"\xff\xfe\x00", b"some\ttext\nof\tother"]
)
def test_a_table_that_a_killed_job_left_is_passed_over(content: bytes, tmp_path: Path):
    benchmark(tmp_path, "train/slots.tsv", (5, 1, 1))
    (tmp_path / "train" / "broken.tsv").write_bytes(content)
    (tmp_path / "predict").mkdir()
    (tmp_path / "predict" / "000.tsv").write_bytes(content)
    assert [(row.stage, row.jobs) for row in read_costs(tmp_path)] == [("train", 1)]


def test_without_a_folder_there_are_no_costs(tmp_path: Path):
    assert read_costs(tmp_path / "benchmarks") == []


def test_stages_come_in_the_order_of_the_data_and_others_after_them_by_name(tmp_path: Path):
    for stage in ("zeta", "train", "alpha", "parse"):
        benchmark(tmp_path, f"{stage}/000.tsv", (1, 1, 1))
    assert [row.stage for row in read_costs(tmp_path)] == ["parse", "train", "alpha", "zeta"]


def test_every_stage_of_the_workflow_has_its_place(root: Path):
    assert {path.stem for path in (root / "pipeline").glob("[!_]*.py")} == {*STAGES, *LATER}
