// The page tests itself: opened with #selftest, it walks to the end and back, presses every key, does what every question
// says, works every expression out, measures contrast and overflow, and leaves a record as JSON in the document.

const troubles = []; // what went wrong anywhere since the page was opened
addEventListener("error", (event) => troubles.push(`error: ${event.message}`));
addEventListener("unhandledrejection", (event) => troubles.push(`rejection: ${event.reason}`));
document.addEventListener("securitypolicyviolation", (event) => troubles.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));
console.error = (...what) => troubles.push(`console: ${what.join(" ")}`);

function selfTest() {
  const record = { opened_ms: performance.now(), nodes: nodes.length, steps: steps.length, failures: [], checked: {}, took_ms: {} };
  let subject = "";
  const check = (holds, what) => {
    record.checked[subject] = (record.checked[subject] ?? 0) + 1;
    if (!holds && record.failures.length < 40) record.failures.push(`${subject}: ${what}`);
  };
  const only = location.hash.split("=")[1]; // #selftest=walk: that test alone
  for (const [name, test] of Object.entries(SELF_TESTS)) {
    if (only && name !== only) continue;
    subject = name;
    const before = performance.now();
    try {
      test(check, record);
    } catch (error) {
      check(false, `${error}\n${error.stack}`);
    }
    record.took_ms[name] = Math.round(performance.now() - before);
  }
  subject = "quiet";
  const requests = performance.getEntriesByType("resource").map((entry) => entry.name);
  check(requests.length === 0, `requests were made: ${requests}`);
  for (const trouble of troubles) check(false, trouble);
  record.pass = record.failures.length === 0;
  document.body.append(el("script", { type: "application/json", id: "selftest" }, JSON.stringify(record).replaceAll("<", "\\u003c")));
}

const press = (key, target = document.body, more = {}) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
const seen = (element) => element.getClientRects().length > 0;

const SELF_TESTS = {
  // Every step on and back again; after each the page shows what the step says.
  walk(check, record) {
    const times = [];
    const step = (to) => {
      const before = performance.now();
      goTo(to);
      document.body.getBoundingClientRect(); // what the browser has to lay out belongs to the step
      times.push(performance.now() - before);
    };
    const look = (i) => {
      const { node, text, kind } = steps[i];
      check(byId("step-text").textContent === text, `step ${i} does not say “${text}”`);
      check(byId("live").textContent.endsWith(text), `step ${i} is not announced`);
      check(Number(byId("time").value) === i, `the slider is not at ${i}`);
      if (node === null) return;
      check(state.node === node && byId("node-head").textContent.includes(nodes[node].label), `step ${i} does not show its node`);
      const box = graph.boxes.get(keyOf(node));
      check(box.drawn.style.includes("now"), `step ${i}: the graph does not mark node ${node}`);
      if (kind === "make") check(box.drawn.made > 0, `step ${i}: the box of node ${node} is not filled`);
      if (kind === "sweep") check(box.drawn.swept > 0, `step ${i}: the box of node ${node} has no gradient`);
    };
    for (let i = 0; i < steps.length; i++) { step(i); look(i); }
    for (let i = steps.length - 1; i >= 0; i--) { step(i); look(i); }
    times.sort((a, b) => a - b);
    record.step_ms = { median: times[times.length >> 1], p95: times[Math.floor(times.length * 0.95)], worst: times[times.length - 1] };
  },

  gradients(check) {
    set({ tab: "gradient" });
    for (const node of nodes) {
      select(node.id);
      const shown = byId("panel").textContent;
      if (node.no_gradient === null) check(node.gradient && shown.includes(showSize(node.gradient)), `node ${node.id} (${node.label}) should show a gradient`);
      else check(!shown.includes("How the loss changes"), `node ${node.id} (${node.label}) shows a gradient in spite of “${node.no_gradient}”`);
      if (node.no_gradient) check(byId("node-head").textContent.includes(node.no_gradient), `node ${node.id} does not say why it has none`);
    }
  },

  calculator(check) {
    const cases = [["1+2*3", 7], ["(1+2)*3", 9], ["-2*-3", 6], ["1 - 2 - 3", -4], ["8/2/2", 2], ["1e-3 + 2.5E2", 250.001], ["max(1, -2, 3) - min(4, 2)", 1], ["sigmoid(0) + exp(0) + log(1) + sqrt(4) + abs(-1)", 4.5], ["softplus(-800) + tanh(0)", 0], ["softplus(800)", 800], ["-(1 + 1)", -2], ["2 * -tanh(0.5)", -2 * Math.tanh(0.5)], ["1 - 0.5^3 * 2", 0.75], ["-3^2 + (-3)^2", 0]];
    for (const [text, value] of cases) check(Math.abs(evaluate(text) - value) < 1e-12, `${text} gives ${evaluate(text)}`);
    for (const wrong of ["", "1 +", "(1", "1 2", "alert(1)", "constructor(1)", "x", "1..2"]) {
      let refused = false;
      try { evaluate(wrong); } catch { refused = true; }
      check(refused, `“${wrong}” is not refused`);
    }
  },

  numbers(check, record) {
    record.probes = 0;
    record.worst_probe = 0;
    const agrees = (node, probe, kind) => {
      const expression = probe[`${kind}_expression`];
      if (!expression) return;
      const { error, sum } = worked(expression, probe[`${kind}_rest`], probe[kind]);
      record.probes++;
      record.worst_probe = Math.max(record.worst_probe, error);
      check(error <= AGREES, `${kind} of node ${node.id} (${node.op}) [${probe.index}]: ${sum} instead of ${probe[kind]}`);
    };
    set({ tab: "numbers" });
    for (const node of nodes) {
      for (const probe of node.probes) {
        agrees(node, probe, "value");
        if (probe.gradient !== null) agrees(node, probe, "gradient");
      }
      select(node.id);
      check(!byId("panel").querySelector(".fail"), `the panel of node ${node.id} shows a number that does not agree`);
    }
  },

  // The update of every parameter, line by line.
  updates(check) {
    for (const { parameter, worked: { lines } } of updates) {
      for (const line of lines) {
        const { error } = worked(line.expression, line.rest, line.stored ?? line.value);
        check(error <= AGREES, `${parameter}: ${line.target} <- ${line.expression} is not ${line.stored ?? line.value}`);
      }
    }
    set({ view: "updates" });
    for (const [node, update] of updateOf) {
      select(node);
      const shown = byId("view-updates").textContent;
      check(updates[update].formulas.every((formula) => shown.includes(pretty(formula))), `the formulas of ${updates[update].parameter} are not shown`);
      check(!byId("view-updates").querySelector(".fail"), `the update of ${updates[update].parameter} shows a number that does not agree`);
    }
    set({ view: "graph" });
  },

  // What is one number is shown with its sign wherever it stands.
  signs(check) {
    set({ view: "table" });
    const column = (name) => COLUMNS.findIndex((column) => column.name === name);
    for (const node of nodes) {
      const cells = table.rows.get(node.id).children;
      for (const [kind, name] of [["value", "value"], ["gradient", "gradient"]]) {
        const number = only(node[kind]);
        if (number !== null) check(cells[column(name)].textContent === show(number, 3), `the table shows ${cells[column(name)].textContent} as the ${kind} of node ${node.id}, which is ${number}`);
      }
    }
    set({ view: "graph" });
  },

  panels(check) {
    for (const tab of TABS) {
      set({ tab });
      for (const node of nodes) {
        select(node.id);
        const text = byId("panel").textContent;
        check(text.length > 10 && !/undefined|\[object|NaN/.test(text), `tab ${tab} of node ${node.id} (${node.op}): “${text.slice(0, 80)}”`);
      }
    }
    set({ tab: "value" });
  },

  forks(check) {
    set({ tab: "forks" });
    for (const node of nodes.filter((node) => node.gradient)) {
      select(node.id);
      const shown = byId("panel").querySelectorAll(".addend:not(.sum)").length;
      check(shown === node.contributions.length, `node ${node.id} shows ${shown} addends, not ${node.contributions.length}`);
    }
    set({ tab: "value" });
  },

  player(check) {
    goTo(0);
    set({ speed: 1 });
    setPlaying(true);
    const start = play.due - 1000;
    check(byId("play").textContent === "Pause", "the button does not say Pause");
    for (const [time, index] of [[500, 0], [1000, 1], [1500, 1], [2000, 2], [3000, 3]]) {
      tick(start + time);
      check(state.step === Math.min(index, steps.length - 1), `after ${time} ms of playing the step is ${state.step}, not ${index}`);
    }
    setPlaying(false);
    tick(start + 60000);
    check(state.step === 3, "a paused player goes on");
    goTo(steps.length - 2);
    setPlaying(true);
    tick(play.due);
    check(state.step === steps.length - 1 && !state.playing, "the player does not stop at the end");
    set({ speed: 2 });
  },

  keys(check) {
    const frame = byId("graph-frame");
    const reset = () => { document.querySelector("dialog[open]")?.close(); setPlaying(false); goTo(1); set({ tab: "value", view: "graph", follow: null, open: new Set() }); startView(); };
    const does = (key, what, holds, target = document.body, more = {}) => {
      press(key, target, more);
      check(holds(), `the key “${key}” does not ${what}`);
      pressed.add(key);
    };
    const pressed = new Set();
    reset();
    does(" ", "play", () => state.playing);
    does(" ", "pause", () => !state.playing);
    does("ArrowRight", "step", () => state.step === 2);
    does("ArrowLeft", "step back", () => state.step === 1);
    does("End", "go to the end", () => state.step === steps.length - 1);
    does("Home", "go to the start", () => state.step === 0);
    does("PageDown", "go to the next phase", () => steps[state.step].phase === 1 || phases.length === 1);
    does("PageUp", "go to the phase before", () => steps[state.step].phase === 0);
    does("l", "go to the loss", () => nodes[state.node].role === "loss" && steps[state.step].node === state.node);
    does("p", "offer the parameters", () => document.activeElement === byId("to-parameter"));
    byId("to-parameter").blur();
    does(">", "play faster", () => state.speed === 5);
    does("<", "play slower", () => state.speed === 2);
    TABS.forEach((tab, i) => does(String(i + 1), `open ${tab}`, () => state.tab === tab && byId(`tab-node-${tab}`).getAttribute("aria-selected") === "true"));
    const before = state.node;
    does("b", "go to the node before", () => state.node === Math.max(0, before - 1));
    does("n", "go to the next node", () => state.node === Math.max(0, before - 1) + 1);
    does("f", "follow", () => (state.follow !== null && seen(byId("follow"))) || !tape.follow.length);
    does("f", "stop following", () => state.follow === null);
    for (const [key, view] of [["t", "table"], ["u", "updates"], ["w", "whatif"], ...(tape.editable ? [["m", "edit"]] : []), ["g", "graph"]]) does(key, `show ${view}`, () => state.view === view && seen(byId(`view-${view}`)));
    does("e", "open all", () => state.open.size === boxes.length);
    does("e", "close all", () => state.open.size === 0);
    const zoomed = (key, holds) => { const k = graph.view.k; does(key, "zoom", () => holds(graph.view.k, k)); };
    zoomed("+", (now, was) => now > was);
    zoomed("-", (now, was) => now < was);
    zoomed("=", (now, was) => now > was);
    does("0", "show all", () => graph.view.k <= 1.25);
    const scheme = isDark();
    does("x", "change the colours", () => isDark() !== scheme);
    does("x", "change them back", () => isDark() === scheme);
    goToLoss();
    const loss = state.node;
    does("ArrowUp", "walk to an input", () => nodes[loss].inputs.some((input) => input.node === state.node), frame);
    does("ArrowDown", "walk to a consumer", () => state.node === loss, frame);
    const branching = nodes.find((node) => node.inputs.length > 1 && new Set(node.inputs.map((input) => input.node)).size > 1 && consumers[node.inputs[0].node][0] === node.id);
    if (branching) select(branching.inputs[0].node);
    const sibling = state.node;
    does("]", "go to the input beside", () => !branching || state.node !== sibling, frame);
    does("[", "go back to it", () => !branching || state.node === sibling, frame);
    does("Enter", "open the module", () => state.open.has(nodes[state.node].module), frame);
    does("Enter", "close the module", () => state.open.size === 0, frame);
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
      const { x, y } = graph.view;
      does(key, "move the view", () => (graph.view.x !== x || graph.view.y !== y) && state.open.size === 0, frame, { shiftKey: true });
    }
    for (const [key, dialog] of [["q", "questions"], ["o", "about"], ["?", "help"]]) {
      does(key, `show ${dialog}`, () => byId(dialog).open);
      byId(dialog).close();
    }
    setPlaying(true);
    does("Escape", "stop the player", () => !state.playing);
    for (const one of shortcuts) for (const key of one.keys) check(pressed.has(key), `the key “${key}” of the map was never pressed`);
    set({ letters: false });
    press("t");
    check(state.view === "graph", "letters act though they are switched off");
    set({ letters: true });
    press("t", byId("speed"));
    check(state.view === "graph", "a letter typed into a field acts");
    reset();
  },

  questions(check, record) {
    record.questions = tape.questions.length;
    for (const question of tape.questions) {
      goTo(0);
      set({ node: null, tab: "value", view: "graph", follow: null, open: new Set() });
      check(question.actions.length >= 1 && question.actions.length <= 3, `“${question.question}” takes ${question.actions.length} actions`);
      question.actions.forEach((action) => ACTIONS[action.do](action));
      const place = placeOf(question);
      check(seen(place), `the place of the answer to “${question.question}” is not to be seen`);
      if (TABS.includes(question.answer_at)) check(state.tab === question.answer_at, `“${question.question}” ends in the tab ${state.tab}, not ${question.answer_at}`);
      const text = (place === byId("panel") ? byId("node-panel") : place).textContent;
      check(text.length > 10 && (!question.expect || text.includes(question.expect)), `“${question.question}”: “${question.expect}” is not in “${text.slice(0, 300)}”`);
      document.querySelector("dialog[open]")?.close();
    }
  },

  table(check) {
    set({ view: "table" });
    const rows = () => [...table.body.children];
    check(rows().length === nodes.length, `${rows().length} rows for ${nodes.length} nodes`);
    COLUMNS.forEach((column, i) => {
      for (const down of [false, true]) {
        sortTable(i, down);
        const order = new Map([...table.rows].map(([id, row]) => [row, id]));
        const keys = rows().map((row) => column.of(nodes[order.get(row)]));
        const sorted = keys.every((key, k) => !k || (typeof key === "string" ? keys[k - 1].localeCompare(key) : keys[k - 1] - key) * (down ? -1 : 1) <= 0);
        check(sorted, `the table is not sorted by ${column.name}`);
      }
    });
    sortTable(0, false);
    set({ view: "graph" });
  },

  edit(check) {
    if (!tape.editable) return;
    const { values, gradients } = recompute(tape.editable);
    for (const { node } of tape.editable.nodes) {
      const close = (mine, stored, what) => stored && mine && mine.forEach((x, i) => check(Math.abs(x - stored[i]) <= 1e-5 * Math.max(1e-3, Math.abs(x), Math.abs(stored[i])) * 10, `${what} of node ${node} (${nodes[node].op}) comes out as ${x}, recorded ${stored[i]}`));
      close(values.get(node), nodes[node].value.exact, "the value");
      if (nodes[node].no_gradient === null) close(gradients.get(node), nodes[node].gradient?.exact, "the gradient");
    }
    set({ view: "edit" });
    const { loss } = tape.editable;
    descend();
    check(recompute(tape.editable, edits).values.get(loss)[0] < values.get(loss)[0], "a small step against the gradient does not lower the loss");
    const input = byId("view-edit").querySelector("input[type=number]");
    input.value = "1.25";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    check([...edits.values()].some((numbers) => numbers.includes(1.25)), "typing a number changes nothing");
    resetEdits();
    check(edits.size === 0, "the numbers are not put back");
    set({ view: "graph" });
  },

  address(check) {
    const last = nodes.length - 1;
    location.hash = "#selftest&"; // so that the page does not write its own
    const read = (hash) => { history.replaceState(null, "", hash); readAddress(); };
    read(`#node=${last}&view=numbers`);
    check(state.node === last && state.tab === "numbers", "an address with node and view is not obeyed");
    read("#step=2&view=table");
    check(state.step === 2 && state.view === "table", "an address with a step is not obeyed");
    read("#node=-1&step=1e9&view=__proto__&follow=x");
    check(state.step === 2 && state.view === "table", "a senseless address changes something");
    history.replaceState(null, "", "#selftest");
    set({ view: "graph", tab: "value" });
  },

  // At four widths and with letters of twice the size: nothing sticks out to the side, and graph, panel and timeline are there.
  widths(check, record) {
    record.layout = {};
    const root = document.documentElement;
    for (const [name, width, size] of [["320", 320, ""], ["400", 400, ""], ["800", 800, ""], ["1600", 1600, ""], ["400 at 200 %", 400, "200%"], ["1600 at 200 %", 1600, "200%"]]) {
      document.body.style.width = `${width}px`;
      root.style.fontSize = size;
      for (const [kind, prepare] of Object.entries(LAYOUT_STATES)) {
        prepare();
        const page = byId("page");
        const out = [...page.querySelectorAll("*")].filter((element) => {
          if (element.closest("svg svg, #graph, #minimap, .wide, .sr, .skip, math") && !element.matches(".wide")) return false;
          const { right, width: w, left } = element.getBoundingClientRect();
          return w > 0 && (right > width + 1 || left < -1);
        });
        check(out.length === 0, `${name} px, ${kind}: sticks out: ${out.slice(0, 3).map((e) => `${e.tagName}.${e.getAttribute("class") ?? e.id} “${e.textContent.slice(0, 30)}”`).join("; ")}`);
        check(page.scrollWidth <= width + 1, `${name} px, ${kind}: the page is ${page.scrollWidth} px wide`);
        for (const id of ["view", "node-panel", "panel", "play", "time", "phases"]) {
          const { width: w, height: h } = byId(id).getBoundingClientRect();
          check(w > 15 && h > 8, `${name} px, ${kind}: #${id} has no room (${w} x ${h})`);
        }
        record.layout[`${name} ${kind}`] = page.scrollWidth;
      }
    }
    document.body.style.width = "";
    root.style.fontSize = "";
  },

  // Contrast of all text against what is behind it, and of the parts of pictures; in both colour schemes.
  contrast(check, record) {
    record.contrast = { lowest: 21, lowest_of: "" };
    const paint = (color) => {
      const numbers = color.match(/[\d.]+/g).map(Number);
      return numbers.length > 3 && numbers[3] === 0 ? null : numbers.slice(0, 3);
    };
    const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = paint(getComputedStyle(at).backgroundColor);
        if (color) return color;
      }
      return [255, 255, 255];
    };
    const root = document.documentElement;
    const colorOf = (name) => {
      const probe = byId("page").appendChild(el("i"));
      probe.style.color = `var(--${name})`;
      const color = paint(getComputedStyle(probe).color);
      probe.remove();
      return color;
    };
    for (const scheme of ["light", "dark"]) {
      setScheme(scheme);
      const found = new Map();
      for (const [kind, prepare] of Object.entries(LAYOUT_STATES)) {
        prepare();
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const at = walker.currentNode.parentElement;
          if (!walker.currentNode.data.trim() || at.closest("script, svg, .skip, .sr, option, noscript") || !seen(at)) continue;
          const style = getComputedStyle(at);
          const key = `${style.color} on ${behind(at)}`;
          if (!found.has(key)) found.set(key, [paint(style.color), behind(at), `${kind} ${at.tagName}.${at.className} “${at.textContent.slice(0, 20)}”`]);
        }
      }
      for (const [front, back, what] of found.values()) {
        const r = ratio(front, back);
        if (r < record.contrast.lowest) Object.assign(record.contrast, { lowest: r, lowest_of: `${scheme} ${what}` });
        check(r >= 4.5, `${scheme}: text at ${r.toFixed(2)} : 1 in ${what}`);
      }
      for (const front of ["edge", "value", "gradient", "frozen", "cut", "ink", "focus"]) {
        for (const back of ["paper", "sheet"]) check(ratio(colorOf(front), colorOf(back)) >= 3, `${scheme}: ${front} on ${back} is below 3 : 1`);
      }
      // Letters in the graph.
      for (const front of ["ink", "quiet", "cut", "frozen"]) for (const back of ["paper", "sheet", "value-soft", "gradient-soft", "frozen-soft"]) if (!(front === "cut" && back.includes("-soft"))) check(ratio(colorOf(front), colorOf(back)) >= 4.5, `${scheme}: letters in ${front} on ${back} are below 4.5 : 1`);
    }
    root.style.colorScheme = "";
    recolor();
  },

  // Names, roles and order of what can be reached; movement only where it is wanted.
  access(check) {
    const root = document.documentElement;
    check(root.lang === "en" && document.title.length > 0, "no language or no title");
    for (const landmark of ["main", "header", "nav[aria-label]", "footer", "section[aria-label]", "[role=status][aria-live]"]) check(document.querySelector(landmark), `no ${landmark}`);
    const nameOf = (element) => element.getAttribute("aria-label") || element.textContent.trim() || element.closest("label")?.textContent.trim() || document.querySelector(`label[for="${element.id}"]`)?.textContent;
    for (const prepare of Object.values(LAYOUT_STATES)) {
      prepare();
      for (const element of document.querySelectorAll("button, select, input, [role=tab], [role=img], [role=region], [tabindex]")) check(nameOf(element), `${element.outerHTML.slice(0, 120)} has no name`);
      for (const element of document.querySelectorAll("[aria-labelledby], [aria-controls], [aria-describedby]")) {
        for (const name of ["aria-labelledby", "aria-controls", "aria-describedby"]) if (element.hasAttribute(name)) check(byId(element.getAttribute(name)), `${name} of ${element.id} points nowhere`);
      }
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      check(new Set(ids).size === ids.length, "an id is used twice");
    }
    for (const element of document.querySelectorAll("button, select, input")) {
      if (!seen(element)) continue;
      element.focus({ focusVisible: true, preventScroll: true });
      if (element.tabIndex < 0) continue;
      const style = getComputedStyle(element);
      check(document.activeElement === element && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, `${element.outerHTML.slice(0, 80)} does not show its focus`);
    }
    document.activeElement.blur();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      for (const element of document.querySelectorAll("*")) check(/^(0s(, )?)*$/.test(getComputedStyle(element).transitionDuration) && getComputedStyle(element).animationName === "none", `${element.tagName} moves`);
    }
    for (const math of document.querySelectorAll("math")) check(math.getAttribute("aria-label"), "a formula has no text");
  },
};

// Five states of the page, as a class would see them.
const LAYOUT_STATES = {
  forward() { set({ view: "graph", follow: null, open: new Set() }); goTo(Math.floor(steps.length / 5)); set({ tab: "value" }); },
  backward() { const last = nodes.findLast((node) => node.swept !== null && node.role === "parameter") ?? nodes.findLast((node) => node.swept !== null); goTo(last.swept); set({ tab: "gradient" }); if (tape.follow.length) set({ follow: tape.follow[0].parameter }); },
  numbers() { set({ tab: "numbers", view: "graph", open: new Set(boxes.map((box) => box.id)) }); },
  table() { set({ tab: "rule", view: "table" }); },
  updates() { set({ tab: "forks", view: tape.editable ? "edit" : "updates" }); },
  whatif() { set({ tab: "check", view: "whatif" }); },
  source() { set({ tab: "source", view: "graph" }); },
};
