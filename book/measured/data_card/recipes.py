"""Which way of training learns most from the course data? Writes recipes.json beside this file, which the data card
shows.

python -m book.measured.data_card.recipes [--recipes NAME ...]

Three-fold cross-validation over the prompts of course:train and course:validation, never the test part: each recipe is
trained on two thirds and measured on the rest, with the same folds and the same seed, so that recipes can be compared
pair by pair. About 5 minutes a recipe on two cores.
"""

import argparse
import math
import random
from pathlib import Path

import numpy as np
import torch

import rmkit
from rmkit.batching import collate_encoded, encode_rankings, length_buckets
from rmkit.files import write_json
from rmkit.loading import load_rankings
from rmkit.losses import k_choose_2_loss
from rmkit.rankings import Ranking

FOLDS = 3
RECIPES = {
    "all layers": {},
    "lower half frozen": {"freeze": 0.5},
    "lower half frozen, warm-up and decay, three epochs": {"freeze": 0.5, "decay": True, "epochs": 3},
    "random negatives": {"negatives": 2},
    "random negatives, lower half frozen": {"negatives": 2, "freeze": 0.5},
}


def with_negatives(rankings, n, seed):
    """The rankings, each with `n` good responses to other prompts of its domain as its new worst."""
    chance, more = random.Random(seed), []
    for ranking in rankings:
        others = [o for o in rankings if o.prompt != ranking.prompt and o.info["domain"] == ranking.info["domain"]]
        extra = [chance.choice(other.responses[:2]) for other in chance.sample(others, n)]
        extra = [response for response in dict.fromkeys(extra) if response not in ranking.responses]
        ranks = [*ranking.ranks, *[max(ranking.ranks) + 1] * len(extra)]
        more.append(Ranking(ranking.prompt, [*ranking.responses, *extra], ranks, ranking.info))
    return more


def trained(rankings, seed, epochs=2, lr=1e-4, negatives=0, freeze=0, decay=False):
    """A model trained with `rmkit.train`'s loop, which this repeats so that it can be varied."""
    model = rmkit.RewardModel.from_encoder(seed=seed)
    model.freeze(freeze)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=lr, fused=True)
    steps, step = epochs * math.ceil(len(rankings) / 8), 0
    for epoch in range(1, epochs + 1):
        data = with_negatives(rankings, negatives, seed * 100 + epoch) if negatives else rankings
        encoded = encode_rankings(data, model.tokenizer)
        lengths = [max(len(text.ids) for text in texts) for texts in encoded]
        model.train()
        for indices in length_buckets(lengths, 8, torch.Generator().manual_seed(seed * 1000 + epoch)):
            if decay:  # up over a tenth of the steps, and down to 0
                for group in optimizer.param_groups:
                    group["lr"] = lr * min((step + 1) / (0.1 * steps), 1) * (1 - step / steps)
            batch = collate_encoded(
                [data[i] for i in indices], [encoded[i] for i in indices], model.tokenizer.pad_token_id
            )
            loss = k_choose_2_loss(model(batch.input_ids, batch.attention_mask), batch.sizes, batch.ranks)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            step += 1
    return model.eval()


def counts(model, rankings):
    """Pairs that are right (a tie counts half) and pairs in all, for each ranking, shape (len(rankings), 2)."""
    rows = []
    for ranking in rankings:
        rewards = model.score(ranking.prompt, ranking.responses)
        margins = np.array([rewards[i] - rewards[j] for i, j in ranking.pairs()])
        rows.append([(margins > 0).sum() + (margins == 0).sum() / 2, len(margins)])
    return np.array(rows, dtype=float)


def interval(better, base=None, draws=4000):
    """Share of pairs right, or its difference from `base`, with the 95% interval of a bootstrap over prompts."""
    gained = better[:, 0] - (0 if base is None else base[:, 0])  # (prompts,)
    n = better[:, 1]
    drawn = np.random.default_rng(0).integers(0, len(n), (draws, len(n)))
    low, high = np.percentile(gained[drawn].sum(axis=1) / n[drawn].sum(axis=1), [2.5, 97.5])
    return {"value": float(gained.sum() / n.sum()), "low": float(low), "high": float(high), "n": int(n.sum())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES), metavar="NAME")
    args = parser.parse_args()
    rankings = [*load_rankings("course:train"), *load_rankings("course:validation")]
    random.Random(0).shuffle(rankings)
    rows = {}
    for name in dict.fromkeys(["all layers", *args.recipes]):
        rows[name] = np.concatenate(
            [
                counts(
                    trained([r for i, r in enumerate(rankings) if i % FOLDS != fold], seed=0, **RECIPES[name]),
                    rankings[fold::FOLDS],
                )
                for fold in range(FOLDS)
            ]
        )
        print(f"{name}: {interval(rows[name])['value']:.3f}", flush=True)
    base = rows["all layers"]
    result = {name: {"accuracy": interval(found), "gain": interval(found, base)} for name, found in rows.items()}
    write_json(Path(__file__).with_name("recipes.json"), {"n_prompts": len(rankings), "recipes": result})


if __name__ == "__main__":
    main()
