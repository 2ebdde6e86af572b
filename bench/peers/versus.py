"""What the comparisons with other engines share: options, the workloads, transept as one of the engines, alternating rounds, the printed line,
the file of results."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Protocol

from command import generate

ROOT = Path(__file__).resolve().parents[2]
WORKLOADS = [(32, 32, 1), (128, 128, 1), (32, 32, 32), (128, 128, 32)]  # source tokens, output tokens, sentences
ENCODING = [(512, 1, 1), (128, 1, 32)]


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """With the options that every comparison takes."""
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--command", type=Path, default=ROOT / "build/release/transept")
    parser.add_argument("--work", type=Path, default=ROOT / "build/peers")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def write(file: Path | None, engine: str, model: str, dtype: str, beam: int, threads: int, rows: list[dict]) -> None:
    """What chart.py reads."""
    if file:
        result = {"engine": engine, "model": model, "dtype": dtype, "beam": beam, "threads": threads, "rows": rows}
        file.write_text(json.dumps(result, indent=1) + "\n")


class Engine(Protocol):
    name: str

    def seconds(self, ids: list[list[int]], out: int) -> float: ...


class Transept:
    """A fresh process that decodes the inputs several times over and reports its own encode and decode seconds. It guesses no tokens: random
    weights repeat themselves more than texts do."""

    def __init__(self, command: Path, folder: Path, dtype: str, threads: int, beam: int = 1) -> None:
        self.name = f"transept {dtype} threads={threads}"
        self.command, self.folder, self.dtype, self.threads, self.beam = command, folder, dtype, threads, beam

    def seconds(self, ids: list[list[int]], out: int) -> float:
        repeat = max(2, 8 // len(ids))
        # The inputs differ in their first token, so that no encoding is shared between the repetitions.
        lines = [[10 + r, *row[1:]] for r in range(repeat) for row in ids]
        words = ("--dtype", self.dtype, "--speculate", "0", "--beam", str(self.beam))
        printed, stats = generate(self.command, self.folder, lines, out, self.threads, len(ids), *words)
        answers = [line.split() for line in printed]  # ids: the model has no tokenizer
        assert len(answers) == len(lines) and all(len(answer) == out for answer in answers)
        return (stats["encode_seconds"] + stats["decode_seconds"]) / repeat


def alternate(ours: Transept, peers: list[Engine], ids: list[list[int]], out: int, rounds: int) -> dict:
    """Every round times each engine once. The medians, ours against the peer with the best, and the spread of their ratio over the rounds."""
    times: dict[str, list[float]] = {engine.name: [] for engine in (ours, *peers)}
    for round_index in range(rounds + 1):  # the first warms up
        for engine in (ours, *peers):
            taken = engine.seconds(ids, out)
            if round_index > 0:
                times[engine.name].append(taken)
    best = min(peers, key=lambda peer: statistics.median(times[peer.name]))
    ratios = sorted(b / a for a, b in zip(times[ours.name], times[best.name]))
    row = {
        "source": len(ids[0]), "output": out, "batch": len(ids),
        "transept_tokens_per_second": out * len(ids) / statistics.median(times[ours.name]),
        "peer_tokens_per_second": out * len(ids) / statistics.median(times[best.name]), "peer": best.name,
        "ratio": statistics.median(ratios), "ratio_least": ratios[0], "ratio_most": ratios[-1],
    }  # fmt: skip
    print(
        f"{row['source']:4d} -> {out:4d}  batch {row['batch']:2d}   transept {row['transept_tokens_per_second']:8.0f} tokens/s   "
        f"{best.name} {row['peer_tokens_per_second']:8.0f}   ratio {row['ratio']:.2f} "
        f"({row['ratio_least']:.2f}–{row['ratio_most']:.2f})",
        flush=True,
    )
    return row
