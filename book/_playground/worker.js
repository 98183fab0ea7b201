// Runs the reward model beside the page, so that the page stays alive. scorer.js talks to it; messages are
//   in:  {id, call: "load", fresh}                      out: {id, progress: bytes}..., then {id, result}
//        {id, call: "score", prompt, response}               {id, result: {reward, ids, ...}}, as in wordpiece.js
// or, when something fails, {id, problem: a sentence for the reader, retry: whether trying again can help}.

import { Problem } from "./scorer.js";
import { WordPiece } from "./wordpiece.js";

const SMALLEST = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]); // a WebAssembly module without anything in it

let manifest, tokenizer, session, Tensor;

async function load({ fresh }, onProgress) {
  await check();
  manifest = await fetchManifest();
  const received = {};
  const files = Object.keys(manifest.download).map((name) => download(name, fresh, (bytes) => {
    received[name] = bytes;
    onProgress(Object.values(received).reduce((sum, bytes) => sum + bytes));
  }));
  const [ort, ...contents] = await Promise.all([runtime(), ...files]);
  const file = Object.fromEntries(Object.keys(manifest.download).map((name, i) => [name, contents[i]]));
  tokenizer = new WordPiece(new TextDecoder().decode(file["vocab.txt.gz"]), manifest.tokenizer);
  Tensor = ort.Tensor;
  ort.env.wasm.numThreads = 1; // more need headers that a plain web host does not send
  ort.env.wasm.wasmBinary = file["ort.wasm.gz"];
  session = await ort.InferenceSession.create(file["model.onnx.gz"], { executionProviders: ["wasm"] });
}

// What can be known to fail before anything is downloaded.
async function check() {
  if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function") {
    throw new Problem("This browser is too old for the model, or its WebAssembly is turned off.", false);
  }
  try {
    await WebAssembly.compile(SMALLEST);
  } catch {
    throw new Problem(
      "This site’s security policy does not allow WebAssembly, which runs the model: whoever publishes this copy of the " +
      "book must add 'wasm-unsafe-eval' to the Content-Security-Policy.", false);
  }
}

async function runtime() {
  try {
    return await import("./ort.mjs");
  } catch {
    throw missing("ort.mjs");
  }
}

async function fetchManifest() {
  const response = await get("manifest.json", { cache: "no-cache" });
  try {
    const found = await response.json();
    if (found.format === 1) return found;
  } catch { /* as if it were another format */ }
  throw new Problem("manifest.json, which lists the model’s files, is not what this page expects. Load the page again.");
}

async function get(name, options) {
  let response;
  try {
    response = await fetch(new URL(name, import.meta.url), options);
  } catch {
    throw missing(name);
  }
  if (!response.ok) {
    throw new Problem(`${withoutQuery(name)} is not where it should be on this site (HTTP ${response.status}).`);
  }
  return response;
}

const withoutQuery = (name) => name.split("?")[0];

function missing(name) {
  const why = navigator.onLine ? "the connection failed" : "you are offline";
  return new Problem(`${withoutQuery(name)} could not be loaded: ${why}.`);
}

// A file, unpacked and checked. Some hosts unpack .gz files themselves on the way: the first two bytes tell.
async function download(name, fresh, onProgress) {
  const { bytes, unpacked, sha256 } = manifest.download[name];
  const response = await get(`${name}?${sha256.slice(0, 8)}`, { cache: fresh ? "reload" : "default" });
  const parts = [];
  let received = 0;
  let packed = true;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw missing(name); });
    if (done) break;
    if (!received) packed = value[0] === 0x1f && value[1] === 0x8b;
    parts.push(value);
    received += value.length;
    onProgress(Math.min(bytes, packed ? received : Math.round((received / unpacked) * bytes)));
  }
  const damaged = new Problem(`${name} arrived damaged: its contents are not those that the manifest names.`);
  let stream = new Blob(parts).stream();
  if (packed) stream = stream.pipeThrough(new DecompressionStream("gzip"));
  const contents = await new Response(stream).arrayBuffer().catch(() => { throw damaged; });
  if (contents.byteLength !== unpacked) throw damaged;
  // crypto.subtle exists on https and on one's own machine only; elsewhere the size must do.
  if (crypto.subtle && hex(await crypto.subtle.digest("SHA-256", contents)) !== sha256) throw damaged;
  return new Uint8Array(contents);
}

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function score({ prompt, response }) {
  const { ids, ...notes } = tokenizer.encode(prompt, response, manifest.max_length);
  const row = (numbers) => new Tensor("int64", BigInt64Array.from(numbers, BigInt), [1, ids.length]); // (N = 1, T)
  const all = { input_ids: ids, attention_mask: ids.map(() => 1), token_type_ids: ids.map(() => 0) };
  const inputs = Object.fromEntries(session.inputNames.map((name) => [name, row(all[name])]));
  const { rewards } = await session.run(inputs);
  return { reward: rewards.data[0], ids, ...notes };
}

const CALLS = { load, score };

async function answer({ id, call, ...given }) {
  try {
    const result = await CALLS[call](given, (progress) => postMessage({ id, progress }));
    postMessage({ id, result });
  } catch (error) {
    if (error instanceof Problem) postMessage({ id, problem: error.message, retry: error.retry });
    else postMessage({ id, problem: `The model stopped: ${error.message ?? error}.`, retry: true });
  }
}

let last = Promise.resolve(); // one call at a time, in the order in which they came
self.onmessage = ({ data }) => { last = last.then(() => answer(data)); };
