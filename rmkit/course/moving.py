"""Figures that a reader can move: a push that comes through tanh (chapter 2), a pair and a ranking (chapter 3).

Each is one piece of HTML: sliders, a drawing and a few lines of script. It loads nothing and needs no widget library,
so it moves in Colab, in JupyterLab and in the built book. Python draws the first position; where scripts do not run,
that stays, and the sliders do not appear.
"""

import json
import math

from rmkit.errors import InputError

COIN = math.log(2)  # the loss of a coin, in nats


def sigmoid(margin):
    return 1 / (1 + math.exp(-margin))


def loss_of(margin):
    """-log sigmoid(margin), without overflow."""
    return max(-margin, 0) + math.log1p(math.exp(-abs(margin)))


class PushExplorer:
    """Two sliders, one for the raw reward of each response, and what of the loss's push comes through tanh to each.

    In a notebook it is a figure, elsewhere a line of numbers. It starts at the raw rewards given, rounded to tenths.

    Raises:
        InputError: if a raw reward is not a number from -3 to 3.

    >>> PushExplorer(-2.6, 2.6)
    loss 2.108: push 0.878, better gets 0.019, worse gets -0.019
    """

    MOST = 3  # the largest raw reward of a slider, and minus it the smallest

    def __init__(self, better=0.0, worse=0.0):
        self.better = tenth("better", better, self.MOST)
        self.worse = tenth("worse", worse, self.MOST)

    def __repr__(self):
        return "loss {}: push {}, better gets {}, worse gets {}".format(*self.texts().values())

    def texts(self):
        """The numbers that follow from the raw rewards, as the figure writes them."""
        margin = math.tanh(self.better) - math.tanh(self.worse)
        push = sigmoid(-margin)
        return {
            "loss": f"{loss_of(margin):.3f}",
            "push": f"{push:.3f}",
            "better gets": f"{push * slope_of_tanh(self.better):.3f}",
            "worse gets": f"{-push * slope_of_tanh(self.worse):.3f}",
        }

    def _repr_html_(self):
        axes = {"x": (-3, 3, 30, 352), "upper": (-1, 1, 130, 20), "lower": (0, 1, 270, 170)}
        x, upper, lower = (scale(*axis) for axis in axes.values())
        drawing = [
            *panels(axes, range(-3, 4), (-1, 0, 1), (0, 0.5, 1), "raw reward z"),
            *(dotted(x(-3), y, x(3)) for y in (upper(1), lower(1))),
            label(x(-3) + 7, upper(1) + 16, "reward r"),
            label(x(-3) + 7, lower(1) + 16, "slope 1 - r²"),
            curve(x, upper, math.tanh, 3),
            curve(x, lower, slope_of_tanh, 3),
        ]
        for name, raw in (("worse", self.worse), ("better", self.better)):
            y, slope = upper(math.tanh(raw)), lower(slope_of_tanh(raw))
            drawing += [
                f'<line data-part="{name}-stem" x1="{x(raw)}" y1="{lower(0)}" x2="{x(raw)}" y2="{slope}"/>',
                mark(f"{name}-reward", x(raw), y, square=name == "worse"),
                mark(f"{name}-slope", x(raw), slope, square=name == "worse"),
            ]
        words = (
            "Two curves against the raw reward. The upper one, the reward, rises from near -1 to near 1. The lower one "
            "is its slope, a hill whose top is 1 at zero and which is nearly 0 at both ends. On each curve a circle "
            "marks the better response and a square the worse. A dashed line under each mark of the lower curve is as "
            "long as the share of a push that comes through."
        )
        sliders = "".join(
            slider(f"z of the {name} response ({shape})", name, f"{raw:.1f}", raw, -self.MOST, self.MOST, 0.1)
            for name, shape, raw in (("better", "circle", self.better), ("worse", "square", self.worse))
        )
        return page(
            "rmkit-push", sliders + values(self.texts()) + svg(310, words, drawing), axes_script(axes) + PUSH_SCRIPT
        )


def slope_of_tanh(raw):
    return 1 - math.tanh(raw) ** 2


PUSH_SCRIPT = """
  update = () => {
    const [better, worse] = [...sliders].map((slider) => +slider.value);
    const margin = Math.tanh(better) - Math.tanh(worse), push = sigmoid(-margin);
    const slope = (raw) => 1 - Math.tanh(raw) ** 2;
    show({ better: better.toFixed(1), worse: worse.toFixed(1) });
    show({ loss: lossOf(margin).toFixed(3), push: push.toFixed(3) });
    show({ "better gets": (push * slope(better)).toFixed(3), "worse gets": (-push * slope(worse)).toFixed(3) });
    for (const [name, raw] of Object.entries({ better, worse })) {
      place(name + "-reward", x(raw), upper(Math.tanh(raw)));
      place(name + "-slope", x(raw), lower(slope(raw)));
      move(name + "-stem", { x1: x(raw), x2: x(raw), y2: lower(slope(raw)) });
    }
  };
"""


class PairExplorer:
    """Two sliders, one for the reward of each response, and the probability, loss and gradient that follow.

    In a notebook it is a figure, elsewhere a line of numbers. It starts at the rewards given, rounded to tenths.

    Raises:
        InputError: if a reward is not a number from -3 to 3.

    >>> PairExplorer(0.3, -0.2)
    margin 0.5: probability 0.622, loss 0.474, gradient -0.378
    """

    MOST = 3  # the largest reward of a slider, and minus it the smallest

    def __init__(self, chosen=0.3, rejected=-0.2):
        self.chosen = tenth("chosen", chosen, self.MOST)
        self.rejected = tenth("rejected", rejected, self.MOST)

    def __repr__(self):
        return "margin {}: probability {}, loss {}, gradient {}".format(*self.texts().values())

    def texts(self):
        """The numbers that follow from the rewards, as the figure writes them."""
        margin = self.chosen - self.rejected
        return {
            "margin": f"{margin:.1f}",
            "probability": f"{sigmoid(margin):.3f}",
            "loss": f"{loss_of(margin):.3f}",
            "gradient": f"{sigmoid(margin) - 1:.3f}",
        }

    def _repr_html_(self):
        axes = {"x": (-6, 6, 30, 352), "upper": (0, 1, 120, 20), "lower": (0, 6.4, 302, 150)}
        x, upper, lower = (scale(*axis) for axis in axes.values())
        margin = self.chosen - self.rejected
        probability, loss, gradient = sigmoid(margin), loss_of(margin), sigmoid(margin) - 1
        reach = f'class="band" x="{x(-2)}" width="{x(2) - x(-2):.1f}"'
        ends = max(margin - 2, -6), min(margin + 2, 6)  # of the dashed line that touches the loss
        start, end = ((x(m), lower(loss + (m - margin) * gradient)) for m in ends)
        drawing = [
            f'<rect {reach} y="{upper(1)}" height="{upper(0) - upper(1)}"/>',
            f'<rect {reach} y="{lower(6.4)}" height="{lower(0) - lower(6.4)}"/>',
            *panels(axes, range(-6, 7, 2), (0, 0.5, 1), (0, 2, 4, 6), "margin"),
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
            f'<line data-part="gap" x1="{x(margin)}" y1="{upper(probability)}" x2="{x(margin)}" y2="{upper(1)}"/>',
            f'<line data-part="slope" x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"/>',
            mark("probability", x(margin), upper(probability)),
            mark("loss", x(margin), lower(loss)),
        ]
        words = (
            "Two curves against the margin. The probability rises from 0 to 1. The loss falls steeply at the left and "
            "flattens out at the right. A dot on each marks this pair. A dashed line leads from the upper dot to 1; "
            "another touches the lower curve in its dot, and its slope is the gradient. A gray band marks the margins "
            "that tanh rewards can have."
        )
        sliders = "".join(
            slider(f"Reward of the {name} response", name, f"{reward:.1f}", reward, -self.MOST, self.MOST, 0.1)
            for name, reward in (("chosen", self.chosen), ("rejected", self.rejected))
        )
        return page(
            "rmkit-pair", sliders + values(self.texts()) + svg(342, words, drawing), axes_script(axes) + PAIR_SCRIPT
        )


PAIR_SCRIPT = """
  update = () => {
    const [chosen, rejected] = [...sliders].map((slider) => +slider.value);
    const margin = chosen - rejected, probability = sigmoid(margin), loss = lossOf(margin), gradient = probability - 1;
    show({ chosen: chosen.toFixed(1), rejected: rejected.toFixed(1), margin: margin.toFixed(1) });
    show({ probability: probability.toFixed(3), loss: loss.toFixed(3), gradient: gradient.toFixed(3) });
    move("gap", { x1: x(margin), y1: upper(probability), x2: x(margin) });
    const start = Math.max(margin - 2, -6), end = Math.min(margin + 2, 6);
    move("slope", { x1: x(start), y1: lower(loss + (start - margin) * gradient) });
    move("slope", { x2: x(end), y2: lower(loss + (end - margin) * gradient) });
    place("probability", x(margin), upper(probability));
    place("loss", x(margin), lower(loss));
  };
"""


# The rewards from -1 to 1, best first, at which the K-choose-2 loss is smallest. Chapter 3 finds them with a solver.
BEST_REWARDS = {
    2: [1, -1],
    3: [1, 0, -1],
    4: [1, 0.59748, -0.59748, -1],
    5: [1, 1, 0, -1, -1],
    6: [1, 1, 0.39748, -0.39748, -1, -1],
    7: [1, 1, 0.69028, 0, -0.69028, -1, -1],
    8: [1, 1, 0.92765, 0.29854, -0.29854, -0.92765, -1, -1],
    9: [1, 1, 1, 0.53451, 0, -0.53451, -1, -1, -1],
}


class RankingExplorer:
    """A ranking of K responses and all of its pairs, at the rewards from -1 to 1 that make its loss smallest.

    The mean of the pairs' losses is then the floor: no model whose head is a tanh gets below it on such a ranking. In a
    notebook it is a figure, with a slider for K and one that goes through the pairs; elsewhere a line of numbers.

    Raises:
        InputError: if K is not a whole number from 2 to 9.

    >>> RankingExplorer(4)
    K = 4: pairs 6, floor 0.297, a coin 0.693
    """

    MOST = max(BEST_REWARDS)

    def __init__(self, K=4):
        if type(K) is not int or K not in BEST_REWARDS:
            raise InputError(f"K is {K!r}; it must be a whole number from 2 to {self.MOST}")
        self.K = K

    def __repr__(self):
        return f"K = {self.K}: " + ", ".join(f"{name} {text}" for name, text in self.texts().items())

    def texts(self):
        """What the figure says of the ranking."""
        n_pairs = self.K * (self.K - 1) // 2
        return {"pairs": str(n_pairs), "floor": f"{floor_of(self.K):.3f}", "a coin": f"{COIN:.3f}"}

    def _repr_html_(self):
        k, y = scale(2, self.MOST, 52, 178), scale(0, COIN, 402, 312)
        ghosts = "".join(f"M{corner(j)} {TOP + corner(i)}h33v33h-33z" for i, j in pairs_of(self.MOST))
        drawing = [
            f'<path class="axis" d="M{reward_x(-1)} 62H{reward_x(1)}"/>',
            *(f'<path class="axis" d="M{reward_x(r)} 62v6"/>{label(reward_x(r), 83, r, "middle")}' for r in (-1, 0, 1)),
            label(reward_x(0), 14, "best rewards", "middle"),
            f'<path class="ghost" d="{ghosts}"/>',
            f'<path class="axis" d="M{k(2) - 14} {y(COIN) - 4}V{y(0)}H{k(9) + 10}"/>',
            f'<path class="dotted" d="M{k(2) - 14} {y(COIN)}H{k(9) + 10}"/>',
            label(k(2) - 8, y(COIN) - 6, f"a coin: {COIN:.3f}"),
            label(k(2) - 20, y(0) + 4, 0, "end"),
            label(k(9), y(floor_of(9)) + 22, "floor", "end"),
            label(k(9) + 20, y(0) + 17, "K", "middle"),
            *(label(k(K), y(0) + 17, K, "middle") for K in BEST_REWARDS),
            *(f'<circle class="ring" cx="{k(K)}" cy="{y(floor_of(K))}" r="4"/>' for K in BEST_REWARDS),
        ]
        for K in BEST_REWARDS:
            names = f'data-k="{K}" data-pairs="{K * (K - 1) // 2}" data-floor="{floor_of(K):.3f}"'
            drawing.append(f'<g {names} display="{"inline" if K == self.K else "none"}">')
            drawing.append(f'<circle class="here" cx="{k(K)}" cy="{y(floor_of(K))}" r="5"/>')
            drawing += responses(K)
            drawing += [cell(K, i, j) for i, j in pairs_of(K)]
            drawing.append("</g>")
        words = (
            "Above, a line from -1 to 1 with the numbered responses at their best rewards. Below, a triangle with a "
            "cell for every pair: in row 2 and column 5 stands the loss of the pair in which response 2 beats response "
            "5, the stronger its blue the larger. In the corner, the floor against K: it rises, and stays below a coin."
        )
        sliders = slider("Responses in the ranking, K", "k", self.K, self.K, 2, self.MOST)
        sliders += slider("Pair", "pair", says_of(self.K, 1, 2), 1, 1, self.texts()["pairs"])
        return page("rmkit-ranking", sliders + values(self.texts()) + svg(432, words, drawing), RANKING_SCRIPT)


ON = ' class="on"'  # of what belongs to the pair that is looked at: at first, 1 and 2
TOP, SIDE = 100, 36  # of the triangle: where it begins, and how far its cells are apart


def reward_x(reward):
    """Where a reward lies on the line of rewards."""
    return scale(-1, 1, 34, 326)(reward)


def corner(n):
    """Where the nth row or column of the triangle begins."""
    return 19.5 + SIDE * (n - 1)


def pairs_of(K):
    """The pairs of a ranking, the better first; those of a shorter ranking come first, so each keeps its number."""
    return [(i, j) for j in range(2, K + 1) for i in range(1, j)]


def margin_of(K, i, j):
    return BEST_REWARDS[K][i - 1] - BEST_REWARDS[K][j - 1]


def floor_of(K):
    """The smallest K-choose-2 loss that rewards from -1 to 1 allow."""
    losses = [loss_of(margin_of(K, i, j)) for i, j in pairs_of(K)]
    return sum(losses) / len(losses)


def says_of(K, i, j):
    margin = margin_of(K, i, j)
    return f"{i} beats {j}: margin {margin:.2f}, loss {loss_of(margin):.3f}"


def responses(K):
    """Each response twice: on the line of rewards, where close ones are piled up, and in the triangle's diagonal."""
    places = [reward_x(reward) for reward in BEST_REWARDS[K]]
    for n, place in enumerate(places, start=1):
        pile = sum(better - place < 20 for better in places[: n - 1])  # what a circle and its frame need
        for x, y in [(place, 51 - 20 * pile), (corner(n) + 16.5, TOP + corner(n) + 16.5)]:
            ball = f'<circle cx="{x}" cy="{y}" r="9"/>{label(x, y + 4.5, n, "middle")}'
            yield f'<g data-response="{n}"{ON * (n <= 2)}>{ball}</g>'


def cell(K, i, j):
    """A pair in the triangle: the row is the better response, the column the worse."""
    x, y, loss = corner(j), TOP + corner(i), loss_of(margin_of(K, i, j))
    box = f'<rect x="{x}" y="{y}" width="33" height="33" fill-opacity="{0.6 * loss / COIN:.2f}"/>'
    names = f'data-pair="{i} {j}" data-says="{says_of(K, i, j)}"{ON * ((i, j) == (1, 2))}'
    return f"<g {names}>{box}{label(x + 16.5, y + 21, f'{loss:.2f}', 'middle')}</g>"


RANKING_SCRIPT = """
  const [length, pair] = sliders;
  update = () => {
    const views = [...figure.querySelectorAll("[data-k]")];
    const view = views.find((one) => one.dataset.k === length.value);
    for (const one of views) one.setAttribute("display", one === view ? "inline" : "none");
    pair.max = view.dataset.pairs;
    const cells = [...view.querySelectorAll("[data-pair]")], chosen = cells[pair.value - 1];
    const responses = chosen.dataset.pair.split(" ");
    for (const cell of cells) cell.classList.toggle("on", cell === chosen);
    for (const one of view.querySelectorAll("[data-response]")) {
      one.classList.toggle("on", responses.includes(one.dataset.response));
    }
    show({ k: length.value, pair: chosen.dataset.says, pairs: cells.length, floor: view.dataset.floor });
    pair.setAttribute("aria-valuetext", chosen.dataset.says);
  };
  figure.addEventListener("pointerover", (event) => {
    const cell = event.target.closest("[data-pair]");
    if (cell) pair.value = 1 + [...cell.parentNode.querySelectorAll("[data-pair]")].indexOf(cell);
    if (cell) update();
  });
"""


# --- what the figures share


def tenth(name, number, most):
    """What a slider from -most to most begins with."""
    if type(number) is bool or not isinstance(number, (int, float)) or not -most <= number <= most:
        raise InputError(f"{name} is {number!r}; the sliders go from {-most} to {most}")
    return round(number, 1)


def scale(low, high, start, end):
    """Where values lie in a drawing: `low` at `start`, `high` at `end`, all others in proportion."""
    return lambda value: round(start + (value - low) / (high - low) * (end - start), 1)


def slider(words, name, text, value, least, most, step=1):
    """A labelled slider with what it is set to in words. Only the script makes it appear."""
    return (
        f'<label>{words} <span data-show="{name}">{text}</span><input type="range" hidden min="{least}" max="{most}" '
        f'step="{step}" value="{value}" autocomplete="off"></label>\n'
    )


def values(texts):
    """The figure's numbers in a row, read aloud when they change."""
    numbers = "".join(f'<div><dt>{name}</dt><dd data-show="{name}">{text}</dd></div>' for name, text in texts.items())
    return f'<dl aria-live="polite" aria-atomic="true">{numbers}</dl>\n'


def label(x, y, words, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def dotted(left, y, right):
    return f'<path class="dotted" d="M{left} {y}H{right}"/>'


def curve(x, y, f, most):
    """The curve of a function from -most to most."""
    values = [most * step / 30 for step in range(-30, 31)]
    return f'<polyline class="curve" points="{" ".join(f"{x(v)},{y(f(v))}" for v in values)}"/>'


def panels(axes, x_ticks, upper_ticks, lower_ticks, x_name):
    """The lines and ticks of two panels, one above the other, that share their horizontal axis."""
    x, (left, right) = scale(*axes["x"]), axes["x"][2:]
    for panel, ticks in (("upper", upper_ticks), ("lower", lower_ticks)):
        y, (bottom, top) = scale(*axes[panel]), axes[panel][2:]
        yield f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>'
        yield from (label(left - 6, y(n) + 4, n, "end") for n in ticks)
    yield from (label(x(n), bottom + 17, n, "middle") for n in x_ticks)
    yield label((left + right) / 2, bottom + 35, x_name, "middle")


def axes_script(axes):
    """The same axes for a script."""
    return f"""
  const scale = ([low, high, start, end]) => (v) => (start + (v - low) / (high - low) * (end - start)).toFixed(1);
  const [x, upper, lower] = {json.dumps(list(axes.values()))}.map(scale);"""


def mark(name, x, y, square=False):
    shape = '<rect x="-7" y="-7" width="14" height="14"/>' if square else '<circle r="5.5"/>'
    return f'<g class="spot" data-part="{name}" transform="translate({x} {y})">{shape}</g>'


def svg(height, words, drawing):
    return f'<svg viewBox="0 0 360 {height}" role="img" aria-label="{words}">\n' + "\n".join(drawing) + "\n</svg>\n"


def page(kind, body, script):
    """A figure as one piece of HTML. Its script sets `update`, which draws what the sliders say."""
    script = SCRIPT.replace("KIND", kind).replace("UPDATE", script)
    return f'<div class="rmkit-figure {kind}">\n{STYLE}{body}{script}</div>\n'


# Blue and orange are those of rmkit/figures.py, mixed with the page's text: darker on white, lighter on black.
STYLE = """\
<style>
.rmkit-figure { --blue: color-mix(in srgb, #0072B2 75%, currentColor);
  --orange: color-mix(in srgb, #B84A00 80%, currentColor); --faint: color-mix(in srgb, currentColor 45%, transparent);
  max-width: 30rem; padding: 0.3rem; line-height: 1.4; text-align: left; }
.rmkit-figure label { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.4rem 0; margin: 0.5rem 0; }
.rmkit-figure span { font-variant-numeric: tabular-nums; }
.rmkit-figure input { width: 100%; margin: 0;
  appearance: none; height: 1.5rem; background: linear-gradient(var(--faint) 0 0) center / 100% 3px no-repeat; }
.rmkit-figure input::-webkit-slider-thumb { appearance: none; width: 1.1rem; height: 1.1rem; border-radius: 50%;
  background: var(--blue); }
.rmkit-figure input::-moz-range-thumb { width: 1.1rem; height: 1.1rem; border: 0; border-radius: 50%;
  background: var(--blue); }
.rmkit-figure dl { display: flex; gap: 0 1.4rem; margin: 0.6rem 0; }
.rmkit-figure dt { margin: 0; font-size: 0.85rem; font-weight: normal; }
.rmkit-figure dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.rmkit-figure svg { display: block; width: 100%; height: auto; overflow: visible; }
.rmkit-figure text { fill: currentColor; font-size: 12.5px; }
.rmkit-figure :is(.axis, .dotted, .ghost) { fill: none; stroke: currentColor; }
.rmkit-figure .dotted { stroke-dasharray: 2 4; }
.rmkit-figure .band { fill: currentColor; opacity: 0.1; }
.rmkit-figure .ghost { opacity: 0.2; }
.rmkit-figure .curve { fill: none; stroke: var(--blue); stroke-width: 2.5; }
.rmkit-figure .ring { fill: none; stroke: var(--blue); stroke-width: 1.5; }
.rmkit-figure line { stroke: var(--orange); stroke-width: 2; stroke-dasharray: 6 4; }
.rmkit-figure .spot { fill: var(--orange); }
.rmkit-figure .spot rect { fill: none; stroke: var(--orange); stroke-width: 2.5; }
.rmkit-figure .here { fill: var(--blue); }
.rmkit-figure [data-response] circle { fill: none; stroke: currentColor; }
.rmkit-figure [data-pair] rect { fill: var(--blue); stroke: var(--blue); }
.rmkit-figure .on :is(circle, rect) { stroke: var(--orange); stroke-width: 3; }
</style>
"""

SCRIPT = """\
<script>
for (const figure of document.querySelectorAll(".KIND:not([data-moves])")) {
  figure.dataset.moves = "yes";
  const sliders = figure.querySelectorAll("input");
  const show = (texts) => {
    for (const name in texts) figure.querySelector(`[data-show="${name}"]`).textContent = texts[name];
  };
  const move = (part, places) => {
    for (const name in places) figure.querySelector(`[data-part=${part}]`).setAttribute(name, places[name]);
  };
  const place = (part, x, y) => move(part, { transform: `translate(${x} ${y})` });
  const sigmoid = (margin) => 1 / (1 + Math.exp(-margin));
  const lossOf = (margin) => Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)));
  let update;UPDATE
  for (const slider of sliders) slider.hidden = false;
  figure.addEventListener("input", update);
  update();
}
</script>
"""
