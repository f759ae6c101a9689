"""wgan_step.json: a critic turn with gradient penalty and a generator turn of the small MNIST WGAN-GP, from filled weights, in
float64 PyTorch; and the same critic's turn with R1 and a cross-entropy. Only PyTorch is asked.

The penalty is differentiated twice: `create_graph` records the gradient by the points between reals and fakes.
"""

import math

import torch
import torch.nn.functional as F

from .filling import Filled, Literal
from .layers import nchw, nhwc
from .writing import digest

BATCH, LATENT, WIDTH = 6, 5, 2
WEIGHT, R1 = 10.0, 4.0
ADAM = {"lr": 1e-4, "betas": (0.5, 0.9), "eps": 1e-8}


def shapes():
    """Weights HWIO, of the transposed ones (kh, kw, out, in), of the dense ones (in, out)."""
    w = WIDTH
    yield "critic.conv1", (5, 5, 1, w), w
    yield "critic.conv2", (5, 5, w, 2 * w), 2 * w
    yield "critic.conv3", (5, 5, 2 * w, 4 * w), 4 * w
    yield "critic.dense", (4 * 4 * 4 * w, 1), 1
    yield "generator.dense", (LATENT, 4 * 4 * 4 * w), 4 * 4 * 4 * w
    yield "generator.convt1", (5, 5, 2 * w, 4 * w), 2 * w
    yield "generator.convt2", (5, 5, w, 2 * w), w
    yield "generator.convt3", (5, 5, 1, w), 1


def inputs():
    made = {
        "reals": Filled("reals", [BATCH, 28, 28, 1], 0.0, 1.0),
        "latents": Filled("latents", [BATCH, LATENT], -2.0, 2.0),
        # Where the points between reals and fakes lie: as the game of seed 1 draws them in its first turn.
        "places": Literal([0.7145624, 0.26370752, 0.5996585, 0.5792737, 0.525025, 0.5778314]),
    }
    for name, shape, outputs in shapes():
        limit = math.sqrt(6.0 / (math.prod(shape) / shape[2 if "convt" in name else -1]))
        made[f"{name}.weight"] = Filled(f"{name}.weight", shape, -limit, limit)
        made[f"{name}.bias"] = Filled(f"{name}.bias", [outputs], -0.1, 0.1)
    return made


def squared_gradients(critic, points):
    """Of each image's verdict by its numbers, to be differentiated again."""
    points = points.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))


class Model:
    def __init__(self):
        given = {name: torch.tensor(spec.array()) for name, spec in inputs().items()}
        self.reals, self.latents, self.places = nchw(given.pop("reals")), given.pop("latents"), given.pop("places")
        self.weights = {name: weight.requires_grad_(True) for name, weight in given.items()}

    def of(self, name):
        return self.weights[f"{name}.weight"].permute(3, 2, 0, 1), self.weights[f"{name}.bias"]

    def dense(self, name, x):
        return x @ self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def generator(self, z):
        x = torch.relu(self.dense("generator.dense", z)).reshape(BATCH, 4, 4, 4 * WIDTH)
        x = torch.relu(F.conv_transpose2d(nchw(x), *self.of("generator.convt1"), stride=2, padding=2))
        # TensorFlow's `same` keeps one row less before than after.
        x = torch.relu(F.conv_transpose2d(x, *self.of("generator.convt2"), stride=2)[:, :, 1:15, 1:15])
        return torch.sigmoid(F.conv_transpose2d(x, *self.of("generator.convt3"), stride=2)[:, :, 1:29, 1:29])

    def critic(self, x):
        for name, pads in (("conv1", (1, 2, 1, 2)), ("conv2", (1, 2, 1, 2)), ("conv3", (2, 2, 2, 2))):
            x = F.leaky_relu(F.conv2d(F.pad(x, pads), *self.of(f"critic.{name}"), stride=2), 0.2)
        return self.dense("critic.dense", nhwc(x).reshape(BATCH, -1))

    def update(self, network, loss):
        named = {name: weight for name, weight in self.weights.items() if name.startswith(network)}
        optimizer = torch.optim.Adam(named.values(), **ADAM)
        optimizer.zero_grad()
        loss.backward()
        # The last bias moves every verdict alike: what it adds to the reals' mean it takes from the fakes'.
        gradients = {name: torch.zeros_like(w) if w.grad is None else w.grad.clone() for name, w in named.items()}
        optimizer.step()
        return {name: {"gradient": gradients[name], "updated": weight.detach().clone()} for name, weight in named.items()}


def written(told, parameters):
    """Each gradient, and one updated weight of each network: the optimiser itself has a file of its own."""
    digests = {name: {"gradient": digest(parts["gradient"], f"{name}.gradient")} for name, parts in parameters.items()}
    for name in {"critic.conv1.weight", "generator.dense.weight"} & parameters.keys():
        digests[name]["updated"] = digest(parameters[name]["updated"], f"{name}.updated")
    return {"told": {name: value.item() for name, value in told.items()}, "parameters": digests}


def wasserstein():
    model = Model()
    fakes = model.generator(model.latents).detach()
    real, fake = model.critic(model.reals).mean(), model.critic(fakes).mean()
    points = model.reals + model.places.reshape(BATCH, 1, 1, 1) * (fakes - model.reals)
    lengths = (squared_gradients(model.critic, points) + 1e-12).sqrt()
    penalty = WEIGHT * (lengths - 1.0).square().mean()
    d_loss = fake - real + penalty
    parameters = model.update("critic", d_loss)
    g_loss = -model.critic(model.generator(model.latents)).mean()
    parameters |= model.update("generator", g_loss)
    told = {"d_loss": d_loss, "d_real": real, "d_fake": fake, "penalty": penalty, "gradient_norm": lengths.mean(), "g_loss": g_loss}
    return written(told, parameters)


def r1():
    model = Model()
    fakes = model.generator(model.latents).detach()
    squares = squared_gradients(model.critic, model.reals)
    penalty = R1 / 2.0 * squares.mean()
    d_loss = F.softplus(model.critic(fakes)).mean() + F.softplus(-model.critic(model.reals)).mean() + penalty
    told = {"d_loss": d_loss, "penalty": penalty, "gradient_norm": squares.sqrt().mean()}
    return written(told, model.update("critic", d_loss))


def body():
    return {
        "batch": BATCH,
        "latent": LATENT,
        "width": WIDTH,
        "gradient_penalty": WEIGHT,
        "r1": R1,
        "inputs": {name: spec.json() for name, spec in inputs().items()},
        "wasserstein_step": wasserstein(),
        "r1_step": r1(),
    }
