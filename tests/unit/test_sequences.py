"""Sequences to fold as people have them: what is taken, and what each kind of rubbish gives."""

import gzip
import io
from pathlib import Path

import polars as pl
import pytest

from proteinmtp.base.errors import DataError
from proteinmtp.folding.sequences import Refusal, Target, read_sequences, targets_of

GOOD = "MKVLAAGIVAL"


def read(data: bytes | str, name: str = "in.fasta", longest: int | None = 1000) -> tuple[list[Target], list[Refusal]]:
    content = data.encode() if isinstance(data, str) else data
    targets, refused = targets_of(read_sequences(content, name), longest=longest)
    return list(targets), list(refused)


@pytest.mark.parametrize(
    ("text", "name", "sequence", "note"),
    [
        (f">one two\n{GOOD}\n", "one", GOOD, ""),
        (f">one\r\n{GOOD[:5]}\r\n{GOOD[5:]}\r\n", "one", GOOD, ""),
        (f">one\r{GOOD}\r", "one", GOOD, ""),
        (f"\ufeff>one\n{GOOD}", "one", GOOD, ""),
        (f">one\n;a comment\n{GOOD}", "one", GOOD, ""),
        (GOOD, "record-1", GOOD, ""),
        (f">\n{GOOD}\n", "record-1", GOOD, ""),
        (f">one\n{GOOD.lower()}", "one", GOOD, ""),
        (f">one\n{GOOD}*", "one", GOOD, ""),
        (f">one\n{GOOD[:4]} {GOOD[4:]}\n\n", "one", GOOD, ""),
        (f">one\n--{GOOD}..-", "one", GOOD, "5 gaps left out"),
        (">one\nMKUOBZJX", "one", "MKXXXXXX", "5 residues read as X"),
        (f">../../etc/passwd\n{GOOD}", "../../etc/passwd", GOOD, ""),
        (f"><script>alert(1)</script>\n{GOOD}", "<script>alert(1)</script>", GOOD, ""),
        (f">\U0001f9ec\n{GOOD}", "\U0001f9ec", GOOD, ""),
        (f">{'n' * 300}\n{GOOD}", "n" * 300, GOOD, ""),
    ],
)
def test_a_record_is_taken(text: str, name: str, sequence: str, note: str):
    targets, refused = read(text)
    assert not refused and targets == [Target(name, sequence, note)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (">one\n", "no residues"),
        (">one\n>two\n", "no residues"),
        (">one\n---", "no residues"),
        (">one\nMKV", "3 residues, at least 5 are needed"),
        (">one\nMK1VLAAG", "residue 3 is '1', which is no amino acid"),
        (">one\nMK*VLAAG", "residue 3 is '*', which is no amino acid"),
        (">one\nMKéVLA", "residue 3 is '\\xe9', which is no amino acid"),
        (">one\nmkßvla", "residue 3 is '\\xdf', which is no amino acid"),
        (f">one\n{'A' * 100_000}", "100000 residues, at most 1000 are taken"),
    ],
)
def test_a_record_is_refused_and_the_rest_goes_on(text: str, reason: str):
    targets, refused = read(f"{text}\n>good\n{GOOD}\n")
    assert [target.name for target in targets] == ["good"]
    assert refused and {refusal.reason for refusal in refused} == {reason}


def test_a_name_is_taken_once():
    targets, refused = read(f">a x\n{GOOD}\n>b\n{GOOD}\n>a y\n{GOOD}AA\n")
    assert [target.name for target in targets] == ["a", "b"]
    assert refused == [Refusal(record=3, name="a", reason="the name is that of record 1; give it another")]


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "in.fasta", "in.fasta holds no sequence"),
        (b"\n\n", "in.fasta", "in.fasta holds no sequence"),
        (b"\x89PNG\0\0", "in.fasta", "in.fasta is no text"),
        (gzip.compress(f">a\n{GOOD * 50}".encode(), mtime=0)[:-9], "in.fa.gz", "in.fa.gz cannot be read"),
        (b"PAR1 and then nothing", "in.parquet", "in.parquet cannot be read as a table"),
        (b"name,sequence\na,MKV\n", "in.csv", "in.csv has no column id; its columns are name, sequence"),
    ],
)
def test_what_is_no_input_is_one_line(data: bytes, name: str, message: str):
    with pytest.raises(DataError) as caught:
        read_sequences(data, name)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_tables_and_packed_files_say_the_same(tmp_path: Path):
    rows = [("a", GOOD), ("b", GOOD[::-1])]
    table = pl.DataFrame(rows, schema=["id", "sequence"], orient="row")
    packed = io.BytesIO()
    table.write_parquet(packed)
    text = "".join(f">{name}\n{sequence}\n" for name, sequence in rows)
    files = {
        "x.fasta": text.encode(),
        "x.fa.gz": gzip.compress(text.encode()),
        "x.csv": table.write_csv().encode(),
        "x.csv.gz": gzip.compress(table.write_csv().encode()),
        "x.tsv": table.write_csv(separator="\t").encode(),
        "x.parquet": packed.getvalue(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert read_sequences(tmp_path / name) == rows, name


def test_numbers_and_holes_of_a_table_are_texts():
    assert read_sequences(b"sequence,id\nMKVLAA,1\n,2\n", "x.csv") == [("1", "MKVLAA"), ("2", "")]
    _, refused = read(b"sequence,id\nMKVLAA,1\n,2\n", "x.csv")
    assert refused == [Refusal(record=2, name="2", reason="no residues")]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"there is no file none\.fasta"):
        read_sequences(tmp_path / "none.fasta")
