"""How the neighbours null was chosen: variants of copying, on validation chains of a results folder.

    snakemake -j 2 nulls --configfile workflow/presets/nulls.yaml
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

from proteinmtp.tables.reader import ChainRecord, read_chains, read_subset
from proteinmtp.tables.parquet import read_rows
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.lddt import lddt
from proteinmtp.predictors.nulls import Tables, neighbours, separation
from proteinmtp.predictors.nulls.neighbours import Neighbour, copy_distances

E_VALUES = (0.001, 0.1, 1, 10)

Copy = Callable[[int, Sequence[Neighbour]], np.ndarray]
Found = Mapping[str, Sequence[Neighbour]]


def weighted_mean(count: int, sharpness: float) -> Copy:
    """Return a function that takes the mean over the best neighbours, weights identity to the power of `sharpness`."""

    def copy(length: int, found: Sequence[Neighbour]) -> np.ndarray:
        total, weight = np.zeros((length, length)), np.zeros((length, length))
        for neighbour in found[:count]:
            here, there = neighbour.alignment.pairs()
            matrix = pairwise_distances(torch.from_numpy(neighbour.coords[there].astype(np.float64))).numpy()
            share = neighbour.alignment.identity**sharpness * np.isfinite(matrix)
            total[np.ix_(here, here)] += np.where(np.isfinite(matrix), share * matrix, 0)
            weight[np.ix_(here, here)] += share
        return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)

    return copy


def filled(count: int) -> Copy:
    return lambda length, found: copy_distances(length, found[:count])


def scores(chains: Sequence[ChainRecord], found: Found, null: separation.SeparationNull, copy: Copy) -> np.ndarray:
    """Return (N, 2): distance error in angstrom and lDDT of each chain."""
    rows = []
    for chain in chains:
        copied = copy(len(chain), found[chain.chain_id])
        predicted = np.where(np.isfinite(copied), copied, null.distances(len(chain)))
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


def study(title: str, targets: Sequence[ChainRecord], training: Sequence[ChainRecord], tables: Tables) -> None:
    with tempfile.TemporaryDirectory() as name:
        separation.fit(tables, Path(name) / "separation.parquet")
        null = separation.SeparationNull.read(Path(name) / "separation.parquet")

        def find(e_value: float, most: int) -> Found:
            neighbours.E_VALUE, neighbours.NEIGHBOURS = e_value, most
            return neighbours.find(targets, training, Path(name))

        everything = find(E_VALUES[0], 10**6)
        hit = [chain for chain in targets if everything[chain.chain_id]]
        print(f"\n{title}: {len(hit)} of {len(targets)} chains have a hit at E-value {E_VALUES[0]}")
        first = scores(hit, everything, null, filled(1))
        show("best alone", first)
        for count in (2, 5, 10, 10**6):
            show(f"filled by up to {count}", scores(hit, everything, null, filled(count)), first)
        for count in (5, 10):
            for sharpness in (0, 4, 8):
                mean = scores(hit, everything, null, weighted_mean(count, sharpness))
                show(f"mean of {count}, identity^{sharpness}", mean, first)
        for e_value in E_VALUES:
            found = find(e_value, 10)
            number = sum(map(bool, found.values()))
            show(f"all chains, E {e_value}, {number} hit", scores(targets, found, null, filled(10)))


def main() -> None:
    torch.set_num_threads(1)
    data = Path(sys.argv[1]) / "data"
    shards = [sorted((data / name).glob("*.parquet")) for name in ("chains", "distances")]
    tables = Tables(shards[0], shards[1], data / "split.parquet", "val")
    own, held = (read_subset(tables.split, subset) for subset in ("train", "val"))
    study("own split", read_chains(shards[0], held), read_chains(shards[0], own), tables)
    names = sorted(row["chain_id"] for row in read_rows(tables.split) if not row["test"])
    random.Random(0).shuffle(names)
    tenth = len(names) // 10
    targets, training = read_chains(shards[0], set(names[:tenth])), read_chains(shards[0], set(names[tenth:]))
    study("random split", targets, training, tables)


if __name__ == "__main__":
    main()
