"""The scores of the TMscore program (Debian's tm-align), to compare ours with."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from .traces import write_trace

LABELS = {"tm_score": "TM-score", "gdt_ts": "GDT-TS-score", "gdt_ha": "GDT-HA-score"}

needs_program = pytest.mark.skipif(
    shutil.which("TMscore") is None, reason="the TMscore program (Debian's tm-align) is not installed"
)


def program_scores(folder: Path, model: np.ndarray, native: np.ndarray) -> dict[str, float]:
    """Return the program's scores of points (N, 3) that belong together in order, by our names.

    Files have three decimals: give points that are rounded so, or differ by what that is worth.
    """
    files = {"model": model, "native": native}
    for name, coords in files.items():
        write_trace(folder / f"{name}.pdb", "A" * len(coords), coords)
    command = ["TMscore", *(str(folder / f"{name}.pdb") for name in files)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {name: next(line for line in lines if line.startswith(label)) for name, label in LABELS.items()}
    return {name: float(line.split("=")[1].split()[0]) for name, line in found.items()}
