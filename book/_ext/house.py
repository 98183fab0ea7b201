"""Small corrections to the rendered book."""

import shutil
from importlib.util import find_spec
from pathlib import Path


def use_repository_url(app, config):
    """Derive from `repository.url` in _config.yml what would else be written a second time."""
    url = config.html_theme_options["repository_url"]
    owner, name = url.split("/")[-2:]
    config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"
    config.extlinks = {"repository": (f"{url}/blob/main/%s", "%s")}  # {repository}`README.md`


def drop_thebe(app, pagename, templatename, context, doctree):
    """sphinx-thebe declares its constants twice on every page, which is an error in the browser; we do not use it."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body', '')}".lower()
    ]


def add_mathjax(app, error):
    """Copy MathJax from its package into the book: one script and its fonts, so that formulas need no other site."""
    if error:
        return
    source = Path(find_spec("sphinx-mathjax-offline").submodule_search_locations[0], "static", "mathjax")
    target = Path(app.outdir, "_static", "mathjax")
    fonts = "output/chtml/fonts/woff-v2"
    shutil.copytree(source / fonts, target / fonts, dirs_exist_ok=True)
    shutil.copy(source / "tex-chtml-full.js", target)


def setup(app):
    app.connect("config-inited", use_repository_url, priority=900)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", add_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
