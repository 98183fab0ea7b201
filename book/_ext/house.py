"""What the book adds to its theme, and what it takes away: only what a page uses travels, and everything has a name.

book/_templates holds the frame of a page (head, sidebar, header, footer).
"""

import html
import json
import re
import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten
from urllib.parse import quote

from bs4 import BeautifulSoup
from docutils import nodes
from PIL import Image

MATHJAX = [
    "startup.js",
    "core.js",
    "input/tex-base.js",
    "input/tex/extensions/ams.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml.js",
]
# What the browser needs for a page, by what is on the page: (words in the names of files and scripts, in the page's
# body). None: never.
ASSETS = [
    (["thebe"], None),
    (["sbt-webpack", "documentation_options.pagename", "search_as_you_type"], None),
    (["mathjax"], 'class="math'),
    (["clipboard", "copybutton"], 'class="highlight'),
    (["togglebutton", "togglehint", "toggleopenonprint"], 'class="(?:[^"]* )?(?:toggle|dropdown)[ "]'),
    (["sphinx-design", "design-tabs"], 'class="[^"]*sd-'),
    (["mystnb"], 'class="cell'),
]
UNUSED = [
    "vendor",
    "locales",
    "scripts/bootstrap*",
    "scripts/fontawesome*",
    "**/*.map",
    "*thebe*",
    "webpack-macros.html",
]
UNUSED += [
    "sbt-webpack-macros.html",
    "images/logo_*",
    "styles/theme.css",
    "play-solid.svg",
    "file.png",
    "plus.png",
    "minus.png",
]

COUNTS = {}  # {page: {word's stem: how often}}, see count_words
SCROLLS = (
    "pst-scrollable-table-container"  # the theme lets the keyboard into such a box where it is wider than the page
)


def use_repository_url(app, config):
    """Derive from `repository.url` in _config.yml what would else be written a second time."""
    url = config.html_theme_options["repository_url"]
    owner, name = url.split("/")[-2:]
    config.html_baseurl = config.ogp_site_url = f"https://{owner.lower()}.github.io/{name}/"
    config.notfound_urls_prefix = f"/{name}/"
    colab = f"{config.html_theme_options['launch_buttons']['colab_url']}/github/{owner}/{name}"
    config.extlinks = {  # {repository}`README.md`, {colab}`words <notebooks/01-....ipynb>`, {issues}`words </new>`
        "repository": (f"{url}/blob/main/%s", "%s"),
        "colab": (f"{colab}/blob/main/%s", "%s"),
        "issues": (f"{url}/issues%s", "%s"),
    }


def describe(app, pagename, templatename, context, doctree):
    """Say what the page is about in its own first sentences, for search engines and for links shown elsewhere."""
    if doctree is None:
        return
    text = next((p.astext() for p in doctree.findall(nodes.paragraph) if len(p.astext()) > 50), context["title"])
    sentences = re.split(r"(?<=[.?!])\s+", " ".join(text.split()))
    words = ""
    for sentence in sentences:
        if len(words) >= 60 and len(words) + len(sentence) > 180:
            break
        words = f"{words} {sentence}".strip()
    words = html.escape(shorten(words, 200, placeholder=" …"))
    context["meta"] = (context["meta"] or {}) | {"og:description": words}
    context["metatags"] += f'<meta name="description" content="{words}" />\n'


def frame_page(app, pagename, templatename, context, doctree):
    """Give the templates of this page's frame the addresses that they link to."""
    if doctree is None:
        context["noindex"] = True
        return
    suffix = context["page_source_suffix"]
    context["house_source"] = app.config.extlinks["repository"][0] % f"{pagename}{suffix}"
    context["house_issue"] = app.config.extlinks["issues"][0] % f"/new?title={quote('On the page ' + pagename)}"
    if suffix == ".ipynb":
        context["house_colab"] = app.config.extlinks["colab"][0] % f"{pagename}{suffix}"


def keep_what_is_used(app, pagename, templatename, context, doctree):
    """Drop the scripts and styles that this page has no use for, and let the others wait for the page."""
    body = context.get("body", "")

    def is_used(asset):
        name = f"{asset.filename} {asset.attributes.get('body', '')}".lower()
        for words, needs in ASSETS:
            if any(word in name for word in words):
                return bool(needs and re.search(needs, body))
        return True

    context["script_files"] = [script for script in context["script_files"] if is_used(script)]
    context["css_files"] = [style for style in context["css_files"] if is_used(style)]
    if 'class="math' in body:
        context["preload"] = [f"_static/mathjax/{name}" for name in MATHJAX[1:]]
    for script in context["script_files"]:
        if script.filename:
            script.attributes["defer"] = "defer"


def improve_body(app, pagename, templatename, context, doctree):
    """Images that know their size and wait until they are near; wide tables that the keyboard can scroll; no empty
    headers; a keyboard that does not stop at every heading.
    """
    if "body" not in context:
        return
    soup = BeautifulSoup(context["body"], "html.parser")
    for badge in soup.select('p > a > img[src$="colab-badge.svg"]'):
        badge.find_parent("p").decompose()  # the page's header has the button
    pictures = {name: source for source, name in app.builder.images.items()}
    for n, image in enumerate(soup.find_all("img")):
        source = Path(app.srcdir, pictures.get(image["src"].split("/")[-1], ""))
        if source.suffix == ".png":
            with Image.open(source) as picture:
                image["width"], image["height"] = picture.size
        image["decoding"] = "async"
        if n:
            image["loading"] = "lazy"
    for table in soup.find_all("table"):
        if SCROLLS not in table.parent.get("class", []):
            table.wrap(soup.new_tag("div", attrs={"class": SCROLLS}))
    for formula in soup.select("div.math"):
        formula["class"] = [*formula["class"], SCROLLS]
    for strong in soup.select("p > strong:first-child"):
        if strong.get_text().startswith("Predict") and not strong.find_previous_sibling(string=True):
            strong.parent["class"] = "house-predict"
    listed = {link["href"] for link in BeautifulSoup(context.get("toc", ""), "html.parser").select("a")}
    for link in soup.select("a.headerlink"):
        if link.parent.name == "h1" or link["href"] in listed:
            link["tabindex"] = "-1"  # for "On this page" leads there too, and the page's own address to its title
    for summary in soup.select("details.hide > summary"):
        del summary["aria-label"]  # "Toggle hidden content": its own words say it better
    for header in soup.find_all("th"):
        if not header.get_text(strip=True):
            header.name = "td"
    for back in soup.select("a.viewcode-back"):
        page, name = back["href"].split("#")
        if name not in app.env.domains["py"].objects:  # documented under its module's name, not under the package's
            module = pagename.removeprefix("_modules/").replace("/", ".")
            back["href"] = f"{page}#{module}.{name.split('.', 1)[1]}"
    context["body"] = str(soup)


def count_words(app, doctree, docname):
    """How often each word stands on a page. Sphinx's index knows only whether it does, and so cannot rank pages by
    it."""
    language = app.builder.indexer.lang
    words = Counter(language.stem(word.lower()) for word in language.split(doctree.astext()))
    COUNTS[docname] = {word: n for word, n in words.items() if n > 2}


def finish(app, error):
    """Bring MathJax, make pictures small, remove the theme's files that no page loads, and make an entrance."""
    if error:
        return
    static = Path(app.outdir, "_static")
    mathjax = Path(find_spec("sphinx-mathjax-offline").submodule_search_locations[0], "static", "mathjax")
    for name in MATHJAX:
        (static / "mathjax" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(mathjax / name, static / "mathjax" / name)
    fonts = "output/chtml/fonts/woff-v2"
    shutil.copytree(mathjax / fonts, static / "mathjax" / fonts, dirs_exist_ok=True)

    counts = json.dumps(COUNTS, ensure_ascii=False, separators=(",", ":"))
    index = Path(app.outdir, "searchindex.js")
    index.write_text(f"const COUNTS = {counts};\n{index.read_text(encoding='utf-8')}", encoding="utf-8")

    for path in Path(app.outdir, "_images").glob("*.png"):
        with Image.open(path) as picture:
            smaller = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        smaller.save(path, optimize=True)

    for pattern in UNUSED:
        for path in static.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    theme = static / "styles" / "pydata-sphinx-theme.css"
    without_icon_font = re.sub(r"@font-face\{[^}]*Font Awesome[^}]*\}", "", theme.read_text(encoding="utf-8"))
    theme.write_text(without_icon_font, encoding="utf-8")

    landing = BeautifulSoup(Path(app.outdir, f"{app.config.root_doc}.html").read_text(encoding="utf-8"), "html.parser")
    head = "\n".join(map(str, landing.select("title, meta[property], meta[name=description], link[rel=canonical]")))
    Path(app.outdir, "index.html").write_text(
        f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="0; url={app.config.root_doc}.html">
{head}
<p><a href="{app.config.root_doc}.html">{app.config.project}</a></p>
</html>
""",
        encoding="utf-8",
    )
    Path(app.outdir, ".nojekyll").touch()  # or GitHub Pages would leave out every folder that begins with _


def setup(app):
    app.connect("config-inited", use_repository_url, priority=900)
    app.connect("doctree-resolved", count_words)
    app.connect("html-page-context", describe, priority=400)  # before sphinxext.opengraph
    app.connect("html-page-context", frame_page, priority=900)
    app.connect("html-page-context", keep_what_is_used, priority=900)
    app.connect("html-page-context", improve_body, priority=900)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
