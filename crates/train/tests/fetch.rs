//! Downloads from a server that runs in a thread of the test and behaves well or badly.

mod common;

use common::{Place, finish, text};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const USAGE: i32 = 2;
const NETWORK: i32 = 8;

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Correctly, with ranges if requested.
    Good,
    /// Ignores range requests.
    WithoutRanges,
    /// Supports ranges, but sends no `ETag` or modification time.
    WithoutValidators,
    /// Claims that a range begins one byte later than requested; every response ends after this
    /// many bytes.
    WrongRange(usize),
    /// The first response ends after this many bytes of the body; later ones are correct.
    BreaksOnce(usize),
    /// Every response ends after this many bytes.
    AlwaysBreaks(usize),
    /// Chunked, without a length; the last chunk is missing.
    ChunksWithoutEnd,
    /// Sends nothing after this many bytes, but keeps the connection open.
    Stalls(usize),
    /// Like `Stalls`, without validators.
    StallsWithoutValidators(usize),
    /// Sends the body slowly, in pieces of this many bytes, with a tenth of a second between them.
    Slow(usize),
    /// This status, with an HTML page.
    Refuses(&'static str),
    /// An HTML page, as sent by networks that require a login.
    Page,
    /// The file, with this `Content-Encoding`.
    Packed(&'static str),
    /// Redirects to itself.
    Redirects,
    /// An HTTP proxy that accepts a connection to any address and responds itself.
    Proxy,
    /// Like `Proxy`, with SOCKS 5.
    Socks,
}

/// A server with one file.
struct Server {
    address: String,
    /// The file, and the `ETag` of its version.
    file: Arc<Mutex<(Vec<u8>, &'static str)>>,
    manner: Arc<Mutex<Manner>>,
    /// The `Range` of each request, empty without one.
    ranges: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Changes its behaviour from now on.
    fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn changes_to(&self, file: Vec<u8>, etag: &'static str) {
        *self.file.lock().unwrap() = (file, etag);
    }

    fn requests(&self) -> Vec<String> {
        self.ranges.lock().unwrap().clone()
    }
}

const FIRST: &str = "\"first\"";
const SECOND: &str = "\"second\"";

fn serve(file: Vec<u8>, manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let manner = Arc::new(Mutex::new(manner));
    let server = Server { address, file: Arc::new(Mutex::new((file, FIRST))), manner, ranges: Arc::default() };
    let (file, manner, ranges) = (server.file.clone(), server.manner.clone(), server.ranges.clone());
    let count = AtomicUsize::new(0);
    // The threads end with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (file, manner, ranges) = (file.lock().unwrap().clone(), *manner.lock().unwrap(), ranges.clone());
            let number = count.fetch_add(1, Ordering::Relaxed);
            // An error is expected: in some tests the client closes the connection.
            std::thread::spawn(move || drop(answer(stream, (&file.0, file.1), manner, &ranges, number)));
        }
    });
    server
}

/// Reads a request and returns its first line, its range and its `If-Range`.
fn request(lines: &mut impl BufRead) -> std::io::Result<[String; 3]> {
    let mut found = [const { String::new() }; 3];
    for (number, line) in lines.lines().enumerate() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if number == 0 {
            found[0] = line;
        } else if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            found[1] = range.to_owned();
        } else if line.to_lowercase().starts_with("if-range: ") {
            found[2] = line["if-range: ".len()..].to_owned();
        }
    }
    Ok(found)
}

fn answer(
    stream: TcpStream,
    (file, etag): (&[u8], &str),
    manner: Manner,
    seen: &Mutex<Vec<String>>,
    number: usize,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    if manner == Manner::Proxy {
        let [connect, ..] = request(&mut lines)?;
        seen.lock().unwrap().push(connect);
        write!(stream, "HTTP/1.1 200 Connection established\r\n\r\n")?;
    } else if manner == Manner::Socks {
        let mut greeting = [0; 3];
        lines.read_exact(&mut greeting)?;
        stream.write_all(&[5, 0])?;
        let mut start = [0; 5];
        lines.read_exact(&mut start)?;
        let mut name = vec![0; if start[3] == 3 { usize::from(start[4]) } else { 3 } + 2];
        lines.read_exact(&mut name)?;
        seen.lock().unwrap().push(format!("socks {}", String::from_utf8_lossy(&name[..name.len() - 2])));
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    }
    let [_, mut range, if_range] = request(&mut lines)?;
    seen.lock().unwrap().push(range.clone());
    if !if_range.is_empty() && if_range != etag {
        range.clear();
    }
    let head = |status: &str, more: String| format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n");
    let page = "<html><body>not here</body></html>";
    let version = match manner {
        Manner::WithoutValidators | Manner::StallsWithoutValidators(_) => String::new(),
        _ => format!("ETag: {etag}\r\n"),
    };
    let from: usize = match manner {
        Manner::Refuses(status) => {
            return write!(stream, "{}{page}", head(status, format!("Content-Length: {}\r\n", page.len())));
        }
        Manner::Page => {
            let more = format!("Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n", page.len());
            return write!(stream, "{}{page}", head("200 OK", more));
        }
        Manner::Redirects => {
            return write!(stream, "{}", head("302 Found", "Location: /again.npy\r\nContent-Length: 0\r\n".into()));
        }
        Manner::ChunksWithoutEnd => {
            write!(stream, "{}", head("200 OK", format!("Transfer-Encoding: chunked\r\n{version}")))?;
            let half = &file[..file.len() / 2];
            write!(stream, "{:x}\r\n", half.len())?;
            stream.write_all(half)?;
            return stream.write_all(b"\r\n");
        }
        Manner::WithoutRanges => 0,
        _ => range.trim_end_matches('-').parse().unwrap_or(0),
    };
    if from >= file.len() && from > 0 {
        let more = format!("Content-Range: bytes */{}\r\n{version}", file.len());
        return write!(stream, "{}", head("416 Range Not Satisfiable", more));
    }
    let body = &file[from..];
    let mut more = format!("Content-Length: {}\r\n{version}", body.len());
    if let Manner::Packed(coding) = manner {
        more += &format!("Content-Encoding: {coding}\r\n");
    }
    if from > 0 {
        let claimed = from + usize::from(matches!(manner, Manner::WrongRange(_)));
        more += &format!("Content-Range: bytes {claimed}-{}/{}\r\n", file.len() - 1, file.len());
        write!(stream, "{}", head("206 Partial Content", more))?;
    } else {
        write!(stream, "{}", head("200 OK", more))?;
    }
    let sent = match manner {
        Manner::BreaksOnce(bytes) if number == 0 => bytes.min(body.len()),
        Manner::AlwaysBreaks(bytes)
        | Manner::WrongRange(bytes)
        | Manner::Stalls(bytes)
        | Manner::StallsWithoutValidators(bytes) => bytes.min(body.len()),
        _ => body.len(),
    };
    if let Manner::Slow(bytes) = manner {
        for piece in body.chunks(bytes) {
            stream.write_all(piece)?;
            std::thread::sleep(Duration::from_millis(100));
        }
        return Ok(());
    }
    stream.write_all(&body[..sent])?;
    if let Manner::Stalls(_) | Manner::StallsWithoutValidators(_) = manner {
        std::thread::sleep(Duration::from_secs(60));
    }
    Ok(())
}

/// A file of `count` doodles.
fn doodles(count: usize) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 784), }}");
    let padding = (11 + header.len()).next_multiple_of(64) - 11 - header.len();
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len() + padding + 1).unwrap().to_le_bytes());
    file.extend(header.bytes().chain(std::iter::repeat_n(b' ', padding)).chain([b'\n']));
    file.extend((0..count * 784).map(|at| (at * 7 % 251) as u8));
    file
}

fn fetch_cat(server: &Server) -> String {
    format!("fetch quickdraw --class cat --from {}", server.address)
}

#[test]
fn a_whole_file_is_downloaded_checked_and_not_downloaded_twice() {
    let (place, file) = (Place::new(), doodles(300));
    let server = serve(file.clone(), Manner::Good);
    let outcome = place.good(&fetch_cat(&server));
    assert!(outcome.err.contains("hash is not known in advance"), "{}", outcome.err);
    assert!(std::fs::read(place.path("data/quickdraw/cat.npy")).unwrap() == file);
    assert!(!place.path("data/quickdraw/.cat.npy.part").exists());
    assert!(place.good(&fetch_cat(&server)).err.contains("exists"));
    assert_eq!(server.requests().len(), 1, "one request");
    let trained = "quickdraw --preset cpu --batch 2 --set depth=2 --steps 1 --class cat --out run";
    assert!(place.good(trained).err.contains("cat.npy"));
}

#[test]
fn a_broken_connection_goes_on_where_it_broke() {
    for manner in [Manner::BreaksOnce(70_000), Manner::AlwaysBreaks(100_000)] {
        let (place, file) = (Place::new(), doodles(300));
        let server = serve(file.clone(), manner);
        place.good(&fetch_cat(&server));
        assert!(std::fs::read(place.path("data/quickdraw/cat.npy")).unwrap() == file);
        let ranges = server.requests();
        assert!(ranges[0].is_empty() && ranges.len() >= 2, "{ranges:?}");
        assert!(ranges[1..].iter().all(|range| range.ends_with('-')), "{ranges:?}");
    }
}

const PART: &str = "data/quickdraw/.cat.npy.part";
const WHOLE: &str = "data/quickdraw/cat.npy";

/// Starts a download from a server that behaves like `first`, and kills it after `kept` bytes; from
/// then on the server behaves like `manner`.
fn killed(file: &[u8], kept: usize, first: Manner, manner: Manner) -> (Place, Server) {
    let place = Place::new();
    let server = serve(file.to_vec(), first);
    let mut child = place.command(&fetch_cat(&server)).spawn().unwrap();
    wait_for(|| std::fs::metadata(place.path(PART)).is_ok_and(|part| part.len() == kept as u64));
    child.kill().unwrap();
    child.wait().unwrap();
    server.ranges.lock().unwrap().clear();
    server.becomes(manner);
    (place, server)
}

#[track_caller]
fn wait_for(ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The names of everything in the folder of doodles.
fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("data/quickdraw")).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_killed_download_goes_on_where_it_was() {
    let file = doodles(300);
    for (manner, requests) in [
        (Manner::Good, &["90000-"][..]),
        // The server sends the whole file instead of the rest.
        (Manner::WithoutRanges, &["90000-"]),
        // The range does not fit, so the download starts again.
        (Manner::WrongRange(usize::MAX), &["90000-", ""]),
    ] {
        let (place, server) = killed(&file, 90_000, Manner::Stalls(90_000), manner);
        place.good(&fetch_cat(&server));
        assert!(std::fs::read(place.path(WHOLE)).unwrap() == file);
        assert_eq!(
            (server.requests(), names(&place)),
            (requests.iter().map(|s| s.to_string()).collect(), vec!["cat.npy".into()])
        );
    }
    // The file is complete, but was not renamed.
    let (place, server) = killed(&file, 90_000, Manner::Stalls(90_000), Manner::Good);
    std::fs::write(place.path(PART), &file).unwrap();
    place.good(&fetch_cat(&server));
    assert!(std::fs::read(place.path(WHOLE)).unwrap() == file);
    assert_eq!(server.requests(), ["235328-"]);
}

/// The beginning of one file and the end of another would have the right length and look like
/// doodles.
#[test]
fn the_parts_of_two_files_are_never_put_together() {
    let (file, other) = (doodles(300), doodles(300).iter().map(|byte| byte.wrapping_mul(3)).collect::<Vec<_>>());
    let other = [&file[..128], &other[128..]].concat();
    // The server reports that its file has changed.
    let (place, server) = killed(&file, 90_000, Manner::Stalls(90_000), Manner::Good);
    server.changes_to(other.clone(), SECOND);
    place.good(&fetch_cat(&server));
    assert!(std::fs::read(place.path(WHOLE)).unwrap() == other);
    assert_eq!(server.requests(), ["90000-"]);
    // The server reports that it is the same file, but its length differs.
    let (place, server) = killed(&file, 90_000, Manner::Stalls(90_000), Manner::Good);
    server.changes_to(doodles(301), FIRST);
    place.good(&fetch_cat(&server));
    assert!(std::fs::read(place.path(WHOLE)).unwrap() == doodles(301));
    assert_eq!(server.requests(), ["90000-", ""]);
    // The server cannot tell, so the download is not resumed.
    let (place, server) = killed(&file, 90_000, Manner::StallsWithoutValidators(90_000), Manner::WithoutValidators);
    server.changes_to(other.clone(), FIRST);
    place.good(&fetch_cat(&server));
    assert!(std::fs::read(place.path(WHOLE)).unwrap() == other);
    assert_eq!(server.requests(), [""]);
    // A partial file without a record of its origin, as older versions left it, and one from
    // another address.
    let place = Place::new();
    let server = serve(other.clone(), Manner::Good);
    std::fs::create_dir_all(place.path("data/quickdraw")).unwrap();
    std::fs::write(place.path(PART), &file[..90_000]).unwrap();
    place.good(&fetch_cat(&server));
    assert!(std::fs::read(place.path(WHOLE)).unwrap() == other);
    let (place, _) = killed(&file, 90_000, Manner::Stalls(90_000), Manner::Good);
    place.good(&fetch_cat(&server));
    assert!(std::fs::read(place.path(WHOLE)).unwrap() == other);
    assert_eq!(server.requests(), ["", ""]);
}

/// If two processes wrote the same partial file at once, it could contain a mixture of both.
#[test]
fn the_second_of_two_processes_waits_for_the_first() {
    let (place, file) = (Place::new(), doodles(300));
    let server = serve(file.clone(), Manner::Slow(60_000));
    let first = place.command(&fetch_cat(&server)).spawn().unwrap();
    wait_for(|| place.path(PART).exists());
    let second = place.command(&fetch_cat(&server)).spawn().unwrap();
    let id = first.id();
    let messages: Vec<String> = [first, second]
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let message = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(0), "{message}");
            message
        })
        .into();
    assert!(messages[1].contains("is downloading it") && messages[1].contains("exists"), "{}", messages[1]);
    // On Windows, the locked file with the process id cannot be read.
    assert!(cfg!(windows) || messages[1].contains(&format!("process {id} ")), "{}", messages[1]);
    assert!(std::fs::read(place.path(WHOLE)).unwrap() == file);
    assert_eq!((server.requests().len(), names(&place)), (1, vec!["cat.npy".to_owned()]));
}

#[test]
#[cfg(unix)]
fn a_download_that_is_asked_to_end_says_how_much_is_kept() {
    let file = doodles(300);
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        if common::is_ignored(code - 128) {
            eprintln!("SKIPPED: {signal} is ignored here");
            continue;
        }
        let place = Place::new();
        let server = serve(file.clone(), Manner::Stalls(90_000));
        let child = place.command(&fetch_cat(&server)).spawn().unwrap();
        wait_for(|| std::fs::metadata(place.path(PART)).is_ok_and(|part| part.len() == 90_000));
        let kill = std::process::Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.contains("90000 bytes are kept: the same command continues from there"), "{message}");
        server.becomes(Manner::Good);
        place.good(&fetch_cat(&server));
        assert!(std::fs::read(place.path(WHOLE)).unwrap() == file);
        assert_eq!(server.requests(), ["", "90000-"]);
    }
}

#[test]
fn a_server_that_never_sends_the_end_is_reported_and_what_came_is_kept() {
    let (place, server) = killed(&doodles(300), 50_000, Manner::Stalls(50_000), Manner::AlwaysBreaks(0));
    place.bad(&fetch_cat(&server), NETWORK, &["50000 bytes are kept", "by hand", "cat.npy"]);
    assert_eq!(std::fs::metadata(place.path(PART)).unwrap().len(), 50_000);
    // A login page does not replace the partial file.
    server.becomes(Manner::Page);
    place.bad(&fetch_cat(&server), NETWORK, &["received a web page", "login", "by hand"]);
    assert_eq!(std::fs::metadata(place.path(PART)).unwrap().len(), 50_000);
    assert!(!place.path(WHOLE).exists());
    // Ranges that never fit, or responses that never end properly: the client gives up
    // nevertheless.
    for manner in [Manner::WrongRange(100_000), Manner::ChunksWithoutEnd] {
        let server = serve(doodles(300), manner);
        Place::new().bad(&fetch_cat(&server), NETWORK, &["the connection broke", "by hand"]);
    }
}

#[test]
#[cfg(unix)]
fn a_full_disk_keeps_what_fits_and_goes_on_later() {
    let (place, file) = (Place::new(), doodles(300));
    let server = serve(file.clone(), Manner::Good);
    let mut command = std::process::Command::new("sh");
    // At most 100 blocks of 512 bytes per file; a write beyond that fails.
    let line = format!("trap '' XFSZ; ulimit -f 100; exec {} {}", env!("CARGO_BIN_EXE_train"), fetch_cat(&server));
    let output = command.args(["-c", &line]).current_dir(place.folder.path()).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{message}");
    assert!(
        message.contains(".cat.npy.part") && message.contains("bytes are kept: the same command continues"),
        "{message}"
    );
    let kept = std::fs::metadata(place.path(PART)).unwrap().len();
    assert!((1..=51_200).contains(&kept), "{kept}");
    place.good(&fetch_cat(&server));
    assert!(std::fs::read(place.path(WHOLE)).unwrap() == file);
    assert_eq!(server.requests(), ["".to_owned(), format!("{kept}-")]);
}

#[test]
fn the_proxy_of_the_environment_is_used_and_named() {
    let file = doodles(300);
    for (manner, variable, scheme, asked) in [
        (Manner::Proxy, "http_proxy", "http", "CONNECT pictures.invalid:80 HTTP/1.1"),
        (Manner::Socks, "ALL_PROXY", "socks5h", "socks pictures.invalid"),
    ] {
        let place = Place::new();
        let server = serve(file.clone(), manner);
        let address = server.address.replace("http:", &format!("{scheme}:"));
        let line = "fetch quickdraw --class cat --from http://pictures.invalid";
        let mut command = place.command(line);
        let outcome = finish({
            command.env(variable, &address);
            command
        });
        assert_eq!(outcome.code, Some(0), "{}", outcome.err);
        assert_eq!(server.requests(), [asked, ""]);
        assert!(std::fs::read(place.path(WHOLE)).unwrap() == file);
    }
    let place = Place::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = place.command("fetch quickdraw --from http://pictures.invalid");
    command.env("http_proxy", format!("http://me:secret@{nobody}"));
    let outcome = finish(command);
    assert_eq!(outcome.code, Some(NETWORK), "{}", outcome.err);
    assert!(outcome.err.contains(&format!("proxy {nobody}")) && !outcome.err.contains("secret"), "{}", outcome.err);
}

/// A gzipped IDX file of `count` images of 28x28.
fn clothes(count: u32) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let header = [[0, 0, 8, 3], count.to_be_bytes(), 28_u32.to_be_bytes(), 28_u32.to_be_bytes()].concat();
    packer.write_all(&header).unwrap();
    (0..count).for_each(|_| packer.write_all(&[7; 784]).unwrap());
    packer.finish().unwrap()
}

#[test]
fn files_without_a_known_hash_are_looked_into_before_they_get_their_name() {
    const FASHION: &str = "fetch fashion-mnist --from";
    const IMAGES: &str = "data/fashion-mnist/train-images-idx3-ubyte.gz";
    let (place, good) = (Place::new(), clothes(60_000));
    let mut rotten = good.clone();
    let end = rotten.len();
    rotten[end - 6] ^= 1;
    for (file, word) in [
        (rotten, "damaged"),
        (clothes(10_000), "[10000, 28, 28]"),
        (good[..end / 2].to_vec(), "too early"),
        (vec![0; 960_000], "damaged"),
    ] {
        let server = serve(file, Manner::Good);
        place.bad(&format!("{FASHION} {}", server.address), NETWORK, &["train-images", word, "by hand"]);
        assert!(std::fs::read_dir(place.path("data/fashion-mnist")).unwrap().next().is_none(), "nothing is left");
    }
    // A damaged file is downloaded again. (Some servers declare a gzip file as a gzip-encoded
    // response.)
    std::fs::write(place.path(IMAGES), b"half").unwrap();
    let server = serve(good.clone(), Manner::Packed("x-gzip"));
    place.bad(&format!("{FASHION} {}", server.address), NETWORK, &["train-labels", "not an IDX file", "1 dimensions"]);
    assert!(std::fs::read(place.path(IMAGES)).unwrap() == good);
    let again = place.train(&format!("{FASHION} {}", server.address)).err;
    assert!(again.contains("exists") && again.contains("train-labels"), "{again}");
}

#[test]
fn answers_that_are_no_file_are_reported() {
    let place = Place::new();
    for (manner, words) in [
        (Manner::Refuses("404 Not Found"), ["404", "not here"]),
        (Manner::Refuses("503 Service Unavailable"), ["503", "by hand"]),
        (Manner::Redirects, ["edirect", "by hand"]),
        (Manner::Page, ["received a web page", "by hand"]),
        (Manner::Packed("br"), ["compresses the file with `br`", "by hand"]),
        (Manner::Packed("gzip"), ["compresses the file with `gzip`", "by hand"]),
    ] {
        place.bad(&fetch_cat(&serve(Vec::new(), manner)), NETWORK, &words);
    }
    let page = serve(b"<!DOCTYPE html><html>log in</html>".to_vec(), Manner::Good);
    place.bad(&fetch_cat(&page), NETWORK, &["web page", "cat.npy"]);
    let short = serve(doodles(300)[..10_000].to_vec(), Manner::Good);
    place.bad(&fetch_cat(&short), NETWORK, &["shorter than its header claims"]);
    // A port on which nothing listens, and a server without TLS.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    place.bad(&format!("fetch quickdraw --from http://{nobody}"), NETWORK, &["cannot be reached", "apple.npy"]);
    let plain = serve(Vec::new(), Manner::Good).address.replace("http:", "https:");
    place.bad(&format!("fetch quickdraw --from {plain}"), NETWORK, &["by hand"]);
    assert!(std::fs::read_dir(place.path("data/quickdraw")).unwrap().next().is_none(), "nothing is left");
}

#[test]
fn a_file_with_another_hash_or_length_never_gets_its_name() {
    let place = Place::new();
    let other = serve(vec![7; 9_912_422], Manner::Good);
    place.bad(&format!("fetch mnist --from {}", other.address), NETWORK, &["SHA-256", "440fcabf73cc"]);
    let longer = serve(vec![7; 1000], Manner::Good);
    place.bad(&format!("fetch mnist --from {}", longer.address), NETWORK, &["1000 bytes", "9912422"]);
    assert!(std::fs::read_dir(place.path("data/mnist")).unwrap().next().is_none(), "nothing is left");
}

#[test]
fn sets_are_listed_and_mistyped_ones_named() {
    let place = Place::new();
    let list = place.good("fetch").out;
    assert!(["quickdraw", "mnist", "fashion-mnist", "cifar10"].iter().all(|name| list.contains(name)), "{list}");
    place.bad("fetch mnits", USAGE, &["mnits", "`mnist`"]);
    place.bad("fetch quickdraw --class ../cat", USAGE, &["../cat"]);
    place.bad("fetch mnist --class 7", USAGE, &["--class"]);
    let dry = place.good("fetch cifar10 --dry-run").out;
    assert!(dry.contains("cifar-10-binary.tar.gz") && dry.contains("tar -xzf"), "{dry}");
    assert!(!place.path("data").exists());
    // data/README.md names every set.
    let readme = text(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/README.md")));
    assert!(
        ["quickdraw", "mnist", "fashion-mnist", "cifar10"].iter().all(|set| readme.contains(&format!("fetch {set}")))
    );
}
