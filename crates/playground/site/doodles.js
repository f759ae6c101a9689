// The pad on which visitors draw doodles, and the doodles that are added.

const pad = { strokes: [], pen: null, cursor: [32, 32], isDown: false };
const MOST_DOODLES = 24;

const doodlesOf = (link) => partOf(link, "doodles").split("*").filter(Boolean);

function drawPad() {
  const { context, width } = canvasOf("pad");
  const at = (place) => ((place + 0.5) / 64) * width;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, width);
  Object.assign(context, { strokeStyle: "#111", lineWidth: width / 16, lineCap: "round", lineJoin: "round" });
  for (const stroke of pad.strokes) {
    context.beginPath();
    stroke.forEach(([x, y], i) => (i ? context.lineTo(at(x), at(y)) : context.moveTo(at(x), at(y))));
    if (stroke.length === 1) context.lineTo(at(stroke[0][0]) + 0.1, at(stroke[0][1]));
    context.stroke();
  }
  if (document.activeElement === byId("pad")) {
    context.fillStyle = pad.isDown ? "#b3142c" : "#1d5799";
    context.beginPath();
    context.arc(at(pad.cursor[0]), at(pad.cursor[1]), width / 40, 0, 7);
    context.fill();
  }
}

function doodleWords() {
  const count = training.doodles.length;
  byId("doodle-words").textContent = count === 0 ? "No doodle yet: draw one, and add it." : `${counted(count, "doodle")}.`;
  byId("doodle-train").disabled = count === 0;
}

function addDoodle(strokes) {
  const points = strokes.flat().length;
  if (points === 0) { byId("doodle-words").textContent = "The pad is empty: draw something first."; return; }
  if (training.doodles.length >= MOST_DOODLES) { byId("doodle-words").textContent = `There can be at most ${MOST_DOODLES} doodles.`; return; }
  const every = Math.ceil(points / 380); // a link has room for 400 points of a doodle
  const kept = strokes.map((stroke) => stroke.filter((_, i) => i % every === 0 || i === stroke.length - 1));
  training.doodles.push(kept.map((stroke) => stroke.map(([x, y]) => LETTERS[x] + LETTERS[y]).join("")).join("."));
  pad.strokes = [];
  notice(""); // it may have asked for a doodle
  drawPad();
  doodleWords();
}

// Five-pointed stars, each a little different.
function exampleDoodles() {
  for (const [size, turned] of [[24, 0], [21, 0.2], [26, -0.15]]) {
    const corner = (i) => [32 + size * Math.sin(turned + (4 * Math.PI * i) / 5), 32 - size * Math.cos(turned + (4 * Math.PI * i) / 5)].map((place) => Math.max(0, Math.min(63, Math.round(place))));
    addDoodle([[0, 1, 2, 3, 4, 5].map(corner)]);
  }
}

function listenPad(on) {
  const place = (event) => {
    const box = byId("pad").getBoundingClientRect();
    const at = (offset, size) => Math.min(63, Math.max(0, Math.floor((offset / size) * 64)));
    return [at(event.clientX - box.left, box.width), at(event.clientY - box.top, box.height)];
  };
  const extend = (point) => {
    const stroke = pad.strokes[pad.strokes.length - 1];
    const last = stroke[stroke.length - 1];
    if (!last || Math.hypot(last[0] - point[0], last[1] - point[1]) >= 2) stroke.push(point);
    drawPad();
  };
  const begin = (point) => {
    pad.strokes.push([]);
    extend(point);
    doodleWords(); // it may have said that the pad is empty
  };
  on("pad", (event) => { event.preventDefault(); byId("pad").focus(); pad.pen = true; begin(place(event)); byId("pad").setPointerCapture?.(event.pointerId); }, "pointerdown");
  on("pad", (event) => { if (pad.pen) extend(place(event)); }, "pointermove");
  for (const end of ["pointerup", "pointercancel"]) on("pad", () => { pad.pen = null; }, end);
  on("pad", (event) => {
    const move = { ArrowLeft: [-2, 0], ArrowRight: [2, 0], ArrowUp: [0, -2], ArrowDown: [0, 2] }[event.key];
    if (event.key === "Enter") {
      pad.isDown = !pad.isDown;
      if (pad.isDown) begin([...pad.cursor]);
      say(pad.isDown ? "Pen down" : "Pen up");
    } else if (move) {
      pad.cursor = pad.cursor.map((at, axis) => Math.min(63, Math.max(0, at + move[axis])));
      if (pad.isDown) extend([...pad.cursor]);
    } else {
      return;
    }
    event.preventDefault();
    drawPad();
  }, "keydown");
  on("pad", () => { pad.isDown = false; drawPad(); }, "blur");
  on("pad", drawPad, "focus");
}
