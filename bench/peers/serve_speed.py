"""Throughput under load: `transept serve` against its own offline batch, and against CTranslate2 behind a plain FastAPI queue.

    python bench/peers/serve_speed.py [--model marian-tiny] [--requests 192] [--rounds 3] [--json results.json]

The same weights, inputs (8 to 64 tokens, no two alike), output length, threads and clients: 32 connections, each asks again as
soon as it is answered. The queue gathers what waits, 32 requests at most, and translates it as one batch. Every round runs
each once, in alternation; the table shows medians of output tokens per second. Needs fastapi and uvicorn (requirements.txt).
`--model default` is the model in models/default: its int8 panels are nothing that CTranslate2 reads, so it is compared with its
own offline batch only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

from command import generate
from models import SHAPES, make, pieces, to_ctranslate2

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 32
PORTS = {"transept": 8765, "ctranslate2": 8766}


def queue_server(folder: Path, out: int, words: list[str], threads: int) -> None:
    """CTranslate2 as people put it behind HTTP."""
    import ctranslate2
    import uvicorn
    from fastapi import FastAPI

    translator = ctranslate2.Translator(
        str(folder), device="cpu", compute_type="float32", inter_threads=threads, intra_threads=1
    )
    waiting: asyncio.Queue = asyncio.Queue()

    def translate(batch: list[list[str]]) -> list[list[str]]:
        results = translator.translate_batch(
            batch, beam_size=1, min_decoding_length=out, max_decoding_length=out, max_input_length=0,
            max_batch_size=(len(batch) + threads - 1) // threads, batch_type="examples",
        )  # fmt: skip
        return [result.hypotheses[0] for result in results]

    async def work() -> None:
        while True:
            batch = [await waiting.get()]
            await asyncio.sleep(0.002)  # those that come together are translated together
            while len(batch) < CLIENTS and not waiting.empty():
                batch.append(waiting.get_nowait())
            answers = await asyncio.to_thread(translate, [source for source, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                future.set_result(answer)

    @asynccontextmanager
    async def life(_app: FastAPI):
        worker = asyncio.create_task(work())
        yield
        worker.cancel()

    app = FastAPI(lifespan=life)

    @app.post("/v1/generate")
    async def generate(body: dict) -> dict:
        future = asyncio.get_running_loop().create_future()
        await waiting.put(([words[i] for i in body["source_ids"]], future))
        return {"output_tokens": len(await future)}

    uvicorn.run(app, port=PORTS["ctranslate2"], log_level="error")


async def post(reader, writer, body: bytes) -> dict:
    writer.write(
        b"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    size = int(head.split("content-length:")[1].split("\r\n")[0])
    answer = json.loads(await reader.readexactly(size))
    assert " 200 " in head, answer
    return answer


async def load(port: int, bodies: list[bytes]) -> float:
    """Output tokens per second."""
    left = list(reversed(bodies))
    tokens = 0

    async def client() -> None:
        nonlocal tokens
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left:
            answer = await post(reader, writer, left.pop())
            tokens += answer["output_tokens"]
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return tokens / (time.perf_counter() - begin)


def sources(n: int, config: dict, seed: int) -> list[list[int]]:
    rng = random.Random(seed)
    words = range(10, config["vocab_size"] - 10)
    return [[rng.choice(words) for _ in range(rng.randint(8, 64))] + [config["eos_token_id"]] for _ in range(n)]


def offline(command: Path, folder: Path, ids: list[list[int]], out: int, threads: int) -> float:
    _, stats = generate(command, folder, ids, out, threads, CLIENTS)
    return stats["output_tokens"] / (stats["encode_seconds"] + stats["decode_seconds"])


async def wait_for(port: int) -> None:
    for _ in range(300):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        except OSError:
            await asyncio.sleep(0.2)
    raise SystemExit(f"nothing listens on port {port}")


async def measure(options, folder: Path) -> dict[str, list[float]]:
    config = json.loads((folder / "config.json").read_text())
    ports = {name: port for name, port in PORTS.items() if name == "transept" or options.model in SHAPES}
    results: dict[str, list[float]] = {"transept offline batch": [], "transept serve": []}
    if "ctranslate2" in ports:
        results["CTranslate2 behind FastAPI"] = []
    for port in ports.values():
        await wait_for(port)
    search = {"options": {"beams": 1, "min_new_tokens": options.out, "max_new_tokens": options.out, "logprobs": False}}
    for seed in range(options.rounds + 1):  # the first warms up
        ids = sources(options.requests, config, seed)
        bodies = [json.dumps({"source_ids": row, **search}).encode() for row in ids]
        found = [
            offline(options.command, folder, ids, options.out, options.threads),
            *[await load(port, bodies) for port in ports.values()],
        ]
        if seed > 0:
            for values, value in zip(results.values(), found, strict=True):
                values.append(value)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="marian-tiny", choices=[*SHAPES, "default"])
    parser.add_argument("--requests", type=int, default=192)
    parser.add_argument("--out", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--command", type=Path, default=ROOT / "build/release/transept")
    parser.add_argument("--work", type=Path, default=ROOT / "build/peers")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--queue-server", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.queue_server:
        return queue_server(options.queue_server, options.out, pieces(SHAPES[options.model]), options.threads)
    folder = make(options.model, options.work) if options.model in SHAPES else ROOT / "models" / options.model
    serve = [options.command, "serve", folder, "--port", PORTS["transept"], "--memory-folder", "none", "--quiet", "--threads",
             options.threads, "--batch-size", CLIENTS, "--memory-mib", 64]  # fmt: skip
    commands = [serve]
    if options.model in SHAPES:
        commands.append([sys.executable, __file__, "--queue-server", to_ctranslate2(folder, "float32"), "--model", options.model,
                         "--out", options.out, "--threads", options.threads])  # fmt: skip
    servers = [subprocess.Popen([str(word) for word in command]) for command in commands]
    try:
        results = asyncio.run(measure(options, folder))
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    whole = statistics.median(results["transept offline batch"])
    for name, values in results.items():
        middle = statistics.median(values)
        print(f"{name:28} {middle:8.0f} tokens/s  {middle / whole:5.2f} of the offline batch  ({min(values):.0f} to {max(values):.0f})")
    if options.json:
        options.json.write_text(json.dumps({"options": {k: str(v) for k, v in vars(options).items()}, "results": results}, indent=1))


if __name__ == "__main__":
    main()
