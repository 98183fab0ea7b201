"""The book's pages in Chromium: no errors, nothing from another site, no sideways scrolling, nothing that axe-core
objects to; light and dark, the keyboard, search, a wrong address, paper, weight."""

import re

import pytest
import weigh

from tests.helpers.chromium import watch
from tests.helpers.paths import ROOT
from tests.helpers.site import PAGES

AXE = ROOT / "_build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FRAME = [
    "404",
    "search",
    "genindex",
    "_modules/index",
    "_modules/rmkit/losses",
]  # pages without a source file of their own
COLORS = ["color-contrast", "link-in-text-block"]  # the rules that depend on light and dark, and the slow ones
CHECK = """async (options) => {
  document.querySelectorAll("details").forEach((box) => (box.open = true));
  const found = await axe.run(document, { resultTypes: ["violations"], ...options });
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)}`));
}"""
TAPPED = """() => [...document.querySelectorAll(
  ".house-bar a, .house-bar button, .house-logo, .bd-links a, .page-toc a, summary, .prev-next-area a, " +
  ".bd-footer-content button"
)].filter((one) => one.checkVisibility() && Math.min(...["width", "height"].map((side) =>
one.getBoundingClientRect()[side])) < 24)
  .map((one) => one.outerHTML.slice(0, 160))"""

STOP = """() => {
  const here = document.activeElement;
  const outline = getComputedStyle(here).outlineStyle;
  return { name: here.className || here.tagName, outline, inHeading: Boolean(here.closest("h1, h2, h3, h4, h5")) };
}"""


@pytest.fixture(scope="module")
def axe():
    """axe-core's source. Without npm's packages these tests are skipped, as without a browser."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make book does it where there is Node): accessibility was not checked")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def read(chromium, site):
    """read(path): the page, in a context that all of them share, so that the browser keeps what they have in common."""
    context = chromium.new_context()
    page = context.new_page()
    watch(page, site)

    def read(path):
        page.problems.clear()
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(site + path, wait_until="networkidle")
        return page

    yield read
    context.close()


@pytest.mark.parametrize("path", [*PAGES, *FRAME])
def test_a_page_is_sound_in_light_in_dark_and_on_a_phone(read, axe, path):
    page = read(f"{path}.html")
    assert page.problems == []
    assert page.locator("h1").first.is_visible()
    page.wait_for_function(
        "document.querySelectorAll('.math').length == document.querySelectorAll('mjx-container').length"
    )
    assert page.locator("mjx-merror").count() == 0, "a formula that MathJax cannot read"
    page.evaluate(axe)
    assert page.evaluate(CHECK, {"runOnly": RULES}) == []

    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme == 'dark'")
    assert page.evaluate(CHECK, {"runOnly": COLORS}) == [], "in the dark"

    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(400)  # the theme's script looks again for what scrolls 300 ms after the size has changed
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the page scrolls sideways on a phone"
    assert page.evaluate(TAPPED) == [], "too small for a finger"
    others = {"runOnly": RULES, "rules": {rule: {"enabled": False} for rule in COLORS}}
    assert page.evaluate(CHECK, others) == [], "on a phone"
    assert page.problems == []


def theme(page):
    """The colors that are shown: light or dark."""
    return page.evaluate("document.documentElement.dataset.theme")


@pytest.mark.parametrize("system, other", [("light", "dark"), ("dark", "light")])
def test_colors_follow_the_system_until_the_reader_chooses(open_page, site, system, other):
    page = open_page(f"{PAGES[0]}.html", color_scheme=system)
    assert theme(page) == system
    page.emulate_media(color_scheme=other)
    page.wait_for_function(f"document.documentElement.dataset.theme == '{other}'")
    page.emulate_media(color_scheme=system)

    page.locator(".theme-switch-button").focus()
    page.keyboard.press("Enter")
    assert theme(page) == other
    page.goto(f"{site}{PAGES[-1]}.html")
    assert theme(page) == other, "the choice is forgotten on the next page"
    assert page.problems == []


def test_dark_is_dark_before_anything_is_drawn(open_page):
    page = open_page(f"{PAGES[0]}.html", color_scheme="dark", wait_until="commit")
    page.wait_for_function("document.body")
    assert theme(page) == "dark"


def test_without_scripts_a_page_can_be_read(open_page):
    page = open_page("notebooks/03-pairwise-loss.html", java_script_enabled=False)
    assert page.locator("h1").is_visible() and page.locator("nav.bd-docs-nav").is_visible()
    assert (
        not page.locator(".theme-switch-button").is_visible() and not page.locator(".search-button-field").is_visible()
    )
    assert page.problems == []


def test_the_keyboard_reaches_the_text_the_contents_and_the_answers(open_page):
    page = open_page("notebooks/03-pairwise-loss.html", wait_until="networkidle")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main-content"
    for kind, words in [("details:not(.hide)", "Answer"), ("details.hide", "Show what comes out")]:
        answer = page.locator(f"article {kind} > summary").first
        assert answer.inner_text().strip() == words
        answer.focus()
        page.keyboard.press("Enter")
        assert page.locator(f"article {kind}").first.get_attribute("open") is not None
    assert page.problems == []


def test_the_keyboard_stops_at_what_can_be_seen_and_once_for_a_heading(open_page):
    page = open_page("notebooks/03-pairwise-loss.html", wait_until="networkidle")
    cells = page.locator("article .cell_input").count()
    page.locator(".cell_input .copybtn").nth(cells - 1).wait_for(state="attached")
    inside = "Boolean(document.activeElement.closest('article'))"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the main content
    while not page.evaluate(inside):
        page.keyboard.press("Tab")
    stops = []
    while page.evaluate(inside):
        page.wait_for_function("getComputedStyle(document.activeElement).opacity == 1")
        stops.append(page.evaluate(STOP))
        page.keyboard.press("Tab")
    assert [stop for stop in stops if stop["outline"] != "solid"] == [], "in focus, and it does not show"
    assert [stop for stop in stops if stop["inHeading"]] == []
    copies = [stop for stop in stops if "copybtn" in stop["name"]]
    assert len(copies) == cells > 10, "a cell can be copied; what it prints is no stop"
    possible = page.locator("article .highlight pre, article a.headerlink").count()
    assert len([stop for stop in stops if re.search("copybtn|headerlink", stop["name"])]) < possible / 2


@pytest.mark.parametrize("path", ["notebooks/03-pairwise-loss", "book/for-teachers", "book/api"])
def test_where_the_keyboard_does_not_stop_on_this_page_leads(read, path):
    page = read(f"{path}.html")
    passed = page.locator(":not(h1) > a.headerlink[tabindex='-1']").evaluate_all(
        "links => links.map((link) => link.hash)"
    )
    listed = page.locator(".page-toc a").evaluate_all("links => links.map((link) => link.hash)")
    assert len(passed) > 5 and set(passed) <= set(listed)


@pytest.mark.parametrize(
    "path, shown, copied",
    [
        ("book/for-teachers", "$ rmkit data validate", ["rmkit data validate book/cooking.jsonl"]),
        (
            "book/api",
            ">>> pairwise_loss(torch",
            [
                "pairwise_loss(torch.tensor([0.3]), torch.tensor([-0.2]))",
                "pairwise_loss(torch.tensor([-1000.0]), torch.tensor([1000.0]))",
            ],
        ),
        ("book/for-teachers", "import rmkit", None),
        ("notebooks/03-pairwise-loss", "def win_probability", None),
    ],
)
def test_commands_are_copied_without_their_prompts_and_without_what_they_print(open_page, path, shown, copied):
    page = open_page(f"{path}.html", wait_until="networkidle", permissions=["clipboard-read", "clipboard-write"])
    block = page.locator("div.highlight", has=page.locator("pre", has_text=shown)).first
    block.locator(".copybtn").focus()
    page.keyboard.press("Enter")
    page.locator(".copybtn.success").wait_for()
    lines = copied or block.locator("pre").text_content().rstrip("\n").split("\n")
    assert page.evaluate("navigator.clipboard.readText()").split("\n") == lines
    assert page.problems == []


def test_the_contents_open_and_close_on_a_phone(open_page):
    page = open_page(
        "notebooks/03-pairwise-loss.html", viewport={"width": 390, "height": 800}, wait_until="networkidle"
    )
    assert not page.get_by_role("link", name="9. The bug museum").is_visible()
    page.get_by_role("button", name="Contents of the book").click()
    assert page.get_by_role("link", name="9. The bug museum").is_visible()
    page.keyboard.press("Escape")
    page.locator("#pst-primary-sidebar-modal").wait_for(state="hidden")
    page.get_by_role("button", name="On this page").click()
    page.get_by_role("link", name="Rewards have no zero").click()
    assert page.evaluate("location.hash") == "#rewards-have-no-zero"
    assert page.problems == []


@pytest.mark.parametrize(
    "term, expected",
    [
        ("Bradley-Terry", "notebooks/03-pairwise-loss"),
        ("calibration", "notebooks/06-measuring"),
        ("Goodhart", "notebooks/08-goodhart"),
        ("tanh", "notebooks/02-value-head"),
        ("Wilson", "notebooks/06-measuring"),
        ("exam", "book/exam"),
        ("csv", "book/own-pairs"),
        ("own data", "book/own-pairs"),
        ("own pairs", "book/own-pairs"),
        ("pip install", "book/own-pairs"),
        ("ChatGPT", "book/glossary"),
    ],
)
def test_search_finds(open_page, term, expected):
    page = open_page(f"{PAGES[0]}.html", wait_until="networkidle")
    page.keyboard.press("Control+k")
    page.keyboard.type(term)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    page.locator("#search-results li a").nth(1).wait_for()
    found = page.locator("#search-results li > a").evaluate_all("links => links.slice(0, 3).map(link => link.pathname)")
    assert any(path.endswith(f"{expected}.html") for path in found), found
    assert page.problems == []


def test_what_the_search_shows_of_a_page_is_text_and_no_tex(open_page):
    page = open_page("search.html?q=margin", wait_until="networkidle")
    shown = page.locator("#search-results .context").all_inner_texts()
    assert any("…" in text for text in shown), "no formula stood there, so this shows nothing"
    assert not [text for text in shown if re.search(r"\\[()\[\]]|\\(?:sigma|Delta|theta|ge|log)\b", text)]
    assert page.problems == []


@pytest.mark.parametrize("path", ["none.html", "notebooks/none.html", "a/b/c/none"])
def test_a_wrong_address_shows_the_contents_at_any_depth(open_page, path):
    page = open_page(path, wait_until="networkidle")
    assert page.locator("h1").inner_text().startswith("There is no such page")
    assert [one for one in page.problems if "404" not in one] == []
    assert len(page.problems) == 1, "something else on the page is missing too"
    assert page.evaluate("document.querySelector('.house-logo img').naturalWidth") > 0
    page.get_by_role("link", name="3. The ranking loss").click()
    assert page.locator("h1").inner_text().startswith("3. The ranking loss")


def test_paper_shows_the_chapter_and_not_the_site(open_page, tmp_path):
    page = open_page("notebooks/03-pairwise-loss.html", color_scheme="dark", wait_until="networkidle")
    folded = page.locator("article details").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert theme(page) == "light" and page.locator("article details[open]").count() == folded >= 5
    for gone in [
        "#pst-primary-sidebar",
        "#pst-secondary-sidebar",
        ".house-bar",
        ".prev-next-area",
        "footer button",
        ".copybtn",
    ]:
        assert not page.locator(gone).first.is_visible(), gone
    words = len(page.locator("main").inner_text().split())
    assert words > 0.95 * len(page.locator("article").evaluate("one => one.innerText").split())
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert theme(page) == "dark" and page.locator("article details[open]").count() == 0

    page.emulate_media(media="screen")
    paper = page.pdf(path=tmp_path / "chapter.pdf", prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert words / 500 < pages < words / 100, f"{words} words on {pages} pages"


def test_paper_without_what_is_folded(open_page):
    page = open_page("notebooks/03-pairwise-loss.html", wait_until="networkidle")
    page.evaluate("() => { window.print = () => dispatchEvent(new Event('beforeprint')); }")
    answers = page.locator("article details")
    answers.nth(1).evaluate("box => (box.open = true)")
    page.get_by_role("button", name="Print without what is folded").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('article details[hidden]')")
    page.emulate_media(media="print")
    assert [answer.is_visible() for answer in answers.all()] == [n == 1 for n in range(answers.count())]
    assert page.get_by_text("Predict").first.is_visible(), "the questions are left out too"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article details[open]").count() == 1 and page.locator("article details[hidden]").count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("article details[open]").count() == answers.count(), "the next time everything is printed again"


def test_no_picture_is_missing_on_paper(open_page):
    page = open_page("notebooks/08-goodhart.html", wait_until="networkidle")
    page.evaluate(
        "() => { window.print = () => { window.printed = [...document.images].map((one) => one.naturalWidth); }; }"
    )
    assert page.locator("article img[loading=lazy]").count() > 3
    page.get_by_role("button", name="Print, or save as PDF").click()
    page.wait_for_function("window.printed")
    widths = page.evaluate("window.printed")
    assert all(widths) and len(widths) == page.locator("img").count(), widths


def test_a_page_that_is_not_there_is_not_weighed():
    with pytest.raises(
        SystemExit, match=r"book/index\.htm is no page of the book; give a path such as book/index\.html"
    ):
        weigh.main(["book/index.htm"])


def test_an_exam_on_paper_shows_only_the_answers_that_are_open(open_page):
    page = open_page("book/exam.html", wait_until="networkidle")
    answers = page.locator("article details.answer")
    answers.nth(1).locator("summary").click()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    shown = [answers.nth(n).is_visible() for n in range(answers.count())]
    assert len(shown) > 15 and [n for n, one in enumerate(shown) if one] == [1]


def test_the_landing_page_is_light(chromium, site):
    weight = weigh.weigh(chromium, f"{site}{PAGES[0]}.html")[0]
    assert weight.total() < 400_000, dict(weight)


def test_the_heaviest_chapter_is_under_a_megabyte(chromium, site):
    weight = weigh.weigh(chromium, f"{site}notebooks/03-pairwise-loss.html")[0]
    assert weight.total() < 1_000_000, dict(weight)
