import ast
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from proteinmtp.base.errors import ConfigError, UserError
from proteinmtp.base.syntax import imports
from proteinmtp.cli.config import generated_files
from proteinmtp.config import Config
from proteinmtp.config.generated import conda_environment
from proteinmtp.predictors.catalogue import parse_config, read_config

from ..support.command import installed, proteinmtp


def test_the_defaults_are_valid_and_are_the_demo():
    config = parse_config({})
    assert config.source.kind == "demo"
    assert config.run("distance").head.kind == "distance"
    assert config.run("coords").head.kind == "coords"


def test_config_yaml_holds_every_default(root: Path):
    assert read_config(root / "config.yaml") == parse_config({})


def test_generated_files_are_up_to_date(root: Path):
    for path, text in generated_files(root).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} has drifted: run make generate"


def modules(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((root / "proteinmtp" / "config").glob("*.py")):
        yield path, ast.parse(path.read_bytes(), filename=str(path))


def decorators(function: ast.FunctionDef) -> set[str]:
    return {getattr(item.func if isinstance(item, ast.Call) else item, "id", "?") for item in function.decorator_list}


def test_the_models_are_data_and_compute_nothing(root: Path):
    """No fingerprint of code covers them, so nothing that a stage computes may hide in them."""
    methods = {
        f"{node.name}.{item.name}"
        for _, tree in modules(root)
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        and not decorators(item) & {"field_validator", "model_validator"}
    }
    assert methods == {"Config.run"}


def test_the_sections_import_nothing_that_computes(root: Path):
    """But for the number of GPUs, which stands in the settings when a stage gets them."""
    allowed = {f"proteinmtp.base.{name}" for name in ("errors", "gpus", "metrics", "plugins")} | {"proteinmtp.config"}
    for path, _ in modules(root):
        named = {name for item in imports(path, "proteinmtp.config") for name in (item.module, item.whole)}
        named = {name for name in named if name.startswith("proteinmtp.")}
        beyond = {name for name in named if not any(name == ok or name.startswith(f"{ok}.") for ok in allowed)}
        assert not beyond, f"{path.name}: {beyond}"


def test_the_locks_pin_every_dependency_exactly_and_those_of_tests_apart(root: Path):
    lock, dev, gpu, cluster = (
        (root / f"requirements{name}.lock").read_text().splitlines() for name in ("", "-dev", "-gpu", "-cluster")
    )
    lines = [*lock, *dev, *gpu, *cluster]
    assert all("==" in line and "@" not in line for line in lines)
    pinned = [line.partition("==")[0] for line in lines]
    assert len(set(pinned)) == len(pinned)
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"]
    conda_environment("\n".join(lock), wanted)
    conda_environment("\n".join(dev), project["optional-dependencies"]["dev"])
    conda_environment("\n".join(gpu), project["optional-dependencies"]["gpu"])
    conda_environment("\n".join(cluster), project["optional-dependencies"]["s3"])
    with pytest.raises(UserError, match=r"^foo>=1 of pyproject.toml is not in requirements.lock$"):
        conda_environment("\n".join(lock), [*wanted, "foo>=1"])


def test_the_locks_go_together_and_hold_all_that_their_packages_need(root: Path):
    lines = [line for path in root.glob("requirements*.lock") for line in path.read_text().splitlines()]
    pins = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    for name in pins:
        for requirement in map(Requirement, metadata.requires(name) or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                version = pins.get(canonicalize_name(requirement.name))
                assert version is not None, f"{name} needs {requirement}, which no lock has"
                assert requirement.specifier.contains(version, prereleases=True), f"{name} needs {requirement}"


def test_the_command_prints_the_defaults_and_checks_a_file(root: Path, tmp_path: Path):
    printed = proteinmtp("config").stdout
    assert printed == (root / "config.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(printed)
    assert proteinmtp("config", "--check", tmp_path / "mine.yaml").stdout.endswith(
        "fine, runs: slots, random, no_slots, distance, coords\n"
    )
    (tmp_path / "mine.yaml").write_text("sede: 1\n")
    wrong = proteinmtp("config", "--check", tmp_path / "mine.yaml")
    assert (wrong.exit_code, wrong.stderr.startswith("error: sede: unknown key")) == (1, True)
    assert proteinmtp("config", "--check", tmp_path / "mine.yaml", "--write").exit_code == 2


def test_generated_files_are_written_in_a_checkout_alone(root: Path, tmp_path: Path):
    for name in ("pyproject.toml", "requirements.lock", "requirements-gpu.lock", "requirements-cluster.lock"):
        (tmp_path / name).write_text((root / name).read_text())
    assert installed("config", "--write", cwd=tmp_path).returncode == 0
    for path, text in generated_files(tmp_path).items():
        assert path.read_text(encoding="utf-8") == text
    (tmp_path / "requirements.lock").unlink()
    wrong = installed("config", "--write", cwd=tmp_path)
    assert wrong.returncode == 1 and "is no checkout of the project: there is no requirements.lock" in wrong.stderr


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"sede": 1}, ["sede: unknown key", "did you mean 'seed'"]),
        ({"defaults": {"train": {"lrr": 0.1}}}, ["defaults.train.lrr: unknown key", "'lr'", "batch_size"]),
        ({"defaults": {"train": {"lr": "1e-4"}}}, ["defaults.train.lr", "'1e-4'", "write 0.0001 without quotes"]),
        ({"defaults": {"train": {"lr": "1e-5"}}}, ["write 1.0e-05 without quotes"]),
        ({"defaults": {"train": {"steps": True}}}, ["defaults.train.steps", "True"]),
        ({"defaults": {"train": {"steps": 1.5}}}, ["defaults.train.steps", "1.5"]),
        ({"split": {"method": "guess"}}, ["split.method", "'random', 'members' or 'memorise'"]),
        ({"source": {"kind": "directory"}}, ["source", "source.directory.path must name a folder"]),
        ({"runs": [{"name": "a", "head": {"kind": "coord"}}]}, ["runs[0] (a): head.kind", "did you mean 'coords'"]),
        ({"runs": [{"name": "a", "hed": {}}]}, ["runs[0] (a): hed: unknown key", "'head'"]),
        ({"runs": [{"name": "a"}, {"name": "a"}]}, ["names must differ"]),
        ({"runs": [{"name": "../a"}]}, ["runs[0].name", "pattern"]),
        ({"runs": [{"name": "null_x"}]}, ["null_"]),
        (
            {"runs": [{"name": "a", "hypothesis": "b"}]},
            ["runs[0]", "the run a has a hypothesis", "`against` must name"],
        ),
        ({"runs": [{"name": "a", "against": "null_helix"}]}, ["the run a is held against null_helix", "a hypothesis"]),
        (
            {"runs": [{"name": "a", "hypothesis": "b", "against": "null_helx"}]},
            ["runs[0] (a).against", "did you mean 'null_helix'", "found 'null_helx'"],
        ),
        ({"runs": [{"name": "a", "hypothesis": "b", "against": "a"}]}, ["runs[0] (a).against: allowed: null_helix"]),
        ({"runs": [{"name": "a", "metric": "ldt"}]}, ["runs[0].metric: did you mean 'lddt'? allowed: mae"]),
        ({"runs": [{"name": "a", "hypothesys": "b"}]}, ["hypothesys: unknown key; did you mean 'hypothesis'"]),
        ({"defaults": {"backbone": {"kind": "hub", "hub": {"id": "a/b", "revision": "main"}}}}, ["40-digit commit"]),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_is_allowed(raw: dict, words: list[str]):
    with pytest.raises(ConfigError) as caught:
        parse_config(raw)
    for word in words:
        assert word in str(caught.value)


def lines_of(raw: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(raw)
    return [line.partition(": did")[0].partition(": allowed")[0] for line in str(caught.value).split("\n")]


def test_all_mistakes_of_source_and_defaults_are_said_at_once_and_those_of_runs_wait():
    run = {"head": {"kind": "distanc", "options": {"x": 1}}, "loss": {"terms": [{"name": "hubber"}, {"name": "fap"}]}}
    raw = {"source": {"kind": "dem"}, "defaults": run, "runs": [{"name": "a", "loss": {"terms": []}}], "nulls": ["toy"]}
    assert lines_of(raw) == ["source.kind", "defaults.head.kind", "defaults.loss.terms", "defaults.loss.terms"]


def test_all_mistakes_of_runs_nulls_and_against_are_said_at_once():
    terms = [{"name": "mse", "options": {"delta": 1.0}}, {"name": "mse"}, {"name": "fape"}, {"name": "hubber"}]
    runs = [
        {"name": "a", "head": {"kind": "distance", "options": {"depth": 1}}, "loss": {"terms": terms}},
        {"name": "b", "head": {"kind": "distanc"}, "hypothesis": "h", "against": "null_helx"},
        {"name": "c", "head": {"kind": "digits"}, "loss": {"terms": [{"name": "dihedral"}, {"name": "mse"}]}},
        {"name": "d", "hypothesis": "h", "against": "null_toy"},
    ]
    expected = [
        "runs[0] (a): head.options: proteinmtp.model.heads.distance takes no depth",
        "runs[0] (a): loss.terms: mse and mse would both be mse; names must differ",
        "runs[0] (a): loss.terms",
        "runs[0] (a): loss.terms: fape needs coords, which the head distance does not give",
        "runs[1] (b): head.kind",
        "runs[2] (c): slots: the head digits writes after the residues",
        "runs[2] (c): loss.terms: dihedral looks at slots, and the head digits has none",
        "runs[2] (c): loss.terms: mse needs distances, which the head digits does not give",
        "nulls",
        "runs[1] (b).against",
    ]
    lines = lines_of({"runs": runs, "nulls": ["helix", "toy"]})
    assert len(lines) == len(expected)
    for line, beginning in zip(lines, expected, strict=True):
        assert line.startswith(beginning), line


def test_a_hypothesis_may_be_about_another_run_a_comparator_or_a_null():
    runs = [
        {"name": "a", "hypothesis": "h", "against": "b", "metric": "mae"},
        {"name": "b", "question": "q", "hypothesis": "h", "against": "alphafold"},
        {"name": "c", "hypothesis": "h", "against": "null_separation"},
    ]
    config = parse_config({"runs": runs, "comparators": [{"name": "alphafold", "folder": "x"}]})
    assert [(entry.against, entry.metric) for entry in config.runs] == [
        ("b", "mae"),
        ("alphafold", "lddt"),
        ("null_separation", "lddt"),
    ]
    assert config.run("a") == config.run("b")


def test_a_run_changes_only_what_it_names():
    config = parse_config(
        {"defaults": {"train": {"steps": 7}}, "runs": [{"name": "wide", "head": {"width": 128}}, {"name": "plain"}]}
    )
    assert config.run("wide").head.width == 128
    assert config.run("wide").train.steps == config.run("plain").train.steps == 7
    assert config.run("plain").head == Config().defaults.head


def test_yaml_reads_1e_4_as_text_which_is_why_the_config_is_strict():
    assert isinstance(yaml.safe_load("lr: 1e-4")["lr"], str)


def test_the_cap_is_that_of_the_head_unless_the_config_names_one():
    runs = [
        {"name": "a", "head": {"kind": "distogram"}},
        {"name": "b", "head": {"kind": "distance"}},
        {"name": "c", "head": {"kind": "distogram"}, "reconstruct": {"cap": 12.0}},
    ]
    config = parse_config({"runs": runs})
    assert [config.run(name).reconstruct.cap for name in "abc"] == [18.0, None, 12.0]
    assert config.defaults.reconstruct.cap is None, "the nulls are rebuilt with this"
