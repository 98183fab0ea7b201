"""The tables and figures of book/how-fast.md, from what `make bench` (measure.py beside this file) measured last."""

from pathlib import Path

from book.measured.tables import load, share, table
from rmkit.course.figures import how_fast as figures

MEASURED = Path(__file__).with_name("measured.json")
NOTHING = {"comparisons": {}}
MISSING = "*Not measured yet: `make bench`.*\n"
AXES = {"prompts": "prompts", "length": "tokens a text", "K": "answers a prompt, $K$"}


# --- numbers with their spread


def times(ratio):
    """A ratio with its spread over the rounds, as a Markdown cell.

    >>> times({"median": 2.345, "low": 2.0, "high": 12.3, "n": 3})
    '2.3 (2.0 to 12)'
    """
    return f"{short(ratio['median'])} ({short(ratio['low'])} to {short(ratio['high'])})"


def short(value):
    """Two digits, or all those before the point."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def percent(value):
    return f"{share(value['median'])} ({share(value['low'])} to {share(value['high'])})"


def ranged(value, factor, digits):
    """A number with its spread, as a Markdown cell.

    >>> ranged({"median": 0.0171, "low": 0.0169, "high": 0.0174, "n": 3}, 1000, 1)
    '17.1 (16.9 to 17.4)'
    """
    middle, low, high = (f"{factor * value[name]:.{digits}f}".replace("-", "−") for name in ("median", "low", "high"))
    return f"{middle} ({low} to {high})"


def contenders_table(found, memory=True):
    """One row a contender: speed, how many times as long as the first it takes, equal results, start-up, memory."""
    rows = []
    memory = memory and any("peak_mib" in row for row in found["contenders"].values())
    for name, row in found["contenders"].items():
        if row["refused"]:
            rows.append([name, "computes something else", *[""] * (4 if memory else 2)])
            continue
        first = not rows
        cells = [name, short(row["per_second"]["median"]), "1" if first else times(row["ratio"])]
        cells.append("time only" if row["time_only"] else "the reference" if first else f"{row['difference']:.0e}")
        if memory:
            cells += (
                [f"{row['start_up']['median']:.1f}", f"{row['peak_mib']['median']:.0f}"]
                if "peak_mib" in row
                else [""] * 2
            )
        rows.append(cells)
    head = ["", f"{found['unit']} a second", "time, as a multiple", "largest difference"]
    return table(head + ["first step after (s)", "peak memory (MiB)"] * memory, rows)


def why_time_only(found):
    """The reasons for which a contender's results are not compared, as a sentence or none."""
    reasons = {name: row["time_only"] for name, row in found["contenders"].items() if row["time_only"]}
    told = "; ".join(f"*{name}*: {reason}" for name, reason in reasons.items())
    return f"\nTime only, {told}.\n" if told else ""


# --- the comparisons


def toy_page(found):
    n = found["n"]
    return (
        f"{n} pairs a run, {found['tokens']} tokens without padding.\n\n{contenders_table(found)}{why_time_only(found)}"
    )


def trl_page(found):
    parts = []
    for name, row in found["data"].items():
        parts.append(
            f"**{name}**, batches of {row['batch_size']} pairs, {row['n']} pairs a run:\n\n{contenders_table(row)}"
        )
    told = dict.fromkeys(why_time_only(row) for row in found["data"].values())
    parts += [sentence.lstrip() for sentence in told if sentence]
    return "\n".join(parts + [f"Not measured: {reason}.\n" for reason in found["missing"]])


def rankings_page(found):
    rows = []
    for k, row in found["k"].items():
        cells = [k, row["pairs"], row["ideal"]]
        for name in ("all pairs in one batch", "one pair at a time"):
            contender = row["contenders"][name]
            cells.append("computes something else" if contender["refused"] else times(contender["ratio"]))
        measured = [c["difference"] for c in row["contenders"].values() if c["difference"] is not None]
        rows.append([*cells, f"{max(measured):.0e}" if measured else "", f"{row['gradients']:.0e}"])
    head = ["K", "pairs", "texts, as a multiple", "all pairs in one batch", "one pair at a time", "losses", "gradients"]
    largest = list(found["k"].values())[-1]["contenders"]
    memory = [f"{name} {c['peak_mib']['median']:.0f} MiB" for name, c in largest.items() if "peak_mib" in c]
    told = f"\nPeak memory for the largest $K$: {', '.join(memory)}.\n" if memory else ""
    return table(head, rows) + told


def scoring_page(found):
    ways = sorted(found["ways"], key=lambda way: (way["sorted"], way["batch_size"]))
    rows = [["sorted first" if w["sorted"] else "as given", w["batch_size"], short(w["per_second"])] for w in ways]
    return (
        f"{found['n']} answers, in {found['blocks']} blocks, each block by all of them in turn:\n\n{contenders_table(found)}\n"
        "Each way of calling the pipeline was tried first, on a few hundred of the answers; the fastest batch size of either "
        "kind went on into the table above.\n\n<details>\n<summary>All ways that were tried</summary>\n\n"
        f"{table(['texts', 'batch size', 'answers a second'], rows)}\n</details>\n"
    )


def limit_page(found):
    peak, half = found["gemm"], found["gemm_bf16"]
    shape = " by ".join(map(str, peak["shape"]))
    ways = {
        "needed": "what the loss needs",
        "whole last layer": "the same, with the whole last layer",
        "padded": "padded",
    }
    rows = []
    for name, row in found["data"].items():
        for way, words in ways.items():
            rows.append([f"{name}: {words}", f"{row['flops'][way] / 1e12:.2f}", percent(row["share"][way])])
    return (
        f"The fastest product of two matrices in fp32 was {shape} (rows, inner size, columns): {peak['median'] / 1e9:.0f} "
        f"GFLOP a second ({peak['low'] / 1e9:.0f} to {peak['high'] / 1e9:.0f}). In bf16 it was {half['median'] / 1e9:.0f}.\n\n"
        + table(["FLOPs counted", "10¹² a run", "share of the peak"], rows)
    )


def profile_page(found):
    kinds = list(next(iter(found["data"].values())))
    rows = [[kind, *[f"{shares[kind]:.0%}" for shares in found["data"].values()]] for kind in kinds]
    return table(["Share of a training run", *found["data"]], rows)


def growth_page(found):
    rows, points = [], []
    for axis, row in found["axes"].items():
        line = row["line"]
        rows.append(
            [
                AXES[axis],
                ranged(line["slope"], 1000, 1),
                ranged(line["constant"], 1, 2),
                f"{line['explained']['low']:.3f}",
                ranged(row["slope"], 1, 2),
                f"{row['slope_of_flops']:.2f}",
                f"{row['memory_line']['slope']:.1f}",
            ]
        )
        for point in row["points"]:
            seconds = point["seconds"]
            spread = f"{seconds['low']:.2f} to {seconds['high']:.2f}"
            cells = [f"{point['x']} {AXES[axis]}", f"{seconds['median']:.2f}", spread, f"{point['peak_mib']:.0f}"]
            points.append(cells)
    head = [
        "Against",
        "ms for one more",
        "constant (s)",
        "explained, at least",
        "exponent",
        "exponent of the FLOPs",
        "MiB for one more",
    ]
    return (
        f"{table(head, rows)}\n<details>\n<summary>All points</summary>\n\n"
        f"{table(['', 'seconds', 'lowest to highest', 'peak memory (MiB)'], points)}\n</details>\n"
    )


# --- goals


MISSED = "**missed**"


def verdict(measured, goal):
    """Whether at least `goal` was measured: in every round, in none, or in some.

    >>> [verdict({"median": 2.1, "low": low, "high": high, "n": 3}, 2) for low, high in ((2.0, 2.2), (1.9, 2.2), (1.7, 1.9))]
    ['reached', 'not settled', '**missed**']
    """
    return "reached" if measured["low"] >= goal else MISSED if measured["high"] < goal else "not settled"


def goals(comparisons):
    """Each goal: (what, the goal in words, what was measured in words, the verdict)."""
    rows = []

    def ratios(what, found):
        """A row for each rival that has a goal; `what` puts its name into words."""
        for name, goal in found.get("goals", {}).items():
            row, at_least = found["contenders"][name], f"at least {goal} times"
            if row["refused"]:
                rows.append((what(name), at_least, "computes something else", MISSED))
            else:
                rows.append((what(name), at_least, times(row["ratio"]), verdict(row["ratio"], goal)))

    ratios(lambda name: f"faster than the {name}", comparisons.get("toy", {}))
    for data, found in comparisons.get("trl", {}).get("data", {}).items():
        ratios(lambda name, data=data: f"faster than {name}, {data}", found)
        for name, goal in found.get("memory_goals", {}).items():
            ours, theirs = found["contenders"]["rmkit.train"], found["contenders"][name]
            if "peak_mib" in ours and "peak_mib" in theirs:
                part = ours["peak_mib"]["median"] / theirs["peak_mib"]["median"]
                told = "reached" if part <= goal else MISSED
                rows.append((f"peak memory beside {name}, {data}", f"at most {goal:.0%}", share(part), told))
    for k, found in comparisons.get("rankings", {}).get("k", {}).items():
        ratios(lambda name, k=k: f"$K = {k}$ in one pass beside {name}", found)
    ratios(lambda name: f"scoring faster than the {name}", comparisons.get("scoring", {}))
    limit = comparisons.get("limit", {})
    for data, goal in limit.get("goals", {}).items():
        if data in limit["data"]:
            part = limit["data"][data]["share"]["needed"]
            rows.append(
                (f"share of the peak in training, {data}", f"at least {goal:.0%}", percent(part), verdict(part, goal))
            )
    return rows


def goals_page(comparisons):
    rows = goals(comparisons)
    if not rows:
        return MISSING
    return table(["", "goal", "measured", "verdict"], rows)


# --- the machine


def machine_page(result):
    machine = result["machine"]
    versions = ", ".join(
        f"{name} {machine[name]}" for name in ("torch", "transformers", "accelerate", "trl") if machine[name]
    )
    told = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, {machine['vector']}, "
        f"{machine['blas']}; {machine['memory_gib']:.0f} GiB of memory; {machine['system']}, Python {machine['python']}, "
        f"{versions}. {result['repeats']} rounds, {result['minutes']:.0f} minutes in all, load {machine['load']} at the start.\n"
    )
    if machine["busy"]:
        told += "\n**The machine was busy with something else: trust the ratios more than the times.**\n"
    if result["quick"]:
        told += "\n**A quick run of a few steps each: these numbers mean little.**\n"
    return told


# --- figures


PAGES = {
    "toy": toy_page,
    "trl": trl_page,
    "rankings": rankings_page,
    "scoring": scoring_page,
    "limit": limit_page,
    "profile": profile_page,
    "growth": growth_page,
}


def comparisons_of(result):
    """What each comparison found, and why those that were skipped were."""
    found = {name: row for name, row in result["comparisons"].items() if "skipped" not in row}
    skipped = {name: row["skipped"] for name, row in result["comparisons"].items() if "skipped" in row}
    return found, skipped


def parts(measured=MEASURED):
    """The page's parts in Markdown, from a file of measurements; each says so where it was not measured."""
    result = load(measured) or NOTHING
    found, skipped = comparisons_of(result)
    pages = {name: page(found[name]) if name in found else MISSING for name, page in PAGES.items()}
    pages |= {name: f"*Not measured: {reason}.*\n" for name, reason in skipped.items()}
    pages["goals"] = goals_page(found)
    pages["machine"] = machine_page(result) if "machine" in result else MISSING
    return pages


def draw(folder, measured=MEASURED):
    """The page's figures, as PNG files in `folder`."""
    comparisons, _ = comparisons_of(load(measured) or NOTHING)
    rows = {"toy loop": comparisons.get("toy", {}).get("contenders", {}).get("toy loop")}
    for data, found in comparisons.get("trl", {}).get("data", {}).items():
        name = f"TRL, {data}".replace(" harmless", "").replace("batches by length", "sorted")
        rows[name] = found["contenders"].get("TRL at its best")
    for k, found in comparisons.get("rankings", {}).get("k", {}).items():
        if k != "2":  # where the ranking is the pair
            rows[f"pairs, $K = {k}$"] = found["contenders"]["all pairs in one batch"]
    scored = comparisons.get("scoring", {}).get("contenders", {})
    rows |= {"pipeline": scored.get("pipeline"), "pipeline, sorted": scored.get("pipeline, texts sorted first")}
    ratios = {name: row["ratio"] for name, row in rows.items() if row and not row["refused"]}
    figures.plot_ratios({name: (r["median"], r["low"], r["high"]) for name, r in ratios.items()}, folder / "ratios.png")
    lines = {}
    for axis, row in comparisons.get("growth", {}).get("axes", {}).items():
        name = AXES[axis].replace("answers a prompt, ", "")
        lines[name] = ([p["x"] for p in row["points"]], [p["seconds"]["median"] for p in row["points"]])
    figures.plot_growth(lines, folder / "growth.png")
