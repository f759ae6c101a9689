//! Loads the images at a path, in any format, and notes what users should know about them.

use std::fs;
use std::path::Path;

use datasets::{
    Aspect, Crop, DataFiles, Fitting, Histogram, Images, LoadRequest, Loaded, Pair, Split, advice, constant_value,
    nearest, quoted,
};

use super::failure;
use super::loaders::{LoadedImages, Wanted};
use crate::failure::{Code, Failure, typed};

/// Loads the images at `path` as the network needs them.
///
/// # Errors
/// If the format is not supported, the files are damaged, or all images are blank.
pub(super) fn any(path: &Path, wanted: &Wanted<'_>) -> Result<LoadedImages, Failure> {
    let files = DataFiles::find(path, wanted.class).map_err(failure)?;
    let has_class = files.is_class_file();
    let loaded = files.load(&wanted.request).map_err(failure)?;
    let mut notes: Vec<String> = loaded.notes.iter().map(|note| format!("             {note}")).collect();
    notes.extend(loss_note(&loaded, wanted));
    notes.extend(loaded.warning.iter().map(|warning| format!("warning      {warning}")));
    // Checked before everything is read: there may be too many images.
    loaded.images.require(1).map_err(failure)?;
    if !wanted.request.options.inspect_only {
        let fitting = wanted.request.fitting;
        let histogram = histogram_of(&loaded.images, fitting, path)?;
        notes.extend(channels_note(&loaded, &histogram, wanted));
        let warning = histogram.warning(|| loaded.value_scale(fitting.range), wanted.softened);
        notes.extend(warning.map(|warning| format!("warning      {}", typed(&warning))));
    }
    Ok(LoadedImages { domains: vec![loaded.images], notes, has_class, ..LoadedImages::default() })
}

/// The histogram of the images.
///
/// # Errors
/// If all images are blank.
fn histogram_of(images: &Images, fitting: &Fitting, path: &Path) -> Result<Histogram, Failure> {
    if let Some(value) = constant_value(images).map_err(failure)? {
        let refused = Failure::new(Code::Data, "the images are blank")
            .at(path.display())
            .because(format!("every value of all {} images is {value}", images.count()));
        return Err(refused.help(match fitting.range {
            Some(range) => {
                advice!("blank-by-range", "leave out `--set images.range={range}`, or use images that are not blank")
            }
            None => advice!("blank", "use images that are not blank"),
        }));
    }
    Histogram::of(images).map_err(failure)
}

/// A note if parts of the images are cropped away, or their proportions change.
fn loss_note(loaded: &Loaded, wanted: &Wanted<'_>) -> Option<String> {
    let LoadRequest { size, fitting, .. } = &wanted.request;
    let to = [size[0], size[1]];
    let mut losses = loaded.sizes().into_iter().filter_map(|from| Some((from, fitting.loss(from, to)?)));
    let ([height, width], loss) = losses.next()?;
    let others = if losses.next().is_some() { ", and others likewise" } else { "" };
    let what = format!("images of {height}x{width} are {loss}{others}");
    Some(format!(
        "             {}",
        typed(&match (fitting.crop, fitting.aspect) {
            (Crop::None, Aspect::Stretch) => advice!(
                "stretched",
                "{what}; `--set images.aspect=crop` or `--set images.aspect=pad` keeps their proportions"
            ),
            (Crop::None, _) => advice!("cropped", "{what}; `--set images.aspect=pad` keeps the whole images"),
            _ => advice!("cropped-first", "{what}; `--set images.crop=none` keeps more of them"),
        })
    ))
}

/// A note if the files and the network have different numbers of channels.
fn channels_note(loaded: &Loaded, histogram: &Histogram, wanted: &Wanted<'_>) -> Option<String> {
    let line = match wanted.request.shape[2] {
        1 if !loaded.has_colour() => return None,
        1 if wanted.has_channels => typed(&advice!(
            "made-grey",
            "colour images, converted to grey; use `--set channels=3` to learn the colours"
        )),
        1 => "colour images, converted to grey for the network".into(),
        3 if histogram.is_grey() && wanted.has_channels => typed(&advice!(
            "grey-in-three",
            "grey images, repeated to three channels; use `--set channels=1` to learn in grey"
        )),
        3 if histogram.is_grey() => "grey images, repeated to three channels for the network".into(),
        3 if wanted.has_channels && loaded.has_transparency() => typed(&advice!(
            "made-opaque",
            "transparent images, blended with the background; use `--set channels=4` to learn the transparency"
        )),
        3 if loaded.has_transparency() => "transparent images, blended with the background".into(),
        4 if !loaded.has_transparency() => typed(&advice!(
            "opaque-in-four",
            "no transparent pixels were found; use `--set channels=3` to learn colours alone"
        )),
        _ => return None,
    };
    Some(format!("             {line}"))
}

/// Reads the two sets of a pair, each in any supported format.
///
/// # Errors
/// When they are missing, and as [`any`].
pub(super) fn pair(path: &Path, wanted: &Wanted<'_>) -> Result<LoadedImages, Failure> {
    if !is_folder_or_archive(path) {
        return Err(Failure::new(Code::Data, "training a translation needs two sets of images")
            .at(path.display())
            .because("this is one file")
            .help(advice!(
                "pair-of-one-file",
                "make a folder, or a zip archive, that contains two folders of pictures, trainA and trainB, or two arrays, trainA.npy and trainB.npy"
            )));
    }
    let pair = Pair::find(path, wanted.request.split).map_err(failure)?;
    let mut both = LoadedImages::default();
    let request = &wanted.request;
    let wanted = Wanted { request: LoadRequest { options: request.options.shared_by(2), ..*request }, ..*wanted };
    for path in [pair.a, pair.b] {
        let found = any(&path, &wanted)?;
        both.domains.extend(found.domains);
        both.notes.extend(found.notes);
    }
    Ok(both)
}

/// Whether the path has a held-out part.
pub(super) fn has_test_part(path: &Path) -> bool {
    DataFiles::find(path, None).is_ok_and(|files| files.has_split(Split::Test))
}

/// Like [`has_test_part`], for pairs.
pub(super) fn has_test_pair(path: &Path) -> bool {
    is_folder_or_archive(path) && Pair::find(path, Split::Test).is_ok()
}

/// Whether the path is a folder, a zip archive, or leads into one.
fn is_folder_or_archive(path: &Path) -> bool {
    path.is_dir() || datasets::is_in_archive(path)
}

/// The failure for a path that does not exist; `built_in` names the images that would be used
/// without a path.
pub(super) fn nothing_at(path: &Path, built_in: &str) -> Failure {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let failure = Failure::new(Code::Data, "there is no such file or folder").at(path.display());
    let failure = failure.because(if folder.is_dir() {
        "no file or folder has this name".to_owned()
    } else if datasets::is_in_archive(folder) {
        "no file or folder in the archive has this name".to_owned()
    } else {
        format!("there is no folder {} either", folder.display())
    });
    failure.help(match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => advice!("data-near", "did you mean `{}`?", quoted(&path.with_file_name(near))),
        None => advice!("no-data-there", "check the path, or leave out `--data` to learn from built-in {built_in}"),
    })
}
