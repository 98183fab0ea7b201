"""Sketches against the exact Jaccard similarity, and prompts of real data that nearly repeat."""

from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import save_file

from rmkit.errors import InputError
from rmkit.loading import load_rankings
from rmkit.rankings import prompt_key
from rmkit.sketches import ALIKE, BYTES, SEEN, load_seen, save_seen, seen_before, sketch

TEXT = "Under the Federal Rules of Evidence, may a witness repeat in court what a neighbor told her about the accident "
TEXT += "last May?"


def exact(one, other):
    a, b = ({key[i : i + 5] for i in range(len(key) - 4)} for key in map(prompt_key, (one, other)))
    return len(a & b) / len(a | b)


@pytest.mark.parametrize("cut", range(0, 100, 9))
def test_the_estimate_is_the_jaccard_similarity(cut):
    other = TEXT[:cut] + TEXT[cut + 15 :] + " And if she did so under oath, does that change anything?"[: cut // 2]
    (_, found), *_ = seen_before([other], sketch([TEXT]), alike=0)
    assert found == pytest.approx(exact(TEXT, other), abs=4 * np.sqrt(0.25 / BYTES))


def test_the_estimate_is_right_in_the_mean():
    prompts = load_rankings("course").prompts
    off = [
        found - exact(one, other)
        for one, other in pairwise(prompts)
        for _, found in seen_before([other], sketch([one]), alike=0)
    ]
    assert abs(np.mean(off)) < 0.005 and np.std(off) < 0.05


def test_the_same_prompt_is_found_whatever_its_case_and_spacing():
    assert seen_before(["  what IS a\ntort?"], sketch(["What is a tort?", "2 + 2?"])) == [(0, 1.0)]


def test_a_long_prompt_with_another_word_may_have_a_similarity_of_1():
    """So nobody may say of a similarity of 1 that the prompt is the very same."""
    words = np.random.default_rng(0).integers(1000, 10_000, 400).astype(str).tolist()
    others = [" ".join([*words[:place], "other", *words[place + 1 :]]) for place in range(0, 400, 20)]
    found = [similarity for _, similarity in seen_before(others, sketch([" ".join(words)]))]
    assert len(found) == 20 and min(found) > 0.95 and 0 < found.count(1.0) < 20


def test_near_duplicates_are_found_and_other_questions_are_not():
    seen = sketch([TEXT, "What is a contract?"])
    near = TEXT.replace("a neighbor", "the neighbor").replace("?", ".")
    other = "Under the Federal Rules of Evidence, when may an expert testify about the ultimate issue?"
    found = seen_before([other, near, "What is a tort?"], seen)
    assert [position for position, _ in found] == [1]
    assert exact(TEXT, near) > ALIKE > exact(TEXT, other)


def test_short_and_strange_prompts():
    odd = ["?", "a", "\ud800", "日本の法律", "😀" * 3]
    assert [position for position, similarity in seen_before(odd, sketch(odd)) if similarity == 1] == [0, 1, 2, 3, 4]
    assert seen_before(odd, sketch([])) == [] and seen_before([], sketch(odd)) == []


def test_a_sketch_never_changes():
    """Models carry sketches about: the same prompt must have the same one in every version."""
    assert sketch(["What is a contract?"])[0, :8].tolist() == [79, 143, 80, 207, 228, 2, 123, 121]


def test_the_parts_of_the_course_data_share_no_prompt():
    seen = sketch(load_rankings("course:train").prompts)
    for part in ("validation", "test"):
        assert seen_before(load_rankings(f"course:{part}").prompts, seen) == []


def test_sketches_are_saved_and_loaded(tmp_path):
    seen = sketch([TEXT, "What is a contract?"])
    save_seen(tmp_path / SEEN, seen)
    assert (load_seen(tmp_path / SEEN) == seen).all()
    assert load_seen(tmp_path / "none") is None and load_seen(None) is None


@pytest.mark.parametrize("what", ["other bytes", "other numbers", "another shape", "another name"])
def test_a_file_that_holds_no_sketches_is_refused(tmp_path, what):
    seen = sketch([TEXT])
    path = tmp_path / SEEN
    if what == "other bytes":
        path.write_bytes(seen.tobytes())
    elif what == "another name":
        save_file({"sketches": seen}, path)
    else:
        save_seen(path, seen.astype(np.float32) if what == "other numbers" else seen[:, :64].copy())
    with pytest.raises(InputError, match="holds no sketches of training prompts"):
        load_seen(path)
