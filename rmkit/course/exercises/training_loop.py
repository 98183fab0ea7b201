"""Chapter 4, the training loop: a batch of rankings, one step, accuracy, which epoch to keep, adding up gradients."""

import math
from itertools import pairwise

import torch

from rmkit.batching import Batch, pad
from rmkit.course.exercises import Mistake, call, check, diagnose, either, kind, plain, show
from rmkit.losses import k_choose_2_loss, pair_positions, pairwise_loss

# 4.1 A batch of rankings


def solution_collate(texts, ranks, pad_id):
    """Rankings of token ids as one padded batch.

    >>> texts = [[[5, 6], [5, 7, 8]], [[9], [4, 2], [4]]]
    >>> ids, mask, sizes, ranks = solution_collate(texts, [[0, 1], [0, 1, 1]], pad_id=0)
    >>> ids.shape, sizes, ranks
    (torch.Size([5, 3]), [2, 3], [0, 1, 0, 1, 1])

    Why one flat table with `sizes` beside it, and not a cube of G by K by T?
    Because K differs from ranking to ranking: a cube would need rows for
    responses that do not exist, and the encoder would have to read them.
    """
    flat = [ids for ranking in texts for ids in ranking]  # N lists of ids
    input_ids, attention_mask = pad(flat, pad_id)  # (N, T) each
    sizes = [len(ranking) for ranking in texts]  # (G,)
    flat_ranks = [rank for ranking in ranks for rank in ranking]  # (N,)
    return input_ids, attention_mask, sizes, flat_ranks


TEXTS = [
    [[5, 6, 7], [5, 6], [5, 6, 8, 9, 4]],
    [[7, 3], [7, 3, 3, 6]],
    [[8, 2], [8], [8, 4, 4], [8, 9]],
]
RANKS = [[0, 1, 1], [0, 1], [0, 1, 2, 2]]


@check
def check_collate(function):
    for texts, ranks in ((TEXTS, RANKS), (TEXTS[1:2], RANKS[1:2]), (TEXTS[::-1], RANKS[::-1])):
        _compare_batch(_as_batch(call(function, texts, ranks, 0)), texts, ranks)
    return "One row a response and no wider than the longest, with sizes and ranks that say which rows belong together."


def _as_batch(result):
    if isinstance(result, dict):
        result = [result.get(name) for name in Batch._fields]
    result = plain(result)
    if not isinstance(result, list) or len(result) != 4:
        raise Mistake(
            "return four things, `return input_ids, attention_mask, sizes, ranks`; got "
            + (f"{len(result)}." if isinstance(result, list) else f"{kind(result)}.")
        )
    for name, table in zip(("input_ids", "attention_mask"), result, strict=False):
        if not isinstance(table, list) or not all(isinstance(row, list) and row for row in table):
            raise Mistake(f"{name} has one row for each response, shape (N, T); got {show(table)}.")
        if any(isinstance(item, list) for row in table for item in row):
            raise Mistake(
                f"{name} is a table of rankings of rows. Flatten it first: all responses of all rankings in one "
                "list, (N, T)."
            )
    return result


def _compare_batch(batch, texts, ranks):
    input_ids, attention_mask, sizes, flat_ranks = batch
    flat = [ids for ranking in texts for ids in ranking]
    n, longest = len(flat), max(len(ids) for ids in flat)
    if not all(isinstance(token, int) for row in input_ids for token in row):
        raise Mistake(f"token ids are whole numbers; yours are {show(input_ids)}.")
    want_sizes = [len(ranking) for ranking in texts]
    here = f"With rankings of {' and '.join(map(str, want_sizes))} responses"
    want_ids, want_mask = (table.tolist() for table in pad(flat, 0))
    if len(input_ids) == sum(k * (k - 1) for k in want_sizes) != n:
        raise Mistake(
            f"{here} you have {len(input_ids)} rows, two for each pair. Each response is read once: {n} rows; the loss "
            "makes the pairs."
        )
    if len(input_ids) != n:
        raise Mistake(f"{here} there are {n} responses, so {n} rows; yours has {len(input_ids)}.")
    widths = {len(row) for row in input_ids}
    if len(widths) > 1:
        raise Mistake(
            f"{here} your rows are {sorted(widths)} tokens wide: pad once, over the whole batch, not each ranking "
            "by itself."
        )
    if widths != {longest}:
        raise Mistake(f"{here} the longest text has {longest} tokens and your rows are {widths.pop()} wide.")
    if input_ids != want_ids and sorted(input_ids) == sorted(want_ids):
        raise Mistake(
            f"{here} the rows are in another order than the responses: keep ranking after ranking, best first."
        )
    if input_ids != want_ids:
        raise Mistake(f"{here} the ids should be {show(want_ids)}, got {show(input_ids)}.")
    if attention_mask != want_mask:  # True == 1 == 1.0, so a mask of bools or floats is as good
        raise Mistake(f"{here} the mask should be {show(want_mask)}, got {show(attention_mask)}.")
    _compare_sizes(sizes, want_sizes, here)
    _compare_ranks(flat_ranks, ranks, here)


def _compare_sizes(sizes, want, here):
    if sizes == want:
        return
    if sizes in (sum(want), len(want)):
        raise Mistake(f"{here} sizes is a list with one number for each ranking, {want}; yours is {sizes}.")
    ends = [sum(want[: i + 1]) for i in range(len(want))]
    if sizes in (ends, [0, *ends[:-1]]):
        raise Mistake(f"{here} your sizes are positions, {sizes}; wanted is how many responses each has, {want}.")
    if sizes == [k * (k - 1) // 2 for k in want]:
        raise Mistake(f"{here} your sizes count pairs, {sizes}; count responses, {want}.")
    if isinstance(sizes, list) and len(sizes) == sum(want):
        raise Mistake(f"{here} your sizes have one number for each response; wanted is one for each ranking, {want}.")
    raise Mistake(f"{here} sizes should be {want}, got {show(sizes)}.")


def _compare_ranks(flat_ranks, ranks, here):
    want = [rank for ranking in ranks for rank in ranking]
    if flat_ranks == want:
        return
    if flat_ranks == [list(ranking) for ranking in ranks]:
        raise Mistake(f"{here} your ranks are a list of lists; flatten them like the texts: {want}.")
    if flat_ranks == list(range(len(want))):
        raise Mistake(f"{here} your ranks run through the whole batch: each ranking starts again at 0, {want}.")
    if flat_ranks == [k for ranking in ranks for k in range(len(ranking))]:
        raise Mistake(f"{here} your ranks are positions, {flat_ranks}, and the ties are lost: pass on the ranks given.")
    if flat_ranks == [g for g, ranking in enumerate(ranks) for _ in ranking]:
        raise Mistake(
            f"{here} you numbered the rankings, {flat_ranks}; wanted is each response's rank in its own ranking."
        )
    raise Mistake(f"{here} ranks should be {want}, got {show(flat_ranks)}.")


# The machinery of 4.2 and 4.5: a model with one weight a token, and a log of what happens to it


class TinyModel(torch.nn.Module):
    """The reward of a text is the sum of its tokens' weights; `log` notes every forward and backward pass."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([9.0, 0.0, 0.1, -0.1, 0.2, 0.0, -0.2, 0.3, 0.1, -0.3]))
        self.log = []
        self.weight.register_hook(lambda gradient: self.log.append("backward"))

    def forward(self, input_ids, attention_mask):
        self.log.append("forward")
        return (self.weight[input_ids] * attention_mask).sum(dim=1)  # (N,)

    def zero_grad(self, set_to_none=True):
        self.log.append("zero")
        super().zero_grad(set_to_none)

    def __repr__(self):
        return "model"


class LoggedSGD(torch.optim.SGD):
    """Plain gradient descent that notes its steps in the model's log."""

    def __init__(self, model, lr=0.5):
        self.log = model.log
        super().__init__(model.parameters(), lr=lr)

    def zero_grad(self, set_to_none=True):
        self.log.append("zero")
        super().zero_grad(set_to_none)

    def step(self, closure=None):
        self.log.append("step")
        return super().step(closure)

    def __repr__(self):
        return "optimizer"


class ShortBatch(Batch):
    """A `Batch` with a name instead of its contents, for a message."""

    def __repr__(self):
        return "batch"


class ShortList(list):
    """A list with a name instead of its contents, for a message."""

    def __repr__(self):
        return "batches"


def _batch(texts, ranks):
    return ShortBatch(*solution_collate(texts, ranks, 0))


def _loss(model, batch):
    return k_choose_2_loss(model(batch.input_ids, batch.attention_mask), batch.sizes, batch.ranks)  # ()


def _as_loss(result, name):
    """The learner's loss as a float; a tensor of their own graph is a mistake with a reason."""
    if isinstance(result, torch.Tensor) and result.requires_grad:
        raise Mistake(
            f"{name} returns a tensor that still carries its graph, and with it the whole forward pass stays in memory "
            "as long as somebody keeps the loss: return `loss.item()`."
        )
    value = plain(result)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake(f"return the loss, one number such as 0.69; got {show(result)}.")
    return float(value)


# 4.2 One training step


def solution_train_step(model, optimizer, batch):
    """Learn from one batch; return its loss before the step.

    >>> model = TinyModel()
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    >>> batch = _batch([[[5, 6], [5, 7]]], [[0, 1]])
    >>> round(solution_train_step(model, optimizer, batch), 3)
    0.974
    >>> round(solution_train_step(model, optimizer, batch), 3)
    0.634

    Why empty the gradients at the start, and not at the end? Both work inside a
    loop. But `backward` adds to whatever is there, so a step that begins with
    empty gradients is right whoever used the model before.
    """
    optimizer.zero_grad()
    rewards = model(batch.input_ids, batch.attention_mask)  # (N,)
    loss = k_choose_2_loss(rewards, batch.sizes, batch.ranks)  # ()
    loss.backward()
    optimizer.step()
    return loss.item()


@check
def check_train_step(function):
    model = TinyModel()
    optimizer = LoggedSGD(model)
    batches = [_batch(TEXTS, RANKS), _batch(TEXTS[:2], RANKS[:2]), _batch(TEXTS[1:], RANKS[1:])]
    for number, batch in enumerate(batches, 1):
        before = model.weight.detach().clone()
        stale = None if model.weight.grad is None else model.weight.grad.clone()
        model.log.clear()
        result = call(function, model, optimizer, batch, in_place=True)
        events = list(model.log)
        _diagnose_step(model, events, before, stale, batch, number)
        _compare_step_loss(_as_loss(result, "train_step"), model, before, batch)
    return (
        "Emptied, forward, backward, step, once each: every batch moves the weights by its own gradient and no other."
    )


def _gradient_at(weight, batch, loss=_loss):
    """Loss and gradient of a batch with the weights as they were."""
    model = TinyModel()
    model.weight.data = weight.clone()
    value = loss(model, batch)
    value.backward()
    return value.item(), model.weight.grad


def _diagnose_step(model, events, before, stale, batch, number):
    value, gradient = _gradient_at(before, batch)
    moved = model.weight.detach() - before
    want = -0.5 * gradient
    n = {name: events.count(name) for name in ("forward", "backward", "step")}
    if n["step"] == 1 and torch.allclose(moved, want, atol=1e-6):
        return
    if n["forward"] == 0:
        raise Mistake("the model was never asked for rewards: call model(batch.input_ids, batch.attention_mask).")
    if n["backward"] == 0:
        raise Mistake("no gradient was computed: the loss needs `loss.backward()` before the optimizer can step.")
    if n["step"] == 0:
        raise Mistake("the weights stay as they are: after `backward`, call `optimizer.step()`.")
    if n["step"] > 1:
        raise Mistake(f"one call should be one step; yours called `optimizer.step()` {n['step']} times.")
    if n["backward"] > 1:
        raise Mistake(f"`backward` ran {n['backward']} times in one call, and gradients add up: once is enough.")
    if events.index("step") < events.index("backward"):
        raise Mistake(
            "the optimizer steps before `backward` has run, so it uses the gradient of the batch before, or none."
        )
    between = events[events.index("backward") : events.index("step")]
    if "zero" in between:
        raise Mistake("the gradient is emptied between `backward` and `step`, so there is nothing left to step along.")
    if stale is not None and torch.allclose(moved, want - 0.5 * stale, atol=1e-6) and stale.abs().sum() > 0:
        raise Mistake(
            f"step {number} moved along the sum of this gradient and the ones before: `backward` adds to what is "
            "there. Call `optimizer.zero_grad()` once a step."
        )
    _diagnose_gradient(moved, before, batch)
    raise Mistake(
        f"after step {number} the weights are not where one step along the gradient of this batch's loss, {value:.3f}, "
        "leads. Is it k_choose_2_loss of all rewards, with batch.sizes and batch.ranks?"
    )


def _diagnose_gradient(moved, before, batch):
    """Name a loss that is not the one asked for, by the step that it leads to."""
    rewards = "model(batch.input_ids, batch.attention_mask)"
    suspects = {
        "the loss grows: the weights move *up* the gradient. Is there a minus sign too many?": lambda m, b: (
            -_loss(m, b)
        ),
        f"the padding is read as text: pass the mask on, {rewards}.": lambda m, b: k_choose_2_loss(
            m(b.input_ids, torch.ones_like(b.attention_mask)), b.sizes, b.ranks
        ),
        "responses that are tied are treated as if one were better: pass batch.ranks to the loss as well.": lambda m, b: (
            k_choose_2_loss(m(b.input_ids, b.attention_mask), b.sizes)
        ),
        "every pair weighs the same, so a long ranking outweighs a short one; `k_choose_2_loss` is a mean over rankings.": (
            lambda m, b: _mean_over_pairs(m(b.input_ids, b.attention_mask), b)
        ),
        "the loss compares responses of different prompts: pass batch.sizes, so that it knows where a ranking ends.": (
            lambda m, b: k_choose_2_loss(m(b.input_ids, b.attention_mask), [sum(b.sizes)], b.ranks)
        ),
    }
    for message, loss in suspects.items():
        try:
            gradient = _gradient_at(before, batch, loss)[1]
        except ValueError:
            continue
        if torch.allclose(moved, -0.5 * gradient, atol=1e-6):
            raise Mistake(message)


def _mean_over_pairs(rewards, batch):
    better, worse, _ = pair_positions(batch.sizes, batch.ranks)  # (P,) each
    return pairwise_loss(rewards[better], rewards[worse])  # ()


def _compare_step_loss(value, model, before, batch):
    want, _ = _gradient_at(before, batch)
    if math.isclose(value, want, abs_tol=1e-4):
        return
    after, _ = _gradient_at(model.weight.detach(), batch)
    if math.isclose(value, after, abs_tol=1e-4):
        raise Mistake(
            f"you return {value:.3f}, the loss *after* the step, at the price of a second forward pass. Return the one "
            f"that the gradient came from, {want:.3f}."
        )
    raise Mistake(f"the weights are right, but the loss that you return is {value:.3f} instead of {want:.3f}.")


# 4.3 Accuracy over all pairs


def solution_accuracy(batches):
    """The share of pairs in which the better response has the higher reward.

    >>> batches = [([0.3, 0.1, 0.2], [0.1, 0.4, 0.2]), ([0.5], [-0.5])]
    >>> solution_accuracy([tuple(map(torch.tensor, batch)) for batch in batches])
    0.625

    Why not take the mean of each batch, and then the mean of those? Because the
    last batch is often a short one, and then its few pairs count as much as a
    full batch. Sum the pairs, divide once.
    """
    right = n = 0
    for chosen, rejected in batches:  # (B,) each
        right += (chosen > rejected).sum().item() + (chosen == rejected).sum().item() / 2
        n += len(chosen)
    return right / n


@check
def check_accuracy(function):
    # Chosen so that every wrong way of counting gives another number.
    batches = [
        ([0.8, -0.4, 0.1, 0.3, -0.6], [-0.2, -0.4, 0.4, 0.5, 0.3]),
        ([0.0, -0.5, -0.3], [0.1, 0.1, -0.3]),
        ([-0.7, -0.7], [0.1, 0.4]),
    ]
    more = [([0.5, 0.5], [0.5, 0.1]), ([0.2, 0.9, 0.3], [0.1, 0.8, 0.1])]
    for data in (batches, more, [([1.0], [1.0])]):
        tensors = [(torch.tensor(chosen), torch.tensor(rejected)) for chosen, rejected in data]
        result = plain(call(function, tensors))
        if isinstance(result, bool) or not isinstance(result, int | float):
            raise Mistake(f"return one number between 0 and 1; got {show(result)}.")
        _compare_accuracy(result, data)
    return "Every pair weighs the same, whichever batch it was in, and a tie is worth half."


def _readings_of_accuracy(data: list[tuple[list[float], list[float]]]) -> dict[str, float | None]:
    """The accuracy over all pairs, under "right", and what typical mistakes compute instead.

    Args:
        data: a pair of lists for each batch, the rewards of the better responses and those of the worse ones; None
            stands where a mistake is none on this data.

    >>> _readings_of_accuracy([([0.3, 0.1], [0.1, 0.4]), ([0.5], [0.5])])["right"]
    0.5
    """
    pairs = [pair for chosen, rejected in data for pair in zip(chosen, rejected, strict=True)]
    n = len(pairs)
    won, tied = sum(c > r for c, r in pairs), sum(c == r for c, r in pairs)
    means = [sum((c > r) + (c == r) / 2 for c, r in zip(*batch, strict=True)) / len(batch[0]) for batch in data]
    several = len(data) > 1
    return {
        "right": (won + tied / 2) / n,
        "won": won,
        "tied": tied,
        "mean of means": sum(means) / len(means),
        "last batch": means[-1] if several else None,
        "number right": won + tied / 2,
        "by batches": (won + tied / 2) / len(data) if several else None,
        "ties right": (won + tied) / n,
        "ties wrong": won / n,
        "ties left out": won / (n - tied) if n > tied else None,
        "against 0": sum((c > 0) + (c == 0) / 2 for c, _ in pairs) / n,
        "probabilities": sum(1 / (1 + math.exp(r - c)) for c, r in pairs) / n,
    }


def _compare_accuracy(result, data):
    of = _readings_of_accuracy(data)
    right, won, tied = of["right"], of["won"], of["tied"]
    n = sum(len(chosen) for chosen, _ in data)
    likely = [
        (
            of["mean of means"],
            (
                f"you return the mean of the batches' means, {result:.3f}, so that a pair in a short batch weighs more "
                f"than one in a full batch. Over pairs it is {right:.3f}."
            ),
        ),
        (
            of["last batch"],
            f"you return the accuracy of the last batch only, {result:.3f}: collect over all of them.",
        ),
        (
            1 - right,
            f"you return {result:.3f}, the share that is *wrong*: the better response should be higher.",
        ),
        (100 * right, f"you return percent, {result:.1f}; return a share between 0 and 1."),
        (
            either(of["number right"], won),
            f"you return how many are right, {result:g}; divide by the number of pairs.",
        ),
        (
            of["by batches"],
            f"you divide by the number of batches, {len(data)}; divide by the number of pairs, {n}.",
        ),
        (of["ties right"], "equal rewards count as right: is `>=` where `>` should be? A tie is worth half."),
        (of["ties wrong"], "equal rewards count as wrong. The model has not chosen there, so a tie is worth half."),
        (of["ties left out"], "you leave ties out and divide by the rest; keep them in, worth half each."),
        (of["against 0"], "you compare rewards with 0. Only the difference within a pair means something."),
        (of["probabilities"], f"you average probabilities, {result:.3f}. Accuracy counts: higher or not."),
    ]
    here = f"With batches of {' and '.join(str(len(chosen)) for chosen, _ in data)} pairs"
    otherwise = f"{won} of {n} pairs are right and {tied} tied, so {right:.3f}; you return {show(result)}."
    diagnose(result, right, likely, otherwise=otherwise, here=here)


# 4.4 Which epoch to keep


def solution_best_epoch(epochs):
    """The number of the epoch with the lowest held-out loss; the earlier one, if two are equal.

    >>> losses = [(0.68, 0.66), (0.41, 0.64), (0.22, 0.71)]
    >>> epochs = [{"epoch": e, "loss": a, "held_out_loss": b} for e, (a, b) in enumerate(losses, 1)]
    >>> solution_best_epoch(epochs)
    2

    Why the loss, and not the accuracy? Accuracy on a few pairs moves in steps and
    often stays equal; the loss also sees how sure the model is of what it gets
    wrong. `min` returns the first of equals, so the shorter training wins.
    """
    return min(epochs, key=lambda entry: entry["held_out_loss"])["epoch"]


@check
def check_best_epoch(function):
    # In the first history every wrong reading ends in another epoch; in the second, two epochs are equally good.
    first = (
        [0.69, 0.52, 0.45, 0.35, 0.21, 0.14],
        [0.69, 0.66, 0.72, 0.65, 0.63, 0.67],
        [0.61, 0.60, 0.52, 0.58, 0.59, 0.57],
    )
    second = ([0.70, 0.61, 0.43, 0.30], [0.71, 0.65, 0.68, 0.65], [0.50, 0.56, 0.55, 0.56])
    far = ([2.2, 1.4, 1.3], [1.8, 2.0, 1.5], [0.40, 0.50, 0.45])  # for a search that starts from a loss of 1
    for losses, held_out, accuracies in (first, second, ([0.7], [0.6], [0.5]), far):
        rows = enumerate(zip(losses, held_out, accuracies, strict=True), 1)
        epochs = [
            {
                "epoch": e,
                "loss": a,
                "held_out_loss": b,
                "held_out_accuracy": {"value": c, "low": c - 0.1, "high": c + 0.1},
            }
            for e, (a, b, c) in rows
        ]
        _compare_epoch(call(function, epochs), losses, held_out, accuracies)
    return "The lowest held-out loss decides, and where two are equal the shorter training."


def _compare_epoch(result, losses, held_out, accuracies):
    lowest = min(held_out)
    best = held_out.index(lowest) + 1
    here = f"With held-out losses {held_out}"
    if isinstance(result, dict):
        raise Mistake(f'you return the whole entry; only its number is wanted, entry["epoch"], here {best}.')
    result = plain(result)
    if isinstance(result, float) and result in held_out:
        raise Mistake(f"{here} you return the loss, {result}; wanted is the number of its epoch, {best}.")
    if isinstance(result, bool) or not isinstance(result, int | float):
        raise Mistake(f"return the number of an epoch; got {show(result)}.")
    if result == best:
        return
    if lowest > 1:
        raise Mistake(
            f"{here} the lowest is in epoch {best}: does your search start from a loss that none of these reaches?"
        )
    falls = next((e for e in range(1, len(held_out)) if held_out[e] > held_out[e - 1]), best)
    reasons = {
        best - 1: f"you return the position in the list, {result}, which counts from 0. Epochs count from 1.",
        falls: "you stop at the first rise, and the loss falls below that later.",
        accuracies.index(max(accuracies)) + 1: "you go by accuracy; the question was for the lowest held-out loss.",
        held_out.index(max(held_out)) + 1: "you keep the *highest* held-out loss; lower is better.",
        losses.index(min(losses)) + 1: (
            "you keep the lowest *training* loss. That is nearly always the last epoch, and says nothing of new "
            "prompts."
        ),
        len(held_out) - held_out[::-1].index(lowest): (
            "two epochs are equally good, and you keep the later one: it cost more and is not better."
        ),
    }
    raise Mistake(f"{here} {reasons.get(result, f'the lowest is in epoch {best}; you return {show(result)}.')}")


# 4.5 Adding up gradients


def solution_accumulate(model, batches):
    """Add up the gradient of several small batches as if they were one; return the loss of the whole.

    >>> model = TinyModel()
    >>> whole, parts = _batch(TEXTS, RANKS), [_batch(TEXTS[:2], RANKS[:2]), _batch(TEXTS[2:], RANKS[2:])]
    >>> abs(solution_accumulate(model, parts) - _loss(TinyModel(), whole).item()) < 1e-6
    True

    Why does each part weigh its share of the *rankings*? The loss of the whole is
    the mean over all its rankings. A part's loss is the mean over its own, so
    times its share it is what those rankings add to the whole.
    """
    n_rankings = sum(len(batch.sizes) for batch in batches)
    total = 0.0
    for batch in batches:
        rewards = model(batch.input_ids, batch.attention_mask)  # (N,)
        loss = k_choose_2_loss(rewards, batch.sizes, batch.ranks)  # ()
        loss = loss * len(batch.sizes) / n_rankings  # ()
        loss.backward()
        total += loss.item()
    return total


@check
def check_accumulate(function):
    for edges in ((0, 2, 3), (0, 1, 3), (0, 3)):
        batches = ShortList(_batch(TEXTS[a:b], RANKS[a:b]) for a, b in pairwise(edges))
        model = TinyModel()
        model.log.clear()
        result = call(function, model, batches, in_place=True)
        _compare_accumulated(model, batches)
        value, want = _as_loss(result, "accumulate"), _loss(TinyModel(), _batch(TEXTS, RANKS)).item()
        if not math.isclose(value, want, abs_tol=1e-4):
            raise Mistake(f"the gradient is right, but the loss of the whole is {want:.3f}; you return {value:.3f}.")
    return "Each ranking weighs the same, whichever part it was in, so the parts can be as small as memory asks for."


def _compare_accumulated(model, batches):
    gradient, events = model.weight.grad, model.log
    reference = TinyModel()
    whole = _gradient_at(reference.weight.detach(), _batch(TEXTS, RANKS))[1]
    parts = [_gradient_at(reference.weight.detach(), batch)[1] for batch in batches]
    n = [len(batch.sizes) for batch in batches]
    here = f"With parts of {' and '.join(map(str, n))} rankings"
    if not torch.equal(model.weight.detach(), reference.weight.detach()):
        raise Mistake("the weights have moved. Only add up the gradient here; the step is taken once, by the caller.")
    if gradient is None or "backward" not in events:
        raise Mistake("no gradient has arrived at the weights: call `backward` on each part's loss.")
    if torch.allclose(gradient, whole, atol=1e-6):
        if len(batches) > 1 and events.count("backward") == 1:
            raise Mistake(
                "the gradient is right, but `backward` runs once, at the end: until then every part's forward pass "
                "stays in memory, which is what small parts were to avoid. Call it inside the loop."
            )
        return
    n_pairs = [len(pair_positions(batch.sizes, batch.ranks)[0]) for batch in batches]
    weighed = {
        "every part weighs the same here, so a ranking in a small part weighs more. Weigh a part by its share of the "
        "rankings. (`len(batch)` is the same for every part: it counts the four tables and lists.)": [1 / len(n)]
        * len(n),
        "the parts' gradients are added without a weight: the sum is larger than the gradient of the mean.": [1]
        * len(n),
        "a part weighs as much as it has texts, but the loss is a mean over *rankings*.": [
            len(batch.ranks) / sum(len(b.ranks) for b in batches) for batch in batches
        ],
        "a part weighs as much as it has pairs, but the loss is a mean over *rankings*.": [
            k / sum(n_pairs) for k in n_pairs
        ],
        "each part's loss is divided by the number of its rankings once more: `k_choose_2_loss` is a mean already.": [
            1 / k for k in n
        ],
        "each part's loss is divided by the number of all rankings, but it is a *mean* over its own: multiply by how "
        "many it has as well.": [1 / sum(n)] * len(n),
        "each part's loss is multiplied by its rankings, and the division by the number of all of them is missing.": n,
    }
    for message, weights in weighed.items():
        if torch.allclose(gradient, sum(w * part for w, part in zip(weights, parts, strict=True)), atol=1e-6):
            raise Mistake(f"{here} {message}")
    last = [w * parts[-1] for w in (1, n[-1] / sum(n), 1 / len(n))]
    if "zero" in events and any(torch.allclose(gradient, part, atol=1e-6) for part in last):
        raise Mistake(f"{here} only the last part's gradient is left: do not empty the gradient between the parts.")
    raise Mistake(
        f"{here} the gradient is not that of the whole batch. Is each part's loss weighed once, by its rankings over "
        "the rankings of *all* parts?"
    )
