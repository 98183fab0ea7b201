"""The playground in Chromium: its numbers are Python's, every failure is told, and a keyboard is enough."""

import gzip
import json
import math
import os
import random
import re
import unicodedata
from urllib.parse import urlparse

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from book.measured.playground import page as playground_page
from rmkit.batching import encode
from rmkit.loading import load_rankings
from rmkit.model import RewardModel
from tests.helpers.paths import ROOT

PATH = "book/playground.html"
SITE = ROOT / "_build" / "site" / "playground"
AXE = ROOT / "_build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
RANK = "reward-playground button.primary"
RESULTS = "reward-playground .results"
PROBLEM = "reward-playground [role=alert]"
SLOW = 120_000  # milliseconds: a limit for hanging, not a time that is measured

NASTY = [
    "ok 👍🏽 👩‍👧‍👦 🇫🇷 fine",
    "契約は「合意」である。合同法 계약 สัญญา",
    "\U00020001\U0002b740\U0002b8ff\U0002f81a beyond the first plane",
    "Café naïve Ærøskøbing Straße ﬁle Ångström İstanbul ı ǅ",
    "ΟΔΥΣΣΕΥΣ ὀδυσσεύς Σ ΣΑΣ",
    "e\u0301\u0327\u0345 a\u030a\u0323 \u1e69 \u0344",
    "tab\there\r\nnew\u00a0line\u2028sep\u2029 next\u0085line \u3000wide",
    "nul\x00 bell\x07 zero\u200bwidth soft\u00adhyphen bom\ufeff repl\ufffd private\ue000",
    "\u200b",
    "...",
    "constructor",
    "[SEP] typed [CLS]by hand[MASK], [PAD] and [UNK][sep]",
    "a" * 100,
    "a" * 101 + " and a short one",
    "é" * 100,
    "e\u0301" * 100,
    "$5 + <b>bold</b> & 3^2 = 9 | `code` ~x~ §12 ¶ ° €7 «quoted» ‘x’ — …",
    "don't can't o'clock U.S.C. 42/1983 e.g. 3.14 1,000",
    "क़ानून عَرَبِيّ עִבְרִית ไทย ລາວ",
    "word " * 600,
    "supercalifragilistic" * 5 + " x" * 300,
]


def or_fail(message):
    """Skip a test for want of what it needs; in CI, where nothing may be missing, fail it."""
    (pytest.fail if os.environ.get("RMKIT_BROWSER") == "1" else pytest.skip)(message)


@pytest.fixture
def open_playground(open_page):
    if not (SITE / "ort.mjs").is_file():
        or_fail("this book was built without Node, so its page has no playground")
    return lambda **options: open_page(PATH, **options)


@pytest.fixture(scope="module")
def model():
    return RewardModel.from_pretrained(ROOT / "_build" / "model")


@pytest.fixture(scope="module")
def example():
    """The example that the tests rank: its title, prompt, answers in the page's order, and their ranks in the data."""
    titles = list(playground_page.EXAMPLES.values())
    title, ranking, order = list(playground_page.in_any_order(load_rankings("course:test")))[5]
    assert title == titles[5]
    return title, ranking.prompt, [ranking.responses[i] for i in order], [ranking.ranks[i] for i in order]


def rank(page):
    """Press the button, wait for the results, and read them: [(letter, reward), ...] best first."""
    page.click(RANK)
    return results(page)


def results(page):
    expect(page.locator(RANK)).to_have_text("Rank the answers", timeout=SLOW)
    expect(page.locator(RESULTS)).to_be_visible()
    heads = page.locator(".ranking > li > .head").all_text_contents()
    return [
        (found[1], number(found[2])) for found in (re.match(r"\d\.Answer (\w)([+−][\d.]+)", head) for head in heads)
    ]


def file_name(url):
    return urlparse(url).path.split("/")[-1]


def number(text):
    return float(text.replace("−", "-"))


def compute(page, site, script, argument):
    """Run a function of the page's own modules: (argument, Scorer, WordPiece, manifest, vocabulary) => ..."""
    return page.evaluate(
        f"""async ([base, argument]) => {{
            const {{ Scorer }} = await import(base + "scorer.js");
            const {{ WordPiece }} = await import(base + "wordpiece.js");
            return await ({script})(argument, Scorer, WordPiece, base);
        }}""",
        [f"{site}playground/", argument],
    )


# --- the numbers


def test_ids_and_rewards_are_those_of_python(open_playground, site, model):
    pairs = [
        (ranking.prompt, response) for ranking in load_rankings("course:test")[:55] for response in ranking.responses
    ]
    pairs += [("What is a lease?", text) for text in NASTY] + [(text, "A contract.") for text in NASTY]
    assert len(pairs) > 250
    limit = model.config.text_length
    encoded = [encode(model.tokenizer, prompt, response, limit) for prompt, response in pairs]
    found = compute(
        open_playground(),
        site,
        """async (pairs, Scorer) => {
            const scorer = new Scorer();
            await scorer.load();
            const found = [];
            for (const [prompt, response] of pairs) found.push(await scorer.score(prompt, response));
            scorer.close();
            return found;
        }""",
        pairs,
    )
    assert [text["ids"] for text in found] == [text.ids for text in encoded]
    assert [text["reward"] for text in found] == pytest.approx(
        model.score_ids([text.ids for text in encoded]), abs=1e-5
    )
    for js, python in zip(found, encoded, strict=True):
        assert bool(js["unreadPrompt"]) == bool(python.cut_prompt)
        assert bool(js["unreadResponse"]) == bool(python.cut_response)
        assert len(js["unknownPrompt"] + js["unknownResponse"]) == python.ids.count(model.tokenizer.unk_token_id)
    whole = [len(model.tokenizer.tokenize(prompt)) for prompt, _ in pairs]
    lost = [0 < n == text.cut_prompt for n, text in zip(whole, encoded, strict=True)]
    assert [text["wholePromptUnread"] for text in found] == lost and 0 < sum(lost) < len(lost)


def test_characters_are_read_as_in_python(open_playground, site, model):
    """All that Unicode 3.2 had. Of later scripts the tokenizer knows less than a browser, for its tables are of Unicode
    8."""
    assigned = unicodedata.ucd_3_2_0.category
    changed = "\u166d\u1734\u1885\u1886"  # their kind was changed since
    characters = [c for c in map(chr, range(0x110000)) if assigned(c) not in ("Cn", "Cs", "Co") and c not in changed]
    words = model.tokenizer.backend_tokenizer
    python = [
        " ".join(word for word, _ in words.pre_tokenizer.pre_tokenize_str(words.normalizer.normalize_str(f"a{c}b")))
        for c in characters
    ]
    found = compute(
        open_playground(),
        site,
        """(characters, Scorer, WordPiece) => {
            const tokenizer = new WordPiece("", { lowercase: true, strip_accents: null, special: {} });
            return characters.map((character) => tokenizer.units(tokenizer.normalize(`a${character}b`)).join(" "));
        }""",
        characters,
    )
    wrong = [f"U+{ord(c):04X}" for c, mine, theirs in zip(characters, found, python, strict=True) if mine != theirs]
    assert wrong == []


def test_ranks_an_example_as_python_does(open_playground, model, example):
    title, prompt, answers, ranks = example
    page = open_playground()
    page.select_option("#rp-example", label=title)
    assert page.locator("#rp-prompt").input_value() == prompt
    assert page.locator(".answers textarea").evaluate_all("fields => fields.map((field) => field.value)") == answers
    assert "in the data" not in page.locator("reward-playground").inner_text()

    found = rank(page)
    rewards = dict(zip("ABCDEFGHI", model.score(prompt, answers), strict=False))
    order = sorted(rewards, key=lambda letter: -rewards[letter])
    assert [letter for letter, _ in found] == order
    assert [reward for _, reward in found] == pytest.approx([rewards[letter] for letter in order], abs=0.00051)

    of = dict(zip("ABCDEFGHI", ranks, strict=False))
    pairs = [(a, b) for a in of for b in of if of[a] < of[b]]
    right = sum(rewards[a] > rewards[b] for a, b in pairs)
    text = page.locator(RESULTS).inner_text()
    assert (
        f"Of its {len(pairs)} pairs of a better and a worse answer, the model puts {right} the same way round." in text
    )
    assert text.count("in the data: best, tied") == ranks.count(0) == 2

    rows = [row.split("\t") for row in page.locator(".pairs tbody").inner_text().split("\n")]
    for row, letter in zip(rows, order, strict=True):
        for cell, other in zip(row[1:], order, strict=True):
            expected = 100 / (1 + math.exp(rewards[other] - rewards[letter]))
            assert cell == "–" if letter == other else abs(int(cell.rstrip("%")) - expected) < 0.6
    assert page.problems == []


def test_says_why_as_python_would(open_playground, model, example):
    title, prompt, answers, _ = example
    page = open_playground()
    page.select_option("#rp-example", label=title)
    letter, _ = rank(page)[0]
    answer = answers["ABCDEFGHI".index(letter)]
    words = answer.split()
    page.locator(".ranking button").first.click()
    page.locator(".why summary").click()
    rows = [row.split("\t") for row in page.locator(".why tbody").inner_text().split("\n")]
    without = model.score(prompt, [" ".join([*words[:i], *words[i + 1 :]]) for i in range(len(words))])
    changes = [model.score(prompt, answer) - reward for reward in without]
    assert [row[0] for row in rows] == words
    assert [number(row[1]) for row in rows] == pytest.approx(without, abs=0.00051)
    assert [number(row[2]) for row in rows] == pytest.approx(changes, abs=0.00051)
    shades = page.locator(".text .word").evaluate_all("words => words.map((word) => word.className)")
    shades = [shade for shade in shades if "word" in shade][: len(words)]
    assert ["hurts" in shade for shade in shades] == [change < 0 for change in changes]
    assert page.problems == []


def test_says_what_was_not_read(open_playground, model):
    known = ["law", "rent", "court", "judge", "tenant", "house"]  # a token each
    draw = random.Random(0)
    prompt, long = (" ".join(draw.choices(known, k=k)) for k in (60, 300))
    middle = " ".join(draw.choices(known, k=230))
    page = open_playground()
    page.select_option("#rp-example", "own")
    page.fill("#rp-prompt", prompt)
    page.fill("#rp-answer-0", long)
    page.fill("#rp-answer-1", middle)
    rank(page)
    room = model.config.text_length - 2
    items = {name: page.locator(f".ranking > li:has(strong:text-is('Answer {name}'))").inner_text() for name in "AB"}
    no_room = "words for which the model has no room"
    lost = long.split()[room:]
    assert f"the end of this answer, {len(lost)} {no_room}: “{' '.join(lost)[:90]}" in items["A"]
    assert "The whole question was not read: this answer takes all the room" in items["A"]
    assert "start of the question" not in items["A"]
    assert f"the start of the question, {60 + 230 - room} {no_room}: “{prompt[:90]}" in items["B"]
    assert "the end of" not in items["B"] and "whole question" not in items["B"]
    assert "The question was cut beside A and B," in page.locator(RESULTS).inner_text()

    item = page.locator(".ranking > li:has(strong:text-is('Answer A'))")
    item.get_by_role("button", name="Why?").click()
    item.get_by_role("button", name="Stop").click()
    expect(item.locator(".why")).to_contain_text("Stopped after", timeout=SLOW)
    assert item.locator(".text .unread").all_text_contents() == lost


def test_says_which_answers_are_the_same_to_the_model(open_playground, example):
    title, _, answers, _ = example
    page = open_playground()
    page.select_option("#rp-example", label=title)
    rank(page)
    agreement = page.locator(RESULTS).get_by_text("the same way round").inner_text()
    page.get_by_role("button", name="Duplicate answer A").click()
    copy = page.locator(".answers textarea").last
    expect(copy).to_be_focused()
    expect(copy).to_have_value(answers[0])
    last = "ABCDEFGHI"[len(answers)]
    rewards = dict(rank(page))
    assert rewards["A"] == rewards[last]
    text = page.locator(RESULTS).inner_text()
    assert f"A and {last} get the same reward: they are the same text." in text
    assert agreement in text, "a pair is counted twice"
    places = [
        page.locator(f".head:has(strong:text-is('Answer {letter}')) .place").inner_text() for letter in ["A", last]
    ]
    assert places[0] == places[1]

    copy.fill(f"  {answers[0].upper()} ")
    rank(page)
    alike = f"A and {last} get the same reward: they differ only in what the model does not see, such as capitals"
    assert alike in page.locator(RESULTS).inner_text()
    assert page.problems == []


GIVEN = """
export class Problem extends Error {}
export class Scorer {
  async load() {}
  async score(prompt, response) {
    const nothing = { unreadPrompt: "", unreadResponse: "", unknownPrompt: [], unknownResponse: [] };
    return { reward: Number(response), ids: [response], ...nothing };
  }
}"""


def test_equal_rewards_share_a_place(open_playground):
    """With a model that is not one: each answer is its own reward."""
    page = open_playground()
    page.route("**/playground/scorer.js", lambda route: route.fulfill(body=GIVEN, content_type="text/javascript"))
    page.reload()
    page.select_option("#rp-example", "own")
    page.fill("#rp-prompt", "How much?")
    page.get_by_role("button", name="Add an answer").click()
    for n, reward in enumerate(["0.1001", "-0.5", "0.1004"]):
        page.fill(f"#rp-answer-{n}", reward)
    assert rank(page) == [("C", 0.1), ("A", 0.1), ("B", -0.5)]
    assert page.locator(".place").all_text_contents() == ["1.", "1.", "3."]
    text = page.locator(RESULTS).inner_text()
    assert "Equal: A and C get the same reward, to three decimals, though not all of them read the same." in text
    assert "Between A and C it has no preference" in text and "50%" in text
    said = "Answers A and C share the first place, with a reward of +0.100; then B −0.500."
    expect(page.locator("reward-playground [role=status]")).to_have_text(said)

    page.fill("#rp-answer-2", "0.2")
    rank(page)
    assert page.locator(".place").all_text_contents() == ["1.", "2.", "3."]
    text = page.locator(RESULTS).inner_text()
    assert "Equal:" not in text and "That C is better than A is likely" in text


def test_says_what_the_vocabulary_does_not_have(open_playground):
    page = open_playground()
    page.select_option("#rp-example", "own")
    page.fill("#rp-prompt", "Is 👍 a contract?")
    page.fill("#rp-answer-0", "👍 Yes, 🤝 👍.")
    page.fill("#rp-answer-1", "It can be.")
    rank(page)
    items = {name: page.locator(f".ranking > li:has(strong:text-is('Answer {name}'))").inner_text() for name in "AB"}
    assert "Unknown: 3 tokens of this answer." in items["A"]
    assert "“👍”, “🤝”" in items["A"]
    assert "Unknown" not in items["B"]
    assert page.locator(RESULTS).inner_text().count("Unknown: 1 token of the question") == 1
    assert page.problems == []


def test_folds_a_long_answer(open_playground):
    page = open_playground()
    page.fill("#rp-answer-0", "word " * 2000)
    rank(page)
    item = page.locator(".ranking > li:has(strong:text-is('Answer A'))")
    text = item.locator(".text")
    lines = "text => Math.round(text.clientHeight / parseFloat(getComputedStyle(text).lineHeight))"
    assert text.evaluate(lines) == 6
    item.get_by_role("button", name="Show all 2,000 words of answer A").focus()
    page.keyboard.press("Enter")
    assert text.evaluate(lines) > 50
    expect(item.get_by_role("button", name="Show less of answer A")).to_be_focused()
    page.keyboard.press("Enter")
    assert text.evaluate(lines) == 6
    expect(item.get_by_role("button", name="Show all")).to_be_in_viewport()
    item.get_by_role("button", name="Why?").click()
    assert text.evaluate(lines) > 50, "the words that it marks are folded away"
    assert page.locator(".fold").count() == 1, "a short answer is folded"
    assert page.problems == []


# --- before the click, and after


def test_downloads_nothing_before_the_click_and_sends_nothing_after(open_playground, site):
    page = open_playground(wait_until="networkidle")
    requests = []
    page.on("request", lambda request: requests.append(request))
    small = sorted(SITE.glob("*.js")) + [SITE / "playground.css"]
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    loaded = {file_name(url) for url in loaded if url.startswith(f"{site}playground/")}
    assert loaded == {path.name for path in small} - {"worker.js"}
    page.fill("#rp-answer-0", "Another answer.")
    assert requests == []

    said = page.locator(RANK).inner_text()
    page.click(RANK)
    results(page)
    names = [file_name(request.url) for request in requests]
    big = [name for name in names if name.endswith(".gz")]
    assert sorted(big) == sorted(path.name for path in SITE.glob("*.gz"))
    size = sum((SITE / name).stat().st_size for name in big)
    assert f"({size / 1e6:.1f} MB)" in said

    requests.clear()
    page.fill("#rp-prompt", "A secret question?")
    rank(page)
    page.locator(".ranking button").first.click()
    expect(page.locator(".legend")).to_be_visible(timeout=SLOW)
    assert requests == []
    assert page.problems == []


def test_an_answer_that_is_missing_is_asked_for(open_playground):
    page = open_playground()
    page.fill("#rp-answer-2", "  ")
    page.fill("#rp-answer-1", "")
    page.click(RANK)
    field = page.locator("#rp-answer-1")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#rp-answer-1-error")).to_have_text("Write an answer, or remove this one.")
    assert page.locator("#rp-answer-0").input_value()
    page.get_by_role("button", name="Remove answer C").click()
    page.get_by_role("button", name="Remove answer B").click()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    page.fill("#rp-prompt", "")
    page.click(RANK)
    expect(page.locator("#rp-prompt")).to_be_focused()
    expect(page.locator("#rp-prompt-error")).to_have_text("Write a question or an instruction.")
    page.fill("#rp-answer-1", "")
    page.click(RANK)
    expect(page.locator("#rp-answer-1-error")).to_have_text("Write an answer: there must be two to compare.")


def test_two_to_nine_answers_and_what_was_typed_stays(open_playground, example):
    page = open_playground()
    page.select_option("#rp-example", "own")
    page.fill("#rp-prompt", "My question?")
    page.fill("#rp-answer-0", "Mine.")
    add = page.get_by_role("button", name="Add an answer")
    for n in range(3, 10):
        add.click()
        expect(page.locator(f"#rp-answer-{n - 1}")).to_be_focused()
    expect(add).to_be_hidden()
    page.select_option("#rp-example", label=example[0])
    expect(page.locator(".answers li")).to_have_count(len(example[2]))
    page.fill("#rp-answer-1", "Changed.")
    page.select_option("#rp-example", "own")
    expect(page.locator("#rp-prompt")).to_have_value("My question?")
    expect(page.locator("#rp-answer-0")).to_have_value("Mine.")
    expect(page.locator(".answers li")).to_have_count(9)
    page.select_option("#rp-example", label=example[0])
    expect(page.locator("#rp-answer-1")).to_have_value("Changed.")


def test_an_example_can_be_restored(open_playground, example):
    title, prompt, answers, _ = example
    page = open_playground()
    page.select_option("#rp-example", label=title)
    rank(page)
    restore = page.get_by_role("button", name="Restore example")
    expect(restore).to_be_hidden()
    page.fill("#rp-prompt", "Another question?")
    page.get_by_role("button", name="Remove answer B").click()
    page.get_by_role("button", name="Add an answer").click()
    expect(page.locator(".changed")).to_be_visible()
    page.locator("#rp-example").focus()
    page.keyboard.press("Tab")
    expect(restore).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#rp-prompt")).to_have_value(prompt)
    assert page.locator(".answers textarea").evaluate_all("fields => fields.map((field) => field.value)") == answers
    expect(page.locator("reward-playground [role=status]")).to_have_text("The example is as it was.")
    expect(page.locator("#rp-example")).to_be_focused()
    expect(restore).to_be_hidden()
    expect(page.locator(".changed")).to_be_hidden()

    page.fill("#rp-answer-0", "Changed.")
    expect(restore).to_be_visible()
    page.fill("#rp-answer-0", answers[0])
    expect(restore).to_be_hidden()
    page.select_option("#rp-example", "own")
    page.fill("#rp-answer-0", "Mine.")
    expect(restore).to_be_hidden()


def test_says_that_results_are_of_the_texts_before(open_playground):
    page = open_playground()
    rank(page)
    expect(page.locator(".changed")).to_be_hidden()
    page.fill("#rp-answer-0", "Something else.")
    expect(page.locator(".changed")).to_be_visible()
    rank(page)
    expect(page.locator(".changed")).to_be_hidden()
    assert page.locator(".data").count() == 3  # the data knows nothing about the one that was changed


def test_shows_no_results_of_an_example_that_was_left(open_playground, example):
    page = open_playground()
    page.get_by_role("button", name="and rank").click()
    page.select_option("#rp-example", "own")
    expect(page.get_by_role("button", name="Rank the answers")).to_be_visible(timeout=60_000)
    expect(page.locator(".results")).to_be_hidden()
    page.select_option("#rp-example", label=example[0])
    rank(page)
    expect(page.locator(".results")).to_be_visible()


def test_a_keyboard_is_enough(open_playground):
    page = open_playground()
    page.locator("#rp-example").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.locator("#rp-prompt")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")  # "Duplicate", "Remove", then the field
    expect(page.locator("#rp-answer-0")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Control+A")
    page.keyboard.type("Two percentage points.")
    page.keyboard.press("Control+Enter")
    results(page)
    assert page.locator("[role=status]").inner_text().startswith("Answer ")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").startswith("Why?"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".legend")).to_be_visible(timeout=SLOW)
    for _ in range(2):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "The numbers":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".why table")).to_be_visible()
    assert page.problems == []


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 390)])
def test_reads_well(open_playground, scheme, width):
    if not AXE.is_file():
        or_fail("axe-core is not installed: it comes with make book where Node is")
    page = open_playground(color_scheme=scheme, viewport={"width": width, "height": 844})
    page.add_script_tag(path=AXE)
    assert violations(page) == []
    page.fill("#rp-answer-1", "")
    page.click(RANK)
    assert violations(page) == []
    page.fill("#rp-answer-1", "word " * 300)
    rank(page)
    page.locator(".ranking button").last.click()
    expect(page.locator(".legend")).to_be_visible(timeout=SLOW)
    page.locator(".why summary").click()
    page.fill("#rp-answer-2", "Changed.")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.problems == []


def violations(page):
    found = page.evaluate("axe.run('reward-playground')")["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]


# --- what can go wrong


def fails(page):
    """Press the button; what the page says then, and whether one can try again. The examples' scores are still
    there."""
    page.click(RANK)
    expect(page.locator(PROBLEM)).to_contain_text("The model cannot run now", timeout=SLOW)
    expect(page.locator("#rp-answer-0")).not_to_have_value("")
    expect(page.locator("details", has_text="A bestseller, copied")).to_be_visible()
    assert page.locator(page.locator(f"{PROBLEM} a").get_attribute("href")).count() == 1
    return page.locator(f"{PROBLEM} p").first.inner_text(), page.get_by_role("button", name="Try again").count() == 1


@pytest.mark.parametrize("name", ["manifest.json", "vocab.txt.gz", "ort.wasm.gz", "ort.mjs"])
def test_a_file_that_is_missing(open_playground, name):
    page = open_playground()
    page.route(f"**/playground/{name}*", lambda route: route.fulfill(status=404))
    said, again = fails(page)
    assert name in said and again


@pytest.mark.parametrize("name", ["model.onnx.gz", "worker.js"])
def test_a_file_that_is_missing_and_then_there(open_playground, name):
    page = open_playground()
    page.route(f"**/playground/{name}*", lambda route: route.fulfill(status=404))
    said, again = fails(page)
    assert name in said and again
    page.unroute(f"**/playground/{name}*")
    page.get_by_role("button", name="Try again").click()
    assert results(page)
    expect(page.locator(PROBLEM)).to_be_empty()


def test_a_connection_that_breaks(open_playground):
    page = open_playground()
    page.route("**/playground/model.onnx.gz*", lambda route: route.abort())
    assert fails(page) == ("The model cannot run now. model.onnx.gz could not be loaded: the connection failed.", True)


def test_offline(open_playground):
    page = open_playground()
    page.context.set_offline(True)
    said, again = fails(page)
    assert "could not be loaded" in said and again
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    assert results(page)


def test_a_file_that_is_not_the_one(open_playground):
    page = open_playground()
    other = gzip.compress(gzip.decompress((SITE / "vocab.txt.gz").read_bytes()).replace(b"contract", b"tractcon"))
    page.route("**/playground/vocab.txt.gz*", lambda route: route.fulfill(body=other))
    assert fails(page) == (
        "The model cannot run now. vocab.txt.gz arrived damaged: its contents are not those that the manifest names.",
        True,
    )


@pytest.mark.parametrize("body", ["<!doctype html><title>Not found</title>", json.dumps({"format": 2})])
def test_a_manifest_that_is_none(open_playground, body):
    page = open_playground()
    page.route("**/playground/manifest.json", lambda route: route.fulfill(body=body))
    said, again = fails(page)
    assert "manifest.json" in said and again


def test_no_webassembly(open_playground):
    page = open_playground()
    page.evaluate("delete window.WebAssembly")
    said, again = fails(page)
    assert "has no WebAssembly" in said and not again


def test_no_modules_in_workers(open_playground):
    page = open_playground()
    page.evaluate("() => { window.Worker = class { terminate() {} }; }")
    said, again = fails(page)
    assert "too old" in said and not again


def test_a_policy_that_forbids_webassembly(open_playground):
    page = open_playground()
    header = {"Content-Security-Policy": "script-src 'self'", "Content-Type": "text/javascript"}
    page.route("**/playground/worker.js", lambda route: route.fulfill(path=SITE / "worker.js", headers=header))
    said, again = fails(page)
    assert "wasm-unsafe-eval" in said and not again


def test_no_hash_where_the_browser_has_none(open_playground):
    """On http, other than on one's own machine, a page has no crypto.subtle."""
    page = open_playground()
    without = "Object.defineProperty(crypto, 'subtle', { value: undefined });\n"
    body = without + (SITE / "worker.js").read_text(encoding="utf-8")
    page.route("**/playground/worker.js", lambda route: route.fulfill(body=body, content_type="text/javascript"))
    assert rank(page)


def test_a_host_that_unpacks_files_itself(open_playground):
    page = open_playground()
    header = {"Content-Encoding": "gzip", "Content-Type": "application/octet-stream"}
    page.route(
        "**/playground/*.gz*", lambda route: route.fulfill(path=SITE / file_name(route.request.url), headers=header)
    )
    assert rank(page)
    assert page.locator("#rp-progress").evaluate("meter => meter.value === meter.max")
    assert page.problems == []


def test_without_the_page_s_script(open_playground):
    page = open_playground()
    page.route("**/playground/playground.js", lambda route: route.fulfill(status=404))
    page.reload()
    expect(page.locator("reward-playground .starting")).to_contain_text("its script could not be loaded")
    expect(page.locator("details", has_text="A bestseller, copied")).to_be_visible()


def test_without_javascript(open_playground):
    page = open_playground(java_script_enabled=False)
    text = page.locator("reward-playground").inner_text()
    assert "needs JavaScript" in text and "is starting" not in text
    expect(page.locator("details", has_text="A bestseller, copied")).to_be_visible()


def test_the_page_s_table_is_the_model_s(model):
    """Also where no browser is: the scores that need no script."""
    page = BeautifulSoup((ROOT / "_build" / "html" / PATH).read_text(encoding="utf-8"), "html.parser")
    for title, ranking, _ in playground_page.in_any_order(load_rankings("course:test")):
        folded = next(one for one in page.select("details") if one.summary.get_text() == title)
        rows = [[cell.get_text() for cell in row.select("td")] for row in folded.select("tbody tr")]
        expected = model.rank(ranking.prompt, ranking.responses)
        assert [row[0] for row in rows] == [response for response, _ in expected]
        assert [number(row[2]) for row in rows] == pytest.approx([reward for _, reward in expected], abs=0.00051)
