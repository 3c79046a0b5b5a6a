"""The language model under the slots: a folder that `from_pretrained` reads, and the record of its files."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import BackboneConfig, Section
from proteinmtp.model.backbone_folder import make_backbone
from proteinmtp.tables.saved_files import SavedBackbone, hashed


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Nothing: what a local model holds is part of the settings."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The model and its record."""

    record: Annotated[Path, "JSON: where the model comes from, and the sha256 of its files"]
    model: Annotated[Path, "folder of the model, beside the record"]


class Options(Section):
    """Which model, and the seed of weights that are drawn."""

    backbone: BackboneConfig
    seed: int


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Make the folder of a backbone."""
    origin = make_backbone(options.backbone, options.seed, outputs.model)
    files = hashed(outputs.model)
    SavedBackbone(origin=origin, files=files).write(outputs.record)
    logging.info("backbone %s: %d files", origin, len(files))
