"""The two forms of label-wise attention beside each other, on chains learned by heart and on chains held out.

    snakemake -j 2 split --configfile workflow/presets/short-chains.yaml
    python benchmarks/choose_label_wise.py results/short-chains

The tiny backbone, causal slots, the usual loss of coordinates; `coordinate_wise` gets the pooled prompt by
`slots.pooled`, since it has no token of its own for it. Prints Markdown rows. `frame` is the root mean square
error in the frame of the file, without superposition, which is what is trained; distance error and lDDT are those of
the distances. The mean point of all training residues is the null. Test chains are not read.
"""

import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from proteinmtp.config import RunConfig
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.lddt import lddt
from proteinmtp.model.backbone_folder import make_backbone
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.predictors.catalogue import parse_config
from proteinmtp.predictors.network import batch_of
from proteinmtp.tables.chains import Chain, read_chains
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset
from proteinmtp.training.loop import TrainingRun, trained

TRAINING, HELD_OUT, STEPS, BATCH, LONGEST = 60, 30, 300, 8, 128
SEEDS = (0, 1)

FORMS: dict[str, dict[str, Any]] = {
    "label_wise": {"head": {"kind": "label_wise"}},
    "coordinate_wise": {"head": {"kind": "coordinate_wise"}, "slots": {"pooled": True}},
}


def settings(form: str, positions: str) -> RunConfig:
    changes = FORMS[form]
    run = {
        "name": "a",
        "slots": {"kind": "placeholder", "attention": "causal", "positions": positions, **changes.get("slots", {})},
        "head": {**changes["head"], "max_length": LONGEST},
        "train": {"steps": STEPS, "batch_size": BATCH, "validate_every": STEPS, "threads": 1},
    }
    return parse_config({"runs": [run]}).run("a")


def errors(coords: np.ndarray, chain: Chain) -> tuple[float, float, float]:
    """Return the error in the frame of the file and of the distances, angstrom, and lDDT."""
    seen = np.isfinite(chain.coords).all(1)
    ours, true = (torch.from_numpy(points[seen].astype(np.float64)) for points in (coords, chain.coords))
    near, far = pairwise_distances(ours), pairwise_distances(true)
    pairs = tuple(np.triu_indices(len(true), 1))
    return float((ours - true).square().sum(1).mean().sqrt()), float((near - far).abs()[pairs].mean()), lddt(near, far)


def row(title: str, *found: Sequence[tuple[float, float, float]]) -> None:
    cells = ["{:.2f} | {:.2f} | {:.3f}".format(*np.mean(chains, axis=0)) for chains in found]
    print(f"| {title} | {' | '.join(cells)} |", flush=True)


def measure(
    config: RunConfig, seed: int, *, training: list[Chain], held: list[Chain], folder: Path
) -> list[list[tuple[float, float, float]]]:
    backbone = folder / "model"
    make_backbone(config.backbone, seed, backbone)
    job = TrainingRun(
        name="a",
        settings=config,
        seed=seed,
        training=training,
        validation=[],
        backbone=backbone,
        work=folder / "work",
    )
    tokenizer = ResidueTokenizer.from_folder(backbone)
    with trained(job) as result, torch.no_grad():
        network = result.network.eval()
        return [
            [errors(network(batch_of([chain], tokenizer)).coords[0].numpy(), chain) for chain in chains]
            for chains in (training, held)
        ]


def main() -> None:
    torch.set_num_threads(1)
    data = Path(sys.argv[1]) / "data"
    shards = Shards(data / "chains", len(list((data / "chains").glob("*.parquet"))))
    chosen = []
    for subset, count in (("train", TRAINING), ("val", HELD_OUT)):
        names = sorted(read_subset(data / "split.parquet", subset))
        random.Random(0).shuffle(names)
        chosen.append(read_chains(shards, set(names[:count])))
    training, held = chosen
    print(f"{len(training)} training chains, {len(held)} held out, {STEPS} steps of {BATCH}")
    middle = np.nanmean(np.concatenate([chain.coords for chain in training]), axis=0)
    row("mean point", *([errors(np.tile(middle, (len(one), 1)), one) for one in chains] for chains in chosen))
    for positions in ("continued", "aligned"):
        for form in FORMS:
            for seed in SEEDS:
                with tempfile.TemporaryDirectory() as name:
                    found = measure(settings(form, positions), seed, training=training, held=held, folder=Path(name))
                row(f"{form}, {positions}, seed {seed}", *found)


if __name__ == "__main__":
    main()
