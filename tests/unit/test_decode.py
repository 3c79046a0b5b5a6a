"""Traces decoded from distograms and turns: what is known is found, and what is not there changes nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from proteinmtp.config import ReconstructConfig
from proteinmtp.geometry.bins import BINS, bin_of
from proteinmtp.geometry.chirality import BINS as TURNS
from proteinmtp.geometry.chirality import dihedral_bins, mirror
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.superposition import score
from proteinmtp.geometry.torsion import virtual_angles
from proteinmtp.predictors.decode import FAMILIES, Usual
from proteinmtp.predictors.hand import hand_of
from proteinmtp.predictors.traces import traces
from proteinmtp.scoring.chain import score_chain
from proteinmtp.tables import distogram, parquet, triangle
from proteinmtp.tables.chains import CHAINS, ChainRow
from proteinmtp.tables.hand import HandRecord
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.traces import TraceRow

from ..support.small import SmallData

ENERGY = ReconstructConfig(method="energy", cap=18.0)


@pytest.fixture(scope="module")
def whole(small: SmallData) -> list[ChainRow]:
    """Chains without gaps, of different lengths."""
    rows = [row for row in CHAINS.read(*small.chains) if np.isfinite(row.coords).all()]
    return sorted(rows, key=lambda row: row.length)[:: max(1, len(rows) // 4)]


@pytest.fixture(scope="module")
def usual(small: SmallData) -> HandRecord:
    return hand_of(CHAINS.read(*small.chains))


def peaked(bins: np.ndarray, number: int, width: float) -> np.ndarray:
    """Return ln p (N, number) of distributions around bins (N,), in bins."""
    off = (np.arange(number) - bins[:, None]) / width
    log_p = -0.5 * off**2
    return log_p - np.log(np.exp(log_p).sum(1, keepdims=True))


def known(row: ChainRow, *, turned: bool = False) -> PredictionRow:
    """Return the prediction of one who knows distances and turns well; `turned`: those of the mirror image."""
    native = torch.from_numpy(row.coords.astype(np.float64))
    apart = pairwise_distances(native)
    first, second = torch.triu_indices(row.length, row.length, 1)
    turns = dihedral_bins(mirror(native) if turned else native).numpy()
    return PredictionRow(
        chain_id=row.chain_id,
        length=row.length,
        triu=triangle.pack(apart.numpy()),
        sigma=np.ones(len(first)),
        distogram=distogram.pack(peaked(bin_of(apart[first, second]).numpy(), BINS, 1.0)),
        dihedral=peaked(turns, TURNS, 1.0).ravel(),
    )


def shortened(row: ChainRow, length: int) -> ChainRow:
    return replace(row, length=length, sequence=row.sequence[:length], coords=row.coords[:length])


def decoded(
    rows: Sequence[PredictionRow], chains: Sequence[ChainRow], usual: HandRecord, config: ReconstructConfig = ENERGY
) -> list[TraceRow]:
    sequences = {chain.chain_id: chain.sequence for chain in chains}
    return traces(rows, sequences=sequences, hand=usual, config=config)


def test_what_is_usual_is_counted(whole: list[ChainRow]):
    record = hand_of(whole)
    turns = [dihedral_bins(torch.tensor(row.coords)).numpy() for row in whole]
    angles = [virtual_angles(torch.from_numpy(row.coords.astype(np.float64))).numpy() for row in whole]
    common = np.bincount(np.concatenate(turns), minlength=TURNS).argmax()
    pairs = [
        (of[at], of[at + 1]) for turn, of in zip(turns, angles, strict=True) for at in np.flatnonzero(turn == common)
    ]
    assert record.angles[common] == pytest.approx(np.mean(pairs, axis=0).tolist())
    counts = np.array(record.distances)
    assert counts.sum() == sum(row.length * (row.length - 1) // 2 for row in whole)
    assert counts[1].sum() == sum(row.length - 1 for row in whole)
    shares = Usual.of(record).distances
    assert torch.allclose(shares.sum(1), torch.ones(len(shares)), atol=1e-4) and (shares > 0).all()


def test_a_distogram_is_kept_in_bytes_to_a_thirtysecond_of_a_nat():
    log_p = torch.randn(50, 64, generator=torch.Generator().manual_seed(0)).mul(3).log_softmax(-1).numpy()
    packed = distogram.pack(log_p)
    assert packed.dtype == np.uint8 and packed.shape == (3200,)
    likely = distogram.unpack(packed, 64)
    assert likely.sum(1) == pytest.approx(1, abs=1e-5)
    above = log_p > -15
    assert np.abs(np.log(likely) - log_p)[above].max() < 1 / 16
    with pytest.raises(ValueError, match="reshape"):
        distogram.unpack(packed[:-1], 64)


def test_what_is_known_is_found_in_its_hand(whole: list[ChainRow], usual: HandRecord):
    for row, trace in zip(whole, decoded([known(row) for row in whole], whole, usual), strict=True):
        native = row.coords.astype(np.float64)
        assert score(torch.from_numpy(trace.coords), torch.from_numpy(native)).tm_score > 0.95
        scores = score_chain(trace.coords, native).scores
        assert scores["helix_right"] is None or scores["helix_right"] > 0.95
        assert trace.method in {f"energy, {family}" for family in FAMILIES}


def test_turns_decide_the_hand_where_distances_cannot(whole: list[ChainRow], usual: HandRecord):
    row = whole[-1]
    (trace,) = decoded([known(row, turned=True)], whole, usual)
    image = torch.from_numpy(row.coords.astype(np.float64)) * torch.tensor([1, 1, -1])
    assert score(torch.from_numpy(trace.coords), image).tm_score > 0.9


def test_a_chain_does_not_depend_on_the_others(whole: list[ChainRow], usual: HandRecord):
    together = decoded([known(row) for row in whole], whole, usual)
    for row, trace in zip(whole, together, strict=True):
        (alone,) = decoded([known(row)], whole, usual)
        assert score(torch.from_numpy(alone.coords), torch.from_numpy(trace.coords)).rmsd < 0.3
        assert alone.method == trace.method


@pytest.mark.parametrize("method", ["mds", "smacof", "gradient", "energy"])
def test_a_chain_has_the_same_bits_in_any_company_and_place(whole: list[ChainRow], usual: HandRecord, method: str):
    """Uncertain predictions of chains of one width, so that a last bit more or less would end in another fold."""
    rng = np.random.default_rng(0)
    rows = []
    for at, row in enumerate(cut for length in (49, 52, 56, 55, 56) for cut in [shortened(whole[-1], length)]):
        exact = known(row)
        vague = exact.triu.astype(np.float64) + rng.normal(scale=4.0, size=len(exact.triu))
        rows.append(replace(exact, chain_id=f"c{at}", triu=np.abs(vague).astype(np.float16)))
    sequences = {row.chain_id: "A" * row.length for row in rows}
    config = ReconstructConfig(method=method, cap=18.0)
    together = traces(rows, sequences=sequences, hand=usual, config=config)
    backwards = traces(rows[::-1], sequences=sequences, hand=usual, config=config)[::-1]
    alone = [traces([row], sequences=sequences, hand=usual, config=config)[0] for row in rows]
    for one, two, three in zip(together, backwards, alone, strict=True):
        assert np.array_equal(one.coords, two.coords) and np.array_equal(one.coords, three.coords)


@pytest.mark.parametrize("method", ["smacof", "gradient"])
def test_a_chain_within_the_cap_has_the_same_bits_beside_one_that_reaches_beyond(
    whole: list[ChainRow], usual: HandRecord, method: str
):
    rng = np.random.default_rng(0)
    rows = []
    for length in (49, 52, 56):
        exact = known(shortened(whole[-1], length))
        vague = np.abs(exact.triu.astype(np.float64) + rng.normal(scale=4.0, size=len(exact.triu)))
        near = np.minimum(vague, 17.5) if length == 52 else vague
        rows.append(PredictionRow(chain_id=f"c{length}", length=length, triu=near.astype(np.float16)))
    assert [bool((row.triu >= 18).any()) for row in rows] == [True, False, True]
    sequences = {row.chain_id: "A" * row.length for row in rows}
    config = ReconstructConfig(method=method, cap=18.0)
    together = traces(rows, sequences=sequences, hand=usual, config=config)
    for row, trace in zip(rows, together, strict=True):
        (alone,) = traces([row], sequences=sequences, hand=usual, config=config)
        assert np.array_equal(alone.coords, trace.coords)


@pytest.mark.parametrize("missing", ["distogram", "dihedral"])
def test_without_a_distogram_or_turns_it_is_what_gradient_makes(whole: list[ChainRow], usual: HandRecord, missing: str):
    rows = [replace(known(row), **{missing: None}) for row in whole]
    gradient = decoded(rows, whole, usual, ReconstructConfig(method="gradient", cap=18.0))
    for one, other in zip(decoded(rows, whole, usual), gradient, strict=True):
        assert np.array_equal(one.coords, other.coords) and one.method == "gradient"


def test_short_chains_are_rebuilt(whole: list[ChainRow], usual: HandRecord):
    for length in (3, 4, 5, 6):
        row = whole[0]
        short = replace(row, length=length, sequence=row.sequence[:length], coords=row.coords[:length])
        (trace,) = decoded([known(short)], [short], usual)
        assert trace.coords.shape == (length, 3) and np.isfinite(trace.coords).all()


def test_a_table_of_distograms_is_read_and_written_in_parts(
    whole: list[ChainRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = [known(row) for row in [*whole, *whole]]
    rows += [replace(rows[0], distogram=None), replace(rows[0], distogram=np.empty(0, dtype=np.uint8)), rows[0]]
    monkeypatch.setattr(parquet, "GROUP_BYTES", 2 * rows[0].distogram.nbytes)
    PREDICTIONS.write(tmp_path / "p", rows)
    assert 1 < pq.ParquetFile(tmp_path / "p").num_row_groups < len(rows)
    for row, stored in zip(rows, PREDICTIONS.read(tmp_path / "p"), strict=True):
        assert stored.chain_id == row.chain_id and np.array_equal(stored.distogram, row.distogram)
        assert (stored.distogram is None) == (row.distogram is None)
