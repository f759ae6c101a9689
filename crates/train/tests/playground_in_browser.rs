//! The playground in a real browser: its site is built and served, the page tests itself, and the
//! hashes that it found are those of the native engine.
//!
//! Without a browser, or without the target wasm32-unknown-unknown, the tests print a message and
//! pass.

mod chromium;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, stderr};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use playground::{Link, Session, drawings, site};
use serde_json::Value;
use sha2::{Digest, Sha256};

use chromium::browser;

/// No self-test takes longer than this, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(170);
/// The most bytes, compressed, that a first use loads: the page, the worker and the larger module.
const MOST_BYTES: usize = 370_000;

/// In the query of an address: makes the server send the end of the page only after [`SLOW`].
const SLOWLY: &str = "slowly";
const SLOW: Duration = Duration::from_secs(15);
/// The end of a page.
const END: &[u8] = b"</html>\n";

/// The site, built once; None if the target is missing, after a message.
fn built() -> Option<&'static Path> {
    static SITE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let site = SITE.get_or_init(|| {
        if let Err(why) = site::has_target() {
            let _ = writeln!(stderr(), "SKIPPED: the playground: {why}");
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("playground");
        site::build(&folder).unwrap();
        Some(folder)
    });
    site.as_deref()
}

/// Serves the files of `folder` on a port of this machine; returns the address.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            thread::spawn(move || answer(stream, &folder));
        }
    });
    address
}

/// Answers one request for a file.
fn answer(mut stream: TcpStream, folder: &Path) -> Option<()> {
    let mut line = String::new();
    BufReader::new(stream.try_clone().ok()?).read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.split('?').next()?.trim_start_matches('/');
    let name = if path.is_empty() { "index.html" } else { path };
    let kind = match name.rsplit('.').next()? {
        "html" => "text/html",
        "js" => "text/javascript",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    };
    let mut bytes = Vec::new();
    let found =
        !name.contains('/') && File::open(folder.join(name)).and_then(|mut file| file.read_to_end(&mut bytes)).is_ok();
    let status = if found { "200 OK" } else { "404 Not Found" };
    let length = bytes.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    // The browser takes a picture once it has the whole page. Its script runs before that.
    let (most, rest) = bytes.split_at(bytes.len().saturating_sub(END.len()));
    stream.write_all(most).ok()?;
    if line.contains(SLOWLY) && rest == END {
        thread::sleep(SLOW);
    }
    stream.write_all(rest).ok()
}

/// A browser that ends when the test does.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Opens `address` and returns what the page writes to the console after `mark`.
fn console(browser: &Path, address: &str, options: &[&str], mark: &'static str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--enable-logging=stderr", "--log-level=0", "--remote-debugging-port=0"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(options)
        .arg(address)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut browser = Browser(command.spawn().unwrap());
    let lines = BufReader::new(browser.0.stderr.take().unwrap());
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once(mark) {
                let _ = send.send(rest.to_owned());
            }
        }
    });
    receive.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{address}: no {mark}in {PATIENCE:?}"))
}

/// The record that the page at `address` writes at the end of its self-test.
fn self_test(browser: &Path, address: &str, options: &[&str]) -> Value {
    let text = console(browser, address, &[options, &["--window-size=1400,1000"]].concat(), "SELFTEST ");
    let end = text.rfind('}').expect("the record is an object");
    let record = text[..=end].replace("\\\"", "\"");
    serde_json::from_str(&text[..=end]).or_else(|_| serde_json::from_str(&record)).unwrap_or_else(|_| panic!("{text}"))
}

/// Compares the hashes of the page with those of the native engine.
fn assert_passed(record: &Value, name: &str) {
    assert_eq!(record["pass"], true, "{name}: {:#}", record["failures"]);
    let hashes = record["hashes"].as_object().unwrap();
    assert!(hashes.len() >= 7, "{name}: {hashes:?}");
    for (text, hash) in hashes {
        let link = Link::parse(text).unwrap();
        let native = Session::at(&link, &drawings::pictures_of(&link)).unwrap().hash();
        assert_eq!(hash, &native, "{name}: {text} has different bits in the browser");
    }
}

#[test]
fn the_page_tests_itself_and_has_the_bits_of_the_native_engine() {
    let Some(browser) = browser() else { return };
    let Some(folder) = built() else { return };
    let address = format!("{}/selftest.html#selftest", serve(folder.to_owned()));
    let fused = self_test(&browser, &address, &[]);
    let _ = writeln!(
        stderr(),
        "{}: opened in {} ms, {} steps a second, frames {}",
        fused["kind"],
        fused["opened_ms"],
        fused["steps_a_second"],
        fused["frame_ms"]
    );
    assert_passed(&fused, "as the browser likes");
}

/// Without fused multiply-adds, the page uses the other module, which has the same bits.
#[test]
fn the_module_for_browsers_that_do_not_fuse_has_the_same_bits() {
    let Some(browser) = browser() else { return };
    let Some(folder) = built() else { return };
    let address = format!("{}/selftest.html#selftest=hashes", serve(folder.to_owned()));
    let unfused = self_test(&browser, &address, &["--js-flags=--no-enable-fma3"]);
    // V8 has this switch for x86-64 only.
    assert!(unfused["kind"] == "simd" || !cfg!(target_arch = "x86_64"), "{}", unfused["kind"]);
    assert_passed(&unfused, "without fused multiply-adds");
}

/// A copy of the site, in which these scripts run before the page's own and before the worker's.
fn with_scripts(folder: &Path, [script, in_worker]: [&str; 2]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let page = site::self_testing_html();
    let (before, policy) = page.split_once("script-src ").unwrap();
    let (_, after) = policy.split_once(';').unwrap();
    let page = format!("{before}script-src 'unsafe-inline';{after}");
    let page = page.replacen("<body>", &format!("<body><script>{script}</script>"), 1);
    std::fs::write(copy.path().join("selftest.html"), page).unwrap();
    let worker = copy.path().join("worker.js");
    let own = std::fs::read_to_string(&worker).unwrap();
    std::fs::write(worker, format!("{in_worker};{own}")).unwrap();
    copy
}

#[test]
fn the_page_says_what_the_browser_lacks_and_what_still_works() {
    let Some(browser) = browser() else { return };
    let Some(folder) = built() else { return };
    let served = |folder: &Path| format!("{}/selftest.html#selftest", serve(folder.to_owned()));
    let file = format!("file://{}#selftest", folder.join("selftest.html").display());
    let without_workers = with_scripts(folder, ["delete window.Worker", ""]);
    let without_modules = with_scripts(folder, ["", "delete self.WebAssembly"]);
    let lacking = [
        ("no SIMD", served(folder), "--js-flags=--no-enable-sse4-1 --no-enable-ssse3", "no WebAssembly SIMD"),
        ("no WebAssembly", served(without_modules.path()), "", "no WebAssembly, or it is switched off"),
        ("no workers", served(without_workers.path()), "", "no web workers"),
        ("a file", file, "", "opened as a file cannot load its engine"),
        ("little memory", served(folder), "--js-flags=--wasm-max-mem-pages=4", "too little memory"),
    ];
    for (name, address, option, words) in lacking {
        // V8 has these switches for x86-64 only.
        if name == "no SIMD" && !cfg!(target_arch = "x86_64") {
            continue;
        }
        let options: Vec<&str> = [option].into_iter().filter(|option| !option.is_empty()).collect();
        let record = self_test(&browser, &address, &options);
        let missing = record["missing"].as_str().unwrap_or_else(|| panic!("{name}: the page starts: {record:#}"));
        assert!(missing.contains(words) && missing.contains("train playground-hash"), "{name}: {missing}");
        assert_eq!(record["is_seen"], true, "{name}");
        assert_eq!(record["works"], serde_json::json!(["show-help", "scheme"]), "{name}");
        assert_eq!(record["troubles"], serde_json::json!([]), "{name}");
        assert!(record["texts"].as_u64() > Some(500), "{name}: the texts are gone");
    }
}

#[test]
fn the_page_says_when_the_memory_runs_out_during_training() {
    let Some(browser) = browser() else { return };
    let Some(folder) = built() else { return };
    let address = format!("{}/selftest.html#selftest=memory", serve(folder.to_owned()));
    let record = self_test(&browser, &address, &["--js-flags=--wasm-max-mem-pages=100"]);
    assert_eq!(record["pass"], true, "{:#}", record["failures"]);
}

/// The picture of the page in the README, `.png`, and a description of what it shows, `.txt`.
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/gallery/playground");
/// The link that the picture shows.
const IN_PICTURE: &str = "points&run=946";

/// What the picture shows: the hash of the weights, and one of everything that is drawn with them.
fn shown() -> String {
    let link = Link::parse(IN_PICTURE).unwrap();
    let session = Session::at(&link, &[]).unwrap();
    let gan = session.points().unwrap();
    let view = gan.view(session.settings());
    let numbers = [&view.fakes, &view.arrows, &view.heights].map(|tensor| tensor.data());
    let mut drawn = Sha256::new();
    numbers.concat().iter().for_each(|number| drawn.update(number.to_le_bytes()));
    site::visible().iter().for_each(|text| drawn.update(text));
    let drawn: String = drawn.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("link: #{link}\nweights hash: {}\nnumbers, texts and styles: {drawn}\n", session.hash())
}

/// The pixels depend on the browser and its fonts, so the test compares what they show.
#[test]
fn the_picture_of_the_readme_is_of_this_page() {
    let recorded = std::fs::read_to_string(format!("{PICTURE}.txt")).unwrap_or_default();
    assert!(
        recorded == shown(),
        "data/gallery/playground.png is outdated: take it again with \
         `cargo test -p train --test playground_in_browser -- --ignored`, and look at it"
    );
}

#[test]
#[ignore = "takes the picture of the README again"]
fn takes_the_picture_of_the_readme() {
    let Some(browser) = browser() else { panic!("a browser is needed") };
    let Some(folder) = built() else { panic!("the target is needed") };
    let address = format!("{}/?scheme=light&{SLOWLY}#{IN_PICTURE}", serve(folder.to_owned()));
    let profile = tempfile::tempdir().unwrap();
    let status = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=900,780"])
        .args(["--timeout=30000", &format!("--screenshot={PICTURE}.png")])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(address)
        .status();
    assert!(status.unwrap().success());
    std::fs::write(format!("{PICTURE}.txt"), shown()).unwrap();
}

#[test]
fn the_site_is_small_and_complete() {
    let Some(folder) = built() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let packed = |name: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&read(name)).unwrap();
        packer.finish().unwrap().len()
    };
    for module in ["playground-simd.wasm", "playground-relaxed.wasm"] {
        let sizes = ["index.html", "worker.js", module].map(packed);
        assert!(sizes.iter().sum::<usize>() < MOST_BYTES, "{module}: {sizes:?} bytes to the first use");
    }
    let page = String::from_utf8(read("index.html")).unwrap();
    for loader in
        ["XMLHttpRequest", "import(", "importScripts", "WebSocket", "innerHTML", "eval(", "localStorage", "https://"]
    {
        assert!(!page.contains(loader), "the page uses {loader}");
    }
}

/// What the command line prints for a link is what the library computes.
#[test]
fn the_command_line_prints_the_hash_of_a_link() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_train")).arg("playground-hash").args(arguments).output().unwrap()
    };
    let printed = run(&["--link", "http://localhost:8000/#points&loss=hinge&run=2", "--steps", "3"]);
    let link = Link::parse("points&loss=hinge&run=5").unwrap();
    let session = Session::at(&link, &[]).unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(text, format!("link: #{link}\nturns: 5 of D, 5 of G\nweights hash: {}\n", session.hash()));
    let damaged = run(&["--link", "points&seed=x"]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&damaged.stderr).contains("is not a number"));
}
