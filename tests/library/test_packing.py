"""The padding-free way through BERT: the encoder's own numbers and gradients, and only where that is known."""

import pytest
import torch
from transformers import AutoModel, BertConfig, RobertaConfig

from rmkit.packing import can_pack, cls_vectors

LENGTHS = [5, 2, 9, 9, 3]


def bert(**options):
    torch.manual_seed(0)
    sizes = {"hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 40, "max_position_embeddings": 16}
    config = BertConfig(vocab_size=50, num_hidden_layers=3, **{**sizes, **options})
    return AutoModel.from_config(config, add_pooling_layer=False)


def texts(extra=0):
    """Random texts of different lengths, padded to the longest and `extra` more."""
    generator = torch.Generator().manual_seed(1)
    mask = torch.tensor([[1] * n + [0] * (max(LENGTHS) + extra - n) for n in LENGTHS])  # (N, T)
    return torch.randint(1, 50, mask.shape, generator=generator) * mask, mask


@pytest.mark.parametrize("extra", [0, 4])
def test_the_encoders_own_vectors_and_gradients(extra):
    """Weighted by random numbers, so that no two texts or components pull alike; dropout off, as in the course."""
    encoder = bert(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
    ids, mask = texts(extra)
    weights = torch.randn(len(LENGTHS), 24, generator=torch.Generator().manual_seed(2))
    found = []
    for vectors in [
        encoder(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0],
        cls_vectors(encoder, ids, mask),
    ]:
        encoder.zero_grad()
        (vectors * weights).sum().backward()
        found.append((vectors.detach(), {name: p.grad.clone() for name, p in encoder.named_parameters()}))
    (theirs, slow), (ours, fast) = found
    assert torch.allclose(ours, theirs, atol=1e-6)
    for name, gradient in slow.items():
        assert torch.allclose(fast[name], gradient, atol=1e-5 * max(1, gradient.abs().max().item())), name


def test_dropout_drops_in_training_only():
    encoder, (ids, mask) = bert(hidden_dropout_prob=0.3), texts()
    encoder.eval()
    assert torch.equal(cls_vectors(encoder, ids, mask), cls_vectors(encoder, ids, mask))
    encoder.train()
    assert not torch.equal(cls_vectors(encoder, ids, mask), cls_vectors(encoder, ids, mask))


def test_what_padding_holds_does_not_matter():
    encoder, (ids, mask) = bert().eval(), texts()
    assert torch.equal(cls_vectors(encoder, ids, mask), cls_vectors(encoder, ids + 7 * (1 - mask), mask))


def test_the_work_of_padding_and_of_the_last_layer_is_not_done():
    """Counted, not timed: every linear layer's rows, as torch's own counter of operations sees them."""
    from torch.utils.flop_counter import FlopCounterMode

    encoder, (ids, mask) = bert().eval(), texts(extra=4)

    def linear_flops(forward):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            forward()
        return counter.get_flop_counts()["Global"][torch.ops.aten.addmm]

    hidden, inner, layers, tokens, n = 24, 40, 3, sum(LENGTHS), len(LENGTHS)
    a_token = 2 * (4 * hidden * hidden + 2 * hidden * inner)  # query, key, value, output; the two of the feed-forward
    keys_and_values = 2 * 2 * hidden * hidden
    expected = (layers - 1) * tokens * a_token + tokens * keys_and_values + n * (a_token - keys_and_values)
    assert linear_flops(lambda: cls_vectors(encoder, ids, mask)) == expected
    assert linear_flops(lambda: encoder(input_ids=ids, attention_mask=mask)) == layers * ids.numel() * a_token


def test_only_what_is_known_to_be_bert_is_packed():
    assert can_pack(bert())
    assert not can_pack(bert(is_decoder=True))
    eager = bert()
    eager.set_attn_implementation("eager")
    assert not can_pack(eager)
    assert not can_pack(bert().to("meta"))  # any device but a processor
    hooked = bert()
    hooked.encoder.layer[1].register_forward_hook(lambda *_: None)
    assert not can_pack(hooked)
    for module in (hooked := bert(), hooked.embeddings, hooked.encoder.layer[0].attention):
        handle = module.register_forward_hook(lambda *_: None)
        assert not can_pack(hooked)
        handle.remove()
    assert can_pack(hooked)
    other = RobertaConfig(
        vocab_size=50, hidden_size=24, num_attention_heads=3, intermediate_size=40, num_hidden_layers=1
    )
    assert not can_pack(AutoModel.from_config(other))
