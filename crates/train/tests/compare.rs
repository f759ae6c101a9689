//! `train compare` and `--tensorboard` from the command line. What they find is tested in `runs`.

mod common;

use common::{Place, TINY};

#[test]
fn two_runs_are_compared_as_text_and_as_json() {
    let place = Place::new();
    place.good(&format!("{TINY} --data built-in --steps 2 --sample-every 1 --out first"));
    let start = "quickdraw --from first --steps 2 --sample-every 1 --set d_dropout=0";
    place.good(&format!("{start} --out second"));
    let text = place.good("compare first second --out pictures/sheets.png").out;
    for words in [
        "quickdraw.d_dropout  the system's own  0.0",
        "parent_step          (none)            2",
        "B started from the weights of A after step 2",
        "metrics: differ first at step 1",
        "differs first, in the initial weights",
        "pictures/sheets.png: sheets of step 2, step 2",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(place.path("pictures/sheets.png").exists());
    let page = place.good("compare first second --out page.html").out;
    assert!(page.contains("written\n  page.html: "), "{page}");
    let html = common::text(&place.path("page.html"));
    assert!(
        html.contains("<h2>Comparison</h2><pre>runs\n") && html.contains("quickdraw.d_dropout"),
        "the text is in it"
    );
    let json: serde_json::Value = serde_json::from_str(&place.good("compare first second --json").out).unwrap();
    assert_eq!(json["pairs"][0]["metrics"]["step"], 1);
    assert_eq!(json["runs"][1]["done"], 2);
    // A run and itself differ in nothing.
    let same = place.good("compare first first").out;
    assert!(same.contains("settings that differ\n  none") && same.contains("the same in all 2 common steps"), "{same}");
    place.bad("compare first", 2, &["2 values required"]);
    place.bad("compare first firts", 5, &["did you mean `./first`?"]);
    place.bad("compare first second --out sheets.gif", 2, &["unknown file extension `.gif`"]);
}

#[test]
fn systems_of_different_kinds_are_compared_without_a_replay() {
    let place = Place::new();
    place.good(&format!("{TINY} --data built-in --steps 1 --out doodles"));
    place.good("wgan-gp --preset gauss8 --batch 16 --set width=8 --set k=1 --steps 1 --out points");
    let text = place.good("compare doodles points").out;
    assert!(text.contains("not replayed: the systems differ: quickdraw and wgan-gp"), "{text}");
    assert!(text.contains("wgan-gp, preset gauss8") && text.contains("w_distance"), "{text}");
}

#[test]
fn an_event_file_does_not_change_the_run() {
    let place = Place::new();
    let line = format!("{TINY} --data built-in --steps 2");
    let plain = place.good(&format!("{line} --out plain"));
    let events = place.good(&format!("{line} --out events --tensorboard"));
    assert_eq!(plain.hash(), events.hash());
    assert!(events.out.contains("events/events.out.tfevents.0.backdraw"), "it is listed: {}", events.out);
    assert!(!plain.out.contains("tfevents"));
}
