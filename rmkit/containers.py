"""From a file, or a data set on the Hub, to rows (chapter 1).

The file's suffix names its container: `.jsonl`, `.json`, `.csv` or `.parquet`, any of them gzipped. What the columns of
a row mean is the business of `rmkit.shapes`.
"""

import codecs
import csv
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from rmkit.errors import InputError, first_line, kind_of, quote_names

Place = tuple[str, int]
"""Where a row stands in its file: ("line", 7) or ("row", 7)."""

SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
MAGIC = {
    b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"GIF8": "a GIF image", b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive, or a spreadsheet or document of an office program", b"PAR1": "Parquet",
    b"\x28\xb5\x2f\xfd": "compressed by zstd", b"BZh": "compressed by bzip2", b"\xfd7zXZ": "compressed by xz",
    b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text",
}  # fmt: skip
# Spreadsheets write semicolons where the comma is the decimal mark.
SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


def read_rows(path: str | os.PathLike, unreadable: str = "raise") -> Iterator[tuple[Place, Any]]:
    """Yield `(place, row)` for each row of a file, from first to last; `place` is ("line", 7) or ("row", 7).

    Rows are not kept: a file of any size takes the memory of a few rows, a Parquet file that of a thousand. Only a
    `.json` array and gzipped Parquet are read as a whole.

    JSON Lines counts lines, including blank lines. CSV counts rows as a spreadsheet does, including the header and
    empty rows; JSON and Parquet count from 1. A `.json` file may hold an array or, when its first character other than
    a blank is "{", JSON Lines. The cells of CSV are separated by the comma, the semicolon or the tab, whichever occurs
    most often in the header. Text is UTF-8, with or without a byte order mark. Gzip is recognized by its first bytes,
    whatever the file's name.

    Raises `InputError` if the file cannot be read to that row, and says where it stopped. With `unreadable="yield"` a
    row that cannot be read but does not spoil the next (a line that is not JSON, a row of CSV with a cell too many)
    comes as `(place, error)` instead. The error is an `InputError` whose message continues the place: "is not ...".

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "pairs.csv"
    >>> _ = file.write_text("prompt,chosen,rejected\\n2 + 2?,4,5\\n")
    >>> list(read_rows(file))
    [(('row', 2), {'prompt': '2 + 2?', 'chosen': '4', 'rejected': '5'})]
    """
    path = Path(path)
    suffix = _known_suffix(path)
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


def _known_suffix(path):
    """The suffix that names the container of a file that exists, without ".gz"."""
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
    return suffix


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
        raise InputError(f"{path} holds {kind_of(value)}; a .json file must hold an array of rows, or one row a line")
    yield from ((("row", number), row) for number, row in enumerate(value, 1))


def _parse(text, path=None):
    """The value of a line or, with `path`, of a whole file; an error then names the path and the line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno} " if path else ""
        raise InputError(f"{where}is not valid JSON: {error.msg}, at column {error.colno}") from None
    except (ValueError, RecursionError):
        where = f"{path} " if path else ""
        raise InputError(f"{where}is not valid JSON: a number is too long or lists are nested too deep") from None


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
            raise InputError(f"{path}: two columns have the same name, or none; found {quote_names(header)}")
        for number, cells in rows:
            if len(cells) == len(header):
                yield ("row", number), dict(zip(header, cells, strict=True))
            else:
                needs = f'a text with {SEPARATORS[separator]} in it needs "..." around it'
                needs = needs if len(cells) > len(header) else "every column needs a cell, be it empty"
                yield ("row", number), InputError(f"has {len(cells)} cells for {len(header)} columns; {needs}")
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
        raise InputError(f"{path} cannot be read as Parquet after row {number}: {first_line(error)}") from None


CONTAINERS = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}


def read_hub(source: str) -> Iterator[tuple[Place, Any]]:
    """Yield `(place, row)` for each row of "org/name" or "org/name:split" on the Hugging Face Hub.

    Without a split, the split train is read. Code that comes with a data set is never run. Raises `InputError` if the
    data set cannot be loaded.
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
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise InputError(
            f"hub:{source} cannot be loaded; check the name, the split and the network ({reason})"
        ) from None
    yield from ((("row", number), row) for number, row in enumerate(rows, 1))
