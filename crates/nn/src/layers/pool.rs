//! [`MaxPool2d`]: keeps the strongest answer of each block.

use tensor::Var;

use crate::network::{Layer, Site};
use crate::pass::Pass;

/// The largest number of each block of so many pixels, down and right, per channel: images (h, w, c) become
/// (h / down, w / right, c). Blocks do not overlap.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d(pub [usize; 2]);

impl Layer for MaxPool2d {
    fn describe(&self) -> String {
        format!("MaxPool2d {}x{}", self.0[0], self.0[1])
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        let &[h, w, c] = site.input else { return Err("pooling needs images (h, w, c)".into()) };
        let [down, right] = self.0;
        if down == 0 || right == 0 || h % down != 0 || w % right != 0 {
            return Err(format!("{h}x{w} pixels are not whole blocks of {down}x{right}"));
        }
        Ok(vec![h / down, w / right, c])
    }

    fn forward(&self, _pass: &mut Pass, x: &Var) -> Var {
        x.max_pool(self.0)
    }
}
