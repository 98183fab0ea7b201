"""Intervals against published figures, other libraries and a brute-force bootstrap, and how often they cover."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from rmkit.intervals import Estimate, by_prompt, wilson

SEEDS = range(20)
REPETITIONS = 1000


@pytest.mark.parametrize(
    "successes, n, low, high",
    [
        (10, 10, 72.2, 100),
        (7, 10, 39.7, 89.2),
        (70, 100, 60.4, 78.1),
        (700, 1000, 67.1, 72.8),
        (1400, 2000, 68.0, 72.0),
    ],
)
def test_wilson_against_known_figures(successes, n, low, high):
    found = wilson(successes, n)
    assert (round(100 * found.low, 1), round(100 * found.high, 1)) == (low, high)


def test_wilson_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    for n in (1, 2, 9, 57, 1000):
        for successes in {0, 1, n // 3, n - 1, n}:
            expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
            found = wilson(successes, n)
            assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-7)  # z is rounded to 7 digits
            assert 0 <= found.low <= found.value <= found.high <= 1


def test_wilson_counts_halves_and_is_symmetric():
    assert wilson(2, 9).low < wilson(2.5, 9).low < wilson(3, 9).low
    for successes in (0, 0.5, 3, 8.5, 9):
        one, other = wilson(successes, 9), wilson(9 - successes, 9)
        assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


def test_estimates():
    assert wilson(0, 0) == Estimate(None, 0.0, 1.0, 0)
    assert repr(wilson(6, 9)) == "0.667 [0.354, 0.879], n = 9"
    assert repr(wilson(0, 0)) == "unknown [0.000, 1.000], n = 0"
    assert wilson(1, 2).to_dict().keys() == {"value", "low", "high", "n"}


@pytest.mark.parametrize("seed", SEEDS)
def test_wilson_is_the_others(seed):
    n = int(np.random.default_rng(seed).integers(1, 400))
    k = int(np.random.default_rng(seed + 100).integers(0, n + 1))
    found = wilson(k, n)
    theirs = binomtest(k, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
    assert (found.low, found.high) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_by_prompt_is_a_brute_force_bootstrap(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, 60)
    prompts = np.repeat(np.arange(60), sizes)
    values = (rng.random(len(prompts)) < expit(rng.normal(1, 1, 60))[prompts]).astype(float)
    found = by_prompt(values, prompts, resamples=4000)
    level = statistics_level(60)
    means = []
    for _ in range(4000):
        drawn = np.concatenate([values[prompts == p] for p in rng.integers(0, 60, 60)])
        means.append(drawn.mean())
    slow = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    assert found.value == values.mean()
    assert (found.low, found.high) == pytest.approx(slow, abs=0.012)  # two sets of random draws
    shuffled = rng.permutation(len(values))
    again = by_prompt(values[shuffled], prompts[shuffled], resamples=4000)
    assert (again.low, again.high) == pytest.approx((found.low, found.high), abs=1e-12)


def statistics_level(n):
    """Hesterberg's: the quantiles of a t distribution, and the factor that a variance over n - 1 has."""
    from scipy.stats import norm, t

    return 1 - 2 * norm.cdf(-math.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1))


def test_by_prompt_with_nothing_to_resample():
    assert by_prompt([], []) == Estimate(None, 0.0, 1.0, 0)
    same = by_prompt([1.0] * 12, [n // 4 for n in range(12)])  # all right, three prompts
    assert (same.value, same.high, same.n) == (1, 1, 12)
    assert same.low == pytest.approx(wilson(3, 3).low)
    unseen = wilson(0, 1).high
    one = by_prompt([1, 0, 0, 1], ["a"] * 4)
    assert (one.low, one.high) == pytest.approx((0.5 - 0.5 * unseen, 0.5 + 0.5 * unseen))
    unseen = wilson(0, 40).high  # 9%
    equal = by_prompt([0.0] * 40, range(40), span=(-1, 1))  # two models that are right on the same pairs
    assert (equal.value, equal.low, equal.high) == pytest.approx((0, -unseen, unseen))


def test_long_prompts_are_not_copied():
    """An array of texts gives each of them the room of the longest, four bytes a character."""
    prompts = ["?" * 100_000, *map(str, range(99))]
    tracemalloc.start()
    try:
        found = by_prompt([1, 0] * 50, prompts, resamples=50)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.value == 0.5 and peak < 20_000_000, "one array of the 100 prompts takes 40 million bytes"


def test_wilson_covers():
    rng = np.random.default_rng(0)
    for share, n in [(0.6, 50), (0.75, 120), (0.95, 60)]:
        hits = [e.low <= share <= e.high for e in (wilson(int(k), n) for k in rng.binomial(n, share, REPETITIONS))]
        assert 0.92 < np.mean(hits) < 0.985  # 95%; three standard errors are 0.02, and counts come in steps


@pytest.mark.parametrize("n", [12, 40, 150])
def test_by_prompt_covers_where_wilson_does_not(n):
    """Prompts differ in how hard they are, so the six pairs of one share its luck."""
    rng = np.random.default_rng(n)
    truth = expit(rng.normal(0.8, 1.5, 1_000_000)).mean()
    prompts = np.repeat(np.arange(n), 6)
    hits, naive = [], []
    for _ in range(REPETITIONS):
        right = rng.random(6 * n) < expit(rng.normal(0.8, 1.5, n))[prompts]
        found = by_prompt(right, prompts, resamples=400)
        hits.append(found.low <= truth <= found.high)
        plain = wilson(int(right.sum()), len(right))
        naive.append(plain.low <= truth <= plain.high)
    assert 0.925 < np.mean(hits) < 0.975
    assert np.mean(naive) < 0.88
