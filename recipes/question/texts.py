#!/usr/bin/env python3
"""The texts of an experiment: prompt<TAB>input<TAB>output lines of some tasks of the default recipe.

    texts.py DATA OUT TOKENIZER [--respell] TASK…     tasks: en-de, section, summary

makes in OUT: train.tsv; valid.tsv, for choosing; and for each task test-TASK.tsv (input<TAB>reference<TAB>…), never seen in
training, with the tokens of every input in lengths-TASK.txt. Inputs of more than 384 tokens are left out everywhere, so that all
models read the same lines. --respell: references are spelt as the tokenizer can spell them (lower case, "gnu - r").
TRANSEPT: the command.

Nothing is random: what decides is a hash of the English sentence, or of the name of the source package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "default"))
import prepare  # noqa: E402

MOST_TOKENS = 384
FULL_WORDS = 36  # a description of twice as many words is learned from half as often: long ones cost most of the time
PROMPT_OF = {task: prepare.PROMPTS[own][0] for task, own in (("en-de", "de"), ("section", "section"), ("summary", "summary"))}
QUESTION_OF = {"section": "Section", "summary": "Summarise"}


def part_of(key: str) -> str:
    """Of two hundred: four to test, one to choose by, the others to learn from."""
    n = prepare.number(key, "question") % 200
    return "test" if n < 4 else "valid" if n == 4 else "train"


def sentences(data: Path) -> Iterator[tuple[str, str, str, str]]:
    for english, german in prepare.sentence_pairs(data, "de"):
        yield part_of(english.lower()), "en-de", english, german


def packages(data: Path, tasks: list[str]) -> Iterator[tuple[str, str, str, str]]:
    for corpus in ("train", "valid"):
        for document in prepare.descriptions(data, corpus):
            text = prepare.clean(document["text"])
            answers = dict(document["qa"])
            part = part_of(document["src"]) if corpus == "train" else "test"
            for task in tasks:
                rare = prepare.number(text, "keep" + task) % 1000 * len(text.split()) > 1000 * FULL_WORDS
                if part != "train" or not rare:
                    yield part, task, text, prepare.clean(answers[QUESTION_OF[task]])


def tokenize(folder: str, lines: list[str], *options: str) -> list[str]:
    command = [os.environ["TRANSEPT"], "tokenize", folder, *options]
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[: len(lines)]


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main(data: Path, out: Path, tokenizer: str, respell: bool, tasks: list[str]) -> None:
    examples = [example for example in sentences(data)] if "en-de" in tasks else []
    examples += packages(data, [task for task in tasks if task in QUESTION_OF])
    examples = [example for example in examples if example[2] and example[3]]
    inputs = sorted({source for _, _, source, _ in examples})
    length = dict(zip(inputs, (len(ids.split()) for ids in tokenize(tokenizer, inputs)), strict=True))
    lines: dict[str, list[str]] = defaultdict(list)
    tests: dict[str, dict[str, list[str]]] = {task: defaultdict(list) for task in tasks}
    for part, task, source, target in examples:
        if length[source] > MOST_TOKENS:
            continue
        if part == "test":
            tests[task][source].append(target)
        else:
            lines[part].append(f"{PROMPT_OF[task]}\t{source}\t{target}")
    for part in ("train", "valid"):
        write(out / f"{part}.tsv", lines[part])
    for task, found in tests.items():
        if respell:
            flat = [reference for references in found.values() for reference in references]
            ids = tokenize(tokenizer, flat, "--target")
            spelt = dict(zip(flat, tokenize(tokenizer, ids, "--decode"), strict=True))
            found = {source: [spelt[reference] for reference in references] for source, references in found.items()}
        write(out / f"test-{task}.tsv", ["\t".join([source, *references]) for source, references in found.items()])
        write(out / f"lengths-{task}.txt", [str(length[source]) for source in found])


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--respell"]
    main(Path(words[0]), Path(words[1]), words[2], "--respell" in sys.argv, words[3:])
