"""vanilla and mnist: networks of dense layers."""

import torch
from torch import nn

from .gan import Contender
from .layers import ToFlat, ToImage, adam, bce, frozen, stack, update


class Vanilla(Contender):
    """Keras-GAN's: half a batch of reals and half a batch of fakes have an update each; fakes by inference."""

    def __init__(self, draws, precision, batch=128, latent=100, **more):
        self.batch, self.latent = batch, latent
        super().__init__(draws, precision, **more)

    def build(self):
        slope = lambda: nn.LeakyReLU(0.2)  # noqa: E731
        self.discriminator = stack(
            flatten=ToFlat(), dense1=nn.Linear(784, 512), lrelu1=slope(), dense2=nn.Linear(512, 256), lrelu2=slope(),
            dense3=nn.Linear(256, 1),
        )  # fmt: skip
        layers, inputs = {}, self.latent
        for number, units in enumerate([256, 512, 1024], start=1):
            layers |= {f"dense{number}": nn.Linear(inputs, units), f"lrelu{number}": slope()}
            layers[f"bn{number}"] = nn.BatchNorm1d(units, eps=1e-3, momentum=0.2)
            inputs = units
        self.generator = stack(**layers, dense4=nn.Linear(inputs, 784), tanh=nn.Tanh(), reshape=ToImage(28, 28, 1))
        self.networks = {"discriminator": self.discriminator, "generator": self.generator}
        self.d_optimizer, self.g_optimizer = (
            adam([n], 2e-4, 0.5, eps=1e-7) for n in (self.discriminator, self.generator)
        )

    def step(self):
        self.draws.next_step()
        half = self.batch // 2
        self.generator.eval()
        with torch.no_grad(), self.cast():
            fakes = self.generator(self.draws.latents("discriminator latents", half, self.latent))
        self.generator.train()
        losses = []
        for images, label in ((self.draws.reals(half), 1.0), (fakes, 0.0)):
            with self.cast():
                loss = bce(self.discriminator(images), label)
            losses.append(update(self.d_optimizer, loss))
        with frozen(self.discriminator):
            with self.cast():
                fakes = self.generator(self.draws.latents("generator latents", self.batch, self.latent))
                g_loss = bce(self.discriminator(fakes), 1.0)
            g_loss = update(self.g_optimizer, g_loss)
        return {"d_loss": sum(losses) / 2.0, "g_loss": g_loss}

    def sample_latents(self, count):
        return torch.randn(count, self.latent)


class Mnist(Contender):
    """Udacity's: reals and fakes in a pass each, smoothed labels, dropout in both networks."""

    def __init__(self, draws, precision, batch=64, latent=100, dropout=0.3, **more):
        self.batch, self.latent, self.dropout = batch, latent, dropout
        super().__init__(draws, precision, **more)

    def build(self):
        def hidden(inputs, units):
            layers = {}
            for number, (inputs, outputs) in enumerate(zip([inputs, *units], units), start=1):
                layers |= {f"dense{number}": nn.Linear(inputs, outputs), f"lrelu{number}": nn.LeakyReLU(0.2)}
                layers[f"dropout{number}"] = nn.Dropout(self.dropout)
            return layers

        self.discriminator = stack(flatten=ToFlat(), **hidden(784, [128, 64, 32]), dense4=nn.Linear(32, 1))
        end = {"dense4": nn.Linear(128, 784), "tanh": nn.Tanh(), "reshape": ToImage(28, 28, 1)}
        self.generator = stack(**hidden(self.latent, [32, 64, 128]), **end)
        self.networks = {"discriminator": self.discriminator, "generator": self.generator}
        self.d_optimizer, self.g_optimizer = (adam([n], 2e-3, 0.9) for n in (self.discriminator, self.generator))

    def step(self):
        self.draws.next_step()
        with torch.no_grad(), self.cast():
            fakes = self.generator(self.draws.uniform("discriminator latents", self.batch, self.latent))
        with self.cast():
            real = bce(self.discriminator(self.draws.reals(self.batch)), 0.9)
            d_loss = real + bce(self.discriminator(fakes), 0.0)
        d_loss = update(self.d_optimizer, d_loss)
        with frozen(self.discriminator):
            with self.cast():
                fakes = self.generator(self.draws.uniform("generator latents", self.batch, self.latent))
                g_loss = bce(self.discriminator(fakes), 1.0)
            g_loss = update(self.g_optimizer, g_loss)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def sample_latents(self, count):
        return torch.rand(count, self.latent) * 2.0 - 1.0
