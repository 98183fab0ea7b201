"""The page "Train on your own pairs": its file, its code and its commands are run, its table and its promises are
checked."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from rmkit import RewardModel, load_rankings
from rmkit.cli import main
from rmkit.containers import CONTAINERS
from rmkit.shapes import PUBLISHED, SHAPES
from tests.helpers.paths import ROOT, tracked

pytestmark = pytest.mark.process

PAGE = (ROOT / "book" / "own-pairs.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\S+)(?: text\n:class: wrap)?\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILE, CODE, COMMANDS, MESSAGE, INSTALL = (text for _, text in BLOCKS)
# Runs the page's Python where every connection is refused, and says so on standard error if one was tried.
WATCHED = """
import socket, sys
def refuse(*arguments, **options):
    print("a connection was tried:", *arguments[:2], file=sys.stderr)
    raise OSError("no connections here")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
exec(sys.stdin.read())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the page's file lies, and in which its Python and its commands have been run: (folder,
    printed)."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "pairs.csv").write_text(FILE, encoding="utf-8")
    command = [sys.executable, "-c", WATCHED]
    done = subprocess.run(command, input=CODE, cwd=folder, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    assert "connection" not in done.stderr, done.stderr
    return folder, done.stdout


def environment(path=ROOT):
    """This environment with rmkit from `path`, and free to connect: the page's Python has to refrain by itself."""
    return {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"} | {"PYTHONPATH": str(path)}


def commands():
    """Those of the page, each as a list of words."""
    return [shlex.split(line) for line in COMMANDS.replace("\\\n", " ").splitlines()]


def test_the_page_holds_these_blocks():
    assert [kind for kind, _ in BLOCKS] == ["{code-block}", "python", "text", "{code-block}", "{commands}"]
    assert len(CODE.splitlines()) <= 11


def test_the_file_is_read_as_it_stands(folder):
    data = load_rankings(folder[0] / "pairs.csv")
    assert len(data) == len(FILE.splitlines()) - 1 == len(set(data.prompts))
    assert data[0].info == {"judge": "Ana"} and not data.refused


def test_the_python_measures_and_saves(folder):
    out = folder[1]
    assert "1 pairs from 1 prompts" in out and "longest wins" in out and "0.693" in out
    ranked = RewardModel.from_pretrained(folder[0] / "runs" / "mine").rank(
        "What is a lease?", ["A paper.", "A rental contract."]
    )
    assert str(ranked[0][0]) in out.splitlines()[-1]


def test_the_commands_do_the_same(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder[0])
    assert [words[:2] for words in commands()] == [
        ["rmkit", name] for name in ("data", "data", "train", "evaluate", "rank")
    ]
    printed = []
    for words in commands():
        assert main(words[1:]) == 0, capsys.readouterr().err
        printed.append(capsys.readouterr().out)
    assert "6 rankings can be used, 0 rows refused" in printed[0]
    measured = [line for line in printed[3].splitlines() if re.match(r"accuracy  |log loss|Brier", line)]
    assert len(measured) == 3
    for line in measured:  # of the same model, on the same prompts
        assert line in folder[1]


def test_a_saved_model_holds_no_text(folder):
    texts = [text for row in load_rankings(folder[0] / "pairs.csv") for text in (row.prompt, *row.responses)]
    files = [path for path in (folder[0] / "runs").rglob("*") if path.is_file()]
    assert len(files) > 4
    for path in files:
        content = path.read_bytes().lower()
        assert not [text for text in texts if text.lower().encode() in content], path


def test_the_message_is_what_rmkit_says(tmp_path, monkeypatch, capsys):
    (tmp_path / "pairs.csv").write_text(FILE.replace('"Yes, always."', ""), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--data", "pairs.csv", "--output", "new"]) == 2
    assert capsys.readouterr().err == MESSAGE


def test_the_table_has_every_shape_and_its_columns():
    rows = dict(re.findall(r"^\| ([\w ]+) \| (`.+?) \| .+ \|$", PAGE, re.MULTILINE))
    assert rows.keys() == SHAPES.keys()
    for name, (needed, _) in SHAPES.items():
        assert tuple(re.findall(r"`(\w+)`", rows[name].partition(";")[0])) == needed


def test_every_kind_of_file_is_named_and_where_bad_rows_are_left_out():
    for ending in (*CONTAINERS, ".gz"):
        assert f"`{ending}`" in PAGE, ending
    sentence = re.search(r"For ([^.]+?), formats in\s+which others publish", PAGE)[1]
    assert set(re.split(r", | and ", " ".join(sentence.split()))) == set(PUBLISHED)


def test_what_pip_installs_is_the_whole_package(tmp_path):
    """From a copy of the tracked files, as `git clone` makes it; without the libraries, which are here."""
    *_, install = INSTALL.splitlines()
    command, wanted = shlex.split(install)[:2], shlex.split(install)[2]
    assert command == ["pip", "install"] and re.fullmatch(r"rmkit\[encoder\] @ git\+REPOSITORY", wanted)
    clone, target = tmp_path / "clone", tmp_path / "installed"
    for path in tracked():
        if path.parts[len(ROOT.parts)] in ("rmkit", "pyproject.toml", "README.md", "LICENSE"):
            copy = clone / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation"]
    wanted = wanted.replace("git+REPOSITORY", clone.as_uri())
    done = subprocess.run(
        [sys.executable, "-m", *command, *options, "--target", target, wanted], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    files = {path.relative_to(clone) for path in (clone / "rmkit").rglob("*") if path.suffix in (".py", ".jsonl")}
    assert files <= {path.relative_to(target) for path in target.rglob("*")}
    code = "import rmkit; print(rmkit.__file__, len(rmkit.load_rankings('course:test')))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment(target)
    )
    assert done.stdout.startswith(str(target)) and int(done.stdout.split()[1]) > 50, done.stderr
