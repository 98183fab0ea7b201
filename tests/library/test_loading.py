"""Loading: rows that are refused, shipped data, and real data where it is at hand."""

import json
from collections import Counter
from pathlib import Path

import pytest

from rmkit.errors import InputError
from rmkit.loading import DATASETS, load_rankings

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


def spelling(prompt):
    return " ".join(prompt.lower().split())


# --- rows that are refused --------------------------------------------------------------------------------------------


def test_a_row_that_cannot_be_read_is_skipped_like_any_other(tmp_path):
    good = '{"prompt": "q", "chosen": "a", "rejected": "b"}\n'
    (tmp_path / "x.jsonl").write_text(good + "{oops\n" + good.replace('"a"', '""') + good)
    data = load_rankings(tmp_path / "x.jsonl", refused="skip")
    assert len(data) == 2 and [refused.row for refused in data.refused] == [2, 3]
    assert data.refused[0].reason.startswith("the line is not valid JSON")
    (tmp_path / "x.csv").write_text("prompt,chosen,rejected\nq,a,b\nq,a,b,c\nq,a,c\n")
    data = load_rankings(tmp_path / "x.csv", refused="skip")
    assert len(data) == 2 and str(data.refused[0]).startswith("row 3: the row has 4 cells for 3 columns")
    for name, where in (("x.jsonl", "line 2 is not"), ("x.csv", "row 3 has 4 cells")):
        with pytest.raises(InputError, match=where):
            load_rankings(tmp_path / name)
    (tmp_path / "x.jsonl").write_text("{oops\n[\n")
    with pytest.raises(InputError, match="none of the 2 rows can be used; the first is line 1: the line is not valid"):
        load_rankings(tmp_path / "x.jsonl", refused="skip")


# --- loading by name -------------------------------------------------------------------------------------------------


def test_limit_reads_no_further(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"prompt": "q", "chosen": "a", "rejected": "b"}\n' * 3 + "broken\n")
    assert len(load_rankings(path, limit=3)) == 3
    assert len(load_rankings("toy", limit=4)) == 4 and len(load_rankings("toy", limit=99)) == 10
    for limit in (0, -1, 2.5, True, "3"):
        with pytest.raises(InputError, match="limit is"):
            load_rankings("toy", limit=limit)
    with pytest.raises(InputError, match="refused is"):
        load_rankings("toy", refused="ignore")


def test_the_splits_of_shipped_data(tmp_path, monkeypatch):
    rows = [("a", "train"), ("b", "train"), ("c", "test")]
    lines = [{"prompt": p, "responses": ["x", "y"], "split": split} for p, split in rows]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "plain.jsonl").write_text('{"prompt": "q", "responses": ["x", "y"]}\n')
    monkeypatch.setattr("rmkit.loading.DATASETS", tmp_path)
    assert load_rankings("mine").prompts == ["a", "b", "c"]
    assert load_rankings("mine:train").prompts == ["a", "b"]
    assert load_rankings("mine:train", limit=1).prompts == ["a"]
    with pytest.raises(InputError, match="its splits are test, train"):
        load_rankings("mine:validation")
    with pytest.raises(InputError, match='write "plain"'):
        load_rankings("plain:train")
    with pytest.raises(InputError, match="mine, plain"):
        load_rankings("toy")


# --- the toy data ----------------------------------------------------------------------------------------------------


def test_toy_is_what_the_chapters_say():
    text = (DATASETS / "toy.jsonl").read_text(encoding="utf-8")
    assert text.endswith("}\n") and len(text.splitlines()) == 10
    data = load_rankings("toy")
    assert all(len(ranking) == 2 and ranking.ranks == (0, 1) for ranking in data)
    assert len({spelling(prompt) for prompt in data.prompts}) == 10
    law = [ranking for ranking in data if ranking.info["domain"] == "law"]
    places = ("United States", "England and Wales", "New York")
    assert len(law) == 4 and all(any(place in ranking.prompt for place in places) for ranking in law)
    assert {ranking.info["domain"] for ranking in data} == {"law", "science", "everyday", "language"}


def test_length_gives_nothing_away_in_toy():
    toy = load_rankings("toy")
    assert sum(len(better) > len(worse) for better, worse in (ranking.responses for ranking in toy)) == 5
    assert sum(len(better) < len(worse) for better, worse in (ranking.responses for ranking in toy)) == 5


def test_no_sentence_of_the_seed_is_in_toy():
    seed = REAL.parent / "seed" / "RM_toy.txt"
    if not seed.exists():
        pytest.skip(f"{seed.name} is not part of the repository")
    text = spelling(seed.read_text(encoding="utf-8"))
    for ranking in load_rankings("toy"):
        for sentence in (ranking.prompt, *ranking.responses):
            words = spelling(sentence).split()
            assert len(words) == 1 or spelling(sentence) not in text
            assert not any(" ".join(words[k : k + 6]) in text for k in range(len(words) - 5))


# --- real data -------------------------------------------------------------------------------------------------------


def real(name):
    if not (REAL / name).exists():
        pytest.skip(f"{name} is not part of the repository")
    return REAL / name


def test_harmlessness_transcripts():
    path = real("hh-harmless-dev.jsonl.gz")
    data = load_rankings(path)
    assert (len(data), len(data.refused), data.n_pairs) == (1810, 3, 1810)
    assert all("is empty" in row.reason for row in data.refused)
    assert all(ranking.prompt.endswith("\n\nAssistant:") for ranking in data)
    assert not any(a.startswith("Assistant:") or b.startswith("Assistant:") for a, b in (r.responses for r in data))
    with pytest.raises(InputError, match=f"line {data.refused[0].row}: "):
        load_rankings(path, refused="raise")


def test_annotators_votes():
    data = load_rankings(real("pandalm-dev.json"))
    assert (len(data), len(data.refused)) == (729, 44) and all("is empty" in row.reason for row in data.refused)
    raw = json.loads(real("pandalm-dev.json").read_text(encoding="utf-8"))
    verdicts = [[row[f"annotator{k}"] for k in (1, 2, 3)] for row in raw]
    winners = [next(code for code in (0, 1, 2) if three.count(code) > 1) for three in verdicts]
    assert Counter(winners) == {1: 315, 2: 358, 0: 100}  # as published, before empty answers are left out
    out = {row.row for row in data.refused}
    kept = [
        (row, winner) for number, (row, winner) in enumerate(zip(raw, winners, strict=True), 1) if number not in out
    ]
    for ranking, (row, winner) in zip(data, kept, strict=True):
        assert ranking.responses[0] == row["response2" if winner == 2 else "response1"]
        assert ranking.ranks == ((0, 1) if winner else (0, 0))
    assert sum(len(set(ranking.info["votes"])) == 1 for ranking in data) == sum(
        len(set(three)) == 1 for number, three in enumerate(verdicts, 1) if number not in out
    )
