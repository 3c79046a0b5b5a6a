"""Where things lie: odd letters everywhere, nothing but the results can be written, and these are on another disk."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import backbone
from proteinmtp.base.files import directory_hashes
from proteinmtp.config import BackboneConfig

from ..support.project import SMALL, copy_project, write_demo_files
from ..support.room import read_only, small_disk
from ..support.small import SMALL_RUN

pytestmark = pytest.mark.slow

TINY = BackboneConfig.model_validate(SMALL_RUN["backbone"])
FASTA = ">ä 1\nMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQ\n"


def write_inputs(folder: Path) -> dict:
    """Write a source, a language model, predictions from elsewhere and sequences; return the config that reads them."""
    write_demo_files(folder / "my structures, ä", 2, 8)
    first = next(path for path in sorted((folder / "my structures, ä").iterdir()) if path.name.startswith("f00"))
    first.rename(first.with_name(f"Größe 1 'a'{first.suffix}"))
    shutil.copytree(folder / "my structures, ä", folder / "predicted ö")
    for name in ("some sequences.fasta", "more ü.fasta"):
        (folder / name).write_text(FASTA, encoding="utf-8")
    outputs = backbone.Outputs(record=folder / "model.json", model=folder / "my model é")
    backbone.run(backbone.Inputs(), outputs, backbone.Options(backbone=TINY, seed=0))
    pretrain = {"when": "always", "steps": 2, "batch_size": 4, "fasta": [str(folder / "more ü.fasta")]}
    model = {"kind": "path", "path": str(folder / "my model é"), "pretrain": pretrain}
    return SMALL | {
        "source": {"kind": "directory", "directory": {"path": str(folder / "my structures, ä")}},
        "defaults": SMALL_RUN | {"backbone": model},
        "runs": [{"name": "distance"}],
        "nulls": ["helix"],
        "comparators": [{"name": "elsewhere", "folder": str(folder / "predicted ö")}],
        "sequences": [{"name": "mine", "file": str(folder / "some sequences.fasta")}],
    }


def test_read_only_inputs_and_checkout_odd_letters_and_results_on_another_disk(root: Path, tmp_path: Path):
    checkout, inputs, mine = (tmp_path / name for name in ("the check-out, ß", "what is given, ñ", "work 'here' ø"))
    copy_project(root, checkout)
    inputs.mkdir()
    mine.mkdir()
    config = write_inputs(inputs)
    before = directory_hashes(inputs), directory_hashes(checkout)

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "snakemake", *arguments, "-s", str(checkout / "Snakefile"), "-j", "2"]
        done = subprocess.run(
            [*command, "--configfile", "mine.yaml"], cwd=mine, capture_output=True, text=True, timeout=1800
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout + done.stderr

    with small_disk(tmp_path / "other disk", 64) as disk, read_only(checkout), read_only(inputs):
        results = disk / "résults, mine"
        results.mkdir()
        config["results"] = str(results)
        (mine / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        run()
        assert (results / "report" / "index.html").is_file() and not (mine / "results").exists()
        assert "Nothing to be done" in run("-n")
        assert (directory_hashes(inputs), directory_hashes(checkout)) == before

        # The same by a link in the folder where one works.
        (mine / "results").symlink_to(results)
        (mine / "mine.yaml").write_text(yaml.safe_dump(config | {"results": "results"}), encoding="utf-8")
        (results / "report" / "summary.json").unlink()
        run("--until", "report", "--rerun-triggers", "mtime")
        assert (results / "report" / "summary.json").is_file() and (mine / "results").is_symlink()
