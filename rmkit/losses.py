"""What preferences say about rewards, as a loss (chapter 3).

In the model of Bradley and Terry (1952) the better of two responses wins with probability sigmoid(r_better - r_worse).
The loss is minus the logarithm of that probability, and a ranking of K responses gives it for each of its K(K-1)/2
pairs.
"""

from collections.abc import Sequence

import torch
from torch.nn.functional import logsigmoid


def pairwise_loss(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """The Bradley-Terry loss of preference pairs: the mean of -log sigmoid(chosen - rejected).

    Args:
        chosen: rewards of the preferred responses, shape (B,).
        rejected: rewards of the others, shape (B,).

    Returns:
        The mean over the B pairs, shape (), in nats. Guessing has a loss of log 2 = 0.693.

    Raises:
        ValueError: if the shapes differ or there is no pair.

    `logsigmoid` is exact for any difference, where `log(sigmoid(x))` is -inf from about x = -89 down.
    Source: Bradley and Terry 1952, doi:10.2307/2334029; Ouyang et al. 2022, arXiv:2203.02155, equation 1 with K = 2.

    >>> pairwise_loss(torch.tensor([0.3]), torch.tensor([-0.2]))
    tensor(0.4741)
    >>> pairwise_loss(torch.tensor([-1000.0]), torch.tensor([1000.0]))
    tensor(2000.)
    """
    if chosen.shape != rejected.shape or chosen.ndim != 1 or len(chosen) == 0:
        raise ValueError(
            "chosen and rejected must both have shape (B,) with B >= 1, "
            f"got {tuple(chosen.shape)} and {tuple(rejected.shape)}"
        )
    dtype = torch.promote_types(chosen.dtype, torch.float32)  # in 16 bits, close rewards would be equal
    margin = chosen.to(dtype) - rejected.to(dtype)  # (B,)
    return -logsigmoid(margin).mean()  # ()


def pair_positions(
    sizes: Sequence[int], ranks: Sequence[int] | None = None, device: torch.device | str | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where the pairs of a batch of rankings stand in its flat list of rewards.

    Args:
        sizes: how many responses each ranking has, G numbers that sum to N.
        ranks: the rank of each of the N responses, 0 is best, equal numbers are a tie; left out, every response beats
            all that follow it in its ranking.

    Returns:
        better, worse, ranking: three long tensors of shape (P,), an entry for each pair. `better` and `worse` are
        positions in 0..N-1 and `ranking` is the pair's ranking in 0..G-1. Tied responses are no pair.

    >>> better, worse, ranking = pair_positions([2, 3])
    >>> better.tolist(), worse.tolist(), ranking.tolist()
    ([0, 2, 2, 3], [1, 3, 4, 4], [0, 1, 1, 1])
    """
    sizes = [int(size) for size in sizes]
    ranks = [k for size in sizes for k in range(size)] if ranks is None else [int(rank) for rank in ranks]
    if len(ranks) != sum(sizes):
        raise ValueError(f"sizes sum to {sum(sizes)} responses, got {len(ranks)} ranks")
    pairs = []
    start = 0
    for ranking, size in enumerate(sizes):
        for i in range(start, start + size):
            for j in range(start, start + size):
                if ranks[i] < ranks[j]:
                    pairs.append((i, j, ranking))
        start += size
    better, worse, of_ranking = torch.tensor(pairs, dtype=torch.long, device=device).reshape(-1, 3).unbind(dim=1)
    return better, worse, of_ranking


def k_choose_2_loss(rewards: torch.Tensor, sizes: Sequence[int], ranks: Sequence[int] | None = None) -> torch.Tensor:
    """The loss of whole rankings: the mean over the pairs of each ranking, then the mean over rankings.

    Args:
        rewards: the rewards of all responses, ranking after ranking, shape (N,).
        sizes: how many responses each ranking has, G numbers that sum to N; they may differ.
        ranks: the rank of each response, N numbers, 0 is best, equal numbers are a tie; left out, each ranking is
            listed best first without ties.

    Returns:
        The mean over the rankings that have a pair, shape (), in nats. Every ranking weighs the same, however many
        pairs it has: that is the paper's 1 / (K choose 2).

    Raises:
        ValueError: if the numbers do not fit together, or there is no pair to learn from.

    Source: Ouyang et al. 2022 (InstructGPT), arXiv:2203.02155, equation 1.

    >>> k_choose_2_loss(torch.tensor([1.0, 0.0, -1.0]), [3])        # pairs with margins 1, 2, 1
    tensor(0.2512)
    >>> k_choose_2_loss(torch.tensor([0.3, -0.2]), [2])             # K = 2 is the pairwise loss
    tensor(0.4741)
    """
    if rewards.ndim != 1 or len(rewards) != sum(sizes):
        raise ValueError(
            f"rewards must have shape (N,) with N = {int(sum(sizes))}, the sum of sizes, got {tuple(rewards.shape)}"
        )
    better, worse, ranking = pair_positions(sizes, ranks, device=rewards.device)  # (P,) each
    if len(better) == 0:
        raise ValueError("no pair to learn from: every ranking is a single tie")
    rewards = rewards.to(torch.promote_types(rewards.dtype, torch.float32))  # in 16 bits, close rewards would be equal
    losses = -logsigmoid(rewards[better] - rewards[worse])  # (P,)
    pairs_in = torch.bincount(ranking, minlength=len(sizes))  # (G,)
    mean_of = losses.new_zeros(len(sizes)).index_add(0, ranking, losses / pairs_in[ranking])  # (G,)
    return mean_of.sum() / (pairs_in > 0).sum()  # ()
