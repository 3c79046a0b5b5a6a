"""How the neighbours null was chosen: variants of copying, on validation chains of a results folder.

    snakemake -j 2 nulls --configfile workflow/presets/data/directory.yaml workflow/presets/study/nulls.yaml
    python benchmarks/choose_neighbours.py results/nulls

Prints the tables of docs/method.md: distance error and lDDT of the distances, under the folder's own split and under a
random one (a tenth of the chains that are not in the test). Test chains are not read. What no neighbour covers is
filled from the |i-j| null of the folder's split in both.
"""

import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.lddt import lddt
from proteinmtp.predictors.null import TrainingTables
from proteinmtp.predictors.nulls.neighbours import Neighbour, copy_distances, find
from proteinmtp.predictors.nulls.separation import Expected, training_lengths
from proteinmtp.tables.chains import ChainTrace, read_chains
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT, read_subset

E_VALUES = (0.001, 0.1, 1, 10)

Copy = Callable[[int, Sequence[Neighbour]], np.ndarray]
Neighbours = Mapping[str, Sequence[Neighbour]]


def weighted_mean(count: int, sharpness: float) -> Copy:
    """Return a function that takes the mean over the best neighbours, weights identity to the power of `sharpness`."""

    def copy(length: int, neighbours: Sequence[Neighbour]) -> np.ndarray:
        total, weight = np.zeros((length, length)), np.zeros((length, length))
        for neighbour in neighbours[:count]:
            here, there = neighbour.alignment.pairs()
            matrix = pairwise_distances(torch.from_numpy(neighbour.coords[there].astype(np.float64))).numpy()
            share = neighbour.alignment.identity**sharpness * np.isfinite(matrix)
            total[np.ix_(here, here)] += np.where(np.isfinite(matrix), share * matrix, 0)
            weight[np.ix_(here, here)] += share
        return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)

    return copy


def filled(count: int) -> Copy:
    return lambda length, neighbours: copy_distances(length, neighbours[:count])


def scores(chains: Sequence[ChainTrace], *, neighbours: Neighbours, expected: Expected, copy: Copy) -> np.ndarray:
    """Return (N, 2): distance error in angstrom and lDDT of each chain."""
    rows = []
    for chain in chains:
        copied = copy(len(chain), neighbours[chain.chain_id])
        predicted = np.where(np.isfinite(copied), copied, expected.distances(len(chain)))
        seen = np.isfinite(chain.coords).all(1)
        true = pairwise_distances(torch.from_numpy(chain.coords[seen].astype(np.float64)))
        ours = torch.from_numpy(predicted[np.ix_(seen, seen)])
        rows.append([float((ours - true).abs()[tuple(np.triu_indices(len(true), 1))].mean()), lddt(ours, true)])
    return np.array(rows)


def show(name: str, of_chains: np.ndarray, first: np.ndarray | None = None) -> None:
    line = "{:<28} MAE {:6.3f}  lDDT {:.4f}".format(name, *of_chains.mean(0))
    if first is not None:
        gain = of_chains - first
        error, lddt_error = gain.std(0) / len(gain) ** 0.5
        line += f"   less the first: {gain.mean(0)[0]:+.3f} ± {error:.3f}, {gain.mean(0)[1]:+.4f} ± {lddt_error:.4f}"
    print(line, flush=True)


def study(title: str, *, targets: Sequence[ChainTrace], training: Sequence[ChainTrace], expected: Expected) -> None:
    with tempfile.TemporaryDirectory() as name:

        def near(e_value: float, most: int) -> Neighbours:
            return find(targets, training, folder=Path(name), e_value=e_value, most=most)

        everything = near(E_VALUES[0], 10**6)
        hit = [chain for chain in targets if everything[chain.chain_id]]

        def of_hit(copy: Copy) -> np.ndarray:
            return scores(hit, neighbours=everything, expected=expected, copy=copy)

        print(f"\n{title}: {len(hit)} of {len(targets)} chains have a hit at E-value {E_VALUES[0]}")
        first = of_hit(filled(1))
        show("best alone", first)
        for count in (2, 5, 10, 10**6):
            show(f"filled by up to {count}", of_hit(filled(count)), first)
        for count in (5, 10):
            for sharpness in (0, 4, 8):
                show(f"mean of {count}, identity^{sharpness}", of_hit(weighted_mean(count, sharpness)), first)
        for e_value in E_VALUES:
            ten = near(e_value, 10)
            number = sum(map(bool, ten.values()))
            all_scores = scores(targets, neighbours=ten, expected=expected, copy=filled(10))
            show(f"all chains, E {e_value}, {number} hit", all_scores)


def main() -> None:
    torch.set_num_threads(1)
    data = Path(sys.argv[1]) / "data"
    count = len(list((data / "chains").glob("*.parquet")))
    chains, distances, split = Shards(data / "chains", count), Shards(data / "distances", count), data / "split.parquet"
    tables = TrainingTables(chains=chains, distances=distances, split=split, subset="val")
    expected = Expected.of(training_lengths(tables))
    own, held = (read_chains(chains, read_subset(split, subset)) for subset in ("train", "val"))
    study("own split", targets=held, training=own, expected=expected)
    names = sorted(row.chain_id for row in SPLIT.read(split) if not row.test)
    random.Random(0).shuffle(names)
    tenth = len(names) // 10
    targets, training = (read_chains(chains, set(part)) for part in (names[:tenth], names[tenth:]))
    study("random split", targets=targets, training=training, expected=expected)


if __name__ == "__main__":
    main()
