"""Every check accepts the reference and other correct ways of writing it, and refuses named wrong answers by name.

The answers stand in tests/course/answers/, a file a chapter: {exercise: (check, [right, ...], {label: (wrong, word),
...})}, where `word` stands in what the check says of the wrong answer.
"""

import importlib
import itertools
import random

import numpy as np
import pytest
import torch

from rmkit.course.exercises import Mistake, Verdict, call, check, diagnose, either, equal, plain, preference_data, show
from rmkit.course.exercises.preference_data import check_ranking_to_pairs
from tests.course.answers.preference_data import split_by_hash
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


@pytest.mark.parametrize("result", [0, 1.5, "text", b"bytes", [], (), {}, set(), [[]], [[], []], [None], [{1}],
                                    [[1], 2],
                                    (1, 2), ([1], [2]), ([[1]], [[1]]), ([["a"]], [["b"]]), object(), torch.ones(2, 3),
                                    torch.tensor(1), np.ones(2), [("a", "b", "c")], ([("a", "b", "c")], []),
                                    print, int])  # fmt: skip
@pytest.mark.parametrize("name", EXERCISES)
def test_no_result_makes_a_check_raise(name, result):
    verdict = EXERCISES[name][0](lambda *arguments: result)
    assert not verdict.passed
    assert verdict.message.startswith("Not yet: ")


def test_a_check_refuses_what_is_right_only_for_the_worked_number():
    assert "left out" in check_ranking_to_pairs(lambda ranks: [(0, 1), (0, 2)]).message


def test_the_simulated_restart_does_change_the_order_of_a_set():
    names = preference_data._colliding_names()
    assert len(set(names)) == 10
    assert list({*names}) != list({*reversed(names)})


def test_a_split_by_hash_is_refused():
    assert "`hash`" in preference_data.check_split_by_prompt(split_by_hash).message


def test_no_check_feeds_a_text_or_number_that_is_not_what_it_looks_like():
    for path in (ROOT / "rmkit" / "course" / "exercises").glob("*.py"):
        assert "def __hash__" not in path.read_text(encoding="utf-8"), path


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


def test_a_python_error_names_the_line_of_the_learner():
    def first(ranks):
        pairs = []
        pairs.append(ranks[99])
        return pairs

    message = check_ranking_to_pairs(first).message
    assert "IndexError: list index out of range. It happened in line 3 of first: `pairs.append(ranks[99])`" in message


def test_a_list_that_was_shuffled_to_none_is_named():
    def split(pairs, test, seed):
        prompts = random.Random(seed).shuffle(sorted({pair[0] for pair in pairs}))
        return pairs[: len(prompts)], []

    message = preference_data.check_split_by_prompt(split).message
    assert "NoneType" in message and "`random.Random(seed).shuffle` returns None" in message
    assert "returns None" in check_ranking_to_pairs(returns_append).message


def returns_append(ranks):
    pairs = []
    return pairs.append((0, 1))


def test_a_return_inside_a_loop_is_named():
    def first(ranks):
        pairs = []
        for i in range(len(ranks)):
            pairs += [(i, j) for j in range(len(ranks)) if ranks[i] < ranks[j]]
            return pairs

    assert "the `return` in line 5: it stands inside the `for`" in check_ranking_to_pairs(first).message
    assert "no pair at all" in check_ranking_to_pairs(lambda ranks: []).message


def test_a_return_at_the_first_hit_is_named():
    def first_hit(ranks):
        for i in range(len(ranks)):
            for j in range(len(ranks)):
                if ranks[i] < ranks[j]:
                    return [(i, j)]

    def goes_on(ranks):
        for rank in ranks:
            if rank < 0:
                return []
        return [(0, 1)]

    assert "the `return` in line 5: it ends the loop at the first hit" in check_ranking_to_pairs(first_hit).message
    assert "first hit" not in check_ranking_to_pairs(goes_on).message


def test_a_search_that_returns_from_a_loop_is_not_taken_for_a_slip():
    def first(ranks):
        for i in ranks:
            if i > 99:
                return []
        return [(0, 1)]

    assert "inside the `for`" not in check_ranking_to_pairs(first).message


def test_a_failed_assert_prints_its_expression():
    def first(ranks):
        assert (
            len(ranks)
            == 99
        )  # fmt: skip
        return []

    assert "`assert len(ranks) == 99`" in check_ranking_to_pairs(first).message


def test_the_package_s_own_solution_is_told_apart():
    solution = preference_data.solution_ranking_to_pairs
    assert "own solution" in check_ranking_to_pairs(solution).message
    assert "own solution" not in check_ranking_to_pairs(lambda ranks: solution(ranks)).message
    assert not preference_data.check_pad(solution)


def test_success_and_failure_look_different():
    passed, failed = Verdict(True, "Right."), Verdict(False, "Not yet: `a < b` misses\n- `x`\n- y")
    assert repr(passed).startswith("✓ ") and repr(failed) == "✗ Not yet: `a < b` misses\n- `x`\n- y"
    assert "rmkit-verdict passed" in passed._repr_html_() and "rmkit-verdict failed" in failed._repr_html_()
    assert "<code>a &lt; b</code> misses<ul><li><code>x</code></li><li>y</li></ul>" in failed._repr_html_()


def test_the_in_place_message_names_shuffle():
    with pytest.raises(Mistake, match="`shuffle`"):
        call(lambda rows: random.shuffle(rows) or rows, list(range(50)))


def test_diagnose_says_the_first_mistake_that_gives_the_answer():
    likely = [
        (None, "never"),
        (either([9], (2.0, 2.0)), "either"),
        (torch.tensor([3.0, 3.0]), "tensor"),
        (lambda got: len(got) == 1, "condition"),
    ]
    diagnose([1, 1 + 1e-9], (1, 1), likely)
    for got, word in (([2, 2], "either"), (np.array([3, 3]), "tensor"), ([7], "condition"), ([5, 5], "other")):
        with pytest.raises(Mistake, match=f"^Here {word}$"):
            diagnose(got, [1, 1], likely, otherwise="other", here="Here")


def test_equal_has_a_tolerance_a_call():
    assert equal(100.0, 101.0, rel=0.02) and not equal(100.0, 101.0)
    assert equal({"a": 1}, {"a": 1.0}) and not equal({"a": 1}, {"b": 1})
    assert not equal("1", 1) and not equal(None, 0)


def test_show_shortens_in_the_middle():
    assert len(show(list(range(1000)))) <= 90
    assert show([1]) == "[1]"
    assert show(torch.ones(2, 2)) == "tensor([[1., 1.], [1., 1.]])"
