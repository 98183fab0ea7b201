"""The figures hold what their captions say: data drawn, axes named, no title, white paper, two cues for each series."""

import matplotlib
import pytest

matplotlib.use("Agg")

from rmkit import plots
from rmkit.data import wilson


@pytest.fixture
def shown(monkeypatch):
    """The axes of every figure that was shown."""
    axes = []
    monkeypatch.setattr(plots.plt, "show", lambda: axes.append(plots.plt.gca()))
    yield axes
    assert not plots.plt.get_fignums(), "a figure is left open"


def draw_padding():
    return plots.plot_padding([11, 7, 40], width=64)


def draw_identical():
    return plots.plot_identical([8, 12, 20], {"right": [5, 3, 0], "left": [0, 0, 0]}, n=6)


def draw_majority():
    curves = {1: [0.5, 0.75, 1.0], 3: [0.5, 0.84, 1.0], 9: [0.5, 0.95, 1.0]}
    return plots.plot_majority([0.5, 0.75, 1.0], curves, {3: [(0.75, wilson(84, 100))]})


CHAPTER_1 = [draw_padding, draw_identical, draw_majority]

FLAWS = {
    "vague": {"law": 0.5, "care": 0.0},
    "padded": {"law": 0.496, "care": 0.25},
    "unsafe": {"law": 0.004, "care": 0.75},
}


def draw_flaws(path=None):
    return plots.plot_flaws(FLAWS, path)


def draw_lengths(path=None):
    return plots.plot_lengths({"0": range(101), "1": [30, 40, 50], "2 to 4": [7, 7]}, path)


def draw_k(path=None):
    return plots.plot_k({4: 300, 5: 40, 6: 0, 7: 3}, path)


DATA_CARD = [draw_flaws, draw_lengths, draw_k]


@pytest.mark.parametrize("draw", CHAPTER_1 + DATA_CARD)
def test_a_figure_is_shown_and_nothing_returned(draw, shown):
    assert draw() is None
    assert len(shown) == 1


@pytest.mark.parametrize("draw", CHAPTER_1 + DATA_CARD)
def test_axes_are_named_and_there_is_no_title(draw, shown):
    draw()
    axes = shown[0]
    assert axes.get_xlabel() and axes.get_ylabel()
    assert not axes.get_title() and axes.figure.get_suptitle() == ""


@pytest.mark.parametrize("draw", CHAPTER_1 + DATA_CARD)
def test_paper_is_white_so_that_a_dark_page_does_not_swallow_the_text(draw, shown):
    draw()
    assert shown[0].figure.get_facecolor() == (1, 1, 1, 1)


@pytest.mark.parametrize("draw", CHAPTER_1 + DATA_CARD)
def test_text_is_large_enough_at_400_pixels(draw, shown):
    draw()
    figure = shown[0].figure
    scale = 400 / (figure.get_figwidth() * figure.dpi)
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert texts and min(text.get_fontsize() * figure.dpi / 72 * scale for text in texts) >= 11


def test_the_book_style_does_not_leak(shown):
    before = dict(matplotlib.rcParams)
    draw_padding()
    assert dict(matplotlib.rcParams) == before


def test_colors_have_contrast_on_white():
    def luminance(color):
        channels = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(color)
        ]
        return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]

    for color in (plots.BLUE, plots.ORANGE, plots.GREEN, plots.GRAY):
        assert 1.05 / (luminance(color) + 0.05) >= 4.5, color  # WCAG AA, for text


def test_series_differ_in_marker_and_dash_as_well_as_in_color():
    for kind in zip(*plots.SERIES, strict=True):
        assert len(set(kind)) == len(plots.SERIES)


def test_padding_bars_are_as_long_as_the_texts(shown):
    draw_padding()
    widths = [bar.get_width() for bar in shown[0].patches]
    assert widths == [7, 11, 40, 64 - 7, 64 - 11, 64 - 40]
    assert shown[0].patches[-1].get_hatch(), "stripes tell padding from text without color"
    words = [text.get_text() for text in shown[0].texts]
    assert "longest text: 40 tokens" in words
    assert f"text (blue): {58 / 192:.0%} of the batch" in words


def test_identical_lines_hold_the_counts(shown):
    draw_identical()
    lines = {line.get_label(): list(line.get_ydata()) for line in shown[0].lines}
    assert lines == {"right": [5, 3, 0], "left": [0, 0, 0]}
    assert shown[0].get_ylim()[1] > 6


def test_majority_has_its_curves_chance_and_intervals(shown):
    draw_majority()
    axes = shown[0]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["majority of 9", "majority of 3", "one annotator"]
    assert any(set(line.get_ydata()) == {0.5} for line in axes.lines), "chance is drawn"
    (low, high), *_ = axes.containers[0].lines[2][0].get_segments()
    assert (low[1], high[1]) == pytest.approx((wilson(84, 100).low, wilson(84, 100).high))


@pytest.mark.parametrize("draw", DATA_CARD)
def test_a_figure_with_a_path_is_saved_and_not_shown(draw, shown, tmp_path):
    assert draw(tmp_path / "figure.png") is None
    assert matplotlib.image.imread(tmp_path / "figure.png").shape[1] == 800
    assert not shown


def test_flaws_are_told_by_number_as_well_as_by_shade(shown):
    draw_flaws()
    axes = shown[0]
    assert [text.get_text() for text in axes.texts] == ["50", "0", "50", "25", "<1", "75"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(FLAWS)
    assert axes.texts[-1].get_color() == "white" and axes.texts[1].get_color() == "black"


def test_lengths_show_quartiles_and_counts(shown):
    draw_lengths()
    axes = shown[0]
    assert axes.get_xticklabels()[0].get_text() == "0\nn = 101"
    box = axes.patches[0].get_path().get_extents()
    assert (box.ymin, box.ymax) == (25, 75)
    drawn = {value for line in axes.lines for value in line.get_ydata()}
    assert {5, 50, 95} <= drawn, "median and whiskers"


def test_k_bars_are_labeled(shown):
    draw_k()
    assert [bar.get_height() for bar in shown[0].patches] == [300, 40, 0, 3]
    assert [text.get_text() for text in shown[0].texts] == ["300", "40", "0", "3"]
