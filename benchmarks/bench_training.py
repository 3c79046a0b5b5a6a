"""Chains a second in training: the steps of this project beside a plain trainer, on the same chains and backbone.

The plain trainer is what a first version looks like, and this project's did: chains as JSON, one at a time, each padded
to 512 residues and 512 slots, `AutoModelForCausalLM` with its logits and all hidden states, LoRA of the same rank, the
whole L x L matrix and its mean squared error under a mask, an AdamW step for each chain. Its pair features and layers
are those of the `distance` head; `scalar product` is the cheapest head that there could be in their place. One chain
costs it as much as any other, so few are timed.

Ours are `TrainingStep` and `BatchSampler` under accelerate. The trainers take turns of one step each until ours have
been through an epoch, in orders in which each comes after each other equally often (Williams 1949), since whoever comes
after the plain one pays for the memory that it gave back. One thread, processor time (on a GPU the clock), all turns
together. Loading: choosing, encoding and collating a batch, timed by itself before the step that does the same again,
as a share of the step. But for loading, `computed` and `stored` are the same work: what else is between them is noise.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from real_chains import draw, write_shards
from torch import Tensor, nn
from torch.optim import AdamW
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM
from transformers.utils.logging import set_verbosity_error

from proteinmtp.config import RunConfig
from proteinmtp.model.backbone_folder import make_backbone
from proteinmtp.model.batch import Batch, collate
from proteinmtp.model.build import build_network
from proteinmtp.model.pairs import SCALE
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.tables.chains import Chain
from proteinmtp.training.sampler import BatchSampler
from proteinmtp.training.step import TrainingStep

PADDED = 512
AIM, LOADING_AIM = 3.0, 0.03
BACKBONE = {"hidden_size": 128, "layers": 4, "heads": 4, "key_value_heads": 2, "intermediate_size": 384}


@dataclass(frozen=True)
class Turn:
    """A step: chains trained on, and seconds in all and for loading."""

    chains: int
    seconds: float
    loading: float


class Clock:
    """Seconds of processor time, or on a GPU of the clock when all work is done."""

    def __init__(self, gpu: bool):
        self.gpu = gpu

    def __call__(self) -> float:
        if not self.gpu:
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def run_config(head: str, distances: str, *, batch: int, gpu: bool) -> RunConfig:
    run = {
        "name": "a",
        "backbone": {"tiny": BACKBONE},
        "head": {"kind": head},
        "slots": {"kind": "placeholder", "attention": "causal", "positions": "aligned"},
        "train": {
            "tuning": "lora", "lora": {"rank": 8, "alpha": 16}, "batch_size": batch, "distances": distances,
            "precision": "float32", "gpus": int(gpu),
        },
    }  # fmt: skip
    return parse_config({"runs": [run]}).run("a")


class Ours:
    """A batch a turn."""

    def __init__(self, config: RunConfig, chains: list[Chain], backbone: Path, clock: Clock):
        self.chains, self.clock = chains, clock
        accelerator = Accelerator(cpu=not clock.gpu)
        network = build_network(config, backbone, dtype=torch.float32, seed=0)
        network.fit([torch.from_numpy(chain.coords) for chain in chains])
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        model, optimizer = accelerator.prepare(network, AdamW(trained, lr=config.train.lr))
        self.tokens, self.device = ResidueTokenizer.from_folder(backbone), accelerator.device
        self.step = TrainingStep(
            accelerator, model=model, optimizer=optimizer, options=config.train, tokens=self.tokens
        )
        self.sampler = BatchSampler([len(chain) for chain in chains], batch_size=config.train.batch_size, seed=0)
        lengths = [[len(chains[index]) for index in self.sampler.batch(at)] for at in range(self.sampler.per_epoch)]
        self.padding = [padding(lengths, network.tokens_of), padding(lengths, lambda length: length**2)]
        self.step.take(self._chains(0), 1e-5)

    def turn(self, at: int) -> Turn:
        start = self.clock()
        self._load(self._chains(at))
        loaded = self.clock()
        self.step.take(self._chains(at), 1e-5)
        return Turn(self.sampler.batch_size, self.clock() - loaded, loaded - start)

    def _chains(self, at: int) -> list[Chain]:
        return [self.chains[index] for index in self.sampler.batch(at)]

    def _load(self, chains: list[Chain]) -> Batch:
        return collate(chains, [self.tokens.encode(chain.sequence) for chain in chains]).to(self.device)


class JsonChains(Dataset[dict[str, Tensor]]):
    """Chains as JSON texts, each parsed and padded when it is asked for."""

    def __init__(self, chains: list[Chain], tokens: ResidueTokenizer):
        self.tokens = tokens
        self.texts = [json.dumps({"sequence": one.sequence, "coords": one.coords.tolist()}) for one in chains]

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        chain = json.loads(self.texts[index])
        length = len(chain["sequence"])
        ids = torch.zeros(2 * PADDED, dtype=torch.long)
        ids[:length] = torch.tensor(self.tokens.encode(chain["sequence"]))
        ids[PADDED : PADDED + length] = self.tokens.slot_id
        coords = torch.full((PADDED, 3), torch.nan)
        coords[:length] = torch.tensor(chain["coords"])
        distances = (coords[:, None] - coords[None]).norm(dim=-1)
        known = distances.isfinite()
        return {"ids": ids, "seen": (ids != 0).long(), "distances": distances.nan_to_num(), "mask": known}


class PairHead(nn.Module):
    """Slot states (1, L, H) to distances (1, L, L), all pairs at once."""

    def __init__(self, hidden: int, width: int = 64):
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.project = nn.Linear(hidden, 2 * width)
        self.separation = nn.Embedding(PADDED, width)
        self.mix = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.GELU(),
            nn.Linear(width, 1),
        )  # fmt: skip

    def forward(self, states: Tensor) -> Tensor:
        summand, factor = self.project(self.norm(states)).chunk(2, dim=-1)
        index = torch.arange(states.shape[1], device=states.device)
        pair = summand[:, :, None] + summand[:, None] + factor[:, :, None] * factor[:, None]
        raw: Tensor = self.mix(pair + self.separation((index[:, None] - index).abs()))
        return SCALE * nn.functional.softplus(raw.squeeze(-1))


class ProductHead(nn.Module):
    """Slot states (1, L, H) to distances (1, L, L) by scalar products."""

    def __init__(self, hidden: int, width: int = 64):
        super().__init__()
        self.project = nn.Linear(hidden, width)

    def forward(self, states: Tensor) -> Tensor:
        features = self.project(states)
        return SCALE * nn.functional.softplus(features @ features.transpose(1, 2) / features.shape[-1] ** 0.5)


class Plain:
    """A chain a turn."""

    def __init__(self, head: Callable[[int], nn.Module], chains: list[Chain], backbone: Path, clock: Clock):
        torch.manual_seed(0)
        self.clock, self.device = clock, torch.device("cuda" if clock.gpu else "cpu")
        model = AutoModelForCausalLM.from_pretrained(backbone, dtype=torch.float32, local_files_only=True)
        self.head = head(model.config.hidden_size).to(self.device)
        self.model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")).to(self.device)
        trained = [one for one in [*self.model.parameters(), *self.head.parameters()] if one.requires_grad]
        self.optimizer = AdamW(trained, lr=1e-5)
        loader = DataLoader(JsonChains(chains, ResidueTokenizer.from_folder(backbone)), batch_size=1)
        self.items = itertools.chain.from_iterable(itertools.repeat(loader))
        lengths = [len(chain) for chain in chains]
        self.padding = [1 - np.mean(lengths) / PADDED, 1 - np.mean(np.square(lengths)) / PADDED**2]
        self.turn(0)

    def turn(self, at: int) -> Turn:
        start = self.clock()
        item = {name: value.to(self.device) for name, value in next(self.items).items()}
        loaded = self.clock()
        self._step(item)
        return Turn(1, self.clock() - start, loaded - start)

    def _step(self, item: dict[str, Tensor]) -> float:
        output: Any = self.model(input_ids=item["ids"], attention_mask=item["seen"], output_hidden_states=True)
        predicted = self.head(output.hidden_states[-1][:, PADDED:])
        loss = ((predicted - item["distances"]).square() * item["mask"]).sum() / item["mask"].sum()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


def padding(batches: list[list[int]], size: Callable[[int], int]) -> float:
    """Return the share of padding, where a chain is of a size that its length gives."""
    full = sum(len(lengths) * size(max(lengths)) for lengths in batches)
    return 1 - sum(size(length) for lengths in batches for length in lengths) / full


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", type=int, default=200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--gpu", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    set_verbosity_error()
    clock = Clock(asked.gpu)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        files = write_shards(draw(scratch, asked.chains), scratch)
        configs = {
            (head, distances): run_config(head, distances, batch=asked.batch, gpu=asked.gpu)
            for head in ("distance", "distogram")
            for distances in ("computed", "stored")
        }
        backbone = scratch / "backbone"
        make_backbone(configs["distance", "computed"].backbone, 0, backbone)
        chains = files.read(stored=False)
        trainers: dict[str, Plain | Ours] = {
            "plain": Plain(PairHead, chains, backbone, clock),
            "plain, scalar product": Plain(ProductHead, chains, backbone, clock),
        }
        for (head, distances), config in configs.items():
            trainers[f"{head}, {distances}"] = Ours(config, files.read(stored=distances == "stored"), backbone, clock)
    turns: dict[str, list[Turn]] = {name: [] for name in trainers}
    names = list(trainers)
    zigzag = [(-1) ** place * ((place + 1) // 2) for place in range(len(names))]
    for at in range(len(chains) // asked.batch):
        for step in zigzag:
            name = names[(at + step) % len(names)]
            turns[name].append(trainers[name].turn(at))
    lengths = [len(chain) for chain in chains]
    device = torch.cuda.get_device_name() if asked.gpu else "CPU, one thread"
    print(f"{len(chains)} chains of {min(lengths)}-{max(lengths)} residues, mean {np.mean(lengths):.0f}; {device}")
    print(f"{'trainer':22} {'chains/s':>9} {'of plain':>9} {'of scalar':>9} {'loading':>9}   padding: tokens, pairs")
    seconds = {name: sum(turn.seconds for turn in of_one) for name, of_one in turns.items()}
    rates = {name: sum(turn.chains for turn in of_one) / seconds[name] for name, of_one in turns.items()}
    plain, cheapest = rates["plain"], rates["plain, scalar product"]
    for name, trainer in trainers.items():
        loading = sum(turn.loading for turn in turns[name]) / seconds[name]
        missed = isinstance(trainer, Ours) and (rates[name] < AIM * plain or loading >= LOADING_AIM)
        print(
            f"{name:22} {rates[name]:9.2f} {rates[name] / plain:9.1f} {rates[name] / cheapest:9.1f} {loading:9.2%}"
            f" {trainer.padding[0]:17.1%} {trainer.padding[1]:6.1%}{'  MISSED' if missed else ''}"
        )
    print(f"aims: {AIM:g} times the chains of the plain trainer, loading below {LOADING_AIM:.0%} of a step")


if __name__ == "__main__":
    main()
