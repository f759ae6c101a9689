"""Measures training on several ranks over simulated networks. Needs Linux, root, Open MPI, iproute2 and an idle machine.

    cargo build -p backdraw-mpi --features mpi --bins --examples
    python3 tools/measure_ranks.py overlap    # half an hour: steps whose messages overlap with the backward pass, and others
    python3 tools/measure_ranks.py model      # twenty minutes: what scaling_model.py predicts, and what is measured
    python3 tools/measure_ranks.py overlap --turns 1 --steps 4    # a few minutes, to see whether it works

All variants take turns, so that a change of the machine's speed affects all of them. A step's time is that of rank 0. Every
number is the median over the steps of all turns; the range is that of the medians of the turns.
"""

import argparse
import csv
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import scaling_model as model

TOOLS = Path(__file__).resolve().parent
CORES = len(os.sched_getaffinity(0))
SYSTEMS = {
    "quickdraw, batch 128": "quickdraw --batch 128",
    "dcgan, batch 64": "dcgan --preset cpu --batch 64",
    "stylegan2, batch 16": "stylegan2 --preset cpu --batch 16",
}
WARM_UP = 2  # steps that are not counted
NO_OVERLAP = "inf"  # the size of a bucket that holds all gradients, in megabytes


@dataclass
class Cell:
    """One variant, and its times in seconds, by turn."""

    ranks: int
    network: str  # a rate for slow_network.sh, or `memory`
    program: list[str]
    bucket: str = ""  # megabytes, or as by default
    turns: list[list[float]] = field(default_factory=list)

    def command(self) -> list[str]:
        bucket = ["-x", f"BACKDRAW_BUCKET_MB={self.bucket}"] if self.bucket else []
        if self.network != "memory":
            return [str(TOOLS / "slow_network.sh"), str(self.ranks), self.network, *bucket, *self.program]
        bind = ["--bind-to", "core"] if self.ranks <= CORES else ["--bind-to", "none", "--oversubscribe"]
        return ["mpirun", "--allow-run-as-root", "-q", "-n", str(self.ranks), *bind, *bucket, *self.program]

    def run(self, more: list[str]) -> str:
        environment = {**os.environ, "LIMIT": "900"}
        done = subprocess.run(self.command() + more, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            sys.exit(f"exit code {done.returncode}: {' '.join(self.command() + more)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def median(self) -> float:
        return statistics.median(seconds for turn in self.turns for seconds in turn)

    def text(self) -> str:
        medians = [statistics.median(turn) for turn in self.turns]
        return f"{1e3 * self.median():8.1f} ms ({1e3 * min(medians):.1f} to {1e3 * max(medians):.1f})"


def take_turns(cells: list[Cell], turns: int, measure) -> None:
    for turn in range(turns):
        for number, cell in enumerate(cells):
            print(f"\rturn {turn + 1} of {turns}, {number + 1} of {len(cells)}  ", end="", file=sys.stderr, flush=True)
            cell.turns.append(measure(cell))
    print(file=sys.stderr)


def steps_of(steps: int):
    """Returns a function that runs a cell's training, and returns the times of its steps."""

    def measure(cell: Cell) -> list[float]:
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder) / "run")
            cell.run(["--steps", str(WARM_UP + steps), "--out", out])
            with open(Path(out) / "metrics.csv") as file:
                return [float(row["seconds"]) for row in csv.DictReader(file)][WARM_UP:]

    return measure


def training(programs: Path, system: str, shards: int, more: str = "") -> list[str]:
    line = f"{SYSTEMS[system]} --data built-in --set shards={shards} {more} --threads 1 --sample-every 1000000 --checkpoint-every 1000000"
    return [str(programs / "backdraw-mpi"), *line.split()]


def overlap(programs: Path, turns: int, steps: int) -> None:
    rows = []  # (label, the cell on one rank, the cell)
    for system in list(SYSTEMS)[:2]:
        for ranks in (2, 4):
            alone = {norm: Cell(1, "memory", training(programs, system, ranks, norm)) for norm in ("", "--set batch_norm=sync")}
            for network in ("1gbit", "10gbit"):
                variants = [("overlap", "", ""), ("no overlap", "", NO_OVERLAP), ("batch_norm=sync", "--set batch_norm=sync", "")]
                for label, norm, bucket in variants:
                    cell = Cell(ranks, network, training(programs, system, ranks, norm), bucket)
                    rows.append((f"{system}, {ranks} ranks, {network}, {label}", alone[norm], cell))
    cells = [cell for row in rows for cell in row[1:]]
    take_turns(list({id(cell): cell for cell in cells}.values()), turns, steps_of(steps))
    print(f"{'median of a step':52} {'one rank':>30} {'several ranks':>32}  efficiency (ranks on at most {CORES} cores)")
    for label, alone, cell in rows:
        efficiency = alone.median() / cell.median() / min(cell.ranks, CORES)
        print(f"{label:52} {alone.text():>30} {cell.text():>32}  {efficiency:.0%}")


# What the example `messages` prints, by the size of the sum in megabytes; `agreement` has none.
LINE = re.compile(r"ranks, (?:agreement|sum of +([0-9.]+) MB): +best +[0-9.]+ ms, median +([0-9.]+) ms")


def compare(programs: Path, turns: int, steps: int) -> None:
    names = list(SYSTEMS)
    shared = {name: Cell(2, "memory", training(programs, name, 2)) for name in names}
    alone = {name: Cell(1, "memory", training(programs, name, 2)) for name in names}
    slow = {bucket: Cell(2, "1gbit", training(programs, names[0], 2), bucket) for bucket in ("", NO_OVERLAP)}
    take_turns([*shared.values(), *alone.values(), *slow.values()], turns, steps_of(steps))

    example = str(programs / "examples" / "messages")
    limited = {ranks: Cell(ranks, "1gbit", [example]) for ranks in (2, 4, 8)}
    delayed = {ranks: Cell(ranks, "1gbit", [example, "0.001"]) for ranks in (2, 4, 8)}
    unlimited, memory = Cell(2, "none", [example]), Cell(2, "memory", [example])
    sums = {}  # the medians, by the number of the cell and by size
    cells = [*limited.values(), *delayed.values(), unlimited, memory]

    def messages(cell: Cell) -> list[float]:
        found = {size: float(median) / 1e3 for size, median in LINE.findall(cell.run([]))}
        for size, seconds in found.items():
            sums.setdefault((id(cell), size), []).append(seconds)
        return list(found.values())

    take_turns(cells, turns, messages)

    def measured(cell: Cell, size: str = "") -> float:
        return statistics.median(sums[id(cell), size])

    # The inputs of the model, from this run: a sum of B bytes between two ranks takes B * handling.
    with_tcp = {size: measured(unlimited, f"{size / 1e6:.2f}") / size for size in (1e6, 4e6, 16e6)}
    handling = measured(memory, "16.00") / 16e6
    link = {size: replace(model.NAMESPACES, handling=with_tcp[size]) for size in with_tcp}
    slower = replace(link[16e6], latency=measured(delayed[2]))  # an agreement of two ranks is one message
    systems = [replace(system, shard=(alone[name].median() - system.fixed) / 2) for system, name in zip(model.SYSTEMS, names)]
    print(f"inputs: {1e9 * handling:.2f} ns per byte in memory, with TCP " + ", ".join(f"{1e9 * each:.2f}" for each in with_tcp.values()))
    print("        seconds per shard: " + ", ".join(f"{system.shard:.4f}" for system in systems))

    rows = []
    for system, name in zip(systems, names):
        rows.append((f"{name}, a step on 2 ranks (memory)", shared[name].median(), model.step(system, replace(model.MEMORY, handling=handling), 2, 2)))
    for ranks, hops in ((4, 2), (8, 3)):
        rows.append((f"agreement of {ranks} ranks, 1 ms", measured(delayed[ranks]), hops * slower.latency))
    for size in with_tcp:
        for ranks in limited:
            expected = model.total(link[size], ranks, size)
            rows.append((f"sum of {size / 1e6:.0f} MB over {ranks} ranks, 1 Gbit/s", measured(limited[ranks], f"{size / 1e6:.2f}"), expected))
    afterwards = replace(systems[0], hidden=0.0)
    rows.append((f"{names[0]}, 2 ranks, 1 Gbit/s, no overlap", slow[NO_OVERLAP].median(), model.step(afterwards, link[16e6], 2, 2)))
    rows.append((f"{names[0]}, 2 ranks, 1 Gbit/s", slow[""].median(), model.step(systems[0], link[16e6], 2, 2)))
    rows.append(("sum of nothing over 8 ranks, 1 ms", measured(delayed[8], "0.00"), model.total(slower, 8, 0.0)))
    hidden = slow[NO_OVERLAP].median() - slow[""].median()
    print(f"        hidden by the overlap: {1e3 * hidden:.1f} ms of {1e3 * systems[0].shard:.1f} ms\n")
    model.print_comparison(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["overlap", "model"])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=9, help="steps that are counted, in each turn")
    parser.add_argument("--programs", type=Path, default=TOOLS.parent / "target" / "debug", help="where the programs are")
    given = parser.parse_args()
    {"overlap": overlap, "model": compare}[given.what](given.programs.resolve(), given.turns, given.steps)


if __name__ == "__main__":
    main()
