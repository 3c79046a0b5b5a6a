"""Networks from their settings: heads and losses by name; and saved, and loaded again."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from proteinmtp.base import plugins
from proteinmtp.base.errors import DataError, PartError
from proteinmtp.base.files import give_usual_permissions, write_json
from proteinmtp.config import HeadConfig, LossConfig, RunConfig, TrainConfig
from proteinmtp.model.backbone import Architecture, Backbone, load_backbone
from proteinmtp.model.head import HeadBase
from proteinmtp.model.loss import LossBase, Term
from proteinmtp.model.network import Network
from proteinmtp.model.parts import HEADS, LOSSES, HeadFacts, head_facts
from proteinmtp.model.slot_network import SlotNetwork
from proteinmtp.model.tokens import ResidueTokenizer, Tokens

LATER = {"predict", "reconstruct"}
"""Sections of a run's settings that training does not use."""


def network_type(kind: str) -> type[Network[Any]]:
    """Return the network of a head: the class `Network` of its module, or else one that reads slots.

    Raises:
        PartError: if there is no such head, or its network is not what the contract asks for.
    """
    module = plugins.load_module(HEADS, kind)
    # A module may import the contract under its own name, for the type of an argument.
    if vars(module).get("Network", Network) is Network:
        return SlotNetwork
    return plugins.checked(module, "Network", Network)


def make_head(config: HeadConfig, hidden_size: int) -> HeadBase:
    """Return a new head.

    Raises:
        PartError: if there is no such head, it does not take its options, or it says other things of itself than the
            configuration was read with.
    """
    part = plugins.load(HEADS, config.kind, "Head", HeadBase)
    _check_facts(config.kind, HeadFacts(frozenset(part.GIVES), part.LOSS, part.CAP))
    shared = config.model_dump(exclude={"kind", "options"})
    return part(hidden_size, **plugins.options_of(part, shared, config.options, "head.options"))


def make_terms(config: LossConfig) -> list[Term[Any]]:
    """Return the parts of the loss of resolved settings.

    Raises:
        PartError: if there is no such loss, it does not take its options, or two have one name.
    """
    if config.terms is None:
        raise ValueError("loss.terms is open; a configuration read through the catalogue of parts has it filled in")
    shared = config.model_dump(exclude={"terms"})
    terms: dict[str, Term[Any]] = {}
    for term in config.terms:
        part = plugins.load(LOSSES, term.name, "Loss", LossBase)
        options = plugins.options_of(part, shared, term.options, f"loss.terms ({term.name}).options")
        name = term.name.rpartition(".")[2]
        if name in terms:
            raise PartError(f"loss.terms: two losses are called {name}")
        terms[name] = Term(name=name, weight=term.weight, loss=part(**options))
    return list(terms.values())


def assemble(backbone: Backbone, config: RunConfig, tokens: Tokens) -> Network[Any]:
    """Return a network with a new head, and whatever else is new in it, on a backbone.

    Random numbers are drawn in the order head, readouts of the losses, rest.
    """
    return network_type(config.head.kind)(
        backbone,
        head=make_head(config.head, Architecture.of(backbone.config).hidden_size),
        terms=make_terms(config.loss),
        slots=config.slots,
        tokens=tokens,
    )


def build_network(config: RunConfig, backbone: Path, *, dtype: torch.dtype, seed: int) -> Network[Any]:
    """Return an untrained network: the backbone in a folder with what `train.tuning` asks for, and all else new."""
    torch.manual_seed(seed)
    model = load_backbone(backbone, config.train, dtype=dtype)
    return assemble(model, config, ResidueTokenizer.from_folder(backbone))


def save_network(network: Network[Any], *, tokenizer: ResidueTokenizer, config: RunConfig, folder: Path) -> None:
    """Save what training made and its settings.

    That is the adapter (or the whole backbone under full tuning), the head, what is trained beside them, and the
    tokenizer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = trained_backbone(config.train, folder)
    network.backbone.save_pretrained(part)
    if config.train.tuning == "lora":
        _sort_targets(part / "adapter_config.json")
    save_file(
        {name: value.contiguous() for name, value in network.head.state_dict().items()},
        folder / "head.safetensors",
    )
    save_file(network.own_state(), folder / "slots.safetensors")
    tokenizer.tokenizer.save_pretrained(folder / "tokenizer")
    write_json(folder / "config.json", config.model_dump(mode="json", exclude=LATER))
    give_usual_permissions(folder)


def load_network(config: RunConfig, *, backbone: Path, saved: Path, dtype: torch.dtype) -> Network[Any]:
    """Load a network that `save_network` wrote, in evaluation mode.

    Parameters:
        config: the settings it was trained with, and those of prediction.
        backbone: folder of the backbone; under full tuning, what was saved is read instead.
        saved: folder of the network.
        dtype: of the frozen weights.

    Raises:
        DataError: if what was saved is not what the settings ask for.
    """
    part = trained_backbone(config.train, saved)
    full = config.train.tuning == "full"
    model = load_backbone(
        part if full else backbone,
        as_predicted(config).train,
        dtype=dtype,
        adapter=None if full else part,
        offload=config.predict.offload,
    )
    network = assemble(model, config, ResidueTokenizer.from_folder(saved / "tokenizer"))
    network.head.load_state_dict(load_file(saved / "head.safetensors"))
    own = load_file(saved / "slots.safetensors")
    if own.keys() != network.own_state().keys():
        raise DataError(f"{saved / 'slots.safetensors'} does not hold what the config asks for: train again")
    network.load_state_dict(own, strict=False)
    return network.eval()


def as_predicted(config: RunConfig) -> RunConfig:
    """Return the settings of a run with its backbone held as prediction holds it."""
    held = config.predict.quantization or config.train.quantization
    return config.model_copy(update={"train": config.train.model_copy(update={"quantization": held})})


def _check_facts(kind: str, loaded: HeadFacts) -> None:
    """Check that a loaded head says of itself what was read from its source, where only literals count."""
    read = head_facts(kind)
    for variable, value, literal in (
        ("GIVES", loaded.gives, read.gives),
        ("LOSS", loaded.loss, read.loss),
        ("CAP", loaded.cap, read.cap),
    ):
        if value != literal:
            raise PartError(
                f"{plugins.module_name(HEADS, kind)}: Head.{variable} is {value!r}, but the config takes it as"
                f" {literal!r}; write {variable} = ... as a literal in the class Head itself"
            )


def trained_backbone(train: TrainConfig, folder: Path) -> Path:
    """Return where in the folder of a saved network its adapter lies, or under full tuning the whole backbone."""
    return folder / ("backbone" if train.tuning == "full" else "adapter")


def _sort_targets(path: Path) -> None:
    """Sort the layer names in PEFT's config, which come from a set, so that equal adapters are equal files."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(settings["target_modules"], list):
        settings["target_modules"].sort()
    write_json(path, settings)
