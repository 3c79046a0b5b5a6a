"""Stand-ins for the quantised layers of bitsandbytes: their bytes, and what they make and keep while they compute.

bitsandbytes quantises contents, which fake tensors do not have. A stand-in is of the class it stands in for, so PEFT
wraps it as it wraps the real one. It holds the packed weight and its scales, and makes the whole weight anew in each
pass: forwards and backwards, one layer at a time.
"""

from typing import Any

import bitsandbytes as bnb
import torch
from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt
from torch import Tensor, nn

BLOCK = 64
"""Weights of nf4 that share a scale; the scales are 8 bit, and 256 of them share one of float32."""
OUTLIERS = 6.0
"""Threshold of int8 in transformers; it decides no memory here."""


class FourBit(Linear4bit):
    """A linear layer in nf4 with its scales quantised too."""

    def __init__(self, layer: nn.Linear, dtype: torch.dtype):
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.bias = layer.in_features, layer.out_features, layer.bias
        count = layer.weight.numel()
        packed = nn.Parameter(torch.empty(count // 2, 1, dtype=torch.uint8), requires_grad=False)
        self.weight = _described(packed, layer.weight, compress_statistics=True, quant_type="nf4")
        self.scales = [torch.empty(-(-count // BLOCK), dtype=torch.uint8), torch.empty(-(-count // (256 * BLOCK)))]
        self.compute_dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., out) from (..., in)."""
        arrived = x.dtype
        x = x.to(self.compute_dtype)
        bias = None if self.bias is None else self.bias.to(self.compute_dtype)
        return _product(x, bias, self, keeps_input=False).to(arrived)


class EightBit(Linear8bitLt):
    """A linear layer in int8, one scale a row; the input is kept for the way back, checkpointing or not."""

    def __init__(self, layer: nn.Linear, dtype: torch.dtype):
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.bias = layer.in_features, layer.out_features, layer.bias
        packed = nn.Parameter(torch.empty(layer.weight.shape, dtype=torch.int8), requires_grad=False)
        self.weight = _described(packed, layer.weight)
        self.scales = [torch.empty(layer.out_features)]
        self.state = bnb.MatmulLtState()  # type: ignore[attr-defined]  # it is exported, if not in so many words
        self.state.has_fp16_weights, self.state.threshold = False, OUTLIERS
        self.index = None

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., out) from (..., in)."""
        return _product(x, self.bias, self, keeps_input=True)


KINDS = {"nf4": FourBit, "int8": EightBit}


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
    setattr(model, "is_loaded_in_4bit" if kind == "nf4" else "is_loaded_in_8bit", True)


def _described(packed: nn.Parameter, weight: Tensor, **attributes: Any) -> nn.Parameter:
    for name, value in {"quant_state": _Packed(weight.shape), **attributes}.items():
        setattr(packed, name, value)
    return packed


class _Packed:
    """What bitsandbytes asks of a quantised weight's state."""

    packing_format_for_cpu = False

    def __init__(self, shape: torch.Size):
        self.shape = shape

    def as_dict(self, packed: bool) -> dict[str, Tensor]:
        return {}


def _product(x: Tensor, bias: Tensor | None, layer: FourBit | EightBit, *, keeps_input: bool) -> Tensor:
    shape = (layer.out_features, layer.in_features)
    product: Tensor = _Product.apply(x, bias, layer.weight, shape, keeps_input)  # type: ignore[no-untyped-call]  # torch
    return product


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
