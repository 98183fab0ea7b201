"""The tables and the figure of book/report-cards.md, from what measure.py beside this file measured, and from what
other seeds of the course's model gave (learnability.py of the data card).
"""

from pathlib import Path

from book.measured.tables import BY_PROMPT, MEASURED, interval, load, seeds_rows, seeds_text, share, spread, table
from rmkit.course.figures import measuring as figures
from rmkit.intervals import Estimate
from rmkit.reports import NAMES

REPORTS = Path(__file__).with_name("measured.json")
LEARNED = MEASURED / "data_card" / "learnability.json"
RULES = ("chance", "longest", "shortest", "bag_of_words", "annotators", "ceiling")  # the same for every model
BLIND = ("prompt_blind", "response_blind")  # of each model
MODELS = {"course": "the course's model", "HH": "the HH model"}


def training_page(measured):
    rows = [
        [MODELS[name], f"{found['n_prompts']:,}", f"{found['n_pairs']:,}", f"{found['epochs'][-1]['loss']:.3f}"]
        for name, found in measured["training"].items()
    ]
    return table(["Model", "training prompts", "pairs", "last training loss"], rows)


def rows_of(reports, seeds=None):
    """(name, estimate) of the models, of what each gets blind, of the rules, and of other `seeds`, on one test set."""
    rows = [(MODELS[name], report["accuracy_by_prompt"]) for name, report in reports.items()]
    mean, likeness = ([one] for one in seeds_rows(seeds)) if seeds else ([], [])
    rows[1:1] = mean
    for name, report in reports.items():
        for blind in BLIND:
            rows.append(
                (
                    f"{MODELS[name]}, {'no prompt' if blind == 'prompt_blind' else 'words masked'}",
                    report["baselines"][blind],
                )
            )
    baselines = next(iter(reports.values()))["baselines"]
    return rows + likeness + [(NAMES[rule], baselines[rule]) for rule in RULES if rule in baselines]


def accuracy_page(measured):
    """A table a test set."""
    parts = []
    for test, reports in measured["reports"].items():
        report = next(iter(reports.values()))
        parts.append(
            f"**{test}**: {report['n_pairs']:,} pairs from {report['n_prompts']:,} prompts, {report['n_ties']} ties left out.\n"
        )
        rows = [
            [name, share(one["value"]), spread(name, one), f"{one['n']:,}"]
            for name, one in rows_of(reports, measured["seeds"].get(test))
        ]
        parts.append(table(["Which response is better, according to", "right", BY_PROMPT, "n"], rows))
        if test in measured["seeds"]:
            parts.append(seeds_text(measured["seeds"][test]))
    return "\n".join(parts)


def calibration_page(measured):
    rows = []
    for test, reports in measured["reports"].items():
        for name, report in reports.items():
            found = report["calibration"]
            expected = found["ece_if_calibrated"]
            rows.append(
                [
                    f"{MODELS[name]} on {test}",
                    f"{report['log_loss']:.3f}",
                    f"{report['brier']:.3f}",
                    f"{found['ece']:.3f}",
                    f"{expected['mean']:.3f}, up to {expected['high']:.3f}",
                    f"{found['temperature']:.2f}",
                    f"{found['after']['log_loss']:.3f}",
                    f"{found['after']['ece']:.3f}",
                ]
            )
    head = ["Model and test", "log loss", "Brier", "ECE", "if calibrated", "T", "log loss with T", "ECE with T"]
    return table(head, rows)


def comparison_page(measured):
    rows = []
    for test, found in measured["comparisons"].items():
        apart, needed = found["difference"], found["pairs_needed"]
        test_of = found["mcnemar"]
        rows.append(
            [
                test,
                f"{apart['value']:+.1%}",
                f"{apart['low']:+.1%} to {apart['high']:+.1%}",
                f"{test_of['only_a']}, {test_of['only_b']} of {test_of['n']:,}",
                f"{test_of['p']:.2g}",
                "none would do" if needed is None else f"{needed:,}",
            ]
        )
    return table(["Test", "course minus HH", "95% interval", "only one is right", "McNemar's p", "pairs needed"], rows)


def length_page(measured, test="HH"):
    """Accuracy of both models by how long the better response is."""
    reports = measured["reports"][test]
    by_name = {
        name: {one["name"]: one["accuracy"] for one in report["groups"]["length"]} for name, report in reports.items()
    }
    rows = []
    for group in next(iter(by_name.values())):
        row = [group, f"{next(iter(by_name.values()))[group]['n']:,}"]
        for found in by_name.values():
            row += [share(found[group]["value"]), interval(found[group])]
        rows.append(row)
    head = ["The better response is", "pairs"]
    for name in by_name:
        head += [MODELS[name], "95% interval"]
    return table(head, rows)


def memory_page(measured):
    known, new = measured["memory"], measured["reports"]["HH"]["HH"]
    rows = [
        [
            where,
            share(one["accuracy_by_prompt"]["value"]),
            interval(one["accuracy_by_prompt"]),
            f"{one['log_loss']:.3f}",
            f"{one['n_pairs']:,}",
        ]
        for where, one in [("its own training pairs", known), ("pairs of other prompts", new)]
    ]
    return table(["The HH model on", "right", "95% interval", "log loss", "pairs"], rows)


PAGES = {
    "training": training_page,
    "accuracy": accuracy_page,
    "calibration": calibration_page,
    "comparison": comparison_page,
    "length": length_page,
    "memory": memory_page,
}


def measurements():
    """What measured.json holds, and under `seeds`, for some test sets, what other seeds of the course's model gave."""
    measured, learned = load(REPORTS), load(LEARNED)
    return measured | {"seeds": {"course:test": learned, "PandaLM": learned["pandalm"]}}


def parts():
    """The page's parts in Markdown."""
    measured = measurements()
    return {name: page(measured) for name, page in PAGES.items()}


def draw(folder):
    """The page's figure, as a PNG file in `folder`."""
    measured = measurements()
    panels = {
        test: [
            (name, Estimate(**one))
            for name, one in rows_of(reports, measured["seeds"].get(test))
            if "masked" not in name
        ]
        for test, reports in measured["reports"].items()
    }
    figures.plot_rivals(panels, folder / "rivals.png")
