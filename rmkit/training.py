"""The training loop (chapter 4), on Accelerate: the same code on a CPU, a GPU, or several processes."""

import math
import time
import warnings
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rmkit.batching import collate_encoded, count_cut, encode_rankings, length_buckets
from rmkit.checkpoints import (
    check_output,
    last_checkpoint,
    load_checkpoint,
    save_checkpoint,
    save_trained,
    whole_state,
)
from rmkit.errors import InputError
from rmkit.evaluation import evaluate
from rmkit.files import write_json
from rmkit.intervals import Estimate
from rmkit.losses import k_choose_2_loss
from rmkit.model import RewardModel, check_share
from rmkit.processes import check_alike, join_processes
from rmkit.rankings import fingerprint, prompt_key
from rmkit.sketches import SEEN, load_seen, sketch


@dataclass
class History:
    """What happened in training, an entry an epoch: `print` it, `plot` it, `save` it.

    `epochs` holds {"epoch", "loss", "held_out_loss", "held_out_accuracy"}. `loss` is the mean over the epoch's
    rankings, each at the moment it was trained on; `held_out_loss` is the same loss on the held-out data after the
    epoch. Both are in nats, and a coin's is log 2 = 0.693. Without held-out data the last two are None.
    `longest_wins` is the accuracy of that rule on the held-out data. Intervals draw whole prompts.
    """

    seed: int
    epochs: list = field(default_factory=list)
    seconds: float = 0.0
    n_truncated: int = 0
    longest_wins: dict | None = None

    def to_dict(self):
        """Plain numbers, ready for JSON."""
        return asdict(self)

    def save(self, path):
        """Write it as JSON, whole or not at all."""
        write_json(path, self.to_dict())

    def plot(self):
        """The loss over the epochs, with the coin's beside it."""
        from rmkit.plots import plot_history

        plot_history(self)

    def __str__(self):
        coin = f" coin {math.log(2):7.4f}"
        if self.longest_wins:
            coin += f" {math.log(2):14.4f}   0.5; longest wins: {Estimate(**self.longest_wins)}"
        return "\n".join([TABLE_HEAD, *map(table_row, self.epochs), coin])

    __repr__ = __str__


TABLE_HEAD = "epoch    loss  held-out loss   held-out accuracy"


def table_row(epoch):
    """One epoch as a line of the table."""
    row = f"{epoch['epoch']:5d} {epoch['loss']:7.4f}"
    if epoch["held_out_loss"] is None:
        return row
    return f"{row} {epoch['held_out_loss']:14.4f}   {Estimate(**epoch['held_out_accuracy'])}"


def train(
    model,
    data,
    eval_data=None,
    epochs=2,
    lr=1e-4,
    batch_size=8,
    max_length=256,
    seed=0,
    freeze=0.5,
    micro_batch_size=None,
    output=None,
    resume=False,
    on_epoch=None,
):
    """Train a reward model on rankings, in place.

    Each step draws `batch_size` rankings, scores all their responses, and lowers the K-choose-2 loss with AdamW at a
    constant learning rate.

    Args:
        model: a `RewardModel`; it is changed, and left on the device that it was trained on. Or one inside a `PeftModel`, with
            `freeze=None` and without `output` (chapter 10).
        data: `Rankings` to learn from. A ranking that is one single tie teaches nothing and is left out.
        eval_data: held-out `Rankings`, never trained on, measured after each epoch.
        epochs: passes over the data.
        lr: AdamW's learning rate.
        batch_size: rankings a step, over all processes; a ranking of K brings all its K(K-1)/2 pairs.
        max_length: tokens a text; a longer one loses the start of its prompt.
        seed: draws the order of the rankings, and dropout if the encoder has any.
        freeze: share of the encoder that keeps its pretrained weights, from below (`RewardModel.freeze`); 0 trains all of
            it. Half did better than nothing on few rankings, and takes less time (see the data card). None trains
            whatever requires a gradient.
        micro_batch_size: rankings a forward pass of a process, for when memory is short; the gradient is the same.
        output: a folder; after each epoch a checkpoint is written there, at the end the model and its history. The last
            checkpoint, in its folder `checkpoints`, stays for more epochs later; delete it to save the space.
        resume: go on from the last checkpoint in `output`, if there is one, to the same weights as a run that was
            never interrupted.
        on_epoch: called with each epoch's entry of the history.

    Returns:
        A `History`.

    Raises:
        InputError: if a setting or the data cannot work, before any work starts.
        FloatingPointError: if the loss is no longer a number.

    >>> from rmkit import RewardModel, load_rankings
    >>> history = train(RewardModel.from_encoder(), load_rankings("toy"), epochs=2, batch_size=2)
    >>> history.epochs[1]["loss"] < history.epochs[0]["loss"]
    True
    """
    check_settings(epochs, lr, batch_size, max_length, seed, freeze, micro_batch_size, model.longest_text)
    if not isinstance(model, RewardModel) and (freeze, output) != (None, None):
        raise InputError(
            f"the model is a {type(model).__name__}, whose adapters say what is trained, and which is merged and saved afterwards; "
            "pass freeze=None, and no output"
        )
    check_data(data, eval_data)
    rankings = [ranking for ranking in data if ranking.pairs()]
    if output is not None:
        check_output(output, resume)
        output = Path(output)
    elif resume:
        raise InputError("resume=True needs output, the folder that the interrupted run wrote to")

    accelerator = join_processes()
    start = time.perf_counter()
    reward_model = model if isinstance(model, RewardModel) else model.get_base_model()
    seen = [sketch([ranking.prompt for ranking in rankings]), reward_model.seen]
    encoded = encode_rankings(rankings, model.tokenizer, max_length)
    lengths = [max(len(text.ids) for text in texts) for texts in encoded]
    if freeze is not None:
        model.freeze(freeze)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # Plain AdamW, fused: one pass over the weights a step, and the same numbers.
    adamw = torch.optim.AdamW(trained, lr=lr, fused=True)
    parallel, optimizer = accelerator.prepare(model, adamw)
    cut = count_cut([text for texts in encoded for text in texts])
    if cut.responses and accelerator.is_main_process:
        warnings.warn(
            f"{cut.responses} of {sum(map(len, encoded))} responses longer than {max_length} tokens: the end was cut off, and "
            "nothing is learned from it",
            stacklevel=2,
        )
    history = History(seed, n_truncated=cut.texts)

    settings = {"lr": lr, "batch_size": batch_size, "max_length": max_length, "seed": seed, "freeze": freeze}
    settings |= {"number of trained tensors": len(trained), "encoder": model.config.encoder.get("_name_or_path")}
    settings |= {"head": model.config.head, "pooling": model.config.pooling}
    settings |= {"dropout": model.config.encoder.get("hidden_dropout_prob")}
    settings |= {"data": fingerprint(rankings), "held-out data": fingerprint(eval_data or [])}
    check_alike(settings | {"epochs": epochs, "last checkpoint": resume and last_checkpoint(output)})
    if resume and (saved := load_checkpoint(output, parallel, adamw, settings)):
        history = History(**saved)
        if len(history.epochs) > epochs:
            raise InputError(
                f"epochs is {epochs}, but the run in '{output}' has made {len(history.epochs)}; ask for more"
            )
        start -= history.seconds
        seen.append(load_seen(last_checkpoint(output) / SEEN))
    reward_model.seen = np.unique(np.concatenate([sketches for sketches in seen if sketches is not None]), axis=0)
    model.config.text_length = max_length

    silent = None if accelerator.is_main_process else True  # None: no bar where standard error is not a terminal
    gpu = [] if accelerator.device.type == "cpu" else [accelerator.device]  # this process's own, and no other
    for epoch in range(len(history.epochs) + 1, epochs + 1):
        # All that is random in an epoch follows from the seed and the epoch's number, so it can be repeated.
        with torch.random.fork_rng(gpu, device_type=accelerator.device.type):
            order = torch.manual_seed(seed * 1_000_003 + epoch)
            batches = length_buckets(lengths, batch_size, order)
            torch.manual_seed(order.initial_seed() + 10_007 * accelerator.process_index)  # each drops out for itself
            parallel.train()
            total = torch.zeros((), device=accelerator.device)
            for batch in tqdm(batches, desc=f"epoch {epoch}", leave=False, disable=silent):
                examples = [(rankings[i], encoded[i]) for i in batch]
                total += len(batch) * _gradient(accelerator, parallel, model, examples, micro_batch_size)
                optimizer.step()
                optimizer.zero_grad()
        loss = accelerator.reduce(total, "sum").item() / len(rankings)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss} in epoch {epoch}; try a smaller learning rate than {lr}")
        entry = {"epoch": epoch, "loss": loss, "held_out_loss": None, "held_out_accuracy": None}
        if eval_data is not None:
            report = evaluate(model, eval_data, seen="measure", quick=True)
            entry |= {"held_out_loss": report.ranking_loss, "held_out_accuracy": asdict(report.accuracy_by_prompt)}
            history.longest_wins = asdict(report.baselines["longest"])
        history.epochs.append(entry)
        history.seconds = time.perf_counter() - start
        if output:
            state = whole_state(parallel, adamw)
            if accelerator.is_main_process:
                save_checkpoint(output, model, state, history, settings)
        if on_epoch and accelerator.is_main_process:
            on_epoch(entry)
    model.eval()
    if output:
        weights, _ = whole_state(parallel, adamw)
        if accelerator.is_main_process:
            save_trained(output, model, weights, history)
    accelerator.wait_for_everyone()
    accelerator.unwrap_model(parallel, keep_fp32_wrapper=False)  # from here on the model computes as it was built to
    return history


def _gradient(accelerator, parallel, model, examples, micro_batch_size):
    """Add the gradient of the batch's mean loss; return this process's part of that mean, shape ().

    Every process takes its share of the rankings, in forward passes of at most `micro_batch_size`. Each loss is divided
    by the number of rankings in the *whole* batch, so neither the processes nor the passes change the result. All
    processes make the same number of passes, since under FSDP each pass needs all of them.
    """
    mine = examples[accelerator.process_index :: accelerator.num_processes]
    most = math.ceil(len(examples) / accelerator.num_processes)  # rankings of the process that has the most
    size = micro_batch_size or most
    part = torch.zeros((), device=accelerator.device)
    for first in range(0, most, size):
        passed = mine[first : first + size]
        weight = len(passed) / len(examples)
        # With nothing left to do, a process still takes part, on any ranking, and weighs nothing.
        rankings, encoded = zip(*(passed or examples[:1]), strict=True)
        batch = collate_encoded(rankings, encoded, model.tokenizer.pad_token_id)
        is_last = first + size >= most
        with nullcontext() if is_last else accelerator.no_sync(parallel):
            rewards = parallel(batch.input_ids.to(part.device), batch.attention_mask.to(part.device))  # (N,)
            loss = k_choose_2_loss(rewards, batch.sizes, batch.ranks) * weight  # ()
            accelerator.backward(loss * accelerator.num_processes)  # processes average their gradients
        part += loss.detach()
    return part


def check_data(data, eval_data=None):
    """Raise `InputError` unless there is something to learn from and, where data is held out, to measure on."""
    if not any(ranking.pairs() for ranking in data):
        raise InputError("the training data holds no pair to learn from: it is empty, or every ranking is a tie")
    if eval_data is not None and not eval_data.n_pairs:
        raise InputError("the held-out data holds no pair to measure on: it is empty, or every ranking is a tie")
    trained_on = {prompt_key(prompt) for prompt in data.prompts}
    for number, prompt in enumerate(eval_data.prompts if eval_data is not None else [], 1):
        if prompt_key(prompt) in trained_on:
            raise InputError(
                f"held-out ranking {number} has a prompt of the training data, {prompt[:60]!r}; hold out others, as "
                "`data.split` does"
            )


def check_settings(epochs, lr, batch_size, max_length, seed, freeze, micro_batch_size=None, longest_text=None):
    """Raise `InputError`, naming the setting, unless a run can work with these; `longest_text` is the encoder's limit."""
    at_least_one = {"epochs": epochs, "batch_size": batch_size, "micro_batch_size": micro_batch_size or 1}
    for name, value in at_least_one.items():
        if not isinstance(value, int) or value < 1:
            raise InputError(f"{name} is {value}; it must be a whole number, 1 or more")
    if not isinstance(seed, int) or not 0 <= seed < 2**40:
        raise InputError(f"seed is {seed}; it must be a whole number from 0 to 2^40 - 1")
    if not (isinstance(lr, (int, float)) and math.isfinite(lr) and lr > 0):
        raise InputError(f"lr is {lr}; it must be a number above 0, such as 1e-4")
    if freeze is not None:
        check_share(freeze)
    if not isinstance(max_length, int) or max_length < 3:
        raise InputError(f"max_length is {max_length}; it must be a whole number, 3 or more: [CLS], one token, [SEP]")
    if longest_text and max_length > longest_text:
        raise InputError(f"max_length is {max_length}; this encoder reads at most {longest_text} tokens")
