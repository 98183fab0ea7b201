"""The package as it is installed: every folder and data file is in it, and no name hides another."""

import subprocess
import sys
import tomllib
from pathlib import PurePath

import pytest

from tests.helpers.paths import ROOT, tracked

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
FILES = [path.relative_to(ROOT) for path in tracked() if path.is_relative_to(ROOT / "rmkit")]


def package_of(path):
    return ".".join(path.parent.parts)


def test_every_folder_is_a_package_that_is_installed():
    assert SETTINGS["packages"] == sorted({package_of(path) for path in FILES})
    assert all((ROOT / path.parent / "__init__.py").is_file() for path in FILES)


def test_every_data_file_is_installed():
    data = [path for path in FILES if path.suffix != ".py"]
    assert {path.suffix for path in data} >= {".css", ".js", ".jsonl", ".typed"}
    for path in data:
        patterns = SETTINGS["package-data"].get(package_of(path), [])
        assert any(PurePath(path.name).match(pattern) for pattern in patterns), path


def test_every_pattern_of_data_files_finds_one():
    for package, patterns in SETTINGS["package-data"].items():
        for pattern in patterns:
            assert any(package_of(path) == package and path.match(pattern) for path in FILES), f"{package}: {pattern}"


IMPORTS = """
import sys
import rmkit
loaded = {"torch", "transformers", "rmkit.onnx", "rmkit.course.source"} & set(sys.modules)
assert not loaded, f"import rmkit loads {loaded}"
import rmkit.onnx as o
import rmkit.course.source as s
assert o is sys.modules["rmkit.onnx"] and s is sys.modules["rmkit.course.source"]
assert rmkit.export is o.export and rmkit.round_weights is o.round_weights and rmkit.reveal is s.reveal
assert {"export", "reveal"} <= set(rmkit.__all__) <= set(dir(rmkit))
print(type(o).__name__, type(s).__name__, callable(rmkit.export), callable(rmkit.reveal))
"""


@pytest.mark.process
def test_a_function_and_its_module_do_not_hide_each_other():
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["module", "module", "True", "True"], done.stderr
