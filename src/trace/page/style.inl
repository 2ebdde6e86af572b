R"css(
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2129; --soft: #646c7a; --line: #e3e0d8;
  --accent: #b4451f; --accent-soft: #f6e4da; --source: #2f5d8a; --heat: 190, 72, 28; --cold: 47, 93, 138; --on-heat: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161b; --card: #1c1f26; --ink: #e8e6e1; --soft: #98a0ad; --line: #2e333d;
    --accent: #ff9a62; --accent-soft: #3a2a22; --source: #8bbcf0; --heat: 255, 148, 84; --cold: 110, 170, 235; --on-heat: #16120e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 120px; }
header h1 { font-size: 34px; line-height: 1.15; margin: 0 0 6px; letter-spacing: -0.01em; }
header p { color: var(--soft); margin: 0; }
section { margin-top: 44px; }
h2 { font-size: 21px; margin: 0 0 4px; display: flex; gap: 12px; align-items: baseline; }
h2 .step {
  font: 600 12px/1 ui-monospace, "SF Mono", Menlo, Consolas, monospace; letter-spacing: 0.08em;
  color: var(--accent); white-space: nowrap;
}
h3 { font-size: 17px; margin: 26px 0 2px; }
.say { color: var(--soft); margin: 2px 0 14px; max-width: 72ch; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
@media (max-width: 720px) { .two { grid-template-columns: 1fr; } }
.two h4, .small-title {
  margin: 0 0 6px; font: 600 12px/1.4 system-ui, sans-serif; color: var(--soft);
  text-transform: uppercase; letter-spacing: 0.06em;
}
.text { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 18px; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; }
.chip {
  font: 14px/1.2 ui-monospace, "SF Mono", Menlo, Consolas, monospace; border: 1px solid var(--line);
  border-radius: 7px; padding: 5px 8px 4px; background: var(--card); text-align: center; white-space: pre;
  transition: background-color 0.12s;
}
[hidden] { display: none !important; }
.chip small { display: block; font-size: 10.5px; color: var(--soft); margin-top: 3px; }
button.chip { color: inherit; cursor: pointer; }
.chip.start { border: 1px dashed var(--soft); }
.chip.output { border-color: var(--accent); }
.chip.newest { box-shadow: 0 0 0 2px var(--accent); }
.chip[aria-pressed="true"] { background: var(--accent-soft); }
:focus-visible { outline: 3px solid var(--source); outline-offset: 2px; }
.strip { width: 100%; display: block; border-radius: 6px; image-rendering: pixelated; }
.control {
  position: sticky; top: 0; z-index: 3; background: var(--paper); padding: 12px 0; margin-top: 44px;
  border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: 10px 18px; align-items: center;
  font: 14px/1.4 system-ui, sans-serif;
}
.control input[type=range] { flex: 1 1 220px; accent-color: var(--accent); }
.control select, .control button.play {
  font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 7px; padding: 5px 10px;
}
.control button.play { cursor: pointer; min-width: 5.5em; }
.control output { font-variant-numeric: tabular-nums; color: var(--soft); min-width: 8em; }
.scroll { overflow-x: auto; padding-bottom: 6px; }
table.heat { border-collapse: separate; border-spacing: 2px; font: 12px/1 ui-monospace, Menlo, Consolas, monospace; }
table.heat th { font-weight: 400; color: var(--soft); white-space: pre; }
table.heat thead th { vertical-align: bottom; padding: 0 0 4px; }
table.heat thead span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 9em; overflow: hidden; }
table.heat tbody th {
  text-align: right; padding-right: 8px; position: sticky; left: 0; background: var(--paper); max-width: 14em;
  overflow: hidden; text-overflow: ellipsis;
}
table.heat td { min-width: 30px; height: 26px; text-align: center; border-radius: 4px; background: rgba(var(--heat), var(--w, 0)); }
table.heat td.none { background: none; color: var(--line); }
table.heat td.hot, .chip.hot, .chip.hot small { color: var(--on-heat); }
table.heat tr.newest th { color: var(--accent); font-weight: 700; }
table.heat tr.lit td, table.heat td.lit { box-shadow: inset 0 0 0 1.5px var(--source); }
.next { display: grid; grid-template-columns: max-content max-content 1fr max-content; gap: 7px 12px; align-items: center;
  font: 14px/1.3 ui-monospace, Menlo, Consolas, monospace; }
.next .bar { height: 16px; border-radius: 4px; background: rgba(var(--heat), 0.35); min-width: 2px; }
.next .chosen { font-weight: 700; } .next .bar.chosen { background: var(--accent); }
.next .id { color: var(--soft); text-align: right; }
.next .piece { white-space: pre; }
.sofar { margin-top: 18px; padding-top: 14px; border-top: 1px dashed var(--line); font-size: 19px; overflow-wrap: anywhere; }
.sofar .caret { color: var(--accent); }
footer { margin-top: 60px; color: var(--soft); font-size: 14px; }
kbd { font: 12px ui-monospace, Menlo, monospace; border: 1px solid var(--line); border-radius: 4px; padding: 1px 5px; }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
)css"
