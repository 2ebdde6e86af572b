"""Text that tokenizers get wrong: made from a seed, plus real lines from a data folder."""

from __future__ import annotations

import gzip
import json
import lzma
import random
from pathlib import Path

SPECIALS = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "<mask_1>", "<mask_2>", "<n>", "<unk_7>", "<extra_id_0>",
            "<extra_id_12>", ">>fr<<", ">>en<<", "en_XX", "fr_XX", "__fr__", "__en__", "eng_Latn", "fra_Latn",
            "<0x41>", "<0xE2>", "▁", "▁▁", " ⁇ ", "<|endoftext|>", "<sep>", "<cls>"]
MARKS = ["\u0301", "\u0300", "\u0308", "\u0327", "\u0323", "\u20dd", "\u0345", "\u093c", "\u3099", "\ufe0f", "\u034f"]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\u1680", "\ufeff",
          "\u200d", "\u00ad", "\x0b", "\x0c", "\x85", "\x1c", "\u180e", "\u202f", "\u205f", "\u2060"]
EMOJI = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇫🇷🇩🇪", "❤️‍🔥", "🧑🏿‍🚀", "1️⃣", "🤷‍♀️", "🫠"]
ODD = ["ﬁ", "ﬃ", "ＡＢＣ", "１２３", "ｶﾞｷﾞ", "㌀", "㎏", "™", "½", "ⅷ", "①", "Ǆ", "ß", "İ", "ı", "ŉ", "ẞ", "…", "‥", "｡", "〜",
       "～", "－", "‐", "–", "—", "―", "“", "”", "„", "«", "»", "‘", "’", "`", "´", "''", "\"", "...", "( a )", " ?", " !",
       " ;", " :", " %", "nº 5", "ºC", "5 cm", "° C", "،", "٫", "१२३", "각", "각", "\u1100\u1161\u11a8", "ﷺ", "𝒜𝓑",
       "𐍈", "豈", "\u2126", "\u212b", "a\u0301\u0323", "q\u0307\u0323", "\u0000", "\x01", "\x7f", "\u0080", "\ufffd",
       "\uffff", "\U0010ffff", "\ue000", "»…«", "1,000.5", "1.000,5", "1 000", "12 %", "»?", "“.", ".”", "\",", "\".",
       "pseudo-", "‚", "›", "‹", "''a''", "http://a.b/c?d=e&f#g", "a@b.cd", "C++", "don't", "l'été", "№", "&amp;", "&#39;"]
WORDS = ("the of and to in is that it was for on are with as his they be at one have this from by hot word but what "
         "Straße Übermut façade naïve garçon maïs Москва привет мир 東京 日本語 こんにちは カタカナ 안녕하세요 สวัสดี नमस्ते مرحبا שלום "
         "γειά Ελλάδα ქართული հայերեն ይህ ខ្មែរ မြန်မာ Việt Đường ñandú İstanbul łódź čeština").split()


def any_character(rng: random.Random) -> str:
    while True:
        plane = rng.choice([0, 0, 0, 0, 1, 1, 2, 3, 14, 15, 16])
        code = plane * 0x10000 + rng.randrange(0x10000)
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code)


def fragment(rng: random.Random) -> str:
    kind = rng.randrange(12)
    if kind <= 3:
        return rng.choice(WORDS)
    if kind == 4:
        return rng.choice(SPACES) * rng.randrange(1, 4)
    if kind == 5:
        return rng.choice(SPECIALS)
    if kind == 6:
        return rng.choice(EMOJI)
    if kind == 7:
        return rng.choice("aeiouncAEIOUNC가カ") + "".join(rng.choices(MARKS, k=rng.randrange(1, 4)))
    if kind == 8:
        return "".join(any_character(rng) for _ in range(rng.randrange(1, 5)))
    if kind == 9:
        return "".join(chr(rng.randrange(0x20, 0x180)) for _ in range(rng.randrange(1, 7)))
    return rng.choice(ODD)


def nasty(n: int, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    glue = ["", " ", "", " ", "  "]
    return [
        "".join(fragment(rng) + rng.choice(glue) for _ in range(rng.randrange(0, 12)))
        if rng.random() < 0.97
        else "".join(any_character(rng) for _ in range(rng.randrange(1, 40)))
        for _ in range(n)
    ]


def huge(seed: int = 2) -> list[str]:
    """Lines of a megabyte, without a space or with nothing else."""
    rng = random.Random(seed)
    size = 1 << 20
    letters = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=size))
    mixed = "".join(rng.choices(WORDS, k=size // 6)).replace(" ", "")
    return ["a" * size, letters, mixed, " " * size, "é" * (size // 2), "🤷" * (size // 4), "x" + " " * size + "y"]


def real(data: Path, n: int) -> list[str]:
    lines: list[str] = []
    for name in ["multi30k/train.en.gz", "multi30k/train.de.gz", "multi30k/train.fr.gz"]:
        with gzip.open(data / name, "rt", encoding="utf-8") as f:
            lines += [line.rstrip("\n") for line, _ in zip(f, range(n // 6))]
    for name in ["tatoeba-en-de/pairs.tsv.gz", "tatoeba-en-fr/pairs.tsv.gz"]:
        with gzip.open(data / name, "rt", encoding="utf-8") as f:
            lines += [line.split("\t")[i % 2] for i, line in zip(range(n // 6), f)]
    with lzma.open(data / "debian/docs.train.jsonl.xz", "rt", encoding="utf-8") as f:
        for line in f:
            if len(lines) >= n:
                break
            lines += [p for p in " \n".join(v for v in json.loads(line).values() if isinstance(v, str)).split("\n\n")][:20]
    return lines[:n]


def corpus(data: Path | None, n_real: int = 14000, n_nasty: int = 12000, seed: int = 1) -> list[str]:
    return (real(data, n_real) if data else []) + nasty(n_nasty, seed) + ["", " ", "  ", "\n"]
