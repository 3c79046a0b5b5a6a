"""The command line: one subcommand for each stage, and a few for people.

A stage reads its settings from `--options`, a JSON object with the section of the config that the stage uses; a rule
passes it, and a person can leave it out to get the defaults. Stages are imported when they are called, so that the
ones without a network start quickly.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from pipeline import config as settings
from pipeline import config_data as data
from pipeline import logs
from proteinmtp.cli.plan import plan
from proteinmtp.cli.score import score

app = typer.Typer(name="proteinmtp", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

app.command()(score)
app.command()(plan)

S = TypeVar("S", bound=settings.Section)


def _null(name: str) -> str:
    if name not in settings.NULLS:
        raise typer.BadParameter(f"there is no {name}; allowed: {', '.join(settings.NULLS)}")
    return name


Options = Annotated[str, typer.Option("--options", help="Settings of this stage as JSON; defaults where left out.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
In = Annotated[Path, typer.Option(exists=True, dir_okay=False)]
Ins = Annotated[list[Path], typer.Option(exists=True, dir_okay=False)]
Out = Annotated[Path, typer.Option()]
Null = Annotated[str, typer.Option(help="Name of the null, such as null_separation.", callback=_null)]


def main() -> None:
    """Run the command; mistakes of the user end with one line, not with a traceback."""
    logs.setup()
    # Jobs run beside each other, so none takes all cores for itself; training sets its own number of threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from proteinmtp.splitting.errors import SplitError
    from proteinmtp.structures.sources import SourceError

    try:
        app()
    except (settings.ConfigError, SourceError, SplitError) as error:
        sys.exit(f"error: {error}")


def _options(model: type[S], text: str) -> S:
    try:
        return model.model_validate(json.loads(text))
    except (ValidationError, json.JSONDecodeError) as error:
        raise settings.ConfigError(f"--options: {error}") from None


@app.command()
def config(
    write: Annotated[bool, typer.Option("--write", help="Write config.yaml, the JSON schema and envs/.")] = False,
    check: Annotated[Path | None, typer.Option(exists=True, help="Check a config file.")] = None,
) -> None:
    """Print the default configuration, check a file, or write the files that follow from the models."""
    from pipeline import config_files

    if check is not None:
        checked = settings.read_config(check)
        typer.echo(f"{check}: fine, runs: {', '.join(entry.name for entry in checked.runs)}")
    elif write:
        for path, text in config_files.generated_files(Path()).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            typer.echo(path)
    else:
        typer.echo(config_files.config_yaml(), nl=False)


@app.command()
def demo(folder: Out, listing: Out, options: Options = "{}", seed: Seed = 0) -> None:
    """Write the demo's synthetic proteins as PDB and mmCIF files."""
    from proteinmtp.structures.synthetic import write_demo

    write_demo(_options(data.DemoSource, options), seed, folder, listing)


@app.command()
def manifest(
    results: Out,
    shard: Annotated[int, typer.Option(min=0)],
    shards: Annotated[int, typer.Option(min=1)],
    output: Out,
    options: Options = "{}",
) -> None:
    """List the structure files of one shard of the source, with sizes and hashes; fetch them if need be."""
    from proteinmtp.structures.listing_ import write_manifest

    write_manifest(_options(data.SourceConfig, options), results, shard, shards, output)


@app.command()
def parse(manifest: In, chains: Out, quarantine: Out, options: Options = "{}") -> None:
    """Parse the files of a manifest shard into chains, or into quarantine rows with a reason."""
    from proteinmtp.structures.stages_ import parse_shard

    parse_shard(manifest, _options(data.ParseConfig, options), chains, quarantine)


@app.command()
def distances(chains: In, output: Out) -> None:
    """Compute the C-alpha distances of a shard of chains."""
    from proteinmtp.tables.write_distances_ import write_distances

    write_distances(chains, output)


@app.command()
def split(
    chains: Ins,
    quarantine: Ins,
    output: Out,
    summary: Out,
    options: Options = "{}",
    seed: Seed = 0,
    threads: Threads = 1,
) -> None:
    """Divide the chains into train, val and test, and check that none was lost and that no cluster is torn."""
    from proteinmtp.splitting.divide import write_split

    write_split(chains, quarantine, _options(data.SplitConfig, options), seed, threads, output, summary)


@app.command()
def inspect(
    table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A Parquet file of the pipeline.")],
    chain: Annotated[str | None, typer.Option(help="Show one chain (or entry) in full.")] = None,
) -> None:
    """Show what a table holds: chains, quarantine, manifest, distances, split and the rest."""
    from proteinmtp.cli.inspect import InspectError, show

    try:
        show(table, chain)
    except InspectError as error:
        raise settings.ConfigError(str(error)) from None


@app.command()
def backbone(folder: Out, manifest: Out, options: Options = "{}", seed: Seed = 0) -> None:
    """Make a folder with the language model that from_pretrained reads."""
    from proteinmtp.model.backbone import BackboneError, make_backbone
    from proteinmtp.model.tokens import TokenizerError

    try:
        make_backbone(_options(settings.BackboneConfig, options), seed, folder, manifest)
    except (BackboneError, TokenizerError) as error:
        raise settings.ConfigError(str(error)) from None


@app.command()
def train(
    chains: Ins,
    distances: Ins,
    split: In,
    backbone: In,
    work: Out,
    model: Out,
    manifest: Out,
    history: Out,
    options: Options = "{}",
    seed: Seed = 0,
    run: Annotated[str, typer.Option(help="Name of the run, for its history.")] = "run",
    code: Annotated[str, typer.Option(help="Fingerprint of the training code.")] = "",
) -> None:
    """Train one run; go on from its last checkpoint if there is one. Started by `accelerate launch`."""
    from proteinmtp.model.backbone import BackboneError
    from proteinmtp.model.tokens import TokenizerError
    from proteinmtp.training.train import TrainingFiles, train

    files = TrainingFiles(chains, distances, split, backbone, work, model, manifest, history)
    try:
        train(run, _options(settings.RunConfig, options), seed, files, code)
    except (BackboneError, TokenizerError) as error:
        raise settings.ConfigError(str(error)) from None


@app.command()
def predict(
    chains: In,
    split: In,
    backbone: In,
    manifest: In,
    output: Out,
    options: Options = "{}",
    subset: str = "test",
) -> None:
    """Predict the distances of a shard of chains with a trained run."""
    from proteinmtp.predictors.network import predict_shard

    predict_shard(_options(settings.RunConfig, options), chains, split, subset, backbone, manifest, output)


@app.command()
def fit_null(
    null: Null,
    chains: Ins,
    distances: Ins,
    split: In,
    output: Out,
    subset: str = "test",
    threads: Threads = 1,
) -> None:
    """Write what a null takes from the training chains."""
    from proteinmtp.predictors.null_stages_ import fit_null
    from proteinmtp.predictors.nulls import Tables

    fit_null(null, Tables(chains, distances, split, subset, threads), output)


@app.command()
def predict_null(
    null: Null,
    fitted: In,
    chains: Ins,
    split: In,
    output: Annotated[list[Path], typer.Option(help="One for each shard of chains.")],
    subset: str = "test",
) -> None:
    """Predict distances with a null; it sees the sequences of the chains alone."""
    from proteinmtp.predictors.null_stages_ import predict_null

    predict_null(null, fitted, chains, split, subset, output)


@app.command()
def comparator(
    name: Annotated[str, typer.Option()],
    folder: Annotated[Path, typer.Option()],
    chains: Ins,
    split: In,
    output: Annotated[list[Path], typer.Option(help="Shards of predictions, in the order of the chains.")],
    listing: Out,
    subset: str = "test",
) -> None:
    """Match predicted structures from elsewhere to the scored chains, and write them as predictions."""
    from proteinmtp.predictors.comparator import write_comparator

    write_comparator(name, folder, chains, split, subset, output, listing)


@app.command()
def chirality(chains: Ins, split: In, output: Out) -> None:
    """Count pairs of neighbouring pseudo-dihedrals of the training chains; the mirror image is chosen by them."""
    from proteinmtp.predictors.traces import write_chirality

    write_chirality(chains, split, output)


@app.command()
def reconstruct(predictions: In, chains: In, chirality: In, output: Out, folder: Out, options: Options = "{}") -> None:
    """Rebuild coordinates from the predicted distances of a shard."""
    from proteinmtp.predictors.traces import reconstruct_shard

    reconstruct_shard(_options(settings.ReconstructConfig, options), predictions, chains, chirality, output, folder)


@app.command()
def evaluate(
    run: Annotated[str, typer.Option()],
    predictions: Ins,
    structures: Ins,
    chains: Ins,
    split: In,
    metrics: Out,
    examples: Out,
) -> None:
    """Score a run against the experiment."""
    from proteinmtp.scoring.evaluate_ import evaluate

    evaluate(run, predictions, structures, chains, split, metrics, examples)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(exists=True, help="A results folder or a table of scores (metrics.parquet).")],
    b: Annotated[Path, typer.Argument(exists=True, help="The same; may be the same folder with another run.")],
    run: Annotated[list[str] | None, typer.Option(help="Run of A, given again the run of B; once: of both.")] = None,
    samples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 2000,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two results chain by chain: means, paired differences with intervals, and who is better."""
    from proteinmtp.evaluation import compare, compare_table

    runs: list[str | None] = [*run] if run else [None]
    try:
        if len(runs) > 2:
            raise compare.CompareError("--run is given at most twice, for A and for B")
        found = compare.compare(compare.read_result(a, runs[0]), compare.read_result(b, runs[-1]), samples, seed)
    except compare.CompareError as error:
        raise settings.ConfigError(str(error)) from None
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=1))
    else:
        compare_table.show(found)


@app.command()
def verdicts(results: Annotated[Path, typer.Argument(help="A results folder with a finished report.")]) -> None:
    """Print the runs and what became of their hypotheses as a Markdown table."""
    from proteinmtp.report import verdicts

    try:
        typer.echo(verdicts.verdicts(results))
    except verdicts.VerdictsError as error:
        raise settings.ConfigError(str(error)) from None


@app.command()
def report(
    metrics: Ins,
    examples: Ins,
    history: Ins,
    models: Ins,
    quarantine: Ins,
    split_summary: In,
    html: Out,
    summary: Out,
    table: Out,
    comparators: Annotated[list[Path] | None, typer.Option(help="What became of the files of comparators.")] = None,
    options: Annotated[str, typer.Option("--options", help="The whole configuration as JSON.")] = "{}",
) -> None:
    """Write the report: one HTML file, the summary as JSON, and the table of all scores."""
    from proteinmtp.report.build import ReportFiles, build_report

    files = ReportFiles(
        metrics, examples, history, models, quarantine, split_summary, html, summary, table, comparators or []
    )
    build_report(settings.parse_config(json.loads(options)), files)
