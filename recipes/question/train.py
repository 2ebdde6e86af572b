#!/usr/bin/env python3
"""Trains one model within a budget of processor time.

    train.py OUT MINUTES RATE,RATE… CONFIG.toml KEY=VALUE…

First measures what a step costs in processor time (two short trials; what they have in common, reading the data, cancels out),
and reckons from it how many steps the minutes are. Then tries each learning rate with a fifth of the budget (none, if there is only
one), and trains with the one whose validation loss is lowest. Leaves OUT/model, OUT/budget.json and the trials OUT/rate-RATE.
Run again, it goes on where it was stopped. TRANSEPT: the command; THREADS: its threads (1: processor time is time on one core).
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

SHORT, LONG = 5, 30  # steps of the trials


def processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def train(config: str, settings: list[str], output: Path, log: Path) -> None:
    command = [os.environ["TRANSEPT"], "train", config, "--threads", os.environ["THREADS"]]
    for setting in [*settings, f"output={output}"]:
        command += ["--set", setting]
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=file, check=False)
    if done.returncode:
        sys.exit(f"train.py: transept train failed ({done.returncode}); see {log}")


def measure(config: str, settings: list[str], out: Path) -> dict:
    """What a step costs, and what the data is."""
    seconds = []
    log = out / "trial.log"
    without = [setting for setting in settings if not setting.startswith("data.valid=")]
    for steps in (SHORT, LONG):
        shutil.rmtree(out / "trial", ignore_errors=True)
        before = processor_seconds()
        train(config, [*without, f"length.max_steps={steps}"], out / "trial", log)
        seconds.append(processor_seconds() - before)
    shutil.rmtree(out / "trial")
    found = re.search(r"training data: (\d+) pairs, (\d+) target tokens", log.read_text(encoding="utf-8"))
    return {
        "step_seconds": (seconds[1] - seconds[0]) / (LONG - SHORT),
        "pairs": int(found[1]),
        "target_tokens": int(found[2]),
    }


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def best_loss(folder: Path) -> float:
    return min(row["valid_loss"] for row in metrics(folder) if "valid_loss" in row)


def within(minutes: float, step_seconds: float, rate: str) -> list[str]:
    steps = max(4, round(60 * minutes / step_seconds))
    return [
        f"length.max_steps={steps}",
        f"optimizer.learning_rate={rate}",
        f"optimizer.warmup_steps={min(500, steps // 10)}",
        f"validation.every_steps={max(1, steps // 20)}",
        f"checkpoint.every_steps={max(1, steps // 10)}",
    ]


def main(out: Path, minutes: float, rates: list[str], config: str, settings: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    file = out / "budget.json"
    budget = json.loads(file.read_text()) if file.exists() else {"minutes": minutes, **measure(config, settings, out)}
    if budget["minutes"] != minutes:
        sys.exit(f"{file}: begun with {budget['minutes']} minutes, not {minutes}; remove {out}, or set WORK")
    file.write_text(json.dumps(budget))
    losses = {}
    for rate in rates if len(rates) > 1 else []:
        folder = out / f"rate-{rate}"
        train(config, settings + within(minutes / 5, budget["step_seconds"], rate), folder, out / "train.log")
        losses[rate] = best_loss(folder)
    rate = min(losses, key=losses.__getitem__) if losses else rates[0]
    file.write_text(json.dumps({**budget, "rate": rate, "losses": losses}))
    train(config, settings + within(minutes, budget["step_seconds"], rate), out / "model", out / "train.log")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(","), sys.argv[4], sys.argv[5:])
