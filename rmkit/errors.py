"""The error that the reader can fix, and the words that its message is made of."""

from collections.abc import Iterable


class InputError(ValueError):
    """What the caller gave is wrong, and the message says how to put it right.

    The message is one sentence that names the place (the file, the row, the field), what is wrong there, and what would
    be right. The command line prints it alone, without a traceback, and exits with status 2.

    >>> raise InputError("answers.jsonl, line 7, field 'chosen': empty; write the answer that was preferred")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: answers.jsonl, line 7, field 'chosen': empty; write the answer that was preferred
    """


def kind_of(value: object) -> str:
    """What a value from a file is, in words.

    >>> [kind_of(value) for value in (42, "42", [42], None, True)]
    ['a number (42)', 'text', 'a list', 'null', 'true']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"a number ({value:.12g})" if isinstance(value, float) else f"a number ({_at_most_40(value)})"
    kinds: dict[type, str] = {str: "text", list: "a list", tuple: "a list", dict: "an object"}
    return kinds.get(type(value), f"of type {type(value).__name__}")


def quote_names(names: Iterable[object]) -> str:
    """The names of columns in quotation marks, long names shortened.

    >>> quote_names(["prompt", "chosen"])
    '"prompt", "chosen"'
    """
    return ", ".join(f'"{_at_most_40(name)}"' for name in names)


def first_line(error: BaseException) -> str:
    """The first line of another library's error message, or the name of its type if it has no message.

    >>> first_line(OSError("no such file\\nand much more"))
    'no such file'
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _at_most_40(value):
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
