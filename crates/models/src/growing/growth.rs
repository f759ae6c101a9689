//! [`Growth`]: the schedule of a growing GAN.
//!
//! The schedule counts real images shown, in thousands (kimg). At each resolution the networks
//! first train unchanged for a while; then the blocks of the next resolution are faded in: their
//! blending weight `alpha` rises linearly from 0 to 1 (Karras et al. 2018).

use std::cell::Cell;
use std::ops::Range;

use crate::{SettingsError, in_range};

/// The current state of a growing GAN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// The newest resolution, counted from 0 for 4x4.
    pub level: usize,
    /// The blending weight of the newest blocks, above 0; 1 if they are fully faded in.
    pub alpha: f64,
}

impl Stage {
    /// A level that is fully faded in.
    pub fn whole(level: usize) -> Self {
        Self { level, alpha: 1.0 }
    }

    /// Height and width of the images.
    pub fn resolution(self) -> usize {
        resolution(self.level)
    }

    /// Whether the newest blocks are still being faded in.
    pub fn is_fading(self) -> bool {
        self.alpha < 1.0
    }

    /// Whether blocks have been added or fully faded in since `before`; the optimisers are then
    /// reset.
    pub fn is_a_border(self, before: Self) -> bool {
        (self.level, self.is_fading()) != (before.level, before.is_fading())
    }
}

/// Height and width of the images of a level.
pub fn resolution(level: usize) -> usize {
    4 << level
}

/// The schedule.
#[derive(Clone, Debug)]
pub struct Growth {
    first: usize,
    last: usize,
    /// Thousands of images without fading, per resolution.
    stable_kimg: f64,
    /// Thousands of images over which the next resolution is faded in.
    fade_kimg: f64,
    /// The maximal number of reals per step.
    batch: usize,
    /// The number of images shown before the first step.
    earlier: u64,
    /// A cache of two groups of steps, each with the number of images shown before it: the last one
    /// requested and the one before. Callers often request consecutive steps.
    known: Cell<[(u64, u64); 2]>,
}

/// Reals per step at each level: large images need more memory (Karras et al., for one GPU).
const BATCHES: [usize; 9] = [128, 128, 128, 64, 32, 16, 8, 4, 4];
/// The stage changes only at multiples of this number of steps.
const GROUP: u64 = 4;

impl Growth {
    /// A schedule from the level `first` to the level `last`, with at most `batch` reals per step.
    ///
    /// # Errors
    /// When a setting is out of range.
    ///
    /// # Panics
    /// When there are no such levels.
    pub fn new(
        [first, last]: [usize; 2],
        [stable_kimg, fade_kimg]: [f64; 2],
        batch: usize,
    ) -> Result<Self, SettingsError> {
        in_range("batch", batch as f64, 1.0, 4096.0)?;
        in_range("stable_kimg", stable_kimg, 0.0, 1e6)?;
        in_range("fade_kimg", fade_kimg, 1e-3, 1e6)?;
        assert!(first <= last && last < BATCHES.len(), "growth from level {first} to {last}");
        Ok(Self { first, last, stable_kimg, fade_kimg, batch, earlier: 0, known: Cell::default() })
    }

    /// The same schedule, joined after this many thousands of images.
    ///
    /// # Errors
    /// When the number is out of range.
    pub fn resumed(self, kimg: f64) -> Result<Self, SettingsError> {
        in_range("resume_kimg", kimg, 0.0, 1e9)?;
        let earlier = (1000.0 * kimg).round() as u64;
        Ok(Self { earlier, known: Cell::new([(0, earlier); 2]), ..self })
    }

    /// The last level.
    pub fn last(&self) -> usize {
        self.last
    }

    /// Reals per step at this level.
    pub fn batch(&self, level: usize) -> usize {
        self.batch.min(BATCHES[level])
    }

    /// The number of reals in the largest step.
    pub fn largest_batch(&self) -> usize {
        self.batch(self.first)
    }

    /// The stage after this many images.
    pub fn at(&self, images: u64) -> Stage {
        let kimg = images as f64 / 1000.0;
        let period = self.stable_kimg + self.fade_kimg;
        let phase = (kimg / period).floor();
        let fading = (kimg - phase * period - self.stable_kimg).max(0.0) / self.fade_kimg;
        let grown = (phase + fading).min((self.last - self.first) as f64);
        Stage { level: self.first + grown.ceil() as usize, alpha: 1.0 - (grown.ceil() - grown) }
    }

    /// Whether the networks are fully grown after this many images.
    fn is_grown(&self, images: u64) -> bool {
        let periods = (images as f64 / 1000.0 / (self.stable_kimg + self.fade_kimg)).floor();
        periods >= (self.last - self.first) as f64
    }

    /// The number of images shown before step number `step` (from 0), and the stage of the step.
    pub fn before(&self, step: u64) -> (u64, Stage) {
        let wanted = step / GROUP;
        let known = self.known.get();
        let from = known.into_iter().rev().find(|(group, _)| *group <= wanted).unwrap_or((0, self.earlier));
        let (mut before, mut at) = (from, from);
        let after =
            |(group, images): (u64, u64)| (group + 1, images + GROUP * self.batch(self.at(images).level) as u64);
        while at.0 < wanted && !self.is_grown(at.1) {
            (before, at) = (at, after(at));
        }
        if at.0 < wanted {
            // From here on all groups have the same size.
            let size = GROUP * self.batch(self.last) as u64;
            let images = |group: u64| at.1.saturating_add((group - at.0).saturating_mul(size));
            (before, at) = ((wanted - 1, images(wanted - 1)), (wanted, images(wanted)));
        }
        if at != from {
            self.known.set([before, at]);
        }
        let stage = self.at(at.1);
        (at.1 + step % GROUP * self.batch(stage.level) as u64, stage)
    }

    /// The number of images shown before the group of steps that step number `step` is in. A
    /// schedule that is [resumed](Self::resumed) there begins with the stage of that step.
    pub fn before_group(&self, step: u64) -> u64 {
        self.before(step - step % GROUP).0
    }

    /// Whether the optimisers are reset at this step.
    pub fn is_a_border(&self, step: u64) -> bool {
        step > 0 && self.before(step).1.is_a_border(self.before(step - 1).1)
    }

    /// The first of these steps, and every border among them, each with its stage.
    pub fn stages(&self, steps: Range<u64>) -> Vec<(u64, Stage)> {
        let (first, mut stage) = self.before(steps.start);
        let mut found = vec![(steps.start, stage)];
        let group = steps.start / GROUP;
        let mut at = (group, first - steps.start % GROUP * self.batch(stage.level) as u64);
        while let Some(border) = self.border_after(at.1) {
            // All groups before the border have the same size, so they can be skipped.
            let images = GROUP * self.batch(self.at(at.1).level) as u64;
            let groups = border.saturating_sub(at.1).div_ceil(images).max(1);
            at = (at.0 + groups, at.1 + groups * images);
            if at.0.saturating_mul(GROUP) >= steps.end {
                break;
            }
            let next = self.at(at.1);
            if next.is_a_border(stage) {
                found.push((at.0 * GROUP, next));
            }
            stage = next;
        }
        found
    }

    /// The number of images at which the next fade after `images` begins or ends; None if there is
    /// none.
    fn border_after(&self, images: u64) -> Option<u64> {
        let period = self.stable_kimg + self.fade_kimg;
        let phase = (images as f64 / 1000.0 / period).floor();
        let left = (self.last - self.first) as f64 - phase;
        // alpha is still 0 at the very beginning of a fade.
        let begins = (1000.0 * (phase * period + self.stable_kimg)).floor() as u64 + 1;
        let ends = (1000.0 * (phase + 1.0) * period).ceil() as u64;
        let border = [begins, ends].into_iter().find(|border| *border > images).unwrap_or(images + 1);
        (left > 0.0).then_some(border)
    }

    /// The number of steps that show this many thousands of images.
    pub fn steps(&self, kimg: f64) -> u64 {
        let mut step = 0;
        while (self.before(step).0 as f64) < 1000.0 * kimg {
            step += 1;
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Growth {
        Growth::new([0, 3], [8.0, 8.0], 16).unwrap()
    }

    /// A test vector of the specification: levels of detail still missing, and the resolution,
    /// after so many thousands of images.
    #[test]
    fn the_schedule_of_the_small_preset_is_known() {
        let missing = |stage: Stage| (3 - stage.level) as f64 + 1.0 - stage.alpha;
        let wanted =
            [(0, 3.0, 4), (12, 2.5, 8), (16, 2.0, 8), (28, 1.5, 16), (44, 0.5, 32), (48, 0.0, 32), (99, 0.0, 32)];
        for (kimg, lod, size) in wanted {
            let stage = small().at(1000 * kimg);
            assert_eq!((missing(stage), stage.resolution()), (lod, size), "at {kimg} kimg");
        }
        assert_eq!(small().at(8000), Stage::whole(0));
        assert!(small().at(8064).is_fading() && small().at(8064).level == 1);
    }

    #[test]
    fn a_resumed_schedule_goes_on_where_it_was() {
        let (whole, at) = (small(), 700);
        let (images, stage) = whole.before(at);
        let rest = small().resumed(images as f64 / 1000.0).unwrap();
        assert_eq!(rest.before(0), (images, stage));
        for step in [1, 300, 799, 1100, 5000, 3] {
            assert_eq!(rest.before(step), whole.before(at + step), "step {step}");
        }
        let moved: Vec<(u64, Stage)> = whole.stages(at..9000).into_iter().map(|(step, on)| (step - at, on)).collect();
        assert_eq!(rest.stages(0..9000 - at), moved);
    }

    /// Also within a group of steps, where more images have been shown than before the group.
    #[test]
    fn a_schedule_that_is_resumed_begins_with_the_stage_where_it_stopped() {
        let whole = small();
        for step in (498..512).chain([700, 701, 702, 703, 999, 3499]) {
            let rest = small().resumed(whole.before_group(step) as f64 / 1000.0).unwrap();
            assert_eq!(rest.before(0).1, whole.before(step).1, "step {step}");
        }
    }

    #[test]
    fn optimisers_begin_anew_whenever_a_fade_begins_or_ends() {
        let growth = small();
        let borders: Vec<u64> =
            (0..3500).filter(|step| growth.is_a_border(*step)).map(|step| growth.before(step).0).collect();
        // A fade takes effect with the first group of steps after its beginning.
        assert_eq!(borders, [8064, 16_000, 24_064, 32_000, 40_064, 48_000]);
        assert_eq!(growth.steps(56.0), 3500);
    }

    #[test]
    fn the_stages_are_where_the_borders_are() {
        let growth = small();
        let all: Vec<u64> = (0..3500).filter(|step| growth.is_a_border(*step)).collect();
        let found = |steps| growth.stages(steps).iter().map(|(step, _)| *step).collect::<Vec<_>>();
        assert_eq!(found(0..3500), [&[0], &all[..]].concat());
        assert_eq!(
            found(501..all[2] + 1),
            [501, all[0], all[1], all[2]][..].iter().filter(|s| **s >= 501).copied().collect::<Vec<_>>()
        );
        assert_eq!(found(0..1), [0]);
        for (step, stage) in growth.stages(0..3500) {
            assert_eq!(growth.before(step).1.level, stage.level);
        }
        let large = Growth::new([0, 8], [600.0, 600.0], 128).unwrap();
        let stages = large.stages(0..1_354_672);
        assert_eq!((stages.len(), stages[16].1), (17, Stage::whole(8)));
        assert!(stages.iter().skip(1).all(|(step, _)| large.is_a_border(*step)));
    }

    #[test]
    fn batches_shrink_with_the_images_and_asking_in_any_order_is_the_same() {
        let growth = Growth::new([0, 8], [600.0, 600.0], 128).unwrap();
        assert_eq!([0, 3, 4, 8].map(|level| growth.batch(level)), [128, 64, 32, 4]);
        let steps = [100_000, 7, 60_001, 60_000, 4, 100_001];
        let asked = steps.map(|step| growth.before(step));
        let fresh = steps.map(|step| Growth::new([0, 8], [600.0, 600.0], 128).unwrap().before(step));
        assert_eq!(asked, fresh);
        assert_eq!(growth.before(4), (512, Stage::whole(0)));
        assert_eq!((asked[0].1.resolution(), asked[5].0 - asked[0].0), (128, 16));
        assert_eq!(growth.steps(12_000.0), 1_354_672, "the authors' run");
        // Steps after the growth are computed in closed form, and can be requested in any order
        // too.
        assert_eq!(growth.before(1_354_672 + 4_000_000_000).0, growth.before(1_354_672).0 + 16_000_000_000);
        assert_eq!(growth.before(100_001), asked[5]);
        let from_8x8 = Growth::new([1, 8], [600.0, 600.0], 128).unwrap();
        assert_eq!(from_8x8.steps(25_000.0), 4_895_300, "that of StyleGAN");
    }
}
