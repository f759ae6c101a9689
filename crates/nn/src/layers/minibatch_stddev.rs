//! [`MinibatchStddev`]: the variation within the batch as an additional channel.

use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};

/// Appends a channel to images (h, w, c), or a number to vectors: the standard deviation over
/// groups of this many images of the batch, averaged over pixels and channels to one number per
/// group (Karras et al. 2018). It shows a discriminator whether fakes lack variation.
///
/// If the batch size is not a multiple of the group size, the largest smaller size that divides it
/// is used.
#[derive(Clone, Copy, Debug)]
pub struct MinibatchStddev(pub usize);

impl MinibatchStddev {
    /// The size of the groups in a batch of this many images.
    pub fn group_of(self, images: usize) -> usize {
        (1..=self.0).rev().find(|group| images.is_multiple_of(*group)).unwrap_or(1)
    }
}

impl Layer for MinibatchStddev {
    fn describe(&self) -> String {
        format!("MinibatchStddev {}", self.0)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        match *ctx.input {
            [h, w, c] => Ok(vec![h, w, c + 1]),
            [units] => Ok(vec![units + 1]),
            _ => Err("a standard deviation over the batch needs images (h, w, c) or vectors".into()),
        }
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        let group = self.group_of(x.shape()[0]);
        match **x.shape() {
            // A vector is an image of one pixel.
            [n, units] => x.reshape([n, 1, 1, units]).minibatch_stddev(group).reshape([n, units + 1]),
            _ => x.minibatch_stddev(group),
        }
    }
}
