#!/usr/bin/env python3
"""Compares training steps in Backdraw, PyTorch, Keras and burn: their times, with ranges, and the peak memory.

Every system has the same step in PyTorch (tools/compare/): the same layers, the same optimiser, the same order. PyTorch
runs eagerly in channels_last, once in float32 and once with bf16 autocast. Keras (compiled graphs) and burn (a framework
in Rust) have quickdraw's step only. Backdraw is the release build of `train`; its times are the `seconds` column of
metrics.csv. Each contender runs in a process of its own, on the same number of threads. The contenders take turns for
some rounds, so that a machine that slows down does so for all.

Before a step is timed, it is checked: PyTorch loads Backdraw's weights, all parameters by name, repeats its random
numbers, and must get the same losses in two steps (dropout and style mixing are off for that). `--check` does only this.

It prints the median, shortest and longest step, the peak resident memory, and the time from the start of the process to
the end of the first step. The samples are timed too: `train sample` as a whole command, PyTorch's generator in a loop.

It needs numpy and torch (see tools/README.md), Keras also tensorflow and keras, and Linux or macOS. burn takes part only
on request: cargo then downloads it and builds it for minutes. Run it on an idle machine:

    tools/compare_step.py                                       quickdraw: batch 128
    tools/compare_step.py --all --json all.json                 all systems: about half an hour
    tools/compare_step.py --all --quick --json quick.json       the same with fewer steps: about twelve minutes
    tools/compare_step.py --all --quick --isa avx2 --json avx2.json    both sides held to AVX2
    tools/compare_step.py --system cifar --system dcgan --only ours,torch
    tools/compare_step.py --system quickdraw --only ours,burn --steps 3 --warm-up 1
    tools/compare_step.py --all --check                         only the checks
    tools/compare_step.py --from all.json                       the Markdown table of a saved comparison
"""

import argparse
import json
import pathlib
import platform
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from compare import contenders as running  # noqa: E402
from compare import report  # noqa: E402
from compare.check import check  # noqa: E402
from compare.systems import CASES, NAMES  # noqa: E402

USUAL = ["ours", "ours-bf16", "torch", "torch-bf16"]
SAMPLED = "quickdraw"


def arguments():
    parser = argparse.ArgumentParser(description="Compares training steps in Backdraw, PyTorch, Keras and burn.")
    parser.add_argument("--system", choices=CASES, action="append", help="whose step (default quickdraw); may be repeated")
    parser.add_argument("--all", action="store_true", help="all systems, and the samples of quickdraw")
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument("--steps", type=int, help="timed steps of a round (default: as many as suit the system)")
    parser.add_argument("--warm-up", type=int, help="steps before the timing, at least 1")
    parser.add_argument("--rounds", type=int, default=2, help="how often the contenders take turns (default 2)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each contender (default 2)")
    parser.add_argument("--isa", choices=["all", "avx2"], default="all", help="the instruction sets that all may use")
    parser.add_argument("--only", help=f"comma-separated: {', '.join(NAMES)} (default {', '.join(USUAL)}; with AVX2 no bf16)")
    parser.add_argument("--samples", type=int, default=20_000, help="samples to time (default 20000; 0 for none)")
    parser.add_argument("--check", action="store_true", help="check the contenders, and time nothing")
    parser.add_argument("--no-check", action="store_true", help="time contenders that were checked before")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="save all results, after each system")
    parser.add_argument("--from", dest="saved", type=pathlib.Path, metavar="FILE", help="print the Markdown table of such a file")
    parser.add_argument("--ours", metavar="PROGRAM", help="a `train` to use instead of building one")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.keys = list(CASES) if options.all else options.system or ["quickdraw"]
    usual = ["ours", "torch"] if options.isa == "avx2" else USUAL
    options.contenders = options.only.split(",") if options.only else usual
    unknown = set(options.contenders) - set(NAMES)
    if unknown:
        parser.error(f"--only takes {', '.join(NAMES)}, not {', '.join(sorted(unknown))}")
    if min(1 if x is None else x for x in (options.warm_up, options.steps, options.rounds)) < 1:
        parser.error("--warm-up, --steps and --rounds must be at least 1")
    return options


def child():
    """The process of one contender: a task as JSON in, its result as JSON out."""
    task = json.loads(sys.stdin.read())
    if task["what"] == "time-keras":
        from compare.keras_quickdraw import time_steps

        result = time_steps(task)
    else:
        from compare.child import run

        result = run(task)
    print(json.dumps(result))


def in_turns(contenders, rounds, what, measure):
    """The results of each contender, after all rounds; what is skipped is left out."""
    results, left = {contender: [] for contender in contenders}, list(contenders)
    failed = {}
    for number in range(rounds):
        for contender in list(left):
            print(f"{what}, round {number + 1}: {NAMES[contender]} ...", file=sys.stderr)
            try:
                results[contender].append(measure(contender))
            except running.Skipped as why:
                print(f"SKIPPED {what}: {NAMES[contender]}: {why}", file=sys.stderr)
                left.remove(contender)
                del results[contender]
            except running.Failed as why:
                left.remove(contender)
                failed[contender] = {"error": str(why)}
    return {contender: failed.get(contender) or rounds for contender, rounds in results.items()}


def compare_steps(options, key, contenders):
    case = CASES[key]
    warm_up, steps = case.quick if options.quick else case.steps
    warm_up, steps = options.warm_up or warm_up, max(options.steps or steps, case.period)
    measure = lambda contender: running.time_steps(options, key, contender, warm_up, steps)  # noqa: E731
    results = in_turns(contenders, options.rounds, key, measure)
    return {name: rounds if "error" in rounds else report.merged(rounds, case.period) for name, rounds in results.items()}


def compare_samples(options, key, contenders):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        measure = lambda contender: running.time_samples(options, key, contender, options.samples, folder)  # noqa: E731
        results = in_turns([c for c in contenders if c not in ("keras", "burn")], options.rounds, f"samples of {key}", measure)
    return {name: rounds if "error" in rounds else report.merged(rounds) for name, rounds in results.items()}


def main():
    options = arguments()
    if options.child:
        return child()
    if options.saved:
        print(report.summary(json.loads(options.saved.read_text())))
        return 0
    options.ours = options.ours or running.build("train", running.ROOT)
    if "burn" in options.contenders:
        options.burn = running.build("burn_step", running.ROOT / "tools" / "burn_step")
    document = {
        "machine": f"{platform.machine()}, {platform.system()}", "began": time.strftime("%Y-%m-%d %H:%M"), "isa": options.isa,
        "threads": options.threads, "rounds": options.rounds, "count": options.samples, "steps": {}, "samples": {},
    }  # fmt: skip
    failed, began = False, time.time()
    for key in options.keys:
        contenders = [c for c in options.contenders if key.startswith("quickdraw") or c not in ("keras", "burn")]
        if not options.no_check:
            try:
                contenders = check(options, key, contenders)
            except running.Failed as why:
                print(f"FAILED  {key}: {why}", flush=True)
                failed = True
                continue
        if options.check:
            continue
        document["steps"][key] = compare_steps(options, key, contenders)
        print(report.text(key, document["steps"][key], options, CASES[key].batch, "step"), flush=True)
        if key == SAMPLED and options.samples > 0:
            document["samples"][key] = compare_samples(options, key, contenders)
            print(report.text(key, document["samples"][key], options, options.samples, "set of samples"), flush=True)
        failed |= any("error" in row for part in ("steps", "samples") for row in document[part].get(key, {}).values())
        if options.json:
            report.save(options.json, document)
    if not options.check and document["steps"]:
        print(f"\n{report.summary(document)}")
    print(f"\n{time.time() - began:.0f} seconds", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
