"""Files that are written whole or not at all."""

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path, mode="w"):
    """Open a file that takes the place of `path` only when the block ends without an error.

    Until then everything goes to a temporary file in the same folder. If the program is killed, the disk is full or the
    block raises, `path` is what it was before.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
    >>> with whole_file(path) as file:
    ...     _ = file.write("first")
    >>> try:
    ...     with whole_file(path) as file:
    ...         _ = file.write("half of the sec")
    ...         raise OSError("disk full")
    ... except OSError:
    ...     path.read_text()
    'first'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, mode, **({} if "b" in mode else {"encoding": "utf-8", "newline": "\n"})) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path, value):
    """Write `value` as indented JSON, whole or not at all. NaN is refused, since JSON has none."""
    with whole_file(path) as file:
        json.dump(value, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def json_line(row):
    """A row as a line of JSON, in bytes. What JSON cannot hold, a date for one, is written as text, and NaN and infinity as null.

    >>> json_line({"scores": [0.5, float("nan")]})
    b'{"scores": [0.5, null]}\\n'
    """
    try:
        text = json.dumps(row, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        row = json.loads(json.dumps(row, default=str), parse_constant=lambda _: None)
        text = json.dumps(row, ensure_ascii=False)
    # Half a surrogate pair has no UTF-8, but written \\udc00 it is good JSON.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def put_in_place(temporary, path):
    """Rename a finished temporary file to `path`, with the permissions that new files have here, not private ones."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(temporary, 0o666 & ~mask)
    os.replace(temporary, path)
