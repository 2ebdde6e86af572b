R"css(
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2129; --soft: #646c7a; --line: #e3e0d8; --accent: #b4451f; --source: #2f5d8a;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #14161b; --card: #1c1f26; --ink: #e8e6e1; --soft: #98a0ad; --line: #2e333d; --accent: #ff9a62; --source: #8bbcf0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 "Iowan Old Style", Palatino, Georgia, serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 34px; line-height: 1.15; margin: 0 0 6px; letter-spacing: -0.01em; }
header p, figcaption, footer { color: var(--soft); margin: 0; }
.facts { display: flex; flex-wrap: wrap; gap: 12px; margin: 28px 0 0; padding: 0; list-style: none; }
.facts li, figure, details { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px; }
.facts b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.facts span, figcaption span { font: 600 12px/1.4 system-ui, sans-serif; color: var(--soft); text-transform: uppercase; letter-spacing: 0.06em; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 16px; margin-top: 16px; }
figure { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: space-between; font: 14px/1.5 system-ui, sans-serif; }
figcaption output { font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; overflow: visible; touch-action: pan-y; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--line); stroke-width: 1; }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.train { stroke: var(--source); color: var(--source); } .valid { stroke: var(--accent); color: var(--accent); }
.dot { fill: var(--accent); } .best { fill: none; stroke: var(--accent); stroke-width: 1.5; }
.cursor { stroke: var(--soft); stroke-dasharray: 3 3; } .event { stroke: var(--accent); stroke-width: 1; opacity: 0.45; }
details { margin-top: 16px; } summary { cursor: pointer; font: 600 14px system-ui, sans-serif; }
pre { overflow-x: auto; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
:focus-visible { outline: 3px solid var(--source); outline-offset: 2px; }
)css"
