"""A model's folder for others: a copy with a card, and with its language model in fewer bits if that is asked for."""

import shutil
import uuid
from pathlib import Path

from proteinmtp.base.errors import UserError
from proteinmtp.base.files import give_usual_permissions, write_json
from proteinmtp.config import RunConfig
from proteinmtp.folding.artefact import BASE, CARD, MODEL, RECORD, SETTINGS, Opened, name_base
from proteinmtp.folding.card import Facts, model_card
from proteinmtp.model.backbone import compute_type, read_model
from proteinmtp.model.backbone_folder import copy_settings
from proteinmtp.model.backbone_mistakes import missing_packages
from proteinmtp.model.build import as_predicted, trained_backbone
from proteinmtp.tables.saved_files import hashed


def export(
    opened: Opened, target: Path, *, facts: Facts, licence: str | None = None, quantization: str | None = None
) -> None:
    """Write a model's folder for others.

    Parameters:
        opened: the folder of a model.
        target: folder to write, new or empty.
        facts: what is known of the run, for the card.
        licence: of the model, as the hub calls it.
        quantization: int8 or nf4: the language model, too, lies in the folder, in so many bits.

    Raises:
        UserError: if there is something in the folder, or a package is missing.
    """
    check_new(target)
    record, settings = opened.record, opened.settings
    if quantization is not None:
        if record.base.quantised not in (None, quantization):
            raise UserError(f"{opened.folder} holds its language model in {record.base.quantised} already")
        predict = settings.predict.model_copy(update={"quantization": quantization})
        settings = settings.model_copy(update={"predict": predict})
        for missing in missing_packages(settings):
            raise UserError(missing)
    begun = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        _write(opened, begun, settings=settings, quantization=quantization, facts=facts, licence=licence)
        begun.replace(target)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def check_new(folder: Path) -> None:
    """Check that a folder is not there, or empty.

    Raises:
        UserError: if it is not.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there already; name a folder that is new or empty")


def _write(
    opened: Opened,
    target: Path,
    *,
    settings: RunConfig,
    quantization: str | None,
    facts: Facts,
    licence: str | None,
) -> None:
    record = opened.record
    for name in record.files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(opened.folder / name, target / name)
    if quantization is not None and record.base.quantised is None:
        kind = "folder" if record.base.kind == "hub" else record.base.kind
        base = record.base.model_copy(update={"kind": kind, "quantised": quantization})
        _quantise(opened.base, settings, target)
        name_base(target, base)
        write_json(target / SETTINGS, settings.model_dump(mode="json"))
        record = record.model_copy(update={"base": base, "files": hashed(target)})
    record.write(target / RECORD)
    model_card(record, settings, facts, opened.calibration, licence=licence).save(target / CARD)
    give_usual_permissions(target)


def _quantise(base: Path, settings: RunConfig, target: Path) -> None:
    """Write the language model in fewer bits into a model's folder, in place of what is there."""
    train = as_predicted(settings).train
    if train.tuning == "full":
        source = folder = trained_backbone(train, target / MODEL)
    else:
        source, folder = base, target / BASE
    model = read_model(source, train, compute_type(train))
    if folder.exists():
        for path in folder.glob("*.safetensors*"):
            path.unlink()
    else:
        copy_settings(source, folder)
    model.save_pretrained(folder)
