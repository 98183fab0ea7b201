"""Every container and every shape, what is refused, and the sentence that says so."""

import csv
import gzip
import io
import json
import random
import sys
import tracemalloc
from itertools import product
from types import SimpleNamespace

import pytest

from rmkit.errors import InputError
from rmkit.loading import load_rankings
from rmkit.rankings import Refused
from rmkit.shapes import SHAPES, check, read_rows, recognize

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


# --- containers x shapes ---------------------------------------------------------------------------------------------


def test_the_table_below_has_every_shape():
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


# --- files that cannot be read ---------------------------------------------------------------------------------------

GOOD = as_json_lines([ROWS["pairs"]] * 6)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1"


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("x.jsonl", b"", "is empty"),
        ("x.jsonl.gz", gzip.compress(b""), "is empty"),
        ("x.jsonl", b"\n \n", "holds no rows"),
        ("x.json", b" \n", "holds no rows"),
        ("x.json", b"[]", "holds no rows"),
        ("x.csv", b"prompt,chosen,rejected\n", "holds no rows"),
        ("x.jsonl", b"\xef\xbb\xbf", "holds no rows"),
        ("x.jsonl", PNG, "looks like a PNG image"),
        ("x.csv", PNG, "looks like a PNG image"),
        ("x.parquet", PNG, "looks like a PNG image"),
        ("x.jsonl.gz", gzip.compress(PNG), "looks like a PNG image"),
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
        ("x.jsonl.gz", gzip.compress(GOOD)[:-9], "damaged or cut short"),
        ("x.jsonl.gz", gzip.compress(GOOD)[:30] + b"\xff" * 40, "damaged or cut short"),
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


# --- rows that are wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"prompt": 42}, 'field "prompt" is a number (42); it must be text'),
        ({"prompt": 0.5}, 'field "prompt" is a number (0.5); it must be text'),
        ({"prompt": float("nan")}, 'field "prompt" is a number (nan); it must be text'),
        ({"prompt": True}, 'field "prompt" is true; it must be text'),
        ({"prompt": None}, 'field "prompt" is null; it must be text'),
        ({"prompt": ["q"]}, 'field "prompt" is a list; it must be text'),
        ({"prompt": {}}, 'field "prompt" is an object; it must be text'),
        ({"prompt": ""}, 'field "prompt" is empty'),
        ({"prompt": " \n\t\u3000"}, 'field "prompt" is empty'),
        ({"prompt": "\u200b\ufeff"}, 'field "prompt" is empty'),
        ({"prompt": "\ud83d"}, 'field "prompt" is empty'),
        ({"prompt": "a\ud83d"}, "half of a character"),
        ({"chosen": ""}, 'field "chosen" is empty'),
        ({"rejected": "  "}, 'field "rejected" is empty'),
        ({"rejected": None}, 'field "rejected" is null'),
        ({"rejected": 7}, 'field "rejected" is a number (7)'),
        ({"rejected": NEAR}, '"chosen" and "rejected" hold the same text'),
        ({"rejected": f" {NEAR}\n"}, '"chosen" and "rejected" hold the same text'),
        ({"chosen": ["yes"]}, 'field "chosen[0]" is no message'),
    ],
)
def test_a_bad_pair_stops_the_load_and_is_named(tmp_path, change, expected):
    rows = [ROWS["pairs"]] * 2 + [ROWS["pairs"] | change] + [ROWS["pairs"]]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    message = refusal(load_rankings, path)
    assert message.startswith(f"{path}, line 3: ") and expected in message
    data = load_rankings(path, refused="skip")
    assert len(data) == 3 and [row.row for row in data.refused] == [3] and expected in data.refused[0].reason


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"responses": [NEAR]}, 'field "responses" has one response; a ranking needs two or more'),
        ({"responses": []}, "no response"),
        ({"responses": f"{NEAR}{FAR}"}, 'field "responses" is text; it must be a list'),
        ({"responses": None}, 'field "responses" is null'),
        ({"responses": [NEAR, ""]}, 'field "responses[1]" is empty'),
        ({"responses": [NEAR, FAR, f"{NEAR} "]}, '"responses[0]" and "responses[2]" hold the same text'),
        ({"responses": [3, 4]}, 'field "responses[0]" is a number (3)'),
        ({"ranks": [0]}, 'field "ranks" has 1 numbers for 2 responses'),
        ({"ranks": [1, 0]}, 'field "ranks[1]" is 0 after 1'),
        ({"ranks": [0, 1.5]}, 'field "ranks[1]" is a number (1.5)'),
        ({"ranks": [False, True]}, 'field "ranks[0]" is false'),
        ({"ranks": ["0", "1"]}, 'field "ranks[0]" is text'),
        ({"ranks": 1}, 'field "ranks" is a number (1)'),
    ],
)
def test_a_bad_ranking_stops_the_load_and_is_named(tmp_path, change, expected):
    assert expected in refusal(load_rows, tmp_path, ROWS["rankings"], ROWS["rankings"] | change)


def test_a_column_missing_from_one_row_is_that_rows_fault(tmp_path):
    short = {"prompt": SUN, "chosen": NEAR}
    assert 'line 1: field "rejected" is missing' in refusal(load_rows, tmp_path, short, ROWS["pairs"])
    assert "line 2: the row is a list" in refusal(load_rows, tmp_path, ROWS["pairs"], [1, 2])


def test_every_bad_row_is_listed(tmp_path):
    pair = ROWS["pairs"]
    bad = [pair | {"prompt": 1}, pair | {"chosen": ""}, 7, {"prompt": SUN}]
    rows = [pair, bad[0], pair, bad[1], bad[2], bad[3], pair]
    data = load_rows(tmp_path, *rows, refused="skip")
    assert len(data) == 3
    assert data.refused == [
        Refused(2, 'field "prompt" is a number (1); it must be text'),
        Refused(4, 'field "chosen" is empty; it must hold text'),
        Refused(5, "the row is a number (7); it must be an object with named fields"),
        Refused(6, 'field "chosen" is missing'),
    ]
    assert str(data.refused[0]).startswith("row 2: field")
    assert data.describe()["n_refused"] == 4 and data.describe()["refused"][1]["row"] == 4


def test_places_are_where_a_person_finds_them(tmp_path):
    bad = ROWS["pairs"] | {"rejected": ""}
    assert ", line 5: " in refusal(
        load_rankings, write(tmp_path, "a.jsonl", b"\n\n\n" + as_json_lines([ROWS["pairs"], bad]))
    )
    assert ", row 2: " in refusal(load_rankings, write(tmp_path, "a.json", json.dumps([ROWS["pairs"], bad]).encode()))
    # A spreadsheet shows the header as row 1.
    assert ", row 3: " in refusal(load_rankings, write(tmp_path, "a.csv", as_csv([ROWS["pairs"], bad])))
    assert ", row 2: " in refusal(load_rankings, write(tmp_path, "a.parquet", as_parquet([ROWS["pairs"], bad])))


@pytest.mark.parametrize("option", [None, "skip"])
def test_if_every_row_is_refused_that_is_an_error(tmp_path, option):
    row = {"chosen": f"{TURNS} same", "rejected": f"{TURNS} same"}
    message = refusal(load_rows, tmp_path, row, row, refused=option)
    assert "none of the 2 rows can be used" in message and "line 1: " in message


@pytest.mark.parametrize(
    "shape, change, expected",
    [
        ("transcripts", {"rejected": TURNS}, 'field "rejected" is empty'),
        ("transcripts", {"rejected": ROWS["transcripts"]["chosen"]}, "hold the same text"),
        ("transcripts", {"rejected": "\n\nHuman: Hi.\n\nAssistant: Hi."}, "share no turn"),
        ("transcripts", {"rejected": None}, 'field "rejected" is null'),
        ("votes", {"response1": " "}, 'field "response1" is empty'),
        ("votes", {"response1": NEAR}, '"response2" and "response1" hold the same text'),
        ("votes", {"annotator1": 0}, "no majority among the annotators' votes 0, 1, 2"),
        ("votes", {"annotator3": 3}, 'field "annotator3" is a number (3); it must be one of 1 (the first)'),
        ("votes", {"annotator3": None}, 'field "annotator3" is null'),
        ("votes", {"annotator3": [1]}, 'field "annotator3" is a list'),
        ("votes", {"instruction": ""}, 'field "instruction" is empty'),
        ("votes", {"instruction": 5}, 'field "instruction" is a number (5)'),
        ("votes", {"input": 0}, 'field "input" is a number (0)'),
        ("scored completions", {"completions": "none"}, 'field "completions" must be a list'),
        ("scored completions", {"completions": [{"response": NEAR, "score": 1}]}, "two or more"),
        (
            "scored completions",
            {"completions": [{"response": NEAR, "score": 1}, {"response": FAR, "score": float("nan")}]},
            'no score for all of its responses; known are "fine-grained_score"',
        ),
        (
            "scored completions",
            {"completions": [{"response": NEAR, "score": 1}, {"response": NEAR, "score": 2}]},
            '"completions[1].response" and "completions[0].response" hold the same text',
        ),
        (
            "scored completions",
            {"completions": [{"response": "", "score": 1}, {"response": NEAR, "score": 2}]},
            'field "completions[0].response" is empty',
        ),
        ("SHP", {"human_ref_A": ""}, 'field "human_ref_A" is empty'),
        (
            "SHP",
            {"labels": 2},
            'field "labels" is a number (2); it must be one of 1 (A is preferred), 0 (B is preferred)',
        ),
        ("SHP", {"history": None}, 'field "history" is null'),
    ],
)
def test_in_published_formats_bad_rows_are_left_out_and_listed(tmp_path, shape, change, expected):
    rows = [ROWS[shape], ROWS[shape] | change]
    data = load_rows(tmp_path, *rows)
    assert len(data) == 1 and data.refused[0].row == 2 and expected in data.refused[0].reason
    assert f"line 2: {data.refused[0].reason}" in refusal(load_rows, tmp_path, *rows, refused="raise")


# --- what each shape means -------------------------------------------------------------------------------------------


def test_ranks_are_made_dense_and_ties_kept(tmp_path):
    row = {"prompt": "q", "responses": ["a", "b", "c", "d"], "ranks": [-3, 5, 5, 9]}
    assert load_rows(tmp_path, row)[0].ranks == (0, 1, 1, 2)
    assert load_rows(tmp_path, row | {"ranks": None})[0].ranks == (0, 1, 2, 3)
    assert check("q", ("a", "b"), (4, 4)) == ("q", ("a", "b"), (0, 0))


TALK = [{"role": "user", "content": "Hello."}, says("Hi."), USER]
TALK_TEXT = "Human: Hello.\n\nAssistant: Hi.\n\nHuman: How far is the sun?\n\nAssistant:"


@pytest.mark.parametrize(
    "prompt, start, expected",
    [
        ([USER], [], SUN),  # explicit prompt
        (None, [USER], SUN),  # implicit prompt
        (SUN, [USER], SUN),  # as in ultrafeedback_binarized
        ([USER], [USER], SUN),  # a prompt that both sides repeat
        (SUN, [], SUN),
        (TALK, [], TALK_TEXT),
        (None, TALK, TALK_TEXT),
        ("Hello.", TALK, TALK_TEXT),  # the prompt is the first message
        (SUN, TALK, TALK_TEXT),  # the prompt is the last message
        ([TALK[0]], TALK[1:], TALK_TEXT),  # both sides go on alike, then part
        (None, [{"role": "system", "content": "Be brief."}, USER], f"System: Be brief.\n\nHuman: {SUN}\n\nAssistant:"),
    ],
)
def test_conversations(tmp_path, prompt, start, expected):
    row = {"chosen": [*start, says(NEAR)], "rejected": [*start, says(FAR)]} | ({"prompt": prompt} if prompt else {})
    ranking = load_rows(tmp_path, row)[0]
    assert (ranking.prompt, ranking.responses, ranking.ranks) == (expected, (NEAR, FAR), (0, 1))


def test_an_answer_of_several_turns_keeps_them(tmp_path):
    more = [says("Far."), {"role": "user", "content": "How far?"}, says(NEAR)]
    ranking = load_rows(tmp_path, {"chosen": [USER, *more], "rejected": [USER, says(FAR)]})[0]
    assert ranking.responses == (f"Far.\n\nHuman: How far?\n\nAssistant: {NEAR}", FAR)


@pytest.mark.parametrize(
    "row, expected",
    [
        ({"chosen": [USER, says(NEAR)], "rejected": [USER, says(NEAR)]}, "the same messages"),
        ({"chosen": [USER, says(NEAR)], "rejected": [USER]}, 'field "rejected" has no message of the assistant'),
        ({"chosen": [says(NEAR)], "rejected": [says(FAR)]}, "share no first message"),
        ({"chosen": [USER, says(NEAR)], "rejected": FAR}, 'field "rejected" is text; it must be a list of messages'),
        ({"chosen": [USER, says("")], "rejected": [USER, says(FAR)]}, 'field "chosen" is empty'),
        ({"chosen": [USER, {"role": "assistant"}], "rejected": [USER, says(FAR)]}, 'field "chosen[1]" is no message'),
        (
            {"prompt": "Other?", "chosen": [USER, says(NEAR)], "rejected": [USER, says(FAR)]},
            "neither repeats the prompt",
        ),
        ({"prompt": 9, "chosen": [USER, says(NEAR)], "rejected": [USER, says(FAR)]}, 'field "prompt" is a number (9)'),
        ({"chosen": [USER, says(NEAR)], "rejected": [TALK[0], says(FAR)]}, "share no first message"),
        ({"chosen": [], "rejected": [USER]}, "share no first message"),
    ],
)
def test_conversations_that_are_refused(tmp_path, row, expected):
    assert expected in refusal(load_rows, tmp_path, row)


@pytest.mark.parametrize(
    "shared, chosen, rejected",
    [
        ("\n\nHuman: q\n\nAssistant:", "Yes, it is.", "Yes, it may be."),  # the answers begin alike
        ("\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant:", "Yes", "No"),
        (
            "\n\nHuman: q\n\nAssistant:",
            "Yes\n\nHuman: r\n\nAssistant: s",
            "No\n\nHuman: t\n\nAssistant: u",
        ),  # part early
        ("\n\nHuman: Say 'Assistant: hi'\n\nAssistant:", "Assistant: hi", "Assistant: ho"),  # no blank line, no marker
    ],
)
def test_a_transcripts_prompt_ends_at_the_last_marker_that_both_share(tmp_path, shared, chosen, rejected):
    ranking = load_rows(tmp_path, {"chosen": f"{shared} {chosen} \n", "rejected": f"{shared} {rejected}"})[0]
    assert (ranking.prompt, ranking.responses) == (shared, (chosen, rejected))


@pytest.mark.parametrize(
    "votes, responses, ranks",
    [
        ((1, 1, 0), ("one", "two"), (0, 1)),
        ((2, 1, 2), ("two", "one"), (0, 1)),
        ((0, 2, 0), ("one", "two"), (0, 0)),
        (("2", "2", "1"), ("two", "one"), (0, 1)),  # CSV has only text
        ((2.0, 2.0, 2.0), ("two", "one"), (0, 1)),
        ((1,), ("one", "two"), (0, 1)),
        ((2, 2, 2, 0, 1), ("two", "one"), (0, 1)),
        ((2, 2, 0, 1), None, None),  # half is no majority
        ((1, 2, 0), None, None),
        ((1, 2), None, None),
    ],
)
def test_votes(tmp_path, votes, responses, ranks):
    row = {"instruction": "Pick.", "input": "Here.", "response1": "one", "response2": "two"}
    row |= {f"annotator{k}": vote for k, vote in enumerate(votes, 1)}
    data = load_rows(tmp_path, ROWS["votes"], row)
    if responses is None:
        assert "no majority" in data.refused[0].reason and len(data) == 1
    else:
        assert (data[1].prompt, data[1].responses, data[1].ranks) == ("Pick.\n\nHere.", responses, ranks)
        assert data[1].info == {"votes": [int(vote) for vote in votes]}


def test_annotators_are_taken_in_the_order_of_their_numbers(tmp_path):
    row = ROWS["votes"] | {f"annotator{k}": 1 for k in range(4, 11)} | {"annotator2": 0, "annotator10": 2}
    assert load_rows(tmp_path, row)[0].info["votes"] == [2, 0, 2, 1, 1, 1, 1, 1, 1, 2]


def test_a_blank_input_or_a_blank_instruction_leaves_the_other(tmp_path):
    rows = [
        ROWS["votes"] | change for change in ({"input": "  "}, {"input": None}, {"instruction": " ", "input": "Sun?"})
    ]
    assert load_rows(tmp_path, *rows).prompts == [SUN, SUN, "Sun?"]


def test_scores_become_ranks_with_ties_best_first(tmp_path):
    scores = [3.25, 4.5, 1, 4.5, 3.25]
    row = {"instruction": "q", "completions": [{"response": f"r{k}", "score": s} for k, s in enumerate(scores)]}
    ranking = load_rows(tmp_path, row)[0]
    assert ranking.responses == ("r1", "r3", "r0", "r4", "r2")
    assert ranking.ranks == (0, 0, 1, 1, 2)
    assert ranking.info == {"score_field": "score", "scores": [4.5, 4.5, 3.25, 3.25, 1]}


def test_which_score_counts_is_fixed_and_recorded(tmp_path):
    both = [{"response": "a", "overall_score": 9, "fine-grained_score": 1.5},
            {"response": "b", "overall_score": 2, "fine-grained_score": 4.0}]  # fmt: skip
    partly = [both[0], {"response": "b", "overall_score": 2}]
    data = load_rows(tmp_path, {"instruction": "q", "completions": both}, {"instruction": "q", "completions": partly})
    assert [(r.responses, r.info["score_field"]) for r in data] == [
        (("b", "a"), "fine-grained_score"),
        (("a", "b"), "overall_score"),
    ]


@pytest.mark.parametrize("label, best", [(1, FAR), (0, NEAR), ("1", FAR), ("0", NEAR)])
def test_shp_labels(tmp_path, label, best):
    ranking = load_rows(tmp_path, ROWS["SHP"] | {"labels": label, "score_A": 12})[0]
    assert ranking.responses[0] == best
    assert ranking.info == {"labels": label, "score_A": 12, "source": "us"}


# --- one row at a time -----------------------------------------------------------------------------------------------


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


# --- the Hub ---------------------------------------------------------------------------------------------------------


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
