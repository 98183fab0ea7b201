"""A ranking of K responses with all of its pairs (chapter 3)."""

from __future__ import annotations

from collections.abc import Iterator

from rmkit.course.moving.drawing import COIN, label, loss_of, page, scale, slider, svg, values
from rmkit.errors import InputError

# The rewards from -1 to 1, best first, at which the K-choose-2 loss is smallest. Chapter 3 finds them with a solver.
BEST_REWARDS: dict[int, list[float]] = {
    2: [1, -1],
    3: [1, 0, -1],
    4: [1, 0.59748, -0.59748, -1],
    5: [1, 1, 0, -1, -1],
    6: [1, 1, 0.39748, -0.39748, -1, -1],
    7: [1, 1, 0.69028, 0, -0.69028, -1, -1],
    8: [1, 1, 0.92765, 0.29854, -0.29854, -0.92765, -1, -1],
    9: [1, 1, 1, 0.53451, 0, -0.53451, -1, -1, -1],
}


class RankingExplorer:
    """A ranking of K responses and all of its pairs, at the rewards from -1 to 1 that make its loss smallest.

    The mean of the pairs' losses is then the floor: no model whose head is a tanh gets below it on such a ranking. In a
    notebook it is a figure, with a slider for K and one that goes through the pairs; elsewhere a line of numbers.

    Raises:
        InputError: if K is not a whole number from 2 to 9.

    >>> RankingExplorer(4)
    K = 4: pairs 6, floor 0.297, a coin 0.693
    """

    MOST = max(BEST_REWARDS)

    def __init__(self, K: int = 4) -> None:
        if type(K) is not int or K not in BEST_REWARDS:
            raise InputError(f"K is {K!r}; it must be a whole number from 2 to {self.MOST}")
        self.K = K

    def __repr__(self) -> str:
        return f"K = {self.K}: " + ", ".join(f"{name} {text}" for name, text in self.texts().items())

    def texts(self) -> dict[str, str]:
        """What the figure says of the ranking."""
        n_pairs = self.K * (self.K - 1) // 2
        return {"pairs": str(n_pairs), "floor": f"{floor_of(self.K):.3f}", "a coin": f"{COIN:.3f}"}

    def _repr_html_(self) -> str:
        sliders = slider("Responses in the ranking, K", "k", self.K, self.K, 2, self.MOST)
        sliders += slider("Pair", "pair", says_of(self.K, 1, 2), 1, 1, self.K * (self.K - 1) // 2)
        drawing = [*background(), *(piece for K in BEST_REWARDS for piece in view(K, shown=K == self.K))]
        return page("ranking", sliders + values(self.texts()) + svg(432, WORDS, drawing))


ON = ' class="on"'  # of what belongs to the pair that is looked at: at first, 1 and 2
TOP, SIDE = 100, 36  # of the triangle: where it begins, and how far its cells are apart
floor_x, floor_y = scale(2, max(BEST_REWARDS), 52, 178), scale(0, COIN, 402, 312)  # of the floors in the corner
WORDS = (
    "Above, a line from -1 to 1 with the numbered responses at their best rewards. Below, a triangle with a "
    "cell for every pair: in row 2 and column 5 stands the loss of the pair in which response 2 beats response "
    "5, the stronger its blue the larger. In the corner, the floor against K: it rises, and stays below a coin."
)


def background() -> list[str]:
    """What is the same for every K: the line of rewards, empty cells, and the floor against K."""
    ghosts = "".join(f"M{corner(j)} {TOP + corner(i)}h33v33h-33z" for i, j in pairs_of(max(BEST_REWARDS)))
    return [
        f'<path class="axis" d="M{reward_x(-1)} 62H{reward_x(1)}"/>',
        *(f'<path class="axis" d="M{reward_x(r)} 62v6"/>{label(reward_x(r), 83, r, "middle")}' for r in (-1, 0, 1)),
        label(reward_x(0), 14, "best rewards", "middle"),
        f'<path class="ghost" d="{ghosts}"/>',
        f'<path class="axis" d="M{floor_x(2) - 14} {floor_y(COIN) - 4}V{floor_y(0)}H{floor_x(9) + 10}"/>',
        f'<path class="dotted" d="M{floor_x(2) - 14} {floor_y(COIN)}H{floor_x(9) + 10}"/>',
        label(floor_x(2) - 8, floor_y(COIN) - 6, f"a coin: {COIN:.3f}"),
        label(floor_x(2) - 20, floor_y(0) + 4, 0, "end"),
        label(floor_x(9), floor_y(floor_of(9)) + 22, "floor", "end"),
        label(floor_x(9) + 20, floor_y(0) + 17, "K", "middle"),
        *(label(floor_x(K), floor_y(0) + 17, K, "middle") for K in BEST_REWARDS),
        *(f'<circle class="ring" cx="{floor_x(K)}" cy="{floor_y(floor_of(K))}" r="4"/>' for K in BEST_REWARDS),
    ]


def view(K: int, shown: bool) -> Iterator[str]:
    """What belongs to one K: its floor, its responses and its pairs."""
    names = f'data-k="{K}" data-pairs="{K * (K - 1) // 2}" data-floor="{floor_of(K):.3f}"'
    yield f'<g {names} display="{"inline" if shown else "none"}">'
    yield f'<circle class="here" cx="{floor_x(K)}" cy="{floor_y(floor_of(K))}" r="5"/>'
    yield from responses(K)
    yield from (cell(K, i, j) for i, j in pairs_of(K))
    yield "</g>"


def reward_x(reward: float) -> float:
    """Where a reward lies on the line of rewards."""
    return scale(-1, 1, 34, 326)(reward)


def corner(n: int) -> float:
    """Where the nth row or column of the triangle begins."""
    return 19.5 + SIDE * (n - 1)


def pairs_of(K: int) -> list[tuple[int, int]]:
    """The pairs of a ranking, the better first; those of a shorter ranking come first, so each keeps its number."""
    return [(i, j) for j in range(2, K + 1) for i in range(1, j)]


def margin_of(K: int, i: int, j: int) -> float:
    return BEST_REWARDS[K][i - 1] - BEST_REWARDS[K][j - 1]


def floor_of(K: int) -> float:
    """The smallest K-choose-2 loss that rewards from -1 to 1 allow."""
    losses = [loss_of(margin_of(K, i, j)) for i, j in pairs_of(K)]
    return sum(losses) / len(losses)


def says_of(K: int, i: int, j: int) -> str:
    margin = margin_of(K, i, j)
    return f"{i} beats {j}: margin {margin:.2f}, loss {loss_of(margin):.3f}"


def responses(K: int) -> Iterator[str]:
    """Each response twice: on the line of rewards, where close ones are piled up, and in the triangle's diagonal."""
    places = [reward_x(reward) for reward in BEST_REWARDS[K]]
    for n, place in enumerate(places, start=1):
        pile = sum(better - place < 20 for better in places[: n - 1])  # what a circle and its frame need
        for x, y in [(place, 51 - 20 * pile), (corner(n) + 16.5, TOP + corner(n) + 16.5)]:
            ball = f'<circle cx="{x}" cy="{y}" r="9"/>{label(x, y + 4.5, n, "middle")}'
            yield f'<g data-response="{n}"{ON * (n <= 2)}>{ball}</g>'


def cell(K: int, i: int, j: int) -> str:
    """A pair in the triangle: the row is the better response, the column the worse."""
    x, y, loss = corner(j), TOP + corner(i), loss_of(margin_of(K, i, j))
    box = f'<rect x="{x}" y="{y}" width="33" height="33" fill-opacity="{0.6 * loss / COIN:.2f}"/>'
    names = f'data-pair="{i} {j}" data-says="{says_of(K, i, j)}"{ON * ((i, j) == (1, 2))}'
    return f"<g {names}>{box}{label(x + 16.5, y + 21, f'{loss:.2f}', 'middle')}</g>"
