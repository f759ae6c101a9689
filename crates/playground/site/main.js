// The page's state, and its start. The engine in the worker does all computation.

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
const panels = {};

const ask = (action, rest) => engine.ask(action, rest);

function notice(words) {
  byId("notice").replaceChildren(...marked(words));
  byId("notice").hidden = !words;
}

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
