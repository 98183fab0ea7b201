"""Figures of chapter *Goodhart's law on a laptop*: proxy and gold, distance, fits, ensembles."""

from rmkit.figures import GRAY, SERIES, drawing


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
    """What hard selection is worth, by the rule that selects: a row a rule, a dot a seed, a bar for their mean (chapter
    8).

    Args:
        rows: {group: {rule: [gold reward of the pick, one number a seed]}}, drawn from top to bottom, two groups at
            most.
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
