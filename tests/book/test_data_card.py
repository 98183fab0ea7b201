"""The card of the course data says what is in the file: tables that add up, promises that can be seen to break."""

import hashlib
import json
import re
from statistics import median, quantiles

import pytest

from book.measured.data_card import page as data_card
from rmkit.loading import DATASETS, load_rankings
from rmkit.rankings import Ranking, Rankings
from tests.helpers.pages import shown, write
from tests.helpers.paths import ROOT

CARD = (ROOT / "book" / "data-card.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def course():
    return load_rankings("course")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `make book` writes for the card."""
    folder = tmp_path_factory.mktemp("build") / "data-card"
    write(data_card, folder)
    return folder


def row(name, split, ranks, flaws, domain="law"):
    responses = [f"answer {n}" for n in range(len(ranks))]
    why = [flaw and f"It is {flaw}." for flaw in flaws]
    info = {"id": name, "domain": domain, "split": split, "flaws": flaws, "why": why}
    return Ranking(f"question {name}", responses, ranks, info)


def estimate(value, reach=0.02, n=500):
    return {"value": value, "low": value - reach, "high": value + reach, "n": n}


def numbers(page, first):
    """The cells of the table line that begins with `first`."""
    lines = page.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    line = next(line for line in lines if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


# --- the page


def test_everything_the_card_includes_was_written(folder):
    parts = shown(CARD)
    assert sorted(parts) == sorted(path.name for path in folder.iterdir())
    assert all((folder / part).stat().st_size > 10 for part in parts)


def test_no_number_of_the_data_is_typed_in():
    assert not re.search(r"\d%|\d{3}(?!px)|\d+ (?:prompts|pairs|answers|ties)", CARD)
    alts = re.findall(r"^:alt: (.+)$", CARD, re.MULTILINE)
    assert len(alts) == CARD.count("```{measured-figure}") == 3
    assert not [alt for alt in alts if re.search(r"\d", alt)]


def test_what_the_captions_say_is_so(course):
    counts = data_card.flaws_by_domain(course)
    sums = {domain: sum(row[domain] for row in counts.values()) for domain in counts["unsafe"]}
    shares = {flaw: {domain: n / sums[domain] for domain, n in row.items()} for flaw, row in counts.items()}
    common = {"misreads the question", "wrong fact", "incomplete"}
    assert set(list(counts)[:3]) == common
    assert min(share for flaw in common for share in shares[flaw].values()) > 0.07
    by_unsafe = sorted(sums, key=shares["unsafe"].get, reverse=True)
    assert by_unsafe[:2] == ["care", "advice"]
    assert shares["unsafe"]["care"] > 0.1 and max(shares["unsafe"][name] for name in by_unsafe[-2:]) < 0.02
    assert max(sums, key=shares["ignores the instruction"].get) == "writing and translating"

    lengths = data_card.lengths_by_rank(course)
    for other in lengths.values():
        low, _, high = quantiles(other, n=4)
        assert all(low < median(numbers) < high for numbers in lengths.values())
    whiskers = {rank: quantiles(numbers, n=20)[-1] for rank, numbers in lengths.items()}
    assert max(whiskers, key=whiskers.get) == "1"

    sizes = [len(ranking) for ranking in course]
    assert max(set(sizes), key=sizes.count) == min(sizes) == 4


# --- its tables


def test_counts_add_up():
    data = Rankings(
        [
            row("a", "train", [0, 1, 1], [None, "vague", "padded"]),
            row("b", "train", [0, 1], [None, "vague"]),
            row("c", "test", [0, 1, 2, 3, 4], [None, *["unsafe"] * 4], domain="care"),
        ]
    )
    page = data_card.counts_page(data)
    assert numbers(page, "law") == ["2", "0", "2", "5", "3", "1"]  # train, test, together, answers, pairs, ties
    assert numbers(page, "care") == ["0", "1", "1", "5", "10", "0"]
    assert numbers(page, "all") == ["2", "1", "3", "10", "13", "1"]
    assert page.startswith("3 prompts with 10 answers make 13 pairs")
    assert "1 prompts have more than four" in page
    assert data_card.flaws_by_domain(data)["vague"] == {"law": 2, "care": 0}
    assert data_card.lengths_by_rank(data) == {"0": [8] * 3, "1": [8] * 4, "2": [8], "3": [8], "4 to 4": [8]}


def test_every_flaw_has_its_meaning_and_an_example(course):
    page = data_card.taxonomy_page(course)
    assert page.count("*Answered:*") == len(data_card.FLAWS)
    for meaning, name in data_card.FLAWS.values():
        assert meaning in page and f"({name})" in page


def test_an_example_that_changed_its_flaw_stops_the_build():
    with pytest.raises(SystemExit, match="law-110.*vague"):
        data_card.taxonomy_page(Rankings([row("x", "train", [0, 1], [None, "vague"])]))
    with pytest.raises(SystemExit, match="law-110.*vague"):
        changed = row("law-110", "train", [0, 1], [None, "padded"])
        data_card.taxonomy_page(Rankings([row("x", "train", [0, 1, 2], [None, "vague", "vague"]), changed]))
    with pytest.raises(SystemExit, match="boring"):
        data_card.taxonomy_page(Rankings([row("law-110", "train", [0, 1], [None, "boring"])]))


def test_markdown_in_the_data_stays_text():
    assert data_card.plain("a *b*\n$1 <c> [d](e)") == r"a \*b\* / \$1 \<c\> \[d\](e)"


@pytest.mark.parametrize(
    "change, first, verdict",
    [
        ({}, "all", "kept"),
        ({"longest_wins": estimate(0.58)}, "all", "**broken**"),
        ({"by_domain": {"law": {"longest_wins": estimate(0.41)}}}, "law", "**broken**"),
        ({"bag_of_words": estimate(0.61)}, "words alone", "**broken**"),
        ({"shared_runs": 2}, "groups that share eight words in a row", "**broken**"),
    ],
)
def test_a_broken_promise_is_called_so(change, first, verdict):
    facts = {
        "longest_wins": estimate(0.51),
        "by_domain": {"law": {"longest_wins": estimate(0.49)}},
        "bag_of_words": estimate(0.56),
        "shared_runs": 0,
    }
    page = data_card.audit_page(facts | change, estimate(0.5))
    assert numbers(page, first)[-1] == verdict
    assert page.count("**broken**") == bool(change)


def test_both_rules_of_length_are_shown():
    facts = {"longest_wins": estimate(0.53), "by_domain": {}, "bag_of_words": estimate(0.51), "shared_runs": 0}
    page = data_card.audit_page(facts, estimate(0.5))
    assert numbers(page, "all")[:4] == ["53.0%", "51.0% to 55.0%", "47.0%", "45.0% to 49.0%"]
    assert "no tone was found" in page


def test_very_long_answers_are_counted():
    data = Rankings([Ranking(f"q{n}", ["x" * 99 if n else "y", "short", "brief"]) for n in range(2)])
    found = data_card.longest_tail(data, part=1 / 6)
    assert (found.value, found.n) == (1.0, 2)


REVIEW = {
    "blind": {
        "n_prompts": 80,
        "pairs": estimate(0.9),
        "pairs_bootstrap": [0.87, 0.93],
        "tau": estimate(0.8, n=80),
        "n_disputed": 36,
        "n_swapped": 20,
        "n_tied": 15,
        "n_rewritten": 1,
    },
    "sample": {
        "n_prompts": 40,
        "wrong_fact": 1,
        "wrong_rank": 2,
        "wrong_flaw": 3,
        "any": 5,
        "done": "All were mended.",
    },
    "review": {"n_prompts": 400, "n_fixed": 50, "n_tied_by_rule": 70},
}


def test_what_the_second_look_found():
    page = data_card.agreement_page(REVIEW)
    assert numbers(page, "pairs in the same order") == ["90.0%", "88.0% to 92.0%", "500 pairs"]
    assert numbers(page, "the same, interval over prompts")[1:] == ["87.0% to 93.0%", "80 prompts"]
    assert "36 pairs" in page
    page = data_card.sample_page(REVIEW)
    assert numbers(page, "wrong in rank") == ["2 of 40"]
    assert "All were mended." in page


MEASURED = {
    "n_train": 300,
    "n_test": 85,
    "seeds": 5,
    "minutes": [2.14, 2.46],
    "accuracy": estimate(0.7),
    "training_pairs": 0.9,
    "baselines": {
        name: estimate(0.55) for name in ("longest", "shortest", "bag_of_words", "similarity", "frozen_probe")
    },
    "by_domain": {"law": estimate(0.66)},
    "by_flaw": {"vague": estimate(0.77)},
    "by_distance": {"2": estimate(0.8)},
    "curve": {"75": estimate(0.6)},
}
PANDALM = {
    "accuracy": estimate(0.53),
    "baselines": {name: estimate(0.6) for name in ("longest", "shortest", "similarity", "annotators")},
}


def test_what_was_learned():
    page = data_card.learnability_page(MEASURED)
    assert numbers(page, "**the trained model**") == ["70.0%", "68.0% to 72.0%", "500"]
    for first, right in {"law": "66.0%", "vague": "77.0%", "2": "80.0%", "75": "60.0%", "300": "70.0%"}.items():
        assert numbers(page, first)[0] == right
    assert "2.1 to 2.5 minutes" in page and "it learned more than tone" in page and "PandaLM" not in page
    page = data_card.learnability_page(MEASURED | {"accuracy": estimate(0.57)})
    assert "do not settle" in page and "It does no worse" not in page
    page = data_card.learnability_page(MEASURED | {"accuracy": estimate(0.54)})
    assert "It does no worse" in page
    page = data_card.learnability_page(MEASURED | {"pandalm": PANDALM})
    assert "PandaLM" in page and page.count("60.0%") >= 4


def test_what_was_not_measured_is_called_so(tmp_path, monkeypatch):
    monkeypatch.setattr(data_card, "audit_page", lambda facts, tail: "")
    monkeypatch.setattr(data_card, "audit", lambda data: {})
    parts = data_card.parts(tmp_path / "none.json", tmp_path / "none")
    for name in ("agreement", "sample", "learnability", "recipes"):
        assert "Not measured yet" in parts[name]


def test_recipes_show_their_gain_with_its_interval():
    gain = {"value": 0.027, "low": -0.005, "high": 0.047, "n": 500}
    nothing = {"value": 0.0, "low": 0.0, "high": 0.0, "n": 500}
    recipes = {
        "all": {"accuracy": estimate(0.577), "gain": nothing},
        "half": {"accuracy": estimate(0.604), "gain": gain},
    }
    page = data_card.recipes_page({"n_prompts": 341, "recipes": recipes}).replace("\xa0", " ")
    assert "| half | 60.4% | 58.4% to 62.4% | +2.7 (-0.5 to +4.7) |" in page
    assert "| all | 57.7% | 55.7% to 59.7% |  |" in page and "341 prompts" in page


def test_the_default_way_of_training_is_one_whose_gain_is_clear():
    import inspect

    from rmkit.training import train

    assert inspect.signature(train).parameters["freeze"].default == 0.5
    recipes = json.loads((ROOT / "book" / "measured" / "data_card" / "recipes.json").read_text(encoding="utf-8"))[
        "recipes"
    ]
    assert recipes["lower half frozen"]["gain"]["low"] > 0


def test_what_was_learned_was_measured_on_this_very_file():
    measured = json.loads((ROOT / "book" / "measured" / "data_card" / "learnability.json").read_text(encoding="utf-8"))
    now = hashlib.sha256((DATASETS / "course.jsonl").read_bytes()).hexdigest()
    assert measured["data"] == now, "the data has changed: run book/measured/data_card/learnability.py again"


def test_an_interval_from_a_handful_of_pairs_is_not_printed():
    page = data_card.estimates("By flaw", {"rare": estimate(0.8, n=8)})
    assert numbers(page, "rare") == ["80.0%", "too few", "8"]
