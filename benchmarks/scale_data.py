"""Synthetic chains by the thousand: structure files, and the tables that stages read, for measurements of scale.

Chains have 50 to 400 residues, the traces of a few folds with noise, and sequences in families of five that are as far
apart as the demo's. Chain n is the same in data of any size, so a larger set is a smaller one and more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline import distances
from proteinmtp.geometry.constants import TRANS_BOND as BOND
from proteinmtp.geometry.polypeptide import build_polypeptide
from proteinmtp.structures.synthetic import AMINO_ACIDS, TOPOLOGIES, make_family
from proteinmtp.tables.chains import CHAINS, ChainRow
from proteinmtp.tables.distances import DISTANCES
from proteinmtp.tables.intake import Intake
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.quarantine import QUARANTINE
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT, SplitRow
from proteinmtp.tables.traces import TRACES, TraceRow

SHORTEST, LONGEST = 50, 400
FOLDS, DOMAINS = 4, 6
MEMBERS = 5
MUTATED = (0.3, 0.5)
NOISE = 0.15
"""Angstrom, of each coordinate."""
OTHER = 10
"""One chain of so many is in the test, another in validation."""


@cache
def folds() -> list[np.ndarray]:
    """Return backbones (LONGEST, 4, 3): N, CA, C and O of each residue, angstrom; each is several domains in a row."""
    rng = np.random.default_rng(0)
    families = [make_family(topology, rng) for topology in TOPOLOGIES[:DOMAINS]]
    domains = [build_polypeptide(family.phi, family.psi) for family in families]
    backbones = []
    for number in range(FOLDS):
        atoms = domains[number]
        while len(atoms) < LONGEST:
            following = domains[int(rng.integers(DOMAINS))]
            atoms = np.concatenate([atoms, following - following[0, 1] + atoms[-1, 1] + _step(atoms)])
        backbones.append(atoms[:LONGEST])
    return backbones


def _step(atoms: np.ndarray) -> np.ndarray:
    """Return a C-alpha bond that leads out of a chain (L, 4, 3)."""
    outward: np.ndarray = atoms[-1, 1] - atoms[:, 1].mean(0)
    return BOND * outward / np.linalg.norm(outward)


def backbone(number: int) -> np.ndarray:
    """Return the atoms (L, 4, 3) of chain `number`, angstrom."""
    length = int(np.random.default_rng([0, number // MEMBERS]).integers(SHORTEST, LONGEST + 1))
    rng = np.random.default_rng([1, number])
    start = int(rng.integers(0, LONGEST - length + 1))
    atoms: np.ndarray = folds()[number // MEMBERS % FOLDS][start : start + length]
    return atoms + rng.normal(0, NOISE, atoms.shape)


def sequence(number: int) -> str:
    """Return the sequence of chain `number`: that of its family, mutated."""
    length = int(np.random.default_rng([0, number // MEMBERS]).integers(SHORTEST, LONGEST + 1))
    letters = np.random.default_rng([2, number // MEMBERS]).integers(0, len(AMINO_ACIDS), length)
    rng = np.random.default_rng([3, number])
    changed = rng.random(length) < rng.uniform(*MUTATED)
    letters = np.where(changed, rng.integers(0, len(AMINO_ACIDS), length), letters)
    return "".join(AMINO_ACIDS[letter] for letter in letters)


def chain(number: int) -> ChainRow:
    """Return chain `number` as a row of the table."""
    coords, letters = backbone(number)[:, 1].astype(np.float32), sequence(number)
    return ChainRow(
        chain_id=f"e{number:07d}_A",
        entry_id=f"e{number:07d}",
        chain="A",
        sequence=letters,
        length=len(letters),
        coords=coords,
        observed=np.ones(len(letters), dtype=bool),
        resolution=2.0,
        method="X-RAY DIFFRACTION",
        year=2000 + number % 25,
        affinity=None,
        uniprot=None,
        copies=1,
        breaks=0,
        source_sha256=f"{number:064x}",
    )


@dataclass(frozen=True)
class Data:
    """Tables of the first chains, in a folder."""

    folder: Path
    chains: Shards
    quarantine: Shards

    @property
    def split(self) -> Path:
        """Table of the subsets: one tenth each for validation and test."""
        return self.folder / "split.parquet"

    def other(self, name: str) -> Shards:
        """Return the shards of another table of the same chains."""
        return Shards(self.folder / name, len(self.chains))


def write_tables(folder: Path, count: int, *, shard: int) -> Data:
    """Write chains, in shards of so many, an empty quarantine, and the split."""
    number = -(-count // shard)
    data = Data(folder, Shards(folder / "chains", number), Shards(folder / "quarantine", number))
    rows: list[SplitRow] = []
    for at, (chains, quarantine) in enumerate(zip(data.chains, data.quarantine, strict=True)):
        numbers = range(at * shard, min(count, (at + 1) * shard))
        with CHAINS.open(chains) as table:
            for row in map(chain, numbers):
                table.add(row)
            table.metadata(**Intake(files=len(numbers), chains=len(numbers)).metadata())
        QUARANTINE.write(quarantine, [])
        rows.extend(map(split_row, numbers))
    SPLIT.write(data.split, rows)
    return data


def split_row(number: int) -> SplitRow:
    """Return the subset of chain `number`."""
    length = int(np.random.default_rng([0, number // MEMBERS]).integers(SHORTEST, LONGEST + 1))
    place = number // MEMBERS % OTHER
    return SplitRow(
        chain_id=f"e{number:07d}_A",
        cluster_id=f"e{number // MEMBERS * MEMBERS:07d}_A",
        length=length,
        train=place > 1,
        val=place == 1,
        test=place == 0,
    )


def write_distances(data: Data) -> Shards:
    """Write the distances of all chains by the stage that does so."""
    shards = data.other("distances")
    for chains, output in zip(data.chains, shards, strict=True):
        distances.run(distances.Inputs(chains=chains), distances.Outputs(distances=output), distances.Options())
    return shards


def write_scored(data: Data, distances: Shards) -> tuple[Shards, Shards]:
    """Write predictions and traces of all chains that are the experiment itself."""
    predictions, traces = data.other("predictions"), data.other("traces")
    for chains, known, prediction, trace in zip(data.chains, distances, predictions, traces, strict=True):
        PREDICTIONS.write(
            prediction,
            (PredictionRow(chain_id=row.chain_id, length=row.length, triu=row.triu) for row in DISTANCES.read(known)),
        )
        TRACES.write(trace, map(_trace, CHAINS.read(chains)))
    return predictions, traces


def _trace(row: ChainRow) -> TraceRow:
    return TraceRow(
        chain_id=row.chain_id,
        length=row.length,
        coords=row.coords,
        method="mds",
        stress=0.0,
        mirror_margin=0.0,
        mixed_hand=0.0,
        error_reach=None,
        confidence=np.full(row.length, 50, dtype=np.float32),
    )


def write_files(folder: Path, count: int) -> list[Path]:
    """Write chains as PDB files with the atoms of the backbone."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_pdb(folder / f"e{number:07d}.pdb", number) for number in range(count)]


def write_copies(folder: Path, count: int, originals: Iterable[Path]) -> None:
    """Write so many small structure files, copies of some that differ in a remark, a thousand in a folder."""
    texts = [path.read_text(encoding="ascii") for path in islice(originals, 100)]
    for number in range(count):
        place = folder / f"{number // 1000:04d}"
        place.mkdir(parents=True, exist_ok=True)
        text = f"REMARK 250 COPY {number:07d}\n{texts[number % len(texts)]}"
        (place / f"e{number:07d}.pdb").write_text(text, encoding="ascii")


def _write_pdb(path: Path, number: int) -> Path:
    path.write_text("\n".join([*_atoms(number), "TER", "END", ""]), encoding="ascii")
    return path


def _atoms(number: int) -> Iterator[str]:
    names = dict(zip(AMINO_ACIDS, _THREE.split(), strict=True))
    serial = 0
    for residue, (letter, atoms) in enumerate(zip(sequence(number), backbone(number), strict=True), 1):
        for name, (x, y, z) in zip(("N", "CA", "C", "O"), atoms, strict=True):
            serial += 1
            yield (
                f"ATOM  {serial % 100_000:5d}  {name:<3} {names[letter]} A{residue:4d}    "
                f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00           {name[0]}"
            )


_THREE = "ALA CYS ASP GLU PHE GLY HIS ILE LYS LEU MET ASN PRO GLN ARG SER THR VAL TRP TYR"
