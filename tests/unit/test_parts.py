"""Parts of one's own: what is said of them when a config is read, without importing them, and when they are loaded."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proteinmtp.base import plugins
from proteinmtp.base.errors import ConfigError, PartError
from proteinmtp.config import HeadConfig, LossConfig, LossTerm
from proteinmtp.model.build import make_head, make_terms, network_type
from proteinmtp.model.head import HeadBase
from proteinmtp.model.parts import HEADS
from proteinmtp.model.slot_network import SlotNetwork
from proteinmtp.predictors.catalogue import parse_config

from ..support.lab import HEAD, LOSS, PARTS, write_lab

Lab = Callable[..., None]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Write the package `my_lab`, with further modules by name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda **modules: write_lab(tmp_path, {**PARTS, **modules})
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_lab"]:
        del sys.modules[name]


def mistakes(**raw: Any) -> list[str]:
    """Return the lines that a configuration is refused with."""
    with pytest.raises(ConfigError) as caught:
        parse_config(raw)
    return str(caught.value).split("\n")


def head_of(kind: str, **options: Any) -> dict[str, Any]:
    return {"defaults": {"head": {"kind": kind, "options": options}}, "runs": [{"name": "a"}]}


def losses_of(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"defaults": {"head": {"kind": "distance"}, "loss": {"terms": list(terms)}}, "runs": [{"name": "a"}]}


FACTS = 'GIVES = ("distances",)\n    LOSS = {"mse": 1.0}\n'
FIT = "def fit(self, coords): pass\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "my_lab.bad has no class `Head`"),
        ("class Head:\n    GIVES = ()\n", "my_lab.bad has no `Head.LOSS`; see proteinmtp.model.head.HeadBase"),
        (f"class Head:\n    {FACTS}", "my_lab.bad has no `Head.fit`; see proteinmtp.model.head.HeadBase"),
        (f"class Head:\n    {FACTS}    {FIT}", "my_lab.bad: `Head` does not inherit from its contract"),
        (
            f"from proteinmtp.model.head import PairHead\nclass Head(PairHead):\n    {FACTS}    {FIT}",
            "my_lab.bad has no `Head.forward`; see proteinmtp.model.head.PairHead",
        ),
        (
            "from proteinmtp.model.writer import WritingHead\nclass Head(WritingHead):\n"
            f"    {FACTS}    {FIT}    def forward(self, states, mask): pass\n",
            "my_lab.bad has no `Head.begin`; see proteinmtp.model.writer.WritingHead",
        ),
        ("class Head(:\n", "my_lab.bad cannot be read: invalid syntax (bad.py, line 1)"),
    ],
)
def test_what_a_part_lacks_is_named_when_it_is_loaded(lab: Lab, text: str, message: str):
    lab(bad=text)
    with pytest.raises(PartError, match=re.escape(message)):
        plugins.load(HEADS, "my_lab.bad", "Head", HeadBase)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("my_lab.absent", "there is no module my_lab.absent"),
        ("my_lab.numbers", "my_lab.numbers has no class `Head`"),
        ("my_lab.silent", "my_lab.silent must say Head.GIVES = ... as a literal"),
        ("toy", "a module of yours with a dot"),
        ("distanc", "did you mean 'distance'?"),
    ],
)
def test_a_config_says_which_head_is_missing_or_says_too_little(lab: Lab, kind: str, message: str):
    lab(silent="class Head:\n    pass\n")
    (line,) = mistakes(**head_of(kind))
    assert line.startswith("defaults.head.kind: ") and line.endswith(f"found '{kind}'") and message in line


def test_a_head_of_ones_own_brings_its_losses_to_the_runs(lab: Lab):
    lab()
    run = parse_config(head_of("my_lab.power", steepness=0.9)).run("a")
    assert run.loss.terms == [LossTerm(name="my_lab.cube", weight=1.0)]
    assert run.reconstruct.cap is None


@pytest.mark.parametrize("key", ["nulls", "source.kind"])
def test_a_config_says_which_null_or_source_is_missing(key: str):
    (line,) = mistakes(
        **({"nulls": ["toy"], "runs": [{"name": "a"}]} if key == "nulls" else {"source": {"kind": "toy"}})
    )
    assert re.fullmatch(rf"{key}: allowed: .*; found 'toy'", line)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('("distances",)', '("distances")', "Head.GIVES must be a tuple of names; it is 'distances'"),
        ('("distances",)', "(1,)", "Head.GIVES must be a tuple of names; it is (1,)"),
        ('("distances",)', "tuple(['distances'])", "Head.GIVES = ... as a literal"),
        ("1.0}", "0}", "Head.LOSS must be a dict of names and positive numbers; it is {'my_lab.cube': 0}"),
        ("1.0}", "True}", "Head.LOSS must be a dict of names and positive numbers"),
        ('{"my_lab.cube": 1.0}', '("my_lab.cube",)', "Head.LOSS must be a dict of names and positive numbers"),
        ("    LOSS", "    CAP = '18'\n    LOSS", "Head.CAP must be a positive number or None; it is '18'"),
        ("    LOSS", "    CAP = 2 * 9.0\n    LOSS", "Head.CAP = ... as a literal"),
        ("class Head", "class Head(", "cannot be read: invalid syntax"),
    ],
)
def test_what_a_head_says_must_be_literals_of_the_right_type(lab: Lab, old: str, new: str, message: str):
    assert old in HEAD
    lab(bad=HEAD.replace(old, new))
    (line,) = mistakes(**head_of("my_lab.bad"))
    assert line.startswith("defaults.head.kind: my_lab.bad") and message in line and "found 'my_lab.bad'" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('class Loss:\n    NEEDS = ("distances")\n', "Loss.NEEDS must be a tuple of names; it is 'distances'"),
        ("class Loss:\n    pass\n", "my_lab.bad must say Loss.NEEDS"),
        ("class Loss:\n\x00", "my_lab.bad cannot be read: "),
    ],
)
def test_what_a_loss_says_must_be_literals_of_the_right_type(lab: Lab, text: str, message: str):
    lab(bad=text)
    (line,) = mistakes(**losses_of({"name": "my_lab.bad"}))
    assert line.startswith("defaults.loss.terms: my_lab.bad") and message in line


def test_what_a_null_says_must_be_a_text(lab: Lab):
    lab(bad="class Null:\n    DESCRIPTION = ('a line',)\n")
    lines = mistakes(nulls=["my_lab.bad"], runs=[{"name": "a"}])
    assert lines == ["nulls: my_lab.bad: Null.DESCRIPTION must be a text; it is ('a line',); found 'my_lab.bad'"]


def test_a_package_of_parts_that_cannot_be_read_is_named(lab: Lab, tmp_path: Path):
    lab()
    (tmp_path / "my_lab" / "__init__.py").write_text("def\n")
    (line,) = mistakes(**head_of("my_lab.power"))
    assert line.startswith("defaults.head.kind: my_lab.power cannot be read: invalid syntax (__init__.py, line 1)")


def test_options_are_checked_against_the_constructor_without_importing_it(lab: Lab):
    lab(
        needy=HEAD.replace("steepness=1.0", "steepness"),
        goal=LOSS + "\n    def __init__(self, *, delta, goal, power=3):\n        pass\n",
    )
    assert mistakes(**head_of("my_lab.power", steep=1.0)) == [
        "defaults.head.options: my_lab.power takes no steep; it takes width, steepness"
    ]
    assert mistakes(**head_of("my_lab.needy")) == ["defaults.head.options: my_lab.needy needs steepness"]
    assert mistakes(**losses_of({"name": "my_lab.goal", "options": {"aim": 1}})) == [
        "defaults.loss.terms (my_lab.goal).options: my_lab.goal takes no aim; it takes delta, goal, power",
        "defaults.loss.terms (my_lab.goal).options: my_lab.goal needs goal",
    ]
    assert mistakes(source={"options": {"folder": "x"}}) == [
        "source.options: proteinmtp.structures.sources.demo takes no folder; it takes results"
    ]
    assert mistakes(source={"kind": "my_lab.listed"}) == ["source.options: my_lab.listed needs folder"]
    assert parse_config(head_of("my_lab.needy", steepness=2.0))
    assert parse_config(losses_of({"name": "my_lab.goal", "options": {"goal": 1}}))
    assert "my_lab.needy" not in sys.modules


DEEPER = """
from proteinmtp.model.heads import distogram


class Head(distogram.Head):
    GIVES = ("distances", "median", "logits", "sigma", "contact")
    LOSS = {"distogram": 1.0}
    CAP = 18.0

    def __init__(self, hidden_size, *, depth=1, **options):
        super().__init__(hidden_size, **options)
        self.depth = depth
"""


def test_options_that_a_constructor_passes_on_are_those_of_the_one_it_inherits(lab: Lab):
    closed = DEEPER.replace("**options):", "width):").replace("**options)", "width=width)")
    lab(
        deeper=DEEPER,
        deepest=DEEPER.replace("proteinmtp.model.heads import distogram", "my_lab import deeper as distogram"),
        closed=closed,
    )
    for kind in ("my_lab.deeper", "my_lab.deepest"):
        assert parse_config(head_of(kind, depth=2, blocks=2)), "what the next constructor takes is not read"
        head = make_head(HeadConfig(kind=kind, width=12, max_separation=5, options={"depth": 2}), 8)
        assert (head.depth, head.pairs.project.out_features, head.pairs.exact) == (2, 24, 5)
        with pytest.raises(PartError, match=rf"{kind} takes no size; it takes depth, width, max_separation, trunk, bl"):
            make_head(HeadConfig(kind=kind, options={"size": 2}), 8)
    with pytest.raises(PartError, match=r"my_lab\.closed takes no blocks; it takes depth, width$"):
        make_head(HeadConfig(kind="my_lab.closed", options={"blocks": 2}), 8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    CAP = 18.0\n",
            "",
            r"Head\.CAP is 18\.0, but the config takes it as None; write CAP = \.\.\. as a literal",
        ),
        ("    CAP = 18.0\n", "    CAP = 18.0\n    CAP += 2\n", r"Head\.CAP is 20\.0, but the config takes it as 18\.0"),
        ("    CAP", "    LOSS |= {'huber': 1.0}\n    CAP", r"Head\.LOSS is .*huber.*, but the config takes it as"),
        ("    CAP", "    GIVES += ('coords',)\n    CAP", r"Head\.GIVES is .*coords.*, but the config takes it as"),
    ],
)
def test_what_a_head_says_when_loaded_is_what_the_config_read(lab: Lab, old: str, new: str, message: str):
    lab(bad=DEEPER.replace(old, new))
    parse_config(head_of("my_lab.bad"))
    with pytest.raises(PartError, match=rf"^my_lab\.bad: {message}"):
        make_head(HeadConfig(kind="my_lab.bad"), 8)


def test_a_head_that_inherits_what_it_gives_must_say_it_again(lab: Lab):
    lab(bad=DEEPER.replace('    GIVES = ("distances", "median", "logits", "sigma", "contact")\n', ""))
    (line,) = mistakes(**head_of("my_lab.bad"))
    assert "my_lab.bad must say Head.GIVES = ... as a literal" in line


def test_losses_of_one_name_are_refused_before_any_job(lab: Lab):
    lab(huber=LOSS)
    terms = [{"name": "huber"}, {"name": "my_lab.huber"}]
    (line,) = mistakes(**losses_of(*terms))
    assert line.startswith("defaults.loss.terms: huber and my_lab.huber would both be huber; names must differ")
    with pytest.raises(PartError, match="two losses are called huber"):
        make_terms(LossConfig(terms=[LossTerm.model_validate(term) for term in terms]))


def test_a_head_that_imports_the_contract_of_networks_has_no_network_of_its_own(lab: Lab):
    lab(
        typed=HEAD.replace(
            "from torch import nn\n", "from torch import nn\nfrom proteinmtp.model.network import Network\n"
        )
    )
    assert network_type("my_lab.typed") is SlotNetwork
