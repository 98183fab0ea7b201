"""Every statistic against another library's or a slow loop, and against a judge whose truth is known."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, binomtest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss
from statsmodels.stats.inter_rater import aggregate_raters

from rmkit import measures
from rmkit.errors import InputError
from rmkit.intervals import Estimate, by_prompt

SEEDS = range(20)
REPETITIONS = 1000


def margins_of(seed, n=157):
    return np.random.default_rng(seed).normal(0.4, 1.3, n)


# --- against others


@pytest.mark.parametrize("seed", SEEDS)
def test_log_loss_and_brier_are_sklearns(seed):
    margins = margins_of(seed)
    flipped = np.random.default_rng(seed).random(len(margins)) < 0.5  # the order of the two responses, at random
    first_is_better, says = ~flipped, expit(np.where(flipped, -margins, margins))
    assert measures.log_loss(margins) == pytest.approx(sklearn_log_loss(first_is_better, says), abs=1e-12)
    assert measures.brier(margins) == pytest.approx(brier_score_loss(first_is_better, says), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_reliability_is_sklearns(seed):
    margins = margins_of(seed, n=200)  # ten bins of twenty
    found = measures.calibration(margins)
    right, said = calibration_curve(margins > 0, expit(np.abs(margins)), n_bins=10, strategy="quantile")
    assert [one["confidence"] for one in found["bins"]] == pytest.approx(said, abs=1e-12)
    assert [one["right"]["value"] for one in found["bins"]] == pytest.approx(right, abs=1e-12)
    assert found["ece"] == pytest.approx(np.abs(right - said).mean(), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_temperature_is_a_logistic_regression(seed):
    margins = margins_of(seed)
    both = np.concatenate([margins, -margins])[:, None]  # either order of the responses
    slope = (
        LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
        .fit(both, [1] * len(margins) + [0] * len(margins))
        .coef_
    )
    assert measures.fit_temperature(margins) == pytest.approx(1 / slope.item(), rel=1e-3)


def test_temperature_stays_in_bounds():
    assert measures.fit_temperature([0.5, 0.7, 0.2]) == pytest.approx(0.02, rel=1e-3)  # all right: as sure as can be
    assert measures.fit_temperature([0.5, -0.7]) == pytest.approx(50, rel=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_mcnemar_is_a_binomial_test(seed):
    a, b = margins_of(seed, 60), margins_of(seed + 500, 60)
    found = measures.mcnemar(a, b)
    only_a = sum(x > 0 > y for x, y in zip(a, b, strict=True))
    only_b = sum(y > 0 > x for x, y in zip(a, b, strict=True))
    assert (found["only_a"], found["only_b"], found["n"]) == (only_a, only_b, 60)
    assert found["p"] == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, abs=1e-12)


def test_mcnemar_leaves_the_undecided_out():
    found = measures.mcnemar([1, 0, -1, 2], [-1, 1, 0, 3])
    assert found == {"only_a": 1, "only_b": 0, "n": 2, "n_left_out": 2, "p": 1.0}
    with pytest.raises(InputError, match="3 and 2 margins"):
        measures.mcnemar([1, 1, 1], [1, 1])


def slow_tau(ranks, rewards):
    """tau-b, pair by pair."""
    concordant = tied_ranks = tied_rewards = 0
    pairs = list(itertools.combinations(range(len(ranks)), 2))
    for i, j in pairs:
        x, y = np.sign(ranks[j] - ranks[i]), np.sign(rewards[i] - rewards[j])
        concordant += x * y
        tied_ranks += x == 0
        tied_rewards += y == 0
    scale = math.sqrt((len(pairs) - tied_ranks) * (len(pairs) - tied_rewards))
    return concordant / scale if scale else 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_kendalls_tau_pair_by_pair(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(3, 9))
    ranks, rewards = sorted(rng.integers(0, 4, k).tolist()), rng.integers(0, 5, k).tolist()
    assert measures.kendall_tau(ranks, rewards) == pytest.approx(slow_tau(ranks, rewards), abs=1e-12)
    assert measures.kendall_tau(ranks, [1.0] * k) == 0


def test_nothing_to_count_is_refused():
    with pytest.raises(InputError, match="2 values and 1 prompts"):
        by_prompt([1, 0], ["a"])
    for margins in ([], [0.5, math.nan]):
        for function in (measures.calibration, measures.fit_temperature):
            with pytest.raises(InputError, match="at least one"):
                function(margins)


@pytest.mark.parametrize("seed", SEEDS)
def test_agreement_pair_by_pair(seed):
    votes = np.random.default_rng(seed).integers(1, 3, (30, 5))
    counts, _ = aggregate_raters(votes)  # (30, 2) how many said what
    by_fleiss = ((counts * (counts - 1)).sum(axis=1) / (5 * 4)).mean()  # the observed agreement of Fleiss's kappa
    assert measures.agreement(votes.tolist()).value == pytest.approx(by_fleiss, abs=1e-12)


def test_agreement_with_ties_by_hand():
    found = measures.agreement(
        [[1, 0], [0, 0], [1, 2, 0], [2]]
    )  # 1/2, 1, (0 + 1/2 + 1/2) / 3; one alone agrees with nobody
    assert (found.value, found.n) == (pytest.approx((0.5 + 1 + 1 / 3) / 3), 3)


# --- against a judge whose truth is known


def test_a_calibrated_model_is_found_calibrated():
    rng = np.random.default_rng(0)
    within = []
    for _ in range(REPETITIONS // 4):
        size = np.abs(rng.normal(0, 1.2, 300))
        margins = np.where(rng.random(300) < expit(size), size, -size)
        found = measures.calibration(margins, draws=100)
        within.append(found["ece"] <= found["ece_if_calibrated"]["high"])
    assert 0.90 < np.mean(within) < 0.99  # 95%
    assert abs(found["ece"] - found["ece_if_calibrated"]["mean"]) < 0.05


@pytest.mark.parametrize("factor", [0.3, 3])
def test_a_model_that_is_too_sure_or_not_sure_enough_is_found_and_mended(factor):
    rng = np.random.default_rng(1)
    size = np.abs(rng.normal(0, 1.2, 4000))
    margins = factor * np.where(rng.random(4000) < expit(size), size, -size)
    found = measures.calibration(margins[:2000])
    assert found["ece"] > 2 * found["ece_if_calibrated"]["high"]
    temperature = measures.fit_temperature(margins[2000:])
    assert temperature == pytest.approx(factor, rel=0.12)
    mended = measures.calibration(margins[:2000], temperature)
    assert mended["ece"] < mended["ece_if_calibrated"]["high"]


def test_the_number_of_pairs_that_is_needed_gives_the_power():
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    only_a, only_b = 0.15, 0.09
    n = measures.pairs_needed(15, 9, 100)
    table = rng.multinomial(n, [only_a, only_b, 1 - only_a - only_b], 4000)
    z = (table[:, 0] - table[:, 1]) / np.sqrt(table[:, 0] + table[:, 1])  # McNemar's statistic
    assert np.mean(np.abs(z) > norm.ppf(0.975)) == pytest.approx(0.8, abs=0.025)
    assert measures.pairs_needed(9, 15, 100) == n
    assert measures.pairs_needed(4, 4, 100) is None


@pytest.mark.parametrize("annotators", [3, 5])
def test_the_ceiling_is_found(annotators):
    """Labels by majority, every pair equally hard: agreement alone predicts what a model that is always right gets."""
    rng, p = np.random.default_rng(0), 0.8
    truth = binom.sf(annotators // 2, annotators, p)  # how often the majority is right
    hits, measured = [], []
    for _ in range(200):
        for_the_better = rng.random((400, annotators)) < p
        measured.append((for_the_better.sum(axis=1) > annotators / 2).mean())
        found = measures.ceiling(measures.agreement((1 + for_the_better).tolist()), annotators)
        hits.append(found.low <= truth <= found.high)
    assert np.mean(measured) == pytest.approx(truth, abs=0.005)
    assert 0.90 < np.mean(hits) < 0.99  # 95%


def test_unequal_pairs_have_a_lower_ceiling_than_predicted():
    """What the docstring warns of: half of the pairs are sure, half are a coin's."""
    agreed = Estimate((1 + 0.5) / 2, 0.5, 1, 100)
    assert measures.ceiling(agreed, 3).value > (1 + 0.5) / 2 + 0.1
