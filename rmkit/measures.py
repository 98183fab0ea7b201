"""What can be said of a list of margins: how sure, how well calibrated, and whether another model is better (chapter 6).

A margin is the reward of a pair's better response minus that of the worse one. A pair counts 1 where the margin is positive, 0
where it is negative, and 1/2 where it is zero, as a coin would. Nothing here knows of models or texts.
"""

from math import sqrt

import numpy as np

from rmkit.errors import InputError
from rmkit.intervals import Estimate, by_prompt, wilson

BINS = 10  # of a reliability curve, each with the same number of pairs
FEWEST = 20  # pairs in a bin, or there are fewer bins


def right(margins):
    """1 for each pair that is right, 1/2 for one that is equal, 0 for one that is wrong: shape (P,).

    >>> right([0.3, 0.0, -0.1]).tolist()
    [1.0, 0.5, 0.0]
    """
    return (np.sign(np.asarray(margins, dtype=float)) + 1) / 2


def kendall_tau(ranks, rewards):
    """Kendall's tau-b between the ranks of a ranking (0 is best) and its rewards: 1 the same order, -1 the reverse, 0 none.

    Source: Kendall 1945, doi:10.1093/biomet/33.3.239

    >>> round(kendall_tau([0, 1, 2, 3], [0.9, 0.1, 0.5, -0.3]), 3)  # one pair of six the wrong way: (5 - 1) / 6
    0.667
    """
    from scipy.stats import kendalltau

    tau = kendalltau([-rank for rank in ranks], rewards).statistic
    return 0.0 if np.isnan(tau) else float(tau)  # equal rewards order nothing


def log_loss(margins, temperature=1.0):
    """The mean over pairs of -log sigmoid(margin / temperature), in nats; a coin's is log 2 = 0.693.

    >>> round(log_loss([0.5]), 4)
    0.4741
    """
    return float(np.logaddexp(0, -np.asarray(margins, dtype=float) / temperature).mean())


def brier(margins):
    """The mean over pairs of (1 - sigmoid(margin))^2; a coin's is 0.25, and 0 is perfect.

    Source: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    >>> brier([0.0]), round(brier([100.0]), 3), round(brier([-100.0]), 3)
    (0.25, 0.0, 1.0)
    """
    return float((_sigmoid(-np.asarray(margins, dtype=float)) ** 2).mean())


def calibration(margins, temperature=1.0, draws=500, seed=0):
    """Whether the model is right as often as it says: sigmoid of a margin's size beside the share of pairs that are right.

    Pairs are sorted by the size of the margin, whichever response the model prefers, and cut into bins of equal size. (Sorted by the
    *signed* margin, a bin holds only right pairs or only wrong ones, and says nothing.) The calibration error is the distance between
    the two shares, averaged over the pairs. In a finite sample it is never zero, so beside it stands what it would be if
    the model were calibrated: outcomes drawn with the model's own probabilities.

    Returns:
        A dict that JSON can hold:
        `ece`, the expected calibration error;
        `ece_if_calibrated`, {"mean", "high"}: of a calibrated model with the same margins, in the mean and in 95% of samples;
        `bins`, [{"confidence", "right"}], from doubtful to sure: the mean of sigmoid(margin's size), and an estimate of the share
        that is right (Wilson's interval, pairs taken as independent).

    Source: Naeini, Cooper and Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602; Guo et al. 2017, arXiv:1706.04599

    >>> found = calibration([2.0] * 15 + [-2.0] * 5)  # says 88%, is right in 75%
    >>> round(found["ece"], 3), round(found["bins"][0]["confidence"], 3), found["bins"][0]["right"]["value"]
    (0.131, 0.881, 0.75)
    """
    margins = _some(margins)
    order = np.argsort(np.abs(margins), kind="stable")
    said = _sigmoid(np.abs(margins[order]) / temperature)  # (P,) from doubtful to sure
    was = right(margins[order])  # (P,)
    bins = np.array_split(np.arange(len(margins)), max(1, min(BINS, len(margins) // FEWEST)))
    starts = [part[0] for part in bins]

    def error(outcomes):
        return float(np.abs(np.add.reduceat(outcomes - said, starts)).sum() / len(said))

    rng = np.random.default_rng(seed)
    calibrated = [error(rng.random(len(said)) < said) for _ in range(draws)]
    return {
        "ece": error(was),
        "ece_if_calibrated": {"mean": float(np.mean(calibrated)), "high": float(np.quantile(calibrated, 0.95))},
        "bins": [
            {"confidence": float(said[part].mean()), "right": wilson(float(was[part].sum()), len(part)).to_dict()}
            for part in bins
        ],
    }


def fit_temperature(margins):
    """The temperature T, from 0.02 to 50, for which sigmoid(margin / T) has the lowest log loss on these pairs.

    Above 1 the model is too sure of itself, below 1 not sure enough. The order of responses does not change. Fit it on pairs that
    are measured on nowhere else.

    Source: Guo et al. 2017, arXiv:1706.04599

    >>> round(fit_temperature([1.0] * 3 + [-1.0]), 2)  # right in 3 of 4: log 3 = 1.1 would be the calibrated margin
    0.91
    """
    from scipy.optimize import minimize_scalar

    margins = _some(margins)
    fitted = minimize_scalar(
        lambda log_t: log_loss(margins, np.exp(log_t)), bounds=np.log([0.02, 50]), method="bounded"
    )
    return float(np.exp(fitted.x))


def mcnemar(margins_a, margins_b):
    """McNemar's exact test of two models on the same pairs, of which only those count that one got right and the other wrong.

    Pairs on which a model is undecided (a margin of zero) are left out. Pairs are taken as independent.

    Returns:
        A dict: `only_a`, `only_b`: pairs that only one of them got right; `n`, pairs compared; `n_left_out`; `p`: how often
        two equally good models would differ by as much.

    Raises:
        InputError: if the two lists are not of the same length.

    Source: McNemar 1947, doi:10.1007/BF02295996

    >>> mcnemar([1, 1, 1, 1, 1, 1, -1], [1, -1, -1, -1, -1, -1, -1])
    {'only_a': 5, 'only_b': 0, 'n': 7, 'n_left_out': 0, 'p': 0.0625}
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    if len(margins_a) != len(margins_b):
        raise InputError(
            f"the models have {len(margins_a)} and {len(margins_b)} margins; McNemar's test needs the same pairs"
        )
    a, b = right(margins_a), right(margins_b)
    decided = (a != 0.5) & (b != 0.5)
    a, b = a[decided] == 1, b[decided] == 1
    table = [[int((a & b).sum()), int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
    found = {"only_a": table[0][1], "only_b": table[1][0], "n": int(decided.sum()), "n_left_out": int((~decided).sum())}
    return found | {"p": float(test(table, exact=True).pvalue)}


def pairs_needed(only_a, only_b, n, power=0.8):
    """How many pairs it takes to find a difference like this at the 5% level, with the given power.

    Args:
        only_a, only_b: pairs, of `n`, that only one of the two models got right.

    Returns:
        A whole number of pairs; None where the two are equal, and no number would do.

    Source: Connor 1987, doi:10.2307/2531961

    >>> pairs_needed(15, 10, 100)  # 15% against 10%
    783
    """
    from scipy.stats import norm

    if only_a == only_b:
        return None
    differ, apart = (only_a + only_b) / n, (only_a - only_b) / n
    return int(np.ceil(((norm.isf(0.025) * sqrt(differ) + norm.isf(1 - power) * sqrt(differ - apart**2)) / apart) ** 2))


def agreement(votes):
    """How often two annotators say the same of a pair.

    Args:
        votes: for each pair the verdicts of its annotators, two or more: 1, 2, or 0 for a tie, which is half in agreement
            with either.

    Returns:
        An `Estimate` over pairs, whose n is the number of pairs that two annotators or more have judged.

    >>> agreement([[1, 1, 1], [1, 2, 1], [2, 2]])  # 1, 1/3, 1
    0.778 [0.333, 1.000], n = 3
    """
    shares = []
    for verdicts in votes:
        together = [1 if a == b else (a == 0 or b == 0) / 2 for k, a in enumerate(verdicts) for b in verdicts[:k]]
        if together:
            shares.append(np.mean(together))
    return by_prompt(shares, range(len(shares)))


def ceiling(agreed, annotators):
    """The best accuracy that is possible where the labels are the majority of this many annotators.

    Were every pair equally hard, two annotators, each right with probability p, would agree with probability
    p^2 + (1 - p)^2; that gives p, and p gives how often a majority is right (chapter 1). A model that is always right would agree with
    the labels that often. Real pairs are not equally hard: then annotators are nearly sure of some and guess on others, and the
    true ceiling is lower.

    Args:
        agreed: an `Estimate` of `agreement`.
        annotators: how many vote on a pair, an odd number.

    >>> from rmkit.intervals import Estimate
    >>> ceiling(Estimate(0.68, 0.625, 0.82, 100), annotators=3)  # p is 0.8: p^3 + 3 p^2 (1 - p)
    0.896 [0.844, 0.972], n = 100
    """
    from scipy.stats import binom

    def best(share):
        p = (1 + sqrt(max(0.0, 2 * share - 1))) / 2
        return float(binom.sf(annotators // 2, annotators, p))

    return Estimate(best(agreed.value), best(agreed.low), best(agreed.high), agreed.n)


def _some(margins):
    margins = np.asarray(margins, dtype=float)
    if not len(margins) or not np.isfinite(margins).all():
        raise InputError("margins must be numbers, at least one, and none of them nan or infinite")
    return margins


def _sigmoid(x):
    from scipy.special import expit

    return expit(x)
