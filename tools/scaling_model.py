"""How long a training step takes on N ranks: a model, held to measurements, and read out up to 1,000 ranks.

    python3 tools/scaling_model.py            # compares the model with the measurements below, and prints the tables
    python3 tools/scaling_model.py --json     # the same numbers for other programs

A step of a run with V shards on N ranks (V a multiple of N, N a power of two) takes

    fixed + V / N * shard + messages(N)

`shard`: the forward and backward passes of one shard. `fixed`: what every rank does once a step: the optimisers,
drawing the batch. `messages(N)`: for each sum of B bytes over the ranks, log2(N) exchanges in which the ranks halve
what they add, and as many in which they put the halves together (crates/nn/src/shards.rs):

    2 log2(N) latency + 2 (N - 1) / N * B * (1 / bandwidth + handling)

`handling`: seconds per byte that a rank spends on copying and adding what it sends and receives. Each agreement (whether
any rank has failed, or was asked to stop) takes log2(N) latencies.

Measured on one machine (see MEASURED), so it knows nothing of switches that are shared with other jobs.
"""

import argparse
import json
import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class System:
    """Constants of a system at a batch per shard, from runs on one rank with one thread."""

    name: str
    images: int  # in a shard
    shard: float  # seconds
    fixed: float  # seconds
    bytes: tuple[float, ...]  # of each sum over the ranks: one per update of a network
    agreements: int = 3  # one per update and one at the end of a step


@dataclass(frozen=True)
class Network:
    """What a message costs."""

    name: str
    latency: float  # seconds
    bandwidth: float  # bytes per second, in each direction
    handling: float = 0.0  # seconds per byte


def messages(system: System, network: Network, ranks: int) -> float:
    """Seconds that a rank spends on messages in a step, without waits for slower ranks."""
    if ranks == 1:
        return 0.0
    hops = math.ceil(math.log2(ranks))
    moved = 2 * (ranks - 1) / ranks * sum(system.bytes)
    per_byte = 1 / network.bandwidth + network.handling
    return (2 * hops * len(system.bytes) + system.agreements * hops) * network.latency + moved * per_byte


def step(system: System, network: Network, ranks: int, shards: int, overlap: float = 0.0) -> float:
    """Seconds of a step. `overlap`: the part of a rank's passes behind which messages can hide."""
    passes = shards / ranks * system.shard
    return system.fixed + passes + max(0.0, messages(system, network, ranks) - overlap * passes)


def efficiency(system: System, network: Network, ranks: int, shards: int, overlap: float = 0.0) -> float:
    """The part of N times the speed of one rank that N ranks reach, at the same shards."""
    return step(system, network, 1, shards) / ranks / step(system, network, ranks, shards, overlap)


# Constants from runs on one rank of one thread, pinned to a core (`--timings`), and from the example `messages`.
SYSTEMS = [
]
NETWORKS = [
]

# What was measured: what, the measured seconds, and what the model says.
MEASURED = [
]


def compare() -> list[dict]:
    """Measured and modelled times, and the error of the model."""
    return [
        {"what": what, "measured": measured, "modelled": modelled, "error": modelled / measured - 1}
        for what, measured, modelled in MEASURED
    ]


def largest(system: System, network: Network, goal: float, overlap: float = 0.0) -> int:
    """The largest power of two of ranks, up to 1,024, with one shard each, that reaches this efficiency."""
    counts = [2**k for k in range(11)]
    return max(n for n in counts if n == 1 or efficiency(system, network, n, n, overlap) >= goal)
