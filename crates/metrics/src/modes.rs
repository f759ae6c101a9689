//! Mode coverage: how many modes of a known mixture a generator has found, for points in the plane.
//!
//! A point belongs to the nearest centre if it is within `reach` of it, and to no mode otherwise. A
//! mode is covered if a sufficient share of all points belongs to it. The number of covered modes
//! and the fraction of points near a mode have been the usual measures of mode collapse since Metz
//! et al., "Unrolled generative adversarial networks", 2017.
//!
//! **Pitfalls.** Stray points belong to no mode: the fractions need not add up to 1, and a covered
//! mode may still be much too wide within its reach.

/// The coverage of a mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Modes {
    /// The number of modes with enough points.
    pub covered: usize,
    /// The fraction of points near a centre.
    pub near: f64,
    /// The fraction of all points in the mode with the fewest.
    pub least: f64,
    /// The fraction of all points in the mode with the most.
    pub most: f64,
}

/// Counts `points`, two numbers each, around the `centres`; a mode with at least the fraction
/// `enough` of all points is covered.
///
/// # Panics
/// When there are no points or no centres, or a point is not finite.
#[track_caller]
pub fn modes(points: &[f32], centres: &[[f64; 2]], reach: f64, enough: f64) -> Modes {
    assert!(points.len() >= 2 && !centres.is_empty(), "modes: {} numbers, {} centres", points.len(), centres.len());
    assert!(points.iter().all(|x| x.is_finite()), "modes: a point is not finite");
    let mut counts = vec![0_usize; centres.len()];
    for point in points.chunks_exact(2) {
        let square = |[x, y]: [f64; 2]| {
            let (x, y) = (f64::from(point[0]) - x, f64::from(point[1]) - y);
            x * x + y * y
        };
        let squares = centres.iter().map(|centre| square(*centre)).enumerate();
        let nearest = squares.min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((cloud, _)) = nearest.filter(|(_, square)| *square <= reach * reach) {
            counts[cloud] += 1;
        }
    }
    let shares = counts.iter().map(|count| *count as f64 / (points.len() / 2) as f64);
    Modes {
        covered: shares.clone().filter(|share| *share >= enough).count(),
        near: counts.iter().sum::<usize>() as f64 / (points.len() / 2) as f64,
        least: shares.clone().fold(f64::INFINITY, f64::min),
        most: shares.fold(0.0, f64::max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_count_where_they_are_near_and_nowhere_else() {
        let centres = [[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]];
        let points = [0.0, 0.1, 0.0, 0.1, 0.9, 0.0, 0.5, 0.5, 1e30, 0.0];
        let found = modes(&points, &centres, 0.11, 0.2);
        assert_eq!(found, Modes { covered: 2, near: 0.6, least: 0.0, most: 0.4 });
        assert_eq!(modes(&points, &centres, 0.11, 0.3).covered, 1);
        assert_eq!(modes(&points, &centres, 0.05, 0.3), Modes { covered: 0, near: 0.0, least: 0.0, most: 0.0 });
    }
}
