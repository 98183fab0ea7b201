"""The promises of the course data, and that the audit sees them broken."""

import random
import re
from collections import Counter

import pytest

from rmkit.loading import load_rankings
from rmkit.rankings import Ranking, Rankings
from rmkit.shortcuts import audit, bag_of_words, shared_runs

COURSE = load_rankings("course")
DOMAINS = {"law", "advice", "science and history", "writing and translating", "care"}
FLAWS = {"incomplete", "vague", "wrong fact", "off topic", "ignores the instruction", "misreads the question", "unsafe"}
FLAWS |= {"rude or careless", "padded", "invented source", "wrong reasoning", "wrong register"}


def give_aways(rankings):
    """The promises that a data set breaks, by name."""
    facts = rankings.describe()
    found = audit(rankings)
    broken = []
    if not 0.45 <= facts["longest_wins"]["value"] <= 0.55:
        broken.append("length")
    for name, part in found["by_domain"].items():
        if not 0.45 <= part["longest_wins"]["value"] <= 0.55:
            broken.append(f"length in {name}")
    if found["bag_of_words"]["value"] >= 0.60:
        broken.append("words")
    if found["shared_runs"]:
        broken.append("shared runs")
    if facts["repeated_prompts"]:
        broken.append("repeated prompts")
    return broken


def spoiled(change):
    """A copy of the course data in which `change(text, rank, best)` has rewritten every response."""
    return Rankings(
        Ranking(
            r.prompt, [change(text, rank) for text, rank in zip(r.responses, r.ranks, strict=True)], r.ranks, r.info
        )
        for r in COURSE
    )


def test_no_give_aways():
    assert give_aways(COURSE) == []


@pytest.mark.parametrize(
    "change, promise",
    [
        (
            lambda text, rank: text if rank else text + " That holds in nearly all cases, as far as is known today.",
            "length",
        ),
        (lambda text, rank: text if rank else f"Certainly: {text[:1].lower()}{text[1:]}", "words"),
        (lambda text, rank: text.replace(".", "!") if rank else text, "words"),
        (lambda text, rank: f"{text} This is all that there is to say here." if rank == 2 else text, "shared runs"),
    ],
)
def test_the_audit_sees_a_give_away(change, promise):
    assert promise in give_aways(spoiled(change))


def test_shape_and_fields():
    assert len(COURSE) >= 400 and len(set(COURSE.prompts)) == len(COURSE)
    assert sum(len(ranking) >= 5 for ranking in COURSE) >= 50 and {len(ranking) for ranking in COURSE} == set(
        range(4, 10)
    )
    domains = Counter(ranking.info["domain"] for ranking in COURSE)
    assert set(domains) == DOMAINS and 0.30 <= domains["law"] / len(COURSE) <= 0.37
    assert len({ranking.info["id"] for ranking in COURSE}) == len(COURSE)
    for ranking in COURSE:
        for rank, flaw, why in zip(ranking.ranks, ranking.info["flaws"], ranking.info["why"], strict=True):
            assert (flaw in FLAWS and re.search(r"\w", why)) if rank else (flaw is None and why is None), ranking.info[
                "id"
            ]


def test_the_split_is_by_prompt_and_alike_in_every_domain():
    parts = {name: load_rankings(f"course:{name}") for name in ("train", "validation", "test")}
    assert sum(map(len, parts.values())) == len(COURSE)
    for name, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
        for domain in DOMAINS:
            n = sum(ranking.info["domain"] == domain for ranking in parts[name])
            assert n / sum(r.info["domain"] == domain for r in COURSE) == pytest.approx(share, abs=0.03), (name, domain)


def test_near_duplicates_are_on_one_side():
    """No prompt of the test part shares more than two thirds of its words with one of the training part."""
    words = {ranking.prompt: set(re.findall(r"\w+", ranking.prompt.lower())) for ranking in COURSE}
    test, train = load_rankings("course:test").prompts, load_rankings("course:train").prompts
    closest = max((len(words[a] & words[b]) / len(words[a] | words[b]), a, b) for a in test for b in train)
    assert closest[0] < 2 / 3, closest


def test_bag_of_words_finds_what_is_there_and_nothing_else():
    generator = random.Random(0)
    vocabulary = [f"w{n}" for n in range(60)]

    def response(extra=""):
        return " ".join(generator.choices(vocabulary, k=12)) + extra

    noise = Rankings(Ranking(f"question {n}", [response(), response()]) for n in range(300))
    tone = Rankings(Ranking(f"question {n}", [response(" indeed"), response()]) for n in range(300))
    assert abs(bag_of_words(noise).value - 0.5) < 4 * 0.5 / 300**0.5  # four standard errors of a coin
    assert bag_of_words(tone).value == 1
    assert bag_of_words(tone[:3]) is None


def test_a_run_from_the_prompt_is_not_counted():
    prompt = "Repeat after me: one two three four five six seven eight nine"
    responses = ["one two three four five six seven eight", "one two three four five six seven eight nine ten"]
    assert shared_runs(Rankings([Ranking(prompt, responses)])) == []
    assert len(shared_runs(Rankings([Ranking("Count.", responses)]))) == 1


def test_columns_of_other_data_that_happen_to_have_our_names():
    odd = [
        {"domain": None, "flaws": 3},
        {"domain": ["law"], "flaws": "bad"},
        {"domain": "law", "flaws": [None, "vague"]},
    ]
    found = audit(Rankings(Ranking(f"question {n}", ["yes", "no"], info=info) for n, info in enumerate(odd)))
    assert list(found["by_domain"]) == ["law"] and found["flaws"] == {"vague": 1}
