"""A model's folder: all that folding needs, so that it can be copied, shared and loaded anywhere.

proteinmtp.json      record: run, base model, versions, sha256 of each file
settings.json        resolved settings of the run
model/               adapter or weights, head, slots, tokenizer, as training saved them
base/                the language model, unless the run has all weights of its own; if it is on the hub, a link to
                     where it lies here, which is not exported
hand.json            what is usual in the training chains
calibration.json     what confidence is worth, for runs that have one
README.md            the model card, if it was exported
"""

import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError  # the first is that of its HTTP library
from pydantic import ValidationError

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import give_usual_permissions, write_json
from proteinmtp.config import BackboneConfig, RunConfig
from proteinmtp.model.backbone_mistakes import is_pretrained
from proteinmtp.tables.artefact import Artefact, Base
from proteinmtp.tables.calibration import Calibration
from proteinmtp.tables.hand import HandRecord
from proteinmtp.tables.saved_files import HUB_FILES, hashed

RECORD, SETTINGS, MODEL, BASE = "proteinmtp.json", "settings.json", "model", "base"
HAND, CALIBRATION = "hand.json", "calibration.json"
CARD = "README.md"
"""The model card: for people, and no part of the model, so that it may be edited."""
INSIDE = "artefact"
"""Name of the folder in that of a run."""
MOST_NAME = 4000
"""Letters of a path, about; what is longer is none."""
PACKAGES = ("proteinmtp", "torch", "transformers", "peft", "tokenizers", "safetensors", "numpy")
FILES = [*HUB_FILES, "*.jinja"]
"""What a model's folder holds, and what is fetched of it: settings, safetensors, vocabularies; nothing that is run."""
HUB_ID = re.compile(r"(\w[\w.-]*/[\w.-]+)(?:@([\w./-]+))?")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A model's folder that was read and checked.

    Attributes:
        folder: where it lies.
    """

    folder: Path
    record: Artefact
    settings: RunConfig
    hand: HandRecord
    calibration: Calibration | None

    @property
    def base(self) -> Path:
        """Folder of the language model; that of the run's own weights where it has all of them.

        One that is on the hub is fetched when it is asked for, unless it lies here or was fetched before.

        Raises:
            DataError: if it cannot be fetched.
        """
        base = self.record.base
        if base.kind == "none":
            return self.folder / MODEL
        if base.kind == "folder" or (self.folder / BASE).is_dir():
            return self.folder / BASE
        return fetched(str(base.id), base.revision)


def write_artefact(
    folder: Path,
    *,
    run: str,
    source: str,
    settings: RunConfig,
    trained: Path,
    digest: str,
    backbone: Path,
    hand: Path,
    calibration: Path | None,
) -> Artefact:
    """Write a model's folder; files that are large are linked where that is possible.

    Parameters:
        folder: to write, replaced if it is there.
        run: its name.
        source: kind of the source of its structures.
        settings: of the run, resolved.
        trained: folder of the trained run.
        digest: of its record.
        backbone: folder of its language model.
        hand: record of what is usual in the training chains.
        calibration: record of what confidence is worth.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    base = _base_of(settings)
    _place(trained, folder / MODEL)
    if base.kind == "folder":
        _place(backbone, folder / BASE)
    shutil.copyfile(hand, folder / HAND)
    if calibration is not None:
        shutil.copyfile(calibration, folder / CALIBRATION)
    name_base(folder, base)
    # Where the language model came from on the machine that trained it is no setting of the model.
    write_json(folder / SETTINGS, settings.model_copy(update={"backbone": BackboneConfig()}).model_dump(mode="json"))
    give_usual_permissions(folder)
    versions = {name: version(name) for name in PACKAGES}
    record = Artefact(run=run, trained=digest, source=source, base=base, versions=versions, files=hashed(folder))
    record.write(folder / RECORD)
    if base.kind == "hub":  # at hand here, and no part of what is shared
        (folder / BASE).symlink_to(os.path.relpath(backbone, folder))
    return record


def open_artefact(name: str | Path, *, own_parts: bool = False) -> Opened:
    """Read and check a model's folder.

    Parameters:
        name: a run's folder, a model's folder, or an id on the hub, with `@revision` if it is to stay the same.
        own_parts: whether heads and losses from outside the library may be imported by name, which is code.

    Raises:
        DataError: in one line, if there is no model, or a file is missing or changed.
    """
    folder = _folder_of(str(name))
    record = Artefact.read(folder / RECORD)
    changed = record.changed(folder)
    if changed is not None:
        raise DataError(f"{changed} is missing or changed since the model was packaged; copy or fetch the folder again")
    return Opened(
        folder=folder,
        record=record,
        settings=_settings_of(folder, record, own_parts=own_parts),
        hand=HandRecord.read(folder / HAND),
        calibration=Calibration.read(folder / CALIBRATION) if CALIBRATION in record.files else None,
    )


def name_base(folder: Path, base: Base) -> None:
    """Name the language model in the settings of a folder's adapter, if it has one.

    That is by id and revision, or by the way from the adapter's folder to it.
    """
    path = folder / MODEL / "adapter" / "adapter_config.json"
    if not path.is_file():
        return
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["base_model_name_or_path"] = base.id if base.kind == "hub" else f"../../{BASE}"
    settings["revision"] = base.revision if base.kind == "hub" else None
    path.unlink()
    write_json(path, settings)


def _settings_of(folder: Path, record: Artefact, *, own_parts: bool) -> RunConfig:
    try:
        settings = RunConfig.model_validate_json((folder / SETTINGS).read_bytes())
    except ValidationError as error:
        made_by = record.versions.get("proteinmtp", "another version")
        raise DataError(
            f"{folder / SETTINGS} is not what ProteinMTP {version('proteinmtp')} reads; the model was made by {made_by}"
        ) from error
    outside = [name for name in (settings.head.kind, *(term.name for term in settings.loss.terms or ())) if "." in name]
    if outside and not own_parts:
        raise DataError(
            f"{folder} needs {', '.join(outside)}, a module from outside ProteinMTP that would be imported and run;"
            " if you trust it, say --own-parts, or own_parts=True"
        )
    return settings


def _base_of(settings: RunConfig) -> Base:
    backbone = settings.backbone
    origin = _origin(backbone)
    if settings.train.tuning == "full":
        return Base(kind="none", origin=origin)
    if backbone.kind == "hub" and not backbone.random and not is_pretrained(backbone):
        return Base(kind="hub", origin=origin, id=backbone.hub.id, revision=backbone.hub.revision)
    return Base(kind="folder", origin=origin)


def _origin(backbone: BackboneConfig) -> str:
    """Return what a language model was before the run, without any path of the machine."""
    tiny = backbone.tiny
    begun = {
        "tiny": f"a small model of the {tiny.family} architecture, {tiny.layers} layers of {tiny.hidden_size} units",
        "path": Path(backbone.path or "").name,
        "hub": f"{backbone.hub.id} at {backbone.hub.revision}",
    }[backbone.kind]
    drawn = ", with random weights" if backbone.random or backbone.kind == "tiny" else ""
    learnt = ", then trained on protein sequences" if is_pretrained(backbone) else ""
    return begun + drawn + learnt


def _place(source: Path, target: Path) -> None:
    """Put the files of a folder elsewhere: linked, or copied where settings are or the file system has no links."""
    for path in sorted(source.rglob("*")):
        if not path.is_file() or not any(map(path.match, FILES)) or ".cache" in path.relative_to(source).parts:
            continue
        placed = target / path.relative_to(source)
        placed.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            shutil.copyfile(path, placed)
            continue
        try:
            os.link(path.resolve(), placed)
        except OSError:
            shutil.copyfile(path, placed)


def _folder_of(name: str) -> Path:
    with suppress(OSError):  # a name that is too long for one is none of a folder
        for folder in (Path(name), Path(name) / INSIDE):
            if (folder / RECORD).is_file():
                return folder
    if len(name) < MOST_NAME and Path(name).is_dir():
        raise DataError(
            f"{name} holds no model: neither {RECORD} nor {INSIDE}/{RECORD}; name the folder of a trained run"
            + _beside(Path(name))
        )
    if len(name) < MOST_NAME and Path(name).exists():
        raise DataError(f"{name} is a file; name the folder of a trained run, or an id on the hub")
    beside = _beside(Path(name))
    if HUB_ID.fullmatch(name) is None or beside:
        raise DataError(f"{name} is neither a folder nor an id on the hub, as in user/name{beside}")
    return fetched(name)


def _beside(path: Path) -> str:
    """Return which runs with a model lie beside a path or in it, as the end of a sentence."""
    with suppress(OSError):
        records = [*path.glob(f"*/{INSIDE}/{RECORD}"), *path.parent.glob(f"*/{INSIDE}/{RECORD}")]
        if runs := sorted({record.parent.parent for record in records}):
            return f"; there are {', '.join(map(str, runs[:8]))}"
    return ""


def fetched(name: str, revision: str | None = None, **options: Any) -> Path:  # Any: what the hub's client takes
    """Fetch a model from the hub, or take what was fetched before, and return its folder.

    Parameters:
        name: `user/name` or `user/name@revision`.
        revision: in place of one in the name.
        options: of the hub's client.

    Raises:
        DataError: if it cannot be fetched.
    """
    match = HUB_ID.fullmatch(name)
    if match is None:
        raise DataError(f"{name} is neither a folder nor an id on the hub, as in user/name")
    revision = revision or match[2]
    try:
        return Path(snapshot_download(match[1], revision=revision, allow_patterns=[*FILES, CARD], **options))
    except (HTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{name} is no folder here, and cannot be fetched from the hub: {reason}") from error
