"""Chapter 6, measuring: Wilson's interval, resampling prompts, reliability bins, McNemar's test, leaks."""

import math
import random
import re

from rmkit.course.exercises import Mistake, call, check, diagnose, either, equal, kind, plain, show

# 6.1 Wilson's interval


def solution_wilson_interval(right, n):
    """The 95% interval for a share, when `right` of `n` cases are right.

    >>> low, high = solution_wilson_interval(10, 10)
    >>> round(low, 3), round(high, 3)
    (0.722, 1.0)

    Why is there no division by the *observed* share's spread? Because the
    spread belongs to the true share, which we do not know. Each true share is
    judged by its own spread, and the formula is what comes out when the
    condition |seen - q| <= z sqrt(q (1 - q) / n) is solved for q.
    """
    z, seen = 1.96, right / n
    middle = seen + z**2 / (2 * n)
    reach = z * math.sqrt(seen * (1 - seen) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return (middle - reach) / scale, (middle + reach) / scale


COUNTS = [(10, 10), (7, 10), (33, 50), (0, 8), (3.5, 5)]


@check
def check_wilson_interval(function):
    for right, n in COUNTS:
        _compare_wilson(_two_numbers(call(function, right, n), "the two ends, (low, high)"), right, n)
    return "No share of right answers makes it certain, and the fewer the cases, the wider it is."


def _two_numbers(result, wanted):
    """`result` as two plain numbers, or a `Mistake` that says what is wanted."""
    got = plain(result)
    if isinstance(got, int | float) and not isinstance(got, bool):
        raise Mistake(f"return {wanted}; you returned one number, {show(got)}.")
    if isinstance(got, dict | set | frozenset) or not isinstance(got, list):
        raise Mistake(f"return {wanted}, got {kind(result)}.")
    if any(isinstance(end, bool) or not isinstance(end, int | float) for end in got):
        raise Mistake(f"return {wanted} as plain numbers; yours are {show(got)}.")
    if len(got) != 2:
        raise Mistake(f"return {wanted}; you returned {len(got)} numbers.")
    if any(math.isnan(end) for end in got):
        raise Mistake(f"return {wanted}; one of yours is nan. Is there a square root of a negative number?")
    return got


def _wilson(right, n, z=1.96, inside=None, scale=None):
    """Wilson's interval, or with a changed part: what stands under the root, or what is divided by."""
    seen = right / n
    under = seen * (1 - seen) / n + z**2 / (4 * n**2) if inside is None else inside(seen, z)
    reach = z * math.sqrt(max(under, 0))
    by = 1 + z**2 / n if scale is None else scale
    middle = seen + z**2 / (2 * n)
    return (middle - reach) / by, (middle + reach) / by


def _same_ends(got, want):
    return equal(got, want, near=0.0015)


def _compare_wilson(got, right, n):
    seen, z = right / n, 1.96
    want, here = _wilson(right, n), f"For {right:g} of {n}"
    naive = z * math.sqrt(seen * (1 - seen) / n)
    reach = z * math.sqrt(seen * (1 - seen) / n + z**2 / (4 * n**2))
    likely = [
        (
            lambda got: got[0] > got[1],
            f"your lower end, {got[0]:.3f}, is above your upper end, {got[1]:.3f}: low comes first.",
        ),
        ([100 * end for end in want], "these are percent; return shares between 0 and 1."),
        ([n * end for end in want], "these are counts of cases; return shares, that is, divide by n."),
        (
            either((seen - naive, seen + naive), (max(seen - naive, 0), min(seen + naive, 1))),
            (
                "that is the textbook interval, the share plus and minus 1.96 standard deviations *of what was seen*. "
                "At "
                "0 and at n of n it has no width at all. Judge each true share q by its own spread, sqrt(q (1 - q) / "
                "n)."
            ),
        ),
        (
            [end * (1 + z**2 / n) for end in want],
            "the last step is missing: divide both ends by 1 + z**2 / n.",
        ),
        (
            (seen - reach, seen + reach),
            (
                "your interval lies around the share that was seen. Its middle has to move toward one half: add "
                "z**2 / (2 * n) to the share, and divide by 1 + z**2 / n."
            ),
        ),
        (
            _wilson(right, n, inside=lambda p, z: p * (1 - p) / n),
            "under the root z**2 / (4 * n**2) is missing, which keeps the width above 0 at n of n.",
        ),
        (
            _wilson(right, n, inside=lambda p, z: p * (1 - p) / n + z**2 / (4 * n)),
            "under the root it is z**2 / (4 * n**2): n is squared.",
        ),
        (
            _wilson(right, n, inside=lambda p, z: (p * (1 - p) / n + z**2 / (4 * n**2)) ** 2),
            "the square root is missing.",
        ),
        *(
            (
                _wilson(right, n, z=other),
                f"that is the {name} interval, with z = {other}; wanted is 95%, with z = 1.96.",
            )
            for other, name in ((1.645, "90%"), (2.576, "99%"), (1.0, "68%"))
        ),
        (lambda got: got[1] - got[0] < 1e-9, f"your interval has no width, as if {n} cases left no doubt."),
        (
            lambda got: got[0] < -1e-9 or got[1] > 1 + 1e-9,
            f"the interval reaches from {got[0]:.3f} to {got[1]:.3f}, but shares end at 0 and at 1.",
        ),
    ]
    otherwise = f"the interval is {want[0]:.3f} to {want[1]:.3f}, yours is {got[0]:.3f} to {got[1]:.3f}."
    diagnose(got, want, likely, otherwise=otherwise, here=here, same=_same_ends)


# 6.2 Resample the prompts


def solution_bootstrap_by_prompt(right, draws=2000, seed=0):
    """The 95% interval of an accuracy over pairs, found by drawing prompts again and again.

    >>> rows = [[1, 1, 1]] * 12 + [[0, 0, 0]] * 8
    >>> low, high = solution_bootstrap_by_prompt(rows)
    >>> 0.3 < low < 0.5 and 0.7 < high < 0.9
    True

    Why draw whole rows? Because the pairs of a prompt stand or fall together:
    one response that the model misjudges spoils every pair that it is in. Had
    we collected other test data, we would have other *prompts*, each with all
    of its pairs, so that is what chance must be allowed to change.
    """
    rng = random.Random(seed)
    shares = []
    for _ in range(draws):
        drawn = rng.choices(right, k=len(right))  # with replacement: some rows twice, some never
        shares.append(sum(map(sum, drawn)) / sum(map(len, drawn)))
    shares.sort()
    return shares[round(0.025 * draws)], shares[round(0.975 * draws) - 1]


ALIKE = [[1] * 6] * 12 + [[0] * 6] * 8  # pairs of a prompt all alike
UNEQUAL = [[1] * (25 + i % 7) + [0] * (11 - i % 7) for i in range(12)]  # large rows, mostly right
UNEQUAL += [[1, 0.5, 1, 0, 0, 0][: 3 + i % 4] * (i % 2) + [0, 0, 1, 0, 0, 0][: 3 + i % 3] for i in range(24)]
ALL_RIGHT = [[1, 1, 1], [1], [1, 1, 1, 1, 1, 1]]


@check
def check_bootstrap_by_prompt(function):
    for right in (ALL_RIGHT, UNEQUAL, ALIKE):
        got = _two_ends(call(function, right, 2000, 0), 2000)
        _compare_bootstrap(got, right)
        if _two_ends(call(function, right, 2000, 0), 2000) != got:
            raise Mistake(
                "called twice with the same seed, your function gives two results. Make a generator from the seed "
                "inside "
                "the function, random.Random(seed) or numpy.random.default_rng(seed), and draw from that."
            )
    return "Whole prompts are drawn, as many as there are, with replacement, and all pairs weigh the same."


def _two_ends(result, draws):
    got = plain(result)
    if isinstance(got, list) and len(got) == draws and all(isinstance(share, int | float) for share in got):
        raise Mistake(
            f"these are the {draws} accuracies of the draws; sort them, and return the ends of the middle 95%."
        )
    return _two_numbers(got if isinstance(got, list) else result, "the two ends, (low, high)")


def _resample(rows, value, k=None, draws=3000, replace=True):
    """Sorted values over draws of rows, for comparison."""
    rng = random.Random(1)
    n = k or len(rows)
    pick = (lambda: rng.choices(rows, k=n)) if replace else (lambda: rng.sample(rows, n))
    return sorted(value(pick()) for _ in range(draws))


def _pooled(rows):
    return sum(map(sum, rows)) / sum(map(len, rows))


def _mean_of_means(rows):
    return sum(sum(row) / len(row) for row in rows) / len(rows)


def _ends(values, share=0.95):
    cut = (1 - share) / 2
    return values[round(cut * len(values))], values[round((1 - cut) * len(values)) - 1]


def _compare_bootstrap(got, right):
    G, P = len(right), sum(map(len, right))
    here = f"For {G} prompts with {P} pairs, of which {_pooled(right):.0%} are right,"
    low, high = got
    if low > high:
        raise Mistake(f"{here} your lower end, {low:.3f}, is above your upper end, {high:.3f}: low comes first.")
    if low < -1e-9 or high > 1 + 1e-9:
        raise Mistake(f"{here} your ends are {low:.3f} and {high:.3f}: an accuracy lies between 0 and 1.")
    values = _resample(right, _pooled)
    want = _ends(values)
    allowed = 0.1 * (want[1] - want[0]) + 1e-9
    if right is ALIKE:
        allowed += 0.05  # one prompt of twenty: accuracies move in such steps

    def same(other):
        return abs(low - other[0]) <= allowed and abs(high - other[1]) <= allowed

    if same(want):
        return
    if high - low < 1e-9:
        if abs(low - _pooled(right)) < 1e-9:
            raise Mistake(
                f"{here} every draw gives {low:.3f}, the accuracy itself. Draw *with replacement*, so that some "
                "prompts "
                "come twice and others not at all."
            )
        raise Mistake(
            f"{here} every draw gives the same accuracy, {low:.3f}. Is the generator made anew, with the same seed, "
            "inside the "
            "loop? Make it once, before the loop."
        )
    if right is UNEQUAL:
        mistake = _mistaken_draws(right, values, low, high, 2 * allowed)
        if mistake:
            raise Mistake(f"{here} {mistake}")
    raise Mistake(f"{here} the interval is about {want[0]:.2f} to {want[1]:.2f}; yours is {low:.2f} to {high:.2f}.")


def _mistaken_draws(right, values, low, high, allowed):
    """The mistake whose interval is nearest to (low, high), if it is near at all."""
    G, pairs = len(right), [[outcome] for row in right for outcome in row]
    rng = random.Random(2)
    inside = sorted(_pooled([rng.choices(row, k=len(row)) for row in right]) for _ in range(500))
    wide = (
        f"the interval is too wide: draw {G} prompts, as many as there are, and take the middle 95%, not lowest "
        "and highest."
    )
    named = [
        (
            _ends(_resample(pairs, _pooled, draws=500)),
            "you draw single *pairs*, as if they were strangers. Draw prompts, each with all of its pairs.",
        ),
        (
            _ends(inside),
            (
                "you draw inside each prompt, so that every prompt comes once. Draw prompts, and leave their pairs as "
                "they are."
            ),
        ),
        (
            _ends(_resample(right, _mean_of_means)),
            (
                "you average over prompts, so that one with three pairs weighs as much as one with thirty-six. Sum all "
                "outcomes."
            ),
        ),
        (
            _ends(_resample(right, _pooled, k=G // 2)),
            wide,
        ),
        (_ends(values, 0.90), "that is a 90% interval; leave out 2.5% at each end, not 5%."),
        (
            _ends(values, 0.68),
            "that is the accuracy plus and minus one standard deviation; take 1.96 of them, or the middle 95%.",
        ),
        ((values[0], values[-1]), wide),
    ]
    far, mistake = min((abs(low - ends[0]) + abs(high - ends[1]), words) for ends, words in named)
    return mistake if far < allowed else None


# 6.3 Reliability bins


def solution_reliability_bins(margins, n_bins=5):
    """What the model claims and what it gets, for pairs with similar claims.

    >>> bins = solution_reliability_bins([0.4, -0.4, 1.4, 1.4])
    >>> [(round(claimed, 2), right, n) for claimed, right, n in bins]
    [(0.6, 0.5, 2), (0.8, 1.0, 2)]

    Why the size of the margin, without its sign? Because the sign is the
    outcome. The model does not know which response is called the better one;
    what it claims is that the response it prefers wins with probability
    sigma(|margin|). Sorted by the signed margin, each bin holds only wins or
    only losses, whatever the model is worth.
    """
    bins = [[] for _ in range(n_bins)]
    for margin in margins:
        claim = 1 / (1 + math.exp(-abs(margin)))
        place = min(int((claim - 0.5) * 2 * n_bins), n_bins - 1)  # a claim of 1 belongs into the last bin
        right = 0.5 if margin == 0 else float(margin > 0)
        bins[place].append((claim, right))
    means = []
    for inside in bins:
        if inside:
            n = len(inside)
            means.append((sum(claim for claim, _ in inside) / n, sum(right for _, right in inside) / n, n))
    return means


MARGINS = [
    ([0.3, -0.2, 0.1, -0.35], 5),
    ([0.45, -0.45, 1.5, 1.5, -1.6, 0.6, 0.05, 3.1], 5),
    ([0.2, 0.0, -0.1, 0.0, 0.7], 5),
    ([0.2, -0.3, 2.5, 40.0, -40.0, 40.0], 5),
    ([0.45, -0.45, 1.5, 1.3, -1.6, 0.7, 0.05, 3.1, -2.0], 2),
]


@check
def check_reliability_bins(function):
    for margins, n_bins in MARGINS:
        try:
            result = call(function, margins, n_bins)
        except Mistake as mistake:
            if "IndexError" not in str(mistake) or 40.0 not in margins:
                raise
            raise Mistake(
                f"for the margins {margins} a claim is exactly 1, and your function looks for a bin after the last. "
                "The last "
                "bin includes its upper end."
            ) from None
        _compare_bins(result, margins, n_bins)
    return "The claim comes from the size of the margin, the outcome from its sign, and empty bins are left out."


def _bins(margins, n_bins, claim_of=abs, right_of=None, mean_claim=None):
    """Reliability bins, right or with a changed part."""
    right_of = right_of or (lambda margin: 0.5 if margin == 0 else float(margin > 0))
    groups = {}
    for margin in margins:
        claim = 0.5 * (1 + math.tanh(claim_of(margin) / 2))
        place = min(math.floor((claim - 0.5) * 2 * n_bins), n_bins - 1)
        groups.setdefault(place, []).append((claim, right_of(margin), margin))
    rows = []
    for place, inside in sorted(groups.items()):
        claims, rights, inner = zip(*inside, strict=True)
        mean = mean_claim(place, inner) if mean_claim else sum(claims) / len(claims)
        rows.append([mean, sum(rights) / len(rights), len(inside)])
    return rows


def _compare_bins(result, margins, n_bins):
    here = f"For the margins {margins} and n_bins = {n_bins}"
    want = _bins(margins, n_bins)
    got = _as_bins(result, len(want), here)
    likely = _likely_bins(got, want, margins, n_bins)
    rounded = [[round(x, 3) for x in row] for row in want]
    otherwise = f"the bins are {show(rounded)}, yours are {show(got)}."
    diagnose(got, want, likely, otherwise=otherwise, here=here, same=_same_bins)


def _as_bins(result, n_want, here):
    """The learner's bins as a list of lists of three numbers, or a `Mistake` about their form."""
    got = plain(result)
    if isinstance(got, dict):
        raise Mistake("return a list of (claimed, right, n), lowest claims first, got a dict.")
    if isinstance(got, int | float) and not isinstance(got, bool):
        raise Mistake(f"return a list with (claimed, right, n) for each bin; you returned one number, {show(got)}.")
    if not isinstance(got, list) or not all(isinstance(row, list) for row in got):
        raise Mistake(f"return a list of (claimed, right, n), one for each bin, got {show(result)}.")
    if len(got) == 3 and all(len(row) == n_want for row in got) and n_want != 3:
        raise Mistake("these are three lists; return one list, with (claimed, right, n) for each bin.")
    three = f"each bin is three numbers, (claimed, right, n); one of yours is {show(got[0]) if got else got}."
    if any(len(row) != 3 for row in got):
        raise Mistake(three)
    values = [value for row in got for value in row]
    if None in values:
        raise Mistake(f"{here} a bin without pairs is listed; leave it out.")
    if any(isinstance(x, bool) or not isinstance(x, int | float) for x in values):
        raise Mistake(three)
    if not got:
        raise Mistake(f"{here} you return no bin at all.")
    return got


def _same_bins(got, want):
    return equal(got, want, near=1e-4)


def _likely_bins(got, want, margins, n_bins):
    """What typical mistakes give as reliability bins, each with its sentence."""
    n, zeros = sum(row[2] for row in got), margins.count(0.0)

    def with_zero(counts):
        return _bins(margins, n_bins, right_of=lambda m: counts if m == 0 else float(m > 0)) if zeros else None

    def with_claim(mean_claim):
        return _bins(margins, n_bins, mean_claim=mean_claim)

    return [
        (
            lambda got: any(row[2] == 0 or math.isnan(row[0]) for row in got),
            "a bin without pairs is listed; leave it out: it claims nothing.",
        ),
        (want[::-1], "the highest claims come first; start with the lowest."),
        (
            with_claim(lambda _, inner: sum(map(abs, inner)) / len(inner)),
            "the first number is a mean margin; a claim is sigma(|margin|).",
        ),
        (
            lambda got: any(row[0] < 0.5 for row in got),
            (
                "a bin claims less than one half: you sort by the margin *with* its sign. The sign is the outcome, so "
                "bins of "
                "one sign are right in 0% or 100% of the cases. Take abs(margin) for the claim."
            ),
        ),
        (
            lambda got: all(row[1] == 1 for row in got) and any(row[1] < 1 for row in want),
            "everything counts as right. The claim takes abs(margin), the outcome needs the sign.",
        ),
        (
            [[a, b * c, c] for a, b, c in want],
            "the second number is the *count* of right pairs; divide it by the number of pairs inside.",
        ),
        (
            [[a, b, c / len(margins)] for a, b, c in want],
            "the third number is a share of all pairs; return how many there are.",
        ),
        ([[b, a, c] for a, b, c in want], "claimed and right have changed places: (claimed, right, n)."),
        (
            [[a, 1 - b, c] for a, b, c in want],
            "you count what is wrong: a margin above 0 is right, because it is better minus worse.",
        ),
        (with_zero(0.0), "a margin of 0 counts as wrong; it is a coin toss and counts one half."),
        (with_zero(1.0), "a margin of 0 counts as right; it is a coin toss and counts one half."),
        (
            lambda got: zeros and n == len(margins) - zeros,
            "the margins of 0 are missing; each counts as one half right, with a claim of 0.5.",
        ),
        (
            with_claim(lambda place, _: 0.5 + (place + 0.5) / (2 * n_bins)),
            "you give the middle of each bin as its claim; wanted is the mean of the claims that are inside.",
        ),
        (
            with_claim(lambda _, m: 0.5 * (1 + math.tanh(sum(map(abs, m)) / len(m) / 2))),
            "you take the sigma of the mean margin; take the mean of the sigmas.",
        ),
        (
            lambda got: n < len(margins) and 40.0 in margins,
            f"only {n} of {len(margins)} pairs are in your bins: a claim of exactly 1 belongs into the last bin.",
        ),
        (lambda got: n != len(margins), f"there are {len(margins)} pairs, but your bins hold {n:g}."),
        (
            lambda got: not equal([row[2] for row in got], [row[2] for row in want]),
            (
                f"the bins hold {[row[2] for row in want]} pairs, yours {[row[2] for row in got]}. The claims run "
                "from 0.5 to "
                f"1, so each of the {n_bins} bins is {0.5 / n_bins:g} wide."
            ),
        ),
    ]


# 6.4 McNemar's test


def solution_mcnemar_p(right_a, right_b):
    """How often two equally good models would differ at least as much as these.

    >>> solution_mcnemar_p([True] * 6 + [False], [False] * 6 + [True])
    0.125

    Why are pairs left out on which both are right, or both are wrong? Because
    they say nothing about which model is better, however many there are. On the
    others exactly one is right. If the models are equally good, it is either of
    the two with the same probability, like heads and tails.
    """
    only_a = sum(a and not b for a, b in zip(right_a, right_b, strict=True))
    only_b = sum(b and not a for a, b in zip(right_a, right_b, strict=True))
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
    return min(1.0, 2 * tail)


# (both right, only A, only B, neither)
TABLES = [(5, 6, 1, 3), (0, 2, 9, 1), (20, 12, 4, 30), (7, 0, 0, 2), (3, 4, 4, 1), (1, 0, 5, 0)]


def _outcomes(table):
    both, only_a, only_b, neither = table
    pairs = [(True, True)] * both + [(True, False)] * only_a + [(False, True)] * only_b + [(False, False)] * neither
    random.Random(0).shuffle(pairs)
    return [a for a, _ in pairs], [b for _, b in pairs]


@check
def check_mcnemar_p(function):
    for table in TABLES:
        right_a, right_b = _outcomes(table)
        try:
            result = call(function, right_a, right_b)
        except Mistake as mistake:
            if "ZeroDivisionError" not in str(mistake) or table[1] + table[2]:
                raise
            raise Mistake(
                "the two models are right on the same pairs, and your function divides by the number of pairs on "
                "which they "
                "differ, which is 0. No difference at all is as ordinary as can be: return 1."
            ) from None
        _compare_p(result, table)
    return "Only the pairs on which the models differ count, both directions are surprising, and p is never above 1."


def _tail(n, k):
    """P(X <= k) for a fair coin thrown n times."""
    return sum(math.comb(n, i) for i in range(k + 1)) / 2**n


def _compare_p(result, table):
    got = plain(result)
    both, only_a, only_b, neither = table
    here = f"With {both} pairs on which both are right, {only_a} only A, {only_b} only B, {neither} neither,"
    if isinstance(got, list | dict | set | tuple):
        raise Mistake(f"return one number, the p-value, got {kind(result)}.")
    if isinstance(got, bool) or not isinstance(got, int | float):
        raise Mistake(f"return one number, the p-value, got {show(result)}.")
    want = min(1.0, 2 * _tail(only_a + only_b, min(only_a, only_b)))
    differ = only_a + only_b
    why = "" if differ else "they do not differ on any pair, which is as ordinary as can be: "
    likely = _likely_p(table) if differ else [NOT_A_NUMBER, _twice(1.0)]
    diagnose(got, want, likely, otherwise=f"{why}p is {want:.4f}, yours is {got:.4f}.", here=here)


NOT_A_NUMBER = (math.isnan, "your result is nan: where the models do not differ at all, p is 1.")


def _twice(tail):
    answer = 2 * tail if 2 * tail > 1 + 1e-9 else None
    return answer, f"twice the tail is {2 * tail:.3f}, because the middle is counted twice: p is never above 1."


def _likely_p(table):
    """What typical mistakes give as McNemar's p, each with its sentence; the models differ on one pair at least."""
    both, only_a, only_b, _ = table
    n, few, total = only_a + only_b, min(only_a, only_b), sum(table)
    tail, exactly = _tail(n, few), math.comb(n, few) / 2**n
    below = _tail(n, few - 1)  # 0 where few is 0
    of_all = [_tail(total, min(k, total - k)) for k in (only_a + both, only_b + both)]
    squares = [max(abs(only_a - only_b) - 1, 0) ** 2 / n, (only_a - only_b) ** 2 / n]
    larger = _tail(n, max(only_a, only_b))
    return [
        NOT_A_NUMBER,
        _twice(tail),
        (
            tail,
            "that is the probability of one side only. Before looking, either model could have been ahead: double it.",
        ),
        (
            either(1 - tail, 1 - min(1.0, 2 * tail)),
            "that is 1 minus the probability; wanted is how often chance does *this* or more.",
        ),
        (
            either(exactly, 2 * exactly),
            "that is the probability of exactly this split; add those of all more extreme ones.",
        ),
        (
            either(below, 2 * below) if few else None,
            f"the split itself is left out: count 0 to {few}, and {few} too.",
        ),
        (None if few else 0, f"chance does this, too, once in {2 ** (n - 1)} times: count the split itself."),
        (
            2 * tail - exactly,
            "that is the mid-p value, which counts the split itself by half; wanted is the exact one.",
        ),
        (
            either(*(math.erfc(math.sqrt(square / 2)) for square in squares)),
            (
                f"that is the approximation by chi-squared, good for many discordant pairs; here there are {n}. Count "
                "the "
                "coin tosses themselves."
            ),
        ),
        (either(*squares), "that is the test's statistic; wanted is the probability, p."),
        (
            either((only_a - only_b) / total, abs(only_a - only_b) / total),
            "that is the difference of the accuracies; wanted is how often chance makes such a one.",
        ),
        (
            either(*(min(1.0, 2 * side) for side in of_all), *of_all),
            (
                "you toss a coin for *every* pair. Pairs on which both models do the same say nothing about which is "
                f"better: only the {n} on which they differ count."
            ),
        ),
        (
            min(1.0, 2 * _tail(total, few)),
            f"there are {n} tosses, one for each pair on which the models differ, not {total}.",
        ),
        (
            either(min(1.0, 2 * larger), larger),
            f"you sum from 0 to the *larger* count; the smaller one, {few}, is the end of the tail.",
        ),
    ]


# 6.5 Find the leak


def solution_find_leaks(train_prompts, test_prompts, share=0.8):
    """Which test prompts occur among the training prompts, as they are or nearly.

    >>> solution_find_leaks(["What is bail?", "Who signs a will?"], ["what is  bail", "What is an oath?"])
    [0]

    Why words in common divided by words in *either*, and not by the words of
    one of the two? Because a short prompt can lie inside a long one that asks
    for something else: "What is bail?" inside "What is bail, and how does it
    differ from parole?"
    """

    def words(prompt):
        return set(re.findall(r"\w+", prompt.lower()))

    seen = [words(prompt) for prompt in train_prompts]
    leaks = []
    for position, prompt in enumerate(test_prompts):
        ours = words(prompt)
        if any(len(ours & theirs) >= share * len(ours | theirs) for theirs in seen):
            leaks.append(position)
    return leaks


SEEN = [
    "What is bail?",
    "Name one right that the First Amendment to the United States Constitution protects.",
    "How long should I boil an egg for a firm yolk?",
    "Who may sign a will",
]
LEAKS = [
    (SEEN, ["What is a plaintiff?", "Who may sign a will", "Why is the sky blue?"], 0.8),
    (SEEN, ["What does a judge do?", "WHAT IS BAIL?", "who may  sign a Will"], 0.8),
    (SEEN, ["What is bail", "Who may sign a will?", "Is this a table, or what?"], 0.8),
    (
        SEEN,
        [
            "Name one right the First Amendment to the United States Constitution protects.",
            "What is bail, and how does it differ from parole?",
            "How long should I boil an egg for a very firm yolk?",
            "How long should I boil an egg for?",
        ],
        0.8,
    ),
    (
        ["a b c d", "k l m n o p q r s t"],
        ["a b c d e", "a b c x", "k l m n o p q r x", "k l m n o p q r s t x y z", "a b c"],
        0.8,
    ),
    (SEEN, ["Who signs a will?", "Who may sign a lease?", "How do I boil an egg?", "Which colors are there?"], 0.5),
]


@check
def check_find_leaks(function):
    results = [
        _as_positions(call(function, train_prompts, test_prompts, share), train_prompts, test_prompts, share)
        for train_prompts, test_prompts, share in LEAKS
    ]
    for got, (train_prompts, test_prompts, share) in zip(results, LEAKS, strict=True):
        want = _leaks(train_prompts, test_prompts, share)
        if got == want:
            continue
        here = f"For the training prompts {show(train_prompts)}, the test prompts {test_prompts} and share = {share}"
        for words, alike, mistake in MISTAKEN:
            if results == [_leaks(*case, words, alike) for case in LEAKS]:
                raise Mistake(f"{here} the leaks are at {want}, yours at {got}. {mistake}")
        missing = [k for k in want if k not in got]
        if missing:
            raise Mistake(f"{here} the leaks are at {want}, yours at {got}: what of {test_prompts[missing[0]]!r}?")
        raise Mistake(f"{here} the leaks are at {want}, yours at {got}: prompts that are not alike are among them.")
    return (
        "Capitals, punctuation and a word more or less do not hide a prompt, and a short prompt inside a long one "
        "is no leak."
    )


def _words(prompt):
    return set(re.findall(r"\w+", prompt.lower()))


def _alike(a, b, share):
    return len(a & b) >= share * len(a | b)


MISTAKEN = [  # (words of a prompt, when two prompts are alike, what is wrong with that)
    (
        lambda prompt: {prompt},
        _alike,
        (
            "You find prompts that are equal to the letter. Capitals, spaces, punctuation or a word more must not hide "
            "one."
        ),
    ),
    (
        lambda prompt: {" ".join(re.findall(r"\w+", prompt.lower()))},
        _alike,
        "Equal prompts are found, but not those that differ in a word or two: compare sets of words.",
    ),
    (
        lambda prompt: set(re.findall(r"\w+", prompt)),
        _alike,
        "Capitals hide a prompt: compare words in lower case.",
    ),
    (
        lambda prompt: set(prompt.lower().split()),
        _alike,
        "Punctuation hides a prompt, since 'bail?' is not 'bail': take words only, re.findall(r'\\w+', prompt).",
    ),
    (
        lambda prompt: set(prompt.lower()),
        _alike,
        "You compare sets of letters, and most English texts share those: compare words.",
    ),
    (
        _words,
        lambda a, b, share: len(a & b) >= share * min(len(a), len(b)),
        "A short prompt inside a longer one counts as a leak. Divide the words in common by the words in *either*.",
    ),
    (
        _words,
        lambda a, b, share: len(a & b) >= share * max(len(a), len(b)),
        "Divide by the number of words in *either*, a | b, not by that of the longer prompt.",
    ),
    (
        _words,
        lambda a, b, share: len(a & b) >= share * len(a),
        "Divide by the number of words in *either*, a | b, not by that of the test prompt.",
    ),
    (
        _words,
        lambda a, b, share: len(a & b) >= share * len(b),
        "Divide by the number of words in *either*, a | b, not by that of the training prompt.",
    ),
    (
        _words,
        lambda a, b, share: 2 * len(a & b) >= share * (len(a) + len(b)),
        "That is twice the words in common over the sum (Dice); wanted is common over either.",
    ),
    (
        _words,
        lambda a, b, share: len(a & b) > share * len(a | b),
        "A prompt with exactly the share counts as well: >=, not >.",
    ),
    (
        _words,
        lambda a, b, share: len(a & b) >= 0.8 * len(a | b),
        "You use 0.8, whatever share is given.",
    ),
]


def _leaks(train_prompts, test_prompts, share, words=_words, alike=_alike):
    seen = [words(prompt) for prompt in train_prompts]
    return [k for k, prompt in enumerate(test_prompts) if any(alike(words(prompt), other, share) for other in seen)]


def _as_positions(result, train_prompts, test_prompts, share):
    """The learner's result as a list of numbers, or a `Mistake` about its form."""
    here = f"For the training prompts {show(train_prompts)}, the test prompts {test_prompts} and share = {share}"
    if isinstance(result, dict):
        raise Mistake("return a list of positions in test_prompts, got a dict.")
    got = plain(sorted(result) if isinstance(result, range) else result)
    if isinstance(got, int | float):
        raise Mistake(f"return the positions of the leaked prompts, not one number, {show(got)}.")
    if not isinstance(got, list):
        raise Mistake(f"return a list of positions in test_prompts, got {kind(result)}.")
    if got and all(isinstance(item, str) for item in got):
        raise Mistake("return positions in test_prompts, not the prompts themselves.")
    if got and all(isinstance(item, bool) for item in got):
        raise Mistake("return the positions at which it is true, not a list of true and false.")
    if got and all(isinstance(item, list) for item in got):
        raise Mistake("return the positions of the test prompts alone, not pairs.")
    if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in got):
        raise Mistake(f"return a list of positions in test_prompts, got {show(result)}.")
    want = _leaks(train_prompts, test_prompts, share)
    if got != want and sorted(got) == want:
        raise Mistake(f"{here} the positions are right, but not in order; the lowest comes first.")
    if got != want and sorted(set(got)) == want:
        raise Mistake(f"{here} a position is listed more than once; each leaked test prompt counts once.")
    if want and got != want and got == _leaks(test_prompts, train_prompts, share):
        raise Mistake(f"{here} these are positions in the *training* prompts; wanted are those of the test prompts.")
    if got == [k for k in range(len(test_prompts)) if k not in want]:
        raise Mistake(f"{here} these are the prompts that are *not* leaked.")
    return got
