"""Prediction: distances of the chains of one shard, from a trained run."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline import logs
from proteinmtp.config.whole import RunConfig
from proteinmtp.tables.reader import ChainRecord, read_chains, read_subset
from proteinmtp.tables.parquet import open_table
from proteinmtp.geometry.distances import pack_upper
from proteinmtp.tables.prediction_schemas_ import PREDICTIONS
from proteinmtp.base.files import file_sha256
from proteinmtp.model.backbone import compute_type
from proteinmtp.model.batch import Batch, collate
from proteinmtp.model.coordinate_text import TEXT_END
from proteinmtp.model.network import SlotNetwork, load_network
from proteinmtp.model.prediction import Prediction
from proteinmtp.model.tokens import ResidueTokenizer

LARGEST = float(np.finfo(np.float16).max)


class ArtefactError(RuntimeError):
    """A saved model whose files are not those of its manifest."""


def predict_shard(
    config: RunConfig, chains: Path, split: Path, subset: str, backbone: Path, manifest: Path, output: Path
) -> None:
    """Predict the chains of a shard that belong to `subset`; the model is loaded once, or not at all if there are none.

    Parameters:
        config: of the run.
        chains: shard of chains.
        split: table of the subsets.
        subset: train, val or test.
        backbone: manifest of the backbone.
        manifest: of the trained model, whose files lie in the folder `model` beside it.
        output: Parquet, in the order of the shard.

    Raises:
        ArtefactError: if a file of the model is missing or changed.
    """
    torch.set_num_threads(config.train.threads)
    wanted = read_chains([chains], read_subset(split, subset))
    predicted: dict[str, dict[str, Any]] = {}
    if wanted:
        model_folder = manifest.parent / "model"
        _check(manifest, model_folder)
        device = torch.device("cuda" if config.train.gpus and torch.cuda.is_available() else "cpu")
        dtype = compute_type(config.train)
        tokenizer = ResidueTokenizer.from_folder(model_folder / "tokenizer")
        network = load_network(config, backbone.parent / "model", model_folder, dtype).to(device)
        ordered = sorted(wanted, key=len)
        batches = [
            ordered[at : at + config.predict.batch_size] for at in range(0, len(ordered), config.predict.batch_size)
        ]
        for members in logs.progress(batches, "predict", len(batches), unit="batch"):
            batch = collate(members, [tokenizer.encode(chain.sequence) for chain in members]).to(device)
            prediction = predict_batch(network, batch, dtype)
            for row, chain in enumerate(members):
                predicted[chain.chain_id] = _row(chain, row, prediction)
    _write(wanted, predicted, output)


def predict_batch(network: SlotNetwork, batch: Batch, dtype: torch.dtype) -> Prediction:
    """Return the prediction for a batch, without gradients; `dtype` is that of the frozen weights."""
    device = batch.residues.device.type
    with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
        return network.predict(batch)


def _row(chain: ChainRecord, row: int, found: Prediction) -> dict[str, Any]:
    length = len(chain)

    def triangle(matrix: Tensor | None) -> np.ndarray | None:
        if matrix is None:
            return None
        return pack_upper(matrix[row, :length, :length].clamp(max=LARGEST).cpu().numpy()).astype(np.float16)

    def residues(values: Tensor | None) -> np.ndarray | None:
        return None if values is None else values[row].float().cpu().numpy()

    reading = None if found.readings is None else found.readings[row]
    confidence = None if found.confidence is None else 100 * found.confidence.sigmoid()
    return {
        "chain_id": chain.chain_id,
        "length": length,
        "triu": triangle(found.point),
        "sigma": triangle(found.sigma),
        "contact": triangle(found.contact),
        "dihedral": residues(None if found.dihedral is None else found.dihedral[:, : max(length - 3, 0)].flatten(1)),
        "confidence": residues(None if confidence is None else confidence[:, :length]),
        "coords": residues(None if found.coords is None else found.coords[:, :length]),
        "text": None if reading is None else reading.text,
        "failed_residues": None if reading is None else reading.failed,
    }


def _write(wanted: list[ChainRecord], predicted: dict[str, dict[str, Any]], output: Path) -> None:
    with open_table(output, PREDICTIONS) as table:
        for chain in wanted:
            table.add(predicted[chain.chain_id])
    logging.info("%d chains predicted", len(wanted))
    texts = [row for row in predicted.values() if row["text"] is not None]
    if texts:
        logging.info(
            "%d of %d residues could not be read; %d of %d texts have no end",
            sum(row["failed_residues"] for row in texts), sum(row["length"] for row in texts),
            sum(not row["text"].endswith(TEXT_END) for row in texts), len(texts),
        )  # fmt: skip


def _check(manifest: Path, folder: Path) -> None:
    for name, digest in json.loads(manifest.read_text(encoding="utf-8"))["files"].items():
        if not (folder / name).is_file() or file_sha256(folder / name) != digest:
            raise ArtefactError(
                f"{folder / name} is missing or changed since training; delete {manifest} to train again"
            )
