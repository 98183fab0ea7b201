"""Chapter 5, using rewards: ranking, win probabilities, best in a batch, centering, best of n."""

import math
import operator
from functools import partial
from itertools import combinations
from statistics import median, median_high

from rmkit.course.exercises import Mistake, call, check, diagnose, either, equal, kind, plain, show

# 5.1 Rank with any scoring function


def solution_rank_responses(score, prompt, responses):
    """Order responses to a prompt by their reward, best first.

    >>> def score(prompt, responses):
    ...     return [len(response) for response in responses]
    >>> solution_rank_responses(score, "Capital of Peru?", ["Oslo", "Lima, on the coast", "Lima"])
    [('Lima, on the coast', 18), ('Oslo', 4), ('Lima', 4)]

    Why a key, and not `sorted(zip(rewards, responses))`? Because tuples with
    equal rewards are then compared by their *text*, and the alphabet decides.
    With a key, equal rewards keep the order in which the responses came.
    """
    rewards = score(prompt, responses)
    pairs = zip(responses, rewards, strict=True)
    return sorted(pairs, key=lambda pair: pair[1], reverse=True)


class _Scorer:
    """A scoring function with known rewards. It counts its calls, and takes a single text as a model does."""

    def __init__(self, rewards):
        self.rewards, self.prompts = rewards, []

    def __call__(self, prompt, responses):
        self.prompts.append(prompt)
        if isinstance(responses, str):
            return self.rewards.get(responses, 0.0)
        return [self.rewards.get(response, 0.0) for response in responses]

    def __deepcopy__(self, memo):
        return self  # so that calls are counted here

    def __repr__(self):
        return "score"


PERU = {"Lima": 0.4, "Oslo": -0.9, "Cusco": 0.7, "It lies by the sea.": 0.2}
EQUAL = {"Oslo": 0.1, "Lima": 0.9, "Cusco": 0.9, "Arequipa": 0.9, "Quito": 0.1}


@check
def check_rank_responses(function):
    for rewards, responses in (
        (PERU, list(PERU)),
        (EQUAL, list(EQUAL)),
        (PERU, ["Cusco", "Lima", "Cusco"]),
        (PERU, ["Lima"]),
    ):
        prompt, score = "Capital of Peru?", _Scorer(rewards)
        result = call(function, score, prompt, responses)
        if any(asked != prompt for asked in score.prompts):
            raise Mistake(
                f"score was asked about {show(score.prompts[0])}, which is not the prompt: score(prompt, responses) "
                "takes the prompt first."
            )
        _compare_ranking(result, responses, rewards)
        if len(score.prompts) > 1:
            raise Mistake(
                f"the order is right, but you call score {len(score.prompts)} times for {len(responses)} responses. "
                "Give it the whole list once: a model reads many texts together much faster."
            )
    return "Best first, equal rewards in the order they came in, every response kept, and one call of score."


def _compare_ranking(result, responses, rewards):
    if isinstance(result, dict):
        raise Mistake(
            "a dict has room for each text once only, and two responses may be equal: return a list of pairs."
        )
    got = plain(result)
    if not isinstance(got, list):
        raise Mistake(f"return a list of pairs (response, reward), got {kind(result)}.")
    _check_form(got, _forms_of_ranking(got, len(responses)))
    got = [[text, _unrounded(reward, rewards.get(text))] for text, reward in got]
    listed = [[response, rewards[response]] for response in responses]
    want = sorted(listed, key=lambda pair: -pair[1])
    here = f"For the rewards {[pair[1] for pair in listed]}"
    if sorted(map(str, got)) != sorted(map(str, want)):
        few = f"you return {len(got)} of {len(want)} responses: equal texts or equal rewards count too."
        other = f"the pairs are {show(want)}, yours are {show(got)}: is each reward beside its own response?"
        raise Mistake(f"{here} {few if len(got) < len(want) else other}")
    otherwise = f"the order should be {show(want)}, yours is {show(got)}."
    diagnose(got, want, _wrong_orders(listed), otherwise=otherwise, here=here, same=operator.eq)


def _unrounded(reward, own):
    """The response's own reward in place of what a float32 tensor keeps of it."""
    return own if own is not None and equal(reward, own) else reward


def _check_form(got, forms):
    """Raise `Mistake` with the sentence of the first form that the answer has; none of them is the form asked for."""
    for has_form, sentence in forms:
        if has_form(got):
            raise Mistake(sentence)


def _forms_of_ranking(got, n_responses):
    """Forms that are not a list of pairs (text, number), each with its sentence."""

    def of(kinds):
        return lambda items: (
            bool(items) and all(isinstance(item, kinds) and not isinstance(item, bool) for item in items)
        )

    def two(items):
        return len(items) == 2

    some = show(got[0] if got else got)
    return [
        (of(str), "return each response together with its reward, (response, reward); yours are texts alone."),
        (of(int), "these are positions; return the responses themselves, each with its reward."),
        (of(float), "these are rewards alone; return each with its response, (response, reward)."),
        (
            lambda items: two(items) and n_responses > 2 and of(list)(items) and min(map(len, items)) > 2,
            "these are two lists, responses and rewards; join them with zip(responses, rewards).",
        ),
        (
            lambda items: two(items) and of(str | float)(items),
            "return all responses, best first, not the best one alone.",
        ),
        (
            lambda items: not all(isinstance(item, list) and two(item) for item in items),
            f"each item is a pair, (response, reward); you returned {show(got)}.",
        ),
        (
            lambda items: items and all(isinstance(a, float) and isinstance(b, str) for a, b in items),
            "each pair is the other way round: the response first, then its reward.",
        ),
        (
            lambda items: not all(isinstance(a, str) and isinstance(b, int | float) for a, b in items),
            f"each pair is a text and a number, (response, reward); one of yours is {some}.",
        ),
    ]


def _wrong_orders(listed):
    """Orders of the right pairs that are not the right order, each with its sentence."""
    texts = sorted(text for text, _ in listed)

    def values(pairs):
        return [reward for _, reward in pairs]

    def falls(pairs):
        return values(pairs) == sorted(values(pairs), reverse=True)

    return [
        (
            lambda pairs: values(pairs) == sorted(values(pairs)) and not falls(pairs),
            "the worst response comes first: a higher reward is better, so sort downwards.",
        ),
        (listed, "the responses stand as they came in; sort them by their rewards."),
        (
            sorted(listed, key=lambda pair: (pair[1], pair[0]), reverse=True),
            (
                "equal rewards are ordered by the alphabet, because tuples are compared part by part. Sort by the "
                "reward alone, with a key."
            ),
        ),
        (
            falls,
            (
                "responses with equal rewards change places. Keep the order in which they came: `sorted` with "
                "reverse=True does, turning a sorted list round with [::-1] does not."
            ),
        ),
        (
            lambda pairs: [text for text, _ in pairs] in (texts, texts[::-1]),
            "the responses are in alphabetical order; sort by the rewards.",
        ),
        (
            lambda pairs: values(pairs) == sorted(values(pairs), key=abs, reverse=True),
            "you sort by the size of the reward without its sign, but -0.9 is worse than 0.2.",
        ),
    ]


# 5.2 From rewards to probabilities


def solution_win_probabilities(rewards):
    """How probable it is that response i beats response j, for every i and j.

    >>> [[round(p, 2) for p in row] for row in solution_win_probabilities([0.3, -0.2])]
    [[0.5, 0.62], [0.38, 0.5]]

    Why two forms of the same fraction? `exp` of a large number overflows, and
    rewards without a bound can be far apart. So each margin takes the form in
    which the exponent is not positive. `torch.sigmoid` does this for you.
    """

    def sigmoid(margin):
        small = math.exp(-abs(margin))
        return 1 / (1 + small) if margin >= 0 else small / (1 + small)

    return [[sigmoid(first - second) for second in rewards] for first in rewards]  # (K, K)


@check
def check_win_probabilities(function):
    for rewards in ([0.3, -0.2], [1.0, 0.0, -1.0, 0.5], [0.2], [2.0, 2.0, -3.0]):
        _compare_probabilities(_as_square(call(function, rewards), rewards), rewards)
    far = [800.0, 0.0, -800.0]
    try:
        got = _as_square(call(function, far), far)
    except Mistake as mistake:
        if "OverflowError" not in str(mistake):
            raise
        raise Mistake(
            f"right for small rewards, but for {far} exp overflows. Rewards without a bound can be far apart: use a "
            "form whose exponent is never positive, or torch.sigmoid."
        ) from None
    if any(math.isnan(value) for row in got for value in row):
        raise Mistake(
            f"right for small rewards, but for {far} you divide inf by inf, which is nan: use the margin alone."
        )
    _compare_probabilities(got, far)
    return "Every pair from its margin alone, 0.5 for equal rewards, and no overflow where rewards are far apart."


def _as_square(result, rewards):
    K = len(rewards)
    got = plain(result)
    if isinstance(got, int | float) and not isinstance(got, bool):
        raise Mistake(f"return a table with a row for each of the {K} responses; you returned one number, {got:.3f}.")
    if isinstance(got, list) and K > 1 and all(isinstance(value, int | float) for value in got):
        powers = [math.exp(reward - max(rewards)) for reward in rewards]
        if len(got) == K and all(
            abs(value - power / sum(powers)) < 1e-3 for value, power in zip(got, powers, strict=True)
        ):
            raise Mistake(
                "that is the softmax over all responses: K probabilities that sum to 1, of being the best of all. "
                "Wanted is a table of K rows, one probability for every two responses."
            )
        raise Mistake(f"return a table of {K} rows with {K} numbers each; you returned one list, {show(got)}.")
    if not isinstance(got, list) or not all(isinstance(row, list) for row in got):
        raise Mistake(f"return a table, a list of {K} rows with {K} numbers each, got {kind(result)}.")
    if not all(isinstance(value, int | float) for row in got for value in row):
        raise Mistake(f"the table holds numbers only; one row of yours is {show(got[0])}.")
    if len(got) == K and [len(row) for row in got] in ([K - 1] * K, list(range(K)), list(range(K, 0, -1))) and K > 1:
        raise Mistake(
            "your rows leave places out. Fill the whole square: also i against i, and both (i, j) and (j, i)."
        )
    if len(got) != K or any(len(row) != K for row in got):
        raise Mistake(
            f"for {K} rewards the table has {K} rows of {K} numbers; yours has rows of {[len(r) for r in got]}."
        )
    return got


def _sigmoid(x):
    return 0.5 * (1 + math.tanh(x / 2))


def _compare_probabilities(got, rewards):
    def table(cell):
        return [[cell(first, second) for second in rewards] for first in rewards]

    want = table(lambda a, b: _sigmoid(a - b))
    total = sum(math.exp(reward) for reward in rewards) if max(rewards) < 700 else None
    who_wins = either(table(lambda a, b: float(a > b) + 0.5 * (a == b)), table(lambda a, b: float(a > b)))
    likely = [
        (
            table(lambda a, b: _sigmoid(b - a)),
            "the better response gets the smaller probability: row i holds what i wins against j.",
        ),
        (table(lambda a, b: a - b), "these are the margins; the probability is the sigmoid of the margin."),
        (table(lambda a, b: _sigmoid(a + b)), "you add the two rewards; what counts is their difference."),
        (
            table(lambda a, b: _sigmoid(a)),
            "row i is the sigmoid of reward i alone. A reward means nothing alone: take the difference.",
        ),
        (
            table(lambda a, b: math.exp(a) / total) if total else None,
            "you divide by the sum over all responses; for two of them only those two count.",
        ),
        (who_wins, "you say who wins, 0 or 1; wanted is how probable it is."),
        (
            table(lambda a, b: math.tanh(a - b)),
            "that is tanh, which runs from -1 to 1; a probability needs the sigmoid.",
        ),
        (
            table(lambda a, b: math.log(_sigmoid(a - b)) if _sigmoid(a - b) else -math.inf),
            "these are logarithms of probabilities; leave the log out.",
        ),
        (
            table(lambda a, b: a / (a + b) if a + b else 0.5),
            (
                "you divide rewards by their sum, which gives numbers below 0 or above 1: Bradley and Terry divide the "
                "*exponentials* of rewards, and rewards may be negative."
            ),
        ),
        *_broken_rules(got, rewards),
        (partial(equal, want, near=0.0051), "your table is rounded: return the probabilities as they are."),
        *_broken_sums(got),
    ]
    rounded = [[round(p, 3) for p in row] for row in want]
    otherwise = f"the table is {show(rounded)}, yours is {show(got)}."
    diagnose(got, want, likely, otherwise=otherwise, here=f"For the rewards {rewards}", same=partial(equal, near=1e-4))


def _broken_rules(got, rewards):
    """What a table of probabilities has on its diagonal, and that both halves are filled."""
    K = len(got)
    for i in range(K):
        sentence = f"response {i} against itself has {got[i][i]:.3f}: with a margin of 0 it is a coin's 0.5."
        yield lambda table, i=i: abs(table[i][i] - 0.5) > 1e-4, sentence
    yield (
        lambda table: max(map(abs, rewards)) < 700 and any(table[i][j] == 0 for i in range(K) for j in range(i)),
        "one half of the table is empty: fill (i, j) and (j, i), which sum to 1.",
    )


def _broken_sums(got):
    """That the probabilities of (i, j) and (j, i) sum to 1."""
    for i, j in combinations(range(len(got)), 2):
        yield (
            lambda table, i=i, j=j: abs(table[i][j] + table[j][i] - 1) > 1e-4,
            (
                f"response {i} beats response {j} with {got[i][j]:.3f}, and {j} beats {i} with {got[j][i]:.3f}. One of "
                "the two wins, so these must sum to 1: keep the sign of the difference."
            ),
        )


# 5.3 Find the bug: the best of each ranking in a batch


def solution_best_in_batch(rewards, sizes):
    """Where the best response of each ranking stands in the batch's flat list.

    >>> solution_best_in_batch([0.2, 0.9, -0.1, 0.4, -0.3], sizes=[2, 3])
    [1, 3]

    Why search `range(start, start + size)` and not the rewards? Because a value
    does not say where it stands: another prompt's response may have the same
    reward, and under tanh many do. Positions cannot be mistaken for each other.
    """
    best, start = [], 0
    for size in sizes:
        best.append(max(range(start, start + size), key=lambda i: rewards[i]))
        start += size
    return best


BATCHES = [
    ([0.2, 0.9, -0.1, 0.4, -0.3], [2, 3]),
    ([0.2, 0.9, -0.1, 0.4, -0.3, 0.1, -0.6, 0.3, 0.8], [2, 3, 4]),
    ([1.0, -1.0, 0.3, -0.5, 1.0, 0.1, -0.2, 0.6], [3, 2, 3]),
    ([-0.7, -0.2, -0.9, -0.4, -0.4, -0.8], [3, 1, 2]),
    ([0.5, 0.5, 0.1, 0.7, 0.7], [3, 2]),
]


@check
def check_best_in_batch(function):
    for rewards, sizes in BATCHES:
        result = call(function, rewards, sizes)
        _compare_best(result, rewards, sizes)
    return "One winner for each prompt, its position in the flat list, and no response competes with another prompt's."


def _compare_best(result, rewards, sizes):
    if isinstance(result, dict | set | frozenset):
        raise Mistake(f"return a list with one position for each ranking, in order, got {kind(result)}.")
    got = plain(result)
    here = f"For rewards {rewards} and sizes {sizes}"
    if isinstance(got, int | float) and not isinstance(got, bool):
        raise Mistake(f"{here} you return one winner for the whole batch; every ranking has its own.")
    if not isinstance(got, list) or not all(isinstance(i, int | float) and not isinstance(i, bool) for i in got):
        raise Mistake(f"return a list with one position for each ranking, got {show(result)}.")
    starts = [sum(sizes[:g]) for g in range(len(sizes))]
    groups = [rewards[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    want = [start + group.index(max(group)) for start, group in zip(starts, groups, strict=True)]
    otherwise = f"the best ones stand at {want}, yours are {got}."
    likely = _wrong_winners(got, rewards, starts, groups)
    diagnose(got, want, likely, otherwise=otherwise, here=here, same=operator.eq)


def _wrong_winners(got, rewards, starts, groups):
    """What is returned in place of the positions of the best responses, each with its sentence."""
    K, G = len(rewards), len(groups)
    sizes = [len(group) for group in groups]
    worst = [start + group.index(min(group)) for start, group in zip(starts, groups, strict=True)]
    last = [start + len(group) - 1 - group[::-1].index(max(group)) for start, group in zip(starts, groups, strict=True)]
    highest = sorted(sorted(range(K), key=lambda i: -rewards[i])[:G])
    return [
        ([max(group) for group in groups], "you return the highest rewards; wanted is where they stand."),
        (lambda got: len(got) != G, f"there are {G} rankings, but you return {len(got)} positions."),
        (
            lambda got: any(not float(i).is_integer() or not 0 <= i < K for i in got),
            f"positions are whole numbers from 0 to {K - 1}; yours are {got}.",
        ),
        (
            [group.index(max(group)) for group in groups],
            "you count from the start of each ranking; count from the start of the whole list.",
        ),
        (worst, "you pick the worst response of each ranking: max, not min."),
        (last, "two responses of one ranking have the highest reward: take the first of them, you took the last."),
        (
            [rewards.index(max(group)) for group in groups],
            (
                "the search for the highest reward goes through the whole batch and ends at *another prompt's* "
                "response with the same reward. Under tanh equal rewards are common. Search inside the ranking."
            ),
        ),
        (
            either(*_with_wrong_starts(rewards, sizes)),
            (
                "the third ranking does not begin where you look: `start` must move on by the size of *every* "
                "ranking before it."
            ),
        ),
        (
            lambda got: sorted(got) == highest,
            "these are the highest rewards of the whole batch; one from each ranking is wanted.",
        ),
    ]


def _with_wrong_starts(rewards, sizes):
    """What comes out if `start` is the last size, not the sum of sizes; with positions, and with a search by value."""
    by_position, by_value, start = [], [], 0
    for size in sizes:
        group = rewards[start : start + size] or [0.0]
        by_position.append(start + group.index(max(group)))
        by_value.append(rewards.index(max(group)) if max(group) in rewards else -1)
        start = size
    return by_position, by_value


# 5.4 Center rewards on reference answers


def solution_center_rewards(rewards, references):
    """Shift all rewards by one constant, so that reference answers have 0 on average.

    >>> centered = solution_center_rewards([[0.5, 0.1], [0.9]], references=[0.2, 0.4])
    >>> [[round(reward, 2) for reward in row] for row in centered]
    [[0.2, -0.2], [0.6]]

    Why one constant, and not one for each prompt? Because a constant leaves a
    model with the same preferences and gives its zero a meaning that can be put
    in words, "as good as a reference answer is on average". What a prompt's own
    mean would give depends on which other responses happen to be in the list.
    """
    zero = sum(references) / len(references)
    return [[reward - zero for reward in row] for row in rewards]


CENTERED = [
    ([[0.5, 0.1], [0.9]], [0.2, 0.4]),
    ([[0.9, -0.3, 0.6], [0.1, 0.2], [-0.8, 0.4, 0.5, 0.0]], [0.9, 0.1, -0.4]),
    ([[0.3, 0.7]], [-0.6, -0.1, -0.2, 0.1]),
]


@check
def check_center_rewards(function):
    for rewards, references in CENTERED:
        try:
            result = call(function, rewards, references)
        except Mistake as mistake:
            if "expected sequence of length" not in str(mistake) and "inhomogeneous" not in str(mistake):
                raise
            raise Mistake(
                f"the rows of {rewards} differ in length, so together they do not make one tensor or array: go "
                "row by row."
            ) from None
        _compare_centered(result, rewards, references)
    return "One constant for the whole model: references have 0 on average, and every margin is what it was."


def _compare_centered(result, rewards, references):
    here = f"For rewards {rewards} and references {references}"
    got = _as_rows(result, rewards, here)
    zero = sum(references) / len(references)
    want = [[reward - zero for reward in row] for row in rewards]
    diagnose(
        got,
        want,
        _wrong_zeros(rewards, references),
        otherwise=_about_shifts(got, rewards, zero),
        here=here,
        same=partial(equal, near=1e-5),
    )


def _as_rows(result, rewards, here):
    """The learner's result as a row of numbers for each row of `rewards`."""
    got = plain(result)
    if isinstance(got, int | float) and not isinstance(got, bool):
        raise Mistake(f"return the shifted rewards, row by row; you returned one number, {got:.3f}.")
    if isinstance(got, list) and got and all(isinstance(value, int | float) for value in got):
        raise Mistake(f"{here} your result is one flat list; keep one row for each prompt.")
    if not isinstance(got, list) or not all(isinstance(row, list) for row in got):
        raise Mistake(f"return a list with one row of rewards for each prompt, got {kind(result)}.")
    if not all(isinstance(value, int | float) for row in got for value in row):
        raise Mistake(f"rewards are numbers; one row of yours is {show(got[0] if got else got)}.")
    if [len(row) for row in got] != [len(row) for row in rewards]:
        raise Mistake(
            f"{here} the rows should have {[len(row) for row in rewards]} rewards, yours have {[len(row) for row in got]}."
        )
    return got


def _wrong_zeros(rewards, references):
    """What other constants give than the mean of the references, each with its sentence."""
    G, flat = len(rewards), [reward for row in rewards for reward in row]
    zero = sum(references) / len(references)
    spread = (sum((reward - zero) ** 2 for reward in references) / len(references)) ** 0.5

    def shifted(*constants):
        by_row = constants * G if len(constants) == 1 else constants
        return [[reward - c for reward in row] for row, c in zip(rewards, by_row, strict=True)]

    own_means = shifted(*(sum(row) / len(row) for row in rewards))
    medians = either(shifted(median(references)), shifted(median_high(references)))
    return [
        (shifted(-zero), "you add the mean of the references; subtract it, so that they come to 0."),
        (rewards, "nothing has changed; subtract the mean reward of the references from every reward."),
        (
            own_means if G > 1 else None,
            (
                "you subtract from each prompt the mean of its own responses. That is another constant for every "
                "prompt; one constant, from the references, is wanted."
            ),
        ),
        (
            shifted(sum(flat) / len(flat)),
            "you subtract the mean of the rewards themselves; the references define the zero.",
        ),
        (
            either(shifted(max(references)), shifted(min(references))),
            "the best or the worst reference sets your zero; let all of them set it, by their mean.",
        ),
        (
            medians if len(references) > 2 else None,
            "that is the median of the references; the papers, and this exercise, take their mean.",
        ),
        (
            shifted(*references[:G]) if len(references) >= G else None,
            (
                "you subtract from prompt i the reference i. References may be answers to other prompts, in any "
                "number: first take their mean."
            ),
        ),
        (shifted(references[0]), "only the first reference counts; take the mean of all."),
        (shifted(sum(references)), "you subtract the sum of the references; divide it by how many there are."),
        (
            [[(reward - zero) / spread for reward in row] for row in rewards],
            "you also divide by the spread. That changes the margins, and with them the probabilities; only shift.",
        ),
    ]


def _about_shifts(got, rewards, zero):
    """What to say when no likely mistake gives these rewards: by how much they went down."""
    downs = [[a - b for a, b in zip(old, new, strict=True)] for old, new in zip(rewards, got, strict=True)]
    if any(abs(row[0] - row[-1]) > 1e-5 for row in downs):
        return "margins inside a prompt have changed: shift all rewards by the same constant."
    flat = [down for row in downs for down in row]
    least, most = f"{min(flat):.3f}", f"{max(flat):.3f}"
    yours = f"by {least}" if least == most else f"by different amounts, from {least} to {most}"
    return f"every reward should go down by {zero:.3f}, the mean of the references; yours go down {yours}."


# 5.5 Best of n, exactly


def solution_expected_best_of_n(rewards, quality, n):
    """Mean quality of what best-of-n picks, over all choices of n candidates.

    >>> solution_expected_best_of_n([0.5, 0.1, 0.9], [4.0, 0.0, 1.0], n=2)
    2.0

    Why is the response on place p picked comb(K - 1 - p, n - 1) times? It is
    picked when it is drawn and all others drawn stand behind it. There are
    K - 1 - p behind it, and n - 1 of them have to be chosen.
    """
    K = len(rewards)
    order = sorted(range(K), key=lambda i: rewards[i], reverse=True)
    picked = [math.comb(K - 1 - place, n - 1) for place in range(K)]
    return sum(times * quality[i] for times, i in zip(picked, order, strict=True)) / math.comb(K, n)


POOLS = [
    ([0.2, 0.8, -0.4, 0.6], [1.0, 1.0, 1.0, 1.0], 2),
    ([0.5, 0.1, 0.9], [4.0, 0.0, 1.0], 2),
    ([0.2, 0.8, -0.4, 0.6], [3.0, 1.0, 2.0, 7.0], 1),
    ([0.2, 0.8, -0.4, 0.6], [3.0, 1.0, 2.0, 7.0], 4),
    ([0.2, 0.8, -0.4, 0.6, 0.1], [3.0, 1.0, 2.0, 7.0, 5.0], 3),
]


@check
def check_expected_best_of_n(function):
    for rewards, quality, n in POOLS:
        result = call(function, rewards, quality, n)
        _compare_expected(result, rewards, quality, n)
    return "Every choice of n candidates counts once, the reward picks, and the quality is what is averaged."


def readings_of_best_of_n(rewards: list[float], quality: list[float], n: int) -> dict[str, float | None]:
    """The mean quality of what best-of-n picks, under "right", and what typical mistakes compute instead.

    Args:
        rewards: (K,) what picks.
        quality: (K,) what is averaged.
        n: how many of the K responses are drawn; None stands where a mistake is none at this n.

    >>> readings = readings_of_best_of_n([0.5, 0.1, 0.9], [4.0, 0.0, 1.0], n=2)
    >>> readings["right"], readings["highest of the pool"]
    (2.0, 1.0)
    """
    K = len(rewards)
    draws = list(combinations(range(K), n))
    order = sorted(range(K), key=lambda i: rewards[i], reverse=True)

    def best(draw):
        return max(draw, key=lambda i: rewards[i])

    def over_draws(value):
        return sum(map(value, draws)) / len(draws)

    right = over_draws(lambda draw: quality[best(draw)])
    return {
        "right": right,
        "mean reward": over_draws(lambda draw: rewards[best(draw)]),
        "worst of n": over_draws(lambda draw: quality[min(draw, key=lambda i: rewards[i])]),
        "picked by quality": over_draws(lambda draw: max(quality[i] for i in draw)),
        "put back": sum(quality[i] * ((K - p) ** n - (K - 1 - p) ** n) for p, i in enumerate(order)) / K**n,
        "highest of the pool": quality[order[0]],
        "first n": quality[best(range(min(n, K)))] if n > 1 else None,
        "n highest": sum(quality[i] for i in order[:n]) / n,
        "mean of the pool": sum(quality) / K,
        "not sorted, highest first": sum(math.comb(K - 1 - i, n - 1) * quality[i] for i in range(K)) / len(draws),
        "not sorted, lowest first": sum(math.comb(i, n - 1) * quality[i] for i in range(K)) / len(draws),
        "places for responses": sum(math.comb(K - 1 - order[i], n - 1) * quality[i] for i in range(K)) / len(draws),
        "sum over draws": right * len(draws),
    }


def _as_one_number(result):
    got = plain(result)
    if isinstance(got, list) and len(got) == 1:
        got = plain(got[0])
    if isinstance(got, list | dict | set):
        raise Mistake(f"return one number, the mean quality of what is picked, got {kind(result)}.")
    if isinstance(got, bool) or not isinstance(got, int | float):
        raise Mistake(f"return one number, the mean quality of what is picked, got {show(result)}.")
    return got


def _compare_expected(result, rewards, quality, n):
    got = _as_one_number(result)
    readings = readings_of_best_of_n(rewards, quality, n)
    K, want = len(rewards), readings["right"]
    n_draws = math.comb(K, n)
    sentences = {
        "mean reward": "that is the mean *reward* of what is picked; the reward picks, the quality is wanted.",
        "worst of n": "you pick the lowest reward each time: that is the worst of n.",
        "picked by quality": "you pick by quality, which nobody knows when they pick; the highest *reward* wins.",
        "put back": "you let the same response be drawn several times, as from a bag into which it is put back. The n "
        "candidates are different ones.",
        "highest of the pool": f"you pick from the whole pool; only n of the {K} responses are drawn, and all draws count.",
        "first n": f"you look at the first {n} responses only; average over all ways to choose {n}.",
        "n highest": f"that is the mean quality of the {n} highest rewards; each draw has one winner.",
        "mean of the pool": "that is the mean quality of the pool, as if the reward did not matter.",
        "not sorted, highest first": "your formula is for responses sorted by reward, highest first: sort them before you "
        "use it.",
        "places for responses": "places and responses are mixed up. After sorting, `order[p]` is the *response* on place p: "
        "it has the quality, and p goes into the formula.",
        "sum over draws": f"that is the sum over all {n_draws} draws; divide by how many there are.",
    }
    worth = (
        f"every response is worth {quality[0]:g}, so the mean must be {quality[0]:g} too; yours is {got:.3f}. Your "
        "shares do not sum to 1: how many ways are there to choose n of K, and how often does each response win?"
    )
    near = (
        f"the exact mean is {want:.4f}, yours is {got:.4f}: near, but not equal. Do you sample, or round? Count all "
        "draws instead of drawing at random, and round nothing."
    )
    likely = [
        *((readings[name], sentence) for name, sentence in sentences.items()),
        (lambda _: len(set(quality)) == 1, worth),
        *(
            (
                readings_of_best_of_n(rewards, quality, m)["right"],
                f"that is best-of-{m}: draw n candidates, and here n is {n}.",
            )
            for m in range(1, K + 1)
        ),
        (lambda got: abs(got - want) < 0.35, near),
    ]
    here = f"For rewards {rewards}, quality {quality} and n = {n}"
    diagnose(got, want, likely, otherwise=f"the mean is {want:.4f}, yours is {got:.4f}.", here=here)
