// From text to token ids, exactly as Python does it: BERT's WordPiece tokenizer, and `rmkit.batching.encode`, which joins a
// prompt and an answer and cuts what is too long. tests/browser/test_browser_playground.py compares the ids, character by character.

const CONTROL = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/u;
const SPACE = /\p{White_Space}/u;
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/u; // all of ASCII's, also those that Unicode calls symbols, such as $ and +
const MARKS = /\p{Mn}/gu; // accents, once NFD has taken them from their letters

// Chinese characters are words by themselves: these blocks, as BERT has them, and not the Japanese and Korean ones.
const CHINESE = [
  [0x3400, 0x4dbf], [0x4e00, 0x9fff], [0xf900, 0xfaff], [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f], [0x2b740, 0x2b81f], [0x2b920, 0x2ceaf], [0x2f800, 0x2fa1f],
];

function isChinese(character) {
  const code = character.codePointAt(0);
  return CHINESE.some(([first, last]) => first <= code && code <= last);
}

function isSpace(character) {
  return "\t\n\r".includes(character) || (SPACE.test(character) && !CONTROL.test(character));
}

// The words of a text as the tokenizer sees them: what stands between white space. No token reaches across it.
export function splitWords(text) {
  const words = [""];
  for (const character of text) {
    if (isSpace(character)) words.push("");
    else words[words.length - 1] += character;
  }
  return words.filter((word) => word);
}

export class WordPiece {
  // vocabulary: the text of vocab.txt, a token a line, its line number being its id.
  // settings: the manifest's "tokenizer".
  constructor(vocabulary, settings) {
    this.ids = new Map(vocabulary.split("\n").map((token, id) => [token, id]));
    this.settings = settings;
    // [SEP] and its kind are tokens wherever they stand, also when a reader has typed them, as for Python.
    const special = Object.keys(settings.special).map((token) => token.replace(/[[\]]/g, "\\$&"));
    this.split = new RegExp(`(${special.join("|")})`);
  }

  // What the tokenizer makes of characters before it looks for words.
  normalize(text) {
    let clean = "";
    for (const character of text) {
      if (isSpace(character)) clean += " ";
      else if (isChinese(character)) clean += ` ${character} `;
      else if (!CONTROL.test(character)) clean += character;
    }
    if (this.settings.strip_accents ?? this.settings.lowercase) clean = clean.normalize("NFD").replace(MARKS, "");
    // One by one: of a whole word, toLowerCase would write a last capital sigma as a final one.
    return this.settings.lowercase ? Array.from(clean, (character) => character.toLowerCase()).join("") : clean;
  }

  // The tokens of a text, without [CLS] and [SEP]: {id, unit}, the unit being the word or mark that it is of.
  tokenize(text) {
    return text.split(this.split).flatMap((part) => {
      if (Object.hasOwn(this.settings.special, part)) return [{ id: this.settings.special[part], unit: part }];
      return this.units(this.normalize(part)).flatMap((unit) => this.pieces(unit).map((id) => ({ id, unit })));
    });
  }

  // Words and punctuation marks.
  units(text) {
    const found = [];
    let word = "";
    for (const character of `${text} `) {
      const alone = PUNCTUATION.test(character);
      if (!alone && !SPACE.test(character)) {
        word += character;
        continue;
      }
      if (word) found.push(word);
      if (alone) found.push(character);
      word = "";
    }
    return found;
  }

  // One word as the longest pieces that the vocabulary has, from the left; [UNK] if it has none somewhere.
  pieces(word) {
    const characters = Array.from(word);
    if (characters.length > this.settings.max_chars_per_word) return [this.settings.unk];
    const found = [];
    for (let start = 0; start < characters.length; ) {
      let end = characters.length;
      let id;
      for (; end > start; end--) {
        id = this.ids.get((start ? "##" : "") + characters.slice(start, end).join(""));
        if (id !== undefined) break;
      }
      if (id === undefined) return [this.settings.unk];
      found.push(id);
      start = end;
    }
    return found;
  }

  // "[CLS] prompt response [SEP]" in at most maxLength tokens. What is too long loses the start of its prompt, so that the
  // response stays whole; only a response that alone is too long loses its end. Also what was not read and what is unknown.
  encode(prompt, response, maxLength) {
    const { cls, sep, unk } = this.settings;
    const room = maxLength - 2;
    const whole = { prompt: this.tokenize(prompt), response: this.tokenize(response) };
    const readResponse = whole.response.slice(0, room);
    const cutPrompt = Math.max(0, whole.prompt.length - (room - readResponse.length));
    const readPrompt = whole.prompt.slice(cutPrompt);
    const unknown = (tokens) => tokens.filter(({ id }) => id === unk).map(({ unit }) => unit);
    return {
      ids: [cls, ...[...readPrompt, ...readResponse].map(({ id }) => id), sep],
      unreadPrompt: cutPrompt ? this.firstWords(prompt, cutPrompt) : "",
      unreadResponse: this.wordsAfter(response, readResponse.length),
      wholePromptUnread: cutPrompt > 0 && !readPrompt.length,
      unknownPrompt: unknown(readPrompt),
      unknownResponse: unknown(readResponse),
    };
  }

  // The words at the start of a text of which `n` tokens are cut, as far as any part of them is.
  firstWords(text, n) {
    const words = splitWords(text);
    let end = 0;
    for (let seen = 0; seen < n; end++) seen += this.tokenize(words[end]).length;
    return words.slice(0, end).join(" ");
  }

  // The words of a text that do not fit into its first `n` tokens, or not wholly.
  wordsAfter(text, n) {
    const words = splitWords(text);
    let seen = 0;
    const start = words.findIndex((word) => (seen += this.tokenize(word).length) > n);
    return start < 0 ? "" : words.slice(start).join(" ");
  }
}
