"""Right and wrong answers to the exercises of chapter 4: {exercise: (check, right answers, wrong answers)}."""

import itertools
import math

import numpy as np
import torch

from rmkit.batching import Batch, pad
from rmkit.course.exercises.training_loop import (
    check_accumulate,
    check_accuracy,
    check_best_epoch,
    check_collate,
    check_train_step,
    solution_accumulate,
    solution_accuracy,
    solution_best_epoch,
    solution_collate,
    solution_train_step,
)
from rmkit.losses import k_choose_2_loss, pair_positions, pairwise_loss

# 4.1 A batch of rankings


def collate_with_lists(texts, ranks, pad_id):
    rows, sizes, flat_ranks = [], [], []
    longest = max(len(ids) for ranking in texts for ids in ranking)
    for ranking, its_ranks in zip(texts, ranks, strict=True):
        sizes.append(len(ranking))
        flat_ranks.extend(its_ranks)
        rows += [ids + [pad_id] * (longest - len(ids)) for ids in ranking]
    lengths = [len(ids) for ranking in texts for ids in ranking]
    return rows, [[1] * n + [0] * (longest - n) for n in lengths], sizes, flat_ranks


def collate_as_batch(texts, ranks, pad_id):
    ids, mask = pad(list(itertools.chain(*texts)), pad_id)
    return Batch(ids, mask.bool(), torch.tensor([len(ranking) for ranking in texts]), np.concatenate(ranks))


def collate_as_dict(texts, ranks, pad_id):
    return dict(zip(Batch._fields, solution_collate(texts, ranks, pad_id), strict=True))


def collate_with(ids=None, sizes=None, ranks_=None, rows=None):
    """The solution with one part replaced: a function of (texts, ranks)."""

    def collate(texts, ranks, pad_id):
        parts = list(solution_collate(texts, ranks, pad_id))
        if rows:
            parts[:2] = pad(rows(texts), pad_id)
        if ids:
            parts[:2] = ids(texts, pad_id)
        if sizes:
            parts[2] = sizes(texts)
        if ranks_:
            parts[3] = ranks_(ranks)
        return tuple(parts)

    return collate


def pad_each_ranking(texts, pad_id):
    tables = [pad(ranking, pad_id) for ranking in texts]
    return [flatten(table[part].tolist() for table in tables) for part in (0, 1)]


def pad_as_cube(texts, pad_id):
    return [[pad(ranking, pad_id)[part].tolist() for ranking in texts] for part in (0, 1)]


def flatten(lists):
    return [item for one in lists for item in one]


def mask_of_ones(texts, pad_id):
    ids, mask = pad(flatten(texts), pad_id)
    return ids, torch.ones_like(mask)


RIGHT_COLLATE = [solution_collate, collate_with_lists, collate_as_batch, collate_as_dict]
WRONG_COLLATE = {
    "only ids and mask": (lambda texts, ranks, pad_id: pad(flatten(texts), pad_id), "four things"),
    "padded each by itself": (collate_with(ids=pad_each_ranking), "pad once"),
    "a cube": (collate_with(ids=pad_as_cube), "Flatten it first"),
    "a row for each pair and side": (
        collate_with(rows=lambda texts: flatten(flatten(itertools.combinations(r, 2)) for r in texts)),
        "two for each pair",
    ),
    "best and worst only": (collate_with(rows=lambda texts: flatten([r[0], r[-1]] for r in texts)), "responses, so"),
    "sorted by length": (collate_with(rows=lambda texts: sorted(flatten(texts), key=len)), "another order"),
    "padded to 512": (
        collate_with(ids=lambda texts, pad_id: [[ids + [0] * (512 - len(ids)) for ids in flatten(texts)]] * 2),
        "512 wide",
    ),
    "mask of ones": (collate_with(ids=mask_of_ones), "the mask should be"),
    "one size": (collate_with(sizes=lambda texts: sum(map(len, texts))), "one number for each ranking"),
    "cumulative sizes": (collate_with(sizes=lambda texts: np.cumsum(list(map(len, texts)))), "positions"),
    "pairs as sizes": (collate_with(sizes=lambda texts: [math.comb(len(r), 2) for r in texts]), "count pairs"),
    "tokens as sizes": (
        collate_with(sizes=lambda texts: [len(ids) for ids in flatten(texts)]),
        "one number for each response",
    ),
    "nested ranks": (collate_with(ranks_=list), "a list of lists"),
    "ranks through the batch": (collate_with(ranks_=lambda ranks: list(range(len(flatten(ranks))))), "starts again"),
    "ties lost": (collate_with(ranks_=lambda ranks: flatten(range(len(r)) for r in ranks)), "ties are lost"),
    "number of the ranking": (
        collate_with(ranks_=lambda ranks: [g for g, r in enumerate(ranks) for _ in r]),
        "numbered the rankings",
    ),
}

# 4.2 One training step


def loss_of(model, batch):
    return k_choose_2_loss(model(batch.input_ids, batch.attention_mask), batch.sizes, batch.ranks)


def step_that_empties_last(model, optimizer, batch):
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    return loss.detach()


def step_through_the_model(model, optimizer, batch):
    input_ids, attention_mask, sizes, ranks = batch
    loss = k_choose_2_loss(model(input_ids, attention_mask), sizes, ranks)
    model.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss)


def step_that_clears_by_hand(model, optimizer, batch):
    for parameter in model.parameters():
        parameter.grad = None
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    return loss.item()


def step_with(loss=loss_of, zero=1, backward=1, step=1, after=None, result=lambda loss: loss.item()):
    """A step with something wrong in it."""

    def train_step(model, optimizer, batch):
        value = loss(model, batch)
        for _ in range(zero):
            optimizer.zero_grad()
        for time in range(backward):
            value.backward(retain_graph=time < backward - 1)
        for _ in range(step):
            optimizer.step()
        return after(model, batch) if after else result(value)

    return train_step


def step_before_backward(model, optimizer, batch):
    loss = loss_of(model, batch)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


def empties_in_between(model, optimizer, batch):
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def loss_over_pairs(model, batch):
    rewards = model(batch.input_ids, batch.attention_mask)
    better, worse, _ = pair_positions(batch.sizes, batch.ranks)
    return pairwise_loss(rewards[better], rewards[worse])


def without_a_mask(model, batch):
    rewards = model(batch.input_ids, torch.ones_like(batch.input_ids))
    return k_choose_2_loss(rewards, batch.sizes, batch.ranks)


def without_ranks(model, batch):
    return k_choose_2_loss(model(batch.input_ids, batch.attention_mask), batch.sizes)


def without_sizes(model, batch):
    return k_choose_2_loss(model(batch.input_ids, batch.attention_mask), [sum(batch.sizes)], batch.ranks)


def no_gradients(model, optimizer, batch):
    with torch.no_grad():
        loss = loss_of(model, batch)
    loss.backward()
    return loss.item()


RIGHT_STEP = [solution_train_step, step_that_empties_last, step_through_the_model, step_that_clears_by_hand]
WRONG_STEP = {
    "no forward pass": (lambda model, optimizer, batch: 0.69, "never asked"),
    "no backward": (step_with(backward=0), "needs `loss.backward()`"),
    "no step": (step_with(step=0), "call `optimizer.step()`"),
    "two steps": (step_with(step=2), "2 times"),
    "two backwards": (step_with(backward=2), "`backward` ran 2 times"),
    "step before backward": (step_before_backward, "before `backward` has run"),
    "emptied in between": (empties_in_between, "between `backward` and `step`"),
    "never emptied": (step_with(zero=0), "adds to what is there"),
    "a tensor": (step_with(result=lambda loss: loss), "carries its graph"),
    "loss after the step": (step_with(after=lambda *both: loss_of(*both).item()), "*after* the step"),
    "another number": (step_with(result=lambda loss: 2 * loss.item()), "the loss that you return"),
    "sign": (step_with(loss=lambda *both: -loss_of(*both)), "minus sign"),
    "mean over pairs": (step_with(loss=loss_over_pairs), "every pair weighs the same"),
    "no mask": (step_with(loss=without_a_mask), "padding is read as text"),
    "no ranks": (step_with(loss=without_ranks), "pass batch.ranks"),
    "no sizes": (step_with(loss=without_sizes), "different prompts"),
    "half the loss": (step_with(loss=lambda *both: loss_of(*both) / 2), "are not where"),
    "under no_grad": (no_gradients, "RuntimeError"),
    "a text": (step_with(result=lambda loss: f"{loss:.3f}"), "one number such as"),
}

# 4.3 Accuracy over all pairs


def accuracy_by_joining(batches):
    margins = torch.cat([chosen - rejected for chosen, rejected in batches])
    return (margins > 0).float().mean() + (margins == 0).float().mean() / 2


def accuracy_by_sign(batches):
    signs = [float(np.sign(c - r)) for chosen, rejected in batches for c, r in zip(chosen, rejected, strict=True)]
    return (1 + np.mean(signs)) / 2


def counted(right, n=lambda chosen, rejected: len(chosen)):
    """Accuracy as a quotient of two sums over batches."""
    return lambda batches: sum(float(right(c, r)) for c, r in batches) / max(1, sum(float(n(c, r)) for c, r in batches))


def batch_means(batches):
    means = [solution_accuracy([batch]) for batch in batches]
    return sum(means) / len(means)


RIGHT_ACCURACY = [solution_accuracy, accuracy_by_joining, accuracy_by_sign]
WRONG_ACCURACY = {
    "mean of means": (batch_means, "mean of the batches' means"),
    "last batch": (lambda batches: solution_accuracy(batches[-1:]), "last batch only"),
    "wrong way round": (lambda batches: 1 - solution_accuracy(batches), "*wrong*"),
    "percent": (lambda batches: 100 * solution_accuracy(batches), "percent"),
    "a count": (counted(lambda c, r: (c > r).sum() + (c == r).sum() / 2, lambda c, r: 0), "divide by the number"),
    "divided by batches": (
        lambda batches: sum(solution_accuracy([batch]) * len(batch[0]) for batch in batches) / len(batches),
        "number of batches",
    ),
    "ties right": (counted(lambda c, r: (c >= r).sum()), "count as right"),
    "ties wrong": (counted(lambda c, r: (c > r).sum()), "count as wrong"),
    "ties left out": (counted(lambda c, r: (c > r).sum(), lambda c, r: (c != r).sum()), "leave ties out"),
    "above zero": (counted(lambda c, r: (c > 0).sum() + (c == 0).sum() / 2), "compare rewards with 0"),
    "probabilities": (counted(lambda c, r: torch.sigmoid(c - r).sum()), "average probabilities"),
    "constant": (lambda batches: 0.7, "pairs are right"),
    "one a batch": (lambda batches: [solution_accuracy([batch]) for batch in batches], "return one number"),
}

# 4.4 Which epoch to keep


def best_epoch_by_loop(epochs):
    best = epochs[0]
    for entry in epochs[1:]:
        if entry["held_out_loss"] < best["held_out_loss"]:
            best = entry
    return best["epoch"]


def best_epoch_from_one(epochs):
    best, number = 1, 1
    for entry in epochs:
        if entry["held_out_loss"] < best:
            best, number = entry["held_out_loss"], entry["epoch"]
    return number


def best_epoch_by_argmin(epochs):
    return np.argmin([entry["held_out_loss"] for entry in epochs]) + 1


def by(name, pick=min):
    return lambda epochs: pick(epochs, key=lambda entry: entry[name])["epoch"]


def first_rise(epochs):
    for before, after in itertools.pairwise(epochs):
        if after["held_out_loss"] > before["held_out_loss"]:
            return before["epoch"]
    return epochs[-1]["epoch"]


RIGHT_EPOCH = [solution_best_epoch, best_epoch_by_loop, best_epoch_by_argmin]
WRONG_EPOCH = {
    "position": (lambda epochs: solution_best_epoch(epochs) - 1, "counts from 0"),
    "from one": (best_epoch_from_one, "none of these reaches"),
    "first rise": (first_rise, "stop at the first rise"),
    "accuracy": (
        lambda epochs: max(epochs, key=lambda entry: entry["held_out_accuracy"]["value"])["epoch"],
        "go by accuracy",
    ),
    "highest": (by("held_out_loss", max), "*highest*"),
    "training loss": (by("loss"), "*training* loss"),
    "later of two": (lambda epochs: solution_best_epoch(epochs[::-1]), "keep the later one"),
    "entry": (lambda epochs: min(epochs, key=lambda entry: entry["held_out_loss"]), "whole entry"),
    "loss": (lambda epochs: min(entry["held_out_loss"] for entry in epochs), "you return the loss"),
    "far off": (lambda epochs: 17, "the lowest is in epoch"),
    "text": (lambda epochs: f"epoch {solution_best_epoch(epochs)}", "the number of an epoch"),
}

# 4.5 Adding up gradients


def accumulate_with_counts(model, batches):
    counts = [len(sizes) for _, _, sizes, _ in batches]
    values = []
    for count, batch in zip(counts, batches, strict=True):
        loss = count / sum(counts) * loss_of(model, batch)
        loss.backward()
        values.append(loss.detach())
    return torch.stack(values).sum()


def accumulate_then_divide(model, batches):
    n = sum(len(batch.sizes) for batch in batches)
    total = 0
    for batch in batches:
        loss = loss_of(model, batch) * len(batch.sizes)
        loss.backward()
        total += loss.item()
    for parameter in model.parameters():
        parameter.grad /= n
    return total / n


def weighted(weight, before=lambda model: None, after=lambda model: None, value=None):
    """Accumulation in which the part `batch` of `batches` gets the weight weight(batch, batches)."""

    def accumulate(model, batches):
        total = 0
        for batch in batches:
            before(model)
            loss = loss_of(model, batch) * weight(batch, batches)
            loss.backward()
            total += loss.item()
        after(model)
        return total if value is None else value(model, batches)

    return accumulate


def share(batch, batches):
    return len(batch.sizes) / sum(len(other.sizes) for other in batches)


def n_pairs(batch):
    return len(pair_positions(batch.sizes, batch.ranks)[0])


def move(model):
    with torch.no_grad():
        model.weight -= 0.1 * model.weight.grad


def one_backward(model, batches):
    loss = sum(loss_of(model, batch) * share(batch, batches) for batch in batches)
    loss.backward()
    return loss.item()


RIGHT_ACCUMULATE = [solution_accumulate, accumulate_with_counts, accumulate_then_divide]
WRONG_ACCUMULATE = {
    "mean of means": (weighted(lambda batch, batches: 1 / len(batches)), "every part weighs the same"),
    "no weight": (weighted(lambda batch, batches: 1), "without a weight"),
    "by texts": (
        weighted(lambda batch, batches: len(batch.ranks) / sum(len(other.ranks) for other in batches)),
        "as it has texts",
    ),
    "by pairs": (weighted(lambda batch, batches: n_pairs(batch) / sum(map(n_pairs, batches))), "as it has pairs"),
    "divided again": (weighted(lambda batch, batches: 1 / len(batch.sizes)), "a mean already"),
    "not multiplied": (
        weighted(lambda batch, batches: 1 / sum(len(other.sizes) for other in batches)),
        "multiply by how many",
    ),
    "not divided": (weighted(lambda batch, batches: len(batch.sizes)), "division by the number"),
    "emptied between": (weighted(share, before=lambda model: model.zero_grad()), "only the last part"),
    "stepped": (weighted(share, after=move), "weights have moved"),
    "one backward": (one_backward, "stays in memory"),
    "no backward": (lambda model, batches: sum(loss_of(model, batch).item() for batch in batches), "no gradient"),
    "last loss": (
        weighted(share, value=lambda model, batches: loss_of(model, batches[-1]).item()),
        "loss of the whole",
    ),
    "wrong by half": (weighted(lambda *both: share(*both) / 2), "Is each part's loss weighed once"),
}

EXERCISES = {
    "collate": (check_collate, RIGHT_COLLATE, WRONG_COLLATE),
    "train_step": (check_train_step, RIGHT_STEP, WRONG_STEP),
    "accuracy": (check_accuracy, RIGHT_ACCURACY, WRONG_ACCURACY),
    "best_epoch": (check_best_epoch, RIGHT_EPOCH, WRONG_EPOCH),
    "accumulate": (check_accumulate, RIGHT_ACCUMULATE, WRONG_ACCUMULATE),
}
