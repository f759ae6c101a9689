//! One file over HTTP: into `.name.part`, checked, then renamed. A partial download is kept; the
//! next attempt requests the rest, if the file on the server has not changed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use datasets::advice;
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use ureq::http::{HeaderName, StatusCode};

use super::client::{self, Body, Head, Request, can_encrypt};
use super::partial::{Origin, Partial};
use crate::failure::{Code, Failure};
use crate::storage::StorageError;

/// The download fails after this many consecutive attempts without new data.
const TRIES: u32 = 3;
/// The error for an HTML response.
const A_PAGE: &str = "received a web page instead of the file: does this network require a login?";
/// An upper bound for the size of a file.
const LONGEST: u64 = 8 << 30;

/// A file to download.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) path: &'a Path,
    pub(super) length: Option<u64>,
    pub(super) sha256: Option<&'a str>,
}

/// Why an attempt did not complete the file.
pub(super) enum Trouble {
    /// Temporary: worth another attempt.
    Broken(String),
    /// Permanent.
    Final(String),
    /// The file cannot be written.
    Storage(StorageError),
    /// The user asked to stop.
    Stopped,
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Downloads a file. `progress` receives the number of bytes so far and the total; `check` verifies
/// the complete file before it gets its final name.
///
/// # Errors
/// When the server cannot be reached or does not have the file, when the file is not the expected
/// one or cannot be written, and when the user asks to stop.
pub(super) fn download(
    agent: &Agent,
    wanted: &Wanted<'_>,
    progress: &mut dyn FnMut(u64, Option<u64>),
    check: &dyn Fn(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if wanted.url.starts_with("https:") && !can_encrypt() {
        return Err(failed(wanted).because(
            "encrypted connections need a newer processor: x86-64 with AVX2 and AES, or 64-bit ARM with AES",
        ));
    }
    let partial = Partial::of(wanted.path);
    loop {
        let gone_on_with = partial.length() > 0;
        receive_all(agent, wanted, &partial, progress)?;
        let checked = verify(wanted, partial.path()).and_then(|()| check(partial.path()));
        match checked {
            Ok(()) => return Ok(partial.finish()?),
            Err(failure) => {
                // A wrong file cannot be resumed.
                partial.discard()?;
                // The first part may come from another version of the file: try once more, from the
                // first byte.
                if !gone_on_with {
                    return Err(failure);
                }
            }
        }
    }
}

fn failed(wanted: &Wanted<'_>) -> Failure {
    Failure::new(Code::Network, "the download failed").at(wanted.url)
}

/// Repeats attempts until the partial file is complete.
fn receive_all(
    agent: &Agent,
    wanted: &Wanted<'_>,
    partial: &Partial,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), Failure> {
    let (mut tries, mut most) = (0, partial.length());
    loop {
        let why = match receive(agent, wanted, partial, progress) {
            Ok(()) => return Ok(()),
            Err(Trouble::Storage(error)) => {
                return Err(Failure::new(Code::Storage, format!("cannot {} the downloaded file", error.doing))
                    .at(error.path.display())
                    .because(format!("{}{}", error.source, kept(partial)))
                    .help(advice!("disk-full-while-downloading", "free some space, then run the same command again")));
            }
            Err(Trouble::Final(why)) => return Err(failed(wanted).because(why)),
            Err(Trouble::Stopped) => {
                return Err(Failure::new(Code::Interrupted, "stopped before the download was complete")
                    .at(wanted.url)
                    .because(format!("you stopped it{}", kept(partial))));
            }
            Err(Trouble::Broken(why)) => why,
        };
        // Only attempts that received nothing new count.
        let length = partial.length();
        tries = if length > most { 1 } else { tries + 1 };
        most = most.max(length);
        if tries >= TRIES {
            return Err(failed(wanted).because(format!("{why}{}", kept(partial))));
        }
    }
}

/// A message about what is kept for the next attempt.
fn kept(partial: &Partial) -> String {
    match (partial.length(), partial.origin()) {
        (0, _) | (_, None) => String::new(),
        (bytes, Some(_)) => format!("\n{bytes} bytes are kept: the same command continues from there"),
    }
}

/// One request: for the rest of the partial file, or for the whole file.
fn receive(
    agent: &Agent,
    wanted: &Wanted<'_>,
    partial: &Partial,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), Trouble> {
    let (known, request) = request(wanted, partial)?;
    let (head, mut body) = client::ask(agent, &request)?;
    let going_on = match head.status {
        StatusCode::PARTIAL_CONTENT => {
            let same = match head.range() {
                Some((Some(from), total)) => from == request.from && agrees(&head, total, &known),
                _ => false,
            };
            if request.from == 0 || !same {
                return restart(partial);
            }
            true
        }
        StatusCode::RANGE_NOT_SATISFIABLE if request.from > 0 => {
            return match head.range() {
                Some((_, total @ Some(length))) if length == request.from && agrees(&head, total, &known) => Ok(()),
                _ => restart(partial),
            };
        }
        StatusCode::OK => false,
        status => {
            let why = format!("the server answered {status}: {}", body.words());
            return Err(if status.is_server_error() { Trouble::Broken(why) } else { Trouble::Final(why) });
        }
    };
    refuse_other_forms(wanted, &head)?;
    let (from, total) = match going_on {
        true => (request.from, head.range().and_then(|(_, total)| total).or(known.length)),
        false => (0, head.length()),
    };
    if let (Some(total), Some(length)) = (total, wanted.length)
        && total != length
    {
        let why = format!("the server's file has {total} bytes instead of {length}: it has changed");
        return Err(Trouble::Final(why));
    }
    if total.is_some_and(|total| total > LONGEST) {
        return Err(Trouble::Final(format!("the server's file is longer than {LONGEST} bytes")));
    }
    let first = body.next()?;
    if !going_on && first.as_deref().is_some_and(|bytes| bytes.trim_ascii_start().starts_with(b"<")) {
        return Err(Trouble::Final(A_PAGE.into()));
    }
    let file = if going_on {
        partial.go_on()?
    } else {
        let origin = Origin {
            url: wanted.url.to_owned(),
            etag: head.header(&ETAG).map(str::to_owned),
            last_modified: head.header(&LAST_MODIFIED).map(str::to_owned),
            length: total,
        };
        partial.begin(&origin)?
    };
    write(file, (first, &mut body), (from, total.or(wanted.length)), partial, progress)
}

/// What to request, and what is known about the server's file.
fn request(wanted: &Wanted<'_>, partial: &Partial) -> Result<(Origin, Request), Trouble> {
    let from = partial.length();
    let known = partial.origin().filter(|origin| origin.url == wanted.url);
    let if_still = known.as_ref().and_then(|origin| origin.validator().map(str::to_owned));
    let too_long = wanted.length.is_some_and(|length| from > length);
    // If the server gives no way to detect a changed file, only a known hash can show whether the
    // two parts belong together.
    if from > 0 && (too_long || if_still.is_none() && wanted.sha256.is_none()) {
        partial.discard()?;
        return request(wanted, partial);
    }
    let request = Request { url: wanted.url.to_owned(), from, if_still };
    Ok((known.unwrap_or_default(), request))
}

/// Whether the response is about the known file.
fn agrees(head: &Head, length: Option<u64>, known: &Origin) -> bool {
    let same = |header: &HeaderName, known: &Option<String>| match (head.header(header), known) {
        (Some(there), Some(here)) => there == here,
        _ => true,
    };
    let same_length = length.is_none() || known.length.is_none() || length == known.length;
    same_length && same(&ETAG, &known.etag) && same(&LAST_MODIFIED, &known.last_modified)
}

/// Discards the partial file, so the next attempt starts from the first byte.
fn restart(partial: &Partial) -> Result<(), Trouble> {
    partial.discard()?;
    Err(Trouble::Broken("the server does not continue where the partial file ends".into()))
}

/// Rejects web pages and unexpected encodings before anything is written.
fn refuse_other_forms(wanted: &Wanted<'_>, head: &Head) -> Result<(), Trouble> {
    let kind = head.header(&CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("text/html") {
        return Err(Trouble::Final(A_PAGE.into()));
    }
    let coding = head.header(&CONTENT_ENCODING).unwrap_or("identity").trim().to_ascii_lowercase();
    // Some servers declare a `.gz` file as a gzip-encoded response, but send it unchanged.
    let as_it_is = matches!(coding.as_str(), "gzip" | "x-gzip") && wanted.url.ends_with(".gz");
    if !matches!(coding.as_str(), "identity" | "") && !as_it_is {
        return Err(Trouble::Final(format!("the server compresses the file with `{coding}`, which was not requested")));
    }
    Ok(())
}

/// Writes the body after the first `from` of `total` bytes.
fn write(
    mut file: File,
    (first, body): (Option<Vec<u8>>, &mut Body),
    (from, total): (u64, Option<u64>),
    partial: &Partial,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), Trouble> {
    let mut received = from;
    progress(received, total);
    let mut next = first;
    while let Some(bytes) = next {
        file.write_all(&bytes).map_err(|error| StorageError::new("write", partial.path(), error))?;
        received += bytes.len() as u64;
        progress(received, total);
        if received > LONGEST {
            partial.discard()?;
            return Err(Trouble::Final(format!("the server sends more than {LONGEST} bytes")));
        }
        next = body.next()?;
    }
    match total {
        Some(total) if received < total => {
            Err(Trouble::Broken(format!("the server stopped at {received} of {total} announced bytes")))
        }
        Some(total) if received > total => restart(partial),
        _ => Ok(()),
    }
}

/// Whether the complete file is the expected one.
fn verify(wanted: &Wanted<'_>, part: &Path) -> Result<(), Failure> {
    let failure = |why: String| {
        Failure::new(Code::Network, "the downloaded file is not the expected one").at(wanted.url).because(why)
    };
    let unreadable = |error| StorageError::new("read", part, error);
    let length = part.metadata().map_err(unreadable)?.len();
    if let Some(known) = wanted.length
        && known != length
    {
        return Err(failure(format!("length:   {length} bytes\nexpected: {known} bytes")));
    }
    let Some(known) = wanted.sha256 else { return Ok(()) };
    let found = sha256(part).map_err(unreadable)?;
    if found != known {
        return Err(failure(format!("SHA-256:  {found}\nexpected: {known}")));
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
