"""How coordinates are brought to numbers near 1, and exactly back.

`global`: one mean point and one deviation for all training coordinates. `range`: the least and the largest training
coordinate of each axis become a box; its middle goes to 0, and half its longest edge is 1, so all training coordinates
lie in [-1, 1]. The axes share one half-range because space has no axes: an angstrom counts alike in every direction,
and a protein that is turned keeps its shape. Three half-ranges would fill [-1, 1] along each axis and bend it.
`chain`: each chain around its own mean, divided by the radius that its length lets expect, a L^b fitted to the training
chains. A chain's own radius would have to be known at prediction, and is not; its length is.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.prediction import PairPrediction


class Normalisation(nn.Module):
    """Centre and scale of coordinates.

    Parameters:
        kind: `global`, `range` or `chain`.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        self.register_buffer("centre", torch.zeros(3))
        self.register_buffer("scale", torch.tensor([1.0, 0.0]))

    def fit(self, coords: Sequence[Tensor]) -> None:
        """Measure centre and scale on training chains, each (L, 3) in angstrom with NaN where not observed."""
        observed = [chain[chain.isfinite().all(-1)].double() for chain in coords]
        if self.kind == "chain":
            self._fit_radius([len(chain) for chain in coords], observed)
        elif sum(map(len, observed)) > 1:
            points = torch.cat(observed)
            if self.kind == "range":
                least, largest = points.aminmax(dim=0)
                centre, scale = (least + largest) / 2, (largest - least).max() / 2
            else:
                centre = points.mean(0)
                scale = (points - centre).square().mean().sqrt()
            self.centre.copy_(centre)
            self.scale.copy_(torch.stack([scale, torch.zeros_like(scale)]))

    def prediction(self, values: Tensor, mask: Tensor) -> PairPrediction:
        """Return the prediction for normalised coordinates (B, L, 3) and the mask of the residues (B, L)."""
        scale = self.scale[0] * mask.sum(1).clamp(min=1) ** self.scale[1]
        coords = values * scale[:, None, None] + self.centre
        return PairPrediction(
            distances=pairwise_distances(coords), coords=coords, scale=scale, centred=self.kind == "chain"
        )

    def _fit_radius(self, lengths: Sequence[int], observed: Sequence[Tensor]) -> None:
        """Fit the radius a L^b of a chain of L residues to those of chains with two observed ones or more."""
        chains = [(length, points) for length, points in zip(lengths, observed, strict=True) if len(points) > 1]
        if not chains:
            return
        radius = torch.stack([(points - points.mean(0)).square().mean().sqrt().log() for _, points in chains])
        length = torch.tensor([float(length) for length, _ in chains], dtype=torch.float64).log()
        spread = (length - length.mean()).square().sum()
        slope = ((length - length.mean()) * radius).sum() / spread if spread > 0 else torch.zeros(())
        self.scale.copy_(torch.stack([(radius.mean() - slope * length.mean()).exp(), slope]))
