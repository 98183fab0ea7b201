"""The command line: rmkit train | evaluate | compare | score | rank | export | data.

Everything heavy is imported when it is needed.
"""

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path

from rmkit.errors import InputError

WAIT = 10  # seconds that a process leaves to the first one, to say what is wrong for all


def main(argv=None):
    """Run one command; return the exit status: 0 done, 2 the input is wrong, 1 anything else."""
    try:
        args = _parser().parse_args(argv)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: _say(f"rmkit: {message}")
            result, text = args.run(args)
        if not _is_helper():
            print(json.dumps(result, ensure_ascii=False, allow_nan=False) if args.json else text)
        return 2 if result.get("n_refused") and args.run is _validate else 0
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

    data = load_rankings(args.data, limit=args.limit, refused=args.refused)
    if not 0 <= args.held_out < 1:
        raise InputError(f"--held-out is {args.held_out}; it must be a share from 0 to below 1, such as 0.1")
    training, held_out = _sides(data, args.held_out, args.seed)
    from rmkit.checkpoints import check_output
    from rmkit.model import RewardModel
    from rmkit.training import TABLE_HEAD, check_data, check_settings, table_row, train

    settings = {name: getattr(args, name) for name in ("epochs", "lr", "batch_size", "max_length", "seed", "freeze")}
    check_settings(**settings)
    check_data(training, held_out)
    model = RewardModel.from_encoder(args.encoder, seed=args.seed)
    check_settings(**settings, longest_text=model.longest_text)
    check_output(args.output, args.resume)
    _say_left_out(data)
    held_out_text = f", {len(held_out)} held out" if held_out else ""
    _say(f"{args.data}: training on {len(training)} rankings ({training.n_pairs} pairs){held_out_text}")
    _say(TABLE_HEAD)
    history = train(
        model,
        training,
        held_out,
        **settings,
        output=args.output,
        resume=args.resume,
        on_epoch=lambda e: _say(table_row(e)),
    )
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
    _check_new(args.card, [".md"])
    _check_new(args.figures, [".png", ".svg", ".pdf"])
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
    lines = [
        ("prompts", facts["n_prompts"]),
        (
            "rankings",
            f"{facts['n_rankings']}, of K responses: " + ", ".join(f"{n} of {k}" for k, n in facts["k"].items()),
        ),
        ("pairs", f"{facts['n_pairs']}, and {facts['n_ties']} ties"),
        ("longest wins", _estimate(facts["longest_wins"])),
        ("shortest wins", _estimate(facts["shortest_wins"])),
        ("words a prompt", spread.format(**facts["words"]["prompt"])),
        ("words a response", spread.format(**facts["words"]["response"])),
        (
            "tokens a text",
            f"{spread.format(**tokens)}; {tokens['n_over']} of {tokens['n']} over {tokens['max_length']}",
        ),
        ("words alone", f"{_estimate(facts['bag_of_words'])}: the better one told from the responses' words"),
        ("shared runs", f"{facts['shared_runs']} groups of responses have eight words in a row in common"),
        *(
            ("  " + name, f"longest wins {_estimate(part['longest_wins'])}")
            for name, part in facts["by_domain"].items()
        ),
        *(("  " + flaw, f"{n} responses") for flaw, n in facts["flaws"].items()),
        ("duplicates", f"{facts['repeated_prompts']} prompts again, {facts['repeated_rankings']} whole rankings again"),
        ("refused", _refused_lines(data)),
    ]
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

    if Path(args.output).exists():
        raise InputError(f"{args.output}: exists already; choose another name")
    data = load_rankings(args.data, refused=args.refused)
    data.save(args.output)
    _say_left_out(data)
    facts = {"output": args.output, "n_rankings": len(data), "n_refused": len(data.refused)}
    return facts, f"{len(data)} rankings written to {args.output}"


def _check_new(name, endings):
    """Raise `InputError` unless a file of that name can be made; no name is fine."""
    if name is None:
        return
    path = Path(name)
    if path.suffix not in endings:
        raise InputError(f"{name}: the name must end in {' or '.join(endings)}")
    if path.exists():
        raise InputError(f"{name}: exists already; choose another name, or delete it")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise InputError(f"{name}: cannot be written; choose a folder that you may write to")


def _load_model(name):
    from rmkit.model import RewardModel, check_folder

    if name.startswith("hub:"):
        return RewardModel.from_pretrained(name.removeprefix("hub:"))
    check_folder(Path(name))
    return RewardModel.from_pretrained(name)


def _say_left_out(data):
    if data.refused:
        _say(f"left out {len(data.refused)} rows, the first: {data.refused[0]}")


def _say(text):
    if not _is_helper():
        print(text, file=sys.stderr, flush=True)


def _say_last(text, ends):
    """Say what was wrong. If a process `ends` with it that is not the first, it leaves the first one time to say the same.

    The launcher ends all processes with the first; one that still runs then has had the error alone.
    """
    if ends and _is_helper():
        time.sleep(WAIT)
        print(text, file=sys.stderr, flush=True)
    else:
        _say(text)


def _is_helper():
    """Whether this is one of several processes, and not the first, which speaks for all."""
    return os.environ.get("RANK", "0") != "0"


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise InputError(f"{message}; see '{self.prog} --help'")


def _parser():
    parser = _Parser(prog="rmkit", description="Train and use reward models: models of which answer people prefer.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name, run, about, parent=commands):
        new = parent.add_parser(name, help=about, description=about)
        new.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        new.set_defaults(run=run)
        return new

    def data_options(new):
        new.add_argument("--data", required=True, metavar="FILE|NAME", help="a file, a shipped set, or hub:org/name")
        new.add_argument("--limit", type=int, metavar="ROWS", help="read only the first rows")
        _refused_option(new)

    new = command("train", _train, "Train a reward model on rankings or pairs.")
    data_options(new)
    new.add_argument("--output", required=True, metavar="DIR", help="the folder to write the model to")
    new.add_argument("--encoder", default="all-MiniLM-L6-v2", metavar="NAME", help="default: %(default)s, embedded")
    new.add_argument("--epochs", type=int, default=2, metavar="N", help="passes over the data (default: %(default)s)")
    new.add_argument("--lr", type=float, default=1e-4, metavar="X", help="learning rate (default: %(default)s)")
    new.add_argument("--batch-size", type=int, default=8, metavar="N", help="rankings a step (default: %(default)s)")
    new.add_argument("--max-length", type=int, default=256, metavar="N", help="tokens a text (default: %(default)s)")
    new.add_argument(
        "--held-out",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="prompts kept to measure on, unless the data is split already",
    )
    new.add_argument("--seed", type=int, default=0, metavar="N", help="for the head, the split and the order")
    new.add_argument(
        "--freeze",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="how much of the encoder keeps its weights, from below (default: %(default)s; 0 trains all of it)",
    )
    new.add_argument("--resume", action="store_true", help="go on where an interrupted run in DIR stopped")

    def seen_option(new):
        new.add_argument(
            "--seen",
            choices=["refuse", "skip", "measure"],
            default="refuse",
            help="what to do if prompts, or nearly the same ones, were trained on (default: %(default)s)",
        )

    new = command(
        "evaluate", _evaluate, "Measure a reward model: intervals, rivals, calibration, groups of pairs, checks."
    )
    new.add_argument("--model", required=True, metavar="DIR", help="a trained model's folder, or hub:org/name")
    data_options(new)
    seen_option(new)
    new.add_argument("--calibration", metavar="FILE|NAME", help="other rankings, to fit a temperature on")
    new.add_argument("--training", metavar="FILE|NAME", help="what it was trained on, if rmkit did not train it")
    new.add_argument("--card", metavar="FILE", help="write a model card, usually DIR/README.md")
    new.add_argument("--figures", metavar="FILE", help="save a page of figures, as .png, .svg or .pdf")

    new = command("compare", _compare, "Put two reward models to the same pairs, and say whether one is better.")
    new.add_argument("models", nargs=2, metavar="DIR", help="two trained models' folders, A and B, or hub:org/name")
    data_options(new)
    seen_option(new)

    for name, run, about in [
        ("score", _score, "Give each response to a prompt its reward, or each row of a file."),
        ("rank", _rank, "Order responses to a prompt, best first."),
    ]:
        new = command(name, run, about)
        new.add_argument("--model", required=True, metavar="DIR", help="a trained model's folder, or hub:org/name")
        one = run is _rank
        new.add_argument("--prompt", required=one, metavar="TEXT")
        new.add_argument("--response", required=one, action="append", metavar="TEXT", help="once for each response")
        if run is _score:
            file = new.add_argument_group("a whole file, of any size, instead of --prompt and --response")
            file.add_argument(
                "--data",
                metavar="FILE|NAME",
                help="rows of prompt and response, or rankings and pairs of any known format",
            )
            file.add_argument(
                "--output",
                metavar="FILE",
                help='.jsonl or .jsonl.gz, a line a row: the row with "reward", "rewards", or why it was "refused"',
            )
            file.add_argument("--resume", action="store_true", help="go on where an interrupted run stopped")

    new = command("export", _export, "Write a reward model for a web page, as ONNX with int8 weights, and for Python.")
    new.add_argument("--model", required=True, metavar="DIR", help="a trained model's folder, or hub:org/name")
    new.add_argument("--output", required=True, metavar="DIR", help="the folder to write, new or empty")

    data = commands.add_parser("data", help="Describe, validate or convert preference data.")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    for name, run, about in [
        ("describe", _describe, "Count prompts, pairs, ties, lengths, duplicates, and how often the longest wins."),
        (
            "validate",
            _validate,
            "List every row that would be refused, with its reason; exit status 2 if there is one.",
        ),
        ("convert", _convert, "Write any known format as rankings in JSON Lines."),
    ]:
        new = command(name, run, about, parent=actions)
        new.add_argument("data", metavar="FILE|NAME", help="a file, a shipped set, or hub:org/name")
        if run is _convert:
            new.add_argument("--output", required=True, metavar="FILE", help="the file to write; it must not exist yet")
            _refused_option(new)
    return parser


def _refused_option(new):
    new.add_argument(
        "--skip-refused",
        dest="refused",
        action="store_const",
        const="skip",
        help="leave bad rows out instead of stopping",
    )
