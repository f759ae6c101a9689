"""cyclegan: the authors' networks and step, first both generators, then both discriminators from pools of fakes."""

import random

import torch.nn.functional as F
from torch import nn

from .gan import Contender
from .layers import adam, frozen, stack, update, wide

CYCLE, IDENTITY, POOL = 10.0, 0.5, 50


def norm(channels):
    """Instance normalisation. With one channel per group, group normalisation is the same, and faster in channels_last.

    In PyTorch 2.15, `InstanceNorm2d` in channels_last gives wrong gradients before a transposed convolution (batch 1).
    """
    return nn.GroupNorm(channels, channels, affine=False)


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3), nn.Conv2d(width, width, 3)
        self.norm, self.pad = norm(width), nn.ReflectionPad2d(1)

    def forward(self, x):
        y = F.relu(self.norm(self.conv1(self.pad(x))))
        return x + self.norm(self.conv2(self.pad(y)))


class Pool:
    """Fakes of earlier steps, of which half of the queries return one."""

    def __init__(self):
        self.images = []

    def query(self, fake):
        if len(self.images) < POOL:
            self.images.append(fake)
            return fake
        if random.random() < 0.5:
            return fake
        place = random.randrange(POOL)
        old, self.images[place] = self.images[place], fake
        return old


def generator(width, blocks):
    layers = {"pad1": nn.ReflectionPad2d(3), "conv1": nn.Conv2d(3, width, 7), "norm1": norm(width), "relu1": nn.ReLU()}
    for number in (2, 3):
        inputs = width << (number - 2)
        layers[f"conv{number}"] = nn.Conv2d(inputs, 2 * inputs, 3, 2, 1)
        layers |= {f"norm{number}": norm(2 * inputs), f"relu{number}": nn.ReLU()}
    layers |= {f"res{number}": Block(4 * width) for number in range(1, blocks + 1)}
    for number, filters in ((4, 2 * width), (5, width)):
        layers[f"convt{number}"] = nn.ConvTranspose2d(2 * filters, filters, 3, 2, 1, output_padding=1)
        layers |= {f"norm{number}": norm(filters), f"relu{number}": nn.ReLU()}
    return stack(**layers, pad6=nn.ReflectionPad2d(3), conv6=nn.Conv2d(width, 3, 7), tanh=nn.Tanh())


def discriminator(width):
    layers = {"conv1": nn.Conv2d(3, width, 4, 2, 1), "relu1": nn.LeakyReLU(0.2)}
    for number, stride in ((2, 2), (3, 2), (4, 1)):
        inputs = width << (number - 2)
        layers[f"conv{number}"] = nn.Conv2d(inputs, 2 * inputs, 4, stride, 1)
        layers |= {f"norm{number}": norm(2 * inputs), f"relu{number}": nn.LeakyReLU(0.2)}
    return stack(**layers, conv5=nn.Conv2d(8 * width, 1, 4, 1, 1))


class CycleGan(Contender):
    def __init__(self, draws, precision, batch=1, width=64, d_width=64, blocks=9, **more):
        self.batch, self.width, self.d_width, self.blocks = batch, width, d_width, blocks
        super().__init__(draws, precision, **more)

    def build(self):
        self.ab, self.ba = (generator(self.width, self.blocks) for _ in "ab")
        self.d_a, self.d_b = (discriminator(self.d_width) for _ in "ab")
        self.networks = {
            "generator_ab": self.ab, "generator_ba": self.ba, "discriminator_a": self.d_a, "discriminator_b": self.d_b,
        }  # fmt: skip
        self.g_optimizer, self.d_optimizer = adam([self.ab, self.ba], 2e-4, 0.5), adam([self.d_a, self.d_b], 2e-4, 0.5)
        self.pools = Pool(), Pool()

    def step(self):
        self.draws.next_step()
        a, b = (self.draws.reals(self.batch, domain) for domain in (0, 1))
        with frozen(self.d_a, self.d_b):
            with self.cast():
                fake_b, fake_a = self.ab(a), self.ba(b)
                cycled_a, cycled_b = self.ba(fake_b), self.ab(fake_a)
                adversarial = squares(self.d_b(fake_b), 1.0), squares(self.d_a(fake_a), 1.0)
                cycle = F.l1_loss(wide(cycled_a), a), F.l1_loss(wide(cycled_b), b)
                identity = F.l1_loss(wide(self.ab(b)), b), F.l1_loss(wide(self.ba(a)), a)
                loss = sum(adversarial) + CYCLE * (sum(cycle) + IDENTITY * sum(identity))
            update(self.g_optimizer, loss)
        old_a, old_b = (pool.query(fake.detach()) for pool, fake in zip(self.pools, (fake_a, fake_b), strict=True))
        with self.cast():
            losses = [
                0.5 * (squares(network(real), 1.0) + squares(network(fake), 0.0))
                for network, real, fake in ((self.d_a, a, old_a), (self.d_b, b, old_b))
            ]
            loss = sum(losses)
        update(self.d_optimizer, loss)
        shown = {"d_a": losses[0], "d_b": losses[1], "g_a": adversarial[0], "g_b": adversarial[1]}
        shown |= {"cycle_a": cycle[0], "cycle_b": cycle[1], "idt_a": identity[0], "idt_b": identity[1]}
        return {f"{name}_loss": loss.item() for name, loss in shown.items()}


def squares(scores, target):
    return (wide(scores) - target).square().mean()
