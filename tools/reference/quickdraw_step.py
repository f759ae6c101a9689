"""quickdraw_step.json: one whole discriminator step, then one whole generator step, from filled weights.

The step is computed in float64 PyTorch. `keras_step` repeats it with Keras layers on TensorFlow, also in float64, and
every gradient, output and running statistic must agree. `step` can run in float32 too: the entry script prints how far
that strays, which is what a float32 engine may be asked to reach.
"""

import keras
import numpy as np
import tensorflow as tf
import torch
import torch.nn.functional as F

from .filling import Filled
from .quickdraw_model import EPS, MOMENTUM, NORMS, SHAPES, discriminator, generator, glorot_limit
from .writing import agree, digest, numpy, whole

BATCH = 8
LATENT = 32
D_OPTIMIZER = {"lr": 8e-4, "rho": 0.9, "eps": 1e-7, "clip_value": 1.0, "decay": 6e-8}
G_OPTIMIZER = {"lr": 4e-4, "rho": 0.9, "eps": 1e-7, "clip_value": 1.0, "decay": 3e-8}
# A bias in front of a batch norm cannot change the output: its gradient is zero, and what is computed is rounding.
ROUNDING_ONLY = {"generator.dense.bias", *(f"generator.convt{n}.bias" for n in (1, 2, 3))}


def inputs():
    made = {
        "reals": Filled("reals", [BATCH, 28, 28, 1], 0.0, 1.0),
        "latents": Filled("latents", [BATCH, LATENT]),
        "latents2": Filled("latents2", [BATCH, LATENT]),
    }
    for name, shape in SHAPES.items():
        if name.endswith(".weight"):
            limit = glorot_limit(shape)
            made[name] = Filled(name, shape, -limit, limit)
        elif name.endswith(".gamma"):
            made[name] = Filled(name, shape, 0.9, 1.1)
        else:
            limit = 0.1 if name.endswith(".beta") else 0.01
            made[name] = Filled(name, shape, -limit, limit)
    return made


def first_update(weight, grad, lr, rho, eps, clip_value, decay):
    """RMSprop from a zero accumulator; `decay` does not act yet (t = 0)."""
    g = grad.clamp(-clip_value, clip_value)
    a = (1.0 - rho) * g * g
    return weight - lr * g / (torch.sqrt(a) + eps), a


def optimise(weights, loss, names, options):
    grads = dict(zip(names, torch.autograd.grad(loss, [weights[name] for name in names])))
    result = {}
    for name in names:
        updated, mean_square = first_update(weights[name].detach(), grads[name], **options)
        weights[name] = updated
        result[name] = {"gradient": grads[name], "updated": updated, "mean_square": mean_square}
    return result


def step(dtype):
    given = {name: torch.tensor(spec.array(), dtype=dtype) for name, spec in inputs().items()}
    weights = {name: given[name] for name in SHAPES}
    buffers = {}
    for name, channels in NORMS.items():
        buffers[f"{name}.running_mean"] = torch.zeros(channels, dtype=dtype)
        buffers[f"{name}.running_var"] = torch.ones(channels, dtype=dtype)
    d_names = [name for name in SHAPES if name.startswith("discriminator.")]
    g_names = [name for name in SHAPES if name.startswith("generator.")]

    with torch.no_grad():
        fakes = generator(weights, buffers, given["latents"], batch_statistics=False)
    labels = torch.cat([torch.ones(BATCH, 1, dtype=dtype), torch.zeros(BATCH, 1, dtype=dtype)])
    for name in d_names:
        weights[name].requires_grad_(True)
    logits = discriminator(weights, torch.cat([given["reals"], fakes]))
    loss = F.binary_cross_entropy_with_logits(logits, labels)
    accuracy = (torch.sigmoid(logits).round() == labels).double().mean().item()
    d_step = {"fakes": fakes, "logits": logits.detach(), "loss": loss.detach(), "accuracy": accuracy,
              "parameters": optimise(weights, loss, d_names, D_OPTIMIZER)}  # fmt: skip

    for name in g_names:
        weights[name].requires_grad_(True)
    images = generator(weights, buffers, given["latents2"], batch_statistics=True)
    logits = discriminator(weights, images)
    loss = F.binary_cross_entropy_with_logits(logits, torch.ones(BATCH, 1, dtype=dtype))
    accuracy = (torch.sigmoid(logits).round() == 1).double().mean().item()
    g_step = {"fakes": images.detach(), "logits": logits.detach(), "loss": loss.detach(), "accuracy": accuracy,
              "parameters": optimise(weights, loss, g_names, G_OPTIMIZER), "buffers": buffers}  # fmt: skip
    return d_step, g_step


def keras_networks():
    """The seed's networks in Keras, without dropout, ending in logits for the discriminator."""
    layers = keras.layers
    conv = lambda filters, stride, name: layers.Conv2D(  # noqa: E731
        filters, 5, strides=stride, padding="same", activation="relu", name=name
    )
    d = keras.Sequential([
        layers.Input((28, 28, 1)), conv(64, 2, "conv1"), conv(128, 2, "conv2"), conv(256, 2, "conv3"),
        conv(512, 1, "conv4"), layers.Flatten(), layers.Dense(1, name="dense"),
    ], name="discriminator")  # fmt: skip
    norm = lambda name: layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPS, name=name)  # noqa: E731
    turn = lambda filters, name: layers.Conv2DTranspose(filters, 5, padding="same", name=name)  # noqa: E731
    g = keras.Sequential([
        layers.Input((LATENT,)), layers.Dense(3136, name="dense"), norm("bn1"), layers.ReLU(),
        layers.Reshape((7, 7, 64)), layers.UpSampling2D(), turn(32, "convt1"), norm("bn2"), layers.ReLU(),
        layers.UpSampling2D(), turn(16, "convt2"), norm("bn3"), layers.ReLU(),
        turn(8, "convt3"), norm("bn4"), layers.ReLU(),
        layers.Conv2D(1, 5, padding="same", activation="sigmoid", name="conv"),
    ], name="generator")  # fmt: skip
    assert d.count_params() == 4_311_553 and g.count_params() == 183_713
    return d, g


def keras_variables(model):
    attribute = {"weight": "kernel", "bias": "bias", "gamma": "gamma", "beta": "beta"}
    found = {}
    for name in SHAPES:
        owner, layer, key = name.split(".")
        if owner == model.name:
            found[name] = getattr(model.get_layer(layer), attribute[key])
    return found


def check_with_keras(d_step, g_step):
    keras.config.set_floatx("float64")
    given = {name: spec.array() for name, spec in inputs().items()}
    d, g = keras_networks()
    d_variables, g_variables = keras_variables(d), keras_variables(g)
    for name, variable in {**d_variables, **g_variables}.items():
        variable.assign(given[name])
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    tolerance = 1e-9

    def compare(title, expected, variables, tape, loss):
        values = [v.value for v in variables.values()]
        for name, grad in zip(variables, tape.gradient(loss, values)):
            ours = expected["parameters"][name]["gradient"]
            if name in ROUNDING_ONLY:
                assert np.abs(ours).max() < 1e-14 and np.abs(grad).max() < 1e-14
            else:
                agree(f"{title} gradient of {name}", ours, grad, tolerance)

    fakes = g(given["latents"], training=False)
    agree("fakes", d_step["fakes"], fakes, tolerance)
    labels = np.concatenate([np.ones((BATCH, 1)), np.zeros((BATCH, 1))])
    with tf.GradientTape() as tape:
        logits = d(tf.concat([given["reals"], fakes], 0), training=True)
        loss = bce(labels, logits)
    agree("D logits", d_step["logits"], logits, tolerance)
    agree("D loss", d_step["loss"], loss, tolerance)
    compare("D", d_step, d_variables, tape, loss)

    for name, variable in d_variables.items():
        variable.assign(d_step["parameters"][name]["updated"].numpy())
    with tf.GradientTape() as tape:
        images = g(tf.constant(given["latents2"]), training=True)
        logits = d(images, training=True)
        loss = bce(np.ones((BATCH, 1)), logits)
    agree("G fakes", g_step["fakes"], images, tolerance)
    agree("G logits", g_step["logits"], logits, tolerance)
    agree("G loss", g_step["loss"], loss, tolerance)
    compare("G", g_step, g_variables, tape, loss)
    for name, count in [("bn1", BATCH), ("bn2", BATCH * 14 * 14), ("bn3", BATCH * 28 * 28), ("bn4", BATCH * 28 * 28)]:
        layer = g.get_layer(name)
        agree(name, g_step["buffers"][f"generator.{name}.running_mean"], layer.moving_mean, tolerance)
        biased = (numpy(layer.moving_variance) - MOMENTUM) * count / (count - 1) + MOMENTUM  # Keras 3 omits N/(N-1)
        agree(name, g_step["buffers"][f"generator.{name}.running_var"], biased, tolerance)


def step_json(title, result):
    made = {
        "fakes": digest(result["fakes"], f"{title}.fakes"),
        "logits": whole(result["logits"]),
        "loss": result["loss"].item(),
        "accuracy": result["accuracy"],
        "parameters": {
            name: {
                **({"rounding_only": True} if name in ROUNDING_ONLY else {}),
                **{part: digest(tensor, f"{title}.{name}.{part}") for part, tensor in parts.items()},
            }
            for name, parts in result["parameters"].items()
        },
    }
    if "buffers" in result:
        made["buffers"] = {name: digest(value, f"{title}.{name}") for name, value in result["buffers"].items()}
    return made


def body():
    d_step, g_step = step(torch.float64)
    check_with_keras(d_step, g_step)
    return {
        "batch": BATCH,
        "latent": LATENT,
        "optimizers": {"discriminator": D_OPTIMIZER, "generator": G_OPTIMIZER},
        "inputs": {name: spec.json() for name, spec in inputs().items()},
        "buffers": {f"generator.bn{n}": {"running_mean": 0.0, "running_var": 1.0} for n in (1, 2, 3, 4)},
        "discriminator_step": step_json("d", d_step),
        "generator_step": step_json("g", g_step),
    }


def float32_errors():
    """Per tensor: the largest float32 difference relative to the tensor's largest magnitude."""
    rows = []
    for title, exact, rough in zip("dg", step(torch.float64), step(torch.float32)):
        for key in ("fakes", "logits", "loss"):
            rows.append((f"{title}.{key}", exact[key], rough[key]))
        for name, parts in exact["parameters"].items():
            rows += [(f"{name} {part}", value, rough["parameters"][name][part]) for part, value in parts.items()]
        for name, value in exact.get("buffers", {}).items():
            rows.append((name, value, rough["buffers"][name]))
    for name, exact, rough in rows:
        exact, rough = numpy(exact), numpy(rough)
        scale = np.abs(exact).max()
        norm = np.linalg.norm(exact - rough) / np.linalg.norm(exact)
        yield name, np.abs(exact - rough).max() / scale, norm
