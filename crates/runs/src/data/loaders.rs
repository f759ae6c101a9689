//! Where images come from: one loader for the usual data of each system. Images at an explicit path
//! are read in any supported format, by [`super::reading`].

use std::path::{Path, PathBuf};

use super::memory::{self as places, Reporter};
use super::{Dataset, failure, reading};
use crate::config::Config;
use crate::console::Output;
use crate::failure::{Code, Failure, typed};
use datasets::{
    Augmentation, BUILT_IN, BUILT_IN_COUNT, Crop, Filter, Fitting, Images, LoadOptions, LoadRequest, Progress,
    QuickDraw, Season, Split, advice,
};

/// Seed of the built-in drawings, which do not depend on the seed of the run.
const DRAWINGS: u64 = 1;
/// Number of built-in pictures in a set, except those with 64 pixels a side.
const COUNT: usize = 20_000;
/// Built-in faces.
const FACE_COUNT: usize = 10_000;
/// Number of built-in landscapes per season.
const LANDSCAPES: u64 = 500;
/// The value of `--class` that selects all classes where the default is a single one.
pub const ALL: &str = "all";

/// How a kind of data is found, loaded and augmented.
#[derive(Clone, Copy)]
pub struct Loader {
    /// Chooses between files and built-in pictures.
    find: fn(&Loader, &Config, &Wanted<'_>) -> Result<LoadedImages, Failure>,
    /// The default path of the files, relative to the working directory; empty if there is no
    /// default.
    default_path: &'static str,
    /// Reads the files at a path.
    read: fn(&Path, &Wanted<'_>) -> Result<LoadedImages, Failure>,
    /// Whether the path has a held-out part, which is never trained on.
    held_back: fn(&Path) -> bool,
    /// The built-in images that replace missing files.
    built_in: fn([usize; 3]) -> Vec<Images>,
    /// Built-in held-out images, if there are any.
    built_in_held_back: Option<fn() -> HeldBack>,
    /// The name of the built-in images of this shape.
    built_in_name: fn([usize; 3]) -> &'static str,
    /// The default class of real data.
    pub class: Option<&'static str>,
    /// How pictures of other sizes are fitted, for folders: the defaults of `[images]`.
    pub fitting: Option<fn() -> Fitting>,
    /// The augmentation: the defaults of `[augment]`.
    pub augment: fn() -> Augmentation,
}

/// What a run needs from its images.
pub(super) struct Wanted<'a> {
    /// Which part, and at which size.
    pub(super) request: LoadRequest<'a>,
    /// The class that was requested.
    pub(super) class: Option<&'a str>,
    /// Whether the number of channels is a setting of the system.
    pub(super) has_channels: bool,
    /// Whether the augmentation smooths the edges of lines.
    pub(super) softened: bool,
}

/// Built-in images that are never trained on.
struct HeldBack {
    domains: Vec<Images>,
    /// The true translation of each into the other domain.
    counterparts: Vec<Images>,
}

/// Images that were read or drawn, one set per domain.
#[derive(Default)]
pub(super) struct LoadedImages {
    pub(super) domains: Vec<Images>,
    /// The true translation of each image into the other domain, where it is known.
    pub(super) counterparts: Option<Vec<Images>>,
    /// Where they come from, if the images do not record a more exact origin.
    pub(super) origin: Option<String>,
    pub(super) built_in: bool,
    /// Whether the requested class has already selected a file by its name.
    pub(super) has_class: bool,
    /// Notes about them for the user.
    pub(super) notes: Vec<String>,
}

/// 28x28 grey doodles, as Quick, Draw! bitmaps or strokes: the requested file, the one at the
/// default path, or the built-in apples.
pub const DOODLES: Loader = Loader {
    find: doodles,
    default_path: "data/quickdraw",
    read: reading::any,
    held_back: reading::has_test_part,
    built_in: |_| vec![datasets::apples(BUILT_IN_COUNT, DRAWINGS)],
    built_in_held_back: None,
    built_in_name: |_| "drawings of apples",
    class: None,
    fitting: Some(Fitting::default),
    augment: Augmentation::default,
};

/// Digits in IDX files: MNIST and data sets in its format; systems with colour images get other
/// built-in shapes.
pub const DIGITS: Loader = Loader {
    find: files_or_built_in,
    default_path: "data/mnist",
    built_in: |[_, _, channels]| match channels {
        1 => vec![datasets::digits(COUNT, DRAWINGS)],
        _ => vec![datasets::shapes(COUNT, DRAWINGS)],
    },
    built_in_name: |[_, _, channels]| if channels == 1 { "hand-written digits" } else { "coloured shapes" },
    ..DOODLES
};

/// CIFAR-10's binary files.
pub const CIFAR: Loader = Loader {
    find: files_or_built_in,
    default_path: "data/cifar-10",
    built_in: |_| vec![datasets::shapes(COUNT, DRAWINGS)],
    built_in_name: |_| "coloured shapes",
    ..DOODLES
};

/// A folder of any pictures.
pub const FOLDER: Loader = Loader { default_path: "", ..CIFAR };

/// Images of any kind; the size decides which built-in ones are used.
pub const ANY: Loader = Loader {
    built_in: |size| match size {
        [28, _, _] => (DIGITS.built_in)(size),
        [32, _, _] => (CIFAR.built_in)(size),
        _ => (FACES.built_in)(size),
    },
    built_in_name: |_| "drawings",
    ..FOLDER
};

/// A folder of faces, cropped to their centre.
pub const FACES: Loader = Loader {
    default_path: "data/faces",
    built_in: |[height, width, _]| vec![datasets::faces(FACE_COUNT, DRAWINGS, height.max(width))],
    built_in_name: |_| "cartoon faces",
    fitting: Some(|| Fitting { crop: Crop::Crop108, ..Fitting::default() }),
    augment: || Augmentation { flip: true, ..Augmentation::default() },
    ..FOLDER
};

/// Two unpaired folders, A and B: scaled up a little, cropped at random, mirrored.
pub const PAIRS: Loader = Loader {
    default_path: "data/pairs",
    read: reading::pair,
    held_back: reading::has_test_pair,
    built_in: |_| landscapes([0, 1], [Season::Summer, Season::Winter]),
    built_in_held_back: Some(|| HeldBack {
        domains: landscapes([2, 3], [Season::Summer, Season::Winter]),
        counterparts: landscapes([2, 3], [Season::Winter, Season::Summer]),
    }),
    built_in_name: |_| "landscapes in summer and in winter",
    fitting: Some(|| Fitting { aspect: datasets::Aspect::Stretch, filter: Filter::Bicubic, ..Fitting::default() }),
    augment: || Augmentation { enlarge: 286.0 / 256.0, flip: true, ..Augmentation::default() },
    ..FOLDER
};

/// Two sets of built-in landscapes, each in one season. Set n has the landscapes from n x
/// [`LANDSCAPES`] on, so no landscape is in two sets; the same set in both seasons gives true
/// pairs.
fn landscapes(sets: [u64; 2], seasons: [Season; 2]) -> Vec<Images> {
    let draw =
        |(set, season): (u64, Season)| datasets::seasons(set * LANDSCAPES..(set + 1) * LANDSCAPES, DRAWINGS, season);
    sets.into_iter().zip(seasons).map(draw).collect()
}

/// Loads the images at `--data`, those at the default path, or the built-in ones.
fn files_or_built_in(loader: &Loader, config: &Config, wanted: &Wanted<'_>) -> Result<LoadedImages, Failure> {
    if let Some(path) = loader.place(config.data()) {
        return loader.named(&path, wanted);
    }
    let why = match config.data() {
        Some(_) => String::new(),
        None if loader.default_path.is_empty() => typed(&advice!("own-pictures", " (your own: `--data FOLDER`)")),
        None => format!(" ({} does not exist; see data/README.md for the real images)", loader.default_path),
    };
    let found = loader.drawn(wanted, format!("built-in {}{why}", (loader.built_in_name)(wanted.request.shape)));
    found.of_class(wanted.class.filter(|class| *class != ALL))
}

/// Loads doodles: the class selects a file by its name, unless the path has another format.
fn doodles(loader: &Loader, config: &Config, wanted: &Wanted<'_>) -> Result<LoadedImages, Failure> {
    let data = config.data().map(Path::new);
    if let Some(path) = data.filter(|path| *path != Path::new(BUILT_IN))
        && !QuickDraw::is_folder_of_classes(path, wanted.class)
    {
        return loader.named(path, wanted);
    }
    let source = QuickDraw::resolve(data, wanted.class, Path::new("")).map_err(failure)?;
    match &source {
        QuickDraw::File(path) => Ok(LoadedImages { origin: Some(source.to_string()), ..(loader.read)(path, wanted)? }),
        QuickDraw::BuiltIn { .. } => Ok(loader.drawn(wanted, source.to_string())),
    }
}

impl Loader {
    /// The same loader with a default class.
    pub const fn of_class(self, class: &'static str) -> Self {
        Self { class: Some(class), ..self }
    }

    /// The same loader with other defaults of `[augment]`.
    pub const fn changed_by(self, augment: fn() -> Augmentation) -> Self {
        Self { augment, ..self }
    }

    /// The default path of the files; empty if there is none.
    pub fn default_path(&self) -> &Path {
        Path::new(self.default_path)
    }

    /// Loads the images of a run whose system learns from images of `shape`: those at `--data`,
    /// those at the default path, or the built-in ones.
    ///
    /// # Errors
    /// When files are missing or have the wrong format, and when a setting of `[images]` or
    /// `[augment]` is invalid.
    pub(crate) fn load(&self, config: &Config, shape: [usize; 3], output: &Output) -> Result<Dataset, Failure> {
        self.load_part(Split::Train, config, shape, false, output)
    }

    /// As [`load`](Self::load), but nothing is decoded or drawn: the images can be counted, but not
    /// all of them can be read.
    ///
    /// # Errors
    /// As [`load`](Self::load), where the problem can be detected without reading the images.
    pub(crate) fn look_at(&self, config: &Config, shape: [usize; 3], output: &Output) -> Result<Dataset, Failure> {
        self.load_part(Split::Train, config, shape, true, output)
    }

    /// Loads the held-out images of the same set and class, if there are any.
    ///
    /// # Errors
    /// As [`load`](Self::load), for files that exist.
    pub(crate) fn load_held_back(
        &self,
        config: &Config,
        shape: [usize; 3],
        output: &Output,
    ) -> Result<Option<Dataset>, Failure> {
        let is_there = match self.place(config.data()) {
            Some(path) => (self.held_back)(&path),
            None => self.built_in_held_back.is_some(),
        };
        is_there.then(|| self.load_part(Split::Test, config, shape, false, output)).transpose()
    }

    fn load_part(
        &self,
        split: Split,
        config: &Config,
        shape: [usize; 3],
        inspect_only: bool,
        output: &Output,
    ) -> Result<Dataset, Failure> {
        if ![1, 3, 4].contains(&shape[2]) {
            return Err(Failure::new(Code::Config, format!("images cannot have {} channels", shape[2]))
                .at(config.entry.name)
                .because("allowed: 1 (grey), 3 (colour) or 4 (colour with transparency)")
                .help(advice!(
                    "channels-of-pictures",
                    "use `--set channels=1` for grey images, `--set channels=3` for colour, or `--set channels=4` for colour with transparency"
                )));
        }
        let augmentation = config.augmentation()?;
        let fitting = config.fitting()?;
        let [height, width] = [shape[0], shape[1]].map(|side| augmentation.load_side(side));
        let reporter = Reporter::new(output);
        let report = |progress: &Progress<'_>| reporter.report(progress);
        let wanted = Wanted {
            request: LoadRequest {
                split,
                shape,
                size: [height, width, shape[2]],
                fitting: &fitting,
                options: places::options(config, inspect_only, &report),
            },
            class: config.class(),
            has_channels: config.settings.contains_key("channels"),
            softened: augmentation.bends(),
        };
        let found = match &config.entry.images {
            Some(images) => self.given(images, config, &wanted)?,
            None => (self.find)(self, config, &wanted)?,
        };
        let ([memory, cache], found) = (found.needs(&wanted.request.options), found.kept(&wanted.request.options)?);
        let origins = || found.domains.iter().map(Images::origin).collect::<Vec<_>>().join(" and ");
        Ok(Dataset {
            origin: found.origin.clone().unwrap_or_else(origins),
            built_in: found.built_in,
            domains: found.domains,
            counterparts: found.counterparts,
            size: [shape[0], shape[1]],
            augmentation,
            seed: config.seed(),
            memory,
            cache,
            notes: found.notes,
        })
    }

    /// The images at `path`: all of them, those of the requested class, or those of the default
    /// class if the files have it.
    fn named(&self, path: &Path, wanted: &Wanted<'_>) -> Result<LoadedImages, Failure> {
        if !datasets::exists(path) {
            return Err(reading::nothing_at(path, (self.built_in_name)(wanted.request.shape)));
        }
        let mut found = (self.read)(path, wanted)?;
        if found.has_class {
            return Ok(found);
        }
        let usual = self.class.filter(|_| wanted.class.is_none()).filter(|class| {
            let has = found.domains.iter().all(|images| images.class_names().iter().any(|name| name == class));
            if !has {
                found.notes.push(format!("             all classes: the default class, {class}, is not among them"));
            }
            has
        });
        found.of_class(wanted.class.or(usual).filter(|class| *class != ALL))
    }

    /// The images that the calling program provides, scaled to the requested size.
    fn given(&self, images: &Images, config: &Config, wanted: &Wanted<'_>) -> Result<LoadedImages, Failure> {
        if let Some(data) = config.data() {
            return Err(Failure::new(Code::Data, "the images are specified twice")
                .at(data)
                .because(format!("`{}` was created with its own images", config.entry.name)));
        }
        let filter = self.fitting.map_or(Filter::Area, |fitting| fitting().filter);
        let domains = vec![images.clone().resized(wanted.request.size, filter)];
        LoadedImages { domains, ..LoadedImages::default() }.of_class(wanted.class)
    }

    /// The built-in pictures, scaled to the requested size.
    fn drawn(&self, wanted: &Wanted<'_>, origin: String) -> LoadedImages {
        let filter = self.fitting.map_or(Filter::Area, |fitting| fitting().filter);
        let scaled =
            |sets: Vec<Images>| sets.into_iter().map(|images| images.resized(wanted.request.size, filter)).collect();
        let (domains, counterparts) = match self.built_in_held_back {
            Some(held_back) if wanted.request.split == Split::Test => {
                let HeldBack { domains, counterparts } = held_back();
                (domains, Some(scaled(counterparts)))
            }
            _ => ((self.built_in)(wanted.request.size), None),
        };
        LoadedImages {
            domains: scaled(domains),
            counterparts,
            origin: Some(origin),
            built_in: true,
            ..LoadedImages::default()
        }
    }

    /// The path of the files: the explicit one, or the default path if it exists; `None` for the
    /// built-in set.
    fn place(&self, data: Option<&str>) -> Option<PathBuf> {
        match data {
            Some(BUILT_IN) => None,
            Some(path) => Some(PathBuf::from(path)),
            None => {
                Some(PathBuf::from(self.default_path)).filter(|path| !self.default_path.is_empty() && path.exists())
            }
        }
    }
}

impl LoadedImages {
    /// The memory budget for each set of images, in bytes.
    fn share(&self, options: &LoadOptions<'_>) -> u64 {
        options.shared_by(self.domains.len() + self.counterparts.as_ref().map_or(0, Vec::len)).memory
    }

    /// Bytes of memory and of disk that they need once they are [`kept`](Self::kept).
    fn needs(&self, options: &LoadOptions<'_>) -> [u64; 2] {
        let most = self.share(options);
        let sets = || self.domains.iter().chain(self.counterparts.iter().flatten());
        [sets().map(|images| images.resident_bytes_in_memory(most)).sum(), sets().map(Images::cache_bytes).sum()]
    }

    /// Moves the images into memory, within the limits of `options`.
    fn kept(self, options: &LoadOptions<'_>) -> Result<Self, Failure> {
        if options.inspect_only {
            return Ok(self);
        }
        let most = self.share(options);
        let kept = |sets: Vec<Images>| -> Result<Vec<Images>, Failure> {
            sets.into_iter().map(|images| images.load_into_memory(most).map_err(failure)).collect()
        };
        let counterparts = self.counterparts.map(kept).transpose()?;
        Ok(Self { domains: kept(self.domains)?, counterparts, ..self })
    }

    /// Only the images of `class`, if one is named.
    fn of_class(self, class: Option<&str>) -> Result<Self, Failure> {
        let Some(class) = class else { return Ok(self) };
        let domains =
            self.domains.iter().map(|images| images.of_class(class).map_err(failure)).collect::<Result<_, _>>()?;
        Ok(Self { domains, ..self })
    }
}

#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod tests;
