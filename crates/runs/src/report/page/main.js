// Start-up: shows the data of the page, or loads them again every few seconds.

const EVERY = 4000;
const FRAME = 60;

function timeBar() {
  const last = newest();
  const slider = make("input", { type: "range", id: "time", min: 0, max: last, value: shownStep(), oninput: () => goTo(Number(slider.value)) });
  const says = make("output", { for: "time" });
  const play = make("button", { type: "button", id: "play" }, "Play");
  play.addEventListener("click", () => {
    if (state.playing) return stop();
    if (shownStep() >= newest()) goTo(0);
    play.textContent = "Pause";
    state.playing = setInterval(() => {
      const next = shownStep() + newest() / 100;
      goTo(next);
      if (next >= newest()) stop();
    }, FRAME);
  });
  const stop = () => {
    clearInterval(state.playing);
    state.playing = 0;
    play.textContent = "Play";
  };
  if (state.playing) stop();
  followers.push((step) => {
    slider.value = step;
    says.textContent = `step ${thousands(step)}`;
    slider.setAttribute("aria-valuetext", `step ${thousands(step)} of ${thousands(last)}`);
  });
  return make(
    "section",
    { class: "time", "aria-label": "Time" },
    make("label", {}, make("span", {}, "Step"), slider, says),
    make("div", {}, play, " ", make("button", { type: "button", id: "latest", onclick: () => goTo(null) }, "Latest")),
  );
}

const capitalized = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** The heading of a place in the guide: "Mode collapse" for "c13_sick_runs.md#mode-collapse". */
const headingOf = (place) => capitalized(place.replace(/^.*#/, "").replaceAll("-", " "));

function alertsOf(run) {
  const section = make("section", {}, make("h2", {}, `Diagnoses${ofRun(run)}`));
  for (const remark of run.missing) section.append(make("p", { class: "alert note" }, remark));
  for (const alert of run.alerts) {
    const when = alert.last_step > alert.step ? `Steps ${thousands(alert.step)} to ${thousands(alert.last_step)}` : `Step ${thousands(alert.step)}`;
    section.append(
      make(
        "div",
        { class: "alert" },
        make("h3", {}, `${when}: ${alert.title || alert.sign} (${[alert.title && alert.sign, alert.severity].filter(Boolean).join(", ")})`),
        alert.meaning ? make("p", {}, alert.meaning) : null,
        make("p", {}, `Evidence: ${alert.evidence}`),
        alert.remedy ? make("p", {}, "Try one of:") : null,
        alert.remedy ? make("ul", {}, alert.remedy.split(" or ").map((command) => make("li", {}, make("code", {}, command)))) : null,
        alert.chapter ? make("p", { class: "small" }, "Read more: ", alert.link ? make("a", { href: alert.link }, `${headingOf(alert.chapter)}, in the guide`) : alert.chapter) : null,
        make("button", { type: "button", onclick: () => goTo(alert.step) }, "Go to the step"),
      ),
    );
  }
  if (run.alerts.length === 0) section.append(make("p", { class: "quiet" }, "No sign of a sick run was recorded."));
  return section;
}

function factsOf(run) {
  return make(
    "section",
    {},
    make("h2", {}, `The run${ofRun(run)}`),
    make("table", {}, make("tbody", {}, run.facts.map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value))))),
    make("details", {}, make("summary", {}, "Configuration (config.toml)"), make("pre", {}, run.config)),
  );
}

function render() {
  const app = document.getElementById("app");
  const focus = document.activeElement && document.activeElement.id;
  followers = [];
  const runs = state.data.runs;
  app.replaceChildren(
    timeBar(),
    ...runs.map(alertsOf),
    make("div", { class: "grid" }, runs.map((run, number) => (run.sheets.length ? sheetOf(run, number) : null)), allCharts().map(chartCard)),
    ...runs.flatMap((run) => run.scores.map((history) => scoresOf(run, history))),
    ...runs.filter((run) => run.layers.rows.length).map(layersOf),
    ...runs.map(seenOf).filter(Boolean),
    ...runs.map(walkOf).filter(Boolean),
    ...runs.map(factsOf),
  );
  app.hidden = false;
  document.getElementById("plain").hidden = true;
  for (const follow of followers) follow(shownStep());
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
}

function statusText(isLive) {
  const texts = state.data.runs.map((run) => {
    const name = state.data.runs.length > 1 ? `${run.name}: ` : "";
    return name + (run.step < run.total ? `step ${thousands(run.step)} of ${thousands(run.total)}` : `complete, ${thousands(run.step)} steps`);
  });
  const isRunning = isLive && state.data.runs.some((run) => run.step < run.total);
  return capitalized(texts.join("; ")) + (isRunning ? ". The page updates itself while the run trains." : ".");
}

function receive(data, isLive) {
  const before = state.data && state.data.runs.map((run) => [run.step, run.record.hash, run.alerts.length].join()).join(";");
  state.data = data;
  const now = data.runs.map((run) => [run.step, run.record.hash, run.alerts.length].join()).join(";");
  document.getElementById("status").textContent = statusText(isLive);
  if (before !== now && !state.playing) render();
}

const scheme = document.getElementById("scheme");
scheme.hidden = false;
scheme.addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.style.colorScheme ? root.style.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.style.colorScheme = isDark ? "light" : "dark";
  for (const follow of followers) follow(shownStep());
});

const own = JSON.parse(document.getElementById("data").textContent);
const wish = new URLSearchParams(location.hash.slice(1));
if (wish.has("scheme")) document.documentElement.style.colorScheme = wish.get("scheme") === "dark" ? "dark" : "light";
if (wish.has("step")) state.step = Number(wish.get("step"));
const test = () => wish.has("selftest") && setTimeout(selfTest, 400);

if (own) {
  receive(own, false);
  test();
} else {
  let isFirst = true;
  window.backdrawReport = (data) => {
    receive(data, true);
    if (isFirst) test();
    isFirst = false;
  };
  const load = () => {
    const script = make("script", { src: `report/data.js?${Date.now()}` });
    const after = () => {
      script.remove();
      setTimeout(load, EVERY);
    };
    script.addEventListener("load", after);
    script.addEventListener("error", after);
    document.head.append(script);
  };
  load();
}
