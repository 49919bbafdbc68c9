"""The report's style sheet: light and dark, phone and desk, screen and paper."""

from ...drawing import colours

_CHARTS_ON_LIGHT = (
    f"--training: {colours.TRAINING}; --validation: {colours.VALIDATION}; "
    f"--right: {colours.RIGHT}; --wrong: {colours.WRONG};"
)
_CHARTS_ON_DARK = (
    f"--training: {colours.TRAINING_ON_DARK}; --validation: {colours.VALIDATION_ON_DARK}; "
    f"--right: {colours.RIGHT_ON_DARK}; --wrong: {colours.WRONG_ON_DARK};"
)

# Shared by all pages.
COLOURS = f"""
:root {{
  color-scheme: light dark;
  --page: #f5f6f3; --card: #fff; --well: #e6e9e4; --ink: #1c2326; --soft: #566169; --line: #dce0db;
  --accent: #1f6f54; --on: #fff; --on-medium: #1c2326;
  --warn: #fdf3e4; --warn-line: #e0a458;
  {_CHARTS_ON_LIGHT}
}}
@media (prefers-color-scheme: dark) {{
  :root {{
    --page: #121618; --card: #1b2124; --well: #262e32; --ink: #e6eae7; --soft: #a3afb4; --line: #313b40;
    --accent: #6fcfa5; --on: #10181a; --on-medium: #10181a;
    --warn: #33291a; --warn-line: #a8772e;
    {_CHARTS_ON_DARK}
  }}
}}
"""

STYLE = (
    COLOURS
    + """
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--page); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
}
main, header, footer { max-width: 68rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2rem); }
header { padding-top: clamp(1.25rem, 4vw, 2.75rem); }
h1, h2, h3 { line-height: 1.2; margin: 0; text-wrap: balance; }
h1 { font-size: clamp(1.55rem, 5vw, 2.3rem); letter-spacing: -.015em; }
h2 { font-size: clamp(1.2rem, 3vw, 1.45rem); letter-spacing: -.01em; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { margin: .5rem 0; max-width: 44rem; text-wrap: pretty; }
section > :last-child { margin-bottom: 0; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.soft { color: var(--soft); }
.about { color: var(--soft); margin: 0 0 .6rem; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; margin: 1.1rem 0;
  padding: clamp(1rem, 3vw, 1.6rem); }
section > p:first-of-type { margin-top: .5rem; }
nav { margin: 1.2rem 0 0; }
nav ul { display: flex; flex-wrap: wrap; gap: .4rem .45rem; list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .3rem .75rem; border: 1px solid var(--line); border-radius: 99px;
  background: var(--card); text-decoration: none; font-size: .875rem; color: var(--ink); }
nav a:hover { border-color: var(--accent); color: var(--accent); }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; z-index: 1; }

.scale { margin: 1.4rem 0 .4rem; max-width: 44rem; }
.track { position: relative; height: 14px; border-radius: 7px; background: var(--well); }
.range { position: absolute; top: 0; bottom: 0; border-radius: 7px; background: var(--accent); opacity: .35; }
.point { position: absolute; top: -4px; width: 4px; height: 22px; margin-left: -2px; border-radius: 2px;
  background: var(--accent); }
.guess { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px; background: var(--soft); }
.ends { display: flex; justify-content: space-between; color: var(--soft); font-size: .8125rem; margin-top: .35rem; }
.key { display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; color: var(--soft); font-size: .875rem; margin: .4rem 0;
  padding: 0; list-style: none; }
.key i { display: inline-block; width: 1.1rem; height: .6rem; border-radius: 2px; margin-right: .4rem; }
.key .k-range { background: var(--accent); opacity: .35; }
.key .k-point { background: var(--accent); width: 4px; height: .9rem; vertical-align: -2px; }
.key .k-guess { background: var(--soft); width: 2px; height: .9rem; vertical-align: -2px; }
.key .k-training { background: var(--training); height: 4px; vertical-align: 3px; }
.key .k-validation { background: var(--validation); height: 4px; vertical-align: 3px; }
.key .k-right { background: var(--right); }
.key .k-wrong { background: var(--wrong); }
.key .k-ideal { border-top: 2px dashed var(--soft); height: 0; border-radius: 0; vertical-align: 4px; }
.key .k-mark { background: var(--ink); height: 2px; vertical-align: 4px; }
.note { background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: 6px; padding: .6rem .9rem; }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10.5rem), 1fr)); gap: 1rem 1.5rem;
  margin: .8rem 0 0; }
.figures > div { border-top: 3px solid var(--line); padding-top: .6rem; display: flex; flex-direction: column; }
.figures dt { font-size: .9375rem; font-weight: 600; }
.figures dd { margin: 0; }
.figures dd.value { order: -1; font-size: 1.75rem; font-weight: 650; letter-spacing: -.02em; line-height: 1.15;
  font-variant-numeric: tabular-nums; }
.figures dd:not(.value) { color: var(--soft); font-size: .9375rem; }

.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; margin: .75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9375rem; }
thead small { display: block; font: inherit; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .4rem .75rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: middle; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th:first-child { text-align: left; }
thead th { color: var(--soft); font-weight: 600; font-size: .8125rem; line-height: 1.25; vertical-align: bottom; }
tbody th, th[scope=row] { text-align: left; font-weight: 600; }
tfoot th, tfoot td { border-bottom: 0; color: var(--soft); }
th[scope=row] { overflow-wrap: anywhere; min-width: 6.2rem; max-width: 20rem; }
.wide { width: 100%; }
.wide th:nth-child(n+3) { width: 18%; }
.share { min-width: 4.6rem; }
.share i { display: block; height: 4px; border-radius: 2px; margin-top: 3px; background: var(--well); }
.share i::before { content: ""; display: block; height: 100%; width: var(--w); border-radius: 2px;
  background: var(--right); }
@media (max-width: 34rem) {
  th, td { padding: .35rem .2rem; }
  .wide { font-size: .8125rem; }
  .wide thead th { font-size: .6875rem; }
  .wide th[scope=row] { min-width: 5.5rem; max-width: 7rem; }
  .share { min-width: 2.3rem; }
  .wide thead small { display: none; }
}

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem 2rem; }
.charts h3 { margin-top: .6rem; }
.beside { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: flex-start; }
.beside > * { min-width: 0; max-width: 100%; }
.beside > .scroll:first-child { flex: 0 1 auto; }
.beside > div:not(:first-child) { flex: 1 1 17rem; }
.pairs-table { width: 100%; max-width: 44rem; }
.pairs-table th, .pairs-table td { text-align: left; font-weight: 400; overflow-wrap: anywhere; }
.pairs-table thead th { font-weight: 600; }
.pairs-table th:last-child, .pairs-table td:last-child { text-align: right; white-space: nowrap; }
.pairs-table th[scope=row] { min-width: 5rem; font-weight: 600; }
svg { display: block; font-family: inherit; }
svg.chart { width: 100%; height: auto; max-width: 30rem; }
svg.matrix { width: var(--whole); max-width: 100%; min-width: var(--least); height: auto; }
svg text { font-size: 11.5px; fill: var(--soft); }
svg .grid { stroke: var(--line); stroke-width: 1; fill: none; }
svg .tick.y { text-anchor: end; dominant-baseline: central; }
svg .tick.x { text-anchor: middle; }
svg .axis, svg .upwards { text-anchor: middle; }
svg .line { fill: none; stroke-linejoin: round; }
svg .band { stroke: none; opacity: .16; }
svg .line.training { stroke: var(--training); stroke-width: 1.75; }
svg .band.training, svg .dot.training { fill: var(--training); }
svg .line.validation { stroke: var(--validation); stroke-width: 2.25; }
svg .band.validation, svg .dot.validation { fill: var(--validation); }
svg .bar { fill: var(--right); }
svg .mark { stroke: var(--ink); stroke-width: 2; }
svg .ideal { stroke: var(--soft); stroke-dasharray: 5 4; stroke-width: 1.5; }
svg .field { fill: var(--card); }
svg .cell.right { fill: var(--right); }
svg .cell.wrong { fill: var(--wrong); }
svg.matrix text { font-size: inherit; fill: var(--ink); dominant-baseline: central; }
svg.matrix .number { text-anchor: middle; font-weight: 600; pointer-events: none; }
svg.matrix .number.strong { fill: var(--on); }
svg.matrix .number.medium { fill: var(--on-medium); }
svg.matrix .row { text-anchor: end; }

.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 8.25rem), 1fr)); gap: .75rem;
  list-style: none; margin: 1rem 0 0; padding: 0; }
@media (min-width: 40rem) { .photos { grid-template-columns: repeat(auto-fill, minmax(9.2rem, 1fr)); gap: .9rem; } }
.photos.pairs { grid-template-columns: repeat(auto-fill, minmax(min(100%, 17.5rem), 1fr)); }
.photos.explained { grid-template-columns: repeat(auto-fill, minmax(min(100%, 13.5rem), 1fr)); }
.heat { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; font-size: .75rem; line-height: 1.3; }
.heat span { display: flex; flex-direction: column; gap: .25rem; min-width: 0; }
.heat img { width: 100%; height: auto; max-height: 130px; object-fit: contain; }
.photos > li { border: 1px solid var(--line); border-radius: 10px; overflow: hidden; display: flex;
  flex-direction: column; background: var(--card); min-width: 0; }
figure { margin: 0; display: flex; flex-direction: column; height: 100%; min-width: 0; }
.photo { display: grid; place-items: center; height: 150px; background: var(--well); color: var(--soft);
  font-size: .8125rem; text-align: center; }
.photo img { max-width: 100%; max-height: 150px; width: auto; height: auto; object-fit: contain; }
figcaption { padding: .6rem .7rem .7rem; font-size: .875rem; line-height: 1.35; display: flex; flex-direction: column;
  gap: .35rem; flex: 1; overflow-wrap: anywhere; }
figcaption .path { color: var(--soft); font-size: .75rem; line-height: 1.3; margin-top: auto; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 1px; background: var(--line); height: 100%; }
.two figure { background: var(--card); }
.how { padding: .45rem .7rem; font-size: .8125rem; color: var(--soft); border-top: 1px solid var(--line); }
.scores { list-style: none; margin: 0; padding: 0; display: grid; gap: .3rem; font-size: .8125rem; }
.scores li { display: grid; grid-template-columns: 1fr auto; gap: 0 .5rem; align-items: center; line-height: 1.3; }
.scores bdi { grid-column: 1 / -1; overflow-wrap: anywhere; }
.scores i { height: 6px; border-radius: 3px; background: var(--well); overflow: hidden; }
.scores i::before { content: ""; display: block; height: 100%; width: var(--w); background: var(--soft); opacity: .7; }
.scores .right i::before { background: var(--right); opacity: 1; }
.scores .wrong i::before { background: var(--wrong); opacity: 1; }
.scores .asked i::before { background: var(--ink); }
.scores li:not(.other) bdi { font-weight: 650; }
.scores span { font-size: .75rem; min-width: 2.4rem; text-align: right; font-variant-numeric: tabular-nums; }
.more { color: var(--soft); margin-top: .9rem; }

details { margin-top: .8rem; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; padding: .25rem 0; }
dl.facts { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .35rem 1.25rem; margin: .75rem 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 34rem) { dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: .5rem; } }
footer { color: var(--soft); font-size: .875rem; padding-top: .5rem; padding-bottom: 3rem; }

@media print {
  :root {
    --page: #fff; --card: #fff; --well: #eceeea; --ink: #000; --soft: #444; --line: #ccc; --accent: #1f6f54;
    --on: #fff; --on-medium: #000; --warn: #fdf3e4; --warn-line: #e0a458;
    """
    + _CHARTS_ON_LIGHT
    + """
    color-scheme: light;
  }
  html { font-size: 10pt; }
  nav, .skip, .repeats { display: none; }
  details::details-content { content-visibility: visible; }
  details summary { list-style: none; color: inherit; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 1rem 0; margin: 0; }
  h2, h3 { break-after: avoid; }
  .figures { grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); }
  .photos > li, .figures > div, tr, svg { break-inside: avoid; }
  .scroll { overflow: visible; }
  svg.matrix { min-width: 0; }
  tfoot { display: table-row-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
)
