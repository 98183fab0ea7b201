"""The options of the command line; `rmkit.cli` runs what they ask for. Nothing heavy is imported."""

import argparse
from dataclasses import fields
from typing import NoReturn

from rmkit.config import TrainingConfig
from rmkit.errors import InputError

MODEL = "a trained model's folder, or hub:org/name"


def make_parser() -> argparse.ArgumentParser:
    """The parser of `rmkit`; what it returns names its command in `command`, such as "train" or "data convert".

    >>> make_parser().parse_args(["data", "validate", "toy"]).command
    'data validate'
    """
    parser = _Parser(prog="rmkit", description="Train and use reward models: models of which answer people prefer.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_train(commands)
    _add_evaluate(commands)
    _add_compare(commands)
    _add_score(commands)
    _add_rank(commands)
    _add_export(commands)
    _add_data(commands)
    return parser


def training_config(args: argparse.Namespace) -> TrainingConfig:
    """The settings that `rmkit train` was given.

    >>> training_config(make_parser().parse_args(["train", "--data", "toy", "--output", "run", "--epochs", "3"])).epochs
    3
    """
    return TrainingConfig(**{setting.name: getattr(args, setting.name) for setting in fields(TrainingConfig)})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see '{self.prog} --help'")


def _add_train(commands):
    new = _command(commands, "train", "Train a reward model on rankings or pairs.")
    _add_data_options(new)
    new.add_argument("--output", required=True, metavar="DIR", help="the folder to write the model to")
    new.add_argument("--encoder", default="all-MiniLM-L6-v2", metavar="NAME", help="default: %(default)s, embedded")
    for name, about in TrainingConfig.options():
        new.add_argument(name, **about)
    about = "share of the prompts kept to measure on, unless the data is split already (default: %(default)s)"
    new.add_argument("--held-out", type=float, default=0.1, metavar="SHARE", help=about)
    new.add_argument("--resume", action="store_true", help="go on where an interrupted run in DIR stopped")


def _add_evaluate(commands):
    about = "Measure a reward model: intervals, baselines, calibration, groups of pairs, checks."
    new = _command(commands, "evaluate", about)
    new.add_argument("--model", required=True, metavar="DIR", help=MODEL)
    _add_data_options(new)
    _add_seen(new)
    new.add_argument("--calibration", metavar="FILE|NAME", help="other rankings, to fit a temperature on")
    new.add_argument("--training", metavar="FILE|NAME", help="what it was trained on, if rmkit did not train it")
    new.add_argument("--card", metavar="FILE", help="write a model card, usually DIR/README.md")
    new.add_argument("--figures", metavar="FILE", help="save a page of figures, as .png, .svg or .pdf")


def _add_compare(commands):
    new = _command(commands, "compare", "Measure two reward models on the same pairs, and say whether one is better.")
    about = "two trained models' folders, A and B, or hub:org/name"
    new.add_argument("models", nargs=2, metavar="DIR", help=about)
    _add_data_options(new)
    _add_seen(new)


def _add_score(commands):
    new = _command(commands, "score", "Give each response to a prompt its reward, or each row of a file.")
    _add_answers(new, required=False)
    file = new.add_argument_group("a whole file, of any size, instead of --prompt and --response")
    about = "rows of prompt and response, or rankings and pairs of any known format"
    file.add_argument("--data", metavar="FILE|NAME", help=about)
    about = '.jsonl or .jsonl.gz, a line a row: the row with "reward", "rewards", or why it was "refused"'
    file.add_argument("--output", metavar="FILE", help=about)
    file.add_argument("--resume", action="store_true", help="go on where an interrupted run stopped")


def _add_rank(commands):
    _add_answers(_command(commands, "rank", "Order responses to a prompt, best first."), required=True)


def _add_export(commands):
    about = "Write a reward model for a web page, as ONNX with int8 weights, and for Python."
    new = _command(commands, "export", about)
    new.add_argument("--model", required=True, metavar="DIR", help=MODEL)
    new.add_argument("--output", required=True, metavar="DIR", help="the folder to write, new or empty")


def _add_data(commands):
    data = commands.add_parser("data", help="Describe, validate or convert preference data.")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    for action, about in {
        "describe": "Count prompts, pairs, ties, lengths, duplicates, and how often the longest wins.",
        "validate": "List every row that would be refused, with its reason; exit status 2 if there is one.",
        "convert": "Write any known format as rankings in JSON Lines.",
    }.items():
        new = _command(actions, action, about)
        new.set_defaults(command=f"data {action}")
        new.add_argument("data", metavar="FILE|NAME", help="a file, a shipped set, or hub:org/name")
        if action == "convert":
            new.add_argument("--output", required=True, metavar="FILE", help="the file to write; it must not exist yet")
            _add_refused(new)


def _command(commands, name, about):
    new = commands.add_parser(name, help=about, description=about)
    new.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    new.set_defaults(command=name)
    return new


def _add_data_options(new):
    new.add_argument("--data", required=True, metavar="FILE|NAME", help="a file, a shipped set, or hub:org/name")
    new.add_argument("--limit", type=int, metavar="ROWS", help="read only the first rows")
    _add_refused(new)


def _add_refused(new):
    about = "leave bad rows out instead of stopping"
    new.add_argument("--skip-refused", dest="refused", action="store_const", const="skip", help=about)


def _add_seen(new):
    about = "what to do if prompts, or nearly the same ones, were trained on (default: %(default)s)"
    new.add_argument("--seen", choices=["refuse", "skip", "measure"], default="refuse", help=about)


def _add_answers(new, required):
    new.add_argument("--model", required=True, metavar="DIR", help=MODEL)
    new.add_argument("--prompt", required=required, metavar="TEXT")
    new.add_argument("--response", required=required, action="append", metavar="TEXT", help="once for each response")
