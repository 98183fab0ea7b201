"""The command line: one JSON object or one clear sentence, the right exit status, and nothing written in vain."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from rmkit.cli import main
from rmkit.model import RewardModel

SHARED = Path(__file__).parents[3] / "shared" / "data"
ROOT = Path(__file__).parents[2]
GOOD = {"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    RewardModel.from_encoder().save_pretrained(folder)
    return folder


def call(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.training
def test_train_evaluate_score_rank(tmp_path, capsys):
    output = tmp_path / "run"
    options = ["--epochs", 2, "--max-length", 64, "--held-out", 0.2, "--batch-size", 4]
    status, out, err = call(capsys, "train", "--data", "toy", "--output", output, *options, "--json")
    assert status == 0, err
    result = json.loads(out)
    assert {"output", "seed", "seconds", "epochs"} <= result.keys()
    assert [epoch["epoch"] for epoch in result["epochs"]] == [1, 2]
    assert result["epochs"][0].keys() == {"epoch", "loss", "held_out_loss", "held_out_accuracy"}
    assert result["epochs"][0]["held_out_accuracy"].keys() == {"value", "low", "high", "n"}
    assert "8 rankings (8 pairs), 2 held out" in err

    ask = ["evaluate", "--model", output, "--data", "toy", "--json"]
    status, out, err = call(capsys, *ask)
    assert (status, out) == (2, "") and "8 of 10 rankings have a prompt that the model was trained on, or nearly" in err
    status, out, _ = call(capsys, *ask, "--seen", "measure")
    report = json.loads(out)
    assert status == 0 and report["accuracy"]["n"] == report["n_pairs"] == 10 and report["n_seen"] == 8
    assert {"chance", "longest", "shortest", "prompt_blind", "response_blind"} <= report["baselines"].keys()
    status, out, _ = call(capsys, *ask, "--seen", "skip")
    assert status == 0 and json.loads(out)["n_pairs"] == 2

    ask = [
        "--model",
        output,
        "--prompt",
        "What is the capital of Australia?",
        "--response",
        "Sydney",
        "--response",
        "Canberra",
    ]
    status, out, _ = call(capsys, "score", *ask, "--json")
    scored = json.loads(out)
    assert status == 0 and scored["prompt"] == "What is the capital of Australia?"
    expected = RewardModel.from_pretrained(output).score(scored["prompt"], ["Sydney", "Canberra"])
    assert scored["rewards"] == pytest.approx(expected, abs=1e-6)
    status, out, _ = call(capsys, "rank", *ask, "--json")
    rewards = [entry["reward"] for entry in json.loads(out)["ranking"]]
    assert rewards == sorted(scored["rewards"], reverse=True)
    status, out, _ = call(capsys, "rank", *ask)
    assert status == 0 and out.startswith("1. ") and len(out.splitlines()) == 2


def test_score_a_file(tmp_path, capsys, model):
    good, bad = {"prompt": "2 + 2?", "response": "4", "id": 1}, {"prompt": "2 + 2?", "response": ""}
    data, output = jsonl(tmp_path / "in.jsonl", good, *[bad] * 7, good), tmp_path / "out.jsonl"
    common = ["score", "--model", model, "--data", data, "--output"]
    status, out, err = call(capsys, *common, output, "--json")
    result = json.loads(out)
    assert status == 0 and result.keys() == {
        "output", "n_rows", "n_scored", "n_refused", "n_truncated", "n_answers_cut", "seconds", "refused"
    }  # fmt: skip
    assert (result["n_rows"], result["n_scored"], result["n_refused"]) == (9, 2, 7)
    assert result["refused"][0] == {"row": 2, "reason": 'field "response" is empty; it must hold text'}
    assert err.splitlines()[0] == "refused 7 of 9 rows; in the output they say why. The first:"
    assert err.splitlines()[1] == '  row 2: field "response" is empty; it must hold text' and len(err.splitlines()) == 6
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [list(row)[-1] for row in rows] == ["reward", *["refused"] * 7, "reward"]
    status, out, err = call(capsys, *common, output)
    assert (status, out) == (2, "") and "exists already" in err and len(err.splitlines()) == 1
    status, out, err = call(capsys, *common, tmp_path / "again.jsonl.gz", "--resume")  # nothing to resume: begin
    assert status == 0 and out.startswith("2 of 9 rows scored, written to")

    long = jsonl(tmp_path / "long.jsonl", {**good, "response": "word " * 300}, good)
    status, _, err = call(capsys, "score", "--model", model, "--data", long, "--output", tmp_path / "cut.jsonl")
    assert status == 0 and err == "1 responses were longer than 256 tokens: their end has not been read\n"


@pytest.mark.parametrize(
    "options, words",
    [
        ([], "give --prompt and --response, or for a whole file --data and --output"),
        (["--prompt", "a"], "give --prompt and --response"),
        (["--response", "a"], "give --prompt and --response"),
        (["--data", "toy"], "needs both, --data to read and --output to write"),
        (["--output", "out.jsonl"], "needs both"),
        (["--resume"], "needs both"),
        (["--data", "toy", "--output", "out.jsonl", "--prompt", "a"], "give either two"),
        (["--prompt", "a", "--response", "b", "--resume"], "give either two"),
        (["--prompt", "a", "--response", "b", "--output", "out.jsonl"], "give either two"),
        (["--data", "toy", "--output", ""], "must end in .jsonl"),
        (["--data", "nowhere.jsonl", "--output", "out.jsonl"], "nowhere.jsonl: there is no such file"),
    ],
)
def test_score_takes_answers_or_a_file(tmp_path, capsys, monkeypatch, model, options, words):
    monkeypatch.chdir(tmp_path)
    status, out, err = call(capsys, "score", "--model", model, *options)
    assert (status, out) == (2, "") and words in err and len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_data_commands(tmp_path, capsys):
    status, out, _ = call(capsys, "data", "describe", "toy", "--json")
    facts = json.loads(out)
    promised = {"n_prompts", "n_pairs", "k", "n_ties", "n_refused", "longest_wins", "shortest_wins"}
    assert status == 0 and promised <= facts.keys() and facts["k"] == {"2": 10}
    status, out, _ = call(capsys, "data", "describe", "toy")
    assert status == 0 and "longest wins" in out and "tokens a text" in out

    bad = jsonl(tmp_path / "bad.jsonl", GOOD, {**GOOD, "chosen": ""}, GOOD, {**GOOD, "prompt": 42})
    status, out, err = call(capsys, "data", "validate", bad)
    assert status == 2 and err == ""
    assert "2 rankings can be used, 2 rows refused" in out
    assert 'row 2: field "chosen" is empty' in out and 'row 4: field "prompt" is a number (42)' in out
    assert call(capsys, "data", "validate", "toy")[0] == 0
    (tmp_path / "worse.jsonl").write_text("{oops\n" + bad.read_text())
    status, out, err = call(capsys, "data", "validate", tmp_path / "worse.jsonl")
    assert (status, err) == (2, "") and "row 1: the line is not valid JSON" in out and "row 3: field" in out

    status, _, err = call(capsys, "data", "convert", bad, "--output", tmp_path / "new.jsonl")
    assert status == 2 and "line 2" in err and not (tmp_path / "new.jsonl").exists()
    status, _, err = call(capsys, "data", "convert", bad, "--output", tmp_path / "new.jsonl", "--skip-refused")
    assert status == 0 and "left out 2 rows" in err
    assert json.loads((tmp_path / "new.jsonl").read_text().splitlines()[0])["responses"] == ["4", "5"]
    status, _, err = call(capsys, "data", "convert", bad, "--output", tmp_path / "new.jsonl", "--skip-refused")
    assert status == 2 and "exists already" in err


@pytest.mark.training
def test_data_that_says_what_to_train_on(tmp_path, capsys):
    """Neither the test part nor, unless held out, the validation part is ever trained on."""
    parts = ["train"] * 5 + ["validation"] * 3 + ["test"] * 4
    rows = [
        {"prompt": f"{n} + 1?", "chosen": f"{n + 1}", "rejected": "0", "split": part} for n, part in enumerate(parts)
    ]
    data = jsonl(tmp_path / "parts.jsonl", *rows)
    options = ["--epochs", 1, "--max-length", 32, "--json"]
    status, out, err = call(capsys, "train", "--data", data, "--output", tmp_path / "run", *options)
    assert status == 0 and "training on 5 rankings (5 pairs), 3 held out" in err
    assert json.loads(out)["epochs"][0]["held_out_accuracy"]["n"] == 3
    status, out, err = call(capsys, "train", "--data", data, "--output", tmp_path / "all", *options, "--held-out", 0)
    assert status == 0 and "training on 5 rankings (5 pairs)\n" in err
    test = jsonl(tmp_path / "test.jsonl", *rows[-4:])
    status, _, err = call(capsys, "train", "--data", test, "--output", tmp_path / "none", *options)
    assert status == 2 and "is a test part" in err
    ties = jsonl(tmp_path / "ties.jsonl", *({"prompt": p, "responses": ["a", "b"], "ranks": [0, 0]} for p in "xy"))
    status, _, err = call(capsys, "train", "--data", ties, "--output", tmp_path / "none", *options)
    assert status == 2 and "every ranking is a tie" in err and not (tmp_path / "none").exists()


# --- Wrong input: one sentence, status 2, nothing written ------------------------------------------------------------

BAD_DATA = {
    "empty.jsonl": (b"", "is empty"),
    "picture.jsonl": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "PNG"),
    "broken.jsonl": (b'{"prompt": "a", "chosen": "b", "rejected": "c"}\n' * 6 + b'{"prompt": "a", \n', "line 7"),
    "same.jsonl": (b'{"prompt": "a", "chosen": "b", "rejected": "b "}\n', 'line 1: fields "chosen" and "rejected"'),
    "blank.jsonl": (b'{"prompt": "a", "chosen": "b", "rejected": " "}\n', 'line 1: field "rejected" is empty'),
    "one.jsonl": (b'{"prompt": "a", "responses": ["b"]}\n', 'line 1: field "responses" has one response'),
    "column.jsonl": (b'{"prompt": "a", "chosen": "b"}\n', 'found "prompt", "chosen"'),
    "number.jsonl": (b'{"prompt": 42, "chosen": "b", "rejected": "c"}\n', 'line 1: field "prompt" is a number (42)'),
    "bytes.jsonl": (b'{"prompt": "a", "chosen": "b\xff", "rejected": "c"}\n', "line 1 is not valid UTF-8"),
}


@pytest.mark.parametrize("name", [*BAD_DATA, "missing.jsonl"])
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_bad_data(tmp_path, capsys, model, command, name):
    content, words = BAD_DATA.get(name, (None, "there is no such file"))
    if content is not None:
        (tmp_path / name).write_bytes(content)
    target = ["--output", tmp_path / "run"] if command == "train" else ["--model", model]
    status, out, err = call(capsys, command, "--data", tmp_path / name, *target)
    assert (status, out) == (2, "")
    assert words in err and name in err and len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        (["--epochs", "0"], "epochs is 0"),
        (["--epochs", "two"], "argument --epochs: invalid int value: 'two'"),
        (["--lr", "nan"], "lr is nan"),
        (["--lr", "-1"], "lr is -1.0"),
        (["--batch-size", "0"], "batch_size is 0"),
        (["--max-length", "1000"], "at most 512"),
        (["--held-out", "1"], "--held-out is 1.0"),
        (["--limit", "0"], "limit is 0"),
        (["--seed", "-3"], "seed is -3"),
        (["--encoder", "no/such-encoder"], "encoder 'no/such-encoder'"),
        (["--bogus"], "--bogus"),
    ],
)
def test_bad_settings(tmp_path, capsys, options, words):
    status, out, err = call(capsys, "train", "--data", "toy", "--output", tmp_path / "run", *options)
    assert (status, out) == (2, "") and words in err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_an_output_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("precious")
    status, _, err = call(capsys, "train", "--data", "toy", "--output", tmp_path / "file" / "run")
    assert status == 2 and "cannot be written" in err and len(err.splitlines()) == 1
    assert (tmp_path / "file").read_text() == "precious"
    status, _, err = call(capsys, "train", "--data", "toy", "--output", "")
    assert status == 2 and "has no name" in err


@pytest.mark.parametrize("command", ["evaluate", "score"])
def test_a_model_that_is_not_there(tmp_path, capsys, command):
    rest = ["--data", "toy"] if command == "evaluate" else ["--prompt", "a", "--response", "b"]
    status, out, err = call(capsys, command, "--model", tmp_path / "none", *rest)
    assert (status, out) == (2, "") and "no such folder" in err and len(err.splitlines()) == 1


def test_an_empty_prompt_or_response(capsys, model):
    status, _, err = call(capsys, "score", "--model", model, "--prompt", "a", "--response", "")
    assert status == 2 and "response 1 is ''" in err
    status, _, err = call(capsys, "score", "--model", model, "--prompt", "a\udcff", "--response", "b")
    assert status == 2 and "must be valid UTF-8" in err


def test_evaluate_writes_card_and_figures_but_over_nothing(tmp_path, capsys, model):
    card, figures = tmp_path / "new" / "README.md", tmp_path / "also new" / "report.png"
    ask = ["evaluate", "--model", model, "--data", "toy", "--limit", 6, "--card", card, "--figures", figures]
    other = jsonl(tmp_path / "other.jsonl", {**GOOD, "prompt": "Something else?"})
    status, out, err = call(capsys, *ask, "--calibration", other, "--training", other)
    assert status == 0, err
    assert (
        "with temperature" in out and "6 pairs from 6 prompts" in card.read_text() and figures.stat().st_size > 10_000
    )
    for options, words in [
        (ask, "README.md: exists already"),
        ([*ask[:-4], "--figures", tmp_path / "report.jpeg"], "must end in .png or .svg or .pdf"),
        ([*ask[:-4], "--card", other / "README.md"], "README.md: cannot be written"),
        ([*ask[:-4], "--calibration", "toy"], "6 of 10 rankings of the calibration data"),
        ([*ask[:-4], "--training", "toy"], "6 of 6 rankings have a prompt that the model was trained on"),
    ]:
        status, out, err = call(capsys, *options)
        assert (status, out) == (2, "") and words in err and len(err.splitlines()) == 1


def test_compare(tmp_path, capsys, model):
    status, out, err = call(capsys, "compare", model, model, "--data", "toy", "--json")
    found = json.loads(out)
    assert (
        status == 0 and found["difference"]["value"] == 0 and found["n_pairs"] == 10 and found["pairs_needed"] is None
    )
    assert found["models"] == [str(model), str(model)] and found["baselines"].keys() == {
        "chance",
        "longest",
        "shortest",
    }
    status, out, err = call(capsys, "compare", model, model, "--data", "toy")
    assert status == 0 and "A minus B" in out and "McNemar, exact" in out and f"B is {model}" in out
    status, out, err = call(capsys, "compare", model, tmp_path / "none", "--data", "toy")
    assert (status, out) == (2, "") and "no such folder" in err


@pytest.mark.training
@pytest.mark.filterwarnings("default:.*the end was cut off")
def test_a_text_of_100_000_words_is_accepted_cut_and_counted(tmp_path, capsys, model):
    long = jsonl(tmp_path / "long.jsonl", {**GOOD, "chosen": "word " * 100_000}, GOOD)
    status, out, _ = call(capsys, "evaluate", "--model", model, "--data", long, "--json")
    assert status == 0 and (json.loads(out)["n_truncated"], json.loads(out)["n_answers_cut"]) == (1, 1)
    options = ["--epochs", 1, "--max-length", 32, "--held-out", 0]
    status, out, err = call(capsys, "train", "--data", long, "--output", tmp_path / "run", *options, "--json")
    assert status == 0 and json.loads(out)["n_truncated"] == 1 and "1 training texts were longer than 32 tokens" in err
    assert "rmkit: 1 of 4 responses longer than 32 tokens: the end was cut off" in err


@pytest.mark.process
def test_a_disk_that_fills_up(tmp_path):
    """For real: no file over 120 MB can be written, so the optimizer's 180 MB fail while the second epoch is saved."""

    def no_large_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000_000, 120_000_000))

    options = ["--data", "toy", "--limit", "4", "--max-length", "32", "--held-out", "0", "--freeze", "0", "--resume"]
    command = [sys.executable, "-m", "rmkit", "train", *options, "--output", str(tmp_path), "--epochs"]
    assert subprocess.run([*command, "1"], capture_output=True, cwd=ROOT).returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    failed = subprocess.run([*command, "2"], capture_output=True, text=True, cwd=ROOT, preexec_fn=no_large_files)
    assert (failed.returncode, failed.stdout) == (1, "") and "Traceback" not in failed.stderr
    assert "File too large" in failed.stderr.splitlines()[-1] and "what was saved before is whole" in failed.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    again = subprocess.run([*command, "2", "--json"], capture_output=True, text=True, cwd=ROOT)
    assert again.returncode == 0 and len(json.loads(again.stdout)["epochs"]) == 2


# --- As its own process ---------------------------------------------------------------------------------------------


@pytest.mark.process
def test_no_traceback_and_json_alone_on_standard_output(model):
    for arguments, status in [
        (["score", "--model", str(model), "--prompt", "a", "--response", "b", "--json"], 0),
        (["evaluate", "--model", str(model), "--data", "nowhere.jsonl", "--json"], 2),
        ([], 2),
    ]:
        done = subprocess.run([sys.executable, "-m", "rmkit", *arguments], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == status and "Traceback" not in done.stderr
        if status == 0:
            assert json.loads(done.stdout)["rewards"] and done.stderr == ""
        else:
            assert done.stdout == "" and len(done.stderr.splitlines()) == 1


LIGHT = """
import contextlib, io, json, sys

HEAVY = "torch transformers numpy scipy sklearn datasets accelerate matplotlib statsmodels pandas onnx".split()
found, said = {}, io.StringIO()

def note(name):
    found[name] = [module for module in HEAVY if module in sys.modules]

def run(*arguments):
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        rmkit.cli.main(arguments)

import rmkit
note("import rmkit")
import rmkit.cli
for ask in ["--help", "train --help", "data validate toy", "train --data toy --output run --lr 0"]:
    run(*ask.split())
    note(ask)
run("score", "--model", "no such folder", "--prompt", "a", "--response", "b")
note("no such folder")
from transformers import PreTrainedModel  # the base class of any model there
note("transformers")
run("score", "--model", sys.argv[1], "--prompt", "a", "--response", "b", "--json")
note("score")
print(json.dumps({"found": found, "said": said.getvalue()}))
"""


@pytest.mark.process
def test_nothing_is_imported_that_is_not_used(model):
    done = subprocess.run([sys.executable, "-c", LIGHT, model], capture_output=True, text=True, cwd=ROOT, check=True)
    found, said = json.loads(done.stdout.splitlines()[-1]).values()
    assert "usage: rmkit train" in said and "lr is 0.0" in said and "no such folder" in said and '"rewards"' in said
    score, transformers = set(found.pop("score")), set(found.pop("transformers"))
    assert found and not any(found.values()), found
    # `transformers` itself imports accelerate and scipy as soon as a model class is named; rmkit adds nothing to that.
    assert {"torch", "transformers"} <= score <= transformers
    assert not score & {"sklearn", "datasets", "matplotlib", "statsmodels", "pandas", "onnx"}


@pytest.mark.process
def test_real_data_in_one_json_object_out(tmp_path):
    """The README's own example on human data: train on HH, measure on PandaLM."""
    hh, pandalm = SHARED / "hh-harmless-dev.jsonl.gz", SHARED / "pandalm-dev.json"
    if not (hh.exists() and pandalm.exists()):
        pytest.skip("the real preference data is not on this machine")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    train = [
        "train",
        "--data",
        str(hh),
        "--output",
        "runs/hh",
        "--epochs",
        "1",
        "--max-length",
        "128",
        "--limit",
        "100",
    ]
    evaluate = ["evaluate", "--model", "runs/hh", "--data", str(pandalm), "--limit", "100", "--json"]
    for arguments in (train, evaluate):
        command = [sys.executable, "-m", "rmkit", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["n_refused"] > 0 and report["n_ties"] > 0
    assert report["accuracy"]["n"] == report["n_pairs"] == report["baselines"]["longest"]["n"]
    assert 0 <= report["accuracy"]["low"] < report["accuracy"]["value"] < report["accuracy"]["high"] <= 1
