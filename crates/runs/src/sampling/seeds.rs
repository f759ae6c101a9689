//! Selects latents: several of one seed, or some of each of several seeds.

use datasets::advice;

use super::list;
use crate::failure::{Code, Failure};
use models::FromLatents;
use tensor::Tensor;

/// The random stream of samples: sample `n` of a seed never changes.
pub(super) const STREAM: &str = "sample";

/// Seeds, and the number of samples of each.
#[derive(Debug, PartialEq)]
pub(crate) struct Seeds {
    seeds: Vec<u64>,
    each: usize,
    /// Whether the seeds were listed; file names then contain the seed.
    listed: bool,
}

impl Seeds {
    /// The first `count` samples of `seed`.
    pub(crate) fn one(seed: u64, count: usize) -> Self {
        Self { seeds: vec![seed], each: count, listed: false }
    }

    /// The first `each` samples of every seed of a list such as `0-35,100`; at most `most` in
    /// total.
    ///
    /// # Errors
    /// When the list has another format or is too long.
    pub(crate) fn listed(text: &str, each: usize, most: usize) -> Result<Self, Failure> {
        let failure = |why: String| {
            Failure::new(Code::Usage, "cannot read the list of seeds").at("option --seeds").because(why).help(advice!(
                "list-of-seeds",
                "give whole numbers and ranges, separated by commas, such as `--seeds 0-3,100`"
            ))
        };
        let mut seeds = Vec::new();
        for range in list::ranges(text, 0).map_err(failure)? {
            let more = range.end() - range.start();
            if more >= most as u64 || (seeds.len() + more as usize + 1).saturating_mul(each) > most {
                return Err(failure(format!("{text:?} stands for too many samples (allowed: 1 to {most})")));
            }
            seeds.extend(range);
        }
        Ok(Self { seeds, each, listed: true })
    }

    /// The total number of samples.
    pub(crate) fn count(&self) -> usize {
        self.seeds.len() * self.each
    }

    /// All latents, concatenated, and the length of one. (They are small, a few hundred bytes each,
    /// unlike the images.)
    pub(crate) fn latents(&self, sampler: &dyn FromLatents) -> (Vec<f32>, usize) {
        let mut all = Vec::new();
        for seed in &self.seeds {
            all.extend_from_slice(sampler.latents(*seed, STREAM, self.each).data());
        }
        let length = all.len() / self.count();
        (all, length)
    }

    /// The first seed.
    pub(crate) fn first(&self) -> u64 {
        self.seeds[0]
    }

    /// The first `count` latents of the first seed.
    pub(crate) fn of_one(&self, sampler: &dyn FromLatents, count: usize) -> Tensor {
        sampler.latents(self.first(), STREAM, count)
    }

    /// The key latents of an interpolation, for each of the tiles shown side by side. For one seed,
    /// `keys` times as many samples are drawn, and the interpolation starts at the seed's first
    /// samples; listed seeds are the keys themselves.
    pub(crate) fn keys(&self, sampler: &dyn FromLatents, keys: usize) -> (Vec<Vec<f32>>, usize) {
        let (all, length) = match self.seeds.as_slice() {
            [seed] if !self.listed => Self::one(*seed, self.each * keys).latents(sampler),
            _ => self.latents(sampler),
        };
        (all.chunks(length * self.each).map(<[f32]>::to_vec).collect(), length)
    }

    /// The numbers of tiles of an interpolation and of key latents per tile: `keys` for a single
    /// seed, one for each of several listed seeds.
    pub(crate) fn walk(&self, keys: usize) -> (usize, usize) {
        (self.each, if self.listed { self.seeds.len() } else { keys })
    }

    /// The file name of sample `number` (from 0), without extension.
    pub(crate) fn name(&self, number: usize) -> String {
        let (seed, place) = (self.seeds[number / self.each], number % self.each + 1);
        match (self.listed, self.each) {
            (false, each) => format!("{place:0width$}", width = each.to_string().len().max(4)),
            (true, 1) => format!("seed-{seed:04}"),
            (true, each) => format!("seed-{seed:04}-{place:0width$}", width = each.to_string().len()),
        }
    }

    /// `seed 3`, or `seeds 0 to 35`, for messages; with dashes in file names.
    pub(crate) fn label(&self) -> String {
        match self.seeds.as_slice() {
            [seed] => format!("seed {seed}"),
            [first, .., last] => format!("seeds {first} to {last}"),
            [] => "no seeds".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_seeds_are_read() {
        let seeds = Seeds::listed("0-3,100, 7", 2, 100).unwrap();
        assert_eq!((&seeds.seeds[..], seeds.count()), (&[0, 1, 2, 3, 100, 7][..], 12));
        let top = u64::MAX.to_string();
        assert_eq!(Seeds::listed(&top, 1, 1).unwrap().seeds, [u64::MAX]);
        let twice = format!("{0}-{top}", u64::MAX - 1);
        for (text, words) in [
            ("", "\"\""),
            ("1,,2", "not a whole number"),
            ("x", "\"x\""),
            ("-3", "not a whole number"),
            ("1.5", "\"1.5\""),
            ("5-2", "backwards"),
            ("0-100", "too many"),
            ("0-18446744073709551615", "too many"),
            ("0-40,0-40", "too many"),
            (&twice, "too many"),
            ("18446744073709551616", "not a whole number"),
        ] {
            let failure = Seeds::listed(text, 1, if text == twice { 1 } else { 50 }).unwrap_err();
            assert!(failure.code == Code::Usage && failure.to_string().contains(words), "{text}: {failure}");
        }
    }

    #[test]
    fn files_are_named_by_number_or_by_seed() {
        assert_eq!(Seeds::one(9, 5).name(4), "0005");
        assert_eq!(Seeds::one(9, 50_000).name(0), "00001");
        assert_eq!(Seeds::listed("3,100", 1, 9).unwrap().name(1), "seed-0100");
        assert_eq!(Seeds::listed("3,100", 2, 9).unwrap().name(3), "seed-0100-2");
        assert_eq!(Seeds::listed("3,5-7", 2, 9).unwrap().label(), "seeds 3 to 7");
    }
}
