"""The benchmark is fair: equal work is checked, FLOPs are counted right, and its page shows what was measured and no
more."""

import json
import re

import pytest

from book.measured.how_fast import flops, rmkit_loop, timing, toy_loop
from book.measured.how_fast import measure as bench
from book.measured.how_fast import page as how_fast
from book.measured.how_fast.timing import Contender, Mismatch, Run
from rmkit.loading import load_rankings
from rmkit.model import RewardModel
from tests.helpers.pages import shown, write
from tests.helpers.paths import ROOT

PAGE = (ROOT / "book" / "how-fast.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Four toy pairs in two batches, and the losses of `rmkit.train` on them."""
    folder = tmp_path_factory.mktemp("work")
    rmkit_loop.prepare(folder, load_rankings("toy")[:4], epochs=1, batch_size=2, lr=1e-4)
    return folder, rmkit_loop.run(folder).results


@pytest.mark.training
def test_the_toy_loop_takes_the_steps_of_rmkit(work):
    folder, losses = work
    assert toy_loop.run(folder, dropout=0.0).results == pytest.approx(losses, abs=1e-5)
    assert toy_loop.run(folder, dropout=0.1).results != pytest.approx(losses, abs=1e-3)


@pytest.mark.training
def test_smaller_passes_give_the_losses_of_the_whole_batch(work):
    folder, losses = work
    assert rmkit_loop.run(folder, micro_batch_size=1).results == pytest.approx(losses, abs=1e-5)


@pytest.mark.training
def test_watching_leaves_the_training_as_it_is(work):
    from rmkit import training

    before = training.length_buckets, training.k_choose_2_loss
    rmkit_loop.run(work[0])
    assert (training.length_buckets, training.k_choose_2_loss) == before


@pytest.mark.training
def test_random_batches_are_not_sorted_by_length(tmp_path):
    data = bench.as_pairs(load_rankings("course:train"), 24)
    spans = {}
    for by_length in (False, True):
        rmkit_loop.prepare(tmp_path / str(by_length), data, 1, batch_size=4, lr=1e-4, by_length=by_length)
        rmkit_loop.run(tmp_path / str(by_length))
        batches = json.loads((tmp_path / str(by_length) / "plan.json").read_text())["batches"]
        assert sorted(i for batch in batches for i in batch) == list(range(24))
        lengths = [[max(map(len, data[i].responses)) for i in batch] for batch in batches]
        spans[by_length] = sum(max(batch) - min(batch) for batch in lengths)
    assert spans[True] < 0.6 * spans[False]


def test_who_computes_something_else_is_refused(capsys, monkeypatch):
    results = {"right": [0.5, 0.25], "close": [0.500001, 0.25], "wrong": [0.5, 0.3], "less": [0.5]}

    def module(name):
        return type("contender", (), {"run": staticmethod(lambda folder: Run(1.0, results[name.rpartition(".")[2]]))})

    monkeypatch.setattr(timing.importlib, "import_module", module)
    found = timing.compare([Contender(name, name, None) for name in results], repeats=2, units=4, memory=0)
    assert [name for name, row in found.items() if row["refused"]] == ["wrong", "less"]
    assert "seconds" not in found["wrong"] and found["close"]["difference"] == pytest.approx(1e-6)
    assert "result 2 of 2 is 0.300000, and should be 0.250000" in capsys.readouterr().err


def test_flops_are_those_that_torch_counts():
    model = RewardModel.from_encoder()
    shape = flops.shape_of(model.encoder)
    bench.check_count(model, shape)
    with pytest.raises(Mismatch, match="the formula says"):
        bench.check_count(model, shape._replace(inner=shape.inner + 1))


# --- the page


def spread(value, reach=0.1):
    return {"median": value, "low": value - reach, "high": value + reach, "n": 3}


def contender(ratio, seconds=2.0, refused=None, **more):
    found = {"time_only": None, "refused": refused, "difference": 1e-7}
    return found | {"seconds": spread(seconds), "per_second": spread(50 / seconds), "ratio": spread(ratio)} | more


def made_up(toy):
    found = {"unit": "pairs", "n": 30, "tokens": 727, "goals": {"toy loop": 20}}
    found["contenders"] = {"rmkit.train": contender(1.0), "toy loop": contender(toy)}
    return {"toy": found}


def test_a_goal_is_reached_missed_or_not_settled_by_the_numbers():
    def row(toy):
        return how_fast.goals_page(toy).replace("\N{NO-BREAK SPACE}", " ").splitlines()[-1]

    assert row(made_up(20.4)).endswith("| at least 20 times | 20 (20 to 20) | reached |")
    assert row(made_up(20.05)).endswith("| not settled |")
    assert row(made_up(16.0)).endswith("| at least 20 times | 16 (16 to 16) | **missed** |")
    refused = made_up(30.0)
    refused["toy"]["contenders"]["toy loop"]["refused"] = "toy loop: result 1 of 2 is wrong"
    assert row(refused).endswith("| computes something else | **missed** |")


def whole():
    """A result of all six comparisons, as a quick run leaves it, with numbers that are easy to find again."""
    memory = {"start_up": spread(4.5), "peak_mib": spread(1234)}
    time_only = {"time_only": "it computes in bf16", "difference": None}
    pairs = {"unit": "pairs", "n": 24, "tokens": 5000, "batch_size": 8}
    contenders = {"rmkit.train": contender(1.0, **memory), "TRL at its best": contender(2.6, **memory)}
    defaults = {"rmkit.train": contender(1.0, **memory), "TRL's defaults": contender(7.7, **memory) | time_only}
    ranked = {"rmkit": 0, "all pairs in one batch": 7.1, "one pair at a time": 11.5}
    ranked = {name: contender(ratio) for name, ratio in ranked.items()}
    way = {"batch_size": 8, "sorted": True, "per_second": 321.0}
    scored = {"rmkit": contender(1.0), "pipeline": contender(2.2, refused="pipeline: result 3 of 400 is 0.1")}
    counts = {"needed": 2e12, "whole last layer": 3e12, "padded": 4e12}
    line = {"slope": spread(0.25), "constant": spread(0.5), "explained": spread(0.999, 0.001)}
    axis = {"slope": spread(0.97), "slope_of_flops": 1.03, "line": line}
    axis |= {
        "memory_line": {"slope": 8.5},
        "points": [{"x": x, "seconds": spread(x / 8), "peak_mib": 900} for x in (8, 16)],
    }
    comparisons = made_up(20.4) | {
        "trl": {
            "data": {
                "HH harmless": pairs | {"contenders": contenders},
                "HH harmless, TRL's defaults": pairs | {"contenders": defaults},
            },
            "missing": ["another file is not here"],
        },
        "rankings": {"k": {"9": {"pairs": 36, "ideal": 8, "gradients": 2e-7, "contenders": ranked, "goals": {}}}},
        "scoring": {
            "unit": "answers",
            "n": 400,
            "blocks": 2,
            "contenders": scored,
            "ways": [way],
            "goals": {"pipeline": 2},
        },
        "profile": {"data": {"toy data": {"matrix products": 0.6, "all else": 0.4}}},
        "limit": {
            "gemm": spread(2e11, 1e10) | {"shape": [2048, 384, 384]},
            "gemm_bf16": spread(4e11, 1e10),
            "data": {"HH harmless": {"flops": counts, "share": {way: spread(0.5) for way in counts}}},
            "goals": {"HH harmless": 0.75},
        },
        "growth": {"axes": {"prompts": axis}},
    }
    machine = {"processor": "A processor", "cores": 2, "threads": 2, "vector": "AVX2", "blas": "MKL", "memory_gib": 16}
    machine |= {
        "system": "Linux",
        "python": "3.11",
        "torch": "2.13",
        "transformers": "5",
        "accelerate": "1",
        "trl": None,
    }
    machine |= {"load": 3.0, "busy": True}
    return {"machine": machine, "quick": True, "repeats": 2, "minutes": 5.0, "comparisons": comparisons}


def rendered(result, folder):
    """{name of a part of the page: its text}."""
    (folder / "bench.json").write_text(json.dumps(result), encoding="utf-8")
    parts = how_fast.parts(folder / "bench.json")
    how_fast.draw(folder, folder / "bench.json")
    return {name: text.replace("\N{NO-BREAK SPACE}", " ") for name, text in parts.items()}


def test_a_quick_run_fills_every_part_of_the_page_and_is_called_one(tmp_path):
    parts = rendered(whole(), tmp_path)
    assert not [name for name, text in parts.items() if how_fast.MISSING in text]
    assert "A quick run" in parts["machine"] and "was busy" in parts["machine"] and "trl" not in parts["machine"]
    assert "| TRL at its best | 25 | 2.6 (2.5 to 2.7) | 1e-07 | 4.5 | 1234 |" in parts["trl"]
    assert "| TRL's defaults | 25 | 7.7 (7.6 to 7.8) | time only |" in parts["trl"]
    assert "Not measured: another file is not here." in parts["trl"]
    assert "| 9 | 36 | 8 | 7.1 (7.0 to 7.2) | 12 (11 to 12) | 1e-07 | 2e-07 |" in parts["rankings"]
    assert "| sorted first | 8 | 321 |" in parts["scoring"]
    assert "| matrix products | 60% |" in parts["profile"].replace("\N{NO-BREAK SPACE}", " ")
    assert "2048 by 384 by 384" in parts["limit"] and "200 GFLOP" in parts["limit"]
    assert "| HH harmless: padded | 4.00 | 50.0% (40.0% to 60.0%) |" in parts["limit"]
    assert (
        "| prompts | 250.0 (150.0 to 350.0) | 0.50 (0.40 to 0.60) | 0.998 | 0.97 (0.87 to 1.07) | 1.03 | 8.5 |"
        in parts["growth"]
    )
    assert "| 16 prompts | 2.00 | 1.90 to 2.10 | 900 |" in parts["growth"]
    assert "share of the peak in training, HH harmless | at least 75% | 50.0%" in parts["goals"]
    assert parts["trl"].count("Time only") == 1


def test_who_computes_something_else_has_no_time_on_the_page(tmp_path):
    scoring = rendered(whole(), tmp_path)["scoring"]
    assert "| pipeline | computes something else |" in scoring and "2.2" not in scoring


def test_a_comparison_that_was_skipped_says_why(tmp_path):
    result = whole()
    result["comparisons"]["trl"] = {"skipped": "TRL is not installed", "minutes": 0.0}
    parts = rendered(result, tmp_path)
    assert parts["trl"] == "*Not measured: TRL is not installed.*\n" and "TRL" not in parts["goals"]


def test_the_page_includes_what_is_written_and_types_no_result(tmp_path):
    write(how_fast, tmp_path)
    assert shown(PAGE) == {path.name for path in tmp_path.iterdir()}
    assert not re.search(r"\d\.\d ?(?:x|times|s\b)|\d+ ?(?:MiB|GFLOP)|\d%", PAGE)


def test_without_measurements_the_page_says_so(tmp_path):
    assert how_fast.MISSING in how_fast.parts(tmp_path / "none.json")["goals"]


def test_the_committed_measurements_are_of_a_whole_run():
    result = json.loads((ROOT / "book" / "measured" / "how_fast" / "measured.json").read_text(encoding="utf-8"))
    assert not result["quick"] and result["repeats"] >= 3
    assert set(result["comparisons"]) == set(bench.COMPARISONS)
    assert bench.refused(result["comparisons"]) == []
    assert all("skipped" not in found for found in result["comparisons"].values())
