#!/usr/bin/env python3
"""Training speed against PyTorch on the CPU: the same model, the same sentences, batches of about 2,000 target tokens.

    bench/peers/train_speed.py [--shape small|tiny|base] [--steps 8] [--rounds 3] [--threads 2] [--transept build/release/transept]

Three ways, one after the other in each round: transept (`transept train --stats`); a Hugging Face model trained eagerly on
padded, length-sorted batches; a loop tuned by hand, where padding is packed out of every product and the output matrix sees
real tokens only. PyTorch runs in f32 and, where the CPU has bf16, under autocast, with fused AdamW; the better one counts. Prints target tokens
per second (median over the rounds), the memory of a step, and the share of the measured peak that the products of the whole
step reach. Needs torch and transformers.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from torch import nn
from torch.nn import functional as F

SHAPES = {  # d, d_ff, heads, encoder layers, decoder layers, vocabulary
    "small": (256, 1024, 4, 3, 3, 8000),
    "tiny": (256, 1536, 8, 6, 2, 32000),
    "base": (512, 2048, 8, 6, 6, 32000),
}
MARKS = 3  # <pad> </s> <unk>
TOKENS = 2000


def make_pairs(n: int, vocab: int) -> list[tuple[list[int], list[int]]]:
    """Sentences with lengths as translation has them: 5 to 60, most around 20."""
    g = torch.Generator().manual_seed(1)
    pairs = []
    for _ in range(n):
        length = int(min(60, max(5, torch.randn(1, generator=g) * 9 + 22)))
        other = int(min(60, max(5, length + torch.randn(1, generator=g) * 3)))
        draw = lambda k: torch.randint(MARKS, vocab, (k,), generator=g).tolist()  # noqa: E731
        pairs.append((draw(length) + [1], draw(other) + [1]))
    return pairs


def write_task(folder: str, pairs, shape, steps: int) -> str:
    d, d_ff, heads, enc, dec, vocab = shape
    pieces = ["<pad>", "</s>", "<unk>"] + [f"w{i}" for i in range(MARKS, vocab)]
    special = [
        {"id": i, "content": p, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, p in enumerate(pieces[:MARKS])
    ]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "decoder": None,
        "post_processor": {
            "type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
        },
        "model": {"type": "WordLevel", "vocab": {p: i for i, p in enumerate(pieces)}, "unk_token": "<unk>"},
    }  # fmt: skip
    os.makedirs(f"{folder}/tokenizer", exist_ok=True)
    with open(f"{folder}/tokenizer/tokenizer.json", "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)
    with open(f"{folder}/train.tsv", "w", encoding="utf-8") as file:
        for source, target in pairs:
            file.write(" ".join(pieces[i] for i in source[:-1]) + "\t" + " ".join(pieces[i] for i in target[:-1]) + "\n")
    with open(f"{folder}/config.toml", "w", encoding="utf-8") as file:
        file.write(
            f'output = "out"\ndata.train = "train.tsv"\ntokenizer.folder = "tokenizer"\nmodel.d_model = {d}\nmodel.d_ff = {d_ff}\n'
            f"model.heads = {heads}\nmodel.encoder_layers = {enc}\nmodel.decoder_layers = {dec}\nbatch.tokens = {TOKENS}\n"
            f"length.max_steps = {steps + 1}\nlogging.every_steps = 1\nvalidation.every_steps = 0\n"
            f"checkpoint.every_steps = {steps + 1}\n"
        )
    return f"{folder}/config.toml"


def batches_of(pairs) -> list[list]:
    batches, count = [[]], 0
    for pair in sorted(pairs, key=lambda p: (len(p[1]), len(p[0]))):
        if batches[-1] and count + len(pair[1]) > TOKENS:
            batches.append([])
            count = 0
        batches[-1].append(pair)
        count += len(pair[1])
    return batches


def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [fill] * (width - len(row)) for row in rows])


def hf_model(shape):
    from transformers import MarianConfig, MarianMTModel

    d, d_ff, heads, enc, dec, vocab = shape
    return MarianMTModel(
        MarianConfig(
            vocab_size=vocab, d_model=d, encoder_layers=enc, decoder_layers=dec, encoder_attention_heads=heads,
            decoder_attention_heads=heads, encoder_ffn_dim=d_ff, decoder_ffn_dim=d_ff, activation_function="relu",
            scale_embedding=True, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, forced_eos_token_id=None,
            dropout=0.1, max_position_embeddings=512,
        )
    )  # fmt: skip


def hf_loss(model, batch):
    source = padded([p[0] for p in batch], 0)
    labels = padded([p[1] for p in batch], -100)
    inputs = padded([[0] + p[1][:-1] for p in batch], 0)
    logits = model(input_ids=source, attention_mask=(source != 0).long(), decoder_input_ids=inputs).logits
    return F.cross_entropy(logits.view(-1, logits.shape[-1]).float(), labels.view(-1), ignore_index=-100, label_smoothing=0.1)


class Packed(nn.Module):
    """The same transformer on packed rows; only attention sees padding."""

    def __init__(self, shape):
        super().__init__()
        d, d_ff, heads, enc, dec, vocab = shape
        self.heads = heads
        self.table = nn.Embedding(vocab, d)
        nn.init.normal_(self.table.weight, std=d**-0.5)

        def layer(cross):
            parts = {"qkv": nn.Linear(d, 3 * d), "o": nn.Linear(d, d), "n1": nn.LayerNorm(d), "up": nn.Linear(d, d_ff),
                     "down": nn.Linear(d_ff, d), "n3": nn.LayerNorm(d)}  # fmt: skip
            if cross:
                parts |= {"cq": nn.Linear(d, d), "ckv": nn.Linear(d, 2 * d), "co": nn.Linear(d, d), "n2": nn.LayerNorm(d)}
            return nn.ModuleDict(parts)

        self.encoder = nn.ModuleList(layer(False) for _ in range(enc))
        self.decoder = nn.ModuleList(layer(True) for _ in range(dec))
        position = torch.arange(512)[:, None] * torch.exp(torch.arange(0, d, 2) * (-9.21034 / d))
        self.register_buffer("positions", torch.cat([position.sin(), position.cos()], -1))

    def spread(self, x, where):  # rows -> [batch, heads, length, d_head]
        index, (b, length) = where
        out = x.new_zeros(b * length, x.shape[-1]).index_copy(0, index, x)
        return out.view(b, length, self.heads, -1).transpose(1, 2)

    def gather(self, y, where):
        return y.transpose(1, 2).reshape(-1, y.shape[1] * y.shape[3])[where[0]]

    def stack(self, layers, ids, where, mask, memory=None, memory_where=None, memory_mask=None, causal=False):
        x = F.dropout(self.table(ids) * self.table.embedding_dim**0.5 + self.positions[where[0] % where[1][1]], 0.1)
        for l in layers:
            q, k, v = (self.spread(t, where) for t in l["qkv"](x).chunk(3, -1))
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=None if causal else mask, is_causal=causal)
            x = l["n1"](x + F.dropout(l["o"](self.gather(y, where)), 0.1))
            if memory is not None:
                k, v = (self.spread(t, memory_where) for t in l["ckv"](memory).chunk(2, -1))
                y = F.scaled_dot_product_attention(self.spread(l["cq"](x), where), k, v, attn_mask=memory_mask)
                x = l["n2"](x + F.dropout(l["co"](self.gather(y, where)), 0.1))
            x = l["n3"](x + F.dropout(l["down"](F.relu(l["up"](x))), 0.1))
        return x

    def forward(self, batch):
        def place(rows):
            width = max(map(len, rows))
            index = torch.cat([torch.arange(len(r)) + i * width for i, r in enumerate(rows)])
            lengths = torch.tensor([len(r) for r in rows])
            mask = (torch.arange(width)[None] < lengths[:, None])[:, None, None]
            return (index, (len(rows), width)), mask

        flat = lambda rows: torch.tensor([i for r in rows for i in r])  # noqa: E731
        sources, targets = [p[0] for p in batch], [p[1] for p in batch]
        inputs = [[0] + t[:-1] for t in targets]
        s_where, s_mask = place(sources)
        t_where, t_mask = place(inputs)
        memory = self.stack(self.encoder, flat(sources), s_where, s_mask)
        x = self.stack(self.decoder, flat(inputs), t_where, t_mask, memory, s_where, s_mask, causal=True)
        return F.cross_entropy(F.linear(x, self.table.weight).float(), flat(targets), label_smoothing=0.1)


def run_torch(kind: str, precision: str, shape, pairs, steps: int, threads: int) -> dict:
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = hf_model(shape) if kind == "hf" else Packed(shape)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    batches = batches_of(pairs)
    order = torch.randperm(len(batches), generator=torch.Generator().manual_seed(1)).tolist()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, tokens = 0.0, 0
    for step in range(steps + 1):
        batch = batches[order[step % len(order)]]
        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = hf_loss(model, batch) if kind == "hf" else model(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step > 0:  # the first one warms up
            seconds += time.perf_counter() - begin
            tokens += sum(len(p[1]) for p in batch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"tokens_per_second": tokens / seconds, "step_bytes": (peak - base) * 1024, "peak_bytes": peak * 1024}


def run_transept(command: str, config: str, steps: int, threads: int) -> dict:
    subprocess.run(["rm", "-rf", os.path.join(os.path.dirname(config), "out")], check=True)
    done = subprocess.run([command, "train", config, "--quiet", "--stats", "--threads", str(threads)], capture_output=True, text=True, check=True)
    stats = json.loads(done.stderr.splitlines()[-1])
    with open(os.path.join(os.path.dirname(config), "out/metrics.jsonl"), encoding="utf-8") as file:
        lines = [line for line in map(json.loads, file) if "seconds" in line]
    first, last = lines[0], lines[-1]  # the first step warms up
    seconds, tokens = last["seconds"] - first["seconds"], last["target_tokens"] - first["target_tokens"]
    return stats | {"tokens_per_second": tokens / seconds}


def product_flops(shape, source: int, target: int) -> float:
    """Of a whole step: forward, and twice as much backward."""
    d, d_ff, _, enc, dec, vocab = shape
    per_source = enc * (4 * d * d + 2 * d * d_ff) + dec * 2 * d * d
    per_target = dec * (6 * d * d + 2 * d * d_ff) + d * vocab
    return 3 * 2 * (source * per_source + target * per_target)


def matmul_peak(threads: int, dtype) -> float:
    torch.set_num_threads(threads)
    a, b = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    best = 0.0
    for _ in range(6):
        begin = time.perf_counter()
        a @ b
        best = max(best, 2 * 2048**3 / (time.perf_counter() - begin))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="tiny")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--transept", default="build/release/transept")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    shape = SHAPES[options.shape]
    pairs = make_pairs(100 * options.steps + 400, shape[-1])
    if options.child:
        print(json.dumps(run_torch(*options.child, shape, pairs, options.steps, options.threads)))
        return
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        has_bf16 = "bf16" in file.read()
    precisions = ["f32", "bf16"] if has_bf16 else ["f32"]  # emulated, a bf16 step takes minutes
    ways = [(kind, precision) for kind in ("hf", "packed") for precision in precisions]
    results: dict[str, list[dict]] = {}
    with tempfile.TemporaryDirectory() as folder:
        config = write_task(folder, pairs, shape, options.steps)
        for _ in range(options.rounds):
            results.setdefault("transept", []).append(run_transept(options.transept, config, options.steps, options.threads))
            for kind, precision in ways:  # each in a process of its own, for its memory
                arguments = [sys.executable, __file__, "--shape", options.shape, "--steps", str(options.steps), "--threads", str(options.threads)]
                done = subprocess.run([*arguments, "--child", kind, precision], capture_output=True, text=True, check=True)
                results.setdefault(f"{kind} {precision}", []).append(json.loads(done.stdout.splitlines()[-1]))
    speeds = {name: statistics.median(r["tokens_per_second"] for r in runs) for name, runs in results.items()}
    print(f"{options.shape}: d {shape[0]}, {shape[3]}+{shape[4]} layers, vocabulary {shape[5]}, {options.threads} threads, {options.rounds} rounds of {options.steps} steps")
    for name, runs in results.items():
        step = statistics.median(r["step_bytes"] for r in runs) / 1e6
        peak = statistics.median(r["peak_bytes"] for r in runs) / 1e6
        print(f"  {name:<12} {speeds[name]:8.0f} target tokens/s   step {step:6.0f} MB   process {peak:6.0f} MB")
    for kind in ("hf", "packed"):
        print(f"  transept / {kind}: {speeds['transept'] / max(speeds[f'{kind} {p}'] for p in precisions):.2f}")
    run = results["transept"][-1]
    rate = product_flops(shape, run["source_tokens"], run["target_tokens"]) / run["train_seconds"]
    for name in precisions:
        dtype = torch.float32 if name == "f32" else torch.bfloat16
        peak = matmul_peak(options.threads, dtype)
        print(f"  products of the whole step: {rate / 1e9:.0f} GFLOP/s, {100 * rate / peak:.0f} % of what a large {name} product of PyTorch reaches ({peak / 1e9:.0f})")


if __name__ == "__main__":
    main()
