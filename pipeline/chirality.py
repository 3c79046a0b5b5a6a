"""Count what is usual in the training chains: which hand they have, how they bend, and how far residues are apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.config import Section
from proteinmtp.predictors.hand import hand_of
from proteinmtp.tables.chains import each_chain
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
    """Count the pseudo-dihedrals, virtual angles and distances of the subset `train`."""
    hand_of(each_chain(inputs.chains, read_subset(inputs.split, "train"))).write(outputs.hand)
