"""What reveal shows is the package's own source, safe to put on a page; what is not the package's is refused."""

import builtins
import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

import rmkit
import rmkit.course.exercises.preference_data as exercises
from rmkit.course.source import Revealed, reveal
from rmkit.errors import InputError


class Page(HTMLParser):
    """The tags of a piece of HTML, and the text that a reader would see."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(html)
        assert not self.open, "a tag is left open"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def stripped(source):
    """A method is shown at the margin, so indentation is left out of the comparison."""
    return "\n".join(line.strip() for line in source.splitlines())


@pytest.mark.parametrize(
    "obj, title",
    [
        (rmkit.load_rankings, "rmkit/loading.py: load_rankings"),
        (rmkit.Ranking, "rmkit/rankings.py: Ranking"),
        (rmkit.Ranking.pairs, "rmkit/rankings.py: Ranking.pairs"),
        (exercises.solution_pad, "rmkit/course/exercises/preference_data.py: solution_pad"),
        (exercises.check_pad, "rmkit/course/exercises/preference_data.py: check_pad"),
        (exercises, "rmkit/course/exercises/preference_data.py"),
    ],
    ids=lambda given: getattr(given, "__qualname__", str(given)),
)
def test_title_and_source(obj, title):
    shown = reveal(obj)
    assert shown.title == title
    assert stripped(shown.source) in stripped(inspect.getsource(inspect.getmodule(obj)))
    assert repr(shown) == f"# {title}\n\n{shown.source}"


def test_a_decorated_function_shows_its_own_body():
    assert "_as_two_tables" in reveal(exercises.check_pad).source


def test_a_method_stands_at_the_margin():
    assert reveal(rmkit.Ranking.pairs).source.startswith("def pairs(self) -> list[tuple[int, int]]:")


@pytest.mark.parametrize(
    "obj, what",
    [
        (rmkit.load_rankings, "Source"),
        (rmkit.Ranking, "Source"),
        (exercises, "Source"),
        (exercises.check_pad, "Source"),
        (exercises.solution_pad, "Solution"),
    ],
    ids=lambda given: getattr(given, "__qualname__", str(given)),
)
def test_html_is_folded_and_says_what_it_is_and_what_the_source_says(obj, what):
    shown = reveal(obj)
    page = Page(shown._repr_html_())
    names = [tag for tag, _ in page.tags]
    assert names[:2] == ["details", "summary"]
    assert page.tags[0][1] == {}, "closed until it is clicked"
    assert ("div", {"class": "highlight"}) in page.tags
    assert set(names) <= {"details", "summary", "code", "div", "pre", "span"}
    assert page.text.strip() == f"{what} {shown.title}{shown.source}"


def test_colors_are_left_to_the_page():
    html = reveal(rmkit.load_rankings)._repr_html_()
    assert 'class="k"' in html
    assert "style" not in re.sub(r">[^<]*<", "><", html)


NASTY = 'def f():\n    return "<script>alert(1)</script> & </pre></details>"'


@pytest.mark.parametrize("pygments", [True, False])
def test_source_cannot_break_out_of_its_box(pygments, monkeypatch):
    if not pygments:
        hide("pygments", monkeypatch)
    html = Revealed("rmkit/<b>.py: f", NASTY)._repr_html_()
    assert "<script" not in html and "<b>" not in html
    assert html.count("</details>") == html.count("</pre>") == 1
    assert Page(html).text.strip() == f"Source rmkit/<b>.py: f{NASTY}"


def hide(package, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_without_pygments_the_source_is_plain(monkeypatch):
    hide("pygments", monkeypatch)
    page = Page(reveal(rmkit.load_rankings)._repr_html_())
    assert "span" not in dict(page.tags)
    assert "def load_rankings(" in page.text


def mine():
    pass


@pytest.mark.parametrize(
    "obj",
    [mine, lambda: 0, len, int, re.compile, re, sys, "text", 7, None, [1], rmkit.Ranking("a", ["b", "c"]), {}],
    ids=lambda given: getattr(given, "__qualname__", repr(given)),
)
def test_what_is_not_the_packages_is_refused(obj):
    with pytest.raises(InputError, match="rmkit defines"):
        reveal(obj)


@pytest.mark.process
def test_the_package_offers_the_function_even_after_its_module_was_imported():
    code = "import rmkit.course.source, rmkit; print(rmkit.reveal(rmkit.InputError).title)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "rmkit/errors.py: InputError", done.stderr
    assert rmkit.reveal is reveal
