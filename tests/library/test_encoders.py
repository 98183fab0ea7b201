"""Other families of encoders, as tiny random models: which token is read, what is frozen, what survives saving."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AlbertConfig,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BartConfig,
    T5Config,
)

from rmkit.batching import collate, encode, pad
from rmkit.encoders import load_encoder, load_tokenizer, own_pooling, reads_both_ways
from rmkit.errors import InputError
from rmkit.loading import load_rankings
from rmkit.losses import k_choose_2_loss
from rmkit.model import RewardModel, pool
from rmkit.training import train
from tests.helpers.families import DECODERS, FAMILIES, SIZES

PROMPT, RESPONSES = "What is a statute?", ["A law.", "A law that a legislature has passed, and wrote down.", "No idea."]


@pytest.mark.parametrize("family", FAMILIES)
def test_which_way_each_family_reads(folders, family):
    """Asked of the model itself: does the first token's vector change when the last token does?"""
    encoder = load_encoder(str(folders[family])).eval()
    one, other = torch.tensor([[101, 7, 8, 102]]), torch.tensor([[101, 7, 8, 103]])
    with torch.no_grad():
        first, second = (encoder(input_ids=ids).last_hidden_state[:, 0] for ids in (one, other))
    assert reads_both_ways(encoder.config) == (not torch.allclose(first, second, atol=1e-6))
    assert reads_both_ways(encoder.config) == (family not in DECODERS)


@pytest.mark.parametrize("family", FAMILIES)
def test_alone_in_a_batch_and_after_saving_the_score_is_the_same(folders, family, tmp_path):
    model = RewardModel.from_encoder(str(folders[family]))
    assert model.config.pooling == ("last" if family in DECODERS else "cls")
    together = model.score(PROMPT, RESPONSES)
    assert together == pytest.approx([model.score(PROMPT, response) for response in RESPONSES], abs=1e-6)
    assert max(together) - min(together) > 1e-3
    model.save_pretrained(tmp_path / "model")
    assert RewardModel.from_pretrained(tmp_path / "model").score(PROMPT, RESPONSES) == together


@pytest.mark.parametrize("family", FAMILIES)
def test_no_dropout_is_left_on(folders, family):
    model = RewardModel.from_encoder(str(folders[family])).train()
    batch = collate(load_rankings("toy")[:3], model.tokenizer)
    assert torch.equal(model(batch.input_ids, batch.attention_mask), model(batch.input_ids, batch.attention_mask))


@pytest.mark.training
@pytest.mark.parametrize("family", FAMILIES)
def test_half_frozen_the_upper_layer_and_what_lies_above_it_move(folders, family):
    model = RewardModel.from_encoder(str(folders[family]))
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    train(model, load_rankings("toy"), epochs=1, batch_size=5, max_length=48, freeze=0.5)
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, start[name])}
    still = start.keys() - moved
    assert "head.weight" in moved and any(".1." in name for name in moved)
    assert not [name for name in moved if ".0." in name or "embed" in name or "wte" in name or "wpe" in name]
    assert not [
        name for name in still if ".0." not in name and "embed" not in name and "wte" not in name and "wpe" not in name
    ]


@pytest.mark.parametrize("frozen", [0, 0.5])
@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_checkpointing_changes_no_gradient(folders, family, frozen):
    """Not even above frozen layers, whose output asks for no gradient: there one of PyTorch's two ways loses all of
    it."""
    model = RewardModel.from_encoder(str(folders[family])).train()
    model.freeze(frozen)
    batch = collate(load_rankings("toy")[:4], model.tokenizer)
    gradients = []
    for switch in (model.gradient_checkpointing_disable, model.gradient_checkpointing_enable):
        switch()
        model.zero_grad()
        k_choose_2_loss(model(batch.input_ids, batch.attention_mask), batch.sizes, batch.ranks).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert model.is_gradient_checkpointing
    whole, recomputed = gradients
    assert whole.shape == recomputed.shape and whole.abs().max() > 1e-3
    assert (whole - recomputed).abs().max() < 1e-5 * whole.abs().max()


def test_the_last_token_is_found_on_either_side_of_the_padding():
    vectors = torch.arange(2 * 4 * 3, dtype=torch.float32).reshape(2, 4, 3)  # (N, T, H)
    right, left = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    assert torch.equal(pool(vectors, right, "last"), torch.stack([vectors[0, 1], vectors[1, 3]]))
    assert torch.equal(pool(vectors, left, "last"), torch.stack([vectors[0, 3], vectors[1, 3]]))
    assert torch.equal(pool(vectors[:, :1], right[:, :1], "last"), vectors[:, 0])


def test_padding_on_the_left_is_harmless_where_positions_are_relative(folders):
    """What the docstring of RewardModel says: GPT-2 numbers its positions, and numbers padding with them."""
    for family, harmless in [("llama", True), ("bloom", True), ("gpt2", False)]:
        model = RewardModel.from_encoder(str(folders[family]))
        texts = [encode(model.tokenizer, PROMPT, response).ids for response in RESPONSES]
        ids, mask = pad(texts, fill := model.tokenizer.pad_token_id)
        left = [[fill] * (ids.shape[1] - len(text)) + text for text in texts]
        seen = [[0] * (ids.shape[1] - len(text)) + [1] * len(text) for text in texts]
        with torch.no_grad():
            off = (model(torch.tensor(left), torch.tensor(seen)) - model(ids, mask)).abs()
        assert off[mask.all(dim=1)].max() < 1e-6, family
        assert (off.max() < 1e-5) == harmless, family


def test_a_decoder_that_pads_with_its_end_token_reads_the_real_end(folders):
    """The bug of many programs: pad = end, and the text's own end is taken for padding, or padding for the end."""
    model = RewardModel.from_encoder(str(folders["llama"]))
    end = model.tokenizer.eos_token_id
    assert model.tokenizer.pad_token_id == end
    texts = [encode(model.tokenizer, PROMPT, response).ids for response in RESPONSES]
    assert all(ids[-1] == end and ids.count(end) == 1 for ids in texts)
    with torch.no_grad():
        rewards = [model(*pad(texts, fill)) for fill in (end, 0, 999)]
    assert torch.allclose(rewards[0], rewards[1], atol=1e-6) and torch.allclose(rewards[0], rewards[2], atol=1e-6)
    assert rewards[0].tolist() == pytest.approx([model.score(PROMPT, response) for response in RESPONSES], abs=1e-6)


def test_a_decoders_text_has_its_own_ends(folders):
    tokenizer = load_tokenizer(str(folders["llama"]))
    tokens = tokenizer.convert_ids_to_tokens(encode(tokenizer, "A statute?", "A law.").ids)
    assert tokens == ["a", "statute", "?", "a", "law", ".", "[unused1]"]
    tokenizer.bos_token = "[unused2]"
    assert tokenizer.convert_ids_to_tokens(encode(tokenizer, "A statute?", "A law.", max_length=5).ids) == [
        *["[unused2]", "a", "law", ".", "[unused1]"]
    ]


def test_the_first_token_of_a_decoder_is_refused(folders):
    with pytest.raises(InputError, match="first token sees no other; use 'last'"):
        RewardModel.from_encoder(str(folders["llama"]), pooling="cls")


POOLED = ["albert", "bert", "camembert", "ernie", "longformer", "mpnet", "roberta", "xlm-roberta"]


@pytest.mark.parametrize("kind", POOLED)
def test_no_encoder_keeps_a_pooling_layer_that_gets_no_gradient(kind):
    """Such a layer is why training in several processes stops: they wait for its gradient."""
    config = AutoConfig.for_model(kind)
    with torch.device("meta"):
        names = {
            wanted: [
                name for name, _ in AutoModel.from_config(config, **options).named_parameters() if "pooler" in name
            ]
            for wanted, options in [("whole", {}), ("ours", own_pooling(config))]
        }
    assert names["whole"] and not names["ours"]


@pytest.mark.parametrize("config", [BartConfig, T5Config])
def test_a_model_of_two_halves_is_refused(config, tmp_path):
    config().save_pretrained(tmp_path)
    with pytest.raises(InputError, match=f"{config.model_type} reads with one half and writes with the other"):
        RewardModel.from_encoder(str(tmp_path))


def test_layers_that_share_their_weights_are_frozen_all_or_not_at_all(tmp_path):
    config = AlbertConfig(**SIZES, embedding_size=16)
    AutoModel.from_config(config).save_pretrained(tmp_path)
    load_tokenizer().save_pretrained(tmp_path)
    model = RewardModel.from_encoder(str(tmp_path))
    with pytest.raises(
        InputError, match=r"freeze is 0\.5, but the 2 layers of this encoder share their weights; it must be 0"
    ):
        train(model, load_rankings("toy")[:2], epochs=1, max_length=48)
    for share in (0, 1):
        model.freeze(share)
        assert {parameter.requires_grad for parameter in model.encoder.parameters()} == {share == 0}


def test_weights_under_other_names_are_not_replaced_by_random_ones(folders, tmp_path):
    """As a compiled model saves them."""
    shutil.copytree(folders["bert"], tmp_path, dirs_exist_ok=True)
    file = tmp_path / "model.safetensors"
    save_file(
        {f"_orig_mod.{name}": tensor for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"}
    )
    with pytest.raises(InputError, match=r"its weights hold no 'embeddings\.\S+'; save it again"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("what", ["an encoder", "the tokenizer of a reward model"])
def test_code_that_comes_with_a_model_is_never_run(folders, tmp_path, monkeypatch, what):
    """Not even when somebody would say yes to the question that `transformers` asks."""
    folder, ran = tmp_path / "model", tmp_path / "ran"
    if what == "an encoder":
        shutil.copytree(folders["bert"], folder)
        file, change = "config.json", {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}
    else:
        RewardModel.from_encoder(str(folders["bert"])).save_pretrained(folder)
        change = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}}
        file = "tokenizer_config.json"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')\n", encoding="utf-8")
    saved = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps(saved | change), encoding="utf-8")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(InputError, match="cannot be loaded"):
        (RewardModel.from_encoder if what == "an encoder" else RewardModel.from_pretrained)(str(folder))
    assert not ran.exists()


def test_a_tokenizer_without_an_end_is_refused(folders, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(folders["llama"])
    tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no token that ends a text"):
        load_tokenizer(str(tmp_path))
