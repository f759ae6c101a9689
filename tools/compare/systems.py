"""The steps that are compared. This module needs no PyTorch."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    """One step: how Backdraw runs it, and which class of this package is its contender in PyTorch."""

    title: str
    command: tuple  # of `train`: the system and its options
    batch: int
    contender: str  # module.Class
    arguments: dict  # of the class
    image: tuple  # size, channels, lowest and highest value that the networks see
    # Of a round: warm-up steps and timed steps, for `--all` and for `--quick`.
    steps: tuple
    quick: tuple
    # So many consecutive steps make a sample, their mean: not all steps do the same.
    period: int = 1
    # What makes the step free of random numbers that PyTorch cannot repeat, in the check.
    fixed: tuple = ()
    # The number of steps before the one that is checked.
    before: int = 0
    # By how much the losses of the check may differ, relative to the largest of 1 and the loss.
    tolerance: float = 2e-3


GROWN = ("--set", "stable_kimg=0", "--set", "fade_kimg=0.001")  # fully grown after the first four steps
UNIT, SYMMETRIC = (0.0, 1.0), (-1.0, 1.0)
NO_DROPOUT = ("--set", "dropout=0")
# PyTorch's step reads its images from memory as they are.
NO_CROP = ("--set", "augment.enlarge=1", "--set", "augment.flip=false")
NO_CHANGES = tuple(
    word for name in ("rotation", "width_shift", "height_shift", "shear", "zoom") for word in ("--set", f"augment.{name}=0")
) + ("--set", "augment.flip=false")


def quickdraw(batch, steps, quick):
    return Case(
        f"quickdraw, batch {batch}", ("quickdraw", "--preset", "original"), batch, "keras_like.Quickdraw", {}, (28, 1, *UNIT),
        steps, quick, fixed=NO_DROPOUT,
    )  # fmt: skip


CASES = {
    "quickdraw": quickdraw(128, (3, 10), (2, 6)),
    "quickdraw-32": quickdraw(32, (3, 20), (2, 10)),
    "cifar": Case(
        "cifar, batch 20", ("cifar", "--preset", "original"), 20, "keras_like.Cifar", {}, (32, 3, *SYMMETRIC), (2, 7), (1, 3),
        fixed=("--set", "d_dropout=0"),
    ),
    "dcgan": Case(
        "dcgan 64x64, batch 64", ("dcgan", "--preset", "original"), 64, "strided.Strided", {}, (64, 3, *SYMMETRIC),
        (3, 10), (2, 5),
    ),
    "cyclegan": Case(
        "cyclegan 256x256", ("cyclegan", "--preset", "original", *NO_CROP), 1, "cyclegan.CycleGan", {}, (256, 3, *SYMMETRIC),
        (1, 5), (1, 2),
    ),
    "cyclegan-cpu": Case(
        "cyclegan 64x64 (cpu)", ("cyclegan", "--preset", "cpu", *NO_CROP), 1, "cyclegan.CycleGan",
        {"width": 16, "d_width": 32, "blocks": 6}, (64, 3, *SYMMETRIC), (5, 20), (3, 10),
    ),
    "wgan-gp": Case(
        "wgan-gp 28x28, batch 64", ("wgan-gp", "--preset", "original"), 64, "wgan.WganGp", {}, (28, 1, *UNIT), (3, 10), (2, 5),
    ),
    "progan": Case(
        "progan 32x32, batch 16", ("progan", "--preset", "cpu", *GROWN), 16, "growing.ProGan", {}, (32, 3, *SYMMETRIC),
        (8, 20), (6, 10), before=4,
    ),
    "stylegan": Case(
        "stylegan 32x32, batch 16", ("stylegan", "--preset", "cpu", *GROWN), 16, "growing.StyleGan", {"rate": 5e-3},
        (32, 3, *SYMMETRIC), (8, 20), (6, 10), fixed=("--set", "style_mixing=0"), before=4,
    ),
    "stylegan2": Case(
        "stylegan2 32x32, batch 16", ("stylegan2", "--preset", "cpu"), 16, "stylegan2.StyleGan2", {}, (32, 3, *SYMMETRIC),
        (16, 80), (4, 32), period=16, fixed=("--set", "style_mixing=0"),
    ),
    "faces": Case(
        "faces 64x64, batch 64", ("faces", "--preset", "original", "--set", "augment.flip=false"), 64, "strided.Strided", {"latent": 128},
        (64, 3, *SYMMETRIC), (3, 10), (2, 5),
    ),
    "folder-128": Case(
        "folder 128x128, batch 32", ("folder", "--preset", "original", "--set", "size=128", *NO_CHANGES), 32, "strided.Strided",
        {"size": 128}, (128, 3, *SYMMETRIC), (2, 6), (1, 3),
    ),
    "vanilla": Case(
        "vanilla 28x28, batch 128", ("vanilla", "--preset", "cpu"), 128, "dense.Vanilla", {}, (28, 1, *SYMMETRIC),
        (20, 200), (10, 100),
    ),
    "mnist": Case(
        "mnist 28x28, batch 64", ("mnist", "--preset", "original"), 64, "dense.Mnist", {}, (28, 1, *SYMMETRIC),
        (50, 500), (20, 200), fixed=NO_DROPOUT,
    ),
}  # fmt: skip

# The contenders' names in tables, in the order of their turns.
NAMES = {
    "ours": "Backdraw",
    "ours-bf16": "Backdraw, bf16",
    "torch": "PyTorch eager, channels_last",
    "torch-bf16": "PyTorch, bf16 autocast",
    "keras": "Keras, TensorFlow graph",
    "burn": "burn, Flex",
}
