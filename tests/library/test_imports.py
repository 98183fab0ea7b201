"""Importing: nothing heavy before it is needed, and no module that takes a function's name."""

import json
import subprocess
import sys
from importlib import import_module

import pytest

import rmkit
from tests.helpers.paths import ROOT

HEAVY = ["torch", "scipy", "sklearn", "datasets", "pyarrow", "transformers", "accelerate", "matplotlib", "statsmodels"]
STEPS = {
    "import rmkit": ["numpy", *HEAVY],
    "rmkit.load_rankings('toy').describe()": ["numpy", *HEAVY],
    "import rmkit.measures, rmkit.intervals, rmkit.sketches, rmkit.encoders": HEAVY,
    "rmkit.load_tokenizer()('a text')": [name for name in HEAVY if name != "transformers"],
}


@pytest.fixture(scope="module")
def loaded():
    """The heavy packages that a fresh Python has loaded after each step."""
    lines = ["import json, sys", "loaded = {}"]
    for step in STEPS:
        lines += [step, f"loaded[{step!r}] = sorted({{'numpy', *{HEAVY}}} & set(sys.modules))"]
    lines += ["print(json.dumps(loaded))"]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("step", STEPS)
def test_what_is_not_needed_is_not_imported(loaded, step):
    assert not set(loaded[step]) & set(STEPS[step])


def test_no_module_has_the_name_of_a_public_name():
    modules = {path.stem for path in (ROOT / "rmkit").glob("*.py")}
    assert not modules & set(rmkit.__all__)


@pytest.mark.parametrize("name", rmkit.__all__)
def test_every_public_name_comes_from_the_module_that_defines_it(name):
    value = getattr(rmkit, name)
    assert value.__name__ == name
    assert getattr(import_module(value.__module__), name) is value


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'rewards'"):
        rmkit.rewards  # noqa: B018
