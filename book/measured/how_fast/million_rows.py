"""A million rows scored in constant memory, killed on the way and resumed: is every row there once, and in order?

python -m book.measured.how_fast.million_rows [--rows N] [--kills N]

Makes a gzipped file of rows of 100 to 200 bytes, a few of them broken, and a tiny encoder with random weights, so that
it is the streaming that is measured and not the encoder. `rmkit score` is killed without warning (SIGKILL) while it
writes, then resumed until it is done. Then everything is checked: each id once and in order, the refused rows, the
rewards of some rows against `model.score`. A tenth of the file is scored as well, without interruption, to compare the
peak memory. Prints what it found as JSON. Five to ten minutes on two cores; needs Linux, for the peak memory of a
process.
"""

import argparse
import gzip
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import BertConfig

import rmkit
from rmkit.model import RewardConfig

ROOT = Path(__file__).parents[3]
WORDS = [
    "court",
    "appeal",
    "judge",
    "law",
    "is",
    "the",
    "of",
    "a",
    "moon",
    "orbit",
    "light",
    "why",
    "how",
    "pay",
    "salt",
]
BROKEN = 10_000  # every so many rows one is broken


def make_model(folder):
    torch.manual_seed(0)
    tokenizer = rmkit.load_tokenizer()
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    encoder = BertConfig(vocab_size=len(tokenizer), initializer_range=0.5, **sizes)
    model = rmkit.RewardModel(RewardConfig(encoder=encoder.to_dict()))
    model.tokenizer = tokenizer
    model.save_pretrained(folder)


def make_rows(n, path):
    """Rows with their number as `id`; their bytes, before compression."""
    chance, size = random.Random(0), 0
    with gzip.open(path, "wt", compresslevel=1) as file:
        for i in range(n):
            prompt, response = (" ".join(chance.choices(WORDS, k=chance.randint(5, 14))) for _ in range(2))
            row = {"id": i, "prompt": prompt, "response": "" if i % BROKEN == BROKEN // 2 else response}
            size += file.write(json.dumps(row) + "\n")
    return size


def score(model, data, output, *more):
    command = [sys.executable, "-m", "rmkit", "score", "--model", model, "--data", data, "--output", output, "--json"]
    return subprocess.Popen([*map(str, command), *more], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finished(process):
    """The process's JSON, and the most memory it had, in MB (getrusage's number would begin with that of the
    parent)."""
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        peak = int(found[1]) / 1024 if found else peak
        time.sleep(0.05)
    out, error = process.communicate()
    assert process.returncode == 0, error.decode()
    return json.loads(out), peak


def recorded(output):
    """How many rows the run has on record so far."""
    try:
        return json.loads(Path(f"{output}.partial.json").read_text())["scored"]["n_rows"]
    except FileNotFoundError:
        return 0


def check(output, model, n):
    """Raise AssertionError unless the output holds each row once, in order, refused where it must be, and right."""
    model, number, refused = rmkit.RewardModel.from_pretrained(model), -1, []
    with gzip.open(output, "rt") as file:
        for number, line in enumerate(file):
            row = json.loads(line)
            assert row["id"] == number, f"line {number + 1} is row {row['id']}"
            assert ("reward" in row) != ("refused" in row), row
            if "refused" in row:
                refused.append(number)
            elif number % (n // 50) == 0:
                assert abs(row["reward"] - model.score(row["prompt"], row["response"])) < 1e-5, row
    assert number + 1 == n, f"{number + 1} lines for {n} rows"
    assert refused == list(range(BROKEN // 2, n, BROKEN)), refused


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--kills", type=int, default=2, metavar="N", help="how often the run is killed on its way")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model, few, data, output = (
            Path(folder) / name for name in ("model", "few.jsonl.gz", "rows.jsonl.gz", "out.jsonl.gz")
        )
        make_model(model)
        make_rows(args.rows // 10, few)
        size = make_rows(args.rows, data)
        _, few_mb = finished(score(model, few, Path(folder) / "few-out.jsonl.gz"))

        killed_after, start = [], time.perf_counter()
        for kill in range(1, args.kills + 1):
            process = score(model, data, output, "--resume")
            while process.poll() is None and recorded(output) < args.rows * kill / (args.kills + 1):
                time.sleep(0.01)
            assert process.poll() is None, process.stderr.read().decode()
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed_after.append(recorded(output))
        result, mb = finished(score(model, data, output, "--resume"))
        seconds = time.perf_counter() - start

        check(output, model, args.rows)
        left = sorted(path.name for path in Path(folder).iterdir() if "partial" in path.name)
        assert not left, left
        found = {
            "rows": args.rows,
            "bytes_a_row": round(size / args.rows),
            "killed_after_rows": killed_after,
            "each_id_once_and_in_order": True,  # or `check` would have raised
            "refused": result["n_refused"],
            "seconds": round(seconds),
            "rows_a_second": round(args.rows / seconds),
            "peak_mb": round(mb),
            "peak_mb_of_a_tenth": round(few_mb),
        }
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
