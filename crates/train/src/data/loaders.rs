//! Where images come from: one loader for each kind of data, which the rows of the systems name.

use std::path::{Path, PathBuf};

use super::{Dataset, failure};
use crate::config::Config;
use crate::console::typed;
use crate::failure::Failure;
use datasets::{
    Augmentation, BUILT_IN, BUILT_IN_COUNT, Crop, Filter, Fitting, Folder, Images, Pair, Season, Source, Split, advice,
    has_cifar, has_idx, load_cifar, load_folder, load_idx, load_npy,
};

/// Seed of the built-in drawings: always the same ones, whatever the seed of the run.
const DRAWINGS: u64 = 1;
/// Built-in pictures of a set, but for those of 64 pixels a side.
const COUNT: usize = 20_000;
/// Built-in faces.
const FACE_COUNT: usize = 10_000;
/// Built-in landscapes of each season.
const LANDSCAPES: u64 = 500;
/// What `--class` says to get every class where there is a usual one.
pub(crate) const ALL: &str = "all";

/// How a kind of data is found and shown.
#[derive(Clone, Copy)]
pub(crate) struct Loader {
    /// Decides between files and built-in pictures.
    find: fn(&Loader, &Config, &Wanted<'_>) -> Result<Found, Failure>,
    /// Where files lie when nobody names others, below the working folder; nothing for what is always named.
    usual: &'static str,
    /// Reads what is at the path: images of the size (height, width, channels) if it is a matter of choice.
    read: fn(&Path, &Wanted<'_>) -> Result<Found, Failure>,
    /// Whether the path holds a part that nothing is learned from.
    held_back: fn(&Path) -> bool,
    /// What stands in for missing files.
    built_in: fn([usize; 3]) -> Vec<Images>,
    /// Stand-ins that nothing is learned from, if there are such.
    built_in_held_back: Option<fn() -> HeldBack>,
    /// What the stand-ins are called.
    built_in_name: &'static str,
    /// The class of real data when none is named.
    pub(crate) class: Option<&'static str>,
    /// How pictures of other sizes are fitted, for folders: the defaults of `[images]`.
    pub(crate) fitting: Option<fn() -> Fitting>,
    /// How images are changed when they are shown: the defaults of `[augment]`.
    pub(crate) augment: fn() -> Augmentation,
}

/// What a run asks of its images.
struct Wanted<'a> {
    /// The part of a set that has several.
    split: Split,
    /// Height, width and channels to load.
    size: [usize; 3],
    fitting: &'a Fitting,
}

/// Built-in images that nothing is learned from.
struct HeldBack {
    domains: Vec<Images>,
    /// What each of them truly is in the other domain.
    counterparts: Vec<Images>,
}

/// Images that were read or drawn, one set for each domain.
#[derive(Default)]
struct Found {
    domains: Vec<Images>,
    /// What each image truly is in the other domain, where that is known.
    counterparts: Option<Vec<Images>>,
    /// Where they come from, if the images themselves do not say it better.
    origin: Option<String>,
    built_in: bool,
    /// Lines about them.
    notes: Vec<String>,
}

/// 28x28 grey doodles, Quick, Draw! bitmaps: the file that is named, the one at its usual place, or the built-in apples.
pub(crate) const DOODLES: Loader = Loader {
    find: doodles,
    usual: "data/quickdraw",
    read: |path, wanted| one(load_npy(path).map_err(failure)?.in_size(wanted.size, Filter::Area)),
    held_back: |_| false,
    built_in: |_| vec![datasets::apples(BUILT_IN_COUNT, DRAWINGS)],
    built_in_held_back: None,
    built_in_name: "drawings of apples",
    class: None,
    fitting: None,
    augment: Augmentation::default,
};

/// Grey digits in IDX files, as MNIST and its followers.
pub(crate) const DIGITS: Loader = Loader {
    find: files_or_built_in,
    usual: "data/mnist",
    read: |path, wanted| one(load_idx(path, wanted.split).map_err(failure)?.in_size(wanted.size, Filter::Area)),
    held_back: |path| has_idx(path, Split::Test),
    built_in: |_| vec![datasets::digits(COUNT, DRAWINGS)],
    built_in_name: "hand-written digits",
    ..DOODLES
};

/// CIFAR-10's binary files.
pub(crate) const CIFAR: Loader = Loader {
    find: files_or_built_in,
    usual: "data/cifar-10",
    read: |path, wanted| one(load_cifar(path, wanted.split).map_err(failure)?.in_size(wanted.size, Filter::Area)),
    held_back: |path| has_cifar(path, Split::Test),
    built_in: |_| vec![datasets::shapes(COUNT, DRAWINGS)],
    built_in_name: "coloured shapes",
    ..DOODLES
};

/// A folder of any pictures.
pub(crate) const FOLDER: Loader = Loader {
    usual: "",
    read: |path, wanted| Ok(folders([load_folder(path, wanted.size, wanted.fitting).map_err(failure)?])),
    held_back: |_| false,
    fitting: Some(Fitting::default),
    ..CIFAR
};

/// Images in any of the forms above, as the files themselves tell; the built-in ones go by the size.
pub(crate) const ANY: Loader = Loader {
    read: |path, wanted| (form(path).read)(path, wanted),
    held_back: |path| (form(path).held_back)(path),
    built_in: |size| match size {
        [28, _, _] => (DIGITS.built_in)(size),
        [32, _, _] => (CIFAR.built_in)(size),
        _ => (FACES.built_in)(size),
    },
    built_in_name: "drawings",
    ..FOLDER
};

/// The loader for what lies at `path`, as the names of the files tell.
fn form(path: &Path) -> Loader {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| name(&entry.path()));
    let names: Vec<String> = if path.is_dir() { entries.collect() } else { vec![name(path)] };
    let any = |fits: fn(&str) -> bool| names.iter().any(|name| fits(name));
    if any(|name| name.contains("ubyte")) {
        DIGITS
    } else if any(|name| name.ends_with(".bin")) {
        CIFAR
    } else if any(|name| name.ends_with(".npy")) {
        DOODLES
    } else {
        FOLDER
    }
}

/// A folder of faces, of which the middle is taken.
pub(crate) const FACES: Loader = Loader {
    usual: "data/faces",
    built_in: |[height, width, _]| vec![datasets::faces(FACE_COUNT, DRAWINGS, height.max(width))],
    built_in_name: "cartoon faces",
    fitting: Some(|| Fitting { crop: Crop::Crop108, ..Fitting::default() }),
    augment: || Augmentation { flip: true, ..Augmentation::default() },
    ..FOLDER
};

/// Two folders, A and B, that are not paired: scaled a little larger, cropped at random, mirrored.
pub(crate) const PAIRS: Loader = Loader {
    usual: "data/pairs",
    read: |path, wanted| {
        let pair = Pair::find(path, wanted.split).map_err(failure)?;
        Ok(folders(pair.load(wanted.size, wanted.fitting).map_err(failure)?))
    },
    held_back: |path| Pair::find(path, Split::Test).is_ok(),
    built_in: |_| landscapes([0, 1], [Season::Summer, Season::Winter]),
    built_in_held_back: Some(|| HeldBack {
        domains: landscapes([2, 3], [Season::Summer, Season::Winter]),
        counterparts: landscapes([2, 3], [Season::Winter, Season::Summer]),
    }),
    built_in_name: "landscapes in summer and in winter",
    fitting: Some(|| Fitting { aspect: datasets::Aspect::Stretch, filter: Filter::Bicubic, ..Fitting::default() }),
    augment: || Augmentation { enlarge: 286.0 / 256.0, flip: true, ..Augmentation::default() },
    ..FOLDER
};

/// Two sets of built-in landscapes, each in a season: set n has the numbers from n x [`LANDSCAPES`] on, so that no landscape is
/// in two of them, and the same set in both seasons is of true pairs.
fn landscapes(sets: [u64; 2], seasons: [Season; 2]) -> Vec<Images> {
    let draw =
        |(set, season): (u64, Season)| datasets::seasons(set * LANDSCAPES..(set + 1) * LANDSCAPES, DRAWINGS, season);
    sets.into_iter().zip(seasons).map(draw).collect()
}

fn one(images: Images) -> Result<Found, Failure> {
    Ok(Found { domains: vec![images], ..Found::default() })
}

fn folders<const N: usize>(folders: [Folder; N]) -> Found {
    let mut found = Found::default();
    for folder in folders {
        found.notes.push(format!("             {}", folder.found));
        found.notes.extend(folder.skipped.map(|skipped| format!("warning      {skipped}")));
        found.domains.push(folder.images);
    }
    found
}

/// The images that `--data` names, those at the usual place, or the built-in ones.
fn files_or_built_in(loader: &Loader, config: &Config, wanted: &Wanted<'_>) -> Result<Found, Failure> {
    let named = config.class.as_deref();
    if let Some(path) = loader.place(config.data.as_deref()) {
        let found = (loader.read)(&path, wanted)?;
        return found.of_class(named.or(loader.class).filter(|class| *class != ALL));
    }
    let why = match &config.data {
        Some(_) => String::new(),
        None if loader.usual.is_empty() => typed(&advice!("own-pictures", " (your own: `--data FOLDER`)")),
        None => format!(" (for the real ones see data/README.md; {} is not there)", loader.usual),
    };
    let found = loader.drawn(wanted, format!("built-in {}{why}", loader.built_in_name));
    found.of_class(named.filter(|class| *class != ALL))
}

/// Doodles: the class is the name of a file.
fn doodles(loader: &Loader, config: &Config, wanted: &Wanted<'_>) -> Result<Found, Failure> {
    let data = config.data.as_deref().map(Path::new);
    let source = Source::resolve(data, config.class.as_deref(), Path::new("")).map_err(failure)?;
    match &source {
        Source::File(path) => Ok(Found { origin: Some(source.to_string()), ..(loader.read)(path, wanted)? }),
        Source::BuiltIn { .. } => Ok(loader.drawn(wanted, source.to_string())),
    }
}

impl Loader {
    /// The loader that takes one class of real data when none is named.
    pub(crate) const fn of_class(self, class: &'static str) -> Self {
        Self { class: Some(class), ..self }
    }

    /// The loader with other defaults of `[augment]`.
    pub(crate) const fn changed_by(self, augment: fn() -> Augmentation) -> Self {
        Self { augment, ..self }
    }

    /// Where files lie when nobody names others; empty for what is always named.
    pub(crate) fn usual_place(&self) -> &Path {
        Path::new(self.usual)
    }

    /// The images of a run whose system learns from images of `shape`: those that `--data` names, those at the usual place, or the
    /// built-in ones.
    ///
    /// # Errors
    /// When files are not there or are not what they should be, and when a setting of `[images]` or `[augment]` is refused.
    pub(crate) fn load(&self, config: &Config, shape: [usize; 3]) -> Result<Dataset, Failure> {
        self.load_part(Split::Train, config, shape)
    }

    /// The images of the same set and class that are held back from training, if there are such.
    ///
    /// # Errors
    /// As [`load`](Self::load), about files that are there.
    pub(crate) fn load_held_back(&self, config: &Config, shape: [usize; 3]) -> Result<Option<Dataset>, Failure> {
        let is_there = match self.place(config.data.as_deref()) {
            Some(path) => (self.held_back)(&path),
            None => self.built_in_held_back.is_some(),
        };
        is_there.then(|| self.load_part(Split::Test, config, shape)).transpose()
    }

    fn load_part(&self, split: Split, config: &Config, shape: [usize; 3]) -> Result<Dataset, Failure> {
        let augmentation = config.augmentation()?;
        let fitting = config.fitting()?;
        let [height, width] = [shape[0], shape[1]].map(|side| augmentation.load_side(side));
        let found = (self.find)(self, config, &Wanted { split, size: [height, width, shape[2]], fitting: &fitting })?;
        let origins = || found.domains.iter().map(Images::origin).collect::<Vec<_>>().join(" and ");
        Ok(Dataset {
            origin: found.origin.clone().unwrap_or_else(origins),
            built_in: found.built_in,
            domains: found.domains,
            counterparts: found.counterparts,
            size: [shape[0], shape[1]],
            augmentation,
            seed: config.seed,
            notes: found.notes,
        })
    }

    /// The built-in pictures, scaled to what is wanted.
    fn drawn(&self, wanted: &Wanted<'_>, origin: String) -> Found {
        let filter = self.fitting.map_or(Filter::Area, |fitting| fitting().filter);
        let scaled = |sets: Vec<Images>| sets.into_iter().map(|images| images.in_size(wanted.size, filter)).collect();
        let (domains, counterparts) = match self.built_in_held_back {
            Some(held_back) if wanted.split == Split::Test => {
                let HeldBack { domains, counterparts } = held_back();
                (domains, Some(scaled(counterparts)))
            }
            _ => ((self.built_in)(wanted.size), None),
        };
        Found { domains: scaled(domains), counterparts, origin: Some(origin), built_in: true, notes: Vec::new() }
    }

    /// Where the files are: at the path that is named, or at the usual place if there is something; nothing for the built-in set.
    fn place(&self, data: Option<&str>) -> Option<PathBuf> {
        match data {
            Some(BUILT_IN) => None,
            Some(path) => Some(PathBuf::from(path)),
            None => Some(PathBuf::from(self.usual)).filter(|path| !self.usual.is_empty() && path.exists()),
        }
    }
}

impl Found {
    /// Only the images of `class`, if one is named.
    fn of_class(self, class: Option<&str>) -> Result<Self, Failure> {
        let Some(class) = class else { return Ok(self) };
        let domains =
            self.domains.iter().map(|images| images.of_class(class).map_err(failure)).collect::<Result<_, _>>()?;
        Ok(Self { domains, ..self })
    }
}

#[cfg(test)]
mod tests;
