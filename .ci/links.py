"""The links of the built book that lead outside: which, on which pages, and whether they still lead somewhere.

python .ci/links.py --list     names them, with their pages; asks nobody
python .ci/links.py            make links: asks each address once, politely, and ends with 1 if one is dead

HEAD first, then GET where a server has no answer to that. An answer that only says "not to a program" (401, 403, 429,
999) is no dead link: it is listed for a person to open. A link into this repository or this book is left out: tests
check those.
"""

import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urldefrag, urlparse

import repository
from bs4 import BeautifulSoup

HTML = repository.ROOT / "_build" / "html"
TIMEOUT = 20  # seconds
AT_ONCE = 4
NOT_TO_PROGRAMS = {401, 403, 429, 999}
AGENT = {"User-Agent": "Mozilla/5.0 (link check of a course-book)"}


def outside(html=HTML, own=None):
    """{address: its pages} of the links in the articles and the feet of the pages, without what follows a #."""
    own = own or tuple(repository.addresses(repository.repository_url()).values())
    found = {}
    for path in sorted(html.rglob("*.html")):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for link in soup.select("main a[href]"):
            address = urldefrag(link["href"]).url
            if urlparse(address).scheme in ("http", "https") and not address.startswith(own):
                found.setdefault(address, set()).add(path.relative_to(html).as_posix())
    return {address: sorted(found[address]) for address in sorted(found)}


def ask(address, timeout=TIMEOUT):
    """What a link's server says: "good", "closed" (for programs) or "dead", and in which words."""
    said = ""
    for method in ("HEAD", "GET"):
        request = urllib.request.Request(address, headers=AGENT, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return "good", str(answer.status)
        except urllib.error.HTTPError as error:
            said = f"{error.code} {error.reason}"
            if error.code in NOT_TO_PROGRAMS:
                return "closed", said
        except (OSError, ValueError) as error:  # no such host, no answer in time, an address that is none
            said = str(getattr(error, "reason", error))
    return "dead", said


def main(arguments, html=HTML, own=None):
    """List or ask; the exit status."""
    if arguments not in ([], ["--list"]):
        print(f"links.py knows --list, or nothing, and not {' '.join(arguments)}")
        return 2
    links = outside(html, own)
    if "--list" in arguments:
        for address, pages in links.items():
            print(address, *pages, sep="\n    ")
        print(f"{len(links)} links lead outside.")
        return 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(links, pool.map(ask, links), strict=True))
    states = [state for state, _ in answers.values()]
    if links and "good" not in states and "closed" not in states:
        print(
            f"None of the {len(links)} outside links could be reached: there seems to be no network, so nothing is known of them."
        )
        return 1
    for wanted, words in [("closed", "open it yourself"), ("dead", "dead")]:
        for address, (state, said) in answers.items():
            if state == wanted:
                print(f"{words}: {address} ({said})", *links[address], sep="\n    ")
    print(
        ", ".join(f"{states.count(state)} {state}" for state in ("good", "closed", "dead")),
        f"of {len(links)} outside links.",
    )
    return int("dead" in states)


if __name__ == "__main__":
    if not Path(HTML, "index.html").is_file():
        sys.exit("There is no book yet: make book")
    sys.exit(main(sys.argv[1:]))
