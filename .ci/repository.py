"""Writes the repository's address everywhere it is needed, from the one place where a person writes it: _config.yml.

python .ci/repository.py [URL]

With a URL, `repository.url` in _config.yml is changed first. Then the links to the repository in README.md,
CITATION.cff and pyproject.toml, and the badge and the setup cell of every notebook, are rewritten.
tests/house/test_house.py checks that all of them agree.
"""

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "main"
FILES_WITH_LINKS = ["README.md", "CITATION.cff", "pyproject.toml"]  # every GitHub, Colab or Pages link there is ours

ADDRESS = re.compile(r"https://github\.com/(?P<owner>[\w-]+)/(?P<name>[\w.-]+)")
LINKS = {
    "github": re.compile(r"https://github\.com/[\w-]+/[\w.-]+"),
    "colab": re.compile(r"https://colab\.research\.google\.com/github/[\w-]+/[\w.-]+"),
    "pages": re.compile(r"https://[\w-]+\.github\.io/[\w.-]+"),
}
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)")


def repository_url(root=ROOT):
    """The address that _config.yml gives."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


def addresses(url):
    """The repository on GitHub, in Colab and as a published book."""
    match = ADDRESS.fullmatch(url)
    if not match:
        raise ValueError(f"the repository's address must look like https://github.com/OWNER/NAME, got {url}")
    owner, name = match["owner"], match["name"]
    return {
        "github": url,
        "colab": f"https://colab.research.google.com/github/{owner}/{name}",
        "pages": f"https://{owner.lower()}.github.io/{name}",
    }


def badge(url, notebook):
    """The Markdown of the Colab badge. Its image is our own, so that the rendered book asks nothing of another site."""
    link = f"{addresses(url)['colab']}/blob/{BRANCH}/notebooks/{notebook}"
    return f"[![Open in Colab](../book/_static/colab-badge.svg)]({link})"


def setup_cell(url, root=ROOT):
    """The first code cell of every notebook."""
    return (root / ".ci" / "setup-cell.txt").read_text(encoding="utf-8").strip().replace("{repository}", url)


def rewrite_links(text, url):
    """`text` with every GitHub, Colab and Pages link pointing to the repository at `url`."""
    for kind, address in addresses(url).items():
        text = LINKS[kind].sub(address, text)
    return text


def rewrite_notebook(notebook, url, name, root=ROOT):
    """`notebook` (as read from JSON) with the canonical badge and setup cell, changed in place."""
    first = notebook["cells"][0]
    first["source"] = BADGE.sub(badge(url, name), "".join(first["source"])).splitlines(keepends=True)
    setup = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    setup["source"] = setup_cell(url, root).splitlines(keepends=True)


def main(root=ROOT, url=None):
    if url:
        addresses(url)  # refuse a bad one before anything is written
        config = root / "_config.yml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace(f"url: {repository_url(root)}", f"url: {url}"), encoding="utf-8")
    url = repository_url(root)
    for name in FILES_WITH_LINKS:
        path = root / name
        path.write_text(rewrite_links(path.read_text(encoding="utf-8"), url), encoding="utf-8")
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    for path in notebooks:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        rewrite_notebook(notebook, url, path.name, root)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{url}: written to {', '.join(FILES_WITH_LINKS)} and {len(notebooks)} notebook(s)")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    try:
        main(url=sys.argv[1].removesuffix(".git").rstrip("/") if len(sys.argv) == 2 else None)
    except ValueError as error:
        sys.exit(f"repository.py: {error}")
