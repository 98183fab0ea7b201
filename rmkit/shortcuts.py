"""Shortcuts: what tells the better response without reading the prompt (chapter 7, and the data card)."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rmkit.checks import check_whole
from rmkit.intervals import Estimate, wilson
from rmkit.rankings import Rankings

FOLDS = 5  # of the cross-validation, cut by prompt
STRENGTH = 0.01  # inverse of the L2 penalty: weak enough to find a tone, strong enough not to learn single words


def audit(rankings: Rankings) -> dict[str, Any]:
    """What might give the better response away, as a dict that JSON can hold.

    - `bag_of_words`: see the function; None if there are too few prompts.
    - `shared_runs`: how many groups of responses have eight words in a row in common.
    - `by_domain`: for each value of `info["domain"]`, `n_prompts`, `n_pairs` and `longest_wins`.
    - `flaws`: how many responses have each flaw, for data whose `info["flaws"]` runs parallel to the responses.

    >>> from rmkit.rankings import Ranking
    >>> data = Rankings([Ranking("2 + 2?", ["It is 4.", "No idea."], info={"flaws": [None, "vague"]})])
    >>> result = audit(data)
    >>> result["bag_of_words"], result["shared_runs"], result["flaws"]
    (None, 0, {'vague': 1})
    """
    words = bag_of_words(rankings)
    domains = defaultdict(list)
    for ranking in rankings:
        if isinstance(ranking.info.get("domain"), str):
            domains[ranking.info["domain"]].append(ranking)
    described = {name: Rankings(part).describe() for name, part in sorted(domains.items())}
    keys = ("n_prompts", "n_pairs", "longest_wins")
    flaws: Counter[str] = Counter()
    for ranking in rankings:
        named = ranking.info.get("flaws")
        if isinstance(named, list) and len(named) == len(ranking):
            flaws.update(flaw for flaw in named if flaw and isinstance(flaw, str))
    return {
        "bag_of_words": words.to_dict() if words else None,
        "shared_runs": len(shared_runs(rankings)),
        "by_domain": {name: {key: part[key] for key in keys} for name, part in described.items()},
        "flaws": dict(flaws.most_common()),
    }


def bag_of_words(rankings: Rankings) -> Estimate | None:
    """How often the words of the two responses alone, without their order and without the prompt, tell which is better.

    A logistic regression learns from the difference of the responses' word sets (punctuation marks count as words), in
    folds cut by prompt, so that no prompt is on both sides. By chance half of the pairs would be right. If clearly more
    are right, the better responses have a tone or a vocabulary of their own, which a reward model would learn instead
    of quality.

    Returns:
        An `Estimate` over all pairs, each predicted by the fold that had not seen its prompt; None with fewer than
        `FOLDS` different prompts.

    >>> from rmkit.rankings import Ranking
    >>> tone = [Ranking(f"Question {n}?", [f"Certainly: {n}.", f"{n}, I guess."]) for n in range(10)]
    >>> bag_of_words(Rankings(tone)).value
    1.0
    """
    from sklearn.model_selection import GroupKFold

    pairs = [(r.prompt, r.responses[i], r.responses[j]) for r in rankings for i, j in r.pairs()]
    prompts = [prompt for prompt, _, _ in pairs]
    if len(set(prompts)) < FOLDS:
        return None
    n_right = 0.0
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=0).split(pairs, groups=prompts):
        margin = fit_words([pairs[k][1:] for k in train])
        margins = margin([pairs[k][1:] for k in test])
        n_right += (margins > 0).sum() + (margins == 0).sum() / 2
    return wilson(float(n_right), len(pairs))


def fit_words(pairs: Sequence[tuple[str, str]]) -> Callable[[Sequence[tuple[str, str]]], np.ndarray]:
    """Learn from (better, worse) texts which words mark the better text.

    Returns:
        A function from a list of (better, worse) texts to their margins, shape (P,), above 0 for a pair that is right.

    >>> margins = fit_words([("It is 4.", "No idea."), ("It is 5.", "No clue.")])
    >>> (margins([("It is 6.", "No.")]) > 0).tolist()
    [True]
    """
    from scipy.sparse import vstack
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    words = CountVectorizer(binary=True, token_pattern=r"\w+|[^\w\s]").fit([text for pair in pairs for text in pair])

    def difference(pairs):
        better, worse = zip(*pairs, strict=True)
        return words.transform(better).astype(float) - words.transform(worse).astype(float)  # (P, words)

    examples = difference(pairs)
    model = LogisticRegression(C=STRENGTH, fit_intercept=False, max_iter=1000)
    model.fit(vstack([examples, -examples]), [1] * len(pairs) + [0] * len(pairs))
    return lambda pairs: model.decision_function(difference(pairs))


def shared_runs(rankings: Rankings, length: int = 8) -> list[tuple[str, list[tuple[int, int]]]]:
    """Runs of `length` words that two responses share and the prompt does not hold: copied sentences, templates.

    Returns:
        [(run, [(ranking, response), ...]), ...], the first run of each group of responses that share a run.

    >>> from rmkit.rankings import Ranking
    >>> data = Rankings([Ranking("2 + 2?", ["As far as I know, it is 4.", "As far as I know, it is 5."])])
    >>> shared_runs(data, length=4)
    [('as far as i', [(0, 0), (0, 1)])]
    """
    check_whole("length", length, what="number of words")
    places = defaultdict(set)
    for number, ranking in enumerate(rankings):
        in_prompt = set(_runs(ranking.prompt, length))
        for position, response in enumerate(ranking.responses):
            for run in _runs(response, length):
                if run not in in_prompt:
                    places[run].add((number, position))
    groups: dict[frozenset, str] = {}
    for run, sharing in places.items():
        if len(sharing) > 1:
            groups.setdefault(frozenset(sharing), " ".join(run))
    return [(run, sorted(sharing)) for sharing, run in groups.items()]


def _runs(text, length):
    words = re.findall(r"\w+(?:'\w+)?", text.lower())
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]
