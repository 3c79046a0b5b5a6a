"""Small models of several families, saved as their authors save them: weights, config.json, tokenizer files."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    EsmConfig,
    EsmForMaskedLM,
    EsmTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from proteinmtp.config import TinyBackbone
from proteinmtp.model.tiny import VOCABULARY, make_tiny

PROTEINS = ["MKVLITGAGS" * 4, "ACDEFGHIKLMNPQRSTVWYX", "GAGSMKVLIT MKVL GAGS"] * 20
TEXT = ["Fold this protein: ", "the structure of a protein", "A C D E F G H I K L M N P Q R S T V W Y X"] * 20
ESM_TOKENS = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>"]
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def save_esm(folder: Path, **changes: object) -> Path:
    """An ESM-2 model with its 33 tokens, saved with the masked language model's head, as on the hub."""
    torch.manual_seed(7)
    settings = {
        "vocab_size": len(ESM_TOKENS), "pad_token_id": 1, "mask_token_id": 32, "position_embedding_type": "rotary",
        "token_dropout": True, "emb_layer_norm_before": False, "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0, "max_position_embeddings": 1026,
    }  # fmt: skip
    EsmForMaskedLM(EsmConfig(**SHAPE, **(settings | changes))).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(ESM_TOKENS))
    EsmTokenizer(folder / "vocab.txt").save_pretrained(folder)
    return folder


def save_qwen(folder: Path) -> Path:
    """A Qwen2 model with a byte-level BPE tokenizer that was trained on proteins, so that residues share tokens."""
    torch.manual_seed(7)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(PROTEINS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    settings = Qwen2Config(**SHAPE, num_key_value_heads=1, vocab_size=tokenizer.get_vocab_size() + 4, pad_token_id=0)
    Qwen2ForCausalLM(settings).save_pretrained(folder)
    return folder


def save_llama(folder: Path, kind: str) -> Path:
    """A Llama model with a SentencePiece tokenizer (BPE or Unigram), whose texts begin with a word mark and <s>."""
    torch.manual_seed(7)
    special = ["<unk>", "<s>", "</s>"]
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special)
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=True)
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>")
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(PROTEINS + TEXT, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    LlamaForCausalLM(
        LlamaConfig(**SHAPE, num_key_value_heads=1, vocab_size=tokenizer.get_vocab_size(), pad_token_id=0)
    ).save_pretrained(folder)
    return folder


def save_encoder(folder: Path, family: str) -> Path:
    """An encoder of the family esm or modernbert, the latter with the tokenizer of the tiny backbone."""
    if family == "esm":
        return save_esm(folder)
    make_tiny(TinyBackbone(hidden_size=32, layers=1, heads=2, key_value_heads=1, intermediate_size=64), 0, folder)
    torch.manual_seed(7)
    ModernBertForMaskedLM(
        ModernBertConfig(
            **SHAPE, vocab_size=len(VOCABULARY), pad_token_id=0, bos_token_id=None, eos_token_id=None,
            cls_token_id=None, sep_token_id=None, max_position_embeddings=512, local_attention=8,
        )
    ).save_pretrained(folder)  # fmt: skip
    return folder
