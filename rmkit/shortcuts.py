"""Give-aways: what tells the better response without reading the prompt (chapter 7, and the data card)."""

import re
from collections import Counter, defaultdict

from rmkit.intervals import wilson
from rmkit.rankings import Rankings


def audit(rankings):
    """What might give the better response away, as a dict that JSON can hold.

    - `bag_of_words`: see the function; None where there are too few prompts.
    - `shared_runs`: how many groups of responses have eight words in a row in common.
    - `by_domain`: for each value of `info["domain"]`, `n_prompts`, `n_pairs` and `longest_wins`.
    - `flaws`: how many responses have each flaw, for data whose `info["flaws"]` runs parallel to the responses.
    """
    words = bag_of_words(rankings)
    domains = defaultdict(list)
    for ranking in rankings:
        if isinstance(ranking.info.get("domain"), str):
            domains[ranking.info["domain"]].append(ranking)
    described = {name: Rankings(part).describe() for name, part in sorted(domains.items())}
    keys = ("n_prompts", "n_pairs", "longest_wins")
    flaws = Counter()
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


def bag_of_words(rankings, folds=5, strength=0.01, seed=0):
    """How often the words of the two responses alone, without their order and without the prompt, tell which is better.

    A logistic regression on the difference of the responses' word sets (punctuation marks count as words), with the
    folds cut by prompt, so that no prompt is on both sides. Half of the pairs would be right by chance; clearly more
    says that the better responses have a tone or a vocabulary of their own, which a reward model would learn instead of
    quality.

    Args:
        rankings: `Rankings` with at least `folds` different prompts.
        strength: inverse of the L2 penalty; weak enough to find a tone, strong enough not to learn single words.

    Returns:
        An `Estimate` over all pairs, each predicted by the fold that had not seen its prompt; None with too few prompts.
    """
    from sklearn.model_selection import GroupKFold

    pairs = [(r.prompt, r.responses[i], r.responses[j]) for r in rankings for i, j in r.pairs()]
    prompts = [prompt for prompt, _, _ in pairs]
    if len(set(prompts)) < folds:
        return None
    right = 0.0
    for train, test in GroupKFold(folds, shuffle=True, random_state=seed).split(pairs, groups=prompts):
        margin = fit_words([pairs[k][1:] for k in train], strength)
        margins = margin([pairs[k][1:] for k in test])
        right += (margins > 0).sum() + (margins == 0).sum() / 2
    return wilson(float(right), len(pairs))


def fit_words(pairs, strength=0.01):
    """Learn from (better, worse) texts which words mark the better one.

    Returns:
        A function from a list of (better, worse) texts to their margins, shape (P,): above 0 where it is right.
    """
    from scipy.sparse import vstack
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    words = CountVectorizer(binary=True, token_pattern=r"\w+|[^\w\s]").fit([text for pair in pairs for text in pair])

    def difference(pairs):
        better, worse = zip(*pairs, strict=True)
        return words.transform(better).astype(float) - words.transform(worse).astype(float)  # (P, words)

    examples = difference(pairs)
    model = LogisticRegression(C=strength, fit_intercept=False, max_iter=1000)
    model.fit(vstack([examples, -examples]), [1] * len(pairs) + [0] * len(pairs))
    return lambda pairs: model.decision_function(difference(pairs))


def shared_runs(rankings, length=8):
    """Runs of `length` words that two responses share and the prompt does not hold: copied sentences, templates.

    Returns:
        [(run, [(ranking, response), ...]), ...], the first run of each group of responses that share one.

    >>> from rmkit.rankings import Ranking, Rankings
    >>> data = Rankings([Ranking("2 + 2?", ["As far as I know, it is 4.", "As far as I know, it is 5."])])
    >>> shared_runs(data, length=4)
    [('as far as i', [(0, 0), (0, 1)])]
    """
    places = defaultdict(set)
    for number, ranking in enumerate(rankings):
        in_prompt = set(_runs(ranking.prompt, length))
        for position, response in enumerate(ranking.responses):
            for run in _runs(response, length):
                if run not in in_prompt:
                    places[run].add((number, position))
    groups = {}
    for run, found in places.items():
        if len(found) > 1:
            groups.setdefault(frozenset(found), " ".join(run))
    return [(run, sorted(found)) for found, run in groups.items()]


def _runs(text, length):
    words = re.findall(r"\w+(?:'\w+)?", text.lower())
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]
