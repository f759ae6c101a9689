"""Where a step's random numbers come from: PyTorch's generator, or Backdraw's streams.

A timed step draws from `TorchDraws`. The check runs the same step with `BackdrawDraws`, which returns the numbers that
Backdraw draws in the same step, so that the losses of both programs can be compared.
"""

import numpy as np
import torch

DISTINCT_IMAGES = 1024
IMAGE_BYTES = 256 * 2**20


class TorchDraws:
    """Random numbers from PyTorch's generator, and a data set of random images, NHWC in memory."""

    def __init__(self, size, channels, low, high):
        count = min(DISTINCT_IMAGES, IMAGE_BYTES // (4 * size * size * channels))
        self.images = torch.rand(count, size, size, channels) * (high - low) + low

    def __deepcopy__(self, _):
        return self  # a generator's average shares it

    def next_step(self):
        pass

    def reals(self, count, _domain=0):
        return self.images[torch.randperm(len(self.images))[:count]].permute(0, 3, 1, 2)

    def uniform(self, _stream, *shape, low=-1.0, high=1.0, turn=None):
        return torch.rand(*shape) * (high - low) + low

    def latents(self, _stream, count, size, _turn=None):
        return torch.randn(count, size)

    def normal(self, _stream, *shape):
        return torch.randn(*shape)

    def label_moves(self, _stream, count):
        """Numbers in [0, 1), one per image: how far label noise moves its target."""
        return torch.rand(count, 1)

    def noise_map(self, _purpose, _layer, count, height, width):
        return torch.randn(count, 1, height, width)

    def mixes(self, share):
        """Whether two latents share an image (style mixing)."""
        return bool(torch.rand(()) < share)

    def first_mixed_layer(self, layers):
        return int(torch.randint(1, layers, ()))


class BackdrawDraws:
    """The numbers of a Backdraw run: Philox4x32-10, keyed by (seed, name of the stream, number of the step).

    All real images are the same `image`, so that the order of the data set does not matter. Styles are not mixed.
    """

    def __init__(self, image, seed, step):
        self.image = as_tensor(image).permute(2, 0, 1)[None]
        self.seed, self.step = seed, step - 1
        self.visits = {}

    def __deepcopy__(self, _):
        return self

    def next_step(self):
        self.step += 1
        self.visits = {}

    def reals(self, count, _domain=0):
        return self.image.expand(count, -1, -1, -1).contiguous(memory_format=torch.channels_last)

    def words(self, stream, count, turn=None):
        return philox(self.seed, fnv1a(stream), self.step if turn is None else turn, count)

    def normal(self, stream, *shape, turn=None):
        count = int(np.prod(shape))
        numbers = normals(self.words(stream, count + count % 2, turn))[:count]
        return as_tensor(numbers.reshape(shape))

    def uniform(self, stream, *shape, low=-1.0, high=1.0, turn=None):
        unit = (self.words(stream, int(np.prod(shape)), turn) >> 9).astype(np.float32) * np.float32(2.0**-23)
        return as_tensor((unit * np.float32(high - low) + np.float32(low)).reshape(shape))

    def latents(self, stream, count, size, turn=None):
        return self.normal(stream, count, size, turn=turn)

    def label_moves(self, stream, count):
        # Four words per image: the first decides about a flip, the second about the target.
        return as_tensor(self.words(stream, 4 * count)[1::4] / 2.0**32)[:, None]

    def noise_map(self, purpose, layer, count, height, width):
        stream = f"{purpose}: {layer}"
        self.visits[stream] = visit = self.visits.get(stream, 0) + 1
        maps = self.normal(stream if visit == 1 else f"{stream}, visit {visit}", count, height, width, 1)
        return maps.permute(0, 3, 1, 2)

    def mixes(self, _share):
        return False


def as_tensor(numbers):
    return torch.tensor(numbers, dtype=torch.get_default_dtype())


def fnv1a(name):
    """The 32-bit FNV-1a hash, which is the number of the stream of that name."""
    hash = 0x811C9DC5
    for byte in name.encode():
        hash = (hash ^ byte) * 0x01000193 & 0xFFFFFFFF
    return hash


def philox(seed, stream, step, count):
    """The first `count` words of a stream (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011)."""
    low, wide = np.uint64(0xFFFFFFFF), np.uint64(32)
    blocks = -(-count // 4)
    c0 = np.arange(blocks, dtype=np.uint64)
    c1 = np.zeros(blocks, np.uint64)
    c2, c3 = (np.full(blocks, word, np.uint64) for word in (stream, step))
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        product0, product1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            product1 >> wide ^ c1 ^ np.uint64(k0), product1 & low, product0 >> wide ^ c3 ^ np.uint64(k1), product0 & low,
        )  # fmt: skip
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).ravel()[:count].astype(np.uint32)


def normals(words):
    """Box and Muller: a pair of words gives a point of the plane, whose coordinates are two normal numbers."""
    radius, angle = words[0::2].astype(np.float64), words[1::2]
    radius = np.sqrt(-2.0 * np.log((radius + 0.5) / 2.0**32))
    angle = 2.0 * np.pi * ((angle >> 9).astype(np.float64) + 0.5) / 2.0**23
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel().astype(np.float32)
