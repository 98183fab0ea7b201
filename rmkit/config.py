"""The settings of a training run, written once: `train`, the command line and the checkpoints take them from here."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from rmkit.checks import check_positive, check_share, check_whole
from rmkit.errors import InputError


def _setting(default: float | None, metavar: str, help: str) -> Any:
    """A field with what the command line says about it."""
    return field(default=default, metadata={"metavar": metavar, "help": help})


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of `rmkit.train`, which takes each of them as a keyword.

    >>> TrainingConfig(epochs=3).epochs, TrainingConfig.lr
    (3, 0.0001)
    """

    #: Passes over the data. Held-out data say how many are too many (chapter 4).
    epochs: int = _setting(2, "N", "passes over the data")

    #: AdamW's learning rate, which stays constant. Chapter 4 tries five. For BERT, five times as large as the embedded
    #: encoder, its authors recommend 2e-5 to 5e-5 (Devlin et al. 2018, arXiv:1810.04805, appendix A.3).
    lr: float = _setting(1e-4, "X", "learning rate")

    #: Rankings a step, over all processes. A ranking of K responses brings all its K(K-1)/2 pairs (Ouyang et al. 2022,
    #: arXiv:2203.02155, section 3.5).
    batch_size: int = _setting(8, "N", "rankings a step, over all processes")

    #: Tokens a text. A longer text loses the start of its prompt.
    max_length: int = _setting(256, "N", "tokens a text")

    #: Draws the order of the rankings, and dropout if the encoder has any.
    seed: int = _setting(0, "N", "for the head, the split and the order")

    #: The share of the encoder, from below, that keeps its pretrained weights (`RewardModel.freeze`). 0 trains all of
    #: it; None trains whatever requires a gradient. On few rankings half did better than nothing, and takes less time
    #: (see the data card).
    freeze: float | None = _setting(
        0.5, "SHARE", "how much of the encoder keeps its weights, from below; 0 trains all of it"
    )

    #: Rankings in one forward pass of a process, for when memory is short; None takes all of its share at once. The
    #: gradient is the same (chapter 4).
    micro_batch_size: int | None = _setting(None, "N", "rankings a forward pass, for when memory is short")

    def check(self, longest_text: float | None = None) -> None:
        """Raise `InputError`, naming the setting, unless a run can work with these.

        Args:
            longest_text: the most tokens that the encoder reads at once, if that is known.

        >>> TrainingConfig(lr=0).check()
        Traceback (most recent call last):
            ...
        rmkit.errors.InputError: lr is 0; it must be a number above 0, such as 1e-4
        """
        check_whole("epochs", self.epochs)
        check_positive("lr", self.lr, "1e-4")
        check_whole("batch_size", self.batch_size)
        check_whole("max_length", self.max_length, least=3, what="number of tokens ([CLS], one token, [SEP])")
        if longest_text is not None and self.max_length > longest_text:
            raise InputError(f"max_length is {self.max_length}; this encoder reads at most {longest_text} tokens")
        check_whole("seed", self.seed, least=0, most=2**40 - 1)
        if self.freeze is not None:
            check_share("freeze", self.freeze, "of the encoder's layers")
        if self.micro_batch_size is not None:
            check_whole("micro_batch_size", self.micro_batch_size)

    @classmethod
    def options(cls) -> Iterator[tuple[str, dict]]:
        """("--batch-size", what argparse needs to know about it), for each setting.

        >>> dict(TrainingConfig.options())["--epochs"]
        {'type': <class 'int'>, 'default': 2, 'metavar': 'N', 'help': 'passes over the data (default: %(default)s)'}
        """
        for setting in fields(cls):
            kind = next(iter(get_args(setting.type)), setting.type)  # int, also for "int | None"
            about = dict(setting.metadata)
            if setting.default is not None:
                about["help"] += " (default: %(default)s)"
            yield f"--{setting.name.replace('_', '-')}", {"type": kind, "default": setting.default, **about}
