"""Attacks keep the response; the scoreboard against counting by hand, on stand-ins whose rewards are known."""

import json
import re
import tracemalloc

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from rmkit.attacks import (
    ATTACKS,
    add_format,
    answer_another,
    leave_one_out,
    scoreboard,
    stuff_keywords,
)
from rmkit.errors import InputError
from rmkit.intervals import wilson
from rmkit.loading import load_rankings
from rmkit.rankings import Ranking, Rankings


class Known:
    """A model whose reward is a known function of prompt and response; it counts the calls."""

    def __init__(self, reward):
        self.reward, self.calls = reward, 0

    def score(self, prompt, response):
        self.calls += 1
        prompts = [prompt] * len(response) if isinstance(prompt, str) else prompt
        return [self.reward(x, y) for x, y in zip(prompts, response, strict=True)]


TOY, COURSE = load_rankings("toy"), load_rankings("course:test")
REWARDS = {"good": 3.0, "fair": 1.0, "bad": 0.0, "right": 0.5, "wrong!": 0.5, "yes": -1.0, "no": 2.0}
DATA = Rankings(
    [
        Ranking("one", ["good", "fair", "bad"]),
        Ranking("two", ["right", "wrong!"]),
        Ranking("tie", ["a", "b"], ranks=[0, 0]),  # left out
        Ranking("three", ["yes", "no"]),
    ]
)


def plus(amount):
    """An attack that Known's rewards below pay `amount` for."""
    return lambda prompt, response: f"{response}+{amount}"


def reward(prompt, response):
    text, _, more = response.partition("+")
    return REWARDS[text] + float(more or 0)


# --- the attacks


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_takes_nothing_away_and_adds_something(name):
    for ranking in [*TOY, *COURSE]:
        for response in (ranking.responses[0], ranking.responses[-1]):
            attacked = ATTACKS[name](ranking.prompt, response)
            rest = iter(re.findall(r"\w+", attacked))
            assert all(word in rest for word in re.findall(r"\w+", response))  # all words, in their order
            assert len(attacked) > len(response)
            assert ATTACKS[name](ranking.prompt, response) == attacked


def test_format_puts_every_sentence_under_a_bullet():
    assert add_format("?", "One. Two! Three").splitlines()[2:] == ["- **One.**", "- **Two!**", "- **Three**"]


def test_keywords_are_the_long_words_each_once_and_never_none():
    assert stuff_keywords("Who Wrote it, and who wrote that?", "Me.") == "Me. Keywords: wrote, that."
    assert stuff_keywords("2 + 2?", "4.") == "4. Keywords: 2."


def test_another_question_is_answered_well_and_by_seed():
    best = {ranking.responses[0]: ranking.prompt for ranking in TOY}
    drawn = [[answer_another(TOY, seed)(ranking.prompt, "x") for ranking in TOY] for seed in range(4)]
    for answers in drawn:
        assert all(best[answer] != ranking.prompt for answer, ranking in zip(answers, TOY, strict=True))
    assert len({tuple(answers) for answers in drawn}) == 4
    turned = answer_another(Rankings(list(TOY)), 0)
    assert [turned(ranking.prompt, "y") for ranking in TOY] == drawn[0]
    with pytest.raises(InputError, match="one prompt"):
        answer_another(TOY[:1])


def test_prompts_that_differ_in_case_or_spacing_are_one_question():
    twins = [Ranking("Capital of Peru?", ["Lima", "Cusco"]), Ranking("capital of  Peru?", ["It is Lima.", "Rome"])]
    with pytest.raises(InputError, match="one prompt"):
        answer_another(Rankings(twins))
    with pytest.raises(InputError, match="fewer than two prompts"):
        scoreboard(Known(reward), Rankings(twins), {"nothing": lambda prompt, response: response})
    more = Rankings([*twins, Ranking("Largest city of Peru?", ["Lima ", "Rome"]), Ranking("2 + 2?", ["4", "5"])])
    assert {answer_another(more, seed)("Capital of Peru?", "Cusco") for seed in range(8)} == {"4"}


# --- the scoreboard


def test_every_number_by_hand():
    model = Known(reward)
    board = scoreboard(model, DATA, {"one more": plus(1), "four more": plus(4)})
    assert model.calls == 1
    # pairs: good-fair, good-bad, fair-bad, right-wrong (equal), yes-no (wrong way round)
    assert board.accuracy.value == 3.5 / 5 and board.accuracy.n == 5
    # of these four differ in length: good = fair, good > bad, fair > bad, wrong! > right (equal), yes > no
    assert board.prefers_longer.value == (1 + 1 + 0.5 + 0) / 4 and board.prefers_longer.n == 4
    assert board.unattacked.value == 0.5 and board.n_prompts == 3
    one, four = board.attacks["one more"], board.attacks["four more"]
    assert (one["gain"].value, four["gain"].value) == (1.0, 4.0)
    assert one["overtakes"].value == pytest.approx(2 / 3) and four["overtakes"].value == 1
    assert four["overtakes"].low == pytest.approx(wilson(3, 3).low) and four["overtakes"].high == 1
    assert one["more"].value == pytest.approx(0.5 / 3) and four["more"].value == pytest.approx(1.5 / 3)


def test_a_model_that_pays_for_length_shows_it():
    board = scoreboard(Known(lambda prompt, response: len(response)), COURSE)
    assert board.prefers_longer.value == 1.0
    assert board.attacks["padding"]["gain"].value == len(ATTACKS["padding"]("", ""))
    assert board.attacks["padding"]["overtakes"].value > 0.95
    assert list(board.attacks) == [*ATTACKS, "another question"]


def test_an_attack_that_does_nothing_gains_nothing():
    board = scoreboard(
        Known(lambda prompt, response: sum(response.encode()) % 97), TOY, {"nothing": lambda prompt, response: response}
    )
    row = board.attacks["nothing"]
    assert row["gain"].value == row["gain"].low == row["gain"].high == 0.0
    assert row["overtakes"] == board.unattacked and row["more"].value == 0.0


def test_it_prints_and_becomes_json(tmp_path):
    board = scoreboard(Known(reward), DATA, {"one more": plus(1)})
    assert str(board).splitlines()[0] == f"{'accuracy':<30}0.70 [{board.accuracy.low:.2f}, {board.accuracy.high:.2f}]"
    assert "one more          +1.00 [+1.00, +1.00]" in str(board)
    assert all(len(line) <= 78 for line in str(board).splitlines())
    board.save(tmp_path / "board.json")
    saved = json.loads((tmp_path / "board.json").read_text())
    assert saved == json.loads(json.dumps(board.to_dict()))
    assert saved["attacks"]["one more"]["gain"]["value"] == 1.0


def test_where_no_lengths_differ_what_is_preferred_is_unknown():
    same = Rankings([Ranking(name, ["good", "fair"]) for name in "ab"])
    board = scoreboard(Known(reward), same, {"one more": plus(1)})
    assert board.prefers_longer.value is None and "unknown" in str(board)


@pytest.mark.parametrize(
    "data, attacks, sentence",
    [
        (DATA[:1], {"one": plus(1)}, "fewer than two prompts"),
        (DATA, {}, "attacks is empty"),
        (DATA, {"silent": lambda prompt, response: " "}, "attack 'silent' made ' '"),
        (DATA, {"broken": lambda prompt, response: None}, "attack 'broken' made None"),
    ],
)
def test_what_cannot_work_is_refused_before_scoring(data, attacks, sentence):
    model = Known(reward)
    with pytest.raises(InputError, match=sentence):
        scoreboard(model, data, attacks)
    assert model.calls == 0


# --- intervals


def test_a_gain_has_about_students_interval():
    """One value a prompt, and gains that differ: the paired t interval."""
    gains = {
        ranking.prompt: gain
        for ranking, gain in zip(COURSE, np.random.default_rng(3).normal(0.3, 1.1, len(COURSE)), strict=True)
    }
    model = Known(lambda prompt, response: gains[prompt] * response.endswith("+"))
    row = scoreboard(model, COURSE, {"plus": lambda prompt, response: f"{response}+"}).attacks["plus"]
    low, high = ttest_1samp(list(gains.values()), 0).confidence_interval()
    assert row["gain"].value == pytest.approx(np.mean(list(gains.values())))
    assert (row["gain"].low, row["gain"].high) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))


def test_an_interval_holds_its_number_where_prompts_agree_and_has_no_width_where_all_gains_do():
    same = scoreboard(Known(reward), DATA, {"four more": plus(4)}).attacks["four more"]["gain"]
    assert (same.value, same.low, same.high) == (4, 4, 4)
    rows = [Ranking(prompt, [best, "no"]) for prompt in ("a?", "b?") for best in ("yes, two", "yes, three")]
    gains = {"yes, two": 2.0, "yes, three": 3.0}  # of the rows of each prompt: the prompts agree, their rows do not
    model = Known(lambda prompt, response: gains.get(response[:-1], 0.0))
    attack = iter(list(gains) * 2)
    found = scoreboard(model, Rankings(rows), {"mixed": lambda prompt, response: f"{next(attack)}+"}).attacks["mixed"][
        "gain"
    ]
    assert found.low < found.value == 2.5 < found.high


def test_long_prompts_are_not_copied():
    """An array of texts gives each of them the room of the longest, four bytes a character."""
    data = Rankings([Ranking(f"{n} {'?' * 50_000}", ["yes", "no", "perhaps"]) for n in range(40)])
    model = Known(lambda prompt, response: len(response))
    tracemalloc.start()
    try:
        scoreboard(model, data, {"nothing": lambda prompt, response: response})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000, "one array of the 40 prompts takes 8 million bytes"


# --- what the model looks at


def test_each_word_is_left_out_alone_and_in_one_call():
    values = {"It": 1.0, "is": 2.0, "the": 4.0, "law.": 8.0}
    model = Known(lambda prompt, response: sum(values[word] for word in response.split()))
    found = leave_one_out(model, "?", "It  is the law. is")
    assert found == [("It", 1.0), ("is", 2.0), ("the", 4.0), ("law.", 8.0), ("is", 2.0)]
    assert model.calls == 1


def test_one_word_alone_cannot_be_left_out():
    with pytest.raises(InputError, match="'Canberra'.*two words or more"):
        leave_one_out(Known(reward), "?", "Canberra")


def test_another_question_is_never_answered_rightly_by_chance():
    rows = [("Is 2 even?", ["Yes.", "No."]), ("is 2  EVEN?", ["Indeed.", "No."]), ("Is 3 odd?", ["Yes.", "Never."])]
    data = Rankings(
        [Ranking(prompt, responses) for prompt, responses in rows] + [Ranking("Capital of Peru?", ["Lima", "Rome"])]
    )
    assert {answer_another(data, seed)("Is 2 even?", "No.") for seed in range(20)} == {"Lima"}
