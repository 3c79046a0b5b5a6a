"""`proteinmtp score NATIVE MODEL`: scores of files that need not come from a run."""

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from proteinmtp.base.errors import DataError
from proteinmtp.base.logs import progress
from proteinmtp.base.metrics import TITLES
from proteinmtp.structures.pairing import Pairing
from proteinmtp.tables.file_scores import FileScores, read_pairs, write_scores


def score(
    native: Annotated[Path | None, typer.Argument(help="The experiment: PDB or mmCIF, .gz too.")] = None,
    model: Annotated[Path | None, typer.Argument(help="The prediction, as the experiment.")] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Pairs to score, .csv, .tsv or .parquet: columns native and model; if you like name, seqres,"
            " native_chain, model_chain. Paths start from its folder.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Scores of a table of pairs: .csv, .tsv or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    seqres: Annotated[str | None, typer.Option(help="Full sequence, if the native does not state it.")] = None,
    native_chain: Annotated[str | None, typer.Option(help="By default the first protein chain.")] = None,
    model_chain: Annotated[str | None, typer.Option(help="By default the one that fits best.")] = None,
    pairing: Annotated[
        Pairing,
        typer.Option(help="How residues are paired: by number, letters and bonds; or by letters, as TMscore -seq."),
    ] = "residues",
) -> None:
    """Score a model against the experiment, or a table of such pairs: RMSD, TM-score, GDT, lDDT and more."""
    import torch

    from proteinmtp.scoring.files import score_files, score_pairs

    torch.set_num_threads(1)
    if table is not None and output is not None and native is None:
        pairs = read_pairs(table)
        results = list(progress(score_pairs(pairs, table.parent, pairing), "score", len(pairs), unit="pair"))
        write_scores(output, results)
        scored = sum(isinstance(row.result, FileScores) for row in results)
        if not scored:
            raise DataError(f"none of the pairs could be scored; see the column error of {output}")
        logging.info("%d of %d pairs scored: %s", scored, len(pairs), output)
    elif native is not None and model is not None and table is None:
        result = score_files(
            native=native,
            model=model,
            sequence=seqres,
            native_chain=native_chain,
            model_chain=model_chain,
            pairing=pairing,
        )
        typer.echo(json.dumps(result.flat(), indent=1) if as_json else lines(result, native=native, model=model))
    else:
        raise typer.BadParameter("score takes NATIVE MODEL, or --table PAIRS --output SCORES")


def lines(result: FileScores, *, native: Path, model: Path) -> str:
    """Return the scores of a pair as lines for a person; a score that says the same as another is left out."""
    shown = {name: value for name, value in result.scores.items() if name != "lddt_distances"}
    width = max(len(TITLES[name]) for name in shown)
    return "\n".join(
        [
            f"native {native.name}, chain {result.native_chain!r}: {result.observed} of {result.length} residues"
            " observed",
            f"model  {model.name}, chain {result.model_chain!r}: {result.placed} of them placed, "
            f"{result.identity:.1%} identical",
            *(f"  {TITLES[name]:{width}}  {'-' if value is None else f'{value:.4f}'}" for name, value in shown.items()),
        ]
    )
