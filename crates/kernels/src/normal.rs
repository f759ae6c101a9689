//! Standard normal numbers by the formula of Box and Muller ("A note on the generation of random
//! normal deviates", 1958). A point in the plane at the distance sqrt(-2 log u) from the origin and
//! the angle 2 pi t, with u and t uniform on (0, 1), has two independent standard normal
//! coordinates.
//!
//! Numbers 2 i and 2 i + 1 are the coordinates of the point given by words 2 i and 2 i + 1 of the
//! stream, so each number is a pure function of the key and its index. No number exceeds 6.77 in
//! absolute value (a true normal one does once in 10^11).
//!
//! In a vector, the even and the odd lane of a pair both compute the distance. The odd lane rotates
//! the point back by a quarter turn, so that its coordinate is a cosine too. All operations are on
//! bit patterns or correctly rounded, so the bits are the same everywhere; the logarithm and sine
//! of a system library would not guarantee that.

use crate::math;
use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::random::Key;
use crate::simd::{Kernel, LANES, Simd, dispatch};
use crate::vector_words::{VECTORS, WORDS, even, words};

/// The bits of 1 and of 2^23. The spacing of the floats above them is 2^-23 and 1.
const ONE_BITS: u32 = 0x3F80_0000;
const TWO_23_BITS: u32 = 0x4B00_0000;
const TWO_23: f32 = 8_388_608.0;

/// 16 normal numbers from 16 words.
#[inline(always)]
fn normals<S: Simd>(s: S, words: S::U) -> S::F {
    let (other, even) = (s.swap_pairs_u(words), s.load_u(&const { even() }));
    let odd = s.xor_u(even, s.splat_u(u32::MAX));
    let choose = |at_even: S::U, at_odd: S::U| s.or_u(s.and_u(at_even, even), s.and_u(at_odd, odd));
    // Three quarters of a turn forward are a quarter turn back.
    let turn = choose(other, s.add_u(words, s.splat_u(3 << 30)));
    s.mul(distance(s, choose(words, other)), cosine(s, turn))
}

/// sqrt(-2 log u) for u = (word + 1/2) / 2^32, rounded once.
#[inline(always)]
fn distance<S: Simd>(s: S, word: S::U) -> S::F {
    // Half a word fits below 2^23, so it becomes a float without a conversion instruction.
    let float = |half: S::U| s.sub(s.bits_to_float(s.or_u(half, s.splat_u(TWO_23_BITS))), s.splat(TWO_23));
    let high = float(s.shift_right_u::<16>(word));
    let low = float(s.and_u(word, s.splat_u(0xFFFF)));
    let step = 1.0 / 65536.0;
    let low = s.mul(s.add(low, s.splat(0.5)), s.splat(step * step));
    let u = s.mul_add(high, s.splat(step), low);
    s.sqrt(s.mul(math::log(s, u), s.splat(-2.0)))
}

/// cos(2 pi t) for t = (k + 1/2) / 2^23, where k is the upper 23 bits of the word.
#[inline(always)]
fn cosine<S: Simd>(s: S, word: S::U) -> S::F {
    let shifted = s.bits_to_float(s.or_u(s.shift_right_u::<9>(word), s.splat_u(ONE_BITS)));
    // v is exact and in [-1/2, 1/2], and cos(2 pi t) = cos(2 pi (v + 1/2)) = sin(2 pi (|v| - 1/4)).
    let v = s.add(s.sub(shifted, s.splat(1.5)), s.splat(0.5 / TWO_23));
    math::sin_turns(s, s.sub(s.abs(v), s.splat(0.25)))
}

/// One piece, from index `first` on.
struct Normal<'a> {
    key: Key,
    first: usize,
    y: &'a mut [f32],
}

impl Kernel for Normal<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut block = (self.first / 4) as u32;
        for y in self.y.chunks_mut(WORDS) {
            let words: [S::U; VECTORS] = words(s, self.key, block);
            for (y, words) in y.chunks_mut(LANES).zip(words) {
                s.store_part(normals(s, words), y);
            }
            block = block.wrapping_add(WORDS as u32 / 4);
        }
    }
}

/// See [`Element::normal`](crate::Element::normal).
pub(crate) fn normal(key: Key, y: &mut [f32]) {
    for_each_piece(Pieces::new(y, GRAIN), |piece, y| dispatch(Normal { key, first: piece * GRAIN, y }));
}

#[cfg(test)]
mod tests;
