"""`proteinmtp fold MODEL INPUT OUT`: structures of new sequences from a trained model."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from proteinmtp.base.errors import DataError, UserError


def fold(
    model: Annotated[str, typer.Argument(help="A run's folder, a model's folder, or an id on the hub: user/name.")],
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="INPUT",
            help="FASTA, or .csv, .tsv, .parquet with columns id and sequence; .gz too; - for FASTA from a pipe.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Argument(help="Folder for what is made.", show_default=False)] = None,
    sequence: Annotated[
        str | None, typer.Option(help="One sequence, in place of INPUT: proteinmtp fold MODEL OUT --sequence MKV...")
    ] = None,
    maps: Annotated[
        bool, typer.Option("--maps", help="Write distances, their deviation and contacts, too, as Parquet.")
    ] = False,
    plots: Annotated[
        bool, typer.Option("--plots", help="Draw the distances and the confidence of each sequence, too, as PNG.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Fold again what is done.")] = False,
    max_length: Annotated[int | None, typer.Option(min=1, help="Refuse longer sequences.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be folded and how long it takes.")] = False,
    device: Annotated[
        Literal["cpu", "cuda"] | None, typer.Option(help="By default that of training, if it is here.")
    ] = None,
    quantization: Annotated[
        Literal["none", "int8", "nf4"] | None, typer.Option(help="Of the language model; by default as in training.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of the prediction; by default as in training, which gives the same bits.")
    ] = None,
    own_parts: Annotated[
        bool, typer.Option("--own-parts", help="Import a head of your own that the model names. It is code that runs.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes that rebuild traces; by default all cores.")
    ] = None,
) -> None:
    """Fold sequences: C-alpha traces as mmCIF and PDB with the confidence as B-factors, a summary and a page."""
    if sequence is not None and source is not None and out is None:
        out = Path(source)
        source = None
    if out is None or (source is None) == (sequence is None):
        raise typer.BadParameter("fold takes MODEL INPUT OUT, or MODEL OUT --sequence MKV...")

    from proteinmtp.folding.hub import load
    from proteinmtp.folding.job import fold_into
    from proteinmtp.folding.page import write_page
    from proteinmtp.folding.plan import plan
    from proteinmtp.folding.sequences import read_sequences, targets_of
    from proteinmtp.folding.summary import write_refused, write_summary
    from proteinmtp.folding.workers import cores
    from proteinmtp.structures.records import printable

    if source is None:
        if "." in str(sequence) and Path(str(sequence)).is_file():
            raise UserError(f"--sequence: {sequence} is a file; give it as INPUT: proteinmtp fold MODEL {sequence} OUT")
        records = [("sequence", str(sequence))]
    elif Path(source).is_dir():
        raise UserError(f"{source} is a folder, and INPUT a file; the order is proteinmtp fold MODEL INPUT OUT")
    else:
        records = read_sequences(sys.stdin.buffer.read() if source == "-" else Path(source))
    loaded = load(model, device=device, quantization=quantization, threads=threads, own_parts=own_parts)
    targets, refused = targets_of(records, longest=min(loaded.longest, max_length or loaded.longest))
    for refusal in refused:
        logging.warning("record %d, %s: %s", refusal.record, printable(refusal.name[:80]), refusal.reason)
    if dry_run:
        typer.echo(plan(loaded, targets))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} cannot be made or is no folder: {error.strerror}") from error
    write_refused(out / "refused.csv", refused)
    extras = [name for name, asked in (("maps", maps), ("plots", plots)) if asked]
    folded = fold_into(out, loaded, targets, overwrite=overwrite, extras=extras, workers=jobs or cores())
    write_summary(out / "summary.csv", folded)
    write_page(out / "index.html", folded, refused, title=loaded.title)
    if not folded:
        raise DataError(f"none of the {len(refused)} records could be folded; see {out / 'refused.csv'}")
    logging.info("%d sequences folded, %d refused: %s", len(folded), len(refused), out / "index.html")
