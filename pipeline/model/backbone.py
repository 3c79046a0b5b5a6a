"""The language model under the slots: making its folder, loading it, and what of it is trained."""

import logging
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from pipeline.config import BackboneConfig, TrainConfig
from pipeline.manifest import directory_hashes, write_json
from pipeline.model.tiny import make_tiny
from pipeline.model.tokens import ResidueTokenizer

HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
ENCODERS = ("esm", "bert", "roberta", "modernbert")
ESM_MASKED = 0.15 * 0.8
"""Share of the tokens that were masked when ESM-2 was trained."""

disable_progress_bar()  # shards that load in a blink need no bar in every log


class BackboneError(ValueError):
    """A backbone that cannot be used, in words for the person who chose it."""


def make_backbone(config: BackboneConfig, seed: int, folder: Path, manifest: Path) -> None:
    """Make `folder` readable for `from_pretrained`, and write the sha256 of its files to the JSON file `manifest`.

    `tiny` saves a model with random weights; `path` links the files of a local folder; `hub` downloads a snapshot at
    a pinned revision. Weights are safetensors only.

    Raises:
        BackboneError: if the folder has no model, no safetensors, or no token for each residue.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if config.kind == "tiny":
        make_tiny(config.tiny, seed, folder)
    elif config.kind == "hub":
        from huggingface_hub import snapshot_download

        snapshot_download(config.hub.id, revision=config.hub.revision, local_dir=folder, allow_patterns=HUB_FILES)
    else:
        _link(Path(config.path or ""), folder)
    if not any(folder.glob("*.safetensors")):
        raise BackboneError(f"{_origin(config)}: no .safetensors file; other weight formats are not read")
    ResidueTokenizer.from_folder(folder)
    hashes = directory_hashes(folder)
    hashes = {name: digest for name, digest in hashes.items() if not name.startswith(".cache/")}
    write_json(manifest, {"origin": _origin(config), "folder": folder.name, "files": hashes})
    logging.info("backbone %s: %d files", _origin(config), len(hashes))


def load_backbone(folder: Path, train: TrainConfig, dtype: torch.dtype, adapter: Path | None = None) -> nn.Module:
    """Load the model without its LM head, ready for training or, with a saved adapter, for prediction.

    Parameters:
        folder: made by `make_backbone`.
        train: tuning, LoRA and gradient checkpointing.
        dtype: of the frozen weights.
        adapter: folder of a saved LoRA adapter.
    """
    full = train.tuning == "full"
    model = AutoModel.from_pretrained(
        folder,
        dtype=torch.float32 if full else dtype,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
    )
    model.config.use_cache = False
    if train.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model if full else with_adapter(model, train, adapter)


def bare_model(config: PreTrainedConfig) -> PreTrainedModel:
    """Return a model of the architecture with new weights, on the device and in the type that torch makes tensors."""
    model = AutoModel.from_config(config, trust_remote_code=False)
    model.config.use_cache = False
    return model


def read_architecture(folder: Path) -> PreTrainedConfig:
    """Read config.json in `folder`; no code from the folder is run."""
    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def with_adapter(model: PreTrainedModel, train: TrainConfig, adapter: Path | None = None) -> PeftModel:
    """Freeze the model and give it new LoRA adapters, or those saved in the folder `adapter`."""
    if adapter is not None:
        return PeftModel.from_pretrained(model, adapter, is_trainable=True)
    lora = train.lora
    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    return get_peft_model(
        model,
        LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets),
    )


def is_encoder(backbone: nn.Module) -> bool:
    """Return whether each token sees all others, as in models of the ESM and BERT kind."""
    config = backbone.config.get_text_config()  # type: ignore[operator, union-attr]
    return config.model_type in ENCODERS and not getattr(config, "is_decoder", False)


def embedding_scale(backbone: nn.Module) -> float:
    """Return the factor of token embeddings: ESM-2 scales them by what its masked training left unmasked."""
    config = backbone.config.get_text_config()  # type: ignore[operator, union-attr]
    return 1 - ESM_MASKED if getattr(config, "token_dropout", False) else 1.0


def _link(source: Path, folder: Path) -> None:
    if not (source / "config.json").is_file():
        raise BackboneError(f"backbone.path: {source} has no config.json, so it is no folder for from_pretrained")
    for path in sorted(source.iterdir()):
        link = folder / path.name
        if path.is_file() and path.suffix != ".py" and not link.exists():
            link.symlink_to(path.resolve())


def _origin(config: BackboneConfig) -> str:
    if config.kind == "hub":
        return f"{config.hub.id}@{config.hub.revision}"
    return config.path or "" if config.kind == "path" else "tiny, random weights"
