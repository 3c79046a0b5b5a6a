"""Score each predicted chain of a run, a null or a comparator against the experiment, all by the same code."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from proteinmtp.base.errors import DataError
from proteinmtp.base.logs import progress
from proteinmtp.config import Section
from proteinmtp.scoring.evaluation import Case, Predicted, score_case
from proteinmtp.tables.chains import CHAINS, ChainTrace
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.parquet import count_rows
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


@dataclass(frozen=True)
class _Clustered:
    """The columns of the split that are used."""

    chain_id: str
    cluster_id: str


class Options(Section):
    """Whose predictions they are."""

    run: str


def run(inputs: Inputs, outputs: Outputs, options: Options) -> None:
    """Score all predicted chains, in the order of the table of chains, one after the other."""
    number = sum(map(count_rows, inputs.traces))
    scored = (score_case(options.run, case) for case in progress(_cases(inputs), f"evaluate {options.run}", number))
    METRICS.write(outputs.metrics, scored)


def _cases(inputs: Inputs) -> Iterator[Case]:
    """Yield the predicted chains; predictions and traces have the order of the chains of their shard."""
    cluster_of = {row.chain_id: row.cluster_id for row in SPLIT.read_as(_Clustered, inputs.split)}
    for chains, predictions, traces in zip(inputs.chains, inputs.predictions, inputs.traces, strict=True):
        natives = CHAINS.read_as(ChainTrace, chains)
        rows = zip(PREDICTIONS.read_as(Predicted, predictions), TRACES.read(traces), strict=True)
        for predicted, trace in rows:
            native = next((chain for chain in natives if chain.chain_id == predicted.chain_id), None)
            if native is None or trace.chain_id != predicted.chain_id:
                raise DataError(
                    f"{predictions} and {traces} do not have the chains of {chains} in their order, at"
                    f" {predicted.chain_id}; delete them and make them again"
                )
            yield Case(native=native, cluster_id=cluster_of[native.chain_id], predicted=predicted, trace=trace)
