//! Functions made of ops: they need no rule of their own.

use kernels::Element;

use crate::{Tensor, Var};

impl<T: Element> Var<T> {
    /// x / sqrt(mean over the last axis of x^2 + epsilon).
    #[track_caller]
    pub fn pixel_norm(&self, epsilon: f64) -> Self {
        let mut shape = self.shape().to_vec();
        *shape.last_mut().expect("axes") = 1;
        self / &self.square().mean_to(&*shape).add_scalar(epsilon).sqrt()
    }

    /// Standard deviation over groups, as a channel.
    #[track_caller]
    pub fn minibatch_stddev(&self, group: usize) -> Self {
        let &[n, h, w, c] = &**self.shape() else { panic!("minibatch_stddev: {}", self.shape()) };
        let groups = n / group;
        let x = self.reshape([group, groups * h * w * c]);
        let centred = &x - &x.mean_to([1, groups * h * w * c]);
        let deviation = centred.square().mean_to([1, groups * h * w * c]).add_scalar(1e-8).sqrt();
        let mean = deviation.reshape([groups, h * w * c]).mean_to([groups, 1]);
        let ones = Self::constant(Tensor::zeros([group, groups, h, w, 1]));
        let map = (&ones + &mean.reshape([1, groups, 1, 1, 1])).reshape([n, h, w, 1]);
        self.concat(&map, 3)
    }
}
