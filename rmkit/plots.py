"""The book's figures, and the only file that imports matplotlib.

Every figure answers one question, has no title (its caption stands on the page), is drawn on white paper so that it reads on
a dark page too, and tells its series apart by color *and* by something else. Each function shows its figure, or saves it where
it is given a path, and returns None.
"""

import math
from contextlib import contextmanager

import matplotlib.pyplot as plt

# Okabe and Ito's palette, which people with any kind of color vision can tell apart.
BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#B84A00", "#007A5E", "#5F5F5F"
SERIES = [(BLUE, "o", "-"), (ORANGE, "s", "--"), (GREEN, "^", "-.")]  # color, marker, dash

STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 160,
    "savefig.dpi": 160,
    "font.size": 11,  # about 12 pixels when the figure is 400 pixels wide
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "hatch.linewidth": 0.6,
}


@contextmanager
def drawing(height=3.2, path=None):
    """Axes in the book's style; when the block ends the figure is shown, or saved to `path`.

    with drawing() as axes:
        axes.plot(...)
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5, height), layout="constrained")
        yield axes
        if path:
            figure.savefig(path)
        else:
            plt.show()
        plt.close(figure)


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


def plot_history(history):
    """How the loss fell in training, beside a coin's (chapter 4).

    Args:
        history: an `rmkit.History`.
    """
    epochs = [entry["epoch"] for entry in history.epochs]
    curves = {"training": [entry["loss"] for entry in history.epochs]}
    if history.epochs and history.epochs[0]["held_out_loss"] is not None:
        curves["held out"] = [entry["held_out_loss"] for entry in history.epochs]
    with drawing() as axes:
        for (name, losses), (color, marker, dash) in zip(curves.items(), SERIES, strict=False):
            axes.plot(epochs, losses, color=color, marker=marker, linestyle=dash, label=name)
        axes.axhline(math.log(2), color=GRAY, linestyle=":", linewidth=1.5, label="a coin: log 2")
        axes.set(xlabel="epoch", ylabel="loss (nats)", ylim=(0, None), xticks=epochs)
        axes.legend(frameon=False)


def plot_report(report):
    """Whether the model does better than trivial rules on the same pairs (chapter 6).

    Args:
        report: an `rmkit.Report`.
    """
    names = {"chance": "a coin", "longest": "longest wins", "shortest": "shortest wins"}
    rows = [("the model", report.accuracy), *((names[key], share) for key, share in report.baselines.items())]
    with drawing(height=2.4) as axes:
        axes.axvline(0.5, color=GRAY, linestyle=":", linewidth=1.5)
        for height, (name, share) in enumerate(reversed(rows)):
            color, marker = (BLUE, "o") if name == "the model" else (GRAY, "s")
            reach = [[share.value - share.low], [share.high - share.value]]
            axes.errorbar([share.value], [height], xerr=reach, color=color, marker=marker, capsize=3)
        axes.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
        axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4), xlabel=f"accuracy on {report.n_pairs} pairs, 95% intervals")


def plot_flaws(shares, path=None):
    """Which flaws occur in which domain, as a table whose cells are the darker the more there are (the data card).

    Args:
        shares: {flaw: {domain: share of the domain's flawed responses that have it}}, drawn from top to bottom.
        path: where to save the figure; left out, it is shown.
    """
    domains = list(next(iter(shares.values())))
    table = [[100 * row[domain] for domain in domains] for row in shares.values()]
    darkest = max(map(max, table))
    with drawing(height=5.4, path=path) as axes:
        axes.imshow(table, cmap="Blues", vmin=0, vmax=darkest, aspect="auto")
        for y, row in enumerate(table):
            for x, share in enumerate(row):
                color = "white" if share > 0.72 * darkest else "black"
                axes.text(x, y, "<1" if 0 < share < 0.5 else f"{share:.0f}", color=color, ha="center", va="center")
        axes.set(xlabel="domain (numbers: % of its flaws)", ylabel="flaw of an answer")
        axes.set_xticks(range(len(domains)), domains, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(shares)), list(shares))
        axes.tick_params(length=0)


def plot_lengths(lengths, path=None):
    """Whether better responses are longer or shorter: the spread of lengths at each rank (the data card).

    Args:
        lengths: {rank, as a word: [characters of each response of that rank]}.
        path: where to save the figure; left out, it is shown.
    """
    with drawing(path=path) as axes:
        box = {"facecolor": "#D6E6F2", "edgecolor": BLUE}
        middle = {"color": ORANGE, "linewidth": 3}
        axes.boxplot(
            lengths.values(),
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            widths=0.6,
            boxprops=box,
            medianprops=middle,
        )
        names = [f"{rank}\nn = {len(numbers)}" for rank, numbers in lengths.items()]
        axes.set_xticks(range(1, len(names) + 1), names)
        axes.set(xlabel="rank (0 is best) and number of answers", ylabel="length (characters)", ylim=(0, None))


def plot_k(counts, path=None):
    """How many prompts have how many responses (the data card).

    Args:
        counts: {K: number of prompts with K responses}.
        path: where to save the figure; left out, it is shown.
    """
    with drawing(height=2.6, path=path) as axes:
        axes.bar_label(axes.bar(counts.keys(), counts.values(), color=BLUE, width=0.7), padding=2)
        axes.set(xlabel="$K$, answers to a prompt", ylabel="prompts", xticks=list(counts))
        axes.margins(y=0.15)
