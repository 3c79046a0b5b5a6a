"""A trained model as Python has it: loaded from a folder or from the Hugging Face hub, saved, and pushed to the hub."""

import shutil
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import PyTorchModelHubMixin

from proteinmtp.base.errors import UserError
from proteinmtp.config import RunConfig
from proteinmtp.folding.artefact import CARD, Opened, fetched, open_artefact
from proteinmtp.folding.card import Facts
from proteinmtp.folding.export import check_new, export
from proteinmtp.folding.model import FoldingModel
from proteinmtp.model.backbone_mistakes import missing_packages


class Model(FoldingModel, PyTorchModelHubMixin, library_name="proteinmtp"):  # type: ignore[call-arg, misc]  # no types
    """A trained model that folds sequences; `save_pretrained` and `push_to_hub` are those of the hub's own library.

    Parameters:
        opened: its folder.
        settings: of the run, with what was asked for otherwise.
    """

    def __new__(cls, *_: object) -> Self:
        """Make one; the hub's class would keep the arguments, to write them into a file of its own."""
        return object.__new__(cls)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        **options: Any,
    ) -> Self:
        """Load a model as `load` does, which takes the `options`; the others are those of the hub."""
        name = str(pretrained_model_name_or_path)
        if not Path(name).exists():
            name = str(
                fetched(
                    name,
                    revision,
                    token=token,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                )
            )
        return cls(*_opened(name, **options))

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Write the folder of the model, new or empty, as the hub's own library does it."""
        check_new(Path(save_directory))  # before that library makes room in it
        url: str | None = super().save_pretrained(save_directory, **options)
        return url

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write the folder of the model, with the card that lies in it; without one, with one that knows no scores."""
        export(self._opened, save_directory, facts=Facts())
        card = self._opened.folder / CARD
        if card.is_file():
            shutil.copyfile(card, save_directory / CARD)


def load(
    name: str | Path,
    *,
    device: str | None = None,
    quantization: str | None = None,
    threads: int | None = None,
    own_parts: bool = False,
) -> Model:
    """Load a trained model.

    Parameters:
        name: a run's folder, a model's folder, or an id on the hub (`user/name`, `user/name@revision`).
        device: cpu or cuda; by default that of training, if it is there.
        quantization: none, int8 or nf4; how weights of the language model are held. By default as in training.
        threads: of torch; by default as in training, which gives the same bits.
        own_parts: whether a head from outside the library, which the model names, may be imported: it is code.

    Raises:
        DataError: if there is no model, or a file is missing or changed.
        UserError: if a GPU or a package that is asked for is not here.

    >>> import proteinmtp
    >>> proteinmtp.load("results/runs/slots", device="cpu").tokens_of(22)  # residues and their slots
    44
    """
    return Model(*_opened(name, device=device, quantization=quantization, threads=threads, own_parts=own_parts))


def _opened(
    name: str | Path,
    *,
    device: str | None = None,
    quantization: str | None = None,
    threads: int | None = None,
    own_parts: bool = False,
) -> tuple[Opened, RunConfig]:
    """Return a model's folder, and the settings of its run with what is asked for otherwise."""
    opened = open_artefact(name, own_parts=own_parts)
    settings = opened.settings
    train, predict = settings.train, settings.predict
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("no GPU that torch can use is here: leave --device out, or say cpu")
    if device is not None:
        train = train.model_copy(update={"gpus": int(device != "cpu")})
    if threads is not None:
        train = train.model_copy(update={"threads": threads})
    held = opened.record.base.quantised
    if held is not None and quantization not in (None, held):
        raise UserError(f"the weights in {opened.folder} are {held}: leave quantization out, or take another folder")
    if quantization is not None:
        predict = predict.model_copy(update={"quantization": quantization})
    settings = settings.model_copy(update={"train": train, "predict": predict})
    for missing in missing_packages(settings):
        raise UserError(missing)
    return opened, settings
