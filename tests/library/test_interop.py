"""The same model elsewhere: TRL's trainer, `transformers` pipelines and peft's adapters, compared on the same batch."""

import json
import warnings

import peft
import pytest
import torch
import trl
from safetensors.torch import load_file
from torch.utils.data import SequentialSampler
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification, pipeline

from rmkit.batching import collate
from rmkit.encoders import load_tokenizer, quiet
from rmkit.errors import InputError
from rmkit.evaluation import evaluate
from rmkit.interop import SequenceClassifier, from_sequence_classifier, to_sequence_classifier, to_trl_dataset
from rmkit.loading import load_rankings
from rmkit.losses import k_choose_2_loss, pairwise_loss
from rmkit.model import RewardModel
from rmkit.scoring import score_file
from rmkit.training import train

TOY = load_rankings("toy")
PROMPT, RESPONSES = "Is a handshake a contract?", ["It can be, if both sides mean it.", "Shaking hands is polite."]


class InOrder(trl.RewardTrainer):
    """TRL's trainer, which takes the pairs as they come."""

    def _get_train_sampler(self, dataset=None):
        return SequentialSampler(self.train_dataset)


def trainer(classifier, dataset, tokenizer, folder, **options):
    """With everything that TRL does on top switched off: schedule, clipping, checkpointing, half precision."""
    settings = {
        "per_device_train_batch_size": 2,
        "learning_rate": 1e-4,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0,
    }
    settings |= {"num_train_epochs": 1, "adam_epsilon": 1e-3, "gradient_checkpointing": False, "bf16": False}
    settings |= {"use_cpu": True, "report_to": [], "save_strategy": "no", "logging_steps": 1, "disable_tqdm": True}
    args = trl.RewardConfig(output_dir=str(folder), **(settings | options))
    return InOrder(model=classifier, args=args, train_dataset=dataset, processing_class=tokenizer)


@pytest.fixture(scope="module")
def model():
    return RewardModel.from_encoder(seed=0)


def test_same_rewards_loss_and_gradients_as_trl_on_one_batch(model, tmp_path):
    classifier = to_sequence_classifier(model)
    assert isinstance(classifier, BertForSequenceClassification)
    theirs = trainer(classifier, dataset := to_trl_dataset(TOY, model.tokenizer), model.tokenizer, tmp_path)
    inputs = theirs.data_collator([dataset[i] for i in range(4)])  # chosen 0..3, then rejected 0..3
    with torch.no_grad():
        ours = model(inputs["input_ids"], inputs["attention_mask"])  # (8,)
        assert torch.allclose(classifier(**inputs).logits.squeeze(-1), ours, atol=1e-6)
    their_loss = theirs.compute_loss(classifier, dict(inputs))
    rewards = model(inputs["input_ids"], inputs["attention_mask"])
    loss = pairwise_loss(rewards[:4], rewards[4:])
    assert loss.item() == pytest.approx(their_loss.item(), abs=1e-6)

    model.zero_grad(), classifier.zero_grad()
    loss.backward(), their_loss.backward()
    shared = dict(classifier.bert.named_parameters())
    for name, parameter in model.encoder.named_parameters():
        assert torch.allclose(parameter.grad, shared[name].grad, atol=1e-5), name
    pooler = classifier.bert.pooler.dense
    assert torch.allclose(model.head.weight.grad[0], pooler.weight.grad[0], atol=1e-5)
    assert model.head.weight.grad.abs().max() > 0.01
    assert not pooler.weight.grad[1:].any() and classifier.classifier.weight.grad is None
    model.zero_grad()


@pytest.mark.slow
def test_trained_further_by_trl_and_brought_back(tmp_path):
    """Five steps of TRL and of a loop by hand. AdamW's epsilon is 1e-3 in both: with 1e-8 it would turn the rounding of
    gradients that are truly 0 (those of the keys' biases) into whole steps, in which no two programs agree."""
    model = RewardModel.from_encoder(seed=0)
    classifier = to_sequence_classifier(model)
    theirs = trainer(classifier, to_trl_dataset(TOY, model.tokenizer), model.tokenizer, tmp_path)
    theirs.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, eps=1e-3, weight_decay=0.0)
    losses = []
    for first in range(0, 10, 2):
        batch = collate(TOY[first : first + 2], model.tokenizer)
        loss = k_choose_2_loss(model(batch.input_ids, batch.attention_mask), batch.sizes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    logged = [float(entry["loss"]) for entry in theirs.state.log_history if "loss" in entry]
    assert logged == pytest.approx(losses, abs=1e-5)
    back = from_sequence_classifier(classifier, model.tokenizer)
    for (name, ours), other in zip(model.named_parameters(), back.parameters(), strict=True):
        assert torch.allclose(ours, other, atol=1e-5), name
    start = RewardModel.from_encoder(seed=0)
    assert max((a - b).abs().max() for a, b in zip(start.parameters(), back.parameters(), strict=True)) > 1e-5
    assert evaluate(back, TOY).log_loss == pytest.approx(evaluate(model, TOY).log_loss, abs=1e-5)
    measured = evaluate(SequenceClassifier(classifier, model.tokenizer), TOY)
    assert measured.margins == pytest.approx(evaluate(back, TOY).margins, abs=1e-6)


def test_a_classifier_scores_a_file(model, tmp_path):
    rows = [{"prompt": PROMPT, "response": response} for response in RESPONSES]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    other = SequenceClassifier(to_sequence_classifier(model), model.tokenizer)
    assert score_file(other, tmp_path / "in.jsonl", tmp_path / "out.jsonl").n_scored == 2
    found = [json.loads(line)["reward"] for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found == pytest.approx(model.score(PROMPT, RESPONSES), abs=1e-6)


def test_left_to_itself_trl_reads_other_tokens(model, tmp_path):
    """What the docstring of to_trl_dataset says, seen: no end token stops TRL, and [SEP] as one comes twice."""
    from datasets import Dataset

    rows = [{"prompt": r.prompt, "chosen": r.responses[0], "rejected": r.responses[1]} for r in TOY]
    with pytest.raises(TypeError, match="endswith"):
        trainer(to_sequence_classifier(model), Dataset.from_list(rows), load_tokenizer(), tmp_path)
    tokenizer = load_tokenizer()
    theirs = trainer(to_sequence_classifier(model), Dataset.from_list(rows), tokenizer, tmp_path, eos_token="[SEP]")
    ours = to_trl_dataset(TOY, tokenizer)
    assert theirs.train_dataset[3]["chosen_ids"] == [*ours[3]["chosen_ids"], tokenizer.sep_token_id]


def test_every_pair_becomes_a_row_and_ties_none():
    rankings = load_rankings("course:validation")[:5]
    assert len(to_trl_dataset(rankings, load_tokenizer())) == rankings.n_pairs


def test_a_pipeline_gives_the_same_rewards(model, tmp_path):
    to_sequence_classifier(model).save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    classify = pipeline("text-classification", str(tmp_path), function_to_apply="none")
    found = [classify(f"{PROMPT} {response}")[0]["score"] for response in RESPONSES]
    assert found == pytest.approx(model.score(PROMPT, RESPONSES), abs=1e-6)

    long = (
        "Is this a contract? " * 200
    )  # of what is too long, the pipeline drops the response, and ours the prompt's start
    cut = [classify(f"{long} {response}", truncation=True, max_length=256)[0]["score"] for response in RESPONSES]
    ours = model.score(long, RESPONSES)
    assert cut[0] == cut[1] and abs(ours[0] - ours[1]) > 1e-3

    with pytest.raises(InputError, match=r"is a sequence classifier \(BertForSequenceClassification\)"):
        RewardModel.from_pretrained(tmp_path)


def test_trl_leaves_out_what_is_longer_than_its_own_limit(model, tmp_path):
    pairs = to_trl_dataset(TOY, model.tokenizer)
    longest = max(len(ids) for column in pairs.column_names for ids in pairs[column])
    for limit, all_kept in [(longest, True), (longest - 1, False)]:
        theirs = trainer(to_sequence_classifier(model), pairs, model.tokenizer, tmp_path, max_length=limit)
        assert (len(theirs.train_dataset) == len(pairs)) == all_kept


def test_robertas_classifier_is_the_same_trick(folders):
    model = RewardModel.from_encoder(str(folders["xlm-roberta"]))
    classifier = to_sequence_classifier(model)
    rewards = SequenceClassifier(classifier, model.tokenizer).score(PROMPT, RESPONSES)
    assert rewards == pytest.approx(model.score(PROMPT, RESPONSES), abs=1e-6) and max(rewards) - min(rewards) > 1e-3
    back = from_sequence_classifier(classifier, model.tokenizer)
    assert back.score(PROMPT, RESPONSES) == model.score(PROMPT, RESPONSES)
    with torch.no_grad():
        classifier.classifier.out_proj.weight[0, 1] = 0.1
    with pytest.raises(InputError, match="keep it frozen"):
        from_sequence_classifier(classifier, model.tokenizer)


def test_no_dropout_is_put_between_head_and_reward():
    model = RewardModel.from_encoder(dropout=0.5)
    classifier = to_sequence_classifier(model).train()
    classifier.bert.eval()
    batch = collate(TOY[:3], model.tokenizer)
    logits = classifier(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits.squeeze(-1)
    assert torch.allclose(logits, model(batch.input_ids, batch.attention_mask), atol=1e-6)


def test_a_decoder_goes_out_and_comes_back(folders, tmp_path):
    model = RewardModel.from_encoder(str(folders["llama"]), head="linear")
    with pytest.raises(InputError, match="a pad token of its own"):
        to_sequence_classifier(model)
    model.tokenizer.pad_token = "[unused3]"
    classifier = to_sequence_classifier(model)
    other = SequenceClassifier(classifier, model.tokenizer)
    assert other.score(PROMPT, RESPONSES) == pytest.approx(model.score(PROMPT, RESPONSES), abs=1e-6)
    back = from_sequence_classifier(classifier, model.tokenizer)
    assert back.config.pooling == "last" and back.score(PROMPT, RESPONSES) == model.score(PROMPT, RESPONSES)

    theirs = trainer(classifier, pairs := to_trl_dataset(TOY, model.tokenizer), model.tokenizer, tmp_path)
    inputs = theirs.data_collator([pairs[i] for i in range(4)])
    theirs.compute_loss(classifier, dict(inputs)).backward()
    rewards = model(inputs["input_ids"], inputs["attention_mask"])
    pairwise_loss(rewards[:4], rewards[4:]).backward()
    shared = dict(classifier.base_model.named_parameters())
    for name, parameter in model.encoder.named_parameters():
        assert torch.allclose(parameter.grad, shared[name].grad, atol=1e-5), name
    assert torch.allclose(model.head.weight.grad, classifier.score.weight.grad, atol=1e-5)
    assert model.head.weight.grad.abs().max() > 0.01
    with torch.no_grad():
        model.head.bias.fill_(0.3)
    with pytest.raises(InputError, match="bias is 0.3"):
        to_sequence_classifier(model)


def test_a_decoder_that_trl_trained_with_its_end_as_padding(folders, tmp_path):
    """As TRL does without a pad token: its class then reads the token before the end, in training and afterwards."""
    tokenizer = load_tokenizer(str(folders["llama"]))
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    torch.manual_seed(0)
    with quiet():
        classifier = AutoModelForSequenceClassification.from_pretrained(folders["llama"], num_labels=1).eval()
    with pytest.raises(InputError, match="takes 0 for padding, and the tokenizer pads with 2;"):
        SequenceClassifier(classifier, tokenizer)
    trainer(classifier, to_trl_dataset(TOY, tokenizer), tokenizer, tmp_path)
    classifier.eval()
    other = SequenceClassifier(classifier, tokenizer)
    together = other.score(PROMPT, RESPONSES)
    assert together == pytest.approx([other.score(PROMPT, response) for response in RESPONSES], abs=1e-5)
    with pytest.raises(InputError, match="would read the one before the end, .* measure it as it was trained"):
        from_sequence_classifier(classifier, tokenizer)


def test_what_has_no_equal_is_refused(model, folders):
    with pytest.raises(InputError, match="head='linear' and pooling='cls' has no equal"):
        to_sequence_classifier(RewardModel.from_encoder(head="linear"))
    with pytest.raises(InputError, match="a modernbert encoder"):
        to_sequence_classifier(RewardModel.from_encoder(str(folders["modernbert"])))
    classifier = to_sequence_classifier(model)
    with torch.no_grad():
        classifier.classifier.weight[0, 0] = 1.5
    with pytest.raises(InputError, match="keep it frozen"):
        from_sequence_classifier(classifier, model.tokenizer)
    classifier.config.num_labels = 2
    for take in (SequenceClassifier, from_sequence_classifier):
        with pytest.raises(InputError, match="has 2 labels"):
            take(classifier, model.tokenizer)


# --- adapters


def with_adapters(seed=0, saved=("head",)):
    model = RewardModel.from_encoder(seed=seed)
    torch.manual_seed(seed)  # draws the adapters
    settings = peft.LoraConfig(r=4, target_modules=["query", "value"], modules_to_save=list(saved) or None)
    return peft.get_peft_model(model, settings)


@pytest.fixture(scope="module")
def adapted():
    """Four epochs of adapters and head, and nothing else."""
    model = with_adapters()
    history = train(model, TOY, epochs=4, lr=1e-3, batch_size=5, freeze=None)
    return model, history


def test_adapters_learn_and_the_encoder_stays(adapted):
    model, history = adapted
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"] - 0.01
    pretrained = RewardModel.from_encoder().encoder.state_dict()
    plain = {name: p for name, p in model.named_parameters() if "lora_" not in name and "head" not in name}
    assert len(plain) == len(pretrained)
    for name, parameter in plain.items():
        short = name.removeprefix("base_model.model.encoder.").replace(".base_layer", "")
        assert not parameter.requires_grad and torch.equal(parameter, pretrained[short]), name


@pytest.mark.training
def test_adapters_learn_the_same_with_gradient_checkpointing():
    losses = []
    for checkpointing in (False, True):
        model = with_adapters()
        if checkpointing:
            model.gradient_checkpointing_enable()
        losses.append([epoch["loss"] for epoch in train(model, TOY, epochs=3, lr=1e-3, freeze=None).epochs])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5) and losses[0][0] - losses[0][2] > 1e-3


def test_adapters_are_saved_with_their_head_and_merge_into_a_reward_model(adapted, tmp_path):
    model, _ = adapted
    rewards = model.score(PROMPT, RESPONSES)
    model.save_pretrained(tmp_path / "adapters")
    assert any("head.weight" in name for name in load_file(tmp_path / "adapters" / "adapter_model.safetensors"))
    fresh = peft.PeftModel.from_pretrained(RewardModel.from_encoder(seed=7), str(tmp_path / "adapters")).eval()
    assert fresh.score(PROMPT, RESPONSES) == pytest.approx(rewards, abs=1e-6)
    merged = fresh.merge_and_unload()
    assert isinstance(merged, RewardModel) and merged.score(PROMPT, RESPONSES) == pytest.approx(rewards, abs=1e-5)
    merged.save_pretrained(tmp_path / "merged")
    assert RewardModel.from_pretrained(tmp_path / "merged").score(PROMPT, RESPONSES) == merged.score(PROMPT, RESPONSES)


def test_adapters_are_merged_before_a_classifier_is_made():
    with pytest.raises(InputError, match="merge them first"):
        to_sequence_classifier(with_adapters())
    merged = with_adapters().merge_and_unload()
    found = SequenceClassifier(to_sequence_classifier(merged), merged.tokenizer).score(PROMPT, RESPONSES)
    assert found == pytest.approx(merged.score(PROMPT, RESPONSES), abs=1e-5)


def test_without_modules_to_save_the_head_is_lost(tmp_path):
    """peft raises nothing and warns of nothing: the loaded model has the head that was drawn for it."""
    model = with_adapters(saved=())
    rewards = model.eval().score(PROMPT, RESPONSES)
    model.save_pretrained(tmp_path)
    assert not any("head" in name for name in load_file(tmp_path / "adapter_model.safetensors"))
    with warnings.catch_warnings(record=True) as caught:
        fresh = peft.PeftModel.from_pretrained(RewardModel.from_encoder(seed=7), str(tmp_path)).eval()
    assert not [warning for warning in caught if "head" in str(warning.message)]
    assert fresh.score(PROMPT, RESPONSES) != pytest.approx(rewards, abs=1e-2)


@pytest.mark.parametrize("settings", [{}, {"freeze": 0}, {"freeze": None, "output": "runs"}])
def test_settings_that_adapters_have_no_use_for_are_refused(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="pass freeze=None, and no output"):
        train(with_adapters(), TOY, **settings)
    assert list(tmp_path.iterdir()) == []
