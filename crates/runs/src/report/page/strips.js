// Histograms of scores over time, and a strip for each layer: canvases with a column for each probe.

const METRICS = {
  gradient: ["Gradient norm", "How strongly the layer learns. If the first and the last layer differ by many powers of ten, gradients vanish or explode."],
  weight: ["Weight norm", "The size of the weights. If it grows fast and does not stop, the training will diverge."],
  ratio: ["Update / weight", "The change of the weights in a step, relative to their size. About 0.001 is usual; at 0.1 the layer changes too fast, at 0.000001 hardly at all."],
  dead: ["Dead units", "The share of ReLU channels that were 0 for every image: no gradient reaches their weights."],
  saturated: ["Saturated units", "The share of sigmoid or tanh outputs at the flat ends of the function, where hardly any gradient passes. This is normal for an output layer that draws in black and white."],
};

// Draws a column for each probe; `shade(column, row)` from 0 to 1, rows from the bottom.
function columns(canvas, count, rows, hue, shade) {
  const width = Math.max(1, canvas.clientWidth);
  canvas.width = Math.max(width, count);
  canvas.height = rows === 1 ? 16 : rows * 3;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = hue;
  const [wide, tall] = [canvas.width / count, canvas.height / rows];
  for (let column = 0; column < count; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const strength = shade(column, row);
      if (!(strength > 0)) continue;
      context.globalAlpha = Math.min(1, strength);
      const left = Math.floor(column * wide);
      context.fillRect(left, (rows - 1 - row) * tall, Math.max(1, Math.floor((column + 1) * wide) - left), tall);
    }
  }
}

// Marks a column.
function mark(canvas, column, count) {
  const context = canvas.getContext("2d");
  context.globalAlpha = 1;
  context.strokeStyle = colour("--ink") || "black";
  context.lineWidth = 2;
  const wide = canvas.width / count;
  context.strokeRect(Math.floor(column * wide) + 1, 1, Math.max(2, Math.ceil(wide) - 2), canvas.height - 2);
}

function tapped(canvas, steps) {
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * steps.length);
    goTo(steps[Math.max(0, Math.min(steps.length - 1, at))]);
  });
}

// The resolved colour of a name such as --reals: a canvas does not know variables.
function hueOf(name) {
  const probe = make("span", {});
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const hue = getComputedStyle(probe).color;
  probe.remove();
  return hue;
}

const mean = (bins, history) => {
  const total = bins.reduce((sum, share) => sum + share, 0);
  const wide = (history.high - history.low) / bins.length;
  return bins.reduce((sum, share, at) => sum + share * (history.low + (at + 0.5) * wide), 0) / (total || 1);
};

function scoresOf(run, history) {
  const count = history.steps.length;
  const says = make("p", { class: "small" });
  const sides = ["reals", "fakes"].map((side) => {
    const canvas = make("canvas", { role: "img" });
    tapped(canvas, history.steps);
    const caption = make(
      "p",
      { class: "small" },
      make("span", { class: `${side}-name` }, `On ${side}`),
      `, from ${show(history.low)} (bottom) to ${show(history.high)} (top)`,
    );
    return { side, canvas, box: make("div", {}, caption, canvas) };
  });
  const follow = (step) => {
    const at = placeOf(history.steps, step);
    for (const { side, canvas } of sides) {
      const most = Math.max(1, ...history[side].flat());
      columns(canvas, count, history[side][0].length, hueOf(`--${side}`), (column, row) => Math.sqrt(history[side][column][row] / most));
      mark(canvas, at, count);
      canvas.setAttribute("aria-label", `Histograms of the scores on ${side}, ${count} probes; mean at step ${thousands(history.steps[at])}: ${show(mean(history[side][at], history))}`);
    }
    says.textContent = `Step ${thousands(history.steps[at])}: mean score on reals ${show(mean(history.reals[at], history))}, on fakes ${show(mean(history.fakes[at], history))}`;
  };
  followers.push(follow);
  new ResizeObserver(() => follow(shownStep())).observe(sides[0].box);
  return make(
    "section",
    { class: "scores" },
    make("h2", {}, `Scores of ${nameOf(history.discriminator)}${ofRun(run)}`),
    make("p", { class: "quiet small" }, "The discriminator's outputs as histograms, one column for each probe; the first columns are only a few steps apart. Scores of reals and of fakes should overlap. If they separate for good, the discriminator wins, and the generator learns little."),
    says,
    make("div", { class: "pair" }, sides.map((side) => side.box)),
  );
}

function layersOf(run) {
  const { steps, rows } = run.layers;
  const body = make("div", { class: "strips" });
  const about = make("p", { class: "quiet small" });
  let shown = [];
  const fill = () => {
    const [, sentence] = METRICS[state.metric];
    about.textContent = sentence;
    body.replaceChildren();
    let network = null;
    shown = [];
    for (const row of rows.filter((each) => each[state.metric].some((value) => value !== null))) {
      if (row.network !== network) body.append(make("div", { class: "network" }, (network = row.network)));
      const canvas = make("canvas", { role: "img" });
      tapped(canvas, steps);
      const value = make("span", { class: "value" });
      body.append(make("span", { class: "name" }, row.layer), canvas, value);
      shown.push({ row, canvas, value });
    }
    if (shown.length === 0) body.append(make("p", { class: "quiet" }, "No layer of this system has such a number."));
    follow(shownStep());
  };
  const follow = (step) => {
    const at = placeOf(steps, step);
    const isShare = state.metric === "dead" || state.metric === "saturated";
    const all = shown.flatMap(({ row }) => row[state.metric]).filter((value) => value > 0).map(Math.log);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const strength = (value) => {
      if (value === null) return 0;
      if (isShare) return value;
      return value > 0 ? 0.08 + 0.92 * ((Math.log(value) - low) / (high - low || 1)) : 0;
    };
    const hue = hueOf("--c3");
    for (const { row, canvas, value } of shown) {
      columns(canvas, steps.length, 1, hue, (column) => strength(row[state.metric][column]));
      mark(canvas, at, steps.length);
      const here = show(row[state.metric][at]);
      value.textContent = here;
      canvas.setAttribute("aria-label", `${row.network}.${row.layer}, ${METRICS[state.metric][0]}: ${here} at step ${thousands(steps[at])}`);
    }
  };
  followers.push(follow);
  new ResizeObserver(() => follow(shownStep())).observe(body);
  const choice = make(
    "select",
    { "aria-label": "What the strips show", onchange: () => { state.metric = choice.value; fill(); } },
    Object.entries(METRICS).map(([key, [name]]) => make("option", { value: key, selected: key === state.metric }, name)),
  );
  fill();
  return make(
    "section",
    {},
    make("div", { class: "head" }, make("h2", {}, `Layers${ofRun(run)}`), choice),
    about,
    body,
  );
}
