"""Several processes do what one does: gradients, weights, evaluation, checkpoints; and one of them may be killed.

The work is in tests/helpers/processes.py: done here by this process, and by two under `accelerate launch` with the
config files that book/many-processes.md shows, one for DDP and one for FSDP.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest
import torch
import yaml
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from safetensors.torch import load_file

from rmkit import RewardModel, k_choose_2_loss, load_rankings
from rmkit.batching import collate
from rmkit.checkpoints import last_checkpoint
from rmkit.cli import main
from rmkit.errors import InputError
from rmkit.processes import check_engine
from rmkit.training import train
from tests.helpers import processes
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.process

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def configs():
    """{file name: text} of the config files on the page; each names itself in its first line."""
    page = (ROOT / "book" / "many-processes.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    return {re.match(r"# (\S+\.yaml)\n", block)[1]: block for block in blocks}


def launch(folder, config, *command, precision="no"):
    """Start two processes with a config file of the page."""
    (folder / config).write_text(configs()[config], encoding="utf-8")
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(folder / config)]
    two = ["--num_processes", "2", "--mixed_precision", precision, "--main_process_port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
    return subprocess.Popen([*launcher, *two, *map(str, command)], **pipes)


def finished(process):
    """What it printed, once it has ended without an error."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3000:]
    return out, err


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process makes of it, and in `longer` the third epoch of the run."""
    folder = tmp_path_factory.mktemp("alone")
    processes.main(folder)
    shutil.copytree(folder / "run", folder / "longer")
    processes.run(folder / "longer", epochs=3, resume=True)
    return folder


@pytest.fixture(scope="module", params=["ddp.yaml", "fsdp.yaml"])
def together(request, alone, tmp_path_factory):
    """What two processes make of it."""
    folder = tmp_path_factory.mktemp("together")
    shutil.copytree(alone / "run", folder / "resumed")
    finished(launch(folder, request.param, ROOT / "tests" / "helpers" / "processes.py", folder))
    return folder


def distances(one, other):
    """The largest difference in each tensor of two files."""
    one, other = load_file(one), load_file(other)
    assert one.keys() == other.keys()
    return {name: (one[name] - other[name]).abs().max().item() for name in one}


# --- Gradients and weights


@pytest.mark.parametrize("batch", processes.GRADIENTS)
def test_gradients_are_those_of_one_process(alone, together, batch):
    sizes = {name: tensor.abs().max().item() for name, tensor in load_file(alone / f"{batch}.safetensors").items()}
    found = distances(alone / f"{batch}.safetensors", together / f"{batch}.safetensors")
    largest = max(size for name, size in sizes.items() if name != "loss")
    assert len(sizes) > 15 and largest > 0.01
    assert max(found.values()) < 1e-12 * largest


def test_weights_are_those_of_one_process(alone, together):
    found = distances(alone / "run" / "model.safetensors", together / "run" / "model.safetensors")
    assert max(found.values()) < 1e-9
    start = processes.tiny().state_dict()
    trained = load_file(together / "run" / "model.safetensors")
    assert max((trained[name] - start[name]).abs().max().item() for name in trained) > 1e-3  # and they have moved


def test_in_single_precision_weights_are_the_same_up_to_rounding(alone, together):
    """Except for the biases of the keys: their true gradient is zero, and AdamW makes whole steps of its rounding."""
    one, other = (load_file(folder / "single precision.safetensors") for folder in (alone, together))
    model = RewardModel.from_encoder()
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    biases = {name for name in one if name.endswith("key.bias")}

    def distance(here, there):
        return torch.cat([(here[name] - there[name]).flatten() for name in here.keys() - biases]).norm().item()

    assert len(biases) == 6 and distance(one, start) > 0.5
    assert distance(one, other) < 3e-4 * distance(one, start)  # 3e-5 was measured
    rewards = []
    for keys in (one, other):
        model.load_state_dict(one | {name: keys[name] for name in biases})
        rewards.append(model.score("Name a fruit.", ["an apple", "a brick"]))
    assert rewards[0] == pytest.approx(rewards[1], abs=1e-6)  # which do not depend on them


def test_each_process_drops_out_for_itself(together):
    first, second = ((together / f"dropped-{n}.txt").read_text() for n in (0, 1))
    assert len(first) == len(second) == 64 and first != second
    assert 10 < first.count("1") < 54 and 10 < second.count("1") < 54


def test_the_mean_of_the_processes_means_is_another_gradient():
    """The lesson: three rankings, two on the first process and one on the second."""
    model = processes.tiny()
    first, second = processes.RANKINGS[:3:2], processes.RANKINGS[1:2]

    def gradient(rankings):
        batch = collate(rankings, model.tokenizer, 24)
        loss = k_choose_2_loss(model(batch.input_ids, batch.attention_mask), batch.sizes, batch.ranks)
        found = torch.autograd.grad(loss, [p for name, p in model.named_parameters()])
        return torch.cat([part.flatten() for part in found])

    whole = gradient([*first, *second])
    by_number = (2 * gradient(first) + gradient(second)) / 3
    of_means = (gradient(first) + gradient(second)) / 2
    assert (by_number - whole).norm() < 1e-5 * whole.norm()
    assert (of_means - whole).norm() > 0.1 * whole.norm()


# --- Evaluation


def test_every_pair_counts_once_and_all_processes_say_the_same(alone, together):
    one, first, second = (
        json.loads(path.read_text())
        for path in (alone / "report-0.json", together / "report-0.json", together / "report-1.json")
    )
    assert first == second
    assert (one["read"], first["read"]) == ([21], [11])  # each reads half of them, rounded up
    assert first["margins"] == pytest.approx(one["margins"], abs=1e-5)
    assert first["report"]["accuracy"] == one["report"]["accuracy"]
    assert first["report"]["n_pairs"] == len(first["margins"]) == 10 + 1 + 2 + 6 + 1 + 3 + 1
    assert first["report"]["ranking_loss"] == pytest.approx(one["report"]["ranking_loss"], abs=1e-6)


# --- Checkpoints


def test_a_checkpoint_of_several_processes_is_the_one_of_one(alone, together):
    one, other = (last_checkpoint(folder / "run") for folder in (alone, together))
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert max(distances(one / name, other / name).values()) < 1e-9
    sizes = [{path.name: path.stat().st_size for path in folder.iterdir()} for folder in (one, other)]
    assert sizes[0].keys() == sizes[1].keys()
    assert sizes[0]["optimizer.safetensors"] == sizes[1]["optimizer.safetensors"]


def test_what_one_process_began_two_go_on_with(alone, together):
    found = distances(alone / "longer" / "model.safetensors", together / "resumed" / "model.safetensors")
    assert max(found.values()) < 1e-9


def test_what_two_processes_began_one_goes_on_with(alone, together, tmp_path):
    shutil.copytree(together / "run", tmp_path / "run")
    processes.run(tmp_path / "run", epochs=3, resume=True)
    found = distances(alone / "longer" / "model.safetensors", tmp_path / "run" / "model.safetensors")
    assert max(found.values()) < 1e-9


# --- The command line


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """`rmkit train` on a tiny encoder, without the output folder."""
    folder = tmp_path_factory.mktemp("encoder")
    model = processes.tiny().float()
    model.encoder.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    settings = ["--epochs", "30", "--batch-size", "3", "--max-length", "24", "--held-out", "0.2", "--json"]
    return ["-m", "rmkit", "train", "--data", "toy", "--encoder", folder, *settings, "--output"]


def test_one_of_two_is_killed_and_the_run_resumed(command, tmp_path):
    """In bf16, as the page's file says."""
    out, err = finished(launch(tmp_path, "ddp.yaml", *command, tmp_path / "whole", precision="bf16"))
    assert len(json.loads(out)["epochs"]) == 30  # one JSON object: only the first process speaks
    assert err.count("epoch    loss") == 1 and err.count("toy: training on 8 rankings") == 1

    killed = launch(tmp_path, "ddp.yaml", *command, tmp_path / "killed", precision="bf16")
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed/checkpoints/epoch-0002").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    second = [child for child in psutil.Process(killed.pid).children() if child.environ().get("RANK") == "1"]
    second[0].kill()
    killed.communicate(timeout=120)
    assert killed.returncode != 0
    assert 2 <= int(last_checkpoint(tmp_path / "killed").name[-4:]) < 30
    assert not (tmp_path / "killed/model.safetensors").exists()

    again = [*command, tmp_path / "killed", "--resume"]
    out, _ = finished(launch(tmp_path, "ddp.yaml", *again, precision="bf16"))
    assert len(json.loads(out)["epochs"]) == 30
    found = distances(tmp_path / "whole/model.safetensors", tmp_path / "killed/model.safetensors")
    assert max(found.values()) == 0  # to the last bit


def test_bad_input_gets_one_sentence_from_all(tmp_path):
    arguments = ["-m", "rmkit", "train", "--data", "nowhere.jsonl", "--output", tmp_path / "run"]
    process = launch(tmp_path, "ddp.yaml", *arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode != 0 and out == ""
    assert err.startswith("rmkit: nowhere.jsonl: there is no such file") and err.count("no such file") == 1
    assert "exitcode  : 2" in err  # in the launcher's own report, which follows


def test_another_process_speaks_when_the_first_does_not(monkeypatch, capsys):
    """It leaves the first one time to say the same; then nobody else has had the error, or it would have been ended."""
    waited = []
    monkeypatch.setattr("rmkit.cli.time.sleep", waited.append)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("sys.argv", ["rmkit", "train", "--data", "nowhere.jsonl", "--output", "anywhere"])
    assert main() == 2
    assert waited == [10] and "nowhere.jsonl: there is no such file" in capsys.readouterr().err


# --- Precision


def test_bf16_changes_the_loss_a_little_and_weights_stay_whole(monkeypatch):
    """`accelerate launch --mixed_precision bf16` is this variable. A bfloat16 has 8 bits: about 1 in 256."""
    losses = []
    for precision in ("no", "bf16"):
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", precision)
        AcceleratorState._reset_state()
        model = processes.tiny().float()
        forward = model.forward
        history = train(model, processes.RANKINGS, processes.HELD_OUT, epochs=2, **processes.SETTINGS)
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
        assert model.forward == forward  # and what was trained computes as any other model
        losses.append([epoch["loss"] for epoch in history.epochs])
    AcceleratorState._reset_state()
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], abs=0.02)


def test_rewards_are_finer_than_bf16():
    """Its 8 bits would make close rewards equal, and equal rewards are ties."""
    model = RewardModel.from_encoder()
    batch = collate(load_rankings("toy"), model.tokenizer, 48)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rewards = model(batch.input_ids, batch.attention_mask)
    assert (rewards != rewards.bfloat16()).sum() > 15  # of 20


# --- What cannot work


@pytest.mark.parametrize(
    "kind, is_fsdp2, words",
    [("DEEPSPEED", False, "DEEPSPEED; launch it with FSDP"), ("FSDP", False, "fsdp_version: 2"), ("FSDP", True, None)],
)
def test_engines_on_which_the_loop_would_be_wrong_are_refused(kind, is_fsdp2, words):
    engine = SimpleNamespace(distributed_type=DistributedType[kind], is_fsdp2=is_fsdp2, gradient_accumulation_steps=1)
    if words is None:
        return check_engine(engine)
    with pytest.raises(InputError, match=words):
        check_engine(engine)


def test_accumulation_by_the_launcher_is_refused():
    """Accelerate would divide every gradient by it, and the loop would step all the same."""
    engine = SimpleNamespace(distributed_type=DistributedType.MULTI_GPU, is_fsdp2=False, gradient_accumulation_steps=4)
    with pytest.raises(InputError, match="give rmkit a micro_batch_size"):
        check_engine(engine)


def test_processes_that_were_given_different_data_are_refused(alone, together):
    assert json.loads((alone / "refused-0.json").read_text()) == []
    first, second = (json.loads((together / f"refused-{n}.json").read_text()) for n in (0, 1))
    for here, there in zip(first, second, strict=True):
        one, other = re.match(r"data: (\w{12}) in one process and (\w{12}) in another; all must", here).groups()
        assert one != other and there.startswith(f"data: {other} in one process and {one} in another")
    assert len(first) == 2  # train and evaluate


def test_processes_that_do_not_know_of_each_other_are_refused(monkeypatch, tmp_path):
    """Here Accelerate was first used when nobody could know of a second one."""
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert Accelerator().num_processes == 1
    with pytest.raises(InputError, match="ACCELERATE_USE_CPU=1"):
        train(processes.tiny(), load_rankings("toy"), output=tmp_path)


def test_the_page_names_three_config_files():
    known = {name: yaml.safe_load(text) for name, text in configs().items()}
    kinds = {name: config["distributed_type"] for name, config in known.items()}
    assert kinds == {"ddp.yaml": "MULTI_GPU", "fsdp.yaml": "FSDP", "deepspeed.yaml": "DEEPSPEED"}
    assert known["fsdp.yaml"]["fsdp_config"]["fsdp_version"] == 2
