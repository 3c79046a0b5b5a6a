"""Structure files that nobody meant to write; what must hold for them all the same is in `fuzz_checks`.

A mutant is a real file with one to three things done to it, drawn from a seed, so that a failure is repeated by its
number alone.
"""

import gzip
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from proteinmtp.config import DemoSource
from proteinmtp.structures.synthetic import write_demo

LARGEST_SEED = 120_000
"""Bytes, unpacked; ten thousand mutants of larger files would take a tenth of an hour more and show nothing else."""


RUBBISH = (
    b"nan", b"inf", b"-inf", b"1e999", b"*****", b"********", b"?", b".", b"-", b"+", b"0x1f", b"1_000", b"1,5", b"''",
    b'"', b"'", b";", b"#", b"_", b"loop_", b"data_", b"_atom_site.id", b"99999999999999999999", b"-2147483649", b"\0",
    b"\xc3\xa9", b"\xff\xfe", b"\t", b"A" * 300, b"        ", b"None", b"1.5.5", b"--1", b"1-", b"\xd9\xa1",
)  # fmt: skip


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
    write_demo(folder / "demo", DemoSource(families=2, members=6), 0)
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
        words = list(re.finditer(rb"\S+", lines[place]))
        if words:
            begin, end = rng.choice(words).span()
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


def _drop(lines: list[bytes], rng: random.Random, begin: bytes) -> None:
    """Take most of the lines away that begin with these letters."""
    lines[:] = [line for line in lines if not (line.startswith(begin) and rng.random() < 0.7)]


@_lines
def remove_borders(lines: list[bytes], rng: random.Random) -> None:
    _drop(lines, rng, rng.choice([b"TER", b"MODEL", b"ENDMDL", b"END"]))


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
        words = list(re.finditer(rb"\S+", lines[place]))
        if column < len(words):
            begin, end = words[column].span()
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
    _drop(lines, rng, rng.choice([b"#", b"loop_", b";", b"data_"]))


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
