//! [`Flatten`], [`Reshape`], [`UpSampling2d`], [`ReflectionPad2d`] and [`Crop2d`]: layers that only
//! rearrange elements.

use kernels::ReflectGeometry;
use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// Combines all axes except the batch axis into one.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

/// The same elements in this shape (without the batch axis), in memory order: channels vary
/// fastest.
#[derive(Clone, Debug)]
pub struct Reshape(pub Vec<usize>);

/// Nearest-neighbour up-sampling: every pixel becomes a block of this height and width.
#[derive(Clone, Copy, Debug)]
pub struct UpSampling2d(pub [usize; 2]);

/// Pads the image by this many pixels of its mirror image on each side; the edge itself is not
/// repeated. Unlike zero padding, this does not darken the border of a convolution's output.
#[derive(Clone, Copy, Debug)]
pub struct ReflectionPad2d(pub usize);

/// The upper left part of the image, of this height and width.
#[derive(Clone, Copy, Debug)]
pub struct Crop2d(pub [usize; 2]);

fn reshaped(x: &Var, shape: &[usize]) -> Var {
    x.reshape(&*[&[x.shape()[0]], shape].concat())
}

impl Layer for Flatten {
    fn describe(&self) -> String {
        "Flatten".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        Ok(vec![ctx.input.iter().product()])
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Flatten)
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        reshaped(x, &[x.shape()[1..].iter().product()])
    }
}

impl Layer for Reshape {
    fn describe(&self) -> String {
        "Reshape".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let (from, to): (usize, usize) = (ctx.input.iter().product(), self.0.iter().product());
        if from != to {
            return Err(format!("{from} numbers cannot be reshaped to {:?}, which has {to}", self.0));
        }
        Ok(self.0.clone())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Reshape(self.0.clone()))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        reshaped(x, &self.0)
    }
}

impl Layer for UpSampling2d {
    fn describe(&self) -> String {
        format!("UpSampling2d {}x{}", self.0[0], self.0[1])
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[h, w, c] = ctx.input else { return Err("up-sampling needs images (h, w, c)".into()) };
        Ok(vec![h * self.0[0], w * self.0[1], c])
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::UpSampling2d(self.0))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
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

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[h, w, channels] = ctx.input else { return Err("reflection padding needs images (h, w, c)".into()) };
        let g = ReflectGeometry { batch: 1, input: [h, w], channels, pad: [self.0; 4] };
        g.check()?;
        Ok(g.output_shape()[1..].to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::ReflectionPad2d(self.0))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.reflection_pad([self.0; 4])
    }
}

impl Layer for Crop2d {
    fn describe(&self) -> String {
        format!("Crop2d {}x{}", self.0[0], self.0[1])
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[h, w, channels] = ctx.input else { return Err("a crop needs images (h, w, c)".into()) };
        let [height, width] = self.0;
        if height == 0 || width == 0 || height > h || width > w {
            return Err(format!("a crop of {height}x{width} does not fit into {h}x{w}"));
        }
        Ok(vec![height, width, channels])
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Crop2d(self.0))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.slice(1, 0..self.0[0]).slice(2, 0..self.0[1])
    }
}

#[cfg(test)]
mod tests {
    use kernels::TransposedPadding;
    use tensor::Tensor;

    use super::*;
    use crate::layers::ConvTranspose2d;
    use crate::{Dialect, Network};

    /// TensorFlow's transposed convolution of 4x4 pixels with SAME padding, kernel 5 and stride 2:
    /// pixel i contributes to outputs 2 i - 1 + tap of 8. The authors of WGAN-GP then keep the
    /// first 7.
    #[test]
    fn a_cropped_transposed_convolution_is_that_of_tensorflow() {
        let convt = || ConvTranspose2d::new(1, 5).stride(2).without_bias();
        let network = Network::new("net", &[4, 4, 1], Dialect::Torch, 1);
        let mut cropped = network.with("convt", convt()).with("crop", Crop2d([7, 7]));
        assert_eq!(cropped.output_shape(), [7, 7, 1]);
        let weight = Tensor::from_fn([5, 5, 1, 1], |i| (i * i % 23) as f32);
        cropped.tensors_mut().into_iter().for_each(|(_, _, own)| *own = weight.clone());
        let x = Tensor::from_fn([1, 4, 4, 1], |i| (i % 5) as f32 + 1.0);
        let mut wanted = vec![0.0; 64];
        for (at, x) in x.data().iter().enumerate() {
            for tap in 0..25 {
                let (y, x_at) = (2 * (at / 4) + tap / 5, 2 * (at % 4) + tap % 5);
                if (1..9).contains(&y) && (1..9).contains(&x_at) {
                    wanted[(y - 1) * 8 + x_at - 1] += x * weight.data()[tap];
                }
            }
        }
        let wanted: Vec<f32> = (0..49).map(|i| wanted[i / 7 * 8 + i % 7]).collect();
        assert_eq!(cropped.infer(&x).data(), wanted);

        // With a padding of 2 on both sides the output is shifted by one pixel.
        let explicit = TransposedPadding::Explicit { padding: [2; 2], output_padding: [0; 2] };
        let mut centred = Network::new("net", &[4, 4, 1], Dialect::Torch, 1).with("convt", convt().padding(explicit));
        centred.tensors_mut().into_iter().for_each(|(_, _, own)| *own = weight.clone());
        let centred = centred.infer(&x);
        assert!((0..36).all(|i| centred.data()[i / 6 * 7 + i % 6] == wanted[(i / 6 + 1) * 7 + i % 6 + 1]));
    }
}
