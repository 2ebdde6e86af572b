#!/usr/bin/env python3
"""Does a folder that `transept train` wrote load in Hugging Face transformers, with the same results?

    tools/check_in_transformers.py FOLDER PAIRS.tsv [--transept build/release/transept] [--lines 20]

Loads FOLDER with AutoModelForSeq2SeqLM (a decoder on its own: AutoModelForCausalLM) and AutoTokenizer, tokenises the inputs
and outputs of PAIRS (input<TAB>output) with both, and compares the log-probability of every output token (`transept score`). Prints one line; exit code 1 where they
differ. Needs torch, transformers (made with 5.24) and sentencepiece.
"""
import argparse
import json
import subprocess
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

TOLERANCE = 2e-4  # f32 sums of different order, through all layers and a softmax


def transept(command: str, *arguments: str, lines: list[str]) -> list[str]:
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run([command, *arguments], input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("pairs")
    parser.add_argument("--transept", default="build/release/transept")
    parser.add_argument("--lines", type=int, default=20)
    options = parser.parse_args()

    alone = not AutoConfig.from_pretrained(options.folder).is_encoder_decoder
    kind = AutoModelForCausalLM if alone else AutoModelForSeq2SeqLM
    model, info = kind.from_pretrained(options.folder, dtype=torch.float32, output_loading_info=True)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(options.folder)
    problems = []
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        # Pegasus' class computes its sinusoids itself; a decoder never reads BERT's pooler.
        computed = {"pegasus": "embed_positions", "encoder-decoder": "encoder.pooler."}.get(model.config.model_type)
        names = sorted(name for name in info[kind] if not (computed and computed in name))
        if names:
            problems.append(f"{kind}: {names}")

    with open(options.pairs, encoding="utf-8") as file:
        pairs = [line.rstrip("\n").split("\t")[-2:] for line in file][: options.lines]
    sources = [[int(i) for i in line.split()] for line in transept(options.transept, "tokenize", options.folder, lines=[p[0] for p in pairs])]
    for (text, _), ids in zip(pairs, sources):
        theirs = tokenizer(text).input_ids
        if theirs != ids:
            problems.append(f"ids of {text!r}: {ids} here, {theirs} there")
            break

    scores = transept(options.transept, "score", options.folder, "--format", "jsonl", lines=["\t".join(p) for p in pairs])
    start = model.generation_config.decoder_start_token_id
    if start is None:
        start = model.config.decoder_start_token_id
    worst = 0.0
    count = 0
    for ids, line in zip(sources, scores):
        tokens = json.loads(line)["tokens"]
        labels = [token["id"] for token in tokens]
        with torch.no_grad():
            if alone:
                logits = model(input_ids=torch.tensor([ids + labels[:-1]])).logits[0, len(ids) - 1 :]
            else:
                logits = model(
                    input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([[start] + labels[:-1]])
                ).logits[0]
        theirs = torch.log_softmax(logits.double(), -1)[range(len(labels)), labels]
        ours = torch.tensor([token["logprob"] for token in tokens], dtype=torch.double)
        worst = max(worst, float((theirs - ours).abs().max()))
        count += len(labels)
    if worst > TOLERANCE:
        problems.append(f"log-probabilities differ by {worst:.2e}")
    for problem in problems:
        print(f"{options.folder}: {problem}", file=sys.stderr)
    print(
        f"{options.folder}: {type(model).__name__}, {type(tokenizer).__name__}: {count} tokens of {len(pairs)} pairs, "
        f"log-probabilities differ by at most {worst:.1e}"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
