"""The gates themselves: each must let a good notebook through and turn red on a bad one."""

import copy
import os
import subprocess
import sys

import nbformat
import pytest
import repository

from tests.helpers import gates
from tests.helpers.paths import ROOT

PATH = ROOT / "notebooks" / "99-example.ipynb"
URL = repository.repository_url()
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def markdown(words):
    return {"cell_type": "markdown", "metadata": {}, "source": words}


def code(source, count, outputs=(), **metadata):
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source,
    }


def stream(words, name="stdout"):
    return {"output_type": "stream", "name": name, "text": words}


def figure():
    return {"output_type": "display_data", "metadata": {}, "data": {"image/png": PIXEL, "text/plain": "<Figure>"}}


PREDICT = "**Predict.** What comes out?\n\n<details><summary>Answer</summary>\n\nTwo.\n\n</details>"
DESCRIBED = {
    "image": {"alt": "A curve that falls from one to zero."},
    "figure": {"caption": "The loss falls as the margin grows."},
}


@pytest.fixture
def good():
    """A small notebook that breaks no rule."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            markdown(f"# Example\n\n{repository.badge(URL, PATH.name)}\n\nSee [the end](#the-end)."),
            code(repository.setup_cell(URL), 1),
            markdown(PREDICT),
            code("print(1 + 1)", 2, [stream("2\n")], tags=["hide-output"]),
            markdown(PREDICT + "\n\n### Exercise 1: add"),
            code("plt.show()", 3, [figure()], mystnb=DESCRIBED),
            markdown(PREDICT + "\n\n### Exercise 2: subtract\n\n### Exercise 3: both"),
            markdown("## The end\n\n[A paper](https://arxiv.org/abs/2203.02155), [a page](../book/notation.md)."),
        ],
    }


@pytest.mark.parametrize("rule", gates.RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_passes(rule, good):
    assert rule(good, PATH) == []


def strip(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"], cell["outputs"] = None, []


def replace(cell, old, new):
    """A function that makes a notebook bad: in cell number `cell`, `old` becomes `new`."""

    def change(notebook):
        assert old in notebook["cells"][cell]["source"]
        notebook["cells"][cell]["source"] = notebook["cells"][cell]["source"].replace(old, new)

    return change


def add(*cells):
    return lambda notebook: notebook["cells"].extend(copy.deepcopy(cells))


def output(words, name="stdout"):
    return lambda notebook: notebook["cells"][3].update(outputs=[stream(words, name)])


def error(notebook):
    notebook["cells"][3]["outputs"] = [
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["ValueError: no"]}
    ]


def undescribed(key):
    def change(notebook):
        notebook["cells"][5]["metadata"] = {"mystnb": {k: v for k, v in DESCRIBED.items() if k != key}}

    return change


def html(words):
    return lambda notebook: notebook["cells"][3].update(
        outputs=[{"output_type": "display_data", "metadata": {}, "data": {"text/html": [words]}}]
    )


SHOWN = code("print(3)", 4, [stream("3\n")])
FOLDED = code("print(4)", 5, [stream("4\n")], tags=["hide-output"])
BAD = [
    ("stripped", gates.runs_in_order, strip, "execution counts are [None"),
    ("run out of order", gates.runs_in_order, lambda nb: nb["cells"][3].update(execution_count=7), "[1, 7, 3]"),
    ("stripped", gates.shows_output, strip, "no output is stored"),
    ("value not shown", gates.shows_output, add(code("x = 1\nx", 4)), "no output is stored"),
    ("broken code", gates.shows_output, add(code("print(", 4)), "not valid Python"),
    ("an error", gates.no_errors, error, "stores the error ValueError"),
    ("a warning", gates.no_errors, output("UserWarning: old", "stderr"), "standard error"),
    ("another setup", gates.has_setup_cell, replace(1, "--no-deps ", ""), "not the setup cell"),
    ("no code at all", gates.has_setup_cell, lambda nb: nb.update(cells=nb["cells"][:1]), "not the setup cell"),
    ("noisy setup", gates.has_setup_cell, lambda nb: nb["cells"][1].update(outputs=[stream("hi")]), "stores an output"),
    ("badge of another notebook", gates.has_badge, replace(0, "99-example", "01-preference-data"), "the badge"),
    ("badge of another repository", gates.has_badge, replace(0, "/github/", "/github/someone-"), "the badge"),
    ("two badges", gates.has_badge, add(markdown(repository.badge(URL, PATH.name))), "more than one"),
    ("no alt text", gates.figures_described, undescribed("image"), "without alt text"),
    ("no caption", gates.figures_described, undescribed("figure"), "without a caption"),
    ("a picture without words", gates.figures_described, add(markdown("![](../book/_static/logo.svg)")), "no alt text"),
    ("unknown site", gates.no_foreign_urls, add(markdown("[x](https://example.com/x)")), "example.com"),
    ("unknown site in code", gates.no_foreign_urls, add(code("u = 'http://example.com'", 4)), "example.com"),
    ("script in an output", gates.no_foreign_urls, html('<script src="https://huggingface.co/x.js">'), "is loaded"),
    ("foreign image", gates.no_foreign_urls, add(markdown("![a b c](https://huggingface.co/x.png)")), "is loaded"),
    ("path in an output", gates.no_machine_paths, output("saved to /home/ada/runs"), "/home/ada/runs"),
    ("path in code", gates.no_machine_paths, add(code("open('/content/data.csv')", 4)), "/content/data.csv"),
    ("Windows path", gates.no_machine_paths, output("C:\\Users\\ada"), "C:"),
    ("too large", gates.small_enough, output("x" * 600_000), "more than 500,000"),
    ("three in a row", gates.prose_between, add(code("1", 4), code("2", 5), code("3", 6)), "third code cell"),
    ("long cell", gates.short_cells, add(code("x = 1\n" * 31, 4)), "31 lines"),
    ("a role", gates.plain_markdown, add(markdown("as in {cite}`x`")), "{cite}"),
    ("a directive", gates.plain_markdown, add(markdown("```{note}\nhm\n```")), "{note}"),
    ("a colon fence", gates.plain_markdown, add(markdown(":::{tip}\nhm\n:::")), "{tip}"),
    ("a target", gates.plain_markdown, add(markdown("(here)=\n## Here")), "(here)="),
    ("few predictions", gates.asks_for_predictions, replace(2, "Predict", "Look"), "2 prediction prompts"),
    ("no answer", gates.asks_for_predictions, replace(2, "<details>", "<p>"), "2 prediction prompts"),
    ("an answer in sight", gates.folds_what_answers, lambda nb: nb["cells"][3]["metadata"].clear(), "not folded"),
    ("folded for no reason", gates.folds_what_answers, add(SHOWN, markdown("So."), FOLDED), "no Predict box"),
    ("few exercises", gates.has_exercises, replace(4, "### Exercise 1", "### Task 1"), "2 headings"),
    ("open details", gates.details_closed, replace(2, "</details>", ""), "unequally"),
    ("details without a gap", gates.details_closed, replace(2, "</summary>\n\n", "</summary>\n"), "empty line"),
    ("dead link", gates.links_resolve, replace(7, "notation.md", "nowhere.md"), "leads nowhere"),
    ("dead anchor", gates.links_resolve, replace(0, "#the-end", "#the-middle"), "#the-middle"),
    ("no title", gates.starts_with_title, replace(0, "# Example", "Example"), "0 first-level"),
    ("a number from nowhere", gates.numbers_are_backed, add(markdown("It rose to 12.5%.")), "12.5 in"),
    ("a number near one", gates.numbers_are_backed, add(code("x = 0.1249", 4), markdown("Above 12.6%.")), "12.6 in"),
    ("by hand, unchecked", gates.numbers_are_backed, add(markdown("By hand: 3.5 + 8.25 = 11.75")), "11.75 in"),
    ("two titles", gates.starts_with_title, replace(7, "## The end", "# The end"), "2 first-level"),
]


@pytest.mark.parametrize("rule, spoil, says", [case[1:] for case in BAD], ids=[f"{c[1].__name__}: {c[0]}" for c in BAD])
def test_a_bad_notebook_is_refused(rule, spoil, says, good):
    spoil(good)
    problems = rule(good, PATH)
    assert any(says in problem for problem in problems), problems


BACKED = {
    "printed": (markdown("It is 12.5."), code("print(x)", 4, [stream("12.4999\n")])),
    "a share": (markdown("It is 12.5%, or $12.5\\%$."), code("assert abs(x - 0.125) < 0.01", 4)),
    "thousands": (markdown("All 30,522, or $30{,}522$ of them."), code("assert n == 30_522", 4)),
    "cited": (markdown("It is 72.6 ([Ada 2022](https://arxiv.org/abs/2203.02155))."), markdown("Of those 72.6, few.")),
    "by hand": (markdown("By hand: 3.5 + 8.25 = 11.75."), code("assert abs(total - 3.5 - 8.25) < 1e-9", 4)),
    "small": (markdown("There are 9 of them; see `x = 77`."),),
    "a name": (markdown("Prompt law-092 and arXiv2022."),),
}


@pytest.mark.parametrize("cells", BACKED.values(), ids=BACKED)
def test_a_backed_number_is_accepted(cells, good):
    add(*cells)(good)
    assert gates.numbers_are_backed(good, PATH) == []


def test_every_rule_has_been_seen_to_fail():
    assert {case[1] for case in BAD} == set(gates.RULES)


def nbval(folder, *cells):
    """What pytest with nbval says of a notebook: its exit status and its output."""
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": list(cells)}
    (folder / "example.ipynb").write_text(nbformat.writes(nbformat.from_dict(notebook)), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=60", "-q"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    command += ["-p", "no:cacheprovider", "example.ipynb"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout


def result(words, count):
    return {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": {"text/plain": words}}


@pytest.mark.process
def test_nbval_compares_outputs(tmp_path):
    right = [code("x = 2", 1), code("print(x)", 2, [stream("2\n")]), code("x + 1", 3, [result("3", 3)])]
    assert nbval(tmp_path, *right)[0] == 0

    changed = copy.deepcopy(right)
    changed[1]["outputs"][0]["text"] = "5\n"
    status, said = nbval(tmp_path, *changed)
    assert status == 1 and "1 failed, 2 passed" in said


@pytest.mark.process
def test_nbval_refuses_errors_and_false_claims(tmp_path):
    status, said = nbval(tmp_path, code("assert 1 + 1 == 3", 1), code("1 / 0", 2))
    assert status == 1 and "2 failed" in said


@pytest.mark.process
def test_nbval_alone_would_miss_a_stripped_notebook(tmp_path):
    """Why `runs_in_order` exists: a cell without count and output passes whatever it prints."""
    status, said = nbval(tmp_path, code("print(2)", None))
    assert status == 0, said
