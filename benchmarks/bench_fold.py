"""Folding: one call for many sequences against a call for each, and time and memory by length.

    python benchmarks/bench_fold.py results/runs/slots

Sequences are random letters. Each call is a process of its own, loading included.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LENGTHS = (100, 200, 300, 500, 700, 1000)
MANY, ALONE = 200, 6
"""Sequences of 50 to 300 residues in the one call, and how many of them, evenly spread, get a call of their own."""


def sequence(length: int, rng: np.random.Generator) -> str:
    return "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), length))


def call(model: str, out: Path, *arguments: str) -> float:
    """Run the command and return its seconds by the clock."""
    command = [str(Path(sys.executable).parent / "proteinmtp"), "fold", model, *arguments, "--overwrite"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert (out / "summary.csv").is_file()
    return time.perf_counter() - start


def main(model: str) -> None:
    if not Path(model).is_dir():
        print(f"no model in {model}: run the demo first, or name a run's folder")
        return
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        out, fasta = Path(folder) / "out", Path(folder) / "in.fasta"
        print(f"{'residues':>10} {'seconds':>8} {'peak MB':>8}")
        for length in LENGTHS:  # rising, since the peak of all calls so far is what the system tells
            seconds = call(model, out, str(out), "--sequence", sequence(length, rng))
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
            print(f"{length:>10} {seconds:>8.1f} {peak:>8.0f}", flush=True)
        lengths = np.linspace(50, 300, MANY).astype(int)
        sequences = [sequence(length, rng) for length in lengths]
        alone = [call(model, out, str(out), "--sequence", sequences[at]) for at in range(0, MANY, MANY // ALONE)]
        fasta.write_text("".join(f">s{at}\n{letters}\n" for at, letters in enumerate(sequences)), encoding="utf-8")
        together = call(model, out, str(fasta), str(out)) / MANY
        mean = float(np.mean(alone))
        print(
            f"a sequence in a call of its own {mean:.2f} s, one of {MANY} {together:.2f} s: {mean / together:.1f} times"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "results/runs/slots")
