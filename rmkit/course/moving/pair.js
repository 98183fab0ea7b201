letMove("rmkit-pair", ({ sliders, show, move, place, sigmoid, lossOf, axes: [x, upper, lower] }) => {
  return () => {
    const [chosen, rejected] = [...sliders].map((slider) => +slider.value);
    const margin = chosen - rejected, probability = sigmoid(margin), loss = lossOf(margin), gradient = probability - 1;
    show({ chosen: chosen.toFixed(1), rejected: rejected.toFixed(1), margin: margin.toFixed(1) });
    show({ probability: probability.toFixed(3), loss: loss.toFixed(3), gradient: gradient.toFixed(3) });
    move("gap", { x1: x(margin), y1: upper(probability), x2: x(margin) });
    const start = Math.max(margin - 2, -6), end = Math.min(margin + 2, 6);
    move("slope", { x1: x(start), y1: lower(loss + (start - margin) * gradient) });
    move("slope", { x2: x(end), y2: lower(loss + (end - margin) * gradient) });
    place("probability", x(margin), upper(probability));
    place("loss", x(margin), lower(loss));
  };
});
