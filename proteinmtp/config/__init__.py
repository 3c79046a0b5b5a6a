"""The configuration: pydantic models of data, one module for each section; programs import them from here.

What a model computes no stage sees: a stage gets resolved settings as params. `proteinmtp.predictors.catalogue` reads a
configuration, looks up the parts that it names, and fills in what they decide.
"""

from proteinmtp.base.errors import ConfigError
from proteinmtp.config.backbone import BackboneConfig, HubBackbone, PretrainConfig, TinyBackbone
from proteinmtp.config.comparators import ComparatorEntry
from proteinmtp.config.evaluate import EvaluateConfig
from proteinmtp.config.head import HeadConfig
from proteinmtp.config.loop import PAUSES, LoopConfig, processes_of_a_node, world_size
from proteinmtp.config.loss import LossConfig, LossTerm
from proteinmtp.config.parse import ParseConfig
from proteinmtp.config.predict import PredictConfig
from proteinmtp.config.project import Config, merged, options_json, validated, with_runs
from proteinmtp.config.reconstruct import ReconstructConfig
from proteinmtp.config.report import ReportConfig
from proteinmtp.config.runs import NULL_PREFIX, RunConfig, RunEntry, one_of, run_of, trainings
from proteinmtp.config.section import Option, Section
from proteinmtp.config.slots import SlotsConfig
from proteinmtp.config.source import RATES, DemoSource, DirectorySource, PdbbindSource, RcsbSource, SourceConfig
from proteinmtp.config.split import SplitConfig, TableSplit, YearSplit
from proteinmtp.config.train import LoraConfig, TrainConfig

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: the settings of a stage are params, which Snakemake compares by itself."""

__all__ = [
    "NULL_PREFIX",
    "PAUSES",
    "RATES",
    "BackboneConfig",
    "ComparatorEntry",
    "Config",
    "ConfigError",
    "DemoSource",
    "DirectorySource",
    "EvaluateConfig",
    "HeadConfig",
    "HubBackbone",
    "LoopConfig",
    "LoraConfig",
    "LossConfig",
    "LossTerm",
    "Option",
    "ParseConfig",
    "PdbbindSource",
    "PredictConfig",
    "PretrainConfig",
    "RcsbSource",
    "ReconstructConfig",
    "ReportConfig",
    "RunConfig",
    "RunEntry",
    "Section",
    "SlotsConfig",
    "SourceConfig",
    "SplitConfig",
    "TableSplit",
    "TinyBackbone",
    "TrainConfig",
    "YearSplit",
    "merged",
    "one_of",
    "options_json",
    "processes_of_a_node",
    "run_of",
    "trainings",
    "validated",
    "with_runs",
    "world_size",
]
