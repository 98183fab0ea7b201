"""Rewards for a file of any size: streamed, written in order, and resumable to the last byte (chapter 10)."""

import glob
import gzip
import hashlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import torch
from accelerate.utils import broadcast_object_list
from tqdm import tqdm

from rmkit.batching import count_cut, encode_many
from rmkit.errors import InputError
from rmkit.files import json_line, put_in_place, write_json
from rmkit.loading import find_rows
from rmkit.processes import join_processes
from rmkit.shapes import SHAPES, read_answer, read_row, recognize

ROWS, CHARACTERS = 4096, 2_000_000
"""A chunk ends when it holds so many rows, or so much text: it is all that is in memory at once."""

ADDED = ("reward", "rewards", "refused")
"""The fields that are added to a row, exactly one of them to each."""


@dataclass
class Scored:
    """What `score_file` did: `n_rows` = `n_scored` + `n_refused`.

    `n_truncated` counts texts that were cut to fit, `n_answers_cut` those among them that lost part of the response.
    `seconds` adds up over interrupted runs. `refused` names the first 20 rows refused, {"row", "reason"} each.
    """

    output: str
    n_rows: int = 0
    n_scored: int = 0
    n_refused: int = 0
    n_truncated: int = 0
    n_answers_cut: int = 0
    seconds: float = 0.0
    refused: list = field(default_factory=list)

    def to_dict(self):
        """Plain numbers, ready for JSON."""
        return asdict(self)

    def __str__(self):
        return f"{self.n_scored:,} of {self.n_rows:,} rows scored, written to {self.output}, {self.seconds:.0f} s"

    __repr__ = __str__


def score_file(model, data, output, resume=False):
    """Give every row of a file its reward, in constant memory, however many rows there are.

    A row of `prompt` and `response` comes out as it is, with a "reward". A row of any shape that `load_rankings` knows
    comes out with "rewards", in the order in which that shape's reader gives the responses: a ranking's as they stand, of
    a pair first `chosen`, then `rejected`, and elsewhere the preferred response first. A row that cannot be scored comes
    out in its place with "refused", which says why. So the output has one line a row, in the input's order, and each
    line has exactly one of the three.

    Rows are taken a chunk at a time. A chunk's texts are sorted by length, so that little is padded, shared among the
    processes, and put back into order. Each chunk is on the disk before the next begins.

    Args:
        model: a `RewardModel`; it is left on the device that it was used on.
        data: any source that `load_rankings` takes.
        output: the file to write, JSON Lines, gzipped if its name ends in .gz. Until it is complete it is called
            `output`.partial, and `output`.partial.json beside it records how far it is.
        resume: go on where a run that was interrupted stopped, if there is one. The result is, to the byte on the same
            machine, what it would have been without the interruption.

    Returns:
        A `Scored`: the counts.

    Raises:
        InputError: before any work starts, if the input cannot be used, the output is there already, or what there is of
            it was made with another model or from other rows; later only if the input is damaged further down.
        OSError: if the output can no longer be written; what is written is kept.
        FloatingPointError: if a reward is not a finite number.

    >>> import json, pathlib, tempfile
    >>> from rmkit import RewardModel
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "in.jsonl").write_text('{"prompt": "2 + 2?", "response": "4"}\\n{"prompt": "3 + 3?"}\\n')
    >>> scored = score_file(RewardModel.from_encoder(), folder / "in.jsonl", folder / "out.jsonl")
    >>> scored.n_scored, scored.refused
    (1, [{'row': 2, 'reason': 'field "response" is missing'}])
    >>> [list(json.loads(line)) for line in (folder / "out.jsonl").open()]
    [['prompt', 'response', 'reward'], ['prompt', 'refused']]
    """
    accelerator, start = join_processes(), time.perf_counter()
    output = Path(output)
    state = _ask_main(accelerator, lambda: _begin(output, resume, _fingerprint(model)))
    scored, digest = Scored(**state["scored"] | {"output": str(output)}), hashlib.sha256()
    try:
        rows = _read(find_rows(data, unreadable="yield"), digest)
        for _ in islice(rows, scored.n_rows):
            pass  # done already
        if scored.n_rows and digest.hexdigest() != state["rows"]:
            raise InputError(
                f"{data}: its first {scored.n_rows} rows are not those that '{_partial(output)}' was made from; resume "
                "with the same data, or choose another output"
            )
        model.to(accelerator.device)
        silent = None if accelerator.is_main_process else True  # None: no bar where standard error is not a terminal
        before = scored.seconds
        with tqdm(desc="scoring", unit=" rows", initial=scored.n_rows, leave=False, disable=silent) as bar:
            for chunk in _chunks(rows):
                if not scored.n_rows:
                    state["shape"] = _shape(chunk, data)
                lines = _score(accelerator, model, chunk, state["shape"], scored, data)
                scored.seconds = before + time.perf_counter() - start
                if accelerator.is_main_process:
                    state |= {"scored": scored.to_dict(), "rows": digest.hexdigest()}
                    _append(output, lines, state)
                bar.update(len(chunk))
        if not scored.n_rows:
            raise InputError(f"{data} holds no rows")
    except BaseException:
        if accelerator.is_main_process and not state["scored"]["n_rows"]:  # there is nothing to go on from
            _partial(output).unlink(missing_ok=True)
            _record(output).unlink(missing_ok=True)
        raise
    _ask_main(accelerator, lambda: _finish(output))
    return scored


# ---------------------------------------------------------------------------------------------------------------------
# A chunk: rows in, lines out
# ---------------------------------------------------------------------------------------------------------------------


def _read(rows, digest):
    """Yield `(place, row, size)`, and keep in `digest` what has been read; a size is in characters, roughly."""
    for place, row in rows:
        text = repr(row).encode()
        digest.update(text)
        yield place, row, len(text)


def _chunks(rows):
    """Lists of `(place, row)`. Where one ends depends only on where it began, so a resumed run cuts alike."""
    chunk, size = [], 0
    for place, row, length in rows:
        chunk.append((place, row))
        size += length
        if len(chunk) == ROWS or size >= CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _shape(chunk, data):
    """What the file's rows are, by the columns of its first chunk: a name in `SHAPES`, or "answers"."""
    for (unit, number), row in chunk:
        if isinstance(row, dict) and (taken := _taken(row)):
            raise InputError(f"{data}, {unit} {number}: {taken}")
    rows = [row for _, row in chunk if isinstance(row, dict)]
    columns = set().union(*rows)
    if {"prompt", "response"} <= columns:
        for name, (needed, _) in SHAPES.items():
            if set(needed) <= columns:
                raise InputError(f"{data}: columns of both answers (prompt, response) and {name}; leave out the others")
        return "answers"
    try:
        return recognize(rows)
    except InputError as error:
        raise InputError(f"{data}: {error}, answers (prompt, response)") from None


def _taken(row):
    name = next((name for name in ADDED if name in row), None)
    return f'field "{name}" is there already, and scoring would overwrite it; rename it' if name else None


def _texts(row, shape):
    """The prompt and the responses of a row, or `InputError`."""
    if isinstance(row, dict) and (taken := _taken(row)):
        raise InputError(taken)
    if shape == "answers":
        prompt, response = read_answer(row)
        return prompt, (response,)
    fields = read_row(row, shape)
    return fields["prompt"], fields["responses"]


def _score(accelerator, model, chunk, shape, scored, data):
    """The chunk's output as one block of bytes, a line a row; `scored` goes on counting."""
    found, prompts, responses = [], [], []  # of each row how many texts it has, or why it is refused
    for (unit, number), row in chunk:
        try:
            if isinstance(row, InputError):
                raise InputError(f"the {unit} {row}")
            prompt, answers = _texts(row, shape)
        except InputError as error:
            found.append(str(error))
            scored.n_refused += 1
            if len(scored.refused) < 20:
                scored.refused.append({"row": number, "reason": str(error)})
        else:
            found.append(len(answers))
            prompts += [prompt] * len(answers)
            responses += answers
    rewards, n_truncated, n_answers_cut = _rewards(accelerator, model, prompts, responses)
    lines, rewards = [], iter(rewards)
    for ((unit, number), row), result in zip(chunk, found, strict=True):
        if isinstance(result, str):
            kept = {name: value for name, value in row.items() if name not in ADDED} if isinstance(row, dict) else {}
            lines.append(json_line(kept | {"refused": result}))
            continue
        own = list(islice(rewards, result))
        if not all(map(math.isfinite, own)):
            raise FloatingPointError(f"{data}, {unit} {number}: the model's reward is {own}, no finite number")
        lines.append(json_line(row | ({"reward": own[0]} if shape == "answers" else {"rewards": own})))
    scored.n_rows += len(chunk)
    scored.n_scored = scored.n_rows - scored.n_refused
    scored.n_truncated += n_truncated
    scored.n_answers_cut += n_answers_cut
    return b"".join(lines)


def _rewards(accelerator, model, prompts, responses):
    """The rewards of N texts, and how many were cut at all and in the response; every process scores its share.

    Each fills its own places of a vector of zeros, and the sum over the processes is the whole. Dealt out by length, the
    shares take equally long, and a process that gets nothing, in a chunk smaller than their number, adds nothing.
    """
    n = len(prompts)
    order = sorted(range(n), key=lambda i: len(prompts[i]) + len(responses[i]))
    mine = order[accelerator.process_index :: accelerator.num_processes]
    encoded = encode_many(
        model.tokenizer, [prompts[i] for i in mine], [responses[i] for i in mine], model.config.text_length
    )
    result = torch.zeros(n + 2)  # the rewards, and two counts
    result[torch.tensor(mine, dtype=torch.long)] = torch.tensor(model.score_ids([text.ids for text in encoded]))
    result[n:] = torch.tensor(count_cut(encoded))
    *rewards, cut, answers_cut = accelerator.reduce(result.to(accelerator.device), "sum").tolist()
    return rewards, int(cut), int(answers_cut)


# ---------------------------------------------------------------------------------------------------------------------
# The output: whole or not at all, and at every moment a record of how far it is
# ---------------------------------------------------------------------------------------------------------------------


def _partial(output):
    return output.with_name(f"{output.name}.partial")


def _record(output):
    return output.with_name(f"{output.name}.partial.json")


def _begin(output, resume, model):
    """How far the output is, as its record says; a new one is begun if there is none.

    The record holds the counts (`scored`), the length of what they stand for (`n_bytes`), the rows' shape, and the hashes
    of the rows read (`rows`) and of the `model`.
    """
    if not output.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        raise InputError(f"output '{output}': JSON Lines are written, so its name must end in .jsonl or .jsonl.gz")
    if os.path.lexists(output):
        raise InputError(f"output '{output}': exists already; choose another name, or delete it")
    partial, record = _partial(output), _record(output)
    if partial.exists() and not resume:
        raise InputError(
            f"output '{output}': '{partial.name}' is what an interrupted run has written; go on with --resume "
            "(resume=True), choose another name, or delete it"
        )
    if partial.exists():
        try:
            state = json.loads(record.read_text(encoding="utf-8"))
            whole = partial.stat().st_size >= state["n_bytes"]
            known = {"scored", "n_bytes", "shape", "rows", "model"} <= state.keys()
        except (OSError, ValueError, LookupError, TypeError):
            whole = known = False
        if not whole or not known:
            raise InputError(f"output '{output}': '{record.name}' does not fit '{partial.name}'; delete both")
        if state["model"] != model:
            raise InputError(
                f"output '{output}': '{partial.name}' was made with another model; resume with the same, or choose another "
                "name"
            )
        for left in output.parent.glob(f".{glob.escape(record.name)}.*"):  # by a run that was killed while it wrote it
            left.unlink()
        return state
    scored = Scored(str(output)).to_dict()
    state = {"scored": scored, "n_bytes": 0, "shape": None, "rows": None, "model": model}
    try:
        write_json(record, state)
        partial.write_bytes(b"")
    except OSError as error:
        raise InputError(
            f"output '{output}': cannot be written ({error.strerror}); choose a place that you may write to"
        ) from None
    return state


def _append(output, lines, state):
    """Write a chunk behind what is recorded, then record it: whenever the program is killed, the record is right.

    A gzipped chunk is a member of its own, which may follow another in a file and be cut off again.
    """
    block = gzip.compress(lines, 6, mtime=0) if output.suffix.lower() == ".gz" else lines
    try:
        with open(_partial(output), "r+b") as file:
            if os.fstat(file.fileno()).st_size < state["n_bytes"]:
                raise InputError(
                    f"output '{output}': another program is writing it too; let one of them end, then resume"
                )
            file.truncate(state["n_bytes"])  # what a killed run wrote and did not record
            file.seek(0, os.SEEK_END)
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
        state["n_bytes"] += len(block)
        write_json(_record(output), state)
    except OSError as error:
        raise OSError(
            f"{_partial(output)}: {error.strerror or error}; what is recorded is kept, and --resume goes on from there"
        ) from None


def _finish(output):
    if os.path.lexists(output):
        raise InputError(
            f"output '{output}': was made by another program meanwhile; ours is complete in '{_partial(output).name}'"
        )
    put_in_place(_partial(output), output)
    _record(output).unlink()


def _fingerprint(model):
    """A hash of what a reward depends on: the weights, what is made of them, the vocabulary, and where texts are cut."""
    config, vocabulary = model.config, sorted(model.tokenizer.get_vocab().items())
    digest = hashlib.sha256(repr((config.head, config.pooling, config.text_length, vocabulary)).encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _ask_main(accelerator, action):
    """What `action` returns in the main process, in all of them; if it is refused there, all end with that error."""
    answer = [None, None]
    if accelerator.is_main_process:
        try:
            answer[0] = action()
        except InputError as error:
            answer[1] = str(error)
    result, refused = broadcast_object_list(answer)
    if refused is not None:
        raise InputError(refused)
    return result
