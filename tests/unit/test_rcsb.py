import gzip
import hashlib
import logging
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proteinmtp.config import SourceConfig
from proteinmtp.download import http
from proteinmtp.structures.listing import list_source, load_source, shard_digests
from proteinmtp.structures.source import SourceError, SourceFile
from proteinmtp.tables.manifest import MANIFEST

from ..support.archive import Archive, cut_chunks, entry, reset, says, sends, silent, stalled, text_of, truncated
from ..support.parsing import list_entries


@pytest.fixture
def archive() -> Iterator[Archive]:
    server = Archive()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_BACKOFF", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def source(tmp_path: Path, ids: str, archive: Archive | None = None, **options: object) -> SourceConfig:
    (tmp_path / "ids.txt").write_text(ids, encoding="utf-8")
    url = archive.url if archive else "http://127.0.0.1:1"
    places = {"ids": str(tmp_path / "ids.txt"), "mirror": f"{url}/<id>.cif.gz", "obsolete": f"{url}/obsolete.dat"}
    fast = {"per_second": 50.0, "timeout": 1.5, "retries": 3}
    return SourceConfig.model_validate({"kind": "rcsb", "rcsb": places | fast | options})


def listed(config: SourceConfig, tmp_path: Path) -> dict[str, SourceFile]:
    return {file.entry_id: file for file in list_source(config, tmp_path / "results")}


def fetched(config: SourceConfig, tmp_path: Path) -> dict[str, SourceFile]:
    files = load_source(config, tmp_path / "results").fetch(list(listed(config, tmp_path).values()))
    return {file.entry_id: file for file in files}


def problems(files: dict[str, SourceFile]) -> dict[str, str]:
    return {name: file.problem.code.value for name, file in files.items() if file.problem is not None}


# The list of ids


def test_ids_are_separated_by_anything_and_commented(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    config = source(tmp_path, "\ufeff1ABC, 2abc;3abc\t4abc # 5abc\n#6abc\r\n\r\n7abc,1abc pdb_00001abc PDB_10001ABC\n")
    with caplog.at_level(logging.WARNING):
        files = listed(config, tmp_path)
    assert list(files) == ["1abc", "2abc", "3abc", "4abc", "7abc", "pdb-10001abc"]
    assert problems(files) == {}
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "1 ids stand there more than once and count once: 1abc"
    ]


def test_what_is_no_id_is_listed_under_a_safe_name(tmp_path: Path):
    files = listed(source(tmp_path, "1abc ../../etc/passwd 0abc 1abc_A é <id> " + "x" * 5000), tmp_path)
    assert list(problems(files).values()) == ["not_fetched"] * 6
    for name, file in files.items():
        assert len(name) < 40 and all(letter in "abcdefghijklmnopqrstuvwxyz0123456789-" for letter in name)
        assert file.path.parent == tmp_path / "results" / "work" / "rcsb"
        assert len(file.path.name) < 60
    assert any("'../../etc/passwd' is no PDB id" in file.problem.message for file in files.values() if file.problem)


@pytest.mark.parametrize("ids", ["", "# only a comment\n\n , ;"])
def test_a_list_that_is_missing_or_empty_is_named(tmp_path: Path, ids: str):
    config = source(tmp_path, ids)
    with pytest.raises(SourceError, match=r"source\.rcsb\.ids: no PDB id in .*ids\.txt"):
        listed(config, tmp_path)
    (tmp_path / "ids.txt").unlink()
    with pytest.raises(SourceError, match=r"source\.rcsb\.ids: .*ids\.txt cannot be read .*name a text file"):
        listed(config, tmp_path)


@pytest.mark.parametrize(
    ("mirror", "url", "name"),
    [
        ("https://x.org/d/<mid>/<id>.cif.gz", "https://x.org/d/ab/1abc.cif.gz", "1abc.cif.gz"),
        ("https://x.org/<id>/<id>_final.cif", "https://x.org/1abc/1abc_final.cif", "1abc_final.cif"),
        ("https://x.org/<id>/model.cif?x=1", "https://x.org/1abc/model.cif?x=1", "1abc-model.cif"),
        ("https://x.org/get?id=<id>", "https://x.org/get?id=1abc", "1abc-model.cif"),
    ],
)
def test_address_and_file_name_follow_from_the_mirror(tmp_path: Path, mirror: str, url: str, name: str):
    file = listed(source(tmp_path, "1abc", mirror=mirror, folder=str(tmp_path / "kept")), tmp_path)["1abc"]
    assert (file.url, file.path) == (url, tmp_path / "kept" / name)


def test_a_new_id_changes_one_shard(tmp_path: Path):
    def digests(ids: str) -> list[str]:
        return shard_digests(list_source(source(tmp_path, ids), tmp_path), 4, tmp_path)

    before, after = digests("1abc 2abc 3abc"), digests("3abc 2abc 1abc 4abc")
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


# Downloads


def test_files_come_whole_and_are_not_asked_for_again(tmp_path: Path, archive: Archive):
    config = source(tmp_path, "1abc 2abc 3abc", archive)
    files = fetched(config, tmp_path)
    assert problems(files) == {}
    for name, file in files.items():
        assert file.path.read_bytes() == entry(name)
    assert problems(fetched(config, tmp_path)) == {}
    assert archive.asked == {f"/{name}.cif.gz": 1 for name in files}


@pytest.mark.parametrize(
    "fault",
    [
        silent,
        reset,
        truncated,
        cut_chunks,
        says(429),
        says(500),
        says(502),
        says(503, Retry_After="0"),
        says(503, Retry_After="soon"),
        says(504),
        sends(b""),
        sends(gzip.compress(b"")),
        sends(entry("1abc")[:-4]),
        sends(entry("1abc")[:1000]),
        sends(entry("1abc")[:-8] + b"01234567"),
        sends(b"<html>Sign in to this network</html>"),
    ],
)
def test_a_failure_that_passes_is_tried_again(tmp_path: Path, archive: Archive, fault):
    archive.faults["/1abc.cif.gz"] = [fault]
    files = fetched(source(tmp_path, "1abc", archive), tmp_path)
    assert problems(files) == {}
    assert files["1abc"].path.read_bytes() == entry("1abc")
    assert archive.asked["/1abc.cif.gz"] == 2


def test_plain_files_are_checked_too(tmp_path: Path, archive: Archive):
    archive.faults["/1abc.cif"] = [sends(b""), sends(b"<html>"), cut_chunks]
    files = fetched(source(tmp_path, "1abc", archive, mirror=f"{archive.url}/<id>.cif"), tmp_path)
    assert problems(files) == {}
    assert files["1abc"].path.read_bytes() == text_of("1abc")


def test_retry_after_is_waited_for(tmp_path: Path, archive: Archive):
    archive.faults["/1abc.cif.gz"] = [says(503, Retry_After="1")]
    assert problems(fetched(source(tmp_path, "1abc", archive), tmp_path)) == {}
    assert archive.starts[1] - archive.starts[0] >= 0.95


def test_one_failing_id_stops_no_other_and_is_named(tmp_path: Path, archive: Archive, caplog):
    archive.faults["/2abc.cif.gz"] = [says(500)] * 100
    archive.faults["/3abc.cif.gz"] = [says(403)]
    archive.faults["/4abc.cif.gz"] = [reset] * 100
    with caplog.at_level(logging.WARNING):
        files = fetched(source(tmp_path, "1abc 2abc 3abc 4abc 5abc nonsense", archive), tmp_path)
    assert len(files) == 6
    assert {name[:8] for name in problems(files)} == {"2abc", "3abc", "4abc", "nonsense"}
    assert set(problems(files).values()) == {"not_fetched"}
    assert "the server answered 500" in files["2abc"].problem.message
    assert archive.asked["/2abc.cif.gz"] == 4 and archive.asked["/3abc.cif.gz"] == 1
    assert "4 of 6 entries were not fetched" in caplog.text and "--forcerun manifest" in caplog.text
    assert all(name in caplog.text for name in problems(files))
    assert not files["4abc"].path.exists()
    leftovers = {path.name for path in files["1abc"].path.parent.iterdir() if not path.name.endswith(".lock")}
    assert leftovers == {"1abc.cif.gz", "5abc.cif.gz", "downloads.tsv", ".next-request"}


def test_a_failed_id_is_fetched_the_next_time(tmp_path: Path, archive: Archive):
    archive.faults["/2abc.cif.gz"] = [truncated] * 4
    config = source(tmp_path, "1abc 2abc", archive)
    assert problems(fetched(config, tmp_path)) == {"2abc": "not_fetched"}
    assert problems(fetched(config, tmp_path)) == {}
    assert archive.asked == {"/1abc.cif.gz": 1, "/2abc.cif.gz": 5}


def test_an_id_that_is_not_there_is_looked_up_among_the_obsolete(tmp_path: Path, archive: Archive):
    files = fetched(source(tmp_path, "2h33 1hg6 9abc 9xyz", archive), tmp_path)
    assert problems(files) == {"2h33": "obsolete", "1hg6": "obsolete", "9abc": "not_fetched", "9xyz": "not_fetched"}
    assert files["2h33"].problem.message == "2h33: obsolete, replaced by 2jm5 and 2owi"
    assert "nothing replaces it" in files["1hg6"].problem.message
    assert files["9abc"].problem.message == f"9abc: not found at {archive.url}/9abc.cif.gz"
    assert archive.asked["/obsolete.dat"] == 1
    assert archive.asked["/9abc.cif.gz"] == 1


@pytest.mark.parametrize("address", [None, "/no-such-list.dat"])
def test_without_a_list_of_obsolete_ids_they_are_not_found(tmp_path: Path, archive: Archive, address: str | None):
    archive.faults["/no-such-list.dat"] = [says(404)]
    config = source(tmp_path, "2h33", archive, obsolete=address and archive.url + address)
    assert problems(fetched(config, tmp_path)) == {"2h33": "not_fetched"}


def test_changed_bytes_and_another_mirror_are_downloaded_again(tmp_path: Path, archive: Archive):
    config = source(tmp_path, "1abc 2abc", archive)
    files = fetched(config, tmp_path)
    files["1abc"].path.write_bytes(entry("2abc"))
    files["2abc"].path.unlink()
    assert problems(fetched(config, tmp_path)) == {}
    assert files["1abc"].path.read_bytes() == entry("1abc")
    assert archive.asked == {"/1abc.cif.gz": 2, "/2abc.cif.gz": 2}
    fetched(source(tmp_path, "1abc", archive, mirror=f"{archive.url}/other/../<id>.cif.gz"), tmp_path)
    assert sum(archive.asked.values()) == 5


def test_a_record_that_broke_off_costs_no_other_line(tmp_path: Path, archive: Archive):
    config = source(tmp_path, "1abc 2abc", archive)
    record = next(iter(fetched(config, tmp_path).values())).path.parent / "downloads.tsv"
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(lines[0] + lines[1][:70])
    assert problems(fetched(config, tmp_path)) == {}
    assert sum(archive.asked.values()) == 3
    fetched(config, tmp_path)
    assert sum(archive.asked.values()) == 3


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/"])
def test_a_redirect_to_another_scheme_is_not_followed(tmp_path: Path, archive: Archive, target: str):
    archive.faults["/1abc.cif.gz"] = [says(302, Location=target)]
    files = fetched(source(tmp_path, "1abc", archive), tmp_path)
    assert problems(files) == {"1abc": "not_fetched"}
    assert not files["1abc"].path.exists()
    assert archive.asked == {"/1abc.cif.gz": 1}


def test_redirects_are_followed_but_not_in_circles(tmp_path: Path, archive: Archive):
    archive.faults["/1abc.cif.gz"] = [says(302, Location="/2abc.cif.gz")]
    archive.faults["/3abc.cif.gz"] = [says(302, Location="/3abc.cif.gz")] * 100
    files = fetched(source(tmp_path, "1abc 3abc", archive), tmp_path)
    assert problems(files) == {"3abc": "not_fetched"}
    assert files["1abc"].path.read_bytes() == entry("2abc")
    assert archive.asked["/3abc.cif.gz"] < 10


def test_a_download_is_not_larger_than_the_limit(tmp_path: Path, archive: Archive, monkeypatch):
    monkeypatch.setattr(http, "MAX_BYTES", 10_000)
    files = fetched(source(tmp_path, "1abc", archive), tmp_path)
    assert "larger than" in files["1abc"].problem.message
    monkeypatch.setattr(http, "MAX_BYTES", 1 << 30)
    monkeypatch.setattr(http, "MAX_UNPACKED_BYTES", 100_000)
    files = fetched(source(tmp_path, "1abc", archive), tmp_path)
    assert "unpacked" in files["1abc"].problem.message
    assert archive.asked["/1abc.cif.gz"] == 2


def test_a_server_out_of_order_fails_the_job_instead_of_emptying_it(tmp_path: Path, archive: Archive):
    ids = [f"1a{number:02d}" for number in range(40)]
    archive.faults.update({f"/{name}.cif.gz": [says(503)] * 10 for name in ids})
    with pytest.raises(SourceError, match=r"20 downloads failed one after another.*start again to go on"):
        fetched(source(tmp_path, " ".join(ids), archive, retries=0), tmp_path)


def test_without_any_answer_the_job_fails_and_goes_on_once_there_is_one(tmp_path: Path, archive: Archive):
    """As on a train: nothing was fetched, or some files are there from before."""
    few = source(tmp_path, "1abc 2abc", archive)
    with pytest.raises(SourceError, match=r"source\.rcsb\.mirror: no download had any answer"):
        fetched(source(tmp_path, "1abc 2abc", retries=0), tmp_path)
    assert problems(fetched(few, tmp_path)) == {}
    for name in ("3abc", "4abc", "5abc"):
        archive.faults[f"/{name}.cif.gz"] = [reset]
    more = source(tmp_path, "1abc 2abc 3abc 4abc 5abc", archive, retries=0)
    with pytest.raises(SourceError, match="no download had any answer"):
        fetched(more, tmp_path)
    assert problems(fetched(more, tmp_path)) == {}


def fetch_in_another_process(config: SourceConfig, results: Path, shard: int) -> None:
    list_entries(config, results, results / f"{shard}.parquet", shard, 2)


def test_the_rate_holds_over_threads_retries_and_processes(tmp_path: Path, archive: Archive):
    """12 requests at 10 a second take 1.1 s; were each of two processes to keep to it alone, they would take 0.5 s."""
    ids = [f"1a{number:02d}" for number in range(10)]
    archive.faults["/1a00.cif.gz"] = [says(500)]
    archive.faults["/1a01.cif.gz"] = [says(302, Location="/1a02.cif.gz")]
    config = source(tmp_path, " ".join(ids), archive, per_second=10.0, timeout=10.0)
    results = tmp_path / "results"
    context = multiprocessing.get_context("spawn")
    jobs = [context.Process(target=fetch_in_another_process, args=(config, results, shard)) for shard in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0]
    starts = sorted(archive.starts)
    assert len(starts) == 12
    assert starts[-1] - starts[0] >= 0.75
    rows = list(MANIFEST.read(results / "0.parquet", results / "1.parquet"))
    assert {row.entry_id for row in rows} == set(ids)
    assert all(row.sha256 == hashlib.sha256(Path(row.path).read_bytes()).hexdigest() for row in rows)


def test_after_kill_9_only_what_is_missing_is_asked_for(tmp_path: Path, archive: Archive):
    archive.faults["/2abc.cif.gz"] = [stalled]
    config = source(tmp_path, "1abc 2abc", archive, timeout=10.0)
    files = list(listed(config, tmp_path).values())
    fetch = load_source(config, tmp_path).fetch
    job = multiprocessing.get_context("spawn").Process(target=fetch, args=(files,))
    job.start()
    record = files[0].path.parent / "downloads.tsv"
    deadline = time.monotonic() + 60
    while not (record.exists() and b"\n" in record.read_bytes() and archive.asked["/2abc.cif.gz"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    job.kill()
    job.join()
    assert problems(fetched(config, tmp_path)) == {}
    assert archive.asked == {"/1abc.cif.gz": 1, "/2abc.cif.gz": 2}


def test_a_rate_file_with_rubbish_or_from_the_future_holds_nobody(tmp_path: Path, archive: Archive):
    folder = tmp_path / "results" / "work" / "rcsb"
    folder.mkdir(parents=True)
    for text in ("rubbish", "inf", "nan", repr(time.time() + 10**6)):
        (folder / ".next-request").write_text(text)
        start = time.monotonic()
        assert problems(fetched(source(tmp_path, "1abc", archive), tmp_path)) == {}
        assert time.monotonic() - start < 30
        (folder / "downloads.tsv").unlink()
