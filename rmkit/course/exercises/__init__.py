"""The exercises of the book: one file a chapter, with a check and a reference solution for each.

A check takes the learner's function, tries it, and returns a `Verdict`. It never raises, whatever the function does, so
that "restart and run all" reaches the end of a notebook whose exercises are unsolved. To write one, decorate with `check`,
call the learner's function through `call`, and raise `Mistake` with a sentence in the learner's own terms:

>>> @check
... def check_double(function):
...     result = call(function, 4)
...     if result == 16:
...         raise Mistake("you squared the number: twice 4 is 8, not 16.")
...     if result != 8:
...         raise Mistake(f"twice 4 is 8, got {show(result)}.")
...     return "Twice any number."
>>> check_double(lambda number: 2 * number)
Right. Twice any number.
>>> check_double(lambda number: number**2)
Not yet: you squared the number: twice 4 is 8, not 16.
"""

import copy
import functools
import inspect
import itertools
import textwrap
import traceback
from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check found. It prints as its message, in lines fit for a page, and is true when the exercise is solved.

    >>> verdict = Verdict(False, "Not yet: the pairs are the wrong way round.")
    >>> verdict, bool(verdict)
    (Not yet: the pairs are the wrong way round., False)
    """

    passed: bool
    message: str

    def __repr__(self):
        return textwrap.fill(self.message, 78, break_long_words=False, break_on_hyphens=False)  # the width of a page

    def __bool__(self):
        return self.passed


class Mistake(Exception):
    """What is wrong with the learner's function, in one or two sentences that say what to look at."""


def check(body):
    """Make a check out of a function that raises `Mistake`, or else returns the sentence of praise."""

    @functools.wraps(body)
    def run(function):
        try:
            return Verdict(True, f"Right. {body(function)}")
        except Mistake as mistake:
            return Verdict(False, f"Not yet: {mistake}")

    return run


def call(function, *arguments, in_place=False):
    """The learner's function on copies of `arguments`; whatever goes wrong there becomes a `Mistake`.

    Generators are read into a list, so that a function with `yield` is as good as one with `return`. With `in_place` the
    function gets the arguments themselves and may change them, as a step of training changes a model.
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
    except NotImplementedError as error:
        raised_in = [frame.name for frame in traceback.extract_tb(error.__traceback__)][-1]
        if raised_in not in (name, "<lambda>"):
            raise Mistake(f"{name} calls {raised_in}, which still waits for your code: write that first.") from None
        raise Mistake(
            f"{name} still waits for your code. Write it in place of its last line, `raise NotImplementedError`."
        ) from None
    except RecursionError:
        raise Mistake(f"{here} calls itself without end: where should it stop?") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the learner hears it in a sentence
        raise Mistake(f"{here} stopped with {type(error).__name__}: {error}") from None
    if result is None:
        raise Mistake(f"{here} returned None: is the last line missing its `return`?")
    if not in_place and plain(given) != plain(arguments):
        raise Mistake(
            f"{name} changed the list it was given, and whoever calls it still needs that list. `+=`, `append`, `pop` "
            "and `sort` work in place; build a new list with `+` or `sorted`."
        )
    return result


def show(value):
    """`value` as Python writes it, on one line and shortened in the middle to fit into a sentence."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 90 else f"{text[:60]} ... {text[-20:]}"


def kind(value):
    """The type of a value, as one would say it: "a list", "an int"."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"


def plain(value):
    """Tensors and arrays, wherever they stand inside lists, tuples and dicts, as plain lists and numbers; all else as it is."""
    if callable(getattr(value, "tolist", None)):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value
