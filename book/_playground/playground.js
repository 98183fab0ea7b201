// <reward-playground>: a question, two to nine answers, and the reward model of this book, in the reader's own browser.
// book/measured/playground/page.py writes the element into the page, with the examples and the size of the download.

import { Scorer, Problem } from "./scorer.js";
import { splitWords } from "./wordpiece.js";

const FEWEST = 2;
const MOST = 9;
const LONG = { characters: 700, lines: 8 }; // an answer beyond it is folded in the results
const letter = (i) => "ABCDEFGHI"[i];
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
const percent = (share) => `${Math.round(100 * share)}%`;
const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1);
const signed = (x) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(3)}`;
const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const list = (names) => (names.length < 2 ? names : [names.slice(0, -1).join(", "), names.at(-1)]).join(" and ");
const tied = (one, other) => signed(one.reward) === signed(other.reward); // as far as a reader can see
const key = ({ prompt, answers }) => JSON.stringify([prompt, answers]);

// An element: h("p", {class: "note"}, "text", another). Text is never read as HTML.
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

class RewardPlayground extends HTMLElement {
  #scorer = new Scorer();
  #state = "empty"; // "loading", "ready"; "busy" while it ranks
  #example; // the one that is shown, or "own"
  #left = { own: { prompt: "", answers: ["", ""] } }; // as the reader left the others: {example: what stood there}
  #ranked; // the texts that the results are about
  #took; // seconds that the model took to arrive and start
  #results = h("section", { class: "results", hidden: true, "aria-labelledby": "rp-ranking" });

  connectedCallback() {
    const { examples } = JSON.parse(this.querySelector("script[type='application/json']").textContent);
    this.examples = examples;
    this.replaceChildren(this.#form(), this.#results);
    this.#choose(0);
  }

  // --- what the reader fills in

  #form() {
    const options = this.examples.map(({ title }, i) => h("option", { value: i }, title));
    this.select = h("select", { id: "rp-example", onchange: () => this.#choose(this.select.value) },
      ...options, h("option", { value: "own" }, "My own question"));
    this.restore = h("button", { type: "button", onclick: () => this.#restore() }, "Restore example");
    this.prompt = h("textarea", { id: "rp-prompt", rows: 2, dir: "auto", "aria-describedby": "rp-prompt-error" });
    this.answers = h("ol", { class: "answers" });
    this.add = h("button", { type: "button", onclick: () => this.#addAnswer() }, "Add an answer");
    this.rank = h("button", { type: "submit", class: "primary" });
    this.meter = h("progress", { id: "rp-progress", max: this.dataset.bytes });
    this.amount = h("span", { class: "amount" });
    this.stage = h("label", { for: "rp-progress" });
    this.progress = h("div", { class: "download", hidden: true }, this.stage, this.meter, this.amount);
    this.problem = h("div", { class: "problem", role: "alert" });
    this.status = h("p", { class: "visually-hidden", role: "status" });
    const form = h("form", { novalidate: true, autocomplete: "off" },
      h("p", { class: "field" }, h("label", { for: "rp-example" }, "Start from"),
        h("span", { class: "start" }, this.select, this.restore)),
      h("div", { class: "field" }, h("label", { for: "rp-prompt" }, "Question or instruction"), this.prompt,
        h("p", { class: "error", id: "rp-prompt-error" })),
      h("fieldset", {}, h("legend", {}, "Answers to compare"), this.answers, this.add),
      h("div", { class: "go" }, this.rank,
        h("span", { class: "note keys" }, "or ", h("kbd", {}, "Ctrl"), " + ", h("kbd", {}, "Enter"))),
      this.note = h("p", { class: "note" },
        "The model is downloaded once, from this site, and then kept by your browser for a while. Nothing that you type " +
        "leaves this page."),
      this.progress, this.problem, this.status);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener("input", () => this.#markChanged());
    this.#label();
    return form;
  }

  #label() {
    this.rank.textContent = {
      empty: `Download the model (${megabytes(this.dataset.bytes)} MB) and rank`,
      loading: "Loading the model …",
      ready: "Rank the answers",
      busy: "Ranking …",
    }[this.#state];
    this.rank.setAttribute("aria-disabled", ["loading", "busy"].includes(this.#state));
    this.progress.hidden = this.#state !== "loading";
    this.note.hidden = this.#state !== "empty";
  }

  #choose(value) {
    if (this.#example !== undefined) this.#left[this.#example] = this.#read();
    this.#example = value;
    this.#fill(this.#left[value] ?? this.examples[value]);
    this.#results.hidden = true;
    this.#running = undefined;
    this.status.textContent = "";
  }

  #restore() {
    this.#fill(this.examples[this.#example]);
    this.select.focus(); // for the button is gone
    this.status.textContent = "The example is as it was.";
  }

  #fill({ prompt, answers }) {
    this.prompt.value = prompt;
    this.answers.replaceChildren(...answers.map((text) => this.#answer(text)));
    this.#number();
    this.#clearErrors();
    this.#markChanged();
  }

  #answer(text = "") {
    const field = Object.assign(h("textarea", { rows: 2, dir: "auto" }), { value: text });
    const item = h("li", {}, h("label", {}),
      h("button", { type: "button", class: "quiet", onclick: () => this.#addAnswer(field.value) }, "Duplicate"),
      h("button", { type: "button", class: "quiet", onclick: () => this.#remove(item) }, "Remove"),
      field, h("p", { class: "error" }));
    return item;
  }

  // Letters, ids and what the buttons allow, after an answer came or went.
  #number() {
    const items = [...this.answers.children];
    items.forEach((item, i) => {
      const [label, duplicate, remove, text, error] = item.children;
      label.textContent = `Answer ${letter(i)}`;
      label.htmlFor = text.id = `rp-answer-${i}`;
      error.id = `rp-answer-${i}-error`;
      text.setAttribute("aria-describedby", error.id);
      duplicate.setAttribute("aria-label", `Duplicate answer ${letter(i)}`);
      duplicate.hidden = items.length >= MOST;
      remove.setAttribute("aria-label", `Remove answer ${letter(i)}`);
      remove.hidden = items.length <= FEWEST;
    });
    this.add.hidden = items.length >= MOST;
  }

  #addAnswer(text) {
    this.answers.append(this.#answer(text));
    this.#number();
    this.answers.lastChild.querySelector("textarea").focus();
    this.#markChanged();
  }

  #remove(item) {
    const near = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    this.#number();
    near.querySelector("textarea").focus();
    this.#markChanged();
  }

  #read() {
    const answers = [...this.answers.querySelectorAll("textarea")].map((field) => field.value);
    return { prompt: this.prompt.value, answers };
  }

  // One sentence at each field that is empty, and the first of them in focus.
  #complete() {
    this.#clearErrors();
    const fields = [this.prompt, ...this.answers.querySelectorAll("textarea")];
    const empty = fields.filter((field) => !splitWords(field.value).length);
    const answer = this.answers.children.length > FEWEST
      ? "Write an answer, or remove this one." : "Write an answer: there must be two to compare.";
    for (const field of empty) {
      field.setAttribute("aria-invalid", "true");
      field.nextElementSibling.textContent = field === this.prompt ? "Write a question or an instruction." : answer;
    }
    empty[0]?.focus();
    return !empty.length;
  }

  #clearErrors() {
    for (const field of this.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    for (const error of this.querySelectorAll(".error")) error.textContent = "";
  }

  #markChanged() {
    const now = key(this.#read());
    const example = this.examples[this.#example];
    this.restore.hidden = !example || now === key(example);
    this.#results.querySelector(".changed")?.toggleAttribute("hidden", now === key(this.#ranked));
  }

  // --- ranking

  async #submit(fresh = false) {
    if (["loading", "busy"].includes(this.#state) || !this.#complete()) return;
    const [read, example] = [this.#read(), this.#example];
    this.problem.replaceChildren();
    this.#running = undefined;
    try {
      if (this.#state === "empty") await this.#load(fresh);
      this.#enter("busy");
      const begun = performance.now();
      const scored = [];
      for (const [i, text] of read.answers.entries()) {
        scored.push({ text, letter: letter(i), ...await this.#scorer.score(read.prompt, text) });
      }
      this.#enter("ready");
      if (this.#example === example) this.#show(read, scored, seconds(begun)); // else the reader has gone on to another
    } catch (error) {
      this.#fail(error);
    }
  }

  #enter(state) {
    this.#state = state;
    this.#label();
  }

  async #load(fresh) {
    this.#enter("loading");
    this.status.textContent = `Downloading the model, ${megabytes(this.dataset.bytes)} MB.`;
    this.meter.removeAttribute("value");
    this.stage.textContent = "Downloading the model";
    this.amount.textContent = "";
    const begun = performance.now();
    await this.#scorer.load((bytes) => {
      this.meter.value = bytes;
      if (bytes >= this.meter.max) this.stage.textContent = "Starting the model";
      this.amount.textContent = `${megabytes(bytes)} of ${megabytes(this.dataset.bytes)} MB`;
    }, { fresh });
    this.#took = seconds(begun);
  }

  #fail(error) {
    if (!(error instanceof Problem)) console.error(error);
    this.#scorer.close();
    this.#enter("empty");
    this.status.textContent = "";
    const retry = h("button", { type: "button", onclick: () => { this.rank.focus(); this.#submit(true); } }, "Try again");
    this.problem.replaceChildren(
      h("p", {}, h("strong", {}, "The model cannot run now. "), error.message),
      h("p", {}, "What you typed is still there. The scores that were computed when this book was built are ",
        h("a", { href: "#scores-of-the-examples" }, "further down"), "."),
      ...(error.retry ?? true ? [retry] : []));
  }

  // --- what came out

  #show(read, scored, took) {
    const ranking = [...scored].sort((a, b) => b.reward - a.reward);
    const known = this.#inTheData(read);
    this.#ranked = read;
    this.status.textContent = said(ranking);
    this.#results.replaceChildren(
      h("h2", { id: "rp-ranking" }, "The model’s ranking"),
      h("p", { class: "changed", hidden: true },
        "You have changed the texts since. These are the results for what stood there before."),
      ...(known ? [h("p", {}, agreement(ranking, known))] : []),
      ...ties(ranking), ...aboutTheQuestion(scored),
      h("div", { class: "axis", "aria-hidden": "true" }, h("span", {}, "−1"), h("span", {}, "0"), h("span", {}, "+1")),
      h("ol", { class: "ranking" }, ...ranking.map((answer) => this.#rankedAnswer(answer, ranking, read, known))),
      h("h2", {}, "How sure it is"), sureness(ranking),
      ...(ranking.length > 2 ? [pairs(ranking)] : []),
      h("p", { class: "note time" }, `Here, in your browser, the model took ${this.#took} s to arrive and start, and ` +
        `${took} s to read these ${scored.length} answers.`));
    this.#results.hidden = false;
    this.#markChanged();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#results.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
  }

  // {text: rank in the course data} of the answers that the reader took from an example and left as they are.
  #inTheData({ prompt, answers }) {
    const example = this.examples[this.#example];
    if (example?.prompt !== prompt) return undefined;
    const known = new Map(example.answers.map((text, i) => [text, example.ranks[i]]));
    const ranks = answers.filter((text) => known.has(text)).map((text) => known.get(text));
    return new Set(ranks).size > 1 ? known : undefined; // else there is no better and worse among them
  }

  #rankedAnswer(answer, ranking, read, known) {
    const place = 1 + ranking.findIndex((other) => tied(other, answer));
    const text = h("p", { class: "text", dir: "auto" }, answer.text);
    const rank = known?.get(answer.text);
    const why = h("div", { class: "why" });
    const item = h("li", {},
      h("p", { class: "head" }, h("span", { class: "place" }, `${place}.`), h("strong", {}, `Answer ${answer.letter}`),
        h("span", { class: "reward" }, signed(answer.reward)),
        ...(rank === undefined ? [] : [h("span", { class: "data" }, `in the data: ${ordinal(rank, known)}`)])),
      bar(answer.reward), text);
    if (isLong(answer.text)) item.append(fold(text, answer));
    const { unreadPrompt, unreadResponse, wholePromptUnread, unknownResponse } = answer;
    if (unreadResponse) item.append(unread("the end of this answer", unreadResponse));
    if (wholePromptUnread) {
      item.append(note("The whole question was not read: ", "this answer takes all the room that the model has, so that it was " +
        "judged without any question."));
    } else if (unreadPrompt) item.append(unread("the start of the question", unreadPrompt));
    if (unknownResponse.length) item.append(unknown("this answer", unknownResponse));
    const explain = h("button", { type: "button", onclick: () => this.#explain(explain, read.prompt, answer, text, why) },
      "Why? Leave out one word at a time", h("span", { class: "visually-hidden" }, `: answer ${answer.letter}`));
    item.append(explain, why);
    return item;
  }

  // --- why

  #running; // the explanation under way: a newer one, or its own button, stops it

  async #explain(button, prompt, answer, text, why) {
    if (this.#running?.button === button) {
      this.#running = undefined;
      return;
    }
    const run = this.#running = { button };
    const words = splitWords(answer.text);
    const unread = splitWords(answer.unreadResponse).length;
    const read = words.slice(0, words.length - unread);
    const changes = [];
    const label = button.firstChild.data;
    button.firstChild.data = "Stop";
    const meter = h("progress", { max: read.length, value: 0, "aria-label": "Words left out" });
    why.replaceChildren(meter);
    if (text.classList.contains("folded")) text.nextElementSibling.click();
    try {
      for (let i = 0; i < read.length && words.length > 1 && this.#running === run; i++) {
        const without = [...words.slice(0, i), ...words.slice(i + 1)].join(" ");
        const { reward } = await this.#scorer.score(prompt, without);
        changes.push({ word: words[i], without: reward, change: answer.reward - reward });
        meter.value = i + 1;
      }
      text.replaceChildren(...shaded(words, changes, unread));
      why.replaceChildren(...explanation(words, changes, read.length, answer));
      if (why.isConnected) this.status.textContent = `Left out ${count(changes.length, "word")} of answer ${answer.letter}.`;
    } catch (error) {
      why.replaceChildren();
      this.#fail(error);
    }
    button.firstChild.data = label;
    if (this.#running === run) this.#running = undefined;
  }
}

// A reward on the line from -1 to 1. It begins at -1, not at 0, for a reward has no zero of its own: longer is better, and by
// how much one bar is longer than another is their margin.
function bar(reward) {
  const fill = h("span", { class: "fill", style: `width: ${50 * (1 + reward)}%` });
  return h("div", { class: "bar", "aria-hidden": "true" }, fill);
}

function ordinal(rank, known) {
  const tied = [...known.values()].filter((other) => other === rank).length > 1;
  return `${["best", "2nd", "3rd"][rank] ?? `${rank + 1}th`}${tied ? ", tied" : ""}`;
}

function agreement(ranking, known) {
  const texts = [...new Set(ranking.map(({ text }) => text))]; // once each: some may stand there twice
  const ranks = texts.map((text) => known.get(text)).filter((rank) => rank !== undefined);
  const ordered = ranks.flatMap((rank, i) => ranks.slice(i + 1).map((other) => other - rank)).filter((step) => step);
  const right = ordered.filter((step) => step > 0).length;
  return "The course data has an order for these answers too, shown beside each. " +
    `Of its ${count(ordered.length, "pair")} of a better and a worse answer, the model puts ${right} the same way round.`;
}

// The ranking in a sentence, for those who do not see it.
function said(ranking) {
  const first = ranking.filter((answer) => tied(answer, ranking[0])).map(({ letter }) => letter).sort();
  const begins = first.length > 1 ? `Answers ${list(first)} share the first place` : `Answer ${first[0]} comes first`;
  const then = ranking.slice(first.length).map((answer) => `${answer.letter} ${signed(answer.reward)}`);
  return `${begins}, with a reward of ${signed(ranking[0].reward)}${then.length ? "; then " : ""}${then.join(", ")}.`;
}

function sureness([first, second]) {
  if (tied(first, second)) {
    return h("p", {}, `Between ${list([first.letter, second.letter].sort())} it has no preference: their margin is 0, to ` +
      "three decimals, and σ(0) is ", h("strong", {}, "50%"), ", a coin.");
  }
  const margin = first.reward - second.reward;
  return h("p", {}, `That ${first.letter} is better than ${second.letter} is likely, says the model, to `,
    h("strong", {}, percent(sigmoid(margin))), `: σ(${signed(margin)}), of the margin between their rewards. ` +
    "Fifty percent would be a coin.");
}

// Which answers got the same reward, and why.
function ties(ranking) {
  const letters = (group) => list(group.map(({ letter }) => letter).sort());
  const same = (part, group) => group.every((answer) => answer[part].toString() === group[0][part].toString());
  const notes = [
    ...groups(ranking, (one, other) => same("ids", [one, other])).map((group) => `${letters(group)} get the same reward: ` + (
      same("text", group) ? "they are the same text." : "they differ only in what the model does not see, such as capitals, " +
        "accents, spaces, or words that it has no room for.")),
    ...groups(ranking, tied).filter((group) => !same("ids", group)).map((group) =>
      `${letters(group)} get the same reward, to three decimals, though not all of them read the same.`),
  ];
  return notes.length ? [note("Equal: ", notes.join(" "), " Answers with equal rewards share a place, and which of them stands " +
    "above means nothing.")] : [];
}

// The answers that are alike, where there are two or more.
function groups(answers, alike) {
  const found = answers.map((answer) => answers.filter((other) => alike(answer, other)));
  return found.filter((group, i) => group.length > 1 && group[0] === answers[i]);
}

// What holds for the question, and so for all answers.
function aboutTheQuestion(scored) {
  const cut = scored.filter(({ unreadPrompt }) => unreadPrompt).map(({ letter }) => letter);
  const [most] = [...scored].sort((a, b) => b.unknownPrompt.length - a.unknownPrompt.length);
  return [
    ...(cut.length ? [note("The question was cut ", `beside ${list(cut)}, for both together are longer than the model can ` +
      "read. Rewards can be compared only for the same question: compare these with care.")] : []),
    ...(most.unknownPrompt.length ? [unknown("the question", most.unknownPrompt)] : []),
  ];
}

const note = (begins, ...rest) => h("p", { class: "cut" }, h("strong", {}, begins), ...rest);

// Some words of a text: all of it if it is short, else how it begins and ends.
const shortened = (text) => (text.length > 160 ? `${text.slice(0, 100)} … ${text.slice(-50)}` : text);

function unread(part, text) {
  const words = count(splitWords(text).length, "word");
  return note("Not read: ", `${part}, ${words} for which the model has no room: “${shortened(text)}”`);
}

function unknown(part, units) {
  const shown = shortened([...new Set(units)].join("”, “"));
  return note("Unknown: ", `${count(units.length, "token")} of ${part}. The model’s vocabulary has no such word or sign, and it ` +
    `reads [UNK] instead: “${shown}”`);
}

const isLong = (text) => text.length > LONG.characters || text.split("\n").length > LONG.lines;

// A button below a long text, which shows its first lines until one asks for all.
function fold(text, answer) {
  const words = count(splitWords(answer.text).length, "word");
  const of = h("span", { class: "visually-hidden" }, ` of answer ${answer.letter}`);
  const button = h("button", { type: "button", class: "fold" });
  const toggle = () => {
    const folded = text.classList.toggle("folded");
    button.replaceChildren(folded ? `Show all ${words}` : "Show less", of);
    if (folded) button.scrollIntoView({ block: "nearest" }); // it was far below
  };
  button.addEventListener("click", toggle);
  toggle();
  return button;
}

// Each pair's probability, the row better than the column.
function pairs(ranking) {
  const head = ranking.map(({ letter }) => h("th", { scope: "col" }, letter));
  const rows = ranking.map((row) => h("tr", {}, h("th", { scope: "row" }, row.letter), ...ranking.map((column) => {
    if (row === column) return h("td", { class: "self" }, "–");
    const probability = sigmoid(row.reward - column.reward);
    return h("td", { style: `--share: ${probability.toFixed(3)}` }, percent(probability));
  })));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Probability of each pair" },
    h("table", { class: "pairs" }, h("caption", {}, "How likely the row’s answer is better than the column’s"),
      h("thead", {}, h("tr", {}, h("td", {}), ...head)), h("tbody", {}, ...rows)));
}

function shaded(words, changes, unread) {
  const most = Math.max(...changes.map(({ change }) => Math.abs(change)), 1e-9);
  return words.flatMap((word, i) => {
    const change = changes[i]?.change;
    const kind = i >= words.length - unread ? "unread" : change === undefined ? "" : change < 0 ? "hurts" : "helps";
    const strength = change === undefined ? 0 : Math.abs(change) / most;
    return [h("span", { class: `word ${kind}`, style: `--strength: ${strength.toFixed(3)}` }, word), " "];
  });
}

function explanation(words, changes, n, answer) {
  if (words.length < 2) return [h("p", {}, "There is only one word, and without it there would be no answer.")];
  const rows = changes.map(({ word, without, change }) =>
    h("tr", {}, h("th", { scope: "row" }, word), h("td", {}, signed(without)), h("td", {}, signed(change))));
  const head = ["Word", "reward without it", "what it adds"].map((name) => h("th", { scope: "col" }, name));
  return [
    h("p", { class: "legend" }, h("span", { class: "word helps", style: "--strength: 0.8" }, "raises the reward"), " ",
      h("span", { class: "word hurts", style: "--strength: 0.8" }, "lowers it"),
      " The stronger the color, the more the reward changes when this one word is left out."),
    ...(changes.length < n ? [h("p", {}, `Stopped after ${changes.length} of ${count(n, "word")}.`)] : []),
    h("p", { class: "note" }, "An approximation: words work together, so that these changes do not add up to the reward."),
    h("details", {}, h("summary", {}, "The numbers"),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Words of answer ${answer.letter}` },
        h("table", {}, h("caption", {}, `The reward of answer ${answer.letter} is ${signed(answer.reward)}`),
          h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows)))),
  ];
}

customElements.define("reward-playground", RewardPlayground);
