"""Reward models from the ground up: what the course's chapters build, importable.

Importing `rmkit` is cheap: torch and transformers are loaded when a name that needs them is first used.

>>> import rmkit
>>> rmkit.load_rankings("toy")[0].prompt
'Name one right that the First Amendment to the United States Constitution protects.'
"""

from importlib import import_module

from rmkit.course.source import reveal

# Now, and light: imported later, the modules would take the functions' names.
from rmkit.onnx import export

__version__ = "0.1.0"

_HOME = {
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
    "round_weights": "onnx",
    "Scored": "scoring",
    "score_file": "scoring",
}

__all__ = ["export", "reveal"]
__all__ += list(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'rmkit' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"rmkit.{_HOME[name]}"), name)
    return value


def __dir__():
    return sorted({*globals(), *_HOME})
