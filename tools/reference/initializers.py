"""initializers.json: the bounds of the uniform initialisers, and the fans they come from."""

import math

import keras
import numpy as np
import torch

from .quickdraw_model import SHAPES, glorot_limit

KNOWN_GLOROT = {  # published with the specification, to its six decimals
    "discriminator.conv1.weight": 0.060764, "discriminator.conv2.weight": 0.035355,
    "discriminator.conv3.weight": 0.025, "discriminator.conv4.weight": 0.017678,
    "discriminator.dense.weight": 0.027062, "generator.dense.weight": 0.043519,
    "generator.convt1.weight": 0.05, "generator.convt2.weight": 0.070711,
    "generator.convt3.weight": 0.1, "generator.conv.weight": 0.163299,
}  # fmt: skip


def glorot_cases():
    """limit = sqrt(6 / (fan_in + fan_out)); std of the uniform law = limit / sqrt(3)."""
    for name, known in KNOWN_GLOROT.items():
        shape = SHAPES[name]
        limit = glorot_limit(shape)
        assert abs(limit - known) < 1e-6, name
        drawn = np.abs(np.asarray(keras.initializers.GlorotUniform(seed=1)(shape)))
        assert 0.97 * limit < drawn.max() <= limit * (1 + 1e-6), name
        yield {"name": name, "scheme": "glorot_uniform", "shape": list(shape), "limit": limit,
               "std": limit / math.sqrt(3.0)}  # fmt: skip


def kaiming_cases():
    """PyTorch's default: a = sqrt(5), so weight and bias limits are both 1/sqrt(fan_in).

    PyTorch reads fan_in from the weight's second axis. A transposed convolution stores (in, out, kh, kw), so its
    "fan_in" is out_channels * kh * kw.
    """
    table = [
        ("linear_784_128", torch.nn.Linear(784, 128), (784, 128), 784),
        ("linear_100_32", torch.nn.Linear(100, 32), (100, 32), 100),
        ("conv2d_3_64_k4", torch.nn.Conv2d(3, 64, 4), (4, 4, 3, 64), 3 * 16),
        ("conv2d_5_7_k3x2", torch.nn.Conv2d(5, 7, (3, 2)), (3, 2, 5, 7), 5 * 6),
        ("conv_transpose2d_100_512_k4", torch.nn.ConvTranspose2d(100, 512, 4), (4, 4, 512, 100), 512 * 16),
        ("conv_transpose2d_6_3_k3x2", torch.nn.ConvTranspose2d(6, 3, (3, 2)), (3, 2, 3, 6), 3 * 6),
    ]
    for name, module, shape, fan_in in table:
        assert torch.nn.init._calculate_fan_in_and_fan_out(module.weight)[0] == fan_in, name
        limit = 1.0 / math.sqrt(fan_in)
        assert module.weight.abs().max().item() <= limit and module.bias.abs().max().item() <= limit
        assert module.weight.abs().max().item() > 0.8 * limit
        yield {"name": name, "scheme": "kaiming_uniform_torch", "layer": name.rsplit("_", 3 if "_k" in name else 2)[0],
               "shape": list(shape), "fan_in": fan_in, "limit": limit, "bias_limit": limit,
               "std": limit / math.sqrt(3.0)}  # fmt: skip


def cases():
    yield from glorot_cases()
    yield from kaiming_cases()
