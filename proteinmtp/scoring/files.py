"""Scores of structure files: one pair, or a table of pairs."""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from proteinmtp.base.metrics import NAMES
from proteinmtp.scoring.chain import MIN_OBSERVED, score_chain
from proteinmtp.base.logs import progress
from proteinmtp.base.files import atomic
from proteinmtp.structures.pairing import Pairing, PairingError, pair, place_chain
from proteinmtp.structures.polymers import Polymer
from proteinmtp.structures.protein_chains import StructureError, read_protein_chains

PAIR_COLUMNS = ("native", "model")
MORE_COLUMNS = ("name", "seqres", "native_chain", "model_chain")
COUNTS = ("length", "observed", "placed")
FILES_KEPT = 8
LEAST_PLACED = 0.9
"""Share of the native's residues that its full sequence must hold."""


class ScoreError(ValueError):
    """A pair, or a table of pairs, that cannot be scored; in one line."""


@dataclass(frozen=True)
class FileScores:
    """Scores of one model.

    Attributes:
        native_chain, model_chain: names of the chains that were scored.
        length: residues of the full sequence.
        observed: residues of the native with a C-alpha position; TM-score and GDT are divided by it.
        placed: observed residues that the model has too.
        identity: fraction of the model's residues on the sequence that have its letter.
        scores: a value for each of `proteinmtp.base.metrics.NAMES`; None where there is none.
    """

    native_chain: str
    model_chain: str
    length: int
    observed: int
    placed: int
    identity: float
    scores: dict[str, float | None]

    def as_row(self) -> dict[str, Any]:
        """Return all values, the scores among them, as one flat dict."""
        counts = {name: getattr(self, name) for name in COUNTS}
        chains = {"native_chain": self.native_chain, "model_chain": self.model_chain}
        return {**chains, **counts, "identity": self.identity, **self.scores}


def score_files(
    native: Path,
    model: Path,
    sequence: str | None = None,
    native_chain: str | None = None,
    model_chain: str | None = None,
    pairing: Pairing = "residues",
) -> FileScores:
    """Score a model file against a native file.

    Parameters:
        native, model: PDB or mmCIF, gzip too.
        sequence: full sequence of the native (SEQRES), if the file does not state it.
        native_chain: by default the first protein chain.
        model_chain: by default the chain of which most residues fit, the first of equals.
        pairing: see `proteinmtp.structures.pairing`.

    Raises:
        ScoreError: if a file cannot be read, has no such chain, or too few residues have a counterpart.
    """
    sequence = None if sequence is None else _checked(sequence)
    try:
        fixed = _chain(_chains(native), native_chain, native)
        candidates = _chains(model)
        mobile = (
            _best(candidates, sequence or fixed.sequence or fixed.letters, pairing)
            if model_chain is None
            else _chain(candidates, model_chain, model)
        )
        found = pair(fixed, mobile, sequence, pairing)
    except (StructureError, PairingError) as error:
        raise ScoreError(str(error)) from error
    if found.placed < MIN_OBSERVED:
        raise ScoreError(
            f"{model.name}: {found.placed} residues with a counterpart, at least {MIN_OBSERVED} are needed"
        )
    observed = int(np.isfinite(found.native).all(1).sum())
    stated = int(np.isfinite(fixed.coords).all(1).sum())
    if observed < LEAST_PLACED * stated:
        raise ScoreError(f"{native.name}: only {observed} of {stated} residues have a place on the full sequence")
    if observed < stated:
        logging.warning(
            "%s: %d residues have no place on the full sequence and do not count", native.name, stated - observed
        )
    values = score_chain(None, found.model, found.native)
    return FileScores(
        native_chain=fixed.chain,
        model_chain=mobile.chain,
        length=len(found.sequence),
        observed=observed,
        placed=found.placed,
        identity=found.identity,
        scores={name: values[name] for name in NAMES},
    )


def describe(native: Path, model: Path, result: FileScores) -> str:
    """Return the scores of a pair as lines for a person."""
    width = max(map(len, result.scores))
    lines = [
        f"native {native.name}, chain {result.native_chain!r}: {result.observed} of {result.length} residues observed",
        f"model  {model.name}, chain {result.model_chain!r}: {result.placed} of them placed, "
        f"{result.identity:.1%} identical",
    ]
    for name, value in result.scores.items():
        lines.append(f"  {name:{width}}  {'-' if value is None else f'{value:.4f}'}")
    return "\n".join(lines)


def read_pairs(table: Path) -> list[dict[str, str | None]]:
    """Return the rows of a table of pairs: `native`, `model`, and any of `MORE_COLUMNS`; others are left out.

    Parameters:
        table: CSV, TSV or Parquet; paths in it are relative to its folder.

    Raises:
        ScoreError: if it cannot be read, lacks a column, or has no rows.
    """
    try:
        if table.suffix == ".parquet":
            frame = pl.read_parquet(table)
        else:
            frame = pl.read_csv(table, infer_schema=False, separator="\t" if table.suffix == ".tsv" else ",")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ScoreError(f"{table}: {' '.join(str(error).split())}") from error
    missing = [name for name in PAIR_COLUMNS if name not in frame.columns]
    if missing:
        raise ScoreError(f"{table}: no column {' and no column '.join(missing)}; it has {', '.join(frame.columns)}")
    if not len(frame):
        raise ScoreError(f"{table}: no rows")
    known = [name for name in (*PAIR_COLUMNS, *MORE_COLUMNS) if name in frame.columns]
    return frame.select(pl.col(known).cast(pl.String)).to_dicts()


def score_table(
    rows: Sequence[dict[str, str | None]], folder: Path, output: Path, pairing: Pairing = "residues"
) -> int:
    """Score a table of pairs; a pair that cannot be scored has the reason in the column `error`.

    Parameters:
        rows: as `read_pairs` gives them.
        folder: that relative paths start from.
        output: CSV, or Parquet if the name ends so; one row for each pair, in order.
        pairing: see `proteinmtp.structures.pairing`.

    Returns:
        The number of pairs that were scored.
    """
    results = []
    scored = 0
    for row in progress(rows, "score", len(rows), unit="pair"):
        known = {"name": row.get("name"), "native": row["native"], "model": row["model"]}
        try:
            results.append({**known, **_score_row(row, folder, pairing).as_row(), "error": None})
            scored += 1
        except ScoreError as error:
            logging.warning("%s: %s", row.get("name") or row["model"], error)
            results.append({**known, "error": str(error)})
    _write(output, results)
    logging.info("%d of %d pairs scored: %s", scored, len(rows), output)
    return scored


def _score_row(row: dict[str, str | None], folder: Path, pairing: Pairing) -> FileScores:
    if not row["native"] or not row["model"]:
        raise ScoreError("the row names no native or no model")
    return score_files(
        folder / row["native"],
        folder / row["model"],
        row.get("seqres") or None,
        row.get("native_chain") or None,
        row.get("model_chain") or None,
        pairing,
    )


def _write(output: Path, results: list[dict[str, Any]]) -> None:
    texts = ("name", *PAIR_COLUMNS, "native_chain", "model_chain")
    schema: dict[str, pl.DataType] = dict.fromkeys(texts, pl.String())
    schema |= dict.fromkeys(COUNTS, pl.Int32()) | dict.fromkeys(("identity", *NAMES), pl.Float64())
    schema["error"] = pl.String()
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in results], schema=schema)
    with atomic(output) as temporary:
        if output.suffix == ".parquet":
            frame.write_parquet(temporary)
        else:
            frame.write_csv(temporary, separator="\t" if output.suffix == ".tsv" else ",")


def _checked(sequence: str) -> str:
    letters = "".join(sequence.split()).upper()
    if not re.fullmatch("[A-Z]+", letters):
        raise ScoreError("the full sequence must be one-letter codes A to Z")
    return letters


@lru_cache(maxsize=FILES_KEPT)
def _chains(path: Path) -> tuple[Polymer, ...]:
    return tuple(read_protein_chains(path))


def _chain(chains: Iterable[Polymer], name: str | None, path: Path) -> Polymer:
    chains = list(chains)
    if name is None:
        return chains[0]
    found = next((chain for chain in chains if chain.chain == name), None)
    if found is None:
        there = ", ".join(repr(chain.chain) for chain in chains)
        raise ScoreError(f"{path.name}: no protein chain {name!r}; it has {there}")
    return found


def _best(chains: Sequence[Polymer], full: str, pairing: Pairing) -> Polymer:
    if len(chains) == 1:
        return chains[0]

    def matches(chain: Polymer) -> int:
        try:
            return place_chain(chain, full, pairing).matches
        except PairingError:  # too long to be aligned, so not the one
            return -1

    return max(chains, key=matches)
