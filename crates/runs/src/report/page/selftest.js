// The page's test of itself, at #selftest: leaves its result as JSON at the end of the document.

function contrastOf(element) {
  const numbers = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const light = ([red, green, blue]) => {
    const part = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  let behind = element;
  let back = [255, 255, 255];
  while (behind) {
    const paint = numbers(getComputedStyle(behind).backgroundColor);
    if (paint.length === 3 || paint[3] > 0) {
      back = paint;
      break;
    }
    behind = behind.parentElement;
  }
  const [a, b] = [light(numbers(getComputedStyle(element).color)), light(back)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

async function selfTest() {
  const failures = [];
  const checked = {};
  const check = (test, holds, words) => {
    checked[test] = (checked[test] || 0) + 1;
    if (!holds) failures.push(`${test}: ${words}`);
  };
  for (const run of state.data.runs) {
    for (const sheet of run.sheets) {
      goTo(sheet.step);
      const images = [...document.querySelectorAll(".sheet img")];
      check("scrubber", images.some((image) => image.dataset.step === String(sheet.step) && image.getAttribute("src") === sheet.file), `the sheet of step ${sheet.step} is not shown`);
    }
  }
  goTo(null);
  const charts = document.querySelectorAll(".chart");
  check("charts", charts.length === allCharts().length && charts.length > 0, `${charts.length} charts`);
  for (const chart of charts) {
    const paths = [...chart.querySelectorAll(".plot path:not(.band)")];
    check("curves", paths.length === chart.querySelectorAll(".legend li").length && paths.some((path) => path.getAttribute("d").length > 3), chart.querySelector("h3").textContent);
    for (const band of chart.querySelectorAll(".band")) check("bands", band.getAttribute("d").length > 10 && !/NaN|Inf/.test(band.getAttribute("d")), chart.querySelector("h3").textContent);
    check("sentences", [...chart.querySelectorAll(".sentence")].every((text) => text.textContent.length > 10), "a curve without a sentence");
    check("values", [...chart.querySelectorAll(".value")].some((text) => text.textContent !== ""), "no value");
  }
  const select = document.querySelector("section select");
  for (const option of select ? select.options : []) {
    select.value = option.value;
    select.dispatchEvent(new Event("change"));
    check("strips", document.querySelectorAll(".strips canvas, .strips p").length > 0, option.value);
  }
  const cell = document.querySelector(".cells:not([hidden]) button");
  if (cell) {
    cell.click();
    check("neighbour", document.querySelector(".sheet").parentElement.parentElement.textContent.includes("nearest of"), "no answer");
  }
  // A run with long labels on both axes.
  const [run] = state.data.runs;
  const { step } = run;
  run.step = 1500;
  const long = chartCard(allCharts()[0]);
  document.querySelector(".chart").after(long);
  await new Promise((done) => setTimeout(done, 100));
  const plot = long.querySelector(".plot");
  check("labels", plot.querySelectorAll("text").length > 3, "the chart of a long run has no labels");
  for (const label of plot.querySelectorAll("text")) {
    const { x, width } = label.getBBox();
    check("labels", x >= 0 && x + width <= plot.viewBox.baseVal.width, `“${label.textContent}” is cut off`);
  }
  long.remove();
  run.step = step;
  for (const image of document.images) {
    if (image.closest("[hidden]")) continue;
    check("images", image.complete && image.naturalWidth > 0, `${image.alt} is not there: ${image.src.slice(0, 80)}`);
    check("names", image.alt !== "", "an image without a name");
  }
  for (const control of document.querySelectorAll("button, select, input, canvas")) {
    const name = control.getAttribute("aria-label") || control.textContent || (control.labels && control.labels.length);
    check("names", Boolean(name), `a ${control.tagName} without a name`);
  }
  const wide = document.documentElement.scrollWidth;
  check("width", wide <= window.innerWidth + 1, `${wide} in ${window.innerWidth}`);
  if (window.innerWidth <= 600) {
    // Browsers open no window of 400 pixels, but the layout of one of 500 can be made narrower.
    document.body.style.width = "400px";
    const far = [...document.querySelectorAll("#app *, .top *")].find((element) => !element.closest("svg, .skip") && element.getBoundingClientRect().right > document.body.getBoundingClientRect().left + 401);
    check("narrow", !far, far && `${far.tagName} ${far.className}: ${far.textContent.slice(0, 40)}`);
    document.body.style.width = "";
  }
  for (const scheme of ["light", "dark"]) {
    document.documentElement.style.colorScheme = scheme;
    for (const element of document.querySelectorAll("#app *, .top *")) {
      const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
      if (!hasText || element.closest("[hidden], svg, option, script")) continue;
      const found = contrastOf(element);
      check("contrast", found >= 4.5, `${scheme}: ${found.toFixed(2)} for "${element.textContent.slice(0, 40)}"`);
    }
  }
  document.documentElement.style.colorScheme = "";
  const record = { pass: failures.length === 0, failures, checked, step: newest(), wide: window.innerWidth };
  const script = make("script", { type: "application/json", id: "selftest" });
  script.textContent = JSON.stringify(record);
  document.body.append(script);
}
