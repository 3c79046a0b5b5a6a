"""The memory of a deep language model from that of a shallow one: its layers are alike.

Training and prediction go through stages: forwards through the first, the inner and the last layer, the head, the same
backwards, clipping, the optimiser's step. Within a stage every layer more adds the same bytes to whatever is alive, so
the peak of a stage is a straight line in the number of layers, and two points give it. The peak over all stages is no
line: which stage has it may change with the depth.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Self

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedConfig

from proteinmtp.model.network import Network
from proteinmtp.planning.allocators import Allocator

ALIKE = ("qwen2", "qwen3", "llama", "esm")
"""Types of models whose layers are all of one kind, unless `layer_types` says otherwise."""

FEW = 3
"""Layers of the smaller model that is traced: a first, an inner and a last one; the other has one more."""


def depth(config: PreTrainedConfig) -> int:
    """Return the number of layers."""
    count: int = config.get_text_config().num_hidden_layers
    return count


def depths_to_trace(config: PreTrainedConfig) -> tuple[int, ...]:
    """Return two small numbers of layers where the rest follows from them, else that of the model."""
    text = config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ())
    if text.model_type in ALIKE and len(kinds) <= 1 and depth(config) > FEW + 1:
        return FEW, FEW + 1
    return (depth(config),)


def with_depth(config: PreTrainedConfig, layers: int) -> PreTrainedConfig:
    """Return the config of the same model with so many layers."""
    shallow = deepcopy(config)
    text = shallow.get_text_config()
    text.num_hidden_layers = layers
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:layers]
    return shallow


def continued(few: Mapping[str, int], more: Mapping[str, int], *, layers: int) -> dict[str, int]:
    """Return what a model of `layers` layers needs, from what those of FEW and of one more do."""
    if few.keys() != more.keys():
        raise ValueError(f"the stages differ: {sorted(few.keys() ^ more.keys())}")
    return {stage: few[stage] + (more[stage] - few[stage]) * (layers - FEW) for stage in few}


class Stages:
    """Notes the peak of each stage of what a network computes in a `with` block.

    Parameters:
        network: with a backbone of `layers` layers.
        layers: of the backbone.
        allocator: what counts.
    """

    def __init__(self, network: Network[Any], layers: int, allocator: Allocator):
        self._network, self._layers, self._allocator = network, layers, allocator
        self._peaks: dict[str, int] = {}
        self._pass, self._backwards, self._stage = 0, False, "before"
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        self._allocator.begin()
        self._hooks.append(self._network.register_forward_pre_hook(self._begin_pass))
        for index, layer in enumerate(_layers(self._network, self._layers)):
            place = "first" if index == 0 else "last" if index == self._layers - 1 else "inner"
            self._hooks.append(layer.register_forward_pre_hook(partial(self._before_layer, place)))
            self._hooks.append(layer.register_forward_hook(partial(self._after_layer, place)))
        return self

    def __exit__(self, *unused: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def peaks(self) -> dict[str, int]:
        """Return the peak of each stage so far, bytes."""
        self.enter(self._stage)
        return dict(self._peaks)

    def enter(self, stage: str) -> None:
        """Begin a stage of the pass that runs."""
        self._peaks[self._stage] = max(self._allocator.peak, self._peaks.get(self._stage, 0))
        self._allocator.begin()
        self._stage = stage

    def before_step(self, optimizer: Optimizer, *unused: object) -> None:
        """Begin the optimiser's step."""
        self.enter(f"{self._pass} step")

    def before_clipping(self) -> None:
        """Begin the clipping of gradients."""
        self.enter(f"{self._pass} clipping")

    def _begin_pass(self, *unused: object) -> None:
        self._pass, self._backwards = self._pass + 1, False
        self.enter(f"{self._pass} embedding")

    def _before_layer(self, place: str, *unused: object) -> None:
        if not self._backwards:  # else checkpointing computes a layer again
            self.enter(f"{self._pass} forwards {place}")

    def _after_layer(self, place: str, layer: nn.Module, inputs: object, output: Any) -> None:
        if self._backwards:
            return
        states: Tensor = output[0] if isinstance(output, tuple) else output
        if states.requires_grad:
            states.register_hook(partial(self._before_gradient, place))  # type: ignore[no-untyped-call]  # torch
        if place == "last":
            self.enter(f"{self._pass} head")

    def _before_gradient(self, place: str, gradient: Tensor) -> None:
        self._backwards = True
        self.enter(f"{self._pass} backwards {place}")


def _layers(network: Network[Any], count: int) -> Iterable[nn.Module]:
    """Return the layers of a network's language model, as many as `count`; none if it keeps them in no list."""
    modules = network.get_submodule("backbone").modules()
    return next((module for module in modules if isinstance(module, nn.ModuleList) and len(module) == count), ())
