"""Every page of the book in Chromium."""

import pytest
from test_book import PAGES


@pytest.mark.parametrize("path", PAGES)
def test_opens_without_errors_and_without_another_site(open_page, path):
    page = open_page(f"{path}.html", wait_until="networkidle")
    assert page.locator("article h1").first.is_visible()
    assert page.problems == []
