#!/usr/bin/env python3
"""Draws what `transept compare --format jsonl` measured.

    chart.py MEASURED.jsonl CHART.svg

Left: milliseconds for one prompt and for twenty over the same input, by its length. Right: bytes kept per input. Needs only
Python's own library.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 400, 300, 64, 48, 48
COLOURS = {"encoder_decoder": "#0b6e99", "decoder_only": "#b35c00"}
NAMES = {"encoder_decoder": "encoder–decoder, memory", "decoder_only": "decoder only, prefix cache"}


def total_ms(row: dict, side: str, prompts: int) -> float:
    cost = row[side]
    return cost["read_ms"] + prompts * (cost["prompt_ms"] + cost["token_ms"] * (row["output_tokens"] - 1))


class Panel:
    """Both axes logarithmic."""

    def __init__(self, x0: float, title: str, xs: list[float], ys: list[float]) -> None:
        self.x0 = x0
        self.low = math.floor(math.log10(min(ys)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(ys))))
        self.first, self.last = math.log2(min(xs)), math.log2(max(xs))
        self.parts = [f'<text x="{x0 + LEFT}" y="{TOP - 16}" class="title">{title}</text>']
        for power in range(self.low, self.high + 1):
            y = self.y(10**power)
            label = f"{10**power:g}"
            self.parts.append(f'<line x1="{x0 + LEFT}" y1="{y:.1f}" x2="{x0 + WIDTH - 12}" y2="{y:.1f}" class="grid"/>')
            self.parts.append(f'<text x="{x0 + LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        for x in xs:
            self.parts.append(f'<text x="{self.x(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x}</text>')
        middle = x0 + (LEFT + WIDTH - 12) / 2
        self.parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">tokens of the input</text>')

    def x(self, value: float) -> float:
        share = (math.log2(value) - self.first) / max(self.last - self.first, 1e-9)
        return self.x0 + LEFT + 8 + share * (WIDTH - LEFT - 36)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    def line(self, points: list[tuple[float, float]], side: str, dashed: bool = False) -> None:
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[side]}" stroke-width="2"{dash}/>')


def main(measured: Path, chart: Path) -> None:
    rows = [json.loads(line) for line in measured.read_text(encoding="utf-8").splitlines()]
    xs = [row["input_tokens"] for row in rows]
    times = [total_ms(row, side, n) for row in rows for side in COLOURS for n in (1, 20)]
    sizes = [row[side]["kept_bytes"] / 1024 for row in rows for side in COLOURS]
    sizes += [row["encoder_decoder"]["stored_bytes"] / 1024 for row in rows]
    time = Panel(0, "ms for 1 prompt (solid) and 20 (dashed)", xs, times)
    size = Panel(WIDTH, "KiB kept, in RAM (solid) and on disk (dashed)", xs, sizes)
    for side in COLOURS:
        for prompts in (1, 20):
            time.line([(row["input_tokens"], total_ms(row, side, prompts)) for row in rows], side, prompts > 1)
        for key in ("kept_bytes", "stored_bytes"):
            size.line([(row["input_tokens"], row[side][key] / 1024) for row in rows], side, key == "stored_bytes")
    legend = "".join(
        f'<text x="{LEFT + i * 220}" y="{HEIGHT + 16}" fill="{COLOURS[side]}">— {NAMES[side]}</text>'
        for i, side in enumerate(COLOURS)
    )
    chart.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT + 28}" font-family="sans-serif" '
        'font-size="11"><style>.title{font-weight:bold}.grid{stroke:#ccc}text{fill:#333}</style>'
        f'<rect width="{2 * WIDTH}" height="{HEIGHT + 28}" fill="white"/>'
        f"{''.join(time.parts + size.parts)}{legend}</svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
