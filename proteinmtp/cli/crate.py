"""`proteinmtp crate RESULTS`: describe a results folder as an RO-Crate, for archives that index and cite data.

RO-Crate is a JSON-LD file beside the data (https://www.researchobject.org/ro-crate/). What it says is taken from the
run manifest, in the terms of the profile Process Run Crate 0.5.
"""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proteinmtp.cli.results import ResultsError, check_listed, run_manifest

if TYPE_CHECKING:
    from proteinmtp.tables.run_manifest import RunManifest

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
NAME = "ro-crate-metadata.json"
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}


def crate(
    results: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A results folder.")] = Path("results"),
    name: Annotated[str | None, typer.Option(help="Title of the dataset; else that of the report.")] = None,
    license: Annotated[str, typer.Option(help="Licence of the results, a name of SPDX or an address.")] = "",
) -> None:
    """Write ro-crate-metadata.json into a results folder: what is in it, and what it was made by and from."""
    manifest, written = run_manifest(results)
    changed = [file.problem for file in check_listed(results) if file.problem is not None]
    if changed:
        raise ResultsError(f"{changed[0]}; see proteinmtp verify {results}")
    described(results, manifest, name=name or manifest.config.report.title, license=license, ended=written)
    typer.echo(f"{results / NAME}: {len(manifest.outputs)} files and folders")


def described(results: Path, manifest: "RunManifest", *, name: str, license: str, ended: datetime) -> None:
    """Write the description of a results folder.

    Parameters:
        results: the folder.
        manifest: of the run that made it.
        name: of the dataset.
        license: of the dataset; "" for none.
        ended: when the run ended.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    whole = ROCrate()
    whole.name = name
    whole.description = f"Protein structures predicted from sequences by {', '.join(manifest.seeds)}, and their scores."
    whole.datePublished = ended.astimezone(UTC)
    if license:
        whole.license = license
    whole.root_dataset["conformsTo"] = whole.add(
        ContextEntity(whole, PROFILE, {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"})
    )
    made = []
    for path, file in manifest.outputs.items():
        properties: dict[str, Any] = {"contentSize": str(file.bytes), "sha256": file.sha256}
        if (results / path).is_dir():
            properties["description"] = f"{file.files} files"
            made.append(whole.add_directory(None, path, properties=properties))
        else:
            kind = MEDIA_TYPES.get(Path(path).suffix)
            made.append(whole.add_file(None, path, properties=properties | ({"encodingFormat": kind} if kind else {})))
    program = whole.add(ContextEntity(whole, "#proteinmtp", {"@type": "SoftwareApplication", **_program(manifest)}))
    run = {
        "@type": "CreateAction",
        "name": "snakemake",
        "endTime": ended.astimezone(UTC).isoformat(timespec="seconds"),
        "description": f"{len(manifest.jobs)} jobs, {sum(job.seconds for job in manifest.jobs):.0f} s",
    }
    action = whole.add(ContextEntity(whole, "#run", run))
    action["instrument"] = program
    action["result"] = made
    whole.root_dataset["mentions"] = action
    whole.metadata.write(results)


def _program(manifest: "RunManifest") -> dict[str, str]:
    changes = ", with changes" if manifest.dirty else ""
    return {
        "name": "ProteinMTP",
        "softwareVersion": f"{version('proteinmtp')}, commit {manifest.commit or 'unknown'}{changes}",
        "softwareRequirements": ", ".join(f"{name} {number}" for name, number in sorted(manifest.versions.items())),
        "operatingSystem": manifest.machine.system,
    }
