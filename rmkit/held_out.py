"""What a model may be measured on: rankings that hold a pair, and whose prompts it was not trained on (chapter 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from rmkit.checks import check_one_of, check_whole
from rmkit.errors import InputError
from rmkit.rankings import Ranking, Rankings
from rmkit.sketches import seen_before, sketch


def check_arguments(data: Any, batch_size: int, seen: str, **others: Any) -> Rankings:
    """The data as `Rankings`; `InputError` if an argument of `evaluate` or `compare` cannot work.

    >>> check_arguments("toy", batch_size=32, seen="refuse")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: data is the text 'toy'; load it first: rmkit.load_rankings('toy')
    """
    check_one_of("seen", seen, ["refuse", "skip", "measure"])
    check_whole("batch_size", batch_size, what="number of texts")
    for name, value in {"data": data, **others}.items():
        if isinstance(value, str):
            text = _excerpt(value)
            raise InputError(f"{name} is the text {text!r}; load it first: rmkit.load_rankings({text!r})")
    return data if isinstance(data, Rankings) else Rankings(data)


def leave_out_seen(
    model: Any, data: Rankings, training: Iterable[Ranking | str] | None, seen: str
) -> tuple[Rankings, int | None]:
    """The data without what is to be skipped, and how many of its prompts the model was trained on, None if unknown.

    Args:
        model: `model.seen` holds the sketches of its training prompts, or None.
        training, seen: see `rmkit.evaluate`.

    Raises:
        InputError: if a prompt was trained on and `seen` is "refuse".
    """
    sketches = [] if model.seen is None else [model.seen]
    if training is not None:
        sketches.append(sketch(_prompts(training)))
    if not sketches:
        return data, None
    similarity = dict(seen_before(data.prompts, np.concatenate(sketches)))  # by position
    if similarity and seen == "refuse":
        first = min(similarity)
        raise InputError(
            f"{len(similarity)} of {len(data)} rankings have a prompt that the model was trained on, or nearly the "
            f'same one; the first is number {first + 1}, "{_excerpt(data[first].prompt)}"; measure on others, or say '
            'seen="skip" (--seen skip) to leave them out, or "measure" to see how well it knows them by heart'
        )
    if seen == "skip":
        return _without(data, similarity), 0
    return data, len({data[position].prompt for position in similarity})


def leave_out_measured(data: Rankings, calibration: Rankings, seen: str) -> Rankings:
    """The calibration data without the prompts that are measured on.

    Raises:
        InputError: if there are such prompts and `seen` is not "skip", or no pair is left.
    """
    similarity = dict(seen_before(calibration.prompts, sketch(data.prompts)))  # by position
    if similarity and seen != "skip":
        first = min(similarity)
        raise InputError(
            f"{len(similarity)} of {len(calibration)} rankings of the calibration data have a prompt that is "
            f'measured on, the first is number {first + 1}, "{_excerpt(calibration[first].prompt)}"; fit the '
            'temperature on other prompts, or say seen="skip" (--seen skip) to leave these out'
        )
    left = _without(calibration, similarity)
    if not left.n_pairs:
        raise InputError(
            "the calibration data holds no pair to fit a temperature on: it is empty, or every ranking is a tie"
        )
    return left


def with_pairs(data: Rankings, n_rankings: int) -> list[Ranking]:
    """The rankings that hold a pair, of the data that is left of `n_rankings`; `InputError` if there is none.

    >>> with_pairs(Rankings([Ranking("Tie?", ["yes", "no"], ranks=[0, 0])]), n_rankings=1)
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: the data holds no pair to measure on: it is empty, or every ranking is a tie
    """
    rankings = [ranking for ranking in data if ranking.pairs()]
    if not rankings:
        why = "it is empty, or every ranking is a tie"
        if len(data) < n_rankings:
            rest = ", and the rest are ties" if len(data) else ""
            why = f"{n_rankings - len(data)} of {n_rankings} rankings were trained on and skipped{rest}"
        raise InputError(f"the data holds no pair to measure on: {why}")
    return rankings


def _prompts(training: Iterable[Ranking | str]) -> list[str]:
    prompts = [item.prompt if isinstance(item, Ranking) else item for item in training]
    for prompt in prompts:
        if not isinstance(prompt, str):
            raise InputError(f"training holds a {type(prompt).__name__}; it must be rankings or prompts")
    return prompts


def _without(data: Rankings, positions: Iterable[int]) -> Rankings:
    return Rankings([ranking for position, ranking in enumerate(data) if position not in positions])


def _excerpt(text: str) -> str:
    """The first 60 characters or so of a text, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
