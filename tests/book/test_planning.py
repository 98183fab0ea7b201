"""The planning page: its arithmetic against counts by hand and torch's own counter, and its prose against its
script."""

import json
import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel, BertConfig

from book.measured.planning import page as planning
from tests.helpers.pages import shown, write
from tests.helpers.paths import ROOT

ENCODERS = {encoder.name: encoder for encoder in planning.encoders()}


def test_parameters_are_those_of_the_published_models():
    """BERT base, by hand: three embedding tables and a norm; 12 layers of 4 H H + 2 H 4H weights with biases, 2
    norms."""
    h = 768
    embeddings = (30522 + 512 + 2) * h + 2 * h
    layer = 4 * (h * h + h) + (h * 4 * h + 4 * h) + (4 * h * h + h) + 2 * 2 * h
    bert = ENCODERS["bert-base-uncased"]
    assert (bert.parameters, bert.matrices) == (embeddings + 12 * layer, 12 * layer)
    # Llama 3 8B has 8.03 billion with the output layer of 128,256 x 4,096, which a reward model does not have.
    assert ENCODERS["Llama 3, 8B"].parameters == pytest.approx(8.03e9 - 128256 * 4096, rel=1e-3)
    assert ENCODERS["ModernBERT-large"].parameters == pytest.approx(395e6, rel=5e-3)


def test_the_work_is_what_torch_counts():
    """Attention in its plain form, so that every product is seen; the counter knows no biases and norms."""
    config = BertConfig(
        num_hidden_layers=2, hidden_size=48, num_attention_heads=4, intermediate_size=192, vocab_size=99
    )
    config._attn_implementation = "eager"
    model = AutoModel.from_config(config, add_pooling_layer=False)
    ids = torch.ones(1, 40, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids).last_hidden_state.sum().backward()
    encoder = planning.Encoder.from_config("tiny", config)
    assert encoder.flops(40) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_hours_seconds_and_bytes_by_hand():
    encoder = planning.Encoder("by hand", layers=2, hidden=100, parameters=3_000_000, matrices=1_000_000)
    flops = 6 * 1_000_000 * 256 + 12 * 2 * 100 * 256**2
    assert encoder.flops(256) == flops
    assert planning.hours(encoder, 1e12, gpus=4) == pytest.approx(2e6 * flops / (4 * 1e12 * 0.35) / 3600)
    assert planning.step_seconds(encoder, 1e12, 4) == pytest.approx(2 * 512 * flops / (4 * 1e12 * 0.35))
    assert planning.exchange_seconds(encoder, 1e9, 4) == pytest.approx(2 * 3 / 4 * 12e6 / 1e9)
    assert planning.state_bytes(encoder, 8) == 6_000_000


def test_the_page_states_the_scripts_assumptions():
    page = (ROOT / "book" / "planning.md").read_text(encoding="utf-8")
    words = re.sub(r"\s+", " ", page)
    for gpu, (peak, _) in planning.GPUS.items():
        assert re.search(rf"{peak / 1e12:.0f} trillion on an? \[{gpu}\]", words), gpu
    assert f"assumes {planning.UTILIZATION:.0%}, one epoch, {planning.TOKENS} tokens a text" in words
    assert f"{planning.BATCH} pairs a step" in words and planning.EPOCHS == 1 and planning.PAIRS == 1_000_000


def test_every_table_is_on_the_page_and_measured_speed_when_there_is_one(tmp_path):
    write(planning, tmp_path, tmp_path / "none.json")
    page = (ROOT / "book" / "planning.md").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.glob("*.md")} == shown(page)
    assert "measured" not in (tmp_path / "hours.md").read_text()
    bench = tmp_path / "bench.json"
    row = {"flops": {"whole last layer": 3e11}, "seconds": {"median": 3.0}}
    bench.write_text(json.dumps({"comparisons": {"limit": {"data": {"HH harmless": row}}}}))
    write(planning, tmp_path, bench)
    by_hand = 2e6 * ENCODERS["all-MiniLM-L6-v2"].flops(256) / 1e11 / 3600
    assert f"takes them **{float(f'{by_hand:.2g}'):g} h**" in (tmp_path / "hours.md").read_text()
