"""Repairs: ways to make a reward model harder to fool, each of which has its price (chapter 7)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from sklearn.linear_model import LinearRegression

from rmkit.checks import check_share, check_whole
from rmkit.errors import InputError
from rmkit.model import RewardModel
from rmkit.rankings import Ranking, Rankings, prompt_key, side_by_side

# What `info` may hold of each response; any other list, such as tags, is of the ranking.
PARALLEL = ("flaws", "why", "scores")


def as_pairs(rankings: Sequence[Ranking]) -> Rankings:
    """Every pair as a ranking of its own, chosen first; what was known of the ranking goes with each.

    >>> as_pairs(Rankings([Ranking("2 + 2?", ["4", "5", "6"], ranks=[0, 1, 1])]))[1].responses
    ('4', '6')
    """
    return Rankings(
        [
            Ranking(ranking.prompt, [ranking.responses[i], ranking.responses[j]], info=_info(ranking, [i, j]))
            for ranking in rankings
            for i, j in ranking.pairs()
        ]
    )


def balance_length(
    rankings: Sequence[Ranking], longest_wins: float = 0.5, n_pairs: int | None = None, seed: int = 0
) -> Rankings:
    """Drop pairs at random until the longer response is the better one in a given share of them, and keep the rest.

    Args:
        rankings: `Rankings`; of one with K > 2 the pairs are taken apart.
        longest_wins: the share, between 0 and 1. One half takes the length out of data that has it; a higher share puts
            it in.
        n_pairs: how many to keep; left out, as many as can be.
        seed: draws what is dropped.

    Returns:
        `Rankings` of two responses each, in the order of the rankings. Pairs of equal length are dropped.

    Raises:
        InputError: if a setting cannot work, or there are too few pairs of either kind.

    >>> from rmkit.loading import load_rankings
    >>> biased = balance_length(load_rankings("course:train"), longest_wins=0.9, n_pairs=300)
    >>> biased.describe()["longest_wins"]["value"], balance_length(biased).describe()["longest_wins"]["value"]
    (0.9, 0.5)
    """
    check_share("longest_wins", longest_wins, "of the pairs")
    if n_pairs is not None:
        check_whole("n_pairs", n_pairs, what="number of pairs")
    pairs = as_pairs(rankings)
    lengths = [[len(response) for response in pair.responses] for pair in pairs]
    longer = [i for i, (chosen, rejected) in enumerate(lengths) if chosen > rejected]
    shorter = [i for i, (chosen, rejected) in enumerate(lengths) if chosen < rejected]
    shares = [(longer, longest_wins), (shorter, 1 - longest_wins)]
    exact = min(len(group) / share for group, share in shares if share)
    most = int(round(exact, 6))  # 99.99... is 100
    total = n_pairs or most
    if total > most or not most:
        raise InputError(
            f"longest_wins is {longest_wins}, which is possible for {most} pairs at most: of {len(pairs)} pairs the "
            f"longer response is the better one in {len(longer)} and the worse one in {len(shorter)}"
        )
    n_longer = round(total * longest_wins)
    draw = random.Random(seed)
    kept = draw.sample(longer, n_longer) + draw.sample(shorter, total - n_longer)
    return Rankings([pairs[i] for i in sorted(kept)])


def add_random_answers(rankings: Sequence[Ranking], seed: int = 0) -> Rankings:
    """Give each ranking one more response, the best response to another prompt, tied with the worst.

    A response that is good elsewhere is bad here, whatever its length and style; only a model that reads the prompt can
    tell. It is tied with the worst, since nobody has said which of the two is better. Prompts that differ only in case
    or spacing count as one.

    Raises:
        InputError: if no other prompt has a best response that the ranking does not hold.

    Source: Singhal et al. 2023, arXiv:2310.03716, who call it random pairing.

    >>> data = Rankings([Ranking("Capital of Peru?", ["Lima", "Cusco"]), Ranking("2 + 2?", ["4", "5"])])
    >>> [(ranking.responses, ranking.ranks) for ranking in add_random_answers(data)]
    [(('Lima', 'Cusco', '4'), (0, 1, 1)), (('4', '5', 'Lima'), (0, 1, 1))]
    """
    draw, more = random.Random(seed), []
    pool = list(dict.fromkeys((prompt_key(ranking.prompt), ranking.responses[0]) for ranking in rankings))
    for ranking in rankings:
        key, own = prompt_key(ranking.prompt), {response.strip() for response in ranking.responses}
        others = [best for prompt, best in pool if prompt != key and best.strip() not in own]
        if not others:
            raise InputError(
                f"prompt {ranking.prompt!r}: no other prompt has a best response that this one lacks; give more prompts"
            )
        responses, ranks = [*ranking.responses, draw.choice(others)], [*ranking.ranks, ranking.ranks[-1]]
        info = _info(ranking, [*range(len(ranking)), None], "answers another prompt")
        more.append(Ranking(ranking.prompt, responses, ranks, info))
    return Rankings(more)


def add_attacked_copies(
    rankings: Sequence[Ranking], attacks: Iterable[Callable[[str, str], str]], seed: int = 0
) -> Rankings:
    """The rankings, and for each a pair more: its best response, and worse than that the same response attacked.

    The attacked copy is compared with nothing else, since an attacked best response may well be better than the others.

    Args:
        attacks: functions of a prompt and a response, such as `rmkit.attacks.pad_out`; each ranking gets one of them.
        seed: draws which.

    >>> from rmkit.attacks import echo_prompt
    >>> data = Rankings([Ranking("Capital of Peru?", ["Lima", "Cusco", "Rome"])])
    >>> add_attacked_copies(data, [echo_prompt])[1].responses
    ('Lima', 'You ask: Capital of Peru? Here is the answer: Lima')
    """
    attacks, draw = list(attacks), random.Random(seed)
    if not attacks:
        raise InputError("attacks is empty; give at least one, such as [rmkit.attacks.pad_out]")
    copies = []
    for ranking in rankings:
        best = ranking.responses[0]
        attacked, info = draw.choice(attacks)(ranking.prompt, best), _info(ranking, [0, None], "attacked copy")
        copies.append(Ranking(ranking.prompt, [best, attacked], info=info))
    return Rankings([*rankings, *copies])


@dataclass(frozen=True)
class LengthFree:
    """A reward model without the part of its reward that goes with length: reward - slope * characters.

    It scores and ranks as the model does. The bound of tanh is gone: rewards may lie outside -1 to 1.
    `rmkit.scoreboard` measures it; `rmkit.evaluate` and `rmkit.compare`, which give a model token ids and no texts,
    refuse it.

    >>> model = RewardModel.from_encoder()
    >>> free = LengthFree(model, slope=0.01)
    >>> round(model.score("Capital of Peru?", "Lima") - free.score("Capital of Peru?", "Lima"), 4)  # four characters
    0.04
    """

    model: RewardModel
    slope: float  # reward a character

    @overload
    def score(self, prompt: str | list[str], response: str) -> float: ...

    @overload
    def score(self, prompt: str | list[str], response: list[str]) -> list[float]: ...

    def score(self, prompt: str | list[str], response: str | list[str]) -> float | list[float]:
        """The length-free reward; takes lists as `RewardModel.score` does."""
        if isinstance(response, str):
            return self.model.score(prompt, response) - self.slope * len(response)
        rewards = self.model.score(prompt, response)
        return [reward - self.slope * len(text) for reward, text in zip(rewards, response, strict=True)]

    def rank(self, prompt: str, responses: list[str]) -> list[tuple[str, float]]:
        """[(response, length-free reward), ...], best first."""
        rewards = self.score(prompt, list(responses))
        return sorted(zip(responses, rewards, strict=True), key=lambda pair: -pair[1])


def length_free(model: RewardModel, rankings: Sequence[Ranking]) -> LengthFree:
    """Find out what a model pays for length, and take it out: a `LengthFree`.

    The slope is that of a linear regression of reward on length in characters, within prompts: rewards and lengths are
    both taken relative to their prompt's mean, since only responses to one prompt can be compared. Where longer
    responses are truly better the regression cannot tell reward for quality from reward for length, and takes out both;
    so fit it on data in which length says nothing about quality, or know what you do.

    Args:
        model: a `RewardModel`.
        rankings: `Rankings` to fit on; not those to measure on.

    Raises:
        InputError: if no two responses to one prompt differ in length.

    >>> from rmkit.loading import load_rankings
    >>> length_free(RewardModel.from_encoder(), load_rankings("toy")).slope != 0
    True
    """
    if not any(len({len(response) for response in ranking.responses}) > 1 for ranking in rankings):
        raise InputError(
            "the rankings hold no two responses to one prompt that differ in length; no slope can be fitted"
        )
    prompts, responses = side_by_side(rankings)
    ends = np.cumsum([len(ranking) for ranking in rankings])[:-1]

    def within(values: Sequence[float]) -> np.ndarray:
        """Each value minus the mean of its ranking's values, shape (N,)."""
        return np.concatenate([part - part.mean() for part in np.split(np.array(values, dtype=float), ends)])

    lengths, rewards = within([len(response) for response in responses]), within(model.score(prompts, responses))
    slope = LinearRegression(fit_intercept=False).fit(lengths[:, None], rewards).coef_[0]
    return LengthFree(model, float(slope))


def _info(ranking: Ranking, positions: list[int | None], new: str | None = None) -> dict:
    """What is known of a ranking, for a choice of its responses: the `PARALLEL` lists are chosen from alike.

    A position that is None stands for a new response, of which `new` is known. Nobody has voted on that one.
    """

    def choose(name: str, value: Any) -> Any:
        parallel = name in PARALLEL and isinstance(value, list) and len(value) == len(ranking)
        return [new if i is None else value[i] for i in positions] if parallel else value

    return {
        name: choose(name, value) for name, value in ranking.info.items() if name != "votes" or None not in positions
    }
