"""The language model under the slots: loading it, what networks use of it, and what of it is trained.

Loading goes in three steps, each a function of its own: the weights are read (`read_model`), quantised on the way if
that is asked for (`quantization`), and given adapters (`with_adapter`). Its folder is made by
`proteinmtp.model.backbone_folder`.
"""

import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_MAPPING
from transformers.utils.logging import disable_progress_bar

from proteinmtp.base.errors import UserError
from proteinmtp.config import LoopConfig, SlotsConfig, TrainConfig

if TYPE_CHECKING:
    from peft import PeftModel

ENCODERS = ("esm", "modernbert")
ESM_MASKED = 0.15 * 0.8
"""Share of the tokens that were masked when ESM-2 was trained."""

UNUSED = "contact_head"
"""Layer of ESM models that no state passes through: it is neither trained nor given an adapter."""

disable_progress_bar()  # shards that load in a blink need no bar in every log


class BackboneError(UserError):
    """A backbone that cannot be used, in words for the person who chose it."""


class States(Protocol):
    """What a language model gives."""

    @property
    def last_hidden_state(self) -> Tensor:
        """(B, T, H)."""


class Backbone(Protocol):
    """What networks use of a transformers model without its LM head, bare or with adapters."""

    @property
    def config(self) -> PreTrainedConfig:
        """Its settings."""

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the table of embeddings, (V, H)."""

    def __call__(self, **inputs: Any) -> States:
        """Return the states; architectures differ in what inputs they take beside embeddings, mask and positions."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters."""

    def save_pretrained(self, save_directory: Path) -> Any:
        """Save the weights, or of a model with adapters these alone."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What of a language model's config decides how it is used.

    Attributes:
        kind: of the architecture, such as qwen3.
        hidden_size: H.
        rows: of the embedding table.
        positions: that it has, or None if it does not say.
        encoder: whether each token sees all others, as in the models of `ENCODERS`.
        tied: whether the LM head reads out with the embedding table.
        embedding_scale: factor of token embeddings: ESM-2 scales them by what its masked training left unmasked.
    """

    kind: str
    hidden_size: int
    rows: int
    positions: int | None
    encoder: bool
    tied: bool
    embedding_scale: float

    @classmethod
    def of(cls, config: PreTrainedConfig) -> Self:
        """Read the config of a language model."""
        text = config.get_text_config()
        optional: dict[str, Any] = text.to_dict()  # architectures differ in what settings they have
        return cls(
            kind=text.model_type,
            hidden_size=text.hidden_size,
            rows=text.vocab_size,
            positions=optional.get("max_position_embeddings"),
            encoder=text.model_type in ENCODERS and not optional.get("is_decoder", False),
            tied=text.tie_word_embeddings,
            embedding_scale=1 - ESM_MASKED if optional.get("token_dropout", False) else 1.0,
        )


def load_backbone(
    folder: Path, train: TrainConfig, *, dtype: torch.dtype, adapter: Path | None = None, offload: bool = False
) -> Backbone:
    """Load the model without its LM head, ready for training or, with a saved adapter, for prediction.

    Parameters:
        folder: made by `proteinmtp.model.backbone_folder`.
        train: tuning, quantisation, LoRA and gradient checkpointing.
        dtype: of the frozen weights, and of the arithmetic on quantised ones.
        adapter: folder of a saved LoRA adapter.
        offload: split the weights between the GPU and main memory.
    """
    model = read_model(folder, train, dtype, offload=offload)
    if train.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    backbone: Backbone = model if train.tuning == "full" else with_adapter(model, train, adapter)
    return backbone


def read_model(folder: Path, train: TrainConfig, dtype: torch.dtype, *, offload: bool = False) -> PreTrainedModel:
    """Read the weights in `folder`: float32 under full tuning, else `dtype`, quantised if `train` says so."""
    options: dict[str, Any] = {"device_map": "auto"} if offload else {}  # keywords of transformers
    architecture = read_architecture(folder)
    if train.quantization != "none":
        options = {"device_map": {"": _device(train)}} | options
        if hasattr(architecture, "quantization_config"):  # they were saved so; the type of the arithmetic is ours
            architecture.quantization_config = quantization(train, dtype).to_dict()
            options["config"] = architecture
        else:
            options["quantization_config"] = quantization(train, dtype)
    model = AutoModel.from_pretrained(
        folder,
        dtype=torch.float32 if train.tuning == "full" else dtype,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        **_without_pooling(architecture),
        **options,
    )
    if train.quantization == "nf4":
        from bitsandbytes.nn.modules import Linear4bit  # installed apart, see `model.backbone_mistakes`

        for module in model.modules():
            if isinstance(module, Linear4bit):
                # On CPUs with AVX512-BF16, the first evaluation would else repack the frozen weights in place and round
                # their scales; what is trained after that gets no gradient through the layer.
                module.support_avx512bf16_for_cpu = False
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


def with_adapter(model: PreTrainedModel, train: TrainConfig, adapter: Path | None = None) -> "PeftModel":
    """Freeze the model and give it new LoRA adapters, or those saved in the folder `adapter`.

    PEFT's `prepare_model_for_kbit_training` is not needed: it freezes, as this does; makes float32 of norms, which
    compute in it anyway; and lets inputs require gradients, which checkpointing asks for only in its old form.
    """
    from peft import LoraConfig, PeftModel, get_peft_model  # takes as long as all the rest; full tuning does without

    model.requires_grad_(False)
    if adapter is not None:
        with warnings.catch_warnings():
            # PEFT asks transformers by a name of before, which tells the user of it.
            warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
            return PeftModel.from_pretrained(model, adapter, is_trainable=True)
    lora = train.lora
    return get_peft_model(
        model,
        LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=lora.targets if isinstance(lora.targets, str) else list(lora.targets),
            exclude_modules=rf"{UNUSED}\..*" if UNUSED in dict(model.named_children()) else None,
        ),
    )


def compute_type(train: LoopConfig) -> torch.dtype:
    """Return the type of the arithmetic, the same for training and prediction: what `precision` says."""
    if train.precision == "auto":
        fast = bool(train.gpus) and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if train.precision == "bfloat16" else torch.float32


def check_attention(architecture: Architecture, slots: SlotsConfig) -> None:
    """Refuse an encoder with causal slots: each of its tokens sees all others, whatever the config says.

    Raises:
        BackboneError: saying what to set.
    """
    if architecture.encoder and slots.attention == "causal":
        raise BackboneError(
            f"slots.attention is 'causal', but the backbone ({architecture.kind}) is an encoder, whose tokens see all"
            " others: set slots.attention to 'bidirectional'"
        )


class _Size(Protocol):
    shape: torch.Size


@runtime_checkable
class _Quantised(Protocol):
    quant_state: _Size | None


def numbers_in(parameter: nn.Parameter) -> int:
    """Return how many numbers a parameter stands for; a packed byte of nf4 stands for two."""
    if isinstance(parameter, _Quantised) and parameter.quant_state is not None:
        return parameter.quant_state.shape.numel()
    return parameter.numel()


def parameter_count(module: nn.Module) -> int:
    """Return the number of parameters; two 4-bit ones that share a byte count as two."""
    return sum(map(numbers_in, module.parameters()))


def _prepared(model: PreTrainedModel) -> PreTrainedModel:
    model.config.use_cache = False
    for name, child in model.named_children():
        if name == UNUSED:
            child.requires_grad_(False)
    return model


def _without_pooling(config: PreTrainedConfig) -> dict[str, bool]:
    """Return the option that leaves out the pooling layer of encoders, which nothing reads."""
    accepted = inspect.signature(MODEL_MAPPING[type(config)].__init__).parameters
    return {"add_pooling_layer": False} if "add_pooling_layer" in accepted else {}


def _device(train: TrainConfig) -> torch.device:
    if train.gpus and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
