"""Checks `train export` against PyTorch and onnxruntime, for every system and preset.

    python tools/check_export.py target/debug/train [SYSTEM ...] [--originals]

It trains each preset for two steps on built-in data, exports the run, draws the samples again with
the exported files, and counts the bytes that differ from Backdraw's. The ONNX model is also checked
by `onnx.checker` in full and run with another batch size, and for translations with another image
size. Without --originals, presets that need hours or more memory than usual are left out.

Steps at 1024x1024 take minutes and up to 25 GiB. So the original presets of the growing systems
are not trained: the state before the first step is exported, gets random biases and noise
strengths instead of zeros, and is imported again. `train` wants 12 GiB of free memory for that.

It needs the packages numpy, torch, safetensors, onnx and onnxruntime.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import onnx
import onnxruntime
import safetensors
import safetensors.numpy

onnxruntime.set_default_logger_severity(3)  # inputs with defaults are meant

# Further runs: growing systems while blocks fade in, and at their full size; other settings.
MORE = [
    ("progan", "cpu", ["--set", "resume_kimg=28"], "fading in"),
    ("progan", "cpu", ["--set", "resume_kimg=200"], "full size"),
    ("stylegan", "cpu", ["--set", "resume_kimg=20"], "fading in"),
    ("stylegan", "cpu", ["--set", "resume_kimg=200"], "full size"),
    ("progan", "cpu64", ["--set", "resume_kimg=200"], "full size"),
    ("stylegan", "cpu64", ["--set", "resume_kimg=200"], "full size"),
    ("quickdraw", "cpu", ["--set", "ema=0.9"], "average"),
    ("cyclegan", "cpu", ["--set", "upsample=resize-conv"], "resize-conv"),
    ("progan", "original", ["--set", "resume_kimg=25000"], "full size"),
    ("stylegan", "original", ["--set", "resume_kimg=25000"], "full size"),
]
# Presets with images of 1024x1024, which are not trained.
HUGE = {(system, "original") for system in ("progan", "stylegan", "stylegan2")}
# Presets with large networks or many images per step.
LARGE = HUGE | {("cyclegan", "original")}


def presets(train):
    """All systems with their presets."""
    lines = subprocess.run([train, "systems"], capture_output=True, text=True, check=True).stdout.splitlines()
    system = None
    for line in lines:
        if line.startswith(" "):
            if line.strip().startswith("--preset "):
                yield system, line.split()[1], [], ""
        elif line.strip():
            system = line.split()[0]


def run(*command):
    """The outcome of a command; an error has its output."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def differences(drawn, samples):
    """How many bytes differ, of how many, and by how much at most; for points, the distance."""
    if samples.dtype != numpy.uint8:
        return f"largest difference {numpy.abs(drawn - samples).max():.1e}", numpy.abs(drawn - samples).max() < 1e-4
    drawn = (drawn * 255).round().clip(0, 255)
    drawn = drawn.transpose(0, 2, 3, 1).reshape(samples.shape)
    apart = numpy.abs(drawn - samples)
    return f"{numpy.count_nonzero(apart)} of {apart.size} bytes, at most {apart.max():.0f}", apart.max() <= 1


def check_onnx(folder):
    """The models of a folder: in full, with other batch sizes, and with other image sizes."""
    results = []
    for path in sorted(folder.glob("*.onnx")):
        onnx.checker.check_model(onnx.load(path), full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        suffix = path.stem.removeprefix("generator")
        name = session.get_inputs()[0].name
        inputs = numpy.load(folder / f"{'inputs' if name == 'input' else 'latents'}{suffix}.npy")
        if name == "input":
            inputs = inputs.transpose(0, 3, 1, 2).astype("float32") / 255
        (drawn,) = session.run(None, {name: inputs})
        # Large images have only one sample.
        others = inputs[:1] if len(inputs) > 1 else inputs.repeat(2, axis=0)
        (again,) = session.run(None, {name: others})
        same = len(again) == len(others) and numpy.abs(again - drawn[:1]).max() < 1e-3
        if name == "input":
            height, width = inputs.shape[2], inputs.shape[3]
            (other,) = session.run(None, {name: numpy.zeros((1, 3, height + 16, width + 32), "float32")})
            same = same and other.shape == (1, 3, height + 16, width + 32)
        text, fine = differences(drawn, numpy.load(folder / f"samples{suffix}.npy"))
        results.append((text, fine and same))
    return results


def check_noise(folder):
    """A model whose noise is an input: the default gives the samples, other noise other images."""
    session = onnxruntime.InferenceSession(folder / "generator.onnx", providers=["CPUExecutionProvider"])
    latents = numpy.load(folder / "latents.npy")
    (drawn,) = session.run(None, {"latents": latents})
    text, fine = differences(drawn, numpy.load(folder / "samples.npy"))
    maps = session.get_overridable_initializers() or session.get_inputs()[1:]
    draw = numpy.random.default_rng(1).standard_normal
    noise = {one.name: draw((len(latents), 1, *one.shape[2:])).astype("float32") for one in maps}
    (other,) = session.run(None, {"latents": latents, **noise})
    return text, fine and len(noise) > 0 and other.shape == drawn.shape


def trained(train, folder, *command):
    """Trains two steps; some systems have no batch."""
    for batch in [["--batch", 4], []]:
        code, output = run(train, *command, "--steps", 2, *batch, "--out", folder)
        if code != 2 or "--batch" not in output:
            break
    return code, output


def changed(train, folder, *command):
    """A run with the weights before the first step, and random numbers for those that are all 0."""
    start = folder.with_name("start")
    command = [train, *command, "--steps", 1, "--batch", 1, "--set", "probe_every=0", "--out", start]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output)
        while process.poll() is None and not (start / "checkpoints/step-000000.safetensors").exists():
            time.sleep(0.1)
        process.kill()
        if process.wait() not in (0, -9):
            output.seek(0)
            return process.returncode, output.read()
    code, output = run(train, "export", start, "--format", "pytorch", "--out", folder.with_name("exported"))
    if code != 0:
        return code, output
    with safetensors.safe_open(folder.with_name("exported") / "generator.safetensors", "numpy") as file:
        metadata, weights = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    draw = numpy.random.default_rng(1).standard_normal
    for name, weight in weights.items():
        if not weight.any():
            weights[name] = 0.1 * draw(weight.shape).astype("float32")
    safetensors.numpy.save_file(weights, folder.with_name("changed.safetensors"), metadata)
    return run(train, "import", folder.with_name("changed.safetensors"), "--out", folder)


def check(train, place, system, preset, settings, about):
    """Exports and checks one preset. Returns the cells of its row, and whether all is fine."""
    folder = place / f"{system}-{preset}-{about}".replace(" ", "-")
    make = changed if (system, preset) in HUGE else trained
    code, output = make(train, folder, system, "--preset", preset, "--data", "built-in", *settings)
    if code != 0:
        return [f"not trained: {' '.join(output.split('error: ')[-1].split())}", ""], False
    cells, fine = [], True
    for form in ["pytorch", "onnx", "hub", "npz"]:
        code, output = run(train, "export", folder, "--format", form)
        if code != 0:
            return [*cells, f"{form}: {output.strip()}"], False
        code, output = run(train, "export", folder, "--format", form, "--out", folder / "again")
        again = {path.name: path.read_bytes() for path in (folder / "again").iterdir()}
        first = {path.name: path.read_bytes() for path in (folder / f"export-{form}").iterdir()}
        fine = fine and again == first
        subprocess.run(["rm", "-r", folder / "again"], check=True)
    for form in ["pytorch", "hub"]:
        texts = []
        for path in sorted((folder / f"export-{form}").glob("generator*.py")):
            code, output = run(sys.executable, path)
            texts.append(output.strip().splitlines()[-1])
            apart = float(texts[-1].rsplit(" ", 1)[1])
            fine = fine and code == 0 and apart <= 1
        if form == "pytorch":
            cells.append("; ".join(texts))
    results = check_onnx(folder / "export-onnx")
    if "stylegan" in system:
        run(train, "export", folder, "--format", "onnx", "--noise", "input", "--out", folder / "noise")
        results.append(check_noise(folder / "noise"))
    cells.append("; ".join(text for text, _ in results))
    weights = numpy.load(folder / "export-npz" / "weights.npz")
    fine = fine and all(numpy.isfinite(weights[name]).all() for name in weights)
    return cells, fine and all(fine for _, fine in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", help="the program")
    parser.add_argument("systems", nargs="*", help="the systems to check; by default all")
    parser.add_argument("--originals", action="store_true", help="also presets with large networks")
    options = parser.parse_args()
    train = str(Path(options.train).absolute())
    all_fine = True
    print("| system | preset | PyTorch | ONNX |\n|---|---|---|---|", flush=True)
    for system, preset, settings, about in [*presets(train), *MORE]:
        if options.systems and system not in options.systems:
            continue
        if (system, preset) in LARGE and not options.originals:
            continue
        with tempfile.TemporaryDirectory() as place:
            cells, fine = check(train, Path(place), system, preset, settings, about)
        name = f"{preset}, {about}" if about else preset
        print(f"| {system} | {name} | {' | '.join(cells)} |{'' if fine else ' WRONG'}", flush=True)
        all_fine = all_fine and fine
    sys.exit(0 if all_fine else 1)


if __name__ == "__main__":
    main()
