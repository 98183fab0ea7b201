"""Chapter 10, scaling up: the last real token, padding, memory, one loss over several processes, hours on a GPU."""

import math
from functools import partial

import torch

from rmkit.course.exercises import Mistake, call, check, diagnose, equal, kind, plain, show

# 10.1 Padding


def solution_padding_share(lengths, batches):
    """The share of the computed positions that are padding.

    >>> round(solution_padding_share([3, 7, 4], [[0, 1], [2]]), 3)
    0.222
    >>> round(solution_padding_share([3, 7, 4], [[0, 2], [1]]), 3)  # alike lengths together
    0.067

    Why one sum over all batches, and not the mean of each batch's share? Because
    what we pay for are positions, and a wide batch has more of them.
    """
    computed = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    real = sum(lengths[i] for batch in batches for i in batch)
    return (computed - real) / computed


@check
def check_padding_share(function):
    for lengths, batches in (
        ([3, 7, 4], [[0, 1], [2]]),
        ([3, 7, 4], [[0, 2], [1]]),
        ([9, 2, 5, 5, 12, 1], [[4, 0], [5, 1, 3], [2]]),
        ([6, 6], [[0, 1]]),
    ):
        got = _as_number(call(function, lengths, batches), "the share, one number from 0 to 1")
        _compare_padding(got, lengths, batches)
    return "Every batch is as wide as its longest text, and every position counts once."


def _compare_padding(got, lengths, batches):
    widths = [max(lengths[i] for i in batch) for batch in batches]
    real = sum(lengths)
    computed = sum(len(batch) * width for batch, width in zip(batches, widths, strict=True))
    everywhere = len(lengths) * max(lengths)
    shares = [
        1 - sum(lengths[i] for i in batch) / (len(batch) * width) for batch, width in zip(batches, widths, strict=True)
    ]
    taken, start = 0, 0  # as if the batches held the texts in the order of the list
    for batch in batches:
        taken += len(batch) * max(lengths[start : start + len(batch)])
        start += len(batch)
    itself = sum(len(batch) * max(batch) for batch in batches)  # as if positions were lengths
    once = sum(widths)  # as if a batch were one row
    here = f"For lengths {lengths} in batches {batches}"
    _compare_number(
        got,
        (computed - real) / computed,
        here,
        [
            (real / computed, "that is the share that is text; padding is the rest."),
            (
                (computed - real) / real,
                "you divide the padding by the tokens of text; divide by all positions computed.",
            ),
            (computed - real, "that is how many positions are padding; wanted is their share of all positions."),
            (
                1 - real / everywhere,
                "you pad every batch to the longest text of all; each is as wide as its own longest.",
            ),
            (
                sum(shares) / len(shares),
                "you take the mean of the batches' shares, where all batches weigh the same: sum the positions first.",
            ),
            (1 - real / taken, "a batch holds *positions* in the list of lengths, in any order: look up lengths[i]."),
            (
                1 - sum(map(sum, batches)) / itself if itself else -1,
                "you add the numbers in the batches themselves, which are positions; look up lengths[i].",
            ),
            (1 - real / once, "you count one row a batch; a batch has len(batch) rows, each as wide as its longest."),
            (
                100 * (computed - real) / computed,
                "that is a percentage; return the share, a number from 0 to 1.",
            ),
        ],
    )


# 10.2 The last real token


def solution_last_vectors(vectors, attention_mask):
    """The vector of each text's last real token, whichever side the padding is on.

    >>> vectors = torch.tensor([[[1.0], [2.0], [0.0]], [[0.0], [5.0], [6.0]]])
    >>> solution_last_vectors(vectors, torch.tensor([[1, 1, 0], [0, 1, 1]])).tolist()
    [[2.0], [6.0]]

    Why the largest position whose mask is 1, and not the number of tokens minus 1?
    With padding on the left the tokens do not start at 0, and the two differ. Nor
    does the token's id say where the padding begins: many decoders pad with their
    end token, and then a real end looks like padding.
    """
    positions = torch.arange(attention_mask.shape[1], device=attention_mask.device)  # (T,)
    last = (positions * attention_mask).argmax(dim=1)  # (N,)
    return vectors[torch.arange(len(vectors)), last]  # (N, H)


MASKS = [
    ("padding on the right", [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]),
    ("padding on the left", [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]]),
    ("no padding", [[1, 1, 1, 1, 1]] * 3),
    (
        "padding on the right of one text and on the left of another",
        [[1, 1, 0, 0, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]],
    ),
]


@check
def check_last_vectors(function):
    vectors = (11 * torch.arange(30.0) % 31).reshape(3, 5, 2) ** 2  # (N, T, H), in no order
    for name, mask in MASKS:
        mask = torch.tensor(mask)  # (N, T)
        try:
            result = call(function, vectors, mask)
        except Mistake as mistake:
            raise Mistake(f"{mistake}{_hint(str(mistake))}") from None
        _compare_vectors(result, vectors, mask, f"With {name}")
    return "One vector a text, from its own last token, with padding on either side."


def _hint(error):
    """What two errors of Python and torch mean here."""
    if "not in list" in error:
        return ": a text without padding has no 0 in its mask."
    if "converted to an index" in error:
        return ": does `max(dim=1)` stand there? It returns values *and* positions; take `argmax(dim=1)`."
    return ""


def _compare_vectors(result, vectors, mask, here):
    got, want = plain(result), solution_last_vectors(vectors, mask)
    if got == want.tolist():
        return
    N, T, H = vectors.shape
    last = [max(t for t in range(T) if mask[n, t]) for n in range(N)]
    shape = _shape(got)
    if shape is None:
        raise Mistake(f"return a table of {N} vectors of {H} numbers, shape (N, H) = ({N}, {H}); got {show(result)}.")
    if got == last:
        raise Mistake(f"{here} you return the positions {last}; use them to pick the vectors.")
    if shape == (N, 1, H):
        raise Mistake(
            f"your result has shape (N, 1, H) = ({N}, 1, {H}): drop the middle dimension, for example by squeeze(1)."
        )
    if shape == (N, N, H):
        raise Mistake(
            f"your result has shape (N, N, H) = ({N}, {N}, {H}): `vectors[:, last]` takes all {N} positions from every "
            "text. Name the text as well: `vectors[torch.arange(N), last]`."
        )
    if shape == (N, T, H):
        raise Mistake(
            f"you return a vector for every token, shape (N, T, H) = ({N}, {T}, {H}); pick one for each text."
        )
    if shape != (N, H):
        raise Mistake(f"the result should have shape (N, H) = ({N}, {H}); yours has {shape}.")
    rows = torch.arange(N)
    number = mask.sum(dim=1)  # (N,)
    float_mask = mask.unsqueeze(-1).to(vectors.dtype)
    likely = [
        (vectors[:, -1], "you take the last position of the table, which is padding in the shorter texts."),
        (
            vectors[:, 0],
            "you take the first position, where BERT has [CLS]; a decoder's first token has seen no other.",
        ),
        (
            vectors[rows, number - 1],
            "you count the tokens, but with padding on the left they do not start at position 0.",
        ),
        (vectors[rows, number % T], "you are one position too far: that is the first padding, not the last token."),
        (
            vectors[rows, torch.where(mask.bool().all(dim=1), T - 1, mask.argmin(dim=1))],
            "you take the first position whose mask is 0: that is padding. The last token stands before it.",
        ),
        (vectors[rows, torch.tensor(last) - 1], "you are one position too early."),
        *(
            (vectors[:, t], f"you use position {t} for all texts; each has its own last token.")
            for t in range(1, T - 1)
        ),
        (
            (vectors * float_mask).sum(dim=1) / float_mask.sum(dim=1),
            "that is the mean over the tokens, another pooling.",
        ),
        (vectors.mean(dim=1), "that is the mean over all positions, padding included."),
        ((vectors * float_mask).amax(dim=1), "you take the largest of each number; take one token's vector as it is."),
    ]
    otherwise = f"the vectors should be {show(want.tolist())}, got {show(got)}."
    diagnose(got, want, likely, otherwise=otherwise, here=here)


def _shape(value):
    """The shape of nested lists of numbers, or None if they have none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ()
    if not isinstance(value, list) or not value:
        return None
    shapes = {_shape(item) for item in value}
    return None if len(shapes) != 1 or None in shapes else (len(value), *shapes.pop())


# 10.3 The memory of training


def solution_training_bytes(parameters, trained):
    """Bytes that AdamW needs for a model in float32, before any text is read.

    >>> solution_training_bytes(1_000, trained=1_000)
    16000
    >>> solution_training_bytes(1_000, trained=10)
    4120

    Why is a frozen parameter so much cheaper? It is a weight and nothing else. Only
    what is trained has a gradient, and only what has a gradient has AdamW's two
    running means.
    """
    weights = 4 * parameters
    gradients = 4 * trained
    means = 2 * 4 * trained
    return weights + gradients + means


@check
def check_training_bytes(function):
    for parameters, trained in ((1_000, 10), (1_000, 1_000), (108_892_417, 108_892_417), (500, 0)):
        got = _as_number(call(function, parameters, trained), "the number of bytes")
        want = solution_training_bytes(parameters, trained)
        p, t = parameters, trained
        _compare_number(
            got,
            want,
            f"For {p:,} parameters, {t:,} of them trained,",
            [
                (8 * want, "those are bits; a byte has 8 of them."),
                (want / 1e9, "those are gigabytes; return bytes."),
                (4 * p, "those are the weights alone; training also keeps gradients and AdamW's two means."),
                (4 * p + 4 * t, "AdamW's two running means are missing."),
                (4 * p + 8 * t, "something is missing: the gradient and *two* means for each trained parameter."),
                (want // 2, "float32 takes 4 bytes a number; you count 2, as for a 16-bit format."),
                (16 * p, "you count gradients and means for frozen parameters too; they have none."),
                (6 * t + 4 * p, "a running mean is a float32 too: 4 bytes, and there are two of them."),
                (8 * p + 8 * t, "you count gradients for frozen parameters too; they have none."),
                (12 * p + 4 * t, "you count AdamW's means for frozen parameters too; they have none."),
                (16 * t, "a frozen parameter has no gradient, but it is still a weight and takes its 4 bytes."),
                (12 * t, "the weights themselves are missing."),
                (16 * (p + t), "the trained parameters are among the parameters: you count them twice."),
                (4 * p + 16 * t, "the trained parameters are among the parameters: you count their weights twice."),
            ],
        )
    return "Four bytes for every weight, and twelve more for each that is trained."


# 10.4 One loss over several processes


def solution_process_losses(losses):
    """What each process calls `backward` on, so that the average over processes is the mean over all rankings.

    >>> [round(loss, 3) for loss in solution_process_losses([[0.2, 0.4], [0.9]])]
    [0.4, 0.6]

    Why divide by the number of *all* rankings? So that a ranking weighs the same
    wherever it landed. And why multiply by the number of processes? Because they
    average their gradients, which divides by it.
    """
    n_rankings = sum(len(own) for own in losses)
    return [sum(own) * len(losses) / n_rankings for own in losses]


@check
def check_process_losses(function):
    for losses in (
        [[0.7, 0.1, 0.4, 0.6], [0.3], [0.9, 0.2]],
        [[0.2, 0.4], [0.9]],
        [[0.5, 0.9], [], [0.1]],
        [[0.3, 0.8]],
    ):
        try:
            result = call(function, losses)
        except Mistake as mistake:
            if "ZeroDivisionError" in str(mistake) and not all(losses):
                raise Mistake(
                    f"{losses} has a process without a ranking, which happens with the last batch: its loss is 0, and "
                    "you divide by its number of rankings."
                ) from None
            raise
        _compare_losses(result, losses)
    return "Every ranking weighs the same, whichever process it is on."


def _compare_losses(result, losses):
    got, want = plain(result), solution_process_losses(losses)
    P, n = len(losses), sum(map(len, losses))
    here = f"For {losses}"
    if isinstance(got, int | float) and not isinstance(got, bool):
        raise Mistake(f"return one number for each of the {P} processes, a list; got {show(result)}.")
    if not isinstance(got, list) or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in got):
        raise Mistake(f"return a list of {P} numbers, one for each process; got {show(result)}.")
    if len(got) == n != P:
        raise Mistake(f"{here} you return a number for each ranking; a process has one loss.")
    if len(got) == sum(1 for own in losses if own) < P:
        raise Mistake(
            f"{here} the process without a ranking is left out. It must take part, with 0: the others wait for it."
        )
    if len(got) != P:
        raise Mistake(f"{here} there are {P} processes, and you return {len(got)} numbers.")
    means = [sum(own) / len(own) if own else 0.0 for own in losses]
    busy = sum(1 for own in losses if own)
    pooled = sum(map(sum, losses)) / n
    likely = [
        (
            means,
            "each process takes the mean over its own rankings. The average of these means is not the mean over all.",
        ),
        ([sum(own) for own in losses], "these are sums: the average then grows with the number of rankings."),
        (
            [sum(own) / n for own in losses],
            (
                f"you divide by all {n} rankings, and averaging over the processes divides by {P} once more: multiply "
                f"by {P}."
            ),
        ),
        (
            [pooled] * P,
            (
                "each process has the mean over all. A process can call backward only on rankings that it has read: "
                "its own."
            ),
        ),
        ([sum(own) * P for own in losses], f"multiplied by the processes, but not divided by all {n} rankings."),
        ([sum(own) / P for own in losses], f"you divide by the number of processes, {P}; they do that by themselves."),
        ([len(own) / n for own in losses], "these are shares of the rankings; the losses themselves are missing."),
        ([len(own) * P / n for own in losses], "these are weights; multiply each by the process's mean loss."),
        (
            [sum(own) * busy / n for own in losses],
            f"you count {busy} processes, those that have rankings. All {P} take part in the average.",
        ),
        ([mean * P / n for mean in means], "you start from the *mean* of a process; start from its sum."),
        ([sum(own) / max(map(len, losses)) for own in losses], "you divide by the rankings of the fullest process."),
    ]
    otherwise = f"the numbers should be {[round(x, 3) for x in want]}, whose mean is {pooled:.3f}; got {show(got)}."
    diagnose(got, want, likely, otherwise=otherwise, here=here, same=partial(equal, rel=1e-4, near=1e-9))


# 10.5 Hours on a GPU


def solution_gpu_hours(pairs, tokens, parameters, peak, utilization, epochs=1):
    """Hours that one GPU needs for a training run.

    >>> round(solution_gpu_hours(1_000_000, 256, 85e6, peak=65e12, utilization=0.35), 2)
    3.19

    Why 6? A parameter meets a token in one multiplication and one addition, forward;
    backward does that twice, for the gradients of the vectors and of the weights.
    """
    read = 2 * pairs * tokens * epochs  # two texts a pair
    flops = 6 * parameters * read
    return flops / (peak * utilization) / 3600


@check
def check_gpu_hours(function):
    for given in (
        (1_000_000, 256, 85e6, 65e12, 0.35, 1),
        (40_000, 512, 8e9, 989e12, 0.4, 5),
        (40_000, 300, 350e6, 312e12, 0.25, 7),
    ):
        got = _as_number(call(function, *given), "the number of hours")
        pairs, tokens, parameters, peak, utilization, epochs = given
        want = solution_gpu_hours(*given)
        here = (
            f"For {pairs:,} pairs, {tokens} tokens a text, {parameters:.3g} parameters, {peak:.3g} FLOPs a second, "
            f"utilization {utilization} and {_times(epochs)}"
        )
        _compare_number(
            got,
            want,
            here,
            [
                (want / 2, "you are short by a factor of 2: a pair is two texts."),
                (
                    want / 3,
                    "you count the forward pass only, 2 FLOPs a parameter and token; backward costs twice as much: 6.",
                ),
                (want / 1.5, "you count the backward pass only, 4 FLOPs a parameter and token; with forward it is 6."),
                (want / 6, "you count one FLOP for each parameter and token; forward and backward together take 6."),
                (want / 12, "you have both the 6 FLOPs and the second text of a pair missing."),
                (
                    want * utilization,
                    "you divide by the peak, which no training reaches: divide by peak * utilization.",
                ),
                (
                    want * utilization**2,
                    "you multiply the time by the utilization: the lower it is, the *longer* a run takes.",
                ),
                (want * 3600, "those are seconds; an hour has 3,600."),
                (want * 60, "those are minutes; an hour has 60."),
                (want / 60, "you divide by 60 once too often: from seconds to hours it is 3,600."),
                (want / 24, "those are days; return hours."),
                (want / epochs, "the epochs are missing: each reads all the pairs again."),
                (want * 100, "utilization is a share, 0.35 and not 35: nothing has to be divided by 100."),
                (want / tokens, "the tokens are missing: you count each text as one token."),
            ],
        )
    return "Six FLOPs a parameter and token, two texts a pair, and a GPU that reaches a part of its peak."


def _times(epochs):
    return "one epoch" if epochs == 1 else f"{epochs} epochs"


# The machinery of all five


def _as_number(result, what):
    """The learner's result as a float."""
    value = plain(result)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake(f"return {what}, got {kind(result)}: {show(result)}.")
    if not math.isfinite(value):
        raise Mistake(f"return {what}, got {value}.")
    return float(value)


def _compare_number(got, want, here, likely):
    """Raise `Mistake` unless got equals want; `likely` holds what people compute instead, and what to say then."""
    otherwise = f"it should be {want:.6g}, got {got:.6g}."
    diagnose(got, want, likely, otherwise=otherwise, here=here, same=partial(equal, rel=1e-4, near=1e-12))
