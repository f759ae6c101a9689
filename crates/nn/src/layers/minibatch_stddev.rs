//! [`MinibatchStddev`]: how much the images of a batch differ, as one more channel.

use tensor::Var;

use crate::context::ForwardContext;
use crate::network::{BuildContext, Layer};

/// One more channel for images (h, w, c): the standard deviation over groups of so many images of the batch, averaged to one number for
/// each group (Karras et al. 2018). A discriminator sees by it whether fakes are all alike.
///
/// A batch that is no multiple of the group is taken in the largest groups that it is a multiple of.
#[derive(Clone, Copy, Debug)]
pub struct MinibatchStddev(pub usize);

impl Layer for MinibatchStddev {
    fn describe(&self) -> String {
        format!("MinibatchStddev {}", self.0)
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let &[h, w, c] = site.input else { return Err("a deviation over a batch needs images (h, w, c)".into()) };
        Ok(vec![h, w, c + 1])
    }

    fn forward(&self, _pass: &mut ForwardContext, x: &Var) -> Var {
        let images = x.shape()[0];
        let group = (1..=self.0).rev().find(|group| images.is_multiple_of(*group)).unwrap_or(1);
        x.minibatch_stddev(group)
    }
}
