"""The network: residue tokens, then slots, through a causal language model, and a head on the slot states.

A chain of L residues becomes 2L tokens: residues 1..L, then slots 1..L, then padding. The mask is causal, so a
residue token sees the residues before it, and a slot sees the whole sequence. With `aligned` positions slot i has
the position id of residue i, so that attention finds the own residue at distance zero; with `continued` positions
the slots go on counting at L.

The slot token's embedding, the slot row, is a parameter of its own: it trains while the embedding table of the
backbone stays frozen, and works on quantised backbones too.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.config import RunConfig
from pipeline.manifest import write_json
from pipeline.model.backbone import load_backbone
from pipeline.model.batch import Batch
from pipeline.model.tokens import ResidueTokenizer
from pipeline.plugins import load

HEADS = "pipeline.model.heads"


class SlotNetwork(nn.Module):
    """Backbone, slot row and head.

    Parameters:
        backbone: a causal language model without its LM head.
        head: see `pipeline.model.heads`.
        positions: `aligned` or `continued`.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, positions: str):
        super().__init__()
        self.backbone, self.head, self.positions = backbone, head, positions
        table = backbone.get_input_embeddings().weight  # type: ignore[operator]
        self.slot_row = nn.Parameter(table.detach().float().mean(0) + table.detach().float().std(0))

    def forward(self, batch: Batch) -> Any:
        """Return the head's output for a batch."""
        return self.head(self.slot_states(batch.residues, batch.lengths))

    def slot_states(self, residues: Tensor, lengths: Tensor) -> Tensor:
        """Return the last hidden state of each slot.

        Parameters:
            residues: (B, L) token ids, padded on the right.
            lengths: (B,).

        Returns:
            (B, L, H); the rows behind a chain's length mean nothing.
        """
        batch, longest = residues.shape
        step = torch.arange(2 * longest, device=residues.device).expand(batch, -1)
        length = lengths[:, None]
        in_slots = (step >= length) & (step < 2 * length)
        table = self.backbone.get_input_embeddings()  # type: ignore[operator]
        tokens = torch.nn.functional.pad(residues, (0, longest))
        embedded = table(tokens)
        embedded = torch.where(in_slots[..., None], self.slot_row.to(embedded.dtype), embedded)
        positions = torch.where(in_slots, step - length, step) if self.positions == "aligned" else step
        # Without a mask, transformers takes positions that start anew for packed sequences and hides the residues
        # from the slots. A mask of ones says that nothing is packed, and still allows the fast causal kernel:
        # the padding is on the right, where no token looks.
        states = self.backbone(
            inputs_embeds=embedded,
            attention_mask=torch.ones_like(step),
            position_ids=positions,
            use_cache=False,
        ).last_hidden_state
        index = (torch.arange(longest, device=residues.device) + length).clamp(max=2 * longest - 1)
        return states.gather(1, index[..., None].expand(-1, -1, states.shape[-1]))


def build_network(config: RunConfig, backbone_folder: Path, dtype: torch.dtype, seed: int) -> SlotNetwork:
    """Return an untrained network: the backbone with what `train.tuning` asks for, a new head, a new slot row."""
    torch.manual_seed(seed)
    backbone = load_backbone(backbone_folder, config.train, dtype)
    return SlotNetwork(backbone, _new_head(config, backbone), config.slots.positions)


def save_network(network: SlotNetwork, tokenizer: ResidueTokenizer, config: RunConfig, folder: Path) -> None:
    """Save what training made: adapter (or the whole backbone under full tuning), head, slot row, tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    subfolder = "backbone" if config.train.tuning == "full" else "adapter"
    network.backbone.save_pretrained(folder / subfolder)  # type: ignore[operator]
    if subfolder == "adapter":
        _sort_targets(folder / subfolder / "adapter_config.json")
    save_file(
        {name: value.contiguous() for name, value in network.head.state_dict().items()},
        folder / "head.safetensors",
    )
    save_file({"slot_row": network.slot_row.detach().contiguous()}, folder / "slots.safetensors")
    tokenizer.tokenizer.save_pretrained(folder / "tokenizer")


def load_network(config: RunConfig, backbone_folder: Path, folder: Path, dtype: torch.dtype) -> SlotNetwork:
    """Load a network that `save_network` wrote, in evaluation mode."""
    full = config.train.tuning == "full"
    backbone = load_backbone(
        folder / "backbone" if full else backbone_folder,
        config.train,
        dtype,
        None if full else folder / "adapter",
    )
    network = SlotNetwork(backbone, _new_head(config, backbone), config.slots.positions)
    network.head.load_state_dict(load_file(folder / "head.safetensors"))
    network.slot_row.data.copy_(load_file(folder / "slots.safetensors")["slot_row"])
    return network.eval()


def _sort_targets(path: Path) -> None:
    """Sort the layer names in PEFT's config, which come from a set, so that equal adapters are equal files."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(settings["target_modules"], list):
        settings["target_modules"].sort()
    write_json(path, settings)


def _new_head(config: RunConfig, backbone: nn.Module) -> nn.Module:
    hidden = backbone.config.get_text_config().hidden_size  # type: ignore[operator, union-attr]
    head: nn.Module = load(HEADS, config.head.kind).Head(hidden, config.head)
    return head
