"""The language model under the slots: making its folder, loading it, and what of it is trained.

Loading goes in three steps, each a function of its own: the weights are read (`read_model`), quantised on the way if
that is asked for (`quantization`), and given adapters (`with_adapter`).
"""

import inspect
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import AutoConfig, AutoModel, BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES, MODEL_MAPPING
from transformers.utils.logging import disable_progress_bar

from proteinmtp.config.whole import SlotsConfig, TrainConfig
from proteinmtp.config.backbone import BackboneConfig
from proteinmtp.base.files import directory_hashes, write_json
from proteinmtp.model.tiny import make_tiny
from proteinmtp.model.tokens import ResidueTokenizer

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
ENCODERS = ("esm", "modernbert")
ESM_MASKED = 0.15 * 0.8
"""Share of the tokens that were masked when ESM-2 was trained."""

UNUSED = "contact_head"
"""Layer of ESM models that no state passes through: it is neither trained nor given an adapter."""

REPACKING = "support_avx512bf16_for_cpu"
"""Flag of bitsandbytes' 4-bit layers, set on CPUs with AVX512-BF16. With it, the first evaluation repacks the frozen
weights in place and rounds their scales; what is trained after that gets no gradient through the layer."""

disable_progress_bar()  # shards that load in a blink need no bar in every log


class BackboneError(ValueError):
    """A backbone that cannot be used, in words for the person who chose it."""


def make_backbone(config: BackboneConfig, seed: int, folder: Path, manifest: Path) -> None:
    """Make `folder` readable for `from_pretrained`, and write the sha256 of its files to the JSON file `manifest`.

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
        from huggingface_hub import snapshot_download

        snapshot_download(
            config.hub.id,
            revision=config.hub.revision,
            local_dir=folder,
            allow_patterns=HUB_FILES,
            ignore_patterns=list(WEIGHTS) if config.random else None,
        )
    else:
        _link(Path(config.path or ""), folder, config.random)
    if config.random:
        _draw_weights(folder, seed)
    _check(config, folder)
    hashes = directory_hashes(folder)
    hashes = {name: digest for name, digest in hashes.items() if not name.startswith(".cache/")}
    write_json(manifest, {"origin": _origin(config), "folder": folder.name, "files": hashes})
    logging.info("backbone %s: %d files", _origin(config), len(hashes))


def load_backbone(folder: Path, train: TrainConfig, dtype: torch.dtype, adapter: Path | None = None) -> nn.Module:
    """Load the model without its LM head, ready for training or, with a saved adapter, for prediction.

    Parameters:
        folder: made by `make_backbone`.
        train: tuning, quantisation, LoRA and gradient checkpointing.
        dtype: of the frozen weights, and of the arithmetic on quantised ones.
        adapter: folder of a saved LoRA adapter.
    """
    model = read_model(folder, train, dtype)
    if train.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    return model if train.tuning == "full" else with_adapter(model, train, adapter)


def read_model(folder: Path, train: TrainConfig, dtype: torch.dtype) -> PreTrainedModel:
    """Read the weights in `folder`: float32 under full tuning, else `dtype`, quantised if `train` says so."""
    config = read_architecture(folder)
    options: dict[str, Any] = {}
    if train.quantization != "none":
        options = {"quantization_config": quantization(train, dtype), "device_map": {"": _device(train)}}
    model = AutoModel.from_pretrained(
        folder,
        dtype=torch.float32 if train.tuning == "full" else dtype,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        **_without_pooling(config),
        **options,
    )
    return _prepared(model)


def bare_model(config: PreTrainedConfig) -> PreTrainedModel:
    """Return a model of the architecture with new weights, on the device and in the type that torch makes tensors."""
    return _prepared(AutoModel.from_config(config, trust_remote_code=False, **_without_pooling(config)))


def read_architecture(folder: Path) -> PreTrainedConfig:
    """Read config.json in `folder`; no code from the folder is run."""
    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def quantization(train: TrainConfig, dtype: torch.dtype) -> BitsAndBytesConfig:
    """Return how bitsandbytes holds the weights of linear layers; nf4 quantises its scales too."""
    if train.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def with_adapter(model: PreTrainedModel, train: TrainConfig, adapter: Path | None = None) -> PeftModel:
    """Freeze the model and give it new LoRA adapters, or those saved in the folder `adapter`.

    PEFT's `prepare_model_for_kbit_training` is not needed: it freezes, as this does; makes float32 of norms, which
    compute in it anyway; and lets inputs require gradients, which checkpointing asks for only in its old form.
    """
    model.requires_grad_(False)
    if adapter is not None:
        return PeftModel.from_pretrained(model, adapter, is_trainable=True)
    lora = train.lora
    return get_peft_model(
        model,
        LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=lora.targets if isinstance(lora.targets, str) else list(lora.targets),
            exclude_modules=rf"{UNUSED}\..*" if hasattr(model, UNUSED) else None,
        ),
    )


def compute_type(train: TrainConfig) -> torch.dtype:
    """Return the type of the arithmetic, the same for training and prediction: what `precision` says."""
    if train.precision == "auto":
        fast = bool(train.gpus) and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if train.precision == "bfloat16" else torch.float32


def is_encoder(backbone: nn.Module) -> bool:
    """Return whether each token sees all others, as in the models of `ENCODERS`."""
    config = backbone.config.get_text_config()  # type: ignore[operator, union-attr]
    return config.model_type in ENCODERS and not getattr(config, "is_decoder", False)


def check_attention(backbone: nn.Module, slots: SlotsConfig) -> None:
    """Refuse an encoder with causal slots: each of its tokens sees all others, whatever the config says.

    Raises:
        BackboneError: saying what to set.
    """
    if is_encoder(backbone) and slots.attention == "causal":
        kind = backbone.config.get_text_config().model_type  # type: ignore[operator, union-attr]
        raise BackboneError(
            f"slots.attention is 'causal', but the backbone ({kind}) is an encoder, whose tokens see all others: set"
            " slots.attention to 'bidirectional'"
        )


def embedding_scale(backbone: nn.Module) -> float:
    """Return the factor of token embeddings: ESM-2 scales them by what its masked training left unmasked."""
    config = backbone.config.get_text_config()  # type: ignore[operator, union-attr]
    return 1 - ESM_MASKED if getattr(config, "token_dropout", False) else 1.0


def parameter_count(module: nn.Module) -> int:
    """Return the number of parameters; two 4-bit ones that share a byte count as two."""
    states = ((parameter, getattr(parameter, "quant_state", None)) for parameter in module.parameters())
    return sum(parameter.numel() if state is None else state.shape.numel() for parameter, state in states)


def _prepared(model: PreTrainedModel) -> PreTrainedModel:
    model.config.use_cache = False
    if hasattr(model, UNUSED):
        getattr(model, UNUSED).requires_grad_(False)
    for module in model.modules():
        if hasattr(module, REPACKING):
            setattr(module, REPACKING, False)
    return model


def _without_pooling(config: PreTrainedConfig) -> dict[str, bool]:
    """Return the option that leaves out the pooling layer of encoders, which nothing reads."""
    accepted = inspect.signature(MODEL_MAPPING[type(config)].__init__).parameters
    return {"add_pooling_layer": False} if "add_pooling_layer" in accepted else {}


def _device(train: TrainConfig) -> torch.device:
    if train.gpus and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def _draw_weights(folder: Path, seed: int) -> None:
    config = read_architecture(folder)
    torch.manual_seed(seed)
    model = AutoModel.from_config(config, dtype=config.dtype or torch.float32, trust_remote_code=False)
    model.save_pretrained(folder)


def _link(source: Path, folder: Path, random: bool) -> None:
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


def _check(config: BackboneConfig, folder: Path) -> None:
    origin = _origin(config)
    if not any(folder.glob("*.safetensors")):
        raise BackboneError(f"{origin}: no .safetensors file; other weight formats are not read")
    tokenizer = ResidueTokenizer.from_folder(folder)
    architecture = read_architecture(folder).get_text_config()
    kind = architecture.model_type
    if kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and kind not in ENCODERS:
        raise BackboneError(f"{origin}: encoders of type {kind} are not supported, only {', '.join(ENCODERS)}")
    absolute = getattr(architecture, "position_embedding_type", "rotary") != "rotary"
    if kind == "esm" and (absolute or architecture.emb_layer_norm_before):
        raise BackboneError(f"{origin}: of ESM models only those of the ESM-2 type are supported (rotary positions)")
    highest = max(tokenizer.encode("ACDEFGHIKLMNPQRSTVWYX"))
    if highest >= architecture.vocab_size:
        raise BackboneError(
            f"{origin}: the tokenizer gives residues ids up to {highest}, but the model has {architecture.vocab_size}"
            " embedding rows: tokenizer and model do not belong together"
        )


def _origin(config: BackboneConfig) -> str:
    drawn = ", random weights" if config.random else ""
    if config.kind == "hub":
        return f"{config.hub.id}@{config.hub.revision}{drawn}"
    return f"{config.path}{drawn}" if config.kind == "path" else "tiny, random weights"
