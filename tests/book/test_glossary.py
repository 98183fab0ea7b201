"""Links from the chapters to the glossary: what is linked, what never is; and what the glossary says of the
chapters."""

import json
import re
import shutil

import pytest
from bs4 import BeautifulSoup
from docutils.core import publish_doctree
from myst_parser.docutils_ import Parser

from book._ext import course, glossary
from tests.helpers.gates import prose
from tests.helpers.paths import ROOT
from tests.helpers.site import build

TERMS = {
    name: (f"term-{name.replace(' ', '-')}", f"What {name} means.")
    for name in ("reward", "reward model", "loss", "tau's law")
}


def links(markdown):
    """[(anchor, words)] that link_terms makes of a page, in order."""
    settings = {"myst_enable_extensions": ["dollarmath", "amsmath"], "report_level": 5}
    doctree = publish_doctree(markdown, parser=Parser(), settings_overrides=settings)
    glossary.link_terms(doctree, TERMS, "glossary.html")
    return [(link["key"], link.astext()) for link in doctree.findall(glossary.glossary_link)]


@pytest.mark.parametrize(
    "markdown, expected",
    [
        ("A loss, and a loss again.", [("term-loss", "loss")]),
        ("A loss.\n\nMore text, and a loss.", [("term-loss", "loss")]),
        ("- An item with a loss", [("term-loss", "loss")]),
        ("Losses are not found by an s, but rewards are.", [("term-reward", "rewards")]),
        ("LOSS in capitals.", [("term-loss", "LOSS")]),
        ("A reward model gives a reward.", [("term-reward-model", "reward model"), ("term-reward", "reward")]),
        ("A reward\nmodel over two lines.", [("term-reward-model", "reward\nmodel")]),
        ("Two reward models, then a reward model.", [("term-reward-model", "reward models")]),
        ("Rewarding, lossless, a pre-loss and a loss-free word.", []),
        ("# The loss\n\nNothing here.", []),
        ("Code: `loss`.\n\n```python\nloss\n```\n\n    loss", []),
        ("A [loss elsewhere](https://example.org).", []),
        ("Math: $loss$ and\n\n$$loss$$", []),
        ("![loss](loss.svg)", []),
        ("| loss |\n|---|\n| loss |", []),
        ("**Loss** in bold, *reward* in italics.", [("term-loss", "Loss"), ("term-reward", "reward")]),
        ("By tau’s law or tau's law.", [("term-tau's-law", "tau’s law")]),
        ("<details>\n<summary>A loss</summary>\n\nFolded loss.\n\n</details>\n\nOpen loss.", [("term-loss", "loss")]),
    ],
)
def test_what_is_linked(markdown, expected):
    assert links(markdown) == expected


def test_the_text_stays_the_same():
    markdown = "A reward model has a reward, a loss and\na *reward* again; its loss is small."
    doctree = publish_doctree(markdown, parser=Parser())
    before = doctree.astext()
    glossary.link_terms(doctree, TERMS, "glossary.html")
    assert doctree.astext() == before


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    """A book of a glossary and one chapter, built as the real one is: {page: its HTML}."""
    folder = tmp_path_factory.mktemp("book")
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "_build" / "site").mkdir(parents=True)
    for name in ("_static", "_ext", "_templates"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/glossary\nchapters:\n- file: notebooks/page\n", "utf-8"
    )
    (folder / "notebooks").mkdir()
    (folder / "book" / "glossary.md").write_text(
        "---\nnot_linked: tie\n---\n\n# Glossary\n\n```{glossary}\n"
        'pooling\n  One vector, not "many" & <b>not</b> two.\n\n  Chapter 2.\n\n'
        "head\nvalue head\n  A *layer*.\n\ntie\n  Nobody said.\n```\n",
        encoding="utf-8",
    )
    (folder / "notebooks" / "page.md").write_text("# Page\n\nPooling, a value head, a head, a tie.\n", encoding="utf-8")
    status, said = build(folder)
    assert status == 0, said
    return {
        page: (folder / f"_build/html/{page}.html").read_text("utf-8") for page in ("book/glossary", "notebooks/page")
    }


def test_a_link_brings_its_definition_along(small_book):
    soup = BeautifulSoup(small_book["notebooks/page"], "html.parser")
    found = soup.select("article a.term")
    assert [link.get_text() for link in found] == ["Pooling", "value head"]
    entries = BeautifulSoup(small_book["book/glossary"], "html.parser")
    for link in found:
        page, _, anchor = link["href"].partition("#")
        assert page == "../book/glossary.html" and entries.find(id=anchor)
        assert soup.find(id=link["aria-describedby"]).find_parent(class_="definitions").has_attr("hidden")
    definition = soup.find(id=found[0]["aria-describedby"])
    assert definition.get_text() == "One vector, not “many” & <b>not</b> two."
    assert not definition.find(True), "its text became markup"
    assert soup.select("script[src*='terms.js']")


def test_pages_without_terms_carry_nothing(small_book):
    assert "definitions" not in small_book["book/glossary"] and "terms.js" not in small_book["book/glossary"]


# --- the glossary of this book


def entries():
    """[(names, definition, chapter)] as book/glossary.md has them."""
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    body = re.search(r"```\{glossary\}\n(.*?)```", text, re.DOTALL)[1]
    found = re.findall(r"((?:^\S.*\n)+)((?:^  .*\n)+)\n  \{chapter\}`(\d+) Chapter (\d+)`\n", body, re.MULTILINE)
    assert all(link == words for _, _, link, words in found)
    return [(names.split("\n")[:-1], " ".join(text.split()), int(number)) for names, text, number, _ in found]


def test_entries_are_in_order_and_short():
    found = entries()
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    assert len(found) == text.count("  {chapter}`") >= 50, "an entry that is not understood"
    names = [names[0].lower().lstrip("[") for names, _, _ in found]
    assert names == sorted(names)
    for names, definition, _ in found:
        assert len(re.findall(r"[.!?](?:\s|$)", definition)) <= 3, names


@pytest.mark.parametrize(
    "names, definition, number", entries(), ids=lambda value: value[0] if isinstance(value, list) else ""
)
def test_a_term_occurs_in_the_chapter_that_is_said_to_explain_it(names, definition, number):
    page = course.chapters(str(ROOT))[number].page
    text = prose(json.loads((ROOT / f"{page}.ipynb").read_text(encoding="utf-8")))
    assert any(glossary.pattern({name: None}).search(text) for name in names)


def test_every_definition_is_one_paragraph():
    """A line that begins with a minus is a list to Markdown, and would end the definition that a chapter shows."""
    page = BeautifulSoup(
        (ROOT / "_build" / "html" / "book" / "glossary.html").read_text(encoding="utf-8"), "html.parser"
    )
    found = page.select("dl.glossary dd")
    assert len(found) == len(entries())
    for definition in found:
        assert [child.name for child in definition.find_all(recursive=False)] == ["p", "p"], definition.get_text()


def test_words_that_are_not_linked_are_in_the_glossary():
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    ignored = re.search(r"^not_linked: (.+)$", text, re.MULTILINE)[1].split(", ")
    assert set(ignored) <= {name for names, _, _ in entries() for name in names}
