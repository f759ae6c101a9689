// The keyboard: one map, used by the key handler, the help and the self-test.

// name: the text of the help; keys: their names in the browser; run: the action.
const KEYS = [
  ["Stepping through the timeline", [
    { keys: [" "], name: "play or pause", run: () => setPlaying(!state.playing) },
    { keys: ["ArrowRight"], name: "one step forward", run: () => goTo(state.step + 1) },
    { keys: ["ArrowLeft"], name: "one step back", run: () => goTo(state.step - 1) },
    { keys: ["Home"], name: "first step", run: () => goTo(0) },
    { keys: ["End"], name: "last step", run: () => goTo(steps.length - 1) },
    { keys: ["PageDown"], name: "next phase", run: () => goToPhase(steps[state.step].phase + 1) },
    { keys: ["PageUp"], name: "phase before", run: () => goToPhase(steps[state.step].phase - 1) },
    { keys: ["l"], name: "to the loss; again: to the next loss", run: goToLoss },
    { keys: ["p"], name: "choose a parameter to jump to", run: () => byId("to-parameter").focus() },
    { keys: [">"], name: "faster", run: () => faster(1) },
    { keys: ["<"], name: "slower", run: () => faster(-1) },
  ]],
  ["The node", [
    ...TABS.map((tab, i) => ({ keys: [String(i + 1)], name: TAB_NAMES[tab], run: () => set({ tab }) })),
    { keys: ["n"], name: "next node in order", run: () => neighbour(1) },
    { keys: ["b"], name: "previous node", run: () => neighbour(-1) },
    { keys: ["f"], name: "follow the parameter, or stop", run: followChosen },
  ]],
  ["Views", [
    { keys: ["g"], name: "graph", run: () => set({ view: "graph" }) },
    { keys: ["t"], name: "table of all nodes", run: () => set({ view: "table" }) },
    { keys: ["u"], name: "updates", run: () => set({ view: "updates" }) },
    { keys: ["w"], name: "what if", run: () => set({ view: "whatif" }) },
    ...(tape.editable ? [{ keys: ["m"], name: "edit: make a change", run: () => set({ view: "edit" }) }] : []),
    { keys: ["e"], name: "open or close all modules", run: () => openAll() },
    { keys: ["+", "="], name: "zoom in", run: () => zoom(1.25) },
    { keys: ["-"], name: "zoom out", run: () => zoom(0.8) },
    { keys: ["0"], name: "show the whole graph", run: fit },
    { keys: ["x"], name: "light or dark", run: () => setScheme() },
  ]],
  ["In the graph, when it is focused", [
    { keys: ["ArrowUp"], in: "graph-frame", name: "to an input", run: () => walk("up") },
    { keys: ["ArrowDown"], in: "graph-frame", name: "to a node that reads it", run: () => walk("down") },
    { keys: ["["], in: "graph-frame", name: "to the previous input", run: () => walkAside(-1) },
    { keys: ["]"], in: "graph-frame", name: "to the next input", run: () => walkAside(1) },
    { keys: ["Enter"], in: "graph-frame", name: "open or close the module", run: () => open(nodes[state.node ?? 0].module) },
    { keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], shift: true, in: "graph-frame", name: "move the view", run: (key) => pan({ ArrowLeft: -60, ArrowRight: 60 }[key] ?? 0, { ArrowUp: -60, ArrowDown: 60 }[key] ?? 0) },
  ]],
  ["This page", [
    { keys: ["q"], name: "questions", run: () => byId("questions").showModal() },
    { keys: ["o"], name: "about this page", run: () => byId("about").showModal() },
    { keys: ["?"], name: "these keys", run: () => byId("help").showModal() },
    { keys: ["Escape"], name: "close the dialog, stop playing", run: () => { setPlaying(false); } },
  ]],
];

const KEY_NAMES = { " ": "Space", ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", PageDown: "Page Down", PageUp: "Page Up", Escape: "Esc", "-": "−" };

const nameOfKey = (key) => KEY_NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key);

function faster(by) {
  const at = SPEEDS.indexOf(state.speed) + by;
  if (at >= 0 && at < SPEEDS.length) set({ speed: SPEEDS[at] });
}

function neighbour(by) {
  const at = state.node === null ? (by > 0 ? -1 : nodes.length) : state.node;
  select(Math.max(0, Math.min(nodes.length - 1, at + by)));
}

// Follows the selected parameter; if another node is selected, the first parameter whose path contains it, otherwise the first one.
function followChosen() {
  if (state.follow !== null) return set({ follow: null });
  const paths = tape.follow;
  const path = pathOf.get(state.node) ?? paths.find((one) => one.hops.some((hop) => hop.node === state.node)) ?? paths[0];
  if (path) followPath(path.parameter);
}

const shortcuts = KEYS.flatMap(([, list]) => list);

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const { target, key } = event;
  const writes = target.matches?.("input:not([type=range]), select, textarea");
  if (writes) return;
  const pressed = key.length === 1 ? key.toLowerCase() : key;
  // A focused button handles Space and Enter itself, the slider and the tabs the arrow keys.
  if ((key === " " || key === "Enter") && target.matches?.("button, summary")) return;
  if (target.matches?.("input[type=range]") && /^(Arrow|Home|End|Page)/.test(key)) return;
  if (!state.letters && key.length === 1 && key !== " ") return;
  const fits = (one) => one.keys.includes(pressed) && (one.shift === undefined ? !(event.shiftKey && key.startsWith("Arrow")) : one.shift === event.shiftKey) && (!one.in || byId(one.in).contains(target));
  const found = shortcuts.find((one) => one.in && fits(one)) ?? shortcuts.find((one) => !one.in && fits(one));
  // Outside the graph, these keys scroll the focused element.
  if (!found || (/^(Home|End|Page)/.test(key) && target.matches?.(".panel-body, .view-body, .wide"))) return;
  event.preventDefault();
  found.run(pressed);
}

function buildHelp() {
  const keyOf = (one) => [...(one.shift ? [el("kbd", {}, "Shift"), " + "] : []), ...one.keys.slice(0, one.shift ? 4 : 1).flatMap((key) => [el("kbd", {}, nameOfKey(key)), " "])];
  const letters = el("input", { type: "checkbox", id: "letters", checked: true, onchange: (event) => set({ letters: event.target.checked }) });
  byId("help-body").replaceChildren(
    el("div", { class: "key-groups" }, KEYS.map(([group, list]) => el("section", {}, el("h3", {}, group), el("dl", { class: "keys" }, list.map((one) => el("div", {}, el("dt", {}, keyOf(one)), el("dd", {}, one.name))))))),
    el("p", {}, el("label", {}, letters, " Letters and digits are keys of this page (off for speech input)")));
}

// --- the questions ---

const ACTION_TEXT = {
  key: ({ key }) => `Press ${nameOfKey(key)}: ${shortcuts.find((one) => one.keys.includes(key))?.name ?? "a key"}`,
  node: ({ node }) => `Choose the node “${nodes[node].label}” of ${modules[nodes[node].module].path}`,
  tab: ({ tab }) => `Open the tab ${TAB_NAMES[tab]}`,
  view: ({ view }) => `Open the view ${VIEW_NAMES[view]}`,
  phase: ({ phase }) => `Choose the phase “${phases[phase].name}”`,
  follow: ({ node }) => `Follow ${parameterName(nodes[node])}`,
};

const ACTIONS = {
  key: ({ key }) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })),
  node: ({ node }) => select(node),
  tab: ({ tab }) => set({ tab }),
  view: ({ view }) => set({ view }),
  phase: ({ phase }) => goToPhase(phase),
  follow: ({ node }) => followPath(node),
};

// The element with an answer, by its name in the document.
const PLACES = { phase: "strip", timeline: "step-text", updates: "view-updates", follow: "follow", whatif: "view-whatif", table: "view-table", header: "about-body", graph: "graph-frame", edit: "view-edit", dictionary: "panel" };
const placeOf = (question) => byId(PLACES[question.answer_at] ?? "panel");

function buildQuestions() {
  byId("question-list").replaceChildren(
    ...tape.questions.map((question) =>
      el("li", {}, el("strong", {}, question.question), el("ol", { class: "actions" }, question.actions.map((action) => el("li", {}, ACTION_TEXT[action.do](action)))), question.answer ? el("details", {}, el("summary", {}, "Answer"), question.answer) : null, el("button", { type: "button", onclick: () => showAnswer(question) }, "Show me"))));
}

function showAnswer(question) {
  byId("questions").close();
  set({ view: "graph" }); // start from the initial view
  question.actions.forEach((action) => ACTIONS[action.do](action));
  const place = placeOf(question);
  place.classList.add("answer");
  setTimeout(() => place.classList.remove("answer"), 4000);
  place.scrollIntoView({ block: "nearest" });
  byId("live").textContent = question.answer ?? "";
}
