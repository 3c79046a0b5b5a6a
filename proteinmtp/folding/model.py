"""Folding with a trained model: sequences in, C-alpha traces with confidence out.

Each chain is computed as the workflow computes it, by the same code, so on the CPU it gets the same bits.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from psutil import virtual_memory

from proteinmtp.base.errors import DataError, UserError
from proteinmtp.base.files import text_sha256
from proteinmtp.config import RunConfig
from proteinmtp.folding.artefact import MODEL, Opened
from proteinmtp.folding.sequences import Target, targets_of
from proteinmtp.folding.workers import rebuilding
from proteinmtp.model.backbone import Architecture
from proteinmtp.model.fixed_length import FixedLengthHead
from proteinmtp.predictors.network import Predictor
from proteinmtp.predictors.traces import batches
from proteinmtp.structures.writing import write_trace
from proteinmtp.tables import triangle
from proteinmtp.tables.chains import ChainSequence
from proteinmtp.tables.predictions import PredictionRow
from proteinmtp.tables.traces import TraceRow

BYTES_PER_PAIR = 1000
"""Main memory beside the model for each entry of the L x L matrix of the longest chain, as measured; docs/fold.md."""


@dataclass(frozen=True, eq=False, repr=False)
class Folded:
    """A folded sequence of L residues.

    Attributes:
        name: of the sequence.
        sequence: L letters.
        coords: (L, 3) float64, C-alpha atoms, angstrom.
        confidence: (L,) expected lDDT of each residue, 0..100; None if the model says none.
        prediction: as it stands in the workflow's table.
        trace: likewise.
        title: what structure files say of it.
    """

    name: str
    sequence: str
    coords: np.ndarray
    confidence: np.ndarray | None
    prediction: PredictionRow
    trace: TraceRow
    title: str

    def __repr__(self) -> str:
        confidence = "" if self.confidence is None else f", mean confidence {self.confidence.mean():.0f}"
        return f"<{self.name}, {len(self.sequence)} residues{confidence}>"

    @cached_property
    def distances(self) -> np.ndarray:
        """(L, L) predicted distances of C-alpha atoms, angstrom, to three digits as they are stored."""
        return triangle.unpack(self.prediction.triu, len(self.sequence))

    @cached_property
    def sigma(self) -> np.ndarray | None:
        """(L, L) their standard deviation, angstrom; None if the model says none."""
        return self._matrix(self.prediction.sigma)

    @cached_property
    def contacts(self) -> np.ndarray | None:
        """(L, L) probability that a pair is nearer than 8 angstrom; None if the model says none."""
        return self._matrix(self.prediction.contact)

    def write(self, path: str | Path) -> None:
        """Write the trace as mmCIF (.cif) or PDB (.pdb), the confidence as B-factors.

        Raises:
            UserError: if the name ends otherwise.

        >>> import proteinmtp
        >>> proteinmtp.load("results/runs/slots").fold(["MKVLAAGIVALLLAACSSNKEV"])[0].write("out.pdb")
        >>> len([line for line in open("out.pdb") if line.startswith("ATOM")])
        22
        """
        if Path(path).suffix.lower() not in (".cif", ".pdb"):
            raise UserError(f"{path}: the name must end in .cif or .pdb")
        write_trace(
            Path(path), sequence=self.sequence, coords=self.coords, confidence=self.confidence, title=self.title
        )

    def scores(self) -> dict[str, float | str | int | None]:
        """Return what the model itself says of the trace, without any experiment.

        mean_confidence is 0..100; expected_lddt 0..1 as the distogram alone expects it; hand_margin and energy nats per
        residue; stress angstrom; start is the family of starts that won.

        >>> import proteinmtp
        >>> scores = proteinmtp.load("results/runs/slots").fold(["MKVLAAGIVALLLAACSSNKEV"])[0].scores()
        >>> scores["length"], 0 <= scores["mean_confidence"] <= 100
        (22, True)
        """
        length = len(self.sequence)
        method, _, family = self.trace.method.partition(", ")
        return {
            "length": length,
            "mean_confidence": None if self.confidence is None else float(self.confidence.mean()),
            "expected_lddt": None if self.trace.confidence is None else float(self.trace.confidence.mean() / 100),
            "energy": None if self.trace.energy is None else self.trace.energy / length,
            "hand_margin": _finite(self.trace.mirror_margin),
            "mixed_hand": _finite(self.trace.mixed_hand),
            "stress": _finite(self.trace.stress),
            "method": method,
            "start": family or None,
        }

    def _matrix(self, packed: np.ndarray | None) -> np.ndarray | None:
        return None if packed is None else triangle.unpack(packed, len(self.sequence))


@contextmanager
def _memory_for(length: int) -> Iterator[None]:
    """End with a line that says at which length memory was not enough."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        # On the CPU torch raises no class of its own. A process that dies does not say why.
        known = isinstance(error, (MemoryError, torch.OutOfMemoryError, BrokenProcessPool))
        if not known and "allocate memory" not in str(error):
            raise
        raise DataError(
            f"memory ended with a sequence of {length} residues; what is done is kept. Leave out long ones by"
            " --max-length, or say -j 1, which takes less"
        ) from error


def _finite(value: float) -> float | None:
    """Return a number, or None for what a trace of one residue or none has."""
    return value if np.isfinite(value) else None


class FoldingModel:
    """A trained model that folds sequences.

    Parameters:
        opened: its folder.
        settings: of the run, with what was asked for otherwise.
    """

    def __init__(self, opened: Opened, settings: RunConfig):
        self.name = opened.record.run
        self.settings = settings
        self._opened = opened
        self._predictor = Predictor.load(settings, backbone=opened.base, saved=opened.folder / MODEL)
        made_by = opened.record.versions.get("proteinmtp", "")
        self.title = f"C-alpha trace predicted by {self.name} ({opened.record.digest[:12]}), ProteinMTP {made_by}"

    def __repr__(self) -> str:
        return f"<{self.title}>"

    @property
    def key(self) -> str:
        """What traces depend on: a hash of the model's files and of the settings in use."""
        return text_sha256(self._opened.record.digest, self.settings.model_dump_json())

    @property
    def longest(self) -> int:
        """Residues of the longest chain that the model has positions and outputs for, and this machine memory."""
        network = self._predictor.network
        positions = Architecture.of(network.backbone.config).positions
        limits = [math.isqrt(virtual_memory().total // BYTES_PER_PAIR)]
        if isinstance(network.head, FixedLengthHead):
            limits.append(network.head.max_length)
        if positions is not None:
            limits.append((positions - self.tokens_of(0)) // (self.tokens_of(2) - self.tokens_of(1)))
        return min(limits)

    def tokens_of(self, length: int) -> int:
        """Return how many tokens a chain of `length` residues is."""
        return self._predictor.network.tokens_of(length)

    def fold(self, sequences: Sequence[str]) -> list[Folded]:
        """Fold sequences; they are called record-1, record-2 and so on.

        Raises:
            DataError: naming the first that cannot be folded.
            TypeError: if it is one text, not several.

        >>> import proteinmtp
        >>> model = proteinmtp.load("results/runs/slots")
        >>> for found in model.fold(["MKVLAAGIVALLLAACSSNKEV", "GSHMKVLAAGIV"]):
        ...     print(found.name, found.coords.shape, found.distances.shape, found.confidence.shape)
        record-1 (22, 3) (22, 22) (22,)
        record-2 (12, 3) (12, 12) (12,)
        """
        if isinstance(sequences, str):
            raise TypeError("fold takes a list of sequences: model.fold([sequence])")
        if not all(isinstance(sequence, str) for sequence in sequences):
            raise TypeError("fold takes a list of texts, one for each sequence")
        targets, refused = targets_of([("", sequence) for sequence in sequences], longest=self.longest)
        if refused:
            raise DataError(f"sequence {refused[0].record}: {refused[0].reason}")
        folded = {one.name: one for one in self.fold_each(targets)}
        return [folded[target.name] for target in targets]

    def fold_each(self, targets: Sequence[Target], *, workers: int = 1) -> Iterator[Folded]:
        """Yield each sequence folded, short ones first, if not the very shortest; those of like length together.

        Parameters:
            targets: with names that differ.
            workers: processes that rebuild traces, to the same bits, while this one predicts. With more than one the
                program that calls must be guarded by `if __name__ == "__main__"`.
        """
        sequences = {target.name: target.sequence for target in targets}
        lengths = {name: len(sequence) for name, sequence in sequences.items()}
        config = self.settings.reconstruct
        waiting: deque[tuple[list[PredictionRow], Future[list[TraceRow]]]] = deque()
        with rebuilding(workers, self._opened.hand, config) as submit:
            ordered = list(batches(lengths, config))
            # Small ones at the end, so that no process waits long for the last of another.
            small = 2 * workers if workers > 1 else 0
            for names in [*ordered[small:], *ordered[:small]]:
                with _memory_for(max(map(lengths.__getitem__, names))):
                    rows = list(self._predictor.predict([ChainSequence(name, sequences[name]) for name in names]))
                    waiting.append((rows, submit(rows, {name: sequences[name] for name in names})))
                while len(waiting) > 2 * workers or (waiting and waiting[0][1].done()):
                    yield from self._folded(sequences, *waiting.popleft())
            while waiting:
                yield from self._folded(sequences, *waiting.popleft())

    def _folded(
        self, sequences: Mapping[str, str], rows: Sequence[PredictionRow], traces: "Future[list[TraceRow]]"
    ) -> Iterator[Folded]:
        with _memory_for(max(row.length for row in rows)):
            rebuilt = traces.result()
        for row, trace in zip(rows, rebuilt, strict=True):
            yield Folded(
                name=row.chain_id,
                sequence=sequences[row.chain_id],
                coords=trace.coords,
                confidence=self._worth(row, trace),
                prediction=row,
                trace=trace,
                title=self.title,
            )

    def _worth(self, row: PredictionRow, trace: TraceRow) -> np.ndarray | None:
        curve = self._opened.calibration
        if curve is None or trace.confidence is None:
            return row.confidence
        return curve.apply(trace.confidence)
