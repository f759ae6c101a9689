//! [`animate`] makes an animation from a run's own sheets, which shows how the network learned to
//! draw.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datasets::{advice, plural};

use crate::console::{LateBar, Output};
use crate::failure::{Code, Failure};
use crate::folder;
use crate::observers::samples::sheets;
use crate::sampling::Written;
use crate::sampling::animation::{self, Format};
use crate::storage::StorageError;

/// A loaded sheet: its pixels, its height and width, and its channels.
type Sheet = (Vec<u8>, [usize; 2], usize);

/// Which run to animate, and where the animation goes.
#[derive(Clone, Debug)]
pub struct AnimateRequest {
    /// A run folder.
    pub run: PathBuf,
    /// An animated `.png`, a `.gif`, or a folder for the frames; without it, `samples/progress.png`
    /// in the run folder.
    pub out: Option<PathBuf>,
    /// Sheets per second, from 1 to [`MOST_PER_SECOND`](super::animation::MOST_PER_SECOND).
    pub fps: u32,
    /// Seconds for which the last sheet is shown.
    pub hold: u32,
    /// Uses only the sheets whose step is a multiple of this, and the last one.
    pub every: Option<u64>,
    /// Where messages go.
    pub output: Output,
}

impl AnimateRequest {
    /// A request for all sheets of the run `run`, five per second.
    pub fn of(run: impl Into<PathBuf>) -> Self {
        Self { run: run.into(), out: None, fps: 5, hold: 2, every: None, output: Output::default() }
    }
}

/// Makes the animation.
///
/// # Errors
/// When there are no sheets, one of them cannot be read or has another size, or the file cannot be
/// written.
pub fn animate(request: &AnimateRequest) -> Result<Written, Failure> {
    let format = request.out.as_deref().map_or(Ok(Format::Png), Format::of)?;
    let located = folder::locate(&request.run)?;
    let run = located.run.unwrap_or_else(|| request.run.clone());
    let files = chosen(&run, request.every);
    if files.is_empty() {
        return Err(Failure::new(Code::Data, "the run has no sheets")
            .at(run.join("samples").display())
            .because("it contains no file such as step-000100.png")
            .help(advice!("no-sheets", "give a run folder that contains sheets")));
    }
    let out = request.out.clone().unwrap_or_else(|| run.join("samples/progress.png"));
    write(format, &out, &files, request)?;
    let about = format!("{} {} of {}", files.len(), plural(files.len(), "sheet"), run.display());
    Ok(Written { path: out, about })
}

/// The sheets of the run in the order of their steps; with `every`, only those of its multiples and
/// the last one.
fn chosen(run: &Path, every: Option<u64>) -> Vec<PathBuf> {
    let steps = sheets(run);
    let last = steps.keys().next_back().copied();
    let wanted = |step: u64| every.is_none_or(|every| step.is_multiple_of(every)) || Some(step) == last;
    steps.into_iter().filter(|(step, _)| wanted(*step)).map(|(_, path)| path).collect()
}

fn write(format: Format, out: &Path, files: &[PathBuf], request: &AnimateRequest) -> Result<(), Failure> {
    let failed = |why: String| Failure::from(StorageError::drawing(out, why));
    let frames = u32::try_from(files.len()).map_err(|error| failed(error.to_string()))?;
    let usual = Duration::from_millis(u64::from(1000 / request.fps));
    let hold = Duration::from_secs(u64::from(request.hold)).max(usual);
    let first = read(&files[0])?;
    let bar = LateBar::new(&request.output, "frames", files.len() as u64);
    animation::write(format, out, frames, first.1, first.2, |show| {
        for (number, path) in files.iter().enumerate() {
            let sheet = read(path)?;
            if (sheet.1, sheet.2) != (first.1, first.2) {
                let described = |[height, width]: [usize; 2], channels: usize| {
                    format!("{width} x {height}, {channels} {}", plural(channels, "channel"))
                };
                return Err(Failure::new(Code::Data, "the sheets are of different sizes")
                    .at(path.display())
                    .because(format!("{}; the first one: {}", described(sheet.1, sheet.2), described(first.1, first.2)))
                    .help(advice!("sheets-of-others", "keep only the sheets of one run in the folder")));
            }
            show(&sheet.0, if number + 1 == files.len() { hold } else { usual })?;
            bar.increment();
        }
        Ok(())
    })
}

/// Reads a sheet.
fn read(path: &Path) -> Result<Sheet, Failure> {
    let failure = |why: String| {
        Failure::new(Code::Data, "cannot read a sheet")
            .at(path.display())
            .because(why)
            .help(advice!("damaged-sheet", "delete the file if it is damaged; the other sheets are sufficient"))
    };
    let bytes = fs::read(path).map_err(|error| failure(error.to_string()))?;
    let message = |error: png::DecodingError| failure(error.to_string());
    let mut reader = png::Decoder::new(io::Cursor::new(bytes)).read_info().map_err(message)?;
    let size = reader.output_buffer_size().ok_or_else(|| failure("it is too large".to_owned()))?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(message)?;
    let channels = match (info.color_type, info.bit_depth) {
        (png::ColorType::Grayscale, png::BitDepth::Eight) => 1,
        (png::ColorType::Rgb, png::BitDepth::Eight) => 3,
        (png::ColorType::Rgba, png::BitDepth::Eight) => 4,
        other => return Err(failure(format!("it is not a sheet of this program: {other:?}"))),
    };
    pixels.truncate(info.buffer_size());
    Ok((pixels, [info.height as usize, info.width as usize], channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_come_in_the_order_of_their_steps() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("samples")).unwrap();
        for name in ["step-1000000.png", "step-000100.png", "step-000250.png", "step-7-x.png", "reals.png", "step-.png"]
        {
            fs::write(folder.path().join("samples").join(name), "").unwrap();
        }
        let names = |every| -> Vec<String> {
            let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            chosen(folder.path(), every).into_iter().map(name).collect()
        };
        assert_eq!(names(None), ["step-000100.png", "step-000250.png", "step-1000000.png"]);
        assert_eq!(names(Some(250)), ["step-000250.png", "step-1000000.png"]);
        assert_eq!(names(Some(1 << 40)), ["step-1000000.png"]);
    }
}
