"""Whether a prompt was trained on: compact sketches of prompts that a model carries with it (chapter 6).

A sketch is 128 bytes, from which the prompt cannot be read back. The share of equal bytes in two sketches estimates how alike
two prompts are: their Jaccard similarity, the number of runs of five characters that both have, over those that either has.
"""

import zlib

import numpy as np

from rmkit.rankings import prompt_key

BYTES = 128
ALIKE = 0.8  # the similarity from which two prompts are near duplicates

# Fixed for all time: sketches are saved with models.
_FACTORS, _SHIFTS = np.random.Generator(np.random.PCG64(5)).integers(0, 2**63, (2, BYTES), dtype=np.uint64) | np.uint64(
    1
)


def sketch(prompts):
    """One sketch a different prompt, shape (n, 128), bytes. Case, spacing and the order of prompts do not matter.

    Source: Broder 1997, doi:10.1109/SEQUEN.1997.666900 (MinHash); Li and König 2010, arXiv:0910.3349 (one byte of each)

    >>> one, same = sketch(["What is a contract?"]), sketch(["what is  a CONTRACT?"])
    >>> one.shape, (one == same).all()
    ((1, 128), np.True_)
    """
    keys = sorted({prompt_key(prompt) for prompt in prompts})
    return np.stack([_sketch(key) for key in keys]) if keys else np.empty((0, BYTES), dtype=np.uint8)


def seen_before(prompts, seen, alike=ALIKE):
    """Which of the prompts are near duplicates of one in `seen`, or the same.

    Args:
        prompts: texts.
        seen: the `sketch` of other prompts, shape (n, 128).
        alike: the similarity, from 0 to 1, from which two prompts count as near duplicates.

    Returns:
        [(position in `prompts`, similarity), ...]; the similarity is an estimate, with a standard error of 0.04 or less.
        The same prompt, case and spacing aside, has 1; so may a long one in which a word differs.

    >>> seen = sketch(["Name three hearsay exceptions in one short sentence."])
    >>> found = seen_before(["What is a tort?", "Name three hearsay exceptions in one short sentence!"], seen)
    >>> [position for position, _ in found]
    [1]
    """
    known, found = {}, []
    for position, prompt in enumerate(prompts):
        key = prompt_key(prompt)
        if key not in known and len(seen):
            equal = (seen == _sketch(key)).mean(axis=1).max()
            known[key] = (equal - 1 / 256) / (1 - 1 / 256)  # one byte in 256 is equal by chance
        if known.get(key, 0) >= alike:
            found.append((position, float(known[key])))
    return found


def _sketch(key):
    runs = {key[i : i + 5] for i in range(max(1, len(key) - 4))}
    numbers = np.array([zlib.crc32(run.encode("utf-8", "surrogatepass")) for run in runs], dtype=np.uint64)  # (runs,)
    hashes = (numbers[:, None] * _FACTORS + _SHIFTS) >> np.uint64(32)  # (runs, 128), modulo 2^64
    return hashes.min(axis=0).astype(np.uint8)  # the lowest byte
