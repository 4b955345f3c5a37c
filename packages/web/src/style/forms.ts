/** Forms of people's pages. */
export const forms = /* css */ `@layer parts {
  .form {
    margin: 1.2rem 0;
    max-width: 34rem;
  }
  .field {
    margin: 0 0 0.9rem;
    display: grid;
    gap: 0.3rem;
  }
  .field input:not([type="checkbox"]),
  .field select,
  .form button {
    font: inherit;
    color: inherit;
    background: var(--panel);
    border: 1px solid var(--quiet);
    border-radius: 6px;
    padding: 0.45rem 0.75rem;
    min-width: 0;
  }
  .form button {
    cursor: pointer;
    font-weight: 600;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 0.6rem;
  }
  td .form {
    margin: 0;
  }
  .code {
    font-size: 1.5rem;
    letter-spacing: 0.08em;
  }
  ul.codes {
    columns: 2;
    padding-inline-start: 1.2rem;
    max-width: 34rem;
  }
}
`;
