#!/usr/bin/env python3
"""Computes the reference values of Backdraw's tests with PyTorch and Keras and writes them to tests/golden/.

Needs Python 3.10 or later with numpy, scipy, torch, tensorflow and keras 3; it installs nothing. For example:

    python3 -m venv somewhere/outside/the/repository
    somewhere/outside/the/repository/bin/pip install numpy scipy torch tensorflow keras
    somewhere/outside/the/repository/bin/python tools/reference_values.py

    tools/reference_values.py layers losses     only these files
    tools/reference_values.py --float32         how far float32 PyTorch strays from the quickdraw step's values

The numbers are float64 results. Whatever both frameworks define is computed with both, and a disagreement stops the
script before anything is written for that file. Inputs are not stored: tools/README.md says how to make them.
"""

import argparse
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# PyTorch's optimisers would load triton, whose LLVM and TensorFlow's cannot share a process. Nothing here needs it.
sys.modules["triton"] = None

import keras  # noqa: E402
import tensorflow  # noqa: E402
import torch  # noqa: E402

from reference import (  # noqa: E402
    cyclegan_step,
    dcgan_step,
    growing_step,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    penalties,
    quickdraw_step,
    spectral_norm,
    wgan_step,
)
from reference.writing import write  # noqa: E402

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
LIMIT = 576 * 1024


def listed(module):
    return lambda: {"cases": list(module.cases())}


GROUPS = {
    "layers": (
        "Forward output of each layer, and the gradients of sum(output * cotangent) by every input and parameter.",
        listed(layers),
        [
            "outputs.grad_<x> belongs to inputs.<x>.",
            "conv2d: options.pads are the zero pixels added on each side; for `same` they follow from the sizes.",
            "conv_transpose2d: y[s*i + u - crop] += x[i]*w[u], then cut to output_size (places nothing reaches get the bias).",
            "batch_norm: momentum in its dialect's meaning (keras: kept share 0.9; pytorch: new share 0.1). Running statistics",
            "start at (0, 1); the first update sees `input`, the second `input2`. running_var_after_* took var*N/(N-1),",
            "running_var_biased_after_* took the biased variance (what Keras 3 does).",
        ],
    ),
    "losses": (
        "Value and gradients of each loss. Means are over all elements.",
        listed(losses),
        ["bce_keras_clip: outside [clip_low, clip_high] the gradient is exactly 0."],
    ),
    "optimizers": (
        "Every theta and accumulator of several steps of each optimiser from zero accumulators.",
        listed(optimizers),
        [
            "rms_prop_keras: g = clamp(g); a = rho*a + (1-rho)*g*g; theta -= lr/(1+decay*t) * g/(sqrt(a)+eps), t = 0, 1, ...",
            "rms_prop_torch: the same without clip and decay. adam_torch: mhat/(sqrt(vhat)+eps).",
            "adam_tf: lr*sqrt(1-beta2^t)/(1-beta1^t) * m/(sqrt(v)+eps); Keras is this form with eps 1e-7.",
            "sgd: v = momentum*v + g (v = g at first); theta -= lr*v, with nesterov lr*(g + momentum*v).",
        ],
    ),
    "initializers": (
        "Bounds of the uniform initialisers.",
        listed(initializers),
        ["kaiming_uniform_torch on a transposed convolution takes fan_in from out_channels: PyTorch's quirk."],
    ),
    "penalties": ("Gradient penalties and their gradients: second order.", listed(penalties), penalties.__doc__.split("\n")[2:4]),
    "metrics": (
        "Measures of two sets of features or images.",
        listed(metrics),
        [
            "Images are floor(filled), whole numbers of 0 to 255. memorization: the first half of the reals is learned, the other held out.",
            "level_<i>: sum over j of cos(j) times element j of level i of two of the Laplacian pyramid of the first real.",
            "ms_ssim: of the first two reals; ms_ssim_blend: of the first and floor of the mean of both.",
        ],
    ),
    "quickdraw_step": (
        "One quickdraw discriminator step, then one generator step against the updated discriminator. No dropout.",
        quickdraw_step.body,
        [
            "Discriminator step: fakes = generator(latents) in inference mode; 8 reals then 8 fakes; labels 1 then 0; mean over 16.",
            "Generator step: generator(latents2) in training mode, labels 1, mean over 8; only the generator is updated.",
            "`gradient` is before clipping; `updated` and `mean_square` are after the one RMSprop update (t = 0).",
            "rounding_only: a bias before a batch norm; its gradient is zero but for rounding, which RMSprop amplifies.",
            "Check that such a gradient is tiny, and do not compare its `updated` or `mean_square`.",
            "An RMSprop first step is nearly lr*3.162*sign(g): where |g| is near zero, float32 rounding shows in `updated`.",
        ],
    ),
    "dcgan_step": (
        "One step of a small 28x28 DCGAN in the order of PyTorch's example. PyTorch only.",
        dcgan_step.body,
        [
            "reals are given in [0, 1] and seen in [-1, 1]. d_real, d_fake: mean probabilities before the discriminator's update,",
            "g_fake: of the same fakes after it. buffers: the generator's running statistics, after its one walk.",
            "An Adam first step is nearly lr*sign(g): where |g| is near zero, float32 rounding shows in `updated`.",
        ],
    ),
    "wgan_step": (
        "A critic turn with gradient penalty and a generator turn of a small WGAN-GP; a turn with R1. PyTorch only.",
        wgan_step.body,
        [
            "places: where between a real (0) and its fake (1) the penalty looks. The generator's turn comes after the critic's update.",
            "r1_step: the same networks and images, cross-entropy and R1 on the reals, the discriminator's turn only.",
            "critic.dense.bias gets no gradient from the Wasserstein loss: rounding decides about its update.",
        ],
    ),
    "growing_step": (
        "A turn of the discriminator and one of the generator of a small ProGAN and of a small StyleGAN. PyTorch only.",
        growing_step.body,
        [
            "8x8 is half faded in. places: where between a real (0) and its fake (1) ProGAN's penalty looks.",
            "The generator's turn comes after the discriminator's update. StyleGAN's noise has the weight 0; no style is mixed.",
            "Only some of the gradients are kept: one of each kind of layer.",
        ],
    ),
    "spectral_norm": (
        "Layers with spectral norm: two walks in training, and the gradients of sum(output * cotangent). PyTorch only.",
        listed(spectral_norm),
        ["spectral_u must be brought to the length 1 before the first walk."],
    ),
    "cyclegan_step": (
        "One step of a tiny CycleGAN in the authors' form: the generators, then the discriminators. PyTorch only.",
        cyclegan_step.body,
        [
            "The losses are called as in cyclegan's metrics.csv: g_a and idt_a of A to B, cycle_a of A, d_a of the judge of A.",
            "fakes.a is generator_ba(reals_b), in [-1, 1]; reals are given in [0, 1].",
            "rounding_only: a bias before an instance norm; its gradient is zero but for rounding, which Adam amplifies.",
            "`updated` is told of each network's first weight. An Adam first step is nearly lr*sign(g): where |g| is near zero,",
            "float32 rounding shows in it.",
        ],
    ),
}  # fmt: skip


def float32_report():
    print(f"{'tensor':48} {'max / max':>10} {'l2 / l2':>10}")
    for name, worst, norm in quickdraw_step.float32_errors():
        print(f"{name:48} {worst:10.2e} {norm:10.2e}")


def main():
    parser = argparse.ArgumentParser(description="Writes tests/golden/*.json.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of: {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--float32", action="store_true", help="print float32's distance from the quickdraw step")
    options = parser.parse_args()
    unknown = [group for group in options.groups if group not in GROUPS]
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)}")

    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    if options.float32:
        return float32_report()
    versions = {"torch": torch.__version__.split("+")[0], "keras": keras.__version__, "tensorflow": tensorflow.__version__}
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for group in options.groups or GROUPS:
        about, make, notes = GROUPS[group]
        size = write(GOLDEN / f"{group}.json", about, versions, make(), notes)
        print(f"{group}.json  {size} bytes", file=sys.stderr)
    total = sum(path.stat().st_size for path in GOLDEN.glob("*.json"))
    assert total <= LIMIT, f"{total} bytes of golden values, the limit is {LIMIT}"


if __name__ == "__main__":
    main()
