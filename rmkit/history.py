"""What happened in training: an entry an epoch, as a table, as a plot, as JSON (chapter 4)."""

import math
from dataclasses import dataclass, field

from rmkit.intervals import Estimate
from rmkit.results import Result

TABLE_HEAD = "epoch    loss  held-out loss   held-out accuracy"


@dataclass(repr=False)
class History(Result):
    """What happened in training, an entry an epoch: `print` it, `plot` it, `save` it.

    `epochs` holds {"epoch", "loss", "held_out_loss", "held_out_accuracy"}. `loss` is the mean over the epoch's
    rankings, each at the moment it was trained on; `held_out_loss` is the same loss on the held-out data after the
    epoch. Both are in nats, and a coin's is log 2 = 0.693. Without held-out data the last two are None.
    `longest_wins` is the accuracy of that rule on the held-out data. Intervals draw whole prompts.

    >>> print(History(seed=0, epochs=[{"epoch": 1, "loss": 0.5, "held_out_loss": None, "held_out_accuracy": None}]))
    epoch    loss  held-out loss   held-out accuracy
        1  0.5000
     coin  0.6931
    """

    seed: int
    epochs: list = field(default_factory=list)
    seconds: float = 0.0
    n_truncated: int = 0
    longest_wins: dict | None = None

    def plot(self) -> None:
        """Draw the loss over the epochs, with a coin's loss beside it."""
        from rmkit.figures import plot_history

        plot_history(self)

    def __str__(self) -> str:
        coin = f" coin {math.log(2):7.4f}"
        if self.longest_wins:
            coin += f" {math.log(2):14.4f}   0.5; longest wins: {Estimate(**self.longest_wins)}"
        return "\n".join([TABLE_HEAD, *map(table_row, self.epochs), coin])


def table_row(epoch: dict) -> str:
    """One epoch as a line of the table.

    >>> table_row({"epoch": 1, "loss": 0.5, "held_out_loss": None, "held_out_accuracy": None})
    '    1  0.5000'
    """
    row = f"{epoch['epoch']:5d} {epoch['loss']:7.4f}"
    if epoch["held_out_loss"] is None:
        return row
    return f"{row} {epoch['held_out_loss']:14.4f}   {Estimate(**epoch['held_out_accuracy'])}"
