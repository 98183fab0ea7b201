"""The engine that names a mistake: compute what typical mistakes give, find the learner's answer, say its sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

from rmkit.course.exercises._values import plain


class Mistake(Exception):
    """What is wrong with the learner's function, in one or two sentences that say what to look at."""


def equal(got: Any, want: Any, rel: float = 0.0, near: float = 1e-6) -> bool:
    """Whether two answers agree up to rounding: numbers, and lists, tuples, tensors, arrays and dicts of numbers.

    Args:
        got: the learner's answer.
        want: an answer to compare it with.
        rel: the difference that is allowed, as a share of the number.
        near: the difference that is allowed beside that.

    >>> equal((0.1 + 0.2, [1]), [0.3, (1,)]), equal([0.3], 0.3), equal(math.nan, 0.3)
    (True, False, False)
    """
    got, want = plain(got), plain(want)
    if isinstance(got, list) and isinstance(want, list):
        return len(got) == len(want) and all(equal(a, b, rel, near) for a, b in zip(got, want, strict=True))
    if isinstance(got, dict) and isinstance(want, dict):
        return got.keys() == want.keys() and all(equal(got[key], want[key], rel, near) for key in got)
    if isinstance(got, Real) and isinstance(want, Real):
        return math.isclose(got, want, rel_tol=rel, abs_tol=near)
    return type(got) is type(want) and got == want


class Either(tuple):
    """Several answers that stand for the same mistake; write it with `either`."""


def either(*answers: Any) -> Either:
    """Several answers for one sentence of `diagnose`.

    >>> diagnose(3, 4, [(either(2, 3), "count again.")])
    Traceback (most recent call last):
        ...
    rmkit.course.exercises._engine.Mistake: count again.
    """
    return Either(answers)


def diagnose(
    got: Any,
    want: Any,
    likely: Iterable[tuple[Any, str]] = (),
    *,
    otherwise: str = "the answer is not right.",
    here: str = "",
    same: Callable[[Any, Any], bool] = equal,
) -> None:
    """Return when `got` is `want`; else raise `Mistake` with the sentence of the first likely mistake that gives `got`.

    Args:
        got: the learner's answer.
        want: the right one.
        likely: a row for each mistake, (answer, sentence). The answer is what the mistake gives, `either(...)` for
            several such answers, a function that says of `got` whether it is this mistake, or None, which is no
            answer at all (for a mistake that is none in this case).
        otherwise: the sentence when none of them fits.
        here: which case was tried, put in front of the sentence.
        same: when two answers are the same.

    >>> diagnose(0.5, 0.5)
    >>> likely = [(2.0, "that is the sum; divide by 4."), (lambda got: got < 0, "a share is never below 0.")]
    >>> diagnose(2.0, 0.5, likely, here="For 2 of 4")
    Traceback (most recent call last):
        ...
    rmkit.course.exercises._engine.Mistake: For 2 of 4 that is the sum; divide by 4.
    """
    if same(got, want):
        return
    sentence = next((sentence for answer, sentence in likely if _is_it(got, answer, same)), otherwise)
    raise Mistake(f"{here} {sentence}".strip())


def _is_it(got: Any, answer: Any, same: Callable[[Any, Any], bool]) -> bool:
    if answer is None:
        return False
    if isinstance(answer, Either):
        return any(_is_it(got, item, same) for item in answer)
    return bool(answer(got)) if callable(answer) else bool(same(got, answer))


def faults(beginning: str, items: list[str]) -> str:
    """One fault in a sentence, several as a list.

    >>> faults("Your test misses", ["a wrong sign."])
    'Your test misses a wrong sign.'
    >>> print(faults("Your test misses", ["a wrong sign.", "a missing mean."]))
    Your test misses
    - a wrong sign.
    - a missing mean.
    """
    return f"{beginning} {items[0]}" if len(items) == 1 else "\n".join([beginning, *(f"- {item}" for item in items)])
