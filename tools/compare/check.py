"""Checks a contender before it is timed: the same parameters, and from the same weights the same losses of two steps.

Backdraw trains from its initial weights (growing networks: from those at full size) on a data set of one image. PyTorch
loads the weights, repeats the random numbers of Backdraw's steps, and makes the same two steps; the losses must agree, the
second step's too, so the gradients and the optimisers do. Dropout and style mixing are off meanwhile.

PyTorch makes these steps in float64. In the first step of RMSprop and Adam the size of an update does not depend on the size
of its gradient, so the rounding of gradients near zero decides about updates of full size: in float32, a loss of PyTorch's
second step of cifar is 1.2e-2 away from its float64, Backdraw's 4e-6. This module needs no PyTorch.
"""

import contextlib
import os
import pathlib
import struct
import tempfile

from .contenders import SEED, Failed, Skipped, run_torch, train
from .systems import CASES

STEPS = 2
BATCH = 8  # at most: this is about the losses, not about the time
# bf16 has three digits, and each contender rounds in its own places.
BF16_TOLERANCE = 0.15


def check(options, key, contenders):
    """Prints a line per contender. Returns the contenders that may be timed.

    Keras and burn are compared by their numbers of parameters alone, in their own programs.
    """
    case = CASES[key]
    first, batch = case.before, min(case.batch, BATCH)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data, run = write_image(folder, case, batch), folder / "run"
        more = ("--data", data, *case.fixed, "--checkpoint-every", first or 1000)
        checkpoint = folder / "weights.safetensors"
        # A run deletes the checkpoint of step 0 when it saves its second one, so short steps need more of them.
        steps = first + (60 if case.quick[1] >= 100 else STEPS)

        def caught():
            with contextlib.suppress(FileNotFoundError):
                os.link(run / "checkpoints" / f"step-{first:06}.safetensors", checkpoint)
            return checkpoint.exists()

        expected = train(options, key, "ours", run, steps, more, caught, batch)[0][first : first + STEPS]
        passed, left = True, list(contenders)
        for contender in contenders:
            if contender in ("torch", "torch-bf16"):
                task = {"what": "check", "case": key, "checkpoint": str(checkpoint), "image": str(folder / "image.npy")}
                found = run_torch(options, contender, "f64", **task, seed=SEED, steps=STEPS, batch=batch)
                passed &= compare(key, contender, expected, found["losses"], found["parameters"])
            elif contender == "ours-bf16":
                try:
                    rows = train(options, key, contender, folder / "bf16", first + STEPS, more, batch=batch)[0][first:]
                except Skipped as why:
                    print(f"SKIPPED {key:13} {contender:11} {why}", flush=True)
                    left.remove(contender)
                    continue
                losses = [{name: row[name] for name in row if name.endswith(("_loss", "penalty"))} for row in rows]
                passed &= compare(key, contender, expected, losses, {})
    if not passed:
        raise Failed(f"{key}: a contender does not do the same step")
    return left


def compare(key, contender, expected, found, parameters):
    """Prints the largest difference of the losses, and whether it is small enough."""
    tolerance = BF16_TOLERANCE if contender.endswith("bf16") else CASES[key].tolerance
    worst, shown = 0.0, []
    for row, losses in zip(expected, found, strict=True):
        for name, loss in losses.items():
            difference = abs(loss - row[name]) / max(1.0, abs(row[name]))
            if not difference <= worst:  # true for NaN
                worst, shown = difference, [f"{name} {row[name]:.6f} and {loss:.6f}"]
    counts = ", ".join(f"{network} {count:,}" for network, count in parameters.items())
    passed = worst <= tolerance
    print(
        f"{'CHECKED' if passed else 'FAILED '} {key:13} {contender:11} losses of {len(found)} steps differ by at most {worst:.1e}"
        f" (allowed {tolerance:.0e}) {' '.join(shown)}{'; parameters: ' if counts else ''}{counts}",
        flush=True,
    )
    if not passed:
        for row, losses in zip(expected, found, strict=True):
            print("        " + ", ".join(f"{name} {row[name]:.6f} and {loss:.6f}" for name, loss in losses.items()))
    return passed


def write_image(folder, case, batch):
    """A data set of one image, often enough for a step, so that its order does not matter. Symmetric, if it is mirrored."""
    size, channels = case.image[:2]
    pixels = bytearray()
    for y in range(size):
        for x in range(size):
            column = min(x, size - 1 - x)
            pixels += bytes((7 * column * (channel + 3) + 5 * y * (channel + 1) + column * y) % 256 for channel in range(channels))
    copies = batch * (5 if case.contender.startswith("wgan") else 1)
    shape = (size, size) if channels == 1 else (size, size, channels)
    write_npy(folder / "image.npy", shape, pixels)
    if case.command[0] == "cyclegan":
        data = folder / "pairs"
        data.mkdir()
        for name in ("trainA.npy", "trainB.npy"):
            write_npy(data / name, (copies, *shape), pixels * copies)
        return data
    write_npy(folder / "images.npy", (copies, *shape), pixels * copies)
    return folder / "images.npy"


def write_npy(path, shape, data):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(data))
