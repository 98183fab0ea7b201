#!/usr/bin/env bash
# onnxruntime 1.32.0, onnx 1.23.0, numpy 2.4.6: quantize_dynamic makes the output for one row depend on the other rows.
#
# A linear layer is exported as one MatMul, quantized with onnxruntime's quantize_dynamic (int8 weights, as its defaults
# have it), and run on one row alone and on the same row beside a row of larger numbers. In float32 both results are equal
# to the last bit. After quantize_dynamic they differ, because the scale of the activations is taken from the whole
# batch. A reward model that is served this way gives one answer different scores in different batches. Weights stored
# as int8 and multiplied in float32 do not have this property.
#
# Seen (Python 3.11, Linux x86-64):
#   float.onnx: alone -9.7012, beside a row of larger numbers -9.7012
#   int8.onnx: alone -9.6140, beside a row of larger numbers -9.5527
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper, save
from onnxruntime.quantization import quantize_dynamic

rng = np.random.default_rng(0)
weights = rng.standard_normal((64, 1)).astype(np.float32)
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])],
    "linear",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
    [numpy_helper.from_array(weights, "w")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
checker.check_model(model)
save(model, "float.onnx")
quantize_dynamic("float.onnx", "int8.onnx")

row = rng.standard_normal((1, 64)).astype(np.float32)
larger = 10 * rng.standard_normal((1, 64)).astype(np.float32)
moved = {}
for name in ("float.onnx", "int8.onnx"):
    session = onnxruntime.InferenceSession(name, providers=["CPUExecutionProvider"])
    alone = session.run(None, {"x": row})[0][0, 0]
    beside = session.run(None, {"x": np.concatenate([row, larger])})[0][0, 0]
    moved[name] = abs(float(alone - beside))
    print(f"{name}: alone {alone:.4f}, beside a row of larger numbers {beside:.4f}")
assert moved["float.onnx"] < 1e-5, moved
assert moved["int8.onnx"] > 0.01, f"this has changed: {moved}"
print("As stated.")
PYTHON
