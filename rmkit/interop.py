"""A reward model as a standard sequence classifier and back, so that others can train and serve it (chapter 10)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from rmkit.batching import encode_rankings
from rmkit.encoders import quiet, reads_both_ways, text_ends
from rmkit.errors import InputError
from rmkit.model import RewardConfig, RewardModel
from rmkit.rankings import Ranking
from rmkit.scorer import Scorer

if TYPE_CHECKING:
    from datasets import Dataset

TANH_UNITS = {"bert", "roberta", "xlm-roberta", "camembert"}
"""Encoders whose sequence classifier is [CLS] -> H units with tanh -> a linear unit, by `model_type`."""


def to_sequence_classifier(model: RewardModel) -> PreTrainedModel:
    """The same model as a class of `transformers` that other programs know, with one label whose logit is the reward.

    Two forms are exact, and no other is made:

    - BERT, [CLS] and tanh become `BertForSequenceClassification`, and RoBERTa its own. It has a pooler, H units that
      compute tanh(W h + b), and a classifier, a linear unit on them. Our head becomes the pooler's first unit, the
      others are zero, and the classifier passes the first one on: weights (1, 0, ..., 0), bias 0. It is frozen, for
      with another weight than 1 the reward would leave the bounds of tanh. Trained so, the model is ours at every step:
      a unit that the classifier does not read gets no gradient.
    - A decoder, its last token and a linear head become its `...ForSequenceClassification`, whose head has no bias.
      Ours must be 0 then, as it is from the start and stays: margins do not depend on it.

    Saved with its tokenizer, it works in `transformers.pipeline("text-classification", function_to_apply="none")` for
    texts "prompt response" that fit the model. Of a longer text the pipeline, told to truncate, drops the end, which is
    the response; ours loses the start of the prompt.

    Args:
        model: a `RewardModel`. It is copied, not changed.

    Returns:
        The classifier; `classifier(input_ids=..., attention_mask=...).logits` has shape (N, 1). The tokenizer stays
        `model.tokenizer`.

    Raises:
        InputError: if the model has another form.

    >>> from rmkit.batching import pad
    >>> model = RewardModel.from_encoder()
    >>> ids, mask = pad([[101, 2375, 102], [101, 102]])
    >>> logits = to_sequence_classifier(model)(input_ids=ids, attention_mask=mask).logits  # (2, 1)
    >>> (logits.squeeze(-1) - model(ids, mask)).abs().max().item() < 1e-5
    True
    """
    encoder, form = model.encoder.config, (model.config.head, model.config.pooling)
    has_tanh, is_decoder = encoder.model_type in TANH_UNITS, not reads_both_ways(encoder)
    if not (has_tanh and form == ("tanh", "cls")) and not (is_decoder and form == ("linear", "last")):
        raise InputError(
            f"a {encoder.model_type} encoder with head={form[0]!r} and pooling={form[1]!r} has no equal among sequence "
            "classifiers; BERT and RoBERTa with 'tanh' and 'cls' have one, and a decoder with 'linear' and 'last'"
        )
    if is_decoder:
        _end_is_read(model.tokenizer, "give the tokenizer a pad token of its own")
    if is_decoder and model.head.bias.item() != 0:
        raise InputError(
            f"the head's bias is {model.head.bias.item():.4g}, and this classifier has none; set it to 0, "
            "which changes no margin"
        )
    config = copy.deepcopy(encoder)
    config.num_labels, config.pad_token_id = 1, model.tokenizer.pad_token_id
    config.classifier_dropout = 0.0  # our head has none, whatever the encoder has
    with quiet():
        classifier = AutoModelForSequenceClassification.from_config(config).to(model.device, model.dtype)
    left = classifier.base_model.load_state_dict(model.encoder.state_dict(), strict=False)  # all but BERT's pooler
    if left.unexpected_keys or any(not name.startswith("pooler.") for name in left.missing_keys):
        raise InputError("the encoder holds adapters; merge them first, with merge_and_unload()")
    with torch.no_grad():
        if is_decoder:
            classifier.score.weight.copy_(model.head.weight)
        else:
            pooler, last = _tanh_units(classifier)
            for parameter in (pooler.weight, pooler.bias, last.weight, last.bias):
                parameter.zero_()
            pooler.weight[0], pooler.bias[0], last.weight[0, 0] = model.head.weight[0], model.head.bias[0], 1.0
            last.requires_grad_(False)
    return classifier.eval()


def from_sequence_classifier(
    classifier: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text_length: int = 256
) -> RewardModel:
    """Back again: the `RewardModel` that equals a classifier of the two forms that `to_sequence_classifier` makes.

    Args:
        classifier: a `BertForSequenceClassification`, RoBERTa's, or a decoder's, with one label.
        tokenizer: its tokenizer.
        text_length: tokens that texts are cut to when they are scored.

    Raises:
        InputError: if no reward model equals it. `SequenceClassifier` measures such a one as it is.

    >>> model = RewardModel.from_encoder()
    >>> again = from_sequence_classifier(to_sequence_classifier(model), model.tokenizer)
    >>> again.score("Is this a contract?", "It can be.") == model.score("Is this a contract?", "It can be.")
    True
    """
    _one_label(classifier)
    if classifier.config.model_type in TANH_UNITS:
        pooler, last = _tanh_units(classifier)
        first = torch.zeros_like(last.weight)  # (1, H)
        first[0, 0] = 1.0
        if not torch.equal(last.weight, first) or last.bias.item() != 0:
            raise InputError(
                "the classifier's last layer has been trained, so that its logits are no tanh of one unit; keep it "
                "frozen, as to_sequence_classifier leaves it, or measure it with rmkit.SequenceClassifier"
            )
        form, head = ("tanh", "cls"), (pooler.weight[:1], pooler.bias[:1])
    elif reads_both_ways(classifier.config):
        raise InputError(
            f"a {classifier.config.model_type} classifier has no equal among reward models; measure it with "
            "rmkit.SequenceClassifier"
        )
    else:
        _same_padding(classifier, tokenizer)
        _end_is_read(tokenizer, "measure it as it was trained, with rmkit.SequenceClassifier")
        form, head = ("linear", "last"), (classifier.score.weight, torch.zeros_like(classifier.score.weight[:, 0]))
    config = RewardConfig(classifier.base_model.config.to_dict(), *form, text_length)
    model = RewardModel(config).to(classifier.device, classifier.dtype)
    weights = {n: w for n, w in classifier.base_model.state_dict().items() if not n.startswith("pooler.")}
    model.encoder.load_state_dict(weights)
    with torch.no_grad():
        model.head.weight.copy_(head[0])
        model.head.bias.copy_(head[1])
    model.tokenizer = tokenizer
    model.config.text_length = min(text_length, model.longest_text)
    return model.eval()


class SequenceClassifier(Scorer, nn.Module):
    """Any sequence classifier with one label, measured as if it were a `RewardModel`.

    It can `score` and `rank`, and `rmkit.evaluate` and `rmkit.score_file` take it; `rmkit.train` does not. Texts are
    put together as everywhere in `rmkit`: prompt, space, response, between the tokenizer's own ends. A model that was
    trained on texts made in another way is measured on what it does not know.

    Args:
        classifier: a `...ForSequenceClassification` of `transformers`, as TRL trains it; its logits are taken as they
            are.
        tokenizer: its tokenizer, as `rmkit.load_tokenizer` loads it.
        text_length: tokens that texts are cut to.

    Raises:
        InputError: if it has more than one label, or is a decoder that would take the tokenizer's padding for text.

    >>> from rmkit import evaluate, load_rankings
    >>> model = RewardModel.from_encoder()
    >>> other = SequenceClassifier(to_sequence_classifier(model), model.tokenizer)
    >>> evaluate(other, load_rankings("toy")).accuracy == evaluate(model, load_rankings("toy")).accuracy
    True
    """

    def __init__(self, classifier: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text_length: int = 256) -> None:
        super().__init__()
        _one_label(classifier)
        if not reads_both_ways(classifier.config):
            _same_padding(classifier, tokenizer)
        self.classifier, self.tokenizer = classifier, tokenizer
        self.config = SimpleNamespace(head=type(classifier).__name__, pooling="its own", text_length=text_length)

    @property
    def device(self) -> torch.device:
        """Where the classifier is, and texts have to go."""
        return self.classifier.device

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(N, T) token ids and (N, T) mask -> rewards, shape (N,)."""
        return self.classifier(input_ids=input_ids, attention_mask=attention_mask).logits.squeeze(-1)


def to_trl_dataset(rankings: Sequence[Ranking], tokenizer: PreTrainedTokenizerBase, max_length: int = 256) -> Dataset:
    """All pairs of the rankings as TRL's `RewardTrainer` wants them: token ids in `chosen_ids` and `rejected_ids`.

    With these columns TRL does not tokenize, so that it trains on the very tokens that `rmkit.train` reads. Left to
    itself it joins prompt and response without a space, and adds the tokenizer's `eos_token` as text. BERT has none,
    and TRL stops with a TypeError; given `eos_token="[SEP]"`, it ends every text in two [SEP], its own and the
    tokenizer's. Pairs with a text of more than its own `max_length` tokens (1024, if its settings name no other) it
    leaves out, these too; ours lose the start of their prompt.

    Returns:
        A `datasets.Dataset`, a row a pair.

    >>> from rmkit import load_rankings, load_tokenizer
    >>> pairs = to_trl_dataset(load_rankings("toy")[:2], load_tokenizer())
    >>> len(pairs), pairs.column_names, pairs[0]["chosen_ids"][0]
    (2, ['chosen_ids', 'rejected_ids'], 101)
    """
    from datasets import Dataset

    columns: dict[str, list[list[int]]] = {"chosen_ids": [], "rejected_ids": []}
    for ranking, texts in zip(rankings, encode_rankings(rankings, tokenizer, max_length), strict=True):
        for better, worse in ranking.pairs():
            columns["chosen_ids"].append(texts[better].ids)
            columns["rejected_ids"].append(texts[worse].ids)
    return Dataset.from_dict(columns)


def _tanh_units(classifier: PreTrainedModel) -> tuple[nn.Linear, nn.Linear]:
    """The two linear layers above the encoder, (H, H) and (H, 1), which have tanh between them."""
    if classifier.config.model_type == "bert":
        return classifier.bert.pooler.dense, classifier.classifier
    return classifier.classifier.dense, classifier.classifier.out_proj


def _end_is_read(tokenizer: PreTrainedTokenizerBase, remedy: str) -> None:
    """Raise `InputError` if a decoder's classifier, which reads the last token before padding, misses a text's end."""
    if tokenizer.pad_token_id in text_ends(tokenizer)[1]:
        raise InputError(
            "the tokenizer pads with the token that ends a text, and a sequence classifier takes the last token that "
            f"is no padding: it would read the one before the end, which a reward model reads; {remedy}"
        )


def _same_padding(classifier: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    if classifier.config.pad_token_id != tokenizer.pad_token_id:
        raise InputError(
            f"the classifier takes {classifier.config.pad_token_id} for padding, and the tokenizer pads with "
            f"{tokenizer.pad_token_id}; set classifier.config.pad_token_id to what it was trained with, and the "
            "tokenizer's to the same"
        )


def _one_label(classifier: PreTrainedModel) -> None:
    if classifier.config.num_labels != 1:
        raise InputError(
            f"the classifier has {classifier.config.num_labels} labels, and a reward is one number; load it with "
            "num_labels=1 and train it as a reward model"
        )
