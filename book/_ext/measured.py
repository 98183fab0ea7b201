"""Measured parts of a page, written when the book is built: `{measured} NAME part` and `{measured-figure} NAME figure`.

book/measured/NAME/page.py has `parts()`, {part: Markdown}, and where there are figures `draw(folder)`, which writes
figure.png for each. A figure takes the options of `figure`. When a file of that folder changes, the page is written
again.
"""

import importlib
import sys
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.directives.patches import Figure
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
DRAWN = ROOT / "_build" / "measured"


def page_of(name):
    """The module book/measured/NAME/page.py."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"book.measured.{name}.page")


@cache
def parts_of(name):
    return page_of(name).parts()


@cache
def draw(name):
    """Draw the figures of a page, once a build; the folder that they are in."""
    import matplotlib

    matplotlib.use("Agg")
    folder = DRAWN / name
    folder.mkdir(parents=True, exist_ok=True)
    page_of(name).draw(folder)
    return folder


def depend_on(env, name):
    """Let the page be written again when what measures it, what it measured, or what writes it changes."""
    for path in sorted((ROOT / "book" / "measured" / name).glob("*.*")):
        env.note_dependency(str(path))


class Measured(SphinxDirective):
    required_arguments = 2

    def run(self):
        name, part = self.arguments
        depend_on(self.env, name)
        known = parts_of(name)
        if part not in known:
            raise self.error(f"book/measured/{name} has no part {part!r}; it has {', '.join(sorted(known))}")
        container = nodes.Element()
        self.state.nested_parse(StringList(known[part].splitlines(), source=part), self.content_offset, container)
        return container.children


class MeasuredFigure(Figure):
    required_arguments = 2

    def run(self):
        name, figure = self.arguments
        depend_on(self.state.document.settings.env, name)
        path = draw(name) / f"{figure}.png"
        if not path.exists():
            raise self.error(f"book/measured/{name} draws no figure {figure!r}")
        self.arguments = ["/" + path.relative_to(ROOT).as_posix()]  # from the root of the book's sources
        return super().run()


def setup(app):
    app.add_directive("measured", Measured)
    app.add_directive("measured-figure", MeasuredFigure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
