"""C-alpha traces as tensors: random ones, ideal helices, and motions of them; strategies that draw them."""

import numpy as np
import torch
from hypothesis import strategies as st

from proteinmtp.geometry.constants import TRANS_BOND
from proteinmtp.geometry.polypeptide import build_polypeptide


def random_chain(seed: int, length: int) -> torch.Tensor:
    """Return a random walk with steps of a trans bond, (L, 3)."""
    steps = torch.randn(length, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (TRANS_BOND * steps / steps.norm(dim=-1, keepdim=True)).cumsum(0)


def random_motion(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a rotation (3, 3) and a shift (3,)."""
    generator = torch.Generator().manual_seed(seed)
    matrix, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    return matrix * torch.linalg.det(matrix).sign(), 50 * torch.randn(3, generator=generator, dtype=torch.float64)


def helix(length: int) -> torch.Tensor:
    """Return a right-handed alpha helix, (L, 3)."""
    angles = np.radians(np.array([[-58.0], [-47.0]])).repeat(length, axis=1)
    return torch.from_numpy(build_polypeptide(angles[0], angles[1])[:, 1])


seeds = st.integers(0, 10**6)


def chains(shortest: int, longest: int) -> st.SearchStrategy[torch.Tensor]:
    """Return a strategy that draws random chains of such lengths."""
    return st.builds(random_chain, seeds, st.integers(shortest, longest))
