"""The stages as commands on synthetic chains, and what they take; see `scale_data.py`.

A stage that reads one shard is given all chains in one, which is more than the workflow asks of it; one that reads all
shards is given shards of 500 chains. Predicting, rebuilding and the nulls have the tested tenth of the chains to work
on, evaluate and view all of them. The model is untrained but for four steps, and tiny.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import psutil
import scale_data

from pipeline import backbone
from proteinmtp.config import Config, RunConfig, options_json
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.structures.listing import manifest_rows
from proteinmtp.structures.source import SourceFile
from proteinmtp.tables.manifest import MANIFEST
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT

ROOT = Path(__file__).resolve().parents[1]
SHARD = 500
FILES = 200
"""Different structure files; entries of stage parse point to them in turn."""
EVERY = 0.02
NULLS = "proteinmtp.predictors.nulls"
CONFIG: dict[str, Any] = {
    "defaults": {
        "backbone": {
            "tiny": {"hidden_size": 32, "layers": 2, "heads": 2, "key_value_heads": 1, "intermediate_size": 64},
            "pretrain": {"when": "never"},
        },
        "head": {"kind": "distogram", "width": 16},
        "train": {"tuning": "full", "distances": "computed", "steps": 4, "batch_size": 4, "validate_every": 4},
        "reconstruct": {"method": "mds"},
    },
    "runs": [{"name": "a"}],
    "nulls": ["separation"],
    "report": {"bootstrap_samples": 100},
}
STAGES = (
    "parse", "distances", "split", "chirality", "fit_null", "train", "predict", "predict_null", "reconstruct",
    "evaluate", "view",
)  # fmt: skip
"""In the order in which they need each other."""


@dataclass(frozen=True)
class Peak:
    """What a command took.

    Attributes:
        all, own: the most memory of it and what it starts, and of it alone, megabytes.
        seconds, cpu: by the clock, and of processors.
    """

    all: float
    own: float
    seconds: float
    cpu: float


def peak_of(command: list[str], log: Path) -> Peak:
    """Run a command to its end.

    Raises:
        RuntimeError: with the end of what it wrote, if it fails.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    began, used, most, own = time.monotonic(), _processor_seconds(), 0, 0
    with log.open("w") as output, subprocess.Popen(command, cwd=ROOT, env=environment, stderr=output) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            sizes = [size for one in _family(root) if (size := _resident(one))]
            most, own = max(most, sum(sizes)), max(own, _resident(root))
            time.sleep(EVERY)
    if process.returncode:
        raise RuntimeError(log.read_text()[-2000:])
    return Peak(most / 1e6, own / 1e6, time.monotonic() - began, _processor_seconds() - used)


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _family(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


class Case:
    """Chains, and the commands of the stages on them; a stage that needs what another makes runs that one first."""

    def __init__(self, folder: Path, count: int):
        self._folder, self.count = folder, count
        self._peaks: dict[str, Peak] = {}
        self._data = scale_data.write_tables(folder / "data", count, shard=SHARD)
        self._settings: Config = parse_config(CONFIG)

    def peak(self, stage: str) -> Peak:
        """Run a stage, unless it has run, and return its peak."""
        if stage not in self._peaks:
            flags: Mapping[str, object] = getattr(self, f"_{stage}")()
            texts = chain.from_iterable((f"--{name}", str(value)) for name, value in flags.items())
            command = [sys.executable, "-m", "pipeline", stage, *texts]
            self._peaks[stage] = peak_of(command, self._folder / f"{stage}.log")
        return self._peaks[stage]

    def bytes_per_chain(self) -> dict[str, float]:
        """Return the bytes on disk of what the stages that ran have written, for each chain that they worked on."""
        tested = sum(row.test for row in SPLIT.read(self._data.split))
        tables = {
            "chains": (self._data.chains.folder, self.count),
            "distances": (self._folder / "distances.parquet", self.count),
            "split": (self._data.split, self.count),
            "predictions": (self._folder / "predictions.parquet", tested),
            "null": (self._data.other("null").folder, tested),
            "traces": (self._folder / "traces.parquet", tested),
            "pdb": (self._folder / "pdb", tested),
            "metrics": (self._folder / "metrics.parquet", self.count),
        }
        return {name: _bytes(path) / number for name, (path, number) in tables.items() if path.exists()}

    @cached_property
    def _whole(self) -> Path:
        """All chains in one shard."""
        return scale_data.write_tables(self._folder / "whole", self.count, shard=self.count).chains[0]

    @cached_property
    def _distances_of_all(self) -> Shards:
        return scale_data.write_distances(self._data)

    @cached_property
    def _unread(self) -> Shards:
        """Files in place of distances, which this training does not read."""
        shards = self._data.other("unread")
        shards.folder.mkdir()
        for shard in shards:
            shard.touch()
        return shards

    @cached_property
    def _scored(self) -> tuple[Shards, Shards]:
        return scale_data.write_scored(self._data, self._distances_of_all)

    @cached_property
    def _backbone(self) -> Path:
        outputs = backbone.Outputs(
            record=self._folder / "backbone" / "model.json", model=self._folder / "backbone" / "model"
        )
        backbone.run(backbone.Inputs(), outputs, backbone.Options(backbone=self._run.backbone, seed=0))
        return outputs.record

    @property
    def _run(self) -> RunConfig:
        return self._settings.run("a")

    def _after(self, stage: str, name: str) -> Path:
        """Return a file that another stage makes."""
        self.peak(stage)
        return self._folder / name

    def _parse(self) -> dict[str, object]:
        files = scale_data.write_files(self._folder / "files", FILES)
        entries = [SourceFile(f"e{number:07d}", files[number % FILES]) for number in range(self.count)]
        MANIFEST.write(self._folder / "manifest.parquet", manifest_rows(entries, "directory"))
        return {
            "manifest": self._folder / "manifest.parquet",
            "chains": self._folder / "parsed.parquet",
            "quarantine": self._folder / "refused.parquet",
            "options": '{"parse": {}}',
        }

    def _distances(self) -> dict[str, object]:
        return {"chains": self._whole, "distances": self._folder / "distances.parquet"}

    def _split(self) -> dict[str, object]:
        return {
            "chains": self._data.chains,
            "quarantine": self._data.quarantine,
            "split": self._folder / "split.parquet",
            "relatives": self._folder / "relatives.parquet",
            "summary": self._folder / "split.json",
            "options": '{"split": {}, "seed": 0, "threads": 2}',
        }

    def _chirality(self) -> dict[str, object]:
        return {"chains": self._data.chains, "split": self._data.split, "hand": self._folder / "hand.json"}

    def _fit_null(self) -> dict[str, object]:
        return {
            "chains": self._data.chains,
            "distances": self._distances_of_all,
            "split": self._data.split,
            "fitted": self._folder / "fitted.parquet",
            "options": json.dumps({"null": f"{NULLS}.separation", "subset": "test"}),
        }

    def _train(self) -> dict[str, object]:
        return {
            "chains": self._data.chains,
            "distances": self._unread,
            "split": self._data.split,
            "backbone": self._backbone,
            "record": self._folder / "run" / "model.json",
            "history": self._folder / "run" / "history.parquet",
            "model": self._folder / "run" / "model",
            "options": (
                f'{{"run":"a","settings":{options_json(self._run)},"seed":0,"code":"",'
                f'"work":"{self._folder / "work"}"}}'
            ),
        }

    def _predict(self) -> dict[str, object]:
        return {
            "chains": self._whole,
            "split": self._data.split,
            "backbone": self._backbone,
            "record": self._after("train", "run/model.json"),
            "predictions": self._folder / "predictions.parquet",
            "options": f'{{"settings":{options_json(self._run)},"subset":"test"}}',
        }

    def _predict_null(self) -> dict[str, object]:
        return {
            "fitted": self._after("fit_null", "fitted.parquet"),
            "chains": self._data.chains,
            "split": self._data.split,
            "predictions": self._data.other("null"),
            "options": json.dumps({"null": f"{NULLS}.separation", "subset": "test"}),
        }

    def _reconstruct(self) -> dict[str, object]:
        return {
            "predictions": self._after("predict", "predictions.parquet"),
            "chains": self._whole,
            "hand": self._after("chirality", "hand.json"),
            "traces": self._folder / "traces.parquet",
            "pdb": self._folder / "pdb",
            "options": f'{{"reconstruct":{options_json(self._run.reconstruct)}}}',
        }

    def _evaluate(self) -> dict[str, object]:
        predictions, traces = self._scored
        return {
            "predictions": predictions,
            "traces": traces,
            "chains": self._data.chains,
            "split": self._data.split,
            "metrics": self._folder / "metrics.parquet",
            "run": "a",
        }

    def _view(self) -> dict[str, object]:
        flags = self._evaluate() | {
            "views": self._folder / "views.parquet",
            "options": '{"run": "a", "subset": "test", "shown": 200}',
        }
        return {name: value for name, value in flags.items() if name not in ("metrics", "run")}
