"""Figures of what `rmkit` returns, and the style of all figures; `rmkit.course.figures` has those of single chapters.

Every figure answers one question, has no title (its caption stands on the page), is drawn on white paper so that it
reads on a dark page too, and tells its series apart by color *and* by something else. Each function shows its figure,
or saves it where it is given a path, and returns None.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

try:
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "figures need matplotlib, which is not installed here; run 'pip install matplotlib'"
    ) from error

from rmkit.history import History
from rmkit.intervals import Estimate
from rmkit.reports import GROUPS, MOST, NAMES, Report

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


def _save(figure: Figure, path: str | Path) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


@contextmanager
def drawing(height: float = 3.2, path: str | Path | None = None) -> Iterator[Axes]:
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


def plot_history(history: History) -> None:
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


def plot_report(report: Report, path: str | Path | None = None) -> None:
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


def draw_shares(axes: Axes, rows: Sequence[tuple[str, Estimate]], label: str) -> None:
    """Shares with their 95% intervals from top to bottom, half marked; whoever ends in "model" in color."""
    axes.axvline(0.5, color=GRAY, linestyle=":", linewidth=1.5)
    for height, (name, share) in enumerate(reversed(rows)):
        color, marker = (BLUE, "o") if name.endswith("model") and name != NAMES["ceiling"] else (GRAY, "s")
        reach = [[share.value - share.low], [share.high - share.value]]
        axes.errorbar([share.value], [height], xerr=reach, color=color, marker=marker, capsize=3)
    axes.set_yticks(range(len(rows)), [name.replace("$", r"\$") for name, _ in reversed(rows)])  # no mathematics
    axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
    axes.set_xlabel(label, loc="right")  # a long one grows to the left, where there is room


def draw_reliability(axes: Axes, series: dict[str, list[tuple[float, Estimate]]]) -> None:
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


def draw_margins(axes: Axes, margins: Sequence[float]) -> None:
    """How the margins are spread; those below zero are pairs that the model gets wrong."""
    reach = max(map(abs, margins)) or 1
    edges = [reach * step / 15 for step in range(-15, 16)]
    for color, hatch, name, keep in [(ORANGE, "///", "wrong", lambda m: m < 0), (BLUE, "", "right", lambda m: m >= 0)]:
        look = {"facecolor": color, "edgecolor": "white", "hatch": hatch}
        axes.hist([margin for margin in margins if keep(margin)], bins=edges, label=name, **look)
    axes.set(xlabel=r"margin $\Delta$", ylabel="pairs")
    axes.legend(frameon=False, loc="upper left")


def plot_scoreboard(series: dict[str, dict[str, Estimate]], path: str | Path | None = None) -> None:
    """How often the worst response beats the best, by attack, before and after a repair (chapter 7).

    Args:
        series: {model: {attack: share of prompts, an `Estimate`}}, as `Scoreboard.shares` gives it; three models
            at most, the same attacks for each.
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


def plot_words(words: Sequence[tuple[str, float]], path: str | Path | None = None) -> None:
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
