"""The parts of book/playground.md: the element itself, how good its model is, and what edits do to its rewards."""

import html
import json
import random

from book.measured.tables import ROOT, interval, load, share, table
from rmkit.attacks import ATTACKS
from rmkit.intervals import by_prompt, wilson
from rmkit.loading import load_rankings
from rmkit.model import RewardModel

BUILD = ROOT / "_build"

# Three from law and three from elsewhere, all from the test part; chosen for their topics, before the model had scored
# them.
EXAMPLES = {
    "law-139": "A bestseller, copied",
    "science-042": "Unemployment, up 2%",
    "law-130": "The vacuum cleaner salesman",
    "care-058": "An unremarkable X-ray",
    "law-088": "A lease in plain English",
    "advice-065": "Dinner at a colleague's",
}

# What the page asks the reader to try first, and which of the attacks of chapter 7 it is.
EDITS = {"longer": "padding", "politer": "flattery", "the question first": "echo"}

WITHOUT = """:::{note}
This copy of the book was built without the playground: Node.js 18 or newer, with npm, was not there, or could not
install what the playground runs on. Install it, run `make book` again, and the model will be on this page. The scores
below need none of this.
:::
"""

ELEMENT = """```{{raw}} html
<link rel="stylesheet" href="../playground/playground.css">
<script type="module" src="../playground/playground.js"></script>
<reward-playground data-bytes="{bytes}">
<noscript><p><strong>The playground needs JavaScript.</strong> The scores below, computed when this book was built, do
not.</p></noscript>
<p class="starting"><strong>The playground is starting.</strong> If it does not, its script could not be loaded. In a
book that was opened as a file it never can be: <code>make serve</code> shows the same book at an address. The scores
below need no script.</p>
<script type="application/json">{examples}</script>
</reward-playground>
```
"""


# --- the page


def element_page(examples, n_bytes):
    """The playground itself, or why it is not there."""
    if n_bytes is None:
        return WITHOUT
    shown = [
        {
            "title": title,
            "prompt": ranking.prompt,
            "answers": [ranking.responses[i] for i in order],
            "ranks": [ranking.ranks[i] for i in order],
        }
        for title, ranking, order in examples
    ]
    data = json.dumps({"examples": shown}, ensure_ascii=False).replace("<", "\\u003c")
    return ELEMENT.format(bytes=n_bytes, examples=data)


def in_any_order(data):
    """(title, ranking, order) for each example: the data has the best answer first, which would give it away."""
    by_id = {ranking.info["id"]: ranking for ranking in data}
    for name, title in EXAMPLES.items():
        order = list(range(len(by_id[name])))
        random.Random(name).shuffle(order)
        yield title, by_id[name], order


def scores_page(examples, model):
    """Every answer of the examples with its reward, folded, so that a reader can guess first."""
    parts = []
    for title, ranking, _ in examples:
        scored = zip(ranking.responses, ranking.ranks, model.score(ranking.prompt, ranking.responses), strict=True)
        rows = [
            f"<tr><td>{html.escape(response)}</td><td>{place(rank, ranking.ranks)}</td><td>{signed(reward)}</td></tr>"
            for response, rank, reward in sorted(scored, key=lambda row: -row[2])
        ]
        head = "<thead><tr><th>Answer, highest reward first</th><th>In the data</th><th>Reward</th></tr></thead>"
        parts.append(
            f"<details><summary>{html.escape(title)}</summary><p>{html.escape(ranking.prompt)}</p>"
            f'<table class="table">{head}<tbody>{"".join(rows)}</tbody></table></details>'
        )
    return "```{raw} html\n" + "\n".join(parts) + "\n```\n"


def place(rank, ranks):
    return ["best", "2nd", "3rd", *(f"{n}th" for n in range(4, 10))][rank] + (", tied" if ranks.count(rank) > 1 else "")


def signed(value):
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def accuracy_page(report):
    """How weak the model is."""
    accuracy = report["accuracy_by_prompt"]
    return (
        f"Of {accuracy['n']} pairs of answers to prompts that it had not seen, it put {share(accuracy['value'])} the right way round\n"
        f"(95% interval {interval(accuracy)}); a coin would get half.\n"
    )


def edits_page(data, model):
    """What each edit of the best answer does to its reward, over all prompts of `data`."""
    prompts, best = [ranking.prompt for ranking in data], [ranking.responses[0] for ranking in data]
    before = model.score(prompts, best)
    rows = []
    for name, attack in EDITS.items():
        edited = [ATTACKS[attack](prompt, response) for prompt, response in zip(prompts, best, strict=True)]
        changes = [after - reward for after, reward in zip(model.score(prompts, edited), before, strict=True)]
        raised = wilson(sum(change > 0 for change in changes), len(changes))
        mean = by_prompt(changes, prompts, span=(-2, 2))  # 2: what two rewards of a tanh can differ by
        means = f"{signed(mean.value)} ({signed(mean.low)} to {signed(mean.high)})"
        rows.append([name, f"{share(raised.value)} ({interval(raised.to_dict())})", means])
    how = (
        f"The best answers to the {len(data)} prompts of `course:test`, each changed by the function of chapter 7. In brackets "
        "95% intervals.\n\n"
    )
    return how + table(["The answer made", "the reward rises", "it changes by"], rows)


def download_bytes(site):
    """The bytes of what a browser loads, or None where Node was not there and the folder `site` is empty."""
    manifest = load(site / "manifest.json")
    return manifest and sum(file["bytes"] for file in manifest["download"].values())


def parts(build=BUILD):
    """The page's parts in Markdown, from the model that `make book` trained and rounded."""
    model, data = RewardModel.from_pretrained(build / "model"), load_rankings("course:test")
    examples = list(in_any_order(data))
    return {
        "accuracy": accuracy_page(load(build / "evaluation.json")),
        "element": element_page(examples, download_bytes(build / "site" / "playground")),
        "edits": edits_page(data, model),
        "scores": scores_page(examples, model),
    }
