"""The model: what it computes, alone and in a batch, and what survives saving and loading."""

import json
import math
import os
import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file as save_numpy

from rmkit.batching import collate
from rmkit.encoders import load_encoder
from rmkit.errors import InputError
from rmkit.loading import load_rankings
from rmkit.losses import k_choose_2_loss
from rmkit.model import RewardModel
from rmkit.rankings import Ranking

PROMPT = "What is the capital of France?"
RESPONSES = ["Paris", "It might be London, but I have never been there and would rather not say.", "Lyon, I think."]


@pytest.fixture(scope="module")
def model():
    return RewardModel.from_encoder(seed=0)


def test_the_reward_is_tanh_of_a_linear_unit_on_cls(model):
    batch = collate([Ranking(PROMPT, RESPONSES)], model.tokenizer)
    with torch.no_grad():
        vectors = model.encoder(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
        by_hand = [
            math.tanh(sum(w * x for w, x in zip(model.head.weight[0].tolist(), vector.tolist(), strict=True)))
            for vector in vectors[:, 0]
        ]
        rewards = model(batch.input_ids, batch.attention_mask)
    assert rewards.shape == (3,)
    assert rewards.tolist() == pytest.approx(by_hand, abs=1e-5)


def test_the_encoder_is_the_pretrained_one_without_its_pooler(model):
    pretrained = load_encoder().state_dict()
    assert pretrained.keys() == model.encoder.state_dict().keys()
    assert not any("pooler" in name for name in pretrained)
    assert all(torch.equal(weight, pretrained[name]) for name, weight in model.encoder.state_dict().items())


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_alone_in_a_batch_and_over_padded_the_score_is_the_same(pooling):
    model = RewardModel.from_encoder(pooling=pooling)
    together = model.score(PROMPT, RESPONSES)
    alone = [model.score(PROMPT, response) for response in RESPONSES]
    batch = collate([Ranking(PROMPT, RESPONSES)], model.tokenizer)
    extra = torch.zeros(3, 70, dtype=torch.long)
    with torch.no_grad():
        padded = model(torch.cat([batch.input_ids, extra], dim=1), torch.cat([batch.attention_mask, extra], dim=1))
    assert together == pytest.approx(alone, abs=1e-5)
    assert together == pytest.approx(padded.tolist(), abs=1e-5)
    assert max(together) - min(together) > 1e-3  # and not because all are the same


def test_what_padding_does_when_the_mask_is_forgotten(model):
    """So that the test above cannot pass by accident."""
    batch = collate([Ranking(PROMPT, RESPONSES)], model.tokenizer)
    with torch.no_grad():
        masked = model(batch.input_ids, batch.attention_mask)
        forgotten = model(batch.input_ids, torch.ones_like(batch.attention_mask))
    assert (masked - forgotten).abs().max() > 1e-3


def test_tanh_stays_inside_its_bound_and_linear_does_not():
    wide = RewardModel.from_encoder(head="tanh"), RewardModel.from_encoder(head="linear")
    for model in wide:
        with torch.no_grad():
            model.head.weight *= 20
    bounded, free = (model.score(PROMPT, RESPONSES) for model in wide)
    assert all(-1 <= reward <= 1 for reward in bounded)
    assert max(map(abs, free)) > 1
    assert bounded == pytest.approx([math.tanh(reward) for reward in free], abs=1e-5)


def test_the_bias_of_a_linear_head_gets_no_gradient_from_a_pairwise_loss():
    rankings = [Ranking(PROMPT, RESPONSES), Ranking("2 + 2?", ["4", "five"])]
    for head, moves in [("linear", False), ("tanh", True)]:  # tanh bends the shift, so there it does
        model = RewardModel.from_encoder(head=head)
        batch = collate(rankings, model.tokenizer)
        k_choose_2_loss(model(batch.input_ids, batch.attention_mask), batch.sizes, batch.ranks).backward()
        assert (model.head.bias.grad.abs().item() > 1e-5) is moves
        assert model.head.weight.grad.abs().max() > 1e-3


def test_the_seed_draws_the_head(model):
    same, other = RewardModel.from_encoder(seed=0), RewardModel.from_encoder(seed=1)
    assert torch.equal(model.head.weight, same.head.weight)
    assert not torch.equal(model.head.weight, other.head.weight)
    assert model.head.weight.std().item() == pytest.approx(1 / math.sqrt(385), rel=0.15)


def test_rank_sorts_best_first(model):
    ranked = model.rank(PROMPT, RESPONSES)
    assert {response for response, _ in ranked} == set(RESPONSES)
    assert [reward for _, reward in ranked] == sorted(model.score(PROMPT, RESPONSES), reverse=True)
    assert model.rank(PROMPT, (response for response in RESPONSES)) == ranked


def test_score_takes_one_or_many_and_nothing_empty(model):
    assert isinstance(model.score(PROMPT, "Paris"), float)
    assert model.score(PROMPT, []) == []
    with pytest.raises(InputError, match="response 2"):
        model.score(PROMPT, ["Paris", " "])
    with pytest.raises(InputError, match="prompt is 42"):
        model.score(42, "Paris")


def test_prompts_and_responses_in_parallel(model):
    prompts = [PROMPT, "2 + 2?", PROMPT, "Who decides on an appeal, " * 20]
    responses = ["Paris", "four", "five", "a court"]
    expected = [model.score(prompt, response) for prompt, response in zip(prompts, responses, strict=True)]
    assert model.score(prompts, responses) == pytest.approx(expected, abs=1e-5)
    assert model.score(tuple(prompts), (response for response in responses)) == pytest.approx(expected, abs=1e-5)
    assert model.score([PROMPT], ["Paris"]) == pytest.approx([model.score(PROMPT, "Paris")], abs=1e-5)
    assert model.score([], []) == []


@pytest.mark.parametrize(
    "prompts, responses, words",
    [
        ([PROMPT] * 3, ["a", "b"], "response is a list of 2 for a list of 3 prompts"),
        ([], ["a"], "response is a list of 1 for a list of 0 prompts"),
        ([PROMPT] * 2, "ab", "response is one text for a list of 2 prompts"),
        ([PROMPT, " "], ["a", "b"], "prompt 2 is ' '"),
        ([PROMPT, None], ["a", "b"], "prompt 2 is None"),
        ([PROMPT, PROMPT], ["a", 7], "response 2 is 7"),
        ([PROMPT, "a\udcff"], ["a", "b"], "prompt 2 is .* valid UTF-8"),
        ({"prompt": PROMPT}, [["a"]], "response 1 is"),
        (None, ["a"], "prompt is None"),
    ],
)
def test_prompts_that_do_not_fit_their_responses(model, prompts, responses, words):
    with pytest.raises(InputError, match=words):
        model.score(prompts, responses)


@pytest.mark.parametrize("prompt", [42, [PROMPT, PROMPT]])
def test_rank_compares_responses_to_one_prompt(model, prompt):
    with pytest.raises(InputError, match="one prompt, which must be text"):
        model.rank(prompt, ["a", "b"])


def test_a_cut_answer_is_never_silent(model):
    with pytest.warns(UserWarning, match="1 of 2 responses"):
        rewards = model.score(PROMPT, ["Paris", "word " * 100_000])
    assert all(-1 < reward < 1 for reward in rewards)


def test_a_model_whose_rewards_are_no_numbers_ranks_nothing():
    broken = RewardModel.from_encoder()
    with torch.no_grad():
        broken.head.weight[0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="reward of response 1 is nan, no finite number"):
        broken.rank(PROMPT, RESPONSES)


def test_scoring_leaves_the_mode_as_it_was(model):
    model.train()
    model.score(PROMPT, "Paris")
    assert model.training
    model.eval()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("head, pooling", [("tanh", "cls"), ("linear", "mean")])
def test_save_and_load_keep_everything(tmp_path, head, pooling):
    model = RewardModel.from_encoder(head=head, pooling=pooling, seed=3)
    model.config.text_length = 77
    before = model.score(PROMPT, RESPONSES)
    model.save_pretrained(tmp_path / "model")
    loaded = RewardModel.from_pretrained(tmp_path / "model")
    assert loaded.score(PROMPT, RESPONSES) == before  # to the last bit
    assert (loaded.config.head, loaded.config.pooling, loaded.config.text_length) == (head, pooling, 77)
    assert torch.equal(loaded.head.weight, model.head.weight)
    assert (tmp_path / "model" / "model.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask()
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert str(tmp_path.parent) not in (tmp_path / "model" / "config.json").read_text()
    assert "site-packages" not in (tmp_path / "model" / "config.json").read_text()


def test_saving_again_over_a_model_that_is_in_use(tmp_path, model):
    model.save_pretrained(tmp_path)
    loaded = RewardModel.from_pretrained(tmp_path)
    before = loaded.score(PROMPT, RESPONSES)
    RewardModel.from_encoder(seed=9).save_pretrained(tmp_path)
    assert loaded.score(PROMPT, RESPONSES) == before
    assert RewardModel.from_pretrained(tmp_path).score(PROMPT, RESPONSES) != before


def test_saving_over_a_trained_model_leaves_nothing_of_what_that_one_has_seen(tmp_path, model):
    trained = RewardModel.from_encoder()
    trained.seen = np.zeros((3, 128), dtype=np.uint8)
    trained.save_pretrained(tmp_path)
    assert len(RewardModel.from_pretrained(tmp_path).seen) == 3
    model.save_pretrained(tmp_path)
    assert RewardModel.from_pretrained(tmp_path).seen is None


def test_a_tokenizer_with_several_chat_templates_can_be_saved(tmp_path):
    model = RewardModel.from_encoder()
    model.tokenizer.chat_template = {"default": "{{ messages }}", "tool_use": "{{ tools }}"}
    model.save_pretrained(tmp_path)
    assert RewardModel.from_pretrained(tmp_path).score(PROMPT, RESPONSES) == model.score(PROMPT, RESPONSES)


@pytest.fixture()
def saved(tmp_path, model):
    model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def drop_head(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file({name: w for name, w in weights.items() if name != "head.weight"}, folder / "model.safetensors")


def pickle_instead(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")


def another_model(folder):
    config = json.loads((folder / "config.json").read_text())["encoder"]
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    "break_it, words",
    [
        (lambda f: (f / "model.safetensors").unlink(), "holds no model.safetensors"),
        (lambda f: os.truncate(f / "model.safetensors", 1_000_000), "damaged or cut short"),
        (lambda f: os.truncate(f / "model.safetensors", 0), "damaged or cut short"),
        (pickle_instead, "pickle"),
        (drop_head, "no 'head.weight'"),
        (lambda f: (f / "config.json").unlink(), "config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json"),
        (another_model, "is a 'bert' model"),
        (lambda f: (f / "tokenizer.json").unlink(), "holds no tokenizer.json"),
        (shutil.rmtree, "no such folder"),
    ],
)
def test_a_broken_model_folder_gets_one_sentence(saved, break_it, words):
    break_it(saved)
    with pytest.raises(InputError, match=words) as caught:
        RewardModel.from_pretrained(saved)
    assert "\n" not in str(caught.value)


def test_wrong_names_are_refused_before_the_slow_part():
    with pytest.raises(InputError, match="head is 'sigmoid'"):
        RewardModel.from_encoder("no/such-encoder", head="sigmoid")
    with pytest.raises(InputError, match="no/such-encoder"):
        RewardModel.from_encoder("no/such-encoder")


def test_an_encoder_with_other_weights_is_refused(monkeypatch):
    monkeypatch.setattr("rmkit.encoders.SHA256", "0" * 64)
    with pytest.raises(InputError, match="SHA-256"):
        RewardModel.from_encoder()


def test_every_row_of_the_toy_data_gets_a_reward(model):
    rewards = [model.score(ranking.prompt, ranking.responses) for ranking in load_rankings("toy")]
    assert len(rewards) == 10 and all(-1 < reward < 1 for pair in rewards for reward in pair)


@pytest.mark.parametrize("share", [-0.5, 1.5, math.nan, "half", None])
def test_a_share_that_cannot_be_frozen_is_refused_and_changes_nothing(share):
    model = RewardModel.from_encoder()
    with pytest.raises(InputError, match="freeze is"):
        model.freeze(share)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_bias_of_a_linear_head_is_in_no_margin_and_is_not_trained():
    for head in ("linear", "tanh"):
        model = RewardModel.from_encoder(head=head)
        model.freeze(1)
        assert model.head.weight.requires_grad and model.head.bias.requires_grad is (head == "tanh")


@pytest.mark.parametrize("damage", ["cut short", "another shape", "another name"])
def test_damaged_sketches_of_training_prompts_are_refused(tmp_path, damage):
    model = RewardModel.from_encoder()
    model.seen = np.zeros((3, 128), dtype=np.uint8)
    model.save_pretrained(tmp_path)
    file = tmp_path / "seen-prompts.safetensors"
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:30])
    else:
        save_numpy({"seen": model.seen[:, :5]} if damage == "another shape" else {"other": model.seen}, file)
    with pytest.raises(InputError, match=r"seen-prompts.safetensors': holds no sketches of training prompts"):
        RewardModel.from_pretrained(tmp_path)
