//! Functions composed of [`ops`](crate::ops) that several networks use.
//!
//! They are not ops themselves: they have no entry in the registry and no gradient rules. The tape
//! records the ops that they call, whose rules give their gradients of every order. To add one,
//! write a method here.

use kernels::Element;

use crate::var::Var;

/// Added under the square root of a standard deviation and of a demodulation, as Karras et al. do,
/// because the derivative of the root is infinite at 0.
const TINY: f64 = DEMODULATION_EPSILON;

/// What [`Var::modulated`] adds to the sum of squares.
pub const DEMODULATION_EPSILON: f64 = 1e-8;

impl<T: Element> Var<T> {
    /// x / sqrt(mean of x^2 + epsilon), with the mean over the last axis: each row of a matrix (n,
    /// c), or each pixel of images (n, h, w, c), is scaled to mean square 1 (Karras, Aila, Laine
    /// and Lehtinen, "Progressive growing of GANs for improved quality, stability, and variation",
    /// 2018).
    ///
    /// # Panics
    /// When `self` is a scalar.
    #[track_caller]
    pub fn pixel_norm(&self, epsilon: f64) -> Self {
        let mut one_each = self.shape().to_vec();
        let Some(last) = one_each.last_mut() else { panic!("pixel_norm: a scalar has no last axis") };
        *last = 1;
        self * &self.square().mean_to(&*one_each).add_scalar(epsilon).sqrt().reciprocal()
    }

    /// Images (n, h, w, c) with an additional channel that shows the variation within the batch:
    /// (n, h, w, c + 1) (same paper).
    ///
    /// The batch is divided into n / g groups of g = min(`group`, n) images; image i belongs to
    /// group i mod (n / g). The new channel of a group is the mean of sqrt(variance within the
    /// group + 1e-8) over all pixels and channels.
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or n is not a multiple of g.
    #[track_caller]
    pub fn minibatch_stddev(&self, group: usize) -> Self {
        let &[n, h, w, c] = &**self.shape() else { panic!("minibatch_stddev: {} is not (n, h, w, c)", self.shape()) };
        let members = group.min(n);
        let whole = members > 0 && n.is_multiple_of(members);
        assert!(whole, "minibatch_stddev: {n} images cannot be divided into groups of {members}");
        let (subgroups, numbers) = (n / members, h * w * c);
        let x = self.reshape([members, subgroups, numbers]);
        let centred = &x - &x.mean_to([1, subgroups, numbers]);
        let deviation = centred.square().mean_to([1, subgroups, numbers]).add_scalar(TINY).sqrt();
        let map = deviation.mean_to([1, subgroups, 1]).broadcast_to([members, subgroups, h * w]);
        self.concat(&map.reshape([n, h, w, 1]), 3)
    }

    /// The modulated convolution of images (n, h, w, in) with `weight`, (kh, kw, in, out), and
    /// `style`, (n, in) (Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and
    /// improving the image quality of StyleGAN", 2020).
    ///
    /// The weight for image i is w_i = weight * style_i, scaled per input channel. If `demodulate`,
    /// it is then divided, per output channel, by sqrt(sum of w_i^2 + 1e-8), with the sum over taps
    /// and input channels.
    ///
    /// The w_i are never computed. As a convolution is linear, scaling an input channel of the
    /// weight is the same as scaling that channel of the image, and likewise for output channels.
    /// So one convolution with `weight` is applied to all images: `convolve`, which gets the scaled
    /// images and `weight`, and must be linear in both (plain, strided or transposed, possibly with
    /// a filter). The sum of w_i^2 is a matrix product of style^2 and the sum of weight^2 over the
    /// taps.
    ///
    /// # Panics
    /// When the shapes do not fit each other.
    #[track_caller]
    pub fn modulated(
        &self,
        style: &Self,
        weight: &Self,
        demodulate: bool,
        convolve: impl FnOnce(&Self, &Self) -> Self,
    ) -> Self {
        let (&[n, _, _, channels], &[_, _, input, out]) = (&**self.shape(), &**weight.shape()) else {
            panic!("modulated: images {} and weight {} must have 4 axes each", self.shape(), weight.shape())
        };
        let fits = channels == input && **style.shape() == [n, input];
        assert!(
            fits,
            "modulated: images {}, styles {}, weight {} are not (n, h, w, in), (n, in), (kh, kw, in, out)",
            self.shape(),
            style.shape(),
            weight.shape()
        );
        let y = convolve(&(self * &style.reshape([n, 1, 1, input])), weight);
        if !demodulate {
            return y;
        }
        let squares = style.square().matmul(&weight.square().sum_to([input, out]));
        &y * &squares.add_scalar(TINY).sqrt().reciprocal().reshape([n, 1, 1, out])
    }

    /// The mean over blocks of `factor` (height, width) pixels of images (n, h, w, c): (n, h /
    /// height, w / width, c).
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or they cannot be divided into such blocks.
    #[track_caller]
    pub fn average_pool(&self, factor: [usize; 2]) -> Self {
        self.downsample_sum(factor).scale(1.0 / (factor[0] * factor[1]) as f64)
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Fir, Padding, TransposedPadding};

    use super::*;
    use crate::Tensor;
    use crate::ops::{Domain, sample};

    fn numbers(shape: &[usize], data: &[f64]) -> Var<f64> {
        Var::constant(Tensor::new(shape, data.to_vec()))
    }

    #[track_caller]
    fn assert_near(got: &Var<f64>, wanted: &[f64]) {
        assert_eq!(got.value().size(), wanted.len());
        for (got, wanted) in got.value().data().iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-7, "{got}, not {wanted}");
        }
    }

    #[test]
    fn pixels_get_a_mean_square_of_1() {
        assert_near(&numbers(&[1, 4], &[3.0, 4.0, 0.0, 0.0]).pixel_norm(1e-8), &[1.2, 1.6, 0.0, 0.0]);
        let images = Var::constant(sample(Domain::Any, 1, &[2, 3, 2, 5])).pixel_norm(1e-8);
        assert_near(&images.square().mean_to([2, 3, 2, 1]), &[1.0; 12]);
        assert_near(&numbers(&[2, 2], &[0.0; 4]).pixel_norm(1e-8), &[0.0; 4]);
    }

    #[test]
    fn groups_are_strided_through_the_batch() {
        let channel = |x: &Var<f64>, group: usize| {
            let (n, c) = (x.shape()[0], x.shape()[3]);
            let y = x.minibatch_stddev(group);
            assert_eq!(y.slice(3, 0..c).value(), x.value());
            let map = y.slice(3, c..c + 1);
            let first = map.slice(1, 0..1).slice(2, 0..1);
            assert_eq!(first.broadcast_to(*map.shape()).value(), map.value(), "one number for the whole map");
            first.reshape([n])
        };
        let all = |images: &[f64]| {
            let n = images.len();
            numbers(&[n, 1, 1, 1], images).broadcast_to([n, 2, 3, 2])
        };
        assert_near(&channel(&all(&[0.0, 2.0]), 2), &[1.0, 1.0]);
        // 0, 2, 4, 6 have the same other channel; 1, 3, 5, 7 have the deviation 3.
        let eight = all(&[5.0, 0.0, 5.0, 6.0, 5.0, 0.0, 5.0, 6.0]);
        assert_near(&channel(&eight, 4), &[1e-4, 3.0, 1e-4, 3.0, 1e-4, 3.0, 1e-4, 3.0]);
        assert_near(&channel(&all(&[1.0, 3.0, 5.0]), 4), &[(8.0_f64 / 3.0).sqrt(); 3]);
        // The mean of the deviations of an image's elements, which are 1 and 3.
        assert_near(&channel(&numbers(&[2, 1, 1, 2], &[0.0, 0.0, 2.0, 6.0]), 2), &[2.0, 2.0]);
    }

    #[test]
    #[should_panic(expected = "minibatch_stddev: 6 images cannot be divided into groups of 4")]
    fn a_batch_that_cannot_be_divided_into_groups_is_refused() {
        let _ = Var::constant(sample(Domain::Any, 1, &[6, 1, 1, 1])).minibatch_stddev(4);
    }

    type Convolve = fn(&Var<f64>, &Var<f64>) -> Var<f64>;

    /// The definition: a separate weight for each image.
    fn one_by_one(x: &Var<f64>, style: &Var<f64>, w: &Var<f64>, demodulate: bool, convolve: Convolve) -> Vec<f64> {
        let (input, out) = (w.shape()[2], w.shape()[3]);
        let image = |i: usize| {
            let own = w * &style.slice(0, i..i + 1).reshape([1, 1, input, 1]);
            let norm = own.square().sum_to([1, 1, 1, out]).add_scalar(1e-8).sqrt();
            let own = if demodulate { &own / &norm } else { own };
            convolve(&x.slice(0, i..i + 1), &own).value().data().to_vec()
        };
        (0..x.shape()[0]).flat_map(image).collect()
    }

    #[test]
    fn modulation_is_a_convolution_with_a_separate_weight_for_each_image() {
        let [x, style, w] = [vec![3, 4, 4, 2], vec![3, 2], vec![3, 3, 2, 5]]
            .map(|shape| Var::constant(sample(Domain::Any, shape.len() as u32, &shape)));
        let convolutions: [Convolve; 3] = [
            |x, w| x.conv2d(w, [1, 1], Padding::Same),
            |x, w| x.fir(&Fir::before_strided(3)).conv2d(w, [2, 2], Padding::Valid),
            |x, w| {
                let grown = x.conv_transpose2d(&w.turn_taps(), [2, 2], TransposedPadding::Valid);
                grown.fir(&Fir::after_transposed(3))
            },
        ];
        for (convolve, side) in convolutions.into_iter().zip([4, 2, 8]) {
            for demodulate in [false, true] {
                let y = x.modulated(&style, &w, demodulate, convolve);
                assert_eq!(y.shape().to_vec(), [3, side, side, 5]);
                assert_near(&y, &one_by_one(&x, &style, &w, demodulate, convolve));
            }
        }
    }

    #[test]
    #[should_panic(expected = "modulated: images [1, 2, 2, 3], styles [1, 2], weight [1, 1, 3, 1] are not")]
    fn styles_that_do_not_fit_are_refused() {
        let [x, style, w] =
            [vec![1, 2, 2, 3], vec![1, 2], vec![1, 1, 3, 1]].map(|shape| Var::constant(sample(Domain::Any, 1, &shape)));
        let _ = x.modulated(&style, &w, true, |x, w| x.conv2d(w, [1, 1], Padding::Same));
    }

    #[test]
    fn an_average_pool_takes_means() {
        let x = numbers(&[1, 2, 4, 1], &[1.0, 2.0, 10.0, 0.0, 3.0, 6.0, 0.0, 0.0]);
        assert_eq!(x.average_pool([2, 2]).value(), &Tensor::new(&[1, 1, 2, 1], vec![3.0, 2.5]));
    }
}
