"""How many bytes all tensors hold together, while code runs on fake ones.

A fake tensor has shape, type and storage size, but no content: an 8-billion-parameter network is built and trained in
seconds and next to no memory. Every operation passes through `StorageCounter`, which adds what comes into being and
takes away what is freed; views share a storage and count once.
"""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from proteinmtp.planning.allocators import Allocator


class StorageCounter(TorchDispatchMode):
    """Take every storage from an allocator while it is alive.

    Parameters:
        allocator: that of the device; may be exchanged on the way.
    """

    def __init__(self, allocator: Allocator):
        super().__init__()
        self.allocator = allocator
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and isinstance(args[0], FakeTensor):
            return _answer(args[0])
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._add(leaf.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._alive:
            return
        allocator = self.allocator
        piece = allocator.take(storage.nbytes())

        def freed(_: object) -> None:
            allocator.give(piece)
            del self._alive[key]

        self._alive[key] = weakref.ref(storage, freed)


def _answer(tensor: torch.Tensor) -> bool | int | float:
    """Return what a content that nobody knows is taken for: a mask hides nothing, an iteration has settled."""
    if tensor.dtype == torch.bool:
        return True
    return 1.0 if tensor.dtype.is_floating_point else 1


def _applied(module: nn.Module, function: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> nn.Module:
    if recurse:
        for child in module.children():
            child._apply(function)
    for name, parameter in module._parameters.items():
        if parameter is not None:
            with torch.no_grad():
                changed = function(parameter)
            if changed is not parameter:
                module._parameters[name] = nn.Parameter(changed, parameter.requires_grad)
    for name, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[name] = function(buffer)
    return module


@contextmanager
def counted(allocator: Allocator) -> Iterator[StorageCounter]:
    """Make all tensors fake and count them.

    transformers builds attention masks out in full where it meets fake tensors, since it takes them for a compilation;
    it is told otherwise, so that it does what it does in a real step. `Module.to` cannot exchange the content of fake
    parameters for that of others in the same object, so it makes new objects.
    """
    with (
        patch("transformers.masking_utils.is_tracing", lambda tensor=None: False),
        patch.object(nn.Module, "_apply", _applied),
        FakeTensorMode(allow_non_fake_inputs=True),
        StorageCounter(allocator) as counter,
    ):
        yield counter
