"""Write the demo's synthetic proteins as PDB and mmCIF files."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import DemoSource, Section
from proteinmtp.structures.synthetic import write_demo
from proteinmtp.tables.saved_files import SavedFiles, hashed


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Nothing: the demo is built in."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    files: Annotated[Path, "JSON with the sha256 of each structure file"]
    structures: Annotated[Path, "folder with the structure files"]


class Options(Section):
    """Number and size of the families, and the seed of all that is drawn."""

    demo: DemoSource
    seed: int


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Write all structure files of the demo, and a record of them."""
    write_demo(outputs.structures, options.demo, options.seed)
    files = hashed(outputs.structures)
    SavedFiles(files=files).write(outputs.files)
    logging.info("%d files in %s", len(files), outputs.structures)
