"""BERT's WordPiece tokenizer as data, for programs that make token ids of text without Python (`rmkit.export`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rmkit.encoders import text_ends
from rmkit.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def describe_wordpiece(tokenizer: PreTrainedTokenizerBase) -> dict:
    """What a program must know, beside the vocabulary, to make the token ids that BERT's tokenizer makes.

    Raises:
        InputError: if it is another tokenizer, or has tokens of its own.

    >>> from rmkit import load_tokenizer
    >>> rules = describe_wordpiece(load_tokenizer())
    >>> rules["lowercase"], rules["cls"], rules["sep"], rules["unk"], rules["pad"]
    (True, 101, 102, 100, 0)
    """
    rules = json.loads(tokenizer.backend_tokenizer.to_str()) if tokenizer.is_fast else {}
    begin, end = text_ends(tokenizer)
    if not (_is_bert(rules) and _is_complete(tokenizer) and begin and end):
        raise InputError(
            f"the tokenizer ({type(tokenizer).__name__}) is not BERT's WordPiece, the only one that is taken; "
            "choose an encoder that has it, such as 'all-MiniLM-L6-v2' or 'bert-base-uncased'"
        )
    return {
        "lowercase": rules["normalizer"]["lowercase"],
        "strip_accents": rules["normalizer"]["strip_accents"],  # null: as lowercase
        "cls": begin[0],
        "sep": end[0],
        "unk": tokenizer.unk_token_id,
        "pad": tokenizer.pad_token_id,
        "max_chars_per_word": rules["model"]["max_input_chars_per_word"],
        "special": {token["content"]: token["id"] for token in rules["added_tokens"]},  # found in a text as they stand
    }


def vocabulary(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The tokens in the order of their ids.

    >>> from rmkit import load_tokenizer
    >>> vocabulary(load_tokenizer())[100:103]
    ['[UNK]', '[CLS]', '[SEP]']
    """
    ids = tokenizer.get_vocab()
    return sorted(ids, key=ids.__getitem__)


def _is_bert(rules: dict) -> bool:
    """Whether the rules of a fast tokenizer are those of BERT, with no token added that is not special."""
    pieces, cleaning = rules.get("model") or {}, rules.get("normalizer") or {}
    return (
        (pieces.get("type"), pieces.get("continuing_subword_prefix")) == ("WordPiece", "##")
        and (rules.get("pre_tokenizer") or {}).get("type") == "BertPreTokenizer"
        and cleaning.get("type") == "BertNormalizer"
        and cleaning["clean_text"]
        and cleaning["handle_chinese_chars"]
        and all(token["special"] for token in rules["added_tokens"])
    )


def _is_complete(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the ids are 0, 1, 2 and so on, without a gap, so that a list of tokens gives each its id."""
    return list(range(len(tokenizer))) == sorted(tokenizer.get_vocab().values())
