"""Peak GPU memory of training and prediction with large language models, beside the plan and a limit.

The models have the shapes of Qwen3-8B and Qwen2.5-0.5B and random weights: what they predict means nothing, what they
need of memory is the same. Nothing is downloaded; Qwen3-8B takes 16 GB of scratch space. Each row is measured in a
process of its own (`measure_memory.py`, torch.cuda.max_memory_allocated).

`--plan` prints the plans alone and needs no GPU.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from bench_plan import measured
from transformers import PreTrainedConfig

from proteinmtp.config import RunConfig, TinyBackbone
from proteinmtp.model.backbone import bare_model
from proteinmtp.model.published import MODELS
from proteinmtp.model.tiny import make_tiny
from proteinmtp.planning.plan import GIB, Device, Plan, plan_run
from proteinmtp.predictors.catalogue import parse_config

LENGTH = 512
SMALLEST = TinyBackbone(hidden_size=16, layers=1, heads=1, key_value_heads=1, intermediate_size=16)


@dataclass(frozen=True)
class Case:
    """A shape, how it is held and tuned, and the GiB that training and prediction may take."""

    shape: str
    name: str
    train: dict[str, Any]
    limits: tuple[float, float] | None = None


def shapes() -> dict[str, PreTrainedConfig]:
    """Return the architectures, from the config.json of the published models."""
    return {name: MODELS[f"Qwen/{name}"].architecture() for name in ("Qwen3-8B", "Qwen2.5-0.5B")}


CHECKPOINTED = {"gradient_checkpointing": True}
CASES = [
    Case("Qwen3-8B", "nf4", {"quantization": "nf4", **CHECKPOINTED}, (12, 8)),
    Case("Qwen3-8B", "bf16", CHECKPOINTED, (24, 24)),
    Case("Qwen2.5-0.5B", "nf4", {"quantization": "nf4", **CHECKPOINTED}),
    Case("Qwen2.5-0.5B", "bf16", CHECKPOINTED),
    Case("Qwen2.5-0.5B", "bf16, all activations kept", {}),
]


def write_architecture(settings: PreTrainedConfig, folder: Path) -> None:
    """Write config.json and a tokenizer of residues, without weights."""
    make_tiny(SMALLEST, 0, folder)
    (folder / "model.safetensors").unlink()
    settings.save_pretrained(folder)


def write_weights(settings: PreTrainedConfig, folder: Path, device: str) -> None:
    """Write random weights, drawn on `device`."""
    with torch.device(device):
        model = bare_model(settings)
    model.save_pretrained(folder)


def run_config(case: Case, folder: Path) -> RunConfig:
    """Return the settings of a case: two tokens a residue, a distogram, LoRA of rank 8, one chain at a time."""
    run = {
        "name": "bench",
        "backbone": {"kind": "path", "path": str(folder)},
        "slots": {"kind": "placeholder", "attention": "causal"},
        "head": {"kind": "distogram"},
        "train": {"tuning": "lora", "lora": {"rank": 8}, "batch_size": 1, "gpus": 1, **case.train},
        "predict": {"batch_size": 1},
    }
    return parse_config({"runs": [run]}).run("bench")


def planned(case: Case, folder: Path, length: int) -> Plan:
    """Return the plan for a GPU of any size."""
    return plan_run(case.name, run_config(case, folder), length=length, device=Device(gpu=True, memory=0))


def line(case: Case, what: str, *, plan: int, measured: int | None, limit: float | None) -> str:
    """Return a row of the table, GiB."""
    numbers = f"{plan / GIB:8.2f} {'-' if measured is None else f'{measured / GIB:.2f}':>8}"
    ratio = "-" if measured is None else f"{plan / measured:.2f}"
    verdict = "" if limit is None else f"{'within' if (measured or plan) <= limit * GIB else 'ABOVE'} {limit:g} GiB"
    return f"{case.shape:13} {case.name:27} {what:8} {numbers} {ratio:>5}  {verdict}".rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", action="store_true", help="print the plans alone")
    only_plan = parser.parse_args().plan
    if not only_plan and not torch.cuda.is_available():
        sys.exit("bench_gpu: there is no GPU here, so nothing is measured; --plan prints what is planned")
    print(f"{'shape':13} {'LoRA r=8, L=512, one chain':27} {'what':8} {'planned':>8} {'measured':>8} ratio  (GiB)")
    with tempfile.TemporaryDirectory() as scratch:
        for shape, settings in shapes().items():
            folder = Path(scratch) / shape
            write_architecture(settings, folder)
            if not only_plan:
                write_weights(settings, folder, "cuda")
            for case in (case for case in CASES if case.shape == shape):
                plan = planned(case, folder, LENGTH)
                limits = case.limits or (None, None)
                for what, bytes_, limit in zip(
                    ("train", "predict"), (plan.training, plan.inference), limits, strict=True
                ):
                    config = run_config(case, folder)
                    peak = None if only_plan else measured(what, config, backbone=folder, length=LENGTH)
                    print(line(case, what, plan=bytes_, measured=peak, limit=limit), flush=True)


if __name__ == "__main__":
    main()
