"""The tables of book/model.md, from what `make book` trained and measured, and from what other seeds gave."""

import math

from book.measured.tables import BY_PROMPT, MEASURED, ROOT, interval, load, seeds_rows, seeds_text, share, spread, table
from rmkit.reports import GROUPS, NAMES

BUILD = ROOT / "_build"
LEARNED = MEASURED / "data_card" / "learnability.json"
COMMANDS = [  # the Makefile's; tests/book/test_book.py compares
    "rmkit train --data course --output _build/trained",
    "rmkit export --model _build/trained --output _build/export",
]


def training_page(history):
    """The commands, and what the first one printed, in Markdown."""
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
            *COMMANDS,
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


def evaluation_page(report, seeds):
    """Accuracy beside other seeds and its rivals, calibration and the groups of pairs, in Markdown."""
    mean, likeness = seeds_rows(seeds)
    rivals = [("this model", report["accuracy_by_prompt"]), mean]
    rivals += [(NAMES[name], estimate) for name, estimate in report["baselines"].items()] + [likeness]
    groups = [
        (f"{GROUPS.get(what, what)}: {one['name']}", one["accuracy"])
        for what in ("domain", "length", "distance")
        for one in report["groups"][what]
    ]
    head = ["right", BY_PROMPT, "pairs"]
    found = report["calibration"]
    by_chance, after = found["ece_if_calibrated"], found["after"]
    return "\n".join(
        [
            table(["Which answer is better, according to", *head], map(row, rivals)),
            seeds_text(seeds),
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
    return [name, share(estimate["value"]), spread(name, estimate), estimate["n"]]


def rounding_page(found, exported, weights):
    """What `measure_rounding` found, and the sizes in bytes of the exported file and of the weights, in Markdown."""
    gap = found["difference"]
    return (
        f"On the {found['n']} answers of the test part, rounding moved a reward by {found['mean']:.4f} on average and\n"
        f"by {found['largest']:.4f} at most; the rewards have a standard deviation of {found['spread']:.2f}. The accuracy\n"
        f"after rounding minus the accuracy before (`rmkit compare`) is {gap['value']:+.2%}, with a 95% interval from\n"
        f"{gap['low']:+.2%} to {gap['high']:+.2%} ({gap['n']} pairs). The weights take {weights / 1e6:.1f} MB in float32,\n"
        f"and {exported / 1e6:.1f} MB in `model.onnx`.\n"
    )


def parts(build=BUILD):
    """The page's parts in Markdown, from what `make book` trained and measured."""
    history, report = load(build / "model" / "history.json"), load(build / "evaluation.json")
    sizes = [(build / name).stat().st_size for name in ("export/model.onnx", "model/model.safetensors")]
    return {
        "training": training_page(history),
        "evaluation": evaluation_page(report, load(LEARNED)),
        "rounding": rounding_page(load(build / "rounding.json"), *sizes),
    }
