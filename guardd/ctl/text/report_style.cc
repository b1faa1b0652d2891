#include "guardd/ctl/text/report_style.h"

namespace guard::ctl {

const std::string_view kReportStyle = R"(
:root {
  color-scheme: light dark;
  --page: #f3f5f8; --card: #ffffff; --line: #dde3ea; --ink: #18212d; --soft: #52606f;
  --accent: #0f6b66; --track: #e9edf2;
  --fixed: #12857d; --denied: #c4314b; --logged: #b7791f; --skipped: #75839a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1218; --card: #171d26; --line: #2a3341; --ink: #e8edf3; --soft: #a3b0c0;
    --accent: #5cc9bf; --track: #242d39;
    --fixed: #2ea99d; --denied: #ef6a7f; --logged: #dfa63c; --skipped: #8391a7;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 82rem; margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem) 3rem; }
header { display: flex; gap: 1rem; align-items: flex-start; margin-bottom: 1.75rem; }
header .mark { flex: none; width: 2.75rem; height: 2.75rem; color: var(--accent); }
header .mark path { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
h1 { margin: 0; font-size: clamp(1.45rem, 1.1rem + 1.6vw, 2.15rem); line-height: 1.2; letter-spacing: -.015em; }
header p { margin: .3rem 0 0; color: var(--soft); overflow-wrap: anywhere; }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .9rem; margin: 0 0 .9rem; padding: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1.1rem 1.25rem; min-width: 0; }
.tiles .card { padding: .9rem 1.1rem 1rem; margin: 0; }
.tiles dt { color: var(--soft); display: flex; align-items: center; gap: .5rem; }
.tiles dd { margin: .1rem 0 0; font-size: 1.75rem; font-weight: 650; line-height: 1.25; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.tiles dd small { display: block; font-size: .85rem; font-weight: 400; letter-spacing: 0; color: var(--soft); }
.key { flex: none; width: .7rem; height: .7rem; border-radius: .2rem; }
.key.fixed { background: var(--fixed); } .key.denied { background: var(--denied); }
.key.logged { background: var(--logged); } .key.skipped { background: var(--skipped); }
rect.fixed { fill: var(--fixed); } rect.denied { fill: var(--denied); }
rect.logged { fill: var(--logged); } rect.skipped { fill: var(--skipped); }
figure { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .15rem 1.25rem; margin-bottom: .8rem; }
h2 { margin: 0; font-size: 1.05rem; letter-spacing: -.005em; }
figcaption span, .legend { color: var(--soft); font-size: .9rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; margin: .7rem 0 0; padding: 0; }
.legend li { display: flex; align-items: center; gap: .45rem; }
.charts { display: grid; grid-template-columns: minmax(0, 1fr); gap: .9rem; margin-bottom: .9rem; }
.tables .card { break-inside: avoid; margin-bottom: .9rem; }
@media (min-width: 62rem) {
  .charts { grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); }
  .tables { columns: 2; column-gap: .9rem; }
}
.plot { display: grid; grid-template-columns: auto minmax(0, 1fr); column-gap: .6rem; }
.scale { display: flex; flex-direction: column; justify-content: space-between; text-align: right; height: 13rem; margin: -.6em 0; line-height: 1.2; }
.scale, .dates { color: var(--soft); font-size: .8rem; font-variant-numeric: tabular-nums; }
.columns { display: block; width: 100%; height: 13rem; overflow: visible; }
.columns .grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; fill: none; }
.columns g:hover rect { opacity: .75; }
.dates { grid-column: 2; display: flex; justify-content: space-between; gap: .75rem; margin-top: .45rem; }
.bar { display: block; width: 100%; height: .5rem; margin-top: .3rem; border-radius: .25rem; background: var(--track); }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .4rem 0 .45rem .8rem; text-align: right; vertical-align: top; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead th { color: var(--soft); font-size: .8rem; font-weight: 500; padding-top: 0; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; padding-left: 0; width: 100%; white-space: normal; overflow-wrap: anywhere; }
tbody th { font-weight: 500; line-height: 1.4; }
tbody tr:first-child > * { padding-top: .6rem; }
tbody tr.others th { color: var(--soft); font-weight: 400; }
tbody small { color: var(--soft); font-weight: 400; font-size: .85rem; }
details { margin-top: .8rem; }
summary { cursor: pointer; color: var(--accent); font-size: .9rem; width: fit-content; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
.scroll { overflow-x: auto; margin-top: .6rem; max-height: 24rem; }
.empty { text-align: center; padding: 3.5rem 1.5rem; }
.empty .mark { width: 3.5rem; height: 3.5rem; color: var(--accent); }
.empty .mark path { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.empty h2 { font-size: 1.3rem; margin: .75rem 0 .3rem; }
.empty p { margin: .2rem auto; color: var(--soft); max-width: 38rem; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
footer { color: var(--soft); font-size: .85rem; margin-top: 1.75rem; }
footer p { margin: .25rem 0; overflow-wrap: anywhere; }
@media (max-width: 30rem) {
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles .card:first-child { grid-column: 1 / -1; }
  .card { padding: 1rem; }
  .wide { display: none; }
  .columns, .scale { height: 10rem; }
}
@media print {
  :root { --page: #fff; --card: #fff; --line: #bbb; --ink: #000; --soft: #444; --accent: #0f6b66; --track: #eee;
    --fixed: #12857d; --denied: #c4314b; --logged: #b7791f; --skipped: #75839a; }
  body { font-size: 10pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  .card { break-inside: avoid; border-radius: 0; }
  .tables { columns: auto; }
  details { display: none; }
}
)";

}  // namespace guard::ctl
