"""The exported model: the rounded one's rewards, from int8 weights, in files that are whole or not there."""

import hashlib
import importlib.util
import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import peft
import pytest
import torch
from onnx import TensorProto, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoModel, BertConfig, PreTrainedTokenizerFast

import rmkit
from rmkit.batching import encode, encode_rankings, pad
from rmkit.cli import main
from rmkit.errors import InputError
from rmkit.files import write_json
from rmkit.interop import SequenceClassifier, to_sequence_classifier
from rmkit.loading import load_rankings
from rmkit.model import RewardModel
from rmkit.onnx import export, int8_codes, round_weights
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

SIZES = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3}
TINY = BertConfig(vocab_size=30522, max_position_embeddings=64, initializer_range=0.2, **SIZES)
FORMS = [("tanh", "cls"), ("linear", "mean"), ("linear", "last")]
# Each program adds up float32 products in an order of its own. On the course's model, PyTorch's two ways to compute a
# reward (rmkit.packing and transformers') are up to 3e-6 from float64; rounding moves rewards by 1e-3 and more.
CLOSE = 5e-6


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The folder of a random encoder of two small layers, with the embedded one's tokenizer."""
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    AutoModel.from_config(TINY).save_pretrained(folder)
    rmkit.load_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=FORMS, ids="-".join)
def exported(request, encoder, tmp_path_factory):
    """A model of each form, the folder that it was exported to, and what `export` returned."""
    head, pooling = request.param
    model = RewardModel.from_encoder(str(encoder), head=head, pooling=pooling)
    folder = tmp_path_factory.mktemp("export") / "new" / "folder"
    return model, folder, export(model, folder)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    model = RewardModel.from_encoder()
    model.seen = np.arange(256, dtype=np.uint8).reshape(2, 128)
    folder = tmp_path_factory.mktemp("embedded") / "export"
    return model, folder, export(model, folder)


@pytest.fixture
def model(encoder):
    return RewardModel.from_encoder(str(encoder))


def texts(lengths, seed=0):
    """Lists of token ids, of these lengths."""
    generator = torch.Generator().manual_seed(seed)
    return [[101, *torch.randint(1000, 30000, (n - 2,), generator=generator).tolist(), 102] for n in lengths]


def run(folder, batch):
    """The rewards that onnxruntime finds for a batch of token ids, (N,)."""
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    input_ids, attention_mask = pad(batch)
    return session.run(None, {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()})[0]


# --- rounding


def matrices(model):
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.ndim == 2}


def test_codes_by_hand():
    matrix = torch.tensor([[0.5, -1.27, 0.0], [2.0, 1.0, 0.3], [0.0, 0.0, 0.0]])
    codes, scale = int8_codes(matrix)
    assert codes.dtype == torch.int8 and codes.tolist() == [[50, -127, 0], [127, 64, 19], [0, 0, 0]]
    assert scale.dtype == torch.float32 and scale[:2, 0].tolist() == pytest.approx([0.01, 2 / 127], rel=1e-7)
    assert (codes * scale)[2].tolist() == [0, 0, 0]


def test_every_matrix_goes_to_the_nearest_step_and_nothing_else_moves(model):
    rounded = round_weights(model)
    assert len(matrices(model)) == 3 + 6 * TINY.num_hidden_layers + 1  # embeddings, layers, head
    for name, before in model.state_dict().items():
        after = rounded.state_dict()[name]
        if name not in matrices(model):
            assert torch.equal(before, after), name
            continue
        rows = before.abs().amax(dim=1) > 0  # the vector of [PAD] is zeros
        assert rows.sum() >= len(rows) - 1 and not after[~rows].any()
        before, after = before[rows].double(), after[rows].double()
        step = before.abs().amax(dim=1, keepdim=True) / 127
        codes = (after / step).round()
        assert codes.abs().amax(dim=1).eq(127).all() and (after / step - codes).abs().max() < 1e-4, name
        moved = (after - before).abs()
        assert (moved <= step / 2 * 1.0001).all(), name
        assert moved.mean() > 0.1 * step.mean(), name


def hard_rows():
    """10,000 rows of every size that float32 has, and the corners: zeros, the smallest and the largest numbers."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(10_000, 7, generator=generator) * 10 ** (torch.rand(10_000, 1, generator=generator) * 70 - 38)
    corners = [0.0, 1e-45, 1.2e-38, 9.99e-31, 1e-30, 1.001e-30, 0.1, 1.0, 3e38]
    return torch.cat([rows, *(torch.tensor([[corner, corner / 3, -corner / 2, *[0.0] * 4]]) for corner in corners)])


def test_rounding_again_changes_nothing_bit_for_bit(model):
    once = round_weights(model)
    twice = round_weights(once)
    assert all(torch.equal(weight, twice.state_dict()[name]) for name, weight in once.state_dict().items())
    codes, scale = int8_codes(hard_rows())
    again, same = int8_codes(codes * scale)
    assert torch.equal(codes, again) and torch.equal(scale, same)


def test_every_scale_is_found_again():
    """All float32 numbers from 1 to 2 as a row's largest; a power of two times each behaves alike."""
    largest = (torch.arange(2**23, dtype=torch.int32) + 0x3F800000).view(torch.float32)
    assert largest[0] == 1 and largest[-1] < 2 and largest[-1] + 2**-23 == 2
    scale = int8_codes(largest[:, None])[1]
    assert torch.equal(int8_codes(127 * scale)[1], scale)


# --- the rewards


@pytest.mark.parametrize("lengths", [[5], [64], [3], [2], [9, 9, 9], [3, 64, 17, 2, 33, 8, 64]], ids=str)
def test_the_exported_model_gives_the_rounded_models_rewards(exported, lengths):
    model, folder, _ = exported
    rounded, batch = RewardModel.from_pretrained(folder / "pytorch"), texts(lengths)
    with torch.no_grad():
        expected, before = rounded(*pad(batch)).numpy(), model(*pad(batch)).numpy()
    rewards = run(folder, batch)
    assert rewards.dtype == np.float32 and rewards.shape == (len(lengths),)
    assert rewards == pytest.approx(expected, abs=CLOSE)
    assert 1e-4 < abs(rewards - before).max() < 0.1  # or the comparison would say nothing of rounding
    assert model.config.head == "linear" or abs(rewards).max() < 1


def test_a_reward_does_not_depend_on_what_else_is_in_the_batch(exported):
    _, folder, _ = exported
    batch = texts([12, 3, 64, 30])
    together = run(folder, batch)
    assert together == pytest.approx([run(folder, [text]).item() for text in batch], abs=CLOSE)
    assert together[::-1] == pytest.approx(run(folder, batch[::-1]), abs=CLOSE)
    assert together.std() > 1e-2


def test_the_embedded_encoder_on_the_course_data(embedded):
    model, folder, manifest = embedded
    rounded = RewardModel.from_pretrained(folder / "pytorch")
    data = load_rankings("course:test")[:5]
    answers = [text.ids for ranking in encode_rankings(data, model.tokenizer) for text in ranking]
    for batch in (answers, texts([512])):  # the longest that it reads
        with torch.no_grad():
            expected = rounded(*pad(batch)).numpy()
        assert run(folder, batch) == pytest.approx(expected, abs=CLOSE)
    assert np.array_equal(rounded.seen, model.seen)
    assert manifest["n_parameters"] == sum(weight.numel() for weight in model.parameters())
    whole = (folder / "pytorch" / "model.safetensors").stat().st_size
    assert 0.25 < manifest["files"]["model.onnx"]["bytes"] / whole < 0.26


def test_pytorch_holds_the_rounded_model(exported):
    model, folder, _ = exported
    rounded, again = round_weights(model), RewardModel.from_pretrained(folder / "pytorch")
    assert all(torch.equal(weight, again.state_dict()[name]) for name, weight in rounded.state_dict().items())
    ask = "What is a contract?", ["An agreement that the law will enforce.", "Paper."]
    assert again.score(*ask) == rounded.score(*ask) != model.score(*ask)


# --- the graph


def test_all_matrices_are_int8_with_a_scale_a_row(exported):
    model, folder, _ = exported
    graph = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(graph)
    assert [opset.version for opset in graph.opset_import] == [18]
    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    number = {name: numpy_helper.to_array(tensor) for name, tensor in stored.items()}
    makers = {node.output[0]: node for node in graph.graph.node}
    found = []
    for multiply in (node for node in graph.graph.node if node.op_type == "Mul" and node.input[0] in makers):
        cast = makers[multiply.input[0]]
        if cast.op_type == "Cast" and cast.input[0] in number:
            codes, scale = number[cast.input[0]], number[multiply.input[1]]
            assert codes.dtype == np.int8 and codes.min() >= -127
            assert scale.dtype == np.float32 and scale.size in codes.shape
            matrix = codes * scale
            found.append(matrix if scale.shape[0] == len(matrix) else matrix.T)
    rounded = [weight.numpy() for weight in matrices(round_weights(model)).values()]
    assert len(found) == len(rounded)
    assert all(any(np.array_equal(one, weight) for one in found) for weight in rounded)
    floats = sum(one.size for name, one in number.items() if stored[name].data_type == TensorProto.FLOAT)
    vectors = sum(weight.numel() for weight in model.parameters() if weight.ndim == 1)
    assert floats < vectors + sum(map(len, rounded)) + 10  # biases, LayerNorm, scales, and a few constants


def test_inputs_and_output_are_what_the_page_expects(exported):
    graph = onnx.load(exported[1] / "model.onnx").graph

    def form(value):
        kind = value.type.tensor_type
        return value.name, kind.elem_type, [side.dim_param for side in kind.shape.dim]

    both = [("input_ids", TensorProto.INT64, ["N", "T"]), ("attention_mask", TensorProto.INT64, ["N", "T"])]
    assert list(map(form, graph.input)) == both
    assert list(map(form, graph.output)) == [("rewards", TensorProto.FLOAT, ["N"])]


# --- the files


def test_the_manifest_describes_the_files(exported):
    model, folder, returned = exported
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.onnx", "pytorch", "vocab.txt"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == returned
    assert manifest["files"].keys() == {"model.onnx", "vocab.txt"}
    for name, file in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert (manifest["format"], manifest["rmkit"]) == (1, rmkit.__version__)
    assert (manifest["head"], manifest["max_length"]) == (model.config.head, model.config.text_length) != ("tanh", 256)


@pytest.mark.parametrize(
    "prompt, response",
    [
        ("What is habeas corpus?", "A writ: it asks why someone is held."),
        ("  Ünïcödé, naïve ŁÓDŹ \t\n", "法律 and \N{ZERO WIDTH SPACE}\x00 law 🙂"),
        ("[MASK] is [SEP] here [sep]", "x" * 101 + " " + "unbelievably" * 3),
        ("long prompt " * 40, "short"),
        ("short", "long response " * 40),
    ],
)
def test_vocabulary_and_manifest_are_enough_to_make_token_ids(exported, prompt, response):
    model, folder, manifest = exported
    rules, longest = manifest["tokenizer"], manifest["max_length"]
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == "" and lines[rules["cls"]] == "[CLS]" and lines[rules["pad"]] == "[PAD]"
    vocabulary = {token: i for i, token in enumerate(lines)}
    pieces = models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=rules["max_chars_per_word"])
    tokenizer = Tokenizer(pieces)
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=rules["lowercase"], strip_accents=rules["strip_accents"]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(rules["special"]))
    assert rules["special"] == {token: vocabulary[token] for token in rules["special"]}
    assert len(lines) == len(model.tokenizer)

    first, second = (tokenizer.encode(text).ids for text in (prompt, response))
    while len(first) + len(second) > longest - 2:
        first, second = (first[1:], second) if first else (first, second[:-1])
    by_hand = [rules["cls"], *first, *second, rules["sep"]]
    assert by_hand == encode(model.tokenizer, prompt, response, longest).ids


def test_the_same_model_gives_the_same_bytes_and_no_path_of_this_machine(model, tmp_path):
    for name in ("one", "two"):
        export(model, tmp_path / name)
    files = [path for path in sorted((tmp_path / "one").rglob("*")) if path.is_file()]
    assert len(files) == 7
    for path in files:
        content = path.read_bytes()
        assert content == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path.name
        for here in (str(tmp_path), str(ROOT), sys.prefix, "site-packages"):
            assert here.encode() not in content, path.name


def test_the_given_model_stays_as_it_was(model, tmp_path):
    model.freeze(0.5)
    model.train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    export(model, tmp_path / "export")
    assert model.training and model.encoder.config._attn_implementation == "sdpa"
    assert {weight.requires_grad for weight in model.parameters()} == {True, False}
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_merged_adapters_are_exported_and_others_refused(model, tmp_path):
    settings = peft.LoraConfig(r=2, target_modules=["query", "value"], init_lora_weights=False)
    adapters = peft.get_peft_model(model, settings)
    with pytest.raises(InputError, match="model is a PeftModel, .* merge_and_unload"):
        export(adapters, tmp_path / "export")
    with pytest.raises(InputError, match="holds adapters; merge them first, with merge_and_unload"):
        export(adapters.base_model.model, tmp_path / "export")
    merged = adapters.merge_and_unload()
    export(merged, tmp_path / "export")
    rounded, batch = RewardModel.from_pretrained(tmp_path / "export" / "pytorch"), texts([7, 20])
    assert run(tmp_path / "export", batch) == pytest.approx(rounded.score_ids(batch), abs=CLOSE)


# --- refusals, each before anything is written


def byte_level():
    tokenizer = Tokenizer(models.BPE({"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def with_a_token_of_its_own():
    tokenizer = rmkit.load_tokenizer()
    tokenizer.add_tokens(["habeas corpus"])
    return tokenizer


def without_a_first_token():
    tokenizer = rmkit.load_tokenizer()
    tokenizer.cls_token = None
    return tokenizer


@pytest.mark.parametrize("tokenizer", [byte_level, with_a_token_of_its_own, without_a_first_token])
def test_other_tokenizers_are_refused(model, tmp_path, tokenizer):
    model.tokenizer = tokenizer()
    with pytest.raises(InputError, match="is not BERT's WordPiece, the only one that is taken; choose an encoder"):
        export(model, tmp_path / "export")
    assert not list(tmp_path.iterdir())


def test_other_models_are_refused(model, tmp_path):
    classifier = SequenceClassifier(to_sequence_classifier(model), model.tokenizer)
    with pytest.raises(InputError, match="model is a SequenceClassifier, and only a RewardModel can be exported"):
        export(classifier, tmp_path / "export")
    model.tokenizer = None
    with pytest.raises(InputError, match="the model has no tokenizer; set model.tokenizer"):
        export(model, tmp_path / "export")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage, says", [("nan", "float32 numbers that are not finite"), ("half", "float16 numbers")])
def test_weights_that_cannot_be_rounded_are_refused(model, tmp_path, damage, says):
    if damage == "half":
        model.half()
    else:
        model.head.weight.data[0, 3] = torch.nan
    with pytest.raises(InputError, match=f"weight '.*weight': holds {says}; only finite float32 can be rounded"):
        export(model, tmp_path / "export")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["onnx", "onnxscript"])
def test_a_missing_package_is_named(model, tmp_path, monkeypatch, name):
    found = importlib.util.find_spec
    monkeypatch.setitem(export.__globals__, "find_spec", lambda package: None if package == name else found(package))
    with pytest.raises(InputError, match=f"an export needs {name}, not installed here; run 'pip install {name}'"):
        export(model, tmp_path / "export")
    assert not list(tmp_path.iterdir())


def test_folders_that_cannot_be_written_are_refused(model, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for output, says in [
        (tmp_path / "full", "exists and is not empty; choose another folder, or delete it"),
        (tmp_path / "file", "is a file; choose another folder, or delete it"),
        (tmp_path / "file" / "below", "cannot be written .*; choose a folder that you may write to"),
        ("", "has no name; name the folder"),
        (None, "output is None; it must be the name of a folder"),
        ("a\0b", "it must be the name of a folder"),
        (tmp_path / ("a" * 300), "cannot be written .*; choose a folder that you may write to"),
    ]:
        with pytest.raises(InputError, match=says):
            export(model, output)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("model", [None, "runs/mine"])
def test_only_a_model_can_be_rounded(model):
    with pytest.raises(InputError, match=f"model is a {type(model).__name__}; it must be a RewardModel"):
        round_weights(model)


def test_a_graph_of_one_size_only_is_refused(encoder, tmp_path, monkeypatch):
    """As the exporter makes it, without a word, of a length that Python reads as a number."""

    def pool(vectors, attention_mask, pooling):
        return vectors[torch.arange(len(vectors)), attention_mask.sum(dim=1) - 1]

    monkeypatch.setattr("rmkit.model.pool", pool)
    with pytest.raises(InputError, match="cannot write a bert encoder with pooling='last' as ONNX for any number"):
        export(RewardModel.from_encoder(str(encoder), pooling="last"), tmp_path / "export")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["disk", "key"])
@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "no folder"])
def test_a_failure_leaves_nothing_behind(model, tmp_path, monkeypatch, error, there):
    output = tmp_path / "new" / "export"
    if there:
        output.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))

    def fails(path, value):
        assert path.parent.joinpath("model.onnx").exists() and path.parent.joinpath("vocab.txt").exists()
        raise error

    monkeypatch.setitem(export.__globals__, "write_json", fails)
    monkeypatch.setitem(export.__globals__, "_onnx", lambda model: b"not the point here")
    with pytest.raises(type(error), match="nothing has been written" if isinstance(error, OSError) else None):
        export(model, output)
    assert sorted(tmp_path.rglob("*")) == before
    monkeypatch.setitem(export.__globals__, "write_json", write_json)
    export(model, output)
    assert (output / "manifest.json").exists() and [path.name for path in output.parent.iterdir()] == ["export"]


# --- the command


def test_the_command_says_one_json_object_and_nothing_else(model, tmp_path):
    model.save_pretrained(tmp_path / "model")
    output = tmp_path / "export"
    command = [sys.executable, "-m", "rmkit", "export", "--model", tmp_path / "model", "--output", output]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said.pop("output") == str(output)
    assert said == json.loads((output / "manifest.json").read_text(encoding="utf-8"))


def test_the_command_in_words_and_refusing(model, tmp_path, capsys, monkeypatch):
    model.save_pretrained(tmp_path / "model")
    monkeypatch.setitem(export.__globals__, "_onnx", lambda model: b"0" * 3_210_000)
    ask = ["export", "--model", str(tmp_path / "model"), "--output", str(tmp_path / "export")]
    assert main(ask) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["model.onnx  3.2 MB", "vocab.txt   0.2 MB", f"saved in {tmp_path / 'export'}"]
    assert err == ""
    assert main(ask) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "exists and is not empty" in err


def test_importing_rmkit_stays_light_and_the_function_keeps_its_name():
    code = (
        "import sys, rmkit, rmkit.onnx; from rmkit.onnx import round_weights; import rmkit.model; "
        "assert callable(rmkit.export) and rmkit.round_weights is round_weights; assert 'onnx' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    light = "import sys, rmkit; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", light]).returncode == 0
