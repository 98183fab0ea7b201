// The reward model as the page sees it. Also from a console, on a page that lies beside this folder:
//   const { Scorer } = await import("../playground/scorer.js");
//   const scorer = new Scorer();
//   await scorer.load((bytes) => console.log(bytes));
//   await scorer.score("What is a lease?", "A contract.");    // {reward, ids, unreadPrompt, ...}

// What went wrong, in a sentence for the reader; `retry` says whether trying again can help.
export class Problem extends Error {
  constructor(sentence, retry = true) {
    super(sentence);
    this.retry = retry;
  }
}

export class Scorer {
  #worker;
  #waiting = new Map(); // what was asked and is not answered: {id: {resolve, reject, onProgress}}
  #asked = 0;

  // Downloads and starts the model. `onProgress` gets the bytes so far; `fresh` does without the browser's cache.
  async load(onProgress = () => {}, { fresh = false } = {}) {
    this.close();
    this.#worker = this.#start();
    try {
      await this.#ask("load", { fresh }, onProgress);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  // The reward of one answer: a number, the token ids that were read, the words at either end that were not, and those that
  // the vocabulary does not have.
  score(prompt, response) {
    return this.#ask("score", { prompt, response });
  }

  close() {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start() {
    if (typeof WebAssembly !== "object") {
      throw new Problem("This browser has no WebAssembly, which runs the model; some turn it off for safety.", false);
    }
    let modules = false; // a browser that knows module workers asks for the type
    const type = { get type() { modules = true; return "module"; } };
    const worker = new Worker(new URL("worker.js", import.meta.url), type);
    if (!modules) {
      worker.terminate();
      throw new Problem("This browser is too old for the model: it cannot run modules in a worker.", false);
    }
    worker.onmessage = ({ data: { id, progress, result, problem, retry } }) => {
      const asked = this.#waiting.get(id);
      if (progress !== undefined) return asked.onProgress(progress);
      this.#waiting.delete(id);
      if (problem) asked.reject(new Problem(problem, retry));
      else asked.resolve(result);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.#waiting.values()) {
        const why = navigator.onLine ? "" : ": you are offline";
        reject(new Problem(`worker.js or a file that it needs could not be loaded from this site${why}.`));
      }
      this.#waiting.clear();
    };
    return worker;
  }

  #ask(call, given, onProgress) {
    if (!this.#worker) return Promise.reject(new Problem("It has been stopped, and must be loaded again."));
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      this.#worker.postMessage({ id, call, ...given });
    });
  }
}
