"""The benchmark is fair: equal work is checked, FLOPs are counted right, and its page shows what was measured and no more."""

import json
import re

import bench
import flops
import how_fast
import pytest
import rmkit_loop
import timing
import toy_loop
from conftest import ROOT
from timing import Contender, Mismatch, Run

from rmkit.data import load_rankings
from rmkit.model import RewardModel

PAGE = (ROOT / "book" / "how-fast.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Four toy pairs in two batches, and the losses of `rmkit.train` on them."""
    folder = tmp_path_factory.mktemp("work")
    rmkit_loop.prepare(folder, load_rankings("toy")[:4], epochs=1, batch_size=2, lr=1e-4)
    return folder, rmkit_loop.run(folder).results


def test_the_toy_loop_takes_the_steps_of_rmkit(work):
    folder, losses = work
    assert toy_loop.run(folder, dropout=0.0).results == pytest.approx(losses, abs=1e-5)
    assert toy_loop.run(folder, dropout=0.1).results != pytest.approx(losses, abs=1e-3)


def test_smaller_passes_give_the_losses_of_the_whole_batch(work):
    folder, losses = work
    assert rmkit_loop.run(folder, micro_batch_size=1).results == pytest.approx(losses, abs=1e-5)


def test_watching_leaves_the_training_as_it_is(work):
    from rmkit import training

    before = training.length_buckets, training.k_choose_2_loss
    rmkit_loop.run(work[0])
    assert (training.length_buckets, training.k_choose_2_loss) == before


def test_random_batches_are_not_sorted_by_length(tmp_path):
    data = load_rankings("course:train")[:24]
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
        return type("contender", (), {"run": staticmethod(lambda folder: Run(1.0, results[name]))})

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


def test_a_goal_is_reached_or_missed_by_the_numbers():
    assert (
        "reached" in how_fast.goals_page(made_up(20.4)) and "missed" not in how_fast.goals_page(made_up(20.4)).lower()
    )
    missed = how_fast.goals_page(made_up(16.0)).replace("\N{NO-BREAK SPACE}", " ")
    assert "| 20 times | 16 (16 to 16) | **missed** |" in missed and "Missed: faster than the toy loop." in missed
    refused = made_up(30.0)
    refused["toy"]["contenders"]["toy loop"]["refused"] = "toy loop: result 1 of 2 is wrong"
    words = how_fast.goals_page(refused).replace("\N{NO-BREAK SPACE}", " ")
    assert "computes something else | **missed**" in words


def test_the_page_includes_what_is_written_and_types_no_result(tmp_path):
    how_fast.main(tmp_path)
    included = set(re.findall(r"_build/how-fast/(\S+)", PAGE))
    assert included == {path.name for path in tmp_path.iterdir()}
    assert not re.search(r"\d\.\d ?(?:x|times|s\b)|\d+ ?(?:MiB|GFLOP)|\d%", PAGE)


def test_without_measurements_the_page_says_so(tmp_path):
    how_fast.main(tmp_path, tmp_path / "none.json")
    assert how_fast.MISSING in (tmp_path / "goals.md").read_text()


def test_the_committed_measurements_are_of_a_whole_run():
    result = json.loads((ROOT / "book" / "bench.json").read_text(encoding="utf-8"))
    assert not result["quick"] and result["repeats"] >= 3
    assert set(result["comparisons"]) == set(bench.COMPARISONS)
    assert bench.refused(result["comparisons"]) == []
    assert all("skipped" not in found for found in result["comparisons"].values())
