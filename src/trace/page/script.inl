R"js(
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

// make("b", {className: "x"}, "text", child, …): text is never parsed as markup.
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key in node) node[key] = value; else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}
const spell = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
  (c) => c === "\n" ? "⏎" : "␣" + c.charCodeAt(0).toString(16));
const percent = (w) => w >= 0.995 ? "100" : w < 0.005 ? "0" : (100 * w).toFixed(0);

function decode16(base64) {  // little-endian unsigned 16 bits: weight * 65535
  const bytes = atob(base64), values = new Float32Array(bytes.length / 2);
  for (let i = 0; i < values.length; ++i)
    values[i] = (bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8)) / 65535;
  return values;
}
const maps = { self: data.self.map(decode16), cross: data.cross.map(decode16) };
const state = { step: 0, layer: data.view.layer, head: data.view.head, lit: null, timer: 0 };
const begun = data.n_start + data.n_prompt;

function weights(kind) {
  const heads = data.n_heads, at = state.layer * heads;
  if (state.head >= 0) return maps[kind][at + state.head];
  const mean = new Float32Array(maps[kind][at].length);
  for (let h = 0; h < heads; ++h) maps[kind][at + h].forEach((w, i) => { mean[i] += w / heads; });
  return mean;
}

function chip(piece, index, kind) {
  const node = make(kind ? "button" : "span", { className: "chip" }, spell(piece.piece), make("small", {}, String(piece.id)));
  node.title = `position ${index}, id ${piece.id}`;
  if (!kind) return node;
  node.type = "button";
  node.dataset.index = index;
  const on = () => light({ kind, index });
  node.addEventListener("mouseenter", () => { if (!(state.lit && state.lit.kept)) on(); });
  node.addEventListener("mouseleave", () => { if (!(state.lit && state.lit.kept)) light(null); });
  node.addEventListener("focus", on);
  node.addEventListener("click", () => {
    const same = state.lit && state.lit.kept && state.lit.kind === kind && state.lit.index === index;
    light(same ? null : { kind, index, kept: true });
  });
  return node;
}

// A lit decoder token shows what it reads; a lit source token shows who reads it.
function light(lit) {
  state.lit = lit;
  const rows = data.steps[state.step].positions, n = data.source.length;
  const w = data.cross.length ? weights("cross") : null, s = weights("self"), p = data.target.length;
  const shade = (nodes, weight) => nodes.forEach((node, i) => {
    const value = weight(i);
    node.style.backgroundColor = value > 0 ? `rgba(var(--heat), ${(0.9 * Math.sqrt(value)).toFixed(3)})` : "";
    node.classList.toggle("hot", value > 0.45);
  });
  const sources = [...$("sources").children], targets = [...$("targets").children];
  shade(sources, (i) => w && lit && lit.kind === "target" ? w[lit.index * n + i] : 0);
  shade(targets, (i) => !lit ? 0 : lit.kind === "source" ? (w ? w[i * n + lit.index] : 0) : s[lit.index * p + i]);
  for (const [nodes, kind] of [[sources, "source"], [targets, "target"]])
    nodes.forEach((node, i) => node.setAttribute("aria-pressed", String(!!lit && lit.kind === kind && lit.index === i)));
  document.querySelectorAll(".lit").forEach((node) => node.classList.remove("lit"));
  if (!lit) { $("reading").textContent = "Point at a token, or walk with Tab, to see its weights."; return; }
  const list = lit.kind === "target" && w ? data.source.map((t, i) => [t.piece, w[lit.index * n + i]])
    : data.target.slice(0, rows).map((t, i) => [t.piece, lit.kind === "source" ? w[i * n + lit.index] : s[lit.index * p + i]]);
  list.sort((a, b) => b[1] - a[1]);
  const who = (lit.kind === "source" ? data.source : data.target)[lit.index].piece;
  $("reading").textContent = `${spell(who)} ${lit.kind === "source" ? "is read most by" : "reads most from"} ` +
    list.slice(0, 5).map(([t, v]) => `${spell(t)} ${percent(v)} %`).join(", ");
  document.querySelectorAll(lit.kind === "target" ? `tr[data-row="${lit.index}"]` : `#cross td[data-column="${lit.index}"]`)
    .forEach((node) => node.classList.add("lit"));
}

function buildMap(id, kind, columns) {
  const head = make("tr", {}, make("th", {}));
  columns.forEach((t, i) => head.append(make("th", { scope: "col", title: `${i}: ${spell(t.piece)}` }, make("span", {}, spell(t.piece)))));
  const body = make("tbody", {});
  data.target.forEach((t, row) => {
    const line = make("tr", { "data-row": row }, make("th", { scope: "row" }, spell(t.piece)));
    columns.forEach((c, column) => line.append(make("td", { "data-column": column })));
    body.append(line);
  });
  $(id).replaceChildren(make("thead", {}, head), body);
}

function fillMap(id, kind, columns) {
  const rows = data.steps[state.step].positions, w = weights(kind), table = $(id);
  [...table.querySelectorAll("thead th")].forEach((node, i) => { node.hidden = kind === "self" && i > rows; });
  [...table.tBodies[0].rows].forEach((line, row) => {
    line.hidden = row >= rows;
    line.classList.toggle("newest", row === rows - 1);
    for (let i = 0; i < columns.length; ++i) {
      const cell = line.cells[i + 1], value = w[row * columns.length + i], none = kind === "self" && i > row;
      cell.hidden = kind === "self" && i >= rows;
      cell.className = none ? "none" : value > 0.45 ? "hot" : "";
      cell.textContent = none ? "·" : percent(value);
      cell.style.setProperty("--w", none ? 0 : (0.95 * Math.sqrt(value)).toFixed(3));
      cell.title = none ? "comes later: masked" : `${spell(data.target[row].piece)} → ${spell(columns[i].piece)}: ${(100 * value).toFixed(2)} %`;
    }
  });
}

function show() {
  const step = data.steps[state.step];
  $("where").textContent = `step ${state.step + 1} of ${data.steps.length}`;
  $("scrub").value = state.step;
  [...$("targets").children].forEach((node, i) => {
    node.hidden = i >= step.positions;
    node.classList.toggle("newest", i === step.positions - 1 && i >= begun);
  });
  fillMap("self", "self", data.target);
  if (data.cross.length) fillMap("cross", "cross", data.source);
  const rows = [];
  const best = Math.max(step.chosen.probability, ...step.top.map((c) => c.probability), 1e-9);
  for (const c of step.top.some((t) => t.id === step.chosen.id) ? step.top : [step.chosen, ...step.top]) {
    const cls = c.id === step.chosen.id ? " chosen" : "";
    const bar = make("span", { className: "bar" + cls });
    bar.style.width = `${(100 * c.probability / best).toFixed(1)}%`;
    rows.push(make("span", { className: "piece" + cls }, spell(c.piece)), make("span", { className: "id" }, String(c.id)),
      bar, make("span", { className: cls.trim() }, c.probability.toFixed(4)));
  }
  $("next").replaceChildren(...rows);
  $("outcome").textContent = step.finished
    ? `${spell(step.chosen.piece)} is the end mark: the output is complete.`
    : `${spell(step.chosen.piece)} is chosen and fed back as decoder position ${step.positions}.`;
  $("sofar").replaceChildren(step.text, make("span", { className: "caret" }, step.finished ? " ∎" : "▏"));
  light(state.lit && (state.lit.kind === "source" || state.lit.index < step.positions) ? state.lit : null);
}

function play() {
  if (state.timer) { clearInterval(state.timer); state.timer = 0; }
  else {
    if (state.step === data.steps.length - 1) state.step = -1;
    const next = () => {
      state.step = Math.min(state.step + 1, data.steps.length - 1);
      show();
      if (state.step === data.steps.length - 1 && state.timer) play();
    };
    state.timer = setInterval(next, 900);
    next();
  }
  $("play").textContent = state.timer ? "❚❚ pause" : "▶ play";
}

function hiddenStrip() {  // blue below zero, warm above; one row per token
  const { rows, columns, values } = data.hidden, canvas = $("hidden"), bytes = atob(values);
  canvas.width = columns; canvas.height = rows;
  canvas.style.height = `${Math.min(rows * 16, 420)}px`;
  const style = getComputedStyle(document.documentElement), paint = canvas.getContext("2d");
  const tone = (name) => style.getPropertyValue(name).split(",").map(Number);
  const image = paint.createImageData(columns, rows), heat = tone("--heat"), cold = tone("--cold");
  for (let i = 0; i < rows * columns; ++i) {
    const v = (bytes.charCodeAt(i) << 24 >> 24) / 127, color = v < 0 ? cold : heat;
    image.data.set([color[0], color[1], color[2], Math.round(255 * Math.sqrt(Math.abs(v)))], 4 * i);
  }
  paint.putImageData(image, 0, 0);
}

function start() {
  $("tokens-source").replaceChildren(...data.source.map((t, i) => chip(t, i)));
  $("tokens-target").replaceChildren(...data.target.slice(0, begun).map((t, i) => {
    const node = chip(t, i);
    if (i < data.n_start) node.classList.add("start");
    return node;
  }));
  if (data.source.length) {
    hiddenStrip();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", hiddenStrip);
  }
  if (!data.steps.length) return;
  $("sources").replaceChildren(...data.source.map((t, i) => chip(t, i, "source")));
  const targets = data.target.map((t, i) => chip(t, i, "target"));
  targets.forEach((node, i) => node.classList.add(i < data.n_start ? "start" : i < begun ? "prompt" : "output"));
  $("targets").replaceChildren(...targets);
  for (let l = 0; l < data.decoder_layers; ++l) $("layer").append(make("option", { value: l }, `layer ${l}`));
  $("head").append(make("option", { value: -1 }, "mean of heads"));
  for (let h = 0; h < data.n_heads; ++h) $("head").append(make("option", { value: h }, `head ${h}`));
  $("layer").value = state.layer; $("head").value = state.head;
  $("layer").addEventListener("change", (e) => { state.layer = +e.target.value; show(); });
  $("head").addEventListener("change", (e) => { state.head = +e.target.value; show(); });
  $("scrub").max = data.steps.length - 1;
  $("scrub").addEventListener("input", (e) => { state.step = +e.target.value; show(); });
  $("play").addEventListener("click", play);
  addEventListener("keydown", (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || /^(SELECT|INPUT)$/.test(document.activeElement.tagName)) return;
    if (e.key === "ArrowRight") state.step = Math.min(state.step + 1, data.steps.length - 1);
    else if (e.key === "ArrowLeft") state.step = Math.max(state.step - 1, 0);
    else if (e.key === "Escape") state.lit = null;
    else return;
    e.preventDefault();
    show();
  });
  buildMap("self", "self", data.target);
  if (data.cross.length) buildMap("cross", "cross", data.source);
  show();
}
start();
)js"
