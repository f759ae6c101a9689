"""Checks event files with TensorBoard's own reader, and writes the bytes that a Rust test compares.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install tensorboard
    /tmp/venv/bin/python tools/tensorboard_events.py RUN      compare a run's events with its metrics.csv and samples/
    /tmp/venv/bin/python tools/tensorboard_events.py --write  write crates/runs/src/observers/tensorboard/theirs.hex
"""

import csv
import io
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


def write(path):
    """Three events, the same as in the test."""
    scalars = Summary(value=[Summary.Value(tag="d_loss", simple_value=0.5), Summary.Value(tag="g_loss", simple_value=-1.25)])
    image = Summary.Image(height=1, width=2, colorspace=3, encoded_image_string=b"not a real image")
    events = [
        Event(wall_time=1.5, file_version="brain.Event:2"),
        Event(wall_time=2.25, step=300, summary=scalars),
        Event(wall_time=3.0, step=5, summary=Summary(value=[Summary.Value(tag="samples", image=image)])),
    ]
    file = io.BytesIO()
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    digits = file.getvalue().hex()
    path.write_text("".join(digits[at : at + 96] + "\n" for at in range(0, len(digits), 96)))


def check(run):
    """Every metric of every step, and every sheet, exactly once."""
    accumulator = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    with open(run / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in ("step", "seconds")]
    tags = accumulator.Tags()
    assert sorted(tags["scalars"]) == sorted(names), (tags["scalars"], names)
    for name in names:
        found = [(event.step, event.value) for event in accumulator.Scalars(name)]
        wanted = [(int(row["step"]), struct.unpack("f", struct.pack("f", float(row[name])))[0]) for row in rows]
        assert found == wanted, f"{name}: {found[:3]} ... instead of {wanted[:3]} ..."
    sheets = {event.step: event.encoded_image_string for event in accumulator.Images("samples")} if tags["images"] else {}
    files = {int(path.stem.removeprefix("step-")): path.read_bytes() for path in (run / "samples").glob("step-*.png")}
    assert sheets == files, f"sheets of steps {sorted(sheets)}, files of steps {sorted(files)}"
    assert len(accumulator.Images("samples")) == len(files), "a sheet stands twice"
    print(f"{run}: {len(names)} metrics of {len(rows)} steps and {len(files)} sheets, as TensorBoard reads them")


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        write(Path(__file__).parent.parent / "crates/runs/src/observers/tensorboard/theirs.hex")
    else:
        check(Path(sys.argv[1]))
