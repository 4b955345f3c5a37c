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
  a:focus-visible,
  summary:focus-visible {
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
    gap: 0.75rem;
    align-items: baseline;
    padding-block: 1.1rem;
    border-bottom: 1px solid var(--line);
  }
  header a {
    color: inherit;
    text-decoration: none;
    font-weight: 650;
    letter-spacing: 0.02em;
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
    grid-template-columns: max-content 1fr;
    gap: 0.35rem 1.2rem;
    margin: 1rem 0;
  }
  dl.facts dt {
    color: var(--quiet);
  }
  dl.facts dd {
    margin: 0;
    overflow-wrap: anywhere;
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
  .skip:focus {
    left: 1rem;
    top: 0.5rem;
    background: var(--panel);
    padding: 0.3rem 0.6rem;
  }
}
`;
