// A panel with a picture, a slider for each latent, walks, and the gradient of a pixel.

// Bars of slopes are full at the largest slope, if that is at least this much ink per unit of a
// latent.
const FULL_SLOPE = 0.05;

class Latents {
  // who: "training" or "trained".
  constructor(root, who, ask) {
    Object.assign(this, { root, who, ask, latent: 0, values: [], from: null, to: null, pixel: null, seed: 1, walking: null, busy: false, again: false });
  }

  build(latent) {
    this.stop();
    Object.assign(this, { latent, values: new Array(latent).fill(0), from: null, to: null, pixel: null });
    this.canvas = el("canvas", { class: "one", tabindex: "0", role: "img", "aria-label": "The picture of these latents. Select a pixel to see what changes it: click, or arrow keys.", "aria-describedby": `${this.who}-words` });
    this.canvas.addEventListener("pointerdown", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const at = (offset, size) => Math.min(SIDE - 1, Math.max(0, Math.floor((offset / size) * SIDE)));
      this.choose(at(event.clientY - box.top, box.height) * SIDE + at(event.clientX - box.left, box.width));
    });
    this.canvas.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE }[event.key];
      if (event.key === "Escape") this.choose(null);
      if (!move) return;
      event.preventDefault();
      const next = (this.pixel ?? 13 * SIDE + 13) + move;
      if (next >= 0 && next < SIDE * SIDE) this.choose(next);
    });
    this.words = el("p", { class: "words", id: `${this.who}-words` });
    this.sliders = [];
    this.slopes = [];
    this.outputs = [];
    const rows = this.values.map((_, i) => {
      const name = `z${i + 1}`;
      const slider = el("input", { type: "range", min: "-3", max: "3", step: "0.01", value: "0", "aria-label": `Latent ${i + 1}`, oninput: () => this.set(i, Number(slider.value)) });
      const bar = el("i");
      const output = el("span", {}, "0.00");
      this.sliders.push(slider); this.slopes.push(bar); this.outputs.push(output);
      return el("div", { class: "slider" }, el("span", {}, name), slider, output, el("span", { class: "slope", "aria-hidden": "true" }, bar));
    });
    const button = (label, onclick, more = {}) => el("button", { type: "button", onclick, ...more }, label);
    this.mix = el("input", { type: "range", min: "0", max: "1", step: "0.01", value: "0", "aria-label": "From A to B", oninput: () => this.blend(Number(this.mix.value)), disabled: true });
    this.mixWords = el("p", { class: "quiet" }, "Keep one picture as A and another one as B first.");
    this.walkButton = button("Walk", () => (this.walking ? this.stop() : this.walk()), { "aria-pressed": "false" });
    this.followButton = button("More ink at the pixel", () => this.follow(0.15), { disabled: true });
    this.lessButton = button("Less ink at the pixel", () => this.follow(-0.15), { disabled: true });
    const left = el("div", { class: "left" }, this.canvas, this.words, el("div", { class: "controls" }, this.followButton, this.lessButton));
    const right = el("div", { class: "right" },
      el("div", { class: "controls" }, button("Another picture", () => this.random()), button("All zero", () => this.setAll(new Array(latent).fill(0))), this.walkButton),
      ...rows,
      el("p", { class: "quiet" }, "The bars show the gradient of the selected pixel’s ink with respect to each latent, computed by backprop through the generator: blue if ink grows with the latent, orange if it shrinks."),
      el("div", { class: "controls" }, button("Keep as A", () => this.keep("from")), button("Keep as B", () => this.keep("to"))),
      el("label", {}, "Interpolate from A to B ", this.mix),
      this.mixWords);
    this.root.replaceChildren(left, right);
  }

  set(i, value) {
    this.values[i] = value;
    this.refresh();
  }

  setAll(values) {
    this.values = [...values].map((value) => Math.max(-3, Math.min(3, value)));
    this.refresh();
  }

  // New latents; null if the engine fails, and then `words` shows the error.
  async drawLatents() {
    try {
      return (await this.ask("latents", { who: this.who, seed: this.seed++ })).slice(0, this.latent);
    } catch (error) {
      this.words.textContent = error.message;
      return null;
    }
  }

  async random() {
    const latents = await this.drawLatents();
    if (latents) this.setAll(latents);
  }

  keep(which) {
    this[which] = [...this.values];
    this.mix.disabled = !(this.from && this.to);
    const [kept, other] = which === "from" ? ["A", "B"] : ["B", "A"];
    this.mixWords.textContent = `The picture is kept as ${kept}.${this.mix.disabled ? ` Keep another one as ${other}.` : " Move the slider."}`;
    say(this.mixWords.textContent);
    if (which === "from") this.mix.value = "0";
  }

  blend(share) {
    this.setAll(this.from.map((value, i) => value + (this.to[i] - value) * share));
  }

  async choose(pixel) {
    this.pixel = pixel;
    this.followButton.disabled = this.lessButton.disabled = pixel === null;
    await this.refresh();
    if (pixel !== null) say(this.words.textContent);
  }

  // One step along the gradient of the pixel's ink, or against it.
  follow(by) {
    if (!this.gradient) return;
    const length = Math.hypot(...this.gradient) || 1;
    this.setAll(this.values.map((value, i) => value + (by * this.gradient[i]) / length));
  }

  // Walks from one random picture to the next, until stopped.
  async walk() {
    const turn = {};
    this.walking = turn;
    this.walkButton.setAttribute("aria-pressed", "true");
    this.walkButton.textContent = "Stop the walk";
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    while (this.walking === turn && seen(this.root)) {
      const from = [...this.values];
      const to = await this.drawLatents();
      if (!to) break;
      // If the visitor prefers no motion, a new picture every two seconds.
      const frames = still ? 1 : 90;
      for (let i = 1; i <= frames && this.walking === turn; i++) {
        this.setAll(from.map((value, at) => value + ((to[at] - value) * i) / frames));
        await new Promise((done) => (still ? setTimeout(done, 2000) : requestAnimationFrame(done)));
      }
    }
    if (this.walking === turn) this.stop();
  }

  stop() {
    this.walking = null;
    if (!this.walkButton) return;
    this.walkButton.setAttribute("aria-pressed", "false");
    this.walkButton.textContent = "Walk";
  }

  // Draws the picture of the current latents, with one request at a time.
  async refresh() {
    if (!this.latent) return;
    if (this.busy) { this.again = true; return; }
    this.busy = true;
    try {
      do {
        this.again = false;
        const latents = [...this.values];
        const picture = await this.ask("draw", { who: this.who, latents });
        this.gradient = this.pixel === null ? null : await this.ask("slopes", { who: this.who, latents, pixel: this.pixel });
        this.show(picture, latents);
      } while (this.again);
    } catch (error) {
      this.words.textContent = error.message;
    } finally {
      this.busy = false;
    }
  }

  show(picture, latents) {
    this.picture = picture;
    drawSheet(this.canvas, picture, 1);
    latents.forEach((value, i) => {
      if (document.activeElement !== this.sliders[i]) this.sliders[i].value = value;
      this.outputs[i].textContent = value.toFixed(2);
      const slope = this.gradient ? this.gradient[i] : 0;
      const largest = this.gradient ? Math.max(FULL_SLOPE, ...this.gradient.map(Math.abs)) : FULL_SLOPE;
      const share = (50 * Math.abs(slope)) / largest;
      this.slopes[i].className = slope < 0 ? "minus" : "";
      this.slopes[i].style.width = `${share}%`;
      this.slopes[i].style.left = slope < 0 ? `${50 - share}%` : "50%";
      this.sliders[i].setAttribute("aria-valuetext", this.gradient ? `${value.toFixed(2)}, gradient ${short(slope)}` : value.toFixed(2));
    });
    const ink = picture.reduce((sum, value) => sum + value, 0) / picture.length;
    let words = `${Math.round(100 * ink)} % of the picture is ink.`;
    if (this.pixel !== null) {
      const context = this.canvas.getContext("2d");
      context.fillStyle = "#d0342c";
      context.fillRect(this.pixel % SIDE, Math.floor(this.pixel / SIDE), 1, 1);
      const best = this.gradient.reduce((most, slope, i) => (Math.abs(slope) > Math.abs(this.gradient[most]) ? i : most), 0);
      const [name, slope] = [`z${best + 1}`, this.gradient[best]];
      const most = Math.abs(slope) < FULL_SLOPE / 50 ? `No latent changes it noticeably: its largest slope is ${short(slope)}, for ${name}.` : `It depends most on ${name}, with slope ${short(slope)}.`;
      words += ` The pixel in row ${Math.floor(this.pixel / SIDE) + 1}, column ${(this.pixel % SIDE) + 1} has ink ${picture[this.pixel].toFixed(2)}. ${most}`;
    } else {
      words += " Click a pixel of the picture to see which latents change it.";
    }
    this.words.textContent = words;
  }
}
