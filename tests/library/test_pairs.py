"""The pairs of rankings of different lengths, counted by a slow double loop."""

import numpy as np
import pytest

from rmkit.intervals import by_prompt
from rmkit.pairs import Pairs
from rmkit.rankings import Ranking, side_by_side

RANKINGS = [
    Ranking("b", ["x", "yy", "zzz"], ranks=[0, 1, 1]),
    Ranking("a", ["u", "vv"]),
    Ranking("tie", ["yes", "no"], ranks=[0, 0]),
    Ranking("b", ["p", "q", "r", "s"]),
]
VALUES = [0.5, -1.0, 2.0, 3.0, 3.0, 0.0, 1.0, 0.25, 0.75, -0.5, 4.0]


def by_hand():
    """(better, worse, ranking) of each pair, in the order of the rankings."""
    pairs, start = [], 0
    for number, ranking in enumerate(RANKINGS):
        pairs += [(start + i, start + j, number) for i, j in ranking.pairs()]
        start += len(ranking)
    return pairs


def test_positions_are_those_of_a_loop():
    pairs = Pairs(RANKINGS)
    found = zip(pairs.better.tolist(), pairs.worse.tolist(), pairs.ranking.tolist(), strict=True)
    assert list(found) == by_hand() and len(pairs) == len(by_hand()) == 9
    assert pairs.starts.tolist() == [0, 3, 5, 7, 11] and sum(pairs.sizes) == len(pairs.ranks) == 11


def test_prompts_are_numbered_as_they_first_appear_and_go_with_their_pairs():
    pairs = Pairs(RANKINGS)
    assert pairs.prompt_of_ranking.tolist() == [0, 1, 2, 0]
    prompts, _ = side_by_side(RANKINGS)
    names = ["b", "a", "tie"]
    assert [names[number] for number in pairs.prompt_of_pair] == [prompts[better] for better, _, _ in by_hand()]


@pytest.mark.parametrize("kind", [list, np.array])
def test_margins_and_accuracy(kind):
    pairs, values = Pairs(RANKINGS), kind(VALUES)
    margins = [VALUES[better] - VALUES[worse] for better, worse, _ in by_hand()]
    assert pairs.margins(values).tolist() == pytest.approx(margins)
    right = [1 if margin > 0 else 0.5 if margin == 0 else 0 for margin in margins]
    assert pairs.accuracy(values) == by_prompt(right, [0, 0, 1, 0, 0, 0, 0, 0, 0])


def test_rankings_without_a_pair_have_none():
    pairs = Pairs(RANKINGS[2:3])
    assert len(pairs) == 0 and pairs.margins([1.0, 2.0]).shape == pairs.prompt_of_pair.shape == (0,)
    assert pairs.accuracy([1.0, 2.0]).value is None
