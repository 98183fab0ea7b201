"""Figures of chapter *Scaling up*: padding, work, and memory."""

from rmkit.figures import BLUE, GRAY, SERIES, drawing


def plot_positions(counts):
    """How much of what is computed in an epoch is text, by the way texts are put into batches (chapter 10).

    Args:
        counts: {how batches are made: (tokens of text, positions computed)}, drawn from top to bottom.
    """
    names, heights = list(counts), range(len(counts) - 1, -1, -1)
    text = [real / 1000 for real, _ in counts.values()]
    padding = [(computed - real) / 1000 for real, computed in counts.values()]
    with drawing(height=2.8) as axes:
        axes.barh(heights, text, color=BLUE, height=0.7, label="text")
        style = {"color": "#F3F3F3", "edgecolor": "#8A8A8A", "hatch": "///"}
        axes.barh(heights, padding, left=text, height=0.7, label="padding", **style)
        for height, (real, computed) in zip(heights, counts.values(), strict=True):
            axes.text(computed / 1000, height, f" {1 - real / computed:.0%}", va="center", color=GRAY)
        axes.set_yticks(heights, names)
        axes.set(xlabel="positions computed in an epoch (thousands)", ylabel="batches")
        axes.set_xlim(0, 1.12 * max(computed / 1000 for _, computed in counts.values()))  # room for the last number
        axes.legend(frameon=False, loc="lower right")


def plot_work(flops):
    """What one training step costs, and how much less after each change to the way it is computed (chapter 10).

    Args:
        flops: {the way: FLOPs of the step}, drawn from top to bottom.
    """
    heights = range(len(flops) - 1, -1, -1)
    least = min(flops.values())
    with drawing(height=3.2) as axes:
        for height, work in zip(heights, flops.values(), strict=True):
            axes.plot([least / 1e9, work / 1e9], [height, height], color=BLUE, linewidth=1.5, zorder=1)
            axes.plot([work / 1e9], [height], color=BLUE, marker="o")
            axes.annotate(f"{work / least:.3g}×", (work / 1e9, height), (7, 0), textcoords="offset points", va="center")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlim(least / 1e9 / 1.3, 3 * max(flops.values()) / 1e9)  # room for the last number
        axes.set_yticks(heights, list(flops))
        axes.set(xlabel="GFLOPs of one step (log scale)", ylabel="way of computing it", ylim=(-0.5, len(flops) - 0.5))


def plot_kept(tokens, series):
    """How much memory the forward pass keeps for the backward pass, by the length of the texts (chapter 10).

    Args:
        tokens: lengths of the texts.
        series: {the way: [bytes kept, one number for each of `tokens`]}.
    """
    with drawing() as axes:
        for (name, kept), (color, marker, dash) in zip(series.items(), SERIES, strict=False):
            axes.plot(tokens, [size / 1e6 for size in kept], color=color, marker=marker, linestyle=dash, label=name)
        axes.set(xlabel="$T$, tokens of each text", ylabel="kept for backward (MB)", xticks=tokens)
        axes.set_ylim(0, None)
        axes.legend(frameon=False, loc="upper left")
