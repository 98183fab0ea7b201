"""One process or several: what `accelerate launch` started, joined (the page "Several GPUs, several machines")."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, broadcast_object_list, gather_object

from rmkit.errors import InputError


def join_processes() -> Accelerator:
    """Accelerate's `Accelerator`, with all the processes that were launched, or one. Call it in every process.

    Raises:
        InputError: if the launched processes do not know of each other, so that each would do everything and write the
            same files; or if what was launched steps and saves in ways of its own (DeepSpeed, FSDP 1).

    >>> join_processes().num_processes
    1
    """
    launched = int(os.environ.get("WORLD_SIZE", "1")) if "LOCAL_RANK" in os.environ else 1
    # Without a GPU, Accelerate joins processes only when told to use the CPU.
    accelerator = Accelerator(cpu=launched > 1 and not torch.cuda.is_available())
    if accelerator.num_processes < launched:
        raise InputError(
            f"this is one of {launched} processes that do not know of each other and would all write the same files; "
            "on a machine without a GPU set ACCELERATE_USE_CPU=1 before Accelerate is first used"
        )
    check_engine(accelerator)
    return accelerator


def check_engine(accelerator: Accelerator) -> None:
    """Raise `InputError` unless the steps and checkpoints of `rmkit.train` are right on what was launched."""
    kind = accelerator.distributed_type
    if kind in (DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM):
        raise InputError(f"rmkit does not run on {kind.value}; launch it with FSDP, which shares the memory as well")
    if accelerator.gradient_accumulation_steps != 1:
        raise InputError(
            "the launcher's config file sets gradient_accumulation_steps; leave it out, and give rmkit a "
            "micro_batch_size"
        )
    if kind == DistributedType.FSDP and not accelerator.is_fsdp2:
        raise InputError("rmkit does not run on FSDP 1; write fsdp_version: 2 into the launcher's config file")


def check_alike(given: dict[str, Any]) -> None:
    """Raise `InputError` unless all processes were given the same: each takes its share of what should be one whole.

    Data that every process shuffles or splits for itself, without a seed, is the usual way to go wrong.

    >>> check_alike({"seed": 0})
    """
    join_processes()
    for other in gather_object([given]):
        for name, value in given.items():
            if other[name] != value:
                raise InputError(
                    f"{name}: {value} in one process and {other[name]} in another; all must be given the same, so seed "
                    "whatever shuffles or splits the data, and on several machines keep files on a shared disk"
                )


def ask_main(action: Callable[[], Any]) -> Any:
    """What `action` returns in the main process, in all of them; if it is refused there, all end with that error.

    >>> ask_main(lambda: 6 * 7)
    42
    """
    answer: list[Any] = [None, None]
    if join_processes().is_main_process:
        try:
            answer[0] = action()
        except InputError as error:
            answer[1] = str(error)
    result, refused = broadcast_object_list(answer)
    if refused is not None:
        raise InputError(refused)
    return result
