// Runs the engine in a thread of its own: answers the page's requests, trains between them, and sends frames.
"use strict";

let engine = null; // the exports of the module
let broken = false; // the module has trapped
let kind = ""; // which module it is
let mode = "";
let playing = false;
let replaying = false;
let speed = 0; // steps a second; 0 for as fast as possible
let mayShow = true; // the page has drawn the last frame
let isStale = true; // something has changed since the last frame
let lastShown = 0;
let lastSheet = 0;
let lastHash = 0;
let nextStep = 0;
let scheduled = false;
let curve = []; // rows of the curves since the last frame: step, losses, means
let clock = { since: 0, steps: 0, rate: 0 };
const pictures = new Map(); // the built-in pictures that were loaded

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const SLICE = 12; // milliseconds of training between two checks for messages
const FRAME = 30; // milliseconds between two frames
const SHEET = 300; // ... of pictures, which take longer
const SHEET_SIZE = 16;
const BROKEN = "The engine has stopped, probably for lack of memory. Load the page again, and choose a smaller width or batch.";
const MOST_ROWS = 4000; // of the curves, in a frame
const PIECE = 2e7; // multiply-adds of a link that are repeated before the time is checked again

function call(line, bytes = null) {
  if (broken) throw new Error(BROKEN);
  const head = encoder.encode(`${line}\n`);
  let length = 0;
  try {
    const at = engine.reserve(head.length + (bytes ? bytes.length : 0));
    const memory = new Uint8Array(engine.memory.buffer);
    memory.set(head, at);
    if (bytes) memory.set(bytes, at + head.length);
    length = engine.call();
  } catch {
    // A trap: the command is lost, and the engine's buffers cannot be trusted.
    broken = true;
    throw new Error(BROKEN);
  }
  const answer = new Uint8Array(engine.memory.buffer, engine.answer(), length);
  if (answer[0] === 1) throw new Error(decoder.decode(answer.slice(1)));
  return answer.slice(1);
}

const json = (line, bytes) => JSON.parse(decoder.decode(call(line, bytes)));
const floats = (line, bytes) => new Float32Array(call(line, bytes).buffer);
const bytesOf = (numbers) => new Uint8Array(new Float32Array(numbers).buffer);

// A module with one function of three numbers, f32x4 inside: a * b + c by the relaxed multiply-add, or just a.
function probe(relaxed) {
  const body = relaxed ? [0, 32, 0, 253, 19, 32, 1, 253, 19, 32, 2, 253, 19, 253, 133, 2, 253, 31, 0, 11] : [0, 32, 0, 253, 19, 253, 31, 0, 11];
  return new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 125, 125, 125, 1, 125, 3, 2, 1, 0, 7, 5, 1, 1, 97, 0, 0, 10, body.length + 2, 1, body.length, ...body]);
}

// The fastest module that this browser can run. The relaxed multiply-add can be used only if it rounds once.
function choose(wish) {
  if (!WebAssembly.validate(probe(false))) throw new Error("no SIMD");
  if (wish === "simd" || !WebAssembly.validate(probe(true))) return "simd";
  const { a } = new WebAssembly.Instance(new WebAssembly.Module(probe(true))).exports;
  const bit = 2 ** -12;
  return a(1 + bit, 1 + bit, -(1 + 2 * bit)) === bit * bit ? "relaxed" : "simd";
}

async function load(wish) {
  if (typeof WebAssembly !== "object") throw new Error("no WebAssembly");
  choose("");
  kind = wish === "explain" ? wish : choose(wish);
  const response = await fetch(`playground-${kind}.wasm`);
  if (!response.ok) throw new Error(`playground-${kind}.wasm: ${response.status}`);
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), {});
  engine = instance.exports;
  return { kind, tables: json("tables") };
}

async function loadPictures(name) {
  if (!name) return;
  if (!pictures.has(name)) {
    const response = await fetch(`${name}.bin`);
    if (!response.ok) throw new Error(`${name}.bin: ${response.status}`);
    pictures.set(name, new Uint8Array(await response.arrayBuffer()));
  }
  json("pictures", pictures.get(name));
}

async function open(link) {
  playing = replaying = false;
  await loadPictures(json(`needs ${link}`).pictures);
  const about = json(`open ${link}`);
  mode = about.mode;
  curve = [];
  clock = { since: 0, steps: 0, rate: 0 };
  replaying = about.left > 0;
  const reals = floats(`reals ${mode === "points" ? 300 : 16}`);
  lastSheet = 0;
  changed();
  return { ...about, reals };
}

const ACTIONS = {
  load: ({ wish }) => load(wish),
  open: ({ link }) => open(link),
  play({ on }) { playing = on; nextStep = performance.now(); clock = { since: 0, steps: 0, rate: 0 }; changed(); return {}; },
  speed({ value }) { speed = value; nextStep = performance.now(); changed(); return {}; },
  turn({ turn }) { playing = false; step(turn); changed(); return {}; },
  stop() { replaying = false; const about = json("stop"); changed(); return about; },
  set({ key, value }) {
    const about = json(`set ${key}=${value}`);
    changed();
    return { ...about, reals: mode === "points" ? floats("reals 300") : null };
  },
  ready() { mayShow = true; schedule(); return {}; },
  about: () => ({ ...json("about"), hash: json("hash").hash }),
  hash: () => json("hash"),
  view: () => floats("view"),
  judge: ({ places }) => floats("judge", bytesOf(places)),
  async trained() {
    const response = await fetch("apples.f16");
    if (!response.ok) throw new Error(`apples.f16: ${response.status}`);
    return json("trained", new Uint8Array(await response.arrayBuffer()));
  },
  latents: ({ who, seed }) => floats(`latents ${who} ${seed}`),
  draw: ({ who, latents }) => floats(`draw ${who}`, bytesOf(latents)),
  slopes: ({ who, latents, pixel }) => floats(`slopes ${who} ${pixel}`, bytesOf(latents)),
  async explain({ link, turn }) {
    await loadPictures(json(`needs ${link}`).pictures);
    const { left: work } = json(`reopen ${link}`);
    for (let left = work; ; ({ left } = json(`replay ${PIECE}`))) {
      postMessage({ frame: { left, work } });
      if (left <= 0) break;
    }
    return decoder.decode(call(`explain ${turn}`));
  },
};

function changed() {
  isStale = true;
  schedule();
}

const rowOf = ({ turns, d_loss, g_loss, d_real, d_fake }) => [turns[0], d_loss, g_loss, d_real, d_fake];

// A row of the curves. A hidden page asks for no frames, so they are thinned out when there are many.
function note(numbers) {
  curve.push(rowOf(numbers));
  if (curve.length > MOST_ROWS) curve = curve.filter((_, i) => i % 2 === 0);
}

function step(turn) {
  note(json(`turn ${turn}`));
}

const channel = new MessageChannel();
channel.port1.onmessage = () => { scheduled = false; run(); };

function schedule(after = 0) {
  if (scheduled) return;
  scheduled = true;
  if (after > 4) setTimeout(() => channel.port2.postMessage(0), after);
  else channel.port2.postMessage(0);
}

function run() {
  if (!engine || !mode) return;
  try {
    trainAndShow();
  } catch (error) {
    playing = replaying = false;
    postMessage({ failed: error.message });
  }
}

function trainAndShow() {
  const start = performance.now();
  let stopped = null;
  try {
    if (replaying) {
      // In small pieces, so that the progress bar is smooth and the page can stop at once.
      let left = 1;
      while (left > 0 && performance.now() - start < 40) {
        const replayed = json(`replay ${PIECE}`);
        left = replayed.left;
        note(replayed.step);
      }
      replaying = left > 0;
      isStale = true;
    } else if (playing) {
      while (performance.now() - start < SLICE && (speed === 0 || performance.now() >= nextStep)) {
        step("s");
        clock.steps++;
        isStale = true;
        if (speed > 0) { nextStep = Math.max(nextStep + 1000 / speed, start); if (speed < 50) break; }
      }
    }
  } catch (error) {
    playing = replaying = false;
    stopped = error.message;
    isStale = true;
  }
  const now = performance.now();
  if (clock.since === 0) Object.assign(clock, { since: now, steps: 0 });
  if (now - clock.since > 500) clock = { since: now, steps: 0, rate: (1000 * clock.steps) / (now - clock.since) };
  const isMoving = playing || replaying;
  if (stopped || (isStale && mayShow && (!isMoving || now - lastShown >= FRAME))) show(now, stopped, isMoving);
  if (isMoving) schedule(playing && speed > 0 ? nextStep - performance.now() : 0);
}

function show(now, stopped, isMoving) {
  const about = json("about");
  const frame = { turns: about.turns, left: about.left, curve, rate: clock.rate, playing, replaying, stopped };
  // During training, the hash is sent about once a second.
  if (!isMoving || now - lastHash > 1000) {
    Object.assign(frame, { link: about.link, limit: about.limit });
    frame.hash = json("hash").hash;
    lastHash = performance.now();
  }
  if (mode === "points") frame.view = floats("view");
  else if (!isMoving || now - lastSheet > SHEET) {
    frame.sheet = floats(`sheet ${SHEET_SIZE}`);
    lastSheet = performance.now();
  }
  curve = [];
  lastShown = now;
  isStale = false;
  mayShow = false;
  postMessage({ frame });
}

// Requests are answered one after the other: opening a link must not be interrupted.
let last = Promise.resolve();
onmessage = ({ data: { id, action, ...rest } }) => {
  last = last.then(async () => {
    try {
      postMessage({ id, value: await ACTIONS[action](rest) });
    } catch (error) {
      postMessage({ id, error: error.message });
    }
  });
};
