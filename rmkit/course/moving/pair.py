"""A pair of rewards, with its probability, loss and gradient (chapter 3)."""

from __future__ import annotations

from collections.abc import Iterator

from rmkit.course.moving.drawing import (
    COIN,
    Axis,
    curve,
    dotted,
    label,
    loss_of,
    mark,
    page,
    panels,
    scale,
    sigmoid,
    slider,
    svg,
    tenth,
    values,
)


class PairExplorer:
    """Two sliders, one for the reward of each response, and the probability, loss and gradient that follow.

    In a notebook it is a figure, elsewhere a line of numbers. It starts at the rewards given, rounded to tenths.

    Raises:
        InputError: if a reward is not a number from -3 to 3.

    >>> PairExplorer(0.3, -0.2)
    margin 0.5: probability 0.622, loss 0.474, gradient -0.378
    """

    MOST = 3  # the largest reward of a slider, and minus it the smallest

    def __init__(self, chosen: float = 0.3, rejected: float = -0.2) -> None:
        self.chosen = tenth("chosen", chosen, self.MOST)
        self.rejected = tenth("rejected", rejected, self.MOST)

    def __repr__(self) -> str:
        return "margin {}: probability {}, loss {}, gradient {}".format(*self.texts().values())

    def texts(self) -> dict[str, str]:
        """The numbers that follow from the rewards, as the figure writes them."""
        margin = self.chosen - self.rejected
        return {
            "margin": f"{margin:.1f}",
            "probability": f"{sigmoid(margin):.3f}",
            "loss": f"{loss_of(margin):.3f}",
            "gradient": f"{sigmoid(margin) - 1:.3f}",
        }

    def _repr_html_(self) -> str:
        sliders = "".join(
            slider(f"Reward of the {name} response", name, f"{reward:.1f}", reward, -self.MOST, self.MOST, 0.1)
            for name, reward in (("chosen", self.chosen), ("rejected", self.rejected))
        )
        return page("pair", sliders + values(self.texts()) + svg(342, WORDS, [*background(), *self._marks()]), AXES)

    def _marks(self) -> Iterator[str]:
        """What moves with the sliders: a dot on each curve, and the two dashed lines."""
        margin = self.chosen - self.rejected
        probability, loss, gradient = sigmoid(margin), loss_of(margin), sigmoid(margin) - 1
        ends = max(margin - 2, -6), min(margin + 2, 6)  # of the dashed line that touches the loss
        start, end = ((x(m), lower(loss + (m - margin) * gradient)) for m in ends)
        yield f'<line data-part="gap" x1="{x(margin)}" y1="{upper(probability)}" x2="{x(margin)}" y2="{upper(1)}"/>'
        yield f'<line data-part="slope" x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"/>'
        yield mark("probability", x(margin), upper(probability))
        yield mark("loss", x(margin), lower(loss))


AXES: dict[str, Axis] = {"x": (-6, 6, 30, 352), "upper": (0, 1, 120, 20), "lower": (0, 6.4, 302, 150)}
x, upper, lower = (scale(*axis) for axis in AXES.values())
WORDS = (
    "Two curves against the margin. The probability rises from 0 to 1. The loss falls steeply at the left and "
    "flattens out at the right. A dot on each marks this pair. A dashed line leads from the upper dot to 1; "
    "another touches the lower curve in its dot, and its slope is the gradient. A gray band marks the margins "
    "that tanh rewards can have."
)


def background() -> list[str]:
    """What does not move: axes, curves, the reach of tanh and what a coin gets."""
    reach = f'class="band" x="{x(-2)}" width="{x(2) - x(-2):.1f}"'
    return [
        f'<rect {reach} y="{upper(1)}" height="{upper(0) - upper(1)}"/>',
        f'<rect {reach} y="{lower(6.4)}" height="{lower(0) - lower(6.4)}"/>',
        *panels(AXES, range(-6, 7, 2), (0, 0.5, 1), (0, 2, 4, 6), "margin"),
        *(dotted(x(-6), y, x(6)) for y in (upper(1), upper(0.5), lower(COIN))),
        label(x(0), upper(1) - 7, "reach of tanh", "middle"),
        label(x(-6) + 7, upper(1) + 16, "probability"),
        label(x(-6) + 7, upper(0.5) - 5, "a coin: 0.5"),
        label(x(2) + 8, upper(sigmoid(2)) + 17, f"at most {sigmoid(2):.3f}"),
        label(x(6), lower(6.4) + 14, "loss (nats)", "end"),
        label(x(-6) + 7, lower(COIN) - 5, f"a coin: {COIN:.3f}"),
        label(x(2) + 8, lower(COIN) - 5, f"at least {loss_of(2):.3f}"),
        curve(x, upper, sigmoid, 6),
        curve(x, lower, loss_of, 6),
        f'<circle class="ring" cx="{x(2)}" cy="{upper(sigmoid(2))}" r="4"/>',
        f'<circle class="ring" cx="{x(2)}" cy="{lower(loss_of(2))}" r="4"/>',
    ]
