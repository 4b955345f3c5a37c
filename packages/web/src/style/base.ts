/** Colours of both schemes, text, and what has the focus. */
export const base = /* css */ `@layer base {
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
`;
