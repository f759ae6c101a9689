//! Animated interpolations between latents, as tiles side by side.

use std::time::Duration;

use datasets::{advice, plural};

use super::chosen::Chosen;
use super::{Job, MOST, SampleRequest, draw, nothing, pictures_stay};
use crate::console::LateBar;
use crate::failure::{Code, Failure};
use crate::sampling::animation::{self, Format};
use crate::sampling::pictures;

/// An animation that interpolates between latents: spherically (slerp) for normal latents, linearly
/// (lerp) for uniform ones.
#[derive(Clone, Debug)]
pub struct Interpolation {
    /// Frames per segment, from one latent to the next.
    pub frames: u32,
    /// The number of key latents per tile; ignored if seeds are listed or latents given, which are
    /// then the keys.
    pub keys: u32,
    /// Frames per second, at most [`MOST_PER_SECOND`](super::animation::MOST_PER_SECOND).
    pub fps: u32,
    /// Whether it returns from the last latent to the first and loops seamlessly.
    pub closed: bool,
}

impl Default for Interpolation {
    fn default() -> Self {
        Self { frames: 16, keys: 4, fps: 16, closed: false }
    }
}

/// The frames of an interpolation.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Walk {
    /// The number of key latents.
    keys: usize,
    /// Frames per segment.
    between: usize,
    /// Whether it returns to the first key.
    closed: bool,
}

impl Walk {
    /// The total number of frames. An open walk ends at its last key, a closed one just before its
    /// first.
    fn frames(self) -> usize {
        if self.closed { self.keys * self.between } else { (self.keys - 1) * self.between + 1 }
    }

    /// The keys before and after a frame, and its relative position between them.
    fn position(self, frame: usize) -> (usize, usize, f64) {
        let (key, rest) = (frame / self.between, frame % self.between);
        (key, (key + 1) % self.keys, rest as f64 / self.between as f64)
    }
}

impl Job<'_> {
    /// Draws the animation. Returns a short description of what was written.
    pub(super) fn walk(&self, format: Format, request: &SampleRequest) -> Result<String, Failure> {
        let how = request.interpolation.clone().unwrap_or_default();
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let (tiles, keys) = self.chosen.walk(size(how.keys));
        let walk = Walk { keys, between: size(how.frames), closed: how.closed };
        if keys < 2 {
            let failure = Failure::new(Code::Usage, "an interpolation needs at least two latents");
            return Err(match self.chosen {
                Chosen::Seeds(seeds) => {
                    failure.at("option --seeds").because("only one seed is listed").help(advice!(
                        "walk-of-one-seed",
                        "list several, such as `--seeds {0},{1}`, or leave out `--seeds` to interpolate between samples of one seed",
                        seeds.first(),
                        seeds.first().wrapping_add(1)
                    ))
                }
                Chosen::Given(given) => {
                    let only = format!("{} is only one row", given.text);
                    failure.at(format!("option --{}", given.what)).because(only).help(advice!(
                        "walk-of-one-row",
                        "give several rows, such as `--{} 1-4`",
                        given.what
                    ))
                }
            });
        }
        let frames = walk.frames();
        let few = u32::try_from(frames).ok().filter(|_| frames.saturating_mul(tiles) <= MOST);
        let frame_count = few.ok_or_else(|| {
            Failure::new(Code::Usage, "the animation is too long")
                .at("options --frames, --keys and --count")
                .because(format!("{frames} frames of {tiles} pictures are more than {MOST} pictures"))
                .help(match (self.chosen, &request.seeds) {
                    (Chosen::Given(_), _) => {
                        advice!("walk-through-rows-too-long", "ask for fewer, such as `--frames 8`")
                    }
                    (_, Some(_)) => {
                        advice!("walk-through-seeds-too-long", "ask for fewer, such as `--frames 8 --count 1`")
                    }
                    _ => advice!("walk-too-long", "ask for fewer, such as `--frames 16 --keys 4 --count 4`"),
                })
        })?;

        let layout = self.layout(tiles)?;
        let time = Duration::from_millis(u64::from(1000 / how.fps));
        let kept = if format == Format::Frames { pictures_stay() } else { nothing() };
        let (latents, length) = self.chosen.keys(self.sampler, keys);
        let kind = self.sampler.kind();
        let bar = LateBar::new(self.output, "frames", frames as u64);
        animation::write(format, self.out, frame_count, layout.size(), self.image[2], |show| {
            for frame in 0..frames {
                self.stop_if_asked(frame * tiles, frames * tiles, &kept)?;
                let (from, to, part) = walk.position(frame);
                let pairs = latents[from].chunks(length).zip(latents[to].chunks(length));
                let here: Vec<f32> = pairs.flat_map(|(from, to)| kind.between(from, to, part)).collect();
                let parts = here.chunks(length * pictures::at_a_time(self.image));
                let pixels =
                    parts.map(|batch| draw(self.sampler, batch, length)).collect::<Result<Vec<_>, _>>()?.concat();
                show(&layout.compose(&pixels), time)?;
                bar.increment();
            }
            Ok(())
        })?;
        let each = if tiles == 1 { "" } else { " each" };
        Ok(format!(
            "{frames} {} of {tiles} {} through {keys} samples{each}",
            plural(frames, "frame"),
            plural(tiles, "walk")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_lie_between_their_keys() {
        let open = Walk { keys: 3, between: 4, closed: false };
        assert_eq!(open.frames(), 9);
        assert_eq!(
            [0, 1, 4, 7, 8].map(|frame| open.position(frame)),
            [(0, 1, 0.0), (0, 1, 0.25), (1, 2, 0.0), (1, 2, 0.75), (2, 0, 0.0)]
        );
        let closed = Walk { closed: true, ..open };
        assert_eq!(closed.frames(), 12);
        assert_eq!([8, 11].map(|frame| closed.position(frame)), [(2, 0, 0.0), (2, 0, 0.75)]);
    }
}
