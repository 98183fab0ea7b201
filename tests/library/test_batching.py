"""Texts as tokens, and tokens as batches: nothing lost in silence, nothing padded without need."""

import pytest
import torch

from rmkit.batching import collate, count_cut, encode, encode_many, length_buckets, pad
from rmkit.encoders import load_tokenizer
from rmkit.errors import InputError
from rmkit.loading import load_rankings
from rmkit.rankings import Ranking


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


def words(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(text.ids)


def test_one_text_joined_by_a_space_is_what_bert_itself_would_read(tokenizer):
    for ranking in load_rankings("toy"):
        for response in ranking.responses:
            joined = tokenizer(f"{ranking.prompt} {response}")["input_ids"]
            assert encode(tokenizer, ranking.prompt, response).ids == joined


def test_the_prompt_is_cut_from_the_left_and_the_answer_kept(tokenizer):
    prompt, response = "one two three four five", "six seven"
    text = encode(tokenizer, prompt, response, max_length=6)
    assert words(tokenizer, text) == ["[CLS]", "four", "five", "six", "seven", "[SEP]"]
    assert (text.cut_prompt, text.cut_response) == (3, 0)


def test_an_answer_too_long_by_itself_loses_its_end(tokenizer):
    text = encode(tokenizer, "one two", "three four five six", max_length=5)
    assert words(tokenizer, text) == ["[CLS]", "three", "four", "five", "[SEP]"]
    assert (text.cut_prompt, text.cut_response) == (2, 1)


@pytest.mark.parametrize("length", range(3, 16))
def test_every_length_is_kept_and_every_cut_counted(tokenizer, length):
    text = encode(tokenizer, "one two three four five", "six seven eight", max_length=length)
    assert len(text.ids) == min(length, 10)
    assert text.cut_prompt + text.cut_response == max(0, 10 - length)
    assert text.cut_prompt == 5 or text.cut_response == 0  # the answer is touched only when no prompt is left


def test_two_answers_never_become_the_same_by_cutting_the_prompt(tokenizer):
    prompt = "a very long dialogue " * 100
    texts = encode_many(tokenizer, [prompt, prompt], ["Yes.", "No."], max_length=128)
    assert texts[0].ids != texts[1].ids and all(len(text.ids) == 128 for text in texts)


def test_no_room_for_a_token_is_refused(tokenizer):
    with pytest.raises(InputError, match=r"whole number of tokens, including \[CLS\] and \[SEP\], 3 or more"):
        encode(tokenizer, "a", "b", max_length=2)


def test_count_cut(tokenizer):
    prompts, responses = ["one two three", "one two three", "a", "a"], ["four", "five " * 9, "b", "c"]
    cuts = [count_cut(encode_many(tokenizer, prompts, responses, max_length=length)) for length in (7, 6, 5)]
    assert cuts == [(1, 1), (1, 1), (2, 1)]
    assert (cuts[2].texts, cuts[2].responses) == (2, 1)
    assert count_cut([]) == (0, 0)


def test_pad_by_hand():
    ids, mask = pad([[101, 8, 9, 102], [101, 102]], pad_id=3)
    assert ids.tolist() == [[101, 8, 9, 102], [101, 102, 3, 3]]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]


def test_k_responses_are_k_rows(tokenizer):
    rankings = [Ranking("q", [f"answer {n}" for n in range(9)]), Ranking("r", ["x", "y", "z z z z"], ranks=[0, 0, 1])]
    batch = collate(rankings, tokenizer)
    assert batch.input_ids.shape == batch.attention_mask.shape == (12, 7)  # 9 + 3 rows, not 9 * 8 + ...
    assert batch.sizes == [9, 3] and batch.ranks == [*range(9), 0, 0, 1]
    lengths = [len(encode(tokenizer, r.prompt, a).ids) for r in rankings for a in r.responses]
    assert batch.attention_mask.sum(dim=1).tolist() == lengths


def test_buckets_use_every_item_once_and_follow_the_seed():
    lengths = [(7 * n) % 83 for n in range(101)]
    draw = [length_buckets(lengths, 8, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert draw[0] == draw[1] != draw[2]
    for batches in (*draw, length_buckets(lengths, 8)):
        assert sorted(i for batch in batches for i in batch) == list(range(101))
        assert all(len(batch) <= 8 for batch in batches)


def test_buckets_save_padding():
    lengths = [10 + (37 * n) % 200 for n in range(400)]
    padded = sum(
        len(b) * max(lengths[i] for i in b) for b in length_buckets(lengths, 8, torch.Generator().manual_seed(0))
    )
    plain = sum(8 * max(lengths[n : n + 8]) for n in range(0, 400, 8))
    assert padded < 1.1 * sum(lengths) < plain
