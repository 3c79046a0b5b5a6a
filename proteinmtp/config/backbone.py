"""Which language model lies under the slots, and from where."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from proteinmtp.config.loop import LoopConfig
from proteinmtp.config.section import Section


class TinyBackbone(Section):
    """A small model with random weights and its own residue tokenizer, for machines without a model hub."""

    family: Literal["qwen3", "esm"] = Field(
        "qwen3", description="qwen3: causal, as a text model; esm: an encoder, as a protein model"
    )
    hidden_size: int = Field(128, ge=16, le=65_536, description="width of the hidden states")
    layers: int = Field(4, ge=1, le=1000, description="transformer layers")
    heads: int = Field(4, ge=1, le=1000, description="attention heads")
    key_value_heads: int = Field(2, ge=1, le=1000, description="key and value heads, grouped-query attention (qwen3)")
    intermediate_size: int = Field(384, ge=16, le=1_000_000, description="width of the feed-forward layers")

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> TinyBackbone:
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"backbone.tiny: hidden_size {self.hidden_size} must be a multiple of 2 x heads {self.heads}"
            )
        if self.family == "qwen3" and self.heads % self.key_value_heads:
            raise ValueError(
                f"backbone.tiny: heads {self.heads} must be a multiple of key_value_heads {self.key_value_heads}"
            )
        return self


class HubBackbone(Section):
    """A model of the Hugging Face hub."""

    id: str | None = Field(None, description="model id, for example Qwen/Qwen2.5-0.5B")
    revision: str | None = Field(None, description="commit of the model repository, 40 hexadecimal digits")


class Corpus(Section):
    """Which sequences a backbone learns, and how."""

    when: Literal["tiny", "always", "never"] = Field(
        "tiny", description="tiny: where the backbone is tiny, which knows nothing else; always; never"
    )
    objective: Literal["auto", "causal", "masked"] = Field(
        "auto", description="causal: the next residue; masked: hidden residues; auto: masked for encoders, else causal"
    )
    chains: bool = Field(True, description="whether to train on the sequences of the split's training chains")
    fasta: list[str] = Field(
        [],
        description="FASTA files, also .gz, to train on; relatives of validation and test chains are left out where"
        " the split holds out clusters",
    )
    min_length: int = Field(30, ge=2, description="residues of the shortest sequence of a FASTA file that is taken")
    max_length: int = Field(512, ge=2, description="residues; longer sequences are cut into pieces")


class PretrainConfig(LoopConfig, Corpus):
    """Training of the backbone on sequences, all its weights, before runs begin with it."""

    steps: int = Field(300, ge=0, description="optimiser steps")

    @model_validator(mode="after")
    def _something_to_learn_from(self) -> PretrainConfig:
        if self.when != "never" and not (self.chains or self.fasta):
            raise ValueError("backbone.pretrain: without chains and fasta there is nothing to train on")
        return self


class BackboneConfig(Section):
    """The language model under the slots."""

    kind: Literal["tiny", "path", "hub"] = Field("tiny", description="tiny (random weights), path or hub")
    tiny: TinyBackbone = TinyBackbone()
    path: str | None = Field(None, description="kind path: folder that from_pretrained reads (safetensors)")
    hub: HubBackbone = HubBackbone()
    random: bool = Field(
        False,
        description="the given architecture with random weights (path, hub): the control for what pretraining is worth",
    )
    pretrain: PretrainConfig = PretrainConfig()

    @model_validator(mode="after")
    def _source_is_named(self) -> BackboneConfig:
        if self.kind == "path" and not self.path:
            raise ValueError("backbone.kind is 'path', so backbone.path must name a folder")
        if self.kind == "hub" and not self.hub.id:
            raise ValueError("backbone.kind is 'hub', so backbone.hub.id must name a model")
        if self.kind == "hub" and not re.fullmatch(r"[0-9a-f]{40}", self.hub.revision or ""):
            raise ValueError(
                "backbone.hub.revision must be the 40-digit commit of the model repository, "
                "so that a rerun uses the same weights"
            )
        if self.kind == "tiny" and self.random:
            raise ValueError("backbone.random is for kinds 'path' and 'hub'; 'tiny' has random weights anyway")
        return self
