"""The report against slow counting, on a stand-in with known rewards, and on models that break a rule on purpose."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from rmkit.errors import InputError
from rmkit.evaluation import check_scores, compare, evaluate
from rmkit.intervals import by_prompt, wilson
from rmkit.loading import load_rankings
from rmkit.measures import kendall_tau
from rmkit.model import RewardModel
from rmkit.rankings import Ranking, Rankings
from rmkit.sketches import sketch
from rmkit.training import train
from tests.helpers.stand_in import DATA, MARGINS, PROMPTS, REWARDS, TOKENIZER, Fixed, fixed_report


def test_every_number_by_hand():
    report = fixed_report()
    assert report.margins == pytest.approx(MARGINS) and report.prompts == PROMPTS
    assert report.accuracy.value == report.accuracy_by_prompt.value == 3.5 / 6  # three right, one equal
    assert (report.n_pairs, report.n_prompts, report.n_ties) == (6, 2, 2)
    losses = [math.log1p(math.exp(-margin)) for margin in MARGINS]
    assert report.log_loss == pytest.approx(sum(losses) / 6, abs=1e-6)
    assert report.brier == pytest.approx(sum((1 / (1 + math.exp(m))) ** 2 for m in MARGINS) / 6, abs=1e-6)
    by_ranking = [sum(losses[:3]) / 3, losses[3], sum(losses[4:]) / 2]
    assert report.ranking_loss == pytest.approx(sum(by_ranking) / 3, abs=1e-6)
    # longer wins: "a pear tree" and "a plum" over shorter ones, and "an apple" over "a brick"; two pairs are equal
    assert report.baselines["longest"].value == pytest.approx((3 + 2 / 2) / 6)
    assert report.baselines["shortest"].value == pytest.approx((1 + 2 / 2) / 6)
    assert report.baselines["chance"].value == 0.5
    assert (report.n_truncated, report.n_answers_cut, report.n_identical, report.n_seen) == (0, 0, 0, None)


def test_intervals_are_wilsons_and_of_whole_prompts():
    report = fixed_report()
    assert report.accuracy == wilson(3.5, 6)
    right = [1, 1, 0, 0, 0.5, 1]
    assert report.accuracy_by_prompt == by_prompt(right, PROMPTS)


def test_rankings_of_three():
    report = fixed_report()
    assert (
        report.best_of_k.value == (1 + 0.5) / 2 and report.best_of_k.n == 2
    )  # the third ranking shares the first place
    taus = [kendall_tau([0, 1, 2], REWARDS[:3]), kendall_tau([0, 1, 1], REWARDS[5:])]
    assert report.kendall_tau.value == pytest.approx(sum(taus) / 2)
    pairs = fixed_report([0.1, 0.2], DATA[1:2])
    assert pairs.best_of_k is pairs.kendall_tau is None


def test_groups_by_hand():
    info = {"domain": "law", "flaws": [None, "vague", "wrong fact"], "tags": ["short", "open", "short"]}
    data = Rankings([Ranking("What is a tort?", ["a civil wrong", "a thing", "a cake"], info=info), DATA[1]])
    report = fixed_report([0.5, 0.7, 0.1, 0.2, 0.0], data)  # wrong, right, right; right

    def shares(what):
        return {
            one["name"]: (one["accuracy"].value, one["accuracy"].n, one["n_prompts"]) for one in report.groups[what]
        }

    assert shares("domain") == {"law": (pytest.approx(2 / 3), 3, 1)}
    assert shares("flaw") == {"vague": (0, 1, 1), "wrong fact": (1, 2, 1)}
    assert shares("tag") == {"short": (pytest.approx(2 / 3), 3, 1), "open": (pytest.approx(2 / 3), 3, 1)}
    assert shares("distance") == {"1 rank": (0.5, 2, 1), "2 ranks": (1, 1, 1)}
    assert [one["name"] for one in report.groups["length"]] == ["as long, to 10%", "longer", "twice as long or more"]
    assert shares("length")["longer"] == (0.5, 2, 1)  # 13 to 7 characters is less than twice; 7 to 6 also


def test_annotators_and_their_ceiling():
    rows = [("p1", [1, 1, 1]), ("p2", [1, 1, 2]), ("p3", [2, 2, 2]), ("p4", [1, 1, 0])]
    data = Rankings([Ranking(prompt, ["good", "bad"], info={"votes": votes}) for prompt, votes in rows])
    report = fixed_report([1, 0] * 4, data)
    agreed = (1 + 1 / 3 + 1 + (1 + 0.5 + 0.5) / 3) / 4
    p = (1 + math.sqrt(2 * agreed - 1)) / 2
    assert report.baselines["annotators"].value == pytest.approx(agreed)
    assert report.baselines["ceiling"].value == pytest.approx(p**3 + 3 * p**2 * (1 - p))
    assert "ceiling" not in fixed_report().baselines


def test_blind_scores_hide_what_they_say():
    """One model reads the response only, one counts words only, one reads the prompt only."""
    data = load_rankings("course:test")[:30]
    number = TOKENIZER.mask_token_id

    class Reads(Fixed):
        def __init__(self, reward):
            super().__init__([], Rankings([]), text_length=256)
            self.reward = reward

        def score_ids(self, texts, batch_size=32):
            return [self.reward(text) for text in texts]

    length = evaluate(Reads(len), data)
    assert length.baselines["prompt_blind"].value == pytest.approx(length.accuracy.value, abs=0.05)
    letters = Reads(lambda text: sum(token == TOKENIZER.convert_tokens_to_ids("the") for token in text))
    words = evaluate(letters, data)
    assert words.baselines["prompt_blind"].value == words.accuracy.value != 0.5  # prompts have the same words in both
    assert words.baselines["response_blind"].value == 0.5  # and masked responses have none
    masked = evaluate(Reads(lambda text: text.count(number)), data).baselines["response_blind"].value
    counts = [
        len(a.split()) - len(b.split())
        for r in data
        for a, b in [(r.responses[i], r.responses[j]) for i, j in r.pairs()]
    ]
    assert masked == pytest.approx(sum(1 if n > 0 else 0.5 if n == 0 else 0 for n in counts) / len(counts))


def test_quick_leaves_out_what_costs_more_passes():
    report = fixed_report(quick=True)
    assert report.baselines.keys() == {"chance", "longest", "shortest"} and report.checks == [] and report.groups == {}
    assert report.accuracy == fixed_report().accuracy


def test_a_temperature_is_fitted_on_other_prompts():
    rng = np.random.default_rng(0)
    size = np.abs(rng.normal(0, 1, 600))
    margins = 2 * np.where(rng.random(600) < 1 / (1 + np.exp(-size)), size, -size)  # twice as sure as it is right
    data = Rankings(
        [Ranking(f"{number}?", [f"good {number}", f"bad {number}"]) for number in rng.permutation(10**6)[:600]]
    )
    model = Fixed(np.stack([margins, 0 * margins], axis=1).ravel().tolist(), data)
    found = evaluate(model, data[:300], calibration=data[300:], quick=True).calibration
    assert found["temperature"] == pytest.approx(2, rel=0.25)
    assert found["after"]["ece"] < found["ece"]
    with pytest.raises(InputError, match=r"2 of 2 rankings of the calibration data .* number 1, "):
        evaluate(model, data[:300], calibration=data[298:300])
    skipped = evaluate(model, data[:300], calibration=list(data[200:]), seen="skip", quick=True)
    assert skipped.calibration == found and skipped.n_pairs == 300
    with pytest.raises(InputError, match="calibration data holds no pair"):
        evaluate(model, data[:300], calibration=Rankings([]))


def test_prompts_that_were_trained_on():
    model = Fixed(REWARDS, DATA)
    model.seen = sketch(["name a  FRUIT."])
    with pytest.raises(
        InputError, match=r'2 of 4 rankings .*, or nearly the same one; .* number 1, "Name a fruit."; .*--seen skip'
    ):
        evaluate(model, DATA)
    report = evaluate(model, DATA, seen="measure")
    assert report.accuracy.value == 3.5 / 6 and report.n_seen == 1
    skipped = evaluate(model, DATA, seen="skip")
    assert (skipped.n_pairs, skipped.n_prompts, skipped.n_seen, skipped.n_ties) == (1, 1, 0, 1)
    with pytest.raises(InputError, match="seen is 'yes'"):
        evaluate(model, DATA, seen="yes")
    with pytest.raises(InputError, match="no pair"):
        evaluate(model, DATA[:1], seen="skip")


def test_training_data_can_be_named():
    model = Fixed(REWARDS, DATA)
    for training in (DATA[1:2], list(DATA[1:2]), ["2 + 2?"]):
        with pytest.raises(InputError, match=r"1 of 4 rankings"):
            evaluate(model, DATA, training=training)
    assert evaluate(model, DATA, training=["2 + 3 is what?"]).n_seen == 0
    with pytest.raises(InputError, match="training holds a dict; it must be rankings or prompts"):
        evaluate(model, DATA, training=[{"prompt": "2 + 2?"}])


@pytest.mark.training
def test_a_trained_model_remembers_its_prompts(tmp_path):
    model, toy = RewardModel.from_encoder(), load_rankings("toy")
    train(model, toy[:4], epochs=1, freeze=1)
    model.save_pretrained(tmp_path)
    for one in (model, RewardModel.from_pretrained(tmp_path)):
        assert one.seen.shape == (4, 128) and one.seen.dtype == np.uint8
        with pytest.raises(InputError, match="4 of 10 rankings"):
            evaluate(one, toy)
    assert evaluate(model, toy[4:], quick=True).n_seen == 0
    train(model, toy[2:6], epochs=1, freeze=1)
    assert len(model.seen) == 6  # the union


def test_cut_texts_are_counted():
    report = fixed_report(text_length=7)
    assert report.n_truncated == 6 and report.n_answers_cut == 0
    twins = Rankings([Ranking("Count.", ["one two three four five", "one two three four six"])])
    report = evaluate(Fixed([], Rankings([]), text_length=5), twins)
    assert (report.n_identical, report.accuracy.value) == (1, 0.5)
    assert "1 pairs are the same text after cutting" in str(report)


def test_checks_find_a_model_that_cheats():
    texts = [[101, *range(200, 200 + n), 102] for n in range(1, 40)]
    passed = check_scores(Fixed([], Rankings([])), texts)
    assert [check["passed"] for check in passed] == [True, True, True]

    def cheat(reward):
        return SimpleNamespace(score_ids=lambda texts: [reward(texts, i) for i in range(len(texts))])

    by_position = check_scores(cheat(lambda texts, i: i), texts)
    assert [check["passed"] for check in by_position] == [False, True, False]
    assert by_position[0]["found"] == 7  # the last of the eight tried
    by_padding = check_scores(cheat(lambda texts, i: max(map(len, texts)) - len(texts[i])), texts)
    assert [check["passed"] for check in by_padding] == [False, False, False]


def test_a_real_model_gives_the_same_report_whatever_the_batch():
    model, toy = RewardModel.from_encoder(), load_rankings("toy")
    one, many = evaluate(model, toy, batch_size=1), evaluate(model, toy, batch_size=20)
    assert one.margins == pytest.approx(many.margins, abs=1e-5)
    slow = [a - b for a, b in (model.score(ranking.prompt, ranking.responses) for ranking in toy)]
    assert many.margins == pytest.approx(slow, abs=1e-5)
    assert many.accuracy.value == sum(margin > 0 for margin in slow) / 10
    assert all(check["passed"] for check in many.checks)


def test_json(tmp_path):
    report = fixed_report()
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved == json.loads(json.dumps(report.to_dict()))
    assert saved["accuracy"].keys() == saved["baselines"]["longest"].keys() == {"value", "low", "high", "n"}
    assert saved["baselines"].keys() == {"chance", "longest", "shortest", "prompt_blind", "response_blind"}
    assert not {"margins", "prompts"} & saved.keys()


def test_nothing_to_measure_is_said():
    for data in (DATA[2:3], Rankings([])):
        with pytest.raises(InputError, match="no pair"):
            evaluate(Fixed([], Rankings([])), data)


def test_comparison_by_hand():
    data = Rankings([Ranking(f"{n} + {n}?", [f"{2 * n}", f"{3 * n}"]) for n in range(1, 9)])
    a = Fixed([1, 0] * 6 + [0, 1] * 2, data)  # right on the first six
    b = Fixed([1, 0] * 2 + [0, 1] * 5 + [0, 0], data)  # right on the first two, undecided on the last
    found = compare(a, b, data)
    assert (found.a.value, found.b.value) == (6 / 8, 2.5 / 8)
    assert found.difference.value == pytest.approx(3.5 / 8)
    assert found.mcnemar == {"only_a": 4, "only_b": 0, "n": 7, "n_left_out": 1, "p": 0.125}  # 2 / 2^4
    assert found.difference.low <= 3.5 / 8 <= found.difference.high
    opposite = compare(b, a, data)
    assert opposite.difference.value == -found.difference.value and opposite.pairs_needed == found.pairs_needed
    assert compare(a, a, data).pairs_needed is None
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_a_comparison_leaves_out_what_either_was_trained_on():
    a, b = Fixed(REWARDS, DATA), Fixed(REWARDS, DATA)
    b.seen = sketch(["2 + 2?"])
    with pytest.raises(InputError, match="1 of 4 rankings"):
        compare(a, b, DATA)
    assert compare(a, b, DATA, seen="skip").n_pairs == 5
    assert compare(a, b, DATA, seen="measure").n_pairs == 6
    a.seen = sketch(["name a fruit."])
    with pytest.raises(InputError, match="3 of 4 rankings were trained on and skipped, and the rest are ties"):
        compare(a, b, DATA, seen="skip")
    with pytest.raises(InputError, match="3 of 3 rankings were trained on and skipped$"):
        compare(a, b, [DATA[0], DATA[1], DATA[3]], seen="skip")


def test_a_name_is_no_data():
    for settings in ({"data": "toy"}, {"data": DATA, "calibration": "toy"}, {"data": DATA, "training": "toy"}):
        with pytest.raises(InputError, match=r"is the text 'toy'; load it first: rmkit.load_rankings\('toy'\)"):
            evaluate(Fixed(REWARDS, DATA), **settings)


def test_what_is_known_of_a_row_may_be_anything():
    odd = {"tags": [1, {"a": 2}, "plain"], "domain": 3, "flaws": ["x"], "votes": ["x", None]}
    data = Rankings([Ranking("2 + 2?", ["4", "5"], info=odd)])
    groups = evaluate(Fixed([1, 0], data), data).groups
    assert groups.keys() == {"length", "tag"} and [one["name"] for one in groups["tag"]] == ["plain"]


def test_equal_texts_have_equal_rewards_whatever_the_batch():
    """Five words against five words: masked, the two responses are the same text, and no model can tell them apart."""
    rng = np.random.default_rng(0)
    words = ["court", "tort", "lease", "judge", "heir", "will", "bond", "deed"]
    rows = [[" ".join(rng.choice(words, 5)) for _ in range(2)] for _ in range(40)]
    data = Rankings([Ranking(f"{number}?", row) for number, row in enumerate(rows) if row[0] != row[1]])
    report = evaluate(RewardModel.from_encoder(pooling="mean"), data, batch_size=7)
    assert report.baselines["response_blind"].value == 0.5


def test_arguments_that_cannot_work_are_refused_by_both():
    model = Fixed(REWARDS, DATA)
    wrong = [
        ({"seen": "skp"}, "seen is 'skp'; it must be 'refuse', 'skip' or 'measure'"),
        ({"batch_size": 0}, "batch_size is 0; it must be a whole number of texts, 1 or more"),
        ({"batch_size": True}, "batch_size is True"),
    ]
    for settings, words in wrong:
        with pytest.raises(InputError, match=words):
            evaluate(model, DATA, **settings)
        with pytest.raises(InputError, match=words):
            compare(model, model, DATA, **settings)
    with pytest.raises(InputError, match="is the text 'toy'"):
        compare(model, model, "toy")


def test_votes_that_are_no_verdicts_are_no_agreement():
    data = Rankings(
        [Ranking("a?", ["b", "c", "d"], info={"votes": [12, 5, 1]}), Ranking("b?", ["c", "d"], info={"votes": [7, 3]})]
    )
    assert not {"annotators", "ceiling"} & evaluate(Fixed([1, 0, 0, 1, 0], data), data).baselines.keys()


def test_what_is_skipped_and_what_a_comparison_has_seen_is_said():
    model, fresh = Fixed(REWARDS, DATA), Fixed(REWARDS, DATA)
    model.seen = sketch(["2 + 2?"])
    report = evaluate(model, DATA, seen="skip")
    assert report.n_skipped == 1 and "1 rankings were skipped" in str(report)
    with pytest.raises(InputError, match="1 of 1 rankings were trained on and skipped"):
        evaluate(model, DATA[1:2], seen="skip")
    found = compare(model, fresh, DATA, seen="measure")
    assert found.n_seen == {"a": 1, "b": None} and "A was trained on 1 of these prompts" in str(found)


def test_few_texts_are_checked_over_all_lengths():
    texts = [[101, *range(200, 200 + n), 102] for n in range(1, 16)]
    asked = []
    check_scores(SimpleNamespace(score_ids=lambda texts: asked.append(texts) or [0.0] * len(texts)), texts)
    assert len(asked[0][0]) == 3 and len(asked[7][0]) == 17
