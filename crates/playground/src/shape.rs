//! [`Shape`]: the distributions in the plane from which real points are drawn.

use core::f64::consts::TAU;

use kernels::Key;
use kernels::scalar::{cos, sin};
use models::Mixture;
use tensor::Tensor;

use crate::settings::Choice;

/// The distributions, as links and the page name them; the last one is the visitor's own.
pub(crate) const CHOICES: &[Choice] = &[
    Choice::new("clouds", "Eight clouds", "The usual test: does the generator find all eight?"),
    Choice::new("ring", "Ring", "Connected, so the generator can bend a sheet of latents around it."),
    Choice::new("moons", "Two moons", "Two separate curves: watch for points on the way between them."),
    Choice::new("spiral", "Spiral", "The hardest one: the arms are close, and the generator must wind up."),
    Choice::new("line", "Line", "The easiest one: learned within a few hundred steps."),
    Choice::new("grid", "Grid of 25", "Twenty-five clouds: some are usually missed for a long time."),
    Choice::new("drawn", "Your drawing", "Draw on the map: real points come from where you have drawn."),
];

/// The number of cells on each side of the map on which a visitor draws.
pub(crate) const CELLS: usize = 48;
/// The map shows the plane from -EDGE to EDGE on both axes.
pub(crate) const EDGE: f64 = 2.4;

/// `count` real points of the distribution called `shape`, from the stream `key` and the next one,
/// shape (count, 2). `cells` are those that a visitor has drawn, by number, row by row from the
/// top.
pub(crate) fn points(shape: &str, cells: &[u16], count: usize, key: Key) -> Tensor {
    let noise = |deviation| nn::init::normal(&[count, 2], 0.0, deviation, key);
    let second = Key { stream: key.stream.wrapping_add(1), ..key };
    let curve = |deviation, at: &dyn Fn(f64, f64) -> [f64; 2]| {
        let shares = nn::init::uniform(&[count, 2], 0.0, 1.0, second);
        let mut points = noise(deviation);
        for (point, share) in points.data_mut().chunks_exact_mut(2).zip(shares.data().chunks_exact(2)) {
            let place = at(f64::from(share[0]), f64::from(share[1]));
            point.iter_mut().zip(place).for_each(|(x, middle)| *x = (f64::from(*x) + middle) as f32);
        }
        points
    };
    match shape {
        "clouds" => Mixture::Ring8.points(count, key),
        "grid" => Mixture::Grid25.points(count, key),
        "ring" => curve(0.05, &|share, _| [1.4 * cos(TAU * share), 1.4 * sin(TAU * share)]),
        "moons" => curve(0.07, &|share, side| {
            let (x, y) = (cos(TAU / 2.0 * share), sin(TAU / 2.0 * share));
            if side < 0.5 { [1.2 * x - 0.6, 1.2 * y - 0.3] } else { [0.6 - 1.2 * x, 0.3 - 1.2 * y] }
        }),
        "spiral" => curve(0.04, &|share, _| {
            // The root spreads the points evenly along the curve.
            let (radius, angle) = (1.8 * share.sqrt(), 1.75 * TAU * share.sqrt());
            [radius * cos(angle), radius * sin(angle)]
        }),
        "line" => curve(0.05, &|share, _| [3.2 * share - 1.6, 2.0 * share - 1.0]),
        _ if cells.is_empty() => noise(0.3),
        _ => {
            let words = nn::init::uniform(&[count, 3], 0.0, 1.0, second);
            let side = 2.0 * EDGE / CELLS as f64;
            let place = |share: &[f32]| {
                let chosen = ((f64::from(share[0]) * cells.len() as f64) as usize).min(cells.len() - 1);
                let cell = usize::from(cells[chosen]);
                let (row, column) = (cell / CELLS, cell % CELLS);
                let x = (column as f64 + f64::from(share[1])) * side - EDGE;
                let y = EDGE - (row as f64 + f64::from(share[2])) * side;
                [x as f32, y as f32]
            };
            Tensor::new(&[count, 2], words.data().chunks_exact(3).flat_map(place).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_on_the_map_and_a_point_does_not_depend_on_how_many_there_are() {
        let cells: Vec<u16> = vec![0, 47, 1000];
        for choice in CHOICES {
            let key = Key::named(3, "points").at(5);
            let many = points(choice.name, &cells, 500, key);
            assert!(many.data().iter().all(|x| f64::from(x.abs()) <= EDGE), "{}", choice.name);
            assert_eq!(points(choice.name, &cells, 7, key).data(), &many.data()[..14], "{}", choice.name);
        }
    }

    #[test]
    fn drawn_points_are_in_the_cells_that_were_drawn() {
        let points = points("drawn", &[1], 100, Key::named(1, "points"));
        let side = 2.0 * EDGE / CELLS as f64;
        for point in points.data().chunks(2) {
            let [x, y] = [f64::from(point[0]), f64::from(point[1])];
            assert!(x >= side - EDGE - 1e-6 && x <= 2.0 * side - EDGE + 1e-6, "{x}");
            assert!(y <= EDGE && y >= EDGE - side - 1e-6, "{y}");
        }
    }
}
