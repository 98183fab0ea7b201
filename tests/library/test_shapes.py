"""Every shape, the rows that are refused, and the sentence that says so."""

import json

import pytest

from rmkit.fields import check_ranking
from rmkit.loading import load_rankings
from rmkit.rankings import Refused
from tests.helpers.rows import FAR, NEAR, ROWS, SUN, TURNS, as_csv, as_json_lines, as_parquet, load_rows, refusal, write

# --- rows that are wrong ----------------------------------------------------------------------------------------------


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


# --- what each shape means --------------------------------------------------------------------------------------------


def test_ranks_are_made_dense_and_ties_kept(tmp_path):
    row = {"prompt": "q", "responses": ["a", "b", "c", "d"], "ranks": [-3, 5, 5, 9]}
    assert load_rows(tmp_path, row)[0].ranks == (0, 1, 1, 2)
    assert load_rows(tmp_path, row | {"ranks": None})[0].ranks == (0, 1, 2, 3)
    assert check_ranking("q", ("a", "b"), (4, 4)) == ("q", ("a", "b"), (0, 0))


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
