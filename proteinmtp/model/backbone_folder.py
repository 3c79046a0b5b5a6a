"""The folder of a language model: made small with random weights, linked from a local one, or fetched from the hub."""

import shutil
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from transformers import AutoModel
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from proteinmtp.base.files import give_usual_permissions
from proteinmtp.config import BackboneConfig
from proteinmtp.model.backbone import ENCODERS, Architecture, Backbone, BackboneError, read_architecture
from proteinmtp.model.tiny import make_tiny
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.tables.saved_files import HUB_FILES

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")


def make_backbone(config: BackboneConfig, seed: int, folder: Path) -> str:
    """Make `folder` readable for `from_pretrained`, and return where the model comes from.

    `tiny` saves a model with random weights; `path` links the files of a local folder; `hub` downloads a snapshot at
    a pinned revision. Weights are safetensors only. With `random`, the weights are not taken but drawn from the seed.

    Raises:
        BackboneError: if the folder has no model, no safetensors, or a model of a kind that is not supported.
        TokenizerError: if there is no token for each residue.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if config.kind == "tiny":
        make_tiny(config.tiny, seed, folder)
    elif config.kind == "hub":
        snapshot_download(
            config.hub.id,
            revision=config.hub.revision,
            local_dir=folder,
            allow_patterns=HUB_FILES,
            ignore_patterns=list(WEIGHTS) if config.random else None,
        )
    else:
        _link(Path(config.path or ""), folder, random=config.random)
    if config.random:
        _draw_weights(folder, seed)
    give_usual_permissions(folder)
    origin = _origin(config)
    _check(origin, folder)
    return origin


def save_backbone(backbone: Backbone, *, begun_with: Path, folder: Path) -> None:
    """Save a backbone that was trained, with the tokenizer and settings in the folder that it was loaded from."""
    copy_settings(begun_with, folder)
    backbone.save_pretrained(folder)
    give_usual_permissions(folder)


def copy_settings(source: Path, folder: Path) -> None:
    """Copy all but the weights of a language model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_file() and any(map(path.match, HUB_FILES)) and not any(map(path.match, WEIGHTS)):
            shutil.copyfile(path, folder / path.name)


def _draw_weights(folder: Path, seed: int) -> None:
    config = read_architecture(folder)
    torch.manual_seed(seed)
    model = AutoModel.from_config(config, dtype=config.dtype or torch.float32, trust_remote_code=False)
    model.save_pretrained(folder)


def _link(source: Path, folder: Path, *, random: bool) -> None:
    """Link the files of `source`; with `random` copy them, since config.json is written anew, but for the weights."""
    if not (source / "config.json").is_file():
        raise BackboneError(f"backbone.path: {source} has no config.json, so it is no folder for from_pretrained")
    for path in sorted(source.iterdir()):
        target = folder / path.name
        if not path.is_file() or path.suffix == ".py" or (random and any(path.match(name) for name in WEIGHTS)):
            continue
        if random:
            shutil.copyfile(path, target)
        elif not target.exists():
            target.symlink_to(path.resolve())


def _check(origin: str, folder: Path) -> None:
    if not any(folder.glob("*.safetensors")):
        raise BackboneError(f"{origin}: no .safetensors file; other weight formats are not read")
    tokenizer = ResidueTokenizer.from_folder(folder)
    config = read_architecture(folder).get_text_config()
    architecture = Architecture.of(config)
    kind = architecture.kind
    if kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and kind not in ENCODERS:
        raise BackboneError(f"{origin}: encoders of type {kind} are not supported, only {', '.join(ENCODERS)}")
    if kind == "esm" and (config.position_embedding_type != "rotary" or config.emb_layer_norm_before):
        raise BackboneError(f"{origin}: of ESM models only those of the ESM-2 type are supported (rotary positions)")
    highest = max(tokenizer.encode("ACDEFGHIKLMNPQRSTVWYX"))
    if highest >= architecture.rows:
        raise BackboneError(
            f"{origin}: the tokenizer gives residues ids up to {highest}, but the model has {architecture.rows}"
            " embedding rows: tokenizer and model do not belong together"
        )


def _origin(config: BackboneConfig) -> str:
    drawn = ", random weights" if config.random else ""
    if config.kind == "hub":
        return f"{config.hub.id}@{config.hub.revision}{drawn}"
    return f"{config.path}{drawn}" if config.kind == "path" else "tiny, random weights"
