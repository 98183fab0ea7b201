"""How good is a reward model, and why should anybody believe it? (chapter 6)

`evaluate` measures a model on rankings that it has not seen, and returns a `Report`: accuracy with its interval, what
trivial rules get on the same pairs, calibration, groups of pairs, and checks that the numbers mean what they seem to.
`compare` puts two models to the same pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from rmkit import measures
from rmkit.baselines import blind_scores, rules_and_annotators
from rmkit.batching import Encoded, count_cut, encode_rankings
from rmkit.errors import InputError
from rmkit.groups import accuracy_by_group
from rmkit.held_out import check_arguments, leave_out_measured, leave_out_seen, with_pairs
from rmkit.intervals import Estimate, by_prompt, wilson
from rmkit.losses import k_choose_2_loss
from rmkit.pairs import Pairs
from rmkit.processes import check_alike
from rmkit.rankings import Ranking, Rankings, fingerprint
from rmkit.reports import Comparison, Report
from rmkit.sharing import score_together

SAME = 1e-4  # rewards of one text that differ by less are the same; padding changes a sum by about 1e-6
TRIED = 8  # texts that `check_scores` tries


def evaluate(
    model: Any,
    data: Rankings,
    batch_size: int = 32,
    calibration: Rankings | None = None,
    training: Iterable[Ranking | str] | None = None,
    seen: str = "refuse",
    quick: bool = False,
) -> Report:
    """Measure a reward model on rankings it has not been trained on.

    Of several processes (`accelerate launch`) each reads its share of the texts. Call it in every one of them: they
    wait for each other, and all return the same report.

    Args:
        model: a `RewardModel`, or a `SequenceClassifier`.
        data: `Rankings`.
        batch_size: texts a forward pass; it changes the speed, not the result.
        calibration: other `Rankings`, to fit a temperature on.
        training: rankings or prompts that the model was trained on, for a model that `rmkit.train` did not train; one
            that it did remembers sketches of its prompts.
        seen: what to do if a prompt of the data, or nearly the same one, was trained on: "refuse" to measure, "skip"
            its rankings, or "measure" all the same, which says how well the model knows its training data by heart.
            "skip" also leaves out of the calibration data what is measured on; otherwise that is refused.
        quick: leave out what takes longer than scoring itself: blind scores, bag of words, groups and checks.

    Returns:
        A `Report`.

    Raises:
        InputError: if the model reads no token ids, or the data holds no pair, shares a prompt with the training or the
            calibration data, or is not the same in all processes.
        FloatingPointError: if a reward is not a finite number.

    >>> from rmkit import RewardModel, load_rankings
    >>> report = evaluate(RewardModel.from_encoder(), load_rankings("toy"))
    >>> report.n_pairs, report.baselines["chance"]
    (10, 0.500 [0.237, 0.763], n = 10)
    """
    _check_model(model)
    data = check_arguments(data, batch_size, seen, calibration=calibration, training=training)
    n_rankings = len(data)
    data, n_seen = leave_out_seen(model, data, training, seen)
    if calibration is not None:
        calibration = leave_out_measured(data, Rankings(calibration), seen)
    rankings = with_pairs(data, n_rankings)
    check_alike({"data": fingerprint(rankings)})
    pairs, texts = Pairs(rankings), _encode(model, rankings)
    ids = [text.ids for text in texts]
    rewards = _finite(score_together(model, ids, batch_size))  # (N,)
    margins = pairs.margins(rewards)  # (P,)
    right, cut = measures.right(margins), count_cut(texts)
    best_of_k, kendall_tau = _whole_rankings(rankings, pairs, rewards)
    return Report(
        accuracy=wilson(right.sum().item(), len(pairs)),
        accuracy_by_prompt=by_prompt(right, pairs.prompt_of_pair),
        best_of_k=best_of_k,
        kendall_tau=kendall_tau,
        log_loss=measures.log_loss(margins),
        brier=measures.brier(margins),
        ranking_loss=k_choose_2_loss(rewards, pairs.sizes, pairs.ranks).item(),
        calibration=_calibrate(model, margins, calibration, batch_size),
        n_pairs=len(pairs),
        n_prompts=len(set(pairs.prompt_of_ranking.tolist())),
        n_ties=sum(math.comb(len(ranking), 2) - len(ranking.pairs()) for ranking in data),
        n_truncated=cut.texts,
        n_answers_cut=cut.responses,
        n_identical=sum(ids[i] == ids[j] for i, j in zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True)),
        n_seen=n_seen,
        n_skipped=n_rankings - len(data),
        baselines=rules_and_annotators(rankings, pairs)
        | ({} if quick else blind_scores(model, rankings, pairs, batch_size)),
        groups={} if quick else accuracy_by_group(rankings, pairs, right),
        checks=[] if quick else check_scores(model, ids),
        margins=margins.tolist(),
        prompts=pairs.prompt_of_pair.tolist(),
    )


def compare(model_a: Any, model_b: Any, data: Rankings, batch_size: int = 32, seen: str = "refuse") -> Comparison:
    """Measure two models on the same pairs, and say whether one is better.

    Args:
        model_a, model_b: reward models; `data`, `batch_size`, `seen`: see `evaluate`. With "skip", what either has seen
            is left out.

    Returns:
        A `Comparison`.

    >>> from rmkit import RewardModel, load_rankings
    >>> model = RewardModel.from_encoder()
    >>> compare(model, model, load_rankings("toy")).difference.value
    0.0
    """
    for model in (model_a, model_b):
        _check_model(model)
    data = check_arguments(data, batch_size, seen)
    n_rankings, n_seen = len(data), {}
    for name, model in {"a": model_a, "b": model_b}.items():  # before either is measured
        data, n_seen[name] = leave_out_seen(model, data, None, seen)
    with_pairs(data, n_rankings)
    a, b = (evaluate(model, data, batch_size, seen="measure", quick=True) for model in (model_a, model_b))
    test = measures.mcnemar(a.margins, b.margins)
    apart = measures.right(a.margins) - measures.right(b.margins)  # (P,)
    return Comparison(
        a=a.accuracy_by_prompt,
        b=b.accuracy_by_prompt,
        difference=by_prompt(apart, a.prompts, span=(-1, 1)),
        mcnemar=test,
        pairs_needed=measures.pairs_needed(int(test["only_a"]), int(test["only_b"]), int(test["n"]))
        if test["n"]
        else None,
        n_pairs=a.n_pairs,
        n_prompts=a.n_prompts,
        n_seen=n_seen,
        baselines={name: a.baselines[name] for name in ("chance", "longest", "shortest")},
    )


def check_scores(model: Any, texts: list[list[int]]) -> list[dict]:
    """Whether a text's reward is its own: the same alone, beside any other text, and in any order.

    Args:
        model: has `score_ids`.
        texts: lists of token ids; eight of them are tried, spread over all lengths.

    Returns:
        [{"name", "passed", "found"}]; `found` is the largest difference between two rewards of one text.

    >>> from rmkit import RewardModel
    >>> [check["passed"] for check in check_scores(RewardModel.from_encoder(), [[101, 102], [101, 2375, 102]])]
    [True, True, True]
    """
    texts = sorted(texts, key=len)
    tried = [texts[i] for i in np.linspace(0, len(texts) - 1, min(TRIED, len(texts))).astype(int)]
    alone = [model.score_ids([text])[0] for text in tried]
    longest = texts[-1]
    others = {
        "a text alone is scored as in a batch": model.score_ids(tried),
        "padding changes nothing": [model.score_ids([text, longest])[0] for text in tried],
        "the order of responses changes nothing": model.score_ids(tried[::-1])[::-1],
    }
    checks = []
    for name, rewards in others.items():
        largest = max(abs(one - other) for one, other in zip(alone, rewards, strict=True))
        checks.append({"name": name, "passed": bool(largest <= SAME), "found": largest})
    return checks


def _check_model(model: Any) -> None:
    """Refuse at once what has no `score_ids` (`rmkit.scorer.Scorer`); a model with adapters passes its own on."""
    if not hasattr(model, "score_ids"):
        raise InputError(
            f"a {type(model).__name__} cannot be evaluated or compared, since it scores texts and not token ids; "
            "rmkit.scoreboard measures it"
        )


def _encode(model: Any, rankings: list[Ranking]) -> list[Encoded]:
    """All N texts as the model reads them, ranking after ranking."""
    encoded = encode_rankings(rankings, model.tokenizer, model.config.text_length)
    return [text for texts in encoded for text in texts]


def _finite(rewards: torch.Tensor) -> torch.Tensor:
    if not rewards.isfinite().all():
        raise FloatingPointError(
            f"{(~rewards.isfinite()).sum()} of {len(rewards)} rewards are no numbers: the model is broken"
        )
    return rewards


def _whole_rankings(
    rankings: list[Ranking], pairs: Pairs, rewards: torch.Tensor
) -> tuple[Estimate, Estimate] | tuple[None, None]:
    """Best of K and Kendall's tau of the rankings of three or more; None and None without such."""
    best, tau, prompts = [], [], []
    for ranking, start, prompt in zip(rankings, pairs.starts, pairs.prompt_of_ranking, strict=False):
        if len(ranking) > 2:
            own = rewards[start : start + len(ranking)]  # (K,)
            best.append(_best_share(ranking.ranks, own))
            tau.append(measures.kendall_tau(ranking.ranks, own.tolist()))
            prompts.append(prompt)
    if not prompts:
        return None, None
    return by_prompt(best, prompts), by_prompt(tau, prompts, span=(-1, 1))


def _best_share(ranks: Sequence[int], rewards: torch.Tensor) -> float:
    """Whether the highest reward is on a best response; a share, where several responses have it."""
    first = [rank for rank, reward in zip(ranks, rewards, strict=True) if reward == rewards.max()]
    return first.count(min(ranks)) / len(first)


def _calibrate(model: Any, margins: np.ndarray, data: Rankings | None, batch_size: int) -> dict:
    """Calibration as it is, and with other data what a temperature fitted on them would make of it."""
    calibration = measures.calibration(margins)
    if data is None:
        return calibration
    rankings = [ranking for ranking in data if ranking.pairs()]
    rewards = score_together(model, [text.ids for text in _encode(model, rankings)], batch_size)
    temperature = measures.fit_temperature(Pairs(rankings).margins(rewards))
    after = {
        "log_loss": measures.log_loss(margins, temperature),
        "ece": measures.calibration(margins, temperature)["ece"],
    }
    return calibration | {"temperature": temperature, "after": after}
