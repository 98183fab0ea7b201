"""What a page of the built book weighs and how soon it shows: bytes as they travel (compressed, before any click) and
the first contentful paint, in the system's Chromium on the server of `make serve`, nothing cached.

python .ci/weigh.py [PAGE ...]        make weigh; without pages: the landing page, and the three heaviest
"""

import statistics
import sys
import threading
from collections import Counter

import serve
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(serve.repository.ROOT))
from tests.helpers.chromium import ARGUMENTS, CHROMIUM

RUNS = 5
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"


def weigh(browser, address):
    """Bytes by kind of file, number of requests, milliseconds to the first contentful paint: one visit, empty cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    kinds, bytes_of = {}, Counter()
    protocol.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))

    def finished(event):
        bytes_of[kinds.get(event["requestId"], "Other")] += int(event["encodedDataLength"])

    protocol.on("Network.loadingFinished", finished)
    page.goto(address, wait_until="networkidle")
    page.wait_for_function(
        "document.querySelectorAll('.math').length == document.querySelectorAll('mjx-container').length"
    )
    page.wait_for_timeout(500)  # the fonts of the formulas
    paint = page.evaluate(PAINT)
    context.close()
    return bytes_of, len(kinds), paint


def main(pages):
    """Print a row a page."""
    everything = [path.relative_to(serve.HTML).as_posix() for path in sorted(serve.HTML.rglob("*.html"))]
    books = [page for page in everything if page.startswith(("book/", "notebooks/"))]
    unknown = [page for page in pages if page not in everything]
    if unknown:
        sys.exit(f"{unknown[0]} is no page of the book; give a path such as book/index.html")
    with serve.server() as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        site = f"http://127.0.0.1:{server.server_port}{serve.sub_path()}"
        if not pages:
            weights = {page: weigh(browser, site + page)[0].total() for page in books}
            heaviest = sorted(weights, key=weights.get, reverse=True)
            pages = ["book/index.html", *[page for page in heaviest if page != "book/index.html"][:3]]
        print(f"{'page':38} {'kB':>6} {'requests':>8} {'paint, ms':>9}   kB by kind")
        for page in pages:
            visits = [weigh(browser, site + page) for _ in range(RUNS)]
            bytes_of, requests, _ = visits[0]
            paint = statistics.median(visit[2] for visit in visits)
            kinds = ", ".join(f"{kind.lower()} {size / 1000:.0f}" for kind, size in bytes_of.most_common())
            print(f"{page:38} {bytes_of.total() / 1000:6.0f} {requests:8} {paint:9.0f}   {kinds}")
        browser.close()
        server.shutdown()
    total = sum(path.stat().st_size for path in serve.HTML.rglob("*") if path.is_file())
    print(f"The whole site: {total / 1e6:.1f} MB in {sum(1 for _ in serve.HTML.rglob('*.html'))} pages.")


if __name__ == "__main__":
    if not (serve.HTML / "index.html").is_file():
        sys.exit("There is no book yet: make book")
    if not CHROMIUM:
        sys.exit("Chromium is not installed (Debian: apt-get install chromium), and a page is weighed in it.")
    main(sys.argv[1:])
