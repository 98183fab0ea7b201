"""What tests/library/test_processes.py has one process do alone, and several together: `python processes.py FOLDER`."""

import json
import os
import sys
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from safetensors.torch import save_file
from transformers import BertConfig

from rmkit import Ranking, Rankings, RewardConfig, RewardModel, evaluate, load_rankings, load_tokenizer, train
from rmkit.batching import encode_rankings
from rmkit.errors import InputError
from rmkit.processes import join_processes
from rmkit.training import _gradient

RANKINGS = Rankings(
    [
        Ranking("Name a fruit.", ["an apple", "a pear", "a plum stone", "a brick", "no"]),
        Ranking("What is a contract?", ["An agreement that the law will enforce.", "Something with paper."]),
        Ranking("What is the capital of Peru?", ["Lima", "Lima, I think.", "Cusco or Rome"], ranks=[0, 1, 1]),
        Ranking("How many legs has a spider?", ["Eight.", "Six, as every insect has.", "Four", "None of them"]),
        Ranking("Who wrote Hamlet?", ["Shakespeare", "Marlowe"]),
    ]
)
HELD_OUT = Rankings([Ranking("2 + 2?", ["4", "four", "5"]), Ranking("Name a bird.", ["a heron", "a herring or two"])])
SETTINGS = {"batch_size": 3, "max_length": 24, "seed": 1, "lr": 1e-3}
# Batches, as rankings and rankings a pass: shares of 2 and 1; of 3 and 2, in passes of 1; of 1 and none.
GRADIENTS = {"uneven": (3, None), "in passes": (5, 1), "too few": (1, None)}


def tiny(seed=0):
    """A reward model of a million weights drawn at random, large enough for rewards to differ clearly.

    In double precision, so that gradients and weights can be compared without excuses. In single precision, where a
    gradient is zero by the mathematics (the keys' biases) only rounding is left of it, and AdamW, which
    divides by the gradient's size, makes whole steps of it.
    """
    bert = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    bert.initializer_range, bert.hidden_dropout_prob, bert.attention_probs_dropout_prob = 0.3, 0.0, 0.0
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = RewardModel(RewardConfig(encoder=bert.to_dict(), text_length=24))
    model.tokenizer = load_tokenizer()
    return model.double()


def whole(tensor):
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor  # FSDP holds parts


def gradients(n_rankings, micro_batch_size):
    """The gradient of one batch, by name, and the loss."""
    accelerator = join_processes()
    model = tiny()
    model.freeze(0.5)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    parallel, _ = accelerator.prepare(model, torch.optim.AdamW(trained))
    assert hasattr(model.head.weight, "full_tensor") == ("ACCELERATE_USE_FSDP" in os.environ)  # sharded, or not
    encoded = encode_rankings(RANKINGS, model.tokenizer, 24)
    examples = list(zip(RANKINGS, encoded, strict=True))[:n_rankings]
    loss = accelerator.reduce(_gradient(accelerator, parallel, model, examples, micro_batch_size), "sum")
    found = {name: whole(p.grad).contiguous() for name, p in model.named_parameters() if p.grad is not None}
    return {"loss": loss, **found}


def report():
    """What `evaluate` says of an odd number of texts, and how many of them this process read first.

    First means before the blind scores and the checks.
    """
    model, read = tiny(), []
    score_ids = model.score_ids
    model.score_ids = lambda texts, batch_size=32: read.append(len(texts)) or score_ids(texts, batch_size)
    result = evaluate(model, Rankings([*RANKINGS, *HELD_OUT]), batch_size=3)
    return {"report": result.to_dict(), "margins": result.margins, "read": read[:1]}


def run(output, epochs, resume=False):
    """Train, with a checkpoint after each epoch."""
    train(tiny(), RANKINGS, HELD_OUT, epochs=epochs, output=output, resume=resume, **SETTINGS)


def in_single_precision():
    """The weights after nine steps on the embedded encoder, as readers take them."""
    model = RewardModel.from_encoder()
    train(model, Rankings([*RANKINGS, *load_rankings("toy")[:4]]), epochs=3, **{**SETTINGS, "lr": 1e-4})
    return {name: whole(tensor).contiguous() for name, tensor in model.state_dict().items()}


def dropped():
    """Which numbers dropout set to zero in this process's first pass, as text; all processes read the same text."""
    model, seen = tiny(), []
    model.encoder.embeddings.dropout.p = 0.5
    model.encoder.embeddings.dropout.register_forward_hook(lambda _, __, numbers: seen.append(numbers == 0))
    train(model, Rankings([RANKINGS[0]] * 2), epochs=1, **SETTINGS)
    return "".join(str(int(zero)) for zero in seen[0].flatten()[:64])


def refused():
    """What is said when the second process is given other data than the first."""
    data, said = RANKINGS[join_processes().process_index :], []
    for work in (lambda: train(tiny(), data, epochs=1, **SETTINGS), lambda: evaluate(tiny(), data)):
        try:
            work()
        except InputError as error:
            said.append(str(error))
    return said


def main(folder):
    """Everything, into `folder`; in `folder`/resumed may lie the finished run of another number of processes."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True, parents=True)
    found = report()  # first of all: `evaluate` joins the processes by itself
    (folder / f"report-{join_processes().process_index}.json").write_text(json.dumps(found))
    is_main = join_processes().is_main_process
    for name, arguments in GRADIENTS.items():
        found = gradients(*arguments)
        if is_main:
            save_file(found, folder / f"{name}.safetensors")
    trained = in_single_precision()
    if is_main:
        save_file(trained, folder / "single precision.safetensors")
    (folder / f"dropped-{join_processes().process_index}.txt").write_text(dropped())
    (folder / f"refused-{join_processes().process_index}.json").write_text(json.dumps(refused()))
    run(folder / "run", epochs=2)
    if (folder / "resumed").exists():
        run(folder / "resumed", epochs=3, resume=True)


if __name__ == "__main__":
    if os.environ.get("ACCELERATE_USE_FSDP"):
        # Accelerate shards on GPUs only, and would quietly take DDP here. Say that these are GPUs.
        PartialState(cpu=True)
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
        assert join_processes().is_fsdp2
    main(sys.argv[1])
    assert join_processes().num_processes == 2
