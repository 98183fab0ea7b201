"""The package's own source, shown folded in a notebook, so that the code on the page is the code that runs.

It imports nothing heavy, no plotting library and no torch.
"""

from __future__ import annotations

import html
import inspect
import textwrap
from pathlib import Path
from typing import Any

from rmkit.errors import InputError

PACKAGE = Path(__file__).parent.parent


class Revealed:
    """Source text with its address: folded and colored in a notebook, plain text anywhere else."""

    def __init__(self, title: str, source: str) -> None:
        self.title = title
        self.source = source

    def __repr__(self) -> str:
        return f"# {self.title}\n\n{self.source}"

    def _repr_html_(self) -> str:
        # Classes, not colors: the page decides what reads well, on white and in the dark.
        what = "Solution" if ": solution_" in self.title else "Source"
        return (
            f"<details><summary>{what} <code>{html.escape(self.title)}</code></summary>"
            f'<div class="highlight"><pre tabindex="0">{_colored(self.source)}</pre></div></details>'
        )


def reveal(obj: Any) -> Revealed:
    """Show the source of a function, class, method or module of `rmkit`, as this very installation runs it.

    In a notebook it is folded under a line that names the file; click to open. Elsewhere it prints as plain text.

    Raises:
        InputError: if `obj` is not from `rmkit`, or has no source of its own (a number, an instance).

    >>> from rmkit.errors import InputError
    >>> print(reveal(InputError))          # doctest: +ELLIPSIS
    # rmkit/errors.py: InputError
    <BLANKLINE>
    class InputError(ValueError):
        ...
    """
    obj = inspect.unwrap(obj) if callable(obj) else obj
    try:
        path = Path(inspect.getsourcefile(obj) or "").resolve()
        source = textwrap.dedent(inspect.getsource(obj)).rstrip()
        address = path.relative_to(PACKAGE.resolve().parent).as_posix()
        if not address.startswith(f"{PACKAGE.name}/"):
            raise ValueError
    except (TypeError, ValueError, OSError):
        raise InputError(
            f"reveal shows the source of what rmkit defines, got {_shorten(obj)}; give it a function, a class or a "
            "module of the package, such as rmkit.reveal(rmkit.load_rankings)"
        ) from None
    return Revealed(address if inspect.ismodule(obj) else f"{address}: {obj.__qualname__}", source)


def _colored(source: str) -> str:
    """Python source as HTML: in pygments' spans where pygments is installed, escaped where it is not."""
    try:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        return html.escape(source)
    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))


def _shorten(obj: Any) -> str:
    text = repr(obj)
    return text if len(text) <= 60 else f"{text[:60]}..."
