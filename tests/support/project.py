"""A copy of the project in an empty folder, and Snakemake run in it as a user does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from proteinmtp.base.lock import locked
from proteinmtp.config import DemoSource
from proteinmtp.scoring.chain import score_chain
from proteinmtp.structures.synthetic import write_demo

from .small import SMALL_RUN

NULLS = ("null_separation", "null_separation_points")

SYSTEM = {
    "name": "system",
    "backbone": {"pretrain": {"when": "tiny", "steps": 4, "batch_size": 4, "validate_every": 2}},
    "head": {"kind": "distogram"},
    "train": {"tuning": "lora", "distances": "stored", "lr": 0.01},
}
"""The project's own: adapters on a pretrained model, slots, a distogram, stored distances."""

SMALL = {
    "source": {"demo": {"families": 2, "members": 8}},
    "parse": {"shards": 1},
    "defaults": SMALL_RUN,
    "runs": [{"name": "distance"}, SYSTEM],
    "nulls": ["separation"],
    "report": {"bootstrap_samples": 100},
}

TINY = {"runs": [{"name": "distance"}], "nulls": ["helix"]}
"""Changes of the small config for tests that need a report and no comparison."""


class Project:
    """A checkout of the project with a config of its own, and arguments that Snakemake always gets."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.always: list[str] = []

    def configure(self, *changes: Mapping[str, Any]) -> None:
        """Write `mine.yaml`: the small config with top-level keys changed."""
        config: dict[str, Any] = dict(SMALL)
        for change in changes:
            config |= change
        (self.folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        # Targets come first: some of Snakemake's options take all the words that follow.
        return [sys.executable, "-m", "snakemake", *arguments, *self.always, "-j", "2", "--configfile", "mine.yaml"]

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PYTHONPATH": str(self.folder), "PATH": path}

    def snakemake(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run Snakemake and return both of its streams as stdout."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )

    def planned(self, *arguments: str) -> set[str]:
        """Return the rules that a dry-run would run."""
        return set(self.planned_jobs(*arguments))

    def planned_jobs(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule a dry-run would run."""
        done = self.snakemake(*arguments, "-n", "--quiet", "host")
        output = done.stdout
        assert done.returncode == 0, output
        if "Nothing to be done" in output:
            return {}
        assert "Job stats:" in output, output
        table = output.rpartition("Job stats:")[2].partition("\n\n")[0]
        rows = [line.split() for line in table.splitlines()[3:] if line.strip()]
        return {rule: int(count) for rule, count, *_ in rows if rule not in ("total", "all")}

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


def write_demo_files(folder: Path, families: int, members: int) -> None:
    """Write the demo's structure files into a folder."""
    write_demo(folder, DemoSource(families=families, members=members), 0)


def copy_project(root: Path, folder: Path, *, compiled: bool = True) -> Project:
    """Copy what git knows of a checkout, and, for what is to be run, the compiled code."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    for name in filter(None, names):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    for kept in compiled_code(root) if compiled else ():
        target = folder / kept.relative_to(root)
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(kept, target)
    project = Project(folder)
    project.configure()
    return project


def compiled_code(root: Path) -> list[Path]:
    """Compile what scores, once for all test processes, and return the files: each copy would take half a minute."""
    kept = root / "proteinmtp" / "geometry" / "__pycache__"
    kept.mkdir(exist_ok=True)
    with locked(kept / "tests.lock"):
        trace = np.random.default_rng(0).normal(size=(40, 3)).cumsum(0)
        score_chain(trace, trace[::-1])
    return [*kept.glob("*.nbi"), *kept.glob("*.nbc")]


def write_pdbbind(root: Path, proteins: list[Path]) -> Path:
    """Write a PDBbind tree in the layout of release 2020 with these proteins, as codes 1a00, 1a01 and so on."""
    (root / "index").mkdir(parents=True)
    lines = ["# PDB code, resolution, release year, -logKd/Ki, Kd/Ki, reference, ligand name"]
    names = ["# PDB code, release year, Uniprot ID, protein name"]
    for number, path in enumerate(proteins):
        code = f"1a{number:02d}"
        (root / code).mkdir()
        shutil.copy(path, root / code / f"{code}_protein.pdb")
        lines.append(
            f"{code}  2.{number:02d}  {2000 + number}   {4 + number / 10:.2f}  Kd=20uM      // {code}.pdf (LIG)"
        )
        names.append(f"{code}  {2000 + number}  P{number:05d}  SOME PROTEIN")
    (root / "index" / "INDEX_general_PL_data.2020").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "index" / "INDEX_general_PL_name.2020").write_text("\n".join(names) + "\n", encoding="utf-8")
    return root
