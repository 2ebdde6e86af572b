"""transept against ONNX Runtime: f32, greedy, the same weights, inputs, output lengths and threads, in one alternating run.

    python bench/peers/onnx_speed.py [--model marian-base] [--rounds 7] [--json results.json]

ONNX Runtime runs what its users run by hand: an encoder that also gives each layer's cross-attention keys and values, once, and a decoder step
with its keys and values as input and output, in a loop; the likeliest token is part of the graph. Keys and values stay in the runtime's own
memory from step to step. One sentence: one session with all threads, or one thread, whichever is faster. A batch: that, or half of it in each
of two sessions of one thread. The decoder is written out here from the weights, without what an exported model would carry along, and
checked against transformers before anything is timed. Marian shapes only.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models import SHAPES, make, token_ids
from versus import WORKLOADS, Transept, alternate, parse, write


def export(folder: Path) -> tuple[Path, Path]:
    """encoder.onnx and step.onnx beside the folder; made once."""
    out = folder.with_name(f"{folder.name}-onnx")
    files = out / "encoder.onnx", out / "step.onnx"
    if all(file.exists() for file in files):
        return files
    import torch
    from torch import nn
    from transformers import MarianMTModel

    model = MarianMTModel.from_pretrained(folder, dtype=torch.float32).eval()
    heads = model.config.decoder_attention_heads
    scale = math.sqrt(model.config.d_model)

    def split(x: torch.Tensor) -> torch.Tensor:  # (sentences, tokens, d_model) to (sentences, heads, tokens, d_head)
        return x.unflatten(2, (heads, -1)).transpose(1, 2)

    def attend(layer: nn.Module, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        # No mask: a step has one query, and all inputs of a batch have the same length.
        q = split(layer.q_proj(q)) * (q.shape[2] // heads) ** -0.5
        return layer.out_proj(((q @ k.transpose(2, 3)).softmax(-1) @ v).transpose(1, 2).flatten(2))

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.layers = model.model.encoder, model.model.decoder.layers

        def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
            x = self.encoder.embed_tokens(ids) * scale + self.encoder.embed_positions.weight[: ids.shape[1]]
            for layer in self.encoder.layers:
                own = layer.self_attn
                x = layer.self_attn_layer_norm(x + attend(own, x, split(own.k_proj(x)), split(own.v_proj(x))))
                x = layer.final_layer_norm(x + layer.fc2(nn.functional.silu(layer.fc1(x))))
            return tuple(split(p(x)) for layer in self.layers for p in (layer.encoder_attn.k_proj, layer.encoder_attn.v_proj))

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.decoder, self.lm_head = model.model.decoder, model.lm_head
            self.bias = model.final_logits_bias

        def forward(self, ids: torch.Tensor, past: tuple[torch.Tensor, ...], cross: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            position = past[0].shape[2]
            x = self.decoder.embed_tokens(ids) * scale + self.decoder.embed_positions.weight[position : position + 1]
            present = []
            for i, layer in enumerate(self.decoder.layers):
                own = layer.self_attn
                k = torch.cat([past[2 * i], split(own.k_proj(x))], 2)
                v = torch.cat([past[2 * i + 1], split(own.v_proj(x))], 2)
                present += [k, v]
                x = layer.self_attn_layer_norm(x + attend(own, x, k, v))
                x = layer.encoder_attn_layer_norm(x + attend(layer.encoder_attn, x, cross[2 * i], cross[2 * i + 1]))
                x = layer.final_layer_norm(x + layer.fc2(nn.functional.silu(layer.fc1(x))))
            return (self.lm_head(x) + self.bias).argmax(-1), *present

    out.mkdir(exist_ok=True)
    layers = model.config.decoder_layers
    kinds = [f"{kind}{i}" for i in range(layers) for kind in ("k", "v")]
    source = torch.tensor(token_ids(SHAPES[folder.name], 7, 2))
    start = torch.full((2, 1), model.config.decoder_start_token_id)
    with torch.inference_mode():
        encoder, step = Encoder().eval(), Step().eval()
        cross = encoder(source)
        past = tuple(torch.zeros(2, heads, 0, model.config.d_model // heads) for _ in kinds)
        ids, made = start, [start]
        for _ in range(6):
            ids, *past = step(ids, tuple(past), cross)
            made.append(ids)
        logits = model(input_ids=source, decoder_input_ids=torch.cat(made[:-1], 1)).logits
        assert torch.equal(logits.argmax(-1), torch.cat(made[1:], 1)), "the decoder written out here is not transformers'"
        batch, tokens, said = (torch.export.Dim(name, min=1, max=4096) for name in ("batch", "tokens", "said"))
        torch.onnx.export(
            encoder, (source,), str(files[0]), input_names=["ids"], output_names=[f"cross_{kind}" for kind in kinds],
            dynamic_shapes=({0: batch, 1: tokens},), dynamo=True,
        )  # fmt: skip
        torch.onnx.export(
            step, (start, tuple(past), tuple(cross)), str(files[1]), output_names=["next", *(f"present_{kind}" for kind in kinds)],
            input_names=["ids", *(f"past_{kind}" for kind in kinds), *(f"cross_{kind}" for kind in kinds)],
            dynamic_shapes=({0: batch}, tuple({0: batch, 2: said} for _ in kinds), tuple({0: batch, 2: tokens} for _ in kinds)), dynamo=True,
        )  # fmt: skip
    return files


class Worker:
    """One session of each graph."""

    def __init__(self, files: tuple[Path, Path], threads: int, start: int, heads: int, width: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.encoder, self.step = (onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"]) for file in files)
        self.start, self.heads, self.width = start, heads, width

    def run(self, ids: list[list[int]], out: int) -> list[list[int]]:
        import numpy
        import onnxruntime

        def value(array: numpy.ndarray) -> onnxruntime.OrtValue:
            return onnxruntime.OrtValue.ortvalue_from_numpy(array)

        names = [output.name for output in self.encoder.get_outputs()]
        cross = self.encoder.run_with_ort_values(names, {self.encoder.get_inputs()[0].name: value(numpy.array(ids, dtype=numpy.int64))})
        inputs = [given.name for given in self.step.get_inputs()]
        outputs = [given.name for given in self.step.get_outputs()]
        next_ids = value(numpy.full((len(ids), 1), self.start, dtype=numpy.int64))
        past = [value(numpy.zeros((len(ids), self.heads, 0, self.width), dtype=numpy.float32)) for _ in names]
        said = []
        for _ in range(out):
            next_ids, *past = self.step.run_with_ort_values(outputs, dict(zip(inputs, [next_ids, *past, *cross], strict=True)))
            said.append(next_ids.numpy()[:, 0])
        return numpy.stack(said, 1).tolist()


class OnnxRuntime:
    def __init__(self, folder: Path, workers: int, threads: int) -> None:
        import onnxruntime

        config = json.loads((folder / "config.json").read_text())
        heads = config["decoder_attention_heads"]
        files = export(folder)
        self.name = f"onnxruntime {onnxruntime.__version__} sessions={workers} threads={threads}"
        self.workers = [Worker(files, threads, config["decoder_start_token_id"], heads, config["d_model"] // heads) for _ in range(workers)]
        self.pool = ThreadPoolExecutor(workers)

    def seconds(self, ids: list[list[int]], out: int) -> float:
        per_worker = (len(ids) + len(self.workers) - 1) // len(self.workers)
        parts = [ids[i * per_worker : (i + 1) * per_worker] for i in range(len(self.workers))]
        begin = time.perf_counter()
        done = list(self.pool.map(lambda worker, part: worker.run(part, out), self.workers, parts))
        elapsed = time.perf_counter() - begin
        assert sum(map(len, done)) == len(ids) and all(len(answer) == out for part in done for answer in part)
        return elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="marian-base", choices=[name for name, shape in SHAPES.items() if shape.family == "marian"])
    arguments = parse(parser)

    folder = make(arguments.model, arguments.work)
    ours = Transept(arguments.command, folder, "f32", arguments.threads)
    single = [OnnxRuntime(folder, 1, arguments.threads), OnnxRuntime(folder, 1, 1)]
    batched = [single[0], OnnxRuntime(folder, arguments.threads, 1)]
    rows = [
        alternate(ours, single if batch == 1 else batched, token_ids(SHAPES[arguments.model], source, batch), out, arguments.rounds)
        for source, out, batch in WORKLOADS
    ]
    write(arguments.json, "ONNX Runtime", arguments.model, "f32", 1, arguments.threads, rows)


if __name__ == "__main__":
    sys.exit(main())
