"""Figures of chapter *The bug museum*: directions, repairs, and the first push."""

import math

from rmkit.figures import GRAY, SERIES, drawing


def plot_directions(tables):
    """Whether a table of probabilities and shares lies on the diagonal, by the way pairs were entered into it (chapter
    9).

    Args:
        tables: {the way: [(probability, share that was right, n), ...]}, three at most.
    """
    with drawing(height=4.2) as axes:
        axes.plot([0, 1], [0, 1], color=GRAY, linestyle=":", linewidth=1.5)
        axes.text(0.8, 0.62, "as often\nas it says", color=GRAY, ha="center", va="top")
        for (name, rows), (color, marker, dash) in zip(tables.items(), SERIES[1::-1] + SERIES[2:], strict=False):
            probabilities, shares, _ = zip(*rows, strict=True)
            axes.plot(probabilities, shares, color=color, marker=marker, linestyle=dash, label=name)
        axes.set(xlabel=r"predicted: mean of $\sigma(\Delta)$ in the bin", ylabel="share of the bin that came true")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.04))
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))


def plot_repairs(margins, pulls):
    """How hard a pair pulls under several ways to write its loss, by its margin; a cross where it is no number (chapter
    9).

    Args:
        margins: the margins, from left to right.
        pulls: {way of writing: [size of the gradient at each margin, nan where there is none]}, three at most.
    """
    with drawing(height=3.4) as axes:
        for (name, values), (color, _, dash) in zip(pulls.items(), SERIES, strict=False):
            axes.plot(margins, values, color=color, linestyle=dash, label=name)
            lost = [margin for margin, value in zip(margins, values, strict=True) if math.isnan(value)]
            if lost:
                axes.plot([lost[0], lost[-1]], [-0.12] * 2, color=color, linestyle=dash, linewidth=1.5)
                axes.plot(lost[-1], -0.12, color=color, marker="x", markersize=9, markeredgewidth=2)
                axes.text((lost[0] + lost[-1]) / 2, -0.19, "nan", color=color, ha="center", va="top")
        axes.set(xlabel=r"margin $\Delta$ of the pair", ylabel="size of its gradient")
        axes.set(xlim=(margins[0], margins[-1]), ylim=(-0.4, 1.75), yticks=(0, 0.5, 1))
        axes.legend(frameon=False, loc="upper right")


def plot_first_push(pushes):
    """How hard the best response of a ranking is pushed at the start of training, by the length of the ranking (chapter
    9).

    Args:
        pushes: {the way the loss is divided: {K: size of the gradient on the best response}}, three at most.
    """
    with drawing() as axes:
        for (name, sizes), (color, marker, dash) in zip(pushes.items(), SERIES, strict=False):
            axes.plot(list(sizes), list(sizes.values()), color=color, marker=marker, linestyle=dash, label=name)
        axes.set(xlabel="$K$, responses in the ranking", ylabel="gradient on the best one", yscale="log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xticks(list(next(iter(pushes.values()))))
        axes.legend(frameon=False, loc="lower left")
