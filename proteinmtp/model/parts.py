"""Which heads and losses there are, and what they say of themselves, read without importing torch.

The modules of heads and losses say it as literals; their contracts are `proteinmtp.model.head` and
`proteinmtp.model.loss`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proteinmtp.base import plugins

HEADS = "proteinmtp.model.heads"
LOSSES = "proteinmtp.model.losses"
TEXT = "text"
"""What heads give that write instead of predicting pairs."""


@dataclass(frozen=True)
class HeadFacts:
    """What a head says of itself; see `proteinmtp.model.head`."""

    gives: frozenset[str]
    loss: Mapping[str, float]
    cap: float | None

    @property
    def writes(self) -> bool:
        """Whether it writes a text."""
        return TEXT in self.gives


def head_facts(kind: str) -> HeadFacts:
    """Return what a head says of itself, without importing it.

    Raises:
        PartError: if there is no such head, or it does not say it, or something else.
    """
    part = plugins.declared(HEADS, kind, "Head")
    return HeadFacts(frozenset(part.names("GIVES")), part.weights("LOSS"), part.number("CAP"))


def loss_needs(name: str) -> frozenset[str]:
    """Return the fields of a prediction that a loss needs; raises as `head_facts` does."""
    return frozenset(plugins.declared(LOSSES, name, "Loss").names("NEEDS"))
