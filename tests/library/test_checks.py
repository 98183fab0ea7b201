"""Settings: what each check lets pass, and that no function takes True for a number."""

import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from rmkit import batching, measures
from rmkit.checks import check_new_file, check_one_of, check_positive, check_share, check_whole, is_number
from rmkit.encoders import load_encoder
from rmkit.errors import InputError
from rmkit.evaluation import compare, evaluate
from rmkit.interop import to_trl_dataset
from rmkit.intervals import Estimate, by_prompt
from rmkit.loading import load_rankings
from rmkit.model import RewardModel
from rmkit.rankings import Ranking
from rmkit.repairs import balance_length
from rmkit.shortcuts import shared_runs
from rmkit.sketches import seen_before, sketch
from rmkit.training import train

TOY = load_rankings("toy")
AGREED = Estimate(0.8, 0.7, 0.9, 100)


@cache
def model():
    return RewardModel.from_encoder()


def refuses(check, *arguments, **options):
    try:
        check("setting", *arguments, **options)
    except InputError as error:
        assert str(error).startswith("setting is ") and "\n" not in str(error)
        return True
    return False


def test_whole_numbers():
    for value in (True, False, 1.0, 2.5, "3", None, math.nan, [1], np.float64(2)):
        assert refuses(check_whole, value) and refuses(check_whole, value, least=None)
    assert [value for value in range(-2, 7) if not refuses(check_whole, value)] == [1, 2, 3, 4, 5, 6]
    assert [value for value in range(-2, 7) if not refuses(check_whole, value, least=0, most=3)] == [0, 1, 2, 3]
    assert [value for value in range(-2, 7) if not refuses(check_whole, value, least=None)] == list(range(-2, 7))


def test_shares():
    for value in (True, False, "0.5", None, math.nan, math.inf, -0.1, 1.1, [0.5]):
        assert refuses(check_share, value) and refuses(check_share, value, inside=True)
    for value in (0, 1, 0.0, 1.0):
        assert not refuses(check_share, value) and refuses(check_share, value, inside=True)
    for value in (0.5, 1e-9, Fraction(1, 3), np.float32(0.25)):
        assert not refuses(check_share, value) and not refuses(check_share, value, inside=True)


def test_positive_numbers():
    for value in (True, False, "1", None, math.nan, math.inf, 0, -1, [1]):
        assert refuses(check_positive, value, "1e-4")
    for value in (1, 1e-9, np.float64(2)):
        assert not refuses(check_positive, value, "1e-4")


def test_numbers():
    assert all(map(is_number, (0, -1.5, np.float64(1), np.int64(3))))
    assert not any(map(is_number, (True, False, "1", None, math.nan, -math.inf, [1])))


def test_choices():
    with pytest.raises(InputError, match=r"^seen is 'ignore'; it must be 'refuse', 'skip' or None$"):
        check_one_of("seen", "ignore", ["refuse", "skip", None])
    check_one_of("seen", None, ["refuse", "skip", None])


def test_a_file_that_can_be_made_and_those_that_cannot(tmp_path):
    (tmp_path / "there.md").write_text("")
    check_new_file(None, [".md"])
    check_new_file(tmp_path / "new" / "folder" / "card.md", [".md", ".txt"])
    for name, why in [
        ("card.txt", r"must end in \.md$"),
        ("there.md", "exists already"),
        ("there.md/card.md", "cannot be written"),
    ]:
        with pytest.raises(InputError, match=why):
            check_new_file(tmp_path / name, [".md"])
    assert [path.name for path in tmp_path.iterdir()] == ["there.md"]


def test_an_ending_may_be_double_and_a_link_that_leads_nowhere_is_there(tmp_path):
    check_new_file(tmp_path / "rewards.JSONL.gz", [".jsonl", ".jsonl.gz"])
    with pytest.raises(InputError, match=r"must end in \.jsonl or \.jsonl\.gz$"):
        check_new_file(tmp_path / "rewards.gz", [".jsonl", ".jsonl.gz"])
    (tmp_path / "link.md").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="exists already"):
        check_new_file(tmp_path / "link.md", [".md"])


NUMBERS = {
    "load_rankings, limit": lambda value: load_rankings("toy", limit=value),
    "Rankings.split, test": lambda value: TOY.split(test=value),
    "Rankings.split, seed": lambda value: TOY.split(seed=value),
    "Rankings.describe, max_length": lambda value: TOY.describe(max_length=value),
    "Ranking, ranks": lambda value: Ranking("?", ["a", "b"], ranks=[0, value]),
    "load_encoder, dropout": lambda value: load_encoder(dropout=value),
    "encode, max_length": lambda value: batching.encode(None, "?", "a", max_length=value),
    "encode_many, max_length": lambda value: batching.encode_many(None, ["?"], ["a"], max_length=value),
    "encode_rankings, max_length": lambda value: batching.encode_rankings(TOY, None, max_length=value),
    "collate, max_length": lambda value: batching.collate(TOY, None, max_length=value),
    "length_buckets, batch_size": lambda value: batching.length_buckets([3, 1, 2], batch_size=value),
    "by_prompt, resamples": lambda value: by_prompt([1, 0], ["a", "b"], resamples=value),
    "calibration, draws": lambda value: measures.calibration([1.0], draws=value),
    "pairs_needed, only_a": lambda value: measures.pairs_needed(value, 0, 10),
    "pairs_needed, only_b": lambda value: measures.pairs_needed(0, value, 10),
    "pairs_needed, n": lambda value: measures.pairs_needed(3, 1, value),
    "ceiling, annotators": lambda value: measures.ceiling(AGREED, value),
    "shared_runs, length": lambda value: shared_runs(TOY, length=value),
    "seen_before, alike": lambda value: seen_before(["?"], sketch(["?"]), alike=value),
    "RewardModel.from_encoder, dropout": lambda value: RewardModel.from_encoder(dropout=value),
    "RewardModel.from_encoder, seed": lambda value: RewardModel.from_encoder(seed=value),
    "RewardModel.freeze, share": lambda value: model().freeze(value),
    "RewardModel.score_ids, batch_size": lambda value: model().score_ids([[101, 102]], batch_size=value),
    "to_trl_dataset, max_length": lambda value: to_trl_dataset(TOY, None, max_length=value),
    "evaluate, batch_size": lambda value: evaluate(model(), TOY, batch_size=value),
    "compare, batch_size": lambda value: compare(model(), model(), TOY, batch_size=value),
    "train, epochs": lambda value: train(model(), TOY, epochs=value),
    "train, lr": lambda value: train(model(), TOY, lr=value),
    "train, batch_size": lambda value: train(model(), TOY, batch_size=value),
    "train, micro_batch_size": lambda value: train(model(), TOY, micro_batch_size=value),
    "train, max_length": lambda value: train(model(), TOY, max_length=value),
    "train, seed": lambda value: train(model(), TOY, seed=value),
    "train, freeze": lambda value: train(model(), TOY, freeze=value),
    "balance_length, longest_wins": lambda value: balance_length(TOY, longest_wins=value),
    "balance_length, n_pairs": lambda value: balance_length(TOY, n_pairs=value),
}
MAY_BE_NONE = {"load_rankings, limit", "train, micro_batch_size", "train, freeze", "balance_length, n_pairs"}


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_refused(name):
    for value in [True, "1"] if name in MAY_BE_NONE else [True, "1", None]:
        with pytest.raises(InputError, match="must be"):
            NUMBERS[name](value)
