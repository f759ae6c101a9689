// Opens links, changes settings, and switches between the three playgrounds.

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

// The 64 digits of cells and doodles.
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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
