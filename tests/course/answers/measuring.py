"""Answers to the exercises of chapter 6: {exercise: (check, right answers, wrong answers)}."""

import math
import random
import re

import numpy as np
from scipy.stats import binomtest

from rmkit.course.exercises.measuring import (
    check_bootstrap_by_prompt,
    check_find_leaks,
    check_mcnemar_p,
    check_reliability_bins,
    check_wilson_interval,
    solution_bootstrap_by_prompt,
    solution_find_leaks,
    solution_mcnemar_p,
    solution_reliability_bins,
    solution_wilson_interval,
)
from rmkit.intervals import wilson

# 6.1 Wilson's interval


def wilson_from_rmkit(right, n):
    found = wilson(right, n)
    return found.low, found.high


def wilson_by_trying(right, n):
    shares = np.arange(0, 1 + 1e-9, 0.0005)
    stay = shares[np.abs(right / n - shares) <= 1.96 * np.sqrt(shares * (1 - shares) / n) + 1e-12]
    return [stay.min(), stay.max()]


def wilson_by_roots(right, n):
    seen, z2 = right / n, 1.96**2
    return np.sort(np.roots([1 + z2 / n, -(2 * seen + z2 / n), seen**2]).real)


def changed_wilson(z=1.96, middle=1.0, under=1.0, power=2, root=0.5, divide=True):
    """Wilson's formula with parts that may be changed."""

    def function(right, n):
        seen = right / n
        centre = seen + middle * z**2 / (2 * n)
        reach = z * (seen * (1 - seen) / n + under * z**2 / (4 * n**power)) ** root
        scale = 1 + z**2 / n if divide else 1
        return (centre - reach) / scale, (centre + reach) / scale

    return function


def naive(right, n):
    seen = right / n
    reach = 1.96 * math.sqrt(seen * (1 - seen) / n)
    return seen - reach, seen + reach


def of_wilson(change):
    return lambda right, n: change(*solution_wilson_interval(right, n), n)


RIGHT_WILSONS = [solution_wilson_interval, wilson_from_rmkit, wilson_by_trying, wilson_by_roots]
WRONG_WILSONS = {
    "naive": (naive, "textbook interval"),
    "reversed": (of_wilson(lambda low, high, n: (high, low)), "low comes first"),
    "percent": (of_wilson(lambda low, high, n: (100 * low, 100 * high)), "percent"),
    "counts": (of_wilson(lambda low, high, n: (n * low, n * high)), "divide by n"),
    "not divided": (changed_wilson(divide=False), "last step"),
    "not moved": (changed_wilson(middle=0, divide=False), "toward one half"),
    "root without z": (changed_wilson(under=0), "under the root z**2"),
    "n not squared": (changed_wilson(power=1), "n is squared"),
    "no root": (changed_wilson(root=1), "square root is missing"),
    "90%": (changed_wilson(z=1.645), "90% interval"),
    "99%": (changed_wilson(z=2.576), "99% interval"),
    "the share": (lambda right, n: right / n, "one number"),
    "three": (lambda right, n: (0.1, 0.2, 0.3), "3 numbers"),
    "all": (lambda right, n: (0.0, 1.0), "yours is 0.000 to 1.000"),
    "nan": (lambda right, n: (math.nan, math.nan), "is nan"),
    "dict": (lambda right, n: {"low": 0.1, "high": 0.9}, "got a dict"),
}

# 6.2 Resample the prompts


def bootstrap_with_numpy(right, draws=2000, seed=0):
    sums, sizes = np.array([sum(row) for row in right]), np.array([len(row) for row in right])
    drawn = np.random.default_rng(seed).integers(0, len(right), (draws, len(right)))
    return np.quantile(sums[drawn].sum(1) / sizes[drawn].sum(1), [0.025, 0.975])


def bootstrap_with_counts(right, draws=2000, seed=0):
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(right), np.full(len(right), 1 / len(right)), size=draws)  # (draws, G)
    shares = np.sort(times @ [sum(row) for row in right] / (times @ [len(row) for row in right]))
    return float(shares[int(0.025 * draws)]), float(shares[int(0.975 * draws)])


def changed_bootstrap(draw=None, value=None, ends=None, reseed=False):
    """The bootstrap with parts that may be changed."""
    draw = draw or (lambda rng, rows: rng.choices(rows, k=len(rows)))
    value = value or (lambda rows: sum(map(sum, rows)) / sum(map(len, rows)))
    ends = ends or (lambda shares: (shares[50], shares[-51]))

    def function(right, draws=2000, seed=0):
        rng, shares = random.Random(seed), []
        for _ in range(draws):
            rng = random.Random(seed) if reseed else rng
            shares.append(value(draw(rng, right)))
        return ends(sorted(shares))

    return function


def draw_pairs(rng, rows):
    pairs = [[outcome] for row in rows for outcome in row]
    return rng.choices(pairs, k=len(pairs))


def draw_inside(rng, rows):
    return [rng.choices(row, k=len(row)) for row in rows]


def unseeded(right, draws=2000, seed=0):
    return changed_bootstrap(draw=lambda rng, rows: random.choices(rows, k=len(rows)))(right, draws, seed)


RIGHT_BOOTSTRAPS = [solution_bootstrap_by_prompt, bootstrap_with_numpy, bootstrap_with_counts]
WRONG_BOOTSTRAPS = {
    "pairs": (changed_bootstrap(draw=draw_pairs), "single *pairs*"),
    "means": (
        changed_bootstrap(value=lambda rows: sum(sum(r) / len(r) for r in rows) / len(rows)),
        "average over prompts",
    ),
    "half": (
        changed_bootstrap(draw=lambda rng, rows: rng.choices(rows, k=len(rows) // 2 or 1)),
        "as many as there are",
    ),
    "90%": (changed_bootstrap(ends=lambda shares: (shares[100], shares[-101])), "90% interval"),
    "one sd": (
        changed_bootstrap(ends=lambda shares: (np.mean(shares) - np.std(shares), np.mean(shares) + np.std(shares))),
        "one standard deviation",
    ),
    "without replacement": (
        changed_bootstrap(draw=lambda rng, rows: rng.sample(rows, len(rows))),
        "*with replacement*",
    ),
    "reseeded": (changed_bootstrap(reseed=True), "inside the loop"),
    "all draws": (changed_bootstrap(ends=lambda shares: shares), "2000 accuracies"),
    "reversed": (changed_bootstrap(ends=lambda shares: (shares[-51], shares[50])), "low comes first"),
    "mean": (changed_bootstrap(ends=lambda shares: sum(shares) / len(shares)), "one number"),
    "unseeded": (unseeded, "same seed"),
    "inside": (changed_bootstrap(draw=draw_inside), "inside each prompt"),
    "first half": (
        lambda right, draws, seed: solution_bootstrap_by_prompt(right[:12], draws, seed),
        "the interval is about",
    ),
    "sums": (changed_bootstrap(value=lambda rows: sum(map(sum, rows))), "between 0 and 1"),
    "mean and spread": (
        changed_bootstrap(ends=lambda shares: (np.mean(shares), 1.96 * np.std(shares))),
        "above your upper end, 0.000",
    ),
}

# 6.3 Reliability bins


def claims_of(margins):
    return 1 / (1 + np.exp(-np.abs(np.array(margins, dtype=float))))


def bins_with_numpy(margins, n_bins=5):
    margins = np.array(margins, dtype=float)
    claims = claims_of(margins)
    right = (margins > 0) + 0.5 * (margins == 0)
    place = np.clip(np.digitize(claims, np.linspace(0.5, 1, n_bins + 1)) - 1, 0, n_bins - 1)
    return [(claims[place == b].mean(), right[place == b].mean(), (place == b).sum()) for b in np.unique(place)]


def bins_by_order(margins, n_bins=5):
    for b in range(n_bins):
        low, high = 0.5 + b / (2 * n_bins), 0.5 + (b + 1) / (2 * n_bins)
        inside = [
            (c, m)
            for c, m in zip(claims_of(margins), margins, strict=True)
            if low <= c < high or b == n_bins - 1 and c == 1
        ]
        if inside:
            rights = [(1 + np.sign(m)) / 2 for _, m in inside]
            yield float(np.mean([c for c, _ in inside])), float(np.mean(rights)), len(inside)


def changed_bins(claim=None, right=None, mean=None, top=True, low=0.5, skip=None, keep_empty=False):
    """Reliability bins with parts that may be changed."""
    claim = claim or (lambda m: 1 / (1 + math.exp(-abs(m))))
    right = right or (lambda m: 0.5 if m == 0 else float(m > 0))

    def function(margins, n_bins=5):
        bins = [[] for _ in range(n_bins)]
        for m in margins:
            place = int((claim(m) - low) / (1 - low) * n_bins)
            if skip and skip(m) or not top and place == n_bins:
                continue
            bins[min(max(place, 0), n_bins - 1)].append(m)
        rows = []
        for b, inside in enumerate(bins):
            if inside:
                claimed = mean(b, inside, n_bins) if mean else sum(map(claim, inside)) / len(inside)
                rows.append((claimed, sum(map(right, inside)) / len(inside), len(inside)))
            elif keep_empty:
                rows.append((0.0, 0.0, 0))
        return rows

    return function


def of_bins(change):
    """The right bins, each row changed."""
    return lambda margins, n_bins=5: [change(*row, len(margins)) for row in solution_reliability_bins(margins, n_bins)]


def overrun(margins, n_bins=5):
    bins = [[] for _ in range(n_bins)]
    for m in margins:
        bins[int((1 / (1 + math.exp(-abs(m))) - 0.5) * 2 * n_bins)].append(m)
    return bins_with_numpy(margins, n_bins)


def sigmoid(m):
    return 1 / (1 + math.exp(-m))


RIGHT_BINS = [solution_reliability_bins, bins_with_numpy, bins_by_order]
WRONG_BINS = {
    "signed": (changed_bins(claim=sigmoid, low=0.0), "*with* its sign"),
    "all right": (changed_bins(right=lambda m: 1.0), "everything counts as right"),
    "counts": (of_bins(lambda a, b, c, n: (a, b * c, c)), "*count* of right"),
    "shares": (of_bins(lambda a, b, c, n: (a, b, c / n)), "share of all pairs"),
    "swapped": (of_bins(lambda a, b, c, n: (b, a, c)), "changed places"),
    "wrong ones": (of_bins(lambda a, b, c, n: (a, 1 - b, c)), "what is wrong"),
    "zero is wrong": (changed_bins(right=lambda m: float(m > 0)), "counts as wrong"),
    "zero is right": (changed_bins(right=lambda m: float(m >= 0)), "counts as right"),
    "zero is missing": (changed_bins(skip=lambda m: m == 0), "of 0 are missing"),
    "middle": (changed_bins(mean=lambda b, inside, n: 0.5 + (b + 0.5) / (2 * n)), "middle of each bin"),
    "mean margin": (changed_bins(mean=lambda b, inside, n: sum(map(abs, inside)) / len(inside)), "is a mean margin"),
    "sigma of mean": (
        changed_bins(mean=lambda b, inside, n: sigmoid(sum(map(abs, inside)) / len(inside))),
        "sigma of the mean",
    ),
    "top lost": (changed_bins(top=False), "claim of exactly 1"),
    "overrun": (overrun, "bin after the last"),
    "empty bins": (changed_bins(keep_empty=True), "without pairs is listed"),
    "from 0": (changed_bins(low=0.0), "the bins hold"),
    "highest first": (lambda m, n=5: solution_reliability_bins(m, n)[::-1], "start with the lowest"),
    "columns": (lambda m, n=5: list(zip(*solution_reliability_bins(m, n), strict=True)), "three lists"),
    "dict": (lambda m, n=5: dict(enumerate(solution_reliability_bins(m, n))), "got a dict"),
    "pairs": (of_bins(lambda a, b, c, n: (a, b)), "three numbers"),
}

# 6.4 McNemar's test


def counted(right_a, right_b):
    """(both, only A, only B, neither)"""
    pairs = list(zip(right_a, right_b, strict=True))
    return tuple(pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False)))


def mcnemar_with_scipy(right_a, right_b):
    _, a, b, _ = counted(right_a, right_b)
    return binomtest(a, a + b, 0.5).pvalue if a + b else 1.0


def mcnemar_by_listing(right_a, right_b):
    differences = np.array(right_a, dtype=int) - np.array(right_b, dtype=int)
    seen, n = abs(differences.sum()), int(abs(differences).sum())
    as_far = [math.comb(n, k) for k in range(n + 1) if abs(n - 2 * k) >= seen]
    return np.float64(sum(as_far) / 2**n)


def tail(n, k):
    return sum(math.comb(n, i) for i in range(k + 1)) / 2**n


def of_table(formula):
    return lambda right_a, right_b: formula(*counted(right_a, right_b))


def divides(right_a, right_b):
    _, a, b, _ = counted(right_a, right_b)
    share = max(a, b) / (a + b)
    return min(1.0, 2 * sum(math.comb(a + b, k) for k in range(round(share * (a + b)), a + b + 1)) / 2 ** (a + b))


RIGHT_PS = [solution_mcnemar_p, mcnemar_with_scipy, mcnemar_by_listing]
WRONG_PS = {
    "one side": (of_table(lambda both, a, b, no: tail(a + b, min(a, b))), "one side only"),
    "above 1": (of_table(lambda both, a, b, no: 2 * tail(a + b, min(a, b))), "never above 1"),
    "complement": (of_table(lambda both, a, b, no: 1 - tail(a + b, min(a, b))), "1 minus"),
    "exactly": (of_table(lambda both, a, b, no: 2 * math.comb(a + b, a) / 2 ** (a + b)), "exactly this split"),
    "split left out": (of_table(lambda both, a, b, no: 2 * tail(a + b, min(a, b) - 1)), "itself is left out"),
    "mid-p": (
        of_table(lambda both, a, b, no: 2 * tail(a + b, min(a, b)) - math.comb(a + b, a) / 2 ** (a + b)),
        "mid-p",
    ),
    "chi-squared": (
        of_table(lambda both, a, b, no: math.erfc(abs(a - b) / math.sqrt(2 * (a + b)))),
        "approximation by chi-squared",
    ),
    "statistic": (of_table(lambda both, a, b, no: (abs(a - b) - 1) ** 2 / (a + b)), "test's statistic"),
    "difference": (of_table(lambda both, a, b, no: (a - b) / (both + a + b + no)), "difference of the accuracies"),
    "every pair": (
        of_table(
            lambda both, a, b, no: min(1.0, 2 * tail(both + a + b + no, min(both + a, b + no))),
        ),
        "for *every* pair",
    ),
    "too many tosses": (of_table(lambda both, a, b, no: 2 * tail(both + a + b + no, min(a, b))), "7 tosses"),
    "wrong end": (of_table(lambda both, a, b, no: min(1.0, 2 * tail(a + b, max(a, b)))), "*larger* count"),
    "constant": (lambda right_a, right_b: 0.05, "p is 0.1250, yours is 0.0500"),
    "divides by zero": (divides, "which is 0"),
    "zero when equal": (
        of_table(lambda both, a, b, no: min(1.0, 2 * tail(a + b, min(a, b))) if a + b else 0.0),
        "do not differ on any pair",
    ),
    "list": (lambda right_a, right_b: [0.125, 1], "got a list"),
}

# 6.5 Find the leak


def words(prompt):
    return set(re.findall(r"\w+", prompt.lower()))


def leaks_in_one_line(train, test, share=0.8):
    return [
        i
        for i in range(len(test))
        if max(len(words(test[i]) & words(t)) / len(words(test[i]) | words(t)) for t in train) >= share
    ]  # fmt: skip


def leaks_by_count(train, test, share=0.8):
    for i, prompt in enumerate(test):
        for other in train:
            common = sum(word in words(other) for word in words(prompt))
            if common / (len(words(prompt)) + len(words(other)) - common) >= share:
                yield i
                break


def changed_leaks(words=words, alike=None, give=None):
    """The search with parts that may be changed."""
    alike = alike or (lambda a, b, share: len(a & b) >= share * len(a | b))
    give = give or (lambda found, train, test: found)

    def function(train, test, share=0.8):
        found = [i for i, x in enumerate(test) if any(alike(words(x), words(t), share) for t in train)]
        return give(found, train, test)

    return function


RIGHT_LEAKS = [solution_find_leaks, leaks_in_one_line, leaks_by_count]
WRONG_LEAKS = {
    "exact": (lambda train, test, share: [i for i, x in enumerate(test) if x in train], "to the letter"),
    "normalized": (changed_leaks(words=lambda x: {" ".join(re.findall(r"\w+", x.lower()))}), "a word or two"),
    "capitals": (changed_leaks(words=lambda x: set(re.findall(r"\w+", x))), "Capitals hide"),
    "punctuation": (changed_leaks(words=lambda x: set(x.lower().split())), "Punctuation hides"),
    "letters": (changed_leaks(words=lambda x: set(x.lower())), "sets of letters"),
    "the shorter": (changed_leaks(alike=lambda a, b, s: len(a & b) >= s * min(len(a), len(b))), "inside a longer"),
    "the longer": (changed_leaks(alike=lambda a, b, s: len(a & b) >= s * max(len(a), len(b))), "the longer prompt"),
    "test prompt": (changed_leaks(alike=lambda a, b, s: len(a & b) >= s * len(a)), "that of the test prompt"),
    "training prompt": (changed_leaks(alike=lambda a, b, s: len(a & b) >= s * len(b)), "that of the training prompt"),
    "dice": (changed_leaks(alike=lambda a, b, s: 2 * len(a & b) >= s * (len(a) + len(b))), "Dice"),
    "above": (changed_leaks(alike=lambda a, b, s: len(a & b) > s * len(a | b)), ">=, not >"),
    "always 0.8": (changed_leaks(alike=lambda a, b, s: len(a & b) >= 0.8 * len(a | b)), "whatever share"),
    "prompts": (changed_leaks(give=lambda found, train, test: [test[i] for i in found]), "not the prompts themselves"),
    "booleans": (
        changed_leaks(give=lambda found, train, test: [i in found for i in range(len(test))]),
        "true and false",
    ),
    "train": (lambda train, test, share: solution_find_leaks(test, train, share), "the *training* prompts"),
    "clean": (
        changed_leaks(give=lambda found, train, test: [i for i in range(len(test)) if i not in found]),
        "*not* leaked",
    ),
    "pairs": (changed_leaks(give=lambda found, train, test: [(i, 0) for i in found]), "not pairs"),
    "count": (changed_leaks(give=lambda found, train, test: len(found)), "not one number"),
    "twice": (changed_leaks(give=lambda found, train, test: sorted(found + found)), "more than once"),
    "unsorted": (changed_leaks(give=lambda found, train, test: found[::-1]), "not in order"),
    "none": (lambda train, test, share: [], "what of"),
    "all": (lambda train, test, share: list(range(len(test))), "not alike"),
}

EXERCISES = {
    "wilson_interval": (check_wilson_interval, RIGHT_WILSONS, WRONG_WILSONS),
    "bootstrap_by_prompt": (check_bootstrap_by_prompt, RIGHT_BOOTSTRAPS, WRONG_BOOTSTRAPS),
    "reliability_bins": (check_reliability_bins, RIGHT_BINS, WRONG_BINS),
    "mcnemar_p": (check_mcnemar_p, RIGHT_PS, WRONG_PS),
    "find_leaks": (check_find_leaks, RIGHT_LEAKS, WRONG_LEAKS),
}
