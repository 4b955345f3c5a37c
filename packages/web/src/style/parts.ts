/** What pages are made of. */
export const parts = /* css */ `@layer parts {
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
  .found h2 {
    margin: 0;
    font-size: 1.05rem;
    overflow-wrap: anywhere;
  }
  .found li {
    margin: 0 0 1.1rem;
  }
  .found p {
    margin: 0.2rem 0 0;
    overflow-wrap: anywhere;
  }
  .found .about {
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
  .mark.no {
    border-color: var(--bad);
  }
  .mark.no strong {
    color: var(--bad);
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
  .long {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  ul.keys {
    list-style: none;
    padding: 0;
    margin: 0;
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
