"""Figures of the data card: flaws, lengths, and K."""

from rmkit.figures import BLUE, ORANGE, drawing


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
