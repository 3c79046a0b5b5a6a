"""Rebuilding coordinates: beside scikit-learn's MDS, growth with length, and what noise leaves of real chains.

One core. The peer is scikit-learn's metric SMACOF in its most favourable setting: one start (`n_init=1`), from
classical scaling (`init="classical_mds"`, which needs far fewer iterations than the random default), its own default
tolerance and 300 iterations; ours solves the same problem, equal weights and no restraints. `default` is scikit-learn
as it comes, from one random start. Processor time, not the clock, the best of several rounds, so that what else the
machine does counts less. `higher` counts the chains whose stress is higher here than in the peer's best setting.

Accuracy is measured on real chains without gaps, `--every 1` on all of them. The noise is white, Gaussian, smoothed
by a Gaussian of three residues' standard deviation along both axes, made symmetric, scaled to the stated mean absolute
error of the pairs i < j; the sum is clipped at zero. The histogram of the hand is learned on one half of the 30 %
clusters and used on the other, for both halves.
"""

import argparse
import csv
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from proteinmtp.config import ParseConfig, ReconstructConfig
from proteinmtp.geometry.bins import around
from proteinmtp.geometry.chirality import BINS, dihedral_counts, mirror, mirror_log_ratio, pseudo_dihedrals
from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.mds import ROUGH, classical_mds, smacof, stress
from proteinmtp.geometry.rebuild import rebuild
from proteinmtp.geometry.superposition import kabsch, score
from proteinmtp.geometry.torsion import turns_around
from proteinmtp.predictors.hand import hand_of
from proteinmtp.predictors.traces import traces
from proteinmtp.structures.parse import ParsedChain, parse_file
from proteinmtp.tables import distogram, triangle
from proteinmtp.tables.chains import ChainTrace
from proteinmtp.tables.predictions import PredictionRow

T = TypeVar("T")

STEPS = 16
DECODED_CAP = 18.0
BATCH_PAIRS = 500_000
CAP = 22.0
SHORT = 40


@dataclass(frozen=True)
class Native:
    """One chain: coordinates (L, 3) float64, where a proline follows (L,), and the half of the clusters it is in."""

    coords: Tensor
    before_proline: Tensor
    half: int


def shared_folder() -> Path | None:
    root = Path(__file__).resolve().parent.parent
    base = Path(os.environ.get("PROTEINMTP_SHARED", root.parent / "shared"))
    return next((path for path in (base / "data", base) if (path / "chains_index.csv").is_file()), None)


def natives(folder: Path) -> list[Native]:
    chains = []
    with (folder / "chains_index.csv").open(encoding="utf-8") as handle:
        index = list(csv.DictReader(handle))
    halves = {name: rank % 2 for rank, name in enumerate(sorted({row["cluster30"] for row in index}))}
    for row in index:
        for item in parse_file(folder / row["file"], ParseConfig()).items:
            if isinstance(item, ParsedChain) and len(item.sequence) <= 500 and not item.breaks and item.observed.all():
                proline = torch.tensor([letter == "P" for letter in item.sequence[1:] + "-"])
                coords = torch.from_numpy(item.coords.astype(np.float64))
                chains.append(Native(coords, proline, halves[row["cluster30"]]))
    return chains


def correlated_noise(distances: Tensor, error: float, seed: int) -> Tensor:
    """Return distances (L, L) with noise of the given mean absolute error; the model is in the head of this file."""
    length = len(distances)
    index = torch.arange(length, dtype=torch.float64)
    kernel = torch.exp(-0.5 * ((index[:, None] - index) / 3.0) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    white = torch.randn(length, length, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    noise = kernel @ white @ kernel.T
    noise = (noise + noise.T) / 2
    upper = torch.triu_indices(length, length, 1)
    noise = noise * error / noise[upper[0], upper[1]].abs().mean()
    return (distances + noise).clamp(min=0).fill_diagonal_(0)


def stacked(matrices: list[Tensor]) -> tuple[Tensor, Tensor]:
    width = max(len(matrix) for matrix in matrices)
    batch = torch.zeros(len(matrices), width, width, dtype=torch.float64)
    for index, matrix in enumerate(matrices):
        batch[index, : len(matrix), : len(matrix)] = matrix
    return batch, torch.arange(width) < torch.tensor([len(matrix) for matrix in matrices])[:, None]


def batches(chains: list[Native]) -> Iterator[list[Native]]:
    """Yield chains of one half and similar length; they come sorted."""
    batch: list[Native] = []
    for chain in chains:
        if batch and (batch[0].half != chain.half or (len(batch) + 1) * len(chain.coords) ** 2 > BATCH_PAIRS):
            yield batch
            batch = []
        batch.append(chain)
    yield batch


def rmsd(model: Tensor, native: Tensor) -> float:
    rotation, shift = kabsch(model, native, weights=torch.ones_like(native[:, 0]))
    return float((model @ rotation + shift - native).square().sum(-1).mean().sqrt())


def walk(length: int, seed: int) -> Tensor:
    """A random walk that folds back on itself, so that its size grows as that of a protein: (L, 3), angstrom."""
    generator = torch.Generator().manual_seed(seed)
    radius = 3.0 * length**0.38
    points = [torch.zeros(3, dtype=torch.float64)]
    while len(points) < length:
        step = torch.randn(3, dtype=torch.float64, generator=generator)
        point = points[-1] + TRANS_BOND * step / step.norm()
        if point.norm() < radius:
            points.append(point)
    return torch.stack(points)


def beside_the_peer(chains: list[Native]) -> None:
    from sklearn.manifold import MDS  # a dependency of the developers only
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    warnings.simplefilter("ignore")
    folds = [chain.coords[:250] for chain in chains if len(chain.coords) >= 250] or [walk(250, 0)]
    pairs = 250 * 249 / 2
    print(
        f"\n{'MAE':>5} {'default/s':>10} {'sklearn/s':>10} {'here/s':>8} {'ratio':>6} {'stress':>8} {'here':>8} higher"
    )
    for error in (1.8, 3.65):
        noisy = [correlated_noise(pairwise_distances(folds[seed % len(folds)]), error, seed) for seed in range(64)]
        batch = torch.stack(noisy).to(torch.float32)

        def ours(batch: Tensor = batch) -> Tensor:
            starts = ((part, classical_mds(part, tolerance=ROUGH)) for part in batch.split(8))
            return torch.cat([smacof(part, start, steps=STEPS) for part, start in starts])

        def peer(start: str, matrices: list[Tensor] = noisy) -> list[float]:
            fits = [
                MDS(3, metric="precomputed", n_init=1, init=start, random_state=0, normalized_stress=False).fit(matrix)
                for matrix in matrices
            ]
            return [(fit.stress_ / pairs) ** 0.5 for fit in fits]

        seconds, coords = best_of(5, ours)
        peer_seconds, theirs = best_of(3, lambda peer=peer: peer("classical_mds"))
        default_seconds, _ = best_of(1, lambda peer=peer: peer("random"))
        here = stress(torch.stack(noisy), coords)
        higher = int((here > torch.tensor(theirs) * (1 + 1e-5)).sum())
        print(
            f"{error:5} {64 / default_seconds:10.1f} {64 / peer_seconds:10.1f} {64 / seconds:8.1f}"
            f" {peer_seconds / seconds:6.1f} {np.mean(theirs):8.4f} {float(here.mean()):8.4f} {higher:7}"
        )


def best_of(rounds: int, work: Callable[[], T]) -> tuple[float, T]:
    """Return the least processor time of several rounds, and the last result."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result


def growth() -> None:
    print(f"\n{'residues':>8} {'method':>9} {'seconds':>8} {'peak of the process, MB':>24}")
    for length in (100, 250, 500, 1000, 2000):
        for method in ("smacof", "gradient"):
            command = [sys.executable, __file__, "--one", str(length), method]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)


def one(length: int, method: str) -> None:
    noisy = correlated_noise(pairwise_distances(walk(length, 0)), 3.65, 0).to(torch.float32)
    start = time.perf_counter()
    config = ReconstructConfig.model_validate({"method": method})
    mask, nothing = torch.ones(1, length, dtype=torch.bool), torch.zeros(BINS, BINS)
    rebuild(noisy[None], mask, counts=nothing, config=config)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{length:8} {method:>9} {seconds:8.2f} {peak:24.0f}")


def decoders(chains: list[Native]) -> None:
    """Print seconds of processor time a chain, and memory, of the two decoders on the same predictions."""
    print(f"\n{'residues':>8} {'chains':>6} {'gradient/s':>10} {'energy/s':>9} {'ratio':>6} {'energy, peak MB':>16}")
    with tempfile.TemporaryDirectory() as folder:
        for length in (100, 250, 500):
            real = [chain.coords[:length] for chain in chains if length <= len(chain.coords) < 1.2 * length]
            folds = [*real, *(walk(length, seed) for seed in range(16))][:16]
            np.save(f"{folder}/folds.npy", torch.stack(folds).numpy())
            for number in (1, 4, 16):
                seconds, peak = {}, {}
                for method in ("gradient", "energy"):
                    command = [sys.executable, __file__, "--decode", f"{folder}/folds.npy", str(number), method]
                    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                    seconds[method], peak[method] = float(printed[0]) / number, float(printed[1])
                ratio = seconds["energy"] / seconds["gradient"]
                print(
                    f"{length:8} {number:6} {seconds['gradient']:10.2f} {seconds['energy']:9.2f} {ratio:6.1f}"
                    f" {peak['energy']:16.0f}",
                    flush=True,
                )


def decode(file: str, number: int, method: str) -> None:
    """Decode the first so many chains of a file and print the seconds and the peak of the memory, megabytes."""
    folds = torch.from_numpy(np.load(file))
    letters = "A" * folds.shape[1]
    hand = hand_of(ChainTrace(str(at), letters, fold.float().numpy()) for at, fold in enumerate(folds))
    rows = [predicted(str(at), fold, at) for at, fold in enumerate(folds[:number])]
    sequences, config = {row.chain_id: letters for row in rows}, ReconstructConfig(method=method, cap=DECODED_CAP)
    start = time.process_time()
    traces(rows, sequences=sequences, hand=hand, config=config)
    print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def predicted(name: str, fold: Tensor, seed: int) -> PredictionRow:
    """Return a prediction of a fold (L, 3): distances with correlated errors, turns of which one in five is wrong."""
    noisy = correlated_noise(pairwise_distances(fold), 3.65, seed).numpy()
    turns = pseudo_dihedrals(fold)
    drawn = torch.rand(2, len(turns), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    turns = torch.where(drawn[0] < 0.2, math.pi * (2 * drawn[1] - 1), turns)
    packed = triangle.pack(noisy)
    return PredictionRow(
        chain_id=name,
        length=len(fold),
        triu=packed,
        sigma=np.full(len(packed), 4.0),
        distogram=distogram.pack(around(torch.from_numpy(packed.astype(np.float64)), 4.0).numpy()),
        dihedral=turns_around(turns, 0.5).numpy().ravel(),
    )


def accuracy(everything: list[Native], part: slice, methods: list[str], errors: list[float]) -> None:
    counts = torch.zeros(2, BINS, BINS, dtype=torch.long)
    for chain in everything:
        counts[1 - chain.half] += dihedral_counts(chain.coords)
    right = [float(mirror_log_ratio(chain.coords, counts[chain.half])) > 0 for chain in everything]
    short = [len(chain.coords) < SHORT for chain in everything]
    print(f"\nhand of the experimental chains, histogram of the other half: {share(right, short)}")
    print(f"{'distances':>20} {'method':>9} {'chains':>6} {'TM':>7} {'better':>7} {'median':>7} {'s':>6}  hand right")
    chains = sorted(everything[part], key=lambda chain: (chain.half, len(chain.coords)))
    for method in methods:
        correlated = method == "correlated"
        config = ReconstructConfig.model_validate(
            {"method": "gradient" if correlated else method, "correlated_errors": correlated}
        )
        for error in errors:
            rows = []
            seconds = 0.0
            for batch in batches(chains):
                exact = [pairwise_distances(chain.coords) for chain in batch]
                if error:
                    given = [correlated_noise(matrix, error, len(rows) + index) for index, matrix in enumerate(exact)]
                else:
                    given = [torch.where(matrix < CAP, matrix, torch.nan) for matrix in exact]
                distances, mask = stacked(given)
                proline = torch.zeros_like(mask)
                for index, chain in enumerate(batch):
                    proline[index, : len(chain.coords)] = chain.before_proline
                start = time.perf_counter()
                rebuilt = rebuild(distances, mask, counts=counts[batch[0].half], config=config, before_proline=proline)
                seconds += time.perf_counter() - start
                for chain, coords in zip(batch, rebuilt.coords, strict=True):
                    rows.append(compared(coords[: len(chain.coords)], chain.coords))
            table = np.array(rows)
            hands = share(table[:, 2] > 0, [len(chain.coords) < SHORT for chain in chains])
            name = f"noise, MAE {error}" if error else f"exact up to {CAP:.0f} A"
            print(
                f"{name:>20} {method:>9} {len(table):6} {table[:, 0].mean():7.4f} {table[:, 1].mean():7.4f}"
                f" {np.median(table[:, 0]):7.4f} {seconds:6.0f}  {hands}",
                flush=True,
            )


def compared(model: Tensor, native: Tensor) -> tuple[float, float, bool]:
    """Return the TM-score of the model, that of the better of its two hands, and whether that is the model's own.

    The better hand is the one with the smaller RMSD.
    """
    chosen = score(model, native).tm_score
    if rmsd(model, native) <= rmsd(mirror(model), native):
        return chosen, chosen, True
    return chosen, score(mirror(model), native).tm_score, False


def share(right: list[bool] | np.ndarray, short: list[bool]) -> str:
    right, short_ = np.asarray(right), np.asarray(short)
    parts = [f"{100 * right.mean():.2f} % of {len(right)}"]
    if short_.any() and not short_.all():
        parts.append(f"from {SHORT} residues on {100 * right[~short_].mean():.2f} % of {(~short_).sum()}")
        parts.append(f"below {100 * right[short_].mean():.2f} % of {short_.sum()}")
    return "; ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=60, help="take every n-th real chain")
    parser.add_argument("--offset", type=int, default=0, help="beginning at this one, to do all in parts")
    parser.add_argument("--methods", nargs="+", default=["gradient", "correlated"])
    parser.add_argument("--errors", nargs="+", type=float, default=[0.0, 1.8, 3.65], help="MAE; 0: exact up to 22")
    parser.add_argument("--only", choices=["peer", "growth", "decoders", "accuracy"])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--decode", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.one:
        one(int(options.one[0]), options.one[1])
        return
    if options.decode:
        decode(options.decode[0], int(options.decode[1]), options.decode[2])
        return
    folder = shared_folder()
    chains = natives(folder) if folder else []
    if options.only in (None, "peer"):
        beside_the_peer(chains)
    if options.only in (None, "growth"):
        growth()
    if options.only in (None, "decoders"):
        decoders(chains)
    if options.only in (None, "accuracy") and chains:
        accuracy(chains, slice(options.offset, None, options.every), options.methods, options.errors)


if __name__ == "__main__":
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    main()
