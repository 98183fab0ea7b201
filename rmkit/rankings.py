"""Preference data: one idea, the ranking, carries all of it (chapter 1)."""

from __future__ import annotations

import hashlib
import json
import os
import random
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil, comb
from pathlib import Path
from statistics import median
from typing import Any, overload

from rmkit.checks import check_share, check_whole
from rmkit.errors import InputError
from rmkit.fields import check_ranking
from rmkit.files import json_line, whole_file
from rmkit.intervals import wilson
from rmkit.shapes import recognize


@dataclass(frozen=True)
class Ranking:
    """A prompt and two or more responses to it, best first.

    `ranks` runs parallel to `responses`: 0 is best, a larger number is worse, equal numbers are a tie. Left out, every
    response beats the next. A preference pair is a ranking of two. `info` holds everything else that is
    known about the row (its domain, its source, ...).

    Raises `InputError` if there are fewer than two responses, one is empty or not text, two are the same, or `ranks`
    does not run parallel to `responses`.

    >>> ranking = Ranking("What is the capital of France?", ["Paris", "Lyon", "London"], ranks=[0, 1, 1])
    >>> len(ranking)
    3
    >>> ranking.pairs()          # Lyon and London are tied, so they are no pair
    [(0, 1), (0, 2)]
    """

    prompt: str
    responses: Sequence[str]
    ranks: Sequence[int] = None  # type: ignore[assignment]  # __post_init__ fills it
    info: dict = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        checked = check_ranking(self.prompt, self.responses, self.ranks)
        for name, value in zip(("prompt", "responses", "ranks"), checked, strict=True):
            object.__setattr__(self, name, value)  # how a frozen dataclass sets its own fields

    def __len__(self) -> int:
        """K, the number of responses."""
        return len(self.responses)

    def pairs(self) -> list[tuple[int, int]]:
        """All (better, worse) positions in `responses`, ties left out: at most K(K-1)/2 of them."""
        return [(i, j) for i in range(len(self)) for j in range(i + 1, len(self)) if self.ranks[i] < self.ranks[j]]


@dataclass(frozen=True)
class Refused:
    """A row of a file that could not be used: its number (its line, in JSON Lines), and why."""

    row: int
    reason: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"


class Rankings(Sequence[Ranking]):
    """A data set: a sequence of `Ranking`, where a slice is a data set again.

    `refused` lists the rows of the source that were left out, each with its reason. It belongs to the source as a
    whole: slices and the two sides of a split start with none.

    >>> data = Rankings([Ranking(f"question {n}", ["good", "bad"]) for n in range(10)])
    >>> data
    Rankings: 10 prompts, 10 pairs
    >>> len(data), len(data[:3]), data[0].prompt
    (10, 3, 'question 0')
    >>> train, test = data.split(test=0.2, seed=0)
    >>> len(train), len(test), set(train.prompts) & set(test.prompts)
    (8, 2, set())
    """

    def __init__(self, rankings: Iterable[Ranking], refused: Iterable[Refused] = ()) -> None:
        self._rankings, self.refused = list(rankings), list(refused)
        for number, ranking in enumerate(self._rankings):
            if not isinstance(ranking, Ranking):
                raise InputError(f"item {number} is a {type(ranking).__name__}; Rankings takes a list of Ranking")

    def __len__(self) -> int:
        return len(self._rankings)

    @overload
    def __getitem__(self, index: int) -> Ranking: ...

    @overload
    def __getitem__(self, index: slice) -> Rankings: ...

    def __getitem__(self, index: int | slice) -> Ranking | Rankings:
        return Rankings(self._rankings[index]) if isinstance(index, slice) else self._rankings[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rankings) and self._rankings == other._rankings

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Rankings: {len(set(self.prompts))} prompts, {self.n_pairs} pairs"

    @property
    def prompts(self) -> list[str]:
        """The prompts of the rankings, in order."""
        return [ranking.prompt for ranking in self]

    @property
    def n_pairs(self) -> int:
        """How many (better, worse) pairs the rankings hold, ties left out."""
        return sum(len(ranking.pairs()) for ranking in self)

    def split(self, test: float = 0.2, seed: int = 0) -> tuple[Rankings, Rankings]:
        """Two data sets, `(train, test)`, that share no prompt; about `test` of the prompts are on the second side.

        All rankings of a prompt stay together, and prompts that differ only in case or spacing count as the same
        prompt, so that nothing the model is tested on was seen in training. The sides depend on the prompts and the
        seed alone, not on the order of the rows. Each side has at least one prompt.

        Raises `InputError` if `test` is not between 0 and 1, `seed` is not a whole number, or there are fewer than two
        prompts.
        """
        check_share("test", test, "of the prompts", inside=True)
        check_whole("seed", seed, least=None)
        keys = sorted({prompt_key(prompt) for prompt in self.prompts})
        if len(keys) < 2:
            raise InputError(f"a split needs two different prompts or more, and this data set has {len(keys)}")
        random.Random(seed).shuffle(keys)
        held_out = set(keys[: min(max(round(test * len(keys)), 1), len(keys) - 1)])
        sides: tuple[list[Ranking], list[Ranking]] = [], []
        for ranking in self:
            sides[prompt_key(ranking.prompt) in held_out].append(ranking)
        return Rankings(sides[0]), Rankings(sides[1])

    def save(self, path: str | os.PathLike) -> None:
        """Write the rankings as JSON Lines, whole or not at all; `load_rankings(path)` reads them again.

        Each key of `info` becomes a column. A value that JSON cannot hold, such as a date, is written as text; NaN and
        infinity are written as null.
        """
        path = Path(path)
        if path.suffix.lower() not in (".jsonl", ".ndjson"):
            raise InputError(f"{path}: rankings are saved as JSON Lines, so the name must end in .jsonl")
        if not self:
            raise InputError(f"{path}: there are no rankings to save")
        rows = [_row(ranking) for ranking in self]
        recognize(rows)  # refuses info that would make the file look like another shape
        lines = [json_line(row) for row in rows]
        try:
            with whole_file(path, "wb") as file:
                file.writelines(lines)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror or error}") from None

    def describe(self, tokenizer: Any = None, max_length: int = 512) -> dict[str, Any]:
        """What is in the data, as a dict that JSON can hold.

        - `n_prompts` counts different prompts, `n_rankings` all of them, `n_ties` tied pairs, `k` rankings by length.
        - `longest_wins` and `shortest_wins`: how often the better response of a pair is the longer or the shorter
          response, in characters; a pair of equal length counts half.
        - `repeated_prompts` counts rankings whose prompt was there before (case and spacing aside, as in `split`),
          `repeated_rankings` those that were there before as a whole.
        - `words`, and with a tokenizer `tokens`: the spread of lengths. A text of tokens is prompt, space and response,
          as a model reads it; `n_over` of the `n` texts are longer than `max_length`.
        - `refused` lists rows that were left out, each with its reason, and `n_refused` counts them.

        >>> data = Rankings([Ranking("2 + 2?", ["4", "five"]), Ranking("2  + 2?", ["four", "22"])])
        >>> summary = data.describe()
        >>> summary["n_prompts"], summary["repeated_prompts"], summary["k"], summary["longest_wins"]["value"]
        (2, 1, {'2': 2}, 0.5)
        """
        check_whole("max_length", max_length, what="number of tokens")
        pairs = [(ranking.responses[i], ranking.responses[j]) for ranking in self for i, j in ranking.pairs()]
        longer = sum((len(better) > len(worse)) + (len(better) == len(worse)) / 2 for better, worse in pairs)
        summary = {
            "n_prompts": len(set(self.prompts)),
            "n_rankings": len(self),
            "n_pairs": len(pairs),
            "k": {str(k): n for k, n in sorted(Counter(map(len, self)).items())},
            "n_ties": sum(comb(len(ranking), 2) for ranking in self) - len(pairs),
            "n_refused": len(self.refused),
            "longest_wins": wilson(longer, len(pairs)).to_dict(),
            "shortest_wins": wilson(len(pairs) - longer, len(pairs)).to_dict(),
            "repeated_prompts": len(self) - len(set(map(prompt_key, self.prompts))),
            "repeated_rankings": len(self) - len(set(self)),
            "words": {"prompt": _words(self.prompts), "response": _words(side_by_side(self)[1])},
            "refused": [asdict(refused) for refused in self.refused],
        }
        return summary if tokenizer is None else summary | {"tokens": _tokens(self, tokenizer, max_length)}


def prompt_key(prompt: str) -> str:
    """A prompt without case, spacing and variants of the same character: prompts with equal keys count as the same.

    >>> prompt_key("What  is\\na TORT?")
    'what is a tort?'
    """
    return " ".join(unicodedata.normalize("NFKC", prompt).casefold().split())


def side_by_side(rankings: Iterable[Ranking]) -> tuple[list[str], list[str]]:
    """The prompt and the response of every text, in order: two lists of N, for rankings that hold N responses in all.

    >>> side_by_side([Ranking("2 + 2?", ["4", "5"]), Ranking("3 + 3?", ["6", "7"])])
    (['2 + 2?', '2 + 2?', '3 + 3?', '3 + 3?'], ['4', '5', '6', '7'])
    """
    prompts = [ranking.prompt for ranking in rankings for _ in ranking.responses]
    return prompts, [response for ranking in rankings for response in ranking.responses]


def fingerprint(rankings: Iterable[Ranking]) -> str:
    """A short hash of the texts and ranks of a data set: the same rows in the same order have the same hash.

    >>> fingerprint([Ranking("2 + 2?", ["4", "5"])])
    '826782909c18'
    """
    rows = [[ranking.prompt, ranking.responses, ranking.ranks] for ranking in rankings]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:12]


def _row(ranking):
    taken = {"prompt", "responses", "ranks"} & set(ranking.info)
    if taken:
        raise InputError(f'info has the key "{min(taken)}", which is a column of the rankings format; rename it')
    ranks = {} if len(set(ranking.ranks)) == len(ranking) else {"ranks": ranking.ranks}
    return {"prompt": ranking.prompt, "responses": ranking.responses, **ranks, **ranking.info}


def _words(texts):
    return _spread([len(text.split()) for text in texts])


def _tokens(rankings, tokenizer, max_length):
    texts = [" ".join(text) for text in zip(*side_by_side(rankings), strict=True)]
    ids = tokenizer(texts, truncation=False, padding=False, verbose=False)["input_ids"] if texts else []
    lengths = [len(text) for text in ids]
    n_over = sum(length > max_length for length in lengths)
    return {**_spread(lengths), "n": len(lengths), "max_length": max_length, "n_over": n_over}


def _spread(lengths):
    """Minimum, median, 95th percentile (the smallest length that 95% do not exceed) and maximum."""
    if not lengths:
        return dict.fromkeys(("min", "median", "p95", "max"))
    ordered = sorted(lengths)
    return {
        "min": ordered[0],
        "median": median(ordered),
        "p95": ordered[ceil(0.95 * len(ordered)) - 1],
        "max": ordered[-1],
    }
