"""Shares of equal length, and every item once and in its place, however many processes there are."""

from types import SimpleNamespace

import pytest
import torch

from rmkit import sharing


def everybody(monkeypatch, n, items, work):
    """What each of n processes gets, and how many items each was given: first all work, then all are told."""
    shares, results = [], []
    for told in (False, True):
        for index in range(n):

            def gather(done, told=told):
                shares.append(done)
                return torch.cat(shares[:n]) if told else done.repeat(n, *[1] * (done.ndim - 1))

            accelerator = SimpleNamespace(num_processes=n, process_index=index, device="cpu", gather=gather)
            monkeypatch.setattr(sharing, "join_processes", lambda accelerator=accelerator: accelerator)
            results.append(sharing.share_out(items, work))
    return results[n:], [len(share) for share in shares[:n]]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("n_items", [1, 2, 3, 7, 10])
def test_all_get_the_whole_and_work_alike(monkeypatch, n, n_items):
    items = list(range(10, 10 + n_items))
    results, sizes = everybody(monkeypatch, n, items, lambda share: torch.tensor([[i, i * i] for i in share]))
    assert len(results) == n and len(set(sizes)) == 1, "under FSDP every pass needs all processes"
    for result in results:
        assert result.tolist() == [[i, i * i] for i in items]


def test_one_number_an_item(monkeypatch):
    results, _ = everybody(monkeypatch, 2, [3, 1, 2], lambda share: torch.tensor(share) / 4)
    assert [result.tolist() for result in results] == [[0.75, 0.25, 0.5]] * 2


def test_nothing_to_share_is_nothing():
    assert sharing.share_out([], lambda share: torch.zeros(len(share), 3)).shape == (0, 3)


def test_equal_texts_are_scored_once():
    asked = []
    model = SimpleNamespace(score_ids=lambda texts, batch_size: asked.append(texts) or [len(text) for text in texts])
    rewards = sharing.score_together(model, [[1, 2], [3], [1, 2], [3]])
    assert rewards.tolist() == [2, 1, 2, 1] and asked == [[[1, 2], [3]]]
