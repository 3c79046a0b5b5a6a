"""The runs of a finished workflow and what became of their hypotheses, as a Markdown table: `proteinmtp verdicts`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proteinmtp.base.metrics import METRICS_SHOWN

HEADER = ("run", "question", "Cα-lDDT (95 %)", "TM-score", "expected", "difference (95 %)", "verdict")
TITLES = {metric.name: metric.title.removesuffix(", Å") for metric in METRICS_SHOWN}


class VerdictsError(ValueError):
    """A folder without a summary that could be shown."""


def verdicts(results: Path) -> str:
    """Return the table: the runs that ask something in the order of the config, then the others by name.

    Parameters:
        results: a results folder.

    Raises:
        VerdictsError: if there is no summary, or it is from before experiments were in it.
    """
    path = results / "report" / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        runs, asked = summary["runs"], {item["run"]: item for item in summary["experiments"]}
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise VerdictsError(f"{path} cannot be shown ({type(error).__name__}); make the report first") from None
    rows = [_cells(run, runs[run], asked.get(run)) for run in (*asked, *(run for run in runs if run not in asked))]
    lines = [HEADER, ("---",) * len(HEADER), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(run: str, scores: Mapping[str, Any], experiment: Mapping[str, Any] | None) -> tuple[str, ...]:
    question = "" if experiment is None else _plain(experiment["question"])
    shown = (run, question, _interval(scores["lddt"]), _number(scores["tm_score"]["mean"]))
    if experiment is None or experiment["difference"] is None:
        return (*shown, "", "", "")
    expected = f"{experiment['expects']} than {experiment['against']} in {TITLES[experiment['metric']]}"
    return (*shown, expected, _interval(experiment["difference"], "+"), experiment["verdict"])


def _interval(value: Mapping[str, float | None], sign: str = "") -> str:
    return f"{_number(value['mean'], sign)} ({_number(value['low'], sign)} to {_number(value['high'], sign)})"


def _number(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign}.3f}"


def _plain(text: str) -> str:
    """Return a sentence as a cell: one line, and no bar that would end it."""
    return " ".join(text.split()).replace("|", "\\|")
