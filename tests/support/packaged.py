"""Runs that the real stages trained, calibrated and packaged on the small data."""

from pathlib import Path

from pipeline import calibrate, chirality, package
from proteinmtp.config import RunConfig

from .small import SmallData
from .trained_runs import RunFiles

LORA = {"tuning": "lora", "steps": 8, "batch_size": 8, "validate_every": 4, "lr": 0.01, "lora": {"rank": 4}}


def packaged(small: SmallData, folder: Path, files: RunFiles, settings: RunConfig) -> Path:
    """Train a run with a distogram, put its model into `artefact` in its folder, and return that."""
    files.train(settings)
    hand, curve = folder / "hand.json", folder / "calibration.json"
    chirality.run(
        chirality.Inputs(chains=small.chains, split=small.split), chirality.Outputs(hand=hand), chirality.Options()
    )
    calibrate.run(
        calibrate.Inputs(
            chains=small.chains,
            split=small.split,
            hand=hand,
            backbone=files.inputs.backbone,
            record=files.outputs.record,
        ),
        calibrate.Outputs(calibration=curve),
        calibrate.Options(settings=settings),
    )
    package.run(
        package.Inputs(record=files.outputs.record, backbone=files.inputs.backbone, hand=hand, calibration=(curve,)),
        package.Outputs(artefact=folder / "artefact" / "proteinmtp.json"),
        package.Options(run="a", source="demo", settings=settings),
    )
    return folder / "artefact"
