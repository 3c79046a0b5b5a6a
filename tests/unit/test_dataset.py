from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from proteinmtp.base.errors import DataError
from proteinmtp.tables.chains import CHAINS, read_chains
from proteinmtp.tables.intake import Intake
from proteinmtp.tables.parquet import count_rows, read_columns, read_metadata
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.split import read_subset
from proteinmtp.tables.split_summary import SplitSummary


def test_rows_come_back_as_they_were_written(tmp_path: Path):
    coords = np.arange(12, dtype=np.float32).reshape(4, 3)
    coords[1] = np.nan
    rows = [
        PredictionRow(
            chain_id=f"c{n}",
            length=4,
            triu=np.arange(6, dtype=np.float16) + n,
            confidence=None if n % 2 else np.array([1.0, 2, 3, 4]),
            coords=None if n % 3 else coords,
        )
        for n in range(150)
    ]
    PREDICTIONS.write(tmp_path / "t", rows)
    back = list(PREDICTIONS.read(tmp_path / "t"))
    assert [row.chain_id for row in back] == [row.chain_id for row in rows]
    for row, original in zip(back, rows, strict=True):
        assert np.array_equal(row.triu, original.triu)
        assert row.sigma is None
        assert (row.confidence is None) == (original.confidence is None)
        assert (row.coords is None) == (original.coords is None)
    assert np.array_equal(back[0].confidence, [1, 2, 3, 4])
    assert np.array_equal(back[0].coords, coords, equal_nan=True)


def test_an_empty_table_can_be_read(tmp_path: Path):
    CHAINS.write(tmp_path / "t", [])
    assert list(CHAINS.read(tmp_path / "t")) == []


def test_a_table_appears_only_when_it_is_complete(tmp_path: Path):
    with pytest.raises(RuntimeError), CHAINS.open(tmp_path / "t"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_table_of_another_kind_and_a_broken_one_are_named(tmp_path: Path, small):
    with pytest.raises(DataError, match=r"split\.parquet"):
        list(CHAINS.read(small.split))
    (tmp_path / "t").write_bytes(b"no table")
    with pytest.raises(DataError, match="t cannot be read as a table of chains"):
        list(CHAINS.read(tmp_path / "t"))
    for read in (count_rows, read_metadata, Intake.read, lambda path: next(read_columns(path, ["chain_id"]))):
        with pytest.raises(DataError, match=r"t cannot be read as a table: .*[^.]; if a stage made it, delete it"):
            read(tmp_path / "t")


def test_a_table_without_the_counts_of_its_input_is_named(tmp_path: Path):
    CHAINS.write(tmp_path / "t", [])
    with pytest.raises(DataError, match="t lacks the numbers of files and chains"):
        Intake.read(tmp_path / "t")


def test_damage_in_the_middle_of_a_table_is_one_line(tmp_path: Path, small):
    data = bytearray(small.chains[0].read_bytes())
    data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
    (tmp_path / "t").write_bytes(data)
    assert pq.read_metadata(tmp_path / "t").num_rows == count_rows(small.chains[0]), "the footer is whole"
    for read in (count_rows, read_metadata, lambda path: list(CHAINS.read(path))):
        with pytest.raises(DataError, match="t is damaged, or was changed after it was written; delete it"):
            read(tmp_path / "t")


def test_the_split_of_the_demo_adds_up(small):
    summary = SplitSummary.read(small.summary)
    assert summary.chains_in == summary.chains_parsed + summary.chains_refused
    assert sum(summary.subsets.values()) == summary.chains_parsed == 24
    assert not read_subset(small.split, "train") & read_subset(small.split, "test")


def test_stored_distances_are_those_of_the_coordinates(small):
    wanted = read_subset(small.split, "train")
    for chain in read_chains(small.chains, wanted, small.distances):
        seen = np.isfinite(chain.coords).all(1)
        assert len(chain.triu) == len(chain) * (len(chain) - 1) // 2
        assert np.isfinite(chain.triu).sum() == seen.sum() * (seen.sum() - 1) // 2
