"""What happens when a reward is trusted too far: Goodhart's law for best-of-n (chapter 8).

Best-of-n, exactly: what it picks on average, and how far that moves away from the answers it picks from. And what was
proposed against over-optimization: predicting the gold reward from a fitted curve, and pessimistic rules for several
reward models.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln
from scipy.stats import rankdata

from rmkit.errors import InputError

# --- best of n, exactly


def best_of_n(proxy: ArrayLike, gold: ArrayLike, n: int | Sequence[int]) -> np.ndarray | np.floating:
    """What best-of-n picks by `proxy` is worth in `gold`: the exact mean over all choices of n answers from the pool.

    The pick is among the m lowest of the pool if all n drawn ones are, which has the probability C(m, n) / C(N, n). So
    an answer with `below` answers under it and `up_to` not above it is picked with the difference of two such shares;
    answers with equal proxy rewards share it evenly. With logarithms of the binomials, pools of many thousands are no
    problem.

    Args:
        proxy: rewards that pick, shape (N,), or (P, N) for P prompts with a pool each.
        gold: worth of the same answers, the same shape. `best_of_n(proxy, proxy, n)` is the proxy reward of the pick.
        n: how many different answers are drawn, 1 to N; or a list of L such numbers.

    Returns:
        The mean worth of the pick: shape (), or (P,); with a list of n the shape gains a last axis (L,).

    Raises:
        InputError: if the shapes differ, a reward is not a number, or an n is not in 1 to N.

    Source: chapter 5 (exercise 5.5) counts it with whole numbers, chapter 8 (exercise 8.1) for pools of any size.

    >>> float(round(best_of_n([0.5, 0.1, 0.9], [4.0, 0.0, 1.0], n=2), 6))  # draws pick responses 0, 2, 2
    2.0
    >>> best_of_n([[1.0, 1.0, 3.0]], [[0.0, 4.0, 8.0]], n=[1, 2, 3]).round(3).tolist()
    [[4.0, 6.0, 8.0]]
    """
    proxy, gold = np.asarray(proxy, dtype=float), np.asarray(gold, dtype=float)
    if proxy.ndim not in (1, 2) or proxy.shape != gold.shape:
        raise InputError(f"proxy and gold must have the same shape, (N,) or (P, N), got {proxy.shape} and {gold.shape}")
    if not (np.isfinite(proxy).all() and np.isfinite(gold).all()):
        raise InputError("proxy and gold must be finite, and one of them holds nan or inf; leave that answer out")
    N = proxy.shape[-1]
    sizes = np.atleast_1d(n)
    for size in sizes:
        if not 1 <= size <= N or size != int(size):
            raise InputError(f"n is {size}; best-of-n draws a whole number of answers from 1 to N = {N}, the pool")
    below = rankdata(proxy, method="min", axis=-1).astype(int) - 1  # (P, N)
    up_to = rankdata(proxy, method="max", axis=-1).astype(int)  # (P, N)
    worth = []
    for size in sizes:
        share = share_of_draws(N, int(size))  # (N + 1,)
        picked = (share[up_to] - share[below]) / (up_to - below)  # (P, N), sums to 1
        worth.append((picked * gold).sum(axis=-1))  # (P,)
    return worth[0] if np.ndim(n) == 0 else np.stack(worth, axis=-1)


def share_of_draws(N: int, n: int) -> np.ndarray:
    """C(m, n) / C(N, n) for m = 0 to N: in which share of all draws of n from N all drawn ones are among m given ones.

    >>> share_of_draws(4, 2).round(3).tolist()  # of 6 draws: 0, 0, 1, 3, 6
    [0.0, 0.0, 0.167, 0.5, 1.0]
    """
    m = np.arange(n, N + 1)
    log_share = log_binomial(m, n) - log_binomial(N, n)
    return np.concatenate([np.zeros(n), np.exp(log_share)])


def log_binomial(m: ArrayLike, n: ArrayLike) -> np.ndarray:
    """log C(m, n), for numbers whose binomial no float can hold.

    >>> round(float(np.exp(log_binomial(4, 2))), 6), round(float(log_binomial(2048, 1024)))
    (6.0, 1416)
    """
    return gammaln(m + 1) - gammaln(n + 1) - gammaln(m - n + 1)


# --- how far best-of-n moves away from the base policy


def kl_best_of_n(n: ArrayLike) -> Any:
    """log n - (n - 1) / n, in nats: how far best-of-n moves away from the base policy, at most.

    It is exact if no two answers ever have the same reward and every single answer is improbable; else it is an upper
    bound.

    Args:
        n: candidates, 1 or more; a number or an array.

    Raises:
        InputError: if an n is below 1.

    Source: Gao, Schulman and Hilton 2022, arXiv:2210.10760, use it; that it is a bound: Beirami et al. 2024,
    arXiv:2401.01879.

    >>> kl_best_of_n([1, 2, 4, 16, 1000]).round(3).tolist()
    [0.0, 0.193, 0.636, 1.835, 5.909]
    """
    n = np.asarray(n, dtype=float)
    if not (n >= 1).all():
        raise InputError(f"n is {n.min():g}; best-of-n needs at least 1 candidate")
    return np.log(n) - (n - 1) / n


def best_of_n_policy(probabilities: ArrayLike, rewards: ArrayLike, n: int) -> np.ndarray:
    """With which probability best-of-n returns each of M answers, when n are drawn one by one from a base policy.

    The pick's reward is at most v if all n are, which has the probability F(v) ** n, where F(v) is the base policy's
    chance of a reward of at most v. Answers with equal rewards share in proportion to their probabilities, as if the
    first one drawn won.

    Args:
        probabilities: of the M answers under the base policy, shape (M,), all positive; they sum to 1.
        rewards: by which is picked, shape (M,).
        n: how many are drawn; the same answer may come twice.

    Returns:
        The probabilities under best-of-n, shape (M,).

    Raises:
        InputError: if these are no probabilities, the shapes differ, or n is below 1.

    >>> best_of_n_policy([0.5, 0.25, 0.25], [1.0, 2.0, 3.0], n=2).tolist()
    [0.25, 0.3125, 0.4375]
    """
    p, rewards = np.asarray(probabilities, dtype=float), np.asarray(rewards, dtype=float)
    if p.ndim != 1 or p.shape != rewards.shape or not p.size:
        raise InputError(
            f"probabilities and rewards must both have shape (M,), M > 0; got {p.shape} and {rewards.shape}"
        )
    if not (p > 0).all() or not math.isclose(p.sum(), 1, abs_tol=1e-6):
        raise InputError(f"probabilities must be positive and sum to 1; the lowest is {p.min():g}, the sum {p.sum():g}")
    if not n >= 1:
        raise InputError(f"n is {n}; best-of-n needs at least 1 candidate")
    _, group = np.unique(rewards, return_inverse=True)  # (M,) equal rewards, one number; the lowest is 0
    mass = np.bincount(group, weights=p)  # (V,) probability of each different reward
    up_to = np.minimum(mass.cumsum(), 1.0)  # (V,) F(v)
    below = np.concatenate([[0.0], up_to[:-1]])  # (V,)
    won = up_to**n - below**n  # (V,)
    return p / mass[group] * won[group]


def exact_kl_best_of_n(probabilities: ArrayLike, rewards: ArrayLike, n: int) -> float:
    """The KL divergence of best-of-n from a base policy over M answers, exactly, in nats; never above
    `kl_best_of_n(n)`.

    Args, errors: those of `best_of_n_policy`.

    >>> round(float(exact_kl_best_of_n([0.5, 0.5], [0.0, 1.0], n=2)), 4), round(float(kl_best_of_n(2)), 4)
    (0.1308, 0.1931)
    """
    p = np.asarray(probabilities, dtype=float)
    q = best_of_n_policy(p, rewards, n)  # (M,)
    some = q > 0  # 0 log 0 is 0
    return (q[some] * np.log(q[some] / p[some])).sum()


# --- a curve through the gold rewards


@dataclass(frozen=True)
class GoldCurve:
    """gold = d (alpha - beta d): `alpha` is how fast the gold reward rises at first, `beta` how fast the trust is used
    up.

    >>> curve = GoldCurve(alpha=2.0, beta=0.5)
    >>> curve.peak, curve(curve.peak), curve(4.0)
    (2.0, 2.0, 0.0)
    """

    alpha: float
    beta: float

    def __call__(self, d):
        """The gold reward at distance `d`, a number or an array."""
        return d * (self.alpha - self.beta * d)

    @property
    def peak(self) -> float:
        """The distance with the highest gold reward, alpha / (2 beta); infinite if the curve never turns, 0 if it only
        falls."""
        if self.beta > 0:
            return max(0.0, self.alpha / (2 * self.beta))
        return 0.0 if self.beta == 0 and self.alpha < 0 else math.inf


def fit_gold_curve(d: ArrayLike, gold: ArrayLike) -> GoldCurve:
    """Fit gold = d (alpha - beta d) by least squares.

    Args:
        d: square roots of the KL divergence, shape (L,); at least two of them different and above 0.
        gold: gold rewards there, as gains over the base policy (so that d = 0 has 0), shape (L,).

    Returns:
        A `GoldCurve`.

    Raises:
        InputError: if the shapes do not fit or two different distances are missing.

    Source: Gao, Schulman and Hilton 2022, arXiv:2210.10760, for best-of-n.

    >>> curve = fit_gold_curve([0.0, 1.0, 2.0], [0.0, 1.5, 2.0])
    >>> round(curve.alpha, 6), round(curve.beta, 6)
    (2.0, 0.5)
    """
    d, gold = np.asarray(d, dtype=float), np.asarray(gold, dtype=float)
    if d.ndim != 1 or d.shape != gold.shape:
        raise InputError(f"d and gold must both have shape (L,), got {d.shape} and {gold.shape}")
    if not (np.isfinite(d).all() and np.isfinite(gold).all()):
        raise InputError("d and gold must be finite, and one of them holds nan or inf; leave that point out")
    if (d < 0).any() or len(set(d[d > 0])) < 2:
        raise InputError("d must hold no negative distance, and at least two different ones above 0 to fit two numbers")
    (alpha, beta), *_ = np.linalg.lstsq(np.stack([d, -(d**2)], axis=1), gold, rcond=None)
    return GoldCurve(float(alpha), float(beta))


# --- several reward models


def worst_case(rewards: ArrayLike) -> np.ndarray:
    """The lowest reward that any member gives: an answer must please all of them.

    Args:
        rewards: shape (..., M), of M members that share a zero: a reward's level is free (chapter 5), so subtract from
            each member its mean over a prompt's answers first.

    Returns:
        Shape (...).

    Source: Coste et al. 2023, arXiv:2310.02743 (worst-case optimization).

    >>> worst_case(np.array([[1.0, 2.0, 0.5], [3.0, -1.0, 4.0]])).tolist()
    [0.5, -1.0]
    """
    return np.min(rewards, axis=-1)


def uncertainty_weighted(rewards: ArrayLike, penalty: float) -> np.ndarray:
    """The members' mean, less `penalty` times their variance: disagreement costs.

    Args:
        rewards: shape (..., M), of M members that share a zero, as for `worst_case`.
        penalty: lambda, 0 or more; 0 is the plain mean.

    Returns:
        Shape (...).

    Source: Coste et al. 2023, arXiv:2310.02743 (uncertainty-weighted optimization).

    >>> uncertainty_weighted(np.array([[1.0, 3.0], [2.0, 2.0]]), penalty=0.5).tolist()
    [1.5, 2.0]
    """
    return np.mean(rewards, axis=-1) - penalty * np.var(rewards, axis=-1)
