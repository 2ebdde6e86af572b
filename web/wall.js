// The wall: every layer and head as a small picture, and one of them large, with numbers.
import { $, colour, make, percent, spelled } from "./dom.js";
import { change, listen, state } from "./state.js";

let kind = "cross";
let at = { row: 0, column: 0 };
const LABEL = 96; // room for words beside the large picture
const NUMBERS_FROM = 34; // pixels of a cell that has its number in it

// 256 steps from nothing to full.
function shades() {
  const [full, none] = [colour(kind === "cross" ? "--cross" : "--self"), colour("--card")];
  return Array.from({ length: 256 }, (_, i) => full.map((c, k) => none[k] + (c - none[k]) * Math.sqrt(i / 255)));
}

function paint(canvas, values, columns, rows, table) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  for (let i = 0; i < columns * rows; ++i) {
    const shade = table[Math.min(255, Math.round(255 * values[i]))];
    image.data[4 * i] = shade[0];
    image.data[4 * i + 1] = shade[1];
    image.data[4 * i + 2] = shade[2];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function drawWall() {
  const look = state.look;
  const wall = $("heads");
  if (!look) return wall.replaceChildren();
  const [columns, rows] = [look.columns(kind), look.positions];
  const table = shades();
  wall.style.gridTemplateColumns = `2.2rem repeat(${look.n_heads}, minmax(2.4rem, 1fr))`;
  const cells = [make("span", { class: "label" }, "")];
  for (let head = 0; head < look.n_heads; ++head) cells.push(make("span", { class: "label" }, `h${head + 1}`));
  for (let layer = 0; layer < look.layers; ++layer) {
    cells.push(make("span", { class: "label" }, `l${layer + 1}`));
    for (let head = 0; head < look.n_heads; ++head) {
      const canvas = make("canvas", { "aria-hidden": "true" });
      paint(canvas, look.maps[kind][layer][head], columns, rows, table);
      const pressed = state.layer === layer && state.head === head;
      cells.push(make("button", { type: "button", class: "head", "data-head": `${layer} ${head}`, "aria-pressed": pressed, "aria-label": `layer ${layer + 1}, head ${head + 1}`, onclick: () => change({ layer, head }) }, canvas));
    }
  }
  wall.replaceChildren(...cells);
}

function mark() {
  for (const button of $("heads").querySelectorAll("button"))
    button.setAttribute("aria-pressed", button.dataset.head === `${state.layer} ${state.head}`);
}

const rowName = (row) => spelled(state.look.target[row].piece, row < state.look.n_start).text;
const columnName = (column) => (kind === "cross" ? spelled(state.look.source[column].piece).text : rowName(column));

function cellSize() {
  const columns = state.look.columns(kind);
  const width = $("wall").clientWidth - LABEL - 48;
  return Math.max(4, Math.min(48, Math.floor(width / columns)));
}

// The picture without its frame, painted once for all steps.
let painted = { of: null, canvas: null };
function picture(values, columns, rows) {
  if (painted.of === values && painted.theme === state.theme) return painted.canvas;
  const canvas = make("canvas");
  paint(canvas, values, columns, rows, shades());
  painted = { of: values, theme: state.theme, canvas };
  return canvas;
}

function drawLarge() {
  const look = state.look;
  $("enlarged").hidden = !look;
  if (!look) return;
  const [columns, rows, cell] = [look.columns(kind), look.positions, cellSize()];
  const values = look.map(kind, state.layer, state.head);
  const canvas = $("large");
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [LABEL + columns * cell, LABEL + rows * cell];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  c.imageSmoothingEnabled = false;
  c.drawImage(picture(values, columns, rows), LABEL, LABEL, columns * cell, rows * cell);
  const ink = `rgb(${colour("--ink").join()})`;
  c.fillStyle = ink;
  if (cell >= 9) drawLabels(c, columns, rows, cell);
  if (cell >= NUMBERS_FROM) drawNumbers(c, values, columns, rows, cell);
  drawBand();
  const where = `${state.layer < 0 ? "all layers" : `layer ${state.layer + 1}`}, ${state.head < 0 ? "all heads" : `head ${state.head + 1}`}`;
  canvas.setAttribute("aria-label", `${kind === "cross" ? "Cross" : "Self"}-attention, ${where}: ${rows} positions over ${columns} words. Arrow keys read the numbers.`);
  read();
}

// The step that is shown above: a frame around its row.
function drawBand() {
  const look = state.look;
  if (!look) return;
  const cell = cellSize();
  const place = { left: LABEL, top: LABEL + look.row(state.step) * cell, width: look.columns(kind) * cell, height: cell };
  for (const [name, pixels] of Object.entries(place)) $("band").style[name] = `${pixels}px`;
}

function drawLabels(c, columns, rows, cell) {
  c.font = `${Math.min(13, cell)}px ui-serif, Georgia, serif`;
  c.textBaseline = "middle";
  c.textAlign = "right";
  for (let row = 0; row < rows; ++row) c.fillText(rowName(row).slice(0, 14), LABEL - 6, LABEL + (row + 0.5) * cell);
  c.textAlign = "left";
  for (let column = 0; column < columns; ++column) {
    c.save();
    c.translate(LABEL + (column + 0.5) * cell, LABEL - 6);
    c.rotate(-Math.PI / 2.6);
    c.fillText(columnName(column).slice(0, 14), 0, 0);
    c.restore();
  }
}

function drawNumbers(c, values, columns, rows, cell) {
  c.font = "10px ui-monospace, Menlo, monospace";
  c.textAlign = "center";
  for (let row = 0; row < rows; ++row) {
    for (let column = 0; column < columns; ++column) {
      if (kind === "self" && column > row) continue;
      const text = values[row * columns + column].toFixed(2).replace(/^0/, "");
      c.fillText(text, LABEL + (column + 0.5) * cell, LABEL + (row + 0.5) * cell);
    }
  }
}

function read() {
  const look = state.look;
  const columns = look.columns(kind);
  at = { row: Math.min(at.row, look.positions - 1), column: Math.min(at.column, columns - 1) };
  const weight = look.map(kind, state.layer, state.head)[at.row * columns + at.column];
  $("readout").textContent = `After “${rowName(at.row)}”, looking at “${columnName(at.column)}”: ${weight.toFixed(4)} (${percent(weight)})`;
}

function point(event) {
  const box = $("large").getBoundingClientRect();
  const cell = cellSize();
  const column = Math.floor((event.clientX - box.left - LABEL) / cell);
  const row = Math.floor((event.clientY - box.top - LABEL) / cell);
  if (row < 0 || column < 0 || row >= state.look.positions || column >= state.look.columns(kind)) return;
  at = { row, column };
  read();
}

export function startWall() {
  $("large").addEventListener("pointermove", point);
  $("large").addEventListener("pointerdown", point);
  $("large").addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    at = { row: Math.max(0, at.row + move[0]), column: Math.max(0, at.column + move[1]) };
    read();
  });
  for (const radio of document.querySelectorAll("[name=kind]"))
    radio.addEventListener("change", () => {
      kind = radio.value;
      drawWall();
      drawLarge();
    });
  window.addEventListener("resize", () => state.look && drawLarge());
  listen((changed) => {
    if (changed.has("look") || changed.has("theme")) drawWall();
    if (changed.has("layer") || changed.has("head")) mark();
    if (["look", "layer", "head", "theme"].some((name) => changed.has(name))) drawLarge();
    else if (changed.has("step")) drawBand();
  });
}
