"""What a contender is: the networks of a system and its training step, in PyTorch."""

import contextlib

import torch


class Contender:
    """A system in PyTorch. Subclasses build their networks and define `step`.

    `networks` maps the names of Backdraw's networks to modules. `generator` makes images from latents, for sampling.
    """

    networks = {}

    def __init__(self, draws, precision, seed=0):
        self.draws, self.bf16 = draws, precision == "bf16"
        torch.manual_seed(seed)
        self.build()
        for network in self.networks.values():
            network.to(memory_format=torch.channels_last)
            network.train()

    def cast(self):
        """Forward passes and losses run within this context: bf16 products by `autocast`, if that is asked for."""
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def build(self):
        raise NotImplementedError

    def step(self):
        """One training step. Returns its losses under the names of metrics.csv."""
        raise NotImplementedError

    def sample_latents(self, count):
        raise NotImplementedError
