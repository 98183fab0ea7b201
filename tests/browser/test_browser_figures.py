"""The figures that move, in Chromium: by keys they say Python's numbers, and without scripts they are complete."""

import math

import pytest
import torch
from torch.nn.functional import logsigmoid

import rmkit
from rmkit.course.moving import BEST_REWARDS, PairExplorer, RankingExplorer
from tests.helpers.paths import ROOT

PAGES = {
    "push": "notebooks/02-value-head.html",
    "pair": "notebooks/03-pairwise-loss.html",
    "ranking": "notebooks/03-pairwise-loss.html",
}
AXE = ROOT / "_build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PLACES = "(marks) => marks.map((mark) => [...mark.attributes].map((one) => one.name + '=' + one.value))"


@pytest.fixture
def figure(open_page):
    """figure(kind, **context options): the figure on its page; kind is "push", "pair" or "ranking"."""
    ready = {"wait_until": "domcontentloaded"}
    return lambda kind, **options: open_page(PAGES[kind], **ready | options).locator(f".rmkit-{kind}")


def shown(figure):
    """Everything that a figure says in words, by name."""
    return {one.get_attribute("data-show"): one.text_content() for one in figure.locator("[data-show]").all()}


def set_slider(slider, value):
    """Move a slider to a value as a reader without a mouse does."""
    slider.focus()
    steps = round((value - float(slider.input_value())) / float(slider.get_attribute("step")))
    for _ in range(abs(steps)):
        slider.press("ArrowRight" if steps > 0 else "ArrowLeft")
    assert float(slider.input_value()) == pytest.approx(value)


def place(mark):
    """Where a mark lies in its drawing."""
    return [float(n) for n in mark.get_attribute("transform").removeprefix("translate(").rstrip(")").split()]


def pair_by_torch(chosen, rejected):
    margin = torch.tensor(chosen - rejected, dtype=torch.float64, requires_grad=True)
    loss = -logsigmoid(margin)
    loss.backward()
    return {
        "chosen": f"{chosen:.1f}",
        "rejected": f"{rejected:.1f}",
        "margin": f"{margin:.1f}",
        "probability": f"{torch.sigmoid(margin):.3f}",
        "loss": f"{loss:.3f}",
        "gradient": f"{margin.grad:.3f}",
    }


def push_by_torch(better, worse):
    raw = torch.tensor([better, worse], dtype=torch.float64, requires_grad=True)  # (K,)
    rewards = torch.tanh(raw)
    rewards.retain_grad()
    loss = -logsigmoid(rewards[0] - rewards[1])
    loss.backward()
    return {
        "better": f"{better:.1f}",
        "worse": f"{worse:.1f}",
        "loss": f"{loss:.3f}",
        "push": f"{-rewards.grad[0]:.3f}",
        "better gets": f"{-raw.grad[0]:.3f}",
        "worse gets": f"{-raw.grad[1]:.3f}",
    }


@pytest.mark.parametrize("kind", PAGES)
def test_the_script_begins_with_what_python_drew(figure, kind):
    still, moves = figure(kind, java_script_enabled=False), figure(kind)
    assert moves.get_attribute("data-moves") == "yes"
    assert shown(moves) == shown(still)
    drawn, first = (
        one.locator("svg :is(circle, line, text, g):visible").evaluate_all(PLACES) for one in (still, moves)
    )
    assert first == drawn


def test_a_pair_moved_by_keys_says_what_torch_computes(figure):
    pair = figure("pair")
    chosen, rejected = pair.locator("input").all()
    for rewards in [(-3, 3), (-1, 1), (0, 0), (0.3, -0.2), (1.3, 0.8), (1, -1), (0.1, 2.9), (3, -3)]:
        set_slider(chosen, rewards[0])
        set_slider(rejected, rewards[1])
        assert shown(pair) == pair_by_torch(*map(float, rewards))
    assert pair.page.problems == []


def test_a_push_moved_by_keys_is_what_autograd_computes(figure):
    push = figure("push")
    sliders = dict(zip(("better", "worse"), push.locator("input").all(), strict=True))
    for values in [(0, 0), (-0.3, 0.3), (-2.6, 2.6), (2.6, -2.6), (-2.6, 0), (0.9, 0.4), (3, -3), (-3, 3)]:
        for slider, value in zip(sliders.values(), values, strict=True):
            set_slider(slider, value)
        assert shown(push) == push_by_torch(*values)
        for name, value in zip(sliders, values, strict=True):
            stem = push.locator(f"[data-part={name}-stem]")
            y1, y2 = (float(stem.get_attribute(end)) for end in ("y1", "y2"))
            assert (y1 - y2) / 100 == pytest.approx(1 - math.tanh(value) ** 2, abs=1e-3)  # a slope of 1 is 100 long
    assert push.page.problems == []


def test_the_dots_of_a_pair_follow(figure):
    pair = figure("pair")
    chosen, rejected = pair.locator("input").all()
    places = []
    for reward in (-3, 0, 3):
        set_slider(chosen, reward)
        set_slider(rejected, -reward)
        upper, lower, gap = (pair.locator(f"[data-part={name}]") for name in ("probability", "loss", "gap"))
        places.append([*place(upper), *place(lower), *(float(gap.get_attribute(end)) for end in ("y1", "y2"))])
    upper_x, upper_y, lower_x, lower_y, gap, top = map(list, zip(*places, strict=True))
    assert sorted(upper_x) == upper_x == lower_x and len(set(upper_x)) == 3
    assert sorted(upper_y, reverse=True) == upper_y == gap  # what is more probable is drawn higher
    assert sorted(lower_y) == lower_y and len(set(lower_y)) == 3  # a smaller loss is drawn lower
    assert upper_y[1] - top[1] == pytest.approx((upper_y[0] - top[0]) / 2, rel=0.01)  # a coin lacks half of 1


def test_a_ranking_of_every_length_draws_its_pairs_and_its_floor(figure):
    ranking = figure("ranking")
    length, pair = ranking.locator("input").all()
    for K in range(2, 10):
        set_slider(length, K)
        rewards = torch.tensor(BEST_REWARDS[K], dtype=torch.float64)  # (K,)
        assert ranking.locator("[data-pair]:visible").count() == math.comb(K, 2) == int(pair.get_attribute("max"))
        assert ranking.locator("[data-response]:visible").count() == 2 * K  # on the line, and in the triangle
        words = shown(ranking)
        assert (words["k"], words["pairs"]) == (str(K), str(math.comb(K, 2)))
        assert words["floor"] == f"{rmkit.k_choose_2_loss(rewards, [K]):.3f}"
        pair.focus()
        pair.press("End")
        margin = rewards[-2] - rewards[-1]  # of the last pair
        says = f"{K - 1} beats {K}: margin {margin:.2f}, loss {-logsigmoid(margin):.3f}"
        assert shown(ranking)["pair"] == pair.get_attribute("aria-valuetext") == says
        assert ranking.locator("[data-pair].on:visible").get_attribute("data-pair") == f"{K - 1} {K}"
        assert ranking.locator("[data-response].on:visible").count() == 4
    assert ranking.page.problems == []


def test_keys_go_through_the_pairs_and_a_pair_keeps_its_place(figure):
    ranking = figure("ranking")
    length, pair = ranking.locator("input").all()
    set_slider(length, 5)
    seen = set()
    for number in range(1, 11):
        set_slider(pair, number)
        seen.add(shown(ranking)["pair"].split(":")[0])
    assert seen == {f"{i} beats {j}" for i in range(1, 6) for j in range(i + 1, 6)}
    set_slider(pair, 2)
    length.focus()
    length.press("End")  # nine responses: the second pair is still the same two
    assert shown(ranking)["pair"].startswith("1 beats 3:")
    set_slider(pair, 36)
    length.focus()
    length.press("Home")  # two responses: only one pair is left
    assert shown(ranking)["pair"] == "1 beats 2: margin 2.00, loss 0.127"


def test_pointing_at_a_cell_chooses_its_pair(figure):
    ranking = figure("ranking")
    set_slider(ranking.locator("input").first, 9)
    ranking.locator("[data-pair='2 5']:visible").hover()
    assert shown(ranking)["pair"].startswith("2 beats 5:")
    assert ranking.locator("input").last.input_value() == str(1 + 3 + 2 + 1 + 1)  # 1-2, two with 3, three with 4, 1-5


def test_several_on_a_page_move_apart(figure):
    pair = figure("pair")
    html = PairExplorer(1, -1)._repr_html_()
    pair.page.set_content(html + RankingExplorer(3)._repr_html_() + html)
    first, second = pair.page.locator(".rmkit-pair").all()
    set_slider(first.locator("input").first, 2)
    assert shown(first)["margin"] == "3.0" and shown(second)["margin"] == "2.0"
    assert shown(pair.page.locator(".rmkit-ranking"))["pairs"] == "3"


@pytest.mark.parametrize("kind", PAGES)
def test_without_scripts_it_is_a_complete_drawing_without_sliders(figure, kind):
    still = figure(kind, java_script_enabled=False)
    assert still.locator("input:visible").count() == 0
    assert all(text for text in shown(still).values())
    box = still.locator("svg").bounding_box()
    for mark in still.locator("svg :is(circle, text, line):visible").all():
        inside = mark.bounding_box()
        assert inside["x"] >= box["x"] - 1 and inside["x"] + inside["width"] <= box["x"] + box["width"] + 1
    if kind == "push":
        assert shown(still) == push_by_torch(0, 0)
    elif kind == "pair":
        assert shown(still) == pair_by_torch(0.3, -0.2)
    else:
        assert still.locator("[data-pair]:visible").count() == 6
        assert still.locator("[data-pair].on:visible").get_attribute("data-pair") == "1 2"


@pytest.mark.parametrize("kind", PAGES)
def test_on_a_phone_nothing_sticks_out(figure, kind):
    phone = figure(kind, viewport={"width": 390, "height": 844}, wait_until="networkidle")
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    if kind == "ranking":
        set_slider(phone.locator("input").first, 9)
    for text in phone.locator("svg text:visible").all():
        box = text.bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= 390 and box["height"] > 12, text.text_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", PAGES)
def test_accessible_in_light_and_in_dark(figure, kind, scheme):
    one = figure(kind, color_scheme=scheme)
    assert one.page.evaluate("document.documentElement.dataset.theme") == scheme
    one.page.add_script_tag(path=AXE)
    found = one.page.evaluate("(kind) => axe.run('.rmkit-' + kind)", kind)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    assert found["passes"]
    # axe does not look into drawings: WCAG 2 asks for 3 of what one must see and for 4.5 of what one must read.
    for selector, color, least in LOOKS:
        assert least <= min(contrasts(one.locator(f"svg {selector}:visible"), color), default=21), selector
    if kind == "ranking":
        set_slider(one.locator("input").first, 9)
        assert 4.5 <= min(contrasts(one.locator("[data-pair] text:visible"), "fill", on="rect"))


LOOKS = [
    (":is(polyline, line, .ring, [data-response] circle, .spot rect)", "stroke", 3),
    (":is(.spot circle, .here)", "fill", 3),
    ("text", "fill", 4.5),
]
COLORS = """(marks, [color, on]) => {
  const canvas = document.createElement("canvas").getContext("2d");
  const bytes = (...layers) => {
    for (const [color, opacity] of layers) {
      canvas.globalAlpha = opacity;
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  return marks.map((mark) => {
    const paper = [[getComputedStyle(document.body).backgroundColor, 1]];
    if (on) {
      const style = getComputedStyle(mark.parentNode.querySelector(on));
      paper.push([style.fill, style.fillOpacity]);
    }
    return [bytes(...paper), bytes([getComputedStyle(mark)[color], 1])];
  });
}"""


def contrasts(marks, color, on=None):
    """How much parts of a drawing stand out from the page, or from their neighbor `on`, by the formula of WCAG 2."""

    def luminance(rgb):
        parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for colors in marks.evaluate_all(COLORS, [color, on]):
        low, high = sorted(map(luminance, colors))
        yield (high + 0.05) / (low + 0.05)
