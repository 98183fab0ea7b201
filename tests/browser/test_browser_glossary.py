"""Definitions of terms in Chromium: pointer, keyboard and finger (WCAG 1.4.13), and what a screen reader is told."""

import json

import pytest

from tests.helpers.paths import ROOT

CHAPTER = "notebooks/06-measuring.html"
AXE = ROOT / "_build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def term(page):
    """A link to the glossary in the middle of a page, and the text of its definition."""
    link = page.locator("a.term").nth(4)
    link.scroll_into_view_if_needed()
    return link, page.evaluate(
        "link => document.getElementById(link.getAttribute('aria-describedby')).textContent", link.element_handle()
    )


def tip(page):
    return page.locator(".definition:visible")


def inside(page, locator):
    """Whether it lies within the page's width, with nothing to scroll sideways."""
    box, width = locator.bounding_box(), page.viewport_size["width"]
    return (
        0 <= box["x"]
        and box["x"] + box["width"] <= width
        and page.evaluate("document.documentElement.scrollWidth") <= width
    )


def test_the_pointer_opens_and_may_travel_onto_the_definition(open_page):
    page = open_page(CHAPTER)
    link, words = term(page)
    link.hover()
    assert tip(page).inner_text() == words
    tip(page).hover()
    page.wait_for_timeout(500)
    assert tip(page).count() == 1, "it went away while the pointer was on it"
    page.locator("article h1").hover()
    tip(page).wait_for(state="detached")
    assert page.problems == []


def test_focus_opens_escape_closes_and_enter_follows(open_page):
    page = open_page(CHAPTER)
    link, words = term(page)
    page.locator("a.term").nth(3).focus()
    assert tip(page).inner_text() != words
    link.focus()
    assert tip(page).inner_text() == words
    page.keyboard.press("Escape")
    assert tip(page).count() == 0
    assert page.evaluate("document.activeElement.className").startswith("term"), "Escape moved the focus"
    anchor = link.get_attribute("href").partition("#")[2]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/book/glossary.html#{anchor}")
    assert page.locator(f"[id='{anchor}']").is_visible()
    assert page.problems == []


def test_a_hovered_definition_closes_with_escape(open_page):
    page = open_page(CHAPTER)
    link, _ = term(page)
    link.hover()
    page.keyboard.press("Escape")
    assert tip(page).count() == 0


def test_a_tap_explains_and_leads_on_from_there(open_page):
    page = open_page(CHAPTER, **PHONE)
    link, words = term(page)
    link.tap()
    assert tip(page).inner_text().startswith(words)
    assert page.url.endswith(CHAPTER), "the tap followed the link"
    page.locator("article h1").tap(force=True)
    assert tip(page).count() == 0
    link.tap()
    tip(page).get_by_role("link").tap()
    page.wait_for_url("**/book/glossary.html#*")
    assert page.problems == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_every_definition_of_a_chapter_fits(open_page, width):
    page = open_page(CHAPTER, viewport={"width": width, "height": 844})
    for link in page.locator("a.term").all():
        link.focus()
        assert inside(page, tip(page)), link.inner_text()


def test_a_screen_reader_gets_the_definition_as_description(open_page):
    page = open_page(CHAPTER)
    link, words = term(page)
    client = page.context.new_cdp_session(page)
    client.send("Accessibility.enable")
    root = client.send("DOM.getDocument")["root"]["nodeId"]
    node = client.send("DOM.querySelectorAll", {"nodeId": root, "selector": "a.term"})["nodeIds"][4]
    told = client.send("Accessibility.getPartialAXTree", {"nodeId": node, "fetchRelatives": False})["nodes"][0]
    assert told["role"]["value"] == "link" and told["name"]["value"] == link.inner_text()
    assert told["description"]["value"] == words


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: `make book` with Node does it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("by", ["focus", "tap"])
def test_axe_finds_nothing_with_a_definition_open(open_page, scheme, by):
    page = open_page(CHAPTER, color_scheme=scheme, **(PHONE if by == "tap" else {}))
    link, _ = term(page)
    getattr(link, by)()
    page.add_script_tag(path=AXE)
    # Only what this file is about: the rest of the page has tests of its own.
    found = page.evaluate("axe.run({include: [['.definition'], ['a.term']]})")
    assert tip(page).count() == 1
    assert not found["violations"], json.dumps(found["violations"], indent=1)[:2000]
