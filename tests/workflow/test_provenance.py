"""The run manifest says what the results come from, and `verify` checks them against it."""

import hashlib
import json
from pathlib import Path

from rocrate.rocrate import ROCrate

from ..support.command import proteinmtp
from ..support.project import NULLS, Project

PASSING = {"work", "logs", "benchmarks"}
"""Folders of what is no result."""


def manifest_of(project: Project) -> dict:
    return json.loads((project.folder / "results/report/run_manifest.json").read_text(encoding="utf-8"))


def test_every_file_of_the_results_is_listed_with_its_hash_or_lies_in_a_folder_that_is(finished_project: Project):
    results, listed = finished_project.folder / "results", manifest_of(finished_project)["outputs"]
    for name, made in listed.items():
        path = results / name
        if path.is_file():
            content = path.read_bytes()
            assert made == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "files": 1}, name
        else:
            files = [file for file in path.rglob("*") if file.is_file() and file.name != ".snakemake_timestamp"]
            assert (made["files"], made["bytes"]) == (len(files), sum(file.stat().st_size for file in files)), name
    others = {
        path.relative_to(results).as_posix()
        for path in results.rglob("*")
        if path.is_file() and path.relative_to(results).parts[0] not in PASSING
        if not {path, *path.parents} & {results / name for name in listed}
    }
    # The copy of a run that is passed on has a record of its own files, which is listed.
    others = {name for name in others if "/artefact/" not in name}
    assert others == {"README.md", ".lock", ".jobs.lock", "report/run_manifest.json"}


def test_it_names_code_versions_settings_seeds_and_the_cost_of_jobs(finished_project: Project):
    manifest = manifest_of(finished_project)
    locks = {path.name: path.read_bytes() for path in finished_project.folder.glob("requirements*.lock")}
    assert manifest["locks"] == {name: hashlib.sha256(content).hexdigest() for name, content in locks.items()}
    assert manifest["versions"]["torch"] and manifest["versions"]["python"].startswith("3.")
    assert manifest["config"]["source"]["demo"]["members"] == 8
    assert manifest["seeds"].keys() == {"distance", "system"} and manifest["input_files"] == 19
    jobs = {job["job"]: job for job in manifest["jobs"]}
    assert {"parse/000", "train/distance", "report/report", *(f"evaluate/{null}" for null in NULLS)} <= jobs.keys()
    assert all(job["seconds"] > 0 for job in jobs.values())
    assert jobs["train/distance"]["max_rss_mb"] > 100


def test_a_file_changed_by_hand_is_named_by_verify_also_one_without_a_checksum_of_its_own(finished: Project):
    results = finished.folder / "results"
    done = proteinmtp("verify", results)
    assert done.exit_code == 0, done.output
    structure: Path = next((results / "runs/distance/pdb/000").glob("*.pdb"))
    structure.write_bytes(structure.read_bytes().replace(b" CA ", b" CB ", 1))
    page = results / "report/index.html"
    page.write_text(page.read_text(encoding="utf-8")[:-10], encoding="utf-8")
    (results / "report/metrics.csv").unlink()
    done = proteinmtp("verify", results)
    assert done.exit_code == 65
    lines = [line for line in done.stdout.splitlines() if "delete it and start the workflow again" in line]
    for path, what in (
        (structure.parent, "is not what"),
        (page, "is not what"),
        (results / "report/metrics.csv", "is missing"),
    ):
        assert sum(line.startswith(f"{path} {what}") for line in lines) == 1, path
    assert len(lines) == 3


def test_a_crate_names_all_that_was_made_with_its_hash_and_is_refused_for_what_was_changed(finished: Project):
    results = finished.folder / "results"
    done = proteinmtp("crate", results, "--name", "My folds", "--license", "CC0-1.0")
    assert done.exit_code == 0, done.output
    crate = ROCrate(str(results))
    assert crate.name == "My folds" and crate.license == "CC0-1.0"
    listed = manifest_of(finished)["outputs"]
    assert {entity.id.rstrip("/"): entity["sha256"] for entity in crate.data_entities} == {
        name: made["sha256"] for name, made in listed.items()
    }
    action = crate.get("#run")
    assert len(action["result"]) == len(listed) and "torch " in action["instrument"]["softwareRequirements"]
    (results / "report/index.html").write_text("mine", encoding="utf-8")
    done = proteinmtp("crate", results)
    assert done.exit_code == 1 and "index.html is not what the last whole run made" in done.output
