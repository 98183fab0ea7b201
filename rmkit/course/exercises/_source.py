"""What the source of a learner's function says about an error: the line where it stopped, and two classic slips."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any

# Methods that change what they belong to and return None; `np.append` and the like return something.
IN_PLACE = ("shuffle", "sort", "append", "extend", "insert", "reverse", "remove", "add", "update", "clear")
ARRAY_MODULES = ("np", "numpy", "torch")


def where_it_stopped(function: Callable, error: BaseException) -> str:
    """The learner's own line in which `error` was raised, as a sentence; "" where no line is known."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return ""
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [
        (frame_code, line)
        for frame_code, line in frames
        if frame_code.co_filename == code.co_filename and not frame_code.co_name.endswith("comp>")
    ]
    if not own:
        return ""
    stopped, line = own[-1]
    text = linecache.getline(stopped.co_filename, line).strip()
    number = line - stopped.co_firstlineno + 1
    name = "the function" if stopped.co_name == "<lambda>" else stopped.co_name
    failed = _failed_assert(stopped, number) if isinstance(error, AssertionError) else None
    if failed:
        return f"What failed is line {number} of {name}: `assert {failed}`"
    return f"It happened in line {number} of {name}" + (f": `{text}`" if text else ".")


def hint_of_none(function: Callable) -> str | None:
    """A sentence about `x = random.shuffle(x)` and its like, or None where the function has nothing of the kind."""
    for node in _nodes(function):
        if isinstance(node, ast.Assign | ast.Return | ast.AnnAssign | ast.NamedExpr) and _is_in_place(node.value):
            call = ast.unparse(node.value)
            what = ast.unparse(node.value.func)
            return (
                f"`{what}` returns None: it changes the list itself. Write `{call}` on a line of its own, and go on "
                "with the "
                "list."
            )
    return None


def hint_of_early_return(function: Callable) -> str | None:
    """A sentence about a `return` that ends a loop too soon, or None where there is no such `return`."""
    nodes = _nodes(function)
    loops = [node for node in nodes if isinstance(node, ast.For)]
    for loop in loops:
        skips = any(isinstance(node, ast.Continue) for node in ast.walk(loop))
        first = next((one for one in loop.body if isinstance(one, ast.Return)), None)
        if first and not skips:
            return (
                f"Look at the `return` in line {first.lineno}: it stands inside the `for`, so the loop ends in its first "
                "round. Indent it as far as the `for`, not further."
            )
    inside = {node for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Return)}
    if inside and inside == {node for node in nodes if isinstance(node, ast.Return)}:
        return (
            f"Look at the `return` in line {min(one.lineno for one in inside)}: it ends the loop at the first hit. "
            "Collect what you find in a list, and return the list after the loop."
        )
    return None


def uses_package(function: Callable) -> bool:
    """Whether a function names anything of this package's library; what the learner has defined does not count."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    inside = inspect.getclosurevars(function).nonlocals
    scope = {**function.__globals__, **{name: value for name, value in inside.items() if name in code.co_freevars}}
    return any(_is_ours(scope.get(name, name)) for name in (*global_names(function), *code.co_freevars))


def global_names(function: Callable) -> list[str]:
    """The names, of globals and attributes, that a function uses; its parameters are none of them."""
    code = getattr(function, "__code__", None)
    return [] if code is None else _names(code)


def _is_ours(value: Any) -> bool:
    if isinstance(value, str):  # a name without a global value: perhaps of a module that is imported inside
        return value.split(".")[0] == "rmkit"
    module = getattr(value, "__name__", "") if inspect.ismodule(value) else getattr(value, "__module__", None) or ""
    return module.split(".")[0] == "rmkit" and not module.startswith("rmkit.course")


def _names(code: CodeType) -> list[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [*code.co_names, *(name for part in inner for name in _names(part))]


def _is_in_place(node: ast.AST | None) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id == "shuffle"
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in IN_PLACE:
        return False
    return not (isinstance(node.func.value, ast.Name) and node.func.value.id in ARRAY_MODULES)


def _failed_assert(code: CodeType, line: int) -> str | None:
    for node in _nodes(code):
        if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or line):
            return ast.unparse(node.test)
    return None


def _nodes(function: Callable | CodeType) -> list[ast.AST]:
    """All nodes of a function's syntax tree, with lines counted from its first; none where there is no source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return []
    return list(ast.walk(tree))
