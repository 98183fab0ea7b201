"""An output that grows chunk by chunk, whole or not at all, with a record of how far it is (chapter 10).

Until it is complete, the output is called `output`.partial, and `output`.partial.json beside it is the record.
"""

from __future__ import annotations

import glob
import gzip
import json
import os
from pathlib import Path

from rmkit.checks import check_new_file
from rmkit.errors import InputError
from rmkit.files import put_in_place, write_json


def partial_path(output: Path) -> Path:
    """Where the output is written until it is complete.

    >>> partial_path(Path("rewards.jsonl")).name
    'rewards.jsonl.partial'
    """
    return output.with_name(f"{output.name}.partial")


def record_path(output: Path) -> Path:
    """Where the record of an unfinished output is.

    >>> record_path(Path("rewards.jsonl")).name
    'rewards.jsonl.partial.json'
    """
    return output.with_name(f"{output.name}.partial.json")


def begin(output: Path, resume: bool, model: str, scored: dict) -> dict:
    """How far the output is, as its record says; a new one is begun if there is none.

    Args:
        output: the file that is to be written, JSON Lines, perhaps gzipped.
        resume: go on with what an interrupted run has left.
        model: a hash of the model; an output is made with one model only.
        scored: the counts that a new record begins with.

    Returns:
        The record: the counts (`scored`), the length of what they stand for (`n_bytes`), the rows' `shape`, and the
        hashes of the rows read (`rows`) and of the `model`.

    Raises:
        InputError: if the output cannot be written, exists already, or was begun with another model.
    """
    _check_output(output, resume)
    if partial_path(output).exists():
        return _read_record(output, model)
    state = {"scored": scored, "n_bytes": 0, "shape": None, "rows": None, "model": model}
    try:
        write_json(record_path(output), state)
        partial_path(output).write_bytes(b"")
    except OSError as error:
        raise InputError(
            f"output '{output}': cannot be written ({error.strerror}); choose a place that you may write to"
        ) from None
    return state


def append(output: Path, lines: bytes, state: dict) -> None:
    """Write a chunk behind what is recorded, then record it: whenever the program is killed, the record is right.

    A gzipped chunk is a member of its own, which may follow another in a file and be cut off again.
    """
    block = gzip.compress(lines, 6, mtime=0) if output.suffix.lower() == ".gz" else lines
    try:
        with open(partial_path(output), "r+b") as file:
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
        write_json(record_path(output), state)
    except OSError as error:
        raise OSError(
            f"{partial_path(output)}: {error.strerror or error}; what is recorded is kept, and --resume goes on from "
            "there"
        ) from None


def finish(output: Path) -> None:
    """Give the complete output its name, and delete the record.

    Raises:
        InputError: if another program has made a file of that name meanwhile.
    """
    if os.path.lexists(output):
        raise InputError(
            f"output '{output}': was made by another program meanwhile; ours is complete in "
            f"'{partial_path(output).name}'"
        )
    put_in_place(partial_path(output), output)
    record_path(output).unlink()


def discard(output: Path) -> None:
    """Delete an output that holds nothing yet, and its record."""
    partial_path(output).unlink(missing_ok=True)
    record_path(output).unlink(missing_ok=True)


def _check_output(output: Path, resume: bool) -> None:
    check_new_file(output, [".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz"])
    if partial_path(output).exists() and not resume:
        raise InputError(
            f"output '{output}': '{partial_path(output).name}' is what an interrupted run has written; go on with "
            "--resume (resume=True), choose another name, or delete it"
        )


def _read_record(output: Path, model: str) -> dict:
    """The record of an interrupted run; `InputError` if it does not fit what is written, or the model is another."""
    partial, record = partial_path(output), record_path(output)
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
            f"output '{output}': '{partial.name}' was made with another model; resume with the same, or choose "
            "another name"
        )
    for left in output.parent.glob(f".{glob.escape(record.name)}.*"):  # by a run that was killed while it wrote it
        left.unlink()
    return state
