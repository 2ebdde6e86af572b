"""transept against CTranslate2: f32 or int8, the same weights, inputs, output lengths and threads, in one alternating run.

    python bench/peers/ctranslate2_speed.py [--model marian-base] [--dtype int8] [--beam 4] [--rounds 7] [--json results.json]
    python bench/peers/ctranslate2_speed.py --encoder …    # 512 tokens, 32 × 128 tokens: one token of output, encoding is the work

Every round times each engine once per workload, in alternation; the table shows medians, and the ratio's median and spread over the
rounds. CTranslate2 stays loaded; loading is excluded for both. CTranslate2 runs each workload with its best setting: one sentence with
intra_threads=2 or 1, batches with inter_threads=2, intra_threads=1. Neither computes scores: both give the tokens alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from models import SHAPES, make, pieces, to_ctranslate2, token_ids
from versus import ENCODING, WORKLOADS, Transept, alternate, parse, write

COMPUTE = {"f32": "float32", "int8": "int8"}


class CTranslate2:
    def __init__(self, folder: Path, words: list[str], dtype: str, beam: int, inter: int, intra: int) -> None:
        import ctranslate2

        self.name = f"ctranslate2 {ctranslate2.__version__} inter={inter} intra={intra}"
        self.words, self.beam, self.inter = words, beam, inter
        self.translator = ctranslate2.Translator(
            str(folder), device="cpu", compute_type=COMPUTE[dtype], inter_threads=inter, intra_threads=intra
        )

    def seconds(self, ids: list[list[int]], out: int) -> float:
        texts = [[self.words[i] for i in row] for row in ids]
        per_worker = (len(ids) + self.inter - 1) // self.inter
        begin = time.perf_counter()
        results = self.translator.translate_batch(
            texts, beam_size=self.beam, min_decoding_length=out, max_decoding_length=out, max_input_length=0,
            max_batch_size=per_worker, batch_type="examples",
        )  # fmt: skip
        elapsed = time.perf_counter() - begin
        assert all(len(result.hypotheses[0]) == out for result in results)
        return elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="marian-base", choices=SHAPES)
    parser.add_argument("--dtype", default="f32", choices=COMPUTE)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--encoder", action="store_true")
    arguments = parse(parser)

    shape = SHAPES[arguments.model]
    folder = make(arguments.model, arguments.work)
    converted = to_ctranslate2(folder, COMPUTE[arguments.dtype])

    def peer(inter: int, intra: int) -> CTranslate2:
        return CTranslate2(converted, pieces(shape), arguments.dtype, arguments.beam, inter, intra)

    ours = Transept(arguments.command, folder, arguments.dtype, arguments.threads, arguments.beam)
    single, batched = [peer(1, arguments.threads), peer(1, 1)], [peer(arguments.threads, 1)]
    rows = [
        alternate(ours, single if batch == 1 else batched, token_ids(shape, source, batch), out, arguments.rounds)
        for source, out, batch in (ENCODING if arguments.encoder else WORKLOADS)
    ]
    write(arguments.json, "CTranslate2", arguments.model, arguments.dtype, arguments.beam, arguments.threads, rows)


if __name__ == "__main__":
    sys.exit(main())
