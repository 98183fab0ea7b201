"""The list of outside links, and the asking, against a server on this machine: no test leaves it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import links
import pytest

OWN = ("https://example.org/own",)
ASKED = []  # (method, path) of each request


class Server(BaseHTTPRequestHandler):
    """/good, /no-head (405 to HEAD), /closed (403), /busy (429), /moved (to /good); anything else is missing."""

    def answer(self):
        ASKED.append((self.command, self.path))
        status = {"/good": 200, "/closed": 403, "/busy": 429, "/moved": 302}.get(self.path, 404)
        if self.path == "/no-head":
            status = 405 if self.command == "HEAD" else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status == 302:
            self.send_header("Location", "/good")
        self.end_headers()

    do_HEAD = do_GET = answer

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    ASKED.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    "path, state, methods",
    [
        ("/good", "good", ["HEAD"]),
        ("/no-head", "good", ["HEAD", "GET"]),
        ("/closed", "closed", ["HEAD"]),
        ("/busy", "closed", ["HEAD"]),
        ("/missing", "dead", ["HEAD", "GET"]),
    ],
)
def test_asks_politely(server, path, state, methods):
    assert links.ask(server + path)[0] == state
    assert [method for method, _ in ASKED] == methods


def test_follows_an_address_that_moved(server):
    assert links.ask(f"{server}/moved")[0] == "good"
    assert ASKED[0] == ("HEAD", "/moved") and ASKED[1][1] == "/good"


def test_a_host_that_is_none_is_dead():
    state, said = links.ask("http://127.0.0.1:9/", timeout=1)
    assert state == "dead" and said


def book(folder, *addresses):
    """A book of two pages with these links."""
    anchors = "".join(f'<a href="{address}">x</a>' for address in addresses)
    for name in ["one.html", "part/two.html"]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(
            f"<nav><a href='https://nav.example'>x</a></nav><main>{anchors}</main>", encoding="utf-8"
        )
    return folder


def test_lists_what_leads_outside_with_its_pages(tmp_path):
    addresses = [
        "https://b.example/x#part",
        "https://a.example/",
        "other.html",
        "#here",
        "mailto:a@b.example",
        f"{OWN[0]}/x",
    ]
    both = ["one.html", "part/two.html"]
    assert links.outside(book(tmp_path, *addresses), OWN) == {"https://a.example/": both, "https://b.example/x": both}


def test_a_dead_link_fails_and_names_its_pages(tmp_path, server, capsys):
    assert links.main([], book(tmp_path, f"{server}/good", f"{server}/closed"), OWN) == 0
    said = capsys.readouterr().out
    assert f"open it yourself: {server}/closed (403" in said and "1 good, 1 closed, 0 dead of 2" in said
    assert links.main([], book(tmp_path, f"{server}/good", f"{server}/missing"), OWN) == 1
    said = capsys.readouterr().out
    assert f"dead: {server}/missing (404" in said and "part/two.html" in said


def test_without_a_network_it_says_so(tmp_path, capsys):
    assert links.main([], book(tmp_path, "http://127.0.0.1:9/"), OWN) == 1
    assert capsys.readouterr().out.startswith(
        "None of the 1 outside links could be reached: there seems to be no network"
    )


def test_listing_asks_nobody(tmp_path, server, capsys):
    assert links.main(["--list"], book(tmp_path, f"{server}/missing"), OWN) == 0
    assert "1 links lead outside." in capsys.readouterr().out and not ASKED


def test_an_option_that_it_does_not_know_asks_nobody(tmp_path, server, capsys):
    assert links.main(["--lst"], book(tmp_path, f"{server}/missing"), OWN) == 2
    assert "knows --list" in capsys.readouterr().out
