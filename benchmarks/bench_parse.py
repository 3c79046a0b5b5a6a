"""The parser beside gemmi's bare reading, on uncompressed copies of the same files, one core."""

import gzip
import os
import tempfile
import time
from pathlib import Path

import gemmi

from pipeline.config_data import DemoSource, ParseConfig
from pipeline.structures.demo import write_demo
from pipeline.structures.parse import read_chains
from pipeline.structures.sources import list_folder

ROUNDS = 3


def files_in(scratch: Path) -> list[Path]:
    shared = Path(os.environ.get("PROTEINMTP_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "entries"
    if not shared.is_dir():
        write_demo(DemoSource(families=4), 0, scratch / "demo", scratch / "demo.json")
        return [file.path for file in list_folder(scratch / "demo")]
    copies = []
    for file in list_folder(shared):
        copy = scratch / file.path.name.removesuffix(".gz")
        copy.write_bytes(
            gzip.decompress(file.path.read_bytes()) if file.path.suffix == ".gz" else file.path.read_bytes()
        )
        copies.append(copy)
    return copies


def bare(path: Path) -> None:
    try:
        gemmi.read_structure(str(path))
    except (ValueError, RuntimeError):
        return


def rate(work, paths: list[Path]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for path in paths:
            work(path)
        best = min(best, time.perf_counter() - start)
    return len(paths) / best


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        everything = files_in(Path(folder))
        print(f"{'format':8} {'files':>6} {'gemmi alone, files/s':>22} {'parser, files/s':>17} {'ratio':>6}")
        for name, suffixes in (("PDB", (".pdb", ".ent")), ("mmCIF", (".cif", ".mmcif"))):
            paths = [path for path in everything if path.suffix in suffixes]
            reading = rate(bare, paths)
            parsing = rate(lambda path: list(read_chains(path, ParseConfig())), paths)
            print(f"{name:8} {len(paths):6} {reading:22.0f} {parsing:17.0f} {parsing / reading:6.2f}")


if __name__ == "__main__":
    main()
