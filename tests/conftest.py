"""What holds for every test: no network, no noise, names that are the same in every process, and the lane `make
check`."""

import os
import subprocess

import pytest

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
}

from tests.helpers.chromium import chromium, open_page, site  # noqa: F401 - fixtures

LANES = {"training", "process", "browser", "book", "slow"}  # markers of tests that `make check` leaves out


def pytest_addoption(parser):
    parser.addoption("--check", action="store_true", help="leave out what trains, starts a process, or needs the book")


def pytest_make_parametrize_id(config, val):
    """A function is called by its name, not by its address, which differs between the workers of pytest-xdist."""
    return val.__qualname__ if callable(val) and hasattr(val, "__qualname__") else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
    if config.getoption("--check"):
        left_out = [item for item in items if LANES & {mark.name for mark in item.iter_markers()}]
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def keep_to_the_lane(request, monkeypatch):
    """In `make check` a test that starts a process or trains, and is not marked so, fails with a sentence."""
    if not request.config.getoption("--check"):
        return
    start = subprocess.Popen.__init__

    def begin(self, command, *arguments, **options):
        if command[0] != "git":
            pytest.fail(f"this test starts {command[0]!r}: mark it with pytest.mark.process")
        start(self, command, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", begin)
    monkeypatch.setattr(
        "rmkit.training.Run.prepare",
        lambda run: pytest.fail("this test trains a model: mark it with pytest.mark.training"),
    )
