"""Small models with random weights and a tokenizer of one token for each residue, saved for `from_pretrained`."""

from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from pipeline.config import TinyBackbone
from pipeline.model.tokens import RESIDUES, SLOT

SPARE_ROWS = 8
MAX_POSITIONS = 4096
VOCABULARY = {token: index for index, token in enumerate(["<pad>", *RESIDUES, SLOT])}


def make_tiny(config: TinyBackbone, seed: int, folder: Path) -> None:
    """Save model and tokenizer in `folder`; equal settings and seeds make equal files."""
    torch.manual_seed(seed)
    Qwen3Model(tiny_config(config)).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel(VOCABULARY, unk_token="X"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", additional_special_tokens=[SLOT]
    ).save_pretrained(folder)


def tiny_config(config: TinyBackbone) -> PreTrainedConfig:
    """Return the architecture."""
    return Qwen3Config(
        vocab_size=len(VOCABULARY) + SPARE_ROWS,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.key_value_heads,
        head_dim=config.hidden_size // config.heads,
        max_position_embeddings=MAX_POSITIONS,
        pad_token_id=0,
    )
