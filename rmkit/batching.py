"""From rankings to the tensors of a forward pass (chapters 1 and 4)."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch

from rmkit.checks import check_whole
from rmkit.encoders import text_ends
from rmkit.rankings import Ranking, side_by_side

WINDOW = 50  # batches that `length_buckets` sorts together


class Encoded(NamedTuple):
    """A text as token ids, and how many tokens of its prompt and of its response did not fit."""

    ids: list[int]
    cut_prompt: int
    cut_response: int


class Cut(NamedTuple):
    """How many texts lost tokens: any at all (`texts`), and some of the response (`responses`)."""

    texts: int
    responses: int


class Batch(NamedTuple):
    """Rankings side by side: N responses in all, T tokens in the longest text."""

    input_ids: torch.Tensor  # (N, T)
    attention_mask: torch.Tensor  # (N, T), 1 for a token, 0 for padding
    sizes: list[int]  # G numbers that sum to N: how many responses each ranking has
    ranks: list[int]  # N numbers: 0 is best within its ranking


def encode(tokenizer: Any, prompt: str, response: str, max_length: int = 256) -> Encoded:
    """Prompt and response as one text, "[CLS] prompt response [SEP]", in at most `max_length` tokens.

    A text that is too long loses the *start of the prompt*, so that the response, which is what we score, stays whole.
    Only a response that is too long by itself loses its end. Both losses are counted. Everything in `rmkit` that scores
    a text reads it through this function. A decoder's text begins and ends with that model's own tokens
    (`rmkit.encoders.text_ends`).

    Raises:
        InputError: if `max_length` leaves no room for a token of the text.

    >>> from rmkit.encoders import load_tokenizer
    >>> tokenizer = load_tokenizer()
    >>> text = encode(tokenizer, "What is the capital of France?", "Paris is.", max_length=8)
    >>> tokenizer.convert_ids_to_tokens(text.ids), text.cut_prompt, text.cut_response
    (['[CLS]', 'of', 'france', '?', 'paris', 'is', '.', '[SEP]'], 4, 0)
    """
    return encode_many(tokenizer, [prompt], [response], max_length)[0]


def encode_many(
    tokenizer: Any, prompts: Sequence[str], responses: Sequence[str], max_length: int = 256
) -> list[Encoded]:
    """`encode` for many texts at once; prompts and responses are lists of equal length.

    >>> from rmkit.encoders import load_tokenizer
    >>> [len(text.ids) for text in encode_many(load_tokenizer(), ["2 + 2?", "Capital of Peru?"], ["4", "Lima"])]
    [7, 7]
    """
    check_whole("max_length", max_length, least=3, what="number of tokens, including [CLS] and [SEP]")
    if not len(prompts):
        return []
    begin, end = text_ends(tokenizer)
    room = max_length - len(begin) - len(end)
    # Most prompts occur K times, once a response: tokenize each only once.
    prompt_ids = dict(zip(dict.fromkeys(prompts), _tokenize(tokenizer, dict.fromkeys(prompts)), strict=True))
    # BERT's tokenizer ignores the space; others do not.
    response_ids = _tokenize(tokenizer, [f" {response}" for response in responses])
    encoded = []
    for prompt, ids in zip(prompts, response_ids, strict=True):
        response = ids[:room]
        prompt = prompt_ids[prompt]
        kept = prompt[max(0, len(prompt) - (room - len(response))) :]
        text = [*begin, *kept, *response, *end]
        encoded.append(Encoded(text, len(prompt) - len(kept), len(ids) - len(response)))
    return encoded


def encode_rankings(rankings: Sequence[Ranking], tokenizer: Any, max_length: int = 256) -> list[list[Encoded]]:
    """A list of `Encoded` for each ranking, in the order of its responses.

    >>> from rmkit.encoders import load_tokenizer
    >>> encoded = encode_rankings([Ranking("2 + 2?", ["4", "5", "22"]), Ranking("1?", ["2", "3"])], load_tokenizer())
    >>> [len(texts) for texts in encoded]
    [3, 2]
    """
    texts = iter(encode_many(tokenizer, *side_by_side(rankings), max_length))
    return [[next(texts) for _ in ranking.responses] for ranking in rankings]


def pad(texts: Sequence[list[int]], pad_id: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of token ids as one tensor, filled up on the right to the longest: (N, T) ids and (N, T) mask.

    >>> ids, mask = pad([[101, 7, 102], [101, 102]])
    >>> ids.tolist(), mask.tolist()
    ([[101, 7, 102], [101, 102, 0]], [[1, 1, 1], [1, 1, 0]])
    """
    longest = max(len(ids) for ids in texts)
    input_ids = torch.tensor([ids + [pad_id] * (longest - len(ids)) for ids in texts])  # (N, T)
    attention_mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in texts])  # (N, T)
    return input_ids, attention_mask


def collate(rankings: Sequence[Ranking], tokenizer: Any, max_length: int = 256) -> Batch:
    """Rankings as one padded batch: K responses are K rows of one forward pass, never K(K-1).

    >>> from rmkit.encoders import load_tokenizer
    >>> rankings = [Ranking("Capital of Peru?", ["Lima", "Cusco", "Rome"]), Ranking("2 + 2?", ["4", "5"])]
    >>> batch = collate(rankings, load_tokenizer())
    >>> batch.input_ids.shape, batch.sizes, batch.ranks
    (torch.Size([5, 8]), [3, 2], [0, 1, 2, 0, 1])
    """
    return collate_encoded(rankings, encode_rankings(rankings, tokenizer, max_length), tokenizer.pad_token_id)


def collate_encoded(rankings: Sequence[Ranking], encoded: Sequence[Sequence[Encoded]], pad_id: int) -> Batch:
    """`collate` for rankings whose texts are tokenized already, as `encode_rankings` returns them."""
    input_ids, attention_mask = pad([text.ids for texts in encoded for text in texts], pad_id)
    sizes = [len(ranking) for ranking in rankings]
    ranks = [rank for ranking in rankings for rank in ranking.ranks]
    return Batch(input_ids, attention_mask, sizes, ranks)


def length_buckets(
    lengths: Sequence[int], batch_size: int, generator: torch.Generator | None = None
) -> list[list[int]]:
    """Batches of positions in which lengths are alike, so that little is padded.

    The order is drawn at random, cut into windows of `WINDOW` batches, sorted by length within each window and cut into
    batches, and the batches are shuffled. The result is still random and needs almost no padding. Without a generator
    everything is sorted, as scoring needs it.

    Args:
        lengths: a number for each item.
        batch_size: items in a batch; the last batch may hold fewer.

    >>> length_buckets([9, 1, 8, 2, 7], batch_size=2)
    [[1, 3], [4, 2], [0]]
    """
    check_whole("batch_size", batch_size, what="number of items")
    n = len(lengths)
    if generator is None:
        order = sorted(range(n), key=lengths.__getitem__)
        return [order[i : i + batch_size] for i in range(0, n, batch_size)]
    order = torch.randperm(n, generator=generator).tolist()
    batches = []
    for start in range(0, n, WINDOW * batch_size):
        chunk = sorted(order[start : start + WINDOW * batch_size], key=lengths.__getitem__)
        batches += [chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


def count_cut(encoded: Iterable[Encoded]) -> Cut:
    """How many of these texts, a flat list of `Encoded`, were cut at all, and how many lost part of the response.

    >>> count_cut([Encoded([101, 7, 102], 0, 0), Encoded([101, 8, 102], 4, 0), Encoded([101, 9, 102], 2, 1)])
    Cut(texts=2, responses=1)
    """
    lost = [(text.cut_prompt, text.cut_response) for text in encoded]
    return Cut(sum(any(tokens) for tokens in lost), sum(response > 0 for _, response in lost))


def _tokenize(tokenizer, texts):
    return tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
