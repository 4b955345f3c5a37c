/** The drawn path of a proof, and its steps. */
export const proof = /* css */ `@layer parts {
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
}
`;
