"""The losses against hand arithmetic, a slow double loop, finite differences and the published floors."""

import math
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
import torch

from rmkit.losses import k_choose_2_loss, pair_positions, pairwise_loss


def slow_loss(rewards, sizes, ranks):
    """The definition, read aloud: for each ranking the mean over its pairs, then the mean over rankings."""
    per_ranking, start = [], 0
    for size in sizes:
        losses = []
        for i in range(start, start + size):
            for j in range(start, start + size):
                if ranks[i] < ranks[j]:
                    losses.append(math.log1p(math.exp(-(rewards[i] - rewards[j]))))
        if losses:
            per_ranking.append(sum(losses) / len(losses))
        start += size
    return sum(per_ranking) / len(per_ranking)


SIZES = [2, 5, 3]
RANKS = [0, 1, 0, 1, 1, 2, 3, 0, 0, 0]  # a pair; a ranking with a tie; one that is a single tie
REWARDS = [0.4, -0.9, 1.3, 0.2, 0.8, -0.1, -1.7, 0.5, 2.0, -0.6]


def test_pairwise_by_hand():
    # sigmoid(0.5) = 0.622459, minus its log 0.474077; sigmoid(-1) = 0.268941, 1.313262; their mean 0.893669
    loss = pairwise_loss(torch.tensor([0.3, 1.0]), torch.tensor([-0.2, 2.0]))
    assert loss.item() == pytest.approx(0.893669, abs=2e-6)


def test_equal_scores_give_log_2():
    assert pairwise_loss(torch.zeros(7), torch.zeros(7)).item() == pytest.approx(math.log(2), abs=1e-6)
    assert k_choose_2_loss(torch.full((9,), 3.0), [4, 5]).item() == pytest.approx(math.log(2), abs=1e-6)


def test_two_responses_are_a_pair():
    chosen, rejected = torch.tensor([0.7, -1.2, 3.0]), torch.tensor([0.1, 0.4, -2.0])
    flat = torch.stack([chosen, rejected], dim=1).flatten()
    assert k_choose_2_loss(flat, [2, 2, 2]).item() == pytest.approx(pairwise_loss(chosen, rejected).item(), abs=1e-7)


def test_unequal_sizes_and_ties_against_the_slow_loop():
    loss = k_choose_2_loss(torch.tensor(REWARDS), SIZES, RANKS)
    assert loss.item() == pytest.approx(slow_loss(REWARDS, SIZES, RANKS), abs=1e-6)


def test_without_ranks_everyone_beats_all_that_follow():
    rewards = torch.tensor(REWARDS[:7])
    strict = [0, 1, 0, 1, 2, 3, 4]
    assert k_choose_2_loss(rewards, [2, 5]).item() == pytest.approx(slow_loss(REWARDS[:7], [2, 5], strict), abs=1e-6)


def test_each_ranking_weighs_the_same_however_many_pairs_it_has():
    nine, two = torch.linspace(1, -1, 9), torch.tensor([-0.3, 0.6])
    together = k_choose_2_loss(torch.cat([nine, two]), [9, 2]).item()
    alone = [k_choose_2_loss(nine, [9]).item(), k_choose_2_loss(two, [2]).item()]
    assert together == pytest.approx(sum(alone) / 2, abs=1e-6)


@pytest.mark.parametrize("shift", [10.0, -3.0])
def test_only_differences_matter(shift):
    rewards = torch.tensor(REWARDS, dtype=torch.float32)
    before = k_choose_2_loss(rewards, SIZES, RANKS).item()
    assert k_choose_2_loss(rewards + shift, SIZES, RANKS).item() == pytest.approx(before, abs=1e-5)


def test_gradients_within_a_ranking_sum_to_zero():
    rewards = torch.tensor(REWARDS, requires_grad=True)
    k_choose_2_loss(rewards, SIZES, RANKS).backward()
    for group in rewards.grad.split(SIZES):
        assert group.sum().item() == pytest.approx(0, abs=1e-7)
    assert rewards.grad[7:].abs().sum() == 0  # a single tie teaches nothing
    assert rewards.grad[:7].abs().min() > 0


def test_gradient_against_finite_differences():
    rewards = torch.tensor(REWARDS, requires_grad=True)
    k_choose_2_loss(rewards, SIZES, RANKS).backward()
    step = 1e-5
    for i in range(len(REWARDS)):
        up, down = list(REWARDS), list(REWARDS)
        up[i] += step
        down[i] -= step
        slope = (slow_loss(up, SIZES, RANKS) - slow_loss(down, SIZES, RANKS)) / (2 * step)
        assert rewards.grad[i].item() == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("scale", [1e4, -1e4, 1e30])
def test_any_margin_stays_finite(scale):
    rewards = torch.tensor([1.0, 0.5, -1.0]) * scale
    rewards.requires_grad_()
    loss = k_choose_2_loss(rewards, [3])
    loss.backward()
    assert math.isfinite(loss.item()) and rewards.grad.isfinite().all()
    if scale == -1e4:  # margins -5000, -20000, -15000: the loss is their mean size
        assert loss.item() == pytest.approx((5000 + 20000 + 15000) / 3, rel=1e-6)


@pytest.mark.parametrize(
    "k, best, floor", [(2, [1, -1], 0.1269), (3, [1, 0, -1], 0.2512), (4, [1, 0.597, -0.597, -1], 0.2973)]
)
def test_floor_of_a_bounded_head(k, best, floor):
    """The least loss with rewards in [-1, 1], computed independently with scipy over the slow loop."""
    from scipy.optimize import minimize

    found = minimize(lambda r: slow_loss(r, [k], range(k)), [0.0] * k, bounds=[(-1, 1)] * k).fun
    assert k_choose_2_loss(torch.tensor(best, dtype=torch.float32), [k]).item() == pytest.approx(found, abs=1e-5)
    assert found == pytest.approx(floor, abs=5e-5)


def test_same_numbers_as_trl():
    """TRL's own `RewardTrainer.compute_loss`, with a stand-in for all of the trainer that does not touch the loss."""
    trl = pytest.importorskip("trl")
    chosen, rejected = torch.tensor([0.7, -1.2, 30.0]), torch.tensor([0.1, 0.4, -20.0])
    trainer = MagicMock()
    trainer.args.center_rewards_coefficient = None
    trainer.accelerator.gather_for_metrics = trainer.accelerator.gather = lambda x: x
    outputs = SimpleNamespace(logits=torch.cat([chosen, rejected]).unsqueeze(-1))  # all chosen above all rejected
    loss = trl.RewardTrainer.compute_loss(trainer, lambda **_: outputs, {"attention_mask": torch.ones(6, 4)})
    assert pairwise_loss(chosen, rejected).item() == pytest.approx(loss.item(), abs=1e-6)


def test_double_precision_stays_double():
    chosen, rejected = torch.tensor([[1e8 + 1], [1e8]], dtype=torch.float64)
    expected = math.log1p(math.exp(-1))
    assert pairwise_loss(chosen, rejected).item() == pytest.approx(expected)
    assert k_choose_2_loss(torch.cat([chosen, rejected]), [2]).item() == pytest.approx(expected)
    rewards = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rewards: k_choose_2_loss(rewards, [3]), rewards)


def test_half_precision_rewards_are_compared_in_full_precision():
    rewards = torch.tensor([0.30078125, -0.19921875], dtype=torch.bfloat16)  # exact in bfloat16
    assert k_choose_2_loss(rewards, [2]).item() == pytest.approx(math.log1p(math.exp(-0.5)), abs=1e-6)


def test_pair_positions_of_three():
    better, worse, ranking = pair_positions([3], [0, 0, 1])
    assert list(zip(better.tolist(), worse.tolist(), ranking.tolist(), strict=True)) == [(0, 2, 0), (1, 2, 0)]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: pairwise_loss(torch.zeros(3), torch.zeros(2)), r"\(3,\) and \(2,\)"),
        (lambda: pairwise_loss(torch.zeros(2, 2), torch.zeros(2, 2)), r"shape \(B,\)"),
        (lambda: pairwise_loss(torch.zeros(0), torch.zeros(0)), "B >= 1"),
        (lambda: k_choose_2_loss(torch.zeros(5), [2, 2]), "N = 4"),
        (lambda: k_choose_2_loss(torch.zeros(4), [2, 2], [0, 1]), "got 2 ranks"),
        (lambda: k_choose_2_loss(torch.zeros(2), [2], [0, 0]), "single tie"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
