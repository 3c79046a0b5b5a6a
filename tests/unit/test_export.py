"""Models for others: the exported folder and its card, and the way over the hub, for which a stand-in is at hand."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from peft import AutoPeftModel

from proteinmtp.base.errors import DataError, UserError
from proteinmtp.config import BackboneConfig
from proteinmtp.folding.artefact import CARD, FILES
from proteinmtp.folding.card import plain
from proteinmtp.folding.hub import Model, load
from proteinmtp.folding.model import Folded
from proteinmtp.tables.artefact import Artefact
from proteinmtp.tables.report_summary import ReportSummary, ScoreDifference, ScoreSummary

from ..support.command import proteinmtp
from ..support.hub import REVISION, hub_at_hand
from ..support.packaged import LORA, packaged
from ..support.saved_models import save_qwen
from ..support.small import SmallData, small_config
from ..support.trained_runs import files_of, made

SEQUENCES = ["MKVLAAGIVALLLAACSSNKEV", "MKVLAAGIVALLLAACSSNKEVTELVKQAEELVKRAEE"]
FULL = {key: value for key, value in LORA.items() if key != "lora"} | {"tuning": "full"}


@pytest.fixture(scope="module", params=["lora", "full"])
def artefact(request: pytest.FixtureRequest, small: SmallData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model, with adapters, or with weights of its own."""
    folder = tmp_path_factory.mktemp("export")
    train = {"lora": LORA, "full": FULL}[request.param]
    settings = small_config(runs=[{"name": "a", "head": {"kind": "distogram"}, "train": train}]).run("a")
    return packaged(small, folder, files_of(small, folder), settings)


def same(these: list[Folded], those: list[Folded]) -> bool:
    return all(
        np.array_equal(one.coords, other.coords) and np.array_equal(one.confidence, other.confidence)
        for one, other in zip(these, those, strict=True)
    )


def test_an_exported_folder_gives_the_same_and_a_card_without_scores_says_so(artefact: Path, tmp_path: Path):
    done = proteinmtp("export", artefact, tmp_path / "shared", "--license", "cc-by-4.0")
    assert done.exit_code == 0 and "no report was found" in done.stdout
    assert same(load(artefact).fold(SEQUENCES), load(tmp_path / "shared").fold(SEQUENCES))
    names = {path.relative_to(tmp_path / "shared").as_posix() for path in (tmp_path / "shared").rglob("*.*")}
    assert names == {path.relative_to(artefact).as_posix() for path in artefact.rglob("*.*")} | {CARD}
    card = ModelCard.load(tmp_path / "shared" / CARD)
    facts = card.data.to_dict()
    assert facts["license"] == "cc-by-4.0" and facts["library_name"] == "proteinmtp"
    assert "No scores were at hand" in card.text and "Synthetic proteins" in card.text
    for path in (tmp_path / "shared").rglob("*.*"):
        assert str(tmp_path).encode() not in path.read_bytes(), path


def test_a_folder_with_something_in_it_is_left_alone(artefact: Path, tmp_path: Path):
    (tmp_path / "mine").write_text("")
    done = proteinmtp("export", artefact, tmp_path)
    assert done.exit_code == 1 and "name a folder that is new or empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_a_language_model_in_fewer_bits_gives_what_it_gives_when_it_is_loaded_so(
    artefact: Path, tmp_path: Path, quantization: str
):
    pytest.importorskip("bitsandbytes")
    small = tmp_path / "small"
    assert proteinmtp("export", artefact, small, "--quantization", quantization).exit_code == 0
    assert same(load(artefact, quantization=quantization).fold(SEQUENCES), load(small).fold(SEQUENCES))
    weights = [sum(path.stat().st_size for path in folder.rglob("*.safetensors")) for folder in (artefact, small)]
    assert weights[1] < weights[0]
    assert Artefact.read(small / "proteinmtp.json").base.quantised == quantization
    with pytest.raises(UserError, match=f"are {quantization}: leave quantization out"):
        load(small, quantization="none")
    assert proteinmtp("export", small, tmp_path / "again").exit_code == 0
    assert same(load(small).fold(SEQUENCES), load(tmp_path / "again").fold(SEQUENCES))


def test_a_model_goes_over_the_hub_and_its_language_model_stays_there(
    small: SmallData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with hub_at_hand(monkeypatch, tmp_path / "cache") as hub:
        hub.put("someone/qwen", save_qwen(tmp_path / "qwen"))
        backbone = {"kind": "hub", "hub": {"id": "someone/qwen", "revision": REVISION}}
        settings = small_config(
            runs=[{"name": "a", "head": {"kind": "distogram"}, "train": LORA, "backbone": backbone}]
        ).run("a")
        files = files_of(small, tmp_path / "run")
        record = made(BackboneConfig.model_validate(backbone), tmp_path / "backbone")
        files = replace(files, inputs=replace(files.inputs, backbone=record))
        artefact = packaged(small, tmp_path / "run", files, settings)
        assert not [name for name in Artefact.read(artefact / "proteinmtp.json").files if name.startswith("base")]
        adapter = json.loads((artefact / "model" / "adapter" / "adapter_config.json").read_text())
        assert (adapter["base_model_name_or_path"], adapter["revision"]) == ("someone/qwen", REVISION)
        hub.models.pop("someone/qwen")
        model = load(artefact)  # by what lies in the results
        assert proteinmtp("export", artefact, tmp_path / "plain").exit_code == 0
        assert not (tmp_path / "plain" / "base").exists()
        hub.put("someone/qwen", tmp_path / "qwen")

        model.push_to_hub("me/folds")
        pushed = hub.models["me/folds"]
        assert all(any(Path(name).match(pattern) for pattern in [*FILES, CARD]) for name in pushed)
        card = ModelCard(pushed[CARD].decode())
        assert card.data.base_model == "someone/qwen"
        card.validate()
        folded = model.fold(SEQUENCES)
        for there in (load("me/folds"), load(f"me/folds@{REVISION}"), Model.from_pretrained("me/folds@main")):
            assert same(folded, there.fold(SEQUENCES))
        assert AutoPeftModel.from_pretrained(artefact / "model" / "adapter").peft_config["default"].r == 4
        with pytest.raises(DataError, match="me/nothing is no folder here, and cannot be fetched"):
            load("me/nothing")

        assert proteinmtp("export", artefact, tmp_path / "small", "--quantization", "nf4").exit_code == 0
        hub.models.clear()
        assert same(model.fold(SEQUENCES), load("me/folds").fold(SEQUENCES)), "what was fetched is kept"
    assert load(tmp_path / "small").fold(SEQUENCES), "with its language model in it"


def test_a_card_is_of_the_model_that_was_scored_and_says_on_which_chains(
    artefact: Path, small: SmallData, tmp_path: Path
):
    results = tmp_path / "results"
    copy = shutil.copytree(artefact, results / "runs" / "a" / "artefact")
    trained = Artefact.read(copy / "proteinmtp.json").trained
    (results / "data").mkdir()
    shutil.copyfile(small.summary, results / "data" / "split.json")

    def card(name: str, **scored: object) -> str:
        summary_of(**scored).write(results / "report" / "summary.json")
        assert proteinmtp("export", results / "runs" / "a", tmp_path / name).exit_code == 0
        return (tmp_path / name / CARD).read_text(encoding="utf-8")

    assert "No scores were at hand" in card("other", chains=30, models={"a": "of another training"})
    known = card("known", chains=30, models={"a": trained})
    assert "On the 30 test chains" in known and "| a | 0.500 [0.400, 0.600] |" in known and "null_x" in known
    assert "30 chains are few" not in known
    assert "3 chains are few" in card("few", chains=3, models={"a": trained})
    assert "nothing is known of how good it is" in card("none", chains=0, models={"a": trained})
    assert "These are not the chains of a test" in card("val", chains=30, models={"a": trained}, subset="val")


def summary_of(chains: int, models: dict[str, str], subset: str = "test") -> ReportSummary:
    """A report on the run `a` beside a null, with the same score everywhere."""
    score = ScoreSummary(mean=0.5, median=0.5, low=0.4, high=0.6, n=chains, spread=None, seeds=1)
    difference = ScoreDifference(mean=0.1, low=0.0, high=0.2, won=0.5, n=chains, verdict="better than", detectable=None)
    scores, differences = (dict.fromkeys(("mae", "lddt", "tm_score", "gdt_ts"), one) for one in (score, difference))
    return ReportSummary(
        runs={"a": scores, "null_x": scores},
        differences={"a": {"null_x": differences}},
        lengths={"lddt": {"a": {"under 100": score}}},
        confidence={},
        experiments=[],
        subset=subset,
        models=models,
    )


def test_names_mean_themselves_in_a_card():
    assert plain("a|b <img onerror=x>\n") == "a\\|b &lt;img onerror=x&gt; "


def test_save_pretrained_leaves_what_is_there(artefact: Path, tmp_path: Path):
    (tmp_path / "config.json").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        load(artefact).save_pretrained(tmp_path)
    assert (tmp_path / "config.json").read_text() == "mine"


def test_save_pretrained_writes_what_from_pretrained_reads(artefact: Path, tmp_path: Path):
    model = load(artefact)
    model.save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / CARD).write_text("mine")
    again = Model.from_pretrained(tmp_path / "saved")
    again.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / CARD).read_text() == "mine"
    assert same(model.fold(SEQUENCES), load(tmp_path / "again").fold(SEQUENCES))
