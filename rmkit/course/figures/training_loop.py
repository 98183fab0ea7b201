"""Figures of chapter *The training loop*: loss curves and learning rates."""

import math

from rmkit.figures import BLUE, GRAY, SERIES, drawing


def plot_training(curves, floor):
    """How the training loss falls, between a coin's loss and the lowest that the head allows (chapter 4).

    Args:
        curves: {name of a run: [loss of each epoch]}, three at most.
        floor: the lowest loss that the head allows.
    """
    epochs = range(1, 1 + max(len(losses) for losses in curves.values()))
    with drawing() as axes:
        for level, name in [(math.log(2), "a coin: log 2"), (floor, f"the floor: {floor:.4f}")]:
            axes.axhline(level, color=GRAY, linestyle=":", linewidth=1.5)
            axes.text(epochs[-1], level - 0.015, name, color=GRAY, ha="right", va="top")
        for (name, losses), (color, marker, dash) in zip(curves.items(), SERIES, strict=False):
            axes.plot(range(1, len(losses) + 1), losses, color=color, marker=marker, linestyle=dash, label=name)
        axes.set(xlabel="epoch", ylabel="training loss (nats)", ylim=(0, None), xticks=epochs)
        axes.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.85))


def plot_learning_rates(losses, floor):
    """Which learning rates learn at all in a fixed number of epochs (chapter 4).

    Args:
        losses: {learning rate: loss of the last epoch}.
        floor: the lowest loss that the head allows.
    """
    rates = sorted(losses)
    with drawing() as axes:
        for level, name in [(math.log(2), "a coin: log 2"), (floor, f"the floor: {floor:.4f}")]:
            axes.axhline(level, color=GRAY, linestyle=":", linewidth=1.5)
            axes.text(rates[0], level - 0.015, name, color=GRAY, ha="left", va="top")
        axes.plot(rates, [losses[rate] for rate in rates], color=BLUE, marker="o")
        axes.set(xlabel=r"learning rate $\eta$", ylabel="loss of the last epoch (nats)", xscale="log", ylim=(0, 0.8))
        axes.set_xticks(rates, [f"{rate:.7f}".rstrip("0") for rate in rates])
        axes.minorticks_off()
