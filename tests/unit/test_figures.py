"""Figures of the report: what is drawn, that names from data are harmless, and files for papers."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from proteinmtp.report import standing
from proteinmtp.report.figures import drawing
from proteinmtp.report.figures.data import FigureData, Format, Pretraining
from proteinmtp.report.figures.drawing import Panel, ReportFigure
from proteinmtp.report.figures.listing import figures
from proteinmtp.report.figures.rendering import key_svg, panel_svg, write_figure
from proteinmtp.report.figures.wording import shortened
from proteinmtp.scoring.statistics import Bootstrap
from proteinmtp.tables.benchmarks import CostRow
from proteinmtp.tables.history import HISTORY, HistoryRow
from proteinmtp.tables.metrics import METRICS, MetricsRow
from proteinmtp.tables.pretraining import PretrainingSummary
from proteinmtp.tables.report_summary import ReportSummary
from proteinmtp.tables.split import SplitRow

from ..support.command import proteinmtp
from ..support.score_rows import all_metrics, metrics_row

RUNS = ("slots", "coords", "null_separation")
NAMES = ("distributions", "length", "bins", "separation", "calibration", "curves", "pretraining", "lengths", "costs")
EVIL = """😀$x^2$</svg><script> 'a"&\x00\u202e--><![CDATA["""
EMPTY = FigureData(
    runs=RUNS, metrics=[], lengths={}, trusted={}, history=[], pretraining=[], costs=[], chains=[]
)  # fmt: skip


def rows_of(run: str, n: int, tm: float) -> list[MetricsRow]:
    """Return scores of chains c0, c1, ... that grow by 0.01 from chain to chain."""
    return [
        metrics_row(
            f"c{at}",
            run=run,
            length=60 + 20 * at,
            scores=all_metrics(0.5) | {"tm_score": tm + 0.01 * at, "lddt": tm + 0.01 * at, "mae": 3 - tm + 0.01 * at},
            profiles={
                "mae_by_separation": np.array([1.0, 2.0, 3.0, np.nan, np.nan, np.nan]),
                "mae_by_distance": np.full(7, 2.5),
                "lddt_residues": np.array([0.2, 0.5, 0.9]),
            },
            confidence=np.array([20.0, 40.0, 90.0]) if run == "slots" else None,
        )
        for at in range(n)
    ]


def history_of(run: str, losses: list[float], saved: int = 0) -> list[HistoryRow]:
    return [
        HistoryRow(
            run=run, step=10 * (at + 1), epoch=0, lr=0.1, train_loss=loss, grad_norm=1.0, val_loss=2 * loss,
            val_mae=3 * loss, tokens=1, saved=at == saved,
        )
        for at, loss in enumerate(losses)
    ]  # fmt: skip


def data_of(runs: tuple[str, ...] = RUNS, n: int = 5, **changes: object) -> FigureData:
    rows = {run: rows_of(run, n, 0.2 + 0.1 * at) for at, run in enumerate(runs)}
    drawn = Bootstrap(unit="chain_id", samples=50, seed=0)
    summary = PretrainingSummary(
        name="abc", objective="causal", chains=9, fasta=0, left_out={}, relatives_looked_for=False, sequences=9,
        pieces=9, residues=99, steps=20, saved_step=10, validation_chains=3, validation_residues=30, perplexity=12.3,
        unigram_perplexity=17.9,
    )  # fmt: skip
    data = FigureData(
        runs=runs,
        metrics=[row for of_run in rows.values() for row in of_run],
        lengths=standing.by_length(rows, drawn),
        trusted=standing.trusted(rows),
        history=[row for run in runs[:2] for row in history_of(run, [3.0, 2.0, 1.0], saved=1)],
        pretraining=[Pretraining(label=runs[0], history=history_of("backbone abc", [3.0, 2.5]), summary=summary)],
        costs=[CostRow(stage="train", jobs=2, seconds=240, longest=130, cpu_seconds=None, max_rss_mb=1536)],
        chains=[
            SplitRow(chain_id=f"c{at}", cluster_id="k", length=60 + at, train=at < 3, val=at == 3, test=at == 4)
            for at in range(5)
        ],
    )
    return replace(data, **changes)


def figure_of(data: FigureData, name: str) -> ReportFigure:
    return next(figure for figure in figures(data) if figure.name == name)


def svg_of(figure: ReportFigure, panel: str) -> ElementTree.Element:
    return ElementTree.fromstring(panel_svg(figure, next(item for item in figure.panels if item.name == panel)))


@cache
def page() -> list[tuple[ReportFigure, Panel, str]]:
    return [(figure, panel, panel_svg(figure, panel)) for figure in figures(data_of()) for panel in figure.panels]


def local(root: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == tag]


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in local(root, "text")]


def drawn_axes(figure: ReportFigure) -> dict[str, Axes]:
    axes = {panel.name: Figure().add_subplot() for panel in figure.panels}
    for panel in figure.panels:
        panel.draw(axes[panel.name])
    return axes


def test_all_figures_are_drawn_and_without_anything_to_draw_none():
    assert tuple(figure.name for figure in figures(data_of())) == NAMES
    assert figures(EMPTY) == []


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("curves", {"history": []}),
        ("pretraining", {"pretraining": []}),
        ("costs", {"costs": []}),
        ("lengths", {"chains": []}),
        ("calibration", {"trusted": {}}),
        ("bins", {"lengths": {}}),
    ],
)
def test_a_figure_without_data_is_left_out_and_the_others_stay(name: str, without: Mapping[str, object]):
    assert {figure.name for figure in figures(data_of(**without))} == {*NAMES} - {name}


def test_one_chain_is_enough_for_every_figure_of_scores():
    alone = [figure for figure in figures(data_of(n=1)) if figure.name in NAMES[:5]]
    assert [figure.name for figure in alone] == list(NAMES[:5])
    for figure in alone:
        for panel, axes in drawn_axes(figure).items():
            assert any(np.isfinite(line.get_ydata()).any() for line in axes.lines), (figure.name, panel)
            assert panel_svg(figure, next(item for item in figure.panels if item.name == panel))


def test_a_text_alternative_has_the_numbers():
    told = {figure.name: figure.alternative for figure in figures(data_of())}
    # Of five chains whose scores grow by 0.01 from 0.2, 0.3, 0.4 on.
    assert "Median TM-score: slots 0.22, coords 0.32, null_separation 0.42." in told["distributions"]
    assert "slots 1.00" in told["length"] and "60 to 140 residues" in told["length"]
    assert "under 100 residues: slots 0.20" in told["bins"] or "under 100 residues: slots 0.21" in told["bins"]
    assert "slots 3.0" in told["separation"]
    assert "slots 6.0, coords 6.0" in told["curves"]
    assert "slots 12.3 per residue, unigram 17.9" in told["pretraining"]
    assert "3 train chains of 60 to 62 residues, median 61" in told["lengths"]
    assert "train with 4.0 min" in told["costs"] and "1.5 GB" in told["costs"]


def test_of_many_runs_a_text_alternative_names_the_worst_and_the_best():
    runs = tuple(f"r{at}" for at in range(9))
    told = figure_of(data_of(runs, n=1), "distributions").alternative
    assert "Median TM-score: 9 predictors from r0 0.20 to r8 1.00." in told
    assert "Median distance error, Å: 9 predictors from r0 2.8 to r8 2.0." in told


@pytest.mark.parametrize(("name", "panel", "axis"), [("distributions", "tm_score", "x"), ("length", "lddt", "y")])
def test_points_stand_in_the_order_of_the_chains_they_are_listed_with(name: str, panel: str, axis: str):
    figure = figure_of(data_of(), name)
    points = next(item for item in figure.panels if item.name == panel).points
    svg = svg_of(figure, panel)
    assert [group.run for group in points.values()] == list(RUNS)
    for identifier, group in points.items():
        (element,) = [element for element in local(svg, "g") if element.get("id") == identifier]
        places = [float(use.attrib[axis]) for use in local(element, "use")]
        assert list(group.chains) == [f"c{at}" for at in range(5)]
        grows = places if axis == "x" else places[::-1]  # y grows downwards
        assert len(places) == 5 and all(low < high for low, high in pairwise(grows))


def test_chains_without_a_finite_score_and_further_seeds_have_no_point():
    rows = rows_of("slots", 4, 0.2)
    rows[1] = metrics_row("none", run="slots", scores=all_metrics(0.5) | {"lddt": None})
    rows[2] = metrics_row("nan", run="slots", scores=all_metrics(0.5) | {"lddt": float("nan")})
    figure = figure_of(replace(EMPTY, metrics=[*rows, *rows_of("slots-2", 4, 0.3)]), "length")
    points = {panel.name: panel.points for panel in figure.panels}
    (group,) = points["lddt"].values()
    assert list(group.chains) == ["c0", "c3"]
    (element,) = [item for item in local(svg_of(figure, "lddt"), "g") if item.get("id") in points["lddt"]]
    assert len(local(element, "use")) == 2


def test_more_points_than_a_page_bears_are_one_picture_and_the_caption_says_so():
    many, few = (figure_of(data_of(n=n), "length") for n in (1001, 1000))
    assert "drawn as a picture" in many.caption and "drawn as a picture" not in few.caption
    assert not many.panels[0].points and len(few.panels[0].points) == 3
    assert local(svg_of(many, "lddt"), "image") and not local(svg_of(few, "lddt"), "image")


def test_ids_differ_over_the_page_and_every_reference_is_to_one_of_the_same_panel():
    everywhere: list[str] = []
    for _, _, svg in page():
        ids = re.findall(r'\bid="([^"]+)"', svg)
        assert {*re.findall(r'href="#([^"]+)"', svg), *re.findall(r"url\(#([^)]+)\)", svg)} <= {*ids}
        everywhere += ids
    assert len(everywhere) == len({*everywhere})


def test_a_panel_brings_no_style_sheet_and_takes_colours_and_font_from_the_page():
    for _, _, svg in page():
        root = ElementTree.fromstring(svg)
        assert not local(root, "style") and not local(root, "metadata") and "DejaVu" not in svg
        assert "system-ui" in root.attrib["style"] and "sans-serif" in root.attrib["style"]
        assert not [
            colour for colour in (drawing.INK, drawing.SOFT, drawing.LINE, "#000000", "#ffffff") if colour in svg
        ]
        assert all("var(--ink)" in text.attrib["style"] for text in local(root, "text"))
        assert "var(--line)" in svg and "width" not in root.attrib and root.attrib["viewBox"].startswith("0 0 302")


def test_equal_data_give_equal_bytes_whatever_the_settings_of_matplotlib(tmp_path: Path):
    before = [svg for *_, svg in page()]
    with rc_context({"lines.linewidth": 20, "axes.labelsize": 20}):
        after = [panel_svg(figure, panel) for figure in figures(data_of()) for panel in figure.panels]
    assert after == before
    for suffix in Format:
        one, other = (
            write_figure(figure_of(data_of(), "length"), tmp_path / name, suffix).read_bytes() for name in "ab"
        )
        assert one == other, suffix


def test_names_from_data_are_text_and_never_markup_or_formulas(tmp_path: Path):
    data = data_of((EVIL, "b" * 300, "null_שלום"))
    for figure in figures(data):
        for panel in figure.panels:
            root = ElementTree.fromstring(panel_svg(figure, panel))
            assert not local(root, "script")
        write_figure(figure, tmp_path, Format.PNG)
    shown = texts(svg_of(figure_of(data, "distributions"), "lddt"))
    assert {"😀$x^2$</svg…CDATA[", f"{'b' * 11}…{'b' * 6}", "null_שלום"} <= {*shown}


@given(st.text(), st.integers(6, 40))
def test_a_shortened_name_fits_and_can_be_printed(name: str, longest: int):
    short = shortened(name, longest)
    assert len(short) <= longest and short.isprintable()
    if name.isprintable() and len(name) <= longest:
        assert short == name


def test_names_that_differ_at_either_end_differ_when_shortened():
    names = ("null_neighbours_points", "null_neighbours_centred", "some_neighbours_points")
    assert len({shortened(name) for name in names}) == 3


BLINDNESS = {
    "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]
    ],
}  # fmt: skip
"""Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB."""
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1, 1.089])
"""Of sRGB (IEC 61966-2-1), D65."""
OKABE_ITO = 16.1
"""Least distance of two of Okabe & Ito's eight colours in CIELAB under any of these; no need to be better."""


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIELAB of a linear colour."""
    share = XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_differ_with_colour_blindness_as_much_as_those_of_okabe_and_ito(blindness: str):
    seen = [lab(np.array(BLINDNESS[blindness]) @ linear(colour)) for colour in drawing.PALETTE]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > OKABE_ITO


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.1."""
    return float(XYZ[1] @ linear(colour))


@pytest.mark.parametrize("colour", [*drawing.PALETTE, *drawing.GREYS])
@pytest.mark.parametrize("page_colour", ["#ffffff", "#14171d"])
def test_colours_stand_out_from_the_light_and_the_dark_page(colour: str, page_colour: str):
    dark, light = sorted((luminance(colour), luminance(page_colour)))
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.1, 1.4.11: graphical objects


def test_runs_look_different_in_more_than_the_colour():
    of_runs = drawing.styles([*(f"r{at}" for at in range(24)), *(f"null_{at}" for at in range(6))])
    looks = [(style.marker, style.dash, style.colour) for style in of_runs.values()]
    assert len({*looks}) == len(looks)
    first = list(of_runs.values())[:8]
    assert len({style.marker for style in first}) == len({style.colour for style in first}) == 8
    svgs = [key_svg(style, f"key-{at}") for at, style in enumerate(of_runs.values())]
    assert len({re.sub(r"\bs[0-9a-f]{6}-", "", svg) for svg in svgs}) == len(svgs)


@pytest.mark.parametrize(
    ("name", "panels", "limits"),
    [
        ("distributions", ("lddt", "tm_score"), Axes.get_xlim),
        ("length", ("lddt", "tm_score"), Axes.get_xlim),
        ("length", ("lddt", "tm_score"), Axes.get_ylim),
        ("bins", ("lddt", "tm_score"), Axes.get_ylim),
        ("separation", ("separation", "distance"), Axes.get_ylim),
        ("curves", ("train_loss", "val_loss"), Axes.get_ylim),
        ("pretraining", ("training", "validation"), Axes.get_ylim),
        ("lengths", ("train", "test"), Axes.get_xlim),
    ],
)
def test_panels_of_one_kind_have_the_same_limits(
    name: str, panels: tuple[str, str], limits: Callable[[Axes], tuple[float, float]]
):
    axes = drawn_axes(figure_of(data_of(), name))
    assert limits(axes[panels[0]]) == limits(axes[panels[1]])


def test_every_axis_has_a_label_and_limits_around_what_is_drawn():
    for figure in figures(data_of()):
        for panel, axes in drawn_axes(figure).items():
            assert axes.get_xlabel() and (axes.get_ylabel() or len(axes.get_yticklabels()) > 0)
            for line in axes.lines:
                x, y = (np.asarray(values, float) for values in (line.get_xdata(), line.get_ydata()))
                if line.get_transform() == axes.transData:
                    (left, right), (low, high) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
                    assert (x >= left).all() and (x <= right).all(), (figure.name, panel)
                    assert ((y >= low) & (y <= high))[np.isfinite(y)].all(), (figure.name, panel)


def test_the_line_of_several_seeds_is_their_mean_and_the_band_reaches_to_the_lowest_and_highest():
    history = [row for seed, up in (("slots", 0.0), ("slots-2", 1.0)) for row in history_of(seed, [4 + up, 2 + up])]
    figure = figure_of(data_of(history=history), "curves")
    axes = drawn_axes(figure)["train_loss"]
    assert list(axes.lines[0].get_ydata()) == [4.5, 2.5]
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (2, 5)
    assert "lowest to the highest seed" in figure.caption
    assert "seed" not in figure_of(data_of(), "curves").caption
    assert [entry.label for entry in figure.legend] == ["slots"]


def test_a_marker_shows_which_weights_were_saved():
    axes = drawn_axes(figure_of(data_of(), "curves"))["val_mae"]
    marked = [line for line in axes.lines if line.get_marker() != "None"]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in marked] == [([20], [6.0])] * 2


def test_losses_of_pretraining_are_shown_as_perplexity():
    axes = drawn_axes(figure_of(data_of(), "pretraining"))["training"]
    assert list(axes.lines[0].get_ydata()) == pytest.approx([np.exp(3), np.exp(2.5)])
    assert axes.lines[-1].get_ydata()[0] == 17.9


def test_a_figure_for_a_paper_has_all_panels_and_the_legend_on_white(tmp_path: Path):
    figure = figure_of(data_of(), "calibration")
    path = write_figure(figure, tmp_path / "new", Format.SVG)
    assert path == tmp_path / "new" / "calibration.svg"
    root = ElementTree.parse(path).getroot()
    assert {"slots", "as predicted", "lDDT × 100, rebuilt trace"} <= {*texts(root)}
    assert "var(" not in path.read_text(encoding="utf-8") and "fill: #ffffff" in path.read_text(encoding="utf-8")
    signatures = {Format.PDF: b"%PDF-", Format.PNG: b"\x89PNG"}
    for suffix, begin in signatures.items():
        assert write_figure(figure, tmp_path, suffix).read_bytes().startswith(begin)


def results(folder: Path) -> Path:
    """Write what the command reads of a results folder."""
    rows = {run: rows_of(run, 4, 0.3) for run in RUNS}
    drawn = Bootstrap(unit="chain_id", samples=50, seed=0)
    METRICS.write(folder / "report" / "metrics.parquet", [row for of_run in rows.values() for row in of_run])
    ReportSummary.model_validate(
        {
            "runs": standing.summaries(rows, drawn),
            "differences": {},
            "lengths": standing.by_length(rows, drawn),
            "confidence": standing.trusted(rows),
            "experiments": [],
            "models": {"slots": "0"},
        },
        from_attributes=True,
    ).write(folder / "report" / "summary.json")
    HISTORY.write(folder / "runs" / "slots" / "history.parquet", history_of("slots", [3.0, 2.0]))
    HISTORY.write(folder / "runs" / "stale" / "history.parquet", history_of("stale", [3.0, 2.0]))
    return folder


def test_the_command_writes_the_figures_of_what_lies_in_the_folder(tmp_path: Path):
    done = proteinmtp("report", results(tmp_path / "results"), "--figures", tmp_path / "paper", "--format", "svg")
    assert done.exit_code == 0
    names = ["bins", "calibration", "curves", "distributions", "length", "separation"]
    assert sorted(path.name for path in (tmp_path / "paper").iterdir()) == sorted(
        ["captions.md", *(f"{name}.svg" for name in names)]
    )
    assert done.stdout.splitlines()[0] == str(tmp_path / "paper" / "distributions.svg")
    curves = (tmp_path / "paper" / "curves.svg").read_text(encoding="utf-8")
    assert ">slots<" in curves and ">stale<" not in curves
    assert "Median TM-score: slots 0.3" in (tmp_path / "paper" / "captions.md").read_text(encoding="utf-8")


def test_runs_look_the_same_in_the_files_as_in_the_order_of_the_table(tmp_path: Path):
    from proteinmtp.cli.results import read_figure_data

    assert list(read_figure_data(results(tmp_path)).runs) == list(RUNS)


def test_without_a_report_the_command_says_so_in_one_line(tmp_path: Path):
    done = proteinmtp("report", tmp_path, "--figures", tmp_path / "paper")
    assert done.exit_code == 1 and done.stderr.count("\n") == 1 and "make the report first" in done.stderr
    assert not (tmp_path / "paper").exists()


def test_the_command_needs_to_be_told_where_to_write(tmp_path: Path):
    done = proteinmtp("report", results(tmp_path))
    assert done.exit_code == 2 and "--figures" in done.stderr


def test_the_command_does_without_torch(tmp_path: Path):
    program = (
        "import sys; from proteinmtp.cli.main import app;"
        f" app({['report', str(results(tmp_path)), '--figures', str(tmp_path / 'paper')]!r}, standalone_mode=False);"
        " print('torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False False", done.stderr
