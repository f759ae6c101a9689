// The worker sends a frame, the page draws it when the screen is ready, and requests the next one.

const frameTimes = []; // milliseconds between two drawings, for the self-test
let pendingFrame = null; // has come since the last drawing
let isDrawn = true;
let lastDrawn = 0;
let drawings = 0;

function receive(frame) {
  state.curve.add(frame.curve);
  pendingFrame = { ...(pendingFrame ?? {}), ...frame };
  if (isDrawn) { isDrawn = false; requestAnimationFrame(drawFrame); }
}

// Without the engine, no frame will come.
function engineFailed(why) {
  Object.assign(state, { playing: false, replaying: false });
  notice(why);
  if (state.about) render();
}

function drawFrame() {
  const now = performance.now();
  if (lastDrawn) frameTimes.push(now - lastDrawn);
  if (frameTimes.length > 600) frameTimes.shift();
  lastDrawn = now;
  const frame = pendingFrame;
  pendingFrame = null;
  isDrawn = true;
  if (!frame) { ask("ready"); return; }
  const was = state.playing || state.replaying;
  const replayed = state.replaying && !frame.replaying;
  Object.assign(state, { turns: frame.turns, playing: frame.playing, replaying: frame.replaying, left: frame.left });
  if (frame.link) Object.assign(state, { link: frame.link, limit: frame.limit });
  if (frame.hash) state.hash = frame.hash;
  if (frame.stopped) notice(frame.stopped);
  if (replayed) adoptReplayed();
  if (frame.view && state.mode === "points") {
    const { shown, map } = state.tables;
    view.data = { fakes: frame.view.subarray(0, 2 * shown), arrows: frame.view.subarray(2 * shown, 4 * shown), heights: frame.view.subarray(4 * shown, 4 * shown + map * map) };
  }
  if (frame.sheet) training.sheet = frame.sheet;
  render(frame);
  const isMoving = state.playing || state.replaying;
  if (was && !isMoving && frame.hash) say(`Paused after ${counted(state.turns[0], "turn")} of D. ${byId(state.mode === "points" ? "map-words" : "sheet-words").textContent}`);
  if (state.mode === "pictures" && (frame.sheet || !isMoving)) panels.training.refresh();
  ask("ready");
}

// What an opened link asks for, and how long it will take.
function showReplay() {
  const { work, turns: [d, g], since } = state.opened;
  const share = 1 - state.left / Math.max(1, work);
  byId("replay-bar").value = share;
  byId("replay-words").textContent = `The link leads to a state after ${counted(d, "turn")} of D and ${thousands(g)} of G, which are repeated now.${timeLeft(share, since)}`;
}

function render(frame = {}) {
  const [d, g] = state.turns;
  byId("turns").textContent = `${counted(d, "turn")} of D, ${thousands(g)} of G`;
  byId("rate").textContent = state.playing && frame.rate ? `· ${frame.rate < 10 ? frame.rate.toFixed(1) : Math.round(frame.rate)} steps a second` : "";
  const play = byId("play");
  play.textContent = state.playing ? "Pause" : "Play";
  play.setAttribute("aria-pressed", String(state.playing));
  const replay = byId("replay");
  const hadFocus = replay.contains(document.activeElement);
  replay.hidden = !state.replaying;
  if (state.replaying) showReplay();
  for (const id of ["step", "turn-d", "turn-g", "play"]) byId(id).disabled = state.replaying;
  if (hadFocus && !state.replaying) play.focus(); // its own buttons are gone
  for (const id of ["explain-d", "explain-g"]) byId(id).disabled = state.playing || state.replaying;
  byId("share").disabled = state.playing || state.replaying || state.limit !== "";
  byId("share-limit").hidden = !state.limit;
  byId("share-limit").textContent = state.limit && `A link cannot lead to this state: ${state.limit}. The command still prints its hash.`;
  // While a step of a link is repeated, the hash is not that of a link.
  byId("hash").textContent = state.replaying ? "…" : state.playing ? `${state.hash ?? "…"} (about once a second)` : state.hash ?? "…";
  byId("command").textContent = `train playground-hash --link "#${state.link}"`;
  // During training, what is slow to draw or to read is updated with every sixth frame.
  const isFull = !state.playing || drawings++ % 6 === 0;
  if (state.mode === "points") {
    drawMap(view);
    if (!isFull) return;
    byId("map-words").textContent = mapWords(view);
    const { loss, output } = BALANCE[view.loss];
    drawCurve("chart-loss", state.curve, LOSS_LINES, loss);
    drawCurve("chart-mean", state.curve, MEAN_LINES, output);
  } else if (state.mode === "pictures") {
    if (training.sheet && (frame.sheet || isFull)) {
      const latents = 16 * state.about.latent;
      const pictures = training.sheet.subarray(latents);
      drawSheet("sheet", pictures, 4);
      const { ink, spread } = sheetWords(pictures);
      const reals = sheetWords(training.reals);
      byId("sheet-words").textContent = `Sixteen pictures from the same sixteen latents. ${Math.round(100 * ink)} % ink (reals: ${Math.round(100 * reals.ink)} %); they differ from each other ${Math.round((100 * spread) / Math.max(reals.spread, 1e-6))} % as much as the reals do.`;
    }
    if (training.reals && isFull) drawSheet("reals", training.reals, 8);
    if (!isFull) return;
    drawCurve("chart-loss-p", state.curve, LOSS_LINES, BALANCE.logistic.loss);
    drawCurve("chart-mean-p", state.curve, MEAN_LINES, BALANCE.logistic.output);
  }
}
