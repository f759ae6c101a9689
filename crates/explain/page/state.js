// The present state of the page in one object. Every change goes through `set`, which redraws what depends on it and updates
// the address, so that a link restores the state: #step=57&node=37&view=numbers.

const TABS = ["value", "gradient", "rule", "numbers", "forks", "check", "source"];
const VIEWS = ["graph", "table", "updates", "whatif", ...(tape.editable ? ["edit"] : [])];
const SPEEDS = [0.5, 1, 2, 5, 10, 30];

const state = {
  step: 0,
  node: null,
  tab: "value",
  view: "graph",
  open: new Set(),
  follow: null,
  playing: false,
  speed: 2,
  letters: true, // single letters act as keys
};

const drawers = []; // functions (changed: Set of names) => void

function set(changes) {
  const changed = new Set(Object.keys(changes).filter((key) => state[key] !== changes[key]));
  Object.assign(state, changes);
  if (!changed.size) return;
  for (const drawer of drawers) drawer(changed);
  writeAddress();
}

const clampStep = (step) => Math.max(0, Math.min(steps.length - 1, step));

// Goes to a step; the node panel shows the node of the step, in the backward pass its gradient.
function goTo(step) {
  step = clampStep(step);
  const { node, kind } = steps[step];
  const changes = { step };
  if (node !== null && node !== undefined) changes.node = node;
  if (kind === "make" && state.tab === "gradient") changes.tab = "value";
  if (kind === "sweep" && state.tab === "value") changes.tab = "gradient";
  set(changes);
}

function goToPhase(phase) {
  const at = phases[Math.max(0, Math.min(phases.length - 1, phase))];
  if (at.steps.length) goTo(at.steps[0]);
}

// The loss of the present phase: a GAN step has one per network.
function goToLoss() {
  const now = state.step;
  const made = losses.filter((node) => node.made !== null);
  const next = made.find((node) => node.made > now) ?? made[0];
  if (next) {
    set({ tab: "value", view: "graph" });
    goTo(next.made);
  }
}

// Selects a node without moving the timeline.
function select(node) {
  set({ node });
}

// Goes to the step in which the sweep reaches a parameter.
function goToParameter(node) {
  if (nodes[node].swept !== null) goTo(nodes[node].swept);
  select(node);
}

let play = null; // the clock of the player: { due }

function setPlaying(playing) {
  if (playing && state.step === steps.length - 1) goTo(0);
  set({ playing });
  play = playing ? { due: performance.now() + 1000 / state.speed } : null;
  if (playing) requestAnimationFrame(tick);
}

// Advances the player by a step when one is due, and stops at the end.
function tick(now) {
  if (!play) return;
  if (now >= play.due) {
    play.due = now + 1000 / state.speed;
    goTo(state.step + 1);
    if (state.step === steps.length - 1) return setPlaying(false);
  }
  requestAnimationFrame(tick);
}

let addressDue = false;

function writeAddress() {
  if (addressDue) return;
  addressDue = true;
  setTimeout(() => {
    addressDue = false;
    if (location.hash.startsWith("#selftest")) return;
    const parts = [`step=${state.step}`];
    if (state.node !== null) parts.push(`node=${state.node}`);
    parts.push(`view=${state.view === "graph" ? state.tab : state.view}`);
    if (state.follow !== null) parts.push(`follow=${state.follow}`);
    try {
      history.replaceState(null, "", `#${parts.join("&")}`);
    } catch {
      // A page inside another page may not write its address; nothing else depends on it.
    }
  }, 250);
}

// Reads an address. `view` names a tab of the node panel or a view of the step; unknown parts are ignored.
function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const whole = (name, count) => {
    const number = Number(asked.get(name));
    return asked.has(name) && Number.isInteger(number) && number >= 0 && number < count ? number : null;
  };
  const [step, node, follow] = [whole("step", steps.length), whole("node", nodes.length), whole("follow", nodes.length)];
  if (step !== null) goTo(step);
  else if (node !== null) goTo(nodes[node].swept ?? nodes[node].made ?? steps.length - 1);
  if (node !== null) select(node);
  const view = asked.get("view");
  if (TABS.includes(view)) set({ tab: view });
  if (VIEWS.includes(view)) set({ view });
  if (follow !== null && pathOf.has(follow)) set({ follow });
  const scheme = asked.get("scheme");
  if (scheme === "dark" || scheme === "light") setScheme(scheme);
  if (asked.has("open")) set({ open: new Set(boxes.map((box) => box.id)) });
  for (const name of ["help", "questions", "about"]) if (asked.has(name)) byId(name).showModal();
}
