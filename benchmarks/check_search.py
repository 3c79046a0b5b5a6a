"""TM-score and GDT beside the TMscore program and beside a search that spares nothing; no timing, some minutes.

Pairs: the published models, random walks and what comes of them by noise or by bending, and the traces of the demo's
nulls where `make demo` was run. The dense search starts from fragments of many lengths at every place, and from each
goes on with nine ways to choose what is superposed next; it is what the scores would be if time did not count, and no
upper bound: the search here ends above it about as often.
"""

import argparse
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from bench_scores import Pair, program, published
from tqdm import tqdm

from proteinmtp.geometry.constants import GDT_HA_CUTOFFS, GDT_TS_CUTOFFS, TRANS_BOND
from proteinmtp.geometry.superposition import CUTOFFS, kabsch, score, tm_d0
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.traces import TRACES

NAMES = ("TM-score", "GDT-TS", "GDT-HA")
RADII = (0, 1, 2, 3, 4, 5, 6, 8, 9)
"""Angstrom, of the pairs superposed next; 0: all, weighted as the climb of the TM-score does."""
STEPS = 12
TELLING = 0.0005
BATCH = 4_000_000
"""Coordinates superposed at a time."""


def walks(count: int) -> list[Pair]:
    """Pairs of 8 to 200 residues, half of them unrelated, a quarter blurred, a quarter bent."""
    rng = np.random.default_rng(1)
    pairs = []
    for index in range(count):
        length = int(np.exp(rng.uniform(np.log(8), np.log(201))))
        steps = rng.normal(size=(2, length, 3))
        native, other = (TRANS_BOND * steps / np.linalg.norm(steps, axis=-1, keepdims=True)).cumsum(1)
        noise = rng.normal(size=native.shape)
        blurred, bent = native + rng.uniform(0.5, 8) * noise, native + (rng.uniform(0.2, 1.5) * noise).cumsum(0)
        pairs.append(((other, other, blurred, bent)[index % 4].round(3), native.round(3)))
    return pairs


def traces_of_nulls(results: Path, count: int) -> list[Pair]:
    """Some traces of the nulls in a results folder with the chains that they are for."""
    natives = {row.chain_id: row for path in sorted(results.glob("data/chains/*.parquet")) for row in CHAINS.read(path)}
    pairs = []
    for path in sorted(results.glob("runs/null_*/traces/*.parquet")):
        for row in TRACES.read(path):
            native = natives[row.chain_id].coords
            seen = np.isfinite(native).all(1) & np.isfinite(row.coords).all(1)
            pairs.append((row.coords[seen].astype(float).round(3), native[seen].astype(float).round(3)))
    return [pairs[index] for index in np.random.default_rng(0).permutation(len(pairs))[:count]]


def dense(pair: Pair) -> list[float]:
    """The three scores by the dense search."""
    torch.set_num_threads(1)
    model, native = (torch.from_numpy(points) for points in pair)
    size, d0 = len(native), tm_d0(len(native))
    lengths = {3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, *(size // part for part in (1, 2, 4, 8))}
    masks = [
        torch.arange(size).ge(start) & torch.arange(size).lt(start + length)
        for length in sorted(lengths)
        if 3 <= length <= size
        for start in range(size - length + 1)
    ]
    best_tm, best = 0.0, torch.zeros(len(CUTOFFS))
    cutoffs = torch.tensor(CUTOFFS, dtype=torch.float64)
    for begins in torch.stack(masks).double().split(max(1, BATCH // (3 * size))):
        for radius in RADII:
            weights = begins
            for _ in range(STEPS):
                turn, move = kabsch(
                    model.expand(len(weights), -1, -1), native.expand(len(weights), -1, -1), weights=weights
                )
                square = (model @ turn + move[:, None] - native).square().sum(-1)
                close = 1 / (1 + square / d0**2)
                best_tm = max(best_tm, float(close.sum(1).max()))
                within = (square[..., None] <= cutoffs**2).sum(1).amax(0)
                best = torch.maximum(best, within)
                if radius:
                    third = square.kthvalue(3, dim=1, keepdim=True).values
                    weights = (square <= third.clamp(min=radius**2)).double()
                else:
                    weights = close.square()
    share = dict(zip(CUTOFFS, (best / size).tolist(), strict=True))
    gdt = [float(np.mean([share[cutoff] for cutoff in kind])) for kind in (GDT_TS_CUTOFFS, GDT_HA_CUTOFFS)]
    return [best_tm / size, *gdt]


def ours(pair: Pair) -> list[float]:
    found = score(*(torch.from_numpy(points) for points in pair))
    return [found.tm_score, found.gdt_ts, found.gdt_ha]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="of the demo")
    parser.add_argument("--every", type=int, default=5, help="of the published models, by the dense search")
    options = parser.parse_args()
    sets = {
        "published models": (published(0, 2, shortest=0, longest=2000, most=None), options.every),
        "walks": (walks(500), 1),
        "traces of nulls": (traces_of_nulls(options.results, 200), 1),
    }
    path = shutil.which("TMscore")
    print(f"pairs by how much ours is below (beyond {TELLING}; the worst) and how many above")
    for name, (pairs, every) in sets.items():
        found = np.array([ours(pair) for pair in pairs])
        theirs = {}
        if path is not None and pairs:
            theirs["TMscore program"] = (program(path, pairs, repeats=1)[1], found)
        with ProcessPoolExecutor() as pool:
            every_one = list(tqdm(pool.map(dense, pairs[::every]), total=len(pairs[::every]), disable=None))
        theirs["dense search"] = (np.array(every_one), found[::every])
        for peer, (scores, mine) in theirs.items():
            if not len(scores):
                print(f"{name:18} none at hand")
                continue
            loss = scores - mine
            columns = [
                f"{label} {(part > TELLING).sum():4} ({part.max():.4f}), {(part < -TELLING).sum():4}"
                for label, part in zip(NAMES, loss.T, strict=True)
            ]
            print(f"{name:18}{len(mine):5} {peer:16} " + "   ".join(columns), flush=True)


if __name__ == "__main__":
    sys.exit(main())
