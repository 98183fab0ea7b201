"""Right and wrong answers to the exercises of chapter 8."""

import math
import random
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import torch
from scipy.integrate import quad
from scipy.optimize import curve_fit
from scipy.special import comb, logsumexp
from scipy.stats import norm

from rmkit.course.exercises.goodhart import (
    check_best_of_large_pool,
    check_exact_kl,
    check_expected_max,
    check_fit_and_peak,
    check_pessimistic_rewards,
    solution_best_of_large_pool,
    solution_exact_kl,
    solution_expected_max,
    solution_fit_and_peak,
    solution_pessimistic_rewards,
)

# 8.1 Best of n in a large pool


def by_ratios(proxy, gold, n):
    """From the highest down, each share from the last one."""
    N = len(proxy)
    order = sorted(range(N), key=lambda i: proxy[i], reverse=True)
    total, share = 0.0, n / N
    for place, i in enumerate(order):
        total += share * gold[i]
        behind = N - 1 - place
        if behind:
            share *= max(behind - n + 1, 0) / behind
    return total


def by_whole_numbers(proxy, gold, n):
    """Python divides whole numbers of any size."""
    N = len(proxy)
    order = sorted(range(N), key=lambda i: proxy[i])
    whole = math.comb(N, n)
    return sum(math.comb(place, n - 1) / whole * gold[i] for place, i in enumerate(order))


def by_lgamma(proxy, gold, n):
    def log_comb(a, b):
        return math.lgamma(a + 1) - math.lgamma(b + 1) - math.lgamma(a - b + 1)

    N = len(proxy)
    ranked = torch.tensor(gold)[torch.tensor(proxy).argsort()]
    return sum(math.exp(log_comb(i, n - 1) - log_comb(N, n)) * ranked[i] for i in range(n - 1, N))


def chapter_5(proxy, gold, n):
    K = len(proxy)
    order = sorted(range(K), key=lambda i: proxy[i], reverse=True)
    picked = [math.comb(K - 1 - place, n - 1) for place in range(K)]
    return sum(times * gold[i] for times, i in zip(picked, order, strict=True)) / math.comb(K, n)


def with_float_binomials(proxy, gold, n):
    N = len(proxy)
    ranked = np.array(gold)[np.argsort(proxy)]
    with np.errstate(all="ignore"):
        return float(np.sum(comb(np.arange(N), n - 1) * ranked / comb(N, n)))


def from_below(proxy, gold, n):
    """Shares from the lowest possible pick upwards: the first one is 1 / C(N, n), which is 0 in a large pool."""
    N = len(proxy)
    ranked = np.array(gold)[np.argsort(proxy)]
    share, total = float(Fraction(1, math.comb(N, n))), 0.0
    for i in range(n - 1, N):
        total += share * ranked[i]
        share *= (i + 1) / (i + 1 - n + 1)
    return total


def over_draws(value):
    """The mean over all draws in a small pool; in a large one the right answer."""

    def function(proxy, gold, n):
        if len(proxy) > 10:
            return by_ratios(proxy, gold, n)
        draws = list(combinations(range(len(proxy)), n))
        return sum(value(draw, proxy, gold) for draw in draws) / len(draws)

    return function


def winner(draw, proxy):
    return max(draw, key=lambda i: proxy[i])


def sampled_when_large(proxy, gold, n):
    if len(proxy) < 10:
        return by_ratios(proxy, gold, n)
    draw = random.Random(0).sample
    return sum(gold[winner(draw(range(len(proxy)), n), proxy)] for _ in range(100)) / 100


def ranked(proxy, gold):
    return [gold[i] for i in sorted(range(len(proxy)), key=lambda i: proxy[i])]


def put_back(proxy, gold, n):
    N = len(proxy)
    return sum(g * (((i + 1) / N) ** n - (i / N) ** n) for i, g in enumerate(ranked(proxy, gold)))


RIGHT_POOLS = [solution_best_of_large_pool, by_ratios, by_whole_numbers, by_lgamma]
WRONG_POOLS = {
    "chapter 5": (chapter_5, "no float holds them"),
    "float binomials": (with_float_binomials, "inf / inf"),
    "from below": (from_below, "Begin at the answer"),
    "sampled": (sampled_when_large, "small pools are right"),
    "proxy": (over_draws(lambda draw, p, g: p[winner(draw, p)]), "mean *proxy* reward"),
    "lowest": (over_draws(lambda draw, p, g: g[min(draw, key=lambda i: p[i])]), "the lowest proxy"),
    "by gold": (over_draws(lambda draw, p, g: max(g[i] for i in draw)), "nobody knows"),
    "put back": (put_back, "drawn several times"),
    "unsorted": (
        lambda p, g, n: sum(math.comb(i, n - 1) * g[i] for i in range(len(p))) / math.comb(len(p), n),
        "sort first",
    ),
    "off by one": (
        lambda p, g, n: sum(math.comb(i + 1, n - 1) * x for i, x in enumerate(ranked(p, g))) / math.comb(len(p), n),
        "do not sum to 1",
    ),
    "whole pool": (lambda p, g, n: ranked(p, g)[-1], "of the whole pool"),
    "mean": (lambda p, g, n: sum(g) / len(g), "as if nobody selected"),
    "mean of n": (lambda p, g, n: sum(ranked(p, g)[-n:]) / n, "mean of the n highest"),
    "logarithm": (lambda p, g, n: math.log(by_ratios(p, g, n)), "take `exp`"),
    "always two": (lambda p, g, n: by_ratios(p, g, 2), "it should be 3.25"),
    "both lists": (lambda p, g, n: [p, g], "one number"),
}

# 8.2 The KL divergence of best-of-n


def policy(p, n):
    up_to = np.minimum(np.cumsum(p), 1.0)
    return up_to**n - np.concatenate([[0.0], up_to[:-1]]) ** n


def kl_with_numpy(p, n):
    p, q = np.array(p), policy(p, n)
    with np.errstate(all="ignore"):
        return float(np.where(q > 0, q * np.log(q / p), 0).sum())


def kl_with_torch(p, n):
    q = torch.tensor(policy(p, n))
    return torch.special.xlogy(q, q / torch.tensor(p)).sum()


def kl_by_listing(p, n):
    """Every sequence of draws, where they are few."""
    if n > 6:
        return kl_with_numpy(p, n)
    q = [0.0] * len(p)
    for draw in product(range(len(p)), repeat=n):
        q[max(draw)] += math.prod(p[i] for i in draw)
    return sum(b * math.log(b / a) for a, b in zip(p, q, strict=True) if b)


def kl_without_care(p, n):
    p, q = np.array(p), policy(p, n)
    with np.errstate(all="ignore"):
        return float((q * np.log(q / p)).sum())


def kl_between(first, second):
    """sum of first * log(first / second), where the first is positive."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a > 0]
    return sum(a * math.log(a / b) for a, b in pairs) if all(b > 0 for _, b in pairs) else 1e9


RIGHT_KLS = [solution_exact_kl, kl_with_numpy, kl_with_torch, kl_by_listing]
WRONG_KLS = {
    "formula": (lambda p, n: math.log(n) - (n - 1) / n, "upper bound"),
    "bits": (lambda p, n: kl_with_numpy(p, n) / math.log(2), "in bits"),
    "wrong way": (lambda p, n: kl_between(p, policy(p, n)), "wrong way round"),
    "lowest wins": (lambda p, n: kl_with_numpy(p[::-1], n), "*lowest*"),
    "sign": (lambda p, n: -kl_with_numpy(p, n), "sign is wrong"),
    "no weights": (
        lambda p, n: sum(math.log(b / a) for a, b in zip(p, policy(p, n), strict=True) if b > 0),
        "without weighing",
    ),
    "weighed with p": (
        lambda p, n: sum(a * math.log(b / a) for a, b in zip(p, policy(p, n), strict=True) if b > 0),
        "weigh with the base policy",
    ),
    "at most": (
        lambda p, n: kl_between(np.cumsum(p) ** n / sum(np.cumsum(p) ** n), p),
        "*at most* v",
    ),
    "all the same": (
        lambda p, n: kl_between(np.array(p) ** n / sum(np.array(p) ** n), p),
        "*all* draws",
    ),
    "root": (lambda p, n: math.sqrt(max(kl_with_numpy(p, n), 0.0)), "the square root"),
    "entropy": (lambda p, n: -sum(b * math.log(b) for b in policy(p, n) if b > 0), "entropy"),
    "differences": (lambda p, n: sum(abs(a - b) for a, b in zip(p, policy(p, n), strict=True)), "sum of differences"),
    "zero times infinity": (kl_without_care, "0 times log 0"),
    "policy": (lambda p, n: policy(p, n).tolist(), "the divergence in nats, got a list"),
    "constant": (lambda p, n: 0.7, "it should be 0.1308"),
}

# 8.3 The highest of n normal numbers


def max_on_a_grid(n):
    x = np.linspace(-10, 10, 20_001)
    return np.trapezoid(x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), x)


def max_simulated(n):
    return np.random.default_rng(0).standard_normal((20_000, n)).max(axis=1).mean()


def max_in_logs(n):
    x = torch.linspace(-9, 9, 9001, dtype=torch.float64)
    log_density = torch.tensor(math.log(n) + norm.logpdf(x) + (n - 1) * norm.logcdf(x))
    weights = torch.exp(log_density - logsumexp(log_density.numpy()))
    return (weights * x).sum()


def integral(function, low=-12):
    return lambda n: quad(lambda x: function(x, n), low, 12)[0]


RIGHT_MAXIMA = [solution_expected_max, max_on_a_grid, max_simulated, max_in_logs]
WRONG_MAXIMA = {
    "bound": (lambda n: math.sqrt(2 * math.log(n)), "an upper bound"),
    "lowest": (integral(lambda x, n: -x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1)), "lowest of n"),
    "no factor": (integral(lambda x, n: x * norm.pdf(x) * norm.cdf(x) ** (n - 1)), "factor n"),
    "median": (lambda n: norm.ppf(0.5 ** (1 / n)), "*median*"),
    "quantile": (lambda n: norm.ppf(n / (n + 1)), "an approximation"),
    "half": (integral(lambda x, n: x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), 0), "integrate from 0"),
    "absolute": (
        integral(lambda x, n: x * n * 2 * norm.pdf(x) * (2 * norm.cdf(x) - 1) ** (n - 1), 0),
        "absolute values",
    ),
    "power": (integral(lambda x, n: n * x * norm.pdf(x) * norm.cdf(x) ** n), "the power is n - 1"),
    "average": (lambda n: 0.0, "average all numbers"),
    "few draws": (lambda n: max_simulated(n) + 0.1, "too little?"),
    "log": (lambda n: 5 * math.log(n), "it should be 0.56419, got 3.46574"),
    "many": (lambda n: np.random.default_rng(0).standard_normal((5, n)).max(axis=1), "the mean of the highest, got"),
}

# 8.4 The gold curve


def fit_with_scipy(d, gold):
    (alpha, beta), _ = curve_fit(lambda x, a, b: x * (a - b * x), np.array(d), np.array(gold), p0=(1.0, 1.0))
    return alpha, beta, alpha / (2 * beta) if beta > 0 else math.inf


def fit_by_normal_equations(d, gold):
    s2, s3, s4 = (sum(x**k for x in d) for k in (2, 3, 4))
    t1, t2 = sum(x * y for x, y in zip(d, gold, strict=True)), sum(x * x * y for x, y in zip(d, gold, strict=True))
    beta = (s3 * t1 - s2 * t2) / (s2 * s4 - s3 * s3)
    alpha = (t1 + beta * s3) / s2
    return [torch.tensor(alpha), torch.tensor(beta), alpha / (2 * beta) if beta > 0 else float("inf")]


def fitted(change):
    """The right numbers, changed."""

    def function(d, gold):
        return change(*solution_fit_and_peak(d, gold), d, gold)

    return function


def fit_columns(*make):
    """A fit with other columns."""

    def function(d, gold):
        d = np.array(d)
        return np.linalg.lstsq(np.stack([column(d) for column in make], axis=1), np.array(gold), rcond=None)[0]

    return function


def fit_a_constant(d, gold):
    _, a, b = fit_columns(np.ones_like, lambda d: d, lambda d: d**2)(d, gold)
    return a, -b, -a / (2 * b)


def fit_in_kl(d, gold):
    a, b = fit_columns(lambda d: d**2, lambda d: -(d**4))(d, gold)
    return a, b, a / (2 * b)


def fit_the_ratio(d, gold):
    d, gold = np.array(d[1:]), np.array(gold[1:])
    slope, start = np.polyfit(d, gold / d, 1)
    return start, -slope, -start / (2 * slope) if slope < 0 else math.inf


def fit_the_ratio_everywhere(d, gold):
    with np.errstate(all="ignore"):
        ratio = np.array(gold) / np.array(d)
    return ratio.mean(), 0.0, 0.0


def fit_rl(d, gold):
    a, b = fit_columns(lambda d: d, lambda d: -d * np.log(np.where(d > 0, d, 1)))(d, gold)
    return a, b, math.exp(a / b - 1)


RIGHT_FITS = [solution_fit_and_peak, fit_with_scipy, fit_by_normal_equations]
WRONG_FITS = {
    "sign": (fitted(lambda a, b, peak, d, g: (a, -b, peak)), "wrong sign"),
    "order": (fitted(lambda a, b, peak, d, g: (b, a, peak)), "wrong way round"),
    "in kl": (fit_in_kl, "its root"),
    "constant": (fit_a_constant, "the curve starts at 0"),
    "ratio": (fit_the_ratio, "gold / d"),
    "divided by 0": (fit_the_ratio_everywhere, "is something divided by d"),
    "for RL": (fit_rl, "reinforcement learning"),
    "zero": (fitted(lambda a, b, peak, d, g: (a, b, a / b)), "back at 0"),
    "height": (fitted(lambda a, b, peak, d, g: (a, b, a * a / (4 * b))), "*height*"),
    "measured": (fitted(lambda a, b, peak, d, g: (a, b, d[int(np.argmax(g))])), "points measured"),
    "never turns": (fitted(lambda a, b, peak, d, g: (a, b, a / (2 * b))), "never turns"),
    "two numbers": (fitted(lambda a, b, peak, d, g: (a, b)), "three numbers"),
    "upside down": (fitted(lambda a, b, peak, d, g: (a, b, 2 * b / a)), "upside down"),
    "slope only": (fitted(lambda a, b, peak, d, g: (g[1] / d[1], b, peak)), "got 1.5000, 0.5000"),
}

# 8.5 A pessimistic ensemble


def pessimistic_by_hand(rewards, penalty):
    rows = [[reward - sum(row) / len(row) for reward in row] for row in rewards]
    scores = []
    for column in zip(*rows, strict=True):
        mean = sum(column) / len(column)
        scores.append(mean - penalty * sum((reward - mean) ** 2 for reward in column) / len(column))
    return scores


def pessimistic_with_torch(rewards, penalty):
    rows = torch.tensor(rewards)
    rows = rows - rows.mean(dim=1, keepdim=True)
    return rows.mean(dim=0) - penalty * rows.var(dim=0, unbiased=False)


def on_centered(rule):
    def function(rewards, penalty):
        rows = np.array(rewards)
        return rule(rows - rows.mean(axis=1, keepdims=True), penalty)

    return function


def on_raw(rule):
    return lambda rewards, penalty: rule(np.array(rewards), penalty)


def centered_afterwards(rewards, penalty):
    rows = np.array(rewards)
    scores = rows.mean(axis=0) - penalty * rows.var(axis=0)
    return scores - scores.mean()


def scaled_too(rows, penalty):
    rows = rows / rows.std(axis=1, keepdims=True)
    return rows.mean(axis=0) - penalty * rows.var(axis=0)


RIGHT_PESSIMISM = [solution_pessimistic_rewards, pessimistic_by_hand, pessimistic_with_torch]
WRONG_PESSIMISM = {
    "not centered": (on_raw(lambda r, p: r.mean(axis=0) - p * r.var(axis=0)), "center each member first"),
    "mean": (on_centered(lambda r, p: r.mean(axis=0)), "costs nothing yet"),
    "plus": (on_centered(lambda r, p: r.mean(axis=0) + p * r.var(axis=0)), "you *add* the variance"),
    "deviation": (on_centered(lambda r, p: r.mean(axis=0) - p * r.std(axis=0)), "standard deviation"),
    "sample variance": (on_centered(lambda r, p: r.mean(axis=0) - p * r.var(axis=0, ddof=1)), "not by M - 1"),
    "answers centered": (
        on_raw(lambda r, p: (r - r.mean(axis=0)).mean(axis=0) - p * (r - r.mean(axis=0)).var(axis=0)),
        "you subtract each *answer's*",
    ),
    "scaled": (on_centered(scaled_too), "only shift"),
    "worst case": (on_centered(lambda r, p: r.min(axis=0)), "the lowest member"),
    "variance over answers": (
        on_centered(lambda r, p: r.mean(axis=0) - p * r.mean(axis=0).var()),
        "over the *answers*",
    ),
    "mean not centered": (
        on_raw(lambda r, p: r.mean(axis=0) - p * (r - r.mean(axis=1, keepdims=True)).var(axis=0)),
        "mean before centering",
    ),
    "centered afterwards": (centered_afterwards, "you center the result"),
    "by member": (
        on_raw(lambda r, p: r.mean(axis=1)[:1]),
        "one for each answer, got 1",
    ),
    "the pick": (lambda r, p: int(np.argmax(pessimistic_by_hand(r, p))), "got an int"),
    "highest": (on_centered(lambda r, p: r.max(axis=0)), "it should be [-3.625, 1.375], got"),
}

EXERCISES = {
    "best_of_large_pool": (check_best_of_large_pool, RIGHT_POOLS, WRONG_POOLS),
    "exact_kl": (check_exact_kl, RIGHT_KLS, WRONG_KLS),
    "expected_max": (check_expected_max, RIGHT_MAXIMA, WRONG_MAXIMA),
    "fit_and_peak": (check_fit_and_peak, RIGHT_FITS, WRONG_FITS),
    "pessimistic_rewards": (check_pessimistic_rewards, RIGHT_PESSIMISM, WRONG_PESSIMISM),
}
