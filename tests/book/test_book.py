"""The web book as `make book` built it in _build/html, and the build itself: a warning must stop it."""

import copy
import json
import re
import shutil
from urllib.parse import unquote, urlparse

import pytest
import repository
import serve
from bs4 import BeautifulSoup
from PIL import Image

from book.measured.model import page as model_page
from tests.helpers.paths import ROOT
from tests.helpers.site import HTML, PAGES, TOC, build

pytestmark = pytest.mark.book


@pytest.fixture(scope="module")
def pages():
    """{path: parsed page} of every page of the book."""
    assert HTML.is_dir(), "there is no book to test: run `make book` first, or `make test`, which does"
    files = [HTML / f"{page}.html" for page in PAGES]
    missing = [file for file in files if not file.exists()]
    assert not missing, f"not built: {missing}"
    return {file: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser") for file in files}


def source_title(page):
    """The first heading of a page's source."""
    if (ROOT / f"{page}.md").exists():
        text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
    else:
        text = "".join(json.loads((ROOT / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"][0]["source"])
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


def test_every_page_shows_its_title(pages):
    for page, soup in zip(PAGES, pages.values(), strict=True):
        heading = soup.find("h1").get_text().rstrip("#").strip()
        assert heading.endswith(source_title(page).replace("`", "").replace("'", "’")), page


def test_the_entrance_leads_to_the_first_page_and_says_what_it_is(pages):
    entrance = BeautifulSoup((HTML / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert entrance.find("meta", attrs={"http-equiv": "refresh"})["content"] == f"0; url={TOC['root']}.html"
    assert entrance.html["lang"] == "en" and entrance.find("a")["href"] == f"{TOC['root']}.html"
    assert entrance.select_one("meta[property='og:image']") and entrance.title.get_text()


def test_no_published_page_vanishes():
    published = (ROOT / "tests" / "book" / "published.txt").read_text(encoding="utf-8").split()
    gone = [path for path in published if not (HTML / path).is_file()]
    assert not gone, "these addresses were published: leave a page there that leads on to the new one"
    new = [f"{page}.html" for page in PAGES if f"{page}.html" not in published]
    assert not new, "add these addresses to tests/book/published.txt: from now on readers may link to them"


def test_links_and_anchors_lead_somewhere():
    files = sorted(HTML.rglob("*.html"))
    assert {HTML / "404.html", HTML / "search.html", HTML / "genindex.html", HTML / "_modules" / "index.html"} <= set(
        files
    )
    all_pages = {file: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser") for file in files}
    anchors = {file: {tag["id"] for tag in soup.find_all(id=True)} for file, soup in all_pages.items()}
    broken, root = [], serve.sub_path()
    for file, soup in all_pages.items():
        for tag, attribute in [("a", "href"), ("img", "src"), ("link", "href"), ("script", "src"), ("form", "action")]:
            for target in (element[attribute] for element in soup.find_all(tag, attrs={attribute: True})):
                url = urlparse(target)
                if url.scheme or url.netloc or target.startswith("#") and len(target) < 2:
                    continue
                to = (file.parent / unquote(url.path)).resolve() if url.path else file
                if url.path.startswith(root):  # only the page for a wrong address, which is shown at any depth
                    assert file.name == "404.html", f"{file.name}: {target} is no relative address"
                    to = HTML / unquote(url.path.removeprefix(root))
                elif file.name == "404.html" and url.path:
                    broken.append(f"404.html: {target} is a relative address")
                if not to.exists():
                    broken.append(f"{file.name}: {target}")
                elif url.fragment and to in anchors and unquote(url.fragment) not in anchors[to]:
                    broken.append(f"{file.name}: {target} has no such anchor")
    assert not broken


def test_every_page_says_what_it_is_where_it_is_linked(pages):
    own = repository.addresses(repository.repository_url())["pages"]
    described = set()
    for page, soup in zip(PAGES, pages.values(), strict=True):
        says = {tag.get("property") or tag.get("name"): tag["content"] for tag in soup.select("meta[content]")}
        assert soup.html["lang"] == "en"
        assert soup.select_one("link[rel=canonical]")["href"] == says["og:url"] == f"{own}/{page}.html"
        assert says["og:title"] == soup.find("h1").get_text().removesuffix("#").strip(), page
        assert says["og:image"] == f"{own}/_static/card.png" and len(says["og:image:alt"].split()) > 3
        assert says["twitter:card"] == "summary_large_image" and says["theme-color"]
        words = says["description"]
        assert words == says["og:description"] and 40 <= len(words) <= 200 and words[-1] in ".?!:…/", f"{page}: {words}"
        assert "Open in Colab" not in words and "\\" not in words, f"{page}: {words}"
        described.add(words)
    assert len(described) == len(PAGES), "two pages describe themselves in the same words"
    with Image.open(HTML / "_static" / "card.png") as card:
        assert card.size == (1200, 630)


def test_the_sitemap_lists_the_pages_and_no_others():
    own = repository.addresses(repository.repository_url())["pages"]
    listed = re.findall(r"<loc>(.+?)</loc>", (HTML / "sitemap.xml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(f"{own}/{page}.html" for page in PAGES)


def test_pictures_keep_their_place_and_come_when_they_are_near(pages):
    for file, soup in pages.items():
        pictures = soup.select("article img[src$='.png']")
        for picture in pictures:
            with Image.open(file.parent / picture["src"]) as image:
                assert (int(picture["width"]), int(picture["height"])) == image.size, f"{file.name}: {picture['src']}"
        assert all(picture.get("loading") == "lazy" for picture in soup.select("article img")[1:]), file.name


def test_source_and_mistakes_lead_to_this_page(pages):
    url = repository.repository_url()
    for page, soup in zip(PAGES, pages.values(), strict=True):
        source = next(f"{page}{suffix}" for suffix in (".md", ".ipynb") if (ROOT / f"{page}{suffix}").exists())
        assert (
            soup.select_one(".article-header-buttons a:-soup-contains('Source')")["href"] == f"{url}/blob/main/{source}"
        )
        assert page in soup.select_one("footer a:-soup-contains('mistake')")["href"], page


def test_the_host_is_told_to_publish_every_folder():
    assert (HTML / ".nojekyll").exists()


def test_every_image_has_alt_text_in_words(pages):
    for file, soup in pages.items():
        for image in soup.select("article img"):
            alt = image.get("alt", "")
            assert len(alt.split()) >= 3, f"{file.name}: {image.get('src')} has the alt text {alt!r}"
            assert not re.search(r"\.(png|svg|jpe?g)$|_images/", alt), f"{file.name}: {alt!r} is a file name"


def test_nothing_comes_from_another_site(pages):
    for file, soup in pages.items():
        loads = [
            tag.get("src") or tag.get("href") for tag in soup.select("script[src], img[src], link[rel=stylesheet]")
        ]
        foreign = {urlparse(url).hostname for url in loads if urlparse(url).netloc}
        assert not foreign, f"{file.name}: {foreign}"
        assert "THEBE_JS_URL" not in str(soup), file.name


def test_chapters_open_in_colab_and_nothing_else_does(pages):
    colab = repository.addresses(repository.repository_url())["colab"]
    for page, soup in zip(PAGES, pages.values(), strict=True):
        buttons = {a["href"] for a in soup.select(".article-header-buttons a[href*=colab]")}
        chapter = page.startswith("notebooks/")
        assert buttons == ({f"{colab}/blob/main/{page}.ipynb"} if chapter else set()), page


def test_no_markup_is_left_raw(pages):
    for file, soup in pages.items():
        article = copy.copy(soup.find("article"))
        for code in article.select("pre, code, script, .math"):
            code.decompose()
        words = article.get_text()
        assert not re.search(r"\{[a-z:]+\}`|:::|```|\]\(", words), file.name


def test_the_model_page_shows_the_model_that_was_trained(pages):
    words = pages[HTML / "book" / "model.html"].find("article").get_text(" ", strip=True)
    history = json.loads((ROOT / "_build" / "model" / "history.json").read_text(encoding="utf-8"))
    for epoch in history["epochs"]:
        assert f"{epoch['epoch']} {epoch['loss']:.3f}" in words
    assert history["epochs"][-1]["loss"] < history["epochs"][0]["loss"] < 0.72, "nothing was learned"  # a coin: 0.693
    measured = json.loads((ROOT / "_build" / "evaluation.json").read_text(encoding="utf-8"))
    rivals = [
        ("this model", measured["accuracy_by_prompt"]),
        ("model without the prompt", measured["baselines"]["prompt_blind"]),
    ]
    for name, one in rivals:
        assert f"{name} {one['value']:.1%} {one['low']:.1%} to {one['high']:.1%} {one['n']}" in words.replace(
            "\xa0", " "
        )
    learned = json.loads((ROOT / "book" / "measured" / "data_card" / "learnability.json").read_text(encoding="utf-8"))
    for one in (learned["accuracy"], learned["baselines"]["similarity"]):  # one seed is never shown alone
        assert f"{one['value']:.1%} {one['low']:.1%} to {one['high']:.1%}" in words.replace("\xa0", " ")
    rounding = json.loads((ROOT / "_build" / "rounding.json").read_text(encoding="utf-8"))
    assert 0 < rounding["mean"] < rounding["largest"] < rounding["spread"]
    for number in (f"{rounding['mean']:.4f}", f"{rounding['largest']:.4f}", f"{rounding['difference']['value']:+.2%}"):
        assert number in words
    for command in model_page.COMMANDS:
        assert command in words
        assert command in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line, says",
    [
        ("", None),
        ("[nowhere](nowhere.md)", "nowhere"),
        ("{meth}`unknown.thing`", "unknown.thing"),
        ("```{figure} missing.svg\n```", "missing.svg"),
    ],
    ids=["a good page", "a dead link", "an unknown name", "a missing figure"],
)
def test_a_warning_stops_the_build(tmp_path, line, says):
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "book" / "_static", tmp_path / "book" / "_static")
    shutil.copytree(ROOT / "book" / "_templates", tmp_path / "book" / "_templates")
    shutil.copytree(ROOT / "book" / "_ext", tmp_path / "book" / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "_build" / "site").mkdir(parents=True)
    toc = "format: jb-book\nroot: page\nchapters:\n  - file: other\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    (tmp_path / "other.md").write_text("# Another page\n", encoding="utf-8")
    (tmp_path / "page.md").write_text(f"# A page\n\n{line}\n", encoding="utf-8")
    status, said = build(tmp_path)
    assert (status == 0) == (says is None), said
    assert says is None or says in said
