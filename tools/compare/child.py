"""What a contender's own process does: it checks a contender in PyTorch, times its step, or times its generator."""

import importlib
import json
import struct
import time

import numpy as np
import torch

from .draws import BackdrawDraws, TorchDraws
from .layers import load
from .systems import CASES
from .timing import timed


def build(case, draws, precision, **more):
    module, name = case.contender.split(".")
    network_class = getattr(importlib.import_module(f"compare.{module}"), name)
    return network_class(draws, precision, **{"batch": case.batch, **case.arguments, **more})


def version():
    return f"torch {torch.__version__.split('+')[0]}"


def time_steps(case, task):
    return {**timed(build(case, TorchDraws(*case.image), task["precision"]).step, task), "version": version()}


def time_samples(case, task):
    """Images to bytes, in batches, in a loop; the start of the process is not counted."""
    contender = build(case, TorchDraws(*case.image), task["precision"])
    generator, low, high = contender.generator.eval(), *case.image[2:]
    count, batch = task["count"], 256

    def some(count):
        with torch.inference_mode(), contender.cast():
            images = generator(contender.sample_latents(count)).float().permute(0, 2, 3, 1)
            return ((images - low) * (255.0 / (high - low))).round().clamp(0, 255).to(torch.uint8)

    some(batch)
    start = time.perf_counter()
    made = torch.cat([some(min(batch, count - first)) for first in range(0, count, batch)])
    seconds = time.perf_counter() - start
    assert len(made) == count
    return {"seconds": [seconds], "version": version()}


def check(case, task):
    """Loads a run's weights, runs the steps that the run made next, and returns the losses."""
    if task["precision"] == "f64":
        torch.set_default_dtype(torch.float64)
    tensors = read_safetensors(task["checkpoint"])
    size, channels, low, high = case.image
    image = np.load(task["image"]).reshape(size, size, channels) / 255.0 * (high - low) + low
    without = {"dropout": 0.0} if any("dropout" in word for word in case.fixed) else {}
    contender = build(case, BackdrawDraws(image, task["seed"], case.before), task["precision"], batch=task["batch"], **without)
    parameters = load(contender.networks, tensors)
    return {"parameters": parameters, "losses": [contender.step() for _ in range(task["steps"])]}


def read_safetensors(path):
    """The tensors of a file: 8 bytes with the length of a JSON header, which tells types, shapes and offsets; the data."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            first, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(data[first:end], np.float32).reshape(entry["shape"])
    return tensors


def run(task):
    torch.set_num_threads(task["threads"])
    return {"time": time_steps, "sample": time_samples, "check": check}[task["what"]](CASES[task["case"]], task)
