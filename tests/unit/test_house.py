"""The house of ARCHITECTURE.md: floors, no circles, one name for a rule and its module, and tests that stand alone."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from proteinmtp.base.syntax import imports

FLOORS = {
    "cli": 6, "report": 6, "folding": 6,
    "planning": 5, "training": 5, "predictors": 5, "scoring": 5,
    "model": 4,
    "structures": 3, "download": 3, "splitting": 3,
    "tables": 2,
    "geometry": 1,
    "config": 0, "base": 0,
}  # fmt: skip


def imported_names(path: Path, package: str) -> set[str]:
    return {name for item in imports(path, package) for name in (item.module, item.whole)}


def module_of(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def strings(path: Path) -> Iterator[str]:
    """Yield the texts of a module, docstrings left out."""
    tree = ast.parse(path.read_bytes())
    documented = {
        id(node.body[at].value)
        for node in ast.walk(tree)
        for at in range(len(getattr(node, "body", []) if isinstance(getattr(node, "body", []), list) else []))
        if isinstance(node.body[at], ast.Expr) and isinstance(node.body[at].value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value


def arrows(root: Path) -> dict[str, set[str]]:
    """Return for each module of the library the modules (or packages) of it that it names, imported or as a text."""
    paths = {module_of(root, path): path for path in sorted((root / "proteinmtp").rglob("*.py"))}
    found: dict[str, set[str]] = {}
    for module, path in paths.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        named = imported_names(path, package)
        named |= {name for text in strings(path) for name in re.findall(r"\bproteinmtp(?:\.[a-z_]+)+", text)}
        own = {name if name in paths else name.rpartition(".")[0] for name in named if name.startswith("proteinmtp.")}
        found[module] = {name for name in own if name in paths} - {module}
    return found


def folder(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_no_module_names_one_on_a_floor_above(root: Path):
    wrong = [
        f"{module} -> {other}"
        for module, others in arrows(root).items()
        for other in others
        if folder(module) and folder(other) and FLOORS[folder(module)] < FLOORS[folder(other)]
    ]
    assert not wrong


def test_each_folder_has_a_floor(root: Path):
    assert {path.name for path in (root / "proteinmtp").iterdir() if (path / "__init__.py").is_file()} == set(FLOORS)


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return error.args[1]
    return []


def test_no_circle_of_modules_or_folders_by_imports_or_by_names_in_texts(root: Path):
    modules = arrows(root)
    packages = {module for module in modules if (root / module.replace(".", "/") / "__init__.py").is_file()}
    # A package that is named stands for all of its modules, since parts are loaded by its name; one whose module is
    # imported is only run through.
    graph = {
        module: {
            inner
            for other in others
            for inner in ([name for name in modules if name.startswith(f"{other}.")] if other in packages else [other])
            if inner != module and not module.startswith(f"{other}.")
        }
        for module, others in modules.items()
        if module not in packages
    }
    assert not circle(graph)
    folders: dict[str, set[str]] = {}
    for module, others in modules.items():
        folders.setdefault(folder(module), set()).update(folder(other) for other in others if folder(other))
    assert not circle({name: others - {name} for name, others in folders.items() if name})


def test_the_library_knows_neither_the_stages_nor_snakemake(root: Path):
    for path in (root / "proteinmtp").rglob("*.py"):
        roots = {name.partition(".")[0] for name in imported_names(path, module_of(root, path))}
        assert not roots & {"pipeline", "snakemake"}, path


SHARED_RULES = {"all", "common", "config", "ends", "jobs", "options"}
"""Files in rules/ that hold no rule."""


def rules_of(root: Path) -> dict[str, str]:
    """Return the text of each rule that runs a command, by its name."""
    found = {}
    for path in sorted((root / "rules").glob("*.smk")):
        for part in re.split(r"^(?=rule )", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            found[part.partition(":")[0].removeprefix("rule ").strip()] = part
    return found


def test_a_rule_its_module_file_command_log_benchmark_and_heading_have_one_name(root: Path):
    rules = rules_of(root)
    assert set(rules) == {path.stem for path in (root / "pipeline").glob("*.py") if not path.stem.startswith("__")}
    assert set(rules) | SHARED_RULES == {path.stem for path in (root / "rules").glob("*.smk")}
    docs = (root / "docs" / "workflow.md").read_text(encoding="utf-8")
    for name, text in rules.items():
        assert f'**stage("{name}"' in text and f'**needs("{name}")' in text, name
        assert f'under("logs/{name}/' in text and f'under("benchmarks/{name}/' in text, name
        assert f"## {name}\n" in docs, name


def test_the_snakefile_and_the_rules_are_short(root: Path):
    assert len((root / "Snakefile").read_text(encoding="utf-8").splitlines()) < 60
    lengths = {name: len(text.rstrip().splitlines()) for name, text in rules_of(root).items()}
    assert max(lengths.values()) <= 25, lengths


@pytest.mark.parametrize("name", sorted(rules_of(Path(__file__).parents[2])))
def test_a_stage_has_inputs_outputs_options_and_run_and_its_rule_names_all_files(root: Path, name: str):
    tree = ast.parse((root / "pipeline" / f"{name}.py").read_bytes())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    assert {"Inputs", "Outputs", "Options"} <= set(classes)
    assert "run" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert ast.get_docstring(tree)
    text = (root / "rules" / f"{name}.smk").read_text(encoding="utf-8")
    if "**PAUSING" in text:
        text += (root / "rules" / "jobs.smk").read_text(encoding="utf-8")
    for part in ("Inputs", "Outputs"):
        for item in classes[part].body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                assert re.search(rf'\b{item.target.id}=|"{item.target.id}"', text), item.target.id


def test_no_test_imports_another(root: Path):
    for path in sorted((root / "tests").rglob("*.py")):
        package = module_of(root, path).rpartition(".")[0]
        others = [name for name in imported_names(path, package) if re.search(r"\btest_\w+", name)]
        assert not others, f"{path}: {others}"
        if path.parent.name != "tests":
            assert not [name for name in imported_names(path, package) if name.endswith("conftest")], path
