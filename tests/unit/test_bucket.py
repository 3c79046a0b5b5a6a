"""Structure files in a bucket."""

import re
import sys
from pathlib import Path

import pytest

from proteinmtp.config import SourceConfig
from proteinmtp.structures.listing import list_source, load_source, shard_digests
from proteinmtp.structures.source import SourceError, SourceFile

from ..support.storage import Bucket

SHARDS = 4


def source(url: str, **options: object) -> SourceConfig:
    return SourceConfig.model_validate({"kind": "bucket", "bucket": {"url": url, **options}})


def listed(bucket: Bucket, results: Path, folder: str = "in", **options: object) -> dict[str, SourceFile]:
    files = list_source(source(f"s3://{bucket.name}/{folder}", **options), results)
    return {file.entry_id: file for file in files}


def fetched(bucket: Bucket, results: Path) -> dict[str, SourceFile]:
    config = source(f"s3://{bucket.name}/in")
    return {file.entry_id: file for file in load_source(config, results).fetch(list_source(config, results))}


def digests(bucket: Bucket, results: Path) -> list[str]:
    return shard_digests(list_source(source(f"s3://{bucket.name}/in"), results), SHARDS, results)


def changed(before: list[str], after: list[str]) -> list[int]:
    return [shard for shard in range(SHARDS) if before[shard] != after[shard]]


def test_a_bucket_is_searched_with_safe_and_distinct_ids(bucket: Bucket, tmp_path: Path):
    names = ["1abc.pdb", "b/1abc.cif", "c/x y;é#1?.ent.gz", "d/UP.cif.GZ", "z" * 300 + ".pdb"]
    others = [".hidden/2abc.pdb", "d/.3abc.pdb", "note.txt", "folder.pdb/"]
    bucket.put(**{f"in/{name}": b"text" for name in [*names, *others]}, **{"inside/4abc.pdb": b"", "5abc.pdb": b""})
    files = listed(bucket, tmp_path)
    assert {file.url for file in files.values()} == {f"s3://{bucket.name}/in/{name}" for name in names}
    assert sum(name.startswith("1abc-") for name in files) == 2 and "UP" in files
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in files)
    assert not (tmp_path / "work" / "bucket").exists(), "nothing is downloaded"
    paths = [file.path for file in fetched(bucket, tmp_path).values()]
    assert {path.parent for path in paths} == {tmp_path / "work" / "bucket"}
    assert [path.read_bytes() for path in paths] == [b"text"] * len(names)


def test_a_new_or_changed_object_changes_one_shard_and_one_written_again_none(bucket: Bucket, tmp_path: Path):
    bucket.put(**{f"in/{number}.pdb": b"%d" % number for number in range(20)})
    before = digests(bucket, tmp_path)
    shard_of = {name: file.shard(SHARDS) for name, file in listed(bucket, tmp_path).items()}
    bucket.put(**{"in/3.pdb": b"3"})
    assert digests(bucket, tmp_path) == before
    bucket.put(**{"in/3.pdb": b"4"})
    assert changed(before, digests(bucket, tmp_path)) == [shard_of["3"]]
    bucket.put(**{"in/3.pdb": b"3", "in/new.pdb": b"new"})
    assert changed(before, digests(bucket, tmp_path)) == [SourceFile("new", tmp_path).shard(SHARDS)]


def test_more_objects_than_one_answer_holds_are_listed(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 10)
    bucket.put(**{f"in/{number}.pdb": b"" for number in range(25)})
    assert len(listed(bucket, tmp_path)) == 25
    some = listed(bucket, tmp_path, limit=7)
    bucket.put(**{"in/25.pdb": b""})
    assert len(some) == 7 and len(some.keys() & listed(bucket, tmp_path, limit=7).keys()) >= 6


def test_what_was_fetched_is_kept_and_what_changed_is_fetched_again(bucket: Bucket, tmp_path: Path):
    bucket.put(**{"in/a.pdb": b"one", "in/b.pdb": b"two"})
    files = fetched(bucket, tmp_path)
    kept = files["a"].path.stat()
    files["b"].path.write_bytes(b"damaged")
    again = fetched(bucket, tmp_path)
    assert again["a"].path.stat() == kept
    assert again["b"].path.read_bytes() == b"two"
    bucket.put(**{"in/a.pdb": b"eno"})
    assert fetched(bucket, tmp_path)["a"].path.read_bytes() == b"eno"


def test_an_object_that_is_gone_is_refused_and_the_others_are_fetched(bucket: Bucket, tmp_path: Path):
    bucket.put(**{"in/a.pdb": b"one", "in/b.pdb": b"two"})
    config = source(f"s3://{bucket.name}/in")
    files = list_source(config, tmp_path)
    bucket.bucket.Object("in/a.pdb").delete()
    a, b = sorted(load_source(config, tmp_path).fetch(files), key=lambda file: file.entry_id)
    assert a.problem is not None and a.problem.code == "not_fetched" and f"{bucket.name}/in/a.pdb" in a.problem.message
    assert b.problem is None and b.path.read_bytes() == b"two"
    assert [path.name for path in a.path.parent.glob("*.pdb")] == ["b.pdb"]


@pytest.mark.parametrize("folder", ["", "nowhere", "in"])
def test_a_bucket_or_folder_without_structures_is_named(bucket: Bucket, tmp_path: Path, folder: str):
    bucket.put(**{"in/note.txt": b""})
    with pytest.raises(SourceError, match=rf"^source.bucket.url: no structure file in s3://{bucket.name}/{folder}; "):
        listed(bucket, tmp_path, folder)


def test_storage_that_cannot_be_asked_ends_in_one_line(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SourceError, match=r"^source.bucket.url: s3://no-such-one cannot be listed .*NoSuchBucket"):
        list_source(source("s3://no-such-one"), tmp_path)
    bucket.put(**{"in/a.pdb": b""})
    files = list(listed(bucket, tmp_path).values())
    away = source(f"s3://{bucket.name}/in", endpoint="http://127.0.0.1:1")
    for ask in (lambda: list_source(away, tmp_path), lambda: load_source(away, tmp_path).fetch(files)):
        with pytest.raises(
            SourceError, match=r'cannot be .* \(Could not connect to the endpoint URL: "http://127'
        ) as said:
            ask()
        assert "\n" not in str(said.value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SourceError, match=r"Unable to locate credentials"):
        listed(bucket, tmp_path)
    assert listed(bucket, tmp_path, anonymous=True).keys() == {"a"}


def test_without_boto3_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(SourceError, match=r"needs boto3, .* pip install -r requirements-cluster\.lock$"):
        list_source(source("s3://lab"), tmp_path)
