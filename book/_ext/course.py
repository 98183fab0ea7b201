"""What the chapters and CITATION.cff say, for the pages around them, so that no page repeats it by hand.

{chapter}`3`             a link to chapter 3; {chapter}`3 and its loss` with other words
{exercise}`3.1`          a link to exercise 3.1
{course}`reading hours`  a number: chapters, exercises, reading hours, hours
{chapters}               a directive: the chapters with their minutes, and one sentence each from its body
{syllabus}               a directive: a table of units with the minutes of their chapters and exercises
{assignments}            a directive: a table of assignments with hours and weights, from the minutes of their chapters
{questions}              a directive: *Predict* boxes, found by the chapter's number and some of their words
{citation}               a directive: CITATION.cff as BibTeX, or as plain text
{commands}               a directive: lines for a shell, in which REPOSITORY stands for the repository's address
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective, SphinxRole


@dataclass(frozen=True)
class Chapter:
    """One notebook, as its first screen and its exercises describe it."""

    number: int
    title: str
    page: str  # "notebooks/03-pairwise-loss"
    reading: int  # minutes to read and run
    total: int  # minutes, with all exercises
    exercises: dict  # {"3.1": minutes}
    headings: dict  # {"3.1": "Exercise 3.1: The loss of a batch of pairs"}
    predictions: tuple  # the texts of its Predict boxes


@cache
def chapters(root):
    """{number: Chapter} of the notebooks that _toc.yml lists."""
    toc = yaml.safe_load(Path(root, "_toc.yml").read_text(encoding="utf-8"))
    pages = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    found = [read_chapter(root, page) for page in pages if page.startswith("notebooks/")]
    return {chapter.number: chapter for chapter in found}


def read_chapter(root, page):
    notebook = json.loads(Path(root, f"{page}.ipynb").read_text(encoding="utf-8"))
    text = "\n\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    number, title = re.search(r"^# (\d+)\. (.+)$", text, re.MULTILINE).groups()
    reading, total = re.search(r"\*\*Time\*\*: (\d+) minutes to read and run, (\d+) with", text).groups()
    found = re.findall(r"^### (Exercise (\d+\.\d+):[^\n]*).*?^\| (\d+) minutes \|", text, re.MULTILINE | re.DOTALL)
    exercises = {name: int(time) for _, name, time in found}
    headings = {name: heading for heading, name, _ in found}
    predictions = tuple(
        " ".join(box.split()) for box in re.findall(r"^\*\*Predict\.\*\* (.+?)(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    )
    return Chapter(int(number), title, page, int(reading), int(total), exercises, headings, predictions)


def facts(root):
    """What {course} can say."""
    found = chapters(root).values()
    return {
        "chapters": len(found),
        "exercises": sum(len(chapter.exercises) for chapter in found),
        "reading hours": round(sum(chapter.reading for chapter in found) / 60),
        "hours": round(sum(chapter.total for chapter in found) / 60),
    }


class ChapterRole(SphinxRole):
    def run(self):
        number, _, words = self.text.partition(" ")
        chapter = chapters(self.env.srcdir)[int(number)]
        words = words or f"chapter {number}"
        options = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{chapter.page}", "refdoc": self.env.docname}
        link = addnodes.pending_xref("", nodes.inline(text=words), refexplicit=True, refwarn=True, **options)
        return [link], []


class ExerciseRole(SphinxRole):
    def run(self):
        chapter = chapters(self.env.srcdir)[int(self.text.split(".")[0])]
        page = self.env.app.builder.get_relative_uri(self.env.docname, chapter.page)
        address = f"{page}#{nodes.make_id(chapter.headings[self.text])}"
        return [nodes.reference("", self.text, internal=True, refuri=address)], []


class CourseRole(SphinxRole):
    def run(self):
        return [nodes.Text(str(facts(self.env.srcdir)[self.text]))], []


class Chapters(SphinxDirective):
    """A line of the body for each chapter: its number, a colon, and what one can do after it."""

    has_content = True

    def run(self):
        sentences = dict(re.findall(r"^(\d+): (.+)$", "\n".join(self.content), re.MULTILINE))
        found = chapters(self.env.srcdir)
        if [int(number) for number in sentences] != list(found):
            raise self.error(f"chapters: one line a chapter is needed, in order, for {', '.join(map(str, found))}")
        lines = []
        for chapter in found.values():
            minutes = f"{chapter.reading} min, {chapter.total} with exercises"
            lines += [f"{{chapter}}`{chapter.number} {chapter.number}. {chapter.title}` <span>{minutes}</span>"]
            lines += [f": {sentences[str(chapter.number)]}", ""]
        block = nodes.container(classes=["chapter-list"])
        block += self.parse_text_to_nodes("\n".join(lines))
        return [block]


class Syllabus(SphinxDirective):
    """A line of the body for each unit: `when | chapters | what for`. A chapter is `6` (with all exercises), `6 without
    exercises`, or `6 with 6.1, 6.2`; several are joined by `and`."""

    has_content = True

    def run(self):
        found, rows, together = chapters(self.env.srcdir), [], 0
        for line in self.content:
            when, plan, note = (part.strip() for part in line.split("|"))
            parts = plan.split(" and ") if plan else []
            minutes = sum(minutes_of(part, found) for part in parts)
            together += minutes
            names = [linked(part, found, title=True) for part in parts]
            rows.append(f"| {when} | {': '.join(filter(None, [', '.join(names), note]))} | {minutes or ''} |")
        head = ["| When | Chapters, and what for | Minutes |", "| --- | --- | --: |"]
        total = f"| **Together** | {together / 60:.0f} hours | **{together}** |"
        return self.parse_text_to_nodes("\n".join([*head, *rows, total]))


class Assignments(SphinxDirective):
    """A line of the body for each assignment: `name | chapters`, as in a syllabus. It gets twice the time of its
    chapters, and a weight in proportion."""

    has_content = True

    def run(self):
        found = chapters(self.env.srcdir)
        names, plans = zip(*([part.strip() for part in line.split("|")] for line in self.content), strict=True)
        minutes = [2 * sum(minutes_of(part, found) for part in plan.split(" and ")) for plan in plans]
        hours = [round(time / 60) for time in minutes]
        head = ["| Assignment | Builds on chapters | Hours | Weight |", "| --- | --- | --: | --: |"]
        rows = [
            f"| {name} | {' and '.join(linked(part, found) for part in plan.split(' and '))} | {time} | {weight}% |"
            for name, plan, time, weight in zip(names, plans, hours, weights(minutes), strict=True)
        ]
        total = f"| **Together** | | **{sum(hours)}** | **100%** |"
        return self.parse_text_to_nodes("\n".join([*head, *rows, total]))


def linked(plan, found, title=False):
    """The Markdown of a plan such as `6 with 6.1, 6.2`, with links to the chapter and the exercises."""
    number, *rest = plan.split(" ", 1)
    name = f"{number}. {found[int(number)].title}" if title else number
    exercises = re.sub(r"\d+\.\d+", r"{exercise}`\g<0>`", " ".join(rest))
    return f"{{chapter}}`{number} {name}` {exercises}".strip()


def weights(parts, step=5):
    """Whole percentages in proportion to `parts`, in steps of `step`, that sum to 100: the largest remainders are
    rounded up."""
    exact = [100 / step * part / sum(parts) for part in parts]
    whole = [int(share) for share in exact]
    order = sorted(range(len(parts)), key=lambda i: whole[i] - exact[i])
    for i in order[: 100 // step - sum(whole)]:
        whole[i] += 1
    return [step * share for share in whole]


def minutes_of(plan, found):
    """Of `6`, `6 without exercises` or `6 with 6.1, 6.2`, as the chapter and its exercises say."""
    number, _, rest = plan.strip().partition(" ")
    chapter = found[int(number)]
    if not rest:
        return chapter.total
    if rest == "without exercises":
        return chapter.reading
    return chapter.reading + sum(chapter.exercises[name] for name in rest.removeprefix("with ").split(", "))


class Questions(SphinxDirective):
    """A line of the body for each question: the chapter's number, a colon, and words that occur in one of its boxes."""

    has_content = True

    def run(self):
        lines = []
        for number, words in (line.split(": ", 1) for line in self.content):
            found = [box for box in chapters(self.env.srcdir)[int(number)].predictions if words in box]
            if len(found) != 1:
                raise self.error(f"questions: {len(found)} Predict boxes of chapter {number} hold {words!r}; one must")
            lines.append(f"- {found[0]} ({{chapter}}`{number}`)")
        return self.parse_text_to_nodes("\n".join(lines))


class Citation(SphinxDirective):
    required_arguments = 1  # bibtex or plain

    def run(self):
        path = Path(self.env.srcdir, "CITATION.cff")
        self.env.note_dependency(str(path))
        cited = yaml.safe_load(path.read_text(encoding="utf-8"))
        text = {"bibtex": bibtex, "plain": plain}[self.arguments[0]](cited, self.config.copyright)
        if self.arguments[0] == "plain":
            return [nodes.block_quote("", nodes.paragraph(text=text))]
        return [nodes.literal_block(text, text, language="bibtex")]


class Commands(SphinxDirective):
    has_content = True

    def run(self):
        text = "\n".join(self.content).replace("REPOSITORY", self.config.html_theme_options["repository_url"])
        return [nodes.literal_block(text, text, language="text")]


def bibtex(cited, year):
    """An entry that BibTeX and BibLaTeX read; braces keep the capitals, and the author's name in one piece."""
    fields = {
        "author": "{" + " and ".join(author["name"] for author in cited["authors"]) + "}",
        "title": "{" + cited["title"] + "}",
        "year": year,
        "note": f"Version {cited['version']}",
        "url": cited["url"],
    }
    key = re.sub(r"\W+", "-", cited["title"].lower())
    return "\n".join([f"@misc{{{key},", *(f"  {name} = {{{value}}}," for name, value in fields.items()), "}"])


def plain(cited, year):
    names = ", ".join(author["name"] for author in cited["authors"])
    return f"{names} ({year}). {cited['title']} (version {cited['version']}). {cited['url']}"


def setup(app):
    app.add_role("chapter", ChapterRole())
    app.add_role("exercise", ExerciseRole())
    app.add_role("course", CourseRole())
    app.add_directive("chapters", Chapters)
    app.add_directive("syllabus", Syllabus)
    app.add_directive("assignments", Assignments)
    app.add_directive("questions", Questions)
    app.add_directive("citation", Citation)
    app.add_directive("commands", Commands)
    app.connect("builder-inited", lambda app: chapters.cache_clear())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
