"""What happens when a reward is trusted too far: Goodhart's law, measured where the truth is known (chapter 8).

Three parts. A world in which an answer is five numbers and its true worth, the gold reward, is a formula. Best-of-n, exactly:
what it picks on average, and how far that moves away from the answers it picks from. And what was proposed against it:
predicting the gold reward from a fitted curve, and ensembles of reward models.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from rmkit.errors import InputError

KINK = 2.5  # length from which more of it is padding; 8% of the answers are longer

# --- a world whose truth is known


def sample_answers(shape, rng):
    """Draw answers as the base policy (whoever writes them) does: four qualities, normal, and a length, exponential with mean 1.

    Args:
        shape: how many, as a tuple: (N,), or (P, N) for N answers to each of P prompts.
        rng: a numpy Generator.

    Returns:
        Answers, shape (*shape, 5); the length comes last.

    >>> sample_answers((3, 7), np.random.default_rng(0)).shape
    (3, 7, 5)
    """
    return np.concatenate([rng.standard_normal((*shape, 4)), rng.exponential(size=(*shape, 1))], axis=-1)


def gold_reward(answers, kink=KINK):
    """What an answer is truly worth: half a point for each quality, 1.5 for each unit of length, which after `kink` is taken back.

    Args:
        answers: shape (..., 5).
        kink: the length from which more is padding; math.inf makes a world in which longer is always better.

    Returns:
        The gold rewards, shape (...).

    >>> gold_reward(np.array([[1.0, 0, 0, 0, 2.0], [1.0, 0, 0, 0, 4.0]])).tolist()  # 0.5 + 3, and 0.5 + 3.75 - 2.25
    [3.5, 2.0]
    """
    length = answers[..., 4]
    return 0.5 * answers[..., :4].sum(axis=-1) + 1.5 * np.minimum(length, kink) - 1.5 * np.maximum(length - kink, 0)


def sample_preferences(gold, n, rng, flipped=0.0, sample=sample_answers):
    """Show pairs of answers to annotators who prefer as Bradley and Terry say: the better one wins with sigmoid(its margin).

    Args:
        gold: a function from answers (n, 5) to gold rewards (n,).
        n: pairs.
        rng: a numpy Generator.
        flipped: share of the pairs whose outcome is then turned round.
        sample: draws the answers, like `sample_answers`.

    Returns:
        chosen, rejected: answers, shape (n, 5) each.

    Raises:
        InputError: if `flipped` is not a share.

    >>> chosen, rejected = sample_preferences(gold_reward, 1000, np.random.default_rng(0))
    >>> round(float((gold_reward(chosen) > gold_reward(rejected)).mean()), 1)  # annotators are not always right
    0.8
    """
    if not 0 <= flipped <= 1:
        raise InputError(f"flipped is {flipped}; it is the share of pairs to turn round, from 0 to 1")
    first, second = sample((n,), rng), sample((n,), rng)
    margin = gold(first) - gold(second)  # (n,)
    first_wins = rng.random(n) < expit(margin)  # (n,)
    first_wins ^= rng.random(n) < flipped
    first_wins = first_wins[:, None]  # (n, 1)
    return np.where(first_wins, first, second), np.where(first_wins, second, first)


def fit_proxy(chosen, rejected):
    """A reward model that is linear in what it sees: weights w such that sigmoid(w . (chosen - rejected)) fits best.

    The pairwise loss of chapter 3 with a linear head is a logistic regression on differences. It has no intercept, because
    a pair that is turned round must turn the sign of its margin.

    Args:
        chosen: what the model sees of the preferred answers, shape (n, F).
        rejected: of the others, shape (n, F).

    Returns:
        The weights, shape (F,); `answers @ weights` are the rewards.

    Raises:
        InputError: if the shapes do not fit.

    >>> rng = np.random.default_rng(0)
    >>> fit_proxy(*sample_preferences(gold_reward, 5000, rng)).shape
    (5,)
    """
    if np.ndim(chosen) != 2 or np.shape(chosen) != np.shape(rejected) or len(chosen) < 2:
        raise InputError(
            f"chosen and rejected must both have shape (n, F) with n >= 2, got {np.shape(chosen)} and {np.shape(rejected)}"
        )
    sign = np.where(np.arange(len(chosen)) % 2, 1, -1)  # half of the pairs turned round, so that there are two classes
    difference = sign[:, None] * (np.asarray(chosen) - np.asarray(rejected))  # (n, F)
    return LogisticRegression(C=1e4, fit_intercept=False).fit(difference, sign).coef_[0]


# --- best of n, exactly


def best_of_n(proxy, gold, n):
    """What best-of-n picks by `proxy` is worth in `gold`: the exact mean over all choices of n answers from the pool.

    The pick is among the m lowest of the pool if all n drawn ones are, which has the probability C(m, n) / C(N, n). So an
    answer with `below` answers under it and `up_to` not above it is picked with the difference of two such shares; answers
    with equal proxy rewards share it evenly. With logarithms of the binomials, pools of many thousands are no problem.

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


def share_of_draws(N, n):
    """C(m, n) / C(N, n) for m = 0 to N: in which share of all draws of n from N all drawn ones are among m given ones.

    >>> share_of_draws(4, 2).round(3).tolist()  # of 6 draws: 0, 0, 1, 3, 6
    [0.0, 0.0, 0.167, 0.5, 1.0]
    """
    m = np.arange(n, N + 1)
    log_share = log_binomial(m, n) - log_binomial(N, n)
    return np.concatenate([np.zeros(n), np.exp(log_share)])


def log_binomial(m, n):
    """log C(m, n), for numbers whose binomial no float can hold.

    >>> round(float(np.exp(log_binomial(4, 2))), 6), round(float(log_binomial(2048, 1024)))
    (6.0, 1416)
    """
    return gammaln(m + 1) - gammaln(n + 1) - gammaln(m - n + 1)


def measure_curve(score, gold, sizes, rng, sample=sample_answers, prompts=200, pool=2048):
    """Proxy and gold reward of the best of n, for growing n, in units of the base policy's spread.

    Args:
        score: the proxy: a function from answers (..., 5) to rewards (...).
        gold: the same for the truth.
        sizes: the n to try, L numbers.
        rng: a numpy Generator.
        sample: draws answers, like `sample_answers`.
        prompts: how many pools to average over.
        pool: answers in each.

    Returns:
        proxy, gold: shape (L,) each. 0 is a random answer's mean, 1 is one standard deviation above it.

    >>> proxy, gold = measure_curve(gold_reward, gold_reward, [1, 4], np.random.default_rng(0), prompts=20, pool=64)
    >>> bool((proxy == gold).all()), [round(float(abs(x)), 1) for x in proxy]  # who selects by the truth gets the truth
    (True, [0.0, 1.1])
    """
    answers = sample((prompts, pool), rng)  # (P, N, 5)
    proxy, worth = score(answers), gold(answers)  # (P, N) each
    proxy, worth = (proxy - proxy.mean()) / proxy.std(), (worth - worth.mean()) / worth.std()
    return best_of_n(proxy, proxy, sizes).mean(axis=0), best_of_n(proxy, worth, sizes).mean(axis=0)


# --- how far best-of-n moves away from the base policy


def kl_best_of_n(n):
    """log n - (n - 1) / n, in nats: how far best-of-n moves away from the base policy, at most.

    It is exact if no two answers ever have the same reward and every single answer is improbable; else it is an upper bound.

    Args:
        n: candidates, 1 or more; a number or an array.

    Raises:
        InputError: if an n is below 1.

    Source: Gao, Schulman and Hilton 2022, arXiv:2210.10760, use it; that it is a bound: Beirami et al. 2024, arXiv:2401.01879.

    >>> kl_best_of_n([1, 2, 4, 16, 1000]).round(3).tolist()
    [0.0, 0.193, 0.636, 1.835, 5.909]
    """
    n = np.asarray(n, dtype=float)
    if not (n >= 1).all():
        raise InputError(f"n is {n.min():g}; best-of-n needs at least 1 candidate")
    return np.log(n) - (n - 1) / n


def best_of_n_policy(probabilities, rewards, n):
    """With which probability best-of-n returns each of M answers, when n are drawn one by one from a base policy.

    The pick's reward is at most v if all n are, which has the probability F(v) ** n, where F(v) is the base policy's chance of a
    reward of at most v. Answers with equal rewards share in proportion to their probabilities, as if the first one drawn won.

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


def exact_kl_best_of_n(probabilities, rewards, n):
    """The KL divergence of best-of-n from a base policy over M answers, exactly, in nats; never above `kl_best_of_n(n)`.

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
    """gold = d (alpha - beta d): `alpha` is how fast the gold reward rises at first, `beta` how fast the trust is used up.

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
    def peak(self):
        """The distance with the highest gold reward, alpha / (2 beta); infinite if the curve never turns, 0 if it only falls."""
        if self.beta > 0:
            return max(0.0, self.alpha / (2 * self.beta))
        return 0.0 if self.beta == 0 and self.alpha < 0 else math.inf


def fit_gold_curve(d, gold):
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


# --- ensembles


def fit_ensemble(chosen, rejected, members, rng):
    """`members` proxies, each fitted to as many pairs drawn with replacement: they differ by the luck of the data.

    Args:
        chosen, rejected: what the models see, shape (n, F) each.
        members: how many, M.
        rng: a numpy Generator.

    Returns:
        Weights, shape (M, F); `answers @ weights.T` are the rewards, shape (..., M).

    Raises:
        InputError: if there is to be no member, or as `fit_proxy`.

    >>> rng = np.random.default_rng(0)
    >>> fit_ensemble(*sample_preferences(gold_reward, 300, rng), members=4, rng=rng).shape
    (4, 5)
    """
    if members < 1:
        raise InputError(f"members is {members}; an ensemble has at least 1")
    draws = [rng.integers(0, len(chosen), len(chosen)) for _ in range(members)]
    return np.stack([fit_proxy(chosen[draw], rejected[draw]) for draw in draws])


def worst_case(rewards):
    """The lowest reward that any member gives: an answer must please all of them.

    Args:
        rewards: shape (..., M), of M members that share a zero: a reward's level is free (chapter 5), so subtract from each
            member its mean over a prompt's answers first.

    Returns:
        Shape (...).

    Source: Coste et al. 2023, arXiv:2310.02743 (worst-case optimization).

    >>> worst_case(np.array([[1.0, 2.0, 0.5], [3.0, -1.0, 4.0]])).tolist()
    [0.5, -1.0]
    """
    return np.min(rewards, axis=-1)


def uncertainty_weighted(rewards, penalty):
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
