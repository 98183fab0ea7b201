"""A push that comes through tanh, at two raw rewards (chapter 2)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rmkit.course.moving.drawing import (
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


class PushExplorer:
    """Two sliders, one for the raw reward of each response, and what of the loss's push comes through tanh to each.

    In a notebook it is a figure, elsewhere a line of numbers. It starts at the raw rewards given, rounded to tenths.

    Raises:
        InputError: if a raw reward is not a number from -3 to 3.

    >>> PushExplorer(-2.6, 2.6)
    loss 2.108: push 0.878, better gets 0.019, worse gets -0.019
    """

    MOST = 3  # the largest raw reward of a slider, and minus it the smallest

    def __init__(self, better: float = 0.0, worse: float = 0.0) -> None:
        self.better = tenth("better", better, self.MOST)
        self.worse = tenth("worse", worse, self.MOST)

    def __repr__(self) -> str:
        return "loss {}: push {}, better gets {}, worse gets {}".format(*self.texts().values())

    def texts(self) -> dict[str, str]:
        """The numbers that follow from the raw rewards, as the figure writes them."""
        margin = math.tanh(self.better) - math.tanh(self.worse)
        push = sigmoid(-margin)
        return {
            "loss": f"{loss_of(margin):.3f}",
            "push": f"{push:.3f}",
            "better gets": f"{push * slope_of_tanh(self.better):.3f}",
            "worse gets": f"{-push * slope_of_tanh(self.worse):.3f}",
        }

    def _repr_html_(self) -> str:
        sliders = "".join(
            slider(f"z of the {name} response ({shape})", name, f"{raw:.1f}", raw, -self.MOST, self.MOST, 0.1)
            for name, shape, raw in (("better", "circle", self.better), ("worse", "square", self.worse))
        )
        return page("push", sliders + values(self.texts()) + svg(310, WORDS, [*background(), *self._marks()]), AXES)

    def _marks(self) -> Iterator[str]:
        """What moves with the sliders: for each response a mark on each curve, and a dashed line under one of them."""
        for name, raw in (("worse", self.worse), ("better", self.better)):
            reward, slope = upper(math.tanh(raw)), lower(slope_of_tanh(raw))
            yield f'<line data-part="{name}-stem" x1="{x(raw)}" y1="{lower(0)}" x2="{x(raw)}" y2="{slope}"/>'
            yield mark(f"{name}-reward", x(raw), reward, square=name == "worse")
            yield mark(f"{name}-slope", x(raw), slope, square=name == "worse")


AXES: dict[str, Axis] = {"x": (-3, 3, 30, 352), "upper": (-1, 1, 130, 20), "lower": (0, 1, 270, 170)}
x, upper, lower = (scale(*axis) for axis in AXES.values())
WORDS = (
    "Two curves against the raw reward. The upper one, the reward, rises from near -1 to near 1. The lower one "
    "is its slope, a hill whose top is 1 at zero and which is nearly 0 at both ends. On each curve a circle "
    "marks the better response and a square the worse. A dashed line under each mark of the lower curve is as "
    "long as the share of a push that comes through."
)


def background() -> list[str]:
    """What does not move: axes and curves."""
    return [
        *panels(AXES, range(-3, 4), (-1, 0, 1), (0, 0.5, 1), "raw reward z"),
        *(dotted(x(-3), y, x(3)) for y in (upper(1), lower(1))),
        label(x(-3) + 7, upper(1) + 16, "reward r"),
        label(x(-3) + 7, lower(1) + 16, "slope 1 - r²"),
        curve(x, upper, math.tanh, 3),
        curve(x, lower, slope_of_tanh, 3),
    ]


def slope_of_tanh(raw: float) -> float:
    return 1 - math.tanh(raw) ** 2
