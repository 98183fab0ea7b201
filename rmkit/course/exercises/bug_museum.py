"""Chapter 9, the bug museum: ten programs with one bug each, and what a repair has to do."""

import math
import random

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from rmkit.course.exercises import Mistake, call, check, diagnose, equal, kind, plain, show
from rmkit.course.exercises.pairwise_loss import likely_ranking_losses

# 9.1 Rows that may be trained on


def solution_training_rows(rows, held_out):
    """The rows whose prompt does not occur among the held-out ones.

    >>> rows = [("2 + 2?", "4", "5"), ("2  + 2?", "four", "22"), ("Capital of Peru?", "Lima", "Rome")]
    >>> solution_training_rows(rows, held_out=rows[:1])
    [('Capital of Peru?', 'Lima', 'Rome')]

    Why compare prompts, and not rows? Because a model that has seen another pair
    of the same prompt knows what a good answer to it looks like. And two spaces
    or a capital letter make no other question of it.
    """

    def key(prompt):
        return " ".join(prompt.lower().split())

    seen = {key(prompt) for prompt, _, _ in held_out}
    return [row for row in rows if key(row[0]) not in seen]


ROWS = [
    ("Capital of Peru?", "Lima", "Rome"),
    ("What is a tort?", "A civil wrong.", "A cake."),
    ("Capital of Peru?", "It is Lima.", "Cusco"),
    ("What is  a tort?", "A wrong that is no breach of contract.", "A crime."),
    ("What is a tort? And a crime?", "A civil wrong; a public one.", "The same."),
    ("Name a fruit.", "An apple", "A brick"),
    ("Name a fruit.", "A pear", "A brick"),
    ("CAPITAL OF PERU?", "Lima, on the coast", "Quito"),
]


@check
def check_training_rows(function):
    for places in ([0, 1], [0], [5], [3], []):
        held_out = [ROWS[i] for i in places]
        _compare_rows(call(function, ROWS, held_out), held_out)
    return "No prompt on both sides, nothing else is lost, and the held-out rows stay as they are."


def _compare_rows(result, held_out):
    if isinstance(result, set | frozenset | dict):
        raise Mistake(f"return a list of rows, in their order, got {kind(result)}, which has none.")
    got = plain(result)
    here = f"With {[row[0] for row in held_out]} held out"
    if not isinstance(got, list):
        raise Mistake(f"return a list of rows, got {kind(result)}.")
    if len(got) == 2 and all(isinstance(side, list) and all(isinstance(row, list) for row in side) for side in got):
        raise Mistake("return the rows to train on alone; the held-out ones are known already.")
    if got and all(isinstance(row, str) for row in got):
        raise Mistake("these are texts alone; return the whole rows, (prompt, chosen, rejected).")
    if got and all(isinstance(row, int) for row in got):
        raise Mistake("these are positions or yes and no; return the rows themselves.")
    rows, want = plain(ROWS), plain(solution_training_rows(ROWS, held_out))
    otherwise = f"{len(want)} rows may be trained on; you return {show(got)}."
    diagnose(got, want, _likely_rows(got, rows, want, plain(held_out)), otherwise=otherwise, here=here)


def _likely_rows(got, rows, want, left_out):
    """What typical mistakes leave as rows to train on, each with its sentence."""

    def unlike(key):
        """The rows whose prompt is not that of a held-out row, compared by `key`."""
        return [row for row in rows if key(row[0]) not in [key(other[0]) for other in left_out]]

    strange = [row for row in got if row not in rows]
    lost = next((row for row in want if got.count(row) < want.count(row)), None) if len(got) < len(want) else None
    return [
        (left_out or None, "you return the held-out rows; wanted are those that may be trained on."),
        (
            [row for row in rows if row not in want] if left_out else None,
            "you return the rows with a held-out prompt; wanted are the others.",
        ),
        (lambda got: strange, f"one of your rows is {show(strange[0]) if strange else ''}, which is no row."),
        (
            lambda got: sorted(got) == sorted(want),
            "the rows are right, but change places; keep their order.",
        ),
        (
            lambda got: left_out and len(got) == len(rows),
            "nothing is taken out: the model trains on the very rows that it is measured on.",
        ),
        (
            [row for row in rows if row not in left_out],
            (
                "you take out those rows only. Another pair of the same prompt stays, and the model learns from it "
                "what a "
                "good answer to this prompt looks like. Compare prompts."
            ),
        ),
        (
            unlike(str),
            "the same prompt in other letters, or with another space, stays in. Compare without case and spacing.",
        ),
        (
            unlike(str.lower),
            "'What is  a tort?' is still the same question: split and join, so that all spacing is one space.",
        ),
        (unlike(str.split), "'CAPITAL OF PERU?' is still the same question: compare in lower case."),
        (
            lambda got: lost and lost[0] in [row[0] for row in got],
            f"a prompt may have several rows, and you keep one of them: {show(lost)} is lost.",
        ),
        (
            lambda got: lost,
            (
                f"you take out {show(lost[0]) if lost else ''} as well, which is another question. Prompts have to be "
                "equal, "
                "not similar."
            ),
        ),
    ]


# 9.2 One accuracy from the log of all batches


def solution_accuracy_from_log(log):
    """The accuracy over all pairs, from each batch's number of pairs and its accuracy.

    >>> solution_accuracy_from_log([(4, 0.75), (1, 0.0)])
    0.6

    Why leave out empty batches before multiplying? Because nothing times
    "not a number" is still not a number, and one such batch would swallow the
    whole sum.
    """
    counted = [(n, accuracy) for n, accuracy in log if n > 0]
    return sum(n * accuracy for n, accuracy in counted) / sum(n for n, _ in counted)


LOGS = [
    [(4, 0.75), (1, 1.0)],
    [(8, 0.5), (8, 0.75), (8, 0.25), (3, 1.0)],
    [(16, 0.625), (0, math.nan), (16, 0.75), (5, 0.2)],
    [(10, 0.4), (10, 0.6)],
]


@check
def check_accuracy_from_log(function):
    for log in LOGS:
        got = plain(call(function, log))
        if isinstance(got, bool) or not isinstance(got, int | float):
            raise Mistake(f"return one number, the share of all pairs that are right, got {kind(got)}.")
        _compare_accuracy(got, log)
    return "Every pair counts once, whatever batch it was in, and an empty batch counts for nothing."


def _compare_accuracy(got, log):
    full = [(n, a) for n, a in log if n > 0]
    n_pairs = sum(n for n, _ in full)
    right = sum(n * a for n, a in full)
    here = f"For the log {log}"
    largest = max(n for n, _ in full)
    ordered = sorted(a for _, a in full)
    likely = [
        (math.isnan, "you return nan: a batch without a pair has no accuracy, and 0 * nan is nan. Leave it out first."),
        (right, "that is how many pairs are right; divide by the number of pairs."),
        (100 * right / n_pairs, "that is a percentage; return the share, a number from 0 to 1."),
        (1 - right / n_pairs, "that is the share of pairs that are wrong."),
        (
            right / (largest * len(full)),
            "you divide as if all batches were full; the last one is short. Sum the sizes that the log has.",
        ),
        (
            sum(a for n, a in full if n == largest) / sum(n == largest for n, _ in full),
            "you leave out the short batch. Its pairs are pairs like any others.",
        ),
        (right / len(full), "you divide by the number of batches; divide by the number of pairs."),
        (
            sum(a for _, a in full) / len(full),
            (
                "that is the mean of the batches' means, as the program has it: pairs in a short batch count for more. "
                "Weigh by pairs."
            ),
        ),
        (
            sum(a * n for n, a in full) / (n_pairs + largest * (len(log) - len(full))),
            "an empty batch counts as a full one in which all is wrong; it says nothing, so leave it out.",
        ),
        (sum(n * n * a for n, a in full) / sum(n * n for n, _ in full), "you weigh each batch by its size twice."),
        (full[-1][1], "that is the last batch alone."),
        (ordered[len(full) // 2], "that is the median batch; the pairs of the others count too."),
    ]
    otherwise = f"{right:g} of {n_pairs} pairs are right, which is {right / n_pairs:.4f}; yours is {got:.4f}."
    diagnose(got, right / n_pairs, likely, otherwise=otherwise, here=here)


# 9.3 A reliability table for pairs


def solution_reliability(margins, n_bins=10):
    """How sure the model was, and how often it was right: (probability, share, n) for each bin.

    >>> table = solution_reliability([0.2, -0.4, 2.0, 2.2], n_bins=2)
    >>> [(round(p, 2), share, n) for p, share, n in table]
    [(0.27, 0.25, 4), (0.73, 0.75, 4)]

    Why each pair in both directions? As (better, worse) alone, the order of the
    two *is* the label, and a sorted margin has been sorted by the answer. Entered
    once from each side, a pair says nothing by its order: a margin of 2 is also
    one of -2 that lost. Two equal rewards become half right by themselves.
    """
    cases = sorted([(margin, 1) for margin in margins] + [(-margin, 0) for margin in margins])
    table = []
    for b in range(n_bins):
        part = cases[b * len(cases) // n_bins : (b + 1) * len(cases) // n_bins]
        if part:
            probability = sum(0.5 + 0.5 * math.tanh(margin / 2) for margin, _ in part) / len(part)  # sigmoid
            table.append((probability, sum(won for _, won in part) / len(part), len(part)))
    return table


def calibrated_margins(n, seed=0, stretch=1.0):
    """Margins of a judge who knows how sure it can be: the sign of a margin m is right with probability sigmoid(|m|).

    Args:
        n: how many.
        seed: of the draw.
        stretch: what all of them are multiplied by afterwards; above 1 the judge is too sure of itself.

    >>> margins = calibrated_margins(10_000)
    >>> wide = [margin for margin in margins if abs(margin) > 2]
    >>> sum(margin > 0 for margin in wide) / len(wide) > 0.88
    True
    """
    draw = random.Random(seed)
    sizes = [draw.expovariate(1.0) for _ in range(n)]
    return [stretch * (size if draw.random() < 1 / (1 + math.exp(-size)) else -size) for size in sizes]


@check
def check_reliability(function):
    for margins, name in (
        (calibrated_margins(6000), "a judge that is calibrated by construction"),
        (calibrated_margins(6000, seed=1, stretch=4.0), "the same judge with all margins four times as large"),
        ([0.0] * 2000, "a model that gives equal rewards to all"),
    ):
        table = _as_table(call(function, margins, 10), len(margins))
        _compare_table(table, margins, f"For {name}")
    return "A calibrated judge lies on the diagonal, one that is too sure of itself below it; equal rewards are a coin."


def _as_table(result, n):
    got = plain(result)
    if isinstance(got, int | float):
        raise Mistake(f"return a table, (probability, share, n) for each bin; you returned one number, {got:.3f}.")
    if not isinstance(got, list) or not got or not all(isinstance(row, list) for row in got):
        raise Mistake(f"return a list with (probability, share, n) for each bin, got {show(result)}.")
    if any(len(row) != 3 for row in got):
        raise Mistake(f"each row is (probability, share, n), three numbers; one of yours is {show(got[0])}.")
    if not all(isinstance(value, int | float) and math.isfinite(value) for row in got for value in row):
        raise Mistake(f"all three are numbers, and an empty bin is left out; one of your rows is {show(got[0])}.")
    total = sum(row[2] for row in got)
    if total not in (n, 2 * n):
        raise Mistake(f"the table should hold all {n} pairs; its last column sums to {total:g}.")
    if any(not 0 <= row[1] <= 1 for row in got):
        raise Mistake(
            f"the share of right pairs is a number from 0 to 1; one of yours is {max(row[1] for row in got):g}."
        )
    if any(not 0 <= row[0] <= 1 for row in got):
        raise Mistake("your first column is not between 0 and 1: it is the margin; the probability is its sigmoid.")
    return got


def _compare_table(got, margins, here):
    n = sum(row[2] for row in got)
    found = sum(row[2] * abs(row[0] - row[1]) for row in got) / n
    if not any(margins):
        share = sum(row[1] * row[2] for row in got) / n
        if abs(share - 0.5) > 0.1:
            raise Mistake(f"{here} a share of {share:.1f} is right. Equal rewards are a coin: each counts half.")
        return
    want = _gap_by_size(margins)
    if len(got) < 4:
        raise Mistake(
            f"{here} your table has {len(got)} rows: with so few bins, too sure here and too unsure there cancel."
        )
    if all(row[1] == 1 for row in got):
        raise Mistake(
            f"{here} every bin is 100% right. You ask whether |margin| is above 0; whether it is right says the sign."
        )
    if sum(row[1] in (0, 1) for row in got) >= len(got) - 1:
        raise Mistake(
            f"{here} all bins but one are 0% or 100% right. You sort by the signed margin, and its sign *is* the "
            "answer: bin by its "
            "size, or put the two responses of each pair in random order first."
        )
    if abs(found - want) < 0.04:
        return
    turned = sum(row[2] * abs(row[0] - (1 - row[1])) for row in got) / n
    if abs(turned - want) < 0.04:
        raise Mistake(f"{here} the surest bin is right least often: you count the pairs that are wrong.")
    doubled = sum(row[2] * abs((1 + row[0]) / 2 - row[1]) for row in got) / n
    if min(row[0] for row in got) < 0.4 and abs(doubled - want) < 0.04:
        raise Mistake(
            f"{here} your probabilities begin at 0, as tanh of half the margin does; a coin is 0.5, so take the "
            "sigmoid."
        )
    overall = sum(margin > 0 for margin in margins) / len(margins)
    if all(abs(row[1] - overall) < 0.06 for row in got):
        raise Mistake(
            f"{here} all bins are right equally often: the share no longer belongs to its own margins after sorting."
        )
    ordered = sorted(margins, key=abs)
    bins = [ordered[b * len(ordered) // len(got) : (b + 1) * len(ordered) // len(got)] for b in range(len(got))]
    if all(abs(1 / (1 + math.exp(-sum(b) / len(b))) - row[0]) < 0.01 for b, row in zip(bins, got, strict=True)):
        raise Mistake(
            f"{here} margins of both signs cancel in your first column: take the sigmoid of the *size* of each."
        )
    raise Mistake(
        f"{here} the mean gap between the two columns should be about {want:.2f}; in your table it is {found:.2f}."
    )


def _gap_by_size(margins, n_bins=10):
    """The mean gap between probability and share, with pairs sorted by the size of their margins."""
    pairs = sorted((abs(margin), margin > 0) for margin in margins)
    gap = 0.0
    for b in range(n_bins):
        part = pairs[b * len(pairs) // n_bins : (b + 1) * len(pairs) // n_bins]
        gap += abs(sum(0.5 + 0.5 * math.tanh(size / 2) - right for size, right in part))
    return gap / len(pairs)


# 9.4 A loss that survives its worst pair


def solution_safe_loss(margins):
    """The mean of -log sigmoid(margin), and its gradient, for margins of any size.

    >>> margins = torch.tensor([0.5, -200.0], requires_grad=True)
    >>> loss = solution_safe_loss(margins)
    >>> round(loss.item(), 3)
    100.237
    >>> loss.backward()
    >>> [round(slope, 3) for slope in margins.grad.tolist()]
    [-0.189, -0.5]

    Why not add a small number inside the logarithm, which also ends the crash?
    Because then the worst pairs of all have a gradient of zero. The crash told
    you that something was wrong; now nothing does.
    """
    return -logsigmoid(margins).mean()


MARGINS = [[0.5, -0.3], [2.0, -1.0, 0.7], [0.0, 0.4], [-40.0, 1.0], [-200.0, 0.5, 200.0], [-5000.0, 5000.0]]


@check
def check_safe_loss(function):
    for values in MARGINS:
        loss, gradient = _with_gradient(function, torch.tensor(values))
        _compare_loss(loss, plain(gradient), values)
    return "The loss that the formula says, and a full push on the pair that is worst."


def _with_gradient(function, numbers):
    """The loss that a function makes of a tensor, as a number, and its gradient, a tensor or None."""
    leaf = numbers.clone().requires_grad_()
    result = call(function, leaf, in_place=True)
    if not isinstance(result, torch.Tensor):
        raise Mistake(f"return a tensor with one number, so that `backward` can start there, got {kind(result)}.")
    if result.numel() != 1:
        raise Mistake(f"return one number, a mean; yours has shape {tuple(result.shape)}.")
    if not result.requires_grad:
        raise Mistake(
            "your loss has no gradient: `item`, `detach` or `torch.tensor` cuts it off from what you were given."
        )
    try:
        result.sum().backward()
    except RuntimeError as error:
        raise Mistake(f"backward stopped: {error}") from None
    return result.item(), leaf.grad


def _compare_loss(loss, gradient, values):
    B, here = len(values), f"For margins {values}"
    if gradient is None:
        raise Mistake(f"{here} the margins get no gradient at all.")
    mean = sum(map(_safe, values)) / B
    pulls = [-1 / (1 + math.exp(min(m, 700.0))) / B for m in values]
    otherwise = f"the loss should be {mean:.4f}, yours is {loss:.4f}."
    likely = _likely_safe_losses(loss, gradient, values, mean, pulls)
    diagnose((loss, gradient), (mean, pulls), likely, otherwise=otherwise, here=here, same=_same_push)


def _safe(margin):
    """-log sigmoid(margin), for margins of any size."""
    return max(-margin, 0.0) + math.log1p(math.exp(-abs(margin)))


def _near(loss, want):
    return abs(loss - want) < 1e-3 * (1 + abs(want))


def _same_push(got, want):
    return _near(got[0], want[0]) and all(abs(a - b) < 2e-3 for a, b in zip(got[1], want[1], strict=True))


def _likely_safe_losses(loss, gradient, values, mean, pulls):
    """What typical mistakes make of loss and gradient, as conditions, each with its sentence."""
    B, worst = len(values), min(range(len(values)), key=lambda i: values[i])
    bounded = sum(math.log1p(math.exp(-math.tanh(m))) for m in values) / B

    def gives(want):
        return lambda got: _near(loss, want)

    return [
        (
            lambda got: math.isinf(loss) and abs(values[worst]) > 700,
            "the loss is infinite. A wider format moved the cliff from -89 to about -745; take a form that has none.",
        ),
        (
            lambda got: math.isinf(loss),
            "the loss is infinite, and one step later every weight is nan: log of a probability rounded to 0.",
        ),
        (
            lambda got: math.isnan(loss) or any(map(math.isnan, gradient)),
            (
                f"the loss is {loss:.3g} and the gradient {gradient}. Taking out infinity afterwards leaves nan in the "
                "gradient."
            ),
        ),
        (gives(B * mean) if B > 1 else None, f"you return the sum; the mean is {mean:.3f}."),
        (gives(-mean), "your loss is negative: put a minus before the logarithm."),
        (
            gives(sum(_safe(-m) for m in values) / B),
            "your loss grows with the margin: the better response should win.",
        ),
        (
            lambda got: abs(loss - bounded) < 1e-3,
            "you bound the margins with tanh. That is another model; the loss of this one was asked for.",
        ),
        (
            lambda got: _near(loss, mean) and values[worst] == 0,
            "the loss is right, but the equal pair gets no push: `relu`, `clamp` and `abs` are flat at 0.",
        ),
        (
            gives(mean),
            f"the loss is right and its gradient is {gradient}; it should be {[round(p, 3) for p in pulls]}.",
        ),
        (
            lambda got: values[worst] <= -30 and abs(gradient[worst]) < 1e-3,
            (
                f"nothing crashes, and the worst pair has a gradient of 0. {_what_silences(loss * B, values, worst)} "
                "silences "
                "just the pair that the model has most to learn from."
            ),
        ),
    ]


def _what_silences(total, values, worst):
    """What keeps the worst pair from being infinite, by what it costs in a sum of `total`."""
    cost = total - sum(_safe(m) for i, m in enumerate(values) if i != worst)
    ways = [
        (18.42, "A small number inside the logarithm"),
        (20, "Clamping the margin"),
        (0, "Leaving out what is not finite"),
    ]
    return next((way for at, way in ways if abs(cost - at) < 0.1), "Clamping the probability")


# 9.5 The loss of a batch of rankings


def solution_ranking_loss(scores):
    """The K-choose-2 loss of B rankings of K responses each, best first.

    >>> round(solution_ranking_loss(torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]])).item(), 4)
    0.4721

    Why one `mean` and no division by hand? Because whoever reads `/ n_pairs`
    cannot see whether the line before has divided already. A mean over the pairs
    says it once, in one place.
    """
    better, worse = torch.combinations(torch.arange(scores.shape[1])).unbind(1)  # (P,) each
    return -logsigmoid(scores[:, better] - scores[:, worse]).mean()  # () over B rankings and P pairs


SCORES = [
    [[0.1, -0.4, 0.8, 0.0], [2.0, 1.0, 0.5, -0.5], [-1.0, 0.3, 0.2, 0.9]],
    [[0.9, 0.5, 0.6, 0.1, -0.2, 0.0, -0.9, -0.4, -1.0]] * 2,
    [[1.0, 0.0, -1.0], [0.2, 0.5, 0.0]],
    [[0.3, -0.2]],
]


@check
def check_ranking_loss(function):
    for rows in SCORES:
        loss, gradient = _with_gradient(function, torch.tensor(rows))
        _compare_ranking_loss(loss, gradient, rows)
    return "Every pair counts once, every ranking counts the same, and K changes neither."


def _compare_ranking_loss(loss, gradient, rows):
    B, K = len(rows), len(rows[0])
    scores = torch.tensor(rows, requires_grad=True)
    right = solution_ranking_loss(scores)
    right.backward()
    want, here = right.item(), f"For {B} ranking{'s' * (B > 1)} of {K}"
    otherwise = f"the loss should be {want:.4f}, yours is {loss:.4f}."
    diagnose(loss, want, likely_ranking_losses(rows), otherwise=otherwise, here=here, same=_same_loss)
    if gradient is None or not torch.allclose(gradient, scores.grad, atol=1e-5):
        raise Mistake(
            f"{here} the loss is right and its gradient is not: something between scores and loss is cut off."
        )


def _same_loss(got, want):
    return equal(got, want, rel=1e-5, near=1e-5)


# 9.6 A pair in limited space


def solution_fit_pair(prompt, chosen, rejected, max_length, cls, sep):
    """Both texts of a pair in at most max_length tokens, or None if nothing is left to tell them apart.

    >>> solution_fit_pair([1, 2, 3, 4], [8], [9], max_length=5, cls=101, sep=102)
    ([101, 3, 4, 8, 102], [101, 3, 4, 9, 102])
    >>> solution_fit_pair([1, 2], [8, 8, 5], [8, 8, 6], max_length=4, cls=101, sep=102) is None
    True

    Why cut first and compare afterwards? Because only what the model reads can
    differ for it. Throwing away every pair that is too long, instead, loses the
    pairs that a better cut would have saved: often the long conversations.
    """
    texts = []
    for response in (chosen, rejected):
        response = response[: max_length - 2]
        room = max_length - 2 - len(response)
        texts.append([cls, *prompt[len(prompt) - min(room, len(prompt)) :], *response, sep])
    return None if texts[0] == texts[1] else tuple(texts)


CLS, SEP = 101, 102
PAIRS = [  # prompt, chosen, rejected, max_length
    ([1, 2, 3], [7, 8], [9, 8], 12),
    ([1, 2, 3, 4, 5, 6], [7, 8], [9, 8, 7], 8),
    ([1, 2, 3, 4, 5, 6], [7], [9], 6),
    ([1, 2, 3], [7, 8, 9, 10, 11, 12, 13], [7, 8, 9, 10, 6, 5, 4], 8),
    ([1, 2, 3], [7, 8, 9, 10, 11, 12, 13], [7, 8, 9, 10, 11, 12, 4], 8),
    ([1, 2, 3, 4, 5, 6], [7, 8, 9, 10], [7, 8, 9, 11], 6),
]


@check
def check_fit_pair(function):
    for prompt, chosen, rejected, max_length in PAIRS:
        try:
            result = call(function, prompt, chosen, rejected, max_length, CLS, SEP)
        except Mistake as mistake:
            if "returned None" not in str(mistake):
                raise
            result = None  # a good answer here
        _compare_pair(result, prompt, chosen, rejected, max_length)
    return (
        "The response is kept, the start of the prompt makes room, and a pair is given up only when nothing else helps."
    )


def _compare_pair(result, prompt, chosen, rejected, max_length):
    here = f"For a prompt of {len(prompt)}, responses of {len(chosen)} and {len(rejected)}, and room for {max_length},"
    want = solution_fit_pair(prompt, chosen, rejected, max_length, CLS, SEP)
    got = plain(result)
    if got is None:
        if want is None:
            return
        if len(prompt) + 2 + max(len(chosen), len(rejected)) <= max_length:
            raise Mistake(f"{here} everything fits, and you returned None. Is the last line missing its `return`?")
        if len(chosen) > max_length - 2:
            raise Mistake(f"{here} the two still differ when their ends are cut off; keep this pair.")
        raise Mistake(
            f"{here} you give the pair up. Throwing it away is the easy half of a repair: cut the start of the "
            "prompt, and both "
            "responses fit."
        )
    if not isinstance(got, list) or len(got) != 2 or not all(isinstance(text, list) for text in got):
        raise Mistake(f"return two lists of token ids, or None; got {show(result)}.")
    if got == [[], []] or not all(isinstance(token, int) for text in got for token in text):
        raise Mistake(f"each text is a list of token ids; yours are {show(got)}.")
    shared = max_length - 2 - min(max_length - 2, max(len(chosen), len(rejected)))
    for text, response in zip(got, (chosen, rejected), strict=True):
        _compare_text(text, prompt, response, min(shared, len(prompt)), max_length, here)
    if want is None:
        raise Mistake(
            f"{here} the two texts are the same, token by token; no model can tell them apart, so return None."
        )


def _compare_text(text, prompt, response, n_prompt, max_length, here):
    """One text of a pair, of whose prompt at least `n_prompt` tokens fit."""
    kept, body = response[: max_length - 2], text[1:-1]
    before = body[: len(body) - len(kept)]
    over = "[CLS] and [SEP] need room too." if len(text) == max_length + 2 else "Each response leaves its own room."
    likely = [
        (len(text) > max_length, f"one of your texts has {len(text)} tokens. {over}"),
        (text[:1] != [CLS], f"a text does not begin with cls: {show(text)}."),
        (text[-1:] != [SEP], f"a text does not end with sep: {show(text)}."),
        (
            prompt and body == [*prompt, *response][: len(body)] and body != [*prompt, *response],
            (
                "the right end is cut off, and with it the response. So it is with every tokenizer that is told only "
                "to "
                "truncate."
            ),
        ),
        (
            body[-len(kept) :] != kept,
            f"a response is not whole, or not in its place, where it could be: {show(text)}.",
        ),
        (
            before and before != prompt[-len(before) :],
            "you keep the start of the prompt; the question usually stands at its end, so keep that.",
        ),
        (len(before) < n_prompt, f"you keep {len(before)} tokens of the prompt; there is room for more."),
    ]
    for applies, sentence in likely:
        if applies:
            raise Mistake(f"{here} {sentence}")


# 9.7 A test for the company a text is in


def solution_company_matters(score, texts):
    """Whether the reward of a text depends on the other texts in its batch.

    >>> texts = ["Lima", "It is Lima, on the coast", "Rome"]
    >>> solution_company_matters(lambda batch: [len(text) for text in batch], texts)
    False
    >>> solution_company_matters(lambda batch: [len(text) / len(batch) for text in batch], texts)
    True

    Why ask for each text alone? Because alone it is never padded and has no
    neighbors: whatever the batch does to it, it differs from that. And the
    tolerance lets rounding pass, which differs by a millionth from batch to batch.
    """
    together = score(texts)
    return any(abs(score([text])[0] - reward) > 1e-4 for text, reward in zip(texts, together, strict=True))


TEXTS = [
    "It is Lima, on the coast, and has been the seat of government for long",
    "Lima",
    "Cusco or Rome",
    "It is Lima",
]


def _own(text):
    """A reward of one text alone, between -1 and 1."""
    return math.sin(sum(map(ord, text)))


def _scorers():
    """{what it does: (scoring function, whether company matters)}"""

    def padded(batch):
        longest = max(map(len, batch))
        return [_own(text) + 0.02 * math.tanh(longest - len(text)) for text in batch]

    return {
        "each text by itself": (lambda batch: [_own(text) for text in batch], False),
        "each text by itself, with rounding in the seventh digit": (
            lambda batch: [_own(text) + 1e-7 * len(batch) for text in batch],
            False,
        ),
        "each text by itself, so that equal texts have equal rewards": (
            lambda batch: [len(text) / 50 for text in batch],
            False,
        ),
        "the reward of a text that is padded goes up": (padded, True),
        "the mean of the batch is taken off": (
            lambda batch: [_own(text) - sum(map(_own, batch)) / len(batch) for text in batch],
            True,
        ),
        "the first text of a batch gets a bonus": (
            lambda batch: [_own(text) + 0.05 * (i == 0 and len(batch) > 1) for i, text in enumerate(batch)],
            True,
        ),
        "the last text of a batch gets the reward of the one before": (
            lambda batch: [_own(text) for text in [*batch[:-1], batch[-2] if len(batch) > 1 else batch[-1]]],
            True,
        ),
    }


@check
def check_company_matters(function):
    found, alone = {}, []
    for name, (score, matters) in _scorers().items():

        def watched(batch, score=score):
            if isinstance(batch, str):
                raise TypeError("score takes a list of texts; for one text, score([text])")
            alone.append(len(batch) == 1)
            return score(list(batch))

        watched.__name__ = "score"
        result = call(function, watched, TEXTS)
        if not isinstance(result, bool) and plain(result) not in (True, False):
            raise Mistake(f"return True or False, got {kind(result)}.")
        if isinstance(result, int | float) and not isinstance(result, bool):
            raise Mistake(f"return True or False, got {kind(result)}.")
        found[name] = (bool(result), matters)
    _judge_test(found, alone)
    return "It finds padding, centering, places and neighbors, and lets rounding pass."


def _judge_test(found, alone):
    said = [answer for answer, _ in found.values()]
    if not alone:
        raise Mistake("your test never calls score, so it cannot know anything about it.")
    if all(said):
        raise Mistake("your test says True of everything, also of a score that looks at each text by itself.")
    if not any(said):
        again = "" if any(alone) else " It always asks for the same texts together: what would a text get alone?"
        raise Mistake(f"your test says False of everything: no score can fail it.{again}")
    if all(answer != matters for answer, matters in found.values()):
        raise Mistake("your answers are all the wrong way round: True means that company matters.")
    wrong = [name for name, (answer, matters) in found.items() if answer != matters]
    if not wrong:
        return
    name = wrong[0]
    if found[name][0]:
        if "rounding" in name:
            raise Mistake(
                "your test calls rounding a fault. Sums come out differently in the seventh digit in another batch; "
                "compare with room "
                "for that."
            )
        raise Mistake(f"your test says True where a score reads {name}.")
    if any("mean" in other for other in wrong):
        raise Mistake(
            "your test misses scores where padding or the batch's mean comes in. Who is in the batch has to change, "
            "not the order."
        )
    if len(wrong) > 1:
        raise Mistake(
            f"your test misses a score where {name}. Text 0 is the longest and is never padded: compare all texts."
        )
    raise Mistake(f"your test misses a score where {name}. Two hundredths are no rounding.")


# 9.8 The mask that lengths make


def solution_pad_and_find(texts, pad_id):
    """Fill up on the right, and say what is text and where each text ends.

    >>> ids, mask, last = solution_pad_and_find([[5, 9, 6, 9], [7, 9]], pad_id=9)
    >>> mask
    [[1, 1, 1, 1], [1, 1, 0, 0]]
    >>> last
    [3, 1]

    Why lengths? Once a text is padded with its own end token, nobody can tell
    the end from the filling: [7, 9] filled up to three and [7, 9, 9] are the same
    row. Before padding, the length knows.
    """
    longest = max(map(len, texts))
    ids = [text + [pad_id] * (longest - len(text)) for text in texts]
    mask = [[1] * len(text) + [0] * (longest - len(text)) for text in texts]
    return ids, mask, [len(text) - 1 for text in texts]


END = 9
DIALOGUES = [
    [[5, 4, END, 6, 7, END], [8, 3, END]],
    [[5, END, 6, 7], [8, 5, END], [4]],  # the first and the last were broken off: no end
    [[5, 6, END, END], [4, END, 7, END, 8, END], [5, 6]],  # the first ends in an empty turn
]


@check
def check_pad_and_find(function):
    for texts in DIALOGUES:
        result = call(function, texts, END)
        got = plain(result)
        if not isinstance(got, list) or len(got) != 3:
            raise Mistake(f"return three things, (input_ids, attention_mask, last), got {show(result)}.")
        _compare_mask(*got, texts)
    return "The end is text and the filling is not, though they are the same token."


def _compare_mask(ids, mask, last, texts):
    want_ids, want_mask, want_last = solution_pad_and_find(texts, END)
    here = f"For {texts}, padded with {END},"
    for got, want, name, likely in (
        (ids, want_ids, "input_ids", _likely_ids(texts)),
        (mask, want_mask, "the mask", _likely_masks(texts, want_ids, want_mask)),
        (last, want_last, "`last`", _likely_last(texts, want_ids)),
    ):
        yours = "are" if name == "input_ids" else "is"
        otherwise = f"{name} should be {show(want)}, yours {yours} {show(got)}."
        diagnose(got, want, likely, otherwise=otherwise, here=here)


def _likely_ids(texts):
    longest, bare = max(map(len, texts)), [_without_end(text) for text in texts]
    return [
        (
            [[END] * (longest - len(text)) + text for text in texts],
            "your padding is on the left; put it on the right.",
        ),
        (
            lambda ids: isinstance(ids, list) and [_without_end(row) for row in ids if isinstance(row, list)] == bare,
            "you add or take away end tokens. The text stays as it is; a broken-off answer has no end.",
        ),
    ]


def _likely_masks(texts, ids, want):
    longest, bare = len(ids[0]), [len(_without_end(text)) for text in texts]
    return [
        (
            [[int(token != END) for token in row] for row in ids],
            (
                f"your mask is 0 wherever the token is {END}: it hides the padding, and with it every end. Ask the "
                "lengths, not "
                "the tokens."
            ),
        ),
        ([[1] * longest] * len(texts), "your mask is 1 everywhere, so the model reads the padding as text."),
        (
            [[int(t < n) for t in range(longest)] for n in bare],
            "your mask hides the last end token of a text with the padding.",
        ),
        (
            [[int(t <= n) for t in range(longest)] for n in bare],
            (
                "you give each text one end back, also the ones that were broken off before theirs. Tokens cannot "
                "tell; the "
                "lengths can."
            ),
        ),
        ([[1 - value for value in row] for row in want], "your mask is upside down: 1 is for text, 0 for padding."),
    ]


def _likely_last(texts, ids):
    first = [row.index(END) if END in row else None for row in ids]
    return [
        (
            [len(ids[0]) - 1] * len(texts),
            "the mask is right, but `last` is the last *position* of the table, padding or not.",
        ),
        ([len(text) for text in texts], "`last` is one too far: positions are counted from 0."),
        (
            [-1 if place is None else place - 1 for place in first],
            f"`last` stands before the *first* {END}: in a dialogue that is the end of the first turn.",
        ),
        (
            [-1 if place is None else place for place in first],
            f"`last` is the first {END} of each row; a dialogue has one after every turn.",
        ),
        (
            [len(_without_end(text)) - 1 for text in texts],
            f"`last` is the last token that is not {END}. A finished answer and a broken-off one then look alike.",
        ),
    ]


def _without_end(text):
    while text and text[-1] == END:
        text = text[:-1]
    return text


# 9.9 A loader that does not lose a head


class SmallReward(nn.Module):
    """An encoder of one layer and a head: enough to be saved and loaded. Its head is drawn anew each time.

    >>> sorted(SmallReward().state_dict())
    ['encoder.bias', 'encoder.weight', 'head.weight']
    """

    def __init__(self, hidden=4):
        super().__init__()
        self.encoder = nn.Linear(3, hidden)
        self.head = nn.Linear(hidden, 1, bias=False)

    def forward(self, features):
        """(N, 3) features of texts -> (N,) rewards."""
        return self.head(torch.tanh(self.encoder(features))).squeeze(-1)

    def __repr__(self):
        return "SmallReward()"


def solution_restore(model, saved):
    """Put saved weights into a model: all of them, under old or new names, or stop and say what is missing.

    >>> old = {name.replace("head.", "v_head."): w for name, w in SmallReward().state_dict().items()}
    >>> torch.equal(solution_restore(SmallReward(), old).head.weight, old["v_head.weight"])
    True
    >>> solution_restore(SmallReward(), {"head.weight": torch.ones(1, 4)})
    Traceback (most recent call last):
        ...
    ValueError: missing: ['encoder.bias', 'encoder.weight']; left over: []

    Why stop, and not warn? A warning scrolls past among a hundred lines. A model
    without its head gives numbers that look like rewards, so nobody comes back
    to read it.
    """
    saved = {name.replace("v_head.", "head."): weight for name, weight in saved.items()}
    own = model.state_dict()
    missing, left_over = sorted(own.keys() - saved.keys()), sorted(saved.keys() - own.keys())
    if missing or left_over:
        raise ValueError(f"missing: {missing}; left over: {left_over}")
    model.load_state_dict(saved)
    return model


@check
def check_restore(function):
    weights = _weights(1)
    old = {name.replace("head.", "v_head."): weight for name, weight in weights.items()}
    for saved, name in ((weights, "a file of today"), (old, "an older file, whose head is called v_head.weight")):
        model = SmallReward()
        try:
            result = call(function, model, saved, in_place=True)
        except Mistake as mistake:
            if "stopped with" not in str(mistake):
                raise
            raise Mistake(
                f"{name} is complete, and you refuse it. {str(mistake)[:1].upper()}{str(mistake)[1:]}"
            ) from None
        if saved is old and sorted(saved) != sorted(name.replace("head.", "v_head.") for name in weights):
            raise Mistake("you change the dict that you were given; make a new one.")
        if not isinstance(result, nn.Module):
            raise Mistake(f"return the model, got {kind(result)}.")
        got = result.state_dict()
        for key, weight in weights.items():
            if key not in got or not torch.equal(got[key], weight):
                lost = (
                    "the head stays as it was drawn at random"
                    if key == "head.weight"
                    else f"{key} is not what was saved"
                )
                raise Mistake(f"from {name}, {lost}, and no error says so.")
    for lost, saved in _broken_files(weights):
        _must_refuse(function, saved, lost)
    return "Everything is in its place, under both names, and a file that does not fit is refused by name."


def _weights(seed):
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(weight.shape, generator=draw) for name, weight in SmallReward().state_dict().items()}


def _broken_files(weights):
    """(the name that an error has to give, the file)"""
    yield "head.weight", {name: weight for name, weight in weights.items() if name != "head.weight"}
    yield "encoder.bias", {name: weight for name, weight in weights.items() if name != "encoder.bias"}
    yield "score.weight", {**weights, "score.weight": weights["head.weight"]}


def _must_refuse(function, saved, lost):
    name, model = getattr(function, "__name__", "your function"), SmallReward()
    has = "holds" if lost in saved else "lacks"
    try:
        result = function(model, dict(saved))
    except Exception as error:  # noqa: BLE001 - any error is a refusal; what counts is what it says
        if lost not in str(error):
            raise Mistake(
                f"a file that {has} {lost} is refused with {type(error).__name__}: {show(str(error))}. Name the "
                "weight: whoever reads "
                "this has to find it."
            ) from None
        return
    if lost in saved:
        raise Mistake(
            f"a file with a weight that the model does not have, {lost}, is taken without a word. Perhaps it was the "
            "head, under a "
            "name that you do not know."
        )
    if isinstance(result, nn.Module) and lost == "head.weight" and not result.head.weight.any():
        raise Mistake(f"where the file lacks {lost}, {name} fills in zeros: now all rewards are equal. Stop instead.")
    raise Mistake(
        f"a file that lacks {lost} is taken without an error, and the weight keeps what chance gave it. Raise an error."
    )


# 9.10 One number a text


def solution_as_rewards(logits):
    """The rewards in a classifier's logits, shape (N,); anything but one number a text is refused.

    >>> solution_as_rewards(torch.tensor([[0.5], [-1.0]]))
    tensor([ 0.5000, -1.0000])
    >>> solution_as_rewards(torch.zeros(3, 2))
    Traceback (most recent call last):
        ...
    ValueError: rewards must have shape (N,) or (N, 1), got (3, 2): a reward model has one label

    Why not `squeeze`? Without a dimension it turns a batch of one into a lone
    number, and `squeeze(-1)` lets two labels through as if nothing were wrong.
    A shape that is checked needs no luck.
    """
    if logits.ndim == 2 and logits.shape[1] == 1:
        return logits[:, 0]
    if logits.ndim != 1:
        raise ValueError(
            f"rewards must have shape (N,) or (N, 1), got {tuple(logits.shape)}: a reward model has one label"
        )
    return logits


@check
def check_as_rewards(function):
    for rows in ([[0.5], [-1.0], [0.25]], [0.5, -1.0], [[0.75]], [0.75]):
        _compare_rewards(function, torch.tensor(rows))
    for shape in ((3, 2), (1, 2), (4, 5, 1), (3, 0)):
        _must_refuse_shape(function, torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape))
    return "One number a text passes, for a batch of one as well, and everything else is refused."


def _compare_rewards(function, logits):
    N = len(logits)
    leaf = logits.clone().requires_grad_()
    here = f"For logits of shape {tuple(logits.shape)}"
    try:
        result = call(function, leaf, in_place=True)
    except Mistake as mistake:
        if "stopped with" in str(mistake) and "Error" in str(mistake):
            raise Mistake(
                f"{here}, one number a text, you stop. {str(mistake)[:1].upper()}{str(mistake)[1:]}"
            ) from None
        raise
    if not isinstance(result, torch.Tensor):
        raise Mistake(f"return a tensor of shape (N,), got {kind(result)}.")
    if result.shape == (N, 1):
        raise Mistake(
            f"{here} yours has shape {tuple(result.shape)}; rewards have shape (N,), without the second dimension."
        )
    if result.shape == ():
        raise Mistake(
            f"{here} yours is a lone number: `squeeze()` without a dimension also takes the one of the batch."
        )
    if result.shape != (N,):
        raise Mistake(f"{here} yours has shape {tuple(result.shape)}; wanted is ({N},).")
    if not torch.equal(result.detach().float(), logits.reshape(N)):
        raise Mistake(f"{here} the rewards should be the logits as they are, {show(logits.reshape(N).tolist())}.")
    if not result.requires_grad:
        raise Mistake(f"{here} the values are right, but training could not go through them: the gradient is cut off.")


def _must_refuse_shape(function, logits):
    shape = tuple(logits.shape)
    try:
        result = function(logits.clone())
    except ValueError:
        return
    except Exception as error:  # noqa: BLE001 - another error, found by accident further on
        raise Mistake(
            f"logits of shape {shape} stop with {type(error).__name__}: {show(str(error))}. Raise a ValueError that "
            "says what is wrong."
        ) from None
    here = f"Logits of shape {shape} pass"
    if not isinstance(result, torch.Tensor):
        raise Mistake(f"{here}, and you return {kind(result)}. Raise a ValueError.")
    if len(shape) == 2 and shape[1] == 2:
        columns = {
            "the first label alone": logits[:, 0],
            "the second label alone": logits[:, 1],
            "the mean of both labels": logits.mean(dim=1),
            "the difference of the labels": logits[:, 1] - logits[:, 0],
            "the softmax of the second label": logits.softmax(dim=1)[:, 1],
            "the larger of the two": logits.amax(dim=1),
            "which label is larger": logits.argmax(dim=1),
        }
        for name, values in columns.items():
            if result.shape == values.shape and torch.allclose(result.float(), values.float()):
                raise Mistake(
                    f"{here}, and you take {name}. That runs, and which column was trained, or whether both were, "
                    "stays a guess. Raise a "
                    "ValueError."
                )
        if result.numel() == logits.numel() and result.ndim == 1:
            raise Mistake(f"{here} as {result.numel()} rewards for {shape[0]} texts. Raise a ValueError.")
        raise Mistake(
            f"{here} unchanged: two numbers a text, and everything after it runs by accident. Raise a ValueError."
        )
    raise Mistake(f"{here}, though that is not one number a text. Raise a ValueError.")
