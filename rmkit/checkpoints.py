"""An interrupted run resumes: a checkpoint an epoch, written whole or not at all, and never a pickle (chapter 4)."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from rmkit.errors import InputError
from rmkit.files import put_in_place, write_json
from rmkit.model import WEIGHTS, check_folder, disk_errors

OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)  # whole tensors by name, on the main process


def check_output(output, resume):
    """Raise `InputError` unless a run may write into the folder `output`; what is there already is never overwritten."""
    if not str(output).strip():
        raise InputError("the output folder has no name; name the folder to write the model to")
    output = Path(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise InputError(
            f"output folder '{output}': cannot be written ({error.strerror}); choose a folder that you may write to"
        ) from None
    if (output / WEIGHTS).exists() and not (resume and last_checkpoint(output)):
        raise InputError(
            f"output folder '{output}': already holds a trained model; choose another folder, or delete it"
        )
    if last_checkpoint(output) and not resume:
        raise InputError(
            f"output folder '{output}': holds an interrupted run; continue it with --resume (resume=True), choose "
            "another folder, or delete it"
        )


def last_checkpoint(output):
    """The folder of the last whole checkpoint, or None."""
    return max(Path(output).glob("checkpoints/epoch-*"), default=None)


def whole_state(parallel, optimizer):
    """The weights, and what the optimizer remembers of each, whole and by name, wherever the processes keep them.

    Every process must call this, for each may hold a part (FSDP). The main one gets everything, the others nothing.

    Returns:
        {parameter: tensor} and {parameter: {"step", "exp_avg", "exp_avg_sq"}}.
    """
    weights, memory = get_state_dict(parallel, optimizer, options=WHOLE)
    return weights, memory.get("state", {})


def save_checkpoint(output, model, state, history, settings):
    """Write everything that the next epoch depends on, then drop the checkpoint before; `state` is `whole_state`'s.

    It is written under another name and renamed when it is complete, so what is called epoch-NNNN is always whole.
    """
    folder = Path(output) / "checkpoints"
    writing = folder / "writing"
    shutil.rmtree(writing, ignore_errors=True)
    try:
        weights, memory = state
        model.save_pretrained(writing, state_dict=weights)
        tensors = {f"{name}.{what}": tensor for name, moments in memory.items() for what, tensor in moments.items()}
        with disk_errors(folder):
            save_file(tensors, writing / OPTIMIZER)
        put_in_place(writing / OPTIMIZER, writing / OPTIMIZER)
        write_json(writing / STATE, {"history": history.to_dict(), "settings": settings})
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise
    latest = folder / f"epoch-{len(history.epochs):04d}"
    os.rename(writing, latest)
    for previous in folder.glob("epoch-*"):
        if previous != latest:
            shutil.rmtree(previous)


def load_checkpoint(output, parallel, optimizer, settings):
    """Put model and optimizer back to where the last checkpoint left them, each process its part.

    Returns:
        The history up to there, as a dict; or None when there is no checkpoint yet.

    Raises:
        InputError: if the run was started with other settings or other data, or its checkpoint is damaged.
    """
    folder = last_checkpoint(output)
    if folder is None:
        return None
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
    memory = {}
    for name, tensor in tensors.items():
        parameter, _, what = name.rpartition(".")
        memory.setdefault(parameter, {})[what] = tensor.clone()  # out of the mapped file
    group = optimizer.param_groups[0] | {"params": list(memory)}
    set_model_state_dict(parallel, weights, options=WHOLE)
    # Not strict: a weight that the rewards do not depend on never has a gradient, and the optimizer remembers nothing of it.
    options = StateDictOptions(full_state_dict=True, strict=False)
    set_optimizer_state_dict(parallel, optimizer, {"state": memory, "param_groups": [group]}, options=options)
    return history


def save_trained(output, model, weights, history):
    """Write what a run leaves in the end: the model with these weights, and its history."""
    for left in Path(output).glob(".saving-*"):  # by a run that was killed while it did this
        shutil.rmtree(left, ignore_errors=True)
    history.save(Path(output) / "history.json")
    model.save_pretrained(output, state_dict=weights)
