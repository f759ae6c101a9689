//! Translation: [`translate`] repaints images of one domain in the style of the other, with a run
//! of image translation.
//!
//! A picture keeps its own size, unless it is fitted to that of the training images. If its sides
//! are no multiples of what the network needs, it is padded with its mirror image, and the
//! translation is cut back.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{
    Aspect, Background, Crop, Filter, Fitting, PictureSource, advice, decode_picture, list_pictures, picture_size,
    plural, quoted, scaled_within,
};

use crate::config::Config;
use crate::console::{LateBar, Output};
use crate::data;
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::observers::samples;
use crate::plan;
use crate::processor;
use crate::sampling::Written;
use crate::sampling::pictures::{self, Arrangement};
use crate::storage::{self, RealDisk, StorageError};
use crate::systems::Trainable;
use models::{Direction, Sampler, Sides, Translate};
use tensor::Tensor;

/// The name of the sheet in the folder of translations.
const SHEET: &str = "_sheet.png";
/// The number of pictures on it.
const ON_THE_SHEET: usize = 8;
/// The smallest side of its tiles.
const TILE: usize = 128;
/// Larger pictures are only translated, not back again and not into their own domain, because
/// that would take three times as long.
const MOST_FOR_ALL_COLUMNS: usize = 1 << 20;
/// The shade beside a picture on its tile, and of empty tiles: that of the gaps.
const SHADE: u8 = 96;
/// How many pictures with transparent pixels are named.
const MOST_NAMED: usize = 5;

/// How a picture is fitted to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It keeps its own size.
    Own,
    /// It gets the size of the training images, cropped as those were; this says what happens to
    /// other proportions.
    Training(Aspect),
}

/// Which images to translate with which run, and where the translations go.
#[derive(Clone, Debug)]
pub struct TranslateRequest {
    /// A run folder, or one of its checkpoint files.
    pub run: PathBuf,
    /// The caller's own system, if the run trains one; built-in systems are found by name.
    pub own: Option<Arc<Trainable>>,
    /// A folder or a zip archive of images, or an image file.
    pub pictures: PathBuf,
    /// The direction of the translation.
    pub direction: Direction,
    /// How the images are fitted to the network: by default they keep their own size, unless the
    /// system only translates images of the size of the training images.
    pub fit: Option<Fit>,
    /// Images whose longer side has more pixels are scaled down; only with [`Fit::Own`].
    pub max_side: Option<u32>,
    /// The folder for the translations and for `_sheet.png`, which shows the first ones.
    pub out: PathBuf,
    /// Where messages go.
    pub output: Output,
}

impl TranslateRequest {
    /// A request to translate `pictures` into the folder `out`.
    pub fn of(
        run: impl Into<PathBuf>,
        pictures: impl Into<PathBuf>,
        direction: Direction,
        out: impl Into<PathBuf>,
    ) -> Self {
        let (run, pictures, out) = (run.into(), pictures.into(), out.into());
        let (own, fit, max_side, output) = (None, None, None, Output::default());
        Self { run, own, pictures, direction, fit, max_side, out, output }
    }
}

/// Translates the images and writes them.
///
/// # Errors
/// When the run does not translate, no checkpoint can be used, the pictures cannot be read or do
/// not fit into memory, or a file cannot be written.
pub fn translate(request: &TranslateRequest) -> Result<Written, Failure> {
    processor::on_a_kernel_thread(|| translate_here(request))
}

/// Translates on the current thread.
fn translate_here(request: &TranslateRequest) -> Result<Written, Failure> {
    let Trained { config, system, found, .. } =
        resume::open_trained_showing(&request.run, request.own.as_ref(), &request.output)?;
    let (Sampler::Images(sampler), Some(shape)) = (system.samples(), system.image_shape()) else {
        let why = format!("it is a run of `{}`, which draws from random numbers", config.entry.name);
        return Err(Failure::new(Code::Usage, "this run does not translate pictures")
            .at(request.run.display())
            .because(why)
            .help(advice!(
                "draws-instead",
                "draw with `train sample {}`, or give a run of cyclegan",
                quoted(&request.run)
            )));
    };
    let frame = Frame::of(request, sampler.sides(), shape, config.fitting()?)?;
    let is_file = request.pictures.is_file() && !datasets::is_in_archive(&request.pictures);
    let root = if is_file { storage::folder_of(&request.pictures) } else { &request.pictures };
    refuse_the_same(root, &request.out)?;
    // Earlier translations among the pictures are not translated again.
    let (files, left_out) = list_pictures(&request.pictures, Some(&request.out)).map_err(data::failure)?;
    frame.can_have(&config, &files)?;
    storage::make_folder(&request.out)?;

    let output = &request.output;
    found.passed_over().iter().chain(&left_out).for_each(|line| output.say(line));
    let mut sheet = Sheet::new(sampler, request.direction, shape);
    let (mut written, mut unreadable, mut transparent) = (0, Vec::new(), Vec::new());
    let bar = LateBar::new(output, "pictures", files.len() as u64);
    let paths: Vec<PathBuf> = files.iter().map(PictureSource::path).collect();
    for (file, name) in files.iter().zip(names(&paths, root)) {
        let picture = match decode_picture(file, shape[2], &frame.fitting) {
            Ok(picture) => picture,
            Err(error) => {
                bar.say(&format!("skipped {}: {}", file.path().display(), error.why()));
                unreadable.push(error);
                bar.increment();
                continue;
            }
        };
        let size = frame.size(picture.size);
        if picture.transparent {
            transparent.push(file.path().display().to_string());
        }
        let pixels = frame.fitted(picture);
        let translation = processor::keep_threads_awake(|| sheet.translate(&pixels, size, frame.padded(size)))?;
        let path = request.out.join(name);
        storage::make_folder_for(&path)?;
        let file = pictures::encode(&translation, size[1], size[0], pictures::color(shape[2]));
        storage::write_whole(&RealDisk, &path, &file.map_err(|why| StorageError::drawing(&path, why))?)?;
        written += 1;
        bar.increment();
    }
    drop(bar);
    if let (0, Some(error)) = (written, unreadable.pop()) {
        return Err(data::failure(error));
    }
    if !transparent.is_empty() {
        output.say(&blended(&transparent, frame.fitting.background));
    }
    let path = request.out.join(SHEET);
    pictures::warning_of(&path, sheet.not_finite, pictures::MARKED).iter().for_each(|line| output.say(line));
    sheet.write(&path)?;
    let pictures = plural(written, "picture");
    let step = found.checkpoint.step;
    let about = format!("{written} {pictures}, step {step}; side by side in {}", path.display());
    Ok(Written { path: request.out.clone(), about })
}

/// The line about pictures with transparent pixels.
fn blended(names: &[String], background: Background) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names = names[..names.len().min(MOST_NAMED)].join(", ");
    let background = String::from(background);
    format!("transparent  {names}{more}: transparent pixels are blended with {background}; translations are opaque")
}

/// The sizes of the pictures and of what the network gets.
struct Frame {
    fit: Fit,
    max_side: Option<usize>,
    /// What the network can take, if that is more than one size.
    sides: Option<Sides>,
    /// Height, width and channels of the training images.
    shape: [usize; 3],
    /// With the aspect that was asked for.
    fitting: Fitting,
}

impl Frame {
    fn of(
        request: &TranslateRequest,
        sides: Option<Sides>,
        shape: [usize; 3],
        fitting: Fitting,
    ) -> Result<Self, Failure> {
        let fit = match (request.fit, sides) {
            (Some(Fit::Own), None) => {
                return Err(Failure::new(Code::Usage, "this run cannot translate pictures at their own size")
                    .at(request.run.display())
                    .because("its system only takes images of the size of the training images")
                    .help(advice!("one-size-only", "fit the pictures to that size: crop, stretch or pad")));
            }
            (Some(fit), _) => fit,
            (None, Some(_)) => Fit::Own,
            (None, None) => Fit::Training(Aspect::Crop),
        };
        if let (Fit::Training(_), Some(_)) = (fit, request.max_side) {
            return Err(Failure::new(Code::Usage, "--max-side has no effect")
                .at("option --max-side")
                .because("all pictures get the size of the training images")
                .help(advice!(
                    "idle-max-side",
                    "leave out `--max-side`, or keep the pictures' own size: `--fit own`"
                )));
        }
        let aspect = if let Fit::Training(aspect) = fit { aspect } else { fitting.aspect };
        let max_side = request.max_side.map(|side| usize::try_from(side).unwrap_or(usize::MAX));
        Ok(Self { fit, max_side, sides, shape, fitting: Fitting { aspect, ..fitting } })
    }

    /// The (height, width) that a picture of size `own` is translated at.
    fn size(&self, own: [usize; 2]) -> [usize; 2] {
        match (self.fit, self.max_side) {
            (Fit::Training(_), _) => [self.shape[0], self.shape[1]],
            (Fit::Own, Some(side)) if own[0].max(own[1]) > side => scaled_within(own, [side; 2]),
            (Fit::Own, _) => own,
        }
    }

    /// The (height, width) that the network gets for a picture that is translated at `size`.
    fn padded(&self, size: [usize; 2]) -> [usize; 2] {
        match (self.fit, self.sides) {
            (Fit::Own, Some(sides)) => size.map(|side| sides.at_least(side)),
            _ => size,
        }
    }

    /// The pixels of the picture at its [`size`](Self::size).
    fn fitted(&self, picture: datasets::Picture) -> Vec<u8> {
        let (own, size) = (picture.size, self.size(picture.size));
        match self.fit {
            Fit::Own if own == size => picture.bytes,
            Fit::Own => {
                let scaled = Fitting { crop: Crop::None, aspect: Aspect::Stretch, ..self.fitting.clone() };
                scaled.fit(&picture.bytes, own, self.shape[2], size)
            }
            Fit::Training(_) => self.fitting.fit(&picture.bytes, own, self.shape[2], size),
        }
    }

    /// Rejects pictures whose translation needs more memory than there is, before any is
    /// translated.
    fn can_have(&self, config: &Config, files: &[PictureSource]) -> Result<(), Failure> {
        if self.fit != Fit::Own {
            return Ok(());
        }
        // Unreadable files are skipped later.
        let sizes = files.iter().filter_map(|file| Some((file, picture_size(file).ok()?)));
        let pixels = |own: [usize; 2]| self.padded(self.size(own)).iter().product::<usize>();
        let Some((file, own)) = sizes.max_by_key(|(_, own)| pixels(*own)) else { return Ok(()) };
        let padded = |size: [usize; 2]| {
            let padded = self.padded(size);
            (padded, padded.iter().product::<usize>() <= MOST_FOR_ALL_COLUMNS)
        };
        plan::can_translate(config, &file.path(), own, self.size(own), padded)
    }
}

/// Translates pictures, and collects the tiles of the sheet for the first ones: the same columns as
/// on a run's own sheets.
struct Sheet<'a> {
    sampler: &'a dyn Translate,
    direction: Direction,
    /// Height, width and channels of a tile.
    tile: [usize; 3],
    /// The pixels of all tiles, row by row.
    tiles: Vec<u8>,
    columns: usize,
    /// How many numbers on the sheet are not finite, and how many there are.
    not_finite: [usize; 2],
}

impl<'a> Sheet<'a> {
    fn new(sampler: &'a dyn Translate, direction: Direction, [height, width, channels]: [usize; 3]) -> Self {
        let tile = [height.max(TILE), width.max(TILE), channels];
        Self { sampler, direction, tile, tiles: Vec::new(), columns: samples::COLUMNS, not_finite: [0; 2] }
    }

    /// The pixels of the translation of a picture of this (height, width), which the network gets
    /// at the size `padded`.
    fn translate(&mut self, pixels: &[u8], size: [usize; 2], padded: [usize; 2]) -> Result<Vec<u8>, Failure> {
        let channels = self.tile[2];
        let picture = mirrored(pixels, size, padded, channels);
        let cut = |image: &Tensor| cut_back(&pictures::bytes(image), padded, size, channels);
        let full = self.tiles.len() == ON_THE_SHEET * self.columns * self.tile.iter().product::<usize>();
        if full || padded.iter().product::<usize>() > MOST_FOR_ALL_COLUMNS {
            let translation = cut(&pictures::finite(self.sampler.translate(self.direction, &picture))?);
            if !full {
                self.add(&[pixels, &translation], size);
            }
            return Ok(translation);
        }
        let columns = samples::columns(self.sampler, self.direction, &picture);
        self.not_finite[0] += columns.iter().map(Tensor::count_non_finite).sum::<usize>();
        self.not_finite[1] += columns.iter().map(Tensor::size).sum::<usize>();
        let translation = cut(&pictures::finite(columns[1].clone())?);
        let [home, identity] = [&columns[2], &columns[3]].map(cut);
        self.add(&[pixels, &translation, &home, &identity], size);
        Ok(translation)
    }

    /// Adds a row of tiles with these pictures of (height, width) `size`; the rest stays empty.
    fn add(&mut self, row: &[&[u8]], size: [usize; 2]) {
        let [height, width, channels] = self.tile;
        let background = Background([SHADE; 3]);
        // Whole pixels of a small picture are repeated.
        let filter = if size[0].max(size[1]) < height.min(width) { Filter::Nearest } else { Filter::Area };
        let fitting = Fitting { aspect: Aspect::Pad, background, filter, ..Fitting::default() };
        for picture in row {
            self.tiles.extend(fitting.fit(picture, size, channels, [height, width]));
        }
        let empty = (self.columns - row.len()) * height * width * channels;
        self.tiles.resize(self.tiles.len() + empty, SHADE);
    }

    fn write(&self, path: &Path) -> Result<(), Failure> {
        pictures::write_sheet(&RealDisk, path, &self.tiles, self.tile, Arrangement::in_columns(self.columns))
    }
}

/// The pixels of a picture of (height, width) `size` as a tensor (1, height, width, channels) of
/// the size `padded`, with values in [0, 1]: the picture in the middle, its mirror image around it.
/// The edge itself is not repeated.
fn mirrored(pixels: &[u8], size: [usize; 2], padded: [usize; 2], channels: usize) -> Tensor {
    let places = [0, 1].map(|axis| {
        let before = (padded[axis] - size[axis]) / 2;
        (0..padded[axis]).map(|at| reflected(at as isize - before as isize, size[axis])).collect::<Vec<_>>()
    });
    Tensor::from_fn([1, padded[0], padded[1], channels], |i| {
        let (row, column) = (places[0][i / channels / padded[1]], places[1][i / channels % padded[1]]);
        f32::from(pixels[(row * size[1] + column) * channels + i % channels]) / 255.0
    })
}

/// The place in a row of `length` pixels that lies at `at` when the row is reflected at its ends
/// again and again.
fn reflected(at: isize, length: usize) -> usize {
    let period = 2 * (length - 1);
    if period == 0 {
        return 0;
    }
    let place = at.rem_euclid(period as isize) as usize;
    place.min(period - place)
}

/// The middle of (height, width) `size` of a picture of size `padded`: the inverse of
/// [`mirrored`].
fn cut_back(pixels: &[u8], padded: [usize; 2], size: [usize; 2], channels: usize) -> Vec<u8> {
    let [top, left] = [0, 1].map(|axis| (padded[axis] - size[axis]) / 2);
    let rows = pixels.chunks_exact(padded[1] * channels).skip(top).take(size[0]);
    rows.flat_map(|row| &row[left * channels..][..size[1] * channels]).copied().collect()
}

/// The path of each translation: that of its picture within the source folder, with the extension
/// `.png`. If two would be equal, the later one keeps its own extension before `.png`.
fn names(files: &[PathBuf], root: &Path) -> Vec<PathBuf> {
    let mut taken = HashSet::from([PathBuf::from(SHEET)]);
    let name = |file: &PathBuf| {
        let own = file.strip_prefix(root).unwrap_or(file);
        // A file in an archive is itself the source.
        let own = if own == Path::new("") { Path::new(file.file_name().unwrap_or_default()) } else { own };
        let mut name = own.with_extension("png");
        let mut ending = own.extension().unwrap_or_default().to_owned();
        while !taken.insert(name.clone()) {
            ending.push(".png");
            name = own.with_extension(&ending);
        }
        name
    };
    files.iter().map(name).collect()
}

/// Rejects an output folder that is also the source folder.
fn refuse_the_same(pictures: &Path, out: &Path) -> Result<(), Failure> {
    match (fs::canonicalize(pictures), fs::canonicalize(out)) {
        (Ok(pictures), Ok(to)) if pictures == to => {
            Err(Failure::new(Code::Usage, "the translations would replace the pictures")
                .at(out.display())
                .because("--out is the folder of the pictures")
                .help(advice!("onto-the-pictures", "give another folder")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translations_are_called_as_their_pictures() {
        let files = ["in/a.jpg", "in/a.png", "in/b/a.jpg", "in/_sheet.png", "in/c"].map(PathBuf::from);
        let names = names(&files, Path::new("in"));
        let expected = ["a.png", "a.png.png", "b/a.png", "_sheet.png.png", "c.png"].map(PathBuf::from);
        assert_eq!(names, expected);
    }

    #[test]
    fn pictures_are_mirrored_to_a_larger_size_and_cut_back() {
        let at = |length: usize| (-3..length as isize + 3).map(|at| reflected(at, length)).collect::<Vec<_>>();
        assert_eq!(at(4), [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
        assert_eq!(at(2), [1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(at(1), [0; 7]);
        // The same as reflection padding of a tensor.
        let pixels: Vec<u8> = (0..3 * 5 * 3).map(|i| i * 5).collect();
        let picture = Tensor::from_fn([1, 3, 5, 3], |i| f32::from(pixels[i]) / 255.0);
        let wanted = tensor::Var::constant(picture).reflection_pad([1, 2, 2, 2]).into_value();
        let padded = mirrored(&pixels, [3, 5], [6, 9], 3);
        assert_eq!(padded, wanted);
        assert_eq!(cut_back(&pictures::bytes(&padded), [6, 9], [3, 5], 3), pixels);
        assert_eq!(mirrored(&[255], [1, 1], [8, 8], 1), Tensor::full([1, 8, 8, 1], 1.0));
    }

    /// Inverts brightness.
    struct Negative;

    impl Translate for Negative {
        fn translate(&self, _direction: Direction, images: &Tensor) -> Tensor {
            Tensor::from_fn(*images.shape(), |i| 1.0 - images.data()[i])
        }
    }

    #[test]
    fn large_pictures_have_two_columns_and_small_ones_four() {
        let mut sheet = Sheet::new(&Negative, Direction::AToB, [64, 64, 3]);
        let tile = 128 * 128 * 3;
        let small = sheet.translate(&[10; 30 * 20 * 3], [30, 20], [32, 24]).unwrap();
        assert_eq!(small, [245; 30 * 20 * 3]);
        assert_eq!(sheet.tiles.len(), 4 * tile);
        let middle = |number: usize| sheet.tiles[number * tile..][tile / 2 + 128 / 2 * 3];
        assert_eq!([0, 1, 2, 3].map(middle), [10, 245, 10, 245]);
        let size = [1, MOST_FOR_ALL_COLUMNS + 1];
        sheet.translate(&vec![10; 3 * size[1]], size, size).unwrap();
        assert_eq!(sheet.tiles.len(), 8 * tile);
        assert!(sheet.tiles[6 * tile..].iter().all(|shade| *shade == SHADE), "empty");
        for _ in 0..8 {
            sheet.translate(&[10; 3], [1, 1], [1, 1]).unwrap();
        }
        assert_eq!(sheet.tiles.len(), ON_THE_SHEET * 4 * tile);
    }
}
