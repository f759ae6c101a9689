//! [`Flatten`], [`Reshape`], [`UpSampling2d`], [`ReflectionPad2d`]: layers that only rearrange.

use kernels::ReflectGeometry;
use tensor::Var;

use crate::network::{Layer, Site};
use crate::pass::Pass;

/// All axes but the batch's become one.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

/// The same numbers in another shape (given without the batch axis). Images have their channels fastest.
#[derive(Clone, Debug)]
pub struct Reshape(pub Vec<usize>);

/// Every pixel becomes a block of so many equal pixels, down and right (nearest neighbour).
#[derive(Clone, Copy, Debug)]
pub struct UpSampling2d(pub [usize; 2]);

/// The image is continued beyond its edges by its mirror image, so many pixels on each side; the edge itself is not repeated.
/// Convolutions of a picture continued like this leave no frame of zeros in what they draw.
#[derive(Clone, Copy, Debug)]
pub struct ReflectionPad2d(pub usize);

fn reshaped(x: &Var, shape: &[usize]) -> Var {
    x.reshape(&*[&[x.shape()[0]], shape].concat())
}

impl Layer for Flatten {
    fn describe(&self) -> String {
        "Flatten".into()
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        Ok(vec![site.input.iter().product()])
    }

    fn forward(&self, _pass: &mut Pass, x: &Var) -> Var {
        reshaped(x, &[x.shape()[1..].iter().product()])
    }
}

impl Layer for Reshape {
    fn describe(&self) -> String {
        "Reshape".into()
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        let (from, to): (usize, usize) = (site.input.iter().product(), self.0.iter().product());
        if from != to {
            return Err(format!("{from} numbers cannot be reshaped to {:?}, which has {to}", self.0));
        }
        Ok(self.0.clone())
    }

    fn forward(&self, _pass: &mut Pass, x: &Var) -> Var {
        reshaped(x, &self.0)
    }
}

impl Layer for UpSampling2d {
    fn describe(&self) -> String {
        format!("UpSampling2d {}x{}", self.0[0], self.0[1])
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        let &[h, w, c] = site.input else { return Err("up-sampling needs images (h, w, c)".into()) };
        Ok(vec![h * self.0[0], w * self.0[1], c])
    }

    fn forward(&self, _pass: &mut Pass, x: &Var) -> Var {
        x.upsample(self.0)
    }

    fn upsampling(&self) -> Option<[usize; 2]> {
        Some(self.0)
    }
}

impl Layer for ReflectionPad2d {
    fn describe(&self) -> String {
        format!("ReflectionPad2d {}", self.0)
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        let &[h, w, channels] = site.input else { return Err("reflection padding needs images (h, w, c)".into()) };
        let g = ReflectGeometry { batch: 1, input: [h, w], channels, pad: [self.0; 4] };
        g.check()?;
        Ok(g.output_shape()[1..].to_vec())
    }

    fn forward(&self, _pass: &mut Pass, x: &Var) -> Var {
        x.reflection_pad([self.0; 4])
    }
}
