// The page tests itself at #selftest: hashes, arrows, every control, names, contrast, widths.
// #selftest=NAME runs one test. The result is written to the console as one line, "SELFTEST "
// and JSON.

const troubles = []; // what went wrong anywhere since the page was opened
addEventListener("error", (event) => troubles.push(`error: ${event.message}`));
addEventListener("unhandledrejection", (event) => troubles.push(`rejection: ${event.reason}`));
document.addEventListener("securitypolicyviolation", (event) => troubles.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Waits until a condition holds; false if it never does.
async function until(holds, milliseconds = 60000) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    if (holds()) return true;
    await wait(15);
  }
  return false;
}

async function selfTest(only) {
  const record = { opened_ms: Math.round(state.ready), kind: state.kind, failures: [], checked: {}, took_ms: {}, hashes: {} };
  let subject = "";
  const check = (holds, what) => {
    record.checked[subject] = (record.checked[subject] ?? 0) + 1;
    if (!holds && record.failures.length < 40) record.failures.push(`${subject}: ${what}`);
  };
  if (only) {
    subject = only;
    check(Object.hasOwn(SELF_TESTS, only), "there is no such test");
  }
  for (const [name, test] of Object.entries(SELF_TESTS)) {
    if (only ? name !== only : ONLY_NAMED.includes(name)) continue;
    subject = name;
    const before = performance.now();
    try {
      await test(check, record);
    } catch (error) {
      check(false, `${error}\n${error.stack}`);
    }
    record.took_ms[name] = Math.round(performance.now() - before);
  }
  subject = "quiet";
  const own = new URL(".", location.href).href;
  for (const { name } of performance.getEntriesByType("resource")) check(name.startsWith(own) || name.startsWith("data:"), `a request left the page's folder: ${name}`);
  for (const trouble of troubles) check(false, trouble);
  record.pass = record.failures.length === 0;
  console.log(`SELFTEST ${JSON.stringify(record)}`);
}

// What the page says and offers when it cannot start.
function reportMissing() {
  const controls = [...document.querySelectorAll("button, select, input")].filter(seen);
  const works = controls.filter((control) => !control.disabled).map((control) => control.id);
  const record = { missing: byId("notice").textContent, is_seen: seen(byId("notice")), works, troubles, texts: byId("page").innerText.length };
  console.log(`SELFTEST ${JSON.stringify(record)}`);
}

// Tests that need a browser of a special kind.
const ONLY_NAMED = ["memory"];

const press = (key, target = document.body) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const choose = (id, value) => { byId(id).value = value; byId(id).dispatchEvent(new Event("change")); };
const settled = () => until(() => isDrawn && pendingFrame === null && !state.playing && !state.replaying);
const turnsAre = (d, g) => until(() => state.turns[0] === d && state.turns[1] === g);

const SELF_TESTS = {
  // The hashes after 0, 1 and 100 steps, which the test outside compares with the native program's.
  async hashes(check, record) {
    await open("points");
    for (const steps of [0, 1, 100]) {
      await open(`points&run=${steps}`);
      check(await until(() => !state.replaying && state.turns[0] === steps && state.hash), `${steps} steps are not reached`);
      record.hashes[`points&run=${steps}`] = (await ask("about")).hash;
    }
    for (const link of ["points&loss=hinge&penalty=r1&run=5~d2~g1~d_rate:0.01~3", "points&data=drawn&loss=wasserstein&penalty=between&drawn=AAABjv&run=4", "pictures&data=apples&run=2", "pictures&data=doodles&doodles=AAf_*__AA.gA&run=1"]) {
      await open(link);
      check(await until(() => !state.replaying && state.turns[0] > 0), `${link} is not reached`);
      record.hashes[link] = (await ask("about")).hash;
    }
  },

  // The same state again: by steps of the button, by reset and replay, by the shared link.
  async again(check) {
    await open("points");
    const start = (await ask("about")).hash;
    byId("step").click();
    check(await turnsAre(1, 1), "One step makes no step");
    byId("turn-d").click();
    check(await turnsAre(2, 1), "One turn of D makes none");
    byId("turn-g").click();
    check(await turnsAre(2, 2), "One turn of G makes none");
    await settled();
    const there = await ask("about");
    check(there.link === "points&run=1~d1~g1", `the link is ${there.link}`);
    check(byId("command").textContent.includes(there.link), "the command does not have the link");
    byId("share").click();
    check(await until(() => location.hash === `#${there.link}`), `the address is ${location.hash}`);
    byId("reset").click();
    check(await turnsAre(0, 0), "Reset does not go back");
    check((await ask("about")).hash === start, "the start has other bits after Reset");
    await open(there.link);
    await until(() => !state.replaying && state.turns[0] === 2);
    check((await ask("about")).hash === there.hash, "the link leads to other bits");
    history.replaceState(null, "", "#selftest");
  },

  // The page shows how far a long link is repeated, and can stop it. It says when no link can lead
  // to its state.
  async long(check) {
    const begin = async () => {
      await open("points&run=1000000");
      check(seen(byId("replay")) && byId("replay-words").textContent.includes("1,000,000 turns of D and 1,000,000 of G"), `the page says “${byId("replay-words").textContent}”`);
      check(byId("play").disabled && byId("share").disabled && byId("hash").textContent === "…", "a link can be copied while the page still repeats another one");
      check(await until(() => state.turns[0] > 20 && byId("replay-bar").value > 0), "the link is not repeated");
    };
    await begin();
    byId("replay-stop").focus();
    byId("replay-stop").click();
    check(await until(() => !state.replaying), "“Stop here” does not stop");
    await settled();
    check(!seen(byId("replay")) && !byId("play").disabled, "after the stop, the page still waits");
    check(document.activeElement === byId("play"), "the focus is lost with the button");
    const { link, hash, turns } = await ask("about");
    await open(link);
    await until(() => !state.replaying && state.turns[0] === turns[0] && state.turns[1] === turns[1]);
    check((await ask("about")).hash === hash, `${link}, where it was stopped, has different bits`);
    await begin();
    byId("replay-defaults").click();
    check(await turnsAre(0, 0) && (await ask("about")).link === "points" && !state.replaying, "the defaults do not open");
    await begin();
    byId("mode-trained").click();
    check(await until(() => !state.replaying), "a link is repeated out of sight");
    byId("mode-points").click();
    check(await turnsAre(0, 0), "the points do not open again");

    await open("points&width=2&batch=2");
    for (let i = 0; i < 251; i++) {
      await ask("turn", { turn: "d" });
      await ask("set", { key: "d_rate", value: String(0.1 + (i % 9) / 100) });
    }
    check(await until(() => byId("share").disabled && seen(byId("share-limit"))), "a state that no link can have is offered as a link");
    check(byId("share-limit").textContent.includes("502 parts"), byId("share-limit").textContent);
    await open("points");
    check(!byId("share").disabled && !seen(byId("share-limit")), "the limit stays after Reset");
  },

  // The memory runs out in the middle of training.
  async memory(check) {
    await open("points&width=256&batch=1024&penalty=between");
    byId("step").click();
    check(await until(() => byId("notice").textContent.includes("lack of memory"), 20000), `the page says “${byId("notice").textContent}”`);
    byId("play").click();
    await wait(200);
    check(!state.playing && byId("notice").textContent.includes("lack of memory"), "it plays without an engine");
    byId("share").click();
    check(await until(() => byId("share-words").textContent.includes("lack of memory"), 5000), "it shares a link without an engine");
    byId("reset").click();
    await wait(200);
    check(byId("notice").textContent.startsWith("The engine has stopped"), `after Reset, the page says “${byId("notice").textContent}”`);
  },

  // Every arrow is minus the gradient: the loss falls along it as fast as its length says.
  async arrows(check, record) {
    await open("points&run=60");
    await until(() => !state.replaying && state.turns[0] === 60 && view.data);
    const { fakes, arrows } = view.data;
    const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    const by = 0.02;
    const count = fakes.length / 2;
    const moved = (axis, sign) => fakes.map((value, i) => (i % 2 === axis ? value + sign * by : value));
    record.worst_arrow = 0;
    for (const axis of [0, 1]) {
      const [up, down] = [(await ask("judge", { places: moved(axis, 1) })), (await ask("judge", { places: moved(axis, -1) }))];
      for (let i = 0; i < count; i++) {
        const slope = (softplus(-up[i]) - softplus(-down[i])) / (2 * by);
        const off = Math.abs(slope + arrows[2 * i + axis]);
        record.worst_arrow = Math.max(record.worst_arrow, off);
        // Kinks of the leaky ReLUs between the two places change the slope a little.
        check(off < 0.08 + 0.1 * Math.abs(slope), `fake ${i}, axis ${axis}: the loss rises by ${slope}, the arrow is ${arrows[2 * i + axis]}`);
      }
    }
    const [x, y] = arrowEnd([fakes[0], fakes[1]], [arrows[0], arrows[1]], view.edge);
    const cross = (x - fakes[0]) * arrows[1] - (y - fakes[1]) * arrows[0];
    const dot = (x - fakes[0]) * arrows[0] + (y - fakes[1]) * arrows[1];
    check(Math.abs(cross) < 1e-6 && dot > 0, "an arrow is not drawn along its gradient");
    // The arrow in the corner is as long as one for a gradient of length 1.
    await settled();
    const { context, width, scale } = canvasOf("map");
    const row = context.getImageData(0, Math.floor(width - 13.5 * scale), Math.round(width / 2), 1).data;
    const isBlue = (i) => rgb("d").every((part, c) => Math.abs(row[4 * i + c] - part) < 40);
    const blue = [...row.keys()].filter((i) => 4 * i < row.length && isBlue(i));
    const drawn = blue[blue.length - 1] - blue[0] + 1;
    const [end] = arrowEnd([0, 0], [1, 0], view.edge);
    check(Math.abs(drawn - (end / (2 * view.edge)) * width) <= 3, `the scale of the arrows is ${drawn} pixels long, not ${(end / (2 * view.edge)) * width}`);
  },

  // Each loss has its words for a D that cannot tell, in the legend and at the dotted lines.
  async balance(check) {
    for (const [loss, { loss: [level, meaning], output, middle }] of Object.entries(BALANCE)) {
      await open(`points&loss=${loss}&run=2`);
      await until(() => !state.replaying && state.turns[0] === 2);
      await settled();
      check(Math.abs(Number(meaning.match(/Dotted: ([\d.]+)/)[1]) - level) < 0.005, `${loss}: the line is at ${level}: ${meaning}`);
      check(byId("loss-words").textContent.endsWith(meaning), byId("loss-words").textContent);
      check(!output || byId("mean-words").textContent.endsWith(output[1]), byId("mean-words").textContent);
      check(byId("middle").textContent === middle, byId("middle").textContent);
    }
    check(BALANCE.logistic.loss[1].includes("2 ln 2") && BALANCE.logistic.middle.includes("D = 0.5"), "the words do not name the balance");
    check(state.tables.points.find(({ key }) => key === "loss").values.every(({ name }) => BALANCE[name]), "a loss has no words");
  },

  // It plays, pauses, and stays smooth; the speed is obeyed.
  async plays(check, record) {
    // A busy machine may stop the page for a while, so the steps are compared with the time that
    // has passed.
    const obeys = async (speed) => {
      await open("points");
      const began = performance.now();
      byId("play").click();
      await wait(1500);
      check(await until(() => state.turns[0] >= 3, 10000), `${state.turns[0]} steps at ${speed} a second`);
      byId("play").click();
      await until(() => !state.playing);
      const seconds = (performance.now() - began) / 1000;
      check(state.turns[0] <= 1.2 * speed * seconds + 2, `${state.turns[0]} steps in ${seconds.toFixed(1)} s at ${speed} a second`);
    };
    check(byId("speed").value === "30", "the page does not begin slowly");
    await obeys(30);
    choose("speed", "0");
    await open("points");
    frameTimes.length = 0;
    const before = performance.now();
    byId("play").click();
    check(await until(() => state.playing), "Play does not play");
    await wait(2500);
    const rate = (1000 * state.turns[0]) / (performance.now() - before);
    byId("play").click();
    check(await until(() => !state.playing), "Pause does not pause");
    const times = [...frameTimes].sort((a, b) => a - b);
    record.steps_a_second = Math.round(rate);
    record.frame_ms = { median: times[times.length >> 1], p95: times[Math.floor(times.length * 0.95)], worst: times[times.length - 1], count: times.length };
    check(state.curve.rows.length > 1 && byId("loss-words").textContent.includes("D (blue)"), "the losses are not drawn");
    check(byId("map-words").textContent.includes("of the fakes"), "the map has no words");
    choose("speed", "5");
    await obeys(5);
    choose("speed", "30");
  },

  // Every setting with every value it offers, and every failure.
  async settings(check) {
    await open("points&run=3");
    await until(() => !state.replaying && state.turns[0] === 3);
    for (const { key, values, live } of state.tables.points) {
      for (const { name } of values) {
        if (key === "data" && name === "drawn") continue;
        choose(`points-${key}`, name);
        check(await until(() => state.about.settings[key] === name, 10000), `${key} does not become ${name}`);
      }
      if (live) check(state.about.link.includes(`${key}:`), `${key} is not in the link ${state.about.link}`);
    }
    await open("points&g_turns=10&run=2~g_turns:1~2");
    check(await until(() => !state.replaying && state.turns[0] === 4 && byId("points-g_turns").value === "1", 10000), "a setting that a link changes is not shown");
    for (const { name, label } of [{ name: "none", label: "No failure" }, ...state.tables.failures]) {
      byId(`failure-${name}`).click();
      check(await until(() => state.playing && state.turns[0] > 0, 20000), `“${label}” does not train`);
      const pressed = [...byId("failures").querySelectorAll("[aria-pressed=true]")].map((button) => button.id);
      check(pressed.join() === `failure-${name}`, `“${label}” runs, and ${pressed} is marked`);
      byId("play").click();
      await until(() => !state.playing);
    }
  },

  // Drawing a distribution with the pointer and with the keyboard.
  async drawing(check) {
    await open("points");
    view.cells = new Set();
    byId("draw").click();
    byId("use").click();
    check(byId("notice").textContent.startsWith("Nothing is drawn"), byId("notice").textContent);
    const map = byId("map");
    const box = map.getBoundingClientRect();
    const at = (x, y) => ({ clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true, pointerId: 1 });
    map.setPointerCapture = () => {};
    map.dispatchEvent(new PointerEvent("pointerdown", at(0.25, 0.25)));
    map.dispatchEvent(new PointerEvent("pointermove", at(0.5, 0.25)));
    map.dispatchEvent(new PointerEvent("pointerup", at(0.5, 0.25)));
    check(byId("notice").hidden, `after drawing, the page says “${byId("notice").textContent}”`);
    const drawn = view.cells.size;
    check(drawn >= 18, `${drawn} cells are drawn by the pointer`);
    press("ArrowDown", map);
    press("Enter", map);
    check(view.cells.size > drawn, "Enter draws nothing");
    check(document.activeElement === map, "the keyboard is not on the map");
    const count = view.cells.size;
    byId("use").focus();
    byId("use").click();
    check(await until(() => state.about.settings.data === "drawn" && state.about.cells.length === count), "the drawing is not used");
    check(await until(() => state.playing && state.turns[0] > 0), "it does not train on the drawing");
    check(document.activeElement === byId("draw"), "the focus is lost with “Train on it”");
    byId("play").click();
    await until(() => !state.playing);
    byId("draw").click();
    byId("clear").click();
    check(view.cells.size === 0, "Clear does not clear");
    byId("draw").click();
  },

  async pictures(check, record) {
    byId("mode-pictures").click();
    check(await until(() => state.about.mode === "pictures" && training.sheet), "the pictures do not open");
    const start = Float32Array.from(training.sheet);
    byId("play").click();
    await until(() => state.turns[0] >= 4);
    byId("play").click();
    await settled();
    record.picture_steps = state.turns[0];
    check(start.some((value, i) => value !== training.sheet[i]), "the sheet does not change");
    check(byId("sheet-words").textContent.includes("ink"), "the sheet has no words");
    const words = byId("doodle-words");
    byId("doodle-example").click();
    check(training.doodles.length === 3 && words.textContent === "3 doodles.", words.textContent);
    const box = byId("pad");
    byId("doodle-add").click();
    check(words.textContent.includes("empty"), words.textContent);
    press("Enter", box);
    check(words.textContent === "3 doodles.", `after the first point, the page says “${words.textContent}”`);
    press("ArrowRight", box);
    press("Enter", box);
    byId("doodle-add").click();
    check(training.doodles.length === 4, "a doodle of the keyboard is not added");
    byId("doodle-train").click();
    check(await until(() => state.about.settings.data === "doodles" && state.playing && state.turns[0] > 0), "it does not train on doodles");
    byId("play").click();
    await settled();
    await latents(check, panels.training);
    for (const { key, values } of state.tables.pictures) {
      choose(`pictures-${key}`, values[values.length - 1].name);
      check(await until(() => state.about.settings[key] === values[values.length - 1].name, 10000), `${key} does not change`);
    }
    byId("doodle-forget").click();
    check(training.doodles.length === 0, "the doodles are not forgotten");
  },

  async trained(check) {
    byId("mode-trained").click();
    check(await until(() => panels.trained.picture), "the trained generator does not open");
    check(panels.trained.picture.some((ink) => ink > 0.5) && panels.trained.picture.some((ink) => ink < 0.1), "it draws nothing");
    await latents(check, panels.trained);
  },

  // The recorder, and the page that it writes. The page shows how far it has trained again.
  async explain(check, record) {
    await open("points&width=4&batch=4&run=5000");
    await until(() => !state.replaying && state.turns[0] === 5000);
    const long = explain("d");
    const isHalfway = () => byId("explain-bar")?.value > 0 && byId("explain-words").textContent.includes("Training to this state again");
    check(await until(isHalfway), `no progress: ${byId("explained").textContent}`);
    byId("explain-cancel").click();
    check((await long) === null && !byId("explain-bar"), "training again cannot be stopped");
    await open("points&width=4&batch=4&run=2");
    await until(() => !state.replaying && state.turns[0] === 2);
    byId("explain-d").click();
    check(await until(() => byId("explain-open"), 90000), byId("explained").textContent);
    const address = byId("explain-open")?.href;
    const page = address ? await explain("g") : "";
    check(page.includes('id="tape"') && page.includes("Turn 3 of G"), "the page of G's turn is not one");
    record.explain_bytes = page.length;
    check(explainer === null, "the worker of the recorder is not ended");
    check(explained === byId("explain-open")?.href && explained !== address, "the address is not that of the last page");
    const late = explain("d");
    check(await until(() => byId("explain-cancel")), "the recorder cannot be stopped");
    byId("explain-cancel")?.focus();
    byId("explain-cancel")?.click();
    check((await late) === null && byId("explained").textContent.includes("was stopped"), byId("explained").textContent);
    check(document.activeElement === byId("explain-d"), "the focus is lost with “Cancel”");
  },

  async damaged(check) {
    for (const [link, words] of [["points&seed=x", "not a number"], ["elephants", "no playground"], ["points&run=1e9", "number of turns"], ["points&run=999999999", "times as long"], ["pictures&data=doodles", "no doodles"]]) {
      await openAddress(link);
      check(state.about.mode === "points" && state.about.link === "points", `${link} does not open the default`);
      check(!byId("notice").hidden && byId("notice").textContent.includes(words), `${link}: ${byId("notice").textContent}`);
    }
    await openAddress("elephants");
    check(byId("notice").querySelector("code")?.textContent === "elephants" && !byId("notice").textContent.includes("`"), byId("notice").innerHTML);
    notice("");
    // An answer after an error of the worker, and an error that nobody waits for.
    let said = "";
    const lost = new Engine(() => {}, (why) => { said = why; });
    lost.worker.onerror({ preventDefault() {}, message: "broken" });
    lost.worker.onmessage({ data: { id: 7, value: 1 } });
    check(said === "broken", "an error of the worker is not reported");
    const waits = lost.ask("load", { wish: "" }).catch((error) => error.message);
    lost.stop();
    check((await waits) === "it was stopped", "the end of the worker is not reported");
  },

  // What a reload keeps: the playground or the failure, in the address, and the colour scheme.
  async reload(check) {
    for (const mode of MODES) {
      byId(`mode-${mode}`).click();
      check(await until(() => location.hash === `#${mode}`, 10000), `the address of ${mode} is ${location.hash}`);
    }
    const { name, link } = state.tables.failures[0];
    await select("points");
    byId(`failure-${name}`).click();
    check(await until(() => location.hash === `#${link}`, 10000), `the address of ${name} is ${location.hash}`);
    await open("points&run=40");
    check(location.hash === "#points&run=40", `the address of a long link is ${location.hash}`);
    await openAddress("elephants");
    check(location.hash === "#points&run=40", "the address of a damaged link is replaced");
    const before = chosenScheme();
    byId("scheme").click();
    const chosen = document.documentElement.style.colorScheme;
    check(["light", "dark"].includes(chosen) && chosenScheme() === chosen, `the scheme is ${chosen}, and after a reload ${chosenScheme()}`);
    if (before) keepScheme(before);
    else { sessionStorage.clear(); setScheme(""); }
    notice("");
    history.replaceState(null, "", "#selftest");
  },

  async keys(check) {
    await open("points");
    press("s");
    check(await turnsAre(1, 1), "S makes no step");
    check(byId("turns").textContent === "1 turn of D, 1 of G", byId("turns").textContent);
    press("d");
    check(await turnsAre(2, 1), "D makes no turn");
    press("g");
    check(await turnsAre(2, 2), "G makes no turn");
    press("r");
    check(await turnsAre(0, 0), "R does not reset");
    press(" ");
    check(await until(() => state.playing), "Space does not play");
    press(" ");
    check(await until(() => !state.playing), "Space does not pause");
    press("?");
    check(byId("help").open, "? shows no keys");
    byId("help-close").click();
    press("s", byId("speed"));
    await wait(50);
    const tab = byId("mode-points");
    press("ArrowRight", tab);
    check(await until(() => state.mode === "pictures"), "an arrow key does not change the playground");
    press("ArrowLeft", byId("mode-pictures"));
    check(await until(() => state.mode === "points" && state.about.mode === "points"), "an arrow key does not change back");
  },

  // At several widths, and with text of twice the size, nothing overflows.
  async widths(check, record) {
    record.layout = {};
    for (const mode of MODES) {
      await select(mode);
      for (const [width, size] of [[320, ""], [400, ""], [900, ""], [1600, ""], [400, "200%"]]) {
        document.body.style.width = `${width}px`;
        document.documentElement.style.fontSize = size;
        const out = [...byId("page").querySelectorAll("*")].filter((element) => {
          if (element.closest(".sr, .skip, svg, option")) return false;
          const { right, width: w, left } = element.getBoundingClientRect();
          return w > 0 && (right > width + 1 || left < -1);
        });
        check(innerWidth < 900 || out.length === 0 || width > innerWidth, `${mode} at ${width} px ${size}: ${out.slice(0, 3).map((e) => `${e.tagName}.${e.className}#${e.id} “${e.textContent.slice(0, 20)}”`).join("; ")}`);
        record.layout[`${mode} ${width} ${size}`] = byId("page").scrollWidth;
      }
    }
    // On a narrow screen, the settings come after the map and its words, and are folded.
    document.body.style.width = "400px";
    document.documentElement.style.fontSize = "";
    for (const mode of ["points", "pictures"]) {
      await select(mode);
      foldSettings(400);
      const [main, side, more] = [".main", ".side", ".more"].map((part) => byId(`view-${mode}`).querySelector(part).getBoundingClientRect());
      check(main.bottom <= side.top && side.bottom <= more.top, `${mode}: the settings are not below the picture`);
      check(!byId(`settings-${mode}`).checkVisibility(), `${mode}: the settings are not folded`);
      foldSettings(1600);
      check(byId(`settings-${mode}`).checkVisibility(), `${mode}: the settings stay folded`);
    }
    document.body.style.width = "";
  },

  async contrast(check, record) {
    record.lowest_contrast = 21;
    const numbers = (text) => text.match(/[\d.]+/g).map(Number);
    const light = (paint) => paint.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const paint = numbers(getComputedStyle(at).backgroundColor);
        if (paint.length === 3 || paint[3] > 0) return paint;
      }
      return [255, 255, 255];
    };
    for (const scheme of ["light", "dark"]) {
      setScheme(scheme);
      for (const mode of MODES) {
        await select(mode);
        notice("A remark.");
        const walker = document.createTreeWalker(byId("page"), NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const at = walker.currentNode.parentElement;
          if (!walker.currentNode.data.trim() || at.closest("script, svg, .skip, .sr, option, noscript") || !seen(at)) continue;
          const found = ratio(numbers(getComputedStyle(at).color), behind(at));
          record.lowest_contrast = Math.min(record.lowest_contrast, found);
          check(found >= 4.5, `${scheme}, ${mode}: ${found.toFixed(2)} for “${at.textContent.slice(0, 30)}”`);
        }
      }
      for (const front of ["d", "g", "real", "edge", "focus"]) for (const back of ["paper", "sheet"]) check(ratio(rgb(front), rgb(back)) >= 3, `${scheme}: ${front} on ${back}`);
      for (const front of ["d", "g", "real"]) for (const back of ["low", "middle", "high"]) check(ratio(rgb(front), rgb(back)) >= 3, `${scheme}: ${front} on the map's ${back}: ${ratio(rgb(front), rgb(back)).toFixed(2)}`);
    }
    notice("");
    document.documentElement.style.colorScheme = "";
    resolvedColors.clear();
  },

  async access(check) {
    check(document.documentElement.lang === "en" && document.title, "no language or no title");
    for (const landmark of ["main", "header", "[role=tablist][aria-label]", "[role=status][aria-live]"]) check(document.querySelector(landmark), `no ${landmark}`);
    const nameOf = (element) => element.getAttribute("aria-label") || element.textContent.trim() || document.querySelector(`label[for="${element.id}"]`)?.textContent || element.closest("label")?.textContent || byId(element.getAttribute("aria-labelledby"))?.textContent || byId(element.getAttribute("aria-describedby"))?.textContent;
    for (const mode of MODES) {
      await select(mode);
      await settled();
      await wait(50);
      for (const element of document.querySelectorAll("button, select, input, canvas, [role=tab], [role=tabpanel], [tabindex]")) if (seen(element) && element.id !== "stage") check(nameOf(element), `${element.outerHTML.slice(0, 100)} has no name`);
      for (const element of document.querySelectorAll("[aria-labelledby], [aria-controls], [aria-describedby]")) {
        for (const name of ["aria-labelledby", "aria-controls", "aria-describedby"]) if (element.hasAttribute(name)) check(byId(element.getAttribute(name)), `${name} of ${element.id} points nowhere`);
      }
      for (const element of document.querySelectorAll("button, select, input, canvas[tabindex]")) {
        if (!seen(element) || element.disabled || element.tabIndex < 0) continue;
        element.focus({ focusVisible: true, preventScroll: true });
        const style = getComputedStyle(element);
        check(document.activeElement === element && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, `${element.outerHTML.slice(0, 80)} does not show its focus`);
      }
    }
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    check(new Set(ids).size === ids.length, `an id is used twice: ${ids.filter((id, i) => ids.indexOf(id) !== i)}`);
    document.activeElement.blur();
  },
};

// Sliders, random pictures, A and B, the walk, a pixel's gradient.
async function latents(check, panel) {
  const idle = () => until(() => !panel.busy);
  await idle();
  check(panel.words.textContent.includes("Click a pixel"), "nothing says that a pixel can be selected");
  const before = Float32Array.from(panel.picture ?? []);
  panel.sliders[0].value = "2.5";
  panel.sliders[0].dispatchEvent(new Event("input"));
  await idle();
  check(panel.values[0] === 2.5 && before.some((ink, i) => ink !== panel.picture[i]), "a slider changes nothing");
  const button = (label) => [...panel.root.querySelectorAll("button")].find((each) => each.textContent === label);
  check(panel.mix.disabled && panel.mixWords.textContent.includes("as A and another one as B"), panel.mixWords.textContent);
  button("Keep as A").click();
  check(panel.mixWords.textContent.includes("kept as A. Keep another one as B"), panel.mixWords.textContent);
  button("Another picture").click();
  await until(() => panel.values[0] !== 2.5);
  await idle();
  button("Keep as B").click();
  panel.mix.value = "0.5";
  panel.mix.dispatchEvent(new Event("input"));
  await idle();
  panel.values.forEach((value, i) => check(Math.abs(value - (panel.from[i] + panel.to[i]) / 2) < 1e-6, "half of the way is not in the middle"));
  // The gradient of a pixel agrees with the difference of two pictures.
  await panel.choose(14 * SIDE + 10);
  await idle();
  const [gradient, values] = [[...panel.gradient], [...panel.values]];
  for (let i = 0; i < panel.latent; i++) {
    const at = async (by) => (await ask("draw", { who: panel.who, latents: values.map((value, j) => (j === i ? value + by : value)) }))[panel.pixel];
    const slope = ((await at(0.01)) - (await at(-0.01))) / 0.02;
    check(Math.abs(slope - gradient[i]) < 0.01 + 0.15 * Math.abs(slope), `the gradient of latent ${i + 1} is ${gradient[i]}, the difference says ${slope}`);
  }
  // Bars of slopes of almost nothing are short.
  const bar = (slope) => {
    panel.gradient = panel.gradient.map(() => slope);
    panel.show(panel.picture, panel.values);
    return parseFloat(panel.slopes[0].style.width);
  };
  for (const [slope, isWide, says] of [[0.0005, (width) => width < 2, "No latent changes it noticeably"], [0.1, (width) => width === 50, "It depends most on z"]]) {
    const width = bar(slope);
    check(isWide(width) && panel.words.textContent.includes(says), `a slope of ${slope}: ${width} %, ${panel.words.textContent}`);
  }
  await panel.refresh();
  const ink = panel.picture[panel.pixel];
  button("More ink at the pixel").click();
  await idle();
  check(panel.picture[panel.pixel] >= ink - 1e-3, "along the gradient there is less ink");
  press("ArrowRight", panel.canvas);
  check(panel.pixel === 14 * SIDE + 11, "an arrow key selects no pixel");
  button("Walk").click();
  const start = panel.values[0];
  check(await until(() => panel.values[0] !== start, 5000), "the walk does not walk");
  button("Stop the walk").click();
  await wait(100);
  await idle();
  // If the worker fails, the walk ends and the panel says why.
  const { ask: own } = panel;
  panel.ask = async () => { throw new Error("no answer"); };
  button("Walk").click();
  check(await until(() => !panel.walking && panel.words.textContent === "no answer", 5000), "a walk survives the worker");
  button("Another picture").click();
  panel.ask = own;
  button("All zero").click();
  await idle();
  check(panel.values.every((value) => value === 0), "the latents are not zero");
  press("Escape", panel.canvas);
  await idle();
}
