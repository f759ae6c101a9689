//! The report of a run in a real browser: the live page of a run folder loads its data from the
//! file beside it, the page of `train report` contains them, and both pass their self-test at every
//! width, in light and dark.
//!
//! Without a browser, the tests print a message and pass, like those of `explain_in_browser.rs`.

mod chromium;
mod common;

use std::fs;
use std::process::Stdio;
use std::thread;

use chromium::{Picture, browser};
use common::{Place, TINY};

/// Lets four seconds of the page's timers pass without waiting for them.
const PATIENT: &str = "--virtual-time-budget=4000";

/// Two runs of six steps, with a probe at each step.
fn runs() -> Place {
    let place = Place::new();
    let options = "--data built-in --steps 6 --sample-every 2 --set probe_every=1";
    place.good(&format!("{TINY} {options} --out run"));
    place.good(&format!("{TINY} {options} --seed 2 --out other&amp;"));
    place
}

#[test]
fn the_pages_pass_their_own_test() {
    let Some(browser) = browser() else { return };
    let place = runs();
    let diagnosis = "step,last_step,sign,severity,evidence,remedy,chapter\n\
                     2,4,<img src=x onerror=alert(1)>,warning,\"d_loss 0.01, \"\"low\"\"\",train quickdraw,c13_sick_runs#diverging\n";
    fs::write(place.path("run/diagnoses.csv"), diagnosis).unwrap();
    place.good("report run other&amp; --out two.html");
    place.good("report run --out one.html");
    thread::scope(|scope| {
        for (page, width) in [("run/report.html", 1600), ("two.html", 900), ("one.html", 500)] {
            let (place, browser) = (&place, &browser);
            scope.spawn(move || {
                let record = chromium::self_test(browser, &place.path(page), &[PATIENT], [width, 900]);
                let failures = record["failures"].as_array().unwrap();
                assert!(failures.is_empty(), "{page}: {failures:#?}");
                for test in
                    ["scrubber", "charts", "curves", "sentences", "values", "strips", "images", "names", "contrast"]
                {
                    assert!(record["checked"][test].as_u64() > Some(0), "{page}: {test} checked nothing: {record}");
                }
                assert_eq!(record["checked"]["neighbour"], 1, "{page}: {record}");
                assert_eq!(
                    record["checked"]["narrow"],
                    serde_json::json!((width <= 600).then_some(1)),
                    "{page}: {record}"
                );
                assert_eq!(record["step"], 6);
            });
        }
    });
}

#[test]
fn the_page_is_there_at_every_width_in_light_and_dark() {
    let Some(browser) = browser() else { return };
    let place = runs();
    let shots = [(500, "scheme=light"), (900, "scheme=dark"), (1600, "scheme=light&step=2"), (1600, "scheme=dark")];
    let pictures: Vec<Picture> = thread::scope(|scope| {
        let shoot = |(width, fragment): (u32, &'static str)| {
            let (place, browser) = (&place, &browser);
            scope.spawn(move || {
                let file = place.path(&format!("{width}-{fragment}.png"));
                let size = [format!("--screenshot={}", file.display()), format!("--window-size={width},1200")];
                let options = [PATIENT, &size[0], &size[1]];
                chromium::open(browser, &place.path("run/report.html"), fragment, &options, Stdio::null());
                Picture::read(&file, [width, 1200])
            })
        };
        let running: Vec<_> = shots.into_iter().map(shoot).collect();
        running.into_iter().map(|shot| shot.join().unwrap()).collect()
    });
    for (picture, (width, fragment)) in pictures.iter().zip(shots) {
        for (band, from, to) in [("head", 0.0, 0.2), ("middle", 0.25, 0.6), ("end", 0.6, 1.0)] {
            let detail = picture.detail(from, to);
            assert!(detail > 0.003 && detail < 0.6, "{width} #{fragment}: the {band} has detail {detail}");
        }
    }
    assert!(pictures[2].difference(&pictures[3]) > 0.3, "light and dark look the same");
}

/// Without JavaScript, the page shows the last state.
#[test]
fn without_javascript_the_last_state_is_plain_html() {
    let place = runs();
    let page = fs::read_to_string(place.path("run/report.html")).unwrap();
    let (_, plain) = page.split_once("<div id=\"plain\">").unwrap();
    let (plain, _) = plain.split_once("<div id=\"app\"").unwrap();
    for words in ["Step 6 of 6", "samples/step-000006.png", "The discriminator's loss", "seed = 1", "weights hash"] {
        assert!(plain.contains(words), "{words}: {plain}");
    }
    let other = fs::read_to_string(place.path("other&amp;/report.html")).unwrap();
    assert!(other.contains("<title>other&amp;amp;"), "the name is shown as it is");
}

/// The data that a live page loads a few seconds later replace those that it has loaded first.
#[test]
fn a_live_page_follows_the_run() {
    let Some(browser) = browser() else { return };
    let place = runs();
    let data = fs::read_to_string(place.path("run/report/data.js")).unwrap();
    let earlier = data.replace("\"step\":6,\"total\":6", "\"step\":4,\"total\":6");
    assert_ne!(data, earlier);
    for (last, words) in [(1, "Step 4 of 6. The page updates itself"), (2, "Complete, 6 steps.")] {
        let script = format!(
            "window.loads = (window.loads || 0) + 1;\nif (window.loads < {last} || {last} === 1) {earlier} else {data}"
        );
        fs::write(place.path("run/report/data.js"), script).unwrap();
        let dump = place.path("dump.html");
        let options = ["--virtual-time-budget=20000", "--dump-dom"];
        let out = fs::File::create(&dump).unwrap().into();
        chromium::open(&browser, &place.path("run/report.html"), "", &options, out);
        let page = fs::read_to_string(dump).unwrap();
        assert!(page.contains(words), "{words}: {}", page.split("role=\"status\"").nth(1).unwrap_or_default());
    }
}
