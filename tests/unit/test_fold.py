"""Folding with a saved model: what the workflow makes of the same chains, wherever the model's folder lies."""

import doctest
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import biotite.structure.io.pdb as biotite_pdb
import biotite.structure.io.pdbx as biotite_cif
import gemmi
import numpy as np
import polars as pl
import pytest
import torch
from Bio.PDB import MMCIFParser, PDBParser
from matplotlib.image import imread as read_picture
from peft import AutoPeftModel

import proteinmtp as public
from pipeline import fold, fold_summary, reconstruct
from proteinmtp.base.errors import DataError
from proteinmtp.base.files import file_sha256
from proteinmtp.config import RunConfig
from proteinmtp.folding import hub
from proteinmtp.folding import model as model_module
from proteinmtp.folding.artefact import FILES, open_artefact, write_artefact
from proteinmtp.folding.hub import Model, load
from proteinmtp.folding.job import MAPS_TABLE, fold_into
from proteinmtp.folding.sequences import Target
from proteinmtp.predictors.network import Predictor
from proteinmtp.scoring import files
from proteinmtp.tables.chains import CHAINS, ChainSequence
from proteinmtp.tables.folded import FoldRecord, FoldSummary
from proteinmtp.tables.predictions import PREDICTIONS, PredictionRow
from proteinmtp.tables.traces import TRACES

from ..support.command import proteinmtp
from ..support.packaged import LORA, packaged
from ..support.small import SmallData, small_config
from ..support.trained_runs import files_of


@pytest.fixture(scope="module")
def run(small: SmallData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, packaged by the stages; the table of its traces lies beside."""
    folder = tmp_path_factory.mktemp("fold") / "run"
    settings = small_config(runs=[{"name": "a", "head": {"kind": "distogram"}, "train": LORA}]).run("a")
    packaged(small, folder, files_of(small, folder), settings)
    traces_of(small, settings, folder, small.chains[0])
    return folder


def traces_of(small: SmallData, settings: RunConfig, folder: Path, chains: Path) -> None:
    """Predict and rebuild the training chains of a shard by the stages."""
    files = files_of(small, folder)
    files.predict(settings, chains=chains, subset="train", table=folder / "predictions.parquet")
    reconstruct.run(
        reconstruct.Inputs(
            predictions=folder / "predictions.parquet",
            chains=chains,
            hand=folder / "hand.json",
            calibration=(folder / "calibration.json",),
        ),
        reconstruct.Outputs(traces=folder / "traces.parquet", pdb=folder / "pdb"),
        reconstruct.Options(reconstruct=settings.reconstruct),
    )


@pytest.fixture(scope="module")
def model(run: Path) -> Model:
    return load(run)


@pytest.fixture
def fasta(small: SmallData, tmp_path: Path) -> Path:
    path = tmp_path / "in.fasta"
    rows = list(CHAINS.read_as(ChainSequence, small.chains[0]))[:4]
    path.write_text("".join(f">{row.chain_id}\n{row.sequence}\n" for row in rows), encoding="utf-8")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_gives_the_bits_of_the_workflow(run: Path, model: Model, small: SmallData):
    sequences = {row.chain_id: row.sequence for row in CHAINS.read_as(ChainSequence, small.chains[0])}
    rows = list(TRACES.read(run / "traces.parquet"))
    predicted = {row.chain_id: row for row in PREDICTIONS.read(run / "predictions.parquet")}
    assert len(rows) > 2
    # In another order and company than in the table.
    folded = model.fold([sequences[row.chain_id] for row in rows[::-1]])[::-1]
    for row, found in zip(rows, folded, strict=True):
        assert np.array_equal(row.coords, found.coords.astype(np.float32))
        assert np.array_equal(row.confidence, found.confidence.astype(np.float32))
        assert np.array_equal(predicted[row.chain_id].triu, found.prediction.triu)
        assert found.scores()["energy"] == row.energy / row.length


def test_the_stages_fold_in_shards_and_put_together_what_was_in_the_file(
    run: Path, model: Model, small: SmallData, tmp_path: Path
):
    path, folder = tmp_path / "in.fasta", tmp_path / "mine"
    sequences = [f"MKVLAAGIVALLLAAC{'K' * at}" for at in range(5)]
    records = [f">{at}\n{sequence}\n" for at, sequence in enumerate(sequences)]
    path.write_text("".join([*records, ">0\nMKVLAAGIVAL\n"]), encoding="utf-8")
    listings = [folder / f"{shard:03d}.json" for shard in range(3)]
    for shard, listing in enumerate(listings):
        fold.run(
            fold.Inputs(artefact=run / "artefact" / "proteinmtp.json"),
            fold.Outputs(folder=folder / f"{shard:03d}", listing=listing),
            fold.Options(file=str(path), shard=shard, shards=3),
        )
    names = {"page": "index.html", "table": "summary.csv", "refused": "refused.csv", "summary": "summary.json"}
    fold_summary.run(
        fold_summary.Inputs(listings=tuple(listings)),
        fold_summary.Outputs(**{name: folder / file for name, file in names.items()}),
        fold_summary.Options(sequences="mine", run="a"),
    )
    table = pl.read_csv(folder / "summary.csv")
    assert table["name"].to_list() == list(range(5))
    for file, found in zip(table["file"], model.fold(sequences), strict=True):
        found.write(tmp_path / "alone.cif")
        chains = [gemmi.read_structure(str(path))[0]["A"] for path in (folder / file, tmp_path / "alone.cif")]
        coords, alone = ([residue["CA"][0].pos.tolist() for residue in chain] for chain in chains)
        assert coords == alone
    summary = FoldSummary.read(folder / "summary.json")
    assert (summary.folded, summary.refused, summary.longest) == (5, 1, 20)
    assert pl.read_csv(folder / "refused.csv")["record"].to_list() == [6]


def test_several_processes_give_the_same(model: Model):
    rng = np.random.default_rng(0)
    targets = [
        Target(str(length), "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), length))) for length in (20, 30, 60)
    ]
    alone, together = (list(model.fold_each(targets, workers=workers)) for workers in (1, 2))
    for one, other in zip(alone, together, strict=True):
        assert one.name == other.name and np.array_equal(one.coords, other.coords)


def test_what_is_found_has_shapes_and_is_symmetric(model: Model):
    (found,) = model.fold(["MKVLAAGIVALLLAACSSNKEV"])
    for matrix in (found.distances, found.sigma, found.contacts):
        assert matrix is not None and matrix.shape == (22, 22) and np.array_equal(matrix, matrix.T)
    assert found.coords.shape == (22, 3) and np.isfinite(found.coords).all()
    assert found.confidence is not None and found.confidence.shape == (22,)
    assert found.scores()["start"] in ("torsion", "scaling")


def test_what_cannot_be_folded_is_named(model: Model):
    with pytest.raises(DataError, match="sequence 2: residue 3 is '1'"):
        model.fold(["MKVLAAG", "MK1VLAAG"])


def test_a_copy_of_the_folder_gives_the_same(run: Path, model: Model, tmp_path: Path):
    copy = shutil.copytree(run / "artefact", tmp_path / "elsewhere" / "a model, ä")
    (here,), (there,) = (one.fold(["MKVLAAGIVALLLAACSSNKEV"]) for one in (model, load(copy)))
    assert np.array_equal(here.coords, there.coords) and np.array_equal(here.confidence, there.confidence)


def test_the_folder_names_no_place_of_this_machine_and_holds_no_pickle(run: Path, small: SmallData):
    files = contents(run / "artefact")
    assert {Path(name).suffix for name in files} == {".json", ".safetensors"}
    for name, data in files.items():
        assert str(run.parent).encode() not in data and str(small.folder).encode() not in data, name
    adapter = json.loads(files["model/adapter/adapter_config.json"])
    assert adapter["base_model_name_or_path"] == "../../base"


def test_peft_loads_the_adapter(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(run / "artefact" / "model" / "adapter")
    assert AutoPeftModel.from_pretrained(".").peft_config["default"].r == 4


def test_a_changed_file_is_named(run: Path, tmp_path: Path):
    copy = shutil.copytree(run / "artefact", tmp_path / "copy")
    hand = copy / "hand.json"
    hand.write_text(hand.read_text().replace("1", "2"), encoding="utf-8")
    with pytest.raises(DataError, match=r"hand\.json is missing or changed"):
        open_artefact(copy)


def test_what_is_of_another_call_is_never_taken_as_done(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first, second, out = "MKVLAAGIVALLLAAC", "MKVLAAGIVALLLAACSSNKEV", tmp_path / "out"

    def folded(sequence: str, *more: str) -> int:
        return proteinmtp("fold", run, out, "--sequence", sequence, *more).exit_code

    assert folded(first, "--maps") == folded(second) == 0
    assert not list((out / "maps").iterdir()), "of the first sequence"
    assert folded(second, "--maps") == folded(second, "--plots") == 0, "both stay"
    assert next(MAPS_TABLE.read(out / "maps" / "sequence.parquet")).length == 22
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(FoldRecord, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        fold_into(out, load(run), [Target("sequence", first)])
    assert folded(second, "--maps") == 0
    chain = gemmi.read_structure(str(out / "structures" / "sequence.cif"))[0]["A"]
    assert len(chain) == 22
    (out / "structures" / "sequence.json").write_text("{")
    assert folded(second, "--maps") == 0 and "{}" not in (out / "structures" / "sequence.json").read_text()


def test_code_that_a_model_names_is_not_imported(run: Path, tmp_path: Path):
    copy = shutil.copytree(run / "artefact", tmp_path / "copy")
    settings = json.loads((copy / "settings.json").read_text())
    settings["head"]["kind"] = "payload.x"
    (copy / "settings.json").write_text(json.dumps(settings))
    record = json.loads((copy / "proteinmtp.json").read_text())
    del record["sha256"]
    record["files"]["settings.json"] = file_sha256(copy / "settings.json")
    (copy / "proteinmtp.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"needs payload\.x, a module from outside"):
        open_artefact(copy)
    assert open_artefact(copy, own_parts=True).settings.head.kind == "payload.x"
    settings["head"]["nothing"] = 1
    (copy / "settings.json").write_text(json.dumps(settings))
    record["files"]["settings.json"] = file_sha256(copy / "settings.json")
    (copy / "proteinmtp.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="the model was made by"):
        open_artefact(copy)


def test_only_what_a_hub_gives_is_in_the_folder(run: Path, tmp_path: Path):
    for name in contents(run / "artefact"):
        assert any(Path(name).match(pattern) for pattern in FILES), name
    (tmp_path / "trained").mkdir()
    for name in (".snakemake_timestamp", "pytorch_model.bin", "code.py", "tokenizer.json"):
        (tmp_path / "trained" / name).write_text("{}")
    settings = small_config(runs=[{"name": "a", "train": {"tuning": "full"}}]).run("a")
    record = write_artefact(
        tmp_path / "made", run="a", source="demo", settings=settings, trained=tmp_path / "trained",
        digest="", backbone=tmp_path, hand=run / "hand.json", calibration=None,
    )  # fmt: skip
    assert set(record.files) == {"hand.json", "model/tokenizer.json", "settings.json"}


def test_a_folder_that_cannot_be_written_is_one_line(run: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    done = proteinmtp("fold", run, tmp_path / "file" / "out", "--sequence", "MKVLAAG")
    assert done.exit_code == 1 and "cannot be made or is no folder" in done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "holds no model"),
        ("no such folder", "neither a folder nor an id on the hub"),
        ("./nothere", "neither a folder nor an id on the hub"),
        ("a--b/c", "cannot be fetched from the hub"),
        ("x" * 5000, "neither a folder nor an id on the hub"),
    ],
)
def test_what_is_no_model_is_one_line(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        open_artefact(name)


def test_a_call_that_was_stopped_goes_on_to_the_same_files(run: Path, fasta: Path, tmp_path: Path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert proteinmtp("fold", run, fasta, whole, "--maps").exit_code == 0
    records = fasta.read_text().split(">")[1:]
    half = tmp_path / "half.fasta"
    half.write_text("".join(f">{record}" for record in records[:2]), encoding="utf-8")
    assert proteinmtp("fold", run, half, parts, "--maps").exit_code == 0
    next((parts / "structures").glob("*.pdb")).unlink()  # of one of them a file is gone
    assert proteinmtp("fold", run, fasta, parts, "--maps").exit_code == 0
    assert contents(parts) == contents(whole)
    times = {path: path.stat().st_mtime_ns for path in (parts / "structures").iterdir()}
    assert proteinmtp("fold", run, fasta, parts, "--maps").exit_code == 0
    assert times == {path: path.stat().st_mtime_ns for path in (parts / "structures").iterdir()}
    table = pl.read_csv(parts / "summary.csv")
    assert table["name"].to_list() == [record.split("\n")[0] for record in records]
    (row,) = MAPS_TABLE.read(parts / "maps" / f"{table['name'][0]}.parquet")
    assert len(row.distance) == row.length * (row.length - 1) // 2 and row.contact is not None


def test_bad_records_stand_in_a_table_and_nothing_leaves_the_folder(run: Path, tmp_path: Path):
    out = tmp_path / "a" / "b" / "out"
    text = ">../../evil\nMKVLAAGIVAL\n><script>alert(1)</script>\nMKVLAAGIVALK\n>x\nMK1\n>\U0001f9ec\nMKVLAAGIVALKK\n"
    (tmp_path / "in.fasta").write_text(text, encoding="utf-8")
    done = proteinmtp("fold", run, tmp_path / "in.fasta", out)
    assert done.exit_code == 0
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and out not in path.parents]
    assert outside == [tmp_path / "in.fasta"]
    refused = pl.read_csv(out / "refused.csv")
    assert refused.rows() == [(3, "x", "residue 3 is '1', which is no amino acid")]
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page and "http" not in page
    for link in (part.split('"')[0] for part in page.split('href="structures/')[1:]):
        assert (out / "structures" / unquote(link)).is_file()


def test_pictures_are_drawn_whatever_a_sequence_is_called(run: Path, tmp_path: Path):
    names = ["a", "$x^2$", "\U0001f9ec", "n" * 300]
    (tmp_path / "in.fasta").write_text("".join(f">{name}\nMKVLAAGIVALLLAACSSNKEV\n" for name in names), "utf-8")
    assert proteinmtp("fold", run, tmp_path / "in.fasta", tmp_path / "out", "--plots").exit_code == 0
    pictures = list((tmp_path / "out" / "plots").glob("*.png"))
    assert len(pictures) == 4
    for picture in pictures:
        image = read_picture(picture)
        assert image.shape[:2] == (990, 900) and image.std() > 0.05


@pytest.mark.parametrize("by_torch", [False, True])
def test_memory_that_ends_is_one_line_and_what_is_done_is_kept(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_torch: bool
):
    (tmp_path / "in.fasta").write_text(">a\nMKVLAAGIVAL\n>b\nMKVLAAGIVALLLAACSSNKEV\n", encoding="utf-8")
    predict = Predictor.predict

    def scarce(self: Predictor, chains: list[ChainSequence]) -> Iterator[PredictionRow]:
        if max(map(len, chains)) > 20:
            torch.empty(2**62, dtype=torch.uint8) if by_torch else bytearray(2**62)
        return predict(self, chains)

    monkeypatch.setattr(Predictor, "predict", scarce)
    done = proteinmtp("fold", run, tmp_path / "in.fasta", tmp_path / "out")
    assert done.exit_code == 65 and "memory ended with a sequence of 22 residues" in done.stderr
    assert (tmp_path / "out" / "structures" / "a.json").is_file()


def test_nothing_that_can_be_folded_is_a_mistake_of_the_data(run: Path, tmp_path: Path):
    (tmp_path / "in.fasta").write_text(">a\nMK\n", encoding="utf-8")
    done = proteinmtp("fold", run, tmp_path / "in.fasta", tmp_path / "out")
    assert done.exit_code == 65 and "none of the 1 records could be folded" in done.stderr


def test_one_sequence_and_a_plan(run: Path, tmp_path: Path):
    assert proteinmtp("fold", run, tmp_path / "out", "--sequence", "MKVLAAGIVALLLAAC").exit_code == 0
    assert (tmp_path / "out" / "structures" / "sequence.cif").is_file()
    done = proteinmtp("fold", run, tmp_path / "none", "--sequence", "MKVLAAGIVALLLAAC", "--dry-run")
    assert done.exit_code == 0 and "1 sequences of 16 to 16 residues, 32 tokens" in done.stdout
    assert not (tmp_path / "none").exists()


def test_three_libraries_read_what_is_written(model: Model, tmp_path: Path):
    (found,) = model.fold(["MKVLAAGIVALLLAACSSNKEVXW"])
    for name in ("x.pdb", "x.cif"):
        path = tmp_path / name
        found.write(path)
        structure = gemmi.read_structure(str(path))
        chain = structure[0]["A"]
        coords = np.array([residue["CA"][0].pos.tolist() for residue in chain])
        factors = [residue["CA"][0].b_iso for residue in chain]
        assert coords == pytest.approx(found.coords, abs=6e-4)
        assert factors == pytest.approx(found.confidence.tolist(), abs=6e-3)
        assert gemmi.one_letter_code(structure.entities[0].full_sequence) == found.sequence
        assert "predicted by a" in structure.info["_struct.title"].lower()
        parser = PDBParser(QUIET=True) if name.endswith("pdb") else MMCIFParser(QUIET=True)
        atoms = list(parser.get_structure("x", path).get_atoms())
        assert np.array([atom.coord for atom in atoms]) == pytest.approx(coords, abs=1e-3)
        assert [atom.bfactor for atom in atoms] == pytest.approx(factors, abs=1e-3)
        if name.endswith("pdb"):
            array = biotite_pdb.PDBFile.read(path).get_structure(model=1, extra_fields=["b_factor"])
        else:
            array = biotite_cif.get_structure(biotite_cif.CIFFile.read(path), model=1, extra_fields=["b_factor"])
        assert array.coord == pytest.approx(coords, abs=1e-3) and len(array) == 24
        assert array.b_factor.tolist() == pytest.approx(factors, abs=1e-3)
        assert array.res_name.tolist() == [atom.get_parent().get_resname() for atom in atoms]


def test_the_public_face(run: Path, tmp_path: Path):
    assert set(public.__all__) == {"FileScores", "Folded", "Model", "load", "score"}
    for name in public.__all__:
        assert getattr(public, name) is not None
    with pytest.raises(AttributeError):
        public.nothing  # noqa: B018
    (found,) = public.load(run).fold(["MKVLAAGIVALLLAAC"])
    found.write(tmp_path / "out.cif")
    found.write(tmp_path / "out.pdb")
    assert public.score(tmp_path / "out.pdb", str(tmp_path / "out.cif")).scores["tm_score"] == pytest.approx(
        1, abs=1e-4
    )


@pytest.mark.parametrize("module", [public, hub, model_module, files])
def test_the_examples_in_the_documentation_are_true(
    module: ModuleType, run: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "results" / "runs").mkdir(parents=True)
    (tmp_path / "results" / "runs" / "slots").symlink_to(run)
    (found,) = model.fold(["MKVLAAGIVALLLAACSSNKEV"])
    for name in ("native.cif", "model.pdb"):
        found.write(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    tried = doctest.testmod(module)
    assert tried.attempted > 1 and not tried.failed


def test_the_program_of_the_page_on_folding_runs(
    run: Path, model: Model, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "results" / "runs").mkdir(parents=True)
    (tmp_path / "results" / "runs" / "slots").symlink_to(run)
    program = (root / "docs" / "fold.md").read_text(encoding="utf-8").split("```python\n")[1].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    (found,) = model.fold([max(re.findall(r'"([A-Z]{30,})"', program), key=len)])
    found.write("native.cif")
    known: dict[str, Any] = {}
    exec(program, known)
    assert np.array_equal(known["found"][0].coords, found.coords)


def test_a_record_names_no_file_outside_its_folder(run: Path, tmp_path: Path):
    copy = shutil.copytree(run / "artefact", tmp_path / "copy")
    record = json.loads((copy / "proteinmtp.json").read_text())
    del record["sha256"]
    for name in ("../evil.json", "/etc/hostname", "a/../../b", "C:\\\\x", ""):
        (copy / "proteinmtp.json").write_text(json.dumps(record | {"files": record["files"] | {name: "0" * 64}}))
        with pytest.raises(DataError, match="cannot be read"):
            open_artefact(copy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{run}", "out", "--sequence", "{fasta}"), "is a file; give it as INPUT"),
        (("{fasta}", "{run}", "out"), "is a folder, and INPUT a file; the order is"),
        (("{run}", "MKVLAAGIVAL", "out"), "one sequence is folded with --sequence"),
        (("{runs}", "{fasta}", "out"), "holds no model"),
        (("{runs}/slotz", "{fasta}", "out"), "there are "),
        (("{fasta}", "{fasta}", "out"), "is a file; name the folder of a trained run"),
        (("{run}", "{run}/artefact/../pdb.pdb", "out"), "is a structure file"),
    ],
)
def test_what_a_hurried_person_types_is_one_line_and_leaves_nothing(
    run: Path, model: Model, fasta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], message: str,
):  # fmt: skip
    model.fold(["MKVLAAGIVAL"])[0].write(run / "pdb.pdb")
    monkeypatch.chdir(tmp_path)
    done = proteinmtp("fold", *(word.format(run=run, runs=run.parent, fasta=fasta) for word in arguments))
    assert done.exit_code in (1, 2, 65) and message in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()


def test_names_that_differ_are_files_that_differ(model: Model):
    names = ["a/b", "a%2Fb", "a b", "A"]
    found = {one.name for one in model.fold_each([Target(name, "MKVLAAGIVAL") for name in names])}
    assert found == set(names)
