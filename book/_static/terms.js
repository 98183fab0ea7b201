// Shows what a term means: on hover, on keyboard focus, on a tap. The definition is on the page already, put there by
// book/_ext/glossary.py. It stays while the pointer is on it, and Escape closes it (WCAG 1.4.13).
const PATIENCE = 250; // ms in which the pointer may travel from the term to its definition
let term = null; // the one whose definition is shown
let tip = null;
let leaving = 0;
let touched = false;

function close() {
  clearTimeout(leaving);
  tip?.remove();
  term = tip = null;
}

function open(link) {
  clearTimeout(leaving);
  if (link === term) return;
  close();
  term = link;
  tip = document.createElement("span");
  tip.className = "definition";
  tip.append(document.getElementById(link.getAttribute("aria-describedby")).textContent);
  if (touched) {
    const more = document.createElement("a");
    more.href = link.href;
    more.textContent = "In the glossary";
    tip.append(" ", more);
  }
  link.after(tip);
  place();
}

// Under the first line of the term, or above it where there is no room, and never beyond the sides of the text.
function place() {
  const [line] = term.getClientRects();
  const frame = tip.offsetParent.getBoundingClientRect();
  const text = term.closest("section").getBoundingClientRect();
  tip.style.maxWidth = `min(24rem, ${text.width}px)`;
  const left = Math.max(text.left, Math.min(line.left, text.right - tip.offsetWidth));
  const above = line.bottom + tip.offsetHeight > innerHeight && line.top > tip.offsetHeight;
  tip.style.left = `${left - frame.left}px`;
  tip.style.top = `${(above ? line.top - tip.offsetHeight : line.bottom) - frame.top}px`;
}

const termAt = (event) => event.target.closest?.("a.term");
const onTip = (event) => tip?.contains(event.target);

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  touched = false;
  if (termAt(event)) open(termAt(event));
  else if (onTip(event)) clearTimeout(leaving);
  else if (tip && term !== document.activeElement) {
    clearTimeout(leaving);
    leaving = setTimeout(close, PATIENCE);
  }
});
document.addEventListener("pointerdown", (event) => {
  touched = event.pointerType === "touch";
  if (!termAt(event) && !onTip(event)) close();
});
document.addEventListener("click", (event) => {
  if (touched && termAt(event)) {
    event.preventDefault(); // a tap explains; the link to the glossary is in the explanation
    open(termAt(event));
  }
});
document.addEventListener("focusin", (event) => {
  if (termAt(event)) open(termAt(event));
  else if (!onTip(event)) close();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});
addEventListener("resize", close);
