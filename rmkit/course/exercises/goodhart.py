"""Chapter 8, Goodhart's law: best of n in large pools, KL, the highest of n numbers, the gold curve, pessimism."""

import math
from functools import partial

import numpy as np
from scipy.integrate import quad
from scipy.special import gammaln
from scipy.stats import norm

from rmkit.course.exercises import Mistake, call, check, diagnose, either, equal, kind, plain, show
from rmkit.course.exercises.using_rewards import POOLS, readings_of_best_of_n

# 8.1 Best of n in a large pool


def solution_best_of_large_pool(proxy, gold, n):
    """Mean gold reward of what best-of-n picks, from a pool of any size.

    >>> round(float(solution_best_of_large_pool([0.5, 0.1, 0.9], [4.0, 0.0, 1.0], n=2)), 6)
    2.0

    Why logarithms? C(2048, 1024) has more than 600 digits, and a float ends at
    309. The *share* C(i, n-1) / C(N, n) is an ordinary number, though, and so is
    its logarithm, a difference of two ordinary numbers. Only at the very end,
    when nothing is large any more, do we take `exp`.
    """

    def log_binomial(a, b):
        return gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1)

    N = len(proxy)
    by_proxy = np.asarray(gold)[np.argsort(proxy)]  # (N,) the gold rewards, lowest proxy first
    below = np.arange(n - 1, N)  # (N - n + 1,) how many stand below a possible pick
    share = np.exp(log_binomial(below, n - 1) - log_binomial(N, n))  # (N - n + 1,)
    return share @ by_proxy[n - 1 :]


@check
def check_best_of_large_pool(function):
    what = "one number, the mean gold reward of the pick"
    for proxy, gold, n in POOLS:
        got = _as_number(call(function, proxy, gold, n), what)
        _compare_small(got, proxy, gold, n)
    rng = np.random.default_rng(0)
    for N, n in ((1500, 700), (1200, 3)):
        proxy, gold = rng.permutation(N) / N, 3 + rng.standard_normal(N)
        here = f"For a pool of {N} answers and n = {n}"
        try:
            got = _as_number(call(function, proxy.tolist(), gold.tolist(), n), what)
        except Mistake as mistake:
            raise Mistake(_large(str(mistake), here)) from None
        whole = math.comb(N, n)
        shares = [math.comb(i, n - 1) / whole for i in range(N)]  # two whole numbers, which Python divides exactly
        want = float(np.dot(shares, gold[np.argsort(proxy)]))
        if abs(got) < 1e-6:
            raise Mistake(
                f"{here} you return 0: your first share is too small for a float, and what is multiplied on it stays "
                "0. Begin at the answer with the *highest* proxy reward, whose share is n / N, or add logarithms."
            )
        if not math.isclose(got, want, rel_tol=1e-6):
            raise Mistake(
                f"{here} the mean is {want:.6f}, yours is {got:.6f}; small pools are right. Do you sample here, "
                "or round?"
            )
    return "The same as counting, in pools where no binomial fits into a float."


def _large(error, here):
    """What goes wrong with large numbers, in words."""
    if "OverflowError" in error:
        return (
            f"{here} the binomials have hundreds of digits, and no float holds them (OverflowError). Divide the two "
            "whole numbers by each other *before* a float comes in, or work with their logarithms."
        )
    if "got nan" in error or "got inf" in error:
        return f"{here} your binomials are inf, and inf / inf is no number. Subtract their logarithms and take exp of the difference."
    return f"{here}: {error}"


def _compare_small(got, proxy, gold, n):
    N = len(proxy)
    order = sorted(range(N), key=lambda i: proxy[i])  # lowest first
    off_by_one = sum(math.comb(place + 1, n - 1) * gold[i] for place, i in enumerate(order)) / math.comb(N, n)
    readings = readings_of_best_of_n(proxy, gold, n)
    want = readings["right"]
    sentences = {
        "mean reward": "that is the mean *proxy* reward; the proxy picks, gold counts.",
        "worst of n": "you pick the lowest proxy reward: below the pick stand the others, not above it.",
        "picked by quality": "you pick by gold, which nobody knows in advance.",
        "put back": "you let an answer be drawn several times; the n answers are different ones.",
        "not sorted, lowest first": "your formula needs the gold rewards in the order of the *proxy*: sort first.",
        "highest of the pool": "that is the best of the whole pool; only n answers are drawn.",
        "mean of the pool": "that is the mean of the pool, as if nobody selected.",
        "n highest": "that is the mean of the n highest; each draw has one pick.",
        "sum over draws": "that is the sum over all draws; divide by their number.",
    }
    likely = [
        (off_by_one, "your shares do not sum to 1: below the answer on place i, from 0, there are i others."),
        *((readings[name], sentence) for name, sentence in sentences.items()),
        (math.log(want) if want > 0 else -1.0, "that is the logarithm; take `exp` at the end."),
    ]
    _compare_number(got, want, f"For proxy {proxy}, gold {gold} and n = {n}", likely)


# 8.2 The KL divergence of best-of-n


def solution_exact_kl(probabilities, n):
    """KL(best-of-n || base policy) for answers listed from the lowest reward to the highest.

    >>> round(solution_exact_kl([0.5, 0.5], n=2), 4)
    0.1308

    Why is the sum weighted with q and not with p? Because we ask what somebody sees
    who *gets* answers from best-of-n. Where q is 0 nothing is ever seen: such an
    answer adds nothing, although its logarithm is minus infinity.
    """
    divergence, below = 0.0, 0.0
    for p in probabilities:
        up_to = below + p
        q = min(up_to, 1.0) ** n - below**n
        if q > 0:
            divergence += q * math.log(q / p)
        below = up_to
    return divergence


KL_CASES = [
    ([0.5, 0.5], 2),
    ([0.2, 0.5, 0.3], 1),
    ([0.1, 0.6, 0.3], 3),
    ([0.25, 0.25, 0.4, 0.1], 6),
    ([0.05, 0.3, 0.25, 0.4], 2000),
]


@check
def check_exact_kl(function):
    for probabilities, n in KL_CASES:
        here = f"For probabilities {probabilities} and n = {n}"
        result = call(function, probabilities, n)
        if isinstance(plain(result), float) and math.isnan(plain(result)):
            raise Mistake(
                f"{here} you get nan, from 0 times log 0. An answer that best-of-n never returns adds nothing: "
                "leave it out."
            )
        got = _as_number(result, "one number, the divergence in nats")
        _compare_kl(got, probabilities, n, here)
    return "Exact, also where an answer is never picked."


def _policy(probabilities, n):
    up_to = [min(total, 1.0) for total in np.cumsum(probabilities)]
    return [high**n - low**n for low, high in zip([0.0, *up_to[:-1]], up_to, strict=True)]


def _kl(q, p):
    if any(b == 0 and a > 0 for a, b in zip(q, p, strict=True)):
        return math.inf
    return sum(a * math.log(a / b) for a, b in zip(q, p, strict=True) if a > 0)


def _compare_kl(got, p, n, here):
    q = _policy(p, n)
    want = _kl(q, p)
    powers = [x**n for x in np.cumsum(p)]
    at_most = [x / sum(powers) for x in powers]
    single = [(x / max(p)) ** n for x in p]
    single = [x / sum(single) for x in single]
    logs = [math.log(a / b) for a, b in zip(q, p, strict=True) if a > 0]
    _compare_number(
        got,
        want,
        here,
        [
            (
                math.log(n) - (n - 1) / n,
                f"that is log n - (n - 1)/n, which is only an upper bound; the exact value is {want:.4f}.",
            ),
            (want / math.log(2), "that is in bits; use the natural logarithm, as everywhere in this book."),
            (_kl(p, q), "you have the two policies the wrong way round: weigh with best-of-n's probabilities."),
            (_kl(_policy(p[::-1], n)[::-1], p), "you pick the lowest reward: the list starts with the *lowest*."),
            (-want, "the sign is wrong: the logarithm is that of q / p, not of p / q."),
            (sum(logs), "you add the logarithms without weighing them by the probabilities of best-of-n."),
            (
                sum(b * x for b, x in zip(p, logs, strict=False)) if len(logs) == len(p) else math.inf,
                "you weigh with the base policy; weigh with best-of-n's probabilities.",
            ),
            (
                _kl(at_most, p),
                (
                    "F(v) ** n is the chance that the pick is worth *at most* v. For exactly v, subtract what lies "
                    "below it."
                ),
            ),
            (
                _kl(single, p),
                "p ** n is the chance that *all* draws are this answer; the others drawn may be lower ones.",
            ),
            (math.sqrt(max(want, 0.0)), "that is d, the square root; return the divergence itself."),
            (
                sum(abs(a - b) for a, b in zip(q, p, strict=True)),
                "that is the sum of differences; KL uses a logarithm.",
            ),
            (
                -sum(a * math.log(a) for a in q if a > 0),
                "that is the entropy of best-of-n; divide by p inside the log.",
            ),
        ],
    )


# 8.3 The highest of n normal numbers


def solution_expected_max(n):
    """The mean of the highest of n independent standard normal numbers.

    >>> round(solution_expected_max(2), 4), round(solution_expected_max(16), 2)
    (0.5642, 1.77)

    Why the factor n? Any one of the n numbers can be the highest. That a given one
    is, at x, has the density pdf(x), times cdf(x) for each of the n - 1 others,
    which must lie below.
    """
    mean, _ = quad(lambda x: x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), -12, 12)
    return mean


@check
def check_expected_max(function):
    for n in (1, 2, 16, 256):
        got = _as_number(call(function, n), "one number, the mean of the highest")
        _compare_expected_max(got, n)
    return "It grows without end, and ever more slowly."


def _compare_expected_max(got, n):
    want, _ = quad(lambda x: x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), -12, 12)
    right_half, _ = quad(lambda x: x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), 0, 12)
    below, _ = quad(lambda x: x * norm.pdf(x) * norm.cdf(x) ** n, -12, 12)
    absolute, _ = quad(lambda x: x * n * 2 * norm.pdf(x) * (2 * norm.cdf(x) - 1) ** (n - 1), 0, 12)
    if abs(got - want) < 0.02:
        return
    quantile = norm.ppf(n / (n + 1))
    _compare_number(
        got,
        want,
        f"For n = {n}",
        [
            (math.sqrt(2 * math.log(n)), "sqrt(2 log n) is an upper bound; near for huge n only."),
            (-want, "that is the lowest of n, not the highest."),
            (want / n, "any of the n numbers can be the highest: where is the factor n?"),
            (
                norm.ppf(0.5 ** (1 / n)),
                "that is the *median* of the highest. It is skewed, so its mean lies elsewhere.",
            ),
            (
                quantile,
                "that is the quantile n / (n + 1) of one number, an approximation of the mean; compute the mean.",
            ),
            (right_half, "you integrate from 0 on, but for small n the highest is often negative."),
            (absolute, "you take absolute values: the highest number is wanted, not the farthest from 0."),
            (n * below, "the power is n - 1: one number is the highest, and only the n - 1 others must lie below."),
            (0.0, "you average all numbers. Take the highest of each n first, then the mean over repetitions."),
        ],
        near=0.3,
    )


# 8.4 Fit the gold curve, find its peak


def solution_fit_and_peak(d, gold):
    """alpha, beta and the peak of gold = d (alpha - beta d).

    >>> [round(number, 6) for number in solution_fit_and_peak([0.0, 1.0, 2.0], [0.0, 1.5, 2.0])]
    [2.0, 0.5, 2.0]

    Why is this a *linear* fit, although the curve is bent? Because alpha and beta
    enter linearly: gold is alpha times the column d plus beta times the column
    -d**2. Least squares does not care how the columns were made.
    """
    d = np.asarray(d, dtype=float)
    columns = np.stack([d, -(d**2)], axis=1)  # (L, 2)
    (alpha, beta), *_ = np.linalg.lstsq(columns, np.asarray(gold, dtype=float), rcond=None)
    peak = alpha / (2 * beta) if beta > 0 else math.inf
    return float(alpha), float(beta), float(peak)


FITS = [
    ([0.0, 1.0, 2.0], [0.0, 1.5, 2.0]),
    ([0.0, 0.44, 0.8, 1.1, 1.35], [0.0, 0.6, 0.8, 1.1, 0.9]),
    ([0.0, 0.44, 0.8, 1.1], [0.0, 0.45, 0.83, 1.25]),
]


@check
def check_fit_and_peak(function):
    for d, gold in FITS:
        result = plain(call(function, d, gold))
        here = f"For d = {d} and gold = {gold}"
        if not isinstance(result, list | tuple) or len(result) != 3:
            raise Mistake(f"return three numbers, alpha, beta and the peak, got {show(result)}.")
        numbers = [plain(number) for number in result]
        if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
            raise Mistake(f"alpha, beta and the peak are three numbers, got {show(result)}.")
        _compare_fit(*numbers, np.array(d), np.array(gold), here)
    return "Two numbers from a linear fit, and a peak where there is one."


def _compare_fit(alpha, beta, peak, d, gold, here):
    if math.isnan(alpha) or math.isnan(beta):
        raise Mistake(f"{here} you get nan: is something divided by d, which is 0 for the base policy?")
    want = _least_squares(gold, d, -(d**2))
    otherwise = f"alpha, beta should be {want[0]:.4f}, {want[1]:.4f}, got {alpha:.4f}, {beta:.4f}."
    same = partial(equal, rel=1e-5, near=1e-4)
    diagnose([alpha, beta], want, _wrong_fits(want, d, gold), otherwise=otherwise, here=here, same=same)
    if want[1] <= 0:
        never = f"beta is {want[1]:.3f}, so the curve never turns: the peak is math.inf, got {peak:.4g}."
        return diagnose(peak, math.inf, otherwise=never, here=here)
    likely = [
        (want[0] / want[1], "alpha / beta is where the curve is back at 0; it is highest half way."),
        (
            want[0] ** 2 / (4 * want[1]),
            "that is the *height* of the peak; return the distance d at which it is reached.",
        ),
        (float(d[gold.argmax()]), "that is the best of the points measured; return the peak of the fitted curve."),
        (2 * want[1] / want[0], "that is the fraction upside down."),
    ]
    return _compare_number(float(peak), want[0] / (2 * want[1]), here, likely)


def _least_squares(gold, *columns):
    return np.linalg.lstsq(np.stack(columns, axis=1), gold, rcond=None)[0].tolist()


def _wrong_fits(want, d, gold):
    """What other fits give for [alpha, beta], each with its sentence."""
    alpha, beta = want
    some = d > 0
    _, with_constant, bend = _least_squares(gold, np.ones(len(d)), d, d**2)
    slope, start = np.polyfit(d[some], gold[some] / d[some], 1).tolist()
    return [
        ([alpha, -beta], "beta has the wrong sign: the curve is d (alpha *minus* beta d)."),
        (
            either([beta, alpha], [-beta, alpha]),
            "alpha and beta are the wrong way round: alpha belongs to d, beta to d**2.",
        ),
        (
            _least_squares(gold, d**2, -(d**4)),
            "you fit in the divergence, d**2; the curve is one in d, its root, which you are given.",
        ),
        (
            [with_constant, -bend],
            "you fit a constant as well. At d = 0 nothing is selected and nothing gained: the curve starts at 0.",
        ),
        (
            [start, -slope],
            "you fit gold / d. That gives weight to small d, where the division blows up noise; fit gold itself.",
        ),
        (
            _least_squares(gold, d, -d * np.log(np.where(some, d, 1.0))),
            "d (alpha - beta log d) is the form for reinforcement learning; best-of-n has beta d.",
        ),
    ]


# 8.5 A pessimistic ensemble


def solution_pessimistic_rewards(rewards, penalty):
    """The members' mean reward less penalty times their variance, after each member is centered.

    >>> solution_pessimistic_rewards([[1.0, 3.0], [10.0, 18.0]], penalty=0.5)
    [-3.625, 1.375]

    Why center first? A reward model may add any constant to all the rewards of a
    prompt (chapter 5). The second member here says 10 and 18 where the first says
    1 and 3: without centering that would count as a violent disagreement, although
    both prefer the second answer.
    """
    centered = np.array(rewards, dtype=float)  # (M, N)
    centered -= centered.mean(axis=1, keepdims=True)
    return (centered.mean(axis=0) - penalty * centered.var(axis=0)).tolist()  # (N,)


ENSEMBLES = [
    ([[1.0, 3.0], [10.0, 18.0]], 0.5),
    ([[0.5, -0.5, 0.3], [1.5, 0.1, -0.2], [0.0, -0.6, 2.4], [3.0, 2.8, 5.0]], 0.5),
    ([[0.5, -0.5, 0.3], [1.5, 0.1, -0.2]], 0.0),
    ([[2.0, 0.0, 1.0, 5.0], [-7.0, -9.0, -8.0, -4.0], [0.0, 1.0, 3.0, 2.0]], 3.0),
]


@check
def check_pessimistic_rewards(function):
    for rewards, penalty in ENSEMBLES:
        result = plain(call(function, rewards, penalty))
        N = len(rewards[0])
        here = f"For rewards {rewards} and penalty {penalty}"
        if not isinstance(result, list | tuple):
            raise Mistake(f"return a list of {N} numbers, one for each answer, got {kind(result)}: {show(result)}.")
        got = [plain(number) for number in result]
        if any(isinstance(number, bool) or not isinstance(number, int | float) for number in got):
            raise Mistake(f"return numbers, one for each answer, got {show(result)}.")
        if len(got) != N:
            members = len(got) == len(rewards)
            why = "; yours has one for each member" if members else ""
            raise Mistake(f"{here} the list should have {N} numbers, one for each answer, got {len(got)}{why}.")
        _compare_pessimism(np.array(got), np.array(rewards), penalty, here)
    return "Levels do not count, disagreement does."


def _compare_pessimism(got, rewards, penalty, here):
    centered = rewards - rewards.mean(axis=1, keepdims=True)  # (M, N)
    mean, variance = centered.mean(axis=0), centered.var(axis=0)  # (N,) each
    right = mean - penalty * variance
    M = len(rewards)
    by_answer = rewards - rewards.mean(axis=0)
    scaled = centered / centered.std(axis=1, keepdims=True)
    raw = rewards.mean(axis=0) - penalty * rewards.var(axis=0)
    likely = [
        (raw, "center each member first: its level means nothing."),
        (mean, "disagreement costs nothing yet: subtract penalty times the variance."),
        (mean + penalty * variance, "you *add* the variance, and so reward what the members disagree about."),
        (mean - penalty * np.sqrt(variance), "that is the standard deviation; the rule uses its square, the variance."),
        (mean - penalty * centered.var(axis=0, ddof=1), f"divide by M = {M} in the variance, not by M - 1."),
        (
            by_answer.mean(axis=0) - penalty * by_answer.var(axis=0),
            "you subtract each *answer's* mean; subtract from each member *its* mean over the answers.",
        ),
        (scaled.mean(axis=0) - penalty * scaled.var(axis=0), "you also divide by each member's spread; only shift."),
        (centered.min(axis=0), "that is the worst case, the lowest member; here wanted is mean less variance."),
        (
            mean - penalty * mean.var(),
            "you take the variance over the *answers*; wanted is how much the members differ about each answer.",
        ),
        (
            rewards.mean(axis=0) - penalty * variance,
            "you take the mean before centering: the variance is right, the level is not.",
        ),
        (
            raw - raw.mean(),
            "you center the result, after levels have already counted as disagreement; center the members.",
        ),
    ]
    want = [round(float(number), 4) for number in right]
    otherwise = f"it should be {want}, got {show([round(float(number), 4) for number in got])}."
    diagnose(got, right, likely, otherwise=otherwise, here=here, same=partial(equal, rel=1e-5, near=1e-5))


# What the checks share


def _as_number(result, what):
    """The learner's result as a float."""
    value = plain(result)
    if isinstance(value, list | tuple) and len(value) == 1:
        value = plain(value[0])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake(f"return {what}, got {kind(result)}: {show(result)}.")
    if not math.isfinite(value):
        raise Mistake(f"return {what}, got {value}.")
    return float(value)


def _compare_number(got, want, here, likely, near=0.0):
    """Raise `Mistake` unless got equals want; `likely` holds what people compute instead, and what to say then."""
    close = " That is near: do you sample, and too little?" if abs(got - want) < near else ""
    otherwise = f"it should be {want:.6g}, got {got:.6g}.{close}"
    diagnose(got, want, likely, otherwise=otherwise, here=f"{here}:", same=partial(equal, rel=1e-4, near=1e-6))
