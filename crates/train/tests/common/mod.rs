//! Drives the built binary in a folder of its own.
#![allow(dead_code, reason = "every test file is a program of its own and uses a part of this")]

pub(crate) mod weights;

use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) use tests::program::Outcome;

/// A temporary folder to run the program in.
#[derive(Default)]
pub(crate) struct Place(tests::program::Place);

impl Deref for Place {
    type Target = tests::program::Place;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The program with the arguments in `line`, to be run in this folder.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_train"));
        command.args(line.split_whitespace()).current_dir(self.folder.path());
        // Not as started by `cargo run`: advice then names the binary itself.
        command.env_remove("NO_COLOR").env_remove("CARGO");
        // Servers of these tests are on this machine, which a proxy does not reach.
        for proxy in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
            command.env_remove(proxy).env_remove(proxy.to_lowercase());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn train(&self, line: &str) -> Outcome {
        finish(self.command(line))
    }

    /// Like [`train`](Self::train), but the command must succeed.
    pub(crate) fn good(&self, line: &str) -> Outcome {
        let outcome = self.train(line);
        assert_eq!(outcome.code, Some(0), "train {line}\n{}", outcome.err);
        outcome
    }

    /// Like [`train`](Self::train), but the command must exit with `code` and print all of `words`
    /// on standard error.
    pub(crate) fn bad(&self, line: &str, code: i32, words: &[&str]) {
        self.train(line).assert_failed(&format!("train {line}"), code, words);
    }

    /// Trains `start` (a system and its options) to step `steps` in the folder `whole`, and to step
    /// `at` in the folder `parts`, which is then resumed with the options `more`. Both runs must
    /// end with the same weights. Returns the outcome of the first one.
    pub(crate) fn resumes_to_the_same_bits(&self, start: &str, [at, steps]: [u64; 2], more: &str) -> Outcome {
        let system = start.split_whitespace().next().unwrap_or_default();
        let whole = self.good(&format!("{start} --steps {steps} --out whole"));
        self.good(&format!("{start} --steps {at} --out parts"));
        let parts = self.good(&format!("{system} --resume parts --steps {steps} {more}"));
        assert_eq!(whole.hash(), parts.hash(), "train {start}");
        whole
    }
}

pub(crate) fn finish(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    // Paths are compared as Unix writes them.
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(std::path::MAIN_SEPARATOR, "/");
    Outcome { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A run small enough for a test.
pub(crate) const TINY: &str = "quickdraw --preset cpu --batch 2 --set depth=2";

/// The content of a text file.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether this process ignores the signal with this number, as a process in the background of a
/// script ignores SIGINT. Its child processes then ignore the signal too, so it cannot be tested.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// The option of `kill` that interrupts a process, and the resulting exit code: SIGINT, or SIGTERM
/// if SIGINT is ignored.
pub(crate) fn interrupt() -> (&'static str, i32) {
    if is_ignored(2) { ("-TERM", 143) } else { ("-INT", 130) }
}

/// A zip archive with these files, stored.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let (start, length) = ((all.len() as u32).to_le_bytes(), (content.len() as u32).to_le_bytes());
        let name_length = (name.len() as u16).to_le_bytes();
        let middle = [&[0; 6][..], &crc.sum().to_le_bytes(), &length, &length, &name_length].concat();
        all.extend([b"PK\x03\x04\x14\0\0\0", &middle[..], &[0, 0], name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02\x14\0\x14\0\0\0", &middle[..], &[0; 12], &start, name.as_bytes()].concat());
    }
    let count = (files.len() as u16).to_le_bytes();
    let [size, offset] = [directory.len(), all.len()].map(|length| (length as u32).to_le_bytes());
    all.extend(directory);
    all.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &offset, &[0, 0]].concat());
    all
}
