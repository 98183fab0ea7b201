"""Texts shared among processes: each scores its part, and all get the whole (chapter 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from rmkit.processes import join_processes


def share_out(items: list, work: Callable[[list], torch.Tensor]) -> torch.Tensor:
    """What `work` gives for N items, as one tensor on the CPU; every process does its share.

    Of n processes the first takes the items 0, n, 2n, ..., the second those after them, and so on.
    All shares are filled up to the same length, since under FSDP each forward pass needs all processes; what was added
    is dropped again, so that every item counts once. All processes must call it with the same items.

    Args:
        items: N of anything.
        work: turns a list of items into a tensor with as many rows.

    >>> share_out([1, 2, 3], lambda share: torch.tensor(share) * 10.0)
    tensor([10., 20., 30.])
    """
    if not items:
        return work([])
    accelerator = join_processes()
    n = accelerator.num_processes
    filled = items + items[:1] * (-len(items) % n)
    done = work(filled[accelerator.process_index :: n]).to(accelerator.device)  # (N / n, ...)
    gathered = accelerator.gather(done)  # share after share
    by_item = gathered.view(n, -1, *gathered.shape[1:]).transpose(0, 1).flatten(0, 1)
    return by_item[: len(items)].cpu()


def score_together(model: Any, texts: list[list[int]], batch_size: int = 32) -> torch.Tensor:
    """The rewards of N texts, which are token ids, shape (N,); every process scores its share.

    Equal texts are scored once, so that they have the very same reward.

    >>> from rmkit import RewardModel
    >>> one, other = score_together(RewardModel.from_encoder(), [[101, 7, 102], [101, 7, 102]])
    >>> bool(one == other)
    True
    """
    places: dict[tuple, int] = {}
    place = [places.setdefault(tuple(text), len(places)) for text in texts]  # (N,)
    different = [list(text) for text in places]
    return share_out(different, lambda share: torch.tensor(model.score_ids(share, batch_size)))[place]
