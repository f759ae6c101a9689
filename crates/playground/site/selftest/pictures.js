// Tests of pictures, doodles and latents.

Object.assign(SELF_TESTS, {
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
});

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
