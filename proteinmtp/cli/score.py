"""The subcommand `score`, for people: scores of files that need not come from a run."""

import json
from pathlib import Path
from typing import Annotated, cast

import typer

from proteinmtp.config.whole import ConfigError


def score(
    native: Annotated[Path | None, typer.Argument(help="The experiment: PDB or mmCIF, .gz too.")] = None,
    model: Annotated[Path | None, typer.Argument(help="The prediction.")] = None,
    table: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Pairs to score: columns native, model; name, seqres, ..."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Scores of a table of pairs: .csv or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    seqres: Annotated[str | None, typer.Option(help="Full sequence, if the native does not state it.")] = None,
    native_chain: Annotated[str | None, typer.Option(help="By default the first protein chain.")] = None,
    model_chain: Annotated[str | None, typer.Option(help="By default the one that fits best.")] = None,
    pairing: Annotated[str, typer.Option(help="residues, or letters: as TMscore -seq pairs.")] = "residues",
) -> None:
    """Score a model against the experiment, or a table of such pairs: RMSD, TM-score, GDT, lDDT and more."""
    import torch

    from proteinmtp.evaluation import score_files as files
    from proteinmtp.structures.pairing import PAIRINGS

    torch.set_num_threads(1)
    if pairing not in PAIRINGS:
        raise ConfigError(f"--pairing: {' or '.join(PAIRINGS)}, not {pairing!r}")
    how = cast("files.Pairing", pairing)
    try:
        if table is not None and output is not None and native is None:
            if not files.score_table(files.read_pairs(table), table.parent, output, how):
                raise ConfigError(f"none of the pairs could be scored; see the column error of {output}")
        elif native is not None and model is not None and table is None:
            found = files.score_files(native, model, seqres, native_chain, model_chain, how)
            typer.echo(json.dumps(found.as_row(), indent=1) if as_json else files.describe(native, model, found))
        else:
            raise ConfigError("score takes NATIVE MODEL, or --table PAIRS --output SCORES")
    except files.ScoreError as error:
        raise ConfigError(str(error)) from None
