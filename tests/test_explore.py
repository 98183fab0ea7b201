"""The figure that moves: its first position says what Python computes, it has names for ears, and it loads nothing."""

import math
import re
from html.parser import HTMLParser

import pytest
import torch

from rmkit.errors import InputError
from rmkit.explore import PairExplorer, x_of, y_of

VOID = {"input"}


class Page(HTMLParser):
    """The tags of a piece of HTML, and the text inside each tag that has data-show."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.shown = [], [], {}
        self.feed(html)
        assert not self.open, "a tag is left open"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("data-show")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][1]:
            self.shown[self.open[-1][1]] = data

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("chosen, rejected", [(0.3, -0.2), (-3, 3), (3, -3), (0.1, 0.1)])
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


def test_every_slider_has_a_label_and_every_drawing_a_description():
    html = PairExplorer()._repr_html_()
    page = Page(html)
    sliders = page.named("input")
    assert [slider["value"] for slider in sliders] == ["0.3", "-0.2"]
    assert all(slider["type"] == "range" for slider in sliders)
    assert len(re.findall(r"<label>\w[^<]+<b[^>]*>[^<]*</b>\s*<input[^>]*></label>", html)) == 2
    assert all(
        len(attributes["aria-label"].split()) > 5 for _, attributes in page.tags if attributes.get("role") == "img"
    )
    assert {"aria-live": "polite", "aria-atomic": "true"} in page.named("dl")


def test_several_on_a_page_do_not_share_an_id():
    assert not [attributes for _, attributes in Page(PairExplorer()._repr_html_()).tags if "id" in attributes]


def test_it_loads_nothing_and_leaves_no_blank():
    html = PairExplorer()._repr_html_()
    assert "http" not in html and "src=" not in html and "import" not in html
    assert not re.findall(r"\$(?!\{name\})", html)


def test_the_curve_is_the_loss():
    points = Page(PairExplorer()._repr_html_()).named("polyline")[0]["points"].split()
    assert len(points) == 61
    for point in points[::10]:
        x, y = map(float, point.split(","))
        margin = (x - x_of(0)) / (x_of(1) - x_of(0))
        loss = (y_of(0) - y) / (y_of(0) - y_of(1))
        assert loss == pytest.approx(math.log1p(math.exp(-margin)), abs=5e-3)


def test_a_reward_beyond_the_sliders_is_refused():
    with pytest.raises(InputError, match="rejected is 7; the sliders go from -3 to 3"):
        PairExplorer(0, 7)
