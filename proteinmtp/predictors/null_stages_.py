"""The two stages of a null: what it takes from the training chains, and its predictions.

The name of a null's pseudo-run is `null_` and its module in `proteinmtp.predictors.nulls`.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from pipeline import plugins
from proteinmtp.config.whole import NULL_PREFIX, NULLS_PACKAGE
from proteinmtp.tables.reader import read_subset
from proteinmtp.tables.parquet import open_table, read_rows
from proteinmtp.geometry.distances import pack_upper
from proteinmtp.predictors.nulls import Tables, Target
from proteinmtp.tables.prediction_schemas_ import NOTHING, PREDICTIONS

LARGEST = float(np.finfo(np.float16).max)


def module_of(null: str) -> ModuleType:
    """Return the module behind the name of a null, such as null_helix.

    Raises:
        ValueError: naming the nulls that there are.
    """
    return plugins.load(NULLS_PACKAGE, null.removeprefix(NULL_PREFIX))


def fit_null(null: str, tables: Tables, output: Path) -> None:
    """Write what a null takes from the training chains; see `proteinmtp.predictors.nulls`."""
    module_of(null).fit(tables, output)


def predict_null(
    null: str, fitted: Path, chains: Sequence[Path], split: Path, subset: str, outputs: Sequence[Path]
) -> None:
    """Predict the chains of a subset, of which the null sees id and sequence.

    Parameters:
        null: name of the pseudo-run.
        fitted: what `fit_null` wrote.
        chains: shards of chains.
        split: table of the subsets.
        subset: train, val or test.
        outputs: one Parquet file for each shard, rows in the order of the shard.
    """
    module, wanted = module_of(null), read_subset(split, subset)
    for shard, output in zip(chains, outputs, strict=True):
        targets = [
            Target(row["chain_id"], row["sequence"])
            for row in read_rows(shard, ["chain_id", "sequence"])
            if row["chain_id"] in wanted
        ]
        with open_table(output, PREDICTIONS) as table:
            for row in _predictions(module, fitted, targets):
                table.add(row)
        logging.info("%s: %d chains predicted", output, len(targets))


def _predictions(module: ModuleType, fitted: Path, targets: Sequence[Target]) -> Iterator[dict[str, object]]:
    for target, distances in zip(targets, module.predict(fitted, targets), strict=True):
        yield NOTHING | {
            "chain_id": target.chain_id,
            "length": len(target),
            "triu": np.minimum(pack_upper(distances), LARGEST).astype(np.float16),
        }
