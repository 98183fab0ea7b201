"""A world whose truth is known: an answer is five numbers, and what it is truly worth, the gold reward, is a formula
(chapter 8).

Here a proxy can be fitted to preferences and then be held against the truth, which no real data allows.
"""

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from rmkit.errors import InputError
from rmkit.overoptimization import best_of_n

KINK = 2.5  # length from which more of it is padding; 8% of the answers are longer


def sample_answers(shape, rng):
    """Draw answers as the base policy (whoever writes them) does: four qualities, normal, and a length, exponential
    with mean 1.

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
    """What an answer is truly worth: half a point for each quality, 1.5 for each unit of length, which after `kink` is
    taken back.

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
    """Show pairs of answers to annotators who prefer as Bradley and Terry say: the better one wins with sigmoid(its
    margin).

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

    The pairwise loss of chapter 3 with a linear head is a logistic regression on differences. It has no intercept,
    because a pair that is turned round must turn the sign of its margin.

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
