"""A reward model for a web page: int8 weights in ONNX, the vocabulary, and the same model for Python."""

from __future__ import annotations

import copy
import hashlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypeVar

import torch

from rmkit.batching import pad
from rmkit.checks import check_new_folder
from rmkit.encoders import text_ends
from rmkit.errors import InputError
from rmkit.files import whole_file, whole_folder, write_json
from rmkit.model import RewardModel
from rmkit.wordpiece import describe_wordpiece, vocabulary

Module = TypeVar("Module", bound="torch.nn.Module")
MODEL, VOCABULARY, MANIFEST, PYTORCH = "model.onnx", "vocab.txt", "manifest.json", "pytorch"
OPSET = 18  # of ONNX, the version of its operators
LARGEST = 127  # int8 goes from -128; symmetric codes leave that one out
SMALLEST_ROW = 1e-30  # a row of smaller numbers, or of zeros, is rounded as if this were its largest


def export(model: RewardModel, output: str | os.PathLike) -> dict:
    """Write a reward model for a browser, and for everything else that runs ONNX, at a quarter of its size.

    The weights are rounded first (`round_weights`, which says what that costs). The folder then holds

    - `model.onnx`: `input_ids` and `attention_mask` in, int64 of shape (N, T); `rewards` out, float32 of shape (N,).
      Each matrix is int8 with a float32 scale a row, multiplied in the graph; all arithmetic is float32, so that a
      reward does not depend on what else is in the batch.
    - `vocab.txt`: the WordPiece vocabulary, a token a line; the line's number, from 0, is the token's id.
    - `manifest.json`: sizes and SHA-256 of these two, and all that a program needs to make token ids of text as
      `rmkit.encode` does.
    - `pytorch/`: the rounded model, for `RewardModel.from_pretrained`. Publish this one, and Python and browser agree.

    It needs the packages onnx and onnxscript.

    Args:
        model: a `RewardModel` whose tokenizer is BERT's WordPiece. It is copied, not changed.
        output: the folder to write, new or empty; all of it appears at once, or nothing.

    Returns:
        What `manifest.json` holds, as a dict.

    Raises:
        InputError: if the model, the folder or a missing package makes it impossible; nothing is written then.

    >>> from rmkit import RewardModel
    >>> export(RewardModel.from_encoder(), ".")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: output folder '.': exists and is not empty; choose another folder, or delete it
    """
    check_new_folder(output)
    _check_packages()
    _check_model(model)
    tokenizer = describe_wordpiece(model.tokenizer)
    rounded = round_weights(model)
    try:
        with whole_folder(output) as folder:
            rounded.save_pretrained(folder / PYTORCH)
            (folder / MODEL).write_bytes(_onnx(rounded.cpu()))
            with whole_file(folder / VOCABULARY) as file:
                file.writelines(f"{token}\n" for token in vocabulary(model.tokenizer))
            manifest = _manifest(rounded, tokenizer, [folder / MODEL, folder / VOCABULARY])
            write_json(folder / MANIFEST, manifest)
    except OSError as error:
        raise OSError(f"output folder '{output}': {error.strerror or error}; nothing has been written") from error
    return manifest


def round_weights(model: Module) -> Module:
    """A copy of the model in which every matrix is what int8 codes times a float32 scale a row can say.

    A row of a linear layer holds the weights of one output, a row of an embedding one token's vector. Its scale is its
    largest weight, without sign, divided by 127, and each weight becomes the nearest whole multiple of the scale, -127
    to 127: it moves by at most 1/254 of the row's largest. Biases and LayerNorm, a vector each, stay as they are.

    What it costs: rewards drift, and where two answers are nearly as good, their order may change. How much depends on
    the model and is to be measured (`rmkit.compare`): the page about the course's model shows it for that one. In
    PyTorch nothing is saved, for it goes on storing and computing in float32.

    Rounding again changes nothing, bit for bit: in float32, 127 times a scale, divided by 127, is that scale again.

    Source: Jacob et al. 2018, arXiv:1712.05877, section 2.1, with a zero-point of 0.

    Raises:
        InputError: if it is no model, or its weights are not finite float32 numbers.

    >>> import torch
    >>> rounded = round_weights(torch.nn.Linear(3, 2))  # two rows of three weights
    >>> torch.equal(round_weights(rounded).weight, rounded.weight)
    True
    """

    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model is a {type(model).__name__}; it must be a RewardModel, or another torch.nn.Module")
    rounded = copy.deepcopy(model)
    for name, matrix in _matrices(rounded):
        if matrix.dtype != torch.float32 or not matrix.isfinite().all():
            raise InputError(
                f"weight '{name}': holds {str(matrix.dtype).removeprefix('torch.')} numbers"
                f"{'' if matrix.isfinite().all() else ' that are not finite'}; only finite float32 can be rounded"
            )
        codes, scale = int8_codes(matrix.data)
        matrix.data = codes * scale
    return rounded


def int8_codes(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The codes of a matrix, (rows, columns) int8, and the scale of each row, (rows, 1) float32.

    >>> import torch
    >>> codes, scale = int8_codes(torch.tensor([[0.5, -1.27, 0.0], [2.0, 1.0, 0.3]]))
    >>> codes.tolist(), [round(s, 4) for s in scale.flatten().tolist()]
    ([[50, -127, 0], [127, 64, 19]], [0.01, 0.0157])
    """

    scale = matrix.abs().amax(dim=1, keepdim=True).clamp(min=SMALLEST_ROW) / LARGEST  # (rows, 1)
    return torch.round(matrix / scale).to(torch.int8), scale


def _matrices(model) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, parameter) of all that `round_weights` rounds."""

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Embedding):
            yield f"{name}.weight".lstrip("."), module.weight


# --- the graph


def _onnx(model):
    """The bytes of `model.onnx`: what the exporter makes of a rounded model on a processor, its matrices in int8."""
    begin, end = text_ends(model.tokenizer)
    texts = pad([begin + end, [*begin, model.tokenizer.unk_token_id, *end]], model.tokenizer.pad_token_id)  # (2, 3)
    sides = {0: torch.export.Dim("N"), 1: torch.export.Dim("T")}
    options = {"dynamo": True, "verbose": False, "opset_version": OPSET, "external_data": False}
    options |= {"input_names": ["input_ids", "attention_mask"], "output_names": ["rewards"]}
    options |= {"dynamic_shapes": {"input_ids": sides, "attention_mask": sides}}
    try:
        with _silent(), torch.no_grad():
            model.set_attn_implementation("eager")  # plain arithmetic, which becomes plain operators
            made = torch.onnx.export(model.eval(), texts, **options).model_proto
    except torch.onnx.OnnxExporterError as error:
        raise _not_whole(model) from error
    _forget_where_it_was_made(made)
    free = all(side.dim_param for tensor in made.graph.input for side in tensor.type.tensor_type.shape.dim)
    n_weights = sum(matrix.numel() for _, matrix in _matrices(model))
    if not free or _store_as_int8(made.graph) != n_weights:
        raise _not_whole(model)
    return made.SerializeToString(deterministic=True)


def _not_whole(model):
    form = f"a {model.encoder.config.model_type} encoder with pooling={model.config.pooling!r}"
    return InputError(f"torch cannot write {form} as ONNX for any number and length of texts; export one such as BERT")


def _store_as_int8(graph):
    """Put int8 codes, Cast and Mul where the graph keeps a rounded matrix; return the number of weights.

    The exporter renames matrices and turns some around. But they are rounded already: by row or else by column, one has
    codes that give it back to the last bit. Whatever else has two dimensions stays float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    kept, nodes, n_weights = [], [], 0
    for tensor in graph.initializer:
        found = None
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 2:
            matrix = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            found = _exact_codes(matrix)
        if found is None:
            kept.append(tensor)
            continue
        codes, scale = found
        stored, factor, number = f"{tensor.name}.int8", f"{tensor.name}.scale", f"{tensor.name}.float"
        kept += [numpy_helper.from_array(codes.numpy(), stored), numpy_helper.from_array(scale.numpy(), factor)]
        nodes.append(helper.make_node("Cast", [stored], [number], name=f"{number}.cast", to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [number, factor], [tensor.name], name=f"{tensor.name}.mul"))
        n_weights += matrix.numel()
    nodes += graph.node
    for field, values in [(graph.initializer, kept), (graph.node, nodes)]:
        values = [copy.deepcopy(value) for value in values]
        del field[:]
        field.extend(values)
    return n_weights


def _exact_codes(matrix):
    """Codes and scale that give a matrix back exactly, by row or else by column; None if there are none."""
    for turned in (False, True):
        codes, scale = int8_codes(matrix.T if turned else matrix)
        codes, scale = (codes.T.contiguous(), scale.T.contiguous()) if turned else (codes, scale)
        if (codes * scale).equal(matrix):
            return codes, scale
    return None


def _forget_where_it_was_made(model):
    """Drop what the exporter notes about its source: paths of this machine, which would also make each file another."""
    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


@contextmanager
def _silent():
    """Keep the exporter's warnings and logs, which are about its own affairs, from the reader."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


# --- the manifest


def _manifest(model, tokenizer, files):
    from rmkit import __version__

    return {
        "format": 1,
        "rmkit": __version__,
        "files": {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in files},
        "max_length": model.config.text_length,
        "tokenizer": tokenizer,
        "text": {
            "order": ["cls", "prompt", "response", "sep"],  # prompt and response are tokenized each by itself
            "token_type": 0,
            "too_long_loses": ["the start of the prompt", "then the end of the response"],
        },
        "head": model.config.head,
        "n_parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- before any work


def _check_packages():
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        raise InputError(f"an export needs {names}, not installed here; run 'pip install {' '.join(missing)}'")


def _check_model(model):
    if not isinstance(model, RewardModel):
        raise InputError(
            f"model is a {type(model).__name__}, and only a RewardModel can be exported; merge adapters first, with "
            "merge_and_unload(), or bring a classifier over with rmkit.from_sequence_classifier"
        )
    with torch.device("meta"):
        plain = RewardModel(copy.deepcopy(model.config)).state_dict().keys()
    if model.state_dict().keys() != plain:
        raise InputError("the model holds adapters; merge them first, with merge_and_unload()")
    if model.tokenizer is None:
        raise InputError("the model has no tokenizer; set model.tokenizer, or load the model with from_pretrained")
