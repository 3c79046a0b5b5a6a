"""The profiles of Snakemake, of which one takes the place of the other as a whole."""

from pathlib import Path

import yaml

from proteinmtp.base.plugins import names


def profile(root: Path, name: str) -> dict[str, object]:
    return yaml.safe_load((root / "profiles" / name / "profile.v9+.yaml").read_text(encoding="utf-8"))


def test_the_profile_of_a_cluster_keeps_what_the_default_one_says_but_its_limit_of_gpus(root: Path):
    default, cluster = profile(root, "default"), profile(root, "slurm")
    assert default.pop("resources") == ["gpu=1"] and "resources" not in cluster
    assert {key: cluster.get(key) for key in default} == default


def test_groups_of_the_cluster_are_of_stages_and_each_says_how_many_go_together(root: Path):
    cluster = profile(root, "slurm")
    assert set(cluster["groups"]) <= set(names("pipeline"))
    assert set(cluster["groups"].values()) == set(cluster["group-components"])
