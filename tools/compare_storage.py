#!/usr/bin/env python3
"""Quality of the storage types against f32, on pairs of source and reference.

    compare_storage.py MODEL PAIRS.tsv [--dtypes f32,bf16,int8] [--lines 200] [--prefix "translate English to German: "]

PAIRS.tsv has source<TAB>reference lines. For each type: BLEU and chrF of greedy outputs against the references, the
share of outputs that equal f32's, and the mean log-probability per token that it gives the references. Needs sacrebleu.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import sacrebleu

ROOT = Path(__file__).resolve().parents[1]


def run(command: list[str], text: str) -> list[dict]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([*command, "--input-file", file.name], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--dtypes", default="f32,bf16,int8")
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--command", default=str(ROOT / "build/release/transept"))
    arguments = parser.parse_args()

    lines = arguments.pairs.read_text().splitlines()[: arguments.lines]
    pairs = [line.split("\t")[:2] for line in lines]
    sources = "".join(f"{arguments.prefix}{source}\n" for source, _ in pairs)
    scored = "".join(f"{arguments.prefix}{source}\t{reference}\n" for source, reference in pairs)
    references = [reference for _, reference in pairs]
    baseline: list[str] = []
    for dtype in arguments.dtypes.split(","):
        common = [arguments.model, "--dtype", dtype, "--format", "jsonl"]
        generate = [arguments.command, "generate", *common, "--max-new-tokens", "64", "--batch-size", "16"]
        outputs = [answer["text"] for answer in run(generate, sources)]
        scores = run([arguments.command, "score", *common], scored)
        tokens = sum(len(score["tokens"]) for score in scores)
        logprob = sum(score["logprob"] for score in scores) / tokens
        baseline = baseline or outputs
        same = sum(a == b for a, b in zip(outputs, baseline)) / len(outputs)
        bleu = sacrebleu.corpus_bleu(outputs, [references]).score
        chrf = sacrebleu.corpus_chrf(outputs, [references]).score
        print(
            f"{dtype:5s} BLEU {bleu:6.2f}  chrF {chrf:6.2f}  outputs equal {same:6.1%}  "
            f"log-probability per reference token {logprob:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
