"""Gathers what the page book/playground.md downloads, and writes the page's own parts: see the Makefile.

In:  _build/export (what `rmkit export` wrote), _build/node (the npm packages, if Node was there), book/_playground,
     _build/model and its _build/evaluation.json
Out: _build/site/playground: what a browser loads; empty if Node was not there
     _build/playground/{accuracy,element,edits,scores}.md: included by the page
"""

import gzip
import hashlib
import html
import json
import random
import shutil
from pathlib import Path

from data_card import interval, share, table

from rmkit.attacks import ATTACKS
from rmkit.files import write_json
from rmkit.intervals import by_prompt, wilson
from rmkit.loading import load_rankings
from rmkit.model import RewardModel

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = Path("node_modules", "onnxruntime-web", "dist")

# Three from law and three from elsewhere, all from the test part; chosen for their topics, before the model had scored them.
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
This copy of the book was built without the playground: Node.js 18 or newer, with npm, was not there, or could not install
what the playground runs on. Install it, run `make book` again, and the model will be on this page. The scores below need
none of this.
:::
"""

ELEMENT = """```{{raw}} html
<link rel="stylesheet" href="../playground/playground.css">
<script type="module" src="../playground/playground.js"></script>
<reward-playground data-bytes="{bytes}">
<noscript><p><strong>The playground needs JavaScript.</strong> The scores below, computed when this book was built, do
not.</p></noscript>
<p class="starting"><strong>The playground is starting.</strong> If it does not, its script could not be loaded. In a book
that was opened as a file it never can be: <code>make serve</code> shows the same book at an address. The scores below need
no script.</p>
<script type="application/json">{examples}</script>
</reward-playground>
```
"""


# --- what a browser loads


def gather(site, node, export, scripts):
    """Fill the folder `site`; the bytes of what the manifest names, or None if the npm packages are not there."""
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    if not (node / RUNTIME).is_dir():
        return None
    for path in [*scripts.glob("*.js"), *scripts.glob("*.css"), *scripts.glob("*.txt")]:
        shutil.copy(path, site)
    shutil.copy(node / RUNTIME / "ort.wasm.bundle.min.mjs", site / "ort.mjs")
    manifest = json.loads((export / "manifest.json").read_text(encoding="utf-8"))
    wasm = node / RUNTIME / "ort-wasm-simd-threaded.wasm"
    manifest["download"] = {
        "model.onnx.gz": pack(export / "model.onnx", site / "model.onnx.gz"),
        "vocab.txt.gz": pack(export / "vocab.txt", site / "vocab.txt.gz"),
        "ort.wasm.gz": pack(wasm, site / "ort.wasm.gz"),
    }
    write_json(site / "manifest.json", manifest)
    return sum(file["bytes"] for file in manifest["download"].values())


def pack(path, target):
    """Compress a file here, for not every host does, and those that do leave a model as it is."""
    contents = path.read_bytes()
    packed = gzip.compress(contents, mtime=0)
    target.write_bytes(packed)
    return {"bytes": len(packed), "unpacked": len(contents), "sha256": hashlib.sha256(contents).hexdigest()}


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


def main(build=ROOT / "_build", scripts=ROOT / "book" / "_playground"):
    n_bytes = gather(build / "site" / "playground", build / "node", build / "export", scripts)
    model, data = RewardModel.from_pretrained(build / "model"), load_rankings("course:test")
    examples = list(in_any_order(data))
    pages = {
        "accuracy": accuracy_page(json.loads((build / "evaluation.json").read_text(encoding="utf-8"))),
        "element": element_page(examples, n_bytes),
        "edits": edits_page(data, model),
        "scores": scores_page(examples, model),
    }
    folder = build / "playground"
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
