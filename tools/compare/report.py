"""The tables of a comparison: as text, as JSON, and in Markdown from JSON. This module needs no PyTorch."""

import json
import statistics

from .systems import CASES, NAMES


def merged(rounds, period=1):
    """What all rounds of a contender say together; `period` consecutive steps make one sample, their mean."""
    samples = []
    for result in rounds:
        seconds = result["seconds"]
        samples += [statistics.fmean(seconds[at : at + period]) for at in range(0, len(seconds) - period + 1, period)]
    found = {"seconds": samples, "peak": max(result["peak"] for result in rounds), "version": rounds[0]["version"]}
    if "first" in rounds[0]:
        found["first"] = statistics.median(result["first"] for result in rounds)
    return found


def median(result):
    return statistics.median(result["seconds"]) if result and "seconds" in result else None


def text(key, results, options, amount, unit):
    """The table of one case. `amount` is the number of images in a step, or of samples."""
    case = CASES[key]
    periods = f", means of {case.period} steps" if case.period > 1 and unit == "step" else ""
    lines = [f"\n{case.title}: one {unit}, {options.threads} threads{'' if options.isa == 'all' else ', AVX2'}{periods}\n"]
    columns = f"{'median':>9} {'min':>8} {'max':>8} {'samples':>7} {'images/s':>9} {'time/ours':>10} {'peak MiB':>9} {'first step':>11}"
    lines.append(f"{'':29} {columns}   version")
    ours = median(results.get("ours"))
    for contender, result in results.items():
        if "error" in result:
            lines.append(f"{NAMES[contender]:29} not measured: {result['error'].splitlines()[-1]}")
            continue
        seconds, middle = result["seconds"], median(result)
        ratio = f"{middle / ours:9.2f}x" if ours else f"{'-':>10}"
        first = f"{result['first']:10.2f}s" if "first" in result else f"{'-':>11}"
        lines.append(
            f"{NAMES[contender]:29} {middle:8.4f}s {min(seconds):8.4f} {max(seconds):8.4f} {len(seconds):7} {amount / middle:9.1f} {ratio}"
            f" {result['peak']:9.0f} {first}   {result['version']}"
        )
    return "\n".join(lines)


def save(path, document):
    path.write_text(json.dumps(document, indent=1) + "\n")


def summary(document):
    """Markdown: a row per step, with the ranges and both ratios; then the rows of samples."""
    results, samples = document["steps"], document.get("samples", {})
    contenders = ["ours", "ours-bf16", "torch", "torch-bf16"]
    shown = [name for name in contenders if any(median(row.get(name)) for row in [*results.values(), *samples.values()])]
    heads = [NAMES[name].replace(" eager, channels_last", "").replace(" autocast", "") for name in shown]
    ratios = ["PyTorch / Backdraw"] + (["PyTorch, bf16 / the faster Backdraw"] if "torch-bf16" in shown else [])
    lines = [f"| one training step | {' | '.join([*heads, *ratios])} |", "|---" * (1 + len(heads) + len(ratios)) + "|"]
    for key, row in results.items():
        cells = [CASES[key].title, *(seconds(row.get(name)) for name in shown), *ratio_cells(row, ratios)]
        lines.append(f"| {' | '.join(cells)} |")
    for key, row in samples.items():
        count = document["count"]
        cells = [f"{CASES[key].title.split(',')[0]}: {count:,} samples, images/s"]
        cells += [f"{count / median(row[name]):,.0f}" if median(row.get(name)) else "-" for name in shown]
        lines.append(f"| {' | '.join([*cells, *ratio_cells(row, ratios)])} |")
    return "\n".join(lines)


def seconds(result):
    if not median(result):
        return "-"
    digits = 4 if median(result) < 0.1 else 3
    low, middle, high = (f"{x:.{digits}f}" for x in (min(result["seconds"]), median(result), max(result["seconds"])))
    return f"{middle} s ({low} to {high})"


def ratio_cells(row, ratios):
    ours, torch, half = (median(row.get(name)) for name in ("ours", "torch", "torch-bf16"))
    better = min([x for x in (ours, median(row.get("ours-bf16"))) if x], default=None)
    cells = [f"**{torch / ours:.2f}**" if torch and ours else "-", f"{half / better:.2f}" if half and better else "-"]
    return cells[: len(ratios)]
