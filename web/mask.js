// Words covered, decoded again, and what became different.
import { $, make, roving, tokens } from "./dom.js";
import { decodeWithout } from "./run.js";
import { listen, state } from "./state.js";

const covered = new Set();

function draw() {
  covered.clear();
  $("difference").replaceChildren();
  const buttons = tokens($("cover"), state.memory.pieces, () => ({ class: "coverable", "aria-pressed": "false" }));
  buttons.forEach((button, row) =>
    button.addEventListener("click", () => {
      covered.has(row) ? covered.delete(row) : covered.add(row);
      button.setAttribute("aria-pressed", covered.has(row));
      able();
    }),
  );
  able();
}

function able() {
  $("decode").disabled = !state.look || covered.size === 0 || covered.size === state.memory?.rows;
  $("uncover").disabled = covered.size === 0;
}

// Words of a and b in order, each {text, in: "both" | "a" | "b"}: their longest common subsequence.
export function difference(a, b) {
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; --i)
    for (let j = b.length - 1; j >= 0; --j)
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
  const result = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) (result.push({ text: a[i++], in: "both" }), ++j);
    else if (j >= b.length || (i < a.length && length[i + 1][j] >= length[i][j + 1])) result.push({ text: a[i++], in: "a" });
    else result.push({ text: b[j++], in: "b" });
  }
  return result;
}

async function decode() {
  const before = state.look.steps.at(-1).text;
  const found = await decodeWithout(covered);
  const words = difference(before.split(/\s+/).filter(Boolean), found.text.split(/\s+/).filter(Boolean));
  const marked = words.flatMap((word) => [make({ both: "span", a: "del", b: "ins" }[word.in], {}, word.text), " "]);
  const same = words.every((word) => word.in === "both");
  $("difference").replaceChildren(
    make("p", {}, make("small", {}, "before: "), make("span", { class: "answer" }, before)),
    make("p", {}, make("small", {}, "without: "), make("span", { class: "answer" }, found.text)),
    make("p", {}, make("small", {}, same ? "no difference. " : "difference: "), make("span", { class: "answer", id: "marked" }, ...(same ? [] : marked))),
    make("p", { class: "hint" }, `${found.encoder_runs} encoder runs, ${covered.size} of ${state.memory.rows} rows left out.`),
  );
}

export function startMask(guard) {
  roving($("cover"));
  $("decode").addEventListener("click", () => guard(decode));
  $("uncover").addEventListener("click", () => state.memory && draw());
  let shown = null;
  listen((changed) => {
    if (changed.has("memory") && state.memory && state.memory.id !== shown) {
      shown = state.memory.id;
      draw();
    }
    if (changed.has("look")) able();
  });
}
