import re
from pathlib import Path

import pytest

from pipeline.config_data import ParseConfig, SourceConfig
from pipeline.dataset.tables import read_rows
from pipeline.structures.listing import write_manifest
from pipeline.structures.sources import SourceError, SourceFile, list_source, shard_digests
from pipeline.structures.sources.directory import list_folder
from pipeline.structures.stages import parse_shard


def directory(folder: Path, **options: object) -> SourceConfig:
    return SourceConfig.model_validate({"kind": "directory", "directory": {"path": str(folder)} | options})


def test_a_link_to_nowhere_is_accounted_for_and_a_loop_ends(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "gone.pdb").symlink_to(tmp_path / "nowhere.pdb")
    (folder / "up").symlink_to(folder)
    files = list_folder(folder)
    assert [file.entry_id for file in files] == ["gone"]
    write_manifest(directory(folder), tmp_path, 0, 1, tmp_path / "manifest")
    parse_shard(tmp_path / "manifest", ParseConfig(), tmp_path / "chains", tmp_path / "quarantine")
    assert [row["code"] for row in read_rows(tmp_path / "quarantine")] == ["unreadable"]


def test_folders_are_searched_with_safe_and_distinct_ids(tmp_path: Path):
    for name in ("a/1abc.pdb", "b/1abc.cif", "c/x y;é.ent.gz", ".hidden/2abc.pdb", "note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    ids = [file.entry_id for file in list_folder(tmp_path)]
    assert len(set(ids)) == 3
    assert sum(name.startswith("1abc-") for name in ids) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in ids)


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
