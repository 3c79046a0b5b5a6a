"""Shapes of published language models, for plans without the hub: what their config.json says, at a commit.

The file of a model is https://huggingface.co/<id>/blob/<revision>/config.json. The hub was out of reach when this was
written; the numbers were read from copies of these files in public repositories (citsjtu2020/LLM-Prof for the Qwen
models of 7 and 8 billion parameters, MadryLab/rla for ESM-2), and a test holds them to the published numbers of
parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from transformers import AutoConfig, PreTrainedConfig

from proteinmtp.config import HubBackbone


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A model of the hub at a commit.

    Attributes:
        revision: the commit, 40 hexadecimal digits.
        model_type: as transformers calls it.
        settings: of config.json, those that decide shapes, types and what is computed.
        prefix, suffix: tokens that its tokenizer puts before and after a text.
    """

    revision: str
    model_type: str
    settings: Mapping[str, object]
    prefix: int = 0
    suffix: int = 0

    def architecture(self) -> PreTrainedConfig:
        """Return the config."""
        return AutoConfig.for_model(self.model_type, **self.settings)


MODELS = {
    "Qwen/Qwen2.5-0.5B": PublishedModel(
        revision="060db6499f32faf8b98477b0a26969ef7d8b9987",
        model_type="qwen2",
        settings={
            "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
            "intermediate_size": 4864, "vocab_size": 151936, "max_position_embeddings": 32768,
            "rope_theta": 1000000.0, "tie_word_embeddings": True, "dtype": "bfloat16",
        },
    ),
    "Qwen/Qwen2.5-7B": PublishedModel(
        revision="d149729398750b98c0af14eb82c78cfe92750796",
        model_type="qwen2",
        settings={
            "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
            "intermediate_size": 18944, "vocab_size": 152064, "max_position_embeddings": 131072,
            "rope_theta": 1000000.0, "tie_word_embeddings": False, "dtype": "bfloat16",
        },
    ),
    "Qwen/Qwen3-8B": PublishedModel(
        revision="b968826d9c46dd6066d109eabc6255188de91218",
        model_type="qwen3",
        settings={
            "hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
            "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936, "max_position_embeddings": 40960,
            "rope_theta": 1000000.0, "tie_word_embeddings": False, "dtype": "bfloat16",
        },
    ),
    "facebook/esm2_t30_150M_UR50D": PublishedModel(
        revision="a695f6045e2e32885fa60af20c13cb35398ce30c",
        model_type="esm",
        settings={
            "hidden_size": 640, "num_hidden_layers": 30, "num_attention_heads": 20, "intermediate_size": 2560,
            "vocab_size": 33, "max_position_embeddings": 1026, "position_embedding_type": "rotary",
            "token_dropout": True, "emb_layer_norm_before": False, "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0, "layer_norm_eps": 1e-5, "pad_token_id": 1, "mask_token_id": 32,
            "dtype": "float32",
        },
        prefix=1,
        suffix=1,
    ),
}  # fmt: skip


def published(config: HubBackbone) -> PublishedModel | None:
    """Return the model that a configuration names, if it is known, at that commit."""
    model = MODELS.get(config.id or "")
    return model if model is not None and model.revision == config.revision else None
