"""Chapter 1, preference data: pairs from a ranking, padding, joining prompt and response, splitting by prompt."""

import itertools
import random
from collections.abc import Mapping

from rmkit.course.exercises import Mistake, call, check, diagnose, either, kind, plain, show
from rmkit.course.exercises._source import global_names

# 1.1 Pairs from a ranking


def solution_ranking_to_pairs(ranks):
    """All (better, worse) positions of a ranking.

    >>> solution_ranking_to_pairs([0, 1, 1])
    [(0, 1), (0, 2)]

    Why compare *every* i with *every* j, when half of it comes to nothing?
    Because then the order in which the responses are listed cannot matter, and
    `<` alone does all the work: it leaves out ties, a response against itself,
    and the wrong way round.
    """
    positions = range(len(ranks))
    return [(i, j) for i in positions for j in positions if ranks[i] < ranks[j]]


@check
def check_ranking_to_pairs(function):
    for ranks in ([0, 1, 2, 3], [0, 1, 1], [2, 0, 1, 0], [0, 0]):
        pairs = _as_pairs(call(function, ranks), ranks)
        _compare_pairs(pairs, ranks)
    return "Every preference once, the better one first, ties left out, in whatever order the responses are listed."


def _as_pairs(result, ranks):
    """The learner's result as a list of tuples of two positions, however they wrote it."""
    if isinstance(result, int):
        raise Mistake(f"the pairs themselves are wanted, not how many there are; for {ranks} you returned {result}.")
    if isinstance(result, set | frozenset):
        result = list(result)
    result = plain(result)
    if not isinstance(result, list):
        raise Mistake(f"return a list of pairs such as [(0, 1), (0, 2)]; you returned {kind(result)}.")
    if any(isinstance(pair, set | frozenset) for pair in result):
        raise Mistake("a set forgets its order, and with it who won: write each pair as (better, worse).")
    if len(result) == 2 and all(isinstance(part, list) and len(part) > 2 for part in result):
        raise Mistake("these are two lists, the better ones and the worse ones; join them with zip(better, worse).")
    for pair in result:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(position, int) for position in pair):
            raise Mistake(f"each pair is two positions, (better, worse); one of yours is {show(pair)}.")
    return [tuple(pair) for pair in result]


def _compare_pairs(pairs, ranks):
    positions = range(len(ranks))
    everything = {(i, j) for i in positions for j in positions}
    want = {(i, j) for i, j in everything if ranks[i] < ranks[j]}
    missing, extra = sorted(want - set(pairs)), sorted(set(pairs) - want)
    wrong = [f"you left out {missing}"] * bool(missing) + [f"{extra} should not be there"] * bool(extra)
    otherwise = f"the pairs are {sorted(want)}; {' and '.join(wrong)}."
    likely = _likely_pairs(pairs, ranks, everything, want)
    diagnose(sorted(pairs), sorted(want), likely, otherwise=otherwise, here=f"For ranks {ranks}")


def _likely_pairs(pairs, ranks, everything, want):
    """What typical mistakes give as the pairs of a ranking, each with its sentence."""
    got, positions, order = set(pairs), range(len(ranks)), sorted(ranks)
    listed, strange = (
        ranks == order,
        [position for pair in pairs for position in pair if position not in range(len(ranks))],
    )
    untied = {(i, j) for i, j in everything if ranks[i] != ranks[j]}

    def all_of(answer):
        return lambda _: got == set(answer)

    return [
        (lambda _: not got, "you return no pair at all. Is the `return` inside a loop, or does nothing pass the `if`?"),
        (all_of(want), "the right pairs come up, but some of them twice; each comparison counts once."),
        (lambda _: strange, f"there is no position {max(strange, default=0)}: positions count from 0."),
        (lambda _: any(i == j for i, j in got), "you compare a response with itself: is `<=` where `<` should be?"),
        (
            all_of((j, i) for i, j in want),
            "every pair is the wrong way round: rank 0 is the best, so the *smaller* rank comes first.",
        ),
        (all_of(untied), "each comparison is in twice, once each way, so every winner also loses."),
        (
            sorted((ranks[i], ranks[j]) for i, j in want),
            "you return the ranks of the two responses instead of their positions.",
        ),
        (
            lambda _: got > want and all(ranks[i] == ranks[j] for i, j in got - want),
            "you count tied responses as a pair, but nobody said which of them is better.",
        ),
        (
            all_of((i, i + 1) for i in positions[:-1]) if listed else None,
            "you compare neighbors only; the first of four also beats the third and the fourth.",
        ),
        (
            all_of((0, j) for j in positions[1:]) if listed else None,
            "you compare only the best with the rest; the others beat each other too.",
        ),
        (
            all_of((i, j) for i, j in everything if order[i] < order[j]),
            "your positions are those of a sorted list; keep those of the list as it was given.",
        ),
        (
            either(all_of((i, j) for i, j in want if i < j), all_of((i, j) for i, j in untied if i < j)),
            (
                "your better response always stands to the left of the worse one. That holds only where the best are "
                "listed "
                "first; compare ranks, not positions."
            ),
        ),
    ]


# 1.2 Padding and the attention mask


def solution_pad(batch, pad_id):
    """Token ids filled up on the right to the longest text, and their mask.

    >>> solution_pad([[101, 7, 102], [101, 102]], pad_id=0)
    ([[101, 7, 102], [101, 102, 0]], [[1, 1, 1], [1, 1, 0]])

    Why is the mask made from lengths and not from the ids? Because many
    tokenizers have no padding token and borrow a real one, and then asking "is
    it equal to `pad_id`?" also hides real tokens.
    """
    T = max(len(ids) for ids in batch)
    input_ids = [ids + [pad_id] * (T - len(ids)) for ids in batch]  # (N, T)
    attention_mask = [[1] * len(ids) + [0] * (T - len(ids)) for ids in batch]  # (N, T)
    return input_ids, attention_mask


@check
def check_pad(function):
    # The last batch is padded with a token that also occurs in a text.
    for batch, pad_id in (
        ([[101, 7, 102], [101, 4, 5, 6, 102], [101, 102]], 0),
        ([[101, 8, 8, 102]], 0),
        ([[101, 7, 102], [101, 4, 5, 6, 102], [101, 102]], 9),
        ([[101, 7, 102], [101, 4, 5, 6, 102], [101, 102]], 102),
    ):
        input_ids, attention_mask = _as_two_tables(call(function, batch, pad_id))
        _compare_ids(input_ids, attention_mask, batch, pad_id)
        _compare_mask(attention_mask, batch, pad_id)
    return (
        "As wide as the longest text, no wider, and the mask marks every real token, even one that looks like padding."
    )


def _as_two_tables(result):
    if isinstance(result, Mapping):
        result = [result.get("input_ids"), result.get("attention_mask")]
    result = plain(result)
    if not isinstance(result, list) or len(result) != 2:
        raise Mistake(
            f"return two things, the ids and the mask: `return input_ids, attention_mask`; got {show(result)}."
        )
    for name, table in zip(("input_ids", "attention_mask"), result, strict=True):
        if not isinstance(table, list) or not all(isinstance(row, list) for row in table):
            raise Mistake(f"{name} is a list with one list for each text, got {show(table)}.")
    return result


def _compare_ids(input_ids, attention_mask, batch, pad_id):
    lengths = [len(ids) for ids in batch]
    longest = max(lengths)
    widths = {len(row) for row in input_ids}
    if len(input_ids) != len(batch):
        raise Mistake(f"{len(batch)} texts went in and {len(input_ids)} came out.")
    if {token for row in input_ids for token in row} <= {0, 1}:
        raise Mistake("the mask comes first and the ids second; return them the other way round.")
    if len(widths) > 1:
        raise Mistake(
            f"your rows have {sorted(widths)} tokens: a tensor needs rows of one length, that of the longest text."
        )
    if widths == {min(lengths)} and min(lengths) < longest:
        raise Mistake(f"you cut every text to the shortest, {min(lengths)} tokens, and lost the rest.")
    if widths != {longest}:
        raise Mistake(
            f"your rows are {widths.pop()} tokens wide, but the longest text here has {longest}: take the width from "
            "the "
            "batch, not from a fixed number."
        )
    if not all(isinstance(token, int) for row in input_ids for token in row):
        raise Mistake(
            "token ids are whole numbers, yours are floats: `torch.zeros` makes floats unless given dtype=torch.long."
        )
    if input_ids == [[pad_id] * (longest - len(ids)) + ids for ids in batch] != _padded(batch, pad_id):
        raise Mistake(
            "you pad on the left. This course reads the reward at position 0, where [CLS] must stay: pad right."
        )
    if [row[:n] for row, n in zip(input_ids, lengths, strict=True)] != batch:
        raise Mistake(f"the tokens themselves changed: {show(batch)} became {show(input_ids)}.")
    if input_ids != _padded(batch, pad_id):
        raise Mistake(f"fill up with `pad_id`, here {pad_id}; yours is {show(input_ids)}.")


def _compare_mask(attention_mask, batch, pad_id):
    lengths = [len(ids) for ids in batch]
    longest = max(lengths)
    want = [[1] * n + [0] * (longest - n) for n in lengths]
    likely = [
        (
            lambda mask: [len(row) for row in mask] != [longest] * len(batch),
            "the mask needs the shape of the ids, one number for every position, padding included.",
        ),
        (
            [[1 - value for value in row] for row in want],
            "your mask is inverted: 1 means look at this token, 0 means padding.",
        ),
        (
            lambda mask: all(all(row) for row in mask),
            "your mask is 1 everywhere, so the padding is read as if it were text.",
        ),
        (
            [[int(token != pad_id) for token in row] for row in _padded(batch, pad_id)],
            (
                f"your mask asks whether an id equals `pad_id`. Here {pad_id} is also a real token, and it was "
                "hidden: make the "
                "mask from the lengths."
            ),
        ),
    ]
    otherwise = f"for {show(batch)} the mask should be {show(want)}, got {show(attention_mask)}."
    diagnose(attention_mask, want, likely, otherwise=otherwise)


def _padded(batch, pad_id):
    longest = max(len(ids) for ids in batch)
    return [ids + [pad_id] * (longest - len(ids)) for ids in batch]


# 1.3 Joining prompt and response


def solution_join_ids(prompt_ids, response_ids, max_length, cls, sep):
    """[CLS] prompt response [SEP] in at most `max_length` tokens.

    >>> solution_join_ids([11, 12, 13], [21, 22], max_length=6, cls=101, sep=102)
    [101, 12, 13, 21, 22, 102]

    Why is the prompt cut, and why its beginning? The reward is for the response,
    so nothing can be learned where the response is missing; and what stands last
    in a prompt is usually the question itself.
    """
    room = max_length - 2  # [CLS] and [SEP] are tokens too
    response_ids = response_ids[:room]
    # Counted from the left, because prompt_ids[-0:] would be the whole prompt.
    start = max(0, len(prompt_ids) + len(response_ids) - room)
    return [cls] + prompt_ids[start:] + response_ids + [sep]


@check
def check_join_ids(function):
    prompt, response = [11, 12, 13, 14, 15], [21, 22]
    for prompt_ids, response_ids, max_length in (
        (prompt, response, 12),
        (prompt, response, 9),
        (prompt, response, 6),
        (prompt, response, 4),
        (prompt, [21, 22, 23, 24, 25], 5),
        ([], response, 8),
    ):
        result = plain(call(function, prompt_ids, response_ids, max_length, 101, 102))
        if not isinstance(result, list) or not all(isinstance(token, int) for token in result):
            raise Mistake(f"return one flat list of token ids, got {show(result)}.")
        _compare_joined(result, prompt_ids, response_ids, max_length)
    return "Short texts stay whole, long ones lose the beginning of the prompt, and the response always survives."


def _compare_joined(result, prompt, response, max_length, cls=101, sep=102):
    room = max_length - 2
    kept = response[:room]
    fits = room - len(kept)  # so many tokens of the prompt
    want = [cls] + prompt[max(0, len(prompt) - fits) :] + kept + [sep]
    here = f"With a prompt of {len(prompt)} tokens, a response of {len(response)} and max_length {max_length}"
    if result != want:
        _refuse_frame(result, [cls] + prompt + [sep] + response + [sep], here)
    whole = " nothing needs cutting, and" if len(prompt) + len(response) <= room else ""
    otherwise = f"{whole} the result should be {want}, got {result}.".strip()
    likely = _likely_bodies(result, prompt, response, kept, fits, max_length)
    diagnose(result[1:-1], want[1:-1], likely, otherwise=otherwise, here=here)


def _refuse_frame(result, as_two, here):
    """What is wrong with [CLS] and [SEP], which stand at the ends of `as_two`, a text with a [SEP] in its middle."""
    cls, sep = as_two[0], as_two[-1]
    if result == as_two:
        raise Mistake(
            "there is a [SEP] between prompt and response. BERT can read pairs that way, but this course joins them."
        )
    if cls not in result[:1]:
        raise Mistake(f"{here} the text does not begin with [CLS] ({cls}), where the reward will be read: {result}.")
    if sep not in result[-1:]:
        raise Mistake(
            f"{here} the text does not end in [SEP] ({sep}): {result}. Was it cut off with the rest? Cut first, then "
            "add it."
        )


def _likely_bodies(result, prompt, response, kept, fits, max_length):
    """What typical mistakes leave between [CLS] and [SEP], each with its sentence."""
    room, n = max_length - 2, len(result)
    return [
        (
            prompt + kept if fits == 0 else None,
            (
                "nothing of the prompt fits, and you kept all of it: `prompt_ids[-n:]` with n = 0 is the whole list, "
                "because -0 is 0. Count the start from the left."
            ),
        ),
        (
            lambda body: len(body) == max_length,
            f"you return {n} tokens: [CLS] and [SEP] count too, so only {room} are left for text.",
        ),
        (lambda body: n > max_length, f"you return {n} tokens, {n - max_length} too many."),
        ((response + prompt)[:room] if prompt else None, "the response comes before the prompt."),
        (
            (prompt + response)[:room],
            (
                f"you cut the right end, and the response is what stands there: {len(response)} tokens of response "
                "went in, "
                f"{sum(token in response for token in result[1:-1])} came out."
            ),
        ),
        (
            response[-room:] if len(response) > room else None,
            "the response alone is too long: keep its beginning, not its end.",
        ),
        (
            prompt[:fits] + kept,
            "you kept the start of the prompt; keep its end, the question stands closest to the response.",
        ),
        (
            kept if prompt else None,
            f"you dropped the whole prompt, though {min(fits, len(prompt))} tokens of it fit.",
        ),
    ]


# 1.4 Splitting by prompt


def solution_split_by_prompt(pairs, test, seed):
    """Pairs in two parts, so that no prompt is in both.

    >>> pairs = [("a", "good", "bad"), ("b", "yes", "no"), ("a", "good", "worse")]
    >>> train, test = solution_split_by_prompt(pairs, test=0.5, seed=0)
    >>> {prompt for prompt, _, _ in train} & {prompt for prompt, _, _ in test}
    set()

    Why sort before shuffling? The order of a set of strings changes each time
    Python starts; sorted first, the same seed gives the same split for everyone,
    always.
    """
    prompts = sorted({prompt for prompt, _, _ in pairs})
    random.Random(seed).shuffle(prompts)
    held_out = set(prompts[: round(test * len(prompts))])
    train = [pair for pair in pairs if pair[0] not in held_out]
    return train, [pair for pair in pairs if pair[0] in held_out]


@check
def check_split_by_prompt(function):
    for test in (0.2, 0.3):
        pairs = _example_pairs()
        _compare_parts(*_as_two_parts(call(function, pairs, test, 0)), pairs, test)
    pairs = _example_pairs()
    held_out = [_prompts(_as_two_parts(call(function, pairs, 0.2, seed))[1]) for seed in range(8)]
    again = _prompts(_as_two_parts(call(function, pairs, 0.2, 7))[1])
    if again != held_out[7]:
        raise Mistake("seed 7 gave two different splits: take all chance from the seed, as in random.Random(seed).")
    if all(prompts == held_out[0] for prompts in held_out):
        raise Mistake("eight seeds gave one and the same split: is the seed used, and are the prompts shuffled?")
    _compare_restart(function, held_out)
    return "Whole prompts move together, the share is right, and a seed gives the same split today and tomorrow."


def _example_pairs(names=None):
    """Ten prompts with one to four pairs each."""
    names = names or [f"question {question}" for question in range(10)]
    rows = [(question, number) for number in range(4) for question in range(10) if number <= question % 4]
    return [(names[q], f"good response {n}", f"bad response {n}") for q, n in rows]


def _compare_restart(function, held_out):
    """Refuse a split that hangs on `hash`, or on the order of a set, which follows from it: a restart changes both.

    Within one process the hash of a text is fixed. So the prompts get other texts, in the same order: a split by sorted
    prompts or by first appearance stays. If it changes, the texts themselves decide, which is as good with a fixed
    digest such as hashlib's. Then the rows change their order, with texts whose hashes collide: what a set does,
    follows.
    """

    def splits(pairs):
        return [_prompts(_as_two_parts(call(function, pairs, 0.2, seed))[1]) for seed in range(8)]

    plain_names, other_names = ([f"{word} {q}" for q in range(10)] for word in ("question", "some other matter"))
    renamed = splits(_example_pairs(other_names))
    if renamed == [{other_names[plain_names.index(prompt)] for prompt in prompts} for prompts in held_out]:
        return
    pairs = _example_pairs(_colliding_names())
    if "hash" not in global_names(function) and splits(pairs) == splits(pairs[::-1]):
        return
    raise Mistake(
        "the same seed will give another split when Python is started again, because the order of a set of strings "
        "(and "
        "`hash`) changes from one start to the next. Sort the prompts before you shuffle them."
    )


def _colliding_names():
    """Ten texts whose hashes collide in a small set, so that their order in it follows the order of their arrival."""
    texts = (f"question {number}" for number in itertools.count())
    return list(itertools.islice((text for text in texts if hash(text) % 32 == 0), 10))


def _as_two_parts(result):
    if not isinstance(result, list | tuple) or len(result) != 2:
        raise Mistake(f"return two lists, `return train, test`; got {kind(result)}.")
    parts = [list(part) if isinstance(part, list | tuple | set) else part for part in result]
    for part in parts:
        if not isinstance(part, list) or not all(isinstance(pair, list | tuple) and len(pair) == 3 for pair in part):
            raise Mistake(f"both parts hold pairs, (prompt, chosen, rejected), as they came in; got {show(part)}.")
    return [[tuple(pair) for pair in part] for part in parts]


def _compare_parts(train, held_out, pairs, test):
    rows = sorted(tuple(str(text) for text in pair) for pair in pairs)
    prompts = {row[0] for row in rows}
    both = sorted(_prompts(train) & _prompts(held_out))
    want = round(test * len(prompts))
    if both:
        raise Mistake(
            f"{len(both)} of {len(prompts)} prompts are on both sides, {both[0]!r} for one: draw prompts, not pairs."
        )
    if sorted(train + held_out) != rows:
        lost = len(set(rows) - set(train + held_out))
        if lost:
            raise Mistake(
                f"{lost} of {len(rows)} pairs are in neither part: every pair of a prompt goes where its prompt goes."
            )
        raise Mistake("some pairs are in twice.")
    if len(_prompts(held_out)) == len(prompts) - want:
        raise Mistake("the two parts have changed places: return train first, then test.")
    if len(_prompts(held_out)) != want:
        raise Mistake(
            f"test={test} of {len(prompts)} prompts is {want}, your test part has {len(_prompts(held_out))}: count "
            "prompts, "
            "not pairs, and round."
        )


def _prompts(part):
    return {pair[0] for pair in part}
