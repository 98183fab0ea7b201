"""BERT without wasted work: no matrix is multiplied for padding, and in the top layer only for [CLS] (chapter 10).

The encoder's own modules do the arithmetic, so the vectors are those of `encoder(...)`, up to rounding. Texts stand in
a single long row of tokens; only attention, where the tokens of a text look at each other, needs the texts apart again.
"""

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention


def can_pack(encoder: Any) -> bool:
    """Whether `cls_vectors` knows this encoder: BERT as `transformers` runs it by default, on a CPU.

    Everything else goes through the encoder's own `forward`: other architectures, attention that is not SDPA, gradient
    checkpointing, modules with hooks, which must be called (FSDP gathers a layer's weights in a hook), and GPUs, where
    it has not been measured whether packing is faster.

    >>> from rmkit.encoders import load_encoder
    >>> encoder = load_encoder()
    >>> can_pack(encoder)
    True
    >>> encoder.gradient_checkpointing_enable()
    >>> can_pack(encoder)
    False
    """
    config = encoder.config
    if encoder.device.type != "cpu":
        return False
    if config.model_type != "bert" or config.is_decoder or config._attn_implementation != "sdpa":
        return False
    layers = encoder.encoder.layer
    hooked = any(module._forward_pre_hooks or module._forward_hooks for module in encoder.modules())
    return not hooked and not layers[0].gradient_checkpointing


def cls_vectors(encoder: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """The last layer's vector of [CLS] for each of N texts: `encoder(...).last_hidden_state[:, 0]`, for less work.

    Args:
        encoder: a `BertModel` for which `can_pack` is true.
        input_ids: token ids, padded on the right, shape (N, T).
        attention_mask: 1 for a token and 0 for padding, shape (N, T).

    Returns:
        Vectors of shape (N, hidden).

    >>> from rmkit.batching import pad
    >>> from rmkit.encoders import load_encoder
    >>> encoder, (ids, mask) = load_encoder().eval(), pad([[101, 2375, 1012, 102], [101, 102]])
    >>> whole = encoder(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
    >>> (cls_vectors(encoder, ids, mask) - whole).abs().max().item() < 1e-5
    True
    """
    attention_mask = attention_mask.bool()
    tokens = attention_mask.flatten().nonzero().squeeze(1)  # (tokens,) where they stand in the padded N * T
    n_tokens = attention_mask.sum(dim=1)  # (N,)
    first = n_tokens.cumsum(dim=0) - n_tokens  # (N,) where each [CLS] stands among the tokens
    x = _embed(encoder.embeddings, input_ids.flatten()[tokens], tokens % input_ids.shape[1])  # (tokens, hidden)
    *lower, top = encoder.encoder.layer
    for layer in lower:
        x = _layer(layer, x, x, tokens, attention_mask)  # (tokens, hidden)
    return _layer(top, x[first], x, tokens, attention_mask)  # (N, hidden)


def _embed(embeddings, ids, positions):
    """What goes into the first layer, (tokens, hidden): all tokens are of BERT's first segment."""
    words = embeddings.word_embeddings(ids) + embeddings.token_type_embeddings(ids.new_zeros(1))
    return embeddings.dropout(embeddings.LayerNorm(words + embeddings.position_embeddings(positions)))


def _layer(layer, x, context, tokens, attention_mask):
    """A layer's output for the tokens in `x`, all of them or each text's first, looking at those in `context`."""
    attention, output = layer.attention.self, layer.attention.output
    heads, size = attention.num_attention_heads, attention.attention_head_size
    n, t = attention_mask.shape

    def by_text(vectors):
        """(tokens, hidden) -> (N, heads, T, size), with zeros where there is padding."""
        padded = vectors.new_zeros(n * t, heads * size).index_copy(0, tokens, vectors)
        return padded.view(n, t, heads, size).transpose(1, 2)

    all_tokens = len(x) == len(context)
    query = attention.query(x)  # (tokens, hidden), or (N, hidden)
    seen = scaled_dot_product_attention(
        by_text(query) if all_tokens else query.view(n, 1, heads, size).transpose(1, 2),
        by_text(attention.key(context)),
        by_text(attention.value(context)),
        attn_mask=attention_mask[:, None, None, :],
        dropout_p=attention.dropout.p if layer.training else 0.0,
    )  # (N, heads, T or 1, size)
    seen = seen.transpose(1, 2).reshape(-1, heads * size)  # (N * T, hidden), or (N, hidden)
    x = output(seen[tokens] if all_tokens else seen, x)
    return layer.feed_forward_chunk(x)
