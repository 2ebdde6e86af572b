"""Holds the tokenizers that `transept vocab` writes to Hugging Face's AutoTokenizer.

    compare_vocab.py TRANSEPT TEXT [LINES]

Learns vocabularies of every kind from the text's last lines (gzip allowed; columns are texts), then compares the ids of
`transept tokenize`, the text of `transept tokenize --decode` and, where there is one, the ids of the SentencePiece model
with those of the reference on the same lines. Prints one line per vocabulary and fails if any differs.
"""

import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import sentencepiece
from transformers import AutoTokenizer

KINDS = {
    "unigram": ["--type", "unigram", "--size", "2000"],
    "unigram bytes": ["--type", "unigram", "--size", "2000", "--byte-fallback", "--coverage", "0.98"],
    "unigram symbols": ["--type", "unigram", "--size", "2000", "--symbol", "<2de>", "--symbol", "[x]"],
    "unigram identity": ["--type", "unigram", "--size", "2000", "--normalization", "identity"],
    "unigram bart": ["--type", "unigram", "--size", "2000", "--family", "bart"],
    "unigram marian": ["--type", "unigram", "--size", "2000", "--family", "marian"],
    "bpe": ["--type", "bpe", "--size", "2000"],
    "bpe bytes": ["--type", "bpe", "--size", "2000", "--byte-fallback", "--coverage", "0.98"],
    "bpe bart": ["--type", "bpe", "--size", "2000", "--family", "bart"],
    "bpe marian": ["--type", "bpe", "--size", "2000", "--family", "marian", "--byte-fallback"],
    "char": ["--type", "char", "--symbol", "<2de>"],
    "char rare": ["--type", "char", "--min-count", "20", "--family", "bart"],
    "word": ["--type", "word", "--size", "3000"],
    "word pattern": ["--type", "word", "--size", "3000", "--pattern", r"\w+|[^\w\s]"],
}


def run(*command: str, text: str) -> list[str]:
    done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().split("\n")[:-1]


def compare(transept: str, kind: str, options: list[str], lines: list[str], folder: Path) -> bool:
    text = "".join(line + "\n" for line in lines)
    run(transept, "vocab", "--output", str(folder), "--quiet", *options, text=text)
    lines = [column for line in lines for column in line.split("\t")]
    lines += [f"<2de> {lines[0]}[x] </s>", "", "  two  spaces ", "日本 x", "a <pad> b"]
    text = "".join(line + "\n" for line in lines)
    reference = AutoTokenizer.from_pretrained(folder)
    ours = [[int(word) for word in line.split()] for line in run(transept, "tokenize", str(folder), text=text)]
    theirs = [reference(line)["input_ids"] for line in lines]
    same_ids = sum(a == b for a, b in zip(ours, theirs, strict=True))
    ids = "".join(" ".join(map(str, row)) + "\n" for row in theirs)
    ours_text = run(transept, "tokenize", str(folder), "--decode", text=ids)
    same_text = sum(a == reference.decode(b, skip_special_tokens=True) for a, b in zip(ours_text, theirs, strict=True))
    note = ""
    if (folder / "spiece.model").exists():
        spm = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
        marks = {reference.bos_token_id, reference.eos_token_id}
        same = sum(spm.encode(line) == [i for i in row if i not in marks] for line, row in zip(lines, theirs, strict=True))
        note = f", SentencePiece's {same}"
    print(f"{kind}: {len(reference)} tokens, {len(lines)} lines: equal ids {same_ids}, texts {same_text}{note}")
    return same_ids == same_text == len(lines)


def main() -> None:
    transept, path = sys.argv[1], sys.argv[2]
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file][-int(sys.argv[3] if len(sys.argv) > 3 else 2000) :]
    with tempfile.TemporaryDirectory() as folder:
        good = [compare(transept, kind, options, lines, Path(folder) / kind) for kind, options in KINDS.items()]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
