"""The network: a chain's tokens through a language model, and a head on the states of its slots.

The slot token's embedding, the slot row, is a parameter of its own: it trains while the embedding table of the
backbone stays frozen, and works on quantised backbones too.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from proteinmtp.config.whole import HEADS, LOSSES, RunConfig
from proteinmtp.base.files import write_json
from proteinmtp.model.backbone import check_attention, embedding_scale, is_encoder, load_backbone
from proteinmtp.model.batch import Batch
from proteinmtp.model.layout import Layout
from proteinmtp.model.prediction import Prediction
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.base.plugins import load


class SlotNetwork(nn.Module):
    """Backbone, slot row, head, and the readouts that the losses bring.

    Parameters:
        backbone: a language model without its LM head.
        config: of the run.
        prefix, suffix: token ids before and after the residues.
    """

    def __init__(self, backbone: nn.Module, config: RunConfig, prefix: list[int], suffix: list[int]):
        super().__init__()
        check_attention(backbone, config.slots)
        self.backbone, self.config = backbone, config
        self.encoder = is_encoder(backbone)
        hidden = backbone.config.get_text_config().hidden_size  # type: ignore[operator, union-attr]
        self.head: nn.Module = load(HEADS, config.head.kind).Head(hidden, config.head)
        self.terms = [(term.weight, load(LOSSES, term.name)) for term in config.loss_terms]
        self.readouts = nn.ModuleDict(
            {part.FILLS: part.Readout(hidden) for _, part in self.terms if hasattr(part, "Readout")}
        )
        table = backbone.get_input_embeddings().weight  # type: ignore[operator]
        if config.slots.kind != "none":
            self.slot_row = nn.Parameter(table.detach().float().mean(0) + table.detach().float().std(0))
        if config.slots.pooled:
            self.pool = nn.Linear(hidden, hidden)
            nn.init.zeros_(self.pool.weight)
            nn.init.zeros_(self.pool.bias)
        self.register_buffer("prefix", torch.tensor(prefix, dtype=torch.long), persistent=False)
        self.register_buffer("suffix", torch.tensor(suffix, dtype=torch.long), persistent=False)

    def forward(self, batch: Batch) -> Prediction:
        """Return the prediction for a batch."""
        states = self.slot_states(batch.residues, batch.lengths)
        prediction: Prediction = self.head(states, batch.mask)
        for field, readout in self.readouts.items():
            with torch.autocast(states.device.type, enabled=False):
                setattr(prediction, field, readout(states.float()))
        return prediction

    def predict(self, batch: Batch) -> Prediction:
        """Return the prediction without a look at the coordinates of the batch."""
        return self(batch)

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Return the weighted sum of the losses of each chain, (B,)."""
        return torch.stack(
            [weight * part.loss(prediction, batch, self.config.loss) for weight, part in self.terms]
        ).sum(0)

    def slot_states(self, residues: Tensor, lengths: Tensor) -> Tensor:
        """Return the last hidden state of each slot, or of each residue where there are no slots.

        Parameters:
            residues: (B, L) token ids, padded on the right.
            lengths: (B,).

        Returns:
            (B, L, H); the rows behind a chain's length mean nothing.
        """
        layout = Layout(lengths, residues.shape[1], self.config.slots, self.prefix, self.suffix)  # type: ignore[arg-type]
        table = self.backbone.get_input_embeddings()  # type: ignore[operator]
        embedded = table(layout.tokens(residues))
        if layout.has_slots:
            slot = self.slot_row.to(embedded.dtype)
            slot = embedded + slot if self.config.slots.kind == "echo" else slot
            embedded = torch.where(layout.in_slots[..., None], slot, embedded)
        options = {} if self.encoder else {"use_cache": False}
        states = self.backbone(
            inputs_embeds=embedded * embedding_scale(self.backbone),
            attention_mask=layout.attention(embedded.dtype, self.encoder),
            position_ids=layout.positions(),
            **options,
        ).last_hidden_state
        read = layout.read(states)
        if self.config.slots.pooled:
            largest = states.float().masked_fill(~layout.in_residues[..., None], -torch.inf).amax(1)
            read = read.float() + self.pool(largest)[:, None]
        return read

    def tokens_of(self, length: int) -> int:
        """Return how many tokens a chain of `length` residues is."""
        return len(self.prefix) + len(self.suffix) + length * (1 if self.config.slots.kind == "none" else 2)  # type: ignore[arg-type]

    def own_state(self) -> dict[str, Tensor]:
        """Return what is trained beside backbone and head: slot row, pooling, readouts."""
        state = self.state_dict()
        return {
            name: value.contiguous() for name, value in state.items() if not name.startswith(("backbone.", "head."))
        }


def build_network(config: RunConfig, backbone_folder: Path, dtype: torch.dtype, seed: int) -> SlotNetwork:
    """Return an untrained network: the backbone with what `train.tuning` asks for, a new head, a new slot row."""
    torch.manual_seed(seed)
    backbone = load_backbone(backbone_folder, config.train, dtype)
    return _network(backbone, config, ResidueTokenizer.from_folder(backbone_folder))


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
    save_file(network.own_state(), folder / "slots.safetensors")
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
    network = _network(backbone, config, ResidueTokenizer.from_folder(folder / "tokenizer"))
    network.head.load_state_dict(load_file(folder / "head.safetensors"))
    own = load_file(folder / "slots.safetensors")
    if own.keys() != network.own_state().keys():
        raise ValueError(f"{folder / 'slots.safetensors'} does not hold what the config asks for: train again")
    network.load_state_dict(own, strict=False)
    return network.eval()


def _network(backbone: nn.Module, config: RunConfig, tokenizer: ResidueTokenizer) -> SlotNetwork:
    """Return the network that the head brings, or else one with slots."""
    own = getattr(load(HEADS, config.head.kind), "Network", None)
    if own is not None:
        return own(backbone, config, tokenizer)
    return SlotNetwork(backbone, config, *tokenizer.frame(config.slots.prompt))


def _sort_targets(path: Path) -> None:
    """Sort the layer names in PEFT's config, which come from a set, so that equal adapters are equal files."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(settings["target_modules"], list):
        settings["target_modules"].sort()
    write_json(path, settings)
