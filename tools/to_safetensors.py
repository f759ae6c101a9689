#!/usr/bin/env python3
"""Converts a state dict that PyTorch saved as a pickle (.pth, .pt) to .safetensors, for `train import` and `--weights`.

Needs Python with torch and safetensors: pip install torch safetensors

    tools/to_safetensors.py netG.pth                      writes netG.safetensors
    tools/to_safetensors.py netG.pth generator.safetensors

Only tensors are read: the file cannot run code (`weights_only`). Floating-point numbers become float32.
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else source.with_suffix(".safetensors")
    state = torch.load(source, map_location="cpu", weights_only=True)
    # Some programs save the state dict together with other things.
    state = state.get("state_dict", state)
    if not all(torch.is_tensor(value) for value in state.values()):
        sys.exit(f"{source}: not a state dict; it has the keys {', '.join(map(str, list(state)[:10]))}")
    tensors = {name: (tensor.float() if tensor.is_floating_point() else tensor).contiguous() for name, tensor in state.items()}
    save_file(tensors, target)
    print(f"{target}: {len(tensors)} tensors, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
