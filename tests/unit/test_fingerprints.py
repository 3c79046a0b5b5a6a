import subprocess
import sys
from pathlib import Path

import pytest

from proteinmtp.base.files import atomic, code_fingerprint, text_sha256

PACKAGE = {
    "__init__.py": "",
    "manifest.py": (Path(__file__).parents[2] / "pipeline" / "manifest.py").read_text(),
    "stage.py": "from proteinmtp.middle import value\nfrom pipeline import single\n\ndef run():\n    return value\n",
    "middle.py": "import proteinmtp.deep.bottom\nvalue = 1\n",
    "single.py": "x = 1\n",
    "other.py": "y = 1\n",
    "deep/__init__.py": "",
    "deep/bottom.py": '"""Text."""\n\ndef f(a):\n    """More."""\n    return a + 1\n',
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in PACKAGE.items():
        path = tmp_path / "pipeline" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "pipeline"


def fingerprint(package: Path) -> str:
    code = "from proteinmtp.base.files import code_fingerprint; print(code_fingerprint('proteinmtp.stage'))"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=package.parent, capture_output=True, text=True, check=True
    ).stdout


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("deep/bottom.py", "a + 1", "a + 2"),
        ("single.py", "x = 1", "x = 2"),
        ("stage.py", "return value", "return -value"),
    ],
)
def test_an_edit_anywhere_in_the_import_closure_changes_the_fingerprint(package, file, old, new):
    before = fingerprint(package)
    edit(package / file, old, new)
    assert fingerprint(package) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("deep/bottom.py", "More.", "Other words."),
        ("deep/bottom.py", "return a + 1", "return (a  +  1)  # a comment"),
        ("other.py", "y = 1", "y = 2"),
    ],
)
def test_comments_docstrings_formatting_and_unrelated_modules_do_not(package, file, old, new):
    before = fingerprint(package)
    edit(package / file, old, new)
    assert fingerprint(package) == before


def test_metrics_code_is_behind_evaluate_but_not_behind_train():
    from proteinmtp.base.files import _closure

    assert "proteinmtp.geometry.lddt" in _closure(("proteinmtp.scoring.evaluate_",))
    assert "proteinmtp.geometry.lddt" not in _closure(("proteinmtp.training.train",))
    assert "proteinmtp.geometry.distances" in _closure(("proteinmtp.training.train",))
    assert code_fingerprint("proteinmtp.training.train") != code_fingerprint("proteinmtp.scoring.evaluate_")


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
