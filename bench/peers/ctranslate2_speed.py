"""transept against CTranslate2: f32 or int8, the same weights, inputs, output lengths and threads, in one alternating run.

    python bench/peers/ctranslate2_speed.py [--model marian-base] [--dtype int8] [--beam 4] [--rounds 7] [--json results.json]
    python bench/peers/ctranslate2_speed.py --encoder …    # 512 tokens, 32 × 128 tokens: one token of output, encoding is the work

Every round times each engine once per workload, in alternation; the table shows medians, and the ratio's median and
spread over the rounds. CTranslate2 stays loaded; transept is a fresh process that decodes the inputs several times over
and reports its own encode and decode seconds (--stats), loading excluded for both. CTranslate2 runs each workload with
its best setting: one sentence with intra_threads=2 or 1, batches with inter_threads=2, intra_threads=1. Neither
computes scores: both give the tokens alone. transept guesses no tokens: random weights repeat themselves more than texts do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from command import generate
from models import SHAPES, make, pieces, to_ctranslate2, token_ids

ROOT = Path(__file__).resolve().parents[2]
COMPUTE = {"f32": "float32", "int8": "int8"}
WORKLOADS = [(32, 32, 1), (128, 128, 1), (32, 32, 32), (128, 128, 32)]  # source tokens, output tokens, sentences
ENCODING = [(512, 1, 1), (128, 1, 32)]


class CTranslate2:
    def __init__(self, folder: Path, dtype: str, inter: int, intra: int) -> None:
        import ctranslate2

        self.name = f"ctranslate2 {ctranslate2.__version__} inter={inter} intra={intra}"
        self.inter = inter
        self.translator = ctranslate2.Translator(
            str(folder), device="cpu", compute_type=COMPUTE[dtype], inter_threads=inter, intra_threads=intra
        )

    def seconds(self, words: list[list[str]], out: int, beam: int) -> float:
        per_worker = (len(words) + self.inter - 1) // self.inter
        begin = time.perf_counter()
        results = self.translator.translate_batch(
            words, beam_size=beam, min_decoding_length=out, max_decoding_length=out, max_input_length=0,
            max_batch_size=per_worker, batch_type="examples",
        )  # fmt: skip
        elapsed = time.perf_counter() - begin
        assert all(len(result.hypotheses[0]) == out for result in results)
        return elapsed


class Transept:
    def __init__(self, command: Path, folder: Path, dtype: str, threads: int) -> None:
        self.name = f"transept {dtype} threads={threads}"
        self.command, self.folder, self.dtype, self.threads = command, folder, dtype, threads

    def seconds(self, ids: list[list[int]], out: int, beam: int, repeat: int) -> float:
        # The inputs differ in their first token, so that no encoding is shared between the repetitions.
        lines = [[10 + r, *row[1:]] for r in range(repeat) for row in ids]
        words = ("--dtype", self.dtype, "--speculate", "0", "--beam", str(beam))
        printed, stats = generate(self.command, self.folder, lines, out, self.threads, len(ids), *words)
        answers = [line.split() for line in printed]  # ids: the model has no tokenizer
        assert len(answers) == len(lines) and all(len(answer) == out for answer in answers)
        return (stats["encode_seconds"] + stats["decode_seconds"]) / repeat


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="marian-base", choices=SHAPES)
    parser.add_argument("--dtype", default="f32", choices=COMPUTE)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--encoder", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--command", type=Path, default=ROOT / "build/release/transept")
    parser.add_argument("--work", type=Path, default=ROOT / "build/peers")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    shape = SHAPES[arguments.model]
    folder = make(arguments.model, arguments.work)
    converted = to_ctranslate2(folder, COMPUTE[arguments.dtype])
    ours = Transept(arguments.command, folder, arguments.dtype, arguments.threads)
    single = [CTranslate2(converted, arguments.dtype, 1, arguments.threads), CTranslate2(converted, arguments.dtype, 1, 1)]
    batched = [CTranslate2(converted, arguments.dtype, arguments.threads, 1)]
    words = pieces(shape)

    rows = []
    for source, out, batch in ENCODING if arguments.encoder else WORKLOADS:
        ids = token_ids(shape, source, batch)
        as_words = [[words[i] for i in row] for row in ids]
        peers = single if batch == 1 else batched
        repeat = max(2, 8 // batch)
        times: dict[str, list[float]] = {engine.name: [] for engine in (ours, *peers)}
        for round_index in range(arguments.rounds + 1):  # the first round warms up
            for engine in (ours, *peers):
                taken = (
                    engine.seconds(ids, out, arguments.beam, repeat)
                    if engine is ours
                    else engine.seconds(as_words, out, arguments.beam)
                )
                if round_index > 0:
                    times[engine.name].append(taken)
        best = min(peers, key=lambda peer: statistics.median(times[peer.name]))
        ratios = sorted(b / a for a, b in zip(times[ours.name], times[best.name]))
        row = {
            "source": source, "output": out, "batch": batch,
            "transept_tokens_per_second": out * batch / statistics.median(times[ours.name]),
            "peer_tokens_per_second": out * batch / statistics.median(times[best.name]), "peer": best.name,
            "ratio": statistics.median(ratios), "ratio_least": ratios[0], "ratio_most": ratios[-1],
        }  # fmt: skip
        rows.append(row)
        print(
            f"{source:4d} -> {out:4d}  batch {batch:2d}   transept {row['transept_tokens_per_second']:8.0f} tokens/s   "
            f"{best.name} {row['peer_tokens_per_second']:8.0f}   ratio {row['ratio']:.2f} "
            f"({row['ratio_least']:.2f}–{row['ratio_most']:.2f})",
            flush=True,
        )
    if arguments.json:
        result = {"model": arguments.model, "dtype": arguments.dtype, "beam": arguments.beam, "threads": arguments.threads,
                  "rows": rows}  # fmt: skip
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
