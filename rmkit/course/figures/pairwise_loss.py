"""Figures of chapter *The ranking loss*: the best margin, the pull of a pair, the best rewards."""

import math

from rmkit.figures import GRAY, SERIES, drawing


def plot_shares(margins, curves):
    """Which margin has the lowest mean loss, by how many annotators prefer the chosen response (chapter 3).

    Args:
        margins: the margins tried.
        curves: {"6 of 8": [mean loss at each margin]}, three at most; a dot marks the lowest point of each.
    """
    with drawing() as axes:
        for (name, losses), (color, marker, dash) in zip(curves.items(), SERIES, strict=False):
            lowest = min(range(len(losses)), key=losses.__getitem__)
            axes.plot(margins, losses, color=color, linestyle=dash, label=name)
            axes.plot(margins[lowest], losses[lowest], color=color, marker=marker, markersize=9, clip_on=False)
        axes.set(xlabel=r"margin $\Delta$", ylabel="mean loss (nats)", xlim=(margins[0], margins[-1]), ylim=(0, 2.2))
        axes.legend(frameon=False, title="prefer the chosen one", loc="upper center")


def plot_pull(margins, losses, pulls):
    """What a pair costs and how hard it still pulls, by its margin; gray is what a tanh head can reach (chapter 3).

    Args:
        margins: the margins.
        losses: the loss of a pair at each of them.
        pulls: the size of its gradient.
    """
    with drawing(height=3.4) as axes:
        axes.axvspan(-2, 2, color="#EDEDED")
        axes.text(0, 3.85, "reach of tanh", ha="center", va="top", color=GRAY)
        axes.axhline(math.log(2), color=GRAY, linestyle=":", linewidth=1.5)
        axes.text(margins[0] + 0.1, math.log(2) - 0.06, "a coin: log 2", ha="left", va="top", color=GRAY)
        curves = {r"loss $-\log\,\sigma(\Delta)$": losses, r"pull $1 - \sigma(\Delta)$": pulls}
        for (name, values), (color, _, dash) in zip(curves.items(), SERIES, strict=False):
            axes.plot(margins, values, color=color, linestyle=dash, label=name)
        axes.set(xlabel=r"margin $\Delta$", ylabel="loss (nats), pull", xlim=(margins[0], margins[-1]), ylim=(0, 4))
        axes.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.92))


def plot_best_rewards(best):
    """Which rewards between -1 and 1 make the loss of a ranking smallest, by its length (chapter 3).

    Args:
        best: {K: the K rewards, best first}; equal ones are drawn side by side.
    """
    with drawing(height=3.6) as axes:
        for bound in (-1, 1):
            axes.axhline(bound, color=GRAY, linestyle=":", linewidth=1.5)
        for K, rewards in best.items():
            levels = [round(reward, 2) for reward in rewards]
            for level in sorted(set(levels)):
                n = levels.count(level)
                color, marker, _ = SERIES[0] if n == 1 else SERIES[1]
                places = [K + 0.22 * (i - (n - 1) / 2) for i in range(n)]
                axes.plot(places, [level] * n, color=color, marker=marker, linestyle="none")
        axes.text(min(best) - 0.35, 0.45, "circles: alone\nsquares: tied", ha="left", va="top", color=GRAY)
        axes.set(xlabel="$K$, responses in the ranking", ylabel="best rewards", xticks=list(best), ylim=(-1.12, 1.12))
