"""Tables for a report of any size: those of a results folder, written anew with every chain several times over.

Copies of a chain have names of their own, and scores a little apart; what is seen of them is the same, and the page
packs each by itself. So a page of 2,000 chains is as large and as slow as one of as many others of the same lengths.

Maps of a model that has learnt little are smooth, and small in the page. Those of the best that can be are as sharp as
the experiment: such a prediction has the distances of the experiment with errors, alike over a few residues, of the
deviation that it states, and a trace that is rebuilt from them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from pipeline import report
from proteinmtp.config import Config, trainings
from proteinmtp.geometry.constants import CONTACT
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.geometry.mds import smacof
from proteinmtp.geometry.superposition import superpose
from proteinmtp.predictors import catalogue
from proteinmtp.tables import triangle
from proteinmtp.tables.metrics import METRICS, MetricsRow
from proteinmtp.tables.relatives import RELATIVES
from proteinmtp.tables.split import SPLIT
from proteinmtp.tables.views import VIEWS, ViewRow, sample

APART = 0.02
"""Scores of copies are off by up to so much, in parts of the score."""
LEAST_SIGMA, SIGMA_OF_DISTANCE, REACH = 0.3, 0.1, 2.0
"""Of sharp predictions: the deviation, in angstrom and in parts of the distance, and residues over which errors are
alike."""


@dataclass(frozen=True)
class Results:
    """A results folder, what it was made with, and where the tables lie that grow with the chains."""

    folder: Path
    config: Config
    tables: Path

    @property
    def trained(self) -> list[str]:
        """Trainings, those of further seeds too."""
        return list(trainings(self.config.runs))

    @property
    def shown(self) -> list[str]:
        """Runs, comparators and nulls, as the page has them."""
        named = (*self.config.runs, *self.config.comparators, *catalogue.nulls(self.config))
        return [item.name for item in named]

    @property
    def scored(self) -> list[str]:
        """What is shown, and the trainings of further seeds."""
        return list(dict.fromkeys((*self.trained, *self.shown)))

    def metrics(self, run: str) -> Path:
        """Return the file of the scores of a run."""
        return self.tables / "runs" / run / "metrics.parquet"

    def views(self, run: str) -> Path:
        """Return the file of what is seen of the chains of a run."""
        return self.tables / "runs" / run / "views.parquet"

    @property
    def split(self) -> Path:
        """The file of the division of the chains."""
        return self.tables / "data" / "split.parquet"

    @property
    def relatives(self) -> Path:
        """The file of what is nearest to the test chains in training."""
        return self.tables / "data" / "relatives.parquet"


def results_of(*configs: Path) -> Results:
    """Return the results folder that a config names."""
    config = catalogue.read_config(*configs)
    return Results(Path(config.results), config, Path(config.results))


def enlarged(results: Results, scratch: Path, *, times: int, opened: int | None, sharp: bool = False) -> Results:
    """Write tables in which every chain stands several times.

    Parameters:
        results: what is written anew.
        scratch: folder for the tables.
        times: how often each chain is there.
        opened: of all copies so many can be opened, a sample as the workflow draws it; None: as many as there are.
        sharp: whether the runs get predictions as sharp as the experiment.
    """
    large = replace(results, tables=scratch)
    for path in (large.split, *(of(run) for run in results.scored for of in (large.metrics, large.views))):
        path.parent.mkdir(parents=True, exist_ok=True)
    SPLIT.write(
        large.split,
        (replace(row, chain_id=name) for row in SPLIT.read(results.split) for name in _names(row.chain_id, times)),
    )
    near = RELATIVES.read(results.relatives)
    RELATIVES.write(
        large.relatives, (replace(row, chain_id=name) for row in near for name in _names(row.chain_id, times))
    )
    names = [name for row in METRICS.read(results.metrics(results.shown[0])) for name in _names(row.chain_id, times)]
    wanted = set(names if opened is None else sample(names, opened))
    for run in results.scored:
        METRICS.write(large.metrics(run), _copied(METRICS.read(results.metrics(run)), times))
    for at, run in enumerate(results.shown):
        views = VIEWS.read(results.views(run))
        if sharp and run in results.trained:
            views = _sharpened(views, np.random.default_rng(at))
        VIEWS.write(large.views(run), _seen(views, times, wanted))
    return large


def report_arguments(results: Results, output: Path) -> list[str]:
    """Return the arguments of the stage `report`, as its rule gives them, for these tables."""
    folder, config = results.folder, results.config
    pretrained = sorted((folder / "pretrained").glob("*/summary.json"))
    options = report.Options(
        config=config,
        settings={run: config.run(run) for run in results.trained},
        pretrained={},
        shown=[report.Shown(name=it.name, description=it.description) for it in (*config.runs, *config.comparators)],
        nulls=[report.Shown(name=it.name, description=it.description) for it in catalogue.nulls(config)],
        beside={entry.name: catalogue.nulls_beside(entry.name, config) for entry in config.runs},
    )
    files = {
        "metrics": [results.metrics(run) for run in results.scored],
        "views": [results.views(run) for run in results.shown],
        "history": [folder / "runs" / run / "history.parquet" for run in results.trained],
        "records": [folder / "runs" / run / "model.json" for run in results.trained],
        "pretraining": pretrained,
        "pretraining-history": [path.with_name("history.parquet") for path in pretrained],
        "comparators": [folder / "runs" / entry.name / "comparator.json" for entry in config.comparators],
        "folds": [],
        "quarantine": [shards_text(folder / "data" / "quarantine", config)],
        "split": [results.split],
        "relatives": [results.relatives],
        "split-summary": [folder / "data" / "split.json"],
        "html": [output / "index.html"],
        "summary": [output / "summary.json"],
        "table": [output / "metrics.parquet"],
        "csv": [output / "metrics.csv"],
        "options": [json.dumps(options.model_dump(mode="json"))],
    }
    return ["report", *(text for name, paths in files.items() for text in (f"--{name}", *map(str, paths)))]


def view_arguments(results: Results, output: Path) -> list[str]:
    """Return the arguments of the stage `view` for the first run."""
    folder, config, run = results.folder, results.config, results.shown[0]
    options = {"run": run, "subset": config.evaluate.subset, "shown": config.report.chains}
    files = {
        "predictions": shards_text(folder / "runs" / run / "predictions", config),
        "traces": shards_text(folder / "runs" / run / "traces", config),
        "chains": shards_text(folder / "data" / "chains", config),
        "split": folder / "data" / "split.parquet",
        "views": output / "views.parquet",
        "options": json.dumps(options),
    }
    return ["view", *(text for name, value in files.items() for text in (f"--{name}", str(value)))]


def shards_text(folder: Path, config: Config) -> str:
    """Return shards as stages read them."""
    return f"{folder}:{config.parse.shards}"


def views_of(results: Results) -> Iterator[ViewRow]:
    """Yield what is seen of all chains, run by run."""
    return VIEWS.read(*(results.views(run) for run in results.shown))


def _names(chain: str, times: int) -> list[str]:
    return [chain, *(f"{chain}-{copy}" for copy in range(2, times + 1))]


def _copied(rows: Iterable[MetricsRow], times: int) -> Iterator[MetricsRow]:
    rng = np.random.default_rng(0)
    for row in rows:
        for name in _names(row.chain_id, times):
            apart = 1 - APART * rng.uniform() if name != row.chain_id else 1.0
            scores = {metric: None if value is None else value * apart for metric, value in row.scores.items()}
            yield replace(row, chain_id=name, cluster_id=row.cluster_id + name[len(row.chain_id) :], scores=scores)


def _seen(rows: Iterable[ViewRow], times: int, wanted: set[str]) -> Iterator[ViewRow]:
    for row in rows:
        for name in _names(row.chain_id, times):
            if name in wanted:
                yield replace(row, chain_id=name)


def _sharpened(rows: Iterable[ViewRow], rng: np.random.Generator) -> Iterator[ViewRow]:
    for row in rows:
        coords = _without_gaps(row.native)
        distances = pairwise_distances(torch.from_numpy(coords)).numpy()
        sigma = LEAST_SIGMA + SIGMA_OF_DISTANCE * distances * np.exp(0.4 * _field(row.length, rng))
        predicted = np.abs(distances + 0.7 * sigma * _field(row.length, rng))
        np.fill_diagonal(predicted, 0)
        rebuilt = smacof(torch.from_numpy(predicted), torch.from_numpy(coords), steps=20)
        yield replace(
            row,
            model=superpose(rebuilt, torch.from_numpy(row.native.astype(float))).numpy(),
            triu=triangle.pack(predicted),
            sigma=triangle.pack(sigma),
            contact=triangle.pack(norm.cdf((CONTACT - predicted) / sigma)),
        )


def _without_gaps(coords: np.ndarray) -> np.ndarray:
    """Return (L, 3) coordinates with what is not observed on straight lines between what is."""
    place, there = np.arange(len(coords)), np.isfinite(coords).all(1)
    return np.stack([np.interp(place, place[there], coords[there, axis]) for axis in range(3)], axis=1)


def _field(length: int, rng: np.random.Generator) -> np.ndarray:
    """Return a symmetric matrix of normal numbers, alike over a few residues."""
    smooth = gaussian_filter(rng.normal(size=(length, length)), REACH, mode="nearest")
    field: np.ndarray = smooth + smooth.T
    return field / field.std()
