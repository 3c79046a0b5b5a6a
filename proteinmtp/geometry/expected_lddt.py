"""The lDDT that a trace has if what is predicted of its distances is true.

Each pair counts as far as it is likely to be within the radius of lDDT, and is kept as far as it is likely to be there
and within a threshold of the trace's own distance; within a bin all distances are equally likely.
"""

import torch
from torch import Tensor

from proteinmtp.geometry.bins import BINS, place_of
from proteinmtp.geometry.constants import LDDT_RADIUS, LDDT_THRESHOLDS


def expected_lddt(distances: Tensor, likely: Tensor) -> Tensor:
    """Return the expected lDDT of each residue of a chain, (L,) in 0..1; 0 where no pair counts.

    Parameters:
        distances: (L, L) of the trace, angstrom.
        likely: (P, BINS) probability of each bin of distance, of the pairs i < j row by row.
    """
    length = len(distances)
    first, second = torch.triu_indices(length, length, 1, device=distances.device)
    apart = distances[first, second].to(likely.dtype)
    upto = torch.nn.functional.pad(likely.cumsum(-1), (1, 0))

    def share_below(limit: Tensor) -> Tensor:
        place = (place_of(limit)[0] + 0.5).clamp(0, BINS)
        low = place.long().clamp(max=BINS - 1)[:, None]
        below: Tensor = upto.gather(1, low)[:, 0] + likely.gather(1, low)[:, 0] * (place - low[:, 0])
        return below

    counted = share_below(torch.full_like(apart, LDDT_RADIUS))
    kept = torch.zeros_like(apart)
    for threshold in LDDT_THRESHOLDS:
        near, far = (share_below((apart + off).clamp(max=LDDT_RADIUS)) for off in (-threshold, threshold))
        kept += (far - near) / len(LDDT_THRESHOLDS)
    of_residue = torch.zeros(2, length, dtype=likely.dtype, device=likely.device)
    for row, values in enumerate((kept, counted)):
        of_residue[row].index_add_(0, first, values).index_add_(0, second, values)
    return of_residue[0] / of_residue[1].clamp(min=torch.finfo(likely.dtype).tiny)
