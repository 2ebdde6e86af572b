#!/usr/bin/env python3
"""The weighted mean of two models of one training, in f32, as a third folder.

    average.py FIRST SECOND SHARE OUTPUT     (1 - SHARE) * FIRST + SHARE * SECOND, tensor by tensor

What two rounds have in common stays, what each leant towards is halved: Wortsman et al. 2022, "Model soups". Needs only Python's own library.
"""

from __future__ import annotations

import json
import shutil
import sys
from array import array
from pathlib import Path


def tensors(path: Path) -> tuple[bytes, dict[str, dict], memoryview]:
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    return data[:begin], header, memoryview(data)[begin:]


def main(first: Path, second: Path, share: float, output: Path) -> None:
    head, header, values = tensors(first / "model.safetensors")
    _, other_header, other_values = tensors(second / "model.safetensors")
    mean = bytearray(values)
    for name, entry in header.items():
        other = other_header[name]
        if entry["dtype"] != "F32" or other["dtype"] != "F32" or entry["shape"] != other["shape"]:
            raise SystemExit(f"{name}: {entry['dtype']} {entry['shape']} and {other['dtype']} {other['shape']}; expected F32 of one shape")
        begin, end = entry["data_offsets"]
        a = array("f", bytes(values[begin:end]))
        b = array("f", bytes(other_values[slice(*other["data_offsets"])]))
        mean[begin:end] = array("f", ((1 - share) * x + share * y for x, y in zip(a, b, strict=True))).tobytes()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    for file in first.glob("*.json"):
        shutil.copy(file, output)
    (output / "model.safetensors").write_bytes(head + mean)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
