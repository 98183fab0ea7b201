"""A model card: what those who get a reward model have to know of it, in Markdown (chapter 6)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import cast

from rmkit.files import whole_file
from rmkit.intervals import Estimate
from rmkit.model import RewardModel
from rmkit.reports import GROUPS, NAMES, Report, calibration_text


def model_card(
    report: Report, model: RewardModel, data: str, name: str = "reward model", path: str | Path | None = None
) -> str:
    """A model card in Markdown, with the head that the Hugging Face Hub reads; also written where a path is given.

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
    lines = ["---", _head(report, data, name), "---", ""]
    lines += _about(model, name) + _measured(report, data) + _limits(report) + USE
    text = "\n".join(lines)
    if path is not None:
        with whole_file(path) as file:
            file.write(text)
    return text


USE = [
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


def _head(report: Report, data: str, name: str) -> str:
    """The metadata at the top of the card, in YAML."""
    from huggingface_hub import EvalResult, ModelCardData

    result = EvalResult(
        task_type="text-classification",
        dataset_type=data,
        dataset_name=data,
        metric_type="accuracy",
        metric_name="accuracy over preference pairs",
        metric_value=round(cast(float, report.accuracy.value), 4),
    )
    return ModelCardData(model_name=name, tags=["reward-model", "rlhf"], eval_results=[result]).to_yaml()


def _about(model: RewardModel, name: str) -> list[str]:
    config = model.config
    return [
        f"# {name}",
        "",
        "A reward model: it reads a prompt with a response and gives one number. Of two responses to the *same*",
        "prompt, the one with the higher number should be the better one. Numbers for different prompts cannot be",
        "compared.",
        "",
        f"Head: {config.head}. Pooling: {config.pooling}. It reads {config.text_length} tokens; a longer text loses",
        "the start of its prompt.",
        "",
    ]


def _measured(report: Report, data: str) -> list[str]:
    rows = [("**this model**", report.accuracy_by_prompt)]
    rows += [(NAMES[key], estimate) for key, estimate in report.baselines.items()]
    groups = [
        (f"{GROUPS.get(kind, kind)}: {group['name']}", group["accuracy"])
        for kind, of_kind in report.groups.items()
        for group in of_kind
    ]
    return [
        f"## Measured on {data}",
        "",
        f"{report.n_pairs} pairs from {report.n_prompts} prompts; {report.n_ties} ties left out; a pair with equal",
        "rewards counts half. Intervals hold 95%. They draw whole prompts, but those of a coin, of words alone and of",
        "annotators, which take pairs as independent.",
        "",
        *_table("Which response is better, according to", rows),
        "",
        f"Log loss {report.log_loss:.3f} (a coin: {math.log(2):.3f}), Brier score {report.brier:.3f} (a coin: 0.250),",
        f"expected calibration error {calibration_text(report.calibration)}.",
        *([f"Rankings: best of K {report.best_of_k}; Kendall's tau {report.kendall_tau}."] if report.best_of_k else []),
        "",
        "## Where it is right",
        "",
        *_table("Pairs", groups),
        "",
    ]


def _limits(report: Report) -> list[str]:
    return [
        "## Limits",
        "",
        f"- {report.n_truncated} texts were cut to fit, {report.n_answers_cut} of them in the response.",
        *(f"- {line}" for line in report.warnings()),
        "- A high reward is no proof of a good response: what gains reward without being better has to be looked for.",
        "",
    ]


def _table(first: str, rows: list[tuple[str, Estimate]]) -> list[str]:
    rows = [(name.replace("|", "\\|"), estimate) for name, estimate in rows]
    return [
        f"| {first} | Right | 95% interval | n |",
        "|---|--:|--:|--:|",
        *(f"| {name} | {e.value:.3f} | {e.low:.3f} to {e.high:.3f} | {e.n} |" for name, e in rows),
    ]
