//! Normal numbers: the formula, the random stream, and the distribution.

use super::{cosine, normal};
use crate::random::{Key, words};
use crate::reference;
use crate::simd::{Kernel, LANES, Simd, dispatch};
use crate::testing::{SIZES, UNIT_ROUNDOFF, assert_same_bits, on_the_widest, same_bits_everywhere};

fn drawn(key: Key, count: usize) -> Vec<f32> {
    let mut y = vec![f32::NAN; count];
    normal(key, &mut y);
    y
}

#[test]
fn it_agrees_with_the_plain_loop_and_the_first_numbers_do_not_depend_on_the_count() {
    for key in [Key::new(5, 6).at(7), Key::new(u64::MAX, u32::MAX), Key::named(0, "latents")] {
        let whole = drawn(key, SIZES[SIZES.len() - 1]);
        for len in SIZES.into_iter().chain([63, 64, 65, 127, 128, 129]) {
            let got = same_bits_everywhere("normal", || drawn(key, len));
            assert_same_bits(&got, &whole[..len], "the first of many");
            let mut wanted = vec![f64::NAN; len];
            reference::normal(key, &mut wanted);
            for (got, wanted) in got.iter().zip(wanted) {
                let error = (f64::from(*got) - wanted).abs() / wanted.abs();
                assert!(error <= 8.0 * UNIT_ROUNDOFF, "{got} is {wanted}, off by {error:e}");
            }
        }
    }
}

/// The cosines of 16 words.
struct Cosines([u32; LANES]);

impl Kernel for Cosines {
    type Output = [f32; LANES];
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f32; LANES] {
        s.to_array(cosine(s, s.load_u(&self.0)))
    }
}

#[test]
fn the_cosine_is_right_for_the_whole_turn() {
    on_the_widest(|| {
        let mut worst: f64 = 0.0;
        let corners = [0, 1, 2, 3].map(|quarter: u32| (quarter << 30).wrapping_sub(4 << 9));
        let at = (0..1 << 14).map(|i: u32| i.wrapping_mul(0x0004_0001)).chain(corners);
        for start in at {
            let words: [u32; LANES] = std::array::from_fn(|i| start.wrapping_add((i as u32) << 9));
            for (word, got) in words.into_iter().zip(dispatch(Cosines(words))) {
                let exact = (std::f64::consts::TAU * (f64::from(word >> 9) + 0.5) / 2f64.powi(23)).cos();
                let exponent = ((exact.abs().to_bits() >> 52) as i32) - 1023;
                worst = worst.max((f64::from(got) - exact).abs() / 2f64.powi(exponent - 23));
            }
        }
        assert!(worst <= 3.0, "off by {worst} units in the last place");
    });
}

/// The distribution function of the standard normal distribution: the Taylor series around 0
/// (Marsaglia, "Evaluating the normal distribution", 2004).
fn phi(x: f64) -> f64 {
    let (mut sum, mut term, mut i) = (x, x, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        i += 2.0;
        term *= x * x / i;
        sum += term;
    }
    0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

#[test]
fn the_distribution_is_normal() {
    const N: usize = 1 << 20;
    let n = N as f64;
    for (seed, stream) in [(1, "latents"), (2, "weights")] {
        let mut x: Vec<f64> = drawn(Key::named(seed, stream), N).into_iter().map(f64::from).collect();
        // Adjacent numbers come from one point in the plane; they must be independent too.
        for (what, lag) in [("of a pair", 1), ("of two pairs", 2), ("of two blocks", 4)] {
            let products = x.iter().step_by(lag).zip(x.iter().skip(lag).step_by(lag)).map(|(a, b)| a * b);
            let sum: f64 = products.sum();
            let sigma = sum / (n / lag as f64).sqrt();
            assert!(sigma.abs() < 5.0, "numbers {what} are correlated: {sigma} standard deviations");
            let squares = x.iter().step_by(lag).zip(x.iter().skip(lag).step_by(lag));
            let sum: f64 = squares.map(|(a, b)| (a * a - 1.0) * (b * b - 1.0)).sum();
            let sigma = sum / (4.0 * n / lag as f64).sqrt();
            assert!(sigma.abs() < 5.0, "squares {what} are correlated: {sigma} standard deviations");
        }
        // The mean of x^k, and the variance of x^k: the moments are 0, 1, 0, 3, and the variance is
        // (2k-1)!! minus the square of the mean.
        for (power, mean, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let moment = x.iter().map(|x| x.powi(power)).sum::<f64>() / n;
            let sigma = (moment - mean) / (variance / n).sqrt();
            assert!(sigma.abs() < 5.0, "moment {power} is {moment}, off by {sigma} standard deviations");
        }
        // Kolmogorov and Smirnov: the largest distance of the two distribution functions, times
        // sqrt(n), exceeds 1.95 with a probability of 1 in 1000.
        x.sort_by(f64::total_cmp);
        let distance = |(i, x): (usize, &f64)| (phi(*x) - i as f64 / n).abs().max((phi(*x) - (i + 1) as f64 / n).abs());
        let largest = x.iter().enumerate().map(distance).fold(0.0, f64::max);
        assert!(largest * n.sqrt() < 1.95, "Kolmogorov-Smirnov: {}", largest * n.sqrt());
        // The tails: 66 of 2^20 numbers are expected beyond 4.
        let tail = 2.0 * n * phi(-4.0);
        let found = x.iter().filter(|x| x.abs() > 4.0).count() as f64;
        assert!((found - tail).abs() < 5.0 * tail.sqrt(), "{found} numbers beyond 4, expected {tail}");
    }
}

#[test]
fn the_smallest_and_the_largest_word_make_finite_numbers() {
    struct All([u32; LANES]);
    impl Kernel for All {
        type Output = [f32; LANES];
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> [f32; LANES] {
            s.to_array(super::normals(s, s.load_u(&self.0)))
        }
    }
    let ends =
        [[0, 0], [0, u32::MAX], [u32::MAX, 0], [u32::MAX, u32::MAX], [0, 1 << 31], [0, 1 << 30], [1, 0], [u32::MAX, 7]];
    let got = dispatch(All(ends.as_flattened().try_into().expect("16 words")));
    assert!(got.iter().all(|x| x.is_finite()), "{got:?}");
    assert!((got[0] - 6.7637).abs() < 1e-3, "the largest number: {}", got[0]);
}

#[test]
fn a_number_comes_from_the_words_of_its_pair() {
    let key = Key::named(3, "latents");
    let [w0, w1, ..] = words(key, 0);
    let distance = (-2.0 * ((f64::from(w0) + 0.5) / 2f64.powi(32)).ln()).sqrt();
    let turn = std::f64::consts::TAU * f64::from(w1) / 2f64.powi(32);
    let got = drawn(key, 2);
    for (got, wanted) in got.into_iter().zip([distance * turn.cos(), distance * turn.sin()]) {
        assert!((f64::from(got) - wanted).abs() < 1e-5, "{got} {wanted}");
    }
}

/// Computed by an independent program, in exact fractions with the same roundings. If these change,
/// so does every sample of every run.
#[test]
fn the_numbers_never_change() {
    let bits: Vec<u32> = drawn(Key::named(1, "latents"), 4).iter().map(|x| x.to_bits()).collect();
    assert_eq!(
        bits,
        [0x3E1F_648A, 0x3D86_DCD1, 0xBFAB_950C, 0xBF77_7EFE],
        "0.15565696, 0.06585086, -1.340486, -0.9667815"
    );
}
