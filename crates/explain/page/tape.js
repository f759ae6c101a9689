// The document that this page shows: parsed once, indexed and never changed. Everything in it is computed and tested in Rust.

const tape = JSON.parse(document.getElementById("tape").textContent);
const { nodes, steps, phases, modules, updates } = tape;

// Replaces module paths by numbers, and makes the position of a node relative to its open module.
const moduleAt = new Map(modules.map((module, id) => [module.path, id]));
modules.forEach((module, id) => {
  module.id = id;
  module.parent = module.parent === null ? null : moduleAt.get(module.parent);
  module.path = module.path.replace(/^\d+\//, ""); // the column shows the number of the tape
});
for (const node of nodes) {
  node.module = moduleAt.get(node.module);
  const { open_x, open_y } = modules[node.module];
  node.left = node.x - open_x;
  node.top = node.y - open_y;
}

const byId = (id) => document.getElementById(id);

// A node of HTML: el("p", { class: "quiet" }, "text", child). Text is only ever set as text, never parsed.
function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

// The same for SVG.
function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// The users of each node.
const consumers = nodes.map(() => []);
for (const node of nodes) for (const input of node.inputs) consumers[input.node].push(node.id);

const children = modules.map(() => []);
for (const module of modules) if (module.parent !== null) children[module.parent].push(module.id);
const boxes = modules.filter((module) => module.nodes.length > 0);

const updateOf = new Map(updates.map((update, i) => [update.node, i]));
const pathOf = new Map(tape.follow.map((path) => [path.parameter, path]));
const parameters = nodes.filter((node) => node.role === "parameter");
const losses = nodes.filter((node) => node.role === "loss");

// The order of computation: the step that computed a node; constants and inputs come first.
const madeAt = (node) => node.made ?? -1;
const isMade = (node, step) => madeAt(node) <= step;
const isSwept = (node, step) => node.swept !== null && node.swept <= step;

const shapeText = (shape) => (shape.length ? shape.join(" × ") : "one number");

function parameterName(node) {
  const update = updateOf.get(node.id);
  return update === undefined ? `${modules[node.module].path} ${node.label}` : updates[update].parameter;
}

// The MathML of the dictionary: only its elements and their text.
const MATH = new Set(
  "math mi mo mn mtext mspace mrow mfrac msqrt mroot msup msub msubsup munder mover munderover mtable mtr mtd mstyle mpadded mphantom menclose semantics".split(" "),
);
const MATH_ATTRIBUTES = new Set("display mathvariant stretchy fence separator accent lspace rspace width columnalign form minsize maxsize linethickness".split(" "));

function mathOf(text, alternative) {
  const parsed = new DOMParser().parseFromString(text, "application/xml").documentElement;
  const copy = (from) => {
    if (from.nodeType === Node.TEXT_NODE) return document.createTextNode(from.data);
    if (from.nodeType !== Node.ELEMENT_NODE || !MATH.has(from.localName)) return null;
    const to = document.createElementNS("http://www.w3.org/1998/Math/MathML", from.localName);
    for (const { name, value } of from.attributes) if (MATH_ATTRIBUTES.has(name)) to.setAttribute(name, value);
    to.append(...[...from.childNodes].map(copy).filter(Boolean));
    return to;
  };
  const math = parsed.localName === "math" ? copy(parsed) : null;
  if (!math) return el("code", {}, alternative);
  math.setAttribute("displaystyle", "true");
  if (alternative) math.setAttribute("aria-label", alternative);
  return el("div", { class: "math" }, math);
}

// Walls: between phases, where a tape takes in a value without its history, and where a network is frozen.
const WALLS = [["forward", "cut here", "cut"], ["backward", "frozen", "frozen"]];

function wallBefore(phase) {
  const first = phase.steps.map((step) => steps[step].node).find((node) => node !== null);
  if (first === undefined) return null;
  for (const [phaseKind, reason, kind] of WALLS) {
    const behind = phase.kind === phaseKind && nodes.find((node) => node.tape === nodes[first].tape && node.no_gradient === reason);
    if (behind) return { kind, text: behind.no_gradient_text };
  }
  return null;
}
for (const phase of phases) phase.wall = wallBefore(phase);

const wallKind = (input, node) => (!input.wall ? null : nodes[input.node].no_gradient === "frozen" ? "frozen" : node.no_gradient === "frozen" ? "frozen" : "cut");
