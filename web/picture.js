// The memory as a picture: a row for every word, a column for every number of it.
import { $, colour } from "./dom.js";
import { hiddenOf } from "./run.js";
import { change, listen, state } from "./state.js";

function draw({ rows, width, values }) {
  const canvas = $("picture");
  canvas.width = width;
  canvas.height = rows;
  const image = new ImageData(width, rows);
  const [high, low, none] = [colour("--cross"), colour("--self"), colour("--card")];
  let square = 0;
  for (const x of values) square += x * x;
  const scale = 2.5 * Math.sqrt(square / values.length) || 1;
  for (let i = 0; i < values.length; ++i) {
    const strength = Math.min(1, Math.abs(values[i]) / scale);
    const ink = values[i] > 0 ? high : low;
    for (let c = 0; c < 3; ++c) image.data[4 * i + c] = none[c] + (ink[c] - none[c]) * strength;
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

async function show(memory) {
  const hidden = await hiddenOf(memory.id);
  if (state.memory?.id !== memory.id) return;
  const canvas = $("picture");
  draw(hidden);
  canvas.hidden = false;
  canvas.setAttribute("aria-label", `The memory as a picture: ${hidden.rows} tokens, ${hidden.width} numbers each`);
  canvas.title = canvas.getAttribute("aria-label");
  canvas.classList.remove("drawn");
  requestAnimationFrame(() => canvas.classList.add("drawn"));
  change({ memory: { ...memory, width: hidden.width, hidden } });
}

export function startPicture() {
  let shown = null;
  listen((changed) => {
    if (changed.has("theme") && state.memory?.hidden) draw(state.memory.hidden);
    if (!changed.has("memory") || !state.memory || state.memory.id === shown) return;
    shown = state.memory.id;
    show(state.memory).catch(() => ($("picture").hidden = true)); // a picture less
  });
}
