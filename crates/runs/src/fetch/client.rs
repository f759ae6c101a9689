//! The connection to the server. Everything that blocks runs on a separate thread, so Ctrl-C takes
//! effect at once.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, IF_RANGE, RANGE};
use ureq::http::{HeaderMap, HeaderName, StatusCode};
use ureq::{Agent, Proxy};

use super::download::Trouble;
use crate::signals;

/// The longest wait for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often Ctrl-C is checked.
const GLANCE: Duration = Duration::from_millis(50);
/// Bytes per read.
const PIECE: usize = 1 << 16;

/// A client for all downloads, with [`PATIENCE`] as timeout and the proxy set in the environment.
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

/// Whether this processor supports the encryption of TLS.
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

/// The byte range to request.
pub(super) struct Request {
    pub(super) url: String,
    /// The first byte; 0 for the whole file.
    pub(super) from: u64,
    /// Only if the server still has this version of the file, identified by `ETag` or modification
    /// time.
    pub(super) if_still: Option<String>,
}

/// A message from the thread.
enum Event {
    Head(Head),
    Bytes(Vec<u8>),
    Trouble(Trouble),
}

/// The response without its body.
pub(super) struct Head {
    pub(super) status: StatusCode,
    headers: HeaderMap,
}

impl Head {
    /// A header as text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The length of the body, if the server announces it.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(&CONTENT_LENGTH)?.parse().ok()
    }

    /// The first byte and the total length, from `bytes 5-9/10` or `bytes */10`.
    pub(super) fn range(&self) -> Option<(Option<u64>, Option<u64>)> {
        let text = self.header(&CONTENT_RANGE)?.strip_prefix("bytes ")?;
        let (range, total) = text.split_once('/')?;
        Some((range.split_once('-').and_then(|(first, _)| first.parse().ok()), total.parse().ok()))
    }
}

/// The body of a response, read in pieces.
pub(super) struct Body(Receiver<Event>);

impl Body {
    /// The next bytes, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        match wait(&self.0)? {
            Some(Event::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Event::Trouble(trouble)) => Err(trouble),
            Some(Event::Head(_)) | None => Ok(None),
        }
    }

    /// The beginning of the body as text.
    pub(super) fn words(&mut self) -> String {
        // If there is no body, the status alone has to do.
        let start = self.next().ok().flatten().unwrap_or_default();
        let start = String::from_utf8_lossy(&start[..start.len().min(200)]).into_owned();
        let words = start.split_whitespace().take(12).collect::<Vec<_>>().join(" ");
        words.chars().filter(|letter| !letter.is_control()).collect()
    }
}

/// Sends the request, and returns the response.
pub(super) fn ask(agent: &Agent, request: &Request) -> Result<(Head, Body), Trouble> {
    let mut call = agent.get(&request.url).header(ACCEPT_ENCODING, "identity");
    if request.from > 0 {
        call = call.header(RANGE, format!("bytes={}-", request.from));
    }
    if let Some(known) = &request.if_still {
        call = call.header(IF_RANGE, known);
    }
    // The channel holds few pieces, so a slow disk slows the download down instead of filling the
    // memory.
    let (tell, events) = sync_channel(4);
    // The thread ends with the body, with an error, or when the receiver is dropped; at the latest
    // with the process.
    thread::spawn(move || {
        let response = match call.call() {
            Ok(response) => response,
            Err(error) => return drop(tell.send(Event::Trouble(trouble_of(error)))),
        };
        let (head, body) = response.into_parts();
        let mut heard = tell.send(Event::Head(Head { status: head.status, headers: head.headers })).is_ok();
        let mut body = body.into_reader();
        let mut piece = vec![0; PIECE];
        while heard {
            let event = match body.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => Event::Bytes(piece[..count].to_vec()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Event::Trouble(Trouble::Broken(format!("the connection broke: {error}"))),
            };
            heard = !matches!(event, Event::Trouble(_)) & tell.send(event).is_ok();
        }
    });
    match wait(&events)? {
        Some(Event::Head(head)) => Ok((head, Body(events))),
        Some(Event::Trouble(trouble)) => Err(trouble),
        Some(Event::Bytes(_)) | None => Err(Trouble::Broken("the server gave no answer".into())),
    }
}

/// The next event; `None` after the last one.
fn wait(events: &Receiver<Event>) -> Result<Option<Event>, Trouble> {
    loop {
        if signals::asked() {
            return Err(Trouble::Stopped);
        }
        match events.recv_timeout(GLANCE) {
            Ok(event) => return Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// Describes an error that came before any response.
fn trouble_of(error: ureq::Error) -> Trouble {
    match error {
        ureq::Error::HostNotFound => {
            Trouble::Broken(format!("the server's name cannot be resolved{}: is this machine online?", proxy()))
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            Trouble::Final(format!("no secure connection can be made ({error}): is this machine's clock right?"))
        }
        ureq::Error::TooManyRedirects | ureq::Error::BadUri(_) => Trouble::Final(error.to_string()),
        ureq::Error::ConnectProxyFailed(why) => Trouble::Broken(format!("the proxy refused{}: {why}", proxy())),
        other => Trouble::Broken(format!("the server cannot be reached{}: {other}", proxy())),
    }
}

/// The proxy set in the environment, without its password.
fn proxy() -> String {
    Proxy::try_from_env().map_or_else(String::new, |proxy| format!(" (by the proxy {}:{})", proxy.host(), proxy.port()))
}
