"""Baselines: what rules, people and the same model half blind get on the pairs that are measured on (chapter 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rmkit import measures
from rmkit.batching import encode_many
from rmkit.intervals import Estimate, wilson
from rmkit.pairs import Pairs
from rmkit.rankings import Ranking, Rankings, side_by_side
from rmkit.sharing import score_together
from rmkit.shortcuts import bag_of_words


def rules_and_annotators(rankings: Sequence[Ranking], pairs: Pairs) -> dict[str, Estimate]:
    """What needs no model: a coin, the longest, the shortest, and where the data has votes its annotators.

    Returns:
        {"chance", "longest", "shortest", "annotators", "ceiling"}, the last two as far as the votes allow; see
        `Report`.

    >>> rankings = [Ranking("2 + 2?", ["4", "22"]), Ranking("3 + 3?", ["6", "33"])]
    >>> {name: baseline.value for name, baseline in rules_and_annotators(rankings, Pairs(rankings)).items()}
    {'chance': 0.5, 'longest': 0.0, 'shortest': 1.0}
    """
    lengths = torch.tensor([len(response) for ranking in rankings for response in ranking.responses])  # (N,)
    baselines = {
        "chance": wilson(len(pairs) / 2, len(pairs)),
        "longest": pairs.accuracy(lengths),
        "shortest": pairs.accuracy(-lengths),
    }
    known = [ranking.info.get("votes") for ranking in rankings if len(ranking) == 2]
    votes = [v for v in known if isinstance(v, list) and len(v) > 1 and all(verdict in (0, 1, 2) for verdict in v)]
    if votes:
        baselines["annotators"] = measures.agreement(votes)
        if len({len(verdicts) for verdicts in votes}) == 1 and len(votes[0]) % 2:
            baselines["ceiling"] = measures.ceiling(baselines["annotators"], len(votes[0]))
    return baselines


def blind_scores(model: Any, rankings: Sequence[Ranking], pairs: Pairs, batch_size: int) -> dict[str, Estimate]:
    """What the same model gets without the prompt, and without the response's words; and what words alone get.

    Returns:
        {"prompt_blind", "response_blind", "bag_of_words"}, the last one if there are prompts enough.
    """
    prompts, responses = side_by_side(rankings)
    mask = model.tokenizer.mask_token or "x"  # decoders have none
    masked = [" ".join(mask for _ in response.split()) for response in responses]
    baselines = {}
    for name, texts in {"prompt_blind": ([""] * len(prompts), responses), "response_blind": (prompts, masked)}.items():
        encoded = encode_many(model.tokenizer, *texts, model.config.text_length)
        baselines[name] = pairs.accuracy(score_together(model, [text.ids for text in encoded], batch_size))
    words = bag_of_words(Rankings(rankings))
    return baselines | ({"bag_of_words": words} if words else {})
