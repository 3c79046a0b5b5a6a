"""What training makes small."""

from __future__ import annotations

from pydantic import Field

from proteinmtp.config.section import Option, Section


class LossTerm(Section):
    """One part of the loss."""

    name: str = Field(description="a module of proteinmtp/model/losses, or one of yours")
    weight: float = Field(1.0, gt=0, description="factor of this part")
    options: dict[str, Option] = Field({}, description="options of a loss of yours, by keyword")


class LossConfig(Section):
    """What training makes small; only observed residues count."""

    terms: list[LossTerm] | None = Field(
        None,
        description="names and weights, such as {name: huber, weight: 1.0}; null: the usual ones of the head."
        " dihedral and confidence bring their own readout of the slots",
    )
    delta: float = Field(2.0, gt=0, description="angstrom at which huber becomes linear")
    clamp: float = Field(10.0, gt=0, description="angstrom from which on fape does not grow")
