"""Figures of chapter *Using rewards*: luck, the level of a prompt, and best of n."""

from rmkit.figures import BLUE, GRAY, ORANGE, SERIES, drawing


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
