"""spectral_norm.json: a layer whose weight is divided by its spectral norm, and two training walks through it.

The values are those of torch.nn.utils.spectral_norm, the older form, which turns v first and then u, as the paper's Algorithm 1 does
(torch.nn.utils.parametrizations.spectral_norm turns u first, from a kept v, and warms up with fifteen turns).
"""

import torch
from torch.nn.utils import spectral_norm

from .filling import Filled
from .layers import nchw, nhwc
from .writing import record


def cases():
    yield case("conv2d", torch.nn.Conv2d(3, 4, 3, padding=1), [3, 3, 3, 4], [2, 5, 5, 3])
    yield case("dense", torch.nn.Linear(7, 5), [7, 5], [3, 7])


def case(kind, layer, weight_shape, input_shape):
    name, outputs = f"spectral_norm_{kind}", weight_shape[-1]
    inputs = {
        "input": Filled(f"{name}.input", input_shape),
        "weight": Filled(f"{name}.weight", weight_shape),
        "bias": Filled(f"{name}.bias", [outputs]),
        "spectral_u": Filled(f"{name}.u", [outputs, 1]),
    }
    given = {key: torch.tensor(spec.array()) for key, spec in inputs.items()}
    image = kind == "conv2d"
    stored = (3, 2, 0, 1) if image else (1, 0)  # to PyTorch's order of axes
    back = (2, 3, 1, 0) if image else (1, 0)

    layer = layer.double()
    layer.weight.data = given["weight"].permute(stored).contiguous()
    layer.bias.data = given["bias"].clone()
    layer = spectral_norm(layer)
    layer.weight_u = given["spectral_u"].ravel() / given["spectral_u"].norm()

    outputs_json = {}
    for walk in (1, 2):
        layer.zero_grad()
        x = given["input"].clone().requires_grad_(True)
        y = nhwc(layer(nchw(x))) if image else layer(x)
        cotangent = Filled(f"{name}.cotangent", y.shape)
        (y * torch.tensor(cotangent.array())).sum().backward()
        results = {
            "output": y,
            "grad_input": x.grad,
            "grad_weight": layer.weight_orig.grad.permute(back),
            "spectral_u": layer.weight_u.reshape(-1, 1),
        }
        outputs_json[f"walk{walk}"] = {key: record(value, f"{name}.{walk}.{key}") for key, value in results.items()}
    return {
        "name": name,
        "layer": kind,
        "inputs": {**{key: spec.json() for key, spec in inputs.items()}, "cotangent": cotangent.json()},
        "outputs": outputs_json,
    }
