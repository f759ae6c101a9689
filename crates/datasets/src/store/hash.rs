//! Hashes that identify sets of images, single images and lists of files. They guard against
//! mistakes and damage, not against attacks.

/// Bytes hashed as one piece: a constant, so that a fingerprint does not depend on the number of
/// threads.
pub(crate) const PIECE: usize = 1 << 20;

/// The initial value of the hashes (FNV's 64-bit offset basis).
const SEED: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a's step on a word instead of a byte. It is a bijection in each argument, so inputs that
/// differ in one word always have different hashes.
fn absorb(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29)
}

/// The hash of a piece: eight bytes at a time (little-endian), then its length.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(SEED, |hash, word| absorb(hash, u64::from_le_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, &byte| absorb(hash, u64::from(byte)));
    absorb(hash, bytes.len() as u64)
}

/// The hash of a sequence of numbers.
pub(crate) fn hash_words(words: impl IntoIterator<Item = u64>) -> u64 {
    spread(words.into_iter().fold(SEED, absorb))
}

/// The fingerprint of images from the hashes of their pieces; `shape` is (count, height, width, channels).
pub(crate) fn fingerprint(shape: [usize; 4], pieces: impl IntoIterator<Item = u64>) -> String {
    format!("{:016x}", hash_words(shape.map(|length| length as u64).into_iter().chain(pieces)))
}

/// Mixes the bits of the hash (the finaliser of splitmix64).
fn spread(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ hash >> 31
}

/// Hashes a stream of bytes in pieces.
#[derive(Default)]
pub(crate) struct Pieces {
    hashes: Vec<u64>,
    /// The bytes of an incomplete piece.
    rest: Vec<u8>,
}

impl Pieces {
    /// Appends bytes.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.rest.len()));
            self.rest.extend_from_slice(now);
            bytes = later;
            if self.rest.len() == PIECE {
                self.hashes.push(hash_bytes(&self.rest));
                self.rest.clear();
            }
        }
    }

    /// The hashes of all pieces. The last piece may be shorter.
    pub(crate) fn finish(mut self) -> Vec<u64> {
        if !self.rest.is_empty() {
            self.hashes.push(hash_bytes(&self.rest));
        }
        self.hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_depend_on_how_the_bytes_come() {
        let bytes: Vec<u8> = (0..2 * PIECE + 77).map(|at| (at * 7 % 251) as u8).collect();
        let whole: Vec<u64> = bytes.chunks(PIECE).map(hash_bytes).collect();
        for step in [1000, PIECE - 1, PIECE, PIECE + 1, bytes.len()] {
            let mut pieces = Pieces::default();
            bytes.chunks(step).for_each(|part| pieces.push(part));
            assert_eq!(pieces.finish(), whole, "{step}");
        }
    }
}
