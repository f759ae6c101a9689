"""Inputs that Python and Rust can both make, so that the golden files need not store them.

`fill(name, shape, low, high)`: element i (row-major) is

    h = FNV-1a, 32 bits, of the name's UTF-8 bytes
    x = h + i * 0x9E3779B9                                (mod 2^32)
    x ^= x >> 16;  x *= 0x7FEB352D;  x ^= x >> 15;  x *= 0x846CA68B;  x ^= x >> 16
    u = (x >> 8) * 2^-24                                  (exact in f32 and f64)
    value = f32(low + u * (high - low))                   (two roundings in f64, no fma; then one to f32)
"""

import numpy as np

DESCRIPTION = [
    "An input with `fill` is not stored. Element i (row-major) of fill(name, shape, low, high) is:",
    "h = 32-bit FNV-1a of the name's bytes (offset 0x811C9DC5, prime 0x01000193); x = h + i*0x9E3779B9 mod 2^32;",
    "x ^= x>>16; x *= 0x7FEB352D; x ^= x>>15; x *= 0x846CA68B; x ^= x>>16; u = (x>>8) * 2^-24;",
    "value = f32(low + u*(high - low)), the arithmetic in f64 without fma and rounded to f32 once at the end.",
]


def fnv1a(name: str) -> int:
    h = 0x811C9DC5
    for byte in name.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h


def unit(name: str, count: int) -> np.ndarray:
    """`count` f64 values in [0, 1), each a multiple of 2^-24."""
    mask = np.uint64(0xFFFFFFFF)
    x = (np.uint64(fnv1a(name)) + np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B9)) & mask
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x7FEB352D)) & mask
    x ^= x >> np.uint64(15)
    x = (x * np.uint64(0x846CA68B)) & mask
    x ^= x >> np.uint64(16)
    return (x >> np.uint64(8)).astype(np.float64) * 2.0**-24


def fill(name: str, shape, low: float, high: float) -> np.ndarray:
    """The filled tensor as f64 holding values that are exact in f32."""
    u = unit(name, int(np.prod(shape, dtype=np.int64)))
    return (low + u * (high - low)).astype(np.float32).astype(np.float64).reshape(shape)


class Filled:
    """An input made by `fill`: its JSON form names the filler, its array is the filled tensor."""

    def __init__(self, name, shape, low=-1.0, high=1.0):
        self.name, self.shape, self.low, self.high = name, list(shape), float(low), float(high)

    def array(self) -> np.ndarray:
        return fill(self.name, self.shape, self.low, self.high)

    def json(self) -> dict:
        return {"fill": self.name, "shape": self.shape, "low": self.low, "high": self.high}


class Literal:
    """An input whose values matter (saturation, kinks), stored as the f32 they are rounded to."""

    def __init__(self, values, shape=None):
        self.values = np.asarray(values, dtype=np.float32).astype(np.float64)
        if shape is not None:
            self.values = self.values.reshape(shape)

    def array(self) -> np.ndarray:
        return self.values

    def json(self) -> dict:
        return {"shape": list(self.values.shape), "values": self.values.ravel().tolist()}
