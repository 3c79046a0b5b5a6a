"""The polymers of a structure file as arrays, one row for each residue that has atoms.

gemmi reads the records and says what is a polymer, a ligand or water. A TER record ends a polymer, as the format has
it; what follows under the same chain id is another one, unless the C-alpha distance across the TER is that of a
peptide bond or SEQRES holds both parts.
"""

from dataclasses import dataclass, replace
from typing import Any

import gemmi
import numpy as np

from proteinmtp.geometry.constants import LONGEST_BOND
from proteinmtp.structures import mmcif_block
from proteinmtp.structures.letters import letters_of_integers, letters_of_names, text_of
from proteinmtp.structures.mmcif_records import mmcif_records
from proteinmtp.structures.pdb_records import pdb_records
from proteinmtp.structures.placement import place
from proteinmtp.structures.records import RecordError, printable

FIRST_YEAR = 1970
"""No structure was deposited before; a PDB file has two digits only, and 69 would be read as 2069."""
ALPHA = np.frombuffer(b"CA\0\0\0\0\0\0", dtype="<u8")[0]
"""The atom name CA, and the residue name of calcium, as an integer."""
LONGEST_CHAIN_NAME = 64
"""Letters; a longer one is no name."""
LONGEST_NAME = 7
"""Letters; gemmi's arrays hold no more."""
POLYMER = gemmi.EntityType.Polymer.value


@dataclass(frozen=True)
class Polymer:
    """One polymer of the first model; arrays have a row for each of its n residues with atoms.

    Attributes:
        chain: the author's chain id, may be empty.
        kind: what gemmi takes it for.
        letters: n letters, modified residues as their parent, X where there is none.
        numbers: (n,) int, the author's residue numbers; insertions repeat one.
        coords: (n, 3) float32, C-alpha positions in angstrom, NaN where there is none.
        b_factors: (n,) float32, as the file has them; in predictions often the confidence.
        steps: (n - 1,) float32, angstrom from each C-alpha to the next, NaN where one is missing.
        places: (n,) int, positions in `sequence` from 0; None where the file does not say.
        sequence: letters of the full sequence, "" where the file does not say.
        uniprot: accession, or None.
    """

    chain: str
    kind: gemmi.PolymerType
    letters: str
    numbers: np.ndarray
    coords: np.ndarray
    b_factors: np.ndarray
    steps: np.ndarray
    places: np.ndarray | None
    sequence: str = ""
    uniprot: str | None = None


@dataclass(frozen=True)
class StructureFile:
    """What a file holds.

    Attributes:
        polymers: in the order of the file.
        atoms: number of atom records of the first model.
        resolution: angstrom, or None.
        method: experimental method, or None.
        year: of deposition, or None.
        repairs: names of the harmless defects that were repaired.
    """

    polymers: tuple[Polymer, ...]
    atoms: int
    resolution: float | None
    method: str | None
    year: int | None
    repairs: tuple[str, ...]


def read_structure(data: bytes, mmcif: bool) -> StructureFile:
    """Read the text of a PDB file, or of an mmCIF file.

    Raises:
        RecordError: if the position of a residue is no number, or there are several structures.
        ValueError, RuntimeError: whatever gemmi raises for a text that it cannot read.
    """
    _refuse_zeros(data)
    if mmcif:
        records = mmcif_records(data)
        block, repaired = mmcif_block.read_block(records.data, data)
        repairs = [*records.repairs, *repaired]
        structure = gemmi.make_structure_from_block(block)
        structure.setup_entities()
        polymers = _mmcif_polymers(structure, mmcif_block.accessions(block), mmcif_block.parents(block))
    else:
        records = pdb_records(data)
        repairs = [*records.repairs]
        structure = gemmi.read_pdb_string(records.data, split_chain_on_ter=True)
        structure.add_entity_types()
        polymers = _pdb_polymers(structure, _pdb_accessions(records.data))
    atoms = structure[0].count_atom_sites() if len(structure) else 0
    if records.left_out and not len(structure):
        raise RecordError("gemmi finds no model in its atom table; is a column missing?")
    info = dict(structure.info.items())
    year = info.get("_pdbx_database_status.recvd_initial_deposition_date", "")[:4]
    known = year.isdigit() and FIRST_YEAR <= int(year) < FIRST_YEAR + 100
    return StructureFile(
        polymers=tuple(polymers),
        atoms=atoms + records.left_out,
        resolution=structure.resolution or None,
        method=info.get("_exptl.method"),
        year=int(year) if known else None,
        repairs=tuple(repairs),
    )


@dataclass(frozen=True)
class _Stated:
    """What a file says of a polymer beside its atoms; attributes as in `Polymer`."""

    chain: str
    kind: gemmi.PolymerType
    places: np.ndarray | None
    sequence: str
    uniprot: str | None


class _Residues:
    """The residues of all polymers of the first model as arrays, one row each; made from its atoms at once."""

    def __init__(self, structure: gemmi.Structure, parents: dict[str, str], borders: np.ndarray):
        """Read the atoms.

        Parameters:
            structure: with entity types.
            parents: residue names that the file itself explains, for those that are in no table.
            borders: atoms at which a chain begins, so that no residue reaches over one; rising, the first is 0.
        """
        flat = gemmi.FlatStructure(structure)
        rows = (flat.entity_type[: borders[-1]] == POLYMER).nonzero()[0]
        begins = np.searchsorted(rows, borders)
        # Where nothing is left out, views cost less than copies.
        here: np.ndarray | slice = rows if len(rows) < borders[-1] else slice(0, len(rows))
        numbers, insertions, altlocs = flat.resnums[here], flat.icodes[here], flat.altlocs[here]
        several = bool(altlocs.any())
        if several:
            order = _side_by_side(numbers, insertions, altlocs, begins)
            here = rows = rows[order]
            numbers, insertions, altlocs = numbers[order], insertions[order], altlocs[order]
        names = _integers(flat.residue_names)[here]
        alpha = (_integers(flat.atom_names)[here] == ALPHA) & (names != ALPHA)
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (numbers[1:] != numbers[:-1]) | (insertions[1:] != insertions[:-1])
        changed = names[1:] != names[:-1]
        new[1:] |= changed & (altlocs[1:] == 0) if several else changed
        new[begins[begins < len(rows)]] = True
        self.ends = begins
        if not new.all():
            # Alternate locations, or two kinds of amino acid at one place: the C-alpha with the highest occupancy,
            # the first of equals.
            place = np.cumsum(new) - 1
            firsts = new.nonzero()[0]
            self.ends = np.searchsorted(firsts, begins)
            chosen = np.lexsort((-flat.occ[rows], ~alpha, place))[firsts]
            here = rows = rows[chosen]
            alpha, numbers, names = alpha[chosen], numbers[chosen], names[chosen]
        self.rows = rows
        self.alpha, self.numbers = alpha, numbers
        self.coords = flat.pos[here].astype(np.float32)
        self.b_factors = flat.b_iso[here]
        if not np.isfinite(self.coords).all():
            worst = int(np.argmax(self.alpha & ~np.isfinite(self.coords).all(axis=1)))
            if self.alpha[worst] and not np.isfinite(self.coords[worst]).all():
                raise RecordError(f"residue {self.numbers[worst]}: the position of its C-alpha is no number")
        if not self.alpha.all():
            self.coords[~self.alpha] = np.nan
        self.steps = _distances(self.coords[1:], self.coords[:-1])
        self.letters = letters_of_integers(names)
        if parents and "X" in self.letters:
            self.letters = letters_of_names([text_of(name) for name in names.tolist()], parents)
        self.from_atom_records = flat.het_flags[here] == ord("A")

    def polymer(self, begin: int, end: int, stated: _Stated) -> Polymer:
        """Return the residues from `begin` to `end` as a polymer."""
        here = slice(begin, end)
        return Polymer(
            chain=stated.chain,
            kind=stated.kind,
            letters=self.letters[here],
            numbers=self.numbers[here],
            coords=self.coords[here],
            b_factors=self.b_factors[here],
            steps=self.steps[begin : end - 1],
            places=stated.places,
            sequence=stated.sequence,
            uniprot=stated.uniprot,
        )


def _side_by_side(numbers: np.ndarray, insertions: np.ndarray, altlocs: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return an order of atoms in which alternate locations stand with the first of their place in the chain.

    Parameters:
        numbers, insertions, altlocs: (n,) of atoms.
        begins: of the chains.
    """
    here = np.arange(len(numbers))
    key = np.searchsorted(begins, here, side="right").astype(np.int64)
    key = (key << 40) + (numbers.astype(np.int64) + (1 << 28) << 8) + insertions
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    first = first[place]
    return np.argsort(np.where((altlocs != 0) & (altlocs[first] != 0), first, here), kind="stable")


def _pdb_polymers(structure: gemmi.Structure, accessions: dict[str, str]) -> list[Polymer]:
    if not len(structure):
        return []
    parents = {item.res_id.name: item.parent_comp_id for item in structure.mod_residues}
    given = {entity.name: letters_of_names(entity.full_sequence, parents) for entity in structure.entities}
    chains = list(structure[0])
    residues = _Residues(structure, parents, np.cumsum([0, *(chain.count_atom_sites() for chain in chains)]))
    polymers: list[Polymer] = []
    for chain, begin, end in zip(chains, residues.ends[:-1].tolist(), residues.ends[1:].tolist(), strict=True):
        if end == begin or (end == begin + 1 and not residues.from_atom_records[begin]):
            continue  # a lone modified residue is a ligand
        name = chain.name
        kind = _kind(chain.get_polymer())
        stated = _Stated(name, kind, None, given.get(name, ""), accessions.get(name))
        _add(polymers, residues.polymer(begin, end, stated))
    return polymers


def _mmcif_polymers(structure: gemmi.Structure, accessions: dict[str, str], parents: dict[str, str]) -> list[Polymer]:
    if not len(structure):
        return []
    entity_of = {subchain: entity.name for entity in structure.entities for subchain in entity.subchains}
    given = {entity.name: letters_of_names(entity.full_sequence, parents) for entity in structure.entities}
    spans = [(chain.name, span) for chain in structure[0] for span in chain.subchains()]
    entities = [entity_of.get(span.subchain_id(), "") for _, span in spans]
    _shorten_names(structure, entity_of)
    sizes = [[len(residue) for residue in span] for _, span in spans]
    residues = _Residues(structure, parents, np.cumsum([0, *map(sum, sizes)]))
    polymers = []
    atom = 0
    for index, (name, span) in enumerate(spans):
        begin, end = residues.ends[index : index + 2].tolist()
        first, atom = atom, atom + sum(sizes[index])
        if begin == end:
            continue
        labels = np.array([residue.label_seq or 0 for residue in span])
        within = np.searchsorted(np.cumsum(sizes[index]), residues.rows[begin:end] - first, side="right")
        places = labels[within] - 1 if labels.all() else None
        entity = entities[index]
        kind = _kind(span)
        stated = _Stated(name, kind, places, given.get(entity, ""), accessions.get(entity))
        polymers.append(residues.polymer(begin, end, stated))
    return polymers


def _shorten_names(structure: gemmi.Structure, entity_of: dict[str, str]) -> None:
    """Number the chains, their parts and entities where the names of some are too long for gemmi's arrays."""
    names = {*entity_of, *entity_of.values(), *(chain.name for chain in structure[0])}
    longest = max(names, key=len, default="")
    if len(longest) > LONGEST_CHAIN_NAME:
        raise RecordError(f"a chain has a name of {len(longest)} letters: {printable(longest[:LONGEST_NAME])}...")
    if len(longest) <= LONGEST_NAME:
        return
    number_of = {name: str(number) for number, name in enumerate(sorted(names))}
    for chain in structure[0]:
        for residue in chain:
            residue.subchain = number_of.get(residue.subchain, "")
            residue.entity_id = number_of.get(residue.entity_id, "")
        chain.name = number_of[chain.name]


def _kind(residues: gemmi.ResidueSpan) -> gemmi.PolymerType:
    """Return what gemmi takes a polymer for; not RNA, as it does, where all that speaks for it is an atom called P."""
    kind = residues.check_polymer_type()
    if kind == gemmi.PolymerType.Rna and not any(
        gemmi.find_tabulated_residue(residue.name).is_nucleic_acid() for residue in residues
    ):
        return gemmi.PolymerType.Other
    return kind


def _add(polymers: list[Polymer], polymer: Polymer) -> None:
    """Append a polymer, or join it to the one before it under the same chain id."""
    index = next((index for index in reversed(range(len(polymers))) if polymers[index].chain == polymer.chain), None)
    if index is not None and polymers[index].kind == polymer.kind:
        before = polymers[index]
        bond = _distances(polymer.coords[:1], before.coords[-1:])
        joined = replace(
            before,
            letters=before.letters + polymer.letters,
            numbers=np.concatenate([before.numbers, polymer.numbers]),
            coords=np.concatenate([before.coords, polymer.coords]),
            b_factors=np.concatenate([before.b_factors, polymer.b_factors]),
            steps=np.concatenate([before.steps, bond, polymer.steps]),
        )
        if bond[0] <= LONGEST_BOND or _holds_both(joined, len(polymer.letters)):
            polymers[index] = joined
            return
        polymer = replace(polymer, sequence="")
    polymers.append(polymer)


def _holds_both(joined: Polymer, added: int) -> bool:
    """Return whether the given sequence has a place for all residues, with the same letters for the last `added`."""
    places = place(joined.letters, joined.numbers, joined.sequence, joined.steps) if joined.sequence else None
    if places is None:
        return False
    given = "".join(joined.sequence[index] for index in places[-added:].tolist())
    return given == joined.letters[-added:]


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the distances of the rows of two (n, 3) arrays."""
    steps = one - other
    distances: np.ndarray = np.sqrt(np.einsum("ij,ij->i", steps, steps))
    return distances


def _refuse_zeros(data: bytes) -> None:
    """Raise for a NUL byte, after which gemmi skips what follows without a word."""
    if b"\0" in data:
        at = data.index(b"\0")
        begin = data.rfind(b"\n", 0, at) + 1
        shown = printable(data[begin : begin + 72].partition(b"\n")[0].decode("ascii", "replace")).rstrip()
        line = data.count(b"\n", 0, at) + 1
        raise RecordError(f"line {line}: a NUL byte, the file is damaged: {shown}")


def _integers(names: Any) -> np.ndarray:
    """Return names of up to eight bytes, (n, 8) int8, as integers."""
    integers: np.ndarray = names.view("<u8")[:, 0]
    return integers


def _pdb_accessions(data: bytes) -> dict[str, str]:
    """Return the UniProt accession of each chain from the DBREF lines, the first where there are several."""
    accessions: dict[str, str] = {}
    first_atom = data.find(b"\nATOM")
    end = first_atom if first_atom >= 0 else len(data)
    begin = data.find(b"DBREF", 0, end)
    long_form: set[str] = set()
    while begin >= 0:
        line = data[begin : begin + 72].decode("ascii", "replace")
        chain, in_uniprot = line[11:13].strip(), line[26:32].strip() in mmcif_block.UNIPROT
        if line[5] == " " and in_uniprot:
            accessions.setdefault(chain, line[33:41].strip())
        elif line[5] == "1" and in_uniprot:
            long_form.add(chain)
        elif line[5] == "2" and chain in long_form:
            accessions.setdefault(chain, line[18:40].strip())
        begin = data.find(b"DBREF", begin + 1, end)
    return accessions
