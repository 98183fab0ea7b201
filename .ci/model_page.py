"""Writes the tables of book/model.md from what `make book` trained and measured: see the Makefile.

_build/model/history.json and _build/evaluation.json in, _build/model-page/{training,evaluation}.md out.
"""

import json
import math
from pathlib import Path

from data_card import interval, share, table

from rmkit.cards import GROUPS, NAMES

BUILD = Path(__file__).resolve().parent.parent / "_build"
COMMAND = "rmkit train --data course --output _build/model"  # the Makefile's; tests/test_book.py compares


def training_page(history):
    """The command, what it printed, in Markdown."""
    rows = []
    for epoch in history["epochs"]:
        share = epoch["held_out_accuracy"]
        accuracy = f"{share['value']:.0%} ({share['low']:.0%} to {share['high']:.0%})"
        rows.append(f"| {epoch['epoch']} | {epoch['loss']:.3f} | {epoch['held_out_loss']:.3f} | {accuracy} |")
    longest = history["longest_wins"]
    explained = (
        f"Losses are in nats; guessing costs $\\log 2 = {math.log(2):.3f}$. The accuracy is that on the {longest['n']} pairs"
        f" of the validation prompts, with its 95% interval; choosing the longest is right on {longest['value']:.0%} of them."
    )
    return "\n".join(
        [
            f"Made in {history['seconds'] / 60:.1f} minutes, with seed {history['seed']}, by",
            "",
            "```text",
            COMMAND,
            "```",
            "",
            explained,
            "",
            "| Epoch | Training loss | Validation loss | Validation accuracy |",
            "|--:|--:|--:|--:|",
            *rows,
            "",
        ]
    )


def evaluation_page(report):
    """Accuracy beside its rivals, calibration and the groups of pairs, in Markdown."""
    rivals = [("this model", report["accuracy_by_prompt"])]
    rivals += [(NAMES[name], estimate) for name, estimate in report["baselines"].items()]
    groups = [
        (f"{GROUPS.get(what, what)}: {one['name']}", one["accuracy"])
        for what in ("domain", "length", "distance")
        for one in report["groups"][what]
    ]
    head = ["right", "95% interval", "pairs"]
    found = report["calibration"]
    by_chance, after = found["ece_if_calibrated"], found["after"]
    return "\n".join(
        [
            table(["Which answer is better, according to", *head], map(row, rivals)),
            f"Log loss {report['log_loss']:.3f} (a coin: {math.log(2):.3f}), Brier score {report['brier']:.3f} (a coin: 0.250).",
            f"Expected calibration error {found['ece']:.3f}; a calibrated model would have {by_chance['mean']:.3f}, and up to",
            f"{by_chance['high']:.3f} in 95% of samples. The temperature that fits the validation part best, {found['temperature']:.2f},",
            f"makes it {after['ece']:.3f}, and the log loss {after['log_loss']:.3f}.",
            "",
            f"Best of K: {share(report['best_of_k']['value'])} ({interval(report['best_of_k'])}); Kendall's tau:",
            f"{report['kendall_tau']['value']:.2f} ({report['kendall_tau']['low']:.2f} to {report['kendall_tau']['high']:.2f}).",
            "",
            table(["Pairs, by", *head], map(row, groups)),
        ]
    )


def row(named):
    name, estimate = named
    return [name, share(estimate["value"]), interval(estimate), estimate["n"]]


if __name__ == "__main__":
    page = BUILD / "model-page"
    page.mkdir(exist_ok=True)
    history = json.loads((BUILD / "model" / "history.json").read_text(encoding="utf-8"))
    report = json.loads((BUILD / "evaluation.json").read_text(encoding="utf-8"))
    (page / "training.md").write_text(training_page(history), encoding="utf-8")
    (page / "evaluation.md").write_text(evaluation_page(report), encoding="utf-8")
