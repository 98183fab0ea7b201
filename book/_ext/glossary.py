"""Links the first occurrence of each glossary term in a chapter to its definition, and brings the definition along.

The page shows it on hover, on keyboard focus and on a tap (book/_static/terms.js); a screen reader reads it as the
link's description. The notebooks stay as they are. Where a word is too common to be linked, the front matter of the
glossary says so: `not_linked: rank, step`.
"""

import re
from html import escape

from docutils import nodes
from sphinx import addnodes

GLOSSARY = "book/glossary"
NEVER_IN = (nodes.title, nodes.literal, nodes.literal_block, nodes.reference, nodes.math, nodes.math_block)
NEVER_IN += (nodes.caption, nodes.table, nodes.raw, nodes.footnote, addnodes.pending_xref)
FOLDED = re.compile(r"<(/?)details\b", re.IGNORECASE)


class glossary_link(nodes.Inline, nodes.TextElement):
    """A term in the text: `refuri` leads to the glossary, `key` names the definition."""


def visit_glossary_link(self, node):
    attributes = {"href": node["refuri"], "aria-describedby": f"definition-{node['key']}"}
    self.body.append(self.starttag(node, "a", "", **attributes))


def depart_glossary_link(self, node):
    self.body.append("</a>")


def read_glossary(app, env):
    """After reading: {term in lower case: (anchor, definition)} for every term that may be linked."""
    env.book_terms = {}
    if GLOSSARY in env.found_docs:
        ignored = env.metadata[GLOSSARY].get("not_linked", "")
        env.book_terms = collect(env.get_doctree(GLOSSARY), {word.strip() for word in ignored.split(",")})


def collect(doctree, ignored=frozenset()):
    """The terms of a page's glossaries. A definition is its first paragraph, as plain text."""
    terms = {}
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            words = next(item.findall(nodes.paragraph)).astext()
            names = [(node.astext(), node["ids"][0]) for node in item.findall(nodes.term)]
            anchor = names[0][1]  # several names of one thing share the first one's entry
            for name, _ in names:
                if name not in ignored:
                    terms[plain(name)] = (anchor, " ".join(words.split()))
    return terms


def plain(name):
    """As names are compared: in lower case, with one space and a straight apostrophe."""
    return " ".join(name.lower().replace("’", "'").split())


def pattern(terms):
    """Any of the terms as a whole word, with or without a plural s; of two that begin alike, the longer one."""
    names = [
        re.escape(name).replace(r"\ ", r"\s+").replace("'", "['’]") for name in sorted(terms, key=len, reverse=True)
    ]
    return re.compile(rf"(?<![\w-])(?:({'|'.join(names)})s?)(?![\w-])", re.IGNORECASE)


def link_terms(doctree, terms, address):
    """Put a link around the first occurrence of each term in the text of `doctree`; return the anchors that were
    linked."""
    linked = {}
    if not terms:
        return linked
    find = pattern(terms)
    join_lines(doctree)
    for text in list(running_text(doctree)):
        pieces, end = [], 0
        for match in find.finditer(text):
            anchor, definition = terms[plain(match[1])]
            if anchor in linked:
                continue
            linked[anchor] = definition
            pieces += [nodes.Text(text[end : match.start()])]
            pieces += [glossary_link("", match[0], refuri=f"{address}#{anchor}", key=anchor, classes=["term"])]
            end = match.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[end:])])
    return linked


def join_lines(doctree):
    """Make one text of neighbors: MyST has a node for each line, and a term may stand on two."""
    for parent in {id(text.parent): text.parent for text in doctree.findall(nodes.Text)}.values():
        for text in [child for child in parent.children if isinstance(child, nodes.Text)]:
            place = parent.index(text)
            if place and isinstance(parent[place - 1], nodes.Text):
                parent[place - 1] = nodes.Text(parent[place - 1] + text)
                del parent[place]


def running_text(doctree):
    """The text of paragraphs and list items, in order, but for what a reader has to unfold first."""
    depth = 0
    for node in doctree.findall(lambda node: isinstance(node, nodes.raw | nodes.Text)):
        if isinstance(node, nodes.raw):
            for closes in FOLDED.findall(node.astext()):
                depth += -1 if closes else 1
        elif depth == 0:
            above = list(ancestors(node))
            if any(isinstance(parent, nodes.paragraph) for parent in above) and not any(
                isinstance(parent, NEVER_IN) for parent in above
            ):
                yield node


def ancestors(node):
    while node.parent is not None:
        node = node.parent
        yield node


def link_chapter(app, doctree, docname):
    if docname.startswith("notebooks/") and app.builder.format == "html":
        doctree["definitions"] = link_terms(
            doctree, app.env.book_terms, app.builder.get_relative_uri(docname, GLOSSARY)
        )


def add_definitions(app, pagename, templatename, context, doctree):
    """The definitions of a page's terms at its end: not shown, but there for screen readers and for terms.js."""
    definitions = doctree.get("definitions") if doctree else None
    if definitions:
        lines = [f'<p id="definition-{anchor}">{escape(words)}</p>' for anchor, words in definitions.items()]
        context["body"] += f'<div class="definitions" hidden>{"".join(lines)}</div>\n'
        app.add_js_file("terms.js", type="module")


def setup(app):
    app.add_node(glossary_link, html=(visit_glossary_link, depart_glossary_link))
    app.connect("env-check-consistency", read_glossary)
    app.connect("doctree-resolved", link_chapter)
    app.connect("html-page-context", add_definitions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
