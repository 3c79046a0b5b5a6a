"""Data that the configurations under `tests/golden/reruns` name, beside the checkout's own files.

They are small. What Snakemake reads before it plans is whole: structures, tables, sequences, the folder of a model.
"""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from .lab import LOSS, PARTS, write_lab
from .project import write_demo_files, write_pdbbind

TEXTS = {
    "mine.fasta": ">a\nMKVLAAGIVALLLAACSSNKEV\n",
    "yours.fasta": ">b\nMKVLAAGIVALL\n",
    "learnt.fasta": ">c\nMKVLAAGIVALLLAACSSNKEVMKVLAAGIVALLLAACSSNKEV\n",
    "more.fasta": ">d\nMKVLAAGIVALLLAACSSNKEVMKVLAAGIVALLLAACSSNKEVKK\n",
    "ids.txt": "1abc 2abc\n",
    "others.txt": "1abc 3abc\n",
    "split.csv": "entry_id,split,code,subset\nf00m000,train,f00m000,train\n",
    "another.csv": "entry_id,split\nf00m000,test\n",
}
LOSS_WITH_OPTION = LOSS.replace(
    "    NEEDS", "    def __init__(self, *, by=1.0):\n        super().__init__()\n        self.by = by\n\n    NEEDS"
)


def write_data(folder: Path) -> None:
    """Write all of them into a checkout."""
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("structures", "others", "elsewhere", "elsewhere_too"):
        write_demo_files(folder / name, 2, 4)
    for name in ("others", "elsewhere_too"):
        next((folder / name).glob("f*.pdb")).unlink()
    for name in ("pdbbind", "another_pdbbind"):
        tree = write_pdbbind(folder / name, sorted((folder / "structures").glob("f*.pdb")))
        index = tree / "index" / "INDEX_general_PL_data.2020"
        shutil.copy(index, index.with_name("INDEX_refined_data.2020"))
    (folder / "another_pdbbind" / "1a00" / "1a00_protein.pdb").unlink()
    write_lab(folder, {**PARTS, "cube": LOSS_WITH_OPTION})
    for name, count in (("listed", 2), ("listed_too", 1)):
        write_demo_files(folder / name, 2, 4)
        ids = sorted(path.stem for path in (folder / name).glob("*.cif"))
        (folder / name / "list.txt").write_text(" ".join(ids[:count]), encoding="utf-8")
    for name, width in (("a_model", 4), ("another_model", 8)):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps({"model_type": "qwen3"}), encoding="utf-8")
        weights = {"model.layers.0.self_attn.q_proj.weight": np.zeros((width, width), np.float32)}
        save_file(weights, folder / name / "model.safetensors")
