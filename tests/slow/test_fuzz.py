"""Ten thousand broken files and a few very large ones, through the real stages, in bounded memory and time."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proteinmtp.config import ParseConfig
from proteinmtp.structures.parse import parse_file
from proteinmtp.structures.records import is_mmcif, read_bytes

from ..support.fuzz import make_seeds, mutants, write_bomb, write_long_line, write_oddities
from ..support.fuzz_checks import disagreement, faults
from ..support.parsing import read_tables

MUTANTS = 10_000
SLOWEST = 5.0
"""Seconds for one file; mutants are at most a few hundred kB, and gemmi reads tens of MB a second."""

MEGABYTES = 64
PER_BYTE = 12
"""Memory for one byte of a file. Atoms take about half of it: what was read, where its lines begin and end, the kept
lines, and gemmi's atoms and ours. A refused file takes two bytes: what was read, and a copy."""

BASE = 300
"""MB of Python with numpy, gemmi and pyarrow, before a file is read."""

STAGES = """
import json, resource, sys, time
from pathlib import Path
from proteinmtp.config import ParseConfig
from tests.support.parsing import directory, list_entries, parse_shard

folder, results, megabytes, address_space = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
limits = ParseConfig(min_length=4, min_observed=0, max_unknown=1, max_bond_outliers=1, max_megabytes=megabytes)
start = time.perf_counter()
list_entries(directory(Path(folder)), results, results / "manifest")
parse_shard(results / "manifest", results / "chains", results / "quarantine", limits)
status = Path("/proc/self/status")
if status.exists():  # ru_maxrss would begin with the peak of the process that started this one
    peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1_000
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1_000_000 if sys.platform == "darwin" else 1_000)
print(json.dumps({"seconds": time.perf_counter() - start, "megabytes": peak}))
"""

SEQRES = b"SEQRES   1 A  999  " + b"ALA " * 13 + b"\n"
ATOM = b"ATOM      1  CA  ALA A   1       1.000   2.000   3.000  1.00 20.00           C  \n"
PLAIN = {"zeros": b"\0", "blanks": b" ", "text": b"A", "atoms": ATOM}
COSTLY = {"newlines": b"\n", "ter": b"TER\n", "seqres": SEQRES}


def stages(root: Path, folder: Path, results: Path, seconds: float) -> dict[str, float]:
    """Run both stages in a process of their own; return its time and its peak memory."""
    results.mkdir()
    bound = BASE + PER_BYTE * MEGABYTES
    done = subprocess.run(
        [sys.executable, "-c", STAGES, str(folder), str(results), str(MEGABYTES), str((bound + 4000) * 1_000_000)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    measured = json.loads(done.stdout.splitlines()[-1])
    print(folder.name, {key: round(value, 1) for key, value in measured.items()}, f"bound {bound} MB")
    assert measured["megabytes"] <= bound
    return measured


def check_accounts(results: Path) -> None:
    """Assert that every entry, and every polymer, is a row of the chains or of the quarantine."""
    tables = read_tables(results)
    entries = {row.entry_id for row in tables.entries}
    assert {row.entry_id for row in [*tables.chains, *tables.quarantine]} == entries
    assert tables.intake.files == len(entries)
    assert tables.intake.chains == len(tables.chains) + sum(row.chain is not None for row in tables.quarantine)
    assert len({row.chain_id for row in tables.chains}) == len(tables.chains)
    assert all(row.message and "\n" not in row.message for row in tables.quarantine)


@pytest.mark.slow
def test_ten_thousand_mutants(root: Path, request: pytest.FixtureRequest, tmp_path: Path):
    try:
        shared = request.getfixturevalue("shared")
    except pytest.skip.Exception:
        shared = None
    folder = tmp_path / "mutants"
    folder.mkdir()
    odd = write_oddities(folder)
    limits = ParseConfig(min_length=4, min_observed=0, max_unknown=1, max_bond_outliers=1, copies="all")
    wrong, slowest = [], (0.0, "", ("",))
    for mutant in mutants(make_seeds(tmp_path, shared), MUTANTS, seed=1):
        path = folder / mutant.name
        path.write_bytes(mutant.content)
        start = time.perf_counter()
        parsed = parse_file(path, limits)
        slowest = max(slowest, (time.perf_counter() - start, mutant.name, mutant.done))
        faulty: list[str | None] = [*faults(parsed)]
        try:
            text = read_bytes(path, 1 << 30)
        except Exception:  # a broken gzip stream, which parse_file has refused
            text = b""
        faulty.append(disagreement(text, is_mmcif(text) or "cif" in path.name))
        wrong += [(mutant.name, mutant.done, item) for item in faulty if item]
    print("slowest", slowest)
    assert not wrong
    assert slowest[0] < SLOWEST
    stages(root, folder, tmp_path / "results", 600)
    check_accounts(tmp_path / "results")
    assert read_tables(tmp_path / "results").intake.files == MUTANTS + odd


@pytest.mark.slow
def test_bombs_and_a_line_of_two_gigabytes(root: Path, tmp_path: Path):
    folder = tmp_path / "large"
    folder.mkdir()
    write_long_line(folder / "line.pdb", 2_000_000_000)
    write_bomb(folder / "four-gigabytes.cif.gz", 4_000)
    for name, unit in PLAIN.items():
        write_bomb(folder / f"{name}-beyond.pdb.gz", 2 * MEGABYTES, unit)
        write_bomb(folder / f"{name}.pdb.gz", MEGABYTES - 1, unit)
    try:
        stages(root, folder, tmp_path / "results", 300)
    finally:
        (folder / "line.pdb").unlink()
    check_accounts(tmp_path / "results")
    codes = {row.entry_id: row.code for row in read_tables(tmp_path / "results").quarantine}
    large = {name for name, code in codes.items() if code == "too_large"}
    assert large == {"line", "four-gigabytes", *(f"{name}-beyond" for name in PLAIN)}


@pytest.mark.slow
@pytest.mark.parametrize("name", COSTLY)
def test_lines_without_atoms_take_no_more_memory(root: Path, tmp_path: Path, name: str):
    folder = tmp_path / name
    folder.mkdir()
    write_bomb(folder / f"{name}.pdb.gz", MEGABYTES - 1, COSTLY[name])
    stages(root, folder, tmp_path / "results", 300)
