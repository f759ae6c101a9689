//! The two ways to find directions.
//!
//! **Closed form** (SeFa: Shen and Zhou 2021). A layer turns a style w into the scales (and shifts)
//! of its channels by an affine map, w A + b. Moving w along the unit vector n changes them by n A,
//! whatever w is; the change is largest along the eigenvectors of A A^T with the largest
//! eigenvalues. For several layers, their matrices stand side by side. As in the authors' program,
//! each column of A has length 1, so that every channel counts equally.
//!
//! **Principal components** (GANSpace: Härkönen and others 2020). The directions in which the
//! styles of random latents vary most are the eigenvectors of their covariance.
//!
//! A vector is scaled so that moving by 1 is moving by a standard deviation: of the styles along
//! the vector itself for principal components, of a typical number of a style (the root mean
//! square over all) for the closed form. Its largest number, by magnitude, is positive. All sums
//! are in `f64`, in a fixed order, so the same run has the same directions everywhere.

use metrics::Matrix;
use metrics::eigen::eigenvectors;
use metrics::frechet::covariance;
use models::{FromLatents, Styles};
use tensor::Tensor;

/// The number of latents whose styles are analysed for principal components.
const SAMPLES: usize = 10_000;
/// The number of latents for the scale of the directions in closed form.
const FEW: usize = 1000;

/// Directions, the most important first.
pub(in crate::sampling) struct Found {
    /// Shape (directions, style).
    pub(in crate::sampling) vectors: Tensor,
    /// The eigenvalue of each.
    pub(super) values: Vec<f64>,
}

/// The directions to which the layers that are `moved` respond most. `seed` is that of the latents
/// that give their scale.
pub(in crate::sampling) fn closed_form(
    sampler: &dyn FromLatents,
    styles: &dyn Styles,
    moved: &[bool],
    seed: u64,
) -> Found {
    let weights = styles.style_weights();
    let weights = weights.iter().zip(moved).filter(|(_, moved)| **moved).map(|(weights, _)| weights);
    // The deviations lie on the diagonal of the covariance.
    let covariance = covariance_of_styles(sampler, styles, FEW, seed);
    let width = covariance.rows();
    let variance = (0..width).map(|i| covariance.row(i)[i]).sum::<f64>() / width as f64;
    let (values, vectors) = eigenvectors(&response(weights));
    scaled(values, &vectors, |_| variance.sqrt())
}

/// The sum of a a^T over all columns a of the weights, each scaled to length 1.
fn response<'a>(weights: impl Iterator<Item = &'a Tensor>) -> Matrix {
    let mut columns: Option<Matrix> = None;
    for weights in weights {
        let mut own = Matrix::from_tensor(weights).transposed();
        for at in 0..own.rows() {
            let row = own.row_mut(at);
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            if length > 0.0 {
                row.iter_mut().for_each(|x| *x /= length);
            }
        }
        columns = Some(match columns {
            Some(columns) => columns.above(&own),
            None => own,
        });
    }
    let rows = columns.expect("at least one layer is moved").transposed();
    rows.times_transposed(&rows)
}

/// The directions in which the styles of random latents of `seed` vary most.
pub(super) fn principal(sampler: &dyn FromLatents, styles: &dyn Styles, seed: u64) -> Found {
    let (values, vectors) = eigenvectors(&covariance_of_styles(sampler, styles, SAMPLES, seed));
    // The smallest eigenvalues may be rounded to below 0.
    let values: Vec<f64> = values.into_iter().map(|value| value.max(0.0)).collect();
    let deviations: Vec<f64> = values.iter().map(|value| value.sqrt()).collect();
    scaled(values, &vectors, |number| deviations[number])
}

/// The covariance of the styles of `count` random latents.
fn covariance_of_styles(sampler: &dyn FromLatents, styles: &dyn Styles, count: usize, seed: u64) -> Matrix {
    let rows = Matrix::from_tensor(&styles.styles_of(&sampler.latents(seed, "styles of directions", count)));
    covariance(&rows.minus_row(&rows.column_means()))
}

/// Unit vectors, each scaled by `length`, with their signs fixed.
fn scaled(values: Vec<f64>, vectors: &Matrix, length: impl Fn(usize) -> f64) -> Found {
    let vector = |number: usize| {
        let row = vectors.row(number);
        let largest = row.iter().fold(0.0_f64, |largest, x| if x.abs() > largest.abs() { *x } else { largest });
        let factor = if largest < 0.0 { -length(number) } else { length(number) };
        row.iter().map(move |x| (x * factor) as f32)
    };
    let shape = [vectors.rows(), vectors.columns()];
    Found { vectors: Tensor::new(&shape, (0..vectors.rows()).flat_map(vector).collect()), values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::Key;
    use models::LatentKind;
    use nn::ForwardContext;
    use tensor::Var;

    /// Three numbers per style, with deviations 1, 3 and 0.5; the style is the latent. Layer 1
    /// responds to the second number only, layer 2 to the third.
    struct Plain;

    const DEVIATIONS: [f32; 3] = [1.0, 3.0, 0.5];

    impl FromLatents for Plain {
        fn kind(&self) -> LatentKind {
            LatentKind::Normal
        }
        fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
            let normal = nn::init::normal(&[count, 3], 0.0, 1.0, Key::named(seed, stream));
            Tensor::from_fn([count, 3], |i| 7.0 + normal.data()[i] * DEVIATIONS[i % 3])
        }
        fn draw(&self, _: &Tensor) -> Tensor {
            unreachable!("nothing is drawn")
        }
    }

    impl Styles for Plain {
        fn styles_of(&self, latents: &Tensor) -> Tensor {
            latents.clone()
        }
        fn mean_style(&self) -> Tensor {
            Tensor::full([3], 7.0)
        }
        fn layers(&self) -> usize {
            2
        }
        fn style_weights(&self) -> Vec<Tensor> {
            // (style, channels): columns of different lengths.
            vec![Tensor::new(&[3, 2], vec![0.0, 0.0, -2.0, 0.1, 0.0, 0.0]), Tensor::new(&[3, 1], vec![0.0, 0.0, 100.0])]
        }
        fn noise(&self) -> Vec<(String, Tensor)> {
            Vec::new()
        }
        fn paint_styled(&self, _: &mut ForwardContext, _: &[Var]) -> Var {
            unreachable!("nothing is drawn")
        }
    }

    #[test]
    fn principal_directions_are_those_of_the_largest_variance() {
        let found = principal(&Plain, &Plain, 1);
        for (row, (axis, deviation)) in found.vectors.data().chunks(3).zip([(1, 3.0), (0, 1.0), (2, 0.5)]) {
            assert!((row[axis] - deviation).abs() < 0.05 * deviation, "{row:?}");
            assert!(row.iter().enumerate().all(|(at, x)| at == axis || x.abs() < 0.1), "{row:?}");
        }
        assert!(found.values.is_sorted_by(|a, b| a >= b));
    }

    /// Two columns of layer 1 respond to the second number, whatever their lengths, and one column
    /// of layer 2 to the third.
    #[test]
    fn the_closed_form_finds_what_the_layers_respond_to() {
        let found = closed_form(&Plain, &Plain, &[true, true], 1);
        let deviation = ((1.0 + 9.0 + 0.25) / 3.0_f64).sqrt() as f32;
        let of = |axis: usize, row: &[f32]| {
            assert!((row[axis] - deviation).abs() < 0.1 * deviation, "{row:?}");
            assert!(row.iter().enumerate().all(|(at, x)| at == axis || x.abs() < 1e-6), "{row:?}");
        };
        of(1, &found.vectors.data()[..3]);
        of(2, &found.vectors.data()[3..6]);
        assert!(found.values.iter().zip([2.0, 1.0, 0.0]).all(|(value, wanted)| (value - wanted).abs() < 1e-6));
        of(2, &closed_form(&Plain, &Plain, &[false, true], 1).vectors.data()[..3]);
    }
}
