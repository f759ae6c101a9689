//! Downloads from a server in a thread of this test, good and bad.

mod common;

use common::{Place, text};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const USAGE: i32 = 2;
const NETWORK: i32 = 8;

/// How the server answers.
#[derive(Clone, Copy)]
enum Manner {
    /// As it should, in parts if asked to.
    Good,
    /// It knows nothing of parts.
    WithoutRanges,
    /// The first answer ends after so many bytes of the body; later ones are good.
    BreaksOnce(usize),
    /// Every answer ends after so many bytes.
    AlwaysBreaks(usize),
    /// This status, with a page.
    Refuses(&'static str),
    /// Sends back to itself.
    Redirects,
}

/// A server of one file.
struct Server {
    address: String,
    /// The `Range` of each request, empty without one.
    ranges: Arc<Mutex<Vec<String>>>,
}

fn serve(file: Vec<u8>, manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let (seen, count) = (ranges.clone(), AtomicUsize::new(0));
    // The thread ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up is part of these tests.
            let _ = answer(stream, &file, manner, &seen, count.fetch_add(1, Ordering::Relaxed));
        }
    });
    Server { address, ranges }
}

fn answer(
    stream: TcpStream,
    file: &[u8],
    manner: Manner,
    seen: &Mutex<Vec<String>>,
    number: usize,
) -> std::io::Result<()> {
    let mut range = String::new();
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("range: bytes=") {
            range = value.to_owned();
        }
    }
    seen.lock().unwrap().push(range.clone());
    let mut stream = stream;
    let head = |status: &str, more: String| format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n");
    let from: usize = match manner {
        Manner::Refuses(status) => {
            let page = "<html><body>not here</body></html>";
            return write!(stream, "{}{page}", head(status, format!("Content-Length: {}\r\n", page.len())));
        }
        Manner::Redirects => {
            return write!(stream, "{}", head("302 Found", "Location: /again.npy\r\nContent-Length: 0\r\n".into()));
        }
        Manner::WithoutRanges => 0,
        _ => range.trim_end_matches('-').parse().unwrap_or(0),
    };
    if from >= file.len() && from > 0 {
        return write!(
            stream,
            "{}",
            head("416 Range Not Satisfiable", format!("Content-Range: bytes */{}\r\n", file.len()))
        );
    }
    let body = &file[from..];
    let length = format!("Content-Length: {}\r\n", body.len());
    if from > 0 {
        let range = format!("Content-Range: bytes {from}-{}/{}\r\n", file.len() - 1, file.len());
        write!(stream, "{}", head("206 Partial Content", length + &range))?;
    } else {
        write!(stream, "{}", head("200 OK", length))?;
    }
    let sent = match manner {
        Manner::BreaksOnce(bytes) if number == 0 => bytes.min(body.len()),
        Manner::AlwaysBreaks(bytes) => bytes.min(body.len()),
        _ => body.len(),
    };
    stream.write_all(&body[..sent])
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
    assert!(outcome.err.contains("no hash of it is known"), "{}", outcome.err);
    assert!(std::fs::read(place.path("data/quickdraw/cat.npy")).unwrap() == file);
    assert!(!place.path("data/quickdraw/.cat.npy.part").exists());
    assert!(place.good(&fetch_cat(&server)).err.contains("is there"));
    assert_eq!(server.ranges.lock().unwrap().len(), 1, "one request");
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
        let ranges = server.ranges.lock().unwrap();
        assert!(ranges[0].is_empty() && ranges.len() >= 2, "{ranges:?}");
        assert!(ranges[1..].iter().all(|range| range.ends_with('-')), "{ranges:?}");
    }
}

#[test]
fn a_partial_file_of_an_earlier_try_is_gone_on_with() {
    let file = doodles(300);
    for (kept, manner, requests) in [
        (&file[..90_000], Manner::Good, vec!["90000-"]),
        (&file[..90_000], Manner::WithoutRanges, vec!["90000-"]),
        (&file[..], Manner::Good, vec!["235328-"]),
    ] {
        let place = Place::new();
        std::fs::create_dir_all(place.path("data/quickdraw")).unwrap();
        std::fs::write(place.path("data/quickdraw/.cat.npy.part"), kept).unwrap();
        let server = serve(file.clone(), manner);
        place.good(&fetch_cat(&server));
        assert!(std::fs::read(place.path("data/quickdraw/cat.npy")).unwrap() == file);
        assert_eq!(*server.ranges.lock().unwrap(), requests);
    }
}

#[test]
fn a_server_that_never_sends_the_end_is_told_and_what_came_is_kept() {
    let place = Place::new();
    let file = doodles(300);
    std::fs::create_dir_all(place.path("data/quickdraw")).unwrap();
    std::fs::write(place.path("data/quickdraw/.cat.npy.part"), &file[..50_000]).unwrap();
    let server = serve(file, Manner::AlwaysBreaks(0));
    let words = ["50000 bytes are kept", "by hand", "cat.npy"];
    place.bad(&fetch_cat(&server), NETWORK, &words);
    assert_eq!(std::fs::metadata(place.path("data/quickdraw/.cat.npy.part")).unwrap().len(), 50_000);
    assert!(!place.path("data/quickdraw/cat.npy").exists());
}

#[test]
fn answers_that_are_no_file_are_told() {
    let place = Place::new();
    for (manner, words) in [
        (Manner::Refuses("404 Not Found"), ["404", "not here"]),
        (Manner::Refuses("503 Service Unavailable"), ["503", "by hand"]),
        (Manner::Redirects, ["edirect", "by hand"]),
    ] {
        place.bad(&fetch_cat(&serve(Vec::new(), manner)), NETWORK, &words);
    }
    let page = serve(b"<!DOCTYPE html><html>log in</html>".to_vec(), Manner::Good);
    place.bad(&fetch_cat(&page), NETWORK, &["web page", "cat.npy"]);
    let short = serve(doodles(300)[..10_000].to_vec(), Manner::Good);
    place.bad(&fetch_cat(&short), NETWORK, &["shorter than its header claims"]);
    // A port that nobody listens to, and a server without encryption.
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
    // What is downloaded is told where it belongs.
    let readme = text(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/README.md")));
    assert!(
        ["quickdraw", "mnist", "fashion-mnist", "cifar10"].iter().all(|set| readme.contains(&format!("fetch {set}")))
    );
}
