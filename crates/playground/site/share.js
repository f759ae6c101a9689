// Copies a link to the current state, and explains the next turn.

async function share() {
  let link;
  try {
    ({ link } = await ask("about"));
  } catch (error) {
    byId("share-words").replaceChildren(...marked(error.message));
    return;
  }
  const address = `${location.href.split("#")[0]}#${link}`;
  history.replaceState(null, "", `#${link}`);
  let words = "The address of this page now leads to this state.";
  try {
    await navigator.clipboard.writeText(address);
    words = "Copied. The address of this page leads to this state, too.";
  } catch {
    // Without permission to copy, the link is only in the address bar.
  }
  byId("share-words").textContent = words;
}

let explainer = null; // the engine that records a turn
let explained = null; // the address of the last page that explains a turn

// Replaces what is in `place`. If the focus was in it, it moves to the element `next`.
function refill(place, next, ...children) {
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(...children);
  if (hadFocus) byId(next).focus();
}

async function explain(turn) {
  const place = byId("explained");
  place.hidden = false;
  const words = el("span", { id: "explain-words" }, "Loading the recorder …");
  const bar = el("progress", { id: "explain-bar", max: "1", "aria-label": "Explaining the next turn" });
  refill(place, "explain-cancel", words, " ", el("button", { type: "button", id: "explain-cancel", onclick: () => explainer?.stop() }, "Stop"), bar);
  say("Explaining the next turn. The button Stop is below.");
  explainer?.stop();
  let since = null;
  const own = explainer = new Engine(({ left, work }) => {
    since ??= performance.now();
    const share = 1 - left / Math.max(1, work);
    words.textContent = left > 0 ? `Training to this state again, ${Math.floor(100 * share)} % done.${timeLeft(share, since)}` : "Recording the turn, and checking every number …";
    if (left > 0) bar.value = share;
    else bar.removeAttribute("value");
  }, () => {});
  try {
    const { link } = await ask("about");
    await own.ask("load", { wish: "explain" });
    const page = await own.ask("explain", { link, turn });
    if (explained) URL.revokeObjectURL(explained);
    const address = explained = URL.createObjectURL(new Blob([page], { type: "text/html" }));
    const name = `turn-of-${turn}.html`;
    refill(place, "explain-open", "The next turn is recorded: ", el("a", { href: address, target: "_blank", rel: "noopener", id: "explain-open" }, "open the page that explains it"), ", or ", el("a", { href: address, download: name }, "save it"), `. (${(page.length / 1e6).toFixed(1)} MB)`);
    say(place.textContent);
    return page;
  } catch (error) {
    const why = own.stopped ? ["The explanation was stopped."] : ["The turn could not be explained here (", ...marked(error.message), "). On the command line, ", el("code", {}, "train explain --preset gan"), " explains a small GAN."];
    if (own === explainer) refill(place, `explain-${turn}`, ...why);
    return null;
  } finally {
    own.stop(); // with its memory; the module is in the browser's cache
    if (own === explainer) explainer = null;
  }
}
