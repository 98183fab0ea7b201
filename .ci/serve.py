"""Shows the built book as GitHub Pages does: under the repository's name, compressed, with the book's own page for a
wrong address.

python .ci/serve.py [PORT]        make serve
"""

import gzip
import sys
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlparse

import repository

HTML = repository.ROOT / "_build" / "html"
COMPRESSED = ("text/", "application/javascript", "application/json", "application/wasm", "application/xml", "image/svg")


def sub_path(root=repository.ROOT):
    """Where the published book lies on its host, such as "/reward-models-book/"."""
    return urlparse(repository.addresses(repository.repository_url(root))["pages"]).path + "/"


class Pages(SimpleHTTPRequestHandler):
    """One folder of files under one path."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(self, *arguments, prefix, **options):
        self.prefix = prefix
        super().__init__(*arguments, **options)

    def do_GET(self):
        self.answer(with_body=True)

    def do_HEAD(self):
        self.answer(with_body=False)

    def answer(self, with_body):
        address = urlparse(self.path).path
        if address == "/":
            return self.redirect(self.prefix)
        # What lies outside the prefix is another site's: it gets the page for a wrong address, as does what is missing.
        path = (
            self.translate_path(address.removeprefix(self.prefix.rstrip("/")))
            if address.startswith(self.prefix)
            else ""
        )
        file = Path(path, "index.html") if path and Path(path).is_dir() else Path(path)
        if file.name == "index.html" and not address.endswith("/") and Path(path).is_dir():
            return self.redirect(address + "/")
        status = 200 if path and file.is_file() else 404
        if status == 404:
            file = Path(self.directory, "404.html")
        body = file.read_bytes() if file.is_file() else b"404: there is no such page\n"
        kind = self.guess_type(str(file)) if file.is_file() else "text/plain"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if kind.startswith(COMPRESSED) and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 6, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            with suppress(ConnectionError):  # the browser has gone on to another page
                self.wfile.write(body)

    def redirect(self, address):
        self.send_response(301)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def server(port=0, html=HTML, prefix=None):
    """A server of the folder `html` on this machine only; `port` 0 takes any free one."""
    handler = partial(Pages, directory=str(html), prefix=prefix or sub_path())
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


if __name__ == "__main__":
    if not (HTML / "index.html").is_file():
        sys.exit("There is no book yet: make book")
    port = sys.argv[1] if len(sys.argv) > 1 else "8000"
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        sys.exit(f"Port {port} is none: give a whole number from 1 to 65535, such as make serve PORT=8080")
    try:
        with server(int(port)) as site:
            print(f"http://127.0.0.1:{port}{sub_path()}   (Ctrl-C stops)", flush=True)
            site.serve_forever()
    except OSError as error:
        sys.exit(f"Port {port} cannot be used ({error.strerror}): make serve PORT=8080")
    except KeyboardInterrupt:
        pass
