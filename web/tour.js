// The worked example as a walk: STEP 0 … STEP 4, with the numbers of what was just read.
import { $, make, percent, spelled } from "./dom.js";
import { change, listen, state } from "./state.js";

const said = (text) => make("p", {}, text);
const words = (pieces, n = 9) => pieces.slice(0, n).map((p) => spelled(p.piece).text).join(" · ") + (pieces.length > n ? " …" : "");

function strongest(weights, pieces) {
  const best = [...weights].map((w, i) => [w, i]).sort((a, b) => b[0] - a[0]).slice(0, 3);
  return best.map(([w, i]) => `“${spelled(pieces[i].piece).text}” ${percent(w)}`).join(", ");
}

function shapes(rows) {
  return make("table", {}, ...rows.map(([name, shape]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, shape))));
}

const STEPS = [
  {
    title: "STEP 0: two texts",
    spot: "ask",
    text: (look) => [
      said("An encoder–decoder takes two texts that do different jobs. The first is only read. The second is where the answer begins, and it grows."),
      said(`Read: “${state.memory.text.slice(0, 120)}”. Begins with: ${state.prompt ? `“${state.prompt}”` : "nothing but the start mark"}.`),
    ],
  },
  {
    title: "STEP 1: tokens",
    spot: "loom",
    text: (look) => [
      said("Both are cut into tokens, pieces that the model has numbers for."),
      shapes([["source", `${look.source.length} tokens`], ["start and prompt", `${look.begun} tokens`]]),
      said(words(look.source)),
    ],
  },
  {
    title: "STEP 2: the encoder reads, once",
    spot: "picture",
    text: (look) => [
      said("Every word looks at every other word and becomes a row of numbers that knows its surroundings. This is the memory. It is drawn once and stays lit; nothing that the decoder does changes it."),
      shapes([["encoder output", `(${look.source.length}, ${look.d_model})`], ["encoder layers", look.encoder_layers]]),
    ],
  },
  {
    title: "STEP 3: who looks at whom",
    spot: "loom",
    text: (look) => {
      const row = look.row(0);
      const own = look.weights("self", row, state.layer, state.head).subarray(0, row + 1);
      const targets = look.target.map((p, i) => (i < look.n_start ? { piece: "start" } : p));
      return [
        said("Self-attention: each written token sees itself and those before it, never later ones."),
        said(`The last one before the answer looks back at ${strongest(own, targets)}.`),
        said("Cross-attention: each written token looks over all source words, at every step anew."),
        said(`Here: ${strongest(look.weights("cross", row, state.layer, state.head), look.source)}.`),
        shapes([["self-attention", `(${look.n_heads} heads, ${row + 1}, ${row + 1})`], ["cross-attention", `(${look.n_heads} heads, ${row + 1}, ${look.source.length})`]]),
      ];
    },
  },
  {
    title: "STEP 4: the next token, and again",
    spot: "next-title",
    text: (look) => [
      said("From what was gathered the decoder gives every token of its vocabulary a probability."),
      shapes(look.steps[0].top.map((c) => [spelled(c.piece).text, percent(c.probability)])),
      said(`“${spelled(look.steps[0].chosen.piece).text}” is appended, and steps 3 and 4 begin again, ${look.steps.length} times here. Steps 1 and 2 do not. Move the slider to watch, or pick another token.`),
    ],
  },
];

let at = -1;

function spot(id) {
  for (const node of document.querySelectorAll(".spot")) node.classList.remove("spot");
  const node = id && $(id).closest(id === "next-title" ? ".next" : `#${id}`);
  if (!node) return;
  node.classList.add("spot");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  node.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
}

function show(step) {
  at = step;
  const now = STEPS[step];
  $("tour").hidden = !now;
  spot(now?.spot);
  if (!now) return $("tour-start").focus();
  if (step === 3 || step === 4) change({ step: 0, hover: null });
  $("tour-title").textContent = now.title;
  $("tour-text").replaceChildren(...now.text(state.look));
  $("tour-back").disabled = step === 0;
  $("tour-next").textContent = step + 1 === STEPS.length ? "Done" : "Next";
  $("tour-next").focus({ preventScroll: true });
}

// `read` makes sure that something was read.
export function startTour(guard, read) {
  $("tour-start").addEventListener("click", () => guard(async () => {
    if (!state.look) await read();
    if (state.look) show(0);
  }));
  $("tour-next").addEventListener("click", () => show(at + 1));
  $("tour-back").addEventListener("click", () => show(at - 1));
  $("tour-end").addEventListener("click", () => show(-1));
  document.addEventListener("keydown", (event) => event.key === "Escape" && at >= 0 && show(-1));
  listen((changed) => {
    if (changed.has("look") && at >= 0) (state.look ? show(at) : show(-1));
  });
}
