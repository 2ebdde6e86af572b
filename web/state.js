// What the page knows, in one place; parts listen for what they show.
export const state = {
  model: "",
  memory: null, // {id, rows, width, pieces, seconds: of encoding, or null if it was known before}
  prompt: "",
  output: [], // [{id, piece}], grows while it streams
  forced: [], // steps that the reader chose
  look: null, // Look: how the output came about
  occlusion: null,
  step: 0,
  hover: null, // {kind: "source" | "step", index}
  layer: -1, // -1: all
  head: -1,
  measure: "raw",
  counts: { runs: 0, answers: 0, saved: 0 },
  busy: false,
};

const listeners = [];
export const listen = (f) => listeners.push(f);

// changed: a Set of the names that were given
export function change(patch) {
  Object.assign(state, patch);
  const changed = new Set(Object.keys(patch));
  for (const f of listeners) f(changed);
}

// What the encoder did, and what it did not have to do.
const encoded = new Map(); // memory id -> seconds of its encoding

export function countReading(id, runs, seconds) {
  if (runs > 0) encoded.set(id, seconds);
  change({ counts: { ...state.counts, runs: state.counts.runs + runs } });
}

// An answer from a memory that was there saves what its encoding took, if that is known.
export function countAnswer(id, runs) {
  const saved = runs === 0 ? (encoded.get(id) ?? 0) : 0;
  const { runs: before, answers, saved: total } = state.counts;
  change({ counts: { runs: before + runs, answers: answers + 1, saved: total + saved } });
}
