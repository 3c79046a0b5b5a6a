"""Peak memory of real training steps, or of real predictions, of a run; one process, one number.

Prints JSON: `peak`, bytes: on a CPU the growth of resident memory from before the network is built to its highest, on a
GPU torch.cuda.max_memory_allocated; `seconds` of the last step. The plan of the same run is `proteinmtp plan`.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.optim import AdamW

from proteinmtp.config import RunConfig
from proteinmtp.model.backbone import compute_type
from proteinmtp.model.batch import collate
from proteinmtp.model.build import build_network
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.predictors.network import predict_batch
from proteinmtp.tables.chains import Chain
from proteinmtp.training.step import TrainingStep

STEPS = 3


def resident(field: str) -> int:
    """Return bytes: VmRSS, now, or VmHWM, the most since `begin`."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def begin(gpu: bool) -> int:
    if gpu:
        torch.cuda.reset_peak_memory_stats()
        return 0
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the highest so far is forgotten
    return resident("VmRSS")


def train(config: RunConfig, backbone: Path, chains: list[Chain]) -> float:
    dtype = compute_type(config.train)
    accelerator = Accelerator(cpu=config.train.gpus == 0, mixed_precision="bf16" if dtype is torch.bfloat16 else "no")
    network = build_network(config, backbone, dtype=dtype, seed=0)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    model, optimizer = accelerator.prepare(network, AdamW(trained, lr=config.train.lr))
    tokenizer = ResidueTokenizer.from_folder(backbone)
    step = TrainingStep(accelerator, model=model, optimizer=optimizer, options=config.train, tokens=tokenizer)
    for _ in range(STEPS):
        began = time.monotonic()
        step.take(chains, 1e-5)
    return time.monotonic() - began


def predict(config: RunConfig, backbone: Path, chains: list[Chain]) -> float:
    """Predict with an untrained network, whose adapter and head are those of a trained one in all but content."""
    device = torch.device("cuda" if config.train.gpus and torch.cuda.is_available() else "cpu")
    dtype = compute_type(config.train)
    network = build_network(config, backbone, dtype=dtype, seed=0).to(device).eval()
    tokenizer = ResidueTokenizer.from_folder(backbone)
    for _ in range(STEPS):
        began = time.monotonic()
        batch = collate(chains, [tokenizer.encode(chain.sequence) for chain in chains]).to(device)
        prediction = predict_batch(network, batch, dtype)
    del prediction
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["train", "predict"])
    parser.add_argument("backbone", type=Path, help="folder that from_pretrained reads")
    parser.add_argument("length", type=int)
    parser.add_argument("options", help="the run's settings as JSON")
    arguments = parser.parse_args()
    config = RunConfig.model_validate_json(arguments.options)
    torch.set_num_threads(config.train.threads)
    number = config.train.batch_size if arguments.what == "train" else config.predict.batch_size
    rng = np.random.default_rng(0)
    walk = rng.normal(0, 2.2, (number, arguments.length, 3)).cumsum(1).astype(np.float32)
    chains = [Chain(str(index), "A" * arguments.length, coords) for index, coords in enumerate(walk)]
    gpu = bool(config.train.gpus) and torch.cuda.is_available()
    before = begin(gpu)
    seconds = (train if arguments.what == "train" else predict)(config, arguments.backbone, chains)
    peak = torch.cuda.max_memory_allocated() if gpu else resident("VmHWM") - before
    print(json.dumps({"peak": peak, "seconds": seconds}))


if __name__ == "__main__":
    main()
