"""wgan-gp: the authors' networks for digits; five turns of the critic with gradient penalty, then one of the generator."""

import torch
from torch import nn

from .gan import Contender
from .layers import SameConv, ToFlat, ToImage, adam, frozen, squared_gradients, stack, update, wide

TURNS = 5


class Crop(nn.Module):
    def forward(self, x):
        return x[:, :, :7, :7]


class SameTransposed(nn.ConvTranspose2d):
    """A transposed convolution of 5x5 taps that doubles the size, with TensorFlow's `same` padding."""

    def __init__(self, inputs, filters):
        super().__init__(inputs, filters, 5, 2, 1)

    def forward(self, x):
        return super().forward(x)[:, :, :-1, :-1]


class WganGp(Contender):
    def __init__(self, draws, precision, batch=64, latent=128, width=64, **more):
        self.batch, self.latent, self.width = batch, latent, width
        super().__init__(draws, precision, **more)

    def build(self):
        width, slope = self.width, lambda: nn.LeakyReLU(0.2)
        self.critic = stack(
            conv1=SameConv(1, width, 5, 2, 28), lrelu1=slope(), conv2=SameConv(width, 2 * width, 5, 2, 14), lrelu2=slope(),
            conv3=SameConv(2 * width, 4 * width, 5, 2, 7), lrelu3=slope(), flatten=ToFlat(), dense=nn.Linear(64 * width, 1),
        )  # fmt: skip
        self.generator = stack(
            dense=nn.Linear(self.latent, 64 * width), relu1=nn.ReLU(), reshape=ToImage(4, 4, 4 * width),
            convt1=SameTransposed(4 * width, 2 * width), relu2=nn.ReLU(), crop=Crop(),
            convt2=SameTransposed(2 * width, width), relu3=nn.ReLU(), convt3=SameTransposed(width, 1), sigmoid=nn.Sigmoid(),
        )  # fmt: skip
        self.networks = {"critic": self.critic, "generator": self.generator}
        self.c_optimizer, self.g_optimizer = (adam([n], 1e-4, 0.5, 0.9) for n in (self.critic, self.generator))

    def step(self):
        self.draws.next_step()
        step = getattr(self.draws, "step", 0)
        d_loss = sum(self.critic_turn(TURNS * step + turn) for turn in range(TURNS)) / TURNS
        with frozen(self.critic):
            with self.cast():
                fakes = self.generator(self.draws.latents("generator latents", self.batch, self.latent))
                g_loss = -wide(self.critic(fakes)).mean()
            g_loss = update(self.g_optimizer, g_loss)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def critic_turn(self, turn):
        reals = self.draws.reals(self.batch)
        with torch.no_grad(), self.cast():
            fakes = wide(self.generator(self.draws.latents("discriminator latents", self.batch, self.latent, turn)))
        share = self.draws.uniform("between reals and fakes", self.batch, 1, 1, 1, low=0.0, high=1.0, turn=turn)
        with self.cast():
            loss = wide(self.critic(fakes)).mean() - wide(self.critic(reals)).mean()
            _, squares = squared_gradients(self.critic, reals + share * (fakes - reals))
            loss = loss + 10.0 * ((squares + 1e-12).sqrt() - 1.0).square().mean()
        return update(self.c_optimizer, loss)

    def sample_latents(self, count):
        return torch.randn(count, self.latent)
