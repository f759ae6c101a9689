"""layers.json: one layer at a time: the output, and the gradients of sum(output * cotangent)."""

import keras
import numpy as np
import tensorflow as tf
import torch
import torch.nn.functional as F

from .filling import Filled, Literal
from .writing import agree, record

TOLERANCE = 1e-11  # between PyTorch and Keras, both in float64


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def same_pads(size, kernel, stride):
    """TensorFlow `same`: out = ceil(n/s), the extra pixel goes to the bottom or right."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv2d(x, w, b, stride, pads):
    top, bottom, left, right = pads
    y = F.conv2d(F.pad(nchw(x), (left, right, top, bottom)), w.permute(3, 2, 0, 1).contiguous(), b, stride=stride)
    return nhwc(y)


def conv_transpose2d(x, w, b, stride, before, out):
    """The adjoint of a convolution: scatter everything, then crop `before` and keep `out` pixels."""
    y = F.conv_transpose2d(nchw(x), w.permute(3, 2, 0, 1).contiguous(), stride=stride)
    lack = [max(before[i] + out[i] - y.shape[2 + i], 0) for i in range(2)]
    y = F.pad(y, (0, lack[1], 0, lack[0]))
    y = y[:, :, before[0] : before[0] + out[0], before[1] : before[1] + out[1]]
    return nhwc(y) + b


def torch_leaf(array):
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


def case(name, layer, options, inputs, function, keras_function=None, tolerance=TOLERANCE):
    """Runs `function` in PyTorch, and in Keras where given, and asserts that the two agree."""
    leaves = {key: torch_leaf(spec.array()) for key, spec in inputs.items()}
    output = function(**leaves)
    cotangent = Filled(f"{name}.cotangent", output.shape)
    loss = (output * torch.tensor(cotangent.array())).sum()
    grads = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))

    if keras_function is not None:
        variables = {key: tf.Variable(spec.array()) for key, spec in inputs.items()}
        with tf.GradientTape() as tape:
            other = keras_function(**variables)
            other_loss = tf.reduce_sum(other * cotangent.array())
        assert other.dtype == tf.float64
        agree(f"{name} output", output, other, tolerance)
        for key, other_grad in zip(variables, tape.gradient(other_loss, list(variables.values()))):
            agree(f"{name} grad of {key}", grads[key], other_grad, tolerance)

    return {
        "name": name,
        "layer": layer,
        "options": options,
        "inputs": {**{key: spec.json() for key, spec in inputs.items()}, "cotangent": cotangent.json()},
        "outputs": {
            "output": record(output, f"{name}.output"),
            **{f"grad_{key}": record(grad, f"{name}.grad_{key}") for key, grad in grads.items()},
        },
    }


def dense_cases():
    for rows, fan_in, fan_out in [(1, 1, 1), (3, 7, 5), (5, 13, 1)]:
        name = f"dense_{rows}x{fan_in}_to_{fan_out}"
        inputs = {
            "input": Filled(f"{name}.input", [rows, fan_in]),
            "weight": Filled(f"{name}.weight", [fan_in, fan_out]),
            "bias": Filled(f"{name}.bias", [fan_out]),
        }
        yield case(
            name, "dense", {}, inputs,
            lambda input, weight, bias: input @ weight + bias,
            lambda input, weight, bias: keras.ops.matmul(input, weight) + bias,
        )


def conv2d_cases():
    # name, image (n, h, w, c), filters, kernel, stride, padding: "same", "valid" or (top, bottom, left, right)
    table = [
        ("same_k5_s2_28x7", (1, 28, 7, 1), 2, (5, 5), (2, 2), "same"),
        ("same_k5_s2_7x7", (1, 7, 7, 3), 4, (5, 5), (2, 2), "same"),
        ("same_k5_s2_14x5", (2, 14, 5, 1), 3, (5, 5), (2, 2), "same"),
        ("same_k5_s1_4x4", (2, 4, 4, 3), 3, (5, 5), (1, 1), "same"),
        ("same_k3_s1_6x5", (2, 6, 5, 2), 3, (3, 3), (1, 1), "same"),
        ("same_k4_s2_6x9", (1, 6, 9, 2), 3, (4, 4), (2, 2), "same"),
        ("same_k3_s2_8x8", (1, 8, 8, 3), 2, (3, 3), (2, 2), "same"),
        ("same_k3x5_s1_5x7", (2, 5, 7, 2), 2, (3, 5), (1, 1), "same"),
        ("same_k2x3_s3x2_7x8", (1, 7, 8, 2), 3, (2, 3), (3, 2), "same"),
        ("same_k1_s2_5x5", (2, 5, 5, 3), 2, (1, 1), (2, 2), "same"),
        ("valid_k3_s1_6x5", (2, 6, 5, 2), 3, (3, 3), (1, 1), "valid"),
        ("valid_k4_s2_9x6", (1, 9, 6, 3), 2, (4, 4), (2, 2), "valid"),
        ("valid_k5x2_s2x1_11x4", (1, 11, 4, 2), 3, (5, 2), (2, 1), "valid"),
        ("valid_k1_s1_1x1", (3, 1, 1, 5), 7, (1, 1), (1, 1), "valid"),
        ("explicit_k4_s2_p1_8x6", (1, 8, 6, 3), 2, (4, 4), (2, 2), (1, 1, 1, 1)),
        ("explicit_asymmetric_k3_s2_5x6", (2, 5, 6, 2), 3, (3, 3), (2, 2), (0, 2, 3, 1)),
        ("explicit_asymmetric_k2x4_s1x3_4x9", (1, 4, 9, 3), 2, (2, 4), (1, 3), (1, 0, 0, 2)),
    ]
    for title, image, filters, kernel, stride, padding in table:
        name = f"conv2d_{title}"
        inputs = {
            "input": Filled(f"{name}.input", image),
            "weight": Filled(f"{name}.weight", [*kernel, image[3], filters]),
            "bias": Filled(f"{name}.bias", [filters]),
        }
        if padding == "same":
            pads = (*same_pads(image[1], kernel[0], stride[0]), *same_pads(image[2], kernel[1], stride[1]))
        else:
            pads = (0, 0, 0, 0) if padding == "valid" else padding
        top, bottom, left, right = pads

        def in_keras(input, weight, bias):
            mode = padding if isinstance(padding, str) else "valid"
            if mode != padding:
                input = tf.pad(input, [[0, 0], [top, bottom], [left, right], [0, 0]])
            return keras.ops.conv(input, weight, strides=stride, padding=mode, data_format="channels_last") + bias

        yield case(
            name, "conv2d",
            {
                "stride": list(stride),
                "padding": padding if isinstance(padding, str) else "explicit",
                "pads": {"top": top, "bottom": bottom, "left": left, "right": right},
            },
            inputs,
            lambda input, weight, bias: conv2d(input, weight, bias, stride, pads),
            in_keras,
        )


def conv_transpose2d_cases():
    # title, image, filters, kernel, stride, padding: "same", "valid" or PyTorch's (padding, output_padding)
    table = [
        ("same_k5_s1_4x5", (1, 4, 5, 3), 2, (5, 5), (1, 1), "same"),
        ("same_k5_s2_3x4", (1, 3, 4, 3), 2, (5, 5), (2, 2), "same"),
        ("same_k4_s2_4x3", (1, 4, 3, 2), 3, (4, 4), (2, 2), "same"),
        ("same_k3_s2_5x3", (2, 5, 3, 2), 2, (3, 3), (2, 2), "same"),
        ("same_k3_s1_5x4", (2, 5, 4, 3), 2, (3, 3), (1, 1), "same"),
        ("same_k2_s3_3x2", (1, 3, 2, 3), 2, (2, 2), (3, 3), "same"),
        ("same_k4x3_s2x1_3x5", (1, 3, 5, 2), 3, (4, 3), (2, 1), "same"),
        ("valid_k5_s1_3x2", (1, 3, 2, 3), 2, (5, 5), (1, 1), "valid"),
        ("valid_k4_s2_3x2", (1, 3, 2, 3), 2, (4, 4), (2, 2), "valid"),
        ("valid_k3_s2_2x4", (1, 2, 4, 3), 2, (3, 3), (2, 2), "valid"),
        ("torch_k4_s2_p1_3x4", (1, 3, 4, 3), 2, (4, 4), (2, 2), (1, 0)),
        ("torch_k3_s2_p1_op1_4x3", (1, 4, 3, 3), 3, (3, 3), (2, 2), (1, 1)),
        ("torch_k4_s1_p0_1x1", (2, 1, 1, 6), 3, (4, 4), (1, 1), (0, 0)),
    ]
    for title, image, filters, kernel, stride, padding in table:
        name = f"conv_transpose2d_{title}"
        inputs = {
            "input": Filled(f"{name}.input", image),
            "weight": Filled(f"{name}.weight", [*kernel, filters, image[3]]),
            "bias": Filled(f"{name}.bias", [filters]),
        }
        size = image[1:3]
        if isinstance(padding, str):
            excess = [max(kernel[i] - stride[i], 0) for i in range(2)]
            before = [excess[i] // 2 if padding == "same" else 0 for i in range(2)]
            out = [size[i] * stride[i] + (0 if padding == "same" else excess[i]) for i in range(2)]
            options = {"stride": list(stride), "padding": padding}

            def in_keras(input, weight, bias):
                y = keras.ops.conv_transpose(
                    input, weight, strides=stride, padding=padding, data_format="channels_last"
                )
                return y + bias
        else:
            p, extra = padding
            before = [p, p]
            out = [(size[i] - 1) * stride[i] - 2 * p + kernel[i] + extra for i in range(2)]
            options = {"stride": list(stride), "padding": "explicit", "torch_padding": p, "torch_output_padding": extra}
            in_keras = None

        entry = case(
            name, "conv_transpose2d",
            {**options, "crop": {"top": before[0], "left": before[1]}, "output_size": out},
            inputs,
            lambda input, weight, bias: conv_transpose2d(input, weight, bias, stride, before, out),
            in_keras,
        )
        if in_keras is None:
            x, w, b = (torch.tensor(inputs[key].array()) for key in ("input", "weight", "bias"))
            native = F.conv_transpose2d(
                nchw(x), w.permute(3, 2, 0, 1), b, stride=stride, padding=p, output_padding=extra
            )
            agree(name, nhwc(native), conv_transpose2d(x, w, b, stride, before, out), TOLERANCE)
        yield entry


def batch_norm(input, gamma, beta, eps):
    """Training: the batch's mean and biased variance over all axes but the last."""
    axes = tuple(range(input.dim() - 1))
    mean = input.mean(axes)
    variance = ((input - mean) ** 2).mean(axes)
    return gamma * (input - mean) / torch.sqrt(variance + eps) + beta


def running_after(batches, dialect, momentum):
    """Mean, Bessel-corrected variance and biased variance after each update, starting from (0, 1)."""
    keep = momentum if dialect == "keras" else 1.0 - momentum
    channels = batches[0].shape[-1]
    mean, unbiased, biased = np.zeros(channels), np.ones(channels), np.ones(channels)
    states = []
    for batch in batches:
        rows = batch.reshape(-1, channels)
        mean = keep * mean + (1.0 - keep) * rows.mean(0)
        biased = keep * biased + (1.0 - keep) * rows.var(0)
        unbiased = keep * unbiased + (1.0 - keep) * rows.var(0, ddof=1)
        states.append((mean, unbiased, biased))
    return states


def check_running_states(name, states, batches, dialect, eps, momentum):
    """PyTorch's own layer stores the unbiased variance, Keras 3's the biased one."""
    channels = batches[0].shape[-1]
    if dialect == "keras":
        layer = keras.layers.BatchNormalization(momentum=momentum, epsilon=eps, dtype="float64")
    else:
        mean, variance = torch.zeros(channels, dtype=torch.float64), torch.ones(channels, dtype=torch.float64)
    for batch, (want_mean, want_unbiased, want_biased) in zip(batches, states):
        if dialect == "keras":
            layer(tf.constant(batch), training=True)
            agree(f"{name} running mean", layer.moving_mean, want_mean, TOLERANCE)
            agree(f"{name} running variance", layer.moving_variance, want_biased, TOLERANCE)
        else:
            x = torch.tensor(batch)
            F.batch_norm(nchw(x) if x.dim() == 4 else x, mean, variance, training=True, momentum=momentum, eps=eps)
            agree(f"{name} running mean", mean, want_mean, TOLERANCE)
            agree(f"{name} running variance", variance, want_unbiased, TOLERANCE)


def batch_norm_training_cases():
    dialects = [("keras", 1e-3, 0.9), ("pytorch", 1e-5, 0.1)]
    shapes = [("2d", (6, 5)), ("4d", (3, 3, 2, 4))]
    table = [
        (f"batch_norm_training_{dialect}_{title}", dialect, eps, momentum,
         lambda name, key, shape=shape: Filled(f"{name}.{key}", shape, -1.0, 2.0), shape[-1])
        for dialect, eps, momentum in dialects
        for title, shape in shapes
    ]  # fmt: skip
    table.append(("batch_norm_training_keras_1234", "keras", 1e-3, 0.9,
                  lambda name, key: Literal([1.0, 2.0, 3.0, 4.0], [4, 1]), 1))  # fmt: skip
    for name, dialect, eps, momentum, make, channels in table:
        first, second = make(name, "input"), make(name, "input2")
        inputs = {
            "input": first,
            "gamma": Filled(f"{name}.gamma", [channels], 0.5, 1.5) if channels > 1 else Literal([1.0]),
            "beta": Filled(f"{name}.beta", [channels]) if channels > 1 else Literal([0.0]),
        }

        def in_keras(input, gamma, beta):
            # The layer normalises; the affine part is applied outside so that its gradient is ours to take.
            layer = keras.layers.BatchNormalization(epsilon=eps, center=False, scale=False, dtype="float64")
            return layer(tf.convert_to_tensor(input), training=True) * gamma + beta

        entry = case(
            name, "batch_norm", {"mode": "training", "dialect": dialect, "eps": eps, "momentum": momentum}, inputs,
            lambda input, gamma, beta: batch_norm(input, gamma, beta, eps), in_keras,
        )  # fmt: skip
        if name.endswith("1234"):  # published with the specification
            known = [-1.3411045, -0.4470348, 0.4470348, 1.3411045]
            assert np.abs(np.array(entry["outputs"]["output"]["values"]) - known).max() < 1e-7
        batches = [first.array(), second.array()]
        states = running_after(batches, dialect, momentum)
        check_running_states(name, states, batches, dialect, eps, momentum)
        entry["inputs"]["input2"] = second.json()
        for count, (mean, unbiased, biased) in enumerate(states, start=1):
            entry["outputs"][f"running_mean_after_{count}"] = record(mean, "")
            entry["outputs"][f"running_var_after_{count}"] = record(unbiased, "")
            entry["outputs"][f"running_var_biased_after_{count}"] = record(biased, "")
        yield entry


def batch_norm_inference_cases():
    for dialect, eps in [("keras", 1e-3), ("pytorch", 1e-5)]:
        for title, shape in [("2d", (4, 5)), ("4d", (2, 3, 2, 4))]:
            name = f"batch_norm_inference_{dialect}_{title}"
            channels = shape[-1]
            mean = Filled(f"{name}.running_mean", [channels])
            variance = Filled(f"{name}.running_var", [channels], 0.5, 2.0)
            inputs = {
                "input": Filled(f"{name}.input", shape, -1.0, 2.0),
                "gamma": Filled(f"{name}.gamma", [channels], 0.5, 1.5),
                "beta": Filled(f"{name}.beta", [channels]),
            }

            def in_torch(input, gamma, beta):
                m, v = torch.tensor(mean.array()), torch.tensor(variance.array())
                return gamma * (input - m) / torch.sqrt(v + eps) + beta

            def in_keras(input, gamma, beta):
                layer = keras.layers.BatchNormalization(epsilon=eps, center=False, scale=False, dtype="float64")
                layer.build(shape)
                layer.moving_mean.assign(mean.array())
                layer.moving_variance.assign(variance.array())
                return layer(tf.convert_to_tensor(input), training=False) * gamma + beta

            options = {"mode": "inference", "dialect": dialect, "eps": eps}
            entry = case(name, "batch_norm", options, inputs, in_torch, in_keras)
            entry["inputs"]["running_mean"] = mean.json()
            entry["inputs"]["running_var"] = variance.json()
            yield entry


def activation_cases():
    extremes = [-100.0, -20.0, -3.5, -1.0, -1e-3, 0.0, 1e-3, 0.75, 1.0, 3.5, 20.0, 100.0]
    table = [
        ("relu", {}, torch.relu, keras.ops.relu),
        ("sigmoid", {}, torch.sigmoid, keras.ops.sigmoid),
        ("tanh", {}, torch.tanh, keras.ops.tanh),
        ("softplus", {}, lambda x: F.softplus(x, threshold=1e9), keras.ops.softplus),
    ] + [
        ("leaky_relu", {"slope": slope},
         lambda x, slope=slope: F.leaky_relu(x, slope),
         lambda x, slope=slope: keras.ops.leaky_relu(x, negative_slope=slope))
        for slope in (0.3, 0.01, 0.2)
    ]  # fmt: skip
    for layer, options, in_torch, in_keras in table:
        title = layer + "".join(f"_{value}" for value in options.values())
        for suffix, make in [
            ("filled", lambda name: Filled(f"{name}.input", [3, 5, 2, 1], -3.0, 3.0)),
            ("extremes", lambda name: Literal(extremes, [2, 6])),
        ]:
            name = f"{title}_{suffix}"
            yield case(
                name, layer, options, {"input": make(name)},
                lambda input: in_torch(input), lambda input: in_keras(tf.convert_to_tensor(input)),
                1e-7 if options else TOLERANCE,  # TensorFlow keeps the slope of leaky relu in float32
            )  # fmt: skip


def upsampling_cases():
    for factor, image in [((2, 2), (2, 3, 2, 3)), ((2, 3), (1, 3, 5, 2)), ((1, 1), (1, 2, 3, 2))]:
        name = f"upsampling2d_nearest_{factor[0]}x{factor[1]}"
        yield case(
            name, "upsampling2d", {"factor": list(factor), "interpolation": "nearest"},
            {"input": Filled(f"{name}.input", image)},
            lambda input: input.repeat_interleave(factor[0], 1).repeat_interleave(factor[1], 2),
            lambda input: keras.layers.UpSampling2D(factor, dtype="float64")(tf.convert_to_tensor(input)),
        )  # fmt: skip


def max_pool_cases():
    """Filled numbers are all different, so nothing depends on which of two equals is chosen."""
    for size, image in [((2, 2), (2, 4, 6, 3)), ((3, 2), (1, 6, 4, 2)), ((1, 1), (1, 2, 3, 2))]:
        name = f"max_pool2d_{size[0]}x{size[1]}"
        yield case(
            name, "max_pool2d", {"factor": list(size)},
            {"input": Filled(f"{name}.input", image)},
            lambda input: nhwc(F.max_pool2d(nchw(input), size)),
            lambda input: keras.layers.MaxPooling2D(size, dtype="float64")(tf.convert_to_tensor(input)),
        )  # fmt: skip


def instance_norm(x, eps=1e-5):
    """NCHW. As ops, checked against PyTorch's own: that one's gradient is wrong (seen in 2.15) when what comes back to it has
    its channels innermost in memory, as it has here."""
    mean = x.mean((2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean((2, 3), keepdim=True)
    y = (x - mean) / torch.sqrt(variance + eps)
    agree("instance norm", y, F.instance_norm(x, eps=eps), TOLERANCE)
    return y


def instance_norm_cases():
    for image in [(1, 3, 4, 5), (3, 4, 2, 3), (2, 5, 5, 1)]:
        name = "instance_norm_{}x{}x{}x{}".format(*image)

        def in_keras(input):
            mean, variance = tf.nn.moments(input, [1, 2], keepdims=True)
            return (input - mean) / tf.sqrt(variance + 1e-5)

        yield case(
            name, "instance_norm", {"eps": 1e-5}, {"input": Filled(f"{name}.input", image, -1.0, 2.0)},
            lambda input: nhwc(instance_norm(nchw(input))), in_keras,
        )  # fmt: skip


def reflection_pad_cases():
    for pad, image in [(1, (2, 3, 4, 2)), (3, (1, 4, 5, 3))]:
        name = f"reflection_pad2d_{pad}"
        yield case(
            name, "reflection_pad2d", {"pad": pad}, {"input": Filled(f"{name}.input", image)},
            lambda input: nhwc(F.pad(nchw(input), (pad,) * 4, mode="reflect")),
            lambda input: tf.pad(input, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode="REFLECT"),
        )  # fmt: skip


def dropout_cases():
    """Training masks are ours alone; in inference dropout must be the identity."""
    name = "dropout_inference"
    yield case(
        name, "dropout", {"mode": "inference", "rate": 0.4}, {"input": Filled(f"{name}.input", [3, 7])},
        lambda input: F.dropout(input, 0.4, training=False),
        lambda input: keras.layers.Dropout(0.4, dtype="float64")(tf.convert_to_tensor(input), training=False),
    )  # fmt: skip


def cases():
    for group in (
        dense_cases, conv2d_cases, conv_transpose2d_cases, batch_norm_training_cases,
        batch_norm_inference_cases, activation_cases, upsampling_cases, max_pool_cases,
        instance_norm_cases, reflection_pad_cases, dropout_cases,
    ):  # fmt: skip
        yield from group()
