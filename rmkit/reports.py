"""A report in words: the table that is printed, and a model card for those who get the model (chapter 6)."""

import math

from rmkit.files import whole_file

NAMES = {
    "chance": "a coin",
    "longest": "longest wins",
    "shortest": "shortest wins",
    "bag_of_words": "words alone",
    "prompt_blind": "model without the prompt",
    "response_blind": "model, words masked",
    "annotators": "two annotators agree",
    "ceiling": "a perfect model",
}
GROUPS = {
    "length": "length of the better response",
    "flaw": "flaw of the worse response",
    "distance": "distance in rank",
}
MOST = 8  # groups of a kind that are printed; JSON has all


def report_text(report):
    """What `print(report)` shows."""
    lines = [f"{report.n_pairs} pairs from {report.n_prompts} prompts; {report.n_ties} ties left out"]
    lines.append(f"{'accuracy':<26} {report.accuracy_by_prompt}   interval: drawing whole prompts")
    lines.append(f"{'':<26}       {_interval(report.accuracy)}   pairs as if independent")
    lines += [f"{NAMES[name]:<26} {estimate}" for name, estimate in report.baselines.items()]
    if report.best_of_k:
        lines.append(f"{'best of K':<26} {report.best_of_k}")
        lines.append(f"{'Kendall tau':<26} {report.kendall_tau}")
    lines.append(f"{'log loss':<26} {report.log_loss:.3f} (a coin: {math.log(2):.3f})")
    lines.append(f"{'Brier score':<26} {report.brier:.3f} (a coin: 0.250)")
    lines.append(f"{'calibration error':<26} {_calibration(report.calibration)}")
    for what, groups in report.groups.items():
        lines.append(
            f"accuracy by {GROUPS.get(what, what)}" + (f", {MOST} of {len(groups)}" if len(groups) > MOST else "")
        )
        lines += [f"  {one['name']:<24} {one['accuracy']}" for one in groups[:MOST]]
    lines.append(f"{'cut to fit':<26} {report.n_truncated} texts, {report.n_answers_cut} of them in the response")
    lines += _warnings(report)
    return "\n".join(lines)


def comparison_text(found):
    """What `print(comparison)` shows."""
    test = found.mcnemar
    needed = "no number of pairs would" if found.pairs_needed is None else f"{found.pairs_needed:,} pairs would"
    rows = [("A", found.a), ("B", found.b), ("A minus B", found.difference)]
    rows += [(NAMES[name], estimate) for name, estimate in found.baselines.items()]
    return "\n".join(
        [
            f"{found.n_pairs} pairs from {found.n_prompts} prompts; intervals draw whole prompts, but a coin's",
            *(f"{name:<26} {estimate}" for name, estimate in rows),
            f"{'only A right, only B right':<26} {test['only_a']}, {test['only_b']} of {test['n']} pairs"
            + (f"; {test['n_left_out']} undecided" if test["n_left_out"] else ""),
            *(
                f"{name} was trained on {n} of these prompts: this compares memory, not what they can do"
                for name, n in zip("AB", found.n_seen.values(), strict=True)
                if n
            ),
            f"{'McNemar, exact':<26} p = {test['p']:.3g}",
            f"{'power':<26} {needed} find a difference like this in 80% of samples",
        ]
    )


def model_card(report, model, data, name="reward model", path=None):
    """A model card in Markdown, with the head that the Hugging Face Hub reads, as a text; also written where a path is given.

    Args:
        report: an `rmkit.Report` on `data`.
        model: the `RewardModel` that it is about.
        data: what it was measured on, in a few words: a name or a file's.
        name: the model's.
        path: usually README.md in the model's folder. Written whole or not at all.

    >>> from rmkit import RewardModel, evaluate, load_rankings
    >>> model = RewardModel.from_encoder()
    >>> card = model_card(evaluate(model, load_rankings("toy")), model, "toy")
    >>> card.splitlines()[0], "| a coin | 0.500 | 0.237 to 0.763 | 10 |" in card
    ('---', True)
    """
    from huggingface_hub import EvalResult, ModelCardData

    result = EvalResult(
        task_type="text-classification",
        dataset_type=data,
        dataset_name=data,
        metric_type="accuracy",
        metric_name="accuracy over preference pairs",
        metric_value=round(report.accuracy.value, 4),
    )
    head = ModelCardData(model_name=name, tags=["reward-model", "rlhf"], eval_results=[result]).to_yaml()
    config = model.config
    rows = [("**this model**", report.accuracy_by_prompt)]
    rows += [(NAMES[key], estimate) for key, estimate in report.baselines.items()]
    groups = [
        (f"{GROUPS.get(what, what)}: {one['name']}", one["accuracy"])
        for what, found in report.groups.items()
        for one in found
    ]
    lines = [
        "---",
        head,
        "---",
        "",
        f"# {name}",
        "",
        "A reward model: it reads a prompt with a response and gives one number. Of two responses to the *same* prompt, the one with",
        "the higher number should be the better one. Numbers for different prompts cannot be compared.",
        "",
        f"Head: {config.head}. Pooling: {config.pooling}. It reads {config.text_length} tokens; a longer text loses the start of its prompt.",
        "",
        f"## Measured on {data}",
        "",
        f"{report.n_pairs} pairs from {report.n_prompts} prompts; {report.n_ties} ties left out; a pair with equal rewards counts half.",
        "Intervals hold 95%. They draw whole prompts, but those of a coin, of words alone and of annotators, which take pairs as",
        "independent.",
        "",
        *_table("Which response is better, according to", rows),
        "",
        f"Log loss {report.log_loss:.3f} (a coin: {math.log(2):.3f}), Brier score {report.brier:.3f} (a coin: 0.250), expected",
        f"calibration error {_calibration(report.calibration)}.",
        *([f"Rankings: best of K {report.best_of_k}; Kendall's tau {report.kendall_tau}."] if report.best_of_k else []),
        "",
        "## Where it is right",
        "",
        *_table("Pairs", groups),
        "",
        "## Limits",
        "",
        f"- {report.n_truncated} texts were cut to fit, {report.n_answers_cut} of them in the response.",
        *(f"- {line}" for line in _warnings(report)),
        "- A high reward is no proof of a good response: what gains reward without being better has to be looked for.",
        "",
        "## Use",
        "",
        "```python",
        "import rmkit",
        "",
        'model = rmkit.RewardModel.from_pretrained("the folder of this file")',
        'model.rank("What is a contract?", ["An agreement that the law will enforce.", "Something with paper."])',
        "```",
        "",
    ]
    text = "\n".join(lines)
    if path is not None:
        with whole_file(path) as file:
            file.write(text)
    return text


def _table(first, rows):
    rows = [(name.replace("|", "\\|"), e) for name, e in rows]
    return [
        f"| {first} | Right | 95% interval | n |",
        "|---|--:|--:|--:|",
        *(f"| {name} | {e.value:.3f} | {e.low:.3f} to {e.high:.3f} | {e.n} |" for name, e in rows),
    ]


def _interval(estimate):
    return f"[{estimate.low:.3f}, {estimate.high:.3f}]"


def _calibration(found):
    by_chance = found["ece_if_calibrated"]
    words = f"{found['ece']:.3f} (a calibrated model: {by_chance['mean']:.3f}, up to {by_chance['high']:.3f})"
    if "temperature" in found:
        after = found["after"]
        words += f"; with temperature {found['temperature']:.2f} {after['ece']:.3f}, log loss {after['log_loss']:.3f}"
    return words


def _warnings(report):
    """What makes the numbers say less than they seem to, a line each."""
    lines = []
    if report.n_identical:
        lines.append(f"{report.n_identical} pairs are the same text after cutting: no model can tell them apart")
    if report.n_skipped:
        lines.append(f"{report.n_skipped} rankings were skipped: their prompts were trained on, or nearly")
    if report.n_seen is None:
        lines.append(
            "nobody knows whether the model was trained on these prompts: it does not remember its training data"
        )
    elif report.n_seen:
        lines.append(f"{report.n_seen} prompts were trained on: this measures memory, not what the model can do")
    lines += [
        f"check failed: {check['name']} (rewards differ by up to {check['found']:.2g})"
        for check in report.checks
        if not check["passed"]
    ]
    if report.checks and not any("failed" in line for line in lines):
        lines.append("checks passed: " + "; ".join(check["name"] for check in report.checks))
    return lines
