"""Figures of chapter *Measuring a reward model* and of the page *Report cards*: coverage, reliability, baselines."""

import matplotlib.pyplot as plt

from rmkit.figures import GRAY, SERIES, STYLE, _save, draw_reliability, draw_shares, drawing


def plot_coverage(shares, curves):
    """How often an interval that promises 95% contains the true share, by the true share (chapter 6).

    Args:
        shares: true shares, from left to right.
        curves: {name of the interval: [how often it contains the true share, one number for each of `shares`]}.
    """
    with drawing(height=3.4) as axes:
        axes.axhline(0.95, color=GRAY, linestyle=":", linewidth=1.5, label="promised: 0.95")
        for (name, coverage), (color, marker, dash) in zip(curves.items(), SERIES, strict=False):
            axes.plot(shares, coverage, color=color, marker=marker, linestyle=dash, markersize=4, label=name)
        axes.set(xlabel="$q$, true share of right pairs", ylabel="how often the interval contains $q$", ylim=(0, 1.08))
        axes.legend(frameon=False, loc="lower left")


def plot_reliability(series):
    """Whether a model is right as often as it claims: a point a bin, with its 95% interval (chapter 6).

    Args:
        series: {name: [(mean claim of the bin, Estimate of the share that is right), ...]}, three at most.
    """
    with drawing(height=4) as axes:
        draw_reliability(axes, series)


def plot_rivals(panels, path=None):
    """Whether models do better than trivial rules, and worse than people, on several test sets (the report cards).

    Args:
        panels: {test set: [(who, Estimate)]}; who ends in "model" is drawn in color.
        path: where to save the figure; left out, it is shown.
    """
    heights = [0.7 + 0.26 * len(rows) for rows in panels.values()]
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(5, sum(heights)), layout="constrained")
        axes = figure.subplots(len(heights), height_ratios=heights, squeeze=False)[:, 0]
        for one, (test, rows) in zip(axes, panels.items(), strict=True):
            draw_shares(one, rows, f"accuracy on {test}")
        if path:
            _save(figure, path)
        else:
            plt.show()
        plt.close(figure)
