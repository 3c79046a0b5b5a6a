"""Structure files that nobody meant to write, and what must hold for them all the same.

A mutant is a real file with one to three things done to it, drawn from a seed, so that a failure is repeated by its
number alone. `faults` says what is wrong with a parsed file; `disagreement` compares the C-alphas of our reading, for
which gemmi sees only the records that matter, with those that it finds in the whole text.
"""

import gzip
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from pipeline.config_data import DemoSource
from pipeline.structures.demo import AMINO_ACIDS, write_demo
from pipeline.structures.parse import Chain, Parsed
from pipeline.structures.polymers import read_structure
from pipeline.structures.records import RecordError
from pipeline.structures.refusals import Refusal

LARGEST_SEED = 120_000
"""Bytes, unpacked; ten thousand mutants of larger files would take a tenth of an hour more and show nothing else."""

STANDARD = tuple(name.encode() for name in gemmi.expand_one_letter_sequence(AMINO_ACIDS, gemmi.ResidueKind.AA))
WATERS = (b"HOH", b"WAT", b"DOD", b"H2O", b"TIP")

RUBBISH = (
    b"nan", b"inf", b"-inf", b"1e999", b"*****", b"********", b"?", b".", b"-", b"+", b"0x1f", b"1_000", b"1,5", b"''",
    b'"', b"'", b";", b"#", b"_", b"loop_", b"data_", b"_atom_site.id", b"99999999999999999999", b"-2147483649", b"\0",
    b"\xc3\xa9", b"\xff\xfe", b"\t", b"A" * 300, b"        ", b"None", b"1.5.5", b"--1", b"1-", b"\xd9\xa1",
)  # fmt: skip
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

SEQUENCE = re.compile(r"[ACDEFGHIKLMNPQRSTVWYX]+")


@dataclass(frozen=True)
class Seed:
    """A file to begin with: its name, and its text, unpacked."""

    name: str
    text: bytes

    @property
    def mmcif(self) -> bool:
        return "cif" in self.name


@dataclass(frozen=True)
class Mutant:
    """A file made from a seed: a name for the disk, its bytes, and what was done."""

    name: str
    content: bytes
    done: tuple[str, ...]


def make_seeds(folder: Path, shared: Path | None = None) -> list[Seed]:
    """Return files to begin with: demo structures, written to `folder`, and real ones where there are any."""
    write_demo(DemoSource(families=2, members=6), 0, folder / "demo", folder / "demo.json")
    roots = [folder / "demo", *([shared / "entries", shared / "messy"] if shared else [])]
    seeds = []
    for root in roots:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            if not re.search(r"\.(pdb|ent|cif|mmcif)(\.gz)?$", path.name):
                continue
            data = path.read_bytes()
            text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            if len(text) <= LARGEST_SEED:
                seeds.append(Seed(path.name.removesuffix(".gz"), text))
    return seeds


# What is done to lines and bytes of either format.


def _some(rng: random.Random, count: int, most: int = 8) -> list[int]:
    return sorted(rng.sample(range(count), min(count, rng.randint(1, most)))) if count else []


def _lines(change: Callable[[list[bytes], random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def mutation(text: bytes, rng: random.Random) -> bytes:
        lines = text.split(b"\n")
        change(lines, rng)
        return b"\n".join(lines)

    mutation.__name__ = change.__name__
    return mutation


def flip_bytes(text: bytes, rng: random.Random) -> bytes:
    changed = bytearray(text)
    for place in _some(rng, len(changed), 40):
        changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(text: bytes, rng: random.Random) -> bytes:
    return text[: rng.randrange(len(text) + 1)]


def behead(text: bytes, rng: random.Random) -> bytes:
    return text[rng.randrange(len(text) + 1) :]


def foreign_bytes(text: bytes, rng: random.Random) -> bytes:
    changed = bytearray(text)
    for place in _some(rng, len(changed), 20):
        changed[place : place + 1] = rng.choice([b"\0", b"\xff", b"\xc3\xa9", b"\x1a", b"\t", b"\x0b", b"\xe2\x80\xa8"])
    return bytes(changed)


def newlines(text: bytes, rng: random.Random) -> bytes:
    return text.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\r", b"\n\n", b"\r\r\n", b" \n", b"\x0b\n"]))


def some_carriage_returns(text: bytes, rng: random.Random) -> bytes:
    parts = text.split(b"\n")
    return b"".join(part + rng.choice([b"\n", b"\r\n", b"\n", b"\r"]) for part in parts)


def byte_order_mark(text: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"\n\n", b"# x\n"]) + text


def twice(text: bytes, rng: random.Random) -> bytes:
    return text + rng.choice([b"", b"\n", b"END\n"]) + text


@_lines
def cut_lines(lines: list[bytes], rng: random.Random) -> None:
    for place in reversed(_some(rng, len(lines), 30)):
        del lines[place]


@_lines
def cut_a_block(lines: list[bytes], rng: random.Random) -> None:
    begin = rng.randrange(len(lines))
    del lines[begin : begin + rng.randint(1, 200)]


@_lines
def duplicate_lines(lines: list[bytes], rng: random.Random) -> None:
    for place in _some(rng, len(lines), 20):
        lines.insert(rng.choice([place, rng.randrange(len(lines))]), lines[place])


@_lines
def shuffle_lines(lines: list[bytes], rng: random.Random) -> None:
    begin = rng.randrange(len(lines))
    part = lines[begin : begin + rng.choice([3, 20, len(lines)])]
    rng.shuffle(part)
    lines[begin : begin + len(part)] = part


@_lines
def move_a_block(lines: list[bytes], rng: random.Random) -> None:
    begin, size = rng.randrange(len(lines)), rng.randint(1, 60)
    part = lines[begin : begin + size]
    del lines[begin : begin + size]
    place = rng.randrange(len(lines) + 1)
    lines[place:place] = part


@_lines
def shift_columns(lines: list[bytes], rng: random.Random) -> None:
    column = rng.randrange(80)
    for place in _some(rng, len(lines), rng.choice([3, len(lines)])):
        line = lines[place]
        lines[place] = rng.choice([line[:column] + b" " + line[column:], line[:column] + line[column + 1 :]])


@_lines
def rubbish_words(lines: list[bytes], rng: random.Random) -> None:
    for place in _some(rng, len(lines), 6):
        found = list(re.finditer(rb"\S+", lines[place]))
        if found:
            begin, end = rng.choice(found).span()
            lines[place] = lines[place][:begin] + rng.choice(RUBBISH) + lines[place][end:]


@_lines
def cut_line_ends(lines: list[bytes], rng: random.Random) -> None:
    for place in _some(rng, len(lines), rng.choice([2, len(lines)])):
        lines[place] = lines[place][: rng.randrange(100)]


@_lines
def a_very_long_line(lines: list[bytes], rng: random.Random) -> None:
    place = rng.randrange(len(lines))
    lines[place] += rng.choice([b" ", b"A", b"1 ", b"\0", b"'"]) * rng.choice([100, 5_000, 100_000])


EITHER = (
    flip_bytes, truncate, behead, foreign_bytes, newlines, some_carriage_returns, byte_order_mark, twice, cut_lines,
    cut_a_block, duplicate_lines, shuffle_lines, move_a_block, shift_columns, rubbish_words, cut_line_ends,
    a_very_long_line,
)  # fmt: skip


# What is done to PDB files.

FIELDS = (
    (0, 6), (6, 11), (12, 16), (16, 17), (17, 20), (21, 22), (22, 26), (26, 27), (30, 38), (38, 46), (46, 54), (54, 60),
    (60, 66), (72, 76), (76, 78), (78, 80),
)  # fmt: skip
"""Columns of an atom record."""

NAMES = (b"CA  ", b" CA ", b"  CA", b" P  ", b" N  ", b" C1'", b"1HB ", b" ca ", b" CA'", b"    ")
RESIDUES = (b"ALA", b"MSE", b"UNK", b"HOH", b"  A", b" DA", b" CA", b"NAG", b"ATP", b"ACE", b"TIP", b"XYZ", b"gly")
BORDERS = (
    b"TER", b"TER   ", b"MODEL        1", b"MODEL", b"ENDMDL", b"END", b"MODEL     9999999", b"ter", b"Endmdl", b"TERM",
    b"MODRES 1ABC MSE A    5  MET  SELENOMETHIONINE", b"DBREF  1ABC A    1   100  UNP    P12345   X_HUMAN",
    b"SEQRES   1 A    3  GLY ALA SER", b"REMARK   2 RESOLUTION.  nan  ANGSTROMS.", b"HEADER", b"END   x",
)  # fmt: skip


def _atoms(lines: list[bytes]) -> list[int]:
    return [place for place, line in enumerate(lines) if line[:4].upper() in (b"ATOM", b"HETA")]


@_lines
def rubbish_columns(lines: list[bytes], rng: random.Random) -> None:
    begin, end = rng.choice(FIELDS)
    value = rng.choice(RUBBISH)
    if rng.random() < 0.8:
        value = value[: end - begin].rjust(end - begin)
    atoms = _atoms(lines)
    first = rng.randrange(len(atoms) or 1)
    for place in atoms[first : first + rng.choice([1, 1, 10, 1000])]:
        lines[place] = lines[place][:begin] + value + lines[place][end:]


@_lines
def other_names(lines: list[bytes], rng: random.Random) -> None:
    column, value = rng.choice([(12, rng.choice(NAMES)), (17, rng.choice(RESIDUES))])
    atoms = _atoms(lines)
    first = rng.randrange(len(atoms) or 1)
    for place in atoms[first : first + rng.choice([1, 5, 40, 1000])]:
        lines[place] = lines[place][:column] + value + lines[place][column + len(value) :]


@_lines
def other_single_columns(lines: list[bytes], rng: random.Random) -> None:
    column = rng.choice([16, 20, 21, 26])
    value = bytes([rng.choice(b" ABab19-*'\"")])
    atoms = _atoms(lines)
    first = rng.randrange(len(atoms) or 1)
    for place in atoms[first : first + rng.choice([1, 5, 40, 1000])]:
        lines[place] = lines[place][:column] + value + lines[place][column + 1 :]


@_lines
def other_numbers(lines: list[bytes], rng: random.Random) -> None:
    atoms = _atoms(lines)
    first = rng.randrange(len(atoms) or 1)
    value = rng.choice([b"   1", b"-999", b"9999", b"A000", b"zzzz", b"  0 ", b"1   ", b" -1 ", b"1e1 ", b" 1 1"])
    for place in atoms[first : first + rng.choice([1, 5, 40, 1000])]:
        lines[place] = lines[place][:22] + value + lines[place][26:]


@_lines
def other_record_names(lines: list[bytes], rng: random.Random) -> None:
    atoms = _atoms(lines)
    first = rng.randrange(len(atoms) or 1)
    value = rng.choice([b"HETATM", b"ATOM  ", b"atom  ", b"HetAtm", b"ANISOU", b"ATOMxx", b"HETAXX"])
    for place in atoms[first : first + rng.choice([1, 5, 40, 1000])]:
        lines[place] = value + lines[place][6:]


@_lines
def insert_borders(lines: list[bytes], rng: random.Random) -> None:
    for place in reversed(_some(rng, len(lines), 4)):
        lines.insert(place, rng.choice(BORDERS))


@_lines
def remove_borders(lines: list[bytes], rng: random.Random) -> None:
    record = rng.choice([b"TER", b"MODEL", b"ENDMDL", b"END"])
    lines[:] = [line for line in lines if not (line.startswith(record) and rng.random() < 0.7)]


@_lines
def garble_seqres(lines: list[bytes], rng: random.Random) -> None:
    if not any(line.startswith(b"SEQRES") for line in lines):
        lines[0:0] = [b"SEQRES %3d A  999  " % n + b" ".join(rng.choices(RESIDUES, k=13)) for n in range(1, 6)]
    given = [place for place, line in enumerate(lines) if line.startswith(b"SEQRES")]
    for place in given if rng.random() < 0.2 else rng.sample(given, min(len(given), 3)):
        line = lines[place]
        column = rng.randrange(6, max(len(line), 7))
        lines[place] = rng.choice(
            [
                line[:column] + rng.choice(RUBBISH) + line[column:],
                line[:column],
                line[:19] + b" ".join(rng.choices(RESIDUES, k=13)),
                line[:11] + bytes([rng.choice(b" ABx*")]) + line[12:],
                line + b" " + b"ALA " * 5000,
            ]
        )


@_lines
def models(lines: list[bytes], rng: random.Random) -> None:
    atoms = _atoms(lines)
    if atoms:
        body = lines[atoms[0] : atoms[-1] + 1]
        ends = [b"ENDMDL"] if rng.random() < 0.7 else []
        lines[atoms[0] : atoms[-1] + 1] = [b"MODEL        1", *body, *ends, b"MODEL        2", *body, *ends]


OF_PDB = (
    rubbish_columns, rubbish_columns, other_names, other_names, other_single_columns, other_numbers, other_record_names,
    insert_borders, insert_borders, remove_borders, garble_seqres, models,
)  # fmt: skip


# What is done to mmCIF files.


def _rows(lines: list[bytes]) -> list[int]:
    return [place for place, line in enumerate(lines) if line[:4] in (b"ATOM", b"HETA")]


@_lines
def drop_tags(lines: list[bytes], rng: random.Random) -> None:
    tags = [place for place, line in enumerate(lines) if line.startswith(b"_")]
    for place in sorted(rng.sample(tags, min(len(tags), rng.choice([1, 1, 5]))), reverse=True):
        del lines[place]


@_lines
def garble_tags(lines: list[bytes], rng: random.Random) -> None:
    tags = [place for place, line in enumerate(lines) if line.startswith(b"_")]
    for place in rng.sample(tags, min(len(tags), rng.choice([1, 1, 5]))):
        tag = lines[place]
        lines[place] = rng.choice([tag.upper(), tag.lower(), tag + b"x", tag + b" " + tag, rng.choice(RUBBISH), b"_"])


@_lines
def swap_tags(lines: list[bytes], rng: random.Random) -> None:
    tags = [place for place, line in enumerate(lines) if line.startswith(b"_atom_site.")]
    if len(tags) > 1:
        one, two = rng.sample(tags, 2)
        lines[one], lines[two] = lines[two], lines[one]


def drop_a_column(text: bytes, rng: random.Random) -> bytes:
    """Leave out one column of the atom table, tag and values, as some programs do."""
    lines = text.split(b"\n")
    tags = [place for place, line in enumerate(lines) if line.startswith(b"_atom_site.")]
    if not tags:
        return text
    column = rng.randrange(len(tags))
    for place in _rows(lines):
        values = lines[place].split()
        if len(values) == len(tags):
            lines[place] = b" ".join(values[:column] + values[column + 1 :])
    del lines[tags[column]]
    return b"\n".join(lines)


@_lines
def other_values(lines: list[bytes], rng: random.Random) -> None:
    rows = _rows(lines)
    first = rng.randrange(len(rows) or 1)
    column = rng.randrange(21)
    more = (
        b"CA",
        b"HOH",
        b"ALA",
        b"MSE",
        b"1",
        b"2",
        b"A",
        b"'C A'",
        b'"CA"',
        b'"O5\'"',
        b"?",
        b".",
        b"AVERYLONGNAME",
        b"-1",
    )
    value = rng.choice([*RUBBISH, *more, *more])
    for place in rows[first : first + rng.choice([1, 5, 40, 1000])]:
        found = list(re.finditer(rb"\S+", lines[place]))
        if column < len(found):
            begin, end = found[column].span()
            lines[place] = lines[place][:begin] + value + lines[place][end:]


@_lines
def insert_borders_of_mmcif(lines: list[bytes], rng: random.Random) -> None:
    what = (
        b"loop_", b"data_x", b"save_x", b"stop_", b"global_", b"#", b";", b";x\n;", b"'", b'"', b"_atom_site.id 1",
        b"_atom_site.x", b"_entity.id", b"loop_\n_atom_site.Cartn_x\n1.0", b"# comment", b"", b" _cell.a 1", b"ATOM",
    )  # fmt: skip
    for place in reversed(_some(rng, len(lines), 3)):
        lines.insert(place, rng.choice(what))


@_lines
def remove_borders_of_mmcif(lines: list[bytes], rng: random.Random) -> None:
    what = rng.choice([b"#", b"loop_", b";", b"data_"])
    lines[:] = [line for line in lines if not (line.startswith(what) and rng.random() < 0.7)]


def wrap_rows(text: bytes, rng: random.Random) -> bytes:
    lines = text.split(b"\n")
    for place in _rows(lines) if rng.random() < 0.5 else rng.sample(_rows(lines), min(3, len(_rows(lines)))):
        lines[place] = rng.choice([b"\n", b"\n ", b" # x\n", b"\t"]).join(lines[place].split(maxsplit=5))
    return b"\n".join(lines)


def quote_values(text: bytes, rng: random.Random) -> bytes:
    """Put quotes around a column's values, as a program may."""
    lines = text.split(b"\n")
    column, quote = rng.randrange(21), rng.choice([b'"', b"'"])
    for place in _rows(lines):
        values = lines[place].split()
        if column < len(values) and not values[column].startswith((b"'", b'"')):
            values[column] = quote + values[column] + quote
            lines[place] = b" ".join(values)
    return b"\n".join(lines)


def two_blocks(text: bytes, rng: random.Random) -> bytes:
    return text + b"\n" + (text if rng.random() < 0.5 else b"data_second\n_entry.id second\n")


def two_models(text: bytes, rng: random.Random) -> bytes:
    """Repeat the atom table's rows with another model number, if that is its last column."""
    lines = text.split(b"\n")
    rows = _rows(lines)
    if not rows:
        return text
    more = [re.sub(rb"\S+(\s*)$", rng.choice([b"2\\1", b"10\\1", b"x\\1"]), lines[place]) for place in rows]
    lines[rows[-1] + 1 : rows[-1] + 1] = more
    return b"\n".join(lines)


OF_MMCIF = (
    drop_tags, garble_tags, swap_tags, drop_a_column, drop_a_column, other_values, other_values, other_values,
    insert_borders_of_mmcif, remove_borders_of_mmcif, wrap_rows, quote_values, two_blocks, two_models,
)  # fmt: skip


# How a file is packed.


def _packed(text: bytes, rng: random.Random) -> bytes:
    return gzip.compress(text, 1, mtime=0)


def _cut_gzip(text: bytes, rng: random.Random) -> bytes:
    return truncate(_packed(text, rng), rng)


def _flipped_gzip(text: bytes, rng: random.Random) -> bytes:
    return flip_bytes(_packed(text, rng), rng)


def _members(text: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(text) + 1)
    behind = rng.choice([b"", b"\0" * 512, b"rubbish", b"\x1f\x8b"])
    return _packed(text[:place], rng) + _packed(text[place:], rng) + behind


def _packed_twice(text: bytes, rng: random.Random) -> bytes:
    return _packed(_packed(text, rng), rng)


PACKINGS = (_packed, _packed, _cut_gzip, _flipped_gzip, _members, _packed_twice)


def mutants(seeds: list[Seed], count: int, seed: int = 0) -> Iterator[Mutant]:
    """Yield `count` mutants; number i depends on the seeds, `seed` and i alone."""
    for index in range(count):
        rng = random.Random(f"{seed} {index}")
        origin = rng.choice(seeds)
        kinds = rng.choices(EITHER + 2 * (OF_MMCIF if origin.mmcif else OF_PDB), k=rng.choice([1, 1, 2, 3]))
        content = origin.text
        for kind in kinds:
            content = kind(content, rng)
        packing = rng.choice(PACKINGS) if rng.random() < 0.15 else None
        if packing:
            content = packing(content, rng)
        suffix = rng.choice([".cif", ".mmcif"] if origin.mmcif else [".pdb", ".ent"])
        if rng.random() < 0.03:
            suffix = rng.choice([".pdb", ".cif"])
        suffix += ".gz" if (packing is not None) != (rng.random() < 0.1) else ""
        done = (origin.name, *(kind.__name__ for kind in kinds), *([packing.__name__] if packing else []))
        yield Mutant(f"m{index:05d}{suffix}", content, done)


# Files that are large, or no files.


def write_bomb(path: Path, megabytes: int, unit: bytes = b"\0") -> None:
    """Write a gzip file that unpacks to so many MB of `unit`, in parts."""
    part = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    with gzip.open(path, "wb", compresslevel=1) as handle:
        for _ in range(megabytes):
            handle.write(part)


def write_long_line(path: Path, size: int) -> None:
    """Write a PDB file whose only line has `size` bytes: a file with a hole, which takes no room on the disk."""
    with path.open("wb") as handle:
        handle.write(b"HEADER    ")
        handle.truncate(size)


def write_oddities(folder: Path) -> int:
    """Write what a folder may hold besides good files; return how many of it have the name of a structure file."""
    (folder / "empty.pdb").touch()
    (folder / "empty.cif.gz").touch()
    (folder / "folder.pdb").mkdir()
    (folder / "folder.pdb" / "inside.pdb").write_bytes(b"END\n")
    os.mkfifo(folder / "pipe.pdb")
    (folder / "device.pdb").symlink_to("/dev/zero")
    (folder / "nowhere.pdb").symlink_to("nothing-here")
    (folder / "self.pdb").symlink_to("self.pdb")
    (folder / "around").symlink_to(".")
    (folder / "folder.pdb" / "above").symlink_to("..")
    Path(os.fsdecode(os.fsencode(folder) + b"/latin\xe9.pdb")).write_bytes(b"END\n")
    return 8


# What must hold.


def faults(parsed: Parsed) -> list[str]:
    """Return what is wrong with what came of a file, whatever the file was."""
    found = []
    if not parsed.items:
        found.append("a file gave neither a chain nor a reason")
    named = [item.name if isinstance(item, Chain) else item.chain for item in parsed.items]
    names = [name for name in named if name is not None]
    if len(set(names)) < len(names):
        found.append(f"a chain id twice: {sorted(names)}")
    if len(names) != parsed.polymers and not (parsed.polymers == 0 and len(parsed.items) == 1):
        found.append(f"{parsed.polymers} polymers, {len(names)} accounted for")
    for item in parsed.items:
        if isinstance(item, Chain):
            found.extend(_chain_faults(item))
            continue
        if (len(item.message.splitlines()) != 1 or len(item.message) > 1000) and not KNOWN.search(item.message):
            found.append(f"{item.code}: no message of one line: {item.message[:300]!r}")
        ours = item.code is Refusal.UNREADABLE and OF_OURS.search(item.message)
        if ours and not KNOWN.search(item.message):
            found.append(f"{item.code}: an error of ours: {item.message[:300]!r}")
    return found


def _chain_faults(chain: Chain) -> list[str]:
    found = []
    seen = np.isfinite(chain.coords)
    if chain.coords.dtype != np.float32 or chain.coords.shape != (len(chain.sequence), 3):
        found.append(f"chain {chain.name!r}: {chain.coords.dtype} {chain.coords.shape}, {len(chain.sequence)} letters")
    if not SEQUENCE.fullmatch(chain.sequence):
        found.append(f"chain {chain.name!r}: letters {sorted(set(chain.sequence))}")
    if np.isinf(chain.coords).any() or (seen.any(axis=1) != seen.all(axis=1)).any():
        found.append(f"chain {chain.name!r}: a position that is neither finite nor absent")
    if not np.array_equal(chain.observed, seen.all(axis=1)):
        found.append(f"chain {chain.name!r}: observed is not where positions are")
    if chain.copies < 1 or not 0 <= chain.breaks < len(chain.sequence):
        found.append(f"chain {chain.name!r}: {chain.copies} copies, {chain.breaks} breaks")
    return found


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
                found = trace.setdefault(chain.name, [])
                number = group[0].seqid.num
                position = np.array(best.pos.tolist(), dtype=np.float32).tolist()
                found.append((NO_NUMBER if number is None else number, *position))
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
    needed = ["id", "type_symbol", "label_alt_id"]
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
