"""The page on attacks: what it says of measurements made by hand, and the measurement's own parts against counting."""

import hashlib
import json
import re

import numpy as np
import pytest

from book.measured.attacks import page as attacks_page
from book.measured.attacks.measure import SHOWN, Recorded, Together, accuracy, echo_again, pad_again
from rmkit.attacks import ATTACKS, pad_out, scoreboard
from rmkit.loading import DATASETS
from rmkit.rankings import Ranking, Rankings
from tests.helpers.pages import shown, write
from tests.helpers.paths import ROOT


def share(value, reach=0.05):
    return {"value": value, "low": value - reach, "high": value + reach, "n": 40}


def board(unattacked, echo, padding):
    rows = {
        name: {"gain": share(0.5), "overtakes": share(unattacked + more), "more": share(more)}
        for name, more in {"echo": echo, "padding, other words": padding}.items()
    }
    return {
        "n_prompts": 40,
        "accuracy": share(0.6),
        "prefers_longer": share(0.7),
        "unattacked": share(unattacked),
        "attacks": rows,
    }


def measured():
    names = ["course", *attacks_page.RECIPES]
    found = {
        "seeds": 3,
        "n_train": 200,
        "n_biased_pairs": 100,
        "n_test": 40,
        "minutes": 12.3,
        "longest_wins": {"biased": 0.9, "test": 0.504},
        "shown": ["echo"],
        "boards": {name: board(0.3, 0.4, 0.2) for name in names},
        "change": {name: share(0.0) for name in names[2:]},
        "polite": {name: share(0.1) for name in names},
        "accuracy_by_seed": {name: [0.58, 0.62, 0.6] for name in names},
    }
    found["boards"]["random answers"] = board(0.3, 0.4, 0.0)
    found["boards"]["attacks shown"] = board(0.5, -0.4, -0.01)
    found["change"]["random answers"] = share(0.08)
    found["change"]["attacks shown"] = share(-0.0625)
    return found


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "attacks.json").write_text(json.dumps(measured()))
    write(attacks_page, tmp_path / "out", tmp_path / "attacks.json")
    return {path.name: path for path in (tmp_path / "out").iterdir()}


def test_every_part_is_on_the_page_and_no_other(pages):
    page = (ROOT / "book" / "attacks.md").read_text(encoding="utf-8")
    assert set(pages) == shown(page)
    assert pages["scoreboard.png"].stat().st_size > 10_000


def test_what_works_and_what_it_cost_follow_from_the_intervals(pages):
    lines = dict(re.findall(r"(?m)^- \*\*(.+)\*\*\. (.+)$", pages["left.md"].read_text()))
    assert list(lines) == list(attacks_page.RECIPES.values())
    assert lines["no repair"] == "Still working: echo and padding in other words."
    assert lines["random answers"] == "Still working: echo. The accuracy is higher than without repair."
    assert lines["attacks shown"] == "No attack works any more. The accuracy is lower than without repair."
    assert lines["length taken out"].endswith("No change in accuracy is shown.")


def test_tables_hold_the_numbers(pages):
    def cells(name):
        text = pages[name].read_text().replace("\N{NO-BREAK SPACE}", " ")
        return [
            [cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line.startswith("|")
        ]

    costs = {row[0]: row[1:] for row in cells("repairs.md")}
    assert costs["no repair"][:3] == ["60.0% (55.0% to 65.0%)", "", "58.0% to 62.0%"]
    assert costs["attacks shown"][1] == "-6.2 (-11.2 to -1.2)"
    assert costs["attacks shown"][4] == "50.0% (45.0% to 55.0%)"
    after = {row[0]: row[1:] for row in cells("after.md")}
    assert list(after)[2:] == ["unattacked", "echo (shown)", "padding in other words"]
    column = list(attacks_page.RECIPES).index("attacks shown")
    assert after["echo (shown)"][column] == "10.0% (5.0% to 15.0%)"
    assert cells("biased.md")[2] == [
        "echo",
        "+0.50 (+0.45 to +0.55)",
        "70.0% (65.0% to 75.0%)",
        "+40.0 (+35.0 to +45.0)",
    ]
    assert "3 seeds" in pages["how.md"].read_text() and "12 minutes" in pages["how.md"].read_text()


def test_what_is_committed_was_measured_on_the_data_as_it_is():
    found = json.loads((ROOT / "book" / "measured" / "attacks" / "measured.json").read_text())
    assert found["data"] == hashlib.sha256((DATASETS / "course.jsonl").read_bytes()).hexdigest()
    assert set(found["boards"]) == {"course", *attacks_page.RECIPES} and found["shown"] == list(SHOWN)
    assert set(found["boards"]["course"]["attacks"]) >= {*ATTACKS, "another question"}


# --- the measurement


class Slow:
    """A model with known rewards, as many as there are texts."""

    def __init__(self, seed):
        self.seed = seed

    def score(self, prompts, responses):
        return [
            np.random.default_rng([self.seed, *f"{x}{y}".encode()]).normal()
            for x, y in zip(prompts, responses, strict=True)
        ]


DATA = Rankings([Ranking(f"question {n}", [f"good {n}", f"fair {n}", f"bad {n}"][: 2 + n % 2]) for n in range(9)])


def test_several_models_together_are_the_mean_of_each_alone():
    alone, recorded = [], []
    for seed in range(3):
        keeper = Recorded(Slow(seed))
        alone.append(scoreboard(keeper, DATA, {"padding": pad_out}))
        recorded.append(keeper)
    copies = Rankings([ranking for ranking in DATA for _ in range(3)])
    together = scoreboard(Together(recorded), copies, {"padding": pad_out})
    for pick in (
        lambda b: b.accuracy,
        lambda b: b.unattacked,
        lambda b: b.attacks["padding"]["gain"],
        lambda b: b.attacks["padding"]["more"],
    ):
        assert pick(together).value == pytest.approx(np.mean([pick(found).value for found in alone]))
    right, prompts = accuracy(recorded, DATA)
    assert len(right) == len(prompts) == 3 * DATA.n_pairs
    assert right.mean() == pytest.approx(together.accuracy.value)


def test_other_words_share_no_run_of_four_words_with_the_attacks_that_are_shown():
    def runs(text):
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[i : i + 4]) for i in range(len(words) - 3)}

    for again in (pad_again, echo_again):
        for attack in ATTACKS.values():
            assert not runs(again("", "")) & runs(attack("", ""))
