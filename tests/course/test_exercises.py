"""Every check accepts the reference and other correct ways of writing it, and refuses named wrong answers by name.

The answers stand in tests/course/answers/, a file a chapter: {exercise: (check, [right, ...], {label: (wrong, word), ...})}, where
`word` stands in what the check says of the wrong answer.
"""

import importlib
import itertools

import numpy as np
import pytest
import torch

from rmkit.course.exercises import Mistake, Verdict, call, check, plain, preference_data, show
from rmkit.course.exercises.preference_data import check_ranking_to_pairs
from tests.helpers.paths import ROOT

CHAPTERS = sorted(path.stem for path in (ROOT / "rmkit" / "course" / "exercises").glob("[!_]*.py"))
EXERCISES = {}
for chapter in CHAPTERS:
    EXERCISES |= importlib.import_module(f"tests.course.answers.{chapter}").EXERCISES


def each(which):
    return [
        pytest.param(check_it, *(item if isinstance(item, tuple) else (item,)), id=f"{name}: {label}")
        for name, (check_it, rights, wrongs) in EXERCISES.items()
        for label, item in (wrongs.items() if which == "wrong" else ((right.__name__, right) for right in rights))
    ]


@pytest.mark.parametrize("check_it, function", each("right"))
def test_accepts_correct_answers(check_it, function):
    verdict = check_it(function)
    assert verdict.passed, verdict
    assert verdict.message.startswith("Right. ")


@pytest.mark.parametrize("check_it, function, word", each("wrong"))
def test_names_the_mistake(check_it, function, word):
    verdict = check_it(function)
    assert not verdict.passed
    assert verdict.message.startswith("Not yet: ")
    assert word in verdict.message


@pytest.mark.parametrize("name", EXERCISES)
def test_every_mistake_has_its_own_message(name):
    check_it, rights, wrongs = EXERCISES[name]
    messages = {check_it(function).message for function, _ in wrongs.values()}
    assert len(messages) >= 5
    assert len(rights) >= 2
    assert len(messages) == len(wrongs)


def not_written(*arguments):
    raise NotImplementedError


def endless(*arguments):
    return endless(*arguments)


def leaves(*arguments):
    raise SystemExit


FAILURES = {
    "not written": (not_written, "still waits for your code"),
    "crash": (lambda *arguments: 1 / 0, "ZeroDivisionError"),
    "too many arguments": (lambda: 3, "TypeError"),
    "no return": (lambda *arguments: None, "missing its `return`"),
    "endless": (endless, "without end"),
    "exit": (leaves, "SystemExit"),
    "called": ([(0, 1)], "without calling it"),
}


@pytest.mark.parametrize("label", FAILURES)
@pytest.mark.parametrize("name", EXERCISES)
def test_no_function_makes_a_check_raise(name, label):
    function, word = FAILURES[label]
    verdict = EXERCISES[name][0](function)
    assert not verdict.passed
    assert word in verdict.message


def test_a_function_that_is_not_written_is_named_where_another_calls_it():
    def first(ranks):
        raise NotImplementedError

    def second(ranks):
        return first(ranks)

    assert "second calls first, which still waits for your code" in check_ranking_to_pairs(second).message
    assert "first still waits for your code" in check_ranking_to_pairs(first).message


@pytest.mark.parametrize("result", [0, 1.5, "text", b"bytes", [], (), {}, set(), [[]], [[], []], [None], [{1}], [[1], 2],
                                    (1, 2), ([1], [2]), ([[1]], [[1]]), ([["a"]], [["b"]]), object(), torch.ones(2, 3),
                                    torch.tensor(1), np.ones(2), [("a", "b", "c")], ([("a", "b", "c")], []), print, int])  # fmt: skip
@pytest.mark.parametrize("name", EXERCISES)
def test_no_result_makes_a_check_raise(name, result):
    verdict = EXERCISES[name][0](lambda *arguments: result)
    assert not verdict.passed
    assert verdict.message.startswith("Not yet: ")


def test_a_check_refuses_what_is_right_only_for_the_worked_number():
    assert "left out" in check_ranking_to_pairs(lambda ranks: [(0, 1), (0, 2)]).message


def test_the_simulated_restart_does_change_the_order_of_a_set():
    prompts = [{pair[0] for pair in preference_data._example_pairs(salt)} for salt in (0, 1)]
    assert prompts[0] != prompts[1] or list(prompts[0]) != list(prompts[1])
    assert sorted(map(str, prompts[0])) == sorted(map(str, prompts[1]))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_check_has_answers_and_a_solution_that_says_why(chapter):
    module = importlib.import_module(f"rmkit.course.exercises.{chapter}")
    names = [name.removeprefix("check_") for name in vars(module) if name.startswith("check_")]
    assert sorted(names) == sorted(importlib.import_module(f"tests.course.answers.{chapter}").EXERCISES)
    assert len(names) >= 4
    for name in names:
        solution = getattr(module, f"solution_{name}")
        assert "Why " in solution.__doc__.split("\n\n")[-1]
        assert ">>>" in solution.__doc__


def test_a_verdict_prints_as_its_message_and_is_true_when_passed():
    assert repr(Verdict(True, "Right. Good.")) == "✓ Right. Good."
    assert Verdict(True, "") and not Verdict(False, "")


def test_a_check_that_finds_nothing_praises():
    assert check(lambda function: "Well.")(len) == Verdict(True, "Right. Well.")


def test_a_mistake_becomes_a_verdict():
    @check
    def refuse(function):
        raise Mistake("no.")

    assert refuse(len) == Verdict(False, "Not yet: no.")


def test_call_hands_over_copies_and_reads_generators():
    given = [[1, 2]]
    assert call(lambda rows: (row for row in rows), given) == [[1, 2]]
    assert call(lambda rows: itertools.chain(rows), given) is not given
    with pytest.raises(Mistake, match="changed the list"):
        call(lambda rows: rows[0].append(3) or rows, given)
    assert given == [[1, 2]]


def test_call_hands_over_the_arguments_themselves_where_they_may_change():
    given = [1]
    assert call(lambda rows: rows.append(2) or rows, given, in_place=True) is given
    assert given == [1, 2]


def test_plain_unpacks_tensors_anywhere():
    assert plain((torch.tensor([[1, 2]]), [np.int64(3)], "4")) == [[[1, 2]], [3], "4"]
    assert plain({"ids": torch.tensor([5])}) == {"ids": [5]}


def test_show_shortens_in_the_middle():
    assert len(show(list(range(1000)))) <= 90
    assert show([1]) == "[1]"
    assert show(torch.ones(2, 2)) == "tensor([[1., 1.], [1., 1.]])"
