import gzip
import inspect
import os
import re
from pathlib import Path

import pytest

from proteinmtp.base.errors import PartError
from proteinmtp.config import SourceConfig
from proteinmtp.structures.header import code_in_header
from proteinmtp.structures.listing import list_source, load_source, shard_digests
from proteinmtp.structures.refusals import Refusal
from proteinmtp.structures.source import SourceError, SourceFile
from proteinmtp.structures.sources.directory import list_folder
from proteinmtp.tables.manifest import MANIFEST

from ..support.parsing import directory, list_entries, parsed_tables


def test_a_link_to_nowhere_is_accounted_for_and_a_loop_ends(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "gone.pdb").symlink_to(tmp_path / "nowhere.pdb")
    (folder / "up").symlink_to(folder)
    files = list_folder(folder)
    assert [file.entry_id for file in files] == ["gone"]
    assert [row.code for row in parsed_tables(directory(folder), tmp_path).quarantine] == ["unreadable"]


def test_folders_are_searched_with_safe_and_distinct_ids(tmp_path: Path):
    for name in ("a/1abc.pdb", "b/1abc.cif", "c/x y;é.ent.gz", ".hidden/2abc.pdb", "note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    ids = [file.entry_id for file in list_folder(tmp_path)]
    assert len(set(ids)) == 3
    assert sum(name.startswith("1abc-") for name in ids) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in ids)


def test_other_bytes_of_the_same_size_and_time_are_noticed(tmp_path: Path):
    """As a restored backup leaves them; only the time of the inode tells."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.pdb").write_text("one")
    before = shard_digests(list_source(directory(folder), tmp_path), 1, tmp_path)
    time = (folder / "a.pdb").stat()
    (folder / "a.pdb").write_text("two")
    os.utime(folder / "a.pdb", ns=(time.st_atime_ns, time.st_mtime_ns))
    assert shard_digests(list_source(directory(folder), tmp_path), 1, tmp_path) != before


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path: Path):
    with pytest.raises(SourceError, match=r"nowhere does not exist"):
        list_folder(tmp_path / "nowhere")
    with pytest.raises(SourceError, match=r"no structure file in .*looked for \.pdb"):
        list_folder(tmp_path)


def test_a_new_file_changes_one_shard_and_a_touched_one_none(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.pdb").write_text(str(number))

    def digests() -> list[str]:
        return shard_digests(list_source(directory(folder), tmp_path), 4, tmp_path)

    before = digests()
    (folder / "3.pdb").touch()
    assert digests() == before
    (folder / "new.pdb").write_text("new")
    after = digests()
    changed = [shard for shard in range(4) if before[shard] != after[shard]]
    assert changed == [SourceFile("new", folder / "new.pdb").shard(4)]


HEADER = "HEADER    RIBONUCLEASE                            07-JAN-98   1A2P              \n"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("x.pdb", HEADER.encode(), "1a2p"),
        ("x.ent.gz", gzip.compress(HEADER.encode(), mtime=0), "1a2p"),
        ("x.pdb", HEADER.replace("1A2P", "XXXX").encode(), None),
        ("x.pdb", HEADER.replace("1A2P", "    ").encode(), None),
        ("x.pdb", b"HEADER    SHORT\nATOM      1  N   ALA A   1\n", None),
        ("x.cif", b"data_block\n_entry.id   1ABC\n", "1abc"),
        ("x.cif", b"data_block\r\n_Entry.ID 'pdb_00001ABC'\r\n", "pdb_00001abc"),
        ("x.cif.gz", gzip.compress(b"# a comment\ndata_AF-P12345-F1\nloop_\n", mtime=0), "AF-P12345-F1"),
        ("x.cif", b"data_\n_entry.id ?\n", None),
        ("x.cif", b"x" * 100_000 + b"\ndata_late\n", None),
        ("x.cif.gz", gzip.compress(HEADER.encode(), mtime=0)[:20], None),
        ("x.cif.gz", b"no gzip", None),
        ("x.pdb", bytes(range(256)) * 30, None),
        ("x.pdb", b"", None),
    ],
)
def test_the_code_in_a_file_is_read_or_there_is_none(tmp_path: Path, name: str, content: bytes, code: str | None):
    (tmp_path / name).write_bytes(content)
    assert code_in_header(tmp_path / name) == code


def test_ids_from_headers_are_safe_distinct_and_fall_back_to_names(tmp_path: Path):
    for name, text in {
        "first.pdb": HEADER,
        "second.pdb": HEADER + "REMARK",
        "third.pdb": "ATOM",
        "fourth.cif": "data_../my model\n",
    }.items():
        (tmp_path / name).write_text(text)
    ids = {file.path.name: file.entry_id for file in list_source(directory(tmp_path, ids="header"), tmp_path / "r")}
    assert re.fullmatch("1a2p-[0-9a-f]{8}", ids["first.pdb"]) and re.fullmatch("1a2p-[0-9a-f]{8}", ids["second.pdb"])
    assert ids["first.pdb"] != ids["second.pdb"]
    assert ids["third.pdb"] == "third"
    assert ids["fourth.cif"] == "..-my"


def test_a_bomb_in_gzip_costs_no_memory(tmp_path: Path):
    import tracemalloc

    path = tmp_path / "x.pdb.gz"
    with gzip.open(path, "wb", compresslevel=9) as handle:
        for _ in range(200):
            handle.write(bytes(1 << 20))
    tracemalloc.start()
    assert code_in_header(path) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 << 20


def test_a_link_to_a_file_beside_it_is_the_same_bytes(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.pdb").write_text("ATOM")
    (folder / "b.pdb").symlink_to(folder / "a.pdb")
    problems = {file.entry_id: file.problem for file in list_source(directory(folder), tmp_path)}
    assert problems["a"] is None
    assert problems["b"] is not None and problems["b"].code == Refusal.DUPLICATE_FILE
    assert "entry a" in problems["b"].message


def test_what_cannot_be_read_is_listed_and_counts_once_it_can(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "loop.pdb").symlink_to("loop.pdb")
    (folder / "gone.pdb").symlink_to("nowhere.pdb")

    def listed() -> tuple[list[str], list[str]]:
        files = list_source(directory(folder, ids="header"), tmp_path)
        return [file.entry_id for file in files if file.problem is None], shard_digests(files, 1, tmp_path)

    ids, before = listed()
    assert ids == ["gone", "loop"]
    list_entries(directory(folder), tmp_path, tmp_path / "manifest")
    assert {(row.entry_id, row.bytes, row.sha256) for row in MANIFEST.read(tmp_path / "manifest")} == {
        ("gone", 0, ""),
        ("loop", 0, ""),
    }
    (folder / "nowhere.pdb").write_text("ATOM")
    assert listed()[1] != before


def test_a_file_without_permission_is_listed_and_noticed_when_it_has_it(tmp_path: Path, caplog):
    folder = tmp_path / "in"
    (folder / "closed").mkdir(parents=True)
    (folder / "a.pdb").write_text("ATOM")
    (folder / "a.pdb").chmod(0)
    (folder / "closed").chmod(0)
    if os.access(folder / "a.pdb", os.R_OK):
        pytest.skip("root may read everything")
    files = list_source(directory(folder, ids="header"), tmp_path)
    assert [file.entry_id for file in files] == ["a"]
    assert "closed cannot be read" in caplog.text
    before = shard_digests(files, 1, tmp_path)
    (folder / "a.pdb").chmod(0o600)
    (folder / "closed").chmod(0o700)
    assert shard_digests(files, 1, tmp_path) != before


OWN = """
from pathlib import Path

from proteinmtp.structures.source import SourceBase, SourceFile


class Source(SourceBase):
    def __init__(self, *, folder, suffix=".pdb"):
        self.folder, self.suffix = Path(folder), suffix

    def {method}(self):
        return [SourceFile(path.stem, path) for path in self.folder.glob("*" + self.suffix)]
"""


def own(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, **options: str) -> SourceConfig:
    (tmp_path / f"{name}_lab").mkdir()
    (tmp_path / f"{name}_lab" / "files.py").write_text(OWN.format(method=method))
    monkeypatch.syspath_prepend(tmp_path)
    return SourceConfig.model_validate({"kind": f"{name}_lab.files", "options": options})


def test_a_source_of_ones_own_gets_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("b.pdb", "a.pdb", "c.cif"):
        (tmp_path / name).write_text(name)
    config = own("good", tmp_path, monkeypatch, "list_files", folder=str(tmp_path))
    assert [file.entry_id for file in list_source(config, tmp_path)] == ["a", "b"]
    list_entries(config, tmp_path, tmp_path / "manifest")
    assert {row.source for row in MANIFEST.read(tmp_path / "manifest")} == {"good_lab.files"}
    for options, message in (({"path": "x"}, "takes no path; it takes folder, suffix"), ({}, "needs folder")):
        with pytest.raises(PartError, match=rf"source\.options: good_lab\.files {message}"):
            list_source(config.model_copy(update={"options": options}), tmp_path)


def test_a_source_that_lists_nothing_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = own("bad", tmp_path, monkeypatch, "list_all", folder=str(tmp_path))
    with pytest.raises(
        PartError, match=r"bad_lab\.files has no `Source\.list_files`; see proteinmtp\.structures\.source"
    ):
        list_source(config, tmp_path)


@pytest.mark.parametrize("kind", ["demo", "directory", "pdbbind", "rcsb", "bucket"])
def test_the_sources_take_all_keys_of_their_section(kind: str, tmp_path: Path):
    """What the config offers and a source would not take would be without effect."""
    config = SourceConfig.model_construct(kind=kind)
    taken = set(inspect.signature(type(load_source(config, tmp_path))).parameters) - {"results"}
    assert taken == (set(type(getattr(config, kind)).model_fields) if kind != "demo" else set())
