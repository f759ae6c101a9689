// Tests of training and its controls.

Object.assign(SELF_TESTS, {
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
});
