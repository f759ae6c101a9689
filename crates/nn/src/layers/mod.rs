//! The layers, one file each.

mod activation;
mod batch_norm;
mod bias;
mod conv2d;
mod dense;
mod dropout;
mod equalised;
mod instance_norm;
mod layer_norm;
mod maxout;
mod minibatch_stddev;
mod pixel_norm;
mod pool;
mod residual;
mod running_mean;
mod shape;
mod spectral_norm;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, Running};
pub use bias::Bias;
pub use conv2d::{Conv2d, ConvTranspose2d};
pub use dense::Dense;
pub use dropout::Dropout;
pub use equalised::Equalised;
pub use instance_norm::InstanceNorm;
pub use layer_norm::LayerNorm;
pub use maxout::Maxout;
pub use minibatch_stddev::MinibatchStddev;
pub use pixel_norm::PixelNorm;
pub use pool::{AveragePool2d, GlobalMean, MaxPool2d};
pub use residual::Residual;
pub use running_mean::RunningMean;
pub use shape::{Flatten, ReflectionPad2d, Reshape, UpSampling2d};
pub use spectral_norm::SpectralNorm;
