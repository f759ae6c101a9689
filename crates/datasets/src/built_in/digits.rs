//! Built-in handwritten digits, as a substitute for MNIST: ten classes, each in several common
//! styles.

use super::geometry::{Point, at};
use super::hand::{Hand, Stroke};
use super::raster::{self, SIDE};
use crate::images::Images;
use crate::plural::plural;
use kernels::random::Key;

/// One stroke of a digit: its points, in a box from -1 to 1 vertically and from about -0.6 to 0.6
/// horizontally.
enum Line {
    /// A smooth curve.
    Curve(&'static [Point]),
    /// Straight lines.
    Straight(&'static [Point]),
}

use Line::{Curve, Straight};

/// One way of writing a digit: how frequent it is, and its strokes.
type Manner = (f64, &'static [Line]);

/// The ways of writing the ten digits.
#[rustfmt::skip] // a knot a line would hide the shapes
const MANNERS: [&[Manner]; 10] = [
    &[
        (5.0, &[Curve(&[
            at(0.1, -1.0), at(-0.42, -0.62), at(-0.6, 0.05), at(-0.42, 0.72), at(0.0, 1.0), at(0.42, 0.68),
            at(0.6, 0.0), at(0.42, -0.7), at(0.04, -1.0),
        ])]),
        (2.0, &[Curve(&[
            at(0.3, -0.85), at(-0.1, -1.0), at(-0.48, -0.45), at(-0.5, 0.4), at(-0.12, 0.98), at(0.34, 0.72),
            at(0.52, 0.05), at(0.4, -0.6), at(0.1, -0.9), at(-0.12, -0.8),
        ])]),
    ],
    &[
        (6.0, &[Straight(&[at(0.0, -1.0), at(0.0, 1.0)])]),
        (2.0, &[Straight(&[at(-0.34, -0.6), at(0.06, -1.0), at(0.02, 1.0)])]),
        (0.7, &[Straight(&[at(-0.3, -0.62), at(0.05, -1.0), at(0.05, 1.0)]), Straight(&[at(-0.38, 1.0), at(0.45, 1.0)])]),
    ],
    &[
        (4.0, &[Curve(&[
            at(-0.5, -0.55), at(-0.32, -0.92), at(0.1, -1.0), at(0.44, -0.7), at(0.32, -0.18), at(-0.1, 0.4),
            at(-0.5, 0.95), at(-0.05, 0.9), at(0.6, 0.92),
        ])]),
        (3.0, &[Curve(&[
            at(-0.48, -0.6), at(-0.1, -1.0), at(0.4, -0.74), at(0.3, -0.1), at(-0.15, 0.6), at(-0.48, 0.92),
            at(-0.58, 0.7), at(-0.3, 0.6), at(0.05, 0.85), at(0.62, 0.98),
        ])]),
    ],
    &[
        (4.0, &[Curve(&[
            at(-0.48, -0.78), at(0.02, -1.0), at(0.44, -0.68), at(0.28, -0.22), at(-0.12, -0.04), at(0.32, 0.08),
            at(0.54, 0.48), at(0.22, 0.92), at(-0.22, 1.0), at(-0.55, 0.76),
        ])]),
        (1.0, &[
            Straight(&[at(-0.45, -0.95), at(0.45, -0.95), at(-0.02, -0.2)]),
            Curve(&[at(-0.02, -0.2), at(0.45, 0.1), at(0.5, 0.6), at(0.1, 1.0), at(-0.5, 0.8)]),
        ]),
    ],
    &[
        (4.0, &[
            Curve(&[at(-0.4, -0.9), at(-0.52, -0.35), at(-0.46, 0.08), at(0.0, 0.1), at(0.5, 0.0)]),
            Straight(&[at(0.36, -0.85), at(0.26, 1.0)]),
        ]),
        (2.0, &[Straight(&[at(0.2, 1.0), at(0.26, -1.0), at(-0.58, 0.28), at(0.6, 0.3)])]),
        (1.0, &[Straight(&[at(-0.42, -0.95), at(-0.5, 0.1), at(0.6, 0.1)]), Straight(&[at(0.3, -0.4), at(0.25, 1.0)])]),
    ],
    &[
        (3.0, &[
            Straight(&[at(-0.36, -0.95), at(-0.42, -0.12)]),
            Curve(&[at(-0.42, -0.12), at(0.05, -0.26), at(0.5, 0.12), at(0.42, 0.72), at(0.0, 1.0), at(-0.5, 0.82)]),
            Straight(&[at(-0.36, -0.95), at(0.52, -1.0)]),
        ]),
        (2.0, &[Curve(&[
            at(0.55, -1.0), at(0.05, -0.96), at(-0.35, -0.88), at(-0.44, -0.2), at(0.02, -0.28), at(0.45, 0.1),
            at(0.42, 0.66), at(0.02, 1.0), at(-0.52, 0.85),
        ])]),
    ],
    &[
        (4.0, &[Curve(&[
            at(0.32, -1.0), at(-0.14, -0.62), at(-0.46, 0.02), at(-0.46, 0.66), at(-0.06, 1.0), at(0.38, 0.78),
            at(0.44, 0.32), at(0.1, 0.08), at(-0.26, 0.3), at(-0.44, 0.62),
        ])]),
        (1.0, &[Curve(&[
            at(0.05, -1.0), at(-0.38, -0.3), at(-0.45, 0.5), at(-0.1, 1.0), at(0.42, 0.85), at(0.46, 0.42),
            at(0.05, 0.22), at(-0.4, 0.45),
        ])]),
    ],
    &[
        (4.0, &[Straight(&[at(-0.52, -0.92), at(0.5, -0.95), at(0.26, -0.2), at(-0.05, 1.0)])]),
        (2.0, &[Curve(&[at(-0.52, -0.8), at(-0.1, -0.92), at(0.48, -0.95), at(0.22, -0.2), at(0.0, 0.4), at(-0.12, 1.0)])]),
        (1.5, &[
            Straight(&[at(-0.5, -0.9), at(0.52, -0.95), at(-0.1, 1.0)]),
            Straight(&[at(-0.3, 0.05), at(0.48, -0.02)]),
        ]),
    ],
    &[
        (4.0, &[Curve(&[
            at(0.36, -0.78), at(-0.04, -1.0), at(-0.4, -0.7), at(-0.24, -0.28), at(0.18, 0.1), at(0.46, 0.5),
            at(0.22, 0.94), at(-0.2, 0.96), at(-0.44, 0.58), at(-0.16, 0.14), at(0.22, -0.26), at(0.4, -0.62),
            at(0.3, -0.86),
        ])]),
        (1.0, &[
            Curve(&[
                at(0.0, -0.04), at(-0.38, -0.3), at(-0.36, -0.78), at(0.0, -1.0), at(0.38, -0.76), at(0.36, -0.28),
                at(0.0, -0.02),
            ]),
            Curve(&[
                at(0.0, -0.02), at(-0.45, 0.26), at(-0.42, 0.78), at(0.0, 1.0), at(0.44, 0.76), at(0.44, 0.28),
                at(0.02, 0.0),
            ]),
        ]),
    ],
    &[
        (3.0, &[Curve(&[
            at(0.4, -0.68), at(0.05, -1.0), at(-0.36, -0.8), at(-0.44, -0.36), at(-0.1, -0.1), at(0.28, -0.34),
            at(0.42, -0.7), at(0.38, -0.1), at(0.24, 1.0),
        ])]),
        (2.0, &[Curve(&[
            at(0.36, -0.72), at(-0.02, -1.0), at(-0.42, -0.62), at(-0.22, -0.14), at(0.24, -0.3), at(0.4, -0.66),
            at(0.36, 0.2), at(0.1, 0.86), at(-0.36, 0.92),
        ])]),
    ],
];

/// `count` digits, 28x28x1, with labels `0` to `9`. 0 is paper, 255 is ink. The same seed gives the
/// same digits on every machine and for any number of threads, and the first `n` of a longer set
/// are the set of `n`.
pub fn digits(count: usize, seed: u64) -> Images {
    let key = Key::named(seed, "digits");
    let origin = format!("built-in digits ({count} {}, seed {seed})", plural(count, "drawing"));
    let images = super::drawn(key, 0..count as u64, [SIDE, SIDE, 1], origin, |draws, picture| {
        let mut hand = Hand::new(draws);
        let digit = choose(&mut hand);
        let strokes = write(&mut hand, digit);
        let pressure = hand.within(0.7, 1.3);
        raster::rasterise(&strokes, raster::MNIST, pressure, picture);
    });
    let labels = super::labels(key, 0..count as u64, |draws| choose(&mut Hand::new(draws)) as u32);
    images.with_labels(labels, (0..10).map(|digit| digit.to_string()).collect())
}

/// The digit to draw: the first random choice.
fn choose(hand: &mut Hand) -> usize {
    hand.choose(&[1.0; 10])
}

/// The strokes of one digit.
fn write(hand: &mut Hand, digit: usize) -> Vec<Stroke> {
    let manners = MANNERS[digit];
    let weights: Vec<f64> = manners.iter().map(|manner| manner.0).collect();
    let (_, lines) = &manners[hand.choose(&weights)];
    // Most people slant to the right, widths differ, and no point is hit exactly.
    let (lean, turn) = (hand.around(-0.16, 0.3), hand.around(0.0, 0.08));
    let width = hand.within(0.75, 1.3);
    let unevenness = 0.03 + 0.11 * hand.unit();
    let mut strokes = Vec::with_capacity(lines.len());
    for line in *lines {
        let (Curve(knots) | Straight(knots)) = line;
        let knots: Vec<Point> = knots
            .iter()
            .map(|&knot| {
                let knot = hand.near(knot, unevenness);
                at(width * knot.x + lean * knot.y, knot.y + turn * knot.x)
            })
            .collect();
        strokes.push(if matches!(line, Curve(_)) { hand.curve(&knots) } else { hand.lines(&knots) });
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ten_digits_come_and_no_two_drawings_are_the_same() {
        let images = digits(2000, 3);
        let labels = images.labels().unwrap();
        for digit in 0..10 {
            let share = labels.iter().filter(|&&label| label == digit).count();
            assert!((150..=250).contains(&share), "{digit}: {share} of 2000");
        }
        let suspects = images.suspects().unwrap();
        assert_eq!((suspects.blank, suspects.copies), (0, 0));
    }

    /// Classes are separable: most drawings are closest to the mean picture of their own class.
    #[test]
    fn a_digit_looks_like_its_class() {
        let images = digits(2000, 1);
        let labels = images.labels().unwrap();
        let mut means = vec![vec![0.0; SIDE * SIDE]; 10];
        for (index, &label) in labels.iter().enumerate() {
            for (sum, &grey) in means[label as usize].iter_mut().zip(&*images.image(index).unwrap()) {
                *sum += f64::from(grey) / 200.0;
            }
        }
        let distance = |mean: &[f64], image: &[u8]| -> f64 {
            mean.iter().zip(image).map(|(mean, &grey)| (mean - f64::from(grey)).powi(2)).sum()
        };
        let right = labels.iter().enumerate().filter(|&(index, &label)| {
            let image = &*images.image(index).unwrap();
            let nearest = (0..10).min_by(|&a, &b| distance(&means[a], image).total_cmp(&distance(&means[b], image)));
            nearest == Some(label as usize)
        });
        let right = right.count();
        assert!(right > 1400, "{right} of 2000");
    }
}
