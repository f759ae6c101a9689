//! One file over HTTP: into `.name.part`, checked, then renamed. What was received of a file is kept, and the next try asks
//! the server for the rest of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use crate::failure::{Code, Failure};
use crate::storage::{StorageError, folder_of};

/// How often a connection that broke is made again.
const TRIES: u32 = 3;
/// Longest wait for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);
/// No file of a data set is longer.
const LONGEST: u64 = 8 << 30;

/// A file to download.
pub(super) struct Wanted<'a> {
    pub(super) url: String,
    pub(super) path: &'a Path,
    pub(super) length: Option<u64>,
    pub(super) sha256: Option<&'a str>,
}

/// A client for all downloads: it never waits longer than [`PATIENCE`] for a sign of life.
pub(super) fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("backdraw/", env!("CARGO_PKG_VERSION")));
    secured(config).build().into()
}

type Builder = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

/// Whether encrypted connections can be made on this processor.
pub(super) fn can_encrypt() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! all { ($($name:tt)*) => { true $(&& is_x86_feature_detected!($name))* } }
        all!("adx" "aes" "avx" "avx2" "bmi1" "bmi2" "pclmulqdq" "ssse3")
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! all { ($($name:tt)*) => { true $(&& std::arch::is_aarch64_feature_detected!($name))* } }
        all!("aes" "neon" "pmull" "sha2")
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn secured(config: Builder) -> Builder {
    use std::sync::Arc;
    use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::WebPki)
        .unversioned_rustls_crypto_provider(Arc::new(rustls_graviola::default_provider()));
    config.tls_config(tls.build())
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn secured(config: Builder) -> Builder {
    config
}

/// Why a try did not bring the whole file.
enum Trouble {
    /// Another try may go better.
    Broken(String),
    /// It will not.
    Final(String),
    /// The file cannot be written.
    Storage(StorageError),
}

/// Downloads a file. `progress` is told how many bytes of how many there are; `check` looks at the whole file before it gets
/// its name.
///
/// # Errors
/// When the server cannot be reached or does not give the file, when the file is not the one that is known, or cannot be
/// written.
pub(super) fn download(
    agent: &Agent,
    wanted: &Wanted<'_>,
    progress: &mut dyn FnMut(u64, Option<u64>),
    check: &dyn Fn(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failure = |why: String| Failure::new(Code::Network, "the download failed").at(&wanted.url).because(why);
    let part = part_of(wanted.path);
    if wanted.url.starts_with("https:") && !can_encrypt() {
        return Err(failure("encrypted connections need a newer processor than this".into()));
    }
    let mut tries = 0;
    loop {
        let before = length_of(&part);
        match receive(agent, wanted, &part, progress) {
            Ok(()) => break,
            Err(Trouble::Storage(error)) => return Err(error.into()),
            Err(Trouble::Final(why)) => return Err(failure(why)),
            Err(Trouble::Broken(why)) => {
                // Only tries that brought nothing count.
                tries = if length_of(&part) > before { 1 } else { tries + 1 };
                if tries >= TRIES {
                    let kept = length_of(&part);
                    let kept = if kept > 0 {
                        format!("\n{kept} bytes are kept: the same command goes on from there")
                    } else {
                        String::new()
                    };
                    return Err(failure(format!("{why}{kept}")));
                }
            }
        }
    }
    let checked = verify(wanted, &part).and_then(|()| check(&part));
    if let Err(failure) = checked {
        // What is wrong from the start cannot be gone on with. That it is gone is all that matters.
        let _ = fs::remove_file(&part);
        return Err(failure);
    }
    let stored = |error| StorageError::new("write", wanted.path, error);
    File::open(&part).and_then(|file| file.sync_all()).map_err(stored)?;
    fs::rename(&part, wanted.path).map_err(stored)?;
    if cfg!(unix) {
        File::open(folder_of(wanted.path)).and_then(|folder| folder.sync_all()).map_err(stored)?;
    }
    Ok(())
}

/// The name of a file that is not complete.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

fn length_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |about| about.len())
}

/// One request, from where the partial file ends.
fn receive(
    agent: &Agent,
    wanted: &Wanted<'_>,
    part: &Path,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), Trouble> {
    let stored = |error| Trouble::Storage(StorageError::new("write", part, error));
    let present = length_of(part);
    let mut request = agent.get(&wanted.url);
    if present > 0 {
        request = request.header(RANGE, format!("bytes={present}-"));
    }
    let mut response = request.call().map_err(told)?;
    let (from, total) = match response.status() {
        StatusCode::PARTIAL_CONTENT => match range_of(&response) {
            Some((Some(from), total)) if from == present => (from, total),
            // Another part than asked for: from the start, then.
            _ => return restart(part),
        },
        StatusCode::RANGE_NOT_SATISFIABLE if present > 0 => {
            return match range_of(&response) {
                Some((_, Some(total))) if total == present => Ok(()),
                _ => restart(part),
            };
        }
        StatusCode::OK => (0, header(&response, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok())),
        status => return Err(refused(status, &mut response)),
    };
    if let (Some(total), Some(length)) = (total, wanted.length)
        && total != length
    {
        let why = format!("the file there has {total} bytes, the known one has {length}: it is another file");
        return Err(Trouble::Final(why));
    }
    let total = total.or(wanted.length);
    if total.is_some_and(|total| total > LONGEST) {
        return Err(Trouble::Final(format!("the file there is longer than {LONGEST} bytes")));
    }
    let file = OpenOptions::new().create(true).write(true).append(from > 0).truncate(from == 0).open(part);
    let mut file = file.map_err(stored)?;
    let mut received = from;
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        progress(received, total);
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Trouble::Broken(format!("the connection broke: {error}"))),
        };
        file.write_all(&buffer[..count]).map_err(stored)?;
        received += count as u64;
        if received > LONGEST {
            return Err(Trouble::Final(format!("the server sends more than {LONGEST} bytes")));
        }
    }
    match total {
        Some(total) if received < total => {
            Err(Trouble::Broken(format!("the server stopped at {received} of {total} announced bytes")))
        }
        _ => Ok(()),
    }
}

/// Throws the partial file away: the next try begins anew.
fn restart(part: &Path) -> Result<(), Trouble> {
    fs::remove_file(part).map_err(|error| Trouble::Storage(StorageError::new("remove", part, error)))?;
    Err(Trouble::Broken("the server does not go on where the partial file ends".into()))
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// First byte and length of the whole, from `bytes 5-9/10` or `bytes */10`.
fn range_of(response: &Response<Body>) -> Option<(Option<u64>, Option<u64>)> {
    let text = header(response, CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    Some((range.split_once('-').and_then(|(first, _)| first.parse().ok()), total.parse().ok()))
}

/// The status, and how the answer begins.
fn refused(status: StatusCode, response: &mut Response<Body>) -> Trouble {
    let mut start = Vec::new();
    // The status alone will do if there is nothing to read.
    let _ = response.body_mut().as_reader().take(200).read_to_end(&mut start);
    let words: String = String::from_utf8_lossy(&start).split_whitespace().take(12).collect::<Vec<_>>().join(" ");
    let words = words.chars().filter(|letter| !letter.is_control()).collect::<String>();
    let why = format!("the server answered {status}: {words}");
    if status.is_server_error() { Trouble::Broken(why) } else { Trouble::Final(why) }
}

/// What went wrong before there was an answer, in plain words.
fn told(error: ureq::Error) -> Trouble {
    match error {
        ureq::Error::HostNotFound => Trouble::Broken("the server's name is not known: is there a network?".into()),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            Trouble::Final(format!("no secure connection can be made ({error}): is this machine's clock right?"))
        }
        ureq::Error::TooManyRedirects | ureq::Error::BadUri(_) => Trouble::Final(error.to_string()),
        other => Trouble::Broken(format!("the server cannot be reached: {other}")),
    }
}

/// Whether the whole file is the known one.
fn verify(wanted: &Wanted<'_>, part: &Path) -> Result<(), Failure> {
    let failure = |why: String| {
        Failure::new(Code::Network, "the file that came is not the known one").at(&wanted.url).because(why)
    };
    let length = length_of(part);
    if let Some(known) = wanted.length
        && known != length
    {
        return Err(failure(format!("length: {length} bytes\nknown:  {known} bytes")));
    }
    let Some(known) = wanted.sha256 else { return Ok(()) };
    let found = sha256(part).map_err(|error| StorageError::new("read", part, error))?;
    if found != known {
        return Err(failure(format!("SHA-256: {found}\nknown:   {known}")));
    }
    Ok(())
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
