#!/usr/bin/env python3
"""Computes what foreign networks say about filled weights, and writes it to tests/golden/.

    imports.json     PyTorch's DCGAN example, and the generators and the discriminator of the CycleGAN authors' program
    inception.json   torch-fidelity's Inception: features, logits, and the numbers that it computes from them

Needs Python 3.10 or later with numpy and torch; inception.json also needs torch-fidelity. It installs nothing.

    tools/import_vectors.py               both files
    tools/import_vectors.py imports       only this one

The networks are written anew, with the names that their authors' `state_dict` has; the arithmetic is float64. Inception
is torch-fidelity's own. No weight is stored: tools/README.md says how `fill` makes them.
"""

import argparse
import math
import pathlib

import numpy as np
import torch
from torch import nn

from reference.filling import Filled, fill
from reference.writing import digest, write

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
SCRIPT = "tools/import_vectors.py"


class Named(nn.Module):
    """A sequence of layers called `name`, as in `main.0.weight`."""

    def __init__(self, name, layers):
        super().__init__()
        self.name = name
        self.add_module(name, nn.Sequential(*layers))

    def forward(self, x):
        return getattr(self, self.name)(x)


def dcgan_generator(latent, width, channels):
    sizes = [latent, 8 * width, 4 * width, 2 * width, width, channels]
    layers = []
    for number, (before, after) in enumerate(zip(sizes, sizes[1:])):
        stride, padding = (1, 0) if number == 0 else (2, 1)
        layers.append(nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False))
        layers += [nn.Tanh()] if number == 4 else [nn.BatchNorm2d(after), nn.ReLU()]
    return Named("main", layers)


def dcgan_discriminator(width, channels):
    """Without the sigmoid: the output is the logit."""
    layers = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for factor in [1, 2, 4]:
        layers.append(nn.Conv2d(factor * width, 2 * factor * width, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(2 * factor * width), nn.LeakyReLU(0.2)]
    return Named("main", layers + [nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False)])


class Block(nn.Module):
    def __init__(self, width, dropout):
        super().__init__()
        half = lambda: [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]  # noqa: E731
        between = [nn.ReLU()] + ([nn.Dropout(0.5)] if dropout else [])
        self.conv_block = nn.Sequential(*half(), *between, *half())

    def forward(self, x):
        return x + self.conv_block(x)


def resnet_generator(width, blocks, dropout):
    norm = lambda channels: [nn.InstanceNorm2d(channels), nn.ReLU()]  # noqa: E731
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), *norm(width)]
    for factor in [1, 2]:
        layers += [nn.Conv2d(factor * width, 2 * factor * width, 3, 2, 1), *norm(2 * factor * width)]
    layers += [Block(4 * width, dropout) for _ in range(blocks)]
    for factor in [2, 1]:
        layers += [nn.ConvTranspose2d(2 * factor * width, factor * width, 3, 2, 1, 1), *norm(factor * width)]
    return Named("model", layers + [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()])


def patch_discriminator(width):
    layers = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for factor, stride in [(1, 2), (2, 2), (4, 1)]:
        layers.append(nn.Conv2d(factor * width, 2 * factor * width, 4, stride, 1))
        layers += [nn.InstanceNorm2d(2 * factor * width), nn.LeakyReLU(0.2)]
    return Named("model", layers + [nn.Conv2d(8 * width, 1, 4, 1, 1)])


def bounds(name, shape):
    """The range of the filled tensor: activations keep about their size."""
    if len(shape) > 1:
        # The inputs of an output: all axes but the first. (For transposed convolutions this is only near.)
        bound = math.sqrt(6.0 / math.prod(shape[1:]))
        return -bound, bound
    if name.endswith("running_var"):
        return 0.5, 1.5
    if name.endswith("weight"):
        return 0.8, 1.2
    return -0.2, 0.2


def filled(module, prefix):
    """Fills the weights of `module`; returns what was filled, by name."""
    tensors = {}
    for name, tensor in module.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        low, high = bounds(name, tensor.shape)
        tensors[name] = Filled(f"{prefix}.{name}", tensor.shape, low, high)
        tensor.copy_(torch.from_numpy(tensors[name].array()))
    return tensors


def imports():
    cases = [
        ("dcgan_generator", dcgan_generator(6, 3, 3), [2, 1, 1, 6]),
        ("dcgan_discriminator", dcgan_discriminator(3, 3), [2, 64, 64, 3]),
        ("resnet_6", resnet_generator(3, 6, False), [1, 32, 32, 3]),
        ("resnet_9", resnet_generator(2, 9, True), [1, 32, 32, 3]),
        ("patch_discriminator", patch_discriminator(2), [1, 32, 32, 3]),
    ]
    result = []
    for name, module, shape in cases:
        module = module.double().eval()
        tensors = filled(module, name)
        x = Filled(f"{name}.input", shape)
        with torch.no_grad():
            y = module(torch.from_numpy(x.array()).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        weights = {tensor: spec.json() for tensor, spec in tensors.items()}
        result.append({"name": name, "tensors": weights, "input": x.json(), "output": digest(y.contiguous(), name)})
    return {"cases": result}


def pictures(name, shape):
    """Bytes: floor of numbers in [0, 256)."""
    return np.floor(fill(name, shape, 0.0, 256.0)).astype(np.uint8)


def inception():
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    class Filling(FeatureExtractorInceptionV3):
        """Takes filled weights in place of those of a file."""

        def load_state_dict(self, _):
            filled(self, "inception")

    torch_load, torch.load = torch.load, lambda *_, **__: None
    network = Filling("filled", ["2048", "logits_unbiased"], "no file", "float32")
    torch.load = torch_load

    cases = []
    for size in [[32, 32, 3], [300, 181, 3]]:
        name = f"inception.{size[0]}"
        x = torch.from_numpy(pictures(name, [2, *size])).permute(0, 3, 1, 2).contiguous()
        with torch.no_grad():
            features, logits = network(x)
        values = {"features": digest(features, f"{name}.features"), "logits": digest(logits, f"{name}.logits")}
        cases.append({"name": name, "size": size, **values})

    # The numbers that it computes from features and logits.
    real, fake, logits = (
        Filled("measures.real", [40, 8], 0.0, 1.0),
        Filled("measures.fake", [40, 8], 0.1, 1.3),
        Filled("measures.logits", [40, 12], -3.0, 3.0),
    )
    real_features, fake_features, unbiased = (torch.from_numpy(x.array()) for x in (real, fake, logits))
    statistics = [fid_features_to_statistics(x) for x in (real_features, fake_features)]
    fid = fid_statistics_to_metric(*statistics, False)
    kid = kid_features_to_metric(real_features, fake_features, kid_subsets=1, kid_subset_size=40, verbose=False)
    isc = isc_features_to_metric(unbiased, splits=10, shuffle=False)
    measures = {
        "inputs": {"real": real.json(), "fake": fake.json(), "logits": logits.json()},
        "values": {
            "fid": fid["frechet_inception_distance"],
            "kid": kid["kernel_inception_distance_mean"],
            "is": isc["inception_score_mean"],
            "is_deviation": isc["inception_score_std"],
        },
    }
    return {"cases": cases, "measures": measures}


GROUPS = {
    "imports": (
        imports,
        "Networks of PyTorch programs with filled weights, in inference: input and output. float64.",
        ["Names and shapes of `tensors` are those of the program's state_dict; input and output are NHWC."],
    ),
    "inception": (
        inception,
        "torch-fidelity's Inception with filled weights (float32), and the numbers that it computes from features.",
        [
            "Each tensor T of the state_dict is fill(`inception.T`, shape, low, high) with, in this order:",
            "more than one axis: -b to b, b = sqrt(6 / product of all axes but the first); running_var: 0.5 to 1.5;",
            "other names that end in weight: 0.8 to 1.2; all others: -0.2 to 0.2.",
            "The two pictures of a case are floor(fill(its name, [2, height, width, 3], 0, 256)).",
            "kid: one subset of all 40. is: 10 splits in order, without the random permutation.",
        ],
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", help=f"some of: {', '.join(GROUPS)}")
    for name in parser.parse_args().groups or GROUPS:
        body, about, notes = GROUPS[name]
        size = write(GOLDEN / f"{name}.json", about, {"torch": torch.__version__}, body(), notes, SCRIPT)
        print(f"{name}.json: {size} bytes")


if __name__ == "__main__":
    main()
