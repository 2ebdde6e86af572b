// Reading and answering: the requests behind the page, in the order in which things happen.
import { bytes, get, post, stream } from "./api.js";
import { Look, Occlusion } from "./look.js";
import { change, countAnswer, countReading, state } from "./state.js";

const limit = () => Number(document.getElementById("limit").value) || 24;

export async function readText(text) {
  const made = await post("/v1/memories", { text, model: state.model });
  countReading(made.id, made.encoder_runs, made.seconds);
  await openMemory(made.id, made.encoder_runs ? made.seconds : null);
}

// Takes a memory that the server keeps.
export async function openMemory(id, seconds = null) {
  const memory = await get(`/v1/memories/${id}`);
  const pieces = memory.ids.map((token, i) => ({ id: token, piece: memory.pieces ? memory.pieces[i] : String(token) }));
  change({ model: memory.model, memory: { id, seconds, rows: memory.rows, text: memory.text ?? "", pieces }, output: [], forced: [], look: null, occlusion: null, step: 0, hover: null });
}

const question = (prompt, ids) => (ids.length ? { prompt_ids: ids } : { prompt });

// The answer after `begun` (tokens of the output that are settled), streamed; then how it came about.
export async function answer(prompt, begun = [], forced = []) {
  const memory = state.memory;
  const given = state.look && begun.length ? state.look.target.slice(state.look.n_start, state.look.begun).map((p) => p.id) : [];
  const prefix = begun.length ? [...given, ...begun.map((p) => p.id)] : [];
  change({ prompt, output: begun, forced, busy: true, hover: null });
  let whole = null;
  const body = { model: state.model, memory: memory.id, options: { beams: 1, n_best: 1, sample: false, max_new_tokens: Math.max(1, limit() - begun.length) } };
  for await (const event of stream("/v1/generate", { ...body, ...question(prompt, prefix) })) {
    if (event.done) whole = event;
    else change({ output: [...state.output, { id: event.id, piece: event.piece ?? String(event.id) }] });
  }
  countAnswer(memory.id, whole.encoder_runs);
  const ids = [...begun.map((p) => p.id), ...whole.hypotheses[0].ids];
  await explain(ids, prompt, given, begun.length ? begun.length - 1 : 0);
}

async function explain(ids, prompt, given, step) {
  const same = { model: state.model, memory: state.memory.id, output_ids: ids, ...question(prompt, given) };
  const { explanation } = await post("/v1/explain", { ...same, top: 5, packed: true, value_norms: true });
  const look = new Look(explanation);
  change({ look, output: look.steps.map((s) => s.chosen), occlusion: null, step: Math.min(step, look.steps.length - 1), busy: false });
}

export async function occlude() {
  const look = state.look;
  const given = look.target.slice(look.n_start, look.begun).map((p) => p.id);
  const output = { output_ids: state.output.map((p) => p.id) };
  const found = await post("/v1/occlusion", { model: state.model, memory: state.memory.id, prompt_ids: given, ...output });
  if (look === state.look) change({ occlusion: new Occlusion(found) });
}

// Another prompt over the same memory, beside what the page shows.
export async function askAgain(prompt) {
  const begin = performance.now();
  const found = await post("/v1/generate", { model: state.model, memory: state.memory.id, prompt, options: { beams: 1, n_best: 1, sample: false, max_new_tokens: limit() } });
  countAnswer(state.memory.id, found.encoder_runs);
  return { ...found, took: (performance.now() - begin) / 1000 };
}

export async function decodeWithout(covered) {
  const keep = [];
  for (let row = 0; row < state.memory.rows; ++row) {
    if (covered.has(row)) continue;
    if (keep.length && keep.at(-1)[1] === row) keep.at(-1)[1] = row + 1;
    else keep.push([row, row + 1]);
  }
  const found = await post("/v1/generate", { model: state.model, memory: state.memory.id, prompt: state.prompt, keep, options: { beams: 1, n_best: 1, sample: false, max_new_tokens: limit() } });
  countAnswer(state.memory.id, found.encoder_runs);
  return found;
}

export async function searchTree(beams) {
  const found = await post("/v1/beams", { model: state.model, memory: state.memory.id, prompt: state.prompt, options: { beams, max_new_tokens: Math.min(limit(), 64) } });
  countAnswer(state.memory.id, found.encoder_runs);
  return found;
}

// The hidden states of a memory, from its file (safetensors): {rows, width, values}.
export async function hiddenOf(id) {
  const buffer = await bytes(`/v1/memories/${id}/data`);
  const size = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, size)));
  const [rows, width] = header.hidden.shape;
  const begin = 8 + size + header.hidden.data_offsets[0];
  return { rows, width, bytes: buffer.byteLength, values: new Float32Array(buffer.slice(begin, begin + 4 * rows * width)) };
}
