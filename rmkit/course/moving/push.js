letMove("rmkit-push", ({ sliders, show, move, place, sigmoid, lossOf, axes: [x, upper, lower] }) => {
  return () => {
    const [better, worse] = [...sliders].map((slider) => +slider.value);
    const margin = Math.tanh(better) - Math.tanh(worse);
    const push = sigmoid(-margin);
    const slope = (raw) => 1 - Math.tanh(raw) ** 2;
    show({ better: better.toFixed(1), worse: worse.toFixed(1) });
    show({ loss: lossOf(margin).toFixed(3), push: push.toFixed(3) });
    show({ "better gets": (push * slope(better)).toFixed(3), "worse gets": (-push * slope(worse)).toFixed(3) });
    for (const [name, raw] of Object.entries({ better, worse })) {
      place(name + "-reward", x(raw), upper(Math.tanh(raw)));
      place(name + "-slope", x(raw), lower(slope(raw)));
      move(name + "-stem", { x1: x(raw), x2: x(raw), y2: lower(slope(raw)) });
    }
  };
});
