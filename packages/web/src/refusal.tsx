import { renderPage } from "./page.tsx";

export interface RefusalProps {
  readonly base: string;
  readonly status: number;
  /** Stable error code. */
  readonly code: string;
  /** The one-line sentence that clients print. */
  readonly sentence: string;
}

/** The page for every error: the same sentence that a client gets, for a person who opens the URL. */
export function renderRefusal(props: RefusalProps): string {
  return renderPage({
    title: `${props.status} · Assay`,
    base: props.base,
    children: (
      <>
        <h1>{props.status === 404 ? "Not found" : props.status < 500 ? "Refused" : "Not possible now"}</h1>
        <p class="lead">{props.sentence}</p>
        <dl class="facts">
          <dt>Status</dt>
          <dd>{props.status}</dd>
          <dt>Code</dt>
          <dd>
            <code>{props.code}</code>
          </dd>
        </dl>
      </>
    ),
  });
}
