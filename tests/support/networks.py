"""Untrained networks on the small backbone, and batches of made-up chains."""

from typing import Any

import torch

from proteinmtp.base.plugins import declared, names
from proteinmtp.config import RunConfig
from proteinmtp.model.batch import Batch, collate
from proteinmtp.model.build import build_network
from proteinmtp.model.network import Network
from proteinmtp.model.parts import HEADS
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.tables.chains import Chain
from proteinmtp.tables.saved_files import model_folder

from .small import SmallData, small_config

SEQUENCES = ("MKVLITGAGS", "ACDEFGHIKLMNPQ", "WYVTS")

SLOT_HEADS = [name for name in names(HEADS) if name != "digits"]
"""All but the one that writes, for which see test_writer."""


TRUNK_HEADS = ("distance", "distogram", "equivariant")
"""Heads that read pairs, through a trunk if that is asked for."""


def head_of(kind: str, **settings: object) -> dict[str, object]:
    """Return the settings of a head, those of `settings` that it has."""
    options = declared(HEADS, kind, "Head").options() or frozenset()
    return {"kind": kind} | {name: value for name, value in settings.items() if name in options}


def run_of(**changes: object) -> RunConfig:
    """Return the settings of a small run; `changes` are sections."""
    return small_config(runs=[{"name": "a"} | changes]).run("a")


def network_of(small: SmallData, **changes: object) -> Network[Any]:
    """Return an untrained network of a small run, in evaluation mode."""
    return build_network(run_of(**changes), model_folder(small.backbone), dtype=torch.float32, seed=0).eval()


def batch_of(small: SmallData, sequences: tuple[str, ...] = SEQUENCES) -> Batch:
    """Return a batch of chains with random traces."""
    tokenizer = ResidueTokenizer.from_folder(model_folder(small.backbone))
    generator = torch.Generator().manual_seed(0)
    chains = [
        Chain(str(n), sequence, torch.randn(len(sequence), 3, generator=generator).cumsum(0).numpy() * 3)
        for n, sequence in enumerate(sequences)
    ]
    return collate(chains, [tokenizer.encode(sequence) for sequence in sequences])
