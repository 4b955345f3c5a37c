import type { ComponentChildren } from "preact";
import { renderToString } from "preact-render-to-string";

interface PageProps {
  readonly title: string;
  /** Base URL of this registry as the reader reached it. */
  readonly base: string;
  /** Which entry of the navigation this page is. */
  readonly here?: "search" | "log" | "sources" | "me";
  /** User name of who is signed in; undefined: nobody; without it the page does not know. */
  readonly who?: string | undefined;
  /** For a page that does not know who reads it, of a server that people have accounts at. */
  readonly hasAccounts?: boolean;
  /** Security keys need the one script there is. */
  readonly hasScript?: boolean;
  readonly children: ComponentChildren;
}

const places = [
  { id: "search", path: "/-/web/search", text: "Packages" },
  { id: "log", path: "/-/web/log", text: "Checksum database" },
  { id: "sources", path: "/-/web/sources", text: "Sources" },
] as const;

function Page(props: PageProps) {
  const { title, base, here, who, hasAccounts = "who" in props, hasScript = false, children } = props;
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <link rel="icon" type="image/svg+xml" href={`${base}/-/web/icon.svg`} />
        <link rel="stylesheet" href={`${base}/-/web/style.css`} />
        {hasScript && <script src={`${base}/-/web/passkey.js`} defer></script>}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header>
          <a class="name" href={`${base}/`}>
            Assay
          </a>
          <span class="quiet motto">every byte verified, written down once</span>
          <nav aria-label="Registry">
            {places.map(({ id, path, text }) => (
              <a key={id} href={`${base}${path}`} aria-current={id === here ? "page" : undefined}>
                {text}
              </a>
            ))}
            {hasAccounts && (
              <a href={`${base}/-/web/me`} aria-current={here === "me" ? "page" : undefined}>
                {"who" in props ? (who === undefined ? "Sign in" : `Signed in as ${who}`) : "Account"}
              </a>
            )}
          </nav>
        </header>
        <main id="main">{children}</main>
        <footer>
          <a href={`${base}/-/web/log`}>Checksum database</a> · <a href={`${base}/-/web/sources`}>Sources</a> ·{" "}
          <a href={`${base}/-/health/ready`}>Health</a>
        </footer>
      </body>
    </html>
  );
}

/** A complete HTML document. Text from outside only ever enters as text nodes and attribute values. */
export function renderPage(props: PageProps): string {
  return `<!doctype html>${renderToString(<Page {...props} />)}`;
}
