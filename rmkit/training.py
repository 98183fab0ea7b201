"""The training loop (chapter 4), on Accelerate: the same code on a CPU, a GPU, or several processes."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rmkit.batching import collate_encoded, count_cut, encode_rankings, length_buckets
from rmkit.checkpoints import (
    Checkpoint,
    check_output,
    last_checkpoint,
    put_back,
    read_checkpoint,
    save_checkpoint,
    save_trained,
    whole_state,
)
from rmkit.config import TrainingConfig
from rmkit.errors import InputError
from rmkit.evaluation import evaluate
from rmkit.history import History
from rmkit.losses import k_choose_2_loss
from rmkit.model import RewardModel
from rmkit.processes import check_alike, join_processes
from rmkit.rankings import Rankings, fingerprint, prompt_key
from rmkit.sketches import sketch


def train(
    model: RewardModel,
    data: Rankings,
    eval_data: Rankings | None = None,
    epochs: int = TrainingConfig.epochs,
    lr: float = TrainingConfig.lr,
    batch_size: int = TrainingConfig.batch_size,
    max_length: int = TrainingConfig.max_length,
    seed: int = TrainingConfig.seed,
    freeze: float | None = TrainingConfig.freeze,
    micro_batch_size: int | None = TrainingConfig.micro_batch_size,
    output: str | Path | None = None,
    resume: bool = False,
    on_epoch: Callable[[dict], None] | None = None,
) -> History:
    """Train a reward model on rankings, in place.

    Each step draws `batch_size` rankings, scores all their responses, and lowers the K-choose-2 loss with AdamW at a
    constant learning rate.

    Args:
        model: a `RewardModel`; it is changed, and left on the device that it was trained on. Or one inside a
            `PeftModel`, with `freeze=None` and without `output` (chapter 10).
        data: `Rankings` to learn from. A ranking that is one single tie teaches nothing and is left out.
        eval_data: held-out `Rankings`, never trained on, measured after each epoch.
        epochs, lr, batch_size, max_length, seed, freeze, micro_batch_size: the settings; see `TrainingConfig`.
        output: a folder; after each epoch a checkpoint is written there, at the end the model and its history. The last
            checkpoint, in its folder `checkpoints`, stays for more epochs later; delete it to save the space.
        resume: go on from the last checkpoint in `output`, if there is one, to the same weights as a run that was
            never interrupted.
        on_epoch: called with each epoch's entry of the history.

    Returns:
        A `History`.

    Raises:
        InputError: if a setting or the data cannot work, or there is another run in `output`. The model is then what it
            was before.
        FloatingPointError: if the loss is no longer a number.

    >>> from rmkit import RewardModel, load_rankings
    >>> history = train(RewardModel.from_encoder(), load_rankings("toy"), epochs=2, batch_size=2)
    >>> history.epochs[1]["loss"] < history.epochs[0]["loss"]
    True
    """
    config = TrainingConfig(epochs, lr, batch_size, max_length, seed, freeze, micro_batch_size)
    check_run(model, data, eval_data, config, output, resume)
    run = Run(model, data, eval_data, config)
    checkpoint = run.find_checkpoint(output if resume else None)
    run.prepare()
    if checkpoint:
        run.resume(checkpoint)
    while len(run.history.epochs) < epochs:
        entry = run.one_epoch()
        if output is not None:
            run.save_checkpoint(output)
        if on_epoch and run.is_main:
            on_epoch(entry)
    run.finish(output)
    return run.history


class Run:
    """One call of `train`: `find_checkpoint`, `prepare`, perhaps `resume`, `one_epoch` after another, `finish`.

    Nothing is refused after `prepare`, and nothing in the model changes before it.
    """

    def __init__(self, model: RewardModel, data: Rankings, eval_data: Rankings | None, config: TrainingConfig):
        self.accelerator = join_processes()
        self.is_main = self.accelerator.is_main_process  # the process that speaks and writes for all
        self.start = time.perf_counter()
        self.model, self.eval_data, self.config = model, eval_data, config
        self.rankings = [ranking for ranking in data if ranking.pairs()]
        self.encoded = encode_rankings(self.rankings, model.tokenizer, config.max_length)
        self.cut = count_cut([text for texts in self.encoded for text in texts])
        self.history = History(config.seed, n_truncated=self.cut.texts)
        self.record = self._record()

    def find_checkpoint(self, folder: str | Path | None) -> Checkpoint | None:
        """The last checkpoint of the run in `folder`; None if there is none, or no folder.

        Raises:
            InputError: if that run was made with other settings or data, is longer than this one, or is damaged; or if
                the processes were not all given the same.
        """
        last = folder and last_checkpoint(folder)
        check_alike(self.record | {"epochs": self.config.epochs, "last checkpoint": last})
        if not last:
            return None
        checkpoint = read_checkpoint(last, self.record)
        made = len(checkpoint.history["epochs"])
        if made > self.config.epochs:
            raise InputError(f"epochs is {self.config.epochs}, but the run in '{folder}' has made {made}; ask for more")
        return checkpoint

    def prepare(self) -> None:
        """Freeze the lower layers, make the optimizer, and note in the model which prompts it is about to see."""
        config, model = self.config, self.model
        if self.cut.responses and self.is_main:
            warnings.warn(
                f"{self.cut.responses} of {sum(map(len, self.encoded))} responses longer than {config.max_length} "
                "tokens: the end was cut off, and nothing is learned from it",
                stacklevel=3,
            )
        if config.freeze is not None:
            model.freeze(config.freeze)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        # Plain AdamW, fused: one pass over the weights a step, and the same numbers.
        self.adamw = torch.optim.AdamW(trained, lr=config.lr, fused=True)
        self.parallel, self.optimizer = self.accelerator.prepare(model, self.adamw)
        self._add_seen(sketch([ranking.prompt for ranking in self.rankings]))
        model.config.text_length = config.max_length

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go back to where the checkpoint was written: weights, the optimizer's memory, the history."""
        put_back(checkpoint, self.parallel, self.adamw)
        self.history = History(**checkpoint.history)
        self.start -= self.history.seconds
        if checkpoint.seen is not None:
            self._add_seen(checkpoint.seen)

    def one_epoch(self) -> dict:
        """Train on every ranking once, then measure on the held-out data; the entry of the history."""
        epoch = len(self.history.epochs) + 1
        loss = self.learn(epoch)
        if not math.isfinite(loss):
            lr = self.config.lr
            raise FloatingPointError(f"the loss became {loss} in epoch {epoch}; try a smaller learning rate than {lr}")
        entry: dict = {"epoch": epoch, "loss": loss, "held_out_loss": None, "held_out_accuracy": None}
        if self.eval_data is not None:
            report = evaluate(self.model, self.eval_data, seen="measure", quick=True)
            entry |= {"held_out_loss": report.ranking_loss, "held_out_accuracy": asdict(report.accuracy_by_prompt)}
            self.history.longest_wins = asdict(report.baselines["longest"])
        self.history.epochs.append(entry)
        self.history.seconds = time.perf_counter() - self.start
        return entry

    def learn(self, epoch: int) -> float:
        """One step after another, over all rankings; the mean loss of a ranking, at the moment it was trained on."""
        config, device = self.config, self.accelerator.device
        lengths = [max(len(text.ids) for text in texts) for texts in self.encoded]
        silent = None if self.is_main else True  # None: no bar where standard error is not a terminal
        gpu = [] if device.type == "cpu" else [device]  # this process's own, and no other
        # All that is random in an epoch follows from the seed and the epoch's number, so it can be repeated.
        with torch.random.fork_rng(gpu, device_type=device.type):
            order = torch.manual_seed(config.seed * 1_000_003 + epoch)
            batches = length_buckets(lengths, config.batch_size, order)
            own = order.initial_seed() + 10_007 * self.accelerator.process_index
            torch.manual_seed(own)  # each process drops out for itself
            self.parallel.train()
            total = torch.zeros((), device=device)
            for batch in tqdm(batches, desc=f"epoch {epoch}", leave=False, disable=silent):
                examples = [(self.rankings[i], self.encoded[i]) for i in batch]
                loss = _gradient(self.accelerator, self.parallel, self.model, examples, config.micro_batch_size)  # ()
                self.optimizer.step()
                self.optimizer.zero_grad()
                total += len(batch) * loss
        return self.accelerator.reduce(total, "sum").item() / len(self.rankings)

    def save_checkpoint(self, output: str | Path) -> None:
        """Write all that the next epoch depends on."""
        state = whole_state(self.parallel, self.adamw)  # by all processes together
        if self.is_main:
            save_checkpoint(output, self.model, state, self.history, self.record)

    def finish(self, output: str | Path | None) -> None:
        """Write the trained model and its history, and hand the model back as it was built to compute."""
        self.model.eval()
        if output is not None:
            weights, _ = whole_state(self.parallel, self.adamw)
            if self.is_main:
                save_trained(output, self.model, weights, self.history)
        self.accelerator.wait_for_everyone()
        self.accelerator.unwrap_model(self.parallel, keep_fp32_wrapper=False)

    def _add_seen(self, sketches):
        """Note in the reward model that it has seen these prompts too."""
        model = self.model if isinstance(self.model, RewardModel) else self.model.get_base_model()
        seen = [sketches] if model.seen is None else [sketches, model.seen]
        model.seen = np.unique(np.concatenate(seen), axis=0)

    def _record(self):
        """What must be the same when the run is resumed, as a dict that JSON can hold."""
        config, encoder = self.config, self.model.config.encoder
        free = {"epochs", "micro_batch_size"}  # more epochs may follow, and parts of a batch give the same gradient
        record = {name: value for name, value in asdict(config).items() if name not in free}
        trains = self.model.trained_at(config.freeze) if config.freeze is not None else {}
        n_trained = sum(trains.get(parameter, parameter.requires_grad) for parameter in self.model.parameters())
        record |= {"number of trained tensors": n_trained, "encoder": encoder.get("_name_or_path")}
        record |= {"head": self.model.config.head, "pooling": self.model.config.pooling}
        record |= {"dropout": encoder.get("hidden_dropout_prob")}
        return record | {"data": fingerprint(self.rankings), "held-out data": fingerprint(self.eval_data or [])}


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


def check_run(
    model: RewardModel,
    data: Rankings,
    eval_data: Rankings | None,
    config: TrainingConfig,
    output: str | Path | None,
    resume: bool,
) -> None:
    """Raise `InputError`, before any work, unless `train` can do what it was asked to."""
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model is a {type(model).__name__}; it must be a RewardModel")
    config.check(model.longest_text)
    if not isinstance(model, RewardModel) and (config.freeze, output) != (None, None):
        raise InputError(
            f"the model is a {type(model).__name__}, whose adapters say what is trained, and which is merged and saved "
            "afterwards; pass freeze=None, and no output"
        )
    check_data(data, eval_data)
    if output is not None:
        check_output(output, resume)
    elif resume:
        raise InputError("resume=True needs output, the folder that the interrupted run wrote to")


def check_data(data: Rankings, eval_data: Rankings | None = None) -> None:
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
