"""What jobs reserve grows with the data, and is the planner's where a network takes the memory."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proteinmtp.base.errors import UserError
from proteinmtp.config import LoopConfig
from proteinmtp.planning.jobs import (
    COSTS,
    JobNeeds,
    NetworkNeeds,
    granted,
    job_needs,
    network_needs,
    prediction_needs,
    training_needs,
)
from proteinmtp.planning.plan import device_for, plan_run
from proteinmtp.tables.chains import CHAINS
from proteinmtp.tables.manifest import MANIFEST
from proteinmtp.tables.sizes import ChainSizes, chain_sizes

from ..support.networks import run_of
from ..support.small import SmallData

NETWORK = NetworkNeeds(training=3000, inference=1000, pretraining=4000, loading=2000, operations=1e9)


def test_every_stage_has_its_costs(root: Path):
    assert COSTS.keys() == {path.stem for path in (root / "pipeline").glob("[!_]*.py")}


def test_the_costs_in_the_docs_are_those_of_the_code(root: Path):
    told = (root / "docs" / "cluster.md").read_text(encoding="utf-8")
    for name, cost in COSTS.items():
        assert f"| {name} | {cost.program:,} | {cost.square:,} | {cost.thousand:,} | {cost.seconds:g} |\n" in told


def test_sizes_are_those_of_the_rows_and_follow_a_file_that_is_replaced(small: SmallData, tmp_path: Path):
    rows = list(CHAINS.read(*small.chains))
    assert chain_sizes(small.chains) == ChainSizes(len(rows), max(row.length for row in rows))
    path = tmp_path / "000.parquet"
    CHAINS.write(path, rows)
    assert chain_sizes([path]) == chain_sizes(small.chains)
    CHAINS.write(path, [])
    assert chain_sizes([path]) == ChainSizes(0, 0)
    MANIFEST.write(path, [])
    assert chain_sizes([path]) == ChainSizes(0, 0)
    path.write_bytes(small.chains[0].read_bytes()[:-100])
    assert chain_sizes([path]) == ChainSizes(0, 0)
    with pytest.raises(FileNotFoundError) as caught:
        chain_sizes([tmp_path / "absent.parquet"])
    assert str(caught.value.filename) == str(tmp_path / "absent.parquet")  # Snakemake waits for a file of this name


def test_memory_grows_with_the_square_of_the_longest_chain_and_time_with_the_chains():
    short, long = (job_needs("distances", ChainSizes(100, length)) for length in (100, 2000))
    assert long.megabytes > 1.5 * short.megabytes and long.minutes == short.minutes
    few, many = (job_needs("evaluate", ChainSizes(chains, 100)) for chains in (10, 10_000))
    assert many.minutes > 10 * few.minutes


def test_a_network_takes_what_the_planner_says_and_it_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = run_of()
    needs = network_needs(config, longest=40, kept=tmp_path)
    plan = plan_run("a", config, length=40, device=device_for(config, 1))
    assert needs.training == round((plan.training + plan.program) / 1e6)
    assert needs.inference == round((plan.inference + plan.program) / 1e6)
    frozen = plan.parameters - plan.trainable
    assert needs.pretraining == round((plan.training + 16 * frozen + plan.program) / 1e6)
    assert needs.loading == round((4 * plan.parameters + plan.program) / 1e6)
    monkeypatch.setattr("proteinmtp.planning.jobs._planned", lambda *_: pytest.fail("planned again"))
    assert network_needs(config, longest=40, kept=tmp_path) == needs
    with pytest.raises(pytest.fail.Exception):
        network_needs(config, longest=41, kept=tmp_path)


def test_a_run_that_cannot_be_planned_is_an_error_for_people(tmp_path: Path):
    config = run_of(backbone={"kind": "path", "path": str(tmp_path)})
    with pytest.raises(UserError):
        network_needs(config, longest=40, kept=tmp_path / "plans")


@pytest.mark.parametrize(("stage", "memory"), [("train", NETWORK.training), ("pretrain", NETWORK.pretraining)])
def test_training_reserves_memory_for_all_its_processes_and_the_time_of_its_steps(stage: str, memory: int):
    alone = needs_of(stage, steps=10_000)
    assert alone.megabytes == 1.5 * memory
    assert needs_of(stage, steps=20_000).minutes > 1.8 * alone.minutes
    assert needs_of(stage, steps=10_000, processes=2).megabytes == 2 * alone.megabytes
    on_gpus = needs_of(stage, steps=10_000, gpus=2)
    assert on_gpus.megabytes == 2 * 1.5 * NETWORK.loading and on_gpus.minutes < alone.minutes
    assert needs_of(stage, epochs=800.0) == alone
    small = replace(NETWORK, training=1, pretraining=1, loading=1)
    assert training_needs(stage, LoopConfig(), small, ChainSizes(100, 100)).megabytes >= COSTS[stage].program


def needs_of(stage: str, **loop: Any) -> JobNeeds:
    return training_needs(stage, LoopConfig(batch_size=8, **loop), NETWORK, ChainSizes(100, 100))


def test_prediction_reserves_what_the_planner_says():
    needs = prediction_needs("predict", replace(NETWORK, inference=5000), ChainSizes(100, 100))
    assert needs.megabytes == 1.5 * 5000


def test_each_attempt_is_given_more_and_never_more_time_than_it_takes_by_itself():
    needs = JobNeeds(1000, 40)
    assert granted(needs, attempt=1) == needs and granted(needs, attempt=3) == JobNeeds(3000, 120)
    assert [granted(needs, attempt=at, max_minutes=89.5).minutes for at in (1, 2, 3)] == [40, 80, 100]
