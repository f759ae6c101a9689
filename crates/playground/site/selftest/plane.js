// Tests of the map of points: its arrows, its words, and drawing on it.

Object.assign(SELF_TESTS, {
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
});
