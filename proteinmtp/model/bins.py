"""The bins of a distogram: 64, bounded by 63 edges from 2.3125 to 21.6875 angstrom (as in AlphaFold, Senior 2020).

The first bin is what is nearer than the first edge, the last one what is farther than the last.
"""

import torch
from torch import Tensor

from proteinmtp.geometry.constants import CONTACT, DISTOGRAM_FIRST, DISTOGRAM_LAST

BINS = 64
FIRST, LAST = DISTOGRAM_FIRST, DISTOGRAM_LAST
WIDTH = (LAST - FIRST) / (BINS - 2)


def edges(device: torch.device | None = None) -> Tensor:
    """Return the (BINS - 1,) edges, angstrom."""
    return FIRST + WIDTH * torch.arange(BINS - 1, device=device)


def bin_of(distances: Tensor) -> Tensor:
    """Return the bin of each distance (angstrom); what is not known (NaN) is in the last."""
    return torch.bucketize(distances.contiguous(), edges(distances.device))


def median(logits: Tensor, mean: Tensor) -> Tensor:
    """Return the distance that is as likely too long as too short.

    The mean of a torn distribution lies where nothing is; the median lies on the likelier side, and of all guesses has
    the least expected absolute error. Within a bin it is interpolated.

    Parameters:
        logits: (..., BINS).
        mean: (...), taken where the median is in the last bin, which has no end.

    Returns:
        (...), angstrom.
    """
    probability = logits.softmax(-1)
    upto = probability.cumsum(-1)
    place = (upto < 0.5).sum(-1, keepdim=True).clamp(max=BINS - 1)
    share = probability.gather(-1, place)
    into = (0.5 - (upto.gather(-1, place) - share)) / share
    return torch.where(place == BINS - 1, mean[..., None], FIRST + WIDTH * (place - 1 + into)).squeeze(-1)


def moments(logits: Tensor, beyond: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a distogram says of a distance.

    Parameters:
        logits: (..., BINS).
        beyond: (...), the distance that the last bin stands for, angstrom.

    Returns:
        (...) expected distance and standard deviation, angstrom, and the probability of a contact. The deviation has
        that of a uniform distribution over one bin in it, so it is never zero.
    """
    probability = logits.softmax(-1)
    middle = FIRST - WIDTH / 2 + WIDTH * torch.arange(BINS - 1, device=logits.device)
    inner, last = probability[..., :-1], probability[..., -1]
    mean = inner @ middle + last * beyond
    square = inner @ middle.square() + last * beyond.square()
    sigma = (square - mean.square()).clamp(min=0).add(WIDTH**2 / 12).sqrt()
    upto = ((CONTACT - edges(logits.device)) / WIDTH + 1).clamp(0, 1)
    contact = inner @ upto
    return mean, sigma, contact
