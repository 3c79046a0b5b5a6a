"""The code fingerprint of a stage changes with what the stage uses, and with nothing else."""

import sys
from pathlib import Path

import pytest

from proteinmtp.base.files import atomic, text_sha256
from proteinmtp.base.fingerprint import Fingerprints

PACKAGES = {
    "pipeline/__init__.py": "",
    "pipeline/stage.py": (
        "from proteinmtp.middle import value\nfrom proteinmtp import single\n\ndef run():\n    return value\n"
    ),
    "proteinmtp/__init__.py": "",
    "proteinmtp/middle.py": "import proteinmtp.deep.bottom\nfrom .deep import beside\nvalue = 1\n",
    "proteinmtp/single.py": "x = 1\n",
    "proteinmtp/other.py": "y = 1\n",
    "proteinmtp/geometry/__init__.py": "",
    "proteinmtp/geometry/constants.py": "FINGERPRINT = 'by name'\nBOND, CIS = 3.8, 2.95\nCLASH = 3.5\n",
    "proteinmtp/config/__init__.py": "FINGERPRINT = 'never'\nz = 1\n",
    "proteinmtp/deep/__init__.py": "",
    "proteinmtp/deep/bottom.py": """from typing import Annotated
'''Text.'''
x: Annotated[int, "a sentence"] = 1
def f(a):
    '''More.'''
    return a + 1
""",
    "proteinmtp/deep/beside.py": "from . import relative\nfrom .. import config\n",
    "proteinmtp/deep/relative.py": "from proteinmtp.geometry.constants import CIS\nnumber = 3\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in PACKAGES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def fingerprint(house: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Read a copy, since the digests of a file are kept while a program runs."""
    copy = tmp_path_factory.mktemp("house")
    for path in house.rglob("*.py"):
        target = copy / path.relative_to(house)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return Fingerprints(copy).of("pipeline.stage")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("proteinmtp/deep/bottom.py", "a + 1", "a + 2"),
        ("proteinmtp/single.py", "x = 1", "x = 2"),
        ("pipeline/stage.py", "return value", "return -value"),
        ("proteinmtp/deep/relative.py", "3", "4"),
        ("proteinmtp/geometry/constants.py", "2.95", "2.9"),
    ],
)
def test_an_edit_anywhere_in_the_import_closure_changes_it_by_absolute_and_relative_imports(
    house, tmp_path_factory, file, old, new
):
    before = fingerprint(house, tmp_path_factory)
    edit(house / file, old, new)
    assert fingerprint(house, tmp_path_factory) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("proteinmtp/deep/bottom.py", "More.", "Other words."),
        ("proteinmtp/deep/bottom.py", "a sentence", "another"),
        ("proteinmtp/deep/bottom.py", "return a + 1", "return (a  +  1)  # a comment"),
        ("proteinmtp/other.py", "y = 1", "y = 2"),
        ("proteinmtp/geometry/constants.py", "3.5", "4.0"),
        ("proteinmtp/geometry/constants.py", "3.8", "3.9"),
        ("proteinmtp/config/__init__.py", "z = 1", "z = 2"),
    ],
)
def test_comments_docstrings_formatting_settings_and_what_is_not_used_do_not(house, tmp_path_factory, file, old, new):
    before = fingerprint(house, tmp_path_factory)
    edit(house / file, old, new)
    assert fingerprint(house, tmp_path_factory) == before


@pytest.mark.parametrize(
    ("constants", "imported", "old", "new"),
    [
        ("A = 1\nB = A * 2\n", "from proteinmtp.geometry.constants import B", "A = 1", "A = 2"),
        ("B: float = 1\n", "from proteinmtp.geometry.constants import B", "= 1", "= 2"),
        ("B = 1\nC = 2\n", "from proteinmtp.geometry import constants", "C = 2", "C = 3"),
        ("B = 1\nC = 2\n", "import proteinmtp.geometry.constants", "C = 2", "C = 3"),
        ("B = 1\ndef f():\n    return 1\n", "from proteinmtp.geometry.constants import B, f", "return 1", "return 2"),
    ],
)  # fmt: skip
def test_constants_count_as_a_whole_where_not_only_literals_are_taken_by_name(
    house, tmp_path_factory, constants, imported, old, new
):
    (house / "proteinmtp/geometry/constants.py").write_text("FINGERPRINT = 'by name'\n" + constants)
    (house / "proteinmtp/deep/relative.py").write_text(imported + "\n")
    before = fingerprint(house, tmp_path_factory)
    edit(house / "proteinmtp/geometry/constants.py", old, new)
    assert fingerprint(house, tmp_path_factory) != before


def test_a_name_in_a_module_from_elsewhere_does_not_import_it(tmp_path: Path, monkeypatch, root: Path):
    lab = tmp_path / "another_lab"
    lab.mkdir()
    (lab / "__init__.py").write_text("")
    (lab / "part.py").write_text("from .bad import value\nfrom another_lab.bad import other\n")
    (lab / "bad.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Fingerprints(root).closure("another_lab.part") == {"another_lab", "another_lab.part", "another_lab.bad"}


def test_a_package_from_elsewhere_counts_through_relative_imports(tmp_path: Path, monkeypatch, root: Path):
    lab = tmp_path / "some_lab"
    lab.mkdir()
    (lab / "__init__.py").write_text("")
    (lab / "part.py").write_text("from .numbers import X\nfrom .deep.more import Y\n")
    (lab / "numbers.py").write_text("X = 1\n")
    (lab / "deep").mkdir()
    (lab / "deep" / "__init__.py").write_text("")
    (lab / "deep" / "more.py").write_text("from ..numbers import X as Y\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    closure = Fingerprints(root).closure("some_lab.part")
    assert {"some_lab.numbers", "some_lab.deep.more"} <= closure
    sys.modules.pop("some_lab", None)


def test_metrics_code_is_behind_evaluate_but_not_behind_train(root: Path):
    house = Fingerprints(root)
    assert "proteinmtp.geometry.pair_scores" in house.closure("pipeline.evaluate")
    assert "proteinmtp.geometry.pair_scores" not in house.closure("pipeline.train")
    assert "proteinmtp.geometry.distances" in house.closure("pipeline.train")
    assert house.of("pipeline.train") != house.of("pipeline.evaluate")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_hashes_of_strings_keep_their_borders():
    assert text_sha256("ab", "c") != text_sha256("a", "bc")


def test_what_many_jobs_ask_for_is_worked_out_once(house: Path, monkeypatch: pytest.MonkeyPatch):
    reached = []
    closure = Fingerprints.closure
    monkeypatch.setattr(
        Fingerprints, "closure", lambda self, *modules: (reached.append(modules), closure(self, *modules))[1]
    )
    fingerprints = Fingerprints(house)
    first = fingerprints.of("pipeline.stage")
    asked = len(reached)
    assert asked and {fingerprints.of("pipeline.stage") for _ in range(9)} == {first} and len(reached) == asked
