// The few things every part of the page needs of the document.
export const $ = (id) => document.getElementById(id);

// make("button", {class: "token", onclick: f}, child, "text")
export function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "rect", "text", "title"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// "▁fox" and "Ġfox" begin a word, "##es" goes on with one, "</s>" is a mark of the model's own.
export function spelled(piece, isStart = false) {
  if (isStart) return { text: "start", word: true, mark: true };
  if (/^(<\/s>|<eos>|\[SEP\]|<\|endoftext\|>)$/.test(piece)) return { text: "end", word: true, mark: true };
  if (/^(<.*>|\[.*\])$/.test(piece)) return { text: piece, word: true, mark: true };
  const word = /^[▁Ġ ]/.test(piece);
  const text = piece.replace(/^##/, "").replace(/[▁Ġ]/g, " ").replace(/Ċ/g, "⏎").trim();
  return { text: text || "␣", word, mark: false };
}

export const percent = (p) => (p >= 0.9995 ? "100 %" : p < 0.0005 ? "< 0.1 %" : `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)} %`);
export const ms = (seconds) => (1000 * seconds).toFixed(1);

// A list of pieces as buttons in one line of words; arrow keys go from one to the next.
export function tokens(list, pieces, attributes) {
  list.replaceChildren(
    ...pieces.map((piece, index) => {
      const { text, word, mark } = spelled(piece.piece, piece.start);
      const button = make("button", { type: "button", tabindex: index === 0 ? 0 : -1, ...attributes(piece, index) }, text);
      button.classList.add("token");
      button.classList.toggle("mark", mark);
      return make("li", { class: word ? "word" : "" }, button);
    }),
  );
  list.classList.toggle("many", pieces.length > 100);
  return [...list.querySelectorAll("button")];
}

// New contents for a list (tabindex -1); whoever was in it with the keyboard still is.
export function refill(list, ...contents) {
  const inside = list.contains(document.activeElement);
  list.replaceChildren(...contents);
  if (inside) list.focus();
}

export function roving(list) {
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const all = [...list.querySelectorAll("button.token")];
    const at = all.indexOf(document.activeElement);
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    const next = all[Math.min(all.length - 1, Math.max(0, at + steps[event.key]))];
    for (const button of all) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  });
}

export function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => make("option", { value, selected: String(value) === String(chosen) }, text)));
}

// Black or white, whichever can be read on a colour: WCAG's contrast is 4.5 : 1 or more with one of them.
export function readableOn(rgb) {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

// A colour of the style sheet as [r, g, b], for canvases. Asking the style sheet is slow.
const known = new Map();
export const forgetColours = () => known.clear();
export function colour(name) {
  if (known.has(name)) return known.get(name);
  const probe = make("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  probe.remove();
  known.set(name, found.slice(0, 3));
  return known.get(name);
}
