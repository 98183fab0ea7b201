"""Right and wrong answers to the exercises of chapter 7: {exercise: (check, right answers, wrong answers)}."""

import math
import random
from statistics import mean, median, pstdev, stdev

import numpy as np
import torch
from scipy.stats import t
from sklearn.linear_model import LinearRegression

from rmkit.attacks import echo_prompt, pad_out
from rmkit.course.exercises.biases_and_attacks import (
    check_attack,
    check_leave_one_word_out,
    check_length_slope,
    check_paired_gain,
    check_random_answers,
    solution_attack,
    solution_leave_one_word_out,
    solution_length_slope,
    solution_paired_gain,
    solution_random_answers,
)

# 7.1 An attack


def on_both_sides(prompt, response):
    return f"**Answer**\n\n{response}\n\nI hope that this is of some help."


def by_the_prompt(prompt, response):
    return response + " " + random.Random(prompt).choice(["This has been known for long.", "So say all who know."])


EMPTY = "All in all this is how it is."
RIGHT_ATTACKS = [solution_attack, pad_out, echo_prompt, on_both_sides, by_the_prompt]
WRONG_ATTACKS = {
    "unchanged": (lambda prompt, response: f"  {response}\n\n\n", "comes back as it was"),
    "capitals": (lambda prompt, response: f"{response.upper()} {EMPTY}", "changed capitals"),
    "in the middle": (lambda prompt, response: response.replace(" ", f" ({EMPTY}) ", 1), "in the middle"),
    "replaced": (lambda prompt, response: "...", "nothing of it is left"),
    "cut": (lambda prompt, response: " ".join(response.split()[:4]), "end is cut off"),
    "words changed": (lambda prompt, response: f"{response.replace('a', 'the')} {EMPTY}", "lost or changed"),
    "glued": (lambda prompt, response: response + EMPTY, "without a space"),
    "three words": (lambda prompt, response: f"{response} That is all.", "add 3 words"),
    "one word": (lambda prompt, response: f"Well, {response}", "add 1 word;"),
    "chance": (lambda prompt, response: f"{response} {random.random()} {EMPTY}", "two different texts"),
    "twice": (lambda prompt, response: f"{response} {response}", "2 times"),
    "a list": (lambda prompt, response: [response, EMPTY], "one text"),
}

# 7.2 The paired gain


def gain_with_numpy(before, after):
    gains = np.array(after) - np.array(before)
    return gains.mean() + t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)) * np.array([0, -1, 1])


def gain_with_torch(before, after):
    gains = torch.tensor(after, dtype=torch.float64) - torch.tensor(before, dtype=torch.float64)
    reach = {4: 3.182446, 7: 2.446912, 5: 2.776445}[len(gains)] * gains.std() / math.sqrt(len(gains))
    return [gains.mean(), gains.mean() - reach, gains.mean() + reach]


def around(reach, middle=mean):
    """(gain, low, high) with another reach or middle."""

    def function(before, after):
        gains = [new - old for old, new in zip(before, after, strict=True)]
        far = reach(gains, before, after)
        return middle(gains), middle(gains) - far, middle(gains) + far

    return function


def error(gains, *_):
    return 1.96 * stdev(gains) / math.sqrt(len(gains))


def unpaired(gains, before, after):
    return 1.96 * math.sqrt((stdev(before) ** 2 + stdev(after) ** 2) / len(gains))


RIGHT_GAINS = [solution_paired_gain, gain_with_numpy, gain_with_torch]
WRONG_GAINS = {
    "z": (around(error), "Student's t"),
    "degrees of freedom": (
        around(lambda gains, *_: t.ppf(0.975, len(gains)) * stdev(gains) / math.sqrt(len(gains))),
        "4 degrees of freedom; with 4 gains there are 3",
    ),
    "one side": (
        around(lambda gains, *_: t.ppf(0.95, len(gains) - 1) * stdev(gains) / math.sqrt(len(gains))),
        "ask t for 0.975",
    ),
    "sign": (lambda before, after: solution_paired_gain(after, before), "wrong sign"),
    "median": (around(error, median), "the median"),
    "sum": (around(error, sum), "the sum"),
    "no reason": (around(error, lambda gains: gains[0] + 0.2), "the gain is"),
    "unpaired": (around(unpaired), "different prompts"),
    "of single gains": (around(lambda gains, *_: 1.96 * stdev(gains)), "single gains"),
    "by n": (around(lambda gains, *_: 1.96 * stdev(gains) / len(gains)), "root of 4"),
    "one error": (around(lambda gains, *_: stdev(gains) / math.sqrt(len(gains))), "one standard error"),
    "variance": (around(lambda gains, *_: 1.96 * stdev(gains) ** 2 / math.sqrt(len(gains))), "the variance"),
    "population": (around(lambda gains, *_: 1.96 * pstdev(gains) / math.sqrt(len(gains))), "ddof=1"),
    "99 percent": (around(lambda gains, *_: 2.576 * stdev(gains) / math.sqrt(len(gains))), "the result is"),
    "ends swapped": (lambda b, a: [solution_paired_gain(b, a)[i] for i in (0, 2, 1)], "changed places"),
    "distances": (
        lambda b, a: (
            solution_paired_gain(b, a)[0],
            -error(np.subtract(a, b).tolist()),
            error(np.subtract(a, b).tolist()),
        ),
        "around 0",
    ),
    "mean alone": (lambda b, a: mean(a) - mean(b), "without its interval"),
    "two numbers": (lambda b, a: solution_paired_gain(b, a)[1:], "you returned 2"),
    "gains": (lambda b, a: [y - x for x, y in zip(b, a, strict=True)], "gains of 4 prompts"),
}

# 7.3 Leave one word out


def leave_out_with_pop(score, prompt, response):
    words, texts = response.split(), [response]
    for i in range(len(words)):
        rest = words.copy()
        rest.pop(i)
        texts.append(" ".join(rest))
    rewards = torch.tensor(score(prompt, texts), dtype=torch.float64)
    return [[word, rewards[0] - reward] for word, reward in zip(words, rewards[1:], strict=True)]


def leave_out_in_two_calls(score, prompt, response):
    words = response.split()
    whole = score(prompt, response)
    texts = [" ".join(word for j, word in enumerate(words) if j != i) for i in range(len(words))]
    return tuple(zip(words, (whole - np.array(score(prompt, texts))).tolist(), strict=True))


def left_out(change):
    """The right result, changed."""
    return lambda score, prompt, response: change(solution_leave_one_word_out(score, prompt, response))


def with_texts(make, asked=lambda prompt, word: prompt):
    """The right arithmetic on other texts: `make(words, i)` is what is scored for word i."""

    def function(score, prompt, response):
        words = response.split()
        whole, *rewards = score(prompt, [response, *(make(words, i) for i in range(len(words)))])
        return [(word, whole - r) for word, r in zip(words, rewards, strict=True)]

    return function


def one_by_one(score, prompt, response):
    words = response.split()
    return [
        (word, score(prompt, response) - score(prompt, " ".join(words[:i] + words[i + 1 :])))
        for i, word in enumerate(words)
    ]


def from_the_prompt(score, prompt, response):
    words = prompt.split()
    return [
        (w, score(prompt, response) - score(" ".join(words[:i] + words[i + 1 :]), response))
        for i, w in enumerate(words)
    ]


def characters(score, prompt, response):
    whole, *rewards = score(prompt, [response, *(response[:i] + response[i + 1 :] for i in range(len(response)))])
    return [(c, whole - r) for c, r in zip(response, rewards, strict=True)]


def share_of_whole(score, prompt, response):
    return [(w, drop / score.reward(response)) for w, drop in solution_leave_one_word_out(score, prompt, response)]


RIGHT_WORDS = [solution_leave_one_word_out, leave_out_with_pop, leave_out_in_two_calls]
WRONG_WORDS = {
    "sign": (left_out(lambda pairs: [(w, -d) for w, d in pairs]), "sign is flipped"),
    "rewards": (
        lambda score, x, y: [(w, score.reward(y) - d) for w, d in solution_leave_one_word_out(score, x, y)],
        "subtract them",
    ),
    "share": (share_of_whole, "divide by the whole"),
    "halved": (left_out(lambda pairs: [(w, d / 2) for w, d in pairs]), "the drops are"),
    "every copy": (with_texts(lambda ws, i: " ".join(w for w in ws if w != ws[i])), "every 'the', 2 of them"),
    "alone": (with_texts(lambda ws, i: ws[i]), "alone; leave that word out"),
    "glued": (with_texts(lambda ws, i: "".join(ws[:i] + ws[i + 1 :])), "run together"),
    "up to here": (with_texts(lambda ws, i: " ".join(ws[: i + 2])), "only a part"),
    "two at once": (
        with_texts(lambda ws, i: " ".join(ws[:i] + ["and"] + ws[i + 1 :])),
        "not the response with one word",
    ),
    "characters": (characters, "single characters"),
    "prompt": (from_the_prompt, "the prompt stays"),
    "one by one": (one_by_one, "14 times"),
    "dict": (left_out(dict), "a dict"),
    "words alone": (left_out(lambda pairs: [w for w, _ in pairs]), "words alone"),
    "numbers alone": (left_out(lambda pairs: [d for _, d in pairs]), "numbers alone"),
    "swapped": (left_out(lambda pairs: [(d, w) for w, d in pairs]), "other way round"),
    "sorted": (left_out(lambda pairs: sorted(pairs, key=lambda pair: -pair[1])), "changed their order"),
    "first only": (left_out(lambda pairs: pairs[:1]), "there are 7 words"),
    "never called": (lambda score, x, y: [(w, 0.0) for w in y.split()], "never called"),
}

# 7.4 The slope


def slope_with_numpy(rewards, lengths):
    r, n = (np.concatenate([np.array(row) - np.mean(row) for row in rows]) for rows in (rewards, lengths))
    return np.polyfit(n, r, 1)[0]


def slope_with_sklearn(rewards, lengths):
    """Only lengths need their prompt's mean taken off."""
    r = [reward for row in rewards for reward in row]
    n = [[size - mean(sizes)] for sizes in lengths for size in sizes]
    return LinearRegression(fit_intercept=False).fit(n, r).coef_


def slope_by_dummies(rewards, lengths):
    """A constant for each prompt in one regression gives the same slope."""
    design, target = [], []
    for g, (row, sizes) in enumerate(zip(rewards, lengths, strict=True)):
        for reward, size in zip(row, sizes, strict=True):
            design.append([size, *(float(g == k) for k in range(len(rewards)))])
            target.append(reward)
    return torch.linalg.lstsq(torch.tensor(design).double(), torch.tensor(target).double()[:, None]).solution[0]


def within(rows):
    return np.concatenate([np.array(row) - np.mean(row) for row in rows])


def of_centered(make):
    return lambda rewards, lengths: float(make(within(rewards), within(lengths)))


def pooled(rewards, lengths):
    return np.polyfit(np.concatenate(lengths), np.concatenate(rewards), 1)[0]


def through_zero(rewards, lengths):
    r, n = np.concatenate(rewards), np.concatenate(lengths)
    return r @ n / (n @ n)


def mean_of_slopes(rewards, lengths):
    return mean(
        solution_length_slope([row], [sizes])
        for row, sizes in zip(rewards, lengths, strict=True)
        if len(set(sizes)) > 1
    )


def every_row(rewards, lengths):
    solution_length_slope(rewards[:1], lengths[:1])
    return solution_length_slope(rewards, lengths)


RIGHT_SLOPES = [solution_length_slope, slope_with_numpy, slope_with_sklearn, slope_by_dummies]
WRONG_SLOPES = {
    "sign": (of_centered(lambda r, n: -(r @ n) / (n @ n)), "sign is flipped"),
    "inverse": (of_centered(lambda r, n: (r @ n) / (r @ r)), "characters a reward"),
    "correlation": (of_centered(lambda r, n: np.corrcoef(r, n)[0, 1]), "the correlation"),
    "pooled": (pooled, "one heap"),
    "through zero": (through_zero, "goes through 0"),
    "covariance": (of_centered(lambda r, n: r @ n / len(n)), "top of the fraction"),
    "not squared": (of_centered(lambda r, n: r @ n / np.abs(n).sum()), "without squaring"),
    "for 100": (of_centered(lambda r, n: 100 * (r @ n) / (n @ n)), "for 100 characters"),
    "mean of slopes": (mean_of_slopes, "own slope"),
    "divides by zero": (every_row, "you divide by 0"),
    "rewards": (lambda r, n: r, "one number"),
    "ragged": (lambda r, n: float(torch.tensor(r).sum() * 0) + solution_length_slope(r, n), "go row by row"),
    "half": (of_centered(lambda r, n: (r @ n) / (n @ n) / 2), "the slope is"),
}

# 7.5 Random answers


def random_with_rng(rows, seed):
    """Any draw that follows from the seed is as good, whatever generator makes it."""
    rng, more = np.random.default_rng(seed), []
    for prompt, responses in rows:
        pool = sorted({r[0] for p, r in rows if p != prompt} - set(responses))
        more.append([prompt, responses + [pool[rng.integers(len(pool))]]])
    return more


def random_by_trying(rows, seed):
    draw = random.Random(seed)
    for prompt, responses in rows:
        other = draw.choice(rows)
        while other[0] == prompt or other[1][0] in responses:
            other = draw.choice(rows)
        yield prompt, (*responses, other[1][0])


def drawn(pick):
    """Rows with one more response: `pick(draw, rows, i)` makes it."""

    def function(rows, seed):
        draw = random.Random(seed)
        return [(p, [*ys, pick(draw, rows, i)]) for i, (p, ys) in enumerate(rows)]

    return function


def best_elsewhere(rows, i):
    return [ys[0] for p, ys in rows if p != rows[i][0] and ys[0] not in rows[i][1]]


def in_place(rows, seed):
    for (_, responses), (_, more) in zip(rows, solution_random_answers(rows, seed), strict=True):
        responses.append(more[-1])
    return rows


def other_position(draw, rows, i):
    return draw.choice([ys[0] for j, (_, ys) in enumerate(rows) if j != i and ys[0] not in rows[i][1]])


def other_prompt(draw, rows, i):
    return draw.choice([ys[0] for p, ys in rows if p != rows[i][0]])


def any_response(draw, rows, i):
    return draw.choice([y for p, ys in rows if p != rows[i][0] for y in ys[1:] if y not in rows[i][1]])


def changed(change):
    return lambda rows, seed: [change(*row) for row in solution_random_answers(rows, seed)]


RIGHT_RANDOM = [solution_random_answers, random_with_rng, random_by_trying]
WRONG_RANDOM = {
    "other positions": (drawn(other_position), "answers the same prompt"),
    "other prompts": (drawn(other_prompt), "among its responses already"),
    "not only the best": (drawn(any_response), "no good answer anywhere"),
    "made up": (drawn(lambda draw, rows, i: "I like turtles."), "no response to any prompt"),
    "no chance": (drawn(lambda draw, rows, i: best_elsewhere(rows, i)[0]), "24 different seeds"),
    "global": (drawn(lambda draw, rows, i: random.choice(best_elsewhere(rows, i))), "two calls with seed 0"),
    "first": (changed(lambda p, ys: (p, [ys[-1], *ys[:-1]])), "stands first"),
    "two more": (changed(lambda p, ys: (p, [*ys, ys[-1]])), "one more than before"),
    "replaced": (changed(lambda p, ys: (p, [ys[0], *ys[2:], ys[-1]])), "must stay as they were"),
    "texts alone": (changed(lambda p, ys: ys[-1]), "a list of (prompt, responses)"),
    "joined": (changed(lambda p, ys: (p, " ".join(ys))), "a list of texts"),
    "some prompts": (lambda rows, seed: solution_random_answers(rows, seed)[:3], "keep all 6 prompts"),
    "in place": (in_place, "changed the list"),
}

EXERCISES = {
    "attack": (check_attack, RIGHT_ATTACKS, WRONG_ATTACKS),
    "paired_gain": (check_paired_gain, RIGHT_GAINS, WRONG_GAINS),
    "leave_one_word_out": (check_leave_one_word_out, RIGHT_WORDS, WRONG_WORDS),
    "length_slope": (check_length_slope, RIGHT_SLOPES, WRONG_SLOPES),
    "random_answers": (check_random_answers, RIGHT_RANDOM, WRONG_RANDOM),
}
