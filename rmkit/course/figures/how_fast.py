"""Figures of the page *How fast*: ratios and growth."""

import math

from rmkit.figures import BLUE, GRAY, SERIES, drawing


def plot_ratios(ratios, path=None):
    """How many times as long other ways of doing the same work take (how fast).

    Args:
        ratios: {what: (median, lowest, highest) of its time over rmkit's}, drawn from top to bottom.
        path: where to save the figure; left out, it is shown.
    """
    rows = range(len(ratios), 0, -1)
    with drawing(height=1.1 + 0.32 * len(ratios), path=path) as axes:
        axes.axvline(1, color=GRAY, linestyle=":", linewidth=1.5)
        for row, (middle, low, high) in zip(rows, ratios.values(), strict=True):
            reach = [[middle - low], [high - middle]]
            axes.errorbar([middle], [row], xerr=reach, color=BLUE, marker="o", linestyle="none", capsize=3)
            axes.annotate(
                f"{middle:.2g}", (high, row), xytext=(7, 0), textcoords="offset points", color=BLUE, va="center"
            )
        axes.set_xscale("log")
        farthest = max((high for _, _, high in ratios.values()), default=1)
        ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100, 200) if tick <= 2 * farthest]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlim(min([0.8, *(0.9 * low for _, low, _ in ratios.values())]), 1.8 * farthest)
        axes.set_yticks(rows, list(ratios))
        axes.set(xlabel="time, as a multiple of rmkit's (log scale)", ylim=(0.3, len(ratios) + 0.7))


def plot_growth(series, path=None):
    """Whether twice the work takes twice the time (how fast).

    Args:
        series: {what grows: ([how much of it], [seconds])}, the smallest first, three at most.
        path: where to save the figure; left out, it is shown.
    """
    most = max((x[-1] / x[0] for x, _ in series.values()), default=2)
    with drawing(height=3.6, path=path) as axes:
        axes.plot([1, most], [1, most], color=GRAY, linestyle=":", linewidth=1.5, label="in proportion")
        for (name, (x, seconds)), (color, marker, dash) in zip(series.items(), SERIES, strict=False):
            by = [value / x[0] for value in x]
            longer = [value / seconds[0] for value in seconds]
            axes.plot(by, longer, color=color, marker=marker, linestyle=dash, label=name)
        ticks = [2**n for n in range(math.ceil(math.log2(most)) + 1)]
        for scale, place in ((axes.set_xscale, axes.set_xticks), (axes.set_yscale, axes.set_yticks)):
            scale("log")
            place(ticks, map(str, ticks))
            place([], minor=True)
        axes.set(xlabel="how many times as much (log scale)", ylabel="how many times as long (log scale)")
        axes.legend(frameon=False)
