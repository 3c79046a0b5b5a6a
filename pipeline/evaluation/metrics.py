"""The metrics that tables and figures show, in their order: what they are called, and which way is better."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A column of the table of scores.

    Attributes:
        name: of the column.
        title: for people, with the unit after a comma.
        lower_is_better: True for errors.
        headline: whether sentences and figures speak of it.
    """

    name: str
    title: str
    lower_is_better: bool
    headline: bool


METRICS_SHOWN = (
    Metric("mae", "distance error, Å", True, True),
    Metric("rmse", "distance RMSE, Å", True, False),
    Metric("lddt", "Cα-lDDT", False, True),
    Metric("tm_score", "TM-score", False, True),
    Metric("gdt_ts", "GDT-TS", False, False),
    Metric("gdt_ha", "GDT-HA", False, False),
    Metric("rmsd", "RMSD, Å", True, False),
)
