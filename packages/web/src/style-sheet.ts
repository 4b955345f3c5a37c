/** The style sheet, served at `/-/web/style.css`: the pages' Content-Security-Policy allows nothing inline. */
export const styleSheet = /* css */ `@layer base, layout, parts;

@layer base {
  :root {
    color-scheme: light dark;
    --ink: light-dark(#1c2126, #e4e8ec);
    --quiet: light-dark(#57606a, #9aa5b1);
    --paper: light-dark(#fbfaf7, #14181c);
    --panel: light-dark(#ffffff, #1b2026);
    --line: light-dark(#dcd9d1, #303840);
    --mark: light-dark(#8a5a00, #e0b450);
    --good: light-dark(#0d6b3c, #5ccb8f);
    --bad: light-dark(#a4211b, #ff8f87);
    --soft: light-dark(#f6ecd6, #3a2f16);
    --mono: ui-monospace, "SF Mono", "Cascadia Code", "DejaVu Sans Mono", monospace;
  }
  * {
    box-sizing: border-box;
  }
  body {
    margin: 0;
    background: var(--paper);
    color: var(--ink);
    font:
      1rem/1.55 system-ui,
      "Segoe UI",
      "DejaVu Sans",
      sans-serif;
  }
  a {
    color: var(--mark);
    text-underline-offset: 0.15em;
  }
  :focus-visible {
    outline: 3px solid var(--mark);
    outline-offset: 2px;
    border-radius: 3px;
  }
  code,
  pre {
    font-family: var(--mono);
    font-size: 0.9em;
  }
  h1 {
    font-size: 1.9rem;
    line-height: 1.2;
    margin: 0 0 0.4rem;
    overflow-wrap: anywhere;
  }
  h2 {
    font-size: 1.15rem;
    margin: 2.2rem 0 0.6rem;
  }
}

@layer layout {
  header,
  main,
  footer {
    padding-inline: max(1.25rem, (100% - 56rem) / 2);
  }
  header {
    display: flex;
    flex-wrap: wrap;
    gap: 0.3rem 0.75rem;
    align-items: baseline;
    padding-block: 1.1rem;
    border-bottom: 1px solid var(--line);
  }
  header a {
    color: inherit;
    text-decoration: none;
  }
  header .name {
    font-weight: 650;
    letter-spacing: 0.02em;
  }
  header nav {
    display: flex;
    flex-wrap: wrap;
    gap: 0.3rem 1.2rem;
    margin-inline-start: auto;
  }
  header nav a:hover,
  header nav a[aria-current] {
    text-decoration: underline;
    text-decoration-color: var(--mark);
    text-decoration-thickness: 2px;
    text-underline-offset: 0.4em;
  }
  @media (max-width: 40rem) {
    header .motto {
      display: none;
    }
    header nav {
      margin-inline-start: 0;
      flex-basis: 100%;
    }
  }
  main {
    padding-block: 2rem 3rem;
  }
  footer {
    padding-block: 1rem 2rem;
    border-top: 1px solid var(--line);
    color: var(--quiet);
    font-size: 0.9rem;
  }
}

@layer parts {
  .lead {
    color: var(--quiet);
    font-size: 1.08rem;
    margin: 0 0 1.2rem;
    max-width: 44rem;
  }
  .good {
    color: var(--good);
  }
  .bad {
    color: var(--bad);
  }
  .quiet {
    color: var(--quiet);
  }
  pre {
    background: var(--panel);
    border: 1px solid var(--line);
    border-radius: 6px;
    padding: 0.75rem 0.9rem;
    overflow-x: auto;
    margin: 0.4rem 0 1rem;
  }
  dl.facts {
    display: grid;
    grid-template-columns: minmax(8rem, max-content) 1fr;
    gap: 0.35rem 1.2rem;
    margin: 1rem 0;
  }
  dl.facts > div {
    display: grid;
    grid-column: 1 / -1;
    grid-template-columns: subgrid;
  }
  dl.facts dt {
    color: var(--quiet);
    max-width: 18rem;
  }
  dl.facts dd {
    margin: 0;
    overflow-wrap: anywhere;
  }
  @media (max-width: 40rem) {
    dl.facts,
    dl.facts > div {
      display: block;
    }
    dl.facts dt {
      max-width: none;
      margin-top: 0.5rem;
      font-size: 0.9rem;
    }
  }
  .table {
    overflow-x: auto;
  }
  table {
    border-collapse: collapse;
    width: 100%;
    font-size: 0.94rem;
  }
  caption {
    text-align: start;
    color: var(--quiet);
    padding-bottom: 0.4rem;
  }
  th,
  td {
    text-align: start;
    padding: 0.4rem 0.9rem 0.4rem 0;
    border-bottom: 1px solid var(--line);
    vertical-align: top;
  }
  th {
    font-weight: 600;
    color: var(--quiet);
  }
  tbody th {
    color: inherit;
    font-weight: inherit;
  }
  td:last-child,
  th:last-child {
    padding-inline-end: 0;
  }
  .whole {
    white-space: nowrap;
  }
  /* Takes what the other columns leave; copying takes all of it. */
  .cut {
    width: 100%;
    min-width: 12rem;
    max-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  td.name {
    overflow-wrap: anywhere;
    min-width: 12rem;
  }
  /* One click selects all of it. */
  .copy {
    user-select: all;
  }
  .crumb {
    margin: 0 0 0.6rem;
    color: var(--quiet);
    font-size: 0.92rem;
  }
  .search {
    margin: 1.4rem 0 0;
    max-width: 36rem;
  }
  .search label {
    display: block;
    margin-bottom: 0.3rem;
  }
  .search > div {
    display: flex;
    gap: 0.5rem;
  }
  .search input {
    flex: 1;
    min-width: 0;
  }
  .search input,
  .search button {
    font: inherit;
    color: inherit;
    background: var(--panel);
    border: 1px solid var(--quiet);
    border-radius: 6px;
    padding: 0.4rem 0.7rem;
  }
  .search button {
    cursor: pointer;
    font-weight: 600;
  }
  ul.marks {
    list-style: none;
    padding: 0;
    margin: 1rem 0;
    display: grid;
    gap: 0.5rem;
  }
  .mark {
    border-inline-start: 4px solid var(--line);
    padding-inline-start: 0.7rem;
  }
  .mark.yes {
    border-color: var(--good);
  }
  .mark.yes strong {
    color: var(--good);
  }
  .mark.open {
    border-color: var(--quiet);
    border-inline-start-style: dashed;
  }
  .source {
    margin-top: 2rem;
  }
  .copy {
    border-inline-start: 3px solid var(--line);
    padding-inline-start: 1.1rem;
    margin-top: 1.6rem;
  }
  h3 {
    font-size: 1.02rem;
    margin: 0 0 0.4rem;
  }
  figure {
    margin: 1.2rem 0;
    max-width: 30rem;
  }
  figcaption {
    color: var(--quiet);
    font-size: 0.92rem;
    margin-top: 0.6rem;
  }
  .tree {
    display: block;
    width: 100%;
    height: auto;
  }
  .tree rect {
    fill: var(--panel);
    stroke: var(--quiet);
    stroke-width: 1;
  }
  .tree .path rect,
  .tree .leaf rect,
  .tree .root rect {
    fill: var(--soft);
    stroke: var(--mark);
    stroke-width: 1.5;
  }
  .tree .leaf rect,
  .tree .root rect {
    stroke-width: 2.5;
  }
  .tree .note rect {
    stroke-dasharray: 4 3;
  }
  .tree .edge {
    fill: none;
    stroke: var(--quiet);
    stroke-width: 1;
  }
  .tree .edge.path {
    stroke: var(--mark);
    stroke-width: 2.5;
  }
  .tree text {
    fill: var(--ink);
    text-anchor: middle;
  }
  .tree .hash {
    font: 13px var(--mono);
  }
  .tree .range {
    font-size: 11.5px;
    fill: var(--quiet);
  }
  .tree .path .range,
  .tree .leaf .range,
  .tree .root .range {
    fill: var(--ink);
  }
  ol.steps {
    padding-inline-start: 1.6rem;
  }
  ol.steps li {
    margin-block: 1rem;
  }
  ol.steps p {
    margin: 0.3rem 0 0.1rem;
  }
  ol.steps .hash {
    overflow-wrap: anywhere;
  }
  ol.steps .hash.path {
    background: var(--soft);
    padding: 0.05rem 0.3rem;
    border-radius: 4px;
  }
  .long {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  ul.tags {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem;
    list-style: none;
    padding: 0;
    margin: 0.5rem 0;
  }
  ul.tags li {
    border: 1px solid var(--line);
    border-radius: 99px;
    padding: 0.1rem 0.7rem;
    background: var(--panel);
    font-size: 0.9rem;
  }
  summary {
    cursor: pointer;
    color: var(--mark);
  }
  .skip {
    position: absolute;
    left: -99rem;
  }
  @media (prefers-reduced-motion: no-preference) {
    a,
    .search button {
      transition: color 120ms;
    }
  }
  .skip:focus {
    left: 1rem;
    top: 0.5rem;
    background: var(--panel);
    padding: 0.3rem 0.6rem;
  }
}
`;
