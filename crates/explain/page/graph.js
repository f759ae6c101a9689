// The graph: modules as boxes, opened ones as frames with their nodes. The layout comes from Rust; opening a module only
// pushes its column apart. Drawing is split: `build` makes the shapes when something is opened, `mark` colours them at a step.

const NODE = { w: 150, h: 40 };
const graph = { svg: byId("graph"), frame: byId("graph-frame"), map: byId("minimap"), view: { x: 0, y: 0, k: 1 }, bounds: null, boxes: new Map(), edges: [], rooms: new Map(), window: null };

// The position of each leaf module: opened modules push the modules below down and the columns on their right aside.
function places() {
  const place = new Map();
  const columns = [...new Set(boxes.map((box) => Math.round(box.x)))].sort((a, b) => a - b);
  let aside = 0;
  for (const column of columns) {
    let [down, wider] = [0, 0];
    for (const box of boxes.filter((box) => Math.round(box.x) === column).sort((a, b) => a.y - b.y)) {
      const opened = state.open.has(box.id);
      const [w, h] = opened ? [box.open_w, box.open_h] : [box.w, box.h];
      place.set(box.id, { x: box.x + aside, y: box.y + down, w, h });
      down += h - box.h;
      wider = Math.max(wider, w - box.w);
    }
    for (const box of boxes.filter((box) => Math.round(box.x) === column)) {
      const at = place.get(box.id);
      at.x += (wider + box.w - at.w) / 2; // centred in its column
    }
    aside += wider;
  }
  return place;
}

const leaves = (id) => (children[id].length ? children[id].flatMap(leaves) : [id]);
const isFrozenModule = (id) => leaves(id).some((leaf) => modules[leaf].nodes.some((n) => nodes[n].no_gradient === "frozen"));

function build() {
  const { svg } = graph;
  svg.replaceChildren(patterns());
  graph.boxes.clear();
  graph.rooms.clear();
  graph.edges = [];
  const place = places();
  graph.place = place;
  const rects = [...place.values()];
  const edge = (f) => Math.max(...rects.map(f));
  const [left, top] = [Math.min(...rects.map((r) => r.x)), Math.min(...rects.map((r) => r.y))];
  graph.bounds = { x: left - 40, y: top - 72, w: edge((r) => r.x + r.w) - left + 80, h: edge((r) => r.y + r.h) - top + 112 };
  const [frames, rooms, lines, tops] = ["frames", "rooms", "edges", "boxes"].map((name) => svg.appendChild(draw("g", { class: name })));
  modules.filter((module) => children[module.id].length).forEach((module) => frames.append(frameOf(module, place)));
  for (const box of boxes) {
    const at = place.get(box.id);
    if (!state.open.has(box.id)) {
      tops.append(boxOf(box, at));
      continue;
    }
    rooms.append(roomOf(box, at));
    for (const id of box.nodes) tops.append(nodeOf(nodes[id], at));
  }
  drawEdges(lines);
  buildMap();
  applyView();
  mark();
  byId("open-all").textContent = state.open.size < boxes.length ? "Open all" : "Close all";
}

function patterns() {
  const hatch = draw("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, draw("line", { x1: 0, y1: 0, x2: 0, y2: 7, class: "hatch" }));
  const arrow = (id) => draw("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 10, markerHeight: 10, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, draw("path", { d: "M0 0L8 4L0 8z", class: id }));
  return draw("defs", {}, hatch, arrow("arrow"), arrow("arrow-back"));
}

// The rectangle of a module: a layer's box, or the frame around its contents with room for a name. None for a layer that is not shown.
function rectOf(id, place) {
  if (!children[id].length) return place.get(id);
  const inside = children[id].map((child) => rectOf(child, place)).filter(Boolean);
  if (!inside.length) return undefined;
  const [side, title] = children[id].some((child) => children[child].length) ? [12, 28] : [16, 34];
  const [x, y] = [Math.min(...inside.map((r) => r.x)) - side, Math.min(...inside.map((r) => r.y)) - title];
  const [right, bottom] = [Math.max(...inside.map((r) => r.x + r.w)) + side, Math.max(...inside.map((r) => r.y + r.h)) + side];
  return { x, y, w: right - x, h: bottom - y };
}

// A frame around the layers of a network or its parts; hatched, with the reason, if its weights are frozen.
function frameOf(module, place) {
  const at = rectOf(module.id, place);
  if (!at) return draw("g");
  const rect = (attributes) => draw("rect", { x: at.x, y: at.y, width: at.w, height: at.h, rx: 14, ...attributes });
  const frozen = isFrozenModule(module.id);
  const group = draw("g", { class: frozen ? "frame frozen" : "frame" }, rect({}));
  if (frozen) group.append(rect({ fill: "url(#hatch)", class: "hatched" }));
  const outermost = module.parent === null || !isFrozenModule(module.parent);
  const label = frozen && outermost ? `${module.name} · frozen` : module.name;
  group.append(draw("rect", { x: at.x + 10, y: at.y + 5, width: label.length * 7.6 + 12, height: 20, rx: 6, class: "plate" }), draw("text", { x: at.x + 16, y: at.y + 20 }, label));
  if (frozen) group.append(draw("title", {}, "Gradients flow through these layers, but none is computed for their weights."));
  return group;
}

const clip = (text, letters) => (text.length > letters ? `${text.slice(0, letters - 1)}…` : text);

// The node whose pictures represent a module: the last one that has any.
const faceOf = (module) => module.nodes.map((id) => nodes[id]).findLast((node) => node.value_picture && node.role !== "parameter" && node.role !== "frozen") ?? module.nodes.map((id) => nodes[id]).findLast((node) => node.value_picture) ?? null;

function opsOf(module) {
  const ops = module.nodes.map((id) => nodes[id].op).filter((op) => op !== "variable" && op !== "constant");
  return ops.length > 2 ? `${ops[0]} + ${ops.length - 1} more` : ops.join(" + ") || nodes[module.nodes[0]].op;
}

// Whether there is a wall on an arrow to or from a node, so that it needs none of its own.
const wallsAt = (id) => nodes[id].inputs.some((input) => input.wall) || consumers[id].some((reader) => nodes[reader].inputs.some((input) => input.node === id && input.wall));

function boxOf(box, at) {
  const group = draw("g", { class: "box", transform: `translate(${at.x} ${at.y})`, onclick: () => openAndLook(box.id) });
  const face = faceOf(box);
  const loss = box.nodes.some((id) => nodes[id].role === "loss");
  group.append(draw("rect", { width: at.w, height: at.h, rx: loss ? 26 : 9, class: "paper" }));
  const bars = [draw("rect", { class: "made-bar", x: 0, width: 5, rx: 2.5 }), draw("rect", { class: "swept-bar", x: at.w - 5, width: 5, rx: 2.5 })];
  const image = face ? draw("image", { x: at.w - 48, y: 4, width: 36, height: at.h - 8, class: "stamp" }) : null;
  const room = face ? 15 : 21;
  group.append(...bars, draw("text", { x: 16, y: 18, class: "name" }, clip(box.name, room)), draw("text", { x: 16, y: 34, class: "op" }, clip(opsOf(box), room + 2)));
  if (image) group.append(image);
  group.append(draw("title", {}, `${box.path}: ${box.nodes.length} nodes. Click to open.`));
  if (box.nodes.some((id) => nodes[id].no_gradient === "cut here" && !wallsAt(id))) group.append(wall(at.w / 2, at.h + 8, "cut", 44));
  graph.boxes.set(`m${box.id}`, { group, bars, image, face, members: box.nodes.map((id) => nodes[id]), at, inset: loss ? 13 : 6, drawn: {} });
  return group;
}

function roomOf(box, at) {
  const close = () => open(box.id);
  const group = draw("g", { class: "room" }, draw("rect", { x: at.x, y: at.y, width: at.w, height: at.h, rx: 12, class: "room-paper" }));
  group.append(draw("g", { class: "room-head", onclick: close }, draw("rect", { x: at.x, y: at.y, width: at.w, height: 26, rx: 12, class: "grip" }), draw("text", { x: at.x + 14, y: at.y + 18 }, `− ${clip(box.name, 24)}`), draw("title", {}, `${box.path}. Click to close.`)));
  graph.rooms.set(box.id, group);
  return group;
}

// In the room of its module, a node need not repeat the module's name.
function shortLabel({ label, module }) {
  const { name } = modules[module];
  return [`${name} · `, `${name}.`].reduce((text, before) => (text.startsWith(before) ? text.slice(before.length) : text), label);
}

function nodeOf(node, room) {
  const at = { x: room.x + node.left, y: room.y + node.top, ...NODE };
  const round = node.role === "parameter" || node.role === "frozen" || node.role === "loss" ? 20 : 7;
  const group = draw("g", { class: `box node ${node.role}`, transform: `translate(${at.x} ${at.y})`, onclick: () => select(node.id) });
  group.append(draw("rect", { width: at.w, height: at.h, rx: round, class: "paper" }));
  if (node.role === "frozen") group.append(draw("rect", { width: at.w, height: at.h, rx: round, fill: "url(#hatch)", class: "hatched" }));
  const bars = [draw("rect", { class: "made-bar", x: 0, width: 4, rx: 2 }), draw("rect", { class: "swept-bar", x: at.w - 4, width: 4, rx: 2 })];
  const exact = node.shape.length === 0 || (node.value.exact && node.value.exact.length === 1);
  // A single number is written as text.
  const image = node.value_picture && !exact ? draw("image", { x: at.w - 42, y: 5, width: 32, height: 30, class: "stamp" }) : null;
  const under = exact ? draw("text", { x: 14, y: 32, class: "op exact" }) : draw("text", { x: 14, y: 32, class: "op" }, clip(node.op, image ? 12 : 18));
  group.append(...bars, draw("text", { x: 14, y: 17, class: "name" }, clip(shortLabel(node), image ? 12 : 17)), under);
  if (image) group.append(image);
  group.append(draw("title", {}, `${node.label}: ${node.op}, ${shapeText(node.shape)}`));
  graph.boxes.set(`n${node.id}`, { group, bars, image, face: node, under: exact ? under : null, members: [node], at, inset: round === 20 ? 12 : 5, drawn: {} });
  return group;
}

// The box that represents a node at present.
const keyOf = (node) => (state.open.has(nodes[node].module) ? `n${node}` : `m${nodes[node].module}`);

function drawEdges(layer) {
  const seen = new Map();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const [from, to] = [keyOf(input.node), keyOf(node.id)];
      if (from === to) continue;
      const key = `${from} ${to}`;
      if (!seen.has(key)) seen.set(key, { from, to, pairs: [], wall: null });
      seen.get(key).pairs.push([input.node, node.id, input.wants_gradient]);
      seen.get(key).wall ??= wallKind(input, node);
    }
  }
  for (const edge of seen.values()) {
    const [a, b] = [graph.boxes.get(edge.from).at, graph.boxes.get(edge.to).at];
    const path = draw("path", { d: route(a, b), class: "edge" });
    layer.append(path);
    if (edge.wall) layer.append(wall(a.x + a.w / 2, a.y + a.h + 8, edge.wall, 44));
    graph.edges.push({ ...edge, path });
  }
}

// From the bottom of one box to the top of the other, around the boxes between them.
function route(a, b) {
  const [x1, y1, x2, y2] = [a.x + a.w / 2, a.y + a.h, b.x + b.w / 2, b.y];
  const far = y2 - y1;
  if (far > 0 && far < 120) return `M${x1} ${y1}C${x1} ${y1 + far / 2} ${x2} ${y2 - far / 2} ${x2} ${y2 - 2}`;
  if (far > 0 && Math.abs(x1 - x2) < a.w / 2) {
    const side = Math.max(a.x + a.w, b.x + b.w) + 26; // past the boxes between
    return `M${a.x + a.w} ${a.y + a.h / 2}C${side} ${a.y + a.h / 2} ${side} ${b.y + b.h / 2} ${b.x + b.w + 2} ${b.y + b.h / 2}`;
  }
  if (far > 0) return `M${x1} ${y1}C${x1} ${y1 + 40} ${x2} ${y2 - 60} ${x2} ${y2 - 2}`;
  const [sx, ex] = x2 > x1 ? [a.x + a.w, b.x] : [a.x, b.x + b.w];
  const middle = (sx + ex) / 2;
  const [ya, yb] = [a.y + a.h / 2, b.y + b.h / 2];
  return `M${sx} ${ya}C${middle} ${ya} ${middle} ${yb} ${ex + (x2 > x1 ? -2 : 2)} ${yb}`;
}

// A wall across an edge: two bars, and what kind it is.
function wall(x, y, kind, wide) {
  const title = kind === "cut" ? "The graph is cut here: no gradient flows through." : "Frozen: a constant in this phase, no gradient is computed.";
  const bar = (dy) => draw("line", { x1: x - wide / 2, x2: x + wide / 2, y1: y + dy, y2: y + dy });
  return draw("g", { class: `wall ${kind}` }, bar(-2.5), bar(2.5), draw("text", { x: x + wide / 2 + 5, y: y + 4 }, kind), draw("title", {}, title));
}

// Colours everything for the present step: not computed, has a value, has a gradient, active, on the followed path.
// With `only`, a set of box keys, just these are updated.
function mark(only = null) {
  const { step } = state;
  graph.marked = { step, node: state.node };
  const now = steps[step];
  const backward = phases[now.phase].kind === "backward" || phases[now.phase].kind === "update";
  const on = followed();
  const nowKey = now.node === null || now.node === undefined ? null : keyOf(now.node);
  for (const key of only ?? graph.boxes.keys()) {
    const box = graph.boxes.get(key);
    const made = box.members.filter((node) => isMade(node, step)).length / box.members.length;
    const wanting = box.members.filter((node) => node.no_gradient === null);
    const swept = wanting.length ? wanting.filter((node) => isSwept(node, step)).length / wanting.length : 0;
    const own = box.members.some((node) => node.id === state.node);
    const path = on ? (box.members.some((node) => on.has(node.id)) ? "on" : "off") : "";
    const style = [made ? "" : "later", key === nowKey ? (backward ? "now back" : "now") : "", own ? "chosen" : "", path].join(" ");
    if (box.drawn.style !== style) box.group.setAttribute("class", `${box.group.getAttribute("class").match(/^box( node [a-z]+)?/)[0]} ${style}`);
    if (box.drawn.made !== made) fillBar(box, 0, made);
    if (box.drawn.swept !== swept) fillBar(box, 1, swept);
    const face = box.face;
    const shows = !face || !isMade(face, step) ? "" : isSwept(face, step) && face.gradient_picture ? "gradient" : "value";
    if (box.image && box.drawn.shows !== shows) box.image.setAttribute("href", shows ? (stamp(face, shows) ?? "") : "");
    if (box.under && face) {
      const text = !isMade(face, step) ? "?" : isSwept(face, step) && face.gradient ? `${show(exactOf(face, "value"), 3)} · ∂ ${show(exactOf(face, "gradient"), 3)}` : show(exactOf(face, "value"), 4);
      if (box.drawn.text !== text) box.under.textContent = text;
      box.drawn.text = text;
    }
    Object.assign(box.drawn, { style, made, swept, shows });
  }
  for (const edge of graph.edges) {
    if (only && !only.has(edge.from) && !only.has(edge.to)) continue;
    const made = edge.pairs.some(([from, to]) => isMade(nodes[from], step) && isMade(nodes[to], step) && nodes[to].made !== null);
    const back = edge.pairs.some(([from, to, wants]) => wants && nodes[from].gradient && isSwept(nodes[to], step) && isSwept(nodes[from], step));
    const flows = edge.pairs.some(([from, to]) => (backward ? from === now.node && isSwept(nodes[to], step) : to === now.node));
    const path = on ? (edge.pairs.some(([from, to]) => on.has(from) && on.has(to)) ? "on" : "off") : "";
    const style = `edge ${back ? "back" : made ? "made" : "later"} ${flows ? "flows" : ""} ${path}`;
    if (edge.style !== style) {
      edge.path.setAttribute("class", style);
      // The arrow shows the last direction of flow: values down, gradients up.
      edge.path.setAttribute(back ? "marker-start" : "marker-end", back ? "url(#arrow-back)" : "url(#arrow)");
      edge.path.removeAttribute(back ? "marker-end" : "marker-start");
    }
    edge.style = style;
  }
  markMap(only ?? graph.boxes.keys());
}

// What a single step or another selected node can change.
function markNear() {
  const was = graph.marked;
  if (Math.abs(was.step - state.step) > 1) return mark();
  const near = [steps[was.step].node, steps[state.step].node, was.node, state.node].filter((node) => node !== null);
  mark(new Set(near.map(keyOf)));
}

const exactOf = (node, kind) => node[kind].exact?.[0] ?? node[kind].mean;

function fillBar({ bars, at, inset }, side, share) {
  const long = share * (at.h - 2 * inset);
  bars[side].setAttribute("y", at.h - inset - long);
  bars[side].setAttribute("height", long);
}

function followed() {
  const path = state.follow === null ? null : pathOf.get(state.follow);
  return path ? new Set([...path.hops.map((hop) => hop.node), state.follow]) : null;
}

function open(id, opened = !state.open.has(id)) {
  const next = new Set(state.open);
  if (opened) next.add(id);
  else next.delete(id);
  set({ open: next });
}

// A click on a closed module: its nodes appear, and the last of them is shown.
function openAndLook(id) {
  open(id, true);
  select(modules[id].nodes.at(-1));
}

// --- panning and zooming: the part `view` of the plane fills the frame ---

function frameSize() {
  return { w: graph.frame.clientWidth || 600, h: graph.frame.clientHeight || 400 };
}

function applyView() {
  const { w, h } = frameSize();
  const { x, y, k } = graph.view;
  graph.svg.setAttribute("viewBox", `${x} ${y} ${w / k} ${h / k}`);
  if (graph.window) fill(graph.window, { x, y, width: w / k, height: h / k }, []);
  const { bounds } = graph; // the map is for parts outside the view
  graph.map.style.visibility = x <= bounds.x && y <= bounds.y && x + w / k >= bounds.x + bounds.w && y + h / k >= bounds.y + bounds.h ? "hidden" : "visible";
}

function fit() {
  const { w, h } = frameSize();
  const { bounds } = graph;
  const k = Math.min(1.25, Math.max(0.12, Math.min(w / bounds.w, h / bounds.h)));
  graph.view = { k, x: bounds.x + bounds.w / 2 - w / k / 2, y: bounds.y + bounds.h / 2 - h / k / 2 };
  applyView();
}

// Fits the whole width if the text stays legible, otherwise shows the start of the graph.
function startView() {
  fit();
  const { w, h } = frameSize();
  if (graph.view.k >= 0.72) return;
  const k = Math.max(0.72, Math.min(1, w / graph.bounds.w));
  const { bounds } = graph;
  graph.view = { k, x: bounds.x + Math.min(0, (bounds.w - w / k) / 2), y: bounds.y + Math.min(0, (bounds.h - h / k) / 2) };
  applyView();
}

function zoom(factor, at = null) {
  const { w, h } = frameSize();
  const { view } = graph;
  const k = Math.min(3, Math.max(0.12, view.k * factor));
  const p = at ?? { x: w / 2, y: h / 2 };
  view.x += p.x / view.k - p.x / k;
  view.y += p.y / view.k - p.y / k;
  view.k = k;
  applyView();
}

function pan(dx, dy) {
  graph.view.x += dx / graph.view.k;
  graph.view.y += dy / graph.view.k;
  applyView();
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
let glide = 0;

// Brings a node into view, if it is not: smoothly, unless motion is not wanted.
function reveal(node) {
  const box = graph.boxes.get(keyOf(node));
  if (!box) return;
  const { w, h } = frameSize();
  const { view } = graph;
  const { x, y, w: bw, h: bh } = box.at;
  const margin = 24 / view.k;
  const seesAcross = x - margin >= view.x && x + bw + margin <= view.x + w / view.k;
  const seesDown = y - margin >= view.y && y + bh + margin <= view.y + h / view.k;
  if (seesAcross && seesDown) return;
  const goal = { x: seesAcross ? view.x : x + bw / 2 - w / view.k / 2, y: seesDown ? view.y : y + bh / 2 - h / view.k / 2 };
  // Not past the ends of the graph, where they are near.
  const within = (at, low, long, room) => (long <= room ? at : Math.min(Math.max(at, low), low + long - room));
  goal.x = within(goal.x, graph.bounds.x, graph.bounds.w, w / view.k);
  goal.y = within(goal.y, graph.bounds.y, graph.bounds.h, h / view.k);
  const start = { x: view.x, y: view.y, time: performance.now() };
  const mine = ++glide;
  const move = (now) => {
    if (mine !== glide) return;
    const t = Math.min(1, Math.max(0, (now - start.time) / 260));
    const s = calm() || state.speed > 5 ? 1 : t * t * (3 - 2 * t);
    view.x = start.x + (goal.x - start.x) * s;
    view.y = start.y + (goal.y - start.y) * s;
    applyView();
    if (s < 1) requestAnimationFrame(move);
  };
  move(start.time);
}

// --- the mini-map ---

function buildMap() {
  const { map, bounds } = graph;
  map.setAttribute("viewBox", `${bounds.x} ${bounds.y} ${bounds.w} ${bounds.h}`);
  map.replaceChildren();
  for (const [key, box] of graph.boxes) {
    box.dot = draw("rect", { x: box.at.x, y: box.at.y, width: box.at.w, height: box.at.h, "data-key": key });
    map.append(box.dot);
  }
  graph.window = draw("rect", { class: "window" });
  map.append(graph.window);
}

function markMap(keys) {
  for (const key of keys) {
    const box = graph.boxes.get(key);
    const { style, swept, made } = box.drawn;
    const kind = style.includes("now") ? "now" : swept > 0 ? "swept" : made > 0 ? "made" : "later";
    if (box.dot.getAttribute("class") !== kind) box.dot.setAttribute("class", kind);
  }
}

// --- the pointer ---

function listenToPointer() {
  const { frame, map } = graph;
  let held = null;
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button, #minimap")) return;
    held = { x: event.clientX, y: event.clientY, moved: false };
  });
  frame.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.moved && Math.hypot(dx, dy) < 4) return;
    if (!held.moved) frame.setPointerCapture(event.pointerId);
    pan(-dx, -dy);
    held = { x: event.clientX, y: event.clientY, moved: true };
  });
  const release = () => (held = null);
  frame.addEventListener("pointerup", release);
  frame.addEventListener("pointercancel", release);
  frame.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) {
      const frameAt = frame.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 300), { x: event.clientX - frameAt.x, y: event.clientY - frameAt.y });
    } else pan(event.deltaX, event.deltaY);
  }, { passive: false });
  map.addEventListener("pointerdown", (event) => {
    const at = map.getBoundingClientRect();
    const { bounds, view } = graph;
    const scale = Math.max(bounds.w / at.width, bounds.h / at.height);
    const { w, h } = frameSize();
    view.x = bounds.x + bounds.w / 2 + (event.clientX - at.x - at.width / 2) * scale - w / view.k / 2;
    view.y = bounds.y + bounds.h / 2 + (event.clientY - at.y - at.height / 2) * scale - h / view.k / 2;
    applyView();
  });
  byId("zoom-in").onclick = () => zoom(1.25);
  byId("zoom-out").onclick = () => zoom(0.8);
  byId("zoom-fit").onclick = fit;
  byId("open-all").onclick = () => openAll();
  new ResizeObserver(() => applyView()).observe(frame);
}

function openAll(opened = state.open.size < boxes.length) {
  set({ open: new Set(opened ? boxes.map((box) => box.id) : []) });
  if (state.node !== null) reveal(state.node);
}

// Moves along an arrow: up to an input, down to a user, sideways to another one of these.
function walk(direction) {
  const from = state.node ?? steps[state.step].node ?? 0;
  const node = nodes[from];
  const list = direction === "up" ? node.inputs.map((input) => input.node) : consumers[from];
  // Arrows with a gradient first: the path to the weights and to the loss.
  const next = list.find((id) => nodes[id].no_gradient === null && nodes[id].role === "activation") ?? list[0];
  if (next !== undefined) select(next);
}

// The other inputs of the same consumer.
function walkAside(by) {
  const from = state.node ?? 0;
  const siblings = consumers[from].length ? nodes[consumers[from][0]].inputs.map((input) => input.node) : [from];
  select(siblings[(siblings.indexOf(from) + by + siblings.length) % siblings.length]);
}

drawers.push((changed) => {
  if (changed.has("open")) {
    build();
  } else if (changed.has("follow")) mark();
  else if (changed.has("step") || changed.has("node")) markNear();
  if (state.node !== null && ["step", "node", "open"].some((name) => changed.has(name)) && state.view === "graph") {
    reveal(state.node);
    const node = nodes[state.node];
    byId("graph-now").textContent = `${node.label}, ${node.op}, in ${modules[node.module].path}`;
  }
});
