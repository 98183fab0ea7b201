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


@pytest.mark.parametrize("draw", CHAPTER_1)
def test_a_figure_is_shown_and_nothing_returned(draw, shown):
    assert draw() is None
    assert len(shown) == 1


@pytest.mark.parametrize("draw", CHAPTER_1)
def test_axes_are_named_and_there_is_no_title(draw, shown):
    draw()
    axes = shown[0]
    assert axes.get_xlabel() and axes.get_ylabel()
    assert not axes.get_title() and axes.figure.get_suptitle() == ""


@pytest.mark.parametrize("draw", CHAPTER_1)
def test_paper_is_white_so_that_a_dark_page_does_not_swallow_the_text(draw, shown):
    draw()
    assert shown[0].figure.get_facecolor() == (1, 1, 1, 1)


@pytest.mark.parametrize("draw", CHAPTER_1)
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
