"""Right and wrong answers to the exercises of chapter 1: {exercise: (check, right answers, wrong answers)}."""

import hashlib
import itertools
import random

import numpy as np
import torch

from rmkit.course.exercises.preference_data import (
    check_join_ids,
    check_pad,
    check_ranking_to_pairs,
    check_split_by_prompt,
    solution_join_ids,
    solution_pad,
    solution_ranking_to_pairs,
    solution_split_by_prompt,
)

# 1.1 Pairs from a ranking


def pairs_by_combinations(ranks):
    for i, j in itertools.combinations(range(len(ranks)), 2):
        if ranks[i] != ranks[j]:
            yield (i, j) if ranks[i] < ranks[j] else (j, i)


def pairs_as_tensor(ranks):
    ranks = torch.tensor(ranks)
    return torch.nonzero(ranks[:, None] < ranks[None, :])


def pairs_as_set(ranks):
    return {(i, j) for i, j in np.ndindex(len(ranks), len(ranks)) if ranks[i] < ranks[j]}


def all_pairs(ranks):
    return list(itertools.product(range(len(ranks)), repeat=2))


RIGHT_PAIRS = [solution_ranking_to_pairs, pairs_by_combinations, pairs_as_tensor, pairs_as_set]
WRONG_PAIRS = {
    "worse first": (lambda ranks: [(j, i) for i, j in solution_ranking_to_pairs(ranks)], "wrong way round"),
    "both ways": (lambda ranks: [(i, j) for i, j in all_pairs(ranks) if ranks[i] != ranks[j]], "once each way"),
    "<=": (lambda ranks: [(i, j) for i, j in all_pairs(ranks) if ranks[i] <= ranks[j]], "with itself"),
    "ties": (lambda ranks: [(i, j) for i, j in all_pairs(ranks) if i < j], "tied"),
    "neighbors": (lambda ranks: [(i, i + 1) for i in range(len(ranks) - 1)], "neighbors"),
    "best against rest": (lambda ranks: [(0, j) for j in range(1, len(ranks))], "only the best"),
    "best listed first": (
        lambda ranks: [(i, j) for i, j in all_pairs(ranks) if i < j and ranks[i] < ranks[j]],
        "to the left",
    ),
    "sorted": (lambda ranks: solution_ranking_to_pairs(sorted(ranks)), "sorted list"),
    "ranks": (lambda ranks: [(ranks[i], ranks[j]) for i, j in solution_ranking_to_pairs(ranks)], "ranks of the two"),
    "count": (lambda ranks: len(ranks) * (len(ranks) - 1) // 2, "not how many"),
    "sets": (lambda ranks: [{i, j} for i, j in solution_ranking_to_pairs(ranks)], "forgets"),
    "two lists": (lambda ranks: list(zip(*solution_ranking_to_pairs(ranks), strict=True)), "zip"),
    "from 1": (lambda ranks: [(i + 1, j + 1) for i, j in solution_ranking_to_pairs(ranks)], "count from 0"),
    "twice": (lambda ranks: solution_ranking_to_pairs(ranks) * 2, "twice"),
    "one missing": (lambda ranks: solution_ranking_to_pairs(ranks)[1:], "left out [(0, 1)]"),
    "flat": (lambda ranks: sum(solution_ranking_to_pairs(ranks), ()), "each pair is two positions"),
    "text": (lambda ranks: "0 beats 1", "a str"),
}

# 1.2 Padding


def pad_with_torch(batch, pad_id):
    ids = torch.full((len(batch), max(map(len, batch))), pad_id)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = True
    return ids, mask


def pad_as_dict(batch, pad_id):
    columns = list(itertools.zip_longest(*batch, fillvalue=pad_id))
    ids = np.array(columns).T
    mask = np.arange(ids.shape[1])[None, :] < np.array([len(row) for row in batch])[:, None]
    return {"input_ids": ids, "attention_mask": mask.astype(float)}


def pad_in_place(batch, pad_id):
    longest = max(len(ids) for ids in batch)
    mask = [[1] * len(ids) + [0] * (longest - len(ids)) for ids in batch]
    for ids in batch:
        ids += [pad_id] * (longest - len(ids))
    return batch, mask


def masked(make_mask):
    """A function whose ids are right and whose mask is `make_mask(batch, ids, pad_id)`."""

    def function(batch, pad_id):
        ids = solution_pad(batch, pad_id)[0]
        return ids, make_mask(batch, ids, pad_id)

    return function


def pad_left(batch, pad_id):
    ids, mask = solution_pad([row[::-1] for row in batch], pad_id)
    return [row[::-1] for row in ids], [row[::-1] for row in mask]


def pad_floats(batch, pad_id):
    ids, mask = pad_with_torch(batch, pad_id)
    return ids.float(), mask


RIGHT_PADS = [solution_pad, pad_with_torch, pad_as_dict]
WRONG_PADS = {
    "fixed width": (lambda batch, pad_id: solution_pad([*batch, [1] * 12], pad_id), "came out"),
    "to 512": (
        lambda batch, pad_id: tuple(
            [row + [0] * (512 - len(row)) for row in part] for part in solution_pad(batch, pad_id)
        ),
        "fixed number",
    ),
    "left": (pad_left, "pad right"),
    "cut to shortest": (
        lambda batch, pad_id: (
            [row[: min(map(len, batch))] for row in batch],
            [[1] * min(map(len, batch)) for _ in batch],
        ),
        "shortest",
    ),
    "ragged": (lambda batch, pad_id: (batch, [[1] * len(row) for row in batch]), "rows of one length"),
    "always 0": (lambda batch, pad_id: solution_pad(batch, 0), "fill up with `pad_id`"),
    "inverted": (
        masked(lambda batch, ids, pad_id: [[1 - m for m in row] for row in solution_pad(batch, 0)[1]]),
        "inverted",
    ),
    "all ones": (masked(lambda batch, ids, pad_id: [[1] * len(row) for row in ids]), "1 everywhere"),
    "from ids": (masked(lambda batch, ids, pad_id: [[int(t != pad_id) for t in row] for row in ids]), "real token"),
    "short mask": (masked(lambda batch, ids, pad_id: [[1] * len(row) for row in batch]), "shape of the ids"),
    "causal": (masked(lambda batch, ids, pad_id: [[1] + [0] * (len(row) - 1) for row in ids]), "the mask should be"),
    "ids only": (lambda batch, pad_id: solution_pad(batch, pad_id)[0], "two things"),
    "swapped": (lambda batch, pad_id: solution_pad(batch, pad_id)[::-1], "other way round"),
    "in place": (pad_in_place, "changed the list"),
    "floats": (pad_floats, "floats"),
    "sorted": (lambda batch, pad_id: solution_pad(sorted(batch), pad_id), "tokens themselves changed"),
    "flat": (lambda batch, pad_id: ([1, 2], [1, 1]), "one list for each text"),
}

# 1.3 Joining


def join_by_popping(prompt_ids, response_ids, max_length, cls, sep):
    prompt, response = list(prompt_ids), list(response_ids)
    while len(prompt) + len(response) + 2 > max_length:
        if prompt:
            prompt.pop(0)
        else:
            response.pop()
    return torch.tensor([cls, *prompt, *response, sep])


def join_with_minus_zero(prompt_ids, response_ids, max_length, cls, sep):
    response_ids = response_ids[: max_length - 2]
    return [cls] + prompt_ids[-(max_length - 2 - len(response_ids)) :] + response_ids + [sep]


def join_and_cut(cut):
    """Joins prompt and response and cuts both with `cut(prompt, response, room)`."""
    return lambda prompt, response, max_length, cls, sep: [cls] + cut(prompt, response, max_length - 2) + [sep]


RIGHT_JOINS = [solution_join_ids, join_by_popping]
WRONG_JOINS = {
    "right cut": (join_and_cut(lambda p, r, room: (p + r)[:room]), "cut the right end"),
    "left cut": (join_and_cut(lambda p, r, room: (p + r)[-room:]), "keep its beginning"),
    "start of prompt": (join_and_cut(lambda p, r, room: p[: max(0, room - len(r))] + r[:room]), "kept the start"),
    "no cut": (join_and_cut(lambda p, r, room: p + r), "3 too many"),
    "specials forgotten": (
        lambda p, r, n, cls, sep: [cls] + (p[max(0, len(p) + len(r) - n) :] + r[:n]) + [sep],
        "[CLS] and [SEP] count too",
    ),
    "[SEP] cut off": (lambda p, r, n, cls, sep: ([cls] + p + r + [sep])[:n], "does not end in [SEP]"),
    "no [CLS]": (
        lambda p, r, n, cls, sep: p[max(0, len(p) + len(r) - n + 1) :] + r + [sep],
        "does not begin with [CLS]",
    ),
    "pair": (lambda p, r, n, cls, sep: [cls] + p + [sep] + r + [sep], "between prompt and response"),
    "-0": (join_with_minus_zero, "-0 is 0"),
    "no prompt": (
        join_and_cut(lambda p, r, room: p + r if len(p + r) <= room else r[:room]),
        "dropped the whole prompt",
    ),
    "answer first": (join_and_cut(lambda p, r, room: (r + p)[:room]), "before the prompt"),
    "answer only": (join_and_cut(lambda p, r, room: r[:room]), "dropped the whole prompt, though 5"),
    "always cut": (join_and_cut(lambda p, r, room: p[1:] + r), "nothing needs cutting"),
    "text": (lambda p, r, n, cls, sep: "[CLS] ...", "flat list"),
}

# 1.4 Splitting


def split_with_numpy(pairs, test, seed):
    prompts = np.array(list(dict.fromkeys(str(prompt) for prompt, _, _ in pairs)))
    held_out = np.random.default_rng(seed).permutation(prompts)[: round(test * len(prompts))]
    return (
        tuple(pair for pair in pairs if str(pair[0]) not in held_out),
        tuple(pair for pair in pairs if str(pair[0]) in held_out),
    )


def split_by_permutation(pairs, test, seed):
    prompts = sorted({prompt for prompt, _, _ in pairs})
    return by_prompts(pairs, set(np.random.default_rng(seed).permutation(prompts)[: round(test * len(prompts))]))


def split_by_choice(pairs, test, seed):
    prompts = sorted({prompt for prompt, _, _ in pairs})
    k = round(test * len(prompts))
    return by_prompts(pairs, set(np.random.default_rng(seed).choice(prompts, size=k, replace=False)))


def split_by_unique(pairs, test, seed):
    prompts = np.unique([prompt for prompt, _, _ in pairs])
    np.random.default_rng(seed).shuffle(prompts)
    side = {prompt: place < round(test * len(prompts)) for place, prompt in enumerate(prompts)}
    return [pair for pair in pairs if not side[pair[0]]], [pair for pair in pairs if side[pair[0]]]


def split_by_digest(pairs, test, seed):
    prompts = {prompt for prompt, _, _ in pairs}
    drawn = sorted(prompts, key=lambda prompt: hashlib.sha256(f"{seed} {prompt}".encode()).hexdigest())
    return by_prompts(pairs, drawn[: round(test * len(prompts))])


def split_by_hash(pairs, test, seed):
    prompts = sorted({prompt for prompt, _, _ in pairs}, key=lambda prompt: hash((prompt, seed)))
    return by_prompts(pairs, prompts[: round(test * len(prompts))])


def split_pairs(pairs, test, seed):
    rows = random.Random(seed).sample(pairs, len(pairs))
    return rows[round(test * len(rows)) :], rows[: round(test * len(rows))]


def split_unsorted(pairs, test, seed):
    prompts = list({prompt for prompt, _, _ in pairs})
    random.Random(seed).shuffle(prompts)
    return by_prompts(pairs, prompts[: round(test * len(prompts))])


def split_by_size(pairs, test, seed):
    prompts = sorted({prompt for prompt, _, _ in pairs})
    random.Random(seed).shuffle(prompts)
    while sum(pair[0] in prompts for pair in pairs) > 0.1 * len(pairs):
        prompts.pop()
    return by_prompts(pairs, prompts)


def split_in_place(pairs, test, seed):
    result = solution_split_by_prompt(pairs, test, seed)
    random.Random(seed).shuffle(pairs)
    return result


def by_prompts(pairs, held_out):
    return [pair for pair in pairs if pair[0] not in held_out], [pair for pair in pairs if pair[0] in held_out]


RIGHT_SPLITS = [
    solution_split_by_prompt,
    split_with_numpy,
    split_by_permutation,
    split_by_choice,
    split_by_unique,
    split_by_digest,
]
WRONG_SPLITS = {
    "pairs": (split_pairs, "on both sides"),
    "no shuffle": (lambda pairs, test, seed: solution_split_by_prompt(pairs, test, 0), "is the seed used"),
    "no seed": (
        lambda pairs, test, seed: solution_split_by_prompt(pairs, test, random.random()),
        "two different splits",
    ),
    "unsorted set": (split_unsorted, "started again"),
    "swapped": (lambda pairs, test, seed: solution_split_by_prompt(pairs, test, seed)[::-1], "changed places"),
    "one pair a prompt": (
        lambda pairs, test, seed: solution_split_by_prompt(
            list({pair[0]: pair for pair in pairs}.values()), test, seed
        ),
        "in neither part",
    ),
    "twice": (lambda pairs, test, seed: solution_split_by_prompt(pairs * 2, test, seed), "in twice"),
    "share of pairs": (split_by_size, "count prompts"),
    "prompts only": (
        lambda pairs, test, seed: [[pair[0] for pair in part] for part in solution_split_by_prompt(pairs, test, seed)],
        "both parts hold pairs",
    ),
    "one list": (lambda pairs, test, seed: solution_split_by_prompt(pairs, test, seed)[0], "two lists"),
    "in place": (split_in_place, "changed the list"),
}

EXERCISES = {
    "ranking_to_pairs": (check_ranking_to_pairs, RIGHT_PAIRS, WRONG_PAIRS),
    "pad": (check_pad, RIGHT_PADS, WRONG_PADS),
    "join_ids": (check_join_ids, RIGHT_JOINS, WRONG_JOINS),
    "split_by_prompt": (check_split_by_prompt, RIGHT_SPLITS, WRONG_SPLITS),
}
