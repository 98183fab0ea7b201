"""Preference data: one idea, the ranking, carries all of it (chapter 1)."""

import hashlib
import json
import os
import random
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from math import ceil
from pathlib import Path
from statistics import median

from rmkit.errors import InputError
from rmkit.files import json_line, whole_file
from rmkit.intervals import wilson
from rmkit.shapes import PUBLISHED, check, read_hub, read_row, read_rows, recognize

DATASETS = Path(__file__).parent / "datasets"


@dataclass(frozen=True)
class Ranking:
    """A prompt and two or more responses to it, best first.

    `ranks` runs parallel to `responses`: 0 is best, a larger number is worse, equal numbers are a tie. Left out, every
    response beats the next. A preference pair is a ranking of two. `info` holds whatever else is known about the row
    (its domain, its source, ...).

    Raises `InputError` if there are fewer than two responses, one is empty or not text, two are the same, or `ranks`
    does not run parallel to `responses`.

    >>> ranking = Ranking("What is the capital of France?", ["Paris", "Lyon", "London"], ranks=[0, 1, 1])
    >>> len(ranking)
    3
    >>> ranking.pairs()          # Lyon and London are tied, so they are no pair
    [(0, 1), (0, 2)]
    """

    prompt: str
    responses: tuple[str, ...]
    ranks: tuple[int, ...] | None = None
    info: dict = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self):
        checked = check(self.prompt, self.responses, self.ranks)
        for name, value in zip(("prompt", "responses", "ranks"), checked, strict=True):
            object.__setattr__(self, name, value)  # how a frozen dataclass sets its own fields

    def __len__(self):
        """K, the number of responses."""
        return len(self.responses)

    def pairs(self):
        """All (better, worse) positions in `responses`, ties left out: at most K(K-1)/2 of them."""
        return [(i, j) for i in range(len(self)) for j in range(i + 1, len(self)) if self.ranks[i] < self.ranks[j]]


@dataclass(frozen=True)
class Refused:
    """A row of a file that could not be used: its number (its line, in JSON Lines), and why."""

    row: int
    reason: str

    def __str__(self):
        return f"row {self.row}: {self.reason}"


class Rankings(Sequence):
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

    def __init__(self, rankings, refused=()):
        self._rankings, self.refused = list(rankings), list(refused)
        for number, ranking in enumerate(self._rankings):
            if not isinstance(ranking, Ranking):
                raise InputError(f"item {number} is a {type(ranking).__name__}; Rankings takes a list of Ranking")

    def __len__(self):
        return len(self._rankings)

    def __getitem__(self, index):
        return Rankings(self._rankings[index]) if isinstance(index, slice) else self._rankings[index]

    def __eq__(self, other):
        return isinstance(other, Rankings) and self._rankings == other._rankings

    __hash__ = None

    def __repr__(self):
        return f"Rankings: {len(set(self.prompts))} prompts, {self.n_pairs} pairs"

    @property
    def prompts(self):
        """The prompts, in order, one for each ranking."""
        return [ranking.prompt for ranking in self]

    @property
    def n_pairs(self):
        """How many (better, worse) pairs the rankings hold, ties left out."""
        return sum(len(ranking.pairs()) for ranking in self)

    def split(self, test=0.2, seed=0):
        """Two data sets, `(train, test)`, that share no prompt; about `test` of the prompts are on the second side.

        All rankings of a prompt stay together, and prompts that differ only in case or spacing count as one, so that
        nothing the model is tested on was seen in training. The sides depend on the prompts and the seed alone, not on
        the order of the rows. Each side has at least one prompt.

        Raises `InputError` if `test` is not between 0 and 1 or there are fewer than two prompts.
        """
        if isinstance(test, bool) or not isinstance(test, int | float) or not 0 < test < 1:
            raise InputError(f"test is {test!r}; it must be a share of the prompts, above 0 and below 1")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InputError(f"seed is {seed!r}; it must be a whole number")
        keys = sorted({prompt_key(prompt) for prompt in self.prompts})
        if len(keys) < 2:
            raise InputError(f"a split needs two different prompts or more, and this data set has {len(keys)}")
        random.Random(seed).shuffle(keys)
        held_out = set(keys[: min(max(round(test * len(keys)), 1), len(keys) - 1)])
        sides = [], []
        for ranking in self:
            sides[prompt_key(ranking.prompt) in held_out].append(ranking)
        return Rankings(sides[0]), Rankings(sides[1])

    def save(self, path):
        """Write the rankings as JSON Lines, whole or not at all; `load_rankings(path)` reads them again.

        Each key of `info` becomes a column. What JSON cannot hold, a date for one, is written as text, and NaN and
        infinity as null, wherever they stand.
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

    def describe(self, tokenizer=None, max_length=512):
        """What is in the data, as a dict that JSON can hold.

        - `n_prompts` counts different prompts, `n_rankings` all of them, `n_ties` tied pairs, `k` rankings by length.
        - `longest_wins` and `shortest_wins`: how often the better response of a pair is the longer or the shorter one,
          in characters; a pair of equal length counts half.
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
        pairs = [(ranking.responses[i], ranking.responses[j]) for ranking in self for i, j in ranking.pairs()]
        longer = sum((len(better) > len(worse)) + (len(better) == len(worse)) / 2 for better, worse in pairs)
        responses = [response for ranking in self for response in ranking.responses]
        summary = {
            "n_prompts": len(set(self.prompts)),
            "n_rankings": len(self),
            "n_pairs": len(pairs),
            "k": {str(k): n for k, n in sorted(Counter(len(ranking) for ranking in self).items())},
            "n_ties": sum(len(ranking) * (len(ranking) - 1) // 2 - len(ranking.pairs()) for ranking in self),
            "n_refused": len(self.refused),
            "longest_wins": wilson(longer, len(pairs)).to_dict(),
            "shortest_wins": wilson(len(pairs) - longer, len(pairs)).to_dict(),
            "repeated_prompts": len(self) - len({prompt_key(prompt) for prompt in self.prompts}),
            "repeated_rankings": len(self) - len(set(self)),
            "words": {
                "prompt": _spread([len(prompt.split()) for prompt in self.prompts]),
                "response": _spread([len(response.split()) for response in responses]),
            },
            "refused": [asdict(refused) for refused in self.refused],
        }
        if tokenizer is not None:
            texts = [f"{ranking.prompt} {response}" for ranking in self for response in ranking.responses]
            ids = tokenizer(texts, truncation=False, padding=False, verbose=False)["input_ids"] if texts else []
            lengths = [len(one) for one in ids]
            over = sum(length > max_length for length in lengths)
            summary["tokens"] = {**_spread(lengths), "n": len(lengths), "max_length": max_length, "n_over": over}
        return summary


def load_rankings(source, limit=None, refused=None):
    """Load a data set: a shipped name, a file, or a data set on the Hugging Face Hub.

    - `"toy"`: a data set that comes with the package, `"course:train"` the part of one whose column `split` says so.
    - `"answers.csv"`: a file in any container and shape of `rmkit.shapes`; the book's page *Train on your own pairs*
      lists them.
    - `"hub:org/name"`, `"hub:org/name:split"`: read through the `datasets` library, split train if none is named.

    `limit` stops after so many rows. `refused` says what to do with a row that is wrong: `"raise"` an `InputError` that
    names it, or `"skip"` it and list it in `.refused`, a line that is not JSON too. By default rows are skipped only in the
    published formats of others (transcripts, votes, scored completions, SHP), where some are known to be empty or undecided
    and the reader cannot mend them. If no row is left that is an error either way, and so is a file that cannot be read.

    >>> data = load_rankings("toy")
    >>> len(data), data[3].prompt, data[3].responses
    (10, 'What is the capital of Australia?', ('Canberra', 'Sydney'))
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit is {limit!r}; it must be a whole number of rows, 1 or more")
    if refused not in (None, "skip", "raise"):
        raise InputError(f'refused is {refused!r}; it must be "skip", "raise" or None')
    rows = find_rows(source, unreadable="yield" if refused == "skip" else "raise")
    return _load(source, rows, limit, refused)


def find_rows(source, unreadable="raise"):
    """Yield `(place, row)` for each row of a source that `load_rankings` knows; see `rmkit.shapes.read_rows`.

    >>> place, row = next(find_rows("toy"))
    >>> place, sorted(row)
    (('line', 1), ['domain', 'prompt', 'responses'])
    """
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"source is a {type(source).__name__}; it must be a name, a path or hub:org/name")
    name, _, split = str(source).partition(":")
    shipped = sorted(path.stem for path in DATASETS.glob("*.jsonl"))
    if name in shipped:
        rows = read_rows(DATASETS / f"{name}.jsonl")
        yield from _part(rows, name, split) if split else rows
    elif name == "hub":
        yield from read_hub(split)
    else:
        path = Path(source).expanduser()
        if not os.path.exists(path):
            raise InputError(
                f"{source}: there is no such file, and the data sets that come with rmkit are {', '.join(shipped)}"
            )
        yield from read_rows(path, unreadable)


def _load(source, rows, limit, refused):
    """Build the rankings of `rows`, which are `((unit, number), row or InputError)`; a unit is "line" or "row"."""
    rows = list(islice(rows, limit))
    if not rows:
        raise InputError(f"{source} holds no rows")
    readable = [row for _, row in rows if not isinstance(row, InputError)]
    try:
        shape = recognize(readable) if readable else None
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    skip = refused == "skip" or (refused is None and shape in PUBLISHED)
    good, bad = [], []
    for (unit, number), row in rows:
        try:
            if isinstance(row, InputError):
                raise InputError(f"the {unit} {row}")
            good.append(Ranking(**read_row(row, shape)))
        except InputError as error:
            if not skip:
                raise InputError(f"{source}, {unit} {number}: {error}") from None
            bad.append(Refused(number, str(error)))
    if not good:
        first = f"{rows[0][0][0]} {bad[0].row}: {bad[0].reason}"
        raise InputError(f"{source}: none of the {len(bad)} rows can be used; the first is {first}")
    return Rankings(good, bad)


def _part(rows, name, split):
    """Those of the rows whose column `split` says so."""
    splits = set()
    for place, row in rows:
        splits |= {row["split"]} if "split" in row else set()
        if row.get("split") == split:
            yield place, row
    if split not in splits:
        has = f"its splits are {', '.join(sorted(splits))}" if splits else f'it has none, so write "{name}"'
        raise InputError(f'"{name}" has no split "{split}"; {has}')


def prompt_key(prompt):
    """A prompt without case, spacing and variants of the same character: prompts with equal keys count as one."""
    return " ".join(unicodedata.normalize("NFKC", prompt).casefold().split())


def side_by_side(rankings):
    """The prompt and the response of every text, in order: two lists of N, for rankings that hold N responses in all.

    >>> side_by_side([Ranking("2 + 2?", ["4", "5"]), Ranking("3 + 3?", ["6", "7"])])
    (['2 + 2?', '2 + 2?', '3 + 3?', '3 + 3?'], ['4', '5', '6', '7'])
    """
    prompts = [ranking.prompt for ranking in rankings for _ in ranking.responses]
    return prompts, [response for ranking in rankings for response in ranking.responses]


def fingerprint(rankings):
    """A short hash of the texts and ranks of a data set: the same rows in the same order, the same hash."""
    rows = [[ranking.prompt, ranking.responses, ranking.ranks] for ranking in rankings]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:12]


def _row(ranking):
    taken = {"prompt", "responses", "ranks"} & set(ranking.info)
    if taken:
        raise InputError(f'info has the key "{min(taken)}", which is a column of the rankings format; rename it')
    ranks = {} if len(set(ranking.ranks)) == len(ranking) else {"ranks": ranking.ranks}
    return {"prompt": ranking.prompt, "responses": ranking.responses, **ranks, **ranking.info}


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
