"""Tiny random encoders of several families, and how to save one of each."""

import torch
from transformers import (
    AutoModel,
    BertConfig,
    BloomConfig,
    GPT2Config,
    LlamaConfig,
    ModernBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from rmkit.encoders import load_tokenizer

SIZES = {"vocab_size": 30522, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZES |= {"intermediate_size": 24, "max_position_embeddings": 64, "initializer_range": 0.2}
ENDS = {"pad_token_id": 0, "bos_token_id": 101, "eos_token_id": 102}
FAMILIES = {
    "bert": BertConfig(**SIZES),
    "xlm-roberta": XLMRobertaConfig(**SIZES, **ENDS),
    "roberta": RobertaConfig(**SIZES, **ENDS, type_vocab_size=1),
    "modernbert": ModernBertConfig(**SIZES, **ENDS, cls_token_id=101, sep_token_id=102, mlp_dropout=0.1),
    "llama": LlamaConfig(**SIZES, **ENDS, num_key_value_heads=1),
    "gpt2": GPT2Config(vocab_size=30522, n_embd=16, n_layer=2, n_head=2, n_positions=64, initializer_range=0.2, **ENDS),
    "bloom": BloomConfig(
        vocab_size=30522, hidden_size=16, n_layer=2, n_head=2, hidden_dropout=0.1, initializer_range=0.2
    ),
}
DECODERS = ["llama", "gpt2", "bloom"]


def save_families(make_folder):
    """{family: folder of a random encoder}; the decoders' tokenizer has an end, and neither [CLS], [SEP] nor
    padding."""
    folders = {}
    for family, config in FAMILIES.items():
        folder = folders[family] = make_folder(family)
        torch.manual_seed(0)
        AutoModel.from_config(config).save_pretrained(folder)
        tokenizer = load_tokenizer()
        if family in DECODERS:
            tokenizer.cls_token = tokenizer.sep_token = tokenizer.pad_token = None
            tokenizer.eos_token = "[unused1]"
        tokenizer.save_pretrained(folder)
    return folders
