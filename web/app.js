// The playground: look inside a model while it reads and writes. No library, no outside request.
import { ApiError, get, setKey } from "./api.js";
import { startBeam } from "./beam.js";
import { startCandidates } from "./candidates.js";
import { $, forgetColours, options } from "./dom.js";
import { startMask } from "./mask.js";
import { drawShelf, startMemories } from "./memories.js";
import { startPicture } from "./picture.js";
import { answer, readText } from "./run.js";
import { startStage } from "./stage.js";
import { change, listen, state } from "./state.js";
import { startTour } from "./tour.js";
import { startWall } from "./wall.js";

const EXAMPLE = "The quick brown fox jumped over the lazy dog";

// What is clicked runs to its end, one after the other; what fails is said where it can be read.
let running = Promise.resolve();
function guard(f) {
  running = running.then(async () => {
    $("problem").hidden = true;
    document.body.classList.add("busy");
    try {
      await f();
    } catch (error) {
      $("problem").textContent = error.message;
      $("problem").hidden = false;
      if (error instanceof ApiError && error.status === 401) $("key-field").hidden = false;
      $("problem").scrollIntoView({ block: "nearest" });
      change({ busy: false });
    }
    document.body.classList.remove("busy");
  });
  return running;
}

async function read() {
  await readText($("text").value);
  await answer($("prompt").value);
  await drawShelf(guard);
}

// What the model says that it can be asked; the first stands there until the reader writes something else.
let suggested = new Map();
function suggestPrompts() {
  const prompts = suggested.get(state.model) ?? [];
  options($("prompts"), prompts.map((prompt) => [prompt, prompt]));
  const untouched = $("prompt").value === "" || [...suggested.values()].some(([first]) => first === $("prompt").value);
  if (untouched) $("prompt").value = prompts[0] ?? "";
}

async function listModels() {
  const { data } = await get("/v1/models");
  suggested = new Map(data.map((m) => [m.id, m.prompts]));
  options($("model"), data.map((m) => [m.id, m.id]), data[0].id);
  $("model-field").hidden = data.length < 2;
  change({ model: data[0].id });
}

function startTheme() {
  const root = document.documentElement;
  const dark = () => (root.style.colorScheme ? root.style.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const repaint = () => {
    forgetColours();
    change({ theme: dark() ? "dark" : "light" });
  };
  $("theme").addEventListener("click", () => {
    root.style.colorScheme = dark() ? "light" : "dark";
    repaint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}

$("text").value = EXAMPLE;
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  guard(read);
});
$("key").addEventListener("change", () => {
  setKey($("key").value);
  guard(listModels);
});
$("model").addEventListener("change", () => change({ model: $("model").value }));
listen((changed) => {
  if (!changed.has("model")) return;
  $("model").value = state.model; // perhaps a memory of another model was opened
  suggestPrompts();
});
startTheme();
startPicture();
startStage();
startCandidates(guard);
startWall();
startMemories(guard);
startMask(guard);
startBeam(guard);
startTour(guard, read);
guard(listModels);
document.documentElement.dataset.ready = "yes"; // for tests: every listener is there
