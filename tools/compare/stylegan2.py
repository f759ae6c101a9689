"""stylegan2 at 32x32: modulated convolutions, images that add up, and two penalties with updates of their own.

Every fourth step also has an update by the path lengths, and every sixteenth one by R1.
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from .gan import Contender
from .growing import Constant, Noise, RunningMean, slope
from .layers import Bias, Equalised, Fir, FirUp, Gain, MinibatchStddev, PixelNorm, ToFlat, adam, frozen
from .layers import squared_gradients, stack, update, wide

SIZES, MAPS, STYLE = (4, 8, 16, 32), 64, 64
PATHS, R1 = 4, 16
SMOOTH = [0.125, 0.375, 0.375, 0.125]
DOUBLED = [2.0 * tap for tap in SMOOTH]


class Modulated(nn.Module):
    """A convolution modulated by scaling its input's channels, and demodulated by scaling its output's."""

    def __init__(self, filters, size, doubling=False, demodulated=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(filters, MAPS, size, size))
        self.style_weight, self.style_bias = nn.Parameter(torch.randn(MAPS, STYLE)), nn.Parameter(torch.ones(MAPS))
        self.scale, self.size, self.demodulated = (size * size * MAPS) ** -0.5, size, demodulated
        self.blur = Fir(DOUBLED, 1) if doubling else None

    def forward(self, x, style):
        scales = F.linear(style, self.style_weight * STYLE**-0.5, self.style_bias)
        weight = self.weight * self.scale
        x = x * scales[:, :, None, None]
        if self.blur is None:
            y = F.conv2d(x, weight, padding=self.size // 2)
        else:
            y = self.blur(F.conv_transpose2d(x, weight.flip(2, 3).transpose(0, 1), stride=2))
        if not self.demodulated:
            return y
        squares = F.linear(wide(scales).square(), wide(weight).square().sum(dim=(2, 3)))
        return y * (squares + 1e-8).rsqrt()[:, :, None, None].to(y.dtype)


class Layer(nn.Module):
    def __init__(self, doubling=False):
        super().__init__()
        self.conv, self.noise, self.bias = Modulated(MAPS, 3, doubling), Noise(1), Bias(MAPS)

    def forward(self, x, style, noise):
        x = self.conv(x, style)
        return F.leaky_relu(self.bias(self.noise(x, noise(*x.shape[2:]))), 0.2) * 2.0**0.5


class ToRgb(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bias = Modulated(3, 1, demodulated=False), Bias(3)

    def forward(self, x, style):
        return self.bias(self.conv(x, style))


class Generator(nn.Module):
    def __init__(self, draws):
        super().__init__()
        self.draws, self.enlarge = draws, FirUp(DOUBLED, 1)
        layers = {"norm": PixelNorm()}
        for number in (1, 2):
            layers[f"dense{number}"] = Equalised(STYLE, STYLE, gain=1.0, slow=0.01)
            layers |= {f"lrelu{number}": slope(), f"gain{number}": Gain()}
        self.mapping = stack(**layers, styles=RunningMean())
        self.add_module("4x4_constant", stack(constant=Constant(MAPS)))
        for size in SIZES:
            name = f"{size}x{size}"
            if size > 4:
                self.add_module(f"{name}_up", Layer(doubling=True))
            self.add_module(f"{name}_conv", Layer())
            self.add_module(f"rgb{name}", ToRgb())

    def styles(self, latents, mixing=0.9):
        """One style per layer. An output layer takes that of the layer after it."""
        layers = 2 * len(SIZES)
        if not (self.training and self.draws.mixes(mixing)):
            return [self.mapping(latents)] * layers
        coarse, fine = self.mapping(torch.cat([latents, torch.randn_like(latents)])).chunk(2)
        cut = self.draws.first_mixed_layer(layers)
        return [coarse] * cut + [fine] * (layers - cut)

    def forward(self, styles, purpose=""):
        def layer(name, x, style):
            draw = lambda h, w: self.draws.noise_map(purpose, f"generator.{name}.noise", len(style), h, w)  # noqa: E731
            return self.get_submodule(name)(x, style, draw)

        x = layer("4x4_conv", self.get_submodule("4x4_constant")(styles[0]), styles[0])
        image = self.rgb(4)(x, styles[1])
        for level, size in enumerate(SIZES[1:], start=1):
            x = layer(f"{size}x{size}_up", x, styles[2 * level - 1])
            x = layer(f"{size}x{size}_conv", x, styles[2 * level])
            image = self.enlarge(image) + self.rgb(size)(x, styles[2 * level + 1])
        return image

    def rgb(self, size):
        return self.get_submodule(f"rgb{size}x{size}")


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.blur = Equalised(MAPS, MAPS, 3, gain=1.0), Fir(SMOOTH, 2)
        self.conv2 = Equalised(MAPS, MAPS, 3, gain=1.0, stride=2, padding=0)
        self.shortcut = stack(down=Fir(SMOOTH, 1, down=2), conv=Equalised(MAPS, MAPS, 1, gain=0.5**0.5, bias=False))

    def forward(self, x):
        y = F.leaky_relu(self.conv1(x), 0.2) * 2.0**0.5
        return F.leaky_relu(self.conv2(self.blur(y)), 0.2) + self.shortcut(x)


def discriminator():
    bent = lambda name, layer: {name: layer, f"lrelu_{name}": slope(), f"gain_{name}": Gain()}  # noqa: E731
    return stack(
        **bent("from_rgb", Equalised(3, MAPS, 1, gain=1.0)), **{f"{size}x{size}": Residual() for size in SIZES[:0:-1]},
        stddev=MinibatchStddev(), **bent("conv", Equalised(MAPS + 1, MAPS, 3, gain=1.0)), flatten=ToFlat(),
        **bent("dense1", Equalised(16 * MAPS, MAPS, gain=1.0)), dense2=Equalised(MAPS, 1, gain=1.0),
    )  # fmt: skip


class StyleGan2(Contender):
    def __init__(self, draws, precision, batch=16, rate=5e-3, **more):
        self.batch, self.rate, self.done, self.path_length = batch, rate, 0, 0.0
        super().__init__(draws, precision, **more)

    def build(self):
        self.generator, self.discriminator = Generator(self.draws), discriminator()
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.networks = {"discriminator": self.discriminator, "generator": self.generator}
        optimizer = lambda network, share: adam([network], share * self.rate, 0.0, 0.99**share)  # noqa: E731
        self.d_optimizer = optimizer(self.discriminator, R1 / (R1 + 1))
        self.g_optimizer = optimizer(self.generator, PATHS / (PATHS + 1))

    def latents(self, whose, count):
        return self.draws.latents(f"{whose} latents", count, STYLE)

    def paint(self, latents, purpose):
        return self.generator(self.generator.styles(latents), purpose)

    def step(self):
        self.draws.next_step()
        reals, shown = self.draws.reals(self.batch), {}
        with frozen(self.discriminator):
            with self.cast():
                fakes = self.paint(self.latents("generator", self.batch), "generator turn")
                g_loss = F.softplus(-wide(self.discriminator(fakes))).mean()
            shown["g_loss"] = update(self.g_optimizer, g_loss)
        if self.done % PATHS == 0:
            shown["path_penalty"] = self.regularise_paths()
        with torch.no_grad(), self.cast():
            fakes = self.paint(self.latents("discriminator", self.batch), "fakes")
        with self.cast():
            real, fake = (wide(self.discriminator(images)) for images in (reals, fakes))
            d_loss = F.softplus(fake).mean() + F.softplus(-real).mean()
        shown["d_loss"] = update(self.d_optimizer, d_loss)
        with torch.no_grad():
            for own, other in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                own.lerp_(other, 0.001)
        if self.done % R1 == 0:
            with self.cast():
                penalty = 0.5 * squared_gradients(self.discriminator, reals)[1].mean()
            shown["penalty"] = update(self.d_optimizer, R1 * penalty) / R1
        self.done += 1
        return shown

    def regularise_paths(self):
        with self.cast():
            styles = torch.stack(self.generator.styles(self.latents("path", self.batch // 2)))
            images = wide(self.generator(list(styles), "path length turn"))
            count, channels, height, width = images.shape
            directions = self.draws.normal("directions of pictures", count, height, width, channels).permute(0, 3, 1, 2)
            directed = (images * directions / (height * width) ** 0.5).sum()
            (gradient,) = torch.autograd.grad(directed, styles, create_graph=True)
            lengths = (wide(gradient).square().sum(dim=2).mean(dim=0) + 1e-12).sqrt()
            mean = 0.01 * lengths.mean() + 0.99 * self.path_length
            penalty = 2.0 * (lengths - mean).square().mean()
        self.path_length = mean.item()
        return update(self.g_optimizer, PATHS * penalty) / PATHS

    def sample_latents(self, count):
        return torch.randn(count, STYLE)
