// The search shows some text of each page that it found. There a formula would be its TeX, so a dot-dot-dot stands in its place.
// Loaded between Sphinx's searchtools.js, whose function this wraps, and the index, with which the search begins.
{
  const toText = Search.htmlToText;
  Search.htmlToText = (source, anchor) => {
    const page = new DOMParser().parseFromString(source, "text/html");
    for (const formula of page.querySelectorAll(".math")) formula.replaceWith("…");
    return toText(page.documentElement.outerHTML, anchor);
  };
}
