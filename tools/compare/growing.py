"""progan and stylegan: fully grown, at 32x32. A turn of the discriminator, the average, a turn of the generator."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from .gan import Contender
from .layers import Bias, Equalised, Fir, MinibatchStddev, PixelNorm, ToFlat, ToImage, adam, frozen, squared_gradients
from .layers import stack, update, wide

MAPS = (64, 64, 64, 32)
SIZES = (4, 8, 16, 32)
LATENT, MAPPING = 64, 8
BLUR = ([0.25, 0.5, 0.25], 1)


def slope():
    return nn.LeakyReLU(0.2)


class Critic(nn.Module):
    def __init__(self, blurring):
        super().__init__()
        for size, maps in zip(SIZES, MAPS, strict=True):  # those of the smaller sizes are not used any more
            self.add_module(f"rgb{size}x{size}", stack(conv=Equalised(3, maps, 1), lrelu=slope()))
        for size, maps, fewer in zip(SIZES[:0:-1], MAPS[:0:-1], MAPS[-2::-1], strict=True):
            first = {"conv1": Equalised(maps, maps, 3), "lrelu1": slope()} | ({"blur": Fir(*BLUR)} if blurring else {})
            block = stack(**first, conv2=Equalised(maps, fewer, 3), lrelu2=slope(), pool=nn.AvgPool2d(2))
            self.add_module(f"{size}x{size}", block)
        head = stack(
            stddev=MinibatchStddev(), conv=Equalised(MAPS[0] + 1, MAPS[0], 3), lrelu1=slope(), flatten=ToFlat(),
            dense1=Equalised(16 * MAPS[0], LATENT), lrelu2=slope(), dense2=Equalised(LATENT, 1, gain=1.0),
        )  # fmt: skip
        self.add_module("4x4", head)

    def forward(self, x):
        x = self.get_submodule("rgb32x32")(x)
        for size in SIZES[::-1]:
            x = self.get_submodule(f"{size}x{size}")(x)
        return x


def add_rgb(generator):
    for size, maps in zip(SIZES, MAPS, strict=True):
        generator.add_module(f"rgb{size}x{size}", stack(conv=Equalised(maps, 3, 1, gain=1.0)))


class Generator(nn.Module):
    """ProGAN's."""

    def __init__(self):
        super().__init__()
        end = lambda n: {f"lrelu{n}": slope(), f"norm{n}": PixelNorm()}  # noqa: E731
        dense = Equalised(LATENT, 16 * MAPS[0], gain=2.0**0.5 / 4.0, bias=False)
        first = {"norm": PixelNorm(), "dense": dense, "reshape": ToImage(4, 4, MAPS[0]), "bias": Bias(MAPS[0])}
        self.add_module("4x4", stack(**first, **end(1), conv=Equalised(MAPS[0], MAPS[0], 3), **end(2)))
        for size, fewer, maps in zip(SIZES[1:], MAPS, MAPS[1:]):
            convs = {"conv1": Equalised(fewer, maps, 3), **end(1), "conv2": Equalised(maps, maps, 3), **end(2)}
            self.add_module(f"{size}x{size}", stack(up=nn.Upsample(scale_factor=2), **convs))
        add_rgb(self)

    def forward(self, x):
        for size in SIZES:
            x = self.get_submodule(f"{size}x{size}")(x)
        return self.get_submodule("rgb32x32")(x)


class Noise(nn.Module):
    """The map is drawn by the caller. In StyleGAN2 all channels share one weight."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x, noise):
        return x + self.weight * noise


class AdaIn(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(2 * channels, LATENT)), nn.Parameter(torch.zeros(2 * channels))

    def forward(self, x, style):
        scale, shift = F.linear(style, self.weight / LATENT**0.5, self.bias)[:, :, None, None].chunk(2, dim=1)
        return F.instance_norm(x, eps=1e-8) * (scale + 1.0) + shift


class Constant(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.constant = nn.Parameter(torch.randn(1, channels, 4, 4).to(memory_format=torch.channels_last))

    def forward(self, x):
        return self.constant.expand(len(x), -1, -1, -1)


class Styled(nn.Module):
    """A layer of StyleGAN: what makes the features, noise, bias, leaky ReLU, style."""

    def __init__(self, channels, **layers):
        super().__init__()
        self.first = list(layers)
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.noise, self.bias, self.adain = Noise(channels), Bias(channels), AdaIn(channels)

    def forward(self, x, style, noise):
        for name in self.first:
            x = self.get_submodule(name)(x)
        x = self.bias(self.noise(x, noise(*x.shape[2:])))
        return self.adain(F.leaky_relu(x, 0.2), style)


class StyleGenerator(nn.Module):
    """StyleGAN's. `draws` makes the noise, and decides about the mixing of styles."""

    def __init__(self, draws):
        super().__init__()
        self.draws = draws
        layers = {"norm": PixelNorm()}
        for number in range(1, MAPPING + 1):
            layers |= {f"dense{number}": Equalised(LATENT, LATENT, slow=0.01), f"lrelu{number}": slope()}
        self.mapping = stack(**layers, styles=RunningMean())
        conv = lambda inputs, maps: Equalised(inputs, maps, 3, bias=False)  # noqa: E731
        self.layers = []
        for level, (size, maps) in enumerate(zip(SIZES, MAPS, strict=True)):
            if level == 0:
                first, name = Styled(maps, constant=Constant(maps)), "4x4_constant"
            else:
                enlarging = {"up": nn.Upsample(scale_factor=2), "conv": conv(MAPS[level - 1], maps), "blur": Fir(*BLUR)}
                first, name = Styled(maps, **enlarging), f"{size}x{size}_up"
            second = Styled(maps, conv=conv(maps, maps))
            for name, layer in ((name, first), (f"{size}x{size}_conv", second)):
                self.add_module(name, layer)
                self.layers.append(name)
        add_rgb(self)

    def forward(self, latents, purpose="", mixing=0.9):
        count, layers = len(latents), len(self.layers)
        styles, cut = [self.mapping(latents)] * 2, layers
        if self.training and self.draws.mixes(mixing):
            both, cut = self.mapping(torch.cat([latents, torch.randn_like(latents)])), self.draws.first_mixed_layer(layers)
            styles = both.chunk(2)
        x = latents
        for number, name in enumerate(self.layers):
            noise = lambda h, w, name=name: self.draws.noise_map(purpose, f"generator.{name}.noise", count, h, w)  # noqa: E731
            x = self.get_submodule(name)(x, styles[number >= cut], noise)
        return self.get_submodule("rgb32x32")(x)


class RunningMean(nn.Module):
    """Returns its input, and keeps a running mean of it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(LATENT))

    def forward(self, x):
        if self.training:
            self.mean.lerp_(wide(x.detach()).mean(dim=0), 0.005)
        return x


class Growing(Contender):
    def __init__(self, draws, precision, batch=16, rate=1e-3, **more):
        self.batch, self.rate = batch, rate
        super().__init__(draws, precision, **more)

    def build(self):
        self.generator, self.discriminator = self.new_networks()
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.networks = {"discriminator": self.discriminator, "generator": self.generator}
        self.d_optimizer, self.g_optimizer = (
            adam([n], self.rate, 0.0, 0.99) for n in (self.discriminator, self.generator)
        )

    def paint(self, latents, _purpose):
        return self.generator(latents)

    def step(self):
        self.draws.next_step()
        reals = self.draws.reals(self.batch)
        latents = lambda whose: self.draws.latents(f"{whose} latents", self.batch, LATENT)  # noqa: E731
        with torch.no_grad(), self.cast():
            fakes = wide(self.paint(latents("discriminator"), "fakes"))
        with self.cast():
            d_loss = self.discriminator_loss(reals, fakes)
        d_loss = update(self.d_optimizer, d_loss)
        with torch.no_grad():
            for own, other in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                own.lerp_(other, 0.001)
        with frozen(self.discriminator):
            with self.cast():
                scores = wide(self.discriminator(self.paint(latents("generator"), "generator turn")))
                g_loss = self.generator_loss(scores)
            g_loss = update(self.g_optimizer, g_loss)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def sample_latents(self, count):
        return torch.randn(count, LATENT)


class ProGan(Growing):
    def new_networks(self):
        return Generator(), Critic(blurring=False)

    def discriminator_loss(self, reals, fakes):
        real, fake = (wide(self.discriminator(images)) for images in (reals, fakes))
        stream = "points between reals and fakes"
        share = self.draws.uniform(stream, self.batch, 1, 1, 1, low=0.0, high=1.0)
        _, squares = squared_gradients(self.discriminator, reals + share * (fakes - reals))
        penalty = 10.0 * ((squares + 1e-12).sqrt() - 1.0).square().mean()
        return fake.mean() - real.mean() + 1e-3 * real.square().mean() + penalty

    def generator_loss(self, scores):
        return -scores.mean()


class StyleGan(Growing):
    def new_networks(self):
        return StyleGenerator(self.draws), Critic(blurring=True)

    def paint(self, latents, purpose):
        return self.generator(latents, purpose)

    def discriminator_loss(self, reals, fakes):
        fake = wide(self.discriminator(fakes))
        real, squares = squared_gradients(self.discriminator, reals)
        return F.softplus(fake).mean() + F.softplus(-wide(real)).mean() + 0.5 * squares.mean()

    def generator_loss(self, scores):
        return F.softplus(-scores).mean()
