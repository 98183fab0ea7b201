"""Files and folders that are written whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def whole_file(path: str | os.PathLike, mode: str = "w") -> Iterator[IO[Any]]:
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
        encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
        with os.fdopen(handle, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give an empty folder to fill, which becomes `path` only when the block ends without an error.

    Until then it is called `.NAME.writing` and lies in the nearest folder above `path` that exists, so that nothing
    appears if the block raises. If the program is killed, the next one that writes `path` clears it away; so two
    programs must not write the same folder at the same time.

    Raises:
        OSError: if the folder cannot be written, or `path` holds files already.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run"
    >>> with whole_folder(path) as folder:
    ...     _ = (folder / "note.txt").write_text("first")
    ...     path.exists()
    False
    >>> [file.name for file in path.iterdir()]
    ['note.txt']
    """
    path = Path(path).absolute()
    nearest = next(folder for folder in path.parents if folder.exists())
    writing = nearest / f".{path.name}.writing"
    shutil.rmtree(writing, ignore_errors=True)
    try:
        writing.mkdir()
        yield writing
        for file in (file for file in writing.rglob("*") if file.is_file()):
            _to_disk(file)
            put_in_place(file, file)  # for the permissions
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(writing, path)
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise


@contextmanager
def added_to_folder(path: str | os.PathLike, last: str) -> Iterator[Path]:
    """Give an empty folder to fill, whose files move into `path` when the block ends without an error.

    For a folder that keeps what else it holds, such as a run's checkpoints or a model card. No rename can replace such
    a folder at once. Each file is whole or not there, and the file called `last` moves last, so where it is, all are.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path, prefix=".saving-") as temporary:
        yield Path(temporary)
        for file in sorted(Path(temporary).iterdir(), key=lambda file: file.name == last):
            _to_disk(file)
            put_in_place(file, path / file.name)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all. NaN is refused, since JSON has none.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "result.json"
    >>> write_json(path, [0.5])
    >>> path.read_text()
    '[\\n  0.5\\n]\\n'
    """
    with whole_file(path) as file:
        json.dump(value, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def json_line(row: Any) -> bytes:
    """A row as a line of JSON, in bytes.

    A value that JSON cannot hold, such as a date, is written as text; NaN and infinity are written as null.

    >>> json_line({"scores": [0.5, float("nan")]})
    b'{"scores": [0.5, null]}\\n'
    """
    try:
        text = json.dumps(row, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        row = json.loads(json.dumps(row, default=str), parse_constant=lambda _: None)
        text = json.dumps(row, ensure_ascii=False)
    # Half a surrogate pair has no UTF-8, but as \\udc00 it is valid JSON.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def put_in_place(temporary: str | os.PathLike, path: str | os.PathLike) -> None:
    """Rename a finished temporary file to `path`, with the permissions of any new file instead of private permissions.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "temporary").write_text("whole")
    >>> put_in_place(folder / "temporary", folder / "note.txt")
    >>> [path.name for path in folder.iterdir()]
    ['note.txt']
    """
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(temporary, 0o666 & ~mask)
    os.replace(temporary, path)


def _to_disk(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
