"""Chapter 2, the value head: pooling [CLS], drawing the head, rewards, and two other ways of pooling."""

import math
from contextlib import contextmanager

import torch
from torch import nn

from rmkit.course.exercises import Mistake, call, check, diagnose, kind, plain, show

# 2.1 Pool [CLS]


def solution_pool_cls(vectors):
    """The vector of each text's first token.

    >>> vectors = torch.tensor([[[1.0, 0.0, 2.0], [3.0, 2.0, 0.0]]])
    >>> solution_pool_cls(vectors)
    tensor([[1., 0., 2.]])

    Why `vectors[:, 0]` and not `vectors[0]`? Because the first dimension counts
    texts. `:` keeps all of them, `0` takes the first token of each, and the H
    numbers of its vector stay together.
    """
    return vectors[:, 0]  # (N, H)


@check
def check_pool_cls(function):
    for vectors in (TINY, _vectors(3, 5, 2)):
        N, _, H = vectors.shape
        pooled = _as_tensor(_on_clones(function, vectors), "(N, H)")
        wrong = {
            "that is the first *text* with all its tokens. The first dimension counts texts: keep it whole with `:`.": (
                vectors[0]
            ),
            "that is one vector, of the first text only. Every text needs its own: keep the first dimension with `:`.": (
                vectors[0, 0]
            ),
            "that is the first *number* of every token's vector. The tokens are the second dimension, not the third.": (
                vectors[:, :, 0]
            ),
            "that is the token at position 1. Positions count from 0.": vectors[:, 1],
            "that is the last position, where a shorter text has padding. [CLS] stands first.": vectors[:, -1],
            "that is the mean over all positions; [CLS] is one of them, the first.": vectors.mean(dim=1),
            "rows and columns are swapped: one row for each text, please.": vectors[:, 0].T,
        }
        kept = (
            f"the vectors are right, but the dimension of the tokens is still there: {_shape(pooled)}. `0` takes it "
            "away, `0:1` or `[0]` keeps it."
        )
        _compare(pooled, vectors[:, 0], "the vector at position 0", wrong, {(N, 1, H): kept})
    return "One vector a text, at position 0, where no padding ever comes."


# 2.2 Draw the head


def solution_make_head(hidden, seed):
    """A linear unit, drawn with variance 1 / (hidden + 1), bias 0.

    >>> head = solution_make_head(3, seed=0)
    >>> head.weight.shape, head.bias.item()
    (torch.Size([1, 3]), 0.0)

    Why is the seed given to a generator of our own, instead of setting torch's
    with `torch.manual_seed`? Because that would also change every other random
    number drawn afterwards, in code that has nothing to do with this head.
    """
    head = nn.Linear(hidden, 1)
    generator = torch.Generator().manual_seed(seed)
    nn.init.normal_(head.weight, std=1 / math.sqrt(hidden + 1), generator=generator)
    nn.init.zeros_(head.bias)
    return head


@check
def check_make_head(function):
    with _own_random_numbers(), _in_our_words(ABOUT_WEIGHTS):
        head = _as_head(call(function, 5, 0), 5)
        again, other = _as_head(call(function, 5, 0), 5), _as_head(call(function, 5, 1), 5)
        if not torch.equal(head.weight, again.weight):
            raise Mistake("the same seed gives two different heads: is the seed used when the weights are drawn?")
        if torch.equal(head.weight, other.weight):
            raise Mistake("seeds 0 and 1 give the same head: is the seed written as a fixed number somewhere?")
        if head.bias.abs().max() > 0:
            raise Mistake("the bias is not 0. `nn.Linear` draws it at random: set it with `nn.init.zeros_(head.bias)`.")
        _compare_spread(_as_head(call(function, 10_000, 0), 10_000).weight, 10_000)
        few = torch.cat([_as_head(call(function, 3, seed), 3).weight for seed in range(400)])  # (400, 3)
        if few.std() > 0.54:
            raise Mistake(
                f"for hidden = 3 the spread of your weights is {few.std():.2f}, that is 1 / sqrt(hidden); "
                "the variance here is 1 / (hidden + 1), so the spread is 0.50."
            )
        if few.std() < 0.46:
            raise Mistake(f"for hidden = 3 the spread of your weights is {few.std():.2f}; it should be 0.50.")
    return "Normal, centered on 0, with variance 1 / (H + 1); bias 0; and the same head for the same seed."


def _as_head(head, hidden):
    if isinstance(head, nn.Sequential):
        raise Mistake("return the linear layer alone; tanh comes when the rewards are computed.")
    if not isinstance(head, nn.Linear):
        raise Mistake(f"return an nn.Linear(hidden, 1); you returned {kind(head)}.")
    if (head.in_features, head.out_features) == (1, hidden):
        raise Mistake("your head turns one number into many: it is nn.Linear(hidden, 1), inputs first.")
    if (head.in_features, head.out_features) != (hidden, 1):
        raise Mistake(
            f"for hidden = {hidden} your head is nn.Linear({head.in_features}, {head.out_features}); it reads {hidden} "
            "numbers and gives one, the reward."
        )
    if head.bias is None:
        raise Mistake("your head has no bias. It starts at 0, but it is there, and training may move it.")
    if head.weight.shape != (1, hidden):
        raise Mistake(f"the weight must keep its shape, (1, hidden); yours is {_shape(head.weight)}.")
    if not (head.weight.requires_grad and head.bias.requires_grad):
        raise Mistake("weight and bias must be trainable: `requires_grad` is off.")
    return head


def _compare_spread(weight, hidden):
    """`weight` has many numbers: its standard deviation is known to within 3%, and so is its distribution."""
    weight = weight.detach()
    spread, here = weight.std().item(), f"for hidden = {hidden:,}"
    right = 1 / math.sqrt(hidden + 1)
    if spread < 1e-6:
        raise Mistake("all weights are equal: then every number of the vector counts the same. Draw them at random.")
    if abs(weight.mean().item()) > 0.1 * spread:
        raise Mistake(
            "the weights are not centered on 0: `torch.rand` gives only positive numbers, `torch.randn` both."
        )
    known = {
        1 / (hidden + 1): (
            f"{here} the spread of your weights is 1 / (hidden + 1). That is the *variance*; "
            "the standard deviation is its square root."
        ),
        1 / math.sqrt(3 * hidden): (
            f"{here} the weights are as `nn.Linear` draws them by itself, uniform and about 1.7 times too narrow: draw "
            "them again."
        ),
        1.0: f"{here} the spread of your weights is 1, whatever `hidden` is: rewards would sit at -1 and 1 at once.",
        0.02: f"{here} the spread of your weights is 0.02, BERT's number for its own layers; here it depends on `hidden`.",
        math.sqrt(2 / (hidden + 1)): (
            f"{here} the spread is sqrt(2 / (hidden + 1)), as `xavier_normal_` has it: a variance twice too large."
        ),
    }
    for value, message in known.items():
        if abs(spread / value - 1) < 0.05 and abs(spread / right - 1) > 0.05:
            raise Mistake(message)
    if abs(spread / right - 1) > 0.05:
        raise Mistake(f"{here} the spread of your weights is {spread:.2g}; it should be {right:.2g}.")
    if weight.abs().max() < 2.5 * spread:
        raise Mistake("the spread is right, but the weights are not normal: they look uniform. Use `torch.randn`.")


# 2.3 From tokens to rewards


def solution_compute_rewards(encoder, head, input_ids, attention_mask):
    """The rewards of N texts: encoder, [CLS], head, tanh.

    >>> from types import SimpleNamespace
    >>> def encoder(input_ids, attention_mask):
    ...     return SimpleNamespace(last_hidden_state=torch.ones(2, 4, 3))
    >>> ids, mask = torch.ones(2, 4).long(), torch.ones(2, 4).long()
    >>> solution_compute_rewards(encoder, nn.Linear(3, 1), ids, mask).shape
    torch.Size([2])

    Why `squeeze(-1)` and not `squeeze()`? Because `squeeze()` takes away every
    dimension of size 1. With a single text that includes the dimension of the
    texts, and a list of one reward becomes a bare number.
    """
    vectors = encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (N, T, H)
    pooled = vectors[:, 0]  # (N, H)
    raw = head(pooled).squeeze(-1)  # (N,)
    return torch.tanh(raw)  # (N,)


@check
def check_compute_rewards(function):
    encoder, head = _toy_model()
    many = torch.tensor([[101, 7, 8, 9, 102], [101, 4, 102, 0, 0], [101, 5, 6, 102, 0]])  # (3, 5)
    for ids in (many, many[1:2]):
        mask = (ids > 0).long()  # (N, T)
        given = ids.clone(), mask.clone()
        with _in_our_words(ABOUT_MODELS):
            result = call(function, encoder, head, *given, in_place=True)
        if not (torch.equal(given[0], ids) and torch.equal(given[1], mask)):
            raise Mistake("you changed the token ids or the mask that you were given; make new tensors instead.")
        if isinstance(result, _Output):
            raise Mistake("that is the encoder's whole output; its vectors are in `.last_hidden_state`.")
        rewards = _as_tensor(result, "(N,)")
        _compare_rewards(rewards, encoder, head, ids, mask)
        if not isinstance(result, torch.Tensor) or not result.requires_grad:
            raise Mistake(
                "the rewards are right, but no gradient can flow back through them: `.tolist()`, `.item()`, "
                "`.detach()`, `torch.tensor(...)` and `torch.no_grad()` all cut it off."
            )
    return "One reward a text, also for a single text; padding changes nothing; and gradients can flow back."


def _compare_rewards(rewards, encoder, head, ids, mask):
    N = len(ids)
    with torch.no_grad():
        vectors = encoder(ids, mask).last_hidden_state  # (N, T, H)
        unmasked = encoder(ids).last_hidden_state  # (N, T, H)
        raw = head(vectors[:, 0]).squeeze(-1)  # (N,)
        weights = mask.unsqueeze(-1).float()  # (N, T, 1)
        mean = (vectors * weights).sum(dim=1) / weights.sum(dim=1)  # (N, H)
        want = torch.tanh(raw)
        wrong = {
            "that is the head's output before tanh: values outside (-1, 1) are still possible.": raw,
            "these are sigmoids, between 0 and 1; the rewards here are between -1 and 1: tanh.": torch.sigmoid(raw),
            "cutting off at -1 and 1 is not tanh, which bends smoothly.": raw.clamp(-1, 1),
            "tanh is taken before the head, on the vector; it belongs after it, on the one number.": head(
                torch.tanh(vectors[:, 0])
            ).squeeze(-1),
            "tanh is taken twice, before the head and after it; once is enough, after it.": torch.tanh(
                head(torch.tanh(vectors[:, 0])).squeeze(-1)
            ),
            "the encoder was not given the attention mask, so it read the padding as text.": torch.tanh(
                head(unmasked[:, 0]).squeeze(-1)
            ),
            "you pool the mean of the tokens' vectors; here it is the vector of [CLS], at position 0.": torch.tanh(
                head(mean).squeeze(-1)
            ),
            "you pool the mean of all positions, padding included; here it is [CLS], at position 0.": torch.tanh(
                head(vectors.mean(dim=1)).squeeze(-1)
            ),
            "you pool the last position, which is padding in a shorter text; [CLS] stands at position 0.": torch.tanh(
                head(vectors[:, -1]).squeeze(-1)
            ),
            "the head's bias is left out: it is added to the weighted sum before tanh.": torch.tanh(raw - head.bias),
            "the signs are turned around.": -want,
        }
    if rewards.shape == (N, 1):
        raise Mistake(
            f"for {N} text{'s' * (N > 1)} your rewards have shape ({N}, 1): take the last dimension away with "
            "`.squeeze(-1)`."
        )
    if rewards.shape == () and N == 1:
        raise Mistake(
            "for a single text you return a bare number of shape (), not a list of one: `squeeze()` takes away every "
            "dimension of size 1; `squeeze(-1)` only the last."
        )
    if rewards.shape == () and N > 1:
        raise Mistake(f"{N} texts have {N} rewards; you return a single number.")
    if rewards.shape in [(N, ids.shape[1]), (N, ids.shape[1], 1)]:
        raise Mistake("you return a reward for every *token*: pool first, then the head.")
    if N > 1 and rewards.shape in [ids.shape[1:], (ids.shape[1], 1)]:
        raise Mistake(
            "that is a reward for every token of the first *text*; `[:, 0]` takes the first token of every text."
        )
    if rewards.ndim >= 2 and rewards.shape[-1] == vectors.shape[-1]:
        raise Mistake(f"these are vectors of {vectors.shape[-1]} numbers; the head has not turned them into one yet.")
    if rewards.shape != (N,):
        raise Mistake(f"for {N} text{'s' * (N > 1)} the rewards have shape ({N},); yours have {_shape(rewards)}.")
    likely = [(numbers, message) for message, numbers in wrong.items()]
    otherwise = f"the rewards should be {_numbers(want)}; yours are {_numbers(rewards)}."
    diagnose(rewards, want, likely, otherwise=otherwise, same=_same_tensor)


class _Output:
    """What an encoder returns, read as `.last_hidden_state`, `["last_hidden_state"]` or `[0]`, as in `transformers`."""

    def __init__(self, vectors):
        self.last_hidden_state = vectors

    def __getitem__(self, key):
        return self.last_hidden_state if key == "last_hidden_state" else (self.last_hidden_state,)[key]


class _ToyEncoder(nn.Module):
    """Every vector takes in all tokens that the mask shows, as in a real encoder, in eight lines."""

    def __init__(self):
        super().__init__()
        self.embeddings = nn.Embedding(103, 4)

    def forward(self, input_ids, attention_mask=None):
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        vectors = self.embeddings(input_ids)  # (N, T, H)
        weights = mask.unsqueeze(-1).float()  # (N, T, 1)
        context = (vectors * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True)  # (N, 1, H)
        return _Output(vectors + 2 * context)


def _toy_model():
    encoder, head = _ToyEncoder(), nn.Linear(4, 1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        encoder.embeddings.weight.normal_(generator=generator)
        head.weight.copy_(torch.tensor([[0.9, -0.8, 1.1, 0.7]]))
        head.bias.fill_(0.3)
    return encoder, head


# 2.4 Mean pooling


def solution_pool_mean(vectors, attention_mask):
    """The mean of the vectors of each text's tokens, padding left out.

    >>> vectors = torch.tensor([[[4.0, 1.0], [2.0, 3.0], [9.0, 9.0]]])
    >>> solution_pool_mean(vectors, torch.tensor([[1, 1, 0]]))
    tensor([[3., 2.]])

    Why is the mask used twice? Because padding spoils a mean in two places: its
    vectors in the sum, and its positions in the count that we divide by.
    """
    weights = attention_mask.unsqueeze(-1)  # (N, T, 1)
    return (vectors * weights).sum(dim=1) / weights.sum(dim=1)  # (N, H)


@check
def check_pool_mean(function):
    for vectors, mask in CASES:
        N, T, H = vectors.shape
        weights = mask.unsqueeze(-1).float()  # (N, T, 1)
        total = (vectors * weights).sum(dim=1)  # (N, H)
        want = total / weights.sum(dim=1)
        pooled = _as_tensor(_pool(function, vectors, mask), "(N, H)")
        wrong = {
            "the padding is averaged in with the text: use the mask.": vectors.mean(dim=1),
            f"you divide by T = {T}, padding included; divide by the number of *tokens* of each text.": total / T,
            "that is the sum of the vectors; divide it by the number of tokens of each text.": total,
            "that is the sum over all positions, padding included.": vectors.sum(dim=1),
            "you divide by the number of tokens in the whole *batch*; each text has its own number.": total
            / mask.sum(),
            "you divide by the number of texts; divide by the number of tokens of each text.": total / N,
            "that is the sum of all positions, divided by the number of tokens: padding must go from the sum, too.": (
                vectors.sum(dim=1) / weights.sum(dim=1)
            ),
            "your mask is the wrong way round, 1 is a token and 0 padding: that is the mean of the padding.": (
                (vectors * (1 - weights)).sum(dim=1) / (1 - weights).sum(dim=1)
            ),
            "that is the vector of [CLS], not a mean.": vectors[:, 0],
            "you average over the texts; the tokens are dimension 1.": vectors.mean(dim=0),
            "you average the numbers inside each vector; the tokens are dimension 1.": vectors.mean(dim=2),
            "that is one mean for the whole batch; each text needs its own.": vectors[mask.bool()].mean(dim=0),
            "the ones and zeros of the mask were used as *positions*, 1 and 0; `mask == 1` picks the tokens.": (
                torch.stack([text[ones] for text, ones in zip(vectors, mask, strict=True)]).mean(dim=1)
            ),
            "that is the largest value at each place, not the mean.": vectors.masked_fill(weights == 0, -1e9).amax(
                dim=1
            ),
        }
        kept = "the dimension of the tokens is still there, with size 1: leave out `keepdim=True`."
        _compare(pooled, want, "the mean of its tokens' vectors", wrong, {(N, 1, H): kept})
    return "Padding is in neither the sum nor the count, so no text depends on its neighbors."


# 2.5 The last token


def solution_pool_last(vectors, attention_mask):
    """The vector of each text's last token, when padding is on the right.

    >>> vectors = torch.tensor([[[4.0, 1.0], [2.0, 3.0], [9.0, 9.0]]])
    >>> solution_pool_last(vectors, torch.tensor([[1, 1, 0]]))
    tensor([[2., 3.]])

    Why two lists of positions? `vectors[:, last]` would take, from *every* text,
    the last positions of *all* texts. With `texts` beside it the two lists are
    read in parallel: text 0 with its own position, text 1 with its own.
    """
    last = attention_mask.sum(dim=1) - 1  # (N,)
    texts = torch.arange(len(vectors), device=vectors.device)  # (N,)
    return vectors[texts, last]  # (N, H)


@check
def check_pool_last(function):
    for vectors, mask in CASES:
        N, T, H = vectors.shape
        last = mask.sum(dim=1) - 1  # (N,)
        texts = torch.arange(N)
        pooled = _as_tensor(_pool(function, vectors, mask), "(N, H)")
        want = vectors[texts, last]
        wrong = {
            "you take the last position of the row, whatever the mask says: in a shorter text that is padding.": vectors[
                :, -1
            ],
            "you take the token *before* the last one: with n tokens the last is at position n - 1.": vectors[
                texts, last - 1
            ],
            "you take the position after the last token: with n tokens the last is at position n - 1.": vectors[
                texts, (last + 1).clamp(max=T - 1)
            ],
            "that is the first token. `argmax` finds the *first* of several equal ones, and zeros of the mask used as "
            "positions point there, too.": vectors[:, 0],
            "you use the position of the longest text for all: each text has its own length.": vectors[:, last.max()],
            "you use the position of the shortest text for all: each text has its own length.": vectors[:, last.min()],
            "you use the position of the first text for all: each text has its own length.": vectors[:, last[0]],
            "the masked vectors at the last position are zero: look for the last position where the mask is 1.": (
                (vectors * mask.unsqueeze(-1))[:, -1]
            ),
        }
        shapes = {
            (N, N, H): (
                f"your result has shape {_shape(pooled)}: `vectors[:, last]` takes, from every text, the last "
                "positions of *all* texts. Pair each text with its own: `vectors[torch.arange(N), last]`."
            ),
            (N, 1, H): "the dimension of the tokens is still there, with size 1: take it away with `squeeze(1)`.",
            (N,): "these are the positions of the last tokens; return the vectors that stand there.",
        }
        _compare(pooled, want, "the vector of its last token", wrong, shapes)
    return "The last position where the mask is 1, for each text its own."


# What the checks of pooling share


def _vectors(N, T, H):
    """Vectors in which no two numbers are alike."""
    return (torch.arange(N * T * H) * 7 % 31).float().reshape(N, T, H)  # (N, T, H)


TINY = torch.tensor(
    [
        [[1.0, 0.0, 2.0], [3.0, 2.0, 0.0], [2.0, 4.0, 1.0], [2.0, 2.0, 5.0]],
        [[4.0, 1.0, 0.0], [2.0, 3.0, 2.0], [9.0, 9.0, 9.0], [9.0, 9.0, 9.0]],
    ]
)  # (2, 4, 3), the chapter's own
CASES = [
    (
        _vectors(3, 5, 2),
        torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 0, 0, 0]]),
    ),  # wider than the longest text
    (TINY, torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])),
]


def _on_clones(function, *tensors):
    """The function's result; a `Mistake` if it changed what it was given."""
    given = [tensor.clone() for tensor in tensors]
    result = call(function, *given, in_place=True)
    if not all(map(torch.equal, given, tensors)):
        raise Mistake(
            "you changed the tensor you were given, and whoever calls you still needs it: `vectors[...] = 0` works in "
            "place, `vectors * weights` makes a new tensor."
        )
    return result


def _pool(function, vectors, mask):
    """Call a pooling function; torch's errors about shapes that do not fit are put into the chapter's words."""
    N, _, H = vectors.shape
    words = {
        "non-singleton dimension 2": (
            f"vectors have shape {_shape(vectors)} and the mask {_shape(mask)}: they cannot be multiplied until the "
            "mask has a third dimension. `attention_mask.unsqueeze(-1)` adds it."
        ),
        "non-singleton dimension 1": (
            f"sums of shape {(N, H)} cannot be divided by counts of shape {(N,)}: the counts need shape {(N, 1)}. "
            "`attention_mask.sum(dim=1, keepdim=True)` has it."
        ),
        "out of bounds for dimension 0": (
            "you look for a position among the *texts*: the first place of `vectors[..., ...]` counts texts, the "
            "second tokens."
        ),
        "out of bounds for dimension 1": (
            "that position is beyond the row: with n tokens the last is at n - 1. `attention_mask.sum()` counts the "
            "whole batch, `.sum(dim=1)` each text."
        ),
    }
    with _in_our_words(words):
        return _on_clones(function, vectors, mask)


ABOUT_WEIGHTS = {
    "as parameter": (
        "a tensor or number cannot take the place of a layer's weight or bias (`cannot assign ... as parameter`). "
        "Write *into* the layer: `nn.init.normal_(head.weight, ...)`, or `head.weight.copy_(...)` under "
        "`torch.no_grad()`."
    ),
    "leaf Variable": (
        "torch follows what is done to a weight, and refuses this change: put the line under `with torch.no_grad():`, "
        "or use `nn.init.normal_`, which needs no such line."
    ),
}
ABOUT_MODELS = {
    "shapes cannot be multiplied": (
        "the vectors do not fit the head. Use the `encoder` and the `head` that the function is given, not "
        "`run_encoder` or `tiny_head` from the cells above, and leave the H numbers in the last dimension."
    ),
    "tuple indices must be": "the encoder returns an output with several parts; the vectors are in `.last_hidden_state`.",
    "_Output": "the encoder's whole output was used as if it were a tensor; its vectors are in `.last_hidden_state`.",
    "only one element tensors": "`math.tanh` and `float` take a single number; `torch.tanh` takes a whole tensor.",
}


@contextmanager
def _in_our_words(words):
    """An error of torch, put into the chapter's words: {a part of the error's message: what to tell the learner}."""
    try:
        yield
    except Mistake as mistake:
        for part, message in words.items():
            if part in str(mistake):
                raise Mistake(message) from None
        raise


def _as_tensor(result, shape):
    """The learner's numbers as a tensor, whether they returned a tensor, an array or lists."""
    if isinstance(result, torch.Tensor):
        return result.detach().float()
    try:
        return torch.tensor(plain(result), dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"return a tensor of shape {shape}; you returned {kind(result)}, {show(result)}.") from None


def _same_tensor(these, those):
    return these.shape == those.shape and torch.allclose(these, those.float(), atol=1e-5)


def _compare(result, want, what, wrong, shapes):
    """Raise `Mistake` unless result equals want.

    Args:
        what: the vectors that are wanted, in words.
        wrong: {message: what a typical mistake gives}.
        shapes: {the shape that another mistake gives: message}.
    """
    likely = [
        *((numbers, message) for message, numbers in wrong.items()),
        *((lambda result, shape=shape: result.shape == shape, message) for shape, message in shapes.items()),
    ]
    diagnose(result, want, likely, otherwise=_difference(result, want, what), same=_same_tensor)


def _difference(result, want, what):
    if result.shape != want.shape:
        return f"the result should have shape {_shape(want)}, one vector a text; yours has {_shape(result)}."
    rows = enumerate(zip(result, want, strict=True))
    other = [(n, yours, right) for n, (yours, right) in rows if not _same_tensor(yours, right)]
    return "".join(f"for text {n} {what} is {_numbers(b)}; yours is {_numbers(a)}." for n, a, b in other[:1])


def _shape(tensor):
    return str(tuple(tensor.shape))


def _numbers(tensor):
    return str([round(number, 3) for number in tensor.flatten().tolist()])


@contextmanager
def _own_random_numbers():
    """Whatever is drawn inside, or seeded, leaves torch's random numbers outside as they were."""
    with torch.random.fork_rng(devices=[]):
        yield
