#!/usr/bin/env python3
"""Tests trained models on the same lines, as a whole and by length of the input.

    results.py WORK MODEL… > results.jsonl      WORK/texts as texts.py made it, WORK/MODEL as train.py did
    results.py --table results.jsonl            the same for people

One line a model: its size, what it cost, how its validation loss fell, and its scores. TRANSEPT: the command; THREADS.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

from train import best_loss, metrics, processor_seconds

EDGES = {"en-de": [7, 10, 13], "section": [48, 80, 128], "summary": [48, 80, 128]}  # tokens: last of each class but the longest
METRICS = {"en-de": ["bleu", "chrf"], "section": ["ser"], "summary": ["rouge1", "rougeL"]}
PROMPTS = {"en-de": "Translate to German", "section": "Which section is it in?", "summary": "Summarise"}
SHOWN = {"bleu": "BLEU", "chrf": "chrF", "ser": "right", "rouge1": "ROUGE-1", "rougeL": "ROUGE-L"}


def transept(*words: str | Path) -> subprocess.CompletedProcess:
    command = [os.environ["TRANSEPT"], *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"results.py: {' '.join(command)}: {done.stderr.strip()}")
    return done


def parameters(model: Path) -> tuple[int, int]:
    """All, and those outside the encoder."""
    with (model / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    sizes = {name: math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    return sum(sizes.values()), sum(size for name, size in sizes.items() if not name.startswith("encoder."))


def score(task: str, answers: list[str], lines: list[str], scratch: Path) -> dict[str, float]:
    (scratch / "part.txt").write_text("".join(f"{line}\n" for line in answers), encoding="utf-8")
    (scratch / "part.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    found = transept("eval", "--hypotheses", scratch / "part.txt", "--input-file", scratch / "part.tsv", "--format", "jsonl",
                     "--metric", ",".join(METRICS[task]))  # fmt: skip
    scores = {row["metric"]: row["score"] for row in map(json.loads, found.stdout.splitlines())}
    return {name: 100 * (1 - value) if name == "ser" else value if name in ("bleu", "chrf") else 100 * value
            for name, value in scores.items()}  # fmt: skip


def classes(lengths: list[int], edges: list[int]) -> list[tuple[str, list[int]]]:
    """Names of classes of lengths, each with the indices of its lines; all of them first."""
    out = [("all", list(range(len(lengths))))]
    low = 1
    for high in [*edges, max(lengths)]:
        members = [i for i, length in enumerate(lengths) if low <= length <= high]
        out.append((f"{low}–{high}", members))
        low = high + 1
    return out


def test(folder: Path, task: str, texts: Path) -> dict:
    file = texts / f"test-{task}.tsv"
    answers_file = folder / f"answers-{task}.txt"
    before = processor_seconds()
    transept("eval", folder / "model", "--input-file", file, "--prompt", PROMPTS[task], "--beam", 4, "--max-new-tokens", 96,
             "--threads", os.environ["THREADS"], "--quiet", "--output", answers_file)  # fmt: skip
    seconds = processor_seconds() - before
    answers = answers_file.read_text(encoding="utf-8").split("\n")[:-1]
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    lengths = [int(word) for word in (texts / f"lengths-{task}.txt").read_text().split()]
    rows = []
    for name, members in classes(lengths, EDGES[task]):
        if members:
            scores = score(task, [answers[i] for i in members], [lines[i] for i in members], folder)
            rows.append({"tokens": name, "lines": len(members), **scores})
    right = [answer in line.split("\t")[1:] for answer, line in zip(answers, lines, strict=True)]
    return {"seconds": seconds, "rows": rows, "right": right if task == "section" else []}


def encode_ms(model: Path, texts: Path, task: str, scratch: Path) -> float:
    """Milliseconds to encode a thousand tokens; a decoder on its own has no encoder to wait for."""
    sources = [line.split("\t")[0] for line in (texts / f"test-{task}.tsv").read_text(encoding="utf-8").split("\n")[:-1]]
    (scratch / "sources.txt").write_text("".join(f"{source}\n" for source in sources), encoding="utf-8")
    done = transept("generate", model, "--input-file", scratch / "sources.txt", "--prompt", PROMPTS[task], "--beam", 1,
                    "--max-new-tokens", 1, "--threads", os.environ["THREADS"], "--quiet", "--stats")  # fmt: skip
    stats = json.loads(re.search(r"\{.*\}", done.stderr)[0])
    return 1e6 * stats["encode_seconds"] / max(stats["source_tokens"], 1)


def describe(work: Path, name: str) -> dict:
    folder, texts = work / name, work / "texts"
    budget = json.loads((folder / "budget.json").read_text())
    rows = metrics(folder / "model")
    steps = max(row["step"] for row in rows)
    seen = [row["target_tokens"] for row in rows if "target_tokens" in row]
    all_parameters, without_encoder = parameters(folder / "model")
    tasks = [task for task in METRICS if (texts / f"test-{task}.tsv").exists()]
    frozen = "freeze_encoder_steps = -1" in (folder / "model/report.html").read_text(encoding="utf-8")
    return {
        "model": name,
        "parameters": all_parameters,
        "trained": without_encoder if frozen else all_parameters,
        "minutes": budget["minutes"],
        "rate": budget["rate"],
        "rates": budget["losses"],
        "step_seconds": budget["step_seconds"],
        "steps": steps,
        "pairs": budget["pairs"],
        "epochs": (seen[-1] if seen else 0) / budget["target_tokens"],
        "valid_loss": best_loss(folder / "model"),
        "curve": [[row["step"] * budget["step_seconds"] / 60, row["valid_loss"]] for row in rows if "valid_loss" in row],
        "encode_ms": encode_ms(folder / "model", texts, tasks[0], folder),
        "tasks": {task: test(folder, task, texts) for task in tasks},
    }


def difference(first: list[bool], second: list[bool]) -> str:
    """Of shares of right answers to the same questions, in per cent, with its standard error."""
    n = len(first)
    apart = [int(a) - int(b) for a, b in zip(first, second, strict=True)]
    mean = sum(apart) / n
    error = math.sqrt(max(sum(d * d for d in apart) / n - mean * mean, 0) / n)
    return f"{100 * mean:+.1f} ± {100 * error:.1f}"


def table(models: list[dict]) -> str:
    wide = max(len(m["model"]) for m in models) + 2
    out = [f"{'':{wide}}parameters  trained  rate      ms a step   steps  epochs  validation loss  encoding, ms/1000 tokens"]
    for m in models:
        out.append(
            f"{m['model']:{wide}}{m['parameters'] / 1e6:8.2f} M{m['trained'] / 1e6:7.2f} M  {m['rate']:8} {1000 * m['step_seconds']:9.0f} "
            f"{m['steps']:8}{m['epochs']:8.2f}{m['valid_loss']:17.3f}{m['encode_ms'] or '-':>18.4}"
        )
    out.append(f"({models[0]['minutes']:g} minutes of processor time each, {models[0]['pairs']} pairs)")
    for m in models:
        if m["rates"]:
            tried = ", ".join(f"{rate} {loss:.3f}" for rate, loss in m["rates"].items())
            out.append(f"({m['model']}: validation loss of the trials {tried})")
    for task in models[0]["tasks"]:
        shown = [SHOWN[name] for name in METRICS[task]]
        out += ["", f"{task:{wide}}" + "".join(f"{row['tokens'] + ' tokens':>20}" for row in models[0]["tasks"][task]["rows"])]
        out.append(f"{'lines':{wide}}" + "".join(f"{row['lines']:20}" for row in models[0]["tasks"][task]["rows"]))
        for m in models:
            found = m["tasks"][task]
            cells = (" / ".join(f"{row[name]:.1f}" for name in METRICS[task]) for row in found["rows"])
            out.append(f"{m['model']:{wide}}" + "".join(f"{cell:>20}" for cell in cells))
        out.append(f"({' / '.join(shown)}, beam 4; processor seconds for all lines: "
                   + ", ".join(f"{m['model']} {m['tasks'][task]['seconds']:.0f}" for m in models) + ")")  # fmt: skip
        if models[0]["tasks"][task]["right"]:
            for m in models[1:]:
                apart = difference(models[0]["tasks"][task]["right"], m["tasks"][task]["right"])
                out.append(f"({models[0]['model']} against {m['model']}: {apart} per cent more right, standard error of the difference)")
    return "\n".join(out)


if __name__ == "__main__":
    if sys.argv[1] == "--table":
        print(table([json.loads(line) for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()]))
    else:
        for model_name in sys.argv[2:]:
            print(json.dumps(describe(Path(sys.argv[1]), model_name), ensure_ascii=False), flush=True)
