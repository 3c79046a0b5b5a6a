"""The whole configuration, and how it is read.

`config.yaml`, the JSON schema and the checks that run before any job all follow from these models. They are strict: a
number written so that YAML reads text (`1e-4`) is an error with advice, not a silent conversion.

A *run* is one way to train and to reconstruct. `defaults` holds the settings of every run, each entry of `runs` names a
run and overrides what it changes; `Config.run(name)` gives the merged, validated result.

Only what can be said without knowing which heads, losses, nulls and sources there are is checked here; the rest is
checked by `proteinmtp.predictors.catalogue`, through which programs read the configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, field_validator, model_validator

from proteinmtp.base.errors import ConfigError
from proteinmtp.config.comparators import ComparatorEntry
from proteinmtp.config.demo import DEMO_RUNS
from proteinmtp.config.evaluate import EvaluateConfig
from proteinmtp.config.mistakes import describe
from proteinmtp.config.parse import ParseConfig
from proteinmtp.config.report import ReportConfig
from proteinmtp.config.runs import RunConfig, RunEntry, check_names, run_of
from proteinmtp.config.section import Section
from proteinmtp.config.sequences import SequencesEntry
from proteinmtp.config.source import SourceConfig
from proteinmtp.config.split import SplitConfig


class Config(Section):
    """The whole configuration; see `config.yaml`."""

    results: str = Field(
        "results",
        pattern=r"""^[^ \x00-\x1f{}~:*?"\\|<>$`]([^\x00-\x1f{}~:*?"\\|<>$`]*[^ \x00-\x1f{}~:*?"\\|<>$`])?$""",
        description='folder for everything that is generated; without { } ~ : * ? " \\ | < > $ ` and outer spaces',
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of everything random")
    source: SourceConfig = SourceConfig()
    parse: ParseConfig = ParseConfig()
    split: SplitConfig = SplitConfig()
    defaults: RunConfig = Field(RunConfig(), description="settings of every run")
    runs: list[RunEntry] = Field(
        list(DEMO_RUNS),
        min_length=1,
        description="the runs that are trained and compared: a name, a description, and what differs from the defaults;"
        " `seeds: N` trains it N times. If you like, a question, and a hypothesis: that the run is better (expects:"
        " worse) than `against`, a run or a null, in `metric`, by default lddt",
    )
    comparators: list[ComparatorEntry] = Field(
        [],
        description="predicted structures from elsewhere that are scored beside the runs: a name, a folder, a "
        "description; docs/comparators.md says how files are matched to chains",
    )
    nulls: list[str] | None = Field(
        None,
        description="predictors without a model that stand beside the runs, each as null_<name>: modules of"
        " proteinmtp/predictors/nulls, or of yours, with a dot in the name; null: all of the package",
    )
    sequences: list[SequencesEntry] = Field(
        [],
        description="sequences that each run folds when it is trained: a name and a file, FASTA or a table with the"
        " columns id and sequence (.csv, .tsv, .parquet), .gz too; docs/fold.md says what is made of them",
    )
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()

    @field_validator("results")
    @classmethod
    def _a_folder_of_its_own(cls, results: str) -> str:
        parts = Path(results).parts
        if results.strip("/.") == "" or ".." in parts or any(part.startswith("-") for part in parts):
            raise ValueError("name a folder, below this one or absolute, that holds nothing else")
        return results

    _resolved: dict[str, RunConfig] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _names_differ(self) -> Config:
        check_names(self.runs, self.comparators)
        names = [entry.name for entry in self.sequences]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"sequences: the name {repeated} is given twice")
        return self

    def run(self, name: str) -> RunConfig:
        """Return the settings of run `name`, or of one of its trainings: the defaults with its overrides."""
        return self._resolved[run_of(name)]


def validated(raw: Mapping[str, Any]) -> Config:
    """Validate a configuration as read from YAML.

    Raises:
        ConfigError: with one line per mistake, each naming the key, what stands there and what is allowed.
    """
    try:
        config = Config.model_validate(_plain(raw))
    except ValidationError as error:
        raise ConfigError(describe(error, Config)) from None
    mistakes = []
    for index, entry in enumerate(config.runs):
        overrides = dict(entry.model_extra or {})
        try:
            config._resolved[entry.name] = RunConfig.model_validate(merged(config.defaults.model_dump(), overrides))
        except ValidationError as error:
            mistakes.append(describe(error, RunConfig, prefix=f"runs[{index}] ({entry.name}): ", beside=RunEntry))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return config


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:  # YAML as it was read
    """Return settings with changes, section by section, as Snakemake merges config files; lists are replaced."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def with_runs(config: Config, runs: Mapping[str, RunConfig]) -> Config:
    """Return the configuration with other settings of its runs, as they are after what they leave open is filled in."""
    changed = config.model_copy()
    changed._resolved = dict(runs)
    return changed


def options_json(section: BaseModel) -> str:
    """Return a section as JSON with sorted keys, the form in which a rule passes it to a stage."""
    return json.dumps(section.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
