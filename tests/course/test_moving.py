"""The figures that move: the first position says what Python computes, it has names for ears, and it loads nothing."""

import json
import math
import re
from html.parser import HTMLParser
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import rmkit
from rmkit import figures
from rmkit.course.moving import BEST_REWARDS, PairExplorer, PushExplorer, RankingExplorer
from rmkit.errors import InputError

VOID = {"input", "rect", "path", "circle", "line", "polyline"}
FIGURES = {"push": PushExplorer(), "pair": PairExplorer(), "ranking": RankingExplorer()}


class Page(HTMLParser):
    """The tags of a piece of HTML, and the text inside each tag that has data-show."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.shown, self.texts = [], [], {}, []
        self.feed(html)
        assert not self.open, "a tag is left open"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("data-show")))

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID, f"{tag} cannot close itself"
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][1]:
            self.shown[self.open[-1][1]] = data
        if self.open and self.open[-1][0] == "text":
            self.texts.append(data)

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def with_(self, attribute):
        return [attributes for _, attributes in self.tags if attribute in attributes]


def part(page, name):
    """Where a moving part of the drawing lies: the numbers in its attributes."""
    (attributes,) = [found for found in page.with_("data-part") if found["data-part"] == name]
    if "transform" in attributes:
        return [float(n) for n in re.fullmatch(r"translate\((\S+) (\S+)\)", attributes["transform"]).groups()]
    return [float(attributes[name]) for name in ("x1", "y1", "x2", "y2")]


def axes_of(html):
    """The scales that the figure hands to its script: x, upper and lower."""
    axes = json.loads(re.search(r"data-axes='(.*?)'", html)[1])
    return [lambda value, a=axis: a[2] + (value - a[0]) / (a[1] - a[0]) * (a[3] - a[2]) for axis in axes]


# --- all of them


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_every_slider_has_a_label_and_every_drawing_a_description(figure):
    html = figure._repr_html_()
    page = Page(html)
    sliders = page.named("input")
    assert all(slider["type"] == "range" for slider in sliders)
    assert len(re.findall(r"<label>\w[^<]+<span[^>]*>[^<]+</span><input[^>]*></label>", html)) == len(sliders) == 2
    (drawing,) = page.named("svg")
    assert drawing["role"] == "img" and len(drawing["aria-label"].split()) > 30
    assert {"aria-live": "polite", "aria-atomic": "true"} in page.named("dl")


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_sliders_wait_for_the_script(figure):
    assert all("hidden" in slider for slider in Page(figure._repr_html_()).named("input"))


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_several_on_a_page_do_not_share_an_id(figure):
    assert not Page(figure._repr_html_()).with_("id")


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_it_loads_nothing_and_leaves_no_blank(figure):
    html = figure._repr_html_()
    assert not re.search(r"http|src=|href|url\(|import|fetch", html)
    assert not re.search(r"\b(None|nan|inf|undefined)\b", html)


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_colors_are_those_of_the_book(figure):
    colors = set(re.findall(r"#[0-9A-Fa-f]{6}\b", figure._repr_html_()))
    assert colors == {figures.BLUE, figures.ORANGE}


# --- a pair


@pytest.mark.parametrize("chosen, rejected", [(0.3, -0.2), (-3, 3), (3, -3), (0.1, 0.1), (1, -1), (-0.7, 1.9)])
def test_numbers_are_those_of_torch(chosen, rejected):
    pair = torch.tensor([float(chosen), float(rejected)], dtype=torch.float64, requires_grad=True)  # (K,)
    margin = pair[0] - pair[1]
    loss = -torch.nn.functional.logsigmoid(margin)
    (gradient,) = torch.autograd.grad(loss, margin)
    shown = Page(PairExplorer(chosen, rejected)._repr_html_()).shown
    numbers = {"chosen": chosen, "rejected": rejected, "margin": margin.item(), "loss": loss.item()}
    numbers |= {"probability": torch.sigmoid(margin).item(), "gradient": gradient.item()}
    assert {name: float(text) for name, text in shown.items()} == pytest.approx(numbers, abs=5.1e-4)


def test_without_a_page_it_is_a_line():
    assert repr(PairExplorer(-1, 1)) == "margin -2.0: probability 0.119, loss 2.127, gradient -0.881"
    assert repr(PushExplorer(0.0, 0.0)) == "loss 0.693: push 0.500, better gets 0.500, worse gets -0.500"
    assert repr(RankingExplorer(9)) == "K = 9: pairs 36, floor 0.347, a coin 0.693"


def test_the_curves_are_the_probability_and_the_loss():
    upper, lower = (
        np.array([point.split(",") for point in line["points"].split()], dtype=float)
        for line in Page(PairExplorer()._repr_html_()).named("polyline")
    )
    margins = torch.linspace(-6, 6, 61, dtype=torch.float64)  # (M,)
    for points, values in [(upper, torch.sigmoid(margins)), (lower, -torch.nn.functional.logsigmoid(margins))]:
        x, y = points.T
        assert np.corrcoef(x, margins)[0, 1] > 0.999999
        slope, start = np.polyfit(y, values, 1)  # of the axis: y grows downward, so the slope is below 0
        assert slope < 0 and np.allclose(start + slope * y, values, atol=5e-3)


@pytest.mark.parametrize("chosen, rejected", [(0.3, -0.2), (-2, 2), (1, -1), (-3, 3), (3, -3)])
def test_dots_and_dashes_lie_where_the_numbers_say(chosen, rejected):
    html = PairExplorer(chosen, rejected)._repr_html_()
    x, upper, lower = axes_of(html)
    margin = torch.tensor(float(chosen - rejected), dtype=torch.float64, requires_grad=True)
    probability, loss = torch.sigmoid(margin).item(), -torch.nn.functional.logsigmoid(margin)
    loss.backward()
    page, near = Page(html), {"abs": 0.06}  # places are rounded to tenths
    here, p, cost = x(margin.item()), upper(probability), lower(loss.item())
    assert part(page, "probability") == pytest.approx([here, p], **near)
    assert part(page, "gap") == pytest.approx([here, p, here, upper(1)], **near)
    assert part(page, "loss") == pytest.approx([here, cost], **near)
    x1, y1, x2, y2 = part(page, "slope")
    assert x(-6) <= x1 < here + 1 and here - 1 < x2 <= x(6) and x2 - x1 > 50  # it stays in its panel
    for end, height in ((x1, y1), (x2, y2)):
        step = (end - here) / (x(1) - x(0))
        assert height == pytest.approx(lower(loss.item() + step * margin.grad.item()), abs=0.15)


def test_it_says_what_a_tanh_allows():
    texts = Page(PairExplorer()._repr_html_()).texts
    most = torch.tensor(2.0, dtype=torch.float64)  # the margin of the rewards 1 and -1
    assert f"at most {torch.sigmoid(most):.3f}" in texts and "at most 0.881" in texts
    assert f"at least {-torch.nn.functional.logsigmoid(most):.3f}" in texts and "at least 0.127" in texts


def test_a_reward_beyond_the_sliders_is_refused():
    with pytest.raises(InputError, match="rejected is 7; the sliders go from -3 to 3"):
        PairExplorer(0, 7)
    for chosen in ["good", True, None, math.nan]:
        with pytest.raises(InputError, match="chosen is .*; the sliders"):
            PairExplorer(chosen, 0)


# --- a push through tanh


@pytest.mark.parametrize("better, worse", [(0, 0), (-2.6, 2.6), (0.9, 0.4), (3, -3), (-0.4, 0.3)])
def test_the_push_is_what_autograd_sends_to_the_raw_rewards(better, worse):
    raw = torch.tensor([better, worse], dtype=torch.float64, requires_grad=True)  # (K,)
    rewards = torch.tanh(raw)
    rewards.retain_grad()
    loss = -torch.nn.functional.logsigmoid(rewards[0] - rewards[1])
    loss.backward()
    html = PushExplorer(better, worse)._repr_html_()
    page, (x, upper, lower) = Page(html), axes_of(html)
    numbers = {"better": better, "worse": worse, "loss": loss.item(), "push": -rewards.grad[0].item()}
    numbers |= {"better gets": -raw.grad[0].item(), "worse gets": -raw.grad[1].item()}
    assert {name: float(text) for name, text in page.shown.items()} == pytest.approx(numbers, abs=5.1e-4)
    slopes = (raw.grad / rewards.grad).tolist()
    for name, z, reward, slope in zip(("better", "worse"), (better, worse), rewards.tolist(), slopes, strict=True):
        assert part(page, f"{name}-reward") == pytest.approx([x(z), upper(reward)], abs=0.06)
        assert part(page, f"{name}-slope") == pytest.approx([x(z), lower(slope)], abs=0.06)
        assert part(page, f"{name}-stem") == pytest.approx([x(z), lower(0), x(z), lower(slope)], abs=0.06)


def test_a_raw_reward_beyond_the_sliders_is_refused():
    with pytest.raises(InputError, match="worse is -3.1; the sliders go from -3 to 3"):
        PushExplorer(0, -3.1)


# --- a ranking


def solve(K):
    """The smallest K-choose-2 loss with rewards from -1 to 1, and those rewards, from a random start."""
    better, worse = np.triu_indices(K, 1)  # (P,), (P,)

    def loss_and_slope(rewards):
        pull = 1 / (1 + np.exp(rewards[better] - rewards[worse])) / len(better)  # (P,)
        slope = np.bincount(worse, pull, K) - np.bincount(better, pull, K)  # (K,)
        return np.logaddexp(0, rewards[worse] - rewards[better]).mean(), slope

    start = np.random.default_rng(K).uniform(-1, 1, K)
    found = minimize(loss_and_slope, start, jac=True, bounds=[(-1, 1)] * K, options={"ftol": 1e-16, "gtol": 1e-12})
    return found.fun, found.x


def test_the_table_of_best_rewards_is_what_a_solver_finds():
    assert list(BEST_REWARDS) == list(range(2, 10))
    for K, rewards in BEST_REWARDS.items():
        floor, best = solve(K)
        assert np.allclose(rewards, best, atol=1e-5), K  # the table has five decimals
        loss = rmkit.k_choose_2_loss(torch.tensor(rewards, dtype=torch.float64), [K]).item()
        assert loss == pytest.approx(floor, abs=1e-7)  # it is computed in float32


@pytest.mark.parametrize("K", range(2, 10))
def test_a_ranking_shows_its_pairs_and_its_floor(K):
    page = Page(RankingExplorer(K)._repr_html_())
    floor, _ = solve(K)
    assert page.shown["pairs"] == str(math.comb(K, 2)) and page.shown["floor"] == f"{floor:.3f}"
    assert page.shown["a coin"] == f"{math.log(2):.3f}" and page.shown["k"] == str(K)
    (drawn,) = [view for view in page.with_("data-k") if view["display"] != "none"]
    assert (drawn["data-k"], drawn["data-floor"]) == (str(K), page.shown["floor"])


@pytest.mark.parametrize("K", range(2, 10))
def test_no_circle_lies_on_another(K):
    html = RankingExplorer(K)._repr_html_()
    view = html.split(f'<g data-k="{K}"')[1].split("<g data-k=")[0]
    circles = re.findall(r'<g data-response.*?<circle cx="(\S+)" cy="(\S+)" r="(\S+)"', view)
    circles = [tuple(map(float, circle)) for circle in circles]
    assert len(circles) == 2 * K  # on the line, and in the triangle
    for (x1, y1, r1), (x2, y2, r2) in combinations(circles, 2):
        assert math.hypot(x1 - x2, y1 - y2) >= r1 + r2 + 2  # half of a line of 1, and of a frame of 3
    assert min(y - r for _, y, r in circles) >= 0


def test_every_length_holds_every_pair_once_with_its_margin_and_loss():
    page = Page(RankingExplorer()._repr_html_())
    cells = [cell["data-says"] for cell in page.with_("data-pair")]
    for K in range(2, 10):
        own, cells = cells[: math.comb(K, 2)], cells[math.comb(K, 2) :]
        _, rewards = solve(K)
        expected = []
        for i, j in sorted(combinations(range(1, K + 1), 2), key=lambda pair: pair[::-1]):
            margin = rewards[i - 1] - rewards[j - 1]
            expected.append(f"{i} beats {j}: margin {margin:.2f}, loss {np.logaddexp(0, -margin):.3f}")
        assert own == expected
    assert not cells


def test_a_pair_of_two_is_the_bradley_terry_loss_at_the_widest_margin():
    assert Page(RankingExplorer(2)._repr_html_()).shown["floor"] == f"{math.log1p(math.exp(-2)):.3f}" == "0.127"


@pytest.mark.parametrize("K", [1, 10, 4.0, "4", True, None])
def test_a_length_without_a_drawing_is_refused(K):
    with pytest.raises(InputError, match="K is .*; it must be a whole number from 2 to 9"):
        RankingExplorer(K)
