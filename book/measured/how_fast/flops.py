"""How much arithmetic a step of training needs, counted from its shapes, and how fast this machine can do arithmetic at
all.

A matrix of (n, a) times one of (a, b) is n a b multiplications and as many additions: 2 n a b FLOPs. Only matrix
products are counted; all else together is well under a hundredth of them. With H the hidden size, F the inner size of
the feed-forward part, N texts of t_1 ... t_N tokens and S their sum, a layer's forward pass costs

    queries, keys, values   3 * 2 S H H          output projection   2 S H H
    feed-forward            2 * 2 S H F          attention           2 * 2 H sum(t_i^2)

The reward reads the last layer at [CLS] only. There, keys and values are still needed for every token, and the rest for
one token a text: queries and output 2 * 2 N H H, feed-forward 2 * 2 N H F, attention 2 * 2 H S. The head is 2 N H.

Backward, each product becomes two: one for the gradient of its input, one for that of its weight. Where the embeddings
are frozen, the lowest trained layer needs no gradient of its input, and so no such product for its queries, keys and
values; the frozen layers below it have no backward pass at all.
"""

import math
import time
from typing import NamedTuple

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from rmkit.packing import cls_vectors


class Shape(NamedTuple):
    """What the count depends on, of an encoder of BERT's kind."""

    layers: int
    hidden: int
    inner: int


def shape_of(encoder):
    return Shape(encoder.config.num_hidden_layers, encoder.config.hidden_size, encoder.config.intermediate_size)


def product(rows, columns_in, columns_out):
    """The FLOPs of one matrix product."""
    return 2 * rows * columns_in * columns_out


def layer(lengths, shape, cls_only=False):
    """The FLOPs of one layer's forward pass over texts of these lengths: (of queries, keys and values; of the rest)."""
    _, hidden, inner = shape
    tokens, texts = sum(lengths), len(lengths)
    outputs = texts if cls_only else tokens
    queries, keys_values = product(outputs, hidden, hidden), 2 * product(tokens, hidden, hidden)
    attention = 2 * sum(product(1 if cls_only else length, hidden, length) for length in lengths)
    rest = product(outputs, hidden, hidden) + 2 * product(outputs, hidden, inner) + attention
    return queries + keys_values, rest


def forward_flops(lengths, shape, cls_only=True):
    """The FLOPs of scoring texts of these lengths.

    >>> forward_flops([3], Shape(layers=1, hidden=2, inner=4), cls_only=False)      # 96 + 96 + 72 + 4, by hand
    268
    >>> forward_flops([3], Shape(layers=1, hidden=2, inner=4))                      # 56 + 40 + 24 + 4
    124
    """
    whole, last = sum(layer(lengths, shape)), sum(layer(lengths, shape, cls_only))
    return (shape.layers - 1) * whole + last + product(len(lengths), shape.hidden, 1)


def training_flops(lengths, shape, cls_only=True, freeze=0):
    """The FLOPs of a step on texts of these lengths: forward, and backward through what `freeze` lets change.

    Args:
        lengths: tokens of each text; for a padded batch, its width, N times.
        cls_only: compute nothing in the last layer that the reward does not depend on.
        freeze: share of the encoder that is frozen, below 1; see `RewardModel.freeze`.
    """
    frozen = math.ceil(freeze * shape.layers)
    backward = 2 * product(len(lengths), shape.hidden, 1)
    for number in range(frozen, shape.layers):
        inputs, rest = layer(lengths, shape, cls_only and number == shape.layers - 1)
        backward += 2 * (inputs + rest)
        if freeze and number == frozen:
            backward -= inputs
    return forward_flops(lengths, shape, cls_only) + backward


# --- the count, checked by torch's own


def counted_flops(model, input_ids, cls_only=False, freeze=0):
    """What `torch` counts in a forward and a backward pass over texts without padding, shape (N, T)."""
    model.freeze(freeze)
    mask = torch.ones_like(input_ids)
    with (
        FlopCounterMode(display=False) as counter,
        sdpa_kernel(SDPBackend.MATH),
    ):  # whose products torch counts one by one
        if cls_only:
            vectors = cls_vectors(model.encoder, input_ids, mask)  # (N, hidden)
        else:
            vectors = model.encoder(input_ids=input_ids, attention_mask=mask).last_hidden_state[:, 0]  # (N, hidden)
        torch.tanh(model.head(vectors)).sum().backward()
    model.zero_grad()
    return counter.get_total_flops()


# --- the limit


def gemm_shapes(shape, tokens=2048):
    """Matrix products to try: square ones, and those that the encoder itself is made of; (rows, in, out) each."""
    _, hidden, inner = shape
    squares = [(n, n, n) for n in (512, 1024, 2048)]
    return [*squares, (tokens, hidden, hidden), (tokens, hidden, inner), (tokens, inner, hidden)]


def gemm_speed(rows, columns_in, columns_out, dtype=torch.float32, seconds=0.2):
    """The FLOPs a second of one matrix product, the best of as many tries as fit into `seconds`."""
    left, right = torch.randn(rows, columns_in).to(dtype), torch.randn(columns_in, columns_out).to(dtype)
    torch.mm(left, right)
    best, end = math.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - start)
    return product(rows, columns_in, columns_out) / best


def gemm_peak(shape, dtype=torch.float32, seconds=0.2):
    """The fastest of the matrix products in `gemm_shapes`: (FLOPs a second, (rows, in, out))."""
    return max((gemm_speed(*sizes, dtype=dtype, seconds=seconds), sizes) for sizes in gemm_shapes(shape))
