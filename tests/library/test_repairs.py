"""Repairs do to data and rewards what they promise, checked by counting and against closed forms."""

import numpy as np
import pytest
from scipy.stats import linregress

from rmkit.attacks import ATTACKS, scoreboard
from rmkit.errors import InputError
from rmkit.evaluation import compare, evaluate
from rmkit.loading import load_rankings
from rmkit.rankings import Ranking, Rankings
from rmkit.repairs import (
    LengthFree,
    add_attacked_copies,
    add_random_answers,
    as_pairs,
    balance_length,
    length_free,
)

TRAIN = load_rankings("course:train")
SOME = TRAIN[::7]


class Stand:
    """A model whose reward is a known function of prompt and response."""

    def __init__(self, reward):
        self.reward = reward

    def score(self, prompt, response):
        if isinstance(response, str):
            return self.reward(prompt, response)
        prompts = [prompt] * len(response) if isinstance(prompt, str) else prompt
        return [self.reward(x, y) for x, y in zip(prompts, response, strict=True)]


def longest_wins(rankings):
    """(pairs in which the longer one is better, in which it is worse), counted pair by pair."""
    longer = [len(r.responses[i]) - len(r.responses[j]) for r in rankings for i, j in r.pairs()]
    return sum(n > 0 for n in longer), sum(n < 0 for n in longer)


def test_flaws_go_with_their_responses():
    flaws = {response: flaw for r in SOME for response, flaw in zip(r.responses, r.info["flaws"], strict=True)}
    for pair in as_pairs(SOME):
        assert pair.info["flaws"] == [flaws[response] for response in pair.responses]
    copy = add_attacked_copies(SOME, [ATTACKS["echo"]])[-1]
    assert copy.info["flaws"] == [None, "attacked copy"]


def test_what_is_known_of_the_ranking_stays_whole():
    """A list is not parallel to the responses because it happens to be as long."""
    about = {"tags": ["law", "short"], "flaws": [None, "vague"], "votes": [1, 1]}
    data = Rankings([Ranking("Capital of Peru?", ["Lima", "Cusco"], info=about), Ranking("2 + 2?", ["4", "5"])])
    copy, more = add_attacked_copies(data, [ATTACKS["echo"]])[2], add_random_answers(data)[0]
    assert as_pairs(data)[0].info == about
    assert copy.info == {"tags": ["law", "short"], "flaws": [None, "attacked copy"]}, "nobody voted on the copy"
    assert more.info == {"tags": ["law", "short"], "flaws": [None, "vague", "answers another prompt"]}
    triple = Ranking("Name a river.", ["Nile", "Rhine", "Lima"], info={"tags": ["a", "b", "c"], "scores": [3, 2, 1]})
    assert as_pairs(Rankings([triple]))[1].info == {"tags": ["a", "b", "c"], "scores": [3, 1]}


def test_pairs_stand_alone_and_none_is_lost():
    pairs = as_pairs(SOME)
    assert len(pairs) == SOME.n_pairs == pairs.n_pairs
    assert all(len(pair) == 2 and pair.ranks == (0, 1) and "domain" in pair.info for pair in pairs)
    assert not as_pairs(Rankings([Ranking("?", ["a", "b"], ranks=[0, 0])]))


@pytest.mark.parametrize("share", [0, 0.25, 0.5, 0.7, 0.9, 1])
def test_the_share_is_met_and_no_pair_is_new(share):
    found = balance_length(SOME, longest_wins=share, seed=3)
    longer, shorter = longest_wins(found)
    assert longer + shorter == len(found)
    assert longer / len(found) == pytest.approx(share, abs=0.5 / len(found))
    assert set(found) <= set(as_pairs(SOME))
    assert len(set(found)) == len(found)


def test_as_many_pairs_are_kept_as_can_be():
    longer, shorter = longest_wins(SOME)
    assert len(balance_length(SOME)) == 2 * min(longer, shorter)
    assert longest_wins(balance_length(SOME, longest_wins=0.9))[0] in (longer, longer - 1)
    assert len(balance_length(SOME, longest_wins=0.9, n_pairs=40)) == 40


def test_hundred_pairs_are_not_lost_to_rounding():
    data = Rankings([Ranking(f"{n}", ["long one", "short"] if n < 70 else ["short", "long one"]) for n in range(100)])
    assert len(balance_length(data, longest_wins=0.7)) == 100


def test_the_seed_draws():
    first, again, other = (balance_length(SOME, 0.9, n_pairs=50, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"longest_wins": 1.2}, "longest_wins is 1.2"),
        ({"longest_wins": True}, "longest_wins is True"),
        ({"n_pairs": 0}, "n_pairs is 0"),
        ({"n_pairs": 10_000}, "possible for [0-9]+ pairs at most"),
    ],
)
def test_a_balance_that_cannot_be_is_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        balance_length(SOME, **settings)


def test_without_shorter_winners_nothing_can_be_balanced():
    with pytest.raises(InputError, match="possible for 0 pairs"):
        balance_length(Rankings([Ranking("?", ["a long one", "short"])]))


def test_a_random_answer_is_anothers_best_and_tied_with_the_worst():
    best = {}
    for ranking in SOME:
        best.setdefault(ranking.responses[0], set()).add(ranking.prompt)
    more = add_random_answers(SOME, seed=1)
    for before, after in zip(SOME, more, strict=True):
        assert after.responses[:-1] == before.responses and after.info["domain"] == before.info["domain"]
        assert after.info["flaws"] == [*before.info["flaws"], "answers another prompt"]
        assert after.ranks == (*before.ranks, before.ranks[-1])
        assert best[after.responses[-1]] - {before.prompt}
        assert len(after.pairs()) == len(before.pairs()) + before.ranks[:].index(before.ranks[-1])
    assert more == add_random_answers(SOME, seed=1) != add_random_answers(SOME, seed=2)
    assert len({ranking.responses[-1] for ranking in more}) > len(SOME) / 3  # drawn for each, not once


def test_random_answers_need_another_prompt():
    with pytest.raises(InputError, match="'Capital of Peru\\?'.*no other prompt"):
        add_random_answers(Rankings([Ranking("Capital of Peru?", ["Lima", "Rome"])] * 2))


def test_no_right_answer_is_added_as_a_random_one():
    """Prompts are the same whatever their case and spacing, and responses whatever the blanks around them."""
    data = Rankings(
        [
            Ranking("Capital of Peru?", ["Lima", "Cusco"]),
            Ranking("capital of  Peru?", ["It is Lima.", "Rome"]),
            Ranking("Is it the largest city of Peru?", ["Lima ", "No"]),
            Ranking("2 + 2?", ["4", "5"]),
        ]
    )
    for seed in range(8):
        more = add_random_answers(data, seed)
        assert more[0].responses[-1] == "4", "all others say Lima"
        assert more[1].responses[-1] in ("Lima ", "4") and more[2].responses[-1] in ("It is Lima.", "4")
    with pytest.raises(InputError, match="no other prompt"):
        add_random_answers(data[:2])


def test_a_copy_is_worse_than_its_original_and_compared_with_nothing_else():
    attacks = [ATTACKS["padding"], ATTACKS["echo"]]
    more = add_attacked_copies(SOME, attacks)
    assert more[: len(SOME)] == SOME
    kinds = set()
    for ranking, copy in zip(SOME, more[len(SOME) :], strict=True):
        best = ranking.responses[0]
        made = [attack(ranking.prompt, best) for attack in attacks]
        assert copy.prompt == ranking.prompt and copy.responses[0] == best and copy.responses[1] in made
        assert copy.pairs() == [(0, 1)]
        kinds.add(made.index(copy.responses[1]))
    assert kinds == {0, 1}
    with pytest.raises(InputError, match="attacks is empty"):
        add_attacked_copies(SOME, [])


def test_the_slope_is_found_whatever_the_prompts_level():
    """Reward = level of the prompt + 0.003 a character, and prompts with long responses have a low level."""
    mean = {ranking.prompt: np.mean([len(y) for y in ranking.responses]) for ranking in SOME}
    free = length_free(Stand(lambda x, y: -0.01 * mean[x] + 0.003 * len(y)), SOME)
    assert free.slope == pytest.approx(0.003)
    for ranking in SOME:
        assert np.ptp(free.score(ranking.prompt, list(ranking.responses))) < 1e-9


def test_on_one_prompt_the_slope_is_the_ordinary_regressions():
    ranking = max(TRAIN, key=len)
    rewards = {
        y: float(r) for y, r in zip(ranking.responses, np.random.default_rng(0).normal(size=len(ranking)), strict=True)
    }
    free = length_free(Stand(lambda x, y: rewards[y]), Rankings([ranking]))
    assert free.slope == pytest.approx(linregress([len(y) for y in ranking.responses], list(rewards.values())).slope)


def test_length_free_scores_and_ranks_as_a_model_does():
    free = LengthFree(Stand(lambda x, y: y.count("a") + 0.5 * len(y)), slope=0.5)
    assert free.score("?", "banana") == 3.0
    assert free.score("?", ["banana", "a"]) == [3.0, 1.0] == free.score(["?", "!"], ["banana", "a"])
    assert free.rank("?", ["a", "banana", "cherry"]) == [("banana", 3.0), ("a", 1.0), ("cherry", 0.0)]


def test_length_free_is_measured_by_the_scoreboard_and_refused_by_evaluate():
    free = LengthFree(Stand(lambda x, y: 0.5 * len(y)), slope=0.5)
    assert not {"seen", "score_ids"} & set(dir(free))
    assert scoreboard(free, SOME).accuracy.value == 0.5
    for measure in (lambda: evaluate(free, SOME), lambda: compare(free, free, SOME)):
        with pytest.raises(InputError, match="LengthFree.*scoreboard measures it"):
            measure()


def test_without_different_lengths_there_is_no_slope():
    with pytest.raises(InputError, match="no slope can be fitted"):
        length_free(Stand(lambda x, y: 0.0), Rankings([Ranking("?", ["yes", "nay"])]))
