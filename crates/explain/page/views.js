// The views of the whole step beside the graph: the table, the updates, what-if; the followed path; the strip of phases and
// the timeline.

const VIEW_NAMES = { graph: "Graph", table: "Table", updates: "Updates", whatif: "What if", edit: "Edit" };

// --- the strip of phases ---

function buildStrip() {
  byId("phases").replaceChildren(
    ...phases.flatMap((phase) => [
      phase.wall ? el("li", { class: `strip-wall ${phase.wall.kind}` }, el("button", { type: "button", class: "wall-button", "aria-label": `${phase.wall.kind === "cut" ? "Cut" : "Frozen"}: why?`, title: phase.wall.text, onclick: () => { goToPhase(phase.id); } }, phase.wall.kind)) : null,
      el("li", {}, el("button", { type: "button", class: `phase ${phase.kind}`, id: `phase-${phase.id}`, onclick: () => goToPhase(phase.id) }, el("span", { class: "arrow", "aria-hidden": "true" }, { forward: "→", backward: "←", update: "±", infer: "⇢" }[phase.kind]), ` ${phase.name}`)),
    ].filter(Boolean)),
  );
}

function drawStrip() {
  const now = phases[steps[state.step].phase];
  for (const phase of phases) {
    const button = byId(`phase-${phase.id}`);
    if (phase.id === now.id) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
  byId("strip").replaceChildren(now.text, ...(now.wall ? [" ", el("strong", { class: now.wall.kind }, now.wall.text)] : []));
}

// --- the timeline ---

function buildTimeline() {
  const track = byId("track");
  track.setAttribute("viewBox", `0 0 ${steps.length} 10`);
  phases.forEach((phase) => {
    if (phase.steps.length) track.append(draw("rect", { x: phase.steps[0], width: phase.steps.length, y: 2, height: 6, class: phase.kind }));
  });
  const time = byId("time");
  time.max = steps.length - 1;
  time.addEventListener("input", () => goTo(Number(time.value)));
  byId("first").onclick = () => goTo(0);
  byId("last").onclick = () => goTo(steps.length - 1);
  byId("back").onclick = () => goTo(state.step - 1);
  byId("next").onclick = () => goTo(state.step + 1);
  byId("play").onclick = () => setPlaying(!state.playing);
  byId("to-loss").onclick = goToLoss;
  const speed = byId("speed");
  speed.append(...SPEEDS.map((value) => el("option", { value }, `${value} a second`)));
  speed.onchange = () => set({ speed: Number(speed.value) });
  const parameter = byId("to-parameter");
  parameter.append(el("option", { value: "" }, "Parameter…"), ...parameters.map((node) => el("option", { value: node.id }, parameterName(node))));
  parameter.onchange = () => {
    if (parameter.value !== "") goToParameter(Number(parameter.value));
    parameter.value = "";
  };
  const follow = byId("follow-choice");
  follow.append(el("option", { value: "" }, "nothing"), ...[...pathOf.keys()].map((id) => el("option", { value: id }, parameterName(nodes[id]))));
  follow.onchange = () => followPath(follow.value === "" ? null : Number(follow.value));
}

function drawTimeline() {
  const step = steps[state.step];
  const time = byId("time");
  time.value = state.step;
  time.setAttribute("aria-valuetext", `${state.step + 1} of ${steps.length}: ${step.text}`);
  byId("count").textContent = `${state.step + 1} / ${steps.length}`;
  byId("step-text").textContent = step.text;
  // While it plays fast, only a new phase is announced: a reader could not keep up.
  const first = phases[step.phase].steps[0] === state.step;
  if (!state.playing || state.speed <= 1 || first) byId("live").textContent = first ? `${phases[step.phase].name}. ${step.text}` : step.text;
}

// --- the table ---

const COLUMNS = [
  { name: "#", of: (node) => node.made ?? -1, text: (node) => String(node.id) },
  { name: "node", of: (node) => `${modules[node.module].path} ${node.label}`, cell: (node) => nodeLink(node.id, node.label) },
  { name: "module", of: (node) => modules[node.module].path },
  { name: "op", of: (node) => node.op },
  { name: "shape", of: (node) => node.shape.reduce((a, b) => a * b, 1), text: (node) => shapeText(node.shape) },
  { name: "value", of: (node) => node.value?.l2 ?? -1, text: (node) => showSize(node.value, 3), number: true },
  { name: "gradient", of: (node) => node.gradient?.l2 ?? -1, text: (node) => (node.gradient ? showSize(node.gradient, 3) : node.no_gradient ?? "none"), number: true },
  { name: "check", of: (node) => (node.check ? (node.check.pass ? 2 : 1) : 0), text: (node) => (node.check ? (node.check.pass ? "✓" : "✗ fails") : "–") },
];
const table = { column: 0, down: false, rows: new Map() };

function buildTable() {
  const head = el("tr", {}, COLUMNS.map((column, i) => el("th", { scope: "col", "aria-sort": "none" }, el("button", { type: "button", class: "sort", onclick: () => sortTable(i) }, column.name))));
  const body = el("tbody");
  for (const node of nodes) {
    const cells = COLUMNS.map((column, i) => el(i === 1 ? "th" : "td", i === 1 ? { scope: "row" } : { class: column.number ? "number" : "" }, column.cell ? column.cell(node) : (column.text ?? column.of)(node)));
    table.rows.set(node.id, el("tr", { onclick: () => select(node.id) }, cells));
  }
  byId("view-table").replaceChildren(el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "All nodes" }, el("table", { class: "nodes" }, el("caption", {}, `All ${nodes.length} nodes in the order of the computation. For tensors with more than one element, the table shows the norm. Click a heading to sort by it; numbers are sorted by absolute value.`), el("thead", {}, head), body)));
  table.head = head;
  table.body = body;
  sortTable(0, false);
}

function sortTable(column, down = table.column === column ? !table.down : column > 4) {
  Object.assign(table, { column, down });
  const { of } = COLUMNS[column];
  const sorted = [...nodes].sort((a, b) => {
    const [x, y] = [of(a), of(b)];
    const order = typeof x === "string" ? x.localeCompare(y) : x - y;
    return (down ? -order : order) || a.id - b.id;
  });
  table.body.append(...sorted.map((node) => table.rows.get(node.id)));
  [...table.head.children].forEach((cell, i) => cell.setAttribute("aria-sort", i === column ? (down ? "descending" : "ascending") : "none"));
}

function markTable() {
  for (const [id, row] of table.rows) {
    const node = nodes[id];
    const style = `${isMade(node, state.step) ? (isSwept(node, state.step) ? "swept" : "made") : "later"}${id === state.node ? " chosen" : ""}`;
    if (row.className !== style) row.className = style;
    if (id === state.node) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

// --- the updates ---

// Nothing can be compared with a parameter that was 0.
const showRatio = (update) => (update.before_l2 ? show(update.ratio, 3) : "was 0");

// What the optimiser did to a parameter, as sizes: with the sign, where it is one number.
function sizesOf(update) {
  const { value, gradient } = nodes[update.node];
  const before = only(value);
  const after = before === null ? null : update.worked.lines.at(-1).stored;
  return { gradient: only(gradient) ?? update.gradient_l2, before: before ?? update.before_l2, after: after ?? update.after_l2, step: before === null ? update.step_l2 : after - before, norm: before === null ? " norm" : "" };
}

function updateCard(update) {
  const row = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  const { gradient, before, after, step, norm } = sizesOf(update);
  const { index, why, lines } = update.worked;
  return el("section", { class: "card" }, el("h3", {}, nodeLink(update.node, update.parameter)), el("p", {}, update.rule),
    ...update.formulas.map((formula) => el("p", { class: "expression" }, pretty(formula))),
    el("p", { class: "quiet" }, `with ${update.constants.replaceAll("-", "−")}`),
    el("dl", { class: "summary" }, row(`weight${norm} before`, show(before)), row("after", show(after)), row(`gradient${norm}`, show(gradient)), row(norm ? "norm of the step" : "step", show(step)), row("step / weight", showRatio(update))),
    el("h4", {}, index.length ? `element [${index.join(", ")}] ` : "the number ", el("span", { class: "quiet" }, `(${why})`)),
    ...lines.flatMap((line) => [
      el("p", { class: "expression" }, `${line.target} ← ${pretty(line.expression)}`),
      ...(line.stored === null ? [el("p", { class: "expression result" }, `= ${show(line.value, 7)}`)] : resultLines(line.expression, line.rest, line.stored)),
    ]),
    update.state ? el("p", { class: "quiet" }, update.state) : null);
}

function drawUpdates() {
  const view = byId("view-updates");
  if (!updates.length) return view.replaceChildren(el("p", {}, "No optimiser ran in this step."));
  const most = Math.max(...updates.map((update) => update.ratio));
  const rows = updates.map((update) => {
    const bar = el("span", { class: "bar" });
    bar.style.width = `${(100 * update.ratio) / most}%`;
    return el("tr", { class: update.node === state.node ? "chosen" : "" }, el("th", { scope: "row" }, nodeLink(update.node, update.parameter)), ...[sizesOf(update)].flatMap(({ gradient, before, step }) => [gradient, before, step].map((size) => el("td", { class: "number" }, show(size, 3)))), el("td", {}, el("span", { class: "bar-room" }, bar), showRatio(update)));
  });
  const head = el("tr", {}, ["parameter", "gradient", "weight", "step", "step / weight"].map((name) => el("th", { scope: "col" }, name)));
  const chosen = updates[updateOf.get(state.node)];
  view.replaceChildren(
    el("p", { class: "lead" }, "How far the optimiser moved each parameter in this step, compared with its size (for more than one element, both are norms)."),
    el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Updates" }, el("table", { class: "nodes" }, el("thead", {}, head), el("tbody", {}, rows))),
    ...(chosen ? [updateCard(chosen)] : [el("p", { class: "quiet" }, "Choose a parameter to see the optimiser's rule.")]),
  );
}

// --- what if ---

const whatIf = tape.what_if.map(() => 0);

function buildWhatIf() {
  const view = byId("view-whatif");
  if (!tape.what_if.length) return view.replaceChildren(el("p", {}, "This page contains no what-if analysis."));
  view.replaceChildren(
    el("p", { class: "lead" }, "What if the optimiser simply moved against the gradient? The straight line is the prediction of the gradient. It is accurate for small steps only."),
    ...tape.what_if.map((one, i) => {
      const shown = el("div", { class: "what-if-shown", role: "status" });
      const slider = el("input", { type: "range", min: 0, max: one.sizes.length - 1, step: 1, value: 0, id: `what-if-${i}`, "aria-label": `Step size: ${one.text}` });
      slider.addEventListener("input", () => { whatIf[i] = Number(slider.value); drawWhatIf(i, slider, shown); });
      const card = el("section", { class: "card" }, el("h3", {}, one.text), shown, el("label", { for: `what-if-${i}` }, "Step size"), slider);
      drawWhatIf(i, slider, shown);
      return card;
    }),
  );
}

function drawWhatIf(i, slider, shown) {
  const { sizes, loss, straight, text } = tape.what_if[i];
  const at = whatIf[i];
  slider.setAttribute("aria-valuetext", show(sizes[at]));
  const gap = loss[at] === null || straight[at] === null ? null : loss[at] - straight[at];
  shown.replaceChildren(
    lineChart({ xs: sizes, series: [{ ys: straight.map(Number), shape: "dashed" }, { ys: loss.map(Number), shape: "line" }], label: (y) => show(y, 4), xLabel: "step size", yLabel: "loss", mark: at, name: `${text}: loss ${loss.map((x) => show(x)).join(", ")}` }),
    el("p", {}, `Step size ${show(sizes[at])}: the loss is `, el("strong", {}, show(loss[at], 6)), "; the gradient predicts ", el("strong", {}, show(straight[at], 6)), gap === null ? "." : `; they differ by ${show(gap, 3)}.`),
    el("p", { class: "quiet" }, "Circles: the computed loss. Squares: the prediction of the gradient."),
  );
}

// --- follow a parameter ---

// Follows a parameter, from the step in which the sweep reaches it.
function followPath(node) {
  if (node !== null) goToParameter(node);
  set({ follow: node, view: "graph" });
}

function drawFollow() {
  const room = byId("follow");
  const path = state.follow === null ? null : pathOf.get(state.follow);
  byId("follow-choice").value = path ? state.follow : "";
  room.hidden = !path;
  if (!path) return;
  const hops = path.hops;
  const [width, height] = [Math.max(420, hops.length * 26), 96];
  const logs = hops.map((hop) => Math.log10(Math.max(hop.gradient_l2, 1e-12)));
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs) + 1e-9)];
  const px = (i) => 46 + (i * (width - 62)) / Math.max(1, hops.length - 1);
  const py = (y) => 10 + (1 - (y - low) / Math.max(1, high - low)) * (height - 20);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "lines hops", role: "img", "aria-label": `Gradient norm at each hop: ${hops.map((hop) => show(hop.gradient_l2, 2)).join(", ")}` });
  for (let y = low; y <= high; y += Math.max(1, Math.ceil((high - low) / 4))) svg.append(draw("line", { x1: 42, x2: width, y1: py(y), y2: py(y), class: "grid" }), draw("text", { x: 38, y: py(y) + 4, "text-anchor": "end" }, `1e${y}`.replace("-", "−")));
  svg.append(draw("polyline", { points: logs.map((y, i) => `${px(i)},${py(y)}`).join(" "), class: "line" }));
  hops.forEach((hop, i) => svg.append(draw("circle", { cx: px(i), cy: py(logs[i]), r: hop.node === state.node ? 7 : 4, class: "dot", onclick: () => select(hop.node) }, draw("title", {}, `${nodes[hop.node].label}: ${showSize(nodes[hop.node].gradient)}`))));
  const here = hops.find((hop) => hop.node === state.node);
  const [first, last] = [hops[0], hops[hops.length - 1]];
  const times = last.gradient_l2 / first.gradient_l2;
  room.replaceChildren(
    el("div", { class: "follow-head" }, el("strong", {}, parameterName(nodes[state.follow])), ` · ${hops.length} hops from the loss · norm at each, on a log scale · from ${show(first.gradient_l2, 3)} to ${show(last.gradient_l2, 3)}`, Number.isFinite(times) ? ` (${times >= 1 ? `${show(times, 3)} times larger` : `${show(1 / times, 3)} times smaller`})` : "", here ? ` · here ${show(here.gradient_l2, 3)}` : "", " ", el("button", { type: "button", class: "link", onclick: () => set({ follow: null }) }, "stop")),
    el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Gradient norm along the path" }, svg),
  );
}

// --- which view is up ---

function buildViews() {
  buildTabs(byId("view-tabs"), "view", VIEWS.map((view) => [view, VIEW_NAMES[view]]), () => state.view, (view) => set({ view }));
  buildStrip();
  buildTimeline();
  buildWhatIf();
}

drawers.push((changed) => {
  if (changed.has("view")) {
    for (const view of VIEWS) byId(`view-${view}`).hidden = view !== state.view;
    markTabs(byId("view-tabs"), `tab-view-${state.view}`);
  }
  if (state.view === "table" && ["view", "step", "node"].some((name) => changed.has(name))) {
    if (!table.body) buildTable();
    markTable();
  }
  if (state.view === "updates" && (changed.has("view") || changed.has("node"))) drawUpdates();
  if (changed.has("follow") || (state.follow !== null && changed.has("node"))) drawFollow();
  if (changed.has("step")) {
    drawStrip();
    drawTimeline();
  }
  if (changed.has("playing")) {
    byId("play").textContent = state.playing ? "Pause" : "Play";
    byId("play").setAttribute("aria-pressed", String(state.playing));
  }
  if (changed.has("speed")) byId("speed").value = state.speed;
});
