"""The pages around the chapters: what they say of the chapters, of the package and of other people's work."""

import json
import re
from pathlib import Path

import course
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT
from gates import prose, source

from rmkit import cli

CHAPTERS = course.chapters(str(ROOT))
HTML = ROOT / "_build" / "html"


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def words(page):
    """The text of a built page."""
    article = BeautifulSoup(read(f"_build/html/{page}.html"), "html.parser").find("article")
    return " ".join(article.get_text(" ").split()).replace("’", "'")


def text_of(chapter):
    return prose(json.loads(read(f"{chapter.page}.ipynb")))


# --- minutes and titles


def test_a_chapter_is_read_from_its_notebook(tmp_path):
    cells = [
        "# 7. A title\n\n- **Time**: 20 minutes to read and run, 45 with the two exercises.",
        "### Exercise 7.1: One\n\n| Time | Difficulty | Why it matters |\n|---|---|---|\n| 10 minutes | 2 of 5 | It does. |",
        "**Predict.** Up, or\ndown?\n\n<details>",
        "### Exercise 7.2: Two\n\n| Time | Difficulty | Why it matters |\n|---|---|---|\n| 15 minutes | 3 of 5 | So. |",
    ]
    cells = [{"cell_type": "markdown", "source": cell.splitlines(keepends=True)} for cell in cells]
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "07-title.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    (tmp_path / "_toc.yml").write_text("parts:\n- chapters:\n  - file: notebooks/07-title\n", encoding="utf-8")
    chapter = course.chapters(str(tmp_path))[7]
    assert chapter == course.Chapter(
        7, "A title", "notebooks/07-title", 20, 45, {"7.1": 10, "7.2": 15}, ("Up, or down?",)
    )
    assert course.facts(str(tmp_path)) == {"chapters": 1, "exercises": 2, "reading hours": 0, "hours": 1}
    for plan, minutes in [("7", 45), ("7 without exercises", 20), ("7 with 7.2", 35), ("7 with 7.1, 7.2", 45)]:
        assert course.minutes_of(plan, {7: chapter}) == minutes


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=lambda chapter: chapter.page)
def test_a_chapters_minutes_are_those_of_its_parts(chapter):
    assert chapter.total == chapter.reading + sum(chapter.exercises.values())


def estimate(notebook):
    """Minutes to read and run: one for 200 words, a code cell, a Predict box. Exercises, up to their solution, state theirs."""
    minutes, inside = 0, False
    for cell in notebook["cells"]:
        text = source(cell)
        if cell["cell_type"] == "markdown":
            before, heading, _ = text.partition("### Exercise ")
            if not inside:
                text = re.sub(r"<[^>]*>|\]\([^)]*\)|\|", " ", before)
                minutes += len(text.split()) / 200 + before.count("**Predict.**")
            inside = inside or bool(heading)
        elif inside:
            inside = "reveal(solution_" not in text
        else:
            minutes += 1
    return minutes


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=lambda chapter: chapter.page)
def test_a_chapters_minutes_follow_the_rule_that_the_landing_page_states(chapter):
    assert "a minute for 200 words, for a code cell and for a Predict box" in words("book/index")
    minutes = estimate(json.loads(read(f"{chapter.page}.ipynb")))
    assert chapter.reading % 5 == 0 and abs(chapter.reading - minutes) <= 5, f"the rule says {minutes:.0f}"


def test_the_landing_page_lists_every_chapter_with_its_minutes():
    page = words("book/index")
    for chapter in CHAPTERS.values():
        title = f"{chapter.number}. {chapter.title} {chapter.reading} min, {chapter.total} with exercises"
        assert title in page
    hours = round(sum(chapter.total for chapter in CHAPTERS.values()) / 60)
    assert f"{len(CHAPTERS)} chapters" in page and f"about {hours} with all" in page


def test_the_readme_gives_the_chapters_minutes():
    rows = re.findall(r"^\| (\d+)\. .+ \| (\d+) \|$", read("README.md"), re.MULTILINE)
    assert {int(number): int(minutes) for number, minutes in rows} == {
        number: chapter.total for number, chapter in CHAPTERS.items()
    }


def test_no_page_types_the_minutes_again():
    for page in ("index", "for-teachers", "how-to-use"):
        assert not re.search(r"\b\d+ (minutes|hours)\b", read(f"book/{page}.md")), page


# --- for teachers


def printed(capsys, *command):
    cli.main(["data", *command])
    return capsys.readouterr().out


def block(page, command):
    """The lines that a page shows after `$ rmkit data ...`, without those that it leaves out."""
    shown = re.search(rf"^\$ rmkit data {command} .*\n((?:.+\n)+?)```", read(page), re.MULTILINE)[1]
    return [line for line in shown.splitlines() if line.strip() != "..."]


def test_the_page_shows_what_rmkit_says_of_the_example(capsys):
    output = printed(capsys, "describe", str(ROOT / "book" / "cooking.jsonl"))
    lines = block("book/for-teachers.md", "describe")
    assert len(lines) >= 4 and all(line in output for line in lines)
    assert read("book/cooking.jsonl").splitlines()[0] in read("book/for-teachers.md")


def test_the_page_shows_what_rmkit_says_of_a_wrong_order(capsys, tmp_path):
    """The draft had the last two responses of three rows the wrong way round."""
    rows = [json.loads(line) for line in read("book/cooking.jsonl").splitlines()]
    for number in (5, 9, 10):
        row = rows[number - 1]
        row["responses"][1:], row["ranks"] = row["responses"][:0:-1], [0, 2, 1]
    draft = tmp_path / "cooking.jsonl"
    draft.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    output = printed(capsys, "validate", str(draft))
    assert all(line in output for line in block("book/for-teachers.md", "validate"))


def test_the_exercises_that_teachers_are_pointed_to_exist():
    known = {name for chapter in CHAPTERS.values() for name in chapter.exercises}
    page = read("book/for-teachers.md")
    named = set(re.findall(r"(?<![\d.])(?:[1-9]|10)\.[1-9]\d?(?![\d.])", page))
    assert len(named) > 20 and named <= known, named - known


# --- citation


def test_the_citation_is_that_of_the_cff_file():
    cited = yaml.safe_load(read("CITATION.cff"))
    year = yaml.safe_load(read("_config.yml"))["copyright"]
    page = words("book/cite")
    for piece in [
        cited["title"],
        cited["version"],
        cited["url"],
        year,
        *(author["name"] for author in cited["authors"]),
    ]:
        assert page.count(piece) >= 2, piece  # in plain text and in BibTeX
    assert f"Copyright (c) {year}" in read("LICENSE")
    assert f"### {cited['version']}\n" in read("book/changelog.md")


def test_bibtex_by_hand():
    cited = {
        "title": "A Title: Two",
        "authors": [{"name": "The Authors"}],
        "version": "1.2",
        "url": "https://example.org/",
    }
    assert course.bibtex(cited, "2026") == (
        "@misc{a-title-two,\n  author = {{The Authors}},\n  title = {{A Title: Two}},\n  year = {2026},\n"
        "  note = {Version 1.2},\n  url = {https://example.org/},\n}"
    )
    assert course.plain(cited, "2026") == "The Authors (2026). A Title: Two (version 1.2). https://example.org/"


# --- references

WORK = re.compile(r"https://(?:arxiv\.org/abs|doi\.org|aclanthology\.org)/[^\s)\]\"]+")


def works(text):
    return {link.rstrip("/.,;") for link in WORK.findall(text)}


def test_every_work_is_used_and_every_work_that_is_used_is_listed():
    listed = works(read("book/references.md"))
    pages = [path for path in Path(ROOT, "book").glob("*.md") if path.name != "references.md"]
    used = works("\n".join([*map(text_of, CHAPTERS.values()), *(page.read_text(encoding="utf-8") for page in pages)]))
    assert len(listed) > 50
    assert listed == used


def test_works_are_listed_by_year():
    years = [int(year) for year in re.findall(r"^\| .+?\((\d{4})\)", read("book/references.md"), re.MULTILINE)]
    assert len(years) > 50 and years == sorted(years)


# --- notation


def symbols(text):
    """The letters that stand in a text's formulas, without the names of functions."""
    text = re.sub(r"(?s)```.*?```|`[^`]*`", "", text)
    formulas = " ".join(map("".join, re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", text, re.DOTALL)))
    formulas = re.sub(r"\\(?:text|operatorname|mathrm)\{[^}]*\}", "", formulas)
    greek = r"\\(?:alpha|beta|delta|Delta|eta|theta|lambda|sigma|tau|ell)(?![a-z])"
    return set(re.findall(rf"{greek}|(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])", formulas))


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=lambda chapter: str(chapter.number))
def test_every_symbol_of_a_chapter_is_in_the_notation(chapter):
    known = {"e"}  # the number
    for section in re.split(r"(?m)^## ", read("book/notation.md"))[1:]:
        if int(re.search(r"First used in chapter (\d+)", section)[1]) <= chapter.number:
            known |= symbols(section)
    assert symbols(text_of(chapter)) <= known
