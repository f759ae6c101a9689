// Builds the static parts once, then reads the address and draws everything.

// Sets the colour scheme, or switches it. Pictures are painted again, because they contain colours.
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
    el("p", {}, "Values are blue, gradients orange. A hatched box is frozen, a red bar is a cut, and nodes that are not yet computed are pale. In pictures, negative values are grey, negative gradients violet; a dash marks a negative number where there is room for it and the number is not near 0."),
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
  if (nodes.length <= FEW) state.open = new Set(boxes.map((box) => box.id)); // the whole graph fits
  build();
  listenToPointer();
  // Draw everything once.
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
