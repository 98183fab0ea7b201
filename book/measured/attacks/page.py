"""The tables and the figure of book/attacks.md, from what measure.py beside this file measured."""

from pathlib import Path

from book.measured.tables import interval, load, share, signed, table
from rmkit import figures
from rmkit.intervals import Estimate

MEASURED = Path(__file__).with_name("measured.json")

# What each recipe is, in the order of the page.
RECIPES = {
    "biased": "no repair",
    "length taken out": "length taken out",
    "balanced": "balanced by dropping pairs",
    "random answers": "random answers",
    "random answers, length taken out": "random answers, then length taken out",
    "attacks shown": "attacks shown",
    "random answers, attacks shown": "random answers, and attacks shown",
}
DRAWN = {"biased": "no repair", "random answers": "random answers", "random answers, attacks shown": "+ attacks shown"}


def called(attack):
    """An attack's name, without a comma."""
    return attack.replace(", other", " in other")


def points(estimate):
    """A share in percent with its interval."""
    return f"{share(estimate['value'])} ({interval(estimate)})"


def reward(estimate):
    """A difference of rewards with its interval."""
    return f"{estimate['value']:+.2f} ({estimate['low']:+.2f} to {estimate['high']:+.2f})"


def change(estimate):
    """A difference of shares, in percentage points, with its interval."""
    return f"{100 * estimate['value']:+.1f} ({signed(estimate)})"


def how_page(found):
    return (
        f"{found['seeds']} seeds; each draws the head's first weights, the order of training, and the pairs. Trained with "
        f"`rmkit.train`'s defaults: once on the {found['n_train']} prompts of `course:train`, and on {found['n_biased_pairs']} of "
        f"their pairs, drawn so that the longer answer is the better one in {found['longest_wins']['biased']:.0%}. Attacked on "
        f"the {found['n_test']} prompts of `course:test`, in which the longer answer is the better one in "
        f"{share(found['longest_wins']['test'])}. Every number is a mean over the seeds; its 95% interval draws the test "
        f"prompts again, whole, and so does not tell how far another set of seeds would be. Time: {found['minutes']:.0f} minutes.\n"
    )


def board_page(board):
    """One model's scoreboard."""
    rows = [
        [called(name), reward(row["gain"]), points(row["overtakes"]), change(row["more"])]
        for name, row in board["attacks"].items()
    ]
    return (
        f"Right on {points(board['accuracy'])} of the pairs. It prefers the longer of two answers in "
        f"{points(board['prefers_longer'])}. Unattacked, the worst answer beats the best in {points(board['unattacked'])} of the "
        "prompts.\n\n"
        + table(["Attack on the worst answer", "reward gained", "beats the best", "more than unattacked, points"], rows)
    )


def repairs_page(found):
    """What each repair costs: everything but the attacks."""
    rows = []
    for name, words in RECIPES.items():
        board = found["boards"][name]
        by_seed = found["accuracy_by_seed"][name]
        rows.append(
            [
                words,
                points(board["accuracy"]),
                "" if name == "biased" else change(found["change"][name]),
                f"{share(min(by_seed))} to {share(max(by_seed))}",
                points(board["prefers_longer"]),
                points(board["unattacked"]),
                points(found["polite"][name]),
            ]
        )
    head = ["Repair", "pairs right", "change, points", "by seed", "longer preferred", "worst beats best"]
    return table([*head, "worst beats polite best"], rows)


def after_page(found):
    """How often each attack lets the worst answer beat the best one, by repair."""
    names = ["unattacked", *found["boards"]["biased"]["attacks"]]
    rows = []
    for name in names:
        cells = [
            board["unattacked"] if name == "unattacked" else board["attacks"][name]["overtakes"]
            for board in boards(found)
        ]
        rows.append([called(name) + " (shown)" * (name in found["shown"]), *map(points, cells)])
    return table(["Attack", *RECIPES.values()], rows)


def boards(found):
    return [found["boards"][name] for name in RECIPES]


def left_page(found):
    """Which attacks still work, and what was lost, in words that follow from the numbers."""
    lines = []
    for (name, words), board in zip(RECIPES.items(), boards(found), strict=True):
        works = [called(attack) for attack, row in board["attacks"].items() if row["more"]["low"] > 0]
        text = f"- **{words}**. " + (f"Still working: {listed(works)}." if works else "No attack works any more.")
        if name != "biased":
            cost = found["change"][name]
            verdict = "lower" if cost["high"] < 0 else "higher" if cost["low"] > 0 else None
            text += (
                f" The accuracy is {verdict} than without repair." if verdict else " No change in accuracy is shown."
            )
        lines.append(text)
    return (
        "An attack works here if the worst answer beats the best more often with it than without, and the interval of the "
        "difference lies above zero.\n\n" + "\n".join(lines) + "\n"
    )


def listed(words):
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else words[0]


def parts(measured=MEASURED):
    """The page's parts in Markdown, from a file of measurements."""
    found = load(measured)
    return {
        "how": how_page(found),
        "course": board_page(found["boards"]["course"]),
        "biased": board_page(found["boards"]["biased"]),
        "repairs": repairs_page(found),
        "after": after_page(found),
        "left": left_page(found),
    }


def draw(folder, measured=MEASURED):
    """The page's figure, as a PNG file in `folder`."""
    found = load(measured)
    series = {}
    for name, words in DRAWN.items():
        board = found["boards"][name]
        shares = {"unattacked": board["unattacked"]} | {
            attack: row["overtakes"] for attack, row in board["attacks"].items()
        }
        series[words] = {called(attack): Estimate(**value) for attack, value in shares.items()}
    figures.plot_scoreboard(series, folder / "scoreboard.png")
