"""Values that learners' functions return: shown in a sentence, named by type, unpacked to plain lists and numbers."""

from __future__ import annotations

from typing import Any


def show(value: Any) -> str:
    """`value` as Python writes it, on one line and shortened in the middle to fit into a sentence.

    >>> show([1, 2])
    '[1, 2]'
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= 90 else f"{text[:60]} ... {text[-20:]}"


def kind(value: Any) -> str:
    """The type of a value, as one would say it.

    >>> kind([]), kind(1)
    ('a list', 'an int')
    """
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"


def plain(value: Any) -> Any:
    """Tensors and arrays, inside lists, tuples and dicts too, as plain lists and numbers; everything else as it is.

    >>> import torch
    >>> plain((torch.ones(2), "a"))
    [[1.0, 1.0], 'a']
    """
    if callable(getattr(value, "tolist", None)):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value
