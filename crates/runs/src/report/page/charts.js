// Curves: one card for each chart, with the lines of all runs that have it.

const MARGIN = { left: 52, right: 10, top: 8, bottom: 22 };
const HEIGHT = 210;
const DASHES = ["", "6 3", "2 3", "8 3 2 3"];

// Ticks at 1, 2 or 5 times a power of ten.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough) || 10 * power;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

// The charts of all runs by title, each with its lines.
function allCharts() {
  const charts = [];
  state.data.runs.forEach((run, number) => {
    for (const chart of run.charts) {
      let same = charts.find((other) => other.title === chart.title);
      if (!same) charts.push((same = { ...chart, lines: [] }));
      same.note = same.note || chart.note;
      for (const line of chart.lines) {
        const name = state.data.runs.length > 1 ? `${run.name}: ${line.name}` : line.name;
        // Runs of the same preset have the same band.
        const isDrawn = same.lines.some((other) => other.band && JSON.stringify(other.band) === JSON.stringify(line.band));
        same.lines.push({ ...line, name, run: number, band: isDrawn ? null : line.band });
      }
    }
  });
  return charts;
}

// The points of one end of a band up to a step, the last of them interpolated.
function upTo(last, steps, values) {
  const points = [];
  steps.forEach((step, at) => {
    if (values[at] === null) return;
    if (step <= last) return points.push([step, values[at]]);
    const [from, before] = [steps[at - 1], values[at - 1]];
    if (at > 0 && from < last && before !== null) points.push([last, before + ((last - from) / (step - from)) * (values[at] - before)]);
  });
  return points;
}

function rangeOf(chart, isLog) {
  if (chart.range && !isLog) return chart.range;
  let [low, high] = [Infinity, -Infinity];
  for (const line of chart.lines) {
    const ends = line.band ? [line.band.low, line.band.high].flatMap((end) => upTo(newest(), line.band.steps, end)) : [];
    for (const value of [...line.values, ...ends.map(([, value]) => value)]) {
      if (value === null || (isLog && value <= 0)) continue;
      [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
  }
  if (low > high) return isLog ? [0.1, 1] : [0, 1];
  if (low === high) return isLog ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  return isLog ? [low, high] : [Math.min(low, low >= 0 && low < high / 2 ? 0 : low), high];
}

function chartCard(chart) {
  const card = make("figure", { class: "card chart" });
  const canLog = !chart.range && chart.lines.some((line) => line.values.some((value) => value > 0));
  const redraw = () => {
    const isLog = state.log.has(chart.title);
    const width = Math.max(240, card.clientWidth - 34);
    const [low, high] = rangeOf(chart, isLog);
    const scale = (value) => (isLog ? Math.log(value) : value);
    // A logarithmic axis has no place for 0 and below.
    const clip = (value) => (isLog ? Math.max(value, low) : value);
    const last = newest();
    const x = (step) => MARGIN.left + (step / last) * (width - MARGIN.left - MARGIN.right);
    const y = (value) => {
      const part = (scale(value) - scale(low)) / (scale(high) - scale(low));
      return HEIGHT - MARGIN.bottom - part * (HEIGHT - MARGIN.top - MARGIN.bottom);
    };
    const svg = draw("svg", { class: "plot", viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, "aria-hidden": "true" });
    const levels = isLog
      ? ticks(Math.log10(low), Math.log10(high), 4).map((power) => 10 ** power)
      : ticks(low, high, 4);
    for (const level of levels) {
      svg.append(draw("line", { class: "rule", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(level), y2: y(level) }));
      svg.append(draw("text", { x: MARGIN.left - 6, y: y(level) + 4, "text-anchor": "end" }, show(level)));
    }
    for (const step of ticks(0, last, Math.max(2, Math.floor(width / 110)))) {
      // A centred label of the last step would not fit. One pixel is left, because browsers round
      // the width of a text.
      const isLast = x(step) > width - 30;
      svg.append(draw("text", { x: isLast ? width - 1 : x(step), y: HEIGHT - 6, "text-anchor": isLast ? "end" : "middle" }, thousands(step)));
    }
    // The ends of a band are drawn over the curves, which would hide them.
    const ends = [];
    chart.lines.forEach(({ band }, number) => {
      if (!band) return;
      const [under, over] = [band.low, band.high].map((end) =>
        upTo(last, band.steps, end).map(([step, value]) => `${x(step).toFixed(1)} ${y(clip(value)).toFixed(1)}`),
      );
      if (over.length === 0) return;
      svg.append(draw("path", { class: "band", d: `M${[...over, ...under.slice().reverse()].join("L")}Z`, fill: colourOf(number) }));
      ends.push(draw("path", { class: "band end", d: `M${over.join("L")}M${under.join("L")}`, stroke: `color-mix(in srgb, ${colourOf(number)} 45%, var(--ink))` }));
    });
    chart.lines.forEach((line, number) => {
      let path = "";
      let isOpen = false;
      line.steps.forEach((step, at) => {
        const value = line.values[at];
        const isThere = value !== null && !(isLog && value <= 0);
        if (isThere) path += `${isOpen ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
        isOpen = isThere;
      });
      // A line of one point would not be seen.
      if (path.split("L").length === 1 && path !== "") path += "h2";
      svg.append(draw("path", { d: path, ...strokeOf(line, number) }));
    });
    svg.append(...ends);
    const cursor = draw("line", { class: "cursor", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom });
    svg.append(cursor);
    const pointed = (event) => {
      const box = svg.getBoundingClientRect();
      const part = ((event.clientX - box.left) / box.width) * width;
      goTo(((part - MARGIN.left) / (width - MARGIN.left - MARGIN.right)) * last);
    };
    svg.addEventListener("pointerdown", (event) => {
      svg.setPointerCapture(event.pointerId);
      pointed(event);
    });
    svg.addEventListener("pointermove", (event) => event.buttons && pointed(event));
    const old = card.querySelector(".plot");
    if (old) old.replaceWith(svg);
    else card.querySelector(".head").after(svg);
    card.follow = (step) => {
      cursor.setAttribute("x1", x(step));
      cursor.setAttribute("x2", x(step));
    };
    card.follow(shownStep());
  };
  const values = chart.lines.map(() => make("span", { class: "value" }));
  const items = chart.lines.map((line, number) =>
    make(
      "li",
      {},
      draw("svg", { viewBox: "0 0 24 16", "aria-hidden": "true" }, draw("path", { d: "M1 8H23", ...strokeOf(line, number) })),
      make("span", {}, line.name),
      values[number],
      make("span", { class: "sentence" }, line.sentence),
    ),
  );
  const toggle = make(
    "button",
    {
      type: "button",
      "aria-pressed": state.log.has(chart.title) ? "true" : "false",
      onclick: () => {
        const isLog = state.log.has(chart.title);
        state.log[isLog ? "delete" : "add"](chart.title);
        toggle.setAttribute("aria-pressed", isLog ? "false" : "true");
        redraw();
      },
    },
    "Log scale",
  );
  toggle.hidden = !canLog;
  const note = chart.note ? make("p", { class: "quiet small" }, chart.note) : "";
  card.append(make("figcaption", { class: "head" }, make("h3", {}, chart.title), toggle), make("ul", { class: "legend" }, items), note);
  followers.push((step) => {
    if (card.follow) card.follow(step);
    chart.lines.forEach((line, number) => {
      values[number].textContent = show(line.values[placeOf(line.steps, step)]);
    });
  });
  new ResizeObserver(redraw).observe(card);
  // The observer waits for a frame, which a page in the background does not get.
  setTimeout(redraw);
  return card;
}

const colourOf = (number) => `var(--c${number % 8})`;

const strokeOf = (line, number) => ({
  stroke: colourOf(number),
  "stroke-dasharray": DASHES[line.run % DASHES.length] || null,
});
