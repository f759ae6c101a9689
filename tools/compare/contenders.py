"""Runs the contenders, each in a process of its own. This module needs no PyTorch."""

import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from .systems import CASES

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "tools" / "compare_step.py"
SEED = 1


class Skipped(Exception):
    """This contender does not exist here, which is no failure."""


class Failed(Exception):
    """A contender's process failed, or a check did."""


def build(package, folder):
    """The path of a package's release build, made if need be in the workspace of this folder."""
    command = ["cargo", "build", "--release", "-p", package, "--message-format", "json"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    lines = map(json.loads, done.stdout.splitlines())
    return next(line["executable"] for line in lines if line.get("executable"))


def environment(threads, isa):
    """The variables that hold all contenders to so many threads, and to an instruction set."""
    number = str(threads)
    names = "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "RAYON_NUM_THREADS"
    more = {"CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore", **dict.fromkeys(names, number)}
    if isa == "avx2":
        more |= {"BACKDRAW_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    return {**os.environ, **more}


def watched(command, text="", first_step=None, **more):
    """Runs a command. Returns what it printed, its peak memory in MiB, and when `first_step()` first held."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, tempfile.TemporaryFile("w+") as given:
        given.write(text)
        given.seek(0)
        start, first = time.time(), None
        process = subprocess.Popen([str(word) for word in command], stdin=given, stdout=out, stderr=err, **more)
        while first_step and first is None and process.poll() is None:
            time.sleep(0.001)
            if first_step():
                first = time.time() - start
        if process.returncode is not None:  # it ended before its first step: an error, whose peak does not matter
            code, peak = process.returncode, 0.0
        else:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
            peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        seconds = time.time() - start
        printed = []
        for file in (out, err):
            file.seek(0)
            printed.append(file.read())
    if code != 0:
        lines = printed[1].strip().splitlines() or [f"exit code {code}"]
        # `train` begins with its error; Python ends with it.
        error = next((line for line in lines if line.startswith("error")), lines[-1])
        raise Failed("\n".join([*lines[-12:], error]))
    return printed[0], peak, first, seconds


def train(options, key, contender, run, steps, more=(), first_step=None, batch=None):
    """Trains a case's system into the folder `run`. Returns the rows of its metrics.csv, and what `watched` returns."""
    case = CASES[key]
    command = [options.ours, *case.command, *more, "--steps", steps, "--batch", batch or case.batch, "--threads", options.threads]
    command += ["--seed", SEED, "--sample-every", 10**6, "--out", run]
    if contender == "ours-bf16":
        command += ["--set", "precision=bf16"]
    try:
        _, peak, first, _ = watched(command, "", first_step, cwd=ROOT, env=environment(options.threads, options.isa))
    except Failed as failure:
        if contender == "ours-bf16" and "precision" in str(failure):
            raise Skipped("this build of `train` does not know precision=bf16") from None
        raise
    with open(run / "metrics.csv", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert len(rows) == steps, f"{len(rows)} rows in metrics.csv, expected {steps}"
    return rows, peak, first


def time_ours(options, key, contender, warm_up, steps):
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        metrics = run / "metrics.csv"

        def first_step():
            return metrics.exists() and metrics.read_bytes().count(b"\n") > 1

        rows, peak, first = train(options, key, contender, run, warm_up + steps, ("--data", "built-in"), first_step)
    seconds = [row["seconds"] for row in rows[warm_up:]]
    return {"seconds": seconds, "version": "this tree, release", "peak": peak, "first": first}


def run_torch(options, contender, precision="f32", **task):
    task |= {"precision": "bf16" if contender == "torch-bf16" else precision, "threads": options.threads}
    task["started"] = time.time()
    command = [sys.executable, SCRIPT, "--child"]
    out, peak, _, _ = watched(command, json.dumps(task), env=environment(options.threads, options.isa))
    return {**json.loads(out.strip().splitlines()[-1]), "peak": peak}


def time_burn(options, key, warm_up, steps):
    command = [options.burn, CASES[key].batch, steps, warm_up, time.time()]
    out, peak, _, _ = watched(command, env=environment(options.threads, options.isa))
    return {**json.loads(out.strip().splitlines()[-1]), "peak": peak}


def time_steps(options, key, contender, warm_up, steps):
    """The seconds of each timed step, the peak memory, and the time to the end of the first step."""
    if contender.startswith("ours"):
        return time_ours(options, key, contender, warm_up, steps)
    if contender == "burn":
        return time_burn(options, key, warm_up, steps)
    what = "time-keras" if contender == "keras" else "time"
    return run_torch(options, contender, what=what, case=key, warm_up=warm_up, steps=steps)


def time_samples(options, key, contender, count, folder):
    """The seconds that `count` samples take: ours as a whole command, PyTorch's in a loop without the program's start.

    The number of threads of `train sample` comes from the environment.
    """
    if not contender.startswith("ours"):
        return run_torch(options, contender, what="sample", case=key, count=count)
    run = folder / contender
    if not run.exists():
        train(options, key, contender, run, 1, ("--data", "built-in"))
    command = [options.ours, "sample", run, "--count", count, "--out", folder / "samples.npy"]
    _, peak, _, seconds = watched(command, cwd=ROOT, env=environment(options.threads, options.isa))
    return {"seconds": [seconds], "version": "this tree, release", "peak": peak}
