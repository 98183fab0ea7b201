"""The built book in a real browser: Debian's Chromium, driven by Playwright, on the server that `make serve` uses.

Fixtures for test_browser_*.py.
"""

import os
import shutil
import threading

import pytest
import serve
from playwright.sync_api import sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]


@pytest.fixture(scope="session")
def site():
    """The address of the book, with its last slash."""
    assert (serve.HTML / "index.html").is_file(), "there is no book to test: run `make book` first, or `make test`"
    with serve.server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{serve.sub_path()}"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    """A running browser. Where there is none these tests are skipped, and say so; RMKIT_BROWSER=1 makes that a
    failure."""
    if not CHROMIUM:
        message = "Chromium is not installed (Debian: apt-get install chromium): the tests in a browser did not run"
        (pytest.fail if os.environ.get("RMKIT_BROWSER") == "1" else pytest.skip)(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, site):
    """open_page(path, **context options): a page of the book in a context of its own.

    The page's `problems` lists what must not happen: errors in the console, scripts that fail, requests to another
    site.
    """
    contexts = []

    def open_(path="", *, wait_until="load", **options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        watch(page, site)
        page.goto(site + path, wait_until=wait_until)
        return page

    yield open_
    for context in contexts:
        context.close()


def watch(page, site):
    """Keep in `page.problems` what must not happen."""
    page.problems = []
    page.on("console", lambda m: page.problems.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(f"script: {error}"))
    page.on("request", lambda r: page.problems.append(f"outside: {r.url}") if is_outside(r.url, site) else None)


def is_outside(url, site):
    """Whether a request leaves the book, also for another path on its own host."""
    return not url.startswith((site, "data:", "blob:"))
