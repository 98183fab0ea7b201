"""What a list of margins says: how sure a model is, how well calibrated, and whether another is better (chapter 6).

A margin is the reward of a pair's better response minus that of the worse one. A pair counts 1 where the margin is
positive, 0 where it is negative, and 1/2 where it is zero, like a guess. Nothing here knows of models or texts.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rmkit.checks import check_whole
from rmkit.errors import InputError
from rmkit.intervals import Estimate, by_prompt, wilson

BINS = 10  # of a reliability curve, each with the same number of pairs
FEWEST = 20  # pairs in a bin; with fewer pairs there are fewer bins
POWER = 0.8  # how often `pairs_needed` pairs would show the difference


def right(margins: ArrayLike) -> np.ndarray:
    """1 for a pair that is right, 1/2 for a pair with equal rewards, 0 for a pair that is wrong: shape (P,).

    >>> right([0.3, 0.0, -0.1]).tolist()
    [1.0, 0.5, 0.0]
    """
    return (np.sign(np.asarray(margins, dtype=float)) + 1) / 2


def kendall_tau(ranks: Sequence[int], rewards: Sequence[float]) -> float:
    """Kendall's tau-b of the ranks of a ranking (0 is best) and its rewards: 1 same order, -1 reverse, 0 no relation.

    Source: Kendall 1945, doi:10.1093/biomet/33.3.239

    >>> round(kendall_tau([0, 1, 2, 3], [0.9, 0.1, 0.5, -0.3]), 3)  # one pair of six the wrong way: (5 - 1) / 6
    0.667
    """
    from scipy.stats import kendalltau

    tau = kendalltau([-rank for rank in ranks], rewards).statistic
    return 0.0 if np.isnan(tau) else float(tau)  # equal rewards order nothing


def log_loss(margins: ArrayLike, temperature: float = 1.0) -> float:
    """The mean over pairs of -log sigmoid(margin / temperature), in nats; guessing gives log 2 = 0.693.

    >>> round(log_loss([0.5]), 4)
    0.4741
    """
    return float(np.logaddexp(0, -np.asarray(margins, dtype=float) / temperature).mean())


def brier(margins: ArrayLike) -> float:
    """The mean over pairs of (1 - sigmoid(margin))^2; guessing gives 0.25, and 0 is perfect.

    Source: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    >>> brier([0.0]), round(brier([100.0]), 3), round(brier([-100.0]), 3)
    (0.25, 0.0, 1.0)
    """
    return float((_sigmoid(-np.asarray(margins, dtype=float)) ** 2).mean())


def calibration(margins: ArrayLike, temperature: float = 1.0, draws: int = 500) -> dict[str, Any]:
    """Whether the model is right as often as it says: sigmoid(abs(margin)) against the share of pairs that are right.

    Pairs are sorted by the size of the margin, whichever response the model prefers, and cut into bins of equal size.
    (If they were sorted by the *signed* margin, a bin would hold only right pairs or only wrong pairs, and say
    nothing.) The calibration error is the distance between the two shares, averaged over the pairs. In a finite sample
    it is never zero. So the result also holds the error that a calibrated model would have: outcomes are drawn with the
    model's own probabilities, `draws` times, always with the same seed.

    Returns:
        A dict that JSON can hold:
        `ece`, the expected calibration error;
        `ece_if_calibrated`, {"mean", "high"}, of a calibrated model with the same margins: the mean, and the value that
        95% of samples do not exceed;
        `bins`, [{"confidence", "right"}], from doubtful to sure: the mean of sigmoid(abs(margin)), and an estimate of the
        share of pairs that are right (Wilson's interval, pairs taken as independent).

    Source: Naeini, Cooper and Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602; Guo et al. 2017, arXiv:1706.04599

    >>> result = calibration([2.0] * 15 + [-2.0] * 5)  # says 88%, is right in 75%
    >>> round(result["ece"], 3), round(result["bins"][0]["confidence"], 3), result["bins"][0]["right"]["value"]
    (0.131, 0.881, 0.75)
    """
    check_whole("draws", draws)
    values = _checked(margins)
    values = values[np.argsort(np.abs(values), kind="stable")]  # (P,) from doubtful to sure
    said, was = _sigmoid(np.abs(values) / temperature), right(values)  # (P,) each
    bins = np.array_split(np.arange(len(values)), max(1, min(BINS, len(values) // FEWEST)))
    starts = [part[0] for part in bins]

    def error(outcomes):
        return float(np.abs(np.add.reduceat(outcomes - said, starts)).sum() / len(said))

    rng = np.random.default_rng(0)
    calibrated = [error(rng.random(len(said)) < said) for _ in range(draws)]
    return {
        "ece": error(was),
        "ece_if_calibrated": {"mean": float(np.mean(calibrated)), "high": float(np.quantile(calibrated, 0.95))},
        "bins": [
            {"confidence": float(said[part].mean()), "right": wilson(float(was[part].sum()), len(part)).to_dict()}
            for part in bins
        ],
    }


def fit_temperature(margins: ArrayLike) -> float:
    """The temperature T, from 0.02 to 50, for which sigmoid(margin / T) has the lowest log loss on these pairs.

    Above 1 the model is too sure of itself, below 1 it is not sure enough. The order of responses does not change. Fit
    the temperature on pairs that you use for no other measurement.

    Source: Guo et al. 2017, arXiv:1706.04599

    >>> round(fit_temperature([1.0] * 3 + [-1.0]), 2)  # right in 3 of 4: log 3 = 1.1 would be the calibrated margin
    0.91
    """
    from scipy.optimize import minimize_scalar

    values = _checked(margins)
    fitted = minimize_scalar(lambda log_t: log_loss(values, np.exp(log_t)), bounds=np.log([0.02, 50]), method="bounded")
    return float(np.exp(fitted.x))


def mcnemar(margins_a: ArrayLike, margins_b: ArrayLike) -> dict[str, int | float]:
    """McNemar's exact test of two models on the same pairs. Only pairs that a single model gets right count.

    Pairs on which a model is undecided (a margin of zero) are left out. Pairs are taken as independent.

    Returns:
        A dict: `only_a`, `only_b`: pairs that only this model got right; `n`, pairs compared; `n_left_out`; `p`: how
        often two equally good models would differ by as much.

    Raises:
        InputError: if the two lists differ in length.

    Source: McNemar 1947, doi:10.1007/BF02295996

    >>> mcnemar([1, 1, 1, 1, 1, 1, -1], [1, -1, -1, -1, -1, -1, -1])
    {'only_a': 5, 'only_b': 0, 'n': 7, 'n_left_out': 0, 'p': 0.0625}
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    a, b = right(margins_a), right(margins_b)
    if len(a) != len(b):
        raise InputError(f"the models have {len(a)} and {len(b)} margins; McNemar's test needs the same pairs")
    decided = (a != 0.5) & (b != 0.5)
    a, b = a[decided] == 1, b[decided] == 1
    table = [[int((a & b).sum()), int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
    counts = {"only_a": table[0][1], "only_b": table[1][0]}
    counts |= {"n": int(decided.sum()), "n_left_out": int((~decided).sum())}
    return counts | {"p": float(test(table, exact=True).pvalue)}


def pairs_needed(only_a: int, only_b: int, n: int) -> int | None:
    """How many pairs it takes to find a difference like this at the 5% level, with a power of 80%.

    Args:
        only_a, only_b: pairs, of `n`, that only model A, and only model B, got right.

    Returns:
        A whole number of pairs; None where the two models are equal, so that no number of pairs would do.

    Raises:
        InputError: if a number of pairs is not a whole number.

    Source: Connor 1987, doi:10.2307/2531961

    >>> pairs_needed(15, 10, 100)  # 15% against 10%
    783
    """
    from scipy.stats import norm

    for name, value, least in (("only_a", only_a, 0), ("only_b", only_b, 0), ("n", n, 1)):
        check_whole(name, value, least, what="number of pairs")
    if only_a == only_b:
        return None
    differ, apart = (only_a + only_b) / n, (only_a - only_b) / n
    return int(np.ceil(((norm.isf(0.025) * sqrt(differ) + norm.isf(1 - POWER) * sqrt(differ - apart**2)) / apart) ** 2))


def agreement(votes: Sequence[Sequence[int]]) -> Estimate:
    """How often two annotators say the same about a pair.

    Args:
        votes: for each pair the verdicts of its annotators: 1, 2, or 0 for a tie. A tie half agrees with either
        verdict.

    Returns:
        An `Estimate` over the pairs that two or more annotators have judged; its n is their number.

    >>> agreement([[1, 1, 1], [1, 2, 1], [2, 2]])  # 1, 1/3, 1
    0.778 [0.333, 1.000], n = 3
    """
    shares = []
    for verdicts in votes:
        together = [1 if a == b else (a == 0 or b == 0) / 2 for k, a in enumerate(verdicts) for b in verdicts[:k]]
        if together:
            shares.append(np.mean(together))
    return by_prompt(shares, range(len(shares)))


def ceiling(agreed: Estimate, annotators: int) -> Estimate:
    """The best accuracy that is possible if the labels are the majority vote of this many annotators.

    If every pair were equally hard, two annotators, each right with probability p, would agree with probability p^2 +
    (1 - p)^2. That gives p, and p gives how often a majority is right (chapter 1). A model that is always right would
    agree with the labels that often. Real pairs are not equally hard: annotators are nearly sure of some and guess on
    others, so the true ceiling is lower.

    Args:
        agreed: an `Estimate` of `agreement`.
        annotators: how many vote on a pair, an odd number.

    >>> from rmkit.intervals import Estimate
    >>> ceiling(Estimate(0.68, 0.625, 0.82, 100), annotators=3)  # p is 0.8: p^3 + 3 p^2 (1 - p)
    0.896 [0.844, 0.972], n = 100
    """
    from scipy.stats import binom

    check_whole("annotators", annotators, what="number of annotators")

    def best(share):
        p = (1 + sqrt(max(0.0, 2 * share - 1))) / 2
        return float(binom.sf(annotators // 2, annotators, p))

    return Estimate(best(agreed.value), best(agreed.low), best(agreed.high), agreed.n)


def _checked(margins: ArrayLike) -> np.ndarray:
    values = np.asarray(margins, dtype=float)
    if not len(values) or not np.isfinite(values).all():
        raise InputError("margins must hold at least one number, and none of them may be nan or infinite")
    return values


def _sigmoid(x):
    from scipy.special import expit

    return expit(x)
