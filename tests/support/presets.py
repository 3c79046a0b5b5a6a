"""The presets of the checkout, and small data sets where they look for them."""

from pathlib import Path

from .project import write_demo_files, write_pdbbind

DEFAULT_RUNS = {"slots", "random", "no_slots", "distance", "coords"}
"""Those of config.yaml, which `model/tiny` leaves as they are."""

DATA = ("demo", "directory", "directory-short", "pdbbind", "pdbbind-1000", "rcsb", "pdb500")
MODELS = {
    "tiny": DEFAULT_RUNS,
    "qwen2.5-0.5b": {"pretrained", "random"},
    "qwen2.5-7b": {"distogram"},
    "qwen3-8b": {"distogram"},
    "esm2-150m": {"esm2", "random"},
}
"""The runs of each model."""

STUDIES = {
    "nulls": ("pdb500", DEFAULT_RUNS),
    "ablations": ("directory-short", {"base", "label_wise", "digits"}),
    "short-chains": ("directory-short", {"best", "distance_mse"}),
    "seeds": ("directory-short", {"placeholder", "echo", "no_slots"}),
    "phase1": ("pdbbind-1000", {"coords", "label_wise"}),
    "phase2": ("pdbbind", {"coords"}),
    "phase3": ("pdbbind", {"distance"}),
}
"""The data that a study goes with, and runs of it."""
NAMES = [*(f"data/{name}" for name in DATA), *(f"model/{name}" for name in MODELS), *(f"study/{n}" for n in STUDIES)]


def data_sets_at_hand(folder: Path) -> None:
    """Write structures, a PDBbind tree and a list of ids into a folder, named as the presets name them."""
    write_demo_files(folder / "structures", 2, 4)
    write_pdbbind(folder / "pdbbind", sorted((folder / "structures").glob("f*.pdb")))
    (folder / "ids.txt").write_text("1abc 2abc\n", encoding="utf-8")
