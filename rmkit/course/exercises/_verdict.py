"""What a check says to a learner: as plain text in a terminal, with colour and a mark in a notebook and in the book."""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import dataclass

MARKS = {True: "✓", False: "✗"}
COLOURS = {True: "var(--rmkit-passed, #2a8f4d)", False: "var(--rmkit-failed, #d0571f)"}  # the book sets both, by theme
WIDTH = 78  # of a page, in characters


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check found. It prints as a mark and its message, and is true when the exercise is solved.

    A line of the message that begins with "- " is an item of a list. A notebook shows lists as lists and backticks as
    code.

    >>> verdict = Verdict(False, "Not yet: the pairs are the wrong way round.")
    >>> verdict, bool(verdict)
    (✗ Not yet: the pairs are the wrong way round., False)
    """

    passed: bool
    message: str

    def __repr__(self) -> str:
        lines = f"{MARKS[self.passed]} {self.message}".split("\n")
        return "\n".join(_wrapped(line) for line in lines)

    def _repr_html_(self) -> str:
        state, colour = ("passed" if self.passed else "failed"), COLOURS[self.passed]
        mark = f'<strong class="mark" style="color: {colour}">{MARKS[self.passed]}</strong>'
        style = f"border-left: 4px solid {colour}; padding: 0.2em 0.8em"
        return f'<div class="rmkit-verdict {state}" style="{style}">{mark} {_as_html(self.message)}</div>'

    def __bool__(self) -> bool:
        return self.passed


def _wrapped(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _as_html(message: str) -> str:
    """Escaped text, with backticks as <code>, a run of "- " lines as <ul>, and other line ends as <br>."""
    parts = []
    for is_list, lines in _runs(
        re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(message, quote=False)).split("\n")
    ):
        if is_list:
            parts.append("<ul>" + "".join(f"<li>{line.removeprefix('- ')}</li>" for line in lines) + "</ul>")
        else:
            parts.append("<br>".join(lines))
    return "".join(parts)


def _runs(lines: list[str]) -> list[tuple[bool, list[str]]]:
    runs: list[tuple[bool, list[str]]] = []
    for line in lines:
        is_item = line.startswith("- ")
        if not runs or runs[-1][0] != is_item:
            runs.append((is_item, []))
        runs[-1][1].append(line)
    return runs
