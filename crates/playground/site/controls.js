// The controls, the keys, and the colour scheme.

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
