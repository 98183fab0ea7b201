"""The fields of a ranking, and what each of them must be (chapter 1)."""

from collections.abc import Sequence
from typing import Any

from rmkit.errors import InputError, kind_of


def check_ranking(
    prompt: Any,
    responses: Any,
    ranks: Any = None,
    prompt_field: str = "prompt",
    response_fields: Sequence[str] | None = None,
) -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    """Return `(prompt, responses, ranks)` as a ranking holds them, or raise `InputError` naming the field.

    `responses` and `ranks` come back as tuples of length K; the ranks start at 0 and leave no number out, so that
    [1, 5, 5] and [0, 1, 1] are the same. Without ranks every response beats the next.

    >>> check_ranking("2 + 2?", ["4", "five", "22"], ranks=[1, 5, 5])
    ('2 + 2?', ('4', 'five', '22'), (0, 1, 1))
    >>> check_ranking("2 + 2?", ["4", ""])
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: field "responses[1]" is empty; it must hold text
    """
    check_text(prompt, prompt_field)
    if not isinstance(responses, list | tuple):
        raise InputError(
            f'field "responses" is {kind_of(responses)}; it must be a list of two or more texts, best first'
        )
    if len(responses) < 2:
        number = "one response" if responses else "no response"
        raise InputError(f'field "responses" has {number}; a ranking needs two or more')
    fields = response_fields or [f"responses[{k}]" for k in range(len(responses))]
    seen: dict[str, str] = {}
    for field, response in zip(fields, responses, strict=True):
        key = check_text(response, field).strip()
        if key in seen:
            raise InputError(f'fields "{seen[key]}" and "{field}" hold the same text; responses must differ')
        seen[key] = field
    return prompt, tuple(responses), _dense(ranks, len(responses))


def _dense(ranks, size):
    if ranks is None:
        return tuple(range(size))
    if not isinstance(ranks, list | tuple):
        raise InputError(f'field "ranks" is {kind_of(ranks)}; it must be a list of whole numbers, or left out')
    if len(ranks) != size:
        raise InputError(f'field "ranks" has {len(ranks)} numbers for {size} responses; it must have one for each')
    for k, rank in enumerate(ranks):
        if not isinstance(rank, int) or isinstance(rank, bool):
            raise InputError(f'field "ranks[{k}]" is {kind_of(rank)}; it must be a whole number')
        if k and rank < ranks[k - 1]:
            raise InputError(f'field "ranks[{k}]" is {rank} after {ranks[k - 1]}; responses must come best first')
    place = {rank: k for k, rank in enumerate(dict.fromkeys(ranks))}
    return tuple(place[rank] for rank in ranks)


def check_text(value: Any, field: str) -> str:
    """The value of a field, or `InputError` unless it is text with at least one visible character.

    >>> check_text("4", "chosen")
    '4'
    >>> check_text(4, "chosen")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: field "chosen" is a number (4); it must be text
    """
    if not isinstance(value, str):
        raise InputError(f'field "{field}" is {kind_of(value)}; it must be text')
    if not any(char.isprintable() and not char.isspace() for char in value):
        raise InputError(f'field "{field}" is empty; it must hold text')
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = value[error.start]
        raise InputError(f'field "{field}" holds {half!a}, half of a character; it must be valid text') from None
    return value


def get_field(row: dict[str, Any], field: str) -> Any:
    """The value of a field of a row, or `InputError` if the row lacks it.

    >>> get_field({"prompt": "2 + 2?"}, "prompt")
    '2 + 2?'
    """
    if field not in row:
        raise InputError(f'field "{field}" is missing')
    return row[field]


def ranking_fields(
    row: dict[str, Any],
    prompt: Any,
    responses: Any,
    ranks: Any = None,
    prompt_field: str = "prompt",
    names: Sequence[str] | None = None,
    used: Sequence[str] = (),
    **known: Any,
) -> dict[str, Any]:
    """What `Ranking(**fields)` takes. Columns that are not in `used` go to `info`, and so does what else is `known`.

    >>> row = {"prompt": "2 + 2?", "good": "4", "bad": "5", "author": "me"}
    >>> ranking_fields(row, row["prompt"], ("4", "5"), used=("prompt", "good", "bad"))
    {'prompt': '2 + 2?', 'responses': ('4', '5'), 'ranks': (0, 1), 'info': {'author': 'me'}}
    """
    prompt, responses, ranks = check_ranking(prompt, responses, ranks, prompt_field, names)
    info = {name: value for name, value in row.items() if name not in used} | known
    return {"prompt": prompt, "responses": responses, "ranks": ranks, "info": info}
