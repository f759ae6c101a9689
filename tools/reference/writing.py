"""How a result becomes JSON: small tensors whole, large ones as a digest."""

import json
import pathlib

import numpy as np

from .filling import DESCRIPTION, Filled, unit

WHOLE = 200  # tensors of at most this many elements are stored whole
SAMPLES = 16


def numpy(tensor) -> np.ndarray:
    if hasattr(tensor, "detach"):
        tensor = tensor.detach()
    return np.asarray(tensor, dtype=np.float64)


def whole(tensor) -> dict:
    array = numpy(tensor)
    assert np.isfinite(array).all()
    # `+ 0.0` turns -0.0 into 0.0: the tests compare values, not signs of zero.
    return {"shape": list(array.shape), "values": (array.ravel() + 0.0).tolist()}


def digest(tensor, name: str) -> dict:
    """Sum, L2 norm, largest magnitude, dot product with a filled tensor, and sampled elements.

    The dot product notices any permutation, which the sum and the norm do not.
    """
    array = numpy(tensor).ravel()
    assert np.isfinite(array).all()
    count = array.size
    drawn = (unit(f"{name}.samples", SAMPLES - 2) * count).astype(np.int64)
    index = np.unique(np.concatenate([[0, count - 1], drawn])) if count > SAMPLES else np.arange(count)
    weights = (-1.0 + unit(f"{name}.dot", count) * 2.0).astype(np.float32).astype(np.float64)
    return {
        "shape": list(numpy(tensor).shape),
        "sum": float(array.sum()),
        "l2": float(np.sqrt((array * array).sum())),
        "max_abs": float(np.abs(array).max()),
        "dot": {"with": f"{name}.dot", "value": float((array * weights).sum())},
        "index": index.tolist(),
        "value": (array[index] + 0.0).tolist(),
    }


def record(tensor, name: str) -> dict:
    return whole(tensor) if numpy(tensor).size <= WHOLE else digest(tensor, name)


TENSOR_FORMS = [
    "A tensor is stored either whole, {shape, values}, or as a digest, {shape, sum, l2, max_abs, dot, index, value}:",
    "`value[j]` is the element at row-major position `index[j]`; `dot.value` is the dot product with",
    "fill(dot.with, shape, -1, 1). Sums are taken over f64; compare `sum` and `dot.value` relative to l2*sqrt(count).",
    "Images are NHWC, convolution weights (kh, kw, in, out), transposed convolution weights (kh, kw, out, in),",
    "dense weights (in, out). Unless a case says otherwise the arithmetic was float64 on f32 inputs.",
]


CHECK = Filled("check", [2, 3], -0.25, 1.5)


def _render(value, indent: int) -> str:
    pad = " " * (indent + 1)
    if isinstance(value, dict) and any(isinstance(v, (dict, list)) for v in value.values()):
        if not _shallow(value):
            rows = [f"{pad}{json.dumps(k)}: {_render(v, indent + 1)}" for k, v in value.items()]
            return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        rows = [pad + _render(v, indent + 1) for v in value]
        return "[\n" + ",\n".join(rows) + "\n" + " " * indent + "]"
    return json.dumps(value, allow_nan=False)


def _shallow(value: dict) -> bool:
    """A tensor, or an option table: one line."""
    return "shape" in value or all(not isinstance(v, (dict, list)) or len(v) <= 4 for v in value.values()) and not any(
        isinstance(v, dict) and any(isinstance(w, (dict, list)) for w in v.values()) for v in value.values()
    )


def write(path: pathlib.Path, about: str, versions: dict, body: dict, notes=(), script="tools/reference_values.py") -> int:
    document = {
        "about": about,
        "made_by": {"script": script, **versions},
        "fill": DESCRIPTION,
        "fill_check": {**CHECK.json(), "values": CHECK.array().ravel().tolist()},
        "tensors": TENSOR_FORMS,
        **({"notes": list(notes)} if notes else {}),
        **body,
    }
    text = _render(document, 0) + "\n"
    assert json.loads(text) == document
    path.write_text(text)
    return len(text.encode())


def agree(what: str, left, right, tolerance: float, floor: float = 1e-30) -> None:
    """Largest difference, relative to the largest magnitude (at least `floor`), must be within the tolerance."""
    left, right = numpy(left), numpy(right)
    assert left.shape == right.shape, f"{what}: shapes {left.shape} and {right.shape}"
    scale = max(np.abs(left).max(initial=0.0), np.abs(right).max(initial=0.0), floor)
    error = np.abs(left - right).max(initial=0.0) / scale
    assert error <= tolerance, f"{what}: differs by {error:.3e}, allowed {tolerance:.1e}"
