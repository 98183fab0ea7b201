"""The pages around the chapters: what they say of the chapters, of the package and of other people's work."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from bs4 import BeautifulSoup

from book._ext import course
from rmkit import cli, k_choose_2_loss
from rmkit.intervals import wilson
from tests.helpers.gates import prose, source
from tests.helpers.paths import ROOT

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
        number=7,
        title="A title",
        page="notebooks/07-title",
        reading=20,
        total=45,
        exercises={"7.1": 10, "7.2": 15},
        headings={"7.1": "Exercise 7.1: One", "7.2": "Exercise 7.2: Two"},
        predictions=("Up, or down?",),
    )
    assert course.facts(str(tmp_path)) == {"chapters": 1, "exercises": 2, "reading hours": 0, "hours": 1}
    for plan, minutes in [("7", 45), ("7 without exercises", 20), ("7 with 7.2", 35), ("7 with 7.1, 7.2", 45)]:
        assert course.minutes_of(plan, {7: chapter}) == minutes
    assert course.linked("7 with 7.1, 7.2", {7: chapter}) == "{chapter}`7 7` with {exercise}`7.1`, {exercise}`7.2`"
    assert course.linked("7", {7: chapter}, title=True) == "{chapter}`7 7. A title`"


@pytest.mark.parametrize(
    "parts, shares",
    [([1, 1], [50, 50]), ([1, 1, 1], [35, 35, 30]), ([520, 350, 580], [35, 25, 40]), ([1, 99], [0, 100])],
)
def test_weights_are_round_and_sum_to_a_hundred(parts, shares):
    assert course.weights(parts) == shares and sum(shares) == 100


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=lambda chapter: chapter.page)
def test_a_chapters_minutes_are_those_of_its_parts(chapter):
    assert chapter.total == chapter.reading + sum(chapter.exercises.values())


def estimate(notebook):
    """Minutes to read and run: one for 200 words, a code cell, a Predict box. Exercises, up to their solution, state
    theirs."""
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
def test_a_chapters_minutes_follow_the_rule_that_the_book_states(chapter):
    assert "a minute for 200 words, for a code cell and for a Predict box" in words("book/how-to-use")
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


def test_an_assignment_gets_twice_the_time_of_its_chapters():
    page, hours = words("book/for-teachers"), []
    for name, plan in [
        ("A, a data set of your field", [1, 6]),
        ("B, a bug for the museum", [9]),
        ("C, an attack and its price", [7, 8]),
    ]:
        hours.append(round(2 * sum(CHAPTERS[number].total for number in plan) / 60))
        assert f"{name} {' and '.join(map(str, plan))} {hours[-1]} " in page
    assert f"Together {sum(hours)} 100%" in page


# --- the exam


def questions():
    """{"2a": (text, model answer)} of the exam's page."""
    page = read("book/exam.md")
    found = re.findall(
        r"^\*\*(\d[a-z])\.\*\* (.+?)<details class=\"answer\">(.+?)</details>", page, re.MULTILINE | re.DOTALL
    )
    assert len(found) == page.count("<details") == len(re.findall(r"^\*\*\d[a-z]\.", page, re.MULTILINE))
    return {name: (text, answer) for name, text, answer in found}


def test_each_learning_goal_has_questions_and_exercises():
    goals = (
        re.search(r"^\| Goal .+?\n\n", read("book/for-teachers.md"), re.MULTILINE | re.DOTALL)[0]
        .strip()
        .splitlines()[2:]
    )
    sections = re.findall(r"^## (\d)\. .+\n\nFrom (.+)\.$", read("book/exam.md"), re.MULTILINE)
    assert [int(number) for number, _ in sections] == list(range(1, len(goals) + 1))
    for (number, chapters), goal in zip(sections, goals, strict=True):
        asked = [name for name in questions() if name.startswith(number)]
        assert re.search(rf"\[{asked[0]}(, | to ){asked[-1]}\]\(exam\.md#{number}-", goal), goal
        assert re.findall(r"`(\d+) ", chapters) == re.findall(r"\{chapter\}`(\d+) ", goal)
        for chapter, _ in re.findall(r"\{exercise\}`(\d+)\.(\d+)`", goal):
            assert f"`{chapter} " in chapters


@pytest.mark.parametrize("name", questions())
def test_a_question_says_what_earns_its_points(name):
    text, answer = questions()[name]
    points = int(re.search(r"\((\d) points\)", text)[1])
    earned = re.search(r"\*Points:\* (.+)\.\n", answer, re.DOTALL)[1].split(";")
    assert len(earned) == points in (3, 4)


def shares(*percent):
    return np.array(percent) / 100


def sigmoid(margin):
    return 1 / (1 + math.exp(-margin))


def test_the_model_answers_are_computed_right():
    said = {name: " ".join(answer.split()) for name, (_, answer) in questions().items()}
    losses = [-math.log(sigmoid(margin)) for margin in (0, 1, 1)]
    assert f"{losses[1]:.3f}$ and {losses[2]:.3f}, and their mean is {np.mean(losses):.3f}" in said["2b"]
    rewards = torch.tensor([0.5, 0.5, -0.5], requires_grad=True)
    k_choose_2_loss(rewards, [3]).backward()
    assert rewards.grad[1] > 0 and f"{1 - sigmoid(1):.3f}" in said["2b"]  # against its gradient: down
    assert f"15 of 18 pairs, {math.comb(6, 2) / (math.comb(6, 2) + math.comb(3, 2)):.0%}" in said["2c"]
    assert 1.96 * math.sqrt(0.61 * 0.39 / 150) == pytest.approx(0.08, abs=0.005) and "eight points" in said["4a"]
    a, b = shares(58, 63, 60, 65, 59), shares(62, 60, 64, 61, 63)
    assert f"{100 * a.mean():.0f} and {b.mean():.0%}" in said["4b"] and f"{100 * np.ptp(a):.0f}" == "7"
    assert 0.05 < 1.96 * math.sqrt(0.6 * 0.4 / 300) < 0.06 and "five or six points" in said["4b"]
    assert f"{wilson(864, 1200).low:.0%} {wilson(864, 1200).high:.0%}" == "69% 74%" and 864 / 1200 == 0.72
    assert f"{100 * (1 + math.sqrt(2 * 0.73 - 1)) / 2:.0f}\\%" in said["5a"]
    bold, right = sigmoid(math.log(9) / 2), sigmoid(math.log(1.5) / 2)
    assert f"a claim of {bold:.0%}" in said["5b"] and f"a claim of {right:.0%}" in said["5b"]
    assert f"{(abs(0.7 - bold) + abs(0.6 - right)) / 2:.2f}$" in said["5b"]
    gains = shares(-20, 20, 90) - shares(-40, 10, 60)
    reach = 1.96 * gains.std(ddof=1) / math.sqrt(3)
    assert f"from {gains.mean() - reach:.2f} to {gains.mean() + reach:.2f}" in said["6b"]
    highest = np.random.default_rng(0).standard_normal((20_000, 16)).max(axis=1).mean()
    assert f"about {highest:.1f} standard deviations" in said["7b"]
    assert f"{(4 * 1e9 + 12 * 1e7) / 1e9:.2f} GB" in said["9a"]
    seconds = 12 * 3e8 * 2e5 * 200 / 3e13
    assert (
        f"{seconds:,.0f} seconds, {seconds / 3600:.1f} hours" in said["9b"]
        and f"{seconds * 9 / 72:.0f} seconds" in said["9b"]
    )


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
