"""Put all that folding needs of a trained run into one folder, which can be copied and loaded anywhere."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import RunConfig, Section
from proteinmtp.folding.artefact import write_artefact
from proteinmtp.tables.calibration import Calibration
from proteinmtp.tables.hand import HandRecord
from proteinmtp.tables.saved_files import SavedBackbone, SavedRun, model_folder


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The trained run, and what belongs to it."""

    record: Annotated[Path, "record of the trained run; its folder lies beside it"]
    backbone: Annotated[Path, "record of the backbone; its folder lies beside it"]
    hand: Annotated[Path, "JSON with what is usual in the training chains"]
    calibration: Annotated[tuple[Path, ...], "JSON with what confidence is worth, for a run that has one"] = ()


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The model's folder."""

    artefact: Annotated[Path, "record of the folder that it lies in: what is in it, with the sha256 of each file"]


class Options(Section):
    """Name and settings of the run, and the kind of the source of its structures."""

    run: str
    source: str
    settings: RunConfig


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Check what training saved, and write the folder."""
    trained = model_folder(inputs.record)
    saved = SavedRun.read(inputs.record)
    saved.check(trained, inputs.record)
    origin = SavedBackbone.read(inputs.backbone)
    if options.settings.train.tuning != "full":  # else the run has weights of its own
        origin.check(model_folder(inputs.backbone), inputs.backbone)
    HandRecord.read(inputs.hand)
    for calibration in inputs.calibration:
        Calibration.read(calibration)
    record = write_artefact(
        outputs.artefact.parent,
        run=options.run,
        source=options.source,
        settings=options.settings,
        trained=trained,
        digest=saved.digest,
        backbone=model_folder(inputs.backbone),
        hand=inputs.hand,
        calibration=inputs.calibration[0] if inputs.calibration else None,
    )
    size = sum((outputs.artefact.parent / name).stat().st_size for name in record.files)
    logging.info("%d files, %.1f MB", len(record.files), size / 1e6)
