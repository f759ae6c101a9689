// Pictures of tensors, histograms and curves. Values are blue, gradients orange; negative values also have a dash,
// so that the sign is not shown by colour alone.

const RAMPS = {
  // [positive, negative], as [r, g, b] at full strength, over the paper.
  light: { paper: [252, 251, 248], value: [[24, 78, 148], [92, 98, 112]], gradient: [[188, 74, 8], [104, 50, 138]] },
  dark: { paper: [22, 25, 31], value: [[132, 190, 255], [168, 172, 184]], gradient: [[255, 160, 82], [206, 152, 246]] },
};

// Whether the dark colours are in use; cached, because finding out is slow.
let dark = false;
const isDark = () => dark;
const askDark = () => (dark = (document.documentElement.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark");

function bytesOf(picture) {
  const text = atob(picture.data);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

// The picture as a canvas with one pixel per element; `kind` is value or gradient.
function paint(picture, kind) {
  const { width, height, zero } = picture;
  const bytes = bytesOf(picture);
  const ramp = RAMPS[isDark() ? "dark" : "light"];
  const canvas = el("canvas", { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const most = Math.max(zero, 255 - zero);
  if (picture.color) return paintColors(canvas, context, image, bytes);
  for (let i = 0; i < bytes.length; i++) {
    const signed = bytes[i] - zero;
    const strength = Math.min(1, Math.abs(signed) / most) ** 0.8;
    const ink = ramp[kind][signed < 0 ? 1 : 0];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = ramp.paper[c] + (ink[c] - ramp.paper[c]) * strength;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// Colour images are shown in colour.
function paintColors(canvas, context, image, bytes) {
  for (let i = 0; i < bytes.length / 3; i++) image.data.set([bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2], 255], 4 * i);
  context.putImageData(image, 0, 0);
  return canvas;
}

// Small pictures in the graph: painted once and cached as data URLs until the colours change. Pictures with few cells are
// painted large, with dashes.
const stamps = new Map();
const STAMP = 48;

function painted(picture, kind) {
  const small = paint(picture, kind);
  const cell = Math.floor(STAMP / Math.max(picture.width, picture.height));
  if (cell < STRUCK || picture.color) return small;
  const large = el("canvas", { width: picture.width * cell, height: picture.height * cell });
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, large.width, large.height);
  strike(context, picture, cell);
  return large;
}

function stamp(node, kind) {
  const picture = kind === "value" ? node.value_picture : node.gradient_picture;
  if (!picture) return null;
  const key = `${kind} ${node.id}`;
  if (!stamps.has(key)) stamps.set(key, painted(picture, kind).toDataURL());
  return stamps.get(key);
}

// A large picture with square cells and dashes, a scale below it, and its description.
function picture(source, kind, name, room = 320) {
  const cell = Math.max(1, Math.min(28, Math.floor(room / Math.max(source.width, source.height))));
  const small = paint(source, kind);
  const canvas = el("canvas", { width: source.width * cell, height: source.height * cell, role: "img", "aria-label": `${name}: ${source.rule}` });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  if (source.color) return el("figure", { class: "picture" }, canvas, el("figcaption", {}, source.rule, source.zero ? ", a channel at half its brightness is 0, darker is negative" : ""));
  if (cell >= STRUCK) strike(context, source, cell);
  const high = (255 - source.zero) * source.scale;
  const low = source.zero ? -high : 0;
  return el("figure", { class: "picture" }, canvas, el("figcaption", {}, scaleBar(kind, low, high, cell >= STRUCK), el("span", {}, source.rule)));
}

const STRUCK = 5; // cells as large as this have room for a dash

function strike(context, source, cell) {
  const bytes = bytesOf(source);
  context.fillStyle = isDark() ? "rgba(0,0,0,.75)" : "rgba(255,255,255,.85)";
  context.beginPath();
  for (let i = 0; i < bytes.length; i++) {
    if (source.zero - bytes[i] < 12) continue;
    const x = (i % source.width) * cell;
    const y = Math.floor(i / source.width) * cell;
    context.rect(x + cell * 0.25, y + cell / 2 - Math.max(0.5, cell * 0.06), cell * 0.5, Math.max(1, cell * 0.12));
  }
  context.fill();
}

const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

function scaleBar(kind, low, high, struck) {
  const { paper, [kind]: [positive, negative] } = RAMPS[isDark() ? "dark" : "light"];
  const bar = el("span", { class: "scale-bar" });
  const zero = low < 0 ? (100 * -low) / (high - low) : 0;
  bar.style.background = `linear-gradient(to right, ${low < 0 ? `${css(negative)} 0%, ` : ""}${css(paper)} ${zero}%, ${css(positive)} 100%)`;
  const ends = low < 0 ? [`${show(low, 3)}`, "0", `${show(high, 3)}`] : ["0", show(high, 3)];
  const signs = low < 0 && struck ? el("span", { class: "quiet" }, "a dash marks a negative number that is not near 0") : null;
  return el("span", { class: "scale" }, bar, el("span", { class: "scale-ends" }, ends.map((end) => el("span", {}, end))), signs);
}

function histogram(summary, kind) {
  const { low, high, counts } = summary.histogram;
  const most = Math.max(1, ...counts);
  const width = 320;
  const height = 84;
  const bar = width / counts.length;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height + 18}`, class: `histogram ${kind}`, role: "img", "aria-label": `Histogram from ${show(low)} to ${show(high)}` });
  // The square root lets small bars be seen.
  const bars = counts.map((count, i) => `M${(i + 0.08) * bar} ${height}v${-height * Math.sqrt(count / most)}h${bar * 0.84}V${height}`);
  svg.append(draw("path", { d: bars.join("") }));
  svg.append(draw("line", { x1: 0, x2: width, y1: height, y2: height, class: "axis" }));
  if (low < 0 && high > 0) {
    const x = (width * -low) / (high - low);
    svg.append(draw("line", { x1: x, x2: x, y1: 0, y2: height, class: "axis" }));
    if (x > 50 && x < width - 50) svg.append(draw("text", { x, y: height + 14, "text-anchor": "middle" }, "0"));
  }
  svg.append(draw("text", { x: 0, y: height + 14 }, show(low, 3)), draw("text", { x: width, y: height + 14, "text-anchor": "end" }, show(high, 3)));
  return el("figure", { class: "chart" }, svg, el("figcaption", {}, "Number of elements by value (heights are square roots)"));
}

// A chart of lines over shared x positions. series: [{ name, ys, shape: "line" | "dashed" }]; y labels by `label`.
function lineChart({ xs, series, label, xLabel, yLabel, mark = -1, name }) {
  const [width, height, left, bottom] = [520, 240, 76, 46];
  const all = series.flatMap((line) => line.ys).filter(Number.isFinite);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const span = high - low || 1;
  const [xLow, xSpan] = [xs[0], xs[xs.length - 1] - xs[0] || 1];
  const px = (x) => left + ((x - xLow) / xSpan) * (width - left - 16);
  const py = (y) => 12 + (1 - (y - low) / span) * (height - bottom - 24);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "lines", role: "img", "aria-label": name });
  for (const y of [low, (low + high) / 2, high]) {
    svg.append(draw("line", { x1: left, x2: width - 16, y1: py(y), y2: py(y), class: "grid" }), draw("text", { x: left - 8, y: py(y) + 4, "text-anchor": "end" }, label(y)));
  }
  for (const line of series) {
    const points = xs.map((x, i) => [px(x), py(line.ys[i])]).filter(([, y]) => Number.isFinite(y));
    svg.append(draw("polyline", { points: points.map((p) => p.join(",")).join(" "), class: line.shape }));
    points.forEach(([x, y], i) => {
      const large = i === mark ? 7 : 4;
      svg.append(
        line.shape === "line"
          ? draw("circle", { cx: x, cy: y, r: large, class: "dot" })
          : draw("rect", { x: x - large, y: y - large, width: 2 * large, height: 2 * large, class: "square" }),
      );
    });
  }
  svg.append(draw("text", { x: (left + width) / 2, y: height - 4, "text-anchor": "middle" }, xLabel), ...[0, xs.length - 1].map((i) => draw("text", { x: px(xs[i]), y: height - 20, "text-anchor": "middle" }, show(xs[i], 2))), draw("text", { x: 8, y: 10, class: "quiet" }, yLabel));
  return svg;
}
