"""Settings that a run does not use, and conflicts of several runs: each is named, and defaults never are."""

from typing import Any

import pytest

from proteinmtp.base.errors import ConfigError
from proteinmtp.base.plugins import names
from proteinmtp.config import Config, RunConfig
from proteinmtp.model.parts import HEADS
from proteinmtp.predictors.catalogue import parse_config

FULL = {"train": {"tuning": "full"}}
NOT_PRETRAINED = {"backbone": {"pretrain": {"when": "never"}}}
COORDS = {"head": {"kind": "coords"}}

IGNORED = [
    ({"slots": {"kind": "none", "positions": "continued"}}, "slots.positions", "slots.kind is none"),
    (COORDS | {"head": {"kind": "coords", "trunk": "triangle"}}, "head.trunk", "the head coords has no such option"),
    ({"head": {"kind": "coords", "width": 32}}, "head.width", "the head coords has no such option"),
    ({"head": {"kind": "frames", "max_separation": 32}}, "head.max_separation", "the head frames has no such option"),
    ({"head": {"blocks": 8}}, "head.blocks", "head.trunk is none"),
    ({"head": {"normalisation": "chain"}}, "head.normalisation", "the head distogram has no such option"),
    ({"head": {"kind": "distance", "max_length": 64}}, "head.max_length", "the head distance has no such option"),
    ({"loss": {"clamp": 5.0}}, "loss.clamp", "have no such option"),
    ({"loss": {"delta": 1.0, "terms": [{"name": "distogram"}]}}, "loss.delta", "loss.terms distogram have no such"),
    ({"train": {"tuning": "full", "lora": {"rank": 4}}}, "train.lora.rank", "train.tuning is full"),
    ({"train": {"tuning": "full", "lora": {"alpha": 4}}}, "train.lora.alpha", "train.tuning is full"),
    ({"train": {"tuning": "full", "lora": {"dropout": 0.1}}}, "train.lora.dropout", "train.tuning is full"),
    ({"train": {"tuning": "full", "lora": {"targets": ["q_proj"]}}}, "train.lora.targets", "train.tuning is full"),
    ({"train": {"epochs": 3.0, "steps": 100}}, "train.steps", "train.epochs is set"),
    ({"backbone": {"path": "somewhere"}}, "backbone.path", "backbone.kind is tiny"),
    ({"backbone": {"hub": {"id": "a/b"}}}, "backbone.hub.id", "backbone.kind is tiny"),
    (
        {"backbone": {"kind": "path", "path": "somewhere", "tiny": {"layers": 2}}},
        "backbone.tiny.layers",
        "backbone.kind is path",
    ),
    (
        {"backbone": {"tiny": {"family": "esm", "key_value_heads": 4}}, "slots": {"attention": "bidirectional"}},
        "backbone.tiny.key_value_heads",
        "backbone.tiny.family is esm",
    ),
    ({"backbone": {"pretrain": {"when": "never", "steps": 9}}}, "backbone.pretrain.steps", "pretrain.when is never"),
    ({"backbone": {"pretrain": {"when": "never", "lr": 0.1}}}, "backbone.pretrain.lr", "pretrain.when is never"),
    (
        {"backbone": {"kind": "path", "path": "somewhere", "pretrain": {"fasta": ["a"]}}},
        "backbone.pretrain.fasta",
        "pretrain.when is tiny",
    ),
    ({"backbone": {"pretrain": {"min_length": 99}}}, "backbone.pretrain.min_length", "pretrain.fasta names no file"),
    ({"backbone": {"pretrain": {"epochs": 2.0, "steps": 9}}}, "backbone.pretrain.steps", "pretrain.epochs is set"),
    ({"predict": {"offload": True}}, "predict.offload", "train.gpus is 0"),
    ({"reconstruct": {"method": "mds", "smacof_steps": 9}}, "reconstruct.smacof_steps", "reconstruct.method is mds"),
    (
        {"reconstruct": {"method": "smacof", "correlated_errors": True}},
        "reconstruct.correlated_errors",
        "reconstruct.method is smacof",
    ),
    ({"reconstruct": {"method": "mds", "gradient_steps": 9}}, "reconstruct.gradient_steps", "method is mds"),
    (COORDS | {"reconstruct": {"cap": 20.0}}, "reconstruct.cap", "the head coords predicts a trace"),
]


@pytest.mark.parametrize(("run", "key", "reason"), IGNORED, ids=[key for _, key, _ in IGNORED])
def test_a_setting_that_a_run_does_not_use_is_named(run: dict[str, Any], key: str, reason: str):
    with pytest.raises(ConfigError) as error:
        parse_config({"runs": [{"name": "a"} | run]})
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"runs[0] (a): {key}: is not used, since ") and reason in line


@pytest.mark.parametrize(("run", "key"), [(run, key) for run, key, _ in IGNORED if not key.startswith("reconstruct.")])
def test_a_setting_of_the_defaults_that_no_run_uses_is_named(run: dict[str, Any], key: str):
    with pytest.raises(ConfigError, match=f"^defaults.{key}: no run uses it, since "):
        parse_config({"defaults": run, "runs": [{"name": "a"}, {"name": "b"}]})


def test_a_setting_of_the_defaults_that_one_run_uses_is_fine():
    runs = [{"name": "a"}, {"name": "b", "head": {"kind": "distance"}, "loss": {"terms": [{"name": "huber"}]}}]
    parse_config({"defaults": {"loss": {"delta": 1.0}, "slots": {"positions": "continued"}}, "runs": runs})
    parse_config({"defaults": {"reconstruct": {"cap": 20.0}}, "runs": [{"name": "a"} | COORDS]})  # the nulls use it


def test_a_setting_that_a_run_does_not_use_is_not_among_its_own():
    runs = [{"name": "a"}, {"name": "b", "train": {"tuning": "full"}, "backbone": {"pretrain": {"when": "never"}}}]
    one, other = (
        parse_config(
            {"defaults": {"train": {"lora": {"rank": n}}, "backbone": {"pretrain": {"steps": n}}}, "runs": runs}
        )
        for n in (4, 5)
    )
    assert one.run("a") != other.run("a") and one.run("b") == other.run("b")


@pytest.mark.parametrize("head", names(HEADS))
@pytest.mark.parametrize("rest", [{}, FULL, NOT_PRETRAINED])
def test_defaults_are_never_named_though_they_stand_there(head: str, rest: dict[str, Any]):
    """As in config.yaml, which holds every key."""
    slots = {"kind": "none", "attention": "causal"} if head == "digits" else {}
    config = Config().model_dump()
    parse_config(config | {"runs": [{"name": "a", "head": {"kind": head}, "slots": slots} | rest]})
    whole = RunConfig().model_dump()
    whole["head"]["kind"], whole["slots"] = head, whole["slots"] | slots
    parse_config(config | {"runs": [{"name": "a"} | whole]})


def test_mistakes_of_all_runs_are_said_at_once():
    both = {"train": {"epochs": 3.0, "steps": 100}}
    with pytest.raises(ConfigError) as error:
        parse_config({"runs": [{"name": "a"} | both, {"name": "b"} | both]})
    assert [line[:12] for line in str(error.value).splitlines()] == ["runs[0] (a):", "runs[1] (b):"]
    with pytest.raises(ConfigError) as error:
        parse_config({"runs": [{"name": "a", "sed": 1}, {"name": "b", "train": {"steps": -1}}]})
    assert [line[:12] for line in str(error.value).splitlines()] == ["runs[0] (a):", "runs[1] (b):"]


def test_gpus_are_those_that_are_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert parse_config({"defaults": {"train": {"gpus": "auto"}}}).run("slots").train.gpus == 3
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,-1,2")
    assert parse_config({"defaults": {"train": {"gpus": "auto"}}}).run("slots").train.gpus == 1
    with pytest.raises(ConfigError, match=r"batch_size 1 is below gpus 2"):
        parse_config({"defaults": {"train": {"gpus": 2, "batch_size": 1}}})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert parse_config({"defaults": {"train": {"gpus": "auto"}}}).run("slots").train.gpus == 0
    with pytest.raises(ConfigError, match=r"^defaults.train.gpus: .*found 'all'"):
        parse_config({"defaults": {"train": {"gpus": "all"}}})
