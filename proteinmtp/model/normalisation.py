"""How coordinates are brought to numbers near 1, and exactly back.

`global`: one mean point and one deviation for all training coordinates. `chain`: each chain around its own mean,
divided by the radius that its length lets expect, a L^b fitted to the training chains. A chain's own radius would have
to be known at prediction, and is not; its length is.
"""

import torch
from torch import Tensor, nn

from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.model.prediction import PairPrediction


class Normalisation(nn.Module):
    """Mean and scale of coordinates.

    Parameters:
        kind: `global` or `chain`.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, kind: str):
        super().__init__()
        self.chain = kind == "chain"
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("scale", torch.tensor([1.0, 0.0]))

    def fit(self, coords: list[Tensor]) -> None:
        """Measure mean and scale on training chains, a list of (L, 3) in angstrom with NaN where not observed."""
        chains = [(len(chain), chain[chain.isfinite().all(-1)].double()) for chain in coords]
        chains = [(length, points) for length, points in chains if len(points) > 1]
        if not chains:
            return
        if self.chain:
            radius = torch.stack([(points - points.mean(0)).square().mean().sqrt().log() for _, points in chains])
            length = torch.tensor([float(length) for length, _ in chains], dtype=torch.float64).log()
            spread = (length - length.mean()).square().sum()
            slope = ((length - length.mean()) * radius).sum() / spread if spread > 0 else torch.zeros(())
            self.scale.copy_(torch.stack([(radius.mean() - slope * length.mean()).exp(), slope]))
        else:
            points = torch.cat([points for _, points in chains])
            self.mean.copy_(points.mean(0))
            self.scale.copy_(torch.tensor([float((points - points.mean(0)).square().mean().sqrt()), 0.0]))

    def prediction(self, values: Tensor, mask: Tensor) -> PairPrediction:
        """Return the prediction for normalised coordinates (B, L, 3) and the mask of the residues (B, L)."""
        scale = self.scale[0] * mask.sum(1).clamp(min=1) ** self.scale[1]
        coords = values * scale[:, None, None] + self.mean
        return PairPrediction(distances=pairwise_distances(coords), coords=coords, scale=scale, centred=self.chain)
