"""Goodhart's law on a laptop: best-of-n against all subsets, KL against every sequence of draws, fits against known
curves."""

import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from rmkit.course.toy_world import (
    fit_ensemble,
    fit_proxy,
    gold_reward,
    measure_curve,
    sample_answers,
    sample_preferences,
)
from rmkit.errors import InputError
from rmkit.overoptimization import (
    GoldCurve,
    best_of_n,
    best_of_n_policy,
    exact_kl_best_of_n,
    fit_gold_curve,
    kl_best_of_n,
    share_of_draws,
    uncertainty_weighted,
    worst_case,
)

SIZES = [2**k for k in range(11)]


def over_all_subsets(proxy, gold, n):
    """The definition: draw every subset; of those with the highest proxy reward each is as likely to be picked."""
    picks = []
    for draw in combinations(range(len(proxy)), n):
        highest = max(proxy[i] for i in draw)
        picks.append(np.mean([gold[i] for i in draw if proxy[i] == highest]))
    return np.mean(picks)


# --- best of n


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("tied", [False, True])
def test_best_of_n_is_the_mean_over_all_subsets(seed, tied):
    rng = np.random.default_rng(seed)
    N = int(rng.integers(1, 9))
    proxy = rng.integers(0, 3, N).astype(float) if tied else rng.standard_normal(N)
    gold = rng.standard_normal(N)
    for n in range(1, N + 1):
        assert best_of_n(proxy, gold, n) == pytest.approx(over_all_subsets(proxy, gold, n), abs=1e-12)


def test_best_of_one_is_the_mean_and_best_of_all_is_the_argmax():
    rng = np.random.default_rng(0)
    proxy, gold = rng.standard_normal((2, 3, 57))  # 3 prompts with 57 answers each
    assert best_of_n(proxy, gold, 1) == pytest.approx(gold.mean(axis=1), abs=1e-12)
    assert best_of_n(proxy, gold, 57) == pytest.approx(gold[np.arange(3), proxy.argmax(axis=1)], abs=1e-12)


def test_the_proxy_reward_of_the_pick_never_falls_with_n():
    proxy = np.random.default_rng(1).standard_exponential((4, 200))
    curve = best_of_n(proxy, proxy, list(range(1, 201)))
    assert curve.shape == (4, 200)
    assert (np.diff(curve, axis=1) >= -1e-12).all()


@pytest.mark.parametrize("N, n", [(2048, 1024), (4096, 37), (10_000, 5_000), (10_000, 1), (10_000, 10_000)])
def test_shares_are_those_of_exact_fractions_in_pools_of_thousands(N, n):
    share = share_of_draws(N, n)
    assert len(share) == N + 1
    for m in {0, 1, n - 1, n, (n + N) // 2, N - 3, N - 1, N}:
        assert share[m] == pytest.approx(float(Fraction(math.comb(m, n), math.comb(N, n))), rel=1e-9, abs=1e-300)


def test_a_large_pool_has_the_expected_maximum_of_n_normals():
    rng = np.random.default_rng(2)
    pool = rng.standard_normal((100, 4096))
    for n in (2, 16, 256):
        expected, _ = quad(lambda x, n=n: x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), -10, 10)
        assert best_of_n(pool, pool, n).mean() == pytest.approx(expected, abs=0.03)


def test_order_of_the_answers_and_monotone_changes_of_the_proxy_do_not_matter():
    rng = np.random.default_rng(3)
    proxy, gold = rng.integers(0, 9, 30) / 10, rng.standard_normal(30)
    order = rng.permutation(30)
    want = best_of_n(proxy, gold, [1, 4, 11])
    assert best_of_n(proxy[order], gold[order], [1, 4, 11]) == pytest.approx(want, abs=1e-12)
    assert best_of_n(np.exp(5 * proxy), gold, [1, 4, 11]) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize(
    "proxy, gold, n, word",
    [
        ([1.0, 2.0], [1.0], 1, "same shape"),
        ([[[1.0]]], [[[1.0]]], 1, "same shape"),
        ([1.0, math.nan], [1.0, 2.0], 1, "nan"),
        ([1.0, 2.0], [1.0, math.inf], 1, "inf"),
        ([1.0, 2.0], [1.0, 2.0], 3, "N = 2"),
        ([1.0, 2.0], [1.0, 2.0], 0, "from 1"),
        ([1.0, 2.0], [1.0, 2.0], [1, 1.5], "n is 1.5"),
        ([1.0, 2.0], [1.0, 2.0], math.nan, "n is nan"),
    ],
)
def test_best_of_n_refuses_what_cannot_work(proxy, gold, n, word):
    with pytest.raises(InputError, match=word):
        best_of_n(proxy, gold, n)


# --- KL


def over_all_sequences(p, rewards, n):
    """The definition: every sequence of n draws, with its probability; the first of the highest wins."""
    q = np.zeros(len(p))
    for draw in product(range(len(p)), repeat=n):
        q[max(draw, key=lambda i: rewards[i])] += math.prod(p[i] for i in draw)
    return q


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tied", [False, True])
def test_the_policy_of_best_of_n_is_that_of_all_sequences(seed, tied):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4))
    rewards = rng.integers(0, 3, 4) if tied else rng.standard_normal(4)
    for n in (1, 2, 3, 5):
        q = over_all_sequences(p, rewards, n)
        assert best_of_n_policy(p, rewards, n) == pytest.approx(q, abs=1e-12)
        assert exact_kl_best_of_n(p, rewards, n) == pytest.approx((q * np.log(q / p)).sum(), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_formula_is_never_below_the_exact_divergence(seed):
    rng = np.random.default_rng(seed)
    M = int(rng.integers(1, 40))
    p = rng.dirichlet(np.full(M, 0.5)) + 1e-9
    rewards = rng.integers(0, 2 * M, M)
    for n in (1, 2, 7, 100, 10_000):
        exact = exact_kl_best_of_n(p / p.sum(), rewards, n)
        assert -1e-12 <= exact <= kl_best_of_n(n) + 1e-9


def test_the_formula_is_the_limit_of_many_improbable_answers():
    gaps = []
    for M in (10, 100, 1_000, 10_000):
        exact = exact_kl_best_of_n(np.full(M, 1 / M), np.arange(M), 8)
        gaps.append(kl_best_of_n(8) - exact)
    assert gaps == sorted(gaps, reverse=True) and 0 < gaps[-1] < 1e-3 < gaps[0]


def test_the_formula_is_the_integral_for_a_continuous_reward():
    for n in (2, 5, 64):  # the pick's quantile u has the density n u^(n-1), the base policy's is 1
        integral, _ = quad(lambda u, n=n: n * u ** (n - 1) * math.log(n * u ** (n - 1)) if u else 0, 0, 1)
        assert kl_best_of_n(n) == pytest.approx(integral, abs=1e-6)


def test_equal_rewards_everywhere_select_nothing():
    assert exact_kl_best_of_n([0.2, 0.3, 0.5], [1, 1, 1], 50) == pytest.approx(0, abs=1e-12)


def test_kl_refuses_what_cannot_work():
    with pytest.raises(InputError, match="at least 1"):
        kl_best_of_n([4, 0.5])
    for p, rewards, n, word in [
        ([0.5, 0.5], [1], 2, "same|both"),
        ([0.5, 0.6], [1, 2], 2, "sum to 1"),
        ([1.0, 0.0], [1, 2], 2, "positive"),
        ([0.5, 0.5], [1, 2], 0, "at least 1"),
        ([0.5, 0.5], [1, 2], math.nan, "at least 1"),
        ([], [], 2, "M > 0"),
    ]:
        with pytest.raises(InputError, match=word):
            exact_kl_best_of_n(p, rewards, n)


# --- the fit


@pytest.mark.parametrize("alpha, beta", [(1.5, 0.4), (0.7, -0.1), (2.0, 1.3)])
def test_the_fit_finds_the_curve_it_was_drawn_from(alpha, beta):
    d = np.sqrt(kl_best_of_n(SIZES))
    curve = fit_gold_curve(d, d * (alpha - beta * d))
    assert (curve.alpha, curve.beta) == pytest.approx((alpha, beta), abs=1e-9)


def test_the_fit_is_least_squares():
    rng = np.random.default_rng(4)
    d, gold = rng.random(30) * 3, rng.standard_normal(30)
    best = fit_gold_curve(d, gold)

    def error(alpha, beta):
        return ((d * (alpha - beta * d) - gold) ** 2).sum()

    for da, db in [(1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)]:
        assert error(best.alpha, best.beta) < error(best.alpha + da, best.beta + db)


def test_the_peak_is_where_the_curve_is_highest():
    curve = GoldCurve(1.7, 0.6)
    d = np.linspace(0, 5, 100_001)
    assert curve.peak == pytest.approx(d[curve(d).argmax()], abs=1e-4)
    assert GoldCurve(-1.0, 0.5).peak == 0  # it only falls
    assert GoldCurve(-1.0, 0.0).peak == 0 and GoldCurve(-1.0, -0.2).peak == math.inf  # the second turns upward
    assert GoldCurve(1.0, 0.0).peak == GoldCurve(1.0, -0.2).peak == math.inf


def test_the_fit_refuses_what_cannot_work():
    for d, gold, word in [
        ([1, 2], [1], "shape"),
        ([0, 1], [0, 1], "two different"),
        ([-1, 2], [0, 1], "negative"),
        ([1, math.nan], [0, 1], "finite"),
        ([1, 2], [0, math.inf], "finite"),
    ]:
        with pytest.raises(InputError, match=word):
            fit_gold_curve(d, gold)


# --- the world, its annotators and its proxy


def test_base_policy_has_the_moments_that_its_docstring_says():
    answers = sample_answers((200_000,), np.random.default_rng(5))
    assert answers.mean(axis=0) == pytest.approx([0, 0, 0, 0, 1], abs=0.01)
    assert answers.std(axis=0) == pytest.approx([1, 1, 1, 1, 1], abs=0.02)
    assert (answers[:, 4] > 2.5).mean() == pytest.approx(math.exp(-2.5), abs=0.003)  # 8%


def test_gold_turns_at_the_kink_and_nowhere_without_one():
    lengths = np.zeros((5, 5))
    lengths[:, 4] = [0, 1, 2.5, 3.5, 5]
    assert gold_reward(lengths).tolist() == [0, 1.5, 3.75, 2.25, 0]
    assert gold_reward(lengths, kink=math.inf).tolist() == [0, 1.5, 3.75, 5.25, 7.5]


def test_annotators_prefer_as_often_as_bradley_and_terry_say():
    def always_one_apart(answers):  # pairs of margin +1 or -1 or 0
        return (answers[..., 0] > 0).astype(float)

    chosen, rejected = sample_preferences(always_one_apart, 100_000, np.random.default_rng(6))
    margin = always_one_apart(chosen) - always_one_apart(rejected)
    right = (margin > 0).sum() / (margin != 0).sum()
    assert right == pytest.approx(1 / (1 + math.exp(-1)), abs=0.006)
    chosen, rejected = sample_preferences(always_one_apart, 100_000, np.random.default_rng(6), flipped=1.0)
    margin = always_one_apart(chosen) - always_one_apart(rejected)
    assert (margin < 0).sum() / (margin != 0).sum() == pytest.approx(right)


def test_a_proxy_that_can_see_everything_finds_the_weights():
    rng = np.random.default_rng(7)

    def gold(answers):
        return answers @ np.array([1.0, -0.5, 0.25, 0.0, 0.75])

    weights = fit_proxy(*sample_preferences(gold, 40_000, rng))
    assert weights == pytest.approx([1.0, -0.5, 0.25, 0.0, 0.75], abs=0.06)


def test_turning_all_pairs_round_turns_the_weights_round():
    chosen, rejected = sample_preferences(gold_reward, 500, np.random.default_rng(8))
    assert fit_proxy(rejected, chosen) == pytest.approx(-fit_proxy(chosen, rejected), abs=1e-3)


def test_proxy_refuses_shapes_that_do_not_fit():
    with pytest.raises(InputError, match="shape"):
        fit_proxy(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(InputError, match="n >= 2"):
        fit_proxy(np.ones((1, 2)), np.ones((1, 2)))


def test_annotators_and_ensembles_refuse_what_cannot_work():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="from 0 to 1"):
        sample_preferences(gold_reward, 10, rng, flipped=20)
    with pytest.raises(InputError, match="at least 1"):
        fit_ensemble(*sample_preferences(gold_reward, 10, rng), members=0, rng=rng)


def curves(seed, see=lambda answers: answers, kink=2.5, n=2000):
    """What the chapter does for one seed."""
    rng = np.random.default_rng(seed)

    def gold(answers):
        return gold_reward(answers, kink)

    chosen, rejected = sample_preferences(gold, n, rng)
    weights = fit_proxy(see(chosen), see(rejected))
    return measure_curve(lambda answers: see(answers) @ weights, gold, SIZES, rng)


def test_gold_rises_and_falls_below_its_start_in_ten_seeds_of_ten():
    for seed in range(10):
        proxy, gold = curves(seed)
        assert (np.diff(proxy) > 0).all()
        assert SIZES[gold.argmax()] == 16 and gold.max() > 1 and gold[-1] < 0


def see_kink(answers):
    return np.concatenate([answers, np.maximum(answers[..., 4:] - 2.5, 0)], axis=-1)


@pytest.mark.parametrize("setting", [{"see": see_kink}, {"kink": math.inf}])
def test_gold_goes_on_rising_where_nothing_is_hidden(setting):
    for seed in range(3):
        _, gold = curves(seed, **setting)
        assert (np.diff(gold) > 0).all() and gold[-1] > 3


# --- ensembles


def test_ensemble_rules_by_hand():
    rewards = np.array([[[1.0, 3.0, 5.0]], [[0.0, 0.0, 3.0]]])  # (2, 1, 3): three members
    assert worst_case(rewards).tolist() == [[1.0], [0.0]]
    assert uncertainty_weighted(rewards, 0.0) == pytest.approx(rewards.mean(axis=-1))
    assert uncertainty_weighted(rewards, 0.75) == pytest.approx(np.array([[3 - 0.75 * 8 / 3], [1 - 0.75 * 2]]))


def test_members_differ_more_where_there_is_less_data():
    spread = {}
    for n in (200, 20_000):
        rng = np.random.default_rng(9)
        members = fit_ensemble(*sample_preferences(gold_reward, n, rng), members=5, rng=rng)
        assert members.shape == (5, 5)
        spread[n] = members.std(axis=0).mean()
    assert 0 < 4 * spread[20_000] < spread[200]  # about 1 / sqrt(n): ten times as wide
