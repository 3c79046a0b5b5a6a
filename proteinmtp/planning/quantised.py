"""Stand-ins for the quantised layers of bitsandbytes: their bytes, and what they make and keep while they compute.

bitsandbytes quantises contents, which fake tensors do not have, and need not be installed. A stand-in holds the packed
weight and its scales, and makes the whole weight anew in each pass: forwards and backwards, one layer at a time.
"""

from types import SimpleNamespace
from typing import Any

import torch
from peft.tuners.lora import LoraLayer  # not later: what it makes while it is imported would be fake, and counted
from torch import Tensor, nn

BLOCK = 64
"""Weights of nf4 that share a scale; the scales are 8 bit, and 256 of them share one of float32."""


class Packed(nn.Linear):
    """A linear layer whose weight lies in fewer bits.

    Parameters:
        layer: the one it stands in for.
        packed: its weight.
        scales: of the weight.
        dtype: of the arithmetic; None: of what arrives.
        keeps_input: whether the input is kept for the way back, checkpointing or not.
    """

    def __init__(
        self, layer: nn.Linear, packed: Tensor, scales: list[Tensor], *, dtype: torch.dtype | None, keeps_input: bool
    ):
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.bias = layer.in_features, layer.out_features, layer.bias
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.weight.quant_state = SimpleNamespace(shape=layer.weight.shape)  # type: ignore[attr-defined]  # as theirs
        self.scales, self.dtype, self.keeps_input = scales, dtype, keeps_input

    def forward(self, input: Tensor) -> Tensor:
        """Return (..., out) from (..., in)."""
        x = input.to(self.dtype)
        bias = None if self.bias is None else self.bias.to(x.dtype)
        shape = (self.out_features, self.in_features)
        product: Tensor = _Product.apply(x, bias, self.weight, shape, self.keeps_input)  # type: ignore[no-untyped-call]  # torch
        return product.to(input.dtype)


def four_bit(layer: nn.Linear, dtype: torch.dtype) -> Packed:
    """Return a layer in nf4 whose scales are quantised too."""
    count = layer.weight.numel()
    scales = [torch.empty(-(-count // BLOCK), dtype=torch.uint8), torch.empty(-(-count // (256 * BLOCK)))]
    return Packed(layer, torch.empty(count // 2, 1, dtype=torch.uint8), scales, dtype=dtype, keeps_input=False)


def eight_bit(layer: nn.Linear, dtype: torch.dtype) -> Packed:
    """Return a layer in int8, one scale a row."""
    packed = torch.empty(layer.weight.shape, dtype=torch.int8)
    return Packed(layer, packed, [torch.empty(layer.out_features)], dtype=None, keeps_input=True)


KINDS = {"nf4": four_bit, "int8": eight_bit}


def quantise(model: nn.Module, kind: str, dtype: torch.dtype) -> None:
    """Exchange the linear layers of a backbone; embeddings and norms stay.

    Parameters:
        model: a backbone without adapters.
        kind: nf4 or int8.
        dtype: of the arithmetic.
    """
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear:
                setattr(module, name, KINDS[kind](child, dtype))


def cast_no_inputs(model: nn.Module) -> None:
    """Let adapters take their inputs as they are, as PEFT does under autocast on layers of bitsandbytes."""
    for module in model.modules():
        if isinstance(module, LoraLayer) and isinstance(module.base_layer, Packed):
            module.cast_input_dtype_enabled = False


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bias: Tensor | None, packed: Tensor, shape: tuple[int, int], keeps_input: bool
    ) -> Tensor:
        ctx.shape, ctx.kept = shape, x if keeps_input else None
        return nn.functional.linear(x, x.new_empty(shape), bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        return gradient @ gradient.new_empty(ctx.shape), None, None, None, None
