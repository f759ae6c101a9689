// Draws numbers from the engine: the map of the plane, curves, sheets of small pictures.

// --- the map ---

const toPixel = (edge, size) => ([x, y]) => [((x + edge) / (2 * edge)) * size, ((edge - y) / (2 * edge)) * size];

// D's output as a share from 0 (fake) to 1 (real). The middle is an output of 0.5 for least squares, and of 0 for other losses.
function heightOf(output, loss) {
  const logit = loss === "least-squares" ? 4 * (output - 0.5) : output;
  return 1 / (1 + Math.exp(-logit));
}

const heightsCanvas = document.createElement("canvas");

function drawHeights(context, size, heights, side, loss) {
  Object.assign(heightsCanvas, { width: side, height: side });
  const small = heightsCanvas.getContext("2d");
  const image = small.createImageData(side, side);
  const [low, middle, high] = [rgb("low"), rgb("middle"), rgb("high")];
  for (let i = 0; i < side * side; i++) {
    const share = heightOf(heights[i], loss);
    const [from, to, part] = share < 0.5 ? [low, middle, 2 * share] : [middle, high, 2 * share - 1];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = from[c] + (to[c] - from[c]) * part;
    image.data[4 * i + 3] = 255;
  }
  small.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(heightsCanvas, 0, 0, size, size);
}

// The length of an arrow for a gradient of length 1, and the largest length, as shares of the map's side.
const ARROW = 0.06;
const LONGEST = 0.11;

// Adds an arrow from (x, y) to (u, v) to the path.
function addArrow(context, [x, y], [u, v], scale) {
  const length = Math.hypot(u - x, v - y);
  if (length < 1) return;
  const [ux, uy] = [(u - x) / length, (v - y) / length];
  const head = Math.min(4.5 * scale, length);
  context.moveTo(x, y);
  context.lineTo(u, v);
  context.moveTo(u - head * (ux + 0.5 * uy), v - head * (uy - 0.5 * ux));
  context.lineTo(u, v);
  context.lineTo(u - head * (ux - 0.5 * uy), v - head * (uy + 0.5 * ux));
}

// The scale of the arrows, in a corner of the map.
function drawScale(context, width, scale) {
  const [x, y, height] = [8 * scale, width - 13.5 * scale, 20 * scale];
  context.font = `${12 * scale}px system-ui, sans-serif`;
  const words = "a gradient of length 1";
  const end = x + ARROW * width;
  context.fillStyle = resolved("sheet");
  context.fillRect(0, y - height / 2, end + context.measureText(words).width + 14 * scale, height);
  context.beginPath();
  addArrow(context, [x, y], [end, y], scale);
  context.stroke();
  Object.assign(context, { fillStyle: resolved("ink"), textAlign: "left", textBaseline: "middle" });
  context.fillText(words, end + 7 * scale, y);
}

// The end of an arrow in the plane.
function arrowEnd([x, y], [dx, dy], edge) {
  const length = Math.hypot(dx, dy);
  if (length === 0) return [x, y];
  const shown = Math.min(length * ARROW, LONGEST) * 2 * edge;
  return [x + (dx / length) * shown, y + (dy / length) * shown];
}

function drawMap(view) {
  const { context, width, scale } = canvasOf("map");
  const { edge, map: side, loss, data } = view;
  const pixel = toPixel(edge, width);
  context.fillStyle = resolved("middle");
  context.fillRect(0, 0, width, width);
  if (data && byId("heights").checked) drawHeights(context, width, data.heights, side, loss);
  if (view.cells.size && (view.drawing || view.showsCells)) {
    const cell = width / view.side;
    context.fillStyle = resolved("real");
    context.globalAlpha = view.drawing ? 0.6 : 0.2;
    for (const at of view.cells) context.fillRect((at % view.side) * cell, Math.floor(at / view.side) * cell, cell, cell);
    context.globalAlpha = 1;
  }
  if (view.reals && !view.drawing) {
    context.fillStyle = resolved("real");
    for (let i = 0; i < view.reals.length; i += 2) {
      const [x, y] = pixel([view.reals[i], view.reals[i + 1]]);
      context.beginPath();
      context.arc(x, y, 2.2 * scale, 0, 7);
      context.fill();
    }
  }
  if (data && !view.drawing) {
    const { fakes, arrows } = data;
    context.lineWidth = 1.1 * scale;
    context.strokeStyle = resolved("d");
    if (byId("arrows").checked) {
      context.beginPath();
      for (let i = 0; i < fakes.length; i += 2) {
        const from = [fakes[i], fakes[i + 1]];
        addArrow(context, pixel(from), pixel(arrowEnd(from, [arrows[i], arrows[i + 1]], edge)), scale);
      }
      context.stroke();
      drawScale(context, width, scale);
    }
    context.strokeStyle = resolved("g");
    context.lineWidth = 1.8 * scale;
    context.beginPath();
    const r = 2.6 * scale;
    for (let i = 0; i < fakes.length; i += 2) {
      const [x, y] = pixel([fakes[i], fakes[i + 1]]);
      context.moveTo(x - r, y - r); context.lineTo(x + r, y + r);
      context.moveTo(x + r, y - r); context.lineTo(x - r, y + r);
    }
    context.stroke();
  }
  if (view.drawing && view.cursor !== null) {
    const cell = width / view.side;
    context.strokeStyle = resolved("ink");
    context.lineWidth = 2 * scale;
    context.strokeRect((view.cursor % view.side) * cell, Math.floor(view.cursor / view.side) * cell, cell, cell);
  }
}

// What the map shows, in words.
function mapWords(view) {
  if (view.drawing) return `Drawn: ${thousands(view.cells.size)} of ${counted(view.side * view.side, "cell")}.`;
  if (!view.data) return "";
  const { fakes, arrows, heights } = view.data;
  const { reals } = view;
  const count = fakes.length / 2;
  const near = 0.2 ** 2;
  let [close, sum, out] = [0, 0, 0];
  const reached = new Uint8Array(reals.length / 2);
  for (let i = 0; i < fakes.length; i += 2) {
    let best = Infinity;
    for (let j = 0; j < reals.length; j += 2) {
      const square = (fakes[i] - reals[j]) ** 2 + (fakes[i + 1] - reals[j + 1]) ** 2;
      if (square < best) best = square;
      if (square < near) reached[j / 2] = 1;
    }
    if (best < near) close++;
    if (Math.max(Math.abs(fakes[i]), Math.abs(fakes[i + 1])) > view.edge) out++;
    sum += Math.hypot(arrows[i], arrows[i + 1]);
  }
  const share = (part, whole) => `${Math.round((100 * part) / whole)} %`;
  const covered = reached.reduce((total, one) => total + one, 0);
  const outside = out ? ` Outside the picture: ${out} of ${counted(count, "fake")}.` : "";
  const flat = Math.max(...heights) - Math.min(...heights);
  return `${share(close, count)} of the fakes are close to a real, and ${share(covered, reached.length)} of the reals have a fake close by.${outside} The arrows have a mean length of ${short(sum / count)}; D’s outputs on the map span ${short(flat)}.`;
}

// --- curves ---

const MOST_POINTS = 1200;

// Rows of numbers by step; if there are too many, every other row is dropped.
class Curve {
  constructor() { this.rows = []; this.stride = 1; this.count = 0; }

  add(rows) {
    for (const row of rows) if (this.count++ % this.stride === 0) this.rows.push(row);
    if (this.rows.length > MOST_POINTS) {
      this.rows = this.rows.filter((_, i) => i % 2 === 0);
      this.stride *= 2;
    }
  }
}

function ticksOf(low, high) {
  const rough = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) found.push(Number(at.toPrecision(6)));
  return found;
}

// lines: [{ column, name, color, dash }]. balance: a value, and what it means in words; or null.
function drawCurve(id, curve, lines, balance) {
  const [level, meaning] = balance ?? [null, ""];
  const { context, width, height, scale } = canvasOf(id);
  const words = byId(byId(id).getAttribute("aria-describedby"));
  context.clearRect(0, 0, width, height);
  const rows = curve.rows;
  const values = rows.flatMap((row) => lines.map(({ column }) => row[column]).filter((value) => value !== null));
  if (values.length < 2) { words.textContent = "Nothing yet: the curve begins with the first step."; return; }
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (balance) [low, high] = [Math.min(low, level), Math.max(high, level)];
  if (high - low < 1e-6) [low, high] = [low - 0.5, high + 0.5];
  const [left, right, top, bottom] = [38 * scale, 8 * scale, 8 * scale, 18 * scale];
  const [first, last] = [rows[0][0], Math.max(rows[rows.length - 1][0], rows[0][0] + 1)];
  const x = (step) => left + ((step - first) / (last - first)) * (width - left - right);
  const y = (value) => height - bottom - ((value - low) / (high - low)) * (height - top - bottom);
  context.font = `${11 * scale}px system-ui, sans-serif`;
  context.fillStyle = resolved("quiet");
  context.strokeStyle = resolved("line");
  context.lineWidth = scale;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticksOf(low, high)) {
    context.beginPath(); context.moveTo(left, y(tick)); context.lineTo(width - right, y(tick)); context.stroke();
    context.fillText(String(tick), left - 4 * scale, y(tick));
  }
  context.textBaseline = "alphabetic";
  context.fillText(`turn ${thousands(last)} of D`, width - right, height - 4 * scale);
  if (balance) {
    context.strokeStyle = resolved("edge");
    context.setLineDash([2 * scale, 3 * scale]);
    context.beginPath(); context.moveTo(left, y(level)); context.lineTo(width - right, y(level)); context.stroke();
  }
  const parts = [];
  for (const { column, name, ink, dash } of lines) {
    context.strokeStyle = resolved(ink);
    context.lineWidth = 1.6 * scale;
    context.setLineDash(dash.map((length) => length * scale));
    context.beginPath();
    let isDown = false;
    let value = null;
    for (const row of rows) {
      if (row[column] === null) continue;
      value = row[column];
      if (isDown) context.lineTo(x(row[0]), y(value));
      else context.moveTo(x(row[0]), y(value));
      isDown = true;
    }
    context.stroke();
    parts.push(`${name} ${short(value)}`);
  }
  context.setLineDash([]);
  words.textContent = `${parts.join(", ")}. ${meaning}`;
}

const LOSS_LINES = [{ column: 1, name: "D (blue)", ink: "d", dash: [] }, { column: 2, name: "G (orange, dashed)", ink: "g", dash: [6, 3] }];
const MEAN_LINES = [{ column: 3, name: "on reals (green)", ink: "real", dash: [] }, { column: 4, name: "on fakes (orange, dashed)", ink: "g", dash: [6, 3] }];

// What the curves and the map look like where D cannot tell fakes from reals, by the loss: the loss
// of D and its output, each with words, and the middle of the heights.
const ALWAYS_HALF = "D’s loss if it answers 0.5 to everything";
const LOGIT = [0, "Dotted: 0, where D = 0.5, for D is the sigmoid of its output."];
const HALF = "D = 0.5: it cannot tell";
const BALANCE = {
  logistic: { loss: [2 * Math.LN2, `Dotted: 1.39 = 2 ln 2, ${ALWAYS_HALF}; G’s is then 0.69 = ln 2.`], output: LOGIT, middle: HALF },
  saturating: { loss: [2 * Math.LN2, `Dotted: 1.39 = 2 ln 2, ${ALWAYS_HALF}; G’s is then -0.69.`], output: LOGIT, middle: HALF },
  "least-squares": { loss: [0.25, `Dotted: 0.25, ${ALWAYS_HALF}.`], output: [0.5, "Dotted: 0.5, where D cannot tell."], middle: HALF },
  hinge: { loss: [2, "Dotted: 2, D’s loss if all its scores are 0."], output: [0, "Dotted: 0, where D cannot tell."], middle: "a score of 0: D cannot tell" },
  wasserstein: { loss: [0, "Dotted: 0, D’s loss if all its scores are equal."], output: null, middle: "a score of 0" },
};

// --- pictures ---

const SIDE = 28;

// Pictures of ink from 0 to 1, in `columns` columns.
function drawSheet(target, pictures, columns) {
  const count = pictures.length / (SIDE * SIDE);
  const rows = Math.ceil(count / columns);
  const { context } = canvasOf(target, columns * SIDE, rows * SIDE);
  const image = context.createImageData(columns * SIDE, rows * SIDE);
  image.data.fill(255);
  for (let n = 0; n < count; n++) {
    for (let p = 0; p < SIDE * SIDE; p++) {
      const [row, column] = [Math.floor(n / columns) * SIDE + Math.floor(p / SIDE), (n % columns) * SIDE + (p % SIDE)];
      const grey = 255 * (1 - pictures[n * SIDE * SIDE + p]);
      const at = 4 * (row * columns * SIDE + column);
      image.data[at] = image.data[at + 1] = image.data[at + 2] = grey;
    }
  }
  context.putImageData(image, 0, 0);
}

// How much ink, and how different the pictures are from each other.
function sheetWords(pictures) {
  const size = SIDE * SIDE;
  const count = pictures.length / size;
  let [ink, spread] = [0, 0];
  for (let p = 0; p < size; p++) {
    let [sum, squares] = [0, 0];
    for (let n = 0; n < count; n++) { const value = pictures[n * size + p]; sum += value; squares += value * value; }
    ink += sum / count;
    spread += Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
  }
  return { ink: ink / size, spread: spread / size };
}
