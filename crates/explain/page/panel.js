// The node panel: the details of one node in seven tabs.

const TAB_NAMES = { value: "Value", gradient: "Gradient", rule: "Rule", numbers: "Numbers", forks: "Forks", check: "Check", source: "Source" };
const ROLES = { input: "input", parameter: "parameter", frozen: "frozen parameter", constant: "constant", activation: "result of an op", loss: "loss" };

const nodeLink = (id, text = nodes[id].label) => el("button", { type: "button", class: "link", onclick: () => select(id), "data-node": id }, text);

function drawPanel() {
  const node = state.node === null ? null : nodes[state.node];
  const head = byId("node-head");
  const panel = byId("panel");
  panel.setAttribute("aria-labelledby", `tab-node-${state.tab}`);
  if (!node) {
    head.replaceChildren(el("h2", {}, "A recorded training step"));
    panel.replaceChildren(...welcome());
    return;
  }
  const facts = [node.op + (node.attributes ? ` (${node.attributes})` : ""), shapeText(node.shape), ROLES[node.role]];
  const reason = node.no_gradient ? el("p", { class: `reason ${node.no_gradient === "cut here" ? "cut" : "frozen"}` }, el("strong", {}, `No gradient: ${node.no_gradient}. `), node.no_gradient_text ?? "") : "";
  head.replaceChildren(el("p", { class: "path" }, modules[node.module].path), el("h2", {}, node.label), el("p", { class: "facts" }, facts.join(" · ")), reason);
  panel.replaceChildren(...PANELS[state.tab](node).filter(Boolean));
  panel.scrollTop = 0;
}

function welcome() {
  const { header } = tape;
  const forward = steps.findIndex((step) => step.kind === "make");
  return [
    el("p", {}, `This is one training step of ${header.system}, as the engine recorded it: ${nodes.length} nodes, ${steps.length} steps. Nothing is simulated; all numbers are those of the run.`),
    el("p", {}, "In the forward pass each op computes a value (blue). In the backward pass each op computes the gradients of its inputs (orange): how much the loss changes when they change."),
    el("p", {}, el("button", { type: "button", class: "primary", onclick: () => setPlaying(true) }, "Play"), " ", el("button", { type: "button", onclick: () => goTo(Math.max(0, forward)) }, "First op"), " ", el("button", { type: "button", onclick: () => byId("questions").showModal() }, "Questions")),
    el("p", { class: "quiet" }, "Press Space to play, the arrow keys to step, and ? for all keys."),
  ];
}

// If the timeline is before the step that computes this, says so and offers to go there.
function whenNote(node, step, what) {
  if (step === null || step === undefined || step <= state.step) return null;
  return el("p", { class: "notice" }, `At this point of the timeline ${what} yet. Step ${step + 1} will compute it. `, el("button", { type: "button", class: "link", onclick: () => { goTo(step); select(node.id); } }, "Go there"));
}

function tensorParts(node, kind) {
  const summary = node[kind];
  const image = node[`${kind}_picture`];
  const { exact } = summary;
  return [
    exact && exact.length === 1 ? el("p", { class: `large ${kind}` }, show(exact[0], 7)) : null,
    image && exact?.length !== 1 ? picture(image, kind, `${kind} of ${node.label}`) : null,
    exact && exact.length > 1 ? exactTable(node, exact, kind) : null,
    exact && exact.length === 1 ? null : summaryTable(summary),
    exact && exact.length === 1 ? null : histogram(summary, kind),
  ];
}

function exactTable(node, exact, kind) {
  const columns = node.shape.at(-1) ?? exact.length;
  const rows = [];
  for (let i = 0; i < exact.length; i += columns) rows.push(el("tr", {}, exact.slice(i, i + columns).map((x) => el("td", { class: x < 0 ? "negative" : "" }, show(x, 4)))));
  return el("details", { class: "exact", open: exact.length <= 16 }, el("summary", {}, `All ${exact.length} numbers`), el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "All numbers" }, el("table", { class: `grid ${kind}` }, el("tbody", {}, rows))));
}

function summaryTable(s) {
  const facts = [["norm (L2)", show(s.l2)], ["mean", show(s.mean)], ["standard deviation", show(s.std)], ["smallest", show(s.min)], ["largest", show(s.max)], ["zeros", showShare(s.zeros)]];
  if (s.nan) facts.push(["not a number", String(s.nan)]);
  if (s.inf) facts.push(["infinite", String(s.inf)]);
  return el("dl", { class: "summary" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// The dictionary entry of an op; its texts can be one string or one per input.
const entryOf = (node) => tape.dictionary[node.op] ?? null;
const formula = (mathml, text) => (mathml ? mathOf(mathml, text) : text ? el("p", { class: "math" }, el("code", {}, text)) : null);
const paragraphs = (texts) => [texts].flat().filter(Boolean);

function usedBy(node) {
  if (!consumers[node.id].length) return null;
  return el("p", { class: "quiet" }, "Read by ", ...consumers[node.id].flatMap((id, i) => [i ? ", " : "", nodeLink(id)]), ".");
}

function madeFrom(node) {
  if (!node.inputs.length) return null;
  return el("p", { class: "quiet" }, "Computed from ", ...node.inputs.flatMap((input, i) => [i ? ", " : "", nodeLink(input.node)]), ".");
}

// In an update phase: the update of the parameter at this step.
function movedCard(node) {
  const { kind, update } = steps[state.step];
  return kind === "update" && updates[update]?.node === node.id ? updateCard(updates[update]) : null;
}

const PANELS = {
  value: (node) => [movedCard(node), whenNote(node, node.made, "this value is not computed"), ...tensorParts(node, "value"), madeFrom(node), usedBy(node)],

  gradient(node) {
    if (!node.gradient) return [el("p", {}, node.no_gradient_text ?? "No gradient is computed here."), el("p", { class: "quiet" }, "Only nodes between the loss and a learning parameter get a gradient.")];
    return [
      whenNote(node, node.swept, "the backward sweep has not reached this node"),
      el("p", { class: "lead" }, only(node.gradient) === null ? "The gradient: how the loss changes when this changes. Its norm is " : "The gradient: how the loss changes when this changes, ", el("strong", { class: "gradient" }, showSize(node.gradient)), "."),
      ...tensorParts(node, "gradient"),
      followButton(node),
    ];
  },

  rule(node) {
    const entry = entryOf(node);
    if (!entry) return [el("p", {}, leafText(node))];
    return [
      el("p", { class: "lead" }, entry.idea),
      el("h3", {}, "Forward"),
      formula(entry.mathml_forward, entry.text_forward ?? entry.forward),
      el("h3", {}, "Backward"),
      ...rulesOf(entry),
      withNumbers(node),
      entry.derivation?.length ? el("details", { open: true }, el("summary", {}, "Why"), el("ol", { class: "why" }, paragraphs(entry.derivation).map((line) => el("li", {}, line)))) : null,
      el("dl", { class: "facts-list" }, [["Shapes", entry.shape], ["Saved", entry.saved], ["Cost", entry.cost], ["Code", entry.source_file], ["Guide", entry.chapter]].filter(([, text]) => text).map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text)))),
    ];
  },

  numbers(node) {
    if (!node.probes.length) return [el("p", {}, "No probe was stored for this node.")];
    return [el("p", { class: "lead" }, entryOf(node) ? "How the op computed this value, and the contributions to its gradient, with the numbers of this step." : leafText(node)), ...node.probes.map((probe) => probeOf(node, probe))];
  },

  forks(node) {
    const { contributions } = node;
    if (!node.gradient) return [el("p", {}, "There is no gradient here, so there is nothing to add.")];
    if (!contributions.length) return [el("p", {}, node.role === "loss" ? "This is the loss: the sweep starts here with a gradient of 1." : "No node between this one and the loss reads this value.")];
    const parts = contributions.flatMap((part, i) => [i ? el("span", { class: "sign", "aria-label": "plus" }, "+") : null, addend(part)]).filter(Boolean);
    const sum = el("figure", { class: "addend sum" }, node.gradient_picture ? picture(node.gradient_picture, "gradient", "the sum", 150) : null, el("figcaption", {}, el("strong", {}, "the gradient"), el("br"), sizeOf(node.gradient)));
    return [
      el("p", { class: "lead" }, contributions.length > 1 ? `This value is used ${contributions.length} times. Each use contributes to its gradient; the gradient is the sum.` : "This value is used once, so its gradient has a single contribution."),
      el("div", { class: "addends" }, ...parts, el("span", { class: "sign", "aria-label": "equals" }, "="), sum),
    ];
  },

  check(node) {
    const { check } = node;
    if (!check) return [el("p", {}, node.gradient ? "No numerical check was stored for this node." : "Without a gradient there is nothing to check.")];
    return [
      el("p", { class: check.pass ? "verdict pass" : "verdict fail" }, check.pass ? "✓ The gradient agrees with finite differences." : "✗ The gradient does not agree with finite differences."),
      el("p", {}, check.text),
      el("dl", { class: "summary" }, [["from the rule", show(check.analytic, 9)], ["from finite differences", show(check.numeric, 9)], ["relative error", show(check.error, 3)], ["allowed", show(check.tolerance, 3)]].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    ];
  },

  source: (node) => [
    el("dl", { class: "facts-list" },
      [
        ["Made at", node.file ? `${node.file}:${node.line}` : "outside the engine"],
        ["Place on the tape", node.tape_index === null || node.tape_index === undefined ? "none: a constant" : `${node.tape_index} of tape ${node.tape + 1}`],
        ["Saved for the backward pass", node.saved ? `${node.saved.text}${node.saved.bytes ? ` (${showBytes(node.saved.bytes)})` : ""}` : "nothing"],
        ["Cost forward", node.cost?.forward], ["Cost backward", node.cost?.backward],
        ["Rule in", entryOf(node)?.source_file],
      ].filter(([, text]) => text !== null && text !== undefined && text !== "").map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(text))))),
    madeFrom(node), usedBy(node),
    updateOf.has(node.id) ? updateCard(updates[updateOf.get(node.id)]) : null,
  ],
};

const showBytes = (bytes) => (bytes < 1024 ? `${bytes} bytes` : bytes < 1 << 20 ? `${show(bytes / 1024, 3)} KiB` : `${show(bytes / (1 << 20), 3)} MiB`);

const leafText = (node) => (node.role === "parameter" ? "A parameter: no op computed it. The optimiser updates it after the sweep." : "No op computed this: it is an input from outside the tape.");

function rulesOf(entry) {
  if (Array.isArray(entry.rule)) return entry.rule.flatMap((one) => [one.input ? el("p", { class: "quiet" }, `for ${one.input}`) : null, formula(one.mathml, one.text)]);
  return [formula(entry.mathml_rule, entry.text_rule ?? entry.rule)];
}

function followButton(node) {
  if (!pathOf.has(node.id)) return null;
  return el("p", {}, el("button", { type: "button", onclick: () => followPath(state.follow === node.id ? null : node.id) }, state.follow === node.id ? "Stop following" : "Follow this parameter"));
}

function addend(part) {
  return el("figure", { class: "addend" }, part.picture ? picture(part.picture, "gradient", `from ${nodes[part.consumer].label}`, 150) : null, el("figcaption", {}, "from ", nodeLink(part.consumer), el("br"), part.number === null ? `norm ${show(part.l2)}` : show(part.number)));
}

const sizeOf = (summary) => (only(summary) === null ? `norm ${show(summary.l2)}` : showSize(summary));

// --- the rule with numbers ---

const pretty = (expression) => expression.replaceAll("<-", "←").replaceAll("*", "×").replaceAll("-", "−");

// An expression worked out: what it gives, with the rest, beside what the engine stored.
function worked(expression, rest, stored) {
  const sum = evaluate(expression) + (rest ?? 0);
  return { sum, error: agreement(sum, stored), agrees: agreement(sum, stored) <= AGREES };
}

const LONG = 260; // letters of an expression that is folded, so that its result is in sight

function expressionOf(expression, kind) {
  const text = pretty(expression);
  if (text.length <= LONG) return el("p", { class: `expression ${kind}` }, text);
  const cut = text.indexOf(" + ", 90);
  return el("details", { class: `expression ${kind}` }, el("summary", {}, `${text.slice(0, cut < 0 ? 90 : cut)} + … all of it`), text);
}

const ROUNDING = "the rounding of f32";

const workedLines = (expression, rest, stored, kind, restText) => [expressionOf(expression, kind), ...resultLines(expression, rest, stored, restText)];

function resultLines(expression, rest, stored, restText = ROUNDING) {
  const { sum, agrees, error } = worked(expression, rest, stored);
  return [
    rest ? el("p", { class: "expression rest" }, `+ ${show(rest, 7)}`, el("span", { class: "quiet" }, ` ${restText}`)) : null,
    el("p", { class: "expression result" }, `= ${show(sum, 7)} `, el("span", { class: agrees ? "pass" : "fail" }, agrees ? `✓ stored: ${show(stored, 7)}` : `✗ stored: ${show(stored, 7)}, off by ${show(error, 2)}`)),
  ].filter(Boolean);
}

function probeOf(node, probe) {
  const where = probe.index.length ? `element [${probe.index.join(", ")}]` : "the number";
  const parts = [el("h3", {}, `${where} `, el("span", { class: "quiet" }, `(${probe.why})`))];
  parts.push(el("h4", { class: "value" }, entryOf(node) ? `Value, made by ${node.op}` : "Value"));
  parts.push(...(probe.value_expression ? workedLines(probe.value_expression, probe.value_rest, probe.value, "value") : [el("p", { class: "expression result" }, show(probe.value, 7))]));
  if (probe.gradient !== null && probe.gradient !== undefined) {
    parts.push(el("h4", { class: "gradient" }, sentBy(node)));
    if (probe.gradient_terms.length) parts.push(termTable(probe.gradient_terms, probe.gradient_terms_more));
    parts.push(...(probe.gradient_expression ? workedLines(probe.gradient_expression, probe.gradient_rest, probe.gradient, "gradient", probe.gradient_rest_text) : [el("p", { class: "expression result" }, show(probe.gradient, 7))]));
  }
  return el("section", { class: "probe" }, ...parts.filter(Boolean));
}

// Whose rules the gradient of a node comes by: not by its own, which sends gradients on to what it reads.
function sentBy(node) {
  const ops = [...new Set(node.contributions.map((part) => nodes[part.consumer].op))];
  return ops.length ? `Gradient, by the rule of what reads it: ${ops.join(", ")}` : "Gradient, with which the sweep begins";
}

// Links to the nodes whose tab Numbers shows the rule of `node` with numbers.
function withNumbers(node) {
  const inputs = node.inputs.filter((input) => input.wants_gradient && nodes[input.node].probes.length);
  if (!inputs.length) return null;
  return el("p", { class: "quiet" }, "To see this rule with the numbers of this step, open the tab Numbers of: ", ...inputs.flatMap((input, i) => [i ? ", " : "", nodeLink(input.node)]), ".");
}

function termTable(terms, further) {
  const head = el("tr", {}, ["through", "incoming gradient", "× local slope", "= contribution"].map((name) => el("th", { scope: "col" }, name)));
  const rows = terms.map((term) => el("tr", {}, el("td", {}, nodeLink(term.node)), el("td", {}, show(term.upstream)), el("td", {}, show(term.slope)), el("td", {}, show(term.product))));
  const more = further ? el("p", { class: "quiet" }, `and ${further.toLocaleString("en")} smaller ${further === 1 ? "one" : "ones"}`) : null;
  return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Contributions to the gradient" }, el("table", { class: "terms" }, el("thead", {}, head), el("tbody", {}, rows)), more);
}

// --- tabs, here and above the graph ---

function buildTabs(list, prefix, names, current, choose) {
  list.replaceChildren(...names.map(([key, name]) => el("button", { type: "button", role: "tab", id: `tab-${prefix}-${key}`, "aria-controls": prefix === "node" ? "panel" : `view-${key}`, onclick: () => choose(key) }, name)));
  list.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const keys = names.map(([key]) => key);
    const next = keys[(keys.indexOf(current()) + by + keys.length) % keys.length];
    choose(next);
    byId(`tab-${prefix}-${next}`).focus();
  });
}

function markTabs(list, id) {
  for (const tab of list.children) {
    tab.setAttribute("aria-selected", String(tab.id === id));
    tab.tabIndex = tab.id === id ? 0 : -1;
  }
}

function buildPanel() {
  buildTabs(byId("node-tabs"), "node", TABS.map((tab) => [tab, TAB_NAMES[tab]]), () => state.tab, (tab) => set({ tab }));
}

drawers.push((changed) => {
  if (changed.has("tab")) markTabs(byId("node-tabs"), `tab-node-${state.tab}`);
  if (["tab", "node", "step", "follow"].some((name) => changed.has(name))) drawPanel();
});
