"""transept as these benchmarks run it: `transept generate` on lines of ids, and what it says of the time it took."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path


def generate(command: Path, folder: Path, lines: list[list[int]], out: int, threads: int, batch: int, *words: str) -> tuple[list[str], dict]:
    """The answers, a line each, and --stats. Every answer has `out` tokens."""
    with tempfile.NamedTemporaryFile("w", suffix=".ids") as file:
        file.write("".join(" ".join(map(str, line)) + "\n" for line in lines))
        file.flush()
        done = subprocess.run(
            [str(command), "generate", str(folder), "--source-ids", "--stats", "--input-file", file.name, "--threads", str(threads),
             "--batch-size", str(batch), "--min-new-tokens", str(out), "--max-new-tokens", str(out), *words],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return done.stdout.splitlines(), json.loads(done.stderr.splitlines()[-1])
