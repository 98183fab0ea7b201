"""A figure that a reader can move: two rewards, and what the Bradley-Terry model makes of them (chapter 3).

One piece of HTML with a few lines of script. It loads nothing and needs no widget library, so it moves in Colab, in
JupyterLab and in the built book; where scripts do not run, it shows its first position.
"""

import math
from string import Template

from rmkit.errors import InputError

MOST = 3  # the largest reward of a slider, and minus it the smallest
WIDTH, HEIGHT, REACH, TOP = 360, 200, 2 * MOST, 6.4  # of the drawing; margins from -6 to 6, losses from 0 to 6.4
LEFT, BASE = 26, 176  # where the axes cross, in the drawing's units


class PairExplorer:
    """Two sliders, one for the reward of each response, and the probability, loss and gradient that follow.

    In a notebook it is a figure, elsewhere a line of numbers. It starts at the rewards given, from -3 to 3, rounded to tenths.

    >>> PairExplorer(0.3, -0.2)
    margin 0.5: probability 0.622, loss 0.474, gradient -0.378
    """

    def __init__(self, chosen=0.3, rejected=-0.2):
        for name, reward in [("chosen", chosen), ("rejected", rejected)]:
            if not isinstance(reward, (int, float)) or not -MOST <= reward <= MOST:
                raise InputError(f"{name} is {reward!r}; the sliders go from {-MOST} to {MOST}")
        self.chosen = round(chosen, 1)
        self.rejected = round(rejected, 1)

    def __repr__(self):
        words = {name: text for name, text in self.texts().items() if name not in ("chosen", "rejected")}
        return f"margin {words.pop('margin')}: " + ", ".join(f"{name} {text}" for name, text in words.items())

    def texts(self):
        """Every number that the figure shows, as it is written there."""
        margin = self.chosen - self.rejected
        probability = 1 / (1 + math.exp(-margin))
        return {
            "chosen": f"{self.chosen:.1f}",
            "rejected": f"{self.rejected:.1f}",
            "margin": f"{margin:.1f}",
            "probability": f"{probability:.3f}",
            "loss": f"{loss_of(margin):.3f}",
            "gradient": f"{probability - 1:.3f}",
        }

    def _repr_html_(self):
        margins = [step / 5 for step in range(-5 * REACH, 5 * REACH + 1)]
        curve = " ".join(f"{x_of(margin):.1f},{y_of(loss_of(margin)):.1f}" for margin in margins)
        return Template(PAGE).substitute(
            self.texts(),
            most=MOST,
            width=WIDTH,
            height=HEIGHT,
            left=LEFT,
            base=BASE,
            curve=curve,
            band=f'x="{x_of(-2):.1f}" width="{x_of(2) - x_of(-2):.1f}"',
            coin=f"{y_of(math.log(2)):.1f}",
            right=f"{x_of(REACH):.1f}",
            per_margin=f"{x_of(1) - x_of(0):.4f}",
            per_nat=f"{y_of(0) - y_of(1):.4f}",
            middle=f"{x_of(0):.1f}",
            x_ticks="".join(f'<text x="{x_of(n):.0f}" y="{BASE + 17}">{n}</text>' for n in range(-REACH, REACH + 1, 2)),
            y_ticks="".join(f'<text x="{LEFT - 10}" y="{y_of(n) + 4:.0f}">{n}</text>' for n in (0, 2, 4, 6)),
        )


def loss_of(margin):
    """-log sigmoid(margin), without overflow."""
    return max(-margin, 0) + math.log1p(math.exp(-abs(margin)))


def x_of(margin):
    """Where a margin lies in the drawing."""
    return LEFT + (margin + REACH) / (2 * REACH) * (WIDTH - LEFT - 8)


def y_of(loss):
    """Where a loss lies in the drawing; losses grow upward."""
    return BASE * (1 - loss / TOP)


# The text takes the page's color; blue and orange have contrast on white and on black.
PAGE = """\
<div class="rmkit-pair">
<style>
.rmkit-pair { max-width: 27rem; padding: 0.3rem; line-height: 1.4; }
.rmkit-pair label { display: grid; grid-template-columns: 1fr auto; margin: 0.3rem 0; }
.rmkit-pair input { grid-column: 1 / 3; width: 100%; margin: 0.2rem 0; accent-color: #3182ce; }
.rmkit-pair dl { display: grid; grid-template-columns: repeat(4, auto); gap: 0 0.8rem; margin: 0.6rem 0; }
.rmkit-pair dt { grid-row: 1; margin: 0; font-size: 0.85rem; font-weight: normal; }
.rmkit-pair dd { grid-row: 2; margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.rmkit-pair .bar { height: 0.9rem; border: 1px solid currentColor; }
.rmkit-pair .bar div { height: 100%; background: #3182ce; }
.rmkit-pair svg { display: block; width: 100%; height: auto; margin-top: 0.8rem; overflow: visible; }
.rmkit-pair text { fill: currentColor; font-size: 12.5px; text-anchor: middle; }
</style>
<label>Reward of the chosen response <b data-show="chosen">$chosen</b>
<input type="range" min="-$most" max="$most" step="0.1" value="$chosen" autocomplete="off"></label>
<label>Reward of the rejected response <b data-show="rejected">$rejected</b>
<input type="range" min="-$most" max="$most" step="0.1" value="$rejected" autocomplete="off"></label>
<dl aria-live="polite" aria-atomic="true">
<dt>margin</dt><dd data-show="margin">$margin</dd>
<dt>probability</dt><dd data-show="probability">$probability</dd>
<dt>loss</dt><dd data-show="loss">$loss</dd>
<dt>gradient</dt><dd data-show="gradient">$gradient</dd>
</dl>
<div class="bar" role="img" aria-label="The filled part of the bar is the probability that the chosen response wins.">
<div style="width: calc(100% * $probability)"></div></div>
<svg viewBox="0 0 $width $height" role="img" aria-label="The loss against the margin falls from the upper left and \
flattens out to the right of zero. A dot marks this pair; the slope of the dashed line through it is the gradient.">
<rect $band y="0" height="$base" fill="currentColor" opacity="0.1"></rect>
<text x="$middle" y="14">reach of tanh</text>
<path d="M$left 0V${base}H$right" fill="none" stroke="currentColor"></path>
<path d="M$left ${coin}H$right" stroke="currentColor" stroke-dasharray="2 4"></path>
<text x="$left" y="$coin" dx="6" dy="-5" style="text-anchor: start">a coin: 0.693</text>
$x_ticks$y_ticks
<polyline points="$curve" fill="none" stroke="#3182ce" stroke-width="2.5"></polyline>
<line stroke="#d2691e" stroke-width="2" stroke-dasharray="6 4"></line>
<circle r="5.5" fill="#d2691e"></circle>
</svg>
<p style="margin: 0.2rem 0; text-align: center">margin (upward: loss, in nats)</p>
<script>
for (const figure of document.querySelectorAll(".rmkit-pair:not([data-moves])")) {
  figure.dataset.moves = "yes";
  const [chosen, rejected] = figure.querySelectorAll("input");
  const set = (tag, values) => Object.entries(values).forEach(([k, v]) => figure.querySelector(tag).setAttribute(k, v));
  const update = () => {
    const margin = chosen.value - rejected.value;
    const loss = Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)));
    const probability = 1 / (1 + Math.exp(-margin));
    const texts = {
      chosen: (+chosen.value).toFixed(1), rejected: (+rejected.value).toFixed(1), margin: margin.toFixed(1),
      probability: probability.toFixed(3), loss: loss.toFixed(3), gradient: (probability - 1).toFixed(3),
    };
    for (const name in texts) figure.querySelector(`[data-show=$${name}]`).textContent = texts[name];
    figure.querySelector(".bar div").style.width = 100 * probability + "%";
    const x = (m) => $middle + m * $per_margin, y = (l) => $base - l * $per_nat;
    set("circle", { cx: x(margin), cy: y(loss) });
    const end = (step) => [x(margin + step), y(loss + step * (probability - 1))];
    const [[x1, y1], [x2, y2]] = [end(-1.2), end(1.2)];
    set("line", { x1, y1, x2, y2 });
  };
  figure.addEventListener("input", update);
  update();
}
</script>
</div>
"""
