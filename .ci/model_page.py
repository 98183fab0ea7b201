"""Writes the tables of book/model.md from what `make book` trained and measured: see the Makefile.

_build/model/history.json and _build/evaluation.json in, _build/model-page/{training,evaluation}.md out.
"""

import json
import math
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "_build"
COMMAND = "rmkit train --data course --output _build/model"  # the Makefile's; tests/test_book.py compares
RULES = {"chance": "a coin", "longest": "the longest wins", "shortest": "the shortest wins"}


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
    """Accuracy beside its baselines, each with its interval, in Markdown."""
    measured = [("this model", report["accuracy"])]
    measured += [(words, report["baselines"][name]) for name, words in RULES.items()]
    rows = [
        f"| {words} | {share['value']:.0%} | {share['low']:.0%} to {share['high']:.0%} | {share['n']} |"
        for words, share in measured
    ]
    return "\n".join(
        [
            "| Which answer is better, according to | Right | 95% interval | Pairs |",
            "|---|--:|--:|--:|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    page = BUILD / "model-page"
    page.mkdir(exist_ok=True)
    history = json.loads((BUILD / "model" / "history.json").read_text(encoding="utf-8"))
    report = json.loads((BUILD / "evaluation.json").read_text(encoding="utf-8"))
    (page / "training.md").write_text(training_page(history), encoding="utf-8")
    (page / "evaluation.md").write_text(evaluation_page(report), encoding="utf-8")
