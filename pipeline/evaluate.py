"""Score each predicted chain of a run, a null or a comparator against the experiment, all by the same code."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.base.logs import progress
from proteinmtp.config import Section
from proteinmtp.scoring.evaluation import Case, Predicted, score_case
from proteinmtp.tables.chains import read_chains
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SPLIT
from proteinmtp.tables.traces import TRACES


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is read."""

    predictions: Annotated[Shards, "what was predicted"]
    traces: Annotated[Shards, "traces rebuilt from it"]
    chains: Annotated[Shards, "chains as the experiment has them"]
    split: Annotated[Path, "table with the cluster of each chain"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written."""

    metrics: Annotated[Path, "scores, one row for each predicted chain"]


class Options(Section):
    """Whose predictions they are."""

    run: str


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Score all predicted chains, in the order of the table of chains."""
    predicted = {row.chain_id: row for row in PREDICTIONS.read_as(Predicted, *inputs.predictions)}
    rebuilt = {row.chain_id: row for row in TRACES.read(*inputs.traces)}
    cluster_of = {row.chain_id: row.cluster_id for row in SPLIT.read(inputs.split)}
    cases = [
        Case(
            native=chain,
            cluster_id=cluster_of[chain.chain_id],
            predicted=predicted[chain.chain_id],
            trace=rebuilt[chain.chain_id],
        )
        for chain in read_chains(inputs.chains, predicted.keys())
    ]
    scored = (score_case(options.run, case) for case in progress(cases, f"evaluate {options.run}", len(cases)))
    METRICS.write(outputs.metrics, scored)
