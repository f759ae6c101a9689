// The start: what stands still is built once, then the address is read and everything is drawn.

// Sets the colours: as given, or the other ones. Pictures are painted anew, for they hold colours.
function setScheme(scheme = isDark() ? "light" : "dark") {
  document.documentElement.style.colorScheme = scheme;
  recolor();
}

function recolor() {
  askDark();
  stamps.clear();
  build();
  drawPanel();
}

function buildAbout() {
  const { header } = tape;
  byId("title").textContent = header.title;
  const facts = [header.system, header.preset, header.class, header.data, `step ${header.step}`, `batch ${header.batch}`, `seed ${header.seed}`, `${header.weights.toLocaleString("en")} weights`];
  byId("facts").textContent = facts.filter(Boolean).join(" · ");
  const rows = [["Made by", header.tool], ["System", [header.system, header.preset].filter(Boolean).join(", ")], ["Data", [header.class, header.data].filter(Boolean).join(", ")], ["Step, batch, seed", `${header.step}, ${header.batch}, ${header.seed}`], ["Numbers", header.dtype], ["Weights", header.weights.toLocaleString("en")], ["Weights before", header.hash_before], ["Weights after", header.hash_after], ["Nodes, steps", `${nodes.length}, ${steps.length}`]];
  byId("about-body").replaceChildren(
    el("dl", { class: "facts-list" }, rows.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text)))),
    el("h3", {}, "Colours"),
    el("p", {}, "Blue is a value, orange a gradient. A hatched box is frozen, a red wall is a cut. What is not there yet is pale. In pictures, a dash marks a negative number, where there is room for one and the number is not near 0; its colour is grey, that of a negative gradient violet."),
    el("h3", {}, "What is shown"),
    el("ul", {}, header.notes.map((note) => el("li", {}, note))),
    el("p", {}, "All numbers were computed while recording and tested in Rust; this page only draws them. It loads nothing and sends nothing."));
}

const FEW = 40;

function start() {
  askDark();
  buildAbout();
  buildPanel();
  buildViews();
  buildHelp();
  buildQuestions();
  if (tape.editable) buildEdit();
  else byId("view-edit").remove();
  if (nodes.length <= FEW) state.open = new Set(boxes.map((box) => box.id)); // all of it fits in one look
  build();
  listenToPointer();
  // The first drawing of everything.
  for (const drawer of drawers) drawer(new Set(["step", "tab", "view", "speed", "node", "follow", "playing"]));
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", readAddress);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolor);
  for (const name of ["about", "questions", "help"]) {
    byId(`show-${name}`).onclick = () => byId(name).showModal();
    byId(`${name}-close`).onclick = () => byId(name).close();
  }
  byId("scheme").onclick = () => setScheme();
  byId("skip").onclick = (event) => { event.preventDefault(); byId("node-panel").focus(); };
  startView();
  readAddress();
}

start();
if (location.hash.startsWith("#selftest")) selfTest();
