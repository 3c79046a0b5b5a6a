"""Small models with random weights and a tokenizer of one token for each residue, saved for `from_pretrained`."""

from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import EsmConfig, EsmModel, PreTrainedConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from proteinmtp.base.residues import RESIDUES
from proteinmtp.config import TinyBackbone
from proteinmtp.model.tokens import SLOT

SPARE_ROWS = 8
MAX_POSITIONS = 4096
VOCABULARY = {token: index for index, token in enumerate(["<pad>", *RESIDUES, SLOT])}


def make_tiny(config: TinyBackbone, seed: int, folder: Path) -> None:
    """Save model and tokenizer in `folder`; equal settings and seeds make equal files."""
    torch.manual_seed(seed)
    settings = tiny_config(config)
    model = EsmModel(settings, add_pooling_layer=False) if config.family == "esm" else Qwen3Model(settings)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel(VOCABULARY, unk_token="X"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", additional_special_tokens=[SLOT]
    ).save_pretrained(folder)


def tiny_config(config: TinyBackbone) -> PreTrainedConfig:
    """Return the architecture: Qwen3, or ESM-2 without the scale of masked training."""
    shared = {
        "vocab_size": len(VOCABULARY) + SPARE_ROWS,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "max_position_embeddings": MAX_POSITIONS,
        "pad_token_id": 0,
    }
    if config.family == "esm":
        return EsmConfig(
            **shared,
            position_embedding_type="rotary",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            token_dropout=False,
        )
    head_dim = config.hidden_size // config.heads
    return Qwen3Config(**shared, num_key_value_heads=config.key_value_heads, head_dim=head_dim)
