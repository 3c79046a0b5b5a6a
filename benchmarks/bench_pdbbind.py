"""A PDBbind tree of full size: how long until Snakemake knows what to do, and with --full until the split is made.

The tree has as many entries as release 2020R1 and its layout. The entries are small: chains of about 60 residues from
the demo, each with bytes of its own, so listing is as in the real tree, hashing and parsing read less.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from proteinmtp.config import DemoSource, SourceConfig
from proteinmtp.structures.listing import list_source, load_source, shard_digests
from proteinmtp.structures.synthetic import write_demo

ENTRIES = 19_037
SHARDS = 16
ROOT = Path(__file__).resolve().parents[1]
YEARS = {"1981-2000": (1981, 2000), "2001-2010": (2001, 2010), "2011-2019": (2011, 2019)}


def make_tree(root: Path, entries: int, scratch: Path) -> None:
    """Write the tree: demo proteins under new codes, each with a remark that no other has."""
    write_demo(scratch / "demo", DemoSource(families=12, members=50), 0)
    proteins = [path.read_bytes() for path in sorted((scratch / "demo").glob("f*.pdb"))]
    rng = random.Random(0)
    lines = ["# PDB code, resolution, release year, binding data, reference, ligand name"]
    for number in range(entries):
        code = f"1{base36(number)}"
        period = rng.choice(list(YEARS))
        folder = root / "P-L" / period / code
        folder.mkdir(parents=True)
        remark = f"REMARK   {number}\n".encode()
        (folder / f"{code}_protein.pdb").write_bytes(remark + proteins[number % len(proteins)])
        year, resolution = rng.randint(*YEARS[period]), rng.uniform(1, 3.5)
        lines.append(f"{code}  {resolution:.2f}  {year}  Ki={rng.randint(1, 999)}nM       // {code}.pdf (LIG)")
    (root / "index").mkdir()
    (root / "index" / "INDEX_general_PL.2020R1.lst").write_text("\n".join(lines) + "\n", encoding="utf-8")


def base36(number: int) -> str:
    """Return a number below 46,656 as three digits and letters."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return digits[number // 1296] + digits[number // 36 % 36] + digits[number % 36]


def snakemake(folder: Path, *arguments: str) -> None:
    """Run Snakemake with the project's Snakefile in `folder`, as far as the split."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    target = ("results/data/split.parquet", *arguments)
    settings = ("-s", str(ROOT / "Snakefile"), "--configfile", "mine.yaml", "-j", "2")
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *target, *settings],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])


def timed(what: str, work: Callable[[], object], entries: int) -> None:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{what:42} {seconds:9.2f} {entries / seconds:12.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--full", action="store_true", help="also run the pipeline up to the split; takes minutes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree = folder / "pdbbind"
        make_tree(tree, options.entries, folder / "scratch")
        shutil.copy(ROOT / "config.yaml", folder / "config.yaml")
        source = {"kind": "pdbbind", "pdbbind": {"path": str(tree)}}
        config = SourceConfig.model_validate(source)
        settings = {"source": source, "parse": {"shards": SHARDS}, "split": {"method": "cluster"}}
        (folder / "mine.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        list_files = load_source(config, folder).list_files
        assert len(list_files()) == options.entries

        def digests() -> None:
            shard_digests(list_source(config, folder / "other"), SHARDS, folder / "other")

        print(f"{options.entries} entries\n{'':42} {'seconds':>9} {'entries/s':>12}")
        timed("list the tree", list_files, options.entries)
        timed("list and hash, first time", digests, options.entries)
        timed("list and compare hashes, later", digests, options.entries)
        timed("snakemake -n, first time", lambda: snakemake(folder, "-n"), options.entries)
        timed("snakemake -n, later", lambda: snakemake(folder, "-n"), options.entries)
        if options.full:
            timed("snakemake -j 2, from manifest to split", lambda: snakemake(folder), options.entries)
            timed("snakemake -j 2, nothing to do", lambda: snakemake(folder), options.entries)


if __name__ == "__main__":
    main()
