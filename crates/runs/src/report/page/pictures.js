// Pictures: sheets of samples, what the discriminator sees, its gradients, the walk.

const ofRun = (run) => (state.data.runs.length > 1 ? ` of ${run.name}` : "");

function sheetOf(run, number) {
  const image = make("img", { alt: "" });
  const caption = make("figcaption", {});
  const cells = make("div", { class: "cells" });
  const answer = make("div", { class: "pictures", role: "status" });
  const near = run.record.neighbours;
  const follow = (step) => {
    const at = placeOf(run.sheets.map((sheet) => sheet.step), step);
    const sheet = run.sheets[at];
    // A live page reloads the file; its name is the same only if the step is.
    if (image.getAttribute("src") !== sheet.file) image.setAttribute("src", sheet.file);
    image.alt = `Samples${ofRun(run)} after step ${sheet.step}`;
    image.dataset.step = sheet.step;
    const isNear = near && near.step === sheet.step;
    cells.hidden = !isNear;
    caption.textContent = `The sheet of step ${thousands(sheet.step)}. All sheets are made from the same latents, or from the same images to translate.${isNear ? " Choose one to see the training image that is nearest to it." : ""}`;
    if (!isNear) answer.replaceChildren();
  };
  if (near) {
    cells.style.gridTemplateColumns = `repeat(${near.columns}, 1fr)`;
    cells.style.gridTemplateRows = `repeat(${near.rows}, 1fr)`;
    const choose = (sample) => {
      state.sample = [number, sample];
      [...cells.children].forEach((cell, at) => cell.setAttribute("aria-pressed", at === sample ? "true" : "false"));
      const distance = near.distances[sample];
      answer.replaceChildren(
        crop(near.file, near.columns, near.rows, sample, `Training image ${near.numbers[sample]}`),
        make("p", { class: "small" }, `Sample ${sample + 1}: the nearest of ${thousands(near.searched)} training images is number ${thousands(near.numbers[sample])}, at the distance ${show(distance)}. Training images are typically ${show(near.typical)} apart from their nearest neighbour; far less than that would be a copy.`),
      );
    };
    near.numbers.forEach((_, sample) =>
      cells.append(make("button", { type: "button", "aria-label": `Sample ${sample + 1}: nearest training image`, "aria-pressed": "false", onclick: () => choose(sample) })),
    );
    if (state.sample && state.sample[0] === number && state.sample[1] < near.numbers.length) choose(state.sample[1]);
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
      make("p", { class: "quiet small" }, `In step ${thousands(each.step)}, ${each.discriminator} received these images, with all augmentation and noise.`),
      make("div", { class: "pictures" }, tiles(each.reals, "Reals as seen"), tiles(each.fakes, "Fakes as seen")),
    );
  }
  for (const each of gradients) {
    const scores = each.scores.map(show).join(", ");
    section.append(
      make("p", { class: "quiet small" }, `After step ${thousands(each.step)}: the gradient of the score with respect to the pixels of ${each.of === "fakes" ? "the samples" : each.of}. The generator follows it. Orange: a brighter pixel would look more real; blue: a darker one. Each image has its own scale.`),
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
    make("p", { class: "quiet small" }, `Each picture goes from one latent to another, after step ${thousands(walk.step)}. Smooth changes show a generator that has learned more than single images; jumps show one that has memorised or collapsed.`),
    make("div", { class: "walk" }, boxes),
    slider,
  );
}
