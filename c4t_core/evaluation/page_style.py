"""The style sheet of report.html: system fonts, light and dark, no outside resources."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #f4f6f8; --card: #ffffff; --ink: #1f2933; --soft: #52606d; --line: #dfe5ea;
  --accent: #0b7285; --right: #2b8a3e; --wrong: #c92a2a; --mark: #d3f9d8; --notice: #fff3bf;
  --m0: #0b7285; --m1: #d9730d; --m2: #6741d9; --m3: #2b8a3e; --m4: #c2255c; --m5: #495057; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #11161b; --card: #1a2129; --ink: #dbe2ea; --soft: #9aa8b5; --line: #2c3641;
  --accent: #3bc9db; --right: #69db7c; --wrong: #ff8787; --mark: #1d4d2b; --notice: #4a3f12;
  --m0: #3bc9db; --m1: #ffa94d; --m2: #b197fc; --m3: #69db7c; --m4: #faa2c1; --m5: #adb5bd; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; }
header { margin-bottom: 18px; }
.kicker { margin: 0; color: var(--accent); font-weight: 600; letter-spacing: .02em; }
h1 { margin: 4px 0; font-size: 30px; line-height: 1.2; overflow-wrap: anywhere; }
h1 span { color: var(--soft); font-weight: 400; font-size: 20px; }
h2 { margin: 0 0 10px; font-size: 20px; }
h3 { margin: 0 0 8px; font-size: 17px; overflow-wrap: anywhere; }
h4 { margin: 14px 0 6px; font-size: 14px; }
small { color: var(--soft); font-weight: 400; }
.facts, .note { color: var(--soft); margin: 0 0 10px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 18px 20px; margin: 0 0 18px; }
.notice { background: var(--notice); border-radius: 8px; padding: 9px 14px; margin: 0 0 10px;
  overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px;
  margin-bottom: 14px; }
.card { border: 1px solid var(--line); border-top: 5px solid var(--soft); border-radius: 10px;
  padding: 12px 16px; }
.card p { margin: 0; color: var(--soft); font-variant-numeric: tabular-nums; }
.card .big { font-size: 34px; line-height: 1.25; font-weight: 650; color: var(--ink); }
.card h3 { margin: 0; font-size: 15px; }
.card.m0 { border-top-color: var(--m0); } .card.m1 { border-top-color: var(--m1); }
.card.m2 { border-top-color: var(--m2); } .card.m3 { border-top-color: var(--m3); }
.card.m4 { border-top-color: var(--m4); } .card.m5 { border-top-color: var(--m5); }
.card.chance { border-top-style: dashed; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding: 0 0 4px; }
th, td { padding: 5px 12px 5px 0; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: 13px; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere;
  min-width: 9em; }
tbody tr:last-child td { border-bottom: 0; }
table.plain td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
mark { background: var(--mark); color: inherit; border-radius: 4px; padding: 1px 5px; }
summary { cursor: pointer; padding: 6px 0; font-weight: 600; color: var(--accent); }
.plots { display: flex; flex-wrap: wrap; gap: 14px; justify-content: center; }
picture img { display: block; max-width: 100%; height: auto; }
article { border-top: 1px solid var(--line); padding: 18px 0 6px; break-inside: avoid; }
article:first-of-type { border-top: 0; padding-top: 4px; }
article picture { display: block; margin-top: 12px; }
.hits { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 8px; }
figure { margin: 0; border: 3px solid var(--wrong); border-radius: 8px; overflow: hidden; }
figure.right { border-color: var(--right); }
figure.wrong { border-style: dashed; }
figure img { display: block; width: 100%; aspect-ratio: 52 / 33; object-fit: cover; }
.gone { aspect-ratio: 52 / 33; display: grid; place-items: center; color: var(--soft);
  font-size: 12px; }
figcaption { display: flex; gap: 6px; padding: 2px 8px; font-size: 12px;
  font-variant-numeric: tabular-nums; }
.sign { font-weight: 700; color: var(--wrong); } .right .sign { color: var(--right); }
.score { margin-left: auto; color: var(--soft); }
@media print { body { background: #fff; } section { break-inside: auto; } }
"""
