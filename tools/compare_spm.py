"""Compares transept's SentencePiece tokenizers with the reference, line by line.

    compare_spm.py DRIVER KIND FOLDER [--lines N] [--seed S] [--data FOLDER] [driver flags …]

KIND is spm (python sentencepiece; FOLDER is a .model file) or a tokenizer class of transformers
(MarianTokenizer, T5Tokenizer, …). Prints the lines compared and the first mismatches; exit code 1
if there are any. Needs transformers 5.24, sentencepiece 0.2.3, sacremoses 0.2.0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from itertools import accumulate
from pathlib import Path
from typing import Any, Callable

from tokenizer_corpus import corpus, huge

Reference = Callable[[str], dict[str, Any]]


def spm_reference(path: str) -> Reference:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=path)

    def encode(text: str) -> dict[str, Any]:
        proto = processor.encode(text, return_type="proto")  # byte offsets
        ids = [p.id for p in proto.pieces]
        code_point = list(accumulate((b & 0xC0 != 0x80 for b in text.encode("utf-8")), initial=0))
        offsets = [code_point[x] for p in proto.pieces for x in (p.begin, p.end)]
        return {"ids": ids, "offsets": offsets, "text": processor.decode(ids)}

    return encode


def transformers_reference(kind: str, folder: str, args: argparse.Namespace) -> Reference:
    import transformers

    keywords: dict[str, Any] = {}
    if args.source_language:
        keywords["src_lang"] = args.source_language
    if args.target_language:
        keywords["tgt_lang"] = args.target_language
    tokenizer = getattr(transformers, kind).from_pretrained(folder, **keywords)
    if kind == "MarianTokenizer" and args.normalize_punctuation:
        # transformers 5.24 sets the normalizer up but never calls it when encoding (see the docs)
        normalize = tokenizer.normalize
    else:
        normalize = str

    def encode(text: str) -> dict[str, Any]:
        text = normalize(text)
        fast = getattr(tokenizer, "is_fast", False)
        keys: dict[str, Any] = {"add_special_tokens": not args.no_special, "return_offsets_mapping": fast}
        out = tokenizer(text_target=text, **keys) if args.target else tokenizer(text, **keys)
        result = {"ids": out["input_ids"]}
        try:
            result["text"] = tokenizer.decode(out["input_ids"], skip_special_tokens=not args.keep_special)
        except (IndexError, TypeError, ValueError):  # ids of the source side, where the two sides differ
            pass
        if fast:
            result["offsets"] = [x for pair in out["offset_mapping"] for x in pair]
        return result

    return encode


def first_difference(ours: Any, theirs: Any) -> str:
    if not isinstance(ours, type(theirs)):
        return f"  ours   {ours!r}"
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    part = slice(max(0, at - 3), at + 8)
    return f"  at {at} of {len(ours)} and {len(theirs)}\n  ours   {ours[part]!r}\n  theirs {theirs[part]!r}"


def compare(args: argparse.Namespace) -> int:
    lines = corpus(Path(args.data) if args.data else None, args.lines, args.nasty, args.seed)
    if args.huge:
        lines += huge()
    flags = [f"--{name.replace('_', '-')}" for name in ["target", "no_special", "keep_special", "normalize_punctuation"]
             if getattr(args, name)]
    for name in ["source_language", "target_language"]:
        if getattr(args, name):
            flags += [f"--{name.replace('_', '-')}", getattr(args, name)]
    reference = spm_reference(args.folder) if args.kind == "spm" else transformers_reference(args.kind, args.folder, args)
    stdin = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode("utf-8")
    ran = subprocess.run([args.driver, args.folder, *flags], input=stdin, capture_output=True, check=True)
    outputs = [json.loads(line) for line in ran.stdout.decode("utf-8").split("\n") if line]
    assert len(outputs) == len(lines), (len(outputs), len(lines))
    counts: dict[str, int] = {}
    start = time.time()
    for text, ours in zip(lines, outputs):
        theirs = reference(text)
        for key, value in theirs.items():
            if ours.get(key) == value:
                continue
            counts[key] = counts.get(key, 0) + 1
            if sum(counts.values()) <= args.show:
                print(f"{key}: {text[:200]!r}\n{first_difference(ours.get(key, ours), value)}")
    print(f"{args.kind} {Path(args.folder).name} {' '.join(flags)}: {len(lines)} lines, mismatches {counts or 0} "
          f"({time.time() - start:.0f} s)")
    return 1 if counts else 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("kind")
    parser.add_argument("folder")
    parser.add_argument("--lines", type=int, default=14000, help="real lines")
    parser.add_argument("--nasty", type=int, default=12000, help="generated lines")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data")
    parser.add_argument("--huge", action="store_true", help="also lines of a megabyte")
    parser.add_argument("--show", type=int, default=3)
    for name in ["--target", "--no-special", "--keep-special", "--normalize-punctuation"]:
        parser.add_argument(name, action="store_true")
    parser.add_argument("--source-language", default="")
    parser.add_argument("--target-language", default="")
    return compare(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
