// For small graphs: change a number, and both sweeps are worked out again here, in double precision. This is the engine in
// small: a forward rule and a backward rule for each op, a loop forward, a loop back.

const size = (shape) => shape.reduce((a, b) => a * b, 1);

// For each element of `shape`, the element of a tensor of shape `from` that broadcasting puts there.
function broadcastIndex(from, shape) {
  const index = new Array(size(shape));
  const steps = [];
  let step = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    steps[axis + shape.length - from.length] = from[axis] === 1 ? 0 : step;
    step *= from[axis];
  }
  for (let i = 0; i < index.length; i++) {
    let [rest, at] = [i, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]) * (steps[axis] ?? 0);
      rest = Math.floor(rest / shape[axis]);
    }
    index[i] = at;
  }
  return index;
}

const gather = (values, index) => index.map((at) => values[at]);

function scatter(values, index, length) {
  const sum = new Array(length).fill(0);
  index.forEach((at, i) => (sum[at] += values[i]));
  return sum;
}

// An op of each element by itself: f gives the value, slope the derivative from x and y.
const each = (f, slope) => ({
  forward: (node, [x]) => x.values.map((v) => f(v, node.attributes)),
  backward: (node, [x], gy, y) => [gy.map((g, i) => g * slope(x.values[i], y[i], node.attributes))],
});

// An op of two tensors, broadcast against each other.
const pair = (f, slopes) => ({
  forward(node, inputs) {
    const [a, b] = inputs.map((x) => gather(x.values, broadcastIndex(x.shape, node.shape)));
    return a.map((v, i) => f(v, b[i]));
  },
  backward(node, inputs, gy) {
    const at = inputs.map((x) => broadcastIndex(x.shape, node.shape));
    const [a, b] = inputs.map((x, k) => gather(x.values, at[k]));
    return inputs.map((x, k) => scatter(gy.map((g, i) => g * slopes[k](a[i], b[i])), at[k], x.values.length));
  },
});

const sumWithBias = (node, x, b) => (b ? gather(b.values, broadcastIndex(b.shape, node.shape)).map((v, i) => v + x.values[i]) : x.values);

const OPS = {
  add: pair((a, b) => a + b, [() => 1, () => 1]),
  sub: pair((a, b) => a - b, [() => 1, () => -1]),
  mul: pair((a, b) => a * b, [(a, b) => b, (a) => a]),
  div: pair((a, b) => a / b, [(a, b) => 1 / b, (a, b) => -a / (b * b)]),
  affine: each((x, { scale = 1, shift = 0 }) => scale * x + shift, (x, y, { scale = 1 }) => scale),
  tanh: each(Math.tanh, (x, y) => 1 - y * y),
  sigmoid: each(FUNCTIONS.sigmoid, (x, y) => y * (1 - y)),
  softplus: each(FUNCTIONS.softplus, (x) => FUNCTIONS.sigmoid(x)),
  leaky_relu: each((x, { slope = 0 }) => (x > 0 ? x : slope * x), (x, y, { slope = 0 }) => (x > 0 ? 1 : slope)),
  exp: each(Math.exp, (x, y) => y),
  log: each(Math.log, (x) => 1 / x),
  sqrt: each(Math.sqrt, (x, y) => 0.5 / y),
  square: each((x) => x * x, (x) => 2 * x),
  abs: each(Math.abs, (x) => Math.sign(x)),
  reciprocal: each((x) => 1 / x, (x, y) => -y * y),
  reshape: { forward: (node, [x]) => [...x.values], backward: (node, inputs, gy) => [[...gy]] },
  sum_to: {
    forward: (node, [x]) => scatter(x.values, broadcastIndex(node.shape, x.shape), size(node.shape)),
    backward: (node, [x], gy) => [gather(gy, broadcastIndex(node.shape, x.shape))],
  },
  broadcast_to: {
    forward: (node, [x]) => gather(x.values, broadcastIndex(x.shape, node.shape)),
    backward: (node, [x], gy) => [scatter(gy, broadcastIndex(x.shape, node.shape), x.values.length)],
  },
  // Of a layer's end: the bias is added, then comes the activation.
  bias_act: {
    forward: (node, [x, b]) => sumWithBias(node, x, b).map((v) => (v > 0 ? v : (node.attributes.slope ?? 1) * v)),
    backward(node, [x, b], gy) {
      const gs = sumWithBias(node, x, b).map((v, i) => (v > 0 ? 1 : (node.attributes.slope ?? 1)) * gy[i]);
      return b ? [gs, scatter(gs, broadcastIndex(b.shape, node.shape), b.values.length)] : [gs];
    },
  },
  matmul: {
    forward(node, [a, b]) {
      const [n, inner] = a.shape;
      const m = b.shape[1];
      const y = new Array(n * m).fill(0);
      for (let i = 0; i < n; i++) for (let k = 0; k < inner; k++) for (let j = 0; j < m; j++) y[i * m + j] += a.values[i * inner + k] * b.values[k * m + j];
      return y;
    },
    backward(node, [a, b], gy) {
      const [n, inner] = a.shape;
      const m = b.shape[1];
      const ga = new Array(n * inner).fill(0);
      const gb = new Array(inner * m).fill(0);
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < inner; k++) {
          for (let j = 0; j < m; j++) {
            ga[i * inner + k] += gy[i * m + j] * b.values[k * m + j];
            gb[k * m + j] += gy[i * m + j] * a.values[i * inner + k];
          }
        }
      }
      return [ga, gb];
    },
  },
};

// Both sweeps. `changed` has new numbers by node id. Returns the values and the gradients by node id.
function recompute(editable, changed = new Map()) {
  const values = new Map();
  const gradients = new Map();
  const tensor = (id) => ({ shape: shapes.get(id), values: values.get(id) });
  const shapes = new Map(editable.nodes.map((node) => [node.node, node.shape]));
  for (const node of editable.nodes) values.set(node.node, node.free ? (changed.get(node.node) ?? node.values) : OPS[node.op].forward(node, node.inputs.map(tensor)));
  gradients.set(editable.loss, values.get(editable.loss).map(() => 1));
  for (const node of [...editable.nodes].reverse()) {
    const gy = gradients.get(node.node);
    if (!gy || node.free) continue;
    OPS[node.op].backward(node, node.inputs.map(tensor), gy, values.get(node.node)).forEach((gx, i) => {
      const id = node.inputs[i];
      const before = gradients.get(id);
      gradients.set(id, before ? before.map((g, k) => g + gx[k]) : gx); // a value used twice gets both
    });
  }
  return { values, gradients };
}

const edits = new Map(); // node id -> its numbers now

function buildEdit() {
  const { editable } = tape;
  const free = editable.nodes.filter((node) => node.free && node.values.length <= 64);
  const cards = free.map((node) =>
    el("fieldset", { class: "numbers" }, el("legend", {}, nodes[node.node].label, el("span", { class: "quiet" }, ` ${ROLES[nodes[node.node].role]}`)),
      node.values.map((value, k) =>
        el("input", { type: "number", step: "any", value: Number(value.toPrecision(6)), "aria-label": `${nodes[node.node].label}${node.values.length > 1 ? ` number ${k + 1}` : ""}`, "data-node": node.node, oninput: (event) => edit(node, k, Number(event.target.value)) }))));
  byId("view-edit").replaceChildren(
    el("p", { class: "lead" }, "Change a number. The page computes the way forward and the way back again, by itself."),
    el("div", { class: "cards" }, cards),
    el("p", {}, el("button", { type: "button", id: "edit-step", onclick: descend }, "One small step against the gradient"), " ", el("button", { type: "button", id: "edit-reset", onclick: resetEdits }, "As recorded")),
    el("div", { id: "edit-result", role: "status" }));
  drawEdit();
}

function edit(node, k, value) {
  if (!Number.isFinite(value)) return;
  const now = [...(edits.get(node.node) ?? node.values)];
  now[k] = value;
  edits.set(node.node, now);
  drawEdit();
}

function resetEdits() {
  edits.clear();
  buildEdit();
}

// Moves every parameter by -0.1 of its gradient: the loss should fall.
function descend() {
  const { gradients, values } = recompute(tape.editable, edits);
  for (const node of tape.editable.nodes) {
    if (!node.free || nodes[node.node].role !== "parameter" || !gradients.has(node.node)) continue;
    edits.set(node.node, values.get(node.node).map((v, k) => v - 0.1 * gradients.get(node.node)[k]));
  }
  for (const input of byId("view-edit").querySelectorAll("input")) {
    const mine = [...byId("view-edit").querySelectorAll(`input[data-node="${input.dataset.node}"]`)].indexOf(input);
    const now = edits.get(Number(input.dataset.node));
    if (now) input.value = Number(now[mine].toPrecision(6));
  }
  drawEdit();
}

const brief = (values) => (values === undefined ? "none" : values.length === 1 ? show(values[0]) : `norm ${show(Math.hypot(...values))}`);

function drawEdit() {
  const { editable } = tape;
  const [was, now] = [recompute(editable), recompute(editable, edits)];
  const [lossWas, lossNow] = [was, now].map(({ values }) => values.get(editable.loss)[0]);
  const change = (kind, id, a, b) => el("td", { class: `number ${kind}` }, brief(a.get(id)), brief(a.get(id)) === brief(b.get(id)) ? null : el("strong", {}, ` → ${brief(b.get(id))}`));
  const withGradient = (id) => nodes[id].no_gradient === null;
  const rows = editable.nodes.map(({ node }) => el("tr", {}, el("th", { scope: "row" }, nodeLink(node)), el("td", {}, nodes[node].op), change("value", node, was.values, now.values), withGradient(node) ? change("gradient", node, was.gradients, now.gradients) : el("td", { class: "number" }, "none")));
  byId("edit-result").replaceChildren(
    el("p", { class: "large" }, "loss ", el("span", { class: "value" }, show(lossNow, 6)), lossNow === lossWas ? null : el("span", { class: "quiet" }, ` was ${show(lossWas, 6)}`)),
    el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Values and gradients" }, el("table", { class: "nodes" }, el("thead", {}, el("tr", {}, ["node", "op", "value", "gradient"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows))));
}
