"""What `make book` gathers for the playground, and what its page says: book/measured/playground."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess

import pytest
from bs4 import BeautifulSoup

from book.measured.playground import gather
from book.measured.playground import page as playground_page
from rmkit.loading import load_rankings
from rmkit.rankings import Ranking, Rankings
from tests.helpers.paths import ROOT

SCRIPTS = ROOT / "book" / "_playground"


class LongerIsBetter:
    """Stands for a reward model: a hundredth a character, less one."""

    def score(self, prompt, responses):
        return [len(response) / 100 - 1 for response in responses]


@pytest.fixture
def folders(tmp_path):
    """Where the page's files come from, with small ones in their places."""
    node, export = tmp_path / "node", tmp_path / "export"
    for path, contents in {
        node / gather.RUNTIME / "ort.wasm.bundle.min.mjs": b"export {};",
        node / gather.RUNTIME / "ort-wasm-simd-threaded.wasm": b"\0asm" * 50,
        export / "model.onnx": b"weights" * 100,
        export / "vocab.txt": b"[PAD]\nlaw\n",
        export / "manifest.json": json.dumps({"format": 1, "max_length": 256}).encode(),
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    return tmp_path / "site" / "playground", node, export


@pytest.fixture(scope="module")
def examples():
    return list(playground_page.in_any_order(load_rankings("course:test")))


def test_the_manifest_names_what_a_browser_gets(folders):
    site, node, export = folders
    n_bytes = gather.gather(site, node, export, SCRIPTS)
    manifest = json.loads((site / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["max_length"] == 256
    assert n_bytes == sum((site / name).stat().st_size for name in manifest["download"])
    for name, said in manifest["download"].items():
        contents = gzip.decompress((site / name).read_bytes())
        assert said["bytes"] == (site / name).stat().st_size
        assert said["unpacked"] == len(contents)
        assert said["sha256"] == hashlib.sha256(contents).hexdigest()
    assert gzip.decompress((site / "vocab.txt.gz").read_bytes()) == (export / "vocab.txt").read_bytes()
    assert "MIT License" in (site / "LICENSES.txt").read_text(encoding="utf-8")


def test_every_module_that_the_page_loads_is_gathered(folders):
    site, node, export = folders
    gather.gather(site, node, export, SCRIPTS)
    found = {path.name for path in site.iterdir()}
    for path in [*site.glob("*.js"), *site.glob("*.css")]:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r'(?:from|import\() ?"\./([\w.-]+)"', text)) <= found, path.name
        assert not re.search(r"https?://", text), f"{path.name} names another site"
    linked = re.findall(r'(?:href|src)="\.\./playground/([\w.-]+)"', playground_page.ELEMENT)
    assert linked and set(linked) <= found


def test_without_node_the_folder_is_empty_and_the_page_says_why(folders, tmp_path, examples):
    site, _, export = folders
    site.mkdir(parents=True)
    (site / "ort.mjs").write_text("of an earlier build", encoding="utf-8")
    assert gather.gather(site, tmp_path / "nowhere", export, SCRIPTS) is None
    assert list(site.iterdir()) == []
    page = playground_page.element_page(examples, None)
    assert "built without the playground" in page and "Node.js 18" in page
    assert "<reward-playground" not in page


def test_the_element_holds_the_examples_and_does_not_give_their_order_away(examples):
    ranking = Ranking("A </script> in a prompt?", ["best", "good & fair", "bad"])
    page = playground_page.element_page([*examples, ("Another", ranking, [2, 0, 1])], 12_345)
    element = BeautifulSoup(page, "html.parser").find("reward-playground")
    assert element["data-bytes"] == "12345"
    assert "JavaScript" in element.noscript.get_text()
    *shown, last = json.loads(element.script.string)["examples"]
    assert last == {
        "title": "Another",
        "prompt": "A </script> in a prompt?",
        "answers": ["bad", "best", "good & fair"],
        "ranks": [2, 0, 1],
    }
    assert len(shown) == 6
    for example, (_, ranking, _) in zip(shown, examples, strict=True):
        assert example["prompt"] == ranking.prompt
        assert dict(zip(example["answers"], example["ranks"], strict=True)) == dict(
            zip(ranking.responses, ranking.ranks, strict=True)
        )
    assert [example["ranks"][0] for example in shown].count(0) < 3, "the best answer stands first too often"


def test_the_table_has_the_highest_reward_first():
    ranking = Ranking("Q?", ["<b>", "long answer", "mid"], [0, 1, 1])
    page = BeautifulSoup(playground_page.scores_page([("Title", ranking, [])], LongerIsBetter()), "html.parser")
    rows = [[cell.get_text() for cell in row.select("td")] for row in page.select("tbody tr")]
    assert rows == [
        ["long answer", "2nd, tied", "−0.890"],
        ["<b>", "best", "−0.970"],
        ["mid", "2nd, tied", "−0.970"],
    ]


@pytest.mark.process
def test_make_takes_node_when_it_comes_and_does_nothing_twice(tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ["sh", "make", "mkdir", "rm", "cp", "cat", "touch", "find", "grep"]:
        (programs / name).symlink_to(shutil.which(name))
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(SCRIPTS, tmp_path / "book" / "_playground")
    (tmp_path / "notebooks").mkdir()

    def make(says, packages):
        done = subprocess.run(
            ["make", "_build/node.done"], cwd=tmp_path, env={"PATH": str(programs)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert says in done.stdout if says else done.stdout == ""
        assert (tmp_path / "_build" / "node" / "node_modules").is_dir() == packages

    def install(name, script):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)

    missing = "Node.js 18 or newer, with npm, is not here"
    make(missing, packages=False)
    make("", packages=False)
    install("node", 'case "$1" in -e) exit 1;; esac; echo v16.0.0')  # too old: its own test of its version fails
    install("npm", '[ "$1" = ci ] || { echo 10.0.0; exit; }; echo "no network" >&2; exit 1')
    make("", packages=False)
    install("node", 'case "$1" in -e) exit 0;; esac; echo v20.0.0')
    make("npm could not install the playground's packages", packages=False)
    install("npm", '[ "$1" = ci ] || { echo 10.0.0; exit; }; mkdir _build/node/node_modules')
    make("", packages=True)
    make("", packages=True)


def test_the_page_says_how_weak_the_model_is():
    accuracy = {"value": 0.639, "low": 0.5966, "high": 0.6844, "n": 628}
    text = playground_page.accuracy_page({"accuracy_by_prompt": accuracy}).replace("\N{NO-BREAK SPACE}", " ")
    assert "Of 628 pairs" in text and "63.9%" in text and "59.7% to 68.4%" in text


def test_the_edits_are_measured():
    class Counts:
        """A point less for each question mark, so that only the echo, which has one more, costs anything."""

        def score(self, prompts, responses):
            return [-float(response.count("?")) for response in responses]

    data = Rankings([Ranking(f"Question {i}?", ["Yes.", "No."]) for i in range(30)])
    text = playground_page.edits_page(data, Counts()).replace("\N{NO-BREAK SPACE}", " ")
    rows = {row[1].strip(): row[2:] for row in (line.split("|") for line in text.splitlines() if line.startswith("|"))}
    assert rows["longer"][0].strip().startswith("0.0%") and rows["longer"][1].strip().startswith("+0.000")
    assert rows["the question first"][1].strip().startswith("−1.000")
    assert "30 prompts" in text
