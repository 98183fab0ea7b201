"""The committed notebooks: every rule of tests/helpers/gates.py for each. nbval runs them again: see `make test`."""

import json

import pytest

from tests.helpers import gates
from tests.helpers.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("rule", gates.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, rule):
    problems = rule(json.loads(path.read_text(encoding="utf-8")), path)
    assert not problems, "\n".join([f"{path.name}:", *problems])
