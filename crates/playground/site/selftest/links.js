// Tests of links: that they lead to their state again, and what a reload keeps.

Object.assign(SELF_TESTS, {
  // The hashes after 0, 1 and 100 steps, which the test outside compares with the native program's.
  async hashes(check, record) {
    await open("points");
    for (const steps of [0, 1, 100]) {
      await open(`points&run=${steps}`);
      check(await until(() => !state.replaying && state.turns[0] === steps && state.hash), `${steps} steps are not reached`);
      record.hashes[`points&run=${steps}`] = (await ask("about")).hash;
    }
    for (const link of ["points&loss=hinge&penalty=r1&run=5~d2~g1~d_rate:0.01~3", "points&data=drawn&loss=wasserstein&penalty=between&drawn=AAABjv&run=4", "pictures&data=apples&run=2", "pictures&data=doodles&doodles=AAf_*__AA.gA&run=1"]) {
      await open(link);
      check(await until(() => !state.replaying && state.turns[0] > 0), `${link} is not reached`);
      record.hashes[link] = (await ask("about")).hash;
    }
  },

  // The same state again: by steps of the button, by reset and replay, by the shared link.
  async again(check) {
    await open("points");
    const start = (await ask("about")).hash;
    byId("step").click();
    check(await turnsAre(1, 1), "One step makes no step");
    byId("turn-d").click();
    check(await turnsAre(2, 1), "One turn of D makes none");
    byId("turn-g").click();
    check(await turnsAre(2, 2), "One turn of G makes none");
    await settled();
    const there = await ask("about");
    check(there.link === "points&run=1~d1~g1", `the link is ${there.link}`);
    check(byId("command").textContent.includes(there.link), "the command does not have the link");
    byId("share").click();
    check(await until(() => location.hash === `#${there.link}`), `the address is ${location.hash}`);
    byId("reset").click();
    check(await turnsAre(0, 0), "Reset does not go back");
    check((await ask("about")).hash === start, "the start has other bits after Reset");
    await open(there.link);
    await until(() => !state.replaying && state.turns[0] === 2);
    check((await ask("about")).hash === there.hash, "the link leads to other bits");
    history.replaceState(null, "", "#selftest");
  },

  // The page shows how far a long link is repeated, and can stop it. It says when no link can lead
  // to its state.
  async long(check) {
    const begin = async () => {
      await open("points&run=1000000");
      check(seen(byId("replay")) && byId("replay-words").textContent.includes("1,000,000 turns of D and 1,000,000 of G"), `the page says “${byId("replay-words").textContent}”`);
      check(byId("play").disabled && byId("share").disabled && byId("hash").textContent === "…", "a link can be copied while the page still repeats another one");
      check(await until(() => state.turns[0] > 20 && byId("replay-bar").value > 0), "the link is not repeated");
    };
    await begin();
    byId("replay-stop").focus();
    byId("replay-stop").click();
    check(await until(() => !state.replaying), "“Stop here” does not stop");
    await settled();
    check(!seen(byId("replay")) && !byId("play").disabled, "after the stop, the page still waits");
    check(document.activeElement === byId("play"), "the focus is lost with the button");
    const { link, hash, turns } = await ask("about");
    await open(link);
    await until(() => !state.replaying && state.turns[0] === turns[0] && state.turns[1] === turns[1]);
    check((await ask("about")).hash === hash, `${link}, where it was stopped, has different bits`);
    await begin();
    byId("replay-defaults").click();
    check(await turnsAre(0, 0) && (await ask("about")).link === "points" && !state.replaying, "the defaults do not open");
    await begin();
    byId("mode-trained").click();
    check(await until(() => !state.replaying), "a link is repeated out of sight");
    byId("mode-points").click();
    check(await turnsAre(0, 0), "the points do not open again");

    await open("points&width=2&batch=2");
    for (let i = 0; i < 251; i++) {
      await ask("turn", { turn: "d" });
      await ask("set", { key: "d_rate", value: String(0.1 + (i % 9) / 100) });
    }
    check(await until(() => byId("share").disabled && seen(byId("share-limit"))), "a state that no link can have is offered as a link");
    check(byId("share-limit").textContent.includes("502 parts"), byId("share-limit").textContent);
    await open("points");
    check(!byId("share").disabled && !seen(byId("share-limit")), "the limit stays after Reset");
  },

  async damaged(check) {
    for (const [link, words] of [["points&seed=x", "not a number"], ["elephants", "no playground"], ["points&run=1e9", "number of turns"], ["points&run=999999999", "times as long"], ["pictures&data=doodles", "no doodles"]]) {
      await openAddress(link);
      check(state.about.mode === "points" && state.about.link === "points", `${link} does not open the default`);
      check(!byId("notice").hidden && byId("notice").textContent.includes(words), `${link}: ${byId("notice").textContent}`);
    }
    await openAddress("elephants");
    check(byId("notice").querySelector("code")?.textContent === "elephants" && !byId("notice").textContent.includes("`"), byId("notice").innerHTML);
    notice("");
    // An answer after an error of the worker, and an error that nobody waits for.
    let said = "";
    const lost = new Engine(() => {}, (why) => { said = why; });
    lost.worker.onerror({ preventDefault() {}, message: "broken" });
    lost.worker.onmessage({ data: { id: 7, value: 1 } });
    check(said === "broken", "an error of the worker is not reported");
    const waits = lost.ask("load", { wish: "" }).catch((error) => error.message);
    lost.stop();
    check((await waits) === "it was stopped", "the end of the worker is not reported");
  },

  // What a reload keeps: the playground or the failure, in the address, and the colour scheme.
  async reload(check) {
    for (const mode of MODES) {
      byId(`mode-${mode}`).click();
      check(await until(() => location.hash === `#${mode}`, 10000), `the address of ${mode} is ${location.hash}`);
    }
    const { name, link } = state.tables.failures[0];
    await select("points");
    byId(`failure-${name}`).click();
    check(await until(() => location.hash === `#${link}`, 10000), `the address of ${name} is ${location.hash}`);
    await open("points&run=40");
    check(location.hash === "#points&run=40", `the address of a long link is ${location.hash}`);
    await openAddress("elephants");
    check(location.hash === "#points&run=40", "the address of a damaged link is replaced");
    const before = chosenScheme();
    byId("scheme").click();
    const chosen = document.documentElement.style.colorScheme;
    check(["light", "dark"].includes(chosen) && chosenScheme() === chosen, `the scheme is ${chosen}, and after a reload ${chosenScheme()}`);
    if (before) keepScheme(before);
    else { sessionStorage.clear(); setScheme(""); }
    notice("");
    history.replaceState(null, "", "#selftest");
  },
});
