"""The string baseline: text of coordinates, the network that writes it, and its failures all the way to the scores."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import MistralConfig, MistralModel

from pipeline import chirality, evaluate, reconstruct
from proteinmtp.base.metrics import NAMES
from proteinmtp.config import ConfigError, RunConfig
from proteinmtp.geometry.superposition import score
from proteinmtp.model.backbone import BackboneError
from proteinmtp.model.batch import Batch, collate
from proteinmtp.model.build import build_network, load_network, save_network
from proteinmtp.model.coordinate_text import SYMBOLS, in_own_frame, read, write
from proteinmtp.model.tokens import ResidueTokenizer
from proteinmtp.model.writer import WriterNetwork
from proteinmtp.scoring.chain import score_chain
from proteinmtp.tables.chains import Chain, read_chains
from proteinmtp.tables.history import HISTORY
from proteinmtp.tables.metrics import METRICS
from proteinmtp.tables.predictions import PREDICTIONS
from proteinmtp.tables.saved_files import model_folder
from proteinmtp.tables.shards import Shards
from proteinmtp.tables.split import read_subset

from ..support import networks
from ..support.trained_runs import files_of, linked, made


def run_of(**changes: object) -> RunConfig:
    return networks.run_of(**({"slots": {"kind": "none"}, "head": {"kind": "digits"}} | changes))


def walk(seed: int, length: int) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(size=(length, 3))
    return (3.8 * steps / np.linalg.norm(steps, axis=1, keepdims=True)).cumsum(0)


pytestmark = pytest.mark.xdist_group("writer")
"""One process trains the run that several tests score."""


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Steps of so small a network are shorter than what threads take to agree."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def turned(coords: np.ndarray, seed: int) -> np.ndarray:
    """Return coordinates in another place and orientation, by a proper rotation."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(3, 3))).Q
    return coords @ (rotation * np.linalg.det(rotation)) + rng.normal(size=3) * 50


def build(small, **changes) -> tuple[WriterNetwork, ResidueTokenizer]:
    folder = model_folder(small.backbone)
    network = build_network(run_of(**changes), folder, dtype=torch.float32, seed=0)
    assert isinstance(network, WriterNetwork)
    return network, ResidueTokenizer.from_folder(folder)


def batch_of(small, tokenizer: ResidueTokenizer, lengths: list[int]) -> Batch:
    """Return demo chains, cut to the lengths."""
    chains = read_chains(small.chains, read_subset(small.split, "train"))[: len(lengths)]
    cut = [
        Chain(chain.chain_id, chain.sequence[:length], chain.coords[:length])
        for chain, length in zip(chains, lengths, strict=True)
    ]
    return collate(cut, [tokenizer.encode(chain.sequence) for chain in cut])


@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(0, 0.9))
@settings(deadline=None, max_examples=60)
def test_a_text_is_read_back_to_the_nearest_angstrom(seed: int, length: int, missing: float):
    coords = walk(seed, length)
    coords[np.random.default_rng(seed).random(length) < missing] = np.nan
    reading = read(write(coords), length)
    assert reading.ended and reading.lines == length
    assert reading.failed == 0
    assert np.array_equal(reading.coords, np.rint(in_own_frame(coords)), equal_nan=True)
    assert set(reading.text) <= set(SYMBOLS)


@given(st.integers(0, 10**6), st.integers(4, 60))
@settings(deadline=None, max_examples=60)
def test_the_frame_belongs_to_the_chain_and_keeps_its_hand(seed: int, length: int):
    coords = walk(seed, length)
    own = in_own_frame(coords)
    assert np.allclose(in_own_frame(turned(coords, seed + 1)), own, atol=1e-6)
    assert np.allclose(in_own_frame(coords * [1, 1, -1]), own * [1, 1, -1], atol=1e-6)
    assert np.allclose(own.mean(0), 0)
    assert score(torch.from_numpy(own), torch.from_numpy(coords)).rmsd < 1e-4


@pytest.mark.parametrize("length", [1, 2, 30])
def test_residues_on_a_line_have_a_text_too(length: int):
    coords = 3.8 * np.arange(length)[:, None] * np.array([0.6, 0.0, 0.8])
    again = read(write(coords), length).coords
    assert np.abs(again[:, 0] - 3.8 * (np.arange(length) - (length - 1) / 2)).max() < 0.5001 and not again[:, 1:].any()
    assert write(np.full((length, 3), np.nan)) == ";".join("?" * length) + "."


def test_reading_is_strict():
    good = "1 2 3;-4 5 60;7 8 9."
    assert (read(good, 3).failed, read(good, 3).lines, read(good, 3).ended) == (0, 3, True)
    for bad in ("", "??", "1 2", "1 2 3 4", "1  2 3", " 1 2 3", "1 2 3 ", "--1 2 3", "1 2 -", "12345 0 0", "1-2 3 4"):
        reading = read(f"1 2 3;{bad};7 8 9.", 3)
        assert reading.failed == 1 and np.isnan(reading.coords[1]).all() and reading.coords[2].tolist() == [7, 8, 9]
    unknown = read("1 2 3;?;7 8 9.", 3)
    assert unknown.failed == 0 and np.isnan(unknown.coords[1]).all(), "the writer said that it is not observed"
    few, many, cut = read("1 2 3.", 3), read("1 2 3;4 5 6;7 8 9.", 2), read("1 2 3;4 5 6", 2)
    assert (few.failed, few.lines, few.ended) == (2, 1, True)
    assert (many.failed, many.lines, many.coords[1].tolist()) == (0, 3, [4, 5, 6])
    assert (cut.failed, cut.lines, cut.ended) == (1, 1, False), "a number that was cut off may be another number"


@given(st.one_of(st.text(), st.text(SYMBOLS)), st.integers(1, 8))
@settings(deadline=None)
def test_rubbish_is_read_without_an_error_and_every_residue_is_accounted_for(text: str, length: int):
    reading = read(text, length)
    known = np.isfinite(reading.coords).all(1)
    assert reading.coords.shape == (length, 3)
    assert 0 <= length - reading.lines <= reading.failed <= length - known.sum() or reading.lines > length
    assert text.startswith(reading.text) and reading.ended == reading.text.endswith(".")
    lines = reading.text.removesuffix(".").split(";")
    for line, row in zip(lines, reading.coords, strict=False):
        if np.isfinite(row).all():
            assert [int(part) for part in line.split(" ")] == row.tolist()


def index(symbol: str) -> int:
    return SYMBOLS.index(symbol)


@torch.no_grad()
def test_the_loss_is_the_mean_surprise_at_each_symbol(small):
    network, tokenizer = build(small)
    batch = batch_of(small, tokenizer, [9, 6])
    batch.coords[:, 3] = torch.nan
    prediction = network(batch)
    assert network.distance_error(prediction, batch) is None
    for row, length in enumerate((9, 6)):
        text = write(batch.coords[row, :length].numpy())
        assert text.count(";") == length - 1 and "?" in text
        log_p = prediction.text[row].log_softmax(-1)
        surprise = [-float(log_p[place, index(symbol)]) for place, symbol in enumerate(text)]
        expected = np.mean(surprise) / math.log(len(SYMBOLS))
        assert float(network.loss(prediction, batch)[row]) == pytest.approx(expected, rel=1e-5)


@torch.no_grad()
def test_a_symbol_is_predicted_from_what_stands_before_it_alone(small):
    network, tokenizer = build(small)
    batch = batch_of(small, tokenizer, [9])
    text = write(batch.coords[0].numpy())
    place = len(text) // 2
    other = text[:place] + SYMBOLS[(index(text[place]) + 1) % len(SYMBOLS)] + text[place + 1 :]
    one, two = (network.read_along(batch, [words]).text[0] for words in (text, other))
    assert torch.allclose(one[: place + 1], two[: place + 1], atol=1e-5)
    assert not torch.allclose(one[place + 1], two[place + 1], atol=1e-3)


def noisy(network: WriterNetwork) -> WriterNetwork:
    """Return the network with weights so large that what it writes is long and differs from chain to chain."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
        network.head.output.bias[index(".")] -= 2
    return network.eval()


@torch.no_grad()
def test_writing_with_the_cache_is_writing_without_it(small):
    network, tokenizer = build(small)
    network = noisy(network)
    batch = batch_of(small, tokenizer, [5, 3, 4])
    written = network.generate(batch)
    assert len(set(written)) == 3 and max(map(len, written)) > 15 and len(set("".join(written))) > 3
    logits = network.read_along(batch, written).text
    for row, text in enumerate(written):
        assert "".join(SYMBOLS[symbol] for symbol in logits[row, : len(text)].argmax(-1)) == text


@torch.no_grad()
def test_a_backbone_with_a_sliding_window_writes_the_same_with_its_cache(small, tmp_path: Path):
    """Such a window counts padding too, so none may lie between a short chain and its text."""
    torch.manual_seed(0)
    window = MistralConfig(
        vocab_size=40, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=512, sliding_window=8,
    )  # fmt: skip
    MistralModel(window).save_pretrained(tmp_path / "source")
    for path in model_folder(small.backbone).glob("token*"):
        shutil.copy(path, tmp_path / "source")
    folder = model_folder(linked(tmp_path / "source", tmp_path / "backbone"))
    network = noisy(build_network(run_of(), folder, dtype=torch.float32, seed=0))
    batch = batch_of(small, ResidueTokenizer.from_folder(folder), [9, 4])
    written = network.generate(batch)
    logits = network.read_along(batch, written).text
    for row, text in enumerate(written):
        assert len(text) > 8
        assert "".join(SYMBOLS[symbol] for symbol in logits[row, : len(text)].argmax(-1)) == text


def test_what_is_written_for_a_chain_does_not_depend_on_its_batch_mates(small):
    network, tokenizer = build(small)
    network = noisy(network)
    lengths = [5, 3, 4]
    batch = batch_of(small, tokenizer, lengths)
    together = network.generate(batch)
    for row, length in enumerate(lengths):
        alone = {name: value[row : row + 1] for name, value in vars(batch).items()}
        for name, dimensions in (("residues", 1), ("coords", 1), ("distances", 2)):
            alone[name] = alone[name][(slice(None), *[slice(length)] * dimensions)]
        chain = Batch(**alone)
        assert network.generate(chain) == [together[row]]


def test_writing_stops_when_all_residues_have_a_line(small):
    network, tokenizer = build(small)
    with torch.no_grad():
        network.head.output.bias[index(";")] += 100
    batch = batch_of(small, tokenizer, [5, 3])
    assert network.eval().generate(batch) == [";;;;;", ";;;"]
    prediction = network.predict(batch)
    assert [reading.failed for reading in prediction.readings] == [5, 3]
    assert prediction.coords.isnan().all() and prediction.distances.isnan().all()


def test_a_text_longer_than_the_backbone_has_positions_for_is_refused_or_cut_off(small):
    network, tokenizer = build(small)
    network.most_tokens = 30
    batch = batch_of(small, tokenizer, [20])
    with pytest.raises(BackboneError, match=r"20 residues .* positions for 30: lower parse\.max_length"):
        network(batch)
    with torch.no_grad():
        network.head.output.bias[index("1")] += 100
    assert network.eval().generate(batch) == ["1" * 10]


def test_two_chains_are_learned_by_heart(small, tmp_path: Path):
    """The text, its frame, the shift by one symbol, the cache and the reading must fit together for this."""
    tiny = {"hidden_size": 96, "layers": 2, "heads": 4, "key_value_heads": 2, "intermediate_size": 192}
    config = run_of(backbone={"tiny": tiny})
    folder = model_folder(made(config.backbone, tmp_path / "backbone"))
    network = build_network(config, folder, dtype=torch.float32, seed=0)
    batch = batch_of(small, ResidueTokenizer.from_folder(folder), [20, 24])
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003)
    for _ in range(200):
        loss = network.loss(network(batch), batch).mean()
        if loss.detach() < 0.001:
            break
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    prediction = network.eval().predict(batch)
    for row, length in enumerate((20, 24)):
        assert (prediction.readings[row].failed, prediction.readings[row].ended) == (0, True)
        seen = batch.observed[row, :length]
        assert torch.equal(prediction.coords[row, :length].isfinite().all(-1), seen)
        assert score(prediction.coords[row, :length][seen], batch.coords[row, :length][seen]).rmsd < 1.5


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_what_is_trained_moves_and_nothing_else_does(small, tuning: str):
    network, tokenizer = build(small, train={"tuning": tuning})
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimizer = torch.optim.SGD([value for value in network.parameters() if value.requires_grad], lr=1.0)
    for _ in range(2):  # the first factor of an adapter has no slope while the second is zero
        batch = batch_of(small, tokenizer, [9, 6])
        batch.coords[0, 3] = torch.nan
        network.loss(network(batch), batch).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    own = {"head.rows", "head.output.weight", "head.output.bias"}
    assert own <= moved
    expected = {name for name in before if tuning == "full" or "lora_" in name} | own
    assert moved == expected


def test_a_saved_writer_writes_the_same(small, tmp_path: Path):
    network, tokenizer = build(small)
    network = noisy(network)
    save_network(network, tokenizer=tokenizer, config=run_of(), folder=tmp_path / "model")
    again = load_network(run_of(), backbone=model_folder(small.backbone), saved=tmp_path / "model", dtype=torch.float32)
    batch = batch_of(small, tokenizer, [7, 4])
    assert again.predict(batch).readings[1].text == network.predict(batch).readings[1].text


def test_symbols_that_the_tokenizer_knows_begin_as_its_tokens(small):
    network, _ = build(small)
    table = torch.randn(20, 32)
    network.head.begin(table, [index(symbol) if symbol.isdigit() else None for symbol in SYMBOLS], tied=True)
    digits = torch.arange(10)
    assert torch.equal(network.head.rows[digits], table[digits])
    assert torch.equal(network.head.output.weight, network.head.rows)
    assert not any(torch.equal(network.head.rows[index("-")], row) for row in table)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slots": {"kind": "echo"}}, "it needs slots.kind none"),
        ({"slots": {"kind": "none", "attention": "bidirectional"}}, "slots.attention causal"),
        ({"slots": {"kind": "none", "pooled": True}}, "slots.pooled false"),
        ({"loss": {"terms": [{"name": "text"}, {"name": "dihedral"}]}}, "dihedral looks at slots"),
        ({"loss": {"terms": [{"name": "mse"}]}}, "mse needs distances"),
    ],
)
def test_settings_that_do_not_fit_a_text_are_refused(changes: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        run_of(**changes)


@pytest.fixture(scope="module")
def scored(small, tmp_path_factory):
    """A run trained for a few steps, which writes little that can be read, through all stages."""
    folder = tmp_path_factory.mktemp("writer")
    files, config = files_of(small, folder), run_of()
    files.train(config)
    hand = folder / "hand.json"
    chirality.run(
        chirality.Inputs(chains=small.chains, split=small.split), chirality.Outputs(hand=hand), chirality.Options()
    )
    predictions, traces = (Shards(folder / name, len(small.chains)) for name in ("predictions", "traces"))
    for shard, chains in enumerate(small.chains):
        files.predict(config, chains=chains, subset="val", table=predictions[shard])
        reconstruct.run(
            reconstruct.Inputs(predictions=predictions[shard], chains=chains, hand=hand),
            reconstruct.Outputs(traces=traces[shard], pdb=folder / "pdb"),
            reconstruct.Options(reconstruct=config.reconstruct),
        )
    evaluate.run(
        evaluate.Inputs(predictions=predictions, traces=traces, chains=small.chains, split=small.split),
        evaluate.Outputs(metrics=folder / "metrics.parquet"),
        evaluate.Options(run="a"),
    )
    return folder


def test_training_reports_a_loss_and_no_distance_error(scored: Path):
    for row in HISTORY.read(scored / "history.parquet"):
        assert row.val_mae is None and math.isfinite(row.val_loss)


def test_failures_are_counted_from_the_text_to_the_scores(scored: Path):
    predictions = list(PREDICTIONS.read(*sorted((scored / "predictions").iterdir())))
    metrics = {row.chain_id: row.scores for row in METRICS.read(scored / "metrics.parquet")}
    assert len(metrics) == len(predictions) > 0
    for row in predictions:
        reading = read(row.text, row.length)
        assert row.failed_residues == reading.failed <= np.isnan(row.coords[:, 0]).sum()
        assert np.array_equal(row.coords, reading.coords, equal_nan=True)
        assert metrics[row.chain_id]["parse_failures"] == pytest.approx(reading.failed / row.length)
    assert sum(row.failed_residues for row in predictions) > 0


def test_a_chain_that_could_not_be_read_scores_zero_and_stays_in_the_mean(scored: Path):
    scores = [row.scores for row in METRICS.read(scored / "metrics.parquet")]
    unread = [one for one in scores if one["parse_failures"] == 1]
    assert unread
    for one in unread:
        assert [one[name] for name in ("tm_score", "gdt_ts", "gdt_ha", "lddt", "contacts_l")] == [0] * 5
        assert one["rmsd"] is None and one["mae"] is None


@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_missing_residues_of_the_model_cost_scores_and_those_of_the_experiment_do_not_count(left: int):
    native = walk(0, 40)
    model = np.full_like(native, np.nan)
    model[:left] = native[:left]
    scores = score_chain(model, native).scores
    assert (scores["tm_score"] > 0) == (left == 3)
    assert 0 <= scores["lddt"] < 0.02 and (scores["rmsd"] is None) == (left < 3)
    hidden = np.full_like(native, np.nan)
    hidden[: min(left, 2)] = native[: min(left, 2)]
    nothing = score_chain(native, hidden)
    assert nothing.scores == dict.fromkeys(NAMES)
    assert not any(value is not None for value in nothing.profiles.values())
