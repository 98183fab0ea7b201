"""Gathers what the playground's page downloads into _build/site/playground, which stays empty if Node was not there.

In: _build/export (what `rmkit export` wrote), _build/node (the npm packages), book/_playground.

python -m book.measured.playground.gather        make book does it
"""

import gzip
import hashlib
import json
import shutil
from pathlib import Path

from book.measured.tables import ROOT
from rmkit.files import write_json

RUNTIME = Path("node_modules", "onnxruntime-web", "dist")


def gather(site, node, export, scripts):
    """Fill the folder `site`; the bytes of what the manifest names, or None if the npm packages are not there."""
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    if not (node / RUNTIME).is_dir():
        return None
    for path in [*scripts.glob("*.js"), *scripts.glob("*.css"), *scripts.glob("*.txt")]:
        shutil.copy(path, site)
    shutil.copy(node / RUNTIME / "ort.wasm.bundle.min.mjs", site / "ort.mjs")
    manifest = json.loads((export / "manifest.json").read_text(encoding="utf-8"))
    wasm = node / RUNTIME / "ort-wasm-simd-threaded.wasm"
    manifest["download"] = {
        "model.onnx.gz": pack(export / "model.onnx", site / "model.onnx.gz"),
        "vocab.txt.gz": pack(export / "vocab.txt", site / "vocab.txt.gz"),
        "ort.wasm.gz": pack(wasm, site / "ort.wasm.gz"),
    }
    write_json(site / "manifest.json", manifest)
    return sum(file["bytes"] for file in manifest["download"].values())


def pack(path, target):
    """Compress a file here, for not every host does, and those that do leave a model as it is."""
    contents = path.read_bytes()
    packed = gzip.compress(contents, mtime=0)
    target.write_bytes(packed)
    return {"bytes": len(packed), "unpacked": len(contents), "sha256": hashlib.sha256(contents).hexdigest()}


if __name__ == "__main__":
    build = ROOT / "_build"
    gather(build / "site" / "playground", build / "node", build / "export", ROOT / "book" / "_playground")
