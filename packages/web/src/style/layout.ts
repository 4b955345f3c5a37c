/** The frame of every page. */
export const layout = /* css */ `@layer layout {
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
    overflow-wrap: break-word;
    padding-block: 2rem 3rem;
  }
  footer {
    padding-block: 1rem 2rem;
    border-top: 1px solid var(--line);
    color: var(--quiet);
    font-size: 0.9rem;
  }
}
`;
