// The page tests itself at #selftest; #selftest=NAME runs one test. The result is written to the
// console as one line, "SELFTEST " and JSON. The other files of this folder have the tests.

const troubles = []; // what went wrong anywhere since the page was opened
addEventListener("error", (event) => troubles.push(`error: ${event.message}`));
addEventListener("unhandledrejection", (event) => troubles.push(`rejection: ${event.reason}`));
document.addEventListener("securitypolicyviolation", (event) => troubles.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Waits until a condition holds; false if it never does.
async function until(holds, milliseconds = 60000) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    if (holds()) return true;
    await wait(15);
  }
  return false;
}

async function selfTest(only) {
  const record = { opened_ms: Math.round(state.ready), kind: state.kind, failures: [], checked: {}, took_ms: {}, hashes: {} };
  let subject = "";
  const check = (holds, what) => {
    record.checked[subject] = (record.checked[subject] ?? 0) + 1;
    if (!holds && record.failures.length < 40) record.failures.push(`${subject}: ${what}`);
  };
  if (only) {
    subject = only;
    check(Object.hasOwn(SELF_TESTS, only), "there is no such test");
  }
  for (const [name, test] of Object.entries(SELF_TESTS)) {
    if (only ? name !== only : ONLY_NAMED.includes(name)) continue;
    subject = name;
    const before = performance.now();
    try {
      await test(check, record);
    } catch (error) {
      check(false, `${error}\n${error.stack}`);
    }
    record.took_ms[name] = Math.round(performance.now() - before);
  }
  subject = "quiet";
  const own = new URL(".", location.href).href;
  for (const { name } of performance.getEntriesByType("resource")) check(name.startsWith(own) || name.startsWith("data:"), `a request left the page's folder: ${name}`);
  for (const trouble of troubles) check(false, trouble);
  record.pass = record.failures.length === 0;
  console.log(`SELFTEST ${JSON.stringify(record)}`);
}

// What the page says and offers when it cannot start.
function reportMissing() {
  const controls = [...document.querySelectorAll("button, select, input")].filter(seen);
  const works = controls.filter((control) => !control.disabled).map((control) => control.id);
  const record = { missing: byId("notice").textContent, is_seen: seen(byId("notice")), works, troubles, texts: byId("page").innerText.length };
  console.log(`SELFTEST ${JSON.stringify(record)}`);
}

// Tests that need a browser of a special kind.
const ONLY_NAMED = ["memory"];

const press = (key, target = document.body) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const choose = (id, value) => { byId(id).value = value; byId(id).dispatchEvent(new Event("change")); };
const settled = () => until(() => isDrawn && pendingFrame === null && !state.playing && !state.replaying);
const turnsAre = (d, g) => until(() => state.turns[0] === d && state.turns[1] === g);

// By name. Each test gets check(holds, what) and the record.
const SELF_TESTS = {};
