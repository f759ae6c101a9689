// Tests of what the page looks like, and of what it says to those who do not see it.

Object.assign(SELF_TESTS, {
  // At several widths, and with text of twice the size, nothing overflows.
  async widths(check, record) {
    record.layout = {};
    for (const mode of MODES) {
      await select(mode);
      for (const [width, size] of [[320, ""], [400, ""], [900, ""], [1600, ""], [400, "200%"]]) {
        document.body.style.width = `${width}px`;
        document.documentElement.style.fontSize = size;
        const out = [...byId("page").querySelectorAll("*")].filter((element) => {
          if (element.closest(".sr, .skip, svg, option")) return false;
          const { right, width: w, left } = element.getBoundingClientRect();
          return w > 0 && (right > width + 1 || left < -1);
        });
        check(innerWidth < 900 || out.length === 0 || width > innerWidth, `${mode} at ${width} px ${size}: ${out.slice(0, 3).map((e) => `${e.tagName}.${e.className}#${e.id} “${e.textContent.slice(0, 20)}”`).join("; ")}`);
        record.layout[`${mode} ${width} ${size}`] = byId("page").scrollWidth;
      }
    }
    // On a narrow screen, the settings come after the map and its words, and are folded.
    document.body.style.width = "400px";
    document.documentElement.style.fontSize = "";
    for (const mode of ["points", "pictures"]) {
      await select(mode);
      foldSettings(400);
      const [main, side, more] = [".main", ".side", ".more"].map((part) => byId(`view-${mode}`).querySelector(part).getBoundingClientRect());
      check(main.bottom <= side.top && side.bottom <= more.top, `${mode}: the settings are not below the picture`);
      check(!byId(`settings-${mode}`).checkVisibility(), `${mode}: the settings are not folded`);
      foldSettings(1600);
      check(byId(`settings-${mode}`).checkVisibility(), `${mode}: the settings stay folded`);
    }
    document.body.style.width = "";
  },

  async contrast(check, record) {
    record.lowest_contrast = 21;
    const numbers = (text) => text.match(/[\d.]+/g).map(Number);
    const light = (paint) => paint.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const paint = numbers(getComputedStyle(at).backgroundColor);
        if (paint.length === 3 || paint[3] > 0) return paint;
      }
      return [255, 255, 255];
    };
    for (const scheme of ["light", "dark"]) {
      setScheme(scheme);
      for (const mode of MODES) {
        await select(mode);
        notice("A remark.");
        const walker = document.createTreeWalker(byId("page"), NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const at = walker.currentNode.parentElement;
          if (!walker.currentNode.data.trim() || at.closest("script, svg, .skip, .sr, option, noscript") || !seen(at)) continue;
          const found = ratio(numbers(getComputedStyle(at).color), behind(at));
          record.lowest_contrast = Math.min(record.lowest_contrast, found);
          check(found >= 4.5, `${scheme}, ${mode}: ${found.toFixed(2)} for “${at.textContent.slice(0, 30)}”`);
        }
      }
      for (const front of ["d", "g", "real", "edge", "focus"]) for (const back of ["paper", "sheet"]) check(ratio(rgb(front), rgb(back)) >= 3, `${scheme}: ${front} on ${back}`);
      for (const front of ["d", "g", "real"]) for (const back of ["low", "middle", "high"]) check(ratio(rgb(front), rgb(back)) >= 3, `${scheme}: ${front} on the map's ${back}: ${ratio(rgb(front), rgb(back)).toFixed(2)}`);
    }
    notice("");
    document.documentElement.style.colorScheme = "";
    resolvedColors.clear();
  },

  async access(check) {
    check(document.documentElement.lang === "en" && document.title, "no language or no title");
    for (const landmark of ["main", "header", "[role=tablist][aria-label]", "[role=status][aria-live]"]) check(document.querySelector(landmark), `no ${landmark}`);
    const nameOf = (element) => element.getAttribute("aria-label") || element.textContent.trim() || document.querySelector(`label[for="${element.id}"]`)?.textContent || element.closest("label")?.textContent || byId(element.getAttribute("aria-labelledby"))?.textContent || byId(element.getAttribute("aria-describedby"))?.textContent;
    for (const mode of MODES) {
      await select(mode);
      await settled();
      await wait(50);
      for (const element of document.querySelectorAll("button, select, input, canvas, [role=tab], [role=tabpanel], [tabindex]")) if (seen(element) && element.id !== "stage") check(nameOf(element), `${element.outerHTML.slice(0, 100)} has no name`);
      for (const element of document.querySelectorAll("[aria-labelledby], [aria-controls], [aria-describedby]")) {
        for (const name of ["aria-labelledby", "aria-controls", "aria-describedby"]) if (element.hasAttribute(name)) check(byId(element.getAttribute(name)), `${name} of ${element.id} points nowhere`);
      }
      for (const element of document.querySelectorAll("button, select, input, canvas[tabindex]")) {
        if (!seen(element) || element.disabled || element.tabIndex < 0) continue;
        element.focus({ focusVisible: true, preventScroll: true });
        const style = getComputedStyle(element);
        check(document.activeElement === element && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, `${element.outerHTML.slice(0, 80)} does not show its focus`);
      }
    }
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    check(new Set(ids).size === ids.length, `an id is used twice: ${ids.filter((id, i) => ids.indexOf(id) !== i)}`);
    document.activeElement.blur();
  },
});
