//! Counter-based random bits: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers:
//! as easy as 1, 2, 3", SC 2011).
//!
//! A counter-based generator has no mutable state. Word `i` of a stream is a pure function of the
//! stream's [`Key`] and `i`, so it does not matter which thread draws it, in which order, or
//! whether a run was interrupted in between.
//!
//! * [`Key`] names a stream: (seed, stream, step).
//! * [`words`] gives any four consecutive words of a stream; kernels such as dropout call it with
//!   the index of an element.
//! * [`Draws`] reads a stream from its start through the traits of the `rand` crate: uniform
//!   numbers, shuffles and so on. (Normal numbers come from
//!   [`Element::normal`](crate::Element::normal).)

use core::convert::Infallible;
use rand_core::TryRng;

/// The two 32-bit multipliers of a Philox round.
pub(crate) const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// The increments of the two key words between rounds (golden ratio and sqrt(3) - 1).
pub(crate) const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
/// Rounds of the standard generator.
pub(crate) const ROUNDS: usize = 10;

/// The name of a stream of random words: its use (`stream`), the run (`seed`) and the training step
/// (`step`).
///
/// Keys that differ in any of the three give independent streams of 2^34 words each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The seed of the run.
    pub seed: u64,
    /// The stream within the run: one number per use (a dropout layer, the latents, the choice of
    /// the batch, ...).
    pub stream: u32,
    /// The training step, or 0.
    pub step: u32,
}

/// The 64-bit FNV-1a hash of a sequence of words. Each word is one step of the hash, as a byte is
/// in the original.
pub fn fnv1a(words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(0xCBF2_9CE4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3))
}

impl Key {
    /// The stream number `stream` of the run `seed`, at step 0.
    pub fn new(seed: u64, stream: u32) -> Self {
        Self { seed, stream, step: 0 }
    }

    /// The same stream at another step.
    pub fn at(self, step: u32) -> Self {
        Self { step, ..self }
    }

    /// The stream with the 32-bit FNV-1a hash of `name` as its number, so that no central list of
    /// streams is needed.
    pub fn named(seed: u64, name: &str) -> Self {
        let hash = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self::new(seed, hash)
    }

    /// The 64-bit key of the block function.
    pub(crate) fn philox_key(self) -> [u32; 2] {
        [self.seed as u32, (self.seed >> 32) as u32]
    }

    /// The 128-bit counter of block `block` of this stream.
    pub(crate) fn philox_counter(self, block: u32) -> [u32; 4] {
        [block, 0, self.stream, self.step]
    }

    /// A generator of the `rand` crate that reads this stream from its start.
    pub fn draws(self) -> Draws {
        Draws { key: self, block: 0, buffer: [0; 4], used: 4 }
    }
}

/// The Philox4x32-10 block function: from 128 bits of counter and 64 bits of key to 128 random
/// bits.
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for round in 0..ROUNDS {
        if round > 0 {
            k0 = k0.wrapping_add(WEYL[0]);
            k1 = k1.wrapping_add(WEYL[1]);
        }
        let product0 = u64::from(MULTIPLIERS[0]) * u64::from(c0);
        let product1 = u64::from(MULTIPLIERS[1]) * u64::from(c2);
        (c0, c1, c2, c3) =
            ((product1 >> 32) as u32 ^ c1 ^ k0, product1 as u32, (product0 >> 32) as u32 ^ c3 ^ k1, product0 as u32);
    }
    [c0, c1, c2, c3]
}

/// Words `4 * block .. 4 * block + 4` of the stream `key`.
pub fn words(key: Key, block: u32) -> [u32; 4] {
    philox4x32(key.philox_counter(block), key.philox_key())
}

/// The number in [0, 1) that a random word stands for: word / 2^32, exactly.
pub fn unit(word: u32) -> f64 {
    f64::from(word) / (1_u64 << 32) as f64
}

/// The index below `count` that a random word chooses: floor(unit * count). `count` is at most
/// 2^32; the probabilities of two indices differ by at most 2^-32.
pub fn index(word: u32, count: usize) -> usize {
    ((u64::from(word) * count as u64) >> 32) as usize
}

/// Reads a stream word by word. It implements `Rng` of `rand` (and cannot fail), so all
/// distributions of `rand` and `rand_distr` can draw from it.
#[derive(Clone, Debug)]
pub struct Draws {
    key: Key,
    block: u32,
    buffer: [u32; 4],
    used: usize,
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        if self.used == 4 {
            self.buffer = words(self.key, self.block);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        Ok(self.buffer[self.used - 1])
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let low = u64::from(self.try_next_u32()?);
        Ok(low | u64::from(self.try_next_u32()?) << 32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            chunk.copy_from_slice(&self.try_next_u32()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with the hash, for single letters.
    #[test]
    fn fnv1a_gives_the_published_known_answers() {
        assert_eq!(fnv1a([]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a".bytes().map(u64::from)), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar".bytes().map(u64::from)), 0x8594_4171_f739_67e8);
    }

    /// The known answers published with the authors' library (Random123, `kat_vectors`).
    #[test]
    fn philox_gives_the_published_known_answers() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox4x32([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox4x32([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn words_become_numbers_and_indices() {
        assert_eq!([0, 1 << 31, u32::MAX].map(unit), [0.0, 0.5, 1.0 - 2_f64.powi(-32)]);
        for count in [1, 3, 784, 1 << 20] {
            assert_eq!([0, u32::MAX].map(|word| index(word, count)), [0, count - 1]);
            let word = 0x9E37_79B9;
            assert_eq!(index(word, count), (unit(word) * count as f64) as usize);
        }
    }

    #[test]
    fn draws_are_the_words_in_order_and_keys_separate_streams() {
        let key = Key::named(7, "latents").at(3);
        let mut draws = key.draws();
        let read: Vec<u32> = (0..8).map(|_| draws.try_next_u32().unwrap()).collect();
        assert_eq!(read, [words(key, 0), words(key, 1)].concat());
        let others = [Key { seed: 8, ..key }, Key { stream: 1, ..key }, key.at(4)];
        assert!(others.iter().all(|&other| words(other, 0) != words(key, 0)));
    }
}
