"""`proteinmtp run -n` says why a stage runs, in words made of those of Snakemake."""

import json

import pytest
from snakemake.persistence import ParamsChange

from snakemake_logger_plugin_stages.progress import Job, Progress
from snakemake_logger_plugin_stages.reasons import reasons

CODE = ("0123456789abcdef", "fedcba9876543210")


def changed(before: list[object], now: list[object]) -> str:
    """Return what Snakemake says of params, by its own code."""
    return f"Params have changed since last execution: {ParamsChange({*map(repr, before)}, {*map(repr, now)})}"


def settings(**values: object) -> str:
    return json.dumps({"of": values}, sort_keys=True)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Forced execution", ["asked for"]),
        ("Missing output files: results/a.parquet, results/b.parquet", ["results/a.parquet is missing"]),
        ("Incomplete output files: results/a.parquet", ["it was interrupted"]),
        (
            "Updated input files: mine.txt, other.txt; Code has changed since last execution",
            ["its rule changed", "mine.txt changed"],
        ),
        (changed([settings(lr=1, steps=2)], [settings(lr=3, steps=2)]), ["settings: of.lr 1 -> 3"]),
        (changed([CODE[0]], [CODE[1]]), ["its code changed"]),
        (
            changed([CODE[0], settings(a=1)], [CODE[1], settings(b=1)]),
            ["settings: of.a 1 -> none, of.b none -> 1", "its code changed"],
        ),
        (changed([["ab"]], [["cd"]]), ["the files that it reads changed"]),
        (changed([settings(title="before: 'x' now: 'y' ; {")], [settings(title='it\'s "now: " \\ {')]), None),
        (
            changed([settings(a=1, b=1, c=1, d=1, e=1)], [settings(a=2, b=2, c=2, d=2, e=2)]),
            ["settings: of.a 1 -> 2, of.b 1 -> 2, of.c 1 -> 2, 2 more"],
        ),
    ],
    ids=["forced", "missing", "incomplete", "rule", "setting", "code", "both", "files", "words", "many"],
)
def test_what_snakemake_says_is_said_in_few_words(said: str, words: list[str] | None):
    found = reasons(said, made=True)
    if words is None:
        (text,) = found
        assert text.startswith("settings: of.title ") and json.dumps('it\'s "now: " \\ {') in text
    else:
        assert found == words


def test_what_was_never_done_and_what_follows():
    assert reasons("Missing output files: a", made=False) == ["not done yet"]
    said = "Input files updated by another job: a, b"
    assert reasons(said, made=True, after=["parse", "split"]) == ["follows parse, split"]
    assert reasons("Something that no version says yet", made=True) == ["Something that no version says yet"]


def test_a_dry_run_names_for_each_stage_the_reasons_and_how_many_jobs_have_them():
    progress = Progress()
    progress.expect({"parse": 3, "split": 1})
    for number in range(3):
        progress.start(number, Job("parse", {"shard": str(number)}, None))
        progress.explain("parse", ["its code changed", *(["it was interrupted"] if number == 1 else [])])
    progress.start(3, Job("split", {}, None))
    progress.explain("split", [f"{name} is missing" for name in "abcde"])
    assert progress.planned() == [
        "parse    3 jobs   its code changed; it was interrupted (1)",
        "split     1 job   a is missing; b is missing; c is missing; 2 more reasons",
        "4 jobs would run",
    ]
