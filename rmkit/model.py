"""The reward model: an encoder, its [CLS] vector, one linear unit, tanh (chapter 2)."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.utils import cached_file

from rmkit.checks import check_one_of, check_share, check_whole
from rmkit.encoders import EMBEDDED, load_encoder, load_tokenizer, own_pooling, quiet, reads_both_ways
from rmkit.errors import InputError
from rmkit.files import added_to_folder
from rmkit.folders import KIND, WEIGHTS, check_folder, disk_errors, first_line, on_hub
from rmkit.packing import can_pack, cls_vectors
from rmkit.scorer import Scorer
from rmkit.sketches import SEEN, load_seen, save_seen


class RewardConfig(PretrainedConfig):
    """What has to be known to rebuild a `RewardModel`; saved as config.json.

    Args:
        encoder: the encoder's own configuration, as a dict.
        head: "tanh" bounds rewards to (-1, 1); "linear" leaves them free.
        pooling: "cls" takes the first token's vector; "last" the last one's, for decoders (chapter 10); "mean" averages
            all tokens', and exists to be compared.
        text_length: the number of tokens that texts are cut to when they are scored, set by training.
    """

    model_type = KIND

    def __init__(
        self,
        encoder: dict | None = None,
        head: str = "tanh",
        pooling: str = "cls",
        text_length: int = 256,
        **kwargs,
    ):
        check_one_of("head", head, ["tanh", "linear"])
        check_one_of("pooling", pooling, ["cls", "last", "mean"])
        self.encoder: Any = encoder
        self.head = head
        self.pooling = pooling
        self.text_length = text_length
        super().__init__(**kwargs)


class RewardModel(Scorer, PreTrainedModel):
    """Reads a prompt with a response and gives one number, the reward: higher is better.

    encoder -> the vector of [CLS] -> Linear(hidden, 1) -> tanh. It is a `transformers` model, so saving, loading and
    sharing work as for any other; its tokenizer travels in `model.tokenizer` and is saved beside the weights.

    Only differences between rewards of responses to the *same* prompt mean anything (chapter 3).

    Called with token ids and a mask, it expects padding on the right, as `rmkit.batching.pad` makes it. An encoder that
    numbers its positions, such as BERT or GPT-2, would count padding on the left too, and read a different text.

    >>> model = RewardModel.from_encoder(seed=0)
    >>> rewards = model.score("What is the capital of France?", ["Paris", "London"])
    >>> all(-1 < reward < 1 for reward in rewards)
    True
    """

    config_class = RewardConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True  # as the encoders do: attention is theirs
    supports_gradient_checkpointing = True  # likewise

    def __init__(self, config: RewardConfig):
        super().__init__(config)
        encoder = dict(config.encoder)
        encoder_config = AutoConfig.for_model(encoder.pop("model_type"), **encoder)
        self.encoder = AutoModel.from_config(encoder_config, **own_pooling(encoder_config))
        self.head = nn.Linear(encoder_config.hidden_size, 1)
        self.tokenizer: Any = None
        self.seen = None  # (prompts, 128) bytes once `train` has begun; None says that nobody knows
        self.post_init()

    @classmethod
    def from_encoder(
        cls,
        encoder: str = EMBEDDED,
        head: str = "tanh",
        pooling: str | None = None,
        seed: int = 0,
        dropout: float = 0.0,
    ) -> RewardModel:
        """A new reward model: a pretrained encoder under a head drawn at random.

        Args:
            encoder: "all-MiniLM-L6-v2" comes with the course and needs no network; or a name on the Hub such as
                "bert-base-uncased"; or a folder.
            head, pooling: see `RewardConfig`. By default pooling is "cls", or "last" for a decoder, whose first token
                sees none of the text.
            seed: draws the head, normal with mean 0 and variance 1 / (hidden + 1), bias 0. Source: Stiennon et al.
                2020, arXiv:2009.01325, appendix B.1.
            dropout: see `rmkit.encoders.load_encoder`.

        Raises:
            InputError: if the encoder cannot be loaded, `head` or `pooling` is unknown, or they do not go together.

        >>> RewardModel.from_encoder(head="sigmoid")
        Traceback (most recent call last):
            ...
        rmkit.errors.InputError: head is 'sigmoid'; it must be 'tanh' or 'linear'
        """
        check_whole("seed", seed, least=0)
        RewardConfig(head=head, pooling=pooling or "cls")  # refuse a wrong name before the slow part
        pretrained = load_encoder(encoder, dropout)
        decoder = not reads_both_ways(pretrained.config)
        if decoder and pooling == "cls":
            raise InputError(
                f"pooling is 'cls', but {encoder!r} is a decoder: its first token sees no other; use 'last'"
            )
        pooling = pooling or ("last" if decoder else "cls")
        with torch.device("meta"):  # without drawing weights that are replaced at once
            model = cls(RewardConfig(encoder=pretrained.config.to_dict(), head=head, pooling=pooling))
        model.encoder = pretrained
        model.head.to_empty(device=pretrained.device)
        generator = torch.Generator().manual_seed(seed)
        hidden = model.head.in_features
        with torch.no_grad():
            model.head.weight.normal_(0, 1 / math.sqrt(hidden + 1), generator=generator)
            model.head.bias.zero_()
        model.tokenizer = load_tokenizer(encoder)
        model.config.text_length = min(model.config.text_length, model.longest_text)
        return _in_memory(model.eval())

    def _init_weights(self, module):
        """Nothing: `from_encoder` sets the head, `from_pretrained` loads it."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The rewards of N texts.

        Args:
            input_ids: token ids, shape (N, T).
            attention_mask: 1 for a token and 0 for padding, shape (N, T).

        Returns:
            rewards, shape (N,).
        """
        if self.config.pooling == "cls" and can_pack(self.encoder):
            pooled = cls_vectors(self.encoder, input_ids, attention_mask)  # the same (N, hidden), in less time
        else:
            vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            pooled = pool(vectors, attention_mask, self.config.pooling)  # (N, T, hidden) -> (N, hidden)
        # Not in bfloat16, where such a launch computes: its 8 bits would make rewards that are close the same.
        with torch.autocast(pooled.device.type, enabled=False):
            rewards = self.head(pooled.to(self.head.weight.dtype)).squeeze(-1)  # (N,)
        return torch.tanh(rewards) if self.config.head == "tanh" else rewards

    def freeze(self, share: float) -> None:
        """Let training change only the upper part of the encoder, and the head.

        Args:
            share: how much stays as it is, from 0 to 1: the lowest layers, rounded up, and the embeddings below them. 0
                lets everything change, 1 only the head.

        Raises:
            InputError: if `share` is not such a number, or the encoder's layers share their weights. Nothing has
                changed then.

        >>> model = RewardModel.from_encoder()
        >>> model.freeze(1)
        >>> sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        385
        """
        for parameter, trains in self.trained_at(share).items():
            parameter.requires_grad_(trains)

    def trained_at(self, share: float) -> dict[nn.Parameter, bool]:
        """Whether `freeze(share)` would let training change it, for each parameter that the share decides on.

        Raises:
            InputError: as `freeze` does.
        """
        check_share("freeze", share, "of the encoder's layers")
        n_layers = self.encoder.config.num_hidden_layers
        layers: list[int] = []
        for name, _ in self.encoder.named_parameters():
            number = re.search(r"\.(\d+)\.", name)
            layers.append(int(number[1]) if number else layers[-1] if layers else -1)  # the embeddings come first
        if 0 < share < 1 and max(layers) + 1 < n_layers:
            raise InputError(
                f"freeze is {share}, but the {n_layers} layers of this encoder share their weights; it must be 0 "
                "(train all of them) or 1 (train the head)"
            )
        encoder = zip(self.encoder.parameters(), layers, strict=True)
        trains = {parameter: share == 0 or layer >= share * n_layers for parameter, layer in encoder}
        # Without tanh the head's bias is in no margin, and would only drift.
        return trains | {self.head.bias: self.config.head == "tanh"}

    @property
    def longest_text(self) -> float:
        """The most tokens the encoder can read at once."""
        positions = getattr(self.encoder.config, "max_position_embeddings", math.inf)  # Bloom and its kind number none
        return min(positions, self.tokenizer.model_max_length)

    def save_pretrained(self, folder: str | Path, **kwargs) -> None:  # type: ignore[override]
        """Save weights (in one file), configuration and tokenizer into a folder, each file whole or not at all."""
        folder = Path(folder)
        with added_to_folder(folder, last=WEIGHTS) as temporary, quiet(), disk_errors(folder):
            super().save_pretrained(temporary, **kwargs, max_shard_size="1000TB")
            if self.tokenizer is not None:
                self.tokenizer.save_pretrained(temporary, save_jinja_files=False)
            if self.seen is not None:
                save_seen(temporary / SEEN, self.seen)
        if self.seen is None:
            (folder / SEEN).unlink(missing_ok=True)  # of another model that was here

    @classmethod
    def from_pretrained(cls, name: str | Path, **kwargs) -> RewardModel:  # type: ignore[override]
        """Load a saved reward model from a folder or the Hub. Weights are read from safetensors, never from a pickle.

        Raises:
            InputError: if there is no model, its weights are missing, damaged or pickled, or it is no reward model of
                rmkit (so that a head is never drawn at random in silence).
        """
        if Path(name).exists() or not on_hub(str(name)):
            check_folder(Path(name))
        options = {"dtype": "float32", **kwargs, "use_safetensors": True, "output_loading_info": True}
        try:
            with quiet():
                loaded: Any = super().from_pretrained(name, **options)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"model {str(name)!r}: cannot be loaded ({first_line(error)})") from error
        model, report = loaded
        missing = sorted(report["missing_keys"])
        if missing:
            raise InputError(f"model {str(name)!r}: the weights hold no {missing[0]!r}; save it again with rmkit")
        where = {key: kwargs[key] for key in ("revision", "token", "cache_dir") if key in kwargs}
        model.tokenizer = load_tokenizer(str(name), **where)
        missing_is_fine = {
            "_raise_exceptions_for_missing_entries": False,
            "_raise_exceptions_for_connection_errors": False,
        }
        seen = cached_file(name, SEEN, **missing_is_fine, **where)
        model.seen = load_seen(seen)
        return _in_memory(model.eval())


def pool(vectors: torch.Tensor, attention_mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """The vector of each text, (N, hidden), from those of its tokens, (N, T, hidden); padding does not count.

    >>> vectors, mask = torch.tensor([[[1.0], [3.0], [8.0]]]), torch.tensor([[1, 1, 0]])  # N = 1, T = 3, hidden = 1
    >>> [pool(vectors, mask, pooling).item() for pooling in ("cls", "last", "mean")]
    [1.0, 3.0, 2.0]
    """
    if pooling == "cls":
        return vectors[:, 0]
    if pooling == "last":  # the last position that the mask leaves, on whichever side the padding is
        positions = torch.arange(vectors.shape[1], device=vectors.device)  # (T,)
        last = (attention_mask * positions).argmax(dim=1)  # (N,)
        return vectors[torch.arange(vectors.shape[0], device=vectors.device), last]
    weights = attention_mask.unsqueeze(-1).to(vectors.dtype)  # (N, T, 1)
    return (vectors * weights).sum(dim=1) / weights.sum(dim=1)


def _in_memory(model: RewardModel) -> RewardModel:
    """The same model with its weights copied out of the mapped file that safetensors read them from.

    Aligned memory makes sums come out the same to the last bit before and after saving, and a file that is replaced
    on disk cannot pull the weights from under a running model.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model
