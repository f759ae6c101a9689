//! Translation: [`translate`] repaints images of one domain in the style of the other, with a run
//! of image translation.
//!
//! Every picture is scaled to the size of the training images, in the same way as those were
//! (`[images]` in the run's configuration, without the random crop). Its translation has the same
//! size.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{advice, list_pictures, load_picture, plural, quoted};

use crate::console::Output;
use crate::data;
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::observers::samples;
use crate::processor;
use crate::sampling::Written;
use crate::sampling::pictures::{self, Arrangement};
use crate::storage::{self, RealDisk};
use crate::systems::Trainable;
use models::{Direction, Sampler, Translate};
use tensor::Tensor;

/// The name of the sheet in the folder of translations.
const SHEET: &str = "_sheet.png";
/// The number of pictures on it.
const ON_THE_SHEET: usize = 8;

/// Which images to translate with which run, and where the translations go.
#[derive(Clone, Debug)]
pub struct TranslateRequest {
    /// A run folder, or one of its checkpoint files.
    pub run: PathBuf,
    /// The caller's own system, if the run trains one; built-in systems are found by name.
    pub own: Option<Arc<Trainable>>,
    /// A folder of images, or an image file; each image is scaled to the size of the training
    /// images.
    pub pictures: PathBuf,
    /// The direction of the translation.
    pub direction: Direction,
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
        Self { run, own: None, pictures, direction, out, output: Output::default() }
    }
}

/// Translates the images and writes them.
///
/// # Errors
/// When the run does not translate, no checkpoint can be used, the pictures cannot be read, or a
/// file cannot be written.
pub fn translate(request: &TranslateRequest) -> Result<Written, Failure> {
    processor::on_a_kernel_thread(|| translate_here(request))
}

/// Translates on the current thread.
fn translate_here(request: &TranslateRequest) -> Result<Written, Failure> {
    let Trained { config, system, found, .. } = resume::open_trained(&request.run, request.own.as_ref())?;
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
    let fitting = config.fitting()?;
    let root = if request.pictures.is_file() { storage::folder_of(&request.pictures) } else { &request.pictures };
    refuse_the_same(root, &request.out)?;
    // Earlier translations among the pictures are not translated again.
    let (files, left_out) = list_pictures(&request.pictures, Some(&request.out)).map_err(data::failure)?;
    storage::make_folder(&request.out)?;

    let output = &request.output;
    found.passed_over().iter().chain(&left_out).for_each(|line| output.say(line));
    let mut sheet = Sheet { sampler, direction: request.direction, columns: Vec::new() };
    let (mut written, mut unreadable) = (0, Vec::new());
    for (file, name) in files.iter().zip(names(&files, root)) {
        let pixels = match load_picture(file, shape, &fitting) {
            Ok(pixels) => pixels,
            Err(error) => {
                output.say(&format!("skipped {}: {}", file.display(), error.why()));
                unreadable.push(error);
                continue;
            }
        };
        let picture = Tensor::from_fn([1, shape[0], shape[1], shape[2]], |i| f32::from(pixels[i]) / 255.0);
        let translation = pictures::finite(sheet.translate(&picture))?;
        let path = request.out.join(name);
        storage::make_folder(storage::folder_of(&path))?;
        pictures::write_sheet(&RealDisk, &path, &pictures::bytes(&translation), shape, Arrangement::BARE)?;
        written += 1;
    }
    if let (0, Some(error)) = (written, unreadable.pop()) {
        return Err(data::failure(error));
    }
    let path = request.out.join(SHEET);
    pictures::warning(&path, sheet.columns.iter(), pictures::MARKED).iter().for_each(|line| output.say(line));
    let arrangement = Arrangement::in_columns(sheet.columns.len());
    pictures::write_sheet(&RealDisk, &path, &pictures::side_by_side(&sheet.columns), shape, arrangement)?;
    let pictures = plural(written, "picture");
    let step = found.checkpoint.step;
    let about = format!("{written} {pictures}, step {step}; side by side in {}", path.display());
    Ok(Written { path: request.out.clone(), about })
}

/// Translates pictures, and collects the columns of the sheet for the first ones: the same as on a
/// run's own sheets.
struct Sheet<'a> {
    sampler: &'a dyn Translate,
    direction: Direction,
    columns: Vec<Tensor>,
}

impl Sheet<'_> {
    fn translate(&mut self, picture: &Tensor) -> Tensor {
        if self.columns.first().is_some_and(|column| column.shape()[0] == ON_THE_SHEET) {
            return self.sampler.translate(self.direction, picture);
        }
        let new = samples::columns(self.sampler, self.direction, picture);
        let translation = new[1].clone();
        self.columns = match self.columns.is_empty() {
            true => new,
            false => self.columns.iter().zip(&new).map(|(column, new)| column.concat(new)).collect(),
        };
        translation
    }
}

/// The path of each translation: that of its picture within the source folder, with the extension
/// `.png`. If two would be equal, the later one keeps its own extension before `.png`.
fn names(files: &[PathBuf], root: &Path) -> Vec<PathBuf> {
    let mut taken = HashSet::from([PathBuf::from(SHEET)]);
    let name = |file: &PathBuf| {
        let own = file.strip_prefix(root).unwrap_or(file);
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
}
