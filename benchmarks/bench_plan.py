"""The planned peak memory beside the measured one, on the CPU: tiny backbones, lengths, batches, heads, slots.

Each row is measured in a process of its own (`measure_memory.py`).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from proteinmtp.config import RunConfig, options_json
from proteinmtp.model.backbone_folder import make_backbone
from proteinmtp.planning.plan import MIB, Device, plan_run
from proteinmtp.predictors.catalogue import parse_config

SMALL = {"hidden_size": 128, "layers": 4, "heads": 4, "key_value_heads": 2, "intermediate_size": 384}
LARGE = {"hidden_size": 256, "layers": 8, "heads": 8, "key_value_heads": 4, "intermediate_size": 1024}
HUGE = {"hidden_size": 1024, "layers": 8, "heads": 16, "key_value_heads": 8, "intermediate_size": 3072}
CAUSAL = {"kind": "placeholder", "attention": "causal"}
MUTUAL = {"kind": "none", "attention": "bidirectional"}
MASKED = {"kind": "placeholder", "attention": "bidirectional"}
CHECKPOINTED = {"tuning": "lora", "gradient_checkpointing": True}

LARGER = 4
"""Chains predicted together for each one trained on: without a backward pass a chain takes so little memory that in
smaller batches the libraries and the heap decide, not the tensors."""

CASES: list[tuple[str, dict[str, int], int, int, str, dict[str, str], dict[str, Any]]] = [
    ("128 x 4", SMALL, length, batch, head, slots, {})
    for head in ("distance", "distogram")
    for slots in (CAUSAL, MUTUAL)
    for length, batch in ((64, 32), (128, 8), (256, 8), (512, 2))
] + [
    ("256 x 8", LARGE, 256, 8, "distance", CAUSAL, {}),
    ("256 x 8", LARGE, 512, 2, "distance", CAUSAL, {}),
    ("256 x 8", LARGE, 512, 2, "distance", MASKED, {}),
    ("256 x 8", LARGE, 512, 2, "distance", CAUSAL, CHECKPOINTED),
    ("256 x 8", LARGE, 512, 2, "distogram", MUTUAL, {}),
    ("256 x 8", LARGE, 256, 8, "distance", CAUSAL, {"tuning": "lora"}),
    ("256 x 8", LARGE, 256, 8, "distance", CAUSAL, {"gradient_accumulation": 4}),
    ("1024 x 8", HUGE, 256, 2, "distance", CAUSAL, {}),
    ("1024 x 8", HUGE, 256, 2, "distance", CAUSAL, CHECKPOINTED),
    ("1024 x 8", HUGE, 256, 2, "distance", CAUSAL, {"precision": "bfloat16", "tuning": "lora"}),
]


def measured(what: str, config: RunConfig, *, backbone: Path, length: int) -> int:
    """Return the peak memory, bytes, of a process that trains or predicts."""
    script = Path(__file__).with_name("measure_memory.py")
    command = [sys.executable, str(script), what, str(backbone), str(length), options_json(config)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return int(json.loads(done.stdout.splitlines()[-1])["peak"])


def main() -> None:
    print(f"{'backbone':9} {'L':>4} {'B':>3} {'head':10} {'slots':12} {'attention':14} {'what':8} "
          f"{'planned':>8} {'measured':>8} ratio (MiB)")  # fmt: skip
    missed = rows = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name, tiny, length, batch, head, slots, train in CASES:
            run = {
                "name": "a", "backbone": {"tiny": tiny}, "head": {"kind": head}, "slots": slots,
                "train": {"batch_size": batch, **train}, "predict": {"batch_size": LARGER * batch},
            }  # fmt: skip
            config = parse_config({"runs": [run]}).run("a")
            folder = Path(scratch) / name.replace(" ", "")
            if not folder.is_dir():
                make_backbone(config.backbone, 0, folder)
            plan = plan_run("a", config, length=length, device=Device(gpu=False, memory=0))
            for what, planned in (("train", plan.training), ("predict", plan.inference)):
                peak = measured(what, config, backbone=folder, length=length)
                ratio = planned / peak
                rows, missed = rows + 1, missed + (abs(ratio - 1) > 0.15)
                chains = plan.train_chains if what == "train" else plan.predict_chains
                print(f"{name:9} {length:4} {chains:3} {head:10} {slots['kind']:12} {slots['attention']:14} {what:8} "
                      f"{planned / MIB:8.0f} {peak / MIB:8.0f} {ratio:5.2f} "
                      f"{'' if abs(ratio - 1) <= 0.15 else 'MISSED '}"
                      f"{' '.join(f'{key}={value}' for key, value in train.items())}", flush=True)  # fmt: skip
    print(f"{rows - missed} of {rows} rows within 15 %")


if __name__ == "__main__":
    main()
