"""Figures of chapter *The value head*: tanh, first rewards, and padding that shows."""

import math

from rmkit.figures import BLUE, GRAY, ORANGE, SERIES, drawing


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
