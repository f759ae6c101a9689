//! Interpolation between two latents: [`LatentKind::between`].
//!
//! The straight line between two uniform latents stays within the cube they are drawn from. Normal
//! latents differ: in many dimensions nearly all of them have about the same norm, and the middle
//! of a straight line has a much smaller norm, which the generator has never seen in training. Its
//! images there are of low contrast. So normal latents are interpolated around the origin:
//! *spherical* interpolation (Shoemake, "Animating rotation with quaternion curves", 1985; for
//! latents White, "Sampling generative networks", 2016), with the angle w between them
//!
//! ```text
//! slerp(a, b, t) = sin((1 - t) w) / sin(w) * a + sin(t w) / sin(w) * b
//! ```
//!
//! Only sums, products, quotients and square roots are used, in `f64`, each correctly rounded and
//! in a fixed order, so that a path has the same bits on every system; library sines and arc
//! cosines do not guarantee that. The sine and the cosine of w come from the dot product, and those
//! of t w from halved angles: t is a sum of halves, quarters, eighths, ..., so a rotation by t w is
//! a product of rotations by some of w/2, w/4, w/8, ..., whose sines and cosines follow from each
//! other by square roots.

use crate::LatentKind;

impl LatentKind {
    /// The latent at `t` on the path from `from` (0) to `to` (1).
    ///
    /// # Panics
    /// When the two have different lengths.
    pub fn between(self, from: &[f32], to: &[f32], t: f64) -> Vec<f32> {
        assert_eq!(from.len(), to.len(), "between two latents: their lengths");
        let [first, second] = match self {
            Self::Uniform | Self::UnitUniform => [1.0 - t, t],
            Self::Normal | Self::Sphere => arc(from, to, t).unwrap_or([1.0 - t, t]),
        };
        let mix = |(a, b): (&f32, &f32)| (first * f64::from(*a) + second * f64::from(*b)) as f32;
        from.iter().zip(to).map(mix).collect()
    }
}

/// The two factors of the spherical interpolation. None for latents that are (nearly) parallel or
/// opposite, or zero: the arc is then not defined, or not unique.
fn arc(from: &[f32], to: &[f32], t: f64) -> Option<[f64; 2]> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + f64::from(*a) * f64::from(*b));
    let cosine = dot(from, to) / (dot(from, from) * dot(to, to)).sqrt();
    let sine = (1.0 - cosine * cosine).sqrt();
    // The sine is NaN for a latent of zeros, or if the cosine was rounded beyond 1.
    if sine.is_nan() || sine < 1e-6 {
        return None;
    }
    let [turned_cosine, turned_sine] = part_of_turn([cosine, sine], t);
    // sin(w - t w) = sin(w) cos(t w) - cos(w) sin(t w)
    Some([turned_cosine - cosine / sine * turned_sine, turned_sine / sine])
}

/// Cosine and sine of t times the angle between 0 and pi with this cosine and sine; 0 <= t <= 1.
pub(crate) fn part_of_turn([mut cosine, mut sine]: [f64; 2], t: f64) -> [f64; 2] {
    let mut turned = [1.0, 0.0];
    let mut rest = t;
    // After this many halvings the remaining angle is negligible.
    for _ in 0..54 {
        if rest >= 1.0 {
            rest -= 1.0;
            turned = [turned[0] * cosine - turned[1] * sine, turned[1] * cosine + turned[0] * sine];
        }
        rest *= 2.0;
        // Of the two formulas, this one has no cancellation.
        let half = (0.5 * (1.0 + cosine.abs())).sqrt();
        let other = 0.5 * sine / half;
        (cosine, sine) = if cosine < 0.0 { (other, half) } else { (half, other) };
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::Key;

    #[test]
    fn a_part_of_a_turn_is_what_the_library_says() {
        for angle in [1e-5, 0.1, 1.0, 1.5, 3.0, 3.1] {
            for t in [0.0, 0.001, 0.25, 1.0 / 3.0, 0.5, 0.7, 0.999, 1.0] {
                let [cosine, sine] = part_of_turn([f64::cos(angle), f64::sin(angle)], t);
                let error = (cosine - (t * angle).cos()).abs().max((sine - (t * angle).sin()).abs());
                assert!(error < 1e-14, "{t} of {angle}: {error:e}");
            }
        }
    }

    #[test]
    fn paths_begin_and_end_at_their_latents() {
        for kind in [LatentKind::Normal, LatentKind::Uniform, LatentKind::UnitUniform, LatentKind::Sphere] {
            for size in [1, 2, 100] {
                let latents = kind.draw(2, size, Key::named(3, "latents"));
                let (from, to) = latents.data().split_at(size);
                assert_eq!(kind.between(from, to, 0.0), from, "{kind:?}");
                assert_eq!(kind.between(from, to, 1.0), to, "{kind:?}");
            }
        }
    }

    #[test]
    fn the_middle_is_on_the_sphere_or_on_the_line() {
        let length = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let latents = LatentKind::Sphere.draw(2, 64, Key::named(1, "latents"));
        let (from, to) = latents.data().split_at(64);
        for t in [0.1, 0.5, 0.9] {
            assert!((length(&LatentKind::Sphere.between(from, to, t)) - 8.0).abs() < 1e-6, "the sphere's radius is 8");
            let straight = LatentKind::Uniform.between(from, to, t);
            assert!(length(&straight) < 7.8, "a straight line cuts through the sphere");
            assert!(
                straight
                    .iter()
                    .zip(from)
                    .zip(to)
                    .all(|((x, a), b)| (f64::from(*x) - (f64::from(*a) * (1.0 - t) + f64::from(*b) * t)).abs() < 1e-6)
            );
        }
        // A third of a quarter turn in the plane: 30 degrees. The angular speed is constant.
        let x = LatentKind::Normal.between(&[2.0, 0.0], &[0.0, 2.0], 1.0 / 3.0);
        assert!((f64::from(x[0]) - 3f64.sqrt()).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6, "{x:?}");
    }

    #[test]
    fn where_there_is_no_arc_the_line_is_straight() {
        for (from, to, middle) in [
            ([1.0, 1.0], [3.0, 3.0], [2.0, 2.0]),
            ([1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]),
            ([0.0, 0.0], [1.0, 2.0], [0.5, 1.0]),
        ] {
            assert_eq!(LatentKind::Normal.between(&from, &to, 0.5), middle);
        }
    }
}
