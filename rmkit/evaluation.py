"""How good is a reward model, and why should anybody believe it? (chapter 6)

`evaluate` measures a model on rankings that it has not seen, and returns a `Report`: accuracy with its interval, what trivial
rules get on the same pairs, calibration, groups of pairs, and checks that the numbers mean what they seem to. `compare` puts two
models to the same pairs.
"""

import math
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from rmkit import measures
from rmkit.batching import count_cut, encode_many, encode_rankings
from rmkit.errors import InputError
from rmkit.files import write_json
from rmkit.intervals import Estimate, by_prompt, wilson
from rmkit.losses import k_choose_2_loss, pair_positions
from rmkit.processes import check_alike, join_processes
from rmkit.rankings import Ranking, Rankings, fingerprint
from rmkit.shortcuts import bag_of_words
from rmkit.sketches import seen_before, sketch

SAME = 1e-4  # rewards of one text that differ by less are the same; padding changes a sum by about 1e-6
# By how many times as long the better response of a pair is.
LENGTHS = [(0.5, "less than half as long"), (0.9, "shorter"), (1.1, "as long, to 10%"), (2, "longer")]
LENGTHS += [(math.inf, "twice as long or more")]


@dataclass
class Report:
    """What `evaluate` found; `print` it, `plot` it, `save` it, or write a model card (`rmkit.model_card`).

    A pair with equal rewards counts half, as a coin would. All pairs weigh the same, and pairs that the data calls a tie are
    left out.

    - `accuracy`: the share of pairs in which the better response has the higher reward, with Wilson's 95% interval, which takes
      pairs as independent; `accuracy_by_prompt` is the same share with an interval that draws whole prompts.
    - `best_of_k`, `kendall_tau`: of rankings of three responses or more, how often the highest reward is on a best
      response, and how alike the two orders are, from -1 to 1. None without such rankings.
    - `log_loss`: the mean over pairs of -log sigmoid(margin), in nats; a coin's is log 2 = 0.693. `brier`: the mean of
      (1 - sigmoid(margin))^2; a coin's is 0.25.
    - `ranking_loss`: the K-choose-2 loss, which training lowers: the mean over each ranking's pairs, then over rankings.
    - `calibration`: see `rmkit.measures.calibration`. With calibration data also `temperature` and, under `after`, the
      `log_loss` and `ece` of sigmoid(margin / temperature).
    - `n_pairs`, `n_prompts`, `n_ties`: pairs measured, different prompts, pairs left out because the data calls them a tie.
    - `n_truncated`, `n_answers_cut`, `n_identical`: texts that were cut to fit, those among them that lost part of the response,
      and pairs whose two texts are the same after that.
    - `n_seen`: prompts that the model was trained on, or nearly; None where nobody knows. `n_skipped`: rankings left out for it.
    - `baselines`: what others get on the same pairs: "chance", a coin; "longest" and "shortest" in characters;
      "prompt_blind", the same model without the prompt; "response_blind", the same model with every word of the response
      masked, so that only their number is left; "bag_of_words" of the responses, learned by cross-validation on these
      pairs; "annotators", how often two of them agree, and "ceiling", what a perfect model would get
      (`rmkit.measures.ceiling`), both where the data has votes.
    - `groups`: {"domain", "tag", "flaw", "length", "distance": [{"name", "accuracy", "n_prompts"}]}, as far as the data
      has them: the flaw is that of the worse response, the distance is between the ranks.
    - `checks`: [{"name", "passed", "found"}], of which `found` is the largest difference between two rewards that should be equal.
    - `margins`: better minus worse, a number a pair; `prompts`: to which prompt each pair belongs.
    """

    accuracy: Estimate
    accuracy_by_prompt: Estimate
    best_of_k: Estimate | None
    kendall_tau: Estimate | None
    log_loss: float
    brier: float
    ranking_loss: float
    calibration: dict
    n_pairs: int
    n_prompts: int
    n_ties: int
    n_truncated: int
    n_answers_cut: int
    n_identical: int
    n_seen: int | None
    n_skipped: int
    baselines: dict
    groups: dict
    checks: list
    margins: list = field(repr=False)
    prompts: list = field(repr=False)

    def to_dict(self):
        """Plain numbers, ready for JSON; without the margins."""
        return {key: value for key, value in asdict(self).items() if key not in ("margins", "prompts")}

    def save(self, path):
        """Write it as JSON, whole or not at all."""
        write_json(path, self.to_dict())

    def plot(self, path=None):
        """One page of figures; saved where a path is given, shown otherwise."""
        from rmkit.plots import plot_report

        plot_report(self, path)

    def __str__(self):
        from rmkit.reports import report_text

        return report_text(self)

    __repr__ = __str__


@dataclass
class Comparison:
    """What `compare` found of two models on the same pairs; `print` it.

    - `a`, `b`: their accuracies, with intervals that draw whole prompts; `difference`, a minus b, likewise.
    - `mcnemar`: see `rmkit.measures.mcnemar`. It takes pairs as independent; where rankings have more than two
      responses, trust the interval of `difference` more than its p.
    - `pairs_needed`: the pairs it would have taken to find a difference like this one with a power of 80%; None where
      there is none.
    - `n_seen`: {"a", "b"}: prompts that each was trained on; None where nobody knows.
    - `baselines`: "chance", "longest" and "shortest" on the same pairs.
    """

    a: Estimate
    b: Estimate
    difference: Estimate
    mcnemar: dict
    pairs_needed: int | None
    n_pairs: int
    n_prompts: int
    n_seen: dict
    baselines: dict

    def to_dict(self):
        """Plain numbers, ready for JSON."""
        return asdict(self)

    def __str__(self):
        from rmkit.reports import comparison_text

        return comparison_text(self)

    __repr__ = __str__


def evaluate(model, data, batch_size=32, calibration=None, training=None, seen="refuse", quick=False):
    """Measure a reward model on rankings it has not been trained on.

    Of several processes (`accelerate launch`) each reads its share of the texts. Call it in every one of them: they wait
    for each other, and all return the same report.

    Args:
        model: a `RewardModel`, or a `SequenceClassifier`.
        data: `Rankings`.
        batch_size: texts a forward pass; it changes the speed, not the result.
        calibration: other `Rankings`, to fit a temperature on.
        training: rankings or prompts that the model was trained on, for a model that `rmkit.train` did not train; one
            that it did remembers sketches of its prompts.
        seen: what to do if a prompt of the data, or nearly the same one, was trained on: "refuse" to measure, "skip" its
            rankings, or "measure" all the same, which says how well the model knows its training data by heart. "skip" also
            leaves out of the calibration data what is measured on; otherwise that is refused.
        quick: leave out what takes longer than scoring itself: blind scores, bag of words, groups and checks.

    Returns:
        A `Report`.

    Raises:
        InputError: if the data holds no pair, shares a prompt with the training or the calibration data, or is not the same in
            all processes.

    >>> from rmkit import RewardModel, load_rankings
    >>> report = evaluate(RewardModel.from_encoder(), load_rankings("toy"))
    >>> report.n_pairs, report.baselines["chance"]
    (10, 0.500 [0.237, 0.763], n = 10)
    """
    data = _checked(data, batch_size, seen, calibration=calibration, training=training)
    n_rankings = len(data)
    data, n_seen = _unseen(model, data, training, seen)
    if calibration is not None:
        calibration = _apart(data, Rankings(calibration), seen)
    rankings = _measurable(data, n_rankings)
    check_alike({"data": fingerprint(rankings)})
    pairs = _Pairs(rankings)
    encoded = encode_rankings(rankings, model.tokenizer, model.config.text_length)
    ids = [text.ids for texts in encoded for text in texts]
    rewards = score_together(model, ids, batch_size)  # (N,)
    if not rewards.isfinite().all():
        raise FloatingPointError(
            f"{(~rewards.isfinite()).sum()} of {len(rewards)} rewards are no numbers: the model is broken"
        )
    margins = pairs.margins(rewards)  # (P,)
    cut = count_cut([text for texts in encoded for text in texts])
    right = measures.right(margins)  # (P,)
    best_of_k, kendall_tau = _whole_rankings(rankings, pairs, rewards)
    return Report(
        accuracy=wilson(right.sum().item(), len(right)),
        accuracy_by_prompt=by_prompt(right, pairs.prompt_of_pair),
        best_of_k=best_of_k,
        kendall_tau=kendall_tau,
        log_loss=measures.log_loss(margins),
        brier=measures.brier(margins),
        ranking_loss=k_choose_2_loss(rewards, pairs.sizes, pairs.ranks).item(),
        calibration=_calibrate(model, margins, calibration, batch_size),
        n_pairs=len(right),
        n_prompts=len(set(pairs.prompt_of_ranking)),
        n_ties=sum(math.comb(len(ranking), 2) - len(ranking.pairs()) for ranking in data),
        n_truncated=cut.texts,
        n_answers_cut=cut.responses,
        n_identical=sum(ids[i] == ids[j] for i, j in zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True)),
        n_seen=n_seen,
        n_skipped=n_rankings - len(data),
        baselines=_rules(pairs, rankings) | ({} if quick else _blind(model, rankings, pairs, batch_size)),
        groups={} if quick else _groups(rankings, pairs, right),
        checks=[] if quick else check_scores(model, ids),
        margins=margins.tolist(),
        prompts=pairs.prompt_of_pair.tolist(),
    )


def compare(model_a, model_b, data, batch_size=32, seen="refuse"):
    """Measure two models on the same pairs, and say whether one is better.

    Args:
        model_a, model_b: reward models; `data`, `batch_size`, `seen`: see `evaluate`. With "skip", what either has seen is left out.

    Returns:
        A `Comparison`.

    >>> from rmkit import RewardModel, load_rankings
    >>> compare(RewardModel.from_encoder(seed=0), RewardModel.from_encoder(seed=0), load_rankings("toy")).difference.value
    0.0
    """
    data = _checked(data, batch_size, seen)
    n_rankings, n_seen = len(data), {}
    for name, model in {"a": model_a, "b": model_b}.items():  # before either is measured
        data, n_seen[name] = _unseen(model, data, None, seen)
    _measurable(data, n_rankings)
    a, b = (evaluate(model, data, batch_size, seen="measure", quick=True) for model in (model_a, model_b))
    test = measures.mcnemar(a.margins, b.margins)
    apart = measures.right(a.margins) - measures.right(b.margins)  # (P,)
    return Comparison(
        a=a.accuracy_by_prompt,
        b=b.accuracy_by_prompt,
        difference=by_prompt(apart, a.prompts, span=(-1, 1)),
        mcnemar=test,
        pairs_needed=measures.pairs_needed(test["only_a"], test["only_b"], test["n"]) if test["n"] else None,
        n_pairs=a.n_pairs,
        n_prompts=a.n_prompts,
        n_seen=n_seen,
        baselines={name: a.baselines[name] for name in ("chance", "longest", "shortest")},
    )


def score_together(model, texts, batch_size=32):
    """The rewards of all texts, shape (N,), of which each process scores its share: the first one's is 0, n, 2n, ...

    Every share is filled up to the same length, since under FSDP each forward pass needs all processes; what was added is
    dropped again, so that every text counts once. Equal texts are scored once, so that they have the very same reward.
    """
    accelerator = join_processes()
    n = accelerator.num_processes
    places = {}
    place = [places.setdefault(tuple(text), len(places)) for text in texts]  # (N,)
    different = [list(text) for text in places]
    filled = different + different[:1] * (-len(different) % n)
    rewards = model.score_ids(filled[accelerator.process_index :: n], batch_size)
    rewards = accelerator.gather(torch.tensor(rewards, device=accelerator.device))  # share after share
    return rewards.view(n, -1).T.flatten()[place].cpu()  # (N,)


def check_scores(model, texts, most=8):
    """Whether a text's reward is its own: the same alone, beside any other text, and in any order.

    Args:
        model: has `score_ids`.
        texts: lists of token ids; `most` of them are tried, spread over all lengths.

    Returns:
        [{"name", "passed", "found"}]; `found` is the largest difference between two rewards of one text.
    """
    texts = sorted(texts, key=len)
    chosen = [texts[i] for i in np.linspace(0, len(texts) - 1, min(most, len(texts))).astype(int)]
    alone = [model.score_ids([text])[0] for text in chosen]
    longest = texts[-1]
    others = {
        "a text alone is scored as in a batch": model.score_ids(chosen),
        "padding changes nothing": [model.score_ids([text, longest])[0] for text in chosen],
        "the order of responses changes nothing": model.score_ids(chosen[::-1])[::-1],
    }
    checks = []
    for name, rewards in others.items():
        found = max(abs(one - other) for one, other in zip(alone, rewards, strict=True))
        checks.append({"name": name, "passed": bool(found <= SAME), "found": found})
    return checks


class _Pairs:
    """The pairs of all rankings, in one order: where their texts stand, and to which prompt they belong."""

    def __init__(self, rankings):
        self.sizes = [len(ranking) for ranking in rankings]
        self.starts = np.cumsum([0, *self.sizes])  # of each ranking in the list of all texts
        self.ranks = [rank for ranking in rankings for rank in ranking.ranks]
        self.better, self.worse, self.ranking = pair_positions(self.sizes, self.ranks)  # (P,) each
        numbers = {}
        self.prompt_of_ranking = [
            numbers.setdefault(ranking.prompt, len(numbers)) for ranking in rankings
        ]  # (rankings,)
        self.prompt_of_pair = np.array(self.prompt_of_ranking)[self.ranking.numpy()]  # (P,)

    def margins(self, values):
        """The better response's value minus the worse one's, (N,) -> (P,)."""
        values = torch.as_tensor(values)
        return (values[self.better] - values[self.worse]).double().numpy()

    def accuracy(self, values):
        """How often the better response has the higher value, with an interval that draws whole prompts."""
        return by_prompt(measures.right(self.margins(values)), self.prompt_of_pair)


def _whole_rankings(rankings, pairs, rewards):
    """Best of K and Kendall's tau of the rankings of three or more; None and None without such."""
    best, tau, prompts = [], [], []
    for ranking, start, prompt in zip(rankings, pairs.starts, pairs.prompt_of_ranking, strict=False):
        if len(ranking) > 2:
            found = rewards[start : start + len(ranking)]  # (K,)
            best.append(_best_share(ranking.ranks, found))
            tau.append(measures.kendall_tau(ranking.ranks, found.tolist()))
            prompts.append(prompt)
    if not prompts:
        return None, None
    return by_prompt(best, prompts), by_prompt(tau, prompts, span=(-1, 1))


def _best_share(ranks, rewards):
    """Whether the highest reward is on a best response; a share, where several responses have it."""
    first = [rank for rank, reward in zip(ranks, rewards, strict=True) if reward == rewards.max()]
    return first.count(min(ranks)) / len(first)


def _checked(data, batch_size, seen, **others):
    """The data as `Rankings`; `InputError` if an argument of `evaluate` or `compare` cannot work."""
    if seen not in ("refuse", "skip", "measure"):
        raise InputError(f'seen is {seen!r}; it must be "refuse", "skip" or "measure"')
    if not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(f"batch_size is {batch_size!r}; it must be a whole number of texts, 1 or more")
    for name, value in {"data": data, **others}.items():
        if isinstance(value, str):
            text = _short(value)
            raise InputError(f"{name} is the text {text!r}; load it first: rmkit.load_rankings({text!r})")
    return data if isinstance(data, Rankings) else Rankings(data)


def _unseen(model, data, training, seen):
    """The data without what is to be skipped, and the number of prompts that were trained on, None if nobody knows."""
    sketches = [] if model.seen is None else [model.seen]
    if training is not None:
        prompts = [one.prompt if isinstance(one, Ranking) else one for one in training]
        for one in prompts:
            if not isinstance(one, str):
                raise InputError(f"training holds a {type(one).__name__}; it must be rankings or prompts")
        sketches.append(sketch(prompts))
    if not sketches:
        return data, None
    found = dict(seen_before(data.prompts, np.concatenate(sketches)))
    n_seen = len({data[position].prompt for position in found})
    if found and seen == "refuse":
        first = min(found)
        raise InputError(
            f"{len(found)} of {len(data)} rankings have a prompt that the model was trained on, or nearly the same one; "
            f'the first is number {first + 1}, "{_short(data[first].prompt)}"; measure on others, or say seen="skip" '
            '(--seen skip) to leave them out, or "measure" to see how well it knows them by heart'
        )
    if seen == "skip":
        return Rankings([ranking for position, ranking in enumerate(data) if position not in found]), 0
    return data, n_seen


def _measurable(data, n_rankings):
    """The rankings that hold a pair, of the data that is left of `n_rankings`; `InputError` if there is none."""
    rankings = [ranking for ranking in data if ranking.pairs()]
    if not rankings:
        why = "it is empty, or every ranking is a tie"
        if len(data) < n_rankings:
            rest = ", and the rest are ties" if len(data) else ""
            why = f"{n_rankings - len(data)} of {n_rankings} rankings were trained on and skipped{rest}"
        raise InputError(f"the data holds no pair to measure on: {why}")
    return rankings


def _apart(data, calibration, seen):
    """The calibration data without prompts that are measured on; `InputError` if these are refused, or no pair is left."""
    shared = dict(seen_before(calibration.prompts, sketch(data.prompts)))
    if shared and seen != "skip":
        first = min(shared)
        raise InputError(
            f"{len(shared)} of {len(calibration)} rankings of the calibration data have a prompt that is measured on, the first is "
            f'number {first + 1}, "{_short(calibration[first].prompt)}"; fit the temperature on other prompts, or say seen="skip" '
            "(--seen skip) to leave these out"
        )
    left = Rankings([ranking for position, ranking in enumerate(calibration) if position not in shared])
    if not left.n_pairs:
        raise InputError(
            "the calibration data holds no pair to fit a temperature on: it is empty, or every ranking is a tie"
        )
    return left


def _calibrate(model, margins, data, batch_size):
    found = measures.calibration(margins)
    if data is None:
        return found
    rankings = [ranking for ranking in data if ranking.pairs()]
    encoded = encode_rankings(rankings, model.tokenizer, model.config.text_length)
    rewards = score_together(model, [text.ids for texts in encoded for text in texts], batch_size)
    temperature = measures.fit_temperature(_Pairs(rankings).margins(rewards))
    after = {
        "log_loss": measures.log_loss(margins, temperature),
        "ece": measures.calibration(margins, temperature)["ece"],
    }
    return found | {"temperature": temperature, "after": after}


def _rules(pairs, rankings):
    """What needs no model: a coin, the longest, the shortest, the annotators."""
    n = len(pairs.better)
    lengths = torch.tensor([len(response) for ranking in rankings for response in ranking.responses])  # (N,)
    rules = {"chance": wilson(n / 2, n), "longest": pairs.accuracy(lengths), "shortest": pairs.accuracy(-lengths)}
    votes = [ranking.info.get("votes") for ranking in rankings if len(ranking) == 2]
    votes = [v for v in votes if isinstance(v, list) and len(v) > 1 and all(verdict in (0, 1, 2) for verdict in v)]
    if votes:
        rules["annotators"] = measures.agreement(votes)
        if len({len(verdicts) for verdicts in votes}) == 1 and len(votes[0]) % 2:
            rules["ceiling"] = measures.ceiling(rules["annotators"], len(votes[0]))
    return rules


def _blind(model, rankings, pairs, batch_size):
    """What the same model gets without the prompt, and without the response's words; and what words alone get."""
    prompts = [ranking.prompt for ranking in rankings for _ in ranking.responses]
    responses = [response for ranking in rankings for response in ranking.responses]
    mask = model.tokenizer.mask_token or "x"  # decoders have none
    masked = [" ".join(mask for _ in response.split()) for response in responses]
    found = {}
    for name, texts in {"prompt_blind": ([""] * len(prompts), responses), "response_blind": (prompts, masked)}.items():
        encoded = encode_many(model.tokenizer, *texts, model.config.text_length)
        found[name] = pairs.accuracy(score_together(model, [text.ids for text in encoded], batch_size))
    words = bag_of_words(Rankings(rankings))
    return found | ({"bag_of_words": words} if words else {})


def _groups(rankings, pairs, right):
    """Accuracy by what is known of the pairs: {what: [{"name", "accuracy", "n_prompts"}]}, the largest group first."""
    members = {}  # {(what, name): [pair, ...]}
    for pair, (n, i, j) in enumerate(
        zip(*(t.tolist() for t in (pairs.ranking, pairs.better, pairs.worse)), strict=True)
    ):
        ranking = rankings[n]
        i, j = i - pairs.starts[n], j - pairs.starts[n]
        for key in _names(ranking, i, j):
            members.setdefault(key, []).append(pair)
    groups = {}
    for (what, name), own in members.items():
        accuracy = by_prompt(right[own], pairs.prompt_of_pair[own])
        groups.setdefault(what, []).append(
            {"name": name, "accuracy": accuracy, "n_prompts": len(set(pairs.prompt_of_pair[own].tolist()))}
        )
    orders = {"length": [name for _, name in LENGTHS].index, "distance": lambda name: int(name.split()[0])}
    for what, found in groups.items():
        order = orders.get(what)
        found.sort(key=lambda one: order(one["name"]) if order else -one["accuracy"].n)
    return groups


def _names(ranking, i, j):
    """The groups, as (what, name), of the pair in which response i is better than response j; names are one line of text."""
    for what, name in _known(ranking, i, j):
        yield what, " ".join(name.split()).encode("utf-8", "replace").decode()


def _known(ranking, i, j):
    info = ranking.info
    ratio = len(ranking.responses[i]) / len(ranking.responses[j])
    yield "length", next(name for most, name in LENGTHS if ratio <= most)
    if isinstance(info.get("domain"), str):
        yield "domain", info["domain"]
    tags = info.get("tags", info.get("tag"))
    tags = [tags] if isinstance(tags, str) else tags if isinstance(tags, list) else []
    for tag in dict.fromkeys(tag for tag in tags if isinstance(tag, str)):
        yield "tag", tag
    flaws = info.get("flaws")
    if isinstance(flaws, list) and len(flaws) == len(ranking) and isinstance(flaws[j], str):
        yield "flaw", flaws[j]
    if len(ranking) > 2:
        apart = ranking.ranks[j] - ranking.ranks[i]
        yield "distance", {1: "1 rank", 2: "2 ranks", 3: "3 ranks"}.get(apart, "4 ranks or more")


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
