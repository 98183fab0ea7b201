"""The parts and figures of a measured page, written to a folder as the book shows them."""

import re


def write(page, folder, *measured):
    """Write `page.parts(*measured)` and, where the page has figures, `page.draw(folder)` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in page.parts(*measured).items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    if hasattr(page, "draw"):
        page.draw(folder)


def shown(text):
    """The files of `write` that a page's source shows: {"how.md", "scoreboard.png", ...}."""
    directives = re.findall(r"```\{(measured|measured-figure)\} \w+ (\S+)", text)
    return {f"{name}.png" if kind == "measured-figure" else f"{name}.md" for kind, name in directives}
