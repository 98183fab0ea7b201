"""The shapes that preference data come in, recognized by their columns (chapter 1).

`SHAPES` lists all that are known. Nothing is guessed: rows that fit no shape, or more than one, are refused, and so is
a row whose field is wrong. The message names the field.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from rmkit.checks import is_number
from rmkit.conversations import read_conversations, read_transcripts
from rmkit.errors import InputError, kind_of, quote_names
from rmkit.fields import check_text, get_field, ranking_fields


def _ranking(row):
    """Our own format: `responses` best first, `ranks` where some of them are tied."""
    used = ("prompt", "responses", "ranks")
    return ranking_fields(row, get_field(row, "prompt"), get_field(row, "responses"), row.get("ranks"), used=used)


def _pair(row):
    """A preference pair, as text or as TRL's lists of messages."""
    prompt, chosen, rejected = get_field(row, "prompt"), get_field(row, "chosen"), get_field(row, "rejected")
    if isinstance(chosen, list) or isinstance(rejected, list):
        return read_conversations(row)
    fields = ("chosen", "rejected")
    return ranking_fields(row, prompt, (chosen, rejected), names=fields, used=("prompt", *fields))


def _votes(row):
    """Annotators' verdicts on two responses: 1, 2, or 0 for a tie. More than half of them decide, also for a tie.

    The prompt is the instruction, followed by a blank line and the input if there is any. `info["votes"]`
    keeps the verdicts, in the file's numbering: 1 is its `response1`.

    Source: PandaLM, Wang et al. 2023, arXiv:2306.05087
    """
    instruction, extra = get_field(row, "instruction"), row.get("input")
    extra = "" if extra is None else extra
    for field, value in (("instruction", instruction), ("input", extra)):
        if not isinstance(value, str):
            raise InputError(f'field "{field}" is {kind_of(value)}; it must be text')
    prompt = "\n\n".join(part for part in (instruction, extra) if part.strip())
    get_field(row, "annotator1")
    voters = sorted((name for name in row if re.fullmatch(r"annotator\d+", name)), key=lambda name: int(name[9:]))
    votes = [_code(row[name], name, {1: "the first", 2: "the second", 0: "a tie"}) for name in voters]
    winner, count = Counter(votes).most_common(1)[0]
    if 2 * count <= len(votes):
        raise InputError(f"no majority among the annotators' votes {', '.join(map(str, votes))}")
    names = ("response2", "response1") if winner == 2 else ("response1", "response2")
    responses, ranks = [get_field(row, name) for name in names], (0, 1) if winner else (0, 0)
    used = ("instruction", "input", *names, *voters)
    return ranking_fields(row, prompt, responses, ranks, "instruction", names, used, votes=votes)


SCORES = ("fine-grained_score", "overall_score", "score")


def _scored(row):
    """Completions with a score each; a higher score is better, and equal scores are a tie.

    The score is the first of `SCORES` that every completion of the row has; `info["score_field"]` says which, and
    `info["scores"]` keeps them, parallel to the responses. The finer score comes first because it is the mean over the
    four aspects rated, and because 2,628 overall scores of the first release were wrong (see the data set's README).

    Source: UltraFeedback, Cui et al. 2023, arXiv:2310.01377, and github.com/OpenBMB/UltraFeedback
    """
    prompt, completions = get_field(row, "instruction"), get_field(row, "completions")
    is_list = isinstance(completions, list) and all(isinstance(completion, dict) for completion in completions)
    if not is_list or len(completions) < 2:
        raise InputError('field "completions" must be a list of two or more objects with a "response" and a score')
    score = next((name for name in SCORES if all(is_number(completion.get(name)) for completion in completions)), None)
    if score is None:
        raise InputError(f'field "completions" has no score for all of its responses; known are {quote_names(SCORES)}')
    order = sorted(range(len(completions)), key=lambda k: -completions[k][score])  # equal scores keep their order
    responses, scores = [completions[k].get("response") for k in order], [completions[k][score] for k in order]
    ranks = [sorted(set(scores), reverse=True).index(value) for value in scores]
    names = [f"completions[{k}].response" for k in order]
    used = ("instruction", "completions")
    return ranking_fields(row, prompt, responses, ranks, "instruction", names, used, score_field=score, scores=scores)


def _shp(row):
    """Two comments on a post, with `labels` 1 if A was preferred and 0 if B was. `info` keeps `labels` and the rest.

    Source: Stanford Human Preferences, Ethayarajh et al. 2022, huggingface.co/datasets/stanfordnlp/SHP
    """
    label = _code(get_field(row, "labels"), "labels", {1: "A is preferred", 0: "B is preferred"})
    names = ("human_ref_A", "human_ref_B") if label else ("human_ref_B", "human_ref_A")
    responses, used = [get_field(row, name) for name in names], ("history", *names)
    return ranking_fields(row, get_field(row, "history"), responses, prompt_field="history", names=names, used=used)


def _code(value, field, codes):
    """A whole number out of `codes`; CSV has only text, so "1" counts as 1."""
    number = int(value) if isinstance(value, str) and value.strip() in ("0", "1", "2") else value
    if not is_number(number) or number not in codes:
        meanings = ", ".join(f"{code} ({meaning})" for code, meaning in codes.items())
        raise InputError(f'field "{field}" is {kind_of(value)}; it must be one of {meanings}')
    return int(number)


SHAPES = {  # name: (the columns that it must have, how to read a row)
    "rankings": (("prompt", "responses"), _ranking),
    "pairs": (("prompt", "chosen", "rejected"), _pair),
    "conversations": (("chosen", "rejected"), read_conversations),
    "transcripts": (("chosen", "rejected"), read_transcripts),
    "votes": (("instruction", "response1", "response2", "annotator1"), _votes),
    "scored completions": (("instruction", "completions"), _scored),
    "SHP": (("history", "human_ref_A", "human_ref_B", "labels"), _shp),
}
PUBLISHED = ("transcripts", "votes", "scored completions", "SHP")  # others' data: the reader cannot fix a bad row


def recognize(rows: Sequence[Any]) -> str:
    """The name in `SHAPES` of the shape that `rows`, a list, have by their columns.

    Two shapes have only the columns `chosen` and `rejected`. If the first row holds text there, the rows are
    transcripts; if it holds a list of messages, they are conversations. With a `prompt` both kinds of row count as
    pairs.

    >>> recognize([{"prompt": "2 + 2?", "chosen": "4", "rejected": "5", "author": "me"}])
    'pairs'
    >>> question = "\\n\\nHuman: 2 + 2?\\n\\nAssistant:"
    >>> recognize([{"chosen": question + " 4", "rejected": question + " 5"}])
    'transcripts'
    >>> recognize([{"question": "2 + 2?", "chosen": "4"}])                                      # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: unknown columns: found "question", "chosen"; known are rankings (prompt, responses), ...
    """
    columns = dict.fromkeys(chain.from_iterable(row for row in rows if isinstance(row, dict)))
    fitting = [name for name, (needed, _) in SHAPES.items() if set(needed) <= set(columns)]
    if "pairs" in fitting:
        fitting = [name for name in fitting if name not in ("conversations", "transcripts")]
    if fitting == ["conversations", "transcripts"]:
        first = next(row["chosen"] for row in rows if isinstance(row, dict) and "chosen" in row)
        fitting = ["conversations" if isinstance(first, list) else "transcripts"]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(f"{name} ({', '.join(needed)})" for name, (needed, _) in SHAPES.items())
    problem = f"columns of more than one shape, {' and '.join(fitting)}" if fitting else "unknown columns"
    raise InputError(f"{problem}: found {quote_names(columns) or 'none'}; known are {known}")


def read_row(row: Any, shape: str) -> dict[str, Any]:
    """The fields of a ranking, as a dict for `Ranking(**fields)`, or `InputError` naming the field that is wrong.

    >>> read_row({"prompt": "2 + 2?", "chosen": "4", "rejected": "5", "author": "me"}, "pairs")
    {'prompt': '2 + 2?', 'responses': ('4', '5'), 'ranks': (0, 1), 'info': {'author': 'me'}}
    """
    return SHAPES[shape][1](_object(row))


def read_answer(row: Any) -> tuple[str, str]:
    """`(prompt, response)` of a row that holds one response, to be scored, or `InputError` naming the field.

    >>> read_answer({"prompt": "2 + 2?", "response": "4", "author": "me"})
    ('2 + 2?', '4')
    """
    row = _object(row)
    return check_text(get_field(row, "prompt"), "prompt"), check_text(get_field(row, "response"), "response")


def _object(row):
    if not isinstance(row, dict):
        raise InputError(f"the row is {kind_of(row)}; it must be an object with named fields")
    return row
