"""What turns slot states into a structure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proteinmtp.config.section import Option, Section


class HeadConfig(Section):
    """What turns slot states into a structure."""

    kind: str = Field(
        "distogram",
        description="distance (C-alpha distances), distogram (their distribution), frames (a trace), equivariant"
        " (a trace refined by an EGNN), coords, label_wise and coordinate_wise (absolute coordinates, historical),"
        " digits (coordinates written as text, the string baseline; needs slots.kind none), or a module of yours",
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
    normalisation: Literal["global", "range", "chain"] = Field(
        "global",
        description="global: mean and deviation of all training coordinates; range: all training coordinates in"
        " [-1, 1]; chain: each chain's own mean, and the radius that its length lets expect (coords, label_wise,"
        " coordinate_wise)",
    )
    max_length: int = Field(
        512, ge=1, description="longest chain that the head can predict (label_wise, coordinate_wise)"
    )
    options: dict[str, Option] = Field({}, description="options of a head of yours, by keyword")
