//! The Python code that generators share: modules that PyTorch does not have, and the comparison
//! with Backdraw's samples.

use super::super::generator::{Generator, Source};
use super::FileNames;

/// A class or function of the generated file. They are written in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Helper {
    Resample,
    PixelNorm,
    Bias,
    Constant,
    Noise,
    AdaIn,
    ModulatedConv2d,
}

impl Helper {
    /// Its code.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Resample => RESAMPLE,
            Self::PixelNorm => PIXEL_NORM,
            Self::Bias => BIAS,
            Self::Constant => CONSTANT,
            Self::Noise => NOISE,
            Self::AdaIn => ADAIN,
            Self::ModulatedConv2d => MODULATED,
        }
    }
}

const RESAMPLE: &str = r#"
def resample(x, taps, up=1, down=1, pad=(0, 0)):
    """Filters each channel by `taps` in both directions. Before it, `up` - 1 zeros are inserted
    after every pixel; after it, every `down`-th pixel is kept."""
    n, channels, height, width = x.shape
    if up > 1:
        x = F.pad(x.reshape(n, channels, height, 1, width, 1), (0, up - 1, 0, 0, 0, up - 1))
        x = x.reshape(n, channels, height * up, width * up)
    taps = torch.tensor(taps, dtype=x.dtype, device=x.device)
    kernel = torch.outer(taps, taps).expand(channels, 1, -1, -1)
    return F.conv2d(F.pad(x, (*pad, *pad)), kernel, stride=down, groups=channels)
"#;

const PIXEL_NORM: &str = r#"
class PixelNorm(nn.Module):
    """Scales the channels of each pixel, or a vector, to mean square 1."""

    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, x):
        return x / (x.square().mean(1, keepdim=True) + self.eps).sqrt()
"#;

const BIAS: &str = r#"
class Bias(nn.Module):
    """Adds a number to each channel."""

    def __init__(self, *shape):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x):
        return x + self.bias
"#;

const CONSTANT: &str = r#"
class Constant(nn.Module):
    """A learned value for each member of the batch."""

    def __init__(self, *shape):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(shape))

    def forward(self, x):
        return self.value.expand(x.shape[0], *self.value.shape[1:])
"#;

const NOISE: &str = r#"
class Noise(nn.Module):
    """Adds a map of noise, with a weight for each channel or one for all. The map is fixed, so that
    an image depends on its latent only; replace `map` by random normal numbers to vary it."""

    def __init__(self, weights, height, width):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, weights, 1, 1))
        self.register_buffer("map", torch.zeros(1, 1, height, width))

    def forward(self, x):
        return x + self.map * self.weight
"#;

const ADAIN: &str = r#"
class AdaIN(nn.Module):
    """Normalises each channel of each image; its style then scales and shifts it."""

    def __init__(self, channels, style, eps):
        super().__init__()
        self.style = nn.Linear(style, 2 * channels)
        self.eps = eps

    def forward(self, x, style):
        scale, shift = self.style(style)[:, :, None, None].chunk(2, dim=1)
        return F.instance_norm(x, eps=self.eps) * (scale + 1) + shift
"#;

const MODULATED: &str = r#"
class ModulatedConv2d(nn.Module):
    """A convolution whose input channels are scaled by a function of the style. With `demodulate`,
    the output channels are divided by the norms of the scaled weights."""

    def __init__(self, inputs, outputs, kernel, style, doubling=False, demodulate=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))
        self.style = nn.Linear(style, inputs)
        self.doubling, self.demodulate = doubling, demodulate

    def forward(self, x, style):
        scales = self.style(style)
        x = x * scales[:, :, None, None]
        kernel = self.weight.shape[-1]
        if self.doubling:
            x = F.conv_transpose2d(x, self.weight.flip(2, 3).transpose(0, 1), stride=2)
            pad = (3 - kernel + 1) // 2 + 1, (3 - kernel) // 2 + 1
            x = resample(x, [0.25, 0.75, 0.75, 0.25], pad=pad)
        else:
            x = F.conv2d(x, self.weight, padding=kernel // 2)
        if self.demodulate:
            squares = scales.square() @ self.weight.square().sum((2, 3)).T
            x = x / (squares + 1e-8).sqrt()[:, :, None, None]
        return x
"#;

/// The end of the file: draws the samples again, and compares them.
pub(super) fn check(generator: &Generator, FileNames { inputs, samples, .. }: FileNames<'_>) -> String {
    let input = match generator.source {
        Source::Latents { .. } => format!("torch.from_numpy(numpy.load(folder / \"{inputs}\"))"),
        Source::Images(_) => {
            format!("torch.from_numpy(numpy.load(folder / \"{inputs}\")).permute(0, 3, 1, 2) / 255")
        }
    };
    let compare = if generator.makes_images() {
        r#"        images = load()(inputs)
    drawn = (images * 255).round().clamp(0, 255).permute(0, 2, 3, 1).numpy()
    differences = numpy.abs(drawn.reshape(samples.shape) - samples)
    print(f"{numpy.count_nonzero(differences)} of {samples.size} bytes differ, by at most {differences.max():.0f}")
"#
    } else {
        r#"        points = load()(inputs)
    print(f"the largest difference of a coordinate is {numpy.abs(points.numpy() - samples).max():.1e}")
"#
    };
    format!(
        r#"def main():
    """Draws the samples again, and compares them with those of Backdraw."""
    folder = Path(__file__).parent
    inputs = {input}
    samples = numpy.load(folder / "{samples}")
    with torch.no_grad():
{compare}

if __name__ == "__main__":
    main()
"#
    )
}
