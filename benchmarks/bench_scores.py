"""All superposition scores of a pair beside one call of the TMscore program, one core."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import torch

from pipeline.geometry.superposition import score
from pipeline.inference.reconstruct import write_pdb

LENGTHS = (100, 275)
PAIRS = 8


def walk(generator: torch.Generator, length: int) -> torch.Tensor:
    steps = torch.randn(length, 3, generator=generator, dtype=torch.float64)
    return (3.8 * steps / steps.norm(dim=-1, keepdim=True)).cumsum(0)


def main() -> None:
    torch.set_num_threads(1)
    program = shutil.which("TMscore")
    generator = torch.Generator().manual_seed(0)
    print(f"{'residues':>8} {'TMscore, pairs/s':>18} {'here, pairs/s':>14} {'ratio':>6} {'greatest loss of TM':>20}")
    for length in LENGTHS:
        natives = [walk(generator, length) for _ in range(PAIRS)]
        noise = [3 * torch.randn(length, 3, generator=generator, dtype=torch.float64) for _ in natives]
        models = [native + shift for native, shift in zip(natives, noise, strict=True)]
        start = time.perf_counter()
        ours = [score(model, native).tm_score for model, native in zip(models, natives, strict=True)]
        here = PAIRS / (time.perf_counter() - start)
        if program is None:
            print(f"{length:8} {'not installed':>18} {here:14.2f}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for index, (model, native) in enumerate(zip(models, natives, strict=True)):
                pair = (Path(folder, f"{index}m.pdb"), Path(folder, f"{index}n.pdb"))
                for path, coords in zip(pair, (model, native), strict=True):
                    write_pdb(path, "A" * length, coords.numpy(), None)
                paths.append(pair)
            start = time.perf_counter()
            outputs = [
                subprocess.run([program, *map(str, pair)], capture_output=True, text=True).stdout for pair in paths
            ]
            peer = PAIRS / (time.perf_counter() - start)
        theirs = [
            float(next(line for line in output.splitlines() if line.startswith("TM-score")).split("=")[1].split()[0])
            for output in outputs
        ]
        loss = max(their - our for their, our in zip(theirs, ours, strict=True))
        print(f"{length:8} {peer:18.2f} {here:14.2f} {here / peer:6.2f} {loss:20.4f}")


if __name__ == "__main__":
    main()
