//! Reads what lies at a path, whatever form it has, and tells what should be known of it before anything is learned from it.

use std::fs;
use std::path::{Path, PathBuf};

use datasets::{
    Depth, Fitting, Form, Images, Levels, Look, Numbers, Pair, Range, Split, advice, depth_of, has_cifar, has_idx,
    load_array, load_cifar, load_folder, load_idx, load_strokes, nearest, only_value, quoted,
};

use super::failure;
use super::loaders::{LoadedImages, Wanted};
use crate::failure::{Code, Failure, typed};

/// Pictures of a folder in whose files colours are looked for.
const SAMPLE: usize = 4;

/// Images as they were read, before they are brought to what is wanted.
struct Read {
    images: Images,
    notes: Vec<String>,
    numbers: Source,
}

/// Where the numbers of images can be looked up.
enum Source {
    /// From black to white.
    Range(Range),
    /// In an array that was looked at.
    Depth(Depth),
    /// In the files of pictures, which are fitted already.
    Files(Vec<PathBuf>),
}

/// Reads the images at `path` as the network wants them.
///
/// # Errors
/// When it is no form of images, or one with a fault; and when there is nothing in the images.
pub(super) fn any(path: &Path, wanted: &Wanted<'_>) -> Result<LoadedImages, Failure> {
    let form = Form::of(path, wanted.class).map_err(failure)?;
    // A file in the folder is called as the class.
    let has_class = form.path() != path && form.path().file_stem().is_some_and(|stem| wanted.class == stem.to_str());
    let Read { images, mut notes, numbers } = read(&form, wanted)?;
    let channels = images.channels();
    let images = match numbers {
        Source::Files(_) => images,
        Source::Range(_) | Source::Depth(_) => {
            // An array's range is applied already.
            let levels = if matches!(form, Form::Array(_)) { Levels::default() } else { wanted.fitting.range };
            images.converted(wanted.size, wanted.fitting, levels)
        }
    };
    // Too many to be gone through.
    images.require(1).map_err(failure)?;
    if wanted.options.look_only {
        return Ok(LoadedImages { domains: vec![images], notes, has_class, ..LoadedImages::default() });
    }
    let look = look_at(&images, wanted.fitting, path)?;
    notes.extend(channels_note(channels, &numbers, &look, wanted));
    let numbers = || match &numbers {
        Source::Range(range) => Numbers::Of(*range),
        Source::Depth(depth) => Numbers::In(*depth),
        // With a range that is named the numbers between are meant.
        Source::Files(files) => match (wanted.fitting.range, depth_of(files)) {
            (Levels(Some(range)), _) => Numbers::Of(range),
            (_, Some(depth)) => Numbers::In(depth),
            _ => Numbers::Of(Range::BYTES),
        },
    };
    let remark = look.remark(numbers, wanted.softened);
    notes.extend(remark.map(|remark| format!("warning      {}", typed(&remark))));
    Ok(LoadedImages { domains: vec![images], notes, has_class, ..LoadedImages::default() })
}

fn read(form: &Form, wanted: &Wanted<'_>) -> Result<Read, Failure> {
    let Levels(range) = wanted.fitting.range;
    let bytes =
        |images: Images| Read { images, notes: Vec::new(), numbers: Source::Range(range.unwrap_or(Range::BYTES)) };
    match form {
        Form::Idx(path) => load_idx(path, wanted.split).map(bytes),
        Form::Cifar(path) => load_cifar(path, wanted.split).map(bytes),
        Form::Strokes(path) => load_strokes(path).map(bytes),
        Form::Array(path) => load_array(path, wanted.fitting.range, Some(wanted.shape)).map(|array| Read {
            images: array.images,
            notes: array.note.iter().map(|note| format!("             {note}")).collect(),
            numbers: match array.extent {
                // Floats that were scaled with a sharp filter lie a little beyond.
                Some([low, high]) if array.range.black() == 0.0 && low >= 0.0 && high <= array.range.white() => {
                    Source::Depth(Depth { white: array.range.white(), low, high, colour: false })
                }
                _ => Source::Range(array.range),
            },
        }),
        Form::Pictures(path) => load_folder(path, wanted.size, wanted.fitting, &wanted.options).map(|folder| {
            let mut notes = vec![format!("             {}", folder.found)];
            notes.extend(folder.left_out.iter().map(|line| format!("             {line}")));
            notes.extend(folder.skipped.map(|skipped| format!("warning      {skipped}")));
            Read { images: folder.images, notes, numbers: Source::Files(folder.sample) }
        }),
    }
    .map_err(failure)
}

/// What the images look like.
///
/// # Errors
/// When nothing is in them.
fn look_at(images: &Images, fitting: &Fitting, path: &Path) -> Result<Look, Failure> {
    if let Some(value) = only_value(images).map_err(failure)? {
        let refused = Failure::new(Code::Data, "there is nothing in the pictures")
            .at(path.display())
            .because(format!("every number of all {} images is {value}", images.count()));
        return Err(refused.help(match fitting.range {
            Levels(Some(_)) => {
                let range = String::from(fitting.range);
                advice!("blank-by-range", "leave out `--set images.range={range}`, or use a set with something in it")
            }
            _ => advice!("blank", "use a set with something in it"),
        }));
    }
    Look::at(images).map_err(failure)
}

/// One line if the images have other channels than the network.
fn channels_note(channels: usize, numbers: &Source, look: &Look, wanted: &Wanted<'_>) -> Option<String> {
    let is_colour = || match numbers {
        Source::Range(_) | Source::Depth(_) => channels > 1,
        Source::Files(files) => depth_of(&files[..files.len().min(SAMPLE)]).is_some_and(|Depth { colour, .. }| colour),
    };
    let line = match wanted.shape[2] {
        1 if !is_colour() => return None,
        1 if wanted.has_channels => {
            typed(&advice!("made-grey", "in colour, made grey; `--set channels=3` learns the colours"))
        }
        1 => "in colour, made grey: the network learns in grey".into(),
        3 if look.is_grey() && wanted.has_channels => {
            typed(&advice!("grey-in-three", "grey, the same in three channels; `--set channels=1` learns in grey"))
        }
        3 if look.is_grey() => "grey, the same in three channels: the network learns in colour".into(),
        _ => return None,
    };
    Some(format!("             {line}"))
}

/// Reads the two sets of a pair, each in whatever form it has.
///
/// # Errors
/// When they are not there, and as [`any`].
pub(super) fn pair(path: &Path, wanted: &Wanted<'_>) -> Result<LoadedImages, Failure> {
    if !path.is_dir() {
        return Err(Failure::new(Code::Data, "a translation is learned from two sets of pictures")
            .at(path.display())
            .because("this is one file")
            .help(advice!(
                "pair-of-one-file",
                "make a folder with trainA and trainB in it, two folders of pictures or two files, trainA.npy and trainB.npy"
            )));
    }
    let pair = Pair::find(path, wanted.split).map_err(failure)?;
    let mut both = LoadedImages::default();
    let wanted = Wanted { options: wanted.options.shared_by(2), ..*wanted };
    for path in [pair.a, pair.b] {
        let found = any(&path, &wanted)?;
        both.domains.extend(found.domains);
        both.notes.extend(found.notes);
    }
    Ok(both)
}

/// Whether the path holds a part that nothing is learned from.
pub(super) fn has_test_part(path: &Path) -> bool {
    match Form::of(path, None) {
        Ok(Form::Idx(path)) => has_idx(&path, Split::Test),
        Ok(Form::Cifar(path)) => has_cifar(&path, Split::Test),
        _ => false,
    }
}

/// The same for pairs.
pub(super) fn has_test_pair(path: &Path) -> bool {
    path.is_dir() && Pair::find(path, Split::Test).is_ok()
}

/// The failure of a path at which nothing is; `built_in` names what would be learned from without one.
pub(super) fn nothing_at(path: &Path, built_in: &str) -> Failure {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let failure = Failure::new(Code::Data, "there is no such file or folder").at(path.display());
    let failure = failure.because(if folder.is_dir() {
        "nothing has this name".to_owned()
    } else {
        format!("there is no folder {} either", folder.display())
    });
    failure.help(match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => advice!("data-near", "did you mean `{}`?", quoted(&path.with_file_name(near))),
        None => advice!("no-data-there", "check the path, or leave out `--data` to learn from built-in {built_in}"),
    })
}
