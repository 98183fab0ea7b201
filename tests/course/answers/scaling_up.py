"""Right and wrong answers to the exercises of chapter 10."""

import numpy as np
import torch

from rmkit.course.exercises.scaling_up import (
    check_gpu_hours,
    check_last_vectors,
    check_padding_share,
    check_process_losses,
    check_training_bytes,
    solution_gpu_hours,
    solution_last_vectors,
    solution_padding_share,
    solution_process_losses,
    solution_training_bytes,
)

# 10.1 Padding


def padding_share_by_masks(lengths, batches):
    zeros = total = 0
    for batch in batches:
        chosen = torch.tensor(lengths)[batch]
        mask = torch.arange(chosen.max())[None] < chosen[:, None]
        zeros, total = zeros + (~mask).sum(), total + mask.numel()
    return zeros / total


def padding_share_by_rows(lengths, batches):
    rows = [(lengths[i], max(lengths[j] for j in batch)) for batch in batches for i in batch]
    return np.float64(1 - sum(own for own, _ in rows) / sum(wide for _, wide in rows))


def positions(lengths, batches):
    return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)


def mean_of_shares(lengths, batches):
    return np.mean([solution_padding_share(lengths, [batch]) for batch in batches])


def in_list_order(lengths, batches):
    start, computed = 0, 0
    for batch in batches:
        computed += len(batch) * max(lengths[start : start + len(batch)])
        start += len(batch)
    return 1 - sum(lengths) / computed


RIGHT_PADDINGS = [solution_padding_share, padding_share_by_masks, padding_share_by_rows]
WRONG_PADDINGS = {
    "text": (lambda n, b: sum(n) / positions(n, b), "share that is text"),
    "by text": (lambda n, b: positions(n, b) / sum(n) - 1, "divide by all positions"),
    "count": (lambda n, b: positions(n, b) - sum(n), "how many positions"),
    "longest of all": (lambda n, b: 1 - sum(n) / (len(n) * max(n)), "its own longest"),
    "mean of shares": (mean_of_shares, "mean of the batches' shares"),
    "list order": (in_list_order, "look up lengths[i]"),
    "positions as lengths": (
        lambda n, b: 1 - sum(map(sum, b)) / sum(len(x) * max(x) for x in b),
        "which are positions",
    ),
    "one row a batch": (lambda n, b: 1 - sum(n) / sum(max(n[i] for i in x) for x in b), "one row a batch"),
    "percent": (lambda n, b: 100 * solution_padding_share(n, b), "percentage"),
    "last batch only": (lambda n, b: solution_padding_share(n, b[-1:]), "it should be 0.222222, got 0"),
    "list": (lambda n, b: [solution_padding_share(n, [batch]) for batch in b], "one number from 0 to 1, got a list"),
    "infinite": (lambda n, b: float("inf"), "got inf"),
}

# 10.2 The last real token


def last_by_loop(vectors, mask):
    return torch.stack([row[real.bool()][-1] for row, real in zip(vectors, mask, strict=True)])


def last_by_flip(vectors, mask):
    last = mask.shape[1] - 1 - mask.flip(1).argmax(dim=1)
    return vectors.gather(1, last[:, None, None].expand(-1, 1, vectors.shape[2])).squeeze(1)


def last_before_padding(vectors, mask):
    """The first padding less one; where padding is on the left or missing, that is position -1, which is right as
    well."""
    return vectors[torch.arange(len(vectors)), mask.argmin(dim=1) - 1]


def last_with_numpy(vectors, mask):
    return [v[np.flatnonzero(m)[-1]] for v, m in zip(vectors.numpy(), mask.numpy(), strict=True)]


def at(where):
    """One vector a text, at where(mask), a position for each."""
    return lambda vectors, mask: vectors[torch.arange(len(vectors)), where(mask)]


def last_of(mask):
    return (torch.arange(mask.shape[1]) * mask).argmax(dim=1)


def masked_mean(vectors, mask):
    return (vectors * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


RIGHT_LASTS = [solution_last_vectors, last_by_loop, last_by_flip, last_before_padding, last_with_numpy]
WRONG_LASTS = {
    "last position": (lambda v, m: v[:, -1], "last position of the table"),
    "counted": (at(lambda m: m.sum(dim=1) - 1), "do not start at position 0"),
    "first": (lambda v, m: v[:, 0], "BERT has [CLS]"),
    "too far": (at(lambda m: m.sum(dim=1) % m.shape[1]), "one position too far"),
    "first zero": (at(lambda m: torch.where(m.all(1), m.shape[1] - 1, m.argmin(dim=1))), "mask is 0"),
    "too early": (at(lambda m: last_of(m) - 1), "too early"),
    "sum": (lambda v, m: (v * m[:, :, None]).sum(dim=1), "the vectors should be"),
    "one for all": (lambda v, m: v[:, 2], "position 2 for all"),
    "mean": (masked_mean, "mean over the tokens"),
    "mean of all": (lambda v, m: v.mean(dim=1), "padding included"),
    "largest": (lambda v, m: (v * m[:, :, None]).amax(dim=1), "vector as it is"),
    "positions": (lambda v, m: last_of(m), "you return the positions"),
    "all pairs": (lambda v, m: v[:, last_of(m)], "Name the text as well"),
    "max": (lambda v, m: v[torch.arange(len(v)), (torch.arange(m.shape[1]) * m).max(dim=1)], "It returns values"),
    "first zero in a list": (
        lambda v, m: torch.stack([v[i, row.tolist().index(0) - 1] for i, row in enumerate(m)]),
        "has no 0 in its mask",
    ),
    "kept dimension": (lambda v, m: solution_last_vectors(v, m)[:, None], "drop the middle dimension"),
    "every token": (lambda v, m: v * m[:, :, None], "pick one for each text"),
    "flat": (lambda v, m: solution_last_vectors(v, m).flatten(), "yours has (6,)"),
    "ragged": (lambda v, m: [row[real.bool()] for row, real in zip(v, m, strict=True)], "a table of 3 vectors"),
}

# 10.3 The memory of training


def bytes_by_tensor(parameters, trained):
    """Of the tensors themselves, as torch says."""
    weight = torch.tensor(0.0).element_size()
    return weight * (parameters + trained + trained + trained)


def bytes_by_share(parameters, trained):
    return torch.tensor(parameters * (4 + 12 * trained / parameters), dtype=torch.float64)


RIGHT_BYTES = [solution_training_bytes, bytes_by_tensor, bytes_by_share]
WRONG_BYTES = {
    "bits": (lambda p, t: 8 * solution_training_bytes(p, t), "those are bits"),
    "gigabytes": (lambda p, t: solution_training_bytes(p, t) / 1e9, "return bytes"),
    "weights": (lambda p, t: 4 * p, "weights alone"),
    "no means": (lambda p, t: 4 * p + 4 * t, "two running means are missing"),
    "one mean": (lambda p, t: 4 * p + 8 * t, "*two* means"),
    "16 bits": (lambda p, t: 2 * p + 6 * t, "16-bit format"),
    "means of frozen": (lambda p, t: 12 * p + 4 * t, "AdamW's means for frozen"),
    "gradients of frozen": (lambda p, t: 8 * p + 8 * t, "count gradients for frozen"),
    "all of frozen": (lambda p, t: 16 * p, "gradients and means for frozen"),
    "trained only": (lambda p, t: 16 * t, "still a weight"),
    "no weights": (lambda p, t: 12 * t, "weights themselves are missing"),
    "both": (lambda p, t: 16 * (p + t), "you count them twice"),
    "weights twice": (lambda p, t: 4 * p + 16 * t, "their weights twice"),
    "something else": (lambda p, t: 5 * p, "it should be 4120"),
    "tuple": (lambda p, t: (4 * p, 12 * t), "the number of bytes, got a tuple"),
}

# 10.4 One loss over several processes


def process_losses_by_share(losses):
    n = sum(map(len, losses))
    return [len(losses) * len(own) / n * np.mean(own) if own else 0.0 for own in losses]


def process_losses_with_torch(losses):
    sums = torch.tensor([sum(own) for own in losses])
    return sums * len(losses) / sum(len(own) for own in losses)


def process_losses_one_by_one(losses):
    n = len([loss for own in losses for loss in own])
    return tuple(sum(loss / n for loss in own) * len(losses) for own in losses)


def each_process(value):
    """One number a process: value(its losses, all of them, rankings in all, processes)."""

    def function(losses):
        return [value(own, losses, sum(map(len, losses)), len(losses)) for own in losses]

    return function


def mean_or_zero(own):
    return sum(own) / len(own) if own else 0.0


RIGHT_LOSSES = [
    solution_process_losses,
    process_losses_by_share,
    process_losses_with_torch,
    process_losses_one_by_one,
]
WRONG_LOSSES = {
    "means": (each_process(lambda own, *_: mean_or_zero(own)), "is not the mean over all"),
    "sums": (each_process(lambda own, *_: sum(own)), "these are sums"),
    "not times processes": (each_process(lambda own, _, n, P: sum(own) / n), "multiply by 3"),
    "pooled": (each_process(lambda own, all_, n, P: sum(map(sum, all_)) / n), "that it has read: its own"),
    "not divided": (each_process(lambda own, _, n, P: sum(own) * P), "not divided by all 7"),
    "by processes": (each_process(lambda own, _, n, P: sum(own) / P), "do that by themselves"),
    "shares": (each_process(lambda own, _, n, P: len(own) / n), "losses themselves are missing"),
    "weights": (each_process(lambda own, _, n, P: len(own) * P / n), "these are weights"),
    "busy processes": (
        each_process(lambda own, all_, n, P: sum(own) * sum(map(bool, all_)) / n),
        "All 3 take part",
    ),
    "from means": (each_process(lambda own, _, n, P: mean_or_zero(own) * P / n), "start from its sum"),
    "by the fullest": (each_process(lambda own, all_, *_: sum(own) / max(map(len, all_))), "fullest process"),
    "empty": (
        each_process(lambda own, _, n, P: sum(own) / len(own) * len(own) * P / n),
        "without a ranking, which happens",
    ),
    "empty left out": (lambda losses: solution_process_losses(losses)[: sum(map(bool, losses))], "is left out"),
    "one number": (lambda losses: sum(map(sum, losses)) / sum(map(len, losses)), "one number for each of the 3"),
    "each ranking": (lambda losses: [loss for own in losses for loss in own], "a number for each ranking"),
    "too many": (lambda losses: [*solution_process_losses(losses), 0.0, 0.0], "you return 5 numbers"),
    "other": (each_process(lambda own, *_: 1.0), "whose mean is 0.457"),
}

# 10.5 Hours on a GPU


def hours_step_by_step(pairs, tokens, parameters, peak, utilization, epochs=1):
    forward = 2 * parameters * tokens
    a_pair = 2 * (forward + 2 * forward)
    seconds = epochs * pairs * a_pair / utilization / peak
    return seconds / 60 / 60


def hours_with_numpy(pairs, tokens, parameters, peak, utilization, epochs=1):
    return np.prod([12.0, pairs, tokens, parameters, epochs]) / np.prod([3600.0, peak, utilization])


def off_by(factor):
    """The right hours times factor(utilization, epochs, tokens)."""

    def function(pairs, tokens, parameters, peak, utilization, epochs=1):
        hours = solution_gpu_hours(pairs, tokens, parameters, peak, utilization, epochs)
        return hours * factor(utilization, epochs, tokens)

    return function


RIGHT_HOURS = [solution_gpu_hours, hours_step_by_step, hours_with_numpy]
WRONG_HOURS = {
    "one text": (off_by(lambda u, e, t: 1 / 2), "a pair is two texts"),
    "forward only": (off_by(lambda u, e, t: 2 / 6), "forward pass only"),
    "backward only": (off_by(lambda u, e, t: 4 / 6), "backward pass only"),
    "one FLOP": (off_by(lambda u, e, t: 1 / 6), "together take 6"),
    "neither": (off_by(lambda u, e, t: 1 / 12), "both the 6 FLOPs"),
    "peak": (off_by(lambda u, e, t: u), "no training reaches"),
    "times utilization": (off_by(lambda u, e, t: u * u), "the *longer*"),
    "seconds": (off_by(lambda u, e, t: 3600), "those are seconds"),
    "minutes": (off_by(lambda u, e, t: 60), "those are minutes"),
    "60 too often": (off_by(lambda u, e, t: 1 / 60), "once too often"),
    "days": (off_by(lambda u, e, t: 1 / 24), "those are days"),
    "epochs": (off_by(lambda u, e, t: 1 / e), "epochs are missing"),
    "percent": (off_by(lambda u, e, t: 100), "a share, 0.35 and not 35"),
    "tokens": (off_by(lambda u, e, t: 1 / t), "tokens are missing"),
    "other": (off_by(lambda u, e, t: 7), "it should be 3.18828"),
    "text": (lambda *given: "3 hours", "the number of hours, got a str"),
}

EXERCISES = {
    "padding_share": (check_padding_share, RIGHT_PADDINGS, WRONG_PADDINGS),
    "last_vectors": (check_last_vectors, RIGHT_LASTS, WRONG_LASTS),
    "training_bytes": (check_training_bytes, RIGHT_BYTES, WRONG_BYTES),
    "process_losses": (check_process_losses, RIGHT_LOSSES, WRONG_LOSSES),
    "gpu_hours": (check_gpu_hours, RIGHT_HOURS, WRONG_HOURS),
}
