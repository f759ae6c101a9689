// Small helpers: elements, numbers, colours, the worker.

const byId = (id) => document.getElementById(id);
const seen = (element) => element.getClientRects().length > 0;

function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const thousands = (number) => number.toLocaleString("en");
const counted = (number, thing) => `${thousands(number)} ${thing}${number === 1 ? "" : "s"}`;
const short = (number) => (number === null || !Number.isFinite(number) ? "–" : Math.abs(number) >= 1000 || (number !== 0 && Math.abs(number) < 0.001) ? number.toExponential(1) : number.toPrecision(3));

// light-dark() is resolved only where a colour is used.
const resolvedColors = new Map();
function resolved(name) {
  if (!resolvedColors.has(name)) {
    const probe = byId("page").appendChild(el("i", { class: "sr" }));
    probe.style.color = `var(--${name})`;
    resolvedColors.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return resolvedColors.get(name);
}
const rgb = (name) => resolved(name).match(/[\d.]+/g).slice(0, 3).map(Number);

// Words in backticks become code.
const marked = (text) => text.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part));

// How much longer something takes of which this share is done.
function timeLeft(share, since) {
  if (share <= 0.01) return "";
  const seconds = ((performance.now() - since) / 1000) * (1 / share - 1);
  return ` About ${seconds < 100 ? `${Math.ceil(seconds)} s` : counted(Math.round(seconds / 60), "minute")} to go.`;
}

function say(words) {
  byId("live").textContent = words;
}

// A canvas as large as it is shown, and its context.
function canvasOf(id, width = 0, height = 0) {
  const canvas = typeof id === "string" ? byId(id) : id;
  const scale = width ? 1 : Math.min(devicePixelRatio || 1, 2);
  const w = width || Math.max(1, Math.round(canvas.clientWidth * scale));
  const h = height || Math.max(1, Math.round(canvas.clientHeight * scale));
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  return { canvas, context: canvas.getContext("2d"), width: w, height: h, scale };
}

// --- the worker ---

class Engine {
  // onfail: what went wrong when the page was not waiting for an answer.
  constructor(onframe, onfail) {
    this.worker = new Worker("worker.js");
    this.waiting = new Map();
    this.next = 1;
    this.stopped = false;
    this.worker.onmessage = ({ data }) => {
      if (data.frame) return onframe(data.frame);
      if (data.failed) return onfail(data.failed);
      const asked = this.waiting.get(data.id);
      if (!asked) return; // an error of the worker has already answered it
      this.waiting.delete(data.id);
      if (data.error === undefined) asked.resolve(data.value);
      else asked.reject(new Error(data.error));
    };
    this.worker.onerror = (event) => {
      event.preventDefault();
      const why = event.message || "the worker cannot be started";
      if (this.waiting.size === 0) onfail(why);
      this.rejectAll(why);
    };
  }

  rejectAll(why) {
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of waiting) reject(new Error(why));
  }

  ask(action, rest = {}) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      if (this.stopped) return reject(new Error("it was stopped"));
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, action, ...rest });
    });
  }

  // Ends the worker at once, even if it is busy.
  stop() {
    this.stopped = true;
    this.worker.terminate();
    this.rejectAll("it was stopped");
  }
}
