import type { ComponentChildren } from "preact";
import { renderToString } from "preact-render-to-string";

interface PageProps {
  readonly title: string;
  /** Base URL of this registry as the reader reached it. */
  readonly base: string;
  readonly children: ComponentChildren;
}

function Page({ title, base, children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <link rel="icon" type="image/svg+xml" href={`${base}/-/web/icon.svg`} />
        <link rel="stylesheet" href={`${base}/-/web/style.css`} />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header>
          <a href={`${base}/`}>Assay</a>
          <span class="quiet">every byte verified, written down once</span>
        </header>
        <main id="main">{children}</main>
        <footer>
          <a href={`${base}/-/log/`}>Checksum database</a> · <a href={`${base}/-/health/ready`}>Health</a>
        </footer>
      </body>
    </html>
  );
}

/** A complete HTML document. Text from outside only ever enters as text nodes and attribute values. */
export function renderPage(props: PageProps): string {
  return `<!doctype html>${renderToString(<Page {...props} />)}`;
}
