"""losses.json: value and gradients of each loss."""

import keras
import numpy as np
import tensorflow as tf
import torch
import torch.nn.functional as F

from .filling import Filled, Literal
from .writing import agree, record

# Keras clips probabilities in float32, so the upper bound is the float32 nearest to 1 - 1e-7.
CLIP_LOW = float(np.float32(1e-7))
CLIP_HIGH = float(np.float32(1.0 - 1e-7))


def bce_from_logits(logits, targets):
    """max(x, 0) - x y + log(1 + exp(-|x|)), the mean over all elements."""
    return F.binary_cross_entropy_with_logits(logits, targets)


def bce_keras_clip(probabilities, targets):
    p = probabilities.clamp(CLIP_LOW, CLIP_HIGH)
    return -(targets * torch.log(p) + (1.0 - targets) * torch.log1p(-p)).mean()


def softplus_mean(x):
    return F.softplus(x, threshold=1e9).mean()


def case(name, loss, inputs, function, differentiable, options=None, keras_function=None, keras_dtype="float64",
         tolerance=1e-11):  # fmt: skip
    leaves = {key: torch.tensor(spec.array(), requires_grad=key in differentiable) for key, spec in inputs.items()}
    value = function(**leaves)
    grads = dict(zip(differentiable, torch.autograd.grad(value, [leaves[key] for key in differentiable])))
    if keras_function is not None:
        variables = {key: tf.Variable(spec.array(), dtype=keras_dtype) for key, spec in inputs.items()}
        with tf.GradientTape() as tape:
            other = keras_function(**{key: tf.convert_to_tensor(v) for key, v in variables.items()})
        agree(f"{name} value", value, other, tolerance, floor=1.0)
        for key, other_grad in zip(differentiable, tape.gradient(other, [variables[k] for k in differentiable])):
            agree(f"{name} grad of {key}", grads[key], other_grad, tolerance)
            if loss == "bce_keras_clip":
                assert ((grads[key].numpy() == 0) <= (other_grad.numpy() == 0)).all(), f"{name}: not exactly 0"
    return {
        "name": name,
        "loss": loss,
        "options": options or {},
        "inputs": {key: spec.json() for key, spec in inputs.items()},
        "value": value.item(),
        "grads": {key: record(grad, f"{name}.grad_{key}") for key, grad in grads.items()},
    }


def bce_logits_cases():
    def in_keras(logits, targets):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))

    def entry(name, logits, targets):
        inputs = {"logits": logits, "targets": targets}
        return case(name, "bce_with_logits", inputs, bce_from_logits, ["logits"], keras_function=in_keras)

    yield entry(
        "bce_logits_filled",
        Filled("bce_logits_filled.logits", [11, 1], -4.0, 4.0),
        Filled("bce_logits_filled.targets", [11, 1], 0.0, 1.0),
    )
    extreme = [-100.0, -100.0, 100.0, 100.0, -20.0, -20.0, 20.0, 20.0, 0.0, 0.0, -1e-3, 100.0]
    yield entry(
        "bce_logits_extreme",
        Literal(extreme, [12, 1]),
        Literal([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0.9], [12, 1]),
    )
    course = [-0.6136, 0.0316, -0.4927, 0.2484, 0.4397, 0.1124, 0.6408, 0.4412]
    for title, target, known in [("ones", 1.0, 0.66570544), ("smoothed", 0.9, 0.675803), ("zeros", 0.0, 0.7666805)]:
        made = entry(f"bce_logits_course_{title}", Literal(course, [8, 1]), Literal([target] * 8, [8, 1]))
        assert abs(made["value"] - known) < 1e-6
        yield made


def bce_keras_clip_cases():
    def in_keras(probabilities, targets):
        return keras.losses.BinaryCrossentropy(from_logits=False)(targets, probabilities)

    def entry(name, probabilities, targets):
        inputs = {"probabilities": probabilities, "targets": targets}
        options = {"clip_low": CLIP_LOW, "clip_high": CLIP_HIGH}
        return case(name, "bce_keras_clip", inputs, bce_keras_clip, ["probabilities"], options,
                    in_keras, "float32", 2e-6)  # fmt: skip

    yield entry(
        "bce_keras_clip_filled",
        Filled("bce_keras_clip_filled.probabilities", [13, 1], 0.05, 0.95),
        Filled("bce_keras_clip_filled.targets", [13, 1], 0.0, 1.0),
    )
    yield entry(
        "bce_keras_clip_near_the_ends",
        Literal([1e-6, 1e-6, 0.001, 0.999, 1.0 - 2.0**-20, 1.0 - 2.0**-20, 1.3e-7, 0.5], [8, 1]),
        Literal([0, 1, 1, 0, 0, 1, 1, 0.9], [8, 1]),
    )
    # Outside the clip the loss is constant: 16.118 for p -> 0 wanted 1, 15.942 for p -> 1 wanted 0.
    for title, p, target, known in [
        ("zero_wanted_one", 0.0, 1.0, 16.118), ("tiny_wanted_one", 1e-9, 1.0, 16.118),
        ("one_wanted_zero", 1.0, 0.0, 15.942), ("nearly_one_wanted_zero", 1.0 - 2.0**-24, 0.0, 15.942),
        ("zero_wanted_zero", 0.0, 0.0, 0.0), ("one_wanted_one", 1.0, 1.0, 0.0),
    ]:  # fmt: skip
        made = entry(f"bce_keras_clip_saturated_{title}", Literal([p], [1, 1]), Literal([target], [1, 1]))
        assert abs(made["value"] - known) < 1e-3 and made["grads"]["probabilities"]["values"] == [0.0]
        yield made
    yield entry("bce_keras_clip_above_one_target", Literal([0.3, 0.9, 1.0], [3, 1]), Literal([1.05, 1.02, 1.05], [3, 1]))


def cross_entropy_cases():
    """Classes are whole numbers, stored as such."""

    def in_keras(logits, classes):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(classes, tf.int64), logits))

    def entry(name, logits, classes):
        inputs = {"logits": logits, "classes": Literal(classes, [len(classes)])}
        function = lambda logits, classes: F.cross_entropy(logits, classes.long())  # noqa: E731
        return case(name, "cross_entropy", inputs, function, ["logits"], keras_function=in_keras)

    yield entry("cross_entropy_filled", Filled("cross_entropy_filled.logits", [5, 7], -4.0, 4.0), [0, 6, 3, 3, 1])
    extreme = [100.0, -100.0, 0.0, -100.0, -100.0, -100.0, 60.0, 60.0, 60.0]
    yield entry("cross_entropy_extreme", Literal(extreme, [3, 3]), [1, 2, 0])


def regression_cases():
    for loss, function, in_keras in [
        ("mse", F.mse_loss, lambda a, b: tf.reduce_mean(keras.losses.mean_squared_error(b, a))),
        ("l1", F.l1_loss, lambda a, b: tf.reduce_mean(keras.losses.mean_absolute_error(b, a))),
    ]:
        name = f"{loss}_filled"
        inputs = {
            "predictions": Filled(f"{name}.predictions", [3, 2, 2, 1]),
            "targets": Filled(f"{name}.targets", [3, 2, 2, 1]),
        }
        yield case(
            name, loss, inputs, lambda predictions, targets: function(predictions, targets),
            ["predictions", "targets"], None, lambda predictions, targets: in_keras(predictions, targets),
        )  # fmt: skip


def adversarial_cases():
    """`real` and `fake` are the critic's raw outputs; every mean is over the batch."""
    table = [
        ("hinge_discriminator", lambda real, fake: torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()),
        ("hinge_generator", lambda fake: -fake.mean()),
        ("lsgan_discriminator", lambda real, fake: ((real - 1) ** 2).mean() + (fake**2).mean()),
        ("lsgan_generator", lambda fake: ((fake - 1) ** 2).mean()),
        ("wasserstein_critic", lambda real, fake: fake.mean() - real.mean()),
        ("wasserstein_generator", lambda fake: -fake.mean()),
        ("logistic_discriminator", lambda real, fake: softplus_mean(fake) + softplus_mean(-real)),
        ("logistic_generator", lambda fake: softplus_mean(-fake)),
    ]
    for loss, function in table:
        keys = [key for key in ("real", "fake") if key in function.__code__.co_varnames]
        name = f"{loss}_filled"
        inputs = {key: Filled(f"{name}.{key}", [7, 1], -3.0, 3.0) for key in keys}
        yield case(name, loss, inputs, function, keys)
        if loss.startswith("logistic"):
            name = f"{loss}_extreme"
            inputs = {key: Literal([-100.0, -20.0, 0.0, 20.0, 100.0], [5, 1]) for key in keys}
            yield case(name, loss, inputs, function, keys)


def cases():
    for group in (bce_logits_cases, bce_keras_clip_cases, cross_entropy_cases, regression_cases, adversarial_cases):
        yield from group()
