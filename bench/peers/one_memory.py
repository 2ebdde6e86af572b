"""Many prompts over one encoded input: transept against transformers, and a long input against a short one.

    python bench/peers/one_memory.py [--rounds 3]

20 decoder prompts of 16 tokens, 32 tokens of answer each, together, greedy; the t5-small shape in f32, random weights. Encoding is left out:
both have it already (transformers: encoder_outputs, repeated for the batch). Medians of alternating rounds.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pathlib import Path

from command import generate
from models import SEED, SHAPES, make, token_ids

ROOT = Path(__file__).resolve().parents[2]
PROMPTS, PROMPT, ANSWER = 20, 16, 32


def ours(command: Path, folder: Path, source: list[int], prompts: list[list[int]], threads: int) -> float:
    asked = [word for prompt in prompts for word in ("--prompt", " ".join(map(str, prompt)))]
    _, stats = generate(command, folder, [source], ANSWER, threads, PROMPTS, "--prompt-ids", *asked, "--speculate", "0")
    assert stats["encoder_runs"] == 1 and stats["output_tokens"] == PROMPTS * ANSWER
    return stats["decode_seconds"]


def theirs(model, source: list[int], prompts: list[list[int]]) -> float:
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    with torch.inference_mode():
        encoded = model.get_encoder()(input_ids=torch.tensor([source])).last_hidden_state
        begin = time.perf_counter()
        hidden = encoded.expand(PROMPTS, -1, -1)
        out = model.generate(
            encoder_outputs=BaseModelOutput(last_hidden_state=hidden), attention_mask=torch.ones(PROMPTS, len(source), dtype=torch.long),
            decoder_input_ids=torch.tensor([[0, *prompt] for prompt in prompts]), min_new_tokens=ANSWER, max_new_tokens=ANSWER,
            do_sample=False, num_beams=1,
        )  # fmt: skip
        elapsed = time.perf_counter() - begin
    assert out.shape == (PROMPTS, 1 + PROMPT + ANSWER)
    return elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--command", type=Path, default=ROOT / "build/release/transept")
    parser.add_argument("--work", type=Path, default=ROOT / "build/peers")
    arguments = parser.parse_args()

    import torch
    from transformers import AutoModelForSeq2SeqLM

    torch.set_num_threads(arguments.threads)
    folder = make("t5-small", arguments.work)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    rng = random.Random(SEED)
    prompts = [[rng.randrange(10, SHAPES["t5-small"].vocab - 100) for _ in range(PROMPT)] for _ in range(PROMPTS)]
    sources = {length: token_ids(SHAPES["t5-small"], length, 1)[0] for length in (10, 1000)}
    times: dict[tuple[str, int], list[float]] = {}
    for round_index in range(arguments.rounds + 1):  # the first warms up
        for length, source in sources.items():
            for name, taken in (
                ("transept", ours(arguments.command, folder, source, prompts, arguments.threads)),
                ("transformers", theirs(model, source, prompts)),
            ):
                if round_index > 0:
                    times.setdefault((name, length), []).append(taken)
    median = {key: statistics.median(values) for key, values in times.items()}
    for (name, length), seconds in median.items():
        print(f"{name:12s} {length:5d} source tokens  {seconds:.3f} s")
    print(f"transept, 1000 tokens against 10: {median['transept', 1000] / median['transept', 10]:.2f} times the time")
    for length in sources:
        print(f"{length} tokens: {median['transformers', length] / median['transept', length]:.2f} times as fast as transformers")


if __name__ == "__main__":
    main()
