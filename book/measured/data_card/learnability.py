"""How much of the course data can be learned? Writes learnability.json beside this file, which the data card shows.

python -m book.measured.data_card.learnability [--seeds 5] [--pandalm FILE] [--rules]

Trains on course:train with `rmkit.train`'s defaults, once a seed, and measures on course:test: accuracy by domain, by
the flaw of the worse response and by distance in rank, beside the longest, the shortest, a bag of words and a linear
probe on the frozen encoder; then again on fewer training prompts. About 20 minutes on two cores. Run it when the data
or the defaults change, and commit the result. With --rules it trains nothing, and measures again only what rules get on
PandaLM.
"""

import argparse
import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

import rmkit
from rmkit import intervals
from rmkit.batching import encode_rankings, length_buckets, pad
from rmkit.files import write_json
from rmkit.loading import DATASETS, load_rankings
from rmkit.measures import right
from rmkit.rankings import Rankings
from rmkit.shortcuts import fit_words

ROOT = Path(__file__).parents[3]
RESULT = Path(__file__).with_name("learnability.json")


def pairs_of(rankings):
    """(ranking, better, worse) of every pair, in the order of `Report.margins`."""
    return [(ranking, i, j) for ranking in rankings for i, j in sorted(ranking.pairs())]


def train_one(data, seed):
    model = rmkit.RewardModel.from_encoder(seed=seed)
    history = rmkit.train(model, data, seed=seed)
    return model, history.seconds


def by_prompt(scores, pairs):
    """Mean of `scores` over pairs, with the 95% interval of a bootstrap that draws whole prompts."""
    return intervals.by_prompt(scores, [ranking.prompt for ranking, _, _ in pairs]).to_dict()


def group(scores, pairs, name):
    """`by_prompt` for each value of `name(ranking, i, j)`."""
    parts = defaultdict(list)
    for score, pair in zip(scores, pairs, strict=True):
        parts[name(*pair)].append((score, pair))
    return {str(key): by_prompt(*zip(*part, strict=True)) for key, part in sorted(parts.items())}


@torch.no_grad()
def frozen(rankings, model, joined=True):
    """What the encoder knows before training: the mean of its vectors, an array (K, hidden) for each ranking.

    Joined, each row is a prompt with a response, as the reward model reads them. Otherwise the prompt is the first row
    of K + 1, and the responses follow, each alone.
    """
    if joined:
        encoded = encode_rankings(rankings, model.tokenizer)
        sizes, texts = [len(r) for r in rankings], [text.ids for responses in encoded for text in responses]
    else:
        sizes = [len(r) + 1 for r in rankings]
        texts = model.tokenizer([text for r in rankings for text in (r.prompt, *r.responses)])["input_ids"]
    vectors = [None] * len(texts)
    for batch in length_buckets([len(ids) for ids in texts], 32):
        ids, mask = pad([texts[i] for i in batch], model.tokenizer.pad_token_id)
        hidden = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state  # (N, T, hidden)
        mean = (hidden * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        for i, vector in zip(batch, mean.numpy(), strict=True):
            vectors[i] = vector
    vectors = iter(vectors)
    return [np.stack([next(vectors) for _ in range(size)]) for size in sizes]


def similarity(rankings):
    """Margins of the cosine between the frozen encoder's vectors of prompt and response: relevance, and no training."""
    model = rmkit.RewardModel.from_encoder()
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in frozen(rankings, model, joined=False)]
    return np.array(
        [v[0] @ (v[i + 1] - v[j + 1]) for r, v in zip(rankings, unit, strict=True) for i, j in sorted(r.pairs())]
    )


def probe(train, validation, test):
    """Margins of a logistic regression on the frozen encoder's vectors; its penalty is chosen on validation."""
    model = rmkit.RewardModel.from_encoder()

    def differences(rankings):
        vectors = frozen(rankings, model)
        return np.stack([v[i] - v[j] for r, v in zip(rankings, vectors, strict=True) for i, j in sorted(r.pairs())])

    learn, choose, measure = map(differences, (train, validation, test))
    fitted = []
    for strength in (0.01, 0.1, 1, 10):
        classifier = LogisticRegression(C=strength, fit_intercept=False, max_iter=2000)
        classifier.fit(np.concatenate([learn, -learn]), [1] * len(learn) + [0] * len(learn))
        fitted.append((right(classifier.decision_function(choose)).mean(), classifier))
    return max(fitted, key=lambda pair: pair[0])[1].decision_function(measure)


def human_rules(human):
    """What needs no training, on rankings with votes."""
    found = rmkit.evaluate(rmkit.RewardModel.from_encoder(), human, quick=True).baselines
    rules = {name: found[name].to_dict() for name in ("longest", "shortest", "annotators")}
    return rules | {"similarity": by_prompt(right(similarity(human)), pairs_of(human))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pandalm", type=Path, default=ROOT.parent / "shared" / "data" / "pandalm-dev.json")
    parser.add_argument("--rules", action="store_true")
    args = parser.parse_args()
    if args.rules:
        result = json.loads(RESULT.read_text(encoding="utf-8"))
        result["pandalm"]["baselines"] = human_rules(load_rankings(args.pandalm))
        return write_json(RESULT, result)
    train, validation, test = (load_rankings(f"course:{split}") for split in ("train", "validation", "test"))
    pairs = pairs_of(test)
    texts = [(ranking.responses[i], ranking.responses[j]) for ranking, i, j in pairs]

    models = [train_one(train, seed) for seed in range(args.seeds)]
    reports = [rmkit.evaluate(model, test, quick=True) for model, _ in models]
    scores = np.mean([right(report.margins) for report in reports], axis=0)  # (P,) mean over seeds
    lengths = np.array([len(better) - len(worse) for better, worse in texts])
    words = fit_words([(r.responses[i], r.responses[j]) for r, i, j in pairs_of(train)])
    result = {
        "data": hashlib.sha256((DATASETS / "course.jsonl").read_bytes()).hexdigest(),
        "n_train": len(train),
        "n_test": len(test),
        "seeds": args.seeds,
        "minutes": [seconds / 60 for _, seconds in models],
        "per_seed": [report.accuracy.value for report in reports],
        "log_loss": [report.log_loss for report in reports],
        "accuracy": by_prompt(scores, pairs),
        "training_pairs": float(
            np.mean(
                [rmkit.evaluate(model, train, seen="measure", quick=True).accuracy.value for model, _ in models[:1]]
            )
        ),
        "baselines": {
            "longest": by_prompt(right(lengths), pairs),
            "shortest": by_prompt(right(-lengths), pairs),
            "bag_of_words": by_prompt(right(words(texts)), pairs),
            "similarity": by_prompt(right(similarity(test)), pairs),
            "frozen_probe": by_prompt(right(probe(train, validation, test)), pairs),
        },
        "by_domain": group(scores, pairs, lambda ranking, i, j: ranking.info["domain"]),
        "by_flaw": group(scores, pairs, lambda ranking, i, j: ranking.info["flaws"][j]),
        "by_distance": group(scores, pairs, lambda ranking, i, j: ranking.ranks[j] - ranking.ranks[i]),
        "curve": {},
    }
    for n in (len(train) // 8, len(train) // 4, len(train) // 2):
        measured = []
        for seed in range(min(3, args.seeds)):
            part = Rankings(random.Random(seed).sample(list(train), n))
            measured.append(right(rmkit.evaluate(train_one(part, seed)[0], test, quick=True).margins))
        result["curve"][str(n)] = by_prompt(np.mean(measured, axis=0), pairs)
    if args.pandalm.exists():
        human = load_rankings(args.pandalm)
        found = [rmkit.evaluate(model, human, quick=True) for model, _ in models]
        result["pandalm"] = {
            "accuracy": by_prompt(np.mean([right(report.margins) for report in found], axis=0), pairs_of(human)),
            "per_seed": [report.accuracy.value for report in found],
            "baselines": human_rules(human),
        }
    write_json(RESULT, result)
    print(result["accuracy"], result["baselines"])


if __name__ == "__main__":
    main()
