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

NETWORK = NetworkNeeds(training=3000, inference=1000, pretraining=4000, operations=1e9)


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
    assert needs.pretraining == round((16 * plan.parameters + plan.program) / 1e6)
    monkeypatch.setattr("proteinmtp.planning.jobs._planned", lambda *_: pytest.fail("planned again"))
    assert network_needs(config, longest=40, kept=tmp_path) == needs
    with pytest.raises(pytest.fail.Exception):
        network_needs(config, longest=41, kept=tmp_path)


def test_a_run_that_cannot_be_planned_is_an_error_for_people(tmp_path: Path):
    config = run_of(backbone={"kind": "path", "path": str(tmp_path)})
    with pytest.raises(UserError):
        network_needs(config, longest=40, kept=tmp_path / "plans")


@pytest.mark.parametrize("stage", ["train", "pretrain"])
def test_training_reserves_memory_for_all_its_processes_and_no_more_time_than_its_limit(stage: str):
    sizes = ChainSizes(100, 100)
    alone = needs_of(stage, steps=10_000)
    assert alone.megabytes >= (NETWORK.training if stage == "train" else NETWORK.pretraining)
    assert needs_of(stage, steps=20_000).minutes > 1.8 * alone.minutes
    assert 30 < needs_of(stage, steps=10_000, max_minutes=30).minutes < alone.minutes
    for two in ({"gpus": 2}, {"processes": 2}):
        assert needs_of(stage, steps=10_000, **two).megabytes >= 1.9 * alone.megabytes
    assert needs_of(stage, epochs=800.0) == alone
    assert prediction_needs("predict", replace(NETWORK, inference=5000), sizes).megabytes >= 5000


def needs_of(stage: str, **loop: Any) -> JobNeeds:
    return training_needs(stage, LoopConfig(batch_size=8, **loop), NETWORK, ChainSizes(100, 100))


def test_pretraining_of_a_small_model_takes_what_the_program_takes():
    small = training_needs("pretrain", LoopConfig(), replace(NETWORK, pretraining=1), ChainSizes(100, 100))
    assert small.megabytes >= COSTS["pretrain"].program
