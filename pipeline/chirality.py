"""Count which hand the training chains have: how often one C-alpha pseudo-dihedral follows another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import Section
from proteinmtp.predictors.hand import hand_of
from proteinmtp.tables.chains import read_chains
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    chains: Annotated[Shards, "shards of chains"]
    split: Annotated[Path, "table of the subsets"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    hand: Annotated[Path, "JSON with the counts"]


class Options(Section):
    """Nothing can be chosen."""


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Count the pseudo-dihedrals of the subset `train`."""
    hand_of(read_chains(inputs.chains, read_subset(inputs.split, "train"))).write(outputs.hand)
