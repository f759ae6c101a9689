"""optimizers.json: five steps of each optimiser, every theta and every accumulator on the way.

Where Keras 3 and the old Keras form differ, for RMSprop:
  * old Keras (2.x, what the project implements): theta -= lr_t * g / (sqrt(a) + eps), eps outside the root;
    Keras 3: theta -= lr * g / sqrt(a + eps), eps inside. With eps = 0 the two are the same, and that is checked.
  * old Keras has `decay`: lr_t = lr / (1 + decay * t), t the number of updates already done; in Keras 3 the same
    comes from InverseTimeDecay(lr, decay_steps=1, decay_rate=decay), and that is checked too.
  * `clipvalue` is the same elementwise clamp before anything else.
Adam of TF1, of Keras 2 and of Keras 3 is one formula (the bias corrections folded into the step, so that eps is added
to the uncorrected root); they differ in the default eps only. PyTorch adds eps to the corrected root.
"""

import keras
import numpy as np
import tensorflow as tf
import torch

from .filling import Filled, Literal
from .writing import agree, whole

STEPS = 5
SIZE = 7


def rms_prop_keras(theta, grads, lr, rho, eps, clip_value, decay):
    a = np.zeros_like(theta)
    for t, g in enumerate(grads):
        if clip_value is not None:
            g = np.clip(g, -clip_value, clip_value)
        a = rho * a + (1.0 - rho) * g * g
        theta = theta - lr / (1.0 + decay * t) * g / (np.sqrt(a) + eps)
        yield theta, {"mean_square": a}


def adam_tf(theta, grads, lr, beta1, beta2, eps):
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, g in enumerate(grads, start=1):
        m = beta1 * m + (1.0 - beta1) * g
        v = beta2 * v + (1.0 - beta2) * g * g
        lr_t = lr * np.sqrt(1.0 - beta2**t) / (1.0 - beta1**t)
        theta = theta - lr_t * m / (np.sqrt(v) + eps)
        yield theta, {"m": m, "v": v}


def in_torch(theta, grads, make, names):
    parameter = torch.nn.Parameter(torch.tensor(theta))
    optimizer = make([parameter])
    for g in grads:
        parameter.grad = torch.tensor(g)
        optimizer.step()
        state = optimizer.state[parameter]
        yield parameter.detach().numpy().copy(), {ours: state[theirs].numpy().copy() for ours, theirs in names.items()}


def in_keras(theta, grads, optimizer):
    variable = keras.Variable(theta, dtype="float64")
    optimizer.build([variable])
    for g in grads:
        optimizer.apply([tf.constant(g)], [variable])
        yield variable.numpy().copy()


def case(name, optimizer, options, theta, grads, steps):
    """`steps` is the list of (theta, state) after each update."""
    return {
        "name": name,
        "optimizer": optimizer,
        "options": options,
        "theta": theta.json(),
        "grads": [g.json() for g in grads],
        "steps": [{"theta": whole(t), **{key: whole(s) for key, s in state.items()}} for t, state in steps],
    }


def filled(name):
    """Gradients reach beyond the clip, and are exactly zero nowhere."""
    return Filled(f"{name}.theta", [SIZE]), [Filled(f"{name}.grad{t}", [SIZE], -2.0, 2.0) for t in range(STEPS)]


def rms_prop_keras_cases():
    table = [
        ("rms_prop_keras_quickdraw_d", {"lr": 8e-4, "rho": 0.9, "eps": 1e-7, "clip_value": 1.0, "decay": 6e-8}),
        ("rms_prop_keras_strong_decay", {"lr": 1e-2, "rho": 0.9, "eps": 1e-7, "clip_value": 0.5, "decay": 0.25}),
        ("rms_prop_keras_no_clip", {"lr": 1e-3, "rho": 0.9, "eps": 1e-7, "clip_value": None, "decay": 0.0}),
    ]
    for name, options in table:
        theta, grads = filled(name)
        arrays = [g.array() for g in grads]
        steps = list(rms_prop_keras(theta.array(), arrays, **options))
        without_eps = rms_prop_keras(theta.array(), arrays, **{**options, "eps": 0.0})
        schedule = keras.optimizers.schedules.InverseTimeDecay(options["lr"], 1, options["decay"])
        theirs = keras.optimizers.RMSprop(
            learning_rate=schedule, rho=options["rho"], epsilon=0.0, clipvalue=options["clip_value"]
        )
        for (ours, _), other in zip(without_eps, in_keras(theta.array(), arrays, theirs)):
            agree(name, ours, other, 1e-7)  # Keras keeps lr and rho in float32
        yield case(name, "rms_prop_keras", options, theta, grads, steps)


def torch_cases():
    def rms(options):
        return lambda p: torch.optim.RMSprop(p, lr=options["lr"], alpha=options["rho"], eps=options["eps"])

    def adam(options):
        betas = (options["beta1"], options["beta2"])
        return lambda p: torch.optim.Adam(p, lr=options["lr"], betas=betas, eps=options["eps"])

    def sgd(options):
        return lambda p: torch.optim.SGD(
            p, lr=options["lr"], momentum=options["momentum"], nesterov=options["nesterov"]
        )

    moments = {"m": "exp_avg", "v": "exp_avg_sq"}
    table = [
        ("rms_prop_torch", "rms_prop_torch", {"lr": 1e-2, "rho": 0.99, "eps": 1e-8}, rms, {"mean_square": "square_avg"}),
        ("adam_torch", "adam_torch", {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}, adam, moments),
        ("adam_torch_dcgan", "adam_torch", {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8}, adam, moments),
        ("adam_torch_large_eps", "adam_torch", {"lr": 1e-3, "beta1": 0.0, "beta2": 0.99, "eps": 1e-2}, adam, moments),
        ("sgd_momentum", "sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": False}, sgd, {"velocity": "momentum_buffer"}),
        ("sgd_nesterov", "sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, sgd, {"velocity": "momentum_buffer"}),
        ("sgd_plain", "sgd", {"lr": 0.1, "momentum": 0.0, "nesterov": False}, sgd, {}),
    ]
    for name, optimizer, options, make, names in table:
        theta, grads = filled(name)
        steps = list(in_torch(theta.array(), [g.array() for g in grads], make(options), names))
        yield case(name, optimizer, options, theta, grads, steps)


def adam_tf_cases():
    table = [
        ("adam_tf", {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
        ("adam_tf_large_eps", {"lr": 1e-3, "beta1": 0.0, "beta2": 0.99, "eps": 1e-2}),
        ("adam_keras", {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7}),
    ]
    for name, options in table:
        theta, grads = filled(name)
        arrays = [g.array() for g in grads]
        steps = list(adam_tf(theta.array(), arrays, **options))
        theirs = keras.optimizers.Adam(options["lr"], options["beta1"], options["beta2"], options["eps"])
        for (ours, _), other in zip(steps, in_keras(theta.array(), arrays, theirs)):
            agree(name, ours, other, 1e-6)  # Keras keeps lr and the betas in float32
        yield case(name, "adam_tf", options, theta, grads, steps)


def known_vector_cases():
    """One weight starting at 1, gradients 0.5, -2, 0.1: the values published with the specification."""
    theta = Literal([1.0])
    grads = [Literal([g]) for g in (0.5, -2.0, 0.1)]
    exact = [np.array([g]) for g in (0.5, -2.0, 0.1)]  # the published values start from the decimal 0.1
    rms = {"lr": 8e-4, "rho": 0.9, "eps": 1e-7, "clip_value": 1.0, "decay": 6e-8}

    def adam(start, g, lr, beta1, beta2, eps):
        make = lambda p: torch.optim.Adam(p, lr=lr, betas=(beta1, beta2), eps=eps)  # noqa: E731
        return in_torch(start, g, make, {"m": "exp_avg", "v": "exp_avg_sq"})

    dcgan = {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8}
    progan = {"lr": 1e-3, "beta1": 0.0, "beta2": 0.99, "eps": 1e-8}
    table = [
        ("known_rms_prop_keras", "rms_prop_keras", rms, lambda start, g: rms_prop_keras(start, g, **rms),
         [0.9974701795, 0.9997558930, 0.9995160430]),
        ("known_adam_torch_dcgan", "adam_torch", dcgan, lambda start, g: adam(start, g, **dcgan),
         [0.9998000000, 0.9999600300, 1.0000343596]),
        ("known_adam_tf_progan", "adam_tf", progan, lambda start, g: adam_tf(start, g, **progan),
         [0.9990000002, 1.0003689572, 1.0002850141]),
    ]  # fmt: skip
    for name, optimizer, options, run, known in table:
        for (got, _), want in zip(run(theta.array(), exact), known):
            assert abs(got[0] - want) < 1e-10, f"{name}: {got[0]} is not {want}"
        yield case(name, optimizer, options, theta, grads, list(run(theta.array(), [g.array() for g in grads])))


def cases():
    for group in (rms_prop_keras_cases, torch_cases, adam_tf_cases, known_vector_cases):
        yield from group()
