"""Chapter 3, the ranking loss: a pair's loss and gradient, the loss of rankings, a test for it, and Plackett-Luce."""

import math
from itertools import combinations, pairwise

import torch
from torch.nn.functional import logsigmoid

from rmkit.course.exercises import Mistake, call, check, diagnose, either, equal, faults, kind, plain, show
from rmkit.course.exercises._source import global_names, uses_package
from rmkit.losses import k_choose_2_loss

FAR = 1e4  # a margin that no stable form minds


def _loss(margin):
    """-log sigmoid(margin) in double precision."""
    return max(-margin, 0.0) + math.log1p(math.exp(-abs(margin)))


def _sigmoid(margin):
    return math.exp(-_loss(margin))


def _mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


def _same(a, b):
    return equal(a, b, rel=2e-4, near=2e-5)


def _call_loss(function, rewards, *rest):
    """The learner's loss as a number, and its gradient for each list in `rewards`; it must have a gradient."""
    leaves = [torch.tensor(numbers, requires_grad=True) for numbers in rewards]
    result = call(function, *leaves, *rest, in_place=True)
    if isinstance(result, int | float) and not isinstance(result, bool):
        raise Mistake(
            "you return a plain Python number, and a number has no gradient, so nothing could be learned from it. "
            "Compute with "
            "torch from start to end, and leave out `.item()` and `float(...)`."
        )
    if not isinstance(result, torch.Tensor):
        raise Mistake(f"return one number as a tensor of shape (), got {kind(result)}.")
    if result.shape != ():
        raise Mistake(
            f"your result has shape {tuple(result.shape)}, but the loss is one number, shape (): take the mean at the "
            "end."
        )
    if not result.requires_grad:
        raise Mistake(
            "your result has no gradient: `torch.no_grad`, `.detach()`, `.data` or a new `torch.tensor(...)` has cut "
            "it off "
            "from the rewards."
        )
    gradients = torch.autograd.grad(result, leaves, allow_unused=True)
    return result.item(), [
        g.tolist() if g is not None else [0.0] * len(x) for g, x in zip(gradients, leaves, strict=True)
    ]


def _refuse_strange(value, gradients, here):
    """A loss or gradient that is no number any more."""
    if not math.isfinite(value):
        raise Mistake(
            f"{here} the loss is {value}. `sigmoid` of a large negative margin rounds to 0, and `exp` of a large "
            "number is "
            "infinite: use a form that computes neither."
        )
    if not all(math.isfinite(g) for numbers in gradients for g in numbers):
        raise Mistake(
            f"{here} the loss is right and its gradient is not a number. `torch.where` computes both of its branches, "
            "and the "
            "infinite one spoils the gradient of the other: use one formula for all margins."
        )


# 3.1 The loss of pairs


def solution_pairwise_loss(chosen, rejected):
    """The mean of -log sigmoid(chosen - rejected), for margins of any size.

    >>> solution_pairwise_loss(torch.tensor([0.3]), torch.tensor([-0.2]))
    tensor(0.4741)
    >>> solution_pairwise_loss(torch.tensor([0.0]), torch.tensor([10_000.0]))
    tensor(10000.)

    Why not compute the sigmoid first and take its logarithm after? Because the
    sigmoid has to be rounded on the way, to 0 for a pair that is badly lost, and
    what has been rounded away no logarithm brings back.
    """
    margin = chosen - rejected  # (B,)
    return -logsigmoid(margin).mean()  # ()


@check
def check_pairwise_loss(function):
    for chosen, rejected in (([0.3], [-0.2]), ([0.3, 1.0, -0.5], [-0.2, 2.0, 0.3]), ([2.0, 0.1], [-1.0, 0.1])):
        value, gradients = _call_loss(function, [chosen, rejected])
        _compare_pairwise(value, chosen, rejected)
        _refuse_strange(value, gradients, "For small margins")
        want = [-_sigmoid(r - c) / len(chosen) for c, r in zip(chosen, rejected, strict=True)]
        if not all(map(_same, plain(gradients[0]), want)):
            raise Mistake(
                "the loss is right, and its gradient is not. `relu`, `clamp` and `abs` have a corner at 0, where "
                "PyTorch's "
                "slope is not the one you need: use `torch.maximum`, or `logsigmoid`."
            )
    chosen, rejected = [FAR, -FAR, 0.0], [0.0, 0.0, 0.0]
    value, gradients = _call_loss(function, [chosen, rejected])
    here = "For margins of 10,000, -10,000 and 0"
    _refuse_strange(value, gradients, here)
    want = _mean(_loss(c - r) for c, r in zip(chosen, rejected, strict=True))
    if value < 100:
        raise Mistake(
            f"{here} the loss should be {want:.0f}, yours is {value:.3f}. A small number added inside the logarithm, "
            "or a clamp, "
            "prevents infinity but hides how badly a pair is lost."
        )
    if not _same(value, want):
        raise Mistake(f"{here} the loss should be {want:.1f}, yours is {value:.1f}.")
    return "The loss of a coin at margin 0, small for pairs that are won, and finite however badly a pair is lost."


def _compare_pairwise(value, chosen, rejected):
    margins = [c - r for c, r in zip(chosen, rejected, strict=True)]
    want, wins = _mean(map(_loss, margins)), _mean(map(_sigmoid, margins))
    likely = [
        (
            -want,
            f"your loss is {value:.4f}, below zero: a logarithm of a probability is negative, so put a minus.",
        ),
        (
            _mean(_loss(-margin) for margin in margins),
            "your loss is small where the *worse* response has the higher reward: the margin is chosen minus rejected.",
        ),
        (wins, "you return the probability that the chosen one wins; the loss is minus its logarithm."),
        (1 - wins, "you return one minus the probability; the loss is minus the *logarithm* of the probability."),
        (want / math.log(10), "your logarithm is log10; this book's are natural, `torch.log`."),
        (want / math.log(2), "your logarithm is log2; this book's are natural, `torch.log`."),
        (
            sum(map(_loss, margins)),
            f"you return the sum {value:.4f}; the mean is {want:.4f}, which does not grow with the batch.",
        ),
        (-math.log(wins), "you take the logarithm of the mean probability; take each pair's logarithm, then the mean."),
        (
            _loss(_mean(margins)),
            "you average the margins first; each pair has a loss of its own, and the mean comes last.",
        ),
    ]
    here = f"For margins {[round(margin, 1) for margin in margins]}"
    diagnose(value, want, likely, otherwise=_should_be(want, value), here=here, same=_same)


def _should_be(want, value):
    return f"the loss should be {want:.4f}, got {value:.4f}."


# 3.2 The gradient of a pair


def solution_pairwise_gradients(chosen, rejected):
    """The gradient of the mean loss: for the chosen rewards, and for the rejected ones.

    >>> solution_pairwise_gradients(torch.tensor([0.3]), torch.tensor([-0.2]))
    (tensor([-0.3775]), tensor([0.3775]))

    Why is the one the negative of the other? Because the loss sees only their
    difference: raising one reward does exactly what lowering the other does.
    """
    B = len(chosen)
    pull = torch.sigmoid(rejected - chosen) / B  # (B,) 1 - sigmoid(margin), shared among B
    return -pull, pull


@check
def check_pairwise_gradients(function):
    for chosen, rejected in (([0.3], [-0.2]), ([0.3, 1.0, -0.5], [-0.2, 2.0, 0.3]), ([FAR, -FAR], [0.0, 0.0])):
        result = call(function, torch.tensor(chosen), torch.tensor(rejected))
        margins = [c - r for c, r in zip(chosen, rejected, strict=True)]
        _compare_gradients(*_as_two_rows(result, len(margins)), margins)
    return (
        "Up for the chosen, down for the rejected, by the probability of the wrong outcome, and shared among the pairs."
    )


def _as_two_rows(result, B):
    result = plain(result)
    if isinstance(result, list) and len(result) == B != 2 and all(isinstance(number, float) for number in result):
        raise Mistake(
            "these are the gradients of one side only: return two things, `return for_chosen, for_rejected`, shape "
            "(B,) each."
        )
    if not isinstance(result, list) or len(result) != 2:
        raise Mistake(f"return two things, `return for_chosen, for_rejected`; got {show(result)}.")
    for name, row in zip(("for_chosen", "for_rejected"), result, strict=True):
        if isinstance(row, int | float):
            raise Mistake(f"{name} needs one number for each pair, shape (B,), got the single number {row:.4g}.")
        if not isinstance(row, list) or len(row) != B or not all(isinstance(number, float) for number in row):
            raise Mistake(f"{name} needs {B} numbers, one for each pair, got {show(row)}.")
    return result


def _compare_gradients(for_chosen, for_rejected, margins):
    B = len(margins)
    pulls = [_sigmoid(-margin) for margin in margins]
    here = f"For margins {[round(margin, 1) for margin in margins]}"

    mean = [pull / B for pull in pulls]
    rights = [_sigmoid(margin) / B for margin in margins]
    slopes = [_sigmoid(margin) * _sigmoid(-margin) / B for margin in margins]

    def both(numbers, signs=(-1, 1)):
        return [[sign * number for number in numbers] for sign in signs]

    likely = [
        (
            lambda got: not all(math.isfinite(number) for row in got for number in row),
            (
                f"you get {show(for_chosen)}: `exp` of a large number is infinite, and infinite over infinite is no "
                "number. `torch.sigmoid(-margin)` is one minus the sigmoid, and safe."
            ),
        ),
        (
            both(mean, (1, -1)),
            (
                "your signs are turned round. The loss *falls* when the chosen reward rises, so its gradient is "
                "negative; "
                "a step of training then goes against the gradient, upward."
            ),
        ),
        (
            either(both(mean, (-1, -1)), both(mean, (1, 1))),
            "both gradients have the same sign, but raising the one is like lowering the other.",
        ),
        (both(pulls), f"this is the gradient of the *sum* of the losses; of their mean it is {B} times smaller."),
        (both([pull / B**2 for pull in pulls]), "you divide by the number of pairs twice."),
        (
            either(both([_mean(pulls)] * B), both([_mean(pulls) / B] * B)),
            "you give every pair the same gradient; a lost pair pulls harder than one that is won.",
        ),
        (
            either(both(rights), both(rights, (1, -1))),
            (
                "a pair that is already won pulls the hardest with you. The pull is one *minus* the probability of "
                "winning."
            ),
        ),
        (
            either(both(slopes), both(slopes, (1, -1))),
            (
                "you return the derivative of the sigmoid, s(1 - s). The loss is minus its logarithm, so divide by s: "
                "1 - s "
                "is left."
            ),
        ),
    ]
    otherwise = f"for_chosen should be {show([round(-m, 4) for m in mean])}, got {show(for_chosen)}."
    diagnose([for_chosen, for_rejected], both(mean), likely, otherwise=otherwise, here=here, same=_same)


# 3.3 The loss of rankings


def solution_k_choose_2_loss(rewards, sizes):
    """The mean loss of each ranking's pairs, then the mean over rankings.

    >>> solution_k_choose_2_loss(torch.tensor([1.0, 0.0, -1.0]), [3])
    tensor(0.2512)
    >>> solution_k_choose_2_loss(torch.tensor([1.0, 0.0, -1.0, 0.3, -0.2]), [3, 2])
    tensor(0.3626)

    Why two means, one inside the other, and not one over all pairs? Because
    then every prompt counts the same. One mean over all pairs would listen to a
    ranking of nine as much as to thirty-six rankings of two.
    """
    losses = []
    for ranking in rewards.split(sizes):  # (K,) each
        better, worse = torch.combinations(ranking).unbind(1)  # (P,), (P,) with P = K(K-1)/2
        losses.append(-logsigmoid(better - worse).mean())  # ()
    return torch.stack(losses).mean()  # ()


BATCHES = (
    ([1.3, 0.2, 0.5, -1.1, 0.4, 0.7, -0.3, 0.9, -2.0], [4, 2, 3]),
    ([1.0, 0.0, -1.0], [3]),
    ([0.3, -0.2], [2]),
    ([0.5, 0.1, 0.1, 0.4, -0.8], [5]),
)


@check
def check_k_choose_2_loss(function):
    for rewards, sizes in BATCHES:
        value, gradients = _call_loss(function, [rewards], list(sizes))
        _refuse_strange(value, gradients, f"For sizes {sizes}")
        _compare_rankings(value, rewards, sizes)
    value, gradients = _call_loss(function, [[-FAR, 0.0, FAR]], [3])
    _refuse_strange(value, gradients, "For rewards -10,000, 0 and 10,000")
    if not _same(value, 4 * FAR / 3):
        raise Mistake(f"for rewards -10,000, 0 and 10,000 the loss should be {4 * FAR / 3:.1f}, got {value:.1f}.")
    return "Every pair of a ranking once, no pair across rankings, and every ranking with the same weight."


def _split(rewards, sizes):
    starts = [sum(sizes[:g]) for g in range(len(sizes))]
    return [rewards[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def _pair_losses(ranking):
    return [_loss(better - worse) for better, worse in combinations(ranking, 2)]


def _neighbors(ranking):
    return _mean(_loss(a - b) for a, b in pairwise(ranking))


def _compare_rankings(value, rewards, sizes):
    rankings = _split(rewards, sizes)
    want = _mean(_mean(_pair_losses(ranking)) for ranking in rankings)
    here = f"For rewards {rewards} and sizes {sizes}"
    likely = likely_ranking_losses(rankings)
    diagnose(value, want, likely, otherwise=_should_be(want, value), here=here, same=_same)


def likely_ranking_losses(rankings):
    """What typical mistakes make of the loss of rankings, each with its sentence: a table for `diagnose`.

    Args:
        rankings: a list of rewards for each ranking, best first.
    """
    G, losses = len(rankings), [_pair_losses(ranking) for ranking in rankings]
    turned = [_pair_losses(ranking[::-1]) for ranking in rankings]
    everything = [loss for part in losses for loss in part]
    want = _mean(map(_mean, losses))
    running = 0.0
    for part in losses:
        running = (running + _mean(part)) / G

    def by(divisor):
        """The mean over rankings, with the pairs of each added up and divided by `divisor(K, P)`."""
        return _mean(
            sum(part) / divisor(len(ranking), len(part)) for part, ranking in zip(losses, rankings, strict=True)
        )

    def of_each(loss):
        """The mean over rankings of `loss(part, other, itself, K)`: the losses of its pairs, of its pairs turned round,
        and what its K responses cost against themselves."""
        return _mean(
            loss(part, other, len(ranking) * math.log(2), len(ranking))
            for part, other, ranking in zip(losses, turned, rankings, strict=True)
        )

    return [
        (-want, "your loss is below zero: put a minus before the logarithm."),
        (
            _mean(_pair_losses([reward for ranking in rankings for reward in ranking])),
            "you make pairs across rankings too, and nobody compared those: cut the batch up with `sizes` first.",
        ),
        (
            _mean(map(_mean, turned)),
            "your loss is small when the worse response has the higher reward: responses are listed best first.",
        ),
        (
            _mean(map(_neighbors, rankings)),
            "you compare neighbors only; every response is compared with all that follow it.",
        ),
        (
            _mean(_mean(_loss(ranking[0] - other) for other in ranking[1:]) for ranking in rankings),
            "you compare the best with the others only; the others beat each other too.",
        ),
        (G * want, "you add up the rankings, so that the loss grows with the batch; take their mean."),
        (
            by(lambda K, P: 1),
            (
                "you add up the pairs of a ranking, and long rankings now weigh more than short ones; divide by how "
                "many there "
                "are, K(K-1)/2."
            ),
        ),
        (
            sum(everything),
            (
                "you return the sum over all pairs of all rankings: you add up all pairs. Take the mean over each "
                "ranking's "
                "pairs, then over the rankings."
            ),
        ),
        (
            _mean(everything),
            (
                f"you take one mean over all {len(everything)} pairs, so that long rankings weigh more. Average each "
                "ranking "
                "first."
            ),
        ),
        (
            by(lambda K, P: P * P),
            (
                "you divide by the number of pairs twice, and the loss is too small: is there a `mean` and a division "
                "as "
                "well?"
            ),
        ),
        (by(lambda K, P: P * P) / G, "you divide by the pairs twice, and by the rankings twice."),
        (want / G, "you divide by the number of rankings twice: `mean` over the batch has done it."),
        (by(lambda K, P: K), "you divide by the K responses; the loss is a mean over *pairs*, K(K-1)/2 of them."),
        (
            by(lambda K, P: K * K),
            (
                "you divide by K squared, and most of those places are no pair: each pair is counted twice, and each "
                "response "
                "against itself. There are K(K-1)/2 pairs."
            ),
        ),
        (
            of_each(lambda part, other, itself, K: (sum(part) + sum(other) + itself) / K**2),
            (
                "you average the whole K by K table, each response against itself included; count only what is above "
                "the "
                "diagonal."
            ),
        ),
        (
            want / 2,
            "your loss is half of what it should be: K(K-1) counts each pair from both sides, so divide by K(K-1)/2.",
        ),
        (
            running,
            (
                "you divide inside the loop, so that what came first is divided again and again and the last ranking "
                "weighs "
                "most."
            ),
        ),
        (
            of_each(lambda part, other, itself, K: (sum(part) + itself) / (len(part) + K)),
            (
                "you compare each response with itself as well, which always costs log 2: start the second position "
                "after the "
                "first, i < j."
            ),
        ),
        (
            of_each(lambda part, other, itself, K: _mean(part + other)),
            (
                "you take each pair in both directions, so that every winner also loses; only better minus worse is a "
                "pair."
            ),
        ),
    ]


# 3.4 A test that can fail


def solution_loss_is_right(loss):
    """Whether a K-choose-2 loss is right, judged by a few numbers worked out by hand.

    >>> solution_loss_is_right(k_choose_2_loss)
    True
    >>> solution_loss_is_right(lambda rewards, sizes: k_choose_2_loss(-rewards, sizes))
    False

    Why so many cases? Because each is blind to something: a pair to the number
    of pairs, equal rewards to who is better, a single ranking to the weight of
    rankings. A test is as good as the mistakes that it can see.
    """
    cases = [
        (torch.tensor([0.0, 0.0, 0.0, 0.0]), [4], math.log(2)),  # a coin, whatever K
        (torch.tensor([1.0, 0.0, -1.0]), [3], 0.251196),  # margins 1, 2, 1
        (torch.tensor([1.0, 0.0, -1.0, 0.0, 0.0]), [3, 2], (0.251196 + math.log(2)) / 2),
    ]
    return all(abs(float(loss(rewards, sizes)) - want) < 1e-4 for rewards, sizes, want in cases)


class _Loss:
    """A loss of rankings to be tested, which prints as what it is."""

    def __init__(self, words, each, together=_mean):
        self.words, self.each, self.together = words, each, together

    def __repr__(self):
        return "loss"

    def __call__(self, rewards, sizes):
        numbers = plain(rewards) if not isinstance(rewards, list) else rewards
        parts = [self.each(ranking) for ranking in _split(numbers, list(sizes))]
        return torch.tensor(self.together(parts))


RIGHT_LOSSES = [k_choose_2_loss, _Loss("is right", lambda ranking: _mean(_pair_losses(ranking)))]
WRONG_LOSSES = [
    _Loss("divides by K(K-1)/2 twice", lambda ranking: _mean(_pair_losses(ranking)) / len(_pair_losses(ranking))),
    _Loss("adds up the pairs of a ranking", lambda ranking: sum(_pair_losses(ranking))),
    _Loss("takes the worst for the best", lambda ranking: _mean(_pair_losses(ranking[::-1]))),
    _Loss("compares neighbors only", _neighbors),
    _Loss(
        "takes one mean over the pairs of all rankings",
        _pair_losses,
        lambda parts: _mean(loss for part in parts for loss in part),
    ),
]


LOOK_AT = {
    "divides by K(K-1)/2 twice": "With K = 2 there is one pair, and dividing by 1 changes nothing: try a larger K.",
    "takes the worst for the best": "Equal rewards look the same from both ends: try rewards that differ.",
    "takes one mean over the pairs of all rankings": "That shows only in a batch of rankings with different K.",
}
LOOK_AT_MARGINS = "Try a ranking of three or more, with margins that all differ."


@check
def check_loss_is_right(function):
    if uses_package(function) or {"k_choose_2_loss", "solution_k_choose_2_loss"} & {*global_names(function)}:
        raise Mistake(
            "your test compares with `k_choose_2_loss` or another part of the package. The first time you write a "
            "loss, you "
            "have no correct version to compare it with: work out a few numbers by hand, and compare with those."
        )
    rights = [_as_bool(call(function, loss, in_place=True)) for loss in RIGHT_LOSSES]
    wrongs = [_as_bool(call(function, loss, in_place=True)) for loss in WRONG_LOSSES]
    if not any(rights) and all(wrongs):
        raise Mistake("your answers are turned round: return True for a loss that is right, False for one that is not.")
    if all(rights) and all(wrongs):
        raise Mistake("your test passes every loss, the wrong ones too: a test that cannot fail tells nothing.")
    if not any(rights):
        raise Mistake(
            "your test fails both losses that are right, rmkit's own for one. Is your expected number right, and do "
            "you allow for rounding? "
            "0.2512 is not exactly 0.251196."
        )
    if not all(rights):
        raise Mistake(
            "your test fails a loss that is right, and differs from another right one in the last digits only. "
            "Numbers with "
            "decimals are rounded: ask whether two are close, not whether they are equal."
        )
    missed = [loss.words for loss, passed in zip(WRONG_LOSSES, wrongs, strict=True) if passed]
    if missed:
        hints = [f"{words}. {LOOK_AT.get(words, LOOK_AT_MARGINS)}" for words in missed]
        raise Mistake(faults("your test passes a loss that", hints))
    return "It lets two right losses pass that differ in the last digits, and catches all five wrong ones."


def _as_bool(result):
    result = plain(result)
    if not isinstance(result, bool):
        raise Mistake(f"return True or False, got {show(result)}.")
    return result


# 3.5 Plackett-Luce


def solution_plackett_luce_loss(rewards):
    """Minus the log probability of a whole ranking, best first.

    >>> solution_plackett_luce_loss(torch.tensor([2.0, 1.0, 0.0]))
    tensor(0.7209)
    >>> solution_plackett_luce_loss(torch.tensor([0.3, -0.2]))
    tensor(0.4741)

    Why does the last choice cost nothing? Because one response is left, and it
    is chosen with probability 1.
    """
    choices = []
    for k in range(len(rewards) - 1):
        remaining = rewards[k:]  # (K - k,) what has not been chosen yet, the next choice first
        choices.append(torch.logsumexp(remaining, dim=0) - remaining[0])  # ()
    return torch.stack(choices).sum()  # ()


@check
def check_plackett_luce_loss(function):
    for rewards in ([2.0, 1.0, 0.0], [0.4, 0.9, -0.6, 0.1], [0.3, -0.2]):
        value, gradients = _call_loss(function, [rewards])
        _compare_plackett_luce(value, rewards)
        _refuse_strange(value, gradients, f"For rewards {rewards}")
    value, gradients = _call_loss(function, [[0.0, FAR, -FAR]])
    if not math.isfinite(value) or not all(math.isfinite(g) for g in gradients[0]):
        raise Mistake(
            "for rewards 0, 10,000 and -10,000 the loss or its gradient is no number any more: `exp(10000)` is "
            "infinite. "
            "`torch.logsumexp` gives the logarithm of a sum of exponentials without computing them."
        )
    if not _same(value, FAR):
        raise Mistake(f"for rewards 0, 10,000 and -10,000 the loss should be 10000, got {value:.1f}.")
    return "The best of all, then the best of those that remain, and so on; with two responses it is the pairwise loss."


def _compare_plackett_luce(value, rewards):
    K = len(rewards)

    def log_sum(numbers):
        top = max(numbers)
        return top + math.log(sum(math.exp(number - top) for number in numbers))

    def total(order):
        return sum(log_sum(order[k:]) - order[k] for k in range(K - 1))

    want = total(rewards)
    here = f"For rewards {rewards}"
    steps = [log_sum(rewards[k:]) - rewards[k] for k in range(K)]
    likely = [
        (-want, "your loss is below zero: minus the logarithm of a probability is positive."),
        (
            sum(log_sum(rewards) - reward for reward in rewards),
            (
                "you let every response compete with all K, also with those that were chosen before it. Take out what "
                "has "
                "been chosen."
            ),
        ),
        (
            sum(log_sum(rewards) - reward for reward in rewards[:-1]),
            (
                "you let every choice be made among all K. The second choice is made among those that remain, K - 1 of "
                "them."
            ),
        ),
        (
            total(rewards[::-1]),
            (
                "you choose the worst first: each choice is among those that remain, to the right of it, not among "
                "those "
                "before it."
            ),
        ),
        (
            want / K,
            "you take a mean over the K responses; probabilities of choices are multiplied, so their logs add up.",
        ),
        (
            want / (K - 1),
            "you take a mean over the choices; probabilities of choices are multiplied, so their logs add up.",
        ),
        (steps[0], "you score the first choice only. The rest of the ranking is information too."),
        (
            sum(_pair_losses(rewards)),
            "this is the sum of the pairwise losses: a choice among three is not three comparisons.",
        ),
        (
            sum(_loss(a - b) for a, b in pairwise(rewards)),
            "each choice is between two neighbors with you; it is a choice among all that remain.",
        ),
        (
            sum(log_sum(rewards[k + 1 :]) - rewards[k] for k in range(K - 1)),
            (
                "you leave the chosen one out of the sum below the line; it competes too, or the probabilities do not "
                "add "
                "up to 1."
            ),
        ),
        (want / math.log(2), "your logarithm is log2; this book's are natural."),
        (math.exp(-want), "you return the probability of the ranking; the loss is minus its logarithm."),
    ]
    diagnose(value, want, likely, otherwise=_should_be(want, value), here=here, same=_same)
