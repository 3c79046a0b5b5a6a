"""The bins of a distogram: 78, bounded by 77 edges from 2.3125 to 32.0625 angstrom.

Up to KNEE they are as narrow as in AlphaFold (Senior 2020), WIDTH; beyond it, where distances say how large a chain is
rather than how it folds, WIDE. The first bin is what is nearer than the first edge, the last what is farther than the
last.
"""

import torch
from torch import Tensor

from proteinmtp.geometry.constants import CONTACT

FIRST, WIDTH, NARROW = 2.3125, 0.3125, 44
WIDE, FAR = 0.5, 32
"""Width, angstrom, and number of the bins, of those between two edges."""
KNEE = FIRST + NARROW * WIDTH
LAST = KNEE + FAR * WIDE
BINS = NARROW + FAR + 2
LEAST = 1e-9
"""Probability that nothing falls below."""


def edges(device: torch.device | None = None) -> Tensor:
    """Return the (BINS - 1,) edges, angstrom."""
    index = torch.arange(BINS - 1, device=device)
    return FIRST + WIDTH * index.clamp(max=NARROW) + WIDE * (index - NARROW).clamp(min=0)


def widths(device: torch.device | None = None) -> Tensor:
    """Return the widths of all bins but the last, which has none; the first counts as one of the narrow ones."""
    return torch.where(torch.arange(BINS - 1, device=device) <= NARROW, WIDTH, WIDE)


def bin_of(distances: Tensor) -> Tensor:
    """Return the bin of each distance (angstrom); what is not known (NaN) is in the last."""
    return torch.bucketize(distances.contiguous(), edges(distances.device))


def place_of(distances: Tensor) -> tuple[Tensor, Tensor]:
    """Return where distances (angstrom) lie, in bins, and how many bins there are to the angstrom there.

    The middle of bin k lies at k.
    """
    beyond = distances - KNEE
    place = (distances.clamp(max=KNEE) - FIRST) / WIDTH + beyond.clamp(min=0) / WIDE + 0.5
    return place, torch.where(beyond > 0, 1 / WIDE, 1 / WIDTH)


def around(distances: Tensor, spread: float) -> Tensor:
    """Return ln p of each bin for normal distributions around distances (..., N), angstrom: (..., N, BINS)."""
    upto = torch.special.ndtr((edges(distances.device).double() - distances[..., None].double()) / spread)
    shares = torch.cat([upto[..., :1], upto.diff(dim=-1), 1 - upto[..., -1:]], -1)
    return shares.clamp(min=LEAST).log()


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
    inner = place.clamp(max=BINS - 2)
    end, width = edges(logits.device)[inner], widths(logits.device)[inner]
    return torch.where(place == BINS - 1, mean[..., None], end - (1 - into) * width).squeeze(-1)


def moments(logits: Tensor, beyond: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a distogram says of a distance.

    Parameters:
        logits: (..., BINS).
        beyond: (...), the distance that the last bin stands for, angstrom.

    Returns:
        (...) expected distance and standard deviation, angstrom, and the probability of a contact. The deviation has
        that of a uniform distribution over each bin in it, so it is never zero.
    """
    probability = logits.softmax(-1)
    end, width = edges(logits.device), widths(logits.device)
    middle = end - width / 2
    inner, last = probability[..., :-1], probability[..., -1]
    mean = inner @ middle + last * beyond
    square = inner @ (middle.square() + width.square() / 12) + last * (beyond.square() + WIDE**2 / 12)
    sigma = (square - mean.square()).clamp(min=WIDTH**2 / 12).sqrt()
    contact = inner @ ((CONTACT - end) / width + 1).clamp(0, 1)
    return mean, sigma, contact
