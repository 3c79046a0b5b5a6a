"""What must hold for every structure file, however broken: see `tests/support/fuzz.py`.

`faults` says what is wrong with a parsed file; `disagreement` compares the C-alphas of our reading, for which gemmi
sees only the records that matter, with those that it finds in the whole text.
"""

import re

import gemmi
import numpy as np

from proteinmtp.structures.parse import Parsed, ParsedChain
from proteinmtp.structures.polymers import read_structure
from proteinmtp.structures.records import RecordError
from proteinmtp.structures.refusals import Refusal
from proteinmtp.structures.synthetic import AMINO_ACIDS

SEQUENCE = re.compile(r"[ACDEFGHIKLMNPQRSTVWYX]+")
STANDARD = tuple(name.encode() for name in gemmi.expand_one_letter_sequence(AMINO_ACIDS, gemmi.ResidueKind.AA))
WATERS = (b"HOH", b"WAT", b"DOD", b"H2O", b"TIP")
OF_OURS = re.compile(
    r"object has no attribute|NoneType|out of range|out of bounds|not subscriptable|unpack|broadcast|unsupported"
    r"|KeyError|IndexError|TypeError|AssertionError|positional argument|Traceback|invalid literal for|ndarray|zero-size"
)
"""What Python and numpy say of a mistake in a program, and never of a file."""
KNOWN = re.compile(
    # of gemmi: odd values in a table; eight letters and more in label_asym_id
    r"vector::_M_range_check|FlatStructure doesn't support"
    # of ours: a line is shown with whatever is in it
    r"|unreadable (?:position|residue number|atom record).*[\x0b-\r\x1c-\x1e]"
)
"""Messages that are known and not yet better; those of ours are expected failures in `unit/test_fuzz.py`."""


def faults(parsed: Parsed) -> list[str]:
    """Return what is wrong with what one file gave, whatever the file was."""
    wrong = []
    if not parsed.items:
        wrong.append("a file gave neither a chain nor a reason")
    named = [item.name if isinstance(item, ParsedChain) else item.chain for item in parsed.items]
    names = [name for name in named if name is not None]
    if len(set(names)) < len(names):
        wrong.append(f"a chain id twice: {sorted(names)}")
    if len(names) != parsed.polymers and not (parsed.polymers == 0 and len(parsed.items) == 1):
        wrong.append(f"{parsed.polymers} polymers, {len(names)} accounted for")
    for item in parsed.items:
        if isinstance(item, ParsedChain):
            wrong.extend(_chain_faults(item))
            continue
        if (len(item.message.splitlines()) != 1 or len(item.message) > 1000) and not KNOWN.search(item.message):
            wrong.append(f"{item.code}: no message of one line: {item.message[:300]!r}")
        ours = item.code is Refusal.UNREADABLE and OF_OURS.search(item.message)
        if ours and not KNOWN.search(item.message):
            wrong.append(f"{item.code}: an error of ours: {item.message[:300]!r}")
    return wrong


def _chain_faults(chain: ParsedChain) -> list[str]:
    wrong = []
    seen = np.isfinite(chain.coords)
    if chain.coords.dtype != np.float32 or chain.coords.shape != (len(chain.sequence), 3):
        wrong.append(f"chain {chain.name!r}: {chain.coords.dtype} {chain.coords.shape}, {len(chain.sequence)} letters")
    if not SEQUENCE.fullmatch(chain.sequence):
        wrong.append(f"chain {chain.name!r}: letters {sorted(set(chain.sequence))}")
    if np.isinf(chain.coords).any() or (seen.any(axis=1) != seen.all(axis=1)).any():
        wrong.append(f"chain {chain.name!r}: a position that is neither finite nor absent")
    if not np.array_equal(chain.observed, seen.all(axis=1)):
        wrong.append(f"chain {chain.name!r}: observed is not where positions are")
    if chain.copies < 1 or not 0 <= chain.breaks < len(chain.sequence):
        wrong.append(f"chain {chain.name!r}: {chain.copies} copies, {chain.breaks} breaks")
    return wrong


NO_NUMBER = -(2**31)
"""What gemmi's arrays have for a residue without a number."""

Trace = dict[str, list[tuple[int, float, float, float]]]
"""By chain id: residue number and C-alpha position of each residue that has one."""


def whole_trace(text: bytes, mmcif: bool) -> Trace:
    """Return the C-alphas of the first model's polymers as gemmi finds them in the whole text, residue by residue.

    Of alternate locations, and of amino acids that share a place, the one with the highest occupancy counts.
    """
    if mmcif:
        document = gemmi.cif.read_string(text)
        blocks = [block for block in document if block.find_loop("_atom_site.Cartn_x")] or [document[0]]
        structure = gemmi.make_structure_from_block(blocks[0])
        structure.setup_entities()
    else:
        structure = gemmi.read_pdb_string(text, split_chain_on_ter=True)
        structure.add_entity_types()
    trace: Trace = {}
    for chain in structure[0] if len(structure) else []:
        places: list[list[gemmi.Residue]] = []
        for residue in chain:
            if residue.entity_type != gemmi.EntityType.Polymer:
                continue
            same = places and places[-1][0].seqid == residue.seqid and places[-1][0].subchain == residue.subchain
            first = next((atom for atom in residue if atom.name == "CA"), residue[0])
            if same and (residue.name == places[-1][-1].name or first.altloc != "\0"):
                places[-1].append(residue)
            else:
                places.append([residue])
        if not mmcif and len(places) == 1 and places[0][0].het_flag != "A":
            continue  # a lone modified residue is a ligand
        for group in places:
            alphas = [atom for residue in group if residue.name != "CA" for atom in residue if atom.name == "CA"]
            if alphas:
                best = max(alphas, key=lambda atom: atom.occ)
                residues = trace.setdefault(chain.name, [])
                number = group[0].seqid.num
                position = np.array(best.pos.tolist(), dtype=np.float32).tolist()
                residues.append((NO_NUMBER if number is None else number, *position))
    return trace


def our_trace(text: bytes, mmcif: bool) -> Trace:
    """Return the same of our reading."""
    trace: Trace = {}
    for polymer in read_structure(text, mmcif).polymers:
        seen = np.isfinite(polymer.coords).all(axis=1)
        rows = zip(polymer.numbers[seen].tolist(), polymer.coords[seen].tolist(), strict=True)
        if seen.any():
            trace.setdefault(polymer.chain, []).extend((number, *position) for number, position in rows)
    return trace


def comparable(text: bytes) -> bytes | None:
    """Return a PDB text in which what is known to be read in another way is gone; None if that cannot be had.

    - Carriage returns alone end lines, where there is no newline: gemmi sees one line.
    - Waters are told by their name, TIP among them, and never end a polymer; for gemmi one amid a chain does.
    - What stands behind column 72 is not read: a segment id would part a residue, an element name an atom.
    - NUL bytes: gemmi loses the line behind one.
    - A residue whose atoms are ATOM and HETATM, or that a TER cuts, or a modified one of several atoms without a
      C-alpha: gemmi asks all its atoms whether it belongs to the polymer, we keep one of them.
    - Kinds of amino acid at one place, as alternate locations: gemmi parts those that stand apart in the file.
    - A model that has no ENDMDL ends where the next begins: gemmi raises.
    - Models without atoms are left out: gemmi has an empty one as its first.
    - What stands behind an END is read, so that no chain is lost: gemmi stops there.
    """
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    if b"\0" in text:
        return None
    lines: list[bytes] = []
    records: dict[bytes, bytes] = {}
    atoms: dict[bytes, list[bytes]] = {}
    kinds: dict[bytes, set[bytes]] = {}
    before = cut = b""
    ended = opened = False
    for line in text.split(b"\n"):
        record, residue = line[:4].upper(), line[17:27]
        if record in (b"ATOM", b"HETA"):
            if ended:
                return None
            if line[17:20] in WATERS:
                continue
            if residue == cut or records.setdefault(residue, record) != record:
                return None
            kinds.setdefault(line[21:27], set()).add(line[17:20])
            if line[16:17].strip() and len(kinds[line[21:27]]) > 1 and before != residue:
                return None
            atoms.setdefault(residue, []).append(line[12:16].strip())
            before, cut, line = residue, b"", line[:72]
        elif record[:3] == b"TER":
            cut = before
        elif record[:3] == b"END" and record != b"ENDM":
            ended = True
        elif record in (b"ENDM", b"MODE"):
            if opened and not atoms:
                return None
            opened = True
        lines.append(line)
    for residue, names in atoms.items():
        if len(names) > 1 and b"CA" not in names and residue[:3] not in STANDARD:
            return None
    return b"\n".join(lines)


def _read_in_another_way(text: bytes) -> bool:
    """Return whether an atom table is known to be read in another way.

    - It lacks a column without which gemmi reads none of it: we fill it in.
    - A residue has two names: gemmi parts residues by auth_comp_id, we choose rows by label_comp_id.
    """
    needed = ["id", "type_symbol", "label_alt_id", "label_asym_id"]
    for block in gemmi.cif.read_string(text):
        if block.find_loop("_atom_site.Cartn_x") and not all(block.find_loop(f"_atom_site.{tag}") for tag in needed):
            return True
        if any(label != author for label, author in block.find("_atom_site.", ["label_comp_id", "auth_comp_id"])):
            return True
    return False


def disagreement(text: bytes, mmcif: bool) -> str | None:
    """Return how our reading differs from gemmi's of the whole text; None if it does not, or one cannot read it.

    A byte that is no text refuses a file for us, even where nobody asks gemmi for the name that it is in.
    """
    whole_text = text if mmcif else comparable(text)
    if whole_text is None:
        return None
    try:
        whole = whole_trace(whole_text, mmcif)
        if mmcif and _read_in_another_way(text):
            return None
    except Exception:  # not readable, whatever the reason
        return None
    try:
        ours = our_trace(text, mmcif)
    except (RecordError, UnicodeDecodeError):
        return None
    except Exception as error:
        if KNOWN.search(str(error) or type(error).__name__):
            return None
        return f"gemmi reads the whole, not what we leave of it: {type(error).__name__}: {error}"
    for name in sorted({*whole, *ours}):
        one, two = whole.get(name, []), ours.get(name, [])
        if one != two:
            place = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
            return (
                f"chain {name!r}: {len(one)} and {len(two)} C-alphas, first other {one[place:][:1]}, {two[place:][:1]}"
            )
    return None
