"""What must be true of every committed notebook, one function per rule.

Each takes a notebook (its JSON as dicts) and its path, and returns a list of problems in words; an empty list is a
pass. tests/book/test_notebooks.py applies them to every notebook, tests/house/test_gates.py to notebooks that are bad
on purpose.
"""

import ast
import json
import re
from urllib.parse import unquote, urlparse

import repository

FOREIGN_OK = {
    "arxiv.org",
    "doi.org",
    "aclanthology.org",
    "colab.research.google.com",
    "creativecommons.org",
    "docs.python.org",
    "github.com",
    "huggingface.co",
    "pytorch.org",
    "docs.pytorch.org",
    "pypi.org",
}
MOST_BYTES = 500_000
MOST_LINES = 30
IMAGES = ("image/png", "image/svg+xml", "image/jpeg", "image/gif")


def text(value):
    """A cell's source or an output's text, which JSON holds as one string or a list of lines."""
    return value if isinstance(value, str) else "".join(value or [])


def source(cell):
    return text(cell["source"])


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and source(cell).strip()]


def prose(notebook):
    return "\n\n".join(source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")


def headings(words):
    """The headings of a Markdown text, with their #s; a comment in a code block is none."""
    return re.findall(r"(?m)^#{1,6} .+$", re.sub(r"(?ms)^```.*?^```", "", words))


def output_texts(cell):
    """Every piece of text that a code cell's outputs hold."""
    for output in cell.get("outputs", []):
        yield text(output.get("text"))
        yield "\n".join(map(text, output.get("traceback", [])))
        for mime, data in output.get("data", {}).items():
            if not mime.startswith("image/") or mime == "image/svg+xml":
                yield text(data) if isinstance(data, str | list) else json.dumps(data)


def name(cell):
    """How a problem calls a cell: its first line."""
    return f"the cell that starts {(source(cell).strip().splitlines() or [''])[0][:60]!r}"


def runs_in_order(notebook, path):
    """Committed as 'restart and run all' leaves it: nbval compares nothing in a cell without an execution count."""
    counts = [cell.get("execution_count") for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        return [f"execution counts are {counts}, not 1 to {len(counts)}: run `make notebooks`"]
    return []


def shows_output(notebook, path):
    """A cell that prints, shows a figure or ends in a value has its output beside it."""
    problems = []
    for cell in code_cells(notebook):
        code = re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source(cell))
        try:
            tree = ast.parse(code)
        except SyntaxError:
            problems.append(f"{name(cell)} is not valid Python")
            continue
        calls = [node.value for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
        prints = any(ast.unparse(call.func) in ("print", "display", "plt.show") for call in calls)
        last = tree.body[-1] if tree.body else None
        value = (
            isinstance(last, ast.Expr)
            and not isinstance(last.value, ast.Call | ast.Constant)
            and not code.rstrip().endswith(";")
        )
        if (prints or value) and not cell.get("outputs"):
            problems.append(f"{name(cell)} shows something, but no output is stored")
    return problems


def no_errors(notebook, path):
    """No traceback and nothing on standard error."""
    problems = []
    for cell in code_cells(notebook):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                problems.append(f"{name(cell)} stores the error {output.get('ename')}")
            if output.get("name") == "stderr":
                problems.append(f"{name(cell)} stores output on standard error: {text(output['text'])[:60]!r}")
    return problems


def has_setup_cell(notebook, path):
    """The first code cell is the canonical one, and prints nothing where rmkit is installed."""
    cells = code_cells(notebook)
    if not cells or source(cells[0]).strip() != repository.setup_cell(repository.repository_url()):
        return ["the first code cell is not the setup cell of .ci/setup-cell.txt: run `make repository`"]
    return ["the setup cell stores an output"] if cells[0].get("outputs") else []


def has_badge(notebook, path):
    """The first cell carries the Colab badge, which opens this very notebook; there is no other badge."""
    expected = repository.badge(repository.repository_url(), path.name)
    first = notebook["cells"][0] if notebook["cells"] else {"source": ""}
    if expected not in source(first):
        return [f"the first cell does not hold the badge {expected}: run `make repository`"]
    return [] if len(repository.BADGE.findall(prose(notebook))) == 1 else ["there is more than one Colab badge"]


def figures_described(notebook, path):
    """Every image that a cell shows has alt text and a caption in the cell's metadata, each a sentence."""
    problems = []
    for cell in code_cells(notebook):
        if not any(mime in output.get("data", {}) for output in cell.get("outputs", []) for mime in IMAGES):
            continue
        settings = cell.get("metadata", {}).get("mystnb", {})
        for what, words in [
            ("alt text (mystnb: image: alt)", settings.get("image", {}).get("alt", "")),
            ("a caption (mystnb: figure: caption)", settings.get("figure", {}).get("caption", "")),
        ]:
            if len(words.split()) < 5:
                problems.append(f"{name(cell)} shows an image without {what} of at least five words")
    for alt in re.findall(r"!\[([^\]]*)\]\(", prose(notebook)):
        if not alt.strip():
            problems.append("an image in the text has no alt text")
    return problems


def no_foreign_urls(notebook, path):
    """Links lead to known places only, and no output loads anything from elsewhere."""
    everything = [source(cell) for cell in notebook["cells"]]
    everything += [words for cell in code_cells(notebook) for words in output_texts(cell)]
    hosts = {urlparse(url).hostname for words in everything for url in re.findall(r"https?://[^\s\"'<>)\\]+", words)}
    problems = [
        f"a link to {host}, which is not in FOREIGN_OK of tests/helpers/gates.py" for host in hosts - FOREIGN_OK
    ]
    loads = re.findall(r"!\[[^\]]*\]\((https?:[^)]*)\)", prose(notebook))
    for words in everything:
        loads += re.findall(r"<(?:img|script|link|iframe)[^>]*?(?:src|href)=[\"'](https?:[^\"']*)", words)
    return sorted(problems) + [f"{url} is loaded from another site" for url in loads]


def no_machine_paths(notebook, path):
    """Nothing stored tells where on whose machine it was run."""
    folders = "home|root|Users|tmp|work|content|mnt|opt|usr|private|var"
    pattern = re.compile(rf"(?<![\w.:/~-])(/(?:{folders})/[^\s'\"]*|[A-Z]:\\\\?\w+)")
    problems = []
    for cell in notebook["cells"]:
        for words in [source(cell), *output_texts(cell)]:
            problems += [f"{name(cell)} holds the path {found}" for found in pattern.findall(words)]
    return problems


def small_enough(notebook, path):
    size = len(json.dumps(notebook, ensure_ascii=False).encode())
    return [f"{size:,} bytes, more than {MOST_BYTES:,}"] if size > MOST_BYTES else []


def prose_between(notebook, path):
    """Never more than two code cells in a row."""
    problems, run = [], 0
    for cell in notebook["cells"]:
        run = run + 1 if cell["cell_type"] == "code" else 0
        if run == 3:
            problems.append(f"{name(cell)} is the third code cell in a row")
    return problems


def short_cells(notebook, path):
    lengths = [(cell, len(source(cell).splitlines())) for cell in code_cells(notebook)]
    return [f"{name(cell)} has {n} lines, more than {MOST_LINES}" for cell, n in lengths if n > MOST_LINES]


def plain_markdown(notebook, path):
    """No MyST roles or directives: Colab and GitHub show them raw."""
    words = re.sub(r"`[^`\n]*\{[^`\n]*`(?!`)", "", prose(notebook))  # `{...}` as inline code is fine
    roles = re.findall(r"\{[a-z][\w:-]*\}(?=`)", prose(notebook))
    directives = re.findall(r"(?m)^\s*(?:`{3,}|:{3,}|~{3,})\s*\{[\w:-]+\}", words)
    targets = re.findall(r"(?m)^\([\w-]+\)=\s*$", words)
    return [f"{found.strip()} is raw text in Colab" for found in roles + directives + targets]


def asks_for_predictions(notebook, path):
    """At least three cells that ask the reader to predict, each with its answer in <details>."""
    asked = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown" and "predict" in source(cell).lower() and "<details>" in source(cell)
    ]
    return [] if len(asked) >= 3 else [f"{len(asked)} prediction prompts with an answer in <details>, fewer than 3"]


def folds_what_answers(notebook, path):
    """What the cell after a Predict box shows is folded, or the answer would stand beside the question; nothing else
    is.

    A figure with sliders stays open, for the reader has to move it first. So may what stands at a distance.
    """
    problems, answers, cells = [], [], notebook["cells"]
    for position, cell in enumerate(cells):
        if cell["cell_type"] != "markdown" or "**Predict.**" not in source(cell):
            continue
        between, shown = source(cell).rpartition("</details>")[2], []
        for later in cells[position + 1 :]:
            if later["cell_type"] == "markdown":
                if shown:
                    break
                between += f" {source(later)}"
            elif later.get("outputs"):
                shown.append(later)
        answers += shown
        far = len(between.split()) > 60 or "### Exercise" in between
        moves = shown and any("text/html" in output.get("data", {}) for output in shown[0]["outputs"])
        if not (far or moves or any(folded(later) for later in shown)):
            asked = " ".join(source(cell).partition("**Predict.**")[2].split())
            problems.append(f"the output after {asked[:60]!r} is not folded (tag hide-output)")
    strangers = [cell for cell in code_cells(notebook) if folded(cell) and cell not in answers]
    return problems + [f"{name(cell)} is folded and answers no Predict box" for cell in strangers]


def folded(cell):
    return "hide-output" in cell.get("metadata", {}).get("tags", [])


def has_exercises(notebook, path):
    """At least three exercises: headings that start '### Exercise'."""
    found = re.findall(r"(?m)^### Exercise\b", prose(notebook))
    return [] if len(found) >= 3 else [f"{len(found)} headings '### Exercise ...', fewer than 3"]


def details_closed(notebook, path):
    """Every <details> is closed in its own cell, and set off by an empty line so that Markdown inside it renders."""
    problems = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        if source(cell).count("<details>") != source(cell).count("</details>"):
            problems.append(f"{name(cell)} opens and closes <details> unequally")
        if re.search(r"</summary>[^\n]*\n(?!\s*\n)", source(cell)):
            problems.append(f"{name(cell)} needs an empty line after </summary>")
    return problems


def links_resolve(notebook, path):
    """Links and images inside the repository lead to a file, and links to a heading to that heading."""
    words = prose(notebook)
    anchors = {re.sub(r"[^\w\s-]", "", head.lower()).strip().replace(" ", "-") for head in headings(words)}
    problems = []
    for target in re.findall(r"\]\(([^)\s]+)\)", words):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = unquote(target).partition("#")
        if file and not (path.parent / file).exists():
            problems.append(f"the link to {target} leads nowhere")
        elif not file and anchor.lower() not in anchors:
            problems.append(f"no heading for the link to #{anchor}")
    return problems


def starts_with_title(notebook, path):
    """One heading of the first level, in the first cell."""
    first = source(notebook["cells"][0]) if notebook["cells"] else ""
    titles = [head for head in headings(prose(notebook)) if head.startswith("# ")]
    return [] if len(titles) == 1 and titles[0] in first else [f"{len(titles)} first-level headings, or not in cell 1"]


def numbers(words):
    """The numbers of a text, "12,000" and `12_000` without their commas; none from names such as "law-092"."""
    plain = re.sub(r"(?<=\d)(?:,|_|\{,\})(?=\d{3}\b)", "", words)
    return re.findall(r"(?<![\w.,])(?<![A-Za-z]-)\d+(?:\.\d+)?(?!\w|\.\d)", plain)


def numbers_are_backed(notebook, path):
    """Every number that the text claims is printed, computed or asserted by a cell, or stands with a link to its
    source.

    Whole numbers below 10 are free, and so are the first cell (minutes, megabytes) and questions. A number is backed by
    an output, a code cell or a cited passage that holds it, or holds it with more digits; a percentage also by its
    share. An example worked "by hand" is backed by the assertion that follows it.
    """
    passages = []  # (passage, whether it is cited, the code that follows)
    for position, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "markdown" and position > 0:
            after = next((source(later) for later in notebook["cells"][position:] if later["cell_type"] == "code"), "")
            for passage in re.split(r"\n\s*\n|\n(?=\s*[-*] |\s*\d+\. )", source(cell)):
                passages.append((passage, "](http" in passage, after))
    shown = [source(cell) + "\n" + "\n".join(output_texts(cell)) for cell in code_cells(notebook)]
    shown += [passage for passage, cited, _ in passages if cited]
    known = {float(number) for words in shown for number in numbers(words)}
    problems = []
    for passage, cited, after in passages:
        by_hand = re.search(r"(?i)\bby hand\b", passage) and "assert" in after
        if cited or by_hand or passage.startswith("#") or "<summary>" in passage:
            continue
        words = re.sub(r"`[^`]*`|\]\([^)]*\)", " ", passage)  # code and addresses claim nothing
        for number in numbers(words):
            value, digits = float(number), len(number.partition(".")[2])
            scales = (1, 100) if re.search(rf"(?<![\d.]){re.escape(number)}\s?\\?%", words) else (1,)
            backed = any(round(scale * x, digits) == value for x in known for scale in scales)
            if not backed and (digits or value >= 10):
                problems.append(
                    f"{number} in {passage.strip()[:60]!r}: no cell shows it and no link says where it is from"
                )
    return problems


RULES = [
    runs_in_order,
    shows_output,
    no_errors,
    has_setup_cell,
    has_badge,
    figures_described,
    no_foreign_urls,
    no_machine_paths,
    small_enough,
    prose_between,
    short_cells,
    plain_markdown,
    asks_for_predictions,
    folds_what_answers,
    has_exercises,
    details_closed,
    links_resolve,
    starts_with_title,
    numbers_are_backed,
]
