"""Where a model is right: accuracy by length, domain, tag, flaw and distance in rank (chapter 6)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from rmkit.intervals import by_prompt
from rmkit.pairs import Pairs
from rmkit.rankings import Ranking

# By how many times as long the better response of a pair is.
LENGTHS = [(0.5, "less than half as long"), (0.9, "shorter"), (1.1, "as long, to 10%"), (2, "longer")]
LENGTHS += [(math.inf, "twice as long or more")]


def accuracy_by_group(rankings: Sequence[Ranking], pairs: Pairs, right: np.ndarray) -> dict[str, list[dict]]:
    """Accuracy by what is known of the pairs: {kind: [{"name", "accuracy", "n_prompts"}]}, the largest group first.

    Args:
        rankings: G rankings.
        pairs: their `Pairs`.
        right: 1, 1/2 or 0 a pair, shape (P,); see `rmkit.measures.right`.

    >>> rankings = [Ranking("2 + 2?", ["4", "22"], info={"domain": "sums"}), Ranking("3 + 3?", ["6", "33"])]
    >>> accuracy_by_group(rankings, Pairs(rankings), np.array([1.0, 0.0]))["domain"]
    [{'name': 'sums', 'accuracy': 1.000 [0.207, 1.000], n = 1, 'n_prompts': 1}]
    """
    members: dict[tuple[str, str], list[int]] = {}  # {(kind, name): [pair, ...]}
    positions = zip(pairs.ranking.tolist(), pairs.better.tolist(), pairs.worse.tolist(), strict=True)
    for pair, (n, better, worse) in enumerate(positions):
        for key in _names(rankings[n], better - pairs.starts[n], worse - pairs.starts[n]):
            members.setdefault(key, []).append(pair)
    groups: dict[str, list[dict]] = {}
    for (kind, name), own in members.items():
        prompts = pairs.prompt_of_pair[own]
        group = {"name": name, "accuracy": by_prompt(right[own], prompts), "n_prompts": len(set(prompts.tolist()))}
        groups.setdefault(kind, []).append(group)
    orders = {"length": [name for _, name in LENGTHS].index, "distance": lambda name: int(name.split()[0])}
    for kind, of_kind in groups.items():
        order = orders.get(kind)
        of_kind.sort(key=lambda group: order(group["name"]) if order else -group["accuracy"].n)
    return groups


def _names(ranking: Ranking, i: int, j: int) -> Iterator[tuple[str, str]]:
    """The groups, as (kind, name), of the pair in which response i beats response j; names are one line of text."""
    for kind, name in _known(ranking, i, j):
        yield kind, " ".join(name.split()).encode("utf-8", "replace").decode()


def _known(ranking: Ranking, i: int, j: int) -> Iterator[tuple[str, str]]:
    info = ranking.info
    ratio = len(ranking.responses[i]) / len(ranking.responses[j])
    yield "length", next(name for most, name in LENGTHS if ratio <= most)
    if isinstance(info.get("domain"), str):
        yield "domain", info["domain"]
    tags = info.get("tags", info.get("tag"))
    tags = [tags] if isinstance(tags, str) else tags if isinstance(tags, list) else []
    for tag in dict.fromkeys(tag for tag in tags if isinstance(tag, str)):
        yield "tag", tag
    flaws = info.get("flaws")
    if isinstance(flaws, list) and len(flaws) == len(ranking) and isinstance(flaws[j], str):
        yield "flaw", flaws[j]
    if len(ranking) > 2:
        apart = ranking.ranks[j] - ranking.ranks[i]
        yield "distance", {1: "1 rank", 2: "2 ranks", 3: "3 ranks"}.get(apart, "4 ranks or more")
