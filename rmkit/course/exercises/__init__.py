"""The exercises of the book: one file a chapter, with a check and a reference solution for each.

A check takes the learner's function, tries it, and returns a `Verdict`. It never raises, whatever the function does, so
that "restart and run all" reaches the end of a notebook whose exercises are unsolved. To write one, decorate with
`check`, call the learner's function through `call`, and give `diagnose` what typical mistakes return, each with a
sentence in the learner's own terms; or raise `Mistake` with such a sentence:

>>> @check
... def check_double(function):
...     result = call(function, 4)
...     likely = [(16, "you squared the number."), (4, "the number comes back as it was.")]
...     diagnose(result, 8, likely, otherwise=f"twice 4 is 8, got {show(result)}.", here="For 4")
...     return "Twice any number."
>>> check_double(lambda number: 2 * number)
✓ Right. Twice any number.
>>> check_double(lambda number: number**2)
✗ Not yet: For 4 you squared the number.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
import traceback
from collections.abc import Callable
from typing import Any

from rmkit.course.exercises._engine import Mistake, diagnose, either, equal, faults
from rmkit.course.exercises._source import hint_of_early_return, hint_of_none, where_it_stopped
from rmkit.course.exercises._values import kind, plain, show
from rmkit.course.exercises._verdict import Verdict

__all__ = ["Mistake", "Verdict", "call", "check", "diagnose", "either", "equal", "faults", "kind", "plain", "show"]

OWN_SOLUTION = "This is the package's own solution, though: write one of your own to be sure that you can."


def check(body: Callable) -> Callable[[Callable], Verdict]:
    """Make a check out of a function that raises `Mistake`, or else returns the sentence of praise."""

    @functools.wraps(body)
    def run(function):
        try:
            praise = body(function)
        except Mistake as mistake:
            hint = hint_of_early_return(function)
            return Verdict(False, f"Not yet: {mistake}" + (f" {hint}" if hint else ""))
        return Verdict(True, f"Right. {OWN_SOLUTION if _is_own_solution(function) else praise}")

    return run


def _is_own_solution(function: Any) -> bool:
    """Whether a function is one that `reveal` shows, passed to a check as it is."""
    name, module = getattr(function, "__name__", ""), getattr(function, "__module__", None) or ""
    return name.startswith("solution_") and module.startswith(f"{__name__}.")


def call(function: Callable, *arguments: Any, in_place: bool = False) -> Any:
    """The learner's function on copies of `arguments`; whatever goes wrong there becomes a `Mistake`.

    Generators are read into a list, so that a function with `yield` is as good as one with `return`. With `in_place`
    the function gets the arguments themselves and may change them, as a step of training changes a model.
    """
    if not callable(function):
        raise Mistake(f"give the check the function itself, without calling it; this is {kind(function)}.")
    name = getattr(function, "__name__", "your function")
    given = arguments if in_place else copy.deepcopy(arguments)
    here = f"{name}({', '.join(show(argument) for argument in arguments)})"
    try:
        result = function(*given)
        if inspect.isgenerator(result):
            result = list(itertools.islice(result, 10_000))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the learner hears it in a sentence
        raise Mistake(_about_error(function, error, name, here)) from None
    if result is None:
        raise Mistake(f"{here} returned None: {hint_of_none(function) or 'is the last line missing its `return`?'}")
    if not in_place and plain(given) != plain(arguments):
        raise Mistake(
            f"{name} changed the list it was given, and whoever calls it still needs that list. `+=`, `append`, "
            "`pop`, `sort` "
            "and `shuffle` work in place; build a new list with `+` or `sorted`, or change a copy, `list(...)`."
        )
    return result


def _about_error(function: Callable, error: BaseException, name: str, here: str) -> str:
    """What to say when the learner's function stops with a Python error."""
    if isinstance(error, NotImplementedError):
        raised_in = [frame.name for frame in traceback.extract_tb(error.__traceback__)][-1]
        if raised_in not in (name, "<lambda>"):
            return f"{name} calls {raised_in}, which still waits for your code: write that first."
        return f"{name} still waits for your code. Write it in place of its last line, `raise NotImplementedError`."
    if isinstance(error, RecursionError):
        return f"{here} calls itself without end: where should it stop?"
    stopped = f"{here} stopped with {type(error).__name__}" + (f": {error}" if str(error) else "")
    stopped += "" if stopped.endswith(".") else "."
    hint = hint_of_none(function) if "NoneType" in str(error) else None
    return " ".join(filter(None, [stopped, where_it_stopped(function, error), hint]))
