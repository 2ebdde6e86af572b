#!/usr/bin/env python3
"""Memories as files: answered from by other processes, and joined.

    memories.py DATA WORK MODEL PAIRS

Every answer is by a process of its own, so what is answered from is what the file holds. PAIRS descriptions of packages, and as
many everyday sentences, that MODEL did not learn from (held out by recipes/default). Each is encoded to a file. Then the section
of the description and the German of the sentence are asked for: of the text itself; of its memory; of the two memories joined (the
question says which of them it is about); of both texts encoded as one. And German of two joined sentences: which of them
is answered? TRANSEPT: the command; THREADS.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "default"))
import prepare  # noqa: E402

SECTION, GERMAN = "Which section is it in?", "Translate to German"


class Command:
    """Counts what its runs report."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.encoder_runs = 0

    def run(self, verb: str, *words: str | Path) -> subprocess.CompletedProcess:
        command = [os.environ["TRANSEPT"], verb, self.model, "--threads", os.environ["THREADS"], "--quiet", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return done

    def encode(self, text: str, file: Path) -> None:
        self.run("encode", f"--input={text}", "--output", file)

    def ask(self, prompts: list[str], *source: str | Path) -> list[str]:
        words = [word for prompt in prompts for word in ("--prompt", prompt)]
        done = self.run("generate", *source, *words, "--beam", "4", "--max-new-tokens", "96", "--stats")
        self.encoder_runs += json.loads(re.search(r"\{.*\}", done.stderr)[0])["encoder_runs"]
        return done.stdout.split("\n")[:-1]

    def ask_memories(self, prompts: list[str], *files: Path) -> list[str]:
        return self.ask(prompts, *(word for file in files for word in ("--memory", file)))


def sentences(data: Path, count: int) -> list[tuple[str, list[str]]]:
    references: dict[str, list[str]] = defaultdict(list)
    for english, german in prepare.sentence_pairs(data, "de"):
        if prepare.is_held_out(english):
            references[english].append(german)
    return sorted(references.items(), key=lambda item: prepare.number(item[0], "memories"))[:count]


def packages(data: Path, count: int) -> list[tuple[str, str]]:
    found = {prepare.clean(d["text"]): dict(d["qa"])["Section"] for d in prepare.descriptions(data, "valid")}
    short = [item for item in found.items() if len(item[0].split()) <= 100]
    return sorted(short, key=lambda item: prepare.number(item[0], "memories"))[:count]


def bleu(answers: list[str], references: list[list[str]], work: Path) -> float:
    (work / "answers.txt").write_text("".join(f"{answer}\n" for answer in answers), encoding="utf-8")
    lines = ("\t".join(["-", *own]) + "\n" for own in references)
    (work / "references.tsv").write_text("".join(lines), encoding="utf-8")
    command = [os.environ["TRANSEPT"], "eval", "--hypotheses", work / "answers.txt", "--input-file", work / "references.tsv"]
    done = subprocess.run([*command, "--metric", "bleu", "--format", "jsonl"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["score"]


def likeness(answer: str, other: str) -> float:
    """F1 over words."""
    ours, theirs = Counter(answer.split()), Counter(other.split())
    return 2 * (ours & theirs).total() / max(ours.total() + theirs.total(), 1)


def main(data: Path, work: Path, model: str, count: int) -> None:
    command = Command(model)
    about, said = packages(data, count), sentences(data, 2 * count)
    count = min(len(about), len(said) // 2)
    folder = work / "memories"
    folder.mkdir(parents=True, exist_ok=True)
    answers: dict[str, list[str]] = defaultdict(list)
    same_bytes = either_order = 0
    for i in range(count):
        (package, _), (sentence, _), (other, _) = about[i], said[i], said[count + i]
        files = [folder / f"{kind}-{i}.memory" for kind in ("package", "sentence", "other")]
        for text, file in zip((package, sentence, other), files, strict=True):
            command.encode(text, file)
        direct = command.ask([SECTION], f"--input={package}") + command.ask([GERMAN], f"--input={sentence}")
        both_texts = command.ask([SECTION, GERMAN], f"--input={package} {sentence}")
        read = command.encoder_runs
        kept = command.ask_memories([SECTION], files[0]) + command.ask_memories([GERMAN], files[1])
        joined = command.ask_memories([SECTION, GERMAN], files[0], files[1])
        either_order += joined == command.ask_memories([SECTION, GERMAN], files[1], files[0])
        answers["other"] += command.ask_memories([GERMAN], files[2])
        answers["two"] += command.ask_memories([GERMAN], files[1], files[2])
        if command.encoder_runs != read:
            sys.exit("memories.py: the encoder ran when memories were asked")
        same_bytes += direct == kept
        for name, found in (("alone", kept), ("joined", joined), ("texts", both_texts)):
            answers[f"section {name}"].append(found[0])
            answers[f"german {name}"].append(found[1])
    sections = [section for _, section in about[:count]]
    references = [own for _, own in said[:count]]
    print(f"{count} descriptions and {2 * count} sentences, each encoded to a file; every answer by a process of its own, beam 4\n")
    print(f"answers from files equal to those from the texts, byte by byte: {same_bytes} of {count} pairs; encoder runs: 0")
    print(f"joined in the other order the same answers: {either_order} of {count}\n")
    print(f"{'':34}{'section right':>16}{'German, BLEU':>16}{'as when alone':>16}")
    for name, shown in (("alone", "its memory alone"), ("joined", "both memories joined"), ("texts", "both texts encoded as one")):
        right = sum(a == b for a, b in zip(answers[f"section {name}"], sections, strict=True))
        same = sum(answers[f"german {name}"][i] == answers["german alone"][i] for i in range(count))
        quality = bleu(answers[f"german {name}"], references, work)
        print(f"{shown:34}{100 * right / count:14.1f} %{quality:16.1f}{100 * same / count:14.1f} %")
    nearer = [likeness(a, b) - likeness(a, c)
              for a, b, c in zip(answers["two"], answers["german alone"], answers["other"], strict=True)]  # fmt: skip
    either = sum(max(likeness(a, b), likeness(a, c)) == 1
                 for a, b, c in zip(answers["two"], answers["german alone"], answers["other"], strict=True))  # fmt: skip
    both = bleu(answers["two"], [own + more for own, (_, more) in zip(references, said[count : 2 * count], strict=True)], work)
    print(f"\nGerman of two joined sentences: has more of the first alone's words in {sum(n > 0 for n in nearer)}, of the second "
          f"alone's in {sum(n < 0 for n in nearer)},\nas much of both in {sum(n == 0 for n in nearer)} of {count}; all of one's words and "
          f"no others in {either}; BLEU against the references of both {both:.1f}")  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
