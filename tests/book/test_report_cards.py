"""The report cards: what the page shows is what was measured, and what its prose says follows from it."""

import pytest

from book.measured.report_cards import page as report_cards
from book.measured.tables import seeds_text
from tests.helpers.pages import shown, write
from tests.helpers.paths import ROOT

MEASURED = report_cards.measurements()
PROSE = (ROOT / "book" / "report-cards.md").read_text(encoding="utf-8")


def cells(page):
    return [
        [cell.strip().replace("\N{NO-BREAK SPACE}", " ") for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
    ]


def test_every_rival_has_its_row():
    page = cells(report_cards.accuracy_page(MEASURED))
    for reports in MEASURED["reports"].values():
        first = next(iter(reports.values()))
        shown = [first["baselines"][rule] for rule in report_cards.RULES if rule in first["baselines"]]
        for report in reports.values():
            shown += [report["accuracy_by_prompt"], *(report["baselines"][blind] for blind in report_cards.BLIND)]
        for one in shown:
            between = f"{one['low']:.1%} to {one['high']:.1%}"
            intervals = [
                line[2].removesuffix(" (by pair)")
                for line in page
                if line[1::2] == [f"{one['value']:.1%}", f"{one['n']:,}"]
            ]
            assert between in intervals
    names = [row[0] for row in page if len(row) == 4]
    assert names.count("a coin") == 3 and names.count("two annotators agree") == names.count("a perfect model") == 1


def test_what_other_seeds_gave_stands_beside_the_one_that_is_shown():
    page = report_cards.accuracy_page(MEASURED)
    shown = {line[0]: line[1:] for line in cells(page) if len(line) == 4}
    for test, seeds in MEASURED["seeds"].items():
        report = MEASURED["reports"][test]["course"]
        assert seeds["per_seed"][0] == pytest.approx(report["accuracy"]["value"]), "seed 0 is the model of the reports"
        assert seeds["accuracy"]["value"] == pytest.approx(sum(seeds["per_seed"]) / len(seeds["per_seed"]))
        for rule in ("longest", "shortest"):
            assert seeds["baselines"][rule]["value"] == report["baselines"][rule]["value"]
            assert seeds["baselines"][rule]["low"] == pytest.approx(report["baselines"][rule]["low"], abs=0.005)
        assert f"{min(seeds['per_seed']):.1%} to {max(seeds['per_seed']):.1%}" in page
    assert (
        f"{MEASURED['seeds']['PandaLM']['accuracy']['value']:.1%}"
        == shown["mean over 5 seeds of the course's model"][0]
    )


@pytest.mark.parametrize(
    "mean, rule, verdict",
    [
        ((0.62, 0.58, 0.66), (0.63, 0.58, 0.68), "no better than"),
        ((0.62, 0.58, 0.66), (0.60, 0.55, 0.65), "ahead, but not clearly, of"),
        ((0.62, 0.60, 0.64), (0.55, 0.51, 0.59), "clearly ahead of"),
    ],
)
def test_the_verdict_follows_from_the_numbers(mean, rule, verdict):
    mean, rule = ({"value": value, "low": low, "high": high, "n": 9} for value, low, high in (mean, rule))
    coin = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    bases = (
        {"similarity": rule, "longest": coin, "shortest": coin},
        {"similarity": coin, "longest": rule, "shortest": coin},
    )
    for name, base in zip(("likeness of prompt and answer", "longest wins"), bases, strict=True):
        text = seeds_text({"accuracy": mean, "per_seed": [0.61, 0.63], "baselines": base})
        assert (
            f"{verdict} *{name}*" in text and "61.0% to 63.0%" in text and text.count("ahead") == verdict.count("ahead")
        )


def test_calibration_and_comparison_are_those_measured():
    rows = cells(report_cards.calibration_page(MEASURED))[2:]
    assert len(rows) == 6
    found = MEASURED["reports"]["PandaLM"]["HH"]
    row = next(row for row in rows if row[0] == "the HH model on PandaLM")
    assert row[1] == f"{found['log_loss']:.3f}" and row[5] == f"{found['calibration']['temperature']:.2f}"
    rows = {row[0]: row for row in cells(report_cards.comparison_page(MEASURED))}
    for test, found in MEASURED["comparisons"].items():
        assert rows[test][1] == f"{found['difference']['value']:+.1%}"
        apart = found["a"]["value"] - found["b"]["value"]
        assert found["difference"]["value"] == pytest.approx(apart)


def test_length_and_memory_add_up():
    rows = cells(report_cards.length_page(MEASURED))[2:]
    assert sum(int(row[1].replace(",", "")) for row in rows) == MEASURED["reports"]["HH"]["course"]["n_pairs"]
    (known, new) = cells(report_cards.memory_page(MEASURED))[2:]
    assert known[4] == f"{MEASURED['training']['HH']['n_pairs']:,}" and new[1] != known[1]


def test_all_checks_passed_and_nothing_was_trained_on():
    for reports in MEASURED["reports"].values():
        for report in reports.values():
            assert report["n_seen"] == 0 and len(report["checks"]) == 3
            assert all(check["passed"] for check in report["checks"])


def test_no_text_of_others_is_in_it():
    """Numbers and our own names only: no prompt or response of the two outside sets."""

    def strings(value):
        if isinstance(value, dict):
            for one in value.values():
                yield from strings(one)
        elif isinstance(value, list):
            for one in value:
                yield from strings(one)
        elif isinstance(value, str):
            yield value

    assert max(map(len, strings(MEASURED["reports"]))) < 50


def test_the_page_includes_what_is_written(tmp_path):
    write(report_cards, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == shown(PROSE)
    assert all(path.stat().st_size > 100 for path in tmp_path.iterdir())


def reports(test):
    return MEASURED["reports"][test]["course"], MEASURED["reports"][test]["HH"]


def accuracy(report, rival=None):
    return (report["baselines"][rival] if rival else report["accuracy_by_prompt"])["value"]


def test_what_the_page_concludes():
    (course, hh_there), (course_there, hh), (course_panda, hh_panda) = map(reports, ("course:test", "HH", "PandaLM"))
    assert course["accuracy_by_prompt"]["low"] > 0.5 and hh["accuracy_by_prompt"]["low"] > 0.5
    assert accuracy(course) > accuracy(course, "bag_of_words")
    seeds = MEASURED["seeds"]
    assert seeds["course:test"]["accuracy"]["value"] <= seeds["course:test"]["baselines"]["similarity"]["value"]
    assert seeds["PandaLM"]["per_seed"][0] == max(seeds["PandaLM"]["per_seed"])
    assert seeds["PandaLM"]["accuracy"]["low"] < 0.5 < seeds["PandaLM"]["accuracy"]["high"]
    assert accuracy(hh) < accuracy(hh, "bag_of_words") and accuracy(hh) < accuracy(hh, "prompt_blind")
    for report in (course_panda, hh_panda):
        assert accuracy(report) < accuracy(report, "longest") < accuracy(report, "annotators") - 0.2
    assert abs(hh["log_loss"] - 0.693) < 0.001 and round(hh["calibration"]["temperature"], 2) == 0.02
    lengths = [one["accuracy"] for one in hh["groups"]["length"]]
    assert lengths[0]["low"] > 0.5 > lengths[-1]["high"], "shorter is better, it has learned"
    assert hh["baselines"]["shortest"]["value"] > 0.5 and accuracy(hh_panda, "longest") > 0.6
    assert accuracy(hh_panda) < 0.5
    known = MEASURED["memory"]["accuracy_by_prompt"]
    assert known["value"] - accuracy(hh) < 0.1, "little memory to be seen"
    assert course_there["n_pairs"] - hh["n_pairs"] in range(1, 10) and hh_there["n_pairs"] == course["n_pairs"]
