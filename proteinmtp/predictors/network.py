"""Predictions of a trained run. Of a chain it sees id and sequence; there is no structure here to look at."""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from proteinmtp.base import logs
from proteinmtp.config import RunConfig
from proteinmtp.model.backbone import compute_type
from proteinmtp.model.batch import Batch, collate
from proteinmtp.model.build import load_network
from proteinmtp.model.coordinate_text import TEXT_END
from proteinmtp.model.network import Network
from proteinmtp.model.pairs import pair_index
from proteinmtp.model.prediction import PairPrediction, WrittenPrediction
from proteinmtp.model.tokens import ResidueTokenizer, Tokens
from proteinmtp.tables import distogram, triangle
from proteinmtp.tables.chains import Chain, ChainSequence
from proteinmtp.tables.predictions import PredictionRow
from proteinmtp.tables.saved_files import SavedBackbone, SavedRun, model_folder

WINDOW_PAIRS = 2**22
"""Pairs of residues of the chains that a GPU is given in the order of their lengths: about 330 MB of predictions."""


def predict_chains(
    settings: RunConfig, chains: Sequence[ChainSequence], *, backbone: Path, saved: Path
) -> Iterator[PredictionRow]:
    """Yield a row for each chain, in their order; without any, nothing is loaded.

    Parameters:
        settings: of the run.
        chains: to predict.
        backbone: folder of the language model.
        saved: folder of the trained network.
    """
    written: list[_Written] = []
    if chains:
        predictor = Predictor.load(settings, backbone=backbone, saved=saved)
        for row in logs.progress(predictor.predict(chains), "predict", len(chains)):
            if row.text is not None:
                written.append(_Written(row.length, row.failed_residues or 0, row.text.endswith(TEXT_END)))
            yield row
    logging.info("%d chains predicted", len(chains))
    _log_texts(written)


def predict_saved(
    settings: RunConfig, chains: Sequence[ChainSequence], *, backbone: Path, record: Path
) -> Iterator[PredictionRow]:
    """Predict chains as `predict_chains` does, after a check that the files are those that their records describe.

    Parameters:
        settings: of the run.
        chains: to predict; without any, nothing is checked.
        backbone: record of the backbone; its folder lies beside it.
        record: of the trained run, likewise.

    Raises:
        DataError: naming a file that is missing or changed.
    """
    if chains:
        origin = SavedBackbone.read(backbone)
        if settings.train.tuning != "full":  # else the run has weights of its own
            origin.check(model_folder(backbone), backbone)
        SavedRun.read(record).check(model_folder(record), record)
    return predict_chains(settings, chains, backbone=model_folder(backbone), saved=model_folder(record))


def batch_of(chains: Sequence[ChainSequence], tokens: Tokens) -> Batch:
    """Return a batch of chains without a structure."""
    unknown = [Chain(one.chain_id, one.sequence, np.full((len(one), 3), np.nan, np.float32)) for one in chains]
    return collate(unknown, [tokens.encode(chain.sequence) for chain in chains])


def predict_batch(network: Network[Any], batch: Batch, dtype: torch.dtype) -> PairPrediction | WrittenPrediction:
    """Return the prediction for a batch, without gradients; `dtype` is that of the frozen weights."""
    device = batch.residues.device.type
    with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
        return network.predict(batch)


@dataclass(frozen=True)
class Predictor:
    """A trained network that was loaded."""

    network: Network[Any]
    tokenizer: ResidueTokenizer
    device: torch.device
    dtype: torch.dtype
    batch_size: int

    @classmethod
    def load(cls, settings: RunConfig, *, backbone: Path, saved: Path) -> Self:
        """Load what was trained; torch takes the threads and the device of training.

        Parameters:
            settings: of the run.
            backbone: folder of the language model.
            saved: folder of the trained network.
        """
        torch.set_num_threads(settings.train.threads)
        device = torch.device("cuda" if settings.train.gpus and torch.cuda.is_available() else "cpu")
        dtype = compute_type(settings.train)
        tokenizer = ResidueTokenizer.from_folder(saved / "tokenizer")
        network = load_network(settings, backbone=backbone, saved=saved, dtype=dtype)
        network.move(device, backbone=not settings.predict.offload)
        return cls(network, tokenizer, device, dtype, settings.predict.batch_size)

    def predict(self, chains: Sequence[ChainSequence]) -> Iterator[PredictionRow]:
        """Yield a row for each chain, in their order.

        On a GPU, of some hundred chains those of like length are predicted together, and half as many where memory
        does not do. On the CPU each is predicted alone: it then has the same bits in any company, and batches are
        hardly faster.
        """
        gpu = self.device.type == "cuda"
        size = self.batch_size if gpu else 1
        for window in _windows(chains, WINDOW_PAIRS if gpu else 0):
            waiting = sorted(window, key=len, reverse=True)
            rows: dict[str, PredictionRow] = {}
            while waiting:
                members = waiting[-size:][::-1]
                try:
                    rows |= {row.chain_id: row for row in self._together(members)}
                except torch.OutOfMemoryError:
                    if size == 1:
                        raise
                    size = len(members) // 2
                    torch.cuda.empty_cache()
                    logging.warning("out of memory: %d chains together from here on", size)
                    continue
                del waiting[-len(members) :]
            yield from (rows[chain.chain_id] for chain in window)

    def _together(self, chains: Sequence[ChainSequence]) -> Iterator[PredictionRow]:
        prediction = predict_batch(self.network, batch_of(chains, self.tokenizer).to(self.device), self.dtype)
        return _rows(chains, prediction)


def _windows(chains: Sequence[ChainSequence], pairs: int) -> Iterator[list[ChainSequence]]:
    """Yield chains in their order, as many together as have so many pairs of residues, one at least."""
    window: list[ChainSequence] = []
    size = 0
    for chain in chains:
        window.append(chain)
        size += len(chain) * (len(chain) - 1) // 2
        if size >= pairs:
            yield window
            window, size = [], 0
    if window:
        yield window


def _rows(chains: Sequence[ChainSequence], prediction: PairPrediction | WrittenPrediction) -> Iterator[PredictionRow]:
    for row, chain in enumerate(chains):
        if isinstance(prediction, WrittenPrediction):
            yield _written(chain, row, prediction)
        else:
            yield _paired(chain, row, prediction)


def _paired(chain: ChainSequence, row: int, prediction: PairPrediction) -> PredictionRow:
    length = len(chain)
    dihedral, confidence = (prediction.readouts.get(name) for name in ("dihedral", "confidence"))
    return PredictionRow(
        chain_id=chain.chain_id,
        length=length,
        triu=_triangle(prediction.point[row], length),
        sigma=None if prediction.sigma is None else _triangle(prediction.sigma[row], length),
        contact=None if prediction.contact is None else _triangle(prediction.contact[row], length),
        distogram=None if prediction.logits is None else _distogram(prediction.logits[row], length),
        # As the table holds it, so that a row that never was in one is the same.
        dihedral=None if dihedral is None else _array(dihedral[row, : max(length - 3, 0)].flatten()).astype(np.float16),
        confidence=None if confidence is None else _array((100 * confidence.sigmoid())[row, :length]),
        coords=None if prediction.coords is None else _array(prediction.coords[row, :length]),
    )


def _written(chain: ChainSequence, row: int, prediction: WrittenPrediction) -> PredictionRow:
    length, reading = len(chain), prediction.readings[row]
    return PredictionRow(
        chain_id=chain.chain_id,
        length=length,
        triu=_triangle(prediction.distances[row], length),
        coords=_array(prediction.coords[row, :length]),
        text=reading.text,
        failed_residues=reading.failed,
    )


def _triangle(matrix: Tensor, length: int) -> np.ndarray:
    return triangle.pack(matrix[:length, :length].cpu().numpy())


def _distogram(logits: Tensor, length: int) -> np.ndarray:
    """Return the logits (P, bins) of the pairs of a padded chain, packed for one of so many residues."""
    own = (pair_index(_residues(len(logits)), logits.device) < length).all(0)
    return distogram.pack(logits[own].float().log_softmax(-1).cpu().numpy())


def _residues(pairs: int) -> int:
    """Return the residues of a chain that has so many pairs i < j."""
    return (1 + math.isqrt(1 + 8 * pairs)) // 2


def _array(values: Tensor) -> np.ndarray:
    array: np.ndarray = values.float().cpu().numpy()
    return array


@dataclass(frozen=True)
class _Written:
    """A text: residues of its chain, those of them that could not be read, and whether it came to an end."""

    length: int
    failed: int
    ended: bool


def _log_texts(texts: Sequence[_Written]) -> None:
    if texts:
        logging.info(
            "%d of %d residues could not be read; %d of %d texts have no end",
            sum(text.failed for text in texts), sum(text.length for text in texts),
            sum(not text.ended for text in texts), len(texts),
        )  # fmt: skip
