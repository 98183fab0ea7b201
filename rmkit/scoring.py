"""Rewards for a file of any size: streamed, written in order, and resumable to the last byte (chapter 10)."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from rmkit import partial
from rmkit.batching import Cut, count_cut, encode_many
from rmkit.errors import InputError
from rmkit.files import json_line
from rmkit.loading import find_rows
from rmkit.processes import ask_main, join_processes
from rmkit.results import Result
from rmkit.shapes import SHAPES, read_answer, read_row, recognize
from rmkit.sharing import share_out

ROWS, CHARACTERS = 4096, 2_000_000
"""A chunk ends when it holds so many rows, or so much text: it is all that is in memory at once."""

ADDED = ("reward", "rewards", "refused")
"""The fields that are added to a row, exactly one of them to each."""

NAMED = 20
"""So many of the rows refused are named in `Scored.refused`."""

Place = tuple[str, int]  # ("line", 7) or ("row", 7)


@dataclass(repr=False)
class Scored(Result):
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

    def __str__(self) -> str:
        return f"{self.n_scored:,} of {self.n_rows:,} rows scored, written to {self.output}, {self.seconds:.0f} s"


def score_file(model: Any, data: str | Path, output: str | Path, resume: bool = False) -> Scored:
    """Give every row of a file its reward, in constant memory, however many rows there are.

    A row of `prompt` and `response` comes out as it is, with a "reward". A row of any shape that `load_rankings` knows
    comes out with "rewards", in the order in which that shape's reader gives the responses: a ranking's as they stand,
    of a pair first `chosen`, then `rejected`, and elsewhere the preferred response first. A row that cannot be scored
    comes out in its place with "refused", which says why. So the output has one line a row, in the input's order, and
    each line has exactly one of the three.

    Rows are taken a chunk at a time. A chunk's texts are sorted by length, so that little is padded, shared among the
    processes, and put back into order. Each chunk is on the disk before the next begins.

    Args:
        model: a `RewardModel`, or a `SequenceClassifier`; it is left on the device that it was used on.
        data: any source that `load_rankings` takes.
        output: the file to write, JSON Lines, gzipped if its name ends in .gz. Until it is complete it is called
            `output`.partial, and `output`.partial.json beside it records how far it is.
        resume: go on where a run that was interrupted stopped, if there is one. The result is, to the byte on the same
            machine, what it would have been without the interruption.

    Returns:
        A `Scored`: the counts.

    Raises:
        InputError: before any work starts, if the input cannot be used, the output is there already, or what there is
            of it was made with another model or from other rows; later only if the input is damaged further down.
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
    state = ask_main(lambda: partial.begin(output, resume, fingerprint_model(model), Scored(str(output)).to_dict()))
    scored, digest = Scored(**state["scored"] | {"output": str(output)}), hashlib.sha256()
    try:
        rows = _read(find_rows(data, unreadable="yield"), digest)
        _skip_done(rows, digest, state, data, output)
        model.to(accelerator.device)
        silent = None if accelerator.is_main_process else True  # None: no bar where standard error is not a terminal
        before = scored.seconds
        with tqdm(desc="scoring", unit=" rows", initial=scored.n_rows, leave=False, disable=silent) as bar:
            for chunk in _chunks(rows):
                if not scored.n_rows:
                    state["shape"] = _shape(chunk, data)
                lines = _score(model, chunk, state["shape"], scored, data)
                scored.seconds = before + time.perf_counter() - start
                if accelerator.is_main_process:
                    state |= {"scored": scored.to_dict(), "rows": digest.hexdigest()}
                    partial.append(output, lines, state)
                bar.update(len(chunk))
        if not scored.n_rows:
            raise InputError(f"{data} holds no rows")
    except BaseException:
        if accelerator.is_main_process and not state["scored"]["n_rows"]:  # there is nothing to go on from
            partial.discard(output)
        raise
    ask_main(lambda: partial.finish(output))
    return scored


def fingerprint_model(model: Any) -> str:
    """A hash of what a reward depends on: the weights, head and pooling, the vocabulary, and where texts are cut.

    >>> from rmkit import RewardModel
    >>> fingerprint_model(RewardModel.from_encoder(seed=0)) == fingerprint_model(RewardModel.from_encoder(seed=1))
    False
    """
    config, vocabulary = model.config, sorted(model.tokenizer.get_vocab().items())
    digest = hashlib.sha256(repr((config.head, config.pooling, config.text_length, vocabulary)).encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


# ---------------------------------------------------------------------------------------------------------------------
# A chunk: rows in, lines out
# ---------------------------------------------------------------------------------------------------------------------


def _skip_done(rows: Iterator, digest: Any, state: dict, data: str | Path, output: Path) -> None:
    """Read past the rows that an interrupted run has scored; `InputError` if they are not those that it read."""
    n_done = state["scored"]["n_rows"]
    for _ in islice(rows, n_done):
        pass
    if n_done and digest.hexdigest() != state["rows"]:
        raise InputError(
            f"{data}: its first {n_done} rows are not those that '{partial.partial_path(output)}' was made from; "
            "resume with the same data, or choose another output"
        )


def _read(rows: Iterable[tuple[Place, Any]], digest: Any) -> Iterator[tuple[Place, Any, int]]:
    """Yield `(place, row, size)`, and keep in `digest` what has been read; a size is in characters, roughly."""
    for place, row in rows:
        text = repr(row).encode()
        digest.update(text)
        yield place, row, len(text)


def _chunks(rows: Iterable[tuple[Place, Any, int]]) -> Iterator[list[tuple[Place, Any]]]:
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


def _shape(chunk: list[tuple[Place, Any]], data: str | Path) -> str:
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


def _taken(row: dict) -> str | None:
    name = next((name for name in ADDED if name in row), None)
    return f'field "{name}" is there already, and scoring would overwrite it; rename it' if name else None


def _texts(row: Any, shape: str) -> tuple[str, tuple[str, ...]]:
    """The prompt and the responses of a row, or `InputError`."""
    if isinstance(row, dict) and (taken := _taken(row)):
        raise InputError(taken)
    if shape == "answers":
        prompt, response = read_answer(row)
        return prompt, (response,)
    fields = read_row(row, shape)
    return fields["prompt"], fields["responses"]


def _score(model: Any, chunk: list[tuple[Place, Any]], shape: str, scored: Scored, data: str | Path) -> bytes:
    """The chunk's output as one block of bytes, a line a row; `scored` goes on counting."""
    outcomes, prompts, responses = _outcomes(chunk, shape, scored)
    rewards, cut = _rewards(model, prompts, responses)
    lines, left = [], iter(rewards)
    for ((unit, number), row), outcome in zip(chunk, outcomes, strict=True):
        if isinstance(outcome, str):
            kept = {name: value for name, value in row.items() if name not in ADDED} if isinstance(row, dict) else {}
            lines.append(json_line(kept | {"refused": outcome}))
            continue
        own = list(islice(left, outcome))
        if not all(map(math.isfinite, own)):
            raise FloatingPointError(f"{data}, {unit} {number}: the model's reward is {own}, no finite number")
        lines.append(json_line(row | ({"reward": own[0]} if shape == "answers" else {"rewards": own})))
    scored.n_rows += len(chunk)
    scored.n_scored = scored.n_rows - scored.n_refused
    scored.n_truncated += cut.texts
    scored.n_answers_cut += cut.responses
    return b"".join(lines)


def _outcomes(
    chunk: list[tuple[Place, Any]], shape: str, scored: Scored
) -> tuple[list[int | str], list[str], list[str]]:
    """Of each row how many texts it has, or why it is refused; and the prompts and responses of all texts."""
    outcomes: list[int | str] = []
    prompts: list[str] = []
    responses: list[str] = []
    for (unit, number), row in chunk:
        try:
            if isinstance(row, InputError):
                raise InputError(f"the {unit} {row}")
            prompt, answers = _texts(row, shape)
        except InputError as error:
            outcomes.append(str(error))
            scored.n_refused += 1
            if len(scored.refused) < NAMED:
                scored.refused.append({"row": number, "reason": str(error)})
        else:
            outcomes.append(len(answers))
            prompts += [prompt] * len(answers)
            responses += answers
    return outcomes, prompts, responses


def _rewards(model: Any, prompts: list[str], responses: list[str]) -> tuple[list[float], Cut]:
    """The rewards of N texts, and how many were cut; every process encodes and scores its share.

    Dealt out by length, the shares take equally long.
    """

    def score(share: list[int]) -> torch.Tensor:
        """Of each text its reward, and 1 or 0 twice: whether it was cut at all, and in the response, (share, 3)."""
        mine = [prompts[i] for i in share], [responses[i] for i in share]
        encoded = encode_many(model.tokenizer, *mine, model.config.text_length)
        rewards = model.score_ids([text.ids for text in encoded])
        rows = [(reward, *count_cut([text])) for reward, text in zip(rewards, encoded, strict=True)]
        return torch.tensor(rows, dtype=torch.float32).reshape(-1, 3)

    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]) + len(responses[i]))
    by_length = share_out(order, score)  # (N, 3)
    rows = torch.empty_like(by_length)
    rows[torch.tensor(order, dtype=torch.long)] = by_length
    rewards, cut, cut_responses = rows.T
    return rewards.tolist(), Cut(int(cut.sum()), int(cut_responses.sum()))
