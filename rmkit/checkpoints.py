"""An interrupted run resumes: a checkpoint an epoch, written whole or not at all, and never a pickle (chapter 4)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.optim import Optimizer

from rmkit.checks import check_output_folder
from rmkit.errors import InputError
from rmkit.files import whole_folder, write_json
from rmkit.folders import WEIGHTS, check_folder, disk_errors
from rmkit.history import History
from rmkit.model import RewardModel
from rmkit.sketches import SEEN, load_seen

OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)  # whole tensors by name, on the main process


def check_output(output: str | Path, resume: bool) -> None:
    """Raise `InputError` unless a run may write into the folder `output`; what is there already is never overwritten.

    >>> check_output("", resume=False)
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: the output folder has no name; name the folder to write the files to
    """
    check_output_folder(output)
    interrupted = last_checkpoint(output) is not None
    if (Path(output) / WEIGHTS).exists() and not (resume and interrupted):
        raise InputError(
            f"output folder '{output}': already holds a trained model; choose another folder, or delete it"
        )
    if interrupted and not resume:
        raise InputError(
            f"output folder '{output}': holds an interrupted run; continue it with --resume (resume=True), choose "
            "another folder, or delete it"
        )


def last_checkpoint(output: str | Path) -> Path | None:
    """The folder of the last whole checkpoint, or None.

    >>> last_checkpoint("no such folder") is None
    True
    """
    return max(Path(output).glob("checkpoints/epoch-*"), default=None)


def whole_state(parallel: nn.Module, optimizer: Optimizer) -> tuple[dict, Any]:
    """The weights, and what the optimizer remembers of each, whole and by name, wherever the processes keep them.

    Every process must call this, for each may hold a part (FSDP). The main one gets everything, the others nothing.

    Returns:
        {parameter: tensor} and {parameter: {"step", "exp_avg", "exp_avg_sq"}}.
    """
    weights, memory = get_state_dict(parallel, optimizer, options=WHOLE)
    return weights, memory.get("state", {})


def save_checkpoint(output: str | Path, model: RewardModel, state: tuple, history: History, settings: dict) -> None:
    """Write everything that the next epoch depends on, then drop the checkpoint before; `state` is `whole_state`'s.

    What is called epoch-NNNN is always whole (`rmkit.files.whole_folder`).
    """
    weights, memory = state
    tensors = {f"{name}.{what}": tensor for name, moments in memory.items() for what, tensor in moments.items()}
    latest = Path(output) / "checkpoints" / f"epoch-{len(history.epochs):04d}"
    latest.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(latest) as folder, disk_errors(latest.parent):
        model.save_pretrained(folder, state_dict=weights)
        save_file(tensors, folder / OPTIMIZER)
        write_json(folder / STATE, {"history": history.to_dict(), "settings": settings})
    for previous in latest.parent.glob("epoch-*"):
        if previous != latest:
            shutil.rmtree(previous)


class Checkpoint(NamedTuple):
    """What a checkpoint holds, read but not yet put back into a model."""

    history: dict
    weights: dict  # {parameter: tensor}
    memory: dict  # {parameter: {"step", "exp_avg", "exp_avg_sq"}}, the optimizer's
    seen: np.ndarray | None  # sketches of the prompts that were trained on, (n, 128)


def read_checkpoint(folder: Path, settings: dict) -> Checkpoint:
    """Read the checkpoint in a folder; nothing is changed yet.

    Raises:
        InputError: if the run was started with other settings or other data, or its checkpoint is damaged.
    """
    check_folder(folder)
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        history, made_with = state["history"], state["settings"]
        weights = load_file(folder / WEIGHTS)
        tensors = load_file(folder / OPTIMIZER)
    except (OSError, ValueError, LookupError, TypeError, SafetensorError) as error:
        raise InputError(
            f"checkpoint '{folder}': cannot be read ({error}); delete the folder and train again"
        ) from None
    for name, value in settings.items():
        if (there := made_with.get(name)) != value:
            raise InputError(
                f"checkpoint '{folder}': was made with another {name} ({there}, now {value}); resume with the same, or "
                "choose another output folder"
            )
    memory: dict = {}
    for name, tensor in tensors.items():
        parameter, _, what = name.rpartition(".")
        memory.setdefault(parameter, {})[what] = tensor.clone()  # out of the mapped file
    return Checkpoint(history, weights, memory, load_seen(folder / SEEN))


def put_back(checkpoint: Checkpoint, parallel: nn.Module, optimizer: Optimizer) -> None:
    """Put model and optimizer back to where the checkpoint was written, each process its part."""
    group = optimizer.param_groups[0] | {"params": list(checkpoint.memory)}
    set_model_state_dict(parallel, checkpoint.weights, options=WHOLE)
    # Not strict: a weight that no reward depends on never has a gradient, and the optimizer remembers nothing of it.
    options = StateDictOptions(full_state_dict=True, strict=False)
    state: dict = {"state": checkpoint.memory, "param_groups": [group]}
    set_optimizer_state_dict(parallel, optimizer, state, options=options)


def save_trained(output: str | Path, model: RewardModel, weights: dict, history: History) -> None:
    """Write what a run leaves in the end: the model with these weights, and its history."""
    for left in Path(output).glob(".saving-*"):  # by a run that was killed while it did this
        shutil.rmtree(left, ignore_errors=True)
    history.save(Path(output) / "history.json")
    model.save_pretrained(output, state_dict=weights)
