// What Sphinx's search takes instead of its own Scorer: pages where the words stand often come first, and before them pages
// with a heading that holds all of several words.
// COUNTS, {page: {stem: how often}} for counts above 2, is written by house.py into searchindex.js.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 0, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score([page, , anchor, , score]) {
    if (anchor) return score; // a function, or one section
    const [, terms] = Search._parseQuery(new URLSearchParams(location.search).get("q"));
    const often = [...terms].map((term) => 2 * Math.log2(1 + (COUNTS[page]?.[term] ?? 0)));
    const { alltitles, docnames } = Search._index;
    const stemmer = new Stemmer();
    const holdsAll = ([heading, places]) => {
      if (!places.some(([number]) => docnames[number] === page)) return false;
      const stems = splitQuery(heading.toLowerCase()).map((word) => stemmer.stemWord(word));
      return [...terms].every((term) => stems.includes(term));
    };
    const together = terms.size > 1 && Object.entries(alltitles).some(holdsAll) ? 25 : 0;
    return score + together + often.reduce((sum, one) => sum + one, 0);
  },
};
