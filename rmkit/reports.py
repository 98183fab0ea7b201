"""What a measurement says, in numbers and in words: a `Report` of one model, a `Comparison` of two (chapter 6)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rmkit.intervals import Estimate
from rmkit.results import Result

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


@dataclass(repr=False)
class Report(Result):
    """What `evaluate` measures; `print` it, `plot` it, `save` it, or write a model card (`rmkit.model_card`).

    A pair with equal rewards counts half, as a coin would. All pairs weigh the same, and pairs that the data calls a
    tie are left out.

    - `accuracy`: the share of pairs in which the better response has the higher reward, with Wilson's 95% interval,
      which takes pairs as independent; `accuracy_by_prompt` is the same share with an interval that draws whole
      prompts.
    - `best_of_k`, `kendall_tau`: of rankings of three responses or more, how often the highest reward is on a best
      response, and how alike the two orders are, from -1 to 1. None without such rankings.
    - `log_loss`: the mean over pairs of -log sigmoid(margin), in nats; a coin's is log 2 = 0.693. `brier`: the mean of
      (1 - sigmoid(margin))^2; a coin's is 0.25.
    - `ranking_loss`: the K-choose-2 loss, which training lowers: the mean over each ranking's pairs, then over
      rankings.
    - `calibration`: see `rmkit.measures.calibration`. With calibration data also `temperature` and, under `after`, the
      `log_loss` and `ece` of sigmoid(margin / temperature).
    - `n_pairs`, `n_prompts`, `n_ties`: pairs measured, different prompts, pairs left out because the data calls them a
      tie.
    - `n_truncated`, `n_answers_cut`, `n_identical`: texts that were cut to fit, those among them that lost part of the
      response, and pairs whose two texts are the same after that.
    - `n_seen`: prompts that the model was trained on, or nearly; None where that is unknown. `n_skipped`: rankings left
      out for it.
    - `baselines`: what others get on the same pairs: "chance", a coin; "longest" and "shortest" in characters;
      "prompt_blind", the same model without the prompt; "response_blind", the same model with every word of the
      response masked, so that only their number is left; "bag_of_words" of the responses, learned by cross-validation
      on these pairs; "annotators", how often two of them agree, and "ceiling", what a perfect model would get
      (`rmkit.measures.ceiling`), both where the data has votes.
    - `groups`: {"domain", "tag", "flaw", "length", "distance": [{"name", "accuracy", "n_prompts"}]}, as far as the data
      has them: the flaw is that of the worse response, the distance is between the ranks.
    - `checks`: [{"name", "passed", "found"}], of which `found` is the largest difference between two rewards that
      should be equal.
    - `margins`: better minus worse, a number a pair; `prompts`: to which prompt each pair belongs.
    """

    accuracy: Estimate
    accuracy_by_prompt: Estimate
    best_of_k: Estimate | None
    kendall_tau: Estimate | None
    log_loss: float
    brier: float
    ranking_loss: float
    calibration: dict
    n_pairs: int
    n_prompts: int
    n_ties: int
    n_truncated: int
    n_answers_cut: int
    n_identical: int
    n_seen: int | None
    n_skipped: int
    baselines: dict
    groups: dict
    checks: list
    margins: list = field(repr=False)
    prompts: list = field(repr=False)

    def to_dict(self) -> dict:
        """Plain numbers, ready for JSON; without the margins."""
        return {key: value for key, value in asdict(self).items() if key not in ("margins", "prompts")}

    def plot(self, path: str | Path | None = None) -> None:
        """One page of figures; saved where a path is given, shown otherwise."""
        from rmkit.figures import plot_report

        plot_report(self, path)

    def warnings(self) -> list[str]:
        """What makes the numbers say less than they seem to, a line each."""
        lines = []
        if self.n_identical:
            lines.append(f"{self.n_identical} pairs are the same text after cutting: no model can tell them apart")
        if self.n_skipped:
            lines.append(f"{self.n_skipped} rankings were skipped: their prompts were trained on, or nearly")
        if self.n_seen is None:
            lines.append(
                "nobody knows whether the model was trained on these prompts: it does not remember its training data"
            )
        elif self.n_seen:
            lines.append(f"{self.n_seen} prompts were trained on: this measures memory, not what the model can do")
        failed = [check for check in self.checks if not check["passed"]]
        lines += [f"check failed: {check['name']} (rewards differ by up to {check['found']:.2g})" for check in failed]
        if self.checks and not failed:
            lines.append("checks passed: " + "; ".join(check["name"] for check in self.checks))
        return lines

    def __str__(self) -> str:
        lines = [f"{self.n_pairs} pairs from {self.n_prompts} prompts; {self.n_ties} ties left out"]
        lines.append(f"{'accuracy':<26} {self.accuracy_by_prompt}   interval: drawing whole prompts")
        lines.append(f"{'':<26}       [{self.accuracy.low:.3f}, {self.accuracy.high:.3f}]   pairs as if independent")
        lines += [f"{NAMES[name]:<26} {estimate}" for name, estimate in self.baselines.items()]
        if self.best_of_k:
            lines.append(f"{'best of K':<26} {self.best_of_k}")
            lines.append(f"{'Kendall tau':<26} {self.kendall_tau}")
        lines.append(f"{'log loss':<26} {self.log_loss:.3f} (a coin: {math.log(2):.3f})")
        lines.append(f"{'Brier score':<26} {self.brier:.3f} (a coin: 0.250)")
        lines.append(f"{'calibration error':<26} {calibration_text(self.calibration)}")
        for kind, groups in self.groups.items():
            some = f", {MOST} of {len(groups)}" if len(groups) > MOST else ""
            lines.append(f"accuracy by {GROUPS.get(kind, kind)}{some}")
            lines += [f"  {group['name']:<24} {group['accuracy']}" for group in groups[:MOST]]
        lines.append(f"{'cut to fit':<26} {self.n_truncated} texts, {self.n_answers_cut} of them in the response")
        return "\n".join(lines + self.warnings())


@dataclass(repr=False)
class Comparison(Result):
    """What `compare` measures of two models on the same pairs; `print` it, `save` it.

    - `a`, `b`: their accuracies, with intervals that draw whole prompts; `difference`, a minus b, likewise.
    - `mcnemar`: see `rmkit.measures.mcnemar`. It takes pairs as independent; where rankings have more than two
      responses, trust the interval of `difference` more than its p.
    - `pairs_needed`: the pairs it would have taken to find a difference like this one with a power of 80%; None where
      there is none.
    - `n_seen`: {"a", "b"}: prompts that each was trained on; None where that is unknown.
    - `baselines`: "chance", "longest" and "shortest" on the same pairs.
    """

    a: Estimate
    b: Estimate
    difference: Estimate
    mcnemar: dict
    pairs_needed: int | None
    n_pairs: int
    n_prompts: int
    n_seen: dict
    baselines: dict

    def __str__(self) -> str:
        test = self.mcnemar
        needed = "no number of pairs would" if self.pairs_needed is None else f"{self.pairs_needed:,} pairs would"
        rows = [("A", self.a), ("B", self.b), ("A minus B", self.difference)]
        rows += [(NAMES[name], estimate) for name, estimate in self.baselines.items()]
        undecided = f"; {test['n_left_out']} undecided" if test["n_left_out"] else ""
        lines = [f"{self.n_pairs} pairs from {self.n_prompts} prompts; intervals draw whole prompts, but a coin's"]
        lines += [f"{name:<26} {estimate}" for name, estimate in rows]
        only = f"{test['only_a']}, {test['only_b']} of {test['n']} pairs{undecided}"
        lines.append(f"{'only A right, only B right':<26} {only}")
        lines += [
            f"{name} was trained on {n} of these prompts: this compares memory, not what they can do"
            for name, n in zip("AB", self.n_seen.values(), strict=True)
            if n
        ]
        lines.append(f"{'McNemar, exact':<26} p = {test['p']:.3g}")
        lines.append(f"{'power':<26} {needed} find a difference like this in 80% of samples")
        return "\n".join(lines)


def calibration_text(calibration: dict) -> str:
    """A model's calibration (`Report.calibration`) on one line.

    >>> calibration_text({"ece": 0.04, "ece_if_calibrated": {"mean": 0.03, "high": 0.05}})
    '0.040 (a calibrated model: 0.030, up to 0.050)'
    """
    by_chance = calibration["ece_if_calibrated"]
    words = f"{calibration['ece']:.3f} (a calibrated model: {by_chance['mean']:.3f}, up to {by_chance['high']:.3f})"
    if "temperature" in calibration:
        after = calibration["after"]
        words += f"; with temperature {calibration['temperature']:.2f} {after['ece']:.3f}"
        words += f", log loss {after['log_loss']:.3f}"
    return words
