"""Checks of settings. Each raises `InputError` in a sentence that names the setting and what would be right."""

import math
import os
import tempfile
from numbers import Real
from pathlib import Path
from typing import Any

from rmkit.errors import InputError


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; True and False are not numbers.

    >>> is_number(0.5), is_number(True), is_number(float("nan")), is_number("1")
    (True, False, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_whole(name: str, value: Any, least: int | None = 1, most: int | None = None, what: str = "number") -> None:
    """Raise `InputError` unless `value` is a whole number from `least` to `most`; True and False are not numbers.

    Args:
        least, most: the bounds, which are allowed; None leaves a side open.
        what: the unit, in words: "number of rows".

    >>> check_whole("limit", 3)
    >>> check_whole("limit", True, what="number of rows")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: limit is True; it must be a whole number of rows, 1 or more
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or (least is not None and value < least) or (most is not None and value > most):
        bounds = f" from {least} to {most}" if most is not None else f", {least} or more" if least is not None else ""
        raise InputError(f"{name} is {value!r}; it must be a whole {what}{bounds}")


def check_share(name: str, value: Any, of: str = "", inside: bool = False) -> None:
    """Raise `InputError` unless `value` is a number from 0 to 1, or with `inside` strictly between the two.

    Args:
        of: what it is a share of, in words: "of the prompts".

    >>> check_share("test", 1.5, "of the prompts", inside=True)
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: test is 1.5; it must be a share of the prompts, above 0 and below 1
    """
    fits = is_number(value) and (0 < value < 1 if inside else 0 <= value <= 1)
    if not fits:
        bounds = "above 0 and below 1" if inside else "from 0 to 1"
        raise InputError(f"{name} is {value!r}; it must be a share{f' {of}' if of else ''}, {bounds}")


def check_positive(name: str, value: Any, example: str) -> None:
    """Raise `InputError` unless `value` is a finite number above 0.

    >>> check_positive("lr", 0, "1e-4")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: lr is 0; it must be a number above 0, such as 1e-4
    """
    if not is_number(value) or value <= 0:
        raise InputError(f"{name} is {value!r}; it must be a number above 0, such as {example}")


def check_one_of(name: str, value: Any, choices: list) -> None:
    """Raise `InputError` unless `value` is one of `choices`.

    >>> check_one_of("seen", "ignore", ["refuse", "skip", "measure"])
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: seen is 'ignore'; it must be 'refuse', 'skip' or 'measure'
    """
    if value not in choices:
        *others, last = map(repr, choices)
        raise InputError(f"{name} is {value!r}; it must be {', '.join(others)} or {last}")


def check_new_file(name: str | os.PathLike | None, endings: list[str]) -> None:
    """Raise `InputError` unless a file of that name can be made: its ending is known, it is new, its folder takes it.

    None, for no file, passes.

    >>> check_new_file("card.txt", [".md"])
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: card.txt: the name must end in .md
    """
    if name is None:
        return
    path = Path(name)
    if not path.name.lower().endswith(tuple(endings)):
        raise InputError(f"{name}: the name must end in {' or '.join(endings)}")
    if os.path.lexists(path):  # also a link that leads nowhere
        raise InputError(f"{name}: exists already; choose another name, or delete it")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise InputError(f"{name}: cannot be written; choose a folder that you may write to")


def check_output_folder(output: Any) -> None:
    """Raise `InputError` unless `output` is the name of a folder that exists and takes new files, or that can be made.

    Nothing is left behind, not even an empty folder.

    >>> check_output_folder("")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: the output folder has no name; name the folder to write the files to
    """
    if not isinstance(output, str | os.PathLike) or "\0" in str(output):
        raise InputError(f"output is {output!r}; it must be the name of a folder")
    if not str(output).strip():
        raise InputError("the output folder has no name; name the folder to write the files to")
    folder = Path(output).absolute()
    try:
        if folder.is_file():
            raise InputError(f"output folder '{output}': is a file; choose another folder, or delete it")
        nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise InputError(
            f"output folder '{output}': cannot be written ({error.strerror}); choose a folder that you may write to"
        ) from None


def check_new_folder(output: Any) -> None:
    """Raise `InputError` unless a folder of that name can be made, or is there, is empty and takes new files.

    >>> check_new_folder(".")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: output folder '.': exists and is not empty; choose another folder, or delete it
    """
    check_output_folder(output)
    if os.path.isdir(output) and os.listdir(output):
        raise InputError(f"output folder '{output}': exists and is not empty; choose another folder, or delete it")
