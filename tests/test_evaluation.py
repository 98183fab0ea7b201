"""The report against slow counting, on a stand-in whose rewards are known."""

import json
import math
from types import SimpleNamespace

import pytest
import torch

from rmkit.data import Ranking, Rankings, load_rankings
from rmkit.encoders import load_tokenizer
from rmkit.errors import InputError
from rmkit.evaluation import evaluate, share_above_zero
from rmkit.model import RewardModel


class Fixed:
    """A model that gives the rewards it was told to, in order."""

    def __init__(self, rewards, text_length=64):
        self.rewards, self.tokenizer = rewards, load_tokenizer()
        self.config = SimpleNamespace(text_length=text_length)

    def score_ids(self, texts, batch_size=32):
        assert len(texts) == len(self.rewards)
        return self.rewards


DATA = Rankings(
    [
        Ranking("Name a fruit.", ["an apple", "a pear tree", "a brick"]),  # pairs: short-long, long-short, long-short
        Ranking("2 + 2?", ["4", "5"]),  # equal length
        Ranking("Tie?", ["yes", "no"], ranks=[0, 0]),  # left out
        Ranking("Name a fruit.", ["a plum", "a rock", "a fig"], ranks=[0, 1, 1]),  # equal; long-short; a tie inside
    ]
)
REWARDS = [0.9, 0.1, 0.4, -0.2, 0.3, 0.5, 0.5, -0.5]
MARGINS = [0.8, 0.5, -0.3, -0.5, 0.0, 1.0]


def test_every_number_by_hand():
    report = evaluate(Fixed(REWARDS), DATA)
    assert report.margins == pytest.approx(MARGINS)
    assert report.accuracy.value == 3.5 / 6  # three right, one equal
    assert (report.n_pairs, report.n_prompts, report.n_ties) == (6, 2, 2)
    losses = [math.log1p(math.exp(-margin)) for margin in MARGINS]
    assert report.log_loss == pytest.approx(sum(losses) / 6, abs=1e-6)
    by_ranking = [sum(losses[:3]) / 3, losses[3], sum(losses[4:]) / 2]
    assert report.ranking_loss == pytest.approx(sum(by_ranking) / 3, abs=1e-6)
    # longer wins: "a pear tree" and "a plum" over shorter ones, and "an apple" over "a brick"; two pairs are equal
    assert report.baselines["longest"].value == pytest.approx((3 + 2 / 2) / 6)
    assert report.baselines["shortest"].value == pytest.approx((1 + 2 / 2) / 6)
    assert report.baselines["chance"].value == 0.5
    assert (report.n_truncated, report.n_answers_cut) == (0, 0)


def test_the_interval_is_wilsons():
    from scipy.stats import binomtest

    wilson = binomtest(3, 4).proportion_ci(method="wilson")
    found = share_above_zero(torch.tensor([0.1, 0.2, 0.3, -0.1]))
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-6)


def test_a_model_that_knows_nothing_is_a_coin():
    report = evaluate(Fixed([0.25] * 8), DATA)
    assert report.accuracy.value == 0.5
    assert report.log_loss == pytest.approx(math.log(2), abs=1e-6)


def test_cut_texts_are_counted():
    report = evaluate(Fixed(REWARDS, text_length=7), DATA)
    assert report.n_truncated == 6 and report.n_answers_cut == 0


def test_a_real_model_gives_the_same_report_whatever_the_batch():
    model, toy = RewardModel.from_encoder(), load_rankings("toy")
    one, many = evaluate(model, toy, batch_size=1), evaluate(model, toy, batch_size=20)
    assert one.margins == pytest.approx(many.margins, abs=1e-5)
    slow = [a - b for a, b in (model.score(ranking.prompt, ranking.responses) for ranking in toy)]
    assert many.margins == pytest.approx(slow, abs=1e-5)
    assert many.accuracy.value == sum(margin > 0 for margin in slow) / 10


def test_json_and_print(tmp_path):
    report = evaluate(Fixed(REWARDS), DATA)
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved == json.loads(json.dumps(report.to_dict()))
    assert saved["accuracy"].keys() == {"value", "low", "high", "n"}
    assert saved["baselines"].keys() == {"chance", "longest", "shortest"}
    text = str(report)
    assert all(words in text for words in ("6 pairs from 2 prompts", "0.583", "longest wins", "a coin"))


def test_nothing_to_measure_is_said():
    with pytest.raises(InputError, match="no pair"):
        evaluate(Fixed([]), DATA[2:3])
    with pytest.raises(InputError, match="no pair"):
        evaluate(Fixed([]), Rankings([]))
