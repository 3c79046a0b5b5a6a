"""How many bytes all tensors hold together, while code runs on fake ones.

A fake tensor has shape, type and storage size, but no content: an 8-billion-parameter network is built and trained in
seconds and next to no memory. Every operation passes through `StorageCounter`, which adds what comes into being and
takes away what is freed; views share a storage and count once.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from proteinmtp.planning.allocators import Allocator


class StorageCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch
    """Take every storage from an allocator while it is alive.

    Parameters:
        allocator: that of the device; may be exchanged on the way.
    """

    def __init__(self, allocator: Allocator):
        super().__init__()  # type: ignore[no-untyped-call]  # torch
        self.allocator = allocator
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.prim.device.default and isinstance(args[0], FakeTensor):
            return args[0].fake_device
        if func is torch.ops.aten._local_scalar_dense.default and isinstance(args[0], FakeTensor):
            return _answer(args[0])
        result = func(*args, **(kwargs or {}))
        for leaf in [result] if isinstance(result, torch.Tensor) else tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._add(leaf.untyped_storage())
        return result

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and what would keep a compiler away takes longer than the counting."""
        return False

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


class _Forgetful(FakeTensorMode):  # type: ignore[no-untyped-call]  # torch
    """Makes fake tensors and keeps no weak reference to them.

    `Module.to`, which PEFT calls for new adapters, exchanges the content of a fake parameter in place, and PyTorch
    refuses that where a weak reference is left.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; see `StorageCounter`."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[object] = (), kwargs: Mapping[str, object] | None = None
    ) -> Any:
        result = self.dispatch(func, types, args, kwargs or {})
        self.fake_tensor_converter.tensor_memo.clear()
        return result

    def _prep_args_for_hash(self, result: list[object], args: Any, state: Any, id_hashed_objects: list[object]) -> None:
        """Add to `result` what decides the outcome of an operation on `args`, of a dense tensor shape and type alone.

        It does what it overrides, in a fifth of the time; an operation seen before is not worked out again.
        """
        if not isinstance(args, list | tuple):
            super()._prep_args_for_hash(result, args, state, id_hashed_objects)
            return
        result += (type(args), len(args))
        for arg in args:
            if type(arg) is FakeTensor and arg.constant is None and arg.layout is torch.strided:
                result += (arg.dtype, arg.shape, arg.stride(), arg.fake_device, arg.storage_offset())
                result += (arg.untyped_storage().nbytes(), arg.requires_grad, arg.is_conj(), arg.is_neg())
                result.append(arg.is_inference())
            else:
                super()._prep_args_for_hash(result, (arg,), state, id_hashed_objects)


def _answer(tensor: torch.Tensor) -> bool | int | float:
    """Return what a content that nobody knows is taken for: a mask hides nothing, an iteration has settled."""
    if tensor.dtype == torch.bool:
        return True
    return 1.0 if tensor.dtype.is_floating_point else 1


@contextmanager
def counted(allocator: Allocator) -> Iterator[StorageCounter]:
    """Make all tensors fake and count them.

    transformers builds attention masks out in full where it meets fake tensors, since it takes them for a compilation;
    its check for that is replaced, so that it does the same as in a real step.
    """
    with (
        patch("transformers.masking_utils.is_tracing", lambda tensor=None: False),
        _Forgetful(allow_non_fake_inputs=True),
        StorageCounter(allocator) as counter,
    ):
        yield counter
