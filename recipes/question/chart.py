#!/usr/bin/env python3
"""Draws what was measured.

    chart.py time MEASURED.jsonl CHART.svg       of `transept compare --format jsonl`
    chart.py quality RESULTS.jsonl CHART.svg     of results.py

time: left, milliseconds for one prompt and for twenty over the same input, by its length; right, bytes kept per input.
quality: the scores of each task by the length of the input, and the validation loss by minutes of processor time. Needs only
Python's own library.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 400, 300, 64, 48, 48
COLOURS = {"encoder_decoder": "#0b6e99", "decoder_only": "#b35c00"}
NAMES = {"encoder_decoder": "encoder–decoder, memory", "decoder_only": "decoder only, prefix cache"}
PALETTE = ("#0b6e99", "#b35c00", "#6a8f00", "#7a3b8f")
TITLES = {"en-de": ("bleu", "en→de, BLEU"), "section": ("ser", "section, % right"), "summary": ("rougeL", "summary, ROUGE-L")}
Scale = Callable[[float], float]


class Panel:
    """Marks of the axes at given values; `x` and `y` bring a value onto the line between the first mark and the last."""

    def __init__(self, x0: float, title: str, label: str, xs: list[float], ys: list[float], across: Scale, up: Scale) -> None:
        self.x0, self.across, self.up = x0, across, up
        self.first, self.last, self.low, self.high = across(xs[0]), across(xs[-1]), up(ys[0]), up(ys[-1])
        self.parts = [f'<text x="{x0 + LEFT}" y="{TOP - 16}" class="title">{title}</text>']
        for value in ys:
            y = self.y(value)
            self.parts.append(f'<line x1="{x0 + LEFT}" y1="{y:.1f}" x2="{x0 + WIDTH - 12}" y2="{y:.1f}" class="grid"/>')
            self.parts.append(f'<text x="{x0 + LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        middle = x0 + (LEFT + WIDTH - 12) / 2
        self.parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{label}</text>')

    def mark(self, value: float, text: str) -> None:
        self.parts.append(f'<text x="{self.x(value):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{text}</text>')

    def x(self, value: float) -> float:
        share = (self.across(value) - self.first) / max(self.last - self.first, 1e-9)
        return self.x0 + LEFT + 8 + share * (WIDTH - LEFT - 36)

    def y(self, value: float) -> float:
        share = (self.up(value) - self.low) / max(self.high - self.low, 1e-9)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    def line(self, points: list[tuple[float, float]], colour: str, dashed: bool = False) -> None:
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')


def plain(value: float) -> float:
    return value


def powers(values: list[float]) -> list[float]:
    low = math.floor(math.log10(min(values)))
    return [10.0**n for n in range(low, max(low + 1, math.ceil(math.log10(max(values)))) + 1)]


def steps(low: float, high: float) -> list[float]:
    """Four to eight round values from below the one to above the other."""
    size = 10.0 ** math.floor(math.log10(max(high - low, 1e-6)))
    size = next(s for s in (size / 5, size / 2, size, 2 * size) if (high - low) / s <= 6)
    first = math.floor(low / size)
    return [round(n * size, 9) for n in range(first, max(first + 1, math.ceil(high / size)) + 1)]


def page(panels: list[Panel], legend: list[tuple[str, str]]) -> str:
    names = "".join(
        f'<text x="{LEFT + i * 240}" y="{HEIGHT + 16}" style="fill:{colour}">— {name}</text>'
        for i, (name, colour) in enumerate(legend)
    )
    width = WIDTH * len(panels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 28}" font-family="sans-serif" '
        'font-size="11"><style>.title{font-weight:bold}.grid{stroke:#ccc}text{fill:#333}</style>'
        f'<rect width="{width}" height="{HEIGHT + 28}" fill="white"/>'
        f"{''.join(part for panel in panels for part in panel.parts)}{names}</svg>\n"
    )


def total_ms(row: dict, side: str, prompts: int) -> float:
    cost = row[side]
    return cost["read_ms"] + prompts * (cost["prompt_ms"] + cost["token_ms"] * (row["output_tokens"] - 1))


def draw_time(rows: list[dict]) -> str:
    xs = [row["input_tokens"] for row in rows]
    times = [total_ms(row, side, n) for row in rows for side in COLOURS for n in (1, 20)]
    sizes = [row[side]["kept_bytes"] / 1024 for row in rows for side in COLOURS]
    sizes += [row["encoder_decoder"]["stored_bytes"] / 1024 for row in rows]
    label = "tokens of the input"
    time = Panel(0, "ms for 1 prompt (solid) and 20 (dashed)", label, xs, powers(times), math.log2, math.log10)
    size = Panel(WIDTH, "KiB kept, in RAM (solid) and on disk (dashed)", label, xs, powers(sizes), math.log2, math.log10)
    for panel in (time, size):
        for x in xs:
            panel.mark(x, str(x))
    for side, colour in COLOURS.items():
        for prompts in (1, 20):
            time.line([(row["input_tokens"], total_ms(row, side, prompts)) for row in rows], colour, prompts > 1)
        for key in ("kept_bytes", "stored_bytes"):
            size.line([(row["input_tokens"], row[side][key] / 1024) for row in rows], colour, key == "stored_bytes")
    return page([time, size], [(NAMES[side], colour) for side, colour in COLOURS.items()])


def draw_quality(models: list[dict]) -> str:
    colours = {model["model"]: PALETTE[i % len(PALETTE)] for i, model in enumerate(models)}
    panels = []
    for task in models[0]["tasks"]:
        metric, title = TITLES[task]
        parts = [row["tokens"] for row in models[0]["tasks"][task]["rows"][1:]]  # the first is all of them
        scores = {model["model"]: [row[metric] for row in model["tasks"][task]["rows"][1:]] for model in models}
        marks = steps(0, max(score for own in scores.values() for score in own))
        places = list(map(float, range(len(parts))))
        panel = Panel(WIDTH * len(panels), title, "tokens of the input", places, marks, plain, plain)
        for place, part in enumerate(parts):
            panel.mark(place, part)
        for name, own in scores.items():
            panel.line(list(zip(places, own, strict=True)), colours[name])
        panels.append(panel)
    curves = {model["model"]: model["curve"] for model in models}
    losses = [loss for curve in curves.values() for _, loss in curve]
    minutes = steps(0, max(at for curve in curves.values() for at, _ in curve))
    panel = Panel(WIDTH * len(panels), "validation loss", "minutes of processor time", minutes,
                  steps(min(losses), max(losses)), plain, plain)  # fmt: skip
    for minute in minutes:
        panel.mark(minute, f"{minute:g}")
    for name, curve in curves.items():
        panel.line([(at, loss) for at, loss in curve], colours[name])
    return page([*panels, panel], list(colours.items()))


if __name__ == "__main__":
    kind, source, target = sys.argv[1:]
    measured = [json.loads(line) for line in Path(source).read_text(encoding="utf-8").splitlines()]
    Path(target).write_text({"time": draw_time, "quality": draw_quality}[kind](measured), encoding="utf-8")
