"""Where rankings come from: a shipped name, a file, or a data set on the Hub (chapter 1)."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rmkit.checks import check_one_of, check_whole
from rmkit.containers import Place, read_hub, read_rows
from rmkit.errors import InputError
from rmkit.rankings import Ranking, Rankings, Refused
from rmkit.shapes import PUBLISHED, read_row, recognize

DATASETS = Path(__file__).parent / "datasets"


def load_rankings(source: str | os.PathLike, limit: int | None = None, refused: str | None = None) -> Rankings:
    """Load a data set: a shipped name, a file, or a data set on the Hugging Face Hub.

    - `"toy"`: a data set that comes with the package. `"course:train"`: its rows whose `split` is "train".
    - `"answers.csv"`: a file in any container of `rmkit.containers` and any shape of `rmkit.shapes`; the book's page
      *Train on your own pairs* lists them.
    - `"hub:org/name"`, `"hub:org/name:split"`: read through the `datasets` library; without a split, the split train.

    Args:
        limit: read at most this many rows.
        refused: what to do with a row that is wrong, or a line that is not JSON: `"raise"` an `InputError` that names
            it, or `"skip"` it and list it in `.refused`. By default rows are skipped only in the published formats of
            others (transcripts, votes, scored completions, SHP), where some rows are known to be empty or undecided and
            the reader cannot fix them.

    Raises:
        InputError: if a setting or a row is wrong, no row is left, or the source cannot be read.

    >>> data = load_rankings("toy")
    >>> len(data), data[3].prompt, data[3].responses
    (10, 'What is the capital of Australia?', ('Canberra', 'Sydney'))
    """
    if limit is not None:
        check_whole("limit", limit, what="number of rows")
    check_one_of("refused", refused, ["skip", "raise", None])
    rows = find_rows(source, unreadable="yield" if refused == "skip" else "raise")
    return _load(source, rows, limit, refused)


def find_rows(source: str | os.PathLike, unreadable: str = "raise") -> Iterator[tuple[Place, Any]]:
    """Yield `(place, row)` for each row of a source that `load_rankings` knows; see `rmkit.containers.read_rows`.

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
    """The rows whose column `split` holds this value."""
    splits = set()
    for place, row in rows:
        splits |= {row["split"]} if "split" in row else set()
        if row.get("split") == split:
            yield place, row
    if split not in splits:
        has = f"its splits are {', '.join(sorted(splits))}" if splits else f'it has none, so write "{name}"'
        raise InputError(f'"{name}" has no split "{split}"; {has}')
