"""Right and wrong answers to the exercises of chapter 5: {exercise: (check, right answers, wrong answers)}."""

import math
import random
from itertools import combinations, product

import numpy as np
import torch

from rmkit.course.exercises.using_rewards import (
    check_best_in_batch,
    check_center_rewards,
    check_expected_best_of_n,
    check_rank_responses,
    check_win_probabilities,
    solution_best_in_batch,
    solution_center_rewards,
    solution_expected_best_of_n,
    solution_rank_responses,
    solution_win_probabilities,
)

# 5.1 Rank with any scoring function


def rank_with_argsort(score, prompt, responses):
    rewards = torch.tensor(score(prompt, responses), dtype=torch.float64)
    order = torch.argsort(rewards, descending=True, stable=True).tolist()
    return [[responses[i], rewards[i]] for i in order]


def rank_by_insertion(score, prompt, responses):
    ranked = []
    for response, reward in zip(responses, score(prompt, responses), strict=True):
        place = sum(other >= reward for _, other in ranked)
        ranked.insert(place, (response, reward))
    return tuple(ranked)


def rank_with_torch(score, prompt, responses):
    rewards, order = torch.sort(torch.tensor(score(prompt, responses)), descending=True, stable=True)
    return [(responses[i], reward) for i, reward in zip(order, rewards, strict=True)]


def rank_one_by_one(score, prompt, responses):
    return sorted(((y, score(prompt, y)) for y in responses), key=lambda pair: -pair[1])


def rank_in_place(score, prompt, responses):
    ranked = solution_rank_responses(score, prompt, responses)
    responses.sort()
    return ranked


def ranked(change):
    """The right ranking, changed."""
    return lambda score, prompt, responses: change(solution_rank_responses(score, prompt, responses))


def sorted_by(key, reverse=True):
    """Pairs (response, reward) sorted by another key."""

    def function(score, prompt, responses):
        return sorted(zip(responses, score(prompt, responses), strict=True), key=key, reverse=reverse)

    return function


RIGHT_RANKS = [solution_rank_responses, rank_with_argsort, rank_by_insertion, rank_with_torch]
WRONG_RANKS = {
    "ascending": (sorted_by(lambda pair: pair[1], reverse=False), "worst response comes first"),
    "unsorted": (lambda score, x, ys: list(zip(ys, score(x, ys), strict=True)), "as they came in"),
    "texts alone": (ranked(lambda pairs: [y for y, _ in pairs]), "texts alone"),
    "rewards alone": (ranked(lambda pairs: [r for _, r in pairs]), "rewards alone"),
    "positions": (lambda score, x, ys: np.argsort(score(x, ys))[::-1], "positions"),
    "swapped": (ranked(lambda pairs: [(r, y) for y, r in pairs]), "other way round"),
    "two lists": (ranked(lambda pairs: list(zip(*pairs, strict=True))), "two lists"),
    "alphabet": (sorted_by(lambda pair: pair[0], reverse=False), "alphabetical"),
    "no sign": (sorted_by(lambda pair: abs(pair[1])), "without its sign"),
    "ties by text": (
        lambda score, x, ys: [(y, r) for r, y in sorted(zip(score(x, ys), ys, strict=True), reverse=True)],
        "by the alphabet",
    ),
    "ties reversed": (
        lambda score, x, ys: sorted(zip(ys, score(x, ys), strict=True), key=lambda pair: pair[1])[::-1],
        "change places",
    ),
    "dict": (ranked(dict), "a dict"),
    "through a dict": (ranked(lambda pairs: list(dict(pairs).items())), "2 of 3 responses"),
    "best only": (ranked(lambda pairs: pairs[0]), "all responses"),
    "one by one": (rank_one_by_one, "4 times"),
    "arguments swapped": (
        lambda score, x, ys: sorted(((y, score(y, x)) for y in ys), key=lambda pair: -pair[1]),
        "asked about 'Lima'",
    ),
    "prompt forgotten": (
        lambda score, x, ys: solution_rank_responses(score, "", ys),
        "asked about ''",
    ),
    "in place": (rank_in_place, "changed the list"),
}

# 5.2 Probabilities


def win_with_torch(rewards):
    r = torch.tensor(rewards)
    return torch.sigmoid(r[:, None] - r[None, :])


def win_with_tanh(rewards):
    r = np.array(rewards)
    return 0.5 * (1 + np.tanh((r[:, None] - r[None, :]) / 2))


def win_by_halves(rewards):
    K = len(rewards)
    table = [[0.5] * K for _ in range(K)]
    for i, j in combinations(range(K), 2):
        table[i][j] = torch.sigmoid(torch.tensor(rewards[i] - rewards[j])).item()
        table[j][i] = 1 - table[i][j]
    return table


def table_of(cell):
    """A table made from two rewards each."""
    return lambda rewards: [[cell(first, second) for second in rewards] for first in rewards]


def sigmoid(x):
    return torch.sigmoid(torch.tensor(float(x))).item()


def win_with_exp(rewards):
    r = torch.tensor(rewards)
    return r.exp()[:, None] / (r.exp()[:, None] + r.exp()[None, :])


def softmax(rewards):
    return torch.softmax(torch.tensor(rewards), dim=0)


RIGHT_WINS = [solution_win_probabilities, win_with_torch, win_with_tanh, win_by_halves]
WRONG_WINS = {
    "transposed": (table_of(lambda a, b: sigmoid(b - a)), "smaller probability"),
    "margins": (table_of(lambda a, b: a - b), "these are the margins"),
    "sum": (table_of(lambda a, b: sigmoid(a + b)), "you add the two"),
    "one reward": (table_of(lambda a, b: sigmoid(a)), "nothing alone"),
    "softmax": (softmax, "softmax over all"),
    "softmax rows": (lambda rewards: softmax(rewards)[:, None].expand(-1, len(rewards)), "over all responses"),
    "winner": (table_of(lambda a, b: float(a > b)), "0 or 1"),
    "tanh": (table_of(lambda a, b: math.tanh(a - b)), "from -1 to 1"),
    "log": (table_of(lambda a, b: math.log(sigmoid(a - b))), "leave the log out"),
    "ratio": (table_of(lambda a, b: a / (a + b) if a + b else 0.5), "*exponentials*"),
    "linear": (table_of(lambda a, b: (1 + a - b) / 2), "the table is"),
    "half everywhere": (lambda r: [0.5] * len(r), "you returned one list"),
    "no sign": (table_of(lambda a, b: sigmoid(abs(a - b))), "keep the sign"),
    "rounded": (table_of(lambda a, b: round(sigmoid(a - b), 2)), "is rounded"),
    "diagonal": (lambda r: np.array(win_with_tanh(r)) + 0.5 * np.eye(len(r)), "against itself"),
    "upper half": (
        lambda r: np.triu(win_with_tanh(r)),
        "half of the table is empty",
    ),
    "pairs only": (
        lambda r: [[sigmoid(r[i] - r[j]) for j in range(len(r)) if j != i] for i in range(len(r))],
        "leave places out",
    ),
    "one number": (lambda r: sigmoid(r[0] - r[-1]), "one number"),
    "overflow": (table_of(lambda a, b: 1 / (1 + math.exp(b - a))), "never positive"),
    "inf by inf": (win_with_exp, "inf by inf"),
}

# 5.3 Best in a batch


def best_with_split(rewards, sizes):
    best, start = [], 0
    for group in torch.tensor(rewards).split(sizes):
        best.append(start + group.argmax())
        start += len(group)
    return best


def best_with_starts(rewards, sizes):
    starts = np.cumsum([0, *sizes[:-1]])
    return starts + [np.argmax(rewards[a : a + n]) for a, n in zip(starts, sizes, strict=True)]


def best_as_given(rewards, sizes):
    """The function with two bugs, as it stands in the chapter."""
    best, start = [], 0
    for size in sizes:
        top = max(rewards[start : start + size])
        best.append(rewards.index(top))
        start = size
    return best


def best_by_value(rewards, sizes):
    best, start = [], 0
    for size in sizes:
        best.append(rewards.index(max(rewards[start : start + size])))
        start += size
    return best


def best_of_each(choose):
    """A number from each ranking: choose(its rewards, its start)."""

    def function(rewards, sizes):
        starts = [sum(sizes[:g]) for g in range(len(sizes))]
        return [choose(rewards[a : a + n], a) for a, n in zip(starts, sizes, strict=True)]

    return function


RIGHT_BESTS = [solution_best_in_batch, best_with_split, best_with_starts]
WRONG_BESTS = {
    "as given": (best_as_given, "`start` must move on"),
    "value": (best_by_value, "*another prompt's*"),
    "inside": (best_of_each(lambda group, a: group.index(max(group))), "start of the whole list"),
    "worst": (best_of_each(lambda group, a: a + group.index(min(group))), "max, not min"),
    "last of equals": (
        best_of_each(lambda group, a: a + max(range(len(group)), key=lambda i: (group[i], i))),
        "first of them",
    ),
    "rewards": (best_of_each(lambda group, a: max(group)), "where they stand"),
    "one winner": (lambda r, s: r.index(max(r)), "one winner for the whole batch"),
    "highest of all": (lambda r, s: sorted(sorted(range(len(r)), key=lambda i: -r[i])[: len(s)]), "one from each"),
    "too many": (lambda r, s: list(range(len(r))), "but you return"),
    "out of range": (best_of_each(lambda group, a: 5 + a + group.index(max(group))), "whole numbers from 0"),
    "dict": (lambda r, s: dict(enumerate(solution_best_in_batch(r, s))), "in order, got a dict"),
}

# 5.4 Centering


def center_with_torch(rewards, references):
    zero = torch.tensor(references).mean()
    return [torch.tensor(row) - zero for row in rewards]


def center_with_numpy(rewards, references):
    return tuple(tuple(np.array(row) - np.mean(references)) for row in rewards)


def shifted_by(constant):
    """Every row less a constant of its own."""

    def function(rewards, references):
        return [[r - constant(g, row, rewards, references) for r in row] for g, row in enumerate(rewards)]

    return function


def mean(numbers):
    return sum(numbers) / len(numbers)


def center_in_place(rewards, references):
    for row in rewards:
        for i in range(len(row)):
            row[i] -= mean(references)
    return rewards


def center_and_scale(rewards, references):
    return [[(r - mean(references)) / np.std(references) for r in row] for row in rewards]


RIGHT_CENTERS = [solution_center_rewards, center_with_torch, center_with_numpy]
WRONG_CENTERS = {
    "added": (shifted_by(lambda g, row, rs, refs: -mean(refs)), "you add"),
    "unchanged": (lambda rs, refs: [list(row) for row in rs], "nothing has changed"),
    "per prompt": (shifted_by(lambda g, row, rs, refs: mean(row)), "another constant for every prompt"),
    "mean of rewards": (shifted_by(lambda g, row, rs, refs: mean([r for row in rs for r in row])), "define the zero"),
    "median": (
        lambda rs, refs: shifted_by(lambda *_: np.median(refs) if len(refs) > 2 else mean(refs))(rs, refs),
        "median",
    ),
    "best reference": (shifted_by(lambda g, row, rs, refs: max(refs)), "all of them"),
    "reference i": (shifted_by(lambda g, row, rs, refs: refs[g]), "in any number"),
    "sum": (shifted_by(lambda g, row, rs, refs: sum(refs)), "sum of the references"),
    "scaled": (center_and_scale, "divide by the spread"),
    "one tensor": (lambda rs, refs: torch.tensor(rs) - mean(refs), "go row by row"),
    "half the sum": (shifted_by(lambda g, row, rs, refs: sum(refs) / 2), "yours go down by 0.300"),
    "by row": (shifted_by(lambda g, row, rs, refs: mean(refs) + g), "different amounts"),
    "flat": (lambda rs, refs: [r for row in solution_center_rewards(rs, refs) for r in row], "flat list"),
    "constant": (lambda rs, refs: mean(refs), "one number"),
    "in place": (center_in_place, "changed the list"),
    "first only": (lambda rs, refs: solution_center_rewards(rs, refs)[:1], "the rows should have"),
    "margins": (
        lambda rs, refs: [[(1 + i) * (r - mean(refs)) for i, r in enumerate(row)] for row in rs],
        "margins inside",
    ),
}

# 5.5 Best of n


def best_of_n_by_listing(rewards, quality, n):
    draws = list(combinations(range(len(rewards)), n))
    return sum(quality[max(draw, key=lambda i: rewards[i])] for draw in draws) / len(draws)


def best_of_n_by_products(rewards, quality, n):
    order = torch.argsort(torch.tensor(rewards), descending=True).tolist()
    K, total, missed = len(rewards), 0.0, 1.0
    for place, i in enumerate(order):
        drawn = min(1.0, n / (K - place))
        total, missed = total + missed * drawn * quality[i], missed * (1 - drawn)
    return torch.tensor(total)


def over_draws(value, divide=True):
    """The mean (or the sum) over all draws of value(draw, rewards, quality)."""

    def function(rewards, quality, n):
        draws = list(combinations(range(len(rewards)), n))
        return sum(value(draw, rewards, quality) for draw in draws) / (len(draws) if divide else 1)

    return function


def winner(draw, rewards):
    return max(draw, key=lambda i: rewards[i])


def with_replacement(rewards, quality, n):
    draws = list(product(range(len(rewards)), repeat=n))
    return mean([quality[winner(draw, rewards)] for draw in draws])


def sampled(rewards, quality, n):
    draw = random.Random(0).sample
    return mean([quality[winner(draw(range(len(rewards)), n), rewards)] for _ in range(500)])


def places(behind):
    """The formula with another number of responses behind each place."""

    def function(rewards, quality, n):
        K = len(rewards)
        order = sorted(range(K), key=lambda i: -rewards[i])
        return sum(math.comb(behind(K, p), n - 1) * quality[i] for p, i in enumerate(order)) / math.comb(K, n)

    return function


def places_mixed_up(rewards, quality, n):
    K = len(rewards)
    order = sorted(range(K), key=lambda i: -rewards[i])
    return sum(math.comb(K - 1 - k, n - 1) * quality[order.index(k)] for k in range(K)) / math.comb(K, n)


RIGHT_EXPECTED = [solution_expected_best_of_n, best_of_n_by_listing, best_of_n_by_products]
WRONG_EXPECTED = {
    "reward": (over_draws(lambda draw, r, q: r[winner(draw, r)]), "the reward picks"),
    "worst": (over_draws(lambda draw, r, q: q[min(draw, key=lambda i: r[i])]), "worst of n"),
    "by quality": (over_draws(lambda draw, r, q: max(q[i] for i in draw)), "which nobody knows"),
    "sum": (over_draws(lambda draw, r, q: q[winner(draw, r)], divide=False), "sum over all"),
    "put back": (with_replacement, "put back"),
    "whole pool": (lambda r, q, n: q[winner(range(len(r)), r)], "from the whole pool"),
    "first n": (lambda r, q, n: q[winner(range(n), r)], "responses only"),
    "highest n": (
        lambda r, q, n: mean([q[i] for i in sorted(range(len(r)), key=lambda i: -r[i])[:n]]),
        "each draw has one winner",
    ),
    "pool": (lambda r, q, n: mean(q), "did not matter"),
    "unsorted": (
        lambda r, q, n: sum(math.comb(len(r) - 1 - i, n - 1) * q[i] for i in range(len(r))) / math.comb(len(r), n),
        "highest first",
    ),
    "off by one": (places(lambda K, p: K - p), "do not sum to 1"),
    "sampled": (sampled, "drawing at random"),
    "mixed up": (places_mixed_up, "*response* on place p"),
    "always two": (lambda r, q, n: best_of_n_by_listing(r, q, 2), "best-of-2"),
    "whole numbers": (lambda r, q, n: best_of_n_by_listing(r, q, n) // 1, "round nothing"),
    "list": (lambda r, q, n: [r, q], "one number, the mean quality of what is picked, got a list"),
}

EXERCISES = {
    "rank_responses": (check_rank_responses, RIGHT_RANKS, WRONG_RANKS),
    "win_probabilities": (check_win_probabilities, RIGHT_WINS, WRONG_WINS),
    "best_in_batch": (check_best_in_batch, RIGHT_BESTS, WRONG_BESTS),
    "center_rewards": (check_center_rewards, RIGHT_CENTERS, WRONG_CENTERS),
    "expected_best_of_n": (check_expected_best_of_n, RIGHT_EXPECTED, WRONG_EXPECTED),
}
