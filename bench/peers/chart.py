"""The results of ctranslate2_speed.py and onnx_speed.py --json as a table (Markdown, on standard output) and a chart.

    python bench/peers/chart.py RESULT.json … --svg docs/against-ctranslate2.svg
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

# Of the tokens per second of the peer, by its name, dtype, beam and whether one sentence or many; encoding has one goal.
GOALS = {("CTranslate2", "int8", 1, True): 5, ("CTranslate2", "int8", 1, False): 2.5, ("CTranslate2", "int8", 4, True): 6,
         ("CTranslate2", "int8", 4, False): 3, ("CTranslate2", "f32", 1, True): 2, ("CTranslate2", "f32", 1, False): 2.5,
         ("ONNX Runtime", "f32", 1, True): 1.4, ("ONNX Runtime", "f32", 1, False): 1.8}  # fmt: skip
ENCODING_GOAL = 1.5
WIDTH, LEFT, LINE = 900, 320, 22


def rows(files: list[Path]) -> list[dict]:
    found = []
    for file in files:
        result = json.loads(file.read_text())
        engine = result["engine"]
        for row in result["rows"]:
            encoding = row["output"] == 1
            goal = ENCODING_GOAL if encoding else GOALS[engine, result["dtype"], result["beam"], row["batch"] == 1]
            work = f"encoding {row['source']}" if encoding else f"{row['source']} → {row['output']}"
            beam = f", beam {result['beam']}" if result["beam"] > 1 else ""
            found.append(row | {"engine": engine, "goal": goal, "work": work, "kind": f"{result['model']} {result['dtype']}{beam}"})
    return found


def table(found: list[dict]) -> str:
    lines = ["| shape | source → output | sentences | transept | peer | ratio | goal |", "|---|---|---|---|---|---|---|"]
    for row in found:
        scale = row["source"] if row["output"] == 1 else 1  # encoding: source tokens per second
        lines.append(
            f"| {row['kind']} | {row['work']} | {row['batch']} | {row['transept_tokens_per_second'] * scale:.0f} | "
            f"{row['engine']} {row['peer_tokens_per_second'] * scale:.0f} | {row['ratio']:.2f} ({row['ratio_least']:.2f}–{row['ratio_most']:.2f}) | "
            f"{row['goal']}{'' if row['ratio'] >= row['goal'] else ' ✗'} |"
        )
    return "\n".join(lines)


def chart(found: list[dict]) -> str:
    most = max(max(row["ratio"], row["goal"]) for row in found) * 1.05
    per = (WIDTH - LEFT - 60) / most
    height = LINE * (len(found) + 2)
    peers = " or ".join(sorted({row["engine"] for row in found}))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="16" fill="#333">times as fast as {peers}; the line is the goal</text>',
    ]
    for i, row in enumerate(found):
        y = LINE * (i + 1) + 6
        label = f"{row['kind']}, {row['work']}, {row['batch']} at once"
        colour = "#0b6e99" if row["ratio"] >= row["goal"] else "#b35c00"
        goal = LEFT + row["goal"] * per
        out += [
            f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end" fill="#333">{label}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{row["ratio"] * per:.1f}" height="{LINE - 6}" fill="{colour}"/>',
            f'<line x1="{goal:.1f}" y1="{y - 2}" x2="{goal:.1f}" y2="{y + LINE - 4}" stroke="#111" stroke-width="2"/>',
            f'<text x="{LEFT + max(row["ratio"], row["goal"]) * per + 6:.1f}" y="{y + 12}" fill="#333">{row["ratio"]:.2f}</text>',
        ]
    return "\n".join([*out, "</svg>"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--svg", type=Path)
    arguments = parser.parse_args()
    found = rows(arguments.results)
    print(table(found))
    if arguments.svg:
        arguments.svg.write_text(chart(found), encoding="utf-8")


if __name__ == "__main__":
    main()
