"""The figures hold what their captions say: data drawn, axes named, no title, white paper, two cues for each series."""

import math
from types import SimpleNamespace

import matplotlib
import pytest

matplotlib.use("Agg")

from rmkit import figures
from rmkit.course.figures import (
    bug_museum,
    data_card,
    goodhart,
    how_fast,
    measuring,
    pairwise_loss,
    preference_data,
    scaling_up,
    training_loop,
    using_rewards,
    value_head,
)
from rmkit.intervals import wilson
from rmkit.measures import calibration


@pytest.fixture
def shown(monkeypatch):
    """The axes of every figure that was shown."""
    axes = []
    monkeypatch.setattr(figures.plt, "show", lambda: axes.append(figures.plt.gca()))
    yield axes
    assert not figures.plt.get_fignums(), "a figure is left open"


def draw_padding():
    return preference_data.plot_padding([11, 7, 40], width=64)


def draw_identical():
    return preference_data.plot_identical([8, 12, 20], {"right": [5, 3, 0], "left": [0, 0, 0]}, n=6)


def draw_majority():
    curves = {1: [0.5, 0.75, 1.0], 3: [0.5, 0.84, 1.0], 9: [0.5, 0.95, 1.0]}
    return preference_data.plot_majority([0.5, 0.75, 1.0], curves, {3: [(0.75, wilson(84, 100))]})


CHAPTER_1 = [draw_padding, draw_identical, draw_majority]


def draw_tanh():
    return value_head.plot_tanh([z / 10 for z in range(-30, 31)], marks=[0.0, 0.9])


def draw_first_rewards():
    wide, narrow = [[-0.9, 0.5, 0.1], [0.8, 0.7, 0.6]], [[-0.1, 0, 0.1], [0, 0, 0]]
    return value_head.plot_first_rewards({"wide": wide, "narrow": narrow})


def draw_padding_drift():
    series = {"first": [0.2, 0.2, 0.2, 0.2], "mean": [0.1, 0.15, 0.2, 0.3], "last": [0.4, -0.1, -0.2, -0.3]}
    return value_head.plot_padding_drift([0, 8, 16, 32], series)


CHAPTER_2 = [draw_tanh, draw_first_rewards, draw_padding_drift]


def draw_shares():
    return pairwise_loss.plot_shares([-1, 0, 1, 2], {"8 of 8": [1.3, 0.7, 0.3, 0.1], "6 of 8": [1.1, 0.7, 0.56, 0.6]})


def draw_pull():
    margins = [step / 2 for step in range(-10, 11)]
    losses = [math.log1p(math.exp(-margin)) for margin in margins]
    return pairwise_loss.plot_pull(margins, losses, [1 / (1 + math.exp(margin)) for margin in margins])


def draw_best_rewards():
    return pairwise_loss.plot_best_rewards({3: [1, 0, -1], 5: [1, 0.9999, 0, -1, -1]})


CHAPTER_3 = [draw_shares, draw_pull, draw_best_rewards]


def draw_training():
    return training_loop.plot_training({"true": [0.7, 0.4, 0.2], "flipped": [0.7, 0.6, 0.5]}, floor=0.1269)


def draw_learning_rates():
    return training_loop.plot_learning_rates({1e-3: 0.69, 1e-5: 0.5, 1e-4: 0.13}, floor=0.1269)


CHAPTER_4 = [draw_training, draw_learning_rates]


def draw_luck():
    return using_rewards.plot_luck(before=[-0.1, 0.2, -0.3], after=[0.1, 0.5, -0.2])


def draw_levels():
    return using_rewards.plot_levels({"first": [0.2, -0.3, 0.6], "second": [-0.8, -0.9]})


def draw_best_of_n():
    return using_rewards.plot_best_of_n({"model": [1.5, 1.2, 1.0], "true ranks": [1.5, 0.5, 0.0]}, chance=1.5)


CHAPTER_5 = [draw_luck, draw_levels, draw_best_of_n]


def draw_coverage():
    return measuring.plot_coverage([0.5, 0.7, 0.9], {"Wilson": [0.96, 0.94, 0.95], "textbook": [0.95, 0.92, 0.65]})


def draw_reliability():
    first = [(0.55, wilson(60, 100)), (0.65, wilson(30, 40))]
    return measuring.plot_reliability(
        {"one epoch": first, "two epochs": [(0.56, wilson(50, 100)), (0.8, wilson(9, 12))]}
    )


CHAPTER_6 = [draw_coverage, draw_reliability]


def draw_goodhart():
    proxy = [[0.0, 1.0, 2.0, 3.0], [0.0, 1.2, 2.2, 3.4]]
    return goodhart.plot_goodhart([1, 4, 16, 64], proxy, [[0.0, 0.9, 1.1, 0.4], [0.0, 0.7, 0.5, -0.4]])


def draw_kl():
    exact = {"2 answers": [0, 0.13, 0.4, 0.6], "many answers": [0, 0.19, 0.63, 1.2]}
    return goodhart.plot_kl([1, 2, 4, 8], [0, 0.193, 0.636, 1.204], exact)


def draw_gold_fit():
    worlds = {"kinked": ([0, 1, 1.2, -1], lambda d: 1.2 * d - 0.2 * d * d), "smooth": ([0, 1, 1.5, 1.4], lambda d: d)}
    return goodhart.plot_gold_fit([0.0, 0.5, 1.0, 2.0], worlds, fitted=3)


def draw_ensembles():
    rows = {"200 pairs": {"one": [-1.0, -3.0], "mean": [0.5, 1.0]}, "2,000 pairs": {"one": [-1.5, -1.7]}}
    return goodhart.plot_ensembles(rows, "gold reward")


def draw_selection():
    curves = {
        "the model": ([0.5, 0.7, 0.4], [0.4, 0.6, 0.3], [0.6, 0.8, 0.5]),
        "the longest": ([0.5, 0.4, 0.1], [0.4, 0.3, 0.05], [0.6, 0.5, 0.2]),
    }
    return goodhart.plot_selection([1, 8, 64], curves, chance=0.5)


CHAPTER_8 = [draw_goodhart, draw_kl, draw_gold_fit, draw_ensembles, draw_selection]


def draw_directions():
    both = [(0.2, 0.25, 8), (0.5, 0.5, 8), (0.8, 0.75, 8)]
    return bug_museum.plot_directions(
        {"better first": [(0.2, 0.0, 4), (0.5, 0.5, 4), (0.8, 1.0, 4)], "both ways": both}
    )


def draw_repairs():
    nan = math.nan
    pulls = {"stable": [1, 1, 1, 0.5, 0], "as found": [nan, nan, 1, 0.5, 0], "plus 1e-8": [0, 0, 0.9, 0.5, 0]}
    return bug_museum.plot_repairs([-120, -100, -20, 0, 20], pulls)


def draw_first_push():
    return bug_museum.plot_first_push({"once": {2: 0.5, 4: 0.25, 9: 1 / 9}, "twice": {2: 0.5, 4: 1 / 24, 9: 1 / 324}})


CHAPTER_9 = [draw_directions, draw_repairs, draw_first_push]


SHARES = {
    "before": {"unattacked": wilson(3, 10), "echo": wilson(9, 10)},
    "after": {"unattacked": wilson(4, 10), "echo": wilson(0, 10)},
}


def draw_scoreboard(path=None):
    return figures.plot_scoreboard(SHARES, path)


def draw_words(path=None):
    return figures.plot_words([("It", 0.25), ("is", -0.125), ("Lima.", 0.5), ("is", 0.0)], path)


CHAPTER_7 = [draw_scoreboard, draw_words]


def draw_positions():
    return scaling_up.plot_positions({"padded to 256": (60_000, 300_000), "alike lengths": (60_000, 80_000)})


def draw_work():
    return scaling_up.plot_work({"two texts a pair": 8e12, "packed": 2e11, "half frozen": 1e11})


def draw_kept():
    return scaling_up.plot_kept([32, 64, 128], {"all": [1e8, 2e8, 4e8], "checkpointing": [1e7, 2e7, 4e7]})


CHAPTER_10 = [draw_positions, draw_work, draw_kept]

FLAWS = {
    "vague": {"law": 0.5, "care": 0.0},
    "padded": {"law": 0.496, "care": 0.25},
    "unsafe": {"law": 0.004, "care": 0.75},
}


def draw_flaws(path=None):
    return data_card.plot_flaws(FLAWS, path)


def draw_lengths(path=None):
    return data_card.plot_lengths({"0": range(101), "1": [30, 40, 50], "2 to 4": [7, 7]}, path)


def draw_k(path=None):
    return data_card.plot_k({4: 300, 5: 40, 6: 0, 7: 3}, path)


DATA_CARD = [draw_flaws, draw_lengths, draw_k]
EVERY = (
    CHAPTER_1
    + CHAPTER_2
    + CHAPTER_3
    + CHAPTER_4
    + CHAPTER_5
    + CHAPTER_6
    + CHAPTER_7
    + CHAPTER_8
    + CHAPTER_9
    + CHAPTER_10
    + DATA_CARD
)


@pytest.mark.parametrize("draw", EVERY)
def test_a_figure_is_shown_and_nothing_returned(draw, shown):
    assert draw() is None
    assert len(shown) == 1


@pytest.mark.parametrize("draw", EVERY)
def test_axes_are_named_and_there_is_no_title(draw, shown):
    draw()
    axes = shown[0]
    assert axes.get_xlabel() and axes.get_ylabel()
    assert not axes.get_title() and axes.figure.get_suptitle() == ""


@pytest.mark.parametrize("draw", EVERY)
def test_paper_is_white_so_that_a_dark_page_does_not_swallow_the_text(draw, shown):
    draw()
    assert shown[0].figure.get_facecolor() == (1, 1, 1, 1)


@pytest.mark.parametrize("draw", EVERY)
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

    for color in (figures.BLUE, figures.ORANGE, figures.GREEN, figures.GRAY):
        assert 1.05 / (luminance(color) + 0.05) >= 4.5, color  # WCAG AA, for text


def test_series_differ_in_marker_and_dash_as_well_as_in_color():
    for kind in zip(*figures.SERIES, strict=True):
        assert len(set(kind)) == len(figures.SERIES)


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


def test_tanh_has_both_curves_its_bounds_and_the_marked_slopes(shown):
    draw_tanh()
    axes = shown[0]
    lines = {line.get_label(): dict(zip(line.get_xdata(), line.get_ydata(), strict=False)) for line in axes.lines}
    assert lines[r"reward $r = \tanh z$"][1.0] == pytest.approx(0.7616, abs=1e-4)
    assert lines["its slope $1 - r^2$"][1.0] == pytest.approx(0.41997, abs=1e-4)
    assert [text.get_text() for text in axes.texts] == ["1.00", "0.19"]
    assert any(set(line.get_ydata()) == {1} for line in axes.lines), "the bound is drawn"


def test_first_rewards_has_a_row_of_points_for_each_head(shown):
    draw_first_rewards()
    axes = shown[0]
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert [sorted(line.get_xdata()) for line in points[:2]] == [[-0.9, 0.1, 0.5], [0.6, 0.7, 0.8]]
    assert [round(line.get_ydata()[0]) for line in points] == [0, 1, 0, 1]
    assert {line.get_marker() for line in points} == {"o", "s"}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["wide", "narrow"]


def test_padding_drift_lines_hold_the_rewards(shown):
    draw_padding_drift()
    lines = {line.get_label(): list(line.get_ydata()) for line in shown[0].lines}
    assert lines["last"] == [0.4, -0.1, -0.2, -0.3] and lines["first"] == [0.2] * 4


def test_shares_mark_the_lowest_point_of_each_curve(shown):
    draw_shares()
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in shown[0].lines if line.get_marker() != "None"]
    assert dots == [(2, 0.1), (1, 0.56)]


def test_pull_has_both_curves_the_coin_and_the_reach_of_tanh(shown):
    draw_pull()
    axes = shown[0]
    loss, pull = (line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 21)
    assert (loss[10], pull[10]) == pytest.approx((math.log(2), 0.5))
    assert any(set(line.get_ydata()) == {math.log(2)} for line in axes.lines), "the coin is drawn"
    band = axes.patches[0].get_path().get_extents(axes.patches[0].get_patch_transform())
    assert (band.xmin, band.xmax) == (-2, 2)


def test_best_rewards_shows_each_reward_and_tells_ties_by_marker(shown):
    draw_best_rewards()
    axes = shown[0]
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in points) == 3 + 5
    tied = [line for line in points if line.get_marker() == "s"]
    assert [list(line.get_ydata()) for line in tied] == [[-1, -1], [1, 1]]
    assert len(set(tied[0].get_xdata())) == 2, "side by side, not one on the other"


def test_luck_shows_both_margins_of_each_seed_and_the_line_between_right_and_wrong(shown):
    draw_luck()
    lines = {line.get_label(): list(line.get_ydata()) for line in shown[0].lines}
    assert lines["before training"] == [-0.1, 0.2, -0.3] and lines["after"] == [0.1, 0.5, -0.2]
    assert any(set(line.get_ydata()) == {0} for line in shown[0].lines), "the line between is drawn"


def test_levels_has_a_row_a_prompt_from_top_to_bottom_and_marks_the_best(shown):
    draw_levels()
    axes = shown[0]
    assert list(axes.get_yticks()) == [2, 1]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["first", "second"]
    points = [(line.get_marker(), list(line.get_xdata()), line.get_ydata()[0]) for line in axes.lines]
    assert ("o", [0.2], 2) in points and ("o", [-0.8], 1) in points and ("x", [-0.3, 0.6], 2) in points
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["others", "best response"]


def test_best_of_n_has_each_picker_and_chance_with_the_best_rank_on_top(shown):
    draw_best_of_n()
    axes = shown[0]
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines["model"] == [1.5, 1.2, 1.0] and lines["true ranks"] == [1.5, 0.5, 0.0]
    assert any(set(line.get_ydata()) == {1.5} for line in axes.lines), "chance is drawn"
    low, high = axes.get_ylim()
    assert low > 1.5 and high < 0


def test_coverage_has_each_interval_and_what_is_promised(shown):
    draw_coverage()
    lines = {line.get_label(): list(line.get_ydata()) for line in shown[0].lines}
    assert lines["Wilson"] == [0.96, 0.94, 0.95] and lines["textbook"] == [0.95, 0.92, 0.65]
    assert any(set(line.get_ydata()) == {0.95} for line in shown[0].lines), "the promise is drawn"


def test_reliability_has_a_point_and_an_interval_a_bin_and_the_diagonal(shown):
    draw_reliability()
    axes = shown[0]
    points = [list(zip(*line.get_data(), strict=True)) for line in axes.lines if line.get_marker() in ("o", "s")]
    assert points == [[(0.55, 0.6), (0.65, 0.75)], [(0.56, 0.5), (0.8, 0.75)]]
    assert any(list(line.get_xdata()) == list(line.get_ydata()) == [0.5, 1] for line in axes.lines), "the diagonal"
    (x, low), (_, high) = axes.containers[1].lines[2][0].get_segments()[1]
    assert (x, low, high) == pytest.approx((0.8, wilson(9, 12).low, wilson(9, 12).high))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one epoch", "two epochs"]


@pytest.mark.parametrize("draw", CHAPTER_7 + DATA_CARD)
def test_a_figure_with_a_path_is_saved_and_not_shown(draw, shown, tmp_path):
    assert draw(tmp_path / "figure.png") is None
    assert matplotlib.image.imread(tmp_path / "figure.png").shape[1] == 800
    assert not shown


def test_scoreboard_has_a_row_an_attack_with_the_intervals_of_each_model(shown):
    draw_scoreboard()
    axes = shown[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["unattacked", "echo"]
    before, after = axes.containers
    assert list(before[0].get_xdata()) == [0.3, 0.9] and list(after[0].get_xdata()) == [0.4, 0.0]
    assert {before[0].get_marker(), after[0].get_marker()} == {"o", "s"}
    spread = before.lines[2][0].get_segments()[1]
    assert (spread[0][0], spread[1][0]) == pytest.approx((wilson(9, 10).low, wilson(9, 10).high))
    heights = [*before[0].get_ydata(), *after[0].get_ydata()]
    assert [round(height) for height in heights] == [2, 1, 2, 1] and len(set(heights)) == 4  # side by side in their row
    (legend,) = axes.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["before", "after"]


def test_words_stand_from_top_to_bottom_and_losses_are_hatched(shown):
    draw_words()
    axes = shown[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["It", "is", "Lima.", "is"]
    bars = {bar.get_y() + bar.get_height() / 2: bar for bar in axes.patches}
    assert [bars[height].get_width() for height in sorted(bars, reverse=True)] == [0.25, -0.125, 0.5, 0.0]
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [False, True, False, False]


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


def test_ratios_have_a_row_each_with_its_spread_and_a_line_at_as_fast(shown):
    how_fast.plot_ratios({"toy loop": (20.4, 18.0, 25.0), "pipeline": (0.95, 0.9, 1.1)})
    axes = shown[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["toy loop", "pipeline"]
    spreads = [container.lines[2][0].get_segments()[0] for container in axes.containers]
    assert [(low[0], high[0]) for low, high in spreads] == [pytest.approx((18, 25)), pytest.approx((0.9, 1.1))]
    assert [text.get_text() for text in axes.texts] == ["20", "0.95"]
    assert any(set(line.get_xdata()) == {1} for line in axes.lines), "as fast is drawn"
    low, high = axes.get_xlim()
    assert low < 0.9 and high > 25 and axes.get_xscale() == "log"


def test_growth_is_relative_to_the_smallest_beside_growth_in_proportion(shown):
    how_fast.plot_growth({"prompts": ([16, 32, 128], [2.0, 4.0, 18.0]), "$K$": ([2, 4], [1.0, 1.5])})
    lines = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in shown[0].lines}
    assert lines["prompts"] == ([1, 2, 8], [1, 2, 9]) and lines["$K$"] == ([1, 2], [1, 1.5])
    assert lines["in proportion"] == ([1, 8], [1, 8])


def test_k_bars_are_labeled(shown):
    draw_k()
    assert [bar.get_height() for bar in shown[0].patches] == [300, 40, 0, 3]
    assert [text.get_text() for text in shown[0].texts] == ["300", "40", "0", "3"]


def test_training_has_each_run_a_coin_and_the_floor(shown):
    draw_training()
    lines = [list(line.get_ydata()) for line in shown[0].lines]
    assert [0.7, 0.4, 0.2] in lines and [0.7, 0.6, 0.5] in lines
    assert [line[0] for line in lines[:2]] == [pytest.approx(math.log(2)), 0.1269]
    assert [text.get_text() for text in shown[0].texts] == ["a coin: log 2", "the floor: 0.1269"]


def test_learning_rates_are_in_order_on_a_log_scale(shown):
    draw_learning_rates()
    axes = shown[0]
    assert list(axes.lines[-1].get_xdata()) == [1e-5, 1e-4, 1e-3]
    assert list(axes.lines[-1].get_ydata()) == [0.5, 0.13, 0.69]
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.00001", "0.0001", "0.001"]


def test_goodhart_has_the_mean_of_the_seeds_their_range_and_a_dot_at_each_peak(shown):
    draw_goodhart()
    axes = shown[0]
    lines = [[round(y, 9) for y in line.get_ydata()] for line in axes.lines]
    assert [0.0, 1.1, 2.1, 3.2] in lines and [0.0, 0.8, 0.8, 0.0] in lines
    corners = [{tuple(point) for point in band.get_paths()[0].vertices} for band in axes.collections]
    assert {(64, 3.0), (64, 3.4)} <= corners[0] and {(64, -0.4), (64, 0.4)} <= corners[1]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [(16, 1.1), (4, 0.7)]
    assert axes.get_xscale() == "log" and [text.get_text() for text in axes.texts[1:]] == ["proxy", "gold"]


def test_kl_has_the_formula_and_the_exact_lines(shown):
    draw_kl()
    lines = {line.get_label(): list(line.get_ydata()) for line in shown[0].lines}
    assert lines["the formula"] == [0, 0.193, 0.636, 1.204] and lines["2 answers"] == [0, 0.13, 0.4, 0.6]


def test_gold_fit_fills_the_points_that_were_fitted_and_draws_the_curve_beyond_them(shown):
    draw_gold_fit()
    axes = shown[0]
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert [list(line.get_ydata()) for line in points] == [[0, 1, 1.2], [-1], [0, 1, 1.5], [1.4]]
    assert [line.get_markerfacecolor() == "white" for line in points] == [False, True, False, True]
    beyond = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [max(line.get_xdata()) for line in beyond] == [2.0, 2.0]
    assert beyond[0].get_ydata()[-1] == pytest.approx(1.6)


def test_ensembles_have_a_row_a_rule_with_its_seeds_and_their_mean(shown):
    draw_ensembles()
    axes = shown[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["one", "mean", "one"]
    assert list(axes.get_yticks()) == sorted(axes.get_yticks(), reverse=True)
    means = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert means == [pytest.approx(-2.0), pytest.approx(0.75), pytest.approx(-1.6)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["200 pairs", "2,000 pairs"]


def test_selection_has_each_picker_its_interval_and_chance(shown):
    draw_selection()
    axes = shown[0]
    model, longest = axes.containers
    assert [model.get_label(), longest.get_label()] == ["the model", "the longest"]
    assert list(model.lines[0].get_ydata()) == [0.5, 0.7, 0.4]
    spreads = [(low[1], high[1]) for low, high in longest.lines[2][0].get_segments()]
    assert spreads == [pytest.approx((0.4, 0.6)), pytest.approx((0.05, 0.2))], "at every second n"
    assert any(set(line.get_ydata()) == {0.5} for line in axes.lines), "chance is drawn"


def test_directions_hold_the_tables_and_the_diagonal(shown):
    draw_directions()
    lines = shown[0].lines
    assert list(lines[0].get_xdata()) == list(lines[0].get_ydata()) == [0, 1]
    assert {line.get_label(): list(line.get_ydata()) for line in lines[1:]} == {
        "better first": [0.0, 0.5, 1.0],
        "both ways": [0.25, 0.5, 0.75],
    }
    assert len({line.get_marker() for line in lines[1:]}) == 2


def test_repairs_mark_where_a_gradient_is_no_number(shown):
    draw_repairs()
    axes = shown[0]
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[-100]]
    assert [text.get_text() for text in axes.texts] == ["nan"]
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines["stable"] == [1, 1, 1, 0.5, 0] and lines["plus 1e-8"][0] == 0


def test_first_pushes_are_drawn_by_length_on_a_log_scale(shown):
    draw_first_push()
    axes = shown[0]
    assert axes.get_yscale() == "log"
    assert [list(line.get_xdata()) for line in axes.lines] == [[2, 4, 9]] * 2
    assert list(axes.lines[1].get_ydata()) == [0.5, 1 / 24, 1 / 324]


def test_positions_stack_padding_on_text_and_say_its_share(shown):
    draw_positions()
    axes = shown[0]
    assert [bar.get_width() for bar in axes.patches] == [60, 60, 240, 20]
    assert axes.patches[-1].get_hatch(), "stripes tell padding from text without color"
    assert [text.get_text().strip() for text in axes.texts] == ["80%", "25%"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["padded to 256", "alike lengths"]


def test_work_says_how_many_times_the_least(shown):
    draw_work()
    axes = shown[0]
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert points == [8000, 200, 100] and axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.texts] == ["80×", "2×", "1×"]


def test_kept_lines_hold_megabytes(shown):
    draw_kept()
    lines = {line.get_label(): list(line.get_ydata()) for line in shown[0].lines}
    assert lines == {"all": [100, 200, 400], "checkpointing": [10, 20, 40]}


def report_of(n=60):
    """What `evaluate` finds, as far as the page of figures needs it."""
    margins = [0.1 * (i % 7) - 0.2 for i in range(n)]
    groups = {"domain": [{"name": f"field {i}", "accuracy": wilson(i, 9), "n_prompts": 3} for i in range(10)]}
    return SimpleNamespace(
        accuracy_by_prompt=wilson(40, n),
        baselines={"chance": wilson(30, n), "annotators": wilson(50, n)},
        calibration=calibration(margins),
        margins=margins,
        groups=groups,
        n_pairs=n,
    )


def test_a_report_is_one_page_of_figures(shown, tmp_path):
    report = report_of()
    figures.plot_report(report)
    rivals, reliability, margins, domains = shown[0].figure.axes
    assert [label.get_text() for label in rivals.get_yticklabels()] == ["two annotators agree", "a coin", "the model"]
    points = next(line for line in reliability.lines if line.get_marker() == "o")
    assert list(points.get_xdata()) == [one["confidence"] for one in report.calibration["bins"]]
    assert list(points.get_ydata()) == [one["right"]["value"] for one in report.calibration["bins"]]
    wrong, right = ([bar.get_height() for bar in bars.patches] for bars in margins.containers)
    assert sum(wrong) == sum(m < 0 for m in report.margins) and sum(right) == 60 - sum(wrong)
    assert len(domains.get_yticklabels()) == 8 and domains.get_xlabel() == "accuracy by domain"
    for axes in shown[0].figure.axes:
        assert axes.get_title() == "" and axes.get_xlabel()
    figures.plot_report(report, tmp_path / "page.svg")
    assert (tmp_path / "page.svg").read_text().startswith("<?xml")
