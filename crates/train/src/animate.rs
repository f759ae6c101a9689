//! `train animate`: an animation of a run's own sheets, which shows a network that learns to draw.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::animation::{Animation, Form};
use crate::cli::AnimateOptions;
use crate::console::print;
use crate::failure::{Code, Failure};
use crate::run_folder;
use crate::storage::{RealDisk, StorageError, Unfinished};

/// A sheet that was read: its pixels, its height and width, and its channels.
type Sheet = (Vec<u8>, [usize; 2], usize);

/// Makes the animation: one of each kind of sheet that the run has.
///
/// # Errors
/// When there are no sheets, one of them cannot be read or has another size, or the file cannot be written.
pub(crate) fn run(options: &AnimateOptions) -> Result<(), Failure> {
    let form = options.out.as_deref().map_or(Ok(Form::Png), Form::of)?;
    let located = run_folder::locate(&options.run)?;
    let run = located.run.unwrap_or_else(|| options.run.clone());
    let kinds = sheets(&run.join("samples"), options.every);
    if kinds.is_empty() {
        return Err(Failure::new(Code::Data, "the run has no sheets")
            .at(run.join("samples").display())
            .because("it holds no file such as step-000100.png")
            .help("give a run folder; a training draws a sheet every --sample-every steps"));
    }
    let out = options.out.clone().unwrap_or_else(|| run.join("samples/progress.png"));
    for (kind, files) in kinds {
        let out = with_kind(&out, &kind);
        write(form, &out, &files, options)?;
        print(&format!("{}: {} sheets of {}\n", out.display(), files.len(), run.display()))?;
    }
    Ok(())
}

/// The files `step-NNNNNN<kind>.png` of the folder in the order of their steps, kind by kind. (A run that translates has one kind of
/// sheet for each direction; others have one without a name.) With `every`, the last one and those of its multiples.
fn sheets(folder: &Path, every: Option<u64>) -> BTreeMap<String, Vec<PathBuf>> {
    let mut kinds: BTreeMap<String, BTreeMap<u64, PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix("step-")?.strip_suffix(".png")) else {
            continue;
        };
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        let (step, kind) = name.split_at(digits);
        if let Ok(step) = step.parse() {
            kinds.entry(kind.to_owned()).or_default().insert(step, entry.path());
        }
    }
    let wanted = |steps: BTreeMap<u64, PathBuf>| {
        let last = steps.keys().next_back().copied();
        let wanted = |step: u64| every.is_none_or(|every| step.is_multiple_of(every)) || Some(step) == last;
        steps.into_iter().filter(|(step, _)| wanted(*step)).map(|(_, path)| path).collect()
    };
    kinds.into_iter().map(|(kind, steps)| (kind, wanted(steps))).collect()
}

/// `progress-a-to-b.png` for the kind `-a-to-b`.
fn with_kind(out: &Path, kind: &str) -> PathBuf {
    let name = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    out.with_file_name(format!("{}{kind}.{}", name(out.file_stem()), name(out.extension())))
}

fn write(form: Form, out: &Path, files: &[PathBuf], options: &AnimateOptions) -> Result<(), Failure> {
    let failed = |why: String| Failure::from(StorageError::new("draw", out, io::Error::other(why)));
    let frames = u32::try_from(files.len()).map_err(|error| failed(error.to_string()))?;
    let usual = Duration::from_millis(u64::from(1000 / options.fps));
    let hold = Duration::from_secs(u64::from(options.hold)).max(usual);
    let first = read(&files[0])?;
    let mut file = Unfinished::begin(&RealDisk, out)?;
    let mut animation = Animation::begin(form, &mut file, frames, first.1, first.2).map_err(failed)?;
    for (number, path) in files.iter().enumerate() {
        let sheet = read(path)?;
        if (sheet.1, sheet.2) != (first.1, first.2) {
            let told =
                |[height, width]: [usize; 2], channels: usize| format!("{width} x {height}, {channels} channels");
            return Err(Failure::new(Code::Data, "the sheets are of different sizes")
                .at(path.display())
                .because(format!("{}; the first one: {}", told(sheet.1, sheet.2), told(first.1, first.2)))
                .help("keep only the sheets of one training in the folder"));
        }
        animation.frame(&sheet.0, if number + 1 == files.len() { hold } else { usual }).map_err(failed)?;
    }
    animation.end().map_err(failed)?;
    Ok(file.finish()?)
}

/// Reads a sheet.
fn read(path: &Path) -> Result<Sheet, Failure> {
    let failure = |why: String| {
        Failure::new(Code::Data, "cannot read a sheet")
            .at(path.display())
            .because(why)
            .help("delete the file if it is damaged; the other sheets will do")
    };
    let bytes = fs::read(path).map_err(|error| failure(error.to_string()))?;
    let told = |error: png::DecodingError| failure(error.to_string());
    let mut reader = png::Decoder::new(io::Cursor::new(bytes)).read_info().map_err(told)?;
    let size = reader.output_buffer_size().ok_or_else(|| failure("it is too large".to_owned()))?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(told)?;
    let channels = match (info.color_type, info.bit_depth) {
        (png::ColorType::Grayscale, png::BitDepth::Eight) => 1,
        (png::ColorType::Rgb, png::BitDepth::Eight) => 3,
        other => return Err(failure(format!("it is not a sheet of this program: {other:?}"))),
    };
    pixels.truncate(info.buffer_size());
    Ok((pixels, [info.height as usize, info.width as usize], channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_come_by_kind_and_step() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "step-000100.png",
            "step-1000000.png",
            "step-000250.png",
            "step-000100-a-to-b.png",
            "reals.png",
            "step-.png",
            "step-000300.txt",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |every| -> Vec<(String, Vec<String>)> {
            let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            sheets(folder.path(), every)
                .into_iter()
                .map(|(kind, files)| (kind, files.into_iter().map(name).collect()))
                .collect()
        };
        let all = ["step-000100.png", "step-000250.png", "step-1000000.png"].map(str::to_owned).to_vec();
        let other = ("-a-to-b".to_owned(), vec!["step-000100-a-to-b.png".to_owned()]);
        assert_eq!(names(None), [(String::new(), all.clone()), other.clone()]);
        assert_eq!(names(Some(250))[0].1, all[1..]);
        assert_eq!(names(Some(1 << 40)), [(String::new(), all[2..].to_vec()), other]);
        assert_eq!(with_kind(Path::new("a/progress.png"), "-a-to-b"), Path::new("a/progress-a-to-b.png"));
    }
}
