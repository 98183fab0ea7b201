"""The pairs of many rankings: positions in the flat list of responses, each with its prompt (chapters 3, 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rmkit.intervals import Estimate, by_prompt
from rmkit.losses import pair_positions
from rmkit.measures import right
from rmkit.rankings import Ranking


class Pairs:
    """Where the P pairs of G rankings stand in the flat list of their N responses (`rmkit.rankings.side_by_side`).

    - `sizes`, `ranks`: what `rmkit.losses` wants of the rankings, G and N numbers.
    - `starts`: where each ranking begins, and where the last one ends, shape (G + 1,).
    - `better`, `worse`: positions of responses, shape (P,) each; tied responses are no pair.
    - `ranking`: which ranking each pair is from, 0..G-1, shape (P,).
    - `prompt_of_ranking`, `prompt_of_pair`: prompts as numbers, in the order of their first appearance, shapes (G,) and
      (P,).

    >>> pairs = Pairs([Ranking("2 + 2?", ["4", "5", "22"]), Ranking("3 + 3?", ["6", "33"])])
    >>> pairs.better.tolist(), pairs.worse.tolist(), pairs.prompt_of_pair.tolist()
    ([0, 0, 1, 3], [1, 2, 2, 4], [0, 0, 0, 1])
    """

    def __init__(self, rankings: Sequence[Ranking]) -> None:
        self.sizes = [len(ranking) for ranking in rankings]
        self.ranks = [rank for ranking in rankings for rank in ranking.ranks]
        self.starts = np.cumsum([0, *self.sizes])  # (G + 1,)
        self.better, self.worse, self.ranking = pair_positions(self.sizes, self.ranks)  # (P,) each
        numbers: dict[str, int] = {}
        self.prompt_of_ranking = np.array(
            [numbers.setdefault(ranking.prompt, len(numbers)) for ranking in rankings], dtype=int
        )  # (G,)
        self.prompt_of_pair = self.prompt_of_ranking[self.ranking.numpy()]  # (P,)

    def __len__(self) -> int:
        """P, the number of pairs."""
        return len(self.better)

    def margins(self, values: torch.Tensor | np.ndarray | list[float]) -> np.ndarray:
        """The better response's value minus the worse one's, (N,) -> (P,).

        >>> Pairs([Ranking("2 + 2?", ["4", "5"])]).margins([0.75, -0.25])
        array([1.])
        """
        values = torch.as_tensor(values)
        return (values[self.better] - values[self.worse]).double().numpy()

    def accuracy(self, values: torch.Tensor | np.ndarray | list[float]) -> Estimate:
        """How often the better response has the higher value, with an interval that draws whole prompts.

        >>> Pairs([Ranking("2 + 2?", ["4", "5"]), Ranking("3 + 3?", ["6", "5"])]).accuracy([1, 0, 2, 2]).value
        0.75
        """
        return by_prompt(right(self.margins(values)), self.prompt_of_pair)
