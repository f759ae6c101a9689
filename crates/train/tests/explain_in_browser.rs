//! The page of `train explain` in a real browser: it opens without a network, tests itself (every
//! step, number, key and question; contrast, widths, names), and its screenshots are compared.
//!
//! The browser is Chromium or Chrome, found on the PATH or named by `BACKDRAW_BROWSER`. Without a
//! browser, the tests print a message and pass.

mod chromium;

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use chromium::{Picture, browser};

/// A page in its own temporary folder.
struct Page {
    folder: TempDir,
    name: &'static str,
}

impl Page {
    /// The page that `train explain` writes.
    fn of(name: &'static str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("page.html");
        let run = Command::new(env!("CARGO_BIN_EXE_train"))
            .current_dir(folder.path())
            .args(["explain", "--out"])
            .arg(&out)
            .args(arguments)
            .output()
            .unwrap();
        assert!(run.status.success(), "train explain {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        Self { folder, name }
    }

    fn quickdraw() -> Self {
        Self::of("quickdraw", &["quickdraw", "--preset", "cpu", "--batch", "4"])
    }

    /// The same page with names that contain HTML and JavaScript, to test that the page escapes
    /// them.
    fn hostile(self) -> Self {
        let file = self.folder.path().join("page.html");
        let page = std::fs::read_to_string(&file).unwrap();
        let wish = r#"\u003c/script\u003e\u003cimg src=x onerror=alert(1)\u003e ${alert(1)} \u0026lt; "#;
        let mut changed = page.clone();
        for key in ["label", "title", "path", "name", "rule", "idea"] {
            changed = changed.replace(&format!("\"{key}\":\""), &format!("\"{key}\":\"{wish}"));
        }
        assert_ne!(page, changed);
        // Calls refer to modules by path, so the same text is inserted there.
        changed = changed
            .replace("\"module\":\"", &format!("\"module\":\"{wish}"))
            .replace("\"parent\":\"", &format!("\"parent\":\"{wish}"));
        std::fs::write(file, changed).unwrap();
        Self { name: "hostile", ..self }
    }

    /// Opens the page with this URL fragment and these browser options, and waits until the browser
    /// exits.
    fn open(&self, browser: &Path, fragment: &str, options: &[&str], out: Stdio) {
        chromium::open(browser, &self.folder.path().join("page.html"), fragment, options, out);
    }

    /// The result of the page's self-test.
    fn self_test(&self, browser: &Path, options: &[&str]) -> Value {
        chromium::self_test(browser, &self.folder.path().join("page.html"), options, [1600, 900])
    }

    /// A screenshot of the page with this width and height.
    fn picture(&self, browser: &Path, [width, height]: [u32; 2], fragment: &str) -> Picture {
        let file = self.folder.path().join(format!("{width}-{fragment}.png"));
        let options = [format!("--screenshot={}", file.display()), format!("--window-size={width},{height}")];
        self.open(browser, fragment, &options.each_ref().map(String::as_str), Stdio::null());
        Picture::read(&file, [width, height])
    }
}

fn judge(page: &Page, record: &Value) {
    let failures = record["failures"].as_array().unwrap();
    assert!(failures.is_empty(), "{}: {} failures, {failures:#?}", page.name, failures.len());
    assert_eq!(record["pass"], true, "{}", page.name);
    for test in [
        "walk",
        "gradients",
        "numbers",
        "panels",
        "forks",
        "player",
        "keys",
        "table",
        "address",
        "widths",
        "contrast",
        "access",
    ] {
        assert!(record["checked"][test].as_u64() > Some(0), "{}: {test} checked nothing", page.name);
    }
    assert!(record["probes"].as_u64() > Some(0), "{}: no number was worked out", page.name);
    println!("{}: opened after {} ms, steps {}", page.name, record["opened_ms"], record["step_ms"]);
}

#[test]
fn the_small_pages_pass_their_own_test() {
    let Some(browser) = browser() else { return };
    thread::scope(|scope| {
        for (name, options) in [
            ("scalar", vec![]),
            ("mlp", vec!["--force-prefers-reduced-motion"]),
            ("gan", vec!["--blink-settings=preferredColorScheme=0"]),
        ] {
            let browser = &browser;
            scope.spawn(move || {
                let page = Page::of(name, &["--preset", name]);
                let record = page.self_test(browser, &options);
                judge(&page, &record);
                assert!(
                    name == "gan" || record["checked"]["edit"].as_u64() > Some(0),
                    "{name}: nothing was computed again"
                );
            });
        }
        scope.spawn(|| {
            let page = Page::of("gan", &["--preset", "gan"]).hostile();
            judge(&page, &page.self_test(&browser, &[]));
        });
    });
}

#[test]
fn the_page_of_a_real_step_passes_its_own_test() {
    let Some(browser) = browser() else { return };
    let page = Page::quickdraw();
    let record = page.self_test(&browser, &[]);
    judge(&page, &record);
    assert_eq!(record["questions"], 20, "each was walked in at most three actions");
}

/// Screenshots of five states at three widths: each is filled from top to bottom, and no two are
/// alike.
#[test]
fn the_page_is_there_at_every_width() {
    let Some(browser) = browser() else { return };
    let page = Page::quickdraw();
    let states = [
        "step=20",
        "step=110&view=gradient",
        "step=90&view=numbers&open=1",
        "view=table&step=50",
        "view=whatif&scheme=dark",
    ];
    let shots: Vec<_> =
        [[400, 800], [800, 900], [1600, 900]].into_iter().flat_map(|size| states.map(|state| (size, state))).collect();
    // A browser spends most of its time waiting, so four run at once.
    for row in shots.chunks(4) {
        let pictures: Vec<Picture> = thread::scope(|scope| {
            let shoot = |&(size, state): &([u32; 2], &'static str)| {
                let (page, browser) = (&page, &browser);
                scope.spawn(move || page.picture(browser, size, state))
            };
            let running: Vec<_> = row.iter().map(shoot).collect();
            running.into_iter().map(|shot| shot.join().unwrap()).collect()
        });
        for (picture, (size, state)) in pictures.iter().zip(row) {
            let colors: HashSet<_> = picture.pixels.iter().collect();
            assert!(colors.len() > 40, "{size:?} #{state}: {} colours", colors.len());
            for (band, from, to) in [("head", 0.0, 0.2), ("middle", 0.25, 0.75), ("timeline", 0.82, 1.0)] {
                let detail = picture.detail(from, to);
                assert!(detail > 0.005 && detail < 0.6, "{size:?} #{state}: the {band} has detail {detail}");
            }
        }
        for (a, b) in pictures.iter().zip(&pictures[1..]) {
            assert!(a.width != b.width || a.difference(b) > 0.01, "two states look the same");
        }
    }
}
