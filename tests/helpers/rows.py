"""A row of each shape, written into a file of each container, and the sentence that refuses a wrong row."""

import csv
import io
import json

import pytest

from rmkit.errors import InputError
from rmkit.loading import load_rankings

USER, SUN = {"role": "user", "content": "How far is the sun?"}, "How far is the sun?"
NEAR, FAR = "About 150 million kilometers.", "About 150 kilometers."


def says(text):
    return {"role": "assistant", "content": text}


def as_json_lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), buffer, row_group_size=500)
    return buffer.getvalue()


WRITERS = {
    ".jsonl": as_json_lines,
    ".ndjson": as_json_lines,
    ".json": lambda rows: json.dumps(rows, indent=1).encode(),
    ".csv": as_csv,
    ".parquet": as_parquet,
}

# One row of each shape, each with the prompt SUN, NEAR before FAR, and one more column.
TURNS = "\n\nHuman: Hello.\n\nAssistant: Hi.\n\nHuman: How far is the sun?\n\nAssistant:"
ROWS = {
    "rankings": {"prompt": SUN, "responses": [NEAR, FAR], "source": "us"},
    "pairs": {"prompt": SUN, "chosen": NEAR, "rejected": FAR, "source": "us"},
    "conversations": {"chosen": [USER, says(NEAR)], "rejected": [USER, says(FAR)], "source": "us"},
    "transcripts": {"chosen": f"{TURNS} {NEAR}", "rejected": f"{TURNS} {FAR}", "source": "us"},
    "votes": {
        "instruction": SUN,
        "input": "",
        "response1": FAR,
        "response2": NEAR,
        "annotator1": 2,
        "annotator2": 1,
        "annotator3": 2,
        "source": "us",
    },
    "scored completions": {
        "instruction": SUN,
        "completions": [{"response": FAR, "overall_score": 2.5}, {"response": NEAR, "overall_score": 8.0}],
        "source": "us",
    },
    "SHP": {"history": SUN, "human_ref_A": FAR, "human_ref_B": NEAR, "labels": 0, "source": "us"},
}
NOT_IN_CSV = [(shape, ".csv") for shape in ("rankings", "conversations", "scored completions")]  # cells hold no list


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else as_json_lines(content))
    return path


def load_rows(folder, *rows, **options):
    return load_rankings(write(folder, "rows.jsonl", rows), **options)


def refusal(function, *args, **options):
    """The message of the `InputError` that the call raises; it must be one line."""
    with pytest.raises(InputError) as caught:
        function(*args, **options)
    message = str(caught.value)
    assert "\n" not in message and message
    return message
