// Lets every figure of a kind move. `start` gets what a figure needs and returns what draws the position of its sliders.
function letMove(kind, start) {
  for (const figure of document.querySelectorAll(`.${kind}:not([data-moves])`)) {
    figure.dataset.moves = "yes";
    const sliders = figure.querySelectorAll("input");
    const show = (texts) => {
      for (const name in texts) figure.querySelector(`[data-show="${name}"]`).textContent = texts[name];
    };
    const move = (part, places) => {
      for (const name in places) figure.querySelector(`[data-part=${part}]`).setAttribute(name, places[name]);
    };
    const place = (part, x, y) => move(part, { transform: `translate(${x} ${y})` });
    const sigmoid = (margin) => 1 / (1 + Math.exp(-margin));
    const lossOf = (margin) => Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)));
    const scale = ([low, high, start, end]) => (v) => (start + ((v - low) / (high - low)) * (end - start)).toFixed(1);
    const axes = JSON.parse(figure.dataset.axes || "[]").map(scale);
    const update = start({ figure, sliders, show, move, place, sigmoid, lossOf, axes });
    for (const slider of sliders) slider.hidden = false;
    figure.addEventListener("input", update);
    update();
  }
}
