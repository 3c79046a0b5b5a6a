"""The metrics of a chain, in the order in which tables show them: what they are called, and which way is better.

The config reads the names too, so nothing is imported here that takes time.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A column of the table of scores.

    Attributes:
        name: of the column.
        title: for people, with the unit after a comma.
        lower_is_better: True for errors.
        headline: whether sentences and figures speak of it.
        detail: whether it stands in the report's second table.
    """

    name: str
    title: str
    lower_is_better: bool
    headline: bool = False
    detail: bool = False


METRICS_SHOWN = (
    Metric("mae", "distance error, Å", True, headline=True),
    Metric("rmse", "distance RMSE, Å", True),
    Metric("lddt", "Cα-lDDT", False, headline=True),
    Metric("tm_score", "TM-score", False, headline=True),
    Metric("gdt_ts", "GDT-TS", False),
    Metric("gdt_ha", "GDT-HA", False),
    Metric("rmsd", "RMSD, Å", True),
    Metric("lddt_distances", "Cα-lDDT of the distances", False, detail=True),
    Metric("contacts12_l", "contacts, |i-j| ≥ 12, top L", False, detail=True),
    Metric("contacts12_l5", "contacts, |i-j| ≥ 12, top L/5", False, detail=True),
    Metric("contacts_l", "contacts, |i-j| ≥ 24, top L", False, detail=True),
    Metric("contacts_l2", "contacts, |i-j| ≥ 24, top L/2", False, detail=True),
    Metric("contacts_l5", "contacts, |i-j| ≥ 24, top L/5", False, detail=True),
    Metric("contacts_r", "contacts, |i-j| ≥ 24, R-precision", False, detail=True),
    Metric("contacts12_virtual_cb_l", "contacts of virtual Cβ, |i-j| ≥ 12, top L", False, detail=True),
    Metric("contacts12_virtual_cb_l5", "contacts of virtual Cβ, |i-j| ≥ 12, top L/5", False, detail=True),
    Metric("contacts_virtual_cb_l", "contacts of virtual Cβ, |i-j| ≥ 24, top L", False, detail=True),
    Metric("contacts_virtual_cb_l5", "contacts of virtual Cβ, |i-j| ≥ 24, top L/5", False, detail=True),
    Metric("helix_right", "helix windows right-handed", False, detail=True),
    Metric("helix_left", "helix windows left-handed", True, detail=True),
    Metric("strand_right", "strand windows right", False, detail=True),
    Metric("mirrored", "mirror image fits better", True, detail=True),
    Metric("radius_error", "error of the radius of gyration", True, detail=True),
    Metric("bond_violations", "Cα-Cα bonds off", True, detail=True),
    Metric("clashes", "residues that clash", True, detail=True),
    Metric("parse_failures", "residues unreadable in the text", True, detail=True),
)

NAMES = (*(metric.name for metric in METRICS_SHOWN if metric.name != "parse_failures"), "radius_of_gyration")
"""Columns with one number for each chain that follow from coordinates and distances."""

TITLES = {metric.name: metric.title for metric in METRICS_SHOWN} | {"radius_of_gyration": "radius of gyration, Å"}
"""What each of `NAMES` is called for people, with its unit."""

PROFILES = (
    "mae_by_separation",
    "rmse_by_separation",
    "mae_by_distance",
    "rmse_by_distance",
    "lddt_residues",
    "lddt_distances_residues",
)
"""Columns with a list for each chain: one value for each bin of `proteinmtp.geometry.pair_scores`, or for each observed
residue; NaN where there is none."""

COLUMNS = (*NAMES, *PROFILES)
