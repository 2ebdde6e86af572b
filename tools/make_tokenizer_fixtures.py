#!/usr/bin/env python3
"""Writes tests/fixtures/tokenizers: tiny tokenizers of every kind and what the reference makes of
some lines with them.

Each folder has a tokenizer.json (or the older files) and golden.json: a list of
{"text", "ids", "offsets", "pieces", "plain", "full"}, where "plain" is decoded without and "full"
with special tokens. Usage: make_tokenizer_fixtures.py. Made with tokenizers 0.23.3 and
transformers 5.24.0.
"""

import json
import os
import random
import struct
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import (  # noqa: E402
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

OUT = Path(__file__).parents[1] / "tests/fixtures/tokenizers"

TEXT = """The quick brown fox jumps over the lazy dog. It's the fox that doesn't sleep, isn't it?
Der schnelle braune Fuchs springt über den faulen Hund; die Häuser sind schön, 12 Äpfel kosten 3,50.
Le renard brun saute par-dessus le chien paresseux. L'été dernier, il a dormi à la maison.
Быстрая бурая лиса прыгает через ленивую собаку. Το αλεπού πηδάει. 素早い茶色の狐は怠け者の犬を飛び越える。
We're sure they've seen what I'm saying; he'd say we'll win 1000 times, won't he? A house is a house.
""".split("\n")

LINES = [
    "", " ", "  two  spaces  ", "The fox isn't here, we're late.", "Häuser über Äpfel", "naïve café",
    "naïve café", "ÅÅÅ ﬁne ①②㍿ ǆ ẛ̣", "İSTANBUL ΑΣ ẞ",
    "素早い狐 と 犬", "лиса 123 1000", "tab\tnew\nline\r\nend", "a\u00a0b\u2003c\u3000d\u200be",
    "\x00\x01control\x7f\x85", "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪", "e\u0301\u0323 \u0323e\u0301 क्षि ส้ม",
    "<s>", "a<s>b", "  <mask>  x", "x <mask>y", "[MASK] fox [MASK]dog", "fox<mask></s>",
    "Yesterday yesterday YESTERDAY", "ab-abc abx", "!!!'s 'S don''t '", "...---...", "▁under▁score",
    "\ufffd\ufeff", "🄰𝔄𝟘 𐐀", "x" * 120, "é" * 101, "1st 2nd ٣ ½ Ⅷ", "\u1100\u1161\u11a8 각",
    "a  \n  b", " 's 're", "unknown ☃ ❄ snow", "<0x41>", "a_b_c __", "ª\u0301ﬁ\u0301 \tx\r\ny",
]  # fmt: skip


def charsmap() -> bytes:
    """A SentencePiece character map of a few rules, as a double array by the plainest placement."""
    rules = {"ﬁ": "fi", "ª": "a", "①": "1", "㍿": "株式会社", "\t": " ", "\r": " ", "\n": " ",
             "\x01": "", "\u00a0": " ", "\u3000": " ", "e\u0301": "é", "Å": "Å"}  # fmt: skip
    text = b""
    trie: dict = {}
    for key, value in rules.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[None] = len(text)
        text += value.encode() + b"\0"
    units = {0: 0}
    used = {0}
    bases: set[int] = set()

    def place(at: int, node: dict) -> None:
        labels = sorted((0 if key is None else key) for key in node)
        base = 1
        while base in bases or any((base ^ label) in used for label in labels):
            base += 1
        bases.add(base)
        used.update(base ^ label for label in labels)
        units[at] |= (base ^ at) << 10 | (1 << 8 if None in node else 0)
        for key, child in node.items():
            place_at = base ^ (0 if key is None else key)
            units[place_at] = child | 1 << 31 if key is None else key
        for key, child in node.items():
            if key is not None:
                place(base ^ key, child)

    place(0, trie)
    size = (max(units) | 255) + 1
    blob = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(size))
    return struct.pack("<I", len(blob)) + blob + text


def special(content: str, **flags: bool) -> AddedToken:
    return AddedToken(content, special=True, **flags)


def wordpiece() -> Tokenizer:
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(TEXT, trainers.WordPieceTrainer(vocab_size=400, special_tokens=names))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.decoder = decoders.WordPiece()
    t.enable_truncation(8)
    t.enable_padding(length=8)
    return t


def byte_level() -> Tokenizer:
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    t.train_from_iterator(TEXT, trainer)
    t.add_special_tokens([special("<mask>", lstrip=True)])
    t.add_tokens([AddedToken("abc", single_word=True), AddedToken("snow", rstrip=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, True)
    t.decoder = decoders.ByteLevel()
    return t


def bpe_metaspace() -> Tokenizer:
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=names)
    t.train_from_iterator(TEXT, trainer)
    data = json.loads(t.to_str())
    data["added_tokens"] = data["added_tokens"][:3]  # the bytes are no added tokens
    data["added_tokens"][2]["normalized"] = True
    t = Tokenizer.from_str(json.dumps(data))
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    t.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return t


def bpe_suffix() -> Tokenizer:
    t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(),
         normalizers.Strip(), normalizers.Replace(Regex(r"[\s_]+"), " ")]
    )  # fmt: skip
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], end_of_word_suffix="</w>"
    )
    t.train_from_iterator(TEXT, trainer)
    t.add_tokens([AddedToken("Yesterday", normalized=True)])
    t.decoder = decoders.BPEDecoder("</w>")
    return t


def unigram() -> Tokenizer:
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"
    )
    t.train_from_iterator(TEXT, trainer)
    t.add_special_tokens(["<mask>", "deu_Latn", "fra_Latn"])
    mark = t.token_to_id("deu_Latn")
    t.post_processor = processors.TemplateProcessing(
        single="deu_Latn $A </s>",
        pair="deu_Latn $A $B </s>",
        special_tokens=[("deu_Latn", mark), ("</s>", 1)],
    )
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    return t


def wordlevel() -> Tokenizer:
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_previous"),
         pre_tokenizers.Split("ab", "merged_with_next"),
         pre_tokenizers.Split(Regex(r"\d|[aeiou]{2}"), "contiguous")]
    )  # fmt: skip
    t.train_from_iterator(TEXT, trainers.WordLevelTrainer(special_tokens=["<unk>", "<s>"]))
    return t


def golden(tokenizer: Tokenizer, lines: list[str]) -> list[dict]:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = []
    # id_to_token() would give the normalised spelling of added tokens.
    added = {i: token.content for i, token in tokenizer.get_added_tokens_decoder().items()}
    for text in lines:
        encoding = tokenizer.encode(text)
        rows.append(
            {
                "text": text,
                "ids": encoding.ids,
                "offsets": [list(pair) for pair in encoding.offsets],
                "pieces": [added.get(i) or tokenizer.id_to_token(i) for i in encoding.ids],
                "plain": tokenizer.decode(encoding.ids),
                "full": tokenizer.decode(encoding.ids, skip_special_tokens=False),
            }
        )
    return rows


def golden_auto(folder: Path, lines: list[str]) -> list[dict]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in lines:
        encoding = tokenizer(text, return_offsets_mapping=True)
        ids = encoding["input_ids"]
        rows.append(
            {
                "text": text,
                "ids": ids,
                "offsets": [list(pair) for pair in encoding["offset_mapping"]],
                "pieces": tokenizer.convert_ids_to_tokens(ids),
                "plain": tokenizer.decode(ids, skip_special_tokens=True),
                "full": tokenizer.decode(ids),
            }
        )
    return rows


def write_golden(folder: Path, rows: list[dict]) -> None:
    body = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    (folder / "golden.json").write_text(f"[{body}]\n", encoding="utf-8")


def main() -> None:
    random.seed(1)
    kinds = {
        "wordpiece": wordpiece,
        "byte_level": byte_level,
        "bpe_metaspace": bpe_metaspace,
        "bpe_suffix": bpe_suffix,
        "unigram": unigram,
        "wordlevel": wordlevel,
    }
    for name, make in kinds.items():
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = make()
        (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
        write_golden(folder, golden(tokenizer, LINES))
    older = {"vocab_txt": ("wordpiece", "bert"), "gpt2_files": ("byte_level", "gpt2"),
             "roberta_files": ("byte_level", "roberta")}  # fmt: skip
    for name, (source, model_type) in older.items():
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        data = json.loads((OUT / source / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        if name == "vocab_txt":
            vocab = sorted(data["vocab"], key=data["vocab"].get)
            (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
        else:
            (folder / "vocab.json").write_text(json.dumps(data["vocab"]), encoding="utf-8")
            merges = "".join(" ".join(pair) + "\n" for pair in data["merges"])
            (folder / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}) + "\n")
        write_golden(folder, golden_auto(folder, LINES))


if __name__ == "__main__":
    main()
