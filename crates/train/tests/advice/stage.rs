//! The folders in which the situations are tested: small sets of images, and small runs that are
//! made once and copied.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::common::{Place, TINY};
use super::follow::copy;

/// Runs that are made when the first situation needs them.
#[derive(Default)]
pub(crate) struct Fixtures {
    made: [OnceLock<Place>; RUNS.len()],
}

/// The name of each run's folder, and the arguments of the command that makes it from the images of
/// [`sets`].
const RUNS: [(&str, &str); 6] = [
    ("run", "--data doodles.npy --steps 2 --checkpoint-every 1 --out run"),
    ("points", "wgan-gp --preset gauss8 --batch 16 --set width=8 --set k=1 --steps 1 --out points"),
    (
        "styles",
        "stylegan2 --batch 4 --set size=8 --set fmap_base=16 --set fmap_max=4 --data pics --steps 1 --out styles",
    ),
    (
        "pairs",
        "cyclegan --set size=32 --set blocks=1 --set generator_width=2 --set discriminator_width=2 --data set \
        --steps 1 --out pairs",
    ),
    (
        "dropping",
        "mnist --batch 8 --set latent=4 --set g_dropout_at_sampling=true --data mnist --steps 1 --out dropping",
    ),
    ("digits", "mnist --batch 8 --set latent=4 --data mnist --steps 1 --out digits"),
];

impl Fixtures {
    /// A new folder with the sets.
    pub(crate) fn stage(&self) -> Stage<'_> {
        let stage = Stage { place: Place::new(), fixtures: self };
        sets(&stage.place);
        stage
    }
}

/// A folder for one situation.
pub(crate) struct Stage<'a> {
    pub(crate) place: Place,
    fixtures: &'a Fixtures,
}

impl Stage<'_> {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Copies the run called `name` into this folder.
    pub(crate) fn bring(&self, name: &str) {
        let number =
            RUNS.iter().position(|(run, _)| *run == name).unwrap_or_else(|| panic!("no fixture is called {name}"));
        let made = self.fixtures.made[number].get_or_init(|| {
            let place = Place::new();
            sets(&place);
            let tiny = if name == "run" { TINY } else { "" };
            place.good(&format!("{tiny} {}", RUNS[number].1));
            place
        });
        copy(&made.path(name), &self.path(name));
    }

    /// A copy of this folder, to try a command in.
    pub(crate) fn copied(&self) -> Self {
        let place = Place::new();
        copy(self.place.folder.path(), place.folder.path());
        Self { place, fixtures: self.fixtures }
    }

    /// The program with these arguments, on one thread, because several situations are tested in
    /// parallel.
    pub(crate) fn command(&self, words: &[String]) -> Command {
        let mut command = self.place.command("");
        command.args(words).env("RAYON_NUM_THREADS", "1");
        command
    }

    /// Starts the command, waits until it prints `words`, and kills it. Returns whether it printed
    /// them, and its output.
    pub(crate) fn says(&self, mut command: Command, words: &str) -> (bool, String) {
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let mut printed = Vec::new();
        let mut err = child.stderr.take().unwrap();
        let mut buffer = [0; 256];
        while let Ok(count @ 1..) = err.read(&mut buffer) {
            printed.extend_from_slice(&buffer[..count]);
            if String::from_utf8_lossy(&printed).contains(words) {
                break;
            }
        }
        let _ = child.kill();
        child.wait().unwrap();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        (printed.contains(words), printed)
    }
}

/// Writes small sets of images in every format: `doodles.npy`, `mnist/`, `pics/`, `classes/` with
/// two classes, `set/` for translation.
fn sets(place: &Place) {
    let write = |name: &str, content: &[u8]| {
        let path = place.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("doodles.npy", &npy("|u1", &[40, 28, 28], 40 * 784));
    write("mnist/train-images-idx3-ubyte", &idx(&[600, 28, 28]));
    write("mnist/train-labels-idx1-ubyte", &[&[0, 0, 8, 1, 0, 0, 2, 88][..], &labels(600)].concat());
    for number in 0..6 {
        write(&format!("pics/{number}.png"), &picture(number));
        write(&format!("classes/{}/{number}.png", ["cat", "dog"][number as usize % 2]), &picture(number));
        write(&format!("set/train{}/{number}.png", ["A", "B"][number as usize % 2]), &picture(number));
    }
}

/// A `.npy` file of `bytes` bytes of strokes.
pub(crate) fn npy(descr: &str, shape: &[usize], bytes: usize) -> Vec<u8> {
    let shape = shape.iter().map(|length| format!("{length}, ")).collect::<String>();
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    header += &" ".repeat((10 + header.len() + 1).next_multiple_of(64) - 10 - header.len() - 1);
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.bytes());
    file.extend((0..bytes).map(|at| (at * 7 % 251) as u8));
    file
}

/// Compresses with gzip.
pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A gzipped IDX file that claims more than `bytes` bytes and is long enough for that to be
/// plausible; it begins correctly, and then is damaged.
pub(crate) fn packed_zeros(bytes: u64) -> Vec<u8> {
    let images = u32::try_from(bytes / 784 + 1).unwrap();
    let mut file = packed(&[&[0, 0, 8, 3][..], &images.to_be_bytes(), &[0, 0, 0, 28, 0, 0, 0, 28]].concat());
    file.resize((bytes / 1000) as usize, 0);
    file
}

/// An IDX file of `count` images, each with a stroke in it.
pub(crate) fn images_of_strokes(count: u32) -> Vec<u8> {
    idx(&[count, 28, 28])
}

/// An IDX file of bytes.
fn idx(lengths: &[u32]) -> Vec<u8> {
    let count = lengths.iter().product::<u32>();
    let mut file = vec![0, 0, 8, lengths.len() as u8];
    file.extend(lengths.iter().flat_map(|length| length.to_be_bytes()));
    file.extend((0..count).map(|at| (at * 7 % 251) as u8));
    file
}

fn labels(count: u32) -> Vec<u8> {
    (0..count).map(|at| (at % 10) as u8).collect()
}

/// A PNG of 32 x 32 colours.
fn picture(number: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 32, 32);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> = (0..32 * 32 * 3).map(|at: u32| ((at * (number + 3)) % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}
