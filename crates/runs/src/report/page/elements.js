// Helpers: elements, numbers, and the state of the page. Text is always inserted as text.

const SVG = "http://www.w3.org/2000/svg";

function fillIn(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

const make = (tag, attributes = {}, ...children) => fillIn(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) => fillIn(document.createElementNS(SVG, tag), attributes, children);

// A number with about four significant digits.
function show(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

const thousands = (value) => Math.round(value).toLocaleString("en");

// The data, the step that is shown (null for the newest), and the choices of the reader.
const state = { data: null, step: null, metric: "gradient", log: new Set(), sample: null, playing: 0 };

// What has to follow the step: functions of it.
let followers = [];

const newest = () => Math.max(1, ...state.data.runs.map((run) => run.step));
const shownStep = () => (state.step === null ? newest() : Math.min(state.step, newest()));

function goTo(step) {
  state.step = step === null || step >= newest() ? null : Math.max(0, Math.round(step));
  for (const follow of followers) follow(shownStep());
}

// The place of the last of the ascending steps that is not after the given one; 0 if all are.
function placeOf(steps, step) {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
