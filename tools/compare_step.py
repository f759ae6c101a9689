#!/usr/bin/env python3
"""Times one whole training step in PyTorch, in Keras on TensorFlow, in burn and here, side by side.

The step is quickdraw's: fakes by inference, a discriminator step on reals and fakes, a generator step through the frozen
discriminator; dropout on, RMSprop with elementwise clipping. `--system wgan-gp` times that of the WGAN-GP for digits instead, in PyTorch
and here: five turns of the critic with gradient penalty, then one of the generator, the authors' widths; `--system stylegan` that of the
small StyleGAN at 32x32, with R1. Each contender runs in a process of its own, on the same
number of threads; they take turns for some rounds, so that a machine that slows down does so for all. PyTorch runs
eagerly in channels_last; Keras runs compiled graphs (tf.function); burn, a framework in Rust, runs on its own backend for
CPUs; ours is the release build of `train`, read from the `seconds` column of its metrics.csv.

Told are the median, the shortest and the longest step of all rounds, the process's peak memory (resident), and the
seconds from the start of the process to the end of its first step. Building ours and burn's comes before all and is not
timed.

Needs numpy, torch, tensorflow and keras for the first two (see tools/README.md), and Linux or macOS. burn takes part
only if it is asked for: cargo then downloads it and builds it for minutes (tools/burn_step; nothing of ours depends on
it). Run it on an idle machine:

    tools/compare_step.py                          128 images, 2 threads, 2 rounds of 3 steps to warm up and 10 timed
    tools/compare_step.py --batch 128 --batch 32 --rounds 3
    tools/compare_step.py --batch 32 --only ours,torch
    tools/compare_step.py --only ours,burn --steps 3 --warm-up 1
    tools/compare_step.py --system wgan-gp --batch 64
    tools/compare_step.py --system stylegan --batch 16 --warm-up 6
"""

import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LATENT = 32
DROPOUT = 0.4
NAMES = {
    "ours": "Backdraw", "torch": "PyTorch eager, channels_last", "keras": "Keras, TensorFlow graph",
    "burn": "burn, Flex",
}  # fmt: skip


def timed(step, options):
    """Seconds of each step after the warm-up, and from the start of the process to the end of the first step."""
    step()
    first = time.time() - options.started
    for _ in range(options.warm_up - 1):
        step()
    seconds = []
    for _ in range(options.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "first": first}


def run_torch(options):
    import torch
    from torch import nn

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    def glorot(module):
        if hasattr(module, "weight") and module.weight.dim() > 1:
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    def block(inputs, filters, stride, pads):
        conv = nn.Conv2d(inputs, filters, 5, stride)
        return [nn.ZeroPad2d(pads), conv, nn.ReLU(), nn.Dropout(DROPOUT)]

    # TensorFlow's `same` for 28 -> 14 and 14 -> 7 pads one pixel before and two after.
    discriminator = nn.Sequential(
        *block(1, 64, 2, (1, 2, 1, 2)), *block(64, 128, 2, (1, 2, 1, 2)), *block(128, 256, 2, (2, 2, 2, 2)),
        *block(256, 512, 1, (2, 2, 2, 2)), nn.Flatten(), nn.Linear(8192, 1),
    )  # fmt: skip
    norm = {"eps": 1e-3, "momentum": 0.1}  # Keras momentum 0.9 keeps what PyTorch momentum 0.1 keeps
    generator = nn.Sequential(
        nn.Linear(LATENT, 3136), nn.BatchNorm1d(3136, **norm), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
        nn.Dropout(DROPOUT), nn.Upsample(scale_factor=2), nn.ConvTranspose2d(64, 32, 5, padding=2),
        nn.BatchNorm2d(32, **norm), nn.ReLU(), nn.Upsample(scale_factor=2), nn.ConvTranspose2d(32, 16, 5, padding=2),
        nn.BatchNorm2d(16, **norm), nn.ReLU(), nn.ConvTranspose2d(16, 8, 5, padding=2),
        nn.BatchNorm2d(8, **norm), nn.ReLU(), nn.Conv2d(8, 1, 5, padding=2), nn.Sigmoid(),
    )  # fmt: skip
    for network in (discriminator, generator):
        network.apply(glorot)
        network.to(memory_format=torch.channels_last)
    assert sum(p.numel() for p in discriminator.parameters()) == 4_311_553
    assert sum(p.numel() for p in generator.parameters()) == 177_329

    bce = nn.BCEWithLogitsLoss()
    d_optimizer = torch.optim.RMSprop(discriminator.parameters(), lr=8e-4, alpha=0.9, eps=1e-7)
    g_optimizer = torch.optim.RMSprop(generator.parameters(), lr=4e-4, alpha=0.9, eps=1e-7)
    images = torch.rand(1024, 1, 28, 28)
    batch = options.batch
    labels = torch.cat([torch.ones(batch, 1), torch.zeros(batch, 1)])

    def update(optimizer, network, loss):
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_value_(network.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    def step():
        reals = images[torch.randperm(len(images))[:batch]]
        generator.eval()
        with torch.no_grad():
            fakes = generator(torch.rand(batch, LATENT) * 2 - 1)
        both = torch.cat([reals, fakes]).contiguous(memory_format=torch.channels_last)
        update(d_optimizer, discriminator, bce(discriminator(both), labels))
        generator.train()
        discriminator.requires_grad_(False)  # frozen: no weight gradients are computed
        verdict = discriminator(generator(torch.rand(batch, LATENT) * 2 - 1))
        update(g_optimizer, generator, bce(verdict, labels[:batch]))
        discriminator.requires_grad_(True)

    return {**timed(step, options), "version": f"torch {torch.__version__.split('+')[0]}"}


def run_keras(options):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf
    from keras import layers

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    keras.utils.set_random_seed(0)

    def block(filters, stride):
        conv = layers.Conv2D(filters, 5, strides=stride, padding="same", activation="relu")
        return [conv, layers.Dropout(DROPOUT)]

    discriminator = keras.Sequential([
        layers.Input((28, 28, 1)), *block(64, 2), *block(128, 2), *block(256, 2), *block(512, 1),
        layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip

    def turn(filters):
        conv = layers.Conv2DTranspose(filters, 5, padding="same")
        return [conv, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

    generator = keras.Sequential([
        layers.Input((LATENT,)), layers.Dense(3136), layers.BatchNormalization(momentum=0.9), layers.ReLU(),
        layers.Reshape((7, 7, 64)), layers.Dropout(DROPOUT), layers.UpSampling2D(), *turn(32), layers.UpSampling2D(),
        *turn(16), *turn(8), layers.Conv2D(1, 5, padding="same", activation="sigmoid"),
    ])  # fmt: skip
    assert discriminator.count_params() == 4_311_553 and generator.count_params() == 183_713

    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    make = lambda lr: keras.optimizers.RMSprop(lr, rho=0.9, epsilon=1e-7, clipvalue=1.0)  # noqa: E731
    d_optimizer, g_optimizer = make(8e-4), make(4e-4)
    d_optimizer.build(discriminator.trainable_variables)
    g_optimizer.build(generator.trainable_variables)
    images = tf.random.uniform((1024, 28, 28, 1))
    batch = options.batch
    labels = tf.concat([tf.ones((batch, 1)), tf.zeros((batch, 1))], 0)

    def update(optimizer, network, tape, loss):
        weights = [variable.value for variable in network.trainable_variables]
        optimizer.apply(tape.gradient(loss, weights), network.trainable_variables)

    def latents():
        return tf.random.uniform((batch, LATENT), -1.0, 1.0)

    @tf.function
    def whole_step():
        reals = tf.gather(images, tf.random.shuffle(tf.range(len(images)))[:batch])
        fakes = generator(latents(), training=False)
        with tf.GradientTape() as tape:
            d_loss = bce(labels, discriminator(tf.concat([reals, fakes], 0), training=True))
        update(d_optimizer, discriminator, tape, d_loss)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in generator.trainable_variables])
            g_loss = bce(labels[:batch], discriminator(generator(latents(), training=True), training=True))
        update(g_optimizer, generator, tape, g_loss)
        return d_loss, g_loss

    def step():
        for loss in whole_step():
            float(loss)

    return {**timed(step, options), "version": f"keras {keras.__version__}, tensorflow {tf.__version__}"}


def run_torch_wgan(options):
    import torch
    from torch import nn

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    width, latent, batch = 64, 128, options.batch

    def halving(inputs, filters, pads):
        return [nn.ZeroPad2d(pads), nn.Conv2d(inputs, filters, 5, 2), nn.LeakyReLU(0.2)]

    critic = nn.Sequential(
        *halving(1, width, (1, 2, 1, 2)), *halving(width, 2 * width, (1, 2, 1, 2)),
        *halving(2 * width, 4 * width, (2, 2, 2, 2)), nn.Flatten(), nn.Linear(64 * width, 1),
    )  # fmt: skip
    doubling = {"kernel_size": 5, "stride": 2, "padding": 2, "output_padding": 1}
    generator = nn.Sequential(
        nn.Linear(latent, 64 * width), nn.ReLU(), nn.Unflatten(1, (4 * width, 4, 4)),
        nn.ConvTranspose2d(4 * width, 2 * width, 5, 2, 2), nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, **doubling), nn.ReLU(),
        nn.ConvTranspose2d(width, 1, **doubling), nn.Sigmoid(),
    )  # fmt: skip
    for network in (critic, generator):
        network.to(memory_format=torch.channels_last)
    assert sum(p.numel() for p in critic.parameters()) == 1_030_145
    assert sum(p.numel() for p in generator.parameters()) == 1_554_177
    adam = {"lr": 1e-4, "betas": (0.5, 0.9)}
    c_optimizer, g_optimizer = (torch.optim.Adam(n.parameters(), **adam) for n in (critic, generator))
    images = torch.rand(1024, 1, 28, 28)

    def update(optimizer, loss):
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    def step():
        for _ in range(5):
            reals = images[torch.randperm(len(images))[:batch]]
            with torch.no_grad():
                fakes = generator(torch.randn(batch, latent))
            points = (reals + torch.rand(batch, 1, 1, 1) * (fakes - reals)).requires_grad_(True)
            (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
            lengths = (gradient.square().sum(dim=(1, 2, 3)) + 1e-12).sqrt()
            penalty = 10.0 * (lengths - 1.0).square().mean()
            update(c_optimizer, critic(fakes).mean() - critic(reals).mean() + penalty)
        critic.requires_grad_(False)
        update(g_optimizer, -critic(generator(torch.randn(batch, latent))).mean())
        critic.requires_grad_(True)

    return {**timed(step, options), "version": f"torch {torch.__version__.split('+')[0]}"}


def run_torch_style(options):
    """StyleGAN's `cpu` networks, fully grown: a discriminator turn with R1, the average, a generator turn with styles mixed."""
    import copy
    import math

    import torch
    import torch.nn.functional as F
    from torch import nn

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    width, maps, batch = 64, (64, 64, 64, 32), options.batch
    taps = torch.tensor([1.0, 2.0, 1.0])
    kernel = (torch.outer(taps, taps) / 16.0).reshape(1, 1, 3, 3)

    def blur(x):
        return F.conv2d(x, kernel.expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])

    class Equalised(nn.Module):
        """A dense layer, or a convolution with a square kernel."""

        def __init__(self, inputs, outputs, size=0, gain=math.sqrt(2.0), slow=1.0, bias=True):
            super().__init__()
            taps = (size, size) if size else ()
            self.weight = nn.Parameter(torch.randn(outputs, inputs, *taps) / slow)
            self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
            self.scale, self.slow = gain / math.sqrt(inputs * max(size, 1) ** 2) * slow, slow

        def forward(self, x):
            bias = None if self.bias is None else self.bias * self.slow
            if self.weight.dim() == 2:
                return F.linear(x, self.weight * self.scale, bias)
            return F.conv2d(x, self.weight * self.scale, bias, padding=self.weight.shape[-1] // 2)

    class Epilogue(nn.Module):
        def __init__(self, features):
            super().__init__()
            self.noise, self.bias = (nn.Parameter(torch.zeros(1, features, 1, 1)) for _ in range(2))
            self.style = Equalised(width, 2 * features, gain=1.0)

        def forward(self, x, w):
            noise = torch.randn(len(x), 1, *x.shape[2:])
            x = F.instance_norm(F.leaky_relu(x + self.noise * noise + self.bias, 0.2), eps=1e-8)
            scale, shift = self.style(w)[:, :, None, None].chunk(2, dim=1)
            return x * (scale + 1.0) + shift

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.mapping = nn.Sequential(*[layer for _ in range(8) for layer in (Equalised(width, width, slow=0.01), nn.LeakyReLU(0.2))])
            self.constant = nn.Parameter(torch.ones(1, maps[0], 4, 4))
            before = (maps[0], *maps[:-1])
            self.first = nn.ModuleList(Equalised(b, f, 3, bias=False) for b, f in list(zip(before, maps, strict=True))[1:])
            self.second = nn.ModuleList(Equalised(f, f, 3, bias=False) for f in maps)
            self.epilogues = nn.ModuleList(Epilogue(f) for f in maps for _ in range(2))
            self.rgb = Equalised(maps[-1], 3, 1, gain=1.0)
            self.register_buffer("mean", torch.zeros(width))

        def styles(self, z):
            return self.mapping(z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt())

        def forward(self, z):
            w = self.styles(z)
            if self.training:
                self.mean.lerp_(w.detach().mean(dim=0), 0.005)
            others, cut = self.styles(torch.randn_like(z)), 8
            if torch.rand(()) < 0.9:
                cut = int(torch.randint(1, 8, ()))
            x = self.constant.expand(len(z), -1, -1, -1)
            for level, second in enumerate(self.second):
                if level > 0:
                    x = blur(self.first[level - 1](F.interpolate(x, scale_factor=2)))
                for part in range(2):
                    x = self.epilogues[2 * level + part](x if part == 0 else second(x), w if 2 * level + part < cut else others)
            return self.rgb(x)

    class Discriminator(nn.Module):
        def __init__(self):
            super().__init__()
            self.rgb = Equalised(3, maps[-1], 1)
            self.first = nn.ModuleList(Equalised(f, f, 3) for f in maps[:0:-1])
            self.second = nn.ModuleList(Equalised(f, b, 3) for f, b in list(zip(maps[1:], maps[:-1], strict=True))[::-1])
            self.last, self.dense1, self.dense2 = Equalised(65, 64, 3), Equalised(1024, 64), Equalised(64, 1, gain=1.0)

        def forward(self, x):
            x = F.leaky_relu(self.rgb(x), 0.2)
            for first, second in zip(self.first, self.second, strict=True):
                x = F.avg_pool2d(F.leaky_relu(second(blur(F.leaky_relu(first(x), 0.2))), 0.2), 2)
            n, c, h, w = x.shape
            groups = x.reshape(4, n // 4, c, h, w)
            deviation = ((groups - groups.mean(dim=0)).square().mean(dim=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
            x = torch.cat([x, deviation.repeat(4).reshape(n, 1, 1, 1).expand(n, 1, h, w)], dim=1)
            x = F.leaky_relu(self.dense1(F.leaky_relu(self.last(x), 0.2).flatten(1)), 0.2)
            return self.dense2(x)

    generator, discriminator = Generator(), Discriminator()
    average = copy.deepcopy(generator).requires_grad_(False)
    for network in (generator, discriminator):
        network.to(memory_format=torch.channels_last)
    unused = 3 * (3 * 64 + 3)  # the ways out of, and into, the smaller resolutions
    assert sum(p.numel() for p in generator.parameters()) == 306_092 - unused
    assert sum(p.numel() for p in discriminator.parameters()) == 279_521 - 3 * 256
    adam = {"lr": 5e-3, "betas": (0.0, 0.99)}
    d_optimizer, g_optimizer = (torch.optim.Adam(n.parameters(), **adam) for n in (discriminator, generator))
    images = torch.rand(1024, 3, 32, 32) * 2.0 - 1.0

    def update(optimizer, loss):
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    def step():
        reals = images[torch.randperm(len(images))[:batch]].requires_grad_(True)
        with torch.no_grad():
            fakes = generator(torch.randn(batch, width))
        verdict = discriminator(reals)
        (gradient,) = torch.autograd.grad(verdict.sum(), reals, create_graph=True)
        penalty = 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean()
        update(d_optimizer, F.softplus(discriminator(fakes)).mean() + F.softplus(-verdict).mean() + penalty)
        with torch.no_grad():
            for own, other in zip(average.parameters(), generator.parameters(), strict=True):
                own.lerp_(other, 0.0011)
        discriminator.requires_grad_(False)
        update(g_optimizer, F.softplus(-discriminator(generator(torch.randn(batch, width)))).mean())
        discriminator.requires_grad_(True)

    return {**timed(step, options), "version": f"torch {torch.__version__.split('+')[0]}"}


FRAMEWORKS = {
    "quickdraw": {"torch": run_torch, "keras": run_keras},
    "wgan-gp": {"torch": run_torch_wgan},
    "stylegan": {"torch": run_torch_style},
}
# What ours is told beside the numbers of the comparison. StyleGAN is fully grown after its first four steps.
OURS = {
    "quickdraw": ["--preset", "seed"],
    "wgan-gp": ["--preset", "seed"],
    "stylegan": ["--preset", "cpu", "--set", "stable_kimg=0", "--set", "fade_kimg=0.001"],
}


def build(package, folder):
    """The path of a package's release build, made if need be in the workspace of this folder."""
    command = ["cargo", "build", "--release", "-p", package, "--message-format", "json"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    lines = map(json.loads, done.stdout.splitlines())
    return next(line["executable"] for line in lines if line.get("executable"))


def watched(command, first_step=None, **more):
    """Runs a command. Returns its exit code, what it printed, its peak memory in MiB, and when `first_step()` first held."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start, first = time.time(), None
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err, **more)
        while first_step and first is None and process.poll() is None:
            time.sleep(0.002)
            if first_step():
                first = time.time() - start
        if process.returncode is not None:  # it ended before its first step: an error, whose peak does not matter
            code, peak = process.returncode, 0.0
        else:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
            peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        printed = []
        for file in (out, err):
            file.seek(0)
            printed.append(file.read())
    return code, *printed, peak, first


def last_line(text, code):
    return (text.strip().splitlines() or [f"exit code {code}"])[-1]


def run_ours(options, batch):
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        metrics = run / "metrics.csv"
        total = options.warm_up + options.steps

        def first_step():
            return metrics.exists() and metrics.read_bytes().count(b"\n") > 1

        command = [options.ours, options.system, *OURS[options.system], "--data", "built-in", "--steps", total, "--batch", batch,
                   "--threads", options.threads, "--out", run]  # fmt: skip
        code, _, err, peak, first = watched(command, first_step, cwd=ROOT)
        if code != 0:
            return {"error": last_line(err, code)}
        with open(metrics, newline="") as file:
            seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert len(seconds) == total, f"{len(seconds)} rows in metrics.csv, expected {total}"
    return {"seconds": seconds[options.warm_up :], "version": "this tree, release", "peak": peak, "first": first}


def run_framework(contender, options, batch):
    threads = str(options.threads)
    environment = {
        **os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "TF_NUM_INTRAOP_THREADS": threads,
        "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore", "RAYON_NUM_THREADS": threads,
    }  # fmt: skip
    if contender == "burn":
        command = [options.burn, batch, options.steps, options.warm_up, time.time()]
    else:
        command = [sys.executable, __file__, "--system", options.system, "--contender", contender, "--batch", batch, "--steps", options.steps,
                   "--warm-up", options.warm_up, "--threads", threads, "--started", time.time()]  # fmt: skip
    code, out, err, peak, _ = watched(command, env=environment)
    if code != 0:
        return {"error": last_line(err, code)}
    return {**json.loads(last_line(out, code)), "peak": peak}


def merged(rounds):
    """What all rounds of a contender say together."""
    for result in rounds:
        if "error" in result:
            return result
    return {
        "seconds": [seconds for result in rounds for seconds in result["seconds"]],
        "first": statistics.median(result["first"] for result in rounds),
        "peak": max(result["peak"] for result in rounds),
        "version": rounds[0]["version"],
    }


def table(results, batch, options):
    count = f"{options.rounds} x {options.steps} steps"
    print(f"\nOne {options.system} step, batch {batch}, {options.threads} threads, {count}\n")
    columns = f"{'median':>9} {'min':>8} {'max':>8} {'images/s':>9} {'time/ours':>10} {'peak MiB':>9} {'first step':>11}"
    print(f"{'':29} {columns}   version")
    ours = statistics.median(results["ours"]["seconds"]) if "seconds" in results.get("ours", {}) else None
    for contender, result in results.items():
        if "error" in result:
            print(f"{NAMES[contender]:29} not measured: {result['error']}")
            continue
        seconds = result["seconds"]
        median = statistics.median(seconds)
        ratio = f"{median / ours:9.2f}x" if ours else f"{'-':>10}"
        print(
            f"{NAMES[contender]:29} {median:8.4f}s {min(seconds):8.4f} {max(seconds):8.4f} {batch / median:9.1f} {ratio}"
            f" {result['peak']:9.0f} {result['first']:10.2f}s   {result['version']}"
        )


def main():
    parser = argparse.ArgumentParser(description="Times one training step against PyTorch, Keras, burn.")
    parser.add_argument("--system", choices=FRAMEWORKS, default="quickdraw", help="whose step (default quickdraw)")
    parser.add_argument("--batch", type=int, action="append", help="images in a batch (default 128); may be repeated")
    parser.add_argument("--steps", type=int, default=10, help="timed steps of a round (default 10)")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the timing, at least 1 (default 3)")
    parser.add_argument("--rounds", type=int, default=2, help="how often the contenders take turns (default 2)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", help="comma-separated: ours, torch, keras, burn (the last two for quickdraw; default all but burn)")
    parser.add_argument("--contender", choices=["torch", "keras"], help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    batches = options.batch or [128]
    if options.warm_up < 1 or options.steps < 1 or options.rounds < 1:
        parser.error("--warm-up, --steps and --rounds must be at least 1")
    if options.contender:
        options.batch = batches[0]
        print(json.dumps(FRAMEWORKS[options.system][options.contender](options)))
        return 0
    known = ["ours", *FRAMEWORKS[options.system]]
    chosen = options.only.split(",") if options.only else known
    known += ["burn"] if options.system == "quickdraw" else []
    if set(chosen) - set(known):
        parser.error(f"--only takes {', '.join(known)} for {options.system}")
    if "ours" in chosen:
        options.ours = build("train", ROOT)
    if "burn" in chosen:
        options.burn = build("burn_step", ROOT / "tools" / "burn_step")
    failed = False
    for batch in batches:
        rounds = {contender: [] for contender in chosen}
        for number in range(options.rounds):
            for contender in chosen:
                print(f"batch {batch}, round {number + 1}: {NAMES[contender]} ...", file=sys.stderr)
                one = run_ours(options, batch) if contender == "ours" else run_framework(contender, options, batch)
                rounds[contender].append(one)
        results = {contender: merged(rounds[contender]) for contender in chosen}
        table(results, batch, options)
        failed |= any("error" in result for result in results.values())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
