import { count } from "./log-place.tsx";
import { renderPage } from "./page.tsx";

export interface FoundPackage {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly license: string;
  /** ISO time. */
  readonly published: string;
}

export interface SearchProps {
  readonly base: string;
  /** What was asked; empty: nothing yet. */
  readonly text: string;
  /** Place of the first package shown, from 0. */
  readonly from: number;
  readonly pageSize: number;
  /** No page begins behind this place. */
  readonly deepest: number;
  readonly total: number;
  readonly packages: readonly FoundPackage[];
}

/** The box that asks for packages; it works without script. */
export function SearchBox({ base, text }: { readonly base: string; readonly text: string }) {
  return (
    <form class="search" action={`${base}/-/web/search`} method="get" role="search">
      <label for="text">Search packages</label>
      <div>
        <input id="text" name="text" type="search" value={text} maxLength={512} autocomplete="off" spellcheck={false} />
        <button type="submit">Search</button>
      </div>
    </form>
  );
}

/** The page at `/-/web/search`. */
export function renderSearch(props: SearchProps): string {
  const { base, text, from, pageSize, deepest, total, packages } = props;
  const pageAt = (place: number) => `${base}/-/web/search?${new URLSearchParams({ text, from: String(place) })}`;
  const next = from + pageSize;
  return renderPage({
    title: text === "" ? "Search" : `Search: ${text}`,
    base,
    hasAccounts: true,
    here: "search",
    children: (
      <>
        <h1>Search</h1>
        <SearchBox base={base} text={text} />
        {text === "" ? (
          <p>
            Words of a name, keyword or description; also <code>keywords:</code>, <code>author:</code>,{" "}
            <code>maintainer:</code> and <code>scope:</code>. What is found are packages known here: hosted, or asked
            for before.
          </p>
        ) : (
          <p role="status">{total === 0 ? "Nothing known here matches." : `${count(total, "package")} known here.`}</p>
        )}
        {packages.length > 0 && (
          <ol class="found" start={from + 1}>
            {packages.map((found) => (
              <li key={found.name}>
                <h2>
                  <a href={`${base}/${found.name}`}>{found.name}</a>
                </h2>
                {found.description !== "" && <p>{found.description}</p>}
                <p class="about">
                  {[found.version, found.license, found.published.slice(0, 10)]
                    .filter((part) => part !== "")
                    .join(" · ")}
                  {found.keywords.length > 0 && ` · ${found.keywords.slice(0, 8).join(", ")}`}
                </p>
              </li>
            ))}
          </ol>
        )}
        {(from > 0 || next < total) && (
          <nav aria-label="Pages">
            {from > 0 && <a href={pageAt(Math.max(0, from - pageSize))}>Before</a>}{" "}
            {next < total && next <= deepest && <a href={pageAt(next)}>Next</a>}
          </nav>
        )}
      </>
    ),
  });
}
