"""A file of any size: each row once and in order, whatever is in it and whenever the program is killed."""

import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from transformers import BertConfig

from rmkit import partial, scoring
from rmkit.encoders import load_tokenizer
from rmkit.errors import InputError
from rmkit.model import RewardConfig, RewardModel
from rmkit.scoring import score_file
from tests.helpers.rows import FAR, NEAR, ROWS, SUN, TURNS, WRITERS

ROOT = Path(__file__).parents[2]


def tiny(folder, seed=0):
    """An encoder of one layer, random: what it says means nothing, but it says it quickly."""
    torch.manual_seed(seed)
    tokenizer = load_tokenizer()
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    encoder = BertConfig(vocab_size=len(tokenizer), initializer_range=0.5, **sizes)
    model = RewardModel(RewardConfig(encoder=encoder.to_dict(), text_length=64))
    model.tokenizer = tokenizer
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(folder):
    return RewardModel.from_pretrained(folder)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(scoring, "ROWS", 7)


def answers(n, seed=0):
    """Rows of prompt and response whose lengths differ wildly, up to more than the model reads."""
    chance = random.Random(seed)
    words = ["habeas", "corpus", "moon", "bread", "is", "the", "why", "fine", "été", "法"]
    lengths = [chance.choice([1, 2, 5, 20, 60]) for _ in range(2 * n)]
    texts = [" ".join(chance.choices(words, k=length)) for length in lengths]
    return [{"id": i, "prompt": texts[2 * i], "response": texts[2 * i + 1], "note": None} for i in range(n)]


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path):
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- The rewards ------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*the end was cut off")
@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_each_row_gets_its_own_reward_in_the_files_order(tmp_path, model, small_chunks, name):
    rows = answers(30)
    scored = score_file(model, jsonl(tmp_path / "in.jsonl", rows), tmp_path / name)
    found = read(tmp_path / name)
    assert [{key: value for key, value in row.items() if key != "reward"} for row in found] == rows
    one_by_one = [model.score(row["prompt"], row["response"]) for row in rows]
    assert [row["reward"] for row in found] == pytest.approx(one_by_one, abs=1e-5)
    assert max(one_by_one) - min(one_by_one) > 0.5  # and not because all are the same
    assert (scored.n_rows, scored.n_scored, scored.n_refused) == (30, 30, 0)
    # Every word here is one token at least, so these cannot fit into 64 together with [CLS] and [SEP].
    assert scored.n_truncated >= sum(len(f"{row['prompt']} {row['response']}".split()) > 62 for row in rows) > 0
    assert names(tmp_path) == ["in.jsonl", name]


def test_a_response_that_is_cut_is_counted(tmp_path, model):
    rows = [{"prompt": "why?", "response": "word " * n} for n in (10, 61, 62, 63, 100)]  # 62 fit, without the prompt
    scored = score_file(model, jsonl(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")
    assert (scored.n_truncated, scored.n_answers_cut) == (4, 2)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_container(tmp_path, model, small_chunks, suffix, zipped):
    rows = [{"prompt": f"{n} + 1?", "response": f"{n + 1}, or so"} for n in range(16)]
    content = WRITERS[suffix](rows)
    data = tmp_path / f"in{suffix}{'.gz' if zipped else ''}"
    data.write_bytes(gzip.compress(content) if zipped else content)
    score_file(model, data, tmp_path / "out.jsonl")
    found = read(tmp_path / "out.jsonl")
    assert [(row["prompt"], row["response"]) for row in found] == [(row["prompt"], row["response"]) for row in rows]
    expected = model.score([row["prompt"] for row in rows], [row["response"] for row in rows])
    assert [row["reward"] for row in found] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("shape", ROWS)
def test_every_shape_gets_rewards_parallel_to_its_responses(tmp_path, model, shape):
    score_file(model, jsonl(tmp_path / "in.jsonl", [ROWS[shape]] * 2), tmp_path / "out.jsonl")
    prompt = TURNS if shape == "transcripts" else SUN
    expected = [model.score(prompt, NEAR), model.score(prompt, FAR)]
    for row in read(tmp_path / "out.jsonl"):
        assert row.pop("rewards") == pytest.approx(expected, abs=1e-5)
        assert row == ROWS[shape]


def test_rankings_of_different_length(tmp_path, model, small_chunks):
    rows = [{"prompt": "Count.", "responses": [f"{k} times {n}" for k in range(n)]} for n in (2, 9, 3, 2, 4, 2, 2, 5)]
    score_file(model, jsonl(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")
    for row, found in zip(rows, read(tmp_path / "out.jsonl"), strict=True):
        assert found["rewards"] == pytest.approx([model.score("Count.", r) for r in row["responses"]], abs=1e-5)


def test_a_shipped_data_set_by_its_name(tmp_path, model):
    assert score_file(model, "toy", tmp_path / "out.jsonl").n_rows == 10


def test_what_json_cannot_hold(tmp_path, model):
    line = '{"prompt": "why?", "response": "so", "half": "\\ud83d", "score": NaN, "deep": {"list": [Infinity, 1.5]}}\n'
    (tmp_path / "in.jsonl").write_text(line)
    score_file(model, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    row = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert row["half"] == "\ud83d" and row["score"] is None and row["deep"] == {"list": [None, 1.5]}
    assert row["reward"] == pytest.approx(model.score("why?", "so"), abs=1e-5)


def test_a_reward_that_is_no_number_ends_the_run(tmp_path, folder):
    broken = RewardModel.from_pretrained(folder)
    with torch.no_grad():
        broken.head.weight[0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match=r"in\.jsonl, line 1: the model's reward is \[nan\]"):
        score_file(broken, jsonl(tmp_path / "in.jsonl", answers(3)), tmp_path / "out.jsonl")
    assert names(tmp_path) == ["in.jsonl"]


# --- Rows that are refused --------------------------------------------------------------------------------------------

GOOD = {"prompt": "2 + 2?", "response": "4"}
REFUSED = [
    (json.dumps({**GOOD, "response": " "}), 'field "response" is empty'),
    (json.dumps({**GOOD, "prompt": 42}), 'field "prompt" is a number (42)'),
    (json.dumps({"prompt": "2 + 2?", "id": 7}), 'field "response" is missing'),
    (json.dumps({**GOOD, "response": None}), 'field "response" is null'),
    ('{"prompt": "2 + 2?", "response": "so \\ud83d"}', "half of a character"),
    ('{"prompt": "2 + 2?", ', "the line is not valid JSON"),
    ("[1, 2]", "the row is a list"),
    ("null", "the row is null"),
    (json.dumps({**GOOD, "reward": 0.5}), 'field "reward" is there already'),
    (json.dumps({**GOOD, "rewards": []}), 'field "rewards" is there already'),
    (json.dumps({**GOOD, "refused": "no"}), 'field "refused" is there already'),
]


def test_a_row_that_is_refused_stands_in_its_place_and_says_why(tmp_path, model, small_chunks):
    good = [json.dumps({**GOOD, "id": i}) for i in range(len(REFUSED))]
    lines = [json.dumps(GOOD)] * 7 + [
        line for pair in zip(good, (line for line, _ in REFUSED), strict=True) for line in pair
    ]
    (tmp_path / "in.jsonl").write_bytes("\n".join(lines).encode() + b'\n{"prompt": "caf\xe9", "response": "x"}\n')
    scored = score_file(model, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    found = read(tmp_path / "out.jsonl")
    assert len(found) == scored.n_rows == len(lines) + 1
    assert (scored.n_scored, scored.n_refused) == (7 + len(REFUSED), len(REFUSED) + 1)
    for i, (line, words) in enumerate(REFUSED):
        before, row, named = found[7 + 2 * i], found[8 + 2 * i], scored.refused[i]
        assert before["id"] == i and "reward" in before
        assert words in row["refused"] and named == {"row": 9 + 2 * i, "reason": row["refused"]}
        assert "reward" not in row and "rewards" not in row
        if words.startswith("field") and "already" not in words:
            assert {**json.loads(line), "refused": row["refused"]} == row  # as it was
    assert "not valid UTF-8 (byte 0xe9)" in found[-1]["refused"] and list(found[-1]) == ["refused"]


def test_a_row_of_csv_with_a_cell_too_many(tmp_path, model):
    (tmp_path / "in.csv").write_text("prompt,response\n2 + 2?,4\n2 + 2?,4, or so\n3 + 3?,6\n")
    scored = score_file(model, tmp_path / "in.csv", tmp_path / "out.jsonl")
    assert scored.refused[0]["row"] == 3 and scored.refused[0]["reason"].startswith("the row has 3 cells for 2 columns")
    assert [("reward" in row) for row in read(tmp_path / "out.jsonl")] == [True, False, True]


def test_blank_lines_are_no_rows(tmp_path, model):
    (tmp_path / "in.jsonl").write_text(f"\n{json.dumps(GOOD)}\n\n{json.dumps({**GOOD, 'prompt': ''})}\n\n")
    scored = score_file(model, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert scored.n_rows == len(read(tmp_path / "out.jsonl")) == 2 and scored.refused[0]["row"] == 4


def test_of_many_that_are_refused_the_first_are_named(tmp_path, model, small_chunks):
    rows = [GOOD] + [{**GOOD, "response": ""}] * 50
    scored = score_file(model, jsonl(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")
    assert scored.n_refused == 50 and [refused["row"] for refused in scored.refused] == list(range(2, 22))


# --- Refused before any work starts, and nothing left behind ----------------------------------------------------------


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("missing.jsonl", None, "there is no such file"),
        ("empty.jsonl", b"", "is empty"),
        ("blank.jsonl", b"\n \n", "holds no rows"),
        ("header.csv", b"prompt,response\n", "holds no rows"),
        ("picture.jsonl", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "PNG"),
        ("in.txt", b"text", 'ends in ".txt"'),
        (
            "cut.jsonl.gz",
            gzip.compress(b'{"prompt": "a", "response": "b"}\n' * 99, mtime=0)[:-20],
            "damaged or cut short",
        ),
        (
            "columns.jsonl",
            b'{"question": "a", "answer": "b"}\n',
            r'found "question", "answer"; .*answers \(prompt, resp',
        ),
        ("numbers.jsonl", b"1\n2\n", "unknown columns: found none"),
        ("broken.jsonl", b"not JSON\n" * 3, "unknown columns: found none"),
        ("both.jsonl", b'{"prompt": "a", "response": "b", "chosen": "c", "rejected": "d"}\n', "columns of both"),
        (
            "taken.jsonl",
            b'\n{"prompt": "a", "response": "b", "reward": 1}\n',
            'line 2: field "reward" is there already',
        ),
    ],
)
def test_input_that_cannot_be_scored(tmp_path, model, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    before = names(tmp_path)
    for resume in (False, True):
        with pytest.raises(InputError, match=words) as refused:
            score_file(model, tmp_path / name, tmp_path / "out.jsonl", resume)
        assert name in str(refused.value)
        assert names(tmp_path) == before


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out", "out.gz", "out.parquet", "runs"])
def test_the_output_is_json_lines(tmp_path, model, name):
    with pytest.raises(InputError, match=r"must end in \.jsonl or \.jsonl\.gz"):
        score_file(model, "toy", tmp_path / name)


def test_an_output_that_is_there_is_never_overwritten(tmp_path, model):
    data = jsonl(tmp_path / "in.jsonl", answers(3))
    before = data.read_bytes()
    for resume in (False, True):
        with pytest.raises(InputError, match="exists already"):
            score_file(model, data, data, resume)
    assert data.read_bytes() == before and names(tmp_path) == ["in.jsonl"]


def test_an_output_that_appears_meanwhile_is_not_overwritten_either(tmp_path, model, monkeypatch):
    data = jsonl(tmp_path / "in.jsonl", answers(3))
    monkeypatch.setattr(scoring, "json_line", lambda row: (tmp_path / "out.jsonl").write_text("theirs") and b"ours\n")
    with pytest.raises(InputError, match=r"made by another program.*complete in 'out\.jsonl\.partial'"):
        score_file(model, data, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == "theirs"
    assert (tmp_path / "out.jsonl.partial").read_text() == "ours\n" * 3


def test_an_output_that_cannot_be_written(tmp_path, model):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="cannot be written"):
        score_file(model, "toy", tmp_path / "file" / "out.jsonl")
    assert (tmp_path / "file").read_text() == "precious"
    score_file(model, "toy", tmp_path / "new" / "folder" / "out.jsonl")
    assert names(tmp_path / "new" / "folder") == ["out.jsonl"]


# --- Interrupted and resumed ------------------------------------------------------------------------------------------


class Stopped(Exception):
    pass


def stop_after(monkeypatch, chunks):
    """Let the next run stop when it has put so many chunks on record."""
    left, real = [chunks], partial.append

    def append(*args):
        real(*args)
        left[0] -= 1
        if not left[0]:
            raise Stopped

    monkeypatch.setattr(partial, "append", append)


@pytest.fixture
def stopped(tmp_path, model, small_chunks, monkeypatch):
    """A run over 30 rows that stopped after 14: the input, and the output that is to be."""
    data = jsonl(tmp_path / "in.jsonl", answers(30))
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stopped):
            score_file(model, data, tmp_path / "out.jsonl.gz")
    return data, tmp_path / "out.jsonl.gz"


def test_resumed_equals_never_interrupted(tmp_path, model, stopped, monkeypatch):
    data, output = stopped
    assert names(tmp_path) == ["in.jsonl", "out.jsonl.gz.partial", "out.jsonl.gz.partial.json"]
    whole = score_file(model, data, tmp_path / "whole.jsonl.gz")
    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(Stopped):
            stop_after(patch, 1)
            score_file(model, data, output, resume=True)
    scored = score_file(model, data, output, resume=True)
    assert output.read_bytes() == (tmp_path / "whole.jsonl.gz").read_bytes()
    assert {**scored.to_dict(), "output": "", "seconds": 0} == {**whole.to_dict(), "output": "", "seconds": 0}
    assert names(tmp_path) == ["in.jsonl", "out.jsonl.gz", "whole.jsonl.gz"]


def test_stopped_between_the_last_row_and_the_end(tmp_path, model, small_chunks, monkeypatch):
    data = jsonl(tmp_path / "in.jsonl", answers(14))
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, 2)
        score_file(model, data, tmp_path / "out.jsonl")
    assert score_file(model, data, tmp_path / "out.jsonl", resume=True).n_rows == 14
    assert [row["id"] for row in read(tmp_path / "out.jsonl")] == list(range(14))


def test_rows_may_be_added_at_the_end_meanwhile(model, stopped):
    data, output = stopped
    with data.open("a") as file:
        file.write(json.dumps({**GOOD, "id": 30}) + "\n")
    assert score_file(model, data, output, resume=True).n_rows == 31
    assert [row["id"] for row in read(output)] == list(range(31))


def test_an_interrupted_run_is_not_begun_again_by_mistake(model, stopped):
    data, output = stopped
    before = Path(f"{output}.partial").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        score_file(model, data, output)
    assert Path(f"{output}.partial").read_bytes() == before


def test_resuming_with_other_rows_or_another_model_is_refused(tmp_path, model, folder, stopped):
    data, output = stopped
    before = Path(f"{output}.partial").read_bytes()
    shorter = jsonl(tmp_path / "shorter.jsonl", answers(30)[:10])
    changed = jsonl(tmp_path / "changed.jsonl", [{**row, "note": row["id"] == 13 or None} for row in answers(30)])
    for other in (shorter, changed):
        with pytest.raises(InputError, match=r"its first 14 rows are not those"):
            score_file(model, other, output, resume=True)
    cut = RewardModel.from_pretrained(folder)
    cut.config.text_length = 32
    reads_more = RewardModel.from_pretrained(folder)
    assert reads_more.tokenizer.add_tokens(["§§statute"]) == 1
    for other in (cut, reads_more, RewardModel.from_pretrained(tiny(tmp_path / "other", seed=1))):
        with pytest.raises(InputError, match="made with another model"):
            score_file(other, data, output, resume=True)
    assert Path(f"{output}.partial").read_bytes() == before
    assert score_file(model, data, output, resume=True).n_rows == 30


@pytest.mark.parametrize("damage", ["short", "no record", "not JSON", "not ours"])
def test_a_damaged_record_gets_one_sentence(model, stopped, damage):
    data, output = stopped
    record = Path(f"{output}.partial.json")
    if damage == "short":
        os.truncate(f"{output}.partial", 100)
    elif damage == "no record":
        record.unlink()
    else:
        record.write_text("{" if damage == "not JSON" else '{"n_bytes": 3}')
    with pytest.raises(InputError, match=r"'out\.jsonl\.gz\.partial\.json' does not fit .*; delete both"):
        score_file(model, data, output, resume=True)


def test_input_that_is_damaged_further_down(tmp_path, model, small_chunks):
    """What came before is kept, and when the input is mended the run goes on."""
    data, rows = tmp_path / "in.csv", [f"{n} + 1?,{n + 1}\n" for n in range(20)]
    data.write_text("prompt,response\n" + "".join(rows[:17]) + '"a,b\n')
    with pytest.raises(InputError, match="is not valid CSV"):
        score_file(model, data, tmp_path / "out.jsonl")
    data.write_text("prompt,response\n" + "".join(rows))
    score_file(model, data, tmp_path / "out.jsonl", resume=True)
    assert [row["response"] for row in read(tmp_path / "out.jsonl")] == [str(n + 1) for n in range(20)]


# --- Killed for real --------------------------------------------------------------------------------------------------

# The command line with chunks of 40 rows; `at`, if it is given, is where the program kills itself.
PROGRAM = """
import os, signal, sys
from rmkit import cli, files, partial, scoring
scoring.ROWS = 40
at, count = os.environ.get("KILL_AT"), 0

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def on_fourth(real):
    def call(*args):
        global count
        count += 1
        if count == 4:
            die()
        return real(*args)
    return call

if at == "the chunk is written and not yet recorded":
    partial.write_json = on_fourth(partial.write_json)
elif at == "the record is written and not yet in place":
    os.replace = on_fourth(os.replace)
elif at == "the output is in place and the record not yet deleted":
    partial.record_path = lambda output, real=partial.record_path: die() if output.exists() else real(output)
sys.exit(cli.main())
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def command(folder, data, output, *more):
    options = ["--model", folder, "--data", data, "--output", output, "--json", *more]
    return [sys.executable, "-c", PROGRAM, "score", *map(str, options)]


@pytest.fixture(scope="module")
def long(tmp_path_factory, model):
    """500 rows, some of them broken, and what comes out of them without interruption."""
    place = tmp_path_factory.mktemp("long")
    rows = [row if row["id"] % 41 else {**row, "response": ""} for row in answers(500)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "ROWS", 40)
        score_file(model, jsonl(place / "in.jsonl", rows), place / "whole.jsonl.gz")
    assert [row["id"] for row in read(place / "whole.jsonl.gz")] == list(range(500))
    return place / "in.jsonl", (place / "whole.jsonl.gz").read_bytes()


def resume(tmp_path, model, data, monkeypatch):
    monkeypatch.setattr(scoring, "ROWS", 40)
    scored = score_file(model, data, tmp_path / "out.jsonl.gz", resume=True)
    assert names(tmp_path) == ["out.jsonl.gz"]
    return scored


@pytest.mark.process
def test_sigkill_and_resume_from_the_command_line(tmp_path, folder, long):
    data, whole = long
    output, record = tmp_path / "out.jsonl.gz", tmp_path / "out.jsonl.gz.partial.json"
    process = subprocess.Popen(command(folder, data, output), env=ENVIRONMENT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if record.exists() and json.loads(record.read_text())["scored"]["n_rows"] >= 80:
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not output.exists() and 80 <= json.loads(record.read_text())["scored"]["n_rows"] < 500
    done = subprocess.run(command(folder, data, output, "--resume"), env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == whole and names(tmp_path) == ["out.jsonl.gz"]
    result = json.loads(done.stdout)
    assert (result["n_rows"], result["n_refused"]) == (500, 13) and result["refused"][1]["row"] == 42


@pytest.mark.process
def test_killed_at_the_worst_moments(tmp_path, model, folder, long, monkeypatch):
    """One after the other: each run goes on where the one before was killed."""
    data, whole = long
    output, partial, record = (tmp_path / f"out.jsonl.gz{suffix}" for suffix in ("", ".partial", ".partial.json"))
    for moment, option, n_rows in [
        ("the chunk is written and not yet recorded", "--json", 80),
        ("the record is written and not yet in place", "--resume", 80 + 120),
        ("the output is in place and the record not yet deleted", "--resume", 500),
    ]:
        environment = {**ENVIRONMENT, "KILL_AT": moment}
        killed = subprocess.run(command(folder, data, output, option), env=environment, capture_output=True)
        assert killed.returncode == -signal.SIGKILL, moment
        state = json.loads(record.read_text())
        assert state["scored"]["n_rows"] == n_rows, moment
        assert n_rows == 500 or partial.stat().st_size > state["n_bytes"]  # a chunk is there, but nothing says so
    assert output.read_bytes() == whole and names(tmp_path) == [output.name, record.name]
    output.unlink()  # a new run is not confused by the record that is left
    assert resume(tmp_path, model, data, monkeypatch).n_rows == 500
    assert output.read_bytes() == whole


@pytest.mark.process
def test_a_disk_that_fills_up(tmp_path, model, folder, long, monkeypatch):
    """For real: files over 15 kB cannot be written."""
    data, whole = long
    assert len(whole) > 20_000
    failed = subprocess.run(
        command(folder, data, tmp_path / "out.jsonl.gz"),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, 15_000)),
    )
    assert (failed.returncode, failed.stdout) == (1, "") and len(failed.stderr.splitlines()) == 1
    assert "out.jsonl.gz.partial: File too large" in failed.stderr and "--resume" in failed.stderr
    resume(tmp_path, model, data, monkeypatch)
    assert (tmp_path / "out.jsonl.gz").read_bytes() == whole


# --- Memory -----------------------------------------------------------------------------------------------------------


# Scores one file, then another, and prints the most memory that the process has had after each, in MB.
PEAK = """
import re, sys
from rmkit import RewardModel, score_file
model, *files = sys.argv[1:]
model = RewardModel.from_pretrained(model)
for file in files:
    score_file(model, file, file + ".out.jsonl")
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024)
"""


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says how much memory a process has had")
def test_eight_times_the_rows_take_no_more_memory(tmp_path, folder):
    """5 MB and 40 MB of rows, half of which are refused: 35 MB more if rows, refused ones or lines were kept."""
    files = []
    for n in (500, 4000):
        rows = [{"prompt": f"{i}?", "response": "so" if i % 2 else "", "note": "x" * 10_000} for i in range(n)]
        files.append(jsonl(tmp_path / f"{n}.jsonl", rows))
    program = [sys.executable, "-c", PEAK, str(folder), *map(str, files)]
    done = subprocess.run(program, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    small, large = map(float, done.stdout.split())
    assert large - small < 15
    assert [len(read(Path(f"{file}.out.jsonl"))) for file in files] == [500, 4000]


# --- Several processes ------------------------------------------------------------------------------------------------

SEVERAL = """
import sys
from rmkit import cli, scoring
assert scoring.join_processes().num_processes == 2
model, data, folder = sys.argv[1:]
common = ["score", "--model", model, "--output"]
scoring.ROWS = 7
assert cli.main([*common, folder + "/none.jsonl", "--data", "missing.jsonl"]) == 2
assert cli.main([*common, model + "/config.json", "--data", data]) == 2
assert cli.main([*common, folder + "/seven.jsonl", "--data", data]) == 0
assert cli.main([*common, folder + "/seven.jsonl", "--data", data]) == 2
scoring.ROWS = 1  # a process has nothing to do
assert cli.main([*common, folder + "/one.jsonl", "--data", data, "--json"]) == 0
"""


@pytest.mark.process
def test_two_processes_write_what_one_does(tmp_path, model, folder):
    """Shares of 4 and 3 of 7 rows, of 1 and 0 of one; what is wrong is said once and ends both."""
    rows = [row if row["id"] != 11 else {**row, "prompt": ""} for row in answers(24)]
    data = jsonl(tmp_path / "in.jsonl", rows)
    (tmp_path / "two.py").write_text(SEVERAL)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**ENVIRONMENT, "OMP_NUM_THREADS": "1"}  # and not ACCELERATE_USE_CPU: nobody thinks of it
    done = subprocess.run(
        [*launch, str(tmp_path / "two.py"), str(folder), str(data), str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for words in ("missing.jsonl: there is no such file", "must end in .jsonl", "exists already"):
        assert done.stderr.count(words) == 1
    said, result = done.stdout.splitlines()
    assert said.startswith("23 of 24 rows scored, written to") and json.loads(result)["n_rows"] == 24
    scored = score_file(model, data, tmp_path / "alone.jsonl")
    assert json.loads(result)["n_truncated"] == scored.n_truncated > 0
    alone = read(tmp_path / "alone.jsonl")
    for name in ("seven", "one"):
        found = read(tmp_path / f"{name}.jsonl")
        for mine, theirs in zip(found, alone, strict=True):
            assert mine.pop("reward", None) == pytest.approx(theirs.get("reward"), abs=1e-5)
            assert mine == {key: value for key, value in theirs.items() if key != "reward"}


def test_processes_that_do_not_know_of_each_other_do_not_write_over_each_other(tmp_path, model, monkeypatch):
    Accelerator()  # alone, before anybody could say that there are two
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="one of 2 processes that do not know of each other"):
        score_file(model, "toy", tmp_path / "out.jsonl")
    assert names(tmp_path) == []


def test_rows_in_memory_are_no_file(model, tmp_path):
    with pytest.raises(InputError, match="source is a list; it must be a name, a path or hub:org/name"):
        score_file(model, [{"prompt": "2 + 2?", "response": "4"}], tmp_path / "out.jsonl")
    assert not list(tmp_path.iterdir())


def test_two_programs_that_write_one_output_leave_no_hole(tmp_path):
    """The other one has cut the file shorter than what this one recorded: to go on would fill the gap with zeros."""
    output = tmp_path / "out.jsonl"
    partial.partial_path(output).write_bytes(b"short")
    with pytest.raises(InputError, match="another program is writing it too"):
        partial.append(output, b"{}\n", {"n_bytes": 100})
    assert partial.partial_path(output).read_bytes() == b"short"
