"""Chapter 7, biases and attacks: an attack, its gain, the words that carry a reward, two repairs."""

import math
import random
from statistics import mean, median, stdev

from scipy.stats import t as student

from rmkit.course.exercises import Mistake, call, check, diagnose, either, equal, kind, plain, show

# 7.1 Write an attack


def solution_attack(prompt, response):
    """Add a remark about the question that answers nothing.

    >>> solution_attack("Capital of Peru?", "Lima.")
    'Many people ask about this, and with good reason. Lima.'

    Why in front of the response and not inside it? Because then nobody has to
    check whether the response still says what it said: it is all there, in one
    piece, and what was added can be judged by itself. It answers nothing.
    """
    return f"Many people ask about this, and with good reason. {response}"


ANSWERED = [
    ("What is bail?", "Money or a promise that lets an accused person wait for trial at liberty."),
    ("Translate 'pro bono'.", "For the good."),
    ("Name two capitals.", "Lima\nOttawa"),
    ("Does the Moon turn?", "Yes, the Moon does turn: once a month, so that the same side of the Moon faces us."),
]


@check
def check_attack(function):
    for prompt, response in ANSWERED:
        random.seed(1)
        attacked = call(function, prompt, response)
        if not isinstance(attacked, str):
            raise Mistake(f"return one text, the attacked response; you returned {kind(attacked)}.")
        random.seed(2)
        if call(function, prompt, response) != attacked:
            raise Mistake(
                "two calls with the same prompt and response gave two different texts. Nobody can repeat a "
                "measurement of "
                "such an attack: let chance out, or let it follow from the prompt."
            )
        _compare_attacked(attacked, prompt, response)
    return "The response is all there, in one piece, and what you added is the same each time. Now see what it earns."


def _compare_attacked(attacked, prompt, response):
    words, found = response.split(), attacked.split()
    here = f"For the response {show(response)}"
    if found == words:
        raise Mistake(f"{here} nothing was added: the response comes back as it was.")
    whole, text = " ".join(words), " ".join(found)
    if whole not in text:
        if whole.lower() in text.lower():
            raise Mistake(f"{here} you changed capitals; leave the response as it is, and add to it.")
        rest = iter(found)
        if all(word in rest for word in words):
            raise Mistake(
                f"{here} something of yours stands in the middle of it. Leave it in one piece, so that nobody can "
                "argue that "
                "you changed what it says."
            )
        kept = sum(word in found for word in words)
        if not kept:
            raise Mistake(f"{here} nothing of it is left: an attack adds to the response, it does not replace it.")
        if len(found) > 1 and words[: len(found)] == found:
            raise Mistake(f"{here} the end is cut off, after {show(text[-20:])}: the whole response must stay.")
        raise Mistake(f"{here} {len(words) - kept} of {len(words)} words are lost or changed in {show(attacked)}.")
    before, _, after = text.partition(whole)
    if before[-1:].isalnum() or after[:1].isalnum():
        raise Mistake(f"{here} your words run into the response without a space: {show(attacked)}.")
    added = len(found) - len(words)
    if added < 5:
        raise Mistake(
            f"{here} you add {added} {'word' if added == 1 else 'words'}; add five or more, so that there is "
            "something to measure."
        )
    if text.count(whole) > 1 and text.replace(whole, "").strip() == "":
        raise Mistake(
            f"{here} you say it {text.count(whole)} times. That is an attack too, but here add words of your own."
        )


# 7.2 What an attack gains


def solution_paired_gain(before, after):
    """Mean gain and its 95% interval, from the difference that each prompt shows.

    >>> [round(number, 3) for number in solution_paired_gain([0.1, 0.5, -0.3, 0.3], [0.3, 0.6, 0.1, 0.4])]
    [0.2, -0.025, 0.425]

    Why subtract first, prompt by prompt? Because prompts lie at different
    levels, and that difference has nothing to do with the attack. In each gain
    it cancels; only how *unequal the gains are* makes the interval wide. And why
    t, not 1.96? Because the spread itself is estimated, from few gains.
    """
    gains = [new - old for old, new in zip(before, after, strict=True)]  # (G,)
    reach = float(student.ppf(0.975, len(gains) - 1)) * stdev(gains) / math.sqrt(len(gains))
    return mean(gains), mean(gains) - reach, mean(gains) + reach


REWARDS = [
    ([0.1, 0.5, -0.3, 0.3], [0.3, 0.6, 0.1, 0.4]),
    ([0.9, -0.8, 0.2, -0.1, 0.6, -0.5, 0.3], [0.7, -0.7, 0.5, -0.4, 0.6, -0.6, 0.2]),
    ([0.2, 0.4, 0.9, -0.6, 0.1], [0.1, 0.2, 0.6, -0.7, -0.3]),
]


@check
def check_paired_gain(function):
    for before, after in REWARDS:
        _compare_gain(call(function, before, after), before, after)
    return "The gain of every prompt first, then their mean, and an interval from how unequal the gains are."


def _compare_gain(result, before, after):
    here = f"For rewards {before} before and {after} after"
    got = plain(result)
    if isinstance(got, int | float) and not isinstance(got, bool):
        raise Mistake("a mean without its interval says little: return three numbers, (gain, low, high).")
    if not isinstance(got, list) or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in got):
        raise Mistake(f"return three numbers, (gain, low, high); you returned {show(result)}.")
    if len(got) == len(before) and len(got) != 3:
        raise Mistake(
            f"these are the gains of {len(before)} prompts; wanted is their mean, with the ends of its interval."
        )
    if len(got) != 3:
        raise Mistake(f"return three numbers, (gain, low, high); you returned {len(got)}.")
    n, gains = len(before), [new - old for old, new in zip(before, after, strict=True)]
    gain, s = mean(gains), stdev(gains)
    _compare_middle(got, gains, here)
    _compare_reach(got, gain, s, math.sqrt((stdev(before) ** 2 + stdev(after) ** 2) / n), n, here)


def _compare_middle(got, gains, here):
    n, gain = len(gains), mean(gains)
    likely = [
        (-gain, "the gain has the wrong sign: after minus before."),
        (median(gains), "that is the median of the gains; take their mean."),
        (sum(gains), f"that is the sum of the gains; divide it by the {n} prompts."),
    ]
    diagnose(got[0], gain, likely, otherwise=f"the gain is {gain:.3f}, yours is {got[0]:.3f}.", here=here)


def _compare_reach(got, gain, s, apart, n, here):
    """The ends of the interval, where the gain in the middle is right."""
    root, t = math.sqrt(n), float(student.ppf(0.975, n - 1))

    def ends(error):
        """The interval with this standard error, by t and by the two values that are written for z."""
        return either(*((gain, gain - k * error, gain + k * error) for k in (t, 1.96, 1.959964)))

    def normal(got):
        return any(equal(got, (gain, gain - z * s / root, gain + z * s / root)) for z in (1.96, 1.959964))

    want = (gain, gain - t * s / root, gain + t * s / root)
    likely = [
        (
            normal,
            (
                f"you take 1.96 standard errors, as if the spread of the gains were known. It is estimated from {n} "
                "gains, so take "
                f"Student's t: scipy.stats.t.ppf(0.975, {n - 1}) = {t:.3f}."
            ),
        ),
        (lambda got: got[1] > got[2], "low and high have changed places."),
        (
            lambda got: got[1] != got[2] and equal(got[1], -got[2]) and not equal(gain, 0),
            "low and high lie around 0: these are distances. Let them lie around the gain.",
        ),
        (
            ends(apart),
            (
                "your interval treats the two lists as different prompts. They are the same prompts twice: take the "
                "spread "
                "of the gains, not of each list."
            ),
        ),
        (ends(s), f"that is where single gains lie. The mean of {n} varies less: divide by the root of {n}."),
        (ends(s / n), f"you divide by {n}; the spread of a mean shrinks with the root of {n}."),
        (
            (gain, gain - s / root, gain + s / root),
            f"that is one standard error on each side; for 95% take {t:.3f} of them.",
        ),
        (either(ends(s * s / root), ends(s * s / n)), "you use the variance; take its root, the standard deviation."),
        (
            ends(s * math.sqrt((n - 1) / n) / root),
            f"your standard deviation divides by {n}; from a sample it divides by {n - 1} (numpy: ddof=1).",
        ),
        (
            lambda got: equal(got, _t_interval(gain, s, n, n)),
            f"your t has {n} degrees of freedom; with {n} gains there are {n - 1}.",
        ),
        (
            lambda got: equal(got, _t_interval(gain, s, n, n - 1, 0.95)),
            "that is the 90% interval: 2.5% lie beyond each end, so ask t for 0.975.",
        ),
    ]
    rounded = [[round(float(x), 3) for x in numbers] for numbers in (want, got)]
    diagnose(got, want, likely, otherwise=f"the result is {rounded[0]}, yours is {rounded[1]}.", here=here)


def _t_interval(gain, s, n, freedom, quantile=0.975):
    reach = float(student.ppf(quantile, freedom)) * s / math.sqrt(n)
    return gain, gain - reach, gain + reach


# 7.3 Which words carry the reward


def solution_leave_one_word_out(score, prompt, response):
    """How far the reward falls when one word is left out, for each word.

    >>> def score(prompt, responses):
    ...     return [float(len(response)) for response in responses]
    >>> solution_leave_one_word_out(score, "Capital of Peru?", "It is Lima")
    [('It', 3.0), ('is', 3.0), ('Lima', 5.0)]

    Why cut the list at position i, and not `response.replace(word, "")`?
    Because a word may occur twice, and `replace` takes out every copy, and also
    the "is" inside "this". A position names one word and no other.
    """
    words = response.split()
    without = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    whole, *rewards = score(prompt, [response, *without])
    return [(word, whole - reward) for word, reward in zip(words, rewards, strict=True)]


WEIGHTS = {"It": 1.0, "is": -2.0, "the": 0.5, "law": 4.0, "of": 0.25, "land.": 3.0, "this": 1.5, "a": 0.75, "Lima": 6.0}


class _Weigher:
    """A scoring function: each word has its weight, twice the same counts once and a half. It notes what it reads."""

    def __init__(self):
        self.prompts, self.read, self.calls = [], [], 0

    def __call__(self, prompt, responses):
        one = isinstance(responses, str)
        texts = [responses] if one else list(responses)
        self.calls += 1
        self.prompts.append(prompt)
        self.read += texts
        rewards = [self.reward(str(text)) for text in texts]
        return rewards[0] if one else rewards

    def reward(self, text):
        words = text.split()
        return sum(WEIGHTS.get(word, 0.1) * (1 + 0.5 * (words.count(word) - 1)) / words.count(word) for word in words)

    def __deepcopy__(self, memo):
        return self  # so that what it reads is noted here

    def __repr__(self):
        return "score"


TEXTS = ["It is the law of the land.", "this is a law", "Lima is Lima", "It is"]


@check
def check_leave_one_word_out(function):
    for response in TEXTS:
        score, prompt = _Weigher(), "What is this?"
        result = call(function, score, prompt, response)
        _compare_words(result, score, prompt, response)
    return "One word at a time, the others in their places, and all texts in one go."


def _compare_words(result, score, prompt, response):
    words, here = response.split(), f"For {response!r}"
    without = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    _refuse_questions(score, prompt, response, without)
    got = _as_drops(result)
    if [word for word, _ in got] != words:
        if sorted(word for word, _ in got) == sorted(words):
            raise Mistake(f"{here} the words have changed their order; keep that of the response.")
        raise Mistake(f"{here} there are {len(words)} words, {words}; yours are {show([word for word, _ in got])}.")
    whole, rewards = score.reward(response), [score.reward(text) for text in without]
    drops, yours = [whole - reward for reward in rewards], [number for _, number in got]
    likely = [
        ([-drop for drop in drops], "the sign is flipped: a word that the reward needs gets a number above 0."),
        (rewards, "these are the rewards without each word; subtract them from the reward of the whole."),
        (
            [drop / whole for drop in drops] if whole else None,
            "you divide by the whole reward, which may be 0 or below: leave the differences as they are.",
        ),
    ]
    diagnose(yours, drops, likely, otherwise=f"the drops are {show(drops)}, yours are {show(yours)}.", here=here)
    if score.calls > 2:
        raise Mistake(
            f"the numbers are right, but you call score {score.calls} times. Give it all texts as one list: a model "
            "reads many "
            "texts together much faster."
        )


def _refuse_questions(score, prompt, response, without):
    """What is wrong with the prompts and texts that score was asked about."""
    asked = next((asked for asked in score.prompts if asked != prompt), None)
    if asked is not None:
        raise Mistake(
            f"score was asked about the prompt {show(asked)}: the words go out of the response, the prompt stays "
            f"{prompt!r}."
        )
    known = {" ".join(text.split()) for text in [response, *without]}
    for text in map(str, score.read):
        if " ".join(text.split()) not in known:
            raise Mistake(f"For {response!r} {_what_was_scored(text, response, known)}")
    if not score.read:
        raise Mistake("you never called score.")


def _what_was_scored(text, response, known):
    """What a text is that score was asked about, and that is not the response with one word left out."""
    words = response.split()
    gone = next((word for word in words if text.split() == [other for other in words if other != word]), None)
    likely = [
        (
            len(text) == len(response) - 1,
            f"you left out single characters, as in {show(text)}: leave out words, `response.split()`.",
        ),
        (text in words, f"you scored {show(text)} alone; leave that word out and keep the others."),
        (
            text.replace(" ", "") in {other.replace(" ", "") for other in known},
            f"the words that are left run together, {show(text)}: join them with spaces.",
        ),
        (
            gone is not None,
            f"you took out every {gone!r}, {words.count(gone)} of them: only the one at this position.",
        ),
        (
            response.startswith(text) or response.endswith(text),
            f"you scored only a part, {show(text)}: leave out one word, and keep those on both sides.",
        ),
    ]
    otherwise = f"you scored {show(text)}, which is not the response with one word left out."
    return next((sentence for applies, sentence in likely if applies), otherwise)


def _as_drops(result):
    """The learner's result as a list of [word, drop], or a `Mistake` about its form."""
    if isinstance(result, dict):
        raise Mistake("a dict holds each word once only, and a word may occur twice: return a list of pairs.")
    got = plain(result)
    if not isinstance(got, list):
        raise Mistake(f"return a list of pairs (word, drop), got {kind(result)}.")
    if got and all(isinstance(item, str) for item in got):
        raise Mistake("return each word together with its number, (word, drop); yours are words alone.")
    if got and all(isinstance(item, int | float) for item in got):
        raise Mistake("these are numbers alone; return each with its word, (word, drop).")
    if not all(isinstance(item, list) and len(item) == 2 for item in got):
        raise Mistake(f"each item is a pair, (word, drop); you returned {show(result)}.")
    if got and all(isinstance(first, float) and isinstance(second, str) for first, second in got):
        raise Mistake("each pair is the other way round: the word first, then its number.")
    if not all(isinstance(first, str) and isinstance(second, int | float) for first, second in got):
        raise Mistake(f"each pair is a word and a number, (word, drop); one of yours is {show(got[0])}.")
    return got


# 7.4 What a model pays for length


def solution_length_slope(rewards, lengths):
    """Reward a character: the slope of reward on length, within prompts.

    >>> round(solution_length_slope([[0.1, 0.3], [0.9, 0.3]], [[10, 30], [80, 40]]), 4)
    0.014

    Why subtract each prompt's own means? Because the level of a prompt is free:
    a prompt with long answers and low rewards would bend the line, though no
    two answers were ever compared across it. Within a prompt they were.
    """
    product = square = 0.0
    for row, sizes in zip(rewards, lengths, strict=True):
        for reward, size in zip(row, sizes, strict=True):
            far = size - mean(sizes)
            product += far * (reward - mean(row))
            square += far * far
    return product / square


SLOPES = [
    ([[0.1, 0.3], [0.9, 0.3]], [[10, 30], [80, 40]]),
    ([[0.2, -0.4, 0.6], [-0.9, -0.2], [0.5, 0.1, 0.4, 0.9]], [[40, 25, 90], [120, 200], [10, 12, 30, 44]]),
    ([[0.3, -0.2], [0.4, 0.1, 0.9]], [[20, 35], [60, 31, 42]]),
    ([[0.3, 0.7], [-0.5, -0.1], [0.0, 0.4, 0.1]], [[20, 20], [90, 120], [5, 40, 31]]),
]


@check
def check_length_slope(function):
    for rewards, lengths in SLOPES:
        try:
            result = call(function, rewards, lengths)
        except Mistake as mistake:
            if "expected sequence of length" in str(mistake) or "inhomogeneous" in str(mistake):
                raise Mistake(
                    f"the rows of {rewards} differ in length, so together they make no tensor or array: go row by row."
                ) from None
            if "ZeroDivisionError" in str(mistake) and any(len(set(sizes)) == 1 for sizes in lengths):
                raise Mistake(
                    f"for lengths {lengths} you divide by 0: a prompt whose responses are equally long has no slope "
                    "of its own. "
                    "Add up over all prompts first, and divide once."
                ) from None
            raise
        _compare_slope(result, rewards, lengths)
    return "Relative to each prompt's own means, one slope for the model, and prompts of equal lengths do no harm."


def _compare_slope(result, rewards, lengths):
    here = f"For rewards {rewards} and lengths {lengths}"
    got = plain(result)
    if isinstance(got, list) and len(got) == 1:
        got = plain(got[0])
    if isinstance(got, list | dict | set):
        raise Mistake(f"return one number, the reward that a character brings; you returned {kind(result)}.")
    if isinstance(got, bool) or not isinstance(got, int | float):
        raise Mistake(f"return one number, the reward that a character brings; you returned {show(result)}.")

    slope, likely = _likely_slopes(rewards, lengths)
    diagnose(
        got, slope, likely, otherwise=f"the slope is {slope:.5f}, yours is {got:.5f}.", here=here, same=_same_slope
    )


def _same_slope(got, want):
    return equal(got, want, rel=1e-5, near=1e-7)


def _flat(rows, level):
    return [value - level(row) for row in rows for value in row]


def _dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def _likely_slopes(rewards, lengths):
    """The right slope, and what typical mistakes give."""
    r, n = _flat(rewards, mean), _flat(lengths, mean)
    rn, nn = _dot(n, r), _dot(n, n)
    all_r, all_n = (_flat(rows, lambda row: 0) for rows in (rewards, lengths))
    around_r, around_n = ([value - mean(values) for value in values] for values in (all_r, all_n))
    rows = [(_flat([row], mean), _flat([sizes], mean)) for row, sizes in zip(rewards, lengths, strict=True)]
    return rn / nn, [
        (-rn / nn, "the sign is flipped: where the longer response has the higher reward, the slope is above 0."),
        (
            rn / _dot(r, r),
            "that is characters a reward; wanted is reward a character: divide by the squares of the lengths.",
        ),
        (
            rn / math.sqrt(nn * _dot(r, r)),
            "that is the correlation, which has no unit; the slope says how much reward a character brings.",
        ),
        (
            _dot(around_n, around_r) / _dot(around_n, around_n),
            (
                "you put all prompts into one heap. A prompt's level is free, so take rewards and lengths relative to "
                "the "
                "means of their own prompt."
            ),
        ),
        (
            _dot(all_n, all_r) / _dot(all_n, all_n),
            "your line goes through 0, as if no reward belonged to no length; subtract each prompt's means.",
        ),
        (
            either(rn / len(n), rn),
            "that is only the top of the fraction; divide by the sum of the squared lengths.",
        ),
        (rn / sum(map(abs, n)), "you divide by the lengths without squaring them."),
        (100 * rn / nn, "that is the reward for 100 characters; wanted is for one."),
        (
            mean(_dot(b, a) / _dot(b, b) for a, b in rows if _dot(b, b)),
            (
                "you take the mean of each prompt's own slope. A prompt whose responses hardly differ in length then "
                "weighs "
                "as much as any other; add up first, and divide once."
            ),
        ),
    ]


# 7.5 Random answers


def solution_random_answers(rows, seed):
    """Add to each prompt's responses, as the last, another prompt's best one.

    >>> rows = [("Capital of Peru?", ["Lima", "Cusco"]), ("2 + 2?", ["4", "5"])]
    >>> solution_random_answers(rows, seed=0)
    [('Capital of Peru?', ['Lima', 'Cusco', '4']), ('2 + 2?', ['4', '5', 'Lima'])]

    Why the *best* answer to the other prompt? Because a bad one could be told by
    its own flaws. A good answer in the wrong place is wrong for one reason only,
    and a model can learn that reason only by reading the prompt.
    """
    draw, more = random.Random(seed), []
    for prompt, responses in rows:
        others = [best for other, (best, *_) in rows if other != prompt and best not in responses]
        more.append((prompt, [*responses, draw.choice(others)]))
    return more


ROWS = [
    ("Capital of Peru?", ["Lima", "Cusco", "Ottawa"]),
    ("Capital of Canada?", ["Ottawa", "Toronto"]),
    ("What is bail?", ["Money or a promise for waiting at liberty.", "A part of a ship.", "Bail is bail."]),
    ("Capital of Peru?", ["It is Lima.", "Arequipa"]),
    ("2 + 2?", ["4", "22"]),
    ("Who signs a will?", ["The person who makes it.", "The heirs.", "A judge.", "Nobody."]),
]


@check
def check_random_answers(function):
    drawn = []
    for seed in range(24):
        random.seed(seed)
        drawn.append(_added(call(function, ROWS, seed)))
    random.seed(99)
    if _added(call(function, ROWS, 0)) != drawn[0]:
        raise Mistake(
            "two calls with seed 0 drew different answers: draw with random.Random(seed), which nothing else disturbs."
        )
    if len(set(drawn)) == 1:
        raise Mistake("24 different seeds gave the same answers: the seed must decide what is drawn.")
    return "One more response for each prompt, good elsewhere and wrong here, never its own, and the seed decides."


def _added(result):
    """What was added to each row, after everything else has been checked."""
    got = plain(result)
    if not isinstance(got, list) or not all(isinstance(row, list) and len(row) == 2 for row in got):
        raise Mistake(f"return a list of (prompt, responses), as the rows came in; you returned {show(result)}.")
    if [row[0] for row in got] != [prompt for prompt, _ in ROWS]:
        raise Mistake(f"keep all {len(ROWS)} prompts, in their order; yours are {show([row[0] for row in got])}.")
    best = {}
    for prompt, responses in ROWS:
        best.setdefault(responses[0], set()).add(prompt)
    return tuple(
        _added_to(prompt, responses, more, best) for (prompt, responses), (_, more) in zip(ROWS, got, strict=True)
    )


def _added_to(prompt, responses, more, best):
    """The response that was added to one row; `best` says of which prompts a response is the best."""
    here = f"For {prompt!r} with {show(responses)}"
    if not isinstance(more, list) or not all(isinstance(text, str) for text in more):
        raise Mistake(f"{here} the responses should be a list of texts; yours are {show(more)}.")
    if len(more) != len(responses) + 1:
        raise Mistake(
            f"{here} there should be {len(responses) + 1} responses, one more than before; yours are {len(more)}."
        )
    new = more[-1]
    somewhere = any(new in others for _, others in ROWS)
    likely = [
        (
            more[1:] == responses and more[:-1] != responses,
            "the new response stands first, as if it were the best; it is among the worst, so put it last.",
        ),
        (more[:-1] != responses, f"the responses that were there must stay as they were; yours are {show(more)}."),
        (
            new in responses,
            f"you added {new!r}, which is among its responses already: leave out whatever the prompt has itself.",
        ),
        (
            best.get(new) == {prompt},
            (
                f"you added {new!r}, which answers the same prompt in another row, and answers it well: compare "
                "prompts, "
                "not positions."
            ),
        ),
        (
            new not in best and somewhere,
            f"you added {new!r}, which is no good answer anywhere; draw from the best ones only.",
        ),
        (new not in best, f"you added {show(new)}, which is no response to any prompt."),
    ]
    for applies, sentence in likely:
        if applies:
            raise Mistake(f"{here} {sentence}")
    return new
