#!/usr/bin/env python3
"""The texts that the default model learns from: prompt<TAB>input<TAB>output lines, from the corpora in DATA.

    prepare.py DATA WORK     makes in WORK: train.tsv; sections.tsv, of it all about the sections and some of the rest;
                             thinned.tsv, likewise, with words left out of what is asked for its section;
                             polish.tsv, an eighth of train.tsv, half of whose everyday sentences end without their mark;
                             valid.tsv, a little of every task; text.txt, to learn the vocabulary
                             from; and for each task test-TASK.tsv (input<TAB>reference<TAB>…), unseen in training, with
                             what simple methods answer: first-TASK.txt (the first sentence), words-section.txt
                             (a perceptron over words)

Nothing is random: what decides is a hash of the text. Needs only Python's own library.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

# The first wording of each task is the usual one; it gets as many examples as all others together.
PROMPTS = {
    # "Summarise this story" always goes on with "for me": what the worked example predicts.
    "story": ["Summarise this story for me", "Summarise", "Summarise:", "Summarize this story", "In one line, please"],
    "summary": ["Summarise", "Summarise this text", "Summarise:", "Summarise this for me", "Summarize this",
                "In one line, please", "What is this about?"],
    "section": ["Which section is it in?", "Section", "Section:", "In which section of Debian is this?"],
    "language": ["Written in", "Which programming language is it written in?", "Written in:"],
    "de": ["Translate to German", "Auf Deutsch bitte", "Translate this into German", "In German, please", "German:"],
    "fr": ["Translate to French", "En français s'il vous plaît", "Translate this into French", "In French, please",
           "French:"],
}  # fmt: skip
TASK_OF_QUESTION = {"Summarise": "summary", "Section": "section", "Written in": "language"}
# Asked in every wording, also about a part of the text: an answer of one word is little of the loss beside one of ten, and
# another question costs no second encoding.
ASKED_EVERY_WAY = {"section"}
# How much of each task stands in sections.tsv, one line of so many: enough not to be forgotten.
KEPT_BESIDE_SECTIONS = {"section": 1, "language": 1, "summary": 2, "story": 8, "de": 8, "fr": 8}
STORIES = 40_000


def number(text: str, salt: str = "") -> int:
    return int.from_bytes(hashlib.sha256((salt + text).encode()).digest()[:8], "big")


def other_prompt(task: str, text: str) -> str:
    others = PROMPTS[task][1:]
    return others[number(text, task) // 2 % len(others)]


def prompt_for(task: str, text: str) -> str:
    return PROMPTS[task][0] if number(text, task) % 2 == 0 else other_prompt(task, text)


def clean(text: str) -> str:
    return " ".join(text.split())


def is_held_out(english: str) -> bool:
    """About one sentence of 128, for validation. (Others were taken out of the corpora for testing.)"""
    return number(english.lower(), "validation") % 128 == 0


def sentence_pairs(data: Path, language: str) -> list[tuple[str, str]]:
    with gzip.open(data / f"tatoeba-en-{language}/pairs.tsv.gz", "rt", encoding="utf-8") as file:
        return [tuple(map(clean, line.rstrip("\n").split("\t")[:2])) for line in file]


def descriptions(data: Path, part: str) -> list[dict]:
    with lzma.open(data / f"debian/docs.{part}.jsonl.xz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


SUBJECTS = {"I", "He", "She", "We", "They", "It", "You", "Tom", "Mary", "I'm", "He's", "She's", "We're", "They're", "I've"}
SIDE_CLAUSE = re.compile(
    r",? (?:because|while|so that|although|even though|until|as soon as|in order to|unless|when) .*$"
    r"|, (?:and|but|so|which|who|or) .*$"
)  # fmt: skip
OPENING = re.compile(r"^(?:After|Before|When|While|Although|If|Because|Since|As)\b[^,]*, (?=\w)")
DETERMINER = r"(?:a|an|the|my|your|his|her|its|our|their|this|that|some|no)"
BE = r"(?:is|was|are|were|am|be|been|isn't|wasn't|'s|'m|'re)"
ADJECTIVE = re.compile(rf"({BE} )?\b({DETERMINER}) ([a-z]+) ([a-z]+)", re.IGNORECASE)
COLOURS = {"red", "green", "blue", "white", "black", "brown", "grey", "gray", "yellow", "pink"}
KEPT_ADJECTIVES = {"many", "much", "few", "little", "long", "far", "well", "often", "good", "bad", "fun", "same", "close",
                   "only", "first", "last", "next"}  # fmt: skip
KEPT_IN_LY = {"only", "early", "family", "friendly", "lonely", "silly", "ugly", "likely", "reply", "fly", "supply", "apply",
              "daily", "lovely", "lively", "belly", "jelly", "deadly", "elderly", "holy", "rely", "barely", "hardly",
              "scarcely", "rarely", "nearly", "probably", "certainly", "possibly"}  # fmt: skip


class Shortener:
    """Takes from an everyday sentence what it can do without: side clauses, adjectives before a noun, adverbs."""

    def __init__(self, sentences: list[str]) -> None:
        graded, before_noun = Counter(), Counter()
        for sentence in sentences:
            lower = sentence.lower()
            graded.update(re.findall(r"\bvery ([a-z]+)\b", lower))
            before_noun.update(re.findall(rf"\b{DETERMINER} ([a-z]+) [a-z]+", lower))
        self.adjectives = {word for word, n in graded.items() if n >= 2 and before_noun[word] >= 2} | COLOURS
        self.adjectives -= KEPT_ADJECTIVES

    def __call__(self, sentence: str) -> str:
        text = sentence.rstrip(".!")
        for clause in (OPENING, SIDE_CLAUSE):
            rest = clause.sub("", text)
            text = rest if len(rest.split()) >= 4 else text
        text = re.sub(r"\b(\w+ly|very|really|quite|rather|just|already) ", self._without_adverb, text)
        before = ""
        while before != text:
            before = text
            text = ADJECTIVE.sub(self._without_adjective, text)
        return text[:1].upper() + text[1:]

    @staticmethod
    def _without_adverb(match: re.Match) -> str:
        return match[0] if match[1].lower() in KEPT_IN_LY or match[1][0].isupper() else ""

    def _without_adjective(self, match: re.Match) -> str:
        before, determiner, adjective, noun = match.groups()
        if before or adjective not in self.adjectives:  # "is a good man" would say nothing without it
            return match[0]
        if determiner in ("a", "an"):
            determiner = "an" if noun[0] in "aeiou" else "a"
        return f"{determiner} {noun}"


def part_of(text: str) -> str:
    """About half of its sentences, or nothing where there is nothing to choose from."""
    sentences = re.split(r"(?<=[.!?]) ", text)
    chosen = [sentence for sentence in sentences if number(sentence, "part") % 2 == 0]
    return " ".join(chosen) if 0 < len(chosen) < len(sentences) else ""


def without_some_words(text: str) -> str:
    """Five of six words: another text with the same answer."""
    return " ".join(word for i, word in enumerate(text.split(" ")) if number(f"{i} {word} {text[:40]}", "a") % 6)


def stories(data: Path) -> list[tuple[str, str]]:
    """Stories of one to four everyday sentences about the same person, each with a summary: its first sentence shortened,
    and what the last one says about the same subject."""
    everyday = {en for language in ("de", "fr") for en, _ in sentence_pairs(data, language)}
    sentences = sorted((en for en in everyday if not is_held_out(en)), key=number)
    shorten = Shortener(sentences)
    told: list[tuple[str, str]] = []
    by_subject = defaultdict(list)
    for sentence in sentences:
        if not 4 <= len(sentence.split()) <= 20 or not sentence.endswith((".", "!")) or sentence.count(".") > 1:
            continue
        subject = sentence.split()[0]
        short = shorten(sentence)
        joined = sentence.split()[1] in ("and", "or")
        if subject not in SUBJECTS or joined or number(sentence, "alone") % 3 == 0:
            if short != sentence.rstrip(".!") or number(sentence, "unchanged") % 4 == 0:
                told.append((sentence, f"{short}."))
        else:
            by_subject[subject].append((sentence, short))
    for own in by_subject.values():
        while len(own) > 4:
            length = 2 + number(own[-1][0], "length") % 3
            story, own = own[-length:], own[:-length]
            last = story[-1][1].split(" ", 1)[1]
            told.append((" ".join(sentence for sentence, _ in story), f"{story[0][1]} and {last}."))
    return sorted(told, key=lambda story: number(story[0], "order"))[:STORIES]


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def vocabulary_text(train: list[str]) -> list[str]:
    """Inputs once, prompts often enough to become whole pieces, outputs at most a few times."""
    most = (2000, 1, 5)
    seen: list[Counter] = [Counter(), Counter(), Counter()]
    out = []
    for line in train:
        for column, text in enumerate(line.split("\t")):
            seen[column][text] += 1
            if seen[column][text] <= most[column]:
                out.append(text)
    return out


def polishing(train: list[str]) -> list[str]:
    """People do not end every sentence with a full stop; the corpora do."""
    out = []
    for line in train:
        n = number(line, "polish")
        if n % 8 == 0:
            prompt, source, target = line.split("\t")
            bare = re.sub(r"(?<=[^.!?])[.!?]$", "", source) if len(source) < 200 and n // 8 % 2 == 0 else source
            out.append(f"{prompt}\t{bare}\t{target}")
    return out


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?]) ", text, maxsplit=1)[0]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


class Perceptron:
    """A linear classifier over sets of words: the averaged multiclass perceptron (Collins 2002)."""

    def __init__(self, examples: list[tuple[set[str], str]], passes: int) -> None:
        self.weights: dict[str, Counter] = defaultdict(Counter)
        late: dict[str, Counter] = defaultdict(Counter)  # each change times the step that made it
        step = 0
        for own, label in examples * passes:
            step += 1
            guess = self(own)
            if guess != label:
                for name, sign in ((label, 1), (guess, -1)):
                    for word in own if name else ():
                        self.weights[word][name] += sign
                        late[word][name] += sign * step
        self.weights = {word: Counter({name: value - late[word][name] / step for name, value in of.items()})
                        for word, of in self.weights.items()}  # fmt: skip

    def __call__(self, own: set[str]) -> str:
        total: dict[str, float] = defaultdict(float)
        for word in own:
            for name, value in self.weights.get(word, {}).items():
                total[name] += value
        return max(total, key=lambda name: (total[name], name), default="")


def guess_sections(train: list[str], texts: list[str]) -> list[str]:
    rows = [line.split("\t") for line in train if line.startswith(PROMPTS["section"][0] + "\t")]
    rows.sort(key=lambda row: number(row[1]))
    guess = Perceptron([(words(source), target) for _, source, target in rows], passes=2)
    return [guess(words(text)) for text in texts]


def main(data: Path, work: Path) -> None:
    train: list[str] = []
    sections: list[str] = []
    thinned: list[str] = []
    valid: dict[str, list[str]] = defaultdict(list)

    def add(task: str, source: str, target: str, name: str | None = None, whole: bool = True) -> None:
        if source and target:
            usual = PROMPTS[task][0]
            if name is not None:
                valid[name].append(f"{usual}\t{source}\t{target}")
                return
            prompts = PROMPTS[task] if task in ASKED_EVERY_WAY else [prompt_for(task, source)]
            lines = [f"{prompt}\t{source}\t{target}" for prompt in prompts]
            train.extend(lines)
            if whole and number(source, f"beside sections, {task}") % KEPT_BESIDE_SECTIONS[task] == 0:
                sections.extend(lines)

    for language in ("de", "fr"):
        for english, other in sentence_pairs(data, language):
            add(language, english, other, f"en-{language}" if is_held_out(english) else None)
    translations = list(sections)
    for part in ("train", "valid"):
        for document in descriptions(data, part):
            text = clean(document["text"])
            for question, answer in document["qa"]:
                task = TASK_OF_QUESTION[question]
                add(task, text, clean(answer), task if part == "valid" else None)
                if part == "valid":
                    continue
                if task in ASKED_EVERY_WAY:
                    add(task, part_of(text), clean(answer), whole=False)
                    fewer = without_some_words(text)
                    thinned.extend(f"{prompt}\t{fewer}\t{clean(answer)}" for prompt in PROMPTS[task] if fewer)
                elif number(text, f"aug{task}") % 4 == 0:
                    thinned.append(f"{prompt_for(task, text)}\t{text}\t{clean(answer)}")
    for story, summary in stories(data):
        add("story", story, summary, "story" if number(story, "validation") % 128 == 0 else None)

    write(work / "train.tsv", train)
    write(work / "sections.tsv", sections)
    write(work / "thinned.tsv", thinned + translations)
    write(work / "polish.tsv", polishing(train))
    write(work / "valid.tsv", [line for lines in valid.values() for line in sorted(lines, key=number)[:100]])
    write(work / "text.txt", vocabulary_text(train))
    for name, lines in valid.items():
        references: dict[str, list[str]] = defaultdict(list)
        for line in lines:
            _, source, target = line.split("\t")
            references[source].append(target)
        write(work / f"test-{name}.tsv", ["\t".join([source, *found]) for source, found in references.items()])
        write(work / f"first-{name}.txt", [first_sentence(source) for source in references])
        if name == "section":
            write(work / "words-section.txt", guess_sections(train, list(references)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
