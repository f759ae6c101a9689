//! Opens pages in headless Chromium, for the tests of the pages that the program writes.

#![allow(dead_code, reason = "every test file is a program of its own and uses a part of this")]

use std::fs::File;
use std::io::{BufReader, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// No page takes longer than this, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(170);

/// Runs the command to its end; panics if it takes longer than [`PATIENCE`].
fn finish(mut command: Command, what: &str) {
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{what}: no end after {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The browser of this machine. If there is none, prints a message and returns None.
pub(crate) fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("BACKDRAW_BROWSER") {
        return Some(named.into());
    }
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file());
    if found.is_none() {
        // Not println!, which cargo keeps to itself while a test passes.
        let _ = writeln!(stderr(), "SKIPPED: no Chromium on the PATH ({}), nor in BACKDRAW_BROWSER", names.join(", "));
    }
    found
}

/// Opens the file `page` with this URL fragment and these browser options, without a network, and
/// waits until the browser exits.
pub(crate) fn open(browser: &Path, page: &Path, fragment: &str, options: &[&str], out: Stdio) {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .args(["--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(options)
        .arg(format!("file://{}#{fragment}", page.display()))
        .stdout(out)
        .stderr(Stdio::null());
    finish(command, &format!("{} at #{fragment}", page.display()));
}

/// The result of the self-test of the file `page`, in a window of this width and height.
pub(crate) fn self_test(browser: &Path, page: &Path, options: &[&str], [width, height]: [u32; 2]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump.html");
    let size = format!("--window-size={width},{height}");
    let options = [options, &["--dump-dom", &size]].concat();
    open(browser, page, "selftest", &options, File::create(&dump).unwrap().into());
    let dump = std::fs::read_to_string(dump).unwrap();
    let (_, record) = dump
        .split_once(r#"<script type="application/json" id="selftest">"#)
        .unwrap_or_else(|| panic!("{}: the page left no record ({} bytes)", page.display(), dump.len()));
    serde_json::from_str(record.split("</script>").next().unwrap()).unwrap()
}

pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Reads a screenshot, which must have this width and height.
    pub(crate) fn read(file: &Path, [width, height]: [u32; 2]) -> Self {
        let mut reader = png::Decoder::new(BufReader::new(File::open(file).unwrap())).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let channels = info.color_type.samples();
        let pixels = bytes.chunks_exact(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        assert_eq!([info.width, info.height], [width, height]);
        Self { width: width as usize, pixels }
    }

    /// The share of pixels that differ from their left neighbour, between two heights given as
    /// shares.
    pub(crate) fn detail(&self, from: f64, to: f64) -> f64 {
        let rows = self.pixels.len() / self.width;
        let band = &self.pixels[(from * rows as f64) as usize * self.width..(to * rows as f64) as usize * self.width];
        let changes = band.windows(2).filter(|pair| pair[0] != pair[1]).count();
        changes as f64 / band.len() as f64
    }

    pub(crate) fn difference(&self, other: &Self) -> f64 {
        let differing = self.pixels.iter().zip(&other.pixels).filter(|(a, b)| a != b).count();
        differing as f64 / self.pixels.len() as f64
    }
}
