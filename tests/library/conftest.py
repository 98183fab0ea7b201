"""Fixtures of the library's tests."""

import pytest

from tests.helpers.families import save_families


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """{family: folder of a tiny random encoder}."""
    return save_families(tmp_path_factory.mktemp)
