"""How fast is rmkit, beside what people would use instead? Writes measured.json beside this file, which the page
book/how-fast.md shows.

python -m book.measured.how_fast.measure [--only NAME ...] [--repeats 5] [--quick] [--output FILE] [--hh FILE]

Everything runs on the processor, in turn (A B A B ...), and only what computes the same counts: losses must agree step
by step to 1e-5, dropout is off. Times are for a quiet machine: close what else is running. About 40 minutes on two
cores;
--quick takes a few minutes, and its numbers mean little. With --only, the other comparisons stay in the file as they
are.
"""

import os

if __name__ == "__main__":  # before torch is imported, and for the processes that are started from here
    os.environ |= {
        "CUDA_VISIBLE_DEVICES": "",
        "ACCELERATE_USE_CPU": "true",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "PYTHONWARNINGS": "ignore",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TQDM_DISABLE": "1",
    }

import argparse
import importlib.util
import json
import math
import random
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

import rmkit
from book.measured.how_fast import flops, rmkit_loop, trl_loop
from book.measured.how_fast.timing import (
    Contender,
    Mismatch,
    Run,
    compare,
    difference,
    interleaved,
    machine,
    ratios,
    spread,
)
from rmkit.batching import encode_rankings
from rmkit.files import write_json
from rmkit.interop import to_sequence_classifier
from rmkit.loading import load_rankings
from rmkit.losses import k_choose_2_loss, pairwise_loss
from rmkit.rankings import Ranking

ROOT = Path(__file__).parents[3]
REFERENCE = "rmkit.train"


@dataclass
class Settings:
    """How much to measure."""

    repeats: int
    quick: bool
    hh: Path


class Skipped(Exception):
    """A comparison that cannot be made here, and why."""


def as_pairs(rankings, n, seed=0):
    """`n` of the pairs of rankings, drawn at random, each a ranking of two."""
    pairs = [Ranking(r.prompt, [r.responses[i], r.responses[j]]) for r in rankings for i, j in r.pairs()]
    return random.Random(seed).sample(pairs, n)


def rmkit_on(folder):
    return Contender(REFERENCE, "rmkit_loop", folder)


def prepare(folder, rankings, epochs, batch_size, lr, by_length=True):
    """The work as files, for all loops; the first run, for the batches, also warms the machine up. Returns tokens."""
    tokens = rmkit_loop.prepare(folder, rankings, epochs, batch_size, lr, by_length=by_length)
    rmkit_loop.run(folder)
    trl_loop.prepare(folder)
    return tokens


# --- 1. the toy loop


def toy(settings, folder):
    """`rmkit.train` beside the toy loop, on the ten toy pairs, batches of two pairs."""
    rankings = list(load_rankings("toy"))
    tokens = prepare(folder, rankings, epochs=1 if settings.quick else 3, batch_size=2, lr=1e-5)
    chance = "its dropout draws other zeros than any other loop would"
    contenders = [
        rmkit_on(folder),
        Contender("toy loop", "toy_loop", folder, {"dropout": 0.0}),
        Contender("toy loop with dropout", "toy_loop", folder, {"dropout": 0.1}, time_only=chance),
    ]
    n = len(rankings) * (1 if settings.quick else 3)
    found = compare(contenders, settings.repeats, n)
    return {"unit": "pairs", "n": n, "tokens": tokens, "contenders": found, "goals": {"toy loop": 20}}


# --- 2. TRL


def trl(settings, folder):
    """`rmkit.train` beside TRL's `RewardTrainer`, on three kinds of pairs."""
    if importlib.util.find_spec("trl") is None:
        raise Skipped("TRL is not installed")
    steps = 3 if settings.quick else 12
    course, data = load_rankings("course:train"), {}
    if settings.hh.exists():
        data["HH harmless"] = as_pairs(load_rankings(settings.hh), 8 * steps), 8, 1
    data["course data"] = as_pairs(course, 8 * steps), 8, 1
    data["toy data"] = list(load_rankings("toy")), 2, 1 if settings.quick else 6
    goals = {"HH harmless": 2.5, "toy data": 1.5}
    found = {}
    for number, (name, (rankings, batch_size, epochs)) in enumerate(data.items()):
        work, place = (rankings, batch_size, epochs, settings), folder / str(number)
        groups = {name: trl_on(place / "random", *work)}
        if name != "toy data":  # ten short pairs, two a batch: nothing to sort
            groups[f"{name}, batches by length"] = trl_on(place / "by length", *work, by_length=True)
        for group in groups.values():
            group["goals"] = {TRL: goals[name]} if name in goals else {}
        groups[f"{name}, TRL's defaults"] = trl_defaults_on(place / "defaults", rankings, batch_size, settings)
        found |= groups
    if "HH harmless" in found:
        found["HH harmless"]["memory_goals"] = {TRL: 0.8}
    missing = [] if settings.hh.exists() else ["HH harmless: the file is not here; say where with --hh"]
    return {"data": found, "missing": missing}


TRL, IN_PARTS = "TRL at its best", "rmkit.train, a quarter of a batch a pass"


def trl_on(folder, rankings, batch_size, epochs, settings, by_length=False):
    """Both in the same batches: drawn at random, as TRL draws them, or `rmkit.train`'s own, from which TRL then profits
    too."""
    tokens = prepare(folder, rankings, epochs, batch_size, lr=1e-4, by_length=by_length)
    n = len(rankings) * epochs
    contenders = [rmkit_on(folder), Contender(TRL, "trl_loop", folder, {"settings": "best"})]
    if batch_size % 4 == 0 and not by_length:
        contenders.append(Contender(IN_PARTS, "rmkit_loop", folder, {"micro_batch_size": batch_size // 4}))
    found = compare(contenders, settings.repeats, n, memory=0 if by_length else 1)
    return {"unit": "pairs", "n": n, "tokens": tokens, "contenders": found, "batch_size": batch_size}


def trl_defaults_on(folder, rankings, batch_size, settings):
    """TRL as it comes, on three batches only, for it takes longer; beside `rmkit.train` on the same pairs."""
    few = rankings[: 3 * batch_size]
    tokens = prepare(folder, few, 1, batch_size, lr=1e-4, by_length=False)
    bf16 = "it computes in bf16, clips gradients and lowers the learning rate"
    defaults = Contender("TRL's defaults", "trl_loop", folder, {"settings": "defaults"}, time_only=bf16)
    found = compare([rmkit_on(folder), defaults], settings.repeats, len(few))
    return {"unit": "pairs", "n": len(few), "tokens": tokens, "contenders": found, "batch_size": batch_size}


# --- 3. rankings


def rankings(settings, folder):
    """One forward pass for K responses, beside the K(K-1)/2 pairs of them that a pairwise trainer sees."""
    source = max(load_rankings("course"), key=lambda ranking: (len(ranking.pairs()), ranking.prompt))
    goals = {4: {}, 9: {"all pairs in one batch": 7.5}}
    found = {}
    for k, steps in {2: 8, 4: 6, 9: 3}.items():
        steps = 1 if settings.quick else steps
        whole = Ranking(source.prompt, source.responses[:k], source.ranks[:k])
        pairs = [Ranking(whole.prompt, [whole.responses[i], whole.responses[j]]) for i, j in whole.pairs()]
        gradients = gradient_difference(whole, pairs)
        place = folder / str(k)
        tokens = rmkit_loop.prepare(place / "one", [whole], steps, batch_size=1, lr=1e-4)
        rmkit_loop.prepare(place / "pairs", pairs, steps, batch_size=len(pairs), lr=1e-4)
        rmkit_loop.prepare(place / "each", pairs, steps, batch_size=len(pairs), lr=1e-4, micro_batch_size=1)
        rmkit_loop.run(place / "one")  # to warm up
        contenders = [
            Contender("one pass", "rmkit_loop", place / "one"),
            Contender("all pairs in one batch", "rmkit_loop", place / "pairs"),
            Contender("one pair at a time", "rmkit_loop", place / "each"),
        ]
        measured = compare(contenders, settings.repeats, steps, memory=0 if k < 9 else 1)
        found[str(k)] = {"unit": "steps", "n": steps, "tokens": tokens, "pairs": len(pairs), "ideal": k - 1}
        found[str(k)] |= {"contenders": measured, "gradients": gradients, "goals": goals.get(k, {})}
    return {"k": found}


def gradient_difference(whole, pairs):
    """The largest distance of any weight's gradient between one pass over a ranking and its pairs by themselves.

    Raises:
        Mismatch: if it is above a hundred-thousandth of the largest gradient.
    """
    gradients = []
    for texts in ([whole], pairs):
        model = rmkit.RewardModel.from_encoder(seed=0)
        batch = rmkit.batching.collate(texts, model.tokenizer)
        rewards = model(batch.input_ids, batch.attention_mask)  # (N,)
        if texts is pairs:
            loss = pairwise_loss(rewards[0::2], rewards[1::2])
        else:
            loss = k_choose_2_loss(rewards, batch.sizes, batch.ranks)
        loss.backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    apart, largest = (gradients[0] - gradients[1]).abs().max().item(), gradients[0].abs().max().item()
    if not apart <= 1e-5 * max(largest, 1.0):
        raise Mismatch(f"K = {len(whole)}: gradients of one pass and of pairs differ by {apart:.1e}")
    return apart


# --- 4. scoring


def scoring(settings, folder):
    """The rewards of 10,000 answers: rmkit in bulk, beside `transformers`' pipeline on the same weights."""
    from transformers import pipeline
    from transformers.utils import logging

    logging.set_verbosity_error()
    n, blocks = (400, 2) if settings.quick else (10_000, 5)
    prompts, responses = many_answers(n)
    model = rmkit.RewardModel.from_encoder(seed=0)
    pipe = pipeline("text-classification", model=to_sequence_classifier(model), tokenizer=model.tokenizer, device=-1)

    def ours(asked, answered):
        start = time.perf_counter()
        rewards = model.score(asked, answered)
        return Run(time.perf_counter() - start, rewards)

    def theirs(asked, answered, batch_size, by_length):
        texts = [f"{prompt} {response}" for prompt, response in zip(asked, answered, strict=True)]
        start = time.perf_counter()
        order = sorted(range(len(texts)), key=lambda i: len(texts[i])) if by_length else range(len(texts))
        results = pipe([texts[i] for i in order], batch_size=batch_size, function_to_apply="none")
        rewards = [0.0] * len(texts)
        for i, result in zip(order, results, strict=True):
            rewards[i] = result["score"]
        return Run(time.perf_counter() - start, rewards)

    # Which way of calling the pipeline is best here? All of them, on a few hundred answers.
    few = prompts[:200], responses[:200]
    ours(*few)
    ways = {
        (size, by_length): lambda size=size, by_length=by_length: theirs(*few, size, by_length)
        for by_length in (False, True)
        for size in (1, 8, 32, 128)
    }
    tried = interleaved(ways, 1 if settings.quick else 2)
    seconds = {way: median(run.seconds for run in runs) for way, runs in tried.items()}
    best = {by_length: min((w for w in seconds if w[1] == by_length), key=seconds.get) for by_length in (False, True)}

    names = {False: "pipeline", True: "pipeline, texts sorted first"}
    rounds = {name: [] for name in ("rmkit", *names.values())}
    for block in range(blocks):  # each answer once by each, block by block in turn
        part = slice(block * n // blocks, (block + 1) * n // blocks)
        asked, answered = prompts[part], responses[part]
        rounds["rmkit"].append(ours(asked, answered))
        for by_length, (size, _) in best.items():
            rounds[names[by_length]].append(theirs(asked, answered, size, by_length))
    expected = [reward for run in rounds["rmkit"] for reward in run.results]
    found = {}
    for name, runs in rounds.items():
        found[name] = {"time_only": None, "refused": None, "difference": None}
        try:
            rewards = [reward for run in runs for reward in run.results]
            found[name]["difference"] = difference(name, rewards, expected)
        except Mismatch as error:
            print(f"REFUSED  {error}", file=sys.stderr)
            found[name]["refused"] = str(error)
            continue
        taken = [run.seconds for run in runs]
        found[name] |= {"seconds": spread(taken), "per_second": spread([n / blocks / value for value in taken])}
        found[name]["ratio"] = spread(ratios(rounds, name, "rmkit"))
    ways = [{"batch_size": size, "sorted": way, "per_second": 200 / value} for (size, way), value in seconds.items()]
    goals = dict.fromkeys(names.values(), 2)
    return {"unit": "answers", "n": n, "blocks": blocks, "contenders": found, "ways": ways, "goals": goals}


def many_answers(n):
    """`n` different prompts with an answer, two lists: every prompt of the course with its own and other prompts'
    answers."""
    data, prompts, responses = list(load_rankings("course")), [], []
    shift = 0
    while len(prompts) < n:
        for i, ranking in enumerate(data):
            answers = data[(i + shift) % len(data)].responses
            prompts += [ranking.prompt] * len(answers)
            responses += answers
        shift += 1
    chosen = random.Random(0).sample(range(len(prompts)), n)
    return [prompts[i] for i in chosen], [responses[i] for i in chosen]


# --- 5. the physical limit


def limit(settings, folder):
    """Which share of the arithmetic that this machine can do training gets out of it."""
    model = rmkit.RewardModel.from_encoder(seed=0)
    shape = flops.shape_of(model.encoder)
    check_count(model, shape)
    course = load_rankings("course:train")
    data = {"course data": (random.Random(0).sample(list(course), 8 if settings.quick else 48), 8)}
    if settings.hh.exists():
        data["HH harmless"] = as_pairs(load_rankings(settings.hh), 16 if settings.quick else 64), 8
    seconds = 0.05 if settings.quick else 0.2
    found, peaks = {}, []
    for number, (name, (rows, batch_size)) in enumerate(data.items()):
        place = folder / str(number)
        tokens = rmkit_loop.prepare(place, rows, 1, batch_size, lr=1e-4)
        rmkit_loop.run(place)  # for its batches, and to warm up
        needed = needed_flops(place, shape, model.tokenizer)
        shares, taken = {way: [] for way in needed}, []
        for _ in range(settings.repeats):  # product, training, product, training, ...
            peak, sizes = flops.gemm_peak(shape, seconds=seconds)
            run = rmkit_loop.run(place)
            peaks.append((peak, sizes))
            taken.append(run.seconds)
            for way, count in needed.items():
                shares[way].append(count / run.seconds / peak)
        found[name] = {"tokens": tokens, "rankings": len(rows), "seconds": spread(taken), "flops": needed}
        found[name]["share"] = {way: spread(values) for way, values in shares.items()}
    half = [flops.gemm_peak(shape, torch.bfloat16, seconds) for _ in range(settings.repeats)]
    return {
        "gemm": spread([peak for peak, _ in peaks]) | {"shape": max(peaks)[1]},
        "gemm_bf16": spread([peak for peak, _ in half]) | {"shape": max(half)[1]},
        "model": shape._asdict(),
        "data": found,
        "goals": {"HH harmless": 0.75},
    }


def check_count(model, shape):
    """Raise `Mismatch` unless the formula says what torch counts."""
    input_ids = torch.randint(1000, 2000, (3, 17), generator=torch.Generator().manual_seed(0))
    for freeze in (0, 0.5):
        for cls_only in (False, True):
            formula = flops.training_flops([17] * 3, shape, cls_only, freeze)
            counted = flops.counted_flops(model, input_ids, cls_only, freeze)
            if formula != counted:
                raise Mismatch(f"the formula says {formula} FLOPs, torch counts {counted}")


def needed_flops(folder, shape, tokenizer):
    """FLOPs of a training run: what the loss needs; with the whole last layer; and with padding besides."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    encoded = encode_rankings(load_rankings(folder / "rankings.jsonl"), tokenizer, plan["max_length"])
    counts = {"needed": 0, "whole last layer": 0, "padded": 0}
    for batch in plan["batches"]:
        lengths = [len(text.ids) for i in batch for text in encoded[i]]
        counts["needed"] += flops.training_flops(lengths, shape)
        counts["whole last layer"] += flops.training_flops(lengths, shape, cls_only=False)
        counts["padded"] += flops.training_flops([max(lengths)] * len(lengths), shape, cls_only=False)
    return counts


# --- and what the rest of the time goes to

KINDS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm"),
    "attention": ("aten::_scaled_dot_product",),
    "GELU, norms, tanh": ("aten::gelu", "aten::native_layer_norm", "aten::tanh"),
    "the optimizer": ("aten::_fused_adamw", "Optimizer."),
    "making room: zeros, copies, picking rows": (
        "aten::fill_",
        "aten::zero_",
        "aten::copy_",
        "aten::index",
        "aten::_index_put",
    ),
}


def profile(settings, folder):
    """The share of a training run's time that each kind of operation takes, as torch's profiler sees it."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    data = {"toy data": (list(load_rankings("toy")), 2, 3)}
    if settings.hh.exists():
        data["HH harmless"] = as_pairs(load_rankings(settings.hh), 8 if settings.quick else 40), 8, 1
    found = {}
    for number, (name, (rows, batch_size, epochs)) in enumerate(data.items()):
        place = folder / str(number)
        rmkit_loop.prepare(place, rows, epochs, batch_size, lr=1e-4)
        rmkit_loop.run(place)  # to warm up
        with profiler(activities=[ProfilerActivity.CPU]) as seen:
            rmkit_loop.run(place)
        times = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
        total = sum(times.values())
        shares = {
            kind: sum(time for key, time in times.items() if key.startswith(starts)) / total
            for kind, starts in KINDS.items()
        }
        found[name] = shares | {"all else": 1 - sum(shares.values())}
    return {"data": found}


# --- 6. growth


def growth(settings, folder):
    """Time and memory of training against the number of prompts, the length of texts, and K."""
    model = rmkit.RewardModel.from_encoder(seed=0)
    words = common_words(model.tokenizer)
    short = settings.quick
    course = [ranking for ranking in load_rankings("course") if len(ranking) == 4]
    axes = {
        "prompts": {n: (course[:n], 8, 1) for n in ((8, 16) if short else (16, 32, 64, 128))},
        "length": {n: (made_up(words, 8, 2, n), 8, 2) for n in ((32, 64) if short else (32, 64, 128, 256, 512))},
        "K": {k: (made_up(words, 8, k, 64), 8, 2) for k in ((2, 4) if short else (2, 4, 8, 16))},
    }
    shape, found = flops.shape_of(model.encoder), {}
    for axis, points in axes.items():
        contenders = {}
        for x, (rows, batch_size, epochs) in points.items():
            place = folder / axis / str(x)
            rmkit_loop.prepare(place, rows, epochs, batch_size, lr=1e-4, max_length=512)
            contenders[x] = Contender(str(x), "rmkit_loop", place)
        contenders[min(contenders)].run()  # to warm up
        rounds = interleaved({x: contender.run for x, contender in contenders.items()}, settings.repeats)
        rows = []
        for x, runs in rounds.items():
            count = needed_flops(folder / axis / str(x), shape, model.tokenizer)["needed"]
            row = {"x": x, "seconds": spread([run.seconds for run in runs]), "flops": count}
            rows.append(row | {"peak_mib": contenders[x].alone()["peak_mib"]})
        xs = list(points)
        each_round = [[run.seconds for run in runs] for runs in zip(*rounds.values(), strict=True)]
        lines = [fitted_line(xs, seconds) for seconds in each_round]
        found[axis] = {
            "points": rows,
            "line": {name: spread([line[name] for line in lines]) for name in lines[0]},
            "slope": spread([log_slope(xs, seconds) for seconds in each_round]),
            "slope_of_flops": log_slope(xs, [row["flops"] for row in rows]),
            "memory_line": fitted_line(xs, [row["peak_mib"] for row in rows]),
        }
    return {"axes": found}


def common_words(tokenizer):
    """Words that are one token each."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return [word for word, _ in vocabulary if word.isascii() and word.isalpha() and len(word) > 3][:2000]


def made_up(words, n, k, tokens, seed=0):
    """`n` rankings of `k` responses, whose texts all have `tokens` tokens."""
    chance, rows = random.Random(seed), []
    for _ in range(n):
        prompt = " ".join(chance.sample(words, 8))
        rows.append(Ranking(prompt, [" ".join(chance.sample(words, tokens - 10)) for _ in range(k)]))  # [CLS], [SEP]
    return rows


def fitted_line(x, y):
    """The least-squares line, and which share of the variance of `y` it explains.

    >>> fitted_line([1, 2, 3], [3.0, 5.0, 7.0])
    {'constant': 1.0, 'slope': 2.0, 'explained': 1.0}
    """
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
    constant = mean_y - slope * mean_x
    left = sum((b - constant - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    total = sum((b - mean_y) ** 2 for b in y)
    return {"constant": constant, "slope": slope, "explained": 1 - left / total if total else 1.0}


def log_slope(x, y):
    """The exponent p of the power law y = c x^p that fits best: 1 is a straight line through 0.

    >>> round(log_slope([1, 2, 4], [3.0, 12.0, 48.0]), 6)
    2.0
    """
    return fitted_line([math.log(a) for a in x], [math.log(b) for b in y])["slope"]


# --- all of it

COMPARISONS = {"toy": toy, "trl": trl, "rankings": rankings, "scoring": scoring, "limit": limit, "profile": profile}
COMPARISONS |= {"growth": growth}


def refused(found):
    """The sentences of all contenders that did not compute the same, anywhere in the results."""
    if isinstance(found, dict):
        own = [found["refused"]] if found.get("refused") else []
        return own + [sentence for value in found.values() for sentence in refused(value)]
    return []


def contenders_of(found, name=""):
    """(where, contenders, goals) of every group of contenders in the results."""
    if "contenders" in found:
        yield name, found["contenders"], found.get("goals", {})
    for key, value in found.items():
        if isinstance(value, dict) and key != "contenders":
            inside = {"data": name, "k": name}.get(key) or f"{name}, {'K = ' * key.isdigit()}{key}"
            yield from contenders_of(value, inside)


def show(name, found):
    """Print what one comparison found."""
    if "skipped" in found:
        print(f"{name}: skipped, {found['skipped']}")
        return
    for where, contenders, goals in contenders_of(found, name):
        for contender, row in contenders.items():
            if row["refused"]:
                print(f"{where}: {row['refused']}")
                continue
            line = f"{where:24s} {contender:28s} {row['seconds']['median']:8.2f} s {row['per_second']['median']:9.2f}/s"
            ratio = row["ratio"]
            line += f"   {ratio['median']:6.2f}x ({ratio['low']:.2f} to {ratio['high']:.2f})"
            if "peak_mib" in row:
                line += f" {row['peak_mib']['median']:6.0f} MiB, first step after {row['start_up']['median']:.1f} s"
            print(line + (f"   goal {goals[contender]}x" if contender in goals else ""))
    if name == "limit":
        print(f"limit: fastest product {found['gemm']['median'] / 1e9:.0f} GFLOP/s", end="")
        print(f", in bf16 {found['gemm_bf16']['median'] / 1e9:.0f} GFLOP/s")
        for data, row in found["data"].items():
            shares = ", ".join(f"{way} {share['median']:.0%}" for way, share in row["share"].items())
            print(f"limit, {data}: {shares}")
    if name == "profile":
        for data, shares in found["data"].items():
            print(f"profile, {data}: " + ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items()))
    for axis, row in found.get("axes", {}).items():
        slopes = f"time grows as {axis}^{row['slope']['median']:.2f}, FLOPs as {axis}^{row['slope_of_flops']:.2f}"
        print(f"growth: {slopes}; {row['memory_line']['slope']:.2f} MiB more for each")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=COMPARISONS, default=list(COMPARISONS), metavar="NAME")
    parser.add_argument("--repeats", type=int, default=None, help="rounds of each comparison (5; with --quick 2)")
    parser.add_argument("--quick", action="store_true", help="a few steps each, to see that everything runs")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("measured.json"))
    hh = os.environ.get("RMKIT_HH", ROOT.parent / "shared" / "data" / "hh-harmless-dev.jsonl.gz")
    parser.add_argument("--hh", type=Path, default=hh, help="pairs of Anthropic's HH (default: RMKIT_HH)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    settings = Settings(args.repeats or (2 if args.quick else 5), args.quick, args.hh)
    result = {"machine": machine(), "quick": args.quick, "repeats": settings.repeats, "minutes": 0.0, "comparisons": {}}
    if result["machine"]["busy"]:
        print(f"The machine is busy (load {result['machine']['load']}): these times will be too long.", file=sys.stderr)
    for name in dict.fromkeys(args.only):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = COMPARISONS[name](settings, Path(folder))
            except Skipped as reason:
                found = {"skipped": str(reason)}
            except Mismatch as error:
                print(f"REFUSED  {name}: {error}", file=sys.stderr)
                found = {"skipped": f"refused: {error}", "refused": str(error)}
        found["minutes"] = (time.perf_counter() - start) / 60
        result["comparisons"][name] = found
        show(name, found)
        sys.stdout.flush()
    if args.only != list(COMPARISONS) and args.output.exists():
        before = json.loads(args.output.read_text(encoding="utf-8"))
        result["comparisons"] = before["comparisons"] | result["comparisons"]
    result["minutes"] = sum(found["minutes"] for found in result["comparisons"].values())
    write_json(args.output, result)
    print(f"{result['minutes']:.1f} minutes; written to {args.output}")
    return 1 if refused(result["comparisons"]) else 0


if __name__ == "__main__":
    sys.exit(main())
