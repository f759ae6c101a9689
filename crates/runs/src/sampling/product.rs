//! [`Product`]: the kind of output that a request asks for.

use std::path::Path;

use datasets::{advice, quoted};

use super::animation::Format;
use super::{MOST, MOST_ON_A_SHEET, SampleRequest};
use crate::failure::{Code, Failure};
use crate::storage;

/// The kind of output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Product {
    /// All images side by side.
    Sheet,
    /// An array of bytes.
    Array,
    /// A folder with one picture per image.
    Files,
    /// An animated interpolation between latents.
    Walk(Format),
}

impl Product {
    /// The kind of output that the request asks for; the file extension decides.
    pub(super) fn of(request: &SampleRequest) -> Result<Self, Failure> {
        let walks = request.interpolation.is_some();
        let product = match &request.out {
            None if walks => Self::Walk(Format::Png),
            None => Self::Sheet,
            Some(path) if storage::names_folder(path) && walks => Self::Walk(Format::Frames),
            Some(path) if storage::names_folder(path) => Self::Files,
            Some(path) => match &*storage::extension(path) {
                "png" | "gif" if walks => Self::Walk(Format::of(path)?),
                "png" => Self::Sheet,
                "npy" => Self::Array,
                "gif" => {
                    return Err(Failure::new(Code::Usage, "a .gif is an animation").at(path.display()).help(advice!(
                        "gif-moves",
                        "add `--interpolate`, or make a sheet, `--out {}`",
                        with_extension(path, "png")
                    )));
                }
                _ => {
                    return Err(Failure::unknown_extension(path, "the samples").help(advice!(
                    "samples-ending",
                    "`--out {0}.png` is a sheet, `--out {0}.npy` an array of uint8, `--out {0}/` a folder of single pictures,\n\
                     `--interpolate --out {0}.gif` an animation, `--interpolate --out {0}/` its frames",
                    with_extension(path, "")
                )));
                }
            },
        };
        // An option without effect is an error.
        let [walk, zoom] = [("--interpolate", walks), ("--zoom", request.zoom.is_some())];
        let sheet = ("--sheet", request.sheet.is_some());
        let [columns, gap] = [("--columns", request.columns.is_some()), ("--gap", request.gap.is_some())];
        let (what, idle) = match product {
            Self::Array => ("an array", &[walk, sheet, columns, gap, zoom][..]),
            Self::Files => ("single pictures", &[sheet, columns, gap][..]),
            Self::Sheet | Self::Walk(_) => ("", &[][..]),
        };
        match idle.iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                let out = request.out.as_deref().unwrap_or(Path::new(""));
                Err(Failure::new(Code::Usage, format!("{option} has no effect on {what}")).at(out.display()).help(
                    advice!(
                        "idle-option",
                        "leave out `{option}`, or make a picture, `--out {}`",
                        with_extension(out, "png")
                    ),
                ))
            }
            None => Ok(product),
        }
    }

    /// The largest number of images.
    pub(super) fn most(self) -> usize {
        if matches!(self, Self::Array | Self::Files) { MOST } else { MOST_ON_A_SHEET }
    }
}

/// The path with another extension, quoted for the command line.
fn with_extension(path: &Path, extension: &str) -> String {
    quoted(&path.with_extension(extension))
}
