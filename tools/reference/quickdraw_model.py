"""The two quickdraw networks as plain PyTorch functions over named NHWC-ordered weights, dropout rate 0."""

import math

import torch

from .layers import conv2d, conv_transpose2d, same_pads

SHAPES = {
    "discriminator.conv1.weight": (5, 5, 1, 64),
    "discriminator.conv1.bias": (64,),
    "discriminator.conv2.weight": (5, 5, 64, 128),
    "discriminator.conv2.bias": (128,),
    "discriminator.conv3.weight": (5, 5, 128, 256),
    "discriminator.conv3.bias": (256,),
    "discriminator.conv4.weight": (5, 5, 256, 512),
    "discriminator.conv4.bias": (512,),
    "discriminator.dense.weight": (8192, 1),
    "discriminator.dense.bias": (1,),
    "generator.dense.weight": (32, 3136),
    "generator.dense.bias": (3136,),
    "generator.bn1.gamma": (3136,),
    "generator.bn1.beta": (3136,),
    "generator.convt1.weight": (5, 5, 32, 64),
    "generator.convt1.bias": (32,),
    "generator.bn2.gamma": (32,),
    "generator.bn2.beta": (32,),
    "generator.convt2.weight": (5, 5, 16, 32),
    "generator.convt2.bias": (16,),
    "generator.bn3.gamma": (16,),
    "generator.bn3.beta": (16,),
    "generator.convt3.weight": (5, 5, 8, 16),
    "generator.convt3.bias": (8,),
    "generator.bn4.gamma": (8,),
    "generator.bn4.beta": (8,),
    "generator.conv.weight": (5, 5, 8, 1),
    "generator.conv.bias": (1,),
}
NORMS = {"generator.bn1": 3136, "generator.bn2": 32, "generator.bn3": 16, "generator.bn4": 8}
EPS = 1e-3
MOMENTUM = 0.9


def glorot_limit(shape) -> float:
    window = math.prod(shape[:-2])
    return math.sqrt(6.0 / (window * (shape[-2] + shape[-1])))


def discriminator(w, images):
    """Images (n, 28, 28, 1) to logits (n, 1)."""
    x = images
    for name, stride in [("conv1", 2), ("conv2", 2), ("conv3", 2), ("conv4", 1)]:
        pads = (*same_pads(x.shape[1], 5, stride), *same_pads(x.shape[2], 5, stride))
        weight, bias = w[f"discriminator.{name}.weight"], w[f"discriminator.{name}.bias"]
        x = torch.relu(conv2d(x, weight, bias, (stride, stride), pads))
    return x.reshape(len(x), -1) @ w["discriminator.dense.weight"] + w["discriminator.dense.bias"]


def batch_norm(w, buffers, name, x, batch_statistics):
    """Training normalises by the batch's own statistics and moves the running ones (variance * N/(N-1))."""
    if batch_statistics:
        axes = tuple(range(x.dim() - 1))
        mean = x.mean(axes)
        variance = ((x - mean) ** 2).mean(axes)
        count = x.numel() // x.shape[-1]
        with torch.no_grad():
            for key, value in [("mean", mean), ("var", variance * count / (count - 1))]:
                old = buffers[f"{name}.running_{key}"]
                buffers[f"{name}.running_{key}"] = MOMENTUM * old + (1.0 - MOMENTUM) * value
    else:
        mean, variance = buffers[f"{name}.running_mean"], buffers[f"{name}.running_var"]
    return w[f"{name}.gamma"] * (x - mean) / torch.sqrt(variance + EPS) + w[f"{name}.beta"]


def generator(w, buffers, latents, batch_statistics):
    """Latents (n, 32) to images (n, 28, 28, 1) in (0, 1)."""
    x = latents @ w["generator.dense.weight"] + w["generator.dense.bias"]
    x = torch.relu(batch_norm(w, buffers, "generator.bn1", x, batch_statistics))
    x = x.reshape(-1, 7, 7, 64)
    for number, upsample in [(1, True), (2, True), (3, False)]:
        if upsample:
            x = x.repeat_interleave(2, 1).repeat_interleave(2, 2)
        weight, bias = w[f"generator.convt{number}.weight"], w[f"generator.convt{number}.bias"]
        x = conv_transpose2d(x, weight, bias, (1, 1), (2, 2), x.shape[1:3])
        x = torch.relu(batch_norm(w, buffers, f"generator.bn{number + 1}", x, batch_statistics))
    x = conv2d(x, w["generator.conv.weight"], w["generator.conv.bias"], (1, 1), (2, 2, 2, 2))
    return torch.sigmoid(x)
