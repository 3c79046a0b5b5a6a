"""What the page holds of single chains: packed here, unpacked by a mirror of the page's script and by the script."""

import base64
import json
import shutil
import subprocess
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from proteinmtp.geometry.distances import pack_upper, pairwise_distances, unpack_upper
from proteinmtp.report import assets, packing
from proteinmtp.report.chains import view_parts
from proteinmtp.report.packing import Part
from proteinmtp.tables import triangle
from proteinmtp.tables.views import ViewRow

from ..support.reports import view_of

lengths = st.integers(2, 24)

NODE = """
globalThis.document = { getElementById: () => ({ textContent: process.argv[1] }) };
unpackedChain("").then(({ id, length, of }) =>
  console.log(JSON.stringify({ id, length, of: [...of].map(([owner, parts]) => [owner,
    Object.fromEntries(Object.entries(parts).map(([what, values]) => [what, [...values]]))]) })));
"""
"""Prints a packed chain as the page's script reads it; JSON knows no NaN and writes null."""


def matrix_of(pairs: np.ndarray, length: int) -> np.ndarray:
    """Undo `smoothed` as the page's script does: row by row, each pair from its neighbours; (L, L), zero at i >= j."""
    matrix = np.zeros((length, length), np.int64)
    for value, i, j in zip(pairs, *np.triu_indices(length, 1), strict=True):
        expected = matrix[i, j - 1]
        if i > 0:
            along = matrix[i - 1, j - 1]
            step, turned = matrix[i, j - 1] - matrix[i - 1, j - 2], matrix[i, j - 1] + matrix[i - 1, j] - 2 * along
            expected = along + sorted((0, step, turned))[1]
        matrix[i, j] = (value + expected) % 256
    return matrix


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text), -zlib.MAX_WBITS)


@given(st.data(), lengths)
def test_pairs_come_back(data: st.DataObject, length: int):
    size = length * (length - 1) // 2
    pairs = np.array(data.draw(st.lists(st.integers(0, 255), min_size=size, max_size=size)), dtype=np.uint8)
    assert (matrix_of(packing.smoothed(pairs, length), length) == np.triu(unpack_upper(pairs, length), 1)).all()


@given(st.lists(st.binary(max_size=300)))
def test_arrays_that_were_deflated_one_by_one_are_one_stream(contents: list[bytes]):
    parts = [Part.of("a", "coords", np.frombuffer(content, np.uint8)) for content in contents]
    assert unpacked(packing.packed({}, parts)).partition(b"\n")[2] == b"".join(contents)


@given(st.binary())
def test_bytes_come_back(content: bytes):
    assert unpacked(packing.compressed(content)) == content


def test_distances_are_as_exact_as_the_page_says():
    distances = np.random.default_rng(0).uniform(0, 252, 100 * 99 // 2)
    written = packing.distances(distances, 100, np.zeros(300, np.int16))
    back = (matrix_of(written["distances"], 100)[np.triu_indices(100, 1)] / packing.ROOTS) ** 2
    near, far = distances < 8, distances < 100
    assert np.abs(back - distances)[near].max() < 0.18
    assert np.abs(back - distances)[far].max() < 0.63


def test_distances_that_are_left_out_are_those_of_the_trace():
    rng = np.random.default_rng(2)
    trace = packing.positions(rng.normal(size=(30, 3)) * 20, np.zeros(3))
    points = trace.reshape(-1, 3) / packing.PER_ANGSTROM
    exact = np.linalg.norm(points[:, None] - points[None], axis=-1)[np.triu_indices(30, 1)]
    assert packing.distances(exact, 30, trace) == {}
    assert set(packing.distances(exact + rng.choice([0, 0.5], len(exact)), 30, trace)) == {"distances", "off_trace"}


def whats(view: ViewRow) -> set[str]:
    return {part.what for part in view_parts(view)}


def test_distances_of_a_trace_are_left_out():
    coords = np.random.default_rng(1).normal(size=(30, 3)) * 20
    coords[4] = np.nan
    of_trace = triangle.pack(pairwise_distances(torch.from_numpy(coords)).numpy())
    view = replace(view_of("a", "c", 30), model=coords, triu=of_trace)
    assert whats(view) == {"coords"}
    assert whats(replace(view, triu=of_trace * 1.2)) == {"coords", "off_trace"}
    assert whats(replace(view, triu=np.nan_to_num(of_trace, nan=400.0))) == {"coords", "off_trace"}


@pytest.mark.skipif(
    shutil.which("node") is None, reason="Node.js, to run the page's script by itself, is not installed"
)
def test_the_script_unpacks_what_was_packed():
    length = 40
    rng = np.random.default_rng(3)
    coords = rng.normal(size=(2, length, 3)) * 10
    coords[0, 2] = np.nan
    pairs = {
        "distances": rng.uniform(0, 200, length * (length - 1) // 2),
        "sigma": rng.uniform(0, 30, length * (length - 1) // 2),
        "contact": rng.uniform(0, 1, length * (length - 1) // 2),
    }
    pairs["sigma"][7] = np.nan
    confidence = rng.uniform(0, 100, length)
    trace = packing.positions(coords[0], np.zeros(3))
    near_trace = pack_upper(pairwise_distances(torch.from_numpy(coords[0])).numpy()) * 1.2
    text = packing.packed(
        {"id": "é</script>", "sequence": "A" * length},
        [
            Part.of(None, "coords", packing.positions(coords[0], np.zeros(3))),
            Part.of("a", "coords", packing.positions(coords[1], np.zeros(3))),
            Part.of("a", "distances", packing.distances(pairs["distances"], length, trace)["distances"]),
            Part.of("a", "sigma", packing.deviations(pairs["sigma"], length)),
            Part.of("a", "contact", packing.probabilities(pairs["contact"], length)),
            Part.of("a", "confidence", packing.points(confidence)),
            Part.of("b", "coords", packing.positions(coords[1], np.zeros(3))),
            Part.of("c", "coords", trace),
            Part.of("c", "off_trace", packing.distances(near_trace, length, trace)["off_trace"]),
        ],
    )
    # Of b there are no distances: they are those of its trace. Of c they are written beside it.
    script = assets.text("unpack.js") + NODE
    done = subprocess.run(["node", "-e", script, text], capture_output=True, text=True, check=True)
    chain = json.loads(done.stdout)
    of = {owner: {what: np.array(values, float) for what, values in parts.items()} for owner, parts in chain["of"]}
    assert (chain["id"], chain["length"]) == ("é</script>", length)
    np.testing.assert_allclose(of[""]["coords"].reshape(length, 3), coords[0], atol=0.0051)
    np.testing.assert_allclose(of["a"]["coords"].reshape(length, 3), coords[1], atol=0.0051)
    np.testing.assert_allclose(of["a"]["confidence"], confidence, atol=0.26)
    apart = pairwise_distances(torch.from_numpy(coords[1])).numpy()
    np.testing.assert_allclose(of["b"]["distances"].reshape(length, length), apart, atol=0.02)
    steps = {
        "distances": np.sqrt(pairs["distances"]) * packing.ROOTS,
        "sigma": np.log2(1 + pairs["sigma"]) * packing.OCTAVES,
        "contact": pairs["contact"] * packing.PARTS_OF_ONE,
    }
    undone = {
        "distances": lambda value: (value / packing.ROOTS) ** 2,
        "sigma": lambda value: 2 ** (value / packing.OCTAVES) - 1,
        "contact": lambda value: value / packing.PARTS_OF_ONE,
    }
    for run, what, exact in [
        *(("a", what, exact) for what, exact in steps.items()),
        ("c", "distances", np.sqrt(near_trace) * packing.ROOTS),
    ]:
        there = of[run][what].reshape(length, length)
        np.testing.assert_array_equal(there, there.T)
        expected = undone[what](np.round(exact))
        np.testing.assert_allclose(there[np.triu_indices(length, 1)], expected, rtol=1e-6)
