"""Whether a prompt was trained on: compact sketches of prompts that a model carries with it (chapter 6).

A sketch is 128 bytes, from which the prompt cannot be read back. The share of equal bytes in two sketches estimates the
Jaccard similarity of two prompts: the number of runs of five characters that both have, divided by the number that
either has.
"""

import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from rmkit.checks import check_share
from rmkit.errors import InputError
from rmkit.rankings import prompt_key

BYTES = 128
SEEN = "seen-prompts.safetensors"  # the file beside a model's weights that holds the sketches
ALIKE = 0.8  # the similarity from which two prompts are near duplicates

# Never to be changed, because sketches are saved with models.
_GENERATOR = np.random.Generator(np.random.PCG64(5))
_FACTORS, _SHIFTS = _GENERATOR.integers(0, 2**63, (2, BYTES), dtype=np.uint64) | np.uint64(1)


def sketch(prompts: Iterable[str]) -> np.ndarray:
    """A sketch for each different prompt, shape (n, 128), bytes. Case, spacing and the order of prompts do not matter.

    Source: Broder 1997, doi:10.1109/SEQUEN.1997.666900 (MinHash); Li and König 2010, arXiv:0910.3349 (one byte of each)

    >>> first, same = sketch(["What is a contract?"]), sketch(["what is  a CONTRACT?"])
    >>> first.shape, (first == same).all()
    ((1, 128), np.True_)
    """
    keys = sorted({prompt_key(prompt) for prompt in prompts})
    return np.stack([_sketch(key) for key in keys]) if keys else np.empty((0, BYTES), dtype=np.uint8)


def seen_before(prompts: Iterable[str], seen: np.ndarray, alike: float = ALIKE) -> list[tuple[int, float]]:
    """The prompts that are the same as a prompt in `seen`, or nearly the same.

    Args:
        prompts: texts.
        seen: the `sketch` of other prompts, shape (n, 128).
        alike: the similarity, from 0 to 1, from which two prompts count as near duplicates.

    Returns:
        [(position in `prompts`, similarity), ...]; the similarity is an estimate, with a standard error of 0.04 or
        less. The same prompt, case and spacing aside, has 1; a long prompt in which a word differs may have 1, too.

    Raises:
        InputError: if `alike` is not a share.

    >>> seen = sketch(["Name three hearsay exceptions in one short sentence."])
    >>> near = seen_before(["What is a tort?", "Name three hearsay exceptions in one short sentence!"], seen)
    >>> [position for position, _ in near]
    [1]
    """
    check_share("alike", alike)
    known, near = {}, []
    for position, prompt in enumerate(prompts):
        key = prompt_key(prompt)
        if key not in known and len(seen):
            equal = (seen == _sketch(key)).mean(axis=1).max()
            known[key] = max(0.0, float(equal - 1 / 256) / (1 - 1 / 256))  # a byte in 256 is equal by chance
        if known.get(key, -1) >= alike:
            near.append((position, known[key]))
    return near


def save_seen(path: str | os.PathLike, seen: np.ndarray) -> None:
    """Write sketches of shape (n, 128) to a file, usually `SEEN` in a model's folder.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / SEEN
    >>> save_seen(path, sketch(["What is a contract?"]))
    >>> load_seen(path).shape
    (1, 128)
    """
    save_file({"seen": seen}, path)


def load_seen(path: str | os.PathLike | None) -> np.ndarray | None:
    """The sketches of the prompts that a model was trained on, shape (n, 128), bytes; None if there is no such file.

    Raises:
        InputError: if the file is damaged or holds something else.
    """
    if path is None or not Path(path).exists():
        return None
    try:
        seen = load_file(path)["seen"]
    except (SafetensorError, OSError, KeyError):
        seen = None
    if seen is None or seen.dtype != np.uint8 or seen.shape[1:] != (BYTES,):
        raise InputError(
            f"model file '{path}': holds no sketches of training prompts; copy it again, "
            "or delete it if you do not need to know what the model was trained on"
        )
    return seen


def _sketch(key):
    runs = {key[i : i + 5] for i in range(max(1, len(key) - 4))}
    numbers = np.array([zlib.crc32(run.encode("utf-8", "surrogatepass")) for run in runs], dtype=np.uint64)  # (runs,)
    hashes = (numbers[:, None] * _FACTORS + _SHIFTS) >> np.uint64(32)  # (runs, 128), modulo 2^64
    return hashes.min(axis=0).astype(np.uint8)  # the lowest byte
