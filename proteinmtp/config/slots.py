"""The placeholder tokens, one for each residue."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proteinmtp.config.section import Section


class SlotsConfig(Section):
    """The placeholder tokens, one for each residue, that follow the residues; or none, and the residues' own states."""

    kind: Literal["placeholder", "echo", "none"] = Field(
        "placeholder",
        description="placeholder: one learned token for all; echo: that token plus the embedding of its residue; none:"
        " the states of the residue tokens themselves, half the tokens",
    )
    positions: Literal["aligned", "continued"] = Field(
        "aligned",
        description="aligned: slot i has the position of residue i; continued: positions go on counting",
    )
    attention: Literal["causal", "bidirectional"] = Field(
        "causal",
        description="causal: as the backbone reads; bidirectional: slots (kind none: residues) also see those after"
        " them; encoders always do",
    )
    pooled: bool = Field(False, description="add a projection of the largest states before the slots, by feature")
    prompt: str = Field("", description="text before the residues, in words that the backbone's tokenizer knows")
