#!/usr/bin/env python3
"""Compares transept's tokenizers with the reference, line by line: ids, offsets and decoded texts.

The corpus is real text (multi30k, tatoeba, Debian's documentation, from the data folder if it is
there) and generated text, the same for the same seed. The reference is the library `tokenizers`
for folders with a tokenizer.json, and transformers' AutoTokenizer with --auto.

Usage: compare_tokenizers.py FOLDER... --driver build/release/tests/tokenize_driver [--auto]
                             [--data DIR | --text FILE] [--lines 20000] [--seed 1] [--time]
Needs tokenizers 0.23.3 and, for --auto, transformers 5.24.0.
"""

import argparse
import gzip
import json
import lzma
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
from tokenizers import Tokenizer  # noqa: E402

SCRIPTS = [
    (0x20, 0x7F), (0xA0, 0x250), (0x250, 0x370), (0x370, 0x400), (0x400, 0x530), (0x530, 0x590),
    (0x590, 0x600), (0x600, 0x750), (0x900, 0x980), (0x980, 0xA00), (0xB80, 0xC00), (0xE00, 0xE80),
    (0xF00, 0x1000), (0x1000, 0x10A0), (0x1100, 0x1200), (0x1780, 0x1800), (0x1E00, 0x2000),
    (0x2000, 0x2070), (0x2100, 0x2200), (0x2460, 0x2500), (0x2E80, 0x3040), (0x3040, 0x3100),
    (0x3200, 0x3400), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0xF900, 0xFB00), (0xFB00, 0xFE00),
    (0xFE00, 0xFE70), (0xFF00, 0x10000), (0x1D400, 0x1D800), (0x1F300, 0x1FB00), (0x20000, 0x20100),
]  # fmt: skip
MARKS = [0x300, 0x301, 0x308, 0x30A, 0x327, 0x328, 0x345, 0x5B0, 0x64B, 0x93C, 0x94D, 0xE31, 0x20D0,
         0x3099, 0x309A, 0xFE0F, 0x200D, 0x1F3FB, 0x1D165, 0xE0061]  # fmt: skip
SPACES = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff\u2581"
EMOJI = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇫🇷", "1️⃣", "❤️", "©\u200d®", "🧑🏿‍🚀", "\U0001f468\u200d"]
ENGLISH = ["don't", "I'll", "we've", "they're", "it's", "I'm", "he'd", " 's", "'S", "can't .", "' a"]


def any_char(rng: random.Random) -> str:
    while True:
        c = rng.randrange(0x110000)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def script_word(rng: random.Random) -> str:
    low, high = rng.choice(SCRIPTS)
    word = ""
    for _ in range(rng.randint(1, 12)):
        word += chr(rng.randrange(low, high))
        while rng.random() < 0.1:
            word += chr(rng.choice(MARKS))
    return word


def generated(rng: random.Random, added: list[str], words: list[str]) -> Iterator[str]:
    """Endless nastiness."""

    def atom() -> str:
        kind = rng.randrange(12)
        if kind == 0:
            return "".join(any_char(rng) for _ in range(rng.randint(1, 6)))
        if kind == 1:
            return rng.choice(EMOJI)
        if kind == 2:
            return chr(rng.randrange(0, 0xA0))
        if kind == 3:
            return "".join(rng.choice(SPACES) for _ in range(rng.randint(1, 5)))
        if kind == 4:
            return " " * rng.randint(1, 20)
        if kind == 5:
            token = rng.choice(added)
            return rng.choice([token, token.lower(), token.upper(), token[:-1], token[1:]])
        if kind == 6:
            return chr(rng.choice(MARKS)) * rng.randint(1, 4)
        if kind == 7:
            return rng.choice(ENGLISH)
        if kind == 8:
            return str(rng.randrange(10 ** rng.randint(1, 9)))
        if kind == 9:
            return rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
        if kind == 10:
            return script_word(rng)
        return rng.choice(words)

    while True:
        parts = [atom() for _ in range(rng.randint(1, 14))]
        yield rng.choice(["", " "]).join(parts)


def fixed(added: list[str], rng: random.Random) -> list[str]:
    """Lines that must be there."""
    lines = ["", " ", "  ", "\n", "\r\n", "a\r\nb", "\x00", "a\x00b", "\ufffd", "\ufeffa", "'", "''s"]
    for token in added:
        lines += [token, f"a{token}b", f" {token} ", f"a {token} b", f"a  {token}  b", token * 2,
                  f"{token}.", f"\t{token}\n", f"é{token}中"]  # fmt: skip
    for form in ["Å", "A\u030a", "\u212b", "ﬁ", "ﬁ\u0301", "ª\u0301", "\u1e9b\u0323", "각", "\u1100"
                 "\u1161\u11a8", "ǆ", "①", "㍿", "\u0344", "ﷺ", "\u0958\u0301", "İ", "ß", "ẞ", "Σ",
                 "ΑΣ", "\u0600ª\u0301", "क़\u0301", "क्क़\u0301", "™\u200d™\u0301"]:  # fmt: skip
        lines += [form, f"x{form}y", f"{form} {form}", form * 3]
    lines += ["x" * 99, "x" * 100, "x" * 101, "é" * 100, "é" * 101, "a" * 5000, "ab" * 5000]
    lines += ["".join(rng.choice("abcdefghij") for _ in range(1_000_000)), " " * 100_000 + "a"]
    lines += ["中" * 300_000, "e\u0301" * 20_000, "." * 50_000, "'" * 1000, "a'" * 1000, "👍" * 30_000]
    # Every code point, alone between letters and with neighbours of its kind.
    for at in range(0, 0x110000, 48):
        block = [chr(c) for c in range(at, min(at + 48, 0x110000)) if not 0xD800 <= c < 0xE000]
        assigned_plane = at < 0x32400 or 0xE0000 <= at < 0xE0200
        if block and (assigned_plane or at % 4800 == 0):
            lines.append("a".join(block) if at % 96 else " ".join(block))
            if at < 0x3000 or 0xA000 <= at < 0x20000:
                lines.append("".join(block))
                lines.append("".join("ª" + c for c in block))
    return lines


def real(data: Path, count: int, rng: random.Random) -> list[str]:
    lines: list[str] = []
    for language in "en", "de", "fr":
        path = data / f"multi30k/train.{language}.gz"
        if path.exists():
            lines += gzip.open(path, "rt", encoding="utf-8").read().split("\n")[:20000]
    for pair in "de", "fr":
        path = data / f"tatoeba-en-{pair}/pairs.tsv.gz"
        if path.exists():
            lines += gzip.open(path, "rt", encoding="utf-8").read().split("\n")[:40000]
    path = data / "debian/docs.valid.jsonl.xz"
    if path.exists():
        for line in lzma.open(path, "rt", encoding="utf-8"):
            record = json.loads(line)
            lines += [v for v in record.values() if isinstance(v, str)][:3]
    rng.shuffle(lines)
    return lines[:count]


def corpus(added: list[str], real_lines: list[str], count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    lines = fixed(added, rng) + real_lines
    words = [w for line in lines[-500:] for w in line.split()] or ["word"]
    source = generated(rng, added, words)
    while len(lines) < count:
        lines.append(next(source))
    return lines


def reference_json(folder: Path, lines: list[str]) -> Iterator[dict]:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    for line in lines:
        encoding = tokenizer.encode(line)
        ids = encoding.ids
        yield {
            "ids": ids,
            "offsets": [place for pair in encoding.offsets for place in pair],
            "plain": tokenizer.decode(ids, skip_special_tokens=True),
            "full": tokenizer.decode(ids, skip_special_tokens=False),
        }


def reference_auto(folder: Path, lines: list[str], source: str | None) -> Iterator[dict]:
    from transformers import AutoTokenizer

    options = {"src_lang": source} if source else {}
    tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    for line in lines:
        encoding = tokenizer(line, return_offsets_mapping=True)
        ids = encoding["input_ids"]
        yield {
            "ids": ids,
            "offsets": [place for pair in encoding["offset_mapping"] for place in pair],
            "plain": tokenizer.decode(ids, skip_special_tokens=True),
            "full": tokenizer.decode(ids, skip_special_tokens=False),
        }


def compare(folder: Path, lines: list[str], args: argparse.Namespace) -> int:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    options = ["--source", args.source] if args.source else []
    done = subprocess.run([args.driver, folder, *options], input=text.encode(),
                          capture_output=True, check=False)  # fmt: skip
    if done.returncode:
        print(f"{folder}: {done.stderr.decode()}")
        return 1
    answers = done.stdout.decode().split("\n")
    expected = (
        reference_auto(folder, lines, args.source) if args.auto else reference_json(folder, lines)
    )
    wrong = dict.fromkeys(("ids", "offsets", "plain", "full"), 0)
    shown = 0
    mismatches = 0
    for line, answer, want in zip(lines, answers, expected, strict=False):
        got = json.loads(answer)
        differences = [k for k in wrong if got.get(k) != want[k]]
        for key in differences:
            wrong[key] += 1
        mismatches += bool(differences)
        if differences and shown < args.show:
            shown += 1
            print(f"{folder.name}: {line[:120]!r} ({len(line)} characters)")
            if "error" in got:
                print("  error:", got["error"])
                continue
            for key in differences[:2]:
                a, b = got[key], want[key]
                at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                low = max(0, at - 4)
                print(f"  {key}[{low}:] got {a[low : at + 8]!r} expected {b[low : at + 8]!r}")
    print(f"{folder.name}: {len(lines)} lines, {mismatches} mismatches {wrong}")
    return mismatches


def measure(folder: Path, lines: list[str], args: argparse.Namespace) -> None:
    """CPU seconds for all lines, the best of several rounds."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    ours = subprocess.run([args.driver, folder, "--time"], input=text.encode(),
                          capture_output=True, check=True)  # fmt: skip
    seconds = min(float(row.split()[0]) for row in ours.stdout.decode().split("\n") if row)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    theirs, fast = [], []
    for _ in range(3):
        start = time.process_time()
        tokenizer.encode_batch(lines)
        theirs.append(time.process_time() - start)
        start = time.process_time()
        tokenizer.encode_batch_fast(lines)
        fast.append(time.process_time() - start)
    megabytes = sum(len(line.encode()) for line in lines) / 1e6
    print(f"{folder.name}: {len(lines)} lines, {megabytes:.2f} MB: {seconds:.3f} s, "
          f"{megabytes / seconds:.1f} MB/s; tokenizers {min(theirs):.3f} s (without offsets "
          f"{min(fast):.3f} s): {min(theirs) / seconds:.1f} times as fast "
          f"({min(fast) / seconds:.1f})")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared/data")
    parser.add_argument("--text", type=Path, help="a file whose lines stand for the real text")
    parser.add_argument("--lines", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=8)
    parser.add_argument("--auto", action="store_true")
    parser.add_argument("--source")
    parser.add_argument("--time", action="store_true")
    args = parser.parse_args()
    wrong = 0
    for folder in args.folders:
        added = ["<s>", "</s>", "<pad>", "<mask>", "<unk>", "[CLS]", "[MASK]", "<extra_id_7>"]
        if (folder / "tokenizer.json").exists():
            tokens = json.loads((folder / "tokenizer.json").read_bytes()).get("added_tokens", [])
            added = [t["content"] for t in tokens][:40] or added
        count = args.lines if args.time else args.lines // 2
        rng = random.Random(args.seed)
        lines = args.text.read_text().split("\n") if args.text else real(args.data, count, rng)
        if args.time:
            measure(folder, [x for x in lines if x], args)
        else:
            wrong += compare(folder, corpus(added, lines, args.lines, args.seed), args)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
