"""Right and wrong answers to the exercises of chapter 9: {exercise: (check, right answers, wrong answers)}."""

import copy
import math
from itertools import combinations
from statistics import mean

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, softplus

from rmkit import k_choose_2_loss
from rmkit.course.exercises.bug_museum import (
    check_accuracy_from_log,
    check_as_rewards,
    check_company_matters,
    check_fit_pair,
    check_pad_and_find,
    check_ranking_loss,
    check_reliability,
    check_restore,
    check_safe_loss,
    check_training_rows,
    solution_accuracy_from_log,
    solution_as_rewards,
    solution_company_matters,
    solution_fit_pair,
    solution_pad_and_find,
    solution_ranking_loss,
    solution_reliability,
    solution_restore,
    solution_safe_loss,
    solution_training_rows,
)

# 9.1 Training rows


def rows_in_a_loop(rows, held_out):
    kept = []
    for prompt, chosen, rejected in rows:
        words = prompt.casefold().split()
        if not any(words == other.casefold().split() for other, _, _ in held_out):
            kept.append((prompt, chosen, rejected))
    return kept


def rows_as_iterator(rows, held_out):
    seen = {" ".join(row[0].upper().split()) for row in held_out}
    yield from (row for row in rows if " ".join(row[0].upper().split()) not in seen)


def rows_without(key):
    """Rows whose key is not among the held-out keys."""
    return lambda rows, held_out: [row for row in rows if key(row) not in [key(other) for other in held_out]]


def rows_once(rows, held_out):
    return list({row[0].lower(): row for row in solution_training_rows(rows, held_out)}.values())


def rows_by_start(rows, held_out):
    starts = [" ".join(prompt.lower().split())[:15] for prompt, _, _ in held_out]
    return [row for row in rows if " ".join(row[0].lower().split())[:15] not in starts]


RIGHT_ROWS = [solution_training_rows, rows_in_a_loop, rows_as_iterator]
WRONG_ROWS = {
    "all": (lambda rows, held_out: rows, "nothing is taken out"),
    "these rows only": (rows_without(lambda row: row), "those rows only"),
    "exact prompt": (rows_without(lambda row: row[0]), "Compare without case and spacing"),
    "case only": (rows_without(lambda row: row[0].lower()), "all spacing is one space"),
    "spacing only": (rows_without(lambda row: row[0].split()), "compare in lower case"),
    "held out": (lambda rows, held_out: held_out, "you return the held-out rows"),
    "once a prompt": (rows_once, "you keep one of them"),
    "by the start": (rows_by_start, "not similar"),
    "prompts": (lambda rows, held_out: [row[0] for row in solution_training_rows(rows, held_out)], "texts alone"),
    "positions": (lambda rows, held_out: list(range(len(rows))), "positions"),
    "both sides": (lambda rows, held_out: (solution_training_rows(rows, held_out), held_out), "alone; the held-out"),
    "set": (lambda rows, held_out: set(solution_training_rows(rows, held_out)), "a set, which has none"),
    "order": (lambda rows, held_out: sorted(solution_training_rows(rows, held_out)), "change places"),
    "other side": (
        lambda rows, held_out: [row for row in rows if row not in solution_training_rows(rows, held_out)],
        "wanted are the others",
    ),
    "lower case": (
        lambda rows, held_out: [(x.lower(), a, b) for x, a, b in solution_training_rows(rows, held_out)],
        "which is no row",
    ),
}

# 9.2 The log


def log_with_numpy(log):
    n, a = np.array(log).T
    return np.average(a[n > 0], weights=n[n > 0])


def log_by_counting(log):
    right = pairs = 0
    for n, accuracy in log:
        if n:
            right += round(n * accuracy)
            pairs += n
    return right / pairs


def full(log):
    return [(n, a) for n, a in log if n]


def over(numerator, denominator):
    return lambda log: numerator(full(log)) / denominator(full(log))


def right_of(log):
    return sum(n * a for n, a in log)


def pairs_of(log):
    return sum(n for n, _ in log)


RIGHT_LOGS = [solution_accuracy_from_log, log_with_numpy, log_by_counting]
WRONG_LOGS = {
    "mean of means": (over(lambda log: sum(a for _, a in log), len), "mean of the batches' means"),
    "nan": (
        lambda log: sum(n * a for n, a in log) / sum(n for n, _ in log) + 0 * mean(a for _, a in log),
        "0 * nan is nan",
    ),
    "count": (lambda log: right_of(full(log)), "how many pairs"),
    "percent": (over(lambda log: 100 * right_of(log), pairs_of), "percentage"),
    "wrong ones": (over(lambda log: pairs_of(log) - right_of(log), pairs_of), "share of pairs that are wrong"),
    "as if full": (over(right_of, lambda log: len(log) * max(n for n, _ in log)), "as if all batches were full"),
    "drop last": (
        lambda log: mean(a for n, a in full(log) if n == max(n for n, _ in log)),
        "leave out the short batch",
    ),
    "empty as wrong": (
        lambda log: right_of(full(log)) / sum(n or max(n for n, _ in log) for n, _ in log),
        "counts as a full one",
    ),
    "by batches": (over(right_of, len), "divide by the number of batches"),
    "squares": (over(lambda log: sum(n * n * a for n, a in log), lambda log: sum(n * n for n, _ in log)), "twice"),
    "last": (lambda log: log[-1][1], "the last batch alone"),
    "list": (lambda log: [a for _, a in log], "one number"),
    "rounded": (lambda log: round(solution_accuracy_from_log(log), 1), "of 27 pairs are right"),
}

# 9.3 Reliability


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, dtype=float)))


def binned(probability, right, n_bins, order=None):
    """(mean probability, mean right, n) in bins of equal size along `order`."""
    order = np.argsort(probability if order is None else order, kind="stable")
    return [
        (probability[part].mean(), right[part].mean(), len(part)) for part in np.array_split(order, n_bins) if len(part)
    ]


def won(margins):
    return np.where(margins > 0, 1.0, np.where(margins == 0, 0.5, 0.0))


def reliability_in_random_order(margins, n_bins):
    m, flip = np.array(margins), np.random.default_rng(0).integers(0, 2, len(margins)) * 2 - 1
    return binned(sigmoid(m * flip), (flip > 0).astype(float), n_bins)


def reliability_by_size(margins, n_bins):
    m = np.array(margins)
    return binned(sigmoid(abs(m)), won(m), n_bins)


def reliability_in_equal_steps(margins, n_bins):
    m = np.array(margins)
    p, edges = sigmoid(abs(m)), np.linspace(0.5, 1, n_bins + 1)
    place = np.clip(np.digitize(p, edges) - 1, 0, n_bins - 1)
    return [
        (p[place == b].mean(), won(m)[place == b].mean(), (place == b).sum())
        for b in range(n_bins)
        if (place == b).any()
    ]


def table_with(probability, right, order=None):
    """A table from probability(m) and right(m), sorted by order(m)."""

    def function(margins, n_bins):
        m = np.array(margins)
        return binned(probability(m), right(m), n_bins, None if order is None else order(m))

    return function


def changed(change):
    return lambda margins, n_bins: [change(*row) for row in solution_reliability(margins, n_bins)]


def shuffled_shares(margins, n_bins):
    m = np.array(margins)
    return binned(sigmoid(abs(m)), np.random.default_rng(1).permutation(won(m)), n_bins)


def means_inside(margins, n_bins):
    m = np.array(margins)
    parts = np.array_split(np.argsort(abs(m)), n_bins)
    return [(sigmoid(m[part].mean()), won(m)[part].mean(), len(part)) for part in parts]


def step(margins, n_bins):
    return [(0.5 + row[0] / 4, row[1], row[2]) for row in reliability_by_size(margins, n_bins)]


RIGHT_TABLES = [solution_reliability, reliability_in_random_order, reliability_by_size, reliability_in_equal_steps]
WRONG_TABLES = {
    "signed": (table_with(sigmoid, won), "its sign *is* the answer"),
    "always right": (table_with(lambda m: sigmoid(abs(m)), lambda m: (abs(m) > 0) * 1.0), "every bin is 100% right"),
    "margins": (table_with(abs, won), "it is the margin"),
    "tanh": (table_with(lambda m: np.tanh(abs(m) / 2), won), "take the sigmoid"),
    "losses": (table_with(lambda m: sigmoid(abs(m)), lambda m: 1 - won(m)), "you count the pairs that are wrong"),
    "ties lost": (table_with(lambda m: sigmoid(abs(m)), lambda m: (m > 0) * 1.0), "counts half"),
    "one bin": (lambda margins, n_bins: solution_reliability(margins, 1), "your table has 1 rows"),
    "shuffled": (shuffled_shares, "after sorting"),
    "means inside": (means_inside, "margins of both signs cancel"),
    "half": (step, "the mean gap between the two columns"),
    "two columns": (changed(lambda p, share, n: (p, share)), "three numbers"),
    "percent": (changed(lambda p, share, n: (p, 100 * share, n)), "from 0 to 1"),
    "shares of n": (changed(lambda p, share, n: (p, share, 0.1)), "sums to 1"),
    "error": (
        lambda margins, n_bins: sum(n * abs(p - s) for p, s, n in solution_reliability(margins, n_bins)),
        "return a table",
    ),
}

# 9.4 A safe loss


def naive(m):
    return -torch.log(torch.sigmoid(m)).mean()


def by_hand(m):
    return (torch.maximum(-m, torch.zeros_like(m)) + torch.log1p(torch.exp(-m.abs()))).mean()


def without_infinity(m):
    losses = -torch.log(torch.sigmoid(m))
    return torch.where(torch.isfinite(losses), losses, 0.0).mean()


def finite_only(m):
    losses = -logsigmoid(m)
    return torch.where(m > -30, losses, torch.zeros_like(m)).mean()


RIGHT_LOSSES = [
    solution_safe_loss,
    by_hand,
    lambda m: softplus(-m).mean(),
    lambda m: torch.logaddexp(torch.zeros_like(m), -m).mean(),
    lambda m: binary_cross_entropy_with_logits(m, torch.ones_like(m)),
]
WRONG_LOSSES = {
    "as found": (naive, "log of a probability rounded to 0"),
    "a small number": (
        lambda m: -torch.log(torch.sigmoid(m) + 1e-8).mean(),
        "A small number inside the logarithm silences",
    ),
    "probability": (lambda m: -torch.log(torch.sigmoid(m).clamp(min=1e-7)).mean(), "Clamping the probability silences"),
    "margin": (lambda m: -logsigmoid(m.clamp(-20, 20)).mean(), "Clamping the margin silences"),
    "left out": (finite_only, "Leaving out what is not finite silences"),
    "double": (lambda m: naive(m.double()), "-745"),
    "where": (without_infinity, "leaves nan in the gradient"),
    "relu": (lambda m: (torch.relu(-m) + torch.log1p(torch.exp(-m.abs()))).mean(), "flat at 0"),
    "sum": (lambda m: -logsigmoid(m).sum(), "you return the sum"),
    "sign": (lambda m: logsigmoid(m).mean(), "put a minus"),
    "turned": (lambda m: -logsigmoid(-m).mean(), "grows with the margin"),
    "tanh": (lambda m: -logsigmoid(torch.tanh(m)).mean(), "another model"),
    "item": (lambda m: -logsigmoid(m.detach()).mean(), "has no gradient"),
    "each": (lambda m: -logsigmoid(m), "one number"),
    "number": (lambda m: solution_safe_loss(m).item(), "return a tensor"),
    "half": (lambda m: -logsigmoid(m / 2).mean(), "the loss should be"),
}

# 9.5 Rankings


def ranking_loop(scores):
    B, K = scores.shape
    losses = [-logsigmoid(scores[b, i] - scores[b, j]) for b in range(B) for i, j in combinations(range(K), 2)]
    return torch.stack(losses).sum() / len(losses)


def ranking_with_triangle(scores):
    K = scores.shape[1]
    margins = scores[:, :, None] - scores[:, None, :]
    return -logsigmoid(margins[:, torch.ones(K, K).triu(1).bool()]).mean(dim=1).mean()


def ranking_from_package(scores):
    return k_choose_2_loss(scores.flatten(), [scores.shape[1]] * len(scores))


def scaled(factor):
    """The right loss, times a number made of B, K and P."""

    def function(scores):
        B, K = scores.shape
        return solution_ranking_loss(scores) * factor(B, K, math.comb(K, 2))

    return function


def divided_in_the_loop(scores):
    loss = torch.zeros(())
    for row in scores:
        loss = loss + solution_ranking_loss(row[None])
        loss = loss / len(scores)
    return loss


def over_pairs(choose):
    """The mean of the losses of the pairs (i, j) that choose(i, j) lets through."""

    def function(scores):
        K = scores.shape[1]
        pairs = [(i, j) for i in range(K) for j in range(K) if choose(i, j)]
        return torch.stack([-logsigmoid(scores[:, i] - scores[:, j]) for i, j in pairs]).mean()

    return function


RIGHT_RANKINGS = [solution_ranking_loss, ranking_loop, ranking_with_triangle, ranking_from_package]
WRONG_RANKINGS = {
    "as found": (scaled(lambda B, K, P: 1 / P), "divide by the number of pairs twice"),
    "both twice": (scaled(lambda B, K, P: 1 / P / B), "and by the rankings twice"),
    "sum of pairs": (scaled(lambda B, K, P: P), "long rankings now weigh more"),
    "sum of all": (scaled(lambda B, K, P: P * B), "sum over all pairs of all rankings"),
    "sum of rankings": (scaled(lambda B, K, P: B), "grows with the batch"),
    "batch twice": (scaled(lambda B, K, P: 1 / B), "number of rankings twice"),
    "by K": (scaled(lambda B, K, P: P / K), "by the K responses"),
    "both sides": (scaled(lambda B, K, P: 0.5), "from both sides"),
    "the whole table": (scaled(lambda B, K, P: P / K / K), "most of those places are no pair"),
    "inside the loop": (divided_in_the_loop, "inside the loop"),
    "sign": (scaled(lambda B, K, P: -1), "put a minus"),
    "turned": (over_pairs(lambda i, j: i > j), "listed best first"),
    "neighbors": (over_pairs(lambda i, j: j == i + 1), "neighbors only"),
    "best only": (over_pairs(lambda i, j: i == 0 < j), "the best with the others only"),
    "itself": (over_pairs(lambda i, j: i <= j), "with itself"),
    "both directions": (over_pairs(lambda i, j: i != j), "both directions"),
    "detached": (lambda scores: solution_ranking_loss(scores.detach()), "has no gradient"),
    "cut off": (
        lambda scores: solution_ranking_loss(scores.detach()) + 0 * scores.sum(),
        "something between scores and loss",
    ),
}

# 9.6 Pairs that fit


def fit_shared(prompt, chosen, rejected, max_length, cls, sep):
    """Both texts keep the same part of the prompt."""
    room = max_length - 2
    responses = [chosen[:room], rejected[:room]]
    left = min(room - max(map(len, responses)), len(prompt))
    texts = [[cls] + (prompt[-left:] if left > 0 else []) + response + [sep] for response in responses]
    return texts if texts[0] != texts[1] else None


def fit_by_popping(prompt, chosen, rejected, max_length, cls, sep):
    texts = []
    for response in (chosen, rejected):
        before, after = list(prompt), list(response)
        while len(before) + len(after) + 2 > max_length:
            before.pop(0) if before else after.pop()
        texts.append([cls, *before, *after, sep])
    if texts[0] == texts[1]:
        return None
    return tuple(texts)


def fit_with(join, give_up=True):
    """Each text by join(prompt, response, room); None where both are the same."""

    def function(prompt, chosen, rejected, max_length, cls, sep):
        texts = tuple([cls, *join(prompt, response, max_length - 2), sep] for response in (chosen, rejected))
        return None if give_up and texts[0] == texts[1] else texts

    return function


def keep_end(prompt, response, room):
    kept = response[:room]
    return prompt[max(0, len(prompt) - room + len(kept)) :] + kept


def fit_or_drop(prompt, chosen, rejected, max_length, cls, sep):
    if len(prompt) + max(len(chosen), len(rejected)) + 2 > max_length:
        return None
    return solution_fit_pair(prompt, chosen, rejected, max_length, cls, sep)


def fit_or_drop_answers(prompt, chosen, rejected, max_length, cls, sep):
    if max(len(chosen), len(rejected)) + 2 > max_length:
        return None
    return solution_fit_pair(prompt, chosen, rejected, max_length, cls, sep)


def fit_chosen_first(prompt, chosen, rejected, max_length, cls, sep):
    left = max(0, max_length - 2 - len(chosen))
    kept = prompt[len(prompt) - min(left, len(prompt)) :]
    texts = [[cls, *kept, *response[: max_length - 2], sep] for response in (chosen, rejected)]
    return texts if texts[0] != texts[1] else None


def fit_in_place(prompt, chosen, rejected, max_length, cls, sep):
    del prompt[: max(0, len(prompt) + max(len(chosen), len(rejected)) + 2 - max_length)]
    return solution_fit_pair(prompt, chosen, rejected, max_length, cls, sep)


def fitted(change):
    def function(*arguments):
        result = solution_fit_pair(*arguments)
        return None if result is None else change(result)

    return function


RIGHT_PAIRS = [solution_fit_pair, fit_shared, fit_by_popping]
WRONG_PAIRS = {
    "as found": (fit_with(lambda x, y, room: (x + y)[:room], give_up=False), "the right end is cut off"),
    "drop what is too long": (fit_or_drop, "the easy half of a repair"),
    "drop long answers": (fit_or_drop_answers, "when their ends are cut off"),
    "start of the prompt": (
        fit_with(lambda x, y, room: x[: max(0, room - len(y[:room]))] + y[:room]),
        "you keep the start of the prompt",
    ),
    "no room for the ends": (fit_with(lambda x, y, room: keep_end(x, y, room + 2)), "[CLS] and [SEP] need room too"),
    "room of the chosen": (fit_chosen_first, "Each response leaves its own room"),
    "no prompt": (fit_with(lambda x, y, room: y[:room]), "there is room for more"),
    "equal ones kept": (fit_with(keep_end, give_up=False), "no model can tell them apart"),
    "end of the response": (
        fit_with(lambda x, y, room: x[max(0, len(x) - max(0, room - len(y))) :] + y[-room:]),
        "a response is not whole",
    ),
    "no sep": (fitted(lambda texts: [text[:-1] for text in texts]), "does not end with sep"),
    "no cls": (fitted(lambda texts: [text[1:] for text in texts]), "does not begin with cls"),
    "in place": (fit_in_place, "changed the list"),
    "never": (lambda *arguments: None, "Is the last line missing"),
    "one text": (fitted(lambda texts: texts[0]), "return two lists"),
}

# 9.7 Company


def company_one_by_one(score, texts):
    together = torch.tensor(score(texts))
    alone = torch.tensor([score([text])[0] for text in texts])
    return not torch.allclose(together, alone, atol=1e-4)


def company_leave_one_out(score, texts):
    together = score(texts)
    pairs = [(a, b) for a in range(len(texts)) for b in range(len(texts)) if a != b]
    for a, b in pairs:
        first, second = score([texts[a], texts[b]])
        if abs(first - together[a]) > 1e-3 or abs(second - together[b]) > 1e-3:
            return True
    return False


def company_first(score, texts):
    return abs(score(texts)[0] - score(texts[:1])[0]) > 1e-4


def company_again(score, texts):
    return score(texts) != score(texts)


def company_reversed(score, texts):
    both = zip(score(texts), score(texts[::-1])[::-1], strict=True)
    return any(abs(a - b) > 1e-4 for a, b in both)


def company_with(differs):
    """differs(together, alone) for each text."""

    def function(score, texts):
        return any(differs(a, score([text])[0]) for a, text in zip(score(texts), texts, strict=True))

    return function


RIGHT_COMPANY = [solution_company_matters, company_one_by_one, company_leave_one_out]
WRONG_COMPANY = {
    "always": (lambda score, texts: score(texts) is not None, "says True of everything"),
    "never": (lambda score, texts: score(texts[:1]) is None, "says False of everything: no score can fail it."),
    "again": (company_again, "what would a text get alone?"),
    "exact": (company_with(lambda a, b: a != b), "calls rounding a fault"),
    "turned": (lambda score, texts: not solution_company_matters(score, texts), "the wrong way round"),
    "first": (company_first, "Text 0 is the longest"),
    "without scoring": (lambda score, texts: True, "never calls score"),
    "reversed": (company_reversed, "not the order"),
    "large only": (company_with(lambda a, b: abs(a - b) > 0.03), "no rounding"),
    "number": (lambda score, texts: max(score(texts)), "return True or False, got a float"),
    "text": (lambda score, texts: score(texts[0]) is None, "score takes a list of texts"),
    "equal lengths": (company_with(lambda a, b: abs(a - b) > 1e-4 or abs(a) < 0.3), "says True where a score reads"),
}

# 9.8 Padding with the end


def pad_with_tensors(texts, pad_id):
    lengths = torch.tensor([len(text) for text in texts])
    ids = nn.utils.rnn.pad_sequence([torch.tensor(text) for text in texts], batch_first=True, padding_value=pad_id)
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    return ids, mask, lengths - 1


def pad_in_a_loop(texts, pad_id):
    longest, ids, mask, last = max(map(len, texts)), [], [], []
    for text in texts:
        row, seen = list(text), [True] * len(text)
        while len(row) < longest:
            row.append(pad_id)
            seen.append(False)
        ids.append(row)
        mask.append(seen)
        last.append(sum(seen) - 1)
    return ids, mask, last


def padded(mask=None, last=None, ids=None):
    """The right result with one part made anew: mask(row, text), last(row, text), ids(row, text)."""

    def function(texts, pad_id):
        parts = solution_pad_and_find(texts, pad_id)
        rows = list(zip(parts[0], texts, strict=True))
        made = [
            [make(row, text) for row, text in rows] if make else part
            for make, part in zip((ids, mask, last), parts, strict=True)
        ]
        return tuple(made)

    return function


def bare(text):
    while text and text[-1] == 9:
        text = text[:-1]
    return text


RIGHT_PADS = [solution_pad_and_find, pad_with_tensors, pad_in_a_loop]
WRONG_PADS = {
    "as found": (padded(mask=lambda row, text: [int(token != 9) for token in row]), "Ask the lengths"),
    "all ones": (padded(mask=lambda row, text: [1] * len(row)), "1 everywhere"),
    "last end hidden": (
        padded(mask=lambda row, text: [int(t < len(bare(text))) for t in range(len(row))]),
        "hides the last end token",
    ),
    "one end back": (
        padded(mask=lambda row, text: [int(t <= len(bare(text))) for t in range(len(row))]),
        "one end back",
    ),
    "upside down": (
        padded(mask=lambda row, text: [0] * len(text) + [1] * (len(row) - len(text))),
        "upside down",
    ),
    "left": (padded(ids=lambda row, text: row[len(text) :] + text), "on the left"),
    "ends added": (
        lambda texts, pad_id: solution_pad_and_find([bare(text) + [pad_id] for text in texts], pad_id),
        "add or take away",
    ),
    "another token": (lambda texts, pad_id: solution_pad_and_find(texts, 0), "input_ids should be"),
    "last place": (padded(last=lambda row, text: len(row) - 1), "last *position*"),
    "one too far": (padded(last=lambda row, text: len(text)), "counted from 0"),
    "before the first": (padded(last=lambda row, text: row.index(9) - 1 if 9 in row else -1), "end of the first turn"),
    "the first": (padded(last=lambda row, text: row.index(9) if 9 in row else -1), "one after every turn"),
    "before the end": (padded(last=lambda row, text: len(bare(text)) - 1), "look alike"),
    "first token": (padded(last=lambda row, text: 0), "`last` should be"),
    "shifted mask": (padded(mask=lambda row, text: [0] + [1] * (len(row) - 1)), "the mask should be"),
    "two parts": (lambda texts, pad_id: solution_pad_and_find(texts, pad_id)[:2], "return three things"),
}

# 9.9 Loading


def renamed(saved):
    return {name.removeprefix("v_") if name.startswith("v_") else name: weight for name, weight in saved.items()}


def restore_strictly(model, saved):
    model.load_state_dict(renamed(saved), strict=True)
    return model


def restore_by_hand(model, saved):
    rest = dict(saved)
    for name, weight in model.named_parameters():
        old = name.replace("head", "v_head")
        if name not in rest and old not in rest:
            raise KeyError(f"there is no {name}")
        with torch.no_grad():
            weight.copy_(rest.pop(name) if name in rest else rest.pop(old))
    if rest:
        raise KeyError(f"nobody wants {list(rest)}")
    return model


def restore_loosely(model, saved):
    model.load_state_dict(saved, strict=False)
    return model


def restore_renamed_loosely(model, saved):
    model.load_state_dict(renamed(saved), strict=False)
    return model


def restore_today_only(model, saved):
    model.load_state_dict(saved)
    return model


def restore_missing_only(model, saved):
    report = model.load_state_dict(renamed(saved), strict=False)
    if report.missing_keys:
        raise ValueError(f"missing {report.missing_keys}")
    return model


def restore_left_over_only(model, saved):
    report = model.load_state_dict(renamed(saved), strict=False)
    if report.unexpected_keys:
        raise ValueError(f"left over: {report.unexpected_keys}")
    return model


def restore_zeros(model, saved):
    filled = {name: renamed(saved).get(name, torch.zeros_like(weight)) for name, weight in model.state_dict().items()}
    model.load_state_dict(filled)
    return model


def restore_without_a_name(model, saved):
    if renamed(saved).keys() != model.state_dict().keys():
        raise ValueError("this file does not fit")
    return restore_strictly(model, saved)


def restore_encoder(model, saved):
    model.encoder.load_state_dict({"weight": saved["encoder.weight"], "bias": saved["encoder.bias"]})
    return model


def restore_head(model, saved):
    model.head.load_state_dict({"weight": renamed(saved)["head.weight"]})
    return model


def restore_and_change(model, saved):
    if "v_head.weight" in saved:
        saved["head.weight"] = saved.pop("v_head.weight")
    return restore_strictly(model, saved)


def restore_a_copy(model, saved):
    return restore_strictly(copy.deepcopy(model), saved)


RIGHT_RESTORES = [solution_restore, restore_strictly, restore_by_hand, restore_a_copy]
WRONG_RESTORES = {
    "as found": (restore_loosely, "from an older file, whose head is called v_head.weight, the head stays"),
    "renamed": (restore_renamed_loosely, "a file that lacks head.weight is taken"),
    "today only": (restore_today_only, "is complete, and you refuse it"),
    "missing only": (restore_missing_only, "score.weight, is taken without a word"),
    "zeros": (restore_zeros, "fills in zeros"),
    "without a name": (restore_without_a_name, "Name the weight"),
    "encoder": (restore_encoder, "from a file of today, the head stays"),
    "head": (restore_head, "encoder.weight is not what was saved"),
    "the file": (lambda model, saved: renamed(saved), "return the model, got a dict"),
    "changes the file": (restore_and_change, "you change the dict"),
}

# 9.10 One number


def rewards_by_reshape(logits):
    N = logits.shape[0]
    if logits.numel() != N or logits.ndim > 2:
        raise ValueError("one number a text, please")
    return logits.reshape(N)


def rewards_by_squeeze(logits):
    rewards = logits.squeeze(1) if logits.ndim == 2 else logits
    if rewards.ndim != 1:
        raise ValueError(f"got {logits.shape}")
    return rewards


def of_labels(take):
    """take(logits) where there are two dimensions, and the logits themselves where there is one."""
    return lambda logits: take(logits) if logits.ndim > 1 else logits


def only_two_labels(logits):
    if logits.ndim == 2 and logits.shape[1] == 2:
        raise ValueError("two labels")
    return logits.reshape(len(logits), -1)[:, 0]


def asserted(logits):
    assert logits.ndim == 1 or logits.shape[1:] == (1,), "one label"
    return logits.reshape(-1)


def first_or_margin(logits):
    return logits[:, 1] - logits[:, 0] if logits.shape[1:] == (2,) else logits.reshape(len(logits), -1)[:, 0]


def softmaxed(logits):
    return logits.softmax(dim=1)[:, 1] if logits.shape[1:] == (2,) else logits.reshape(len(logits), -1)[:, 0]


RIGHT_REWARDS = [solution_as_rewards, rewards_by_reshape, rewards_by_squeeze]
WRONG_REWARDS = {
    "as found": (lambda logits: logits.squeeze(-1) if logits.ndim == 2 else logits, "unchanged: two numbers a text"),
    "squeeze": (lambda logits: logits.squeeze(), "a lone number"),
    "first label": (of_labels(lambda logits: logits[:, 0]), "the first label alone"),
    "second label": (of_labels(lambda logits: logits[:, -1]), "the second label alone"),
    "mean": (of_labels(lambda logits: logits.mean(dim=1)), "the mean of both labels"),
    "difference": (first_or_margin, "the difference of the labels"),
    "softmax": (softmaxed, "the softmax of the second label"),
    "flat": (lambda logits: logits.reshape(-1), "6 rewards for 3 texts"),
    "second dimension": (lambda logits: logits, "without the second dimension"),
    "detached": (lambda logits: solution_as_rewards(logits.detach()), "the gradient is cut off"),
    "list": (lambda logits: solution_as_rewards(logits).tolist(), "got a list"),
    "two only": (only_two_labels, "(4, 5, 1) pass"),
    "assert": (asserted, "stop with AssertionError"),
    "tanh": (lambda logits: torch.tanh(solution_as_rewards(logits)), "as they are"),
    "strict": (
        lambda logits: solution_as_rewards(logits) if logits.ndim == 2 else rewards_by_reshape(logits[:, None, None]),
        "you stop",
    ),
}

EXERCISES = {
    "training_rows": (check_training_rows, RIGHT_ROWS, WRONG_ROWS),
    "accuracy_from_log": (check_accuracy_from_log, RIGHT_LOGS, WRONG_LOGS),
    "reliability": (check_reliability, RIGHT_TABLES, WRONG_TABLES),
    "safe_loss": (check_safe_loss, RIGHT_LOSSES, WRONG_LOSSES),
    "ranking_loss": (check_ranking_loss, RIGHT_RANKINGS, WRONG_RANKINGS),
    "fit_pair": (check_fit_pair, RIGHT_PAIRS, WRONG_PAIRS),
    "company_matters": (check_company_matters, RIGHT_COMPANY, WRONG_COMPANY),
    "pad_and_find": (check_pad_and_find, RIGHT_PADS, WRONG_PADS),
    "restore": (check_restore, RIGHT_RESTORES, WRONG_RESTORES),
    "as_rewards": (check_as_rewards, RIGHT_REWARDS, WRONG_REWARDS),
}
