// Pictures: sheets of samples, what the discriminator sees, its gradients, the walk.

// A discriminator's name in a sentence.
function nameOf(discriminator) {
  const domain = /^discriminator_(.)$/.exec(discriminator);
  return domain ? `the discriminator of ${domain[1].toUpperCase()}` : `the ${discriminator.replaceAll("_", " ")}`;
}

const ofRun = (run) => (state.data.runs.length > 1 ? ` of ${run.name}` : "");

// What is said about the neighbour of a sample.
function neighbourText(near, at) {
  const which = near.of === "sample" ? `Sample ${at + 1}` : `Translation ${near.of}, row ${at + 1}`;
  const images = near.of === "sample" ? "training images" : `training images of ${near.of.slice(-1)}`;
  const distance = near.distances[at] < 0 ? "is not finite" : `is ${show(near.distances[at])}`;
  return `${which}: the nearest of ${thousands(near.searched)} ${images} is number ${thousands(near.numbers[at])}. The distance ${distance}. Typically, the nearest neighbour of a training image is ${show(near.typical)} away; far less would be a copy.`;
}

function sheetOf(run, number) {
  const image = make("img", { alt: "" });
  const caption = make("figcaption", {});
  const cells = make("div", { class: "cells" });
  const answer = make("div", { class: "pictures", role: "status" });
  const found = run.record.neighbours;
  const near = found[0];
  const isTranslated = run.record.gradients.some((each) => each.of !== "fakes") || (near && near.of !== "sample");
  const origin = isTranslated
    ? "The same images at every step: A, its translation to B, that back to A, the generator B to A on A itself; then the same for B."
    : "The same latents at every step.";
  const follow = (step) => {
    const at = placeOf(run.sheets.map((sheet) => sheet.step), step);
    const sheet = run.sheets[at];
    // A live page reloads the file; its name is the same only if the step is.
    if (image.getAttribute("src") !== sheet.file) image.setAttribute("src", sheet.file);
    image.alt = `Samples${ofRun(run)} after step ${thousands(sheet.step)}`;
    image.dataset.step = sheet.step;
    const isNear = near && near.step === sheet.step;
    cells.hidden = !isNear;
    const hint = isNear ? ` Choose a ${isTranslated ? "translation" : "sample"} to see the nearest training image.` : "";
    caption.textContent = `After step ${thousands(sheet.step)}. ${origin}${hint}`;
    if (!isNear) answer.replaceChildren();
  };
  if (near) {
    const [columns, rows] = near.grid;
    cells.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
    cells.style.gridTemplateRows = `repeat(${rows}, 1fr)`;
    const choose = (one, at) => {
      const place = one.places[at];
      state.sample = [number, place];
      for (const cell of cells.children) cell.setAttribute("aria-pressed", cell.dataset.place === String(place) ? "true" : "false");
      answer.replaceChildren(
        crop(one.file, one.columns, one.rows, at, `Training image ${thousands(one.numbers[at])}`),
        make("p", { class: "small" }, neighbourText(one, at)),
      );
    };
    for (const one of found) {
      one.places.forEach((place, at) => {
        const label = `${one.of === "sample" ? "Sample" : one.of} ${at + 1}: nearest training image`;
        const cell = make("button", { type: "button", "aria-label": label, "aria-pressed": "false", "data-place": place, onclick: () => choose(one, at) });
        cell.style.gridArea = `${Math.floor(place / columns) + 1} / ${(place % columns) + 1}`;
        cells.append(cell);
        if (state.sample && state.sample[0] === number && state.sample[1] === place) choose(one, at);
      });
    }
  }
  followers.push(follow);
  return make(
    "section",
    {},
    make("h2", {}, `Samples${ofRun(run)}`),
    make("div", { class: "pictures" }, make("figure", {}, make("div", { class: "sheet" }, image, cells), caption), answer),
  );
}

// One tile of a sheet without gaps.
function crop(file, columns, rows, tile, label) {
  const box = make("div", { class: "crop", role: "img", "aria-label": label });
  box.style.backgroundImage = `url("${file}")`;
  box.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
  const part = (at, count) => (count > 1 ? (at / (count - 1)) * 100 : 0);
  box.place = (at) => (box.style.backgroundPosition = `${part(at % columns, columns)}% ${part(Math.floor(at / columns), rows)}%`);
  box.place(tile);
  return box;
}

const tiles = (file, title, text) => make("figure", { class: "tiles" }, make("h3", {}, title), make("img", { src: file, alt: title }), text ? make("figcaption", {}, text) : null);

function seenOf(run) {
  const { seen, gradients } = run.record;
  if (seen.length === 0 && gradients.length === 0 && run.data.length === 0) return null;
  const section = make("section", {}, make("h2", {}, `What the discriminator sees, and answers${ofRun(run)}`));
  if (run.data.length) section.append(make("div", { class: "pictures" }, run.data.map(([name, file]) => tiles(file, name))));
  for (const each of seen) {
    section.append(
      make("p", { class: "quiet small" }, `In step ${thousands(each.step)}, ${nameOf(each.discriminator)} received these images, with all augmentation and noise.`),
      make("div", { class: "pictures" }, tiles(each.reals, "Reals as seen"), tiles(each.fakes, "Fakes as seen")),
    );
  }
  for (const each of gradients) {
    const scores = each.scores.map(show).join(", ");
    section.append(
      make("p", { class: "quiet small" }, `After step ${thousands(each.step)}: the gradient of the score with respect to the pixels of ${each.of === "fakes" ? "the samples" : `the translations ${each.of}`}. The generator follows this gradient. Orange: a brighter pixel would look more real; blue: a darker one. Each image has its own scale.`),
      make("div", { class: "pictures" }, tiles(each.fakes, "Fakes", `Scores, row by row: ${scores}`), tiles(each.gradients, "Gradients")),
    );
  }
  return section;
}

function walkOf(run) {
  const walk = run.record.walk;
  if (!walk) return null;
  const boxes = Array.from({ length: walk.rows }, (_, row) => crop(walk.file, walk.frames, walk.rows, row * walk.frames, `Walk ${row + 1}`));
  const place = (frame) => boxes.forEach((box, row) => box.place(row * walk.frames + frame));
  const slider = make("input", { type: "range", min: 0, max: walk.frames - 1, value: 0, "aria-label": "Position between two latents", oninput: () => place(Number(slider.value)) });
  return make(
    "section",
    {},
    make("h2", {}, `A walk through the latents${ofRun(run)}`),
    make("p", { class: "quiet small" }, `Move the slider: each picture goes from one latent to another. Drawn after step ${thousands(walk.step)}. If the pictures change smoothly, the generator has learned more than single images; if they jump, it has memorised or collapsed.`),
    make("div", { class: "walk" }, boxes),
    slider,
  );
}
