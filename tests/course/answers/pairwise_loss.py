"""Right and wrong answers to the exercises of chapter 3: {exercise: (check, right answers, wrong answers)}."""

import itertools
import math

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, relu, softplus

from rmkit.course.exercises.pairwise_loss import (
    check_k_choose_2_loss,
    check_loss_is_right,
    check_pairwise_gradients,
    check_pairwise_loss,
    check_plackett_luce_loss,
    solution_k_choose_2_loss,
    solution_loss_is_right,
    solution_pairwise_gradients,
    solution_pairwise_loss,
    solution_plackett_luce_loss,
)
from rmkit.losses import k_choose_2_loss

# 3.1 The loss of pairs


def loss_by_logsigmoid(chosen, rejected):
    return -logsigmoid(chosen - rejected).mean()


def loss_by_softplus(chosen, rejected):
    return sum(softplus(r - c) for c, r in zip(chosen, rejected, strict=True)) / len(chosen)


def loss_by_cross_entropy(chosen, rejected):
    margin = (chosen - rejected).double()
    return binary_cross_entropy_with_logits(margin, torch.ones_like(margin))


def loss_by_logaddexp(chosen, rejected):
    return (torch.logaddexp(chosen, rejected) - chosen).mean()


def loss_by_where(chosen, rejected):
    margin = chosen - rejected
    return torch.where(margin > 0, torch.log1p(torch.exp(-margin)), torch.log1p(torch.exp(margin)) - margin).mean()


def sigmoid(chosen, rejected):
    return torch.sigmoid(chosen - rejected)


RIGHT_LOSSES = [solution_pairwise_loss, loss_by_logsigmoid, loss_by_softplus, loss_by_cross_entropy, loss_by_logaddexp]
WRONG_LOSSES = {
    "naive": (lambda chosen, rejected: -torch.log(sigmoid(chosen, rejected)).mean(), "computes neither"),
    "where": (loss_by_where, "both of its branches"),
    "epsilon": (lambda chosen, rejected: -torch.log(sigmoid(chosen, rejected) + 1e-8).mean(), "hides how badly"),
    "no minus": (lambda chosen, rejected: logsigmoid(chosen - rejected).mean(), "put a minus"),
    "swapped": (lambda chosen, rejected: -logsigmoid(rejected - chosen).mean(), "chosen minus rejected"),
    "sum": (lambda chosen, rejected: -logsigmoid(chosen - rejected).sum(), "does not grow with the batch"),
    "no mean": (lambda chosen, rejected: -logsigmoid(chosen - rejected), "take the mean at the end"),
    "probability": (lambda chosen, rejected: sigmoid(chosen, rejected).mean(), "you return the probability"),
    "one minus": (lambda chosen, rejected: 1 - sigmoid(chosen, rejected).mean(), "one minus the probability"),
    "log10": (lambda chosen, rejected: -logsigmoid(chosen - rejected).mean() / math.log(10), "log10"),
    "log2": (lambda chosen, rejected: -logsigmoid(chosen - rejected).mean() / math.log(2), "log2"),
    "log of mean": (lambda chosen, rejected: -torch.log(sigmoid(chosen, rejected).mean()), "log"),
    "mean margin": (lambda chosen, rejected: -logsigmoid((chosen - rejected).mean()), "average the margins first"),
    "item": (lambda chosen, rejected: -logsigmoid(chosen - rejected).mean().item(), "plain Python number"),
    "detached": (lambda chosen, rejected: -logsigmoid((chosen - rejected).detach()).mean(), "cut it off"),
    "corner": (
        lambda chosen, rejected: (relu(rejected - chosen) + torch.log1p(torch.exp(-(chosen - rejected).abs()))).mean(),
        "corner at 0",
    ),
    "hinge": (lambda chosen, rejected: relu(1 - chosen + rejected).mean(), "the loss should be"),
}

# 3.2 The gradient of a pair


def gradients_by_autograd(chosen, rejected):
    chosen, rejected = chosen.clone().requires_grad_(), rejected.clone().requires_grad_()
    loss_by_logsigmoid(chosen, rejected).backward()
    return chosen.grad, rejected.grad


def gradients_by_sigmoid(chosen, rejected):
    pull = (torch.sigmoid(chosen - rejected) - 1) / chosen.numel()
    return [pull.tolist(), (-pull).tolist()]


def gradients_by_exp(chosen, rejected):
    fraction = torch.exp(rejected - chosen) / (1 + torch.exp(rejected - chosen)) / len(chosen)
    return -fraction, fraction


def pulls(change):
    """Gradients of which each is `change(sigmoid of the margin, B)`, with the right signs."""

    def function(chosen, rejected):
        pull = change(sigmoid(chosen, rejected), len(chosen)) * torch.ones(len(chosen))
        return -pull, pull

    return function


RIGHT_GRADIENTS = [solution_pairwise_gradients, gradients_by_autograd, gradients_by_sigmoid]
WRONG_GRADIENTS = {
    "turned round": (lambda c, r: solution_pairwise_gradients(c, r)[::-1], "turned round"),
    "same sign": (lambda c, r: (solution_pairwise_gradients(c, r)[0],) * 2, "same sign"),
    "of the sum": (pulls(lambda s, B: 1 - s), "gradient of the *sum*"),
    "divided twice": (pulls(lambda s, B: (1 - s) / B**2), "twice"),
    "all alike": (pulls(lambda s, B: (1 - s).mean() / B), "same gradient"),
    "probability": (pulls(lambda s, B: s / B), "already won pulls the hardest"),
    "derivative of the sigmoid": (pulls(lambda s, B: s * (1 - s) / B), "derivative of the sigmoid"),
    "margin": (lambda c, r: ((r - c) / len(c), (c - r) / len(c)), "for_chosen should be"),
    "overflow": (gradients_by_exp, "infinite over infinite"),
    "one side": (lambda c, r: solution_pairwise_gradients(c, r)[0], "return two things"),
    "single numbers": (lambda c, r: (-0.3775, 0.3775), "single number"),
}

# 3.3 The loss of rankings


def rankings_by_matrix(rewards, sizes):
    total, start = 0.0, 0
    for size in sizes:
        part = rewards[start : start + size]
        margins = part[:, None] - part[None, :]
        total = total + softplus(-margins).triu(diagonal=1).sum() / (size * (size - 1) / 2)
        start += size
    return total / len(sizes)


def rankings_by_loop(rewards, sizes):
    rewards, means = list(rewards), []
    for size in sizes:
        ranking, rewards = rewards[:size], rewards[size:]
        losses = [-logsigmoid(a - b) for a, b in itertools.combinations(ranking, 2)]
        means.append(sum(losses) / len(losses))
    return sum(means) / len(means)


def rankings(each, together=lambda parts: torch.stack(parts).mean()):
    """A loss that is `together` of what `each` makes of every ranking."""
    return lambda rewards, sizes: together([each(ranking) for ranking in rewards.split(sizes)])


def pairs(ranking):
    better, worse = torch.combinations(ranking).unbind(1)
    return -logsigmoid(better - worse)


def both_ways(ranking):
    return torch.cat([pairs(ranking), pairs(ranking.flip(0))]).mean()


def naive_pairs(ranking):
    better, worse = torch.combinations(ranking).unbind(1)
    return -torch.log(torch.sigmoid(better - worse)).mean()


def with_itself(ranking):
    better, worse = torch.combinations(ranking, with_replacement=True).unbind(1)
    return -logsigmoid(better - worse).mean()


RIGHT_RANKINGS = [solution_k_choose_2_loss, k_choose_2_loss, rankings_by_matrix, rankings_by_loop]
WRONG_RANKINGS = {
    "one mean": (rankings(pairs, lambda parts: torch.cat(parts).mean()), "long rankings weigh more"),
    "one sum": (rankings(pairs, lambda parts: torch.cat(parts).sum()), "add up all pairs"),
    "sum of rankings": (rankings(lambda r: pairs(r).mean(), sum), "add up the rankings"),
    "sum of pairs": (rankings(lambda r: pairs(r).sum()), "add up the pairs of a ranking"),
    "across rankings": (lambda rewards, sizes: pairs(rewards).mean(), "across rankings"),
    "no minus": (rankings(lambda r: -pairs(r).mean()), "below zero"),
    "worst first": (rankings(lambda r: pairs(r.flip(0)).mean()), "worse response has the higher"),
    "neighbors": (rankings(lambda r: -logsigmoid(r[:-1] - r[1:]).mean()), "neighbors only"),
    "best against rest": (rankings(lambda r: -logsigmoid(r[0] - r[1:]).mean()), "best with the others only"),
    "twice": (rankings(lambda r: pairs(r).mean() / len(pairs(r))), "number of pairs twice"),
    "K": (rankings(lambda r: pairs(r).sum() / len(r)), "divide by the K responses"),
    "K squared": (rankings(lambda r: pairs(r).sum() / len(r) ** 2), "K squared"),
    "half": (rankings(lambda r: pairs(r).mean() / 2), "half of what it should be"),
    "with itself": (rankings(with_itself), "with itself"),
    "whole table": (rankings(lambda r: -logsigmoid(r[:, None] - r[None, :]).mean()), "K by K table"),
    "both ways": (rankings(both_ways), "every winner also loses"),
    "overflow": (rankings(naive_pairs), "rounds to 0"),
    "a loss each": (rankings(lambda r: pairs(r).mean(), torch.stack), "has shape (3,)"),
    "Plackett-Luce": (rankings(solution_plackett_luce_loss), "the loss should be"),
}

# 3.4 A test that can fail


def compare_with_rmkit(loss):
    rewards = torch.randn(9, generator=torch.Generator().manual_seed(0))
    return torch.isclose(loss(rewards, [4, 2, 3]), k_choose_2_loss(rewards, [4, 2, 3]), atol=1e-5)


def compare_with_loop(loss):
    rewards, sizes = torch.tensor([0.5, 0.1, 0.7, -0.4, 0.3, 0.2]), [4, 2]
    return abs(loss(rewards, sizes).item() - rankings_by_loop(rewards, sizes).item()) < 1e-5


def tests(*cases, close=1e-4):
    """A test of a loss by rewards, sizes and the number that should come out."""
    return lambda loss: all(abs(loss(torch.tensor(r), sizes).item() - want) <= close for r, sizes, want in cases)


PAIR = ([0.3, -0.2], [2], 0.474077)
EQUAL = ([0.0, 0.0, 0.0], [3], 0.693147)
THREE = ([1.0, 0.0, -1.0], [3], 0.251196)
TWO_LONG = ([1.0, 0.0, -1.0, 0.0, 0.0], [3, 2], (0.251196 + math.log(2)) / 2)

SOME = torch.tensor([1.3, 0.2, 0.5, -1.1])
EXACT = float(k_choose_2_loss(SOME, [4]))

RIGHT_TESTS = [solution_loss_is_right, compare_with_loop, tests(PAIR, EQUAL, THREE, TWO_LONG)]
WRONG_TESTS = {
    "a pair only": (tests(PAIR), "With K = 2 there is one pair"),
    "equal rewards": (tests(EQUAL), "Equal rewards look the same"),
    "one ranking": (tests(THREE), "rankings with different K"),
    "exact": (lambda loss: bool(loss(SOME, [4]) == EXACT), "last digits"),
    "the package's loss": (compare_with_rmkit, "another part of the package"),
    "wrong number": (tests((*THREE[:2], 0.3133)), "rmkit's own"),
    "turned round": (lambda loss: not solution_loss_is_right(loss), "turned round"),
    "always": (lambda loss: bool(torch.isfinite(loss(torch.ones(3), [3]))), "cannot fail"),
    "the loss itself": (lambda loss: loss(torch.ones(3), [3]), "True or False"),
    "pair and equal": (tests(PAIR, EQUAL), "compares neighbors only"),
}  # fmt: skip

# 3.5 Plackett-Luce


def luce_by_logcumsumexp(rewards):
    return (rewards.flip(0).logcumsumexp(0).flip(0) - rewards).sum()


def luce_by_log_softmax(rewards):
    return -sum(torch.log_softmax(rewards[k:], dim=0)[0] for k in range(len(rewards)))


def luce_by_exp(rewards):
    strengths = rewards.exp()
    return -sum(torch.log(strengths[k] / strengths[k:].sum()) for k in range(len(rewards)))


RIGHT_LUCES = [solution_plackett_luce_loss, luce_by_logcumsumexp, luce_by_log_softmax]
WRONG_LUCES = {
    "softmax of all": (lambda r: -torch.log_softmax(r, 0).sum(), "compete with all K"),
    "all but the last": (lambda r: -torch.log_softmax(r, 0)[:-1].sum(), "among all K"),
    "worst first": (lambda r: (r.logcumsumexp(0) - r).sum(), "choose the worst first"),
    "mean": (lambda r: (r.flip(0).logcumsumexp(0).flip(0) - r).mean(), "mean over the K"),
    "mean of choices": (lambda r: luce_by_logcumsumexp(r) / (len(r) - 1), "mean over the choices"),
    "first only": (lambda r: -torch.log_softmax(r, 0)[0], "first choice only"),
    "pairs": (lambda r: pairs(r).sum(), "three comparisons"),
    "neighbors": (lambda r: -logsigmoid(r[:-1] - r[1:]).sum(), "two neighbors"),
    "without itself": (
        lambda r: sum(torch.logsumexp(r[k + 1 :], 0) - r[k] for k in range(len(r) - 1)),
        "it competes too",
    ),
    "no minus": (lambda r: -luce_by_logcumsumexp(r), "below zero"),
    "log2": (lambda r: luce_by_logcumsumexp(r) / math.log(2), "log2"),
    "probability": (lambda r: torch.exp(-luce_by_logcumsumexp(r)), "probability of the ranking"),
    "overflow": (luce_by_exp, "logsumexp"),
    "item": (lambda r: luce_by_logcumsumexp(r).item(), "plain Python number"),
    "choices": (lambda r: r.flip(0).logcumsumexp(0).flip(0) - r, "has shape"),
}

EXERCISES = {
    "pairwise_loss": (check_pairwise_loss, RIGHT_LOSSES, WRONG_LOSSES),
    "pairwise_gradients": (check_pairwise_gradients, RIGHT_GRADIENTS, WRONG_GRADIENTS),
    "k_choose_2_loss": (check_k_choose_2_loss, RIGHT_RANKINGS, WRONG_RANKINGS),
    "loss_is_right": (check_loss_is_right, RIGHT_TESTS, WRONG_TESTS),
    "plackett_luce_loss": (check_plackett_luce_loss, RIGHT_LUCES, WRONG_LUCES),
}
