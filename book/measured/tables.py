"""What the measured pages share: shares, intervals and differences in words, and tables of them in Markdown."""

import json
import textwrap
from pathlib import Path

from rmkit.reports import NAMES

MEASURED = Path(__file__).resolve().parent
ROOT = MEASURED.parent.parent
MISSING = "*Not measured yet.*\n"
LIKENESS = "likeness of prompt and answer"


def load(path):
    """What a file of measurements holds, or None where there is no such file."""
    path = Path(path)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


# --- numbers in words


def share(value):
    return f"{value:.1%}"


def interval(estimate):
    return f"{share(estimate['low'])} to {share(estimate['high'])}"


def signed(gain):
    """The interval of a difference, in percentage points."""
    return f"{100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}"


# Baselines whose interval takes pairs as independent; all others draw whole prompts.
BY_PAIR = {NAMES[rule] for rule in ("chance", "bag_of_words", "annotators", "ceiling")}
BY_PROMPT = "95% interval, by prompt"


def spread(name, estimate):
    """The interval of a row under the heading `BY_PROMPT`, which says where it is another one."""
    return interval(estimate) + (" (by pair)" if name in BY_PAIR else "")


def table(head, rows):
    """A Markdown table whose cells break seldom, so that on a phone it scrolls."""
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *([unbroken(str(cell)) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def unbroken(text, width=18):
    """The text, with breaks only between lines of about `width` characters."""
    return " ".join(line.replace(" ", "\N{NO-BREAK SPACE}") for line in textwrap.wrap(text, width))


def plain(text):
    """Text of the data as Markdown that shows it as it is, on one line."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]<>#|$~" else sign for sign in " / ".join(text.splitlines()))


# --- several seeds beside the rules that need no training


def seeds_rows(measured, name="the course's model"):
    """(name, estimate) of the mean over seeds and of the rule that needs no training; `measured` on one test set."""
    n = len(measured["per_seed"])
    return [(f"mean over {n} seeds of {name}", measured["accuracy"]), (LIKENESS, measured["baselines"]["similarity"])]


def seeds_text(measured):
    """How far seeds differ, and whether the mean over them is ahead of the best rule that needs no training."""
    mean, each, base = measured["accuracy"], measured["per_seed"], measured["baselines"]
    rules = {LIKENESS: base["similarity"], **{NAMES[name]: base[name] for name in ("longest", "shortest")}}
    best, rule = max(rules.items(), key=lambda one: one[1]["value"])
    if rule["value"] >= mean["value"]:
        verdict = "no better than"
    else:
        verdict = "clearly ahead of" if mean["low"] > rule["high"] else "ahead, but not clearly, of"
    return (
        f"Trained with {len(each)} seeds and no other difference, the course's model is right on {share(min(each))} to "
        f"{share(max(each))} of these pairs, {share(mean['value'])} on average: {verdict} *{best}*, which needs no training "
        f"({share(rule['value'])}).\n"
    )
