"""What an edit of the code runs again: the stages whose imports hold it, and what comes after them.

Imports are found by Python's own `modulefinder`, not by the fingerprints of the project. Nothing is run, see
`support/stand_in.py`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proteinmtp.base.plugins import module_name, names
from proteinmtp.model.parts import HEADS, LOSSES
from proteinmtp.predictors.catalogue import NULLS
from proteinmtp.structures.listing import SOURCES

from ..support.dry_runs import Job
from ..support.import_closure import import_closure, modules_of
from ..support.stand_in import StandIn, StandIns, changed_file, rules, runs

ROOT = Path(__file__).resolve().parent.parent.parent
CONSTANTS = "proteinmtp.geometry.constants"
UNCOUNTED = (
    "proteinmtp.base.gpus",
    "proteinmtp.base.lifeline",
    "proteinmtp.base.lock",
    "proteinmtp.base.logs",
    "proteinmtp.base.memory",
    "proteinmtp.base.space",
    "proteinmtp.config",
    "proteinmtp.planning.jobs",
    "proteinmtp.training.launch",
    CONSTANTS,
)
"""What changes no result, what stages get as settings, and the constants, which count one by one."""
PARTS = [module_name(package, name) for package in (HEADS, LOSSES, NULLS, SOURCES) for name in names(package)]
STAGES = [name for name in modules_of(ROOT) if name.startswith("pipeline.") and not name.startswith("pipeline._")]
RUNS = {
    "demo": {
        "system": ("distogram", "distogram", "dihedral", "confidence"),
        "full": ("distance", "mse"),
        "trace": ("coords", "coordinates"),
    },
    "models": {
        "hub": ("label_wise", "coordinates"),
        "path": ("distance", "huber"),
        "esm": ("frames", "fape"),
        "own": ("my_lab.power", "my_lab.cube"),
    },
}
"""Head and losses of each run of a project; the usual losses of the head, where the project leaves them to it."""
NETWORK = {"train", "predict", "calibrate", "fold"}
NULL = {"fit_null", "predict_null"}

pytestmark = pytest.mark.xdist_group("reruns of code and data")


def closure(*modules: str) -> frozenset[str]:
    """Return what modules import."""
    return import_closure(ROOT, *modules, without=UNCOUNTED)


def alike() -> Iterator[str]:
    """Yield of the modules that the same stages import the first, in the order of their names."""
    seen = set()
    for module in modules_of(ROOT):
        users = frozenset(stage for stage in STAGES if module in closure(stage))
        if users not in seen:
            seen.add(users)
            yield module


FIRST = sorted({*alike(), *STAGES, *PARTS, *UNCOUNTED})
OTHERS = [module for module in modules_of(ROOT) if module not in FIRST]


def parts_of(project: str, job: Job) -> list[str]:
    """Return the parts that a job of a project loads by name."""
    wildcards = dict(job.wildcards)
    if job.rule == "manifest":
        return [f"{SOURCES}.{'demo' if project in RUNS else project}"]
    if job.rule in NULL:
        return [f"{NULLS}.{wildcards['null'].removeprefix('null_').removesuffix('_points')}"]
    if job.rule in NETWORK and project in RUNS:
        head, *losses = RUNS[project][wildcards["run"]]
        return [module_name(HEADS, head), *(module_name(LOSSES, loss) for loss in losses)]
    return []


def using(stand_in: StandIn, module: str) -> frozenset[Job]:
    """Return the jobs with a module among what their stage and their parts import, and all jobs after them."""
    return stand_in.after(
        job
        for job in stand_in.jobs
        for users in [(f"pipeline.{job.rule}", *parts_of(stand_in.name, job))]
        if any(module in closure(user) for user in users if not user.startswith("my_lab"))
    )


def check(stand_in: StandIn, module: str) -> None:
    path = stand_in.folder.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    with changed_file(path, path.read_bytes() + b"\nEDITED = 1\n"):
        planned = stand_in.planned()
    assert planned == using(stand_in, module)


@pytest.mark.parametrize("module", FIRST)
def test_an_edit_runs_again_the_stages_that_import_the_module(stand_ins: StandIns, module: str):
    check(stand_ins.of("demo"), module)


@pytest.mark.slow
@pytest.mark.parametrize("module", OTHERS)
def test_an_edit_of_a_module_used_like_another_one_does_the_same(stand_ins: StandIns, module: str):
    check(stand_ins.of("demo"), module)


@pytest.mark.parametrize("module", [name for name in PARTS if name.startswith((HEADS, LOSSES))])
def test_an_edit_of_a_head_or_loss_trains_again_the_runs_that_have_it(stand_ins: StandIns, module: str):
    check(stand_ins.of("models"), module)


@pytest.mark.parametrize("project", ["directory", "pdbbind", "rcsb"])
def test_an_edit_of_a_source_lists_again_what_is_of_its_kind(stand_ins: StandIns, project: str):
    stand_in = stand_ins.of(project)
    for name in names(SOURCES):
        module = module_name(SOURCES, name)
        assert bool(using(stand_in, module)) == (module in closure(module_name(SOURCES, project)))
        check(stand_in, module)


def test_each_stage_is_among_the_jobs_of_the_demo(stand_ins: StandIns):
    assert {f"pipeline.{rule}" for rule in rules(stand_ins.of("demo").jobs)} == set(STAGES)


AFTER_OWN = "train predict package reconstruct evaluate view report provenance"


def test_a_part_of_ones_own_counts_with_what_it_imports_beside_itself(stand_ins: StandIns):
    stand_in = stand_ins.of("models")
    for name in ("power", "numbers"):
        path = stand_in.folder / "my_lab" / f"{name}.py"
        with changed_file(path, path.read_bytes() + b"\nEDITED = 1\n"):
            planned = stand_in.planned()
        assert rules(planned) == set(AFTER_OWN.split())
        assert runs(planned) == {"own"}


EVALUATED = "evaluate view report provenance"
AFTER_TRAINING = f"train predict reconstruct package fold fold_summary {EVALUATED}"


@pytest.mark.parametrize(
    ("file", "old", "new", "rerun", "of"),
    [
        ("proteinmtp/geometry/constants.py", "(1.0, 2.0, 4.0, 8.0)", "(1.0, 2.0)", EVALUATED, "all"),
        ("proteinmtp/report/scores.html.j2", '"Scores"', '"The scores"', "report provenance", ""),
        ("proteinmtp/report/assets/chain.js", "} and ${", "} with ${", "report provenance", ""),
        ("proteinmtp/geometry/lddt.py", "C-alpha lDDT: how", "The C-alpha lDDT: how", "", ""),
        ("proteinmtp/geometry/lddt.py", "    counted = (", "    # A comment.\n    counted = (", "", ""),
        ("proteinmtp/geometry/lddt.py", "    counted = (", "    counted =  (", "", ""),
        ("proteinmtp/base/files.py", "import os\n", "\n\nimport os\n", "", ""),
        ("pipeline/train.py", '"""Training of', '"""In other words: Training of', "", ""),
        ("proteinmtp/model/heads/coords.py", "nn.GELU()", "nn.ReLU()", AFTER_TRAINING, "trace"),
        ("proteinmtp/predictors/nulls/helix.py", "radius=2.3", "radius=2.4",
         f"fit_null predict_null reconstruct {EVALUATED}", "null_helix null_helix_points"),
        ("workflow/accelerate/cpu.yaml", "num_machines: 1", "num_machines: 2",
         f"pretrain calibrate {AFTER_TRAINING}", "system full trace"),
        ("workflow/accelerate/cpu.yaml", "num_machines: 1", "num_machines:  1  # one", "", ""),
        ("workflow/accelerate/gpu.yaml", "num_machines: 1", "num_machines: 2", "", ""),
        ("requirements.lock", "transformers==", "transformers==9",
         f"pretrain calibrate {AFTER_TRAINING}", "system full trace"),
        ("requirements.lock", "rich==", "rich==9", "", ""),
        ("docs/method.md", "the", "a", "", ""),
        ("README.md", "the", "a", "", ""),
    ],
)  # fmt: skip
def test_of_an_edit_counts_what_changes_results(
    stand_ins: StandIns, file: str, old: str, new: str, rerun: str, of: str
):
    stand_in = stand_ins.of("demo")
    path = stand_in.folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    with changed_file(path, text.replace(old, new).encode()):
        planned = stand_in.planned()
    assert rules(planned) == set(rerun.split())
    assert runs(planned) == (runs(stand_in.jobs) if of == "all" else set(of.split()))
