"""What the figures with sliders share: numbers of a margin, pieces of SVG, and the page that holds them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rmkit.errors import InputError

HERE = Path(__file__).parent
Axis = tuple[float, float, float, float]  # from which value to which, and where these lie in the drawing
Scale = Callable[[float], float]
COIN = math.log(2)  # the loss of a coin, in nats


def sigmoid(margin: float) -> float:
    """The probability of a margin under Bradley-Terry."""
    return 1 / (1 + math.exp(-margin))


def loss_of(margin: float) -> float:
    """-log sigmoid(margin), without overflow."""
    return max(-margin, 0) + math.log1p(math.exp(-abs(margin)))


def tenth(name: str, number: float, most: float) -> float:
    """What a slider from -most to most begins with."""
    if type(number) is bool or not isinstance(number, (int, float)) or not -most <= number <= most:
        raise InputError(f"{name} is {number!r}; the sliders go from {-most} to {most}")
    return round(number, 1)


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """Where values lie in a drawing: `low` at `start`, `high` at `end`, all others in proportion."""
    return lambda value: round(start + (value - low) / (high - low) * (end - start), 1)


def slider(words: str, name: str, text: str | int, value: float, least: float, most: float, step: float = 1) -> str:
    """A labelled slider with what it is set to in words. Only the script makes it appear."""
    return (
        f'<label>{words} <span data-show="{name}">{text}</span><input type="range" hidden min="{least}" max="{most}" '
        f'step="{step}" value="{value}" autocomplete="off"></label>\n'
    )


def values(texts: dict[str, str]) -> str:
    """The figure's numbers in a row, read aloud when they change."""
    numbers = "".join(f'<div><dt>{name}</dt><dd data-show="{name}">{text}</dd></div>' for name, text in texts.items())
    return f'<dl aria-live="polite" aria-atomic="true">{numbers}</dl>\n'


def label(x: float, y: float, words: str | float, anchor: str = "start") -> str:
    """Words in a drawing."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def dotted(left: float, y: float, right: float) -> str:
    """A horizontal line of dots."""
    return f'<path class="dotted" d="M{left} {y}H{right}"/>'


def curve(x: Scale, y: Scale, f: Callable[[float], float], most: float) -> str:
    """The curve of a function from -most to most."""
    values = [most * step / 30 for step in range(-30, 31)]
    return f'<polyline class="curve" points="{" ".join(f"{x(v)},{y(f(v))}" for v in values)}"/>'


def panels(
    axes: dict[str, Axis],
    x_ticks: Iterable[float],
    upper_ticks: Iterable[float],
    lower_ticks: Iterable[float],
    x_name: str,
) -> Iterator[str]:
    """The lines and ticks of two panels, one above the other, that share their horizontal axis."""
    x, (left, right) = scale(*axes["x"]), axes["x"][2:]
    for panel, ticks in (("upper", upper_ticks), ("lower", lower_ticks)):
        y, (bottom, top) = scale(*axes[panel]), axes[panel][2:]
        yield f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>'
        yield from (label(left - 6, y(n) + 4, n, "end") for n in ticks)
    yield from (label(x(n), bottom + 17, n, "middle") for n in x_ticks)
    yield label((left + right) / 2, bottom + 35, x_name, "middle")


def mark(name: str, x: float, y: float, square: bool = False) -> str:
    """A mark that the script moves by its name: a circle, or a square."""
    shape = '<rect x="-7" y="-7" width="14" height="14"/>' if square else '<circle r="5.5"/>'
    return f'<g class="spot" data-part="{name}" transform="translate({x} {y})">{shape}</g>'


def svg(height: int, words: str, drawing: list[str]) -> str:
    """A drawing from its pieces, with words for those who do not see it."""
    return f'<svg viewBox="0 0 360 {height}" role="img" aria-label="{words}">\n' + "\n".join(drawing) + "\n</svg>\n"


def page(kind: str, body: str, axes: dict[str, Axis] | None = None) -> str:
    """A figure of one kind ("push", "pair", "ranking") as one piece of HTML, with its style and its script."""
    data = f" data-axes='{json.dumps(list(axes.values()))}'" if axes else ""
    style, *scripts = ((HERE / name).read_text(encoding="utf-8") for name in ("figure.css", "figure.js", f"{kind}.js"))
    return (
        f'<div class="rmkit-figure rmkit-{kind}"{data}>\n<style>\n{style}</style>\n{body}'
        f"<script>\n{{\n{''.join(scripts)}}}\n</script>\n</div>\n"
    )
