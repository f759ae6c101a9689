"""cyclegan_step.json: one whole step of a tiny CycleGAN in the authors' form, from filled weights, in float64 PyTorch.

The generators learn first, against the discriminators as they are; then the discriminators, from the fakes that were made before
the generators' update (the image pools are empty, so they let everything through). Only PyTorch is asked: it is the authors'
own framework, and its layers are held against Keras in layers.json.
"""

import math

import torch
import torch.nn.functional as F

from .filling import Filled
from .layers import instance_norm, nchw, nhwc
from .writing import digest

SIZE, BLOCKS, WIDTH = 32, 1, 2
CYCLE, IDENTITY = 10.0, 0.5
ADAM = {"lr": 2e-4, "betas": (0.5, 0.999), "eps": 1e-8}
GENERATORS, DISCRIMINATORS = ("generator_ab", "generator_ba"), ("discriminator_a", "discriminator_b")


def generator_shapes():
    """Weights HWIO, of the transposed ones (kh, kw, out, in); each layer also has a bias."""
    w = WIDTH
    yield "conv1", (7, 7, 3, w), w
    yield "conv2", (3, 3, w, 2 * w), 2 * w
    yield "conv3", (3, 3, 2 * w, 4 * w), 4 * w
    for block in range(1, BLOCKS + 1):
        for conv in (1, 2):
            yield f"res{block}.conv{conv}", (3, 3, 4 * w, 4 * w), 4 * w
    yield "convt4", (3, 3, 2 * w, 4 * w), 2 * w
    yield "convt5", (3, 3, w, 2 * w), w
    yield "conv6", (7, 7, w, 3), 3


def discriminator_shapes():
    widths = [3, WIDTH, 2 * WIDTH, 4 * WIDTH, 8 * WIDTH, 1]
    for number, (input, output) in enumerate(zip(widths, widths[1:]), start=1):
        yield f"conv{number}", (4, 4, input, output), output


def inputs():
    made = {name: Filled(name, [1, SIZE, SIZE, 3], 0.0, 1.0) for name in ("reals_a", "reals_b")}
    for networks, shapes in ((GENERATORS, generator_shapes), (DISCRIMINATORS, discriminator_shapes)):
        for network in networks:
            for layer, shape, filters in shapes():
                limit = math.sqrt(3.0 / math.prod(shape[:3]))
                made[f"{network}.{layer}.weight"] = Filled(f"{network}.{layer}.weight", shape, -limit, limit)
                made[f"{network}.{layer}.bias"] = Filled(f"{network}.{layer}.bias", [filters], -0.1, 0.1)
    return made


def is_rounding_only(name):
    """A bias in front of an instance norm cannot change the output."""
    if not name.endswith(".bias"):
        return False
    layer = name.split(".")[-2]
    return layer != "conv6" if name.startswith("generator") else layer in ("conv2", "conv3", "conv4")


def of(weights, name):
    return weights[f"{name}.weight"].permute(3, 2, 0, 1).contiguous(), weights[f"{name}.bias"]


def reflect(x, pad):
    return F.pad(x, (pad,) * 4, mode="reflect")


def generator(weights, name, x):
    def bent(x):
        return torch.relu(instance_norm(x))

    x = bent(F.conv2d(reflect(x, 3), *of(weights, f"{name}.conv1")))
    x = bent(F.conv2d(x, *of(weights, f"{name}.conv2"), stride=2, padding=1))
    x = bent(F.conv2d(x, *of(weights, f"{name}.conv3"), stride=2, padding=1))
    for block in range(1, BLOCKS + 1):
        y = bent(F.conv2d(reflect(x, 1), *of(weights, f"{name}.res{block}.conv1")))
        x = x + instance_norm(F.conv2d(reflect(y, 1), *of(weights, f"{name}.res{block}.conv2")))
    for layer in ("convt4", "convt5"):
        x = bent(F.conv_transpose2d(x, *of(weights, f"{name}.{layer}"), stride=2, padding=1, output_padding=1))
    return torch.tanh(F.conv2d(reflect(x, 3), *of(weights, f"{name}.conv6")))


def discriminator(weights, name, x):
    x = F.leaky_relu(F.conv2d(x, *of(weights, f"{name}.conv1"), stride=2, padding=1), 0.2)
    for layer, stride in (("conv2", 2), ("conv3", 2), ("conv4", 1)):
        x = F.conv2d(x, *of(weights, f"{name}.{layer}"), stride=stride, padding=1)
        x = F.leaky_relu(instance_norm(x), 0.2)
    return F.conv2d(x, *of(weights, f"{name}.conv5"), padding=1)


def optimise(weights, loss, networks):
    """One update of one Adam; what it found of every parameter."""
    named = {name: weight for name, weight in weights.items() if name.split(".")[0] in networks}
    optimizer = torch.optim.Adam(named.values(), **ADAM)
    optimizer.zero_grad()
    loss.backward()
    gradients = {name: weight.grad.clone() for name, weight in named.items()}
    optimizer.step()
    return {name: {"gradient": gradients[name], "updated": weight.detach().clone()} for name, weight in named.items()}


def body():
    given = {name: torch.tensor(spec.array()) for name, spec in inputs().items()}
    a, b = (nchw(given.pop(name) * 2.0 - 1.0) for name in ("reals_a", "reals_b"))
    weights = {name: weight.requires_grad_(True) for name, weight in given.items()}
    ones = lambda verdict: ((verdict - 1.0) ** 2).mean()  # noqa: E731
    l1 = F.l1_loss

    fake_b, fake_a = generator(weights, "generator_ab", a), generator(weights, "generator_ba", b)
    home_a, home_b = generator(weights, "generator_ba", fake_b), generator(weights, "generator_ab", fake_a)
    losses = {
        "g_a": ones(discriminator(weights, "discriminator_b", fake_b)),
        "g_b": ones(discriminator(weights, "discriminator_a", fake_a)),
        "cycle_a": l1(home_a, a),
        "cycle_b": l1(home_b, b),
        "idt_a": l1(generator(weights, "generator_ab", b), b),
        "idt_b": l1(generator(weights, "generator_ba", a), a),
    }
    loss = losses["g_a"] + losses["g_b"] + CYCLE * (losses["cycle_a"] + losses["cycle_b"])
    loss = loss + CYCLE * IDENTITY * (losses["idt_a"] + losses["idt_b"])
    fakes = {"a": fake_a.detach(), "b": fake_b.detach()}
    parameters = optimise(weights, loss, GENERATORS)

    for domain, real in (("a", a), ("b", b)):
        name = f"discriminator_{domain}"
        real, fake = discriminator(weights, name, real), discriminator(weights, name, fakes[domain])
        losses[f"d_{domain}"] = (ones(real) + (fake**2).mean()) / 2.0
    parameters |= optimise(weights, losses["d_a"] + losses["d_b"], DISCRIMINATORS)

    return {
        "size": SIZE,
        "blocks": BLOCKS,
        "width": WIDTH,
        "inputs": {name: spec.json() for name, spec in inputs().items()},
        "fakes": {domain: digest(nhwc(fake), f"fake_{domain}") for domain, fake in fakes.items()},
        "losses": {f"{name}_loss": value.item() for name, value in losses.items()},
        "parameters": {
            name: {"rounding_only": True} if is_rounding_only(name) else
            {part: digest(tensor, f"{name}.{part}") for part, tensor in parts.items()
             if part == "gradient" or name.endswith("conv1.weight")}
            for name, parts in parameters.items()
        },  # fmt: skip
    }
