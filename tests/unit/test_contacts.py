"""Contacts of virtual C-beta atoms, counted by hand and against the C-beta atoms of experiments."""

from pathlib import Path

import gemmi
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from proteinmtp.geometry.distances import pack_upper
from proteinmtp.geometry.virtual_beta import virtual_betas
from proteinmtp.scoring.chain import score_chain

from ..support.traces import random_trace

CARBON = gemmi.Element("C")


def atoms(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return C-alpha (L, 3) and C-beta (L, 3) atoms of the first chain; NaN where a residue has no C-beta."""
    polymer = gemmi.read_structure(str(path))[0][0].get_polymer()
    found = [[residue.find_atom(name, "*", CARBON) for name in ("CA", "CB")] for residue in polymer]
    both = np.array([[atom.pos.tolist() if atom else [np.nan] * 3 for atom in pair] for pair in found if pair[0]])
    return both[:, 0], both[:, 1]


def test_virtual_c_betas_of_experiments_are_near_the_real_ones_and_those_of_mirror_images_are_not(shared: Path):
    near, mirrored = [], []
    for path in sorted((shared / "chains" / "ts50").glob("*.gz")):
        alpha, beta = atoms(path)
        moved = np.any(virtual_betas(alpha) != alpha, axis=1) & np.isfinite(beta[:, 0])
        assert moved.sum() > 20
        near.append((virtual_betas(alpha) - beta)[moved])
        mirrored.append((-virtual_betas(-alpha) - beta)[moved])
    apart, other = (np.linalg.norm(np.concatenate(found), axis=1) for found in (near, mirrored))
    assert np.sqrt(np.mean(apart**2)) < 0.45 and np.quantile(apart, 0.95) < 0.8
    assert np.sqrt(np.mean(other**2)) > 1.5


def test_virtual_c_betas_move_with_the_trace_and_are_c_alphas_where_nothing_is_bound():
    trace = random_trace(30, 3)
    turn = Rotation.random(random_state=1)
    assert virtual_betas(turn.apply(trace) + 5) == pytest.approx(turn.apply(virtual_betas(trace)) + 5)
    holes = trace.copy()
    holes[10] = np.nan
    holes[20:] += 30
    betas = virtual_betas(holes)
    same = np.flatnonzero((betas == holes).all(1) | np.isnan(holes).all(1))
    assert same.tolist() == [0, 9, 10, 11, 19, 20, 29]
    straight = np.arange(5)[:, None] * np.array([3.8, 0, 0])
    assert np.array_equal(virtual_betas(straight), straight)
    assert np.array_equal(virtual_betas(trace[:2]), trace[:2]) and virtual_betas(trace[:0]).shape == (0, 3)


def matrix(triu: np.ndarray) -> np.ndarray:
    """Return the matrix of 50 residues with these pairs i < j."""
    filled = np.zeros((50, 50))
    filled[np.triu_indices(50, 1)] = triu
    return filled


def test_contacts_of_virtual_c_betas_are_counted_as_by_hand():
    native, model = random_trace(50, 1), random_trace(50, 2)
    native[[7, 30]] = np.nan
    model[12] = np.nan
    seen = np.isfinite(native[:, 0])
    true, found = virtual_betas(native), virtual_betas(np.where(seen[:, None], model, np.nan))
    likely = np.random.default_rng(0).random(50 * 49 // 2).astype(np.float32)
    dense = {
        "": np.linalg.norm(found[:, None] - found, axis=-1),
        "predicted": matrix(likely),
        "contact": -matrix(likely),
    }
    for given, ranks in dense.items():
        scores = score_chain(model, native, **({given: likely} if given else {})).scores
        for name, least in (("contacts12", 12), ("contacts", 24)):
            pairs = [(i, j) for i in range(50) for j in range(i + least, 50) if seen[i] and seen[j]]
            apart = [ranks[pair] for pair in pairs]
            first = np.argsort(apart, kind="stable")  # NaN last
            right = [
                np.linalg.norm(true[i] - true[j]) < 8 and np.isfinite(apart[at]) for at, (i, j) in enumerate(pairs)
            ]
            for count, name_of in ((48, "l"), (9, "l5")):
                wanted = np.mean(np.array(right)[first[:count]])
                assert scores[f"{name}_virtual_cb_{name_of}"] == pytest.approx(wanted)


def test_a_predicted_trace_ranks_contacts_by_its_own_virtual_c_betas():
    native, model = random_trace(60, 1), random_trace(60, 2)
    predicted = np.random.default_rng(0).random(60 * 59 // 2).astype(np.float32)
    name = "contacts12_virtual_cb_l"
    own = score_chain(model, native, predicted=predicted, is_trace=True).scores
    assert own[name] == score_chain(model, native).scores[name]
    assert own["mae"] == score_chain(model, native, predicted=predicted).scores["mae"]


def test_the_experiment_has_all_its_contacts_of_virtual_c_betas():
    native = random_trace(120, 5)
    true = virtual_betas(native)
    apart = pack_upper(np.linalg.norm(true[:, None] - true, axis=-1))
    scores = score_chain(native, native, contact=(apart < 8).astype(np.float16)).scores
    by_distance = score_chain(native, native).scores
    names = [name for name in scores if "virtual_cb" in name]
    assert len(names) == 4
    for name in names:
        assert scores[name] == by_distance[name] > 0
