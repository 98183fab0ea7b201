"""Rankings: what a ranking may be, splitting, saving, describing."""

import json
import math
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rmkit.errors import InputError
from rmkit.loading import DATASETS, load_rankings
from rmkit.rankings import Ranking, Rankings


def random_rankings(seed, n=60):
    """Rankings of 2 to 5 responses with ties, prompts repeated in other spellings."""
    rng = random.Random(seed)
    rankings = []
    for row in range(n):
        k = rng.randint(2, 5)
        words = f"question  number {rng.randrange(n // 3)}"
        prompt = rng.choice([words, words.upper(), f" {words} ", words.replace(" ", "\n")])
        ranks = sorted(rng.randrange(k) for _ in range(k))
        responses = [f"answer {row} {j} " + "x" * rng.randrange(9) for j in range(k)]
        rankings.append(Ranking(prompt, responses, ranks, {"row": row, "votes": [1, 2], "note": "naïve ☃ \n"}))
    return Rankings(rankings)


# --- Ranking ---------------------------------------------------------------------------------------------------------


def test_a_ranking_holds_tuples_and_dense_ranks():
    ranking = Ranking("q", ["a", "b", "c"])
    assert (ranking.responses, ranking.ranks, len(ranking)) == (("a", "b", "c"), (0, 1, 2), 3)
    assert Ranking("q", ["a", "b", "c"], [2, 2, 7]).ranks == (0, 0, 1)
    assert ranking == Ranking("q", ("a", "b", "c"), (0, 1, 2), {"anything": 1})
    assert len({ranking, Ranking("q", ["a", "b", "c"])}) == 1


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((42, ["a", "b"]), "field \"prompt\" is a number (42)"),
        (("", ["a", "b"]), 'field "prompt" is empty'),
        (("q", "ab"), 'field "responses" is text'),
        (("q", ["a"]), "one response"),
        (("q", ["a", "a "]), "the same text"),
        (("q", ["a", None]), 'field "responses[1]" is null'),
        (("q", ["a", "b"], [0]), 'field "ranks" has 1 numbers for 2 responses'),
        (("q", ["a", "b"], [1, 0]), "best first"),
        (("q", ["a", "b"], [0, True]), 'field "ranks[1]" is true'),
    ],
)  # fmt: skip
def test_a_ranking_that_cannot_be(arguments, expected):
    with pytest.raises(InputError) as caught:
        Ranking(*arguments)
    assert expected in str(caught.value)


def test_pairs_are_all_those_with_different_ranks():
    for seed in range(20):
        for ranking in random_rankings(seed, n=12):
            slow = set()
            for i in range(len(ranking.responses)):
                for j in range(len(ranking.responses)):
                    if ranking.ranks[i] < ranking.ranks[j]:
                        slow.add((i, j))
            assert sorted(slow) == sorted(ranking.pairs())
    assert len(Ranking("q", list("abcdefghi")).pairs()) == 9 * 8 / 2
    assert Ranking("q", ["a", "b"], [0, 0]).pairs() == []


# --- Rankings --------------------------------------------------------------------------------------------------------


def test_a_slice_is_a_data_set_and_starts_with_no_refused_rows():
    data = Rankings(random_rankings(0), refused=["something"])
    assert isinstance(data[:7], Rankings) and len(data[:7]) == 7 and data[:7][3] == data[3]
    assert data[::-1][0] == data[-1] == list(data)[-1]
    assert data.refused == ["something"] and data[:7].refused == []
    assert data == Rankings(list(data)) and data != data[:-1]
    with pytest.raises(IndexError):
        data[len(data)]
    with pytest.raises(InputError, match="item 1 is a dict"):
        Rankings([data[0], {"prompt": "q"}])


def test_counts():
    data = Rankings([Ranking("q", ["a", "b", "c"], [0, 1, 1]), Ranking("r", ["a", "b"])])
    assert (data.n_pairs, data.prompts, repr(data)) == (3, ["q", "r"], "Rankings: 2 prompts, 3 pairs")


def spelling(prompt):
    return " ".join(prompt.lower().split())


def test_no_prompt_is_on_both_sides_of_a_split():
    for seed in range(50):
        data = random_rankings(seed)
        train, test = data.split(test=0.3, seed=seed)
        assert not {spelling(p) for p in train.prompts} & {spelling(p) for p in test.prompts}
        assert Counter(train) + Counter(test) == Counter(data)
        assert len({spelling(p) for p in test.prompts}) == round(0.3 * len({spelling(p) for p in data.prompts}))


@pytest.mark.process
def test_a_split_depends_on_the_prompts_and_the_seed_alone():
    data = random_rankings(3)
    assert data.split(seed=5) == data.split(seed=5)
    assert len({tuple(data.split(seed=seed)[1].prompts) for seed in range(10)}) > 5
    assert set(data[::-1].split(seed=5)[1]) == set(data.split(seed=5)[1])
    assert data.split(seed=5)[0].prompts == [p for p in data.prompts if p in set(data.split(seed=5)[0].prompts)]
    split = "load_rankings('toy').split(test=0.4, seed=1)[1]"
    program = f"from rmkit.loading import load_rankings; print(*{split}.prompts, sep='\\n')"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(DATASETS.parents[1]), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(runs) == 1 and len(runs.pop().splitlines()) == 4


def test_both_sides_of_a_split_hold_something():
    two = Rankings([Ranking("q", ["a", "b"]), Ranking("r", ["a", "b"])])
    for share in (0.001, 0.5, 0.999):
        assert [len(side) for side in two.split(test=share)] == [1, 1]
    for data in (two[:0], two[:1], Rankings([Ranking("q", ["a", "b"]), Ranking(" Q ", ["a", "c"])])):
        with pytest.raises(InputError, match="two different prompts"):
            data.split()
    for share in (0, 1, -0.1, 1.5, math.nan, True, "0.2", None):
        with pytest.raises(InputError, match="it must be a share"):
            two.split(test=share)
    for seed in (None, 0.5, "0", True):
        with pytest.raises(InputError, match="seed is"):
            two.split(seed=seed)


# --- saving ----------------------------------------------------------------------------------------------------------


def test_saved_rankings_come_back_equal(tmp_path):
    for seed in range(10):
        data = random_rankings(seed)
        data.save(tmp_path / "sub" / "data.jsonl")
        again = load_rankings(tmp_path / "sub" / "data.jsonl")
        assert again == data and [r.info for r in again] == [r.info for r in data]
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["data.jsonl"]


def test_saved_info_is_plain_json(tmp_path):
    info = {"nan": math.nan, "half": "\ud83d", "path": Path("x"), "scores": [math.nan, 1.0], "of": {"w": -math.inf}}
    Rankings([Ranking("q", ["a", "b"], info=info)]).save(tmp_path / "x.jsonl")
    text = (tmp_path / "x.jsonl").read_bytes().decode("utf-8")
    row = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    known = {"nan": None, "half": "\ud83d", "path": "x", "scores": [None, 1.0], "of": {"w": None}}
    assert row == {"prompt": "q", "responses": ["a", "b"]} | known


@pytest.mark.parametrize(
    "name, info, expected",
    [
        ("x.csv", {}, "must end in .jsonl"),
        ("x.jsonl", {"prompt": "other"}, 'info has the key "prompt"'),
        ("x.jsonl", {"chosen": 1, "rejected": 2}, "more than one shape"),
    ],
)
def test_what_could_not_be_read_again_is_not_saved(tmp_path, name, info, expected):
    with pytest.raises(InputError) as caught:
        Rankings([Ranking("q", ["a", "b"], info=info)]).save(tmp_path / name)
    assert expected in str(caught.value) and list(tmp_path.iterdir()) == []


def test_no_rankings_and_no_folder(tmp_path):
    with pytest.raises(InputError, match="no rankings to save"):
        Rankings([]).save(tmp_path / "x.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        load_rankings("toy").save(tmp_path / "file" / "x.jsonl")


# --- describe --------------------------------------------------------------------------------------------------------


def test_describe_by_hand():
    data = Rankings(
        [
            Ranking("one two", ["bbb", "a", "cc"], [0, 1, 1]),  # pairs: longer wins, longer wins; one tie
            Ranking("One  TWO", ["dd", "ee"]),  # equal length: half
            Ranking("three", ["f", "g h i"]),  # shorter wins
            Ranking("three", ["f", "g h i"], info={"again": True}),
        ]
    )
    found = data.describe()
    assert found["k"] == {"2": 3, "3": 1}
    counts = ("n_prompts", "n_rankings", "n_pairs", "n_ties", "n_refused", "repeated_prompts", "repeated_rankings")
    assert [found[name] for name in counts] == [3, 4, 5, 1, 0, 2, 1]
    assert (found["longest_wins"]["value"], found["shortest_wins"]["value"]) == (2.5 / 5, 2.5 / 5)
    assert found["words"]["prompt"] == {"min": 1, "median": 1.5, "p95": 2, "max": 2}
    assert found["words"]["response"] == {"min": 1, "median": 1, "p95": 3, "max": 3}
    json.dumps(found, allow_nan=False)


def test_describe_without_a_pair():
    for data in (Rankings([]), Rankings([Ranking("q", ["a", "b"], [0, 0])])):
        found = json.loads(json.dumps(data.describe(tokenizer=letters), allow_nan=False))
        assert found["longest_wins"] == {"value": None, "low": 0, "high": 1, "n": 0}


def letters(texts, **_):
    """A tokenizer with a token a letter and two around the text."""
    return {"input_ids": [[0, *map(ord, text), 1] for text in texts]}


def test_describe_counts_tokens_of_whole_texts():
    data = Rankings([Ranking("q" * 10, ["a" * k for k in (1, 500, 499, 700)])])
    tokens = data.describe(tokenizer=letters)["tokens"]
    assert tokens == {
        "min": 14, "median": (512 + 513) / 2, "p95": 713, "max": 713, "n": 4, "max_length": 512, "n_over": 2,
    }  # fmt: skip


def test_the_95th_percentile_is_the_least_that_95_percent_do_not_exceed():
    for n in (1, 2, 19, 20, 21, 100):
        lengths = random.Random(n).sample(range(1, 500), n)
        data = Rankings([Ranking("w " * length + "end", ["a", "b"]) for length in lengths])
        p95 = data.describe()["words"]["prompt"]["p95"] - 1
        assert sum(length <= p95 for length in lengths) >= 0.95 * n > sum(length < p95 for length in lengths)
