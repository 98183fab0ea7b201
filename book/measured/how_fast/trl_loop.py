"""TRL's `RewardTrainer` on the same work. Nothing of `rmkit` is imported here: TRL pays for what it needs itself.

`prepare` (which does use `rmkit`) turns the reward model into a `BertForSequenceClassification` with the same rewards,
and the texts into the token ids that TRL reads, in the order of `rmkit.train`'s batches.
"""

import json
import os
import tempfile
import time
from contextlib import contextmanager

from book.measured.how_fast.timing import Run


def run(folder, settings):
    """Train as `folder` says.

    Args:
        settings: "best": fp32, no gradient checkpointing, no clipping, no schedule, one fused AdamW with
        `rmkit.train`'s
            settings, in the plan's batches; "defaults": what `RewardConfig` says.
    """
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, BertForSequenceClassification, PrinterCallback
    from trl import RewardConfig, RewardTrainer

    class Watched(RewardTrainer):
        """Writes down the loss of each step in `seen`, and when the first was there."""

        first = 0.0

        def compute_loss(self, *args, **kwargs):
            loss = super().compute_loss(*args, **kwargs)
            self.seen.append(loss.detach())
            self.first = self.first or time.time()
            return loss

    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    model = BertForSequenceClassification.from_pretrained(folder / "classifier", dtype=torch.float32)
    model.classifier.requires_grad_(False)
    tokenizer = AutoTokenizer.from_pretrained(folder / "classifier")
    data = Dataset.from_dict(json.loads((folder / "pairs.json").read_text(encoding="utf-8")))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with tempfile.TemporaryDirectory() as output, own_precision():
        options = {"output_dir": output, "per_device_train_batch_size": plan["batch_size"], "num_train_epochs": 1}
        options |= {"use_cpu": True, "report_to": "none", "disable_tqdm": True, "save_strategy": "no", "seed": 0}
        options |= {"learning_rate": plan["lr"], "max_length": plan["max_length"]}
        optimizer = None
        if settings != "defaults":
            options |= {"bf16": False, "gradient_checkpointing": False, "max_grad_norm": 0.0, "logging_strategy": "no"}
            options |= {"lr_scheduler_type": "constant", "dataloader_pin_memory": False}
            options |= {"train_sampling_strategy": "sequential"}
            optimizer = torch.optim.AdamW(trained, lr=plan["lr"], fused=True)
        trainer = Watched(
            model=model,
            args=RewardConfig(**options),
            train_dataset=data,
            processing_class=tokenizer,
            optimizers=(optimizer, None),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.seen = []
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
    return Run(seconds, torch.stack(trainer.seen).tolist(), trainer.first)


@contextmanager
def own_precision():
    """Keep what a trainer sets for the whole process, bf16 for one, from whatever is run after it."""
    from accelerate.state import AcceleratorState

    before = dict(os.environ)
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        yield
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        os.environ.clear()
        os.environ.update(before)


def prepare(folder):
    """Write the classifier and the token ids of every pair beside what `rmkit_loop.prepare` left in `folder`."""
    import rmkit
    from rmkit.files import write_json
    from rmkit.interop import to_sequence_classifier, to_trl_dataset
    from rmkit.loading import load_rankings
    from rmkit.rankings import Rankings

    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    model = rmkit.RewardModel.from_pretrained(folder / "model")
    to_sequence_classifier(model).save_pretrained(folder / "classifier")
    model.tokenizer.save_pretrained(folder / "classifier")
    rankings = load_rankings(folder / "rankings.jsonl")
    ordered = Rankings(rankings[i] for batch in plan["batches"] for i in batch)
    write_json(folder / "pairs.json", to_trl_dataset(ordered, model.tokenizer, plan["max_length"]).to_dict())
