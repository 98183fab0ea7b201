"""The book's figures, and the only file that imports matplotlib.

Every figure answers one question, has no title (its caption stands on the page), is drawn on white paper so that it reads on
a dark page too, and tells its series apart by color *and* by something else. Each function shows its figure, or saves it where
it is given a path, and returns None.
"""

import math
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt

from rmkit.intervals import Estimate
from rmkit.reports import GROUPS, MOST, NAMES

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


def _save(figure, path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


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
            _save(figure, path)
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


def plot_tanh(raw, marks):
    """What tanh does to a raw reward, and how much of a push comes through it (chapter 2).

    Args:
        raw: raw rewards, from left to right.
        marks: rewards whose slope is written beside the curve.
    """
    rewards = [math.tanh(z) for z in raw]
    with drawing(height=3.6) as axes:
        for bound in (-1, 1):
            axes.axhline(bound, color=GRAY, linestyle=":", linewidth=1.5)
        axes.plot(raw, rewards, color=BLUE, label=r"reward $r = \tanh z$")
        axes.plot(raw, [1 - r * r for r in rewards], color=ORANGE, linestyle="--", label="its slope $1 - r^2$")
        for r in marks:
            z, slope = math.atanh(r), 1 - r * r
            axes.plot([z], [r], color=BLUE, marker="o")
            axes.plot([z], [slope], color=ORANGE, marker="s")
            axes.annotate(f"{slope:.2f}", (z, slope), xytext=(6, 6), textcoords="offset points", color=ORANGE)
        axes.set(xlabel="raw reward $z$", ylabel="reward, and its slope", xlim=(raw[0], raw[-1]), ylim=(-1.1, 1.1))
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.1))


def plot_first_rewards(rewards):
    """How far apart rewards are before training, by the spread that the head was drawn with (chapter 2).

    Args:
        rewards: {the spread, in words: [rewards of all texts, one list for each head]}.
    """
    n = len(next(iter(rewards.values())))
    with drawing(height=3.8) as axes:
        axes.axvline(0, color=GRAY, linestyle=":", linewidth=1.5)
        for shift, (name, heads), (color, marker, _) in zip((-0.17, 0.17), rewards.items(), SERIES, strict=False):
            for seed, values in enumerate(heads):
                look = {"color": color, "marker": marker, "markersize": 5, "alpha": 0.6, "linestyle": ""}
                axes.plot(values, [seed + shift] * len(values), label=name if seed == 0 else None, **look)
        axes.set(xlabel="reward $r$ before training", ylabel="seed of the head", xlim=(-1, 1), ylim=(n - 0.5, -0.5))
        axes.set_yticks(range(n))
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, handletextpad=0)


def plot_padding_drift(paddings, series):
    """How the reward of one text changes with the padding behind it, by how its vectors are pooled (chapter 2).

    Args:
        paddings: how many padding tokens stand behind the text.
        series: {way of pooling: [reward, one for each of `paddings`]}.
    """
    with drawing(height=3.4) as axes:
        for (name, rewards), (color, marker, dash) in zip(series.items(), SERIES, strict=False):
            axes.plot(paddings, rewards, color=color, marker=marker, linestyle=dash, label=name)
        axes.set(xlabel="padding tokens behind the text", ylabel="reward $r$ of the same text", xticks=paddings[::2])
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.45 * (high - low))  # room for the legend
        axes.legend(frameon=False, loc="upper center")


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


def plot_training(curves, floor):
    """How the training loss falls, between a coin's loss and the lowest that the head allows (chapter 4).

    Args:
        curves: {name of a run: [loss of each epoch]}, three at most.
        floor: the lowest loss that the head allows.
    """
    epochs = range(1, 1 + max(len(losses) for losses in curves.values()))
    with drawing() as axes:
        for level, name in [(math.log(2), "a coin: log 2"), (floor, f"the floor: {floor:.4f}")]:
            axes.axhline(level, color=GRAY, linestyle=":", linewidth=1.5)
            axes.text(epochs[-1], level - 0.015, name, color=GRAY, ha="right", va="top")
        for (name, losses), (color, marker, dash) in zip(curves.items(), SERIES, strict=False):
            axes.plot(range(1, len(losses) + 1), losses, color=color, marker=marker, linestyle=dash, label=name)
        axes.set(xlabel="epoch", ylabel="training loss (nats)", ylim=(0, None), xticks=epochs)
        axes.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.85))


def plot_learning_rates(losses, floor):
    """Which learning rates learn at all in a fixed number of epochs (chapter 4).

    Args:
        losses: {learning rate: loss of the last epoch}.
        floor: the lowest loss that the head allows.
    """
    rates = sorted(losses)
    with drawing() as axes:
        for level, name in [(math.log(2), "a coin: log 2"), (floor, f"the floor: {floor:.4f}")]:
            axes.axhline(level, color=GRAY, linestyle=":", linewidth=1.5)
            axes.text(rates[0], level - 0.015, name, color=GRAY, ha="left", va="top")
        axes.plot(rates, [losses[rate] for rate in rates], color=BLUE, marker="o")
        axes.set(xlabel=r"learning rate $\eta$", ylabel="loss of the last epoch (nats)", xscale="log", ylim=(0, 0.8))
        axes.set_xticks(rates, [f"{rate:.7f}".rstrip("0") for rate in rates])
        axes.minorticks_off()


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


def plot_luck(before, after):
    """Which way one question falls, by the seed: its margin before and after training (chapter 5).

    Args:
        before: margin before training, one number a seed.
        after: margin after it.
    """
    seeds = range(len(before))
    with drawing(height=3.6) as axes:
        axes.axhline(0, color=GRAY, linestyle=":", linewidth=1.5)
        for seed, low, high in zip(seeds, before, after, strict=True):
            axes.annotate("", (seed, high), (seed, low), arrowprops={"arrowstyle": "->", "color": GRAY, "shrinkB": 5})
        look = {"marker": "s", "linestyle": "none", "markersize": 7}
        axes.plot(seeds, before, color=ORANGE, markerfacecolor="white", label="before training", **look)
        axes.plot(seeds, after, color=BLUE, label="after", **{**look, "marker": "o"})
        axes.text(len(before) - 0.55, 0.02, "right", color=GRAY, ha="right", va="bottom")
        axes.text(len(before) - 0.55, -0.02, "wrong", color=GRAY, ha="right", va="top")
        axes.set(xlabel="seed", ylabel=r"margin $\Delta$ on the question", xlim=(-0.5, len(before) - 0.5), xticks=seeds)
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, handletextpad=0)


def plot_levels(rewards):
    """Whether the rewards of different prompts lie at one level: a row a prompt, its best response marked (chapter 5).

    Args:
        rewards: {name of the prompt: [rewards of its responses, best response first]}.
    """
    rows = range(len(rewards), 0, -1)
    with drawing(height=1.2 + 0.34 * len(rewards)) as axes:
        axes.axvline(0, color=GRAY, linestyle=":", linewidth=1.5)
        for row, (best, *others) in zip(rows, rewards.values(), strict=True):
            axes.plot([min(best, *others), max(best, *others)], [row, row], color="#BDBDBD", linewidth=1, zorder=1)
            first = row == len(rewards)
            axes.plot(others, [row] * len(others), color=ORANGE, marker="x", linestyle="none", label="others" * first)
            axes.plot([best], [row], color=BLUE, marker="o", linestyle="none", label="best response" * first)
        axes.set(xlabel="reward $r$", ylabel="prompt", xlim=(-1.05, 1.05), ylim=(0.3, len(rewards) + 0.7))
        axes.set_yticks(rows, list(rewards))
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, handletextpad=0)


def plot_best_of_n(ranks, chance):
    """How good the response is that best-of-n picks, by n and by who picks (chapter 5).

    Args:
        ranks: {who picks: [mean true rank of the pick for n = 1, 2, ...]}, three at most.
        chance: mean true rank of a pick at random.
    """
    n = range(1, 1 + len(next(iter(ranks.values()))))
    with drawing(height=3.4) as axes:
        axes.axhline(chance, color=GRAY, linestyle=":", linewidth=1.5)
        axes.text(n[0], chance + 0.03, "at random", color=GRAY, va="top")
        for (name, values), (color, marker, dash) in zip(ranks.items(), SERIES, strict=False):
            axes.plot(n, values, color=color, marker=marker, linestyle=dash, label=name)
            axes.text(n[-1] + 0.12, values[-1], name, color=color, va="center")
        axes.set(xlabel="$n$, candidates to pick from", ylabel="true rank of the pick (0 is best)", xticks=n)
        axes.set_xlim(n[0] - 0.15, n[-1] + 1.75)  # room for the names
        axes.set_ylim(1.15 * max(chance, *(max(values) for values in ranks.values())), -0.1)


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


def plot_report(report, path=None):
    """A report on one page: rivals, calibration, margins, and the groups of pairs (chapter 6).

    Args:
        report: an `rmkit.Report`.
        path: where to save the figure; left out, it is shown.
    """
    rivals = [
        ("the model", report.accuracy_by_prompt),
        *((NAMES[key], share) for key, share in report.baselines.items()),
    ]
    groups = {what: [(one["name"], one["accuracy"]) for one in found[:MOST]] for what, found in report.groups.items()}
    heights = [0.7 + 0.26 * len(rivals), 3.0, 2.2, *(0.7 + 0.26 * len(found) for found in groups.values())]
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(5, sum(heights)), layout="constrained")
        axes = iter(figure.subplots(len(heights), height_ratios=heights))
        draw_shares(next(axes), rivals, f"accuracy on {report.n_pairs} pairs")
        bins = [(one["confidence"], Estimate(**one["right"])) for one in report.calibration["bins"]]
        draw_reliability(next(axes), {"the model": bins})
        draw_margins(next(axes), report.margins)
        for what, found in groups.items():
            draw_shares(next(axes), found, f"accuracy by {GROUPS.get(what, what)}")
        if path:
            _save(figure, path)
        else:
            plt.show()
        plt.close(figure)


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


def draw_shares(axes, rows, label):
    """Shares with their 95% intervals from top to bottom, half marked; whoever ends in "model" in color."""
    axes.axvline(0.5, color=GRAY, linestyle=":", linewidth=1.5)
    for height, (name, share) in enumerate(reversed(rows)):
        color, marker = (BLUE, "o") if name.endswith("model") and name != NAMES["ceiling"] else (GRAY, "s")
        reach = [[share.value - share.low], [share.high - share.value]]
        axes.errorbar([share.value], [height], xerr=reach, color=color, marker=marker, capsize=3)
    axes.set_yticks(range(len(rows)), [name.replace("$", r"\$") for name, _ in reversed(rows)])  # no mathematics
    axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
    axes.set_xlabel(label, loc="right")  # a long one grows to the left, where there is room


def draw_reliability(axes, series):
    """A point a bin, with its interval, and the diagonal on which a model is right as often as it claims."""
    axes.plot([0.5, 1], [0.5, 1], color=GRAY, linestyle=":", linewidth=1.5)
    axes.text(0.5, 1.02, "dotted: right as often as it claims", color=GRAY, ha="left", va="top")
    for (name, points), (color, marker, dash) in zip(series.items(), SERIES, strict=False):
        claims, shares = zip(*points, strict=True)
        values = [share.value for share in shares]
        reach = [[s.value - s.low for s in shares], [s.high - s.value for s in shares]]
        look = {"color": color, "marker": marker, "linestyle": dash, "capsize": 3, "elinewidth": 1.2}
        axes.errorbar(claims, values, yerr=reach, label=name, **look)
    axes.set(xlabel=r"claimed: mean of $\sigma(|\Delta|)$ in the bin", ylabel="share right in the bin")
    lowest = min([0.3, *(share.low for points in series.values() for _, share in points)])
    axes.set(xlim=(0.49, 1.01), ylim=(lowest, 1.04))
    axes.legend(frameon=False, loc="lower right")


def draw_margins(axes, margins):
    """How the margins are spread; those below zero are pairs that the model gets wrong."""
    reach = max(map(abs, margins)) or 1
    edges = [reach * step / 15 for step in range(-15, 16)]
    for color, hatch, name, keep in [(ORANGE, "///", "wrong", lambda m: m < 0), (BLUE, "", "right", lambda m: m >= 0)]:
        look = {"facecolor": color, "edgecolor": "white", "hatch": hatch}
        axes.hist([margin for margin in margins if keep(margin)], bins=edges, label=name, **look)
    axes.set(xlabel=r"margin $\Delta$", ylabel="pairs")
    axes.legend(frameon=False, loc="upper left")


def plot_goodhart(sizes, proxy, gold):
    """What best-of-n picks is worth, by the proxy and in truth: the mean of all seeds and their range (chapter 8).

    A dot marks the n at which a seed's gold reward is highest.

    Args:
        sizes: the n, on a logarithmic axis.
        proxy: proxy reward of the pick, a list like `sizes` for each seed.
        gold: gold reward of the pick, the same.
    """
    with drawing(height=3.1) as axes:
        axes.axhline(0, color=GRAY, linestyle=":", linewidth=1.5)
        axes.text(sizes[0], -0.12, "a random answer", color=GRAY, va="top")
        for name, seeds, (color, _, dash) in zip(("proxy", "gold"), (proxy, gold), (SERIES[1], SERIES[0]), strict=True):
            at_n = list(zip(*seeds, strict=True))
            band = [list(map(reach, at_n)) for reach in (min, max)]
            axes.fill_between(sizes, *band, color=color, alpha=0.25, linewidth=0, antialiased=False)
            mean = [sum(values) / len(seeds) for values in at_n]
            axes.plot(sizes, mean, color=color, linestyle=dash, label=name)
            axes.text(sizes[-1] * 1.15, mean[-1], name, color=color, va="center")
        for values in gold:
            top = max(range(len(values)), key=values.__getitem__)
            axes.plot([sizes[top]], [values[top]], color=SERIES[0][0], marker="o", markersize=5)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes[::2], [f"{n}" for n in sizes[::2]])
        axes.set_xlim(sizes[0] * 0.85, sizes[-1] * 3)  # room for the names
        axes.set(xlabel="$n$, answers to pick from", ylabel="reward of the pick\n(standard deviations)")


def plot_kl(sizes, bound, exact):
    """How far best-of-n really moves from the base policy, below what the formula says (chapter 8).

    Args:
        sizes: the n, on a logarithmic axis.
        bound: log n - (n - 1) / n, for each of `sizes`.
        exact: {how many answers there are, in words: [exact KL, for each of `sizes`]}, three at most.
    """
    with drawing(height=2.9) as axes:
        axes.plot(sizes, bound, color="#C8C8C8", linewidth=8, solid_capstyle="round", label="the formula")
        for (name, values), (color, marker, dash) in zip(exact.items(), SERIES, strict=False):
            axes.plot(sizes, values, color=color, marker=marker, markevery=2, linestyle=dash, label=name)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes[::2], [f"{n}" for n in sizes[::2]])
        axes.set(xlabel="$n$, answers drawn", ylabel="KL from the base policy (nats)", ylim=(0, None))
        axes.legend(frameon=False)


def plot_gold_fit(d, worlds, fitted):
    """Whether a curve fitted to the first gold rewards foretells the others (chapter 8).

    Args:
        d: distances from the base policy, ascending.
        worlds: {name: (gold at each of `d`, the fitted curve as a function of d)}, three at most.
        fitted: how many of the points, from the left, the curves were fitted to; they are filled, the others empty.
    """
    fine = [d[-1] * step / 100 for step in range(101)]
    inside = [x for x in fine if x <= d[fitted - 1]]
    with drawing(height=3.1) as axes:
        axes.axvspan(0, d[fitted - 1], color="#EDEDED")
        axes.axhline(0, color=GRAY, linestyle=":", linewidth=1.5)
        axes.text(d[fitted - 1] / 2, 0.03, "fitted here", color=GRAY, ha="center", transform=axes.get_xaxis_transform())
        for (name, (gold, curve)), (color, marker, _), size in zip(worlds.items(), SERIES, (10, 6, 4), strict=False):
            axes.plot(inside, [curve(x) for x in inside], color=color)
            axes.plot(fine, [curve(x) for x in fine], color=color, linestyle="--", linewidth=1.2)
            look = {
                "color": color,
                "marker": marker,
                "markersize": size,
                "linestyle": "none",
            }  # the first shows under others
            axes.plot(d[:fitted], gold[:fitted], **look, label=name)
            axes.plot(d[fitted:], gold[fitted:], **look, markerfacecolor="white")
        axes.set(xlabel=r"$d = \sqrt{\mathrm{KL}}$", ylabel="gold reward of the pick\n(standard deviations)")
        axes.set_xlim(0, d[-1] * 1.03)
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 0.1))


def plot_ensembles(rows, xlabel):
    """What hard selection is worth, by the rule that selects: a row a rule, a dot a seed, a bar for their mean (chapter 8).

    Args:
        rows: {group: {rule: [gold reward of the pick, one number a seed]}}, drawn from top to bottom, two groups at most.
        xlabel: what was measured.
    """
    height = sum(map(len, rows.values())) + len(rows) - 1
    ticks, names = [], []
    with drawing(height=1.0 + 0.27 * height) as axes:
        axes.axvline(0, color=GRAY, linestyle=":", linewidth=1.5)
        for (group, rules), (color, marker, _) in zip(rows.items(), SERIES, strict=False):
            for place, (rule, values) in enumerate(rules.items()):
                look = {
                    "color": color,
                    "marker": marker,
                    "markersize": 5,
                    "markerfacecolor": "white",
                    "linestyle": "none",
                }
                axes.plot(values, [height] * len(values), **look, label=None if place else group)
                axes.plot([sum(values) / len(values)], [height], color="black", marker="|", markersize=13)
                ticks.append(height)
                names.append(rule)
                height -= 1
            height -= 1  # a gap between the groups
        axes.set_yticks(ticks, names)
        axes.set(xlabel=xlabel, ylabel="who selects", ylim=(min(ticks) - 0.7, max(ticks) + 0.7))
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1), ncols=2, handletextpad=0)


def plot_selection(sizes, curves, chance):
    """What best-of-n picks is worth, by who picks, with 95% intervals over prompts at every second n (chapter 8).

    Args:
        sizes: the n, on a logarithmic axis.
        curves: {who picks: (mean, low, high), each a list like `sizes`}, three at most.
        chance: worth of a random answer.
    """
    with drawing(height=3.1) as axes:
        axes.axhline(chance, color=GRAY, linestyle=":", linewidth=1.5)
        axes.text(sizes[-1], chance + 0.01, "a random answer", color=GRAY, ha="right", va="bottom")
        for (name, (mean, low, high)), (color, marker, dash) in zip(curves.items(), SERIES, strict=False):
            reach = [[m - a for m, a in zip(mean, low, strict=True)], [b - m for m, b in zip(mean, high, strict=True)]]
            look = {"marker": marker, "markevery": 2, "errorevery": 2, "capsize": 3, "elinewidth": 1.2}
            axes.errorbar(sizes, mean, yerr=reach, color=color, linestyle=dash, label=name, **look)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes[::2], [f"{n}" for n in sizes[::2]])
        axes.set(xlabel="$n$, answers to pick from", ylabel="gold reward of the pick", ylim=(0, 1.03))
        axes.legend(frameon=False, loc="lower left")


def plot_scoreboard(series, path=None):
    """How often the worst response beats the best, by attack, before and after a repair (chapter 7).

    Args:
        series: {model: {attack: share of prompts, an `Estimate`}}, as `Scoreboard.shares` gives it; three models at most, the
            same attacks for each.
        path: where to save the figure; left out, it is shown.
    """
    attacks = list(next(iter(series.values())))
    rows = range(len(attacks), 0, -1)
    apart = 0.24  # between the models of a row
    with drawing(height=1.1 + 0.25 * len(attacks) * max(2, len(series)) ** 0.7, path=path) as axes:
        for row in rows[1:]:
            axes.axhline(row + 0.5, color="#DDDDDD", linewidth=1)
        for number, ((name, shares), (color, marker, _)) in enumerate(zip(series.items(), SERIES, strict=False)):
            heights = [row + apart * ((len(series) - 1) / 2 - number) for row in rows]
            values = [shares[attack].value for attack in attacks]
            reach = [[shares[attack].value - shares[attack].low for attack in attacks]]
            reach += [[shares[attack].high - shares[attack].value for attack in attacks]]
            look = {"color": color, "marker": marker, "linestyle": "none", "capsize": 2, "elinewidth": 1.5}
            axes.errorbar(values, heights, xerr=reach, label=name, **look)
        axes.set_yticks(rows, attacks)
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel="worst beats best (share of prompts)", ylabel="attack", xlim=(-0.02, 1.02))
        axes.set_ylim(0.45, len(attacks) + 0.55)
        axes.figure.legend(
            frameon=False, loc="outside upper center", ncols=len(series), handletextpad=0.2, columnspacing=1
        )


def plot_words(words, path=None):
    """Which words carry the reward: a bar a word, in the order of the response (chapter 7).

    Args:
        words: [(word, how far the reward falls without it)], as `rmkit.leave_one_out` returns it.
        path: where to save the figure; left out, it is shown.
    """
    rows = range(len(words), 0, -1)
    drops = [drop for _, drop in words]
    room = 0.08 * (max(map(abs, drops)) or 1)
    with drawing(height=0.9 + 0.21 * len(words), path=path) as axes:
        axes.axvline(0, color=GRAY, linewidth=1)
        for row, drop in zip(rows, drops, strict=True):
            color, hatch = (BLUE, "") if drop >= 0 else (ORANGE, "////")
            axes.barh(row, drop, color="white" if hatch else color, edgecolor=color, hatch=hatch, height=0.7)
        axes.set_yticks(rows, [word for word, _ in words])
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel="reward with the word minus without it", ylabel="word of the response")
        axes.set(xlim=(min(0, *drops) - room, max(0, *drops) + room), ylim=(0.3, len(words) + 0.7))


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


def plot_directions(tables):
    """Whether a table of probabilities and shares lies on the diagonal, by the way pairs were entered into it (chapter 9).

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
    """How hard a pair pulls under several ways to write its loss, by its margin; a cross where it is no number (chapter 9).

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
    """How hard the best response of a ranking is pushed at the start of training, by the length of the ranking (chapter 9).

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
