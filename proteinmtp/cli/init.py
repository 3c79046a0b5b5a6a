"""`proteinmtp init FOLDER`: a small config and a README to start from with structures of one's own."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from proteinmtp.base.errors import UserError

STRUCTURES = "structures"
"""Folder for structure files that is made where no other is named."""

CONFIG = """\
# What differs from the defaults, which `proteinmtp config` prints, every key with a sentence.
# `proteinmtp config --check config.yaml` looks for mistakes; `proteinmtp run` runs it.

# folder for everything that is generated
results: results

source:
  kind: directory
  directory:
    # folder searched recursively for .pdb, .ent, .cif, .mmcif (.gz too)
    path: {structures}
    # take only so many files, for a first try; null: all
    limit: null

parse:
  # parts in which files are read side by side; for thousands of files, some tens
  shards: 4
  # longest chain, residues of the full sequence; others are listed in the report with the reason
  max_length: 512

split:
  # cluster: whole homology clusters are held out, so that no test protein has a relative in training
  method: cluster
  # part of the chains for validation and for the test
  val: 0.1
  test: 0.2

# settings of every run
defaults:
  # The language model under the slots: a tiny one, which learns the sequences of the training chains first.
  backbone:
    kind: tiny
  # A pretrained one in its place: a folder that from_pretrained reads, or a model of the hub with a pinned commit.
  # backbone:
  #   kind: path
  #   path: /models/qwen2.5-0.5b
  # backbone:
  #   kind: hub
  #   hub: {{id: Qwen/Qwen2.5-0.5B, revision: 060db6499f32faf8b98477b0a26969ef7d8b9987}}
  train:
    # passes over the training chains; or, in their place, steps: 3000
    epochs: 20.0
    # chains in an optimiser step
    batch_size: 16
    # GPUs; 0: the CPU; auto: those of this machine
    gpus: auto

# what is trained and compared: each entry has a name, a description, and what it changes in the defaults
runs:
  - name: slots
    description: a distogram from aligned slots
  # - name: continued
  #   description: the same, positions go on counting
  #   slots: {{positions: continued}}

# sequences without a structure, FASTA or a table, which each run folds at its end
# sequences:
#   - name: mine
#     file: my_sequences.fasta
"""

README = """\
# Structures from a language model

Written by `proteinmtp init`; the commands are for this folder.

1. {where} (.pdb, .ent, .cif, .mmcif, also .gz).
   Each protein chain in them is one to learn from or to be tested on.
2. `config.yaml` says what is trained; `proteinmtp config --check config.yaml` looks for mistakes in it.
3. `proteinmtp plan --config config.yaml` says how much memory each run takes.
4. `proteinmtp run` trains, predicts, rebuilds and scores. Stopped with Ctrl-C and started again, it goes on; after a
   change of the config or of the files, only what depends on it is done again.
5. `results/report/index.html` is the report. A file that could not be used is listed there with the reason.
6. `proteinmtp fold results/runs/slots new.fasta folds` folds sequences with what was trained.
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Where to begin; made if it is not there.")],
    structures: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Your structure files; by default a new folder in FOLDER."),
    ] = None,
) -> None:
    """Write a config and a README to start from with structures of your own; nothing is overwritten."""
    path = STRUCTURES if structures is None else str(structures.resolve())
    where = f"Put structure files into `{path}`" if structures is None else f"Structure files come from `{path}`"
    texts = {
        folder / "config.yaml": CONFIG.format(structures=yaml.safe_dump(path, width=10**6).removesuffix("\n...\n")),
        folder / "README.md": README.format(where=where),
    }
    there = [str(file) for file in texts if file.exists()]
    if there:
        raise UserError(f"{' and '.join(there)} would be overwritten; delete that, or name another folder")
    try:
        (folder / STRUCTURES if structures is None else folder).mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written: {error.strerror}") from error
    for file in texts:
        typer.echo(file)
    typer.echo(f"{where}; then, in {folder}: proteinmtp run")
