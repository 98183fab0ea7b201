"""What is printed and what a model card says: every number of the report, and every warning that takes from it."""

import json

import pytest
import yaml

from rmkit.attacks import scoreboard
from rmkit.cards import model_card
from rmkit.evaluation import compare, evaluate
from rmkit.loading import load_rankings
from rmkit.model import RewardModel
from rmkit.rankings import Ranking, Rankings
from rmkit.scoring import Scored
from rmkit.sketches import sketch
from tests.helpers.stand_in import DATA, MARGINS, REWARDS, Fixed, fixed_report


def test_a_report_in_words():
    text = str(fixed_report())
    for words in [
        "6 pairs from 2 prompts; 2 ties left out",
        "accuracy                   0.583 [",
        "a coin                     0.500 [",
        "longest wins               0.667 [",
        "model without the prompt   0.500 [",
        "best of K                  0.750 [",
        "(a coin: 0.693)",
        "a calibrated model: ",
        "accuracy by distance in rank\n  1 rank",
        "nobody knows whether the model was trained on these prompts",
        "checks passed: a text alone is scored as in a batch; padding",
    ]:
        assert words in text, words
    assert all(len(line) < 120 for line in text.splitlines()[:-2])


def test_warnings():
    model = Fixed(REWARDS, DATA)
    model.seen = sketch(["2 + 2?"])
    assert "1 prompts were trained on: this measures memory" in str(evaluate(model, DATA, seen="measure"))
    model.seen = sketch(["another"])
    assert "trained on" not in str(evaluate(model, DATA))
    broken = Fixed(REWARDS, DATA)
    broken.score_ids = lambda texts, batch_size=32: [0.01 * i for i in range(len(texts))]
    text = str(evaluate(broken, DATA))
    assert "check failed: a text alone is scored as in a batch (rewards differ by up to 0.07)" in text
    assert "checks passed" not in text


def test_many_groups_are_cut_in_print_only():
    data = Rankings([Ranking(f"{n}?", [f"a{n}", f"b{n}"], info={"domain": f"d{n}"}) for n in range(11)])
    report = evaluate(Fixed([1, 0] * 11, data), data)
    assert "accuracy by domain, 8 of 11" in str(report) and len(report.groups["domain"]) == 11


def test_a_comparison_in_words():
    text = str(compare(Fixed(REWARDS, DATA), Fixed([-r for r in REWARDS], DATA), DATA))
    for words in [
        "A                          0.583",
        "B                          0.417",
        "3, 2 of 5 pairs; 1 undecided",
        "p = 1",
    ]:
        assert words in text, (words, text)
    same = Fixed(REWARDS, DATA)
    assert "no number of pairs would" in str(compare(same, same, DATA))


@pytest.fixture(scope="module")
def card():
    model, data = RewardModel.from_encoder(), load_rankings("course:test")[:20]
    report = evaluate(model, data)
    return report, model_card(report, model, "course:test", name="an untrained model")


def test_a_card_has_the_head_that_the_hub_reads(card):
    report, text = card
    _, head, body = text.split("---\n", 2)
    (result,) = yaml.safe_load(head)["model-index"][0]["results"]
    assert result["dataset"]["name"] == "course:test"
    assert result["metrics"][0]["value"] == pytest.approx(report.accuracy.value, abs=1e-4)
    assert body.startswith("\n# an untrained model\n")


def test_a_card_holds_every_group_and_baseline(card):
    report, text = card
    for estimate in [
        *report.baselines.values(),
        *(one["accuracy"] for found in report.groups.values() for one in found),
    ]:
        assert f"| {estimate.value:.3f} | {estimate.low:.3f} to {estimate.high:.3f} | {estimate.n} |" in text
    assert "Head: tanh. Pooling: cls. It reads 256 tokens" in text and "- checks passed" in text


def test_a_card_is_a_file_where_a_path_is_given(tmp_path):
    report, model = fixed_report(), RewardModel.from_encoder()
    text = model_card(report, model, "DATA", path=tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == text
    assert len(report.margins) == len(MARGINS)


def test_names_of_any_kind_keep_table_and_figure_whole(tmp_path):
    info = {"domain": "cost $\\frac$ here | a\nb \ud800"}
    data = Rankings([Ranking(f"{n}?", [f"a{n}", f"b{n}"], info=info) for n in range(4)])
    report = evaluate(Fixed([1, 0] * 4, data), data)
    model_card(report, RewardModel.from_encoder(), "DATA", path=tmp_path / "card.md")
    assert "| domain: cost $\\frac$ here \\| a b ? |" in (tmp_path / "card.md").read_text(encoding="utf-8")
    report.plot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


class Lengths:
    """A model whose reward is the length of the response."""

    def score(self, prompts, responses):
        return [len(response) / 100 for response in responses]


RESULTS = {
    "Report": fixed_report,
    "Comparison": lambda: compare(Fixed(REWARDS, DATA), Fixed(REWARDS, DATA), DATA),
    "Scoreboard": lambda: scoreboard(Lengths(), DATA),
    "Scored": lambda: Scored("out.jsonl", n_rows=2, n_refused=1, refused=[{"row": 2, "reason": "empty"}]),
}


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_prints_and_saves_itself(name, tmp_path):
    result = RESULTS[name]()
    assert type(result).__name__ == name and repr(result) == str(result)
    result.save(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text()) == json.loads(json.dumps(result.to_dict()))
