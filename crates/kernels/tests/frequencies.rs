//! Numerical properties of a convolution in the frequency domain: it mixes numbers that the plain
//! loop keeps apart. `fast_path.md` quotes the figures.

use kernels::{ConvGeometry, Element, Padding, reference};

const CHANNELS: usize = 64;

/// A 4 x 4 map under 5 x 5 taps, with the fewest channels for which the frequency domain is used.
fn geometry() -> ConvGeometry {
    ConvGeometry::new([1, 4, 4, CHANNELS], [5, 5], CHANNELS, [1, 1], Padding::Same).unwrap()
}

/// Numbers between -1 and 1, and weights whose taps are 0 except for the inner 3 x 3, so that an
/// output reads only adjacent pixels.
fn operands() -> (Vec<f32>, Vec<f32>) {
    let number = |seed: u32, i: usize| {
        let word = kernels::random::words(kernels::Key::new(1, seed), i as u32)[0];
        (f64::from(word) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
    };
    let x = (0..16 * CHANNELS).map(|i| number(1, i)).collect();
    let inner = |i: usize| {
        let tap = i / (CHANNELS * CHANNELS);
        (1..4).contains(&(tap / 5)) && (1..4).contains(&(tap % 5))
    };
    let w = (0..25 * CHANNELS * CHANNELS).map(|i| if inner(i) { number(2, i) } else { 0.0 }).collect();
    (x, w)
}

/// The outputs of the plain loop and of the library.
fn both(x: &[f32], w: &[f32]) -> [Vec<f32>; 2] {
    let g = geometry();
    let [mut plain, mut fast] = [0; 2].map(|_| vec![f32::NAN; 16 * CHANNELS]);
    reference::conv2d(&g, x, w, &mut plain);
    f32::conv2d(&g, x, w, &mut fast);
    [plain, fast]
}

fn largest<'a>(numbers: impl IntoIterator<Item = &'a f32>) -> f32 {
    numbers.into_iter().fold(0.0, |most, x| most.max(x.abs()))
}

#[test]
fn a_finite_outlier_affects_the_whole_map() {
    let (mut x, w) = operands();
    let [_, calm] = both(&x, &w);
    x[0] = 1e6; // pixel (0, 0), channel 0
    let [plain, fast] = both(&x, &w);
    // Rows 2 and 3 do not read row 0.
    let far = 8 * CHANNELS..;
    let off =
        |y: &[f32]| largest(&y[far.clone()].iter().zip(&calm[far.clone()]).map(|(a, b)| a - b).collect::<Vec<_>>());
    println!(
        "an outlier of 1e6: far from it the plain loop is off by {:e}, frequencies by {:e}",
        off(&plain),
        off(&fast)
    );
    assert!(off(&plain) < 1e-4, "{}", off(&plain));
    assert_eq!(format!("{:.2}", off(&fast)), "0.36", "paste this into fast_path.md");
}

#[test]
fn zeros_do_not_stay_zeros() {
    let (mut x, w) = operands();
    x[CHANNELS..].fill(0.0); // only pixel (0, 0) is left
    let [plain, fast] = both(&x, &w);
    let largest = largest(&plain);
    let zeros: Vec<f32> = plain.iter().zip(&fast).filter(|(plain, _)| **plain == 0.0).map(|(_, fast)| *fast).collect();
    let worst = self::largest(&zeros);
    println!(
        "{} zeros become at most {:e} of the largest, {}",
        zeros.len(),
        worst / largest,
        zeros.iter().filter(|x| **x != 0.0).count()
    );
    let changed = zeros.iter().filter(|x| **x != 0.0).count();
    assert_eq!((changed, zeros.len()), (742, 768), "paste this into fast_path.md");
    assert_eq!(format!("{:.1e}", worst / largest), "1.5e-7", "paste this into fast_path.md");
}
