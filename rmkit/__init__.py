"""Reward models from the ground up: what the course's chapters build, importable.

Importing `rmkit` is cheap: a module, and torch or transformers with it, is loaded when a name in it is first used.

>>> import rmkit
>>> rmkit.load_rankings("toy")[0].prompt
'Name one right that the First Amendment to the United States Constitution protects.'
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {  # name: the module that defines it
    "InputError": "errors",
    "Estimate": "intervals",
    "Ranking": "rankings",
    "Rankings": "rankings",
    "load_rankings": "loading",
    "load_encoder": "encoders",
    "load_tokenizer": "encoders",
    "pairwise_loss": "losses",
    "k_choose_2_loss": "losses",
    "best_of_n": "overoptimization",
    "kl_best_of_n": "overoptimization",
    "fit_gold_curve": "overoptimization",
    "encode": "batching",
    "collate": "batching",
    "RewardConfig": "model",
    "RewardModel": "model",
    "History": "history",
    "TrainingConfig": "config",
    "train": "training",
    "Report": "reports",
    "evaluate": "evaluation",
    "Comparison": "reports",
    "compare": "evaluation",
    "model_card": "cards",
    "Scoreboard": "attacks",
    "scoreboard": "attacks",
    "leave_one_out": "attacks",
    "to_sequence_classifier": "interop",
    "from_sequence_classifier": "interop",
    "SequenceClassifier": "interop",
    "to_trl_dataset": "interop",
    "export": "onnx",
    "round_weights": "onnx",
    "Scored": "scoring",
    "score_file": "scoring",
    "reveal": "course.source",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rmkit' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"rmkit.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
