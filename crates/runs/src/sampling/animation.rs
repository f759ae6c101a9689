//! Animations: animated PNG, which is lossless, GIF, which every program can show, and folders of
//! frames, from which other programs make films.

use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use datasets::advice;

use crate::failure::Failure;
use crate::sampling::pictures;
use crate::storage::{self, RealDisk, StorageError, Unfinished};

/// The largest frame rate that players keep up with.
pub const MOST_PER_SECOND: u32 = 50;

/// The format of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Gif,
    /// A folder with a PNG file per frame.
    Frames,
}

impl Format {
    /// The format for the extension of a file, or for a folder.
    ///
    /// # Errors
    /// When the extension is unknown.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        match &*storage::extension(path) {
            _ if storage::names_folder(path) => Ok(Self::Frames),
            "png" => Ok(Self::Png),
            "gif" => Ok(Self::Gif),
            _ => Err(Failure::unknown_extension(path, "an animation").help(advice!(
                "animation-ending",
                "use .png for an animated PNG, which keeps every pixel, .gif, or a folder for single frames, such as \
                 `--out frames/`"
            ))),
        }
    }
}

/// Takes the frames of an animation in their order: the pixels, and for how long they are shown.
pub(crate) type Frames<'a> = dyn FnMut(&[u8], Duration) -> Result<(), Failure> + 'a;

/// Writes an animation to `path`: `frames` frames of height and width `size`, grey (1 channel), in
/// colour (3), or with alpha (4), which `draw` draws.
///
/// # Errors
/// When it is too large for the format or cannot be written, and the errors of `draw`.
pub(crate) fn write(
    format: Format,
    path: &Path,
    frames: u32,
    size: [usize; 2],
    channels: usize,
    draw: impl FnOnce(&mut Frames<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |why: String| Failure::from(StorageError::drawing(path, why));
    let format = match format {
        Format::Frames => {
            storage::make_folder(path)?;
            let (mut number, digits) = (0, frames.to_string().len().max(4));
            return draw(&mut |pixels, _| {
                number += 1;
                let file = pictures::encode(pixels, size[1], size[0], pictures::color(channels)).map_err(failed)?;
                Ok(storage::write_whole(&RealDisk, &path.join(format!("{number:0digits$}.png")), &file)?)
            });
        }
        Format::Png => Film::Png,
        Format::Gif => Film::Gif,
    };
    storage::make_folder_for(path)?;
    let mut file = Unfinished::begin(&RealDisk, path)?;
    let mut animation = Animation::begin(format, &mut file, frames, size, channels).map_err(failed)?;
    draw(&mut |pixels, time| animation.frame(pixels, time).map_err(failed))?;
    animation.end().map_err(failed)?;
    Ok(file.finish()?)
}

/// The format of a file with all frames.
#[derive(Clone, Copy, Debug)]
enum Film {
    Png,
    Gif,
}

/// An animation that is being written. It loops forever.
enum Animation<W: Write> {
    Png { writer: png::Writer<BufWriter<W>> },
    Gif { encoder: gif::Encoder<BufWriter<W>>, size: [u16; 2], channels: usize },
}

/// Errors are messages here; the caller adds the file.
type Result<T, E = String> = core::result::Result<T, E>;

fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl<W: Write> Animation<W> {
    /// Begins an animation of `frames` frames of height and width `size`, grey (1 channel), in
    /// colour (3), or with alpha (4), which a GIF has only as visible or not.
    ///
    /// # Errors
    /// A message, when it is too large for the format or cannot be written.
    fn begin(format: Film, to: W, frames: u32, [height, width]: [usize; 2], channels: usize) -> Result<Self> {
        let to = BufWriter::new(to);
        let too_large = |_| format!("frames of {width} x {height} are too large");
        match format {
            Film::Png => {
                let (width, height) =
                    (u32::try_from(width).map_err(too_large)?, u32::try_from(height).map_err(too_large)?);
                let mut encoder = png::Encoder::new(to, width, height);
                encoder.set_color(pictures::color(channels));
                encoder.set_depth(png::BitDepth::Eight);
                encoder.set_compression(png::Compression::High);
                encoder.set_animated(frames, 0).map_err(message)?;
                encoder.validate_sequence(true);
                Ok(Self::Png { writer: encoder.write_header().map_err(message)? })
            }
            Film::Gif => {
                let size = [u16::try_from(height).map_err(too_large)?, u16::try_from(width).map_err(too_large)?];
                // Grey pictures get a palette with all 256 greys, so they are lossless; colour
                // frames have a palette of 256 colours each.
                let greys: Vec<u8> = (0..=255).flat_map(|shade| [shade; 3]).collect();
                let palette = if channels == 1 { &greys[..] } else { &[] };
                let mut encoder = gif::Encoder::new(to, size[1], size[0], palette).map_err(message)?;
                encoder.set_repeat(gif::Repeat::Infinite).map_err(message)?;
                Ok(Self::Gif { encoder, size, channels })
            }
        }
    }

    /// Adds a frame, shown for `time` (a GIF counts in hundredths of a second; the longest time is
    /// one minute).
    ///
    /// # Errors
    /// A message.
    fn frame(&mut self, pixels: &[u8], time: Duration) -> Result<()> {
        let milliseconds = u16::try_from(time.as_millis()).unwrap_or(u16::MAX).min(60_000);
        match self {
            Self::Png { writer } => {
                writer.set_frame_delay(milliseconds, 1000).map_err(message)?;
                writer.write_image_data(pixels).map_err(message)
            }
            Self::Gif { encoder, size: [height, width], channels } => {
                let mut frame = match channels {
                    1 => gif::Frame {
                        width: *width,
                        height: *height,
                        buffer: Cow::Borrowed(pixels),
                        ..Default::default()
                    },
                    4 => gif::Frame::from_rgba_speed(*width, *height, &mut pixels.to_vec(), 10),
                    _ => gif::Frame::from_rgb_speed(*width, *height, pixels, 10),
                };
                frame.delay = milliseconds.div_ceil(10);
                encoder.write_frame(&frame).map_err(message)
            }
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// A message; also when the number of frames differs from the announced one.
    fn end(self) -> Result<()> {
        match self {
            Self::Png { writer } => writer.finish().map_err(message),
            Self::Gif { encoder, .. } => encoder.into_inner().map_err(message)?.flush().map_err(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three frames of 2 x 3 pixels, the last one longer.
    fn written(format: Film, channels: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
        let frames: Vec<Vec<u8>> =
            (0..3).map(|frame| (0..6 * channels).map(|i| (frame * 60 + i * 10) as u8).collect()).collect();
        let mut file = Vec::new();
        let mut animation = Animation::begin(format, &mut file, 3, [2, 3], channels).unwrap();
        for (pixels, time) in frames.iter().zip([80, 80, 2000]) {
            animation.frame(pixels, Duration::from_millis(time)).unwrap();
        }
        animation.end().unwrap();
        (file, frames)
    }

    #[test]
    fn an_animated_png_keeps_every_pixel() {
        for channels in [1, 3] {
            let (file, frames) = written(Film::Png, channels);
            let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
            assert_eq!(reader.info().animation_control.unwrap().num_frames, 3);
            assert_eq!(reader.info().animation_control.unwrap().num_plays, 0, "over and over");
            let mut delays = Vec::new();
            for wanted in frames {
                let mut pixels = vec![0; wanted.len()];
                reader.next_frame(&mut pixels).unwrap();
                assert_eq!(pixels, wanted);
                let control = reader.info().frame_control.unwrap();
                delays.push((control.delay_num, control.delay_den));
            }
            assert_eq!(delays, [(80, 1000), (80, 1000), (2000, 1000)]);
        }
    }

    #[test]
    fn a_gif_keeps_every_grey_and_few_colours() {
        for channels in [1, 3] {
            let (file, frames) = written(Film::Gif, channels);
            let mut options = gif::DecodeOptions::new();
            options.set_color_output(gif::ColorOutput::RGBA);
            let mut reader = options.read_info(&file[..]).unwrap();
            let mut delays = Vec::new();
            for wanted in frames {
                let frame = reader.read_next_frame().unwrap().unwrap();
                let rgb: Vec<u8> = frame.buffer.chunks(4).flat_map(|pixel| pixel[..channels].to_vec()).collect();
                assert_eq!(rgb, wanted, "{channels} channels");
                delays.push(frame.delay);
            }
            assert!(reader.read_next_frame().unwrap().is_none());
            assert_eq!(delays, [8, 8, 200]);
        }
    }

    #[test]
    fn a_missing_frame_and_a_wrong_extension_are_errors() {
        let animation = Animation::begin(Film::Png, Vec::new(), 2, [1, 1], 1).unwrap();
        assert!(animation.end().is_err());
        assert!(Animation::begin(Film::Gif, Vec::new(), 2, [1, 70_000], 1).is_err_and(|why| why.contains("too large")));
        assert_eq!(Format::of(Path::new("a.GIF")), Ok(Format::Gif));
        let failure = Format::of(Path::new("a.mp4")).unwrap_err().to_string();
        assert_eq!(Format::of(Path::new("frames/")), Ok(Format::Frames));
        assert!(failure.contains("mp4") && failure.contains(".gif"), "{failure}");
    }
}
