// Ribbons between words: as wide as the weight. Only the strongest, or nothing is seen.
import { $, make } from "./dom.js";

const MOST = 14;
const LEAST = 0.04;

export function drawRibbons(links) {
  const svg = $("ribbons");
  const box = svg.getBoundingClientRect();
  const shown = links.filter((l) => l.weight >= LEAST && l.from && l.to).sort((a, b) => b.weight - a.weight).slice(0, MOST);
  const most = shown[0]?.weight ?? 1;
  svg.replaceChildren(
    ...shown.map(({ from, to, weight }) => {
      const a = from.getBoundingClientRect();
      const b = to.getBoundingClientRect();
      const [x1, y1] = [a.left + a.width / 2 - box.left, a.bottom - box.top];
      const [x2, y2] = [b.left + b.width / 2 - box.left, b.top - box.top];
      const bend = Math.max(24, (y2 - y1) / 2);
      const path = `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
      return make("path", { d: path, "stroke-width": (1.5 + 10 * weight).toFixed(1), "stroke-opacity": (0.25 + 0.55 * (weight / most)).toFixed(2) });
    }),
  );
}
