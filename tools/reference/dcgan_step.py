"""dcgan_step.json: one whole step of the 28x28 DCGAN in the order of PyTorch's example, from filled weights, in float64 PyTorch.

The discriminator sees the reals and the fakes in a pass each, and their losses are added; then the generator learns from the same
fakes, of which the discriminator as just updated is asked again. Only PyTorch is asked: it is the example's own framework.
"""

import math

import torch
import torch.nn.functional as F

from .filling import Filled
from .layers import nchw, nhwc
from .writing import digest

BATCH, LATENT, WIDTH = 6, 5, 4
ADAM = {"lr": 2e-4, "betas": (0.5, 0.999), "eps": 1e-8}


def shapes():
    """Weights HWIO, of the transposed ones (kh, kw, out, in), of the dense one (in, out)."""
    w = WIDTH
    yield "discriminator.conv1.weight", (4, 4, 1, w)
    yield "discriminator.conv2.weight", (4, 4, w, 2 * w)
    yield "discriminator.dense.weight", (7 * 7 * 2 * w, 1)
    yield "generator.convt1.weight", (7, 7, 2 * w, LATENT)
    yield "generator.convt2.weight", (4, 4, w, 2 * w)
    yield "generator.convt3.weight", (4, 4, 1, w)


NORMS = {"discriminator.bn2": 2 * WIDTH, "generator.bn1": 2 * WIDTH, "generator.bn2": WIDTH}


def inputs():
    made = {"reals": Filled("reals", [BATCH, 28, 28, 1], 0.0, 1.0), "latents": Filled("latents", [BATCH, LATENT], -2.0, 2.0)}
    for name, shape in shapes():
        limit = math.sqrt(3.0 / (math.prod(shape) / shape[2 if "convt" in name else -1]))
        made[name] = Filled(name, shape, -limit, limit)
    made["discriminator.dense.bias"] = Filled("discriminator.dense.bias", [1], -0.1, 0.1)
    for norm, channels in NORMS.items():
        made[f"{norm}.gamma"] = Filled(f"{norm}.gamma", [channels], 0.8, 1.2)
        made[f"{norm}.beta"] = Filled(f"{norm}.beta", [channels], -0.2, 0.2)
    return made


class Model:
    def __init__(self):
        given = {name: torch.tensor(spec.array()) for name, spec in inputs().items()}
        self.reals, self.latents = nchw(given.pop("reals") * 2.0 - 1.0), given.pop("latents")
        self.weights = {name: weight.requires_grad_(True) for name, weight in given.items()}
        self.running = {n: [torch.zeros(c, dtype=torch.float64), torch.ones(c, dtype=torch.float64)] for n, c in NORMS.items()}

    def of(self, name):
        return self.weights[f"{name}.weight"].permute(3, 2, 0, 1).contiguous()

    def norm(self, name, x):
        mean, var = self.running[name]
        return F.batch_norm(x, mean, var, self.weights[f"{name}.gamma"], self.weights[f"{name}.beta"], training=True)

    def generator(self, z):
        x = F.conv_transpose2d(z.reshape(BATCH, LATENT, 1, 1), self.of("generator.convt1"))
        x = torch.relu(self.norm("generator.bn1", x))
        x = F.conv_transpose2d(x, self.of("generator.convt2"), stride=2, padding=1)
        x = torch.relu(self.norm("generator.bn2", x))
        return torch.tanh(F.conv_transpose2d(x, self.of("generator.convt3"), stride=2, padding=1))

    def discriminator(self, x):
        x = F.leaky_relu(F.conv2d(x, self.of("discriminator.conv1"), stride=2, padding=1), 0.2)
        x = F.conv2d(x, self.of("discriminator.conv2"), stride=2, padding=1)
        x = F.leaky_relu(self.norm("discriminator.bn2", x), 0.2)
        return nhwc(x).reshape(BATCH, -1) @ self.weights["discriminator.dense.weight"] + self.weights["discriminator.dense.bias"]

    def update(self, network, loss):
        named = {name: weight for name, weight in self.weights.items() if name.startswith(network)}
        optimizer = torch.optim.Adam(named.values(), **ADAM)
        optimizer.zero_grad()
        loss.backward(retain_graph=network == "generator")
        gradients = {name: weight.grad.clone() for name, weight in named.items()}
        optimizer.step()
        return {name: {"gradient": gradients[name], "updated": weight.detach().clone()} for name, weight in named.items()}


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def body():
    model = Model()
    fakes = model.generator(model.latents)
    real, fake = model.discriminator(model.reals), model.discriminator(fakes.detach())
    d_loss = bce(real, 1.0) + bce(fake, 0.0)
    parameters = model.update("discriminator", d_loss)
    again = model.discriminator(fakes)
    g_loss = bce(again, 1.0)
    parameters |= model.update("generator", g_loss)
    told = {
        "d_loss": d_loss,
        "g_loss": g_loss,
        "d_real": torch.sigmoid(real).mean(),
        "d_fake": torch.sigmoid(fake).mean(),
        "g_fake": torch.sigmoid(again).mean(),
    }
    running = {f"{n}.running_{what}": value for n, both in model.running.items() for what, value in zip(("mean", "var"), both)}
    return {
        "batch": BATCH,
        "latent": LATENT,
        "width": WIDTH,
        "inputs": {name: spec.json() for name, spec in inputs().items()},
        "told": {name: value.item() for name, value in told.items()},
        "parameters": {
            name: {part: digest(tensor, f"{name}.{part}") for part, tensor in parts.items()} for name, parts in parameters.items()
        },
        # The discriminator's are never used, and after its last walk in a step they are not those of ours, which is frozen then.
        "buffers": {name: digest(value, name) for name, value in running.items() if name.startswith("generator")},
    }
