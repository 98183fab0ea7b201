"""The landing page in Chromium: one screen that says it all, also on a phone."""

import pytest


def test_the_first_screen_holds_the_picture_the_hours_and_four_ways_in(open_page):
    page = open_page("book/index.html", viewport={"width": 1280, "height": 900})
    ways = page.locator(".ways a")
    assert ways.all_inner_texts() == ["Read", "Colab", "Laptop", "Classroom"]
    for part in [page.locator("svg.pipeline"), page.get_by_text("How long."), page.locator(".ways")]:
        box = part.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 900


@pytest.mark.parametrize("width", [320, 390])
def test_the_picture_can_be_read_on_a_phone(open_page, width):
    page = open_page("book/index.html", viewport={"width": width, "height": 844})
    picture = page.locator("svg.pipeline")
    scale = picture.bounding_box()["width"] / picture.evaluate("svg => svg.viewBox.baseVal.width")
    sizes = picture.evaluate(
        "svg => [...svg.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize))"
    )
    assert min(sizes) * scale >= 9
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert picture.get_attribute("role") == "img" and len(picture.locator("title").text_content().split()) > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_of_the_picture_stand_out(open_page, scheme):
    """Contrast by WCAG's formula, of every text against the box that it stands in; axe does not look into SVG."""
    page = open_page("book/index.html", color_scheme=scheme)
    colors = page.locator("svg.pipeline").evaluate(
        "svg => [svg.querySelector('.words text'), svg.querySelector('.boxes rect')].map(e => getComputedStyle(e).fill)"
    )
    words, box = (luminance(color) for color in colors)
    assert (max(words, box) + 0.05) / (min(words, box) + 0.05) >= 7


def luminance(color):
    """Of "rgb(r, g, b)"; source: WCAG 2.2, relative luminance."""
    parts = [int(part) / 255 for part in color.removeprefix("rgb(").rstrip(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
