"""C-alpha lDDT: how many local distances are kept, without any superposition.

Source: Mariani et al. 2013, with C-alpha atoms only and no limit on sequence separation; radius and thresholds are in
`proteinmtp.geometry.constants`. Of whole matrices, as the confidence loss needs it; chains are scored by one pass over
their pairs, `proteinmtp.geometry.pair_scores`, which a test holds against this.
"""

import torch
from torch import Tensor

from proteinmtp.geometry.constants import LDDT_RADIUS, LDDT_THRESHOLDS


def lddt_per_residue(model: Tensor, native: Tensor) -> Tensor:
    """Return the lDDT of each residue.

    Parameters:
        model: (..., L, L), distances of the model, angstrom.
        native: (..., L, L), distances of the native; NaN where not observed.

    Returns:
        (..., L), in 0..1; NaN for residues without any observed neighbour within the radius.
    """
    kept, counted = _kept(model, native)
    return kept.sum(-1) / counted.sum(-1)


def lddt(model: Tensor, native: Tensor) -> float:
    """Return the lDDT over all pairs; see `lddt_per_residue`. NaN if no pair counts."""
    kept, counted = _kept(model, native)
    return float(kept.sum() / counted.sum())


def _kept(model: Tensor, native: Tensor) -> tuple[Tensor, Tensor]:
    counted = (native < LDDT_RADIUS) & ~torch.eye(native.shape[-1], dtype=torch.bool, device=native.device)
    error = (model - native).abs()
    kept = torch.stack([error < threshold for threshold in LDDT_THRESHOLDS]).to(torch.float64).mean(0)
    return torch.where(counted, kept, 0), counted
