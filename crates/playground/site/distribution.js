// The distribution that visitors draw on the map.

const encodeCells = () => [...view.cells].sort((a, b) => a - b).map((cell) => LETTERS[cell >> 6] + LETTERS[cell & 63]).join("");

function setDrawing(on) {
  view.drawing = on;
  if (on) ask("play", { on: false });
  byId("draw").setAttribute("aria-pressed", String(on));
  byId("map").classList.toggle("drawing", on);
  const buttons = ["clear", "use"];
  if (!on && buttons.includes(document.activeElement.id)) byId("draw").focus(); // they are gone now
  for (const id of [...buttons, "draw-help"]) byId(id).hidden = !on;
  view.cursor = on ? view.cursor ?? Math.floor(view.side / 2) * (view.side + 1) : null;
  render();
}

function paint(cell) {
  // A brush of three by three cells.
  const [row, column] = [Math.floor(cell / view.side), cell % view.side];
  for (let r = row - 1; r <= row + 1; r++) for (let c = column - 1; c <= column + 1; c++) if (r >= 0 && c >= 0 && r < view.side && c < view.side) view.cells.add(r * view.side + c);
  notice(""); // it may have said that nothing is drawn
  drawMap(view);
  byId("map-words").textContent = mapWords(view);
}

function cellAt(event) {
  const box = byId("map").getBoundingClientRect();
  const place = (offset, size) => Math.min(view.side - 1, Math.max(0, Math.floor((offset / size) * view.side)));
  return place(event.clientY - box.top, box.height) * view.side + place(event.clientX - box.left, box.width);
}

async function useDrawing() {
  if (view.cells.size === 0) { notice("Nothing is drawn yet: drag on the map, or press Enter at the cursor."); return; }
  const cells = encodeCells();
  setDrawing(false);
  await open(linkWith("points", { ...state.about.settings, data: "drawn" }, { drawn: cells }));
  await play(true);
}
