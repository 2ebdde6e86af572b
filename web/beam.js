// The beam as a tree: a column for every step, what was kept above, what was dropped below it.
import { $, make, percent, spelled } from "./dom.js";
import { searchTree } from "./run.js";
import { listen, state } from "./state.js";

const [WIDTH, HEIGHT, ACROSS, DOWN] = [92, 30, 132, 38];

// Kept ones first, then those that ended, then the dropped; each best first.
function places(nodes) {
  const order = { running: 0, ended: 0, dropped: 1 };
  const columns = [];
  nodes.forEach((node, index) => (columns[node.step] ??= []).push({ node, index }));
  const place = new Array(nodes.length);
  columns.forEach((column, step) => {
    column.sort((a, b) => order[a.node.fate] - order[b.node.fate] || b.node.score - a.node.score);
    column.forEach(({ index }, row) => (place[index] = { x: 70 + step * ACROSS, y: 8 + row * DOWN }));
  });
  return { place, steps: columns.length, rows: Math.max(...columns.map((c) => c.length)) };
}

function edge(from, to, classes) {
  const [x1, y1] = from ? [from.x + WIDTH, from.y + HEIGHT / 2] : [52, 8 + HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + HEIGHT / 2];
  const middle = (x1 + x2) / 2;
  return make("path", { class: classes, d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` });
}

function box(node, place, classes) {
  const { text } = spelled(node.piece ?? String(node.id));
  const short = text.length > 11 ? `${text.slice(0, 10)}…` : text;
  const said = `${text}: ${percent(Math.exp(node.logprob))}, sum of log-probabilities ${node.score.toFixed(2)}, ${node.fate}`;
  return make(
    "g",
    { class: classes, transform: `translate(${place.x} ${place.y})` },
    make("title", {}, said),
    make("rect", { width: WIDTH, height: HEIGHT, rx: node.fate === "ended" ? 15 : 7 }),
    make("text", { x: 8, y: 13 }, node.fate === "ended" ? `${short} ■` : short),
    make("text", { class: "share", x: 8, y: 25 }, `${percent(Math.exp(node.logprob))}  Σ ${node.score.toFixed(2)}`),
  );
}

function draw({ nodes, hypotheses, beams }) {
  const { place, steps, rows } = places(nodes);
  const best = new Set(hypotheses[0]?.nodes ?? []);
  const dropped = (node) => (node.fate === "dropped" ? "dropped" : "kept");
  const [width, height] = [70 + steps * ACROSS, 16 + rows * DOWN];
  const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `A tree of ${steps} steps with ${beams} beams; ${nodes.filter((n) => n.fate === "dropped").length} continuations were dropped. The answers are listed below.` });
  svg.append(make("text", { x: 8, y: 8 + HEIGHT / 2 + 4 }, "start"));
  const order = nodes.map((_, i) => i).sort((a, b) => best.has(a) - best.has(b)); // the best path on top
  for (const i of order) svg.append(edge(place[nodes[i].parent], place[i], `edge ${dropped(nodes[i])} ${best.has(i) ? "best" : ""}`));
  for (const i of order) svg.append(box(nodes[i], place[i], `${dropped(nodes[i])} ${best.has(i) ? "onbest" : ""}`));
  $("tree").replaceChildren(svg);
  $("tree").tabIndex = 0;
  $("hypotheses").replaceChildren(
    ...hypotheses.map((h) => make("li", {}, make("span", { class: "answer" }, h.text || "(nothing)"), " ", make("small", {}, `score ${h.score.toFixed(3)}`))),
  );
}

export function startBeam(guard) {
  $("search").addEventListener("click", () => guard(async () => draw(await searchTree(Number($("beams").value) || 3))));
  listen((changed) => {
    if (changed.has("memory")) $("search").disabled = !state.memory;
    if (changed.has("look") && !state.look) ($("tree").replaceChildren(), $("hypotheses").replaceChildren());
  });
}
