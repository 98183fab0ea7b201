"""Every container, what is refused, and the sentence that says so."""

import csv
import gzip
import io
import random
import sys
import tracemalloc
from itertools import product
from types import SimpleNamespace

import pytest

from rmkit.containers import read_rows
from rmkit.errors import InputError
from rmkit.loading import load_rankings
from rmkit.shapes import SHAPES, recognize
from tests.helpers.rows import (
    FAR,
    NEAR,
    NOT_IN_CSV,
    ROWS,
    SUN,
    TURNS,
    WRITERS,
    as_csv,
    as_json_lines,
    load_rows,
    refusal,
    write,
)

# --- containers x shapes ----------------------------------------------------------------------------------------------


def test_the_rows_have_every_shape():
    assert set(ROWS) == set(SHAPES)


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape, suffix", [pair for pair in product(ROWS, WRITERS) if pair not in NOT_IN_CSV])
def test_every_shape_in_every_container(tmp_path, shape, suffix, zipped):
    content = WRITERS[suffix]([ROWS[shape], ROWS[shape]])
    path = write(tmp_path, f"data{suffix}" + ".gz" * zipped, gzip.compress(content) if zipped else content)
    data = load_rankings(path)
    assert recognize([ROWS[shape]]) == shape
    assert [(ranking.responses, ranking.ranks) for ranking in data] == 2 * [((NEAR, FAR), (0, 1))]
    assert data.prompts == 2 * [TURNS if shape == "transcripts" else SUN]
    assert data[1].info["source"] == "us"
    assert data.refused == []


def test_gzip_is_known_by_its_bytes_not_its_name(tmp_path):
    plain = as_json_lines([ROWS["pairs"]])
    assert len(load_rankings(write(tmp_path, "zipped.jsonl", gzip.compress(plain)))) == 1
    assert len(load_rankings(write(tmp_path, "plain.jsonl.gz", plain))) == 1
    assert len(load_rankings(write(tmp_path, "UPPER.JSONL", plain))) == 1


def test_json_that_begins_with_a_brace_is_json_lines(tmp_path):
    assert len(load_rankings(write(tmp_path, "x.json", b"\n  " + as_json_lines([ROWS["pairs"]] * 3)))) == 3


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_byte_order_mark_and_windows_line_ends(tmp_path, suffix):
    content = WRITERS[suffix]([ROWS["pairs"]] * 2)
    content = b"\xef\xbb\xbf" + content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert len(load_rankings(write(tmp_path, f"x{suffix}", content))) == 2


def test_unicode_line_separators_stay_inside_a_text(tmp_path):
    row = ROWS["pairs"] | {"chosen": "one\u2028two\x85three\x0bfour"}
    assert load_rows(tmp_path, row)[0].responses[0] == row["chosen"]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_text_of_100_000_words_is_accepted(tmp_path, suffix):
    long = "word " * 100_000
    path = write(tmp_path, f"x{suffix}", WRITERS[suffix]([ROWS["pairs"] | {"chosen": long}]))
    assert load_rankings(path)[0].responses == (long, FAR)


def test_csv_texts_may_hold_commas_quotes_and_line_ends(tmp_path):
    awkward = 'He said "no, never",\nand left.\n\n'
    path = write(tmp_path, "x.csv", as_csv([ROWS["pairs"] | {"chosen": awkward}]))
    assert load_rankings(path)[0].responses[0] == awkward


def test_csv_as_spreadsheets_write_it(tmp_path):
    """Semicolons where the comma is in numbers, a byte order mark, quotes only where needed, and rows left empty."""
    text = (
        ";;\r\nprompt;chosen;rejected\r\n"
        'How far, in km?;"About 150 million, that is 1,5 times 10^8; it varies.";150,0\r\n'
        ";;\r\nnur \N{LATIN SMALL LETTER U WITH DIAERESIS}ber;a, b;c\r\n ; ;\r\n"
    )
    data = load_rankings(write(tmp_path, "x.csv", b"\xef\xbb\xbf" + text.encode()))
    assert data.prompts == ["How far, in km?", "nur \N{LATIN SMALL LETTER U WITH DIAERESIS}ber"]
    assert data[0].responses == ("About 150 million, that is 1,5 times 10^8; it varies.", "150,0")
    message = refusal(load_rankings, write(tmp_path, "y.csv", text.replace("a, b", "").encode()))
    assert ', row 5: field "chosen" is empty' in message  # as the spreadsheet numbers it, with its empty rows


@pytest.mark.parametrize(
    "header, separator",
    [
        ("prompt,chosen,rejected", ","),
        ("prompt;chosen;rejected", ";"),
        ('prompt;chosen;rejected;"note, if any"', ";"),
        ("prompt,chosen,rejected,a;b", ","),
        ("prompt\tchosen\trejected", "\t"),
    ],
)
def test_the_header_says_what_parts_the_cells(tmp_path, header, separator):
    cells = ["one, two; three", "a,b;c", "d", "e"][: len(next(csv.reader([header], delimiter=separator)))]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerow(cells)
    ranking = load_rankings(write(tmp_path, "x.csv", f"{header}\n{text.getvalue()}".encode()))[0]
    assert (ranking.prompt, *ranking.responses) == tuple(cells[:3])


# --- files that cannot be read ----------------------------------------------------------------------------------------

GOOD = as_json_lines([ROWS["pairs"]] * 6)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1"


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("x.jsonl", b"", "is empty"),
        ("x.jsonl.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("x.jsonl", b"\n \n", "holds no rows"),
        ("x.json", b" \n", "holds no rows"),
        ("x.json", b"[]", "holds no rows"),
        ("x.csv", b"prompt,chosen,rejected\n", "holds no rows"),
        ("x.jsonl", b"\xef\xbb\xbf", "holds no rows"),
        ("x.jsonl", PNG, "looks like a PNG image"),
        ("x.csv", PNG, "looks like a PNG image"),
        ("x.parquet", PNG, "looks like a PNG image"),
        ("x.jsonl.gz", gzip.compress(PNG, mtime=0), "looks like a PNG image"),
        ("x.csv", b"PK\x03\x04....", "spreadsheet"),
        ("x.jsonl", b"PAR1....PAR1", "looks like Parquet"),
        ("x.parquet", b"PAR1....PAR1", "cannot be read as Parquet"),
        ("x.parquet", GOOD, "looks like text"),
        (
            "x.jsonl",
            GOOD.decode().encode("utf-16"),
            "looks like UTF-16 text; a .jsonl file must hold text, saved as UTF-8",
        ),
        (
            "x.csv",
            as_csv([ROWS["pairs"]]).decode().encode("utf-16"),
            "looks like UTF-16 text; a .csv file must hold text",
        ),
        ("x.xlsx", b"PK\x03\x04....", "is a spreadsheet; open it in its program and save it as CSV, in UTF-8"),
        ("x.jsonl", b"\0\1\2\3" * 9, "is not text"),
        ("x.json", b"[\n1,\n2,\n", "line 4 is not valid JSON"),
        ("x.json", b'"text"', "must hold an array"),
        ("x.json", b"[" * 100_000, "not valid JSON"),
        ("x.jsonl", b"1" * 5000, "not valid JSON"),
        ("x.csv", b"prompt,chosen,rejected\na,b,c\na,\xff,c\n", "line 3 is not valid UTF-8"),
        ("x.csv", b"\xef\xbb\xbfcaf\xe9,chosen,rejected\n", "line 1 is not valid UTF-8 (byte 0xe9)"),
        ("x.json", b'[\n"\xc3"]', "line 2 is not valid UTF-8"),
        (
            "x.jsonl",
            b'{"question": "q", "chosen": "a"}',
            'unknown columns: found "question", "chosen"; known are rankings',
        ),
        ("x.jsonl", b'{"prompt": "q", "chosen": "a"}', "pairs (prompt, chosen, rejected)"),
        ("x.jsonl", b"[1, 2]\n3\n", "unknown columns: found none"),
        (
            "x.jsonl",
            b'{"prompt": "q", "responses": ["a", "b"], "chosen": "a", "rejected": "b"}',
            "more than one shape, rankings and pairs",
        ),
        ("x.csv", b'prompt,chosen,rejected\na,b,c\na,"b,c\nd,e,f\n', "not valid CSV"),
        ("x.csv", b"prompt,chosen,chosen\na,b,c\n", "same name"),
        ("x.csv", b"prompt|chosen|rejected\na|b|c\n", '"prompt|chosen|rejected"'),
        ("x.txt", GOOD, 'ends in ".txt"'),
        ("x.jsonl.gz", gzip.compress(GOOD, mtime=0)[:-9], "damaged or cut short"),
        ("x.jsonl.gz", gzip.compress(GOOD, mtime=0)[:30] + b"\xff" * 40, "damaged or cut short"),
    ],
)
def test_one_sentence_names_the_file_and_what_is_wrong(tmp_path, name, content, expected):
    path = write(tmp_path, name, content)
    for option in (None, "skip"):  # such files are never a matter of leaving rows out
        message = refusal(load_rankings, path, refused=option)
        assert expected in message and str(path) in message


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("x.jsonl", GOOD + b'{"prompt": "a", "chosen"\n' + GOOD, "line 7 is not valid JSON"),
        ("x.jsonl", GOOD + b"\n\n{oops}\n", "line 9 is not valid JSON"),
        ("x.jsonl", GOOD + b'{"prompt": "caf\xe9"}\n', "line 7 is not valid UTF-8 (byte 0xe9)"),
        ("x.csv", b"prompt,chosen,rejected\na,b,c\na,one, two,c\n", "row 3 has 4 cells for 3 columns"),
        (
            "x.csv",
            b"prompt,chosen,rejected\na,b,c\na,b\n",
            "row 3 has 2 cells for 3 columns; every column needs a cell",
        ),
        (
            "x.csv",
            b"prompt;chosen;rejected\na;b;c;d\na;b;c\n",
            "row 2 has 4 cells for 3 columns; a text with a semicolon in it",
        ),
    ],
)
def test_one_line_that_cannot_be_read_stops_the_loading_unless_it_may_be_left_out(tmp_path, name, content, expected):
    path = write(tmp_path, name, content)
    message = refusal(load_rankings, path)
    assert expected in message and str(path) in message
    [refused] = load_rankings(path, refused="skip").refused
    unit, number, why = expected.split(" ", 2)
    assert refused.row == int(number) and refused.reason.startswith(f"the {unit} {why}")


def test_missing_files_folders_and_unknown_names(tmp_path):
    message = refusal(load_rankings, tmp_path / "none.jsonl")
    assert "no such file" in message and "none.jsonl" in message and "toy" in message
    assert "toy" in refusal(load_rankings, "tyo")
    assert "is a folder" in refusal(load_rankings, tmp_path)
    assert "source is a list" in refusal(load_rankings, ["toy"])


# --- one row at a time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet", "as json lines"])
def test_a_file_is_not_kept_in_memory(tmp_path, suffix):
    """16 MB of rows; while they are read, Python never holds 1 MB, of Parquet, which comes in batches, 5."""
    chance = random.Random(0)  # Parquet would find out if all texts were the same
    rows = [{"prompt": f"{n}?", "response": chance.randbytes(1000).hex()} for n in range(8000)]
    path = tmp_path / ("x.json" if suffix == "as json lines" else f"x{suffix}")
    path.write_bytes(WRITERS.get(suffix, as_json_lines)(rows))
    next(iter(read_rows(path)))  # all imported
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(path)) == 8000
        assert tracemalloc.get_traced_memory()[1] < (5 if suffix == ".parquet" else 1) * 1_000_000
    finally:
        tracemalloc.stop()


def test_rows_that_cannot_be_read_can_be_had_as_errors(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b'{"a": 1}\n\n{oops}\n\xff\n{"a": 2}\n')
    places, rows = zip(*read_rows(tmp_path / "x.jsonl", unreadable="yield"), strict=True)
    assert places == (("line", 1), ("line", 3), ("line", 4), ("line", 5))
    assert (rows[0], rows[3]) == ({"a": 1}, {"a": 2})
    assert isinstance(rows[1], InputError) and str(rows[1]).startswith("is not valid JSON: ")
    assert isinstance(rows[2], InputError) and str(rows[2]).startswith("is not valid UTF-8 (byte 0xff)")
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n1,2,3\n4,5\n")
    rows = [row for _, row in read_rows(tmp_path / "x.csv", unreadable="yield")]
    assert str(rows[1]).startswith("has 3 cells for 2 columns") and rows[2] == {"a": "4", "b": "5"}


# --- the Hub ----------------------------------------------------------------------------------------------------------


def test_hub_names_and_splits(monkeypatch):
    calls = []

    def load_dataset(name, **options):
        calls.append((name, options))
        return [ROWS["SHP"]] * 3

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert len(load_rankings("hub:org/name")) == 3
    assert len(load_rankings("hub:org/name:test", limit=2)) == 2
    assert calls == [("org/name", {"split": "train"}), ("org/name", {"split": "test"})]


def test_hub_rows_go_through_the_same_checks(monkeypatch):
    rows = [ROWS["pairs"], ROWS["pairs"] | {"chosen": ""}]
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=lambda name, **_: rows))
    assert refusal(load_rankings, "hub:org/name").startswith('hub:org/name, row 2: field "chosen" is empty')


def test_hub_failures_are_one_sentence(monkeypatch):
    def load_dataset(name, **_):
        raise ConnectionError("Couldn't reach the Hub\nTraceback and much more")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    message = refusal(load_rankings, "hub:org/none")
    assert message.startswith("hub:org/none cannot be loaded") and "Couldn't reach the Hub" in message
    monkeypatch.setitem(sys.modules, "datasets", None)  # not installed
    assert "pip install datasets" in refusal(load_rankings, "hub:org/none")
