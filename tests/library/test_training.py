"""The loop: it learns, it repeats itself, it can be cut into pieces and killed, and nothing changes."""

import inspect
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rmkit.checkpoints import last_checkpoint
from rmkit.config import TrainingConfig
from rmkit.errors import InputError
from rmkit.evaluation import evaluate
from rmkit.loading import load_rankings
from rmkit.model import RewardModel
from rmkit.options import make_parser, training_config
from rmkit.rankings import Ranking, Rankings
from rmkit.training import train

pytestmark = pytest.mark.training

TOY = load_rankings("toy")
MIXED = Rankings([*TOY[:4], Ranking("Name a fruit.", ["an apple", "a pear", "a brick", "no"], ranks=[0, 0, 1, 2])])


def weights(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def distance(one, other):
    return max((one[name] - other[name]).abs().max().item() for name in one)


@pytest.fixture(scope="module")
def reference():
    """Three epochs on the mixed rankings, never interrupted: the history and the weights."""
    model = RewardModel.from_encoder(seed=0)
    start = weights(model)
    history = train(model, MIXED, TOY[4:6], epochs=3, batch_size=2, max_length=48, seed=1)
    return start, history, weights(model)


def moved(**settings):
    """The names of the parameters that one epoch changes, and those that it leaves as they are."""
    model = RewardModel.from_encoder(seed=0)
    start = weights(model)
    train(model, MIXED, epochs=1, batch_size=2, max_length=48, **settings)
    still = {name for name, value in weights(model).items() if torch.equal(value, start[name])}
    return set(start) - still, still


def test_other_gpus_are_left_alone(monkeypatch):
    """Each process would take memory on all of them to look after their random numbers."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    train(RewardModel.from_encoder(), TOY[:2], epochs=1, max_length=48)  # there is none here: to ask one would fail


def test_unfrozen_every_parameter_moves():
    assert moved(freeze=0)[1] == set()


def test_the_lower_half_stays_and_the_upper_half_moves():
    lower = ("encoder.embeddings.", *(f"encoder.encoder.layer.{n}." for n in range(3)))
    changed, still = moved()
    assert still and all(name.startswith(lower) for name in still)
    assert len(changed) == 3 * 16 + 2 and not any(name.startswith(lower) for name in changed)


def test_all_frozen_trains_the_head_alone():
    assert moved(freeze=1)[0] == {"head.weight", "head.bias"}


def test_freezing_is_undone_by_the_next_run_and_none_leaves_it_to_the_reader():
    model = RewardModel.from_encoder(seed=0)
    model.freeze(1)
    train(model, MIXED, epochs=1, max_length=48, freeze=None)
    assert [p.requires_grad for p in model.encoder.parameters()] == [False] * 101
    train(model, MIXED, epochs=1, max_length=48, freeze=0)
    assert all(p.requires_grad for p in model.parameters())


def test_the_loss_starts_near_log_2_and_falls(reference):
    _, history, _ = reference
    losses = [epoch["loss"] for epoch in history.epochs]
    assert losses[0] == pytest.approx(math.log(2), abs=0.25)
    assert losses[2] < losses[1] < losses[0]


def test_same_seed_same_run_to_the_last_bit(reference):
    model = RewardModel.from_encoder(seed=0)
    history = train(model, MIXED, TOY[4:6], epochs=3, batch_size=2, max_length=48, seed=1)
    assert [epoch["loss"] for epoch in history.epochs] == [epoch["loss"] for epoch in reference[1].epochs]
    assert distance(weights(model), reference[2]) == 0


def test_another_seed_another_run(reference):
    model = RewardModel.from_encoder(seed=0)
    history = train(model, MIXED, epochs=1, batch_size=2, max_length=48, seed=2)
    assert history.epochs[0]["loss"] != reference[1].epochs[0]["loss"]


def test_small_forward_passes_change_nothing(reference):
    """Gradient accumulation: two passes of one ranking equal one pass of two, ties and K = 4 included."""
    model = RewardModel.from_encoder(seed=0)
    history = train(model, MIXED, epochs=3, batch_size=2, max_length=48, seed=1, micro_batch_size=1)
    for mine, theirs in zip(history.epochs, reference[1].epochs, strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], abs=2e-5)
    assert distance(weights(model), reference[2]) < 1e-3  # AdamW turns rounding of tiny gradients into tiny steps


def test_one_batch_can_be_overfitted_down_to_the_bound():
    """tanh keeps margins below 2, so the loss can reach log(1 + e^-2) = 0.1269 and never pass it."""
    model = RewardModel.from_encoder(seed=0)
    history = train(model, TOY[:4], epochs=30, batch_size=4, lr=1e-4, max_length=64)
    floor = math.log1p(math.exp(-2))
    assert floor < history.epochs[-1]["loss"] < floor + 0.01


def test_flipped_labels_end_below_chance():
    model = RewardModel.from_encoder(seed=0)
    flipped = Rankings([Ranking(ranking.prompt, ranking.responses[::-1]) for ranking in TOY])
    train(model, flipped, epochs=8, batch_size=5, max_length=64)
    rewards = [model.score(ranking.prompt, ranking.responses) for ranking in TOY]
    assert sum(better > worse for better, worse in rewards) <= 2


def test_held_out_numbers_are_those_of_a_slow_count(reference):
    history = train(model := RewardModel.from_encoder(seed=0), MIXED, TOY[4:6], epochs=1, batch_size=2, max_length=48)
    margins = [a - b for a, b in (model.score(ranking.prompt, ranking.responses) for ranking in TOY[4:6])]
    entry = history.epochs[0]
    assert entry["held_out_loss"] == pytest.approx(sum(math.log1p(math.exp(-m)) for m in margins) / 2, abs=1e-5)
    assert entry["held_out_accuracy"]["value"] == sum(m > 0 for m in margins) / 2
    assert entry["held_out_accuracy"]["n"] == 2


def test_the_held_out_interval_draws_whole_prompts():
    held_out = Rankings([Ranking(f"{n} + {n}?", [str(2 * n), "many", "few", "none at all"]) for n in range(2, 6)])
    model = RewardModel.from_encoder(seed=0)
    entry = train(model, MIXED, held_out, epochs=1, max_length=48).epochs[0]["held_out_accuracy"]
    assert entry == asdict(evaluate(model, held_out, seen="measure").accuracy_by_prompt)


def test_an_answer_that_is_cut_is_never_silent():
    long = Rankings([Ranking("Which?", ["word " * 60 + end for end in ("yes", "no")])])
    with pytest.warns(UserWarning, match=r"2 of 2 responses longer than 32 tokens: the end was cut off"):
        train(RewardModel.from_encoder(), long, epochs=1, max_length=32)


def test_ties_alone_are_nothing_to_learn_from():
    tie = Rankings([Ranking("2 + 2?", ["4", "four"], ranks=[0, 0])])
    with pytest.raises(InputError, match="no pair to learn from"):
        train(RewardModel.from_encoder(), tie)
    with pytest.raises(InputError, match="held-out"):
        train(RewardModel.from_encoder(), TOY, tie)


@pytest.mark.parametrize(
    "setting, words",
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": True}, "epochs is True"),
        ({"lr": math.nan}, "lr is nan"),
        ({"lr": math.inf}, "lr is inf"),
        ({"lr": -1e-4}, "lr is -0.0001"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"max_length": 2}, "3 or more"),
        ({"max_length": 513}, "at most 512"),
        ({"seed": -1}, "seed is -1"),
        ({"freeze": 1.5}, "freeze is 1.5"),
        ({"freeze": "half"}, "freeze is 'half'"),
        ({"freeze": True}, "freeze is True"),
        ({"micro_batch_size": -1}, "micro_batch_size is -1"),
        ({"output": None, "resume": True}, "resume=True needs output"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, setting, words):
    with pytest.raises(InputError, match=words):
        train(RewardModel.from_encoder(), TOY, **{"output": tmp_path / "run", **setting})
    assert not (tmp_path / "run").exists()


def test_a_loss_that_explodes_is_said_and_not_saved(tmp_path):
    model = RewardModel.from_encoder(head="linear")
    with torch.no_grad():
        model.head.weight[0, 0] = math.nan
    with pytest.raises(FloatingPointError, match="epoch 1"):
        train(model, TOY, epochs=1, output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_default_is_written_once():
    """In `TrainingConfig`: the keywords of `train` and the options of the command line follow from it."""
    config, keywords = asdict(TrainingConfig()), inspect.signature(train).parameters
    assert {name: keywords[name].default for name in config} == config
    assert config == {
        "epochs": 2,
        "lr": 1e-4,
        "batch_size": 8,
        "max_length": 256,
        "seed": 0,
        "freeze": 0.5,
        "micro_batch_size": None,
    }
    ask = ["train", "--data", "toy", "--output", "run"]
    assert training_config(make_parser().parse_args(ask)) == TrainingConfig()
    options = [
        "--epochs",
        "3",
        "--lr",
        "2e-4",
        "--batch-size",
        "4",
        "--max-length",
        "64",
        "--seed",
        "5",
        "--freeze",
        "0",
        "--micro-batch-size",
        "2",
    ]
    args = make_parser().parse_args([*ask, *options])
    assert training_config(args) == TrainingConfig(3, 2e-4, 4, 64, 5, 0.0, 2)


# --- Interrupted and resumed ---------------------------------------------------------------------------------------


class Killed(Exception):
    pass


def interrupt_after(epoch):
    def on_epoch(entry):
        if entry["epoch"] == epoch:
            raise Killed

    return on_epoch


def run(output, **changes):
    model = RewardModel.from_encoder(seed=0)
    settings = {"epochs": 3, "batch_size": 2, "max_length": 48, "seed": 1, "output": output, **changes}
    return model, train(model, MIXED, TOY[4:6], **settings)


def test_resumed_equals_never_interrupted(tmp_path, reference):
    for epoch in (1, 2):  # interrupted twice
        with pytest.raises(Killed):
            run(tmp_path, resume=epoch > 1, on_epoch=interrupt_after(epoch))
        assert last_checkpoint(tmp_path).name == f"epoch-000{epoch}"
    model, history = run(tmp_path, resume=True)
    assert distance(weights(model), reference[2]) == 0
    assert history.epochs == reference[1].epochs
    saved = RewardModel.from_pretrained(tmp_path)
    assert distance(weights(saved), reference[2]) == 0
    assert json.loads((tmp_path / "history.json").read_text())["epochs"] == reference[1].epochs


def test_a_finished_run_resumes_to_itself_and_can_be_extended(tmp_path, reference):
    run(tmp_path, epochs=2)
    with pytest.raises(InputError, match="has made 2; ask for more"):
        run(tmp_path, epochs=1, resume=True)
    _, history = run(tmp_path, epochs=2, resume=True)
    assert len(history.epochs) == 2
    longer, history = run(tmp_path, epochs=3, resume=True)
    assert distance(weights(longer), reference[2]) == 0 and history.epochs == reference[1].epochs


def test_a_resumed_run_has_also_seen_what_came_before_its_first_epoch(tmp_path):
    """What the model was trained on before that run, which a new start does not know."""
    model = RewardModel.from_encoder(seed=0)
    train(model, TOY[6:9], epochs=1)
    train(model, MIXED, epochs=1, max_length=48, output=tmp_path)
    resumed = RewardModel.from_encoder(seed=0)
    train(resumed, MIXED, epochs=2, max_length=48, output=tmp_path, resume=True)
    assert evaluate(resumed, TOY[6:9], seen="measure").n_seen == 3


def test_a_run_that_is_refused_has_seen_nothing(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, on_epoch=interrupt_after(1))
    model = RewardModel.from_encoder(seed=0)
    before = model.config.text_length
    with pytest.raises(InputError, match="another lr"):
        train(model, MIXED, TOY[4:6], batch_size=2, max_length=48, lr=1.0, seed=1, output=tmp_path, resume=True)
    assert model.seen is None and model.config.text_length == before


def test_what_is_there_is_never_overwritten(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, on_epoch=interrupt_after(1))
    with pytest.raises(InputError, match="--resume"):
        run(tmp_path)
    run(tmp_path, resume=True)
    with pytest.raises(InputError, match="already holds a trained model"):
        run(tmp_path)


def test_a_run_that_is_refused_leaves_the_model_trainable(tmp_path):
    """Settings, data and checkpoint are compared before layers are frozen."""
    with pytest.raises(Killed):
        run(tmp_path, on_epoch=interrupt_after(1))
    settings = {"batch_size": 2, "max_length": 48, "seed": 1, "output": tmp_path, "resume": True}
    for damage, change, words in [
        (False, {"lr": 1.0}, "another lr"),
        (False, {"freeze": 1}, "another freeze"),
        (False, {"epochs": 0}, "epochs is 0"),
        (True, {}, "cannot be read"),
    ]:
        if damage:
            os.truncate(last_checkpoint(tmp_path) / "optimizer.safetensors", 1000)
        model = RewardModel.from_encoder(seed=0)
        start = weights(model)
        with pytest.raises(InputError, match=words):
            train(model, MIXED, TOY[4:6], **{**settings, **change})
        assert all(parameter.requires_grad for parameter in model.parameters())
        assert distance(weights(model), start) == 0 and model.seen is None


@pytest.mark.parametrize("change, words", [({"lr": 2e-4}, "another lr"), ({"seed": 5}, "another seed")])
def test_resuming_with_other_settings_is_refused(tmp_path, change, words):
    with pytest.raises(Killed):
        run(tmp_path, on_epoch=interrupt_after(1))
    with pytest.raises(InputError, match=words):
        run(tmp_path, resume=True, **change)


def test_resuming_with_other_layers_frozen_by_hand_is_refused(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, freeze=None, on_epoch=interrupt_after(1))
    model = RewardModel.from_encoder(seed=0)
    model.freeze(1)
    with pytest.raises(InputError, match=r"another number of trained tensors \(103, now 2\)"):
        train(model, MIXED, TOY[4:6], batch_size=2, max_length=48, seed=1, freeze=None, output=tmp_path, resume=True)


def test_a_weight_that_no_reward_depends_on_does_not_hinder(tmp_path):
    """The optimizer remembers nothing of it, for it never has a gradient."""
    for epochs in (1, 2):
        model = RewardModel.from_encoder(seed=0)
        model.unused = torch.nn.Linear(2, 3)
        with torch.no_grad():
            model.unused.weight.fill_(0.5)
        history = train(model, MIXED, epochs=epochs, max_length=48, output=tmp_path, resume=epochs > 1)
    assert len(history.epochs) == 2 and (model.unused.weight == 0.5).all()


def test_resuming_with_other_data_is_refused(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, on_epoch=interrupt_after(1))
    with pytest.raises(InputError, match="another data"):
        train(
            RewardModel.from_encoder(),
            TOY[:6],
            TOY[6:8],
            batch_size=2,
            max_length=48,
            seed=1,
            output=tmp_path,
            resume=True,
        )


def test_held_out_data_that_are_trained_on_are_refused_before_any_work():
    again = Rankings([Ranking("  " + TOY[1].prompt.upper(), ["yes", "no"])])
    model = RewardModel.from_encoder()
    with pytest.raises(InputError, match="held-out ranking 2 has a prompt of the training data"):
        train(model, TOY[:4], Rankings([TOY[5], *again]))
    assert model.seen is None


def test_a_full_disk_leaves_the_previous_checkpoint_whole(tmp_path, monkeypatch, reference):
    """The disk fills while the second checkpoint's optimizer is written: half the file is there, then ENOSPC."""
    import rmkit.checkpoints

    real = rmkit.checkpoints.save_file

    def full(tensors, path):
        if len(list(tmp_path.glob("checkpoints/epoch-0001"))):
            Path(path).write_bytes(b"half of it")
            raise OSError(28, "No space left on device", str(path))
        real(tensors, path)

    monkeypatch.setattr("rmkit.checkpoints.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["epoch-0001"]
    monkeypatch.undo()
    model, _ = run(tmp_path, resume=True)
    assert distance(weights(model), reference[2]) == 0


def test_a_damaged_checkpoint_gets_one_sentence(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, on_epoch=interrupt_after(1))
    os.truncate(last_checkpoint(tmp_path) / "optimizer.safetensors", 1000)
    with pytest.raises(InputError, match="cannot be read"):
        run(tmp_path, resume=True)


ARGUMENTS = ["--data", "toy", "--epochs", "3", "--batch-size", "2", "--max-length", "48", "--held-out", "0.2"]


def command(output, *more):
    return [sys.executable, "-m", "rmkit", "train", *ARGUMENTS, "--output", str(output), *more]


def test_sigkill_and_resume_from_the_command_line(tmp_path):
    """Killed for real: during the first epoch, and while a checkpoint is being written."""
    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    for moment in ("checkpoints/.epoch-0001.writing", "checkpoints/epoch-0001"):
        process = subprocess.Popen(command(tmp_path / "killed", "--resume"), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not (tmp_path / "killed" / moment).exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in (tmp_path / "killed").glob("checkpoints/epoch-*/*.safetensors"):
            load_file(path)  # whole, or it would raise
    done = subprocess.run(command(tmp_path / "killed", "--resume", "--json"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["epochs"]) == 3
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_is_no_model_is_refused():
    with pytest.raises(InputError, match="model is a NoneType; it must be a RewardModel"):
        train(None, TOY)
