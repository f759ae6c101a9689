"""growing_step.json: a turn of the discriminator and one of the generator of a small ProGAN (gradient penalty and drift) and of a
small StyleGAN (R1), from filled weights, while 8x8 is half faded in, in float64 PyTorch. Only PyTorch is asked.

StyleGAN's noise has the weight 0 and styles are not mixed: what would be drawn at random has no part in it.
"""

import math

import torch
import torch.nn.functional as F

from .filling import Filled, Literal
from .layers import nchw
from .wgan_step import squared_gradients
from .writing import digest

BATCH, MAPS, ALPHA = 4, 4, 0.5
WEIGHT, DRIFT, R1 = 10.0, 0.1, 10.0
ADAM = {"lr": 1e-3, "betas": (0.0, 0.99), "eps": 1e-8}
BENT = math.sqrt(2.0)
MAPPING = 8
# Each gradient that is kept: one of every kind of layer, near the image and far from it.
KEPT = {
    "discriminator.rgb4x4.conv.bias", "discriminator.rgb8x8.conv.weight", "discriminator.8x8.conv1.bias",
    "discriminator.8x8.conv2.weight", "discriminator.4x4.conv.weight", "discriminator.4x4.dense1.weight",
    "generator.4x4.dense.weight", "generator.4x4.bias.bias", "generator.4x4.conv.weight", "generator.8x8.conv1.weight",
    "generator.8x8.conv2.bias", "generator.rgb8x8.conv.weight", "generator.rgb4x4.conv.bias", "generator.mapping.dense1.weight",
    "generator.mapping.dense8.bias", "generator.4x4_constant.constant.constant", "generator.4x4_constant.adain.weight",
    "generator.8x8_up.conv.weight", "generator.8x8_up.bias.bias", "generator.8x8_conv.adain.bias",
}  # fmt: skip
UPDATED = {"discriminator.8x8.conv2.weight", "generator.rgb8x8.conv.weight"}


def shapes(system):
    """Weights HWIO, of the dense ones (in, out)."""
    for name, shape in (
        ("rgb8x8.conv", (1, 1, 3, MAPS)), ("rgb4x4.conv", (1, 1, 3, MAPS)), ("8x8.conv1", (3, 3, MAPS, MAPS)),
        ("8x8.conv2", (3, 3, MAPS, MAPS)), ("4x4.conv", (3, 3, MAPS + 1, MAPS)), ("4x4.dense1", (16 * MAPS, MAPS)), ("4x4.dense2", (MAPS, 1)),
    ):  # fmt: skip
        yield f"discriminator.{name}.weight", shape
        yield f"discriminator.{name}.bias", shape[-1:]
    for level in ("4x4", "8x8"):
        yield f"generator.rgb{level}.conv.weight", (1, 1, MAPS, 3)
        yield f"generator.rgb{level}.conv.bias", (3,)
    if system == "progan":
        yield "generator.4x4.dense.weight", (MAPS, 16 * MAPS)
        yield "generator.4x4.bias.bias", (MAPS,)
        for conv in ("4x4.conv", "8x8.conv1", "8x8.conv2"):
            yield f"generator.{conv}.weight", (3, 3, MAPS, MAPS)
            yield f"generator.{conv}.bias", (MAPS,)
        return
    for layer in range(1, MAPPING + 1):
        yield f"generator.mapping.dense{layer}.weight", (MAPS, MAPS)
        yield f"generator.mapping.dense{layer}.bias", (MAPS,)
    for layer in ("4x4_constant", "4x4_conv", "8x8_up", "8x8_conv"):
        if layer == "4x4_constant":
            yield f"generator.{layer}.constant.constant", (4, 4, MAPS)
        else:
            yield f"generator.{layer}.conv.weight", (3, 3, MAPS, MAPS)
        yield f"generator.{layer}.bias.bias", (MAPS,)
        yield f"generator.{layer}.adain.weight", (MAPS, 2 * MAPS)
        yield f"generator.{layer}.adain.bias", (2 * MAPS,)


def inputs(system):
    made = {
        "reals": Filled("reals", [BATCH, 8, 8, 3], -1.0, 1.0),
        "latents": Filled("latents", [BATCH, MAPS], -2.0, 2.0),
        # Where the points between reals and fakes lie: as the game of seed 1 draws them in its first turn.
        "places": Literal([0.27019048, 0.701604, 0.11705816, 0.57714713]),
    }
    for name, shape in shapes(system):
        # The weights of the mapping network start a hundred times as large, and are scaled down at run time.
        scale = 100.0 if ".mapping." in name else 1.0
        limit = 1.7 * scale if name.endswith("weight") or name.endswith("constant") else 0.3 * scale
        made[name] = Filled(f"{system}.{name}", shape, -limit, limit)
    return made


def lrelu(x):
    return F.leaky_relu(x, 0.2)


def lerp(a, b):
    return a + (b - a) * ALPHA


def pixel_norm(x):
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()


def instance_norm(x):
    centred = x - x.mean(dim=(2, 3), keepdim=True)
    return centred / (centred.square().mean(dim=(2, 3), keepdim=True) + 1e-8).sqrt()


def up(x):
    return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def blur(x):
    taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype)
    kernel = (torch.outer(taps, taps) / 16.0).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


class Model:
    def __init__(self, system):
        self.style = system == "stylegan"
        given = {name: torch.tensor(spec.array()) for name, spec in inputs(system).items()}
        self.reals, self.latents, self.places = nchw(given.pop("reals")), given.pop("latents"), given.pop("places")
        self.weights = {name: weight.requires_grad_(True) for name, weight in given.items()}

    def bias(self, name, x):
        return x + self.weights[f"{name}.bias"].reshape(1, -1, *[1] * (x.dim() - 2))

    def conv(self, name, x, gain=BENT, biased=True):
        weight = self.weights[f"{name}.weight"]
        kernel = weight.permute(3, 2, 0, 1) * (gain / math.sqrt(weight[..., 0].numel()))
        y = F.conv2d(x, kernel, padding=weight.shape[0] // 2)
        return self.bias(name, y) if biased else y

    def dense(self, name, x, gain=BENT, slow=1.0, biased=True):
        weight = self.weights[f"{name}.weight"]
        y = x @ weight * (gain / math.sqrt(weight.shape[0]) * slow)
        return y + self.weights[f"{name}.bias"] * slow if biased else y

    def discriminator(self, x):
        name = "discriminator"
        smaller = lrelu(self.conv(f"{name}.rgb4x4.conv", F.avg_pool2d(x, 2)))
        x = lrelu(self.conv(f"{name}.8x8.conv1", lrelu(self.conv(f"{name}.rgb8x8.conv", x))))
        x = lrelu(self.conv(f"{name}.8x8.conv2", blur(x) if self.style else x))
        x = lerp(smaller, F.avg_pool2d(x, 2))
        # One group: all images of the batch.
        deviation = ((x - x.mean(dim=0)).square().mean(dim=0) + 1e-8).sqrt().mean()
        x = torch.cat([x, deviation.expand(BATCH, 1, 4, 4)], dim=1)
        x = lrelu(self.conv(f"{name}.4x4.conv", x)).permute(0, 2, 3, 1).reshape(BATCH, -1)
        return self.dense(f"{name}.4x4.dense2", lrelu(self.dense(f"{name}.4x4.dense1", x)), gain=1.0)

    def rgb(self, level, x):
        return self.conv(f"generator.rgb{level}.conv", x, gain=1.0)

    def generator(self):
        if self.style:
            return self.styled()
        x = self.dense("generator.4x4.dense", pixel_norm(self.latents), gain=BENT / 4.0, biased=False)
        x = pixel_norm(lrelu(self.bias("generator.4x4.bias", nchw(x.reshape(BATCH, 4, 4, MAPS)))))
        x = pixel_norm(lrelu(self.conv("generator.4x4.conv", x)))
        old = up(self.rgb("4x4", x))
        x = pixel_norm(lrelu(self.conv("generator.8x8.conv1", up(x))))
        x = pixel_norm(lrelu(self.conv("generator.8x8.conv2", x)))
        return lerp(old, self.rgb("8x8", x))

    def styled(self):
        style = pixel_norm(self.latents)
        for layer in range(1, MAPPING + 1):
            style = lrelu(self.dense(f"generator.mapping.dense{layer}", style, slow=0.01))

        def epilogue(layer, x):
            x = instance_norm(lrelu(self.bias(f"generator.{layer}.bias", x)))
            scale, shift = self.dense(f"generator.{layer}.adain", style, gain=1.0)[:, :, None, None].split(MAPS, dim=1)
            return x * (scale + 1.0) + shift

        def conv(layer, x):
            return self.conv(f"generator.{layer}.conv", x, biased=False)

        constant = nchw(self.weights["generator.4x4_constant.constant.constant"][None]).expand(BATCH, -1, -1, -1)
        x = epilogue("4x4_constant", constant)
        x = epilogue("4x4_conv", conv("4x4_conv", x))
        old = up(self.rgb("4x4", x))
        x = epilogue("8x8_up", blur(conv("8x8_up", up(x))))
        x = epilogue("8x8_conv", conv("8x8_conv", x))
        return lerp(old, self.rgb("8x8", x))

    def update(self, network, loss):
        named = {name: weight for name, weight in self.weights.items() if name.startswith(network)}
        optimizer = torch.optim.Adam(named.values(), **ADAM)
        optimizer.zero_grad()
        loss.backward()
        gradients = {name: weight.grad.clone() for name, weight in named.items()}
        optimizer.step()
        return {name: {"gradient": gradients[name], "updated": weight.detach().clone()} for name, weight in named.items()}


def step(system):
    model = Model(system)
    fakes = model.generator().detach()
    real, fake = model.discriminator(model.reals), model.discriminator(fakes)
    if model.style:
        squares = squared_gradients(model.discriminator, model.reals)
        penalty = R1 / 2.0 * squares.mean()
        d_loss = F.softplus(fake).mean() + F.softplus(-real).mean() + penalty
    else:
        points = model.reals + model.places.reshape(BATCH, 1, 1, 1) * (fakes - model.reals)
        squares = squared_gradients(model.discriminator, points) + 1e-12
        penalty = WEIGHT * (squares.sqrt() - 1.0).square().mean()
        d_loss = fake.mean() - real.mean() + DRIFT * real.square().mean() + penalty
    told = {"d_loss": d_loss, "d_real": real.mean(), "d_fake": fake.mean(), "penalty": penalty, "gradient_norm": squares.sqrt().mean()}
    parameters = model.update("discriminator", d_loss)
    verdict = model.discriminator(model.generator())
    g_loss = F.softplus(-verdict).mean() if model.style else -verdict.mean()
    parameters |= model.update("generator", g_loss)
    told |= {"g_loss": g_loss, "g_fake": verdict.mean()}
    digests = {name: {"gradient": digest(parts["gradient"], f"{name}.gradient")} for name, parts in parameters.items() if name in KEPT}
    for name in UPDATED & digests.keys():
        digests[name]["updated"] = digest(parameters[name]["updated"], f"{name}.updated")
    return {
        "inputs": {name: spec.json() for name, spec in inputs(system).items()},
        "told": {name: value.item() for name, value in told.items()},
        "parameters": digests,
    }


def body():
    return {
        "batch": BATCH,
        "maps": MAPS,
        "alpha": ALPHA,
        "gradient_penalty": WEIGHT,
        "drift": DRIFT,
        "r1": R1,
        "progan": step("progan"),
        "stylegan": step("stylegan"),
    }
