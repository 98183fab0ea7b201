"""The contender that the others are compared with: `rmkit.train` itself, watched and unchanged."""

import json
import time
from contextlib import contextmanager

import torch

import rmkit
from book.measured.how_fast.timing import Run
from rmkit import training
from rmkit.batching import encode_rankings
from rmkit.files import write_json
from rmkit.loading import load_rankings
from rmkit.rankings import Ranking, Rankings


class Watched:
    """What a training run did: the batches that it drew, and the loss of each forward pass."""

    def __init__(self):
        self.batches, self.losses, self.first = [], [], 0.0

    def values(self, passes=1):
        """One loss a step, the mean over its `passes` forward passes of equal size."""
        return torch.stack(self.losses).reshape(-1, passes).mean(dim=1).tolist()


@contextmanager
def watching(by_length=True):
    """Write down the batches and losses of `rmkit.train` while the block runs; what it computes stays as it is.

    With `by_length` false, its batches are drawn as most trainers draw them, whatever the lengths of the texts.
    """
    seen = Watched()
    draw, loss_of = training.length_buckets, training.k_choose_2_loss

    def length_buckets(lengths, batch_size, generator):
        batches = draw(lengths if by_length else [0] * len(lengths), batch_size, generator)
        seen.batches += batches
        return batches

    def k_choose_2_loss(rewards, sizes, ranks):
        loss = loss_of(rewards, sizes, ranks)
        seen.losses.append(loss.detach())
        seen.first = seen.first or time.time()
        return loss

    training.length_buckets, training.k_choose_2_loss = length_buckets, k_choose_2_loss
    try:
        yield seen
    finally:
        training.length_buckets, training.k_choose_2_loss = draw, loss_of


def run(folder, micro_batch_size=None):
    """Train as `folder` says, all weights; in passes of `micro_batch_size` rankings, or of the plan's."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    model = rmkit.RewardModel.from_pretrained(folder / "model")
    rankings = load_rankings(folder / "rankings.jsonl")
    settings = {name: plan[name] for name in ("epochs", "lr", "batch_size", "max_length")}
    micro_batch_size = micro_batch_size or plan["micro_batch_size"]
    with watching(plan["by_length"]) as seen:
        start = time.perf_counter()
        rmkit.train(model, rankings, freeze=0, micro_batch_size=micro_batch_size, **settings)
        seconds = time.perf_counter() - start
    # The batches are known after the first run, and kept for the others to read.
    if "batches" not in plan:
        write_json(folder / "plan.json", plan | {"batches": seen.batches})
    return Run(seconds, seen.values(plan["batch_size"] // (micro_batch_size or plan["batch_size"])), seen.first)


def prepare(folder, rankings, epochs, batch_size, lr, max_length=256, micro_batch_size=None, by_length=True):
    """Write the work into `folder`, so that every contender finds the same weights and texts there.

    The batches are those that `rmkit.train` draws by itself: `run` writes them beside the rest when it first runs.

    Returns:
        tokens a run, padding not counted.
    """
    if len(rankings) % batch_size or batch_size % (micro_batch_size or 1):
        raise ValueError("the batches must come out even, so that every contender cuts them at the same places")
    rankings = Rankings(Ranking(ranking.prompt, ranking.responses, ranking.ranks) for ranking in rankings)
    model = rmkit.RewardModel.from_encoder(seed=0)
    model.save_pretrained(folder / "model")
    rankings.save(folder / "rankings.jsonl")
    plan = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "max_length": max_length}
    plan |= {"micro_batch_size": micro_batch_size, "by_length": by_length}
    write_json(folder / "plan.json", plan)
    encoded = encode_rankings(rankings, model.tokenizer, max_length)
    return epochs * sum(len(text.ids) for texts in encoded for text in texts)
