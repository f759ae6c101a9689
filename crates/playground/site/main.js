// The page's state, and what its controls do. The engine in the worker does all computation.

const state = {
  mode: "points",
  tables: null,
  about: null,
  link: "points", // leads to the current state
  hash: null,
  playing: false,
  replaying: false,
  turns: [0, 0],
  curve: new Curve(),
  opened: { work: 0, turns: [0, 0], since: 0 }, // the work and the turns of the opened link, and when it was opened
  left: 0, // how much of that work is left
  limit: "", // why the current state cannot be put into a link
  kind: "",
};
const view = { edge: 2.4, map: 40, side: 48, loss: "logistic", data: null, reals: null, cells: new Set(), drawing: false, showsCells: false, cursor: null };
const training = { sheet: null, reals: null, doodles: [] };
let engine = null;
let pendingFrame = null;
let isDrawn = true;
const panels = {};

const ask = (action, rest) => engine.ask(action, rest);

function notice(words) {
  byId("notice").replaceChildren(...marked(words));
  byId("notice").hidden = !words;
}

// --- frames: the worker sends one, the page draws it when the screen is ready, and requests the next ---

const frameTimes = []; // milliseconds between two drawings, for the self-test
let lastDrawn = 0;
let drawings = 0;

function receive(frame) {
  state.curve.add(frame.curve);
  pendingFrame = { ...(pendingFrame ?? {}), ...frame };
  if (isDrawn) { isDrawn = false; requestAnimationFrame(drawFrame); }
}

// Without the engine, no frame will come.
function engineFailed(why) {
  Object.assign(state, { playing: false, replaying: false });
  notice(why);
  if (state.about) render();
}

function drawFrame() {
  const now = performance.now();
  if (lastDrawn) frameTimes.push(now - lastDrawn);
  if (frameTimes.length > 600) frameTimes.shift();
  lastDrawn = now;
  const frame = pendingFrame;
  pendingFrame = null;
  isDrawn = true;
  if (!frame) { ask("ready"); return; }
  const was = state.playing || state.replaying;
  const replayed = state.replaying && !frame.replaying;
  Object.assign(state, { turns: frame.turns, playing: frame.playing, replaying: frame.replaying, left: frame.left });
  if (frame.link) Object.assign(state, { link: frame.link, limit: frame.limit });
  if (frame.hash) state.hash = frame.hash;
  if (frame.stopped) notice(frame.stopped);
  if (replayed) adoptReplayed();
  if (frame.view && state.mode === "points") {
    const { shown, map } = state.tables;
    view.data = { fakes: frame.view.subarray(0, 2 * shown), arrows: frame.view.subarray(2 * shown, 4 * shown), heights: frame.view.subarray(4 * shown, 4 * shown + map * map) };
  }
  if (frame.sheet) training.sheet = frame.sheet;
  render(frame);
  const isMoving = state.playing || state.replaying;
  if (was && !isMoving && frame.hash) say(`Paused after ${counted(state.turns[0], "turn")} of D. ${byId(state.mode === "points" ? "map-words" : "sheet-words").textContent}`);
  if (state.mode === "pictures" && (frame.sheet || !isMoving)) panels.training.refresh();
  ask("ready");
}

// What an opened link asks for, and how long it will take.
function showReplay() {
  const { work, turns: [d, g], since } = state.opened;
  const share = 1 - state.left / Math.max(1, work);
  byId("replay-bar").value = share;
  byId("replay-words").textContent = `The link leads to a state after ${counted(d, "turn")} of D and ${thousands(g)} of G, which are repeated now.${timeLeft(share, since)}`;
}

function render(frame = {}) {
  const [d, g] = state.turns;
  byId("turns").textContent = `${counted(d, "turn")} of D, ${thousands(g)} of G`;
  byId("rate").textContent = state.playing && frame.rate ? `· ${frame.rate < 10 ? frame.rate.toFixed(1) : Math.round(frame.rate)} steps a second` : "";
  const play = byId("play");
  play.textContent = state.playing ? "Pause" : "Play";
  play.setAttribute("aria-pressed", String(state.playing));
  const replay = byId("replay");
  const hadFocus = replay.contains(document.activeElement);
  replay.hidden = !state.replaying;
  if (state.replaying) showReplay();
  for (const id of ["step", "turn-d", "turn-g", "play"]) byId(id).disabled = state.replaying;
  if (hadFocus && !state.replaying) play.focus(); // its own buttons are gone
  for (const id of ["explain-d", "explain-g"]) byId(id).disabled = state.playing || state.replaying;
  byId("share").disabled = state.playing || state.replaying || state.limit !== "";
  byId("share-limit").hidden = !state.limit;
  byId("share-limit").textContent = state.limit && `A link cannot lead to this state: ${state.limit}. The command still prints its hash.`;
  // While a step of a link is repeated, the hash is not that of a link.
  byId("hash").textContent = state.replaying ? "…" : state.playing ? `${state.hash ?? "…"} (about once a second)` : state.hash ?? "…";
  byId("command").textContent = `train playground-hash --link "#${state.link}"`;
  // During training, what is slow to draw or to read is updated with every sixth frame.
  const isFull = !state.playing || drawings++ % 6 === 0;
  if (state.mode === "points") {
    drawMap(view);
    if (!isFull) return;
    byId("map-words").textContent = mapWords(view);
    const { loss, output } = BALANCE[view.loss];
    drawCurve("chart-loss", state.curve, LOSS_LINES, loss);
    drawCurve("chart-mean", state.curve, MEAN_LINES, output);
  } else if (state.mode === "pictures") {
    if (training.sheet && (frame.sheet || isFull)) {
      const latents = 16 * state.about.latent;
      const pictures = training.sheet.subarray(latents);
      drawSheet("sheet", pictures, 4);
      const { ink, spread } = sheetWords(pictures);
      const reals = sheetWords(training.reals);
      byId("sheet-words").textContent = `Sixteen pictures from the same sixteen latents. ${Math.round(100 * ink)} % ink (reals: ${Math.round(100 * reals.ink)} %); they differ from each other ${Math.round((100 * spread) / Math.max(reals.spread, 1e-6))} % as much as the reals do.`;
    }
    if (training.reals && isFull) drawSheet("reals", training.reals, 8);
    if (!isFull) return;
    drawCurve("chart-loss-p", state.curve, LOSS_LINES, BALANCE.logistic.loss);
    drawCurve("chart-mean-p", state.curve, MEAN_LINES, BALANCE.logistic.output);
  }
}

// --- opening a link, and changing settings ---

let opening = 0;

// Puts a link into the address of the page, so that it is opened again when the page is reloaded.
function remember(link) {
  if ((location.hash.slice(1) || "points") !== link) history.replaceState(null, "", `#${link}`);
}

// Returns false if the engine cannot even open the defaults, which the notice says.
async function open(link, remark = "") {
  const turn = ++opening;
  notice(remark);
  stopWalks();
  let about;
  try {
    about = await ask("open", { link });
  } catch (error) {
    if (turn !== opening) return;
    if (link === "points") {
      if (!state.about) throw error; // the page cannot start
      notice(error.message);
      return false;
    }
    return open("points", `The link could not be opened: ${error.message}. The page shows the GAN for points with its defaults instead.`);
  }
  if (turn !== opening) return;
  pendingFrame = null; // of the GAN that was open before
  state.curve = new Curve();
  view.data = null;
  training.sheet = null;
  frameTimes.length = 0;
  lastDrawn = 0;
  adopt(about);
  state.opened = { work: about.left, turns: about.left_turns, since: performance.now() };
  Object.assign(state, { replaying: about.left > 0, playing: false, left: about.left });
  if (state.replaying) { showReplay(); say(byId("replay-words").textContent); }
  if (!remark) remember(about.left > 0 ? link : about.link);
  select(about.mode, false);
}

// What the engine says about its state.
function adopt(about) {
  state.about = about;
  state.turns = about.turns;
  Object.assign(state, { link: about.link, limit: about.limit });
  state.mode = state.mode === "trained" ? "trained" : about.mode;
  if (about.mode === "points") {
    view.loss = about.settings.loss;
    byId("middle").textContent = BALANCE[view.loss].middle;
    view.showsCells = about.settings.data === "drawn";
    if (!view.drawing && about.cells.length) view.cells = new Set(about.cells);
    if (about.reals) view.reals = about.reals;
  } else if (about.reals) {
    training.reals = about.reals;
  }
  for (const button of byId("failures").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.link === withoutRun(about.link)));
  for (const { key, values } of state.tables[about.mode]) {
    const field = byId(`${about.mode}-${key}`);
    const value = about.settings[key];
    if (![...field.options].some((option) => option.value === value)) field.append(el("option", { value }, value));
    field.value = value;
    const expect = values.find(({ name }) => name === value)?.expect;
    byId(`${about.mode}-${key}-expect`).textContent = expect ?? "";
  }
  if (about.mode === "pictures") {
    training.doodles = doodlesOf(about.link);
    doodleWords();
    if (panels.training.latent !== about.latent) panels.training.build(about.latent);
  }
}

// A link can change settings after its start: shows those of the state that it has reached.
async function adoptReplayed() {
  const turn = opening;
  try {
    const about = await ask("about");
    if (turn === opening) adopt(about);
  } catch (error) {
    notice(error.message);
  }
}

// The link of the start, with other settings.
function linkWith(mode, settings, extra = {}) {
  const parts = [mode];
  for (const { key } of state.tables[mode]) if (settings[key] !== undefined) parts.push(`${key}=${settings[key]}`);
  for (const [key, value] of Object.entries(extra)) if (value) parts.push(`${key}=${value}`);
  return parts.join("&");
}

const partOf = (link, key) => new URLSearchParams(`?mode=${link.split("#").pop()}`).get(key) ?? "";
// "+" and "%" do not occur in what the engine writes, but a link may be damaged.
const withoutRun = (link) => link.split("&").filter((part) => !part.startsWith("run=")).join("&");

async function change(mode, key, value) {
  const setting = state.tables[mode].find((one) => one.key === key);
  if (mode === "points" && key === "data" && value === "drawn" && view.cells.size === 0) {
    setDrawing(true);
    return;
  }
  if (setting.live) {
    try {
      adopt(await ask("set", { key, value }));
    } catch (error) {
      notice(error.message);
    }
    if (mode === "points") drawMap(view);
    return;
  }
  if (mode === "pictures" && key === "data" && value === "doodles" && training.doodles.length === 0) {
    adopt({ ...state.about });
    notice("Draw a doodle first, or let the page draw some: see “Your doodles”.");
    byId("pad").focus();
    return;
  }
  const settings = { ...state.about.settings, [key]: value };
  const extra = mode === "points" ? { drawn: encodeCells() } : { doodles: training.doodles.join("*") };
  await open(linkWith(mode, settings, extra));
}

async function play(on) {
  if (state.replaying) return;
  if (on && view.drawing && view.cells.size > 0) return useDrawing();
  if (on) notice("");
  await ask("play", { on });
}

const setSpeed = () => ask("speed", { value: Number(byId("speed").value) });

async function turn(kind) {
  if (state.replaying) return;
  try {
    await ask("turn", { turn: kind });
  } catch (error) {
    notice(error.message);
  }
}

// Keeps the state that the link has reached.
async function stopReplay() {
  try {
    adopt(await ask("stop"));
    notice("The rest of the link is not repeated.");
  } catch (error) {
    notice(error.message);
  }
}

async function reset() {
  if ((await open(withoutRun(state.link))) !== false) say("Reset to the start");
}

// --- the three playgrounds ---

const MODES = ["points", "pictures", "trained"];

function stopWalks() {
  for (const panel of Object.values(panels)) panel.stop();
}

function select(mode, opens = true) {
  if (view.drawing) setDrawing(false);
  state.mode = mode;
  for (const each of MODES) {
    const tab = byId(`mode-${each}`);
    tab.setAttribute("aria-selected", String(each === mode));
    tab.tabIndex = each === mode ? 0 : -1;
    byId(`view-${each}`).hidden = each !== mode;
  }
  const trains = mode !== "trained";
  byId("bar").hidden = byId("proof").hidden = !trains;
  if (!opens) { render(); return undefined; }
  if (trains) return open(mode);
  remember(mode);
  ask("play", { on: false });
  // Out of sight, nobody could stop it.
  if (state.replaying) ask("stop").catch((error) => notice(error.message));
  return openTrained();
}

async function openTrained() {
  const panel = panels.trained;
  if (panel.latent) { panel.refresh(); return; }
  try {
    const { latent } = await ask("trained");
    byId("latent-count").textContent = String(latent);
    panel.build(latent);
    await panel.random();
  } catch (error) {
    notice(`The trained generator could not be loaded (${error.message}). The other playgrounds still work.`);
  }
}

// --- drawing a distribution ---

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const encodeCells = () => [...view.cells].sort((a, b) => a - b).map((cell) => LETTERS[cell >> 6] + LETTERS[cell & 63]).join("");

function setDrawing(on) {
  view.drawing = on;
  if (on && !state.about.cells.length && view.cells.size === 0) view.cells = new Set();
  if (on) ask("play", { on: false });
  byId("draw").setAttribute("aria-pressed", String(on));
  byId("map").classList.toggle("drawing", on);
  const buttons = ["clear", "use"];
  if (!on && buttons.includes(document.activeElement.id)) byId("draw").focus(); // they are gone now
  for (const id of [...buttons, "draw-help"]) byId(id).hidden = !on;
  view.cursor = on ? view.cursor ?? Math.floor(view.side / 2) * (view.side + 1) : null;
  render();
}

function paint(cell) {
  // A brush of three by three cells.
  const [row, column] = [Math.floor(cell / view.side), cell % view.side];
  for (let r = row - 1; r <= row + 1; r++) for (let c = column - 1; c <= column + 1; c++) if (r >= 0 && c >= 0 && r < view.side && c < view.side) view.cells.add(r * view.side + c);
  notice(""); // it may have said that nothing is drawn
  drawMap(view);
  byId("map-words").textContent = mapWords(view);
}

function cellAt(event) {
  const box = byId("map").getBoundingClientRect();
  const place = (offset, size) => Math.min(view.side - 1, Math.max(0, Math.floor((offset / size) * view.side)));
  return place(event.clientY - box.top, box.height) * view.side + place(event.clientX - box.left, box.width);
}

async function useDrawing() {
  if (view.cells.size === 0) { notice("Nothing is drawn yet: drag on the map, or press Enter at the cursor."); return; }
  const cells = encodeCells();
  setDrawing(false);
  await open(linkWith("points", { ...state.about.settings, data: "drawn" }, { drawn: cells }));
  await play(true);
}

// --- controls ---

function buildSettings(mode) {
  byId(`settings-${mode}`).replaceChildren(...state.tables[mode].map(({ key, label, about, values, live }) => {
    const id = `${mode}-${key}`;
    const options = values.map(({ name, label: words }) => el("option", { value: name }, words));
    const field = el("select", { id, "aria-describedby": `${id}-about`, onchange: () => change(mode, key, field.value) }, ...options);
    return el("div", { class: "setting" },
      el("div", { class: "row" }, el("label", { for: id }, label), field),
      el("p", { id: `${id}-about` }, `${about}${live ? "" : " Starts again."} `, el("span", { id: `${id}-expect` })));
  }));
}

// On a narrow screen, the settings begin folded, so that what is below them is near.
function foldSettings(width) {
  for (const fold of document.querySelectorAll(".fold")) fold.open = width > 760;
}

function buildFailures() {
  const healthy = { name: "none", label: "No failure", about: "The default settings, for comparison.", link: "points" };
  const show = async (link) => {
    byId("map").scrollIntoView({ block: "center" });
    await open(link);
    await play(true);
  };
  byId("failures").replaceChildren(...[healthy, ...state.tables.failures].map(({ name, label, about, link }) => el("div", {},
    el("button", { type: "button", id: `failure-${name}`, "data-link": link, onclick: () => show(link) }, label),
    el("p", {}, about))));
}

const KEYS = [
  [" ", "Space", "play or pause", () => play(!state.playing)],
  ["s", "S", "one step", () => turn("s")],
  ["d", "D", "one turn of D", () => turn("d")],
  ["g", "G", "one turn of G", () => turn("g")],
  ["r", "R", "reset to the start", () => reset()],
  ["?", "?", "this list", () => byId("help").showModal()],
];

function listen() {
  const on = (id, action, event = "click") => byId(id).addEventListener(event, action);
  on("play", () => play(!state.playing));
  on("step", () => turn("s"));
  on("turn-d", () => turn("d"));
  on("turn-g", () => turn("g"));
  on("reset", reset);
  on("speed", setSpeed, "change");
  for (const mode of MODES) on(`mode-${mode}`, () => select(mode));
  byId("modes").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = MODES[(MODES.indexOf(state.mode) + by + MODES.length) % MODES.length];
    byId(`mode-${next}`).focus();
    select(next);
  });
  on("arrows", () => drawMap(view), "change");
  on("heights", () => drawMap(view), "change");
  on("draw", () => { setDrawing(!view.drawing); if (view.drawing) byId("map").focus(); });
  on("clear", () => { view.cells = new Set(); render(); });
  on("use", useDrawing);
  let isPainting = false;
  on("map", (event) => { if (view.drawing) { isPainting = true; byId("map").setPointerCapture?.(event.pointerId); paint(cellAt(event)); } }, "pointerdown");
  on("map", (event) => { if (isPainting && view.drawing) paint(cellAt(event)); }, "pointermove");
  for (const end of ["pointerup", "pointercancel"]) on("map", () => { isPainting = false; }, end);
  on("map", (event) => {
    if (!view.drawing) return;
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (move) {
      const [row, column] = [Math.floor(view.cursor / view.side) + move[0], (view.cursor % view.side) + move[1]];
      if (row >= 0 && column >= 0 && row < view.side && column < view.side) view.cursor = row * view.side + column;
    } else if (event.key === "Enter") {
      paint(view.cursor);
    } else {
      return;
    }
    event.preventDefault();
    drawMap(view);
  }, "keydown");
  listenPad(on);
  on("doodle-add", () => addDoodle(pad.strokes));
  on("doodle-clear", () => { pad.strokes = []; drawPad(); });
  on("doodle-example", exampleDoodles);
  on("doodle-forget", () => { training.doodles = []; doodleWords(); });
  on("doodle-train", () => open(linkWith("pictures", { ...state.about.settings, data: "doodles" }, { doodles: training.doodles.join("*") })).then(() => play(true)));
  on("share", share);
  byId("share").setAttribute("aria-describedby", "share-limit");
  on("replay-stop", stopReplay);
  on("replay-defaults", () => open(state.about.mode));
  on("explain-d", () => explain("d"));
  on("explain-g", () => explain("g"));
  on("show-help", () => byId("help").showModal());
  on("help-close", () => byId("help").close());
  byId("help-body").replaceChildren(el("ul", {}, ...KEYS.map(([, name, words]) => el("li", {}, el("kbd", {}, name), ` ${words}`))), el("p", {}, "On the map, while drawing: arrow keys move the cursor, Enter draws. On a picture: arrow keys select a pixel."));
  on("scheme", () => {
    const root = document.documentElement;
    const isDark = root.style.colorScheme ? root.style.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    keepScheme(isDark ? "light" : "dark");
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !state.about || document.querySelector("dialog[open]")) return;
    const at = event.target;
    if (at.closest?.("select, input, textarea, [role=tablist], .map.drawing, .pad") || (event.key === " " && at.closest?.("button, a, summary"))) return;
    if (state.mode === "trained" && event.key !== "?") return;
    const key = KEYS.find(([letter]) => letter === event.key.toLowerCase());
    if (!key) return;
    event.preventDefault();
    key[3]();
  });
  addEventListener("hashchange", () => { const link = location.hash.slice(1); if (link && link !== state.link) openAddress(link); });
  addEventListener("resize", () => { render(); drawPad(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { resolvedColors.clear(); render(); });
}

function setScheme(scheme) {
  document.documentElement.style.colorScheme = scheme;
  resolvedColors.clear();
  if (state.about) render();
}

// The scheme that the visitor has chosen lasts as long as the tab. The browser may forbid to store
// it; then it lasts until the page is loaded again.
function keepScheme(scheme) {
  setScheme(scheme);
  try { sessionStorage.setItem("scheme", scheme); } catch {}
}

function chosenScheme() {
  const asked = new URLSearchParams(location.search).get("scheme");
  try { return asked ?? sessionStorage.getItem("scheme"); } catch { return asked; }
}

// --- start ---

// What this browser lacks, and what still works.
function missing(error) {
  const same = "The same GAN trains on the command line: train playground-hash --link \"#points\" --steps 1000.";
  if (location.protocol === "file:") return `A page that was opened as a file cannot load its engine. Serve the folder, for example with “python3 -m http.server”, and open http://localhost:8000. ${same}`;
  if (typeof Worker !== "function") return `This browser has no web workers, which the engine needs. You can still read the texts of the page. ${same}`;
  const words = error.message;
  if (words === "no WebAssembly") return `This browser has no WebAssembly, or it is switched off. You can still read the texts of the page. ${same}`;
  if (words === "no SIMD") return `This browser has no WebAssembly SIMD, which the engine needs: every browser since 2021 (Safari since 2023) has it. ${same}`;
  if (/memory/i.test(words)) return `There is too little memory for the engine. Close other tabs and load the page again, or choose a smaller width or batch. ${same}`;
  return `The engine could not be started (${words}). ${same}`;
}

async function openAddress(link) {
  if (link.startsWith("selftest")) return open("points");
  if (link === "trained") return select("trained");
  return open(link || "points");
}

async function start() {
  if (typeof Worker !== "function" || location.protocol === "file:") throw new Error("no worker");
  engine = new Engine(receive, engineFailed);
  const wish = new URLSearchParams(location.search).get("engine") ?? "";
  const { kind, tables } = await ask("load", { wish });
  state.kind = kind;
  state.tables = tables;
  Object.assign(view, { edge: tables.edge, map: tables.map, side: tables.cells });
  byId("engine").textContent = kind === "relaxed" ? "The engine uses this browser’s fused multiply-add." : "This browser has no fused multiply-add, so the engine computes it in software: the same bits, about ten times slower.";
  buildSettings("points");
  buildSettings("pictures");
  buildFailures();
  panels.training = new Latents(byId("latents-training"), "training", ask);
  panels.trained = new Latents(byId("latents-trained"), "trained", ask);
  listen();
  foldSettings(innerWidth);
  await setSpeed();
  await ask("ready");
  await openAddress(location.hash.slice(1));
  doodleWords();
  state.ready = performance.now();
}

const scheme = chosenScheme();
if (scheme) setScheme(scheme === "dark" ? "dark" : "light");
const tested = typeof selfTest === "function" ? location.hash.match(/^#selftest=?(.*)/) : null; // only selftest.html has the tests
start().then(() => { if (tested) selfTest(tested[1]); }, (error) => {
  notice(missing(error));
  for (const control of document.querySelectorAll("main button, main select, main input, .modes button")) control.disabled = true;
  if (tested) reportMissing();
});
