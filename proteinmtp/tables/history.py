"""The history of a training run: a row for each validation."""

from dataclasses import dataclass
from typing import Annotated

from proteinmtp.tables.parquet import DOUBLE, FLAG, INT, LONG, TEXT, Table


@dataclass(frozen=True, kw_only=True)
class HistoryRow:
    """What training had come to at one step."""

    run: Annotated[str, TEXT, "name of the run"]
    step: Annotated[int, INT, "optimiser steps done"]
    epoch: Annotated[int, INT, "from 0"]
    lr: Annotated[float, DOUBLE, "learning rate of the last step"]
    train_loss: Annotated[float, DOUBLE, "mean over the steps since the row before"]
    grad_norm: Annotated[float, DOUBLE, "of the last step, before it was clipped"]
    val_loss: Annotated[float | None, DOUBLE, "of the validation chains; null without any"]
    val_mae: Annotated[float | None, DOUBLE, "mean distance error of the validation chains, angstrom"]
    tokens: Annotated[int, LONG, "tokens seen"]
    saved: Annotated[bool, FLAG, "whether the weights of this step are those that were saved"]


HISTORY = Table("training history", HistoryRow, ("run", "step", "train_loss"))
