"""The preview behaves as GitHub Pages does: under the book's path, compressed, with the book's own page for a wrong
address."""

import gzip
import http.client
import socket
import subprocess
import sys
import threading

import pytest
import serve

from tests.helpers.paths import ROOT

FILES = {
    "index.html": b"<p>entrance</p>",
    "404.html": b"<p>no such page</p>",
    "part/index.html": b"<p>part</p>",
    "part/page.html": b"<p>page</p>",
    "empty/note.txt": b"note",
    "worker.mjs": b"export {}",
    "model.wasm": b"\0asm",
    "picture.png": b"\x89PNG",
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """ask(path, method, compressed): status, headers, body from a book of a few files under /book/."""
    folder = tmp_path_factory.mktemp("site") / "html"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder.parent / "secret.txt").write_text("secret", encoding="utf-8")
    with serve.server(html=folder, prefix="/book/") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def ask(path, method="GET", compressed=False):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.request(method, path, headers={"Accept-Encoding": "gzip"} if compressed else {})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, dict(answer.getheaders()), body

        yield ask
        server.shutdown()


@pytest.mark.parametrize("path, name", [("/book/", "index.html"), ("/book/part/", "part/index.html"), ("/book/part/page.html", "part/page.html"), ("/book/part/page.html?a=1", "part/page.html")])  # fmt: skip
def test_shows_a_file(ask, path, name):
    status, _, body = ask(path)
    assert (status, body) == (200, FILES[name])


@pytest.mark.parametrize("path", ["/book/none.html", "/book/part/deep/none.html", "/book/empty/", "/other/page.html", "/favicon.ico", "/bookish/", "/book"])  # fmt: skip
def test_a_wrong_address_shows_the_books_own_page(ask, path):
    status, headers, body = ask(path)
    assert (status, body) == (404, FILES["404.html"])
    assert headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/book/../secret.txt", "/book/%2e%2e/secret.txt", "/book/part/../../../secret.txt", "/book//../secret.txt"])  # fmt: skip
def test_nothing_outside_the_folder_is_shown(ask, path):
    status, _, body = ask(path)
    assert status == 404 and b"secret" not in body


@pytest.mark.parametrize("path, to", [("/", "/book/"), ("/book/part", "/book/part/")])
def test_leads_on(ask, path, to):
    status, headers, _ = ask(path)
    assert (status, headers["Location"]) == (301, to)


@pytest.mark.parametrize("name, kind", [("worker.mjs", "text/javascript"), ("model.wasm", "application/wasm"), ("picture.png", "image/png")])  # fmt: skip
def test_a_browser_is_told_what_a_file_is(ask, name, kind):
    assert ask(f"/book/{name}")[1]["Content-Type"] == kind


def test_compresses_what_gains_from_it_and_only_if_asked(ask):
    status, headers, body = ask("/book/part/page.html", compressed=True)
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert gzip.decompress(body) == FILES["part/page.html"] and int(headers["Content-Length"]) == len(body)
    assert "Content-Encoding" not in ask("/book/part/page.html")[1]
    assert "Content-Encoding" not in ask("/book/picture.png", compressed=True)[1]


def test_a_head_has_the_same_headers_and_no_body(ask):
    status, headers, body = ask("/book/part/page.html", method="HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(FILES["part/page.html"])))
    assert ask("/book/none.html", method="HEAD")[0] == 404


def test_a_browser_that_goes_away_is_no_error():
    class Gone:
        def write(self, body):
            raise BrokenPipeError

    handler = object.__new__(serve.Pages)
    handler.__dict__ |= {"path": "/book/", "prefix": "/book/", "directory": str(ROOT), "headers": {}, "wfile": Gone()}
    handler.send_response = handler.send_header = lambda *arguments: None
    handler.end_headers = lambda: None
    handler.do_GET()


@pytest.mark.process
def test_says_when_the_port_is_taken():
    if not (serve.HTML / "index.html").is_file():
        pytest.skip("there is no book yet")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, str(ROOT / ".ci" / "serve.py"), port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} cannot be used (") and "make serve PORT=" in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("port", ["abc", "-1", "99999"])
def test_says_when_the_port_is_none(port):
    if not (serve.HTML / "index.html").is_file():
        pytest.skip("there is no book yet")
    command = [sys.executable, str(ROOT / ".ci" / "serve.py"), port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"Port {port} is none: give a whole number from 1 to 65535")


def test_the_path_is_the_repositorys_name(tmp_path):
    (tmp_path / "_config.yml").write_text(
        "repository:\n  url: https://github.com/Some-One/a.course\n", encoding="utf-8"
    )
    assert serve.sub_path(tmp_path) == "/a.course/"
