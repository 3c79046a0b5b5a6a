"""Files damaged as disks, copies and people damage them, and the stages that read them."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipeline import (
    calibrate,
    chirality,
    distances,
    evaluate,
    fit_null,
    fold,
    fold_summary,
    package,
    parse,
    predict,
    predict_null,
    pretrain,
    reconstruct,
    report,
    split,
    train,
    view,
)
from proteinmtp.base.files import directory_hashes, file_sha256
from proteinmtp.config import ParseConfig, PretrainConfig, ReconstructConfig, SplitConfig
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.tables.shards import Shards

from .small import SmallData, small_config
from .trained_runs import files_of

NULL = "proteinmtp.predictors.nulls.separation"


def flip_a_bit(path: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    path.write_bytes(data)


def cut(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(path.read_bytes()[: rng.integers(path.stat().st_size)])


def overwrite_a_part(path: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    begin = int(rng.integers(len(data)))
    length = min(len(data) - begin, int(rng.integers(1, 4096)))
    before = bytes(data)
    data[begin : begin + length] = rng.bytes(length)
    path.write_bytes(data if bytes(data) != before else before[:-1])


def swap_columns(path: Path, rng: np.random.Generator) -> None:
    """What another program writes: the same table with two columns exchanged."""
    if path.suffix != ".parquet":
        return flip_a_bit(path, rng)
    table = pq.read_table(path)
    names = list(table.column_names)
    one, other = rng.choice(len(names), 2, replace=False)
    names[one], names[other] = names[other], names[one]
    pq.write_table(table.rename_columns(names), path)


DAMAGES: tuple[Callable[[Path, np.random.Generator], None], ...] = (flip_a_bit, cut, overwrite_a_part, swap_columns)


@dataclass(frozen=True)
class Job:
    """A stage with what it reads, where it writes, and its settings."""

    stage: ModuleType
    inputs: Any
    outputs: Any
    options: Any

    @property
    def name(self) -> str:
        return self.stage.__name__.rpartition(".")[2]

    def run(self) -> None:
        self.stage.run(self.inputs, self.outputs, self.options)

    def written(self) -> dict[str, str]:
        """Return the sha256 of each file that was written."""
        outputs = {field.name: getattr(self.outputs, field.name) for field in fields(self.outputs)}
        hashes = {}
        for name, value in outputs.items():
            for path in [value] if isinstance(value, Path) else value:
                files = directory_hashes(path) if path.is_dir() else {"": file_sha256(path)}
                hashes |= {f"{name}/{path.name}/{file}": digest for file, digest in files.items()}
        return hashes

    def read(self) -> Iterator[tuple[str, Path]]:
        """Yield the files that are read, with the name of the input; of a backbone or model the record."""
        for field in fields(self.inputs):
            value = getattr(self.inputs, field.name)
            for path in [value] if isinstance(value, Path) else value:
                yield field.name, path

    def with_copy(self, name: str, path: Path, folder: Path) -> tuple["Job", Path]:
        """Return this job with a copy of one of its files, or of the folder of shards that it lies in."""
        shutil.rmtree(folder, ignore_errors=True)
        value = getattr(self.inputs, name)
        if isinstance(value, Path):
            copied: Any = folder / path.name
            shutil.copytree(path.parent, folder) if (path.parent / "model").is_dir() else folder.mkdir()
            shutil.copyfile(path, copied)
            return replace(self, inputs=replace(self.inputs, **{name: copied})), copied
        folder.mkdir()
        copies = []
        for other in value:
            copies.append(folder / f"{len(copies):03d}{other.suffix}")
            shutil.copyfile(other, copies[-1])
        given: Any = Shards(folder, len(value)) if isinstance(value, Shards) else tuple(copies)
        copied = copies[list(value).index(path)]
        return replace(self, inputs=replace(self.inputs, **{name: given})), copied


def jobs(small: SmallData, folder: Path) -> list[Job]:
    """Run the stages from chains to the report on the small data, and return them as jobs."""
    run = small_config(runs=[{"name": "a"}]).run("a")
    files = files_of(small, folder)
    done: list[Job] = []

    def add(stage: ModuleType, inputs: dict[str, Any], outputs: dict[str, Any], **options: Any) -> None:
        done.append(Job(stage, stage.Inputs(**inputs), stage.Outputs(**outputs), stage.Options(**options)))
        done[-1].run()

    data = {"chains": small.chains, "split": small.split}
    hand, fitted = folder / "hand.json", folder / "fitted.parquet"
    predictions, traces = Shards(folder / "predictions", 2), Shards(folder / "traces", 2)
    metrics, views = folder / "metrics.parquet", folder / "views.parquet"
    add(
        parse, {"manifest": small.folder / "manifest-0.parquet"},
        {"chains": folder / "chains.parquet", "quarantine": folder / "quarantine.parquet"}, parse=ParseConfig(),
    )  # fmt: skip
    add(distances, {"chains": small.chains[0]}, {"distances": folder / "distances.parquet"})
    add(
        split, {"chains": small.chains, "quarantine": small.quarantine},
        {
            "split": folder / "split.parquet", "relatives": folder / "relatives.parquet",
            "summary": folder / "split.json",
        },
        split=SplitConfig(), seed=0,
    )  # fmt: skip
    add(chirality, data, {"hand": hand})
    add(fit_null, {**data, "distances": small.distances}, {"fitted": fitted}, null=NULL, subset="test")
    add(predict_null, {**data, "fitted": fitted}, {"predictions": predictions}, null=NULL, subset="test")
    learnt = {name: folder / "learnt" / f"{name}.json" for name in ("record", "summary")}
    learnt |= {"history": folder / "learnt" / "history.parquet", "model": folder / "learnt" / "model"}
    learnt["record"].parent.mkdir()
    steps = PretrainConfig(steps=2, batch_size=4)
    add(
        pretrain, {**data, "backbone": small.backbone}, learnt, name="a", seed=0, code="code", split=SplitConfig(),
        backbone=run.backbone.model_copy(update={"pretrain": steps}), max_unknown=0.1, work=str(folder / "work"),
    )  # fmt: skip
    stored = run.model_copy(update={"train": run.train.model_copy(update={"distances": "stored"})})
    add(
        train, vars(files.inputs), vars(files.outputs),
        run="a", settings=stored, seed=0, code="code", work=str(folder / "work"),
    )  # fmt: skip
    calibration = folder / "calibration.json"
    add(
        calibrate, {**data, "hand": hand, "backbone": small.backbone, "record": files.outputs.record},
        {"calibration": calibration}, settings=stored,
    )  # fmt: skip
    add(
        package,
        {
            "record": files.outputs.record, "backbone": small.backbone, "hand": hand, "calibration": (calibration,),
        },
        {"artefact": folder / "artefact" / "proteinmtp.json"}, run="a", source="demo", settings=stored,
    )  # fmt: skip
    (folder / "in.fasta").write_text(">a\nMKVLAAGIVAL\n>b\nMK1\n", encoding="utf-8")
    folded = folder / "folded"
    fold.run(
        fold.Inputs(artefact=folder / "artefact" / "proteinmtp.json"),
        fold.Outputs(folder=folded / "000", listing=folded / "000.json"),
        fold.Options(file=str(folder / "in.fasta"), shard=0, shards=1),
    )
    add(
        fold_summary, {"listings": (folded / "000.json",)},
        {
            "page": folded / "index.html", "table": folded / "summary.csv", "refused": folded / "refused.csv",
            "summary": folded / "summary.json",
        },
        sequences="mine", run="a",
    )  # fmt: skip
    for shard in range(2):
        add(
            predict,
            {**data, "chains": small.chains[shard], "backbone": small.backbone, "record": files.outputs.record},
            {"predictions": folder / f"of-run-{shard}.parquet"}, settings=stored, subset="test",
        )  # fmt: skip
        add(
            reconstruct,
            {
                "predictions": predictions[shard], "chains": small.chains[shard], "hand": hand,
                "calibration": (calibration,),
            },
            {"traces": traces[shard], "pdb": folder / f"pdb-{shard}"}, reconstruct=ReconstructConfig(smacof_steps=10),
        )  # fmt: skip
    add(
        evaluate, {**data, "predictions": predictions, "traces": traces},
        {"metrics": metrics}, run="a",
    )  # fmt: skip
    add(
        view, {**data, "predictions": predictions, "traces": traces},
        {"views": views}, run="a", subset="test", shown=5,
    )  # fmt: skip
    config = parse_config({"runs": [{"name": "a"}], "report": {"bootstrap_samples": 100}})
    add(
        report,
        {
            "metrics": (metrics,), "views": (views,), "history": (files.outputs.history,),
            "records": (files.outputs.record,), "pretraining": (learnt["summary"],),
            "pretraining_history": (learnt["history"],), "comparators": (),
            "folds": (folded / "summary.json",), "quarantine": small.quarantine,
            "split": small.split, "relatives": small.relatives, "split_summary": small.summary,
        },
        {
            "html": folder / "index.html", "summary": folder / "summary.json", "table": folder / "table.parquet",
            "csv": folder / "table.csv",
        },
        config=config, settings={"a": config.run("a")}, pretrained={"a": "a"}, shown=[{"name": "a", "description": ""}],
        nulls=[], beside={},
    )  # fmt: skip
    return done
