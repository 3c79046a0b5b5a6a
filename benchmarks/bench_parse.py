"""The parser beside gemmi, biotite and Biopython on uncompressed copies of the same files, and the whole stage.

One process, one core, except where it says two. The best of several rounds, so that what else the machine does counts
little; the slow peers get one round. `gemmi + loop` is what most scripts do: a Python loop over residues and atoms that
takes letters, numbers and C-alphas with the highest occupancy (no SEQRES, no chain breaks, no limits).
"""

import gzip
import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import gemmi

from pipeline import distances, manifest, parse
from proteinmtp.config import DemoSource, ParseConfig, SourceConfig
from proteinmtp.structures.parse import parse_file
from proteinmtp.structures.sources.directory import list_folder
from proteinmtp.structures.synthetic import write_demo

ROUNDS = 7
LIMITS = ParseConfig()
Work = Callable[[Path], object]


def copies_of(shared: Path, scratch: Path, *, every: int = 1) -> None:
    if not shared.is_dir():
        write_demo(scratch, DemoSource(families=4), 0)
        return
    for file in list_folder(shared)[::every]:
        data = file.path.read_bytes()
        name = file.path.name.removesuffix(".gz")
        (scratch / name).write_bytes(gzip.decompress(data) if file.path.suffix == ".gz" else data)


def bare(path: Path) -> object:
    return gemmi.read_structure(str(path))


def ours(path: Path) -> object:
    return parse_file(path, LIMITS)


def loop(path: Path) -> object:
    structure = gemmi.read_structure(str(path))
    structure.setup_entities()
    chains = []
    for chain in structure[0]:
        letters, numbers, positions = [], [], []
        for residue in chain:
            info = gemmi.find_tabulated_residue(residue.name)
            if not info.is_amino_acid():
                continue
            best = None
            for atom in residue:
                if atom.name == "CA" and (best is None or atom.occ > best.occ):
                    best = atom
            letters.append(info.one_letter_code)
            numbers.append(str(residue.seqid))
            positions.append(best.pos.tolist() if best is not None else None)
        chains.append((chain.name, "".join(letters), numbers, positions))
    return chains


def biotite(path: Path) -> object:
    from biotite.structure.io import pdb, pdbx

    if path.suffix == ".pdb":
        atoms = pdb.PDBFile.read(path).get_structure(model=1)
    else:
        atoms = pdbx.get_structure(pdbx.CIFFile.read(path), model=1)
    return atoms[atoms.atom_name == "CA"].coord


def biopython(path: Path) -> object:
    from Bio.PDB import MMCIFParser, PDBParser

    reader = PDBParser if path.suffix == ".pdb" else MMCIFParser
    structure = reader(QUIET=True).get_structure("x", path)
    return [residue["CA"].coord for residue in structure[0].get_residues() if "CA" in residue]


def seconds(works: dict[str, Work], paths: list[Path], rounds: int) -> dict[str, float]:
    """Return the best time of each work over all paths; the works take turns."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            for path in paths:
                try:
                    work(path)
                except Exception:  # a peer that cannot read a file: its time counts, the file does not
                    continue
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def readers(paths: list[Path], what: str = "") -> None:
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    times = seconds({"gemmi alone": bare, "this parser": ours, "gemmi + loop": loop}, paths, ROUNDS)
    times |= seconds({"biotite": biotite, "Biopython": biopython}, paths, 1)
    print(f"{what}{paths[0].suffix[1:]}: {len(paths)} files, {megabytes:.1f} MB")
    print(f"  {'':14} {'files/s':>9} {'MB/s':>7} {'of gemmi alone':>15} {'this parser is':>15}")
    for name, taken in times.items():
        share, factor = times["gemmi alone"] / taken, taken / times["this parser"]
        print(f"  {name:14} {len(paths) / taken:9.0f} {megabytes / taken:7.0f} {share:15.2f} {factor:14.1f}x")


def parse_shard(shard: int, scratch: Path) -> Path:
    """Files to chains on disk, for one shard."""
    chains = scratch / f"chains-{shard}"
    parse.run(
        parse.Inputs(manifest=scratch / f"manifest-{shard}"),
        parse.Outputs(chains=chains, quarantine=scratch / f"quarantine-{shard}"),
        parse.Options(parse=LIMITS),
    )
    return chains


def stage(shard: int, scratch: Path) -> None:
    """Files to chains and distances on disk, for one shard."""
    chains = parse_shard(shard, scratch)
    distances.run(
        distances.Inputs(chains=chains),
        distances.Outputs(distances=scratch / f"distances-{shard}"),
        distances.Options(),
    )


def whole_stage(folder: Path, paths: list[Path], scratch: Path) -> None:
    source = SourceConfig.model_validate({"kind": "directory", "directory": {"path": str(folder)}})
    for shard in range(2):
        manifest.run(
            manifest.Inputs(),
            manifest.Outputs(manifest=scratch / f"manifest-{shard}"),
            manifest.Options(source=source, results=str(scratch), shard=shard, shards=2),
        )
    reading = seconds({"bare": bare}, paths, ROUNDS)["bare"]
    one = two = parsing = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for shard in range(2):
            stage(shard, scratch)
        one = min(one, time.perf_counter() - start)
        start = time.perf_counter()
        for shard in range(2):
            parse_shard(shard, scratch)
        parsing = min(parsing, time.perf_counter() - start)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(stage, [(shard, scratch) for shard in range(2)], chunksize=1)
        for _ in range(ROUNDS):
            start = time.perf_counter()
            pool.starmap(stage, [(shard, scratch) for shard in range(2)], chunksize=1)
            two = min(two, time.perf_counter() - start)
    print(f"whole stage, files to chains + distances on disk: {len(paths)} files")
    print(f"  gemmi alone {len(paths) / reading:.0f} files/s, one process {len(paths) / one:.0f} files/s")
    print(f"  {reading / one:.2f} of gemmi alone, without distances {reading / parsing:.2f}; two processes are", end="")
    print(f" {one / two:.2f} times one")


def main() -> None:
    warnings.simplefilter("ignore")
    shared = Path(os.environ.get("PROTEINMTP_SHARED", Path(__file__).parents[2] / "shared")) / "data"
    with tempfile.TemporaryDirectory() as name:
        folder, small, scratch = Path(name, "files"), Path(name, "small"), Path(name, "out")
        for made in (folder, small, scratch):
            made.mkdir()
        copies_of(shared / "entries", folder)
        paths = [file.path for file in list_folder(folder)]
        for suffix in (".pdb", ".cif"):
            readers([path for path in paths if path.suffix == suffix])
        copies_of(shared / "chains", small, every=12)
        chains = [file.path for file in list_folder(small) if file.path.suffix == ".pdb"]
        readers(chains, "single chains, ")
        whole_stage(folder, paths, scratch)
        print("single chains, ", end="")
        whole_stage(small, chains, scratch)


if __name__ == "__main__":
    main()
