"""What can score: a model that turns token ids into rewards also scores texts and ranks them (chapters 2 and 5)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any, overload

import numpy as np
import torch

from rmkit.batching import count_cut, encode_many, length_buckets, pad
from rmkit.errors import InputError


class Scorer:
    """The half of a reward model that uses rewards; `RewardModel` and `SequenceClassifier` inherit it.

    It goes before a `torch.nn.Module` whose call turns token ids and a mask, (N, T) each, into N rewards, and which has
    `tokenizer`, `device` and `config.text_length`.

    >>> from rmkit import RewardModel, SequenceClassifier
    >>> issubclass(RewardModel, Scorer), issubclass(SequenceClassifier, Scorer)
    (True, True)
    """

    seen: np.ndarray | None = None  # sketches of the prompts it was trained on, (prompts, 128) bytes; None if unknown
    # What the module brings along.
    tokenizer: Any
    config: Any
    device: Any
    training: bool
    eval: Callable[[], Any]
    train: Callable[[bool], Any]
    __call__: Callable[..., torch.Tensor]

    @overload
    def score(self, prompt: str | Iterable[str], response: str) -> float: ...

    @overload
    def score(self, prompt: str | Iterable[str], response: list[str] | tuple[str, ...]) -> list[float]: ...

    def score(self, prompt: str | Iterable[str], response: str | Iterable[str]) -> float | list[float]:
        """The reward of a response to a prompt; for a list of responses, the list of their rewards.

        A list of prompts has one response each: `score(prompts, responses)` scores any number of different questions in
        one call, alike lengths together. For a whole file there is `rmkit.score_file`.

        A text longer than the model reads loses the start of its prompt; a response that is too long by itself loses
        its end, with a warning.

        Raises:
            InputError: if a text is empty or not valid, or the lists do not run parallel.
            FloatingPointError: if a reward is not a finite number.

        >>> from rmkit import RewardModel
        >>> len(RewardModel.from_encoder().score(["2 + 2?", "3 + 3?"], ["4", "6"]))
        2
        """
        prompts, responses = _side_by_side(prompt, response)
        encoded = encode_many(self.tokenizer, prompts, responses, self.config.text_length)
        cut = count_cut(encoded).responses
        if cut:
            warnings.warn(
                f"{cut} of {len(encoded)} responses longer than {self.config.text_length} tokens: the end was cut off "
                "and has not been read",
                stacklevel=2,
            )
        rewards = self.score_ids([text.ids for text in encoded])
        for i, reward in enumerate(rewards, 1):
            if not math.isfinite(reward):
                raise FloatingPointError(f"the model's reward of response {i} is {reward}, no finite number")
        return rewards[0] if isinstance(response, str) else rewards

    def rank(self, prompt: str, responses: str | Iterable[str]) -> list[tuple[str, float]]:
        """[(response, reward), ...], best first.

        >>> from rmkit import RewardModel
        >>> model = RewardModel.from_encoder()
        >>> ranked = model.rank("What is the capital of France?", ["London", "Paris", "Lyon"])
        >>> ranked[0][1] >= ranked[1][1] >= ranked[2][1]
        True
        """
        responses = [responses] if isinstance(responses, str) else list(responses)
        if not isinstance(prompt, str):
            raise InputError(f"prompt is {prompt!r}; rank compares responses to one prompt, which must be text")
        rewards = self.score(prompt, responses)
        return sorted(zip(responses, rewards, strict=True), key=lambda pair: -pair[1])

    @torch.no_grad()
    def score_ids(self, texts: list[list[int]], batch_size: int = 32) -> list[float]:
        """The rewards of texts that are token ids already: any number of them, alike lengths batched together.

        >>> from rmkit import RewardModel
        >>> len(RewardModel.from_encoder().score_ids([[101, 102], [101, 2375, 102]]))
        2
        """
        was_training = self.training
        self.eval()
        rewards = [0.0] * len(texts)
        for batch in length_buckets([len(ids) for ids in texts], batch_size):
            input_ids, attention_mask = pad([texts[i] for i in batch], self.tokenizer.pad_token_id)  # (N, T)
            scores = self(input_ids.to(self.device), attention_mask.to(self.device))  # (N,)
            for i, score in zip(batch, scores.float().tolist(), strict=True):
                rewards[i] = score
        self.train(was_training)
        return rewards


def _side_by_side(prompt: str | Iterable[str], response: str | Iterable[str]) -> tuple[list[str], list[str]]:
    """What `score` is given as two parallel lists of checked texts."""
    responses = [response] if isinstance(response, str) else list(response)
    texts: list[tuple[str, object]] = [("prompt", prompt)]
    prompts: list[Any] = [prompt] * len(responses)
    if isinstance(prompt, Iterable) and not isinstance(prompt, str):
        prompts = list(prompt)
        texts = [(f"prompt {i}", text) for i, text in enumerate(prompts, 1)]
        if isinstance(response, str) or len(responses) != len(prompts):
            got = "one text" if isinstance(response, str) else f"a list of {len(responses)}"
            raise InputError(f"response is {got} for a list of {len(prompts)} prompts; give each its response")
    for name, text in [*texts, *((f"response {i}", text) for i, text in enumerate(responses, 1))]:
        _check_text(name, text)
    return prompts, responses


def _check_text(name: str, text: object) -> None:
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{name} is {text!r}; it must be text with at least one visible character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{name} is {text!a}; it must be valid UTF-8") from None
