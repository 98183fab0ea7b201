"""The command line: rmkit train | evaluate | compare | score | rank | export | data.

Everything heavy is imported when it is needed.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from rmkit.checks import check_new_file
from rmkit.errors import InputError
from rmkit.options import make_parser, training_config

Answer = tuple[dict, object]  # what a command found: for --json, and for a reader

WAIT = 10  # seconds that a process leaves to the first one, to say what is wrong for all


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 2 the input is wrong, 1 anything else.

    >>> main(["data", "validate", "toy"])
    10 rankings can be used, 0 rows refused
    0
    """
    try:
        args = make_parser().parse_args(argv)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: _say(f"rmkit: {message}")
            result, text = COMMANDS[args.command](args)
        if not _is_helper():
            print(json.dumps(result, ensure_ascii=False, allow_nan=False) if args.json else text)
        return 2 if result.get("n_refused") and args.command == "data validate" else 0
    except InputError as error:
        _say_last(f"rmkit: {error}", ends=argv is None)
        return 2
    except KeyboardInterrupt:
        _say("rmkit: interrupted; an interrupted training, or scoring of a file, goes on with --resume")
        return 1
    except (OSError, FloatingPointError) as error:
        _say_last(f"rmkit: {error}", ends=argv is None)
        return 1


def _train(args):
    from rmkit.loading import load_rankings

    config = training_config(args)
    config.check()
    data = load_rankings(args.data, limit=args.limit, refused=args.refused)
    if not 0 <= args.held_out < 1:
        raise InputError(f"--held-out is {args.held_out}; it must be a share from 0 to below 1, such as 0.1")
    training, held_out = _sides(data, args.held_out, args.seed)
    from rmkit.checkpoints import check_output
    from rmkit.history import TABLE_HEAD, table_row
    from rmkit.model import RewardModel
    from rmkit.training import check_data, train

    check_data(training, held_out)
    check_output(args.output, args.resume)
    model = RewardModel.from_encoder(args.encoder, seed=args.seed)
    config.check(model.longest_text)
    _say_left_out(data)
    held_out_text = f", {len(held_out)} held out" if held_out else ""
    _say(f"{args.data}: training on {len(training)} rankings ({training.n_pairs} pairs){held_out_text}")
    _say(TABLE_HEAD)
    options = {"output": args.output, "resume": args.resume, "on_epoch": lambda epoch: _say(table_row(epoch))}
    history = train(model, training, held_out, **asdict(config), **options)
    if history.n_truncated:
        _say(f"{history.n_truncated} training texts were longer than {args.max_length} tokens and were cut")
    return {"output": args.output, **history.to_dict()}, f"{history}\nsaved in {args.output}, {history.seconds:.0f} s"


def _sides(data, share, seed):
    """What to train on and what to hold out: the data's own parts where it has them, and never its test part."""
    from rmkit.rankings import Rankings

    parts = {
        name: [ranking for ranking in data if ranking.info.get("split") == name] for name in ("train", "validation")
    }
    if parts["train"] and len(parts["train"]) < len(data):
        held_out = Rankings(parts["validation"]) if parts["validation"] and share else None
        _say(
            "the data is split: only its part 'train' is trained on"
            + (", 'validation' is held out" if held_out else "")
        )
        return Rankings(parts["train"]), held_out
    if not parts["train"] and any(ranking.info.get("split") == "test" for ranking in data):
        raise InputError("the data is a test part, and has no part to train on; name the part 'train', or other data")
    return data.split(test=share, seed=seed) if share else (data, None)


def _evaluate(args):
    from rmkit.loading import load_rankings

    data = load_rankings(args.data, limit=args.limit, refused=args.refused)
    others = {
        name: load_rankings(source, refused=args.refused) if source else None
        for name, source in [("calibration", args.calibration), ("training", args.training)]
    }
    check_new_file(args.card, [".md"])
    check_new_file(args.figures, [".png", ".svg", ".pdf"])
    model = _load_model(args.model)
    from rmkit.cards import model_card
    from rmkit.evaluation import evaluate
    from rmkit.processes import join_processes

    _say_left_out(data)
    report = evaluate(model.to(join_processes().device), data, seen=args.seen, **others)
    if not _is_helper():
        if args.card:
            model_card(report, model, args.data, name=Path(args.model).name, path=args.card)
        if args.figures:
            report.plot(args.figures)
    return {**report.to_dict(), "n_refused": len(data.refused)}, report


def _compare(args):
    from rmkit.loading import load_rankings

    data = load_rankings(args.data, limit=args.limit, refused=args.refused)
    models = [_load_model(name) for name in args.models]
    from rmkit.evaluation import compare
    from rmkit.processes import join_processes

    _say_left_out(data)
    device = join_processes().device
    found = compare(*(model.to(device) for model in models), data, seen=args.seen)
    names = "\n".join(f"{letter} is {name}" for letter, name in zip("AB", args.models, strict=True))
    return {"models": args.models, **found.to_dict(), "n_refused": len(data.refused)}, f"{names}\n{found}"


def _score(args):
    if args.data is not None or args.output is not None or args.resume:
        return _score_file(args)
    if args.prompt is None or args.response is None:
        raise InputError("give --prompt and --response, or for a whole file --data and --output")
    rewards = _load_model(args.model).score(args.prompt, args.response)
    text = "\n".join(f"{reward:+.4f}  {response}" for response, reward in zip(args.response, rewards, strict=True))
    return {"prompt": args.prompt, "rewards": rewards}, text


def _score_file(args):
    if args.prompt is not None or args.response is not None:
        raise InputError(
            "--prompt and --response score some answers, --data and --output a whole file; give either two"
        )
    if args.data is None or args.output is None:
        raise InputError("scoring a whole file needs both, --data to read and --output to write")
    model = _load_model(args.model)
    from rmkit.scoring import score_file

    scored = score_file(model, args.data, args.output, args.resume)
    if scored.n_refused:
        _say(f"refused {scored.n_refused:,} of {scored.n_rows:,} rows; in the output they say why. The first:")
    for refused in scored.refused[:5]:
        _say(f"  row {refused['row']}: {refused['reason']}")
    if scored.n_answers_cut:
        limit = model.config.text_length
        _say(f"{scored.n_answers_cut:,} responses were longer than {limit} tokens: their end has not been read")
    return scored.to_dict(), scored


def _rank(args):
    ranked = _load_model(args.model).rank(args.prompt, args.response)
    text = "\n".join(f"{place}. {reward:+.4f}  {response}" for place, (response, reward) in enumerate(ranked, 1))
    return {"prompt": args.prompt, "ranking": [{"response": r, "reward": reward} for r, reward in ranked]}, text


def _export(args):
    model = _load_model(args.model)
    from rmkit.onnx import export

    manifest = export(model, args.output)
    sizes = "\n".join(f"{name:<12}{file['bytes'] / 1e6:.1f} MB" for name, file in manifest["files"].items())
    return {"output": args.output, **manifest}, f"{sizes}\nsaved in {args.output}"


def _describe(args):
    from rmkit.encoders import load_tokenizer
    from rmkit.loading import load_rankings
    from rmkit.shortcuts import audit

    data = load_rankings(args.data, refused="skip")
    facts = {**data.describe(load_tokenizer()), **audit(data)}
    spread = "min {min}, median {median:g}, 95% up to {p95}, max {max}"
    tokens = facts["tokens"]
    over = f"{tokens['n_over']} of {tokens['n']} over {tokens['max_length']}"
    sizes = ", ".join(f"{n} of {k}" for k, n in facts["k"].items())
    lines = [
        ("prompts", facts["n_prompts"]),
        ("rankings", f"{facts['n_rankings']}, of K responses: {sizes}"),
        ("pairs", f"{facts['n_pairs']}, and {facts['n_ties']} ties"),
        ("longest wins", _estimate(facts["longest_wins"])),
        ("shortest wins", _estimate(facts["shortest_wins"])),
        ("words a prompt", spread.format(**facts["words"]["prompt"])),
        ("words a response", spread.format(**facts["words"]["response"])),
        ("tokens a text", f"{spread.format(**tokens)}; {over}"),
        ("words alone", f"{_estimate(facts['bag_of_words'])}: the better one told from the responses' words"),
        ("shared runs", f"{facts['shared_runs']} groups of responses have eight words in a row in common"),
    ]
    for name, part in facts["by_domain"].items():
        lines.append((f"  {name}", f"longest wins {_estimate(part['longest_wins'])}"))
    lines += [(f"  {flaw}", f"{n} responses") for flaw, n in facts["flaws"].items()]
    again = f"{facts['repeated_prompts']} prompts again, {facts['repeated_rankings']} whole rankings again"
    lines += [("duplicates", again), ("refused", _refused_lines(data))]
    return facts, "\n".join(f"{name:<26}{value}" for name, value in lines)


def _validate(args):
    from rmkit.loading import load_rankings

    data = load_rankings(args.data, refused="skip")
    facts = {key: value for key, value in data.describe().items() if key in ("n_rankings", "n_refused", "refused")}
    return facts, f"{len(data)} rankings can be used, {_refused_lines(data)}"


def _estimate(values):
    from rmkit.intervals import Estimate

    return Estimate(**values) if values else "unknown, too few prompts"


def _refused_lines(data):
    return "\n".join([f"{len(data.refused)} rows refused", *(f"  {refused}" for refused in data.refused)])


def _convert(args):
    from rmkit.loading import load_rankings

    check_new_file(args.output, [".jsonl", ".ndjson"])
    data = load_rankings(args.data, refused=args.refused)
    data.save(args.output)
    _say_left_out(data)
    facts = {"output": args.output, "n_rankings": len(data), "n_refused": len(data.refused)}
    return facts, f"{len(data)} rankings written to {args.output}"


def _load_model(name):
    in_hub = name.startswith("hub:")
    if not in_hub:
        from rmkit.folders import check_folder

        check_folder(Path(name))  # before torch is imported
    from rmkit.model import RewardModel

    return RewardModel.from_pretrained(name.removeprefix("hub:") if in_hub else name)


def _say_left_out(data):
    if data.refused:
        _say(f"left out {len(data.refused)} rows, the first: {data.refused[0]}")


def _say(text):
    if not _is_helper():
        print(text, file=sys.stderr, flush=True)


def _say_last(text, ends):
    """Say what was wrong. A process that `ends` with it and is not the first leaves the first one time to say the same.

    The launcher ends all processes with the first. If this one still runs then, the error was its own.
    """
    if ends and _is_helper():
        time.sleep(WAIT)
        print(text, file=sys.stderr, flush=True)
    else:
        _say(text)


def _is_helper():
    """Whether this is one of several processes, and not the first, which speaks for all."""
    return os.environ.get("RANK", "0") != "0"


COMMANDS: dict[str, Callable[[Namespace], Answer]] = {
    "train": _train,
    "evaluate": _evaluate,
    "compare": _compare,
    "score": _score,
    "rank": _rank,
    "export": _export,
    "data describe": _describe,
    "data validate": _validate,
    "data convert": _convert,
}
