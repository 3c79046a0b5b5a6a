import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gemmi
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from proteinmtp.base.files import file_sha256
from proteinmtp.base.lock import hold
from proteinmtp.tables.calibration import Calibration
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.manifest import MANIFEST
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.quarantine import QUARANTINE
from proteinmtp.tables.saved_files import SavedBackbone, SavedRun, model_folder
from proteinmtp.tables.split import SPLIT
from proteinmtp.tables.traces import TRACES

from ..support.project import NULLS, SMALL, TINY, Project, write_demo_files, write_pdbbind
from ..support.stand_in import StandIns, records

SEEDS = ("distance", "distance-2")


def test_the_small_workflow_ends_in_a_report(finished: Project):
    results = finished.folder / "results"
    page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert '<section id="scores"' in page and "List the chains with the right fold" in page
    assert (results / "report" / "metrics.csv").is_file()
    runs = json.loads((results / "report" / "summary.json").read_text())["runs"]
    assert set(runs) == {"distance", "system", *NULLS}
    # No text is read, and no fold need be right.
    without = {"parse_failures", "mirrored"}
    assert all(score["n"] > 0 for run in runs.values() for name, score in run.items() if name not in without)
    assert len(list((results / "runs" / "distance" / "pdb").rglob("*.pdb"))) == runs["distance"]["mae"]["n"]


def test_the_report_of_snakemake_carries_the_page_and_the_numbers_with_captions(finished: Project):
    done = finished.snakemake("--report", "whole.html")
    assert done.returncode == 0, done.stdout[-4000:]
    page = (finished.folder / "whole.html").read_text(encoding="utf-8")
    for caption in ("one row for each chain", "from protein structures to a report", "what was asked and found"):
        assert caption in page.lower(), caption
    for file in ("index.html", "metrics.csv", "summary.json"):
        assert f"results/report/{file}" in page, file


def test_the_system_trains_adapters_and_slots_on_a_pretrained_backbone_that_stays_as_it_is(finished: Project):
    results = finished.folder / "results"
    (record,) = (results / "pretrained").glob("*/model.json")
    backbone = model_folder(record)
    SavedBackbone.read(record).check(backbone, record)
    begun = SavedBackbone.read(next((results / "backbones").glob("*/model.json"))).files
    assert begun["model.safetensors"] != SavedBackbone.read(record).files["model.safetensors"], "it was pretrained"
    run = results / "runs" / "system"
    assert SavedRun.read(run / "model.json").backbone == file_sha256(record)
    assert {path.suffix for path in (run / "model" / "adapter").iterdir()} >= {".json", ".safetensors"}
    assert not (run / "model" / "backbone").exists()
    adapter = load_file(run / "model" / "adapter" / "adapter_model.safetensors")
    moved = [name for name, values in adapter.items() if "lora_B" in name and values.any()]
    assert len(moved) == len(adapter) / 2, "each begins at zero"
    table = load_file(backbone / "model.safetensors")["embed_tokens.weight"]
    assert not torch.allclose(load_file(run / "model" / "slots.safetensors")["slot_row"], table.mean(0) + table.std(0))
    log = (results / "logs" / "train" / "system.log").read_text(encoding="utf-8")
    assert "train chains: " in log and "MB from results/data/distances/000.parquet" in log
    assert PretrainingSummary.read(record.parent / "summary.json").steps == 4
    page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert "Pretrained backbones" in page and "tiny, pretrained" in page and "lora, rank 8" in page


TWICE = {"runs": [{**SMALL["runs"][0], "seeds": 2}, *SMALL["runs"][1:]]}


@pytest.mark.slow
def test_a_run_with_two_seeds_has_their_mean_and_their_spread(finished: Project):
    finished.configure(TWICE)
    done = finished.snakemake()
    assert done.returncode == 0, done.stdout
    results = finished.folder / "results"
    first, second = (load_file(results / "runs" / name / "model" / "head.safetensors") for name in SEEDS)
    assert not all(torch.equal(first[name], second[name]) for name in first)
    scores = json.loads((results / "report" / "summary.json").read_text())["runs"]
    assert scores["distance"]["mae"]["seeds"] == 2 and scores["distance"]["mae"]["spread"] > 0
    assert scores["system"]["mae"]["seeds"] == 1 and not set(SEEDS[1:]) & scores.keys()
    page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert "between 2 seeds" in page


def test_confidence_is_what_validation_chains_make_of_it_and_b_factors_carry_it(finished: Project):
    runs = finished.folder / "results" / "runs"
    curve = Calibration.read(runs / "system" / "calibration.json")
    assert curve.residues > 20 and curve.observed == sorted(curve.observed)
    assert not (runs / "distance" / "calibration.json").exists()
    rows = list(TRACES.read(runs / "system" / "traces" / "000.parquet"))
    assert rows and all(row.method.startswith("energy, ") for row in rows)
    for row in rows:
        assert min(curve.observed) - 1e-3 <= row.confidence.min() <= row.confidence.max() <= max(curve.observed) + 1e-3
    (model,) = gemmi.read_structure(str(runs / "system" / "pdb" / "000" / f"{rows[0].chain_id}.pdb"))
    carried = [residue["CA"][0].b_iso for residue in model["A"]]
    assert carried == pytest.approx(rows[0].confidence.tolist(), abs=0.006)


def test_the_sequence_of_the_readme_is_folded_by_a_run_and_the_folder_is_whole(finished: Project):
    lines = (finished.folder / "README.md").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("proteinmtp fold "))
    words = line.replace("runs/slots", "runs/system").split()
    export = ["proteinmtp", "export", "results/runs/system", "shared"]
    for command in (words, ["proteinmtp", "verify", "results"], export):
        done = subprocess.run(
            [sys.executable, "-c", "from proteinmtp.cli.main import main; main()", *command[1:]],
            cwd=finished.folder, env=finished.environment(), capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "proteinmtp.json" in {path.name for path in (finished.folder / "results/runs/system/artefact").iterdir()}
    assert (finished.folder / "my_folds" / "index.html").is_file()
    card = (finished.folder / "shared" / "README.md").read_text(encoding="utf-8")
    scores = json.loads((finished.folder / "results" / "report" / "summary.json").read_text())["runs"]
    for run in ("system", "null_separation"):
        mae, lddt = scores[run]["mae"], scores[run]["lddt"]
        assert f"| {run} | {mae['mean']:.3f} [{mae['low']:.3f}, {mae['high']:.3f}] | {lddt['mean']:.3f} [" in card
    assert "null_separation_points" not in card and "Residues of these chains: under 100 in" in card


def test_sequences_are_folded_by_each_run_and_nothing_is_trained_again(finished: Project):
    finished.configure({"sequences": [{"name": "mine", "file": "mine.fasta"}]})
    done = finished.snakemake("-n")
    assert done.returncode != 0 and "sequences (mine).file: there is no file mine.fasta; a relative path" in done.stdout
    path = finished.folder / "mine.fasta"
    path.write_text(">a/b\nMKVLAAGIVALLLAACSSNKEV\n>bad\nMK1\n>c\nMKVLAAGIVALL\n", encoding="utf-8")
    folder = Path("results", "runs", "system", "folded", "mine")
    done = finished.snakemake(str(folder / "index.html"))
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Train" not in done.stdout
    folder = finished.folder / folder
    table = pl.read_csv(folder / "summary.csv")
    assert table["name"].to_list() == ["a/b", "c"]
    assert all((folder / file).is_file() for file in table["file"])
    assert pl.read_csv(folder / "refused.csv")["name"].to_list() == ["bad"]
    assert 'href="000/structures/a%252Fb.cif"' in (folder / "index.html").read_text(encoding="utf-8")


def test_a_null_is_decoded_as_the_runs_that_it_stands_beside(finished: Project):
    results = finished.folder / "results"
    method = {
        name: {row.method.partition(",")[0] for row in TRACES.read(results / "runs" / name / "traces" / "000.parquet")}
        for name in ("distance", "system", *NULLS)
    }
    assert method["distance"] == {"gradient"} and method["system"] == {"energy"}
    assert all(method[name] == {"gradient" if name.endswith("_points") else "energy"} for name in NULLS)
    beside = json.loads((results / "report" / "summary.json").read_text())["differences"]
    assert {name for name in beside["distance"] if "null" in name} == {name for name in NULLS if "_points" in name}
    assert {name for name in beside["system"] if "null" in name} == {name for name in NULLS if "_points" not in name}


def test_of_a_run_snakemake_keeps_what_it_keeps_of_one_that_is_only_planned(
    finished_project: Project, stand_ins: StandIns
):
    """So that the lists of what runs again, which rest on plans, hold for real results."""
    real = records(finished_project.folder)
    planned = stand_ins.finished("small", SMALL)
    assert set(real) == {path for job in planned.jobs for path in job.output}
    kept = records(planned.folder)
    for path, record in real.items():
        assert record == kept[path], path


def test_a_second_run_has_nothing_to_do(finished: Project):
    assert "Nothing to be done" in finished.snakemake().stdout


@pytest.mark.slow
def test_a_leaf_of_the_report_reruns_the_report_alone(finished: Project):
    finished.configure({"report": {"bootstrap_samples": 100, "title": "Another title"}})
    assert finished.snakemake().returncode == 0
    assert "Another title" in (finished.folder / "results" / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_new_null_is_one_new_file(finished: Project):
    old = (finished.folder / "proteinmtp/predictors/nulls/helix.py").read_text(encoding="utf-8")
    text = old.replace('DESCRIPTION = "one ideal alpha helix', 'DESCRIPTION = "one straight strand')
    text = text.replace("rise=1.5, radius=2.3, turn=100.0", "rise=3.3, radius=0.9, turn=190.0")
    assert "radius=0.9" in text
    (finished.folder / "proteinmtp/predictors/nulls/strand.py").write_text(text, encoding="utf-8")
    finished.configure({"nulls": [*SMALL["nulls"], "strand"]})
    done = finished.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]
    results = finished.folder / "results"
    assert "null_strand" in json.loads((results / "report" / "summary.json").read_text())["runs"]
    assert "one straight strand" in (results / "report" / "index.html").read_text(encoding="utf-8")
    assert "Fit null_separation" not in done.stdout and "Train" not in done.stdout


def directory_source(folder: Path, **more: object) -> dict:
    return {"source": {"kind": "directory", "directory": {"path": str(folder), **more}}}


def table_split(path: Path) -> dict:
    return {"split": {"method": "table", "table": {"path": str(path), "key": "pdbid", "column": "new_split"}}}


@pytest.mark.slow
def test_an_edit_of_the_split_table_reruns_the_split_and_a_touched_table_nothing(project: Project, tmp_path: Path):
    table, target = tmp_path / "table.csv", "results/data/split.json"
    head = "pdbid,new_split\nf00m000,train\nF00M001,val\n"
    table.write_text(head + "f01m000,test\n")
    project.configure(table_split(table))
    done = project.snakemake(target)
    assert done.returncode == 0, done.stdout[-4000:]
    summary = json.loads((project.folder / target).read_text())
    assert summary["subsets"] == {"train": 1, "val": 0, "test": 1}
    assert summary["in_no_subset"] == summary["notes"]["chains_not_in_table"] == summary["chains_parsed"] - 2
    table.touch()
    assert project.planned(target) == set()
    table.write_text(head + "f01m000,val\n")
    assert project.planned(target) == {"split"}


@pytest.mark.slow
def test_chains_in_no_subset_break_no_later_stage(project: Project, tmp_path: Path):
    table = tmp_path / "table.tsv"
    rows = [f"f{family:02d}m{member:03d}\t{subset}" for family in range(2)
            for member, subset in enumerate(["train", "train", "train", "val", "test"])]  # fmt: skip
    table.write_text("pdbid\tnew_split\n" + "\n".join(rows) + "\n")
    project.configure(table_split(table), TINY)
    done = project.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]
    runs = json.loads((project.folder / "results/report/summary.json").read_text())["runs"]
    without = {"parse_failures", "mirrored"}
    assert {score["n"] for run in runs.values() for name, score in run.items() if name not in without} == {2}
    page = (project.folder / "results/report/index.html").read_text(encoding="utf-8")
    assert "6 chains are in no subset" in page and "Leaky split" not in page


@pytest.mark.slow
def test_one_broken_file_among_none_other_ends_in_a_report(project: Project, tmp_path: Path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "broken.cif").write_text("data_x\nloop_\n_atom_site.id\n_atom_site.type_symbol\n1\n")
    project.configure(directory_source(folder), {"split": {"method": "cluster"}}, TINY)
    done = project.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]
    rows = list(QUARANTINE.read(*(project.folder / "results/data/quarantine").iterdir()))
    assert [(row.entry_id, row.code) for row in rows] == [("broken", "unreadable")]
    page = (project.folder / "results" / "report" / "index.html").read_text(encoding="utf-8")
    assert "No chain could be used" in page and "broken.cif" in page


def test_a_pdbbind_tree_becomes_a_split(project: Project, tmp_path: Path):
    write_demo_files(tmp_path / "demo", 3, 6)
    root = write_pdbbind(tmp_path / "pdbbind", sorted((tmp_path / "demo").glob("f*.pdb")))
    (root / "1a00" / "1a00_protein.pdb").unlink()
    project.configure(
        {
            "source": {"kind": "pdbbind", "pdbbind": {"path": str(root), "last_year": 2007}},
            "split": {"method": "cluster"},
        }
    )
    target = "results/data/split.parquet"
    done = project.snakemake(target)
    assert done.returncode == 0, done.stdout[-4000:]
    data = project.folder / "results" / "data"
    entries = {row.entry_id: row for row in MANIFEST.read(*(data / "manifest").iterdir())}
    assert {code: row.code for code, row in entries.items() if row.code} == {
        "1a00": "missing_file",
        "1a08": "not_selected",
    }
    assert (entries["1a03"].year, entries["1a03"].uniprot) == (2003, "P00003")
    chains = {row.chain_id for row in CHAINS.read(*(data / "chains").iterdir())}
    assert chains and chains == {row.chain_id for row in SPLIT.read(project.folder / target)}


def test_ids_are_fetched_and_a_failed_one_is_asked_for_again_on_request(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    demo, served = tmp_path / "demo", tmp_path / "served"
    served.mkdir()
    write_demo_files(demo, 2, 4)
    proteins = sorted(demo.glob("f*.cif"))
    for number, path in enumerate(proteins):
        path.rename(served / f"1a{number:02d}.cif")
    (served / "1a00.cif").rename(tmp_path / "later.cif")
    (tmp_path / "ids.txt").write_text(" ".join(f"1a{number:02d}" for number in range(len(proteins))))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mirror = f"http://127.0.0.1:{server.server_port}/<id>.cif"
    options = {"ids": str(tmp_path / "ids.txt"), "mirror": mirror, "obsolete": None, "per_second": 50.0}
    project.configure({"source": {"kind": "rcsb", "rcsb": options}})
    target = "results/data/chains/000.parquet"

    def codes() -> list[str | None]:
        rows = MANIFEST.read(project.folder / "results/data/manifest/000.parquet")
        return [row.code for row in sorted(rows, key=lambda row: row.entry_id)]

    done = project.snakemake(target)
    assert done.returncode == 0, done.stdout[-4000:]
    assert codes() == ["not_fetched", *[None] * (len(proteins) - 1)]
    assert "1a00" in (project.folder / "results/logs/manifest/000.log").read_text()
    (tmp_path / "later.cif").rename(served / "1a00.cif")
    assert project.planned(target) == set()
    done = project.snakemake(target, "--forcerun", "manifest")
    server.shutdown()
    server.server_close()
    assert done.returncode == 0, done.stdout[-4000:]
    assert codes() == [None] * len(proteins)


@pytest.mark.slow
def test_training_goes_on_after_kill_9_and_the_old_report_does_not_hide_it(finished: Project):
    """The killed job is a rerun: its outputs of before are deleted, while the report of before still stands."""
    results = finished.folder / "results"
    settings = {"steps": 400, "batch_size": 4, "validate_every": 400, "checkpoint_every": 5}
    finished.configure({"runs": [{"name": "distance", "train": settings}, *SMALL["runs"][1:]]})
    before = (results / "report" / "summary.json").read_text()
    first = subprocess.Popen(
        finished.command(), cwd=finished.folder, env=finished.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 200
    while not list((results / "work/train").glob("distance-*/step-*.safetensors")):
        assert first.poll() is None and time.monotonic() < deadline, "training wrote no checkpoint"
        time.sleep(0.05)
    pids = training_processes(finished.folder)
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    first.communicate(timeout=60)
    assert first.returncode != 0
    assert (results / "report" / "summary.json").read_text() == before
    done = finished.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]
    assert "going on from the checkpoint of step" in (results / "logs/train/distance.log").read_text(encoding="utf-8")
    assert json.loads((results / "runs/distance/model.json").read_text())["steps"] == 400
    assert (results / "report" / "summary.json").read_text() != before


def test_a_second_workflow_on_the_same_results_ends_and_says_who_holds_them(project: Project):
    """What a killed Snakemake leaves of its own lock holds nobody up."""
    project.configure(TINY)
    left = project.folder / ".snakemake" / "locks" / "0.output.lock"
    left.parent.mkdir(parents=True)
    left.write_text("results/data/split.parquet\n")
    with closing(os.fdopen(hold(project.folder / "results"))):
        done = project.snakemake("--until", "manifest")
        assert done.returncode != 0
        assert f"results is in use by process {os.getpid()} on " in done.stdout and str(Path.cwd()) in done.stdout
        assert "Traceback" not in done.stdout and 'File "' not in done.stdout
    done = project.snakemake("--until", "manifest")
    assert done.returncode == 0, done.stdout[-3000:]


def training_processes(folder: Path) -> list[int]:
    """Return the ids of the Python processes that train in `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                here = (entry / "cwd").readlink() == folder.resolve()
            except OSError:
                continue
            if here and b"train" in words and b"python" in words[0]:
                found.append(int(entry.name))
    return found


def test_the_shim_in_workflow_makes_the_same(finished: Project):
    output = finished.snakemake("-n", "-s", "workflow/Snakefile").stdout
    assert "Nothing to be done" in output or "workflow_all" in output
    assert "Train" not in output


@pytest.mark.slow
def test_shards_left_over_from_a_larger_number_are_never_read(finished: Project):
    results = finished.folder / "results"
    for table in ("chains", "quarantine", "distances"):
        (results / "data" / table / "001.parquet").write_bytes(b"left over")
    (results / "runs" / "distance" / "predictions" / "001.parquet").write_bytes(b"left over")
    for rule, target in (("split", "data/split.parquet"), ("evaluate", "runs/distance/metrics.parquet")):
        done = finished.snakemake(f"results/{target}", "--forcerun", rule)
        assert done.returncode == 0 and "steps (100%) done" in done.stdout, done.stdout[-4000:]
