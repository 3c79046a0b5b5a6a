"""The sections of the configuration about slots, heads and losses; see `pipeline.config`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from pipeline.config_data import Section
from pipeline.plugins import installed

HEADS = "pipeline.model.heads"
LOSSES = "pipeline.model.losses"


class SlotsConfig(Section):
    """The placeholder tokens, one for each residue, that follow the residues; or none, and the residues' own states."""

    kind: Literal["placeholder", "echo", "none"] = Field(
        "none",
        description="placeholder: one learned token for all; echo: that token plus the embedding of its residue; none:"
        " the states of the residue tokens themselves, half the tokens",
    )
    positions: Literal["aligned", "continued"] = Field(
        "aligned",
        description="aligned: slot i has the position of residue i; continued: positions go on counting",
    )
    attention: Literal["causal", "bidirectional"] = Field(
        "bidirectional",
        description="bidirectional: slots (kind none: residues) also see those after them; encoders always do",
    )
    pooled: bool = Field(False, description="add a projection of the largest residue state, feature by feature")
    prompt: str = Field("", description="text before the residues, in words that the backbone's tokenizer knows")


class HeadConfig(Section):
    """What turns slot states into a structure."""

    kind: str = Field(
        "distogram",
        description="distance (C-alpha distances), distogram (their distribution), frames (a trace), equivariant"
        " (a trace refined by an EGNN), coords and label_wise (absolute coordinates, historical), digits (coordinates"
        " written as text, the string baseline; needs slots.kind none), or a module of yours",
    )
    width: int = Field(64, ge=4, description="width of the pair features (distance, distogram, equivariant)")
    max_separation: int = Field(
        64, ge=1, description="sequence separations above this share one embedding per octave (the same heads)"
    )
    trunk: Literal["none", "convolution", "triangle"] = Field(
        "none",
        description="what pairs pass through before they are read out: nothing, dilated convolutions or triangle"
        " multiplication (the same heads)",
    )
    blocks: int = Field(4, ge=1, description="blocks of the trunk")
    normalisation: Literal["global", "chain"] = Field(
        "global",
        description="global: mean and deviation of all training coordinates; chain: each chain's own mean, and the"
        " radius that its length lets expect (coords, label_wise)",
    )
    max_length: int = Field(512, ge=1, description="longest chain that the head can predict (label_wise)")

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        return installed(HEADS, kind)


class LossTerm(Section):
    """One part of the loss."""

    name: str = Field(description="a module of pipeline/model/losses, or one of yours")
    weight: float = Field(1.0, gt=0, description="factor of this part")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return installed(LOSSES, name)


class LossConfig(Section):
    """What training makes small; only observed residues count."""

    terms: list[LossTerm] | None = Field(
        None,
        description="names and weights, such as {name: huber, weight: 1.0}; null: the usual ones of the head."
        " dihedral and confidence bring their own readout of the slots",
    )
    delta: float = Field(2.0, gt=0, description="angstrom at which huber becomes linear")
    clamp: float = Field(10.0, gt=0, description="angstrom from which on fape does not grow")
