letMove("rmkit-ranking", ({ figure, sliders, show }) => {
  const [length, pair] = sliders;
  const update = () => {
    const views = [...figure.querySelectorAll("[data-k]")];
    const view = views.find((one) => one.dataset.k === length.value);
    for (const one of views) one.setAttribute("display", one === view ? "inline" : "none");
    pair.max = view.dataset.pairs;
    const cells = [...view.querySelectorAll("[data-pair]")], chosen = cells[pair.value - 1];
    const responses = chosen.dataset.pair.split(" ");
    for (const cell of cells) cell.classList.toggle("on", cell === chosen);
    for (const one of view.querySelectorAll("[data-response]")) {
      one.classList.toggle("on", responses.includes(one.dataset.response));
    }
    show({ k: length.value, pair: chosen.dataset.says, pairs: cells.length, floor: view.dataset.floor });
    pair.setAttribute("aria-valuetext", chosen.dataset.says);
  };
  figure.addEventListener("pointerover", (event) => {
    const cell = event.target.closest("[data-pair]");
    if (cell) pair.value = 1 + [...cell.parentNode.querySelectorAll("[data-pair]")].indexOf(cell);
    if (cell) update();
  });
  return update;
});
