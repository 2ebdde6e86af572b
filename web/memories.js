// One memory, many prompts: asking again, what that saves, and the shelf of what the server keeps.
import { get, post, remove } from "./api.js";
import { $, make, ms, refill } from "./dom.js";
import { answer, askAgain, openMemory } from "./run.js";
import { listen, state } from "./state.js";

const SHOWN = 12; // of the shelf, the latest
const chosen = new Set();

function drawCounter() {
  const { runs, answers, saved } = state.counts;
  $("runs").textContent = runs;
  $("answers").textContent = answers;
  $("saved").textContent = ms(saved);
}

async function ask(prompt) {
  const found = await askAgain(prompt);
  const note = `${found.encoder_runs} encoder runs, ${found.cached_tokens} tokens from memory, ${ms(found.took)} ms`;
  const quoted = prompt ? make("span", { class: "quoted" }, `${prompt} … `) : null;
  $("asked").prepend(make("li", {}, quoted, make("span", { class: "answer" }, found.text), " ", make("small", {}, note)));
}

export async function drawShelf(guard) {
  const { memories } = await get("/v1/memories");
  const latest = memories.slice(-SHOWN).reverse();
  const details = await Promise.all(latest.map((m) => get(`/v1/memories/${m.id}`).catch(() => null)));
  const rows = details.filter(Boolean).map((memory) => {
    const text = memory.text ?? memory.ids.join(" ");
    const box = make("input", { type: "checkbox", checked: chosen.has(memory.id), "aria-label": `choose: ${text.slice(0, 60)}` });
    box.addEventListener("change", () => {
      box.checked ? chosen.add(memory.id) : chosen.delete(memory.id);
      $("join").disabled = chosen.size < 2;
    });
    const open = make("button", { type: "button", onclick: () => guard(() => openMemory(memory.id).then(() => answer(state.prompt))) }, "Open");
    const drop = make("button", { type: "button", "aria-label": `forget: ${text.slice(0, 60)}`, onclick: () => guard(() => remove(`/v1/memories/${memory.id}`).then(() => drawShelf(guard))) }, "Forget");
    const parts = memory.segments.length > 1 ? `, ${memory.segments.length} joined` : "";
    const about = make("small", {}, `${memory.rows} tokens${parts}, ${(memory.bytes / 1024).toFixed(0)} KiB`);
    const words = make("span", { class: "words", title: text }, text, " ", about);
    return make("li", { class: memory.id === state.memory?.id ? "open" : "", "data-memory": memory.id }, box, words, open, drop);
  });
  const there = new Set(latest.map((m) => m.id));
  for (const id of chosen) if (!there.has(id)) chosen.delete(id);
  $("join").disabled = chosen.size < 2;
  refill($("shelf"), ...rows);
}

async function join(guard) {
  const made = await post("/v1/memories/concat", { memories: [...chosen] });
  chosen.clear();
  await openMemory(made.id);
  await answer(state.prompt);
  await drawShelf(guard);
}

export function startMemories(guard) {
  $("again").addEventListener("submit", (event) => {
    event.preventDefault();
    if (state.memory) guard(() => ask($("again-prompt").value));
  });
  $("join").addEventListener("click", () => guard(() => join(guard)));
  let shown = null;
  listen((changed) => {
    if (changed.has("counts")) drawCounter();
    if (!changed.has("memory") || state.memory?.id === shown) return;
    shown = state.memory?.id;
    $("asked").replaceChildren();
    drawShelf(guard).catch(() => {}); // the shelf is an extra
  });
  drawShelf(guard).catch(() => {});
}
