"""penalties.json: gradients of gradients. value = the penalty, grads = its gradient with respect to every input.

WGAN-GP: mean over the batch of (sqrt(sum g^2 + 1e-12) - 1)^2; R1: gamma/2 * mean of sum g^2; where g is the gradient
of the critic's summed output with respect to the images. No factor lambda is applied.
"""

import torch

from .filling import Filled, Literal
from .layers import batch_norm, conv2d, conv_transpose2d, same_pads
from .writing import record

ROOT_EPS = 1e-12
R1_GAMMA = 10.0


def gradient_penalty(slopes):
    norms = torch.sqrt((slopes.reshape(len(slopes), -1) ** 2).sum(1) + ROOT_EPS)
    return ((norms - 1.0) ** 2).mean()


def r1(slopes):
    return R1_GAMMA / 2.0 * (slopes.reshape(len(slopes), -1) ** 2).sum(1).mean()


def case(name, penalty, critic, inputs, layers, forward):
    leaves = {key: torch.tensor(spec.array(), requires_grad=True) for key, spec in inputs.items()}
    scores = forward(**leaves)
    (slopes,) = torch.autograd.grad(scores.sum(), leaves["images"], create_graph=True)
    value = (gradient_penalty if penalty == "wgan_gp" else r1)(slopes)
    grads = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    grads = {k: torch.zeros_like(v) if g is None else g for (k, v), g in zip(leaves.items(), grads)}
    return {
        "name": name,
        "penalty": penalty,
        "critic": critic,
        "layers": layers,
        "options": {"root_eps": ROOT_EPS} if penalty == "wgan_gp" else {"gamma": R1_GAMMA},
        "inputs": {key: spec.json() for key, spec in inputs.items()},
        "scores": record(scores, f"{name}.scores"),
        "image_gradient": record(slopes, f"{name}.image_gradient"),
        "value": value.item(),
        "grads": {key: record(grad, f"{name}.grad_{key}") for key, grad in grads.items()},
    }


def linear_cases():
    """D(x) = w . x with w = (3, 4): GP = (5 - 1)^2 = 16 with gradient (4.8, 6.4); R1 = 5 * 25 with (30, 40)."""
    for penalty, value, grad in [("wgan_gp", 16.0, [4.8, 6.4]), ("r1", 125.0, [30.0, 40.0])]:
        inputs = {"images": Filled("linear.images", [3, 2]), "dense.weight": Literal([3.0, 4.0], [2, 1])}
        made = case(f"linear_{penalty}", penalty, "linear", inputs, ["dense (no bias)"],
                    lambda **w: w["images"] @ w["dense.weight"])  # fmt: skip
        assert abs(made["value"] - value) < 1e-9
        assert all(abs(a - b) < 1e-9 for a, b in zip(made["grads"]["dense.weight"]["values"], grad))
        yield made


def conv_cases():
    table = [
        ("leaky", "leaky_relu 0.2", lambda x: torch.nn.functional.leaky_relu(x, 0.2)),
        ("softplus", "softplus", lambda x: torch.nn.functional.softplus(x, threshold=1e9)),
        ("tanh", "tanh", torch.tanh),
    ]
    for title, activation, function in table:
        for penalty in ("wgan_gp", "r1") if title == "leaky" else ("wgan_gp",):
            name = f"conv_{title}_{penalty}"
            inputs = {
                "images": Filled(f"{name}.images", [2, 5, 4, 2]),
                "conv.weight": Filled(f"{name}.conv.weight", [3, 3, 2, 3]),
                "conv.bias": Filled(f"{name}.conv.bias", [3], -0.3, 0.3),
                "dense.weight": Filled(f"{name}.dense.weight", [18, 1]),
                "dense.bias": Filled(f"{name}.dense.bias", [1]),
            }
            pads = (*same_pads(5, 3, 2), *same_pads(4, 3, 2))

            def forward(**w):
                x = function(conv2d(w["images"], w["conv.weight"], w["conv.bias"], (2, 2), pads))
                return x.reshape(len(x), -1) @ w["dense.weight"] + w["dense.bias"]

            layers = ["conv2d k3 s2 same", activation, "flatten", "dense"]
            yield case(name, penalty, f"conv_{title}", inputs, layers, forward)


def batch_norm_and_transposed_cases():
    """Not critics anyone would train: batch norm and a transposed convolution under a second derivative."""
    name = "conv_transpose_batch_norm_wgan_gp"
    inputs = {
        "images": Filled(f"{name}.images", [3, 2, 3, 2]),
        "convt.weight": Filled(f"{name}.convt.weight", [3, 3, 3, 2]),
        "convt.bias": Filled(f"{name}.convt.bias", [3]),
        "bn.gamma": Filled(f"{name}.bn.gamma", [3], 0.5, 1.5),
        "bn.beta": Filled(f"{name}.bn.beta", [3]),
        "dense.weight": Filled(f"{name}.dense.weight", [72, 1]),
        "dense.bias": Filled(f"{name}.dense.bias", [1]),
    }

    def forward(**w):
        x = conv_transpose2d(w["images"], w["convt.weight"], w["convt.bias"], (2, 2), (0, 0), (4, 6))
        x = torch.tanh(batch_norm(x, w["bn.gamma"], w["bn.beta"], 1e-3))
        return x.reshape(len(x), -1) @ w["dense.weight"] + w["dense.bias"]

    layers = ["conv_transpose2d k3 s2 same", "batch_norm training eps 1e-3", "tanh", "flatten", "dense"]
    yield case(name, "wgan_gp", "conv_transpose_batch_norm", inputs, layers, forward)


def cases():
    for group in (linear_cases, conv_cases, batch_norm_and_transposed_cases):
        yield from group()
