"""From distances to coordinates."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proteinmtp.config.section import Section


class ReconstructConfig(Section):
    """From distances to coordinates."""

    method: Literal["mds", "smacof", "gradient", "energy"] = Field(
        "energy",
        description="mds (classical scaling), smacof (then stress majorisation), gradient (then refinement with bonds,"
        " clashes and correlated errors) or energy (from that, and from the likeliest turns of the chain, refinement"
        " under the distogram and the turns that were predicted; gradient where they were not)",
    )
    cap: float | None = Field(
        None,
        ge=6,
        description="angstrom; predicted distances from here on say only that a pair is farther; null: 18 for a"
        " distogram, whose far distances are vague, all distances as they are for other heads and the nulls",
    )
    smacof_steps: int = Field(30, ge=1, description="SMACOF iterations (all but mds)")
    gradient_steps: int = Field(
        60, ge=1, description="L-BFGS iterations of each stage of refinement (gradient, energy)"
    )
    correlated_errors: bool = Field(
        False,
        description="measure how alike the errors of neighbouring pairs are, and weight by the inverse of their"
        " correlation: far better where errors are shifts alike over some residues, worse on the blurred distances of"
        " a trained model (gradient, energy)",
    )
