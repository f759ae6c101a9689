"""dcgan, faces and folder: DCGANs of 64x64 or 128x128 images, in the order of PyTorch's example.

The discriminator gets reals and fakes in a pass each; the generator then learns from the same fakes.
"""

import torch
from torch import nn

from .gan import Contender
from .layers import ToImage, adam, bce, frozen, stack, update


class Strided(Contender):
    def __init__(self, draws, precision, size=64, batch=64, width=64, latent=100, **more):
        self.size, self.batch, self.width, self.latent = size, batch, width, latent
        super().__init__(draws, precision, **more)

    def build(self):
        doublings, width, latent = {32: 3, 64: 4, 128: 5}[self.size], self.width, self.latent
        widths = [width << level for level in range(doublings)]
        layers = {}
        for number, (inputs, filters) in enumerate(zip([3, *widths], widths), start=1):
            layers[f"conv{number}"] = nn.Conv2d(inputs, filters, 4, 2, 1, bias=False)
            if number > 1:
                layers[f"bn{number}"] = nn.BatchNorm2d(filters)
            layers[f"lrelu{number}"] = nn.LeakyReLU(0.2)
        last = nn.Conv2d(widths[-1], 1, 4, bias=False)
        self.discriminator = stack(**layers, **{f"conv{doublings + 1}": last}, flatten=nn.Flatten())
        layers = {"reshape": ToImage(1, 1, latent), "convt1": nn.ConvTranspose2d(latent, widths[-1], 4, bias=False)}
        for number, filters in enumerate(widths[::-1], start=1):
            following = widths[-1 - number] if number < doublings else 3
            layers |= {f"bn{number}": nn.BatchNorm2d(filters), f"relu{number}": nn.ReLU()}
            layers[f"convt{number + 1}"] = nn.ConvTranspose2d(filters, following, 4, 2, 1, bias=False)
        self.generator = stack(**layers, tanh=nn.Tanh())
        self.networks = {"discriminator": self.discriminator, "generator": self.generator}
        self.d_optimizer, self.g_optimizer = (adam([n], 2e-4, 0.5) for n in (self.discriminator, self.generator))

    def step(self):
        self.draws.next_step()
        reals = self.draws.reals(self.batch)
        with self.cast():
            fakes = self.generator(self.draws.latents("discriminator latents", self.batch, self.latent))
            d_loss = bce(self.discriminator(reals), 1.0) + bce(self.discriminator(fakes.detach()), 0.0)
        d_loss = update(self.d_optimizer, d_loss)
        with frozen(self.discriminator):
            with self.cast():
                g_loss = bce(self.discriminator(fakes), 1.0)
            g_loss = update(self.g_optimizer, g_loss)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def sample_latents(self, count):
        return torch.randn(count, self.latent)
