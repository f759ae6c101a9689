"""quickdraw and cifar: the systems in the Keras dialect, with RMSprop."""

import torch
from torch import nn

from .gan import Contender
from .layers import SameConv, ToFlat, ToImage, bce, frozen, stack, update


def rms_prop(network, rate):
    return torch.optim.RMSprop(network.parameters(), rate, alpha=0.9, eps=1e-7)


class Quickdraw(Contender):
    """Fakes by inference; reals and fakes in one batch; dropout."""

    def __init__(self, draws, precision, batch=128, latent=32, depth=64, dropout=0.4, **more):
        self.batch, self.latent, self.depth, self.dropout = batch, latent, depth, dropout
        super().__init__(draws, precision, **more)

    def build(self):
        layers, inputs = {}, 1
        for number, (size, stride) in enumerate([(28, 2), (14, 2), (7, 2), (4, 1)], start=1):
            filters = self.depth << (number - 1)
            layers[f"conv{number}"] = SameConv(inputs, filters, 5, stride, size)
            layers |= {f"relu{number}": nn.ReLU(), f"dropout{number}": nn.Dropout(self.dropout)}
            inputs = filters
        self.discriminator = stack(**layers, flatten=ToFlat(), dense=nn.Linear(16 * inputs, 1))
        norm = {"eps": 1e-3, "momentum": 0.1}  # Keras' momentum 0.9 is the weight of the old mean
        self.generator = stack(
            dense=nn.Linear(self.latent, 3136), bn1=nn.BatchNorm1d(3136, **norm), relu1=nn.ReLU(),
            reshape=ToImage(7, 7, 64), dropout=nn.Dropout(self.dropout),
            up1=nn.Upsample(scale_factor=2), convt1=nn.ConvTranspose2d(64, 32, 5, padding=2),
            bn2=nn.BatchNorm2d(32, **norm), relu2=nn.ReLU(),
            up2=nn.Upsample(scale_factor=2), convt2=nn.ConvTranspose2d(32, 16, 5, padding=2),
            bn3=nn.BatchNorm2d(16, **norm), relu3=nn.ReLU(),
            convt3=nn.ConvTranspose2d(16, 8, 5, padding=2), bn4=nn.BatchNorm2d(8, **norm), relu4=nn.ReLU(),
            conv=nn.Conv2d(8, 1, 5, padding=2), sigmoid=nn.Sigmoid(),
        )  # fmt: skip
        self.networks = {"discriminator": self.discriminator, "generator": self.generator}
        self.d_optimizer, self.g_optimizer = rms_prop(self.discriminator, 8e-4), rms_prop(self.generator, 4e-4)
        self.labels = torch.cat([torch.ones(self.batch, 1), torch.zeros(self.batch, 1)])

    def step(self):
        self.draws.next_step()
        self.generator.eval()
        with torch.no_grad(), self.cast():
            fakes = self.generator(self.draws.uniform("discriminator latents", self.batch, self.latent))
        self.generator.train()
        both = torch.cat([self.draws.reals(self.batch), fakes])
        with self.cast():
            d_loss = bce(self.discriminator(both), self.labels)
        d_loss = update(self.d_optimizer, d_loss, clip=1.0)
        with frozen(self.discriminator):
            with self.cast():
                fakes = self.generator(self.draws.uniform("generator latents", self.batch, self.latent))
                g_loss = bce(self.discriminator(fakes), 1.0)
            g_loss = update(self.g_optimizer, g_loss, clip=1.0)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def sample_latents(self, count):
        return torch.rand(count, self.latent) * 2.0 - 1.0


class Cifar(Contender):
    """Fakes by inference, of the label 1; fakes and reals in one batch; noisy labels; dropout."""

    def __init__(self, draws, precision, batch=20, latent=32, dropout=0.4, **more):
        self.batch, self.latent, self.dropout = batch, latent, dropout
        super().__init__(draws, precision, **more)

    def build(self):
        slope = lambda: nn.LeakyReLU(0.3)  # noqa: E731
        self.discriminator = stack(
            conv1=nn.Conv2d(3, 128, 3), lrelu1=slope(), conv2=nn.Conv2d(128, 128, 4, 2), lrelu2=slope(),
            conv3=nn.Conv2d(128, 128, 4, 2), lrelu3=slope(), conv4=nn.Conv2d(128, 128, 4, 2), lrelu4=slope(),
            flatten=ToFlat(), dropout=nn.Dropout(self.dropout), dense=nn.Linear(512, 1),
        )  # fmt: skip
        same = lambda filters, size: nn.Conv2d(256, filters, size, padding=size // 2)  # noqa: E731
        self.generator = stack(
            dense=nn.Linear(self.latent, 16 * 16 * 128), lrelu1=slope(), reshape=ToImage(16, 16, 128),
            conv1=nn.Conv2d(128, 256, 5, padding=2), lrelu2=slope(),
            convt=nn.ConvTranspose2d(256, 256, 4, 2, 1), lrelu3=slope(),
            conv2=same(256, 5), lrelu4=slope(), conv3=same(256, 5), lrelu5=slope(), conv4=same(3, 7), tanh=nn.Tanh(),
        )  # fmt: skip
        self.networks = {"discriminator": self.discriminator, "generator": self.generator}
        self.d_optimizer, self.g_optimizer = rms_prop(self.discriminator, 8e-4), rms_prop(self.generator, 4e-4)

    def step(self):
        self.draws.next_step()
        batch = self.batch
        with torch.no_grad(), self.cast():
            fakes = self.generator(self.draws.latents("discriminator latents", batch, self.latent))
        fake_labels = 1.0 - 0.05 * self.draws.label_moves("labels of fakes", batch)
        real_labels = 0.05 * self.draws.label_moves("labels of reals", batch)
        with self.cast():
            logits = self.discriminator(torch.cat([fakes, self.draws.reals(batch)]))
            d_loss = bce(logits, torch.cat([fake_labels, real_labels]))
        d_loss = update(self.d_optimizer, d_loss, clip=1.0)
        with frozen(self.discriminator):
            with self.cast():
                fakes = self.generator(self.draws.latents("generator latents", batch, self.latent))
                g_loss = bce(self.discriminator(fakes), 0.0)
            g_loss = update(self.g_optimizer, g_loss, clip=1.0)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def sample_latents(self, count):
        return torch.randn(count, self.latent)
