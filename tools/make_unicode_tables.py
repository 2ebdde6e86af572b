#!/usr/bin/env python3
"""Writes src/text/unicode_tables.inl: the character properties that the reference tokenizers use.

The Rust library `tokenizers` mixes several Unicode versions: Rust's own, that of the crates regex,
unicode_categories and unicode-segmentation, and that of Oniguruma. To split text exactly alike, its
answers are asked for, code point by code point, and stored.

Usage: make_unicode_tables.py > src/text/unicode_tables.inl
Made with tokenizers 0.23.3 and regex 2026.11.19.
"""

import sys

import regex
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]

# The order is that of enum CharProperty in unicode.h.
GCB = ["Other", "CR", "LF", "Control", "Extend", "ZWJ", "SpacingMark", "Prepend",
       "Regional_Indicator", "L", "V", "T", "Syllable"]  # fmt: skip

# The module regex knows Unicode 18; the reference (unicode-segmentation 1.13) knows 17. Code points
# that got a grapheme property since, and those that lost Extended_Pictographic.
AFTER_17 = [
    (0x5C8, 0x5C9), (0xB53, 0xB54), (0x1ADE, 0x1ADF), (0x1AEC, 0x1AF0), (0x10ECB, 0x10ECF),
    (0x10EF0, 0x10EF9), (0x11B0A, 0x11B0A), (0x11DF0, 0x11DF1), (0x1D127, 0x1D128),
    (0x1D250, 0x1D252), (0x1D25B, 0x1D25C), (0x1D25F, 0x1D25F), (0x1D280, 0x1D281),
]  # fmt: skip
UNTIL_17 = [(0x1F1AE, 0x1F1AE), (0x1F7DA, 0x1F7DB), (0x1F7F1, 0x1F7FF)]


def within(c: int, ranges: list[tuple[int, int]]) -> bool:
    return any(low <= c <= high for low, high in ranges)


def isolated(splitter: pre_tokenizers.PreTokenizer, block: list[int]) -> list[bool]:
    """For each code point c: does the splitter cut "b" + c + "b" before c?"""
    text = "".join("b" + chr(c) + "b" for c in block)
    starts = {begin for _, (begin, _) in splitter.pre_tokenize_str(text)}
    starts |= {end for _, (_, end) in splitter.pre_tokenize_str(text)}
    return [3 * i + 1 in starts for i in range(len(block))]


def normalized(normalizer: normalizers.Normalizer, c: int) -> str:
    return normalizer.normalize_str("b" + chr(c) + "b")[1:-1]


def removed_space(block: list[int]) -> list[bool]:
    """Is c white space for the regex crate? Whitespace() drops it."""
    split = pre_tokenizers.Whitespace()
    text = "".join("b" + chr(c) + "b" for c in block)
    covered = bytearray(len(text))
    for _, (begin, end) in split.pre_tokenize_str(text):
        for i in range(begin, end):
            covered[i] = 1
    return [covered[3 * i + 1] == 0 for i in range(len(block))]


def onig(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def masks() -> list[int]:
    """The property bits of every code point."""
    bits: list[list[int]] = []
    splitters = [
        pre_tokenizers.WhitespaceSplit(),
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Punctuation("isolated"),
    ]
    onigs = [onig(r"[\p{L}&&[^b]]"), onig(r"\p{N}"), onig(r"\s")]
    onig_word, onig_digit = onig(r"[\w&&[^b]]"), onig(r"\d")
    clean = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False
    )
    strip = normalizers.BertNormalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False
    )
    accents = normalizers.StripAccents()
    word = pre_tokenizers.Whitespace()
    gcb = [regex.compile(r"\p{GCB=%s}" % g) for g in GCB[:-1]]
    syllable = regex.compile(r"[\p{GCB=LV}\p{GCB=LVT}]")
    pictograph = regex.compile(r"\p{ExtPict}")
    incb = [regex.compile(r"\p{InCB=%s}" % v) for v in ("Consonant", "Linker", "Extend")]
    result = [0] * 0x110000
    for at in range(0, len(CODE_POINTS), 4096):
        block = CODE_POINTS[at : at + 4096]
        bits = [isolated(s, block) for s in splitters]
        bits.append([normalized(clean, c) == "" for c in block])
        bits.append([normalized(strip, c) == "" for c in block])
        bits.append([normalized(accents, c) == "" for c in block])
        bits += [isolated(s, block) for s in onigs]
        bits.append([not b for b in isolated(word, block)])
        bits.append(removed_space(block))
        late = [isolated(onig_word, block), isolated(onig_digit, block)]
        for i, c in enumerate(block):
            mask = sum(1 << k for k, column in enumerate(bits) if column[i])
            char = chr(c)
            mask |= sum(1 << (18 + k) for k, column in enumerate(late) if column[i])
            if c == ord("b"):
                mask |= 1 << 6 | 1 << 18  # a letter; "b" is the neighbour in the probes above
            group = next((k for k, g in enumerate(gcb) if k and g.match(char)), 0)
            if within(c, AFTER_17):
                result[c] = mask
                continue
            if syllable.match(char):
                group = GCB.index("Syllable")
            mask |= group << 11
            if pictograph.match(char) or within(c, UNTIL_17):
                mask |= 1 << 15
            mask |= next((k + 1 for k, v in enumerate(incb) if v.match(char)), 0) << 16
            result[c] = mask
    return result


def lower_runs() -> tuple[list[tuple[int, int, int, int]], dict[int, str]]:
    """Runs (first, count, stride, delta) of lowercase mappings, and those to several characters."""
    lowercase = normalizers.Lowercase()
    single: dict[int, int] = {}
    several: dict[int, str] = {}
    for c in CODE_POINTS:
        low = lowercase.normalize_str(chr(c))
        if low != chr(c):
            if len(low) == 1:
                single[c] = ord(low) - c
            else:
                several[c] = low
    runs: list[tuple[int, int, int, int]] = []
    left = sorted(single)
    while left:
        c = left[0]
        best: list[int] = []
        for stride in (1, 2):
            run = [c]
            while single.get(run[-1] + stride) == single[c]:
                if stride == 2 and run[-1] + 1 in single:
                    break
                run.append(run[-1] + stride)
            if len(run) > len(best):
                best, best_stride = run, stride
        runs.append((c, len(best), best_stride, single[c]))
        left = [x for x in left if x not in set(best)]
    return runs, several


def wrap(items: list[str], indent: str = "    ") -> str:
    lines, line = [], indent
    for item in items:
        if len(line) + len(item) + 2 > 100:
            lines.append(line.rstrip())
            line = indent
        line += item + ", "
    return "\n".join([*lines, line.rstrip()])


def main() -> None:
    all_masks = masks()
    distinct = sorted(set(all_masks))
    runs: list[list[int]] = []
    for mask in all_masks:
        index = distinct.index(mask)
        if runs and runs[-1][1] == index:
            runs[-1][0] += 1
        else:
            runs.append([1, index])
    low, several = lower_runs()
    if set(several) != {0x130}:
        sys.exit(f"unexpected: {several}")
    print(f"// Generated by tools/make_unicode_tables.py from tokenizers {tokenizers.__version__};")
    print("// see there. Do not edit.")
    print("// clang-format off")
    print("constexpr uint32_t kMasks[] = {")
    print(wrap([str(m) for m in distinct]))
    print("};")
    print("// Runs of code points with the same mask: length, index into kMasks.")
    print("constexpr uint32_t kRuns[] = {")
    print(wrap([f"{n},{i}" for n, i in runs]))
    print("};")
    print("// Lowercase mappings: first, count, stride, difference.")
    print("constexpr int32_t kLower[] = {")
    print(wrap([f"{f},{n},{s},{d}" for f, n, s, d in low]))
    print("};")
    print("// clang-format on")


if __name__ == "__main__":
    main()
