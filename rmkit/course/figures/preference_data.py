"""Figures of chapter *Preference data*: padding, cutting, and majorities of annotators."""

from rmkit.figures import BLUE, GRAY, ORANGE, SERIES, drawing


def plot_padding(lengths, width):
    """How much of a batch is text, when every text is padded to `width` tokens (chapter 1).

    Args:
        lengths: tokens of each text, without padding.
        width: tokens that every text is padded to.
    """
    lengths, longest, n = sorted(lengths), max(lengths), len(lengths)
    rows = range(1, n + 1)
    words = [
        (ORANGE, f"longest text: {longest} tokens"),
        (BLUE, f"text (blue): {sum(lengths) / (width * n):.0%} of the batch"),
        (GRAY, "padding (striped): the rest"),
    ]
    with drawing() as axes:
        axes.barh(rows, lengths, color=BLUE, height=0.9)
        padding = [width - length for length in lengths]
        axes.barh(rows, padding, left=lengths, color="#F3F3F3", edgecolor="#BDBDBD", hatch="///", height=0.9)
        axes.axvline(longest, color=ORANGE, linestyle="--")
        for line, (color, text) in enumerate(words):
            paper = {"facecolor": "white", "edgecolor": "none", "pad": 3}
            axes.text(longest + 12, n * (0.7 - 0.2 * line), text, color=color, va="center", bbox=paper)
        axes.set(xlim=(0, width), ylim=(0.4, n + 0.6), xlabel="position in the text (tokens)", ylabel="text")
        axes.set_yticks([1, n])


def plot_identical(max_lengths, series, n):
    """In how many pairs both texts become the same, by the space there is (chapter 1).

    Args:
        max_lengths: the space, in tokens.
        series: {what is done: [pairs that become identical, one number for each of `max_lengths`]}.
        n: pairs in all.
    """
    with drawing() as axes:
        for (name, counts), (color, marker, dash) in zip(series.items(), SERIES[1::-1], strict=False):
            axes.plot(max_lengths, counts, color=color, marker=marker, linestyle=dash, label=name)
        axes.set(xlabel="max_length (tokens)", ylabel=f"identical pairs, of {n}", ylim=(-0.4, n + 0.4))
        axes.set_yticks(range(0, n + 1, 2))
        axes.legend(frameon=False)


def plot_majority(p, curves, simulated):
    """How often a majority is right, by how often one annotator is (chapter 1).

    Args:
        p: probabilities that one annotator is right.
        curves: {number of annotators: [probability that their majority is right, for each of `p`]}.
        simulated: {number of annotators: [(p, Estimate), ...]}, drawn as points with their 95% intervals.
    """
    with drawing(height=3.6) as axes:
        for (voters, right), (color, marker, dash) in zip(curves.items(), SERIES, strict=False):
            name = "one annotator" if voters == 1 else f"majority of {voters}"
            axes.plot(p, right, color=color, linestyle=dash, label=name)
            for x, share in simulated.get(voters, []):
                reach = [[share.value - share.low], [share.high - share.value]]
                axes.errorbar([x], [share.value], yerr=reach, color=color, marker=marker, capsize=3)
        axes.axhline(0.5, color=GRAY, linestyle=":", linewidth=1.5)
        axes.text(p[-1], 0.505, "chance: 0.5", color=GRAY, ha="right", va="bottom")
        axes.set(xlabel="$p$, probability that one annotator is right", ylabel="share of pairs labeled right")
        axes.set(xlim=(p[0], p[-1]), ylim=(0.48, 1.01))
        handles, names = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], names[::-1], frameon=False, loc=(0.56, 0.12))  # top to bottom as the curves lie
