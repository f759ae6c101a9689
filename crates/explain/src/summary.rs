//! [`Summary`]: the statistics of a tensor. All sums are computed in `f64` in memory order.

use tensor::Tensor;

use crate::document::{Histogram, Summary};

/// Tensors with at most this many elements are listed in full.
pub const EXACT: usize = 64;
/// The number of bins of a histogram.
pub const BINS: usize = 64;

/// The Euclidean norm of a tensor.
pub fn l2(tensor: &Tensor) -> f32 {
    squares(tensor.data().iter().copied()).sqrt() as f32
}

/// The sum of squares.
pub fn squares(numbers: impl Iterator<Item = f32>) -> f64 {
    numbers.map(|x| f64::from(x) * f64::from(x)).sum()
}

/// The statistics of a tensor. Elements that are not finite are counted and left out of the rest.
pub fn summary(tensor: &Tensor) -> Summary {
    let data = tensor.data();
    let finite = || data.iter().copied().filter(|x| x.is_finite());
    let count = finite().count();
    let nan = data.iter().filter(|x| x.is_nan()).count();
    let mut summary = Summary { nan, inf: data.len() - count - nan, ..Summary::default() };
    summary.exact = (data.len() <= EXACT).then(|| data.to_vec());
    if count == 0 {
        return summary;
    }
    let mean = finite().map(f64::from).sum::<f64>() / count as f64;
    let variance = finite().map(|x| (f64::from(x) - mean) * (f64::from(x) - mean)).sum::<f64>() / count as f64;
    // Adding 0 turns -0 into 0.
    summary.min = finite().fold(f32::INFINITY, f32::min) + 0.0;
    summary.max = finite().fold(f32::NEG_INFINITY, f32::max) + 0.0;
    summary.mean = mean as f32;
    summary.std = variance.sqrt() as f32;
    summary.l2 = squares(finite()).sqrt() as f32;
    summary.zeros = finite().filter(|x| *x == 0.0).count() as f32 / count as f32;
    summary.histogram = histogram(finite(), [summary.min, summary.max]);
    summary
}

fn histogram(numbers: impl Iterator<Item = f32>, [low, high]: [f32; 2]) -> Histogram {
    let bins = if low < high { BINS } else { 1 };
    let width = (f64::from(high) - f64::from(low)) / bins as f64;
    let mut counts = vec![0; bins];
    for x in numbers {
        let bin = if width > 0.0 { ((f64::from(x) - f64::from(low)) / width) as usize } else { 0 };
        counts[bin.min(bins - 1)] += 1;
    }
    Histogram { low, high, counts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_a_tensor_holds() {
        let s = summary(&Tensor::new(&[2, 3], vec![3.0, 0.0, -4.0, 0.0, f32::NAN, f32::NEG_INFINITY]));
        assert_eq!((s.min, s.max, s.mean, s.l2), (-4.0, 3.0, -0.25, 5.0));
        assert_eq!((s.nan, s.inf, s.zeros), (1, 1, 0.5));
        assert_eq!(s.std, (25.0f64 / 4.0 - 0.0625).sqrt() as f32);
        assert_eq!(s.exact.as_ref().map(Vec::len), Some(6));
        assert_eq!(s.histogram.counts.iter().sum::<u32>(), 4);
        assert_eq!((s.histogram.counts[0], s.histogram.counts[63]), (1, 1));
    }

    #[test]
    fn a_tensor_of_one_number_and_one_of_none_have_a_histogram() {
        let s = summary(&Tensor::full([3], 2.0));
        assert_eq!((s.histogram.low, s.histogram.high, s.histogram.counts), (2.0, 2.0, vec![3]));
        assert_eq!(summary(&Tensor::full([70], f32::NAN)), Summary { nan: 70, ..Summary::default() });
    }

    #[test]
    fn a_large_tensor_is_not_told_in_full() {
        assert_eq!(summary(&Tensor::zeros([65])).exact, None);
    }
}
