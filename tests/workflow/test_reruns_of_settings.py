"""What each leaf of the configuration runs again: `tests/golden/reruns.tsv` has a line for each, with another value.

A leaf that is used only with a certain source, backbone, head or loss is changed in a project that has it; the projects
are in `tests/golden/reruns`. None is run, see `support/stand_in.py`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from proteinmtp.config import Config, RunConfig, RunEntry

from ..support.leaves import changed, kind_of, leaves
from ..support.stand_in import StandIn, StandIns, rules, runs

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
ALL = "all"

pytestmark = pytest.mark.xdist_group("reruns of settings")


@dataclass(frozen=True)
class Line:
    """A line of the golden file: in a project, a leaf with another value, what runs then, and of which runs."""

    project: str
    leaf: str
    value: str
    rules: frozenset[str]
    runs: frozenset[str]

    def __str__(self) -> str:
        return f"{self.project}: {self.leaf} = {self.value}"


def golden() -> Iterator[Line]:
    with (GOLDEN / "reruns.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Line(
                row["project"], row["leaf"], row["value"], *(frozenset(row[key].split()) for key in ("rules", "runs"))
            )


LINES = list(golden())


def test_every_leaf_has_a_line_and_every_line_a_leaf():
    own = {f"runs[].{name}" for name in RunEntry.model_fields}
    named = {kind_of(line.leaf) for line in LINES}
    named = {leaf if leaf in own else leaf.replace("runs[].", "defaults.") for leaf in named}
    assert named == set(leaves(Config))


def test_leaves_are_those_of_the_sections_and_of_the_entries_of_lists():
    found = set(leaves(Config))
    assert {"seed", "source.demo.families", "defaults.train.lora.rank", "runs[].seeds", "nulls"} <= found
    assert "defaults.loss.terms[].weight" in found and "defaults.loss.terms" not in found
    assert {f"defaults.{leaf}" for leaf in leaves(RunConfig)} <= found


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_leaf_runs_again_what_uses_it(stand_ins: StandIns, line: Line):
    stand_in = stand_ins.of(line.project)
    planned = stand_in.planned(changed(stand_in.config, line.leaf, yaml.safe_load(line.value)))
    assert rules(planned) == line.rules
    expected = runs(stand_in.jobs) if line.runs == {ALL} else line.runs
    assert runs(planned) == expected


@pytest.mark.parametrize("project", sorted({line.project for line in LINES}))
def test_a_second_run_has_nothing_to_do(stand_ins: StandIns, project: str):
    stand_in: StandIn = stand_ins.of(project)
    assert not stand_in.planned() and len(stand_in.jobs) > 20
