// The reading: source words, output words, the scrubber; who looks at whom at each step.
import { $, colour, ms, options, percent, readableOn, roving, spelled, tokens } from "./dom.js";
import { drawRibbons } from "./ribbons.js";
import { occlude } from "./run.js";
import { change, listen, state } from "./state.js";

const NOTES = {
  raw: "Attention says where a head looked, not why it wrote a word, and it is not an alignment. Heads often rest on marks like “end” or a full stop when they have nothing to read. Compare it with the two other weights.",
  value: "Attention times what each row can say: |W v|, the length of the vector that a head adds when it looks there alone (Kobayashi et al. 2020). A mark that is looked at and says nothing fades.",
  occlusion: "Each row is left out of the memory in turn; shown is how much less likely the output token becomes. It measures an effect, but the other rows were encoded while that word was there. Layer and head do not matter here.",
};

let sourceButtons = [];
let targetButtons = []; // start and prompt, then the output

const output = () => (state.look ? state.look.steps.map((s) => s.chosen) : state.output);

// Weights of the source words for the token of a step.
export function sourceWeights(step) {
  if (state.measure === "occlusion") return state.occlusion ? state.occlusion.shares[step] : null;
  return state.look?.weights("cross", state.look.row(step), state.layer, state.head, state.measure === "value");
}

function drawSource() {
  sourceButtons = tokens($("source"), state.memory.pieces, (piece, index) => ({ "data-source": index }));
}

function drawTarget() {
  const look = state.look;
  const before = look ? look.target.slice(0, look.begun).map((p, i) => ({ ...p, start: i < look.n_start, given: true })) : [];
  const all = [...before, ...output()];
  targetButtons = tokens($("target"), all, (piece, index) => ({
    class: `${piece.given ? "given" : ""} ${state.forced.includes(index - before.length) ? "mine" : ""}`,
    "data-step": piece.given ? null : index - before.length,
    "data-position": index,
  }));
}

// How brightly a token glows, in the colour of what looks at it. Set as a plain colour and only where it changed: long texts
// have hundreds of tokens, and custom properties would have each of them styled anew.
function glow(button, kind, weight) {
  const value = (Math.round(25 * Math.min(1, weight)) / 25).toFixed(2); // shades that an eye can tell apart
  if (button.dataset.glow === value && button.dataset.by === kind) return;
  button.dataset.glow = value;
  button.dataset.by = kind;
  const card = colour("--card");
  const mixed = colour(`--${kind}`).map((v, i) => Math.round(card[i] + 0.85 * value * (v - card[i])));
  button.style.backgroundColor = value === "0.00" ? "" : `rgb(${mixed.join(" ")})`;
  button.style.color = value === "0.00" ? "" : readableOn(mixed);
}

function drawStep() {
  const look = state.look;
  if (!look) return drawRibbons([]);
  const hoverSource = state.hover?.kind === "source" ? state.hover.index : -1;
  const step = state.hover?.kind === "step" ? state.hover.index : state.step;
  const begun = look.begun;
  targetButtons.forEach((button, position) => {
    button.classList.toggle("later", hoverSource < 0 && position > begun + step);
    button.classList.toggle("now", position === begun + step);
  });
  if (hoverSource >= 0) drawReverse(hoverSource);
  else drawForward(step);
}

function drawForward(step) {
  const look = state.look;
  const weights = sourceWeights(step) ?? new Float32Array(sourceButtons.length);
  const most = Math.max(...weights, 0.25);
  weights.forEach((w, i) => glow(sourceButtons[i], "cross", w / most));
  const own = look.weights("self", look.row(step), state.layer, state.head);
  const mostOwn = Math.max(...own, 0.35);
  targetButtons.forEach((button, position) => {
    glow(button, "self", position <= look.row(step) ? own[position] / mostOwn : 0);
  });
  const here = targetButtons[look.begun + step];
  drawRibbons([...weights].map((w, i) => ({ from: sourceButtons[i], to: here, weight: w })));
}

// What came of one source word: every output word by the weight it gave to it.
function drawReverse(index) {
  const steps = state.look.steps.length;
  const column = Array.from({ length: steps }, (_, step) => sourceWeights(step)?.[index] ?? 0);
  const most = Math.max(...column, 0.02);
  targetButtons.forEach((button, position) => {
    glow(button, "cross", position < state.look.begun ? 0 : column[position - state.look.begun] / most);
  });
  sourceButtons.forEach((button, i) => glow(button, "cross", i === index ? 1 : 0));
  drawRibbons(column.map((w, step) => ({ from: sourceButtons[index], to: targetButtons[state.look.begun + step], weight: w })));
}

let naming = 0;
function describe() {
  const look = state.look;
  const n = output().length;
  $("step").max = Math.max(0, n - 1);
  $("step").value = state.step;
  $("where").textContent = n ? `step ${state.step + 1} of ${n}` : "–";
  const still = !look;
  for (const id of ["first", "back", "step", "forward", "play"]) $(id).disabled = still;
  if (!look) return;
  const chosen = look.steps[state.step].chosen;
  const weights = [...(sourceWeights(state.step) ?? [])];
  const best = weights.map((w, i) => [w, i]).sort((a, b) => b[0] - a[0]).slice(0, 3);
  const read = best.map(([w, i]) => `${spelled(state.memory.pieces[i].piece).text} ${percent(w)}`).join(", ");
  $("live").textContent = `Step ${state.step + 1} of ${n}: “${spelled(chosen.piece).text}”, ${percent(chosen.probability)}. It looks at ${read}.`;
  clearTimeout(naming); // when the slider rests
  naming = setTimeout(() => sourceButtons.forEach((b, i) => b.setAttribute("aria-label", `${b.textContent}, ${percent(weights[i] ?? 0)}`)), 250);
}

function drawViews() {
  const look = state.look;
  if (!look) return;
  options($("layer"), [[-1, "all (mean)"], ...Array.from({ length: look.layers }, (_, i) => [i, i + 1])], state.layer);
  options($("head"), [[-1, "all (mean)"], ...Array.from({ length: look.n_heads }, (_, i) => [i, i + 1])], state.head);
}

function drawLamp() {
  const memory = state.memory;
  const lamp = $("lamp");
  lamp.classList.toggle("lit", memory !== null);
  if (!memory) return;
  const size = memory.width ? `${memory.rows} tokens × ${memory.width} numbers` : `${memory.rows} tokens`;
  $("lamp-text").textContent = memory.seconds === null
    ? `Read before, still lit: ${size}. The encoder did not run.`
    : `Read once in ${ms(memory.seconds)} ms, and it stays lit: ${size}.`;
}

let playing = 0;
function play(on) {
  clearInterval(playing);
  playing = 0;
  $("play").textContent = on ? "Pause" : "Play";
  if (!on) return;
  playing = setInterval(() => {
    if (!state.look || state.step + 1 >= state.look.steps.length) return play(false);
    change({ step: state.step + 1, hover: null });
  }, 750);
}

const go = (step) => state.look && change({ step: Math.max(0, Math.min(state.look.steps.length - 1, step)), hover: null });

function targetOf(event) {
  const button = event.target.closest?.("button.token");
  if (!button) return null;
  if (button.dataset.source !== undefined) return { kind: "source", index: Number(button.dataset.source) };
  if (button.dataset.step !== undefined) return { kind: "step", index: Number(button.dataset.step) };
  return null;
}

export function startStage() {
  for (const list of [$("source"), $("target")]) {
    roving(list);
    list.addEventListener("pointerover", (event) => state.look && change({ hover: targetOf(event) }));
    list.addEventListener("pointerleave", () => state.look && change({ hover: null }));
    list.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && state.look && change({ hover: targetOf(event) }));
    list.addEventListener("click", (event) => {
      const on = targetOf(event);
      if (!on || !state.look) return;
      if (on.kind === "step") change({ step: on.index, hover: on });
      else change({ hover: on });
    });
  }
  $("step").addEventListener("input", () => go(Number($("step").value)));
  $("first").addEventListener("click", () => go(0));
  $("back").addEventListener("click", () => go(state.step - 1));
  $("forward").addEventListener("click", () => go(state.step + 1));
  $("play").addEventListener("click", () => {
    if (!playing && state.look && state.step + 1 >= state.look.steps.length) go(0);
    play(!playing);
  });
  $("layer").addEventListener("change", () => change({ layer: Number($("layer").value) }));
  $("head").addEventListener("change", () => change({ head: Number($("head").value) }));
  $("measure").addEventListener("change", async () => {
    change({ measure: $("measure").value });
    if (state.measure === "occlusion" && state.look && !state.occlusion) await occlude();
  });
  new ResizeObserver(() => drawStep()).observe($("loom"));
  $("note").textContent = NOTES.raw;
  describe();
  listen((changed) => {
    if (changed.has("look") || changed.has("memory")) play(false);
    if (changed.has("memory")) (drawSource(), drawLamp());
    if (changed.has("look") || changed.has("output") || changed.has("forced")) drawTarget();
    if (changed.has("look") || changed.has("layer") || changed.has("head")) drawViews();
    if (changed.has("measure")) $("note").textContent = NOTES[state.measure];
    if (changed.has("look") && state.look && state.measure === "occlusion" && !state.occlusion) occlude();
    if (changed.has("theme")) for (const button of [...sourceButtons, ...targetButtons]) delete button.dataset.glow;
    const redraw = ["theme", "look", "output", "step", "hover", "layer", "head", "measure", "occlusion", "memory"];
    if (redraw.some((name) => changed.has(name))) drawStep();
    if (["look", "output", "step", "measure", "occlusion", "layer", "head"].some((name) => changed.has(name))) describe();
  });
}
