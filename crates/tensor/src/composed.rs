//! Functions that several networks need and that are composed of [`ops`](crate::ops).
//!
//! None of them is an op: there is no row of the registry, nothing saved and no rule. The tape records the ops that they call, whose
//! rules make their gradients, and the gradients of those.

use kernels::Element;

use crate::var::Var;

/// Added under the root of a deviation and of a demodulation, as Karras et al. do: the slope of a root is not defined at 0.
const TINY: f64 = 1e-8;

impl<T: Element> Var<T> {
    /// x / sqrt(mean of x^2 + epsilon), the mean over the last axis: each row of a table (n, c), or each pixel of images (n, h, w, c), is
    /// brought to a mean square of 1 (Karras, Aila, Laine and Lehtinen, "Progressive growing of GANs for improved quality, stability,
    /// and variation", 2018).
    ///
    /// # Panics
    /// When there are no axes.
    #[track_caller]
    pub fn pixel_norm(&self, epsilon: f64) -> Self {
        let mut one_each = self.shape().to_vec();
        let Some(last) = one_each.last_mut() else { panic!("pixel_norm: a single number has no last axis") };
        *last = 1;
        self * &self.square().mean_to(&*one_each).add_scalar(epsilon).sqrt().reciprocal()
    }

    /// Images (n, h, w, c) with one more channel that tells how much the images of the batch differ: (n, h, w, c + 1). (Same source;
    /// a discriminator sees by it whether the fakes are all alike.)
    ///
    /// The batch falls into subgroups of g = min(`group`, n) images, of which image i belongs to number i mod (n / g). For
    /// each number of an image, sqrt(variance within the subgroup + 1e-8); the mean of these is one number for each subgroup, and is
    /// every number of its images' new channel.
    ///
    /// # Panics
    /// When these are not images, or the batch does not fall into such subgroups.
    #[track_caller]
    pub fn minibatch_stddev(&self, group: usize) -> Self {
        let &[n, h, w, c] = &**self.shape() else { panic!("minibatch_stddev: {} is not (n, h, w, c)", self.shape()) };
        let members = group.min(n);
        let whole = members > 0 && n.is_multiple_of(members);
        assert!(whole, "minibatch_stddev: {n} images do not fall into subgroups of {members}");
        let (subgroups, numbers) = (n / members, h * w * c);
        let x = self.reshape([members, subgroups, numbers]);
        let centred = &x - &x.mean_to([1, subgroups, numbers]);
        let deviation = centred.square().mean_to([1, subgroups, numbers]).add_scalar(TINY).sqrt();
        let map = deviation.mean_to([1, subgroups, 1]).broadcast_to([members, subgroups, h * w]);
        self.concat(&map.reshape([n, h, w, 1]), 3)
    }

    /// Images (n, h, w, in) through a convolution whose weight, (kh, kw, in, out), is another one for each image (Karras, Laine,
    /// Aittala, Hellsten, Lehtinen and Aila, "Analyzing and improving the image quality of StyleGAN", 2020).
    ///
    /// For image i the weight is w_i = weight * style_i, with a factor for each in-channel: `style` is (n, in). If `demodulate`, it
    /// is then divided by sqrt(sum of w_i^2 + 1e-8), the sum over taps and in-channels, for each out-channel.
    ///
    /// No w_i is ever made. A convolution is linear: a factor for an in-channel may as well stretch the image, and one for
    /// an out-channel the result. So all images go through one convolution with `weight`, which is what `convolve` has to be,
    /// given the stretched images and `weight`: plain, strided or transposed, with a filter before or after, but nothing that is not
    /// linear. And the sum of w_i^2 is a matrix product of style^2 and the sum over the taps of weight^2.
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

    /// The mean of each block of `factor` pixels, down and right, of images (n, h, w, c): (n, h / down, w / right, c).
    ///
    /// # Panics
    /// When these are not images of whole blocks.
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
    fn members_of_a_subgroup_are_not_neighbours() {
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
        // 0, 2, 4, 6 are all alike; 1, 3, 5, 7 have the deviation 3.
        let eight = all(&[5.0, 0.0, 5.0, 6.0, 5.0, 0.0, 5.0, 6.0]);
        assert_near(&channel(&eight, 4), &[1e-4, 3.0, 1e-4, 3.0, 1e-4, 3.0, 1e-4, 3.0]);
        assert_near(&channel(&all(&[1.0, 3.0, 5.0]), 4), &[(8.0_f64 / 3.0).sqrt(); 3]);
        // The mean over all numbers of an image of their own deviations: 1 and 3.
        assert_near(&channel(&numbers(&[2, 1, 1, 2], &[0.0, 0.0, 2.0, 6.0]), 2), &[2.0, 2.0]);
    }

    #[test]
    #[should_panic(expected = "minibatch_stddev: 6 images do not fall into subgroups of 4")]
    fn a_batch_that_does_not_fall_into_subgroups_is_refused() {
        let _ = Var::constant(sample(Domain::Any, 1, &[6, 1, 1, 1])).minibatch_stddev(4);
    }

    type Convolve = fn(&Var<f64>, &Var<f64>) -> Var<f64>;

    /// The definition, word for word: a weight for each image.
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
    fn modulation_is_a_convolution_with_a_weight_for_each_image() {
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
