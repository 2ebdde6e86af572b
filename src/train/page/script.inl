R"js(
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const lines = data.lines, $ = (id) => document.getElementById(id);
const svg = (tag, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  return node;
};
const html = (tag, text, className) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
};
const number = (x) => x === 0 ? "0" : Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3 ? x.toExponential(2)
  : Math.abs(x) >= 100 ? Math.round(x).toLocaleString("en") : String(+x.toPrecision(4));
const points = (key) => lines.filter((l) => typeof l[key] === "number").map((l) => [l.step, l[key]]);
const events = lines.filter((l) => l.event);
const last = (key) => { const p = points(key); return p.length ? p[p.length - 1][1] : null; };

const W = 480, H = 230, L = 52, R = 12, T = 10, B = 24;

// Round steps of 1, 2 or 5 times a power of ten.
function ticks(low, high, n) {
  const rough = (high - low) / n || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let t = Math.ceil(low / step) * step; t <= high + 1e-12; t += step) found.push(t);
  return found;
}

function chart(title, curves, lowerIsBetter) {
  const all = curves.flatMap((c) => c.points);
  if (!all.length) return;
  const end = Math.max(...lines.map((l) => l.step), 1);
  const values = all.map((p) => p[1]).sort((a, b) => a - b);
  let low = values[0], high = values[values.length - 1];
  if (values.length > 40) high = Math.max(values[Math.floor(values.length * 0.98)], low);  // a few early peaks may leave the picture
  if (high === low) { high += Math.abs(high) * 0.05 || 1; low -= Math.abs(low) * 0.05 || 1; }
  const x = (s) => L + (W - L - R) * s / end, y = (v) => T + (H - T - B) * (1 - (Math.min(v, high) - low) / (high - low));
  const figure = html("figure"), caption = html("figcaption");
  caption.append(html("span", title));
  const output = html("output");
  caption.append(output);
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title });
  for (const t of ticks(low, high, 4)) {
    picture.append(svg("line", { class: "grid", x1: L, x2: W - R, y1: y(t), y2: y(t) }));
    const label = svg("text", { x: L - 6, y: y(t) + 4, "text-anchor": "end" });
    label.textContent = number(t);
    picture.append(label);
  }
  for (const t of ticks(0, end, 5)) {
    const label = svg("text", { x: x(t), y: H - 6, "text-anchor": "middle" });
    label.textContent = t.toLocaleString("en");
    picture.append(label);
  }
  for (const e of events) picture.append(svg("line", { class: "event", x1: x(e.step), x2: x(e.step), y1: T, y2: H - B }));
  for (const c of curves) {
    picture.append(svg("polyline", { class: "curve " + c.kind, points: c.points.map((p) => `${x(p[0])},${y(p[1])}`).join(" ") }));
    if (c.kind === "valid") {
      for (const p of c.points) picture.append(svg("circle", { class: "dot", cx: x(p[0]), cy: y(p[1]), r: 2.2 }));
      const best = c.points.reduce((a, b) => (lowerIsBetter ? b[1] < a[1] : b[1] > a[1]) ? b : a, c.points[0]);
      if (best) picture.append(svg("circle", { class: "best", cx: x(best[0]), cy: y(best[1]), r: 5 }));
    }
  }
  const cursor = svg("line", { class: "cursor", y1: T, y2: H - B, visibility: "hidden" });
  picture.append(cursor);
  const say = (step) => {
    const words = curves.filter((c) => c.points.length).map((c) => {
      const p = c.points.reduce((a, b) => Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a);
      return `${c.name} ${number(p[1])}`;
    });
    output.textContent = `step ${Math.round(step).toLocaleString("en")}: ${words.join(", ")}`;
  };
  say(end);
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const at = Math.min(Math.max((event.clientX - box.left) / box.width * W, L), W - R);
    cursor.setAttribute("x1", at); cursor.setAttribute("x2", at); cursor.setAttribute("visibility", "visible");
    say((at - L) / (W - L - R) * end);
  });
  picture.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); say(end); });
  figure.append(caption, picture);
  $("charts").append(figure);
}

function fact(name, value) {
  if (value === null || value === undefined) return;
  const item = html("li");
  item.append(html("span", name), html("b", value));
  $("facts").append(item);
}

const minutes = (s) => s === null ? null : s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${(s / 60).toFixed(1)} min` : `${(s / 3600).toFixed(1)} h`;
const validLoss = points("valid_loss");
fact("steps", Math.max(...lines.map((l) => l.step), 0).toLocaleString("en"));
fact("target tokens", last("target_tokens") === null ? null : last("target_tokens").toLocaleString("en"));
fact("time", minutes(last("seconds")));
fact("best valid loss", validLoss.length ? number(Math.min(...validLoss.map((p) => p[1]))) : null);
chart("loss per token", [{ name: "train", kind: "train", points: points("loss") }, { name: "valid", kind: "valid", points: validLoss }], true);
for (const metric of data.metrics)
  chart(metric.key, [{ name: "valid", kind: "valid", points: points(metric.key) }], metric.lower_is_better);
chart("gradient norm", [{ name: "norm", kind: "train", points: points("gradient_norm") }]);
chart("learning rate", [{ name: "rate", kind: "train", points: points("learning_rate") }]);
chart("target tokens per second", [{ name: "tokens/s", kind: "train", points: points("tokens_per_second") }]);
for (const e of events) $("events").append(html("li", `step ${e.step.toLocaleString("en")}: ${e.text}`));
$("what-happened").hidden = !events.length;
$("config").textContent = data.config;
)js"
