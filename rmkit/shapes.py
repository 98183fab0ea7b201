"""Reads preference data as it is found in the wild, and says exactly what is wrong with a row (chapter 1).

Two questions, asked one after the other. Which *container* is the file? Its suffix says: `.jsonl`, `.json`, `.csv` or
`.parquet`, any of them gzipped. Which *shape* are its rows? Their columns say, and `SHAPES` lists all that are known.
Nothing is guessed: a file that fits no shape, or more than one, is refused.
"""

import codecs
import csv
import gzip
import json
import math
import os
import re
import zlib
from collections import Counter
from itertools import chain
from pathlib import Path

from rmkit.errors import InputError

# ---------------------------------------------------------------------------------------------------------------------
# What every ranking must be
# ---------------------------------------------------------------------------------------------------------------------


def check(prompt, responses, ranks=None, prompt_field="prompt", response_fields=None):
    """Return `(prompt, responses, ranks)` as a ranking holds them, or raise `InputError` naming the field.

    `responses` and `ranks` come back as tuples of length K; the ranks start at 0 and leave no number out, so that
    [1, 5, 5] and [0, 1, 1] are the same. Without ranks every response beats the next.

    >>> check("2 + 2?", ["4", "five", "22"], ranks=[1, 5, 5])
    ('2 + 2?', ('4', 'five', '22'), (0, 1, 1))
    >>> check("2 + 2?", ["4", ""])
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: field "responses[1]" is empty; it must hold text
    """
    _text(prompt, prompt_field)
    if not isinstance(responses, list | tuple):
        raise InputError(f'field "responses" is {_kind(responses)}; it must be a list of two or more texts, best first')
    if len(responses) < 2:
        found = "one response" if responses else "no response"
        raise InputError(f'field "responses" has {found}; a ranking needs two or more')
    fields = response_fields or [f"responses[{k}]" for k in range(len(responses))]
    seen = {}
    for field, response in zip(fields, responses, strict=True):
        key = _text(response, field).strip()
        if key in seen:
            raise InputError(f'fields "{seen[key]}" and "{field}" hold the same text; responses must differ')
        seen[key] = field
    return prompt, tuple(responses), _dense(ranks, len(responses))


def _dense(ranks, size):
    if ranks is None:
        return tuple(range(size))
    if not isinstance(ranks, list | tuple):
        raise InputError(f'field "ranks" is {_kind(ranks)}; it must be a list of whole numbers, or left out')
    if len(ranks) != size:
        raise InputError(f'field "ranks" has {len(ranks)} numbers for {size} responses; it must have one for each')
    for k, rank in enumerate(ranks):
        if not isinstance(rank, int) or isinstance(rank, bool):
            raise InputError(f'field "ranks[{k}]" is {_kind(rank)}; it must be a whole number')
        if k and rank < ranks[k - 1]:
            raise InputError(f'field "ranks[{k}]" is {rank} after {ranks[k - 1]}; responses must come best first')
    place = {rank: k for k, rank in enumerate(dict.fromkeys(ranks))}
    return tuple(place[rank] for rank in ranks)


def _text(value, field):
    """The value, if it is text with something to read in it."""
    if not isinstance(value, str):
        raise InputError(f'field "{field}" is {_kind(value)}; it must be text')
    if not any(char.isprintable() and not char.isspace() for char in value):
        raise InputError(f'field "{field}" is empty; it must hold text')
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = value[error.start]
        raise InputError(f'field "{field}" holds {half!a}, half of a character; it must be valid text') from None
    return value


def _kind(value):
    """What a value is, in words: 'a number (42)'."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"a number ({value:.12g})" if isinstance(value, float) else f"a number ({_short(value)})"
    kinds = {str: "text", list: "a list", tuple: "a list", dict: "an object"}
    return kinds.get(type(value), f"of type {type(value).__name__}")


def _short(value):
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"


# ---------------------------------------------------------------------------------------------------------------------
# Shapes: one small function each, from a row to the fields of a ranking
# ---------------------------------------------------------------------------------------------------------------------


def _ranking(row):
    """Our own format: `responses` best first, `ranks` where some of them are tied."""
    used = ("prompt", "responses", "ranks")
    return _fields(row, _get(row, "prompt"), _get(row, "responses"), row.get("ranks"), used=used)


def _pair(row):
    """A preference pair, as text or as TRL's lists of messages."""
    prompt, chosen, rejected = _get(row, "prompt"), _get(row, "chosen"), _get(row, "rejected")
    if isinstance(chosen, list) or isinstance(rejected, list):
        return _conversation(row)
    fields = ("chosen", "rejected")
    return _fields(row, prompt, (chosen, rejected), names=fields, used=("prompt", *fields))


def _conversation(row):
    """TRL's conversational pair. The messages that both sides share belong to the prompt.

    The prompt may be a list of messages, or the text of the user's one message, or left out. A prompt of one message
    from the user is that message's text. A longer one is written out as Anthropic's transcripts are, "Human: ...",
    "Assistant: ...", a blank line between turns and "Assistant:" at the end.

    Source: huggingface.co/docs/trl/dataset_formats
    """
    chosen, rejected = _messages(_get(row, "chosen"), "chosen"), _messages(_get(row, "rejected"), "rejected")
    prompt = row.get("prompt", [])
    prompt = _messages(prompt, "prompt") if isinstance(prompt, list) else [("user", _text(prompt, "prompt"))]
    if chosen == rejected:
        raise InputError('fields "chosen" and "rejected" hold the same messages; responses must differ')
    shared = os.path.commonprefix([chosen, rejected])
    answers = {"chosen": chosen[len(shared) :], "rejected": rejected[len(shared) :]}
    if prompt not in (shared[: len(prompt)], shared[-len(prompt) :]):  # else both sides repeat the prompt
        if not chosen or chosen[0][0] != "assistant":
            raise InputError('field "chosen" neither repeats the prompt nor goes on with a message of the assistant')
        shared = prompt + shared
    if not shared:
        raise InputError('fields "chosen" and "rejected" share no first message; the prompt is what both begin with')
    for field, messages in answers.items():
        if not messages or messages[0][0] != "assistant":
            raise InputError(f'field "{field}" has no message of the assistant after what both sides share')
    one_question = [role for role, _ in shared] == ["user"]
    prompt = shared[0][1] if one_question else _transcript([*shared, ("assistant", "")])
    responses = [_transcript(messages).removeprefix("Assistant:").strip() for messages in answers.values()]
    return _fields(row, prompt, responses, names=tuple(answers), used=("prompt", *answers))


def _messages(value, field):
    if not isinstance(value, list):
        raise InputError(f'field "{field}" is {_kind(value)}; it must be a list of messages, like the other side')
    for k, message in enumerate(value):
        parts = [message.get("role"), message.get("content")] if isinstance(message, dict) else [None]
        if not all(isinstance(part, str) for part in parts):
            raise InputError(f'field "{field}[{k}]" is no message; it must be {{"role": text, "content": text}}')
    return [(message["role"], message["content"]) for message in value]


def _transcript(messages):
    speakers = {"user": "Human"}
    return "\n\n".join(f"{speakers.get(role, role.capitalize())}: {text}".strip() for role, text in messages)


def _hh(row):
    """Anthropic's transcripts: two dialogues, whose prompt is what they share up to the last "Assistant:" marker.

    Two dialogues may part before the last turn; a response then holds the rest of its dialogue. The prompt is kept to
    the letter, the response loses the blanks around it.

    Source: Bai et al. 2022, arXiv:2204.05862, and github.com/anthropics/hh-rlhf
    """
    chosen, rejected = _text(_get(row, "chosen"), "chosen"), _text(_get(row, "rejected"), "rejected")
    marker = "\n\nAssistant:"
    end = os.path.commonprefix([chosen, rejected]).rfind(marker)
    if end < 0:
        raise InputError('fields "chosen" and "rejected" share no turn that ends in "Assistant:"; that is the prompt')
    end += len(marker)
    fields = ("chosen", "rejected")
    return _fields(row, chosen[:end], (chosen[end:].strip(), rejected[end:].strip()), names=fields, used=fields)


def _votes(row):
    """Annotators' verdicts on two responses: 1, 2, or 0 for a tie. More than half of them decide, also for a tie.

    The prompt is the instruction and, where there is one, the input, a blank line between them. `info["votes"]`
    keeps the verdicts, in the file's numbering: 1 is its `response1`.

    Source: PandaLM, Wang et al. 2023, arXiv:2306.05087
    """
    instruction, extra = _get(row, "instruction"), row.get("input")
    extra = "" if extra is None else extra
    for field, value in (("instruction", instruction), ("input", extra)):
        if not isinstance(value, str):
            raise InputError(f'field "{field}" is {_kind(value)}; it must be text')
    prompt = "\n\n".join(part for part in (instruction, extra) if part.strip())
    _get(row, "annotator1")
    voters = sorted((name for name in row if re.fullmatch(r"annotator\d+", name)), key=lambda name: int(name[9:]))
    votes = [_code(row[name], name, {1: "the first", 2: "the second", 0: "a tie"}) for name in voters]
    winner, count = Counter(votes).most_common(1)[0]
    if 2 * count <= len(votes):
        raise InputError(f"no majority among the annotators' votes {', '.join(map(str, votes))}")
    names = ("response2", "response1") if winner == 2 else ("response1", "response2")
    responses, ranks = [_get(row, name) for name in names], (0, 1) if winner else (0, 0)
    used = ("instruction", "input", *names, *voters)
    return _fields(row, prompt, responses, ranks, "instruction", names, used, votes=votes)


SCORES = ("fine-grained_score", "overall_score", "score")


def _scored(row):
    """Completions with a score each: the higher, the better, and equal scores are a tie.

    The score is the first of `SCORES` that every completion of the row has; `info["score_field"]` says which, and
    `info["scores"]` keeps them, parallel to the responses. The finer score comes first because it is the mean over the
    four aspects rated, and because 2,628 overall scores of the first release were wrong (see the data set's README).

    Source: UltraFeedback, Cui et al. 2023, arXiv:2310.01377, and github.com/OpenBMB/UltraFeedback
    """
    prompt, completions = _get(row, "instruction"), _get(row, "completions")
    is_list = isinstance(completions, list) and all(isinstance(one, dict) for one in completions)
    if not is_list or len(completions) < 2:
        raise InputError('field "completions" must be a list of two or more objects with a "response" and a score')
    score = next((name for name in SCORES if all(_is_number(one.get(name)) for one in completions)), None)
    if score is None:
        raise InputError(f'field "completions" has no score for all of its responses; known are {_quoted(SCORES)}')
    order = sorted(range(len(completions)), key=lambda k: -completions[k][score])  # equal scores keep their order
    responses, scores = [completions[k].get("response") for k in order], [completions[k][score] for k in order]
    ranks = [sorted(set(scores), reverse=True).index(value) for value in scores]
    names = [f"completions[{k}].response" for k in order]
    used = ("instruction", "completions")
    return _fields(row, prompt, responses, ranks, "instruction", names, used, score_field=score, scores=scores)


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shp(row):
    """Two comments on a post, `labels` 1 if A was preferred and 0 if B was. `info` keeps `labels` and the rest.

    Source: Stanford Human Preferences, Ethayarajh et al. 2022, huggingface.co/datasets/stanfordnlp/SHP
    """
    label = _code(_get(row, "labels"), "labels", {1: "A is preferred", 0: "B is preferred"})
    names = ("human_ref_A", "human_ref_B") if label else ("human_ref_B", "human_ref_A")
    responses, used = [_get(row, name) for name in names], ("history", *names)
    return _fields(row, _get(row, "history"), responses, prompt_field="history", names=names, used=used)


def _get(row, field):
    if field not in row:
        raise InputError(f'field "{field}" is missing')
    return row[field]


def _code(value, field, codes):
    """A whole number out of `codes`; CSV has only text, so "1" counts as 1."""
    number = int(value) if isinstance(value, str) and value.strip() in ("0", "1", "2") else value
    if not _is_number(number) or number not in codes:
        meanings = ", ".join(f"{code} ({meaning})" for code, meaning in codes.items())
        raise InputError(f'field "{field}" is {_kind(value)}; it must be one of {meanings}')
    return int(number)


def _fields(row, prompt, responses, ranks=None, prompt_field="prompt", names=None, used=(), **known):
    """What `Ranking(**fields)` takes; columns that are not used go to `info`."""
    prompt, responses, ranks = check(prompt, responses, ranks, prompt_field, names)
    info = {name: value for name, value in row.items() if name not in used} | known
    return {"prompt": prompt, "responses": responses, "ranks": ranks, "info": info}


SHAPES = {  # name: (the columns that it must have, how to read a row)
    "rankings": (("prompt", "responses"), _ranking),
    "pairs": (("prompt", "chosen", "rejected"), _pair),
    "conversations": (("chosen", "rejected"), _conversation),
    "transcripts": (("chosen", "rejected"), _hh),
    "votes": (("instruction", "response1", "response2", "annotator1"), _votes),
    "scored completions": (("instruction", "completions"), _scored),
    "SHP": (("history", "human_ref_A", "human_ref_B", "labels"), _shp),
}
PUBLISHED = ("transcripts", "votes", "scored completions", "SHP")  # their readers cannot mend a bad row


def recognize(rows):
    """The name in `SHAPES` of the shape that `rows`, a list, have by their columns.

    Two shapes have no other column than `chosen` and `rejected`: where the first row holds text there, they are
    transcripts, where it holds a list of messages, conversations. With a `prompt` both kinds of row count as pairs.

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
    found = [name for name, (needed, _) in SHAPES.items() if set(needed) <= set(columns)]
    if "pairs" in found:
        found = [name for name in found if name not in ("conversations", "transcripts")]
    if found == ["conversations", "transcripts"]:
        first = next(row["chosen"] for row in rows if isinstance(row, dict) and "chosen" in row)
        found = ["conversations" if isinstance(first, list) else "transcripts"]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{name} ({', '.join(needed)})" for name, (needed, _) in SHAPES.items())
    problem = f"columns of more than one shape, {' and '.join(found)}" if found else "unknown columns"
    raise InputError(f"{problem}: found {_quoted(columns) or 'none'}; known are {known}")


def read_row(row, shape):
    """The fields of a ranking, as a dict for `Ranking(**fields)`, or `InputError` naming the field that is wrong.

    >>> read_row({"prompt": "2 + 2?", "chosen": "4", "rejected": "5", "author": "me"}, "pairs")
    {'prompt': '2 + 2?', 'responses': ('4', '5'), 'ranks': (0, 1), 'info': {'author': 'me'}}
    """
    return SHAPES[shape][1](_object(row))


def read_answer(row):
    """`(prompt, response)` of a row that holds one response, to be scored, or `InputError` naming the field.

    >>> read_answer({"prompt": "2 + 2?", "response": "4", "author": "me"})
    ('2 + 2?', '4')
    """
    row = _object(row)
    return _text(_get(row, "prompt"), "prompt"), _text(_get(row, "response"), "response")


def _object(row):
    if not isinstance(row, dict):
        raise InputError(f"the row is {_kind(row)}; it must be an object with named fields")
    return row


def _quoted(names):
    return ", ".join(f'"{_short(name)}"' for name in names)


# ---------------------------------------------------------------------------------------------------------------------
# Containers: from a file, or the Hub, to rows
# ---------------------------------------------------------------------------------------------------------------------


def read_rows(path, unreadable="raise"):
    """Yield `(place, row)` for each row of a file, from first to last; `place` is ("line", 7) or ("row", 7).

    Nothing is kept: a file of any size takes the memory of a few rows, a Parquet file that of a thousand. Only a `.json`
    array and gzipped Parquet are read as a whole.

    JSON Lines counts lines, blank ones too. CSV counts rows as a spreadsheet does, its header and empty ones too; JSON
    and Parquet count from 1. A `.json` file may hold an array or, when its first character other than a blank is "{",
    JSON Lines. What parts the cells of CSV is the comma, the semicolon or the tab, the one that its header has most of.
    Text is UTF-8, with or without a byte order mark. Gzip is recognized by its first bytes, whatever the file's name.

    Raises `InputError` if the file cannot be read to that row, and says where it stopped. With `unreadable="yield"` a
    single row that cannot be read, after which the next one can (a line that is not JSON, a row of CSV with a cell too
    many), comes as `(place, error)` instead, an `InputError` whose message goes on where the place ends: "is not ...".
    """
    path = Path(path)
    suffix = (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()
    if not os.path.exists(path):
        raise InputError(f"{path}: there is no such file")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    if suffix in SPREADSHEETS:
        raise InputError(f"{path} is a spreadsheet; open it in its program and save it as CSV, in UTF-8")
    if suffix not in CONTAINERS:
        known = ", ".join(CONTAINERS)
        raise InputError(f'{path} ends in "{suffix}"; the endings that can be read are {known}, each also with .gz')
    try:
        with open(path, "rb") as raw, gzip.open(raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw as file:
            _refuse_other_kinds(file.peek(4096)[:4096], path, suffix)
            for (unit, number), row in CONTAINERS[suffix](file, path):
                if isinstance(row, InputError) and unreadable == "raise":
                    raise InputError(f"{path}, {unit} {number} {row}")
                yield (unit, number), row
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{path} is gzipped, but damaged or cut short; compress or download it again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")

MAGIC = {
    b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"GIF8": "a GIF image", b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive, or a spreadsheet or document of an office program", b"PAR1": "Parquet",
    b"\x28\xb5\x2f\xfd": "compressed by zstd", b"BZh": "compressed by bzip2", b"\xfd7zXZ": "compressed by xz",
    b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text",
}  # fmt: skip


def _refuse_other_kinds(head, path, suffix):
    if not head:
        raise InputError(f"{path} is empty")
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if suffix == ".parquet":
        if kind != "Parquet":
            raise InputError(f"{path} looks like {kind or 'text'}; a .parquet file must hold Parquet")
    elif kind:
        raise InputError(f"{path} looks like {kind}; a {suffix} file must hold text, saved as UTF-8")
    elif b"\0" in head:
        raise InputError(f"{path} is not text; a {suffix} file must hold UTF-8 text")


def _decode(line, number):
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#04x}"
        raise InputError(f"is not valid UTF-8 ({byte}); save the file as UTF-8") from None


def _lines(file, path):
    for number, line in enumerate(file, 1):
        try:
            text = _decode(line, number)
        except InputError as error:
            raise InputError(f"{path}, line {number} {error}") from None
        yield text


def _json_lines(file, path):
    for number, line in enumerate(file, 1):
        try:
            text = _decode(line, number)
            if not text.strip():
                continue
            row = _parse(text)
        except InputError as error:
            row = error  # this row alone; `read_rows` says what becomes of it
        yield ("line", number), row


def _json(file, path):
    head = []
    for line in file:
        head.append(line)
        if line.removeprefix(codecs.BOM_UTF8).strip():
            break
    lines = chain(head, file)
    if head and head[-1].removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        yield from _json_lines(lines, path)
        return
    text = "".join(_lines(lines, path))
    value = _parse(text, path) if text.strip() else []
    if not isinstance(value, list):
        raise InputError(f"{path} holds {_kind(value)}; a .json file must hold an array of rows, or one row a line")
    yield from ((("row", number), row) for number, row in enumerate(value, 1))


def _parse(text, path=None):
    """The value of one line, or of a whole file, whose path and line an error names then."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno} " if path else ""
        raise InputError(f"{where}is not valid JSON: {error.msg}, at column {error.colno}") from None
    except (ValueError, RecursionError):
        where = f"{path} " if path else ""
        raise InputError(f"{where}is not valid JSON: a number is too long or lists are nested too deep") from None


SEPARATORS = {
    ",": "a comma",
    ";": "a semicolon",
    "\t": "a tab",
}  # where the comma is in numbers, the semicolon is usual


def _csv(file, path):
    csv.field_size_limit(2**31 - 1)  # the default, 131,072 characters, is shorter than some texts
    head, lines = [], _lines(file, path)
    for line in lines:
        head.append(line)
        if line.strip():
            break
    separator = max(SEPARATORS, key=head[-1].count) if head else ","
    reader = csv.reader(chain(head, lines), delimiter=separator, strict=True)
    rows = ((number, cells) for number, cells in enumerate(reader, 1) if any(cell.strip() for cell in cells))
    try:
        _, header = next(rows, (1, []))
        if len(set(header)) < len(header):
            raise InputError(f"{path}: two columns have the same name, or none; found {_quoted(header)}")
        for number, cells in rows:
            if len(cells) == len(header):
                yield ("row", number), dict(zip(header, cells, strict=True))
            else:
                found = f"{len(cells)} cells for {len(header)} columns"
                needs = f'a text with {SEPARATORS[separator]} in it needs "..." around it'
                needs = needs if len(cells) > len(header) else "every column needs a cell, be it empty"
                yield ("row", number), InputError(f"has {found}; {needs}")
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num} is not valid CSV: {error}") from None


def _parquet(file, path):
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(f"{path}: reading Parquet needs the package pyarrow; pip install pyarrow") from None
    number = 0
    try:
        source = pyarrow.BufferReader(file.read()) if isinstance(file, gzip.GzipFile) else file
        # By default pyarrow reads the whole file ahead, and keeps it.
        parquet = pyarrow.parquet.ParquetFile(source, pre_buffer=False, buffer_size=2**16)
        for batch in parquet.iter_batches(1000):
            for row in batch.to_pylist():
                number += 1
                yield ("row", number), row
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as Parquet after row {number}: {_first_line(error)}") from None


CONTAINERS = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}


def read_hub(source):
    """Yield `(place, row)` for each row of "org/name" or "org/name:split" on the Hugging Face Hub, split train if none.

    Code that comes with a data set is never run. Raises `InputError` if the data set cannot be had.
    """
    name, _, split = source.partition(":")
    try:
        import datasets

        rows = datasets.load_dataset(name, split=split or "train")
    except ImportError:
        raise InputError(
            f"hub:{source}: reading from the Hub needs the package datasets; pip install datasets"
        ) from None
    except Exception as error:  # noqa: BLE001  offline, no such name, no such split, a choice of configurations, ...
        reason = f"{type(error).__name__}: {_first_line(error)}"
        raise InputError(
            f"hub:{source} cannot be loaded; check the name, the split and the network ({reason})"
        ) from None
    yield from ((("row", number), row) for number, row in enumerate(rows, 1))


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
