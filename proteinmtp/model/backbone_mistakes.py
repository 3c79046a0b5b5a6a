"""What can be known to be wrong with a run's backbone before any job, without loading it.

Its folder is looked into: settings, the headers of its weights, and its tokenizer.
"""

import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from proteinmtp.base.residues import RESIDUES
from proteinmtp.config import BackboneConfig, RunConfig

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
NOT_LOADED = ("lm_head",)
"""Layers that a language model has and a network does not use."""
LENGTH_BYTES = 8
LONGEST_HEADER = 100_000_000
"""Bytes; the format allows no more."""


class _FolderError(ValueError):
    """A file of a backbone's folder that cannot be used."""


def backbone_mistakes(run: RunConfig) -> Iterator[str]:
    """Yield a line for each mistake, beginning with its key in the settings of a run."""
    prompt = run.slots.prompt
    yield from missing_packages(run)
    if run.backbone.kind == "tiny" and set(prompt) - set(RESIDUES):
        yield f"slots.prompt: the tiny backbone knows no words, only the letters of residues; found {prompt!r}"
    for path in run.backbone.pretrain.fasta if is_pretrained(run.backbone) else ():
        if not Path(path).is_file():
            yield f"backbone.pretrain.fasta: {path} is no file"
    if run.backbone.kind == "path":
        try:
            layers = _layers(Path(run.backbone.path or ""), random=run.backbone.random)
            unknown = _unknown_words(Path(run.backbone.path or ""), prompt)
        except _FolderError as error:
            yield f"backbone.path: {error}"
            return
        if unknown:
            yield f"slots.prompt: the tokenizer in {run.backbone.path} does not know {unknown}; found {prompt!r}"
        if run.train.tuning == "lora" and layers:
            yield from _in_targets(run.train.lora.targets, layers)


def is_pretrained(backbone: BackboneConfig) -> bool:
    """Return whether a backbone is trained on sequences before the runs."""
    return backbone.pretrain.when == "always" or (backbone.pretrain.when == "tiny" and backbone.kind == "tiny")


def missing_packages(run: RunConfig) -> Iterator[str]:
    """Yield a line if the run needs a package that is installed apart and is not there."""
    for section, kind in (("train", run.train.quantization), ("predict", run.predict.quantization)):
        if kind not in ("none", None) and find_spec("bitsandbytes") is None:
            yield (
                f"{section}.quantization: {kind!r} needs bitsandbytes, which is installed apart:"
                " pip install -r requirements-gpu.lock"
            )


def _layers(folder: Path, *, random: bool) -> frozenset[str]:
    """Return the names of the layers that have weights; none where they are drawn, not read.

    Raises:
        _FolderError: if this is no folder that `from_pretrained` reads.
    """
    if not folder.is_dir():
        raise _FolderError(f"{folder} {'is no folder' if folder.exists() else 'does not exist'}")
    settings = _json(folder / "config.json", "so it is no folder for from_pretrained")
    if not isinstance(settings.get("model_type"), str):
        raise _FolderError(f"{folder / 'config.json'} names no model_type")
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    if settings["model_type"] not in CONFIG_MAPPING_NAMES:
        needs = "needs code of its own (auto_map), which is never run" if "auto_map" in settings else "is not known"
        raise _FolderError(f"{folder / 'config.json'}: a model of type {settings['model_type']!r} {needs}")
    if random:
        return frozenset()
    files = sorted(folder.glob("*.safetensors"))
    if not (folder / WHOLE).is_file() and (folder / INDEX).is_file():
        named = _json(folder / INDEX, "").get("weight_map")
        if not isinstance(named, dict) or not all(isinstance(name, str) for name in named.values()):
            raise _FolderError(f"{folder / INDEX} does not say which file holds which weights")
        files = [folder / name for name in sorted(set(named.values()))]
    if not files:
        raise _FolderError(f"{folder} has no .safetensors file; other weight formats are not read")
    names = {name for path in files for name in _tensors(path)}
    layers = (name.removesuffix(".weight") for name in names if name.endswith(".weight"))
    return frozenset(layer for layer in layers if layer.rpartition(".")[2] not in NOT_LOADED)


def _json(path: Path, missing: str) -> dict[str, Any]:  # JSON as it was read
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise _FolderError(f"{path.parent} has no {path.name}, {missing}") from None
    except (OSError, ValueError) as error:
        raise _FolderError(f"{path} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise _FolderError(f"{path} holds no settings")
    return values


def _tensors(path: Path) -> list[str]:
    """Return the names of the tensors in a file of weights, whose header says how long it is."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            header = json.loads(file.read(min(length, LONGEST_HEADER)))
            tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
            whole = LENGTH_BYTES + length + max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
            size = file.seek(0, 2)
    except FileNotFoundError:
        raise _FolderError(f"{path} is missing, which {INDEX} names") from None
    except (OSError, ValueError, AttributeError, KeyError, TypeError, IndexError):
        raise _FolderError(f"{path} is no safetensors file, or damaged") from None
    if size != whole:
        raise _FolderError(f"{path} has {size:,} bytes, and should have {whole:,}: fetch it again")
    return list(tensors)


def _unknown_words(folder: Path, prompt: str) -> str:
    """Return the words of a prompt that the tokenizer has no token for; "" where it does not say."""
    if not prompt or not (folder / "tokenizer.json").is_file():
        return ""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises nothing more special
        raise _FolderError(f"{folder / 'tokenizer.json'} cannot be read: {error}") from None
    unknown = getattr(tokenizer.model, "unk_token", None)
    encoded = tokenizer.encode(prompt, add_special_tokens=False)
    words = (
        prompt[begin:end]
        for token, (begin, end) in zip(encoded.tokens, encoded.offsets, strict=True)
        if token == unknown and prompt[begin:end] != unknown
    )
    return ", ".join(map(repr, dict.fromkeys(words)))


def _in_targets(targets: str | list[str], layers: frozenset[str]) -> Iterator[str]:
    """Yield a line for each target of LoRA that no layer has; a text is a regular expression, as in PEFT."""
    last = sorted({layer.rpartition(".")[2] for layer in layers})
    if isinstance(targets, str) and targets != "all-linear":
        try:
            # What stands in front of a layer's name differs between files and models: `model.layers.0`, `layers.0`.
            found = any(re.fullmatch(targets, tail) for layer in layers for tail in _tails(layer))
        except re.error as error:
            yield f"train.lora.targets: no regular expression: {error}; found {targets!r}"
            return
        if not found:
            yield f"train.lora.targets: no layer is called so; found {targets!r}, there is {', '.join(last)}"
    for target in targets if isinstance(targets, list) else ():
        if not any(layer == target or layer.endswith(f".{target}") for layer in layers):
            yield f"train.lora.targets: no layer is called {target!r}; there is {', '.join(last)}"


def _tails(name: str) -> Iterator[str]:
    """Yield a name, and what of it stands behind each of its dots."""
    while name:
        yield name
        name = name.partition(".")[2]
