"""Scores of a pair beside one call of the TMscore program, on one core.

Pairs of about 275 residues: published predictions where the shared data are at hand, good ones and poor ones, and
random walks. A call of the program reads two files and starts a process, as whoever scores with it has to. What is
counted is time on the processor, that of the child process too, so that other work on the machine does not decide.
"""

import csv
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.geometry.superposition import score
from proteinmtp.scoring.chain import score_chain
from proteinmtp.structures.pairing import pair
from proteinmtp.structures.protein_chains import read_protein_chains
from proteinmtp.structures.writing import write_trace

SHARED = Path(os.environ.get("PROTEINMTP_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SCORES = ("TM-score", "GDT-TS-score", "GDT-HA-score")
NAMES = ("tm_score", "gdt_ts", "gdt_ha")
PAIRS = 24
REPEATS = 5

Pair = tuple[np.ndarray, np.ndarray]


def walks() -> list[Pair]:
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(PAIRS, 275, 3))
    natives = (TRANS_BOND * steps / np.linalg.norm(steps, axis=-1, keepdims=True)).cumsum(1)
    return [(native + rng.normal(scale=3, size=native.shape), native) for native in natives]


def published(
    low: float, high: float, *, shortest: int = 225, longest: int = 325, most: int | None = PAIRS
) -> list[Pair]:
    """Some of the published models of a TM-score and a number of residues within the bounds."""
    folder = next((path for path in (SHARED / "data", SHARED) if (path / "scored").is_dir()), None)
    if folder is None:
        return []
    pairs = []
    with (folder / "scored" / "scores.csv").open() as handle:
        rows = [row for row in csv.DictReader(handle) if low <= float(row["tm_score"]) < high]
    for row in rows:
        native, model = (read_protein_chains(folder / "scored" / row[name])[0] for name in ("native", "model"))
        if shortest <= len(native.letters) <= longest:
            placed = pair(native, model, sequence=row["seqres"])
            seen = np.isfinite(placed.native).all(1) & np.isfinite(placed.model).all(1)
            pairs.append((placed.model[seen], placed.native[seen]))
    return pairs if most is None else pairs[:: max(1, len(pairs) // most)][:most]


def processor_time() -> float:
    """Seconds that this process and its finished children have computed."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def rate(work: Callable[[], object], pairs: int, repeats: int = REPEATS) -> float:
    """Pairs for each second of processor time, in the best of some repeats."""
    best = np.inf
    for _ in range(repeats):
        start = processor_time()
        work()
        best = min(best, processor_time() - start)
    return pairs / best


def program(path: str, pairs: list[Pair], repeats: int = REPEATS) -> tuple[float, np.ndarray]:
    """Calls a second, and the program's three scores of each pair."""
    with tempfile.TemporaryDirectory() as folder:
        calls = []
        for index, coords in enumerate(pairs):
            files = [Path(folder, f"{index}{name}.pdb") for name in ("model", "native")]
            for file, points in zip(files, coords, strict=True):
                write_trace(file, sequence="A" * len(points), coords=points)
            calls.append([path, *map(str, files)])
        texts: list[str] = []

        def call() -> None:
            texts[:] = [subprocess.run(call, capture_output=True, text=True).stdout for call in calls]

        speed = rate(call, len(pairs), repeats)
    lines = [{line.split("=")[0].strip(): line for line in text.splitlines() if "=" in line} for text in texts]
    return speed, np.array([[float(of_pair[name].split("=")[1].split()[0]) for name in SCORES] for of_pair in lines])


def main() -> None:
    torch.set_num_threads(1)
    path = shutil.which("TMscore")
    if path is None:
        print("the TMscore program (Debian's tm-align) is not installed: no peer to compare with")
        return
    print("pairs a second, one core; loss: the program's score minus ours, greatest over the pairs")
    head = (
        "pairs",
        "mean L",
        "TMscore",
        "all metrics",
        "ratio",
        "search alone",
        "ratio",
        "loss TM",
        "GDT-TS",
        "GDT-HA",
    )
    print(f"{'':24}" + "".join(f"{word:>12}" for word in head))
    kinds = {"published, TM >= 0.5": published(0.5, 2), "published, TM < 0.5": published(0, 0.5), "walks": walks()}
    for name, pairs in kinds.items():
        if not pairs:
            print(f"{name:24} no shared data")
            continue
        tensors = [(torch.from_numpy(model), torch.from_numpy(native)) for model, native in pairs]
        ours = [score_chain(*of_pair).scores for of_pair in pairs]
        every = rate(lambda pairs=pairs: [score_chain(*of_pair) for of_pair in pairs], len(pairs))
        alone = rate(lambda ts=tensors: [score(model, native) for model, native in ts], len(pairs))
        calls, theirs = program(path, pairs)
        loss = (theirs - np.array([[scores[key] for key in NAMES] for scores in ours])).max(0)
        length = np.mean([len(native) for _, native in pairs])
        print(
            f"{name:24}{len(pairs):12}{length:12.0f}{calls:12.1f}{every:12.0f}{every / calls:12.1f}"
            f"{alone:12.0f}{alone / calls:12.1f}" + "".join(f"{value:12.4f}" for value in loss)
        )


if __name__ == "__main__":
    main()
