"""Right and wrong answers to the exercises of chapter 2: {exercise: (check, right answers, wrong answers)}."""

import math

import torch
from torch import nn

from rmkit.course.exercises.value_head import (
    check_compute_rewards,
    check_make_head,
    check_pool_cls,
    check_pool_last,
    check_pool_mean,
    solution_compute_rewards,
    solution_make_head,
    solution_pool_cls,
    solution_pool_last,
    solution_pool_mean,
)

# 2.1 Pool [CLS]


def cls_by_loop(vectors):
    return torch.stack([text[0] for text in vectors])


def cls_as_lists(vectors):
    return [text[0] for text in vectors.tolist()]


def cls_by_select(vectors):
    return vectors.select(1, 0)


def cls_in_place(vectors):
    vectors[:, 1:] = 0
    return vectors.sum(dim=1)


RIGHT_CLS = [solution_pool_cls, cls_by_loop, cls_as_lists, cls_by_select]
WRONG_CLS = {
    "first text": (lambda vectors: vectors[0], "first *text*"),
    "one vector": (lambda vectors: vectors[0, 0], "of the first text only"),
    "first number": (lambda vectors: vectors[:, :, 0], "first *number*"),
    "from 1": (lambda vectors: vectors[:, 1], "count from 0"),
    "last": (lambda vectors: vectors[:, -1], "last position"),
    "mean": (lambda vectors: vectors.mean(dim=1), "the mean"),
    "keeps dim": (lambda vectors: vectors[:, :1], "still there"),
    "transposed": (lambda vectors: vectors[:, 0].T, "swapped"),
    "flat": (lambda vectors: vectors[:, 0].flatten(), "should have shape"),
    "other numbers": (lambda vectors: vectors[:, 0] + 1, "for text 0"),
    "text": (lambda vectors: "[CLS]", "you returned a str"),
    "in place": (cls_in_place, "you changed the tensor"),
}

# 2.2 Draw the head


def head_by_randn(hidden, seed):
    head = nn.Linear(hidden, 1)
    torch.manual_seed(seed)
    head.weight = nn.Parameter(torch.randn(1, hidden) * (hidden + 1) ** -0.5)
    head.bias.data.zero_()
    return head


def head_by_data(hidden, seed):
    generator = torch.Generator().manual_seed(seed)
    head = nn.Linear(hidden, 1)
    head.weight.data.normal_(0, (1 / (hidden + 1)) ** 0.5, generator=generator)
    nn.init.constant_(head.bias, 0.0)
    return head


def head_by_no_grad(hidden, seed):
    torch.manual_seed(seed)
    head = nn.Linear(hidden, 1)
    with torch.no_grad():
        head.weight.copy_(torch.normal(0, 1 / math.sqrt(hidden + 1), size=(1, hidden)))
        head.bias *= 0
    return head


def drawn(spread, draw=torch.randn, options=None):
    """A way of making a head: how it is spread, from hidden; and what else is done differently."""

    def make_head(hidden, seed):
        torch.manual_seed(seed)
        head = nn.Linear(hidden, 1, **(options or {}))
        head.weight.data = draw(1, hidden) * spread(hidden)
        if head.bias is not None:
            nn.init.zeros_(head.bias)
        return head

    return make_head


def right_spread(hidden):
    return 1 / math.sqrt(hidden + 1)


def default_head(hidden, seed):
    torch.manual_seed(seed)
    head = nn.Linear(hidden, 1)
    nn.init.zeros_(head.bias)
    return head


def default_bias(hidden, seed):
    head = solution_make_head(hidden, seed)
    head.bias.data.fill_(0.01 * (seed + 1))
    return head


def unseeded(hidden, seed):
    head = nn.Linear(hidden, 1)
    nn.init.normal_(head.weight, std=right_spread(hidden))
    nn.init.zeros_(head.bias)
    return head


def frozen(hidden, seed):
    return solution_make_head(hidden, seed).requires_grad_(False)


def uniform(*shape):
    return (2 * torch.rand(*shape) - 1) * math.sqrt(3)


def constant_head(hidden, seed):
    head = solution_make_head(hidden, seed)
    head.weight.data = torch.full((1, hidden), 0.1 * (seed + 1))
    return head


def flat_head(hidden, seed):
    head = solution_make_head(hidden, seed)
    head.weight = nn.Parameter(head.weight[0].detach())
    return head


def assigned_head(hidden, seed):
    head = nn.Linear(hidden, 1)
    head.weight = torch.randn(1, hidden)
    return head


def followed_head(hidden, seed):
    head = nn.Linear(hidden, 1)
    head.weight.copy_(torch.randn(1, hidden))
    return head


RIGHT_HEADS = [solution_make_head, head_by_randn, head_by_data, head_by_no_grad]
WRONG_HEADS = {
    "std = variance": (drawn(lambda hidden: 1 / (hidden + 1)), "That is the *variance*"),
    "as it comes": (default_head, "as `nn.Linear` draws them by itself"),
    "std 1": (drawn(lambda hidden: 1.0), "whatever `hidden` is"),
    "std 0.02": (drawn(lambda hidden: 0.02), "BERT's number"),
    "xavier": (drawn(lambda hidden: math.sqrt(2 / (hidden + 1))), "xavier"),
    "sqrt(hidden)": (drawn(lambda hidden: 1 / math.sqrt(hidden)), "1 / sqrt(hidden);"),
    "times sqrt": (drawn(lambda hidden: math.sqrt(hidden + 1)), "it should be"),
    "half for few": (drawn(lambda hidden: 1 / math.sqrt(hidden + 1 + (hidden == 3) * 4)), "should be 0.50"),
    "rand": (drawn(right_spread, draw=torch.rand), "not centered on 0"),
    "uniform": (drawn(right_spread, draw=uniform), "look uniform"),
    "all equal": (constant_head, "all weights are equal"),
    "bias drawn": (default_bias, "the bias is not 0"),
    "no bias": (drawn(right_spread, options={"bias": False}), "has no bias"),
    "no seed": (unseeded, "is the seed used"),
    "fixed seed": (lambda hidden, seed: solution_make_head(hidden, 0), "as a fixed number"),
    "swapped": (lambda hidden, seed: nn.Linear(1, hidden), "inputs first"),
    "two outputs": (lambda hidden, seed: nn.Linear(hidden, 2), "gives one, the reward"),
    "weights only": (lambda hidden, seed: solution_make_head(hidden, seed).weight, "return an nn.Linear"),
    "with tanh": (lambda hidden, seed: nn.Sequential(solution_make_head(hidden, seed), nn.Tanh()), "tanh comes when"),
    "flat weight": (flat_head, "must keep its shape"),
    "frozen": (frozen, "must be trainable"),
    "assigned": (assigned_head, "*into* the layer"),
    "followed": (followed_head, "torch follows"),
}


# 2.3 From tokens to rewards


def rewards_by_position(encoder, head, input_ids, attention_mask):
    vectors = encoder(input_ids, attention_mask)[0]
    return torch.tanh(head(vectors[:, 0, :])[:, 0])


def rewards_by_hand(encoder, head, input_ids, attention_mask):
    vectors = encoder(input_ids=input_ids, attention_mask=attention_mask)["last_hidden_state"]
    return (vectors[:, 0] @ head.weight[0] + head.bias).tanh()


def rewards_of_all_tokens(encoder, head, input_ids, attention_mask):
    return head(encoder(input_ids, attention_mask=attention_mask).last_hidden_state).tanh()[:, 0].flatten()


def pooled_by(pool, finish=lambda raw: torch.tanh(raw).squeeze(-1), masked=True):
    """A way of computing rewards: how it pools, what it does with the head's output, whether it passes the mask on."""

    def compute_rewards(encoder, head, input_ids, attention_mask):
        output = encoder(input_ids, attention_mask) if masked else encoder(input_ids)
        return finish(head(pool(output.last_hidden_state)))

    return compute_rewards


def first(vectors):
    return vectors[:, 0]


def without_gradient(encoder, head, input_ids, attention_mask):
    with torch.no_grad():
        return solution_compute_rewards(encoder, head, input_ids, attention_mask)


def rewards_in_place(encoder, head, input_ids, attention_mask):
    rewards = solution_compute_rewards(encoder, head, input_ids, attention_mask)
    input_ids *= attention_mask
    attention_mask[:, 0] = 0
    return rewards


def mean_pooled(encoder, head, input_ids, attention_mask):
    vectors = encoder(input_ids, attention_mask).last_hidden_state
    return torch.tanh(head(solution_pool_mean(vectors, attention_mask))).squeeze(-1)


RIGHT_REWARDS = [solution_compute_rewards, rewards_by_position, rewards_by_hand, rewards_of_all_tokens]
WRONG_REWARDS = {
    "no tanh": (pooled_by(first, lambda raw: raw.squeeze(-1)), "before tanh"),
    "sigmoid": (pooled_by(first, lambda raw: torch.sigmoid(raw).squeeze(-1)), "sigmoids"),
    "clamp": (pooled_by(first, lambda raw: raw.squeeze(-1).clamp(-1, 1)), "cutting off"),
    "keeps dim": (pooled_by(first, torch.tanh), "`.squeeze(-1)`"),
    "squeeze()": (pooled_by(first, lambda raw: torch.tanh(raw).squeeze()), "a single text"),
    "no mask": (pooled_by(first, masked=False), "was not given the attention mask"),
    "mean of all": (pooled_by(lambda vectors: vectors.mean(dim=1)), "padding included"),
    "other numbers": (pooled_by(first, lambda raw: torch.tanh(raw).squeeze(-1) + 0.1), "yours are"),
    "mean of tokens": (mean_pooled, "pool the mean"),
    "last": (pooled_by(lambda vectors: vectors[:, -1]), "last position, which is padding"),
    "tanh first": (pooled_by(lambda vectors: vectors[:, 0].tanh(), lambda raw: raw.squeeze(-1)), "before the head"),
    "tanh twice": (pooled_by(lambda vectors: vectors[:, 0].tanh()), "tanh is taken twice"),
    "no pooling": (pooled_by(lambda vectors: vectors), "every *token*"),
    "no head": (
        lambda encoder, head, input_ids, attention_mask: (
            encoder(input_ids, attention_mask).last_hidden_state[:, 0].tanh()
        ),
        "has not turned them",
    ),
    "no bias": (
        lambda encoder, head, ids, mask: (encoder(ids, mask).last_hidden_state[:, 0] @ head.weight[0]).tanh(),
        "bias is left out",
    ),
    "one number": (pooled_by(first, lambda raw: torch.tanh(raw).mean()), "you return a single number"),
    "sign": (pooled_by(first, lambda raw: -torch.tanh(raw).squeeze(-1)), "turned around"),
    "no gradient": (without_gradient, "no gradient can flow"),
    "whole output": (lambda encoder, head, input_ids, attention_mask: encoder(input_ids), "whole output"),
    "row": (pooled_by(first, lambda raw: torch.tanh(raw).T), "the rewards have shape"),
    "in place": (rewards_in_place, "you changed the token ids"),
    "first text": (pooled_by(lambda vectors: vectors[0]), "first *text*"),
    "another head": (lambda encoder, head, ids, mask: nn.Linear(3, 1)(encoder(ids).last_hidden_state), "`tiny_head`"),
    "output indexed": (lambda encoder, head, ids, mask: head(encoder(ids, mask)[:, 0]), "`.last_hidden_state`"),
    "output to head": (lambda encoder, head, ids, mask: head(encoder(ids, mask)), "`.last_hidden_state`"),
    "math.tanh": (pooled_by(first, math.tanh), "`torch.tanh` takes a whole tensor"),
}


# 2.4 Mean pooling


def mean_by_loop(vectors, attention_mask):
    return torch.stack([text[mask == 1].mean(dim=0) for text, mask in zip(vectors, attention_mask, strict=True)])


def mean_by_einsum(vectors, attention_mask):
    share = attention_mask / attention_mask.sum(dim=1, keepdim=True)
    return torch.einsum("nt,nth->nh", share, vectors)


def mean_by_nan(vectors, attention_mask):
    return vectors.masked_fill(attention_mask[:, :, None] == 0, torch.nan).nanmean(dim=1)


def mean_in_place(vectors, attention_mask):
    vectors[attention_mask == 0] = 0
    return vectors.sum(dim=1) / attention_mask.sum(dim=1, keepdim=True)


def masked(vectors, attention_mask):
    return vectors * attention_mask.unsqueeze(-1)


def tokens(attention_mask):
    return attention_mask.sum(dim=1, keepdim=True)


RIGHT_MEANS = [solution_pool_mean, mean_by_loop, mean_by_einsum, mean_by_nan]
WRONG_MEANS = {
    "padding": (lambda vectors, mask: vectors.mean(dim=1), "averaged in with the text"),
    "over T": (lambda vectors, mask: masked(vectors, mask).mean(dim=1), "you divide by T"),
    "sum": (lambda vectors, mask: masked(vectors, mask).sum(dim=1), "that is the sum of the vectors"),
    "sum of all": (lambda vectors, mask: vectors.sum(dim=1), "sum over all positions, padding included"),
    "batch's tokens": (lambda vectors, mask: masked(vectors, mask).sum(dim=1) / mask.sum(), "whole *batch*"),
    "texts": (lambda vectors, mask: masked(vectors, mask).sum(dim=1) / len(mask), "number of texts"),
    "inverted": (lambda vectors, mask: solution_pool_mean(vectors, 1 - mask), "the wrong way round"),
    "mask in the count only": (lambda vectors, mask: vectors.sum(dim=1) / tokens(mask), "must go from the sum"),
    "[CLS]": (lambda vectors, mask: vectors[:, 0], "vector of [CLS]"),
    "over texts": (lambda vectors, mask: vectors.mean(dim=0), "average over the texts"),
    "over numbers": (lambda vectors, mask: vectors.mean(dim=2), "inside each vector"),
    "one mean": (lambda vectors, mask: vectors[mask.bool()].mean(dim=0), "one mean for the whole batch"),
    "max": (lambda vectors, mask: vectors.masked_fill(mask[:, :, None] == 0, -1e9).amax(dim=1), "largest value"),
    "keeps dim": (lambda vectors, mask: solution_pool_mean(vectors, mask)[:, None], "`keepdim=True`"),
    "two dimensions": (lambda vectors, mask: (vectors * mask).sum(dim=1), "third dimension"),
    "flat counts": (lambda vectors, mask: masked(vectors, mask).sum(dim=1) / mask.sum(dim=1), "the counts need shape"),
    "mask as positions": (
        lambda vectors, mask: torch.stack([text[ones].mean(dim=0) for text, ones in zip(vectors, mask, strict=True)]),
        "used as *positions*",
    ),
    "other numbers": (lambda vectors, mask: solution_pool_mean(vectors, mask) + 1, "for text 0"),
    "in place": (mean_in_place, "you changed the tensor"),
}

# 2.5 The last token


def last_by_loop(vectors, attention_mask):
    return torch.stack([text[mask.sum() - 1] for text, mask in zip(vectors, attention_mask, strict=True)])


def last_by_gather(vectors, attention_mask):
    last = (attention_mask.sum(dim=1) - 1)[:, None, None].expand(-1, 1, vectors.shape[2])
    return vectors.gather(1, last).squeeze(1)


def last_by_first_zero(vectors, attention_mask):
    return vectors[range(len(vectors)), attention_mask.argmin(dim=1) - 1]


def last_by_position(vectors, attention_mask):
    positions = torch.arange(vectors.shape[1])
    return vectors[torch.arange(len(vectors)), (attention_mask * positions).argmax(dim=1)]


def at(position):
    """A way of pooling: which position to take, from the mask."""
    return lambda vectors, mask: vectors[torch.arange(len(vectors)), position(mask)]


def same(position):
    return lambda vectors, mask: vectors[:, position(mask.sum(dim=1))]


def last_in_place(vectors, attention_mask):
    vectors[attention_mask == 0] = 0
    return vectors[torch.arange(len(vectors)), attention_mask.sum(dim=1) - 1]


RIGHT_LASTS = [solution_pool_last, last_by_loop, last_by_gather, last_by_first_zero, last_by_position]
WRONG_LASTS = {
    "[:, -1]": (lambda vectors, mask: vectors[:, -1], "last position of the row"),
    "one too early": (at(lambda mask: mask.sum(dim=1) - 2), "*before* the last"),
    "one too late": (at(lambda mask: mask.sum(dim=1)), "position after the last token"),
    "argmax": (at(lambda mask: mask.argmax(dim=1)), "that is the first token"),
    "longest": (same(lambda lengths: lengths.max() - 1), "of the longest text"),
    "shortest": (same(lambda lengths: lengths.min() - 1), "of the shortest text"),
    "first text's": (same(lambda lengths: lengths[0] - 1), "of the first text for all"),
    "no pairing": (lambda vectors, mask: vectors[:, mask.sum(dim=1) - 1], "takes, from every text"),
    "zeros": (lambda vectors, mask: masked(vectors, mask)[:, -1], "are zero"),
    "positions": (lambda vectors, mask: mask.sum(dim=1) - 1, "positions of the last tokens"),
    "among the texts": (lambda vectors, mask: vectors[mask.sum(dim=1) - 1], "among the *texts*"),
    "batch's tokens": (lambda vectors, mask: vectors[:, mask.sum() - 1], "beyond the row"),
    "keeps dim": (lambda vectors, mask: solution_pool_last(vectors, mask)[:, None], "`squeeze(1)`"),
    "other numbers": (lambda vectors, mask: solution_pool_last(vectors, mask) + 1, "for text 0"),
    "in place": (last_in_place, "you changed the tensor"),
}

EXERCISES = {
    "pool_cls": (check_pool_cls, RIGHT_CLS, WRONG_CLS),
    "make_head": (check_make_head, RIGHT_HEADS, WRONG_HEADS),
    "compute_rewards": (check_compute_rewards, RIGHT_REWARDS, WRONG_REWARDS),
    "pool_mean": (check_pool_mean, RIGHT_MEANS, WRONG_MEANS),
    "pool_last": (check_pool_last, RIGHT_LASTS, WRONG_LASTS),
}
