// The five best next tokens of a step; picking another one goes on from there.
import { $, make, percent, refill, spelled } from "./dom.js";
import { answer } from "./run.js";
import { listen, state } from "./state.js";

function pick(candidate) {
  const step = state.step;
  const begun = [...state.look.steps.slice(0, step).map((s) => s.chosen), { id: candidate.id, piece: candidate.piece }];
  return answer(state.prompt, begun, [...state.forced.filter((s) => s < step), step]);
}

function draw(guard) {
  const step = state.look?.steps[state.step];
  $("own-way").hidden = state.forced.length === 0;
  if (!step) return $("candidates").replaceChildren();
  const all = step.top.some((c) => c.id === step.chosen.id) ? step.top : [...step.top.slice(0, -1), step.chosen];
  refill(
    $("candidates"),
    ...all.map((candidate) => {
      const chosen = candidate.id === step.chosen.id;
      const text = spelled(candidate.piece).text;
      const button = make(
        "button",
        { type: "button", class: `candidate ${chosen ? "chosen" : ""}`, disabled: state.busy },
        make("span", { class: "piece" }, text),
        " ",
        make("span", { class: "share" }, `${chosen ? "✓ " : ""}${percent(candidate.probability)}`),
        make("span", { class: "unseen" }, chosen ? ", chosen" : ", go on with it"),
      );
      button.style.setProperty("--p", candidate.probability.toFixed(3));
      if (!chosen) button.addEventListener("click", () => guard(() => pick(candidate)));
      return make("li", {}, button);
    }),
  );
}

export function startCandidates(guard) {
  $("own-way").addEventListener("click", () => guard(() => answer(state.prompt)));
  listen((changed) => {
    if (["look", "step", "busy", "forced"].some((name) => changed.has(name))) draw(guard);
  });
}
